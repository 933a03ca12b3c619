//! `POST /pg/order/register`: an order comes to be, and the merchant learns where its payer goes.

use std::ops::Deref;

use arrayvec::ArrayString;

use crate::base::{Amount, Currency, Fields, Millis, Named, PaymentMethod, Reason, WebUrlParts};
use crate::khqr;
use crate::ledger::{DAY_DIGITS, Details, NewOrder, Order, OrderId, OrderKind};
use crate::profile::{LifecycleRules, Merchant};
use crate::space::Space;
use crate::wire::register::{RegisterReply, RegisterRequest};
use crate::wire::{self, Envelope, PayDvCd, ShortAmount, Trt};

use super::checkout_token::CheckoutToken;
use super::context::{Refused, RequestContext};

pub(super) fn answer(
    context: &mut RequestContext<'_>,
    fields: &Fields<'_>,
) -> Result<Vec<u8>, Refused> {
    let request = RegisterRequest::read(fields)?;
    context.admit(&request.merchant_id, &request.term_id, fields)?;
    let merchant = context.merchant()?;
    let profile = context.space.profile();
    let new = new_order(&profile.rules, &merchant, &request)?;
    let new = NewOrder { context: context.trace_context().cloned(), ..new };
    let order = context.write(|context, transaction| {
        let trace = context.arrival.trace;
        Ok(transaction.register_and(trace, new, RegisterFacts::of)?)
    })?;
    let price = (request.price.amount, request.price.currency);
    let shows_qr = request.payment_method.shows_qr();
    let khqr =
        shows_qr.then(|| khqr(&merchant, price, order.created, order.expires)).transpose()?;
    let (number, seed) = (context.space.number(), context.arrival.seed);
    let token = CheckoutToken::new(number, seed, order.id, &request.merchant_id, &request.tx_id);
    Ok(wire::encode(&Envelope {
        result_msg: context.success().message.into(),
        result_code: context.success().code.into(),
        result_data: Some(RegisterReply {
            merchant_id: request.merchant_id,
            term_id: request.term_id,
            tx_id: request.tx_id,
            tx_dt: order.sequence[..DAY_DIGITS].into(),
            tx_seq_no: order.sequence.as_str().into(),
            trt: request.trt,
            payment_method: request.payment_method,
            pay_dv_cd: request.pay_dv_cd.or_else(|| {
                PayDvCd::of_name(profile.wording.pay_dv_word.get(request.payment_method))
            }),
            amount: ShortAmount(request.price.amount, request.price.currency),
            currency_code: request.price.currency,
            checkout_url: context
                .origin
                .link(context.space, "/pg/checkout/", token.text(&mut [0; _]))
                .into(),
            expire_dttm: (&*order.expires.year_first_digits()).into(),
            khqr_md5: khqr.as_deref().map(|khqr| khqr::md5(khqr).into()),
            khqr: khqr.map(Into::into),
        }),
    }))
}

/// Refuses addresses of apps where the profile does not take them. The request's reader has refused all else.
pub(super) fn check_return_urls<T: Deref<Target = str>>(
    rules: &LifecycleRules,
    [success, fail, cancel]: [&Option<T>; 3],
) -> Result<(), Refused> {
    if rules.app_return_urls {
        return Ok(());
    }
    for (name, url) in [("success_url", success), ("fail_url", fail), ("cancel_url", cancel)] {
        if let Some(Err(error)) = url.as_deref().map(WebUrlParts::parse) {
            return Err(Refused::with(Reason::FieldInvalid, format!("{name} {error}")));
        }
    }
    Ok(())
}

/// The order that a request asks for, if the merchant offers such a one.
pub(super) fn new_order<'r>(
    rules: &LifecycleRules,
    merchant: &Merchant,
    request: &'r RegisterRequest<'_>,
) -> Result<NewOrder<'r>, Refused> {
    if request.trt == Trt::PreAuth && request.payment_method != PaymentMethod::CreditDebit {
        let detail = "trt 12 goes with paymentMethod CREDIT_DEBIT only";
        return Err(Refused::with(Reason::PreAuthMethod, detail));
    }
    if !merchant.methods.contains(&request.payment_method) {
        let offered: Vec<_> = merchant.methods.iter().map(|method| method.name()).collect();
        let detail = format!("paymentMethod must be one of {}", offered.join(", "));
        return Err(Refused::with(Reason::MethodNotOffered, detail));
    }
    check_return_urls(rules, [&request.success_url, &request.fail_url, &request.cancel_url])?;
    if request.price.currency == Currency::Khr
        && !rules.khr_methods.contains(&request.payment_method)
    {
        let detail = format!("{} orders are in USD", request.payment_method.name());
        return Err(Refused::with(Reason::CurrencyUnsupported, detail));
    }
    Ok(order_of(request))
}

/// Registers an order that another gateway has taken, whether or not the profile would.
pub fn register_as_told(space: &Space, body: &[u8]) -> Result<(), Refused> {
    let fields = Fields::parse(body)?;
    let request = RegisterRequest::read(&fields)?;
    let trace = space.next_trace();
    space.write(|transaction| transaction.register(trace, order_of(&request)))?;
    Ok(())
}

/// The order that a request describes.
fn order_of<'r>(request: &'r RegisterRequest<'_>) -> NewOrder<'r> {
    NewOrder {
        merchant: &request.merchant_id,
        terminal: &request.term_id,
        tx_id: &request.tx_id,
        kind: match request.trt {
            Trt::Purchase => OrderKind::Purchase,
            Trt::PreAuth => OrderKind::PreAuth,
        },
        method: request.payment_method,
        currency: request.price.currency,
        amount: request.price.amount,
        details: details(request),
        context: None,
    }
}

/// Facts of the order for the reply, copied out of the critical section.
struct RegisterFacts {
    id: OrderId,
    sequence: ArrayString<16>,
    created: Millis,
    expires: Millis,
}

impl RegisterFacts {
    fn of(order: &Order) -> Self {
        let sequence = order.sequence();
        Self { id: order.id, sequence, created: order.created, expires: order.payable_until }
    }
}

fn details(request: &RegisterRequest<'_>) -> Option<Box<Details>> {
    let text = |value: &Option<std::borrow::Cow<'_, str>>| value.as_deref().map(Into::into);
    // Mostly none of them is there, and then nothing is put together.
    let RegisterRequest { client_id, binding_id, buyer_id, seller_id, .. } = request;
    let RegisterRequest { noti_url, success_url, fail_url, cancel_url, .. } = request;
    let who = [client_id, binding_id, buyer_id, seller_id];
    let mut all = who.into_iter().chain([noti_url, success_url, fail_url, cancel_url]);
    if request.pay_dv_cd.is_none() && all.all(Option::is_none) {
        return None;
    }
    Some(Box::new(Details {
        client_id: text(&request.client_id),
        binding_id: text(&request.binding_id),
        pay_dv_cd: request.pay_dv_cd.map(|word| word.name().into()),
        buyer_id: text(&request.buyer_id),
        seller_id: text(&request.seller_id),
        noti_url: text(&request.noti_url),
        success_url: text(&request.success_url),
        fail_url: text(&request.fail_url),
        cancel_url: text(&request.cancel_url),
    }))
}

/// The KHQR of an order: dynamic, for its amount, until it expires.
pub(super) fn khqr(
    merchant: &Merchant,
    (amount, currency): (Amount, Currency),
    created: Millis,
    expires: Millis,
) -> Result<String, Refused> {
    let payload = merchant.khqr_payload(currency).with_amount(amount, created, expires);
    payload.write().map_err(|finding| Refused::with(Reason::SystemError, finding.to_string()))
}
