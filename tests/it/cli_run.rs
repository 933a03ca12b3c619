//! `payon-sim run`.

use std::fs;

use serde_json::Value;

use crate::binary::{run, tool};

#[test]
fn stories_of_the_catalogue_are_told_and_reported() {
    let folder = tempfile::tempdir().unwrap();
    let report = folder.path().join("report");
    let told = run(&["run", "S014", "S001", "--report", report.to_str().unwrap()]);
    assert_eq!(told.code, Some(0), "{}", told.out);
    assert!(told.out.contains("ok   S014 Charged, but the answer was lost"), "{}", told.out);
    assert!(told.out.contains("scenarios: 2, as expected: 2, failed: 0"), "{}", told.out);
    for file in ["report.json", "junit.xml", "report.html"] {
        assert!(fs::read_to_string(report.join(file)).unwrap().contains("S014"), "{file}");
    }
}

#[test]
fn a_merchant_with_a_bug_fails_with_the_seed_and_the_command_that_repeats_it() {
    let told = run(&["run", "S014", "--mistake", "repeats-refund", "--format", "json"]);
    assert_eq!(told.code, Some(1), "{}", told.out);
    let report: Value = serde_json::from_str(&told.out).unwrap();
    let story = &report["stories"][0];
    assert_eq!((&report["ok"], &story["seed"]), (&false.into(), &42.into()));
    let again = story["repeat"].as_str().unwrap();
    let words: Vec<&str> = again.split(' ').skip(1).collect();
    assert_eq!(words[..2], ["run", "S014"]);
    assert_eq!(run(&words).code, Some(1), "{again}");
}

#[test]
fn a_command_takes_the_merchants_place() {
    let folder = tempfile::tempdir().unwrap();
    let (story, said) = (folder.path().join("one.yaml"), folder.path().join("said"));
    let text = "version: 1\nid: ONE\ntitle: One order\nexpect:\n  - request: { operation: register, exactly: 1 }\n";
    fs::write(&story, text).unwrap();
    let body = r#"{"merchantId":"$PAYON_SIM_MERCHANT_ID","termId":"$PAYON_SIM_TERM_ID","txId":"1","trt":"10","currency":"USD","amount":"2","paymentMethod":"CREDIT_DEBIT"}"#;
    let body = body.replace('"', "\\\"");
    let line = format!(
        "env | grep -o '^PAYON_SIM_[A-Z_]*' | sort > {}; curl -s \"$PAYON_SIM_URL/pg/order/register\" -d \"{body}\"",
        said.display()
    );
    let told = run(&["run", story.to_str().unwrap(), "--", "sh", "-c", &line]);
    assert_eq!(told.code, Some(0), "{}", told.out);
    let names = fs::read_to_string(said).unwrap();
    for name in ["URL", "CONTROL_URL", "SPACE", "SCENARIO", "SEED", "PRIVATE_KEY"] {
        assert!(names.lines().any(|it| it == format!("PAYON_SIM_{name}")), "{name}: {names}");
    }
    let failed = run(&["run", story.to_str().unwrap(), "--", "sh", "-c", "exit 3"]);
    assert_eq!(failed.code, Some(1));
    assert!(failed.out.contains("the command failed"), "{}", failed.out);
}

#[test]
fn what_cannot_be_run_is_told_and_nothing_is_run() {
    for args in [&["run", "S999"][..], &["run", "S014", "--mistake", "sleeps"], &["run"]] {
        assert_eq!(run(args).code, Some(2), "{args:?}");
    }
    let told = run(&["run", "S014", "--min-coverage", "90"]);
    assert_eq!(told.code, Some(1), "{}", told.out);
}

#[test]
fn without_a_port_the_exit_code_says_so() {
    let run = |files: u32| {
        let line = format!("ulimit -n {files}; exec {} run S001", env!("CARGO_BIN_EXE_payon-sim"));
        tool("sh", &["-c", &line], b"")
    };
    // With so few files to open there is one for the runtime and none for a listener.
    let told = (8..32).map(run).find(|told| told.out.contains("cannot listen"));
    let told = told.expect("a listener that cannot be had");
    assert_eq!(told.code, Some(3), "{}", told.out);
    assert!(told.err.contains("cannot listen on 127.0.0.1"), "{}", told.err);
}
