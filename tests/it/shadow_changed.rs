//! The bar: a gateway that was changed in fifty places is found out in all of them, and the patch takes all of them away.

use std::collections::BTreeSet;
use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use payon_sim::base::{Operation, WebUrl};
use payon_sim::capture::SessionLine;
use payon_sim::profile::{Mark, Profile};
use payon_sim::shadow::{DifferenceClass, DifferenceGroup, ShadowReport, propose, replay};
use payon_sim::simulator::{Simulator, SpaceHandle};
use serde_json::json;

use crate::binary::has_tool;
use crate::shadow::{Watched, all_traffic, order, told};
use crate::support::{Reply, Sink};

/// The gateway's overlay. Each line is one change.
const CHANGES: &str = r#"overlay = 1
[settings]
"rules.identical_register" = "refuse"
"rules.status_mismatch" = "refuse"
"rules.khr_methods" = ["CREDIT_DEBIT"]
"rules.app_return_urls" = false
"rules.completed_amount" = "ordered"
"rules.order_lifetime_ms" = 600_000
"rules.qr_lifetime_ms" = 300_000
"pushback.retries_s" = [1, 2]
"pushback.content_type" = "text/plain"
"pushback.keep_alive" = true
"pushback.events" = ["payment-success", "payment-failure", "refund"]
"wording.status.state.captured" = "DONE"
"wording.status.trt.purchase" = "BUY"
"wording.orders.pay_dv_cd.CREDIT_DEBIT" = "9"
"wording.payment_type.CREDIT_DEBIT" = "22"

[[answer]]
on = ["status"]
reasons = ["order.not-found"]
code = "8888"
[[answer]]
on = ["refund"]
reasons = ["state.already-refunded"]
code = "3199"
[[answer]]
on = ["register"]
reasons = ["order.duplicate"]
code = "3002"
[[answer]]
on = ["refund"]
reasons = ["sign.missing"]
message = "No signature"
[[answer]]
on = ["refund"]
reasons = ["sign.invalid"]
message = "Bad signature"
[[answer]]
on = ["register"]
reasons = ["amount.invalid"]
message = "Wrong amount"
[[answer]]
on = ["refund"]
reasons = ["amount.exceeds-captured"]
http = 422
[[answer]]
on = ["register"]
reasons = ["field.missing"]
http = 422
[[answer]]
on = ["status"]
reasons = ["merchant.unknown"]
http = 403
[[answer]]
pushback = "success"
message = "SUCCESS"

[[reply]]
on = ["status"]
of = "success"
remove = ["resultData.wdlAcNo"]
add = { "resultData.bank" = '"PPCBank"' }
form = { "resultData.amount" = ["text"] }
words = { "resultData.txStCd" = { "REFUNDED" = "COMPLETE" } }
order = { "resultData" = ["txSeqNo", "txDt"] }
headers = { "server" = "nginx" }
latency = [[300, 1], [320, 3]]
[[reply]]
on = ["reversal"]
of = "success"
remove = ["acsUrl"]
form = { "amount" = ["text"] }
latency = [[400, 1]]
[[reply]]
on = ["register"]
of = "success"
remove = ["resultData.payDvCd"]
add = { "resultData.channel" = '"WEB"' }
form = { "resultData.amount" = ["fixed"], "resultData.trt" = ["number"] }
order = { "" = ["resultCode", "resultMsg", "resultData"] }
headers = { "content-type" = "application/json" }
[[reply]]
on = ["refund"]
of = "success"
add = { "traceId" = '"abc"' }
form = { "amount" = ["shortest"] }
order = { "" = ["resultCode", "txId"] }
headers = { "cache-control" = "no-store" }
[[reply]]
on = ["preAuthCompletion"]
of = "success"
form = { "amount" = ["shortest"] }
[[reply]]
on = ["refund"]
of = "refusal"
latency = [[350, 1]]
[[reply]]
on = ["orders"]
of = "success"
words = { "[].settleYn" = { "N" = "Y" }, "[].cancelYn" = { "Y" = "N" } }
"#;

/// A place as a report tells it.
type FoundPlace = (DifferenceClass, String, String);
type Place = (DifferenceClass, &'static str, &'static str);

