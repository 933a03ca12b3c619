//! One order: its totals, its state, what happened to it.

use std::sync::Arc;

use arrayvec::ArrayString;
use serde::{Deserialize, Serialize};
use smallvec::SmallVec;
use smol_str::SmolStr;

use super::progress::Progress;
use crate::base::{
    Amount, Currency, Day, Millis, OrderState, PaymentMethod, Reason, TraceContext, digits,
    named_enum,
};
use crate::profile::CompletedAmount;

/// Digits of the day with which a `txSeqNo` begins; they are the order's `txDt`.
pub const DAY_DIGITS: usize = 8;

/// The position of an order in its ledger; never reused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OrderId(pub u64);

/// A merchant's terminal, as the ledger numbers it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TerminalId(pub u32);

/// One-phase or two-phase (`trt` 10 and 12, documented).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub enum OrderKind {
    /// Approval captures at once.
    Purchase,
    /// Approval holds the money until a completion captures it.
    PreAuth,
}

named_enum! {
    /// Screen of a QR order's payer, as the paying app reports it (documented).
    pub enum Screen ("a screen", default Shown) {
        /// The QR.
        Shown = "shown",
        /// That an app has scanned it.
        Scanned = "scanned",
        /// That the app is paying.
        Processing = "processing",
    }
}

/// Instrument of the payment, masked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Instrument {
    /// Kind, for the numeric codes of the order list.
    pub kind: InstrumentKind,
    /// The account as the status answer shows it: `************0022`.
    pub account: SmolStr,
}

named_enum! {
    /// The kinds of instrument.
    pub enum InstrumentKind ("a kind of instrument") {
        /// A PAYON card.
        PayonCard = "payonCard",
        /// A PAYON wallet.
        PayonWallet = "payonWallet",
        /// A credit or debit card.
        Card = "card",
        /// A bank app that paid a KHQR.
        Khqr = "khqr",
        /// PPCBank's app.
        Ppcbank = "ppcbank",
    }
}

/// The sums of an order, each of which only grows. All in the order's currency.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// Held for the merchant by an approval.
    pub authorised: Amount,
    /// Taken.
    pub captured: Amount,
    /// Given back after capture, by refund or chargeback.
    pub refunded: Amount,
    /// Let go without having been taken.
    pub released: Amount,
}

impl Totals {
    /// Authorised sum that was not taken.
    pub fn uncaptured(&self) -> Amount {
        self.authorised.minus(self.captured).unwrap_or(Amount::ZERO)
    }

    /// Captured sum that is not refunded.
    pub fn unrefunded(&self) -> Amount {
        self.captured.minus(self.refunded).unwrap_or(Amount::ZERO)
    }
}

impl Order {
    /// The sum given back in all after it was taken: refunded, charged back, or taken back as a whole by a reversal or a
    /// late decline.
    pub fn returned(&self) -> Amount {
        match self.state {
            OrderState::Reversed | OrderState::Failed => self.totals.captured,
            _ => self.totals.refunded,
        }
    }

    /// The amount that the status call and the list of orders tell: of a completed pre-authorisation what `completed` says.
    pub fn told_amount(&self, completed: CompletedAmount) -> Amount {
        let is_completed = self.kind == OrderKind::PreAuth && self.totals.captured > Amount::ZERO;
        match completed {
            CompletedAmount::Captured if is_completed => self.totals.captured,
            CompletedAmount::Captured | CompletedAmount::Ordered => self.amount,
        }
    }
}

/// The issuer's approval.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Approval {
    /// Six digits.
    pub number: u32,
    /// Time.
    pub at: Millis,
}

/// Details that a merchant gives at registration beside the money; kept for the answers and the payer's pages.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Details {
    /// `clientId`, the short one.
    pub client_id: Option<Box<str>>,
    /// `bindingId`: a saved card to pay with.
    pub binding_id: Option<Box<str>>,
    /// `payDvCd` as sent.
    pub pay_dv_cd: Option<Box<str>>,
    /// `buyerId`.
    pub buyer_id: Option<Box<str>>,
    /// `sellerId`.
    pub seller_id: Option<Box<str>>,
    /// Address for push-backs of this order, before the merchant's own setting.
    pub noti_url: Option<Box<str>>,
    /// Address for the payer after success.
    pub success_url: Option<Box<str>>,
    /// Address for the payer after a failure.
    pub fail_url: Option<Box<str>>,
    /// Address for the payer after giving up.
    pub cancel_url: Option<Box<str>>,
}

