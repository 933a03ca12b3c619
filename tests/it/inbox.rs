//! The inbox: push-backs that go to boxes of the simulator itself.

use payon_sim::base::Operation;
use serde_json::{Value, json};

use crate::binary::{Gateway, run};
use crate::support::{Client, Setup, Sim, SpaceHandle};

/// Registers and pays an order whose push-backs go to a box.
async fn pay_into(space: &SpaceHandle, tx_id: &str, name: &str) {
    let url = format!("{}/_sim/inbox/{name}", space.base_url);
    space.register(tx_id, json!({ "noti_url": url })).await;
    space.pay(tx_id, json!({})).await.expect(200);
}

async fn messages(space: &SpaceHandle, path: &str) -> Vec<Value> {
    let page = space.control_get(path).await.expect(200);
    page["messages"].as_array().unwrap().clone()
}

async fn answer(space: &SpaceHandle, name: &str, answer: Value) -> Value {
    space.control_send("PUT", &format!("inbox/{name}"), &answer.to_string()).await.expect(200)
}

async fn attempts(space: &SpaceHandle, tx_id: &str) -> (String, Vec<Value>) {
    let page = space.control_get(&format!("pushbacks?txId={tx_id}")).await.expect(200);
    let pushback = &page["pushbacks"][0];
    let state = pushback["state"].as_str().unwrap().to_owned();
    (state, pushback["attempts"].as_array().unwrap().clone())
}

