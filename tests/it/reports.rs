//! Reports of a run: that programs can read them, and that the page stands alone.

use payon_sim::base::{JsonTree, OrderState, Reason};
use payon_sim::scenario::{Counts, Coverage, Difference, ExpectationVerdict, Nearest};
use payon_sim::scenario_runs::{
    Conclusion, Judged, MerchantKind, OrderEventLine, OrderStory, Outcomes, RunReport,
    ScenarioOutcome, VerdictCounts,
};
use serde_json::{Value, json};

use crate::binary::{has_tool, tool};

const ODD: &str = "</script><b>\"&' ]]> \u{1} \u{1b}[31m \u{7f} \u{9b} \u{fdd0} \u{fffe} \u{ffff} \u{1fffe} \u{202e}";

fn verdict(ok: bool, judged: bool) -> Judged {
    let differences =
        vec![Difference { key: "refunded", wanted: "once".into(), found: format!("twice {ODD}") }];
    let nearest = (!ok).then(|| Nearest { what: "order T1".into(), differences });
    let detail = format!("1 order wanted, none found {ODD}");
    let evidence = vec!["refund at +1.000 s".into()];
    Judged {
        expectation: JsonTree::parse(br#"{"order":{"refunded":"once"}}"#).expect("JSON"),
        about: judged.then(|| "Nothing is refunded twice".to_owned()),
        verdict: ExpectationVerdict { ok, judged, detail, evidence, nearest },
    }
}

fn outcome(id: &str, ok: bool) -> ScenarioOutcome {
    let event = |at_ms, kind, name: &str, rule: Option<&str>| OrderEventLine {
        at_ms,
        kind,
        name: name.into(),
        detail: "success, HTTP 200".into(),
        rule: rule.map(Into::into),
        trace: None,
    };
    let mut outcome = ScenarioOutcome {
        id: id.into(),
        title: format!("A title {ODD}"),
        why: Some("It happens.".into()),
        correct: Some("Asks again.".into()),
        file: "scenarios/x.yaml".into(),
        seed: 42,
        ok: false,
        not_applicable: None,
        verdict: Conclusion::Failed,
        counts: VerdictCounts::default(),
        is_unbound: false,
        is_cut_off: false,
        has_died: false,
        shares_tx_ids: false,
        gives_back_too_much: false,
        conduct: Vec::new(),
        error: (!ok).then(|| format!("the command failed {ODD}")),
        verdicts: vec![verdict(ok, true), verdict(false, false)],
        first_run: None,
        note: None,
        calls: Vec::new(),
        gaps: vec![format!("step `pay`: 1 wanted, 0 made {ODD}")],
        orders: vec![OrderStory {
            merchant_id: "M1".into(),
            tx_id: "T1".into(),
            state: OrderState::Captured,
            reason: Some(Reason::Success),
            currency: "USD",
            amount: "10.00".into(),
            captured: "10.00".into(),
            returned: "0.00".into(),
            believes: Some("paid"),
            shipped: Some(1),
            is_only_held: false,
            has_moved: true,
            events: vec![
                event(0, "call", "register", None),
                event(65_000, "change", "approved", Some("lose-the-answer")),
                event(7_200_000, "pushback", "approved", None),
            ],
        }],
        took_ms: 12,
        simulated_ms: 7_200_000,
        repeat: format!("payon-sim run {id} --seed 42"),
        met: payon_sim::scenario::Counts::default(),
    };
    outcome.conclude();
    outcome
}

fn outcomes() -> Outcomes {
    let scenarios = vec![outcome("S001", true), outcome("S002", false)];
    Outcomes {
        merchant: MerchantKind::BuiltIn { styles: Vec::new(), mistakes: Vec::new() },
        scenarios,
        took_ms: 24,
    }
}

#[test]
fn a_run_is_written_for_programs_for_ci_and_for_people() {
    let dir = tempfile::tempdir().unwrap();
    let inside = dir.path().join("new/reports");
    let (outcomes, coverage) = (outcomes(), Coverage::of(&Counts::default()));
    RunReport::new(&outcomes, &coverage, false, None, Vec::new()).write(&inside).unwrap();
    let read = |name: &str| std::fs::read_to_string(inside.join(name)).unwrap();

    let json: Value = serde_json::from_str(&read("report.json")).unwrap();
    assert_eq!((&json["ok"], &json["stories"][1]["id"]), (&json!(false), &json!("S002")));
    assert_eq!(json["stories"][1]["verdicts"][0]["nearest"]["differences"][0]["wanted"], "once");
    assert_eq!(json["coverage"]["met"], 0);

    let junit = quick_junit::Report::deserialize_from_str(&read("junit.xml")).unwrap();
    // One scenario failed and one is partly judged: each is a reason against the run.
    assert_eq!((junit.tests, junit.failures, junit.errors), (10, 3, 1));
    let skipped = read("junit.xml").matches("<skipped").count();
    assert_eq!((skipped, &json["counts"]), (4, &json!({ "met": 1, "failed": 1, "notJudged": 4 })));
    assert_eq!(json["stories"][0]["verdict"], "partly judged");
    assert_eq!((&json["stories"][0]["ok"], &json["verdict"]), (&json!(false), &json!("failed")));
    assert!(read("junit.xml").contains("payon-sim run S002 --seed 42"));

    let page = read("report.html");
    for part in [
        "id=\"scenario-2\" open",
        "payon-sim run S002 --seed 42",
        "Nothing is refunded twice",
        "lose-the-answer",
        "+1:05.000",
        "+2:00:00",
        "twice &#60;/script&#62;",
        "chunk-garbage",
        "<td>1</td><td>0</td><td>2</td>",
        "<td>0</td><td>1</td><td>2</td>",
        "not judged: step `pay`: 1 wanted, 0 made",
    ] {
        assert!(page.contains(part), "{part} is not in the page");
    }
    let is_odd = |c: char| {
        (c.is_control() && c != '\n') || u32::from(c) & 0xfffe == 0xfffe || c == '\u{202e}'
    };
    assert!(!page.contains(is_odd) && page.contains("A title") && page.contains("&lt;U+FFFE&gt;"));
    for part in ["http:", "https:", "<script", "src=", "url(", "@import", "<b>\"&"] {
        assert!(!page.contains(part), "{part} is in the page");
    }
}

#[test]
fn another_reader_of_xml_takes_the_junit_report() {
    if !has_tool("python3") {
        return;
    }
    let (outcomes, coverage) = (outcomes(), Coverage::of(&Counts::default()));
    let xml = RunReport::new(&outcomes, &coverage, false, Some(5), Vec::new()).junit().unwrap();
    let script = "import sys, xml.etree.ElementTree as t; r = t.fromstring(sys.stdin.buffer.read()); \
        print(r.tag, [(s.get('tests'), s.get('failures'), s.get('errors')) for s in r], \
        len(r.findall('.//testcase/failure')), len(r.findall('.//testcase/skipped')))";
    let said = tool("python3", &["-c", script], xml).ok();
    assert_eq!(said.trim(), "testsuites [('3', '3', '0'), ('4', '0', '0'), ('4', '1', '1')] 4 4");
}
