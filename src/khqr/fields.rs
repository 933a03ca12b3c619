//! The table of tags: names, lengths and what is reported when one is missing or of the wrong length.

use super::problem::KhqrProblem;
#[allow(clippy::enum_glob_use, reason = "a table of forty of them")]
use super::problem::KhqrProblem::*;

/// Facts about a tag.
#[derive(Debug)]
pub(super) struct Field {
    /// Two digits.
    pub(super) tag: &'static str,
    /// The name that the official SDK's `decode` gives to the value; templates have names of our own.
    pub(super) name: &'static str,
    /// Fewest and most characters of the value.
    pub(super) length: (usize, usize),
    /// Reported when the value is shorter or longer.
    pub(super) wrong_length: KhqrProblem,
    /// Reported when the tag is absent or empty; `None` for an optional tag.
    pub(super) missing: Option<KhqrProblem>,
    /// The tags inside, for a template.
    pub(super) sub: &'static [Field],
}

const fn field(
    tag: &'static str,
    name: &'static str,
    length: (usize, usize),
    wrong_length: KhqrProblem,
) -> Field {
    Field { tag, name, length, wrong_length, missing: None, sub: &[] }
}

const fn template(tag: &'static str, name: &'static str, sub: &'static [Field]) -> Field {
    Field { sub, ..field(tag, name, (0, 99), TemplateTooLong) }
}

impl Field {
    const fn required(self, missing: KhqrProblem) -> Self {
        Self { missing: Some(missing), ..self }
    }
}

/// The top level, in the official order. Which of 29 and 30 is required depends on the other.
pub(super) const FIELDS: &[Field] = &[
    field("00", "payloadFormatIndicator", (2, 2), FormatLength).required(FormatMissing),
    field("01", "pointofInitiationMethod", (2, 2), InitiationLength).required(InitiationMissing),
    field("15", "unionPayMerchant", (1, 99), UnionPayLength),
    template(
        "29",
        "individualAccount",
        &[
            field("00", "bakongAccountID", (1, 32), AccountLength).required(AccountMissing),
            field("01", "accountInformation", (1, 32), AccountInformationLength),
            field("02", "acquiringBank", (1, 32), AcquiringBankLength),
        ],
    ),
    template(
        "30",
        "merchantAccount",
        &[
            field("00", "bakongAccountID", (1, 32), AccountLength).required(AccountMissing),
            field("01", "merchantID", (1, 32), MerchantIdLength).required(MerchantIdMissing),
            field("02", "acquiringBank", (1, 32), AcquiringBankLength)
                .required(AcquiringBankMissing),
        ],
    ),
    field("52", "merchantCategoryCode", (4, 4), CategoryLength).required(CategoryMissing),
    field("53", "transactionCurrency", (3, 3), CurrencyLength).required(CurrencyMissing),
    field("54", "transactionAmount", (1, 13), AmountInvalid),
    field("58", "countryCode", (2, 2), CountryLength).required(CountryMissing),
    field("59", "merchantName", (1, 25), NameLength).required(NameMissing),
    field("60", "merchantCity", (1, 15), CityLength).required(CityMissing),
    template(
        "62",
        "additionalData",
        &[
            field("01", "billNumber", (1, 25), BillNumberLength),
            field("02", "mobileNumber", (1, 25), MobileNumberLength),
            field("03", "storeLabel", (1, 25), StoreLabelLength),
            field("07", "terminalLabel", (1, 25), TerminalLabelLength),
            field("08", "purposeOfTransaction", (1, 25), PurposeLength),
        ],
    ),
    template(
        "64",
        "alternateLanguage",
        &[
            field("00", "languagePreference", (2, 2), LanguageLength).required(LanguageMissing),
            field("01", "merchantNameAlternateLanguage", (1, 25), OtherNameLength)
                .required(OtherNameMissing),
            field("02", "merchantCityAlternateLanguage", (1, 15), OtherCityLength),
        ],
    ),
    template(
        "99",
        "timestamps",
        &[
            field("00", "creationTimestamp", (13, 13), CreationInvalid).required(CreationMissing),
            field("01", "expirationTimestamp", (13, 13), ExpiryInvalid),
        ],
    ),
    field("63", "crc", (4, 4), CrcLength).required(CrcMissing),
];

/// The row of `tag` among `fields`.
pub(super) fn find(fields: &'static [Field], tag: &str) -> Option<&'static Field> {
    fields.iter().find(|field| field.tag == tag)
}

/// Name of a tag in messages: `54`, or `30.01` inside `30`.
pub(super) fn path(parent: &str, tag: &str) -> String {
    if parent.is_empty() { tag.to_owned() } else { format!("{parent}.{tag}") }
}
