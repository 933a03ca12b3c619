//! `payon-sim run`.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::binary::{Ended, events, has_tool, payon_sim, run, tool};

/// A folder with scenarios in it.
struct Folder(TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// Writes a scenario and gives its path.
    fn scenario(&self, id: &str, rest: &str) -> String {
        let path = self.path(&format!("{id}.yaml"));
        fs::write(&path, format!("version: 1\nid: {id}\ntitle: A test\n{rest}")).unwrap();
        path.to_str().unwrap().to_owned()
    }
}

/// Registers the order 1 and pays it, as a test of a merchant does, with the program itself for a payer.
fn shop(more: &str) -> String {
    let order = r#"{"merchantId":"$PAYON_SIM_MERCHANT_ID","termId":"$PAYON_SIM_TERM_ID","txId":"1","trt":"10","currency":"USD","amount":"2","paymentMethod":"CREDIT_DEBIT"}"#;
    let order = order.replace('"', "\\\"");
    let program = env!("CARGO_BIN_EXE_payon-sim");
    format!(
        "curl -sf \"$PAYON_SIM_URL/pg/order/register\" -d \"{order}\" && {program} pay --merchant $PAYON_SIM_MERCHANT_ID --tx 1 {more}"
    )
}

fn run_shop(args: &[&str], more: &str) -> Ended {
    run(&[&["run"], args, &["--", "sh", "-c", &shop(more)]].concat())
}

/// A call without which nothing is known of a merchant.
const CALL: &str = "curl -s \"$PAYON_SIM_URL/pg/transaction/status\" -d '{}'";

const DRIVE: &str = "drive:\n  - register: {}\n  - pay: {}\n  - idle\n";

#[test]
fn what_a_command_leaves_unjudged_is_never_ok_and_all_reports_agree() {
    let folder = Folder::new();
    let expect = "expect:\n  - order: { state: captured }\n  - shop: { shipped: once }\n";
    let one = folder.scenario("ONE", &format!("{DRIVE}{expect}"));
    let report = folder.path("report");
    let told = run_shop(&[&one, "--report", report.to_str().unwrap()], "");
    assert_eq!(told.code, Some(1), "{}", told.out);
    for part in [
        "partly judged ONE A test (",
        ", 1 of 2 not judged)\n     not judged: {\"shop\":{\"shipped\":1}}\n",
        "scenarios: 1, as expected: 0, failed: 0, partly judged: 1 ",
        "expectations: met 1, failed 0, not judged 1",
    ] {
        assert!(told.out.contains(part), "{part:?} is not in\n{}", told.out);
    }
    assert!(!told.out.contains("ok   ") && told.err.contains("--allow-unjudged"), "{told:?}");
    let read = |name: &str| fs::read_to_string(report.join(name)).unwrap();
    let json: Value = serde_json::from_str(&read("report.json")).unwrap();
    let counts = json!({ "met": 1, "failed": 0, "notJudged": 1 });
    let scenario = &json["stories"][0];
    assert_eq!((&json["ok"], &json["verdict"]), (&json!(false), &json!("partly judged")));
    assert_eq!((&json["counts"], &scenario["counts"]), (&counts, &counts));
    assert_eq!((&scenario["ok"], &scenario["verdicts"][1]["ok"]), (&json!(false), &json!(false)));
    assert_eq!(read("junit.xml").matches("<skipped").count(), 1);
    let page = read("report.html");
    assert!(page.contains("<td>1</td><td>0</td><td>1</td>") && page.contains("partly judged"));
    assert!(!page.contains("all as expected"));

    let allowed = run_shop(&[&one, "--allow-unjudged", "--report", report.to_str().unwrap()], "");
    assert_eq!(allowed.code, Some(0), "{}", allowed.out);
    assert!(allowed.out.contains("partly judged ONE"), "{}", allowed.out);
    let json: Value = serde_json::from_str(&read("report.json")).unwrap();
    assert_eq!((&json["ok"], &json["reasons"]), (&json!(true), &json!([])));
    assert_eq!(json["verdict"], "partly judged");
    let waived = "--allow-unjudged: scenarios partly judged: 1";
    assert_eq!(json["waivers"], json!([waived]));
    for text in [allowed.err, read("junit.xml"), read("report.html")] {
        assert!(text.contains(waived), "{text}");
    }
}

/// Failures and errors that a report for CI counts.
fn junit_failures(dir: &Path) -> usize {
    let xml = fs::read_to_string(dir.join("junit.xml")).unwrap();
    let report = quick_junit::Report::deserialize_from_str(&xml).unwrap();
    report.failures + report.errors
}

#[test]
fn exit_code_and_reports_agree_whatever_comes_of_a_run() {
    let folder = Folder::new();
    let good = folder.scenario("GOOD", &format!("{DRIVE}expect:\n  - order: {{ exactly: 1 }}\n"));
    let bad = folder.scenario("BAD", &format!("{DRIVE}expect:\n  - order: {{ exactly: 2 }}\n"));
    let blind = folder.scenario("BLIND", DRIVE);
    let shop = folder.scenario("SHOP", "drive:\n  - idle\nexpect:\n  - shop: { shipped: never }\n");
    let refund = folder
        .scenario("REFUND", "drive: [register, pay, refund]\nexpect:\n  - order: { exactly: 1 }\n");
    for (args, wanted) in [
        (&[&*good][..], 0),
        (&[&good, &bad], 1),
        (&[&bad, "--allow-unjudged"], 1),
        (&[&good, &blind], 1),
        (&[&good, &blind, "--allow-unjudged"], 0),
        // Nothing at all is judged: no waiver makes that a pass.
        (&[&blind, "--allow-unjudged"], 1),
        (&[&shop, "--allow-unjudged", "--", "true"], 1),
        (&[&good, "--min-coverage", "90"], 1),
        (&[&good, "--min-coverage", "0"], 0),
        (&[&refund, "--without", "refund"], 1),
        (&[&good, &refund, "--without", "refund"], 0),
        (&[&good, "--time-limit", "1", "--", "sleep", "20"], 1),
    ] {
        let dir = folder.path("report");
        let report = ["run", "--report", dir.to_str().unwrap()];
        let ended = run(&[&report, args].concat());
        assert_eq!(ended.code, Some(wanted), "{args:?}: {}{}", ended.out, ended.err);
        assert_eq!(junit_failures(&dir) > 0, wanted > 0, "{args:?}");
        let json: Value =
            serde_json::from_str(&fs::read_to_string(dir.join("report.json")).unwrap()).unwrap();
        assert_eq!(json["ok"], wanted == 0, "{args:?}");
        let reasons = json["reasons"].as_array().unwrap();
        assert_eq!(reasons.is_empty(), wanted == 0, "{args:?}");
        let page = fs::read_to_string(dir.join("report.html")).unwrap();
        assert_eq!(page.contains("<p class=\"bad\">failed: "), wanted > 0, "{args:?}");
        for reason in reasons {
            assert!(ended.err.contains(reason.as_str().unwrap()), "{args:?}: {}", ended.err);
        }
    }
}

