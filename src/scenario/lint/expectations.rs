//! Expectations that no run can meet, or that every run meets.

use super::Here;
use super::rules::is_impossible;
use crate::base::{Message, OrderState};
use crate::scenario::codec::{Decimal, Many, Times};
use crate::scenario::model::{
    AmountTest, Belief, Expectation, OrderChoice, OrderExpectation, RequestExpectation, Subject,
};

/// Doubts about one expectation.
pub(super) fn check(expectation: &Expectation, rules: &[&str], here: &mut Here<'_>) {
    if expectation.counts().is_some_and(Times::is_empty) {
        here.void(&[], "`atLeast` is more than `atMost`: no run can meet this");
    }
    if expectation.within.is_some_and(|within| within.ms() == 0) {
        here.void(&["within"], "within no time at all");
    }
    if expectation.within.is_some()
        && let Some(name) = as_it_stands(&expectation.subject)
    {
        let message = format!("`within` says nothing of `{name}`, which is looked at in the end");
        let help =
            "leave it out, or ask for what happens: `request`, `order`, `pushback`, `events`";
        here.void(&["within"], Message::new(message).help(help));
    }
    if let Some(name) = existence(expectation) {
        let message =
            format!("every `{name}` is like this: it asks for nothing but that there is one");
        here.void(&[name], message);
    }
    match &expectation.subject {
        Subject::AnyOf(parts) => {
            check_parts("anyOf", parts, rules, here);
            if parts.iter().any(|part| is_opposed(part, parts)) {
                let message = "one asks for a call and another that it never comes: every run meets one of them";
                here.void(&["anyOf"], message);
            }
        }
        Subject::AllOf(parts) => check_parts("allOf", parts, rules, here),
        Subject::Request(request) => check_request(request, rules, here),
        Subject::Order(order) => check_order(order, here),
        Subject::Ledger(ledger) => {
            let mut inside = here.inside("ledger");
            check_amount(ledger.captured.as_ref(), &mut inside, "captured");
            check_amount(ledger.returned.as_ref(), &mut inside, "returned");
            check_amount(ledger.net.as_ref(), &mut inside, "net");
        }
        Subject::Pushback(pushback) => {
            check_times(pushback.attempts, here, &["pushback", "attempts"]);
        }
        Subject::Shop(shop) => {
            if shop.believes.is_none() && shop.shipped.is_none() && !shop.balanced {
                here.void(&["shop"], "it asks for nothing but an order");
            }
            let is_every = |many: &Many<Belief>| Belief::ALL.iter().all(|it| many.0.contains(it));
            if shop.believes.as_ref().is_some_and(is_every) {
                let message = "every belief is in the list: every order is like this";
                here.void(&["shop", "believes"], message);
            }
            check_times(shop.shipped, here, &["shop", "shipped"]);
        }
        Subject::Events(_) => {}
    }
}

/// Returns true if it asks for a call, and another of them that no such call ever comes.
fn is_opposed(one: &Expectation, all: &[Expectation]) -> bool {
    let is_call = matches!(one.subject, Subject::Request(_));
    let is_opposite = |other: &Expectation| {
        other.never && other.subject == one.subject && other.within == one.within
    };
    is_call && !one.never && one.counts().is_none() && all.iter().any(is_opposite)
}

/// The name of the subject of an expectation that every order or push-back meets, whatever became of it.
fn existence(expectation: &Expectation) -> Option<&'static str> {
    let is_named = |choice: &Option<OrderChoice>| {
        matches!(choice, Some(OrderChoice::Any | OrderChoice::One(_)))
    };
    let (name, is_named) = match &expectation.subject {
        Subject::Order(it) => ("order", is_named(&it.tx_id) || it.merchant_id.is_some()),
        Subject::Pushback(it) => ("pushback", is_named(&it.tx_id)),
        Subject::Request(it) => {
            let is_of_order = it.tx_id.is_some() || it.same_order;
            ("request", is_of_order || it.merchant_id.is_some() || it.rule.is_some())
        }
        _ => return None,
    };
    let is_counted = expectation.never || expectation.counts().is_some();
    let asks =
        is_named || is_counted || expectation.within.is_some() || expectation.asks_for_more();
    (!asks).then_some(name)
}

/// The name of a subject that is looked at as it stands in the end, whatever happened when.
const fn as_it_stands(subject: &Subject) -> Option<&'static str> {
    match subject {
        Subject::Ledger(_) => Some("ledger"),
        Subject::Shop(_) => Some("shop"),
        _ => None,
    }
}

fn check_parts(key: &'static str, parts: &[Expectation], rules: &[&str], here: &mut Here<'_>) {
    if parts.len() == 1 {
        here.warn(&[key], "one alone: it can stand without the list around it");
    }
    for part in parts {
        let mut inside = here.inside(key);
        check(part, rules, &mut inside);
    }
}

fn check_request(request: &RequestExpectation, rules: &[&str], here: &mut Here<'_>) {
    if request.apart.is_some() && request.counts().and_then(|times| times.most) == Some(1) {
        here.warn(&["request", "apart"], "one call at most has no pause before it");
    }
    if request.apart.is_some_and(|apart| apart.ms() == 0) {
        here.void(&["request", "apart"], "no pause at all: every two calls are that far apart");
    }
    if request.same_order && rules.is_empty() {
        let message = Message::new("`sameOrder` looks at orders that a rule stepped in for")
            .help("there are no rules");
        here.void(&["request", "sameOrder"], message);
    }
    for id in request.rule.iter().flat_map(|many| &many.0) {
        if !rules.contains(&id.as_str()) {
            let message = Message::new(format!("there is no rule `{id}`"));
            here.void(&["request", "rule"], message.meant(id, rules));
        }
    }
}

fn check_order(order: &OrderExpectation, here: &mut Here<'_>) {
    let is_every = |many: &Many<OrderState>| OrderState::ALL.iter().all(|it| many.0.contains(it));
    if order.state.as_ref().is_some_and(is_every) {
        here.void(&["order", "state"], "every state is in the list: every order is like this");
    }
    check_times(order.approved, here, &["order", "approved"]);
    check_times(order.completed, here, &["order", "completed"]);
    check_times(order.reversed, here, &["order", "reversed"]);
    check_times(order.refunded, here, &["order", "refunded"]);
    let mut inside = here.inside("order");
    check_amount(order.amount.as_ref(), &mut inside, "amount");
    check_amount(order.captured.as_ref(), &mut inside, "captured");
    check_amount(order.returned.as_ref(), &mut inside, "returned");
}

fn check_times(times: Option<Times>, here: &mut Here<'_>, path: &[&'static str]) {
    if times.is_some_and(Times::is_empty) {
        here.void(path, "`atLeast` is more than `atMost`: no run can meet this");
    } else if times.is_some_and(|times| times.least == 0 && times.most == Some(u32::MAX)) {
        here.void(path, "no run goes so far: every run meets this");
    }
}

fn check_amount(test: Option<&AmountTest>, here: &mut Here<'_>, key: &'static str) {
    let Some(test) = test else { return };
    let (low, high) = test.bounds();
    if is_impossible(test) {
        here.void(&[key], "no amount is like this: no run can meet it");
    // No order is of nothing.
    } else if low <= Decimal((key == "amount").into()) && high == Decimal(i64::MAX) {
        here.void(&[key], "every amount is like this: every run meets it");
    }
}
