//! `payon-sim run --merchant` and `payon-sim merchant`: a shop of the user's under test.

use std::fs;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use rustix::process::Signal;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::binary::{Ended, has_tool, run};

/// A directory with scenarios and a merchant file for the shop in tests/shops/mini.py.
pub(crate) struct Bench(TempDir);

impl Bench {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, text: &str) -> String {
        let path = self.path(name);
        fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    }

    fn scenario(&self, id: &str, rest: &str) -> String {
        let text = format!("version: 1\nid: {id}\ntitle: A test\n{rest}");
        self.write(&format!("{id}.yaml"), &text)
    }

    /// A merchant file that says all of the shop; `more` goes into `start.env`, `rest` to its end.
    pub(crate) fn mini(&self, more: &str, rest: &str) -> String {
        self.merchant(more, &format!("{DO}{ASK}{QUICK}{rest}"))
    }

    /// A merchant file; `more` goes into `start.env`, `rest` to its end.
    fn merchant(&self, more: &str, rest: &str) -> String {
        let shop = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/shops/mini.py");
        let text = format!(
            "version: 1\nname: mini\nstart:\n  command: [python3, {shop}]\n  env: {{ GATEWAY: \"${{gateway}}\", PORT: \"${{port}}\", \
             MERCHANT: \"${{merchant}}\", TERMINAL: \"${{terminal}}\", BOOKS: \"${{data}}/books\"{more} }}\n  ready: {{ path: /healthz }}\n{rest}"
        );
        self.write("merchant.yaml", &text)
    }
}

const DO: &str = "do:\n  register: { path: /orders, json: { amount: \"${amount}\", currency: \"${currency}\" }, order: /id }\n  \
    status: { method: POST, path: \"/orders/${shopOrder}/check\" }\n";
const ASK: &str = "ask:\n  order: { path: \"/orders/${shopOrder}\" }\n  state: /state\n  \
    words: { pending: NEW, paid: PAID }\n  shipped: /shipped\n  returned: /refunded\n";
const QUICK: &str = "time: { scale: 20, quiet: 300ms, patience: 3s }\n";

const PAID: &str = "drive: [register, pay, idle]\nexpect:\n  - order: { state: captured, exactly: 1 }\n  - shop: { believes: paid, shipped: once }\n";

fn with_shop(scenarios: &[&str], merchant: &str, more: &[&str]) -> Ended {
    run(&[&["run"], scenarios, &["--merchant", merchant], more].concat())
}

fn report(scenarios: &[&str], merchant: &str) -> (Option<i32>, Value) {
    let told = with_shop(scenarios, merchant, &["--format", "json"]);
    let json = serde_json::from_str(&told.out).unwrap_or_else(|_| panic!("{told:?}"));
    (told.code, json)
}

#[test]
fn a_correct_shop_is_judged_in_full_and_a_bug_is_found() {
    if !has_tool("python3") {
        return;
    }
    let bench = Bench::new();
    let paid = bench.scenario("PAID", PAID);
    let forged = bench.scenario(
        "FORGED",
        "rules:\n  - id: forge\n    when: { operation: register }\n    then: [pushback: { forged: true, delay: 1s }]\n\
         drive: [register, idle]\nexpect:\n  - shop: { shipped: never, believes: [pending, unpaid] }\n",
    );
    let copies = bench.scenario(
        "COPIES",
        "rules:\n  - id: copies\n    when: { operation: pay }\n    then: [pushback: { copies: 3, apart: 2s }]\n\
         drive: [register, pay, idle]\nexpect:\n  - pushback: { acknowledged: true, exactly: 3 }\n  - shop: { shipped: once }\n",
    );
    let all = [&*paid, &forged, &copies];
    let fair = bench.merchant("", &format!("{DO}{ASK}{QUICK}"));
    let told = with_shop(&all, &fair, &["-j", "3"]);
    assert_eq!(told.code, Some(0), "{}\n{}", told.out, told.err);
    assert!(told.out.contains("scenarios: 3, as expected: 3, failed: 0"), "{}", told.out);
    for (mistake, failed) in
        [("ships-twice", "COPIES"), ("trusts-push-back", "FORGED"), ("never-asks", "PAID")]
    {
        let buggy = bench.merchant(&format!(", MISTAKE: {mistake}"), &format!("{DO}{ASK}{QUICK}"));
        let told = with_shop(&all, &buggy, &["-j", "3"]);
        assert_eq!(told.code, Some(1), "{mistake}: {}", told.out);
        assert!(told.out.contains(&format!("FAIL {failed} ")), "{mistake}: {}", told.out);
        assert!(told.out.contains("call: register: POST /orders: HTTP 201"), "{}", told.out);
    }
}

