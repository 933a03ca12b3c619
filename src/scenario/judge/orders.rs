//! Expectations about orders.

use super::{Compare, Difference, ExpectationVerdict, Run, WantedCount, clock, weigh};
use crate::base::{Amount, OrderState, Reason};
use crate::scenario::codec::{Decimal, Times};
use crate::scenario::history::OrderFact;
use crate::scenario::model::{AmountTest, OrderChoice, OrderExpectation};

pub(super) fn judge(wanted: &OrderExpectation, never: bool, run: &Run<'_>) -> ExpectationVerdict {
    let is_meant = |order: &&OrderFact| {
        let named = match &wanted.tx_id {
            Some(OrderChoice::One(tx_id)) => order.tx_id == *tx_id,
            Some(OrderChoice::Any | OrderChoice::Every) | None => true,
        };
        named && wanted.merchant_id.as_ref().is_none_or(|many| many.0.contains(&order.merchant_id))
    };
    let meant = run.history.orders.iter().filter(is_meant);
    let candidates = meant.map(|order| (told(order), differences(wanted, order, run))).collect();
    let what = match &wanted.tx_id {
        Some(OrderChoice::One(tx_id)) => format!("orders {tx_id}"),
        Some(OrderChoice::Any | OrderChoice::Every) | None => "orders".to_owned(),
    };
    weigh(&what, &WantedCount::of(never, wanted.counts(), wanted.tx_id.as_ref()), candidates)
}

fn differences(wanted: &OrderExpectation, order: &OrderFact, run: &Run<'_>) -> Vec<Difference> {
    let mut compare = Compare::default();
    compare.among(
        "state",
        wanted.state.as_ref().map(|many| many.0.as_slice()),
        Some(&order.state),
        |state: &OrderState| state.name().to_owned(),
        |state: &OrderState| state.name().to_owned(),
    );
    compare.among(
        "reason",
        wanted.reason.as_ref().map(|many| many.0.as_slice()),
        order.reason.as_ref(),
        |reason: &Reason| reason.name().to_owned(),
        |reason: &Reason| reason.name().to_owned(),
    );
    let amounts: [(&'static str, &Option<AmountTest>, Amount); 3] = [
        ("amount", &wanted.amount, order.amount),
        ("captured", &wanted.captured, order.captured),
        ("returned", &wanted.returned, order.returned()),
    ];
    for (key, test, found) in amounts {
        let Some(test) = test else { continue };
        let found = Decimal::of(found, order.currency);
        compare.point(key, test.holds(found), || test.to_string(), || found.to_string());
    }
    let counts: [(&'static str, Option<Times>); 4] = [
        ("approved", wanted.approved),
        ("completed", wanted.completed),
        ("reversed", wanted.reversed),
        ("refunded", wanted.refunded),
    ];
    for (key, times) in counts {
        let Some(times) = times else { continue };
        let found = order.count(key);
        compare.point(key, times.fits(found), || times.to_string(), || format!("{found}×"));
    }
    if let Some(settled) = wanted.settled {
        compare.point(
            "settled",
            order.settled == settled,
            || settled.to_string(),
            || order.settled.to_string(),
        );
    }
    let span = run.span(Some((&order.merchant_id, &order.tx_id)));
    if let Some(last) = order.changes.last().filter(|last| last.at > span.to) {
        let (wanted, found) = (clock(run.history, span.to), clock(run.history, last.at));
        compare.point(
            "within",
            false,
            || format!("by {wanted}, included"),
            || format!("{} at {found}", last.name),
        );
    }
    compare.0
}

fn told(order: &OrderFact) -> String {
    let decimal = |amount| Decimal::of(amount, order.currency);
    let returned = order.returned();
    let back = if returned == Amount::ZERO {
        String::new()
    } else {
        format!(", given back {}", decimal(returned))
    };
    let why = order.reason.map(|reason| format!(" ({reason})")).unwrap_or_default();
    format!(
        "{}/{}: {}{why}, {} {}, captured {}{back}",
        order.merchant_id,
        order.tx_id,
        order.state.name(),
        decimal(order.amount),
        order.currency.code(),
        decimal(order.captured)
    )
}
