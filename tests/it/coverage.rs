//! What was met of all that can go wrong, as any suite can ask for it.

use payon_sim::base::{Operation, Reason};
use serde_json::{Value, json};

use crate::binary::run;
use crate::support::{Sim, SpaceHandle};

fn count(coverage: &Value, group: &str, name: &str) -> u64 {
    let find = |list: &Value, name: &str| {
        let rows = list.as_array().unwrap();
        rows.iter().find(|row| row["name"] == name).unwrap_or_else(|| panic!("no {name}")).clone()
    };
    find(&find(&coverage["groups"], group)["rows"], name)["count"].as_u64().unwrap()
}

async fn coverage(space: &SpaceHandle, query: &str) -> Value {
    space.control_get(&format!("coverage{query}")).await.expect(200)
}

#[tokio::test]
async fn reasons_faults_and_disorders_count_once_they_are_met() {
    let sim = Sim::start().await;
    let space = sim.space("met").await;
    let before = coverage(&space, "").await;
    assert_eq!((&before["met"], &before["percent"]), (&json!(0), &json!(0.0)));
    assert!(before["of"].as_u64().unwrap() > Reason::ALL.len() as u64 + 30);
    space
        .arm(json!([
            { "id": "busy", "when": { "operation": "status" },
              "then": [{ "transport": { "server-error": 503 } }] },
            { "id": "told", "when": { "operation": "pay" },
              "then": [{ "pushback": { "copies": 2, "delay": "1s", "instead": "form" } }] },
        ]))
        .await;
    space.register("1", json!({ "noti_url": "http://127.0.0.1:9/" })).await;
    space.pay("1", json!({})).await.expect(200);
    space.call_signed(Operation::Status, &json!({ "txId": "1" })).await;
    space.call_signed(Operation::Refund, &json!({ "txId": "unknown" })).await;
    space.run_until_idle().await;
    let met = coverage(&space, "").await;
    for (group, name, times) in [
        ("reasons", "success", 3),
        ("reasons", "order.not-found", 1),
        ("reasons", "card.expired", 0),
        ("commit", "before", 2),
        ("commit", "after", 0),
        ("transport", "server-error", 1),
        ("transport", "drip", 0),
        ("push-back", "copied", 1),
        ("push-back", "delayed", 1),
        ("push-back", "dropped", 0),
        ("notice", "form", 2),
        ("notice", "forged", 0),
    ] {
        assert_eq!(count(&met, group, name), times, "{group} {name}");
    }
    assert!(count(&met, "push-back", "retried") > 2);
}

#[tokio::test]
async fn what_spaces_met_that_are_gone_is_not_forgotten() {
    let sim = Sim::start().await;
    let kept = sim.space("kept").await;
    for name in ["reset", "deleted"] {
        let space = sim.space(name).await;
        space.call_signed(Operation::Status, &json!({ "txId": "unknown" })).await;
        if name == "reset" {
            space.control_post("reset", &json!({})).await;
            assert_eq!(coverage(&space, "").await["met"], 0);
        } else {
            assert_eq!(kept.control_send("DELETE", "spaces/deleted", "").await.status, 204);
        }
    }
    assert_eq!(coverage(&kept, "").await["met"], 0);
    assert_eq!(count(&coverage(&kept, "?all=true").await, "reasons", "order.not-found"), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_command_line_prints_what_was_missed_and_fails_below_the_bar() {
    let sim = Sim::start().await;
    let space = sim.space("bar").await;
    space.call_signed(Operation::Status, &json!({ "txId": "unknown" })).await;
    let asked = |more: &[&str]| {
        let url = sim.control_url.clone();
        let args = [&["coverage", "--url", &url, "--space", "bar"], more].concat();
        run(&args)
    };
    let text = asked(&[]).ok();
    assert!(text.contains("not met: success"), "{text}");
    assert!(!text.contains("order.not-found"), "{text}");
    let json: Value =
        serde_json::from_str(&asked(&["--json", "--min-coverage", "0"]).ok()).unwrap();
    assert_eq!(json["met"], 1);
    let below = asked(&["--min-coverage", "60"]);
    assert_eq!(below.code, Some(1));
    assert!(below.err.contains("60 % asked for"), "{}", below.err);
}
