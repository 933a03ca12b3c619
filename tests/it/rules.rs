//! Rules at work: what is answered, what is booked and when, what the merchant is told, and that it repeats.

use std::sync::Arc;

use payon_sim::base::Operation;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::sync::Notify;
use tokio::task::JoinSet;

use crate::support::{Raw, Reply, Sim, Sink, SpaceHandle, soon};

async fn paid(sim: &Sim, name: &str) -> SpaceHandle {
    let space = sim.space(name).await;
    space.register("1", json!({})).await;
    space.pay("1", json!({})).await.expect(200);
    space
}

async fn refund(space: &SpaceHandle) -> Value {
    space.call_signed(Operation::Refund, &json!({ "txId": "1" })).await.expect(200)
}

async fn state(space: &SpaceHandle) -> String {
    space.order("1").await["state"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn booked_before_the_reply_that_is_lost() {
    let sim = Sim::start().await;
    let space = paid(&sim, "before").await;
    let then = json!([{ "commit": "before" }, { "transport": "reset" }]);
    space.arm_one(json!({ "operation": "refund" }), then).await;
    let ended = Raw::send(&space, Operation::Refund, &json!({ "txId": "1" })).await.end().await;
    assert!(ended.is_reset && ended.text.is_empty());
    assert_eq!(state(&space).await, "refunded");
    let journal = space.control_get("journal?operation=refund").await.expect(200);
    let entry = &journal["entries"][0];
    assert_eq!((&entry["rule"], &entry["plan"]), (&json!("rule"), &json!("transport reset")));
    assert_eq!(entry["response"]["resultCode"], "0000");
}

#[tokio::test]
async fn answered_with_success_and_never_booked() {
    let sim = Sim::start().await;
    let space = paid(&sim, "never").await;
    let then = json!([{ "commit": "never" }]);
    space.arm_one(json!({ "operation": ["refund", "register"] }), then).await;
    let answer = refund(&space).await;
    assert_eq!((&answer["resultCode"], &answer["amount"]), (&json!("0000"), &json!(1.0)));
    assert_eq!(state(&space).await, "captured");
    let made = space.register("2", json!({})).await;
    assert_eq!(made["txId"], "2");
    let asked = space.call_signed(Operation::Status, &json!({ "txId": "2" })).await;
    assert_ne!(asked.json()["resultCode"], "0000");
    assert_eq!(
        space.control_get("orders").await.expect(200)["orders"].as_array().unwrap().len(),
        1
    );
}

#[tokio::test]
async fn booked_after_the_reply_which_waits_for_the_clock() {
    let sim = Sim::start().await;
    let space = Arc::new(paid(&sim, "after").await);
    let then = json!([{ "latency": "3s" }, { "commit": "after" }]);
    space.arm_one(json!({ "operation": "refund" }), then).await;
    let asking = tokio::spawn({
        let space = Arc::clone(&space);
        async move { refund(&space).await }
    });
    space.wait("request&operation=refund").await;
    assert_eq!(state(&space).await, "captured");
    space.advance(2999).await;
    assert!(!asking.is_finished());
    assert_eq!(state(&space).await, "captured");
    space.advance(1).await;
    assert_eq!(asking.await.unwrap()["resultCode"], "0000");
    space.wait("order-final&txId=1").await;
    assert_eq!(state(&space).await, "refunded");
}

#[tokio::test]
async fn time_that_passes_stops_where_a_reply_may_leave() {
    let sim = Sim::start().await;
    let space = paid(&sim, "stops").await;
    space
        .arm(json!([
            { "id": "late", "when": { "operation": "refund" },
              "then": [{ "latency": "3s" }, { "commit": "after" }] },
            { "id": "slow", "when": { "operation": "reversal" }, "then": [{ "latency": "3s" }] },
        ]))
        .await;
    let calls = [
        (
            Operation::Refund,
            json!({ "txId": "1", "amount": "0.10" }),
            json!({ "advance": 3_600_000 }),
        ),
        (Operation::Reversal, json!({ "txId": "1" }), json!({ "runUntilIdle": true })),
    ];
    for (operation, members, passes) in calls {
        let mut raw = Raw::send(&space, operation, &members).await;
        space.wait(&format!("request&operation={operation}")).await;
        space.control_post("clock", &passes).await.expect(200);
        assert!(raw.end().await.text.starts_with("HTTP/1.1 "));
    }
    let order = space.order("1").await;
    let times: Vec<_> =
        order["events"].as_array().unwrap().iter().map(|e| e["at"].as_str().unwrap()).collect();
    assert_eq!(times[2..], ["2026-03-02T10:00:03.000+07:00"]);
    let clock = space.control_get("clock").await.expect(200);
    assert_eq!(clock["now"], "2026-03-02T11:00:03.000+07:00");
}

#[tokio::test]
async fn passcodes_and_cards_are_never_booked_either() {
    let sim = Sim::start().await;
    let space = sim.space("cards").await;
    space.arm_one(json!({ "operation": "bindingRegister" }), json!([{ "commit": "never" }])).await;
    let card =
        json!({ "clientId": "U1", "paymentMethod": "CREDIT_DEBIT", "wdlAcNo": "4012001037141112" });
    let saved = space.call_signed(Operation::BindingRegister, &card).await.expect(200);
    assert_eq!(saved["resultCode"], "0000", "{saved}");
    let listed = space.call_signed(Operation::BindingList, &json!({ "clientId": "U1" })).await;
    assert_eq!(listed.json()["resultData"], json!([]));
}

#[tokio::test]
async fn booked_at_its_time_also_when_the_caller_gives_up() {
    let sim = Sim::start().await;
    let space = paid(&sim, "gone").await;
    let then = json!([{ "latency": "1h" }, { "commit": "after" }]);
    space.arm_one(json!({ "operation": "refund" }), then).await;
    let raw = Raw::send(&space, Operation::Refund, &json!({ "txId": "1" })).await;
    space.wait("request&operation=refund").await;
    drop(raw);
    assert_eq!(state(&space).await, "captured");
    space.run_until_idle().await;
    let order = space.order("1").await;
    assert_eq!(order["state"], "refunded");
    assert_eq!(order["events"][2]["at"], "2026-03-02T11:00:00.000+07:00");
}

#[tokio::test]
async fn what_is_owed_is_not_booked_once_the_order_has_changed() {
    let sim = Sim::start().await;
    let space = paid(&sim, "changed").await;
    let then = json!([{ "latency": "1h" }, { "commit": "after" }]);
    space.arm_one(json!({ "operation": "refund", "first": 1 }), then).await;
    let raw = Raw::send(&space, Operation::Refund, &json!({ "txId": "1" })).await;
    space.wait("request&operation=refund").await;
    let reversal = space.call_signed(Operation::Reversal, &json!({ "txId": "1" })).await;
    assert_eq!(reversal.expect(200)["resultCode"], "0000");
    let mut raw = raw;
    space.advance(3_600_000).await;
    assert!(raw.end().await.body().contains("\"0000\""));
    let order = space.order("1").await;
    assert_eq!((&order["state"], &order["refunded"]), (&json!("reversed"), &json!("0.00")));
}

#[tokio::test]
async fn refused_by_a_reason_and_booked_all_the_same_where_told() {
    let sim = Sim::start().await;
    let space = paid(&sim, "reasons").await;
    let reason = json!({ "reason": "card.do-not-honour" });
    space.arm_one(json!({ "operation": "refund" }), json!([reason])).await;
    let natural = refund(&space).await;
    assert_ne!(natural["resultCode"], "0000");
    assert_eq!(state(&space).await, "captured");
    space
        .arm_one(json!({ "operation": "refund" }), json!([reason, { "commit": "approved" }]))
        .await;
    assert_eq!(refund(&space).await["resultCode"], natural["resultCode"]);
    assert_eq!(state(&space).await, "refunded");
}

#[tokio::test]
async fn the_payer_is_declined_or_told_of_a_failure_that_is_none() {
    let sim = Sim::start().await;
    let space = sim.space("payer").await;
    let declined = json!({ "reason": "card.insufficient-funds" });
    space
        .arm(json!([
            { "id": "declined", "when": { "operation": "pay", "txId": "1" }, "then": [declined] },
            { "id": "lost", "when": { "operation": "pay", "txId": "2" },
              "then": [{ "reason": "issuer.timeout" }, { "commit": "approved" }] },
            { "id": "nothing", "when": { "operation": "pay", "txId": "3" },
              "then": [{ "commit": "never" }] },
        ]))
        .await;
    for (tx_id, reason, expected) in [
        ("1", "card.insufficient-funds", "failed"),
        ("2", "issuer.timeout", "captured"),
        ("3", "success", "registered"),
    ] {
        space.register(tx_id, json!({})).await;
        let played = space.pay(tx_id, json!({})).await.expect(200);
        assert_eq!(played["reason"], reason);
        assert_eq!(space.order(tx_id).await["state"], expected, "{tx_id}");
    }
}

#[tokio::test]
async fn a_rule_about_a_payment_looks_at_merchant_terminal_order_and_card() {
    let sim = Sim::start().await;
    let space = sim.space("facts").await;
    let (merchant, terminal) = (space.merchant().id.clone(), space.merchant().terminal.clone());
    let typed = json!({ "card": "4111111111111111" });
    for (number, (request, when, fits)) in [
        (json!({}), json!({ "merchantId": merchant }), true),
        (json!({}), json!({ "merchantId": "M0" }), false),
        (json!({}), json!({ "termId": terminal }), true),
        (json!({}), json!({ "termId": "T0" }), false),
        (json!({}), json!({ "txId": "4" }), true),
        (json!({}), json!({ "txId": "4" }), false),
        (typed.clone(), json!({ "card": { "number": "4111111111111111" } }), true),
        (json!({}), json!({ "card": { "number": "5204730000001003" } }), true),
        (json!({}), json!({ "card": { "number": "4111111111111111" } }), false),
        // Declined with a card that is known all the same.
        (
            json!({ "card": "4000000000009987" }),
            json!({ "card": { "number": "4000000000009987" } }),
            true,
        ),
        // Nothing was typed before the payer gave up, so the first that is approved stands for it.
        (
            json!({ "outcome": "payer.cancelled" }),
            json!({ "card": { "number": "5204730000001003" } }),
            true,
        ),
    ]
    .into_iter()
    .enumerate()
    {
        let (tx_id, mut when) = (number.to_string(), when);
        when["operation"] = "pay".into();
        space.arm_one(when.clone(), json!([{ "reason": "card.restricted" }])).await;
        space.register(&tx_id, json!({})).await;
        let paid = space.pay(&tx_id, request).await.expect(200);
        assert_eq!(paid["reason"] == "card.restricted", fits, "{when}: {paid}");
    }
}

#[tokio::test]
async fn a_rule_about_an_event_bends_what_is_told_of_it() {
    let sim = Sim::start().await;
    let space = sim.space("events").await;
    let then = json!([{ "pushback": { "copies": 3 } }]);
    space.arm_one(json!({ "operation": "trigger", "txId": "1" }), then).await;
    for (tx_id, told) in [("1", 3), ("2", 1)] {
        space.register(tx_id, json!({ "noti_url": "http://127.0.0.1:9/n" })).await;
        space.trigger(tx_id, "cancel").await.expect(200);
        let pushbacks = space.control_get(&format!("pushbacks?txId={tx_id}")).await.expect(200);
        assert_eq!(pushbacks["pushbacks"].as_array().unwrap().len(), told, "{pushbacks}");
    }
}

#[tokio::test]
async fn replies_are_patched_and_their_status_changed() {
    let sim = Sim::start().await;
    let space = paid(&sim, "patch").await;
    let patch = json!({ "patch": { "set": { "resultData.amount": 9.5 } } });
    space.arm_one(json!({ "operation": "status" }), json!([patch, { "status": 202 }])).await;
    let answer = space.call_signed(Operation::Status, &json!({ "txId": "1" })).await;
    assert_eq!(answer.expect(202)["resultData"]["amount"], 9.5);
}

#[tokio::test]
async fn push_backs_come_wrong_first_and_in_copies() {
    let sim = Sim::start().await;
    let space = sim.space("copies").await;
    let sink = Sink::start().await;
    let then = json!([{ "pushback": { "first": "wrong-status", "copies": 3, "apart": "10s" } }]);
    space.arm_one(json!({ "operation": "pay" }), then).await;
    space.register("1", json!({ "noti_url": sink.url("/") })).await;
    space.pay("1", json!({})).await.expect(200);
    assert_ne!(sink.next().await.json()["resultCode"], "0000");
    assert_eq!(sink.pending().await, 0);
    space.run_until_idle().await;
    for _ in 0..3 {
        assert_eq!(sink.next().await.json()["resultCode"], "0000");
    }
    assert_eq!(sink.pending().await, 0);
    let told = space.control_get("pushbacks?txId=1").await.expect(200);
    assert_eq!(told["pushbacks"][0]["content"], "wrong-status");
    assert_eq!(told["pushbacks"][3]["content"], "true");
}

#[tokio::test]
async fn push_backs_are_dropped_forged_and_about_nothing() {
    let sim = Sim::start().await;
    let space = sim.space("forged").await;
    let sink = Sink::start().await;
    space
        .arm(json!([
            { "id": "forged", "when": { "operation": "register" },
              "then": [{ "pushback": { "forged": true, "unknownOrder": true } }] },
            { "id": "dropped", "when": { "operation": "pay" },
              "then": [{ "pushback": { "drop": true } }] },
        ]))
        .await;
    space.register("1", json!({ "noti_url": sink.url("/") })).await;
    let mut told = [sink.next().await.json(), sink.next().await.json()];
    told.sort_by_key(|notice| notice["txId"] != "1");
    assert_eq!((&told[0]["txId"], &told[0]["resultCode"]), (&json!("1"), &json!("0000")));
    assert_ne!(told[1]["txId"], "1");
    assert_eq!(state(&space).await, "registered");
    space.pay("1", json!({})).await.expect(200);
    space.run_until_idle().await;
    assert_eq!(state(&space).await, "captured");
    assert_eq!(sink.pending().await, 0);
}

#[tokio::test]
async fn bodies_of_push_backs_are_broken_and_of_another_type() {
    let sim = Sim::start().await;
    let space = sim.space("lies").await;
    let sink = Sink::start().await;
    let then = json!([{ "pushback": {
        "instead": "malformed", "first": "form", "bytesPerSecond": 5000 } }]);
    space.arm_one(json!({ "operation": "pay" }), then).await;
    space.register("1", json!({ "noti_url": sink.url("/") })).await;
    space.pay("1", json!({})).await.expect(200);
    space.run_until_idle().await;
    let mut told = [sink.next().await, sink.next().await];
    told.sort_by_key(|notice| {
        notice.headers["content-type"] != "application/x-www-form-urlencoded"
    });
    assert!(told[0].body.starts_with(b"txId=1&resultCode=0000"));
    assert!(serde_json::from_slice::<Value>(&told[1].body).is_err());
    // The control plane can show it nevertheless.
    space.control_get("pushbacks?txId=1").await.expect(200);
}

#[tokio::test]
async fn a_push_back_of_the_wrong_order_names_one_of_the_same_merchant_that_the_seed_chooses() {
    let sim = Sim::start().await;
    let (mut chosen, sink) = (Vec::new(), Sink::start().await);
    for seed in [1, 1, 2, 3, 4, 5] {
        let space = sim.make_space(&json!({ "seed": seed })).await;
        let then = json!([{ "pushback": { "instead": "wrong-tx-id", "last": "unknown-tx-id" } }]);
        space.arm_one(json!({ "operation": "pay" }), then).await;
        space.register("alone", json!({ "noti_url": sink.url("/") })).await;
        space.pay("alone", json!({})).await.expect(200);
        space.run_until_idle().await;
        // There is no other order yet, and the journal says what was sent instead.
        for _ in 0..2 {
            let named = sink.next().await.json()["txId"].clone();
            assert_ne!(named, "alone");
        }
        let told = space.control_get("pushbacks?txId=alone").await.expect(200);
        let kinds = told["pushbacks"].as_array().unwrap().iter().map(|it| it["content"].clone());
        assert!(kinds.eq([json!("unknown-tx-id"), json!("unknown-tx-id")]), "{told}");

        let own: Vec<String> = (10..18).map(|n| format!("T{n}")).collect();
        for tx_id in &own {
            space.register(tx_id, json!({ "noti_url": sink.url("/") })).await;
        }
        space.pay("T17", json!({})).await.expect(200);
        space.run_until_idle().await;
        let mut named = [sink.next().await.json(), sink.next().await.json()]
            .map(|notice| notice["txId"].as_str().unwrap().to_owned());
        let is_real = |tx_id: &String| own.contains(tx_id) || tx_id == "alone";
        named.sort_by_key(|tx_id| !is_real(tx_id));
        assert!(is_real(&named[0]) && named[0] != "T17", "{named:?}");
        // The unknown one looks like the order's own, and is no order's.
        assert!(!is_real(&named[1]), "{named:?}");
        chosen.push(named[0].clone());
    }
    assert_eq!(chosen[0], chosen[1]);
    assert!(chosen.iter().any(|tx_id| *tx_id != chosen[0]), "{chosen:?}");
}

#[tokio::test]
async fn the_link_of_an_order_booked_after_the_reply_is_its_own() {
    let sim = Sim::start().await;
    let space = Arc::new(sim.space("promised").await);
    let then = json!([{ "latency": "3s" }, { "commit": "after" }]);
    space.arm_one(json!({ "operation": "register", "txId": "first" }), then).await;
    let registering = tokio::spawn({
        let space = Arc::clone(&space);
        async move { space.register("first", json!({})).await }
    });
    space.wait("request&operation=register").await;
    let other = space.register("other", json!({})).await;
    space.advance(3000).await;
    let made = registering.await.unwrap();
    space.control_get("orders").await.expect(200);
    for (order, tx_id) in [(&made, "first"), (&other, "other")] {
        let page = sim.client.get(order["checkoutUrl"].as_str().unwrap()).await;
        assert!(page.text().contains(tx_id), "{tx_id}");
    }
}

#[tokio::test]
async fn time_that_runs_out_asks_the_rules_what_the_merchant_is_told() {
    let sim = Sim::start().await;
    let space = sim.space("expiry").await;
    let sink = Sink::start().await;
    let then = json!([{ "pushback": { "forged": true } }]);
    space.arm_one(json!({ "operation": "trigger", "txId": "1" }), then).await;
    for tx_id in ["0", "1"] {
        space.register(tx_id, json!({ "noti_url": sink.url("/") })).await;
    }
    space.advance(3_600_000).await;
    let told = sink.next().await.json();
    assert_eq!((&told["txId"], &told["resultCode"]), (&json!("1"), &json!("0000")));
    assert_eq!((state(&space).await, sink.pending().await), ("expired".to_owned(), 0));
    assert_eq!(space.control_get("rules").await.expect(200)["rules"][0]["fired"], 1);
}

#[tokio::test]
async fn a_slow_push_back_follows_the_spaces_clock() {
    let sim = Sim::start().await;
    let space = Arc::new(sim.space("slow").await);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let then = json!([{ "pushback": { "bytesPerSecond": 10 } }]);
    space.arm_one(json!({ "operation": "pay" }), then).await;
    space.register("1", json!({ "noti_url": url })).await;
    space.pay("1", json!({})).await.expect(200);
    let (stream, _) = soon("the push-back", listener.accept()).await.unwrap();
    let mut raw = Raw(stream);
    let head = raw.head().await;
    let (_, length) = head.split_once("content-length: ").unwrap();
    let length: usize = length.lines().next().unwrap().parse().unwrap();
    assert!(length > 10 && raw.has_nothing());
    space.advance(1000).await;
    let mut body = [0; 10];
    soon("ten bytes", raw.0.read_exact(&mut body)).await.unwrap();
    assert!(raw.has_nothing());
    let passing = tokio::spawn({
        let space = Arc::clone(&space);
        async move { space.run_until_idle().await }
    });
    let mut rest = vec![0; length - 10];
    soon("the rest", raw.0.read_exact(&mut rest)).await.unwrap();
    raw.0.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").await.unwrap();
    passing.await.unwrap();
    let told = space.control_get("pushbacks?txId=1").await.expect(200);
    assert_eq!(told["pushbacks"][0]["state"], "acknowledged");
    let clock = space.control_get("clock").await.expect(200);
    let ms = length * 100;
    assert_eq!(clock["now"], format!("2026-03-02T10:00:{:02}.{:03}+07:00", ms / 1000, ms % 1000));
}

#[tokio::test]
async fn a_push_back_overtakes_the_reply() {
    let sim = Sim::start().await;
    let space = Arc::new(sim.space("overtakes").await);
    let sink = Sink::start().await;
    let held = Arc::new(Notify::new());
    sink.reply(Reply::Held(Arc::clone(&held)));
    let then = json!([{ "pushback": { "forged": true, "beforeReply": true } }]);
    space.arm_one(json!({ "operation": "register" }), then).await;
    let url = sink.url("/");
    let registering = tokio::spawn({
        let space = Arc::clone(&space);
        async move { space.register("1", json!({ "noti_url": url })).await }
    });
    assert_eq!(sink.next().await.json()["txId"], "1");
    assert!(!registering.is_finished());
    held.notify_one();
    assert_eq!(registering.await.unwrap()["txId"], "1");
}

/// What 32 clients that ask at once hear, order by order.
async fn scenarios() -> Vec<Vec<String>> {
    let sim = Sim::start().await;
    let space = Arc::new(sim.space("chance").await);
    space
        .arm(json!([
            { "id": "second", "when": { "operation": "status", "nth": 2 },
              "then": [{ "reason": "system.busy" }] },
            { "id": "lot", "when": { "operation": "status", "probability": 0.5 },
              "then": [{ "reason": "system.error" }] },
        ]))
        .await;
    let mut clients = JoinSet::new();
    for number in 0..32 {
        let space = Arc::clone(&space);
        clients.spawn(async move {
            let tx_id = format!("order-{number:02}");
            space.register(&tx_id, json!({})).await;
            space.pay(&tx_id, json!({})).await.expect(200);
            let mut heard = vec![tx_id.clone()];
            for _ in 0..6 {
                let answer = space.call_signed(Operation::Status, &json!({ "txId": tx_id })).await;
                heard.push(answer.json()["resultCode"].as_str().unwrap().to_owned());
            }
            heard
        });
    }
    let mut all = clients.join_all().await;
    all.sort();
    all
}

#[tokio::test(flavor = "multi_thread")]
async fn thirty_two_clients_at_once_hear_the_same_twice() {
    let (first, second) = (scenarios().await, scenarios().await);
    assert_eq!(first, second);
    let endings: std::collections::BTreeSet<_> = first.iter().map(|heard| &heard[1..]).collect();
    assert!(endings.len() > 4, "orders have scenarios of their own: {endings:?}");
    assert!(first.iter().all(|heard| heard[2] == first[0][2]), "the second call is always refused");
}

#[tokio::test]
async fn rules_are_listed_with_how_often_they_fitted_and_gone_after_a_reset() {
    let sim = Sim::start().await;
    let space = paid(&sim, "tallies").await;
    let rule = |id: &str| {
        json!({ "id": id, "when": { "operation": "status", "header": "down" },
                "then": [{ "reason": "system.maintenance" }] })
    };
    space.arm(json!([rule("a")])).await;
    let appended = space.control_post("rules", &json!([rule("b")])).await.expect(200);
    assert_eq!(appended["rules"].as_array().unwrap().len(), 2);
    let taken = space.control_post("rules", &json!([rule("b")])).await;
    assert_eq!(taken.problem(), (422, "refused".to_owned()));
    let url = format!("{}{}", space.base_url, Operation::Status.paths()[0]);
    let body = space.merchant().signed(&json!({ "txId": "1" }));
    let steered = sim.client.with_header("x-payon-scenario", "down");
    assert_ne!(steered.post(&url, &body).await.json()["resultCode"], "0000");
    let plain = sim.client.post(&url, &body).await;
    assert_eq!(plain.json()["resultCode"], "0000");
    let rules = space.control_get("rules").await.expect(200);
    let tally =
        |at: usize| (rules["rules"][at]["matched"].clone(), rules["rules"][at]["fired"].clone());
    assert_eq!((tally(0), tally(1)), ((json!(1), json!(1)), (json!(1), json!(0))));
    assert_eq!(rules["rules"][0]["rule"], rule("a"));
    let told = space.control_get(&format!("journal/{}", plain.header("x-payon-trace"))).await;
    let nearest = &told.expect(200)["nearestRules"][0];
    assert_eq!((&nearest["rule"], &nearest["failed"][0]["key"]), (&json!("a"), &json!("header")));
    space.control_post("reset", &json!({})).await;
    assert_eq!(space.control_get("rules").await.expect(200)["rules"], json!([]));
}

#[tokio::test]
async fn mistakes_in_rules_are_all_told_with_their_places_and_change_nothing() {
    let sim = Sim::start().await;
    let space = sim.space("mistakes").await;
    space.arm_one(json!({ "operation": "status" }), json!([])).await;
    let text = "[\n  { \"id\": \"a\", \"when\": { \"operation\": \"stats\" }, \"then\": [] },\n  { \"id\": \"b\", \"than\": [] }\n]";
    let answer = space.control_send("PUT", "rules", text).await;
    assert_eq!(answer.problem(), (400, "unreadable".to_owned()));
    let mistakes = answer.json()["mistakes"].clone();
    let lines: Vec<_> = mistakes.as_array().unwrap().iter().map(|m| m["line"].as_u64()).collect();
    assert!(lines.contains(&Some(2)) && lines.contains(&Some(3)), "{mistakes}");
    let rules = space.control_get("rules").await.expect(200);
    assert_eq!(rules["rules"][0]["id"], "rule");
    assert_eq!(space.control_send("DELETE", "rules", "").await.status, 204);
    assert_eq!(space.control_get("rules").await.expect(200)["rules"], json!([]));
}

#[tokio::test]
async fn a_scenario_of_the_catalogue_is_armed_before_other_rules() {
    let sim = Sim::start().await;
    let space = sim.space("catalogue").await;
    let scenarios = space.control_get("scenarios").await.expect(200);
    assert!(scenarios["scenarios"].as_array().unwrap().len() >= 40);
    space.arm_one(json!({ "operation": "status" }), json!([])).await;
    for _ in 0..2 {
        let armed = space.control_post("scenarios/S014/arm", &json!({})).await.expect(200);
        let ids: Vec<_> = armed["rules"].as_array().unwrap().iter().map(|r| &r["id"]).collect();
        assert_eq!(ids, ["lose-the-answer", "rule"]);
    }
    let unknown = space.control_post("scenarios/S999/arm", &json!({})).await;
    assert_eq!(unknown.problem(), (404, "unknown-scenario".to_owned()));
}