/// Where the changes show, and nowhere else.
fn expected() -> Vec<Place> {
    use DifferenceClass::{
        Code, Extra, Header, Latency, Lifetime, Message, Missing, Notice, Number, Order, Outcome,
        Schedule, State, Status, Type, Value, Word,
    };
    vec![
        (Outcome, "register", "rules.identical_register"),
        (Outcome, "register", "rules.khr_methods"),
        (Outcome, "register", "rules.app_return_urls"),
        (Outcome, "status", "rules.status_mismatch"),
        (Value, "status", "resultData.amount"),
        (Lifetime, "register", "rules.order_lifetime_ms"),
        (Lifetime, "register", "rules.qr_lifetime_ms"),
        (Schedule, "pushback", "retries_s"),
        (Schedule, "pushback", "events refund"),
        (Notice, "pushback", "header content-type"),
        (Notice, "pushback", "header connection"),
        (Notice, "pushback", "resultMsg (success)"),
        (Word, "status", "wording.status.state.captured"),
        (Word, "status", "wording.status.trt.purchase"),
        (Word, "orders", "wording.orders.pay_dv_cd.CREDIT_DEBIT"),
        (Word, "orders", "wording.payment_type.CREDIT_DEBIT"),
        (Word, "bindingList", "wording.payment_type.CREDIT_DEBIT"),
        (Code, "status", "resultCode"),
        (Code, "refund", "resultCode"),
        (Code, "register", "resultCode"),
        (Message, "refund", "sign.missing"),
        (Message, "refund", "sign.invalid"),
        (Message, "register", "amount.invalid"),
        (Status, "refund", "status"),
        (Status, "register", "status"),
        (Status, "status", "status"),
        (Missing, "status", "resultData.wdlAcNo"),
        (Missing, "reversal", "acsUrl"),
        (Missing, "register", "resultData.payDvCd"),
        (Extra, "status", "resultData.bank"),
        (Extra, "register", "resultData.channel"),
        (Extra, "refund", "traceId"),
        (Order, "status", "resultData"),
        (Order, "register", ""),
        (Order, "refund", ""),
        (Type, "status", "resultData.amount"),
        (Type, "reversal", "amount"),
        (Type, "register", "resultData.trt"),
        (Number, "register", "resultData.amount"),
        (Number, "refund", "amount"),
        (Number, "preAuthCompletion", "amount"),
        (Header, "status", "header server"),
        (Header, "register", "header content-type"),
        (Header, "refund", "header cache-control"),
        (State, "status", "resultData.txStCd"),
        (State, "orders", "[].settleYn"),
        (State, "orders", "[].cancelYn"),
        (Value, "orders", "[].amount"),
        (Latency, "status", "latency"),
        (Latency, "reversal", "latency"),
        (Latency, "refund", "latency"),
    ]
}

/// The place of a finding, by the setting or the reason where that says more than the path.
fn places(report: &ShadowReport) -> BTreeSet<FoundPlace> {
    let place = |finding: &payon_sim::shadow::ShadowFinding| {
        let place = &finding.place;
        let by_key = matches!(
            place.class,
            DifferenceClass::Outcome | DifferenceClass::Lifetime | DifferenceClass::Word
        );
        let told = match place.class {
            _ if by_key => place.key.clone().unwrap_or_default(),
            DifferenceClass::Message => place.reason.clone().unwrap_or_default(),
            _ => place.path.clone(),
        };
        (place.class, place.operation.clone(), told)
    };
    report.findings.iter().map(place).collect()
}

/// Calls that mixed traffic lacks.
async fn more_calls(shadow: &Watched, gateway: &SpaceHandle, merchant: &Sink) {
    let khr = |tx: &str, method: &str| {
        let mut members = order(tx, method, "10", "40000");
        members["currency"] = "KHR".into();
        members
    };
    shadow.call(Operation::Register, khr("K-1", "BAKONG_KHQR")).await;
    shadow.call(Operation::Register, khr("K-2", "CREDIT_DEBIT")).await;
    let mut app = order("A-1", "CREDIT_DEBIT", "10", "1.00");
    app["success_url"] = "myapp://done".into();
    shadow.call(Operation::Register, app).await;
    let mut noticed = order("N-1", "CREDIT_DEBIT", "10", "5.00");
    noticed["noti_url"] = format!("{}/_shadow/pushback", shadow.url).into();
    shadow.call(Operation::Register, noticed).await;
    merchant.reply(Reply::Status(500, "later"));
    gateway.pay("N-1").await.unwrap();
    merchant.next().await;
    merchant.reply(Reply::Status(200, ""));
    merchant.next().await;
    gateway.wait_until_acknowledged("N-1", Duration::from_secs(20)).await.unwrap();
    shadow.call(Operation::Refund, json!({ "txId": "N-1" })).await;
    merchant.next().await;
}

