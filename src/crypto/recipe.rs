//! How a request is signed, as data: which algorithm over which string in which encoding.
//!
//! PAYON documents that `sign` exists and nothing of how it is made, so all of this is assumed and lives in the profile.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use super::encoding::Encoding;
use super::hash::Hash;
use super::names::named_enum;
use super::template::{self, Piece, TemplateError};
use crate::base::{Fields, Literal};

/// The member of a request that carries the signature (documented).
pub const SIGN: &str = "sign";

named_enum! {
    /// What turns the canonical string and a key into the signature.
    Algorithm("a signature algorithm") {
        /// RSA, PKCS#1 v1.5, SHA-1.
        RsaSha1 = "RSA-SHA1",
        /// RSA, PKCS#1 v1.5, SHA-256: the default.
        RsaSha256 = "RSA-SHA256",
        /// RSA, PKCS#1 v1.5, SHA-384.
        RsaSha384 = "RSA-SHA384",
        /// RSA, PKCS#1 v1.5, SHA-512.
        RsaSha512 = "RSA-SHA512",
        /// RSA, PSS with SHA-256 for message and mask and a salt of 32 bytes.
        RsaPssSha256 = "RSA-PSS-SHA256",
        /// HMAC with SHA-256 and a shared key.
        HmacSha256 = "HMAC-SHA256",
        /// HMAC with SHA-512 and a shared key.
        HmacSha512 = "HMAC-SHA512",
        /// SHA-256 of the string joined with a shared key.
        Sha256Keyed = "SHA256-KEYED",
        /// SHA-512 of the string joined with a shared key.
        Sha512Keyed = "SHA512-KEYED",
    }
}

named_enum! {
    /// Which string is signed.
    Canonical("a kind of canonical string") {
        /// `name=value` of every member, names sorted by byte value.
        SortedPairs = "sorted-pairs",
        /// The values of the recipe's `fields`, in that order.
        OrderedValues = "ordered-values",
        /// `name=value` of the recipe's `fields`, in that order.
        OrderedPairs = "ordered-pairs",
        /// The recipe's `template` with its placeholders filled in.
        RawTemplate = "raw-template",
    }
}

named_enum! {
    /// On which side of the string the shared key of a keyed digest stands.
    KeyPosition("a position of the key") {
        /// Digest of string, then key.
        After = "after",
        /// Digest of key, then string.
        Before = "before",
    }
}

/// A signature's construction with its digest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scheme {
    Pkcs1(Hash),
    Pss(Hash),
    Hmac(Hash),
    Keyed(Hash),
}

impl Algorithm {
    /// Whether it takes an RSA key; the others take a shared one.
    pub fn is_rsa(self) -> bool {
        matches!(self.scheme(), Scheme::Pkcs1(_) | Scheme::Pss(_))
    }

    pub(super) const fn scheme(self) -> Scheme {
        match self {
            Self::RsaSha1 => Scheme::Pkcs1(Hash::Sha1),
            Self::RsaSha256 => Scheme::Pkcs1(Hash::Sha256),
            Self::RsaSha384 => Scheme::Pkcs1(Hash::Sha384),
            Self::RsaSha512 => Scheme::Pkcs1(Hash::Sha512),
            Self::RsaPssSha256 => Scheme::Pss(Hash::Sha256),
            Self::HmacSha256 => Scheme::Hmac(Hash::Sha256),
            Self::HmacSha512 => Scheme::Hmac(Hash::Sha512),
            Self::Sha256Keyed => Scheme::Keyed(Hash::Sha256),
            Self::Sha512Keyed => Scheme::Keyed(Hash::Sha512),
        }
    }
}

/// The recipe of a signature: the `[sign]` table of a profile without `mode` and `operations`.
///
/// A JSON string counts with its escapes resolved, any other value as its own literal (`1.00` is not `1`), in UTF-8.
/// Blank means absent, `null` or `""`; where blanks are kept they stand as empty values.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Recipe {
    /// What signs.
    pub algorithm: Algorithm,
    /// Which string is signed.
    pub canonical: Canonical,
    /// For the ordered kinds: the members, in order.
    pub fields: Vec<String>,
    /// For `raw-template`: the text, with `{name}` where a member's value goes; `{{` and `}}` are literal braces.
    pub template: String,
    /// Stands between pairs or values.
    pub separator: String,
    /// Members that are never part of the string.
    pub skip: Vec<String>,
    /// Leaves out blank members together with their name and separator.
    pub omit_empty: bool,
    /// How the signature is written.
    pub encoding: Encoding,
    /// For the keyed digests: where the key stands.
    pub key_position: KeyPosition,
}

impl Default for Recipe {
    fn default() -> Self {
        Self {
            algorithm: Algorithm::RsaSha256,
            canonical: Canonical::SortedPairs,
            fields: Vec::new(),
            template: String::new(),
            separator: "&".to_owned(),
            skip: vec![SIGN.to_owned()],
            omit_empty: true,
            encoding: Encoding::Base64,
            key_position: KeyPosition::After,
        }
    }
}

