//! Key pairs as text. What they are made of is checked here only as far as it costs nothing; `crypto` parses them.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, OnceLock};

use base64::Engine;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

use super::read::{TomlDocument, TomlTable};
use crate::base::{Message, named_enum};
use crate::crypto::{KeyError, PrivateKey, PublicKey, VerifyKey};

/// A key pair, in the form in which the profile holds it: PEM, or one line of Base64 DER. It is parsed when it is
/// first used, so that starting costs nothing.
pub struct KeyPair {
    /// Its name in `keys.toml`.
    pub name: String,
    /// PKCS#8 or PKCS#1. The gateway's pair and those of the pool always have one; a merchant's need not.
    pub private: Option<String>,
    /// SPKI, PKCS#1 or an X.509 certificate.
    pub public: String,
    parsed_public: OnceLock<Result<VerifyKey, KeyError>>,
    parsed_private: OnceLock<Result<PrivateKey, KeyError>>,
}

impl KeyPair {
    /// A pair from its texts, unparsed.
    pub fn new(name: String, private: Option<String>, public: String) -> Self {
        let (parsed_public, parsed_private) = (OnceLock::new(), OnceLock::new());
        Self { name, private, public, parsed_public, parsed_private }
    }

    /// A merchant's own public key, checked now.
    pub fn of_merchant(merchant: &str, public: &str) -> Result<Self, KeyError> {
        let pair = Self::new(merchant.to_owned(), None, public.trim().to_owned());
        pair.verify_key().map(|_| ()).map_err(Clone::clone)?;
        Ok(pair)
    }

    /// The public half, as a verifier takes it.
    pub fn verify_key(&self) -> Result<&VerifyKey, &KeyError> {
        let parse = || PublicKey::parse(&self.public).map(VerifyKey::Rsa);
        self.parsed_public.get_or_init(parse).as_ref()
    }

    /// The public half.
    pub fn public_key(&self) -> Result<&PublicKey, &KeyError> {
        self.verify_key().map(|key| match key {
            VerifyKey::Rsa(key) | VerifyKey::RsaAndShared(key, _) => key,
            VerifyKey::Shared(_) => unreachable!("parsed as an RSA key above"),
        })
    }

    /// The private half; `None` where the profile has only the public one.
    pub fn private_key(&self) -> Option<Result<&PrivateKey, &KeyError>> {
        let text = self.private.as_deref()?;
        Some(self.parsed_private.get_or_init(|| PrivateKey::parse(text)).as_ref())
    }

    /// Mistake of the pair, if there is one.
    pub(super) fn message(&self) -> Option<String> {
        let of = |half: &str, error: &KeyError| format!("`{half}` of key {:?}: {error}", self.name);
        match (self.public_key(), self.private_key()) {
            (Err(error), _) => Some(of("public", error)),
            (_, Some(Err(error))) => Some(of("private", error)),
            (Ok(public), Some(Ok(private))) if private.public_key() != public => {
                Some(format!("the halves of key {:?} do not belong together", self.name))
            }
            _ => None,
        }
    }
}

impl PartialEq for KeyPair {
    fn eq(&self, other: &Self) -> bool {
        (&self.name, &self.private, &self.public) == (&other.name, &other.private, &other.public)
    }
}

impl Eq for KeyPair {}

named_enum! {
    /// Purpose of a key pair.
    pub enum KeyRole ("a role") {
        /// The gateway's own.
        Gateway = "gateway",
        /// Named by a merchant.
        Merchant = "merchant",
        /// For merchants made at run time.
        Pool = "pool",
    }
}

/// The key pairs of a profile.
pub(super) struct Keys {
    pub(super) pairs: Vec<Arc<KeyPair>>,
    pub(super) gateway: Arc<KeyPair>,
    pub(super) pool: Vec<Arc<KeyPair>>,
}

/// Reads `keys.toml`.
pub(super) fn read(doc: &TomlDocument<'_>) -> Option<Keys> {
    let mut root = doc.root()?;
    let rows = root.rows("key");
    root.finish();
    let mut seen = HashMap::new();
    let mut roles = Vec::with_capacity(rows.len());
    let mut whole = !rows.is_empty();
    for mut row in rows {
        row.check_unique("name", "name", &mut seen);
        match key(&mut row) {
            Some(pair) => roles.push(pair),
            None => whole = false,
        }
    }
    if !whole {
        return None;
    }
    let of = |wanted: KeyRole| {
        roles.iter().filter(move |(role, _)| *role == wanted).map(|(_, pair)| Arc::clone(pair))
    };
    let gateways: Vec<_> = of(KeyRole::Gateway).collect();
    let [gateway] = gateways.as_slice() else {
        let message = format!("exactly one key has the role gateway, here {} have", gateways.len());
        root.refuse("key", message);
        return None;
    };
    Some(Keys {
        gateway: Arc::clone(gateway),
        pool: of(KeyRole::Pool).collect(),
        pairs: roles.iter().map(|(_, pair)| Arc::clone(pair)).collect(),
    })
}

