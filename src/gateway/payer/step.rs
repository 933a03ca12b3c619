//! The payer's steps, one function each: what was entered in, the next step or the end out.
//!
//! Nothing here changes anything. Both the pages, which go one step at a time, and the control
//! plane, which plays a payer in one go, judge by these functions.

use super::instrument;
use super::pay_error::{PayError, input};
use crate::base::{Millis, PaymentMethod, Reason};
use crate::ledger::{CardRow, Instrument, Order, PayerStep, PaymentSource, Progress};
use crate::profile::{Authentication, Card, OtpChannel, Profile};

/// End of a payment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum PaymentEnd {
    /// The issuer approves.
    Approved(Instrument),
    /// The payment is declined.
    Declined(Reason, Option<Instrument>),
    /// The issuer never says; the order stays as it is.
    Unknown,
    /// The payer gives up.
    Cancelled,
    /// Time runs out.
    Expired,
}

impl PaymentEnd {
    /// The reason that the payer hears.
    pub(super) const fn reason(&self) -> Reason {
        match self {
            Self::Approved(_) => Reason::Success,
            Self::Declined(reason, _) => *reason,
            Self::Unknown => Reason::IssuerTimeout,
            Self::Cancelled => Reason::PayerCancelled,
            Self::Expired => Reason::OrderExpired,
        }
    }
}

/// Result of one step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Turn {
    /// It was right; [`Progress::step`] is next.
    Next(Progress),
    /// It was wrong for this reason, and may be tried again.
    Again(Progress, Reason),
    /// It was the last step.
    End(PaymentEnd),
}

/// A card as the payer types it. What is left out counts as right; the pages leave nothing out.
#[derive(Clone, Copy, Default)]
pub struct TypedCard<'a> {
    /// The number.
    pub number: &'a str,
    /// `YYYYMM`.
    pub expiry: Option<&'a str>,
    /// The security code.
    pub cvv: Option<&'a str>,
    /// The PIN of a PAYON card.
    pub pin: Option<&'a str>,
}

/// Data that comes back from the issuer's page.
#[derive(Clone, Copy)]
pub enum AcsReturn<'a> {
    /// The issuer asked nothing of the payer.
    Unasked,
    /// The one-time password that the payer entered there.
    Otp(&'a str),
    /// The issuer vouches that its challenge was passed.
    Passed,
    /// The payer left the page.
    Left,
}

/// The end that `reason` is, for a payment with `instrument`.
pub(super) fn ended(reason: Reason, instrument: Instrument) -> PaymentEnd {
    match reason {
        Reason::Success => PaymentEnd::Approved(instrument),
        Reason::IssuerTimeout => PaymentEnd::Unknown,
        Reason::PayerCancelled => PaymentEnd::Cancelled,
        Reason::OrderExpired => PaymentEnd::Expired,
        reason => PaymentEnd::Declined(reason, Some(instrument)),
    }
}

/// A card is typed: its number must be in the tables and go with the order, then expiry, security
/// code and PIN are looked at in that order. Wrong PINs count; the others end the payment.
pub(super) fn type_card(
    profile: &Profile,
    order: &Order,
    progress: Progress,
    typed: &TypedCard<'_>,
    now: Millis,
) -> Result<Turn, PayError> {
    let row =
        profile.cards.iter().position(|card| card.number == typed.number).ok_or_else(|| {
            input("card", "is not in the table of test cards; no real card belongs here")
        })?;
    let card = &profile.cards[row];
    let own = instrument::method_of(card);
    if own != order.method {
        let problem = format!("pays orders of {own}, this one is {}", order.method);
        return Err(input("card", problem));
    }
    let source = Some(PaymentSource::Card(CardRow(row as u32)));
    let wrong = |given: Option<&str>, right: Option<&str>| {
        given.is_some_and(|given| right.is_some_and(|right| given != right))
    };
    let declined = |reason| Ok(Turn::End(ended(reason, instrument::of_card(card))));
    if wrong(typed.expiry, Some(&card.expiry)) {
        return declined(Reason::CardExpiryMismatch);
    }
    if wrong(typed.cvv, card.cvv.as_deref()) {
        return declined(Reason::CardWrongCvv);
    }
    if wrong(typed.pin, card.pin.as_deref()) {
        let wrong_pins = progress.wrong_pins.saturating_add(1);
        if wrong_pins >= profile.rules.pin_tries {
            return declined(Reason::CardPinTriesExceeded);
        }
        let progress = Progress { source, step: PayerStep::Enter, wrong_pins, ..progress };
        return Ok(Turn::Again(progress, Reason::CardWrongPin));
    }
    Ok(after_card(card, Progress { source, ..progress }, now))
}

/// The card is known to be the payer's: a PAYON card goes to the one-time password, another to its
/// issuer's page, which sends one as well, or straight to the end where it takes no part in 3-D
/// Secure.
fn after_card(card: &Card, progress: Progress, now: Millis) -> Turn {
    if instrument::method_of(card) == PaymentMethod::Payon {
        return Turn::Next(Progress { step: PayerStep::Channel, ..progress });
    }
    match card.authentication {
        Authentication::None => Turn::End(ended(card.outcome, instrument::of_card(card))),
        page => Turn::Next(Progress {
            step: PayerStep::Acs(page),
            round: progress.round.wrapping_add(1),
            sent: now,
            ..progress
        }),
    }
}

/// A saved card is chosen: the passcode is next, unless the client has turned that off.
pub(super) fn choose_binding(card: &Card, progress: Progress, unasked: bool, now: Millis) -> Turn {
    if unasked {
        after_card(card, progress, now)
    } else {
        Turn::Next(Progress { step: PayerStep::Passcode, ..progress })
    }
}

