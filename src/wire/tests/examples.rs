//! The documented examples, to the byte.

use arrayvec::ArrayString;

use crate::base::{Amount, Currency, Day, Fields, Millis, PaymentMethod};
use crate::profile::Profile;
use crate::wire::{
    AmountText, BindingMethod, Envelope, FixedAmount, Identity, Notice, ReconciliationResult,
    ShortAmount, TransactionType, Trt, binding_list, binding_register, encode, failure, mask,
    orders, payment, pin, reconciliation, reversal, status,
};

use super::golden;

fn fields(body: &str) -> Fields<'_> {
    Fields::parse(body.as_bytes()).expect("a golden object")
}

fn text<T: serde::Serialize + ?Sized>(reply: &T) -> String {
    String::from_utf8(encode(reply)).expect("JSON")
}

/// The approval of the reversal sample.
const APPROVED_AT: Millis = Millis(1_607_486_857_000);

#[test]
fn reversal() {
    let request = reversal::ReversalRequest::read(&fields(golden!("reversal/request.json")));
    let request = request.expect("readable");
    assert_eq!((&*request.tx_id, &*request.merchant_id), ("2435", "EPAY00000000001"));
    assert_eq!((&*request.term_id, request.sign.clone()), ("PAYONGT1", None));
    assert_eq!(text(&request), golden!("reversal/request.json"));
    let reply = payment::PaymentReply {
        tx_id: Some(request.tx_id),
        merchant_id: Some(request.merchant_id),
        term_id: Some(request.term_id),
        amount: Some(FixedAmount(Amount::from_minor(100), Currency::Usd)),
        currency: Some(Currency::Usd),
        result_code: "0000".into(),
        result_message: "Success".into(),
        approval_no: ArrayString::from("538433").ok(),
        approval_date: Some(APPROVED_AT.day_first_digits()),
        acs_url: None,
        ref_no: ArrayString::from("000004538433").ok(),
        transaction_amount: None,
    };
    assert_eq!(text(&reply), golden!("reversal/response.json"));
}

#[test]
fn orders_list() {
    let request =
        orders::OrderListRequest::read(&fields(golden!("orders/request.json"))).expect("readable");
    let day = Day::parse_day_first("24112020").expect("a day");
    assert_eq!((request.from_date, request.to_date), (day, day));
    assert_eq!((request.index, request.limit), (Some(1), Some(20)));
    assert_eq!((request.trt, request.sign), (Some(Trt::Purchase), None));
    let row = orders::OrderRow {
        tx_dt: day.digits().to_string().into(),
        tx_seq_no: "2020112400001250".into(),
        tx_st_cd: "09".into(),
        trt: Trt::Purchase,
        pay_dv_cd: "8".into(),
        payment_type: BindingMethod::CreditDebit.payment_type().into(),
        merchant_id: request.merchant_id,
        term_id: request.term_id,
        trac_no: "1606193062038".into(),
        amount: ShortAmount(Amount::from_minor(100), Currency::Usd),
        currency_code: Currency::Usd,
        settle_yn: false,
        cancel_yn: false,
        refund_yn: false,
        appr_no: Some("190879".into()),
        appr_dttm: Some(Millis(1_606_193_221_000).twelve_hour().into()),
        result_cd: "0000".into(),
        result_msg: "Success".into(),
        stan: "001032".into(),
    };
    assert_eq!(text(&[row]), golden!("orders/response.json"));
}

#[test]
fn status_found_and_not_found() {
    let request =
        status::StatusRequest::read(&fields(golden!("status/request.json"))).expect("readable");
    let amount = request.amount.as_ref().expect("sent").of(Currency::Usd);
    assert_eq!((amount, request.currency), (Ok(Amount::from_minor(100)), Some(Currency::Usd)));
    assert_eq!(text(&request), golden!("status/request.json"));
    let reply = Envelope {
        result_msg: "Success".into(),
        result_code: "0000".into(),
        result_data: Some(status::StatusReply {
            tx_dt: "20210212".into(),
            tx_seq_no: "20210212".into(),
            tx_st_cd: "COMPLETE".into(),
            trt: "PURCHASE".into(),
            payment_method: PaymentMethod::CreditDebit,
            merchant_id: request.merchant_id,
            term_id: request.term_id,
            wdl_ac_no: Some(mask::last_four("5204730000000022").into()),
            trac_no: request.tx_id,
            amount: ShortAmount(Amount::from_minor(200), Currency::Usd),
            currency_code: Currency::Usd,
            appr_no: Some("763647".into()),
            appr_dttm: Some("20210212113016".into()),
        }),
    };
    assert_eq!(text(&reply), golden!("status/response.json"));
    let not_found =
        failure(crate::base::Operation::Status, &Identity::default(), "9999", "System error");
    assert_eq!(not_found, golden!("status-302/response.json").as_bytes());
    let token = &Profile::builtin().wording.token;
    assert_eq!(token.refusal_body, golden!("token-refused/response.json"));
}

#[test]
fn push_back() {
    let notice = Notice::read(&fields(golden!("push-back/request.json"))).expect("readable");
    assert_eq!(&*notice.tx_id, "1620803885401000");
    assert_eq!(text(&notice), golden!("push-back/request.json"));
}

