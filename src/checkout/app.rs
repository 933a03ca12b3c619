//! The pretend wallet and bank app: what a payer's phone does with a QR, for testers without one.
//!
//! It is a paying app like any other: it reports through PAYON's documented operations, which the
//! journal shows, and pays through the payer's steps.

use serde_json::json;

use super::desk::{Desk, Exits};
use super::money;
use super::pages::{App, AppOrder, AppPayer, AppView, Frame, Said};
use super::reply::Reply;
use super::texts::Texts;
use crate::base::{Amount, Operation, OrderState, PaymentMethod, Reason};
use crate::gateway::{self, Call, CheckoutToken, Input, PayRequest, Stage, TriggerEvent, Visit};
use crate::profile::Language;
use crate::space::{OrderHandle, Space};

/// The path of the page that scans.
const SCAN: &str = "/_sim/app";

/// The path of the page that pays the order of a token.
fn app_path(token: &impl std::fmt::Display) -> String {
    format!("{SCAN}/{token}")
}

/// How many open orders are listed.
const LISTED_MAX: usize = 50;

/// Scanning: by paste, or by picking an open order.
pub(super) fn scan(desk: &Desk<'_>) -> Reply {
    let problem = if desk.request.post {
        match find(desk, &desk.form.code.replace(['\r', '\n'], "")) {
            Some((space, order)) => {
                let Some(visit) = Visit::of(&space, order) else { return desk.unknown() };
                report(desk, &visit, Operation::NotifyQrScanned);
                return Reply::see_other(&desk.at(&app_path(&visit.checkout_token())));
            }
            None => Some(
                "No open order shows this code. Copy all of it, from 0002 to the end.".to_owned(),
            ),
        }
    } else {
        None
    };
    let listed = desk.checkout.lists_orders;
    let orders = if listed { open_orders(desk) } else { Vec::new() };
    let status = if problem.is_some() { 422 } else { 200 };
    render(desk, status, SCAN, None, AppView::Scan { orders, listed, problem })
}

/// Paying an order, or not.
pub(super) fn order(desk: &Desk<'_>, token: &str) -> Reply {
    let Some(visit) = desk.visit(token) else { return desk.unknown() };
    if visit.order.method == PaymentMethod::CreditDebit {
        return desk.unknown();
    }
    let said = if desk.request.post { Some(act(desk, &visit)) } else { None };
    let Some(visit) = desk.visit(token) else { return desk.unknown() };
    let order = &visit.order;
    let state = match order.state {
        OrderState::Registered => order.screen.name(),
        state => state.name(),
    };
    let view = AppView::Order {
        merchant: visit.merchant.name.clone(),
        amount: money::money(order.amount, order.currency),
        tx_id: order.tx_id.to_string(),
        state,
        payers: payers(&visit),
        shows_qr: order.method.shows_qr(),
    };
    render(desk, 200, &app_path(&token), said, view)
}

fn act(desk: &Desk<'_>, visit: &Visit) -> Said {
    let shows_qr = visit.order.method.shows_qr();
    let profile = visit.space.profile();
    let action = desk.form.action.as_str();
    if matches!(action, "pay" | "wrong-amount" | "twice" | "late") {
        let right = match desk.form.from.strip_prefix("wallet:") {
            Some(phone) => profile.payers.wallet(phone).map(|wallet| wallet.passcode.as_str()),
            None => Some(profile.payers.passcode.as_str()),
        };
        if right != Some(desk.form.passcode.as_str()) {
            let text = "Wrong passcode: the app asks again, and PAYON hears nothing.".to_owned();
            return Said { code: String::new(), reason: "passcode.wrong".to_owned(), text };
        }
    }
    let show = |operation| shows_qr.then(|| report(desk, visit, operation));
    match action {
        "scanned" => told(Some(report(desk, visit, Operation::NotifyQrScanned))),
        "processing" => told(Some(report(desk, visit, Operation::NotifyProcessing))),
        "decline" if shows_qr => told(Some(complete(desk, visit, "9999", visit.order.amount))),
        "decline" => outcome(desk, visit, Reason::BankDeclined),
        "wrong-amount" => {
            let wrong = visit.order.amount.plus(Amount::from_minor(1)).unwrap_or_default();
            told(Some(complete(desk, visit, "0000", wrong)))
        }
        "late" => {
            let (merchant, tx_id) = (&visit.merchant.id, &visit.order.tx_id);
            let trace = visit.space.next_trace();
            // Refused where it is over already; then the payment below says so.
            let _ = gateway::trigger(&visit.space, merchant, tx_id, TriggerEvent::Expire, trace);
            if shows_qr {
                told(Some(complete(desk, visit, "0000", visit.order.amount)))
            } else {
                pay(desk, visit)
            }
        }
        "pay" | "twice" => {
            show(Operation::NotifyQrScanned);
            show(Operation::NotifyProcessing);
            let first = pay(desk, visit);
            if action == "pay" {
                first
            } else if shows_qr {
                told(Some(complete(desk, visit, "0000", visit.order.amount)))
            } else {
                pay(desk, visit)
            }
        }
        _ => told(None),
    }
}

