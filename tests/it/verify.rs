//! Expectations judged over the control plane.

use payon_sim::base::Operation;
use payon_sim::space::{Budgets, JournalBudget};
use serde_json::{Value, json};

use crate::support::{Setup, Sim};

#[tokio::test]
async fn what_happened_is_judged_with_evidence_and_the_nearest_candidate() {
    let sim = Sim::start().await;
    let space = sim.space("judged").await;
    space.register("one", json!({})).await;
    space.pay("one", json!({})).await.expect(200);
    space.call(Operation::Status, &json!({ "txId": "one" })).await;
    let expect = json!({ "expect": [
        { "request": { "operation": "status", "atLeast": 1 } },
        { "order": { "txId": "one", "state": "refunded" } },
        { "never": true, "request": { "operation": "refund" } },
    ] });
    let told = space.control_post("verify", &expect).await.expect(200);
    let ok: Vec<_> = told["results"].as_array().unwrap().iter().map(|it| &it["ok"]).collect();
    assert_eq!(told["ok"], false, "{told}");
    assert_eq!(ok, [&json!(true), &json!(false), &json!(true)], "{told}");
    assert!(!told["results"][0]["evidence"].as_array().unwrap().is_empty(), "{told}");
    let difference = &told["results"][1]["nearest"]["differences"][0];
    assert_eq!((&difference["key"], &difference["found"]), (&json!("state"), &json!("captured")));
    let mistaken = json!({ "expect": [{ "request": { "operation": "stats" } }, { "sooner": 1 }] });
    let (status, kind) = space.control_post("verify", &mistaken).await.problem();
    assert_eq!((status, kind.as_str()), (400, "unreadable"));
}

#[tokio::test]
async fn what_cannot_be_judged_is_not_ok() {
    let sim = Sim::start().await;
    let space = sim.space("unjudged").await;
    space.register("one", json!({})).await;
    let expect = json!({ "expect": [
        { "order": { "txId": "one", "state": "registered" } },
        { "shop": { "shipped": "once" } },
    ] });
    let told = space.control_post("verify", &expect).await.expect(200);
    assert_eq!((&told["ok"], &told["met"]), (&json!(false), &json!(1)), "{told}");
    assert_eq!((&told["failed"], &told["notJudged"]), (&json!(0), &json!(1)), "{told}");
    let shop = &told["results"][1];
    assert_eq!((&shop["ok"], &shop["judged"]), (&json!(false), &json!(false)), "{told}");
    let (status, _) = space.control_post("verify", &json!({ "expect": [] })).await.problem();
    assert_eq!(status, 422);
}

/// Numbers of a verification: met, failed, not judged.
fn numbers(told: &Value) -> [u64; 3] {
    ["met", "failed", "notJudged"].map(|name| told[name].as_u64().unwrap())
}

#[tokio::test]
async fn what_a_run_warns_of_is_not_judged_here_either() {
    let sim = Sim::start().await;
    let space = sim.space("void").await;
    let rule = json!({ "id": "slow", "when": { "operation": "refund" }, "then": [{ "reason": "system.error" }] });
    space.control_post("rules", &json!([rule])).await.expect(200);
    for (expectation, why) in [
        (json!({ "never": true, "request": { "rule": "slwo" } }), "there is no rule `slwo`"),
        (json!({ "request": { "rule": "slwo", "atMost": 0 } }), "there is no rule `slwo`"),
        (
            json!({ "order": { "returned": { "gte": "0.00" }, "atMost": 0 } }),
            "every amount is like this",
        ),
        (
            json!({ "order": { "amount": { "gte": 5, "lte": 1 }, "atMost": 0 } }),
            "no amount is like this",
        ),
        (
            json!({ "anyOf": [{ "never": true, "request": { "rule": "slwo" } }, { "never": true, "order": { "state": "failed" } }] }),
            "there is no rule",
        ),
        (json!({ "request": {} }), "every `request` is like this"),
        (json!({ "order": { "amount": { "gt": "0.00" } } }), "every amount is like this"),
        (
            json!({ "shop": { "believes": ["pending", "paid", "unpaid", "given-back", "disputed"] } }),
            "every belief is in the list",
        ),
        (
            json!({ "anyOf": [{ "never": true, "request": { "operation": "refund" } }, { "request": { "operation": "refund" } }] }),
            "one asks for a call and another that it never comes",
        ),
    ] {
        let told =
            space.control_post("verify", &json!({ "expect": [expectation] })).await.expect(200);
        assert_eq!((&told["ok"], numbers(&told)), (&json!(false), [0, 0, 1]), "{told}");
        let detail = told["results"][0]["detail"].as_str().unwrap();
        assert!(detail.starts_with(&format!("not judged: {why}")), "{detail}");
    }
    // As long as nobody has called, nothing counts as met.
    let known = json!({ "expect": [{ "never": true, "request": { "rule": "slow" } }] });
    let told = space.control_post("verify", &known).await.expect(200);
    assert_eq!((&told["ok"], numbers(&told)), (&json!(false), [0, 0, 1]), "{told}");
    let detail = told["results"][0]["detail"].as_str().unwrap();
    assert!(detail.contains("nobody has called the gateway in the space"), "{detail}");
    space.register("1", json!({})).await;
    // A rule that is armed, or was once and stepped in, is known.
    assert_eq!(space.control_post("verify", &known).await.expect(200)["ok"], true);
    space.call_signed(Operation::Refund, &json!({ "txId": "1", "amount": "1" })).await;
    assert_eq!(space.control_send("DELETE", "rules", "").await.status, 204);
    let told = space.control_post("verify", &known).await.expect(200);
    assert_eq!(numbers(&told), [0, 1, 0], "{told}");
}

