//! The pretend wallet and bank app: what a payer's phone does with a QR, for testers without one.
//!
//! It is a paying app like any other: it reports through PAYON's documented operations, which the
//! journal shows, and pays through the payer's steps.

use serde_json::json;

use super::context::{Exits, PageContext};
use super::money;
use super::pages::{AppOrder, AppPage, AppPayer, AppResult, AppView, PageFrame};
use super::reply::PageReply;
use super::texts::Texts;
use super::{pay as order_page, result};
use crate::base::{Amount, Operation, OrderState, PaymentMethod, Reason};
use crate::gateway::{
    self, Call, CheckoutSession, CheckoutToken, Input, PayRequest, PayerStage, TriggerEvent,
};
use crate::space::{OrderHandle, Space};

/// The path of the page that scans.
const SCAN: &str = "/_sim/app";

/// The path of the page that pays the order of a token.
fn app_path(token: &impl std::fmt::Display) -> String {
    format!("{SCAN}/{token}")
}

/// Largest number of open orders in the list.
const LISTED_MAX: usize = 50;

/// Scanning: by paste, or by picking an open order.
pub(super) fn scan(context: &PageContext<'_>) -> PageReply {
    let problem = if context.request.post {
        match find(context, &context.form.code.replace(['\r', '\n'], "")) {
            Some((space, order)) => {
                let Some(session) = CheckoutSession::of(&space, order) else {
                    return context.unknown();
                };
                // The order may be of another space than the page.
                let Some(_pass) = space.enter() else { return context.unknown() };
                report(context, &session, Operation::NotifyQrScanned);
                let next = app_path(&session.checkout_token());
                return PageReply::see_other(&context.address_in(&session.space, &next));
            }
            None => Some(context.t.app_unknown_code),
        }
    } else {
        None
    };
    let listed = context.checkout.lists_orders;
    let orders = if listed { open_orders(context) } else { Vec::new() };
    let status = if problem.is_some() { 422 } else { 200 };
    render(context, status, SCAN, None, AppView::Scan { orders, listed, problem })
}

/// Paying an order, or not.
pub(super) fn order(context: &PageContext<'_>, token: &str) -> PageReply {
    let Some(session) = context.session(token) else { return context.unknown() };
    if session.order.method == PaymentMethod::CreditDebit {
        return context.unknown();
    }
    let said = if context.request.post { Some(act(context, &session)) } else { None };
    let Some(session) = context.session(token) else { return context.unknown() };
    let order = &session.order;
    let state = match order.state {
        OrderState::Registered => order.screen.name(),
        state => state.name(),
    };
    let view = AppView::Order {
        merchant: context.merchant_name(&session),
        amount: money::money(order.amount, order.currency),
        tx_id: order.tx_id.to_string(),
        state,
        state_text: result::state(context.t, &session).1,
        payers: payers(context.t, &session),
        shows_qr: order.method.shows_qr(),
    };
    render(context, 200, &app_path(&token), said, view)
}

fn act(context: &PageContext<'_>, session: &CheckoutSession) -> AppResult {
    let shows_qr = session.order.method.shows_qr();
    let (t, profile) = (context.t, session.space.profile());
    let action = context.form.action.as_str();
    if matches!(action, "pay" | "wrong-amount" | "twice" | "late") {
        let right = match context.form.from.strip_prefix("wallet:") {
            Some(phone) => profile.payers.wallet(phone).map(|wallet| wallet.passcode.as_str()),
            None => Some(profile.payers.passcode.as_str()),
        };
        if right != Some(context.form.passcode.as_str()) {
            return unheard(Reason::PasscodeWrong, t.app_wrong_passcode);
        }
    }
    let show = |operation| shows_qr.then(|| report(context, session, operation));
    match action {
        "scanned" => told(t, &report(context, session, Operation::NotifyQrScanned)),
        "processing" => told(t, &report(context, session, Operation::NotifyProcessing)),
        "decline" if shows_qr => told(t, &complete(context, session, "9999", session.order.amount)),
        "decline" => outcome(context, session, Reason::BankDeclined),
        "wrong-amount" => {
            let wrong = session.order.amount.plus(Amount::from_minor(1)).unwrap_or_default();
            told(t, &complete(context, session, "0000", wrong))
        }
        "late" => {
            let (merchant, tx_id) = (&session.merchant.id, &session.order.tx_id);
            let trace = session.space.next_trace();
            // Refused where it is over already; then the payment below says so.
            let _ = gateway::trigger(&session.space, merchant, tx_id, TriggerEvent::Expire, trace);
            if shows_qr {
                told(t, &complete(context, session, "0000", session.order.amount))
            } else {
                pay(context, session)
            }
        }
        "pay" | "twice" => {
            show(Operation::NotifyQrScanned);
            show(Operation::NotifyProcessing);
            let first = pay(context, session);
            if action == "pay" {
                first
            } else if shows_qr {
                told(t, &complete(context, session, "0000", session.order.amount))
            } else {
                pay(context, session)
            }
        }
        _ => unheard(Reason::StateNotAllowed, t.app_cannot),
    }
}

