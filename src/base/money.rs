//! Money: whole minor units beside a currency, never a float.

use arrayvec::ArrayString;
use serde::{Deserialize, Serialize};

use super::Named;

/// A currency that PAYON handles: USD in the order API, USD and KHR for QR payments (documented).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "UPPERCASE")]
pub enum Currency {
    /// United States dollar, two decimals, ISO 4217 number 840.
    Usd,
    /// Cambodian riel, no decimals, ISO 4217 number 116.
    Khr,
}

impl Named for Currency {
    const WHAT: &'static str = "a currency";
    const ALL: &'static [Self] = Self::ALL;

    fn name(self) -> &'static str {
        self.code()
    }
}

impl Currency {
    /// Every currency.
    pub const ALL: &'static [Self] = &[Self::Usd, Self::Khr];

    /// Reads `USD` or `KHR` in any letter case; anything else is `None`.
    pub fn parse(text: &str) -> Option<Self> {
        if text.eq_ignore_ascii_case("USD") {
            Some(Self::Usd)
        } else if text.eq_ignore_ascii_case("KHR") {
            Some(Self::Khr)
        } else {
            None
        }
    }

    /// The upper-case ISO code, as every PAYON example prints it.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Usd => "USD",
            Self::Khr => "KHR",
        }
    }

    /// The three-digit ISO number, as KHQR carries it.
    pub const fn number(self) -> &'static str {
        match self {
            Self::Usd => "840",
            Self::Khr => "116",
        }
    }

    /// Reads the three-digit ISO number; anything else is `None`.
    pub fn from_number(number: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|currency| currency.number() == number)
    }

    /// Number of decimals that an amount may have.
    pub const fn decimals(self) -> u32 {
        match self {
            Self::Usd => 2,
            Self::Khr => 0,
        }
    }
}

/// Reason why a text is not an amount. The messages are for the merchant's developer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AmountError {
    /// Not `digits` or `digits.digits`.
    #[error(
        "must be a plain decimal such as 1 or 1.00, without sign, exponent, blanks or grouping"
    )]
    Malformed,
    /// More decimals than the currency has.
    #[error("has more decimals than {currency} allows ({allowed})")]
    TooPrecise {
        /// ISO code of the currency.
        currency: &'static str,
        /// Number of decimals that it allows.
        allowed: u32,
    },
    /// Zero.
    #[error("must be greater than zero")]
    Zero,
    /// Above the largest amount that the simulator books.
    #[error("is larger than 9999999999.99")]
    TooLarge,
}

/// An amount in print, on the stack: room for nineteen digits, a sign and decimals.
pub type Print = ArrayString<24>;

/// An amount in minor units (cents of a dollar, whole riels). Its currency travels beside it.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Amount(i64);

impl Amount {
    /// Nothing.
    pub const ZERO: Self = Self(0);
    /// The largest amount accepted, in minor units.
    const MAX: i64 = 999_999_999_999;

    /// An amount of `minor` minor units.
    pub const fn from_minor(minor: i64) -> Self {
        Self(minor)
    }

    /// The minor units.
    pub const fn minor(self) -> i64 {
        self.0
    }

    /// Reads a decimal as the contract takes it: digits, optionally a point and at most
    /// [`Currency::decimals`] more, greater than zero.
    pub fn parse(text: &str, currency: Currency) -> Result<Self, AmountError> {
        let (whole, fraction) = match text.split_once('.') {
            Some((whole, fraction)) if !fraction.is_empty() => (whole, fraction),
            Some(_) => return Err(AmountError::Malformed),
            None => (text, ""),
        };
        let digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
        if whole.is_empty() || !digits(whole) || !digits(fraction) {
            return Err(AmountError::Malformed);
        }
        let allowed = currency.decimals();
        if fraction.len() > allowed as usize {
            return Err(AmountError::TooPrecise { currency: currency.code(), allowed });
        }
        let mut minor: i64 = 0;
        let padding = std::iter::repeat_n(b'0', allowed as usize - fraction.len());
        for digit in whole.bytes().chain(fraction.bytes()).chain(padding) {
            minor = minor * 10 + i64::from(digit - b'0');
            if minor > Self::MAX {
                return Err(AmountError::TooLarge);
            }
        }
        if minor == 0 { Err(AmountError::Zero) } else { Ok(Self(minor)) }
    }

