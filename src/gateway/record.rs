//! Recording of a space: the actions of merchants, payers and the control plane, as a scenario that repeats them.

use std::collections::HashMap;

use super::history;
use crate::base::{Fields, Reason};
use crate::ledger::{Change, Instrument, InstrumentKind, Order, Target};
use crate::profile::{Card, Profile};
use crate::scenario::{
    Action, Dropped, Pay, PlayFact, Recorded, Recording, SpaceHistory, TriggerKind, record,
};
use crate::space::{Delivery, JournalEntry, Space, StateView};

/// So many orders are not made by hand any more.
const ORDERS_MAX: usize = 100;

/// Reason why no scenario can be written.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RecordError {
    /// No such order.
    #[error("merchant {merchant} has no order {tx_id:?} in the space {space:?}")]
    UnknownOrder {
        /// `merchantId`.
        merchant: String,
        /// `txId`.
        tx_id: String,
        /// The space's name.
        space: String,
    },
    /// The space holds too much for one scenario.
    #[error(
        "{0} orders are too many for one scenario; name one by merchantId and txId, or reset the space and do it again"
    )]
    TooManyOrders(usize),
}

/// Writes the scenario of one order, given as `merchantId` and `txId`, or of all that the space holds.
pub fn scenario_of(space: &Space, only: Option<(&str, &str)>) -> Result<Recorded, RecordError> {
    space.undisturbed(|| read_scenario(space, only))
}

fn read_scenario(space: &Space, only: Option<(&str, &str)>) -> Result<Recorded, RecordError> {
    let (entries, forgotten, restored) = space.read_journal(|journal| {
        let entries = journal.iter().filter(|entry| only.is_none_or(|only| is_of(entry, only)));
        let restored = journal.iter().any(|entry| entry.more().control == Some("restore"));
        (entries.cloned().collect::<Vec<_>>(), journal.dropped(), restored)
    });
    let steps: HashMap<u64, &JournalEntry> =
        entries.iter().filter(|it| !history::is_call(it)).map(|it| (it.trace.0, it)).collect();
    let rules: HashMap<u64, String> = steps
        .iter()
        .filter_map(|(trace, entry)| Some((*trace, entry.more().rule.as_ref()?.rule.to_string())))
        .collect();
    let profile = space.profile();
    let (history, plays) = space.read(|view| {
        let orders: Vec<&Order> = match only {
            Some((merchant, tx_id)) => {
                vec![view.ledger.find(Target::Named { merchant, tx_id }).ok_or_else(|| {
                    let (merchant, tx_id) = (merchant.to_owned(), tx_id.to_owned());
                    RecordError::UnknownOrder { merchant, tx_id, space: space.name().to_owned() }
                })?]
            }
            None if view.ledger.len() > ORDERS_MAX => {
                return Err(RecordError::TooManyOrders(view.ledger.len()));
            }
            None => view.ledger.orders_after(None).collect(),
        };
        let plays = orders.iter().flat_map(|order| plays(&view, profile, order, &steps)).collect();
        let all: &mut dyn Iterator<Item = &Delivery> = match only {
            Some((_, tx_id)) => &mut view.outbox.of_tx_id(tx_id),
            None => &mut view.outbox.iter(),
        };
        let deliveries = all.filter(|delivery| {
            only.is_none_or(|only| only == (&*delivery.merchant, &*delivery.tx_id))
        });
        let history = SpaceHistory {
            born: view.born,
            now: view.now,
            requests: entries
                .iter()
                .filter(|it| history::is_call(it))
                .map(history::request)
                .collect(),
            orders: orders.iter().map(|order| history::order(&view, order, &rules)).collect(),
            deliveries: deliveries.map(history::delivery).collect(),
            shop: None,
            order_names: Vec::new(),
            unread: Vec::new(),
            dropped: Dropped::default(),
        };
        Ok((history, plays))
    })?;
    let name = match only {
        Some((_, tx_id)) => format!("order {tx_id}"),
        None => format!("space {}", space.name()),
    };
    Ok(record(&Recording {
        name,
        seed: space.seed().0,
        rules: space.rules().into_iter().map(|it| it.armed.rule).collect(),
        merchants: profile.merchants.iter().map(|merchant| merchant.id.clone()).collect(),
        cards: profile.cards.iter().map(|card| card.number.clone()).collect(),
        history,
        plays,
        forgotten,
        restored,
    }))
}