#[test]
fn what_was_not_run_is_counted_and_repeated_with_its_command() {
    let told = run(&["run", "S009", "S014", "--time-limit", "1", "--", "sleep", "3"]);
    assert_eq!(told.code, Some(1), "{}", told.out);
    assert!(told.out.contains("expectations: met 0, failed 0, not judged "), "{}", told.out);
    assert!(!told.out.contains("not judged 0"), "{}", told.out);
    let again: Vec<&str> =
        told.out.lines().filter_map(|line| Some(line.split_once("again: ")?.1)).collect();
    assert_eq!(again.len(), 2, "{}", told.out);
    assert!(again.iter().all(|line| line.ends_with(" -- sleep 3")), "{again:?}");
}

#[test]
fn steps_that_nobody_made_are_told() {
    let folder = Folder::new();
    let drive = "drive:\n  - register: {}\n  - pay: {}\n  - refund: {}\n  - advance: 10h\n  - return: { to: success }\n  - idle\n";
    let expect = "expect:\n  - never: true\n    request: { operation: reversal }\n";
    let one = folder.scenario("ONE", &format!("{drive}{expect}"));
    let told = run_shop(&[&one], "");
    assert_eq!(told.code, Some(1), "{}", told.out);
    for part in ["`refund` of `drive`: 1 wanted, 0 made", "`advance`", "10h", "`return`"] {
        assert!(told.out.contains(part), "{part:?} is not in\n{}", told.out);
    }
    for part in ["`register`", "`pay`", "`idle`", "ok   "] {
        assert!(!told.out.contains(part), "{part:?} is in\n{}", told.out);
    }
    let all =
        folder.scenario("ALL", &format!("{DRIVE}expect:\n  - order: {{ state: captured }}\n"));
    assert!(run_shop(&[&all], "").ok().starts_with("ok   ALL"));
    let idle = run(&["run", &all, "--", "true"]);
    assert_eq!(idle.code, Some(1), "{}", idle.out);
    assert!(idle.out.contains("FAIL ALL") && idle.out.contains("`register`"), "{}", idle.out);
}

#[test]
fn a_command_that_takes_the_faults_away_is_not_judged() {
    let folder = Folder::new();
    let rule =
        "rules:\n  - id: r\n    when: { operation: register }\n    then: [{ latency: 1ms }]\n";
    let expect = "expect:\n  - order: { state: captured }\n";
    let one = folder.scenario("ONE", &format!("{rule}{DRIVE}{expect}"));
    let program = env!("CARGO_BIN_EXE_payon-sim");
    let shop = |more: &str| shop(more).replace("--tx 1", "--tx 1 >/dev/null");
    assert!(run(&["run", &one, "--", "sh", "-c", &shop("")]).ok().starts_with("ok   ONE"));
    let reset = "the space was reset or restored during the run";
    let changed = "the rule `r` was taken away or changed during the run";
    let other = r#"echo '[{"id":"r","then":[{"latency":"2ms"}]}]'"#;
    for (line, gap) in [
        (format!("{program} reset && {}", shop("")), reset),
        (format!("{} && {program} rules clear", shop("")), changed),
        (format!("{} && {other} | {program} rules put -", shop("")), changed),
        (
            format!(
                "{program} snapshot save a && {} && {program} snapshot restore a && {}",
                shop(""),
                shop("")
            ),
            reset,
        ),
    ] {
        let told = run(&["run", &one, "--", "sh", "-c", &line]);
        assert_eq!(told.code, Some(1), "{line}: {} {}", told.out, told.err);
        assert!(told.out.contains(gap), "{gap:?} is not in\n{}", told.out);
        assert!(told.out.contains("partly judged ONE"), "{}", told.out);
    }
}

#[test]
fn a_step_that_the_gateway_refuses_is_not_made() {
    let folder = Folder::new();
    let expect = "expect:\n  - request: { operation: register, atLeast: 1 }\n";
    for (id, steps, refused) in [
        ("EARLY", "  - trigger: { event: chargeback }\n  - pay: {}\n", "trigger"),
        ("SETTLE", "  - trigger: { event: settle }\n  - pay: {}\n", "trigger"),
        ("CANCEL", "  - pay: {}\n  - trigger: { event: cancel }\n", "trigger"),
        ("LATE", "  - trigger: { event: expire }\n  - pay: {}\n", "pay"),
    ] {
        let drive = format!("drive:\n  - register: {{}}\n{steps}  - idle\n");
        let one = folder.scenario(id, &format!("{drive}{expect}"));
        let told = run(&["run", &one]);
        assert_eq!(told.code, Some(1), "{}", told.out);
        let gap = format!("step `{refused}` of `drive`: the gateway refused it");
        assert!(told.out.contains(&gap), "{gap:?} is not in\n{}", told.out);
    }
}

