//! Making and checking a signature after a recipe.

use rsa::rand_core::OsRng;

use super::encoding::DecodeError;
#[cfg(feature = "fast-crypto")]
use super::fast;
use super::hash::Hash;
use super::keys::{PrivateKey, PublicKey, Secret};
use super::recipe::{Algorithm, KeyPosition, Recipe, RecipeError, Scheme};
use crate::base::Fields;

/// What makes a signature.
#[derive(Clone, Debug)]
pub enum SignKey {
    /// For the RSA algorithms.
    Rsa(PrivateKey),
    /// For HMAC and the keyed digests.
    Shared(Secret),
}

/// What checks a signature.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum VerifyKey {
    /// For the RSA algorithms.
    Rsa(PublicKey),
    /// For HMAC and the keyed digests.
    Shared(Secret),
}

/// Why a signature does not stand. [`super::explain()`] finds out what went wrong on the other side.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SignatureError {
    /// The key is not of the algorithm's family.
    #[error(transparent)]
    Key(#[from] RecipeError),
    /// The text is not in the recipe's encoding.
    #[error("sign cannot be decoded: {0}")]
    Undecodable(#[from] DecodeError),
    /// As many bytes as no signature of this key has.
    #[error("sign has {bytes} bytes; with this key and algorithm it has {expected}")]
    Length {
        /// Bytes that came.
        bytes: usize,
        /// Bytes of a signature.
        expected: usize,
    },
    /// Well-formed, but not the signature of this string under this key.
    #[error("sign does not fit the request")]
    Mismatch,
    /// The key failed to sign: it is too small for the digest, or damaged.
    #[error("the key cannot make a signature with this algorithm")]
    Unable,
}

impl SignKey {
    /// The key that checks what this one signs.
    pub fn verify_key(&self) -> VerifyKey {
        match self {
            Self::Rsa(key) => VerifyKey::Rsa(key.public_key().clone()),
            Self::Shared(secret) => VerifyKey::Shared(secret.clone()),
        }
    }
}

impl Recipe {
    /// Refuses a key that the algorithm cannot use.
    pub fn check_key(&self, key: &VerifyKey) -> Result<(), RecipeError> {
        let key_is_rsa = matches!(key, VerifyKey::Rsa(_));
        if self.algorithm.is_rsa() == key_is_rsa {
            Ok(())
        } else {
            Err(RecipeError::KeyKind { algorithm: self.algorithm, key_is_rsa })
        }
    }

    /// How many bytes a signature under `key` has.
    pub(super) fn signature_len(&self, key: &VerifyKey) -> usize {
        match (self.algorithm.scheme(), key) {
            (Scheme::Pkcs1(_) | Scheme::Pss(_), VerifyKey::Rsa(key)) => key.len_bytes(),
            (Scheme::Pkcs1(hash) | Scheme::Pss(hash), VerifyKey::Shared(_))
            | (Scheme::Hmac(hash) | Scheme::Keyed(hash), _) => hash.len(),
        }
    }
}

/// Signs `fields` after `recipe`. RSA takes a fraction of a millisecond to several milliseconds: keep it off the
/// threads that serve connections.
pub fn sign(recipe: &Recipe, key: &SignKey, fields: &Fields<'_>) -> Result<String, SignatureError> {
    let canonical = recipe.canonical(fields);
    let signature = sign_bytes(recipe, key, canonical.as_bytes())?;
    Ok(recipe.encoding.encode(&signature))
}

/// Checks `sign_text` against `fields`.
pub fn verify(
    recipe: &Recipe,
    key: &VerifyKey,
    fields: &Fields<'_>,
    sign_text: &str,
) -> Result<(), SignatureError> {
    recipe.check_key(key)?;
    let signature = recipe.encoding.decode(sign_text)?;
    let expected = recipe.signature_len(key);
    if signature.len() != expected {
        return Err(SignatureError::Length { bytes: signature.len(), expected });
    }
    let canonical = recipe.canonical(fields);
    let fits = match key {
        VerifyKey::Rsa(key) => verify_rsa(key, recipe.algorithm, canonical.as_bytes(), &signature),
        VerifyKey::Shared(secret) => mac(
            recipe.algorithm.scheme(),
            recipe.key_position,
            secret.bytes(),
            canonical.as_bytes(),
        )
        .is_some_and(|tag| tag == signature),
    };
    if fits { Ok(()) } else { Err(SignatureError::Mismatch) }
}

fn sign_bytes(recipe: &Recipe, key: &SignKey, message: &[u8]) -> Result<Vec<u8>, SignatureError> {
    let scheme = recipe.algorithm.scheme();
    let signature = match key {
        SignKey::Rsa(key) => {
            #[cfg(feature = "fast-crypto")]
            if let Some(signature) = fast::sign(key, recipe.algorithm, message) {
                return Ok(signature);
            }
            sign_portably(key, scheme, message)
        }
        SignKey::Shared(secret) => mac(scheme, recipe.key_position, secret.bytes(), message),
    };
    signature.ok_or_else(|| {
        recipe.check_key(&key.verify_key()).map_or_else(Into::into, |()| SignatureError::Unable)
    })
}

fn verify_rsa(key: &PublicKey, algorithm: Algorithm, message: &[u8], signature: &[u8]) -> bool {
    #[cfg(feature = "fast-crypto")]
    if let Some(fits) = fast::verify(key, algorithm, message, signature) {
        return fits;
    }
    verify_portably(key, algorithm.scheme(), message, signature)
}

/// Checks through the `rsa` crate, which has every scheme and key size.
pub(super) fn verify_portably(
    key: &PublicKey,
    scheme: Scheme,
    message: &[u8],
    signature: &[u8],
) -> bool {
    // The crate's PSS would take a number above the modulus for its remainder.
    if key.number(signature).is_none() {
        return false;
    }
    let digest = |hash: Hash| hash.digest(&[message]);
    match scheme {
        Scheme::Pkcs1(hash) => key.rsa().verify(hash.pkcs1(), &digest(hash), signature).is_ok(),
        Scheme::Pss(hash) => key.rsa().verify(hash.pss(), &digest(hash), signature).is_ok(),
        Scheme::Hmac(_) | Scheme::Keyed(_) => false,
    }
}

/// Signs through the `rsa` crate. `None` for a scheme of another family, or a key too small for the digest.
pub(super) fn sign_portably(key: &PrivateKey, scheme: Scheme, message: &[u8]) -> Option<Vec<u8>> {
    let digest = |hash: Hash| hash.digest(&[message]);
    match scheme {
        Scheme::Pkcs1(hash) => key.rsa().sign(hash.pkcs1(), &digest(hash)).ok(),
        Scheme::Pss(hash) => key.rsa().sign_with_rng(&mut OsRng, hash.pss(), &digest(hash)).ok(),
        Scheme::Hmac(_) | Scheme::Keyed(_) => None,
    }
}

/// The authentication code of `message` under a shared key; `None` for an RSA scheme.
pub(super) fn mac(
    scheme: Scheme,
    position: KeyPosition,
    key: &[u8],
    message: &[u8],
) -> Option<Vec<u8>> {
    match (scheme, position) {
        (Scheme::Hmac(hash), _) => Some(hash.hmac(key, message)),
        (Scheme::Keyed(hash), KeyPosition::After) => Some(hash.digest(&[message, key])),
        (Scheme::Keyed(hash), KeyPosition::Before) => Some(hash.digest(&[key, message])),
        (Scheme::Pkcs1(_) | Scheme::Pss(_), _) => None,
    }
}
