//! Finds bytes of a text that want care, eight at a time: texts are short, and there are many in a request.

/// Returns true if a JSON string may hold these bytes as they are: none of them has to be escaped.
pub fn needs_no_escape(text: &[u8]) -> bool {
    marks(text, escapes) == 0
}

/// Number of bytes before the first that would have to be escaped.
pub(super) fn before_escape(text: &[u8]) -> usize {
    let (words, rest) = text.as_chunks();
    let mut passed = 0;
    for word in words {
        // The first byte is the lowest, and only above a true mark may a false one be.
        match escapes(u64::from_le_bytes(*word)) {
            0 => passed += 8,
            marks => return passed + marks.trailing_zeros() as usize / 8,
        }
    }
    passed + rest.iter().take_while(|byte| escapes(u64::from(**byte) | PLAIN) == 0).count()
}

/// Returns true if all of it is printable ASCII without a backslash.
pub(super) fn is_printable(text: &[u8]) -> bool {
    let odd = |word| below(word, b' ') | equal(word, 0x7f) | equal(word, b'\\') | word;
    marks(text, odd) & each(0x80) == 0
}

/// Applies `marks` to all bytes, eight in a word. Shorter texts are filled up with what is good, others end with a word
/// that overlaps. There is no way out half-way, so that several words are looked at at once.
fn marks(text: &[u8], marks: impl Fn(u64) -> u64) -> u64 {
    let word = |bytes: &[u8; 8]| marks(u64::from_ne_bytes(*bytes));
    if let Some(last) = text.last_chunk() {
        return text.as_chunks().0.iter().fold(word(last), |sum, eight| sum | word(eight));
    }
    let mut filled = *b"--------";
    filled.iter_mut().zip(text).for_each(|(place, byte)| *place = *byte);
    word(&filled)
}

/// A word of eight times that byte.
const fn each(byte: u8) -> u64 {
    u64::from_ne_bytes([byte; 8])
}

/// Seven good bytes, and room for one.
const PLAIN: u64 = each(b'-') << 8;

/// Marks, by their highest bits, what of a word has to be escaped in JSON.
const fn escapes(word: u64) -> u64 {
    below(word, b' ') | equal(word, b'"') | equal(word, b'\\')
}

/// Marks the bytes below `limit`, which is at most 128: to take it away sets their highest bits. It may do so too for a
/// byte above one that is marked, so only whether there is a mark, and where the lowest is, counts.
const fn below(word: u64, limit: u8) -> u64 {
    word.wrapping_sub(each(limit)) & !word & each(0x80)
}

/// Marks the bytes that are this, likewise.
const fn equal(word: u64, byte: u8) -> u64 {
    below(word ^ each(byte), 1)
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
                        let good = |byte: &u8| matches!(*byte, b' ' | b'!' | b'#'..=b'[' | b']'..);
                        let before = text.iter().take_while(|byte| good(byte)).count();
                        assert_eq!(before_escape(&text), before, "{text:?}");
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
