//! The life-cycle rules: what a command does to an order in each state.
//!
//! Each rule looks first at the state, then at what the request claims, then at the sums; so a
//! request that is wrong in several ways is always refused for the same reason.

use super::command::Command;
use super::order::{Change, Order, OrderKind, Screen};
use crate::base::{Amount, Millis, OrderState, Reason};
use crate::profile::{Rules, UnsettledRefund};

/// What `command` would change, or why it may not.
pub(super) fn decide(
    order: &Order,
    now: Millis,
    rules: &Rules,
    command: &Command<'_>,
) -> Result<Change, Reason> {
    match command {
        Command::Approve { number, late, .. } => {
            if *late {
                late_approval(order)?;
            } else {
                payable(order, now)?;
            }
            Ok(Change::Approved { number: *number })
        }
        Command::Decline { reason, late: false, .. } => {
            payable(order, now)?;
            Ok(Change::Failed(*reason))
        }
        Command::Decline { reason, late: true, .. } => late_decline(order, now, rules, *reason),
        Command::Cancel => payable(order, now).map(|()| Change::Cancelled),
        Command::Complete { amount, currency } => {
            completable(order, now)?;
            if *currency != order.currency {
                return Err(Reason::CurrencyMismatch);
            }
            if *amount > order.totals.authorised {
                return Err(Reason::AmountExceedsAuthorised);
            }
            Ok(Change::Completed(*amount))
        }
        Command::Reverse { approval } => reversal(order, now, rules, *approval),
        Command::Refund { amount } => refund(order, now, rules, *amount),
        Command::ChargeBack => match order.state {
            OrderState::Captured | OrderState::PartlyRefunded => {
                Ok(Change::ChargedBack(order.totals.refundable()))
            }
            _ => Err(unpaid_reason(order.state).unwrap_or(Reason::NotCaptured)),
        },
        Command::Expire if order.state.is_open() => Ok(Change::Expired),
        Command::Expire => Err(closed_reason(order)),
        Command::Settle => match order.state {
            _ if order.captured_at.is_none() => Err(Reason::NotCaptured),
            _ if order.is_settled(now, rules.settlement_cutoff_ms) => Err(Reason::AlreadySettled),
            OrderState::Reversed | OrderState::Failed => Err(closed_reason(order)),
            _ => Ok(Change::Settled),
        },
        Command::Show(screen) => shown(order, now, *screen).map(Change::Screen),
        Command::Reject(reason) => Ok(Change::Rejected(*reason)),
    }
}

/// Whether the payer's screen may turn: a QR order that can still be paid, and never back.
fn shown(order: &Order, now: Millis, screen: Screen) -> Result<Screen, Reason> {
    payable(order, now)?;
    if screen < order.screen { Err(Reason::StateNotAllowed) } else { Ok(screen) }
}

/// Whether the payer may still pay, fail or give up.
fn payable(order: &Order, now: Millis) -> Result<(), Reason> {
    match order.state {
        OrderState::Registered if now >= order.deadline => Err(Reason::OrderExpired),
        OrderState::Registered => Ok(()),
        _ => Err(closed_reason(order)),
    }
}

/// Why an order that has its answer takes no further payment.
fn closed_reason(order: &Order) -> Reason {
    match order.state {
        OrderState::Cancelled => Reason::OrderCancelled,
        OrderState::Expired => Reason::OrderExpired,
        OrderState::Failed => Reason::OrderFailed,
        OrderState::Reversed => Reason::AlreadyReversed,
        OrderState::Refunded => Reason::AlreadyRefunded,
        _ => Reason::OrderAlreadyPaid,
    }
}

