//! The model beside the gateway: everything that a space shows and answers must be what the model works out.

use std::collections::BTreeMap;

use payon_sim::base::Millis;
use serde_json::{Value, json};

use super::finding::{Found, Kind};
use super::history::{BOXES, DEAD_RECEIVER};
use super::model::{Order, Outcome, Pushback, PushbackState, Space, box_name, path_of};
use super::web::Reply;

/// All that the control plane shows of a space.
pub(crate) struct Shown {
    pub(crate) orders: Value,
    pub(crate) pushbacks: Value,
    pub(crate) rules: Value,
    pub(crate) summary: Value,
}

/// A sum as the control plane writes it.
pub(crate) fn money(minor: i64, riel: bool) -> String {
    if riel { minor.to_string() } else { format!("{}.{:02}", minor / 100, minor % 100) }
}

fn time(at: i64) -> String {
    Millis(at).rfc3339()
}

/// What is different, if anything is.
pub(crate) fn difference(space: &Space, shown: &Shown) -> Option<(Kind, String)> {
    let contents = &space.contents;
    let orders = contents.orders.iter().map(|order| expected_order(order, contents.now));
    let pushbacks = contents.pushbacks.iter().map(expected_pushback);
    let of = |value: &Value, name: &str, shape: fn(&Value) -> Value| -> Vec<Value> {
        value[name].as_array().into_iter().flatten().map(shape).collect()
    };
    let unlike = |kind, expected: Vec<Value>, shown: Vec<Value>| {
        unlike(expected, shown).map(|text| (kind, text))
    };
    unlike(Kind::Money, orders.collect(), of(&shown.orders, "orders", shown_order))
        .or_else(|| {
            let shown = of(&shown.pushbacks, "pushbacks", shown_pushback);
            unlike(Kind::Pushbacks, pushbacks.collect(), shown)
        })
        .or_else(|| {
            let expected = contents.rules.iter().map(|rule| {
                let (matched, fired) = contents.counts(&rule.id);
                json!({ "id": rule.id, "matched": matched, "fired": fired })
            });
            let shape = |rule: &Value| {
                json!({ "id": rule["id"], "matched": rule["matched"], "fired": rule["fired"] })
            };
            unlike(Kind::Rules, expected.collect(), of(&shown.rules, "rules", shape))
        })
        .or_else(|| {
            let expected = expected_summary(space);
            let own = json!({
                "now": shown.summary["now"], "money": shown.summary["money"],
                "requests": shown.summary["requests"]["answered"],
                "byState": shown.summary["orders"]["byState"],
                "attempts": shown.summary["pushbacks"]["attempts"],
            });
            unlike(Kind::Summary, vec![expected], vec![own])
        })
}

/// The items that only one side has.
fn unlike(expected: Vec<Value>, shown: Vec<Value>) -> Option<String> {
    let mut counts: BTreeMap<String, isize> = BTreeMap::new();
    for item in expected {
        *counts.entry(item.to_string()).or_default() += 1;
    }
    for item in shown {
        *counts.entry(item.to_string()).or_default() -= 1;
    }
    let sided = |text: &str, is_side: fn(isize) -> bool| -> Vec<String> {
        let own = counts.iter().filter(|(_, count)| is_side(**count));
        own.map(|(item, _)| format!("{text} {item}")).collect()
    };
    let mut lines = sided("the model has  ", |count| count > 0);
    lines.extend(sided("the gateway has", |count| count < 0));
    (!lines.is_empty()).then(|| lines.join("\n"))
}

fn expected_order(order: &Order, now: i64) -> Value {
    let asked = &order.asked;
    let money = |minor| money(minor, asked.riel);
    let events: Vec<Value> = order
        .log
        .iter()
        .map(|(at, change)| {
            json!({ "at": time(*at), "change": change.name(), "amount": change.minor().map(money) })
        })
        .collect();
    json!({
        "merchantId": order.merchant, "txId": order.tx_id,
        "kind": if asked.hold { "preAuth" } else { "purchase" }, "method": asked.method,
        "state": order.state(), "failure": order.failure(),
        "screen": order.shows_qr().then(|| order.screen().name()),
        "currency": if asked.riel { "KHR" } else { "USD" },
        "amount": money(asked.minor), "authorised": money(order.authorised()),
        "captured": money(order.captured()), "refunded": money(order.refunded()),
        "returned": money(order.returned()), "released": money(order.released()),
        "refundable": money(order.refundable()), "settled": order.is_settled(now),
        "createdAt": time(order.created()), "payableUntil": time(order.payable_until()),
        "approved": order.approved_at().is_some(), "events": events,
    })
}

