//! Every way to pay, and how each ends.

use std::sync::Arc;

use payon_sim::base::{OrderState, Reason};
use payon_sim::crypto::Padding;
use payon_sim::gateway::link;
use payon_sim::profile::{Authentication, CardBrand};
use payon_sim::space::ClockChange;
use serde_json::json;

use super::visitor::{Gateway, MERCHANT, TERMINAL, resolve};

const OTP: &str = "654321";

#[tokio::test]
async fn every_test_card_ends_as_its_row_says() {
    let gateway = Gateway::open().await;
    let profile = Arc::clone(gateway.space().profile());
    for (row, card) in profile.cards.iter().enumerate() {
        let payon = card.scheme == CardBrand::Payon;
        let method = if payon { "PAYON" } else { "CREDIT_DEBIT" };
        let mut payer = gateway.payer(&format!("card-{row}"), method, json!({})).await;
        payer.type_card(&card.number).await;
        if payon {
            assert!(payer.page().has("otp-channel-email"), "{card:?}");
            payer.act("channel", &[("channel", "email")]).await;
            payer.act("otp", &[("otp", OTP)]).await;
        }
        match card.authentication {
            Authentication::Challenge => {
                payer.act("submit", &[("otp", OTP)]).await;
                payer.bring_back().await;
            }
            Authentication::WrongOtp => {
                for _ in 0..3 {
                    assert!(payer.page().has("acs-otp"));
                    payer.act("submit", &[("otp", OTP)]).await;
                }
                payer.bring_back().await;
            }
            Authentication::Abandoned => {
                payer.act("cancel", &[]).await;
                payer.bring_back().await;
            }
            Authentication::Slow => {
                assert!(payer.page().has("acs-wait"));
                let wait = gateway.get(&format!("{}/acs?waited=1", payer.path)).await;
                let fields = ["cres", "threeDSSessionData"]
                    .map(|name| (name, wait.hidden(name).expect("answered")));
                gateway.post(&format!("{}/acs-return", payer.path), &fields).await;
            }
            Authentication::None => {}
            _ => {
                payer.bring_back().await;
            }
        }
        let result = payer.open().await;
        let reason = result.attribute("result", "data-reason");
        assert_eq!(reason.as_deref(), Some(card.outcome.name()), "{card:?} {}", result.body);
        match card.outcome {
            Reason::Success => assert_eq!(payer.state(), OrderState::Captured, "{card:?}"),
            Reason::IssuerTimeout => assert_eq!(payer.state(), OrderState::Registered, "{card:?}"),
            outcome => assert_eq!(payer.failure(), Some(outcome), "{card:?}"),
        }
    }
}

#[tokio::test]
async fn what_is_wrong_with_a_card_is_said_beside_the_field_and_books_nothing() {
    let gateway = Gateway::open().await;
    let mut payer = gateway.payer("typed", "CREDIT_DEBIT", json!({})).await;
    let fields = [("number", "4012 0010"), ("expiry", "13/27"), ("cvv", "1")];
    let page = payer.act("card", &fields).await;
    assert_eq!(page.status, 422);
    for field in ["card-number", "card-expiry", "card-cvv"] {
        assert_eq!(page.attribute(field, "aria-invalid").as_deref(), Some("true"), "{field}");
        assert!(page.body.contains(&format!("id=\"{field}-problem\"")), "{field}");
    }
    let good = [("expiry", "12/30"), ("cvv", "123")];
    for (number, hint) in
        [("4000000000000010", "not a test card"), ("1010499900000048", "is a PAYON card")]
    {
        let page = payer.act("card", &[good[0], good[1], ("number", number)]).await;
        assert_eq!(page.status, 422);
        assert!(page.body.contains(hint), "{}", page.body);
        assert_eq!(page.attribute("card-cvv", "value").as_deref(), Some(""));
    }
    assert_eq!(payer.state(), OrderState::Registered);
    let page = payer.act("card", &[good[0], ("number", "4111111111111111"), ("cvv", "999")]).await;
    assert_eq!(page.attribute("result", "data-reason").as_deref(), Some("card.wrong-cvv"));
    assert_eq!(payer.failure(), Some(Reason::CardWrongCvv));
}

