//! The life-cycle rules: what a command does to an order in each state.
//!
//! Each rule looks first at the state, then at the settlement, then at what the request claims, and
//! last at the sums; a request that is wrong in several ways is always refused for the same reason.

use super::command::Command;
use super::order::{Change, Order, OrderKind, Screen};
use crate::base::{Amount, Millis, OrderState, Reason};
use crate::profile::{LifecycleRules, UnsettledRefund};

/// Events of an order past which it is refunded no more. Nothing else happens to one order time and again.
const HISTORY_MAX: usize = 1_000;

/// The change that `command` would make, or the reason why it may not.
pub(super) fn decide(
    order: &Order,
    now: Millis,
    rules: &LifecycleRules,
    command: &Command<'_>,
) -> Result<Change, Reason> {
    let state = state_at(order, now);
    let settled = order.is_settled(now, rules.settlement_cutoff_ms);
    match command {
        Command::Approve { number, late: false, .. } => {
            payable(state).map(|()| Change::Approved { number: *number })
        }
        Command::Approve { number, late: true, .. } => match state {
            OrderState::Failed | OrderState::Expired | OrderState::Cancelled
                if order.approval.is_none() =>
            {
                Ok(Change::Approved { number: *number })
            }
            _ => payable(state).map(|()| Change::Approved { number: *number }),
        },
        Command::Decline { reason, late: false, .. } => {
            payable(state).map(|()| Change::Failed(*reason))
        }
        Command::Decline { reason, late: true, .. } => {
            reversible(state, settled).map(|()| Change::Failed(*reason))
        }
        Command::Cancel => payable(state).map(|()| Change::Cancelled),
        Command::Complete { amount, currency } => {
            completable(order.kind, state)?;
            if *currency != order.currency {
                return Err(Reason::CurrencyMismatch);
            }
            within(*amount, order.totals.authorised, Reason::AmountExceedsAuthorised)?;
            Ok(Change::Completed(*amount))
        }
        Command::Reverse { approval } => {
            reversible(state, settled)?;
            same_approval(order, *approval)?;
            Ok(Change::Reversed)
        }
        Command::Refund { amount, approval } => {
            captured(state)?;
            if order.history.len() >= HISTORY_MAX {
                return Err(Reason::SimulatorFull);
            }
            if !settled && rules.refund_unsettled == UnsettledRefund::Refuse {
                return Err(Reason::NotSettled);
            }
            same_approval(order, *approval)?;
            let left = order.totals.unrefunded();
            let amount = amount.filter(|_| rules.partial_refund).unwrap_or(left);
            within(amount, left, Reason::AmountExceedsCaptured)?;
            let whole = state == OrderState::Captured && amount == left;
            if whole && !settled && rules.refund_unsettled == UnsettledRefund::Reverse {
                Ok(Change::Reversed)
            } else {
                Ok(Change::Refunded(amount))
            }
        }
        Command::ChargeBack => {
            captured(state).map(|()| Change::ChargedBack(order.totals.unrefunded()))
        }
        Command::Expire if state.is_open() => Ok(Change::Expired),
        Command::Expire => Err(closed_reason(state)),
        Command::Settle => match state {
            _ if settled => Err(Reason::AlreadySettled),
            OrderState::Refunded => Ok(Change::Settled),
            _ => captured(state).map(|()| Change::Settled),
        },
        Command::Show(screen) => shown(order, state, *screen).map(Change::Screen),
        Command::Reject(reason) => Ok(Change::Rejected(*reason)),
    }
}

/// The state as time has it: an open order past its deadline is expired, whether or not anybody
/// has looked.
fn state_at(order: &Order, now: Millis) -> OrderState {
    if order.state.is_open() && now >= order.deadline { OrderState::Expired } else { order.state }
}

/// Returns true if the payer's screen may turn: a QR order that can still be paid, and never back.
fn shown(order: &Order, state: OrderState, screen: Screen) -> Result<Screen, Reason> {
    payable(state)?;
    if screen < order.screen { Err(Reason::StateNotAllowed) } else { Ok(screen) }
}

/// Returns true if the payer may still pay, fail or give up.
fn payable(state: OrderState) -> Result<(), Reason> {
    if state == OrderState::Registered { Ok(()) } else { Err(closed_reason(state)) }
}

/// Returns true if all of it can still be taken back as if it had not been.
fn reversible(state: OrderState, settled: bool) -> Result<(), Reason> {
    match state {
        OrderState::Captured if settled => Err(Reason::AlreadySettled),
        OrderState::Authorised | OrderState::Captured => Ok(()),
        OrderState::PartlyRefunded => Err(Reason::StateNotAllowed),
        _ => Err(closed_reason(state)),
    }
}

/// Returns true if money was captured and some of it is left.
fn captured(state: OrderState) -> Result<(), Reason> {
    match state {
        OrderState::Captured | OrderState::PartlyRefunded => Ok(()),
        OrderState::Authorised => Err(Reason::NotCaptured),
        _ => Err(closed_reason(state)),
    }
}

fn completable(kind: OrderKind, state: OrderState) -> Result<(), Reason> {
    match (kind, state) {
        (OrderKind::Purchase, _) => Err(Reason::NotAuthorised),
        (OrderKind::PreAuth, OrderState::Authorised) => Ok(()),
        (OrderKind::PreAuth, OrderState::Captured | OrderState::PartlyRefunded) => {
            Err(Reason::AlreadyCaptured)
        }
        (OrderKind::PreAuth, _) => Err(closed_reason(state)),
    }
}

/// Closing of an order, as the reason why it takes no payment or has no money to move.
fn closed_reason(state: OrderState) -> Reason {
    match state {
        OrderState::Registered => Reason::OrderPending,
        OrderState::Failed => Reason::OrderFailed,
        OrderState::Cancelled => Reason::OrderCancelled,
        OrderState::Expired => Reason::OrderExpired,
        OrderState::Reversed => Reason::AlreadyReversed,
        OrderState::Refunded => Reason::AlreadyRefunded,
        OrderState::Authorised | OrderState::Captured | OrderState::PartlyRefunded => {
            Reason::OrderAlreadyPaid
        }
    }
}

/// More than nothing and at most `most`.
fn within(amount: Amount, most: Amount, exceeds: Reason) -> Result<(), Reason> {
    match amount {
        _ if amount <= Amount::ZERO => Err(Reason::AmountInvalid),
        _ if amount > most => Err(exceeds),
        _ => Ok(()),
    }
}

fn same_approval(order: &Order, sent: Option<&str>) -> Result<(), Reason> {
    let Some(sent) = sent else { return Ok(()) };
    let own = order.approval.map(|approval| format!("{:06}", approval.number));
    if own.as_deref() == Some(sent) { Ok(()) } else { Err(Reason::ApprovalMismatch) }
}
