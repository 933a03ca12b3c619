//! Races over real HTTP: for the money of one order, and between resets, restores, forks, clocks, rules and payments.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use payon_sim::base::Operation;
use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::support::{Sim, SpaceHandle};

/// Orders that are raced for, in each of the kinds of race.
const ORDERS: usize = 500;
/// Orders at once.
const LANES: usize = 8;
/// A documented merchant whose requests carry no signature.
const MERCHANT: &str = "EPAY00000000001";
const TERMINAL: &str = "PAYONGT1";

fn members(tx_id: &str, more: &Value) -> Value {
    let mut body = json!({ "merchantId": MERCHANT, "termId": TERMINAL, "txId": tx_id });
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    body
}

async fn register(space: &SpaceHandle, tx_id: &str, trt: &str) {
    let order = json!({
        "trt": trt, "currency": "USD", "amount": "1.00", "paymentMethod": "CREDIT_DEBIT"
    });
    let answer = space.post(Operation::Register, &members(tx_id, &order)).await.expect(200);
    assert_eq!(answer["resultCode"], "0000", "{answer}");
}

async fn pay(space: &SpaceHandle, tx_id: &str) -> bool {
    let path = format!("orders/{MERCHANT}/{tx_id}/pay");
    let answer = space.control_post(&path, &json!({})).await;
    assert!(answer.status == 200 || answer.status == 409, "{}", answer.text());
    if answer.status == 200 {
        assert_eq!(answer.json()["order"]["txId"], tx_id);
    }
    answer.status == 200
}

async fn call(space: &SpaceHandle, operation: Operation, tx_id: &str, more: Value) -> bool {
    let answer = space.post(operation, &members(tx_id, &more)).await.expect(200);
    assert_eq!(answer["txId"].as_str().unwrap_or(tx_id), tx_id);
    answer["resultCode"] == "0000"
}

/// Races for one order; how many won.
async fn race(space: &SpaceHandle, kind: usize, tx_id: &str) -> usize {
    let part = || json!({ "amount": "0.40" });
    let take = || json!({ "amount": "0.60", "currency": "USD" });
    let won = match kind {
        0 => {
            register(space, tx_id, "10").await;
            let (a, b, c) = tokio::join!(pay(space, tx_id), pay(space, tx_id), pay(space, tx_id));
            vec![a, b, c]
        }
        1 => {
            register(space, tx_id, "10").await;
            pay(space, tx_id).await;
            let (a, b, c) = tokio::join!(
                call(space, Operation::Refund, tx_id, json!({})),
                call(space, Operation::Reversal, tx_id, json!({})),
                call(space, Operation::Refund, tx_id, json!({})),
            );
            vec![a, b, c]
        }
        2 => {
            register(space, tx_id, "10").await;
            pay(space, tx_id).await;
            let (a, b, c) = tokio::join!(
                call(space, Operation::Refund, tx_id, part()),
                call(space, Operation::Refund, tx_id, part()),
                call(space, Operation::Refund, tx_id, part()),
            );
            vec![a, b, c]
        }
        _ => {
            register(space, tx_id, "12").await;
            pay(space, tx_id).await;
            let (a, b, c) = tokio::join!(
                call(space, Operation::PreAuthCompletion, tx_id, take()),
                call(space, Operation::PreAuthCompletion, tx_id, take()),
                call(space, Operation::Reversal, tx_id, json!({})),
            );
            vec![a, b, c]
        }
    };
    won.into_iter().filter(|won| *won).count()
}

