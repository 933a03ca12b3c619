//! Making and checking a signature after a recipe.

use rsa::Pkcs1v15Sign;
use rsa::rand_core::OsRng;

use super::algorithm::SignatureScheme;
use super::block;
use super::encoding::DecodeError;
#[cfg(feature = "fast-crypto")]
use super::fast;
use super::hash::Hash;
use super::keys::{PrivateKey, PublicKey, Secret};
use super::recipe::{KeyPosition, Recipe, RecipeError};
use crate::base::Fields;

/// Key that makes signatures.
#[derive(Clone, Debug)]
pub enum SignKey {
    /// For the RSA algorithms.
    Rsa(PrivateKey),
    /// For HMAC and the keyed digests.
    Shared(Secret),
    /// For an RSA algorithm over a string with a shared key in it.
    RsaAndShared(PrivateKey, Secret),
}

/// Key that checks signatures.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum VerifyKey {
    /// For the RSA algorithms.
    Rsa(PublicKey),
    /// For HMAC and the keyed digests.
    Shared(Secret),
    /// For an RSA algorithm over a string with a shared key in it.
    RsaAndShared(PublicKey, Secret),
}

/// Reason why a signature does not stand. [`super::explain()`] finds out what went wrong on the other side.
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
            Self::RsaAndShared(key, secret) => {
                VerifyKey::RsaAndShared(key.public_key().clone(), secret.clone())
            }
        }
    }

    fn rsa(&self) -> Option<&PrivateKey> {
        match self {
            Self::Rsa(key) | Self::RsaAndShared(key, _) => Some(key),
            Self::Shared(_) => None,
        }
    }
}

impl VerifyKey {
    /// The RSA key, where there is one.
    pub fn rsa(&self) -> Option<&PublicKey> {
        match self {
            Self::Rsa(key) | Self::RsaAndShared(key, _) => Some(key),
            Self::Shared(_) => None,
        }
    }

    /// The shared key, where there is one.
    pub fn secret(&self) -> Option<&Secret> {
        match self {
            Self::Shared(secret) | Self::RsaAndShared(_, secret) => Some(secret),
            Self::Rsa(_) => None,
        }
    }
}

impl Recipe {
    /// Refuses a key that the algorithm cannot use.
    pub fn check_key(&self, key: &VerifyKey) -> Result<(), RecipeError> {
        let is_rsa = self.algorithm.is_rsa();
        if (is_rsa && key.rsa().is_none()) || (!is_rsa && key.secret().is_none()) {
            let key_is_rsa = key.rsa().is_some();
            return Err(RecipeError::KeyKind { algorithm: self.algorithm, key_is_rsa });
        }
        match key.secret() {
            None if self.takes_secret() => Err(RecipeError::SecretMissing),
            Some(secret) if self.takes_secret() && secret.in_form(self.key_form).is_none() => {
                Err(RecipeError::SecretForm(self.key_form))
            }
            _ => Ok(()),
        }
    }

    /// Number of bytes of a signature under `key`.
    pub(super) fn signature_len(&self, key: &VerifyKey) -> usize {
        match self.algorithm.scheme() {
            SignatureScheme::Pkcs1(hash) | SignatureScheme::Pss(hash) => {
                key.rsa().map_or_else(|| hash.len(), PublicKey::len_bytes)
            }
            SignatureScheme::Raw => key.rsa().map_or(0, PublicKey::len_bytes),
            SignatureScheme::Hmac(hash) | SignatureScheme::Keyed(hash) => hash.len(),
        }
    }

    /// The salt's length and the mask's digest of a PSS signature.
    fn pss(&self, hash: Hash) -> block::Pss {
        block::Pss {
            hash,
            mask: self.pss_mask.unwrap_or(hash),
            salt_len: self.pss_salt.map_or(hash.len(), usize::from),
        }
    }

    /// The recipe signs as its algorithm alone says, without parameters of its own.
    fn is_usual(&self) -> bool {
        self.pss_salt.is_none() && self.pss_mask.is_none()
    }
}

/// Signs `fields` after `recipe`. RSA takes a fraction of a millisecond to several milliseconds: keep it off the
/// threads that serve connections.
pub fn sign(recipe: &Recipe, key: &SignKey, fields: &Fields<'_>) -> Result<String, SignatureError> {
    let verify_key = key.verify_key();
    recipe.check_key(&verify_key)?;
    let message = recipe.message(fields, verify_key.secret());
    let signature = match key.rsa() {
        Some(key) if recipe.algorithm.is_rsa() => sign_rsa(recipe, key, &message),
        _ => recipe.mac(verify_key.secret(), &message),
    };
    let signature = signature.ok_or(SignatureError::Unable)?;
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
    let message = recipe.message(fields, key.secret());
    let fits = match key.rsa() {
        Some(key) if recipe.algorithm.is_rsa() => verify_rsa(recipe, key, &message, &signature),
        _ => recipe.mac(key.secret(), &message).is_some_and(|tag| tag == signature),
    };
    if fits { Ok(()) } else { Err(SignatureError::Mismatch) }
}

