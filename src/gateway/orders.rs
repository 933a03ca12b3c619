//! `POST /pg/orders`: a page of the merchant's orders.

use super::context::{Refused, RequestContext};
use crate::base::{Fields, Millis, OrderState, Reason};
use crate::ledger::{Change, Order, OrderKind};
use crate::profile::LifecycleRules;
use crate::wire::orders::{OrderListRequest, OrderRow};
use crate::wire::{self, ShortAmount, Trt};

/// Rows on a page where the request names no `limit` (assumed).
const LIMIT_DEFAULT: u32 = 100;

pub(super) fn answer(
    context: &mut RequestContext<'_>,
    fields: &Fields<'_>,
) -> Result<Vec<u8>, Refused> {
    let request = OrderListRequest::read(fields)?;
    context.admit(&request.merchant_id, &request.term_id, fields)?;
    let limit = request.limit.unwrap_or(LIMIT_DEFAULT) as usize;
    let skip = (request.index.unwrap_or(1).saturating_sub(1) as usize).saturating_mul(limit);
    let kind = request.trt.map(|trt| match trt {
        Trt::Purchase => OrderKind::Purchase,
        Trt::PreAuth => OrderKind::PreAuth,
    });
    let (merchant, terminal) = (&*request.merchant_id, &*request.term_id);
    let days = request.from_date..=request.to_date;
    let (orders, now, rules) = context.write(|_, transaction| {
        let ledger = transaction.ledger();
        let page = ledger.page(merchant, terminal, days, kind, skip, limit);
        let orders: Vec<Order> = page.into_iter().cloned().collect();
        Ok((orders, transaction.now, transaction.ledger().rules().clone()))
    })?;
    let rows: Vec<_> =
        orders.iter().map(|order| row(context, merchant, terminal, order, now, &rules)).collect();
    Ok(wire::encode(&rows))
}

fn row<'a>(
    context: &'a RequestContext<'_>,
    merchant: &'a str,
    terminal: &'a str,
    order: &'a Order,
    now: Millis,
    rules: &LifecycleRules,
) -> OrderRow<'a> {
    let wording = &context.space.profile().wording;
    let result = context.answer(order.unsuccessful().unwrap_or(Reason::Success));
    let refunded = order
        .history
        .iter()
        .any(|entry| matches!(entry.change, Change::Refunded(_) | Change::ChargedBack(_)));
    OrderRow {
        tx_dt: order.created.day().digits().to_string().into(),
        tx_seq_no: order.sequence().to_string().into(),
        tx_st_cd: wording.orders.state.get(order.state).into(),
        trt: match order.kind {
            OrderKind::Purchase => Trt::Purchase,
            OrderKind::PreAuth => Trt::PreAuth,
        },
        pay_dv_cd: wording.orders.pay_dv_cd.get(order.method).into(),
        payment_type: wording.payment_type.get(order.method).into(),
        merchant_id: merchant.into(),
        term_id: terminal.into(),
        trac_no: (&*order.tx_id).into(),
        amount: ShortAmount(order.told_amount(rules.completed_amount), order.currency),
        currency_code: order.currency,
        settle_yn: order.is_settled(now, rules.settlement_cutoff_ms),
        cancel_yn: order.state == OrderState::Reversed,
        refund_yn: refunded,
        appr_no: order.approval_digits().map(|digits| digits.to_string().into()),
        appr_dttm: order.approval.map(|approval| approval.at.twelve_hour().into()),
        result_cd: result.code.into(),
        result_msg: result.message.into(),
        stan: format!("{:06}", order.stan).into(),
    }
}