#[test]
fn what_a_command_is_refused_is_no_step_and_no_gap() {
    let folder = Folder::new();
    let one =
        folder.scenario("ONE", &format!("{DRIVE}expect:\n  - order: {{ state: captured }}\n"));
    let pay = "--merchant $PAYON_SIM_MERCHANT_ID --tx 1";
    let program = env!("CARGO_BIN_EXE_payon-sim");
    // The order is paid; that it is not paid a second time is what the command tests.
    let twice = shop(&format!("&& ! {program} pay {pay}"));
    assert!(run(&["run", &one, "--", "sh", "-c", &twice]).ok().starts_with("ok   ONE"));
    let never = shop("").replace("--tx 1", "--tx 2; true");
    let told = run(&["run", &one, "--", "sh", "-c", &never]);
    assert_eq!(told.code, Some(1), "{}", told.out);
    assert!(told.out.contains("`pay` of `drive`: 1 wanted, 0 made"), "{}", told.out);
    // Steps that the program makes beside a command are its own.
    let drive = "drive:\n  - register: {}\n  - pay: {}\n  - pay: {}\n  - idle\n";
    let two =
        folder.scenario("TWO", &format!("{drive}expect:\n  - order: {{ state: captured }}\n"));
    let register = shop("").split(" && ").next().expect("a command").to_owned();
    let told = run(&["run", &two, "--drive", "by-scenario", "--", "sh", "-c", &register]);
    assert_eq!(told.code, Some(1), "{}", told.out);
    assert!(told.out.contains("step `pay` of `drive`: the gateway refused it"), "{}", told.out);
}

#[test]
fn a_scenario_that_judges_or_does_nothing_is_not_ok() {
    let folder = Folder::new();
    let expect = "expect:\n  - never: true\n    request: { operation: reversal }\n";
    let still = folder.scenario("STILL", expect);
    let told = run(&["run", &still]);
    assert_eq!(told.code, Some(1), "{}", told.out);
    assert!(told.out.contains("no `drive`") && told.out.contains("--"), "{}", told.out);
    assert!(run(&["check", &still]).ok().contains("no `drive`"));

    let blind = folder.scenario("BLIND", DRIVE);
    for told in [run(&["run", &blind]), run_shop(&[&blind], "")] {
        assert_eq!(told.code, Some(1), "{}", told.out);
        assert!(told.out.contains("no `expect`"), "{}", told.out);
    }
    assert!(run(&["check", &blind]).ok().contains("no `expect`"));

    let rule = "rules:\n  - id: r\n    when: { operation: refund }\n    then: [{ status: 500 }]\n";
    let idle = folder.scenario("IDLE", &format!("{rule}{DRIVE}{expect}"));
    let told = run(&["run", &idle]);
    assert_eq!(told.code, Some(1), "{}", told.out);
    assert!(told.out.contains("rules stepped in"), "{}", told.out);
    assert_eq!(run(&["run", &idle, "--allow-unjudged"]).code, Some(0));

    // Nor is one in which a rule had no chance beside another; a rule that the client chooses may stay out.
    let acting = "  - id: acting\n    when: { operation: register }\n    then: [latency: 1s]\n";
    for (optional, code) in [("", 1), ("    optional: true\n", 0)] {
        let one = folder.scenario("ONE", &format!("{rule}{optional}{acting}{DRIVE}{expect}"));
        let told = run(&["run", &one]);
        assert_eq!(told.code, Some(code), "{}", told.out);
        let is_told = told.out.contains("the rule `r` never stepped in");
        assert_eq!(is_told, code == 1, "{}", told.out);
    }

    fs::create_dir(folder.path("empty")).unwrap();
    let empty = folder.path("empty");
    let told = run(&["run", "S001", empty.to_str().unwrap()]);
    assert_eq!(told.code, Some(2), "{}", told.out);
    assert!(told.err.contains("empty: there is no scenario in it"), "{}", told.err);
}

#[test]
fn what_a_command_leaves_running_is_told() {
    let folder = Folder::new();
    let one = folder.scenario(
        "ONE",
        "drive: [register]\nexpect: [{ request: { operation: register, atLeast: 1 } }]\n",
    );
    let buys = shop("").replace("-sf", "-s");
    let buys = buys.split(" && ").next().unwrap();
    for (line, is_left) in [
        (buys.to_owned(), false),
        (format!("{buys}; sleep 0.1 & exit 0"), false),
        (format!("{buys}; sleep 20 >/dev/null 2>&1 & exit 0"), true),
    ] {
        let told = run(&["run", &one, "--", "sh", "-c", &line]);
        assert_eq!(told.code, Some(0), "{told:?}");
        assert_eq!(
            told.out.contains("note: the command has ended and has left a process running"),
            is_left,
            "{told:?}"
        );
        let json = run(&["run", &one, "--format", "json", "--", "sh", "-c", &line]);
        let report: Value = serde_json::from_str(&json.out).unwrap();
        assert_eq!(report["stories"][0]["note"].is_string(), is_left, "{report:#}");
    }
}

/// What a run without any merchant meets.
const ABSENT: &str = "expect:\n  - never: true\n    order: { state: failed }\n  - ledger: { balanced: true }\n  - request: { operation: refund, atMost: 0 }\n";

#[test]
fn where_nobody_calls_nothing_is_met() {
    let folder = Folder::new();
    let none = folder.scenario("NONE", ABSENT);
    let idle = folder.scenario("IDLE", &format!("drive: [idle]\n{ABSENT}"));
    for args in [&[&*none, "--", "true"][..], &[&*idle, "--allow-unjudged"]] {
        let told = run(&[&["run"], args].concat());
        assert_eq!(told.code, Some(1), "{}", told.out);
        assert!(told.out.contains("nobody called the gateway in the whole run"), "{}", told.out);
        assert!(told.out.contains("expectations: met 0, failed 0, not judged 4"), "{}", told.out);
    }
}

