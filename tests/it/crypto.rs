//! Every vector under `fixtures/vectors`, through the public surface.

use std::collections::BTreeMap;

use payon_sim::base::Fields;
use payon_sim::crypto::{
    Algorithm, Encoding, Padding, PrivateKey, PublicKey, Recipe, Secret, SignKey, VerifyKey,
    decrypt, encrypt, sign, verify,
};
use serde::Deserialize;

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