/// Pays from the chosen wallet or account.
fn pay(context: &PageContext<'_>, session: &CheckoutSession) -> AppResult {
    let from = context.form.from.as_str();
    let input = match (from.strip_prefix("wallet:"), from.strip_prefix("bank:")) {
        (Some(phone), _) => Input::Wallet(phone, Some(&context.form.passcode)),
        (None, account) => Input::Bank(account.unwrap_or_default()),
    };
    let trace = session.space.next_trace();
    let paid = gateway::advance(&session.space, session.handle, None, input, trace);
    let mut pending = None;
    let (reason, detail) = match paid {
        Ok(PayerStage::Over(paid)) => {
            pending = paid.pending;
            (paid.reason, String::new())
        }
        Ok(PayerStage::Asks(_)) => (Reason::OrderPending, String::new()),
        Ok(PayerStage::Wrong(_, reason)) | Err(gateway::PayError::NotPossible { reason, .. }) => {
            (reason, String::new())
        }
        Err(error) => (Reason::FieldInvalid, error.to_string()),
    };
    gateway::note_step(session, trace, "app", 200, reason, &detail, pending.as_deref());
    context.follow(pending);
    said(context.t, session, reason, &detail)
}

/// The payment ends for this reason.
fn outcome(context: &PageContext<'_>, session: &CheckoutSession, reason: Reason) -> AppResult {
    let (merchant, tx_id) = (&session.merchant.id, &session.order.tx_id);
    let request = PayRequest { outcome: Some(reason), ..PayRequest::default() };
    let trace = session.space.next_trace();
    let paid = gateway::pay(&session.space, merchant, tx_id, &request, trace);
    let mut pending = None;
    let reason = match paid {
        Ok(paid) => {
            pending = paid.pending;
            paid.reason
        }
        Err(gateway::PayError::NotPossible { reason, .. }) => reason,
        Err(_) => Reason::SystemError,
    };
    gateway::note_step(session, trace, "app", 200, reason, "", pending.as_deref());
    context.follow(pending);
    said(context.t, session, reason, "")
}

/// Tells PAYON how far the app is with the QR.
fn report(
    context: &PageContext<'_>,
    session: &CheckoutSession,
    operation: Operation,
) -> gateway::GatewayReply {
    let order = &session.order;
    let body = json!({
        "merchantId": session.merchant.id,
        "termId": session.terminal,
        "txId": order.tx_id,
        "amount": order.amount.fixed(order.currency),
    });
    call(context, session, operation, &body)
}

/// Tells PAYON how it ended.
fn complete(
    context: &PageContext<'_>,
    session: &CheckoutSession,
    code: &str,
    amount: Amount,
) -> gateway::GatewayReply {
    let order = &session.order;
    let draw = session.space.seed().number(&[b"app", order.tx_id.as_bytes()]) % 1_000_000;
    let body = json!({
        "RESULT_CODE": code,
        "RESULT_MSG": if code == "0000" { "SUCCESS" } else { "ERROR" },
        "MC_ID": session.merchant.id,
        "TERM_ID": session.terminal,
        "TX_ID": order.tx_id,
        "AMOUNT": amount.fixed(order.currency),
        "APPROVAL_DATE": session.now.day_first_digits(),
        "APPROVAL_NO": format!("{draw:06}"),
        "CURRENCY": order.currency.code(),
    });
    call(context, session, Operation::NotifyCompletion, &body)
}

fn call(
    context: &PageContext<'_>,
    session: &CheckoutSession,
    operation: Operation,
    body: &serde_json::Value,
) -> gateway::GatewayReply {
    let body = body.to_string();
    let call = Call {
        operation,
        space: Some(std::sync::Arc::clone(&session.space)),
        token: session.merchant.token.as_deref(),
        scenario: None,
        origin: context.request.origin.into(),
        body: body.as_bytes(),
        trace_headers: None,
    };
    let mut reply = gateway::answer(context.spaces, call);
    context.follow(reply.pending.take().map(Into::into));
    reply
}

/// Result of something that PAYON is not told of.
fn unheard(reason: Reason, text: &str) -> AppResult {
    let (code, detail) = (String::new(), String::new());
    AppResult { code, reason: reason.name().to_owned(), text: text.to_owned(), detail }
}

