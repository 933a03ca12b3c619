//! `payon-sim shadow` and `payon-sim capture`, as a user tries them.

use std::path::Path;

use serde_json::Value;

use crate::binary::{Ended, events, payon_sim, run};
use crate::shadow::{Watched, order};
use payon_sim::base::Operation;
use payon_sim::profile::Profile;
use payon_sim::simulator::Simulator;

fn within(dir: &Path, args: &[&str]) -> Ended {
    let mut command = payon_sim(args);
    command.current_dir(dir);
    events(command, b"")
}

/// A capture of a registration, sent twice, by a gateway that refuses the second.
async fn capture(dir: &Path) {
    let mut other = (*Profile::builtin()).clone();
    other.rules.identical_register = payon_sim::profile::IdenticalRegister::Refuse;
    let gateway = Simulator::builder().profile(other).start().await.unwrap();
    let file = std::fs::File::create(dir.join("today.jsonl")).unwrap();
    let shadow = Watched::with(gateway.url(), Profile::builtin(), |settings| {
        settings.capture = Some(Box::new(file));
    })
    .await;
    for _ in 0..2 {
        shadow.call(Operation::Register, order("1", "CREDIT_DEBIT", "10", "1.00")).await;
    }
    shadow.stop().await;
}

/// Takes away the header by which the answers of a capture are known to be a payon-sim's.
fn pass_for_payons(capture: &std::path::Path) {
    let text = std::fs::read_to_string(capture).unwrap();
    let lines = text.lines().map(|line| {
        let mut line: Value = serde_json::from_str(line).unwrap();
        if let Some(headers) = line.pointer_mut("/answer/headers").and_then(Value::as_array_mut) {
            headers.retain(|header| header[0] != "x-payon-trace");
        }
        format!("{line}\n")
    });
    std::fs::write(capture, lines.collect::<String>()).unwrap();
}

#[tokio::test]
async fn a_capture_is_judged_patched_and_judged_again() {
    let dir = tempfile::tempdir().unwrap();
    capture(dir.path()).await;
    let replay = &["shadow", "--replay", "today.jsonl"];
    let simulated = within(dir.path(), &[&replay[..], &["--patch", "none.toml"]].concat());
    assert!(simulated.out.contains("(a payon-sim: nothing of this is proof"), "{simulated:?}");
    assert!(simulated.err.contains("0 assumptions confirmed"), "{simulated:?}");
    assert!(simulated.err.contains("nothing counts as confirmed: the answers"), "{simulated:?}");
    pass_for_payons(&dir.path().join("today.jsonl"));
    let reports = &[
        "--junit",
        "junit.xml",
        "--html",
        "page.html",
        "--patch",
        "mine.toml",
        "--latency-scenario",
        "slow.yaml",
    ];
    let ended = within(dir.path(), &[&replay[..], reports].concat());
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(
        ended.out.contains("rules.identical_register, fixtures/pgtest/profile.toml:"),
        "{}",
        ended.out
    );
    assert!(ended.err.contains("mine.toml: 1 changes"), "{}", ended.err);
    assert!(ended.err.contains("by which the same session has no difference"), "{}", ended.err);
    let read = |name: &str| std::fs::read_to_string(dir.path().join(name)).unwrap();
    assert!(read("junit.xml").contains("register success outcome"), "{}", read("junit.xml"));
    let page = read("page.html");
    assert!(page.contains("rules.identical_register") && !page.contains("src="), "{page}");
    assert!(read("mine.toml").contains("\"rules.identical_register\" = \"refuse\""));
    let patched = within(dir.path(), &[&replay[..], &["--profile", "mine.toml"]].concat());
    assert_eq!(patched.code, Some(0), "{patched:?}");
    let marks = within(dir.path(), &["fidelity", "--profile", "mine.toml", "--mark", "C"]);
    assert!(marks.out.contains("rules.identical_register"), "{}", marks.out);
    let json = within(dir.path(), &[&replay[..], &["--format", "json"]].concat());
    let json: Value = serde_json::from_str(&json.out).unwrap();
    assert_eq!(json["findings"][0]["class"], "outcome");
    assert_eq!(json["calls"], 2);
    assert_eq!((&json["verdict"], &json["waivers"]), (&"failed".into(), &serde_json::json!([])));
    assert!(
        ended.out.contains("\nshadow: failed\n") && ended.err.contains("places that differ: 1")
    );
    let checked = within(dir.path(), &["check", "slow.yaml"]);
    assert_eq!(checked.code, Some(0), "{checked:?}");
    // Reports of this run are not taken for those of one that fails before it begins.
    for args in [&["--replay", "nowhere"][..], &["--replay", "today.jsonl", "--format", "nosuch"]] {
        std::fs::write(dir.path().join("junit.xml"), "an earlier one").unwrap();
        let args = [&["shadow", "--junit", "junit.xml"], args].concat();
        assert_eq!(within(dir.path(), &args).code, Some(2), "{args:?}");
        assert!(!dir.path().join("junit.xml").exists(), "{args:?}");
    }
    let plan = within(dir.path(), &[&replay[..], &["--plan"]].concat());
    assert!(plan.out.contains("[open] Pay it with a test card"), "{}", plan.out);
}

