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
fn scenarios_that_need_what_a_shop_lacks_are_not_applicable_in_every_report() {
    let folder = tempfile::tempdir().unwrap();
    let report = folder.path().join("report");
    let dir = report.to_str().unwrap();
    let args = ["run", "S001", "S057", "S090", "--without", "real-time-pause"];
    let args = [&args[..], &["--without", "chooses-tx-id-suffix", "--report", dir]].concat();
    let told = run(&args);
    assert_eq!(told.code, Some(0), "{}", told.out);
    assert!(told.out.contains("ok   S001"), "{}", told.out);
    assert!(told.out.contains("n/a  S090"), "{}", told.out);
    let reason = "the scenario needs chooses-tx-id-suffix, which this merchant is said to lack";
    assert!(told.out.contains(&format!("not applicable: {reason}")), "{}", told.out);
    let sum = "scenarios: 3, as expected: 1, failed: 0, not applicable: 2";
    assert!(told.out.contains(sum), "{}", told.out);

    let read = |name: &str| fs::read_to_string(report.join(name)).unwrap();
    let json: Value = serde_json::from_str(&read("report.json")).unwrap();
    let story = &json["stories"][2];
    assert_eq!((&json["ok"], &story["ok"]), (&true.into(), &false.into()));
    assert_eq!(story["notApplicable"], reason);
    assert!(
        story["repeat"]
            .as_str()
            .unwrap()
            .ends_with("--without real-time-pause --without chooses-tx-id-suffix")
    );
    assert!(read("junit.xml").contains(&format!("<skipped message=\"not applicable: {reason}\"")));
    let page = read("report.html");
    assert!(page.contains("1 of 1</span> stories as expected"), "{page}");
    assert!(page.contains("2</span> not applicable") && page.contains(reason), "{page}");
}

#[test]
fn a_run_in_which_no_scenario_applies_has_tested_nothing() {
    let told = run(&["run", "S057", "--without", "real-time-pause"]);
    assert_eq!(told.code, Some(1), "{}", told.out);
    assert!(told.out.contains("none of the scenarios applies"), "{}", told.out);
    let told = run(&["run", "S057", "--without", "time"]);
    assert_eq!(told.code, Some(2));
    assert!(told.err.contains("real-time-pause"), "{}", told.err);
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
