//! Search for the mistake in a signature, by making the likely mistakes until one reproduces it.
//!
//! The [readings] of the received text meet the keys and give [evidence]; the [rows] of near misses give strings; the
//! [search] brings both together, fewest mistakes first. What matches is proof, never a guess.

mod cause;
mod evidence;
mod knobs;
mod readings;
mod rows;
mod search;
#[cfg(test)]
mod tests;

use std::borrow::Cow;

use serde::Serialize;

use super::algorithm::Algorithm;
use super::canonical::{CanonicalStyle, Source, View};
use super::encoding::{DecodeError, Encoding};
use super::keys::PublicKey;
use super::mask::{self, Hide};
use super::recipe::{Canonical, Recipe, SIGN};
use super::sign::{VerifyKey, verify};
use crate::base::Fields;
pub use cause::{OtherKey, SignatureCause};
use evidence::Evidence;
use search::SearchOutcome;

/// Sizes of common RSA keys, in bytes of a signature.
const KEY_SIZES: &[usize] = &[64, 128, 192, 256, 384, 512];
/// So many characters of a received signature are repeated, which is enough for any real one.
const RECEIVED_MAX: usize = 2048;

/// A request whose signature is to be explained.
#[derive(Clone, Copy)]
pub struct Question<'a> {
    /// The recipe that should have been used.
    pub recipe: &'a Recipe,
    /// The members that PAYON's page lists for the operation, in its order.
    pub documented: &'a [&'a str],
    /// The body as it came.
    pub body: &'a str,
    /// The members of that body, `sign` among them.
    pub fields: &'a Fields<'a>,
    /// The merchant's key.
    pub key: &'a VerifyKey,
    /// Other keys to try.
    pub others: &'a [OtherKey],
    /// Hides what nobody may see in the answer.
    pub hide: Hide<'a>,
}

/// Facts about a signature. Values of secret members are masked throughout.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Explanation {
    /// The signature stands.
    pub ok: bool,
    /// One sentence.
    pub summary: String,
    /// The recipe's algorithm.
    #[schemars(with = "String")]
    pub algorithm: Algorithm,
    /// The recipe's kind of string.
    #[schemars(with = "String")]
    pub kind: Canonical,
    /// The exact string that the gateway built.
    pub canonical: String,
    /// Members that are masked in all strings here.
    pub masked: Vec<String>,
    /// The signature as it came; absent when none came.
    pub received: Option<ReceivedSignature>,
    /// The merchant's key; absent for a shared one.
    pub key: Option<OwnKey>,
    /// The signature was made with the private half of the merchant's key beyond doubt.
    pub key_proven: bool,
    /// The exact string that was signed instead; absent when it was not found or is the right one.
    pub signed: Option<String>,
    /// Necessary changes.
    pub causes: Vec<SignatureCause>,
    /// Next checks.
    pub next: Vec<String>,
}

/// A signature as it came.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ReceivedSignature {
    /// The text, cut after 2,048 characters.
    pub text: String,
    /// Its length in characters.
    pub characters: usize,
    /// The encoding that it looks like.
    #[schemars(with = "Option<String>")]
    pub encoding: Option<Encoding>,
    /// Its length in bytes in that encoding.
    pub bytes: Option<usize>,
    /// The length that a signature of this key and algorithm has, in bytes.
    pub expected_bytes: usize,
}

/// The key that a signature is checked with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct OwnKey {
    /// Names the key.
    pub fingerprint: String,
    /// Its size.
    pub bits: usize,
    /// It is too small for real use.
    pub weak: bool,
}

impl OwnKey {
    fn of(key: &PublicKey) -> Self {
        Self { fingerprint: key.fingerprint().to_owned(), bits: key.bits(), weak: key.is_weak() }
    }
}

/// Explains the signature of a request. Costs up to some tens of milliseconds: keep it off the threads that serve
/// connections.
pub fn explain(question: &Question<'_>) -> Explanation {
    let source = Source::new(question.recipe, question.fields, question.key.secret());
    let mut explanation = question.blank(&source);
    match question.sign() {
        Err(cause) => explanation.conclude(vec![cause]),
        Ok(text) => explanation.judge(question, &source, &text),
    }
    explanation
}