/// Result of a report to PAYON.
fn told(t: &Texts, reply: &gateway::GatewayReply) -> AppResult {
    let body: serde_json::Value = serde_json::from_slice(&reply.body).unwrap_or_default();
    let of = |name: &str| body[name].as_str().unwrap_or_default().to_owned();
    let (code, message) = (of("resultCode"), of("resultMsg"));
    let text = t.fill(t.app_answer, format!("{code} {message}"));
    let reason = reply.reason;
    AppResult { code, reason: reason.name().to_owned(), text, detail: reason.about().to_owned() }
}

/// Result of a payment.
fn said(t: &Texts, session: &CheckoutSession, reason: Reason, detail: &str) -> AppResult {
    let answer = session.space.profile().reasons.general(reason);
    let more = if detail.is_empty() { reason.about() } else { detail };
    let text = t.fill(t.app_answer, format!("{} {}", answer.code, answer.message));
    let (code, detail) = (answer.code.to_owned(), more.to_owned());
    AppResult { code, reason: reason.name().to_owned(), text, detail }
}

/// Payers that can pay an order.
fn payers(t: &Texts, session: &CheckoutSession) -> Vec<AppPayer> {
    let (payers, method) = (&session.space.profile().payers, session.order.method);
    let wallets = payers.wallets.iter().filter(|_| method == PaymentMethod::Payon);
    let wallets = wallets.map(|row| AppPayer {
        value: format!("wallet:{}", row.phone),
        account: row.phone.clone(),
        name: format!("{} ({})", row.name, t.app_wallet),
        outcome: row.outcome.name(),
        about: row.about.clone(),
    });
    let banks = payers.banks.iter().filter(|row| match method {
        PaymentMethod::PpcbankTransfer => row.bank == "PPCBank",
        method => method == PaymentMethod::BakongKhqr,
    });
    let banks = banks.map(|row| AppPayer {
        value: format!("bank:{}", row.account),
        account: row.account.clone(),
        name: format!("{} ({})", row.name, row.bank),
        outcome: row.outcome.name(),
        about: row.about.clone(),
    });
    wallets.chain(banks).collect()
}

/// The open orders that an app pays, latest first.
fn open_orders(context: &PageContext<'_>) -> Vec<AppOrder> {
    let space = context.request.space.as_ref().unwrap_or(context.spaces.default_space());
    let mut found: Vec<AppOrder> = space.read(|view| {
        let ledger = view.ledger;
        let open = ledger.orders_after(None).filter(|order| {
            order.state == OrderState::Registered && order.method != PaymentMethod::CreditDebit
        });
        open.map(|order| (order, &*ledger.terminal(order).merchant))
            .map(|(order, merchant)| {
                let token =
                    CheckoutToken::new(space.number(), view.seed, order.id, merchant, &order.tx_id);
                AppOrder {
                    href: context.address(&app_path(&token), &[]),
                    merchant: merchant.to_owned(),
                    tx_id: order.tx_id.to_string(),
                    method: order_page::method_text(context.t, order.method),
                    amount: money::money(order.amount, order.currency),
                }
            })
            .collect()
    });
    found.reverse();
    found.truncate(LISTED_MAX);
    found
}

/// The open order that shows a code: its KHQR, or the link into PPCBank's app.
fn find(context: &PageContext<'_>, code: &str) -> Option<(std::sync::Arc<Space>, OrderHandle)> {
    let code = code.trim();
    if let Some((place, token)) = code.rsplit_once('/') {
        let name = place.rsplit_once("/space/").and_then(|(_, rest)| rest.split('/').next());
        let named = name.and_then(|name| context.spaces.named(name));
        let token = token.split('?').next().unwrap_or_default();
        let space = named.as_ref().or(context.request.space.as_ref());
        return CheckoutToken::resolve(token, context.spaces, space);
    }
    context.spaces.all().into_iter().find_map(|space| {
        let open: Vec<OrderHandle> = space.read(|view| {
            let open = view
                .ledger
                .orders_after(None)
                .filter(|order| order.state == OrderState::Registered && order.method.shows_qr());
            open.map(|order| view.handle(order)).collect()
        });
        let shown = open.into_iter().rev().find(|order| {
            CheckoutSession::of(&space, *order).and_then(|session| session.khqr()).as_deref()
                == Some(code)
        })?;
        Some((space, shown))
    })
}

fn render(
    context: &PageContext<'_>,
    status: u16,
    action: &str,
    said: Option<AppResult>,
    view: AppView,
) -> PageReply {
    let f = PageFrame { notice: None, refused: status == 422, ..context.bare_frame() };
    let t = context.t;
    let (action, scan) = (context.address(action, &[]), context.address(SCAN, &[]));
    context.page(status, &AppPage { f, t, action, scan, said, view }, Exits::Here)
}
