//! One seed, one scenario: whatever the space is called, and however many workers tell it; and names that are taken.

use payon_sim::base::Operation;
use serde_json::{Value, json};

use crate::support::{Sim, SpaceHandle};

/// A run with everything that is left to chance: ids, keys, running numbers, approval numbers, KHQR, latencies, and the
/// disorder of push-backs.
async fn scenario(sim: &Sim, name: &str) -> String {
    let made = sim.make_space(&json!({ "name": name, "seed": 7, "merchants": 2 })).await;
    let space = made;
    let clock = json!({ "freeze": true, "set": "2026-03-02T10:00:00+07:00" });
    space.control_post("clock", &clock).await.expect(200);
    let mut told = vec![space.made.clone()];
    space
        .arm(json!([
            { "id": "shuffled", "then": [{ "pushback": { "order": "shuffled", "copies": 2, "apart": { "min": "1s", "max": "9s" } } }] },
            { "id": "some", "when": { "operation": "status", "probability": 0.5 },
              "then": [{ "patch": { "set": { "resultMsg": "chosen" } } }] },
        ]))
        .await;
    for at in 0..6 {
        let tx_id = format!("T{at}");
        let method = ["CREDIT_DEBIT", "BAKONG_KHQR"][at % 2];
        let more = json!({ "paymentMethod": method, "noti_url": "http://127.0.0.1:1/" });
        told.push(space.register(&tx_id, more).await);
        told.push(space.pay(&tx_id, json!({})).await.expect(200));
        let members = json!({ "txId": tx_id, "amount": "1.00", "currency": "USD" });
        told.push(space.call_signed(Operation::Status, &members).await.expect(200));
    }
    told.push(space.call_signed(Operation::Refund, &json!({ "txId": "T0" })).await.expect(200));
    let card =
        json!({ "clientId": "01", "callbackUrl": "http://127.0.0.1:1/", "phone": "012345678" });
    told.push(space.call_signed(Operation::BindingRegister, &card).await.json());
    told.push(space.control_get("orders").await.expect(200));
    told.push(space.control_get("pushbacks").await.expect(200));
    told.push(space.control_get("rules").await.expect(200));
    normalised(&space, name, &told)
}

/// The text without what names the space: its name, its number in traces and links, the port, and real durations.
fn normalised(space: &SpaceHandle, name: &str, told: &[Value]) -> String {
    let host = space.base_url.split("/space/").next().unwrap();
    let mut told = Value::from(told.to_vec());
    forget(&mut told);
    let text = serde_json::to_string_pretty(&told).unwrap();
    text.replace(name, "NAME").replace(host, "HOST")
}

