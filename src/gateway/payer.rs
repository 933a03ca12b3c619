//! The payer's side: what comes of paying an order with a card, a wallet or a bank account.
//!
//! The control plane plays the payer in one step; the pages go through the same judgement step by step.

use serde::Deserialize;

use crate::base::{PaymentMethod, Reason, Seed};
use crate::ledger::{Command, Instrument, InstrumentKind, Order, Target};
use crate::profile::{Authentication, Card, OtpChannel, Profile, Scheme};
use crate::space::{Space, Trace};
use crate::wire::mask;

/// What the payer does. Everything left out is right: `{}` pays with the first card, wallet or
/// account that is approved for the order's method.
#[derive(Clone, Default, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PayRequest {
    /// A number from the table of test cards.
    pub card: Option<String>,
    /// Its security code.
    pub cvv: Option<String>,
    /// Its expiry, `YYYYMM`.
    pub expiry: Option<String>,
    /// The PIN of a PAYON card.
    pub pin: Option<String>,
    /// The one-time password.
    pub otp: Option<String>,
    /// The phone number of a PAYON wallet.
    pub wallet: Option<String>,
    /// The passcode of the wallet.
    pub passcode: Option<String>,
    /// A bank account from the table of test accounts.
    pub bank: Option<String>,
    /// Any reason by name, in place of all that: the payment ends so.
    #[schemars(with = "Option<String>")]
    pub outcome: Option<Reason>,
}

/// What came of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Paid {
    /// The reason that decided.
    pub reason: Reason,
    /// The order afterwards.
    pub order: Order,
}

/// Why the payer could not even try. Nothing was booked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PayError {
    /// No such order.
    #[error("merchant {merchant} has no order {tx_id:?} in the space {space:?}")]
    UnknownOrder {
        /// `merchantId`.
        merchant: String,
        /// `txId`.
        tx_id: String,
        /// The space looked in.
        space: String,
    },
    /// The order's state forbids it.
    #[error("the order is {state}: {}", reason.about())]
    NotPossible {
        /// Why.
        reason: Reason,
        /// The order's state.
        state: &'static str,
    },
    /// Something given is not in the tables, or does not go with the order's method.
    #[error("{field}: {problem}")]
    Input {
        /// Which member.
        field: &'static str,
        /// What is wrong with it and what to give; never repeats a secret.
        problem: String,
    },
}

/// How a payment ends.
enum Verdict {
    Approved(Instrument),
    Declined(Reason, Option<Instrument>),
    /// The issuer never says; the order stays as it is.
    Unknown,
    Cancelled,
    Expired,
}

/// Plays the payer of an order.
pub fn pay(
    space: &Space,
    merchant: &str,
    tx_id: &str,
    request: &PayRequest,
    trace: Trace,
) -> Result<Paid, PayError> {
    change(space, merchant, tx_id, trace, |order, seed| {
        let verdict = judge(space.profile(), order.method, request)?;
        Ok(match verdict {
            Verdict::Approved(instrument) => {
                let number = approval_number(seed, merchant, tx_id);
                (Reason::Success, Some(Command::Approve { number, instrument, late: false }))
            }
            Verdict::Declined(reason, instrument) => {
                (reason, Some(Command::Decline { reason, instrument, late: false }))
            }
            Verdict::Unknown => (Reason::IssuerTimeout, None),
            Verdict::Cancelled => (Reason::PayerCancelled, Some(Command::Cancel)),
            Verdict::Expired => (Reason::OrderExpired, Some(Command::Expire)),
        })
    })
}

/// What a test can make happen to an order from outside.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum TriggerEvent {
    /// Its time runs out now.
    Expire,
    /// The payer gives up.
    Cancel,
    /// The day is closed for it.
    Settle,
    /// The issuer takes its approval back.
    LateDecline,
    /// The issuer approves after all.
    LateApproval,
    /// The issuer takes a captured payment back for the payer.
    Chargeback,
}

