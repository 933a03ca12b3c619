//! States of an order (contract, section 7).

use super::named_enum;

named_enum! {
    /// The states of an order.
    pub enum OrderState ("a state of an order") {
        /// Registered; the payer may pay.
        Registered = "registered",
        /// A pre-authorisation holds the money.
        Authorised = "authorised",
        /// Captured: a purchase is complete, a pre-authorisation completed.
        Captured = "captured",
        /// Captured, and some of it given back.
        PartlyRefunded = "partlyRefunded",
        /// All of it given back.
        Refunded = "refunded",
        /// Taken back before settlement, as if it had not been.
        Reversed = "reversed",
        /// Declined.
        Failed = "failed",
        /// Given up by the payer.
        Cancelled = "cancelled",
        /// Not paid in time, or a hold that ran out.
        Expired = "expired",
    }
}

impl OrderState {
    /// Returns true if the payment has an answer; only a registered order has none.
    pub const fn is_final(self) -> bool {
        !matches!(self, Self::Registered)
    }

    /// Returns true if time alone can still change it, so it must not be dropped.
    pub const fn is_open(self) -> bool {
        matches!(self, Self::Registered | Self::Authorised)
    }
}
