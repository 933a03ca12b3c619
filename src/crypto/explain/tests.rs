//! Each near miss, by making exactly that mistake.

use std::sync::LazyLock;

use rsa::rand_core::OsRng;
use rsa::{BigUint, Pss};
use sha1::Sha1;
use sha2::Sha256;

use super::super::hash::Hash;
use super::super::keys::{PrivateKey, Secret};
use super::super::recipe::KeyPosition;
use super::super::tests::private_key;
use super::*;
use crate::base::SecretNames;
use crate::wire::redact;

static MERCHANT: LazyLock<PrivateKey> = LazyLock::new(|| private_key("merchant-2048"));
static GATEWAY: LazyLock<PrivateKey> = LazyLock::new(|| private_key("gateway-2048"));
static SMALL: LazyLock<PrivateKey> = LazyLock::new(|| private_key("merchant-1024"));

/// A body with a blank, a null, a number, a text to escape and a name that sorts by case.
const BODY: &str = r#"{"txId":"2435","merchantId":"C0000143","termId":"CT03000003","currency":"usd","amount":1.00,"Memo":"a b/ភ","approvalNo":null,"note":""}"#;
const CANONICAL: &str =
    "Memo=a b/ភ&amount=1.00&currency=usd&merchantId=C0000143&termId=CT03000003&txId=2435";
/// A body without peculiarities.
const PLAIN: &str = r#"{"txId":"2435","merchantId":"C0000143","termId":"CT03000003"}"#;
const PLAIN_CANONICAL: &str = "merchantId=C0000143&termId=CT03000003&txId=2435";

struct Case<'a> {
    recipe: Recipe,
    key: VerifyKey,
    body: &'a str,
}

impl Default for Case<'_> {
    fn default() -> Self {
        let key = VerifyKey::Rsa(MERCHANT.public_key().clone());
        Self { recipe: Recipe::default(), key, body: BODY }
    }
}

impl Case<'_> {
    fn shared(algorithm: Algorithm) -> Self {
        let key = VerifyKey::Shared(Secret::new(SECRET).unwrap());
        Self { recipe: Recipe { algorithm, ..Recipe::default() }, key, body: BODY }
    }

    fn explain(&self, sign: &str) -> Explanation {
        let member = format!(",\"sign\":{}}}", serde_json::Value::from(sign));
        let body = format!("{}{member}", self.body.strip_suffix('}').unwrap());
        self.explain_body(&body)
    }

    fn explain_body(&self, body: &str) -> Explanation {
        let fields = Fields::parse(body.as_bytes()).unwrap();
        let rsa = |key: &PrivateKey| VerifyKey::Rsa(key.public_key().clone());
        let shared = |text: &str| VerifyKey::Shared(Secret::new(text).unwrap());
        explain(&Question {
            recipe: &self.recipe,
            documented: REFUND,
            body,
            fields: &fields,
            key: &self.key,
            others: &[
                OtherKey::of("the gateway's own key", rsa(&GATEWAY)),
                OtherKey::of("the key of merchant O0000021", rsa(&SMALL)),
                OtherKey::of("the key of merchant S1", shared("another-secret")),
            ],
            hide: &|body| redact(SecretNames::GENERAL, body),
        })
    }
}

/// The members of PAYON's page of refunds.
const REFUND: &[&str] = &["txId", "merchantId", "termId"];
const SECRET: &str = "c2VjcmV0LWtleQ==";

fn sign_with(key: &PrivateKey, hash: Hash, text: impl AsRef<[u8]>) -> Vec<u8> {
    key.rsa().sign(hash.pkcs1(), &hash.digest(&[text.as_ref()])).unwrap()
}

fn signed(text: impl AsRef<[u8]>) -> String {
    Encoding::Base64.encode(&sign_with(&MERCHANT, Hash::Sha256, text))
}

fn codes(explanation: &Explanation) -> Vec<&'static str> {
    explanation.causes.iter().map(|cause| cause.code).collect()
}

#[track_caller]
fn assert_codes(explanation: &Explanation, expected: &[&str]) {
    assert_eq!(codes(explanation), expected, "{explanation:#?}");
    assert!(!explanation.ok);
    assert!(explanation.causes.iter().all(|cause| explanation.summary.contains(&cause.message)));
}

