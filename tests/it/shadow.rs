//! The shadow against a second simulator, and against servers of the tests' own.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use payon_sim::base::{Operation, WebUrl};
use payon_sim::capture::{Session, SessionLine, SignatureNote};
use payon_sim::gateway;
use payon_sim::profile::Profile;
use payon_sim::shadow::{
    DifferenceClass, Shadow, ShadowOutcome, ShadowReport, ShadowSettings, Upstream, Verdict, replay,
};
use payon_sim::simulator::{Simulator, SpaceHandle};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use crate::support::{Answer, Client, Sink, soon};

const MERCHANT: &str = "C0000143";
const TERMINAL: &str = "CT03000003";

/// A shadow in front of a gateway.
pub(crate) struct Watched {
    shadow: Shadow,
    pub(crate) url: String,
    client: Client,
}

impl Watched {
    pub(crate) async fn start(upstream: &str, profile: Arc<Profile>) -> Self {
        Self::with(upstream, profile, |_| ()).await
    }

    pub(crate) async fn with(
        upstream: &str,
        profile: Arc<Profile>,
        change: impl FnOnce(&mut ShadowSettings),
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let mut settings = ShadowSettings {
            upstream: Upstream::parse(upstream, true).unwrap(),
            pushback_to: None,
            profile,
            capture: None,
            keeps_signatures: false,
            progress: None,
        };
        change(&mut settings);
        let shadow = Shadow::start(listener, settings).unwrap();
        let url = format!("http://{}", shadow.address());
        Self { shadow, url, client: Client::new() }
    }

    pub(crate) async fn post(&self, path: &str, body: &str) -> Answer {
        self.client.send("POST", &format!("{}{path}", self.url), body.to_owned()).await
    }

    /// A call of the merchant of the examples, signed where the profile asks for it.
    pub(crate) async fn call(&self, operation: Operation, members: Value) -> Answer {
        let mut body = json!({ "merchantId": MERCHANT, "termId": TERMINAL });
        let own = body.as_object_mut().unwrap();
        own.extend(members.as_object().cloned().unwrap());
        let body = body.to_string();
        let profile = Profile::builtin();
        let body = if profile.sign.operations.contains(&operation) { signed(&body) } else { body };
        self.post(operation.paths()[0], &body).await
    }

    pub(crate) async fn stop(self) -> ShadowOutcome {
        soon("the shadow to end", self.shadow.stop()).await
    }
}

pub(crate) fn signed(body: &str) -> String {
    let profile = Profile::builtin();
    let merchant = profile.merchant(MERCHANT).unwrap();
    gateway::sign(&profile.sign.recipe, merchant, body.as_bytes()).unwrap().body
}

pub(crate) fn order(tx_id: &str, method: &str, trt: &str, amount: &str) -> Value {
    json!({ "txId": tx_id, "trt": trt, "currency": "USD", "amount": amount, "paymentMethod": method })
}

