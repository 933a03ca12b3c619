//! What payers type: read, tidied, and what is wrong said beside the field.

use serde::Deserialize;

use super::texts::Texts;
use crate::profile::{Card, Scheme};

/// Every field that a form of the pages may send; which of them matter depends on `action`.
#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct Form {
    /// What the payer does.
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
    pub(super) phone: String,
    /// What the browser brings back from the issuer.
    pub(super) cres: String,
    #[serde(rename = "threeDSSessionData")]
    pub(super) session_data: String,
    /// The pretend app's: what to pay from, and the pasted code.
    pub(super) from: String,
    pub(super) code: String,
}

impl Form {
    /// Reads a body; what cannot be read is an empty form, which every page refuses.
    pub(super) fn read(body: &[u8]) -> Self {
        serde_html_form::from_bytes(body).unwrap_or_default()
    }

    /// The card that was typed, checked as far as one can without asking anybody.
    pub(super) fn card(&self, t: &Texts, kind: CardKind) -> CardForm {
        let number: String =
            self.number.chars().filter(|c| !matches!(c, ' ' | '-' | '\u{a0}')).collect();
        let payon =
            kind == CardKind::Payon || (kind == CardKind::Any && number.starts_with("101049"));
        let wanted = |wanted: bool, right: bool, problem| (wanted && !right).then_some(problem);
        let month = self.month();
        let mut form = CardForm {
            number_problem: wanted(true, digits(&number, 16..=16), t.need_card_number),
            expiry_problem: wanted(!payon, month.is_some(), t.need_expiry),
            cvv_problem: wanted(!payon, digits(&self.cvv, 3..=3), t.need_cvv),
            pin_problem: wanted(payon, digits(self.pin.trim(), 4..=6), t.need_pin),
            number,
            expiry: self.expiry.clone(),
            holder: self.holder.clone(),
            cvv: self.cvv.clone(),
            pin: self.pin.trim().to_owned(),
            month,
            payon,
            ..CardForm::default()
        };
        form.count();
        form
    }

    /// `MM/YY`, `MM/YYYY`, `MMYY` and the like, as `YYYYMM`.
    fn month(&self) -> Option<String> {
        let typed: String = self.expiry.chars().filter(char::is_ascii_digit).collect();
        let (month, year) = typed.split_at_checked(2)?;
        let year = match year.len() {
            2 => format!("20{year}"),
            4 => year.to_owned(),
            _ => return None,
        };
        matches!(month.parse(), Ok(1..=12)).then(|| format!("{year}{month}"))
    }
}

/// Whether a text is that many digits.
pub(super) fn digits(text: &str, count: std::ops::RangeInclusive<usize>) -> bool {
    count.contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// Which cards a form takes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum CardKind {
    Payon,
    Scheme,
    Any,
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
    /// Whether the number is a PAYON card's.
    pub(super) payon: bool,
    pub(super) number_problem: Option<&'static str>,
    pub(super) expiry_problem: Option<&'static str>,
    pub(super) cvv_problem: Option<&'static str>,
    pub(super) pin_problem: Option<&'static str>,
    /// Whether there is any.
    pub(super) problems: bool,
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
            ..Self::default()
        }
    }

    /// The number is refused for `problem`.
    pub(super) fn refuse_number(&mut self, problem: &'static str) {
        self.number_problem = Some(problem);
        self.count();
    }

    /// What goes back to the payer: no secrets.
    pub(super) fn shown_again(mut self) -> Self {
        self.cvv.clear();
        self.pin.clear();
        self.number = super::money::in_fours(&self.number);
        self
    }

    fn count(&mut self) {
        let all = [self.number_problem, self.expiry_problem, self.cvv_problem, self.pin_problem];
        self.problems = all.iter().any(Option::is_some);
    }
}

/// A scheme's name as payers know it.
pub(super) const fn scheme_name(scheme: Scheme) -> &'static str {
    match scheme {
        Scheme::Visa => "Visa",
        Scheme::Mastercard => "Mastercard",
        Scheme::Jcb => "JCB",
        Scheme::UnionPay => "UnionPay",
        Scheme::Payon => "PAYON",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::profile::Language;

    fn read(body: &str) -> CardForm {
        Form::read(body.as_bytes()).card(Texts::of(Language::English), CardKind::Any)
    }

    #[test]
    fn a_card_is_read_however_it_is_grouped() {
        let card = read("number=4012+0010-3714+1112&expiry=12+/+27&cvv=207&holder=MC");
        assert!(!card.problems);
        assert_eq!(
            (card.number.as_str(), card.month.as_deref()),
            ("4012001037141112", Some("202712"))
        );
        for (typed, month) in [("1227", "202712"), ("12/2027", "202712"), ("01-30", "203001")] {
            assert_eq!(read(&format!("expiry={typed}")).month.as_deref(), Some(month), "{typed}");
        }
        for typed in ["", "1", "13/27", "00/27", "12/027", "2712x"] {
            assert_eq!(read(&format!("expiry={typed}")).month, None, "{typed}");
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
