//! Every vector under `fixtures/vectors`, through the public surface.

use std::collections::BTreeMap;

use payon_sim::base::Fields;
use payon_sim::crypto::{
    Algorithm, Encoding, Padding, PrivateKey, PublicKey, Recipe, Secret, SignKey, VerifyKey,
    decrypt, encrypt, sign, verify,
};
use serde::Deserialize;
use sha2::{Digest, Sha256};

#[derive(Deserialize)]
struct Vectors<Key, Sign, Encrypt> {
    keys: BTreeMap<String, Key>,
    sign: Vec<Sign>,
    encrypt: Vec<Encrypt>,
}

#[derive(Deserialize)]
struct KeyForms {
    bits: usize,
    private_pkcs8_der_base64: String,
    private_pkcs1_der_base64: String,
    public_spki_pem: String,
    public_spki_der_base64: String,
    public_pkcs1_pem: String,
}

#[derive(Deserialize)]
struct SignVector {
    name: String,
    key: String,
    algorithm: Algorithm,
    encoding: Encoding,
    body: String,
    canonical: String,
    sign: String,
}

#[derive(Deserialize)]
struct EncryptVector {
    name: String,
    key: String,
    plaintext: String,
    ciphertext_base64: String,
}

#[derive(Deserialize)]
struct OpensslKeyForms {
    #[serde(rename = "certificate_pem")]
    certificate: String,
    #[serde(rename = "private_pkcs8_pem")]
    pkcs8: String,
    #[serde(rename = "private_pkcs1_pem")]
    pkcs1: String,
}

#[derive(Deserialize)]
struct OpensslSignVector {
    name: String,
    key: Option<String>,
    secret: Option<String>,
    recipe: Recipe,
    body: String,
    canonical: String,
    sign: String,
}

#[derive(Deserialize)]
struct OpensslEncryptVector {
    key: String,
    padding: Padding,
    plaintext: String,
    ciphertext_base64: String,
}

fn main_vectors() -> Vectors<KeyForms, SignVector, EncryptVector> {
    serde_json::from_str(include_str!("../../fixtures/vectors/crypto.json")).unwrap()
}

fn openssl_vectors() -> Vectors<OpensslKeyForms, OpensslSignVector, OpensslEncryptVector> {
    serde_json::from_str(include_str!("../../fixtures/vectors/crypto-openssl.json")).unwrap()
}

fn private_key(name: &str) -> PrivateKey {
    PrivateKey::parse(&main_vectors().keys[name].private_pkcs8_der_base64).unwrap()
}

#[test]
fn every_form_of_a_key_is_the_same_key() {
    let vectors = main_vectors();
    assert_eq!(vectors.keys.len(), 4);
    for (name, forms) in vectors.keys {
        let private = PrivateKey::parse(&forms.private_pkcs8_der_base64).expect(&name);
        let public = private.public_key();
        assert_eq!((public.bits(), public.is_weak()), (forms.bits, forms.bits < 2048));
        assert_eq!(public.fingerprint().len(), 16);
        assert_eq!(public.spki_der_base64(), forms.public_spki_der_base64);
        assert_eq!(public.spki_pem(), forms.public_spki_pem);
        assert_eq!(private.pkcs8_der_base64(), forms.private_pkcs8_der_base64);
        let wrapped = forms.public_spki_der_base64.as_bytes().chunks(76).map(<[u8]>::to_vec);
        let wrapped = String::from_utf8(wrapped.collect::<Vec<_>>().join(&b"\r\n"[..])).unwrap();
        let unpadded = forms.public_spki_der_base64.trim_end_matches('=').to_owned();
        let url_safe = unpadded.replace('+', "-").replace('/', "_");
        let one_line_pem = forms.public_spki_pem.replace('\n', "\\n");
        let chatty_pem = format!("Bag Attributes\n friendlyName: x\n{}", forms.public_spki_pem);
        for text in [
            &forms.public_spki_pem,
            &forms.public_pkcs1_pem,
            &forms.public_spki_der_base64,
            &wrapped,
            &unpadded,
            &url_safe,
            &one_line_pem,
            &chatty_pem,
        ] {
            assert_eq!(PublicKey::parse(text).as_ref(), Ok(public), "{name}: {text}");
        }
        for text in [&forms.private_pkcs1_der_base64, &private.pkcs8_pem()] {
            assert_eq!(PrivateKey::parse(text).expect(&name).public_key(), public);
        }
    }
}