#[test]
fn a_registration_that_makes_no_order_is_told() {
    let folder = Folder::new();
    let one = folder.scenario("ONE", &format!("drive: [register, idle]\n{ABSENT}"));
    let wrong = shop("").replace("\\\"USD\\\"", "\\\"EUR\\\"").replace("-sf", "-s");
    let wrong = wrong.split(" && ").next().unwrap();
    let told = run(&["run", &one, "--", "sh", "-c", wrong]);
    assert_eq!(told.code, Some(1), "{}", told.out);
    let gap = "step `register` of `drive`: 1 wanted, 0 orders came to the gateway";
    assert!(told.out.contains(gap) && told.out.contains("; the gateway refused"), "{}", told.out);
    // That it is refused may be the very test, or what a rule does.
    let asked = folder.scenario(
        "ASKED",
        "drive: [register]\nexpect:\n  - request: { operation: register, reason: currency.unknown }\n",
    );
    let reason = run(&["run", &one, "--format", "json", "--", "sh", "-c", wrong]).out;
    let reason =
        reason.split("refused the last call (`").nth(1).unwrap().split('`').next().unwrap();
    let text = fs::read_to_string(&asked).unwrap().replace("currency.unknown", reason);
    fs::write(&asked, text).unwrap();
    assert!(run(&["run", &asked, "--", "sh", "-c", wrong]).ok().starts_with("ok   ASKED"));
    let rule = "rules:\n  - id: r\n    when: { operation: register }\n    then: [reason: system.maintenance]\n";
    // Where there is no order there is nothing to balance.
    let absent = ABSENT.replace("balanced: true", "captured: 0");
    let ruled = folder.scenario("RULED", &format!("{rule}drive: [register]\n{absent}"));
    let right = shop("").replace("-sf", "-s");
    let right = right.split(" && ").next().unwrap();
    assert!(run(&["run", &ruled, "--", "sh", "-c", right]).ok().starts_with("ok   RULED"));
}

#[test]
fn what_was_not_run_to_its_end_has_met_nothing() {
    let folder = Folder::new();
    let report = folder.path("report");
    let expect = "expect:\n  - order: { txId: any, amount: 10 }\n  - never: true\n    order: { state: failed }\n  - request: { operation: register, atMost: 0 }\n";
    let one =
        folder.scenario("ONE", &format!("drive:\n  - register: {{ order: a }}\n  - pay\n{expect}"));
    let told = run(&["run", &one, "--report", report.to_str().unwrap()]);
    assert_eq!(told.code, Some(1), "{}", told.out);
    // What has happened too often cannot be mended by what was left out.
    assert!(told.out.contains("expectations: met 0, failed 1, not judged 2"), "{}", told.out);
    let read = |name: &str| fs::read_to_string(report.join(name)).unwrap();
    let json: Value = serde_json::from_str(&read("report.json")).unwrap();
    assert_eq!(json["counts"], json!({ "met": 0, "failed": 1, "notJudged": 2 }));
    assert_eq!(read("junit.xml").matches("<skipped").count(), 2);
    assert!(read("report.html").contains("<td>0</td><td>1</td><td>2</td>"));
}

#[test]
fn a_report_of_an_earlier_run_does_not_outlive_this_one() {
    let folder = Folder::new();
    let report = folder.path("report");
    fs::create_dir(&report).unwrap();
    fs::write(report.join("report.html"), "all as expected").unwrap();
    let shown = report.to_str().unwrap();
    run(&["run", "S001", "--report", shown, "--min-coverage", "90", "--format", "json"]);
    let page = fs::read_to_string(report.join("report.html")).unwrap();
    assert!(page.contains("not as expected") && page.contains("90 % asked for"), "{page}");
    let junit = fs::read_to_string(report.join("junit.xml")).unwrap();
    assert!(junit.contains("failures=\"1\""), "{junit}");
    let file = folder.path("file");
    fs::write(&file, "").unwrap();
    let told = run(&["run", "S001", "--report", file.to_str().unwrap()]);
    assert_eq!((told.code, told.out.as_str()), (Some(2), ""), "{}", told.err);
    // One that fails before anything runs leaves none either.
    let missing = folder.path("none.yaml");
    let missing = missing.to_str().unwrap();
    for args in [
        &["run", missing][..],
        &["run", "S001", "--merchant", missing],
        &["run", "S001", "--"],
        &["audit", "--merchant", missing],
        &["audit", "--only", "S999"],
        &["audit", "--baseline", missing],
        &["run", "S001", "--mistake", "nosuch"],
        &["run", "S001", "--min-coverage", "x"],
        &["audit", "--time-limit", "x"],
    ] {
        for name in ["junit.xml", "audit.json", "badge.svg", "audit.sarif"] {
            fs::write(report.join(name), "an earlier one").unwrap();
        }
        let (verb, rest) = args.split_at(1);
        let told = run(&[verb, &["--report", shown], rest].concat());
        assert_eq!(told.code, Some(2), "{args:?}: {}", told.err);
        assert!(!report.join("junit.xml").exists(), "{args:?}");
        let is_left = ["audit.json", "badge.svg", "audit.sarif"].map(|it| report.join(it).exists());
        assert_eq!(is_left, [args[0] == "run"; 3], "{args:?}");
    }
}

