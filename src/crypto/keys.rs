//! RSA keys and shared secrets, in every form in which merchants keep them.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rsa::hazmat::rsa_decrypt_and_check;
use rsa::pkcs8::{EncodePrivateKey, EncodePublicKey};
use rsa::rand_core::OsRng;
use rsa::traits::PublicKeyParts;
use rsa::{BigUint, RsaPrivateKey, RsaPublicKey};
use sha2::{Digest, Sha256};

#[cfg(feature = "fast-crypto")]
use super::algorithm::Algorithm;
use super::container::{self, Found, Half};
use super::encoding::Encoding;
#[cfg(feature = "fast-crypto")]
use super::fast;
use super::hash::Hash;
use super::key_error::{BITS_MAX, BITS_MIN, KeyError};
use super::words::SecretForm;

/// A smaller modulus than this is weak.
const BITS_STRONG: usize = 2048;

/// An RSA public key. Cloning shares it.
#[derive(Clone)]
pub struct PublicKey(Arc<PublicParts>);

struct PublicParts {
    rsa: RsaPublicKey,
    spki: Vec<u8>,
    fingerprint: String,
}

/// An RSA private key. Cloning shares it; `Debug` shows its fingerprint alone.
#[derive(Clone)]
pub struct PrivateKey(Arc<PrivateParts>);

struct PrivateParts {
    rsa: RsaPrivateKey,
    public: PublicKey,
    #[cfg(feature = "fast-crypto")]
    signer: fast::Signer,
}

/// A key that both sides know. `Debug` shows nothing of it.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Arc<[u8]>);

impl PublicKey {
    /// Reads PEM, or Base64 of DER with or without line breaks and padding: PKCS#1, SubjectPublicKeyInfo or an X.509
    /// certificate, 1024 to 4096 bits.
    pub fn parse(text: &str) -> Result<Self, KeyError> {
        match container::read(text, Half::Public)? {
            Found::Public(key) => Self::from_rsa(key),
            Found::Private(_) => Err(KeyError::PrivateGiven),
        }
    }

    fn from_rsa(rsa: RsaPublicKey) -> Result<Self, KeyError> {
        let spki = rsa.to_public_key_der().map_err(|_| KeyError::Damaged)?.into_vec();
        let fingerprint = Encoding::Hex.encode(&Sha256::digest(&spki)[..8]);
        Ok(Self(Arc::new(PublicParts { rsa, spki, fingerprint })))
    }

    /// The size of the modulus in bits.
    pub fn bits(&self) -> usize {
        self.0.rsa.n().bits()
    }

    /// The length of a signature, and of an encrypted block, in bytes.
    pub fn len_bytes(&self) -> usize {
        self.0.rsa.size()
    }

    /// Returns true if the key is too small for real use.
    pub fn is_weak(&self) -> bool {
        self.bits() < BITS_STRONG
    }

    /// Sixteen hexadecimal digits that name the key: the beginning of the SHA-256 of its SubjectPublicKeyInfo.
    pub fn fingerprint(&self) -> &str {
        &self.0.fingerprint
    }

    /// SubjectPublicKeyInfo as DER.
    pub fn spki_der(&self) -> &[u8] {
        &self.0.spki
    }

    /// SubjectPublicKeyInfo as Base64 on one line.
    pub fn spki_der_base64(&self) -> String {
        STANDARD.encode(&self.0.spki)
    }

    /// SubjectPublicKeyInfo as PEM.
    pub fn spki_pem(&self) -> String {
        pem("PUBLIC KEY", &self.0.spki)
    }

    /// The public operation without any padding: what the private key was applied to. `None` when `block` is no number
    /// below the modulus of exactly the modulus' length.
    pub(super) fn open(&self, block: &[u8]) -> Option<Vec<u8>> {
        let number = self.number(block)?;
        let opened = number.modpow(self.0.rsa.e(), self.0.rsa.n()).to_bytes_be();
        let mut padded = vec![0; self.len_bytes() - opened.len()];
        padded.extend_from_slice(&opened);
        Some(padded)
    }

    pub(super) fn number(&self, block: &[u8]) -> Option<BigUint> {
        let number = BigUint::from_bytes_be(block);
        (block.len() == self.len_bytes() && number < *self.0.rsa.n()).then_some(number)
    }

    pub(super) fn rsa(&self) -> &RsaPublicKey {
        &self.0.rsa
    }
}

impl PartialEq for PublicKey {
    fn eq(&self, other: &Self) -> bool {
        self.0.spki == other.0.spki
    }
}

impl Eq for PublicKey {}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PublicKey({}, {} bits)", self.fingerprint(), self.bits())
    }
}