/// Makes an event happen to an order.
pub fn trigger(
    space: &Space,
    merchant: &str,
    tx_id: &str,
    event: TriggerEvent,
    trace: Trace,
) -> Result<Paid, PayError> {
    change(space, merchant, tx_id, trace, |order, seed| {
        Ok(match event {
            TriggerEvent::Expire => (Reason::OrderExpired, Some(Command::Expire)),
            TriggerEvent::Cancel => (Reason::PayerCancelled, Some(Command::Cancel)),
            TriggerEvent::Settle => (Reason::Success, Some(Command::Settle)),
            TriggerEvent::LateDecline => {
                let reason = Reason::CardDoNotHonour;
                (reason, Some(Command::Decline { reason, instrument: None, late: true }))
            }
            TriggerEvent::LateApproval => {
                let number = approval_number(seed, merchant, tx_id);
                let instrument = match &order.instrument {
                    Some(instrument) => (**instrument).clone(),
                    None => default_instrument(space.profile(), order.method),
                };
                (Reason::Success, Some(Command::Approve { number, instrument, late: true }))
            }
            TriggerEvent::Chargeback => (Reason::Success, Some(Command::ChargeBack)),
        })
    })
}

/// Finds the order, lets `act` choose what to ask of the ledger, and books it.
fn change(
    space: &Space,
    merchant: &str,
    tx_id: &str,
    trace: Trace,
    act: impl FnOnce(&Order, Seed) -> Result<(Reason, Option<Command<'static>>), PayError>,
) -> Result<Paid, PayError> {
    let unknown = || PayError::UnknownOrder {
        merchant: merchant.to_owned(),
        tx_id: tx_id.to_owned(),
        space: space.name().to_owned(),
    };
    space.enter(|moment| {
        let order = moment.ledger().find(Target::Named { merchant, tx_id }).ok_or_else(unknown)?;
        let (id, state) = (order.id, order.state.name());
        let (reason, command) = act(order, space.seed())?;
        let order = match command {
            None => order.clone(),
            Some(command) => {
                let event = moment
                    .ledger()
                    .decide(moment.now, Target::At(id), command)
                    .map_err(|reason| PayError::NotPossible { reason, state })?;
                moment.book(event, trace).cloned().ok_or_else(unknown)?
            }
        };
        Ok(Paid { reason, order })
    })
}

/// Six digits that depend on the seed and the order alone.
fn approval_number(seed: Seed, merchant: &str, tx_id: &str) -> u32 {
    let lot = seed.number(&[b"approval", merchant.as_bytes(), tx_id.as_bytes()]);
    (lot % 1_000_000) as u32
}

fn judge(
    profile: &Profile,
    method: PaymentMethod,
    request: &PayRequest,
) -> Result<Verdict, PayError> {
    if let Some(outcome) = request.outcome {
        let instrument = default_instrument(profile, method);
        return Ok(match outcome {
            Reason::Success => Verdict::Approved(instrument),
            Reason::PayerCancelled => Verdict::Cancelled,
            Reason::OrderExpired => Verdict::Expired,
            reason => ended(reason, instrument),
        });
    }
    match (&request.card, &request.wallet, &request.bank) {
        (Some(number), None, None) => {
            let card = profile.card(number).ok_or_else(|| {
                input("card", "is not in the table of test cards; no real card belongs here")
            })?;
            by_card(profile, method, card, request)
        }
        (None, Some(phone), None) => by_wallet(profile, method, phone, request),
        (None, None, Some(account)) => by_bank(profile, method, account),
        (None, None, None) => match default_source(profile, method) {
            Some(Source::Card(card)) => by_card(profile, method, card, request),
            Some(Source::Bank(account)) => by_bank(profile, method, account),
            None => Err(input("card", "the profile has nothing that is approved for this method")),
        },
        _ => Err(input("card", "give only one of card, wallet and bank")),
    }
}

fn input(field: &'static str, problem: impl Into<String>) -> PayError {
    PayError::Input { field, problem: problem.into() }
}

fn ended(reason: Reason, instrument: Instrument) -> Verdict {
    match reason {
        Reason::Success => Verdict::Approved(instrument),
        Reason::IssuerTimeout => Verdict::Unknown,
        reason => Verdict::Declined(reason, Some(instrument)),
    }
}

/// Paying with a card: what was entered first, then what the card's row says.
fn by_card(
    profile: &Profile,
    method: PaymentMethod,
    card: &Card,
    request: &PayRequest,
) -> Result<Verdict, PayError> {
    let own = if card.scheme == Scheme::Payon {
        PaymentMethod::Payon
    } else {
        PaymentMethod::CreditDebit
    };
    if method != own {
        let problem = format!("pays orders of {}, this one is {}", own.name(), method.name());
        return Err(input("card", problem));
    }
    let instrument = card_instrument(card);
    let differs = |given: &Option<String>, right: Option<&str>| {
        given.as_deref().is_some_and(|given| right.is_some_and(|right| given != right))
    };
    let channel = if card.scheme == Scheme::Payon { OtpChannel::Sms } else { OtpChannel::Acs };
    let asks_otp = card.scheme == Scheme::Payon || card.authentication == Authentication::Challenge;
    let entered = [
        (differs(&request.expiry, Some(&card.expiry)), Reason::CardExpiryMismatch),
        (differs(&request.cvv, card.cvv.as_deref()), Reason::CardWrongCvv),
        (differs(&request.pin, card.pin.as_deref()), Reason::CardWrongPin),
        (
            asks_otp && differs(&request.otp, Some(profile.payers.otp.right(channel))),
            Reason::OtpWrong,
        ),
    ];
    let wrong = entered.into_iter().find(|(wrong, _)| *wrong).map(|(_, reason)| reason);
    Ok(ended(wrong.unwrap_or(card.outcome), instrument))
}

fn by_wallet(
    profile: &Profile,
    method: PaymentMethod,
    phone: &str,
    request: &PayRequest,
) -> Result<Verdict, PayError> {
    if !method.shows_qr() {
        let problem = format!("pays by QR, and orders of {} show none", method.name());
        return Err(input("wallet", problem));
    }
    let wallet = profile.payers.wallet(phone).ok_or_else(|| {
        input("wallet", "is not the phone number of a test wallet; the profile lists them")
    })?;
    let instrument =
        Instrument { kind: InstrumentKind::PayonWallet, account: mask::last_four(phone).into() };
    let right = request.passcode.as_deref().is_none_or(|given| given == wallet.passcode);
    Ok(ended(if right { wallet.outcome } else { Reason::PasscodeWrong }, instrument))
}

fn by_bank(profile: &Profile, method: PaymentMethod, account: &str) -> Result<Verdict, PayError> {
    let kind = match method {
        PaymentMethod::PpcbankTransfer => InstrumentKind::Ppcbank,
        PaymentMethod::BakongKhqr => InstrumentKind::Khqr,
        _ => {
            let problem = format!("does not pay orders of {}", method.name());
            return Err(input("bank", problem));
        }
    };
    let row = profile.payers.bank_account(account).ok_or_else(|| {
        input("bank", "is not the number of a test account; the profile lists them")
    })?;
    if method == PaymentMethod::PpcbankTransfer && row.bank != PPCBANK {
        return Err(input("bank", "is not at PPCBank, whose app pays orders of PPCBANK_TRANSFER"));
    }
    Ok(ended(row.outcome, Instrument { kind, account: row.masked().into() }))
}

/// The bank whose accounts pay PPCBANK_TRANSFER.
const PPCBANK: &str = "PPCBank";

/// What pays where the payer names nothing.
enum Source<'p> {
    Card(&'p Card),
    Bank(&'p str),
}

fn default_source(profile: &Profile, method: PaymentMethod) -> Option<Source<'_>> {
    match method {
        PaymentMethod::Payon | PaymentMethod::CreditDebit => profile
            .cards
            .iter()
            .filter(|card| (card.scheme == Scheme::Payon) == (method == PaymentMethod::Payon))
            .find(|card| card.outcome == Reason::Success)
            .map(Source::Card),
        PaymentMethod::PpcbankTransfer | PaymentMethod::BakongKhqr => profile
            .payers
            .banks
            .iter()
            .filter(|row| (row.bank == PPCBANK) == (method == PaymentMethod::PpcbankTransfer))
            .find(|row| row.outcome == Reason::Success)
            .map(|row| Source::Bank(&row.account)),
    }
}

fn default_instrument(profile: &Profile, method: PaymentMethod) -> Instrument {
    match (default_source(profile, method), method) {
        (Some(Source::Card(card)), _) => card_instrument(card),
        (Some(Source::Bank(account)), PaymentMethod::PpcbankTransfer) => {
            Instrument { kind: InstrumentKind::Ppcbank, account: mask::last_four(account).into() }
        }
        (Some(Source::Bank(account)), _) => {
            Instrument { kind: InstrumentKind::Khqr, account: mask::last_four(account).into() }
        }
        (None, _) => Instrument { kind: InstrumentKind::Card, account: mask::last_four("").into() },
    }
}

fn card_instrument(card: &Card) -> Instrument {
    let kind =
        if card.scheme == Scheme::Payon { InstrumentKind::PayonCard } else { InstrumentKind::Card };
    Instrument { kind, account: mask::last_four(&card.number).into() }
}
