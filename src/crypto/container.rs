//! From key text to key numbers: PEM or bare Base64, then whichever DER structure is inside.
//!
//! The label of a PEM block serves only for messages. What the bytes are is decided by the bytes, because keys with
//! a wrong label or none are common.

use std::borrow::Cow;

use base64::Engine;
use base64::alphabet::{STANDARD, URL_SAFE};
use base64::engine::DecodePaddingMode::Indifferent;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig};
use rsa::BigUint;
use rsa::pkcs1::{RsaPrivateKey as Pkcs1Private, RsaPublicKey as Pkcs1Public};
use rsa::pkcs8::der::asn1::ObjectIdentifier;
use rsa::pkcs8::der::{Decode, Encode};
use rsa::pkcs8::{PrivateKeyInfo, SubjectPublicKeyInfoRef};
use rsa::{RsaPrivateKey, RsaPublicKey};
use x509_cert::Certificate;

use super::key_error::{BITS_MAX, BITS_MIN, KeyError};

/// Content of a text.
pub(super) enum Found {
    Public(RsaPublicKey),
    Private(Box<RsaPrivateKey>),
}

/// The algorithm identifiers under which a SubjectPublicKeyInfo holds an RSA key: `rsaEncryption` and `RSASSA-PSS`.
const RSA_OIDS: [ObjectIdentifier; 2] = [
    ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1"),
    ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.10"),
];

const TOLERANT: GeneralPurposeConfig = GeneralPurposeConfig::new()
    .with_decode_padding_mode(Indifferent)
    .with_decode_allow_trailing_bits(true);

/// Texts that are keys of another kind, by something that stands in them.
const FOREIGN_TEXTS: &[(&str, KeyError)] = &[
    ("Proc-Type: 4,ENCRYPTED", KeyError::Encrypted),
    ("-----BEGIN ENCRYPTED ", KeyError::Encrypted),
    ("-----BEGIN EC ", KeyError::NotRsa("an elliptic-curve key")),
    ("-----BEGIN DSA ", KeyError::NotRsa("a DSA key")),
    (
        "-----BEGIN OPENSSH ",
        KeyError::NotRsa("an OpenSSH key (`ssh-keygen -p -m PEM` rewrites it)"),
    ),
    ("ssh-rsa ", KeyError::NotRsa("an OpenSSH public key (`ssh-keygen -e -m PKCS8` rewrites it)")),
    ("<RSAKeyValue>", KeyError::NotRsa(".NET's XML form of a key (export SubjectPublicKeyInfo)")),
    (" REQUEST-----", KeyError::NotRsa("a certificate request")),
    ("-----BEGIN PKCS7", KeyError::NotRsa("a PKCS#7 bundle")),
];

/// DER structures of another kind, by bytes near their beginning.
const FOREIGN_BYTES: &[(&[u8], KeyError)] = &[
    (&[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x05], KeyError::Encrypted),
    (&[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x0c, 0x01], KeyError::Encrypted),
    (
        &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07],
        KeyError::NotRsa(
            "a PKCS#7 or PKCS#12 keystore (`openssl pkcs12 -nodes` takes the key out)",
        ),
    ),
    (&[0x2a, 0x86, 0x48, 0xce, 0x3d], KeyError::NotRsa("an elliptic-curve key")),
    (&[0x2a, 0x86, 0x48, 0xce, 0x38], KeyError::NotRsa("a DSA key")),
    (&[0x06, 0x05, 0x2b, 0x81, 0x04, 0x00], KeyError::NotRsa("an elliptic-curve key")),
    (&[0x06, 0x03, 0x2b, 0x65], KeyError::NotRsa("an Edwards-curve key")),
];

/// The half of a pair is needed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Half {
    Public,
    Private,
}

impl Found {
    /// Returns true if it is the half that is needed.
    fn is(&self, half: Half) -> bool {
        matches!(self, Self::Private(_)) == (half == Half::Private)
    }
}

/// Reads the key of `text` that is needed; where only the other half is there, that one.
pub(super) fn read(text: &str, needed: Half) -> Result<Found, KeyError> {
    read_from(text, needed).map(|(found, _)| found)
}

/// The same, with the bytes that hold the key.
pub(super) fn read_from(text: &str, needed: Half) -> Result<(Found, Vec<u8>), KeyError> {
    let text = text.trim_start_matches('\u{feff}');
    if text.trim().is_empty() {
        return Err(KeyError::Empty);
    }
    let blocks = pem_blocks(text);
    if blocks.len() < 2 {
        return read_one(text);
    }
    let mut other = None;
    for block in blocks {
        match read_one(block) {
            Ok(read) if read.0.is(needed) => return Ok(read),
            // An encrypted private key says more than the certificate before it.
            Err(KeyError::Encrypted) if needed == Half::Private => return Err(KeyError::Encrypted),
            read => match &other {
                None | Some(Err(_)) if read.is_ok() || other.is_none() => other = Some(read),
                _ => {}
            },
        }
    }
    other.unwrap_or(Err(KeyError::NotAKey))
}

