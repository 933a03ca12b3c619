//! `POST /pg/notifyqrscanned`, `/pg/notifyprocessingpayment`, `/pg/notifycompletionpayment` and
//! `/pg/cancelqrpayment`: a paying app tells how far it is with a QR, and how it ended.

use super::admission::order_at;
use super::context::{Refused, RequestContext};
use super::payer;
use crate::base::{Amount, Currency, Fields, Reason, Seed};
use crate::ledger::{Command, Order, OrderId, Screen, Target};
use crate::space::{RequestId, Transaction};
use crate::wire::{self, AmountText, Envelope, Outcome, notify_completion, qr};

pub(super) fn show(
    context: &mut RequestContext<'_>,
    fields: &Fields<'_>,
    screen: Screen,
) -> Result<Vec<u8>, Refused> {
    let request = qr::QrRequest::read(fields)?;
    let named = [&*request.merchant_id, &request.term_id, &request.tx_id];
    take(context, fields, named, |order| {
        order_amount(order, &request.amount)?;
        // Told again, the screen stays as it is.
        Ok((order.screen != screen).then_some(Command::Show(screen)))
    })
}

pub(super) fn cancel(
    context: &mut RequestContext<'_>,
    fields: &Fields<'_>,
) -> Result<Vec<u8>, Refused> {
    let request = qr::QrRequest::read(fields)?;
    let named = [&*request.merchant_id, &request.term_id, &request.tx_id];
    take(context, fields, named, |order| {
        order_amount(order, &request.amount)?;
        Ok(Some(Command::Cancel))
    })
}

pub(super) fn complete(
    context: &mut RequestContext<'_>,
    fields: &Fields<'_>,
) -> Result<Vec<u8>, Refused> {
    let request = notify_completion::NotifyCompletionRequest::read(fields)?;
    let profile = context.space.profile();
    let number = approval_number(context.arrival.seed, &request);
    let named = [&*request.merchant_id, &request.term_id, &request.tx_id];
    let outcome = take(context, fields, named, |order| {
        same_price(order, request.amount, request.currency)?;
        let instrument = payer::of_app(profile, order.method);
        Ok(Some(match request.outcome {
            Outcome::Success => Command::Approve { number, instrument, late: false },
            Outcome::Error => Command::Decline {
                reason: Reason::QrDeclined,
                instrument: Some(instrument),
                late: false,
            },
        }))
    });
    // The money has left the payer's account after the QR was no longer good.
    outcome.map_err(|refused| match (refused.reason, request.outcome) {
        (Reason::OrderExpired, Outcome::Success) => Refused { reason: Reason::QrLate, ..refused },
        _ => refused,
    })
}

/// Admits the caller and books what `command` makes of its report on an order, which is named by merchant, terminal and
/// `txId`. First the order must be one that shows a QR and can still be paid, then the report must fit it. A report that
/// is refused is noted in the order's history.
fn take(
    context: &mut RequestContext<'_>,
    fields: &Fields<'_>,
    [merchant, terminal, tx_id]: [&str; 3],
    command: impl FnOnce(&Order) -> Result<Option<Command<'static>>, Refused>,
) -> Result<Vec<u8>, Refused> {
    context.admit(merchant, terminal, fields)?;
    context.write(|context, transaction| {
        let order = order_at(transaction.ledger(), terminal, Target::Named { merchant, tx_id })?;
        if !order.method.shows_qr() {
            let detail = format!("orders of {} show no QR", order.method);
            return Err(Refused::with(Reason::MethodNotOffered, detail));
        }
        let (id, trace) = (order.id, context.arrival.trace);
        let booked = book(transaction, trace, id, command);
        if let Err(refused) = &booked {
            let noted = Command::Reject(refused.reason);
            let event = transaction.ledger().decide(transaction.now, Target::At(id), noted)?;
            transaction.book(event, trace);
        }
        booked
    })?;
    let success = context.success();
    Ok(wire::encode(&Envelope::bare(success.code, success.message)))
}

fn book(
    transaction: &mut Transaction<'_>,
    trace: RequestId,
    id: OrderId,
    command: impl FnOnce(&Order) -> Result<Option<Command<'static>>, Refused>,
) -> Result<(), Refused> {
    let (ledger, now, target) = (transaction.ledger(), transaction.now, Target::At(id));
    let order = ledger.find(target).ok_or(Reason::OrderNotFound)?;
    // Asked before the report is held against the order, so that what is paid or expired says so.
    ledger.decide(now, target, Command::Cancel)?;
    if let Some(command) = command(order)? {
        let event = ledger.decide(now, target, command)?;
        transaction.book(event, trace).ok_or(Reason::SystemError)?;
    }
    Ok(())
}

fn order_amount(order: &Order, sent: &AmountText<'_>) -> Result<(), Refused> {
    same_price(order, sent.of(order.currency)?, order.currency)
}

fn same_price(order: &Order, amount: Amount, currency: Currency) -> Result<(), Refused> {
    if currency != order.currency {
        let detail = format!("the order is in {}", order.currency.code());
        return Err(Refused::with(Reason::CurrencyMismatch, detail));
    }
    if amount != order.amount {
        let detail = format!("the order is for {}", order.amount.fixed(order.currency));
        return Err(Refused::with(Reason::AmountMismatch, detail));
    }
    Ok(())
}

/// `APPROVAL_NO` where it has up to six digits, as PAYON's own have; else six digits that depend on
/// the seed and the order (assumed).
fn approval_number(seed: Seed, request: &notify_completion::NotifyCompletionRequest<'_>) -> u32 {
    let sent = &request.approval_no;
    let digits = sent.len() <= 6 && sent.bytes().all(|byte| byte.is_ascii_digit());
    sent.parse()
        .ok()
        .filter(|_| digits)
        .unwrap_or_else(|| payer::approval_number(seed, &request.merchant_id, &request.tx_id))
}