/// Settings of a recipe that do not go together.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RecipeError {
    /// An ordered kind without its order.
    #[error("canonical = \"{0}\" needs `fields`: the members to sign, in order")]
    FieldsMissing(Canonical),
    /// `fields` where nothing reads them.
    #[error(
        "`fields` means nothing with canonical = \"{0}\"; remove it, or choose an ordered kind"
    )]
    FieldsUnused(Canonical),
    /// One member twice.
    #[error("`fields` lists {0:?} twice")]
    FieldTwice(String),
    /// A member both in the string and not.
    #[error("{0:?} is signed and in `skip` at once; remove it from one of them")]
    FieldSkipped(String),
    /// The signature would have to sign itself.
    #[error("a signature cannot sign itself: {0}")]
    SignsItself(&'static str),
    /// `template` where nothing reads it.
    #[error("`template` means nothing with canonical = \"{0}\"; remove it, or choose raw-template")]
    TemplateUnused(Canonical),
    /// A template that cannot be filled in.
    #[error("`template`: {0}")]
    Template(#[from] TemplateError),
    /// A key of the other family.
    #[error("algorithm = \"{algorithm}\" takes {}, and the key is {}", family(*.algorithm), family_of_key(*.key_is_rsa))]
    KeyKind {
        /// The recipe's.
        algorithm: Algorithm,
        /// Whether the key that came is an RSA key.
        key_is_rsa: bool,
    },
}

fn family(algorithm: Algorithm) -> &'static str {
    family_of_key(algorithm.is_rsa())
}

fn family_of_key(is_rsa: bool) -> &'static str {
    if is_rsa { "an RSA key" } else { "a shared key" }
}

impl Recipe {
    /// Finds the first contradiction among the settings.
    pub fn check(&self) -> Result<(), RecipeError> {
        let ordered = matches!(self.canonical, Canonical::OrderedValues | Canonical::OrderedPairs);
        if ordered && self.fields.is_empty() {
            return Err(RecipeError::FieldsMissing(self.canonical));
        }
        if !ordered && !self.fields.is_empty() {
            return Err(RecipeError::FieldsUnused(self.canonical));
        }
        if self.canonical != Canonical::RawTemplate && !self.template.is_empty() {
            return Err(RecipeError::TemplateUnused(self.canonical));
        }
        let twice =
            (1..self.fields.len()).find(|at| self.fields[..*at].contains(&self.fields[*at]));
        if let Some(at) = twice {
            return Err(RecipeError::FieldTwice(self.fields[at].clone()));
        }
        if self.canonical == Canonical::SortedPairs && !self.skips(SIGN) {
            return Err(RecipeError::SignsItself("`skip` must contain \"sign\""));
        }
        for name in self.named()? {
            if name == SIGN {
                return Err(RecipeError::SignsItself(
                    "take \"sign\" out of `fields` or `template`",
                ));
            }
            if self.skips(&name) {
                return Err(RecipeError::FieldSkipped(name));
            }
        }
        Ok(())
    }

    /// The members that the recipe names itself.
    fn named(&self) -> Result<Vec<String>, TemplateError> {
        if self.canonical == Canonical::RawTemplate {
            Ok(template::names(&self.template)?.into_iter().map(str::to_owned).collect())
        } else {
            Ok(self.fields.clone())
        }
    }

    /// Whether `name` is never part of the string.
    pub fn skips(&self, name: &str) -> bool {
        self.skip.iter().any(|skipped| skipped == name)
    }

    /// The string to sign.
    pub fn canonical(&self, fields: &Fields<'_>) -> String {
        let mut text =
            Joined { text: String::with_capacity(256), separator: &self.separator, empty: true };
        match self.canonical {
            Canonical::SortedPairs => {
                let kept = fields.iter().filter(|(name, value)| {
                    !(self.skips(name) || self.omit_empty && value.is_blank())
                });
                let mut members = Vec::with_capacity(16);
                members.extend(kept);
                members.sort_unstable_by_key(|(name, _)| *name);
                for (name, value) in members {
                    text.pair(name, &value_text(value));
                }
            }
            Canonical::OrderedPairs => {
                self.ordered(fields, |name, value| text.pair(name, value));
            }
            Canonical::OrderedValues => self.ordered(fields, |_, value| text.value(value)),
            Canonical::RawTemplate => {
                for piece in template::pieces(&self.template).flatten() {
                    match piece {
                        Piece::Text(literal) => text.text.push_str(literal),
                        Piece::Name(name) => {
                            text.text.push_str(&fields.get(name).map_or("".into(), value_text));
                        }
                    }
                }
            }
        }
        text.text
    }

    fn ordered(&self, fields: &Fields<'_>, mut add: impl FnMut(&str, &str)) {
        for name in self.fields.iter().filter(|name| !self.skips(name)) {
            let value = fields.get(name).map_or(Cow::Borrowed(""), value_text);
            if !(self.omit_empty && value.is_empty()) {
                add(name, &value);
            }
        }
    }
}

/// What of a value is signed.
fn value_text(value: Literal<'_>) -> Cow<'_, str> {
    if value.is_blank() { Cow::Borrowed("") } else { value.text() }
}

struct Joined<'a> {
    text: String,
    separator: &'a str,
    empty: bool,
}

impl Joined<'_> {
    fn value(&mut self, value: &str) {
        if !std::mem::take(&mut self.empty) {
            self.text.push_str(self.separator);
        }
        self.text.push_str(value);
    }

    fn pair(&mut self, name: &str, value: &str) {
        self.value(name);
        self.text.push('=');
        self.text.push_str(value);
    }
}
