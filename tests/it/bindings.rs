//! Saved cards: made, listed, replaced, locked, and paid with.

use payon_sim::base::{OrderState, Reason, Seed};
use payon_sim::crypto::{Encoding, Padding, encrypt};
use payon_sim::gateway::{self, AcsReturn, Input, PayError, PayerStage, TypedCard};
use payon_sim::ledger::{PayerStep, Progress, Target};
use payon_sim::profile::{Authentication, OtpChannel};
use payon_sim::space::RequestId;
use serde_json::Value;

use crate::direct::{Direct, MERCHANT};
use crate::golden;

const REGISTER: &str = "/pg/binding/register";

fn binding_body(client: &str, more: &str) -> String {
    format!(r#"{{"merchantId":"{MERCHANT}","termId":"CT03000003","clientId":"{client}",{more}}}"#)
}

const MASTERCARD: &str = r#""wdlAcNo":"5204730000001003","wdlCvv":"100","wdlExpiry":"202512""#;
const PAYON: &str = r#""wdlAcNo":"1010499900000048","payonPin":"1234""#;

/// Saves a card and gives its id.
fn bind(gateway: &Direct, client: &str, card: &str) -> String {
    let answer = gateway.post(REGISTER, &binding_body(client, card));
    assert_eq!(answer.reason, Reason::Success, "{}", answer.text);
    answer.json()["bindingId"].as_str().expect("an id").to_owned()
}

fn list(gateway: &Direct, client: &str) -> Vec<Value> {
    let body =
        format!(r#"{{"merchantId":"{MERCHANT}","termId":"CT03000003","clientId":"{client}"}}"#);
    let answer = gateway.post("/pg/bindingList", &body);
    assert_eq!(answer.reason, Reason::Success, "{}", answer.text);
    answer.json()["resultData"].as_array().expect("an array").clone()
}

fn listed(gateway: &Direct, client: &str) -> Vec<String> {
    let id = |row: &Value| row["bindingId"].as_str().expect("an id").to_owned();
    list(gateway, client).iter().map(id).collect()
}

/// Calls createPIN, enablePIN or disablePIN with a PIN encrypted for the gateway.
fn pin_call(gateway: &Direct, call: &str, client: &str, pin: &str, padding: Padding) -> Reason {
    let key = gateway.spaces.profile().gateway_key.public_key().expect("a key").clone();
    let pin = encrypt(&key, padding, Encoding::Base64, pin.as_bytes()).expect("encrypted");
    let body = format!(
        r#"{{"clientId":"{client}","merchantId":"{MERCHANT}","termId":"CT03000003","pin":"{pin}"}}"#
    );
    let answer = gateway.post(&format!("/pg/binding/{call}"), &body);
    if answer.reason == Reason::Success {
        assert_eq!(answer.text, golden!("create-pin/response.json"));
    }
    answer.reason
}

/// The text with the value of each member `name` replaced.
fn without(text: &str, name: &str) -> String {
    let marker = format!("\"{name}\":\"");
    let mut pieces = text.split(&marker);
    let mut rest = pieces.next().expect("a beginning").to_owned();
    for piece in pieces {
        let (_, after) = piece.split_once('"').expect("an end");
        rest.push_str(&marker);
        rest.push_str("…\"");
        rest.push_str(after);
    }
    rest
}

#[test]
fn the_documented_binding_is_answered_as_documented_on_both_paths() {
    for path in [REGISTER, "/pg/createBinding"] {
        let answer = Direct::new().post(path, golden!("binding-register/request.json"));
        assert_eq!(answer.status, 200);
        assert_eq!(
            without(&answer.text, "bindingId"),
            without(golden!("binding-register/response.json"), "bindingId")
        );
    }
}

#[test]
fn the_documented_list_is_answered_as_documented() {
    let gateway = Direct::new();
    let phone = r#""phone":"855964444781""#;
    bind(
        &gateway,
        "04",
        &format!(r#""wdlAcNo":"4012001037141112","wdlExpiry":"202712","wdlNm":"MC",{phone}"#),
    );
    bind(&gateway, "04", &format!(r#""wdlAcNo":"1010499900001245","payonPin":"1234",{phone}"#));
    let answer = gateway.post("/pg/bindingList", golden!("binding-list/request.json"));
    let same = |text: &str| without(&without(text, "bindingId"), "pin");
    assert_eq!(same(&answer.text), same(golden!("binding-list/response.json")));
    let rows = list(&gateway, "04");
    let pins: Vec<&str> = rows.iter().map(|row| row["pin"].as_str().expect("a text")).collect();
    assert!(pins.iter().all(|pin| pin.len() == 112), "{pins:?}");
    assert_ne!(pins[0], pins[1]);
    assert_eq!(Encoding::Base64.decode(pins[0]).map(|bytes| bytes.len()), Ok(84));
}

#[test]
fn ids_repeat_with_the_seed_and_with_nothing_else() {
    let ids = |seed| {
        let gateway = Direct::with(Seed(seed), |_| ());
        ["02", "04", "02"].map(|client| bind(&gateway, client, MASTERCARD))
    };
    let first = ids(1);
    assert_eq!(first, ids(1));
    let mut all = [first, ids(2)].concat();
    all.sort();
    all.dedup();
    assert_eq!(all.len(), 6, "a client, a repetition and a seed each make another id");
}

#[test]
fn what_does_not_fit_the_card_is_refused() {
    let gateway = Direct::new();
    for (card, reason) in [
        (r#""wdlAcNo":"4539578763621486""#, Reason::CardUnknown),
        (r#""wdlAcNo":"1010499912345678","payonPin":"1234""#, Reason::CardUnknown),
        (r#""wdlAcNo":"5204730000001004""#, Reason::FieldInvalid),
        (r#""wdlAcNo":"5204730000001003","wdlCvv":"101""#, Reason::CardWrongCvv),
        (r#""wdlAcNo":"5204730000001003","wdlExpiry":"202601""#, Reason::CardExpiryMismatch),
        (r#""wdlAcNo":"1010499900000048","payonPin":"4321""#, Reason::CardWrongPin),
        (r#""wdlAcNo":"1010499900000048""#, Reason::FieldMissing),
        (r#""wdlAcNo":"5204730000001003","paymentMethod":"PAYON""#, Reason::FieldInvalid),
        (r#""wdlAcNo":"1010499900000048","paymentMethod":"CREDIT_DEBIT""#, Reason::FieldInvalid),
        (r#""wdlAcNo":"5204730000001003","pin":"12x4""#, Reason::PinInvalid),
        (r#""wdlAcNo":"5204730000001003","pin":"1234567""#, Reason::PinInvalid),
    ] {
        let answer = gateway.post(REGISTER, &binding_body("02", card));
        assert_eq!(answer.reason, reason, "{card}: {}", answer.text);
        assert!(answer.json()["bindingId"].is_null());
    }
    let unknown = gateway.post(REGISTER, &binding_body("02", r#""wdlAcNo":"4539578763621486""#));
    assert_eq!(unknown.code(), "5014");
    assert!(gateway.journal(unknown.trace).more().detail.contains("no real card"));
    assert_eq!(list(&gateway, "02"), Vec::<Value>::new());
}

#[test]
fn binding_a_card_again_replaces_it() {
    let gateway = Direct::new();
    let old = bind(&gateway, "02", MASTERCARD);
    let wallet = bind(&gateway, "02", PAYON);
    bind(&gateway, "04", MASTERCARD);
    let new = bind(&gateway, "02", MASTERCARD);
    assert_ne!(old, new);
    assert_eq!(listed(&gateway, "02"), [wallet, new]);
    assert_eq!(listed(&gateway, "04").len(), 1);
}

#[test]
fn a_pin_comes_in_every_padding_and_is_then_the_passcode() {
    for padding in [Padding::Pkcs1, Padding::OaepSha1, Padding::OaepSha256] {
        let gateway = Direct::new();
        let id = bind(&gateway, "02", MASTERCARD);
        assert_eq!(pin_call(&gateway, "createPIN", "02", "2468", padding), Reason::Success);
        let more = format!(r#""clientId":"02","bindingId":"{id}""#);
        gateway.register("old", "CREDIT_DEBIT", &more);
        gateway.register("new", "CREDIT_DEBIT", &more);
        let paid = |tx_id, passcode| {
            let request = format!(r#"{{"passcode":"{passcode}"}}"#);
            gateway.pay(tx_id, &request).expect("tried").reason
        };
        assert_eq!(paid("old", "123456"), Reason::PasscodeWrong);
        assert_eq!(paid("new", "2468"), Reason::Success);
    }
}

#[test]
fn who_may_not_set_a_pin_is_told_why() {
    let gateway = Direct::new();
    let create = |client, pin| pin_call(&gateway, "createPIN", client, pin, Padding::Pkcs1);
    assert_eq!(create("04", "1234"), Reason::Success, "a client of the examples is known");
    assert_eq!(create("77", "1234"), Reason::CustomerInvalid);
    bind(&gateway, "77", MASTERCARD);
    assert_eq!(create("77", "123456"), Reason::Success);
    for pin in ["123", "1234567", "12a4", "", "ភាសា"] {
        assert_eq!(create("77", pin), Reason::PinInvalid, "{pin}");
    }
    let sample = gateway.post("/pg/binding/createPIN", golden!("create-pin/request.json"));
    assert_eq!(sample.reason, Reason::PinUndecryptable, "its pin is made up");
    let off = golden!("create-pin/request.json")
        .replace(MERCHANT, "O0000021")
        .replace("CT03000003", "OW04000007");
    assert_eq!(gateway.post("/pg/binding/createPIN", &off).reason, Reason::PinDisabled);
    assert_eq!(gateway.post("/pg/binding/createPIN", &off).code(), "6101");
}

#[test]
fn a_client_may_turn_its_passcode_off_and_on() {
    let gateway = Direct::new();
    let id = bind(&gateway, "02", MASTERCARD);
    let more = format!(r#""clientId":"02","bindingId":"{id}""#);
    let pay_wrongly = |tx_id| {
        gateway.register(tx_id, "CREDIT_DEBIT", &more);
        gateway.pay(tx_id, r#"{"passcode":"000000"}"#).expect("tried").reason
    };
    let call = |call, pin| pin_call(&gateway, call, "02", pin, Padding::Pkcs1);
    assert_eq!(call("disablePIN", "000000"), Reason::PasscodeWrong);
    assert_eq!(pay_wrongly("a"), Reason::PasscodeWrong);
    assert_eq!(call("disablePIN", "123456"), Reason::Success);
    assert_eq!(pay_wrongly("b"), Reason::Success, "nobody asked for it");
    assert_eq!(call("enablePIN", "123456"), Reason::Success);
    assert_eq!(pay_wrongly("c"), Reason::PasscodeWrong);
}

#[test]
fn an_order_names_only_a_binding_of_its_client_and_method() {
    let gateway = Direct::new();
    let id = bind(&gateway, "02", MASTERCARD);
    let reason = |method: &str, more: &str| gateway.register("tx-000001", method, more).reason;
    for (method, more, expected) in [
        ("CREDIT_DEBIT", format!(r#""clientId":"04","bindingId":"{id}""#), Reason::BindingNotFound),
        ("CREDIT_DEBIT", format!(r#""bindingId":"{id}""#), Reason::BindingNotFound),
        (
            "CREDIT_DEBIT",
            r#""clientId":"02","bindingId":"7ce4dda7-b9f8-4343-883b-e5ff6295e5f9""#.to_owned(),
            Reason::BindingNotFound,
        ),
        (
            "CREDIT_DEBIT",
            r#""clientId":"02","bindingId":"nonsense""#.to_owned(),
            Reason::BindingNotFound,
        ),
        ("PAYON", format!(r#""clientId":"02","bindingId":"{id}""#), Reason::MethodNotOffered),
        ("CREDIT_DEBIT", format!(r#""clientId":"02","bindingId":"{id}""#), Reason::Success),
    ] {
        assert_eq!(reason(method, &more), expected, "{method} {more}");
    }
    // The identical request again finds its order, though the binding has ended since.
    bind(&gateway, "02", MASTERCARD);
    let again = format!(r#""clientId":"02","bindingId":"{id}""#);
    assert_eq!(reason("CREDIT_DEBIT", &again), Reason::Success);
}

#[test]
fn an_order_that_names_a_binding_is_paid_only_with_it() {
    let gateway = Direct::new();
    let id = bind(&gateway, "02", MASTERCARD);
    gateway.register("tx", "CREDIT_DEBIT", &format!(r#""clientId":"02","bindingId":"{id}""#));
    for other in [r#"{"card":"4111111111111111"}"#, r#"{"wallet":"855964444781"}"#] {
        assert!(matches!(gateway.pay("tx", other), Err(PayError::Input { .. })), "{other}");
    }
    let elsewhere = format!(r#"{{"binding":"{}"}}"#, bind(&gateway, "02", PAYON));
    assert!(matches!(gateway.pay("tx", &elsewhere), Err(PayError::Input { .. })));
    let wrong = gateway.pay("tx", r#"{"passcode":"123456","otp":"000000"}"#).expect("tried");
    assert_eq!((wrong.reason, wrong.order.order.state), (Reason::OtpWrong, OrderState::Failed));
    gateway.register("tx2", "CREDIT_DEBIT", &format!(r#""clientId":"02","bindingId":"{id}""#));
    let paid = gateway.pay("tx2", r#"{"passcode":"123456","otp":"654321"}"#).expect("tried");
    assert_eq!((paid.reason, paid.order.order.state), (Reason::Success, OrderState::Captured));
    let account = paid.order.order.instrument.expect("an instrument").account;
    assert_eq!(&*account, "************1003");
}

#[test]
fn a_saved_card_may_be_chosen_for_any_order_of_its_client() {
    let gateway = Direct::new();
    let id = bind(&gateway, "02", PAYON);
    gateway.register("tx", "PAYON", r#""clientId":"02""#);
    gateway.register("other", "PAYON", r#""clientId":"04""#);
    let choice = format!(r#"{{"binding":"{id}"}}"#);
    gateway.register("by card", "CREDIT_DEBIT", r#""clientId":"02""#);
    for tx_id in ["other", "by card"] {
        assert!(matches!(gateway.pay(tx_id, &choice), Err(PayError::Input { .. })), "{tx_id}");
    }
    assert_eq!(gateway.pay("tx", &choice).expect("tried").reason, Reason::Success);
}

#[test]
fn three_wrong_passcodes_lock_a_binding() {
    let gateway = Direct::new();
    let id = bind(&gateway, "02", MASTERCARD);
    let more = format!(r#""clientId":"02","bindingId":"{id}""#);
    for tx_id in ["a", "b", "c", "late"] {
        assert_eq!(gateway.register(tx_id, "CREDIT_DEBIT", &more).reason, Reason::Success);
    }
    let pay = |tx_id, passcode: &str| {
        let request = format!(r#"{{"passcode":"{passcode}"}}"#);
        gateway.pay(tx_id, &request).expect("tried").reason
    };
    assert_eq!(pay("a", "000000"), Reason::PasscodeWrong);
    assert_eq!(pay("b", "000000"), Reason::PasscodeWrong);
    assert_eq!(pay("c", "000000"), Reason::BindingLocked);
    assert_eq!(pay("late", "123456"), Reason::BindingLocked, "registered before, paid after");
    assert_eq!(gateway.register("d", "CREDIT_DEBIT", &more).code(), "6002");
    assert_eq!(listed(&gateway, "02"), Vec::<String>::new());
    let fresh = bind(&gateway, "02", MASTERCARD);
    let more = format!(r#""clientId":"02","bindingId":"{fresh}""#);
    gateway.register("e", "CREDIT_DEBIT", &more);
    assert_eq!(pay("e", "123456"), Reason::Success);
}

#[test]
fn a_binding_that_has_ended_pays_nothing() {
    let gateway = Direct::new();
    let id = bind(&gateway, "02", MASTERCARD);
    let more = format!(r#""clientId":"02","bindingId":"{id}""#);
    gateway.register("before", "CREDIT_DEBIT", &more);
    bind(&gateway, "02", MASTERCARD);
    let paid = gateway.pay("before", r#"{"passcode":"123456"}"#).expect("tried");
    assert_eq!(
        (paid.reason, paid.order.order.state),
        (Reason::BindingNotFound, OrderState::Failed)
    );
    assert_eq!(gateway.register("after", "CREDIT_DEBIT", &more).code(), "6001");
}

/// Takes one step of the payer of `tx_id`.
fn step(gateway: &Direct, tx_id: &str, input: Input<'_>) -> Result<PayerStage, PayError> {
    let named = Target::Named { merchant: MERCHANT, tx_id };
    let order = gateway.space().read(|view| Some(view.handle(view.ledger.find(named)?)));
    gateway::advance(gateway.space(), order.expect("the order"), None, input, RequestId::default())
}

fn asks(stage: Result<PayerStage, PayError>) -> Progress {
    match stage {
        Ok(PayerStage::Asks(progress)) => progress,
        other => panic!("asked for nothing: {other:?}"),
    }
}

fn wrong(stage: Result<PayerStage, PayError>) -> (PayerStep, Reason) {
    match stage {
        Ok(PayerStage::Wrong(progress, reason)) => (progress.step, reason),
        other => panic!("not wrong: {other:?}"),
    }
}

fn over(stage: Result<PayerStage, PayError>) -> (Reason, OrderState) {
    match stage {
        Ok(PayerStage::Over(paid)) => (paid.reason, paid.order.order.state),
        other => panic!("not over: {other:?}"),
    }
}

fn refused(stage: Result<PayerStage, PayError>) -> Reason {
    match stage {
        Err(PayError::NotPossible { reason, .. }) => reason,
        other => panic!("not refused: {other:?}"),
    }
}

#[test]
fn a_payon_card_goes_by_pin_channel_and_password() {
    let gateway = Direct::new();
    let card = |pin| {
        Input::Card(TypedCard {
            number: "1010499900000048",
            pin: Some(pin),
            ..TypedCard::default()
        })
    };
    gateway.register("tx", "PAYON", "");
    assert_eq!(wrong(step(&gateway, "tx", card("0000"))), (PayerStep::Enter, Reason::CardWrongPin));
    assert_eq!(asks(step(&gateway, "tx", card("1234"))).step, PayerStep::Channel);
    let email = Input::Channel(OtpChannel::Email);
    assert_eq!(asks(step(&gateway, "tx", email)).step, PayerStep::Otp(OtpChannel::Email));
    let asked = PayerStep::Otp(OtpChannel::Email);
    assert_eq!(wrong(step(&gateway, "tx", Input::Otp("000000"))), (asked, Reason::OtpWrong));
    gateway.advance(300_001);
    let expired = (PayerStep::Channel, Reason::OtpExpired);
    assert_eq!(wrong(step(&gateway, "tx", Input::Otp("654321"))), expired);
    assert_eq!(asks(step(&gateway, "tx", Input::Channel(OtpChannel::Sms))).wrong_otps, 1);
    let paid = over(step(&gateway, "tx", Input::Otp("654321")));
    assert_eq!(paid, (Reason::Success, OrderState::Captured));
    assert_eq!(gateway.order("tx").progress, None);
    assert_eq!(refused(step(&gateway, "tx", card("1234"))), Reason::OrderAlreadyPaid);

    gateway.register("pins", "PAYON", "");
    for _ in 0..2 {
        wrong(step(&gateway, "pins", card("0000")));
    }
    let failed = (Reason::CardPinTriesExceeded, OrderState::Failed);
    assert_eq!(over(step(&gateway, "pins", card("0000"))), failed);

    gateway.register("otps", "PAYON", "");
    asks(step(&gateway, "otps", card("1234")));
    for _ in 0..2 {
        // Asking for another password does not give the tries back.
        asks(step(&gateway, "otps", Input::Channel(OtpChannel::Sms)));
        wrong(step(&gateway, "otps", Input::Otp("000000")));
    }
    let failed = (Reason::OtpTriesExceeded, OrderState::Failed);
    assert_eq!(over(step(&gateway, "otps", Input::Otp("000000"))), failed);
}

#[test]
fn each_issuers_page_ends_as_its_card_says() {
    let gateway = Direct::new();
    let begin = |tx_id: &str, number| {
        gateway.register(tx_id, "CREDIT_DEBIT", "");
        let typed = TypedCard { number, ..TypedCard::default() };
        asks(step(&gateway, tx_id, Input::Card(typed)))
    };
    let unasked = AcsReturn::Unasked;
    for (tx_id, number, page, back, reason) in [
        ("f", "4000000000002701", Authentication::Frictionless, unasked, Reason::Success),
        ("a", "4200000000000109", Authentication::Attempted, unasked, Reason::Success),
        ("s", "4000000000002354", Authentication::Slow, unasked, Reason::Success),
        (
            "c",
            "4000000000002503",
            Authentication::Challenge,
            AcsReturn::Otp("654321"),
            Reason::Success,
        ),
        ("forged", "4000000000002503", Authentication::Challenge, unasked, Reason::AcsMismatch),
        (
            "left",
            "4000000000002503",
            Authentication::Challenge,
            AcsReturn::Left,
            Reason::AcsAbandoned,
        ),
        (
            "b",
            "5200000000002490",
            Authentication::Abandoned,
            AcsReturn::Otp("654321"),
            Reason::AcsAbandoned,
        ),
        ("r", "4000000000002925", Authentication::Rejected, unasked, Reason::AcsRejected),
        ("u", "4000000000002420", Authentication::Unavailable, unasked, Reason::AcsUnavailable),
        (
            "m",
            "4000000000002644",
            Authentication::Mismatch,
            AcsReturn::Otp("654321"),
            Reason::AcsMismatch,
        ),
        (
            "d",
            "4000000000009995",
            Authentication::Frictionless,
            unasked,
            Reason::CardInsufficientFunds,
        ),
    ] {
        let progress = begin(tx_id, number);
        assert_eq!(progress.step, PayerStep::Acs(page), "{number}");
        let ended = over(step(&gateway, tx_id, Input::Acs(progress.round, back)));
        assert_eq!(ended.0, reason, "{number}");
        let replayed = refused(step(&gateway, tx_id, Input::Acs(progress.round, back)));
        assert!(matches!(replayed, Reason::OrderAlreadyPaid | Reason::OrderFailed));
    }
    let unknown = begin("t", "4100000000000001");
    let ended = over(step(&gateway, "t", Input::Acs(unknown.round, unasked)));
    assert_eq!(ended, (Reason::IssuerTimeout, OrderState::Registered));
    let wrong_otp = begin("w", "4000000000002370");
    for _ in 0..2 {
        wrong(step(&gateway, "w", Input::Acs(wrong_otp.round, AcsReturn::Otp("654321"))));
    }
    let ended = over(step(&gateway, "w", Input::Acs(wrong_otp.round, AcsReturn::Otp("654321"))));
    assert_eq!(ended.0, Reason::OtpTriesExceeded);
}

#[test]
fn a_return_from_an_earlier_visit_to_the_issuer_is_refused() {
    let gateway = Direct::new();
    gateway.register("tx", "CREDIT_DEBIT", "");
    let card = Input::Card(TypedCard { number: "4000000000002503", ..TypedCard::default() });
    let first = asks(step(&gateway, "tx", card));
    let second = asks(step(&gateway, "tx", card));
    let back = AcsReturn::Otp("654321");
    let stale = refused(step(&gateway, "tx", Input::Acs(first.round, back)));
    assert_eq!(stale, Reason::StateNotAllowed);
    assert_eq!(refused(step(&gateway, "tx", Input::Otp("654321"))), Reason::StateNotAllowed);
    assert_eq!(over(step(&gateway, "tx", Input::Acs(second.round, back))).0, Reason::Success);
}

#[test]
fn a_saved_card_goes_by_passcode_then_like_any_card() {
    let gateway = Direct::new();
    let wallet = bind(&gateway, "02", &format!(r#"{PAYON},"pin":"9876""#));
    gateway.register("tx", "PAYON", &format!(r#""clientId":"02","bindingId":"{wallet}""#));
    assert_eq!(asks(step(&gateway, "tx", Input::Binding(None))).step, PayerStep::Passcode);
    let again = (PayerStep::Passcode, Reason::PasscodeWrong);
    assert_eq!(wrong(step(&gateway, "tx", Input::Passcode("123456"))), again);
    assert_eq!(asks(step(&gateway, "tx", Input::Passcode("9876"))).step, PayerStep::Channel);
    // The binding ends while the payer waits for the password.
    asks(step(&gateway, "tx", Input::Channel(OtpChannel::Sms)));
    bind(&gateway, "02", PAYON);
    let ended = over(step(&gateway, "tx", Input::Otp("654321")));
    assert_eq!(ended, (Reason::BindingNotFound, OrderState::Failed));

    let card = bind(&gateway, "02", MASTERCARD);
    gateway.register("acs", "CREDIT_DEBIT", &format!(r#""clientId":"02","bindingId":"{card}""#));
    asks(step(&gateway, "acs", Input::Binding(None)));
    let page = asks(step(&gateway, "acs", Input::Passcode("9876")));
    assert_eq!(page.step, PayerStep::Acs(Authentication::Challenge));
    gateway.register("locked", "CREDIT_DEBIT", &format!(r#""clientId":"02","bindingId":"{card}""#));
    asks(step(&gateway, "locked", Input::Binding(None)));
    for _ in 0..2 {
        assert_eq!(wrong(step(&gateway, "locked", Input::Passcode("1111"))), again);
    }
    let ended = over(step(&gateway, "locked", Input::Passcode("1111")));
    assert_eq!(ended, (Reason::BindingLocked, OrderState::Failed));
}

#[test]
fn no_secret_leaves_the_gateway() {
    let gateway = Direct::new();
    let mut said: Vec<String> = Vec::new();
    let mut post = |path: &str, body: &str| {
        let answer = gateway.post(path, body);
        said.push(format!("{answer:?}"));
        answer
    };
    let card = r#""wdlAcNo":"5204730000001003","wdlCvv":"100","wdlExpiry":"202512","pin":"975318""#;
    let wallet = r#""wdlAcNo":"1010499900000048","payonPin":"1234","pin":"975318""#;
    let bound = post(REGISTER, &binding_body("02", card)).json();
    post(REGISTER, &binding_body("02", wallet));
    post(REGISTER, &binding_body("02", r#""wdlAcNo":"5204730000001003","wdlCvv":"864""#));
    post(REGISTER, &binding_body("02", r#""wdlAcNo":"1010499900000048","payonPin":"864209""#));
    post(REGISTER, &binding_body("02", r#""wdlAcNo":5204730000001003,"wdlCvv":864"#));
    post(REGISTER, r#"{"wdlAcNo":"5204730000001003","wdlCvv":"864","pin":"975318"#);
    post(REGISTER, &binding_body("02", r#""5204730000001003":"5204730000001003","PIN":"975318""#));
    post("/pg/bindingList", golden!("binding-list/request.json").replace("04", "02").as_str());
    let signed = r#"{"txId":"x","merchantId":"C0000143","termId":"CT03000003","sign":"bad","pin":"975318","card":"5204730000001003"}"#;
    post("/pg/refund", signed);
    let key = gateway.spaces.profile().gateway_key.public_key().expect("a key").clone();
    let pin = encrypt(&key, Padding::Pkcs1, Encoding::Base64, b"864209").expect("encrypted");
    let create = golden!("create-pin/request.json");
    let (head, _) = create.split_once("\"pin\"").expect("a pin");
    post("/pg/binding/createPIN", &format!("{head}\"pin\":\"{pin}\"}}"));
    post("/pg/binding/createPIN", &format!("{head}\"pin\":\"864209\"}}"));
    let id = bound["bindingId"].as_str().expect("an id");
    gateway.register("tx", "CREDIT_DEBIT", &format!(r#""clientId":"02","bindingId":"{id}""#));
    let tried = gateway.pay("tx", r#"{"passcode":"864209"}"#);
    said.push(format!("{tried:?}"));
    gateway.register("tx2", "CREDIT_DEBIT", "");
    let tried = gateway.pay("tx2", r#"{"card":"5204730000001003","cvv":"864","otp":"975318"}"#);
    said.push(format!("{tried:?}"));
    let unknown = gateway.pay("tx2", r#"{"card":"4539578763621486"}"#);
    said.push(format!("{unknown:?}"));
    gateway.space().read_journal(|journal| {
        for entry in journal.iter() {
            said.push(format!("{entry:?}"));
            said.push(String::from_utf8_lossy(entry.bodies.request()).into_owned());
        }
    });
    gateway.space().write(|moment| said.push(format!("{:?}", moment.ledger())));
    said.push(format!("{:?}", gateway.spaces.profile().cards));
    said.push(format!("{:?}", gateway.spaces.profile().payers));
    let said = said.join("\n");
    let secrets = [
        "5204730000001003",
        "1010499900000048",
        "4539578763621486",
        "975318",
        "864209",
        "\"864\"",
        ":864",
        "\"100\"",
        "\"1234\"",
        "654321",
        &pin[..40],
    ];
    for secret in secrets {
        let at = said.find(secret);
        assert!(
            at.is_none(),
            "{secret}: {:?}",
            at.map(|at| &said[at.saturating_sub(300)..at + 60])
        );
    }
    assert!(said.contains("520473******1003") && said.contains("\"pin\":\"***\""));
}