#[tokio::test]
async fn wrong_pins_and_codes_are_counted_and_end_the_payment() {
    let gateway = Gateway::open().await;
    let mut payer = gateway.payer("pins", "PAYON", json!({})).await;
    for _ in 0..2 {
        let page = payer.act("card", &[("number", "1010499900000048"), ("pin", "0000")]).await;
        assert!(page.has("notice") && page.has("payon-pin"), "{}", page.body);
    }
    payer.act("card", &[("number", "1010499900000048"), ("pin", "0000")]).await;
    assert_eq!(payer.failure(), Some(Reason::CardPinTriesExceeded));

    let mut payer = gateway.payer("codes", "PAYON", json!({})).await;
    payer.type_card("1010499900000048").await;
    payer.act("channel", &[("channel", "sms")]).await;
    let page = payer.act("otp", &[("otp", "")]).await;
    assert_eq!((page.status, page.has("otp")), (422, true));
    for _ in 0..3 {
        assert!(payer.page().has("otp"));
        payer.act("otp", &[("otp", "111111")]).await;
    }
    assert_eq!(payer.failure(), Some(Reason::OtpTriesExceeded));
}

#[tokio::test]
async fn a_code_that_came_too_late_can_be_asked_for_again() {
    let gateway = Gateway::open().await;
    let mut payer = gateway.payer("late-code", "CREDIT_DEBIT", json!({})).await;
    assert!(payer.page().has("method-CREDIT_DEBIT"));
    let mut payon = gateway.payer("late-payon", "PAYON", json!({})).await;
    payon.type_card("1010499900000048").await;
    payon.act("channel", &[("channel", "sms")]).await;
    gateway.advance_clock(300_001);
    let page = payon.act("otp", &[("otp", OTP)]).await;
    assert!(page.has("notice") && page.has("otp-channel-sms"), "{}", page.body);
    payon.act("channel", &[("channel", "sms")]).await;
    payon.act("otp", &[("otp", OTP)]).await;
    assert_eq!(payon.state(), OrderState::Captured);
    payer.open().await;
}

#[tokio::test]
async fn an_issuer_sends_another_code_when_one_came_too_late() {
    let gateway = Gateway::open().await;
    let mut payer = gateway.payer("late-issuer", "CREDIT_DEBIT", json!({})).await;
    payer.type_card("5204730000001003").await;
    gateway.advance_clock(300_001);
    let page = payer.act("submit", &[("otp", OTP)]).await;
    assert!(page.has("notice") && page.has("acs-otp"), "{}", page.body);
    assert_eq!(payer.state(), OrderState::Registered);
    payer.act("submit", &[("otp", OTP)]).await;
    payer.bring_back().await;
    assert_eq!(payer.state(), OrderState::Captured);
}

#[tokio::test]
async fn the_payer_returns_to_the_merchant_with_the_result_in_the_query() {
    let gateway = Gateway::open().await;
    let urls = json!({
        "success_url": "http://shop.test/ok?cart=7", "fail_url": "http://shop.test/no",
        "cancel_url": "http://shop.test/gone#top",
    });
    let mut payer = gateway.payer("ok", "CREDIT_DEBIT", urls.clone()).await;
    let end = payer.type_card("4111111111111111").await;
    assert_eq!(
        end.location(),
        "http://shop.test/ok?cart=7&txId=ok&resultCode=0000&resultMsg=Success"
    );
    let result = payer.open().await;
    assert!(result.has("result"));
    let back = result.attribute("return-to-merchant", "href").expect("a way back");
    let back = resolve(&payer.path, &back);
    assert_eq!(gateway.get(&back).await.location(), end.location());

    let mut payer = gateway.payer("no", "CREDIT_DEBIT", urls.clone()).await;
    payer.type_card("4000000000009995").await;
    let end = payer.bring_back().await;
    let expected = "http://shop.test/no?txId=no&resultCode=5051&resultMsg=";
    assert!(end.location().starts_with(expected), "{}", end.location());

    let mut payer = gateway.payer("gave-up", "CREDIT_DEBIT", urls).await;
    let end = payer.act("cancel", &[]).await;
    assert!(end.location().starts_with("http://shop.test/gone?txId=gave-up&resultCode="));
    assert_eq!(payer.state(), OrderState::Cancelled);
    assert!(end.location().ends_with("#top"));
}

#[tokio::test]
async fn a_preauthorisation_is_reserved_and_not_paid() {
    let gateway = Gateway::open().await;
    let mut payer = gateway.payer("hold", "CREDIT_DEBIT", json!({ "trt": "12" })).await;
    assert!(payer.page().body.contains("Reserve 12.50\u{a0}USD"));
    let page = payer.type_card("4111111111111111").await;
    assert!(page.body.contains("Amount reserved"));
    assert_eq!(payer.state(), OrderState::Authorised);
}

