//! Mistakes of a payload: a closed set, with the official SDK's number where it has one.

use schemars::JsonSchema;
use serde::Serialize;

use crate::base::named_enum;

macro_rules! problems {
    ($($variant:ident = $name:literal, $sdk:expr, $about:literal;)+) => {
        named_enum! {
            /// One kind of mistake in a payload.
            pub enum KhqrProblem ("a mistake of a payload") { $(#[doc = $about] $variant = $name,)+ }
        }

        impl KhqrProblem {
            /// The `errorCode` that the official SDK has for this kind of mistake; `None` where it has none. Having a
            /// number does not mean that the SDK notices every case.
            pub const fn sdk_code(self) -> Option<u8> {
                match self { $(Self::$variant => $sdk,)+ }
            }
        }
    };
}

problems! {
    // The string as a whole.
    Malformed = "payload.malformed", Some(8), "A payload is a run of two-digit tag, two-digit length and value, with nothing left over.";
    ControlCharacter = "payload.control-character", None, "Values are printable text.";
    TagOrder = "tag.order", Some(36), "The order is 00 01 15 29 or 30 52 53 54 58 59 60 62 64 99 63.";
    TagRepeated = "tag.repeated", None, "A tag stands at most once.";
    ValueEmpty = "value.empty", None, "A tag without a value is left out.";
    TemplateTooLong = "template.too-long", None, "A template holds at most 99 characters, headers included; shorten its parts.";
    CrcMissing = "crc.missing", Some(24), "Tag 63 with the CRC is required.";
    CrcLength = "crc.length", Some(22), "The CRC has four digits.";
    CrcNotLast = "crc.not-last", Some(8), "Tag 63 is the last tag.";
    CrcWrong = "crc.wrong", Some(8), "The CRC is CRC-16/CCITT-FALSE of the UTF-8 bytes before it, `6304` included.";
    CrcLowerCase = "crc.lower-case", Some(8), "The CRC is written in upper-case hex digits.";
    // The tags about the code itself.
    FormatMissing = "format.missing", Some(23), "Tag 00 (payload format) is required.";
    FormatLength = "format.length", Some(16), "Tag 00 (payload format) has two characters.";
    FormatUnknown = "format.unknown", None, "Tag 00 (payload format) is `01`.";
    InitiationMissing = "initiation.missing", None, "Tag 01 (point of initiation) is required: 11 static, 12 dynamic.";
    InitiationLength = "initiation.length", Some(17), "Tag 01 (point of initiation) has two characters.";
    InitiationUnknown = "initiation.unknown", Some(48), "Tag 01 (point of initiation) is 11 for a static or 12 for a dynamic code.";
    // Who is paid.
    AccountTagMissing = "account-tag.missing", Some(5), "Tag 29 (individual) or 30 (merchant) is required.";
    AccountTagTwice = "account-tag.twice", None, "A code has tag 29 (individual) or tag 30 (merchant), not both.";
    AccountMissing = "account.missing", Some(1), "The Bakong account id (sub-tag 00) is required.";
    AccountInvalid = "account.invalid", Some(3), "A Bakong account id has the form name@bank.";
    AccountLength = "account.length", Some(6), "A Bakong account id has at most 32 characters.";
    AccountInformationLength = "account-information.length", Some(35), "The account information has 1 to 32 characters.";
    MerchantIdMissing = "merchant-id.missing", Some(30), "A merchant code needs the merchant id (tag 30, sub-tag 01).";
    MerchantIdLength = "merchant-id.length", Some(32), "A merchant id has at most 32 characters.";
    AcquiringBankMissing = "acquiring-bank.missing", Some(31), "A merchant code needs the acquiring bank (tag 30, sub-tag 02).";
    AcquiringBankLength = "acquiring-bank.length", Some(33), "An acquiring bank has at most 32 characters.";
    UnionPayLength = "unionpay.length", Some(43), "The UnionPay merchant account has 1 to 99 characters.";
    UnionPayCurrency = "unionpay.currency", Some(44), "Tag 15 (UnionPay) goes with KHR only.";
    CategoryMissing = "category.missing", Some(25), "Tag 52 (merchant category) is required.";
    CategoryLength = "category.length", Some(18), "A merchant category code has four digits.";
    CategoryInvalid = "category.invalid", Some(51), "A merchant category code has digits only.";
    CountryMissing = "country.missing", Some(26), "Tag 58 (country) is required.";
    CountryLength = "country.length", Some(20), "A country code has two letters.";
    CountryUnknown = "country.unknown", None, "The country is `KH`.";
    NameMissing = "name.missing", Some(2), "Tag 59 (merchant name) is required.";
    NameLength = "name.length", Some(7), "A merchant name has at most 25 characters.";
    CityMissing = "city.missing", Some(27), "Tag 60 (city) is required.";
    CityLength = "city.length", Some(21), "A city has at most 15 characters.";
    LanguageMissing = "language.missing", Some(37), "Tag 64 begins with the language (sub-tag 00).";
    LanguageLength = "language.length", Some(38), "A language has two characters.";
    OtherNameMissing = "other-name.missing", Some(39), "A language is given, so the name in it (tag 64, sub-tag 01) is required.";
    OtherNameLength = "other-name.length", Some(40), "The name in the other language has 1 to 25 characters.";
    OtherCityLength = "other-city.length", Some(41), "The city in the other language has 1 to 15 characters.";
    // What is paid, and when.
    CurrencyMissing = "currency.missing", Some(9), "Tag 53 (currency) is required.";
    CurrencyLength = "currency.length", Some(19), "A currency has three digits.";
    CurrencyUnsupported = "currency.unsupported", Some(28), "The currency is 116 (KHR) or 840 (USD).";
    AmountInvalid = "amount.invalid", Some(4), "An amount is a positive decimal of at most 13 characters, with at most two decimals in USD and none in KHR.";
    AmountMissing = "amount.missing", Some(47), "A dynamic code carries an amount (tag 54).";
    AmountOnStatic = "amount.on-static", None, "A static code (tag 01 = 11) carries no amount.";
    CreationMissing = "creation.missing", None, "Tag 99 begins with the creation time (sub-tag 00).";
    CreationInvalid = "creation.invalid", None, "The creation time is 13 digits: milliseconds since 1970.";
    ExpiryMissing = "expiry.missing", Some(45), "A code with an amount carries its expiry (tag 99, sub-tag 01).";
    ExpiryInvalid = "expiry.invalid", Some(49), "The expiry is 13 digits: milliseconds since 1970, not seconds.";
    ExpiryBeforeCreation = "expiry.before-creation", Some(50), "The expiry lies before the creation time.";
    Expired = "expired", Some(46), "The code has expired.";
    // What else the merchant says.
    BillNumberLength = "bill-number.length", Some(10), "A bill number has 1 to 25 characters.";
    MobileNumberLength = "mobile-number.length", Some(34), "A mobile number has 1 to 25 characters.";
    StoreLabelLength = "store-label.length", Some(11), "A store label has 1 to 25 characters.";
    TerminalLabelLength = "terminal-label.length", Some(12), "A terminal label has 1 to 25 characters.";
    PurposeLength = "purpose.length", Some(42), "A purpose has 1 to 25 characters.";
}

/// One mistake in one payload.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema, thiserror::Error)]
#[serde(rename_all = "camelCase")]
#[error("{message}")]
pub struct KhqrFinding {
    /// Kind of mistake: a stable name such as `crc.wrong`.
    #[serde(rename = "code")]
    #[schemars(with = "String")]
    pub problem: KhqrProblem,
    /// The official SDK's `errorCode` for it, where there is one.
    pub sdk_code: Option<u8>,
    /// The tag concerned: `54`, or `30.01` for a sub-tag. Empty when the string as a whole is meant.
    pub tag: String,
    /// Position in the string, in UTF-16 code units from 0. A missing tag is reported at the end of its surroundings.
    pub position: usize,
    /// The finding and the rule, for people.
    pub message: String,
}

impl KhqrFinding {
    /// A finding about `tag`; `found` says what stands there, in a few words.
    pub(super) fn new(problem: KhqrProblem, tag: String, position: usize, found: &str) -> Self {
        let subject = if tag.is_empty() { "The payload".into() } else { format!("Tag {tag}") };
        let message = format!("{subject}, at character {position}: {found}. {}", problem.about());
        Self { problem, sdk_code: problem.sdk_code(), tag, position, message }
    }
}

/// The text in quotes. What does not print is escaped; combining letters, which `{:?}` escapes too, are kept.
pub(super) fn quote(text: &str) -> String {
    format!("\"{}\"", text.escape_debug())
}
