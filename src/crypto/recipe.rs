//! The recipe of a signature, as data: which algorithm over which string in which encoding.
//!
//! PAYON documents that `sign` exists and nothing of how it is made, so all of this is assumed and lives in the profile.

use serde::{Deserialize, Serialize};

use super::algorithm::{Algorithm, SignatureScheme};
use super::encoding::Encoding;
use super::hash::Hash;
use super::template::{self, Piece, TemplateError};
use super::words::{
    Charset, DigestForm, EmptyValues, Escape, Layout, LineEnds, Numbers, Order, SecretForm,
    SignValue, TextCase, Transform,
};
use crate::base::named_enum;

/// The member of a request that carries the signature (documented).
pub const SIGN: &str = "sign";

/// The placeholder of a shared key in `prefix` and `suffix`.
pub(super) const KEY: &str = "key";

named_enum! {
    /// Kinds of strings that are signed.
    pub enum Canonical ("a kind of canonical string") {
        /// `name=value` of every member, names sorted by byte value.
        SortedPairs = "sorted-pairs",
        /// The values of the recipe's `fields`, in that order.
        OrderedValues = "ordered-values",
        /// `name=value` of the recipe's `fields`, in that order.
        OrderedPairs = "ordered-pairs",
        /// The recipe's `template` with its placeholders filled in.
        RawTemplate = "raw-template",
        /// `name=value` of every member, in the recipe's `order`.
        Pairs = "pairs",
        /// The value of every member, in the recipe's `order`.
        Values = "values",
        /// The members as JSON, in the recipe's `order` and `layout`.
        Json = "json",
        /// The body as it was sent, without the signature's member.
        Body = "body",
    }
}

impl Canonical {
    /// It signs exactly the recipe's `fields`.
    pub(super) const fn is_listed(self) -> bool {
        matches!(self, Self::OrderedValues | Self::OrderedPairs)
    }

    /// It reads the recipe's `order`.
    const fn has_order(self) -> bool {
        matches!(self, Self::Pairs | Self::Values | Self::Json)
    }
}

named_enum! {
    /// On which side of the string the shared key of a keyed digest stands.
    pub enum KeyPosition ("a position of the key") {
        /// Digest of string, then key.
        After = "after",
        /// Digest of key, then string.
        Before = "before",
        /// Digest of key, string and key.
        Both = "both",
        /// Digest of the string alone, in which `prefix`, `suffix` or `key_member` have put the key.
        Inside = "inside",
    }
}

