//! Commands of a ledger, and its answers.

use std::sync::Arc;

use super::order::{Change, Details, Instrument, OrderId, OrderKind, Screen};
use crate::base::{Amount, Currency, Millis, PaymentMethod, Reason, TraceContext};

/// Identification of an order: merchants name theirs by `txId`, time and the payer's page by position.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target<'a> {
    /// By merchant and `txId`.
    Named {
        /// `merchantId`.
        merchant: &'a str,
        /// `txId`.
        tx_id: &'a str,
    },
    /// By position.
    At(OrderId),
}

/// A registration, already checked as a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewOrder<'a> {
    /// `merchantId`.
    pub merchant: &'a str,
    /// `termId`.
    pub terminal: &'a str,
    /// `txId`.
    pub tx_id: &'a str,
    /// `trt`.
    pub kind: OrderKind,
    /// `paymentMethod`.
    pub method: PaymentMethod,
    /// `currency`.
    pub currency: Currency,
    /// `amount`.
    pub amount: Amount,
    /// The rest, if there is any ([`Details::kept`]).
    pub details: Option<Box<Details>>,
    /// The merchant's own trace in which it is registered; the same registration in another trace is no other one.
    pub context: Option<Arc<TraceContext>>,
}

/// Commands for an existing order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command<'a> {
    /// The issuer approves the payer's payment.
    Approve {
        /// Six digits.
        number: u32,
        /// Instrument of the payment.
        instrument: Instrument,
        /// An approval that comes after the payment had failed, expired or been given up.
        late: bool,
    },
    /// The payment is declined.
    Decline {
        /// Reason.
        reason: Reason,
        /// Instrument of the payment, where it got that far.
        instrument: Option<Instrument>,
        /// A decline that takes back an approval given before.
        late: bool,
    },
    /// The payer gives up.
    Cancel,
    /// A completion of a pre-authorisation.
    Complete {
        /// `amount`.
        amount: Amount,
        /// `currency`.
        currency: Currency,
    },
    /// A reversal of the whole.
    Reverse {
        /// `approvalNo` as sent; must match.
        approval: Option<&'a str>,
    },
    /// A refund of `amount`, or of all that is left.
    Refund {
        /// `amount`, our extension; without it, all that is left.
        amount: Option<Amount>,
        /// `approvalNo` as sent; must match.
        approval: Option<&'a str>,
    },
    /// The issuer takes the rest back for the payer.
    ChargeBack,
    /// Time runs out ahead of the deadline.
    Expire,
    /// The day is closed for this order ahead of its end.
    Settle,
    /// The paying app reports how far it is with the QR.
    Show(Screen),
    /// A report of the paying app was refused, which is noted.
    Reject(Reason),
}

/// A change that was decided and can be applied; holds only while nothing else was applied between.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LedgerEvent {
    /// Order.
    pub order: OrderId,
    /// Time.
    pub at: Millis,
    /// The change.
    pub change: Change,
    /// Instrument of the payment, where the change brings it.
    pub instrument: Option<Instrument>,
}

/// Result of a registration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Registration {
    /// A new order, now in the ledger.
    New(OrderId),
    /// The identical request came before: its order.
    Again(OrderId),
}
