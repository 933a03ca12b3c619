//! `POST /pg/transaction/status`: what became of one order.

use arrayvec::ArrayString;
use smol_str::SmolStr;

use super::admission::order_at;
use super::context::{Refused, RequestContext};
use crate::base::{Amount, Currency, Fields, OrderState, PaymentMethod, Reason};
use crate::ledger::{DAY_DIGITS, Order, OrderKind, Target};
use crate::profile::StatusMismatch;
use crate::space::Lint;
use crate::wire::status::{StatusReply, StatusRequest};
use crate::wire::{self, Envelope, ShortAmount};

pub(super) fn answer(
    context: &mut RequestContext<'_>,
    fields: &Fields<'_>,
) -> Result<Vec<u8>, Refused> {
    let request = StatusRequest::read(fields)?;
    context.admit(&request.merchant_id, &request.term_id, fields)?;
    let target = Target::Named { merchant: &request.merchant_id, tx_id: &request.tx_id };
    let facts = context.write(|context, transaction| {
        let id = order_at(transaction.ledger(), &request.term_id, target)?.id;
        transaction.note_status_asked(id);
        let ledger = transaction.ledger();
        let order = ledger.find(Target::At(id)).ok_or(Reason::SystemError)?;
        if let Some(reason) = order.unsuccessful() {
            let state = order.state.name();
            let why = order.failure.map(|reason| format!(", {reason}")).unwrap_or_default();
            return Err(Refused::with(reason, format!("the order is {state}{why}")));
        }
        let told = order.told_amount(ledger.rules().completed_amount);
        let fits = same_price(order, told, &request);
        match &fits {
            Err(refused) if refused.reason == Reason::CurrencyMismatch => {
                context.find(Lint::StatusCurrency, "currency")?;
            }
            Err(_) => context.find(Lint::StatusAmount, "amount")?,
            Ok(()) => {}
        }
        if ledger.rules().status_mismatch == StatusMismatch::Refuse {
            fits?;
        }
        Ok(StatusFacts::of(order, told))
    })?;
    let wording = &context.space.profile().wording;
    let success = context.success();
    Ok(wire::encode(&Envelope {
        result_msg: success.message.into(),
        result_code: success.code.into(),
        result_data: Some(StatusReply {
            tx_dt: facts.sequence[..DAY_DIGITS].into(),
            tx_seq_no: facts.sequence.as_str().into(),
            tx_st_cd: wording.status.state.get(facts.state).into(),
            trt: match facts.kind {
                OrderKind::Purchase => wording.status.trt.purchase.as_str().into(),
                OrderKind::PreAuth => wording.status.trt.pre_auth.as_str().into(),
            },
            payment_method: facts.method,
            merchant_id: request.merchant_id,
            term_id: request.term_id,
            wdl_ac_no: facts.account.as_deref().map(Into::into),
            trac_no: request.tx_id,
            amount: facts.amount,
            currency_code: facts.currency,
            appr_no: facts.approval_no.as_deref().map(Into::into),
            appr_dttm: facts.approved_at.as_deref().map(Into::into),
        }),
    }))
}

/// Facts for the reply, copied out of the critical section.
struct StatusFacts {
    sequence: ArrayString<16>,
    state: OrderState,
    kind: OrderKind,
    method: PaymentMethod,
    account: Option<SmolStr>,
    amount: ShortAmount,
    currency: Currency,
    approval_no: Option<ArrayString<6>>,
    approved_at: Option<ArrayString<14>>,
}

impl StatusFacts {
    fn of(order: &Order, told: Amount) -> Self {
        Self {
            sequence: order.sequence(),
            state: order.state,
            kind: order.kind,
            method: order.method,
            account: order.instrument.as_ref().map(|instrument| instrument.account.clone()),
            amount: ShortAmount(told, order.currency),
            currency: order.currency,
            approval_no: order.approval_digits(),
            approved_at: order.approval.map(|approval| approval.at.year_first_digits()),
        }
    }
}

/// Amount and currency as asked must be the order's; the amount as ordered or as it is told.
fn same_price(order: &Order, told: Amount, request: &StatusRequest<'_>) -> Result<(), Refused> {
    if request.currency.is_some_and(|currency| currency != order.currency) {
        let detail = format!("the order is in {}", order.currency.code());
        return Err(Refused::with(Reason::CurrencyMismatch, detail));
    }
    let asked = request.amount.as_ref().map(|text| text.of(order.currency)).transpose()?;
    if asked.is_some_and(|amount| amount != order.amount && amount != told) {
        let detail = format!("the order is for {}", order.amount.fixed(order.currency));
        return Err(Refused::with(Reason::AmountMismatch, detail));
    }
    Ok(())
}
