//! The main job from end to end, as a merchant's integration and its test meet it.

use payon_sim::base::{Fields, Operation};
use payon_sim::crypto::{self, Recipe};
use payon_sim::profile::{CompletedAmount, Profile};
use serde_json::json;

use crate::support::{Sim, Sink};

#[tokio::test]
async fn an_order_is_registered_paid_told_of_looked_up_and_refunded() {
    let sim = Sim::start().await;
    let space = sim.space("story").await;
    let sink = Sink::start().await;

    let registered = space.register("1001", json!({ "noti_url": sink.url("/noti") })).await;
    let checkout = registered["checkoutUrl"].as_str().unwrap();
    assert!(checkout.starts_with(&format!("{}/space/story/pg/checkout/", sim.url)), "{checkout}");
    assert_eq!(space.order("1001").await["checkoutUrl"], checkout);

    let status = json!({ "txId": "1001", "amount": "1", "currency": "USD" });
    let unpaid = space.call(Operation::Status, &status).await;
    assert_eq!((unpaid.status, unpaid.json()["resultCode"].as_str()), (302, Some("9999")));

    let paid = space.pay("1001", json!({})).await.expect(200);
    assert_eq!(paid["reason"], "success");
    assert_eq!(paid["order"]["state"], "captured");

    let told = sink.next().await;
    assert_eq!((&*told.method, &*told.path), ("POST", "/noti"));
    assert_eq!(told.headers["content-type"], "application/json");
    assert_eq!(
        told.json(),
        json!({ "txId": "1001", "resultCode": "0000", "resultMsg": "Success" })
    );
    let acknowledged = space.wait("pushback-acknowledged&txId=1001").await;
    assert_eq!(acknowledged["pushback"]["attempts"][0]["status"], 200);

    let known = space.call(Operation::Status, &status).await.expect(200);
    assert_eq!(known["resultData"]["txStCd"], "COMPLETE");
    assert_eq!(known["resultData"]["apprNo"], paid["order"]["approvalNo"]);

    let refused = space.call(Operation::Refund, &json!({ "txId": "1001" })).await.json();
    assert_ne!(refused["resultCode"], "0000", "an unsigned refund is refused");
    let refunded =
        space.call_signed(Operation::Refund, &json!({ "txId": "1001" })).await.expect(200);
    assert_eq!((&refunded["resultCode"], &refunded["amount"]), (&json!("0000"), &json!(1.0)));

    let order = space.order("1001").await;
    assert_eq!(order["state"], "refunded");
    for (member, amount) in [
        ("amount", "1.00"),
        ("authorised", "1.00"),
        ("captured", "1.00"),
        ("refunded", "1.00"),
        ("returned", "1.00"),
        ("released", "0.00"),
        ("refundable", "0.00"),
    ] {
        assert_eq!(order[member], amount, "{member}");
    }
    let changes: Vec<_> =
        order["events"].as_array().unwrap().iter().map(|event| &event["change"]).collect();
    assert_eq!(changes, ["registered", "approved", "refunded"]);
    assert_eq!(order["pushbacks"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn a_capture_in_part_is_told_as_the_profile_says() {
    for (completed, told) in
        [(CompletedAmount::Captured, json!(4)), (CompletedAmount::Ordered, json!(10))]
    {
        let sim = Sim::with_profile(|profile| profile.rules.completed_amount = completed).await;
        let space = sim.space("part").await;
        space.register("1", json!({ "trt": "12", "amount": "10.00" })).await;
        space.pay("1", json!({})).await.expect(200);
        let status = async |amount: &str| {
            let asked = json!({ "txId": "1", "amount": amount, "currency": "USD" });
            space.call(Operation::Status, &asked).await.expect(200)["resultData"]["amount"].clone()
        };
        assert_eq!(status("10.00").await, json!(10));
        let capture = json!({ "txId": "1", "amount": "4.00", "currency": "USD" });
        let captured = space.call_signed(Operation::PreAuthCompletion, &capture).await.expect(200);
        assert_eq!((&captured["resultCode"], &captured["amount"]), (&json!("0000"), &json!(4.0)));
        assert_eq!(status("10.00").await, told);
        let days = json!({ "fromDate": "01012020", "toDate": "31122099", "index": 1, "limit": 9 });
        let listed = space.call(Operation::Orders, &days).await.expect(200);
        assert_eq!((&listed[0]["tracNo"], &listed[0]["amount"]), (&json!("1"), &told));
        let order = space.order("1").await;
        let sums = ["amount", "authorised", "captured", "returned"].map(|name| &order[name]);
        assert_eq!(sums, ["10.00", "10.00", "4.00", "0.00"]);
    }
}

#[tokio::test]
async fn money_that_a_late_decline_takes_back_is_told_as_given_back() {
    let sim = Sim::start().await;
    let space = sim.space("late-decline").await;
    space.register("1", json!({ "amount": "10.00" })).await;
    space.pay("1", json!({})).await.expect(200);
    space.trigger("1", "late-decline").await.expect(200);
    let order = space.order("1").await;
    let sums = ["captured", "refunded", "returned"].map(|name| &order[name]);
    assert_eq!(sums, ["10.00", "0.00", "10.00"]);
    let summary = space.control_get("summary").await.expect(200);
    assert_eq!(summary["money"][0]["returned"], "10.00", "{summary}");
}

#[tokio::test]
async fn every_event_of_an_order_names_a_request_that_the_journal_explains() {
    let sim = Sim::start().await;
    let space = sim.space("traces").await;
    let sink = Sink::start().await;
    space.register("1", json!({ "noti_url": sink.url("/noti") })).await;
    space.pay("1", json!({ "card": "4012001037141112", "cvv": "123" })).await.expect(200);
    space.call_signed(Operation::Refund, &json!({ "txId": "1" })).await;
    let order = space.order("1").await;
    let mut seen = Vec::new();
    for event in order["events"].as_array().unwrap() {
        let trace = event["trace"].as_str().unwrap();
        let explained = space.control_get(&format!("journal/{trace}")).await.expect(200);
        assert_eq!(explained["trace"], trace);
        assert_eq!(explained["events"], json!([event]));
        assert_eq!(explained["order"]["txId"], "1");
        seen.push((explained["operation"].clone(), explained["control"].clone()));
        for pushback in explained["pushbacks"].as_array().unwrap() {
            assert_eq!(pushback["trace"], trace);
            assert_eq!(pushback["cause"], event["change"]);
        }
        if event["change"] == "approved" {
            assert_eq!(explained["request"]["card"], "401200******1112");
            assert_eq!(explained["request"]["cvv"], "***");
            assert_eq!(explained["pushbacks"].as_array().unwrap().len(), 1);
        }
    }
    let pay = (json!(null), json!("pay"));
    assert_eq!(seen.len(), 2 + usize::from(order["state"] == "refunded"));
    assert!(seen.contains(&pay), "{seen:?}");
}

#[tokio::test]
async fn a_refused_signature_is_explained_from_the_journal() {
    let sim = Sim::start().await;
    let space = sim.space("explained").await;
    space.register("1", json!({})).await;
    space.pay("1", json!({})).await.expect(200);
    let body = space.merchant().body(&json!({ "txId": "1" }));
    let mut wrong = body.clone();
    // Signed over another body: the order of another day.
    wrong["txId"] = "2".into();
    let mut sent = body.clone();
    sent["sign"] = space.merchant().sign(&wrong.to_string()).into();
    let refused = space.post(Operation::Refund, &sent).await;
    assert_ne!(refused.json()["resultCode"], "0000");
    let trace = refused.header("x-payon-trace").to_owned();
    let explained = space.control_get(&format!("journal/{trace}")).await.expect(200);
    assert_eq!(explained["reason"], "sign.invalid");
    assert_eq!(explained["answer"]["code"], refused.json()["resultCode"]);
    assert!(explained["answer"]["profileLine"].as_str().unwrap().contains("reasons.toml:"));
    let signature = &explained["signature"];
    assert_eq!((&signature["ok"], &signature["keyProven"]), (&json!(false), &json!(true)));
    assert!(signature["canonical"].as_str().unwrap().contains("txId=1"), "{signature}");

    // With the key of another merchant of the same space.
    let documented = Profile::builtin();
    let foreign = documented.merchant("O0000021").unwrap().sign_key(&Recipe::default());
    let text = body.to_string();
    let fields = Fields::parse(text.as_bytes()).unwrap();
    let foreign = foreign.unwrap().unwrap();
    sent["sign"] = crypto::sign(&Recipe::default(), &foreign, &fields).unwrap().into();
    let refused = space.post(Operation::Refund, &sent).await;
    let trace = refused.header("x-payon-trace").to_owned();
    let explained = space.control_get(&format!("journal/{trace}")).await.expect(200);
    let summary = explained["signature"]["summary"].as_str().unwrap();
    assert!(summary.contains("O0000021"), "{summary}");

    let right = space.merchant().signed(&json!({ "txId": "1" }));
    assert_eq!(space.post(Operation::Refund, &right).await.expect(200)["resultCode"], "0000");
}

#[tokio::test]
async fn a_space_reset_is_as_it_was_born() {
    let sim = Sim::start().await;
    let space = sim.space("reborn").await;
    space.register("1", json!({})).await;
    let id = &space.merchant().id;
    let path = format!("merchants/{id}");
    space.control_send("PATCH", &path, r#"{"notiUrl":"http://127.0.0.1:9/"}"#).await.expect(200);
    let answer = space.control_post("reset", &json!({})).await;
    assert_eq!((answer.status, answer.body.len()), (204, 0));
    assert_eq!(space.control_get("orders").await.expect(200)["orders"], json!([]));
    assert_eq!(space.control_get("journal").await.expect(200)["entries"], json!([]));
    assert_eq!(space.control_get("clock").await.expect(200)["frozen"], false);
    let merchants = space.control_get("merchants").await.expect(200);
    let own = merchants["merchants"].as_array().unwrap().iter().find(|m| m["merchantId"] == **id);
    assert_eq!(own.unwrap()["notiUrl"], json!(null));
    space.register("1", json!({})).await;
}