#[test]
fn keys_written_by_openssl_are_the_same_keys() {
    for (name, forms) in openssl_vectors().keys {
        let expected = private_key(&name);
        let certificate = PublicKey::parse(&forms.certificate).expect(&name);
        assert_eq!(&certificate, expected.public_key());
        for text in [&forms.pkcs8, &forms.pkcs1] {
            let key = PrivateKey::parse(text).expect(&name);
            assert_eq!(key.public_key(), expected.public_key());
        }
    }
}

#[test]
fn every_signature_of_the_default_recipe_verifies_and_is_reproduced() {
    let vectors = main_vectors();
    assert_eq!(vectors.sign.len(), 31);
    for vector in &vectors.sign {
        let name = &vector.name;
        let private = private_key(&vector.key);
        let recipe =
            Recipe { algorithm: vector.algorithm, encoding: vector.encoding, ..Recipe::default() };
        let fields = Fields::parse(vector.body.as_bytes()).unwrap();
        assert_eq!(recipe.canonical(&fields), vector.canonical, "{name}");
        assert_eq!(fields.text("sign").as_deref(), Some(&*vector.sign), "{name}");
        let verify_key = VerifyKey::Rsa(private.public_key().clone());
        assert_eq!(verify(&recipe, &verify_key, &fields, &vector.sign), Ok(()), "{name}");
        let signed = sign(&recipe, &SignKey::Rsa(private), &fields).expect(name);
        assert_eq!(signed, vector.sign, "{name}");
    }
}

#[test]
fn every_signature_made_by_openssl_verifies() {
    let vectors = openssl_vectors();
    assert_eq!(vectors.sign.len(), 13);
    for vector in &vectors.sign {
        let name = &vector.name;
        vector.recipe.check().expect(name);
        let key = match (&vector.key, &vector.secret) {
            (Some(key), None) => SignKey::Rsa(private_key(key)),
            (None, Some(secret)) => SignKey::Shared(Secret::new(secret).unwrap()),
            _ => panic!("{name}: one key"),
        };
        let fields = Fields::parse(vector.body.as_bytes()).unwrap();
        assert_eq!(vector.recipe.canonical(&fields), vector.canonical, "{name}");
        assert_eq!(
            verify(&vector.recipe, &key.verify_key(), &fields, &vector.sign),
            Ok(()),
            "{name}"
        );
        let own = sign(&vector.recipe, &key, &fields).expect(name);
        if vector.recipe.algorithm == Algorithm::RsaPssSha256 {
            assert_eq!(verify(&vector.recipe, &key.verify_key(), &fields, &own), Ok(()), "{name}");
        } else {
            assert_eq!(own, vector.sign, "{name}");
        }
    }
}

#[test]
fn every_encrypted_text_decrypts() {
    let vectors = main_vectors();
    assert_eq!(vectors.encrypt.len(), 7);
    for vector in &vectors.encrypt {
        let key = private_key(&vector.key);
        for padding in [Padding::Pkcs1, Padding::Any] {
            let plain = decrypt(&key, padding, &vector.ciphertext_base64).expect(&vector.name);
            assert_eq!(String::from_utf8(plain).unwrap(), vector.plaintext, "{}", vector.name);
        }
    }
    let vectors = openssl_vectors();
    assert_eq!(vectors.encrypt.len(), 8);
    for vector in &vectors.encrypt {
        let key = private_key(&vector.key);
        for padding in [vector.padding, Padding::Any] {
            let plain = decrypt(&key, padding, &vector.ciphertext_base64).unwrap();
            assert_eq!(String::from_utf8(plain).unwrap(), vector.plaintext);
        }
    }
}

