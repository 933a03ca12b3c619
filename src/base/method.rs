//! Payment methods, by PAYON's names.

use super::named_enum;

named_enum! {
    /// Payment methods: the values of `paymentMethod` (documented).
    #[derive(schemars::JsonSchema)]
    #[schemars(rename_all = "SCREAMING_SNAKE_CASE")]
    pub enum PaymentMethod ("a payment method") {
        /// PAYON wallet or PAYON card.
        Payon = "PAYON",
        /// A credit or debit card of an international scheme.
        CreditDebit = "CREDIT_DEBIT",
        /// A transfer from an account at PPCBank.
        PpcbankTransfer = "PPCBANK_TRANSFER",
        /// Any app that pays a Bakong KHQR.
        BakongKhqr = "BAKONG_KHQR",
    }
}

impl PaymentMethod {
    /// Returns true if the payer is shown a QR code for it.
    pub const fn shows_qr(self) -> bool {
        matches!(self, Self::Payon | Self::BakongKhqr)
    }
}
