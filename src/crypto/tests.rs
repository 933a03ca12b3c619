use std::sync::LazyLock;

use proptest::prelude::*;
use serde_json::Value;

#[cfg(feature = "fast-crypto")]
use super::fast::surely_fits;
use super::hash::Hash;
#[cfg(feature = "fast-crypto")]
use super::sign::{sign_portably, verify_portably};
use super::*;
use crate::base::Fields;

pub(super) static VECTORS: LazyLock<Value> = LazyLock::new(|| {
    serde_json::from_str(include_str!("../../fixtures/vectors/crypto.json")).expect("vectors")
});
static OPENSSL: LazyLock<Value> = LazyLock::new(|| {
    serde_json::from_str(include_str!("../../fixtures/vectors/crypto-openssl.json"))
        .expect("vectors")
});

pub(super) fn private_key(name: &str) -> PrivateKey {
    let text = VECTORS["keys"][name]["private_pkcs8_der_base64"].as_str().expect("a key");
    PrivateKey::parse(text).expect("a key")
}

fn rsa_algorithms() -> impl Iterator<Item = Algorithm> {
    Algorithm::ALL.iter().copied().filter(|algorithm| algorithm.is_rsa())
}

#[test]
fn a_key_in_the_wrong_place_is_refused_with_advice() {
    let forms = &VECTORS["keys"]["merchant-2048"];
    let form = |name: &str| forms[name].as_str().expect("a form");
    assert_eq!(PublicKey::parse(form("private_pkcs8_der_base64")), Err(KeyError::PrivateGiven));
    assert_eq!(PublicKey::parse(form("private_pkcs1_der_base64")), Err(KeyError::PrivateGiven));
    let refused = PrivateKey::parse(form("public_spki_pem")).expect_err("public");
    assert_eq!(refused, KeyError::PublicGiven);
}

#[test]
fn keys_of_other_kinds_are_named() {
    let foreign = &OPENSSL["foreign"];
    let refusal = |name: &str| {
        let text = foreign[name].as_str().expect(name);
        let refused = PublicKey::parse(text).expect_err(name);
        assert_eq!(PrivateKey::parse(text).expect_err(name), refused);
        refused
    };
    for name in ["encrypted_pkcs8_pem", "encrypted_pkcs8_der_base64", "encrypted_pkcs1_pem"] {
        assert_eq!(refusal(name), KeyError::Encrypted, "{name}");
    }
    for name in ["ec_pkcs8_pem", "ec_sec1_pem", "ec_spki_pem", "ec_certificate_pem"] {
        assert_eq!(refusal(name), KeyError::NotRsa("an elliptic-curve key"), "{name}");
    }
    assert_eq!(refusal("ed25519_pkcs8_pem"), KeyError::NotRsa("an Edwards-curve key"));
    assert_eq!(refusal("request_pem"), KeyError::NotRsa("a certificate request"));
    assert_eq!(refusal("rsa_512_spki_pem"), KeyError::TooSmall(512));
    assert_eq!(refusal("rsa_8192_spki_pem"), KeyError::TooLarge(8192));
}

#[test]
fn what_is_no_key_is_refused_for_what_it_is() {
    let forms = &VECTORS["keys"]["merchant-2048"];
    let pem = forms["public_spki_pem"].as_str().expect("pem");
    let der = forms["private_pkcs8_der_base64"].as_str().expect("der");
    assert_eq!(PublicKey::parse(" \n"), Err(KeyError::Empty));
    assert_eq!(PublicKey::parse("päyon"), Err(KeyError::NotBase64));
    assert_eq!(PublicKey::parse("aGVsbG8gd29ybGQ="), Err(KeyError::NotAKey));
    assert_eq!(PublicKey::parse(&pem[..pem.len() / 2]), Err(KeyError::PemCut));
    assert_eq!(PrivateKey::parse(&der[..der.len() / 2]).expect_err("cut"), KeyError::NotAKey);
    assert!(matches!(PublicKey::parse("ssh-rsa AAAAB3Nza x@y"), Err(KeyError::NotRsa(_))));
    // One digit within the private exponent.
    let mut damaged = der.to_owned();
    let other = if &der[900..901] == "A" { "B" } else { "A" };
    damaged.replace_range(900..901, other);
    assert_eq!(PrivateKey::parse(&damaged).expect_err("damaged"), KeyError::Damaged);
}