fn is_of(entry: &JournalEntry, (merchant, tx_id): (&str, &str)) -> bool {
    entry.is_about(entry.merchant.as_ref().map(|_| merchant), Some(tx_id))
}

/// Actions of payers and the control plane on an order: calls of the latter, and steps on pages that changed it.
fn plays(
    view: &StateView<'_>,
    profile: &Profile,
    order: &Order,
    steps: &HashMap<u64, &JournalEntry>,
) -> Vec<PlayFact> {
    let merchant = &*view.ledger.terminal(order).merchant;
    let mut plays = Vec::new();
    for (trace, entry) in steps {
        if !is_of(entry, (merchant, &order.tx_id)) {
            continue;
        }
        let change = order.history.iter().find(|one| one.trace == *trace);
        let act = match entry.more().control {
            Some("pay") if entry.status == 200 => Some(Action::Pay(payment(profile, order, entry))),
            Some("trigger") if entry.status == 200 => event(entry).map(Action::Trigger),
            Some(_) => None,
            None => match change.map(|entry| entry.change) {
                Some(Change::Cancelled) => Some(Action::Trigger(TriggerKind::Cancel)),
                Some(Change::Approved { .. } | Change::Failed(_)) => {
                    Some(Action::Pay(payment(profile, order, entry)))
                }
                _ => None,
            },
        };
        if let Some(act) = act {
            plays.push(PlayFact {
                trace: entry.trace.to_string(),
                at: change.map_or(entry.at, |change| change.at),
                merchant_id: merchant.to_owned(),
                tx_id: order.tx_id.to_string(),
                act,
            });
        }
    }
    plays
}

/// The payer's payment. The entries are masked, so it is described by its result: by the card where that was
/// approved, by the reason where it was declined. Where a rule stepped in, it will do so again.
fn payment(profile: &Profile, order: &Order, entry: &JournalEntry) -> Pay {
    let fields = Fields::parse(entry.bodies.request()).ok();
    let given = fields.as_ref().is_some_and(|fields| fields.iter().next().is_some());
    // The order may have failed later, for another reason.
    let own = order.history.iter().filter(|change| change.trace == entry.trace.0);
    let mut failed = own.filter_map(|change| match change.change {
        Change::Failed(reason) => Some(reason),
        _ => None,
    });
    let declined = failed.next_back().filter(|_| entry.more().rule.is_none());
    let wanted = fields.as_ref().and_then(|fields| fields.text("outcome")?.parse::<Reason>().ok());
    let outcome = wanted.or(declined);
    let card = (given && outcome.is_none()).then(|| card_of_order(profile, order)).flatten();
    Pay { order: None, card: card.map(|card| card.number.clone()), otp: None, outcome }
}

/// The test card that an order was paid with, if only one ends so.
pub(super) fn card_of_order<'p>(profile: &'p Profile, order: &Order) -> Option<&'p Card> {
    let is_card =
        |it: &&Instrument| matches!(it.kind, InstrumentKind::Card | InstrumentKind::PayonCard);
    let last = order.instrument.as_deref().filter(is_card)?.account.trim_start_matches('*');
    let mut fitting = profile.cards.iter().filter(|card| card.number.ends_with(last));
    fitting.next().filter(|_| last.len() >= 4 && fitting.next().is_none())
}

fn event(entry: &JournalEntry) -> Option<TriggerKind> {
    let fields = Fields::parse(entry.bodies.request()).ok()?;
    let name = fields.text("event")?;
    TriggerKind::ALL.iter().copied().find(|kind| kind.name() == name)
}
