//! Texts of refusals, case by case.

use crate::base::{Amount, Currency, Fields, Operation, Reason, SecretNames, digits};
use crate::wire::{
    BindingMethod, ReconciliationResult, UnreadableRequest, binding_register, encode, is_harmless,
    limits, orders, pin, reconciliation, redact, redact_header, refund, register, status,
};

use super::read;

/// A register body with one member replaced or added.
fn register_with(name: &str, value: &str) -> String {
    let mut members = vec![
        ("termId", "\"CT03000003\""),
        ("merchantId", "\"C0000143\""),
        ("txId", "\"1\""),
        ("trt", "\"10\""),
        ("currency", "\"USD\""),
        ("amount", "\"2.00\""),
        ("paymentMethod", "\"CREDIT_DEBIT\""),
    ];
    members.retain(|(known, _)| *known != name);
    members.push((name, value));
    let members: Vec<_> = members.iter().map(|(name, value)| format!("{name:?}:{value}")).collect();
    format!("{{{}}}", members.join(","))
}

fn refused(name: &str, value: &str) -> UnreadableRequest {
    read(Operation::Register, register_with(name, value).as_bytes()).expect_err(value)
}

fn accepted(name: &str, value: &str) {
    read(Operation::Register, register_with(name, value).as_bytes()).expect(value);
}

#[test]
fn bodies_that_are_no_object() {
    for body in ["", "{", "[]", "1", "null", "a=b"] {
        let refusal = read(Operation::Register, body.as_bytes()).expect_err(body);
        assert_eq!((refusal.reason, refusal.field), (Reason::MalformedJson, None), "{body}");
    }
    let refusal = read(Operation::Reconciliation, b"{}").expect_err("no array");
    assert!(refusal.detail.contains("array of objects"), "{refusal}");
}

#[test]
fn names_that_differ_by_letter_case_are_hinted_at() {
    let body = register_with("txId", "\"1\"").replace("txId", "TxID");
    let refusal = read(Operation::Register, body.as_bytes()).expect_err("another name");
    assert_eq!((refusal.reason, refusal.field), (Reason::FieldMissing, Some("txId")));
    assert!(refusal.detail.contains("the body has \"TxID\""), "{refusal}");
    assert!(refused("amount", "\"\"").detail.contains("\"\" counts as absent"));
}

#[test]
fn amounts_are_exact_decimals() {
    for (value, minor) in [("\"2\"", 200), ("2", 200), ("2.5", 250), ("\"0.05\"", 5), ("2.00", 200)]
    {
        let body = register_with("amount", value);
        let fields = Fields::parse(body.as_bytes()).expect("an object");
        let request = register::RegisterRequest::read(&fields).expect(value);
        assert_eq!(request.price.amount, Amount::from_minor(minor));
    }
    for (value, part) in [
        ("1e2", "plain decimal"),
        ("-1", "plain decimal"),
        ("\" 1\"", "plain decimal"),
        ("\"1,000\"", "plain decimal"),
        ("\"1.\"", "plain decimal"),
        ("1.005", "more decimals than USD allows (2)"),
        ("0", "greater than zero"),
        ("\"0.00\"", "greater than zero"),
        ("99999999999", "larger than"),
    ] {
        let refusal = refused("amount", value);
        assert_eq!((refusal.reason, refusal.field), (Reason::AmountInvalid, Some("amount")));
        assert!(refusal.detail.contains(part), "{refusal}");
    }
    let riel = register_with("amount", "\"4000.5\"").replace("USD", "khr");
    let refusal = read(Operation::Register, riel.as_bytes()).expect_err("riel have no decimals");
    assert!(refusal.detail.contains("KHR allows (0)"), "{refusal}");
}

#[test]
fn amounts_without_a_currency_wait_for_the_order() {
    let body = r#"{"txId":"1","merchantId":"M","termId":"T","amount":1.50}"#;
    let fields = Fields::parse(body.as_bytes()).expect("an object");
    let amount = refund::RefundRequest::read(&fields).expect("readable").amount.expect("sent");
    assert_eq!(amount.of(Currency::Usd), Ok(Amount::from_minor(150)));
    let refusal = amount.of(Currency::Khr).expect_err("riel have no decimals");
    assert_eq!((refusal.reason, refusal.field), (Reason::AmountInvalid, Some("amount")));

    let body = r#"{"merchantId":"M","termId":"T","txId":"1","amount":"1.50","currency":"KHR"}"#;
    let fields = Fields::parse(body.as_bytes()).expect("an object");
    let refusal = status::StatusRequest::read(&fields).expect_err("the currency is known here");
    assert_eq!(refusal.field, Some("amount"));
}