impl<'a> Question<'a> {
    fn blank(&self, source: &Source<'_>) -> Explanation {
        let masked = self.fields.iter().filter_map(|(name, value)| {
            let shown_name = mask::name(self.hide, name);
            let is_masked =
                shown_name != name || mask::shown(self.hide, name, value) != value.raw();
            is_masked.then(|| shown_name.into_owned())
        });
        Explanation {
            ok: false,
            summary: String::new(),
            algorithm: self.recipe.algorithm,
            kind: self.recipe.canonical,
            canonical: CanonicalStyle::of(self.recipe).text(source, View::Masked(self.hide)),
            masked: masked.collect(),
            received: None,
            key: self.key.rsa().map(OwnKey::of),
            key_proven: false,
            signed: None,
            causes: Vec::new(),
            next: Vec::new(),
        }
    }

    /// The text of the signature, or why there is none.
    fn sign(&self) -> Result<Cow<'a, str>, SignatureCause> {
        self.recipe
            .check_key(self.key)
            .map_err(|error| SignatureCause::new("key.kind", error.to_string()))?;
        let other_case = || self.fields.iter().find(|(name, _)| name.eq_ignore_ascii_case(SIGN));
        match self.fields.get(SIGN) {
            None => Err(other_case().map_or_else(
                || {
                    SignatureCause::new(
                        "sign.missing",
                        "the body has no member sign; sign the request",
                    )
                },
                |(name, _)| {
                    SignatureCause::new(
                        "sign.name",
                        format!("the signature is in {name:?}; call it \"sign\""),
                    )
                },
            )),
            Some(value) if value.is_blank() => Err(SignatureCause::new(
                "sign.empty",
                "sign is empty: the signing step returned nothing",
            )),
            Some(value) if !value.is_string() => Err(SignatureCause::new(
                "sign.not-text",
                "sign is not a JSON string; put it in quotation marks",
            )),
            Some(value) => Ok(value.text()),
        }
    }
}

impl Explanation {
    fn judge(&mut self, question: &Question<'_>, source: &Source<'_>, text: &str) {
        let received = ReceivedSignature::of(text, question);
        if verify(question.recipe, question.key, question.fields, text).is_ok() {
            self.ok = true;
            self.key_proven = true;
            self.received = Some(received);
            "The signature is right.".clone_into(&mut self.summary);
            self.tell_repeated(question);
            return;
        }
        let readings = readings::readings(text, question.recipe.encoding);
        let evidence =
            evidence::evidence(question.recipe, question.key, question.others, &readings);
        let rows = rows::rows(question.recipe, question.documented, question.fields, question.hide);
        match search::search(source, question.hide, &rows, &evidence) {
            SearchOutcome::Found { evidence, causes, signed } => {
                self.key_proven = evidence.own;
                self.signed = (signed != self.canonical).then_some(signed);
                self.conclude(causes);
            }
            SearchOutcome::NotFound { exhausted } => {
                let proven = evidence.iter().find(|evidence| evidence.proven);
                self.not_found(question, text, &received, proven);
                if exhausted {
                    self.next.push("not every near miss was tried, to bound the work; repeat with fewer and shorter members".into());
                }
            }
        }
        self.received = Some(received);
    }

    /// Refuses the signature for a mistake beside it as well, which comes before all other causes.
    pub fn refuse(&mut self, code: &'static str, message: String) {
        let others = std::mem::take(&mut self.causes);
        let causes = std::iter::once(SignatureCause::new(code, message)).chain(others);
        self.ok = false;
        self.conclude(causes.collect());
    }

    /// Says which members of the body stand more than once.
    fn tell_repeated(&mut self, question: &Question<'_>) {
        let repeated = question.fields.repeated().iter();
        let repeated = repeated.map(|name| mask::name(question.hide, name)).collect::<Vec<_>>();
        if !repeated.is_empty() {
            self.next.push(format!(
                "these members stand more than once in the body, and the last one counts: {}",
                repeated.join(", ")
            ));
        }
    }

    fn conclude(&mut self, causes: Vec<SignatureCause>) {
        let messages = causes.iter().map(|cause| cause.message.as_str()).collect::<Vec<_>>();
        self.summary = format!("The signature is refused: {}.", messages.join("; and "));
        self.causes = causes;
    }

