//! Expectations about sums.

use super::{Compare, ExpectationVerdict, Nearest, Run};
use crate::base::Currency;
use crate::scenario::codec::Decimal;
use crate::scenario::history::OrderFact;
use crate::scenario::model::{AmountTest, LedgerExpectation};

pub(super) fn judge(wanted: &LedgerExpectation, run: &Run<'_>) -> ExpectationVerdict {
    let currency = wanted.currency.unwrap_or(Currency::Usd);
    let orders: Vec<&OrderFact> =
        run.history.orders.iter().filter(|order| order.currency == currency).collect();
    let sum = |of: fn(&OrderFact) -> crate::base::Amount| {
        Decimal(orders.iter().map(|order| Decimal::of(of(order), currency).0).sum())
    };
    let (captured, returned) = (sum(|order| order.captured), sum(OrderFact::returned));
    let net = sum(OrderFact::net);
    let mut compare = Compare::default();
    let sums = [
        ("captured", &wanted.captured, captured),
        ("returned", &wanted.returned, returned),
        ("net", &wanted.net, net),
    ];
    for (key, test, found) in sums {
        let Some(test) = test else { continue };
        compare.point(key, test.holds(found), || test.to_string(), || found.to_string());
    }
    if wanted.balanced {
        for (order, broken) in orders.iter().filter_map(|order| Some((order, imbalance(order)?))) {
            compare.point(
                "balanced",
                false,
                || "every order in balance".to_owned(),
                || format!("{}/{}: {broken}", order.merchant_id, order.tx_id),
            );
        }
    }
    let told = format!(
        "{} orders in {}: captured {captured}, given back {returned}, net {net}",
        orders.len(),
        currency.code()
    );
    let ok = compare.0.is_empty();
    let says_none = |test: &AmountTest| test.bounds().1 == Decimal(0);
    if ok
        && orders.is_empty()
        && !sums.iter().any(|(_, test, _)| test.as_ref().is_some_and(says_none))
    {
        let other = run.history.orders.first().map_or("", |order| order.currency.code());
        return ExpectationVerdict::not_judged(&no_order(currency.code(), other));
    }
    let detail = if ok { "the sums are as expected" } else { "the sums are not as expected" };
    ExpectationVerdict {
        ok,
        judged: true,
        detail: detail.to_owned(),
        evidence: vec![told.clone()],
        nearest: (!ok).then_some(Nearest { what: told, differences: compare.0 }),
    }
}

/// Said where there is nothing to sum up in `currency`; `other` is one that there is an order in.
fn no_order(currency: &str, other: &str) -> String {
    let why = format!("there is no order in {currency}, so there are no sums");
    if other.is_empty() { why } else { format!("{why}; is `currency: {other}` meant?") }
}

/// The rule of money that an order breaks.
fn imbalance(order: &OrderFact) -> Option<&'static str> {
    let rules = [
        (order.captured <= order.authorised, "more captured than authorised"),
        (order.refunded <= order.captured, "more refunded than captured"),
        (order.released <= order.authorised, "more released than authorised"),
        (order.count("approved") <= 1, "approved more than once"),
    ];
    rules.into_iter().find(|(holds, _)| !holds).map(|(_, broken)| broken)
}
