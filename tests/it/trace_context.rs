//! The caller's own trace, taken over from a request and handed on in the push-backs that come of it.

use payon_sim::base::Operation;
use payon_sim::profile::{Profile, PushbackEvent};
use serde_json::{Value, json};

use crate::support::{Received, Reply, Sim, Sink, SpaceHandle};

const PARENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
const STATE: &str = "rojo=00f067aa0ba902b7,congo=t61rcWkgMzE";

fn tell_refunds(profile: &mut Profile) {
    profile.pushback.events.push(PushbackEvent::Refund);
}

const OTHER: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00";

/// The same space, as seen by a client that sends these headers.
fn traced(space: &SpaceHandle, headers: &[(&str, &str)]) -> SpaceHandle {
    let client = headers
        .iter()
        .fold(space.client.clone(), |client, (name, value)| client.with_header(name, value));
    SpaceHandle { client, ..space.clone() }
}

/// That this is a child of ours in the trace of `parent`; the child.
fn child_of(parent: &str, told: &Received) -> String {
    let child = told.headers["traceparent"].to_str().unwrap().to_owned();
    assert_eq!((&child[..36], &child[52..]), (&parent[..36], &parent[52..]), "{child}");
    assert_ne!(child[36..52], parent[36..52]);
    child
}

/// A refund of ten cents with these headers, and what the journal says of it.
async fn refund(space: &SpaceHandle, headers: &[(&str, &str)]) -> Value {
    let body = space.merchant().signed(&json!({ "txId": "1", "amount": "0.10" }));
    let url = format!("{}{}", space.base_url, Operation::Refund.paths()[0]);
    let answer = traced(space, headers).client.post(&url, &body).await;
    answer.expect(200);
    let trace = answer.header("x-payon-trace").to_owned();
    space.control_get(&format!("journal/{trace}")).await.expect(200)
}

async fn paid(sim: &Sim, name: &str, sink: &Sink) -> SpaceHandle {
    let space = sim.make_space(&json!({ "name": name, "seed": 7 })).await;
    let clock = json!({ "freeze": true, "set": "2026-03-02T10:00:00+07:00" });
    space.control_post("clock", &clock).await.expect(200);
    space.register("1", json!({ "noti_url": sink.url("/noti") })).await;
    space.pay("1", json!({})).await.expect(200);
    let plain = sink.next().await;
    assert!(plain.headers.get("traceparent").is_none());
    space.wait("idle").await;
    space
}

#[tokio::test]
async fn push_backs_are_children_in_the_trace_of_their_request() {
    let sim = Sim::with_profile(tell_refunds).await;
    let mut seen = Vec::new();
    for name in ["one", "two"] {
        let sink = Sink::start().await;
        let space = paid(&sim, name, &sink).await;
        sink.reply(Reply::Status(500, ""));
        let told = refund(&space, &[("traceparent", PARENT), ("tracestate", STATE)]).await;
        assert_eq!((&told["traceparent"], &told["tracestate"]), (&json!(PARENT), &json!(STATE)));
        assert_eq!(told["traceContextIgnored"], Value::Null);
        let first = sink.next().await;
        space.wait("idle").await;
        space.advance(3_600_000).await;
        let again = sink.next().await;
        let parents = [&first, &again].map(|it| child_of(PARENT, it));
        assert_ne!(parents[0], parents[1], "each attempt is a span of its own");
        assert_eq!(first.headers["tracestate"], STATE);
        seen.push(parents);
    }
    assert_eq!(seen[0], seen[1], "the same seed makes the same spans");
}

#[tokio::test]
async fn what_is_booked_after_the_reply_is_told_in_the_trace_too() {
    let sim = Sim::with_profile(tell_refunds).await;
    let sink = Sink::start().await;
    let space = paid(&sim, "after", &sink).await;
    space.arm_one(json!({ "operation": "refund" }), json!([{ "commit": "after" }])).await;
    refund(&space, &[("traceparent", PARENT)]).await;
    let told = sink.next().await;
    child_of(PARENT, &told);
    assert!(told.headers.get("tracestate").is_none());
}

#[tokio::test]
async fn a_payment_is_told_in_the_trace_of_its_orders_registration() {
    let sim = Sim::start().await;
    let mut seen = Vec::new();
    for name in ["one", "two"] {
        let space = sim.make_space(&json!({ "name": name, "seed": 7 })).await;
        let clock = json!({ "freeze": true, "set": "2026-03-02T10:00:00+07:00" });
        space.control_post("clock", &clock).await.expect(200);
        let sink = Sink::start().await;
        sink.reply(Reply::Status(500, ""));
        let merchant = traced(&space, &[("traceparent", PARENT), ("tracestate", STATE)]);
        let order = json!({ "noti_url": sink.url("/noti") });
        merchant.register("1", order.clone()).await;
        // The same registration in another trace changes nothing.
        traced(&space, &[("traceparent", OTHER)]).register("1", order).await;
        space.pay("1", json!({})).await.expect(200);
        let first = sink.next().await;
        space.wait("idle").await;
        space.advance(3_600_000).await;
        let again = sink.next().await;
        let children = [&first, &again].map(|it| child_of(PARENT, it));
        assert_ne!(children[0], children[1], "each attempt is a span of its own");
        assert!([&first, &again].iter().all(|it| it.headers["tracestate"] == STATE));
        seen.push(children);
    }
    assert_eq!(seen[0], seen[1], "the same seed makes the same spans");
}