/// About twenty calls of a merchant on one order of its own, with its payer at the gateway.
pub(crate) async fn traffic(shadow: &Watched, gateway: &SpaceHandle, number: usize) -> usize {
    use Operation::{
        BindingList, BindingRegister, CreatePin, Orders, PreAuthCompletion, Reconciliation, Refund,
        Register, Reversal, Status,
    };
    let tx = format!("T-{number}");
    let (method, trt) = [
        ("CREDIT_DEBIT", "10"),
        ("CREDIT_DEBIT", "12"),
        ("BAKONG_KHQR", "10"),
        ("PAYON", "10"),
        ("PPCBANK_TRANSFER", "10"),
    ][number % 5];
    let id = json!({ "txId": tx });
    let price = json!({ "txId": tx, "amount": "12.50", "currency": "USD" });
    let calls = AtomicUsize::new(4);
    let done = async |operation: Operation, members: Value| {
        calls.fetch_add(1, Ordering::Relaxed);
        shadow.call(operation, members).await
    };
    done(Register, order(&tx, method, trt, "12.50")).await;
    done(Status, price.clone()).await;
    done(Register, order(&tx, method, trt, "12.50")).await;
    done(Register, order(&tx, method, trt, "13.50")).await;
    done(Refund, id.clone()).await;
    gateway.pay(&tx).await.unwrap();
    done(Status, price.clone()).await;
    done(Status, json!({ "txId": tx, "amount": "1", "currency": "USD" })).await;
    done(Status, json!({ "txId": format!("none-{number}"), "amount": "1", "currency": "USD" }))
        .await;
    if trt == "12" {
        let part = json!({ "txId": tx, "amount": "10.00", "currency": "USD" });
        done(PreAuthCompletion, part.clone()).await;
        done(PreAuthCompletion, part).await;
        done(Status, price.clone()).await;
    }
    match number % 3 {
        0 => {
            done(Reversal, id.clone()).await;
            done(Reversal, id.clone()).await;
        }
        1 => {
            done(Refund, json!({ "txId": tx, "amount": "2.50" })).await;
            done(Refund, json!({ "txId": tx, "amount": "99.00" })).await;
            done(Refund, id.clone()).await;
            done(Refund, id.clone()).await;
        }
        _ => {
            done(Refund, json!({ "txId": tx, "approvalNo": "000000" })).await;
            done(Refund, id.clone()).await;
            done(Refund, id.clone()).await;
        }
    }
    done(Status, price.clone()).await;
    done(Register, json!({ "txId": format!("bad-{number}"), "trt": "10" })).await;
    done(Register, order(&format!("zero-{number}"), method, trt, "0")).await;
    done(Status, json!({ "merchantId": "nobody", "txId": tx })).await;
    let unsigned = json!({ "merchantId": MERCHANT, "termId": TERMINAL, "txId": tx }).to_string();
    shadow.post("/pg/refund", &unsigned).await;
    let wrong = signed(&unsigned).replace(&tx, &format!("{tx}x"));
    shadow.post("/pg/refund", &wrong).await;
    shadow.post("/pg/transaction/status", "{\"merchantId\":").await;
    let row = json!({
        "merchantId": MERCHANT, "termId": TERMINAL, "txId": tx, "grandToTAmt": 12.5,
        "transactionType": "PURCHASE",
    });
    shadow.post(Reconciliation.paths()[0], &json!([row]).to_string()).await;
    let client = format!("{:02}", number % 7 + 10);
    if number.is_multiple_of(4) {
        let card = json!({
            "clientId": format!("{client}{number}"), "wdlAcNo": "5204730000001003", "wdlCvv": "100",
            "wdlExpiry": "202512", "pin": "123456",
        });
        done(BindingRegister, card).await;
        done(BindingList, json!({ "clientId": format!("{client}{number}") })).await;
        done(CreatePin, json!({ "clientId": client, "pin": "bm90IGVuY3J5cHRlZA==" })).await;
        let today = payon_sim::base::wall_clock().day_first_digits();
        let day = &today[..8];
        let index = number / 4 % 2 + 1;
        done(Orders, json!({ "fromDate": day, "toDate": day, "index": index, "limit": 12 })).await;
    }
    calls.load(Ordering::Relaxed)
}

/// Many merchants' threads at once; the number of calls.
pub(crate) async fn all_traffic(
    shadow: &Arc<Watched>,
    gateway: &SpaceHandle,
    orders: usize,
) -> usize {
    let mut calls = 0;
    for first in (0..orders).step_by(8) {
        let mut under_way = tokio::task::JoinSet::new();
        for number in first..orders.min(first + 8) {
            let (shadow, gateway) = (Arc::clone(shadow), gateway.clone());
            under_way.spawn(async move { traffic(&shadow, &gateway, number).await });
        }
        calls += under_way.join_all().await.into_iter().sum::<usize>();
    }
    calls
}

