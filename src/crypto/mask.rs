//! Secrets as people may see them.

use std::borrow::Cow;

use crate::base::{Fields, Literal};

/// Hides the secrets in a body, which stays JSON of the same shape where it is JSON; borrowed when there are none.
pub type Hide<'h> = &'h dyn for<'a> Fn(&'a [u8]) -> Cow<'a, [u8]>;

/// The JSON of a member's value with its secrets hidden.
pub(super) fn shown<'a>(hide: Hide<'_>, name: &str, value: Literal<'a>) -> Cow<'a, str> {
    let body = format!("{{{}:{}}}", serde_json::Value::from(name), value.raw());
    let Cow::Owned(hidden) = hide(body.as_bytes()) else { return Cow::Borrowed(value.raw()) };
    let fields = Fields::parse(&hidden).unwrap_or_default();
    Cow::Owned(fields.iter().next().map_or("\"***\"", |(_, value)| value.raw()).to_owned())
}

/// A member's name, without the card number that may stand in it.
pub(super) fn name<'n>(hide: Hide<'_>, name: &'n str) -> Cow<'n, str> {
    let body = format!("{{{}:0}}", serde_json::Value::from(name));
    let Cow::Owned(hidden) = hide(body.as_bytes()) else { return Cow::Borrowed(name) };
    let fields = Fields::parse(&hidden).unwrap_or_default();
    Cow::Owned(fields.iter().next().map_or("***", |(name, _)| name).to_owned())
}

/// A body with its secrets hidden, wherever and however often they stand.
pub(super) fn body(hide: Hide<'_>, text: &str) -> String {
    String::from_utf8_lossy(&hide(text.as_bytes())).into_owned()
}