#[test]
fn a_command_can_use_the_program_itself() {
    let folder = Folder::new();
    let scenario = format!("{DRIVE}expect:\n  - order: {{ state: captured }}\n");
    let one = folder.scenario("ONE", &scenario);
    let program = env!("CARGO_BIN_EXE_payon-sim");
    let verbs = [
        "coverage",
        "explain last",
        "tail --last 1 --max 1",
        "doctor --merchant $PAYON_SIM_MERCHANT_ID",
        "trigger --merchant $PAYON_SIM_MERCHANT_ID --tx 1 settle",
    ];
    for url in [
        "",
        "--url $PAYON_SIM_URL",
        "--url $PAYON_SIM_URL/space/default",
        "--url $PAYON_SIM_CONTROL_URL",
    ] {
        let line = verbs.map(|verb| format!("{program} {verb} {url}")).join(" && ");
        let told = run_shop(&[&one], &format!("{url} && {line}"));
        assert_eq!(told.code, Some(0), "{url}: {}\n{}", told.out, told.err);
    }
    // The merchants' port alone is known, and a rule breaks it.
    let told = run(&[
        "run",
        "S014",
        "--allow-unjudged",
        "--",
        "sh",
        "-c",
        &format!("unset PAYON_SIM_CONTROL_URL; {program} coverage"),
    ]);
    assert!(!told.out.contains("the command failed"), "{}\n{}", told.out, told.err);
    let broken = folder.scenario(
        "BROKEN",
        "rules:\n  - id: r\n    when: { operation: connect }\n    then: [{ transport: reset }]\n",
    );
    let told = run(&["run", &broken, "--", "sh", "-c", &format!("{program} coverage")]);
    assert!(!told.out.contains("the command failed"), "{}\n{}", told.out, told.err);
}

#[test]
fn nothing_that_a_command_is_told_configures_a_gateway_of_its_own() {
    let folder = Folder::new();
    let said = folder.path("said");
    let one = folder.scenario("ONE", "expect:\n  - request: { atMost: 9999 }\n");
    let (program, said_at) = (env!("CARGO_BIN_EXE_payon-sim"), said.display());
    let line = format!("{CALL}; {program} config show > {said_at}; env > {said_at}.env");
    let mut command = payon_sim(&["run", &one, "--allow-unjudged", "--", "sh", "-c", &line]);
    command
        .env("PAYON_SIM_STRICT", "true")
        .env("PAYON_SIM_PORT", "1")
        .env("PAYON_SIM_MINE", "kept");
    let told = events(command, b"");
    assert_eq!(told.code, Some(0), "{}{}", told.out, told.err);
    let settings = fs::read_to_string(&said).unwrap();
    assert!(settings.contains("scenario") && !settings.contains("# environment"), "{settings}");
    let environment = fs::read_to_string(folder.path("said.env")).unwrap();
    for part in ["PAYON_SIM_MINE=kept", "PAYON_SIM_RUN_SCENARIO=ONE", "PAYON_SIM_RUN_SEED=1"] {
        assert!(environment.lines().any(|line| line == part), "{part}: {environment}");
    }
}

#[test]
fn the_line_that_repeats_a_scenario_means_the_same_to_a_shell() {
    let folder = Folder::new();
    fs::create_dir(folder.path("a folder's")).unwrap();
    let one = folder.scenario("a folder's/ONE", "expect:\n  - request: { operation: register }\n");
    let report = folder.path("report");
    let line = "echo \"$0\" 'it''s'; exit 3";
    let told = run(&[
        "run",
        &one,
        "--timeout",
        "7",
        "--report",
        report.to_str().unwrap(),
        "--",
        "sh",
        "-c",
        line,
        "a b",
    ]);
    assert_eq!(told.code, Some(1), "{}", told.out);
    let again = told.out.lines().find_map(|line| Some(line.split_once("again: ")?.1)).unwrap();
    let program = env!("CARGO_BIN_EXE_payon-sim");
    let repeated = tool("sh", &["-c", &again.replacen("payon-sim", program, 1)], b"");
    let (first, second) = (&told.out, &repeated.out);
    let without_time = |text: &str| text.replace(|c: char| c.is_ascii_digit() || c == '.', "");
    assert_eq!(without_time(first), without_time(second), "{}", repeated.err);
    let words = tool("sh", &["-c", &format!("printf '%s\\n' {again}")], b"").ok();
    assert!(
        words.contains(&format!("{line}\na b\n")) && words.contains("--timeout\n7\n"),
        "{words}"
    );
    let json: Value =
        serde_json::from_str(&fs::read_to_string(report.join("report.json")).unwrap()).unwrap();
    assert_eq!(json["stories"][0]["repeat"], again);
}

