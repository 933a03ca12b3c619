//! Signing a body for a merchant, and explaining a signature, outside of any request.

use crate::base::{Fields, FieldsError, Operation};
use crate::crypto::{
    self, Explanation, KeyError, OtherKey, Question, Recipe, SIGN, SignatureError,
};
use crate::profile::{Merchant, Profile};
use crate::wire;

/// A body with its signature.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signed {
    /// The exact string that was signed.
    pub canonical: String,
    /// The signature, in the recipe's encoding.
    pub sign: String,
    /// The body with `sign` added or replaced. Every other byte of it is as it came.
    pub body: String,
    /// Reason why a gateway refuses it all the same: it names another merchant than the one that signed.
    pub warning: Option<String>,
}

/// Reason why a body cannot be signed, or a signature not be looked at.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum SigningError {
    /// The body is not one JSON object.
    #[error(transparent)]
    Body(#[from] FieldsError),
    /// The profile holds nothing that signs for the merchant.
    #[error(
        "there is nothing to sign with for merchant {merchant}: sign with your own private key, or in a profile of your own give it {lacking}"
    )]
    NoKey {
        /// `merchantId`.
        merchant: String,
        /// The part that the profile lacks.
        lacking: &'static str,
    },
    /// The merchant's key is no key.
    #[error("the key of merchant {merchant}: {error}")]
    Key {
        /// `merchantId`.
        merchant: String,
        /// The key's error.
        error: KeyError,
    },
    /// The key does not go with the recipe.
    #[error(transparent)]
    Signature(#[from] SignatureError),
}

/// Signs `body` as `merchant` with the key that the profile holds for it. RSA takes up to some milliseconds: keep it
/// off the threads that serve connections.
pub fn sign(recipe: &Recipe, merchant: &Merchant, body: &[u8]) -> Result<Signed, SigningError> {
    let (fields, text) = read(body)?;
    // The member is there while the string is made, since a recipe may sign the body with an empty one in it.
    let with_member = with_sign(text, &fields, "");
    let (fields, text) = read(with_member.as_bytes())?;
    let key = merchant.sign_key(recipe).ok_or_else(|| SigningError::NoKey {
        merchant: merchant.id.clone(),
        lacking: if recipe.takes_secret() && merchant.sign_secret.is_none() {
            "`sign_secret` in merchants.toml"
        } else {
            "`private` in keys.toml"
        },
    })?;
    let key = key.map_err(|error| bad_key(merchant, error))?;
    let sign = crypto::sign(recipe, &key, &fields)?;
    let body = with_sign(text, &fields, &sign);
    let warning = other_merchant(&fields, merchant);
    let canonical = recipe.canonical_masked(&fields, &|body| body.into());
    Ok(Signed { canonical, sign, body, warning })
}

/// Says that the body names another merchant. The gateway takes the key of the one that the body names.
fn other_merchant(fields: &Fields<'_>, merchant: &Merchant) -> Option<String> {
    let named = fields.text("merchantId").filter(|named| **named != *merchant.id)?;
    Some(format!(
        "the body names the merchant {named:?}, and a gateway checks sign with that one's key, not with the key of {}; give \
         the body and the signature the same merchant",
        merchant.id
    ))
}

/// Explains the signature of `body`, which `merchant` sends to `operation`. The keys of `others` and the gateway's
/// own are tried too. It takes up to some tens of milliseconds.
pub fn explain<'m>(
    profile: &Profile,
    others: impl Iterator<Item = &'m Merchant>,
    merchant: &Merchant,
    operation: Operation,
    body: &[u8],
) -> Result<Explanation, SigningError> {
    let (fields, text) = read(body)?;
    let recipe = &profile.sign.recipe;
    let key = merchant.verify_key(recipe).map_err(|error| bad_key(merchant, error))?;
    let others = other_keys(profile, others, merchant);
    let mut explanation = crypto::explain(&Question {
        recipe,
        documented: &profile.operations.get(operation).listed(),
        body: text,
        fields: &fields,
        key: &key,
        others: &others,
        hide: &|body| wire::redact(profile.operations.secrets(), body),
    });
    if let Some(message) = other_merchant(&fields, merchant) {
        explanation.refuse("merchant.other", message);
    }
    Ok(explanation)
}

