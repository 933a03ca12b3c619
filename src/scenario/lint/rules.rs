//! Rules that never step in, and effects that nobody can carry out.

use super::{Here, inert};
use crate::base::{Message, Period};
use crate::scenario::codec::{Decimal, TimePoint};
use crate::scenario::model::{AmountTest, CardTest, Effect, FieldTest, Point, Rule, When, Window};

/// Doubts about one rule, which steps in at `points`; `is_before_others`: a later rule steps in at one of them as well.
pub(super) fn check(rule: &Rule, points: &[Point], is_before_others: bool, here: &mut Here<'_>) {
    check_counting(&rule.when, here);
    check_values(&rule.when, here);
    check_points(rule, points, here);
    check_effects(rule, points, is_before_others, here);
}

fn check_counting(when: &When, here: &mut Here<'_>) {
    let nth = when.nth.as_ref().map(|many| many.0.as_slice()).unwrap_or_default();
    if nth.contains(&0) {
        let never = if nth.len() == 1 { "the rule never steps in" } else { "there is no call 0" };
        here.void(&["when", "nth"], Message::new(format!("calls are counted from 1: {never}")));
    }
    if when.every == Some(0) {
        here.void(&["when", "every"], "each 0th call is none: the rule never steps in");
    }
    if when.first == Some(0) {
        here.void(&["when", "first"], "the first 0 calls are none: the rule never steps in");
    }
    if when.probability.is_some_and(|share| share.0 == 0) {
        here.void(&["when", "probability"], "a share of 0: the rule never steps in");
    }
    let both = |call: &u32| {
        when.every.is_none_or(|every| every != 0 && call.is_multiple_of(every))
            && when.first.is_none_or(|first| *call <= first)
    };
    if !nth.is_empty() && !nth.contains(&0) && !nth.iter().any(both) {
        here.void(&["when", "nth"], "no call passes this together with `every` or `first`");
    }
    if let (Some(every), Some(first)) = (when.every, when.first)
        && every > first
        && first > 0
    {
        here.void(&["when", "first"], "the first of `every` comes later than that: never");
    }
}

fn check_values(when: &When, here: &mut Here<'_>) {
    if when.amount.as_ref().is_some_and(is_impossible) {
        here.void(&["when", "amount"], "no amount is like this: the rule never steps in");
    }
    if let Some(CardTest { number, last4 }) = &when.card {
        let digits = |text: &String| text.bytes().all(|byte| byte.is_ascii_digit());
        let lists =
            [number.as_ref().map(|many| (many, 12..=19)), last4.as_ref().map(|many| (many, 4..=4))];
        for (many, lengths) in lists.into_iter().flatten() {
            if !many.0.iter().all(|text| digits(text) && lengths.contains(&text.len())) {
                here.void(
                    &["when", "card"],
                    Message::new("no card has such a number")
                        .help("a number has 12 to 19 digits, `last4` four"),
                );
            }
        }
    }
    for (name, FieldTest { value, pattern, present }) in &when.field.0 {
        if *present == Some(false) && (value.is_some() || pattern.is_some()) {
            let message = format!("{name} cannot be absent and have a value: never");
            here.void(&["when", "field"], message);
        }
    }
    if let Some(window) = &when.window {
        check_window(window, here);
    }
}

/// Returns true if no amount of money passes.
pub(super) fn is_impossible(test: &AmountTest) -> bool {
    let (low, high) = test.bounds();
    low > high || high < Decimal(0)
}

fn check_window(window: &Window, here: &mut Here<'_>) {
    let is_empty = match (window.from, window.to) {
        (Some(TimePoint::Since(from)), Some(TimePoint::Since(to))) => from >= to,
        (Some(TimePoint::At(from)), Some(TimePoint::At(to))) => from >= to,
        (None, Some(TimePoint::Since(to))) => to.ms() == 0,
        _ => false,
    };
    if is_empty {
        here.void(&["when", "window"], "the window ends before it begins: never");
    }
    let is_zero = |period: Option<Period>| period.is_some_and(|period| period.ms() == 0);
    if is_zero(window.lasting) || is_zero(window.every) {
        here.void(&["when", "window"], "it is open for no time at all: never");
    } else if window.every.is_some() && window.lasting >= window.every {
        here.warn(&["when", "window"], "`for` is not shorter than `every`: it is always open");
    }
}

