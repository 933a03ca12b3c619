//! Amounts and times as payers read them.

use crate::base::{Amount, Currency, Millis};

/// `1,234.50 USD`, `4,000 KHR`: as KHQR cards write amounts, and in letters that every font has.
pub(super) fn money(amount: Amount, currency: Currency) -> String {
    let fixed = amount.fixed(currency);
    let (whole, rest) = fixed.split_at(fixed.find('.').unwrap_or(fixed.len()));
    let mut grouped = String::new();
    for (at, digit) in whole.chars().enumerate() {
        if at > 0 && (whole.len() - at).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    // The blank does not break: number and currency stay together.
    format!("{grouped}{rest}\u{a0}{}", currency.code())
}

/// `14:05`, in Cambodia.
pub(super) fn clock(at: Millis) -> String {
    let digits = at.year_first_digits();
    format!("{}:{}", &digits[8..10], &digits[10..12])
}

/// `24/11/2020 14:05`, in Cambodia.
pub(super) fn date_and_clock(at: Millis) -> String {
    let digits = at.year_first_digits();
    format!("{}/{}/{} {}", &digits[6..8], &digits[4..6], &digits[..4], clock(at))
}

/// `4012 0010 3714 1112`.
pub(super) fn in_fours(digits: &str) -> String {
    let mut spaced = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && at % 4 == 0 {
            spaced.push(' ');
        }
        spaced.push(digit);
    }
    spaced
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_grouped_by_thousands() {
        let print =
            |minor, currency| money(Amount::from_minor(minor), currency).replace('\u{a0}', " ");
        assert_eq!(print(123_450, Currency::Usd), "1,234.50 USD");
        assert_eq!(print(5, Currency::Usd), "0.05 USD");
        assert_eq!(print(99_999, Currency::Usd), "999.99 USD");
        assert_eq!(print(4_000, Currency::Khr), "4,000 KHR");
        assert_eq!(print(12_345_678, Currency::Khr), "12,345,678 KHR");
        assert_eq!(print(999, Currency::Khr), "999 KHR");
    }

    #[test]
    fn times_are_cambodias() {
        let at = Millis(1_606_193_221_000);
        assert_eq!(clock(at), "11:47");
        assert_eq!(date_and_clock(at), "24/11/2020 11:47");
        assert_eq!(in_fours("4012001037141112"), "4012 0010 3714 1112");
    }
}