/// Signs `text` instead of the canonical string of `BODY`.
#[track_caller]
fn string_mistake(text: &str, expected: &[&str]) {
    let explanation = Case::default().explain(&signed(text));
    assert_codes(&explanation, expected);
    assert!(explanation.key_proven);
    assert_eq!(explanation.canonical, CANONICAL);
    assert_eq!(explanation.signed.as_deref(), Some(text));
    assert_eq!(explanation.causes[0].canonical.as_deref(), Some(text));
}

#[test]
fn a_right_signature_needs_no_explaining() {
    let explanation = Case::default().explain(&signed(CANONICAL));
    assert!(explanation.ok && explanation.key_proven && explanation.causes.is_empty());
    assert_eq!(explanation.canonical, CANONICAL);
    let received = explanation.received.unwrap();
    assert_eq!((received.bytes, received.expected_bytes), (Some(256), 256));
    assert_eq!(received.encoding, Some(Encoding::Base64));
}

#[test]
fn wrong_orders() {
    string_mistake(
        "txId=2435&merchantId=C0000143&termId=CT03000003&currency=usd&amount=1.00&Memo=a b/ភ",
        &["order.wire"],
    );
    string_mistake(
        "amount=1.00&currency=usd&Memo=a b/ភ&merchantId=C0000143&termId=CT03000003&txId=2435",
        &["order.any-case"],
    );
    string_mistake(
        "txId=2435&termId=CT03000003&merchantId=C0000143&currency=usd&amount=1.00&Memo=a b/ភ",
        &["order.reversed"],
    );
    string_mistake(
        "amount=1.00&txId=2435&merchantId=C0000143&termId=CT03000003&Memo=a b/ភ&currency=usd",
        &["order.by-value"],
    );
    let case = Case { body: r#"{"termId":"T","merchantId":"M","txId":"1"}"#, ..Case::default() };
    let documented = case.explain(&signed("txId=1&merchantId=M&termId=T"));
    assert_codes(&documented, &["order.documented"]);
    let other = case.explain(&signed("txId=1&termId=T&merchantId=M"));
    assert_codes(&other, &["order.reversed"]);
    let other = case.explain(&signed("merchantId=M&txId=1&termId=T"));
    assert_codes(&other, &["order.other"]);
    assert!(other.causes[0].message.contains("in the order merchantId, txId, termId; sort"));
}

#[test]
fn blanks_kept() {
    let rest = "currency=usd&merchantId=C0000143";
    let tail = "termId=CT03000003&txId=2435";
    string_mistake(
        &format!("Memo=a b/ភ&amount=1.00&approvalNo=&{rest}&note=&{tail}"),
        &["blank.kept"],
    );
    string_mistake(
        &format!("Memo=a b/ភ&amount=1.00&approvalNo=null&{rest}&note=&{tail}"),
        &["blank.null-word"],
    );
    string_mistake(
        &format!("Memo=a b/ភ&amount=1.00&approvalNo=null&{rest}&{tail}"),
        &["blank.only-null-word"],
    );
    string_mistake(&format!("Memo=a b/ភ&amount=1.00&{rest}&note=&{tail}"), &["blank.only-empty"]);
    let keeping =
        Case { recipe: Recipe { omit_empty: false, ..Recipe::default() }, ..Case::default() };
    assert_codes(&keeping.explain(&signed(CANONICAL)), &["blank.omitted"]);
}

#[test]
fn members_more_or_less() {
    string_mistake(
        "Memo=a b/ភ&amount=1.00&currency=usd&merchantId=C0000143&sign=&termId=CT03000003&txId=2435",
        &["field.sign-included"],
    );
    string_mistake(
        "Memo=a b/ភ&currency=usd&merchantId=C0000143&termId=CT03000003&txId=2435",
        &["field.left-out"],
    );
    string_mistake(PLAIN_CANONICAL, &["field.documented-only"]);
    let ordered = Case {
        recipe: Recipe {
            canonical: Canonical::OrderedPairs,
            fields: vec!["txId".into(), "termId".into()],
            ..Recipe::default()
        },
        body: PLAIN,
        ..Case::default()
    };
    let all = ordered.explain(&signed("txId=2435&termId=CT03000003&merchantId=C0000143"));
    assert_codes(&all, &["field.all"]);
    assert!(all.summary.contains("sign exactly txId, termId"), "{}", all.summary);
    let sorted = ordered.explain(&signed("termId=CT03000003&txId=2435"));
    assert_codes(&sorted, &["order.sorted"]);
}

#[test]
fn numbers_in_other_forms() {
    for (form, code) in
        [("1", "number.shortest"), ("1.0", "number.float"), ("100", "number.minor-units")]
    {
        string_mistake(&CANONICAL.replace("1.00", form), &[code]);
    }
    let case = Case { body: r#"{"txId":"10","amount":"7.5"}"#, ..Case::default() };
    let explanation = case.explain(&signed("amount=7.50&txId=10"));
    assert_codes(&explanation, &["number.two-decimals"]);
}

#[test]
fn values_rewritten() {
    let with_memo = |memo: &str| CANONICAL.replace("a b/ភ", memo);
    string_mistake(&with_memo("a%20b%2F%E1%9E%97"), &["value.url-encoded"]);
    string_mistake(&with_memo("a+b%2F%E1%9E%97"), &["value.form-encoded"]);
    string_mistake(&with_memo("a b/\\u1797"), &["value.unicode-escaped"]);
    string_mistake(&with_memo("a b\\/ភ"), &["value.slash-escaped"]);
    string_mistake(
        "Memo=\"a b/ភ\"&amount=1.00&currency=\"usd\"&merchantId=\"C0000143\"&termId=\"CT03000003\"&txId=\"2435\"",
        &["value.quoted"],
    );
    string_mistake(
        "Memo=A B/ភ&amount=1.00&currency=USD&merchantId=C0000143&termId=CT03000003&txId=2435",
        &["value.upper"],
    );
    string_mistake(
        "Memo=a b/ភ&amount=1.00&currency=usd&merchantId=c0000143&termId=ct03000003&txId=2435",
        &["value.lower"],
    );
    let case = Case { body: r#"{"txId":" 10 "}"#, ..Case::default() };
    assert_codes(&case.explain(&signed("txId=10")), &["value.trimmed"]);
}

#[test]
fn names_in_another_case() {
    string_mistake(
        "memo=a b/ភ&amount=1.00&currency=usd&merchantid=C0000143&termid=CT03000003&txid=2435",
        &["name.lower"],
    );
    string_mistake(
        "MEMO=a b/ភ&AMOUNT=1.00&CURRENCY=usd&MERCHANTID=C0000143&TERMID=CT03000003&TXID=2435",
        &["name.upper"],
    );
}

#[test]
fn something_around_the_string() {
    for (before, after, code) in [
        ("", "\n", "text.newline"),
        ("", "\r\n", "text.crlf"),
        ("", " ", "text.space-after"),
        (" ", "", "text.space-before"),
        ("\n", "", "text.newline-before"),
        ("", "&", "text.separator-after"),
        ("&", "", "text.separator-before"),
        ("\"", "\"", "text.quoted"),
        ("{", "}", "text.braces"),
        ("?", "", "text.question-mark"),
        ("\u{feff}", "", "text.byte-order-mark"),
    ] {
        string_mistake(&format!("{before}{CANONICAL}{after}"), &[code]);
    }
}

#[test]
fn other_shapes() {
    let values = ["a b/ភ", "1.00", "usd", "C0000143", "CT03000003", "2435"];
    string_mistake(&values.join("&"), &["shape.values"]);
    string_mistake(&values.concat(), &["shape.values-joined"]);
    string_mistake(&values.join("|"), &["shape.values", "separator.bar"]);
    string_mistake(&CANONICAL.replace(['=', '&'], ""), &["shape.pairs-joined"]);
    string_mistake(&CANONICAL.replace('=', ":"), &["joiner.colon"]);
    string_mistake(&CANONICAL.replace('=', ""), &["joiner.none"]);
    for (separator, code) in [
        ("", "separator.none"),
        ("|", "separator.bar"),
        (",", "separator.comma"),
        (", ", "separator.comma-space"),
        (";", "separator.semicolon"),
        (":", "separator.colon"),
        (" ", "separator.space"),
        ("\n", "separator.newline"),
        ("-", "separator.dash"),
        ("_", "separator.underscore"),
        ("^", "separator.caret"),
        ("&amp;", "separator.html"),
    ] {
        string_mistake(&CANONICAL.replace('&', separator), &[code]);
    }
    let ordered = |canonical, separator: &str| Case {
        recipe: Recipe {
            canonical,
            separator: separator.to_owned(),
            fields: vec!["txId".into(), "merchantId".into()],
            ..Recipe::default()
        },
        ..Case::default()
    };
    let case = ordered(Canonical::OrderedValues, "");
    assert_codes(&case.explain(&signed("2435&C0000143")), &["separator.ampersand"]);
    assert_codes(&case.explain(&signed("txId=2435merchantId=C0000143")), &["shape.pairs"]);
}

#[test]
fn the_body_signed_as_json() {
    string_mistake(BODY, &["body.without-sign"]);
    let with = |sign: &str| format!("{},\"sign\":{sign}}}", BODY.strip_suffix('}').unwrap());
    string_mistake(&with("\"\""), &["body.sign-empty"]);
    string_mistake(&with("null"), &["body.sign-null"]);
    string_mistake(
        r#"{"Memo":"a b/ភ","amount":1.00,"approvalNo":null,"currency":"usd","merchantId":"C0000143","note":"","termId":"CT03000003","txId":"2435"}"#,
        &["json.sorted"],
    );
    string_mistake(
        r#"{"txId": "2435", "merchantId": "C0000143", "termId": "CT03000003", "currency": "usd", "amount": 1.00, "Memo": "a b/ភ", "approvalNo": null, "note": ""}"#,
        &["json.spaced"],
    );
    string_mistake(
        r#"{"Memo": "a b/\u1797", "amount": 1.0, "approvalNo": null, "currency": "usd", "merchantId": "C0000143", "note": "", "termId": "CT03000003", "txId": "2435"}"#
            .replace("\\u1797", "ភ")
            .as_str(),
        &["number.float", "json.spaced-sorted"],
    );
}

#[test]
fn the_sign_member_is_taken_out_wherever_it_stands() {
    let case = Case::default();
    for (original, put) in [
        (
            "{\n  \"txId\": \"1\",\n  \"a\": 2\n}",
            "{\n  \"sign\": @,\n  \"txId\": \"1\",\n  \"a\": 2\n}",
        ),
        (
            "{\n  \"txId\": \"1\",\n  \"a\": 2\n}",
            "{\n  \"txId\": \"1\",\n  \"sign\": @,\n  \"a\": 2\n}",
        ),
        (
            "{\n  \"txId\": \"1\",\n  \"a\": 2\n}",
            "{\n  \"txId\": \"1\",\n  \"a\": 2,\n  \"sign\": @\n}",
        ),
    ] {
        let body = put.replace('@', &format!("\"{}\"", signed(original)));
        let explanation = case.explain_body(&body);
        assert_codes(&explanation, &["body.without-sign"]);
        assert_eq!(explanation.signed.as_deref(), Some(original));
    }
    // The same members in one line, signed before they were laid out.
    let body = "{\n \"txId\" : \"1\",\n \"sign\" : \"@\"\n}";
    let explanation = case.explain_body(&body.replace('@', &signed(r#"{"txId":"1"}"#)));
    assert_codes(&explanation, &["json.compact"]);
}

#[test]
fn hashed_or_encoded_before_signing() {
    let hash = |hash: Hash| hash.digest(&[CANONICAL.as_bytes()]);
    let hex = |bytes: &[u8]| Encoding::Hex.encode(bytes);
    let check = |message: &[u8], code| {
        let explanation = Case::default().explain(&signed(message));
        assert_codes(&explanation, &[code]);
        assert!(explanation.causes[0].message.contains("sign the string itself"));
    };
    let sha256 = hash(Hash::Sha256);
    check(hex(&sha256).as_bytes(), "digest.hex-sha256");
    check(hex(&sha256).to_uppercase().as_bytes(), "digest.upper-hex-sha256");
    check(&sha256, "digest.raw-sha256");
    check(Encoding::Base64.encode(&sha256).as_bytes(), "digest.base64-sha256");
    check(hex(&hash(Hash::Sha1)).as_bytes(), "digest.hex-sha1");
    check(&hash(Hash::Sha1), "digest.raw-sha1");
    check(hex(&hash(Hash::Sha512)).as_bytes(), "digest.hex-sha512");
    check(&hash(Hash::Sha512), "digest.raw-sha512");
    check(hex(&hash(Hash::Md5)).as_bytes(), "digest.hex-md5");
    check(hex(&hash(Hash::Md5)).to_uppercase().as_bytes(), "digest.upper-hex-md5");
    check(Encoding::Base64.encode(CANONICAL.as_bytes()).as_bytes(), "string.base64");
    check(CANONICAL.to_uppercase().as_bytes(), "string.upper");
    check(CANONICAL.to_lowercase().as_bytes(), "string.lower");
    string_mistake(
        "Memo%3Da%20b%2F%E1%9E%97%26amount%3D1.00%26currency%3Dusd%26merchantId%3DC0000143%26termId%3DCT03000003%26txId%3D2435",
        &["string.url-encoded"],
    );
}

#[test]
fn other_character_sets() {
    let check = |bytes: Vec<u8>, code| {
        assert_codes(&Case::default().explain(&signed(bytes)), &[code]);
    };
    check(CANONICAL.encode_utf16().flat_map(u16::to_le_bytes).collect(), "charset.utf-16le");
    check(CANONICAL.encode_utf16().flat_map(u16::to_be_bytes).collect(), "charset.utf-16be");
    check(CANONICAL.replace('ភ', "?").into_bytes(), "charset.ascii");
    let case = Case { body: r#"{"memo":"é"}"#, ..Case::default() };
    assert_codes(&case.explain(&signed(b"memo=\xe9")), &["charset.latin-1"]);
}

#[test]
fn other_encodings_of_the_signature() {
    let bytes = sign_with(&MERCHANT, Hash::Sha256, CANONICAL);
    let base64 = Encoding::Base64.encode(&bytes);
    let hex = Encoding::Hex.encode(&bytes);
    let reversed = bytes.iter().rev().copied().collect::<Vec<_>>();
    assert!(base64.contains('+'), "the vector must show the lost plus");
    for (sign, code) in [
        (hex.clone(), "encoding.hex"),
        (hex.to_uppercase(), "encoding.hex"),
        (Encoding::Base64Url.encode(&bytes), "encoding.base64url"),
        (base64.replace('+', " "), "encoding.plus-lost"),
        (base64.replace('+', "%2B").replace('=', "%3D"), "encoding.percent"),
        (format!("\"{base64}\""), "encoding.quoted"),
        (format!("{}\\n{}", &base64[..64], &base64[64..]), "encoding.line-breaks"),
        (Encoding::Base64.encode(base64.as_bytes()), "encoding.double"),
        (Encoding::Base64.encode(hex.as_bytes()), "encoding.double"),
        (Encoding::Base64.encode(&reversed), "encoding.byte-order"),
    ] {
        let explanation = Case::default().explain(&sign);
        assert_codes(&explanation, &[code]);
        assert_eq!(explanation.signed, None, "the string was right");
        assert!(explanation.key_proven);
    }
    let twice = Case::default().explain(&Encoding::Hex.encode(base64.as_bytes()));
    assert_codes(&twice, &["encoding.hex", "encoding.double"]);
    let wants_hex =
        Case { recipe: Recipe { encoding: Encoding::Hex, ..Recipe::default() }, ..Case::default() };
    let explanation = wants_hex.explain(&base64);
    assert_codes(&explanation, &["encoding.base64"]);
    assert_eq!(explanation.causes[0].message, "sign is written in base64; write it in hex");
}

#[test]
fn other_hashes_and_paddings() {
    for hash in [Hash::Sha1, Hash::Sha384, Hash::Sha512, Hash::Md5, Hash::Sha224] {
        let sign = Encoding::Base64.encode(&sign_with(&MERCHANT, hash, CANONICAL));
        let explanation = Case::default().explain(&sign);
        assert_codes(&explanation, &["algorithm.hash"]);
        let digits = hash.name().replace("SHA-", "SHA");
        assert!(explanation.summary.replace("SHA-", "SHA").contains(&digits));
    }
    let digest = Hash::Sha256.digest(&[CANONICAL.as_bytes()]);
    let pss = |scheme: Pss| {
        let bytes = MERCHANT.rsa().sign_with_rng(&mut OsRng, scheme, &digest).unwrap();
        Encoding::Base64.encode(&bytes)
    };
    let pkcs1_wanted = Case::default();
    assert_codes(&pkcs1_wanted.explain(&pss(Pss::new::<Sha256>())), &["algorithm.pss"]);
    let pss_wanted = Case {
        recipe: Recipe { algorithm: Algorithm::RsaPssSha256, ..Recipe::default() },
        ..Case::default()
    };
    assert!(pss_wanted.explain(&pss(Pss::new::<Sha256>())).ok);
    assert_codes(&pss_wanted.explain(&signed(CANONICAL)), &["algorithm.pkcs1"]);
    for salt in [0, 20, 222] {
        let explanation = pss_wanted.explain(&pss(Pss::new_with_salt::<Sha256>(salt)));
        assert_codes(&explanation, &["algorithm.pss-parameters"]);
        assert!(explanation.summary.contains(&format!("{salt} bytes of salt")));
    }
    let sha1 = Hash::Sha1.digest(&[CANONICAL.as_bytes()]);
    let sha1 = MERCHANT.rsa().sign_with_rng(&mut OsRng, Pss::new::<Sha1>(), &sha1).unwrap();
    let explanation = pss_wanted.explain(&Encoding::Base64.encode(&sha1));
    assert_codes(&explanation, &["algorithm.hash"]);
}

#[test]
fn encrypting_with_the_private_key_is_told_from_signing() {
    let raw = |content: &[u8]| {
        let padding = rsa::pkcs1v15::Pkcs1v15Sign::new_unprefixed();
        Encoding::Base64.encode(&MERCHANT.rsa().sign(padding, content).unwrap())
    };
    let digest = Hash::Sha256.digest(&[CANONICAL.as_bytes()]);
    let case = Case::default();
    assert_codes(&case.explain(&raw(CANONICAL.as_bytes())), &["algorithm.no-hash"]);
    assert_codes(&case.explain(&raw(&digest)), &["algorithm.no-digest-info"]);
    let hex = Encoding::Hex.encode(&digest);
    assert_codes(&case.explain(&raw(hex.as_bytes())), &["algorithm.hex-digest"]);
}

#[test]
fn other_keys() {
    let foreign =
        |key: &PrivateKey| Encoding::Base64.encode(&sign_with(key, Hash::Sha256, CANONICAL));
    let gateway = Case::default().explain(&foreign(&GATEWAY));
    assert_codes(&gateway, &["key.other"]);
    assert!(gateway.summary.contains("the gateway's own key"));
    assert!(!gateway.key_proven);
    let other = Case::default().explain(&foreign(&SMALL));
    assert_codes(&other, &["key.other"]);
    assert!(other.summary.contains("merchant O0000021"));
    let unknown_size = Case::default().explain(&foreign(&private_key("merchant-4096")));
    assert_codes(&unknown_size, &["key.size"]);
    assert!(
        unknown_size
            .summary
            .contains("4096-bit key; the key registered for this merchant has 2048 bits")
    );
    let own_is_small = Case {
        key: VerifyKey::Rsa(private_key("merchant-4096").public_key().clone()),
        ..Case::default()
    };
    let unknown = own_is_small.explain(&signed(CANONICAL));
    assert_codes(&unknown, &["key.size"]);
}

#[test]
fn two_mistakes_at_once() {
    let wire =
        "txId=2435&merchantId=C0000143&termId=CT03000003&currency=usd&amount=1.00&Memo=a b/ភ";
    let newline = format!("{CANONICAL}\n");
    let base64 = |bytes: &[u8]| Encoding::Base64.encode(bytes);
    let case = Case::default();
    let explanation = case.explain(&base64(&sign_with(&MERCHANT, Hash::Sha1, wire)));
    assert_codes(&explanation, &["order.wire", "algorithm.hash"]);
    let explanation = case.explain(&base64(&sign_with(&GATEWAY, Hash::Sha256, &newline)));
    assert_codes(&explanation, &["text.newline", "key.other"]);
    let hex = Encoding::Hex.encode(&sign_with(&MERCHANT, Hash::Sha256, &newline));
    assert_codes(&case.explain(&hex), &["text.newline", "encoding.hex"]);
    string_mistake(&format!("{wire}\n"), &["order.wire", "text.newline"]);
    let hex = Encoding::Hex.encode(&sign_with(&MERCHANT, Hash::Sha512, &newline));
    assert_codes(&case.explain(&hex), &["text.newline", "encoding.hex", "algorithm.hash"]);
    let hex = Encoding::Hex.encode(&sign_with(&GATEWAY, Hash::Sha1, CANONICAL));
    assert_codes(&case.explain(&hex), &["encoding.hex", "key.other", "algorithm.hash"]);
}

#[test]
fn shared_keys() {
    let base64 = |bytes: &[u8]| Encoding::Base64.encode(bytes);
    let text = CANONICAL.as_bytes();
    let key = SECRET.as_bytes();
    let hash = Hash::Sha256;
    let hmac = Case::shared(Algorithm::HmacSha256);
    assert!(hmac.explain(&base64(&hash.hmac(key, text))).ok);
    for (tag, expected) in [
        (hash.hmac(key, format!("{CANONICAL}\n").as_bytes()), "text.newline"),
        (Hash::Sha512.hmac(key, text), "algorithm.hash"),
        (Hash::Md5.hmac(key, text), "algorithm.hash"),
        (hash.digest(&[text, key]), "algorithm.keyed"),
        (hash.digest(&[text]), "algorithm.no-key"),
        (hash.hmac(b"another-secret", text), "key.other"),
        (hash.hmac(b"secret-key", text), "key.decoded"),
        (hash.hmac(&[key, b"\n"].concat(), text), "key.newline"),
    ] {
        let explanation = hmac.explain(&base64(&tag));
        assert_codes(&explanation, &[expected]);
        assert!(!format!("{explanation:?}").contains(SECRET));
    }
    let tag = Hash::Sha512.hmac(key, format!("{CANONICAL}\n").as_bytes());
    assert_codes(&hmac.explain(&base64(&tag)), &["text.newline", "algorithm.hash"]);
    let keyed = Case::shared(Algorithm::Sha256Keyed);
    assert!(keyed.explain(&base64(&hash.digest(&[text, key]))).ok);
    let before = keyed.explain(&base64(&hash.digest(&[key, text])));
    assert_codes(&before, &["algorithm.key-position"]);
    assert!(before.summary.contains("stands before the string in the digest; it belongs after it"));
    assert_codes(&keyed.explain(&base64(&hash.hmac(key, text))), &["algorithm.hmac"]);
    let unknown = keyed.explain(&base64(&[7; 32]));
    assert_codes(&unknown, &["key.unknown"]);
    assert_codes(&keyed.explain(&base64(&[7; 256])), &["algorithm.family"]);
    assert_eq!(keyed.recipe.key_position, KeyPosition::After);
}

#[test]
fn absent_and_broken_signatures() {
    let case = Case::default();
    for (body, code) in [
        (r#"{"txId":"1"}"#, "sign.missing"),
        (r#"{"txId":"1","Sign":"abc"}"#, "sign.name"),
        (r#"{"txId":"1","sign":""}"#, "sign.empty"),
        (r#"{"txId":"1","sign":null}"#, "sign.empty"),
        (r#"{"txId":"1","sign":12}"#, "sign.not-text"),
    ] {
        assert_codes(&case.explain_body(body), &[code]);
    }
    let good = signed(CANONICAL);
    let cut = case.explain(&good[..254].replace('=', ""));
    assert_codes(&cut, &["sign.truncated"]);
    assert!(cut.summary.contains("cut off after 254 characters"), "{}", cut.summary);
    assert_codes(&case.explain(" \n"), &["sign.empty"]);
    let cut = case.explain(&good[..252]);
    assert_codes(&cut, &["sign.truncated"]);
    assert!(cut.summary.contains("189 bytes (252 characters) and should have 256"));
    let foreign = case.explain("not!base64");
    assert_codes(&foreign, &["sign.undecodable"]);
    assert!(foreign.summary.contains("'!' at position 4"));
    let digest = Encoding::Hex.encode(&Hash::Sha256.digest(&[b"other"]));
    assert_codes(&case.explain(&digest), &["algorithm.family"]);
    let longer = Encoding::Base64.encode(&[1; 300]);
    assert_codes(&case.explain(&longer), &["sign.length"]);
    let random = Encoding::Base64.encode(&[7; 256]);
    let explanation = case.explain(&random);
    assert_codes(&explanation, &["key.unknown"]);
    assert!(explanation.next[0].contains(MERCHANT.public_key().fingerprint()));
    let wrong_family = Case { key: Case::shared(Algorithm::HmacSha256).key, ..Case::default() };
    assert_codes(&wrong_family.explain(&good), &["key.kind"]);
}

#[test]
fn an_unknown_string_under_the_right_key_is_told_so() {
    let explanation = Case::default().explain(&signed("something else entirely"));
    assert_codes(&explanation, &["string.differs"]);
    assert!(explanation.key_proven);
    assert!(explanation.summary.contains("this merchant's private key (RSA-SHA256)"));
    assert!(!explanation.next.is_empty());
    let sha1 = sign_with(&MERCHANT, Hash::Sha1, "something else entirely");
    let explanation = Case::default().explain(&Encoding::Hex.encode(&sha1));
    assert_codes(&explanation, &["encoding.hex", "algorithm.hash", "string.differs"]);
    let pss = Hash::Sha256.digest(&[b"something else entirely"]);
    let pss = MERCHANT.rsa().sign_with_rng(&mut OsRng, Pss::new::<Sha256>(), &pss).unwrap();
    let explanation = Case::default().explain(&Encoding::Base64.encode(&pss));
    assert_codes(&explanation, &["algorithm.pss", "string.differs"]);
}

#[test]
fn repeated_members_are_pointed_out() {
    let body = r#"{"txId":"1","txId":"2","sign":"@"}"#.replace('@', &signed("x"));
    let explanation = Case::default().explain_body(&body);
    assert!(explanation.next.last().unwrap().ends_with("the last one counts: txId"));
    let body = r#"{"txId":"1","txId":"2","sign":"@"}"#.replace('@', &signed("txId=2"));
    let explanation = Case::default().explain_body(&body);
    assert!(explanation.ok && explanation.next[0].ends_with("the last one counts: txId"));
}

#[test]
fn secrets_are_masked_in_every_string() {
    let body = r#"{"wdlAcNo":"4012001037141112","wdlCvv":"100","pin":1234,"PassCode":"123456","card":{"otp":"777"},"txId":"9"}"#;
    let case = Case { body, ..Case::default() };
    let canonical =
        r#"PassCode=123456&card={"otp":"777"}&pin=1234&txId=9&wdlAcNo=4012001037141112&wdlCvv=100"#;
    let masked =
        r#"PassCode=***&card={"otp":"***"}&pin=***&txId=9&wdlAcNo=401200******1112&wdlCvv=***"#;
    let right = case.explain(&signed(canonical));
    assert!(right.ok);
    assert_eq!(right.canonical, masked);
    assert_eq!(right.masked, ["wdlAcNo", "wdlCvv", "pin", "PassCode", "card"]);
    for (text, code) in [
        (format!("{canonical}\n"), "text.newline"),
        (body.to_owned(), "body.without-sign"),
        (Encoding::Hex.encode(&Hash::Sha256.digest(&[canonical.as_bytes()])), "digest.hex-sha256"),
    ] {
        let explanation = case.explain(&signed(text));
        assert_codes(&explanation, &[code]);
        let shown = serde_json::to_string(&explanation).unwrap();
        for secret in ["4012001037141112", "123456", "=100", "1234&", ":1234", "777"] {
            assert!(!shown.contains(secret), "{secret} in {shown}");
        }
    }
}

#[test]
fn a_card_number_in_a_name_is_masked_in_every_string() {
    let body = r#"{"4012001037141112":"x","a":"1","txId":"9","txId":"9","4012001037141112":"x"}"#;
    let case = Case { body, ..Case::default() };
    let right = "4012001037141112=x&a=1&txId=9";
    let texts = [
        right.to_owned(),
        format!("{right}\n"),
        // The member left out, another order, the body, an upper-case string, its Base64.
        "a=1&txId=9".into(),
        "txId=9&4012001037141112=x&a=1".into(),
        body.to_owned(),
        right.to_uppercase(),
    ];
    for text in texts {
        let explanation = case.explain(&signed(text));
        assert_eq!(explanation.canonical, "401200******1112=x&a=1&txId=9");
        assert_eq!(explanation.masked, ["401200******1112"]);
        let shown = serde_json::to_string(&explanation).unwrap();
        assert!(!shown.contains("4012001037141112"), "{shown}");
    }
}

#[test]
fn a_huge_body_does_not_make_a_huge_search() {
    let body = format!(r#"{{"txId":"1","memo":"{}"}}"#, "x".repeat(600_000));
    let explanation = Case { body: &body, ..Case::default() }.explain(&signed("y"));
    assert_codes(&explanation, &["string.differs"]);
    assert!(explanation.next.iter().any(|hint| hint.contains("to bound the work")));
}

#[test]
fn every_near_miss_has_its_own_code_and_the_json_has_stable_names() {
    let recipe = Recipe::default();
    let fields = Fields::default();
    let rows = rows::rows(&recipe, REFUND, &fields, &|body| body.into());
    let mut codes = rows.iter().map(|row| row.code).collect::<Vec<_>>();
    codes.sort_unstable();
    let all = codes.len();
    codes.dedup();
    assert_eq!(codes.len(), all);
    let explanation = Case { body: PLAIN, ..Case::default() }.explain(&signed("x\n"));
    let json = serde_json::to_value(&explanation).unwrap();
    for name in ["ok", "summary", "algorithm", "kind", "canonical", "masked", "keyProven", "causes"]
    {
        assert!(json.get(name).is_some(), "{name}");
    }
    assert_eq!(json["received"]["expectedBytes"], 256);
    assert_eq!(json["key"]["bits"], 2048);
}

#[test]
fn byte_order_needs_numbers_of_full_length() {
    // A signature that begins with a zero byte keeps it.
    let number = BigUint::from_bytes_be(&[0, 7]);
    assert!(MERCHANT.public_key().open(&number.to_bytes_be()).is_none());
}
