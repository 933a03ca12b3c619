//! `payon-sim explain`: a request of a running gateway in words.

use payon_sim::base::Operation;
use serde_json::{Value, json};

use crate::binary::{Ended, run};
use crate::support::{Raw, Reply, Sim, Sink, SpaceHandle};

fn explain(space: &SpaceHandle, args: &[&str]) -> Ended {
    let url = space.control_url.split("/space/").next().unwrap();
    let name = space.made["name"].as_str().unwrap();
    run(&[&["explain", "--url", url, "--space", name], args].concat())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_is_told_in_sections() {
    let sim = Sim::start().await;
    let (space, sink) = (sim.space("told").await, Sink::start().await);
    sink.reply(Reply::Status(503, ""));
    space.register("1", json!({ "noti_url": sink.url("/noti") })).await;
    let paid = space.pay("1", json!({})).await.expect(200);
    sink.next().await;
    space.wait("idle").await;
    let trace = paid["trace"].as_str().unwrap();
    let text = explain(&space, &[trace.trim_start_matches('0')]).ok();
    let id = &space.merchant().id;
    for part in [
        &format!("request     {trace} pay at 2026-"),
        &format!("\nfrom        merchant {id}, order 1\n"),
        "\ndecided     success: ",
        "\ncard        520473******1003: success, example, fixtures/pgtest/cards.toml:",
        "\nbooked      booked before the reply\n              approved ",
        "\norder       registered, then captured\n",
        "\nwire        HTTP 200 and all ",
        "\npush-backs  1 approved to ",
        ": waiting, next at 2026-",
        " HTTP 503, HTTP 503 (",
    ] {
        assert!(text.contains(part), "{part:?} is not in\n{text}");
    }

    let then = json!([{ "commit": "never" }, { "transport": "reset" }]);
    space
        .arm(json!([
            { "id": "lost", "when": { "operation": "refund" }, "then": then },
            { "id": "late", "when": { "operation": "refund", "orderState": "refunded" }, "then": then },
        ]))
        .await;
    Raw::send(&space, Operation::Refund, &json!({ "txId": "1", "amount": "0.25" }))
        .await
        .end()
        .await;
    let text = explain(&space, &["last"]).ok();
    for part in [
        "\nrule        lost: commit never, transport reset\n",
        "\nnearly      late\n              orderState: wants \"refunded\", is \"captured\"\n",
        "\n              withheld: refunded 0.25\n",
        "\norder       captured, as before\n",
        "\nwire        not a byte: the connection was reset before the first byte\n              the caller got no whole answer\n",
    ] {
        assert!(text.contains(part), "{part:?} is not in\n{text}");
    }
    let told: Value =
        serde_json::from_str(&explain(&space, &["last", "--format", "json"]).ok()).unwrap();
    assert_eq!(told["wire"]["fault"], "reset");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_signature_is_told_with_both_strings() {
    let sim = Sim::start().await;
    let space = sim.space("signature").await;
    space.register("1", json!({})).await;
    let mut body = space.merchant().signed(&json!({ "txId": "1" }));
    body["txId"] = "2".into();
    space.post(Operation::Refund, &body).await;
    let text = explain(&space, &["last"]).ok();
    for part in
        ["\ndecided     sign.invalid: ", "\nsignature   ", "canonical, to be signed (", "next: "]
    {
        assert!(text.contains(part), "{part:?} is not in\n{text}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_there_is_said_kindly() {
    let sim = Sim::start().await;
    let (space, other) = (sim.space("mine").await, sim.space("other").await);
    let ended = explain(&space, &["last"]);
    assert_eq!(ended.code, Some(1));
    assert_eq!(ended.err, "the journal is empty: no request has come yet\n");

    other.register("1", json!({})).await;
    let page = other.control_get("journal").await.expect(200);
    let trace = page["entries"][0]["trace"].as_str().unwrap();
    let ended = explain(&space, &[trace]);
    assert_eq!(ended.code, Some(1));
    assert!(ended.err.contains("it belongs to the space \"other\""), "{}", ended.err);
    let later = format!("{:x}", u64::from_str_radix(trace, 16).unwrap() + 1000);
    let ended = explain(&other, &[&later]);
    assert!(ended.err.contains("it was dropped, or never came"), "{}", ended.err);

    let ended = explain(&space, &["xyz"]);
    assert_eq!(ended.code, Some(2));
    assert!(ended.err.contains("or say `last`"), "{}", ended.err);
}
