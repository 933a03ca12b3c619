//! Bytes as text: Base64, URL-safe Base64 and hexadecimal.

use std::borrow::Cow;

use base64::Engine;
use base64::alphabet::{STANDARD, URL_SAFE};
use base64::engine::DecodePaddingMode::Indifferent;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig};

use crate::base::named_enum;

const TOLERANT: GeneralPurposeConfig =
    GeneralPurposeConfig::new().with_decode_padding_mode(Indifferent);
const BASE64: GeneralPurpose = GeneralPurpose::new(&STANDARD, TOLERANT);
const BASE64_URL: GeneralPurpose =
    GeneralPurpose::new(&URL_SAFE, TOLERANT.with_encode_padding(false));

named_enum! {
    /// Encodings of bytes as text (assumed: PAYON's pages do not say).
    pub enum Encoding ("an encoding") {
        /// The standard alphabet (`+` and `/`), written with padding.
        Base64 = "base64",
        /// The alphabet for URLs (`-` and `_`), written without padding.
        Base64Url = "base64url",
        /// Two digits a byte, written in lower case.
        Hex = "hex",
        /// Two digits a byte, written in upper case.
        HexUpper = "hex-upper",
        /// The standard alphabet without padding.
        Base64Unpadded = "base64-unpadded",
        /// The alphabet for URLs with padding.
        Base64UrlPadded = "base64url-padded",
        /// The standard alphabet in lines of 76 characters, as MIME has it.
        Base64Lines = "base64-lines",
        /// Base64 of the hexadecimal digits.
        Base64OfHex = "base64-of-hex",
    }
}

/// Text that is not in the encoding.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// A character outside the alphabet; counted in characters from 1.
    #[error("{found:?} at position {position} does not belong to {encoding}")]
    Foreign {
        /// The encoding that was asked for.
        encoding: Encoding,
        /// The character.
        found: char,
        /// Position.
        position: usize,
    },
    /// All characters are fine, but they do not make whole bytes.
    #[error("the text is not whole {0}: characters are missing at its end, or the last is damaged")]
    Incomplete(Encoding),
}

impl Encoding {
    /// Encodings whose texts mean different bytes; the others only write differently.
    pub(super) const READ: &'static [Self] = &[Self::Base64, Self::Base64Url, Self::Hex];

    /// Writes `bytes`.
    pub fn encode(self, bytes: &[u8]) -> String {
        match self {
            Self::Base64 => BASE64.encode(bytes),
            Self::Base64Url => BASE64_URL.encode(bytes),
            Self::Hex => {
                const DIGITS: &[u8; 16] = b"0123456789abcdef";
                let digits = bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]);
                digits.map(|digit| char::from(DIGITS[usize::from(digit)])).collect()
            }
            Self::HexUpper => Self::Hex.encode(bytes).to_ascii_uppercase(),
            Self::Base64Unpadded => BASE64.encode(bytes).trim_end_matches('=').to_owned(),
            Self::Base64UrlPadded => {
                let text = BASE64_URL.encode(bytes);
                let padding = text.len().wrapping_neg() % 4;
                text + &"=".repeat(padding)
            }
            Self::Base64Lines => {
                let text = BASE64.encode(bytes);
                let lines = text.as_bytes().chunks(76).map(String::from_utf8_lossy);
                lines.collect::<Vec<_>>().join("\r\n")
            }
            Self::Base64OfHex => BASE64.encode(Self::Hex.encode(bytes)),
        }
    }

    /// Reads `text`: padding and letter case of hexadecimal don't matter, line breaks and blanks around are ignored.
    /// A blank inside is refused, since it is most likely a `+` that was lost on the way.
    pub fn decode(self, text: &str) -> Result<Vec<u8>, DecodeError> {
        let text = without_line_breaks(text.trim());
        let bytes = match self {
            Self::Base64 | Self::Base64Unpadded | Self::Base64Lines => {
                BASE64.decode(text.as_bytes()).ok()
            }
            Self::Base64Url | Self::Base64UrlPadded => BASE64_URL.decode(text.as_bytes()).ok(),
            Self::Hex | Self::HexUpper => decode_hex(&text),
            Self::Base64OfHex => {
                let digits = BASE64.decode(text.as_bytes()).ok();
                digits.and_then(|digits| decode_hex(std::str::from_utf8(&digits).ok()?))
            }
        };
        bytes.ok_or_else(|| self.message(&text))
    }

    /// Returns true if `character` may stand in a text of this encoding.
    pub fn has(self, character: char) -> bool {
        match self {
            Self::Base64 | Self::Base64Unpadded | Self::Base64Lines | Self::Base64OfHex => {
                character.is_ascii_alphanumeric() || "+/=".contains(character)
            }
            Self::Base64Url | Self::Base64UrlPadded => {
                character.is_ascii_alphanumeric() || "-_=".contains(character)
            }
            Self::Hex | Self::HexUpper => character.is_ascii_hexdigit(),
        }
    }

    fn message(self, text: &str) -> DecodeError {
        let foreign = text.chars().enumerate().find(|(_, character)| !self.has(*character));
        foreign.map_or(DecodeError::Incomplete(self), |(index, found)| DecodeError::Foreign {
            encoding: self,
            found,
            position: index + 1,
        })
    }
}

fn without_line_breaks(text: &str) -> Cow<'_, str> {
    if text.contains(['\r', '\n', '\t']) {
        Cow::Owned(text.replace(['\r', '\n', '\t'], ""))
    } else {
        Cow::Borrowed(text)
    }
}

fn decode_hex(text: &str) -> Option<Vec<u8>> {
    let digit = |byte: u8| char::from(byte).to_digit(16).map(|value| value as u8);
    let (pairs, rest) = text.as_bytes().as_chunks::<2>();
    rest.is_empty()
        .then(|| pairs.iter().map(|[high, low]| Some(digit(*high)? << 4 | digit(*low)?)).collect())
        .flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_encoding_reads_what_it_writes() {
        for encoding in Encoding::ALL {
            for length in 0..70_u8 {
                let bytes = (0..length).map(|n| n.wrapping_mul(251)).collect::<Vec<_>>();
                assert_eq!(encoding.decode(&encoding.encode(&bytes)).as_ref(), Ok(&bytes));
            }
        }
    }

    #[test]
    fn padding_case_and_line_breaks_are_tolerated() {
        let bytes = [0xfb, 0xef, 0xff, 0x01];
        for text in ["++//AQ==", "++//AQ", " ++/\r\n/AQ=\n=\n"] {
            assert_eq!(Encoding::Base64.decode(text).expect(text), bytes);
        }
        for text in ["--__AQ", "--__AQ=="] {
            assert_eq!(Encoding::Base64Url.decode(text).expect(text), bytes);
        }
        assert_eq!(Encoding::Hex.decode("FbeF\nff01").expect("hex"), bytes);
    }

    #[test]
    fn errors_name_the_character() {
        let message =
            |encoding: Encoding, text| encoding.decode(text).expect_err("refused").to_string();
        assert_eq!(
            message(Encoding::Base64, "ab cd"),
            "' ' at position 3 does not belong to base64"
        );
        assert!(message(Encoding::Base64, "a-_=").contains("'-' at position 2"));
        assert!(message(Encoding::Base64Url, "a+/=").contains("'+' at position 2"));
        assert!(message(Encoding::Hex, "abc").contains("not whole hex"));
        assert!(message(Encoding::Base64, "abcde").contains("not whole base64"));
    }
}