#[test]
fn what_the_file_does_not_say_is_not_judged_and_never_ok() {
    if !has_tool("python3") {
        return;
    }
    let bench = Bench::new();
    let paid = bench.scenario("PAID", PAID);
    let refund = bench.scenario(
        "REFUND",
        "drive: [register, pay, refund, idle]\nexpect:\n  - order: { refunded: once }\n",
    );
    let held = bench.scenario(
        "HELD",
        "drive: [register: { trt: \"12\" }, idle]\nexpect:\n  - order: { exactly: 1 }\n",
    );
    let mute = bench.merchant("", &format!("{DO}{QUICK}"));
    let (code, report) = report(&[&paid, &refund, &held], &mute);
    assert_eq!(code, Some(1));
    let stories = report["stories"].as_array().unwrap();
    let verdicts: Vec<&Value> = stories.iter().map(|story| &story["verdict"]).collect();
    assert_eq!(verdicts, ["partly judged"; 3], "{report:#}");
    assert_eq!(stories[0]["counts"], json!({ "met": 1, "failed": 0, "notJudged": 1 }));
    let gaps = |story: &Value| story["gaps"].to_string();
    assert!(
        gaps(&stories[1]).contains("no `do.refund`; add it, or say `without: [refund]`"),
        "{report:#}"
    );
    assert!(gaps(&stories[2]).contains("does not use `${trt}`"), "{report:#}");
    assert_eq!(report["merchant"]["kind"], "underTest");

    let lacks = bench.merchant("", &format!("{DO}{ASK}{QUICK}without: [refund, pre-auth]\n"));
    let told = with_shop(&[&paid, &refund, &held], &lacks, &[]);
    assert_eq!(told.code, Some(0), "{}", told.out);
    assert!(told.out.contains("not applicable: 2"), "{}", told.out);
    // A word that the file does not know is not taken for anything.
    let word = format!("{DO}{}{QUICK}", ASK.replace("paid: PAID", "paid: SOLD"));
    let told = with_shop(&[&paid], &bench.merchant("", &word), &[]);
    assert_eq!(told.code, Some(1));
    assert!(told.out.contains("`PAID` is none of the words in `ask.words`"), "{}", told.out);
}

/// An answer that the file does not explain is no fault of the shop's, and nobody waits until it can be read.
#[test]
fn an_answer_that_cannot_be_read_is_not_judged_by_run_and_audit_alike() {
    if !has_tool("python3") {
        return;
    }
    let bench = Bench::new();
    let patient = "time: { scale: 20, quiet: 300ms, patience: 40s }\n";
    let paid = bench.scenario("PAID", PAID);
    for (part, instead, why) in [
        ("paid: PAID", "paid: PAYED", "`PAID` is none of the words"),
        ("shipped: /shipped", "shipped: /nosuch", "there is nothing at `/nosuch`"),
    ] {
        let file = bench.merchant("", &format!("{DO}{}{patient}", ASK.replace(part, instead)));
        let (code, told) = report(&[&paid], &file);
        let story = &told["stories"][0];
        assert_eq!((code, &story["verdict"]), (Some(1), &"partly judged".into()), "{told:#}");
        assert_eq!(story["counts"]["failed"], 0, "{told:#}");
        let detail = story["verdicts"][1]["detail"].as_str().unwrap();
        assert!(detail.starts_with("not judged: ") && detail.contains(why), "{detail}");
        assert!(story["tookMs"].as_u64() < Some(20_000), "{told:#}");
        let audited = run(&["audit", "--only", "S009", "--format", "json", "--merchant", &file]);
        let audited: Value = serde_json::from_str(&audited.out).unwrap();
        assert_eq!(audited["findings"], json!([]), "{audited:#}");
        let unjudged = audited["unjudged"].as_array().unwrap();
        let unjudged = unjudged.iter().find(|it| it["scenario"] == "S009").unwrap();
        assert!(unjudged["reasons"].to_string().contains(why), "{unjudged}");
        assert!(unjudged["advice"].to_string().contains("`ask`"), "{unjudged}");
    }
}

