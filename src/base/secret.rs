//! Names of the members whose values nobody may see.

use std::ops::Range;

use arrayvec::ArrayVec;

/// Treatment of a member's value, by the member's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Secrecy {
    /// Card numbers in it are hidden.
    Plain,
    /// Left alone: a number there that looks like a card is none, and must stay legible.
    Identifier,
    /// First six and last four digits stay.
    CardNumber,
    /// All of it goes.
    Secret,
}

impl Secrecy {
    /// Returns true if the value is not shown as it is.
    pub const fn is_hidden(self) -> bool {
        matches!(self, Self::CardNumber | Self::Secret)
    }
}

/// Members that hold secrets: those that a profile calls so, beside those that are secret in every payment system.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SecretNames(Vec<(Box<str>, Secrecy)>);

/// Digits that a card number has.
pub const CARD_DIGITS: Range<usize> = 13..20;

/// Bytes of a name that are looked at, from its end.
const NAME_BYTES: usize = 48;
/// Words that make a value secret where they stand alone in its name: `wdlCvv`, `pin_block`, `X-Otp`.
const WORDS: [&[u8]; 12] = [
    b"cvv",
    b"cvc",
    b"cvn",
    b"cvd",
    b"pin",
    b"otp",
    b"totp",
    b"pwd",
    b"passphrase",
    b"secret",
    b"authentication",
    b"authorization",
];
/// The same wherever they stand in it, also where nothing parts it into words.
const PARTS: [&[u8]; 11] = [
    b"cvv",
    b"securitycode",
    b"passcode",
    b"password",
    b"passwd",
    b"secret",
    b"token",
    b"privatekey",
    b"pinblock",
    b"pincode",
    b"otpcode",
];
/// Last words of names that tell of a secret what everybody may know: `otp_tries`, `pinEnabled`.
const HARMLESS_ENDS: [&[u8]; 8] =
    [b"tries", b"attempts", b"enabled", b"required", b"length", b"limit", b"validity", b"lifetime"];
/// Parts of the names of headers that tell who calls; in a body `authCode` or `sessionId` is no secret.
const HEADER_PARTS: [&[u8]; 5] = [b"auth", b"cookie", b"apikey", b"accesskey", b"session"];
/// Ends of names of card numbers.
const CARD_ENDS: [&[u8]; 4] = [b"cardnumber", b"cardno", b"cardnum", b"accountnumber"];

impl SecretNames {
    /// Those that need no profile.
    pub const GENERAL: &'static Self = &Self(Vec::new());

    /// The general ones, and `name` with its treatment for each of `own`.
    pub fn new(own: impl IntoIterator<Item = (String, Secrecy)>) -> Self {
        let own = own.into_iter();
        let more = own.filter(|(name, class)| general(name.as_bytes()) != *class);
        Self(more.map(|(name, class)| (name.into(), class)).collect())
    }

    /// Treatment of the member of that name, whatever its letter case, underscores and hyphens.
    pub fn class(&self, name: &[u8]) -> Secrecy {
        let own = self.0.iter().find(|(own, _)| plain(own.as_bytes()).eq(plain(name)));
        own.map_or_else(|| general(name), |(_, class)| *class)
    }

    /// Treatment of the header of that name.
    pub fn header_class(&self, name: &[u8]) -> Secrecy {
        let joined: Vec<u8> = plain(name).collect();
        let tells_who = |part: &&[u8]| joined.windows(part.len()).any(|found| found == *part);
        if HEADER_PARTS.iter().any(tells_who) {
            return Secrecy::Secret;
        }
        self.class(name)
    }

    /// Returns true if the value of the member of that name is not shown as it is.
    pub fn hides(&self, name: &str) -> bool {
        self.class(name.as_bytes()).is_hidden()
    }
}

/// A name without what does not count.
fn plain(name: &[u8]) -> impl Iterator<Item = u8> {
    name.iter().filter(|byte| !matches!(byte, b'_' | b'-')).map(u8::to_ascii_lowercase)
}

/// Treatment by the words of a name, whatever its letter case, separators and trailing digits.
fn general(name: &[u8]) -> Secrecy {
    // What nearly every body has, as it is documented, needs no second look.
    match name {
        b"termId" | b"merchantId" | b"txId" | b"sign" | b"clientId" => return Secrecy::Identifier,
        b"trt" | b"currency" | b"amount" | b"paymentMethod" | b"noti_url" | b"success_url"
        | b"fail_url" | b"cancel_url" => return Secrecy::Plain,
        _ => {}
    }
    let words = Words::of(name);
    let joined = words.joined();
    let whole: &[u8] = &joined;
    if matches!(
        whole,
        b"txid"
            | b"tracno"
            | b"txseqno"
            | b"txdt"
            | b"merchantid"
            | b"mcid"
            | b"termid"
            | b"buyerid"
            | b"sellerid"
            | b"clientid"
            | b"bindingid"
            | b"approvalno"
            | b"approvaldate"
            | b"apprno"
            | b"apprdttm"
            | b"expiredttm"
            | b"refno"
            | b"stan"
            | b"sign"
            | b"khqr"
            | b"khqrmd5"
            | b"fromdate"
            | b"todate"
    ) {
        return Secrecy::Identifier;
    }
    if words.iter().last().is_some_and(|word| HARMLESS_ENDS.contains(&word)) {
        return Secrecy::Plain;
    }
    let digits = whole.iter().rev().take_while(|byte| byte.is_ascii_digit()).count();
    let whole = &whole[..whole.len() - digits];
    let is_code =
        || [&b"otp"[..], b"cvc"].iter().any(|it| whole.starts_with(it) || whole.ends_with(it));
    if matches!(whole, b"encryptedacno" | b"payonpin")
        || words.iter().any(|word| WORDS.contains(&word))
        || PARTS.iter().any(|part| whole.windows(part.len()).any(|found| found == *part))
        || is_code()
    {
        return Secrecy::Secret;
    }
    let is_account = || words.iter().any(|word| word == b"pan") || words.ends_with(b"ac no");
    if matches!(whole, b"card" | b"xcard" | b"pan" | b"acno" | b"wdlacno")
        || CARD_ENDS.iter().any(|end| whole.ends_with(end))
        || is_account()
    {
        return Secrecy::CardNumber;
    }
    Secrecy::Plain
}

