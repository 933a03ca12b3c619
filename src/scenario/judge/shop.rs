//! Expectations about what the merchant believes.

use super::{Compare, Difference, ExpectationVerdict, Run, WantedCount, weigh};
use crate::base::OrderState;
use crate::scenario::codec::Many;
use crate::scenario::history::ShopFact;
use crate::scenario::model::{Belief, OrderChoice, ShopExpectation};

pub(super) fn judge(wanted: &ShopExpectation, run: &Run<'_>) -> ExpectationVerdict {
    let Some(shop) = &run.history.shop else {
        return ExpectationVerdict::not_judged("this merchant cannot be asked what it believes");
    };
    let is_meant = |fact: &&ShopFact| {
        let is_named = match &wanted.tx_id {
            Some(OrderChoice::One(tx_id)) => fact.tx_id == *tx_id,
            Some(OrderChoice::Any | OrderChoice::Every) | None => true,
        };
        let stands_so = |states: &Many<OrderState>| {
            let mut orders = run.history.orders.iter();
            orders.any(|order| order.tx_id == fact.tx_id && states.0.contains(&order.state))
        };
        is_named && wanted.order_state.as_ref().is_none_or(stands_so)
    };
    let meant = shop.iter().filter(is_meant);
    let candidates = meant.map(|fact| (told(fact), differences(wanted, fact))).collect();
    let states = wanted.order_state.iter().flat_map(|many| &many.0);
    let states: Vec<&str> = states.map(|state| state.name()).collect();
    let what = match states.as_slice() {
        [] => "orders in the shop".to_owned(),
        states => format!("orders in the shop that are {} at the gateway", states.join(" or ")),
    };
    weigh(&what, &WantedCount::of(false, None, wanted.tx_id.as_ref()), candidates)
}

fn differences(wanted: &ShopExpectation, fact: &ShopFact) -> Vec<Difference> {
    let mut compare = Compare::default();
    compare.among(
        "believes",
        wanted.believes.as_ref().map(|many| many.0.as_slice()),
        Some(&fact.believes),
        |belief: &Belief| belief.name().to_owned(),
        |belief: &Belief| belief.name().to_owned(),
    );
    if let Some(times) = wanted.shipped {
        let shipped = fact.shipped;
        let holds = times.fits(shipped as usize);
        compare.point("shipped", holds, || times.to_string(), || format!("{shipped}×"));
    }
    compare.0
}

fn told(fact: &ShopFact) -> String {
    format!("{}: believed {}, shipped {}×", fact.tx_id, fact.believes.name(), fact.shipped)
}
