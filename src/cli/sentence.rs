//! Answers of the control plane in one line each, for people.

use serde_json::Value;

use super::visible::visible;

/// A member of an answer as text; `-` where there is none.
pub(super) fn member(value: &Value, name: &str) -> String {
    word(&value[name])
}

fn word(value: &Value) -> String {
    match value {
        Value::String(text) if text.is_empty() => "-".to_owned(),
        Value::String(text) => visible(text).into_owned(),
        Value::Null => "-".to_owned(),
        Value::Array(items) => items.iter().map(word).collect::<Vec<_>>().join(" "),
        other => other.to_string(),
    }
}

/// The items of a list in an answer.
pub(super) fn items<'v>(value: &'v Value, name: &str) -> &'v [Value] {
    value[name].as_array().map(Vec::as_slice).unwrap_or_default()
}

/// An order: who, how it stands, how much.
pub(super) fn order(order: &Value) -> String {
    let [merchant, tx, state] = ["merchantId", "txId", "state"].map(|name| member(order, name));
    let [amount, currency] = ["amount", "currency"].map(|name| member(order, name));
    format!("order {tx} of {merchant} is {state}, {amount} {currency}")
}

/// A push-back: its number, what it tells of, how it stands.
pub(super) fn pushback(pushback: &Value) -> String {
    let [id, cause, tx, state] =
        ["id", "cause", "txId", "state"].map(|name| member(pushback, name));
    let attempts = items(pushback, "attempts").len();
    format!("push-back {id} ({cause}) of order {tx} is {state}, attempts: {attempts}")
}

/// The outcome of the last attempt of a push-back: what the merchant answered, or why it did not.
pub(super) fn last_answer(pushback: &Value) -> String {
    let last = items(pushback, "attempts").last().unwrap_or(&Value::Null);
    match (&last["status"], &last["error"]) {
        (Value::Null, error) => word(error),
        (status, Value::Null) => word(status),
        (status, error) => format!("{}, {}", word(status), word(error)),
    }
}

/// A request of the journal: what was called, how it was answered.
pub(super) fn request(request: &Value) -> String {
    let [operation, merchant, tx] =
        ["operation", "merchantId", "txId"].map(|name| member(request, name));
    let [status, reason, trace] = ["status", "reason", "trace"].map(|name| member(request, name));
    format!("{operation} of {merchant}, order {tx}: HTTP {status} {reason}; trace {trace}")
}

/// A message of the inbox.
pub(super) fn message(message: &Value) -> String {
    let [name, tx, attempt] = ["box", "txId", "attempt"].map(|name| member(message, name));
    let [status, body] = ["status", "body"].map(|name| member(message, name));
    format!("box {name}: order {tx}, attempt {attempt}, answered {status}: {body}")
}

/// A clock: what it shows, and how it runs.
pub(super) fn clock(clock: &Value) -> String {
    let now = member(clock, "now");
    let runs = match clock["scale"].as_f64() {
        Some(0.0) => "frozen".to_owned(),
        Some(1.0) => "running at real speed".to_owned(),
        _ => format!("running {} times as fast as real time", member(clock, "scale")),
    };
    match &clock["nextDue"] {
        Value::Null => format!("{now}, {runs}, nothing is due"),
        due => format!("{now}, {runs}, next due {}", word(due)),
    }
}

/// Lines of names and values, the values below each other.
pub(super) fn list(pairs: &[(&str, String)]) -> String {
    let width = pairs.iter().map(|(name, _)| name.len()).max().unwrap_or(0);
    let lines = pairs.iter().map(|(name, value)| format!("{name:width$}  {value}\n"));
    lines.collect::<Vec<_>>().concat()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_an_answer_lacks_is_a_dash_and_control_characters_are_seen() {
        let value = json!({ "a": null, "b": "x\ny", "c": ["p", "q"], "d": 3, "e": "" });
        let told = ["a", "b", "c", "d", "e", "f"].map(|name| member(&value, name));
        assert_eq!(told, ["-", "x<LF>y", "p q", "3", "-", "-"]);
    }

    #[test]
    fn a_clock_says_how_it_runs() {
        let at = |scale: f64| clock(&json!({ "now": "t", "scale": scale, "nextDue": null }));
        assert_eq!(at(0.0), "t, frozen, nothing is due");
        assert_eq!(at(1.0), "t, running at real speed, nothing is due");
        assert_eq!(at(60.0), "t, running 60.0 times as fast as real time, nothing is due");
    }
}