#[test]
fn production_is_called_only_by_who_says_so() {
    let refused = run(&["shadow", "--upstream", "https://pg.payon.com.kh"]);
    assert_eq!(refused.code, Some(2));
    assert!(refused.err.contains("--i-know-this-is-production"), "{}", refused.err);
    assert!(refused.err.contains("pg.payon.com.kh"), "{}", refused.err);
    assert_eq!(run(&["shadow"]).code, Some(2));
    let plan = run(&["shadow", "--plan"]);
    assert!(plan.out.contains(" 1. [open] Register an order"), "{}", plan.out);
}

#[test]
fn what_other_tools_have_recorded_is_imported() {
    let dir = tempfile::tempdir().unwrap();
    let har = r#"{"log":{"entries":[{"startedDateTime":"2026-03-02T10:00:00+07:00","time":5,
        "request":{"method":"POST","url":"http://g.test/pg/transaction/status","headers":[],
          "postData":{"text":"{\"merchantId\":\"C0000143\",\"termId\":\"CT03000003\",\"txId\":\"1\",\"wdlCvv\":\"123\"}"}},
        "response":{"status":302,"headers":[{"name":"Content-Type","value":"application/json;charset=UTF-8"}],
          "content":{"text":"{\"resultMsg\":\"System error\",\"resultCode\":\"9999\",\"resultData\":null}"}}},
        {"startedDateTime":"2026-03-02T10:00:01+07:00","time":5,
        "request":{"method":"GET","url":"http://g.test/","headers":[]},"response":{"status":200}}]}}"#;
    std::fs::write(dir.path().join("x.har"), har).unwrap();
    let made = within(dir.path(), &["capture", "import", "x.har", "--out", "x.jsonl"]);
    assert_eq!(made.out, "x.jsonl: 1 calls; 1 other requests were left out\n");
    let text = std::fs::read_to_string(dir.path().join("x.jsonl")).unwrap();
    assert!(!text.contains("\\\"123\\\""), "{text}");
    let judged = within(dir.path(), &["shadow", "--replay", "x.jsonl"]);
    assert_eq!(judged.code, Some(0), "{judged:?}");
    let again = within(dir.path(), &["capture", "import", "x.har", "--out", "x.jsonl"]);
    assert_eq!(again.code, Some(2), "no file is overwritten");
    std::fs::write(dir.path().join("x.txt"), "hello").unwrap();
    let neither = within(dir.path(), &["capture", "import", "x.txt", "--out", "y.jsonl"]);
    assert!(neither.err.contains("neither a HAR file nor a dump of mitmproxy"), "{}", neither.err);
}

#[test]
fn every_page_that_speaks_of_assumptions_links_to_how_to_confirm_them() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let pages = std::fs::read_dir(root.join("docs")).unwrap().map(|entry| entry.unwrap().path());
    let pages: Vec<_> = pages.chain([root.join("README.md")]).collect();
    let is_page = |path: &&std::path::PathBuf| path.extension().is_some_and(|kind| kind == "md");
    let mut count = 0;
    for page in pages.iter().filter(is_page) {
        let text = std::fs::read_to_string(page).unwrap();
        // What stands in blocks is output.
        let prose: String = text.split("```").step_by(2).collect();
        if prose.to_lowercase().contains("assum") && !page.ends_with("shadow.md") {
            count += 1;
            assert!(text.contains("shadow.md)"), "{}", page.display());
        }
    }
    assert!(count >= 4, "{count} pages");
}