#[tokio::test]
async fn an_unanswered_payment_cannot_be_made_twice_and_ends_when_the_issuer_speaks() {
    let gateway = Gateway::open().await;
    let mut payer = gateway.payer("unknown", "CREDIT_DEBIT", json!({})).await;
    let form = payer.page().clone();
    payer.type_card("4100000000000001").await;
    let page = payer.bring_back().await;
    assert_eq!(page.attribute("result", "data-state").as_deref(), Some("unknown"));
    let step = form.hidden("step").expect("a form");
    let card = [("action", "card"), ("step", step), ("number", "4111111111111111")];
    let again = gateway.post(&payer.path, &card).await;
    assert!(again.location().contains("notice=stale"));
    assert_eq!(gateway.approvals("unknown"), 0);
    let trace = gateway.space().next_trace();
    let late = payon_sim::gateway::TriggerEvent::LateApproval;
    payon_sim::gateway::trigger(gateway.space(), MERCHANT, "unknown", late, trace)
        .expect("approved");
    let status = gateway.get(&format!("{}/status", payer.path)).await;
    assert!(status.body.contains("\"succeeded\""), "{}", status.body);
}

#[tokio::test]
async fn the_qr_page_follows_the_paying_app() {
    let gateway = Gateway::open().await;
    let khr = json!({ "currency": "KHR", "amount": "1234000" });
    let data = gateway.register("qr", "BAKONG_KHQR", khr.clone()).await;
    let mut payer = gateway.payer("qr", "BAKONG_KHQR", khr).await;
    let page = payer.page().clone();
    assert!(page.body.contains("1,234,000\u{a0}KHR"), "{}", page.body);
    let shown = page.attribute("khqr", "data-payload");
    assert_eq!(shown.as_deref(), data["khqr"].as_str());
    let state = |page: &super::visitor::Answer| page.attribute("qr-state", "data-state");
    assert_eq!(state(&page).as_deref(), Some("shown"));
    let report = json!({
        "merchantId": MERCHANT, "termId": TERMINAL, "txId": "qr", "amount": "1234000",
    });
    for (path, expected) in
        [("/pg/notifyqrscanned", "scanned"), ("/pg/notifyprocessingpayment", "processing")]
    {
        assert_eq!(gateway.call(path, &report).await["resultCode"], "0000");
        assert_eq!(state(&payer.open().await).as_deref(), Some(expected));
        let status = gateway.get(&format!("{}/status", payer.path)).await;
        let said: serde_json::Value = serde_json::from_str(&status.body).expect("JSON");
        assert_eq!(
            (said["state"].as_str(), said["final"].as_bool()),
            (Some(expected), Some(false))
        );
    }
    let done = json!({
        "RESULT_CODE": "0000", "RESULT_MSG": "SUCCESS", "MC_ID": MERCHANT, "TERM_ID": TERMINAL,
        "TX_ID": "qr", "AMOUNT": "1234000", "APPROVAL_DATE": "24112020114701",
        "APPROVAL_NO": "123456", "CURRENCY": "KHR",
    });
    assert_eq!(gateway.call("/pg/notifycompletionpayment", &done).await["resultCode"], "0000");
    let status = gateway.get(&format!("{}/status", payer.path)).await;
    assert!(status.body.contains("\"final\":true"), "{}", status.body);
    let result = payer.open().await;
    assert_eq!(result.attribute("result", "data-state").as_deref(), Some("succeeded"));
}

#[tokio::test]
async fn the_pretend_app_scans_pays_declines_and_errs() {
    let gateway = Gateway::open().await;
    for (tx_id, method, action, passcode, reason, state) in [
        ("app-pay", "PAYON", "pay", "123456", "success", OrderState::Captured),
        ("app-khqr", "BAKONG_KHQR", "pay", "123456", "success", OrderState::Captured),
        ("app-bank", "PPCBANK_TRANSFER", "pay", "123456", "success", OrderState::Captured),
        ("app-no", "BAKONG_KHQR", "decline", "", "success", OrderState::Failed),
        ("app-nobank", "PPCBANK_TRANSFER", "decline", "", "bank.declined", OrderState::Failed),
        ("app-code", "PAYON", "pay", "000000", "passcode.wrong", OrderState::Registered),
        (
            "app-sum",
            "BAKONG_KHQR",
            "wrong-amount",
            "123456",
            "amount.mismatch",
            OrderState::Registered,
        ),
        ("app-twice", "BAKONG_KHQR", "twice", "123456", "order.already-paid", OrderState::Captured),
        ("app-late", "BAKONG_KHQR", "late", "123456", "qr.late", OrderState::Expired),
    ] {
        let payer = gateway.payer(tx_id, method, json!({})).await;
        let code = payer.page().attribute("khqr", "data-payload").expect("a code");
        let found = gateway.post("/_sim/app", &[("action", "scan"), ("code", &code)]).await;
        let app = found.location().to_owned();
        assert_eq!(app, payer.path.replace("/pg/checkout", "/_sim/app"));
        let page = gateway.get(&app).await;
        let from = page.body.split("name=\"from\" value=\"").nth(1).expect("a payer");
        let from = from.split('"').next().expect("quoted");
        let fields = [("action", action), ("from", from), ("passcode", passcode)];
        let said = gateway.post(&app, &fields).await;
        assert_eq!(said.attribute("app-said", "data-reason").as_deref(), Some(reason), "{tx_id}");
        assert_eq!(payer.state(), state, "{tx_id}");
        assert!(gateway.approvals(tx_id) <= 1);
    }
    let unknown = gateway.post("/_sim/app", &[("action", "scan"), ("code", "0002")]).await;
    assert_eq!(unknown.status, 422);
    let list = gateway.get("/_sim/app").await;
    assert!(list.body.contains("app-sum") && !list.body.contains("app-pay"), "{}", list.body);
}

