//! Readings of single values.

mod count;
mod json;
mod time;

pub use count::Times;
pub use json::Json;
pub(in crate::scenario) use json::is_number;
pub use time::TimePoint;

use serde_json::{Value, json};

use super::{Definitions, FromYaml, Printed, YamlNode};
use crate::base::{Amount, Currency, Message, Named};

impl<T: Named> FromYaml for T {
    fn read(node: YamlNode<'_>) -> Option<Self> {
        let Some((text, _)) = node.scalar() else {
            node.expected(T::WHAT);
            return None;
        };
        let found = T::of_name(text);
        if found.is_none() {
            node.refuse(Message::not_among(T::WHAT, text, &T::names()));
        }
        found
    }

    fn print(&self) -> Printed {
        Printed::Text(self.name().to_owned())
    }

    fn schema(_: &mut Definitions) -> Value {
        super::schema::names(T::names().into_iter())
    }
}

impl FromYaml for String {
    fn read(node: YamlNode<'_>) -> Option<Self> {
        match node.scalar() {
            None | Some(("null" | "~", true)) => node.expected("a text"),
            Some(("", _)) => node.refuse("must not be empty"),
            Some((text, _)) => return Some(text.to_owned()),
        }
        None
    }

    fn print(&self) -> Printed {
        Printed::Text(self.clone())
    }

    fn schema(_: &mut Definitions) -> Value {
        // `txId: 2435` is the text "2435": a number or a word needs no quotes.
        json!({ "type": ["string", "number", "boolean"], "minLength": 1 })
    }
}

impl FromYaml for bool {
    fn read(node: YamlNode<'_>) -> Option<Self> {
        match node.scalar() {
            Some(("true", true)) => Some(true),
            Some(("false", true)) => Some(false),
            _ => {
                node.expected("true or false");
                None
            }
        }
    }

    fn print(&self) -> Printed {
        Printed::Literal(self.to_string())
    }

    fn schema(_: &mut Definitions) -> Value {
        json!({ "type": "boolean" })
    }

    fn absent() -> Option<Self> {
        Some(false)
    }

    fn is_absent(&self) -> bool {
        !self
    }
}

macro_rules! integers {
    ($($type:ident),+) => {$(
        impl FromYaml for $type {
            fn read(node: YamlNode<'_>) -> Option<Self> {
                let digits = |text: &&str| text.bytes().all(|byte| byte.is_ascii_digit());
                let found = node.scalar().map(|(text, _)| text).filter(digits);
                let found = found.and_then(|text| text.parse().ok());
                if found.is_none() {
                    node.expected(&format!("a whole number from 0 to {}", $type::MAX));
                }
                found
            }

            fn print(&self) -> Printed {
                Printed::Literal(self.to_string())
            }

            fn schema(_: &mut Definitions) -> Value {
                json!({ "type": "integer", "minimum": 0, "maximum": $type::MAX })
            }
        }
    )+};
}
integers!(u16, u32, u64);

impl<T: FromYaml> FromYaml for Option<T> {
    fn read(node: YamlNode<'_>) -> Option<Self> {
        T::read(node).map(Some)
    }

    fn print(&self) -> Printed {
        self.as_ref().map_or(Printed::Literal("null".to_owned()), FromYaml::print)
    }

    fn schema(definitions: &mut Definitions) -> Value {
        T::schema(definitions)
    }

    fn absent() -> Option<Self> {
        Some(None)
    }

    fn is_absent(&self) -> bool {
        self.is_none()
    }
}

impl<T: FromYaml> FromYaml for Vec<T> {
    fn read(node: YamlNode<'_>) -> Option<Self> {
        let Some(items) = node.list() else {
            node.expected("a list");
            return None;
        };
        // Every item is read before the first failure counts, so that all are reported.
        let read: Vec<Option<T>> = items.into_iter().map(T::read).collect();
        read.into_iter().collect()
    }

    fn print(&self) -> Printed {
        Printed::List(self.iter().map(FromYaml::print).collect())
    }

    fn schema(definitions: &mut Definitions) -> Value {
        json!({ "type": "array", "items": T::schema(definitions) })
    }

    fn absent() -> Option<Self> {
        Some(Self::new())
    }

    fn is_absent(&self) -> bool {
        self.is_empty()
    }
}

/// One value or a list of them: at least one.
#[derive(Clone, Debug, PartialEq)]
pub struct Many<T>(pub Vec<T>);

impl<T: FromYaml> FromYaml for Many<T> {
    fn read(node: YamlNode<'_>) -> Option<Self> {
        if node.list().is_none() {
            return T::read(node).map(|one| Self(vec![one]));
        }
        let items: Vec<T> = FromYaml::read(node)?;
        if items.is_empty() {
            node.refuse("must name at least one");
            return None;
        }
        Some(Self(items))
    }

    fn print(&self) -> Printed {
        match self.0.as_slice() {
            [one] => one.print(),
            many => Printed::List(many.iter().map(FromYaml::print).collect()),
        }
    }

    fn schema(definitions: &mut Definitions) -> Value {
        let one = T::schema(definitions);
        json!({ "anyOf": [one, { "type": "array", "items": one, "minItems": 1 }] })
    }
}

/// An exact decimal in hundredths, whatever the currency: `"10.00"` dollars are 1000, `4000` riels 400000.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Decimal(pub i64);

