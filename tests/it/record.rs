//! What was done by hand, written down as a scenario.

use payon_sim::base::Operation;
use payon_sim::scenario::{ScenarioFile, check};
use serde_json::{Value, json};

use super::binary::{Ended, run};
use super::support::{Raw, Sim, Sink, SpaceHandle};

/// The scenario of an order, or of the whole space, which reads as it was written and of which nothing is doubtful.
async fn recorded(space: &SpaceHandle, tx_id: Option<&str>) -> (Value, Vec<String>) {
    let of = tx_id.map(|tx_id| format!("?merchantId={}&txId={tx_id}", space.merchant().id));
    let told = space.control_get(&format!("scenario{}", of.unwrap_or_default())).await.expect(200);
    let yaml = told["yaml"].as_str().unwrap();
    let file = ScenarioFile::read("recorded.yaml", yaml.as_bytes()).expect(yaml);
    assert_eq!(json!(file.scenario.to_json()), told["scenario"], "{yaml}");
    assert!(check(&file.scenario).is_empty(), "{yaml}");
    let notes: Vec<String> = told["notes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|note| note.as_str().unwrap().into())
        .collect();
    for note in &notes {
        assert!(yaml.contains(&format!("# {note}\n")), "{note} is not in\n{yaml}");
    }
    (told["scenario"].clone(), notes)
}

#[tokio::test]
async fn an_order_that_was_paid_and_refunded_in_part() {
    let sim = Sim::start().await;
    let sink = Sink::start().await;
    let space = sim.space("record-refund").await;
    let noti = json!({ "noti_url": sink.url("/noti"), "amount": "12.50" });
    space.register("a-1", noti).await;
    space.register("other", json!({})).await;
    space.pay("a-1", json!({ "card": "4111111111111111" })).await;
    space.wait("pushback-acknowledged&txId=a-1").await;
    space.control_post("pushbacks/1/resend", &json!({})).await.expect(202);
    space.wait("idle").await;
    space.advance(10_000).await;
    space.trigger("a-1", "settle").await;
    space.advance(90_000).await;
    let amount = json!({ "txId": "a-1", "amount": "5.00" });
    space.call(Operation::Refund, &amount).await;
    space.call_signed(Operation::Refund, &amount).await;

    let (scenario, notes) = recorded(&space, Some("a-1")).await;
    assert_eq!(
        scenario["drive"],
        json!([
            { "register": { "amount": "12.50" } },
            { "pay": { "card": "4111111111111111" } },
            { "resend": {} },
            { "advance": "10s" },
            { "trigger": { "event": "settle" } },
            { "advance": "1m30s" },
            { "refund": { "amount": "5.00" } },
            "idle",
        ])
    );
    let order = &scenario["expect"][0]["order"];
    assert_eq!(order["state"], "partlyRefunded");
    assert_eq!(
        (&order["captured"]["eq"], &order["returned"]["eq"]),
        (&json!("12.50"), &json!("5.00"))
    );
    assert_eq!(scenario["expect"][1]["shop"]["believes"], "paid");
    assert_eq!(scenario["expect"][2]["pushback"]["cause"], "approved");
    assert_eq!(scenario["expect"][2]["pushback"]["exactly"], 1);
    assert_eq!(scenario["expect"][3]["ledger"]["balanced"], true);
    assert_eq!(notes.len(), 1, "{notes:?}");
    assert!(notes[0].contains("sign.missing"), "{notes:?}");
}

#[tokio::test]
async fn several_orders_with_rules_declines_and_time() {
    let sim = Sim::start().await;
    let space = sim.space("record-all").await;
    for tx_id in ["one", "two", "three"] {
        space
            .register(
                tx_id,
                json!({ "currency": "KHR", "amount": "4000", "paymentMethod": "BAKONG_KHQR" }),
            )
            .await;
    }
    space.pay("one", json!({ "outcome": "qr.declined" })).await;
    space.trigger("two", "cancel").await;
    let when = json!({ "operation": "status" });
    space.arm_one(when, json!([{ "transport": "reset" }])).await;
    space.advance(3_600_000).await;

    let (scenario, notes) = recorded(&space, None).await;
    assert_eq!(scenario["rules"].as_array().unwrap().len(), 1);
    let drive = scenario["drive"].as_array().unwrap();
    assert_eq!(drive[1]["register"]["order"], "order-2");
    assert_eq!(drive[1]["register"]["currency"], "KHR");
    assert_eq!(drive[3], json!({ "pay": { "outcome": "qr.declined" } }));
    assert_eq!(drive[4], json!({ "trigger": { "order": "order-2", "event": "cancel" } }));
    assert_eq!(drive[5], json!({ "advance": "10m" }), "the third order ran out of time");
    let states: Vec<_> = scenario["expect"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|one| {
            Some((one["order"]["state"].as_str()?, one["order"]["exactly"].as_u64()?))
        })
        .collect();
    assert_eq!(states, [("failed", 1), ("cancelled", 1), ("expired", 1)]);
    assert!(notes[0].contains("no address for push-backs"), "{notes:?}");
}

#[tokio::test]
async fn what_cannot_be_written_is_said() {
    let sim = Sim::start().await;
    let space = sim.space("record-none").await;
    let merchant = &space.merchant().id;
    let kind = async |path: &str| space.control_get(path).await.problem();
    let unknown = format!("scenario?merchantId={merchant}&txId=none");
    assert_eq!(kind(&unknown).await, (404, "unknown-order".to_owned()));
    assert_eq!(kind("scenario?txId=none").await.0, 400);
    for number in 0..=100 {
        space.register(&format!("n-{number}"), json!({})).await;
    }
    assert_eq!(kind("scenario").await, (429, "too-many".to_owned()));
    let (scenario, notes) = recorded(&space, Some("n-7")).await;
    assert!(notes[0].starts_with("n-7 is still registered"), "{notes:?}");
    assert_eq!(scenario["expect"][0]["order"]["state"], json!(["registered", "expired"]));
    assert_eq!(scenario["expect"][2]["ledger"]["captured"]["eq"], "0.00");
}

/// Tells what was recorded of a space again, with the built-in merchant and the bugs of these names.
async fn told_again(space: &SpaceHandle, mistakes: &[&str]) -> Ended {
    let told = space.control_get("scenario").await.expect(200);
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("recorded.yaml");
    std::fs::write(&file, told["yaml"].as_str().unwrap()).unwrap();
    let mut args = vec!["run", file.to_str().unwrap()];
    args.extend(mistakes.iter().flat_map(|mistake| ["--mistake", *mistake]));
    let mut ended = run(&args);
    ended.out += told["yaml"].as_str().unwrap();
    ended
}

/// A correct merchant passes what was recorded, and one with this bug does not.
async fn assert_told_again(space: &SpaceHandle, mistake: Option<&str>) {
    let good = told_again(space, &[]).await;
    assert_eq!(good.code, Some(0), "{}", good.out);
    if let Some(mistake) = mistake {
        let bad = told_again(space, &[mistake]).await;
        assert_eq!(bad.code, Some(1), "{mistake}: {}", bad.out);
    }
}

#[tokio::test]
async fn a_purchase_is_told_again() {
    let sim = Sim::start().await;
    let sink = Sink::start().await;
    let space = sim.space("again-paid").await;
    space.register("1", json!({ "noti_url": sink.url("/") })).await;
    // A payer who takes longer than the merchant waits before it asks first.
    space.advance(20_000).await;
    space.pay("1", json!({ "card": "4111111111111111" })).await.expect(200);
    space.wait("pushback-acknowledged").await;
    assert_told_again(&space, Some("pending-is-failure")).await;
}

#[tokio::test]
async fn a_refund_that_was_refused_is_told_again() {
    let sim = Sim::start().await;
    let space = sim.space("again-refused").await;
    space.register("1", json!({ "amount": "10.00" })).await;
    space.advance(20_000).await;
    space.pay("1", json!({})).await.expect(200);
    space.advance(86_400_000).await;
    let too_much = json!({ "txId": "1", "amount": "11.00" });
    let refused = space.call_signed(Operation::Refund, &too_much).await.json();
    assert_ne!(refused["resultCode"], "0000");
    let part = json!({ "txId": "1", "amount": "4.00" });
    space.call_signed(Operation::Refund, &part).await.expect(200);
    assert_told_again(&space, Some("pending-is-failure")).await;
}

#[tokio::test]
async fn a_declined_card_is_told_again() {
    let sim = Sim::start().await;
    let space = sim.space("again-declined").await;
    space.register("1", json!({})).await;
    space.pay("1", json!({ "card": "4000000000002370" })).await.expect(200);
    assert_eq!(space.order("1").await["state"], "failed");
    assert_told_again(&space, Some("pending-is-success")).await;
}

#[tokio::test]
async fn a_payment_that_was_declined_late_is_told_again() {
    let sim = Sim::start().await;
    let (space, sink) = (sim.space("late-decline").await, Sink::start().await);
    space.register("1", json!({ "noti_url": sink.url("/noti") })).await;
    space.pay("1", json!({})).await;
    space.trigger("1", "late-decline").await;
    let (scenario, _) = recorded(&space, None).await;
    assert_eq!(scenario["drive"][1], json!({ "pay": {} }), "{scenario}");
    assert_told_again(&space, None).await;
}

#[tokio::test]
async fn what_a_merchant_gave_back_twice_is_not_expected_of_a_correct_one() {
    let sim = Sim::start().await;
    let space = sim.space("twice").await;
    space.register("1", json!({ "amount": "10.00" })).await;
    space.pay("1", json!({})).await;
    space
        .arm(json!([
            { "id": "lost", "when": { "operation": "refund", "nth": 1 }, "then": [{ "status": 500 }] },
        ]))
        .await;
    let refund = json!({ "txId": "1", "amount": "4.00" });
    assert_eq!(space.call_signed(Operation::Refund, &refund).await.status, 500);
    let again = space.call_signed(Operation::Refund, &refund).await.expect(200);
    assert_eq!(again["resultCode"], "0000", "{again}");
    assert_eq!(space.order("1").await["returned"], "8.00");
    let (scenario, _) = recorded(&space, None).await;
    let shown = scenario["expect"].to_string();
    assert!(!shown.contains("8.00") && shown.contains("10.00"), "{shown}");
    assert_told_again(&space, None).await;
}

#[tokio::test]
async fn what_a_restore_has_undone_is_noted() {
    let sim = Sim::start().await;
    let space = sim.space("record-restored").await;
    space.register("a", json!({})).await;
    space.control_post("snapshots", &json!({ "name": "one" })).await.expect(201);
    space.pay("a", json!({})).await;
    let is_noted = async |tx_id| {
        recorded(&space, tx_id).await.1.iter().any(|note| note.contains("restored to a snapshot"))
    };
    assert!(!is_noted(None).await);
    space.control_post("snapshots/one/restore", &json!({})).await.expect(200);
    assert!(is_noted(None).await && is_noted(Some("a")).await);
    space.control_post("reset", &json!({})).await;
    space.register("a", json!({})).await;
    assert!(!is_noted(None).await);
}

#[tokio::test]
async fn more_than_a_year_is_noted() {
    let sim = Sim::start().await;
    let space = sim.space("years").await;
    space.register("1", json!({})).await;
    space.advance(400 * 86_400_000).await;
    space.register("2", json!({})).await;
    let told = space.control_get("scenario").await.expect(200);
    let yaml = told["yaml"].as_str().unwrap();
    assert!(yaml.contains("# More than a year passed; "), "{yaml}");
    let file = ScenarioFile::read("recorded.yaml", yaml.as_bytes()).expect(yaml);
    assert!(check(&file.scenario)[0].message.to_string().contains("more than a year"));
}

#[tokio::test]
async fn armed_faults_are_told_again() {
    let sim = Sim::start().await;
    let space = sim.space("again-faulty").await;
    space
        .arm(json!([
            { "id": "lost", "when": { "operation": "register", "first": 1 },
              "then": [{ "transport": "reset" }] },
            { "id": "gone", "when": { "operation": "refund", "first": 1 },
              "then": [{ "transport": "reset" }] },
        ]))
        .await;
    let merchant = space.merchant();
    let order = json!({
        "merchantId": merchant.id, "termId": merchant.terminal, "txId": "1", "trt": "10",
        "currency": "USD", "amount": "10.00", "paymentMethod": "CREDIT_DEBIT",
    });
    assert!(Raw::send(&space, Operation::Register, &order).await.end().await.is_reset);
    space.register("1", json!({ "amount": "10.00" })).await;
    space.pay("1", json!({})).await.expect(200);
    space.advance(86_400_000).await;
    let part = json!({ "txId": "1", "amount": "4.00" });
    assert!(Raw::send(&space, Operation::Refund, &part).await.end().await.is_reset);
    assert_eq!(space.order("1").await["refunded"], "4.00");
    assert_told_again(&space, Some("never-retries")).await;
    assert_told_again(&space, Some("repeats-refund")).await;
}

#[tokio::test]
async fn a_hold_of_which_a_part_was_captured_is_told_again() {
    let sim = Sim::start().await;
    let space = sim.space("again-held").await;
    space.register("1", json!({ "trt": "12", "amount": "10.00" })).await;
    space.advance(20_000).await;
    space.pay("1", json!({})).await.expect(200);
    let part = json!({ "txId": "1", "amount": "6.00", "currency": "USD" });
    space.call_signed(Operation::PreAuthCompletion, &part).await.expect(200);
    assert_eq!(space.order("1").await["captured"], "6.00");
    assert_told_again(&space, Some("pending-is-failure")).await;
}

#[tokio::test]
async fn an_order_that_nobody_paid_is_told_again() {
    let sim = Sim::start().await;
    let space = sim.space("again-open").await;
    space.register("1", json!({})).await;
    assert_told_again(&space, Some("never-polls")).await;
}

#[tokio::test]
async fn a_saved_card_is_told_again() {
    let sim = Sim::start().await;
    let space = sim.space("again-saved").await;
    let card = json!({
        "clientId": "U1", "paymentMethod": "CREDIT_DEBIT", "wdlAcNo": "4012001037141112",
    });
    let saved = space.call_signed(Operation::BindingRegister, &card).await.expect(200);
    let id = saved["bindingId"].as_str().unwrap();
    space.register("1", json!({ "clientId": "U1", "bindingId": id })).await;
    space.pay("1", json!({})).await.expect(200);
    let (scenario, _) = recorded(&space, None).await;
    let bind = json!({ "bind": { "clientId": "U1", "card": "4012001037141112" } });
    assert_eq!(scenario["drive"][0], bind);
    let fields = json!({ "clientId": "U1", "bindingId": id });
    assert_eq!(scenario["drive"][1]["register"]["fields"], fields);
    assert_told_again(&space, None).await;
}