#[tokio::test]
async fn a_box_takes_push_backs_in_the_merchants_place() {
    // The merchants' port serves no control plane, and the control plane wants a token.
    let setup = Setup { control_port: true, token: Some("sesame"), ..Setup::default() };
    let sim = Sim::with(setup).await;
    let space = sim.space("inbox").await;
    pay_into(&space, "1", "shop").await;
    let message = space.wait("inbox&box=shop&txId=1").await["message"].clone();
    assert_eq!(space.wait("pushback-acknowledged&txId=1").await["pushback"]["id"], 1);
    let at = "2026-03-02T10:00:00.000+07:00";
    for (name, value) in [
        ("number", json!(1)),
        ("box", json!("shop")),
        ("at", json!(at)),
        ("pushbackId", json!(1)),
        ("attempt", json!(1)),
        ("txId", json!("1")),
        ("merchantId", json!(space.merchant().id)),
        ("status", json!(200)),
    ] {
        assert_eq!(message[name], value, "{name} of {message}");
    }
    let (_, sent) = attempts(&space, "1").await;
    assert_eq!(sent[0]["response"], r#"{"resultCode":"0000"}"#);
    let pushback = space.control_get("pushbacks").await.expect(200)["pushbacks"][0].clone();
    assert_eq!(message["json"], pushback["body"], "it is the body that was sent");
    let body = message["body"].as_str().unwrap();
    assert_eq!(message["bytes"], body.len());
    let headers = &message["headers"];
    assert_eq!(headers["content-type"], "application/json");
    assert!(headers["host"].as_str().unwrap().starts_with("127.0.0.1:"), "{headers}");
    assert_eq!(headers["content-length"], body.len().to_string());

    // Another box and another space have nothing of it.
    assert!(messages(&space, "inbox/other").await.is_empty());
    let other = sim.space("other").await;
    assert!(messages(&other, "inbox").await.is_empty());
}

#[tokio::test]
async fn a_box_that_refuses_is_tried_again_as_any_merchant() {
    let sim = Sim::start().await;
    let space = sim.space("refuses").await;
    let set = answer(&space, "shop", json!({ "status": 500, "body": "no" })).await;
    assert_eq!(set["answer"], json!({ "status": 500, "body": "no", "delayMs": 0, "close": false }));
    pay_into(&space, "1", "shop").await;
    space.wait("inbox&box=shop").await;
    space.advance(5_000).await;
    answer(&space, "shop", json!({})).await;
    space.run_until_idle().await;
    let all = messages(&space, "inbox/shop").await;
    let seen: Vec<_> = all
        .iter()
        .map(|it| {
            (
                it["attempt"].as_u64().unwrap(),
                it["status"].as_u64().unwrap(),
                it["at"].as_str().unwrap(),
            )
        })
        .collect();
    let expected = [
        (1, 500, "2026-03-02T10:00:00.000+07:00"),
        (2, 500, "2026-03-02T10:00:05.000+07:00"),
        (3, 200, "2026-03-02T10:05:05.000+07:00"),
    ];
    assert_eq!(seen, expected);
    let (state, sent) = attempts(&space, "1").await;
    assert_eq!(state, "acknowledged");
    assert_eq!((&sent[0]["status"], &sent[0]["response"]), (&json!(500), &json!("no")));
    // Only what came later counts.
    let after = space.wait("inbox&after=1").await["message"]["number"].clone();
    assert_eq!(after, 2);
    let page = space.control_get("inbox?limit=2").await.expect(200);
    assert_eq!((&page["next"], page["messages"].as_array().unwrap().len()), (&json!(2), 2));
    assert_eq!(messages(&space, "inbox?after=2&txId=1").await.len(), 1);
    assert_eq!(messages(&space, "inbox?txId=2").await.len(), 0);
}

#[tokio::test]
async fn a_box_answers_late_by_the_clock_of_its_space() {
    let sim = Sim::start().await;
    let space = sim.space("late").await;
    answer(&space, "shop", json!({ "delayMs": 9_999 })).await;
    pay_into(&space, "1", "shop").await;
    space.wait("inbox").await;
    space.advance(9_998).await;
    assert_eq!(attempts(&space, "1").await.0, "inFlight");
    space.advance(1).await;
    assert_eq!(attempts(&space, "1").await.0, "acknowledged");

    // The limit of an attempt is ten seconds.
    answer(&space, "shop", json!({ "delayMs": 10_000 })).await;
    pay_into(&space, "2", "shop").await;
    space.wait("inbox&txId=2").await;
    space.advance(10_000).await;
    let (state, sent) = attempts(&space, "2").await;
    assert_eq!((state.as_str(), sent.len()), ("waiting", 1));
    assert_eq!(sent[0]["error"], "no answer within 10000 ms");
    // Hours of it pass at once.
    space.run_until_idle().await;
    assert_eq!(attempts(&space, "2").await.0, "exhausted");
    let told = messages(&space, "inbox?txId=2").await;
    assert!(told.len() == 8 && told.iter().all(|it| it["status"].is_null()), "{told:?}");
}

#[tokio::test]
async fn a_box_that_is_silent_holds_up_no_other_space() {
    let sim = Sim::start().await;
    let (slow, other) = (sim.space("slow").await, sim.space("other").await);
    answer(&slow, "shop", json!({ "delayMs": 60_000 })).await;
    // As many as may be under way at one merchant.
    for tx_id in ["1", "2", "3", "4"] {
        pay_into(&slow, tx_id, "shop").await;
    }
    slow.advance(0).await;
    pay_into(&other, "1", "shop").await;
    other.advance(0).await;
    assert_eq!(attempts(&other, "1").await.0, "acknowledged");
}

#[tokio::test]
async fn a_box_may_close_the_connection() {
    let sim = Sim::start().await;
    let space = sim.space("closes").await;
    answer(&space, "shop", json!({ "close": true })).await;
    pay_into(&space, "1", "shop").await;
    assert_eq!(space.wait("inbox").await["message"]["status"], Value::Null);
    space.advance(0).await;
    let (state, sent) = attempts(&space, "1").await;
    assert_eq!((state.as_str(), &sent[0]["status"]), ("waiting", &Value::Null));
    let error = sent[0]["error"].as_str().unwrap();
    assert!(error.starts_with("no answer: the connection was closed"), "{error}");
}

#[tokio::test]
async fn a_reset_and_a_clear_empty_boxes_and_only_the_reset_forgets_answers() {
    let sim = Sim::start().await;
    let space = sim.space("clears").await;
    answer(&space, "a", json!({ "status": 404 })).await;
    pay_into(&space, "1", "a").await;
    pay_into(&space, "2", "b").await;
    space.wait("inbox&box=a").await;
    space.wait("inbox&box=b").await;
    space.control_send("DELETE", "inbox/a", "").await.expect(204);
    let page = space.control_get("inbox").await.expect(200);
    let boxes: Vec<_> = page["boxes"].as_array().unwrap().iter().collect();
    assert_eq!((&boxes[0]["messages"], &boxes[0]["answer"]["status"]), (&json!(0), &json!(404)));
    assert_eq!((&boxes[1]["name"], &boxes[1]["messages"]), (&json!("b"), &json!(1)));
    space.control_post("reset", &json!({})).await.expect(204);
    let empty = json!({ "messages": [], "next": null, "dropped": 0, "boxes": [] });
    assert_eq!(space.control_get("inbox").await.expect(200), empty);
}

#[tokio::test]
async fn what_a_rule_does_to_push_backs_arrives_in_a_box_too() {
    let sim = Sim::start().await;
    let space = sim.space("ruled").await;
    let huge = json!([{ "pushback": { "instead": { "huge": 300_000 } } }]);
    space.arm_one(json!({ "operation": "pay" }), huge).await;
    pay_into(&space, "1", "shop").await;
    let message = space.wait("inbox").await["message"].clone();
    let bytes = message["bytes"].as_u64().unwrap();
    assert!(bytes > 64 << 10 && message["json"].is_null(), "{bytes}");
    assert_eq!(message["body"].as_str().unwrap().len(), 64 << 10, "so much is kept");
}

#[tokio::test]
async fn wrong_answers_boxes_and_waits_are_refused() {
    let sim = Sim::start().await;
    let space = sim.space("wrong").await;
    for (body, member) in [
        (json!({ "status": 100 }), "status"),
        (json!({ "delayMs": 86_400_001 }), "delayMs"),
        (json!({ "body": "x".repeat(65_537) }), "body"),
    ] {
        let refused = space.control_send("PUT", "inbox/shop", &body.to_string()).await;
        assert_eq!(refused.problem(), (422, "refused".to_owned()), "{member}");
    }
    for path in ["inbox/a%20b", "inbox?limit=0", "wait?for=idle&box=a", "wait?for=inbox&after=x"] {
        let status = space.control_get(path).await.problem().0;
        assert!((400..500).contains(&status), "{path}: {status}");
    }
    let timed_out = space.control_get("wait?for=inbox&box=shop&txId=9&timeoutMs=1").await;
    let detail = timed_out.expect(408)["detail"].as_str().unwrap().to_owned();
    assert_eq!(detail, "inbox, box shop, txId 9: not within 1 ms; there is no order of this txId");
}

#[tokio::test]
async fn a_report_tells_the_space_in_words() {
    let sim = Sim::start().await;
    let space = sim.space("told").await;
    let report = async || {
        let report = space.control_get("report").await.expect(200);
        report["text"].as_str().unwrap().to_owned()
    };
    assert!(report().await.contains("no request of a merchant came"), "{}", report().await);
    answer(&space, "shop", json!({ "status": 500 })).await;
    pay_into(&space, "1", "shop").await;
    space.wait("inbox").await;
    space.advance(0).await;
    let members = json!({ "txId": "1", "amount": "1.00", "sign": "bm8=" });
    space.call(Operation::Refund, &members).await;
    let text = report().await;
    for part in [
        "space told\n  2026-03-02T10:00:00.000+07:00 register 1: HTTP 200, success\n",
        " refund 1: HTTP 200, sign.invalid: ",
        "\n    signature: The signature is refused: ",
        "\n  push-back 1 of 1 (approved) to http://127.0.0.1:",
        ": waiting after attempts: 1; HTTP 500\n",
    ] {
        assert!(text.contains(part), "{part:?} is not in\n{text}");
    }
}

#[tokio::test]
async fn the_default_space_has_boxes_and_the_command_line_shows_them() {
    let gateway = Gateway::start(&["--control-token", "sesame"]);
    let client = Client::new().with_header("authorization", "Bearer sesame");
    let order = format!(
        r#"{{"merchantId":"C0000143","termId":"CT03000003","txId":"1","trt":"10","currency":"USD","amount":"2","paymentMethod":"CREDIT_DEBIT","noti_url":"{}/_sim/inbox/shop"}}"#,
        gateway.url
    );
    assert_eq!(gateway.post("/pg/order/register", &order).0, 200);
    let control = |path: &str| format!("{}/_sim/v1/{path}", gateway.control_url);
    client.post(&control("orders/C0000143/1/pay"), &json!({})).await.expect(200);
    client.get(&control("wait?for=inbox&box=shop")).await.expect(200);
    let verb = ["inbox", "--url", &gateway.url, "--token", "sesame"];
    let text = run(&[&verb[..], &["shop"]].concat()).ok();
    let mut lines = text.lines();
    assert!(lines.next().unwrap().starts_with("time"), "{text}");
    let row: Vec<&str> = lines.next().unwrap().split_whitespace().collect();
    assert_eq!(row[1..5], ["shop", "1", "1", "200"], "{text}");
    assert!(row[5].starts_with('{'), "{text}");
    let all: Value =
        serde_json::from_str(&run(&[&verb[..], &["--format", "json"]].concat()).ok()).unwrap();
    assert_eq!(all[0]["headers"]["content-type"], "application/json");
    assert_eq!(run(&[&verb[..], &["other"]].concat()).ok().lines().count(), 1);
    gateway.stop();
}
