//! Waiting on the control plane.

use payon_sim::base::Operation;
use serde_json::json;

use crate::support::{Reply, Sim, Sink};

#[tokio::test]
async fn what_happens_during_the_wait_ends_it() {
    let sim = Sim::start().await;
    let space = sim.space("waits").await;
    let sink = Sink::start().await;
    // The three that wait are polled first; whether they wait already or find it done, they must see it.
    let (order, taken, request, ()) = tokio::join!(
        space.wait("order-final&txId=1"),
        space.wait("pushback-acknowledged&txId=1"),
        space.wait("request&operation=refund"),
        async {
            space.register("1", json!({ "noti_url": sink.url("/") })).await;
            space.pay("1", json!({})).await.expect(200);
            space.call_signed(Operation::Refund, &json!({ "txId": "1" })).await.expect(200);
        },
    );
    assert_eq!(order["event"], "order-final");
    assert_ne!(order["order"]["state"], "registered");
    assert_eq!(taken["pushback"]["state"], "acknowledged");
    assert_eq!(request["request"]["txId"], "1");
}

#[tokio::test]
async fn what_does_not_happen_times_out_with_a_problem() {
    let sim = Sim::start().await;
    let space = sim.space("in-vain").await;
    space.register("1", json!({})).await;
    for query in [
        "order-final&txId=1",
        "order-final&txId=unknown",
        "pushback-acknowledged",
        "pushback-exhausted&txId=1",
        "request&operation=refund",
    ] {
        let answer = space.control_get(&format!("wait?timeoutMs=1&for={query}")).await;
        assert_eq!(answer.problem(), (408, "timed-out".to_owned()), "{query}");
    }
    let detail = space.control_get("wait?timeoutMs=1&for=order-final&txId=1").await.json();
    assert!(detail["detail"].as_str().unwrap().contains("order-final, txId 1"), "{detail}");
}

#[tokio::test]
async fn a_wait_ends_with_its_space() {
    let sim = Sim::start().await;
    let (space, sink) = (sim.running_space("short-lived").await, Sink::start().await);
    sink.reply(Reply::Silence);
    space.register("1", json!({ "noti_url": sink.url("/") })).await;
    space.pay("1", json!({})).await.expect(200);
    sink.next().await;
    // A space that is emptied because it is deleted is not idle.
    let wait = |query: &'static str| {
        let space = space.clone();
        tokio::spawn(async move { space.control_get(&format!("wait?for={query}")).await })
    };
    let waits = ["order-final&txId=2", "idle"].map(wait);
    for _ in 0..20 {
        space.control_get("clock").await.expect(200);
    }
    let url = format!("{}/_sim/v1/spaces/short-lived", sim.url);
    assert_eq!(sim.client.send("DELETE", &url, "").await.status, 204);
    for answer in waits {
        let answer = answer.await.unwrap();
        assert_eq!(answer.problem(), (404, "unknown-space".to_owned()), "{}", answer.text());
    }
}

#[tokio::test]
async fn a_wait_for_what_is_not_there_says_so() {
    let sim = Sim::start().await;
    let space = sim.space("nobody").await;
    for (query, told) in [
        ("order-final&txId=1&merchantId=NOBODY", "there is no merchant \"NOBODY\""),
        ("request&merchantId=NOBODY", "there is no merchant \"NOBODY\""),
        ("order-final&txId=1", "there is no order of this txId"),
    ] {
        let answer = space.control_get(&format!("wait?for={query}&timeoutMs=20")).await;
        assert_eq!(answer.status, 408);
        assert!(answer.text().contains(&told.replace('"', "\\\"")), "{}", answer.text());
    }
}

#[tokio::test]
async fn a_wait_that_makes_no_sense_is_refused() {
    let sim = Sim::start().await;
    for (query, member) in [
        ("", "for"),
        ("for=order-final", "txId"),
        ("for=idle&after=1", "after"),
        ("for=request&after=1", "after"),
        ("for=pushback-exhausted&after=x", "after"),
        ("for=idle&operation=refund", "operation"),
    ] {
        let answer = sim.get(&format!("v1/wait?{query}")).await;
        assert_eq!(answer.problem(), (400, "unreadable".to_owned()), "{query}");
        let text = answer.text();
        assert!(
            text.contains(&format!("`{member}`")) || answer.json()["member"] == member,
            "{text}"
        );
    }
    // Scripts give the order with every wait; when the whole space is idle, so is what is about the order.
    assert_eq!(sim.get("v1/wait?for=idle&txId=1&merchantId=C0000143").await.status, 200);
    let answer = sim.get("v1/wait?for=idle&timeoutMs=300001").await;
    assert_eq!(answer.problem(), (422, "refused".to_owned()));
    let answer = sim.get("v1/wait?for=oder-final").await;
    assert!(answer.text().contains("did you mean order-final?"), "{}", answer.text());
}

#[tokio::test]
async fn after_leaves_out_what_has_happened_before() {
    let sim = Sim::start().await;
    let space = sim.space("after").await;
    let sink = Sink::start().await;
    space.register("1", json!({ "noti_url": sink.url("/") })).await;
    space.pay("1", json!({})).await.expect(200);
    let first = space.wait("pushback-acknowledged").await["pushback"]["id"].clone();
    let again = format!("wait?timeoutMs=1&for=pushback-acknowledged&after={first}");
    assert_eq!(space.control_get(&again).await.status, 408);

    let seen = space.wait("request").await["request"]["trace"].clone();
    let seen = seen.as_str().unwrap();
    let later = format!("request&after={seen}");
    assert_eq!(space.control_get(&format!("wait?timeoutMs=1&for={later}")).await.status, 408);
    for tx_id in ["2", "3"] {
        space.register(tx_id, json!({})).await;
    }
    assert_eq!(space.wait(&later).await["request"]["txId"], "2", "the first one after");
    assert_eq!(space.wait("request").await["request"]["txId"], "3", "the latest one");
}

#[tokio::test]
async fn idle_is_when_nothing_is_under_way_or_due() {
    let sim = Sim::start().await;
    let space = sim.space("idle").await;
    assert_eq!(space.wait("idle").await["clock"]["frozen"], true);
    let sink = Sink::start().await;
    sink.reply(Reply::Silence);
    space.register("1", json!({ "noti_url": sink.url("/") })).await;
    space.pay("1", json!({})).await.expect(200);
    sink.next().await;
    let answer = space.control_get("wait?timeoutMs=1&for=idle").await;
    assert_eq!(answer.status, 408, "an attempt is under way");
}