pub(crate) fn told(report: &ShadowReport) -> String {
    report.text()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_gateway_that_answers_as_the_simulator_does_gives_no_difference() {
    let gateway = Simulator::builder().seed(7).start().await.unwrap();
    let shadow = Arc::new(Watched::start(gateway.url(), Profile::builtin()).await);
    let calls = all_traffic(&shadow, &gateway.default_space(), 24).await;
    let outcome = Arc::into_inner(shadow).unwrap().stop().await;
    let report = &outcome.report;
    assert_eq!(report.calls as usize, calls);
    assert!(report.findings.is_empty(), "{}", told(report));
    assert!(report.passes(false), "{}", told(report));
    assert_eq!(report.compared, report.calls);
    let verdict = |key: &str| report.assumptions.iter().find(|it| it.key == key).unwrap().verdict;
    for key in [
        "rules.identical_register",
        "rules.order_lifetime_ms",
        "rules.status_mismatch",
        "sign.algorithm",
        "sign.mode",
        "reason.order.duplicate",
        "operation.register.response.resultData.checkoutUrl",
        "wording.status.state.refunded",
    ] {
        assert_eq!(verdict(key), Verdict::Confirmed, "{key}");
    }
    assert_eq!(verdict("rules.fee_basis_points"), Verdict::Unseen);
    let again = replay(Profile::builtin(), outcome.session.as_ref().unwrap());
    assert!(again.passes(false), "{}", told(&again));
    assert_eq!(again.compared, report.compared);
}

/// A gateway that looks at no signature takes what another recipe made as well, so it says nothing of the recipe.
#[tokio::test]
async fn a_gateway_that_refuses_no_signature_confirms_no_recipe() {
    let mut heedless = (*Profile::builtin()).clone();
    heedless.sign.mode = payon_sim::profile::SignMode::Off;
    for (profile, is_told) in [(heedless, false), ((*Profile::builtin()).clone(), true)] {
        let gateway = Simulator::builder().profile(profile).start().await.unwrap();
        let shadow = Watched::start(gateway.url(), Profile::builtin()).await;
        shadow.call(Operation::Register, order("1", "CREDIT_DEBIT", "10", "1.00")).await;
        gateway.default_space().pay("1").await.unwrap();
        shadow.call(Operation::Refund, json!({ "txId": "1" })).await;
        if is_told {
            let bare = json!({ "txId": "1", "merchantId": "C0000143", "termId": "CT03000003" });
            shadow.post(Operation::Refund.paths()[0], &bare.to_string()).await;
        }
        let report = shadow.stop().await.report;
        let verdict =
            |key: &str| report.assumptions.iter().find(|it| it.key == key).unwrap().verdict;
        let wanted = if is_told { Verdict::Confirmed } else { Verdict::Unseen };
        for key in ["sign.algorithm", "sign.canonical", "sign.separator", "sign.encoding"] {
            assert_eq!(verdict(key), wanted, "{key}: {}", told(&report));
        }
        assert_eq!(verdict("sign.omit_empty"), Verdict::Unseen, "no member was blank");
    }
}

#[tokio::test]
async fn a_gateway_that_answers_otherwise_is_found_out_with_the_line_that_it_contradicts() {
    let mut other = (*Profile::builtin()).clone();
    other.rules.identical_register = payon_sim::profile::IdenticalRegister::Refuse;
    other.rules.order_lifetime_ms = 600_000;
    let gateway = Simulator::builder().profile(other).start().await.unwrap();
    let shadow = Watched::start(gateway.url(), Profile::builtin()).await;
    for _ in 0..2 {
        shadow.call(Operation::Register, order("1", "CREDIT_DEBIT", "10", "1.00")).await;
    }
    let report = shadow.stop().await.report;
    let classes: Vec<_> = report.findings.iter().map(|it| it.place.class).collect();
    assert_eq!(classes, [DifferenceClass::Outcome, DifferenceClass::Lifetime], "{}", told(&report));
    assert!(!report.passes(true));
    let outcome = &report.findings[0];
    assert_eq!(outcome.place.key.as_deref(), Some("rules.identical_register"));
    assert!(outcome.held_by.as_deref().unwrap().starts_with("fixtures/pgtest/profile.toml:"));
    assert_eq!(report.findings[1].samples[0].upstream, "600 s");
    let contradicted = report.assumptions.iter().filter(|it| it.verdict == Verdict::Contradicted);
    let keys: Vec<_> = contradicted.map(|it| it.key.as_str()).collect();
    assert_eq!(keys, ["rules.order_lifetime_ms", "rules.identical_register"]);
}

#[tokio::test]
async fn a_capture_has_no_secrets_and_judges_the_profile_offline() {
    let gateway = Simulator::builder().start().await.unwrap();
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("capture.jsonl");
    let file = std::fs::File::create(&path).unwrap();
    let shadow = Watched::with(gateway.url(), Profile::builtin(), |settings| {
        settings.capture = Some(Box::new(file));
    })
    .await;
    shadow.call(Operation::Register, order("1", "CREDIT_DEBIT", "10", "1.00")).await;
    gateway.default_space().pay("1").await.unwrap();
    let refund = shadow.call(Operation::Refund, json!({ "txId": "1" })).await;
    assert_eq!(refund.json()["resultCode"], "0000");
    let card = json!({
        "clientId": "02", "wdlAcNo": "5204730000001003", "wdlCvv": "100", "wdlExpiry": "202512",
        "pin": "739164",
    });
    shadow.call(Operation::BindingRegister, card).await;
    let outcome = shadow.stop().await;
    assert!(outcome.report.passes(false), "{}", told(&outcome.report));
    assert!(outcome.capture_error.is_none());
    let text = std::fs::read_to_string(&path).unwrap();
    for secret in ["5204730000001003", "739164", "\"100\"", "\\\"100\\\""] {
        assert!(!text.contains(secret), "{secret} is in the capture");
    }
    let session = Session::read(&text).unwrap();
    assert_eq!(session.end.unwrap().calls, 3);
    let SessionLine::Call(call) = &session.lines[1] else { panic!("a call") };
    assert_eq!(call.signature, SignatureNote::Valid);
    assert!(call.request.body.body.contains("\"sign\":\"***\""));
    assert!(replay(Profile::builtin(), &session).passes(false));
    let mut other = (*Profile::builtin()).clone();
    other.rules.order_lifetime_ms = 60_000;
    assert!(!replay(Arc::new(other), &session).passes(false));
    let cut: Vec<&str> = text.lines().take(3).collect();
    let cut = replay(Profile::builtin(), &Session::read(&cut.join("\n")).unwrap());
    assert!(cut.findings.is_empty() && !cut.passes(false) && cut.passes(true));
    let verdict = cut.verdict(true);
    assert!(verdict.waivers[0].starts_with("--allow-uncompared: "), "{verdict:?}");
    for text in [cut.junit(true), cut.html(true).unwrap()] {
        assert!(text.contains("waived") && text.contains(&verdict.waivers[0]), "{text}");
    }
    let reason = &cut.verdict(false).reasons[0];
    assert!(reason.contains("--allow-uncompared lets it pass"), "{reason}");
    assert!(cut.junit(false).contains(reason) && cut.html(false).unwrap().contains(reason));
}

/// A server that takes one connection, reads one request, and writes these bytes.
async fn scripted(answer: &'static [u8]) -> (String, tokio::task::JoinHandle<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let serving = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut got = Vec::new();
        while !got.windows(4).any(|it| it == b"\r\n\r\n") || !got.ends_with(b"}") {
            let mut piece = [0; 4096];
            let count = stream.read(&mut piece).await.unwrap();
            assert!(count > 0, "the request ends early");
            got.extend_from_slice(&piece[..count]);
        }
        stream.write_all(answer).await.unwrap();
        String::from_utf8(got).unwrap()
    });
    (url, serving)
}