#[test]
fn binding_is_registered() {
    let body = fields(golden!("binding-register/request.json"));
    let request = binding_register::BindingRegisterRequest::read(&body).expect("readable");
    assert_eq!(request.payment_method, BindingMethod::CreditDebit);
    assert_eq!(request.wdl_cvv.as_deref(), Some("100"));
    assert_eq!(request.wdl_nm.as_deref(), Some("MC"));
    assert_eq!((request.pin.as_deref(), request.payon_pin.as_deref()), (Some("123456"), None));
    let long = binding_register::long_client_id(
        &request.merchant_id,
        &request.term_id,
        &request.client_id,
    );
    let reply = binding_register::SavedCardReply {
        merchant_id: Some(request.merchant_id),
        term_id: Some(request.term_id),
        wdl_ac_no: Some(mask::short(&request.wdl_ac_no).into()),
        wdl_expiry: request.wdl_expiry,
        client_id: Some(long.into()),
        binding_id: Some("7ce4dda7-b9f8-4343-883b-e5ff6295e5f9".into()),
        result_code: "0000".into(),
        result_msg: "Success".into(),
        ..binding_register::SavedCardReply::default()
    };
    assert_eq!(text(&reply), golden!("binding-register/response.json"));
}

#[test]
fn bindings_are_listed() {
    let body = fields(golden!("binding-list/request.json"));
    let request = binding_list::BindingListRequest::read(&body).expect("readable");
    let listed = |seq: &'static str, number: &str, id: &'static str, method: BindingMethod| {
        let by_scheme = method == BindingMethod::CreditDebit;
        binding_list::BindingRow {
            tx_dt: Some("20210212".into()),
            tx_seq_no: Some(seq.into()),
            merchant_id: request.merchant_id.clone(),
            term_id: request.term_id.clone(),
            wdl_ac_no: mask::long(number).into(),
            wdl_expiry: by_scheme.then(|| "202712".into()),
            wdl_nm: by_scheme.then(|| "MC".into()),
            pin: fields(golden!("create-pin/request.json")).text("pin"),
            client_id: binding_register::long_client_id(
                &request.merchant_id,
                &request.term_id,
                &request.client_id,
            )
            .into(),
            phone: Some("855964444781".into()),
            email: None,
            binding_id: id.into(),
            encrypted_ac_no: (),
            encrypted_cvv: (),
            verify_yn: "Y".into(),
            payment_type: method.payment_type().into(),
            result_code: (),
            result_msg: (),
        }
    };
    let reply = Envelope {
        result_msg: "Success".into(),
        result_code: "0000".into(),
        result_data: Some(vec![
            listed(
                "2021021200000001",
                "4012001037141112",
                "7ce4dda7-b9f8-4343-883b-e5ff6295e5f9",
                BindingMethod::CreditDebit,
            ),
            listed(
                "2021021200000002",
                "1010499900001245",
                "0b0fbd38-6f0e-4a35-8a44-3c2f4c1a5e77",
                BindingMethod::Payon,
            ),
        ]),
    };
    assert_eq!(text(&reply), golden!("binding-list/response.json"));
}

#[test]
fn pin_is_created() {
    let body = fields(golden!("create-pin/request.json"));
    let request = pin::PinRequest::read(&body).expect("readable");
    assert_eq!((&*request.client_id, request.pin.len()), ("04", 112));
    assert!(!format!("{request:?}").contains(&*request.pin));
    let reply = Envelope::bare("0000", "Success");
    assert_eq!(text(&reply), golden!("create-pin/response.json"));
}

#[test]
fn books_are_reconciled() {
    let body = golden!("reconciliation/request.json");
    let rows = Fields::parse_array(body.as_bytes()).expect("a golden array");
    let rows = reconciliation::read(&rows).expect("not empty");
    let row = rows[0].as_ref().expect("readable");
    assert_eq!(row.transaction_type, TransactionType::Purchase);
    assert_eq!(row.grand_total.of(Currency::Usd), Ok(Amount::from_minor(105)));
    let answers: Vec<ReconciliationResult<'_>> =
        vec![row.answer(Some("APPROVED"), "0000", "Success")];
    assert_eq!(text(&answers), golden!("reconciliation/response.json"));
}

#[test]
fn amounts_keep_the_form_of_their_operation() {
    let usd = |minor| (Amount::from_minor(minor), Currency::Usd);
    let khr = |minor| (Amount::from_minor(minor), Currency::Khr);
    for ((amount, currency), fixed, short) in [
        (usd(100), "1.00", "1"),
        (usd(150), "1.50", "1.5"),
        (usd(105), "1.05", "1.05"),
        (usd(5), "0.05", "0.05"),
        (usd(999_999_999_999), "9999999999.99", "9999999999.99"),
        (khr(4000), "4000", "4000"),
        (khr(4001), "4001", "4001"),
    ] {
        assert_eq!(text(&FixedAmount(amount, currency)), fixed);
        assert_eq!(text(&ShortAmount(amount, currency)), short);
        let sent = AmountText::new(amount, currency);
        assert_eq!(sent.of(currency), Ok(amount));
        assert_eq!(sent.echo().as_ref().map(text).as_deref(), Some(short));
    }
}
