//! Form of a key text: its container and encoding besides the key in it.

use rsa::pkcs1::RsaPublicKey as Pkcs1Public;
use rsa::pkcs8::{PrivateKeyInfo, SubjectPublicKeyInfoRef};

use super::container::{self, Half};
use super::key_error::KeyError;
use super::keys::{PrivateKey, PublicKey};
use crate::base::named_enum;

named_enum! {
    /// The structure that holds a key.
    pub enum KeyForm ("a form of key") {
        /// Public, bare.
        Pkcs1Public = "PKCS#1 public key",
        /// Public, with its algorithm.
        Spki = "SubjectPublicKeyInfo",
        /// Public, within a certificate.
        Certificate = "X.509 certificate",
        /// Private, bare.
        Pkcs1Private = "PKCS#1 private key",
        /// Private, with its algorithm.
        Pkcs8 = "PKCS#8 private key",
    }
}

/// A key and how it was written.
#[derive(Clone, Debug)]
pub struct KeyReport {
    /// The structure.
    pub form: KeyForm,
    /// True if it came as PEM; else as bare Base64.
    pub is_pem: bool,
    /// The private half, where the text has it.
    pub private: Option<PrivateKey>,
    /// The public half.
    pub public: PublicKey,
}

impl KeyReport {
    /// Reads the private key of a text, else its public one, in any form that [`PublicKey::parse`] or [`PrivateKey::parse`] takes.
    pub fn read(text: &str) -> Result<Self, KeyError> {
        let (private, public) = match PrivateKey::parse(text) {
            Ok(key) => (Some(key.clone()), key.public_key().clone()),
            Err(KeyError::PublicGiven) => (None, PublicKey::parse(text)?),
            Err(error) => return Err(error),
        };
        let half = if private.is_some() { Half::Private } else { Half::Public };
        let (_, der) = container::read_from(text, half)?;
        let form = match &private {
            Some(_) if PrivateKeyInfo::try_from(&*der).is_ok() => KeyForm::Pkcs8,
            Some(_) => KeyForm::Pkcs1Private,
            None if SubjectPublicKeyInfoRef::try_from(&*der).is_ok() => KeyForm::Spki,
            None if Pkcs1Public::try_from(&*der).is_ok() => KeyForm::Pkcs1Public,
            None => KeyForm::Certificate,
        };
        Ok(Self { form, is_pem: text.contains("-----BEGIN "), private, public })
    }
}
