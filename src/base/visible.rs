//! Texts from outside, made safe to show: characters that print nothing, move the cursor or turn the direction of
//! writing are replaced by their names.

use std::borrow::Cow;
use std::fmt::Write as _;

/// `text` on one line: line breaks, tabs, blanks at its ends and characters without a glyph are replaced by names.
pub fn visible(text: &str) -> Cow<'_, str> {
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
        match character {
            ' ' if at < start || at >= start + inside.len() => shown.push_str("<space>"),
            character => push_named(&mut shown, character),
        }
    }
    Cow::Owned(shown)
}

/// `text` with its line feeds and blanks kept; everything else that [`visible`] names is named.
pub fn printable(text: &str) -> Cow<'_, str> {
    replaced(text, push_named)
}

/// JSON that means the same, with an escape for each character that [`visible`] names. Line feeds between the values
/// are kept.
pub fn printable_json(json: &str) -> Cow<'_, str> {
    replaced(json, |shown, character| {
        for unit in character.encode_utf16(&mut [0; 2]) {
            // Writing into a String cannot fail.
            let _ = write!(shown, "\\u{unit:04x}");
        }
    })
}

/// HTML with a name for each character that [`visible`] names, except for line feeds; some are no part of any HTML.
pub fn printable_html(html: &str) -> Cow<'_, str> {
    replaced(html, |shown, character| {
        let mut name = String::new();
        push_named(&mut name, character);
        shown.push_str(&name.replace('<', "&lt;").replace('>', "&gt;"));
    })
}

fn replaced(text: &str, replace: impl Fn(&mut String, char)) -> Cow<'_, str> {
    let is_foreign = |character: char| character != '\n' && is_invisible(character);
    if !text.chars().any(is_foreign) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len() + 16);
    for character in text.chars() {
        if is_foreign(character) { replace(&mut shown, character) } else { shown.push(character) }
    }
    Cow::Owned(shown)
}

fn push_named(shown: &mut String, character: char) {
    match character {
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

/// Characters that print nothing, act on the terminal or the direction of writing, stand for no character at all, or
/// are a blank that is not the common one.
fn is_invisible(character: char) -> bool {
    if character.is_ascii() {
        return character.is_ascii_control();
    }
    let formats = matches!(character,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{180b}'..='\u{180f}'
        | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{2800}' | '\u{3164}'
        | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}' | '\u{fdd0}'..='\u{fdef}'
        | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e007f}'
    );
    let is_no_character = u32::from(character) & 0xfffe == 0xfffe;
    character.is_control() || formats || is_no_character || character.is_whitespace()
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
    fn no_character_reaches_a_terminal_that_acts_on_it() {
        for character in
            "\u{1b}\u{7}\u{8}\u{7f}\u{9b}\u{9d}\u{61c}\u{202e}\u{2066}\u{fffe}\u{e0041}".chars()
        {
            let text = format!("a{character}\nb");
            let name = format!("a<U+{:04X}>", u32::from(character));
            assert_eq!(printable(&text), format!("{name}\nb"));
            assert_eq!(visible(&text), format!("{name}<LF>b"));
            let json = serde_json::to_string_pretty(&[&text]).unwrap_or_default();
            let shown = printable_json(&json);
            assert!(!shown.contains(character), "{shown}");
            assert_eq!(serde_json::from_str::<[String; 1]>(&shown).ok(), Some([text]));
        }
        assert_eq!(printable(" a\r"), " a<CR>");
    }
}
