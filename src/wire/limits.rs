//! Limits in length and number: every bound that PAYON's pages leave open, in one place. All are assumed.

/// Characters of `txId` and `TX_ID` (assumed).
pub const TX_ID_CHARS: usize = 64;
/// Characters of every other identifier: merchant, terminal, client, binding, buyer, seller,
/// approval (assumed).
pub const ID_CHARS: usize = 64;
/// Characters of a person's or card holder's name (assumed).
pub const NAME_CHARS: usize = 100;
/// Characters of a phone number, punctuation included (assumed).
pub const PHONE_CHARS: usize = 32;
/// Characters of an e-mail address (assumed; the longest that mail systems carry).
pub const EMAIL_CHARS: usize = 254;
/// Characters of a URL (assumed).
pub const URL_CHARS: usize = crate::base::WebUrl::CHARS_MAX;
/// Characters of a result message sent by a paying app (assumed).
pub const MESSAGE_CHARS: usize = 255;
/// Characters of a signature: RSA-4096 in hex is 1024, line breaks come on top (assumed).
pub const SIGN_CHARS: usize = 4096;
/// Characters of a PIN or passcode, in clear or encrypted in blocks under RSA (assumed).
pub const PIN_CHARS: usize = 8192;
/// Digits of a card number, fewest and most (ISO/IEC 7812 has up to 19; the shortest scheme numbers
/// have 12).
pub const CARD_DIGITS: std::ops::RangeInclusive<usize> = 12..=19;
/// Digits of a security code.
pub const CVV_DIGITS: std::ops::RangeInclusive<usize> = 3..=4;
/// Rows of one reconciliation call (assumed).
pub const RECONCILIATION_ROWS: usize = 1000;
/// Orders on one page (assumed).
pub const PAGE_ROWS: u32 = 1000;
/// The highest page number (assumed).
pub const PAGE_INDEX: u32 = 1_000_000;
/// Characters of a refused value that a message quotes; longer ones are only counted.
pub const QUOTED_CHARS: usize = 40;