/// Keys that are mistaken for the merchant's own, its earlier ones before those of others. One that cannot be read is no
/// candidate.
fn other_keys<'m>(
    profile: &Profile,
    others: impl Iterator<Item = &'m Merchant>,
    merchant: &Merchant,
) -> Vec<OtherKey> {
    let recipe = &profile.sign.recipe;
    let replaced = merchant.replaced_keys.iter().rev().filter_map(|replaced| {
        let key = replaced.key.verify_key().ok()?;
        Some(OtherKey::replaced(&replaced.at.rfc3339(), key.clone()))
    });
    let theirs = others.filter(|other| other.id != merchant.id).filter_map(|other| {
        let key = other.verify_key(recipe).ok()?;
        Some(OtherKey::of(&format!("the key of merchant {}", other.id), key.into_owned()))
    });
    let own = profile.gateway_key.verify_key().ok();
    let own = own.map(|key| OtherKey::of("the gateway's own key", key.clone()));
    replaced.chain(own).chain(theirs).collect()
}

fn read(body: &[u8]) -> Result<(Fields<'_>, &str), SigningError> {
    let fields = Fields::parse(body)?;
    let text =
        std::str::from_utf8(body).map_err(|error| FieldsError::NotUtf8(error.valid_up_to()))?;
    Ok((fields, text))
}

fn bad_key(merchant: &Merchant, error: KeyError) -> SigningError {
    SigningError::Key { merchant: merchant.id.clone(), error }
}

