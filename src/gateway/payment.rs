//! `POST /pg/reversal`, `/pg/refund` and `/pg/preAuthCompletion`: they share their answer and their course.

use arrayvec::ArrayString;

use super::context::{Refused, RequestContext, order_at};
use crate::base::{Amount, Fields, Reason};
use crate::ledger::{Change, Command, Order, Target};
use crate::space::Lint;
use crate::wire::payment::PaymentReply;
use crate::wire::{self, AmountText, FixedAmount, completion, refund, reversal};

pub(super) fn reverse(
    context: &RequestContext<'_>,
    fields: &Fields<'_>,
) -> Result<Vec<u8>, Refused> {
    let request = reversal::ReversalRequest::read(fields)?;
    let whose = Whose::of(&request.merchant_id, &request.term_id, &request.tx_id);
    settle(context, fields, &whose, |_| {
        Ok(Command::Reverse { approval: request.approval_no.as_deref() })
    })
}

pub(super) fn refund(
    context: &RequestContext<'_>,
    fields: &Fields<'_>,
) -> Result<Vec<u8>, Refused> {
    let request = refund::RefundRequest::read(fields)?;
    let whose = Whose::of(&request.merchant_id, &request.term_id, &request.tx_id);
    settle(context, fields, &whose, |order| {
        let amount = amount_of(order, request.amount.as_ref())?;
        Ok(Command::Refund { amount, approval: request.approval_no.as_deref() })
    })
}

pub(super) fn complete(
    context: &RequestContext<'_>,
    fields: &Fields<'_>,
) -> Result<Vec<u8>, Refused> {
    let request = completion::CompletionRequest::read(fields)?;
    let whose = Whose::of(&request.merchant_id, &request.term_id, &request.tx_id);
    settle(context, fields, &whose, |_| {
        let (amount, currency) = (request.price.amount, request.price.currency);
        Ok(Command::Complete { amount, currency })
    })
}

/// The three identifiers that each of these requests begins with.
struct Whose<'r> {
    merchant: &'r str,
    terminal: &'r str,
    tx_id: &'r str,
}

impl<'r> Whose<'r> {
    fn of(merchant: &'r str, terminal: &'r str, tx_id: &'r str) -> Self {
        Self { merchant, terminal, tx_id }
    }
}

/// Admits the caller, books the command that `command` makes for the order, and answers.
fn settle<'r>(
    context: &RequestContext<'_>,
    fields: &Fields<'_>,
    whose: &Whose<'r>,
    command: impl FnOnce(&Order) -> Result<Command<'r>, Refused>,
) -> Result<Vec<u8>, Refused> {
    context.admit(whose.merchant, whose.terminal, fields)?;
    let target = Target::Named { merchant: whose.merchant, tx_id: whose.tx_id };
    let facts = context.write(|transaction| {
        let order = order_at(transaction.ledger(), whose.terminal, target)?;
        if order.is_unchecked() {
            context.find(Lint::StatusNotAsked, "txId")?;
        }
        let (id, command) = (order.id, command(order)?);
        let event = transaction.ledger().decide(transaction.now, Target::At(id), command)?;
        let change = event.change;
        let order = transaction.book(event, context.arrival.trace).ok_or(Reason::SystemError)?;
        Ok(PaymentFacts::of(order, change))
    })?;
    let success = context.success();
    Ok(wire::encode(&PaymentReply {
        tx_id: Some(whose.tx_id.into()),
        merchant_id: Some(whose.merchant.into()),
        term_id: Some(whose.terminal.into()),
        amount: Some(facts.amount),
        currency: Some(facts.amount.1),
        result_code: success.code.into(),
        result_message: success.message.into(),
        approval_no: facts.approval_no.as_deref().map(Into::into),
        approval_date: Some(facts.approval_date.as_str().into()),
        acs_url: None,
        ref_no: facts.ref_no.as_deref().map(Into::into),
        transaction_amount: None,
    }))
}

/// Facts for the reply, copied out of the critical section.
struct PaymentFacts {
    amount: FixedAmount,
    approval_no: Option<ArrayString<6>>,
    approval_date: ArrayString<14>,
    ref_no: Option<ArrayString<12>>,
}

impl PaymentFacts {
    fn of(order: &Order, change: Change) -> Self {
        let moved = match change {
            Change::Completed(amount) | Change::Refunded(amount) => amount,
            _ if order.totals.captured > Amount::ZERO => order.totals.captured,
            _ => order.totals.authorised,
        };
        let at = order.history.last().map_or(order.created, |entry| entry.at);
        Self {
            amount: FixedAmount(moved, order.currency),
            approval_no: order.approval_digits(),
            approval_date: at.day_first_digits(),
            ref_no: order.reference(),
        }
    }
}

/// The amount of a partial refund, in the order's currency.
fn amount_of(order: &Order, sent: Option<&AmountText<'_>>) -> Result<Option<Amount>, Refused> {
    sent.map(|text| text.of(order.currency)).transpose().map_err(Refused::from)
}
