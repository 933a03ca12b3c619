//! The merchant's books against the gateway's.

use payon_sim::base::{Reason, Seed};
use payon_sim::space::{Journal, RequestId};
use serde_json::Value;

use crate::direct::{Answer, Direct, MERCHANT};
use crate::golden;

const PATH: &str = "/pg/merchant/reconcilation";

fn row(tx_id: &str, total: &str, kind: &str) -> String {
    format!(
        r#"{{"termId":"CT03000003","merchantId":"{MERCHANT}","txId":"{tx_id}","grandToTAmt":{total},"transactionType":"{kind}"}}"#
    )
}

/// The codes of the rows of one call, with what stands in `reconciliationDv`.
fn verdicts(answer: &Answer) -> Vec<(String, bool)> {
    let rows = answer.json();
    let verdict = |row: &Value| {
        let code = row["resultCode"].as_str().expect("a code").to_owned();
        (code, row["reconciliationDv"] == "APPROVED")
    };
    rows.as_array().expect("an array").iter().map(verdict).collect()
}

/// The one verdict on one row.
fn code(gateway: &Direct, row: &str) -> String {
    let answer = gateway.post(PATH, &format!("[{row}]"));
    assert_eq!(answer.status, 200, "{}", answer.text);
    let [(code, approved)] = verdicts(&answer).try_into().expect("one row");
    assert_eq!(approved, code == "0000", "{}", answer.text);
    code
}

/// Registers and pays an order of 2.00.
fn paid(gateway: &Direct, tx_id: &str, trt: &str) {
    let body = format!(
        r#"{{"merchantId":"{MERCHANT}","termId":"CT03000003","txId":"{tx_id}","trt":"{trt}","currency":"USD","amount":"2.00","paymentMethod":"CREDIT_DEBIT"}}"#
    );
    assert_eq!(gateway.post("/pg/order/register", &body).reason, Reason::Success);
    assert_eq!(gateway.pay(tx_id, "{}").expect("paid").reason, Reason::Success);
}