/// `body`, which is the object that `fields` were read from, with the signature in it. A `sign` that is there already
/// gets the new value; else the member goes to the end, laid out like the first one.
fn with_sign(body: &str, fields: &Fields<'_>, sign: &str) -> String {
    let value = serde_json::Value::from(sign).to_string();
    if let Some(old) = fields.get(SIGN) {
        // The literal is borrowed from the body, so its address tells where it stands.
        let start = old.raw().as_ptr().addr() - body.as_ptr().addr();
        return [&body[..start], &value, &body[start + old.raw().len()..]].concat();
    }
    let open = body.len() - body.trim_start().len() + 1;
    let inside = &body[open..body.trim_end().len() - 1];
    let end = open + inside.trim_end().len();
    let lead = &inside[..inside.len() - inside.trim_start().len()];
    let (comma, lead) = if fields.iter().next().is_none() { ("", "") } else { (",", lead) };
    [&body[..end], comma, lead, "\"", SIGN, "\":", &value, &body[end..]].concat()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::base::Millis;
    use crate::crypto::Algorithm;
    use crate::profile::KeyPair;

    fn signed(body: &str) -> String {
        let fields = Fields::parse(body.as_bytes()).expect("an object");
        with_sign(body, &fields, "S+/=")
    }

    #[test]
    fn a_body_that_names_another_merchant_is_told_of() {
        let profile = Profile::builtin();
        let merchant = profile.merchant("C0000143").expect("the merchant");
        let told = |body: &str| {
            other_merchant(&Fields::parse(body.as_bytes()).expect("an object"), merchant)
        };
        assert_eq!(told(r#"{"merchantId":"C0000143"}"#), None);
        assert_eq!(told(r#"{"txId":"1"}"#), None);
        let warning = told(r#"{"merchantId":"O0000021"}"#).expect("a warning");
        assert!(warning.contains("O0000021") && warning.contains("C0000143"), "{warning}");
    }

    #[test]
    fn the_signature_goes_in_and_nothing_else_changes() {
        for (body, expected) in [
            (r#"{"b":1.00,"a":"x"}"#, r#"{"b":1.00,"a":"x","sign":"S+/="}"#),
            (
                "{\n  \"a\": 1.10,\n  \"b\": null\n}\n",
                "{\n  \"a\": 1.10,\n  \"b\": null,\n  \"sign\":\"S+/=\"\n}\n",
            ),
            (" {\t\"a\" : 1 } \r\n", " {\t\"a\" : 1,\t\"sign\":\"S+/=\" } \r\n"),
            ("{}", r#"{"sign":"S+/="}"#),
            (" { } ", " {\"sign\":\"S+/=\" } "),
            (
                r#"{"name":"ហាង \u0041 }\"{","e":1e2}"#,
                r#"{"name":"ហាង \u0041 }\"{","e":1e2,"sign":"S+/="}"#,
            ),
        ] {
            assert_eq!(signed(body), expected);
        }
    }

    #[test]
    fn a_signature_that_is_there_is_replaced_where_it_stands() {
        for (body, expected) in [
            (r#"{"sign":"old","a":1.00}"#, r#"{"sign":"S+/=","a":1.00}"#),
            (r#"{"a":1, "sign" : null }"#, r#"{"a":1, "sign" : "S+/=" }"#),
            (r#"{"si\u0067n":"o\"ld","a":"ខ"}"#, r#"{"si\u0067n":"S+/=","a":"ខ"}"#),
            (r#"{"a":{"sign":"inner"},"sign":5}"#, r#"{"a":{"sign":"inner"},"sign":"S+/="}"#),
            // The last of a repeated name counts.
            (r#"{"sign":"1","sign":"2"}"#, r#"{"sign":"1","sign":"S+/="}"#),
        ] {
            assert_eq!(signed(body), expected);
        }
    }

    fn merchant(id: &str) -> Merchant {
        Profile::builtin().merchant(id).expect("documented").clone()
    }

    #[test]
    fn what_a_merchant_lacks_to_sign_with_is_named() {
        let own = merchant("C0000143");
        let public = own.key.public_key().expect("a key").spki_der_base64();
        let public = KeyPair::of_merchant("C0000143", &public).expect("a key");
        let public_only = Merchant { key: Arc::new(public), ..own.clone() };
        let shared = Merchant { sign_secret: Some("hush".to_owned()), ..public_only.clone() };
        let rsa = Recipe::default();
        let hmac = Recipe { algorithm: Algorithm::HmacSha256, ..Recipe::default() };
        let both = Recipe { suffix: "{key}".to_owned(), ..Recipe::default() };
        let (private, secret) = ("`private` in keys.toml", "`sign_secret` in merchants.toml");
        for (merchant, recipe, expected) in [
            (&public_only, &rsa, private),
            (&shared, &both, private),
            (&own, &hmac, secret),
            (&own, &both, secret),
        ] {
            match sign(recipe, merchant, br#"{"txId":"1"}"#) {
                Err(SigningError::NoKey { lacking, .. }) => assert_eq!(lacking, expected),
                other => panic!("{expected}: {other:?}"),
            }
        }
        assert!(sign(&rsa, &own, br#"{"txId":"1"}"#).is_ok());
        assert!(sign(&hmac, &shared, br#"{"txId":"1"}"#).is_ok());
    }

    #[test]
    fn a_signature_by_another_key_is_told_by_whose_it_is() {
        let profile = Profile::builtin();
        let told = |merchant: &Merchant, body: &str| {
            let others = profile.merchants.iter();
            let body = body.as_bytes();
            let explanation = explain(&profile, others, merchant, Operation::Refund, body);
            let explanation = explanation.expect("readable");
            (explanation.ok, serde_json::to_string(&explanation).expect("JSON"))
        };
        let body = br#"{"merchantId":"C0000143","termId":"CT03000003","txId":"1"}"#;
        let signed =
            |merchant: &Merchant| sign(&profile.sign.recipe, merchant, body).expect("signed").body;
        let (own, other) = (merchant("C0000143"), merchant("O0000021"));
        assert!(told(&own, &signed(&own)).0);
        let (ok, theirs) = told(&own, &signed(&other));
        assert!(!ok && theirs.contains("the key of merchant O0000021"), "{theirs}");
        let mut renewed = own.clone();
        renewed.replace_key(Arc::clone(&merchant("EPAY00000000001").key), Millis(0));
        let (ok, earlier) = told(&renewed, &signed(&own));
        assert!(!ok && earlier.contains("1970-01-01"), "{earlier}");
    }
}
