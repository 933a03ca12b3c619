//! Every reader of what comes from outside, as a function of bytes that panics at a find.
//!
//! A find is a panic, an answer of 5xx that is not documented, an answer that is not whole or not of the documented
//! form, no answer within [`HANG`], or a text that is not the same when it is written and read again.
//! `fuzz_targets/readers.rs` drives them by coverage; `tests/it/fuzzing.rs` drives the same functions in every
//! `cargo test`. Both start from `fuzz/corpus`, a folder for each reader.

use std::sync::Arc;
use std::time::Duration;

use payon_sim::Currency;
use payon_sim::base::{JsonTree, Millis, Operation, Seed};
use payon_sim::capture::{self, Session};
use payon_sim::crypto::{Encoding, KeyReport, PrivateKey, PublicKey};
use payon_sim::gateway::{self, Call};
use payon_sim::khqr::{self, Account, Payload};
use payon_sim::profile::Profile;
use payon_sim::scenario::{
    MerchantFile, Rule, RuleList, ScenarioFile, check_rules, read_expectations, read_rules,
};
use payon_sim::simulator::Simulator;
use payon_sim::space::{Budgets, IfExists, JournalBudget, Space, Spaces};
use serde_json::Value;
use sha2::{Digest as _, Sha256};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::runtime::Runtime;

/// A reader: takes any bytes, and panics at a find.
pub type Reader = fn(&[u8]);

/// All readers by name, which is also the folder of their corpus.
pub const READERS: [(&str, Reader); 11] = [
    ("http", http),
    ("json", json_bodies),
    ("control", control),
    ("keys", keys),
    ("khqr", khqr_payloads),
    ("yaml", yaml),
    ("toml", toml),
    ("snapshots", snapshots),
    ("captures", captures),
    ("checkout", checkout),
    ("events", events),
];

/// An answer that takes longer is a find.
const HANG: Duration = Duration::from_secs(5);
/// The merchant that need not sign.
const NAMED: &str = r#""merchantId":"EPAY00000000001","termId":"PAYONGT1""#;
/// The moment of the snapshots and codes: noon of 12 February 2021 in Cambodia.
const NOON: Millis = Millis(1_613_106_000_000);

/// The simulator that serves in this process, and the runtime that it lives in.
struct Front {
    runtime: Runtime,
    simulator: Simulator,
}

thread_local! {
    /// Each thread has its own, so that no reader disturbs another.
    static FRONT: &'static Front = Box::leak(Box::new(Front::open()));
}

/// The front of this thread.
fn front() -> &'static Front {
    FRONT.with(|front| *front)
}

/// All that came back for some bytes.
struct Exchange {
    came: Vec<u8>,
    is_ended: bool,
}

impl Front {
    fn open() -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.expect("a runtime");
        let journal = JournalBudget { entries: 50, bytes: 1 << 20 };
        let budgets = Budgets { journal, orders: 50, ..Budgets::default() };
        let builder = Simulator::builder().seed(1).budgets(budgets);
        // Raw bytes at the first port reach PAYON's side alone: no call there moves a clock or arms a rule.
        let builder = builder.control_address(([127, 0, 0, 1], 0).into());
        let simulator = runtime.block_on(builder.start()).expect("a free port");
        Self { runtime, simulator }
    }

    /// Sends bytes, closes our side, and reads to the end, or until what came `suffices`.
    fn exchange(&self, url: &str, bytes: &[u8], suffices: fn(&[u8]) -> bool) -> Exchange {
        let address = url.trim_start_matches("http://").to_owned();
        self.runtime.block_on(async {
            let mut stream = TcpStream::connect(address).await.expect("it listens");
            // It may have refused and closed before all is sent.
            let _ = stream.write_all(bytes).await;
            let _ = stream.shutdown().await;
            let (mut came, mut piece) = (Vec::new(), [0; 4096]);
            let read = async {
                while let Ok(read @ 1..) = stream.read(&mut piece).await {
                    came.extend_from_slice(&piece[..read]);
                    if suffices(&came) {
                        break;
                    }
                }
            };
            let is_ended = tokio::time::timeout(HANG, read).await.is_ok();
            Exchange { came, is_ended }
        })
    }

    /// A space of its own with an order that is open and one that is paid; nothing of an earlier input is left in it.
    fn fresh(&self) -> Arc<Space> {
        let spaces = self.simulator.spaces();
        let made = spaces.create(Some("fuzz"), Some(Seed(1)), &[], IfExists::Replace);
        let (space, _) = made.expect("a space");
        for tx_id in ["open", "paid"] {
            register(spaces, &space, tx_id);
        }
        let payer = serde_json::from_str("{}").expect("a payer");
        let trace = space.next_trace();
        gateway::pay(&space, "EPAY00000000001", "paid", &payer, trace).expect("payable");
        space
    }
}

