//! Explanation of a journalled request, worked out on demand: nothing of it is kept with the request.

use super::record::card_of_order;
use crate::base::{Fields, OrderState};
use crate::ledger::{Change, Order};
use crate::profile::{Card, Profile};
use crate::space::JournalEntry;

/// Explanation of a request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Hindsight<'p> {
    /// State of its order before it; `None` where there was no order.
    pub before: Option<OrderState>,
    /// State of its order after what the request did to it.
    pub after: Option<OrderState>,
    /// The test card that decided.
    pub card: Option<&'p Card>,
}

/// Looks back at a request, given with its order as it is now.
pub fn explain_decision<'p>(
    profile: &'p Profile,
    entry: &JournalEntry,
    order: Option<&Order>,
) -> Hindsight<'p> {
    let typed = typed_card(profile, entry);
    let Some(order) = order else { return Hindsight { card: typed, ..Hindsight::default() } };
    let own = |trace: u64| trace == entry.trace.0;
    let first = order.history.iter().position(|it| own(it.trace));
    let last = order.history.iter().rposition(|it| own(it.trace));
    let earlier = || {
        // What has no trace was done by time, which comes before the request of the same moment.
        let came = (entry.at, entry.trace.0);
        order.history.iter().take_while(|it| (it.at, it.trace) < came).count()
    };
    let before = first.unwrap_or_else(earlier);
    let after = last.map_or(before, |last| last + 1);
    let paid = order.history[before..after]
        .iter()
        .any(|it| matches!(it.change, Change::Approved { .. } | Change::Failed(_)));
    Hindsight {
        before: order.state_after(before),
        after: order.state_after(after),
        card: typed.or_else(|| card_of_order(profile, order).filter(|_| paid)),
    }
}

/// The test card whose number the request carries, which the journal has masked.
fn typed_card<'p>(profile: &'p Profile, entry: &JournalEntry) -> Option<&'p Card> {
    let fields = Fields::parse(entry.bodies.request()).ok()?;
    let typed = fields.text("wdlAcNo").or_else(|| fields.text("card"))?;
    profile.cards.iter().find(|card| card.masked() == *typed)
}