impl Decimal {
    /// The amount as a decimal.
    pub fn of(amount: Amount, currency: Currency) -> Self {
        Self(match currency {
            Currency::Usd => amount.minor(),
            Currency::Khr => amount.minor().saturating_mul(100),
        })
    }

    /// Reads `10`, `10.5` or `10.00`; zero is one too.
    pub fn parse(text: &str) -> Option<Self> {
        let is_zero = ["0", "0.0", "0.00"].contains(&text);
        let amount = Amount::parse(text, Currency::Usd).map(Amount::minor);
        if is_zero { Some(Self(0)) } else { amount.ok().map(Self) }
    }
}

impl std::fmt::Display for Decimal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let sign = if self.0 < 0 { "-" } else { "" };
        let hundredths = self.0.unsigned_abs();
        write!(f, "{sign}{}.{:02}", hundredths / 100, hundredths % 100)
    }
}

impl FromYaml for Decimal {
    fn read(node: YamlNode<'_>) -> Option<Self> {
        let Some((text, _)) = node.scalar() else {
            node.expected("an amount such as \"10.00\"");
            return None;
        };
        let found = Self::parse(text);
        if found.is_none() {
            node.refuse("must be an amount: a plain decimal with at most two places, \"10.00\"");
        }
        found
    }

    fn print(&self) -> Printed {
        Printed::Text(self.to_string())
    }

    fn schema(_: &mut Definitions) -> Value {
        json!({ "type": ["string", "number"], "pattern": "^[0-9]+(\\.[0-9]{1,2})?$" })
    }
}

/// A share of the whole in millionths: `0.05` and `5%` are 50,000.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Share(pub u32);

impl Share {
    /// All of it.
    pub const WHOLE: u32 = 1_000_000;

    fn parse(text: &str) -> Option<Self> {
        let (number, whole) = match text.strip_suffix('%') {
            Some(number) => (number.trim_end(), 10_000.0),
            None => (text, f64::from(Self::WHOLE)),
        };
        if !is_number(number) {
            return None;
        }
        let millionths = number.parse::<f64>().ok()? * whole;
        (0.0..=f64::from(Self::WHOLE))
            .contains(&millionths)
            .then(|| Self(millionths.round() as u32))
    }
}

impl std::fmt::Display for Share {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", f64::from(self.0) / f64::from(Self::WHOLE))
    }
}

impl FromYaml for Share {
    fn read(node: YamlNode<'_>) -> Option<Self> {
        let found = node.scalar().and_then(|(text, _)| Self::parse(text));
        if found.is_none() {
            node.refuse("must be a share from 0 to 1, such as 0.05 or 5%");
        }
        found
    }

    fn print(&self) -> Printed {
        Printed::Literal(self.to_string())
    }

    fn schema(_: &mut Definitions) -> Value {
        json!({ "anyOf": [
            { "type": "number", "minimum": 0, "maximum": 1 },
            { "type": "string", "pattern": "^[0-9.]+ *%?$" },
        ] })
    }
}

/// A text in which `*` stands for anything and `?` for one character.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Pattern(pub String);

impl Pattern {
    /// Returns true if `text` fits as a whole.
    pub fn fits(&self, text: &str) -> bool {
        let (pattern, text): (Vec<char>, Vec<char>) =
            (self.0.chars().collect(), text.chars().collect());
        let (mut at, mut read) = (0, 0);
        // Where the last star stood, and how much of the text it has taken so far.
        let mut star: Option<(usize, usize)> = None;
        while read < text.len() {
            match pattern.get(at) {
                Some('*') => {
                    star = Some((at, read));
                    at += 1;
                }
                Some(c) if *c == '?' || *c == text[read] => {
                    at += 1;
                    read += 1;
                }
                _ => {
                    let Some((star_at, taken)) = star else { return false };
                    star = Some((star_at, taken + 1));
                    (at, read) = (star_at + 1, taken + 1);
                }
            }
        }
        pattern[at..].iter().all(|c| *c == '*')
    }
}

impl FromYaml for Pattern {
    fn read(node: YamlNode<'_>) -> Option<Self> {
        String::read(node).map(Self)
    }

    fn print(&self) -> Printed {
        self.0.print()
    }

    fn schema(definitions: &mut Definitions) -> Value {
        String::schema(definitions)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_fit_whole_texts() {
        for (pattern, text, fits) in [
            ("*", "", true),
            ("a*c", "abbc", true),
            ("a*c", "abcd", false),
            ("*-lost", "T1-lost", true),
            ("*-lost", "T1-lost-", false),
            ("?", "", false),
            ("?*?", "ab", true),
            ("a*b*c", "aXbXbXc", true),
            ("ស*", "សួស្តី", true),
        ] {
            assert_eq!(Pattern(pattern.to_owned()).fits(text), fits, "{pattern} {text}");
        }
    }

    #[test]
    fn shares_and_decimals_are_exact() {
        assert_eq!(Share::parse("5%"), Some(Share(50_000)));
        assert_eq!(Share::parse("0.000001"), Some(Share(1)));
        assert_eq!(Share::parse("1.1"), None);
        assert_eq!(Share::parse("nan"), None);
        assert_eq!(Decimal::parse("0.00"), Some(Decimal(0)));
        assert_eq!(Decimal::parse("10.5"), Some(Decimal(1050)));
        assert_eq!(Decimal::parse("1e3"), None);
        assert_eq!(Decimal::of(Amount::from_minor(4000), Currency::Khr), Decimal(400_000));
    }
}
