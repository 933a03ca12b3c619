//! Secrets as people may see them.

use std::borrow::Cow;

use crate::base::Literal;

/// Members whose values never leave the process in clear, in any letter case.
const SENSITIVE: &[&str] = &["pin", "payonpin", "wdlacno", "wdlcvv", "otp", "passcode"];

/// The JSON of a member's value with a star for each character that is secret. Of a card number the first six and the
/// last four digits stay. A nested value that names a secret is masked whole.
pub(super) fn shown<'a>(name: &str, value: Literal<'a>) -> Cow<'a, str> {
    let sensitive = |name: &str| SENSITIVE.contains(&name.to_ascii_lowercase().as_str());
    let nested = || {
        let text = value.raw().to_ascii_lowercase();
        value.is_nested() && SENSITIVE.iter().any(|name| text.contains(&format!("\"{name}\"")))
    };
    if value.is_blank() || !(sensitive(name) || nested()) {
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
