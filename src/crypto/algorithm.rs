//! Algorithms of signatures.

use super::hash::Hash;
use crate::base::named_enum;

named_enum! {
    /// Algorithms that turn the canonical string and a key into the signature.
    pub enum Algorithm ("a signature algorithm") {
        /// RSA, PKCS#1 v1.5, SHA-1.
        RsaSha1 = "RSA-SHA1",
        /// RSA, PKCS#1 v1.5, SHA-256: the default.
        RsaSha256 = "RSA-SHA256",
        /// RSA, PKCS#1 v1.5, SHA-384.
        RsaSha384 = "RSA-SHA384",
        /// RSA, PKCS#1 v1.5, SHA-512.
        RsaSha512 = "RSA-SHA512",
        /// RSA, PKCS#1 v1.5, MD5.
        RsaMd5 = "RSA-MD5",
        /// RSA, PKCS#1 v1.5, SHA-224.
        RsaSha224 = "RSA-SHA224",
        /// RSA, PSS with SHA-256 for message and mask and a salt of 32 bytes.
        RsaPssSha256 = "RSA-PSS-SHA256",
        /// RSA, PSS, SHA-1.
        RsaPssSha1 = "RSA-PSS-SHA1",
        /// RSA, PSS, SHA-224.
        RsaPssSha224 = "RSA-PSS-SHA224",
        /// RSA, PSS, SHA-384.
        RsaPssSha384 = "RSA-PSS-SHA384",
        /// RSA, PSS, SHA-512.
        RsaPssSha512 = "RSA-PSS-SHA512",
        /// RSA with PKCS#1 v1.5 padding of the string itself (or of `predigest`), without a digest identifier.
        RsaRaw = "RSA-RAW",
        /// HMAC with SHA-256 and a shared key.
        HmacSha256 = "HMAC-SHA256",
        /// HMAC with SHA-512 and a shared key.
        HmacSha512 = "HMAC-SHA512",
        /// HMAC with SHA-1 and a shared key.
        HmacSha1 = "HMAC-SHA1",
        /// HMAC with MD5 and a shared key.
        HmacMd5 = "HMAC-MD5",
        /// HMAC with SHA-224 and a shared key.
        HmacSha224 = "HMAC-SHA224",
        /// HMAC with SHA-384 and a shared key.
        HmacSha384 = "HMAC-SHA384",
        /// SHA-256 of the string joined with a shared key.
        Sha256Keyed = "SHA256-KEYED",
        /// SHA-512 of the string joined with a shared key.
        Sha512Keyed = "SHA512-KEYED",
        /// SHA-1 of the string joined with a shared key.
        Sha1Keyed = "SHA1-KEYED",
        /// MD5 of the string joined with a shared key.
        Md5Keyed = "MD5-KEYED",
        /// SHA-224 of the string joined with a shared key.
        Sha224Keyed = "SHA224-KEYED",
        /// SHA-384 of the string joined with a shared key.
        Sha384Keyed = "SHA384-KEYED",
    }
}

/// A signature's construction with its digest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum SignatureScheme {
    Pkcs1(Hash),
    Pss(Hash),
    /// PKCS#1 v1.5 padding around the message itself.
    Raw,
    Hmac(Hash),
    Keyed(Hash),
}

impl Algorithm {
    /// Returns true if it takes an RSA key; the others take a shared one.
    pub fn is_rsa(self) -> bool {
        matches!(
            self.scheme(),
            SignatureScheme::Pkcs1(_) | SignatureScheme::Pss(_) | SignatureScheme::Raw
        )
    }

    pub(super) const fn scheme(self) -> SignatureScheme {
        match self {
            Self::RsaMd5 => SignatureScheme::Pkcs1(Hash::Md5),
            Self::RsaSha1 => SignatureScheme::Pkcs1(Hash::Sha1),
            Self::RsaSha224 => SignatureScheme::Pkcs1(Hash::Sha224),
            Self::RsaSha256 => SignatureScheme::Pkcs1(Hash::Sha256),
            Self::RsaSha384 => SignatureScheme::Pkcs1(Hash::Sha384),
            Self::RsaSha512 => SignatureScheme::Pkcs1(Hash::Sha512),
            Self::RsaPssSha1 => SignatureScheme::Pss(Hash::Sha1),
            Self::RsaPssSha224 => SignatureScheme::Pss(Hash::Sha224),
            Self::RsaPssSha256 => SignatureScheme::Pss(Hash::Sha256),
            Self::RsaPssSha384 => SignatureScheme::Pss(Hash::Sha384),
            Self::RsaPssSha512 => SignatureScheme::Pss(Hash::Sha512),
            Self::RsaRaw => SignatureScheme::Raw,
            Self::HmacMd5 => SignatureScheme::Hmac(Hash::Md5),
            Self::HmacSha1 => SignatureScheme::Hmac(Hash::Sha1),
            Self::HmacSha224 => SignatureScheme::Hmac(Hash::Sha224),
            Self::HmacSha256 => SignatureScheme::Hmac(Hash::Sha256),
            Self::HmacSha384 => SignatureScheme::Hmac(Hash::Sha384),
            Self::HmacSha512 => SignatureScheme::Hmac(Hash::Sha512),
            Self::Md5Keyed => SignatureScheme::Keyed(Hash::Md5),
            Self::Sha1Keyed => SignatureScheme::Keyed(Hash::Sha1),
            Self::Sha224Keyed => SignatureScheme::Keyed(Hash::Sha224),
            Self::Sha256Keyed => SignatureScheme::Keyed(Hash::Sha256),
            Self::Sha384Keyed => SignatureScheme::Keyed(Hash::Sha384),
            Self::Sha512Keyed => SignatureScheme::Keyed(Hash::Sha512),
        }
    }

    /// The algorithm of that construction.
    pub(super) fn of(scheme: SignatureScheme) -> Option<Self> {
        Self::ALL.iter().copied().find(|algorithm| algorithm.scheme() == scheme)
    }
}