impl Recipe {
    fn mac(&self, secret: Option<&Secret>, message: &[u8]) -> Option<Vec<u8>> {
        let key = secret?.in_form(self.key_form)?;
        mac(self.algorithm.scheme(), self.key_position, &key, message)
    }
}

fn sign_rsa(recipe: &Recipe, key: &PrivateKey, message: &[u8]) -> Option<Vec<u8>> {
    #[cfg(feature = "fast-crypto")]
    if recipe.is_usual()
        && let Some(signature) = key.sign_fast(recipe.algorithm, message)
    {
        return Some(signature);
    }
    sign_portably(recipe, key, message)
}

fn verify_rsa(recipe: &Recipe, key: &PublicKey, message: &[u8], signature: &[u8]) -> bool {
    #[cfg(feature = "fast-crypto")]
    if recipe.is_usual() && fast::surely_fits(key.rsa(), recipe.algorithm, message, signature) {
        return true;
    }
    verify_portably(recipe, key, message, signature)
}

/// Checks through the `rsa` crate, which has every scheme and key size.
pub(super) fn verify_portably(
    recipe: &Recipe,
    key: &PublicKey,
    message: &[u8],
    signature: &[u8],
) -> bool {
    // The crate's PSS would take a number above the modulus for its remainder.
    if key.number(signature).is_none() {
        return false;
    }
    let digest = |hash: Hash| hash.digest(&[message]);
    match recipe.algorithm.scheme() {
        SignatureScheme::Pkcs1(hash) => {
            key.rsa().verify(hash.pkcs1(), &digest(hash), signature).is_ok()
        }
        SignatureScheme::Raw => {
            key.rsa().verify(Pkcs1v15Sign::new_unprefixed(), message, signature).is_ok()
        }
        SignatureScheme::Pss(hash) if recipe.is_usual() => {
            key.rsa().verify(hash.pss(), &digest(hash), signature).is_ok()
        }
        SignatureScheme::Pss(hash) => {
            let pss = recipe.pss(hash);
            let opened = key.open(signature).and_then(|block| pss.open(&block, key.bits()));
            opened.is_some_and(|opened| {
                opened.salt.len() == pss.salt_len && opened.fits(hash, message)
            })
        }
        SignatureScheme::Hmac(_) | SignatureScheme::Keyed(_) => false,
    }
}

/// Signs through the `rsa` crate. `None` for a scheme of another family, or a key too small for the message.
pub(super) fn sign_portably(recipe: &Recipe, key: &PrivateKey, message: &[u8]) -> Option<Vec<u8>> {
    let digest = |hash: Hash| hash.digest(&[message]);
    match recipe.algorithm.scheme() {
        SignatureScheme::Pkcs1(hash) => key.rsa().sign(hash.pkcs1(), &digest(hash)).ok(),
        SignatureScheme::Raw => key.rsa().sign(Pkcs1v15Sign::new_unprefixed(), message).ok(),
        SignatureScheme::Pss(hash) if recipe.is_usual() => {
            key.rsa().sign_with_rng(&mut OsRng, hash.pss(), &digest(hash)).ok()
        }
        // The crate has one digest for both, and no other length of salt when it checks.
        SignatureScheme::Pss(hash) => {
            key.apply(&recipe.pss(hash).block(message, key.public_key(), &mut OsRng)?)
        }
        SignatureScheme::Hmac(_) | SignatureScheme::Keyed(_) => None,
    }
}

/// The authentication code of `message` under a shared key; `None` for an RSA scheme.
pub(super) fn mac(
    scheme: SignatureScheme,
    position: KeyPosition,
    key: &[u8],
    message: &[u8],
) -> Option<Vec<u8>> {
    let parts: &[&[u8]] = match position {
        KeyPosition::After => &[message, key],
        KeyPosition::Before => &[key, message],
        KeyPosition::Both => &[key, message, key],
        KeyPosition::Inside => &[message],
    };
    match scheme {
        SignatureScheme::Hmac(hash) => Some(hash.hmac(key, message)),
        SignatureScheme::Keyed(hash) => Some(hash.digest(parts)),
        SignatureScheme::Pkcs1(_) | SignatureScheme::Pss(_) | SignatureScheme::Raw => None,
    }
}
