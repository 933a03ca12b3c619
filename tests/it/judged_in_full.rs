//! What was not checked is told, and never ok: requests that came to no handler, orders that are forgotten, turns of a rule that
//! never came, steps that the gateway refused.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;

use serde_json::{Value, json};

use crate::binary::{has_tool, run};
use crate::merchant_under_test::Bench;

/// The only outcome of a scenario with a shop.
fn outcome(scenario: &str, merchant: &str) -> Value {
    let told = run(&["run", scenario, "--merchant", merchant, "--format", "json"]);
    let json: Value = serde_json::from_str(&told.out).unwrap_or_else(|_| panic!("{told:?}"));
    let verdict = &json["stories"][0]["verdict"];
    assert_eq!(told.code == Some(0), verdict == "ok", "{}: {}", told.out, told.err);
    json["stories"][0].clone()
}

/// Makes sure that the scenario has this verdict, and that the text stands in its gaps, its verdicts or its error.
#[track_caller]
fn assert_told(outcome: &Value, verdict: &str, part: &str) {
    assert_eq!(outcome["verdict"], verdict, "{outcome:#}");
    let parts = [&outcome["gaps"], &outcome["verdicts"], &outcome["error"]];
    assert!(parts.iter().any(|it| it.to_string().contains(part)), "{part:?}: {outcome:#}");
}

/// A server that answers everything with 200; its address.
fn says_yes() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let _ = stream.read(&mut [0; 4096]);
            let _ = stream
                .write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\n{}");
        }
    });
    format!("http://{address}")
}

/// A scenario file.
fn scenario(bench: &Bench, id: &str, rest: &str) -> String {
    bench.write(&format!("{id}.yaml"), &format!("version: 1\nid: {id}\ntitle: A test\n{rest}"))
}

const FORGED: &str = "rules:\n  - { id: forge, when: { operation: register }, then: [pushback: { forged: true }] }\n\
    drive: [register, idle]\nexpect:\n  - shop: { believes: [pending, unpaid], shipped: never }\n";

/// The drive of an attack on an unpaid order.
fn attack(bench: &Bench, id: &str, to: &str) -> String {
    let text = format!(
        "drive:\n  - register\n  - probe: {{ to: {to}, method: POST, body: '{{\"txId\":\"${{txId}}\",\"resultCode\":\"0000\"}}' }}\n  - idle\n\
         expect:\n  - shop: {{ balanced: true }}\n"
    );
    scenario(bench, id, &text)
}

#[test]
fn an_attack_that_came_to_no_handler_of_the_shop_was_not_made() {
    if !has_tool("python3") {
        return;
    }
    let bench = Bench::new();
    let (forged, probed) =
        (scenario(&bench, "FORGED", FORGED), attack(&bench, "PROBED", "pushback"));
    let trusting =
        |more: &str, rest: &str| bench.mini(&format!(", MISTAKE: trusts-push-back{more}"), rest);
    for name in [&probed, &forged] {
        assert_eq!(outcome(name, &trusting("", ""))["verdict"], "failed");
    }
    let foreign = says_yes();
    for (url, why) in [
        ("http://127.0.0.1:${port}/nope", "was answered with HTTP 404"),
        ("http://127.0.0.1:9/noti", "is not at 127.0.0.1:"),
        (&*format!("{foreign}/noti"), "is not at 127.0.0.1:"),
    ] {
        let file = trusting(&format!(", NOTI_URL: \"{url}\""), "");
        for name in [&probed, &forged] {
            assert_told(&outcome(name, &file), "partly judged", why);
        }
    }
    // The file may say that the shop answers there as well.
    let named = format!("addresses: {{ noti: \"{foreign}/noti\" }}\n");
    let file = bench.mini(&format!(", NOTI_URL: \"{foreign}/noti\""), &named);
    assert_eq!(outcome(&forged, &file)["verdict"], "ok");
}

#[test]
fn an_answer_of_404_is_a_refusal_only_where_the_address_has_a_handler() {
    if !has_tool("python3") {
        return;
    }
    let bench = Bench::new();
    let unknown = |steps: &str| {
        let text = format!(
            "drive: [register, {steps}{{ probe: {{ to: pushback, body: '{{\"txId\":\"X\"}}' }} }}, idle]\n\
             expect:\n  - shop: {{ balanced: true }}\n"
        );
        scenario(&bench, "UNKNOWN", &text)
    };
    let file = bench.mini("", "");
    assert_told(&outcome(&unknown(""), &file), "partly judged", "HTTP 404");
    assert_eq!(outcome(&unknown("pay, "), &file)["verdict"], "ok");
}

