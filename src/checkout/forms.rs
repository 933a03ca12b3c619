//! Fields that payers fill in: read, tidied, with each mistake beside its field.

use serde::Deserialize;

use super::texts::Texts;
use crate::profile::{Card, CardBrand};
use crate::wire::limits::NAME_CHARS;

/// Every field that a form of the pages may send; which of them matter depends on `action`.
#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct PageForm {
    /// Action of the payer.
    pub(super) action: String,
    /// The token of the step that the form was made for.
    pub(super) step: String,
    pub(super) lang: Option<String>,
    number: String,
    expiry: String,
    cvv: String,
    pin: String,
    holder: String,
    pub(super) binding: String,
    pub(super) channel: String,
    pub(super) otp: String,
    pub(super) passcode: String,
    phone: String,
    /// Message that the browser brings back from the issuer.
    pub(super) cres: String,
    #[serde(rename = "threeDSSessionData")]
    pub(super) session_data: String,
    /// The pretend app's: what to pay from, and the pasted code.
    pub(super) from: String,
    pub(super) code: String,
}

impl PageForm {
    /// Reads a body; what cannot be read is an empty form, which every page refuses. Numbers and codes lose what a
    /// payer types or pastes between their digits.
    pub(super) fn read(body: &[u8]) -> Self {
        let mut form: Self = serde_html_form::from_bytes(body).unwrap_or_default();
        let Self { number, cvv, pin, otp, passcode, .. } = &mut form;
        for text in [number, cvv, pin, otp, passcode] {
            *text = bare(text);
        }
        form
    }

    /// The phone number, without the marks that phone numbers are written with.
    pub(super) fn phone(&self) -> String {
        bare(&self.phone).replace(['(', ')', '.'], "").trim_start_matches('+').to_owned()
    }

    /// The card that was typed, checked as far as one can without asking anybody.
    pub(super) fn card(&self, t: &Texts, kind: CardKind) -> CardForm {
        let number = self.number.clone();
        let payon =
            kind == CardKind::Payon || (kind == CardKind::Any && number.starts_with("101049"));
        let wanted = |wanted: bool, right: bool, problem| (wanted && !right).then_some(problem);
        let month = self.month();
        CardForm {
            number_problem: wanted(true, digits(&number, 16..=16), t.need_card_number),
            expiry_problem: wanted(!payon, month.is_some(), t.need_expiry),
            cvv_problem: wanted(!payon, digits(&self.cvv, 3..=3), t.need_cvv),
            pin_problem: wanted(payon, digits(&self.pin, 4..=6), t.need_pin),
            holder_problem: wanted(true, self.holder.chars().count() <= NAME_CHARS, t.need_holder),
            number,
            expiry: self.expiry.clone(),
            holder: self.holder.clone(),
            cvv: self.cvv.clone(),
            pin: self.pin.clone(),
            month,
            payon,
            ..CardForm::default()
        }
    }

    /// The expiry as `YYYYMM`: from `MM/YY`, `MM/YYYY` and `YYYY-MM` with any separator or none.
    fn month(&self) -> Option<String> {
        let typed: String =
            self.expiry.chars().filter(|c| !is_invisible(*c)).map(ascii_digit).collect();
        let parts: Vec<&str> = typed.split(is_separator).filter(|part| !part.is_empty()).collect();
        let (month, year) = match parts[..] {
            [year, month] if year.len() == 4 => (month, year),
            [month, year] => (month, year),
            // No month is 20, so six digits that begin so begin with the year.
            [text] if text.len() == 6 && text.starts_with("20") => {
                let (year, month) = text.split_at_checked(4)?;
                (month, year)
            }
            [text] if matches!(text.len(), 4 | 6) => text.split_at_checked(2)?,
            _ => return None,
        };
        if !digits(month, 1..=2) || !digits(year, 2..=4) || year.len() == 3 {
            return None;
        }
        let month: u8 = month.parse().ok().filter(|month| (1..=12).contains(month))?;
        let century = if year.len() == 2 { "20" } else { "" };
        Some(format!("{century}{year}{month:02}"))
    }
}