#[tokio::test]
async fn a_saved_card_is_chosen_and_confirmed() {
    let gateway = Gateway::open().await;
    for (number, method) in [("1010499900000048", "PAYON"), ("5204730000001003", "CREDIT_DEBIT")] {
        let client = json!({ "clientId": "02" });
        let card = json!({
            "merchantId": MERCHANT, "termId": TERMINAL, "clientId": "02", "paymentMethod": method,
            "wdlAcNo": number, "payonPin": "1234", "pin": "135790",
        });
        let saved = gateway.call("/pg/binding/register", &card).await;
        let id = saved["bindingId"].as_str().expect("saved");
        let mut payer = gateway.payer(&format!("saved-{method}"), method, client).await;
        assert!(payer.page().has(&format!("binding-{id}")), "{}", payer.page().body);
        payer.act("binding", &[("binding", id)]).await;
        assert!(payer.page().has("passcode"));
        let page = payer.act("passcode", &[("passcode", "000000")]).await;
        assert!(page.has("notice") && page.has("passcode"));
        payer.act("passcode", &[("passcode", "135790")]).await;
        if method == "PAYON" {
            payer.act("channel", &[("channel", "sms")]).await;
            payer.act("otp", &[("otp", OTP)]).await;
        } else {
            payer.act("submit", &[("otp", OTP)]).await;
            payer.bring_back().await;
        }
        assert_eq!(payer.state(), OrderState::Captured);
    }
}

