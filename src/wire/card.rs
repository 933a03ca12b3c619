//! Card numbers: the Luhn check, and which scheme a number belongs to.

/// Digits of a PAYON card number (example).
const PAYON_DIGITS: usize = 16;
/// First digits of a PAYON card number (example).
const PAYON_PREFIX: &str = "101049";

/// An international card scheme.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Scheme {
    /// Visa.
    Visa,
    /// Mastercard.
    Mastercard,
    /// American Express.
    Amex,
    /// JCB.
    Jcb,
    /// UnionPay.
    UnionPay,
    /// Discover.
    Discover,
    /// Diners Club.
    Diners,
    /// Maestro.
    Maestro,
}

/// Leading digits `from` to `to` (of equal length) and the lengths that numbers with them have.
struct Range {
    scheme: Scheme,
    from: &'static str,
    to: &'static str,
    lengths: &'static [usize],
}

const fn range(
    scheme: Scheme,
    from: &'static str,
    to: &'static str,
    lengths: &'static [usize],
) -> Range {
    Range { scheme, from, to, lengths }
}

const L14_TO_19: &[usize] = &[14, 15, 16, 17, 18, 19];
const L16_TO_19: &[usize] = &[16, 17, 18, 19];
const L12_TO_19: &[usize] = &[12, 13, 14, 15, 16, 17, 18, 19];

/// Public ranges of the schemes. Longer prefixes win, so `6011` is Discover although `6` alone is
/// Maestro.
#[rustfmt::skip]
const RANGES: &[Range] = &[
    range(Scheme::Visa,       "4",      "4",      &[13, 16, 18, 19]),
    range(Scheme::Mastercard, "51",     "55",     &[16]),
    range(Scheme::Mastercard, "2221",   "2720",   &[16]),
    range(Scheme::Amex,       "34",     "34",     &[15]),
    range(Scheme::Amex,       "37",     "37",     &[15]),
    range(Scheme::Jcb,        "3528",   "3589",   L16_TO_19),
    range(Scheme::Jcb,        "2131",   "2131",   L16_TO_19),
    range(Scheme::Jcb,        "1800",   "1800",   L16_TO_19),
    range(Scheme::UnionPay,   "620",    "620",    L14_TO_19),
    range(Scheme::UnionPay,   "62100",  "62197",  L14_TO_19),
    range(Scheme::UnionPay,   "62200",  "62205",  L14_TO_19),
    range(Scheme::UnionPay,   "622010", "622999", L14_TO_19),
    range(Scheme::UnionPay,   "62207",  "62209",  L14_TO_19),
    range(Scheme::UnionPay,   "623",    "626",    L14_TO_19),
    range(Scheme::UnionPay,   "6270",   "6270",   L14_TO_19),
    range(Scheme::UnionPay,   "6272",   "6272",   L14_TO_19),
    range(Scheme::UnionPay,   "6276",   "6277",   L14_TO_19),
    range(Scheme::UnionPay,   "6282",   "6289",   L14_TO_19),
    range(Scheme::UnionPay,   "6291",   "6292",   L14_TO_19),
    range(Scheme::UnionPay,   "810",    "810",    L14_TO_19),
    range(Scheme::UnionPay,   "8110",   "8171",   L14_TO_19),
    range(Scheme::Discover,   "6011",   "6011",   &[16, 19]),
    range(Scheme::Discover,   "644",    "649",    &[16, 19]),
    range(Scheme::Discover,   "65",     "65",     &[16, 19]),
    range(Scheme::Diners,     "300",    "305",    &[14, 16, 19]),
    range(Scheme::Diners,     "36",     "36",     &[14, 16, 19]),
    range(Scheme::Diners,     "38",     "39",     &[14, 16, 19]),
    range(Scheme::Maestro,    "50",     "50",     L12_TO_19),
    range(Scheme::Maestro,    "56",     "59",     L12_TO_19),
    range(Scheme::Maestro,    "63",     "63",     L12_TO_19),
    range(Scheme::Maestro,    "67",     "67",     L12_TO_19),
    range(Scheme::Maestro,    "6",      "6",      L12_TO_19),
];

impl Scheme {
    /// The scheme whose leading digits and length fit `number`. The check digit is not looked at.
    pub fn of(number: &str) -> Option<Self> {
        let fits = |range: &&Range| {
            range.lengths.contains(&number.len())
                && number
                    .get(..range.from.len())
                    .is_some_and(|start| (range.from..=range.to).contains(&start))
        };
        RANGES.iter().filter(fits).max_by_key(|range| range.from.len()).map(|range| range.scheme)
    }
}

/// Returns true if the last digit of `number` is the check digit that the others call for. False for
/// anything but digits.
pub fn luhn(number: &str) -> bool {
    luhn_digits(number.as_bytes())
}

pub(super) fn luhn_digits(number: &[u8]) -> bool {
    let mut sum = 0_u32;
    for (position, byte) in number.iter().rev().enumerate() {
        let Some(digit) = char::from(*byte).to_digit(10) else { return false };
        sum += match position % 2 {
            0 => digit,
            _ if digit > 4 => digit * 2 - 9,
            _ => digit * 2,
        };
    }
    !number.is_empty() && sum.is_multiple_of(10)
}

/// Returns true if `number` is in PAYON's own range, which has no check digit.
pub fn is_payon(number: &str) -> bool {
    number.len() == PAYON_DIGITS
        && number.starts_with(PAYON_PREFIX)
        && number.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn published_test_numbers_pass_and_neighbours_fail() {
        for number in ["5204730000001003", "4012001037141112", "371449635398431", "30123400000000"]
        {
            assert!(luhn(number), "{number}");
            let last = number.as_bytes()[number.len() - 1];
            let wrong = format!("{}{}", &number[..number.len() - 1], (last - b'0' + 1) % 10);
            assert!(!luhn(&wrong), "{wrong}");
        }
        assert!(!luhn("") && !luhn("4012 0010 3714 1112") && !luhn("1010499900000048"));
    }

    #[test]
    fn schemes_are_told_by_prefix_and_length() {
        for (number, scheme) in [
            ("5204730000001003", Some(Scheme::Mastercard)),
            ("2223000000000007", Some(Scheme::Mastercard)),
            ("2720990000000000", Some(Scheme::Mastercard)),
            ("2721000000000000", None),
            ("4012001037141112", Some(Scheme::Visa)),
            ("40120010371411", None),
            ("371449635398431", Some(Scheme::Amex)),
            ("3566111111111113", Some(Scheme::Jcb)),
            ("6250947000000014", Some(Scheme::UnionPay)),
            ("6221260000000000", Some(Scheme::UnionPay)),
            ("6011003179988686", Some(Scheme::Discover)),
            ("36259600000012", Some(Scheme::Diners)),
            ("6304000000000000", Some(Scheme::Maestro)),
            ("6060606060606060", Some(Scheme::Maestro)),
            ("1010499900000048", None),
            ("", None),
            ("ទេ", None),
        ] {
            assert_eq!(Scheme::of(number), scheme, "{number}");
        }
    }

    #[test]
    fn payon_numbers_have_sixteen_digits_and_their_prefix() {
        assert!(is_payon("1010499900000048"));
        assert!(!is_payon("101049990000004"));
        assert!(!is_payon("1010489900000048"));
        assert!(!is_payon("101049990000004x"));
    }
}
