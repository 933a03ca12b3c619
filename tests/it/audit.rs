//! `payon-sim audit`, with the built-in merchant.

use std::fs;

use serde_json::Value;
use tempfile::TempDir;

use crate::binary::{Ended, run};

fn audit(args: &[&str]) -> Ended {
    run(&[&["audit"], args].concat())
}

fn json(args: &[&str]) -> (Ended, Value) {
    let ended = audit(&[args, &["--format", "json"]].concat());
    let report = serde_json::from_str(&ended.out).unwrap_or_else(|_| panic!("{ended:?}"));
    (ended, report)
}

/// Ids of findings.
fn findings(report: &Value) -> Vec<&str> {
    report["findings"].as_array().unwrap().iter().map(|it| it["id"].as_str().unwrap()).collect()
}

#[test]
fn a_correct_merchant_has_an_a_in_every_report() {
    let folder = TempDir::new().unwrap();
    let dir = folder.path().join("report");
    let ended = audit(&["--report", dir.to_str().unwrap()]);
    assert_eq!(ended.code, Some(0), "{}{}", ended.out, ended.err);
    assert!(ended.out.contains("grade A") && ended.out.contains("findings: 0;"), "{}", ended.out);
    let read = |name: &str| fs::read_to_string(dir.join(name)).unwrap();
    let report: Value = serde_json::from_str(&read("audit.json")).unwrap();
    assert_eq!(
        (&report["grade"]["letter"], report["findings"].as_array().unwrap().len()),
        (&"A".into(), 0)
    );
    assert_eq!(report["categories"].as_array().unwrap().len(), 6);
    // The built-in merchant has no process to be killed.
    let unjudged = report["unjudged"].as_array().unwrap();
    assert!(unjudged.len() == 5 && unjudged.iter().all(|it| it["isNotApplicable"] == true));
    let sarif: Value = serde_json::from_str(&read("audit.sarif")).unwrap();
    assert_eq!(
        (&sarif["version"], &sarif["runs"][0]["results"]),
        (&"2.1.0".into(), &Value::Array(vec![]))
    );
    assert!(!read("junit.xml").contains("<failure") && read("badge.svg").contains(">A<"));
    let page = read("audit.html").replace("http://www.w3.org/2000/svg", "");
    assert!(
        page.contains("Nothing was found")
            && !page.contains("http://")
            && !page.contains("https://")
    );
}

#[test]
fn a_bug_is_named_with_its_rule_its_cost_and_the_command_that_shows_it() {
    for (mistake, id, category) in [
        ("ships-twice", "ship-once", "push-backs"),
        ("trusts-return", "return-is-decoration", "security"),
        ("never-reconciles", "reconcile-daily", "reconciliation"),
    ] {
        let (ended, report) = json(&["--mistake", mistake]);
        assert_eq!(ended.code, Some(1), "{mistake}");
        assert_ne!(report["grade"]["letter"], "A", "{mistake}");
        let found = findings(&report).iter().position(|known| *known == id);
        let finding = &report["findings"][found.expect(mistake)];
        assert_eq!(finding["category"], category);
        let evidence = &finding["evidence"][0];
        let repeat = evidence["repeat"].as_str().unwrap();
        assert!(repeat.starts_with("payon-sim run ") && repeat.ends_with(mistake), "{repeat}");
        let words: Vec<&str> = repeat.split(' ').skip(1).collect();
        assert_eq!(run(&words).code, Some(1), "{repeat}");
        assert!(evidence["diagram"].as_str().unwrap().contains("gateway"), "{evidence}");
    }
}

#[test]
fn a_baseline_leaves_new_findings_only_and_severity_has_a_bar() {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("baseline.json");
    let file = file.to_str().unwrap();
    let books = ["--mistake", "never-reconciles"];
    assert_eq!(audit(&[&books[..], &["--write-baseline", file]].concat()).code, Some(1));
    let known = audit(&[&books[..], &["--baseline", file]].concat());
    assert_eq!(known.code, Some(0), "{}", known.out);
    assert!(known.out.contains("known: 1") && known.out.contains("grade D"), "{}", known.out);
    let other = audit(&["--mistake", "trusts-return", "--baseline", file]);
    assert_eq!(other.code, Some(1), "{}", other.out);
    assert_eq!(audit(&[&books[..], &["--fail-on", "critical"]].concat()).code, Some(0));
    let missing = audit(&["--baseline", "/nowhere/at-all.json"]);
    assert!(missing.code == Some(2) && missing.err.contains("--write-baseline"), "{}", missing.err);
}

#[test]
fn what_does_not_apply_caps_the_grade_and_is_listed() {
    let lacks = ["refund", "khqr", "return-page", "reversal", "pre-auth", "partial-refund"];
    let without: Vec<&str> = lacks.iter().flat_map(|lack| ["--without", lack]).collect();
    let (ended, report) = json(&without);
    assert_eq!(ended.code, Some(0), "{}", ended.err);
    assert_ne!(report["grade"]["letter"], "A");
    let unjudged = report["unjudged"].as_array().unwrap();
    assert!(unjudged.len() > 25 && unjudged.iter().all(|it| it["isNotApplicable"] == true));
    assert!(unjudged[0]["advice"][0].as_str().unwrap().contains("--without"), "{}", unjudged[0]);
}