    /// With all decimals of the currency: `1.00`, `1.50`, riel `4000`. The form of 5.2's answers.
    pub fn fixed(self, currency: Currency) -> String {
        self.print(currency).to_string()
    }

    /// The shortest form: `1`, `1.5`, `1.05`. The form of the orders and status answers.
    pub fn shortest(self, currency: Currency) -> String {
        self.print_shortest(currency).to_string()
    }

    /// The same as [`Amount::fixed`], on the stack.
    pub fn print(self, currency: Currency) -> Print {
        let mut buffer = itoa::Buffer::new();
        let mut text = Print::new();
        match currency {
            Currency::Usd => {
                text.push_str(buffer.format(self.0 / 100));
                text.push('.');
                text.push(digit(self.0 / 10 % 10));
                text.push(digit(self.0 % 10));
            }
            Currency::Khr => text.push_str(buffer.format(self.0)),
        }
        text
    }

    /// The same as [`Amount::shortest`], on the stack.
    pub fn print_shortest(self, currency: Currency) -> Print {
        let mut text = self.print(currency);
        text.truncate(match currency {
            Currency::Usd if self.0 % 100 == 0 => text.len() - 3,
            Currency::Usd if self.0 % 10 == 0 => text.len() - 1,
            _ => text.len(),
        });
        text
    }

    /// The sum, or `None` past the range of the type.
    pub fn plus(self, other: Self) -> Option<Self> {
        self.0.checked_add(other.0).map(Self)
    }

    /// Difference to `other`; `None` when it would be below zero.
    pub fn minus(self, other: Self) -> Option<Self> {
        self.0.checked_sub(other.0).filter(|rest| *rest >= 0).map(Self)
    }
}

fn digit(number: i64) -> char {
    char::from(b'0' + number as u8)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_read_exactly_or_refused_with_the_reason() {
        let usd = |text| Amount::parse(text, Currency::Usd).map(Amount::minor);
        assert_eq!(usd("1"), Ok(100));
        assert_eq!(usd("1.0"), Ok(100));
        assert_eq!(usd("0.05"), Ok(5));
        assert_eq!(usd("0012.50"), Ok(1250));
        assert_eq!(usd("9999999999.99"), Ok(999_999_999_999));
        assert_eq!(usd("10000000000"), Err(AmountError::TooLarge));
        assert_eq!(usd("0.00"), Err(AmountError::Zero));
        for text in ["", ".", "1.", ".5", "-1", "+1", "1e2", "1,000", " 1", "1 ", "1_0", "0x1", "១"]
        {
            assert_eq!(usd(text), Err(AmountError::Malformed), "{text:?}");
        }
        assert!(matches!(usd("1.005"), Err(AmountError::TooPrecise { allowed: 2, .. })));
        let khr = |text| Amount::parse(text, Currency::Khr).map(Amount::minor);
        assert_eq!(khr("4000"), Ok(4000));
        assert!(matches!(khr("4000.0"), Err(AmountError::TooPrecise { allowed: 0, .. })));
    }

    #[test]
    fn both_printed_forms() {
        let print = |minor, currency| {
            let amount = Amount::from_minor(minor);
            (amount.fixed(currency), amount.shortest(currency))
        };
        assert_eq!(print(100, Currency::Usd), ("1.00".into(), "1".into()));
        assert_eq!(print(150, Currency::Usd), ("1.50".into(), "1.5".into()));
        assert_eq!(print(5, Currency::Usd), ("0.05".into(), "0.05".into()));
        assert_eq!(print(4000, Currency::Khr), ("4000".into(), "4000".into()));
    }
}
