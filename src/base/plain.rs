//! Whether a text has bytes that want care, looked at eight at a time: texts are short, and there are many in a request.

/// Whether a JSON string may hold these bytes as they are: none of them has to be escaped.
pub fn needs_no_escape(text: &[u8]) -> bool {
    every(text, |word| !(has_below(word, b' ') | has(word, b'"') | has(word, b'\\')))
}

/// Whether all of it is printable ASCII without a backslash.
pub(super) fn is_printable(text: &[u8]) -> bool {
    every(text, |word| {
        let is_ascii = word & each(0x80) == 0;
        is_ascii & !(has_below(word, b' ') | has(word, 0x7f) | has(word, b'\\'))
    })
}

/// Asks `is_good` about all bytes, eight in a word. Shorter texts are filled up with what is good, others end with a
/// word that overlaps.
fn every(text: &[u8], is_good: impl Fn(u64) -> bool) -> bool {
    let word = |bytes: &[u8; 8]| u64::from_ne_bytes(*bytes);
    if let Some(last) = text.last_chunk() {
        return text.as_chunks().0.iter().all(|eight| is_good(word(eight))) && is_good(word(last));
    }
    let mut filled = [b'-'; 8];
    filled.iter_mut().zip(text).for_each(|(place, byte)| *place = *byte);
    is_good(word(&filled))
}

/// A word of eight times that byte.
const fn each(byte: u8) -> u64 {
    u64::from_ne_bytes([byte; 8])
}

/// Whether one of the bytes is below `limit`, which is at most 128: only then does taking it away set a byte's highest
/// bit that was not set, or does so below it.
const fn has_below(word: u64, limit: u8) -> bool {
    word.wrapping_sub(each(limit)) & !word & each(0x80) != 0
}

/// Whether one of the bytes is this.
const fn has(word: u64, byte: u8) -> bool {
    has_below(word ^ each(byte), 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_say_what_bytes_say() {
        for length in 0..20 {
            for place in 0..length {
                for byte in 0..=u8::MAX {
                    // Neighbours that a borrow could come from or go to.
                    for around in *b" z!\x7e" {
                        let mut text = vec![around; length];
                        text[place] = byte;
                        let plain = matches!(byte, b' ' | b'!' | b'#'..=b'[' | b']'..);
                        assert_eq!(needs_no_escape(&text), plain, "{text:?}");
                        let printable = matches!(byte, b' '..=b'[' | b']'..=b'~');
                        assert_eq!(is_printable(&text), printable, "{text:?}");
                    }
                }
            }
            assert!(needs_no_escape(&vec![b'a'; length]) && is_printable(&vec![b'a'; length]));
        }
        assert!(needs_no_escape("ប៉ាយអន".as_bytes()) && !is_printable("ប៉ាយអន".as_bytes()));
    }
}
