//! Other ways to write a number, a text or a character.

use std::borrow::Cow;
use std::fmt::Write;

use super::style::Member;

#[derive(Clone, Copy, Debug)]
pub(super) enum Numbers {
    AsWritten,
    Shortest,
    /// As languages print a binary fraction: at least one decimal.
    Float,
    TwoDecimals,
    Minor,
}

#[derive(Clone, Copy, Debug)]
pub(super) enum Charset {
    Utf8,
    Utf16Le,
    Utf16Be,
    AsciiWithQuestionMarks,
    Latin1,
}

impl Numbers {
    /// The number of `literal` in this form; `None` where it is none or keeps its form. Text counts as a number only
    /// in a member that is called an amount, since identifiers have digits too.
    pub(super) fn rewrite<'m>(self, member: &Member<'_>, literal: &str) -> Option<Cow<'m, str>> {
        let name = member.name.to_ascii_lowercase();
        let is_amount = name.contains("amount") || name.contains("amt");
        if matches!(self, Self::AsWritten) || !(member.value.is_number() || is_amount) {
            return None;
        }
        let digits = literal.trim_matches('"');
        let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
        let all_digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
        if whole.is_empty() || !all_digits(whole) || !all_digits(fraction) {
            return None;
        }
        let short = fraction.trim_end_matches('0');
        Some(Cow::Owned(match self {
            Self::AsWritten => return None,
            Self::Shortest if short.is_empty() => whole.to_owned(),
            Self::Float if short.is_empty() => format!("{whole}.0"),
            Self::Shortest | Self::Float => format!("{whole}.{short}"),
            Self::TwoDecimals => format!("{whole}.{short:0<2}"),
            Self::Minor => format!("{whole}{short:0<2}").trim_start_matches('0').to_owned(),
        }))
    }
}

impl Charset {
    pub(super) fn encode(self, text: String) -> Vec<u8> {
        let one_byte = |limit: u32| {
            text.chars().map(move |c| if u32::from(c) < limit { c as u8 } else { b'?' }).collect()
        };
        match self {
            Self::Utf8 => text.into_bytes(),
            Self::Utf16Le => text.encode_utf16().flat_map(u16::to_le_bytes).collect(),
            Self::Utf16Be => text.encode_utf16().flat_map(u16::to_be_bytes).collect(),
            Self::AsciiWithQuestionMarks => one_byte(0x80),
            Self::Latin1 => one_byte(0x100),
        }
    }
}

/// `text` as in a URL, with `space` for a blank.
pub(super) fn percent_encoded(text: &str, space: &str) -> String {
    text.bytes().fold(String::with_capacity(text.len()), |mut out, byte| {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => {
                out.push(char::from(byte));
            }
            b' ' => out.push_str(space),
            _ => {
                let _ = write!(out, "%{byte:02X}");
            }
        }
        out
    })
}

/// `text` with everything beyond ASCII as `\uXXXX`, as some JSON writers do by default.
pub(super) fn escaped(text: &str) -> String {
    let mut units = [0; 2];
    text.chars().fold(String::new(), |mut out, character| {
        if character.is_ascii() {
            out.push(character);
        } else {
            for unit in character.encode_utf16(&mut units) {
                let _ = write!(out, "\\u{unit:04x}");
            }
        }
        out
    })
}

/// `text` as the inside of a JSON string.
pub(super) fn json_escaped(text: &str) -> Cow<'_, str> {
    let quoted = serde_json::to_string(text).unwrap_or_default();
    Cow::Owned(quoted.trim_start_matches('"').strip_suffix('"').unwrap_or_default().to_owned())
}
