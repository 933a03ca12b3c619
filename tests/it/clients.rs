//! Merchants written in other languages, with what those languages bring: each goes through the whole life of orders
//! against the running binary, and what it believes is held against the books.

use std::path::PathBuf;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::process::Command;

use crate::binary::has_tool;
use crate::programs::{Shop, file, installed, run};

/// How long a merchant may take; the slowest, Java, compiles itself first.
const PATIENCE: Duration = Duration::from_secs(60);

#[tokio::test]
async fn a_merchant_in_java() {
    if has_tool("java") {
        trade("java", "java".into(), "java/Merchant.java").await;
    }
}

#[tokio::test]
async fn a_merchant_in_php() {
    if has_tool("php") {
        trade("php", "php".into(), "php/merchant.php").await;
    }
}

#[tokio::test]
async fn a_merchant_in_node() {
    if has_tool("node") {
        trade("node", "node".into(), "node/merchant.mjs").await;
    }
}

#[tokio::test]
async fn a_merchant_in_python() {
    if let Some(python) = installed("python") {
        trade("python", python, "python/merchant.py").await;
    }
}

/// Lets a merchant trade in a space of its own, then looks at what it says and at the books.
async fn trade(language: &str, program: PathBuf, script: &str) {
    let shop = Shop::open(&format!("client-{language}")).await;
    let script = file("tests/clients").join(script);
    let said = run(Command::new(program).arg(script).envs(shop.environment()), PATIENCE).await;
    let last = said.lines().next_back().unwrap_or_default();
    let summary: Value = serde_json::from_str(last).unwrap_or_else(|_| panic!("{said}"));

    assert_eq!(summary["client"], language);
    assert_eq!(summary["causes"], json!(["order.wire"]), "the explanation names the mistake");
    assert!(said.contains("because: "), "the explanation is printed: {said}");

    let purchase = booked(&shop, &summary, "purchase").await;
    let pre_auth = booked(&shop, &summary, "preAuth").await;
    let reversed = booked(&shop, &summary, "reversed").await;
    let link = booked(&shop, &summary, "link").await;
    assert_eq!(sums(&purchase), ["refunded", "12.50", "12.50", "12.50", "0.00"]);
    assert_eq!(sums(&pre_auth), ["captured", "20.00", "15.00", "0.00", "5.00"]);
    assert_eq!(sums(&reversed), ["reversed", "7.00", "7.00", "0.00", "0.00"]);
    assert_eq!(sums(&link), ["registered", "0.00", "0.00", "0.00", "0.00"]);
    for order in [purchase, pre_auth, reversed] {
        let states: Vec<_> =
            order["pushbacks"].as_array().expect("a list").iter().map(|p| &p["state"]).collect();
        assert_eq!(states, ["acknowledged"], "{order}");
    }
    assert_eq!(summary["pushBacks"], 3);
    let all = shop.space.control_get("orders").await.expect(200);
    assert_eq!(all["orders"].as_array().map(Vec::len), Some(4), "there is nothing else");
    assert_eq!(summary["orders"], 4, "the merchant's list is complete");
}

/// The order that the summary calls `name`, as the books have it.
async fn booked(shop: &Shop, summary: &Value, name: &str) -> Value {
    let tx_id = summary[name].as_str().unwrap_or_else(|| panic!("no {name} in {summary}"));
    shop.space.order(tx_id).await
}

fn sums(order: &Value) -> [&str; 5] {
    ["state", "authorised", "captured", "refunded", "released"]
        .map(|name| order[name].as_str().unwrap_or_else(|| panic!("no {name} in {order}")))
}
