//! A space in numbers.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Serialize;

use super::problem::ApiProblem;
use super::request::{ApiRequest, Empty, blocking};
use crate::base::{Amount, Currency, Operation, OrderState, PaymentMethod, Reason};
use crate::ledger::{Orders, Totals};
use crate::space::{DeliveryState, Journal, Outbox};

/// A space in numbers, as it is now.
#[derive(Serialize, JsonSchema)]
pub(super) struct SpaceSummary {
    /// Time on the space's clock.
    now: String,
    orders: OrderCounts,
    /// One row for each currency in which there are orders.
    money: Vec<Money>,
    requests: Requests,
    pushbacks: PushbackCounts,
}

/// Number of orders by state.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct OrderCounts {
    kept: usize,
    /// Dropped to keep to the budget; they count nowhere else.
    dropped: u64,
    by_state: BTreeMap<&'static str, usize>,
    by_method: BTreeMap<&'static str, usize>,
}

/// Sums over the orders of one currency, each of the member of that name of an order; decimals.
#[derive(Serialize, JsonSchema)]
struct Money {
    currency: Currency,
    orders: usize,
    authorised: String,
    captured: String,
    refunded: String,
    /// Given back in all: refunded, charged back, or taken back as a whole by a reversal or a late decline.
    returned: String,
    released: String,
    holds: Holds,
}

/// Pre-authorisations that hold money and are neither completed nor let go of.
#[derive(Serialize, JsonSchema)]
struct Holds {
    open: usize,
    amount: String,
}

/// Requests of merchants since the space's birth or reset, whether the journal still keeps them or not.
#[derive(Serialize, JsonSchema)]
struct Requests {
    answered: u64,
    /// One row for each operation and reason that there was.
    decided: Vec<Decided>,
}

/// Number of times a reason decided an operation.
#[derive(Serialize, JsonSchema)]
struct Decided {
    /// `none` for paths that are no operation.
    operation: &'static str,
    #[schemars(with = "String")]
    reason: Reason,
    count: u64,
}

/// Number of push-backs by state.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct PushbackCounts {
    kept: usize,
    /// Dropped to keep to the budget; they count nowhere else.
    dropped: u64,
    /// `waiting`, `inFlight`, `acknowledged` and `exhausted`.
    by_state: BTreeMap<&'static str, usize>,
    /// Attempts to send them.
    attempts: usize,
}

/// Counts it all. Orders and push-backs are counted in copies that share their parts, so nobody waits for it.
pub(super) async fn read(call: &ApiRequest, _: Empty) -> Result<SpaceSummary, ApiProblem> {
    let (now, orders, dropped, outbox) = call.space.read(|view| {
        (view.now.rfc3339(), view.ledger.orders(), view.ledger.dropped(), view.outbox.clone())
    });
    let requests = call.space.read_journal(Requests::of);
    blocking(move || SpaceSummary {
        now,
        money: Currency::ALL.iter().filter_map(|it| Money::of(*it, &orders)).collect(),
        orders: OrderCounts::of(&orders, dropped),
        requests,
        pushbacks: PushbackCounts::of(&outbox),
    })
    .await
}

impl OrderCounts {
    fn of(orders: &Orders, dropped: u64) -> Self {
        Self {
            kept: orders.len(),
            dropped,
            by_state: counted(OrderState::ALL, OrderState::name, orders.iter().map(|it| it.state)),
            by_method: counted(
                PaymentMethod::ALL,
                PaymentMethod::name,
                orders.iter().map(|it| it.method),
            ),
        }
    }
}

impl Money {
    /// `None` where there is no order in that currency.
    fn of(currency: Currency, orders: &Orders) -> Option<Self> {
        let (mut count, mut open) = (0, 0);
        let (mut sums, mut held) = (Totals::default(), Amount::ZERO);
        let mut returned = Amount::ZERO;
        for order in orders.iter().filter(|order| order.currency == currency) {
            count += 1;
            add(&mut sums.authorised, order.totals.authorised);
            add(&mut sums.captured, order.totals.captured);
            add(&mut sums.refunded, order.totals.refunded);
            add(&mut returned, order.returned());
            add(&mut sums.released, order.totals.released);
            if order.state == OrderState::Authorised {
                open += 1;
                add(&mut held, order.totals.authorised);
            }
        }
        (count > 0).then(|| Self {
            currency,
            orders: count,
            authorised: sums.authorised.fixed(currency),
            captured: sums.captured.fixed(currency),
            refunded: sums.refunded.fixed(currency),
            returned: returned.fixed(currency),
            released: sums.released.fixed(currency),
            holds: Holds { open, amount: held.fixed(currency) },
        })
    }
}

impl Requests {
    fn of(journal: &Journal) -> Self {
        let decided: Vec<_> = journal
            .decided()
            .map(|(operation, reason, count)| Decided {
                operation: operation.map_or("none", Operation::name),
                reason,
                count,
            })
            .collect();
        Self { answered: decided.iter().map(|row| row.count).sum(), decided }
    }
}

impl PushbackCounts {
    fn of(outbox: &Outbox) -> Self {
        let states = outbox.iter().map(|delivery| delivery.state);
        Self {
            kept: outbox.len(),
            dropped: outbox.dropped(),
            by_state: counted(DeliveryState::KINDS, DeliveryState::name, states),
            attempts: outbox.iter().map(|delivery| delivery.attempts.len()).sum(),
        }
    }
}

/// Number of each by name; those of which there is none too.
fn counted<T: Copy>(
    all: &[T],
    name: fn(T) -> &'static str,
    found: impl Iterator<Item = T>,
) -> BTreeMap<&'static str, usize> {
    let mut counts: BTreeMap<_, _> = all.iter().map(|it| (name(*it), 0)).collect();
    for it in found {
        *counts.entry(name(it)).or_default() += 1;
    }
    counts
}

/// Adds up; past what an amount can say it stays at the largest.
fn add(sum: &mut Amount, more: Amount) {
    *sum = Amount::from_minor(sum.minor().saturating_add(more.minor()));
}
