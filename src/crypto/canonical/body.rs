//! The body as its sender may have had it before the signature was put in.

use super::super::recipe::SIGN;
use super::super::words::SignValue;
use crate::base::Literal;

/// `body` with the signature's member removed, or with another value in it.
pub(super) fn unsigned(body: &str, sign: Option<Literal<'_>>, value: SignValue) -> String {
    let mut text = body.to_owned();
    if let Some((start, value_start, end)) = sign.and_then(|sign| locate(&text, sign.raw())) {
        match value {
            SignValue::Absent => remove(&mut text, start, end),
            SignValue::Empty => text.replace_range(value_start..end, "\"\""),
            SignValue::Null => text.replace_range(value_start..end, "null"),
        }
    }
    text
}

/// The positions where the member `sign` begins, where its value begins and where both end.
fn locate(text: &str, raw: &str) -> Option<(usize, usize, usize)> {
    let name = format!("\"{SIGN}\"");
    text.match_indices(&name).find_map(|(start, _)| {
        let rest = text[start + name.len()..].trim_start().strip_prefix(':')?.trim_start();
        let value = text.len() - rest.len();
        rest.starts_with(raw).then_some((start, value, value + raw.len()))
    })
}

/// Removes a member with the comma that separates it from its neighbour.
fn remove(text: &mut String, start: usize, end: usize) {
    let after = text[end..].trim_start();
    if let Some(next) = after.strip_prefix(',') {
        let end = text.len() - next.trim_start().len();
        text.replace_range(start..end, "");
    } else {
        let before = text[..start].trim_end();
        let start = before.strip_suffix(',').map_or(start, str::len);
        text.replace_range(start..end, "");
    }
}