/// The PEM blocks of a text, each from its first dash to the next block's.
fn pem_blocks(text: &str) -> Vec<&str> {
    let starts: Vec<_> = text.match_indices("-----BEGIN ").map(|(at, _)| at).collect();
    let ends = starts.iter().skip(1).copied().chain([text.len()]);
    starts.iter().zip(ends).map(|(start, end)| &text[*start..end]).collect()
}

/// Reads a text that holds one key.
fn read_one(text: &str) -> Result<(Found, Vec<u8>), KeyError> {
    if let Some((_, error)) = FOREIGN_TEXTS.iter().find(|(mark, _)| text.contains(mark)) {
        return Err(error.clone());
    }
    let der = decode(&pem_body(text)?)?;
    Ok((read_der(&der)?, der))
}

/// The Base64 of the first PEM block, or the whole text where there is none. Line breaks that an environment
/// variable or a JSON file has kept as `\n` count as line breaks.
fn pem_body(text: &str) -> Result<Cow<'_, str>, KeyError> {
    const DASHES: &str = "-----";
    let Some((_, block)) = text.split_once("-----BEGIN ") else { return Ok(Cow::Borrowed(text)) };
    let (_, block) = block.split_once(DASHES).ok_or(KeyError::PemCut)?;
    let (body, _) = block.split_once("-----END ").ok_or(KeyError::PemCut)?;
    Ok(Cow::Owned(body.replace("\\r", "").replace("\\n", "\n")))
}

fn decode(text: &str) -> Result<Vec<u8>, KeyError> {
    let digits = text.split_whitespace().collect::<String>();
    let alphabet = if digits.contains(['-', '_']) { URL_SAFE } else { STANDARD };
    GeneralPurpose::new(&alphabet, TOLERANT).decode(&digits).map_err(|_| KeyError::NotBase64)
}

fn read_der(der: &[u8]) -> Result<Found, KeyError> {
    if let Ok(info) = SubjectPublicKeyInfoRef::try_from(der) {
        return read_spki(&info);
    }
    if let Ok(certificate) = Certificate::from_der(der) {
        let info = certificate.tbs_certificate.subject_public_key_info;
        let info = info.to_der().map_err(|_| KeyError::NotAKey)?;
        return read_spki(
            &SubjectPublicKeyInfoRef::try_from(&*info).map_err(|_| KeyError::NotAKey)?,
        );
    }
    if let Ok(key) = Pkcs1Public::try_from(der) {
        return public(&key);
    }
    if let Ok(key) = Pkcs1Private::try_from(der) {
        return private(&key);
    }
    let inner = PrivateKeyInfo::try_from(der).ok();
    match inner.and_then(|info| Pkcs1Private::try_from(info.private_key).ok()) {
        Some(key) => private(&key),
        None => Err(foreign(der)),
    }
}

fn read_spki(info: &SubjectPublicKeyInfoRef<'_>) -> Result<Found, KeyError> {
    if !RSA_OIDS.contains(&info.algorithm.oid) {
        return Err(info.to_der().map_or(KeyError::NotAKey, |der| foreign(&der)));
    }
    let inner = info.subject_public_key.as_bytes().and_then(|der| Pkcs1Public::try_from(der).ok());
    public(&inner.ok_or(KeyError::NotAKey)?)
}

fn public(key: &Pkcs1Public<'_>) -> Result<Found, KeyError> {
    let modulus = modulus(key.modulus.as_bytes())?;
    let exponent = BigUint::from_bytes_be(key.public_exponent.as_bytes());
    RsaPublicKey::new(modulus, exponent).map(Found::Public).map_err(|_| KeyError::Damaged)
}

fn private(key: &Pkcs1Private<'_>) -> Result<Found, KeyError> {
    let number = BigUint::from_bytes_be;
    RsaPrivateKey::from_components(
        modulus(key.modulus.as_bytes())?,
        number(key.public_exponent.as_bytes()),
        number(key.private_exponent.as_bytes()),
        vec![number(key.prime1.as_bytes()), number(key.prime2.as_bytes())],
    )
    .map(|key| Found::Private(Box::new(key)))
    .map_err(|_| KeyError::Damaged)
}

fn modulus(bytes: &[u8]) -> Result<BigUint, KeyError> {
    let modulus = BigUint::from_bytes_be(bytes);
    match modulus.bits() {
        bits if bits < BITS_MIN => Err(KeyError::TooSmall(bits)),
        bits if bits > BITS_MAX => Err(KeyError::TooLarge(bits)),
        _ => Ok(modulus),
    }
}

fn foreign(der: &[u8]) -> KeyError {
    let start = &der[..der.len().min(80)];
    let holds = |mark: &[u8]| start.windows(mark.len()).any(|window| window == mark);
    FOREIGN_BYTES
        .iter()
        .find(|(mark, _)| holds(mark))
        .map_or(KeyError::NotAKey, |(_, error)| error.clone())
}
