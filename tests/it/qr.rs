//! What a paying app tells of a QR, and what the payer's page and the merchant see of it.

use payon_sim::base::{Amount, Currency, OrderState, Reason};
use payon_sim::ledger::{Change, Screen};
use payon_sim::profile::Merchant;
use payon_sim::space::Event;

use crate::direct::{Answer, Direct, MERCHANT, NOON};

const DONE: &str = r#"{"resultMsg":"Success","resultCode":"0000","resultData":null}"#;

fn notify(gateway: &Direct, call: &str, tx_id: &str, amount: &str) -> Answer {
    let body = format!(
        r#"{{"merchantId":"{MERCHANT}","termId":"CT03000003","txId":"{tx_id}","amount":"{amount}"}}"#
    );
    gateway.post(&format!("/pg/{call}"), &body)
}

fn complete(gateway: &Direct, tx_id: &str, code: &str, amount: &str, currency: &str) -> Answer {
    let body = format!(
        r#"{{"RESULT_CODE":"{code}","RESULT_MSG":"x","MC_ID":"{MERCHANT}","TERM_ID":"CT03000003","TX_ID":"{tx_id}","AMOUNT":"{amount}","APPROVAL_DATE":"12022021113016","APPROVAL_NO":"763647","CURRENCY":"{currency}"}}"#
    );
    gateway.post("/pg/notifycompletionpayment", &body)
}

/// A gateway with the QR order `tx` of 2.00 USD whose merchant wants push-backs.
fn with_order() -> Direct {
    let gateway = Direct::new();
    let more = r#""noti_url":"http://shop.test/noti""#;
    assert_eq!(gateway.register("tx", "BAKONG_KHQR", more).reason, Reason::Success);
    gateway
}

fn changes(gateway: &Direct, tx_id: &str) -> Vec<&'static str> {
    gateway.order(tx_id).history.iter().map(|entry| entry.change.name()).collect()
}

#[test]
fn a_changed_merchant_is_named_in_its_next_codes() {
    let gateway = Direct::new();
    let code = |name: &str| {
        let rename = |merchant: &mut Merchant| merchant.name = name.to_owned();
        let merchant = gateway.space().change_merchant(MERCHANT, rename).expect("known");
        let payload = merchant.khqr_payload(Currency::Usd);
        payload.with_amount(Amount::from_minor(100), NOON, NOON.plus(1000)).write().expect("made")
    };
    assert!(code("One Name").contains("5908One Name"));
    assert!(code("Another Name").contains("5912Another Name"));
}

#[test]
fn scanned_processing_paid() {
    let gateway = with_order();
    assert_eq!(gateway.order("tx").screen, Screen::Shown);
    assert_eq!(notify(&gateway, "notifyqrscanned", "tx", "2").text, DONE);
    assert_eq!(gateway.order("tx").screen, Screen::Scanned);
    assert_eq!(notify(&gateway, "notifyqrscanned", "tx", "2.00").text, DONE, "told again");
    assert_eq!(notify(&gateway, "notifyprocessingpayment", "tx", "2.0").text, DONE);
    assert_eq!(gateway.order("tx").screen, Screen::Processing);
    assert!(gateway.pushbacks().is_empty());
    assert_eq!(complete(&gateway, "tx", "0000", "2.00", "USD").text, DONE);
    let order = gateway.order("tx");
    assert_eq!(
        (order.state, order.approval_digits().as_deref()),
        (OrderState::Captured, Some("763647"))
    );
    assert_eq!(changes(&gateway, "tx"), ["registered", "scanned", "processing", "approved"]);
    let told = r#"{"txId":"tx","resultCode":"0000","resultMsg":"Success"}"#.to_owned();
    assert_eq!(gateway.pushbacks(), [("tx".to_owned(), "approved", told)]);
}

#[test]
fn the_app_may_go_straight_to_the_end_and_never_back() {
    let gateway = with_order();
    assert_eq!(notify(&gateway, "notifyprocessingpayment", "tx", "2").text, DONE);
    let back = notify(&gateway, "notifyqrscanned", "tx", "2");
    assert_eq!(back.reason, Reason::StateNotAllowed);
    assert_eq!(gateway.order("tx").screen, Screen::Processing);
    gateway.register("straight", "PAYON", "");
    assert_eq!(complete(&gateway, "straight", "0000", "2.00", "usd").text, DONE);
    assert_eq!(gateway.order("straight").state, OrderState::Captured);
}

#[test]
fn a_failure_fails_the_order_and_is_told() {
    let gateway = with_order();
    assert_eq!(complete(&gateway, "tx", "9999", "2.00", "USD").text, DONE);
    let order = gateway.order("tx");
    assert_eq!((order.state, order.failure), (OrderState::Failed, Some(Reason::QrDeclined)));
    let told = r#"{"txId":"tx","resultCode":"9999","resultMsg":"ERROR"}"#.to_owned();
    assert_eq!(gateway.pushbacks(), [("tx".to_owned(), "failed", told)]);
}