/// Pays from the chosen wallet or account.
fn pay(desk: &Desk<'_>, visit: &Visit) -> Said {
    let from = desk.form.from.as_str();
    let input = match (from.strip_prefix("wallet:"), from.strip_prefix("bank:")) {
        (Some(phone), _) => Input::Wallet(phone, Some(&desk.form.passcode)),
        (None, account) => Input::Bank(account.unwrap_or_default()),
    };
    let trace = visit.space.next_trace();
    let paid = gateway::advance(&visit.space, visit.handle, None, input, trace);
    let mut course = None;
    let (reason, detail) = match paid {
        Ok(Stage::Over(paid)) => {
            course = paid.course;
            (paid.reason, String::new())
        }
        Ok(Stage::Asks(_)) => (Reason::OrderPending, String::new()),
        Ok(Stage::Wrong(_, reason)) | Err(gateway::PayError::NotPossible { reason, .. }) => {
            (reason, String::new())
        }
        Err(error) => (Reason::FieldInvalid, error.to_string()),
    };
    gateway::note_step(visit, trace, "app", 200, reason, &detail, course.as_deref());
    desk.follow(course);
    said(visit, reason, &detail)
}

/// The payment ends for this reason.
fn outcome(desk: &Desk<'_>, visit: &Visit, reason: Reason) -> Said {
    let (merchant, tx_id) = (&visit.merchant.id, &visit.order.tx_id);
    let request = PayRequest { outcome: Some(reason), ..PayRequest::default() };
    let trace = visit.space.next_trace();
    let paid = gateway::pay(&visit.space, merchant, tx_id, &request, trace);
    let mut course = None;
    let reason = match paid {
        Ok(paid) => {
            course = paid.course;
            paid.reason
        }
        Err(gateway::PayError::NotPossible { reason, .. }) => reason,
        Err(_) => Reason::SystemError,
    };
    gateway::note_step(visit, trace, "app", 200, reason, "", course.as_deref());
    desk.follow(course);
    said(visit, reason, "")
}

/// Tells PAYON how far the app is with the QR.
fn report(desk: &Desk<'_>, visit: &Visit, operation: Operation) -> gateway::Reply {
    let order = &visit.order;
    let body = json!({
        "merchantId": visit.merchant.id,
        "termId": visit.terminal,
        "txId": order.tx_id,
        "amount": order.amount.fixed(order.currency),
    });
    call(desk, visit, operation, &body)
}

/// Tells PAYON how it ended.
fn complete(desk: &Desk<'_>, visit: &Visit, code: &str, amount: Amount) -> gateway::Reply {
    let order = &visit.order;
    let lot = visit.space.seed().number(&[b"app", order.tx_id.as_bytes()]) % 1_000_000;
    let body = json!({
        "RESULT_CODE": code,
        "RESULT_MSG": if code == "0000" { "SUCCESS" } else { "ERROR" },
        "MC_ID": visit.merchant.id,
        "TERM_ID": visit.terminal,
        "TX_ID": order.tx_id,
        "AMOUNT": amount.fixed(order.currency),
        "APPROVAL_DATE": visit.now.day_first_digits(),
        "APPROVAL_NO": format!("{lot:06}"),
        "CURRENCY": order.currency.code(),
    });
    call(desk, visit, Operation::NotifyCompletion, &body)
}