#[test]
fn a_payer_who_comes_back_to_no_page_did_not_come_back() {
    if !has_tool("python3") {
        return;
    }
    let bench = Bench::new();
    let probed = attack(&bench, "PROBED", "success");
    let back = scenario(
        &bench,
        "BACK",
        "drive: [register, pay, return: { to: success }, idle]\nexpect:\n  - shop: { balanced: true }\n",
    );
    for (more, why) in [
        (", PAGE: \"500\"", "cannot be opened"),
        (", PAGE: \"http://127.0.0.1:9/login\"", "cannot be opened"),
        (", PAGES_URL: \"http://127.0.0.1:${port}/nope\"", "no such page"),
    ] {
        let file = bench.mini(more, "");
        assert_told(&outcome(&back, &file), "partly judged", why);
        let why = if more.contains("nope") { "HTTP 404" } else { "does not show" };
        assert_told(&outcome(&probed, &file), "partly judged", why);
    }
    for more in ["", ", PAGE: /healthz"] {
        let file = bench.mini(more, "");
        assert_eq!(outcome(&back, &file)["verdict"], "ok");
        assert_eq!(outcome(&probed, &file)["verdict"], "ok");
    }
    // Where the shop names no address, that of the file counts, for an attack as for the payer.
    let named = "addresses: { success: /thanks/1 }\n";
    let trusting = bench.mini(", PAGES_URL: \"\", MISTAKE: trusts-return", named);
    assert_eq!(outcome(&probed, &trusting)["verdict"], "failed");
}

#[test]
fn an_order_with_money_that_the_shop_has_forgotten_is_found() {
    if !has_tool("python3") {
        return;
    }
    let bench = Bench::new();
    let forgets = || bench.mini(", MISTAKE: forgets", "");
    let drive = "drive: [register, pay, idle, restart, idle]\nexpect:\n";
    for expect in ["balanced: true", "believes: paid"] {
        let text = format!("{drive}  - shop: {{ {expect} }}\n");
        let kept = scenario(&bench, "KEPT", &text);
        assert_told(&outcome(&kept, &forgets()), "failed", "known");
        assert_eq!(outcome(&kept, &bench.mini("", ""))["verdict"], "ok");
    }
    let audited = run(&["audit", "--merchant", &forgets(), "--only", "P30", "--format", "json"]);
    let audited: Value = serde_json::from_str(&audited.out).expect("a report");
    assert_ne!(audited["findings"], json!([]), "{audited:#}");
    // Of an order without money nothing is known any more, which is no fault by itself.
    let open = scenario(
        &bench,
        "OPEN",
        "drive: [register, idle, restart]\nexpect:\n  - shop: { shipped: never }\n",
    );
    assert_told(&outcome(&open, &forgets()), "partly judged", "says nothing of it any more");
}

#[test]
fn a_yes_does_not_say_how_often_goods_were_shipped() {
    if !has_tool("python3") {
        return;
    }
    let bench = Bench::new();
    let file = bench.mini(", SAYS: \"yes\", MISTAKE: ships-twice", "");
    for (expect, verdict) in [
        ("shipped: once", "partly judged"),
        ("balanced: true", "partly judged"),
        ("shipped: never", "failed"),
    ] {
        let text = format!("drive: [register, pay, idle]\nexpect:\n  - shop: {{ {expect} }}\n");
        let outcome = outcome(&scenario(&bench, "SHIPPED", &text), &file);
        assert_eq!(outcome["verdict"], verdict, "{outcome:#}");
        assert!(verdict == "failed" || outcome.to_string().contains("answer a number"));
    }
    let unpaid = "drive: [register, idle]\nexpect:\n  - shop: { balanced: true }\n";
    assert_eq!(outcome(&scenario(&bench, "UNPAID", unpaid), &file)["verdict"], "ok");
    let told = run(&["merchant", "check", &file]);
    assert!(told.out.contains("none ask.shipped   a yes says not how often"), "{}", told.out);
}