#[test]
fn a_wrong_amount_is_refused_noted_and_changes_nothing() {
    let gateway = with_order();
    for (answer, reason) in [
        (notify(&gateway, "notifyqrscanned", "tx", "2.01"), Reason::AmountMismatch),
        (notify(&gateway, "notifyprocessingpayment", "tx", "20"), Reason::AmountMismatch),
        (complete(&gateway, "tx", "0000", "1.99", "USD"), Reason::AmountMismatch),
        (complete(&gateway, "tx", "9999", "1.99", "USD"), Reason::AmountMismatch),
        (complete(&gateway, "tx", "0000", "2", "KHR"), Reason::CurrencyMismatch),
        (notify(&gateway, "cancelqrpayment", "tx", "3"), Reason::AmountMismatch),
    ] {
        assert_eq!((answer.status, answer.reason), (200, reason), "{}", answer.text);
    }
    let order = gateway.order("tx");
    assert_eq!((order.state, order.screen), (OrderState::Registered, Screen::Shown));
    let rejected = |entry: &&payon_sim::ledger::Entry| matches!(entry.change, Change::Rejected(_));
    assert_eq!(order.history.iter().filter(rejected).count(), 6);
    assert!(gateway.pushbacks().is_empty());
    for _ in 0..50 {
        complete(&gateway, "tx", "0000", "1.99", "USD");
    }
    assert_eq!(gateway.order("tx").history.iter().filter(rejected).count(), 16, "bounded");
    let events = gateway.space().event_page(0, 1000).list;
    let of_orders = events.iter().filter(|event| matches!(event, Event::Order { .. }));
    assert_eq!(of_orders.count(), 17, "one for each entry of its history");
    assert_eq!(complete(&gateway, "tx", "0000", "2.00", "USD").reason, Reason::Success);
}

#[test]
fn riel_orders_are_paid_in_whole_riels() {
    let gateway = Direct::new();
    let body = format!(
        r#"{{"merchantId":"{MERCHANT}","termId":"CT03000003","txId":"khr","trt":"10","currency":"KHR","amount":"8000","paymentMethod":"BAKONG_KHQR"}}"#
    );
    assert_eq!(gateway.post("/pg/order/register", &body).reason, Reason::Success);
    assert_eq!(notify(&gateway, "notifyqrscanned", "khr", "8000.50").reason, Reason::AmountInvalid);
    assert_eq!(notify(&gateway, "notifyqrscanned", "khr", "8000").text, DONE);
    assert_eq!(complete(&gateway, "khr", "0000", "8000", "USD").reason, Reason::CurrencyMismatch);
    assert_eq!(complete(&gateway, "khr", "0000", "8000", "KHR").text, DONE);
    assert_eq!(gateway.order("khr").state, OrderState::Captured);
}

#[test]
fn paying_twice_late_or_after_a_cancellation_is_refused() {
    let gateway = with_order();
    complete(&gateway, "tx", "0000", "2.00", "USD");
    for call in ["notifyqrscanned", "notifyprocessingpayment", "cancelqrpayment"] {
        assert_eq!(notify(&gateway, call, "tx", "2").reason, Reason::OrderAlreadyPaid, "{call}");
    }
    let twice = complete(&gateway, "tx", "0000", "2.00", "USD");
    assert_eq!((twice.reason, twice.code().as_str()), (Reason::OrderAlreadyPaid, "3006"));
    assert_eq!(changes(&gateway, "tx").last(), Some(&"rejected"));
    assert_eq!(gateway.pushbacks().len(), 1);

    gateway.register("gone", "BAKONG_KHQR", "");
    assert_eq!(notify(&gateway, "cancelqrpayment", "gone", "2").text, DONE);
    assert_eq!(gateway.order("gone").state, OrderState::Cancelled);
    let cancelled = complete(&gateway, "gone", "0000", "2.00", "USD");
    assert_eq!(cancelled.reason, Reason::OrderCancelled);

    gateway.register("late", "BAKONG_KHQR", "");
    gateway.advance(600_000);
    assert_eq!(notify(&gateway, "notifyqrscanned", "late", "2").reason, Reason::OrderExpired);
    assert_eq!(complete(&gateway, "late", "9999", "2.00", "USD").reason, Reason::OrderExpired);
    let late = complete(&gateway, "late", "0000", "2.00", "USD");
    assert_eq!((late.reason, late.code().as_str()), (Reason::QrLate, "4502"));
    assert_eq!(gateway.order("late").state, OrderState::Expired);
}

#[test]
fn only_orders_with_a_qr_have_one_to_report_on() {
    let gateway = Direct::new();
    gateway.register("card", "CREDIT_DEBIT", "");
    for call in ["notifyqrscanned", "notifyprocessingpayment", "cancelqrpayment"] {
        assert_eq!(notify(&gateway, call, "card", "2").reason, Reason::MethodNotOffered, "{call}");
        assert_eq!(notify(&gateway, call, "none", "2").reason, Reason::OrderNotFound, "{call}");
    }
    let paid = complete(&gateway, "card", "0000", "2.00", "USD");
    assert_eq!(paid.reason, Reason::MethodNotOffered);
    assert_eq!(complete(&gateway, "none", "0000", "2.00", "USD").code(), "3003");
    assert_eq!(gateway.order("card").state, OrderState::Registered);
}

#[test]
fn an_approval_number_of_another_form_gets_six_digits_that_repeat() {
    let number = || {
        let gateway = with_order();
        let body = r#"{"RESULT_CODE":"0000","RESULT_MSG":"x","MC_ID":"C0000143","TERM_ID":"CT03000003","TX_ID":"tx","AMOUNT":2,"APPROVAL_DATE":"-","APPROVAL_NO":"A-99/1234567","CURRENCY":"USD"}"#;
        assert_eq!(gateway.post("/pg/notifycompletionpayment", body).text, DONE);
        gateway.order("tx").approval_digits().expect("approved")
    };
    assert_eq!((number(), number().len()), (number(), 6));
}
