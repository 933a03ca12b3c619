//! Input of an inference: signed requests, the keys that are held, and the bounds of the search.

use super::super::keys::{PublicKey, Secret};
use super::super::recipe::{Recipe, SIGN};
use super::super::sign::VerifyKey;
use crate::base::{Fields, FieldsError, Operation};

/// The fewest bits that have to agree.
pub const PROOF_BITS_MIN: usize = 128;

/// The largest body of a sample, in bytes. Requests are far smaller, and every string is made from it.
pub const BODY_BYTES_MAX: usize = 16 * 1024;

/// A signed request.
#[derive(Clone, Debug)]
pub struct Sample<'a> {
    /// The place that it was read from, for people.
    pub name: String,
    /// The operation that it was sent to, where that is known.
    pub operation: Option<Operation>,
    pub(super) fields: Fields<'a>,
    pub(super) sign: String,
}

/// Reason why a request is no sample.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SampleError {
    /// The body is not one JSON object.
    #[error("{0}")]
    Body(String),
    /// More than [`BODY_BYTES_MAX`].
    #[error("the body has {0} bytes; samples have at most {BODY_BYTES_MAX}")]
    TooLarge(usize),
    /// No signature.
    #[error("the body has no member sign with a text in it")]
    Unsigned,
}

impl<'a> Sample<'a> {
    /// Reads a signed body.
    pub fn new(
        name: String,
        operation: Option<Operation>,
        body: &'a str,
    ) -> Result<Self, SampleError> {
        if body.len() > BODY_BYTES_MAX {
            return Err(SampleError::TooLarge(body.len()));
        }
        let fields = Fields::parse(body.as_bytes())
            .map_err(|error: FieldsError| SampleError::Body(error.to_string()))?;
        let sign = fields.get(SIGN).filter(|sign| sign.is_string() && !sign.is_blank());
        let sign = sign.ok_or(SampleError::Unsigned)?.text().into_owned();
        Ok(Self { name, operation, fields, sign })
    }
}

/// The keys that the user holds; at least one.
#[derive(Clone, Debug)]
pub struct Held {
    /// The public key of whoever signed.
    pub key: Option<PublicKey>,
    /// The key that both sides share.
    pub secret: Option<Secret>,
}

impl Held {
    pub(super) fn verify_key(&self, recipe: &Recipe) -> Option<VerifyKey> {
        let secret = || self.secret.clone();
        Some(match (recipe.algorithm.is_rsa(), recipe.takes_secret()) {
            (true, false) => VerifyKey::Rsa(self.key.clone()?),
            (true, true) => VerifyKey::RsaAndShared(self.key.clone()?, secret()?),
            (false, _) => VerifyKey::Shared(secret()?),
        })
    }
}

/// The bounds of a search.
pub struct SearchBudget<'b> {
    /// At most about so many strings are tried.
    pub candidates: u64,
    /// Asked now and then; the search ends when it says no.
    pub keep_going: &'b dyn Fn() -> bool,
}
