//! Expectations about what the merchant believes.

use super::{Compare, Difference, ExpectationVerdict, Run, WantedCount, weigh};
use crate::base::{Amount, Operation, OrderState};
use crate::scenario::codec::{Decimal, Times};
use crate::scenario::history::{OrderFact, RequestFact, ShopFact};
use crate::scenario::model::{Belief, OrderChoice, ShopExpectation};

pub(super) fn judge(wanted: &ShopExpectation, run: &Run<'_>) -> ExpectationVerdict {
    let Some(shop) = &run.history.shop else {
        return ExpectationVerdict::not_judged("this merchant cannot be asked what it believes");
    };
    if let Some(unread) = run.history.unread.first() {
        return ExpectationVerdict::not_judged(&format!(
            "an answer to `ask` cannot be read: {unread}"
        ));
    }
    let is_named = |tx_id: &str| match &wanted.tx_id {
        Some(OrderChoice::One(named)) => tx_id == named,
        Some(OrderChoice::Any | OrderChoice::Every) | None => true,
    };
    let is_meant_state =
        |state: OrderState| wanted.order_state.as_ref().is_none_or(|many| many.0.contains(&state));
    let unasked;
    let candidates = if wanted.balanced {
        let orders = run.history.orders.iter();
        let meant = orders.filter(|order| is_named(&order.tx_id) && is_meant_state(order.state));
        let fact_of = |order: &OrderFact| {
            shop.iter().find(|fact| fact.tx_id == order.tx_id && !fact.is_forgotten)
        };
        let is_forgotten = |order: &OrderFact| {
            shop.iter().any(|fact| fact.tx_id == order.tx_id && fact.is_forgotten)
        };
        let mut uncounted = meant
            .clone()
            .filter_map(|order| uncounted(order, fact_of(order)?, &run.history.requests));
        unasked = shop.iter().find_map(unbalanceable).or_else(|| uncounted.next());
        let compared = meant.map(|order| {
            let fact = fact_of(order);
            let name = fact.map_or_else(|| format!("{}: unknown to the shop", order.tx_id), told);
            (name, disagreements(order, fact, is_forgotten(order)))
        });
        compared.collect()
    } else {
        let order_of =
            |fact: &ShopFact| run.history.orders.iter().find(|order| order.tx_id == fact.tx_id);
        let stands_so = |fact: &&ShopFact| {
            let is_so = || order_of(fact).is_some_and(|order| is_meant_state(order.state));
            is_named(&fact.tx_id) && (wanted.order_state.is_none() || is_so())
        };
        let meant = shop.iter().filter(stands_so);
        let is_any = wanted.believes.is_some();
        unasked = meant.clone().find_map(|fact| {
            let order = order_of(fact).filter(|_| is_any);
            let uncounted = || uncounted(order?, fact, &run.history.requests);
            unknown(wanted, fact).or_else(uncounted)
        });
        let compared = meant.map(|fact| {
            let order = order_of(fact).filter(|_| fact.is_forgotten);
            let differences = match order {
                Some(order) => disagreements(order, None, true),
                None => differences(wanted, fact),
            };
            (told(fact), differences)
        });
        compared.collect()
    };
    let states = wanted.order_state.iter().flat_map(|many| &many.0);
    let states: Vec<&str> = states.map(|state| state.name()).collect();
    let what = match states.as_slice() {
        [] => "orders in the shop".to_owned(),
        states => format!("orders in the shop that are {} at the gateway", states.join(" or ")),
    };
    let verdict = weigh(&what, &WantedCount::of(false, None, wanted.tx_id.as_ref()), candidates);
    match unasked {
        Some(why) if verdict.ok => ExpectationVerdict::not_judged(why),
        _ => verdict,
    }
}

/// Said of a merchant whose answer to how often it has shipped is a yes.
const ONLY_YES: &str = "this merchant says that it has shipped, and not how often: `ask.shipped` is a boolean; let it answer a number";

/// Reason why not all that is wanted is known of an order.
fn unknown(wanted: &ShopExpectation, fact: &ShopFact) -> Option<&'static str> {
    let is_open = |times: &Times| times.least > 1 || times.most.is_some_and(|most| most > 0);
    if fact.is_forgotten {
        Some("this merchant knew an order and says nothing of it any more")
    } else if wanted.shipped.as_ref().is_some_and(is_open) && fact.is_yes {
        Some(ONLY_YES)
    } else if wanted.believes.is_some() && fact.believes.is_none() {
        Some("this merchant cannot be asked whether an order is paid (`ask.state`)")
    } else if wanted.shipped.is_some() && fact.shipped.is_none() {
        Some("this merchant cannot be asked how often it has shipped (`ask.shipped`)")
    } else {
        None
    }
}

/// The same for books that are to be compared as a whole.
fn unbalanceable(fact: &ShopFact) -> Option<&'static str> {
    let is_known = fact.believes.is_some() && fact.shipped.is_some();
    if fact.is_forgotten || (is_known && !fact.is_yes) {
        None
    } else if is_known {
        Some(ONLY_YES)
    } else {
        Some("this merchant cannot be asked for its books (`ask.state`, `ask.shipped`)")
    }
}

/// The same for the sum given back of an order, where money was given back or asked for.
fn uncounted(order: &OrderFact, fact: &ShopFact, requests: &[RequestFact]) -> Option<&'static str> {
    let is_refund = |call: &RequestFact| {
        call.operation == Some(Operation::Refund) && call.tx_id.as_deref() == Some(&order.tx_id)
    };
    let is_moved = order.refunded > Amount::ZERO || requests.iter().any(is_refund);
    let is_compared = given_back(order, fact).is_some();
    (is_moved && is_compared && fact.returned.is_none())
        .then_some("this merchant cannot be asked how much it has given back (`ask.returned`)")
}