#[test]
fn currencies_take_any_letter_case() {
    accepted("currency", "\"usd\"");
    let refusal = refused("currency", "\"EUR\"");
    assert_eq!(refusal.reason, Reason::CurrencyUnsupported);
    assert_eq!(refusal.detail, "currency is \"EUR\"; allowed: USD, KHR");
}

#[test]
fn words_name_what_is_allowed() {
    assert_eq!(refused("trt", "\"11\"").detail, "trt is \"11\"; allowed: 10, 12");
    let long = format!("\"{}\"", "x".repeat(100));
    assert!(refused("payDvCd", &long).detail.starts_with("payDvCd is a text of 100 characters;"));
    let quoted = "x".repeat(limits::QUOTED_CHARS);
    let detail = refused("payDvCd", &format!("{quoted:?}")).detail;
    assert!(detail.starts_with(&format!("payDvCd is {quoted:?}")), "{detail}");
    let card = refused("paymentMethod", "\"4012001037141112\"").detail;
    assert!(card.contains("401200******1112") && !card.contains("4012001037141112"), "{card}");
}

#[test]
fn identifiers_are_bounded_in_characters() {
    let of = |letter: &str, count: usize| format!("\"{}\"", letter.repeat(count));
    accepted("txId", &of("a", limits::TX_ID_CHARS));
    accepted("txId", &of("ក", limits::TX_ID_CHARS));
    let refusal = refused("txId", &of("ក", limits::TX_ID_CHARS + 1));
    assert_eq!(refusal.detail, "txId must have at most 64 characters");
    assert!(refused("txId", "\"a\\nb\"").detail.contains("control characters"));
    assert!(refused("txId", "\"\\ud800\"").detail.contains("escape sequence"));
    let refusal = refused("txId", &of("a", limits::TX_ID_CHARS + 1));
    assert_eq!(refusal.detail, "txId must have at most 64 characters");
    for (value, kind) in [
        ("12", "a number"),
        ("-1", "a number"),
        ("{}", "an object"),
        ("[]", "an array"),
        ("true", "a boolean"),
        ("false", "a boolean"),
    ] {
        let detail = refused("txId", value).detail;
        assert_eq!(detail, format!("txId must be a JSON string, not {kind}"));
    }
    for (value, kind) in [("{}", "an object"), ("[]", "an array"), ("true", "a boolean")] {
        let detail = refused("amount", value).detail;
        assert_eq!(detail, format!("amount must be a string or a number, not {kind}"));
    }
}

#[test]
fn urls_are_absolute_and_carry_no_user() {
    for url in ["http://a", "https://a.example:8080/x?y=1#z", "HTTPS://a/", "http://[::1]:80/x"] {
        accepted("noti_url", &format!("{url:?}"));
    }
    for url in
        ["/x", "ftp://a/", "http://", "http:///x", "http://:80", "http://u:p@a/", "http://a b/"]
    {
        let refusal = refused("noti_url", &format!("{url:?}"));
        assert_eq!(
            (refusal.reason, refusal.field),
            (Reason::FieldInvalid, Some("noti_url")),
            "{url}"
        );
    }
    for port in ["0", "65536", "99999", "abc", "-1", ""] {
        for member in ["noti_url", "success_url", "fail_url", "cancel_url"] {
            let detail = refused(member, &format!("\"http://127.0.0.1:{port}/n\"")).detail;
            assert_eq!(detail, format!("{member} must name a port from 1 to 65535"));
        }
    }
    assert!(
        refused("success_url", "\"http://[::1/ok\"").detail.contains("must name a host such as")
    );
    let long = format!("\"http://a/{}\"", "x".repeat(limits::URL_CHARS));
    assert!(refused("fail_url", &long).detail.contains("at most 2048"));
    assert!(refused("cancel_url", "\"http://a/ភ\"").detail.contains("percent-encoded"));
}

