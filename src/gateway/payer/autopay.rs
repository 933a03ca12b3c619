//! A payer in one go: the steps of the pages, taken one after the other.

use serde::{Deserialize, Serialize};

use super::instrument;
use super::pay_error::{PayError, input};
use super::step::{AcsReturn, PaymentEnd, Turn, TypedCard, ended};
use super::step_machine::{Input, card_of, enter_passcode, payable, step};
use crate::base::Reason;
use crate::ledger::{BindingId, Order, PayerStep};
use crate::profile::{Authentication, OtpChannel};
use crate::space::{Space, Transaction};

/// Entries of the payer. Everything left out is right: `{}` pays with the first card, wallet or
/// account that is approved for the order's method.
#[derive(Clone, Default, Deserialize, Serialize, schemars::JsonSchema)]
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
    /// The passcode of the wallet, or of the client for a saved card.
    pub passcode: Option<String>,
    /// The `bindingId` of a saved card of the order's client; not needed where the order names one.
    pub binding: Option<String>,
    /// A bank account from the table of test accounts.
    pub bank: Option<String>,
    /// Any reason by name, in place of all that: the payment ends so.
    #[schemars(with = "Option<String>")]
    pub outcome: Option<Reason>,
}

/// Pays `order` as `request` says. Whatever is entered wrongly ends the payment: this payer gives
/// up at once, where one at the pages may try again.
pub(super) fn autopay(
    space: &Space,
    transaction: &mut Transaction<'_>,
    order: &Order,
    request: &PayRequest,
) -> Result<PaymentEnd, PayError> {
    let profile = space.profile();
    payable(transaction, order)?;
    if let Some(outcome) = request.outcome {
        return Ok(ended(outcome, instrument::of_first(profile, order.method)));
    }
    let mut order = order.clone();
    order.progress = None;
    let mut taken = begin(space, transaction, &order, request)?;
    loop {
        let progress = match taken {
            Turn::End(verdict) => return Ok(verdict),
            // No password is right on this page, so the payer uses up its tries.
            Turn::Again(progress, _)
                if progress.step == PayerStep::Acs(Authentication::WrongOtp) =>
            {
                progress
            }
            Turn::Again(progress, reason) => {
                let card = card_of(profile, transaction, progress);
                return Ok(PaymentEnd::Declined(reason, card.map(instrument::of_card)));
            }
            Turn::Next(progress) => progress,
        };
        order.progress = Some(Box::new(progress));
        let otp = |channel| request.otp.as_deref().unwrap_or(profile.payers.otp.right(channel));
        let next = match progress.step {
            PayerStep::Enter | PayerStep::Unanswered => return Err(input("card", "is needed")),
            PayerStep::Passcode => {
                let Some(passcode) = &request.passcode else {
                    taken = enter_passcode(space, transaction, progress, |_, _| true);
                    continue;
                };
                Input::Passcode(passcode)
            }
            PayerStep::Channel => Input::Channel(OtpChannel::Sms),
            PayerStep::Otp(channel) => Input::Otp(otp(channel)),
            PayerStep::Acs(Authentication::Challenge) => {
                Input::Acs(progress.round, AcsReturn::Otp(otp(OtpChannel::Acs)))
            }
            PayerStep::Acs(_) => Input::Acs(progress.round, AcsReturn::Unasked),
        };
        taken = step(space, transaction, &order, next)?;
    }
}

/// The first step: what the request names, or the saved card of the order, or the first card or
/// account of the profile that is approved.
fn begin(
    space: &Space,
    transaction: &mut Transaction<'_>,
    order: &Order,
    request: &PayRequest,
) -> Result<Turn, PayError> {
    let PayRequest { card, wallet, bank, binding, .. } = request;
    let typed = |number| TypedCard {
        number,
        expiry: request.expiry.as_deref(),
        cvv: request.cvv.as_deref(),
        pin: request.pin.as_deref(),
    };
    let named = order.details().binding_id.is_some();
    let first = match (card, wallet, bank, binding) {
        (Some(number), None, None, None) => Input::Card(typed(number)),
        (None, Some(phone), None, None) => Input::Wallet(phone, request.passcode.as_deref()),
        (None, None, Some(account), None) => Input::Bank(account),
        (None, None, None, Some(id)) => {
            let problem = || input("binding", "is not a bindingId: those are UUIDs");
            Input::Binding(Some(BindingId::parse(id).ok_or_else(problem)?))
        }
        (None, None, None, None) if named => Input::Binding(None),
        (None, None, None, None) => {
            match instrument::first_approved(space.profile(), order.method) {
                Some(instrument::First::Card(card)) => Input::Card(typed(&card.number)),
                Some(instrument::First::Bank(row)) => Input::Bank(&row.account),
                None => {
                    let problem = "the profile has nothing that is approved for this method";
                    return Err(input("card", problem));
                }
            }
        }
        _ => return Err(input("card", "give only one of card, wallet, bank and binding")),
    };
    step(space, transaction, order, first)
}