#[test]
fn nothing_secret_is_in_debug_output() {
    let key = private_key("merchant-1024");
    let shown = format!("{key:?} {:?}", SignKey::Rsa(key.clone()));
    let fingerprint = key.public_key().fingerprint();
    assert_eq!(shown, format!("PrivateKey(of {fingerprint}) Rsa(PrivateKey(of {fingerprint}))"));
    let secret = Secret::new("hush").expect("a secret");
    assert!(!format!("{secret:?}{:?}", VerifyKey::Shared(secret.clone())).contains("hush"));
}

#[test]
fn a_generated_key_signs_and_reads_back() {
    let key = PrivateKey::generate(1024).expect("a key");
    assert_eq!(key.public_key().bits(), 1024);
    assert_eq!(PrivateKey::parse(&key.pkcs8_pem()).expect("pem").public_key(), key.public_key());
    assert_eq!(PrivateKey::generate(512).expect_err("small"), KeyError::TooSmall(512));
    assert_eq!(PrivateKey::generate(4097).expect_err("large"), KeyError::TooLarge(4097));
}

#[test]
fn recipes_read_from_data_and_say_what_they_miss() {
    let recipe: Recipe =
        toml::from_str("algorithm = \"RSA-SHA1\"\nfields = [\"a\"]").expect("toml");
    assert_eq!(recipe.algorithm, Algorithm::RsaSha1);
    assert_eq!(recipe.separator, "&");
    let written = toml::to_string(&Recipe::default()).expect("toml");
    assert_eq!(toml::from_str::<Recipe>(&written).expect("toml"), Recipe::default());
    let error = toml::from_str::<Recipe>("algorithm = \"RSA-SHA3\"").expect_err("unknown");
    for part in ["did you mean `RSA-SHA1`?", "allowed: RSA-SHA1, "] {
        assert!(error.to_string().contains(part), "{error}");
    }
    let error = toml::from_str::<Recipe>("algoritm = \"RSA-SHA1\"").expect_err("unknown");
    assert!(error.to_string().contains("unknown field `algoritm`"), "{error}");
}