/// Why nothing was ever taken, in states where that is so.
fn unpaid_reason(state: OrderState) -> Option<Reason> {
    match state {
        OrderState::Registered => Some(Reason::OrderPending),
        OrderState::Failed => Some(Reason::OrderFailed),
        OrderState::Cancelled => Some(Reason::OrderCancelled),
        OrderState::Expired => Some(Reason::OrderExpired),
        OrderState::Reversed => Some(Reason::AlreadyReversed),
        OrderState::Refunded => Some(Reason::AlreadyRefunded),
        OrderState::Authorised | OrderState::Captured | OrderState::PartlyRefunded => None,
    }
}

fn late_approval(order: &Order) -> Result<(), Reason> {
    match order.state {
        OrderState::Registered => Ok(()),
        OrderState::Failed | OrderState::Expired | OrderState::Cancelled
            if order.approval.is_none() =>
        {
            Ok(())
        }
        _ => Err(closed_reason(order)),
    }
}

fn late_decline(
    order: &Order,
    now: Millis,
    rules: &Rules,
    reason: Reason,
) -> Result<Change, Reason> {
    match order.state {
        _ if order.is_settled(now, rules.settlement_cutoff_ms) => Err(Reason::AlreadySettled),
        OrderState::Authorised | OrderState::Captured => Ok(Change::Failed(reason)),
        state => Err(unpaid_reason(state).unwrap_or(Reason::StateNotAllowed)),
    }
}

fn completable(order: &Order, now: Millis) -> Result<(), Reason> {
    match (order.kind, order.state) {
        (OrderKind::PreAuth, OrderState::Authorised) if now >= order.deadline => {
            Err(Reason::OrderExpired)
        }
        (OrderKind::PreAuth, OrderState::Authorised) => Ok(()),
        (OrderKind::PreAuth, OrderState::Captured | OrderState::PartlyRefunded) => {
            Err(Reason::AlreadyCaptured)
        }
        (OrderKind::PreAuth, state) => Err(unpaid_reason(state).unwrap_or(Reason::StateNotAllowed)),
        (OrderKind::Purchase, _) => Err(Reason::NotAuthorised),
    }
}

fn reversal(
    order: &Order,
    now: Millis,
    rules: &Rules,
    approval: Option<&str>,
) -> Result<Change, Reason> {
    match order.state {
        OrderState::Authorised if now >= order.deadline => return Err(Reason::OrderExpired),
        OrderState::Authorised | OrderState::Captured => {}
        state => return Err(unpaid_reason(state).unwrap_or(Reason::StateNotAllowed)),
    }
    if order.is_settled(now, rules.settlement_cutoff_ms) {
        return Err(Reason::AlreadySettled);
    }
    same_approval(order, approval)?;
    Ok(Change::Reversed)
}

fn refund(
    order: &Order,
    now: Millis,
    rules: &Rules,
    amount: Option<Amount>,
) -> Result<Change, Reason> {
    match order.state {
        OrderState::Captured | OrderState::PartlyRefunded => {}
        OrderState::Authorised => return Err(Reason::NotCaptured),
        state => return Err(unpaid_reason(state).unwrap_or(Reason::StateNotAllowed)),
    }
    let left = order.totals.refundable();
    let amount = amount.filter(|_| rules.partial_refund).unwrap_or(left);
    if amount > left {
        return Err(Reason::AmountExceedsCaptured);
    }
    let settled = order.is_settled(now, rules.settlement_cutoff_ms);
    let whole = order.state == OrderState::Captured && amount == left;
    match rules.refund_unsettled {
        UnsettledRefund::Refuse if !settled => Err(Reason::NotSettled),
        UnsettledRefund::Reverse if !settled && whole => Ok(Change::Reversed),
        _ => Ok(Change::Refunded(amount)),
    }
}

fn same_approval(order: &Order, sent: Option<&str>) -> Result<(), Reason> {
    let Some(sent) = sent else { return Ok(()) };
    let own = order.approval.map(|approval| format!("{:06}", approval.number));
    if own.as_deref() == Some(sent) { Ok(()) } else { Err(Reason::ApprovalMismatch) }
}