#[test]
fn a_link_survives_every_padding_size_and_encoding() {
    for name in ["merchant-1024", "gateway-2048"] {
        let key = private_key(name);
        for length in [0, 1, 62, 63, 117, 118, 300, 1000] {
            let plain = vec![b'x'; length];
            for padding in Padding::ALL {
                for encoding in [Encoding::Base64, Encoding::Base64Url] {
                    let text = encrypt(key.public_key(), *padding, encoding, &plain).unwrap();
                    let blocks =
                        encoding.decode(&text).unwrap().len() / key.public_key().len_bytes();
                    assert!(blocks >= 1, "an empty text is one block");
                    assert_eq!(
                        decrypt(&key, *padding, &text),
                        Ok(plain.clone()),
                        "{name} {padding}"
                    );
                }
            }
        }
    }
}

/// The recipe with these settings, in which nothing contradicts.
fn recipe(settings: &str) -> Recipe {
    let recipe: Recipe = toml::from_str(settings).expect(settings);
    assert_eq!(recipe.check(), Ok(()), "{settings}");
    recipe
}

#[track_caller]
fn signs(settings: &str, body: &str, expected: &str) {
    let fields = Fields::parse(body.as_bytes()).expect(body);
    assert_eq!(recipe(settings).canonical(&fields), expected, "{settings} of {body}");
}

