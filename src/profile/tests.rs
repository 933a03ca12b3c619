//! Content of the built-in profile, and the messages for a wrong directory.

use std::collections::{BTreeMap, HashSet};
use std::fs;
use std::path::Path;

use rsa::pkcs8::{DecodePrivateKey, DecodePublicKey, EncodePublicKey, LineEnding};
use rsa::traits::PublicKeyParts;
use rsa::{RsaPrivateKey, RsaPublicKey};

use super::*;
use crate::base::Operation::{Reconciliation, Refund, Status};
use crate::base::{OrderState, PaymentMethod};

fn base64(text: &str) -> Vec<u8> {
    use ::base64::prelude::*;
    BASE64_STANDARD.decode(text).expect("Base64")
}

/// The built-in profile with texts replaced in one file, as a user's directory would be read.
fn edited(file: &str, edits: &[(&str, &str)]) -> Result<Profile, ProfileErrors> {
    let sources = FILES.map(|name| {
        let text = builtin(name);
        let mut text = text.to_owned();
        if name == file {
            for (from, to) in edits {
                assert!(text.contains(from), "{file} has no {from:?}");
                text = text.replacen(from, to, 1);
            }
        }
        Some(SourceText { shown: name.to_owned(), text: text.into() })
    });
    parse(sources, Vec::new())
}

fn complaints(file: &str, edits: &[(&str, &str)]) -> String {
    edited(file, edits).expect_err("refused").to_string()
}

#[test]
fn the_documented_world_is_there() {
    let profile = Profile::builtin();
    let terminals =
        |id| profile.merchant(id).map(|merchant| merchant.terminals.join(",")).unwrap_or_default();
    assert_eq!(terminals("C0000143"), "CT03000003");
    assert_eq!(terminals("EPAY00000000001"), "PAYONGT1");
    assert_eq!(terminals("O0000021"), "OW04000007");
    assert!(profile.merchant("C0000144").is_none());

    let card = profile.card("5204730000001003").expect("the documented card");
    assert_eq!((card.cvv.as_deref(), card.expiry.as_str()), (Some("100"), "202512"));
    assert_eq!(
        (card.name.as_str(), card.outcome, card.mark),
        ("MC", Reason::Success, Mark::Example)
    );
    assert_eq!(profile.card("4012001037141112").map(|card| card.expiry.as_str()), Some("202712"));
    assert_eq!(profile.card("1010499900000048").map(|card| card.scheme), Some(CardBrand::Payon));

    assert_eq!(profile.payers.phone, "855964444781");
    assert_eq!(profile.payers.passcode, "123456");
    assert_eq!(profile.payers.customer_ids, ["02", "04"]);
    assert_eq!(profile.payers.otp.right(OtpChannel::Sms), "654321");
    assert_eq!(
        profile.payers.bank_account("0000000000000022").map(BankAccount::masked).as_deref(),
        Some("************0022")
    );
    assert_eq!(profile.wording.orders.state.get(OrderState::Captured), "09");
    assert_eq!(profile.wording.status.state.get(OrderState::Captured), "COMPLETE");
    assert_eq!(profile.wording.orders.pay_dv_cd.get(PaymentMethod::CreditDebit), "8");
    assert_eq!(profile.wording.payment_type.get(PaymentMethod::Payon), "01");
    assert_eq!(profile.wording.payment_type.get(PaymentMethod::CreditDebit), "02");
    assert_eq!(profile.wording.token.refusal_body, "1");
}

#[test]
fn names_of_a_closed_set_are_indexed_by_their_order() {
    for (at, state) in OrderState::ALL.iter().enumerate() {
        assert_eq!(*state as usize, at);
    }
    for (at, method) in PaymentMethod::ALL.iter().enumerate() {
        assert_eq!(*method as usize, at);
        assert_eq!(method.name().parse(), Ok(*method));
    }
    for (at, reason) in Reason::ALL.iter().enumerate() {
        assert_eq!(*reason as usize, at);
    }
}