#[test]
fn contradictions_in_a_recipe_are_found() {
    use Canonical::{OrderedValues, RawTemplate, SortedPairs};
    let check = |text: &str| toml::from_str::<Recipe>(text).expect(text).check().expect_err(text);
    assert_eq!(check("canonical = 'ordered-values'"), RecipeError::FieldsMissing(OrderedValues));
    assert_eq!(check("fields = ['a']"), RecipeError::FieldsUnused(SortedPairs));
    assert_eq!(check("template = '{a}'"), RecipeError::TemplateUnused(SortedPairs));
    assert_eq!(
        check("canonical = 'raw-template'\ntemplate = '{a}'\nfields = ['a']"),
        RecipeError::FieldsUnused(RawTemplate)
    );
    let ordered = |rest: &str| check(&format!("canonical = 'ordered-pairs'\n{rest}"));
    assert_eq!(ordered("fields = ['a', 'b', 'a']"), RecipeError::FieldTwice("a".into()));
    assert_eq!(ordered("fields = ['a']\nskip = ['a']"), RecipeError::FieldSkipped("a".into()));
    assert!(matches!(ordered("fields = ['sign']"), RecipeError::SignsItself(_)));
    assert!(matches!(check("skip = []"), RecipeError::SignsItself(_)));
    let template = |text: &str| check(&format!("canonical = 'raw-template'\ntemplate = '{text}'"));
    assert_eq!(template("plain"), RecipeError::Template(TemplateError::NoPlaceholder));
    assert_eq!(template("{a"), RecipeError::Template(TemplateError::Brace(1)));
    assert!(matches!(template("{sign}"), RecipeError::SignsItself(_)));
    for (settings, name) in [
        ("order = 'value'", "order"),
        ("layout = 'spaced'", "layout"),
        ("canonical = 'values'\njoiner = ':'", "joiner"),
        ("omit_empty = false\nempty_values = 'keep'", "empty_values"),
        ("pss_salt = 20", "pss_salt"),
        ("predigest_form = 'raw'", "predigest_form"),
        ("canonical = 'body'\nescape = 'url'", "escape"),
        ("key_position = 'inside'", "key_position"),
        ("pss_mask = 'SHA-1'", "pss_mask"),
        ("canonical = 'body'\nnumbers = 'float'", "numbers"),
        ("canonical = 'body'\nvalue_case = 'upper'", "value_case"),
        ("canonical = 'body'\nnames = 'upper'", "names"),
        ("canonical = 'body'\nkey_member = 'k'", "key_member"),
        ("canonical = 'raw-template'\ntemplate = '{a}'\nkey_member = 'k'", "key_member"),
        ("canonical = 'raw-template'\ntemplate = '{a}'\nsign_value = 'empty'", "sign_value"),
    ] {
        let error = check(settings);
        assert!(matches!(error, RecipeError::Unused(found, _) if found == name), "{error}");
    }
    let keyed = |rest: &str| check(&format!("algorithm = 'MD5-KEYED'\n{rest}"));
    assert_eq!(keyed("key_position = 'inside'"), RecipeError::KeyMissing);
    assert!(matches!(keyed("suffix = '{key'"), RecipeError::Around("suffix", _)));
    assert!(matches!(keyed("prefix = '{sign}'"), RecipeError::SignsItself(_)));
    assert!(matches!(keyed("key_member = 'sign'"), RecipeError::SignsItself(_)));
    for inside in ["prefix = '{key}'", "suffix = '{key}'", "key_member = 'k'"] {
        let settings = format!("algorithm = 'MD5-KEYED'\nkey_position = 'inside'\n{inside}");
        assert_eq!(toml::from_str::<Recipe>(&settings).expect("toml").check(), Ok(()), "{inside}");
    }
    let shared = VerifyKey::Shared(Secret::new("s").expect("a secret"));
    let mixed = Recipe { suffix: "{key}".to_owned(), ..Recipe::default() };
    let rsa = VerifyKey::Rsa(private_key("merchant-1024").public_key().clone());
    assert_eq!(mixed.check_key(&rsa), Err(RecipeError::SecretMissing));
    let decoded =
        Recipe { algorithm: Algorithm::HmacSha256, key_form: SecretForm::Hex, ..Recipe::default() };
    assert_eq!(decoded.check_key(&shared), Err(RecipeError::SecretForm(SecretForm::Hex)));
    let error = Recipe::default().check_key(&shared).expect_err("an RSA recipe").to_string();
    assert_eq!(error, "algorithm = \"RSA-SHA256\" takes an RSA key, and the key is a shared key");
}