/// Registers an order of 2.00 USD; gives the answer.
fn register(spaces: &Spaces, space: &Arc<Space>, tx_id: &str) -> Value {
    let body = format!(
        r#"{{{NAMED},"txId":"{tx_id}","trt":"10","currency":"USD","amount":"2.00","paymentMethod":"CREDIT_DEBIT"}}"#
    );
    answer(spaces, space, Operation::Register, body.as_bytes())
}

/// An answer of the gateway, which is JSON with a code, whatever was asked.
fn answer(spaces: &Spaces, space: &Arc<Space>, operation: Operation, body: &[u8]) -> Value {
    let space = Some(Arc::clone(space));
    let origin = "http://pay.test".into();
    let (token, scenario, trace_headers) = (None, None, None);
    let call = Call { operation, space, token, scenario, origin, body, trace_headers };
    let reply = gateway::answer(spaces, call);
    let shown = String::from_utf8_lossy(&reply.body).into_owned();
    let status = reply.status;
    assert!((200..500).contains(&status), "{operation} answers {status}: {shown}");
    // A refused token has a body that PAYON documents so.
    if status == 401 {
        return Value::Null;
    }
    let json: Value = serde_json::from_slice(&reply.body).expect("an answer in JSON");
    // A list has a code in each row, and may have none.
    if json.as_array().is_some_and(Vec::is_empty) {
        return json;
    }
    let row = json.get(0).unwrap_or(&json);
    let code = row["resultCode"].as_str().unwrap_or_else(|| panic!("no code: {shown}"));
    assert!(code != "0000" || status == 200, "{operation} answers {status}: {shown}");
    json
}

/// The answers that stand one after the other in what came: status, head and body.
fn answers(mut came: &[u8]) -> Vec<(u16, String, &[u8])> {
    let mut all = Vec::new();
    // Whoever speaks HTTP/2 is told in frames of it that HTTP/1.1 is spoken here.
    while !came.is_empty() && !came.starts_with(&[0, 0, 0, 4]) {
        let end = came.windows(4).position(|four| four == b"\r\n\r\n").expect("a whole head");
        let head = String::from_utf8_lossy(&came[..end]).to_lowercase();
        came = &came[end + 4..];
        let status = head.split(' ').nth(1).and_then(|status| status.parse().ok());
        let status: u16 = status.unwrap_or_else(|| panic!("no status: {head}"));
        assert!(matches!(status, 100..=499 | 501 | 505), "{head}");
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
        let length = length.map_or(0, |length| length.parse().expect("a length"));
        // The answer to HEAD has a length and no body; it is the last one, or another head follows.
        let length = if came.is_empty() || came.starts_with(b"HTTP/1.") { 0 } else { length };
        assert!(came.len() >= length, "a body that is cut short: {head}");
        all.push((status, head, &came[..length]));
        came = &came[length..];
    }
    all
}

/// Bytes on the socket.
fn http(bytes: &[u8]) {
    let front = front();
    let Exchange { came, is_ended } = front.exchange(front.simulator.url(), bytes, |_| false);
    assert!(is_ended, "no end after {}", String::from_utf8_lossy(&came));
    answers(&came);
}

/// A byte that names an operation, and a body.
fn json_bodies(bytes: &[u8]) {
    let Some((which, body)) = bytes.split_first() else { return };
    let operation = Operation::ALL[usize::from(*which) % Operation::ALL.len()];
    let front = front();
    let space = front.fresh();
    let first = answer(front.simulator.spaces(), &space, operation, body);
    // Asking again is no reason to fall over either.
    let again = answer(front.simulator.spaces(), &space, operation, body);
    assert_eq!(first.is_null(), again.is_null());
}

/// A first line of method and path below `/_sim/v1/`, and the body behind it.
fn control(bytes: &[u8]) {
    let (line, body) = split_line(bytes);
    let line = String::from_utf8_lossy(line);
    let (method, path) = line.split_once(' ').unwrap_or(("POST", &line));
    let is_token = !method.is_empty() && method.bytes().all(|byte| byte.is_ascii_uppercase());
    let is_path = path.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'#');
    // A follower and a waiting call have no end of their own, and spaces besides the own one stay out of it.
    let is_kept_out = ["events", "wait", "spaces"].iter().any(|name| path.contains(name));
    if !is_token || !is_path || is_kept_out || path.contains('%') {
        return;
    }
    let front = front();
    front.fresh();
    let length = body.len();
    let mut request = format!(
        "{method} /space/fuzz/_sim/v1/{path} HTTP/1.1\r\nhost: localhost\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n"
    )
    .into_bytes();
    request.extend_from_slice(body);
    let Exchange { came, is_ended } =
        front.exchange(front.simulator.control_url(), &request, |_| false);
    assert!(is_ended, "no end after {}", String::from_utf8_lossy(&came));
    let all = answers(&came);
    assert!(!all.is_empty(), "no answer");
    for (status, head, body) in all {
        if status >= 400 && method != "HEAD" {
            assert_problem(&head, body);
        } else if head.contains("content-type: application/json") && method != "HEAD" {
            serde_json::from_slice::<Value>(body).expect("JSON, as its head says");
        }
    }
}

