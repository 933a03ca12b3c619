//! `POST /pg/merchant/reconcilation`: the merchant's books against the ledger, row by row.

use super::admission::{order_at, recognise};
use super::context::{Refused, RequestContext};
use crate::base::{Amount, Fields, OrderState, Reason};
use crate::ledger::{Change, Order, OrderKind, Target};
use crate::space::Transaction;
use crate::wire::reconciliation::{self, ReconciliationRow};
use crate::wire::{self, ReconciliationResult, TransactionType, UnreadableRequest};

/// `reconciliationDv` of a row that agrees (example).
const APPROVED: &str = "APPROVED";

pub(super) fn answer(
    context: &mut RequestContext<'_>,
    body: &[Fields<'_>],
) -> Result<Vec<u8>, Refused> {
    let rows = reconciliation::read(body)?;
    for row in rows.iter().flatten() {
        if let Some(merchant) = context.space.merchant(&row.merchant_id) {
            context.check_token(&merchant)?;
        }
    }
    let is_known = |row: &ReconciliationRow<'_>| context.space.merchant(&row.merchant_id).is_some();
    if rows.iter().flatten().any(is_known) {
        context.consult_rows(body)?;
    }
    let judged: Vec<Result<(), Refused>> = context.write(|context, transaction| {
        let judge = |row: &Result<ReconciliationRow<'_>, UnreadableRequest>| match row {
            Ok(row) => judge(context.space.name(), transaction, row),
            Err(refusal) => Err(unreadable(refusal)),
        };
        Ok(rows.iter().map(judge).collect())
    })?;
    let answers: Vec<ReconciliationResult<'_>> = std::iter::zip(&rows, body)
        .zip(&judged)
        .map(|((row, fields), judged)| {
            let reason =
                judged.as_ref().map_or_else(|refused| refused.reason, |()| Reason::Success);
            let said = context.answer(reason);
            match row {
                Ok(row) => row.answer(judged.is_ok().then_some(APPROVED), said.code, said.message),
                Err(_) => ReconciliationResult::unreadable(fields, said.code, said.message),
            }
        })
        .collect();
    for (number, refused) in (1..).zip(&judged) {
        if let Err(refused) = refused {
            context.remark(format_args!("row {number}: {refused}"));
            if !context.row_reasons.contains(&refused.reason) {
                context.row_reasons.push(refused.reason);
            }
        }
    }
    Ok(wire::encode(&answers))
}

/// The first that does not agree, in a fixed order: merchant, terminal, transaction, customer, what
/// happened, total.
fn judge(
    space: &str,
    transaction: &Transaction<'_>,
    row: &ReconciliationRow<'_>,
) -> Result<(), Refused> {
    recognise(transaction.merchant(&row.merchant_id), space, &row.merchant_id, &row.term_id)?;
    let ledger = transaction.ledger();
    let target = Target::Named { merchant: &row.merchant_id, tx_id: &row.tx_id };
    let order = order_at(ledger, &row.term_id, target)?;
    let details = order.details();
    let same = |sent: Option<&str>, own: Option<&str>| sent.is_none_or(|sent| own == Some(sent));
    if !same(row.buyer_id.as_deref(), details.buyer_id.as_deref())
        || !same(row.seller_id.as_deref(), details.seller_id.as_deref())
    {
        let detail = "buyerId or sellerId is not what the order was registered with";
        return Err(Refused::with(Reason::CustomerInvalid, detail));
    }
    let sums = sums(order, row.transaction_type);
    if sums.is_empty() {
        let happened = order.unsuccessful().unwrap_or(Reason::TypeMismatch);
        let detail = format!("the order is {}", order.state.name());
        return Err(Refused::with(happened, detail));
    }
    let fee = ledger.rules().fee_basis_points;
    let sent = row.grand_total.of(order.currency);
    let sent = sent.map_err(|refusal| Refused::with(Reason::AmountMismatch, refusal.detail))?;
    if sums.iter().any(|sum| with_fee(*sum, fee) == sent) {
        Ok(())
    } else {
        let expected = with_fee(sums[0], fee).fixed(order.currency);
        let detail = format!("grandToTAmt should be {expected}, fee included");
        Err(Refused::with(Reason::AmountMismatch, detail))
    }
}

/// The sums without fee that a row of this type may name; none where it did not happen. A payment
/// that was reversed later was still a payment. A refund row may name one refund or all together.
fn sums(order: &Order, claimed: TransactionType) -> Vec<Amount> {
    use TransactionType as Type;
    let totals = order.totals;
    let declined = order.state == OrderState::Failed;
    let reversed = order.state == OrderState::Reversed;
    let captured = totals.captured > Amount::ZERO;
    let (happened, sum) = match (claimed, order.kind) {
        (Type::Purchase, OrderKind::Purchase) | (Type::PreAuthComplete, OrderKind::PreAuth) => {
            (captured && !declined, totals.captured)
        }
        (Type::PreAuth, OrderKind::PreAuth) => (!declined, totals.authorised),
        (Type::PurchaseReversal, OrderKind::Purchase) => (reversed, totals.captured),
        (Type::PreAuthReversal, OrderKind::PreAuth) => (reversed && !captured, totals.authorised),
        (Type::PreAuthCompleteReversal, OrderKind::PreAuth) => {
            (reversed && captured, totals.captured)
        }
        (Type::Refund, _) => (true, totals.refunded),
        _ => (false, Amount::ZERO),
    };
    let mut sums: Vec<Amount> =
        Some(sum).filter(|sum| happened && *sum > Amount::ZERO).into_iter().collect();
    if claimed == Type::Refund {
        sums.extend(order.history.iter().filter_map(|entry| match entry.change {
            Change::Refunded(amount) => Some(amount),
            _ => None,
        }));
    }
    sums
}

/// `amount` and its fee, rounded to the nearest minor unit.
fn with_fee(amount: Amount, basis_points: u32) -> Amount {
    let fee = (i128::from(amount.minor()) * i128::from(basis_points) + 5_000) / 10_000;
    let fee = Amount::from_minor(i64::try_from(fee).unwrap_or(i64::MAX));
    amount.plus(fee).unwrap_or(amount)
}

/// A row that cannot be read has one of the documented codes too: that of the member at fault.
fn unreadable(refusal: &UnreadableRequest) -> Refused {
    let reason = match refusal.field {
        Some("merchantId") => Reason::MerchantUnknown,
        Some("termId") => Reason::TerminalUnknown,
        Some("buyerId" | "sellerId") => Reason::CustomerInvalid,
        _ => Reason::OrderNotFound,
    };
    Refused::with(reason, refusal.detail.clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fee_is_rounded_to_the_nearest_cent() {
        let total = |minor, basis_points| with_fee(Amount::from_minor(minor), basis_points).minor();
        assert_eq!(total(100, 0), 100);
        assert_eq!(total(100, 500), 105);
        assert_eq!(total(333, 150), 338);
        assert_eq!(total(10, 450), 10);
        assert_eq!(total(10, 500), 11);
        assert_eq!(total(999_999_999_999, 10_000), 1_999_999_999_998);
    }
}