fn minor(order: &Value, name: &str) -> i64 {
    order[name].as_str().unwrap().replace('.', "").parse().unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_thousand_races_for_money_have_one_winner_and_a_ledger_that_adds_up() {
    let sim = Sim::start().await;
    let space = Arc::new(sim.space("money-races").await);
    let next = Arc::new(AtomicUsize::new(0));
    let mut lanes = JoinSet::new();
    for _ in 0..LANES {
        let (space, next) = (Arc::clone(&space), Arc::clone(&next));
        lanes.spawn(async move {
            loop {
                let at = next.fetch_add(1, Ordering::Relaxed);
                if at >= 4 * ORDERS {
                    return;
                }
                let winners = race(&space, at % 4, &format!("R{at}")).await;
                // Two parts of 0.40 fit into 1.00, of all else there is one.
                // A completed hold may be reversed after that, as one more change of its own.
                let expected = if at % 4 == 2 { 2..=2 } else { 1..=1 + usize::from(at % 4 == 3) };
                assert!(expected.contains(&winners), "race {at}: {winners} winners");
            }
        });
    }
    while let Some(ended) = lanes.join_next().await {
        ended.unwrap();
    }
    let (mut after, mut seen) = (String::new(), HashSet::new());
    let (mut captured, mut refunded) = (0, 0);
    loop {
        let page = space.control_get(&format!("orders?limit=1000{after}")).await.expect(200);
        for order in page["orders"].as_array().unwrap() {
            let times = |change: &str| {
                let events = order["events"].as_array().unwrap().iter();
                events.filter(|event| event["change"] == change).count()
            };
            let returned = (times("refunded"), times("reversed"));
            let tx_id = order["txId"].as_str().unwrap();
            let kind = tx_id[1..].parse::<usize>().unwrap() % 4;
            assert_eq!(times("approved"), 1, "{order}");
            match kind {
                0 => assert_eq!(returned, (0, 0), "{order}"),
                1 => assert_eq!(returned.0 + returned.1, 1, "{order}"),
                2 => assert_eq!(returned, (2, 0), "{order}"),
                _ => assert!(times("completed") + returned.1 >= 1, "{order}"),
            }
            let of = |name: &str| minor(order, name);
            assert!(of("captured") + of("released") <= of("authorised"), "{order}");
            assert!(of("returned") <= of("captured"), "{order}");
            captured += of("captured");
            refunded += of("refunded");
            assert!(seen.insert(tx_id.to_owned()));
        }
        match page["next"].as_str() {
            Some(next) => after = format!("&after={next}"),
            None => break,
        }
    }
    assert_eq!(seen.len(), 4 * ORDERS);
    let summary = space.control_get("summary").await.expect(200);
    let sums = (minor(&summary["money"][0], "captured"), minor(&summary["money"][0], "refunded"));
    assert_eq!(sums, (captured, refunded));
}

/// Rounds of each party in the chaos.
const ROUNDS: usize = 60;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_changes_a_space_meanwhile_nobody_is_cut_off_or_told_of_another_order() {
    let sim = Sim::start().await;
    let space = Arc::new(sim.space("chaos").await);
    for at in 0..5 {
        register(&space, &format!("BASE{at}"), "10").await;
    }
    space.control_post("snapshots", &json!({ "name": "base" })).await.expect(201);
    let (done, mut terminals) = (Arc::new(AtomicUsize::new(0)), JoinSet::new());
    for payer in 0..4 {
        let (space, done) = (Arc::clone(&space), Arc::clone(&done));
        terminals.spawn(async move {
            let mut at = 0;
            // As long as the others change the space, and some rounds more.
            while done.load(Ordering::Acquire) < 4 || at < ROUNDS {
                at += 1;
                let tx_id = format!("P{payer}X{at}");
                register(&space, &tx_id, "10").await;
                let path = format!("orders/{MERCHANT}/{tx_id}");
                for (step, body) in [("pay", json!({})), ("trigger", json!({ "event": "settle" }))]
                {
                    let answer = space.control_post(&format!("{path}/{step}"), &body).await;
                    assert!([200, 404, 409].contains(&answer.status), "{}", answer.text());
                    if answer.status == 200 {
                        let order = &answer.json()["order"];
                        assert_eq!(order["txId"], tx_id.as_str());
                        assert_ne!(order["state"], "registered", "{order}");
                    }
                }
                let shown = space.control_get(&path).await;
                assert!([200, 404].contains(&shown.status), "{}", shown.text());
                let listed = space.control_get("orders?newest=true&limit=3").await.expect(200);
                for order in listed["orders"].as_array().unwrap() {
                    for pushback in order["pushbacks"].as_array().unwrap() {
                        assert_eq!(pushback["txId"], order["txId"]);
                    }
                }
                space.control_get("journal?limit=5").await.expect(200);
                space.post(Operation::Refund, &members(&tx_id, &json!({}))).await.expect(200);
            }
        });
    }
    for terminal in 0..4 {
        let (space, done) = (Arc::clone(&space), Arc::clone(&done));
        terminals.spawn(async move {
            for at in 0..ROUNDS {
                let allowed: (crate::support::Answer, &[u16]) = match terminal {
                    0 => (space.control_post("reset", &json!({})).await, &[204]),
                    1 if at % 2 == 0 => {
                        (space.control_post("snapshots/base/restore", &json!({})).await, &[200])
                    }
                    1 => {
                        let fork = json!({ "space": "chaos-fork", "ifExists": "replace" });
                        (space.control_post("snapshots/base/fork", &fork).await, &[201, 409])
                    }
                    2 => {
                        let change = json!({ "advance": 1000 });
                        (space.control_post("clock", &change).await, &[200, 409])
                    }
                    _ => {
                        let rules = json!([{ "then": [{ "pushback": { "copies": 2 } }] }]);
                        (space.control_send("PUT", "rules", &rules.to_string()).await, &[200])
                    }
                };
                assert!(allowed.1.contains(&allowed.0.status), "{terminal}: {}", allowed.0.text());
            }
            done.fetch_add(1, Ordering::AcqRel);
        });
    }
    while let Some(ended) = terminals.join_next().await {
        ended.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reset_leaves_no_order_without_its_request() {
    let sim = Sim::start().await;
    let space = Arc::new(sim.space("atomic-reset").await);
    let callers: Vec<_> = (0..4)
        .map(|caller| {
            let space = Arc::clone(&space);
            tokio::spawn(async move {
                for at in 0..100 {
                    register(&space, &format!("C{caller}A{at}"), "10").await;
                }
            })
        })
        .collect();
    for _ in 0..100 {
        space.control_post("reset", &json!({})).await.expect(204);
    }
    for caller in callers {
        caller.await.unwrap();
    }
    let journal = space.control_get("journal?operation=register&limit=1000").await.expect(200);
    let noted: HashSet<&str> = journal["entries"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|it| it["txId"].as_str())
        .collect();
    let orders = space.control_get("orders?limit=1000").await.expect(200);
    for order in orders["orders"].as_array().unwrap() {
        let tx_id = order["txId"].as_str().unwrap();
        assert!(noted.contains(tx_id), "{tx_id} has no entry in the journal");
    }
}

/// Rounds in which calls race a reset.
const RESETS: usize = 150;
/// Callers in each.
const CALLERS: usize = 4;

/// The entries of a space's journal, as `txId` and rule.
async fn noted(space: &SpaceHandle) -> Vec<(String, Option<String>)> {
    let journal = space.control_get("journal?limit=1000").await.expect(200);
    let text = |value: &Value| value.as_str().map(str::to_owned);
    let entries = journal["entries"].as_array().unwrap().iter();
    let calls = entries.filter(|entry| entry["operation"] == "register");
    calls.map(|entry| (text(&entry["txId"]).unwrap(), text(&entry["rule"]))).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_call_that_races_a_reset_is_decided_by_what_was_before_it() {
    let sim = Sim::start().await;
    let space = Arc::new(sim.space("reset-races").await);
    // Refuses some calls at once, lets others be booked and answers them with a refusal.
    let rules = json!([
        { "id": "at-once", "when": { "operation": "register", "txIdSuffix": "N1" },
          "then": [{ "reason": "system.busy" }] },
        { "id": "booked", "when": { "operation": "register", "txIdSuffix": "N2" },
          "then": [{ "reason": "system.busy" }, { "commit": "before" }] },
    ]);
    for round in 0..RESETS {
        space.control_send("PUT", "rules", &rules.to_string()).await.expect(200);
        let callers = (0..CALLERS).map(|caller| {
            let space = Arc::clone(&space);
            tokio::spawn(async move {
                for at in 0..4 {
                    let tx_id = format!("R{round}C{caller}N{at}");
                    let order = json!({
                        "trt": "10", "currency": "USD", "amount": "1.00",
                        "paymentMethod": "CREDIT_DEBIT"
                    });
                    space.post(Operation::Register, &members(&tx_id, &order)).await;
                }
            })
        });
        let callers: Vec<_> = callers.collect();
        space.control_post("reset", &json!({})).await.expect(204);
        for caller in callers {
            caller.await.unwrap();
        }
        let mut noted = noted(&space).await;
        noted.sort_unstable();
        let orders = space.control_get("orders?limit=1000").await.expect(200);
        let orders = orders["orders"].as_array().unwrap().iter();
        let mut booked: Vec<_> =
            orders.map(|order| (order["txId"].as_str().unwrap().to_owned(), None)).collect();
        booked.sort_unstable();
        // No rule is armed any more, and every call that is left was booked.
        assert_eq!(noted, booked, "round {round}");
        space.control_post("reset", &json!({})).await.expect(204);
    }
}
