//! An order as the model knows it: what was registered, and what happened. All else is worked out from that, every time.

use payon_sim::base::Millis;

use super::super::history::{Approval, Register, UnsettledRule};
use super::DAY_MS;
use super::payer::{Progress, SavedKey};

const MINUTE_MS: i64 = 60_000;
/// Cambodia is so far ahead of UTC.
const ZONE_MS: i64 = 7 * 60 * MINUTE_MS;

/// Things that happen to an order. Amounts are in minor units.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Change {
    Registered,
    Approved,
    Completed(i64),
    Reversed,
    Refunded(i64),
    ChargedBack(i64),
    Failed(String),
    Cancelled,
    Expired,
    Settled,
    /// The app of the payer has got so far.
    Screen(Screen),
    /// The app of the payer reported something in vain.
    Rejected,
}

/// What the page of an order with a QR shows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Screen {
    #[default]
    Shown,
    Scanned,
    Processing,
}

impl Screen {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Shown => "shown",
            Self::Scanned => "scanned",
            Self::Processing => "processing",
        }
    }
}

/// What somebody wants to happen to an order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Wish {
    Approve { late: bool },
    Decline(String),
    DeclineLate,
    Cancel,
    Expire,
    Settle,
    Complete(i64),
    Reverse(Approval),
    Refund(Option<i64>, Approval),
    ChargeBack,
    Show(Screen),
}

/// An order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Order {
    pub(crate) merchant: String,
    pub(crate) tx_id: String,
    pub(crate) asked: Register,
    /// The saved card that it names.
    pub(crate) saved: Option<SavedKey>,
    /// Position of its payer.
    pub(super) progress: Progress,
    /// Changes and their times.
    pub(crate) log: Vec<(i64, Change)>,
}

/// The day in Cambodia, counted from 1970.
pub(crate) fn day(at: i64) -> i64 {
    (at + ZONE_MS).div_euclid(DAY_MS)
}

/// The time at which the day of that time ends in Cambodia.
pub(super) fn end_of_day(at: i64) -> i64 {
    (day(at) + 1) * DAY_MS - ZONE_MS
}

/// A day as `yyyyMMdd`.
pub(crate) fn date(day: i64) -> String {
    Millis(day * DAY_MS).rfc3339()[..10].replace('-', "")
}

impl Change {
    /// The name that the control plane uses.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Registered => "registered",
            Self::Approved => "approved",
            Self::Completed(_) => "completed",
            Self::Reversed => "reversed",
            Self::Refunded(_) => "refunded",
            Self::ChargedBack(_) => "chargedBack",
            Self::Failed(_) => "failed",
            Self::Cancelled => "cancelled",
            Self::Expired => "expired",
            Self::Settled => "settled",
            Self::Screen(screen) => screen.name(),
            Self::Rejected => "rejected",
        }
    }

    /// The sum that it moves, where it shows one.
    pub(crate) fn minor(&self) -> Option<i64> {
        match self {
            Self::Completed(minor) | Self::Refunded(minor) | Self::ChargedBack(minor) => {
                Some(*minor)
            }
            _ => None,
        }
    }
}

impl Order {
    pub(crate) fn created(&self) -> i64 {
        self.log[0].0
    }

    fn time_of(&self, wanted: impl Fn(&Change) -> bool) -> Option<i64> {
        self.log.iter().find(|(_, change)| wanted(change)).map(|(at, _)| *at)
    }

    fn sum_of(&self, part: impl Fn(&Change) -> i64) -> i64 {
        self.log.iter().map(|(_, change)| part(change)).sum()
    }

    pub(crate) fn approved_at(&self) -> Option<i64> {
        self.time_of(|change| *change == Change::Approved)
    }

    pub(crate) fn authorised(&self) -> i64 {
        if self.approved_at().is_some() { self.asked.minor } else { 0 }
    }

    fn captured_at(&self) -> Option<i64> {
        if self.asked.hold {
            self.time_of(|change| matches!(change, Change::Completed(_)))
        } else {
            self.approved_at()
        }
    }

    pub(crate) fn captured(&self) -> i64 {
        if self.asked.hold {
            self.sum_of(|change| if let Change::Completed(minor) = change { *minor } else { 0 })
        } else {
            self.authorised()
        }
    }

    pub(crate) fn refunded(&self) -> i64 {
        self.sum_of(|change| match change {
            Change::Refunded(minor) | Change::ChargedBack(minor) => *minor,
            _ => 0,
        })
    }

    /// The last thing that happened to its money.
    fn last(&self) -> &Change {
        let mut changes = self.log.iter().rev().map(|(_, change)| change);
        let is_of_money = |change: &&Change| {
            !matches!(change, Change::Settled | Change::Screen(_) | Change::Rejected)
        };
        changes.find(is_of_money).unwrap_or(&Change::Registered)
    }

