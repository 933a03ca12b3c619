//! The caller's own trace, taken over from a request and handed on in the push-backs that come of it.

use payon_sim::base::Operation;
use payon_sim::profile::{Profile, PushbackEvent};
use serde_json::{Value, json};

use crate::support::{Reply, Sim, Sink, SpaceHandle};

const PARENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
const STATE: &str = "rojo=00f067aa0ba902b7,congo=t61rcWkgMzE";

fn tell_refunds(profile: &mut Profile) {
    profile.pushback.events.push(PushbackEvent::Refund);
}

/// A refund of ten cents with these headers, and what the journal says of it.
async fn refund(space: &SpaceHandle, headers: &[(&str, &str)]) -> Value {
    let body = space.merchant().signed(&json!({ "txId": "1", "amount": "0.10" }));
    let url = format!("{}{}", space.base_url, Operation::Refund.paths()[0]);
    let client = headers
        .iter()
        .fold(space.client.clone(), |client, (name, value)| client.with_header(name, value));
    let answer = client.post(&url, &body).await;
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
        let parents: Vec<String> = [&first, &again]
            .map(|it| it.headers["traceparent"].to_str().unwrap().to_owned())
            .into();
        for parent in &parents {
            assert_eq!((&parent[..36], &parent[52..]), (&PARENT[..36], "-01"), "{parent}");
            assert_ne!(parent[36..52], PARENT[36..52]);
        }
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
    assert_eq!(told.headers["traceparent"].to_str().unwrap()[..36], PARENT[..36]);
    assert!(told.headers.get("tracestate").is_none());
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