#[test]
fn members_are_chosen_and_ordered_as_the_recipe_says() {
    let mixed = r#"{"b":"3","B":"2","a":"1","sign":"S","A":"4"}"#;
    let blank = r#"{"n":null,"e":"","a":"1"}"#;
    let signed = r#"{"b":"1","sign":"S","a":"2"}"#;
    let unsigned = r#"{"b":"1","a":"2"}"#;
    signs("", mixed, "A=4&B=2&a=1&b=3");
    for (settings, body, expected) in [
        ("order = 'as-sent'", mixed, "b=3&B=2&a=1&A=4"),
        ("order = 'as-sent-reversed'", mixed, "A=4&a=1&B=2&b=3"),
        ("order = 'name'", mixed, "A=4&B=2&a=1&b=3"),
        ("order = 'name-reversed'", mixed, "b=3&a=1&B=2&A=4"),
        ("order = 'name-any-case'", mixed, "a=1&A=4&b=3&B=2"),
        ("order = 'value'", mixed, "a=1&B=2&b=3&A=4"),
        ("names = 'upper'\nvalue_case = 'lower'", r#"{"b":"X"}"#, "B=x"),
        ("names = 'lower'\nvalue_case = 'upper'", r#"{"B":"x"}"#, "b=X"),
        ("joiner = ':'\nseparator = '|'", unsigned, "b:1|a:2"),
        ("skip = ['sign', 'b']", signed, "a=2"),
        ("empty_values = 'omit'", blank, "a=1"),
        ("empty_values = 'keep'", blank, "n=&e=&a=1"),
        ("empty_values = 'only-empty'", blank, "e=&a=1"),
        ("empty_values = 'null-word'", blank, "n=null&e=&a=1"),
        ("empty_values = 'only-null-word'", blank, "n=null&a=1"),
        ("escape = 'quoted'\nempty_values = 'keep'", blank, r#"n=""&e=""&a="1""#),
        ("escape = 'quoted'\nempty_values = 'null-word'", blank, r#"n=null&e=""&a="1""#),
        ("escape = 'quoted'", r#"{"a":"\u0041","b":5}"#, r#"a="\u0041"&b=5"#),
        ("sign_value = 'empty'", signed, "b=1&sign=&a=2"),
        ("sign_value = 'null'", signed, "b=1&sign=null&a=2"),
        ("sign_value = 'empty'", unsigned, "b=1&a=2&sign="),
        ("sign_value = 'null'", unsigned, "b=1&a=2&sign=null"),
        ("key_member = 'k'", r#"{"k":"mine","a":"1"}"#, "a=1&k="),
        // A member without a name is one like all others.
        ("", r#"{"":"x","a":"1"}"#, "=x&a=1"),
        ("prefix = '<{b}|{none}>'\nsuffix = '{a}{key}.'", unsigned, "<1|>b=1&a=22."),
        // No other member stands for one that is named.
        ("prefix = '{a}'", r#"{"b":"1"}"#, "b=1"),
    ] {
        signs(&format!("canonical = 'pairs'\n{settings}"), body, expected);
    }
    for (settings, body, expected) in [
        ("canonical = 'values'\nseparator = ','", signed, "1,2"),
        ("canonical = 'values'\norder = 'name'", signed, "2&1"),
        ("canonical = 'ordered-values'\nfields = ['a', 'c', 'b']", signed, "2&1"),
        ("canonical = 'ordered-pairs'\nfields = ['b', 'a']", unsigned, "b=1&a=2"),
        (
            "canonical = 'ordered-pairs'\nfields = ['c', 'a']\nomit_empty = false",
            unsigned,
            "c=&a=2",
        ),
        (
            "canonical = 'ordered-pairs'\nfields = ['b']\nsign_value = 'empty'\nkey_member = 'k'",
            signed,
            "b=1&sign=&k=",
        ),
        ("canonical = 'raw-template'\ntemplate = '{b}-{c}{{{a}}}'", signed, "1-{2}"),
        ("canonical = 'raw-template'\ntemplate = '{c}'", signed, ""),
        ("canonical = 'json'\nskip = []", signed, r#"{"b":"1","a":"2"}"#),
        ("canonical = 'json'\nskip = ['b']", signed, r#"{"a":"2"}"#),
    ] {
        signs(settings, body, expected);
    }
}

#[test]
fn values_are_written_as_the_recipe_says() {
    let text = r#"{"v":"aZ9 -_.~!*'()/é\"<>&"}"#;
    for (escape, expected) in [
        ("none", r#"aZ9 -_.~!*'()/é"<>&"#),
        ("url", "aZ9%20-_.~%21%2A%27%28%29%2F%C3%A9%22%3C%3E%26"),
        ("url-lower", "aZ9%20-_.~%21%2a%27%28%29%2f%c3%a9%22%3c%3e%26"),
        ("url-component", "aZ9%20-_.~!*'()%2F%C3%A9%22%3C%3E%26"),
        ("url-path", "aZ9%20-_.~%21%2A%27%28%29/%C3%A9%22%3C%3E%26"),
        ("form", "aZ9+-_.~%21%2A%27%28%29%2F%C3%A9%22%3C%3E%26"),
        ("form-lower", "aZ9+-_.~%21%2a%27%28%29%2f%c3%a9%22%3c%3e%26"),
        ("form-standard", "aZ9+-_.%7E%21*%27%28%29%2F%C3%A9%22%3C%3E%26"),
        ("form-php", "aZ9+-_.%7E%21%2A%27%28%29%2F%C3%A9%22%3C%3E%26"),
        ("form-net", "aZ9+-_.%7e!*%27()%2f%c3%a9%22%3c%3e%26"),
        ("html", "aZ9 -_.~!*'()/é&quot;&lt;&gt;&amp;"),
        ("html-39", "aZ9 -_.~!*&#39;()/é&quot;&lt;&gt;&amp;"),
        ("html-039", "aZ9 -_.~!*&#039;()/é&quot;&lt;&gt;&amp;"),
        ("html-x27", "aZ9 -_.~!*&#x27;()/é&quot;&lt;&gt;&amp;"),
        ("unicode", r#"aZ9 -_.~!*'()/\u00e9"<>&"#),
        ("slash", r#"aZ9 -_.~!*'()\/é"<>&"#),
        ("unicode-slash", r#"aZ9 -_.~!*'()\/\u00e9"<>&"#),
        ("length-prefixed", r#"20aZ9 -_.~!*'()/é"<>&"#),
    ] {
        signs(&format!("escape = '{escape}'"), text, &format!("v={expected}"));
    }
    signs("escape = 'trimmed'", r#"{"a":" x ","b":"\u0020y"}"#, "a=x&b=y");
    signs("escape = 'unicode'", r#"{"a":"😀"}"#, r"a=\ud83d\ude00");

    let body =
        r#"{"amount":"01.50","grandToTAmt":"2.250","id":"007.50","n":-1.50,"x":1.005,"z":0.00}"#;
    let rest = "id=007.50&n=-1.50";
    for (numbers, amount, total, x, z) in [
        ("as-sent", "01.50", "2.250", "1.005", "0.00"),
        ("shortest", "01.5", "2.25", "1.005", "0"),
        ("float", "01.5", "2.25", "1.005", "0.0"),
        ("two-decimals", "01.50", "2.25", "1.005", "0.00"),
        ("minor-units", "150", "225", "1.005", "0"),
    ] {
        let expected = format!("amount={amount}&grandToTAmt={total}&{rest}&x={x}&z={z}");
        signs(&format!("numbers = '{numbers}'"), body, &expected);
    }
    for literal in ["\".5\"", "\"1.5x\"", "\"x1.5\"", "1e2", "\"1,50\""] {
        let body = format!(r#"{{"amount":{literal}}}"#);
        let fields = Fields::parse(body.as_bytes()).unwrap();
        let sent = format!("amount={}", fields.text("amount").unwrap());
        signs("numbers = 'two-decimals'", &body, &sent);
    }
    signs("numbers = 'minor-units'", r#"{"amount":12}"#, "amount=1200");
    signs("numbers = 'float'", r#"{"amount":12}"#, "amount=12.0");
    signs("numbers = 'shortest'", r#"{"n":"1.50","m":1.50}"#, "m=1.5&n=1.50");

    let lines = r#"{"a":"x\r\ny\nz"}"#;
    signs("line_ends = 'as-sent'", lines, "a=x\r\ny\nz");
    signs("line_ends = 'lf'", lines, "a=x\ny\nz");
    signs("line_ends = 'crlf'", lines, "a=x\r\ny\r\nz");

    for (transform, expected) in [
        ("lower", "a=éx ?>"),
        ("upper", "A=ÉX ?>"),
        ("base64", "YT3DqVggPz4="),
        ("base64url", "YT3DqVggPz4"),
        ("hex", "613dc3a958203f3e"),
        ("url", "a%3D%C3%A9X%20%3F%3E"),
        ("url-lower", "a%3d%c3%a9X%20%3f%3e"),
        ("url-component", "a%3D%C3%A9X%20%3F%3E"),
        ("form", "a%3D%C3%A9X+%3F%3E"),
        ("form-lower", "a%3d%c3%a9X+%3f%3e"),
        ("form-all-lower", "a%3d%c3%a9x+%3f%3e"),
    ] {
        signs(&format!("transform = '{transform}'"), r#"{"a":"éX ?>"}"#, expected);
    }
}

#[test]
fn json_is_laid_out_as_the_recipe_says() {
    let deep = r#"{ "b":[1, {"d":"x\\\"y\\", "c":[]}], "a":{}, "sign":"S", "e":[[2],"z, ]"] }"#;
    for (settings, expected) in [
        ("", r#"{"b":[1,{"d":"x\\\"y\\","c":[]}],"a":{},"e":[[2],"z, ]"]}"#),
        ("order = 'name'", r#"{"a":{},"b":[1,{"c":[],"d":"x\\\"y\\"}],"e":[[2],"z, ]"]}"#),
        (
            "layout = 'spaced'",
            r#"{"b": [1, {"d": "x\\\"y\\", "c": []}], "a": {}, "e": [[2], "z, ]"]}"#,
        ),
        (
            "layout = 'indent-2'",
            r#"{
  "b": [
    1,
    {
      "d": "x\\\"y\\",
      "c": []
    }
  ],
  "a": {},
  "e": [
    [
      2
    ],
    "z, ]"
  ]
}"#,
        ),
    ] {
        signs(&format!("canonical = 'json'\n{settings}"), deep, expected);
    }
    signs(
        "canonical = 'json'\nlayout = 'indent-4'",
        r#"{"a":[1]}"#,
        "{\n    \"a\": [\n        1\n    ]\n}",
    );
    signs("canonical = 'json'\nlayout = 'indent-tab'", r#"{"a":1}"#, "{\n\t\"a\": 1\n}");
    signs("canonical = 'json'\nlayout = 'indent-tab'", r#"{"sign":"S"}"#, "{}");

    let text = r#"{"a":"x\"/é","n":null,"e":"","b":1.50,"t":true}"#;
    for (settings, expected) in [
        ("", r#"{"a":"x\"/é","b":1.50,"t":true}"#),
        ("omit_empty = false", r#"{"a":"x\"/é","n":null,"e":"","b":1.50,"t":true}"#),
        ("numbers = 'shortest'", r#"{"a":"x\"/é","b":1.5,"t":true}"#),
        ("escape = 'quoted'", r#"{"a":"x\"/é","b":1.50,"t":true}"#),
        ("escape = 'unicode'", r#"{"a":"x\"/\u00e9","b":1.50,"t":true}"#),
        ("escape = 'slash'", r#"{"a":"x\"\/é","b":1.50,"t":true}"#),
        ("escape = 'unicode-slash'", r#"{"a":"x\"\/\u00e9","b":1.50,"t":true}"#),
        ("escape = 'html'", r#"{"a":"x&quot;/é","b":1.50,"t":true}"#),
        ("names = 'upper'", r#"{"A":"x\"/é","B":1.50,"T":true}"#),
        ("sign_value = 'empty'", r#"{"a":"x\"/é","b":1.50,"t":true,"sign":""}"#),
        ("sign_value = 'null'", r#"{"a":"x\"/é","b":1.50,"t":true,"sign":null}"#),
        ("key_member = 'k'", r#"{"a":"x\"/é","b":1.50,"t":true,"k":""}"#),
        ("key_member = 'k'\nescape = 'quoted'", r#"{"a":"x\"/é","b":1.50,"t":true,"k":""}"#),
    ] {
        signs(&format!("canonical = 'json'\n{settings}"), text, expected);
    }
    signs("canonical = 'json'", r#"{"a":"\u0041"}"#, r#"{"a":"A"}"#);
    let empty = "canonical = 'json'\nsign_value = 'empty'";
    signs(empty, r#"{"sign":5,"a":"1"}"#, r#"{"sign":"","a":"1"}"#);
    // What an escape has made of a nested value is no JSON any more, and stays as it is.
    signs(
        "canonical = 'json'\nescape = 'length-prefixed'",
        r#"{"a":{"b":1}}"#,
        r#"{"a":7{"b":1}}"#,
    );
}

#[test]
fn the_body_is_signed_as_it_was_sent_without_its_signature() {
    for (body, absent, empty) in [
        (r#"{"sign":"S","a":1}"#, r#"{"a":1}"#, r#"{"sign":"","a":1}"#),
        (r#"{"a":1 , "sign" : "S" }"#, r#"{"a":1  }"#, r#"{"a":1 , "sign" : "" }"#),
        (r#"{"a":1,"sign":"S", "b":2}"#, r#"{"a":1,"b":2}"#, r#"{"a":1,"sign":"", "b":2}"#),
        (r#"{ "sign":"S" }"#, "{  }", r#"{ "sign":"" }"#),
        (
            r#"{"x":{"sign":"T"},"sign":"S"}"#,
            r#"{"x":{"sign":"T"}}"#,
            r#"{"x":{"sign":"T"},"sign":""}"#,
        ),
        (
            r#"{"x":"\"sign\":\"S\"","a":1}"#,
            r#"{"x":"\"sign\":\"S\"","a":1}"#,
            r#"{"x":"\"sign\":\"S\"","a":1}"#,
        ),
    ] {
        signs("canonical = 'body'", body, absent);
        signs("canonical = 'body'\nsign_value = 'empty'", body, empty);
        let null = empty.replace(r#":"""#, ":null").replace(r#": """#, ": null");
        signs("canonical = 'body'\nsign_value = 'null'", body, &null);
    }
}

#[test]
fn the_bytes_that_are_signed_follow_character_set_digest_and_key() {
    let hex = |bytes: &[u8]| Encoding::Hex.encode(bytes);
    let sha256 = |bytes: &[u8]| Sha256::digest(bytes).to_vec();
    let body = "{\"a\":\"\u{7f}\u{80}\u{ff}\u{100}😀\"}";
    let fields = Fields::parse(body.as_bytes()).unwrap();
    let text = "a=\u{7f}\u{80}\u{ff}\u{100}😀";
    let plain = text.as_bytes();
    let shared = SignKey::Shared(Secret::new("6b").unwrap());
    for (settings, message) in [
        ("charset = 'utf-8'", plain.to_vec()),
        ("charset = 'ascii'", b"a=\x7f????".to_vec()),
        ("charset = 'latin-1'", b"a=\x7f\x80\xff??".to_vec()),
        ("charset = 'utf-16le'", b"a\0=\0\x7f\0\x80\0\xff\0\0\x01\x3d\xd8\0\xde".to_vec()),
        ("charset = 'utf-16be'", b"\0a\0=\0\x7f\0\x80\0\xff\x01\0\xd8\x3d\xde\0".to_vec()),
        ("predigest = 'SHA-256'", hex(&sha256(plain)).into_bytes()),
        ("predigest = 'SHA-256'\npredigest_form = 'raw'", sha256(plain)),
        (
            "predigest = 'SHA-256'\npredigest_form = 'hex-upper'",
            hex(&sha256(plain)).to_uppercase().into_bytes(),
        ),
        (
            "predigest = 'SHA-256'\npredigest_form = 'base64'",
            Encoding::Base64.encode(&sha256(plain)).into_bytes(),
        ),
        (
            "predigest = 'SHA-256'\npredigest_form = 'base64url'",
            Encoding::Base64Url.encode(&sha256(plain)).into_bytes(),
        ),
        ("key_member = 'k'", [plain, b"&k=6b".as_slice()].concat()),
        ("prefix = '{key}.'\nsuffix = '.{key}'", [b"6b.".as_slice(), plain, b".6b"].concat()),
    ] {
        let (key, text) = (b"6b".as_slice(), message.as_slice());
        for (position, parts) in [
            ("after", vec![text, key]),
            ("before", vec![key, text]),
            ("both", vec![key, text, key]),
        ] {
            let settings = format!(
                "algorithm = 'SHA256-KEYED'\nencoding = 'hex'\nkey_position = '{position}'\n{settings}"
            );
            let signed = sign(&recipe(&settings), &shared, &fields).expect(&settings);
            assert_eq!(signed, hex(&sha256(&parts.concat())), "{settings}");
        }
    }
    // The key as its text says it: `6b` is the letter k.
    let settings = "algorithm = 'SHA256-KEYED'\nencoding = 'hex'\nkey_form = 'hex'";
    let signed = sign(&recipe(settings), &shared, &fields).unwrap();
    assert_eq!(signed, hex(&sha256(&[plain, b"k"].concat())));
    // A key member within JSON is a text, whatever is in it.
    let settings = "algorithm = 'SHA256-KEYED'\nencoding = 'hex'\nkey_position = 'inside'\n\
                    canonical = 'json'\nkey_member = 'k'\nescape = 'quoted'";
    let fields = Fields::parse(b"{\"a\":1}").unwrap();
    let signed = sign(&recipe(settings), &shared, &fields).unwrap();
    assert_eq!(signed, hex(&sha256(br#"{"a":1,"k":"6b"}"#)));
}