#[tokio::test]
async fn what_was_forgotten_may_have_met_an_expectation() {
    let journal = JournalBudget { entries: 2, bytes: 1 << 30 };
    let budgets = Budgets { journal, ..Budgets::default() };
    let sim = Sim::with(Setup { budgets, ..Setup::default() }).await;
    let space = sim.space("forgetful").await;
    space.register("one", json!({})).await;
    for _ in 0..3 {
        space.call(Operation::Status, &json!({ "txId": "one" })).await;
    }
    let expect = json!({ "expect": [
        { "events": { "txId": "one", "inOrder": ["register", "status"] } },
        { "request": { "operation": "register" } },
        { "request": { "operation": "status", "atMost": 9 } },
        { "request": { "operation": "status", "atMost": 1 } },
    ] });
    let told = space.control_post("verify", &expect).await.expect(200);
    assert_eq!(numbers(&told), [0, 1, 3], "{told}");
    assert_eq!(told["results"][3]["judged"], true, "{told}");
}

#[tokio::test]
async fn every_row_of_a_reconciliation_counts() {
    let sim = Sim::start().await;
    let space = sim.space("rows").await;
    for order in ["T1", "T2"] {
        space.register(order, json!({})).await;
    }
    // Only the second row is what the rule waits for.
    let when = json!({ "operation": "reconciliation", "txId": "T2", "orderState": "captured" });
    space.arm_one(when, json!([{ "status": 503 }])).await;
    space.pay("T2", json!({})).await.expect(200);
    let identity = space.merchant().signed(&json!({}));
    let row = |order: &str, total: &str, note: Value| {
        json!({ "merchantId": identity["merchantId"], "termId": identity["termId"], "txId": order,
                "grandToTAmt": total, "transactionType": "PURCHASE", "note": note })
    };
    let rows = json!([row("T9", "1", json!(null)), row("T2", "9", json!("second"))]);
    let url = format!("{}{}", space.base_url, Operation::Reconciliation.paths()[0]);
    assert_eq!(sim.client.post(&url, &rows).await.status, 503);
    let call = |more: Value| {
        let mut request = json!({ "operation": "reconciliation" });
        request.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        request
    };
    for (more, is_there) in [
        (json!({ "txId": "T2" }), true),
        (json!({ "field": { "txId": "T2" } }), true),
        (json!({ "field": { "note": { "present": true } } }), true),
        (json!({ "txId": "T2", "field": { "note": "second" } }), true),
        (json!({ "reason": "amount.mismatch" }), true),
        (json!({ "reason": "order.not-found" }), true),
        (json!({ "sameOrder": true }), true),
        // No row has both, and no row is about it.
        (json!({ "txId": "T9", "field": { "note": "second" } }), false),
        (json!({ "txId": "T1", "reason": "order.not-found" }), false),
    ] {
        let expect = [
            json!({ "request": call(more.clone()) }),
            json!({ "never": true, "request": call(more.clone()) }),
        ];
        let told = space.control_post("verify", &json!({ "expect": expect })).await.expect(200);
        let ok = ["0", "1"].map(|at| told["results"][at.parse::<usize>().unwrap()]["ok"] == true);
        assert_eq!(ok, [is_there, !is_there], "{more}: {told}");
    }
    let events = json!({ "expect": [{ "events": { "txId": "T2", "inOrder": ["approved", "reconciliation"] } }] });
    assert_eq!(space.control_post("verify", &events).await.expect(200)["ok"], true);
    for (query, found) in [
        ("txId=T2&operation=reconciliation", 1),
        ("txId=T1&operation=reconciliation", 0),
        ("operation=reconciliation&reason=amount.mismatch", 1),
    ] {
        let told = space.control_get(&format!("journal?{query}")).await.expect(200);
        assert_eq!(told["entries"].as_array().unwrap().len(), found, "{query}: {told}");
    }
    let waited = space.wait("request&operation=reconciliation&txId=T2&timeoutMs=1").await;
    assert_eq!(waited["request"]["operation"], "reconciliation", "{waited}");
}