fn forget(value: &mut Value) {
    match value {
        Value::Object(members) => {
            for (name, member) in members.iter_mut() {
                match name.as_str() {
                    "trace" | "tookMs" | "tookUs" => *member = Value::Null,
                    "checkoutUrl" => {
                        // The space's number stands in front, then place and proof follow.
                        let url = member.as_str().unwrap();
                        let (_, token) = url.rsplit_once('/').unwrap();
                        *member = token[6..].into();
                    }
                    _ => forget(member),
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(forget),
        _ => {}
    }
}

fn tell(workers: usize, names: &[&str]) -> Vec<String> {
    let mut runtime = if workers == 1 {
        tokio::runtime::Builder::new_current_thread()
    } else {
        tokio::runtime::Builder::new_multi_thread()
    };
    let runtime = runtime.worker_threads(workers).enable_all().build().unwrap();
    runtime.block_on(async {
        let sim = Sim::start().await;
        let mut told = Vec::new();
        for name in names {
            told.push(scenario(&sim, name).await);
        }
        told
    })
}

#[test]
fn one_seed_tells_one_story_in_spaces_of_every_name_and_with_any_number_of_workers() {
    let told = tell(1, &["first-name", "another"]);
    assert!(told[0].contains("\"approvalNo\"") && told[0].contains("chosen"), "{}", told[0]);
    assert_eq!(told[0], told[1]);
    assert_eq!(told[0], tell(4, &["third"])[0]);
}

#[tokio::test]
async fn without_a_seed_the_name_makes_the_story() {
    let sim = Sim::start().await;
    let (a, b) = (sim.running_space("a").await, sim.running_space("b").await);
    assert_ne!(a.made["seed"], b.made["seed"]);
    assert_ne!(a.merchant().id, b.merchant().id);
}

#[tokio::test]
async fn a_merchant_of_two_spaces_of_one_seed_is_reached_by_the_space_only() {
    let sim = Sim::start().await;
    let seeded = |name: &str| json!({ "name": name, "seed": 5 });
    let (a, b) = (sim.make_space(&seeded("a")).await, sim.make_space(&seeded("b")).await);
    assert_eq!(a.merchant().id, b.merchant().id);
    a.register("1", json!({})).await;
    b.register("1", json!({})).await;
    let bare = format!("{}/pg/transaction/status", sim.url);
    let asked = a.merchant().signed(&json!({ "txId": "1", "amount": "1.00" }));
    let answer = sim.client.post(&bare, &asked).await.json();
    assert_ne!(answer["resultCode"], "0000");
    let journal = sim.get("v1/journal?limit=1").await.expect(200);
    let detail = journal["entries"][0]["detail"].as_str().unwrap();
    assert!(detail.contains("/space/{name}"), "{detail}");
    // Once one of them is gone, the other has the merchant for itself.
    let gone = format!("{}/_sim/v1/spaces/b", sim.control_url);
    sim.client.send("DELETE", &gone, "").await.expect(204);
    let answer = sim.client.post(&bare, &asked).await;
    assert_eq!(answer.json()["resultData"]["tracNo"].as_str().unwrap_or("1"), "1");
    let known = a.control_get("journal?operation=status").await.expect(200);
    assert_eq!(known["entries"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn a_name_that_is_taken_is_refused_kept_or_replaced() {
    let sim = Sim::start().await;
    let spaces = format!("{}/_sim/v1/spaces", sim.control_url);
    let space = sim.make_space(&json!({ "name": "mine" })).await;
    space.register("1", json!({})).await;
    let with = |how: &str| json!({ "name": "mine", "ifExists": how });
    assert_eq!(sim.client.post(&spaces, &json!({ "name": "mine" })).await.problem().0, 409);
    assert_eq!(sim.client.post(&spaces, &with("refuse")).await.problem().0, 409);
    let kept = sim.client.post(&spaces, &with("keep")).await.expect(201);
    assert_eq!(kept, space.made);
    assert_eq!(space.order("1").await["state"], "registered");
    space.control_post("snapshots", &json!({ "name": "s" })).await.expect(201);
    let fork = json!({ "space": "fork", "ifExists": "keep" });
    for _ in 0..2 {
        space.control_post("snapshots/s/fork", &fork).await.expect(201);
    }
    assert_eq!(
        space.control_post("snapshots/s/fork", &json!({ "space": "fork" })).await.problem().0,
        409
    );
    space.register("2", json!({})).await;
    let orders = |answer: Value| answer["orders"].clone();
    assert_eq!(space.control_post("snapshots", &json!({ "name": "s" })).await.problem().0, 409);
    let keep = json!({ "name": "s", "ifExists": "keep" });
    assert_eq!(orders(space.control_post("snapshots", &keep).await.expect(201)), 1);
    let replace = json!({ "name": "s", "ifExists": "replace" });
    assert_eq!(orders(space.control_post("snapshots", &replace).await.expect(201)), 2);
    let fork = json!({ "space": "fork", "ifExists": "replace" });
    space.control_post("snapshots/s/fork", &fork).await.expect(201);
    let forked = format!("{}/space/fork/_sim/v1/orders", sim.control_url);
    assert_eq!(sim.client.get(&forked).await.expect(200)["orders"].as_array().unwrap().len(), 2);
    let replaced = sim.client.post(&spaces, &with("replace")).await.expect(201);
    assert_eq!(replaced["merchants"], space.made["merchants"]);
    assert_eq!(space.control_get("orders").await.expect(200)["orders"], json!([]));
    let stays = json!({ "name": "default", "ifExists": "replace" });
    assert_eq!(sim.client.post(&spaces, &stays).await.problem().0, 409);
    assert_eq!(sim.client.post(&spaces, &with("maybe")).await.problem().0, 400);
}

#[tokio::test]
async fn names_that_no_path_can_carry_are_refused() {
    let sim = Sim::start().await;
    let space = sim.running_space("names").await;
    let spaces = format!("{}/_sim/v1/spaces", sim.control_url);
    for name in [".", "..", "", "a/b", "a b", "%2e"] {
        let answer = space.control_post("snapshots", &json!({ "name": name })).await;
        assert_eq!(answer.problem().0, 422, "{name:?}");
        assert_eq!(sim.client.post(&spaces, &json!({ "name": name })).await.problem().0, 422);
        let merchant = json!({ "name": "other", "merchants": [name] });
        assert_eq!(sim.client.post(&spaces, &merchant).await.problem().0, 422, "{name:?}");
    }
}

#[tokio::test]
async fn nothing_can_be_refunded_of_an_order_that_ended_otherwise() {
    let sim = Sim::start().await;
    let space = sim.space("refundable").await;
    for (tx_id, event) in
        [("late", "late-decline"), ("back", "chargeback"), ("gone", "cancel"), ("old", "expire")]
    {
        space.register(tx_id, json!({})).await;
        if ["late", "back"].contains(&tx_id) {
            space.pay(tx_id, json!({})).await.expect(200);
            assert_eq!(space.order(tx_id).await["refundable"], "1.00");
        }
        space.trigger(tx_id, event).await.expect(200);
        assert_eq!(space.order(tx_id).await["refundable"], "0.00", "{event}");
    }
    space.register("reversed", json!({})).await;
    space.pay("reversed", json!({})).await.expect(200);
    space.call_signed(Operation::Reversal, &json!({ "txId": "reversed" })).await.expect(200);
    let order = space.order("reversed").await;
    assert_eq!((&order["state"], &order["refundable"]), (&json!("reversed"), &json!("0.00")));
    space.register("part", json!({})).await;
    space.pay("part", json!({})).await.expect(200);
    let part = json!({ "txId": "part", "amount": "0.30" });
    space.call_signed(Operation::Refund, &part).await.expect(200);
    assert_eq!(space.order("part").await["refundable"], "0.70");
}
