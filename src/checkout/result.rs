//! How it ended, and the way back to the merchant.

use std::sync::Arc;

use super::desk::{Desk, Exits};
use super::money;
use super::pages::{Frame, Outcome};
use super::reply::{Reply, with_query};
use super::texts::Texts;
use crate::base::{OrderState, PaymentMethod, Reason};
use crate::gateway::Visit;
use crate::space::{OrderHandle, Space};

/// The result of an order that takes no further step.
pub(super) fn page(desk: &Desk<'_>, visit: &Visit, path: &str) -> Reply {
    let (t, order) = (desk.t, &visit.order);
    let amount = money::money(order.amount, order.currency);
    let standing = visit.standing();
    let (state, _, _) = state(t, visit);
    let (look, title, lead) = match (standing, order.state) {
        (_, OrderState::Authorised) => ("good", t.reserved_title, t.fill(t.reserved_lead, amount)),
        (_, OrderState::Reversed | OrderState::Refunded | OrderState::PartlyRefunded) => {
            ("good", t.refunded_title, t.refunded_lead.to_owned())
        }
        (Reason::Success, _) => ("good", t.paid_title, t.fill(t.paid_lead, amount)),
        (Reason::IssuerTimeout, OrderState::Registered) => {
            ("", t.unknown_title, t.unknown_lead.to_owned())
        }
        (Reason::PayerCancelled, _) => ("", t.cancelled_title, t.cancelled_lead.to_owned()),
        (Reason::OrderExpired, _) => ("bad", t.expired_title, t.expired_lead.to_owned()),
        _ => ("bad", t.failed_title, t.failed_lead.to_owned()),
    };
    let mut facts = Vec::new();
    if let Some(approval) = order.approval.filter(|_| standing == Reason::Success) {
        facts.extend(order.approval_digits().map(|digits| (t.approval_number, digits.to_string())));
        facts.push((t.paid_at, money::date_and_clock(approval.at)));
        let paid_with = order.instrument.as_deref();
        let shown = |account: &str| format!("•••• {}", account.trim_start_matches('*'));
        facts.extend(paid_with.map(|with| (t.paid_with, shown(&with.account))));
    }
    let step = if standing == Reason::IssuerTimeout { 1 } else { 2 };
    let page = Outcome {
        // A result is no refused form, whatever notice the payer comes with.
        f: Frame { refused: false, ..desk.frame(visit, step, None) },
        t,
        look,
        state,
        code: visit.space.profile().reasons.general(standing).code.to_owned(),
        reason: standing.name(),
        title,
        lead,
        why: why(t, visit),
        facts,
        live: (order.state == OrderState::Registered)
            .then(|| desk.address(&format!("{path}/status"), &[])),
        back_to: visit.way_back().map(|_| desk.address(&format!("{path}/return"), &[])),
        back_text: t.fill(t.return_to_merchant, desk.merchant_name(visit)),
    };
    desk.page(200, &page, Exits::of_order(visit))
}

/// Off to the merchant, or to the result page where the merchant has named no place.
pub(super) fn leave(desk: &Desk<'_>, space: &Arc<Space>, order: OrderHandle, path: &str) -> Reply {
    let stay = || Reply::see_other(&desk.address(path, &[]));
    let Some(visit) = Visit::of(space, order) else { return desk.unknown() };
    let Some((place, reason)) = visit.way_back() else {
        return stay();
    };
    let answer = space.profile().reasons.general(reason);
    let result =
        [("txId", &*visit.order.tx_id), ("resultCode", answer.code), ("resultMsg", answer.message)];
    Reply::see_other(&with_query(place, &result))
}

/// `GET …/return`.
pub(super) fn way_back(desk: &Desk<'_>, token: &str) -> Reply {
    match desk.resolve(token) {
        Some((space, order)) => leave(desk, &space, order, &format!("/pg/checkout/{token}")),
        None => desk.unknown(),
    }
}

/// `GET …/status`, for the page's script.
pub(super) fn status(desk: &Desk<'_>, token: &str) -> Reply {
    let Some(visit) = desk.visit(token) else { return desk.unknown() };
    let (state, text, over) = state(desk.t, &visit);
    Reply::json(&serde_json::json!({ "state": state, "text": text, "final": over }))
}

/// The state's name for scripts, its words for payers, and whether it is the last.
pub(super) fn state(t: &Texts, visit: &Visit) -> (&'static str, &'static str, bool) {
    use crate::ledger::Screen;
    match (visit.standing(), visit.order.screen) {
        (Reason::OrderPending, Screen::Shown) => ("shown", t.qr_shown, false),
        (Reason::OrderPending, Screen::Scanned) => ("scanned", t.qr_scanned, false),
        (Reason::OrderPending, Screen::Processing) => ("processing", t.qr_processing, false),
        (Reason::IssuerTimeout, _) if visit.order.state == OrderState::Registered => {
            ("unknown", t.unknown_title, false)
        }
        (Reason::Success, _) => ("succeeded", t.qr_succeeded, true),
        (Reason::PayerCancelled, _) => ("cancelled", t.cancelled_title, true),
        (Reason::OrderExpired, _) => ("expired", t.qr_expired, true),
        _ => ("failed", t.qr_failed, true),
    }
}

/// Why a payment failed, in words for its payer.
fn why(t: &Texts, visit: &Visit) -> Option<&'static str> {
    if visit.order.state != OrderState::Failed {
        return None;
    }
    Some(match visit.standing() {
        Reason::CardInsufficientFunds | Reason::WalletInsufficientFunds => t.why_funds,
        Reason::CardLimitExceeded | Reason::CardTooManyUses => t.why_limit,
        Reason::CardExpired => t.why_expired_card,
        Reason::CardExpiryMismatch | Reason::CardWrongCvv => t.why_wrong_details,
        Reason::CardWrongPin | Reason::CardPinTriesExceeded => t.why_wrong_pin,
        Reason::OtpTriesExceeded | Reason::OtpWrong => t.why_wrong_otp,
        Reason::CardRestricted | Reason::WalletBlocked | Reason::BindingLocked => t.why_blocked,
        Reason::IssuerUnavailable | Reason::IssuerMalfunction | Reason::AcsUnavailable => {
            t.why_bank_down
        }
        Reason::AcsRejected | Reason::AcsAbandoned | Reason::AcsMismatch => t.why_not_confirmed,
        Reason::QrDeclined | Reason::QrLate | Reason::PasscodeWrong => t.why_app,
        _ if visit.order.method == PaymentMethod::BakongKhqr => t.why_app,
        reason if reason.name().starts_with("card.") => t.why_declined,
        Reason::BankDeclined => t.why_declined,
        _ => t.why_other,
    })
}