#[test]
fn answers_are_documented_where_payon_documents_them() {
    let profile = Profile::builtin();
    let answer = |operation, reason| {
        let ReasonAnswer { code, message, http, mark, .. } = profile.answer(operation, reason);
        format!("{code} {message} {http} {mark}")
    };
    for (operation, reason, expected) in [
        (Refund, Reason::Success, "0000 Success 200 D"),
        (Status, Reason::Success, "0000 Success 200 D"),
        (Status, Reason::OrderNotFound, "9999 System error 302 D"),
        (Status, Reason::OrderPending, "9999 System error 302 D"),
        (Status, Reason::CardInsufficientFunds, "9999 System error 302 D"),
        (Status, Reason::MerchantUnknown, "0001 Invalid Merchant ID 200 D"),
        (Refund, Reason::CardInsufficientFunds, "5051 Insufficient funds 200 A"),
        (Refund, Reason::OrderNotFound, "3003 Invalid Transaction 200 D"),
        (Refund, Reason::MalformedJson, "1001 Malformed JSON 400 A"),
        (Refund, Reason::TooLarge, "1002 Request too large 413 A"),
        (Refund, Reason::WrongMethod, "1004 Method not allowed 405 A"),
        (Refund, Reason::TokenInvalid, "2001 Invalid token 401 D"),
        (Reconciliation, Reason::MerchantUnknown, "0001 Invalid Merchant ID 200 D"),
        (Reconciliation, Reason::TerminalUnknown, "0002 Invalid Term ID 200 D"),
        (Reconciliation, Reason::CustomerInvalid, "0006 Invalid Customer ID 200 D"),
        (Reconciliation, Reason::TypeMismatch, "3003 Invalid Transaction 200 D"),
        (Reconciliation, Reason::AmountMismatch, "3003 Invalid Transaction 200 A"),
        (Reconciliation, Reason::SystemError, "9999 System Error 200 D"),
    ] {
        assert_eq!(answer(operation, reason), expected, "{operation} {reason}");
    }
    assert_eq!(profile.reasons.general(Reason::UnknownPath).http, 404);
    assert_eq!(profile.reasons.general(Reason::OrderNotFound).code, "3003");
    assert_eq!(profile.reasons.pushback(true).message, "Success");
    let failure = profile.reasons.pushback(false);
    assert_eq!((failure.code, failure.message), ("9999", "ERROR"));
}

#[test]
fn every_reason_has_a_code_of_its_own_or_a_documented_one() {
    let profile = Profile::builtin();
    let mut codes = BTreeMap::<&str, Vec<Reason>>::new();
    for reason in Reason::ALL {
        codes.entry(profile.reasons.general(*reason).code).or_default().push(*reason);
    }
    let shared: Vec<_> = codes.into_iter().filter(|(_, reasons)| reasons.len() > 1).collect();
    assert_eq!(shared, [("3003", vec![Reason::OrderNotFound, Reason::TypeMismatch])]);
}

#[test]
fn every_card_outcome_can_be_rehearsed() {
    let profile = Profile::builtin();
    let outcomes: HashSet<Reason> = profile.cards.iter().map(|card| card.outcome).collect();
    let depends_on_what_is_typed =
        [Reason::CardUnknown, Reason::CardExpiryMismatch, Reason::OtpWrong, Reason::OtpExpired];
    for reason in Reason::ALL {
        let family = reason.name().split('.').next().unwrap_or_default();
        if matches!(family, "card" | "issuer" | "acs" | "otp")
            && !depends_on_what_is_typed.contains(reason)
        {
            assert!(outcomes.contains(reason), "no card for {reason}");
        }
    }
    for authentication in Authentication::ALL {
        let mut cards = profile.cards.iter();
        assert!(cards.any(|card| card.authentication == *authentication), "{authentication}");
    }
    for scheme in CardBrand::ALL {
        let approved = |card: &Card| card.scheme == *scheme && card.outcome == Reason::Success;
        assert!(profile.cards.iter().any(approved), "{scheme}");
    }
    let issuer_codes: HashSet<&str> =
        profile.cards.iter().filter_map(|card| card.iso.as_deref()).collect();
    for iso in "00 05 41 43 51 54 55 59 61 62 65 68 75 91 96 N7".split(' ') {
        assert!(issuer_codes.contains(iso), "no card for the issuer's {iso}");
    }
}

#[test]
fn a_card_says_one_thing() {
    for card in &Profile::builtin().cards {
        let asked = !matches!(
            card.authentication,
            Authentication::Unavailable
                | Authentication::Rejected
                | Authentication::Abandoned
                | Authentication::Mismatch
                | Authentication::WrongOtp
        );
        assert_eq!(card.iso.is_some(), asked, "{card:?}");
        let by_the_acs = matches!(card.outcome.name().split('.').next(), Some("acs" | "otp"));
        assert_eq!(by_the_acs, !asked, "{card:?}");
        assert_eq!(card.iso.as_deref() == Some("00"), card.outcome == Reason::Success, "{card:?}");
    }
}