/// A number or code without what stands between its digits, and with ASCII digits.
fn bare(text: &str) -> String {
    let kept = text.chars().filter(|c| !is_invisible(*c) && !c.is_whitespace() && !is_dash(*c));
    kept.map(ascii_digit).collect()
}

/// The ASCII digit of a Khmer or full-width one; any other character as it is.
fn ascii_digit(c: char) -> char {
    let zero = match c {
        '\u{17e0}'..='\u{17e9}' => 0x17e0,
        '\u{ff10}'..='\u{ff19}' => 0xff10,
        _ => return c,
    };
    char::from_digit(u32::from(c) - zero, 10).unwrap_or(c)
}

const fn is_dash(c: char) -> bool {
    matches!(c, '-' | '\u{2010}'..='\u{2015}' | '\u{2212}' | '\u{fe63}' | '\u{ff0d}')
}

/// Returns true if a character parts month and year.
fn is_separator(c: char) -> bool {
    c.is_whitespace() || is_dash(c) || matches!(c, '/' | '.' | '\u{2044}' | '\u{2215}' | '\u{ff0f}')
}

/// Returns true if a character takes no room. Copied text often holds such ones.
const fn is_invisible(c: char) -> bool {
    matches!(c, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
}

/// Returns true if a text is that many digits.
pub(super) fn digits(text: &str, count: std::ops::RangeInclusive<usize>) -> bool {
    count.contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// Cards that a form takes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum CardKind {
    Payon,
    Scheme,
    Any,
}

impl CardKind {
    /// The brands that a form of this kind takes.
    pub(super) const fn brands(self) -> &'static [CardBrand] {
        use CardBrand::{Jcb, Mastercard, Payon, UnionPay, Visa};
        match self {
            Self::Payon => &[Payon],
            Self::Scheme => &[Visa, Mastercard, Jcb, UnionPay],
            Self::Any => &[Visa, Mastercard, Jcb, UnionPay, Payon],
        }
    }
}

/// A card form with what was typed and what is wrong with it. Security code and PIN are filled in
/// only from the tables of test cards, never with what a payer typed.
#[derive(Default)]
pub(super) struct CardForm {
    pub(super) number: String,
    pub(super) expiry: String,
    pub(super) cvv: String,
    pub(super) pin: String,
    pub(super) holder: String,
    pub(super) scheme: &'static str,
    /// The expiry as `YYYYMM`.
    pub(super) month: Option<String>,
    /// True if the number is a PAYON card's.
    pub(super) payon: bool,
    pub(super) number_problem: Option<&'static str>,
    pub(super) expiry_problem: Option<&'static str>,
    pub(super) cvv_problem: Option<&'static str>,
    pub(super) pin_problem: Option<&'static str>,
    pub(super) holder_problem: Option<&'static str>,
}

impl CardForm {
    /// A form filled with a test card, for the tester.
    pub(super) fn filled(card: &Card) -> Self {
        let (year, month) = card.expiry.split_at(4);
        Self {
            number: super::money::in_fours(&card.number),
            expiry: format!("{month}/{}", &year[2..]),
            cvv: card.cvv.clone().unwrap_or_default(),
            pin: card.pin.clone().unwrap_or_default(),
            holder: card.name.clone(),
            scheme: scheme_name(card.scheme),
            payon: card.scheme == CardBrand::Payon,
            ..Self::default()
        }
    }

    /// The number is refused for `problem`.
    pub(super) fn refuse_number(&mut self, problem: &'static str) {
        self.number_problem = Some(problem);
    }

    /// Copy of the form for the payer, without secrets.
    pub(super) fn shown_again(mut self) -> Self {
        self.cvv.clear();
        self.pin.clear();
        self.number = super::money::in_fours(&self.number);
        self
    }

    /// The `id` of the first field, from the top, with a problem.
    pub(super) fn first_wrong(&self) -> Option<&'static str> {
        let fields = [
            ("card-number", self.number_problem),
            ("card-expiry", self.expiry_problem),
            ("card-cvv", self.cvv_problem),
            ("card-holder", self.holder_problem),
            ("payon-pin", self.pin_problem),
        ];
        fields.into_iter().find_map(|(id, problem)| problem.map(|_| id))
    }
}

