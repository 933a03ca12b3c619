//! Payment methods, by PAYON's names.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Payment methods: the values of `paymentMethod` (documented).
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    Hash,
    PartialOrd,
    Ord,
    Serialize,
    Deserialize,
    schemars::JsonSchema,
)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum PaymentMethod {
    /// PAYON wallet or PAYON card.
    Payon,
    /// A credit or debit card of an international scheme.
    CreditDebit,
    /// A transfer from an account at PPCBank.
    PpcbankTransfer,
    /// Any app that pays a Bakong KHQR.
    BakongKhqr,
}

impl PaymentMethod {
    /// Every method, in the order of the contract.
    pub const ALL: &'static [Self] =
        &[Self::Payon, Self::CreditDebit, Self::PpcbankTransfer, Self::BakongKhqr];

    /// The name on the wire, such as `CREDIT_DEBIT`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Payon => "PAYON",
            Self::CreditDebit => "CREDIT_DEBIT",
            Self::PpcbankTransfer => "PPCBANK_TRANSFER",
            Self::BakongKhqr => "BAKONG_KHQR",
        }
    }

    /// The method of that name, exactly as documented.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|method| method.name() == name)
    }

    /// Returns true if the payer is shown a QR code for it.
    pub const fn shows_qr(self) -> bool {
        matches!(self, Self::Payon | Self::BakongKhqr)
    }
}

impl fmt::Display for PaymentMethod {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