/// The passcode for a saved card was entered and `judged`.
pub(super) fn enter_passcode(
    card: &Card,
    progress: Progress,
    judged: Result<(), Reason>,
    now: Millis,
) -> Turn {
    match judged {
        Ok(()) => after_card(card, progress, now),
        Err(Reason::PasscodeWrong) => Turn::Again(progress, Reason::PasscodeWrong),
        Err(reason) => Turn::End(ended(reason, instrument::of_card(card))),
    }
}

/// The payer says where the one-time password is to be sent, which is sent at once. Wrong ones so
/// far still count.
pub(super) fn choose_channel(
    progress: Progress,
    now: Millis,
    channel: OtpChannel,
) -> Result<Turn, PayError> {
    if channel == OtpChannel::Acs {
        return Err(input("channel", "is sms or email"));
    }
    Ok(Turn::Next(Progress { step: PayerStep::Otp(channel), sent: now, ..progress }))
}

/// The one-time password was entered: too late, wrong, or right.
pub(super) fn enter_otp(
    profile: &Profile,
    card: &Card,
    progress: Progress,
    channel: OtpChannel,
    now: Millis,
    otp: &str,
) -> Turn {
    if otp_has_expired(profile, &progress, now) {
        let progress = Progress { step: PayerStep::Channel, ..progress };
        return Turn::Again(progress, Reason::OtpExpired);
    }
    if otp == profile.payers.otp.right(channel) {
        return Turn::End(ended(card.outcome, instrument::of_card(card)));
    }
    wrong_otp(profile, card, progress)
}

/// Returns true if the one-time password that was sent last is valid no longer.
pub(in crate::gateway) fn otp_has_expired(
    profile: &Profile,
    progress: &Progress,
    now: Millis,
) -> bool {
    now > progress.sent.plus(profile.rules.otp_lifetime_ms)
}

fn wrong_otp(profile: &Profile, card: &Card, progress: Progress) -> Turn {
    let wrong_otps = progress.wrong_otps.saturating_add(1);
    if wrong_otps >= profile.rules.otp_tries {
        return Turn::End(ended(Reason::OtpTriesExceeded, instrument::of_card(card)));
    }
    Turn::Again(Progress { wrong_otps, ..progress }, Reason::OtpWrong)
}

/// The payer is back from the issuer's page, which acts as the card's row says. For a one-time
/// password that came too late the issuer sends another.
pub(super) fn return_from_acs(
    profile: &Profile,
    card: &Card,
    progress: Progress,
    page: Authentication,
    back: AcsReturn<'_>,
    now: Millis,
) -> Turn {
    let right = profile.payers.otp.right(OtpChannel::Acs);
    let reason = match (page, back) {
        (_, AcsReturn::Left) | (Authentication::Abandoned, _) => Reason::AcsAbandoned,
        (Authentication::Unavailable, _) => Reason::AcsUnavailable,
        (Authentication::Rejected, _) => Reason::AcsRejected,
        // Nor is a return that claims a challenge was passed unasked the issuer's own.
        (Authentication::Mismatch, _) | (Authentication::Challenge, AcsReturn::Unasked) => {
            Reason::AcsMismatch
        }
        (Authentication::Challenge | Authentication::WrongOtp, AcsReturn::Otp(_))
            if otp_has_expired(profile, &progress, now) =>
        {
            return Turn::Again(Progress { sent: now, ..progress }, Reason::OtpExpired);
        }
        (Authentication::WrongOtp, _) => return wrong_otp(profile, card, progress),
        (Authentication::Challenge, AcsReturn::Otp(otp)) if otp == right => card.outcome,
        (Authentication::Challenge, AcsReturn::Otp(_)) => {
            return wrong_otp(profile, card, progress);
        }
        (Authentication::Challenge, AcsReturn::Passed)
        | (
            Authentication::None
            | Authentication::Frictionless
            | Authentication::Attempted
            | Authentication::Slow,
            _,
        ) => card.outcome,
    };
    Turn::End(ended(reason, instrument::of_card(card)))
}

/// The wallet's app has scanned the QR and pays.
pub(super) fn pay_by_wallet(
    profile: &Profile,
    order: &Order,
    phone: &str,
    passcode: Option<&str>,
) -> Result<Turn, PayError> {
    if !order.method.shows_qr() {
        let problem = format!("pays by QR, and orders of {} show none", order.method);
        return Err(input("wallet", problem));
    }
    let wallet = profile.payers.wallet(phone).ok_or_else(|| {
        input("wallet", "is not the phone number of a test wallet; the profile lists them")
    })?;
    let right = passcode.is_none_or(|given| given == wallet.passcode);
    let reason = if right { wallet.outcome } else { Reason::PasscodeWrong };
    Ok(Turn::End(ended(reason, instrument::of_wallet(wallet))))
}

/// A bank's app pays.
pub(super) fn pay_by_bank(
    profile: &Profile,
    order: &Order,
    account: &str,
) -> Result<Turn, PayError> {
    let method = order.method;
    if !matches!(method, PaymentMethod::PpcbankTransfer | PaymentMethod::BakongKhqr) {
        return Err(input("bank", format!("does not pay orders of {method}")));
    }
    let row = profile.payers.bank_account(account).ok_or_else(|| {
        input("bank", "is not the number of a test account; the profile lists them")
    })?;
    if method == PaymentMethod::PpcbankTransfer && row.bank != instrument::PPCBANK {
        return Err(input("bank", "is not at PPCBank, whose app pays orders of PPCBANK_TRANSFER"));
    }
    Ok(Turn::End(ended(row.outcome, instrument::of_bank(row, method))))
}