    /// Says what is certain, and no more.
    fn not_found(
        &mut self,
        question: &Question<'_>,
        text: &str,
        received: &ReceivedSignature,
        proven: Option<&Evidence>,
    ) {
        let mut causes = Vec::new();
        if let Some(evidence) = proven {
            self.key_proven = evidence.own;
            causes.extend(evidence.causes.iter().cloned());
            let whose = if evidence.own { "this merchant's private key" } else { "a known key" };
            causes.push(SignatureCause::new(
                "string.differs",
                format!(
                    "sign is a valid signature by {whose} ({}), but over another string, and no near miss gives it; \
                     compare what you sign with `canonical`, byte by byte",
                    evidence.about
                ),
            ));
            self.next.push(
                "log the exact bytes that your code signs, and compare them with `canonical`"
                    .into(),
            );
            self.next.push("check that the body is not changed after signing: member added, number reformatted, text re-encoded".into());
        } else {
            causes.push(received.message(question, text));
            if let Some(key) = &self.key {
                self.next.push(format!(
                    "check that the public key registered for this merchant (fingerprint {}, {} bits) belongs to your private key",
                    key.fingerprint, key.bits
                ));
            } else {
                self.next.push(
                    "check that both sides hold the same shared key, without blanks around it"
                        .into(),
                );
            }
            self.next.push(format!(
                "sign the string in `canonical` with {} and compare",
                question.recipe.algorithm
            ));
        }
        self.tell_repeated(question);
        self.conclude(causes);
    }
}

impl ReceivedSignature {
    fn of(text: &str, question: &Question<'_>) -> Self {
        let encoding = readings::detect(text);
        Self {
            text: text.chars().take(RECEIVED_MAX).collect(),
            characters: text.chars().count(),
            encoding,
            bytes: encoding.and_then(|encoding| Some(encoding.decode(text).ok()?.len())),
            expected_bytes: question.recipe.signature_len(question.key),
        }
    }

    /// Facts that the text alone gives.
    fn message(&self, question: &Question<'_>, text: &str) -> SignatureCause {
        let (wanted, expected) = (question.recipe.encoding, self.expected_bytes);
        let Some(bytes) = self.bytes else {
            return match wanted.decode(text) {
                Err(error @ DecodeError::Incomplete(_)) => SignatureCause::new(
                    "sign.truncated",
                    format!("sign was cut off after {} characters: {error}", self.characters),
                ),
                Err(error) => SignatureCause::new(
                    "sign.undecodable",
                    format!("sign cannot be decoded: {error}"),
                ),
                Ok(_) => SignatureCause::new("sign.empty", "sign holds no bytes"),
            };
        };
        let is_rsa = question.recipe.algorithm.is_rsa();
        if bytes == expected {
            let message = "sign has the right length, yet no known key and no near miss explains it; it was made with a \
                           key that is not registered here, or damaged on the way";
            return SignatureCause::new("key.unknown", message);
        }
        let (code, message) = match bytes {
            _ if is_rsa && KEY_SIZES.contains(&bytes) => (
                "key.size",
                format!(
                    "sign has {bytes} bytes, so it was made with a {}-bit key; the key registered for this merchant has {} bits",
                    bytes * 8,
                    expected * 8
                ),
            ),
            16 | 20 | 32 | 48 | 64 if is_rsa => (
                "algorithm.family",
                format!(
                    "sign has {bytes} bytes: that is a digest or an HMAC, no RSA signature; use {}",
                    question.recipe.algorithm
                ),
            ),
            _ if !is_rsa && KEY_SIZES[1..].contains(&bytes) => (
                "algorithm.family",
                format!(
                    "sign has {bytes} bytes: that is an RSA signature; use {}",
                    question.recipe.algorithm
                ),
            ),
            _ if bytes < expected => (
                "sign.truncated",
                format!(
                    "sign has {bytes} bytes ({} characters) and should have {expected}: it was cut off; look for a column or buffer that is too short",
                    self.characters
                ),
            ),
            _ => ("sign.length", format!("sign has {bytes} bytes and should have {expected}")),
        };
        SignatureCause::new(code, message)
    }
}
