//! RSA encryption of short texts in blocks: the PIN and the checkout link.
//!
//! That a PIN is encrypted with RSA is documented; padding, blocks and encoding are assumed.

use rsa::rand_core::OsRng;
use rsa::{Oaep, Pkcs1v15Encrypt};
use sha1::Sha1;
use sha2::Sha256;

use super::encoding::Encoding;
use super::keys::{PrivateKey, PublicKey};
use crate::base::named_enum;

named_enum! {
    /// Paddings of a block.
    pub enum Padding ("a padding") {
        /// PKCS#1 v1.5, the default.
        Pkcs1 = "pkcs1",
        /// OAEP with SHA-1 for label and mask, what most libraries call OAEP.
        OaepSha1 = "oaep-sha1",
        /// OAEP with SHA-256 for label and mask.
        OaepSha256 = "oaep-sha256",
        /// Decrypts whichever of the three it is; encrypts as `pkcs1`.
        Any = "any",
    }
}

/// Reason why a text cannot be decrypted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DecryptError {
    /// Nothing to decrypt.
    #[error("the encrypted text is empty")]
    Empty,
    /// A blank within the text.
    #[error(
        "the encrypted text has a blank inside: a '+' was turned into a space on the way; use URL-safe Base64, or write %2B"
    )]
    PlusLost,
    /// Not Base64 of either alphabet.
    #[error("the encrypted text is not Base64")]
    NotBase64,
    /// Not a whole number of blocks.
    #[error("the encrypted text has {bytes} bytes; with this {bits}-bit key it comes in blocks of {block}", bits = block * 8)]
    Length {
        /// Bytes that came.
        bytes: usize,
        /// Bytes of one block.
        block: usize,
    },
    /// The opaque outcome of a block that does not unpad.
    #[error("padding check failed: wrong key or damaged ciphertext")]
    Padding,
}

/// Reason why a text cannot be encrypted: the padding leaves no room in a block of this key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the key is too small for this padding")]
pub struct EncryptError;

impl Padding {
    /// The paddings to try, in order.
    fn tried(self) -> &'static [Self] {
        match self {
            Self::Pkcs1 => &[Self::Pkcs1],
            Self::OaepSha1 => &[Self::OaepSha1],
            Self::OaepSha256 => &[Self::OaepSha256],
            // OAEP carries a digest of its own, so it never passes by chance; PKCS#1 v1.5 may.
            Self::Any => &[Self::OaepSha1, Self::OaepSha256, Self::Pkcs1],
        }
    }

    /// Bytes of a block that the padding itself takes.
    fn overhead(self) -> usize {
        match self {
            Self::Pkcs1 | Self::Any => 11,
            Self::OaepSha1 => 2 * 20 + 2,
            Self::OaepSha256 => 2 * 32 + 2,
        }
    }
}

/// Encrypts `plain` in blocks, each as full as the padding allows, and writes them one after the other in `encoding`.
pub fn encrypt(
    key: &PublicKey,
    padding: Padding,
    encoding: Encoding,
    plain: &[u8],
) -> Result<String, EncryptError> {
    let room = key.len_bytes().checked_sub(padding.overhead()).filter(|room| *room > 0);
    let room = room.ok_or(EncryptError)?;
    // An empty text is one empty block.
    let blocks =
        if plain.is_empty() { &[plain] as &[_] } else { &plain.chunks(room).collect::<Vec<_>>() };
    let mut cipher = Vec::with_capacity(blocks.len() * key.len_bytes());
    for block in blocks {
        cipher.extend(encrypt_block(key, padding, block).map_err(|_| EncryptError)?);
    }
    Ok(encoding.encode(&cipher))
}

/// Decrypts what [`encrypt()`] makes: Base64 of either alphabet, padded or not.
pub fn decrypt(key: &PrivateKey, padding: Padding, text: &str) -> Result<Vec<u8>, DecryptError> {
    let cipher = decode(text)?;
    let block = key.public_key().len_bytes();
    if cipher.is_empty() || cipher.len() % block != 0 {
        return Err(DecryptError::Length { bytes: cipher.len(), block });
    }
    let attempt = |padding: &Padding| {
        let blocks = cipher.chunks(block).map(|block| decrypt_block(key, *padding, block));
        blocks.collect::<Result<Vec<_>, _>>().ok()
    };
    padding
        .tried()
        .iter()
        .find_map(attempt)
        .map(|blocks| blocks.concat())
        .ok_or(DecryptError::Padding)
}

fn decode(text: &str) -> Result<Vec<u8>, DecryptError> {
    let text = text.trim();
    match text {
        "" => Err(DecryptError::Empty),
        _ if text.contains(' ') => Err(DecryptError::PlusLost),
        _ => Encoding::Base64Url
            .decode(&text.replace('+', "-").replace('/', "_"))
            .map_err(|_| DecryptError::NotBase64),
    }
}

fn encrypt_block(key: &PublicKey, padding: Padding, block: &[u8]) -> rsa::Result<Vec<u8>> {
    match padding {
        Padding::Pkcs1 | Padding::Any => key.rsa().encrypt(&mut OsRng, Pkcs1v15Encrypt, block),
        Padding::OaepSha1 => key.rsa().encrypt(&mut OsRng, Oaep::new::<Sha1>(), block),
        Padding::OaepSha256 => key.rsa().encrypt(&mut OsRng, Oaep::new::<Sha256>(), block),
    }
}

fn decrypt_block(key: &PrivateKey, padding: Padding, block: &[u8]) -> rsa::Result<Vec<u8>> {
    match padding {
        Padding::Pkcs1 | Padding::Any => key.rsa().decrypt(Pkcs1v15Encrypt, block),
        Padding::OaepSha1 => key.rsa().decrypt(Oaep::new::<Sha1>(), block),
        Padding::OaepSha256 => key.rsa().decrypt(Oaep::new::<Sha256>(), block),
    }
}
