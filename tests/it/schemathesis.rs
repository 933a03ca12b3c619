//! Random requests, valid and not, to every operation: no server error, no status, content type or shape that the
//! OpenAPI document does not have. Schemathesis makes the requests from the document itself.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Mutex;
use std::time::Duration;

use payon_sim::base::Operation;
use serde_json::json;
use tokio::process::Command;

use crate::programs::{Shop, file, installed, run};
use crate::support::SpaceHandle;

/// How long one operation may take.
const PATIENCE: Duration = Duration::from_secs(300);

/// Requests of each operation that are promised.
const PROMISED: u32 = 1000;

/// Off CI: one operation of each envelope, with enough requests to see that all is in place.
const SAMPLE: (&[Operation], u32) =
    (&[Operation::Register, Operation::Refund, Operation::Orders, Operation::Reconciliation], 30);

const CHECKS: &str = "not_a_server_error,status_code_conformance,content_type_conformance,\
    response_headers_conformance,response_schema_conformance";

#[tokio::test]
async fn every_answer_to_random_requests_is_documented() {
    let Some(schemathesis) = installed("schemathesis") else { return };
    let in_full = std::env::var_os("CI").is_some();
    let (operations, examples) = if in_full { (Operation::ALL, PROMISED) } else { SAMPLE };
    let shop = Shop::open("schemathesis").await;
    let space = &shop.space;
    // Random signatures are wrong; so that refusals for other reasons are met too, they may be left out.
    let merchant = format!("merchants/{}", space.merchant().id);
    let modest = json!({ "signMode": "if-present" }).to_string();
    space.control_send("PATCH", &merchant, &modest).await.expect(200);
    let known = [("ORDERS", stock(space).await), ("BINDING", bind(space).await)];
    // Two at a time: a process of Python's keeps one core busy, however many workers it has.
    let next = Mutex::new(operations.iter());
    let worker = || async {
        loop {
            let Some(&operation) = next.lock().unwrap().next() else { break };
            let codes = run_one(&schemathesis, &shop, &known, operation, examples).await;
            println!("{operation}: {codes:?}");
            let all: u32 = codes.values().sum();
            assert!(all >= examples, "{operation}: {all} requests, {examples} were asked for");
            assert!(codes.len() > 2, "{operation}: random requests met {codes:?} only");
            let succeeded = codes.contains_key("0000");
            assert!(succeeded || !in_full, "{operation}: none of {codes:?} went through");
        }
    };
    tokio::join!(worker(), worker());
}

/// Runs one operation; gives how often it answered with each code.
async fn run_one(
    schemathesis: &Path,
    shop: &Shop,
    known: &[(&str, String)],
    operation: Operation,
    examples: u32,
) -> BTreeMap<String, u32> {
    let tests = file("tests/schemathesis");
    let notes = tempfile::tempdir().expect("a directory");
    let tally = notes.path().join("tally.json");
    let mut command = Command::new(schemathesis);
    command
        .args(["run", &format!("{}/_sim/payon-openapi.json", shop.space.control_url)])
        .args(["--url", &shop.space.base_url, "--include-operation-id", operation.name()])
        .args(["--checks", CHECKS, "--phases", "examples,coverage,fuzzing"])
        .args(["--max-examples", &examples.to_string(), "--seed", "7"])
        .args(["--generation-database", "none", "--continue-on-failure"])
        .args(["--no-color", "--warnings", "off"])
        .env("SCHEMATHESIS_HOOKS", "hooks")
        .env("PYTHONPATH", &tests)
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .env("PYTHONUTF8", "1")
        .env("TALLY", &tally)
        .envs(known.iter().map(|(name, value)| (name, value)))
        .envs(shop.environment())
        .current_dir(notes.path());
    run(&mut command, PATIENCE).await;
    let tally = std::fs::read_to_string(tally).expect("the tally");
    serde_json::from_str(&tally).expect("JSON")
}

/// Orders in each state that a request may meet, some kept for one operation; gives their `txId`s,
/// joined by commas.
async fn stock(space: &SpaceHandle) -> String {
    let rows = [
        ("card-open", "10", "CREDIT_DEBIT", false),
        ("card-paid", "10", "CREDIT_DEBIT", true),
        ("card-paid@reversal", "10", "CREDIT_DEBIT", true),
        ("card-paid@refund", "10", "CREDIT_DEBIT", true),
        ("wallet-paid", "10", "PAYON", true),
        ("hold", "12", "CREDIT_DEBIT", true),
        ("hold@preAuthCompletion", "12", "CREDIT_DEBIT", true),
        ("qr-open", "10", "BAKONG_KHQR", false),
        ("qr-open@notifyQrScanned", "10", "BAKONG_KHQR", false),
        ("qr-open@notifyProcessing", "10", "BAKONG_KHQR", false),
        ("qr-open@notifyCompletion", "10", "BAKONG_KHQR", false),
        ("qr-open@cancelQr", "10", "BAKONG_KHQR", false),
    ];
    for (tx_id, trt, method, paid) in rows {
        let order = json!({ "trt": trt, "paymentMethod": method, "amount": "10.00",
            "buyerId": "B01", "sellerId": "S01" });
        space.register(tx_id, order).await;
        if paid {
            space.pay(tx_id, json!({})).await.expect(200);
        }
    }
    // One that nobody has registered, until a random request does.
    rows.map(|row| row.0).join(",") + ",new"
}

async fn bind(space: &SpaceHandle) -> String {
    let card = json!({ "clientId": "02", "wdlAcNo": "5204730000001003", "wdlCvv": "100",
        "wdlExpiry": "202512", "pin": "123456" });
    let answer = space.call(Operation::BindingRegister, &card).await.expect(200);
    answer["bindingId"].as_str().unwrap_or_else(|| panic!("{answer}")).to_owned()
}