fn shown_order(order: &Value) -> Value {
    let mut shape = json!({});
    for name in [
        "merchantId",
        "txId",
        "kind",
        "method",
        "state",
        "failure",
        "screen",
        "currency",
        "amount",
        "authorised",
        "captured",
        "refunded",
        "returned",
        "released",
        "refundable",
        "settled",
        "createdAt",
        "payableUntil",
    ] {
        shape[name] = order[name].clone();
    }
    shape["approved"] = (!order["approvalNo"].is_null()).into();
    let events = order["events"].as_array().into_iter().flatten().map(
        |event| json!({ "at": event["at"], "change": event["change"], "amount": event["amount"] }),
    );
    shape["events"] = events.collect();
    shape
}

/// The address at which push-backs of an order arrive, where the server of the receivers is at `origin`.
pub(crate) fn address(origin: &str, receiver: usize, merchant: &str, tx_id: &str) -> String {
    match receiver {
        DEAD_RECEIVER => "http://127.0.0.1:1/nobody".to_owned(),
        place if place >= BOXES[0] => {
            format!("http://gateway.test/_sim/inbox/{}", box_name(place))
        }
        place => format!("{origin}/r{place}/{merchant}/{tx_id}"),
    }
}

fn expected_pushback(pushback: &Pushback) -> Value {
    let is_good = !["failed", "cancelled", "expired"].contains(&pushback.cause);
    let path = match pushback.receiver {
        place if place < DEAD_RECEIVER => path_of(pushback),
        DEAD_RECEIVER => "/nobody".to_owned(),
        place => format!("/_sim/inbox/{}", box_name(place)),
    };
    let next = match pushback.state {
        PushbackState::Waiting(due) => Some(time(due)),
        _ => None,
    };
    let attempts: Vec<Value> = pushback
        .attempts
        .iter()
        .map(|attempt| {
            let (at, acknowledged) = (time(attempt.at), attempt.acknowledged);
            json!({ "at": at, "acknowledged": acknowledged, "status": attempt.status })
        })
        .collect();
    json!({
        "merchantId": pushback.merchant, "txId": pushback.tx_id, "cause": pushback.cause,
        "path": path, "bodyTxId": pushback.tx_id,
        "code": if is_good { "0000" } else { "9999" }, "state": pushback.state_name(),
        "createdAt": time(pushback.created), "nextAttemptAt": next, "attempts": attempts,
    })
}

fn shown_pushback(pushback: &Value) -> Value {
    let url = pushback["url"].as_str().unwrap_or_default();
    let path = url.match_indices('/').nth(2).map_or("", |(at, _)| &url[at..]);
    let attempts = pushback["attempts"].as_array().into_iter().flatten().map(|attempt| {
        json!({ "at": attempt["at"], "acknowledged": attempt["acknowledged"], "status": attempt["status"] })
    });
    json!({
        "merchantId": pushback["merchantId"], "txId": pushback["txId"], "cause": pushback["cause"],
        "path": path, "bodyTxId": pushback["body"]["txId"], "code": pushback["body"]["resultCode"],
        "state": pushback["state"], "createdAt": pushback["createdAt"],
        "nextAttemptAt": pushback["nextAttemptAt"], "attempts": attempts.collect::<Vec<_>>(),
    })
}

/// The space in numbers.
fn expected_summary(space: &Space) -> Value {
    let contents = &space.contents;
    let sums = [true, false].into_iter().filter_map(|riel| {
        let own = || contents.orders.iter().filter(move |order| order.asked.riel == riel);
        let sum = |part: fn(&Order) -> i64| money(own().map(part).sum(), riel);
        let holds = || own().filter(|order| order.state() == "authorised");
        (own().count() > 0).then(|| {
            json!({
                "currency": if riel { "KHR" } else { "USD" }, "orders": own().count(),
                "authorised": sum(Order::authorised), "captured": sum(Order::captured),
                "refunded": sum(Order::refunded), "returned": sum(Order::returned),
                "released": sum(Order::released),
                "holds": {
                    "open": holds().count(),
                    "amount": money(holds().map(Order::authorised).sum(), riel),
                },
            })
        })
    });
    let mut money: Vec<Value> = sums.collect();
    money.reverse();
    let mut by_state = json!({
        "authorised": 0, "cancelled": 0, "captured": 0, "expired": 0, "failed": 0,
        "partlyRefunded": 0, "refunded": 0, "registered": 0, "reversed": 0,
    });
    for order in &contents.orders {
        let count = &mut by_state[order.state()];
        *count = (count.as_u64().unwrap_or(0) + 1).into();
    }
    let attempts: usize = contents.pushbacks.iter().map(|pushback| pushback.attempts.len()).sum();
    json!({
        "now": time(contents.now), "money": money, "requests": space.answered,
        "byState": by_state, "attempts": attempts,
    })
}

