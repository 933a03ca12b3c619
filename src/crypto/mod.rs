//! Keys in every format, the signature recipe, checking, explaining, and the encryption of PIN and checkout link.
//!
//! Knows members of JSON objects and nothing of orders; does no IO and reads no clock. Randomness is drawn only for
//! padding and for making keys.
//!
//! - [`PublicKey`], [`PrivateKey`], [`Secret`]: read from PEM, Base64, certificates; refuse with advice.
//! - [`Recipe`]: the `[sign]` table of a profile, and the canonical string that it yields.
//! - [`sign()`] and [`verify`]: RSA runs on `ring` (feature `fast-crypto`) with the `rsa` crate for what that lacks.
//! - [`explain()`]: what was probably done wrong, found by trying it.
//! - [`encrypt()`] and [`decrypt`]: RSA in blocks.

mod algorithm;
mod block;
mod canonical;
mod container;
mod encoding;
mod encrypt;
mod explain;
#[cfg(feature = "fast-crypto")]
mod fast;
mod form;
mod hash;
mod infer;
mod key_error;
mod keys;
mod mask;
mod orders;
mod recipe;
mod sign;
mod target;
mod template;
#[cfg(test)]
mod tests;
mod words;

pub use algorithm::Algorithm;
pub use encoding::{DecodeError, Encoding};
pub use encrypt::{DecryptError, EncryptError, Padding, decrypt, encrypt};
pub use explain::{
    Explanation, OtherKey, OwnKey, Question, ReceivedSignature, SignatureCause, explain,
};
pub use form::{KeyForm, KeyReport};
pub use hash::Hash;
pub use infer::{
    BODY_BYTES_MAX, Held, Inference, Outcome, PROOF_BITS_MIN, PageMembers, Proof, Sample,
    SampleError, SampleFacts, SearchBudget, Undecided, infer,
};
pub use key_error::{BITS_MAX, BITS_MIN, KeyError};
pub use keys::{PrivateKey, PublicKey, Secret};
pub use mask::Hide;
pub use recipe::{Canonical, KeyPosition, Recipe, RecipeError, SIGN};
pub use sign::{SignKey, SignatureError, VerifyKey, sign, verify};
pub use template::TemplateError;
pub use words::{
    Charset, DigestForm, EmptyValues, Escape, Layout, LineEnds, Numbers, Order, SecretForm,
    SignValue, TextCase, Transform,
};
