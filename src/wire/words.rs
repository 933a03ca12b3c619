//! The closed sets of words that requests choose from.

use crate::base::named_enum;

named_enum! {
    /// Kind of an order (documented).
    pub enum Trt ("a type of order") {
        /// Authorise and capture at once.
        Purchase = "10",
        /// Authorise now, capture by a completion.
        PreAuth = "12",
    }
}

named_enum! {
    /// The means that an order prefers (documented).
    pub enum PayDvCd ("a preferred means") {
        /// PPCBank's app.
        PpcbankPay = "PPCBANK_PAY",
        /// PAYON by card or wallet.
        PayonPay = "PAYON_PAY",
        /// PAYON by QR.
        PayonQr = "PAYON_QR",
        /// KHQR.
        Khqr = "KHQR",
        /// A card with 3-D Secure.
        Mpi = "MPI",
    }
}

named_enum! {
    /// Kind of a bound card (documented).
    pub enum BindingMethod ("a method of a binding") {
        /// A PAYON card.
        Payon = "PAYON",
        /// A credit or debit card of an international scheme.
        CreditDebit = "CREDIT_DEBIT",
    }
}

named_enum! {
    /// Type of a reconciliation row (documented).
    pub enum TransactionType ("a type of transaction") {
        /// A purchase.
        Purchase = "PURCHASE",
        /// A refund.
        Refund = "REFUND",
        /// A pre-authorisation.
        PreAuth = "PRE_AUTH",
        /// Its completion.
        PreAuthComplete = "PRE_AUTH_COMPLETE",
        /// The reversal of a purchase.
        PurchaseReversal = "PURCHASE_REVERSAL",
        /// The reversal of a pre-authorisation.
        PreAuthReversal = "PRE_AUTH_REVERSAL",
        /// The reversal of a completion.
        PreAuthCompleteReversal = "PRE_AUTH_COMPLETE_REVERSAL",
    }
}

named_enum! {
    /// End of a QR payment as a paying app reports it, and the word of a push-back (documented).
    pub enum Outcome ("an end of a payment") {
        /// Paid.
        Success = "0000",
        /// Not paid.
        Error = "9999",
    }
}

impl BindingMethod {
    /// The `paymentType` of the binding list: `01` PAYON, `02` credit/debit (seen in examples).
    pub fn payment_type(self) -> &'static str {
        match self {
            Self::Payon => "01",
            Self::CreditDebit => "02",
        }
    }
}
