//! The digests that signatures rest on, behind one enum.

use hmac::{Mac, SimpleHmac};
use md5::Md5;
use rsa::Pss;
use rsa::pkcs1v15::Pkcs1v15Sign;
use sha1::Sha1;
use sha2::{Digest, Sha224, Sha256, Sha384, Sha512};

use crate::base::named_enum;

named_enum! {
    /// A digest.
    pub enum Hash ("a digest") {
        /// SHA-256.
        Sha256 = "SHA-256",
        /// SHA-1.
        Sha1 = "SHA-1",
        /// SHA-512.
        Sha512 = "SHA-512",
        /// SHA-384.
        Sha384 = "SHA-384",
        /// MD5.
        Md5 = "MD5",
        /// SHA-224.
        Sha224 = "SHA-224",
    }
}

/// Runs an expression with the type `$digest` standing for the digest of `$hash`.
macro_rules! with_digest {
    ($hash:expr, $digest:ident => $body:expr) => {
        match $hash {
            Hash::Md5 => {
                type $digest = Md5;
                $body
            }
            Hash::Sha1 => {
                type $digest = Sha1;
                $body
            }
            Hash::Sha224 => {
                type $digest = Sha224;
                $body
            }
            Hash::Sha256 => {
                type $digest = Sha256;
                $body
            }
            Hash::Sha384 => {
                type $digest = Sha384;
                $body
            }
            Hash::Sha512 => {
                type $digest = Sha512;
                $body
            }
        }
    };
}

impl Hash {
    /// The digest's length in bytes.
    pub(super) fn len(self) -> usize {
        with_digest!(self, D => <D as Digest>::output_size())
    }

    /// The digest of `parts` one after the other.
    pub(super) fn digest(self, parts: &[&[u8]]) -> Vec<u8> {
        with_digest!(self, D => {
            let mut state = D::new();
            for part in parts {
                Digest::update(&mut state, part);
            }
            state.finalize().to_vec()
        })
    }

    /// The HMAC of `message`; a key of any length will do.
    pub(super) fn hmac(self, key: &[u8], message: &[u8]) -> Vec<u8> {
        with_digest!(self, D => {
            // A key of any length fits, so there is no error to report.
            SimpleHmac::<D>::new_from_slice(key).map_or_else(|_| Vec::new(), |mut state| {
                state.update(message);
                state.finalize().into_bytes().to_vec()
            })
        })
    }

    /// PKCS#1 v1.5 as the `rsa` crate wants it.
    pub(super) fn pkcs1(self) -> Pkcs1v15Sign {
        Pkcs1v15Sign { hash_len: Some(self.len()), prefix: self.digest_info().into() }
    }

    /// PSS with this digest for the message and the mask, and a salt of its length.
    pub(super) fn pss(self) -> Pss {
        with_digest!(self, D => Pss::new::<D>())
    }

    /// Bytes before the digest in a PKCS#1 v1.5 signature: the DER of `DigestInfo` up to the digest.
    pub(super) fn digest_info(self) -> Vec<u8> {
        let oid: &[u8] = match self {
            Self::Md5 => &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x02, 0x05],
            Self::Sha1 => &[0x2b, 0x0e, 0x03, 0x02, 0x1a],
            Self::Sha224 => &[0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x04],
            Self::Sha256 => &[0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01],
            Self::Sha384 => &[0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x02],
            Self::Sha512 => &[0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x03],
        };
        let (oid_len, digest_len) = (oid.len() as u8, self.len() as u8);
        let mut der = vec![0x30, oid_len + digest_len + 8, 0x30, oid_len + 4, 0x06, oid_len];
        der.extend_from_slice(oid);
        der.extend_from_slice(&[0x05, 0x00, 0x04, digest_len]);
        der
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::Encoding;

    #[test]
    fn digests_and_macs_match_published_values() {
        let hex = |bytes: &[u8]| Encoding::Hex.encode(bytes);
        assert_eq!(hex(&Hash::Md5.digest(&[b"a", b"bc"])), "900150983cd24fb0d6963f7d28e17f72");
        assert_eq!(hex(&Hash::Sha1.digest(&[b"abc"])), "a9993e364706816aba3e25717850c26c9cd0d89d");
        let hmac = Hash::Sha256.hmac(b"Jefe", b"what do ya want for nothing?");
        assert_eq!(hex(&hmac), "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
    }

    #[test]
    fn digest_info_is_the_one_of_the_standard() {
        let sha256 = "3031300d060960864801650304020105000420";
        assert_eq!(Encoding::Hex.encode(&Hash::Sha256.digest_info()), sha256);
        let sha1 = "3021300906052b0e03021a05000414";
        assert_eq!(Encoding::Hex.encode(&Hash::Sha1.digest_info()), sha1);
    }
}
