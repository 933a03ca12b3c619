//! Requests as they go out: a merchant's, with its mistakes, and those of a payer and of events.

use payon_sim::base::Fields;
use payon_sim::crypto::{self, Recipe};
use serde_json::{Value, json};

use super::comparison::{address, money};
use super::history::{Action, Approval, Call, Flaw};
use super::model::{Contents, Merchant, said};

/// A request.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    pub(crate) method: &'static str,
    pub(crate) path: String,
    pub(crate) body: String,
}

/// Returns true if the call names the approval number of its order.
pub(crate) fn needs_approval(call: &Call) -> bool {
    let (Action::Refund { approval, .. } | Action::Reverse { approval }) = call.action else {
        return false;
    };
    approval == Approval::Right
}

/// The request that a call is. `approval` is the approval number of its order.
///
/// # Errors
/// A sentence on the signature that cannot be made.
pub(crate) fn of(
    space: &str,
    call: &Call,
    contents: &Contents,
    approval: Option<&str>,
    receivers: &str,
) -> Result<Request, String> {
    let merchant = contents.merchant(call.merchant);
    let Call { tx_id, action, flaw, .. } = call;
    let path = match action {
        Action::Register(_) => "/pg/order/register",
        Action::Status => "/pg/transaction/status",
        Action::Refund { .. } => "/pg/refund",
        Action::Reverse { .. } => "/pg/reversal",
        Action::Complete { .. } => "/pg/preAuthCompletion",
        Action::Pay { outcome } => {
            return Ok(control(space, merchant, call, "pay", &json!({ "outcome": outcome })));
        }
        Action::Trigger { event } => {
            return Ok(control(space, merchant, call, "trigger", &json!({ "event": event })));
        }
    };
    let order = contents.order(&merchant.id, tx_id);
    let riel = order.is_some_and(|order| order.asked.riel);
    let sign_of_amount = if *flaw == Some(Flaw::NegativeAmount) { "-" } else { "" };
    let amount = |minor, riel| format!("{sign_of_amount}{}", money(minor, riel));
    let mut body = json!({
        "merchantId": merchant.id, "termId": merchant.terminal, "txId": tx_id,
    });
    match action {
        Action::Register(asked) => {
            body["trt"] = if asked.hold { "12" } else { "10" }.into();
            body["currency"] = if asked.riel { "KHR" } else { "USD" }.into();
            body["amount"] = amount(asked.minor, asked.riel).into();
            body["paymentMethod"] = asked.method.as_str().into();
            if let Some(receiver) = asked.receiver {
                body["noti_url"] = address(receivers, receiver, &merchant.id, tx_id).into();
            }
        }
        Action::Refund { minor, approval: asked } => {
            if let Some(minor) = minor.or((*flaw == Some(Flaw::NegativeAmount)).then_some(100)) {
                body["amount"] = amount(minor, riel).into();
            }
            set_approval(&mut body, said(*asked, approval));
        }
        Action::Reverse { approval: asked } => set_approval(&mut body, said(*asked, approval)),
        Action::Complete { minor } => {
            body["currency"] = "USD".into();
            body["amount"] = amount(*minor, false).into();
        }
        _ => {}
    }
    spoiled(space, path, body, call, merchant)
}

fn set_approval(body: &mut Value, number: Option<&str>) {
    if let Some(number) = number {
        body["approvalNo"] = number.into();
    }
}

/// The request with its signature, and with its flaw.
fn spoiled(
    space: &str,
    path: &str,
    mut body: Value,
    call: &Call,
    merchant: &Merchant,
) -> Result<Request, String> {
    match call.flaw {
        Some(Flaw::UnknownMerchant) => body["merchantId"] = "NOBODY".into(),
        Some(Flaw::WrongTerminal) => body["termId"] = "ELSEWHERE".into(),
        _ => {}
    }
    if call.flaw == Some(Flaw::NoTxId)
        && let Some(members) = body.as_object_mut()
    {
        members.shift_remove("txId");
    }
    if call.action.is_signed() && call.flaw != Some(Flaw::Unsigned) {
        let mut signed = body.clone();
        if call.flaw == Some(Flaw::Tampered) {
            signed["txId"] = format!("{}-other", call.tx_id).into();
        }
        let text = signed.to_string();
        let fields = Fields::parse(text.as_bytes()).map_err(|error| error.to_string())?;
        let sign = crypto::sign(&Recipe::default(), &merchant.key, &fields);
        body["sign"] = sign.map_err(|error| error.to_string())?.into();
    }
    let mut text = body.to_string();
    if call.flaw == Some(Flaw::NotJson) {
        text.truncate(text.len() / 2);
    }
    let is_wrong = call.flaw == Some(Flaw::WrongMethod);
    let (method, body) = if is_wrong { ("GET", String::new()) } else { ("POST", text) };
    Ok(Request { method, path: format!("/space/{space}{path}"), body })
}

fn control(space: &str, merchant: &Merchant, call: &Call, name: &str, body: &Value) -> Request {
    let path = format!("/space/{space}/_sim/v1/orders/{}/{}/{name}", merchant.id, call.tx_id);
    Request { method: "POST", path, body: body.to_string() }
}
