//! Requests as they go out: a merchant's, with its mistakes, and those of a payer and of events.

use std::collections::BTreeMap;

use payon_sim::base::Fields;
use payon_sim::crypto::{self, Encoding, Padding, PublicKey, Recipe};
use serde_json::{Value, json};

use super::comparison::{address, money};
use super::history::{
    Action, Approval, CUSTOMERS, Call, Entry, Flaw, LinkFlaw, PASSCODES, PasscodeChange, Register,
    Report,
};
use super::model::{APPS, CARDS, Contents, Merchant, SavedKey, date, day, said};

/// An id that no saved card has.
const NO_CARD: &str = "00000000-0000-4000-8000-000000000000";

/// A request.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    pub(crate) method: &'static str,
    pub(crate) path: String,
    pub(crate) body: String,
}

/// What a merchant knows beside its own books.
#[derive(Clone, Copy)]
pub(crate) struct Known<'a> {
    /// The approval number of the order.
    pub(crate) approval: Option<&'a str>,
    /// Ids of saved cards.
    pub(crate) saved: &'a BTreeMap<SavedKey, String>,
    /// The gateway's key, for passcodes.
    pub(crate) gateway: &'a PublicKey,
    /// Address of the receivers.
    pub(crate) receivers: &'a str,
    /// Path of the order's page; empty where there is none.
    pub(crate) page: &'a str,
}

impl Known<'_> {
    fn card(&self, contents: &Contents, merchant: &str, customer: usize, card: usize) -> &str {
        let key = contents.saved(merchant, customer, card);
        key.and_then(|key| self.saved.get(key)).map_or(NO_CARD, String::as_str)
    }
}

/// Returns true if the call names the approval number of its order.
pub(crate) fn needs_approval(call: &Call) -> bool {
    let (Action::Refund { approval, .. } | Action::Reverse { approval }) = call.action else {
        return false;
    };
    approval == Approval::Right
}

