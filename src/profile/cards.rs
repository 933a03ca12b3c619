//! Test cards: one row for each outcome.

use std::collections::HashMap;

use crate::base::{Reason, named_enum};

use super::provenance::Mark;
use super::read::{TomlDocument, TomlTable, fields};
use crate::base::Message;

named_enum! {
    /// Brand of a card.
    pub enum CardBrand ("a scheme") {
        /// Begins with 4.
        Visa = "visa",
        /// Begins with 51 to 55 or 2221 to 2720.
        Mastercard = "mastercard",
        /// Begins with 3528 to 3589.
        Jcb = "jcb",
        /// Begins with 62.
        UnionPay = "unionpay",
        /// Begins with 101049; not Luhn-checked (documented by its example).
        Payon = "payon",
    }
}

named_enum! {
    /// Behaviour of the issuer's access control server.
    pub enum Authentication ("an authentication") {
        /// The card takes no part in 3-D Secure.
        None = "none",
        /// Authenticates without the payer.
        Frictionless = "frictionless",
        /// Asks the payer for an OTP.
        Challenge = "challenge",
        /// Gives proof of an attempt only; the payment goes on.
        Attempted = "attempted",
        /// Is down.
        Unavailable = "unavailable",
        /// Refuses without a challenge.
        Rejected = "rejected",
        /// Asks, and the payer leaves.
        Abandoned = "abandoned",
        /// Takes its time, then authenticates without the payer.
        Slow = "slow",
        /// Answers with the result of another payment.
        Mismatch = "mismatch",
        /// Asks, and takes no OTP for the right one.
        WrongOtp = "wrong-otp",
    }
}

/// A test card and what comes of paying with it.
#[derive(Clone, PartialEq, Eq)]
pub struct Card {
    /// Sixteen digits.
    pub number: String,
    /// Brand of the card.
    pub scheme: CardBrand,
    /// Three digits; scheme cards only.
    pub cvv: Option<String>,
    /// Four to six digits; PAYON cards only.
    pub pin: Option<String>,
    /// YYYYMM. Whether it is past plays no part: see [`Card::outcome`].
    pub expiry: String,
    /// The holder.
    pub name: String,
    /// Authentication before the issuer is asked.
    pub authentication: Authentication,
    /// Result of the payment when everything is entered correctly.
    pub outcome: Reason,
    /// The issuer's answer in ISO 8583 terms; `None` where the issuer is never asked.
    pub iso: Option<String>,
    /// Source of the row.
    pub mark: Mark,
    /// Situation that it rehearses, for people.
    pub about: String,
}

impl Card {
    /// The number with its middle hidden: first six, six stars, last four.
    pub fn masked(&self) -> String {
        let (first, last) = (self.number.get(..6), self.number.get(12..));
        format!("{}******{}", first.unwrap_or_default(), last.unwrap_or_default())
    }
}

impl std::fmt::Debug for Card {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Card")
            .field("number", &self.masked())
            .field("outcome", &self.outcome.name())
            .finish_non_exhaustive()
    }
}

/// Reads `cards.toml`.
pub(super) fn read(doc: &TomlDocument<'_>) -> Option<Vec<Card>> {
    let mut root = doc.root()?;
    let rows = root.rows("card");
    root.finish();
    let mut seen = HashMap::new();
    let read: Vec<Option<Card>> = rows
        .into_iter()
        .map(|mut row| {
            row.check_unique("number", "number", &mut seen);
            card(&mut row)
        })
        .collect();
    read.into_iter().collect()
}

