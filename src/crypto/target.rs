//! The test that a string has to pass to be the one that was signed.

use super::algorithm::SignatureScheme;
use super::block::PssOpened;
use super::hash::Hash;
use super::recipe::KeyPosition;
use super::sign::mac;

/// Content of a signature that a string is compared with.
#[derive(Clone)]
pub(super) enum SignTarget {
    /// The digest of the string.
    Digest(Hash, Vec<u8>),
    /// The string itself.
    Itself(Vec<u8>),
    /// A salted digest.
    Pss(Hash, PssOpened),
    /// The code of the string under a shared key.
    Mac { scheme: SignatureScheme, position: KeyPosition, key: Vec<u8>, tag: Vec<u8> },
}

impl SignTarget {
    /// `message` is the string that was signed.
    pub(super) fn fits(&self, message: &[u8]) -> bool {
        match self {
            Self::Digest(hash, digest) => hash.digest(&[message]) == *digest,
            Self::Itself(content) => content == message,
            Self::Pss(hash, opened) => opened.fits(*hash, message),
            Self::Mac { scheme, position, key, tag } => {
                mac(*scheme, *position, key, message).is_some_and(|found| found == *tag)
            }
        }
    }
}
