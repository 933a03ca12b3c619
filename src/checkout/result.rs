//! The result page, and the way back to the merchant.

use std::sync::Arc;

use super::context::{Exits, PageContext};
use super::money;
use super::pages::{PageFrame, ResultView};
use super::reply::{PageReply, with_query};
use super::texts::Texts;
use crate::base::{OrderState, PaymentMethod, Reason};
use crate::gateway::CheckoutSession;
use crate::space::{OrderHandle, Space};

/// The result of an order that takes no further step.
pub(super) fn page(context: &PageContext<'_>, session: &CheckoutSession, path: &str) -> PageReply {
    let (t, order) = (context.t, &session.order);
    let amount = money::money(order.amount, order.currency);
    let standing = session.standing();
    let (state, _, _) = state(t, session);
    let (look, title, lead) = match (standing, order.state) {
        (_, OrderState::Authorised) => ("good", t.reserved_title, t.fill(t.reserved_lead, amount)),
        (_, OrderState::Reversed | OrderState::Refunded | OrderState::PartlyRefunded) => {
            ("good", t.refunded_title, t.refunded_lead.to_owned())
        }
        (Reason::Success, _) => ("good", t.paid_title, t.fill(t.paid_lead, amount)),
        (Reason::IssuerTimeout, OrderState::Registered) => {
            ("", t.unknown_title, t.unknown_lead.to_owned())
        }
        (Reason::PayerCancelled, _) => ("gone", t.cancelled_title, t.cancelled_lead.to_owned()),
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
    // A payment that ended early has no step that it stands at, and which ones it passed is not kept.
    let step = match (standing, look) {
        (Reason::IssuerTimeout, _) => Some(1),
        (_, "good") => Some(2),
        _ => None,
    };
    let page = ResultView {
        // A result is no refused form, whatever notice the payer comes with.
        f: PageFrame { refused: false, ..context.frame(session, step, None) },
        t,
        look,
        state,
        code: session.space.profile().reasons.general(standing).code.to_owned(),
        reason: standing.name(),
        title,
        lead,
        why: why(t, session),
        facts,
        live: (order.state == OrderState::Registered)
            .then(|| context.address(&format!("{path}/status"), &[])),
        back_to: session.way_back().map(|_| context.address(&format!("{path}/return"), &[])),
        back_text: t.fill(t.return_to_merchant, context.merchant_name(session)),
    };
    context.page(200, &page, Exits::of_order(session))
}

/// Off to the merchant, or to the result page where the merchant has named no place.
pub(super) fn leave(
    context: &PageContext<'_>,
    space: &Arc<Space>,
    order: OrderHandle,
    path: &str,
) -> PageReply {
    let stay = || PageReply::see_other(&context.address(path, &[]));
    let Some(session) = CheckoutSession::of(space, order) else { return context.unknown() };
    let Some((place, reason)) = session.way_back() else {
        return stay();
    };
    let answer = space.profile().reasons.general(reason);
    let result = [
        ("txId", &*session.order.tx_id),
        ("resultCode", answer.code),
        ("resultMsg", answer.message),
    ];
    PageReply::see_other(&with_query(place, &result))
}

/// `GET …/return`.
pub(super) fn way_back(context: &PageContext<'_>, token: &str) -> PageReply {
    match context.resolve(token) {
        Some((space, order)) => leave(context, &space, order, &format!("/pg/checkout/{token}")),
        None => context.unknown(),
    }
}

/// `GET …/status`, for the page's script.
pub(super) fn status(context: &PageContext<'_>, token: &str) -> PageReply {
    let Some(session) = context.session(token) else { return context.unknown() };
    let (state, text, over) = state(context.t, &session);
    PageReply::json(&serde_json::json!({ "state": state, "text": text, "final": over }))
}

/// The state's name for scripts, its words for payers, and whether it is the last.
pub(super) fn state(t: &Texts, session: &CheckoutSession) -> (&'static str, &'static str, bool) {
    use crate::ledger::Screen;
    match (session.standing(), session.order.screen) {
        (Reason::OrderPending, Screen::Shown) => {
            let text = if session.order.method.shows_qr() { t.qr_shown } else { t.not_paid_yet };
            ("shown", text, false)
        }
        (Reason::OrderPending, Screen::Scanned) => ("scanned", t.qr_scanned, false),
        (Reason::OrderPending, Screen::Processing) => ("processing", t.qr_processing, false),
        (Reason::IssuerTimeout, _) if session.order.state == OrderState::Registered => {
            ("unknown", t.unknown_title, false)
        }
        (Reason::Success, _) => ("succeeded", t.qr_succeeded, true),
        (Reason::PayerCancelled, _) => ("cancelled", t.cancelled_title, true),
        (Reason::OrderExpired, _) => ("expired", t.qr_expired, true),
        _ => ("failed", t.qr_failed, true),
    }
}

/// Reason why a payment failed, in words for its payer.
fn why(t: &Texts, session: &CheckoutSession) -> Option<&'static str> {
    if session.order.state != OrderState::Failed {
        return None;
    }
    Some(match session.standing() {
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
        _ if session.order.method == PaymentMethod::BakongKhqr => t.why_app,
        reason if reason.name().starts_with("card.") => t.why_declined,
        Reason::BankDeclined => t.why_declined,
        _ => t.why_other,
    })
}