impl Details {
    /// The details to keep: nothing where there are none.
    pub fn kept(self) -> Option<Box<Self>> {
        (self != Self::default()).then(|| Box::new(self))
    }

    /// The kept details; empty ones where there are none.
    pub fn of(kept: Option<&Self>) -> &Self {
        static NONE: Details = Details {
            client_id: None,
            binding_id: None,
            pay_dv_cd: None,
            buyer_id: None,
            seller_id: None,
            noti_url: None,
            success_url: None,
            fail_url: None,
            cancel_url: None,
        };
        kept.unwrap_or(&NONE)
    }
}

/// An order with its history.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Order {
    /// Its position in the ledger.
    pub id: OrderId,
    /// Terminal of the order.
    pub terminal: TerminalId,
    /// The merchant's own id.
    pub tx_id: SmolStr,
    /// One-phase or two-phase.
    pub kind: OrderKind,
    /// Payment method.
    pub method: PaymentMethod,
    /// The currency of every amount here.
    pub currency: Currency,
    /// The amount ordered.
    pub amount: Amount,
    /// Sums that have moved.
    pub totals: Totals,
    /// State of the order.
    pub state: OrderState,
    /// Time at which it was registered.
    pub created: Millis,
    /// Until when it may be paid, as told at registration.
    pub payable_until: Millis,
    /// Time at which time changes it next: the same, or for a hold when it is released.
    pub deadline: Millis,
    /// The running number of its day: the last eight digits of `txSeqNo`.
    pub day_number: u32,
    /// System trace audit number, six digits.
    pub stan: u32,
    /// The issuer's approval, at most one an order.
    pub approval: Option<Approval>,
    /// Time at which the money was captured.
    pub captured_at: Option<Millis>,
    /// Closed by hand, ahead of the day's end.
    pub settled_early: bool,
    /// Reason why it failed.
    pub failure: Option<Reason>,
    /// Instrument of the payment.
    pub instrument: Option<Box<Instrument>>,
    /// Screen of a QR order's payer.
    pub screen: Screen,
    /// Progress of its payer; `None` before the first step and after the last.
    pub progress: Option<Box<Progress>>,
    /// True if the merchant took a push-back on it.
    pub told: bool,
    /// Time at which the merchant last asked for its status.
    pub status_asked: Option<Millis>,
    /// The rest of the registration.
    pub details: Option<Box<Details>>,
    /// The merchant's own trace in which it was registered: push-backs that come of no request in another are sent in it.
    pub context: Option<Arc<TraceContext>>,
    /// All that happened, in order.
    pub history: History,
}

/// Events of an order. Most orders are paid and left at that, which takes no memory of its own.
pub type History = SmallVec<[Entry; 2]>;

/// One thing that happened to an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Entry {
    /// Time, on the space's clock.
    pub at: Millis,
    /// The request that caused it; 0 where time or a control call did.
    pub trace: u64,
    /// The change.
    pub change: Change,
}

/// Changes of an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub enum Change {
    /// It came to be.
    Registered,
    /// The issuer approved: a purchase is captured, a pre-authorisation held.
    Approved {
        /// Six digits.
        number: u32,
    },
    /// A completion took this much and released the rest.
    Completed(Amount),
    /// All of it was taken back.
    Reversed,
    /// This much was given back.
    Refunded(Amount),
    /// The issuer took the rest back for the payer.
    ChargedBack(Amount),
    /// The payment was declined; a decline after an approval takes the money back.
    Failed(Reason),
    /// The payer gave up.
    Cancelled,
    /// Time ran out.
    Expired,
    /// Settled ahead of the day's end.
    Settled,
    /// The paying app has come so far with the QR.
    Screen(Screen),
    /// A report of the paying app was refused; the order stays as it was.
    Rejected(Reason),
}

