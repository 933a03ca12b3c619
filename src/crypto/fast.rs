//! RSA through `ring`, ten times as fast as the portable way, which does the rest: what the library has no setting for.

use std::sync::OnceLock;

use ring::rand::SystemRandom;
use ring::signature::{self, RsaEncoding, RsaKeyPair, RsaParameters, RsaPublicKeyComponents};
use rsa::RsaPublicKey;
use rsa::traits::PublicKeyParts;

use super::algorithm::{Algorithm, SignatureScheme};
use super::hash::Hash;

/// A private key, parsed when first used, so that loading many keys costs nothing here.
#[derive(Default)]
pub(super) struct Signer(OnceLock<Option<RsaKeyPair>>);

/// Returns true if `signature` is one of `message` by this key. False says nothing: the library may not do this algorithm, size
/// or exponent.
pub(super) fn surely_fits(
    key: &RsaPublicKey,
    algorithm: Algorithm,
    message: &[u8],
    signature: &[u8],
) -> bool {
    let components = RsaPublicKeyComponents { n: key.n().to_bytes_be(), e: key.e().to_bytes_be() };
    parameters(algorithm, key.n().bits())
        .is_some_and(|parameters| components.verify(parameters, message, signature).is_ok())
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
        let pair = self.0.get_or_init(|| RsaKeyPair::from_pkcs8(pkcs8().as_ref()).ok());
        let pair = pair.as_ref()?;
        let mut signature = vec![0; pair.public().modulus_len()];
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

fn encoding(algorithm: Algorithm) -> Option<&'static dyn RsaEncoding> {
    Some(match algorithm.scheme() {
        SignatureScheme::Pkcs1(Hash::Sha256) => &signature::RSA_PKCS1_SHA256,
        SignatureScheme::Pkcs1(Hash::Sha384) => &signature::RSA_PKCS1_SHA384,
        SignatureScheme::Pkcs1(Hash::Sha512) => &signature::RSA_PKCS1_SHA512,
        SignatureScheme::Pss(Hash::Sha256) => &signature::RSA_PSS_SHA256,
        _ => return None,
    })
}