fn differences(wanted: &ShopExpectation, fact: &ShopFact) -> Vec<Difference> {
    let mut compare = Compare::default();
    let believes = wanted.believes.as_ref().filter(|_| fact.believes.is_some());
    compare.among(
        "believes",
        believes.map(|many| many.0.as_slice()),
        fact.believes.as_ref(),
        |belief: &Belief| belief.name().to_owned(),
        |belief: &Belief| belief.name().to_owned(),
    );
    if let (Some(times), Some(shipped)) = (wanted.shipped, fact.shipped) {
        let holds = times.fits(shipped as usize) || (fact.is_yes && times.most != Some(0));
        compare.point("shipped", holds, || times.to_string(), || format!("{shipped}×"));
    }
    compare.0
}

/// Beliefs and numbers of shipments that agree with an order's money.
struct Agreement {
    believes: &'static [Belief],
    shipped_least: u32,
    shipped_most: u32,
}

impl Agreement {
    const fn of(believes: &'static [Belief], shipped_least: u32, shipped_most: u32) -> Self {
        Self { believes, shipped_least, shipped_most }
    }

    /// The agreement with an order that nothing happens to any more. Money that came and went again may have met goods that
    /// were shipped meanwhile. What a human has to look at is put aside where news came that contradicts earlier news.
    fn with(order: &OrderFact) -> Self {
        use Belief::{Disputed, GivenBack, Paid, Pending, Unpaid};
        let was_captured = order.captured > Amount::ZERO;
        let was_held = order.count("approved") > 0;
        let was_contradicted = order.changes.windows(2).any(|pair| {
            let ended = ["failed", "cancelled", "expired", "chargedBack"].contains(&pair[0].name);
            let goes_on = pair[1].name != "settled";
            (ended && goes_on) || pair[1].name == "chargedBack"
        });
        match order.state {
            OrderState::Captured if was_contradicted => Self::of(&[Paid, Disputed], 0, 1),
            OrderState::Captured => Self::of(&[Paid], 1, 1),
            OrderState::PartlyRefunded => Self::of(&[Paid, Disputed], 0, 1),
            OrderState::Authorised => Self::of(&[Paid, Pending], 0, 1),
            OrderState::Refunded | OrderState::Reversed => Self::of(&[GivenBack, Disputed], 0, 1),
            _ if was_captured => Self::of(&[Unpaid, Pending, Disputed, GivenBack], 0, 1),
            _ if was_held => Self::of(&[Unpaid, Pending, Disputed, GivenBack], 0, 0),
            _ => Self::of(&[Unpaid, Pending, Disputed], 0, 0),
        }
    }
}

/// The points in which the shop's books contradict the gateway's. An order that it has forgotten must never have had money.
fn disagreements(
    order: &OrderFact,
    fact: Option<&ShopFact>,
    is_forgotten: bool,
) -> Vec<Difference> {
    let mut compare = Compare::default();
    let state = order.state.name();
    let Some(fact) = fact else {
        let has_money = order.captured > order.returned()
            || order.state == OrderState::Authorised
            || (is_forgotten && order.authorised > Amount::ZERO);
        compare.point(
            "known",
            !has_money,
            || format!("true, for the order is {state} at the gateway"),
            || {
                let since = if is_forgotten { "; it knew the order before" } else { "" };
                format!("false: money without an order{since}")
            },
        );
        return compare.0;
    };
    let agreement = Agreement::with(order);
    let names: Vec<&str> = agreement.believes.iter().map(|belief| belief.name()).collect();
    compare.point(
        "believes",
        fact.believes.is_none_or(|belief| agreement.believes.contains(&belief)),
        || format!("{}, for the order is {state} at the gateway", names.join(" or ")),
        || fact.believes.map_or("?", Belief::name).to_owned(),
    );
    // An order that the shop has put aside waits for a human, and its goods with it.
    let least = if fact.believes == Some(Belief::Paid) { agreement.shipped_least } else { 0 };
    let most = agreement.shipped_most;
    compare.point(
        "shipped",
        fact.shipped.is_none_or(|shipped| (least..=most).contains(&shipped)),
        || {
            let why = if order.captured > Amount::ZERO {
                "captured"
            } else if order.state == OrderState::Authorised {
                "held"
            } else {
                "never there"
            };
            let times = if least == most { most.to_string() } else { format!("{least} to {most}") };
            format!("{times} times, for the money is {why}")
        },
        || fact.shipped.map_or("?".to_owned(), |shipped| format!("{shipped}×")),
    );
    if let (Some(wanted), Some(found)) = (given_back(order, fact), fact.returned) {
        compare.point(
            "returned",
            found == wanted,
            || format!("{wanted}, by the gateway's books"),
            || found.to_string(),
        );
    }
    compare.0
}

/// Sum that the shop must have given back of an order; `None` where more than one is right: of a reversal, which some shops
/// count as giving back and others do not, and of an order that was put aside for a human.
fn given_back(order: &OrderFact, fact: &ShopFact) -> Option<Decimal> {
    let is_plain = match order.state {
        OrderState::Captured | OrderState::PartlyRefunded | OrderState::Refunded => true,
        _ => order.count("approved") == 0,
    };
    let is_put_aside = fact.believes == Some(Belief::Disputed);
    (is_plain && !is_put_aside).then(|| Decimal::of(order.refunded, order.currency))
}

fn told(fact: &ShopFact) -> String {
    if fact.is_forgotten {
        return format!("{}: no longer known to the shop", fact.tx_id);
    }
    let believes = fact.believes.map_or("?", Belief::name);
    let shipped = fact.shipped.map_or_else(|| "?".to_owned(), |times| times.to_string());
    format!("{}: believed {believes}, shipped {shipped}×", fact.tx_id)
}