#[test]
fn every_ability_stands_in_the_file_to_begin_with_and_on_the_page() {
    let page = fs::read_to_string(crate::programs::file("docs/merchant.md")).unwrap();
    let begin = fs::read_to_string(crate::programs::file("src/cli/merchant.yaml")).unwrap();
    let listed = begin.lines().skip_while(|line| !line.starts_with("# Abilities"));
    let listed = listed.collect::<Vec<_>>().join(" ").replace(['.', ',', ':'], " ");
    for ability in <payon_sim::scenario::Requirement as payon_sim::base::Named>::names() {
        assert!(listed.split_whitespace().any(|word| word == ability), "merchant.yaml: {ability}");
        assert!(page.contains(&format!("`{ability}`")), "docs/merchant.md: {ability}");
    }
}

#[test]
fn a_call_of_which_nothing_comes_to_the_gateway_is_told() {
    if !has_tool("python3") {
        return;
    }
    let bench = Bench::new();
    let refund = bench.scenario(
        "REFUND",
        "drive: [register, pay, refund, idle]\nexpect:\n  - request: { operation: refund, atMost: 1 }\n  - shop: { shipped: once }\n",
    );
    let told = "no call of refund or reversal came to the gateway for it";
    for (call, is_gap) in [
        ("{ path: /nowhere }", true),
        ("{ command: [\"true\"] }", true),
        // A correct shop may refuse by itself.
        ("{ command: [\"false\"] }", false),
    ] {
        let shop = bench.merchant("", &format!("{DO}  refund: {call}\n{ASK}{QUICK}"));
        let (code, report) = report(&[&refund], &shop);
        assert_eq!(code, Some(i32::from(is_gap)), "{call}: {report:#}");
        let story = &report["stories"][0];
        assert_eq!(story["gaps"].to_string().contains(told), is_gap, "{call}: {report:#}");
        assert_eq!(story["calls"].to_string().contains(told), !is_gap, "{call}: {report:#}");
    }
}

#[test]
fn one_process_serves_all_scenarios_where_the_file_says_so() {
    if !has_tool("python3") {
        return;
    }
    let bench = Bench::new();
    let all = ["ONE", "TWO", "THREE"].map(|id| bench.scenario(id, PAID));
    let all: Vec<&str> = all.iter().map(String::as_str).collect();
    let file = format!("  process: shared\n{DO}{ASK}{QUICK}");
    let told = with_shop(&all, &bench.merchant("", &file), &["-j", "4"]);
    assert_eq!(told.code, Some(0), "{}\n{}", told.out, told.err);
    let (_, report) = report(&all, &bench.merchant("", &file));
    let tx_ids: Vec<&Value> =
        (0..3).map(|at| &report["stories"][at]["orders"][0]["txId"]).collect();
    assert_eq!(tx_ids, ["mini-1", "mini-2", "mini-3"]);
}

/// A process that is killed when the test ends.
struct Killed(Child);

impl Drop for Killed {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn a_shop_that_runs_is_used_as_it_is() {
    if !has_tool("python3") {
        return;
    }
    let bench = Bench::new();
    let free = || {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.local_addr().unwrap().port()
    };
    let (gateway, port) = (free(), free());
    let shop = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/shops/mini.py");
    let child = std::process::Command::new("python3")
        .arg(shop)
        .env("GATEWAY", format!("http://127.0.0.1:{gateway}"))
        .env("PORT", port.to_string())
        .env("MERCHANT", "C0000143")
        .env("TERMINAL", "CT03000003")
        .spawn()
        .unwrap();
    let _shop = Killed(child);
    let text = format!(
        "version: 1\nname: mini\nurl: http://127.0.0.1:{port}\ngatewayPort: {gateway}\n{DO}{ASK}{QUICK}"
    );
    let merchant = bench.write("merchant.yaml", &text);
    let told =
        with_shop(&[&bench.scenario("ONE", PAID), &bench.scenario("TWO", PAID)], &merchant, &[]);
    assert_eq!(told.code, Some(0), "{}\n{}", told.out, told.err);

    // Nobody sees whether a command has restarted it.
    let merchant =
        bench.write("restarts.yaml", &format!("{text}restart: {{ command: \"true\" }}\n"));
    let (code, report) = report(&[&bench.scenario("RESTARTS", RESTARTED)], &merchant);
    assert_eq!((code, &report["verdict"]), (Some(1), &"partly judged".into()), "{report:#}");
    assert!(report["stories"][0]["gaps"].to_string().contains(UNSEEN), "{report:#}");
    let told = run(&["merchant", "check", &merchant]);
    let line = told.out.lines().find(|line| line.contains(" restart ")).unwrap();
    assert!(line.starts_with("ok ") && line.contains(UNSEEN), "{}", told.out);