/// Holds an answer beside what must have come of its call.
pub(crate) fn check_reply(outcome: &Outcome, reply: &Reply) -> Found<()> {
    let wrong = |text: &str| {
        let told = format!("{text}\nexpected {outcome:?}\ncame     {reply:?}");
        Err((Kind::Answer, told))
    };
    if outcome.status.is_some() && outcome.status != reply.status {
        return wrong("another HTTP status came");
    }
    if outcome.name == "page" {
        return Ok(());
    }
    if outcome.is_lost != reply.status.is_none() {
        return wrong("a lost answer and one that comes are not the same");
    }
    if outcome.is_lost {
        return Ok(());
    }
    let body = reply.json();
    if ["pay", "trigger"].contains(&outcome.name) {
        if reply.status == Some(200) && body["reason"] != *outcome.reason {
            return wrong("the control plane tells another reason");
        }
        return Ok(());
    }
    if let Some(rows) = &outcome.rows {
        if rows_of(outcome.name, &body) != *rows {
            return wrong("the rows are others");
        }
        return Ok(());
    }
    let is_success = body["resultCode"] == "0000";
    if is_success != (outcome.reason == "success") {
        return wrong("the code does not go with the reason");
    }
    let told = body["amount"].as_f64().map(|amount| (amount * 100.0).round() as i64);
    if let Some(minor) = outcome.minor.filter(|_| is_success && body["currency"] == "USD")
        && told != Some(minor)
    {
        return wrong("another sum is told than was moved");
    }
    Ok(())
}

/// Holds entries of the journal beside what must have come of some calls.
pub(crate) fn check_journal(outcomes: &[&Outcome], entries: &[Value]) -> Found<()> {
    let noted = outcomes.iter().flat_map(|outcome| outcome.noted());
    let mut expected: Vec<String> = noted
        .map(|outcome| format!("{} {:?} {}", outcome.name, outcome.tx_id, outcome.reason))
        .collect();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let mut noted: Vec<String> = entries
        .iter()
        .map(|entry| {
            let name = entry["operation"].as_str().or(entry["control"].as_str());
            let tx_id = entry["txId"].as_str().map(str::to_owned);
            // What a payer does on a page is neither an operation nor a call of the control plane.
            format!("{} {tx_id:?} {}", name.unwrap_or("page"), text(&entry["reason"]))
        })
        .collect();
    expected.sort_unstable();
    noted.sort_unstable();
    if expected == noted {
        return Ok(());
    }
    Err((Kind::Journal, format!("the journal notes\n{noted:#?}\nexpected\n{expected:#?}")))
}

/// The rows of an answer, in the model's form.
fn rows_of(operation: &str, body: &Value) -> Vec<String> {
    let rows = if operation == "bindingList" { &body["resultData"] } else { body };
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let row = |row: &Value| match operation {
        "bindingList" => text(&row["wdlAcNo"]),
        "reconciliation" => (row["resultCode"] == "0000").to_string(),
        _ => {
            let riel = row["currencyCode"] == "KHR";
            let sum = row["amount"].as_f64().unwrap_or_default() * if riel { 1.0 } else { 100.0 };
            let sum = sum.round() as i64;
            let yes = ["settleYn", "cancelYn", "refundYn"].map(|name| row[name] == "Y");
            let flags = [yes[0], yes[1], yes[2], row["resultCd"] == "0000"];
            let [day, tx_id, trt, currency] =
                ["txDt", "tracNo", "trt", "currencyCode"].map(|name| text(&row[name]));
            format!("{day} {tx_id} {trt} {sum} {currency} {flags:?}")
        }
    };
    rows.as_array().into_iter().flatten().map(row).collect()
}