impl Keys {
    /// The pair of that name.
    pub(super) fn named(&self, name: &str) -> Result<&Arc<KeyPair>, Message> {
        self.pairs.iter().find(|pair| pair.name == name).ok_or_else(|| {
            let names: Vec<&str> = self.pairs.iter().map(|pair| pair.name.as_str()).collect();
            Message::not_among("the name of a key in keys.toml", name, &names)
        })
    }
}

fn key(row: &mut TomlTable<'_>) -> Option<(KeyRole, Arc<KeyPair>)> {
    let mut ders = [None, None];
    for (name, der) in ["private", "public"].into_iter().zip(&mut ders) {
        row.check_text(name, |text| {
            *der = Some(decode(name, text)?);
            Ok(())
        });
    }
    if let [Some(private), Some(public)] = &ders
        && !fits(private, public)
    {
        row.refuse("public", "this public key does not belong to the private key above it");
    }
    let (name, role, mark, about) =
        (row.take("name"), row.take("role"), row.take("mark"), row.take("about"));
    let (private, public): (Option<Option<String>>, _) = (row.take("private"), row.take("public"));
    row.finish();
    let (name, role, about): (String, KeyRole, String) = (name?, role?, about?);
    if role != KeyRole::Merchant && private.as_ref()?.is_none() {
        row.refuse("role", format!("a key of the role {role} needs `private`"));
        return None;
    }
    row.note(format!("key.{name}"), mark?, &about);
    Some((role, Arc::new(KeyPair::new(name, private?, public?))))
}

const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// The DER bytes of a key, if the text can be one: Base64 or PEM around one DER sequence.
fn decode(which: &str, text: &str) -> Result<Vec<u8>, Message> {
    let advice = "give one line of Base64 DER, or PEM between \"\"\" … \"\"\"";
    let text = text.trim();
    let body = match text.strip_prefix("-----BEGIN ") {
        None => text,
        Some(pem) => {
            let (label, rest) = pem.split_once("-----").unwrap_or((pem, ""));
            let fits = match which {
                "private" => label.ends_with("PRIVATE KEY"),
                _ => label.ends_with("PUBLIC KEY") || label == "CERTIFICATE",
            };
            if !fits {
                return Err(format!("this PEM is no {which} key, it says {label:?}").into());
            }
            rest.strip_suffix(&format!("-----END {label}-----")).ok_or_else(|| {
                Message::new(format!("this PEM does not end with -----END {label}-----"))
            })?
        }
    };
    let compact: String = body.split_ascii_whitespace().collect();
    let der = BASE64
        .decode(compact)
        .map_err(|_| Message::new(format!("this {which} key is not Base64")).help(advice))?;
    if is_sequence(&der) {
        Ok(der)
    } else {
        let message = format!("this {which} key is not DER: it is cut short, or not a key");
        Err(Message::new(message).help(advice))
    }
}

/// Returns true if the bytes are one DER sequence from the first to the last.
fn is_sequence(der: &[u8]) -> bool {
    let [0x30, length, rest @ ..] = der else { return false };
    match length {
        0..=0x7f => rest.len() == usize::from(*length),
        0x81..=0x83 => {
            let (digits, content) =
                rest.split_at_checked(usize::from(length & 0x0f)).unwrap_or_default();
            content.len() == digits.iter().fold(0, |sum, digit| sum << 8 | usize::from(*digit))
        }
        _ => false,
    }
}

/// Returns true if the end of the public key (the last of the modulus, and the exponent) stands within the private key, as it
/// does in PKCS#1 and PKCS#8. Certificates end in a signature, so they are left to `crypto`.
fn fits(private: &[u8], public: &[u8]) -> bool {
    const RSA: &[u8] = &[0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01];
    let head = &public[..public.len().min(32)];
    let is_bare = head.get(4) == Some(&0x02) || head.get(3) == Some(&0x02);
    let is_spki = head.windows(RSA.len()).any(|window| window == RSA);
    let tail = &public[public.len().saturating_sub(48)..];
    !(is_bare || is_spki) || private.windows(tail.len()).any(|window| window == tail)
}

impl fmt::Debug for KeyPair {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyPair").field("name", &self.name).finish_non_exhaustive()
    }
}
