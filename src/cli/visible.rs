//! Texts in which every character can be seen, for strings that differ in what nobody sees.

use std::borrow::Cow;
use std::fmt::Write as _;

/// How many characters are shown on each side of a difference.
const AROUND: usize = 12;

/// `text` with line breaks, tabs, blanks at its ends and characters without a glyph replaced by visible names.
pub(super) fn visible(text: &str) -> Cow<'_, str> {
    if text.is_empty() {
        return Cow::Borrowed("<empty>");
    }
    let inside = text.trim_matches(' ');
    let start = text.len() - text.trim_start_matches(' ').len();
    let is_plain = inside.len() == text.len() && !text.chars().any(is_invisible);
    if is_plain {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len() + 16);
    for (at, character) in text.char_indices() {
        let at_an_end = at < start || at >= start + inside.len();
        match character {
            ' ' if at_an_end => shown.push_str("<space>"),
            '\n' => shown.push_str("<LF>"),
            '\r' => shown.push_str("<CR>"),
            '\t' => shown.push_str("<tab>"),
            character if is_invisible(character) => {
                // Writing into a String cannot fail.
                let _ = write!(shown, "<U+{:04X}>", u32::from(character));
            }
            character => shown.push(character),
        }
    }
    Cow::Owned(shown)
}

/// Where two different texts part, with what stands there in each.
pub(super) fn parting(right: &str, other: &str) -> String {
    let same = right.chars().zip(other.chars()).take_while(|(left, right)| left == right).count();
    let around = |text: &str| {
        let piece: String =
            text.chars().skip(same.saturating_sub(AROUND)).take(2 * AROUND).collect();
        visible(&piece).into_owned()
    };
    format!("they part at character {}: {:?} against {:?}", same + 1, around(right), around(other))
}

/// Characters that print nothing, or a blank that is not the common one.
fn is_invisible(character: char) -> bool {
    let formats = matches!(character,
        '\u{ad}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}'
    );
    character.is_control() || formats || (character.is_whitespace() && character != ' ')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_seen_gets_a_name() {
        assert_eq!(visible("amount=1.00&name=ហាង កាហ្វេ"), "amount=1.00&name=ហាង កាហ្វេ");
        assert_eq!(visible("a b\n"), "a b<LF>");
        assert_eq!(visible(" a\r\n\t "), "<space>a<CR><LF><tab><space>");
        assert_eq!(visible("ភ្នំ\u{200b}ពេញ\u{feff}\u{a0}"), "ភ្នំ<U+200B>ពេញ<U+FEFF><U+00A0>");
        assert_eq!(visible("  "), "<space><space>");
        assert_eq!(visible(""), "<empty>");
    }

    #[test]
    fn the_parting_is_counted_in_characters() {
        assert_eq!(
            parting("ខ=1.00&z=2", "ខ=1&z=2"),
            "they part at character 4: \"ខ=1.00&z=2\" against \"ខ=1&z=2\""
        );
        assert_eq!(
            parting("a=1", "a=1\n"),
            "they part at character 4: \"a=1\" against \"a=1<LF>\""
        );
    }
}
