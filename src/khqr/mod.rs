//! KHQR, Cambodia's QR payment code: an EMVCo merchant-presented payload with a CRC-16 at its end, known to the
//! Bakong network by its MD5.
//!
//! Text in, text out: [`Payload::encode`] writes the string that the official SDK writes, [`decode()`] says what a
//! string holds, [`judge()`] what is wrong with it, and [`svg`] and [`terminal`] draw it. Every rule about a tag stands
//! in one table (`fields`); the builder is checked by the judge, so nothing can be built that would be refused.
//!
//! Provenance: the format is documented by the National Bank of Cambodia (KHQR guideline, SDK document 2.7) and by
//! the official `bakong-khqr` 1.0.20; where that SDK is laxer than the documents, the documents are followed.
//!
//! Lengths and positions are counted as the format counts them, in UTF-16 code units: a Khmer letter is 1, a
//! character outside the basic plane 2.

mod decode;
mod draw;
mod fields;
mod inspect;
mod judge;
mod payload;
mod problem;
#[cfg(test)]
mod tests;
mod times;
mod tlv;

pub use decode::{Crc, Decoded, Initiation, KhqrKind, Tag, decode};
pub use draw::{DrawError, svg, terminal};
pub use inspect::{Inspection, inspect};
pub use judge::judge;
pub use payload::{Account, Payload, Stem};
pub use problem::{KhqrFinding, KhqrProblem};

use arrayvec::ArrayString;
use md5::{Digest, Md5};

/// The name of a payload on the Bakong network: MD5 of the exact string in UTF-8, 32 lower-case hex digits
/// (documented). Never rebuild the string first: writers differ in how they print the same amount.
pub fn md5(text: &str) -> String {
    hex_of_md5(Md5::new_with_prefix(text)).to_string()
}

fn hex_of_md5(md5: Md5) -> ArrayString<32> {
    let mut hex = [0; 32];
    for (pair, byte) in hex.chunks_exact_mut(2).zip(md5.finalize()) {
        let digits = [byte >> 4, byte & 15].map(|it| b"0123456789abcdef"[usize::from(it)]);
        pair.copy_from_slice(&digits);
    }
    ArrayString::from_byte_string(&hex).unwrap_or_default()
}