#[test]
fn every_wallet_and_bank_outcome_can_be_rehearsed() {
    let payers = &Profile::builtin().payers;
    let outcomes: HashSet<Reason> = payers
        .wallets
        .iter()
        .map(|wallet| wallet.outcome)
        .chain(payers.banks.iter().map(|account| account.outcome))
        .collect();
    for reason in [
        Reason::Success,
        Reason::WalletInsufficientFunds,
        Reason::WalletBlocked,
        Reason::BankDeclined,
        Reason::QrDeclined,
    ] {
        assert!(outcomes.contains(&reason), "{reason}");
    }
    let banks: HashSet<&str> = payers.banks.iter().map(|account| account.bank.as_str()).collect();
    assert!(banks.contains("PPCBank") && banks.len() > 1);
}

#[test]
fn every_private_key_fits_its_public_one() {
    let profile = Profile::builtin();
    let mut moduli = HashSet::new();
    for pair in &profile.keys {
        let private = pair.private.as_deref().expect("all built-in pairs are whole");
        let private = RsaPrivateKey::from_pkcs8_der(&base64(private)).expect("PKCS#8");
        let public = RsaPublicKey::from_public_key_der(&base64(&pair.public)).expect("SPKI");
        assert_eq!(RsaPublicKey::from(&private), public, "{}", pair.name);
        assert!(moduli.insert(public.n().clone()), "{} is there twice", pair.name);
    }
    let bits = |name| {
        let pair = profile.key(name).expect("a key");
        RsaPublicKey::from_public_key_der(&base64(&pair.public)).expect("SPKI").size() * 8
    };
    assert_eq!(
        [bits("gateway"), bits("C0000143"), bits("EPAY00000000001"), bits("weak-1024")],
        [2048, 2048, 4096, 1024]
    );
    assert_eq!(profile.key_pool.len(), 24);
    assert!(profile.merchants.iter().all(|merchant| merchant.key.name == merchant.id));
}

#[test]
fn the_pem_beside_the_profile_is_the_gateways() {
    let pem = include_str!("../../fixtures/pgtest/gateway-public.pem");
    let der = base64(&Profile::builtin().gateway_key.public);
    let key = RsaPublicKey::from_public_key_der(&der).expect("SPKI");
    assert_eq!(pem, key.to_public_key_pem(LineEnding::LF).expect("PEM"));
}

#[test]
fn every_entry_says_whose_word_it_is_and_where() {
    let profile = Profile::builtin();
    let all = profile.provenance();
    let mut keys = HashSet::new();
    for entry in all {
        assert!(keys.insert(&entry.key), "{} is there twice", entry.key);
        let Provenance { key, about, place, .. } = entry;
        assert!(!about.is_empty(), "{key} does not say what it does");
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(&*place.file);
        let text = fs::read_to_string(file).expect("a file of the profile");
        let line = text.lines().nth(place.line as usize - 1).unwrap_or_default();
        let name = key.rsplit('.').next().unwrap_or_default();
        let is_header = line.starts_with('[');
        let is_member = line.trim_start().starts_with("{ name = ") && line.contains(name);
        assert!(
            is_header || is_member || line.starts_with(&format!("{name} =")),
            "{key} is not at {place}"
        );
    }
    let mark = |key: &str| all.iter().find(|entry| entry.key == key).map(|entry| entry.mark);
    assert_eq!(mark("rules.otp_tries"), Some(Mark::Assumed));
    assert_eq!(mark("sign.algorithm"), Some(Mark::Assumed));
    assert_eq!(mark("sign.operations"), Some(Mark::Documented));
    assert_eq!(mark("wording.orders.state.captured"), Some(Mark::Example));
    assert_eq!(mark("reason.order.not-found"), Some(Mark::Documented));
    assert_eq!(mark("merchant.C0000143"), Some(Mark::Example));
    assert_eq!(mark("card.520473******1003"), Some(Mark::Example));
    assert_eq!(mark("pushback.success"), Some(Mark::Example));
    let rows = Reason::ALL.len() + profile.cards.len() + profile.keys.len();
    assert!(all.len() > rows + 60, "{} entries", all.len());
    for card in &profile.cards {
        assert!(all.iter().all(|entry| !entry.key.contains(&card.number)));
    }
}