#[test]
fn lists_are_paged_and_dated() {
    let with = |more: &str| {
        let body = format!(r#"{{"fromDate":"24112020","merchantId":"M","termId":"T",{more}}}"#);
        let fields = Fields::parse(body.as_bytes()).expect("an object");
        let request = orders::OrderListRequest::read(&fields)?;
        Ok::<_, UnreadableRequest>((request.to_date.digits(), request.index, request.limit))
    };
    let day = || digits(20_201_125);
    let taken = with(r#""ToDate":"25112020","index":"2","limit":50"#);
    assert_eq!(taken, Ok((day(), Some(2), Some(50))));
    assert_eq!(with(r#""toDate":"25112020","ToDate":"x""#), Ok((day(), None, None)));
    assert_eq!(with(r#""toDate":"24112020","index":1"#), Ok((digits(20_201_124), Some(1), None)));
    assert_eq!(with(r#""toDate":"25112020","limit":1000"#), Ok((day(), None, Some(1000))));
    for (more, field) in [
        (r#""todate":"25112020""#, "toDate"),
        (r#""toDate":"23112020""#, "toDate"),
        (r#""toDate":"2020-11-25""#, "toDate"),
        (r#""toDate":"31112020""#, "toDate"),
        (r#""ToDate":"31112020""#, "ToDate"),
        (r#""toDate":"25112020","index":0"#, "index"),
        (r#""toDate":"25112020","index":1.5"#, "index"),
        (r#""toDate":"25112020","index":"+1""#, "index"),
        (r#""toDate":"25112020","limit":1001"#, "limit"),
        (r#""toDate":"25112020","limit":99999999999"#, "limit"),
    ] {
        assert_eq!(with(more).expect_err(more).field, Some(field), "{more}");
    }
}

#[test]
fn cards_are_held_against_their_method() {
    let bind = |more: &str| {
        let body = format!(r#"{{"merchantId":"M","termId":"T","clientId":"02",{more}}}"#);
        let fields = Fields::parse(body.as_bytes()).expect("an object");
        binding_register::BindingRegisterRequest::read(&fields)
            .map(|it| (it.payment_method, format!("{it:?}")))
    };
    let method = |more: &str| bind(more).expect(more).0;
    let payon = r#""wdlAcNo":"1010499900000048","payonPin":"123456""#;
    assert_eq!(method(payon), BindingMethod::Payon);
    assert_eq!(method(r#""wdlAcNo":"4012001037141112""#), BindingMethod::CreditDebit);
    let debug = bind(payon).expect("readable").1;
    assert!(!debug.contains("1010499900000048") && !debug.contains("123456"), "{debug}");
    assert!(debug.contains(r#"merchant_id: "M""#) && debug.contains("0048"), "{debug}");
    let body = r#"{"merchantId":"M","termId":"T","clientId":"02","pin":"123456"}"#;
    let fields = Fields::parse(body.as_bytes()).expect("an object");
    let debug = format!("{:?}", pin::PinRequest::read(&fields).expect("readable"));
    assert!(debug.contains(r#"client_id: "02""#) && !debug.contains("123456"), "{debug}");
    for (more, field, part) in [
        (r#""wdlAcNo":"1010499900000048""#, "payonPin", "missing"),
        (r#""paymentMethod":"PAYON","wdlAcNo":"4012001037141112""#, "wdlAcNo", "PAYON card"),
        (r#""paymentMethod":"CREDIT_DEBIT","wdlAcNo":"1010499900000048""#, "wdlAcNo", "PAYON"),
        (r#""paymentMethod":"BAKONG_KHQR","wdlAcNo":"1""#, "paymentMethod", "allowed: PAYON, "),
        (r#""wdlAcNo":"4012001037141113""#, "wdlAcNo", "Luhn"),
        (r#""wdlAcNo":"4012 0010 3714 1112""#, "wdlAcNo", "12 to 19 digits"),
        (r#""wdlAcNo":"4012001037141112","wdlCvv":"77777""#, "wdlCvv", "3 to 4 digits"),
        (r#""wdlAcNo":"4012001037141112","wdlExpiry":"202713""#, "wdlExpiry", "yyyyMM"),
        (r#""wdlAcNo":"4012001037141112","wdlExpiry":"1227""#, "wdlExpiry", "yyyyMM"),
        (r#""wdlAcNo":"4012001037141112","wdlExpiry":"2o2712""#, "wdlExpiry", "yyyyMM"),
        (r#""wdlAcNo":"4012001037141112","wdlExpiry":"2027012""#, "wdlExpiry", "yyyyMM"),
        (r#""wdlAcNo":"4012001037141112","wdlExpiry":"202700""#, "wdlExpiry", "yyyyMM"),
        (r#""wdlAcNo":"4012001037141112","wdlCvv":"7o7""#, "wdlCvv", "3 to 4 digits"),
        (r#""wdlAcNo":"4012001037141112","email":"x""#, "email", "@"),
        (r#""wdlAcNo":"4012001037141112","email":"@x""#, "email", "@"),
        (r#""wdlAcNo":"4012001037141112","email":"x@""#, "email", "@"),
    ] {
        let refusal = bind(more).expect_err(more);
        assert_eq!(refusal.field, Some(field), "{refusal}");
        assert!(refusal.detail.contains(part), "{refusal}");
        assert!(!refusal.detail.contains("40120010") && !refusal.detail.contains("77777"));
    }
}

#[test]
fn rows_are_refused_one_by_one_and_calls_as_a_whole() {
    let good = r#"{"termId":"T","merchantId":"M","txId":"1","grandToTAmt":1.50,"transactionType":"REFUND"}"#;
    let bad = r#"{"termId":"T","merchantId":5,"txId":"2","grandToTAmt":"2.50","transactionType":"REFUND"}"#;
    let body = format!("[{good},{bad}]");
    let rows = Fields::parse_array(body.as_bytes()).expect("an array");
    let read = reconciliation::read(&rows).expect("two rows");
    assert!(read[0].is_ok());
    let refusal = read[1].as_ref().expect_err("merchantId is a number");
    assert_eq!(refusal.field, Some("merchantId"));
    let answer = encode(&ReconciliationResult::unreadable(&rows[1], "0001", "Invalid Merchant ID"));
    assert_eq!(
        String::from_utf8(answer).expect("JSON"),
        concat!(
            r#"{"merchantId":null,"reconciliationDv":null,"termId":"T","txId":"2","buyerId":null,"#,
            r#""sellerId":null,"grandToTAmt":2.5,"resultMsg":"Invalid Merchant ID","resultCode":"0001"}"#
        )
    );
    assert_eq!(reconciliation::read(&[]).expect_err("empty").reason, Reason::FieldMissing);
    let mut many = vec![Fields::default(); limits::RECONCILIATION_ROWS];
    assert_eq!(reconciliation::read(&many).expect("as many as are taken").len(), many.len());
    many.push(Fields::default());
    assert_eq!(reconciliation::read(&many).expect_err("too many").reason, Reason::TooLarge);
}

#[test]
fn redaction_case_by_case() {
    for (body, expected) in [
        (r#"{"wdlAcNo":"5204730000001003"}"#, r#"{"wdlAcNo":"520473******1003"}"#),
        (r#"{"wdlAcNo":"520473**1003"}"#, r#"{"wdlAcNo":"520473**1003"}"#),
        (r#"{"wdlAcNo":"************0022"}"#, r#"{"wdlAcNo":"************0022"}"#),
        (r#"{"wdlAcNo":"5204 7300 0000 1003"}"#, r#"{"wdlAcNo":"520473******1003"}"#),
        (r#"{"wdlAcNo":"52047300"}"#, r#"{"wdlAcNo":"***"}"#),
        (r#"{"wdlCvv":"100","PayonPin": 123456}"#, r#"{"wdlCvv":"***","PayonPin": "***"}"#),
        (r#"{"card_number":5204730000001003}"#, r#"{"card_number":"520473******1003"}"#),
        (r#"{"p\u0069n":"1234"}"#, r#"{"p\u0069n":"***"}"#),
        (r#"{"pin":null,"otp":"","cvv":true}"#, r#"{"pin":null,"otp":"","cvv":true}"#),
        (
            r#"{"pin":[{"a":"1"},"2",[3]],"b":"4"}"#,
            r#"{"pin":[{"a":"***"},"***",["***"]],"b":"4"}"#,
        ),
        (r#"{"a":{"b":[{"Passcode":"1"}]}}"#, r#"{"a":{"b":[{"Passcode":"***"}]}}"#),
        (
            r#"{"card":{"txId":"1","n":"4012001037141112"}}"#,
            r#"{"card":{"txId":"***","n":"401200******1112"}}"#,
        ),
        (r#"{"note":"card 4012001037141112."}"#, r#"{"note":"card 401200******1112."}"#),
        (r#"{"note":"4012-0010-3714-1112 12"}"#, r#"{"note":"401200******1112 12"}"#),
        (r#"{"note":"\u0034012001037141112"}"#, r#"{"note":"401200******1112"}"#),
        (r#"{"note":4012001037141112}"#, r#"{"note":"401200******1112"}"#),
        (r#"{"note":"4012001037141113"}"#, r#"{"note":"4012001037141113"}"#),
        (r#"{"note":"1010499900000048"}"#, r#"{"note":"101049******0048"}"#),
        (
            r#"{"txId":"4012001037141112","sign":"4012001037141112"}"#,
            r#"{"txId":"4012001037141112","sign":"4012001037141112"}"#,
        ),
        (r#"{"txId":["4012001037141112"]}"#, r#"{"txId":["401200******1112"]}"#),
        (r#"["4012001037141112"]"#, r#"["401200******1112"]"#),
        (r#"{"4012001037141112":1}"#, r#"{"401200******1112":1}"#),
        // No JSON: cut off, single quotes, forms, wrong quotes.
        (r#"{"pin":"1234"#, r#"{"pin":"***"#),
        (r#"{"a:"1","pin":"1234"}"#, r#"{"a:"1","pin":"***"}"#),
        ("{'pin':'12 34','x':'y'}", "{'pin':'***','x':'y'}"),
        ("{pin: 1234, wdlAcNo: 5204730000001003}", "{pin: ***, wdlAcNo: 520473******1003}"),
        ("wdlAcNo=5204730000001003&wdlCvv=100&x=1", "wdlAcNo=520473******1003&wdlCvv=***&x=1"),
        (r#"{"pin":[1,{"a":2}],"b":3"#, r#"{"pin":***,"b":3"#),
        (r#"{"txId":"4012001037141112""#, r#"{"txId":"401200******1112""#),
        (r#"{"note":"\u00104012001037141112"}"#, r#"{"note":"\u0010401200******1112"}"#),
        (r#"{"note":"\u00104012001037141112"#, r#"{"note":"\u0010401200******1112"#),
        ("x4012001037141112y", "x401200******1112y"),
        // Names of other gateways and of forms.
        (
            r#"{"CVV2":"1","pinBlock":"A1","otpCode":7}"#,
            r#"{"CVV2":"***","pinBlock":"***","otpCode":"***"}"#,
        ),
        (r#"{"shipping":"1234","footprint":"5"}"#, r#"{"shipping":"1234","footprint":"5"}"#),
        ("CVV2=123&pin_code=4", "CVV2=***&pin_code=***"),
        ("card[cvv]=123&x=1", "card[cvv]=***&x=1"),
        ("card%5Bcvv%5D=123&x=1", "card%5Bcvv%5D=***&x=1"),
        ("a%2Fpin=1234", "a%2Fpin=***"),
        ("q=%7B%22pin%22%3A%221234%22%7D", "q=%7B%22pin%22%3A%22***%22%7D"),
        ("'pin' => '1234'", "'pin' => '***'"),
        ("card=4012 0010 3714 1112 x", "card=401200******1112 x"),
        ("card: VISA", "card: VISA"),
        (r#"{"pin":"","x":"1","#, r#"{"pin":"","x":"1","#),
        ("Authorization: Bearer abc.def\r\nX: 1", "Authorization: ***\r\nX: 1"),
        ("url=1&pin=1234", "url=1&pin=***"),
        (r"\pin=1234", r"\pin=***"),
        (r"\u4012001037141112", r"\u401200******1112"),
        ("pin=4012001037141112&x=1", "pin=***&x=1"),
        ("cvv22=123 x", "cvv22=*** x"),
        // What looks like a name and its value, and is none.
        ("pin is short, x=5", "pin is short, x=5"),
        ("a pin >= 5 digits", "a pin >= 5 digits"),
        ("pin:>5", "pin:***"),
        ("pin value=5", "pin value=5"),
        ("form-data; name=\"cvv\"; x", "form-data; name=\"cvv\"; x"),
        // The words of an authorization, and what only looks like them.
        ("pin: basic;x=1", "pin: ***;x=1"),
        ("pin=12345 x", "pin=*** x"),
        // Secrets within a text.
        (r#"{"note":"x[pin] = 1234"}"#, r#"{"note":"x[pin] = ***"}"#),
        (r#"{"note":"cvv2=123"}"#, r#"{"note":"cvv2=***"}"#),
        (r#"{"note":"cvv%3D123"}"#, r#"{"note":"cvv%3D***"}"#),
        (r#"{"note":"<cvv>123</cvv>"}"#, r#"{"note":"<cvv>***</cvv>"}"#),
        (
            r#"{"noti_url":"http://a.test/n?cvv=123&id=7"}"#,
            r#"{"noti_url":"http://a.test/n?cvv=***&id=7"}"#,
        ),
        (r#"{"note":"{\"pin\":\"1234\"}"}"#, r#"{"note":"{\"pin\":\"***\"}"}"#),
        (r#"{"note":"PIN: 1234, thanks"}"#, r#"{"note":"PIN: ***, thanks"}"#),
        (
            r#"{"noti_url":"http://a.test:8080/n?id=7"}"#,
            r#"{"noti_url":"http://a.test:8080/n?id=7"}"#,
        ),
        // XML and parts of a form.
        ("<cvv>123</cvv><x>1</x>", "<cvv>***</cvv><x>1</x>"),
        ("<p:Pin type=\"n\">1234</p:Pin>", "<p:Pin type=\"n\">***</p:Pin>"),
        ("<cvv><![CDATA[123]]></cvv>", "<cvv>***</cvv>"),
        ("<cvv/><x>1</x>", "<cvv/><x>1</x>"),
        ("<card cvv=\"123\" x=\"1\"/>", "<card cvv=\"***\" x=\"1\"/>"),
        ("<cardNumber>4012001037141112</cardNumber>", "<cardNumber>401200******1112</cardNumber>"),
        ("log in with <token> please", "log in with <token> please"),
        ("<pin cvv=\"123\">1234</pin>", "<pin cvv=\"***\">***</pin>"),
        ("<pin <b>12</b>", "<pin <b>12</b>"),
        ("<cvv></cvv>12", "<cvv></cvv>12"),
        ("<cvv>123 x", "<cvv>*** x"),
        ("<cvv>123<br>", "<cvv>***<br>"),
        ("<input name=\"cvv\" value=\"123\">", "<input name=\"cvv\" value=\"***\">"),
        ("<field name=\"cvv\">123</field>", "<field name=\"cvv\">***</field>"),
        ("form-data; name=\"cvv\"\r\n\r\n123\r\n--b", "form-data; name=\"cvv\"\r\n\r\n***\r\n--b"),
        // Numbers in groups.
        (r#"{"note":"4012.0010.3714.1112"}"#, r#"{"note":"401200******1112"}"#),
        ("{\"note\":\"4012\u{a0}0010\u{a0}3714\u{a0}1112\"}", r#"{"note":"401200******1112"}"#),
        ("{\"note\":\"4012\u{2009}0010\u{2011}3714  1112\"}", r#"{"note":"401200******1112"}"#),
        ("x=4012%200010+3714_1112", "x=401200******1112"),
        (r#"{"note":"\u0034012\u00a000103714 1112"}"#, r#"{"note":"401200******1112"}"#),
        (
            r#"{"note":"10.20.30.40 2026-11-29 08:10:26"}"#,
            r#"{"note":"10.20.30.40 2026-11-29 08:10:26"}"#,
        ),
    ] {
        let redacted = redact(SecretNames::GENERAL, body.as_bytes());
        assert_eq!(String::from_utf8_lossy(&redacted), expected);
        let harmless = Fields::parse(body.as_bytes())
            .is_ok_and(|fields| is_harmless(SecretNames::GENERAL, &fields));
        assert!(!harmless || body == expected, "{body}");
    }
}

#[test]
fn text_in_wide_units_is_redacted_as_text() {
    let body = r#"{"wdlCvv":"100","note":"4012001037141112"}"#;
    let little: Vec<u8> = body.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let big: Vec<u8> = body.encode_utf16().flat_map(u16::to_be_bytes).collect();
    let wide: Vec<u8> = body.chars().flat_map(|c| u32::from(c).to_le_bytes()).collect();
    for bytes in [[&b"\xff\xfe"[..], &little].concat(), little, big, wide] {
        let shown = redact(SecretNames::GENERAL, &bytes);
        let shown = String::from_utf8_lossy(&shown);
        assert!(shown.ends_with(r#"{"wdlCvv":"***","note":"401200******1112"}"#), "{shown:?}");
    }
    let harmless = b"\0a\0b".as_slice();
    assert!(matches!(redact(SecretNames::GENERAL, harmless), std::borrow::Cow::Borrowed(_)));
}

#[test]
fn a_private_key_is_hidden_under_every_name() {
    let (line, title) =
        (format!("MIIEvQIBADANBgkqhkiG9w0BAQEFAASC{}", "Ab9/".repeat(400)), "PRIVATE KEY");
    let lines: Vec<_> = line.as_bytes().chunks(64).map(String::from_utf8_lossy).collect();
    let pem = |end: &str| {
        format!("-----BEGIN {title}-----{end}{}{end}-----END {title}-----{end}", lines.join(end))
    };
    let old = format!("MIIEpAIBAAKCAQEA{}", "Ab9/".repeat(400));
    for text in [
        line.clone(),
        old.clone(),
        lines.join("\r\n"),
        lines.join("\n"),
        pem("\n"),
        pem(" "),
        pem("\n").replace("BEGIN ", "BEGIN RSA ").replace("END ", "END RSA "),
        pem("\n")[..900].to_owned(),
    ] {
        for body in [serde_json::json!({ "note": text }).to_string(), format!("note={text}"), text]
        {
            let redacted = redact(SecretNames::GENERAL, body.as_bytes());
            let shown = String::from_utf8_lossy(&redacted);
            assert!(shown.contains("***") && !shown.contains("Ab9/Ab9/"), "{shown}");
            assert_eq!(redact(SecretNames::GENERAL, &redacted), redacted);
            let harmless = Fields::parse(body.as_bytes())
                .is_ok_and(|fields| is_harmless(SecretNames::GENERAL, &fields));
            assert!(!harmless, "{body}");
        }
    }
    // What stands around a key stays to the letter.
    let wrapped = lines.join("\n");
    for (text, expected) in [
        (pem("\n"), "-----BEGIN PRIVATE KEY-----***-----END PRIVATE KEY-----\n".to_owned()),
        (format!("a\n{wrapped}\nnext"), "a\n***\nnext".to_owned()),
        (format!("{}\r\nnext", lines.join("\r\n")), "***\r\nnext".to_owned()),
    ] {
        let redacted = redact(SecretNames::GENERAL, text.as_bytes());
        assert_eq!(String::from_utf8_lossy(&redacted), expected);
    }
    for text in [
        "-----BEGIN PRIVATE KEY-----\n***\n-----END PRIVATE KEY-----",
        "-----BEGIN PRIVATE KEY-----\n-----END PRIVATE KEY-----",
        "-----END PRIVATE KEY-----\nafter\n-----",
        "BEGIN PRIVATE KEY-----\nafter\n-----",
    ] {
        assert_eq!(redact(SecretNames::GENERAL, text.as_bytes()), text.as_bytes());
    }
    let public = format!("MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8A{}", "Ab9/".repeat(80));
    let body = format!("-----BEGIN PUBLIC KEY-----\n{public}\n-----END PUBLIC KEY-----");
    assert!(matches!(redact(SecretNames::GENERAL, body.as_bytes()), std::borrow::Cow::Borrowed(_)));
}

#[test]
fn headers_are_redacted_by_name_and_content() {
    for (name, value, expected) in [
        ("x-card", "4012 0010 3714 1112", "401200******1112"),
        ("x-cvv2", "123", "***"),
        ("authorization", "Bearer abc", "***"),
        ("cookie", "sid=abc", "***"),
        ("location", "http://a.test/?pin=1234", "http://a.test/?pin=***"),
        ("x-note", "paid with 4012-0010-3714-1112", "paid with 401200******1112"),
        ("content-type", "application/json; charset=utf-8", "application/json; charset=utf-8"),
    ] {
        assert_eq!(redact_header(SecretNames::GENERAL, name, value), expected);
    }
}

#[test]
fn harmless_bodies_are_not_copied() {
    let body = register_with("buyerId", "\"4012001037141112\"");
    assert!(matches!(redact(SecretNames::GENERAL, body.as_bytes()), std::borrow::Cow::Borrowed(_)));
    let address = register_with("noti_url", "\"http://a.test:8080/n?id=7\"");
    for body in [&body, &address] {
        let fields = Fields::parse(body.as_bytes()).expect("an object");
        assert!(is_harmless(SecretNames::GENERAL, &fields), "{body}");
    }
    assert!(matches!(redact(SecretNames::GENERAL, b""), std::borrow::Cow::Borrowed(_)));
    assert!(matches!(redact(SecretNames::GENERAL, b"\xff\xfe{"), std::borrow::Cow::Borrowed(_)));
}