/// Sends a signed request; signatures are off here.
fn act(gateway: &Direct, path: &str, tx_id: &str, more: &str) {
    let body =
        format!(r#"{{"merchantId":"{MERCHANT}","termId":"CT03000003","txId":"{tx_id}"{more}}}"#);
    let answer = gateway.post(path, &body);
    assert_eq!(answer.reason, Reason::Success, "{}", answer.text);
}

fn unsigned() -> Direct {
    Direct::with(Seed(42), |profile| profile.sign.operations.clear())
}

#[test]
fn the_documented_row_is_approved_as_documented() {
    let gateway = Direct::with(Seed(42), |profile| profile.rules.fee_basis_points = 500);
    let order = r#"{"termId":"OW04000007","merchantId":"O0000021","buyerId":"B01","sellerId":"S01","txId":"2435","trt":"10","currency":"USD","amount":"1.00","paymentMethod":"CREDIT_DEBIT"}"#;
    gateway.post("/pg/order/register", order);
    let request = payon_sim::gateway::PayRequest::default();
    payon_sim::gateway::pay(gateway.space(), "O0000021", "2435", &request, RequestId::default())
        .expect("paid");
    for path in [PATH, "/pg/merchant/reconciliation"] {
        let answer = gateway.post(path, golden!("reconciliation/request.json"));
        assert_eq!(answer.status, 200);
        assert_eq!(answer.text, golden!("reconciliation/response.json"));
    }
}

#[test]
fn each_documented_code_is_reached_in_its_order() {
    let gateway = unsigned();
    paid(&gateway, "tx", "10");
    let good = row("tx", "2", "PURCHASE");
    assert_eq!(code(&gateway, &good), "0000");
    // Each row is wrong in one more way than the one before, from the last check to the first.
    let mut wrong = good.replace("\"grandToTAmt\":2", "\"grandToTAmt\":2.01");
    assert_eq!(code(&gateway, &wrong), "3003");
    wrong = wrong.replace("PURCHASE", "REFUND");
    assert_eq!(code(&gateway, &wrong), "3003");
    wrong = wrong.replace("\"txId\"", "\"buyerId\":\"B09\",\"txId\"");
    assert_eq!(code(&gateway, &wrong), "0006");
    wrong = wrong.replace("\"tx\"", "\"other\"");
    assert_eq!(code(&gateway, &wrong), "3003");
    wrong = wrong.replace("CT03000003", "CT09");
    assert_eq!(code(&gateway, &wrong), "0002");
    wrong = wrong.replace(MERCHANT, "C9");
    assert_eq!(code(&gateway, &wrong), "0001");
}

#[test]
fn the_journal_says_which_row_disagrees_and_why() {
    let gateway = unsigned();
    paid(&gateway, "tx", "10");
    let rows = [row("tx", "2", "PURCHASE"), row("tx", "2.5", "PURCHASE"), row("no", "2", "REFUND")];
    let answer = gateway.post(PATH, &format!("[{}]", rows.join(",")));
    assert_eq!(
        &*gateway.journal(answer.trace).more().detail,
        "row 2: amount.mismatch, grandToTAmt should be 2.00, fee included; row 3: order.not-found"
    );
}

#[test]
fn a_call_is_decided_by_the_first_row_that_disagrees_and_each_reason_is_covered_once() {
    let gateway = unsigned();
    paid(&gateway, "tx", "10");
    let (good, less) = (row("tx", "2", "PURCHASE"), row("tx", "1", "PURCHASE"));
    let none = row("no", "2", "PURCHASE");
    let counted = || {
        let met = gateway.space().read_journal(Journal::reasons);
        let of = |reason| met.iter().find(|(it, _)| *it == reason).map_or(0, |(_, count)| count);
        [Reason::AmountMismatch, Reason::OrderNotFound].map(of)
    };
    for (rows, reason, covered) in [
        (&[&good][..], Reason::Success, [0, 0]),
        (&[&good, &less], Reason::AmountMismatch, [1, 0]),
        (&[&none, &good, &less, &none], Reason::OrderNotFound, [2, 1]),
        (&[&less, &less], Reason::AmountMismatch, [3, 1]),
    ] {
        let rows: Vec<&str> = rows.iter().map(|row| row.as_str()).collect();
        let answer = gateway.post(PATH, &format!("[{}]", rows.join(",")));
        // The call itself is no refusal: what a profile changes in answers is that of a success.
        assert_eq!((answer.status, answer.reason), (200, Reason::Success));
        assert_eq!(gateway.journal(answer.trace).reason, reason, "{rows:?}");
        assert_eq!(counted(), covered, "{rows:?}");
    }
}

#[test]
fn the_type_must_be_what_really_happened() {
    let gateway = unsigned();
    for (tx_id, trt) in [
        ("sold", "10"),
        ("undone", "10"),
        ("partly", "10"),
        ("held", "12"),
        ("let-go", "12"),
        ("taken", "12"),
        ("taken-back", "12"),
    ] {
        paid(&gateway, tx_id, trt);
    }
    act(&gateway, "/pg/reversal", "undone", "");
    act(&gateway, "/pg/refund", "partly", r#","amount":"0.50""#);
    act(&gateway, "/pg/refund", "partly", r#","amount":"0.25""#);
    act(&gateway, "/pg/reversal", "let-go", "");
    for tx_id in ["taken", "taken-back"] {
        act(&gateway, "/pg/preAuthCompletion", tx_id, r#","amount":"1.50","currency":"USD""#);
    }
    act(&gateway, "/pg/reversal", "taken-back", "");
    let all = [
        "PURCHASE",
        "REFUND",
        "PRE_AUTH",
        "PRE_AUTH_COMPLETE",
        "PURCHASE_REVERSAL",
        "PRE_AUTH_REVERSAL",
        "PRE_AUTH_COMPLETE_REVERSAL",
    ];
    for (tx_id, happened) in [
        ("sold", &[("PURCHASE", "2")][..]),
        ("undone", &[("PURCHASE", "2"), ("PURCHASE_REVERSAL", "2")]),
        ("partly", &[("PURCHASE", "2"), ("REFUND", "0.75"), ("REFUND", "0.5"), ("REFUND", "0.25")]),
        ("held", &[("PRE_AUTH", "2")]),
        ("let-go", &[("PRE_AUTH", "2"), ("PRE_AUTH_REVERSAL", "2")]),
        ("taken", &[("PRE_AUTH", "2"), ("PRE_AUTH_COMPLETE", "1.5")]),
        (
            "taken-back",
            &[
                ("PRE_AUTH", "2"),
                ("PRE_AUTH_COMPLETE", "1.5"),
                ("PRE_AUTH_COMPLETE_REVERSAL", "1.5"),
            ],
        ),
    ] {
        for kind in all {
            for total in ["2", "1.5", "0.75", "0.5", "0.25"] {
                let expected = if happened.contains(&(kind, total)) { "0000" } else { "3003" };
                assert_eq!(
                    code(&gateway, &row(tx_id, total, kind)),
                    expected,
                    "{tx_id} {kind} {total}"
                );
            }
        }
    }
}

#[test]
fn an_order_that_was_not_paid_is_no_transaction() {
    let gateway = unsigned();
    gateway.register("open", "CREDIT_DEBIT", "");
    gateway.register("failed", "CREDIT_DEBIT", "");
    gateway.pay("failed", r#"{"card":"4000000000009995"}"#).expect("tried");
    gateway.register("expired", "CREDIT_DEBIT", "");
    gateway.advance(900_000);
    for tx_id in ["open", "failed", "expired"] {
        for kind in ["PURCHASE", "PURCHASE_REVERSAL", "REFUND"] {
            assert_eq!(code(&gateway, &row(tx_id, "2", kind)), "3003", "{tx_id} {kind}");
        }
    }
}

#[test]
fn rows_are_answered_one_by_one_duplicates_and_broken_ones_too() {
    let gateway = unsigned();
    paid(&gateway, "tx", "10");
    let good = row("tx", "\"2.00\"", "PURCHASE");
    let rows = [
        good.clone(),
        good.replace("\"termId\":\"CT03000003\",", ""),
        good.replace(MERCHANT, ""),
        "{}".to_owned(),
        good.replace("PURCHASE", "SALE"),
        good.replace("\"2.00\"", "\"two\""),
        good.replace("\"txId\"", "\"sellerId\":7,\"txId\""),
        good.clone(),
    ];
    let answer = gateway.post(PATH, &format!("[{}]", rows.join(",")));
    let codes: Vec<String> = verdicts(&answer).into_iter().map(|(code, _)| code).collect();
    assert_eq!(codes, ["0000", "0002", "0001", "0002", "3003", "3003", "0006", "0000"]);
    let rows = answer.json();
    assert_eq!(rows[5]["txId"], "tx");
    assert_eq!(rows[5]["grandToTAmt"], Value::Null);
    assert_eq!(rows[0]["grandToTAmt"].to_string(), "2");
}

#[test]
fn buyer_and_seller_are_echoed_and_must_be_the_orders() {
    let gateway = unsigned();
    gateway.register("tx", "CREDIT_DEBIT", r#""buyerId":"B01","sellerId":"S01""#);
    gateway.pay("tx", "{}").expect("paid");
    let good = row("tx", "2", "PURCHASE");
    for (more, expected) in [
        ("", "0000"),
        (r#""buyerId":"B01","#, "0000"),
        (r#""buyerId":"B01","sellerId":"S01","#, "0000"),
        (r#""buyerId":"B02","#, "0006"),
        (r#""buyerId":"B01","sellerId":"S02","#, "0006"),
    ] {
        let sent = good.replace("\"txId\"", &format!("{more}\"txId\""));
        assert_eq!(code(&gateway, &sent), expected, "{more}");
    }
    let sent = good.replace("\"txId\"", "\"buyerId\":\"B02\",\"txId\"");
    let answer = gateway.post(PATH, &format!("[{sent}]")).json();
    assert_eq!(
        (&answer[0]["buyerId"], &answer[0]["sellerId"]),
        (&Value::from("B02"), &Value::Null)
    );
}

#[test]
fn a_body_that_is_no_list_of_rows_is_refused_as_a_list() {
    let gateway = unsigned();
    let many = vec![row("tx", "2", "PURCHASE"); 1001].join(",");
    for (body, status, reason) in [
        ("", 400, Reason::MalformedJson),
        ("{}", 400, Reason::MalformedJson),
        ("[1]", 400, Reason::MalformedJson),
        ("[{]", 400, Reason::MalformedJson),
        ("[]", 400, Reason::FieldMissing),
        (&format!("[{many}]"), 413, Reason::TooLarge),
    ] {
        let answer = gateway.post(PATH, body);
        assert_eq!((answer.status, answer.reason), (status, reason), "{}", answer.text);
        assert_eq!(answer.json().as_array().map(Vec::len), Some(1));
        assert_eq!(answer.json()[0]["reconciliationDv"], Value::Null);
    }
}

#[test]
fn a_rule_refuses_the_whole_call() {
    let gateway = unsigned();
    paid(&gateway, "1", "10");
    let rules = br#"[{ "id": "down", "when": { "operation": "reconciliation" }, "then": [{ "reason": "system.busy" }] }]"#;
    let rules = payon_sim::scenario::read_rules("rules", rules).expect("a rule");
    gateway.space().arm_rules(rules);
    let answer = gateway.post(PATH, &format!("[{}]", row("none", "2.00", "PURCHASE")));
    assert_eq!(answer.reason, Reason::SystemBusy, "{}", answer.text);
    assert_eq!(gateway.journal(answer.trace).reason, Reason::SystemBusy);
}