/// A refusal of the control plane is a problem of RFC 9457.
fn assert_problem(head: &str, body: &[u8]) {
    let problem: Value = serde_json::from_slice(body)
        .unwrap_or_else(|error| panic!("{error}: {head}\n{}", String::from_utf8_lossy(body)));
    let kind = problem["type"].as_str().unwrap_or_default();
    assert!(kind.contains("/_sim/problems/") && problem["title"].is_string(), "{problem}");
}

fn split_line(bytes: &[u8]) -> (&[u8], &[u8]) {
    let end = bytes.iter().position(|byte| *byte == b'\n');
    end.map_or((bytes, &[]), |end| (&bytes[..end], &bytes[end + 1..]))
}

/// Keys in any form.
fn keys(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    if let Ok(key) = PublicKey::parse(&text) {
        let again = PublicKey::parse(&key.spki_der_base64()).expect("what is written is read");
        assert_eq!(key, again);
    }
    if let Ok(key) = PrivateKey::parse(&text) {
        let again = PrivateKey::parse(&key.pkcs8_pem()).expect("what is written is read");
        assert_eq!(key.public_key(), again.public_key());
    }
    if let Ok(report) = KeyReport::read(&text) {
        assert!((1024..=4096).contains(&report.public.bits()));
    }
}

/// Any text as a payload; its lines as the parts of a payload that is built.
fn khqr_payloads(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let inspection = khqr::inspect(&text, NOON);
    let shown = inspection.to_string();
    assert!(shown.contains("md5"), "{shown}");
    for finding in &inspection.findings {
        assert!(finding.position <= inspection.decoded.characters, "{finding:?}");
    }
    let mut lines = text.split('\n');
    let mut part = || lines.next().unwrap_or_default();
    let account =
        Account::Merchant { id: part().into(), merchant_id: part().into(), bank: part().into() };
    let mut payload = Payload::new(account, part().to_owned(), Currency::Usd);
    payload.bill_number = part().into();
    payload.amount = part().into();
    (payload.created, payload.expires) = (NOON, Some(NOON.plus(60_000)));
    if let Ok(built) = payload.encode() {
        let decoded = khqr::decode(&built);
        assert_eq!(decoded.value("merchantName"), Some(&*payload.name), "{built}");
        assert_eq!(decoded.value("billNumber").unwrap_or_default(), payload.bill_number, "{built}");
        assert_eq!(decoded.amount.as_deref().unwrap_or_default(), payload.amount, "{built}");
        khqr::svg(&built).expect("what is a payload can be drawn");
    }
}

/// Scenarios, rules, expectations, lists and merchant files.
fn yaml(bytes: &[u8]) {
    if let Ok(file) = ScenarioFile::read("fuzz", bytes) {
        let _ = file.warnings();
        for text in [file.scenario.to_yaml(), file.scenario.to_json().json()] {
            let again = ScenarioFile::read("again", text.as_bytes());
            let again = again.unwrap_or_else(|wrong| panic!("{text}\n{wrong:#?}"));
            assert_eq!(again.scenario, file.scenario, "{text}");
        }
    }
    if let Ok(rules) = read_rules("fuzz", bytes) {
        let _ = check_rules(&rules);
        let text = JsonTree::List(rules.iter().map(Rule::to_json).collect()).json();
        let again = read_rules("again", text.as_bytes());
        assert_eq!(again.unwrap_or_else(|wrong| panic!("{text}\n{wrong:#?}")), rules, "{text}");
    }
    let _ = read_expectations("fuzz", bytes);
    let _ = RuleList::read("fuzz", bytes);
    let _ = MerchantFile::read("fuzz", bytes);
}

/// Overlays of the profile.
fn toml(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    // A base is a path: what stands there is no part of the text.
    if text.contains("base") {
        return;
    }
    if let Err(errors) = Profile::with_overlay("fuzz.toml", &text, None) {
        assert!(!errors.to_string().is_empty());
    }
}