    // Without a way to restart it, no crash is held against it: by `run` as little as by `audit`.
    let merchant = bench.write("merchant.yaml", &text);
    let told = with_shop(&["P30"], &merchant, &["--format", "json"]);
    let told: Value = serde_json::from_str(&told.out).unwrap();
    let story = &told["stories"][0];
    assert_eq!(story["verdict"], "partly judged", "{told:#}");
    assert_eq!((&story["counts"]["met"], &story["counts"]["failed"]), (&0.into(), &0.into()));
    assert!(story["gaps"].to_string().contains("without: [restarts]"), "{told:#}");
    let told = with_shop(&["P30", &bench.scenario("ONE", PAID)], &merchant, &["--allow-unjudged"]);
    assert_eq!(told.code, Some(0), "{}\n{}", told.out, told.err);
    let lacks = bench.write("lacks.yaml", &format!("{text}without: [restarts]\n"));
    let told = with_shop(&["P30", &bench.scenario("ONE", PAID)], &lacks, &[]);
    assert_eq!(told.code, Some(0), "{}\n{}", told.out, told.err);
}

/// A payment with a restart behind it.
const RESTARTED: &str =
    "drive: [register, pay, restart, idle]\nexpect:\n  - shop: { shipped: once }\n";
/// Said where nobody sees whether a shop was restarted.
const UNSEEN: &str = "whether the shop was restarted cannot be known";

#[test]
fn a_restart_that_restarts_nothing_is_not_taken_for_one() {
    if !has_tool("python3") {
        return;
    }
    let bench = Bench::new();
    let restarts = bench.scenario("RESTARTS", RESTARTED);
    let idle = bench.mini("", "restart: { command: \"true\" }\n");
    let (code, told) = report(&[&restarts], &idle);
    assert_eq!(code, Some(1), "{told:#}");
    let error = told["stories"][0]["error"].as_str().unwrap();
    assert!(error.contains("command `true`") && error.contains("nothing was restarted"), "{error}");
    let checked = run(&["merchant", "check", &idle]);
    assert_eq!(checked.code, Some(1), "{}", checked.out);
    let line = checked.out.lines().find(|line| line.contains(" restart ")).unwrap();
    assert!(line.starts_with("FAIL") && line.contains("nothing was restarted"), "{line}");
    let audited = run(&[
        &["audit", "--only", "P30", "--only", "P02", "--allow-unjudged", "--format", "json"],
        &["--merchant", &*idle][..],
    ]
    .concat());
    let audited: Value = serde_json::from_str(&audited.out).unwrap();
    let unjudged = audited["unjudged"].as_array().unwrap();
    let unjudged = unjudged.iter().find(|it| it["scenario"] == "P30").unwrap();
    assert!(unjudged["reasons"].to_string().contains("nothing was restarted"), "{unjudged}");
    assert_eq!((&audited["passed"], &audited["findings"]), (&json!(["P02"]), &json!([])));

    // A command that really does it, with a process that then belongs to nobody.
    let pid = bench.path("pid");
    let pid_file = pid.display();
    let shop = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/shops/mini.py");
    let again =
        format!("kill -9 $(cat {pid_file}); python3 {shop} >/dev/null 2>&1 & echo $! > {pid_file}");
    let text = fs::read_to_string(bench.mini("", &format!("restart: {{ command: {again:?} }}\n")))
        .unwrap();
    let start = format!("command: \"echo $$ > {pid_file}; exec python3 {shop}\"");
    let real =
        bench.write("real.yaml", &text.replace(&format!("command: [python3, {shop}]"), &start));
    let told = with_shop(&[&restarts], &real, &[]);
    let last = fs::read_to_string(&pid).unwrap();
    crate::binary::tool("sh", &["-c", &format!("kill -9 {}", last.trim())], b"").ok();
    assert_eq!(told.code, Some(0), "{}{}", told.out, told.err);
}

#[test]
fn a_gateway_port_that_is_taken_is_told_with_its_holder_and_what_to_do() {
    let bench = Bench::new();
    let held = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = held.local_addr().unwrap();
    let port = address.port();
    let text = format!(
        "version: 1\nname: mini\nurl: http://127.0.0.1:1\ngatewayPort: {port}\n{DO}{ASK}{QUICK}"
    );
    let merchant = bench.write("merchant.yaml", &text);
    let paid = bench.scenario("PAID", PAID);
    for args in [&["merchant", "check", &merchant][..], &["run", &paid, "--merchant", &merchant]] {
        let told = run(args);
        assert_eq!(told.code, Some(3), "{}{}", told.out, told.err);
        let pid = std::process::id().to_string();
        for part in [&*format!("cannot listen on {address}: "), &pid, "`gatewayPort`"] {
            assert!(told.err.contains(part), "{part}: {}", told.err);
        }
    }
}

#[test]
fn a_shop_that_does_not_start_or_dies_is_told_with_its_output() {
    if !has_tool("python3") {
        return;
    }
    let bench = Bench::new();
    let paid = bench.scenario("PAID", PAID);
    let file = |start: &str| {
        bench
            .write("merchant.yaml", &format!("version: 1\nname: mini\nstart: {start}\n{DO}{QUICK}"))
    };
    for (start, part) in [
        ("{ command: [no-such-program-here] }", "cannot start \"no-such-program-here\""),
        ("{ command: \"echo the reason; exit 7\" }", "the reason"),
        ("{ command: \"sleep 60\", ready: { within: 100ms } }", "was not ready within 100ms"),
    ] {
        let told = with_shop(&[&paid], &file(start), &[]);
        assert_eq!(told.code, Some(1), "{}", told.out);
        assert!(told.out.contains(part), "{part:?} is not in\n{}", told.out);
    }
    let dies = format!("{}{QUICK}", DO.replace("\"/orders/${shopOrder}/check\"", "/crash"));
    let scenario =
        bench.scenario("DIES", "drive: [register, status]\nexpect:\n  - order: { exactly: 1 }\n");
    let told = with_shop(&[&scenario], &bench.merchant("", &dies), &[]);
    assert_eq!(told.code, Some(1), "{}", told.out);
    assert!(
        told.out.contains("ended by itself") && told.out.contains("falls over"),
        "{}",
        told.out
    );
}

/// A shop that repeats the private key in each of its answers, in some form, and when it dies.
const TELLTALE: &str = r#"
import http.server, json, os, sys, textwrap
key = os.environ["KEY"]
forms = {"key": key, "pem": "\n".join(textwrap.wrap(key, 64))}
class Shop(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.answer(200, forms)
    def do_POST(self):
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if self.path.startswith("/die"):
            print("my key is", key, "\n" + forms["pem"], flush=True)
            os._exit(3)
        self.answer(500, forms)
    def answer(self, status, body):
        body = json.dumps(body).replace("/", "\\/").encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def log_message(self, *_):
        pass
http.server.HTTPServer(("127.0.0.1", int(os.environ["PORT"])), Shop).serve_forever()
"#;

#[test]
fn a_shop_that_repeats_the_private_key_does_not_put_it_into_reports() {
    if !has_tool("python3") {
        return;
    }
    let bench = Bench::new();
    let paid = bench.scenario("PAID", PAID);
    let shop = bench.write("shop.py", TELLTALE);
    let env = "{ KEY: \"${privateKey}\", PORT: \"${port}\" }";
    let start = format!("{{ command: [python3, {shop}], env: {env}, ready: {{ path: / }} }}");
    let file = |call: &str| {
        let text =
            format!("version: 1\nname: telltale\nstart: {start}\ndo:\n  register: {call}\n{QUICK}");
        bench.write("merchant.yaml", &text)
    };
    for call in [
        "{ path: /orders, json: { a: \"${amount}\" }, order: /id }",
        "{ method: GET, path: \"/${privateKey}\", order: /key }",
        "{ path: /die, json: { a: \"1\" }, order: /id }",
        "{ command: \"echo ${privateKey}\", order: /id }",
    ] {
        let merchant = file(call);
        let checked = run(&["merchant", "check", &merchant]);
        let reports = bench.path("reports");
        let told = with_shop(&[&paid], &merchant, &["--report", reports.to_str().unwrap()]);
        let mut texts = vec![checked.out, checked.err, told.out, told.err];
        for name in ["report.json", "report.html", "junit.xml"] {
            texts.push(fs::read_to_string(reports.join(name)).unwrap());
        }
        for text in texts {
            // The beginning of every key, and what stands in every key behind the length of its parts.
            for part in ["MIIE", "BADANBgkqhkiG9w0BAQEFAASC"] {
                assert!(!text.contains(part), "{call}: {text}");
            }
        }
    }
}

#[test]
fn what_never_comes_is_decided_when_patience_runs_out_and_told() {
    if !has_tool("python3") {
        return;
    }
    let bench = Bench::new();
    let asked = bench.scenario(
        "ASKED",
        "drive: [register, idle]\nexpect:\n  - request: { operation: status, atLeast: 1 }\n",
    );
    let quick = "time: { quiet: 100ms, patience: 700ms }\n";
    let told = with_shop(&[&asked], &bench.merchant("", &format!("{DO}{ASK}{quick}")), &[]);
    assert_eq!(told.code, Some(1), "{}", told.out);
    assert!(told.out.contains("decided when patience ran out (700ms)"), "{}", told.out);
    let hint = "at most 700ms (`time.patience` in the merchant file)";
    assert!(told.err.contains("ASKED: waits ") && told.err.contains(hint), "{}", told.err);
}

#[test]
fn a_merchant_file_is_tried_call_by_call() {
    if !has_tool("python3") {
        return;
    }
    let bench = Bench::new();
    let told = run(&["merchant", "check", &bench.merchant("", &format!("{DO}{ASK}{QUICK}"))]);
    assert_eq!(told.code, Some(0), "{}\n{}", told.out, told.err);
    for part in [
        "ok   start",
        "ok   do.register",
        "ok   push-back",
        "ok   ask           believes paid, shipped 1×, given back 0.00",
        "ok   do.status",
        "ok   return",
        "ok   restart",
        "ok   ask again     believes paid, shipped 1×, given back 0.00",
        "none do.refund",
    ] {
        assert!(told.out.contains(part), "{part:?} is not in\n{}", told.out);
    }
    // What is answered well and does nothing; and a shop that is started again last, or not at all.
    let idle = "  refund: { path: \"/thanks/${shopOrder}\" }\n  complete: { path: \"/thanks/${shopOrder}\" }\n";
    let told = run(&["merchant", "check", &bench.merchant("", &format!("{DO}{idle}{ASK}{QUICK}"))]);
    assert_eq!(told.code, Some(1), "{}", told.out);
    for part in [
        "FAIL do.refund     the order is captured at the gateway, refunded was expected",
        "FAIL do.complete   the order is captured before it is tried: the shop has not registered it as a pre-auth",
    ] {
        assert!(told.out.contains(part), "{part:?} is not in\n{}", told.out);
    }
    // What is done without a call to the gateway.
    let silent = "  orders: { command: [\"true\"] }\n  reconcile: { path: \"/thanks/1\" }\n  bind: { command: [\"true\"] }\n";
    let quiet = DO.replace("/check", "") + silent;
    let unasked = run(&["merchant", "check", &bench.merchant("", &format!("{quiet}{ASK}{QUICK}"))]);
    assert_eq!(unasked.code, Some(1), "{}", unasked.out);
    for part in [
        "FAIL do.status     no status call came to the gateway",
        "FAIL do.orders     no orders call came to the gateway",
        "FAIL do.reconcile  no reconciliation or orders or status call came to the gateway",
        "FAIL do.bind       no bindingRegister call came to the gateway",
    ] {
        assert!(unasked.out.contains(part), "{part:?} is not in\n{}", unasked.out);
    }
    let at = |part: &str| told.out.find(part).unwrap_or_else(|| panic!("{part}: {}", told.out));
    assert!(at("do.refund") < at("ok   restart") && at("do.complete") < at("ok   restart"));
    let lacks = format!("{DO}{idle}{ASK}{QUICK}without: [restarts, refund, pre-auth]\n");
    let told = run(&["merchant", "check", &bench.merchant("", &lacks)]);
    assert_eq!(told.code, Some(0), "{}", told.out);
    for part in [
        "none restart       not tried: the file says `without: [restarts]`",
        "none do.refund     not tried: the file says `without: [refund]`",
        "none do.complete   not tried: the file says `without: [pre-auth]`",
    ] {
        assert!(told.out.contains(part), "{part:?} is not in\n{}", told.out);
    }

    // What is not in the file, and what the shop is said to lack.
    let uncounted = ASK.replace("  returned: /refunded\n", "");
    let file = bench.merchant("", &format!("{DO}{uncounted}{QUICK}without: [reversal]\n"));
    let told = run(&["merchant", "check", &file]);
    for part in [
        "none ask.returned  not in the file, so it is not judged",
        "none do.reversal   not tried: the file says `without: [reversal]`; scenarios that need it are not applicable",
        "none do.complete   not in the file; scenarios with this step are not judged; if the shop cannot do it, say `without: [pre-auth]`",
    ] {
        assert!(told.out.contains(part), "{part:?} is not in\n{}", told.out);
    }

    let wrong = DO.replace("order: /id", "order: /name");
    let told = run(&["merchant", "check", &bench.merchant("", &format!("{wrong}{ASK}{QUICK}"))]);
    assert_eq!(told.code, Some(1), "{}", told.out);
    for part in ["FAIL do.register", "there is no name of the order at `/name`", "{\"id\": \"1\"}"]
    {
        assert!(told.out.contains(part), "{part:?} is not in\n{}", told.out);
    }
    let told = run(&["merchant", "check", &bench.write("bad.yaml", "version: 1\nnam: x\n")]);
    assert_eq!(told.code, Some(2), "{}", told.out);
    assert!(told.err.contains("bad.yaml:2:1: `nam` is not a key here"), "{}", told.err);
}

#[test]
fn a_file_to_begin_with_is_written_once_and_keeps_to_its_schema() {
    let bench = Bench::new();
    let path = bench.path("merchant.yaml");
    let shown = path.to_str().unwrap();
    assert!(run(&["merchant", "init", shown]).ok().contains("payon-sim merchant check"));
    let told = run(&["merchant", "init", shown]);
    assert_eq!(told.code, Some(2), "{}", told.out);
    assert!(told.err.contains("is there already and stays as it is"), "{}", told.err);
    assert!(told.err.contains("payon-sim merchant check"), "{}", told.err);
    let schema: Value = serde_json::from_str(&run(&["schema", "--merchant"]).ok()).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    let shop = json!({
        "version": 1, "name": "x", "start": { "command": ["x"], "env": { "PORT": "${port}" } },
        "do": { "register": { "path": "/orders", "json": { "amount": "${amount}" }, "order": "/id" } },
    });
    assert!(validator.is_valid(&shop));
    for (key, value) in [("strt", json!({})), ("time", json!({ "scale": "fast" }))] {
        let mut wrong = shop.clone();
        wrong[key] = value;
        assert!(!validator.is_valid(&wrong), "{key}");
    }
}

/// The program where a hang-up ends it, also where our own is to be passed over, as under `nohup`.
fn minding_hang_ups(args: &[&str]) -> Command {
    let mut command = Command::new("env");
    command.args(["--default-signal=HUP", env!("CARGO_BIN_EXE_payon-sim")]);
    crate::binary::clean(command, args)
}

#[test]
fn a_run_that_is_interrupted_or_out_of_time_still_gives_its_report() {
    let bench = Bench::new();
    let [one, two] =
        ["ONE", "TWO"].map(|id| bench.scenario(id, "expect:\n  - request: { atMost: 9999 }\n"));
    // So long that the first begins in it even on a busy machine.
    let told = run(&["run", &one, &two, "--time-limit", "3", "--", "sleep", "60"]);
    assert_eq!(told.code, Some(1), "{}", told.out);
    assert!(told.err.contains("the run's time is over (3 s)"), "{}", told.err);
    assert!(told.out.contains("the run was ended meanwhile"), "{}", told.out);
    assert!(told.out.contains("not run: the run was ended before"), "{}", told.out);
    assert!(told.out.contains("scenarios: 2, as expected: 0, failed: 2"), "{}", told.out);

    let begun = bench.path("begun");
    let line = format!("touch {}; sleep 60", begun.display());
    let dir = bench.path("report");
    let report = dir.to_str().unwrap();
    let run_one = ["run", &one, "--report", report, "--", "sh", "-c", &line];
    let kill = |child: &Child, signal| {
        let pid = rustix::process::Pid::from_child(child);
        rustix::process::kill_process(pid, signal).unwrap();
    };
    for signal in [Signal::INT, Signal::TERM, Signal::HUP] {
        let _ = fs::remove_file(&begun);
        let mut child = minding_hang_ups(&run_one).spawn().unwrap();
        drop(child.stdin.take());
        crate::binary::until("the command runs", || begun.exists().then_some(()));
        kill(&child, signal);
        let output = child.wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(1), "{signal:?}");
        let out = String::from_utf8(output.stdout).unwrap();
        assert!(out.contains("scenarios: 1, as expected: 0, failed: 1"), "{signal:?} {out}");
        fs::remove_file(dir.join("junit.xml")).unwrap();
    }
    if !has_tool("nohup") {
        return;
    }
    // Whoever starts it so that it outlives its terminal gets that.
    fs::remove_file(&begun).unwrap();
    let mut command = Command::new("nohup");
    command.arg(env!("CARGO_BIN_EXE_payon-sim")).args(run_one);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    crate::binary::until("the command runs", || begun.exists().then_some(()));
    let status = fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap();
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:")).expect(&status);
    let ignored = u64::from_str_radix(ignored.trim(), 16).expect(ignored);
    assert_eq!(ignored & 1, 1, "SIGHUP is the first signal, and still passed over: {status}");
    kill(&child, Signal::HUP);
    kill(&child, Signal::TERM);
    assert_eq!(child.wait().unwrap().code(), Some(1));
}

#[test]
fn nothing_begins_after_a_failure_where_that_is_wanted() {
    let bench = Bench::new();
    let fails = bench.scenario("FAILS", "drive: [register]\nexpect:\n  - order: { exactly: 2 }\n");
    let told = run(&["run", &fails, "S001", "--fail-fast", "-j", "1"]);
    assert_eq!(told.code, Some(1), "{}", told.out);
    assert!(told.out.contains("not run: an earlier one has failed (--fail-fast)"), "{}", told.out);
    assert!(run(&["run", &fails, "S001", "-j", "1"]).out.contains("ok   S001"));
}

/// Wants the call that met trouble and another one within 3 s.
const REPEATS_SOON: &str = "rules:\n  - id: busy\n    when: { operation: register, nth: 1 }\n    then: [reason: system.busy]\n\
    drive: [register, idle]\nexpect:\n  - within: 3s\n    request: { operation: register, atLeast: 2 }\n";

#[test]
fn what_fails_by_its_time_alone_is_run_again_with_a_slower_clock() {
    if !has_tool("python3") {
        return;
    }
    let bench = Bench::new();
    let soon = bench.scenario("SOON", REPEATS_SOON);
    // A quarter of a second is 7.5 s of a clock at 30 times real time, and 1.25 s at 5 times, which is the next slower speed
    // that makes whole milliseconds.
    let quick = QUICK.replace("scale: 20", "scale: 30");
    let shop = bench.merchant(", PAUSE: \"0.25\"", &format!("{DO}{ASK}{quick}"));
    let (code, report_of_both) = report(&[&soon], &shop);
    assert_eq!(code, Some(0), "{report_of_both:#}");
    let first_run = report_of_both["stories"][0]["firstRun"].as_str().unwrap();
    assert!(first_run.contains("clock at 5 times real time"), "{first_run}");
    assert!(first_run.contains("within 3s"), "{first_run}");
    let told = with_shop(&[&soon], &shop, &[]);
    assert!(told.out.contains("ok   SOON") && told.out.contains("run twice: "), "{told:?}");

    // One that is slow with any clock has failed, and one that fails by more than its time has so at once.
    let shop = bench.mini(", PAUSE: \"1.5\"", "");
    let (code, report_of_slow) = report(&[&soon], &shop);
    assert_eq!(code, Some(1), "{report_of_slow:#}");
    assert!(report_of_slow["stories"][0]["firstRun"].is_string());
    let also_shipped =
        bench.scenario("ALSO", &format!("{REPEATS_SOON}  - shop: {{ shipped: once }}\n"));
    let (code, report_of_more) = report(&[&also_shipped], &bench.mini(", PAUSE: \"0.25\"", ""));
    assert_eq!(code, Some(1), "{report_of_more:#}");
    assert!(report_of_more["stories"][0]["firstRun"].is_null());
}

#[test]
fn money_is_asked_to_move_as_often_as_a_step_says_at_the_same_moment() {
    let bench = Bench::new();
    let twice = bench.scenario(
        "TWICE",
        "rules:\n  - id: takes-a-while\n    when: { operation: refund }\n    then: [latency: 3s]\n\
         drive:\n  - register\n  - pay\n  - advance: 1d\n  - refund: { amount: \"4.00\", copies: 2 }\n  - idle\n\
         expect:\n  - order: { refunded: twice, returned: \"8.00\" }\n",
    );
    let told = run(&["run", &twice]);
    assert_eq!(told.code, Some(0), "{}{}", told.out, told.err);
    if has_tool("node") {
        let shop = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/shops/node/merchant.yaml");
        let (_, told) = report(&[&twice], shop);
        let calls = told["stories"][0]["calls"].as_array().unwrap();
        let refunds = calls.iter().filter(|it| it.as_str().unwrap().starts_with("refund: "));
        assert_eq!(refunds.count(), 2, "{told:#}");
    }
    let none =
        bench.scenario("NONE", "drive: [register, pay, refund: { copies: 0 }]\nexpect: []\n");
    let told = run(&["check", &none]);
    assert!(told.out.contains("`copies` must be 1 to 50"), "{}", told.out);
}
