//! The merchant's private key, hidden by its value wherever a shop repeats it, under whatever name.

use std::borrow::Cow;
use std::collections::HashSet;

/// Characters of the key's Base64 that give it away. Fewer may come about by chance.
const PIECE: usize = 24;

/// A private key that no message shows.
#[derive(Debug, Default)]
pub(super) struct HiddenKey {
    pieces: HashSet<[u8; PIECE]>,
}

impl HiddenKey {
    /// The key of one-line Base64 DER, where there is one.
    pub(super) fn new(key: Option<&str>) -> Self {
        let pieces = key.unwrap_or_default().as_bytes().windows(PIECE);
        Self { pieces: pieces.filter_map(|piece| piece.try_into().ok()).collect() }
    }

    /// `text` with the key hidden, be it on one line, in PEM, within JSON, or in an address.
    pub(super) fn hide<'t>(&self, text: &'t [u8]) -> Cow<'t, [u8]> {
        let mut hidden = Vec::new();
        let (mut at, mut copied) = (0, 0);
        while at < text.len() && !self.pieces.is_empty() {
            let start = at;
            let mut run = Vec::new();
            while let Some((letter, len)) = letter(&text[at..]) {
                run.push(letter);
                at += len;
            }
            if self.is_part(&run) {
                hidden.extend_from_slice(&text[copied..start]);
                hidden.extend_from_slice(b"***");
                copied = at;
            }
            // The letter of an escape such as `\n` is none of the key's.
            at += usize::from(at == start || text.get(at) == Some(&b'\\'));
            at += usize::from(text.get(at - 1) == Some(&b'\\'));
        }
        if copied == 0 {
            return Cow::Borrowed(text);
        }
        hidden.extend_from_slice(&text[copied..]);
        Cow::Owned(hidden)
    }

    /// The same for a message.
    pub(super) fn hide_in(&self, text: String) -> String {
        match self.hide(text.as_bytes()) {
            Cow::Borrowed(_) => text,
            Cow::Owned(hidden) => String::from_utf8_lossy(&hidden).into_owned(),
        }
    }

    fn is_part(&self, run: &[u8]) -> bool {
        run.windows(PIECE).any(|piece| self.pieces.contains(piece))
    }
}

/// The letter of Base64 at the beginning of `text`, and its length there.
fn letter(text: &[u8]) -> Option<(u8, usize)> {
    Some(match text {
        [b'-', ..] => (b'+', 1),
        [b'_', ..] => (b'/', 1),
        [byte @ (b'+' | b'/' | b'='), ..] => (*byte, 1),
        [byte, ..] if byte.is_ascii_alphanumeric() => (*byte, 1),
        [b'\\', b'/', ..] => (b'/', 2),
        [b'%', b'2', b'B' | b'b', ..] => (b'+', 3),
        [b'%', b'2', b'F' | b'f', ..] => (b'/', 3),
        [b'%', b'3', b'D' | b'd', ..] => (b'=', 3),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_hidden_in_every_form_in_which_a_shop_may_repeat_it() {
        // Looks like a key, and is none.
        let key: String = (0..1600_u32)
            .map(|at| {
                let letter = at.wrapping_mul(2_654_435_761).rotate_left(at % 31) % 64;
                char::from(
                    b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
                        [letter as usize],
                )
            })
            .collect();
        let hidden = HiddenKey::new(Some(&key));
        let lines: Vec<_> = key.as_bytes().chunks(64).map(String::from_utf8_lossy).collect();
        for text in [
            key.clone(),
            format!("{{\"key\":\"{key}\"}}"),
            lines.join("\n"),
            lines.join("\r\n"),
            format!("{{\"pem\":\"{}\"}}", lines.join("\\n")),
            key.replace('/', "\\/"),
            key.replace('/', "_").replace('+', "-"),
            key.replace('/', "%2F").replace('+', "%2b"),
            format!("cut off {}", &key[500..]),
        ] {
            let shown = hidden.hide_in(text.clone());
            let is_left = key
                .as_bytes()
                .chunks(20)
                .any(|piece| shown.contains(std::str::from_utf8(piece).expect("ASCII")));
            assert!(!is_left && shown.contains("***"), "{shown}");
        }
        for other in ["{\"key\":\"value\"}", "", "\\", "\\\\n", &key[..PIECE - 1]] {
            assert_eq!(hidden.hide_in(other.to_owned()), other);
        }
        assert_eq!(HiddenKey::new(None).hide_in(key.clone()), key);
    }
}
