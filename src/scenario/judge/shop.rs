//! Expectations about what the merchant believes.

use super::{Compare, Difference, Run, Verdict, Wanted, weigh};
use crate::scenario::file::{Belief, ShopExpectation, Which};
use crate::scenario::history::ShopFact;

pub(super) fn judge(wanted: &ShopExpectation, run: &Run<'_>) -> Verdict {
    let Some(shop) = &run.history.shop else {
        return Verdict::not_judged("this merchant cannot be asked what it believes");
    };
    let is_meant = |fact: &&ShopFact| match &wanted.tx_id {
        Some(Which::One(tx_id)) => fact.tx_id == *tx_id,
        Some(Which::Any | Which::Every) | None => true,
    };
    let meant = shop.iter().filter(is_meant);
    let candidates = meant.map(|fact| (told(fact), differences(wanted, fact))).collect();
    weigh("orders in the shop", &Wanted::of(false, None, wanted.tx_id.as_ref()), candidates)
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