#[test]
fn lines_come_as_scenarios_end() {
    let folder = Folder::new();
    let go_on = folder.path("go-on");
    tool("mkfifo", &[go_on.to_str().unwrap()], b"").ok();
    let [one, two] =
        ["ONE", "TWO"].map(|id| folder.scenario(id, "expect:\n  - request: { atMost: 9999 }\n"));
    let line = format!("{CALL}; [ $PAYON_SIM_RUN_SCENARIO = ONE ] || cat {}", go_on.display());
    let args = ["run", &one, &two, "--timeout", "20", "--allow-unjudged", "--", "sh", "-c", &line];
    let mut child = payon_sim(&args).spawn().unwrap();
    let mut out = BufReader::new(child.stdout.take().unwrap()).lines();
    let first = out.next().unwrap().unwrap();
    assert!(first.contains("ONE") && !first.contains("FAIL"), "{first}");
    // The second one goes on only when somebody has read of the first.
    fs::write(&go_on, "").unwrap();
    let rest: Vec<String> = out.map_while(Result::ok).collect();
    assert!(rest.iter().any(|line| line.contains("TWO") && !line.contains("FAIL")), "{rest:?}");
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

#[test]
fn a_name_that_is_no_scenario_is_told_with_the_one_that_is_meant() {
    for verb in [&["run"][..], &["check"], &["serve", "--port", "0", "--scenario"]] {
        let told = |name: &str| {
            let ended = run(&[verb, &[name]].concat());
            assert_eq!(ended.code, Some(2), "{ended:?}");
            ended.out + &ended.err
        };
        assert!(told("s014").contains("did you mean S014?"), "{verb:?}");
        let unknown = told("S999");
        assert!(unknown.contains("S999: there is no such scenario"), "{unknown}");
        assert!(!unknown.contains("os error") && !unknown.contains("did you mean"), "{unknown}");
        assert!(told("none/a.yaml").contains("there is no such file"), "{verb:?}");
    }
}

#[test]
fn foreign_text_cannot_act_on_the_terminal() {
    let folder = Folder::new();
    let text = "version: 1\nid: \"O\\e[31m\"\ntitle: \"a\\nok   FAKE \\a \\x9b \\u202E\"\nexpect:\n  - request: { operation: refund }\n    about: \"\\e]0;x\\a\"\n";
    let path = folder.path("odd\u{1b}[2J.yaml");
    fs::write(&path, format!("{text}{DRIVE}")).unwrap();
    let shown = path.to_str().unwrap();
    let broken = folder.path("broken.yaml");
    fs::write(&broken, "version: 1\n\"\\e[2Jx\\ny\": 1\n\u{9b}: 2\n").unwrap();
    for args in [
        &["run", shown][..],
        &["run", shown, "--format", "json"],
        &["check", shown, broken.to_str().unwrap()],
        &["run", broken.to_str().unwrap()],
        &["run", "\u{1b}[2J"],
        &["run", "S001", "--mistake", "\u{1b}[2J"],
        &["profile", "check", shown],
        &["khqr", "decode", "000201\u{1b}[2J\u{9b}"],
        &["keys", "export", "--merchant", "\u{1b}[2J"],
        &["serve", "--config", shown],
        &["trigger", "--merchant", "m", "--tx", "t", "\u{1b}[2J"],
    ] {
        let ended = run(args);
        let all = ended.out + &ended.err;
        let acts = |c: char| c != '\n' && (c.is_control() || c == '\u{202e}');
        assert!(!all.contains(acts), "{args:?}: {all:?}");
        assert!(!all.contains("\nok   FAKE"), "{args:?}: {all}");
    }
}

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
    let scenario = &report["stories"][0];
    assert_eq!((&report["ok"], &scenario["seed"]), (&false.into(), &42.into()));
    let again = scenario["repeat"].as_str().unwrap();
    let words: Vec<&str> = again.split(' ').skip(1).collect();
    assert_eq!(words[..2], ["run", "S014"]);
    assert_eq!(run(&words).code, Some(1), "{again}");
}

#[test]
fn a_command_takes_the_merchants_place() {
    let folder = tempfile::tempdir().unwrap();
    let (scenario, said) = (folder.path().join("one.yaml"), folder.path().join("said"));
    let text = "version: 1\nid: ONE\ntitle: One order\nexpect:\n  - request: { operation: register, exactly: 1 }\n";
    fs::write(&scenario, text).unwrap();
    let body = r#"{"merchantId":"$PAYON_SIM_MERCHANT_ID","termId":"$PAYON_SIM_TERM_ID","txId":"1","trt":"10","currency":"USD","amount":"2","paymentMethod":"CREDIT_DEBIT"}"#;
    let body = body.replace('"', "\\\"");
    let line = format!(
        "env | grep -o '^PAYON_SIM_[A-Z_]*' | sort > {}; curl -s \"$PAYON_SIM_URL/pg/order/register\" -d \"{body}\"",
        said.display()
    );
    let told = run(&["run", scenario.to_str().unwrap(), "--", "sh", "-c", &line]);
    assert_eq!(told.code, Some(0), "{}", told.out);
    let names = fs::read_to_string(said).unwrap();
    for name in ["URL", "CONTROL_URL", "SPACE", "RUN_SCENARIO", "RUN_SEED", "PRIVATE_KEY"] {
        assert!(names.lines().any(|it| it == format!("PAYON_SIM_{name}")), "{name}: {names}");
    }
    let failed = run(&["run", scenario.to_str().unwrap(), "--", "sh", "-c", "exit 3"]);
    assert_eq!(failed.code, Some(1));
    assert!(failed.out.contains("the command failed"), "{}", failed.out);
}

#[test]
fn dashes_with_no_command_behind_them_run_nothing() {
    for command in [&["--"][..], &["--", ""], &["--", " ", "test"], &["--merchant", "m.yaml", "--"]]
    {
        let told = run(&[&["run", "S014"], command].concat());
        assert_eq!((told.code, &*told.out), (Some(2), ""), "{command:?}: {}", told.err);
        assert!(told.err.contains("after --") && told.err.contains("empty"), "{}", told.err);
    }
}

