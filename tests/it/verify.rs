//! Expectations judged over the control plane.

use payon_sim::base::Operation;
use serde_json::json;

use crate::support::Sim;

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
