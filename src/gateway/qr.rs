//! `POST /pg/notifyqrscanned`, `/pg/notifyprocessingpayment`, `/pg/notifycompletionpayment` and
//! `/pg/cancelqrpayment`: a paying app tells how far it is with a QR, and how it ended.

use super::context::{Refused, RequestContext, order_at};
use super::payer;
use crate::base::{Amount, Currency, Fields, Reason};
use crate::ledger::{Command, Order, OrderId, Screen, Target};
use crate::space::Transaction;
use crate::wire::{self, AmountText, Envelope, Outcome, notify_completion, qr};

pub(super) fn show(
    context: &RequestContext<'_>,
    fields: &Fields<'_>,
    screen: Screen,
) -> Result<Vec<u8>, Refused> {
    let request = qr::QrRequest::read(fields)?;
    context.admit(&request.merchant_id, &request.term_id, fields)?;
    let report = QrReport::of(&request.merchant_id, &request.term_id, &request.tx_id);
    report.take(context, |order| {
        order_amount(order, &request.amount)?;
        // Told again, the screen stays as it is.
        Ok((order.screen != screen).then_some(Command::Show(screen)))
    })
}

pub(super) fn cancel(
    context: &RequestContext<'_>,
    fields: &Fields<'_>,
) -> Result<Vec<u8>, Refused> {
    let request = qr::QrRequest::read(fields)?;
    context.admit(&request.merchant_id, &request.term_id, fields)?;
    let report = QrReport::of(&request.merchant_id, &request.term_id, &request.tx_id);
    report.take(context, |order| {
        order_amount(order, &request.amount)?;
        Ok(Some(Command::Cancel))
    })
}

pub(super) fn complete(
    context: &RequestContext<'_>,
    fields: &Fields<'_>,
) -> Result<Vec<u8>, Refused> {
    let request = notify_completion::NotifyCompletionRequest::read(fields)?;
    context.admit(&request.merchant_id, &request.term_id, fields)?;
    let report = QrReport::of(&request.merchant_id, &request.term_id, &request.tx_id);
    let outcome = report.take(context, |order| {
        same_price(order, request.amount, request.currency)?;
        let instrument = payer::of_app(context.space.profile(), order.method);
        Ok(Some(match request.outcome {
            Outcome::Success => Command::Approve {
                number: approval_number(context, &request),
                instrument,
                late: false,
            },
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

/// The order that a report is about.
struct QrReport<'r> {
    merchant: &'r str,
    terminal: &'r str,
    tx_id: &'r str,
}

impl<'r> QrReport<'r> {
    fn of(merchant: &'r str, terminal: &'r str, tx_id: &'r str) -> Self {
        Self { merchant, terminal, tx_id }
    }

    /// Books what `command` makes of the report: first the order must be one that shows a QR and
    /// can still be paid, then the report must fit it. A report that is refused is noted in the
    /// order's history.
    fn take(
        &self,
        context: &RequestContext<'_>,
        command: impl FnOnce(&Order) -> Result<Option<Command<'static>>, Refused>,
    ) -> Result<Vec<u8>, Refused> {
        let target = Target::Named { merchant: self.merchant, tx_id: self.tx_id };
        context.write(|transaction| {
            let order = order_at(transaction.ledger(), self.terminal, target)?;
            if !order.method.shows_qr() {
                let detail = format!("orders of {} show no QR", order.method);
                return Err(Refused::with(Reason::MethodNotOffered, detail));
            }
            let id = order.id;
            let booked = Self::book(context, transaction, id, command);
            if let Err(refused) = &booked {
                let noted = Command::Reject(refused.reason);
                let event = transaction.ledger().decide(transaction.now, Target::At(id), noted)?;
                transaction.book(event, context.arrival.trace);
            }
            booked
        })?;
        let success = context.success();
        Ok(wire::encode(&Envelope::bare(success.code, success.message)))
    }

    fn book(
        context: &RequestContext<'_>,
        transaction: &mut Transaction<'_>,
        id: OrderId,
        command: impl FnOnce(&Order) -> Result<Option<Command<'static>>, Refused>,
    ) -> Result<(), Refused> {
        let (ledger, now, target) = (transaction.ledger(), transaction.now, Target::At(id));
        let order = ledger.find(target).ok_or(Reason::OrderNotFound)?;
        // Asked before the report is held against the order, so that what is paid or expired says so.
        ledger.decide(now, target, Command::Cancel)?;
        if let Some(command) = command(order)? {
            let event = ledger.decide(now, target, command)?;
            transaction.book(event, context.arrival.trace).ok_or(Reason::SystemError)?;
        }
        Ok(())
    }
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
fn approval_number(
    context: &RequestContext<'_>,
    request: &notify_completion::NotifyCompletionRequest<'_>,
) -> u32 {
    let sent = &request.approval_no;
    let digits = sent.len() <= 6 && sent.bytes().all(|byte| byte.is_ascii_digit());
    sent.parse().ok().filter(|_| digits).unwrap_or_else(|| {
        payer::approval_number(context.arrival.seed, &request.merchant_id, &request.tx_id)
    })
}
