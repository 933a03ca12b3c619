//! The order's own page: how to pay, and what else the payer must say.

use super::desk::{Desk, Exits};
use super::forms::{CardForm, CardKind, digits, scheme_name};
use super::money;
use super::pages::{Ask, Choose, Confirm, Frame, Qr, Saved};
use super::reply::Reply;
use super::{desk, panel, result};
use crate::base::{PaymentMethod, Reason};
use crate::gateway::{self, Input, PayError, Stage, TypedCard, Visit};
use crate::khqr;
use crate::ledger::{BindingId, OrderKind, Step};
use crate::profile::{OtpChannel, Scheme};

/// Opens an encrypted link and goes on to its order.
pub(super) fn open_link(desk: &Desk<'_>) -> Reply {
    let query = &desk.query;
    let space = desk.request.space.clone();
    let space = space.unwrap_or_else(|| desk.spaces.of_merchant(&query.merchant_id));
    if desk.request.only_looks {
        let known = gateway::link::look(&space, &query.merchant_id, &query.data);
        return match known {
            Ok(Some(token)) => {
                Reply::see_other(&desk.address(&format!("/pg/checkout/{token}"), &[]))
            }
            // Its order comes to be with the first opening, and the address of its page with it.
            Ok(None) => Reply::found_good(),
            Err(refused) => refused_link(desk, &refused),
        };
    }
    match gateway::link::open(&space, &query.merchant_id, &query.data) {
        Ok(token) => Reply::see_other(&desk.address(&format!("/pg/checkout/{token}"), &[])),
        Err(refused) => refused_link(desk, &refused),
    }
}

/// What is said of a link that cannot be used.
pub(super) fn refused_link(desk: &Desk<'_>, refused: &gateway::Refused) -> Reply {
    let t = desk.t;
    let reason = refused.reason;
    let (status, title, lead) = match reason {
        Reason::LinkExpired => (410, t.old_link_title, t.old_link_lead),
        Reason::OrderAlreadyPaid | Reason::AlreadyRefunded | Reason::AlreadyReversed => {
            (410, t.paid_before_title, t.paid_before_lead)
        }
        Reason::OrderExpired => (410, t.expired_title, t.expired_lead),
        Reason::OrderCancelled => (410, t.cancelled_title, t.cancelled_lead),
        Reason::OrderFailed => (410, t.failed_title, t.failed_lead),
        _ => (400, t.bad_link_title, t.bad_link_lead),
    };
    if reason == Reason::LinkExpired {
        // Its times are what a developer needs, and they tell a payer nothing that is secret.
        return desk.explained_message(status, reason, title, lead, &refused.detail);
    }
    desk.message(status, reason, title, lead, None)
}

/// The order at its present step.
pub(super) fn show(desk: &Desk<'_>, token: &str) -> Reply {
    let Some(visit) = desk.visit(token) else { return desk.unknown() };
    let path = format!("/pg/checkout/{token}");
    if visit.standing() != Reason::OrderPending {
        return result::page(desk, &visit, &path);
    }
    match visit.progress().step {
        _ if desk.query.again.is_some() => choose(desk, &visit, &path, None),
        Step::Enter | Step::Unanswered => choose(desk, &visit, &path, None),
        Step::Acs(_) => Reply::see_other(&desk.address(&format!("{path}/acs"), &[])),
        step => confirm(desk, &visit, &path, step, None),
    }
}

/// Takes the step that a form asks for.
pub(super) fn act(desk: &Desk<'_>, token: &str) -> Reply {
    let Some(visit) = desk.visit(token) else { return desk.unknown() };
    let path = format!("/pg/checkout/{token}");
    let (form, step) = (&desk.form, visit.progress().step);
    if form.step != visit.token() {
        return stale(desk, &path);
    }
    let check = |right: bool, problem| (!right).then_some(problem);
    let (input, problem) = match (form.action.as_str(), step) {
        ("card", _) => return card(desk, &visit, &path),
        ("cancel", _) => (Input::Cancel, None),
        ("binding", _) => (Input::Binding(BindingId::parse(&form.binding)), None),
        ("passcode", _) => {
            let right = digits(&form.passcode, 4..=6);
            (Input::Passcode(&form.passcode), check(right, desk.t.need_passcode))
        }
        ("channel", _) if form.channel == "email" => (Input::Channel(OtpChannel::Email), None),
        ("channel", _) => (Input::Channel(OtpChannel::Sms), None),
        ("resend", Step::Otp(channel)) => (Input::Channel(channel), None),
        ("otp", _) => {
            let right = digits(&form.otp, 4..=8);
            (Input::Otp(&form.otp), check(right, desk.t.need_otp))
        }
        _ => return stale(desk, &path),
    };
    if let Some(problem) = problem {
        return confirm(desk, &visit, &path, step, Some(problem));
    }
    match advance(desk, &visit, &path, &form.action, input) {
        Ok(reply) => reply,
        Err(_) => Reply::see_other(&desk.address(&path, &[("notice", "binding.not-found")])),
    }
}

