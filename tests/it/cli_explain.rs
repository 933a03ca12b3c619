//! `payon-sim explain`: a request of a running gateway in words.

use payon_sim::base::Operation;
use serde_json::{Value, json};

use crate::binary::{Ended, Gateway, run};
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
        "\ncard        520473******1003: success, example, cards.toml:",
        " of the built-in profile\n",
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
    assert_eq!(
        ended.err,
        "the journal is empty: no request has come since the start or the last reset\n"
    );

    let forgetful = Gateway::start(&["--journal-entries", "0"]);
    forgetful.post("/pg/order/register", "{}");
    let ended = run(&["explain", "last", "--url", &forgetful.url]);
    assert_eq!(ended.code, Some(1));
    assert_eq!(ended.err, "the journal is empty: of 1 requests its budget keeps none\n");

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

#[test]
fn a_command_at_the_merchants_port_finds_the_control_plane_and_is_no_request_itself() {
    let gateway = Gateway::start(&["--control-port", "0"]);
    gateway.post("/pg/order/register", r#"{"txId":"of-the-merchant"}"#);
    for url in [&gateway.url, &format!("{}/space/default", gateway.url), &gateway.control_url] {
        run(&["healthcheck", "--url", url]).ok();
        let told = run(&["explain", "last", "--url", url]).ok();
        assert!(told.contains("order of-the-merchant\n"), "{url}: {told}");
        let tailed = run(&["tail", "--url", url, "--last", "9", "--max", "1"]).ok();
        assert!(tailed.contains("of-the-merchant"), "{url}: {tailed}");
    }
    let listed = run(&["space", "list", "--json", "--url", &gateway.url]).ok();
    let listed: Value = serde_json::from_str(&listed).unwrap();
    assert_eq!(listed["spaces"][0]["requests"], 1, "{listed}");
    // Who asks with other tools is told where to ask.
    let (status, problem) = gateway.get("/space/none/_sim/v1/orders");
    let there = format!("{}/space/none/_sim/v1/orders", gateway.control_url);
    assert!(status == 404 && problem.contains(&there), "{problem}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_is_told_however_deep_it_is_nested() {
    let sim = Sim::start().await;
    let space = sim.space("deep").await;
    for depth in [120, 126, 127, 128, 5000, 100_000] {
        let deep = format!("{}7{}", "[".repeat(depth), "]".repeat(depth));
        let merchant = &space.merchant().id;
        let body = format!("{{\"merchantId\":\"{merchant}\",\"txId\":\"D{depth}\",\"x\":{deep}}}");
        space.post_text(Operation::Register, &body).await;
        let text = explain(&space, &["last"]).ok();
        assert!(text.contains(&format!("order D{depth}\n")), "{depth}");
        // Past a depth that no person reads, the journal keeps no body.
        let is_kept = depth <= 128;
        assert!(!is_kept || text.contains(&deep), "{depth}");
        let json = explain(&space, &["last", "--format", "json"]).ok();
        let dense: String = json.split_whitespace().collect();
        assert!(dense.contains(&format!("\"D{depth}\"")), "{depth}");
        assert!(!is_kept || dense.contains(&deep), "{depth}");
        let tailed = tail_last(&space);
        assert!(tailed.contains(&format!("D{depth}")), "{tailed}");
    }
}

fn tail_last(space: &SpaceHandle) -> String {
    let url = &space.control_url;
    run(&[
        "tail", "--url", url, "--kind", "request", "--last", "1", "--max", "1", "--format", "full",
    ])
    .ok()
}

#[tokio::test(flavor = "multi_thread")]
async fn foreign_text_cannot_act_on_the_terminal() {
    let sim = Sim::start().await;
    let (space, sink) = (sim.space("foreign").await, Sink::start().await);
    let odd = "\u{1b}[31m\u{1b}]0;x\u{7}\u{9b}2J\u{202e}\u{61c}";
    sink.reply(Reply::Status(500, "\u{1b}[2J\u{1b}[31mError\u{9b}2J\u{202e}"));
    let order = "1\u{202e}\u{61c}";
    space.register(order, json!({ "noti_url": sink.url("/noti"), "memo": odd })).await;
    space.pay(order, json!({})).await.expect(200);
    sink.next().await;
    space.wait("idle").await;
    space.post_text(Operation::Register, &format!("{{\"termId\":\"{odd}")).await;
    let page = space.control_get("journal?limit=10").await.expect(200);
    let merchant = &space.merchant().id;
    let url = &space.control_url;
    let mut told: Vec<Ended> = Vec::new();
    for entry in page["entries"].as_array().unwrap() {
        let trace = entry["trace"].as_str().unwrap();
        told.push(explain(&space, &[trace]));
        told.push(explain(&space, &[trace, "--format", "json"]));
    }
    for format in ["compact", "full", "json"] {
        told.push(run(&["tail", "--url", url, "--last", "4", "--max", "4", "--format", format]));
    }
    told.push(run(&["pay", "--url", url, "--merchant", merchant, "--tx", order]));
    told.push(run(&["pay", "--url", url, "--merchant", merchant, "--tx", odd]));
    told.push(run(&["trigger", "--url", url, "--merchant", merchant, "--tx", order, "chargeback"]));
    told.push(run(&[
        "doctor",
        "--url",
        url,
        "--merchant",
        odd,
        "--noti-url",
        &format!("http://127.0.0.1:1/{odd}"),
    ]));
    for ended in told {
        let all = ended.out + &ended.err;
        let acts = |c: char| c != '\n' && (c.is_control() || "\u{202e}\u{61c}".contains(c));
        assert!(!all.is_empty() && !all.contains(acts), "{all:?}");
    }
}
