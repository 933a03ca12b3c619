//! What the server counts, read by a parser that is not ours.

use std::time::Duration;

use payon_sim::base::Operation;
use serde_json::json;
use tokio::process::Command;

use crate::programs;
use crate::support::Sim;

async fn page(sim: &Sim) -> String {
    let answer = sim.get("metrics").await;
    assert_eq!(answer.status, 200);
    assert!(answer.header("content-type").starts_with("application/openmetrics-text"));
    answer.text()
}

#[tokio::test]
async fn requests_decisions_and_push_backs_are_counted() {
    let sim = Sim::start().await;
    let space = sim.space("counted").await;
    space.register("one", json!({ "noti_url": "http://127.0.0.1:9/" })).await;
    space.register("two", json!({})).await;
    space.call(Operation::Status, &json!({ "txId": "none" })).await;
    space.call(Operation::Refund, &json!({ "txId": "one" })).await;
    space.pay("one", json!({})).await.expect(200);
    space.control_post("clock", &json!({ "runUntilIdle": true })).await.expect(200);
    let page = page(&sim).await;
    for line in [
        r#"payon_sim_requests_total{operation="register",reason="success"} 2"#,
        r#"payon_sim_requests_total{operation="status",reason="order.not-found"} 1"#,
        r#"payon_sim_requests_total{operation="refund",reason="sign.missing"} 1"#,
        r#"payon_sim_decision_seconds_count{operation="register"} 2"#,
        r#"payon_sim_decision_seconds_bucket{le="+Inf",operation="register"} 2"#,
        r#"payon_sim_pushback_attempts_total{outcome="acknowledged"} 0"#,
        r#"payon_sim_pushbacks_ended_total{outcome="exhausted"} 1"#,
        "payon_sim_spaces 2",
        "payon_sim_orders 2",
    ] {
        assert!(page.lines().any(|it| it == line), "{line} is not in\n{page}");
    }
    assert!(!page.contains(r#"pushback_attempts_total{outcome="unanswered"} 0"#), "{page}");
    assert!(page.ends_with("# EOF\n"));
}

#[tokio::test]
async fn what_was_counted_outlives_resets_and_spaces() {
    let sim = Sim::start().await;
    let space = sim.space("short-lived").await;
    space.register("one", json!({})).await;
    let url = format!("{}/_sim/v1/spaces/short-lived", sim.url);
    assert_eq!(sim.client.send("DELETE", &url, "").await.status, 204);
    let page = page(&sim).await;
    assert!(page.contains(r#"requests_total{operation="register",reason="success"} 1"#), "{page}");
    assert!(page.contains("payon_sim_spaces 1"), "{page}");
}

/// Reads a page as Prometheus' own library for Python does, and prints how many samples it found.
const PARSER: &str = "
import sys
from prometheus_client.openmetrics.parser import text_string_to_metric_families as read
print(sum(len(family.samples) for family in read(sys.argv[1])))
";

#[tokio::test]
async fn an_independent_parser_reads_the_page() {
    let Some(python) = programs::installed("python") else { return };
    let sim = Sim::start().await;
    sim.space("parsed").await.register("one", json!({})).await;
    let page = page(&sim).await;
    let mut command = Command::new(python);
    command.args(["-c", PARSER, &page]);
    let found = programs::run(&mut command, Duration::from_secs(120)).await;
    let samples = page.lines().filter(|line| !line.starts_with('#')).count();
    assert_eq!(found.trim(), samples.to_string(), "{page}");
}