#[test]
fn every_reason_member_and_rule_has_a_mark() {
    let profile = Profile::builtin();
    let marked: HashSet<&str> =
        profile.provenance().iter().map(|entry| entry.key.as_str()).collect();
    let missing = |key: String| (!marked.contains(key.as_str())).then_some(key);
    let reasons = Reason::ALL.iter().map(|reason| format!("reason.{reason}"));
    let members = Operation::ALL.iter().flat_map(|operation| {
        let described = profile.operations.get(*operation);
        let member = move |part| {
            move |member: &MemberSpec| format!("operation.{operation}.{part}.{}", member.name)
        };
        let request = described.request.iter().map(member("request"));
        request.chain(described.response.iter().map(member("response")))
    });
    let operations = Operation::ALL.iter().map(|operation| format!("operation.{operation}"));
    // The rules by the names of their fields, as the struct itself prints them.
    let printed = format!("{:#?}", profile.rules);
    let rules: Vec<String> = printed
        .lines()
        .filter_map(|line| line.strip_prefix("    ")?.split_once(':'))
        .map(|(name, _)| format!("rules.{name}"))
        .collect();
    assert!(rules.len() >= 13, "{rules:?}");
    let unmarked: Vec<String> =
        reasons.chain(operations).chain(members).chain(rules).filter_map(missing).collect();
    assert!(unmarked.is_empty(), "{unmarked:?}");
}

#[test]
fn members_are_found_by_their_exact_name() {
    let profile = Profile::builtin();
    for operation in Operation::ALL {
        let described = profile.operations.get(*operation);
        for member in &described.request {
            let found = described.member(member.plain_name());
            assert_eq!(found.map(|found| &found.name), Some(&member.name), "{operation}");
            assert!(
                described.member(&member.plain_name().to_uppercase()).is_none_or(|found| {
                    found.plain_name() == member.plain_name().to_uppercase()
                })
            );
        }
        for stranger in ["", "x", "merchantid", "txID", "a name that is longer than any member's"] {
            assert!(described.member(stranger).is_none(), "{operation} {stranger}");
        }
    }
    let pin = profile.operations.get(Operation::CreatePin).member("pin").expect("a member");
    assert_eq!((pin.secret, pin.kind, pin.mark), (true, MemberKind::String, Mark::Documented));
}