#[test]
fn a_signature_of_the_wrong_shape_is_told_from_a_wrong_one() {
    let key = private_key("merchant-1024");
    let (sign_key, recipe) = (SignKey::Rsa(key), Recipe::default());
    let fields = Fields::parse(br#"{"a":"1"}"#).expect("fields");
    let check = |text: &str| verify(&recipe, &sign_key.verify_key(), &fields, text);
    let good = sign(&recipe, &sign_key, &fields).expect("signed");
    assert_eq!(check(&good), Ok(()));
    assert_eq!(check(good.trim_end_matches('=')), Ok(()));
    assert_eq!(check(&format!("{}\r\n{}\n", &good[..76], &good[76..])), Ok(()));
    assert!(matches!(check("***"), Err(SignatureError::Undecodable(_))));
    assert_eq!(check(""), Err(SignatureError::Length { bytes: 0, expected: 128 }));
    assert_eq!(check(&good[..100]), Err(SignatureError::Length { bytes: 75, expected: 128 }));
    let other = Fields::parse(br#"{"a":"2"}"#).expect("fields");
    assert_eq!(
        verify(&recipe, &sign_key.verify_key(), &other, &good),
        Err(SignatureError::Mismatch)
    );
    let hmac = Recipe { algorithm: Algorithm::HmacSha256, ..Recipe::default() };
    assert!(matches!(sign(&hmac, &sign_key, &fields), Err(SignatureError::Key(_))));
}

#[test]
fn a_key_too_small_for_the_digest_is_an_error_and_no_panic() {
    let key = SignKey::Rsa(private_key("merchant-1024"));
    let fields = Fields::parse(br#"{"a":"1"}"#).expect("fields");
    for algorithm in rsa_algorithms() {
        let recipe = Recipe { algorithm, ..Recipe::default() };
        let signed = sign(&recipe, &key, &fields);
        if algorithm == Algorithm::RsaPssSha512 {
            assert_eq!(signed, Err(SignatureError::Unable));
            continue;
        }
        let text = signed.expect("1024 bits are enough for the others");
        assert_eq!(verify(&recipe, &key.verify_key(), &fields, &text), Ok(()), "{algorithm}");
    }
}

#[test]
fn decryption_errors_say_what_to_look_at() {
    let key = private_key("merchant-1024");
    let cipher =
        encrypt(key.public_key(), Padding::Pkcs1, Encoding::Base64, b"123456").expect("fits");
    let fails = |text: &str| decrypt(&key, Padding::Pkcs1, text).expect_err("refused");
    assert_eq!(fails(" "), DecryptError::Empty);
    assert_eq!(fails("ab cd"), DecryptError::PlusLost);
    assert_eq!(fails("äöü"), DecryptError::NotBase64);
    assert_eq!(fails(&cipher[..80]), DecryptError::Length { bytes: 60, block: 128 });
    let other = private_key("gateway-2048");
    assert_eq!(
        decrypt(&other, Padding::Any, &cipher),
        Err(DecryptError::Length { bytes: 128, block: 256 })
    );
    let foreign =
        encrypt(other.public_key(), Padding::Pkcs1, Encoding::Base64, b"1").expect("fits");
    assert_eq!(
        decrypt(&private_key("merchant-2048"), Padding::Pkcs1, &foreign),
        Err(DecryptError::Padding)
    );
    let oaep = encrypt(key.public_key(), Padding::OaepSha1, Encoding::Base64, b"1").expect("fits");
    assert_eq!(decrypt(&key, Padding::OaepSha256, &oaep), Err(DecryptError::Padding));
    assert_eq!(decrypt(&key, Padding::Any, &oaep), Ok(b"1".to_vec()));
}

#[cfg(feature = "fast-crypto")]
#[test]
fn both_backends_agree_on_every_vector_and_on_damaged_ones() {
    let mut done_fast = 0;
    for vectors in [&*VECTORS, &*OPENSSL] {
        for vector in vectors["sign"].as_array().expect("vectors") {
            let Some(key) = vector["key"].as_str() else { continue };
            let private = private_key(key);
            let key = private.public_key();
            let text = |name: &str| vector[name].as_str().or(vector["recipe"][name].as_str());
            let algorithm = text("algorithm").unwrap_or("RSA-SHA256");
            let algorithm = algorithm.parse::<Algorithm>().expect("an algorithm");
            let recipe = Recipe { algorithm, ..Recipe::default() };
            let encoding = text("encoding").unwrap_or("base64").parse::<Encoding>().expect("one");
            let message = text("canonical").expect("a string").as_bytes();
            let good = encoding.decode(text("sign").expect("a sign")).expect("text");
            let wrong = |change: fn(&mut Vec<u8>)| {
                let mut signature = good.clone();
                change(&mut signature);
                signature
            };
            let above_modulus = || {
                let number =
                    rsa::BigUint::from_bytes_be(&good) + rsa::traits::PublicKeyParts::n(key.rsa());
                number.to_bytes_be()
            };
            let cases = [
                (good.clone(), true),
                (wrong(|s| s[0] ^= 1), false),
                (wrong(|s| s[60] ^= 0x80), false),
                (wrong(|s| *s.last_mut().expect("bytes") ^= 1), false),
                (wrong(|s| s.truncate(100)), false),
                (wrong(|s| s.insert(0, 0)), false),
                (wrong(|s| s.fill(0)), false),
                (wrong(|s| s.fill(0xff)), false),
                (wrong(Vec::clear), false),
                (above_modulus(), false),
            ];
            for (signature, expected) in cases {
                let fast = surely_fits(key.rsa(), algorithm, message, &signature);
                let portable = verify_portably(&recipe, key, message, &signature);
                assert_eq!(portable, expected, "{vector}");
                assert!(portable || !fast, "{vector}");
                done_fast += usize::from(fast);
                assert!(!verify_portably(&recipe, key, b"other", &signature));
            }
            let signed = sign_portably(&recipe, &private, message).expect("signed");
            assert_eq!(
                surely_fits(key.rsa(), algorithm, message, &signed),
                surely_fits(key.rsa(), algorithm, message, &good)
            );
            if let Some(signed) = private.sign_fast(algorithm, message) {
                assert!(verify_portably(&recipe, key, message, &signed));
            }
        }
    }
    assert!(done_fast > 30, "the fast backend took part in {done_fast} cases");
}

#[cfg(feature = "fast-crypto")]
#[test]
fn the_fast_backend_does_all_but_what_it_lacks() {
    let declined = |key: &str| {
        let key = private_key(key);
        let lacks = |algorithm: &Algorithm| {
            let recipe = Recipe { algorithm: *algorithm, ..Recipe::default() };
            // A key may be too small for an algorithm altogether.
            sign_portably(&recipe, &key, b"text").is_none_or(|signed| {
                !surely_fits(key.public_key().rsa(), *algorithm, b"text", &signed)
            })
        };
        rsa_algorithms().filter(lacks).collect::<Vec<_>>()
    };
    let lacking = [
        Algorithm::RsaMd5,
        Algorithm::RsaSha224,
        Algorithm::RsaPssSha1,
        Algorithm::RsaPssSha224,
        Algorithm::RsaPssSha384,
        Algorithm::RsaPssSha512,
        Algorithm::RsaRaw,
    ];
    let weak = [Algorithm::RsaSha384, Algorithm::RsaPssSha256];
    let mut expected = [&lacking[..], &weak].concat();
    expected.sort_by_key(|algorithm| *algorithm as usize);
    assert_eq!(declined("merchant-1024"), expected);
    assert_eq!(declined("merchant-2048"), lacking);
    assert_eq!(declined("merchant-4096"), lacking);
    let key = private_key("merchant-2048");
    let signs = |algorithm: &Algorithm| key.sign_fast(*algorithm, b"").is_some();
    let sha2 = [Algorithm::RsaSha256, Algorithm::RsaSha384, Algorithm::RsaSha512];
    let signed = rsa_algorithms().filter(signs).collect::<Vec<_>>();
    assert_eq!(signed, [&sha2[..], &[Algorithm::RsaPssSha256]].concat());
}

#[test]
fn pss_parameters_of_their_own_sign_and_verify() {
    let fields = Fields::parse(br#"{"txId":"1"}"#).expect("fields");
    let usual = Recipe { algorithm: Algorithm::RsaPssSha256, ..Recipe::default() };
    // What Java takes by default: a mask by SHA-1 and 20 bytes of salt.
    let java = Recipe { pss_mask: Some(Hash::Sha1), pss_salt: Some(20), ..usual.clone() };
    let unsalted = Recipe { pss_salt: Some(0), ..usual.clone() };
    let key = SignKey::Rsa(private_key("merchant-1024"));
    let recipes = [usual, java, unsalted];
    for recipe in &recipes {
        let text = sign(recipe, &key, &fields).expect("signed");
        for other in &recipes {
            let fits = verify(other, &key.verify_key(), &fields, &text).is_ok();
            assert_eq!(fits, recipe == other, "{recipe:?} {other:?}");
        }
        let tampered = Fields::parse(br#"{"txId":"2"}"#).expect("fields");
        let checked = verify(recipe, &key.verify_key(), &tampered, &text);
        assert_eq!(checked, Err(SignatureError::Mismatch), "{recipe:?}");
    }
    let too_long = Recipe { pss_salt: Some(100), ..recipes[0].clone() };
    assert_eq!(sign(&too_long, &key, &fields), Err(SignatureError::Unable));
}

#[test]
fn of_two_keys_the_algorithm_takes_its_own() {
    let fields = Fields::parse(br#"{"txId":"1"}"#).expect("fields");
    let rsa = private_key("merchant-1024");
    let secret = Secret::new("hush").expect("a secret");
    let both = SignKey::RsaAndShared(rsa.clone(), secret.clone());
    for (algorithm, own) in [
        (Algorithm::RsaSha256, SignKey::Rsa(rsa)),
        (Algorithm::HmacSha256, SignKey::Shared(secret.clone())),
        (Algorithm::Md5Keyed, SignKey::Shared(secret)),
    ] {
        let recipe = Recipe { algorithm, ..Recipe::default() };
        let text = sign(&recipe, &own, &fields).expect("signed");
        assert_eq!(sign(&recipe, &both, &fields), Ok(text.clone()), "{algorithm}");
        for key in [&own, &both] {
            assert_eq!(verify(&recipe, &key.verify_key(), &fields, &text), Ok(()), "{algorithm}");
        }
    }
}

fn any_key(algorithm: Algorithm, secret: &str) -> SignKey {
    static KEY: LazyLock<PrivateKey> = LazyLock::new(|| private_key("merchant-1024"));
    let secret = Secret::new(secret).expect("a secret");
    if algorithm.is_rsa() {
        SignKey::RsaAndShared(KEY.clone(), secret)
    } else {
        SignKey::Shared(secret)
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn what_is_signed_verifies_and_any_change_fails(
        algorithm in prop::sample::select(Algorithm::ALL),
        encoding in prop::sample::select(Encoding::ALL),
        key_position in prop::sample::select(KeyPosition::ALL),
        secret in "[ -~]{1,80}",
        value in "\\PC{1,40}",
        amount in 0_u32..100_000,
        at in any::<prop::sample::Index>(),
        flip in 1_u8..=255,
    ) {
        // Only a digest of such a text fits into a block.
        let predigest = (algorithm == Algorithm::RsaRaw).then_some(Hash::Sha256);
        let suffix = if key_position == KeyPosition::Inside { "{key}" } else { "" }.to_owned();
        // Twice its length does not fit.
        let pss_salt = (algorithm == Algorithm::RsaPssSha512).then_some(20);
        let recipe = Recipe {
            algorithm, encoding, key_position, suffix, predigest, pss_salt, ..Recipe::default()
        };
        let key = any_key(algorithm, &secret);
        let body = format!("{{\"memo\":{},\"amount\":{amount}.00}}", Value::from(value));
        let fields = Fields::parse(body.as_bytes()).expect("fields");
        let text = sign(&recipe, &key, &fields).expect("signed");
        prop_assert_eq!(verify(&recipe, &key.verify_key(), &fields, &text), Ok(()));

        let mut bytes = encoding.decode(&text).expect("decoded");
        let at_byte = at.index(bytes.len());
        bytes[at_byte] ^= flip;
        let tampered = encoding.encode(&bytes);
        prop_assert!(verify(&recipe, &key.verify_key(), &fields, &tampered).is_err());

        let other = body.replace(".00}", ".01}");
        let other = Fields::parse(other.as_bytes()).expect("fields");
        prop_assert!(verify(&recipe, &key.verify_key(), &other, &text).is_err());
    }

    #[test]
    fn no_text_makes_the_readers_panic(text in "\\PC{0,300}", mark in prop::sample::select(vec![
        "", "-----BEGIN ", "-----BEGIN PUBLIC KEY-----", "MIIBIjANBgkq", "{", "{{}",
    ])) {
        let text = format!("{mark}{text}");
        let _ = PublicKey::parse(&text);
        let _ = PrivateKey::parse(&text);
        let recipe = Recipe { canonical: Canonical::RawTemplate, template: text, ..Recipe::default() };
        let checked = recipe.check();
        let fields = Fields::parse(b"{}").expect("fields");
        let canonical = recipe.canonical(&fields);
        prop_assert!(checked.is_err() || canonical.len() <= recipe.template.len());
    }

    #[test]
    fn damaged_der_never_panics(at in any::<prop::sample::Index>(), byte in any::<u8>()) {
        let der = private_key("merchant-1024").pkcs8_der();
        let mut damaged = der.clone();
        damaged[at.index(der.len())] = byte;
        let read = PrivateKey::parse(&Encoding::Base64.encode(&damaged));
        prop_assert!(damaged == der || read.is_err() || read.is_ok_and(|key| key.public_key().bits() >= 1023));
    }
}
