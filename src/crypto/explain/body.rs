//! The body as its sender may have had it before the signature was put in.

use super::super::recipe::SIGN;
use super::mask;
use super::style::{Source, View};

/// The body with the signature's member taken out, or with another value in it.
pub(super) fn body(source: &Source<'_>, view: View, sign: Option<&str>) -> String {
    let mut text = source.body.to_owned();
    if let Some(member) = source.members.iter().find(|member| member.name == SIGN)
        && let Some((start, value, end)) = locate(&text, member.value.raw())
    {
        match sign {
            Some(other) => text.replace_range(value..end, other),
            None => take_out(&mut text, start, end),
        }
    }
    match view {
        View::Exact => text,
        View::Masked => mask::body(source.hide, &text),
    }
}

/// Where the member `sign` begins, where its value begins and where both end.
fn locate(text: &str, raw: &str) -> Option<(usize, usize, usize)> {
    const NAME: &str = "\"sign\"";
    text.match_indices(NAME).find_map(|(start, _)| {
        let rest = text[start + NAME.len()..].trim_start().strip_prefix(':')?.trim_start();
        let value = text.len() - rest.len();
        rest.starts_with(raw).then_some((start, value, value + raw.len()))
    })
}

/// Takes out a member with the comma that parts it from its neighbour.
fn take_out(text: &mut String, start: usize, end: usize) {
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