/// The states of snapshots, in a file that is right around them.
fn snapshots(bytes: &[u8]) {
    let Ok(state) = serde_json::from_slice::<Value>(bytes) else { return };
    let (spaces, _wakeups) = Spaces::new(Profile::builtin(), Seed(1), Budgets::default());
    let space = spaces.default_space();
    let saved = front().runtime.block_on(space.save("empty", IfExists::Replace));
    let empty = saved.expect("a snapshot").write(&Profile::builtin());
    let mut file: Value = serde_json::from_slice(&empty.expect("a file")).expect("JSON");
    let digest = Sha256::digest(state.to_string());
    file["digest"] = Encoding::Hex.encode(&digest).into();
    file["state"] = state;
    let Ok(first) = space.import("first", file.to_string().as_bytes()) else { return };
    let written = first.write(&Profile::builtin()).expect("what was read is written");
    let second = space.import("second", &written).expect("what is written is read");
    let state = |file: &[u8]| {
        serde_json::from_slice::<Value>(file).map(|file| file["state"].to_string()).expect("JSON")
    };
    let again = second.write(&Profile::builtin()).expect("a file");
    assert_eq!(state(&written), state(&again), "another state than was written");
    // It goes on from there.
    spaces.restore(space, &first);
    answer(&spaces, space, Operation::Orders, format!("{{{NAMED}}}").as_bytes());
    space.take_due();
}

/// Captures of every kind, with and without answers.
fn captures(bytes: &[u8]) {
    let _ = capture::read_calls("fuzz", bytes);
    let text = String::from_utf8_lossy(bytes);
    let _ = capture::read("fuzz", &text, &|_| Some("{}".to_owned()));
    if let Ok(session) = Session::read(&text) {
        let written = session.write();
        let again = Session::read(&written).expect("what is written is read");
        assert_eq!(again.write(), written);
    }
}

/// A first line behind the address of an order's page, and the form that is sent there.
fn checkout(bytes: &[u8]) {
    let (line, form) = split_line(bytes);
    let line = String::from_utf8_lossy(line);
    if !line.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'#') {
        return;
    }
    let front = front();
    let space = front.fresh();
    let registered = register(front.simulator.spaces(), &space, "page");
    let url = registered["resultData"]["checkoutUrl"].as_str().expect("an address");
    let token = url.rsplit('/').next().expect("a token");
    let send = |method: &str, form: &str| {
        let length = form.len();
        let request = format!(
            "{method} /space/fuzz/pg/checkout/{token}{line} HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/x-www-form-urlencoded\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{form}"
        );
        let Exchange { came, is_ended } =
            front.exchange(front.simulator.url(), request.as_bytes(), |_| false);
        assert!(is_ended, "no end after {}", String::from_utf8_lossy(&came));
        assert!(!answers(&came).is_empty(), "no answer");
        String::from_utf8_lossy(&came).into_owned()
    };
    let page = send("GET", "");
    // A form carries the step that its page was at.
    let step = page.split("name=\"step\" value=\"").nth(1).and_then(|rest| rest.split('"').next());
    let form = String::from_utf8_lossy(form).replace("STEP", step.unwrap_or_default());
    send("POST", &form);
    send("GET", "");
}

/// The query of a follower, and on a second line the event that it saw last.
fn events(bytes: &[u8]) {
    let (query, last) = split_line(bytes);
    let is_plain = |byte: &u8| byte.is_ascii_graphic() && *byte != b'#';
    if !query.iter().all(is_plain) || !last.iter().all(is_plain) {
        return;
    }
    let front = front();
    front.fresh();
    let mut request = b"GET /space/fuzz/_sim/v1/events?".to_vec();
    request.extend_from_slice(query);
    request.extend_from_slice(b" HTTP/1.1\r\nhost: localhost\r\n");
    if !last.is_empty() {
        request.extend_from_slice(b"last-event-id: ");
        request.extend_from_slice(last);
        request.extend_from_slice(b"\r\n");
    }
    request.extend_from_slice(b"\r\n");
    // A greeting says where the follower is.
    let is_greeted = |came: &[u8]| came.windows(4).any(|four| four == b"\nid:");
    let Exchange { came, is_ended } =
        front.exchange(front.simulator.control_url(), &request, is_greeted);
    let shown = String::from_utf8_lossy(&came);
    assert!(is_ended, "neither a greeting nor an end: {shown}");
    let is_stream = shown.starts_with("HTTP/1.1 200") && shown.contains("text/event-stream");
    if !is_stream {
        for (status, head, body) in answers(&came) {
            assert!(status >= 400, "{head}");
            assert_problem(&head, body);
        }
    }
}