/// A name in lower case with one blank between its words.
struct Words(ArrayVec<u8, { 2 * NAME_BYTES }>);

impl Words {
    fn of(name: &[u8]) -> Self {
        let name = &name[name.len().saturating_sub(NAME_BYTES)..];
        let mut words = ArrayVec::new();
        for (at, byte) in name.iter().enumerate().filter(|(_, byte)| byte.is_ascii_alphanumeric()) {
            let before = at.checked_sub(1).map_or(b' ', |at| name[at]);
            let is_lower_after = name.get(at + 1).is_some_and(u8::is_ascii_lowercase);
            let begins = if byte.is_ascii_digit() || before.is_ascii_digit() {
                byte.is_ascii_digit() != before.is_ascii_digit()
            } else {
                !before.is_ascii_alphabetic()
                    || (byte.is_ascii_uppercase()
                        && (before.is_ascii_lowercase() || is_lower_after))
            };
            if begins && !words.is_empty() {
                words.push(b' ');
            }
            words.push(byte.to_ascii_lowercase());
        }
        Self(words)
    }

    fn iter(&self) -> impl Iterator<Item = &[u8]> {
        self.0.split(|byte| *byte == b' ')
    }

    fn ends_with(&self, words: &[u8]) -> bool {
        let rest = self.0.strip_suffix(words);
        rest.is_some_and(|rest| rest.last().is_none_or(|byte| *byte == b' '))
    }

    /// The same without blanks.
    fn joined(&self) -> ArrayVec<u8, NAME_BYTES> {
        self.0.iter().copied().filter(|byte| *byte != b' ').collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_profile_adds_names_to_the_general_ones() {
        let own =
            [("Mother_Name", Secrecy::Secret), ("txId", Secrecy::Secret), ("cvv", Secrecy::Secret)];
        let names = SecretNames::new(own.map(|(name, class)| (name.to_owned(), class)));
        assert_eq!(names.0.len(), 2, "the general ones need no second entry");
        for (name, general, of_profile) in [
            ("motherName", Secrecy::Plain, Secrecy::Secret),
            ("txId", Secrecy::Identifier, Secrecy::Secret),
            ("wdl-CVV", Secrecy::Secret, Secrecy::Secret),
            ("payonPin", Secrecy::Secret, Secrecy::Secret),
            ("wdlAcNo", Secrecy::CardNumber, Secrecy::CardNumber),
            ("encryptedAcNo", Secrecy::Secret, Secrecy::Secret),
            ("spin", Secrecy::Plain, Secrecy::Plain),
        ] {
            assert_eq!(SecretNames::GENERAL.class(name.as_bytes()), general, "{name}");
            assert_eq!(names.class(name.as_bytes()), of_profile, "{name}");
        }
    }

    #[test]
    fn headers_that_tell_who_calls_are_secret_where_members_of_that_name_are_not() {
        for name in
            ["Cookie", "set-cookie", "X-Auth-Key", "x-api-key", "Proxy-Authorization", "X-Session"]
        {
            assert_eq!(
                SecretNames::GENERAL.header_class(name.as_bytes()),
                Secrecy::Secret,
                "{name}"
            );
        }
        assert_eq!(SecretNames::GENERAL.class(b"authCode"), Secrecy::Plain);
        for name in ["content-type", "x-request-id", "server", "user-agent"] {
            assert_eq!(
                SecretNames::GENERAL.header_class(name.as_bytes()),
                Secrecy::Plain,
                "{name}"
            );
        }
        assert_eq!(SecretNames::GENERAL.header_class(b"x-card"), Secrecy::CardNumber);
    }

    #[test]
    fn a_name_is_judged_by_its_words() {
        for (class, names) in [
            (
                Secrecy::Secret,
                "cvv CVV2 cvv2Code wdlCvv cvvcode CVC_2 card-cvn pin PIN pinBlock PINBlock pinblock new_pin payonPin \
                 payonpin oldPIN otp otpCode OTPcode smsotp passcode userPassword secret clientSecret accessToken \
                 token privateKey private_key_pem Authorization X-Authentication encryptedAcNo encryptedCvv security_code",
            ),
            (
                Secrecy::CardNumber,
                "wdlAcNo wdlacno acNo card cardNumber card_number2 savedCardNo PAN maskedPan pan accountNumber X-Card",
            ),
            (Secrecy::Identifier, "txId tracNo TRAC_NO merchantId khqrMd5 refNo"),
            (
                Secrecy::Plain,
                "itemNm spin shipping pinned footprint cardType origTracNo panel company success_url secs robin \
                 description amount adoption",
            ),
        ] {
            for name in names.split_whitespace() {
                assert_eq!(general(name.as_bytes()), class, "{name}");
            }
        }
        let long = format!("{}.cvv", "x".repeat(300));
        assert_eq!(general(long.as_bytes()), Secrecy::Secret);
        assert_eq!(general(b""), Secrecy::Plain);
        assert_eq!(general("ព័ត៌មាន".as_bytes()), Secrecy::Plain);
    }
}
