//! The pretend issuer's access control server: its page, and the way back to the gateway.
//!
//! As with a real issuer, what the payer does wrong there is told to the gateway at once; a passed
//! authentication counts when the browser brings the signed answer back.

use super::context::{Exits, PageContext};
use super::forms::digits;
use super::money;
use super::pages::{Acs, AcsView, PageFrame};
use super::reply::PageReply;
use super::{panel, pay, result};
use crate::base::{OrderState, Reason};
use crate::gateway::{self, AcsReturn, CheckoutSession, Cres3ds, CresError, Input};
use crate::ledger::{OrderId, PayerStep};
use crate::profile::{Authentication, OtpChannel};

/// The issuer's decision about this payer.
enum IssuerPlan {
    /// Asks.
    Challenge,
    /// Answers with this `transStatus`, of this authentication.
    Answer(&'static str, Cres3ds),
}

fn plan(session: &CheckoutSession, page: Authentication) -> IssuerPlan {
    let own = authentication(session);
    match page {
        Authentication::Challenge | Authentication::Abandoned | Authentication::WrongOtp => {
            IssuerPlan::Challenge
        }
        Authentication::None | Authentication::Frictionless | Authentication::Slow => {
            IssuerPlan::Answer("Y", own)
        }
        Authentication::Attempted => IssuerPlan::Answer("A", own),
        Authentication::Unavailable => IssuerPlan::Answer("U", own),
        Authentication::Rejected => IssuerPlan::Answer("N", own),
        Authentication::Mismatch => {
            IssuerPlan::Answer("Y", Cres3ds { order: OrderId(!own.order.0), ..own })
        }
    }
}

fn authentication(session: &CheckoutSession) -> Cres3ds {
    Cres3ds { order: session.order.id, round: session.progress().round }
}

/// The issuer's page.
pub(super) fn show(context: &PageContext<'_>, token: &str) -> PageReply {
    let Some(session) = context.session(token) else { return context.unknown() };
    let path = format!("/pg/checkout/{token}");
    let PayerStep::Acs(page) = session.progress().step else {
        return PageReply::see_other(&context.address(&path, &[]));
    };
    let view = match plan(&session, page) {
        IssuerPlan::Challenge => AcsView::Challenge,
        IssuerPlan::Answer(..)
            if page == Authentication::Slow && context.query.waited.is_none() =>
        {
            let next = context.address(&format!("{path}/acs"), &[("waited", "1")]);
            AcsView::Wait { next }
        }
        IssuerPlan::Answer(status, whose) => answer(context, &session, &path, whose, status),
    };
    render(context, &session, &path, view, None)
}

/// Carries out the payer's action on the issuer's page.
pub(super) fn act(context: &PageContext<'_>, token: &str) -> PageReply {
    let Some(session) = context.session(token) else { return context.unknown() };
    let path = format!("/pg/checkout/{token}");
    let (form, otp) = (&context.form, context.form.otp.as_str());
    let (PayerStep::Acs(page), true) = (session.progress().step, form.step == session.token())
    else {
        return pay::stale(context, &path);
    };
    let own = authentication(&session);
    let back = match form.action.as_str() {
        "cancel" => AcsReturn::Left,
        _ if !digits(otp, 4..=8) => {
            let problem = Some(context.t.need_otp);
            return render(context, &session, &path, AcsView::Challenge, problem);
        }
        _ if page == Authentication::Challenge && session.takes_otp(OtpChannel::Acs, otp) => {
            return render(
                context,
                &session,
                &path,
                answer(context, &session, &path, own, "Y"),
                None,
            );
        }
        _ => AcsReturn::Otp(otp),
    };
    let reply = pay::advance(context, &session, &path, "acs", Input::Acs(own.round, back));
    let reply = reply.unwrap_or_else(|_| pay::stale(context, &path));
    // Over: the gateway knows already, and the browser is sent back with the bad news.
    match CheckoutSession::of(&session.space, session.handle) {
        Some(after) if after.order.state != OrderState::Registered => {
            let page =
                render(context, &after, &path, answer(context, &after, &path, own, "N"), None);
            PageReply { trace: reply.trace, ..page }
        }
        _ => reply,
    }
}

/// Back at the gateway with the issuer's answer.
pub(super) fn come_back(context: &PageContext<'_>, token: &str) -> PageReply {
    let Some(session) = context.session(token) else { return context.unknown() };
    let path = format!("/pg/checkout/{token}");
    if session.order.state != OrderState::Registered {
        return result::leave(context, &session.space, session.handle, &path);
    }
    let (form, own) = (&context.form, authentication(&session));
    let (PayerStep::Acs(page), true) =
        (session.progress().step, form.session_data == session.token())
    else {
        return pay::stale(context, &path);
    };
    let back = match (own.read(&session.space, &form.cres), page) {
        // An issuer that answers for another payment: the gateway's to find out.
        (Err(CresError::Foreign), Authentication::Mismatch) => AcsReturn::Unasked,
        (Err(error), _) => {
            let trace = session.space.next_trace();
            let (t, reason) = (context.t, Reason::AcsMismatch);
            gateway::note_step(
                &session,
                trace,
                "acs-return",
                403,
                reason,
                &error.to_string(),
                None,
            );
            let back_to = Some(context.address(&path, &[]));
            let reply = context.message(403, reason, t.forged_title, t.forged_lead, back_to);
            return PageReply { trace: Some(trace), ..reply };
        }
        (Ok(_), Authentication::Challenge) => AcsReturn::Passed,
        (Ok(_), _) => AcsReturn::Unasked,
    };
    pay::advance(context, &session, &path, "acs-return", Input::Acs(own.round, back))
        .unwrap_or_else(|_| pay::stale(context, &path))
}

fn answer(
    context: &PageContext<'_>,
    session: &CheckoutSession,
    path: &str,
    whose: Cres3ds,
    status: &str,
) -> AcsView {
    let to = context.at(&format!("{path}/acs-return"));
    AcsView::Return { cres: whose.write(&session.space, status), to }
}

fn render(
    context: &PageContext<'_>,
    session: &CheckoutSession,
    path: &str,
    view: AcsView,
    problem: Option<&'static str>,
) -> PageReply {
    let order = &session.order;
    let last = session.card().and_then(|card| card.number.get(12..)).unwrap_or_default();
    let frame = context.frame(session, 1, Some(panel::of(context, session, path, false)));
    let page = Acs {
        f: PageFrame { refused: problem.is_some() || frame.refused, ..frame },
        t: context.t,
        action: context.at(&format!("{path}/acs")),
        merchant: context.merchant_name(session),
        amount: money::money(order.amount, order.currency),
        masked: format!("•••• {last}"),
        problem,
        view,
    };
    context.page(if problem.is_some() { 422 } else { 200 }, &page, Exits::of_order(session))
}