impl Change {
    /// The name that events and the control plane use.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Registered => "registered",
            Self::Approved { .. } => "approved",
            Self::Completed(_) => "completed",
            Self::Reversed => "reversed",
            Self::Refunded(_) => "refunded",
            Self::ChargedBack(_) => "chargedBack",
            Self::Failed(_) => "failed",
            Self::Cancelled => "cancelled",
            Self::Expired => "expired",
            Self::Settled => "settled",
            Self::Screen(screen) => screen.name(),
            Self::Rejected(_) => "rejected",
        }
    }
}

impl Order {
    /// `txSeqNo`: the day in [`DAY_DIGITS`] digits and an eight-digit running number.
    pub fn sequence(&self) -> ArrayString<16> {
        digits::<16>(self.created.day().number() * 100_000_000 + u64::from(self.day_number))
    }

    /// `refNo`: twelve digits that end in the approval number.
    pub fn reference(&self) -> Option<ArrayString<12>> {
        self.approval.map(|approval| {
            digits::<12>(u64::from(self.stan) * 1_000_000 + u64::from(approval.number))
        })
    }

    /// The approval number in its six digits.
    pub fn approval_digits(&self) -> Option<ArrayString<6>> {
        self.approval.map(|approval| digits::<6>(approval.number.into()))
    }

    /// Reason why its payment is not a success, as a status call sees it; `None` once it was approved and
    /// not declined after that.
    pub fn unsuccessful(&self) -> Option<Reason> {
        match self.state {
            OrderState::Registered => Some(Reason::OrderPending),
            OrderState::Failed => Some(Reason::OrderFailed),
            OrderState::Cancelled => Some(Reason::OrderCancelled),
            OrderState::Expired => Some(Reason::OrderExpired),
            OrderState::Authorised
            | OrderState::Captured
            | OrderState::PartlyRefunded
            | OrderState::Refunded
            | OrderState::Reversed => None,
        }
    }

    /// Sum that a refund may still give back: nothing of an order that was reversed, declined late, or otherwise ended.
    pub fn refundable(&self) -> Amount {
        match self.state {
            OrderState::Captured | OrderState::PartlyRefunded => self.totals.unrefunded(),
            _ => Amount::ZERO,
        }
    }

    /// Returns true if the merchant took a push-back and never asked whether it was true.
    pub fn is_unchecked(&self) -> bool {
        self.told && self.status_asked.is_none()
    }

    /// Returns true if its money is settled at `now`: the day of its capture is closed, and it was not
    /// taken back before.
    pub fn is_settled(&self, now: Millis, cutoff_ms: i64) -> bool {
        use OrderState::{Captured, PartlyRefunded, Refunded};
        let closed = |at: Millis| business_day(at, cutoff_ms) < business_day(now, cutoff_ms);
        matches!(self.state, Captured | PartlyRefunded | Refunded)
            && (self.settled_early || self.captured_at.is_some_and(closed))
    }

    /// The registration's details; empty ones where it had none.
    pub fn details(&self) -> &Details {
        Details::of(self.details.as_deref())
    }

    /// The money rules that must hold after every change. Names the first that does not.
    pub fn broken_invariant(&self) -> Option<&'static str> {
        let totals = self.totals;
        let approvals = self
            .history
            .iter()
            .filter(|entry| matches!(entry.change, Change::Approved { .. }))
            .count();
        let checks = [
            (totals.captured <= totals.authorised, "captured is at most authorised"),
            (totals.refunded <= totals.captured, "refunded is at most captured"),
            (
                totals.released.minor() + totals.captured.minor() <= totals.authorised.minor(),
                "what is released was not taken",
            ),
            (
                totals.refunded == Amount::ZERO || totals.refunded == self.returned(),
                "nothing is given back twice",
            ),
            (
                totals.authorised == Amount::ZERO || totals.authorised == self.amount,
                "what is authorised is what was ordered",
            ),
            (approvals <= 1, "one approval an order"),
            (self.approval.is_some() == (approvals == 1), "an approval has its entry"),
            (approvals == 1 || totals == Totals::default(), "no money moves without an approval"),
            (
                self.captured_at.is_some() == (totals.captured > Amount::ZERO),
                "a capture has its time",
            ),
        ];
        checks.into_iter().find(|(holds, _)| !holds).map(|(_, rule)| rule)
    }
}

/// The business day of a moment: a day that ends `cutoff_ms` after midnight in Cambodia.
fn business_day(at: Millis, cutoff_ms: i64) -> Day {
    at.plus(-cutoff_ms).day()
}
