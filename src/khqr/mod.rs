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
mod tlv;

pub use decode::{Crc, Decoded, Initiation, KhqrKind, Tag, decode};
pub use draw::{DrawError, labelled_svg, svg, terminal};
pub use inspect::{Inspection, inspect};
pub use judge::judge;
pub use payload::{Account, Payload};
pub use problem::{KhqrFinding, KhqrProblem};

use md5::{Digest, Md5};

/// The name of a payload on the Bakong network: MD5 of the exact string in UTF-8, 32 lower-case hex digits
/// (documented). Never rebuild the string first: writers differ in how they print the same amount.
pub fn md5(text: &str) -> String {
    format!("{:x}", Md5::digest(text))
}