/// The recipe of a signature: the `[sign]` table of a profile without `mode` and `operations`.
///
/// A JSON string counts with its escapes resolved, any other value as its own literal (`1.00` is not `1`), in UTF-8,
/// unless a setting says otherwise. Blank means absent, `null` or `""`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Recipe {
    /// Algorithm of the signature.
    pub algorithm: Algorithm,
    /// String that is signed.
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
    /// Encoding of the signature.
    pub encoding: Encoding,
    /// For the keyed digests: where the key stands.
    pub key_position: KeyPosition,
    /// For `pairs`, `values` and `json`: the order of the members.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub order: Option<Order>,
    /// Stands between a name and its value.
    pub joiner: String,
    /// The letter case of names.
    pub names: TextCase,
    /// The letter case of values.
    pub value_case: TextCase,
    /// The digits of numbers and amounts.
    pub numbers: Numbers,
    /// The characters that are replaced in values.
    pub escape: Escape,
    /// The treatment of blank members, where `omit_empty` does not say enough.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub empty_values: Option<EmptyValues>,
    /// The treatment of the signature's own member.
    pub sign_value: SignValue,
    /// For `json`: its blanks and line ends.
    pub layout: Layout,
    /// Text before the string; `{key}` is the shared key, `{name}` a member's value.
    pub prefix: String,
    /// Text after the string; placeholders as in `prefix`.
    pub suffix: String,
    /// A member of this name, with the shared key as its value, is signed with the others.
    pub key_member: String,
    /// The bytes that the shared key's text stands for.
    pub key_form: SecretForm,
    /// The line ends within the string.
    pub line_ends: LineEnds,
    /// A change to the whole string.
    pub transform: Transform,
    /// The character set of the string.
    pub charset: Charset,
    /// A digest that is signed in place of the string.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub predigest: Option<Hash>,
    /// The form of that digest.
    pub predigest_form: DigestForm,
    /// For PSS: the length of the salt in bytes; absent means the digest's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pss_salt: Option<u16>,
    /// For PSS: the digest of the mask; absent means the algorithm's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pss_mask: Option<Hash>,
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
            order: None,
            joiner: "=".to_owned(),
            names: TextCase::AsSent,
            value_case: TextCase::AsSent,
            numbers: Numbers::AsSent,
            escape: Escape::None,
            empty_values: None,
            sign_value: SignValue::Absent,
            layout: Layout::Compact,
            prefix: String::new(),
            suffix: String::new(),
            key_member: String::new(),
            key_form: SecretForm::Text,
            line_ends: LineEnds::AsSent,
            transform: Transform::None,
            charset: Charset::Utf8,
            predigest: None,
            predigest_form: DigestForm::Hex,
            pss_salt: None,
            pss_mask: None,
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
    /// A prefix or suffix that cannot be filled in.
    #[error("`{0}`: {1}")]
    Around(&'static str, TemplateError),
    /// A setting that another one leaves without effect.
    #[error("`{0}` has no effect here: {1}")]
    Unused(&'static str, &'static str),
    /// A keyed digest into which no key goes.
    #[error(
        "key_position = \"inside\" needs the key in the string: `{{key}}` in `prefix` or `suffix`, or a `key_member`"
    )]
    KeyMissing,
    /// A key of the other family.
    #[error("algorithm = \"{algorithm}\" takes {}, and the key is {}", family(*.algorithm), family_of_key(*.key_is_rsa))]
    KeyKind {
        /// The recipe's.
        algorithm: Algorithm,
        /// True if the key that came is an RSA key.
        key_is_rsa: bool,
    },
    /// A shared key whose text is not of the recipe's form.
    #[error("the shared key is not in the form that key_form = \"{0}\" asks for")]
    SecretForm(SecretForm),
    /// A recipe that signs a shared key along, without one.
    #[error("the recipe puts a shared key into the string, and none was given")]
    SecretMissing,
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
        let ordered = self.canonical.is_listed();
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
        if matches!(self.canonical, Canonical::SortedPairs | Canonical::Pairs | Canonical::Values)
            && !self.skips(SIGN)
        {
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
        self.check_key_place()?;
        self.check_effects()
    }

    fn check_key_place(&self) -> Result<(), RecipeError> {
        for (name, text) in [("prefix", &self.prefix), ("suffix", &self.suffix)] {
            for piece in template::pieces(text) {
                if piece.map_err(|error| RecipeError::Around(name, error))? == Piece::Name(SIGN) {
                    return Err(RecipeError::SignsItself(
                        "take {sign} out of `prefix` or `suffix`",
                    ));
                }
            }
        }
        if self.key_member == SIGN {
            return Err(RecipeError::SignsItself("`key_member` needs another name"));
        }
        let is_inside = self.key_position == KeyPosition::Inside;
        match self.algorithm.scheme() {
            SignatureScheme::Keyed(_) if is_inside && !self.has_key_inside() => {
                Err(RecipeError::KeyMissing)
            }
            SignatureScheme::Keyed(_) => Ok(()),
            _ if is_inside => {
                Err(RecipeError::Unused("key_position", "only the keyed digests read it"))
            }
            _ => Ok(()),
        }
    }

    /// Finds a setting that says something and changes nothing.
    fn check_effects(&self) -> Result<(), RecipeError> {
        let (kind, usual) = (self.canonical, Self::default());
        let is_pss = matches!(self.algorithm.scheme(), SignatureScheme::Pss(_));
        let is_body = kind == Canonical::Body;
        let unused = [
            (
                "order",
                self.order.is_some() && !kind.has_order(),
                "only canonical = \"pairs\", \"values\" and \"json\" read it",
            ),
            (
                "joiner",
                self.joiner != usual.joiner
                    && !matches!(
                        kind,
                        Canonical::SortedPairs | Canonical::Pairs | Canonical::OrderedPairs
                    ),
                "only the kinds with pairs have names and joiners",
            ),
            (
                "layout",
                self.layout != usual.layout && kind != Canonical::Json,
                "only canonical = \"json\" reads it",
            ),
            (
                "empty_values",
                self.empty_values.is_some() && !self.omit_empty,
                "`omit_empty = false` says the same; keep one of the two",
            ),
            ("pss_salt", self.pss_salt.is_some() && !is_pss, "only the RSA-PSS algorithms read it"),
            ("pss_mask", self.pss_mask.is_some() && !is_pss, "only the RSA-PSS algorithms read it"),
            (
                "predigest_form",
                self.predigest_form != usual.predigest_form && self.predigest.is_none(),
                "there is no `predigest`",
            ),
            ("numbers", self.numbers != usual.numbers && is_body, "the body is signed as sent"),
            ("escape", self.escape != usual.escape && is_body, "the body is signed as sent"),
            (
                "value_case",
                self.value_case != usual.value_case && is_body,
                "the body is signed as sent",
            ),
            ("names", self.names != usual.names && is_body, "the body is signed as sent"),
            (
                "key_member",
                !self.key_member.is_empty() && (is_body || kind == Canonical::RawTemplate),
                "only kinds that join members read it; use `prefix` or `suffix`",
            ),
            (
                "sign_value",
                self.sign_value != usual.sign_value && kind == Canonical::RawTemplate,
                "a template says by itself what is signed",
            ),
        ];
        match unused.into_iter().find(|(_, is_unused, _)| *is_unused) {
            Some((name, _, why)) => Err(RecipeError::Unused(name, why)),
            None => Ok(()),
        }
    }

    /// The members that the recipe names itself.
    fn named(&self) -> Result<Vec<String>, TemplateError> {
        if self.canonical == Canonical::RawTemplate {
            Ok(template::names(&self.template)?.into_iter().map(str::to_owned).collect())
        } else {
            Ok(self.fields.clone())
        }
    }

    /// Returns true if `name` is never part of the string.
    pub fn skips(&self, name: &str) -> bool {
        self.skip.iter().any(|skipped| skipped == name)
    }

    /// The order of the members where no list gives it.
    pub(super) fn order(&self) -> Order {
        match self.canonical {
            Canonical::SortedPairs => Order::Name,
            _ => self.order.unwrap_or(Order::AsSent),
        }
    }

    /// The treatment of blank members.
    pub(super) fn empty_values(&self) -> EmptyValues {
        let simple = if self.omit_empty { EmptyValues::Omit } else { EmptyValues::Keep };
        self.empty_values.unwrap_or(simple)
    }

    /// The shared key is part of the string.
    pub(super) fn has_key_inside(&self) -> bool {
        let names_key = |text: &str| {
            template::pieces(text).any(|piece| piece.is_ok_and(|piece| piece == Piece::Name(KEY)))
        };
        !self.key_member.is_empty() || names_key(&self.prefix) || names_key(&self.suffix)
    }

    /// The recipe asks for a shared key, alone or besides an RSA key.
    pub fn takes_secret(&self) -> bool {
        !self.algorithm.is_rsa() || self.has_key_inside()
    }
}