/// Holds the changed gateway against the simulator, by way of `front` where there is one, whose own manners are `extra`.
async fn is_found_out(front: Option<Front>, extra: fn(&FoundPlace) -> bool) {
    let other = Profile::with_overlay("gateway.toml", CHANGES, None).unwrap();
    let gateway = Simulator::builder().seed(7).profile(other).start().await.unwrap();
    let front = front.map(|front| front(gateway.url()));
    let merchant = Sink::start().await;
    let to = WebUrl::parse(&merchant.url("/noti")).unwrap();
    let upstream = front.as_ref().map_or(gateway.url(), |front| &front.url);
    let shadow = Watched::with(upstream, Profile::builtin(), |settings| {
        settings.pushback_to = Some(to);
    })
    .await;
    let shadow = Arc::new(shadow);
    let space = gateway.default_space();
    more_calls(&shadow, &space, &merchant).await;
    let calls = all_traffic(&shadow, &space, 50).await;
    assert!(calls >= 1000, "{calls}");
    let outcome = Arc::into_inner(shadow).unwrap().stop().await;
    let report = &outcome.report;
    assert_eq!(report.calls, report.compared, "{}", told(report));
    let own =
        |(class, operation, told): &Place| (*class, (*operation).to_owned(), (*told).to_owned());
    let (found, wanted): (BTreeSet<_>, BTreeSet<_>) =
        (places(report), expected().iter().map(own).collect());
    let missed: Vec<_> = wanted.difference(&found).collect();
    let invented: Vec<_> = found.difference(&wanted).filter(|it| !extra(it)).collect();
    assert!(missed.is_empty() && invented.is_empty(), "missed {missed:#?}, invented {invented:#?}");
    for group in [
        DifferenceGroup::Outcome,
        DifferenceGroup::Code,
        DifferenceGroup::Message,
        DifferenceGroup::Http,
        DifferenceGroup::State,
        DifferenceGroup::Shape,
        DifferenceGroup::Time,
        DifferenceGroup::Pushback,
    ] {
        let count = wanted.iter().filter(|(class, ..)| class.group() == group).count();
        assert!(count >= 3, "{group:?}: {count}");
    }
    let mut session = outcome.session.unwrap();
    if report.simulated > 0 {
        assert!(report.upstream.contains("a payon-sim"), "{}", report.upstream);
        assert_eq!(propose(None, &session, report).unwrap().confirmed, 0);
    }
    // From here on the answers pass for PAYON's.
    for line in &mut session.lines {
        let SessionLine::Call(call) = line else { continue };
        let Some(answer) = &mut call.answer else { continue };
        answer.message.headers.retain(|(name, _)| name != "x-payon-trace");
    }
    let report = &replay(Profile::builtin(), &session);
    let patch = propose(None, &session, report).unwrap();
    assert!(patch.after.findings.is_empty(), "{}\n{}", patch.text, told(&patch.after));
    let patched = Profile::with_overlay("mine.toml", &patch.text, None).unwrap();
    let marks = patched.provenance().iter().filter(|entry| entry.mark == Mark::Confirmed);
    assert_eq!(marks.count(), patch.confirmed);
    assert!(patch.confirmed > 40, "{}", patch.confirmed);
    let again = replay(Arc::new(patched), &session);
    assert!(again.passes(false), "{}", told(&again));
    assert!(!replay(Profile::builtin(), &session).passes(true));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fifty_changes_are_all_found_none_is_invented_and_the_patch_takes_them_away() {
    is_found_out(None, |_| false).await;
}

/// A gateway in another language: slow, in chunks, closing connections, with headers of its own.
const PYTHON_GATEWAY: &str = r#"
import http.client, http.server, sys, time
class Gateway(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version = "Python"
    count = 0
    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        behind = http.client.HTTPConnection(sys.argv[1])
        behind.request("POST", self.path, body, {"Content-Type": "application/json"})
        answer = behind.getresponse()
        text = answer.read()
        time.sleep(0.15)
        Gateway.count += 1
        self.send_response_only(answer.status)
        for name, value in answer.getheaders():
            if name.lower() in ("content-type", "cache-control", "server"):
                self.send_header(name, value)
        self.send_header("X-Request-Id", str(Gateway.count))
        self.send_header("Transfer-Encoding", "chunked")
        if Gateway.count % 3 == 0:
            self.send_header("Connection", "close")
            self.close_connection = True
        self.end_headers()
        for piece in (text[:7], text[7:]):
            if piece:
                self.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece))
                self.wfile.flush()
        self.wfile.write(b"0\r\n\r\n")
    def log_message(self, *args):
        pass
server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Gateway)
print(server.server_address[1], flush=True)
server.serve_forever()
"#;

type Front = fn(&str) -> PythonGateway;

/// The running gateway in another language, which asks the simulator at an address behind it.
struct PythonGateway {
    process: Child,
    url: String,
}

impl PythonGateway {
    fn before(behind: &str) -> Self {
        let behind = behind.trim_start_matches("http://");
        let mut process = Command::new("python3")
            .args(["-c", PYTHON_GATEWAY, behind])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut port = String::new();
        BufReader::new(process.stdout.take().unwrap()).read_line(&mut port).unwrap();
        Self { process, url: format!("http://127.0.0.1:{}", port.trim()) }
    }
}

impl Drop for PythonGateway {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn so_are_they_behind_a_slow_gateway_in_another_language_that_chunks_and_closes() {
    if !has_tool("python3") {
        return;
    }
    is_found_out(Some(PythonGateway::before), |(class, _, told)| match class {
        DifferenceClass::Latency => true,
        DifferenceClass::Header => told == "header x-request-id",
        _ => false,
    })
    .await;
}