#[tokio::test]
async fn a_link_opens_its_order_and_no_other() {
    let gateway = Gateway::open().await;
    let profile = Arc::clone(gateway.space().profile());
    let key = profile.gateway_key.public_key().expect("a key");
    let order = |tx_id: &str, more: &str| {
        format!(
            r#"{{"merchantId":"{MERCHANT}","termId":"{TERMINAL}","txId":"{tx_id}","trt":"10","currency":"USD","amount":"1","paymentMethod":"CREDIT_DEBIT"{more}}}"#
        )
    };
    let make = |text: &str| link::make(key, Padding::Pkcs1, text).expect("encrypted");
    let open = async |merchant: &str, data: &str| {
        gateway.get(&format!("/pg/checkout?merchantId={merchant}&data={data}")).await
    };
    let data = make(&order("linked", ""));
    let opened = open(MERCHANT, &data).await;
    let place = opened.location().to_owned();
    assert!(gateway.get(&place).await.has("card-number"));
    assert_eq!(open(MERCHANT, &data).await.location(), place);
    let error = |answer: &super::visitor::Answer| answer.attribute("error", "data-reason");
    let tampered = format!("{}AAAA", &data[..data.len() - 4]);
    let foreign = open("O0000021", &data).await;
    assert_eq!(error(&foreign).as_deref(), Some("link.foreign"));
    assert_eq!(error(&open(MERCHANT, &tampered).await).as_deref(), Some("link.invalid"));
    let old = open(MERCHANT, &make(&order("old", r#","issuedAt":1600000000000"#))).await;
    assert_eq!((error(&old).as_deref(), old.status), (Some("link.expired"), 410));
    gateway.advance_clock(900_001);
    let late = open(MERCHANT, &data).await;
    assert_eq!(late.status, 410, "{}", late.body);
}

#[tokio::test]
async fn a_card_is_saved_after_its_phone_was_verified() {
    let gateway = Gateway::open().await;
    let profile = Arc::clone(gateway.space().profile());
    let key = profile.gateway_key.public_key().expect("a key");
    let offer = format!(
        r#"{{"merchantId":"{MERCHANT}","termId":"{TERMINAL}","clientId":"04","phone":"855964444781"}}"#
    );
    let data = link::make(key, Padding::Pkcs1, &offer).expect("encrypted");
    let opened = gateway.get(&format!("/pg/checkout/card?merchantId={MERCHANT}&data={data}")).await;
    let path = opened.location().to_owned();
    let form = gateway.get(&path).await;
    assert_eq!(form.attribute("phone", "value").as_deref(), Some("855964444781"));
    let card = |cvv| {
        [
            ("action", "card"),
            ("number", "5204730000001003"),
            ("expiry", "12/25"),
            ("cvv", cvv),
            ("phone", "855964444781"),
        ]
    };
    let wrong = gateway.post(&path, &card("999")).await;
    assert_eq!(wrong.attribute("card-cvv", "aria-invalid").as_deref(), Some("true"));
    let verify = gateway.post(&path, &card("100")).await;
    let sealed = verify.hidden("code").expect("sealed").to_owned();
    let save =
        |otp, sealed| [("action", "save"), ("otp", otp), ("passcode", "135790"), ("code", sealed)];
    let wrong = gateway.post(&path, &save("111111", &sealed)).await;
    assert_eq!(wrong.attribute("otp", "aria-invalid").as_deref(), Some("true"));
    let forged = gateway.post(&path, &save(OTP, "0.e30.AAAA")).await;
    assert!(forged.location().contains("stale"));
    let done = gateway.post(&path, &save(OTP, &sealed)).await;
    assert_eq!(done.attribute("result", "data-state").as_deref(), Some("succeeded"));
    let list = json!({ "merchantId": MERCHANT, "termId": TERMINAL, "clientId": "04" });
    let list = gateway.call("/pg/bindingList", &list).await;
    assert_eq!(list["resultData"].as_array().map(Vec::len), Some(1), "{list}");
    assert!(gateway.get("/pg/checkout/card/0.e30.AAAA").await.status == 404);
}

#[tokio::test]
async fn a_page_waits_as_a_rule_plans_and_the_journal_names_it() {
    let gateway = Gateway::open().await;
    let space = Arc::clone(gateway.space());
    let text = b"- { id: slow-issuer, when: { operation: pay }, then: [{ latency: 3s }] }";
    space.arm_rules(payon_sim::scenario::read_rules("rules", text).expect("a rule"));
    let change = ClockChange { freeze: Some(true), ..ClockChange::default() };
    space.change_clock(change).await.expect("frozen");
    let begun = space.now();
    let mut payer = gateway.payer("slow", "CREDIT_DEBIT", json!({})).await;
    let passing = async {
        let named = || {
            space.read_journal(|journal| {
                journal.iter().any(|entry| {
                    entry.more().rule.as_ref().is_some_and(|by| &*by.rule == "slow-issuer")
                })
            })
        };
        while !named() {
            tokio::task::yield_now().await;
        }
        assert_eq!(space.read(|view| view.next_due), Some(begun.plus(3000)));
        let change = ClockChange { run_until_idle: true, ..ClockChange::default() };
        space.change_clock(change).await.expect("passed");
    };
    tokio::join!(payer.type_card("4111111111111111"), passing);
    assert_eq!(space.now(), begun.plus(3000));
    assert_eq!(gateway.order("slow").state, OrderState::Captured);
}

#[tokio::test]
async fn a_payer_who_leaves_early_changes_nothing_of_when_it_is_booked() {
    let gateway = Gateway::open().await;
    let space = Arc::clone(gateway.space());
    let text =
        b"- { id: late, when: { operation: pay }, then: [{ latency: 3s }, { commit: after }] }";
    space.arm_rules(payon_sim::scenario::read_rules("rules", text).expect("a rule"));
    let change = ClockChange { freeze: Some(true), ..ClockChange::default() };
    space.change_clock(change).await.expect("frozen");
    let begun = space.now();
    let mut payer = gateway.payer("left", "CREDIT_DEBIT", json!({})).await;
    let waits = async {
        while space.read(|view| view.next_due) != Some(begun.plus(3000)) {
            tokio::task::yield_now().await;
        }
    };
    tokio::select! {
        _ = payer.type_card("4111111111111111") => unreachable!("the page waits"),
        () = waits => {}
    }
    let change = ClockChange { run_until_idle: true, ..ClockChange::default() };
    space.change_clock(change).await.expect("passed");
    let order = gateway.order("left");
    assert_eq!(order.state, OrderState::Captured);
    assert_eq!(order.history.iter().last().map(|entry| entry.at), Some(begun.plus(3000)));
}