#[test]
fn a_rule_that_changes_nothing_is_never_ok() {
    let folder = Folder::new();
    let drive = "drive:\n  - register: {}\n  - pay: {}\n  - status: {}\n  - idle\n";
    let expect = "expect:\n  - order: { state: captured }\n";
    let write = |id: &str, when: &str, then: &str| {
        let rule = format!("rules:\n  - id: r\n    when: {{ {when} }}\n    then: [{then}]\n");
        folder.scenario(id, &format!("{rule}{drive}{expect}"))
    };
    let idle = [
        ("operation: status", "pushback: { copies: 3 }"),
        ("operation: status", "latency: 1s, pushback: { delay: 3s }"),
        ("operation: pay", "transport: reset"),
        ("operation: pay", "status: 500"),
        ("operation: connect", "latency: 1s"),
        ("operation: status", "transport: { truncate: { after: 100000, length: right } }"),
        ("operation: status", "transport: { truncate: { after: 100000, length: wrong } }"),
        ("operation: status", "transport: { reset-within-body: 1000000 }"),
        ("operation: status", "status: 200"),
        ("operation: status", "reason: success"),
        ("operation: status", "latency: { steps: [{ from: 1h, latency: 5s }] }"),
        ("operation: pay", "reason: success"),
        ("operation: pay", "pushback: { order: shuffled }"),
        ("operation: pay", "pushback: { order: reversed }"),
    ];
    let void = [
        ("operation: pay", "pushback: {}"),
        ("operation: pay", "pushback: { drop: false }"),
        ("operation: pay", "pushback: { copies: 1 }"),
        ("operation: pay", "pushback: { apart: 2s }"),
        ("operation: pay", "pushback: { within: 2s }"),
        ("operation: pay", "pushback: { delay: 0s }"),
        ("operation: pay", "pushback: { drop: true, copies: 3 }"),
        ("operation: pay", "pushback: { drop: true, delay: 1s }"),
        ("operation: pay", "pushback: { order: reversed, within: 0s }"),
        ("operation: status", "latency: 0s"),
        ("operation: status", "latency: { min: 0s, max: 0s }"),
        ("operation: status", "commit: before"),
        ("operation: status, nth: 1", "transport: reset, status: 500"),
        ("operation: status, nth: 1", "status: 500, transport: { server-error: 502 }"),
        ("operation: status, nth: 1", "patch: { remove: [txId] }, transport: empty"),
        ("operation: status, nth: 1", "status: 500, status: 502"),
        ("operation: status, window: { for: 0s }", "latency: 1s"),
    ];
    let names: Vec<String> = idle
        .iter()
        .chain(&void)
        .enumerate()
        .map(|(at, (when, then))| write(&format!("R{at}"), when, then))
        .collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let told = run(&[&["run"], &*names].concat());
    assert_eq!(told.code, Some(1), "{}", told.out);
    let partly = told.out.lines().filter(|line| line.starts_with("partly judged R")).count();
    assert_eq!(partly, names.len(), "{}", told.out);
    assert!(
        told.out.contains("an effect of it (`pushback`) had nothing to act on"),
        "{}",
        told.out
    );
    for name in names {
        let checked = run(&["check", name]).ok();
        // Nobody knows beforehand how long a body will be, how a call would have ended, and how many come when.
        let unknown = [
            "100000",
            "status: 200",
            "reason: success",
            "from: 1h",
            "order: shuffled",
            "order: reversed }",
        ];
        let text = fs::read_to_string(name).unwrap();
        let is_told = checked.contains("warning: ");
        assert!(is_told || unknown.iter().any(|part| text.contains(part)), "{name}: {checked}");
    }

    let turns = "rules:\n  - id: r\n    when: { operation: register }\n    sequence: [[], [transport: reset]]\n";
    let turns = folder.scenario("TURNS", &format!("{turns}{drive}{expect}"));
    let told = run(&["run", &turns]);
    assert_eq!(told.code, Some(1), "{}", told.out);
    assert!(told.out.contains("stepped in, and once it changed nothing"), "{}", told.out);

    let acts = write("ACTS", "operation: pay", "pushback: { copies: 2, apart: 1s, delay: 1s }");
    assert!(run(&["run", &acts]).ok().starts_with("ok "));
    assert!(run(&["check", &acts]).ok().contains("warnings: 0"));
}

#[test]
fn an_expectation_that_every_run_meets_is_never_ok() {
    let folder = Folder::new();
    for (at, expected) in [
        "{ never: true, request: { rule: nope } }",
        "{ never: true, within: 0s, request: { operation: status } }",
        "{ never: true, order: { captured: { gt: 2, lt: 1 } } }",
        "{ order: { captured: { gte: 0 } } }",
        "{ ledger: { captured: { gte: 0 } } }",
        "{ shop: {} }",
        "{ anyOf: [{ shop: {} }, { shop: { shipped: twice } }] }",
        "{ within: 1m, ledger: { net: 10 } }",
        "{ within: 1m, shop: { balanced: true } }",
        "{ order: {} }",
    ]
    .iter()
    .enumerate()
    {
        let path = folder.scenario(&format!("E{at}"), &format!("{DRIVE}expect:\n  - {expected}\n"));
        let told = run(&["run", &path]);
        assert_eq!(told.code, Some(1), "{expected}: {}", told.out);
        assert!(told.out.starts_with("partly judged"), "{expected}: {}", told.out);
        assert!(run(&["check", &path]).ok().contains("warnings: 1"), "{expected}");
    }
}

