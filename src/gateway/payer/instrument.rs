//! Instruments of payments, and the first choice where the payer names nothing.

use crate::base::{PaymentMethod, Reason};
use crate::ledger::{Instrument, InstrumentKind};
use crate::profile::{BankAccount, Card, CardBrand, Profile, Wallet};
use crate::wire::mask;

/// The bank whose accounts pay PPCBANK_TRANSFER.
pub(super) const PPCBANK: &str = "PPCBank";

/// Instrument where the payer names nothing.
pub(super) enum First<'p> {
    Card(&'p Card),
    Bank(&'p BankAccount),
}

/// The first card or account of the profile that is approved for orders of `method`.
pub(super) fn first_approved(profile: &Profile, method: PaymentMethod) -> Option<First<'_>> {
    match method {
        PaymentMethod::Payon | PaymentMethod::CreditDebit => profile
            .cards
            .iter()
            .filter(|card| method_of(card) == method)
            .find(|card| card.outcome == Reason::Success)
            .map(First::Card),
        PaymentMethod::PpcbankTransfer | PaymentMethod::BakongKhqr => profile
            .payers
            .banks
            .iter()
            .filter(|row| (row.bank == PPCBANK) == (method == PaymentMethod::PpcbankTransfer))
            .find(|row| row.outcome == Reason::Success)
            .map(First::Bank),
    }
}

/// Instrument of an order of `method` where nobody says.
pub(super) fn of_first(profile: &Profile, method: PaymentMethod) -> Instrument {
    match first_approved(profile, method) {
        Some(First::Card(card)) => of_card(card),
        Some(First::Bank(row)) => of_bank(row, method),
        None => Instrument { kind: InstrumentKind::Card, account: mask::last_four("").into() },
    }
}

/// Instrument of a QR order's paying app: it names no account, so the first wallet or account
/// that pays stands for it.
pub(in crate::gateway) fn of_app(profile: &Profile, method: PaymentMethod) -> Instrument {
    let mut wallets = profile.payers.wallets.iter();
    match wallets.find(|wallet| wallet.outcome == Reason::Success) {
        Some(wallet) if method == PaymentMethod::Payon => of_wallet(wallet),
        _ => of_first(profile, method),
    }
}

pub(super) fn of_card(card: &Card) -> Instrument {
    let kind = if card.scheme == CardBrand::Payon {
        InstrumentKind::PayonCard
    } else {
        InstrumentKind::Card
    };
    Instrument { kind, account: mask::last_four(&card.number).into() }
}

pub(super) fn of_wallet(wallet: &Wallet) -> Instrument {
    let account = mask::last_four(&wallet.phone).into();
    Instrument { kind: InstrumentKind::PayonWallet, account }
}

pub(super) fn of_bank(row: &BankAccount, method: PaymentMethod) -> Instrument {
    let kind = match method {
        PaymentMethod::PpcbankTransfer => InstrumentKind::Ppcbank,
        _ => InstrumentKind::Khqr,
    };
    Instrument { kind, account: row.masked().into() }
}

/// The method whose orders a card pays.
pub(in crate::gateway) fn method_of(card: &Card) -> PaymentMethod {
    if card.scheme == CardBrand::Payon { PaymentMethod::Payon } else { PaymentMethod::CreditDebit }
}