#[tokio::test]
async fn a_control_call_in_a_trace_of_its_own_is_told_in_that() {
    let sim = Sim::start().await;
    let space = sim.space("own").await;
    let sink = Sink::start().await;
    let merchant = traced(&space, &[("traceparent", PARENT), ("tracestate", STATE)]);
    for tx_id in ["1", "2", "3"] {
        merchant.register(tx_id, json!({ "noti_url": sink.url("/noti") })).await;
    }
    let tester = traced(&space, &[("traceparent", OTHER)]);
    let paid = tester.pay("1", json!({})).await.expect(200);
    let told = sink.next().await;
    child_of(OTHER, &told);
    assert!(told.headers.get("tracestate").is_none(), "a state belongs to its own trace");
    let entry = format!("journal/{}", paid["trace"].as_str().unwrap());
    assert_eq!(space.control_get(&entry).await.expect(200)["traceparent"], OTHER);

    tester.trigger("2", "cancel").await.expect(200);
    child_of(OTHER, &sink.next().await);
    // Also where it is booked only after the answer.
    space.arm_one(json!({ "operation": "pay" }), json!([{ "commit": "after" }])).await;
    tester.pay("3", json!({})).await.expect(200);
    child_of(OTHER, &sink.next().await);
}

#[tokio::test]
async fn a_snapshots_file_keeps_the_traces_of_orders_and_push_backs() {
    let sim = Sim::start().await;
    let space = sim.space("kept").await;
    let sink = Sink::start().await;
    let order = json!({ "noti_url": sink.url("/noti") });
    space.register("plain", order.clone()).await;
    let merchant = traced(&space, &[("traceparent", PARENT), ("tracestate", STATE)]);
    for tx_id in ["told", "open"] {
        merchant.register(tx_id, order.clone()).await;
    }
    space.pay("told", json!({})).await.expect(200);
    sink.next().await;
    space.wait("idle").await;
    space.control_post("snapshots", &json!({ "name": "now" })).await.expect(201);
    let file = space.control_get("snapshots/now").await.expect(200);
    let orders = &file["state"]["ledger"]["orders"];
    assert_eq!(orders[0].get("context"), None, "a file is as it ever was where there is no trace");
    let context = json!({ "traceparent": PARENT, "tracestate": STATE });
    assert_eq!(orders[1]["context"], context);
    assert_eq!(file["state"]["pushbacks"][0]["context"], context);

    space.control_send("PUT", "snapshots/again", &file.to_string()).await.expect(200);
    space.control_post("reset", &json!({})).await.expect(204);
    space.control_post("snapshots/again/restore", &json!({})).await.expect(200);
    space.control_post("pushbacks/1/resend", &json!({})).await.expect(202);
    child_of(PARENT, &sink.next().await);
    space.pay("open", json!({})).await.expect(200);
    let told = sink.next().await;
    child_of(PARENT, &told);
    assert_eq!(told.headers["tracestate"], STATE);
    space.pay("plain", json!({})).await.expect(200);
    assert!(sink.next().await.headers.get("traceparent").is_none());
}

#[tokio::test]
async fn what_is_malformed_is_ignored_and_noted() {
    let sim = Sim::with_profile(tell_refunds).await;
    let sink = Sink::start().await;
    let space = paid(&sim, "ignored", &sink).await;
    let capital = PARENT.to_uppercase();
    for (headers, kept, why) in [
        (vec![("traceparent", "00-1-2-01"), ("tracestate", STATE)], None, "traceparent is not 00-"),
        (vec![("traceparent", capital.as_str())], None, "traceparent is not 00-"),
        (vec![("traceparent", PARENT), ("traceparent", PARENT)], None, "more than once"),
        (
            vec![("traceparent", PARENT), ("tracestate", "a=1,a=2")],
            Some(PARENT),
            "tracestate is not",
        ),
    ] {
        let told = refund(&space, &headers).await;
        assert_eq!((&told["traceparent"], &told["tracestate"]), (&json!(kept), &Value::Null));
        let ignored = told["traceContextIgnored"].as_str().unwrap();
        assert!(ignored.contains(why), "{ignored}");
        let sent = sink.next().await;
        assert_eq!(sent.headers.get("traceparent").is_some(), kept.is_some());
        assert!(sent.headers.get("tracestate").is_none());
    }
    // A state of no trace is none of ours.
    let told = refund(&space, &[("tracestate", STATE)]).await;
    assert_eq!((&told["tracestate"], &told["traceContextIgnored"]), (&Value::Null, &Value::Null));
}
