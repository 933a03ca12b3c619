//! The checkout link: made with the gateway's public key alone, opened into an order.

use payon_sim::base::{OrderState, Reason, Seed};
use payon_sim::crypto::{Encoding, Padding, encrypt};
use payon_sim::gateway::link::{make, open};
use payon_sim::gateway::{CheckoutToken, Refused};
use payon_sim::profile::{IdenticalRegister, Profile};

use crate::direct::{Direct, MERCHANT, NOON};

fn order_json(tx_id: &str, more: &str) -> String {
    format!(
        r#"{{"merchantId":"{MERCHANT}","termId":"CT03000003","txId":"{tx_id}","trt":"10","currency":"USD","amount":"2.00","paymentMethod":"CREDIT_DEBIT","noti_url":"http://shop.test/noti","success_url":"http://shop.test/ok","fail_url":"http://shop.test/no","cancel_url":"http://shop.test/cart"{more}}}"#
    )
}

fn data(json: &str) -> String {
    let profile = Profile::builtin();
    let key = profile.gateway_key.public_key().expect("a key");
    make(key, Padding::Pkcs1, json).expect("encrypted")
}

fn reason(opened: Result<CheckoutToken, Refused>) -> Reason {
    opened.expect_err("refused").reason
}

#[test]
fn a_link_becomes_an_order_once() {
    let gateway = Direct::new();
    let data = data(&order_json("tx", ""));
    assert!(data.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte)));
    let token = open(gateway.space(), MERCHANT, &data).expect("opened");
    let (_, id) =
        CheckoutToken::resolve(&token.to_string(), &gateway.spaces, None).expect("a page");
    let order = gateway.order("tx");
    assert_eq!((order.id, order.state), (id.position(), OrderState::Registered));
    assert_eq!(order.details().success_url.as_deref(), Some("http://shop.test/ok"));
    assert_eq!(order.details().noti_url.as_deref(), Some("http://shop.test/noti"));
    assert_eq!(open(gateway.space(), MERCHANT, &data).expect("opened again"), token);
    // The request on the merchant's own wire finds the same order.
    assert_eq!(gateway.post("/pg/order/register", &order_json("tx", "")).reason, Reason::Success);
    assert_eq!(gateway.space().write(|moment| moment.ledger().len()), 1);
}

#[test]
fn a_link_is_opened_again_even_where_registering_again_is_refused() {
    let gateway = Direct::with(Seed(1), |profile| {
        profile.rules.identical_register = IdenticalRegister::Refuse;
    });
    let data = data(&order_json("tx", ""));
    let token = open(gateway.space(), MERCHANT, &data).expect("opened");
    assert_eq!(open(gateway.space(), MERCHANT, &data).expect("opened again"), token);
}

#[test]
fn every_padding_opens() {
    let gateway = Direct::new();
    let profile = Profile::builtin();
    let key = profile.gateway_key.public_key().expect("a key");
    for (tx_id, padding) in
        [("a", Padding::Pkcs1), ("b", Padding::OaepSha1), ("c", Padding::OaepSha256)]
    {
        let url_safe = make(key, padding, &order_json(tx_id, "")).expect("encrypted");
        assert!(open(gateway.space(), MERCHANT, &url_safe).is_ok(), "{padding}");
        let again = order_json(tx_id, "");
        let plain = encrypt(key, padding, Encoding::Base64, again.as_bytes()).expect("encrypted");
        assert!(open(gateway.space(), MERCHANT, &plain).is_ok(), "{padding}, standard Base64");
    }
}

