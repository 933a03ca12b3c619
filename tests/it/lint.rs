//! What the lint finds, that it changes no answer, and what it does when it is strict.

use payon_sim::base::Reason;
use payon_sim::gateway::{LintReport, lint_report};
use payon_sim::space::{Attempt, Budgets, JournalBudget, Lint, RequestId};
use serde_json::json;

use crate::direct::{Answer, Direct, MERCHANT};
use crate::golden;
use crate::support::{Setup, Sim};

/// What was found in the request behind an answer.
fn found(gateway: &Direct, answer: &Answer) -> Vec<(Lint, String)> {
    let findings = gateway.journal(answer.trace).more().findings.clone();
    findings.iter().map(|finding| (finding.lint, finding.field.to_string())).collect()
}

fn lints(gateway: &Direct, answer: &Answer) -> Vec<Lint> {
    found(gateway, answer).into_iter().map(|(lint, _)| lint).collect()
}

fn report(gateway: &Direct) -> LintReport {
    lint_report(gateway.space(), gateway.spaces.is_strict(), 100)
}

fn status(gateway: &Direct, tx_id: &str, more: &str) -> Answer {
    let body =
        format!(r#"{{"merchantId":"{MERCHANT}","termId":"CT03000003","txId":"{tx_id}"{more}}}"#);
    gateway.post("/pg/transaction/status", &body)
}

#[test]
fn the_documented_requests_have_no_violation() {
    let gateway = Direct::new();
    for (path, body) in [
        ("/pg/reversal", golden!("reversal/request.json")),
        ("/pg/orders", golden!("orders/request.json")),
        ("/pg/transaction/status", golden!("status/request.json")),
        ("/pg/binding/register", golden!("binding-register/request.json")),
        ("/pg/bindingList", golden!("binding-list/request.json")),
        ("/pg/binding/createPIN", golden!("create-pin/request.json")),
        ("/pg/merchant/reconcilation", golden!("reconciliation/request.json")),
    ] {
        let answer = gateway.post(path, body);
        assert_eq!(found(&gateway, &answer), [], "{path}");
    }
    let clean =
        gateway.register("1613104202987", "CREDIT_DEBIT", r#""noti_url":"http://a.test/n""#);
    assert_eq!(found(&gateway, &clean), []);
    assert_eq!(gateway.spaces.violations(), 0);
}

#[test]
fn members_that_are_not_documented_are_found() {
    let gateway = Direct::new();
    let answer = gateway.register("tx-000001", "CREDIT_DEBIT", r#""note":1,"ClientId":"02""#);
    assert_eq!(answer.reason, Reason::Success, "an answer is never changed");
    let expected =
        [(Lint::UndocumentedField, "note".to_owned()), (Lint::LetterCase, "ClientId".to_owned())];
    assert_eq!(found(&gateway, &answer), expected);
    let missing = golden!("binding-list/request.json").replace("merchantId", "merchantID");
    let answer = gateway.post("/pg/bindingList", &missing);
    assert_eq!(answer.reason, Reason::FieldMissing);
    assert_eq!(found(&gateway, &answer), [(Lint::LetterCase, "merchantID".to_owned())]);
    let second = golden!("reconciliation/request.json").replace("}]", "},{\"tx\":1}]");
    let answer = gateway.post("/pg/merchant/reconcilation", &second);
    assert_eq!(found(&gateway, &answer), [(Lint::UndocumentedField, "tx".to_owned())]);
    assert_eq!(gateway.spaces.violations(), 4);
}

#[test]
fn amounts_currencies_and_numbers_of_orders_are_looked_at() {
    let gateway = Direct::new();
    let register = |tx_id: &str, currency: &str, amount: &str| {
        let body = format!(
            r#"{{"merchantId":"{MERCHANT}","termId":"CT03000003","txId":"{tx_id}","trt":"10","currency":"{currency}","amount":{amount},"paymentMethod":"BAKONG_KHQR"}}"#
        );
        let answer = gateway.post("/pg/order/register", &body);
        lints(&gateway, &answer)
    };
    assert_eq!(register("order-1", "USD", "\"2.00\""), []);
    assert_eq!(register("order-2", "usd", "2"), []);
    assert_eq!(register("order-3", "Usd", "2"), [Lint::CurrencyForm]);
    assert_eq!(register("order-4", "USD", "\"2.000\""), [Lint::AmountDecimals]);
    assert_eq!(register("order-5", "USD", "2.005"), [Lint::AmountDecimals]);
    assert_eq!(register("order-6", "USD", "1999"), [Lint::AmountInCents]);
    assert_eq!(register("order-7", "KHR", "1999"), [], "riels have no cents");
    assert_eq!(register("7", "USD", "2"), [Lint::TxIdShort]);
}

#[test]
fn a_signature_is_found_where_nobody_looks_at_it() {
    let gateway = Direct::new();
    let answer = status(&gateway, "tx", r#","sign":"abc""#);
    assert_eq!(lints(&gateway, &answer), [Lint::SignIgnored]);
    let answer = gateway.register("tx-000001", "CREDIT_DEBIT", r#""sign":"abc""#);
    assert_eq!(
        (answer.reason, lints(&gateway, &answer)),
        (Reason::Success, vec![Lint::SignIgnored])
    );
    let answer = status(&gateway, "tx-000001", r#","sign":"""#);
    assert_eq!(lints(&gateway, &answer), []);
    let refund = golden!("reversal/request.json").replace("\"2435\"", "\"2435\",\"sign\":\"abc\"");
    let answer = gateway.post("/pg/refund", &refund);
    assert_eq!((answer.reason, lints(&gateway, &answer)), (Reason::SignInvalid, vec![]));
}

#[test]
fn a_status_call_for_another_amount_is_answered_and_found() {
    let gateway = Direct::new();
    gateway.register("tx-000001", "CREDIT_DEBIT", "");
    gateway.pay("tx-000001", "{}").expect("paid");
    for (more, expected) in [
        (r#","amount":"2","currency":"USD""#, vec![]),
        (r#","amount":"200""#, vec![Lint::StatusAmount]),
        (r#","amount":"2","currency":"KHR""#, vec![Lint::StatusCurrency]),
    ] {
        let answer = status(&gateway, "tx-000001", more);
        assert_eq!((answer.status, lints(&gateway, &answer)), (200, expected), "{more}");
    }
}

#[test]
fn giving_money_back_twice_is_found() {
    let gateway = Direct::new();
    let request = golden!("reversal/request.json");
    let order = r#"{"merchantId":"EPAY00000000001","termId":"PAYONGT1","txId":"2435","trt":"10","currency":"USD","amount":"1.00","paymentMethod":"CREDIT_DEBIT"}"#;
    gateway.post("/pg/order/register", order);
    let payer = payon_sim::gateway::PayRequest::default();
    payon_sim::gateway::pay(
        gateway.space(),
        "EPAY00000000001",
        "2435",
        &payer,
        RequestId::default(),
    )
    .expect("paid");
    let first = gateway.post("/pg/refund", request);
    assert_eq!((first.reason, lints(&gateway, &first)), (Reason::Success, vec![]));
    for path in ["/pg/refund", "/pg/reversal"] {
        let again = gateway.post(path, request);
        assert_eq!(again.reason, Reason::AlreadyRefunded);
        assert_eq!(lints(&gateway, &again), [Lint::RefundRepeated]);
    }
}

#[test]
fn a_push_back_that_is_believed_is_found() {
    let gateway =
        Direct::with(payon_sim::base::Seed(42), |profile| profile.sign.operations.clear());
    let more = r#""noti_url":"http://shop.test/noti""#;
    for tx_id in ["believed", "checked-first", "not-taken"] {
        gateway.register(tx_id, "CREDIT_DEBIT", more);
        gateway.pay(tx_id, "{}").expect("paid");
    }
    assert_eq!(report(&gateway).unchecked, [], "nothing was told yet");
    let (errands, _) = gateway.space().take_due();
    for dispatch in errands {
        let job = &dispatch.delivery_job;
        let is_taken = !String::from_utf8_lossy(&job.body).contains("not-taken");
        let failed = Attempt::failed(job.at, "refused");
        let taken = Attempt { status: Some(200), error: None, ..failed.clone() };
        gateway.space().attempted(&dispatch, if is_taken { taken } else { failed });
    }
    status(&gateway, "checked-first", "");
    let unchecked = report(&gateway).unchecked;
    assert_eq!(unchecked.len(), 1);
    assert_eq!(unchecked[0].tx_id, "believed");
    for (tx_id, expected) in [("believed", vec![Lint::StatusNotAsked]), ("checked-first", vec![])] {
        let body =
            format!(r#"{{"merchantId":"{MERCHANT}","termId":"CT03000003","txId":"{tx_id}"}}"#);
        let refund = gateway.post("/pg/refund", &body);
        assert_eq!((refund.reason, lints(&gateway, &refund)), (Reason::Success, expected));
    }
}

#[test]
fn strict_refuses_violations_before_anything_happens() {
    let gateway = Direct::new();
    gateway.spaces.be_strict();
    let refused = gateway.register("tx-000001", "CREDIT_DEBIT", r#""note":1,"other":2"#);
    assert_eq!((refused.status, refused.reason), (400, Reason::FieldInvalid));
    assert!(refused.text.contains("field.undocumented: note"), "{}", refused.text);
    assert_eq!(lints(&gateway, &refused).len(), 2, "all are noted, the first is told");
    assert!(gateway.space().write(|moment| moment.ledger().is_empty()));
    let signed = gateway.register("tx-000001", "CREDIT_DEBIT", r#""sign":"abc""#);
    assert_eq!(signed.reason, Reason::FieldInvalid);
    assert_eq!(gateway.spaces.violations(), 3);
    let hint = gateway.register("7", "CREDIT_DEBIT", "");
    assert_eq!((hint.reason, lints(&gateway, &hint)), (Reason::Success, vec![Lint::TxIdShort]));
    assert_eq!(gateway.spaces.violations(), 3, "a hint is no violation");
    gateway.pay("7", "{}").expect("paid");
    assert_eq!(status(&gateway, "7", r#","amount":"3""#).reason, Reason::FieldInvalid);
    assert_eq!(status(&gateway, "7", r#","amount":"2""#).reason, Reason::Success);
}

#[test]
fn the_report_lists_the_latest_findings_in_order() {
    let gateway = Direct::new();
    gateway.register("tx-000001", "CREDIT_DEBIT", r#""one":1,"two":2"#);
    gateway.register("3", "CREDIT_DEBIT", "");
    let rows = report(&gateway).findings;
    let fields: Vec<(&str, &str, bool)> =
        rows.iter().map(|row| (row.lint, row.field.as_str(), row.violation)).collect();
    let expected = [
        ("field.undocumented", "one", true),
        ("field.undocumented", "two", true),
        ("txId.short", "txId", false),
    ];
    assert_eq!(fields, expected);
    assert_eq!(rows[0].operation.as_deref(), Some("register"));
    assert_eq!(rows[0].merchant_id.as_deref(), Some(MERCHANT));
    assert_eq!(lint_report(gateway.space(), false, 1).findings, rows[2..]);
}

#[test]
fn findings_are_bounded_and_show_no_card_number() {
    let gateway = Direct::new();
    let many: Vec<String> = (0..100).map(|n| format!("\"x{n}\":1")).collect();
    let answer = gateway.register("tx-000001", "CREDIT_DEBIT", &many.join(","));
    assert_eq!(found(&gateway, &answer).len(), 32);
    let answer = gateway.register("tx-000002", "CREDIT_DEBIT", r#""5204730000001003":1"#);
    assert_eq!(found(&gateway, &answer)[0].1, "520473******1003");
}

#[test]
fn a_member_that_stands_twice_is_found_wherever_it_stands() {
    let gateway = Direct::new();
    let twice = [(Lint::MemberRepeated, "amount".to_owned())];
    let order = gateway.register("tx-000001", "CREDIT_DEBIT", r#""amount":"2.00""#);
    assert_eq!((order.reason, found(&gateway, &order)), (Reason::Success, twice.to_vec()));
    let row = format!(
        r#"[{{"merchantId":"{MERCHANT}","termId":"CT03000003","txId":"tx-000001","grandToTAmt":1.00,"grandToTAmt":7.50,"transactionType":"PURCHASE"}}]"#
    );
    let answer = gateway.post("/pg/merchant/reconcilation", &row);
    assert_eq!(found(&gateway, &answer), [(Lint::MemberRepeated, "grandToTAmt".to_owned())]);
}

#[tokio::test]
async fn findings_that_were_forgotten_or_left_out_are_counted() {
    let journal = JournalBudget { entries: 3, bytes: 1 << 30 };
    let budgets = Budgets { journal, ..Budgets::default() };
    let sim = Sim::with(Setup { budgets, ..Setup::default() }).await;
    let space = sim.space("forgetful").await;
    let counts = async |query: &str| {
        let told = space.control_get(&format!("lint{query}")).await.expect(200);
        let found = told["findings"].as_array().unwrap().len();
        (found, told["dropped"].as_u64(), told["leftOut"].as_u64())
    };
    for tx_id in ["order-1", "order-2"] {
        space.register(tx_id, json!({ "noti_URL": "http://a.test" })).await;
    }
    assert_eq!(counts("").await, (2, Some(0), Some(0)));
    assert_eq!(counts("?limit=1").await, (1, Some(0), Some(1)));
    for tx_id in ["order-3", "order-4", "order-5", "order-6"] {
        space.register(tx_id, json!({})).await;
    }
    assert_eq!(counts("").await, (0, Some(3), Some(0)));
    let report = space.control_get("report").await.expect(200);
    let text = report["text"].as_str().unwrap();
    assert!(text.contains("3 requests were dropped by the journal"), "{text}");
    assert_eq!(report["dropped"], 3);
}
