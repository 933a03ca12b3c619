//! Expectations that no run can meet, or that every run meets.

use super::Here;
use super::rules::is_impossible;
use crate::base::Message;
use crate::scenario::codec::Times;
use crate::scenario::model::{Expectation, OrderExpectation, RequestExpectation, Rule, Subject};

/// Doubts about one expectation.
pub(super) fn check(expectation: &Expectation, rules: &[Rule], here: &mut Here<'_>) {
    if expectation.counts().is_some_and(Times::is_empty) {
        here.warn(&[], "`atLeast` is more than `atMost`: no run can meet this");
    }
    if expectation.within.is_some_and(|within| within.ms() == 0) {
        here.warn(&["within"], "within no time at all");
    }
    match &expectation.subject {
        Subject::AnyOf(parts) => check_parts("anyOf", parts, rules, here),
        Subject::AllOf(parts) => check_parts("allOf", parts, rules, here),
        Subject::Request(request) => check_request(request, rules, here),
        Subject::Order(order) => check_order(order, here),
        Subject::Ledger(ledger) => {
            let asks =
                ledger.captured.is_some() || ledger.returned.is_some() || ledger.net.is_some();
            if !asks && !ledger.balanced {
                here.warn(&["ledger"], "it asks for nothing: every run meets this");
            }
        }
        Subject::Shop(shop) => {
            if shop.believes.is_none() && shop.shipped.is_none() && !shop.balanced {
                here.warn(&["shop"], "it asks for nothing but an order");
            }
        }
        Subject::Pushback(_) | Subject::Events(_) => {}
    }
}

fn check_parts(key: &'static str, parts: &[Expectation], rules: &[Rule], here: &mut Here<'_>) {
    if parts.len() == 1 {
        here.warn(&[key], "one alone: it can stand without the list around it");
    }
    for part in parts {
        let mut inside = here.inside(key);
        check(part, rules, &mut inside);
    }
}

fn check_request(request: &RequestExpectation, rules: &[Rule], here: &mut Here<'_>) {
    if request.apart.is_some() && request.counts().and_then(|times| times.most) == Some(1) {
        here.warn(&["request", "apart"], "one call at most has no pause before it");
    }
    if request.same_order && rules.is_empty() {
        let message = Message::new("`sameOrder` looks at orders that a rule stepped in for")
            .help("this scenario has no rules");
        here.warn(&["request", "sameOrder"], message);
    }
    let ids: Vec<&str> = rules.iter().map(|rule| rule.id.as_str()).collect();
    for id in request.rule.iter().flat_map(|many| &many.0) {
        if !ids.contains(&id.as_str()) {
            let message = Message::new(format!("this scenario has no rule `{id}`"));
            here.warn(&["request", "rule"], message.meant(id, &ids));
        }
    }
    if request.counts() == Some(Times::at_least(0)) {
        here.warn(&["request", "atLeast"], "at least none: every run meets this");
    }
}

fn check_order(order: &OrderExpectation, here: &mut Here<'_>) {
    let times = [
        ("approved", order.approved),
        ("completed", order.completed),
        ("reversed", order.reversed),
        ("refunded", order.refunded),
    ];
    for (key, times) in times {
        if times.is_some_and(Times::is_empty) {
            here.warn(&["order", key], "`atLeast` is more than `atMost`: no run can meet this");
        }
    }
    let amounts =
        [("amount", &order.amount), ("captured", &order.captured), ("returned", &order.returned)];
    for (key, amount) in amounts {
        if amount.as_ref().is_some_and(is_impossible) {
            here.warn(&["order", key], "no amount is like this: no run can meet it");
        }
    }
}