    pub(crate) fn state(&self) -> &'static str {
        match self.last() {
            Change::Registered | Change::Settled | Change::Screen(_) | Change::Rejected => {
                "registered"
            }
            Change::Approved if self.asked.hold => "authorised",
            Change::Approved | Change::Completed(_) => "captured",
            Change::Reversed => "reversed",
            Change::Refunded(_) | Change::ChargedBack(_) if self.refunded() == self.captured() => {
                "refunded"
            }
            Change::Refunded(_) | Change::ChargedBack(_) => "partlyRefunded",
            Change::Failed(_) => "failed",
            Change::Cancelled => "cancelled",
            Change::Expired => "expired",
        }
    }

    pub(crate) fn failure(&self) -> Option<&str> {
        match self.last() {
            Change::Failed(reason) => Some(reason),
            Change::Cancelled => Some("payer.cancelled"),
            Change::Expired => Some("order.expired"),
            _ => None,
        }
    }

    /// Let go without having been taken.
    pub(crate) fn released(&self) -> i64 {
        match self.state() {
            "reversed" | "failed" | "expired" => self.authorised() - self.captured(),
            _ if self.captured() > 0 => self.authorised() - self.captured(),
            _ => 0,
        }
    }

    pub(crate) fn returned(&self) -> i64 {
        let taken_back = ["reversed", "failed"].contains(&self.state());
        self.refunded() + if taken_back { self.captured() } else { 0 }
    }

    pub(crate) fn refundable(&self) -> i64 {
        let has_money = ["captured", "partlyRefunded"].contains(&self.state());
        if has_money { self.captured() - self.refunded() } else { 0 }
    }

    /// Its sum as lists of orders tell it.
    fn told(&self) -> i64 {
        let is_completed = self.asked.hold && self.captured() > 0;
        if is_completed { self.captured() } else { self.asked.minor }
    }

    /// Its row in a list of orders.
    pub(super) fn row(&self, now: i64) -> String {
        let asked = &self.asked;
        let given_back = |(_, change): &(i64, Change)| {
            matches!(change, Change::Refunded(_) | Change::ChargedBack(_))
        };
        let flags = [
            self.is_settled(now),
            self.state() == "reversed",
            self.log.iter().any(given_back),
            !["registered", "failed", "cancelled", "expired"].contains(&self.state()),
        ];
        let (trt, currency) = (if asked.hold { "12" } else { "10" }, asked.currency());
        let (day, sum) = (date(day(self.created())), self.told());
        format!("{day} {} {trt} {sum} {currency} {flags:?}", self.tx_id)
    }

    /// The reason that reconciliation has for a row of that kind and sum.
    pub(super) fn reconciled(&self, kind: &str, minor: i64) -> &'static str {
        let (captured, state) = (self.captured(), self.state());
        let (is_failed, is_reversed) = (state == "failed", state == "reversed");
        let (happened, sum) = match (kind, self.asked.hold) {
            ("PURCHASE", false) | ("PRE_AUTH_COMPLETE", true) => (!is_failed, captured),
            ("PRE_AUTH", true) => (!is_failed, self.authorised()),
            ("PURCHASE_REVERSAL", false) | ("PRE_AUTH_COMPLETE_REVERSAL", true) => {
                (is_reversed, captured)
            }
            ("PRE_AUTH_REVERSAL", true) => (is_reversed && captured == 0, self.authorised()),
            ("REFUND", _) => (true, self.refunded()),
            _ => (false, 0),
        };
        let refunds = self.log.iter().filter_map(|(_, change)| match change {
            Change::Refunded(minor) if kind == "REFUND" => Some(*minor),
            _ => None,
        });
        let mut sums = refunds.chain((happened && sum > 0).then_some(sum)).peekable();
        if sums.peek().is_none() {
            self.unsuccessful().unwrap_or("type.mismatch")
        } else if sums.any(|sum| sum == minor) {
            "success"
        } else {
            "amount.mismatch"
        }
    }

    /// The reason why it has no money yet, or never will.
    pub(super) fn unsuccessful(&self) -> Option<&'static str> {
        match self.state() {
            "registered" => Some("order.pending"),
            "failed" => Some("order.failed"),
            "cancelled" => Some("order.cancelled"),
            "expired" => Some("order.expired"),
            _ => None,
        }
    }

    /// Returns true if its page shows a QR.
    pub(crate) fn shows_qr(&self) -> bool {
        ["PAYON", "BAKONG_KHQR"].contains(&&*self.asked.method)
    }

    /// What its page shows, where that is a QR.
    pub(crate) fn screen(&self) -> Screen {
        let mut changes = self.log.iter().rev();
        let screen = changes.find_map(|(_, change)| match change {
            Change::Screen(screen) => Some(*screen),
            _ => None,
        });
        screen.unwrap_or_default()
    }

    /// Number of reports in vain.
    pub(super) fn rejections(&self) -> usize {
        self.log.iter().filter(|(_, change)| *change == Change::Rejected).count()
    }

    /// Returns true if its payer has begun to pay.
    pub(crate) fn is_being_paid(&self) -> bool {
        self.progress != Progress::default()
    }

    /// Time at which the one-time password ends that its payer is asked for.
    pub(super) fn otp_ends(&self) -> Option<i64> {
        self.progress.otp_ends().filter(|_| self.state() == "registered")
    }

    /// Until when it may be paid.
    pub(crate) fn payable_until(&self) -> i64 {
        self.created() + if self.shows_qr() { 10 * MINUTE_MS } else { 15 * MINUTE_MS }
    }

    /// Time at which it runs out, while it can.
    pub(crate) fn deadline(&self) -> Option<i64> {
        match self.state() {
            "registered" => Some(self.payable_until()),
            "authorised" => self.approved_at().map(|at| at + 7 * DAY_MS),
            _ => None,
        }
    }

    /// The day of its capture is over, or was closed for it by hand.
    pub(crate) fn is_settled(&self, now: i64) -> bool {
        let by_hand = self.time_of(|change| *change == Change::Settled).is_some();
        let is_over = self.captured_at().is_some_and(|at| day(at) < day(now));
        let keeps = ["captured", "partlyRefunded", "refunded"].contains(&self.state());
        keeps && (by_hand || is_over)
    }

    /// What comes of a wish, or the reason why nothing does.
    pub(crate) fn outcome(
        &self,
        wish: &Wish,
        now: i64,
        unsettled: UnsettledRule,
    ) -> Result<Change, &'static str> {
        let state = self.state();
        let settled = self.is_settled(now);
        let left = self.captured() - self.refunded();
        let has_money = ["captured", "partlyRefunded"].contains(&state);
        let all_there = ["authorised", "captured"].contains(&state);
        let closed = match state {
            "registered" => "order.pending",
            "failed" => "order.failed",
            "cancelled" => "order.cancelled",
            "expired" => "order.expired",
            "reversed" => "state.already-reversed",
            "refunded" => "state.already-refunded",
            _ => "order.already-paid",
        };
        let is_over = !["authorised", "captured", "partlyRefunded"].contains(&state);
        let or = |reason| if is_over { closed } else { reason };
        let payable = (state != "registered", closed);
        let is_wrong = |approval: &Approval| *approval == Approval::Wrong;
        let (objections, change) = match wish {
            Wish::Approve { late } => {
                let turns = *late
                    && self.approved_at().is_none()
                    && ["failed", "expired", "cancelled"].contains(&state);
                (vec![(payable.0 && !turns, closed)], Change::Approved)
            }
            Wish::Decline(reason) => (vec![payable], Change::Failed(reason.clone())),
            Wish::Cancel => (vec![payable], Change::Cancelled),
            Wish::Expire => {
                let is_open = ["registered", "authorised"].contains(&state);
                (vec![(!is_open, closed)], Change::Expired)
            }
            Wish::DeclineLate => (
                vec![(!all_there, or("state.not-allowed")), (settled, "state.already-settled")],
                Change::Failed("card.do-not-honour".to_owned()),
            ),
            Wish::Reverse(approval) => (
                vec![
                    (!all_there, or("state.not-allowed")),
                    (settled, "state.already-settled"),
                    (is_wrong(approval), "approval.mismatch"),
                ],
                Change::Reversed,
            ),
            Wish::Complete(minor) => (
                vec![
                    (!self.asked.hold, "state.not-authorised"),
                    (state != "authorised", or("state.already-captured")),
                    (*minor > self.authorised(), "amount.exceeds-authorised"),
                ],
                Change::Completed(*minor),
            ),
            Wish::Refund(minor, approval) => {
                let minor = minor.unwrap_or(left);
                let is_reversal = unsettled == UnsettledRule::Reverse
                    && !settled
                    && minor == left
                    && self.refunded() == 0;
                let is_refused = unsettled == UnsettledRule::Refuse && !settled;
                let change = if is_reversal { Change::Reversed } else { Change::Refunded(minor) };
                (
                    vec![
                        (!has_money, or("state.not-captured")),
                        (is_refused, "state.not-settled"),
                        (is_wrong(approval), "approval.mismatch"),
                        (minor > left, "amount.exceeds-captured"),
                    ],
                    change,
                )
            }
            Wish::Show(screen) => (
                vec![payable, (*screen < self.screen(), "state.not-allowed")],
                Change::Screen(*screen),
            ),
            Wish::ChargeBack => {
                (vec![(!has_money, or("state.not-captured"))], Change::ChargedBack(left))
            }
            Wish::Settle => (
                vec![
                    (settled, "state.already-settled"),
                    (!has_money && state != "refunded", or("state.not-captured")),
                ],
                Change::Settled,
            ),
        };
        match objections.into_iter().find(|(holds, _)| *holds) {
            Some((_, reason)) => Err(reason),
            None => Ok(change),
        }
    }
}
