//! One step of a payer within its space: what the order asks, held against what the payer does.

use super::super::bindings;
use super::step::{self, Turn, Verdict};
use super::{Input, PayError, input, not_possible};
use crate::base::Reason;
use crate::ledger::{Binding, BindingId, Client, Order, Progress, Source, Step};
use crate::profile::{Card, Profile};
use crate::space::{Moment, Space};

/// One step: what the order's payer is asked, held against what it does.
pub(super) fn turn(
    space: &Space,
    moment: &mut Moment<'_>,
    order: &Order,
    does: Input<'_>,
) -> Result<Turn, PayError> {
    let (profile, now) = (&**space.profile(), moment.now);
    let progress = order.progress.as_deref().copied().unwrap_or_default();
    let named = order.details().binding_id.is_some();
    match (progress.step, does) {
        // Whoever pays again now may pay twice.
        (Step::Unanswered, _) => Err(not_possible(Reason::IssuerTimeout, order)),
        (_, Input::Cancel) => Ok(Turn::End(Verdict::Cancelled)),
        (_, Input::Card(_) | Input::Wallet(..) | Input::Bank(_)) if named => {
            Err(input("card", "or account does not pay this order, which names a saved card"))
        }
        (_, Input::Card(typed)) => step::type_card(profile, order, progress, &typed, now),
        (_, Input::Wallet(phone, passcode)) => step::pay_by_wallet(profile, order, phone, passcode),
        (_, Input::Bank(account)) => step::pay_by_bank(profile, order, account),
        (_, Input::Binding(id)) => choose_binding(profile, moment, order, progress, id),
        (Step::Passcode, Input::Passcode(passcode)) => {
            Ok(enter_passcode(space, moment, progress, |moment, binding| {
                bindings::passcode_is_right(space, moment.ledger(), binding, passcode)
            }))
        }
        (Step::Channel | Step::Otp(_), Input::Channel(channel)) => {
            step::choose_channel(progress, now, channel)
        }
        (Step::Otp(channel), Input::Otp(otp)) => Ok(match card_of(profile, moment, progress) {
            Some(card) => step::enter_otp(profile, card, progress, channel, now, otp),
            None => binding_gone(),
        }),
        (Step::Acs(page), Input::Acs(round, back)) if round == progress.round => {
            Ok(match card_of(profile, moment, progress) {
                Some(card) => step::return_from_acs(profile, card, progress, page, back, now),
                None => binding_gone(),
            })
        }
        _ => Err(not_possible(Reason::StateNotAllowed, order)),
    }
}

/// The payment fails because its saved card ended meanwhile.
fn binding_gone() -> Turn {
    Turn::End(Verdict::Declined(Reason::BindingNotFound, None))
}

/// The card that the payer pays with; `None` once its binding has ended.
pub(super) fn card_of<'p>(
    profile: &'p Profile,
    moment: &Moment<'_>,
    progress: Progress,
) -> Option<&'p Card> {
    let row = match progress.source? {
        Source::Card(row) => row,
        Source::Binding(id) => moment.ledger().bindings().get(id)?.card,
    };
    profile.cards.get(row.0 as usize)
}

/// A saved card is chosen: the one that the order names, or else any of the order's client. One
/// that the order names and that has ended or is locked fails the payment.
fn choose_binding(
    profile: &Profile,
    moment: &Moment<'_>,
    order: &Order,
    progress: Progress,
    chosen: Option<BindingId>,
) -> Result<Turn, PayError> {
    let (details, party) = (order.details(), moment.ledger().party(order));
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
    let client = Client { merchant: &party.merchant, client };
    let bindings = moment.ledger().bindings();
    match bindings.usable(client, id) {
        Ok(binding) if binding.method == order.method => {}
        Ok(_) => {
            let problem = format!("is a card that does not pay orders of {}", order.method);
            return Err(input("binding", problem));
        }
        Err(reason) if named.is_some() => {
            return Ok(Turn::End(Verdict::Declined(reason, None)));
        }
        Err(reason) => return Err(input("binding", reason.about())),
    }
    let unasked = bindings.customer(client).is_some_and(|customer| customer.unasked);
    let progress = Progress { source: Some(Source::Binding(id)), ..progress };
    Ok(match card_of(profile, moment, progress) {
        Some(card) => step::choose_binding(card, progress, unasked, moment.now),
        None => binding_gone(),
    })
}

/// The passcode for the chosen saved card is entered; `right` says whether it is.
pub(super) fn enter_passcode(
    space: &Space,
    moment: &mut Moment<'_>,
    progress: Progress,
    right: impl FnOnce(&Moment<'_>, &Binding) -> bool,
) -> Turn {
    let profile = space.profile();
    let (Some(Source::Binding(id)), Some(card)) =
        (progress.source, card_of(profile, moment, progress))
    else {
        return binding_gone();
    };
    let right = moment.ledger().bindings().get(id).is_some_and(|binding| right(moment, binding));
    let judged = moment.bindings().passcode_entered(id, right, profile.rules.passcode_tries);
    step::enter_passcode(card, progress, judged, moment.now)
}
