//! Properties over arbitrary input.

use proptest::prelude::*;
use serde_json::Value;

use crate::base::{Fields, Operation, SecretNames};
use crate::wire::card::luhn;
use crate::wire::{is_harmless, redact};

use super::read;

/// Names that mean something somewhere, and some that do not.
fn name() -> impl Strategy<Value = String> {
    let known = [
        "termId",
        "merchantId",
        "txId",
        "trt",
        "currency",
        "amount",
        "paymentMethod",
        "clientId",
        "payDvCd",
        "noti_url",
        "sign",
        "fromDate",
        "toDate",
        "ToDate",
        "index",
        "limit",
        "wdlAcNo",
        "wdlCvv",
        "wdlExpiry",
        "pin",
        "payonPin",
        "email",
        "grandToTAmt",
        "transactionType",
        "RESULT_CODE",
        "TX_ID",
        "AMOUNT",
        "CURRENCY",
        "card",
        "passcode",
        "resultData",
        "note",
    ];
    prop_oneof![
        8 => prop::sample::select(known.to_vec()).prop_map(str::to_owned),
        1 => "\\PC{0,8}",
    ]
}

fn scalar() -> impl Strategy<Value = Value> {
    let likely = [
        "10",
        "USD",
        "khr",
        "1.00",
        "PAYON",
        "CREDIT_DEBIT",
        "24112020",
        "202512",
        "0000",
        "1e5",
        "https://a.example/x",
        "a@b",
        "PURCHASE",
        "1010499900000048",
        "4012001037141112",
        "100",
    ];
    prop_oneof![
        4 => prop::sample::select(likely.to_vec()).prop_map(Value::from),
        1 => ".{0,20}".prop_map(Value::from),
        1 => any::<i64>().prop_map(Value::from),
        1 => any::<f64>().prop_map(Value::from),
        1 => prop_oneof![Just(Value::Null), any::<bool>().prop_map(Value::from)],
    ]
}

fn json() -> impl Strategy<Value = Value> {
    scalar().prop_recursive(4, 48, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::vec((name(), inner), 0..12)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

/// A number that passes the Luhn check, with a known prefix.
fn card_number() -> impl Strategy<Value = String> {
    let prefix = prop::sample::select(vec!["4", "51", "2223", "3528", "6250", "5204730", "1010"]);
    (prefix, prop::collection::vec(0..10_u8, 16)).prop_map(|(prefix, digits)| {
        let mut number = prefix.to_owned();
        number.extend(digits.iter().map(|digit| char::from(b'0' + digit)));
        number.truncate(15);
        (0..10).map(|check| format!("{number}{check}")).find(|it| luhn(it)).expect("one of ten")
    })
}

/// Container kinds and lengths, leaves left out.
fn shape(value: &Value) -> Value {
    match value {
        Value::Array(elements) => elements.iter().map(shape).collect(),
        Value::Object(members) => {
            Value::Object(members.iter().map(|(name, it)| (name.clone(), shape(it))).collect())
        }
        _ => Value::Null,
    }
}

/// The values of members named `name`, at any depth.
fn leaves<'v>(value: &'v Value, name: &str, found: &mut Vec<&'v Value>) {
    match value {
        Value::Array(elements) => elements.iter().for_each(|it| leaves(it, name, found)),
        Value::Object(members) => {
            found.extend(members.get(name));
            members.values().for_each(|it| leaves(it, name, found));
        }
        _ => {}
    }
}

/// A golden body, since most mistakes in practice are a documented body gone wrong.
const BODY: &str = super::golden!("binding-register/request.json");

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn reading_never_panics_and_always_says_why(value in json()) {
        let bodies = [value.to_string(), format!("[{value}]")];
        for operation in Operation::ALL {
            for body in &bodies {
                if let Err(refusal) = read(*operation, body.as_bytes()) {
                    prop_assert!(!refusal.detail.is_empty() && refusal.detail.len() < 500);
                    prop_assert!(!refusal.detail.contains("4012001037141112"));
                    prop_assert!(!refusal.detail.contains("1010499900000048"));
                }
            }
        }
    }

    #[test]
    fn reading_and_redacting_survive_any_bytes(
        bytes in prop::collection::vec(any::<u8>(), 0..200),
    ) {
        redact(SecretNames::GENERAL, &bytes);
        for operation in Operation::ALL {
            prop_assert!(read(*operation, &bytes).is_err());
        }
    }

    #[test]
    fn redacted_json_is_json_of_the_same_shape(value in json()) {
        let body = value.to_string();
        let redacted = redact(SecretNames::GENERAL, body.as_bytes());
        let after: Value = serde_json::from_slice(&redacted).expect("still JSON");
        prop_assert_eq!(shape(&value), shape(&after));
        let mut secrets = Vec::new();
        leaves(&after, "pin", &mut secrets);
        leaves(&after, "wdlCvv", &mut secrets);
        for secret in secrets {
            let hidden = match secret {
                Value::String(text) => text.is_empty() || text == "***",
                Value::Number(_) => false,
                _ => true,
            };
            prop_assert!(hidden, "{} of {}", secret, body);
        }
        let harmless = Fields::parse(body.as_bytes()).is_ok_and(|fields| is_harmless(SecretNames::GENERAL, &fields));
        prop_assert!(!harmless || *redacted == *body.as_bytes(), "{}", body);
        // Once is enough.
        prop_assert_eq!(redact(SecretNames::GENERAL, &redacted).into_owned(), redacted.into_owned());
    }

    #[test]
    fn no_full_card_number_remains(
        number in card_number(),
        (before, after) in ("[^0-9]{0,6}", "[^0-9]{0,6}"),
        cut in 0..400_usize,
    ) {
        let text = format!("{before}{number}{after}");
        let value = serde_json::json!({"a": [{"note": text}], "wdlAcNo": number, "n": number});
        let body = value.to_string();
        let whole = String::from_utf8_lossy(&redact(SecretNames::GENERAL, body.as_bytes())).into_owned();
        prop_assert!(!whole.contains(&number), "{}", whole);
        // Cut off anywhere it is no JSON any more.
        let cut = &body.as_bytes()[..cut.min(body.len())];
        let rest = String::from_utf8_lossy(&redact(SecretNames::GENERAL, cut)).into_owned();
        prop_assert!(!rest.contains(&number), "{}", rest);
    }

    #[test]
    fn a_damaged_body_still_hides_its_secrets(at in 0..BODY.len(), with in any::<u8>()) {
        let mut body = BODY.as_bytes().to_vec();
        body[at] = with;
        let redacted = String::from_utf8_lossy(&redact(SecretNames::GENERAL, &body)).into_owned();
        prop_assert!(!redacted.contains("5204730000001003"), "{}", redacted);
    }
}
