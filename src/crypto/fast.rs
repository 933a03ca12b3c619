//! RSA through `aws-lc-rs`, an order of magnitude faster than the portable way.
//!
//! It declines (`None`) what the library has no setting for; the portable way does the rest. Keys are parsed for the
//! library on first use, so that loading many keys costs nothing here.

use std::sync::OnceLock;

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeyPair;
use aws_lc_rs::signature::{self, ParsedPublicKey, RsaParameters, RsaSignatureEncoding};

use super::algorithm::{Algorithm, SignatureScheme};
use super::hash::Hash;

/// A public key, parsed for each algorithm that it was used with.
#[derive(Default)]
pub(super) struct Verifiers([OnceLock<Option<ParsedPublicKey>>; DONE.len()]);

/// Algorithms that the library checks.
const DONE: [SignatureScheme; 5] = [
    SignatureScheme::Pkcs1(Hash::Sha1),
    SignatureScheme::Pkcs1(Hash::Sha256),
    SignatureScheme::Pkcs1(Hash::Sha384),
    SignatureScheme::Pkcs1(Hash::Sha512),
    SignatureScheme::Pss(Hash::Sha256),
];

/// A private key, parsed when first used.
#[derive(Default)]
pub(super) struct Signer(OnceLock<Option<KeyPair>>);

impl Verifiers {
    /// Verifies `signature` of `message` by the key with that SubjectPublicKeyInfo and size in bits; `None` when the
    /// library does not do this algorithm and size.
    pub(super) fn verify(
        &self,
        (spki, bits): (&[u8], usize),
        algorithm: Algorithm,
        message: &[u8],
        signature: &[u8],
    ) -> Option<bool> {
        let parse = || ParsedPublicKey::new(parameters(algorithm, bits)?, spki).ok();
        let slot = DONE.iter().position(|scheme| *scheme == algorithm.scheme())?;
        let parsed = self.0[slot].get_or_init(parse).as_ref()?;
        Some(parsed.verify_sig(message, signature).is_ok())
    }
}

impl Signer {
    /// The signature of `message` by the key whose PKCS#8 is `pkcs8`; `None` when the library does not do this algorithm
    /// and size.
    pub(super) fn sign<K: AsRef<[u8]>>(
        &self,
        pkcs8: impl FnOnce() -> K,
        algorithm: Algorithm,
        message: &[u8],
    ) -> Option<Vec<u8>> {
        let encoding = encoding(algorithm)?;
        let pair = self.0.get_or_init(|| KeyPair::from_pkcs8(pkcs8().as_ref()).ok());
        let pair = pair.as_ref()?;
        let mut signature = vec![0; pair.public_modulus_len()];
        pair.sign(encoding, &SystemRandom::new(), message, &mut signature).ok()?;
        Some(signature)
    }
}

fn parameters(algorithm: Algorithm, bits: usize) -> Option<&'static RsaParameters> {
    let strong = bits >= 2048;
    Some(match algorithm.scheme() {
        SignatureScheme::Pkcs1(Hash::Sha1) => {
            &signature::RSA_PKCS1_1024_8192_SHA1_FOR_LEGACY_USE_ONLY
        }
        SignatureScheme::Pkcs1(Hash::Sha256) => {
            &signature::RSA_PKCS1_1024_8192_SHA256_FOR_LEGACY_USE_ONLY
        }
        SignatureScheme::Pkcs1(Hash::Sha512) => {
            &signature::RSA_PKCS1_1024_8192_SHA512_FOR_LEGACY_USE_ONLY
        }
        SignatureScheme::Pkcs1(Hash::Sha384) if strong => &signature::RSA_PKCS1_2048_8192_SHA384,
        SignatureScheme::Pss(Hash::Sha256) if strong => &signature::RSA_PSS_2048_8192_SHA256,
        _ => return None,
    })
}

fn encoding(algorithm: Algorithm) -> Option<&'static RsaSignatureEncoding> {
    Some(match algorithm.scheme() {
        SignatureScheme::Pkcs1(Hash::Sha256) => &signature::RSA_PKCS1_SHA256,
        SignatureScheme::Pkcs1(Hash::Sha384) => &signature::RSA_PKCS1_SHA384,
        SignatureScheme::Pkcs1(Hash::Sha512) => &signature::RSA_PKCS1_SHA512,
        SignatureScheme::Pss(Hash::Sha256) => &signature::RSA_PSS_SHA256,
        _ => return None,
    })
}
