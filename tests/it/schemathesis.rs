//! Random requests, valid and not, to every operation of PAYON's and every call of the control plane: no server error,
//! no status, content type or shape that the OpenAPI document does not have. Schemathesis makes the requests from the
//! document itself.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Mutex;
use std::time::Duration;

use payon_sim::base::Operation;
use serde::de::DeserializeOwned;
use serde_json::json;
use tokio::process::Command;

use crate::programs::{Shop, file, installed, run};
use crate::support::{Sim, SpaceHandle};

/// How long one operation, or the calls of one tag, may take.
const PATIENCE: Duration = Duration::from_secs(300);

/// Requests of each operation that are promised.
const PROMISED: u32 = 1000;

/// Off CI: one operation of each envelope, with enough requests to see that all is in place.
const SAMPLE: (&[Operation], u32) =
    (&[Operation::Register, Operation::Refund, Operation::Orders, Operation::Reconciliation], 30);

/// Tags of the control plane's calls, and how many examples there are of each call; off CI two tags with a few.
const CONTROL_EXAMPLES: u32 = 100;
const CONTROL_SAMPLE: (&[&str], u32) = (&["shop", "tools"], 5);

/// Calls that random requests are not for: one whose answer never ends.
const ENDLESS: &str = "events";

/// Calls that go through only between two servers; `many_machines` holds that they do.
const BETWEEN_SERVERS: [&str; 2] = ["moveSpace", "takeSpace"];

const CHECKS: &str = "not_a_server_error,status_code_conformance,content_type_conformance,\
    response_headers_conformance,response_schema_conformance,unsupported_method,\
    allow_header_conformance";

#[tokio::test]
async fn every_answer_to_random_requests_is_documented() {
    let Some(schemathesis) = installed("schemathesis") else { return };
    let in_full = std::env::var_os("CI").is_some();
    let (operations, examples) = if in_full { (Operation::ALL, PROMISED) } else { SAMPLE };
    let shop = Shop::open("schemathesis").await;
    let space = &shop.space;
    // Random signatures are wrong; so that refusals for other reasons are met too, they may be left out.
    unsigned(space).await;
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

#[tokio::test]
async fn every_answer_of_the_control_plane_to_random_calls_is_documented() {
    let Some(schemathesis) = installed("schemathesis") else { return };
    let in_full = std::env::var_os("CI").is_some();
    let sim = Sim::start().await;
    let document = sim.get("openapi.json").await.expect(200);
    let tags = document["tags"].as_array().expect("tags");
    let tags: Vec<&str> = tags.iter().map(|tag| tag["name"].as_str().expect("a name")).collect();
    let (tags, examples) = if in_full { (&*tags, CONTROL_EXAMPLES) } else { CONTROL_SAMPLE };
    let next = Mutex::new(tags.iter());
    let worker = || async {
        let mut called = BTreeSet::new();
        loop {
            let Some(&tag) = next.lock().unwrap().next() else { break called };
            for (call, statuses) in run_tag(&schemathesis, tag, examples).await {
                println!("{tag}, {call}: {statuses:?}");
                let succeeded = statuses.keys().any(|status| (200..300).contains(status))
                    || BETWEEN_SERVERS.contains(&&*call);
                assert!(succeeded, "{call}: none of {statuses:?} went through");
                called.insert(call);
            }
        }
    };
    let (mut called, others) = tokio::join!(worker(), worker());
    called.extend(others);
    let wanted: BTreeSet<String> = document["paths"]
        .as_object()
        .expect("paths")
        .values()
        .flat_map(|methods| methods.as_object().expect("methods").values())
        .filter(|call| call["operationId"] != ENDLESS)
        .filter(|call| tags.contains(&call["tags"][0].as_str().expect("a tag")))
        .map(|call| call["operationId"].as_str().expect("an id").to_owned())
        .collect();
    assert_eq!(called, wanted, "each call of the tags was tried");
}

/// Runs one operation; gives how often it answered with each code.
async fn run_one(
    schemathesis: &Path,
    shop: &Shop,
    known: &[(&str, String)],
    operation: Operation,
    examples: u32,
) -> BTreeMap<String, u32> {
    let mut command = Command::new(schemathesis);
    command
        .args(["run", &format!("{}/_sim/payon-openapi.json", shop.space.control_url)])
        .args(["--url", &shop.space.base_url, "--include-operation-id", operation.name()])
        .env("SCHEMATHESIS_HOOKS", "hooks")
        .envs(known.iter().map(|(name, value)| (name, value)));
    tallied(command, shop, examples).await
}

/// Runs the calls of one tag of the control plane; gives how often each answered with each status.
async fn run_tag(
    schemathesis: &Path,
    tag: &str,
    examples: u32,
) -> BTreeMap<String, BTreeMap<u16, u32>> {
    let shop = Shop::open(tag).await;
    let url = &shop.space.control_url;
    unsigned(&shop.space).await;
    let mut command = Command::new(schemathesis);
    command
        .args(["run", &format!("{url}/_sim/openapi.json"), "--url", url, "--include-tag", tag])
        .args(["--exclude-operation-id", ENDLESS])
        .env("SCHEMATHESIS_HOOKS", "control");
    tallied(command, &shop, examples).await
}

/// Runs Schemathesis, and gives what its hooks counted.
async fn tallied<T: DeserializeOwned>(mut command: Command, shop: &Shop, examples: u32) -> T {
    let notes = tempfile::tempdir().expect("a directory");
    let tally = notes.path().join("tally.json");
    command
        .args(["--checks", CHECKS, "--phases", "examples,coverage,fuzzing"])
        .args(["--max-examples", &examples.to_string(), "--seed", "7"])
        .args(["--generation-database", "none", "--continue-on-failure"])
        .args(["--no-color", "--warnings", "off"])
        .env("PYTHONPATH", file("tests/schemathesis"))
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .env("PYTHONUTF8", "1")
        .env("TALLY", &tally)
        .envs(shop.environment())
        .current_dir(notes.path());
    run(&mut command, PATIENCE).await;
    let tally = std::fs::read_to_string(tally).expect("the tally");
    serde_json::from_str(&tally).expect("JSON")
}

/// Lets the merchant leave signatures out.
async fn unsigned(space: &SpaceHandle) {
    let merchant = format!("merchants/{}", space.merchant().id);
    let modest = json!({ "signMode": "if-present" }).to_string();
    space.control_send("PATCH", &merchant, &modest).await.expect(200);
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
