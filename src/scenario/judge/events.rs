//! Expectations about the order in which things happened.

use super::{Difference, ExpectationVerdict, Run, WantedCount, clock, weigh};
use crate::base::{Millis, sort_by_key};
use crate::scenario::history::{OrderFact, SpaceHistory};
use crate::scenario::model::{EventsExpectation, ExpectedEvent, OrderChoice};

/// One thing that happened to an order. Calls are numbered: of two at the same moment the order is known.
struct ObservedEvent {
    at: Millis,
    name: &'static str,
    call: Option<usize>,
}

pub(super) fn judge(wanted: &EventsExpectation, never: bool, run: &Run<'_>) -> ExpectationVerdict {
    let is_meant = |order: &&OrderFact| match &wanted.tx_id {
        Some(OrderChoice::One(tx_id)) => order.tx_id == *tx_id,
        Some(OrderChoice::Any | OrderChoice::Every) | None => true,
    };
    let meant = run.history.orders.iter().filter(is_meant);
    let candidates = meant.map(|order| weigh_order(wanted, order, run)).collect();
    weigh("orders", &WantedCount::of(never, None, wanted.tx_id.as_ref()), candidates)
}

fn weigh_order(
    wanted: &EventsExpectation,
    order: &OrderFact,
    run: &Run<'_>,
) -> (String, Vec<Difference>) {
    let span = run.span(Some((&order.merchant_id, &order.tx_id)));
    let mut happened = timeline(order, run.history);
    happened.retain(|event| span.holds(event.at));
    let told: Vec<String> = happened
        .iter()
        .map(|event| format!("{} {}", clock(run.history, event.at), event.name))
        .collect();
    let name = format!("{}/{}: {}", order.merchant_id, order.tx_id, told.join(", "));
    let missing = first_missing(&wanted.in_order.0, &happened);
    let differences = missing.map(|at| {
        let names: Vec<&str> = wanted.in_order.0.iter().map(|event| event.name()).collect();
        let found = match at {
            0 => format!("no {}", names[at]),
            at => format!("no {} after {}", names[at], names[at - 1]),
        };
        Difference { key: "inOrder", wanted: names.join(", then "), found }
    });
    (name, differences.into_iter().collect())
}

/// The first of the wanted events that does not come at or after the one before it.
fn first_missing(wanted: &[ExpectedEvent], happened: &[ObservedEvent]) -> Option<usize> {
    let mut used = vec![false; happened.len()];
    let (mut last_at, mut last_call) = (Millis(i64::MIN), None);
    for (number, event) in wanted.iter().enumerate() {
        let fits = |(at, candidate): &(usize, &ObservedEvent)| {
            let after_call = match (candidate.call, last_call) {
                (Some(call), Some(last)) => call > last,
                _ => true,
            };
            !used[*at] && candidate.name == event.name() && candidate.at >= last_at && after_call
        };
        let Some((at, found)) = happened.iter().enumerate().find(fits) else { return Some(number) };
        last_at = found.at;
        last_call = found.call.or(last_call);
        used[at] = true;
    }
    None
}

/// All that happened to an order, oldest first.
fn timeline(order: &OrderFact, history: &SpaceHistory) -> Vec<ObservedEvent> {
    let calls = history.requests.iter().enumerate().filter_map(|(number, request)| {
        let is_about = request.is_about(&order.merchant_id, &order.tx_id);
        let name = request.operation?.name();
        is_about.then_some(ObservedEvent { at: request.at, name, call: Some(number) })
    });
    let changes = order.changes.iter().map(|change| ObservedEvent {
        at: change.at,
        name: change.name,
        call: None,
    });
    let own = history.deliveries.iter().filter(|delivery| {
        delivery.merchant_id == order.merchant_id && delivery.tx_id == order.tx_id
    });
    let attempts = own.flat_map(|delivery| {
        let tried = delivery.attempts.iter().map(|attempt| (attempt.at, "pushback"));
        let last = delivery.attempts.last().filter(|_| delivery.acknowledged);
        tried.chain(last.map(|attempt| (attempt.at, "acknowledged")))
    });
    let attempts = attempts.map(|(at, name)| ObservedEvent { at, name, call: None });
    let mut all: Vec<ObservedEvent> = calls.chain(changes).chain(attempts).collect();
    sort_by_key(&mut all, |event| event.at);
    all
}