async fn raw(url: &str, request: &str) -> Vec<u8> {
    let mut stream = TcpStream::connect(url.trim_start_matches("http://")).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut got = Vec::new();
    // A reset counts as an end.
    let _ = soon("the shadow to answer", stream.read_to_end(&mut got)).await;
    got
}

#[tokio::test]
async fn request_and_answer_go_through_untouched() {
    let answer =
        b"HTTP/1.1 302 Odd Words\r\nX-ODD-Case: 1\r\nSet-Cookie: a=1\r\nset-cookie: b=2\r\n\
        Content-Length: 14\r\nConnection: close\r\n\r\n{\"a\": 1.00, }\n";
    let (url, serving) = scripted(answer).await;
    let shadow = Watched::start(&url, Profile::builtin()).await;
    let body = "{ \"amount\": 1.00, \"x\":\"\\u0041\" }";
    let request = format!(
        "POST /pg/transaction/status?x=%20y HTTP/1.1\r\nHost: shadow.test\r\nX-Mine: a, b\r\n\
         authentication: t\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    );
    let got = String::from_utf8(raw(&shadow.url, &request).await).unwrap();
    let sent = serving.await.unwrap();
    let (head, told) = sent.split_once("\r\n\r\n").unwrap();
    assert_eq!(told, body);
    assert!(head.starts_with("POST /pg/transaction/status?x=%20y HTTP/1.1\r\n"), "{head}");
    assert!(head.contains("\r\nX-Mine: a, b\r\nauthentication: t\r\n"), "{head}");
    assert!(head.contains(&format!("\r\nHost: {}", url.trim_start_matches("http://"))), "{head}");
    assert!(got.starts_with("HTTP/1.1 302 Odd Words\r\n"), "{got}");
    assert!(got.contains("X-ODD-Case: 1\r\nSet-Cookie: a=1\r\nset-cookie: b=2\r\n"), "{got}");
    assert!(got.ends_with("\r\n\r\n{\"a\": 1.00, }\n"), "{got}");
    for added in ["date:", "x-payon"] {
        assert!(!got.to_ascii_lowercase().contains(added), "{got}");
    }
    let outcome = shadow.stop().await;
    assert_eq!(outcome.report.calls, 1);
    assert!(!outcome.report.passes(false));
    let capture = outcome.session.unwrap().write();
    assert!(!capture.contains("a=1") && !capture.contains("\"t\""), "{capture}");
}

#[tokio::test]
async fn an_answer_in_chunks_with_trailers_is_whole() {
    let answer = b"HTTP/1.1 302 Found\r\nContent-Type: application/json;charset=UTF-8\r\nTrailer: X-End\r\n\
        Transfer-Encoding: chunked\r\n\r\n7;x=y\r\n{\"resul\r\n3b\r\n\
        tMsg\":\"System error\",\"resultCode\":\"9999\",\"resultData\":null}\r\n0\r\nX-End: 1\r\n\r\n";
    let (url, serving) = scripted(answer).await;
    let shadow = Watched::start(&url, Profile::builtin()).await;
    let asked = json!({ "txId": "1", "amount": "1.00", "currency": "USD" });
    let got = shadow.call(Operation::Status, asked).await;
    assert_eq!(got.json()["resultCode"], "9999");
    serving.await.unwrap();
    let report = shadow.stop().await.report;
    assert!(report.passes(false), "{}", told(&report));
}

#[tokio::test]
async fn what_only_the_payer_did_at_the_gateway_and_another_reason_are_no_other_codes() {
    let mut other = (*Profile::builtin()).clone();
    other.sign.mode = payon_sim::profile::SignMode::IfPresent;
    let gateway = Simulator::builder().profile(other).start().await.unwrap();
    let shadow = Watched::start(gateway.url(), Profile::builtin()).await;
    shadow.call(Operation::Register, order("1", "CREDIT_DEBIT", "10", "1.00")).await;
    let space = gateway.default_space();
    let request = payon_sim::PayRequest {
        outcome: Some(payon_sim::Reason::CardDoNotHonour),
        ..payon_sim::PayRequest::default()
    };
    space.pay_with("1", request).await.unwrap();
    let told_by = shadow.call(Operation::Reversal, json!({ "txId": "1" })).await;
    assert_eq!(told_by.json()["resultMessage"], "Payment failed");
    let unsigned = json!({ "merchantId": MERCHANT, "termId": TERMINAL, "txId": "1" }).to_string();
    let unsigned = shadow.post("/pg/refund", &unsigned).await;
    assert_ne!(unsigned.json()["resultCode"], "2101", "the gateway asks for no signature");
    let report = shadow.stop().await.report;
    let found: Vec<_> = report
        .findings
        .iter()
        .map(|it| (it.place.class, it.place.reason.as_deref(), it.place.key.as_deref()))
        .collect();
    let expected = (DifferenceClass::Outcome, Some("sign.missing"), Some("sign.mode"));
    assert_eq!(found, [expected], "{}", told(&report));
}

#[tokio::test]
async fn what_the_gateway_did_or_refused_is_so_here_too_whatever_the_simulator_would_have_done() {
    let mut other = (*Profile::builtin()).clone();
    other.sign.mode = payon_sim::profile::SignMode::IfPresent;
    other.rules.khr_methods = vec![payon_sim::PaymentMethod::CreditDebit];
    let gateway = Simulator::builder().profile(other).start().await.unwrap();
    let space = gateway.default_space();
    let shadow = Watched::start(gateway.url(), Profile::builtin()).await;
    let riel = |tx: &str, method: &str| {
        let mut members = order(tx, method, "10", "4000");
        members["currency"] = "KHR".into();
        members
    };
    shadow.call(Operation::Register, riel("taken", "CREDIT_DEBIT")).await;
    shadow.call(Operation::Register, riel("refused", "BAKONG_KHQR")).await;
    space.pay("taken").await.unwrap();
    let unsigned = json!({
        "merchantId": MERCHANT, "termId": TERMINAL, "txId": "taken", "amount": "1000",
    });
    let refund = shadow.post("/pg/refund", &unsigned.to_string()).await;
    assert_eq!(refund.json()["resultCode"], "0000");
    let price = json!({ "txId": "taken", "amount": "4000", "currency": "KHR" });
    let status = shadow.call(Operation::Status, price).await;
    assert_eq!(status.json()["resultData"]["txStCd"], "PARTIALLY_REFUNDED");
    shadow.call(Operation::Refund, json!({ "txId": "taken" })).await;
    shadow.call(Operation::Refund, json!({ "txId": "taken" })).await;
    shadow.call(Operation::Refund, json!({ "txId": "refused" })).await;
    let today = payon_sim::base::wall_clock().day_first_digits();
    let days = json!({ "fromDate": &today[..8], "toDate": &today[..8], "index": 1, "limit": 9 });
    let list = shadow.call(Operation::Orders, days).await;
    assert_eq!(list.json().as_array().unwrap().len(), 1);
    let report = shadow.stop().await.report;
    let keys: Vec<_> = report.findings.iter().map(|it| it.place.key.as_deref()).collect();
    let told = told(&report);
    assert_eq!(keys.len(), 3, "{told}");
    assert!(report.findings.iter().all(|it| it.place.class == DifferenceClass::Outcome), "{told}");
    assert_eq!((report.compared, report.rows_skipped), (report.calls, 0), "{told}");
}

#[tokio::test]
async fn a_gateway_that_breaks_off_or_is_down_is_passed_on_as_it_is() {
    let request = "POST /pg/refund HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}";
    for (answer, expected) in
        [(&b""[..], ""), (b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\n{\"cut\"", "{\"cut\"")]
    {
        let (url, serving) = scripted(answer).await;
        let shadow = Watched::start(&url, Profile::builtin()).await;
        let got = String::from_utf8(raw(&shadow.url, request).await).unwrap();
        serving.await.unwrap();
        assert!(got.ends_with(expected) && got.is_empty() == expected.is_empty(), "{got}");
        let report = shadow.stop().await.report;
        assert_eq!((report.calls, report.compared), (1, 0));
        assert!(report.uncompared[0].why.contains("no whole answer") && !report.passes(false));
    }
    let nobody = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", nobody.local_addr().unwrap());
    drop(nobody);
    let shadow = Watched::start(&url, Profile::builtin()).await;
    let got = shadow.post("/pg/refund", "{}").await;
    assert_eq!(got.status, 502);
    assert_eq!(got.headers["x-payon-shadow"], "unreachable");
    assert!(!shadow.stop().await.report.passes(false));
}

#[tokio::test]
async fn pages_are_passed_on_and_counted() {
    let gateway = Simulator::builder().start().await.unwrap();
    let shadow = Watched::start(gateway.url(), Profile::builtin()).await;
    let made =
        shadow.call(Operation::Register, order("1", "CREDIT_DEBIT", "10", "1.00")).await.json();
    let link = made["resultData"]["checkoutUrl"].as_str().unwrap();
    let path = link.trim_start_matches(gateway.url());
    let page = shadow.client.get(&format!("{}{path}", shadow.url)).await;
    assert_eq!(page.status, 200);
    let report = shadow.stop().await.report;
    assert_eq!((report.calls, report.passed), (1, 1));
}

#[tokio::test]
async fn a_call_with_another_method_is_compared_live_and_from_the_capture() {
    let gateway = Simulator::builder().start().await.unwrap();
    let shadow = Watched::start(gateway.url(), Profile::builtin()).await;
    let url = format!("{}/pg/order/register", shadow.url);
    for method in ["PUT", "GET", "HEAD"] {
        assert_eq!(shadow.client.send(method, &url, "{}".to_owned()).await.status, 405);
    }
    shadow.call(Operation::Register, order("1", "CREDIT_DEBIT", "10", "1.00")).await;
    let outcome = shadow.stop().await;
    let report = &outcome.report;
    assert_eq!((report.calls, report.compared, report.passed), (4, 4, 0));
    assert!(report.passes(false), "{}", told(report));
    // A gateway that takes what the simulator refuses for its method, live or in a capture.
    let mut session = outcome.session.unwrap();
    for line in &mut session.lines {
        if let SessionLine::Call(call) = line {
            call.method = "PATCH".to_owned();
        }
    }
    let again = replay(Profile::builtin(), &session);
    let accepted = again.findings.iter().find(|it| it.place.class.name() == "outcome").unwrap();
    assert_eq!(accepted.place.reason.as_deref(), Some("request.wrong-method"), "{}", told(&again));
    assert!(!again.passes(true));
}

#[tokio::test]
async fn push_backs_are_passed_on_and_held_against_the_policy() {
    let mut other = (*Profile::builtin()).clone();
    other.pushback.content_type = "text/plain".to_owned();
    other.pushback.retries_s = vec![1, 1];
    let gateway = Simulator::builder().profile(other).start().await.unwrap();
    let merchant = Sink::start().await;
    let to = WebUrl::parse(&merchant.url("/payon/noti")).unwrap();
    let shadow = Watched::with(gateway.url(), Profile::builtin(), |settings| {
        settings.pushback_to = Some(to);
    })
    .await;
    let mut members = order("1", "CREDIT_DEBIT", "10", "1.00");
    members["noti_url"] = format!("{}/_shadow/pushback", shadow.url).into();
    shadow.call(Operation::Register, members).await;
    merchant.reply(crate::support::Reply::Status(500, "later"));
    gateway.default_space().pay("1").await.unwrap();
    let first = merchant.next().await;
    assert_eq!((first.path.as_str(), first.json()["txId"].as_str()), ("/payon/noti", Some("1")));
    assert_eq!(first.headers["content-type"], "text/plain");
    merchant.reply(crate::support::Reply::Status(200, ""));
    merchant.next().await;
    gateway
        .default_space()
        .wait_until_acknowledged("1", std::time::Duration::from_secs(20))
        .await
        .unwrap();
    let price = json!({ "txId": "1", "amount": "1.00", "currency": "USD" });
    let status = shadow.call(Operation::Status, price).await;
    assert_eq!(status.json()["resultData"]["txStCd"], "COMPLETE");
    let report = shadow.stop().await.report;
    assert_eq!((report.pushbacks, report.compared), (2, 2));
    let places: Vec<_> =
        report.findings.iter().map(|it| (it.place.class, it.place.path.as_str())).collect();
    assert_eq!(
        places,
        [
            (DifferenceClass::Schedule, "retries_s"),
            (DifferenceClass::Notice, "header content-type"),
        ],
        "{}",
        told(&report)
    );
    assert_eq!(report.findings[1].samples[0].upstream, "text/plain");
}
