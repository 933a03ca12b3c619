//! Replies beyond their success: what a refusal repeats and tells, and what the overlay of a profile changes.

use std::collections::BTreeMap;

use payon_sim::base::{Operation, Reason, Seed};
use payon_sim::gateway::{self, Call, GatewayReply};
use payon_sim::profile::{ReplyChange, ReplyChanges, ReplyKind};
use serde_json::{Value, json};

use crate::direct::{Direct, MERCHANT};

/// A refund of the order `tx_id`, as the server gets it from the gateway.
fn refund(gateway: &Direct, tx_id: &str) -> (Value, GatewayReply) {
    let body = format!(r#"{{"merchantId":"{MERCHANT}","termId":"CT03000003","txId":"{tx_id}"}}"#);
    let call = Call {
        operation: Operation::Refund,
        space: None,
        token: None,
        scenario: None,
        origin: "http://pay.test".into(),
        body: body.as_bytes(),
        trace_headers: None,
    };
    let reply = gateway::answer(&gateway.spaces, call);
    (serde_json::from_slice(&reply.body).expect("JSON"), reply)
}

/// A gateway that looks at no signature, with a paid order `tx` and these changes of its replies.
fn paid(changes: Vec<ReplyChange>) -> Direct {
    let gateway = Direct::with(Seed(42), |profile| {
        profile.sign.operations.clear();
        profile.replies = ReplyChanges(changes);
    });
    assert_eq!(gateway.register("tx", "CREDIT_DEBIT", "").reason, Reason::Success);
    gateway.pay("tx", "{}").expect("paid");
    gateway
}

#[test]
fn an_overlay_changes_the_replies_that_it_names_and_no_others() {
    let texts = |name: &str, value: &str| BTreeMap::from([(name.to_owned(), value.to_owned())]);
    let taken = ReplyChange {
        on: vec![Operation::Refund],
        of: ReplyKind::Success,
        add: texts("traceId", "\"abc\""),
        headers: texts("cache-control", "no-store"),
        ..ReplyChange::default()
    };
    let refused = ReplyChange {
        on: vec![Operation::Refund],
        of: ReplyKind::Refusal,
        latency: vec![(350, 1)],
        ..ReplyChange::default()
    };
    let gateway = paid(vec![taken, refused]);
    let (body, reply) = refund(&gateway, "tx");
    let extras = reply.change.expect("changed");
    assert_eq!((&body["resultCode"], &body["traceId"]), (&json!("0000"), &json!("abc")));
    assert_eq!(extras.headers, [("cache-control".to_owned(), "no-store".to_owned())]);
    assert_eq!(extras.delay_ms, 0);
    let (body, reply) = refund(&gateway, "none");
    let extras = reply.change.expect("late");
    assert_eq!((reply.reason, body.get("traceId")), (Reason::OrderNotFound, None));
    assert_eq!((extras.headers.len(), extras.delay_ms), (0, 175));
    let (body, reply) = refund(&paid(Vec::new()), "tx");
    assert!(body.get("traceId").is_none() && reply.change.is_none());
}

#[test]
fn a_refusal_repeats_the_order_and_tells_only_what_payon_tells() {
    let gateway = paid(Vec::new());
    let (body, reply) = refund(&gateway, "none");
    assert_eq!((&body["txId"], &body["merchantId"]), (&json!("none"), &json!(MERCHANT)));
    assert_eq!(body["termId"], "CT03000003");
    assert_eq!(gateway.journal(reply.trace).tx_id.as_deref(), Some("none"));
    let elsewhere = gateway
        .post("/pg/refund", &format!(r#"{{"merchantId":"{MERCHANT}","termId":"T0","txId":"tx"}}"#));
    assert_eq!((elsewhere.status, elsewhere.reason), (200, Reason::TerminalUnknown));
    assert!(!elsewhere.text.contains("is not one of"), "{}", elsewhere.text);
    let detail = gateway.journal(elsewhere.trace).more().detail.clone();
    assert!(detail.contains("is not one of"), "{detail}");
}

#[test]
fn all_members_that_are_missing_are_named_at_once() {
    let gateway = paid(Vec::new());
    for (body, told) in [
        ("{}", "txId is missing, and this operation requires it; also missing: merchantId, termId"),
        (r#"{"txId":"tx","termId":"T"}"#, "merchantId is missing, and this operation requires it"),
        (r#"{"txId":5}"#, "txId must be a JSON string, not a number"),
    ] {
        let refused = gateway.post("/pg/refund", body);
        assert_eq!(gateway.journal(refused.trace).more().detail, told, "{body}");
        let message = refused.json()["resultMessage"].as_str().expect("a text").to_owned();
        assert!(message.ends_with(&format!(": {told}")), "{message}");
    }
}

#[test]
fn a_status_call_says_why_a_payment_is_no_success() {
    let gateway = Direct::with(Seed(42), |profile| profile.sign.operations.clear());
    for (tx_id, request, reason) in [
        ("open", None, Reason::OrderPending),
        ("failed", Some(r#"{"outcome":"card.lost"}"#), Reason::OrderFailed),
        ("cancelled", Some(r#"{"outcome":"payer.cancelled"}"#), Reason::OrderCancelled),
        ("expired", Some(r#"{"outcome":"order.expired"}"#), Reason::OrderExpired),
        ("paid", Some("{}"), Reason::Success),
    ] {
        assert_eq!(gateway.register(tx_id, "CREDIT_DEBIT", "").reason, Reason::Success);
        if let Some(request) = request {
            gateway.pay(tx_id, request).expect("tried");
        }
        let body =
            format!(r#"{{"merchantId":"{MERCHANT}","termId":"CT03000003","txId":"{tx_id}"}}"#);
        assert_eq!(gateway.post("/pg/transaction/status", &body).reason, reason, "{tx_id}");
    }
}
