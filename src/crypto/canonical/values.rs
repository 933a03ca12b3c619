//! Other ways to write a number, a text or a character.

use std::borrow::Cow;
use std::fmt::Write;

use super::super::encoding::Encoding;
use super::super::words::{Charset, Escape, LineEnds, Numbers, TextCase, Transform};
use super::Member;

impl Numbers {
    /// The number of `literal` in this form; `None` where it is none or keeps its form. Text counts as a number only
    /// in a member that is called an amount, since identifiers have digits too.
    pub(in crate::crypto) fn rewrite(self, member: &Member<'_>, literal: &str) -> Option<String> {
        let is_amount = || {
            let name = member.name.to_ascii_lowercase();
            name.contains("amount") || name.contains("amt")
        };
        if self == Self::AsSent || !(member.value.is_number() || is_amount()) {
            return None;
        }
        let digits = literal.trim_matches('"');
        let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
        let all_digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
        if whole.is_empty() || !all_digits(whole) || !all_digits(fraction) {
            return None;
        }
        let short = fraction.trim_end_matches('0');
        Some(match self {
            Self::AsSent => return None,
            Self::Shortest if short.is_empty() => whole.to_owned(),
            Self::Float if short.is_empty() => format!("{whole}.0"),
            Self::Shortest | Self::Float => format!("{whole}.{short}"),
            Self::TwoDecimals => format!("{whole}.{short:0<2}"),
            // More decimals than cents cannot be written in cents.
            Self::MinorUnits if short.len() > 2 => return None,
            Self::MinorUnits => {
                let cents = format!("{whole}{short:0<2}");
                let cents = cents.trim_start_matches('0');
                if cents.is_empty() { "0".to_owned() } else { cents.to_owned() }
            }
        })
    }
}

impl TextCase {
    pub(in crate::crypto) fn apply(self, text: Cow<'_, str>) -> Cow<'_, str> {
        match self {
            Self::AsSent => text,
            Self::Lower => text.to_lowercase().into(),
            Self::Upper => text.to_uppercase().into(),
        }
    }
}

impl Escape {
    /// `text` with its characters replaced. [`Escape::Quoted`] is the caller's, which has the JSON.
    pub(in crate::crypto) fn apply(self, text: Cow<'_, str>) -> Cow<'_, str> {
        let html = |apostrophe: &'static str| {
            let text = text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
            Cow::Owned(text.replace('"', "&quot;").replace('\'', apostrophe))
        };
        match self {
            Self::None | Self::Quoted => text,
            Self::Trimmed => match text {
                Cow::Borrowed(text) => Cow::Borrowed(text.trim()),
                Cow::Owned(text) => Cow::Owned(text.trim().to_owned()),
            },
            Self::Url => percent_encoded(&text, &URL).into(),
            Self::UrlLower => percent_encoded(&text, &URL.lower()).into(),
            Self::UrlComponent => percent_encoded(&text, &URL_COMPONENT).into(),
            Self::UrlPath => percent_encoded(&text, &Percent { kept: "-_.~/", ..URL }).into(),
            Self::Form => percent_encoded(&text, &FORM).into(),
            Self::FormLower => percent_encoded(&text, &FORM.lower()).into(),
            Self::FormStandard => percent_encoded(&text, &Percent { kept: "-_.*", ..FORM }).into(),
            Self::FormPhp => percent_encoded(&text, &Percent { kept: "-_.", ..FORM }).into(),
            Self::FormNet => {
                percent_encoded(&text, &Percent { kept: "-_.!*()", ..FORM.lower() }).into()
            }
            Self::Html => html("'"),
            Self::HtmlApostrophe => html("&#39;"),
            Self::HtmlPhp => html("&#039;"),
            Self::HtmlHex => html("&#x27;"),
            Self::Unicode => escaped(&text).into(),
            Self::Slash => text.replace('/', "\\/").into(),
            Self::UnicodeSlash => escaped(&text).replace('/', "\\/").into(),
            Self::Length => format!("{}{text}", text.len()).into(),
        }
    }
}

impl LineEnds {
    pub(in crate::crypto) fn apply(self, text: String) -> String {
        match self {
            Self::AsSent => text,
            Self::Lf => text.replace("\r\n", "\n"),
            Self::Crlf => text.replace("\r\n", "\n").replace('\n', "\r\n"),
        }
    }
}

impl Transform {
    pub(in crate::crypto) fn apply(self, text: String) -> String {
        match self {
            Self::None => text,
            Self::Lower => text.to_lowercase(),
            Self::Upper => text.to_uppercase(),
            Self::Base64 => Encoding::Base64.encode(text.as_bytes()),
            Self::Base64Url => Encoding::Base64Url.encode(text.as_bytes()),
            Self::Hex => Encoding::Hex.encode(text.as_bytes()),
            Self::Url => percent_encoded(&text, &URL),
            Self::UrlLower => percent_encoded(&text, &URL.lower()),
            Self::UrlComponent => percent_encoded(&text, &URL_COMPONENT),
            Self::Form => percent_encoded(&text, &FORM),
            Self::FormLower => percent_encoded(&text, &FORM.lower()),
            Self::FormAllLower => percent_encoded(&text, &FORM).to_lowercase(),
        }
    }
}

impl Charset {
    pub(in crate::crypto) fn encode(self, text: String) -> Vec<u8> {
        let one_byte = |limit: u32| {
            text.chars().map(move |c| if u32::from(c) < limit { c as u8 } else { b'?' }).collect()
        };
        match self {
            Self::Utf8 => text.into_bytes(),
            Self::Utf16Le => text.encode_utf16().flat_map(u16::to_le_bytes).collect(),
            Self::Utf16Be => text.encode_utf16().flat_map(u16::to_be_bytes).collect(),
            Self::Ascii => one_byte(0x80),
            Self::Latin1 => one_byte(0x100),
        }
    }
}

/// One way of percent-encoding.
struct Percent {
    /// The characters that stay, besides letters and digits.
    kept: &'static str,
    space: &'static str,
    is_lower: bool,
}

const URL: Percent = Percent { kept: "-_.~", space: "%20", is_lower: false };
const URL_COMPONENT: Percent = Percent { kept: "-_.~!'()*", space: "%20", is_lower: false };
const FORM: Percent = Percent { kept: "-_.~", space: "+", is_lower: false };

impl Percent {
    const fn lower(self) -> Self {
        Self { is_lower: true, ..self }
    }
}

fn percent_encoded(text: &str, way: &Percent) -> String {
    text.bytes().fold(String::with_capacity(text.len()), |mut out, byte| {
        let _ = match byte {
            b' ' => out.write_str(way.space),
            _ if byte.is_ascii_alphanumeric() || way.kept.as_bytes().contains(&byte) => {
                out.write_char(char::from(byte))
            }
            _ if way.is_lower => write!(out, "%{byte:02x}"),
            _ => write!(out, "%{byte:02X}"),
        };
        out
    })
}

/// `text` with everything beyond ASCII as `\uXXXX`, as some JSON writers do by default.
fn escaped(text: &str) -> String {
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