fn card(row: &mut TomlTable<'_>) -> Option<Card> {
    let scheme: Option<CardBrand> = row.word("scheme");
    row.check_text("number", |number| {
        check_digits(number, 16..=16)?;
        scheme.map_or(Ok(()), |scheme| check_number(number, scheme))
    });
    row.check_text("cvv", |cvv| check_digits(cvv, 3..=3));
    row.check_text("pin", |pin| check_digits(pin, 4..=6));
    row.check_text("expiry", check_expiry);
    if let Some(scheme) = scheme {
        let (needed, useless) =
            if scheme == CardBrand::Payon { ("pin", "cvv") } else { ("cvv", "pin") };
        if !row.has(needed) {
            row.refuse("scheme", format!("a card of the scheme {scheme} needs `{needed}`"));
        }
        if row.has(useless) {
            row.refuse(useless, format!("a card of the scheme {scheme} has no `{useless}`"));
        }
    }
    check_outcome(row, &["success", "card", "issuer", "acs", "otp"]);
    let card = fields!(
        row,
        Card { number, scheme, cvv, pin, expiry, name, authentication, outcome, iso, mark, about }
    )?;
    row.note(format!("card.{}", card.masked()), card.mark, &card.about);
    Some(card)
}

/// Complains of an outcome that is a reason of another family.
pub(super) fn check_outcome(row: &TomlTable<'_>, families: &[&str]) {
    let Some(outcome) = row.word::<Reason>("outcome") else { return };
    let family = outcome.name().split('.').next().unwrap_or_default();
    if !families.contains(&family) {
        let allowed = families.iter().map(|family| match *family {
            "success" => "success".to_owned(),
            family => format!("{family}.…"),
        });
        let allowed = allowed.collect::<Vec<_>>().join(", ");
        row.refuse(
            "outcome",
            Message::new(format!("such a payment cannot end with {outcome}"))
                .help(format!("allowed: {allowed}")),
        );
    }
}

/// Complains of what is not only digits, or not as many as there must be, without quoting it.
pub(super) fn check_digits(
    text: &str,
    count: std::ops::RangeInclusive<usize>,
) -> Result<(), Message> {
    if count.contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Ok(());
    }
    let (least, most) = (count.start(), count.end());
    let wanted = if least == most { format!("{least}") } else { format!("{least} to {most}") };
    Err(format!("must be {wanted} digits").into())
}

fn check_expiry(text: &str) -> Result<(), Message> {
    check_digits(text, 6..=6).map_err(|_| Message::new("must be YYYYMM, such as 202712"))?;
    match text[4..].parse() {
        Ok(1..=12) => Ok(()),
        _ => Err(Message::new("the month must be 01 to 12; an expiry is YYYYMM, such as 202712")),
    }
}

fn check_number(number: &str, scheme: CardBrand) -> Result<(), Message> {
    let lead: u32 = number.get(..6).and_then(|lead| lead.parse().ok()).unwrap_or_default();
    let (fits, range) = match scheme {
        CardBrand::Visa => (lead / 100_000 == 4, "4"),
        CardBrand::Mastercard => (
            matches!(lead / 10_000, 51..=55) || matches!(lead / 100, 2221..=2720),
            "51 to 55, or 2221 to 2720",
        ),
        CardBrand::Jcb => (matches!(lead / 100, 3528..=3589), "3528 to 3589"),
        CardBrand::UnionPay => (lead / 10_000 == 62, "62"),
        CardBrand::Payon => (lead == 101_049, "101049"),
    };
    if !fits {
        return Err(format!("a number of the scheme {scheme} begins with {range}").into());
    }
    if scheme == CardBrand::Payon || luhn_sum(number).is_multiple_of(10) {
        return Ok(());
    }
    Err(Message::new("the number fails the Luhn check: a digit is wrong")
        .help("only numbers that are published for testing belong here, never a real card's"))
}

/// The Luhn sum of a string of digits; a valid number's is a multiple of ten.
fn luhn_sum(number: &str) -> u32 {
    let digits = number.bytes().rev().map(|byte| u32::from(byte.wrapping_sub(b'0')));
    digits
        .enumerate()
        .map(|(at, digit)| match (at % 2, digit) {
            (0, digit) => digit,
            (_, digit @ 5..) => digit * 2 - 9,
            (_, digit) => digit * 2,
        })
        .sum()
}