/// Takes a step and answers with where the payer goes next. What is wrong with what was entered is
/// the caller's to say.
pub(super) fn advance(
    desk: &Desk<'_>,
    visit: &Visit,
    path: &str,
    what: &str,
    input: Input<'_>,
) -> Result<Reply, PayError> {
    let trace = visit.space.next_trace();
    let taken = {
        let (order, seen) = (visit.handle, Some(visit.progress()));
        gateway::advance(&visit.space, order, seen, input, trace)
    };
    let see = |path: &str, query: &[(&str, &str)]| Reply::see_other(&desk.address(path, query));
    let mut course = None;
    let (reply, reason, detail) = match taken {
        Ok(Stage::Asks(progress)) => {
            let acs = matches!(progress.step, Step::Acs(_));
            let next = if acs { format!("{path}/acs") } else { path.to_owned() };
            (see(&next, &[]), Reason::OrderPending, String::new())
        }
        Ok(Stage::Wrong(progress, reason)) => {
            let acs = matches!(progress.step, Step::Acs(_));
            let next = if acs { format!("{path}/acs") } else { path.to_owned() };
            (see(&next, &[("notice", reason.name())]), reason, String::new())
        }
        Ok(Stage::Over(paid)) => {
            course = paid.course;
            (result::leave(desk, &visit.space, visit.handle, path), paid.reason, String::new())
        }
        Err(PayError::NotPossible { reason, .. }) => {
            (stale(desk, path), reason, "the step was not the payer's next one".to_owned())
        }
        Err(PayError::UnknownOrder { .. }) => {
            (desk.unknown(), Reason::OrderNotFound, String::new())
        }
        Err(error @ PayError::Input { .. }) => return Err(error),
    };
    gateway::note_step(visit, trace, what, reply.status, reason, &detail, course.as_deref());
    desk.follow(course);
    Ok(Reply { trace: Some(trace), ..reply })
}

/// Nothing was done; the page says so and shows where the payment stands.
pub(super) fn stale(desk: &Desk<'_>, path: &str) -> Reply {
    Reply::see_other(&desk.address(path, &[("notice", desk::STALE)]))
}

fn card(desk: &Desk<'_>, visit: &Visit, path: &str) -> Reply {
    let payon = visit.order.method == PaymentMethod::Payon;
    let kind = if payon { CardKind::Payon } else { CardKind::Scheme };
    let mut typed = desk.form.card(desk.t, kind);
    // Whose card it is comes first: what is missing beside a wrong card does not matter.
    let known = visit.space.profile().card(&typed.number);
    let misplaced = known.is_some_and(|card| (card.scheme == Scheme::Payon) != payon);
    if typed.number_problem.is_none() && (known.is_none() || misplaced) {
        typed.refuse_number(match (misplaced, payon) {
            (false, _) => desk.t.card_unknown,
            (true, true) => desk.t.card_only_payon,
            (true, false) => desk.t.card_not_payon,
        });
    }
    if typed.first_wrong().is_some() {
        return choose(desk, visit, path, Some(typed));
    }
    let given = |text: &'_ str, wanted: bool| wanted.then(|| text.to_owned());
    let (cvv, pin) = (given(&typed.cvv, !payon), given(&typed.pin, payon));
    let input = Input::Card(TypedCard {
        number: &typed.number,
        expiry: typed.month.as_deref().filter(|_| !payon),
        cvv: cvv.as_deref(),
        pin: pin.as_deref(),
    });
    if let Ok(reply) = advance(desk, visit, path, "card", input) {
        return reply;
    }
    typed.refuse_number(desk.t.card_unknown);
    choose(desk, visit, path, Some(typed))
}

