//! States of an order (contract, section 7).

/// The states of an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum OrderState {
    /// Registered; the payer may pay.
    Registered,
    /// A pre-authorisation holds the money.
    Authorised,
    /// Captured: a purchase is complete, a pre-authorisation completed.
    Captured,
    /// Captured, and some of it given back.
    PartlyRefunded,
    /// All of it given back.
    Refunded,
    /// Taken back before settlement, as if it had not been.
    Reversed,
    /// Declined.
    Failed,
    /// Given up by the payer.
    Cancelled,
    /// Not paid in time, or a hold that ran out.
    Expired,
}

impl OrderState {
    /// Every state.
    pub const ALL: &'static [Self] = &[
        Self::Registered,
        Self::Authorised,
        Self::Captured,
        Self::PartlyRefunded,
        Self::Refunded,
        Self::Reversed,
        Self::Failed,
        Self::Cancelled,
        Self::Expired,
    ];

    /// The name that the profile and the control plane use.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Registered => "registered",
            Self::Authorised => "authorised",
            Self::Captured => "captured",
            Self::PartlyRefunded => "partlyRefunded",
            Self::Refunded => "refunded",
            Self::Reversed => "reversed",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
            Self::Expired => "expired",
        }
    }

    /// Reads the name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|state| state.name() == name)
    }

    /// Returns true if the payment has an answer; only a registered order has none.
    pub const fn is_final(self) -> bool {
        !matches!(self, Self::Registered)
    }

    /// Returns true if time alone can still change it, so it must not be dropped.
    pub const fn is_open(self) -> bool {
        matches!(self, Self::Registered | Self::Authorised)
    }
}