fn call(
    desk: &Desk<'_>,
    visit: &Visit,
    operation: Operation,
    body: &serde_json::Value,
) -> gateway::Reply {
    let body = body.to_string();
    let call = Call {
        operation,
        space: Some(std::sync::Arc::clone(&visit.space)),
        token: visit.merchant.token.as_deref(),
        scenario: None,
        origin: desk.request.origin.into(),
        body: body.as_bytes(),
        trail: None,
    };
    let mut reply = gateway::answer(desk.spaces, call);
    desk.follow(reply.course.take().map(Into::into));
    reply
}

/// What PAYON answered a report.
fn told(reply: Option<gateway::Reply>) -> Said {
    let Some(reply) = reply else {
        let text = "This app cannot do that with this order.".to_owned();
        return Said { code: String::new(), reason: "state.not-allowed".to_owned(), text };
    };
    let body: serde_json::Value = serde_json::from_slice(&reply.body).unwrap_or_default();
    let of = |name: &str| body[name].as_str().unwrap_or_default().to_owned();
    let (code, message) = (of("resultCode"), of("resultMsg"));
    let text = format!("PAYON answers {code} {message} ({})", reply.reason.name());
    Said { code, reason: reply.reason.name().to_owned(), text }
}

fn said(visit: &Visit, reason: Reason, detail: &str) -> Said {
    let answer = visit.space.profile().reasons.general(reason);
    let more = if detail.is_empty() { reason.about() } else { detail };
    let text = format!("{} {}: {more}", answer.code, answer.message);
    Said { code: answer.code.to_owned(), reason: reason.name().to_owned(), text }
}

/// Who may pay an order.
fn payers(visit: &Visit) -> Vec<AppPayer> {
    let (payers, method) = (&visit.space.profile().payers, visit.order.method);
    let wallets = payers.wallets.iter().filter(|_| method == PaymentMethod::Payon);
    let wallets = wallets.map(|row| AppPayer {
        value: format!("wallet:{}", row.phone),
        account: row.phone.clone(),
        name: format!("{} (PAYON wallet)", row.name),
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
fn open_orders(desk: &Desk<'_>) -> Vec<AppOrder> {
    let space = desk.request.space.as_ref().unwrap_or(desk.spaces.default_space());
    let mut found: Vec<AppOrder> = space.look(|view| {
        let ledger = view.ledger;
        let open = ledger.orders_after(None).filter(|order| {
            order.state == OrderState::Registered && order.method != PaymentMethod::CreditDebit
        });
        open.map(|order| (order, &*ledger.party(order).merchant))
            .map(|(order, merchant)| {
                let token = CheckoutToken::new(space, order.id, merchant, &order.tx_id);
                AppOrder {
                    href: desk.at(&app_path(&token)),
                    merchant: merchant.to_owned(),
                    tx_id: order.tx_id.to_string(),
                    method: order.method.name(),
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
fn find(desk: &Desk<'_>, code: &str) -> Option<(std::sync::Arc<Space>, OrderHandle)> {
    let code = code.trim();
    if let Some((_, token)) = code.rsplit_once('/') {
        return desk.resolve(token);
    }
    desk.spaces.all().into_iter().find_map(|space| {
        let open: Vec<OrderHandle> = space.look(|view| {
            let open = view
                .ledger
                .orders_after(None)
                .filter(|order| order.state == OrderState::Registered && order.method.shows_qr());
            open.map(|order| view.handle(order)).collect()
        });
        let shown = open.into_iter().rev().find(|order| {
            Visit::of(&space, *order).and_then(|visit| visit.khqr()).as_deref() == Some(code)
        })?;
        Some((space, shown))
    })
}

fn render(desk: &Desk<'_>, status: u16, action: &str, said: Option<Said>, view: AppView) -> Reply {
    let refused = status == 422;
    let f = Frame { lang: "en", languages: Vec::new(), notice: None, refused, ..desk.bare_frame() };
    let t = Texts::of(Language::English);
    let (action, scan) = (desk.at(action), desk.at(SCAN));
    desk.page(status, &App { f, t, action, scan, said, view }, Exits::Here)
}