/// The request that a call is.
///
/// # Errors
/// A sentence on the signature or the passcode that cannot be made.
pub(crate) fn of(
    space: &str,
    call: &Call,
    contents: &Contents,
    known: Known<'_>,
) -> Result<Request, String> {
    let merchant = contents.merchant(call.merchant);
    let Call { tx_id, action, flaw, .. } = call;
    let path = match action {
        Action::Register(_) => "/pg/order/register",
        Action::Status => "/pg/transaction/status",
        Action::Refund { .. } => "/pg/refund",
        Action::Reverse { .. } => "/pg/reversal",
        Action::Complete { .. } => "/pg/preAuthCompletion",
        Action::Pay { outcome, passcode } => {
            let passcode = passcode.map(|place| PASSCODES[place]);
            let wish = json!({ "outcome": outcome, "passcode": passcode });
            return Ok(control(space, merchant, call, "pay", &wish));
        }
        Action::Trigger { event } => {
            return Ok(control(space, merchant, call, "trigger", &json!({ "event": event })));
        }
        Action::Page(_) => "",
        Action::Wallet { app, is_right } => return Ok(wallet(space, *app, *is_right, known)),
        Action::Link { .. } => "/pg/checkout",
        Action::App { report, .. } => match report {
            Report::Scanned => "/pg/notifyqrscanned",
            Report::Processing => "/pg/notifyprocessingpayment",
            Report::Paid | Report::Declined => "/pg/notifycompletionpayment",
            Report::Cancelled => "/pg/cancelqrpayment",
        },
        Action::Bind { .. } => "/pg/binding/register",
        Action::Bindings { .. } => "/pg/bindingList",
        Action::Passcode { change: PasscodeChange::Create, .. } => "/pg/binding/createPIN",
        Action::Passcode { change: PasscodeChange::Enable, .. } => "/pg/binding/enablePIN",
        Action::Passcode { change: PasscodeChange::Disable, .. } => "/pg/binding/disablePIN",
        Action::Orders { .. } => "/pg/orders",
        Action::Reconcile { .. } => "/pg/merchant/reconcilation",
    };
    let order = contents.order(&merchant.id, tx_id);
    let riel = order.is_some_and(|order| order.asked.riel);
    let sign_of_amount = if *flaw == Some(Flaw::NegativeAmount) { "-" } else { "" };
    let amount = |minor, riel| format!("{sign_of_amount}{}", money(minor, riel));
    let mut body = json!({ "merchantId": merchant.id, "termId": merchant.terminal });
    if action.is_of_order() {
        body["txId"] = tx_id.as_str().into();
    }
    match action {
        Action::Register(asked) | Action::Link { asked, .. } => {
            body["trt"] = if asked.hold { "12" } else { "10" }.into();
            body["currency"] = asked.currency().into();
            body["amount"] = amount(asked.minor, asked.riel).into();
            body["paymentMethod"] = asked.method.as_str().into();
            if let Some(receiver) = asked.receiver {
                body["noti_url"] = address(known.receivers, receiver, &merchant.id, tx_id).into();
            }
            if let Some(customer) = asked.customer {
                body["clientId"] = CUSTOMERS[customer].into();
            }
            if let Register { customer: Some(customer), saved: Some(card), .. } = asked {
                body["bindingId"] = known.card(contents, &merchant.id, *customer, *card).into();
            }
        }
        Action::Refund { minor, approval: asked } => {
            if let Some(minor) = minor.or((*flaw == Some(Flaw::NegativeAmount)).then_some(100)) {
                body["amount"] = amount(minor, riel).into();
            }
            set_approval(&mut body, said(*asked, known.approval));
        }
        Action::Reverse { approval: asked } => {
            set_approval(&mut body, said(*asked, known.approval));
        }
        Action::App { report, minor } => {
            let own = order.map_or(100, |order| order.asked.minor);
            let amount = money(minor.unwrap_or(own), riel);
            if report.name() == "notifyCompletion" {
                let is_paid = *report == Report::Paid;
                body = json!({
                    "RESULT_CODE": if is_paid { "0000" } else { "9999" },
                    "RESULT_MSG": if is_paid { "SUCCESS" } else { "ERROR" },
                    "MC_ID": merchant.id, "TERM_ID": merchant.terminal, "TX_ID": tx_id,
                    "AMOUNT": amount, "APPROVAL_DATE": "02032026100000",
                    "APPROVAL_NO": "123456", "CURRENCY": if riel { "KHR" } else { "USD" },
                });
            } else {
                body["amount"] = amount.into();
            }
        }
        Action::Complete { minor } => {
            body["currency"] = "USD".into();
            body["amount"] = amount(*minor, false).into();
        }
        Action::Bind { customer, card, passcode } => {
            let card = CARDS[*card];
            let secret = if card.method == "PAYON" { "payonPin" } else { "wdlCvv" };
            body["clientId"] = CUSTOMERS[*customer].into();
            body["wdlAcNo"] = card.number.into();
            body["wdlExpiry"] = card.expiry.into();
            body[secret] = card.secret.into();
            if let Some(passcode) = passcode {
                body["pin"] = PASSCODES[*passcode].into();
            }
        }
        Action::Bindings { customer } => body["clientId"] = CUSTOMERS[*customer].into(),
        Action::Passcode { customer, passcode, .. } => {
            let plain = PASSCODES[*passcode].as_bytes();
            let pin = crypto::encrypt(known.gateway, Padding::Pkcs1, Encoding::Base64, plain);
            body["clientId"] = CUSTOMERS[*customer].into();
            body["pin"] = pin.map_err(|error| error.to_string())?.into();
        }
        Action::Orders { from, to, index, limit } => {
            let today = day(contents.now);
            let written = |days: i64| {
                let date = date(today + days);
                format!("{}{}{}", &date[6..], &date[4..6], &date[..4])
            };
            body["fromDate"] = written(*from).into();
            body["toDate"] = written(*to).into();
            body["index"] = (*index).into();
            body["limit"] = (*limit).into();
        }
        Action::Reconcile { claims } => {
            let rows = claims.iter().map(|claim| {
                let order = contents.order(&merchant.id, &claim.tx_id);
                let riel = order.is_some_and(|order| order.asked.riel);
                let minor = claim.minor.or(order.map(|order| order.asked.minor)).unwrap_or(100);
                let mut row = body.clone();
                row["txId"] = claim.tx_id.as_str().into();
                row["transactionType"] = claim.kind.as_str().into();
                row["grandToTAmt"] = money(minor, riel).into();
                row
            });
            body = rows.collect();
        }
        _ => {}
    }
    if let Action::Link { age_ms, flaw, .. } = action {
        if let Some(age_ms) = age_ms {
            body["issuedAt"] = (contents.now - age_ms).into();
        }
        return link(space, path, &body, *flaw, merchant, known);
    }
    spoiled(space, path, body, call, merchant)
}