#[test]
fn a_member_that_a_profile_calls_secret_is_masked() {
    let member = "{ name = \"wdlNm\", required = false, mark = \"D\", type = \"string\"";
    let secret = format!("{member}, secret = true");
    let own = edited("operations.toml", &[(member, &secret)]).expect("a profile");
    let body = br#"{"wdlNm":"Dara","WDL_NM":"Dara","itemNm":"Dara"}"#;
    let shown = |profile: &Profile| {
        let shown = crate::wire::redact(profile.operations.secrets(), body).into_owned();
        String::from_utf8(shown).expect("text")
    };
    assert_eq!(shown(&Profile::builtin()).matches("Dara").count(), 3);
    assert_eq!(shown(&own), r#"{"wdlNm":"***","WDL_NM":"***","itemNm":"Dara"}"#);
}

#[test]
fn a_mistake_in_the_members_is_told_at_its_place() {
    insta::assert_snapshot!(complaints("operations.toml", &[
        ("{ name = \"termId\", required = true, mark = \"D\", type = \"string\"", "{ name = \"termId\", required = 1, mark = \"D\", type = \"text\""),
        ("name = \"reversal\"", "name = \"reversals\""),
        ("{ name = \"sign\", required = false, mark = \"D\", type", "{ name = \"txId\", required = false, mark = \"D\", typ"),
        ("[pushback]", "[pushbacks]"),
    ]), @r#"
    operations.toml:1:1: [pushback] is missing
         |
       1 | # What PAYON's operations take and answer, member by member, in the order in which they are chec
         | ^

    operations.toml:15:1: no entry for reversal
         |
      15 | [[operation]]
         | ^^^^^^^^^^^^^
         = every operation has an [[operation]]

    operations.toml:20:33: expected true or false, found an integer
         |
      20 |   { name = "termId", required = 1, mark = "D", type = "text", example = "CT03000003", about = "T
         |                                 ^

    operations.toml:20:55: `text` is not a type
         |
      20 |   { name = "termId", required = 1, mark = "D", type = "text", example = "CT03000003", about = "T
         |                                                       ^^^^^^
         = allowed: string, amount, integer, array, object, null

    operations.toml:59:8: `reversals` is not an operation
         |
      59 | name = "reversals"
         |        ^^^^^^^^^^^
         = did you mean `reversal`?
         = allowed: register, reversal, refund, preAuthCompletion, orders, status, bindingRegister, bindingList, createPin, enablePin, disablePin, reconciliation, notifyQrScanned, notifyProcessing, notifyCompletion, cancelQr

    operations.toml:63:50: `typ` is not a key here
         |
      63 |   { name = "txId", required = false, mark = "D", typ = "string", example = "c2lnbmF0dXJl", about
         |                                                  ^^^
         = did you mean `type`?
         = allowed: type, nullable, values, secret, name, required, mark, example, about

    operations.toml:64:12: this name is taken by the entry at line 63
         |
      64 |   { name = "txId", required = true, mark = "D", type = "string", example = "2435", about = "The
         |            ^^^^^^

    operations.toml:415:2: `pushbacks` is not a key here
         |
     415 | [pushbacks]
         |  ^^^^^^^^^
         = did you mean `pushback`?
         = allowed: operation, pushback

    8 problems in the profile
    "#);
}

#[test]
fn an_answer_leads_to_its_line() {
    let profile = Profile::builtin();
    let place = profile.answer(Operation::Status, Reason::OrderNotFound).place;
    assert_eq!(&*place.file, "fixtures/pgtest/reasons.toml");
    let entry = profile.provenance().iter().find(|entry| entry.place == *place);
    assert_eq!(entry.map(|entry| entry.key.as_str()), Some("override.status.9999"));
}

#[test]
fn what_is_exported_loads_as_the_same_profile() {
    let dir = tempfile::tempdir().expect("a directory");
    let inner = dir.path().join("mine");
    Profile::export(&inner).expect("written");
    let mut loaded = Profile::load(&inner).expect("read");
    let builtin = Profile::builtin();
    let elsewhere = |profile: &Profile| {
        let lines = profile.provenance.iter().map(|entry| (entry.key.clone(), entry.place.line));
        lines.collect::<Vec<_>>()
    };
    assert_eq!(elsewhere(&loaded), elsewhere(&builtin));
    assert!(
        loaded.provenance.iter().all(|entry| Path::new(&*entry.place.file).starts_with(&inner))
    );
    // All but the places, which name another directory, is equal.
    loaded.provenance.clone_from(&builtin.provenance);
    loaded.reasons = builtin.reasons.clone();
    assert_eq!(loaded, *builtin);

    fs::remove_file(inner.join("cards.toml")).expect("removed");
    let error = Profile::export(&inner).expect_err("refused");
    assert_eq!(error.kind(), io::ErrorKind::AlreadyExists);
    assert!(!inner.join("cards.toml").exists(), "nothing was written");
}

#[test]
fn a_merchant_whose_id_vanishes_from_addresses_is_refused() {
    for id in [".", ".."] {
        let edit = (r#"id = "C0000143""#, format!(r#"id = "{id}""#));
        let said = complaints("merchants.toml", &[(edit.0, &edit.1)]);
        assert!(said.contains("clients take `.` and `..` out of addresses"), "{said}");
    }
}

#[test]
fn a_merchant_may_have_settings_of_its_own() {
    let profile = edited("merchants.toml", &[(
        "pin_enabled = true",
        "pin_enabled = true\nsign_mode = \"if-present\"\ntoken = \"t\"\nnoti_retries_s = [1]\nnoti_url = \"http://a.test/n\"",
    )])
    .expect("read");
    let merchant = profile.merchant("C0000143").expect("there");
    assert_eq!(merchant.noti_url.as_deref(), Some("http://a.test/n"));
    assert_eq!(profile.sign_mode(merchant, Operation::Refund), SignMode::IfPresent);
    assert_eq!(profile.sign_mode(merchant, Operation::Status), SignMode::Off);
    assert_eq!(profile.pushback_for(merchant).retries_s, [1]);
    assert_eq!(profile.pushback_for(merchant).timeout_ms, 10_000);
    let other = profile.merchant("O0000021").expect("there");
    assert_eq!(profile.sign_mode(other, Operation::Refund), SignMode::Required);
    assert_eq!(profile.pushback_for(other).retries_s.len(), 7);
}

#[test]
fn all_mistakes_of_a_file_are_told_at_once() {
    insta::assert_snapshot!(complaints("cards.toml", &[
        ("scheme = \"mastercard\"", "schema = \"mastercard\""),
        ("number = \"4012001037141112\"", "number = \"4012001037141113\""),
        ("cvv = \"207\"", "cvv = 207"),
        ("outcome = \"card.insufficient-funds\"", "outcome = \"card.insuficient-funds\""),
        ("expiry = \"203312\"", "expiry = \"203313\""),
        ("number = \"4242424242424242\"", "number = \"4111111111111111\""),
    ]), @r#"
    cards.toml:17:1: `schema` is not a key here
         |
      17 | schema = "mastercard"
         | ^^^^^^
         = did you mean `scheme`?
         = allowed: number, scheme, cvv, pin, expiry, name, authentication, outcome, iso, mark, about

    cards.toml:28:10: the number fails the Luhn check: a digit is wrong
         |
      28 | number = "****************"
         |          ^^^^^^^^^^^^^^^^^^
         = only numbers that are published for testing belong here, never a real card's

    cards.toml:30:7: expected a string, found an integer
         |
      30 | cvv = ***
         |       ^^^

    cards.toml:88:10: this number is taken by the entry at line 63
         |
      88 | number = "****************"
         |          ^^^^^^^^^^^^^^^^^^

    cards.toml:115:10: the month must be 01 to 12; an expiry is YYYYMM, such as 202712
         |
     115 | expiry = "203313"
         |          ^^^^^^^^

    cards.toml:309:11: `card.insuficient-funds` is not a reason
         |
     309 | outcome = "card.insuficient-funds"
         |           ^^^^^^^^^^^^^^^^^^^^^^^^
         = did you mean `card.insufficient-funds`?
         = allowed: card.insufficient-funds, wallet.insufficient-funds, card.restricted, card.suspected-fraud, card.too-many-uses, card.unknown, card.expired, card.stolen and 76 more

    6 problems in the profile
    "#);
}

#[test]
fn a_mistake_in_the_settings_is_told_at_its_place() {
    insta::assert_snapshot!(complaints("profile.toml", &[
        ("order_lifetime_ms = { value = 900_000,", "order_lifetime_ms = { value = 0,"),
        ("refund_unsettled = { value = \"allow\", mark = \"A\",", "refund_unsettled = { value = \"alow\", mark = \"X\","),
        ("otp_tries = { value = 3, mark = \"A\", about = \"Wrong one-time passwords after which the payment fails\" }", "otp_tries = 3"),
        ("algorithm = ", "algoritm = "),
        ("omit_empty = true", "omit_empty = \"yes\""),
        ("\"reversal\", \"refund\"", "\"reversal\", \"refunds\""),
        ("languages = { value = [\"en\", \"km\"]", "languages = { value = []"),
        ("partlyRefunded = \"10\"\n", ""),
    ]), @r#"
    profile.toml:13:31: must be at least 1
         |
      13 | order_lifetime_ms = { value = 0, mark = "A", about = "A registered order may be paid for 15 minu
         |                               ^

    profile.toml:17:30: `alow` is not a treatment
         |
      17 | refund_unsettled = { value = "alow", mark = "X", about = "Refund of a captured but unsettled pay
         |                              ^^^^^^
         = did you mean `allow`?
         = allowed: allow, refuse, reverse

    profile.toml:17:45: `X` is not a mark
         |
      17 | refund_unsettled = { value = "alow", mark = "X", about = "Refund of a captured but unsettled pay
         |                                             ^^^
         = allowed: D, E, A, C

    profile.toml:24:1: `otp_tries` does not say whose word it is
         |
      24 | otp_tries = 3
         | ^^^^^^^^^
         = write otp_tries = { value = …, mark = "D" | "E" | "A", about = "…" }
         = or give its table `mark` and `about`, which hold for every bare value in it

    profile.toml:35:37: `refunds` is not an operation
         |
      35 | operations = { value = ["reversal", "refunds", "preAuthCompletion"], mark = "D", about = "The op
         |                                     ^^^^^^^^^
         = did you mean `refund`?
         = allowed: register, reversal, refund, preAuthCompletion, orders, status, bindingRegister, bindingList, createPin, enablePin, disablePin, reconciliation, notifyQrScanned, notifyProcessing, notifyCompletion, cancelQr

    profile.toml:36:1: unknown field `algoritm`, expected one of `algorithm`, `canonical`, `fields`, `template`, `separator`, `skip`, `omit_empty`, `encoding`, `key_position`, `order`, `joiner`, `names`, `value_case`, `numbers`, `escape`, `empty_values`, `sign_value`, `layout`, `prefix`, `suffix`, `key_member`, `key_form`, `line_ends`, `transform`, `charset`, `predigest`, `predigest_form`, `pss_salt`, `pss_mask`
         |
      36 | algoritm = "RSA-SHA256"
         | ^^^^^^^^
         = did you mean `algorithm`?

    profile.toml:41:14: invalid type: string "yes", expected a boolean
         |
      41 | omit_empty = "yes"
         |              ^^^^^

    profile.toml:66:23: at least one language is needed
         |
      66 | languages = { value = [], mark = "A", about = "Languages of the pages, the default first" }
         |                       ^^

    profile.toml:71:1: `partlyRefunded` is missing
         |
      71 | [wording.orders.state]
         | ^^^^^^^^^^^^^^^^^^^^^^

    9 problems in the profile
    "#);
}

#[test]
fn times_without_end_are_told() {
    let max = i64::MAX.to_string();
    let mut changes = Vec::new();
    for (name, value) in [
        ("order_lifetime_ms", "900_000"),
        ("qr_lifetime_ms", "600_000"),
        ("hold_lifetime_ms", "604_800_000"),
        ("otp_lifetime_ms", "300_000"),
        ("timeout_ms", "10_000"),
        ("link_lifetime_ms", "900_000"),
    ] {
        let setting = |value: &str| format!("\n{name} = {{ value = {value},");
        changes.push((setting(value), setting(&max), "must be at most 31622400000"));
    }
    let cutoff = |value: &str| format!("settlement_cutoff_ms = {{ value = {value},");
    for wrong in ["-1", "86_400_000", &max] {
        changes.push((cutoff("0"), cutoff(wrong), "must be from 0 to 86399999"));
    }
    for (from, to, part) in changes {
        let told = complaints("profile.toml", &[(&*from, &*to)]);
        assert!(told.contains(part) && told.contains("1 problem in the profile"), "{told}");
    }
    for (more, part) in [
        (format!("noti_timeout_ms = {max}"), "must be at most 31622400000"),
        ("noti_retries_s = [1, 4294967295]".to_owned(), "must be at most 31622400"),
        ("token = \" x\"".to_owned(), "no blanks at its ends"),
    ] {
        let told = complaints(
            "merchants.toml",
            &[("city = \"Siem Reap\"", &*format!("city = \"Siem Reap\"\n{more}"))],
        );
        assert!(told.contains(part), "{told}");
    }
}

#[test]
fn a_mistake_between_files_is_told_at_its_place() {
    insta::assert_snapshot!(complaints("merchants.toml", &[
        ("key = \"C0000143\"", "key = \"C000143\""),
        ("id = \"EPAY00000000001\"", "id = \"C0000143\""),
        ("account = \"demo_store@ppcb\"", "account = \"demo_store\""),
        ("city = \"Siem Reap\"", "city = \"Siem Reap\"\nnoti_url = \"localhost:8080\""),
    ]), @r#"
    merchants.toml:24:7: `C000143` is not the name of a key in keys.toml
         |
      24 | key = "C000143"
         |       ^^^^^^^^^
         = did you mean `C0000143`?
         = allowed: C0000143, O0000021, pool-03, pool-13, pool-14, pool-23, gateway, pool-01 and 21 more

    merchants.toml:27:20: a Bakong account id is name@bank
         |
      27 | khqr = { account = "demo_store", merchant_id = "C0000143", bank = "PPCBank" }
         |                    ^^^^^^^^^^^^

    merchants.toml:30:6: this merchant id is taken by the entry at line 16
         |
      30 | id = "C0000143"
         |      ^^^^^^^^^^

    merchants.toml:50:12: not a URL that can be called: it must be an absolute URL that begins with http:// or https://
         |
      50 | noti_url = "localhost:8080"
         |            ^^^^^^^^^^^^^^^^
         = write it in full, such as http://127.0.0.1:8080/payon/noti

    4 problems in the profile
    "#);
}

#[test]
fn a_profile_from_before_the_simulators_own_reason_answers_as_for_a_busy_gateway() {
    let row = "[[reason]]\nname = \"simulator.full\"\ncode = \"9003\"\nmessage = \"The simulator keeps no more of these\"\n\
        http = 503\nmark = \"A\"\nabout = \"A bound of the simulator, such as --max-open-orders; PAYON has none that is known\"\n";
    let profile = edited("reasons.toml", &[(row, "")]).expect("it loads");
    let answer = profile.reasons.general(Reason::SimulatorFull);
    assert_eq!((answer.code, answer.http), ("9001", 503));
}

#[test]
fn a_reason_without_a_row_is_told() {
    insta::assert_snapshot!(complaints("reasons.toml", &[
        ("name = \"order.expired\"", "name = \"order.expird\""),
        ("code = \"3005\"", "code = \"305\""),
        ("on = [\"reconciliation\"]", "on = [\"status\"]"),
    ]), @r#"
    reasons.toml:9:1: no row for order.expired
         |
       9 | [[reason]]
         | ^^^^^^^^^^
         = every reason has a [[reason]] with name, code, message and mark

    reasons.toml:126:8: `order.expird` is not a reason
         |
     126 | name = "order.expird"
         |        ^^^^^^^^^^^^^^
         = did you mean `order.expired`?
         = allowed: order.expired, order.pending, order.failed, card.expired, otp.expired, link.expired, order.duplicate, order.not-found and 76 more

    reasons.toml:133:8: must be 4 digits
         |
     133 | code = "305"
         |        ^^^^^

    reasons.toml:564:11: system.error is overridden on status already
         |
     564 | reasons = ["system.error"]
         |           ^^^^^^^^^^^^^^^^

    4 problems in the profile
    "#);
}

#[test]
fn a_wrong_key_is_told_without_showing_it() {
    let keys = builtin("keys.toml");
    let of = |name: &str, half: &str| {
        let row = keys.split("[[key]]").find(|row| row.contains(&format!("name = \"{name}\"")));
        let line = row.and_then(|row| row.lines().find(|line| line.starts_with(half)));
        line.expect("a line").to_owned()
    };
    let private = of("gateway", "private");
    let told = complaints(
        "keys.toml",
        &[
            (&of("gateway", "public"), &of("C0000143", "public")),
            (&of("EPAY00000000001", "public"), "public = \"-----BEGIN PRIVATE KEY-----\""),
            (&of("O0000021", "private"), "private = \"MIIE!\""),
            (&of("weak-1024", "private"), &format!("{}\"", &of("weak-1024", "private")[..411])),
            (&of("pool-01", "private"), ""),
        ],
    );
    insta::assert_snapshot!(told, @r#"
    keys.toml:16:10: this public key does not belong to the private key above it
         |
      16 | public = "MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAzJkt8Uil+KZSC1Z6mIxHbPOrBIwp2XYyBfdOuSSFWq
         |          ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^

    keys.toml:32:10: this PEM is no public key, it says "PRIVATE KEY"
         |
      32 | public = "-----BEGIN PRIVATE KEY-----"
         |          ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^

    keys.toml:39:11: this private key is not Base64
         |
      39 | private = "*****"
         |           ^^^^^^^
         = give one line of Base64 DER, or PEM between """ … """

    keys.toml:47:11: this private key is not DER: it is cut short, or not a key
         |
      47 | private = "*************************************************************************************
         |           ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
         = give one line of Base64 DER, or PEM between """ … """

    keys.toml:52:8: a key of the role pool needs `private`
         |
      52 | role = "pool"
         |        ^^^^^^

    5 problems in the profile
    "#);
    assert!(!told.contains(&private[20..60]));
}

#[test]
fn a_key_may_be_pem() {
    let profile = Profile::builtin();
    let pem = include_str!("../../fixtures/pgtest/gateway-public.pem");
    let line = format!("public = \"{}\"", profile.gateway_key.public);
    let loaded = edited("keys.toml", &[(&line, &format!("public = \"\"\"\n{pem}\"\"\""))]);
    assert_eq!(loaded.expect("read").gateway_key.public, pem);
}

#[test]
fn syntax_errors_are_all_told_and_hide_what_follows_from_them() {
    insta::assert_snapshot!(complaints("payers.toml", &[
        ("[payer]", "[payer"),
        ("name = \"CHAN THIDA\"", "name = CHAN THIDA"),
    ]), @r#"
    payers.toml:4:7: unclosed table, expected `]`
         |
       4 | [payer
         |       ^

    payers.toml:23:8: string values must be quoted, expected literal string
         |
      23 | name = CHAN THIDA
         |        ^^^^^^^^^^

    2 problems in the profile
    "#);
}

#[test]
fn a_directory_without_files_names_each() {
    let dir = tempfile::tempdir().expect("a directory");
    fs::write(dir.path().join("card.toml"), "").expect("written");
    fs::write(dir.path().join("notes.txt"), "").expect("written");
    let errors = Profile::load(dir.path()).expect_err("refused");
    let told = errors.to_string().replace(&dir.path().display().to_string(), "DIR");
    insta::assert_snapshot!(told, @r#"
    DIR/profile.toml: is missing
         = `payon-sim profile export DIR` writes a complete directory

    DIR/keys.toml: is missing
         = `payon-sim profile export DIR` writes a complete directory

    DIR/merchants.toml: is missing
         = `payon-sim profile export DIR` writes a complete directory

    DIR/cards.toml: is missing
         = `payon-sim profile export DIR` writes a complete directory

    DIR/payers.toml: is missing
         = `payon-sim profile export DIR` writes a complete directory

    DIR/reasons.toml: is missing
         = `payon-sim profile export DIR` writes a complete directory

    DIR/operations.toml: is missing
         = `payon-sim profile export DIR` writes a complete directory

    DIR/card.toml: is no file of a profile
         = a profile has profile.toml, keys.toml, merchants.toml, cards.toml, payers.toml, reasons.toml, operations.toml
         = did you mean `cards.toml`?

    8 problems in the profile
    "#);
}