/// A scheme's name as payers know it.
pub(super) const fn scheme_name(scheme: CardBrand) -> &'static str {
    match scheme {
        CardBrand::Visa => "Visa",
        CardBrand::Mastercard => "Mastercard",
        CardBrand::Jcb => "JCB",
        CardBrand::UnionPay => "UnionPay",
        CardBrand::Payon => "PAYON",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::profile::Language;

    fn read(body: &str) -> CardForm {
        PageForm::read(body.as_bytes()).card(Texts::of(Language::English), CardKind::Any)
    }

    #[test]
    fn a_card_is_read_however_it_is_grouped() {
        let card = read("number=4012+0010-3714+1112&expiry=12+/+27&cvv=207&holder=MC");
        assert_eq!(card.first_wrong(), None);
        assert_eq!(
            (card.number.as_str(), card.month.as_deref()),
            ("4012001037141112", Some("202712"))
        );
        let grouped = "number=4012%C2%A00010%E2%80%8B++3714%E2%80%931112%0A&cvv=+2+07%09&expiry=%E2%80%AA12%2F27";
        let card = read(grouped);
        assert_eq!(card.first_wrong(), None);
        assert_eq!((card.number.as_str(), card.cvv.as_str()), ("4012001037141112", "207"));
        let card = read("number=៤០១២០០១០៣៧១៤១១១២&cvv=２０７&expiry=១២/២៧");
        assert_eq!(card.first_wrong(), None);
        assert_eq!((card.number.as_str(), card.cvv.as_str()), ("4012001037141112", "207"));
        assert_eq!(card.month.as_deref(), Some("202712"));
    }

    #[test]
    fn a_code_is_read_however_it_is_grouped() {
        let form = PageForm::read(
            "otp=654+321&passcode=%0912-34-56&pin=+0+0+0+0&phone=%2B855+(96)+444.47-81".as_bytes(),
        );
        assert_eq!((form.otp.as_str(), form.passcode.as_str()), ("654321", "123456"));
        assert_eq!((form.pin.as_str(), form.phone().as_str()), ("0000", "855964444781"));
        // What is no digit stays, to be refused.
        assert_eq!(PageForm::read(b"otp=65432l").otp, "65432l");
    }

    #[test]
    fn an_expiry_is_read_in_every_common_form() {
        let month = |typed: &str| {
            let body = serde_html_form::to_string([("expiry", typed)]).unwrap();
            read(&body).month
        };
        for (typed, expected) in [
            ("1227", "202712"),
            ("12/2027", "202712"),
            ("12 / 2030", "203012"),
            ("12 / 30", "203012"),
            ("203012", "203012"),
            ("122030", "203012"),
            ("2030-12", "203012"),
            ("2030/1", "203001"),
            ("1/30", "203001"),
            ("01-30", "203001"),
            ("01.2030", "203001"),
            ("12\u{2013}2030", "203012"),
            ("12\u{a0}2030", "203012"),
            (" 12/30\n", "203012"),
            ("１２／３０", "203012"),
        ] {
            assert_eq!(month(typed).as_deref(), Some(expected), "{typed:?}");
        }
        for typed in ["", "1", "130", "13/27", "00/27", "12/027", "2712x", "12/30x", "12/30/2026"] {
            assert_eq!(month(typed), None, "{typed}");
        }
        for typed in ["12/20301", "2030-13", "203013", "12345678", "3012", "/", "ក/៣០", "é1/30"]
        {
            assert_eq!(month(typed), None, "{typed}");
        }
    }

    #[test]
    fn each_problem_stands_at_its_field() {
        let card = read("number=401200103714111&expiry=&cvv=12x&pin=");
        assert!(card.number_problem.is_some() && card.expiry_problem.is_some());
        assert!(card.cvv_problem.is_some() && card.pin_problem.is_none());
        let payon = read("number=1010499900000048&pin=12");
        assert!(payon.pin_problem.is_some() && payon.cvv_problem.is_none());
        let again = read("number=1010499900000048&pin=1234&cvv=999").shown_again();
        assert_eq!((again.pin.as_str(), again.cvv.as_str()), ("", ""));
        assert_eq!(again.number, "1010 4999 0000 0048");
    }
}
