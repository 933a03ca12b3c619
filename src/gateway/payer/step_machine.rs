//! One step of a payer within its space: what the order asks, held against what the payer does.

use super::super::bindings;
use super::pay_error::{PayError, input, not_possible};
use super::step::{self, AcsReturn, PaymentEnd, Turn, TypedCard};
use crate::base::Reason;
use crate::ledger::{
    Binding, BindingId, Client, Command, Order, PayerStep, PaymentSource, Progress, Target,
};
use crate::profile::{Card, OtpChannel, Profile};
use crate::space::{Space, Transaction};

/// Input of the payer at one step.
#[derive(Clone, Copy)]
pub enum Input<'a> {
    /// Types a card.
    Card(TypedCard<'a>),
    /// Chooses a saved card of the order's client; the one that the order names where `None`.
    Binding(Option<BindingId>),
    /// Enters the passcode for the saved card.
    Passcode(&'a str),
    /// Chooses where the one-time password goes, or asks for another one.
    Channel(OtpChannel),
    /// Enters the one-time password.
    Otp(&'a str),
    /// Comes back from the issuer's page of that [`Progress::round`].
    Acs(u32, AcsReturn<'a>),
    /// Pays with a wallet's app: its phone number and passcode, which counts as right when left out.
    Wallet(&'a str, Option<&'a str>),
    /// Pays with a bank's app.
    Bank(&'a str),
    /// Gives up.
    Cancel,
}

/// Refuses a step of an order that takes no payment any more.
pub(super) fn payable(transaction: &Transaction<'_>, order: &Order) -> Result<(), PayError> {
    let asked = transaction.ledger().decide(transaction.now, Target::At(order.id), Command::Cancel);
    asked.map(drop).map_err(|reason| not_possible(reason, order))
}

/// One step: what the order's payer is asked, held against what it does.
pub(super) fn step(
    space: &Space,
    transaction: &mut Transaction<'_>,
    order: &Order,
    does: Input<'_>,
) -> Result<Turn, PayError> {
    let (profile, now) = (&**space.profile(), transaction.now);
    let progress = order.progress.as_deref().copied().unwrap_or_default();
    let named = order.details().binding_id.is_some();
    match (progress.step, does) {
        // Whoever pays again now may pay twice.
        (PayerStep::Unanswered, _) => Err(not_possible(Reason::IssuerTimeout, order)),
        (_, Input::Cancel) => Ok(Turn::End(PaymentEnd::Cancelled)),
        (_, Input::Card(_) | Input::Wallet(..) | Input::Bank(_)) if named => {
            Err(input("card", "or account does not pay this order, which names a saved card"))
        }
        (_, Input::Card(typed)) => step::type_card(profile, order, progress, &typed, now),
        (_, Input::Wallet(phone, passcode)) => step::pay_by_wallet(profile, order, phone, passcode),
        (_, Input::Bank(account)) => step::pay_by_bank(profile, order, account),
        (_, Input::Binding(id)) => choose_binding(profile, transaction, order, progress, id),
        (PayerStep::Passcode, Input::Passcode(passcode)) => {
            Ok(enter_passcode(space, transaction, progress, |transaction, binding| {
                bindings::passcode_is_right(profile, transaction, binding, passcode)
            }))
        }
        (PayerStep::Channel | PayerStep::Otp(_), Input::Channel(channel)) => {
            step::choose_channel(progress, now, channel)
        }
        (PayerStep::Otp(channel), Input::Otp(otp)) => {
            Ok(match card_of(profile, transaction, progress) {
                Some(card) => step::enter_otp(profile, card, progress, channel, now, otp),
                None => binding_gone(),
            })
        }
        (PayerStep::Acs(page), Input::Acs(round, back)) if round == progress.round => {
            Ok(match card_of(profile, transaction, progress) {
                Some(card) => step::return_from_acs(profile, card, progress, page, back, now),
                None => binding_gone(),
            })
        }
        _ => Err(not_possible(Reason::StateNotAllowed, order)),
    }
}

/// The payment fails because its saved card ended meanwhile.
fn binding_gone() -> Turn {
    Turn::End(PaymentEnd::Declined(Reason::BindingNotFound, None))
}

/// The card that the payer pays with; `None` once its binding has ended.
pub(super) fn card_of<'p>(
    profile: &'p Profile,
    transaction: &Transaction<'_>,
    progress: Progress,
) -> Option<&'p Card> {
    let row = match progress.source? {
        PaymentSource::Card(row) => row,
        PaymentSource::Binding(id) => transaction.ledger().bindings().get(id)?.card,
    };
    profile.cards.get(row.0 as usize)
}

/// A saved card is chosen: the one that the order names, or else any of the order's client. One
/// that the order names and that has ended or is locked fails the payment.
fn choose_binding(
    profile: &Profile,
    transaction: &Transaction<'_>,
    order: &Order,
    progress: Progress,
    chosen: Option<BindingId>,
) -> Result<Turn, PayError> {
    let (details, terminal) = (order.details(), transaction.ledger().terminal(order));
    let named = details.binding_id.as_deref();
    let id = match named {
        Some(named) => BindingId::parse(named),
        None => chosen,
    };
    let (Some(id), Some(client)) = (id, details.client_id.as_deref()) else {
        return Err(input("binding", "is needed, and the order names neither one nor a clientId"));
    };
    if named.is_some() && chosen.is_some_and(|chosen| chosen != id) {
        return Err(input("binding", "is not the saved card that the order names"));
    }
    let client = Client { merchant: &terminal.merchant, client };
    let bindings = transaction.ledger().bindings();
    match bindings.usable(client, id) {
        Ok(binding) if binding.method == order.method => {}
        Ok(_) => {
            let problem = format!("is a card that does not pay orders of {}", order.method);
            return Err(input("binding", problem));
        }
        Err(reason) if named.is_some() => {
            return Ok(Turn::End(PaymentEnd::Declined(reason, None)));
        }
        Err(reason) => return Err(input("binding", reason.about())),
    }
    let unasked = bindings.customer(client).is_some_and(|customer| customer.unasked);
    let progress = Progress { source: Some(PaymentSource::Binding(id)), ..progress };
    Ok(match card_of(profile, transaction, progress) {
        Some(card) => step::choose_binding(card, progress, unasked, transaction.now),
        None => binding_gone(),
    })
}

/// The passcode for the chosen saved card is entered; `right` says whether it is.
pub(super) fn enter_passcode(
    space: &Space,
    transaction: &mut Transaction<'_>,
    progress: Progress,
    right: impl FnOnce(&Transaction<'_>, &Binding) -> bool,
) -> Turn {
    let profile = space.profile();
    let (Some(PaymentSource::Binding(id)), Some(card)) =
        (progress.source, card_of(profile, transaction, progress))
    else {
        return binding_gone();
    };
    let right =
        transaction.ledger().bindings().get(id).is_some_and(|binding| right(transaction, binding));
    let judged = transaction.bindings().passcode_entered(id, right, profile.rules.passcode_tries);
    step::enter_passcode(card, progress, judged, transaction.now)
}
