//! `POST /pg/reversal`, `/pg/refund` and `/pg/preAuthCompletion`: they share their answer and their course.

use super::admission::order_at;
use super::context::{Refused, RequestContext};
use crate::base::{Amount, Fields, Reason};
use crate::ledger::{Change, Command, Order, Target};
use crate::space::Lint;
use crate::wire::payment::PaymentReply;
use crate::wire::{self, AmountText, FixedAmount, completion, refund, reversal};

pub(super) fn reverse(
    context: &mut RequestContext<'_>,
    fields: &Fields<'_>,
) -> Result<Vec<u8>, Refused> {
    let request = reversal::ReversalRequest::read(fields)?;
    let named = [&*request.merchant_id, &request.term_id, &request.tx_id];
    settle(context, fields, named, |_| {
        Ok(Command::Reverse { approval: request.approval_no.as_deref() })
    })
}

pub(super) fn refund(
    context: &mut RequestContext<'_>,
    fields: &Fields<'_>,
) -> Result<Vec<u8>, Refused> {
    let request = refund::RefundRequest::read(fields)?;
    let named = [&*request.merchant_id, &request.term_id, &request.tx_id];
    settle(context, fields, named, |order| {
        let amount = amount_of(order, request.amount.as_ref())?;
        Ok(Command::Refund { amount, approval: request.approval_no.as_deref() })
    })
}

pub(super) fn complete(
    context: &mut RequestContext<'_>,
    fields: &Fields<'_>,
) -> Result<Vec<u8>, Refused> {
    let request = completion::CompletionRequest::read(fields)?;
    let named = [&*request.merchant_id, &request.term_id, &request.tx_id];
    settle(context, fields, named, |_| {
        let (amount, currency) = (request.price.amount, request.price.currency);
        Ok(Command::Complete { amount, currency })
    })
}

/// Admits the caller, books the command that `command` makes for the order, and answers. All of these requests begin
/// with merchant, terminal and order.
fn settle<'r>(
    context: &mut RequestContext<'_>,
    fields: &Fields<'_>,
    [merchant, terminal, tx_id]: [&'r str; 3],
    command: impl FnOnce(&Order) -> Result<Command<'r>, Refused>,
) -> Result<Vec<u8>, Refused> {
    context.admit(merchant, terminal, fields)?;
    let success = context.success();
    let mut reply = PaymentReply {
        tx_id: Some(tx_id.into()),
        merchant_id: Some(merchant.into()),
        term_id: Some(terminal.into()),
        result_code: success.code.into(),
        result_message: success.message.into(),
        ..PaymentReply::default()
    };
    context.write(|context, transaction| {
        let order = order_at(transaction.ledger(), terminal, Target::Named { merchant, tx_id })?;
        if order.is_unchecked() {
            context.find(Lint::StatusNotAsked, "txId")?;
        }
        let (id, command) = (order.id, command(order)?);
        let event = transaction.ledger().decide(transaction.now, Target::At(id), command)?;
        let change = event.change;
        let order = transaction.book(event, context.arrival.trace).ok_or(Reason::SystemError)?;
        let at = order.history.last().map_or(order.created, |entry| entry.at);
        reply.amount = Some(FixedAmount(moved(order, change), order.currency));
        reply.currency = Some(order.currency);
        reply.approval_no = order.approval_digits();
        reply.approval_date = Some(at.day_first_digits());
        reply.ref_no = order.reference();
        Ok(())
    })?;
    Ok(wire::encode(&reply))
}

/// The amount that a change has moved.
fn moved(order: &Order, change: Change) -> Amount {
    match change {
        Change::Completed(amount) | Change::Refunded(amount) => amount,
        _ if order.totals.captured > Amount::ZERO => order.totals.captured,
        _ => order.totals.authorised,
    }
}

/// The amount of a partial refund, in the order's currency.
fn amount_of(order: &Order, sent: Option<&AmountText<'_>>) -> Result<Option<Amount>, Refused> {
    sent.map(|text| text.of(order.currency)).transpose().map_err(Refused::from)
}
