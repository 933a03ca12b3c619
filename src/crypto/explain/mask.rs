//! Secrets as people may see them.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::base::Literal;

/// Members whose values never leave the process in clear, in any letter case.
const SENSITIVE: &[&str] = &["pin", "payonpin", "wdlacno", "wdlcvv", "otp", "passcode"];

/// The JSON of a member's value with a star for each character that is secret. Of a card number the first six and the
/// last four digits stay. A nested value that names a secret is masked whole.
pub(super) fn shown<'a>(name: &str, value: Literal<'a>) -> Cow<'a, str> {
    let nested = || value.is_nested() && next_secret(value.raw()).is_some();
    if value.is_blank() || !(is_sensitive(name) || nested()) {
        return Cow::Borrowed(value.raw());
    }
    let text = value.text();
    let length = text.chars().count();
    let is_card = name.eq_ignore_ascii_case("wdlAcNo") && length >= 13;
    let star = |(at, character)| {
        if is_card && (at < 6 || at + 4 >= length) { character } else { '*' }
    };
    let masked = text.chars().enumerate().map(star).collect::<String>();
    Cow::Owned(if value.is_string() { format!("\"{masked}\"") } else { masked })
}

/// JSON with the values of all secret members masked, wherever and however often they stand.
pub(super) fn body(text: &str) -> String {
    let mut masked = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((name, start)) = next_secret(rest) {
        let value =
            leading::<&RawValue>(&rest[start..]).map_or(&rest[start..], |(raw, _)| raw.get());
        masked.push_str(&rest[..start]);
        masked.push_str(&shown(&name, Literal::from_json(value)));
        rest = &rest[start + value.len()..];
    }
    masked + rest
}

fn is_sensitive(name: &str) -> bool {
    SENSITIVE.iter().any(|sensitive| name.eq_ignore_ascii_case(sensitive))
}

/// The first secret member of `json` at any depth: its name, and where its value begins.
fn next_secret(json: &str) -> Option<(String, usize)> {
    json.match_indices('"').find_map(|(quote, _)| {
        let (name, length) = leading::<String>(&json[quote..])?;
        let value = json[quote + length..].trim_start().strip_prefix(':')?.trim_start();
        is_sensitive(&name).then_some((name, json.len() - value.len()))
    })
}

/// The JSON value at the beginning of `text`, and its length in bytes.
fn leading<'a, T: Deserialize<'a>>(text: &'a str) -> Option<(T, usize)> {
    let mut values = serde_json::Deserializer::from_str(text).into_iter();
    let value = values.next()?.ok()?;
    Some((value, values.byte_offset()))
}