#[test]
fn a_shop_is_asked_before_anybody_pays() {
    if !has_tool("python3") {
        return;
    }
    let bench = Bench::new();
    let told = run(&["merchant", "check", &bench.mini(", SAYS: sold", "")]);
    assert_eq!(told.code, Some(1), "{}", told.out);
    assert!(told.out.contains("FAIL ask, unpaid   believes paid, shipped 1×"), "{}", told.out);
    let told = run(&["merchant", "check", &bench.mini(", MISTAKE: forgets", "")]);
    assert!(told.out.contains("FAIL ask again     the shop knew this order"), "{}", told.out);
    // A pointer that leads nowhere is no lost order.
    let file = bench.mini("", "");
    let text = std::fs::read_to_string(&file).expect("the file");
    let told = run(&[
        "merchant",
        "check",
        &bench.write("wrong.yaml", &text.replace(": /shipped", ": /nope")),
    ]);
    assert!(
        told.out.contains("FAIL ask again     ask, GET /orders/1: there is nothing at `/nope`"),
        "{}",
        told.out
    );
}

/// The verdict on a scenario of the built-in merchant, with its gaps.
fn built_in(bench: &Bench, rest: &str) -> (Value, String) {
    let told = run(&["run", &scenario(bench, "ALONE", rest), "--format", "json"]);
    let json: Value = serde_json::from_str(&told.out).unwrap_or_else(|_| panic!("{told:?}"));
    let outcome = &json["stories"][0];
    (outcome["verdict"].clone(), outcome["gaps"].to_string())
}

#[test]
fn a_report_of_a_paying_app_that_the_gateway_refused_did_not_happen() {
    let bench = Bench::new();
    let expect = "expect:\n  - order: { exactly: 1 }\n";
    for drive in [
        "[register, qrCompletion, idle]",
        "[{ register: { paymentMethod: BAKONG_KHQR } }, qrCompletion, qrCompletion, idle]",
    ] {
        let (verdict, gaps) = built_in(&bench, &format!("drive: {drive}\n{expect}"));
        assert_eq!(verdict, "partly judged", "{gaps}");
        assert!(gaps.contains("step `qrCompletion` of `drive`: the gateway refused it"), "{gaps}");
    }
    // Where the refusal is what is expected nothing is missing.
    let wanted = "expect:\n  - request: { operation: notifyCompletion, reason: method.not-offered, exactly: 1 }\n";
    let refused = format!("drive: [register, qrCompletion, idle]\n{wanted}");
    assert_eq!(built_in(&bench, &refused).0, "ok");
    let once = "[{ register: { paymentMethod: BAKONG_KHQR } }, qrCompletion, idle]";
    assert_eq!(built_in(&bench, &format!("drive: {once}\n{expect}")).0, "ok");
}

#[test]
fn a_turn_of_a_rule_that_never_came_is_told() {
    let bench = Bench::new();
    let told = |rule: &str, refunds: &str| {
        let text = format!(
            "rules:\n  - {{ id: r, {rule} }}\ndrive: [register: {{ amount: \"10.00\" }}, pay, {refunds}idle]\n\
             expect:\n  - order: {{ approved: once }}\n"
        );
        built_in(&bench, &text)
    };
    let (one, two) = (
        "refund: { amount: \"1.00\" }, ",
        "refund: { amount: \"1.00\" }, refund: { amount: \"2.00\" }, ",
    );
    let turns = "when: { operation: refund }, sequence: [[latency: 1s], [latency: 2s], []]";
    let nth = "when: { operation: refund, nth: [1, 2] }, then: [latency: 1s]";
    for rule in [turns, nth] {
        let (verdict, gaps) = told(rule, one);
        assert_eq!(verdict, "partly judged", "{rule}: {gaps}");
        assert!(
            gaps.contains("at fitting call 2") && gaps.contains("1 came for one order"),
            "{gaps}"
        );
        assert_eq!(told(rule, two).0, "ok", "{rule}");
        assert_eq!(told(&format!("optional: true, {rule}"), one).0, "ok", "{rule}");
    }
}

#[test]
fn a_push_back_that_nobody_was_to_get_was_not_dropped() {
    if !has_tool("python3") {
        return;
    }
    let bench = Bench::new();
    let text = "rules:\n  - { id: quiet, when: { operation: pay }, then: [pushback: { drop: true }] }\n\
        drive: [register, pay, idle]\nexpect:\n  - order: { approved: once }\n";
    let dropped = scenario(&bench, "DROPPED", text);
    let none = bench.mini(", NOTI_URL: \"\"", "");
    assert_told(&outcome(&dropped, &none), "partly judged", "`pushback`) had nothing to act on");
    assert_eq!(outcome(&dropped, &bench.mini("", ""))["verdict"], "ok");
}
