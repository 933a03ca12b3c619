//! Money that moves after the payment, and what a payer pays with.

use payon_sim::base::{Reason, Seed};
use payon_sim::gateway::{self, Input, PayError, PayerStage, TypedCard};
use payon_sim::ledger::{PayerStep, Target};
use payon_sim::profile::{OtpChannel, UnsettledRefund};
use payon_sim::space::RequestId;

use crate::direct::{Answer, Direct, MERCHANT};

/// A gateway that looks at no signature.
fn unsigned() -> Direct {
    Direct::with(Seed(42), |profile| profile.sign.operations.clear())
}

fn register(gateway: &Direct, tx_id: &str, trt: &str, method: &str) {
    let body = format!(
        r#"{{"merchantId":"{MERCHANT}","termId":"CT03000003","txId":"{tx_id}","trt":"{trt}","currency":"USD","amount":"2.00","paymentMethod":"{method}"}}"#
    );
    assert_eq!(gateway.post("/pg/order/register", &body).reason, Reason::Success);
}

/// Calls `path` for an order with further members.
fn ask(gateway: &Direct, path: &str, tx_id: &str, more: &str) -> Answer {
    let body =
        format!(r#"{{"merchantId":"{MERCHANT}","termId":"CT03000003","txId":"{tx_id}"{more}}}"#);
    gateway.post(&format!("/pg/{path}"), &body)
}

#[test]
fn an_approval_number_has_six_digits_and_follows_from_the_seed_and_the_order() {
    let numbers = |seed| {
        let gateway = Direct::with(Seed(seed), |_| ());
        let number = |order: i32| {
            let tx_id = order.to_string();
            register(&gateway, &tx_id, "10", "CREDIT_DEBIT");
            gateway.pay(&tx_id, "{}").expect("paid");
            gateway.order(&tx_id).approval.expect("approved").number
        };
        (0..40).map(number).collect::<Vec<_>>()
    };
    let (own, other) = (numbers(1), numbers(2));
    assert_eq!(own, numbers(1));
    assert!(own.iter().all(|number| *number < 1_000_000), "{own:?}");
    assert!(own.iter().any(|number| *number >= 100_000), "{own:?}");
    for (at, number) in own.iter().enumerate() {
        assert!(!own[..at].contains(number) && *number != other[at], "{own:?} {other:?}");
    }
}

#[test]
fn the_call_that_paid_an_order_stands_in_its_history() {
    let gateway = Direct::new();
    register(&gateway, "tx", "10", "CREDIT_DEBIT");
    let request = gateway::PayRequest::default();
    gateway::pay(gateway.space(), MERCHANT, "tx", &request, RequestId(77)).expect("paid");
    assert_eq!(gateway.order("tx").history.last().expect("paid").trace, 77);
}

/// A call with its further members, and the amount that its answer names.
type Moved = (&'static str, &'static str, &'static str);

#[test]
fn each_answer_names_the_amount_that_was_moved() {
    let complete = ("preAuthCompletion", r#","amount":"1.50","currency":"USD""#, "1.50");
    let flows: [(&str, &[Moved]); 7] = [
        ("12", &[("reversal", "", "2.00")]),
        ("12", &[complete]),
        ("12", &[complete, ("reversal", "", "1.50")]),
        ("12", &[complete, ("refund", r#","amount":"0.40""#, "0.40"), ("refund", "", "1.10")]),
        ("10", &[("reversal", "", "2.00")]),
        ("10", &[("refund", "", "2.00")]),
        ("10", &[("refund", r#","amount":0.5"#, "0.50"), ("refund", "", "1.50")]),
    ];
    let gateway = unsigned();
    for (number, (trt, calls)) in flows.iter().enumerate() {
        let tx_id = number.to_string();
        register(&gateway, &tx_id, trt, "CREDIT_DEBIT");
        gateway.pay(&tx_id, "{}").expect("paid");
        for (path, more, amount) in *calls {
            let answer = ask(&gateway, path, &tx_id, more);
            let order = gateway.order(&tx_id);
            let approval = order.approval_digits().expect("approved");
            let reference = order.reference().expect("approved");
            let expected = format!(
                r#"{{"txId":"{tx_id}","merchantId":"{MERCHANT}","termId":"CT03000003","amount":{amount},"currency":"USD","resultCode":"0000","resultMessage":"Success","approvalNo":"{approval}","approvalDate":"12022021120000","acsUrl":null,"refNo":"{reference}","transactionAmount":null}}"#
            );
            assert_eq!(answer.text, expected, "{trt} {calls:?}");
        }
    }
}

#[test]
fn a_refund_that_reverses_names_the_captured_amount() {
    let gateway = Direct::with(Seed(42), |profile| {
        profile.sign.operations.clear();
        profile.rules.refund_unsettled = UnsettledRefund::Reverse;
    });
    for (tx_id, trt, amount) in [("hold", "12", 1.5), ("purchase", "10", 2.0)] {
        register(&gateway, tx_id, trt, "CREDIT_DEBIT");
        gateway.pay(tx_id, "{}").expect("paid");
        if trt == "12" {
            let more = r#","amount":"1.50","currency":"USD""#;
            assert_eq!(ask(&gateway, "preAuthCompletion", tx_id, more).reason, Reason::Success);
        }
        assert_eq!(ask(&gateway, "refund", tx_id, "").json()["amount"], amount);
        assert_eq!(gateway.order(tx_id).state.name(), "reversed");
    }
}

#[test]
fn an_amount_in_the_wrong_form_moves_nothing() {
    let gateway = unsigned();
    let body = format!(
        r#"{{"merchantId":"{MERCHANT}","termId":"CT03000003","txId":"riel","trt":"10","currency":"KHR","amount":"4000","paymentMethod":"BAKONG_KHQR"}}"#
    );
    assert_eq!(gateway.post("/pg/order/register", &body).reason, Reason::Success);
    gateway.pay("riel", "{}").expect("paid");
    let refused = ask(&gateway, "refund", "riel", r#","amount":"0.50""#);
    assert_eq!(refused.reason, Reason::AmountInvalid);
    let taken = ask(&gateway, "refund", "riel", r#","amount":"1500""#);
    assert_eq!((taken.reason, &taken.json()["amount"]), (Reason::Success, &1500.into()));
    assert_eq!(gateway.order("riel").totals.refunded.minor(), 1500);
}

#[test]
fn another_terminal_of_the_merchant_does_not_see_the_order() {
    let gateway = unsigned();
    gateway.space().change_merchant(MERCHANT, |merchant| merchant.terminals.push("T9".into()));
    register(&gateway, "tx", "10", "CREDIT_DEBIT");
    gateway.pay("tx", "{}").expect("paid");
    let body = format!(r#"{{"merchantId":"{MERCHANT}","termId":"T9","txId":"tx"}}"#);
    for path in ["/pg/reversal", "/pg/refund"] {
        assert_eq!(gateway.post(path, &body).reason, Reason::OrderNotFound, "{path}");
    }
    assert_eq!(gateway.order("tx").state.name(), "captured");
}

#[test]
fn each_payer_pays_with_what_it_names_or_with_the_first_that_is_approved() {
    let paid = |reason, kind, account| Ok((reason, Some((kind, account))));
    let gateway = Direct::new();
    for (number, (method, request, expected)) in [
        ("PAYON", "{}", paid("success", "payonCard", "************0048")),
        ("CREDIT_DEBIT", "{}", paid("success", "card", "************1003")),
        ("PPCBANK_TRANSFER", "{}", paid("success", "ppcbank", "************0022")),
        ("BAKONG_KHQR", "{}", paid("success", "khqr", "************0022")),
        (
            "PAYON",
            r#"{"wallet":"855964444781"}"#,
            paid("success", "payonWallet", "************4781"),
        ),
        (
            "PAYON",
            r#"{"wallet":"855964444781","passcode":"123456"}"#,
            paid("success", "payonWallet", "************4781"),
        ),
        (
            "PAYON",
            r#"{"wallet":"855964444781","passcode":"000000"}"#,
            paid("passcode.wrong", "payonWallet", "************4781"),
        ),
        (
            "PAYON",
            r#"{"wallet":"855960000051"}"#,
            paid("wallet.insufficient-funds", "payonWallet", "************0051"),
        ),
        (
            "BAKONG_KHQR",
            r#"{"bank":"0000000000000051"}"#,
            paid("bank.declined", "khqr", "************0051"),
        ),
        (
            "PPCBANK_TRANSFER",
            r#"{"bank":"0000000000000051"}"#,
            paid("bank.declined", "ppcbank", "************0051"),
        ),
        ("PPCBANK_TRANSFER", r#"{"bank":"9000000000000022"}"#, Err("bank")),
        ("CREDIT_DEBIT", r#"{"bank":"0000000000000022"}"#, Err("bank")),
        ("PAYON", r#"{"bank":"0000000000000022"}"#, Err("bank")),
        ("BAKONG_KHQR", r#"{"bank":"1"}"#, Err("bank")),
        ("CREDIT_DEBIT", r#"{"wallet":"855964444781"}"#, Err("wallet")),
        ("PAYON", r#"{"wallet":"855000000000"}"#, Err("wallet")),
        ("CREDIT_DEBIT", r#"{"card":"4012001037141112","bank":"1"}"#, Err("card")),
        ("CREDIT_DEBIT", r#"{"card":"1010499900000048"}"#, Err("card")),
        ("PAYON", r#"{"card":"4012001037141112"}"#, Err("card")),
        ("CREDIT_DEBIT", r#"{"binding":"x"}"#, Err("binding")),
        (
            "CREDIT_DEBIT",
            r#"{"card":"4012001037141112","cvv":"000"}"#,
            paid("card.wrong-cvv", "card", "************1112"),
        ),
        (
            "CREDIT_DEBIT",
            r#"{"card":"4012001037141112","expiry":"203001"}"#,
            paid("card.expiry-mismatch", "card", "************1112"),
        ),
        (
            "PAYON",
            r#"{"card":"1010499900000048","pin":"0000"}"#,
            paid("card.wrong-pin", "payonCard", "************0048"),
        ),
        (
            "CREDIT_DEBIT",
            r#"{"card":"4012001037141112","otp":"000000"}"#,
            paid("otp.wrong", "card", "************1112"),
        ),
        (
            "CREDIT_DEBIT",
            r#"{"card":"4000000000002370"}"#,
            paid("otp.tries-exceeded", "card", "************2370"),
        ),
        ("PAYON", r#"{"outcome":"card.lost"}"#, paid("card.lost", "payonCard", "************0048")),
        (
            "PPCBANK_TRANSFER",
            r#"{"outcome":"bank.declined"}"#,
            paid("bank.declined", "ppcbank", "************0022"),
        ),
        ("PAYON", r#"{"outcome":"payer.cancelled"}"#, Ok(("payer.cancelled", None))),
    ]
    .into_iter()
    .enumerate()
    {
        let tx_id = number.to_string();
        register(&gateway, &tx_id, "10", method);
        let came = gateway.pay(&tx_id, request);
        let order = gateway.order(&tx_id);
        let instrument = order.instrument.as_ref().map(|it| (it.kind.name(), &*it.account));
        let came = match &came {
            Ok(paid) => Ok((paid.reason.name(), instrument)),
            Err(PayError::Input { field, .. }) => Err(*field),
            Err(other) => panic!("{method} {request}: {other}"),
        };
        assert_eq!(came, expected, "{method} {request}");
        if expected.is_err() {
            assert_eq!(order.state.name(), "registered", "{method} {request}");
        }
    }
}

#[test]
fn what_a_paying_app_reports_is_paid_with_the_first_wallet_or_account_that_pays() {
    for (method, kind, account) in [
        ("PAYON", "payonWallet", "************4781"),
        ("BAKONG_KHQR", "khqr", "************0022"),
        ("PPCBANK_TRANSFER", "ppcbank", "************0022"),
    ] {
        let gateway = Direct::with(Seed(42), |profile| {
            // The first of each cannot pay.
            profile.payers.wallets.rotate_left(1);
            profile.payers.banks.reverse();
        });
        register(&gateway, "tx", "10", method);
        let body = format!(
            r#"{{"RESULT_CODE":"0000","RESULT_MSG":"x","MC_ID":"{MERCHANT}","TERM_ID":"CT03000003","TX_ID":"tx","AMOUNT":"2.00","APPROVAL_DATE":"12022021113016","APPROVAL_NO":"763647","CURRENCY":"USD"}}"#
        );
        let answer = gateway.post("/pg/notifycompletionpayment", &body);
        if method == "PPCBANK_TRANSFER" {
            assert_ne!(answer.reason, Reason::Success, "no app pays it");
            continue;
        }
        assert_eq!(answer.reason, Reason::Success, "{method}");
        let order = gateway.order("tx");
        let instrument = order.instrument.as_ref().expect("paid");
        assert_eq!((instrument.kind.name(), &*instrument.account), (kind, account), "{method}");
    }
}

/// Takes one step of an order's payer.
fn try_step(gateway: &Direct, tx_id: &str, input: Input<'_>) -> Result<PayerStage, PayError> {
    let named = Target::Named { merchant: MERCHANT, tx_id };
    let order = gateway.space().read(|view| Some(view.handle(view.ledger.find(named)?)));
    let order = order.expect("the order");
    gateway::advance(gateway.space(), order, None, input, RequestId::default())
}

fn step(gateway: &Direct, tx_id: &str, input: Input<'_>) -> PayerStage {
    try_step(gateway, tx_id, input).expect("a step")
}

#[test]
fn a_payer_who_waits_for_the_issuer_can_do_nothing_else() {
    let gateway = Direct::new();
    register(&gateway, "tx", "10", "CREDIT_DEBIT");
    gateway.pay("tx", r#"{"outcome":"issuer.timeout"}"#).expect("tried");
    let card = TypedCard { number: "4111111111111111", ..TypedCard::default() };
    for input in [Input::Card(card), Input::Cancel] {
        match try_step(&gateway, "tx", input) {
            Err(PayError::NotPossible { reason: Reason::IssuerTimeout, .. }) => {}
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(gateway.order("tx").state.name(), "registered");
}

#[test]
fn a_wrong_pin_asks_for_the_card_again_however_far_the_payer_was() {
    let gateway = Direct::new();
    register(&gateway, "tx", "10", "PAYON");
    let card =
        |pin| TypedCard { number: "1010499900000048", pin: Some(pin), ..TypedCard::default() };
    step(&gateway, "tx", Input::Card(card("1234")));
    match step(&gateway, "tx", Input::Card(card("0000"))) {
        PayerStage::Wrong(progress, Reason::CardWrongPin) => {
            assert_eq!((progress.step, progress.wrong_pins), (PayerStep::Enter, 1));
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_one_time_password_holds_until_the_end_of_its_time() {
    let gateway = Direct::new();
    let lifetime = gateway.spaces.profile().rules.otp_lifetime_ms;
    for (tx_id, wait, is_paid) in [("late", lifetime + 1, false), ("in-time", lifetime, true)] {
        register(&gateway, tx_id, "10", "PAYON");
        let card = TypedCard { number: "1010499900000048", ..TypedCard::default() };
        step(&gateway, tx_id, Input::Card(card));
        // Sent now, however long ago the card was typed.
        gateway.advance(1000);
        step(&gateway, tx_id, Input::Channel(OtpChannel::Sms));
        gateway.advance(wait);
        let stage = step(&gateway, tx_id, Input::Otp("654321"));
        assert_eq!(matches!(stage, PayerStage::Over(_)), is_paid, "{tx_id}: {stage:?}");
    }
}
