//! How an order may be paid.

use serde::{Deserialize, Serialize};

/// `paymentMethod` of the order API (documented).
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
    /// Credit or debit card with 3-D Secure.
    CreditDebit,
    /// PPCBank's mobile app.
    PpcbankTransfer,
    /// A KHQR that any Bakong bank's app pays.
    BakongKhqr,
}

impl PaymentMethod {
    /// Every method, in documented order.
    pub const ALL: [Self; 4] =
        [Self::Payon, Self::CreditDebit, Self::PpcbankTransfer, Self::BakongKhqr];

    /// The wire name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Payon => "PAYON",
            Self::CreditDebit => "CREDIT_DEBIT",
            Self::PpcbankTransfer => "PPCBANK_TRANSFER",
            Self::BakongKhqr => "BAKONG_KHQR",
        }
    }

    /// Reads the wire name, to the letter.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|method| method.name() == text)
    }

    /// Whether the payer is shown a QR code for it.
    pub const fn shows_qr(self) -> bool {
        matches!(self, Self::Payon | Self::BakongKhqr)
    }
}