fn choose(desk: &Desk<'_>, visit: &Visit, path: &str, typed: Option<CardForm>) -> Reply {
    let (t, order) = (desk.t, &visit.order);
    let profile = visit.space.profile();
    let named = order.details().binding_id.is_some();
    let takes_cards = matches!(order.method, PaymentMethod::Payon | PaymentMethod::CreditDebit);
    let status = if typed.is_some() { 422 } else { 200 };
    let filled = desk.query.fill.filter(|_| desk.checkout.panel);
    let filled = filled.and_then(|row| profile.cards.get(row)).map(CardForm::filled);
    let card = typed.map(CardForm::shown_again).or(filled).unwrap_or_default();
    let saved = visit.saved.iter().filter_map(|saved| {
        let card = visit.card_of(*saved)?;
        let last = card.number.get(12..).unwrap_or_default();
        Some(Saved {
            id: saved.binding.to_string(),
            scheme: scheme_name(card.scheme),
            masked: format!("•••• {last}"),
        })
    });
    let amount = money::money(order.amount, order.currency);
    let pay = if order.kind == OrderKind::PreAuth { t.reserve_amount } else { t.pay_amount };
    let mut f = desk.frame(visit, 0, Some(panel::of(desk, visit, path, true)));
    if named && visit.saved.is_empty() {
        f.notice = Some(t.binding_gone);
    }
    f.refused |= status == 422;
    let page = Choose {
        f,
        t,
        action: desk.at(path),
        method: order.method,
        method_text: method_text(desk, order.method),
        qr: (!named).then(|| qr(desk, visit, path)).flatten(),
        saved: saved.collect(),
        card: (takes_cards && !named).then_some(card),
        payon: order.method == PaymentMethod::Payon,
        pay_text: t.fill(pay, amount),
    };
    desk.page(status, &page, Exits::of_order(visit))
}

fn method_text(desk: &Desk<'_>, method: PaymentMethod) -> &'static str {
    match method {
        PaymentMethod::Payon => desk.t.method_payon,
        PaymentMethod::CreditDebit => desk.t.method_card,
        PaymentMethod::PpcbankTransfer => desk.t.method_ppcbank,
        PaymentMethod::BakongKhqr => desk.t.method_khqr,
    }
}

/// The code to scan: the order's KHQR, or for PPCBank a link into its app.
fn qr(desk: &Desk<'_>, visit: &Visit, path: &str) -> Option<Qr> {
    let (t, method) = (desk.t, visit.order.method);
    let app = panel::app_path(path);
    let (title, payload) = match method {
        PaymentMethod::CreditDebit => return None,
        PaymentMethod::PpcbankTransfer => (t.scan_ppcbank, format!("{}{app}", desk.request.origin)),
        PaymentMethod::Payon => (t.scan_payon, visit.khqr()?),
        PaymentMethod::BakongKhqr => (t.scan_khqr, visit.khqr()?),
    };
    let (state, state_text, _) = result::state(t, visit);
    Some(Qr {
        title,
        svg: khqr::svg(&payload).ok()?,
        payload,
        state,
        state_text,
        live: desk.address(&format!("{path}/status"), &[]),
        done: desk.address(&format!("{path}/return"), &[]),
        app: desk.at(&app),
        khqr: method.shows_qr(),
    })
}

fn confirm(
    desk: &Desk<'_>,
    visit: &Visit,
    path: &str,
    step: Step,
    problem: Option<&'static str>,
) -> Reply {
    let (t, rules) = (desk.t, &visit.space.profile().rules);
    let until = money::clock(visit.progress().sent.plus(rules.otp_lifetime_ms));
    let (ask, title, lead) = match step {
        Step::Passcode => {
            let last = visit.card().and_then(|card| card.number.get(12..)).unwrap_or_default();
            let lead = t.fill(t.passcode_lead, format!("•••• {last}"));
            (Ask::Passcode, t.passcode_title, lead)
        }
        Step::Channel => (Ask::Channel, t.channel_title, t.channel_lead.to_owned()),
        Step::Otp(OtpChannel::Email) => (Ask::Otp, t.otp_title, t.fill(t.otp_sent_email, until)),
        Step::Otp(_) => (Ask::Otp, t.otp_title, t.fill(t.otp_sent_sms, until)),
        Step::Enter | Step::Acs(_) | Step::Unanswered => return stale(desk, path),
    };
    let frame = desk.frame(visit, 1, Some(panel::of(desk, visit, path, false)));
    let page = Confirm {
        f: Frame { refused: problem.is_some() || frame.refused, ..frame },
        t,
        action: desk.at(path),
        title,
        lead,
        resend: matches!(step, Step::Otp(_)),
        ask,
        problem,
        again: Some(desk.address(path, &[("again", "1")])),
    };
    desk.page(if problem.is_some() { 422 } else { 200 }, &page, Exits::of_order(visit))
}
