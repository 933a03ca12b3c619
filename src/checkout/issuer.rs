//! The pretend issuer's access control server: its page, and the way back to the gateway.
//!
//! As with a real issuer, what the payer does wrong there is told to the gateway at once; a passed
//! authentication counts when the browser brings the signed answer back.

use super::desk::{Desk, Exits};
use super::forms::digits;
use super::money;
use super::pages::{Acs, AcsView, Frame};
use super::reply::Reply;
use super::{panel, pay, result};
use crate::base::{OrderState, Reason};
use crate::gateway::{self, AcsReturn, Cres3ds, CresError, Input, Visit};
use crate::ledger::{OrderId, Step};
use crate::profile::{Authentication, OtpChannel};

/// What the issuer does with this payer.
enum Plan {
    /// Asks.
    Challenge,
    /// Answers with this `transStatus`, of this authentication.
    Answer(&'static str, Cres3ds),
}

fn plan(visit: &Visit, page: Authentication) -> Plan {
    let own = authentication(visit);
    match page {
        Authentication::Challenge | Authentication::Abandoned | Authentication::WrongOtp => {
            Plan::Challenge
        }
        Authentication::None | Authentication::Frictionless | Authentication::Slow => {
            Plan::Answer("Y", own)
        }
        Authentication::Attempted => Plan::Answer("A", own),
        Authentication::Unavailable => Plan::Answer("U", own),
        Authentication::Rejected => Plan::Answer("N", own),
        Authentication::Mismatch => {
            Plan::Answer("Y", Cres3ds { order: OrderId(!own.order.0), ..own })
        }
    }
}

fn authentication(visit: &Visit) -> Cres3ds {
    Cres3ds { order: visit.order.id, round: visit.progress().round }
}

/// The issuer's page.
pub(super) fn show(desk: &Desk<'_>, token: &str) -> Reply {
    let Some(visit) = desk.visit(token) else { return desk.unknown() };
    let path = format!("/pg/checkout/{token}");
    let Step::Acs(page) = visit.progress().step else {
        return Reply::see_other(&desk.address(&path, &[]));
    };
    let view = match plan(&visit, page) {
        Plan::Challenge => AcsView::Challenge,
        Plan::Answer(..) if page == Authentication::Slow && desk.query.waited.is_none() => {
            let next = desk.address(&format!("{path}/acs"), &[("waited", "1")]);
            AcsView::Wait { next }
        }
        Plan::Answer(status, whose) => answer(desk, &visit, &path, whose, status),
    };
    render(desk, &visit, &path, view, None)
}

/// What the payer does on the issuer's page.
pub(super) fn act(desk: &Desk<'_>, token: &str) -> Reply {
    let Some(visit) = desk.visit(token) else { return desk.unknown() };
    let path = format!("/pg/checkout/{token}");
    let (form, otp) = (&desk.form, desk.form.otp.as_str());
    let (Step::Acs(page), true) = (visit.progress().step, form.step == visit.token()) else {
        return pay::stale(desk, &path);
    };
    let own = authentication(&visit);
    let back = match form.action.as_str() {
        "cancel" => AcsReturn::Left,
        _ if !digits(otp, 4..=8) => {
            let problem = Some(desk.t.need_otp);
            return render(desk, &visit, &path, AcsView::Challenge, problem);
        }
        _ if page == Authentication::Challenge && visit.takes_otp(OtpChannel::Acs, otp) => {
            return render(desk, &visit, &path, answer(desk, &visit, &path, own, "Y"), None);
        }
        _ => AcsReturn::Otp(otp),
    };
    let reply = pay::advance(desk, &visit, &path, "acs", Input::Acs(own.round, back));
    let reply = reply.unwrap_or_else(|_| pay::stale(desk, &path));
    // Over: the gateway knows already, and the browser is sent back with the bad news.
    match Visit::of(&visit.space, visit.handle) {
        Some(after) if after.order.state != OrderState::Registered => {
            let page = render(desk, &after, &path, answer(desk, &after, &path, own, "N"), None);
            Reply { trace: reply.trace, ..page }
        }
        _ => reply,
    }
}

/// Back at the gateway with the issuer's answer.
pub(super) fn come_back(desk: &Desk<'_>, token: &str) -> Reply {
    let Some(visit) = desk.visit(token) else { return desk.unknown() };
    let path = format!("/pg/checkout/{token}");
    if visit.order.state != OrderState::Registered {
        return result::leave(desk, &visit.space, visit.handle, &path);
    }
    let (form, own) = (&desk.form, authentication(&visit));
    let (Step::Acs(page), true) = (visit.progress().step, form.session_data == visit.token())
    else {
        return pay::stale(desk, &path);
    };
    let back = match (own.read(&visit.space, &form.cres), page) {
        // An issuer that answers for another payment: the gateway's to find out.
        (Err(CresError::Foreign), Authentication::Mismatch) => AcsReturn::Unasked,
        (Err(error), _) => {
            let trace = visit.space.next_trace();
            let (t, reason) = (desk.t, Reason::AcsMismatch);
            gateway::note_step(&visit, trace, "acs-return", 403, reason, &error.to_string(), None);
            let back_to = Some(desk.address(&path, &[]));
            let reply = desk.message(403, reason, t.forged_title, t.forged_lead, back_to);
            return Reply { trace: Some(trace), ..reply };
        }
        (Ok(_), Authentication::Challenge) => AcsReturn::Passed,
        (Ok(_), _) => AcsReturn::Unasked,
    };
    pay::advance(desk, &visit, &path, "acs-return", Input::Acs(own.round, back))
        .unwrap_or_else(|_| pay::stale(desk, &path))
}

fn answer(desk: &Desk<'_>, visit: &Visit, path: &str, whose: Cres3ds, status: &str) -> AcsView {
    let to = desk.at(&format!("{path}/acs-return"));
    AcsView::Return { cres: whose.write(&visit.space, status), to }
}

fn render(
    desk: &Desk<'_>,
    visit: &Visit,
    path: &str,
    view: AcsView,
    problem: Option<&'static str>,
) -> Reply {
    let order = &visit.order;
    let last = visit.card().and_then(|card| card.number.get(12..)).unwrap_or_default();
    let frame = desk.frame(visit, 1, Some(panel::of(desk, visit, path, false)));
    let page = Acs {
        f: Frame { refused: problem.is_some() || frame.refused, ..frame },
        t: desk.t,
        action: desk.at(&format!("{path}/acs")),
        merchant: desk.merchant_name(visit),
        amount: money::money(order.amount, order.currency),
        masked: format!("•••• {last}"),
        problem,
        view,
    };
    desk.page(if problem.is_some() { 422 } else { 200 }, &page, Exits::of_order(visit))
}