#[test]
fn a_profile_that_cannot_be_read_is_no_fault_of_a_shop() {
    let folder = Folder::new();
    let setting = "profile:\n  - { key: rules.nope, value: 1 }\n";
    let wrong = folder
        .scenario("WRONG", &format!("{setting}{DRIVE}expect:\n  - order: {{ state: captured }}\n"));
    let none = folder.path("none");
    let profile = none.to_str().unwrap();
    for args in [
        &["run", "S014", "--profile", profile][..],
        &["run", "S014", "--profile", profile, "--", "true"],
        &["run", "S014", &wrong],
        &["audit", "--profile", profile],
        &["explore", "--profile", profile, "--out", profile],
    ] {
        let told = run(args);
        assert_eq!((told.code, &*told.out), (Some(2), ""), "{args:?}: {}", told.err);
        assert!(told.err.contains(profile) || told.err.contains("rules.nope"), "{}", told.err);
    }
    assert!(!none.exists());
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
fn a_correct_shop_in_another_language_is_not_accused() {
    if !has_tool("python3") {
        return;
    }
    let shop = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/shops/fair.py");
    // What it believes cannot be asked, so the scenarios are judged in part.
    let line = ["run", "S035", "S076", "--allow-unjudged", "--", "python3", shop];
    let told = run(&line);
    assert_eq!(told.code, Some(0), "{}{}", told.out, told.err);
    assert!(told.out.contains("failed: 0, partly judged: 2"), "{}", told.out);
    let idle = run(&[&line[..], &["idle"]].concat());
    assert_eq!(idle.code, Some(1), "{}", idle.out);
    assert!(idle.out.contains("as expected: 0, failed: 2"), "{}", idle.out);
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
    let scenario = &json["stories"][2];
    assert_eq!((&json["ok"], &scenario["ok"]), (&true.into(), &false.into()));
    assert_eq!(scenario["notApplicable"], reason);
    assert!(
        scenario["repeat"]
            .as_str()
            .unwrap()
            .ends_with("--without real-time-pause --without chooses-tx-id-suffix")
    );
    assert!(read("junit.xml").contains(&format!("<skipped message=\"not applicable: {reason}\"")));
    let page = read("report.html");
    assert!(page.contains("1 of 1</span> scenarios as expected"), "{page}");
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

#[test]
fn the_payer_and_the_clock_are_played_beside_a_command_where_that_is_wanted() {
    let folder = Folder::new();
    let scenario = "drive:\n  - register: { order: sold }\n  - pay: { order: sold }\n  - advance: 10h\n  - trigger: { order: sold, event: chargeback }\n  - idle\n\
        expect:\n  - events: { inOrder: [registered, approved, chargedBack] }\n";
    let one = folder.scenario("ONE", scenario);
    // The command registers an order, and nothing else.
    let line = shop("").split(" && ").next().unwrap().to_owned();
    let run_it = |more: &[&str]| run(&[&["run", &one], more, &["--", "sh", "-c", &line]].concat());
    let alone = run_it(&[]);
    assert_eq!(alone.code, Some(1), "{}", alone.out);
    assert!(alone.out.contains("step `pay` of `drive`: 1 wanted, 0 made"), "{}", alone.out);
    let beside = run_it(&["--drive", "by-scenario"]);
    assert_eq!(beside.code, Some(0), "{}\n{}", beside.out, beside.err);
    assert!(beside.out.starts_with("ok   ONE"), "{}", beside.out);
    // A step of the merchant that does not come is told, and nobody waits for it once the command has ended.
    let two = folder.scenario(
        "TWO",
        &scenario.replace("  - idle\n", "  - refund: { order: sold }\n  - idle\n"),
    );
    let told = run(&["run", &two, "--drive", "by-scenario", "--", "sh", "-c", &line]);
    assert_eq!(told.code, Some(1), "{}", told.out);
    assert!(told.out.contains("step `refund` of `drive`: 1 wanted, 0 made"), "{}", told.out);
    assert!(!told.out.contains("step `advance`"), "{}", told.out);
    let wrong = run(&["run", &one, "--drive", "by-scenario"]);
    assert_eq!(wrong.code, Some(2), "{}", wrong.out);
}

#[test]
fn a_step_that_a_command_makes_otherwise_than_it_states_is_no_step() {
    let folder = Folder::new();
    // The command registers an order of 2 USD by card and pays it. What is asked for, by which steps, and what is told of it.
    for (register, pay, told) in [
        ("amount: \"2.00\", currency: USD, trt: \"10\", paymentMethod: CREDIT_DEBIT", "", ""),
        ("", "outcome: success", ""),
        ("amount: 3", "", "`register` of `drive`: wanted amount 3.00; the command made amount 2"),
        ("currency: KHR", "", "wanted currency KHR; the command made currency USD"),
        ("trt: \"12\"", "", "wanted trt 12; the command made trt 10"),
        ("paymentMethod: BAKONG_KHQR", "", "the command made paymentMethod CREDIT_DEBIT"),
        ("fields: { buyerId: B1 }", "", "wanted buyerId B1; the command made no buyerId"),
        ("", "outcome: card.expired", "`pay` of `drive`: wanted outcome card.expired; the command"),
        ("", "card: \"4000000000009995\"", "wanted card …9995; the command made card ****"),
    ] {
        let drive = format!(
            "drive:\n  - register: {{ {register} }}\n  - pay: {{ {pay} }}\n  - idle\nexpect:\n  - order: {{ state: captured }}\n"
        );
        let ended = run_shop(&[&folder.scenario("ONE", &drive)], "");
        if told.is_empty() {
            assert!(ended.ok().starts_with("ok   ONE"));
        } else {
            assert_eq!(ended.code, Some(1), "{drive}: {}", ended.out);
            assert!(ended.out.contains(told), "{told:?} is not in\n{}", ended.out);
        }
    }
}

#[test]
fn copies_of_a_call_are_those_for_one_order_and_a_call_that_is_not_heard_is_none() {
    let folder = Folder::new();
    let drive = "drive:\n  - register\n  - pay\n  - refund: { amount: \"0.50\", copies: 2 }\n  - idle\nexpect:\n  - order: { captured: 2 }\n";
    let unsigned = format!("profile:\n  - {{ key: sign.operations, value: [] }}\n{drive}");
    let refund = |order: &str, amount: &str| {
        format!(
            "&& curl -s \"$PAYON_SIM_URL/pg/refund\" -d \"{{\\\"merchantId\\\":\\\"$PAYON_SIM_MERCHANT_ID\\\",\\\"termId\\\":\\\"$PAYON_SIM_TERM_ID\\\",\\\"txId\\\":\\\"{order}\\\",\\\"amount\\\":{amount}}}\" "
        )
    };
    let [half, other, whole] =
        [("1", "0.5"), ("2", "0.5"), ("1", "1.5")].map(|(order, amount)| refund(order, amount));
    for (scenario, calls, told) in [
        (&*unsigned, [&*half, &half], ""),
        (&unsigned, [&half, ""], "`refund` of `drive`: 2 wanted, 1 made"),
        (
            &unsigned,
            [&half, &whole],
            "wanted 2 for one order, amount 0.50; the command made 2 for all",
        ),
        (
            &unsigned,
            [&half, &other],
            "wanted 2 for one order, amount 0.50; the command made 2 for all",
        ),
        (drive, [&half, &half], "`refund` of `drive`: 2 wanted, 0 made"),
    ] {
        let ended = run_shop(&[&folder.scenario("TWO", scenario)], &calls.concat());
        if told.is_empty() {
            assert!(ended.ok().starts_with("ok   TWO"));
        } else {
            assert_eq!(ended.code, Some(1), "{calls:?}: {}", ended.out);
            assert!(ended.out.contains(told), "{told:?} is not in\n{}", ended.out);
        }
    }
}
