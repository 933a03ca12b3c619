//! Content of a payload, as plain data.

use schemars::JsonSchema;
use serde::{Serialize, Serializer};

use super::md5;
use super::tlv::{Object, Objects, checksum, split_crc, units};
use crate::base::{Currency, Millis};

/// Content of a payload. Everything that could be read is here, whether it is right or not.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Decoded {
    /// The string as given.
    pub text: String,
    /// MD5 of that string, by which the Bakong network knows it.
    pub md5: String,
    /// Its length in UTF-16 code units, the unit of the format.
    pub characters: usize,
    /// The CRC at its end.
    pub crc: Crc,
    /// Payee of the code.
    pub kind: Option<KhqrKind>,
    /// Static or dynamic, as tag 01 says.
    pub initiation: Option<Initiation>,
    /// Bakong account id.
    pub account_id: Option<String>,
    /// Merchant name.
    pub merchant_name: Option<String>,
    /// City.
    pub merchant_city: Option<String>,
    /// Currency, where it is one that KHQR has.
    pub currency: Option<Currency>,
    /// Amount exactly as printed.
    pub amount: Option<String>,
    /// Time at which the code was made.
    #[serde(serialize_with = "rfc3339")]
    #[schemars(with = "Option<String>")]
    pub created: Option<Millis>,
    /// Until when it can be paid.
    #[serde(serialize_with = "rfc3339")]
    #[schemars(with = "Option<String>")]
    pub expires: Option<Millis>,
    /// All tags in the order of the string, as far as it could be read.
    pub tags: Vec<Tag>,
}

/// The CRC of a payload.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Crc {
    /// The last four characters, when `6304` stands before them.
    pub given: Option<String>,
    /// Expected digits; without a CRC at the end, those that would have to follow an appended `6304`.
    pub expected: String,
    /// True if they are that, letter case included.
    pub ok: bool,
}

/// Payees of a code, by the three kinds of the National Bank's guideline.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum KhqrKind {
    /// Tag 29 without account information: a person's own Bakong account.
    Individual,
    /// Tag 29 with account information: an account at a bank.
    Remittance,
    /// Tag 30: a merchant.
    Merchant,
}

/// Origin of a code, by tag 01.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Initiation {
    /// Printed once, paid many times; the payer enters the amount.
    Static,
    /// Made for one payment.
    Dynamic,
}

/// One tag.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Tag {
    /// Two digits.
    pub tag: String,
    /// The name that the official SDK's decoder uses; absent for a tag that KHQR does not define.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<&'static str>,
    /// Position of the tag in the string, in UTF-16 code units.
    pub position: usize,
    /// Length of the value in UTF-16 code units.
    pub length: usize,
    /// The value; of a template, all of its inside.
    pub value: String,
    /// The tags inside a template.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub sub: Vec<Tag>,
}

/// Reads any text as far as it is a payload.
pub fn decode(text: &str) -> Decoded {
    let objects = Objects::read(text);
    let value = |tag| objects.get(tag).map(|object| object.value);
    let account = objects.get("30").or_else(|| objects.get("29"));
    let time = |tag| {
        let digits = objects.get("99").and_then(|times| times.sub.get(tag))?.value;
        let plain = digits.len() == 13 && digits.bytes().all(|byte| byte.is_ascii_digit());
        digits.parse().ok().filter(|_| plain).map(Millis)
    };
    Decoded {
        text: text.to_owned(),
        md5: md5(text),
        characters: units(text),
        crc: read_crc(text),
        kind: account.map(|account| match account.tag {
            "30" => KhqrKind::Merchant,
            _ if account.sub.get("01").is_some() => KhqrKind::Remittance,
            _ => KhqrKind::Individual,
        }),
        initiation: match value("01") {
            Some("11") => Some(Initiation::Static),
            Some("12") => Some(Initiation::Dynamic),
            _ => None,
        },
        account_id: account.and_then(|account| account.sub.get("00")).map(|id| id.value.to_owned()),
        merchant_name: value("59").map(str::to_owned),
        merchant_city: value("60").map(str::to_owned),
        currency: value("53").and_then(Currency::from_number),
        amount: value("54").map(str::to_owned),
        created: time("00"),
        expires: time("01"),
        tags: objects.list.iter().map(Tag::of).collect(),
    }
}

impl Decoded {
    /// The value of the tag or sub-tag with this name, such as `billNumber`.
    pub fn value(&self, name: &str) -> Option<&str> {
        let inside = self.tags.iter().flat_map(|tag| &tag.sub);
        self.tags.iter().chain(inside).find(|tag| tag.name == Some(name)).map(|tag| &*tag.value)
    }
}

impl Tag {
    fn of(object: &Object) -> Self {
        Self {
            tag: object.tag.to_owned(),
            name: object.field.map(|field| field.name),
            position: object.at,
            length: units(object.value),
            value: object.value.to_owned(),
            sub: object.sub.list.iter().map(Self::of).collect(),
        }
    }
}

fn read_crc(text: &str) -> Crc {
    match split_crc(text) {
        Some((covered, given)) => {
            let expected = checksum(covered);
            Crc { ok: *given == *expected, given: Some(given.to_owned()), expected }
        }
        None => Crc { given: None, expected: checksum(&format!("{text}6304")), ok: false },
    }
}

#[allow(clippy::ref_option, reason = "serde hands the field over this way")]
fn rfc3339<S: Serializer>(moment: &Option<Millis>, serializer: S) -> Result<S::Ok, S::Error> {
    moment.map(Millis::rfc3339).serialize(serializer)
}
