//! Names of the members whose values nobody may see.

use std::ops::Range;

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

/// The longest name that is known without a profile.
const NAME_BYTES: usize = 20;

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

    /// Returns true if the value of the member of that name is not shown as it is.
    pub fn hides(&self, name: &str) -> bool {
        self.class(name.as_bytes()).is_hidden()
    }
}

/// A name without what does not count.
fn plain(name: &[u8]) -> impl Iterator<Item = u8> {
    name.iter().filter(|byte| !matches!(byte, b'_' | b'-')).map(u8::to_ascii_lowercase)
}

fn general(name: &[u8]) -> Secrecy {
    // What nearly every body has, as it is documented, needs no second look.
    match name {
        b"termId" | b"merchantId" | b"txId" | b"sign" => return Secrecy::Identifier,
        b"trt" | b"currency" | b"amount" | b"paymentMethod" => return Secrecy::Plain,
        _ => {}
    }
    let mut bytes = [0_u8; NAME_BYTES];
    let mut len = 0;
    for byte in plain(name) {
        let Some(slot) = bytes.get_mut(len) else { return Secrecy::Plain };
        *slot = byte;
        len += 1;
    }
    let name = &bytes[..len];
    let bare = [&b"wdl"[..], b"payon", b"encrypted"].iter().find_map(|of| name.strip_prefix(*of));
    match bare.unwrap_or(name) {
        b"acno" if name.starts_with(b"encrypted") => Secrecy::Secret,
        b"cardnumber" | b"cardno" | b"card" | b"pan" | b"acno" | b"accountnumber" => {
            Secrecy::CardNumber
        }
        b"cvv" | b"cvc" | b"cvn" | b"securitycode" | b"pin" | b"passcode" | b"otp"
        | b"password" | b"secret" | b"token" | b"authentication" | b"authorization"
        | b"privatekey" => Secrecy::Secret,
        b"txid" | b"tracno" | b"txseqno" | b"txdt" | b"merchantid" | b"mcid" | b"termid"
        | b"buyerid" | b"sellerid" | b"clientid" | b"bindingid" | b"approvalno"
        | b"approvaldate" | b"apprno" | b"apprdttm" | b"expiredttm" | b"refno" | b"stan"
        | b"sign" | b"khqr" | b"khqrmd5" | b"fromdate" | b"todate" => Secrecy::Identifier,
        _ => Secrecy::Plain,
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
}