/// The opening of a link that a merchant made.
fn link(
    space: &str,
    path: &str,
    body: &Value,
    flaw: Option<LinkFlaw>,
    merchant: &Merchant,
    known: Known<'_>,
) -> Result<Request, String> {
    let (padding, encoding) = (Padding::Pkcs1, Encoding::Base64Url);
    let data = crypto::encrypt(known.gateway, padding, encoding, body.to_string().as_bytes());
    let mut data = data.map_err(|error| error.to_string())?;
    if flaw == Some(LinkFlaw::Torn) {
        // Whole groups of Base64: what is said of half a group depends on its bits, which are random.
        data.truncate(data.len() / 8 * 4);
    }
    let own = if flaw == Some(LinkFlaw::Foreign) { "NOBODY" } else { &*merchant.id };
    let path = format!("/space/{space}{path}?merchantId={own}&data={data}");
    Ok(Request { method: "GET", path, body: String::new() })
}

/// A payment with the pretend app.
fn wallet(space: &str, app: usize, is_right: bool, known: Known<'_>) -> Request {
    let passcode = if is_right { PASSCODES[0] } else { "000000" };
    let form = [("action", "pay"), ("from", APPS[app].from), ("passcode", passcode)];
    let path = if known.page.is_empty() {
        format!("/space/{space}/_sim/app/none")
    } else {
        known.page.replace("/pg/checkout/", "/_sim/app/")
    };
    let body = serde_html_form::to_string(form.as_slice()).unwrap_or_default();
    Request { method: "POST", path, body }
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

/// A visit of a payer to the page of an order.
#[derive(Clone, Debug)]
pub(crate) struct Visit {
    /// The page; empty where there is none.
    pub(crate) path: String,
    /// The form that it sends there.
    pub(crate) form: Vec<(&'static str, String)>,
    pub(crate) entry: Entry,
}

/// The visit in which a payer makes an entry.
pub(crate) fn visit(call: &Call, entry: &Entry, contents: &Contents, known: Known<'_>) -> Visit {
    let merchant = &contents.merchant(call.merchant).id;
    let customer = contents.order(merchant, &call.tx_id).and_then(|order| order.asked.customer);
    let (action, fields) = match entry {
        Entry::Card { card, is_right } => {
            let card = CARDS[*card];
            let (year, month) = card.expiry.split_at(4);
            let secret = if *is_right { card.secret } else { &"9999"[..card.secret.len()] };
            let name = if card.method == "PAYON" { "pin" } else { "cvv" };
            let fields = vec![
                ("number", card.number.to_owned()),
                ("expiry", format!("{month}/{year}")),
                (name, secret.to_owned()),
            ];
            ("card", fields)
        }
        Entry::Saved { card } => {
            let id = customer.map(|it| known.card(contents, merchant, it, *card));
            ("binding", vec![("binding", id.unwrap_or_default().to_owned())])
        }
        Entry::Passcode(place) => ("passcode", vec![("passcode", PASSCODES[*place].to_owned())]),
        Entry::Channel => ("channel", vec![("channel", "email".to_owned())]),
        Entry::Otp { is_right } => {
            let otp = if *is_right { "654321" } else { "111111" };
            ("otp", vec![("otp", otp.to_owned())])
        }
        Entry::Return => ("", Vec::new()),
        Entry::Cancel => ("cancel", Vec::new()),
    };
    let form = [vec![("action", action.to_owned())], fields].concat();
    Visit { path: known.page.to_owned(), form, entry: entry.clone() }
}