impl PrivateKey {
    /// Reads PEM, or Base64 of DER with or without line breaks and padding: PKCS#1 or PKCS#8, 1024 to 4096 bits.
    pub fn parse(text: &str) -> Result<Self, KeyError> {
        match container::read(text, Half::Private)? {
            Found::Private(key) => Self::from_rsa(*key),
            Found::Public(_) => Err(KeyError::PublicGiven),
        }
    }

    /// Makes a new key of `bits` bits. It takes from tens of milliseconds to seconds.
    pub fn generate(bits: usize) -> Result<Self, KeyError> {
        match bits {
            0..BITS_MIN => Err(KeyError::TooSmall(bits)),
            BITS_MIN..=BITS_MAX => {
                RsaPrivateKey::new(&mut OsRng, bits).map_err(|_| KeyError::Damaged)
            }
            _ => Err(KeyError::TooLarge(bits)),
        }
        .and_then(Self::from_rsa)
    }

    fn from_rsa(rsa: RsaPrivateKey) -> Result<Self, KeyError> {
        let public = PublicKey::from_rsa(rsa.to_public_key())?;
        Ok(Self(Arc::new(PrivateParts {
            rsa,
            public,
            #[cfg(feature = "fast-crypto")]
            signer: fast::Signer::default(),
        })))
    }

    /// The public half.
    pub fn public_key(&self) -> &PublicKey {
        &self.0.public
    }

    /// PKCS#8 as Base64 on one line.
    pub fn pkcs8_der_base64(&self) -> String {
        STANDARD.encode(self.pkcs8_der())
    }

    /// PKCS#8 as PEM.
    pub fn pkcs8_pem(&self) -> String {
        pem("PRIVATE KEY", &self.pkcs8_der())
    }

    pub(super) fn pkcs8_der(&self) -> Vec<u8> {
        // A key that was read or generated here always has two primes, which is all that the encoding asks for.
        self.0.rsa.to_pkcs8_der().map(|der| der.as_bytes().to_vec()).unwrap_or_default()
    }

    /// The private operation without any padding, on a block of the modulus' length; `None` where the number is too
    /// large.
    pub(super) fn apply(&self, block: &[u8]) -> Option<Vec<u8>> {
        let number = self.0.public.number(block)?;
        // Blinded, and checked with the public key, so that a fault gives nothing away.
        let applied = rsa_decrypt_and_check(&self.0.rsa, Some(&mut OsRng), &number).ok()?;
        let applied = applied.to_bytes_be();
        let mut padded = vec![0; self.0.public.len_bytes() - applied.len()];
        padded.extend_from_slice(&applied);
        Some(padded)
    }

    pub(super) fn rsa(&self) -> &RsaPrivateKey {
        &self.0.rsa
    }

    /// Signs with `ring`; `None` where the library does not do this algorithm and size.
    #[cfg(feature = "fast-crypto")]
    pub(super) fn sign_fast(&self, algorithm: Algorithm, message: &[u8]) -> Option<Vec<u8>> {
        self.0.signer.sign(|| self.pkcs8_der(), algorithm, message)
    }
}

impl fmt::Debug for PrivateKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PrivateKey(of {})", self.0.public.fingerprint())
    }
}

impl Secret {
    /// A shared key: the bytes of `text` as they stand.
    pub fn new(text: &str) -> Result<Self, KeyError> {
        if text.is_empty() { Err(KeyError::Empty) } else { Ok(Self(text.as_bytes().into())) }
    }

    /// The bytes that its text stands for in that form; `None` where the text is not of that form.
    pub(super) fn in_form(&self, form: SecretForm) -> Option<Cow<'_, [u8]>> {
        let decoded = |encoding: Encoding| {
            encoding.decode(std::str::from_utf8(&self.0).ok()?).ok().map(Cow::Owned)
        };
        let digits = |hash: Hash| {
            Some(Cow::Owned(Encoding::Hex.encode(&hash.digest(&[&self.0])).into_bytes()))
        };
        match form {
            SecretForm::Text => Some(Cow::Borrowed(&self.0)),
            SecretForm::Hex => decoded(Encoding::Hex),
            SecretForm::Base64 => {
                decoded(Encoding::Base64).or_else(|| decoded(Encoding::Base64Url))
            }
            SecretForm::Md5Hex => digits(Hash::Md5),
            SecretForm::Sha256Hex => digits(Hash::Sha256),
        }
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

fn pem(label: &str, der: &[u8]) -> String {
    let digits = STANDARD.encode(der);
    let mut text = format!("-----BEGIN {label}-----\n");
    for line in digits.as_bytes().chunks(64) {
        text.extend(line.iter().map(|digit| char::from(*digit)));
        text.push('\n');
    }
    text + &format!("-----END {label}-----\n")
}