/// A condition: its key, whether it is given, why it cannot hold, and the points at which it can.
type Known = (&'static str, bool, &'static str, fn(Point) -> bool);

/// Conditions that cannot hold where the rule steps in.
fn check_points(rule: &Rule, points: &[Point], here: &mut Here<'_>) {
    let when = &rule.when;
    let is_call = |point: Point| matches!(point, Point::Call(_));
    let order = Point::concerns_order as fn(Point) -> bool;
    let conditions: [Known; 12] = [
        ("txId", when.tx_id.is_some(), "no order is known", order),
        ("txIdSuffix", when.tx_id_suffix.is_some(), "no order is known", order),
        ("amount", when.amount.is_some(), "no amount is known", order),
        ("currency", when.currency.is_some(), "no amount is known", order),
        ("paymentMethod", when.payment_method.is_some(), "no order is known", order),
        ("trt", when.trt.is_some(), "no order is known", order),
        ("orderState", when.order_state.is_some(), "no order is known", order),
        ("card", when.card.is_some(), "no card is known", Point::knows_card),
        ("header", when.header.is_some(), "there is no request", is_call),
        ("field", !when.field.0.is_empty(), "there is no request", is_call),
        ("merchantId", when.merchant_id.is_some(), "no merchant is known", |point| {
            point != Point::Connect
        }),
        ("termId", when.term_id.is_some(), "no merchant is known", |point| point != Point::Connect),
    ];
    for (key, _, why, known) in conditions.into_iter().filter(|condition| condition.1) {
        let dead: Vec<&str> =
            points.iter().filter(|point| !known(**point)).map(|point| point.name()).collect();
        // A rule for every operation means those for which the condition makes sense.
        if dead.len() == points.len() || (!dead.is_empty() && when.operation.is_some()) {
            here.void(
                &["when", key],
                Message::new(format!(
                    "{why} at {}: the condition never holds there",
                    dead.join(", ")
                )),
            );
        }
    }
}

fn check_effects(rule: &Rule, points: &[Point], is_before_others: bool, here: &mut Here<'_>) {
    let key = if rule.then.is_some() { "then" } else { "sequence" };
    let is_empty = rule.then.is_none() && rule.sequence.as_ref().is_none_or(Vec::is_empty);
    let effects: Vec<&Effect> = rule.effects().collect();
    for lines in rule.lists() {
        for message in inert::parts(lines) {
            here.void(&[key], message);
        }
    }
    if effects.is_empty() && (is_empty || !is_before_others) {
        here.void(
            &[key],
            "nothing happens: there is no effect, and no later rule is kept from stepping in",
        );
    }
    for effect in effects {
        let idle: Vec<&str> =
            points.iter().filter(|point| !effect.acts_at(**point)).map(|p| p.name()).collect();
        if !idle.is_empty() {
            let message = format!("`{}` cannot act at {}", effect.name(), idle.join(", "));
            let message = Message::new(message).help(advice(effect));
            if idle.len() == points.len() {
                here.void(&[key], message);
            } else {
                here.warn(&[key], message);
            }
        }
    }
}

fn advice(effect: &Effect) -> &'static str {
    match effect {
        Effect::Transport(_) => {
            "at `connect` a connection can be reset, emptied or left hanging; `pay` and `trigger` have none"
        }
        Effect::Pushback(_) => {
            "pay, trigger, refund, reversal, preAuthCompletion, notifyCompletion and cancelQr cause push-backs; `forged` and \
             `unknownOrder` need none"
        }
        Effect::Reason(_) => "a reason decides a call or `pay`",
        Effect::Commit(_) => "it needs a call, `pay` or `trigger` that books something",
        Effect::Status(_) => "it needs a request and its answer",
        Effect::Latency(_) | Effect::Patch(_) => "it needs a call and its reply: name an operation",
    }
}
