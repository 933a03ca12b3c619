//! A request that is wrong in several ways is refused for the same reason every time: each row below
//! mends the first fault of the row above it.

use payon_sim::base::{Fields, Operation, Reason, Seed};
use payon_sim::crypto;
use payon_sim::gateway::{self, Call, PayRequest};
use payon_sim::profile::Profile;
use payon_sim::space::{Budgets, Spaces};

const TOKEN: &str = "the-token";

/// A signature by the merchant's own key over `body`, put into it.
fn signed(spaces: &Spaces, body: &str) -> String {
    let merchant = spaces.default_space().merchant("C0000143").expect("documented");
    let recipe = &spaces.profile().sign.recipe;
    let key = merchant.sign_key(recipe).expect("has a private key").expect("a good key");
    let fields = Fields::parse(body.as_bytes()).expect("JSON");
    let sign = crypto::sign(recipe, &key, &fields).expect("signed");
    body.replacen('{', &format!(r#"{{"sign":"{sign}","#), 1)
}

fn reason(spaces: &Spaces, operation: Operation, token: Option<&str>, body: &str) -> Reason {
    let origin = "http://sim.test";
    let call = Call {
        operation,
        space: None,
        token,
        scenario: None,
        origin: origin.into(),
        body: body.as_bytes(),
        trace_headers: None,
    };
    gateway::answer(spaces, call).reason
}

fn world() -> std::sync::Arc<Spaces> {
    let (spaces, _) = Spaces::new(Profile::builtin(), Seed(3), Budgets::default());
    let space = spaces.default_space();
    space.change_merchant("C0000143", |merchant| merchant.token = Some(TOKEN.to_owned()));
    for (tx_id, trt) in [("paid", "10"), ("held", "12"), ("open", "10")] {
        let body = format!(
            r#"{{"termId":"CT03000003","merchantId":"C0000143","txId":"{tx_id}","trt":"{trt}","currency":"USD","amount":"10.00","paymentMethod":"CREDIT_DEBIT"}}"#
        );
        assert_eq!(reason(&spaces, Operation::Register, Some(TOKEN), &body), Reason::Success);
    }
    for tx_id in ["paid", "held"] {
        let (request, trace) = (PayRequest::default(), space.next_trace());
        gateway::pay(space, "C0000143", tx_id, &request, trace).expect("paid");
    }
    spaces
}

#[test]
fn refund() {
    let spaces = world();
    let refused = |token, body: &str| reason(&spaces, Operation::Refund, token, body);
    let body = |term: &str, tx_id: &str, amount: &str| {
        format!(
            r#"{{"txId":"{tx_id}","merchantId":"C0000143","termId":"{term}","amount":{amount}}}"#
        )
    };
    assert_eq!(refused(None, r#"{"txId":"#), Reason::MalformedJson);
    assert_eq!(refused(None, r#"{"txId":[],"merchantId":"nobody"}"#), Reason::FieldInvalid);
    assert_eq!(refused(None, r#"{"txId":"none","merchantId":"nobody"}"#), Reason::FieldMissing);
    let unread = r#"{"txId":"none","merchantId":"nobody","termId":"nowhere","amount":"0"}"#;
    assert_eq!(refused(None, unread), Reason::AmountInvalid);
    let nobody = r#"{"txId":"none","merchantId":"nobody","termId":"nowhere","amount":"99"}"#;
    assert_eq!(refused(None, nobody), Reason::MerchantUnknown);
    assert_eq!(refused(None, &body("nowhere", "none", "99")), Reason::TerminalUnknown);
    assert_eq!(refused(None, &body("CT03000003", "none", "99")), Reason::TokenInvalid);
    assert_eq!(refused(Some(TOKEN), &body("CT03000003", "none", "99")), Reason::SignMissing);
    let forged = signed(&spaces, &body("CT03000003", "paid", "99")).replace("paid", "none");
    assert_eq!(refused(Some(TOKEN), &forged), Reason::SignInvalid);
    let right = |tx_id: &str, amount: &str| signed(&spaces, &body("CT03000003", tx_id, amount));
    assert_eq!(refused(Some(TOKEN), &right("none", "99")), Reason::OrderNotFound);
    assert_eq!(refused(Some(TOKEN), &right("open", "99")), Reason::OrderPending);
    assert_eq!(refused(Some(TOKEN), &right("held", "99")), Reason::NotCaptured);
    assert_eq!(refused(Some(TOKEN), &right("paid", "99")), Reason::AmountExceedsCaptured);
    assert_eq!(refused(Some(TOKEN), &right("paid", "4")), Reason::Success);
    assert_eq!(refused(Some(TOKEN), &right("paid", "6")), Reason::Success);
    assert_eq!(refused(Some(TOKEN), &right("paid", "99")), Reason::AlreadyRefunded);
}

#[test]
fn completion() {
    let spaces = world();
    let refused = |body: &str| {
        reason(&spaces, Operation::PreAuthCompletion, Some(TOKEN), &signed(&spaces, body))
    };
    let body = |tx_id: &str, currency: &str, amount: &str| {
        format!(
            r#"{{"txId":"{tx_id}","merchantId":"C0000143","termId":"CT03000003","currency":"{currency}","amount":"{amount}"}}"#
        )
    };
    assert_eq!(refused(&body("none", "EUR", "x")), Reason::CurrencyUnsupported);
    assert_eq!(refused(&body("none", "KHR", "0.5")), Reason::AmountInvalid);
    assert_eq!(refused(&body("none", "KHR", "99")), Reason::OrderNotFound);
    assert_eq!(refused(&body("paid", "KHR", "99")), Reason::NotAuthorised);
    assert_eq!(refused(&body("held", "KHR", "99")), Reason::CurrencyMismatch);
    assert_eq!(refused(&body("held", "USD", "99")), Reason::AmountExceedsAuthorised);
    assert_eq!(refused(&body("held", "USD", "4")), Reason::Success);
    assert_eq!(refused(&body("held", "USD", "99")), Reason::AlreadyCaptured);
}

#[test]
fn register() {
    let spaces = world();
    let refused = |token, body: &str| reason(&spaces, Operation::Register, token, body);
    let body = |term: &str, trt: &str, currency: &str, method: &str| {
        format!(
            r#"{{"termId":"{term}","merchantId":"C0000143","txId":"paid","trt":"{trt}","currency":"{currency}","amount":"4000","paymentMethod":"{method}"}}"#
        )
    };
    let card = "CREDIT_DEBIT";
    assert_eq!(refused(None, &body("x", "11", "KHR", "CASH")), Reason::FieldInvalid);
    assert_eq!(refused(None, &body("x", "12", "KHR", "PAYON")), Reason::TerminalUnknown);
    assert_eq!(refused(None, &body("CT03000003", "12", "KHR", "PAYON")), Reason::TokenInvalid);
    let admitted = |body: &str| refused(Some(TOKEN), body);
    assert_eq!(admitted(&body("CT03000003", "12", "KHR", "PAYON")), Reason::PreAuthMethod);
    assert_eq!(admitted(&body("CT03000003", "12", "KHR", card)), Reason::CurrencyUnsupported);
    assert_eq!(admitted(&body("CT03000003", "12", "USD", card)), Reason::OrderDuplicate);
    let fresh = body("CT03000003", "12", "USD", card).replace("paid", "fresh");
    assert_eq!(admitted(&fresh), Reason::Success);
    assert_eq!(admitted(&fresh), Reason::Success, "the identical request again");
}