#[test]
fn a_tampered_link_is_refused() {
    let gateway = Direct::new();
    let good = data(&order_json("tx", ""));
    let flipped = |at: usize| {
        let other = if good.as_bytes()[at] == b'A' { "B" } else { "A" };
        format!("{}{other}{}", &good[..at], &good[at + 1..])
    };
    let half = data("{\"merchantId\":");
    for bad in ["", "x", "£", &good[..340], &flipped(3), &flipped(400), &half, &data("[]")] {
        let refused = open(gateway.space(), MERCHANT, bad).expect_err(bad);
        assert_eq!(refused.reason, Reason::LinkInvalid, "{bad}");
        assert!(!refused.detail.is_empty());
    }
    let long = "A".repeat(20_000);
    assert_eq!(reason(open(gateway.space(), MERCHANT, &long)), Reason::LinkInvalid);
    let odd = data(&order_json("tx", r#","issuedAt":"yesterday""#));
    assert_eq!(reason(open(gateway.space(), MERCHANT, &odd)), Reason::LinkInvalid);
    assert!(gateway.space().write(|moment| moment.ledger().is_empty()));
}

#[test]
fn what_a_registration_is_refused_for_refuses_the_link() {
    let gateway = Direct::new();
    let opened = |json: &str| reason(open(gateway.space(), MERCHANT, &data(json)));
    let good = order_json("tx", "");
    assert_eq!(opened(&good.replace("\"trt\":\"10\",", "")), Reason::FieldMissing);
    assert_eq!(opened(&good.replace("2.00", "2.001")), Reason::AmountInvalid);
    assert_eq!(opened(&good.replace("CT03000003", "CT9")), Reason::TerminalUnknown);
    assert_eq!(
        opened(&good.replace("CREDIT_DEBIT", "PAYON").replace("\"10\"", "\"12\"")),
        Reason::PreAuthMethod
    );
    let bound =
        order_json("tx", r#","clientId":"02","bindingId":"7ce4dda7-b9f8-4343-883b-e5ff6295e5f9""#);
    assert_eq!(opened(&bound), Reason::BindingNotFound);
    open(gateway.space(), MERCHANT, &data(&good)).expect("opened");
    assert_eq!(opened(&good.replace("2.00", "3.00")), Reason::OrderDuplicate);
}

#[test]
fn a_link_of_another_merchant_is_refused() {
    let gateway = Direct::new();
    let data = data(&order_json("tx", ""));
    assert_eq!(reason(open(gateway.space(), "O0000021", &data)), Reason::LinkForeign);
    let unknown = order_json("tx", "").replace(MERCHANT, "C9");
    assert_eq!(reason(open(gateway.space(), "C9", &self::data(&unknown))), Reason::MerchantUnknown);
}

#[test]
fn a_link_ends_with_its_time() {
    let gateway = Direct::new();
    let lifetime = gateway.spaces.profile().checkout.link_lifetime_ms;
    let dated = data(&order_json("dated", &format!(r#","issuedAt":{}"#, NOON.0)));
    let texted = data(&order_json("texted", &format!(r#","issuedAt":"{}""#, NOON.0)));
    let undated = data(&order_json("undated", ""));
    gateway.advance(lifetime);
    assert!(open(gateway.space(), MERCHANT, &dated).is_ok(), "just in time");
    assert!(open(gateway.space(), MERCHANT, &undated).is_ok(), "its time begins now");
    gateway.advance(1);
    assert_eq!(reason(open(gateway.space(), MERCHANT, &texted)), Reason::LinkExpired);
    assert_eq!(reason(open(gateway.space(), MERCHANT, &dated)), Reason::LinkExpired);
    assert!(open(gateway.space(), MERCHANT, &undated).is_ok());
    gateway.advance(lifetime);
    assert_eq!(reason(open(gateway.space(), MERCHANT, &undated)), Reason::OrderExpired);
}

#[test]
fn a_link_without_issue_time_counts_from_its_first_opening() {
    let gateway = Direct::with(Seed(1), |profile| profile.checkout.link_lifetime_ms = 60_000);
    let undated = data(&order_json("tx", ""));
    open(gateway.space(), MERCHANT, &undated).expect("opened");
    gateway.advance(60_001);
    assert_eq!(reason(open(gateway.space(), MERCHANT, &undated)), Reason::LinkExpired);
}

#[test]
fn a_paid_link_says_so() {
    let gateway = Direct::new();
    let data = data(&order_json("tx", ""));
    open(gateway.space(), MERCHANT, &data).expect("opened");
    gateway.pay("tx", "{}").expect("paid");
    assert_eq!(reason(open(gateway.space(), MERCHANT, &data)), Reason::OrderAlreadyPaid);
    gateway.advance(86_400_000);
    assert_eq!(reason(open(gateway.space(), MERCHANT, &data)), Reason::OrderAlreadyPaid);
}

#[test]
fn openings_stand_in_the_journal_without_secrets() {
    let gateway = Direct::new();
    let json = order_json("tx", r#","pin":"975318""#);
    open(gateway.space(), MERCHANT, &data(&json)).expect("opened");
    assert!(open(gateway.space(), MERCHANT, "x").is_err());
    gateway.space().read_journal(|journal| {
        let entries: Vec<_> = journal.iter().collect();
        assert_eq!(entries.len(), 2);
        assert_eq!((entries[0].reason, entries[0].tx_id.as_deref()), (Reason::Success, Some("tx")));
        assert_eq!(entries[1].reason, Reason::LinkInvalid);
        assert!(!format!("{entries:?}").contains("975318"));
    });
}
