//! The order's own page: how to pay, and what else the payer must say.

use super::context::{Exits, PageContext};
use super::forms::{CardForm, CardKind, digits, scheme_name};
use super::money;
use super::pages::{CardQuestion, Choose, Confirm, PageFrame, Qr, Saved};
use super::reply::PageReply;
use super::texts::Texts;
use super::{context, panel, result};
use crate::base::{PaymentMethod, Reason};
use crate::gateway::{self, CheckoutSession, Input, LinkBase, PayError, PayerStage, TypedCard};
use crate::khqr;
use crate::ledger::{BindingId, OrderKind, PayerStep};
use crate::profile::{CardBrand, OtpChannel};

/// Opens an encrypted link and goes on to its order.
pub(super) fn open_link(context: &PageContext<'_>) -> PageReply {
    let query = &context.query;
    let space = context.request.space.clone();
    let space = space.unwrap_or_else(|| context.spaces.of_merchant(&query.merchant_id));
    if context.request.only_looks {
        let known = gateway::link::read(&space, &query.merchant_id, &query.data);
        return match known {
            Ok(Some(token)) => {
                let page = format!("/pg/checkout/{token}");
                PageReply::see_other(&context.address_in(&space, &page))
            }
            // Its order comes to be with the first opening, and the address of its page with it.
            Ok(None) => PageReply::found_good(),
            Err(refused) => refused_link(context, &refused),
        };
    }
    match gateway::link::open(&space, &query.merchant_id, &query.data) {
        Ok(token) => {
            let page = format!("/pg/checkout/{token}");
            PageReply::see_other(&context.address_in(&space, &page))
        }
        Err(refused) => refused_link(context, &refused),
    }
}

/// Page about a link that cannot be used.
pub(super) fn refused_link(context: &PageContext<'_>, refused: &gateway::Refused) -> PageReply {
    let t = context.t;
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
        return context.explained_message(status, reason, title, lead, &refused.detail);
    }
    context.message(status, reason, title, lead, None)
}

/// The order at its present step.
pub(super) fn show(context: &PageContext<'_>, token: &str) -> PageReply {
    let Some(session) = context.session(token) else { return context.unknown() };
    let path = format!("/pg/checkout/{token}");
    if session.standing() != Reason::OrderPending {
        return result::page(context, &session, &path);
    }
    match session.progress().step {
        _ if context.query.again.is_some() => choose(context, &session, &path, None),
        PayerStep::Enter | PayerStep::Unanswered => choose(context, &session, &path, None),
        PayerStep::Acs(_) => PageReply::see_other(&context.address(&format!("{path}/acs"), &[])),
        step => confirm(context, &session, &path, step, None),
    }
}

/// Takes the step that a form asks for.
pub(super) fn act(context: &PageContext<'_>, token: &str) -> PageReply {
    let Some(session) = context.session(token) else { return context.unknown() };
    let path = format!("/pg/checkout/{token}");
    let (form, step) = (&context.form, session.progress().step);
    if form.step != session.token() {
        return stale(context, &path);
    }
    let check = |right: bool, problem| (!right).then_some(problem);
    let (input, problem) = match (form.action.as_str(), step) {
        ("card", _) => return card(context, &session, &path),
        ("cancel", _) => (Input::Cancel, None),
        ("binding", _) => (Input::Binding(BindingId::parse(&form.binding)), None),
        ("passcode", _) => {
            let right = digits(&form.passcode, 4..=6);
            (Input::Passcode(&form.passcode), check(right, context.t.need_passcode))
        }
        ("channel", _) if form.channel == "email" => (Input::Channel(OtpChannel::Email), None),
        ("channel", _) => (Input::Channel(OtpChannel::Sms), None),
        ("resend", PayerStep::Otp(channel)) => (Input::Channel(channel), None),
        ("otp", _) => {
            let right = digits(&form.otp, 4..=8);
            (Input::Otp(&form.otp), check(right, context.t.need_otp))
        }
        _ => return stale(context, &path),
    };
    if let Some(problem) = problem {
        return confirm(context, &session, &path, step, Some(problem));
    }
    match advance(context, &session, &path, &form.action, input) {
        Ok(reply) => reply,
        Err(_) => PageReply::see_other(&context.address(&path, &[("notice", "binding.not-found")])),
    }
}

/// Takes a step and answers with where the payer goes next. What is wrong with what was entered is
/// the caller's to say.
pub(super) fn advance(
    context: &PageContext<'_>,
    session: &CheckoutSession,
    path: &str,
    what: &str,
    input: Input<'_>,
) -> Result<PageReply, PayError> {
    let trace = session.space.next_trace();
    let taken = {
        let (order, seen) = (session.handle, Some(session.progress()));
        gateway::advance(&session.space, order, seen, input, trace)
    };
    let see =
        |path: &str, query: &[(&str, &str)]| PageReply::see_other(&context.address(path, query));
    let mut pending = None;
    let (reply, reason, detail) = match taken {
        Ok(PayerStage::Asks(progress)) => {
            let acs = matches!(progress.step, PayerStep::Acs(_));
            let next = if acs { format!("{path}/acs") } else { path.to_owned() };
            (see(&next, &[]), Reason::OrderPending, String::new())
        }
        Ok(PayerStage::Wrong(progress, reason)) => {
            let acs = matches!(progress.step, PayerStep::Acs(_));
            let next = if acs { format!("{path}/acs") } else { path.to_owned() };
            (see(&next, &[("notice", reason.name())]), reason, String::new())
        }
        Ok(PayerStage::Over(paid)) => {
            pending = paid.pending;
            (
                result::leave(context, &session.space, session.handle, path),
                paid.reason,
                String::new(),
            )
        }
        Err(PayError::NotPossible { reason, .. }) => {
            (stale(context, path), reason, "the step was not the payer's next one".to_owned())
        }
        Err(PayError::UnknownOrder { .. }) => {
            (context.unknown(), Reason::OrderNotFound, String::new())
        }
        Err(error @ PayError::Input { .. }) => return Err(error),
    };
    gateway::note_step(session, trace, what, reply.status, reason, &detail, pending.as_deref());
    context.follow(pending);
    Ok(PageReply { trace: Some(trace), ..reply })
}

/// Nothing was done; the page says so and shows where the payment stands.
pub(super) fn stale(context: &PageContext<'_>, path: &str) -> PageReply {
    PageReply::see_other(&context.address(path, &[("notice", context::STALE)]))
}

fn card(context: &PageContext<'_>, session: &CheckoutSession, path: &str) -> PageReply {
    let payon = session.order.method == PaymentMethod::Payon;
    let kind = if payon { CardKind::Payon } else { CardKind::Scheme };
    let mut typed = context.form.card(context.t, kind);
    // Whose card it is comes first: what is missing beside a wrong card does not matter.
    let known = session.space.profile().card(&typed.number);
    let misplaced = known.is_some_and(|card| (card.scheme == CardBrand::Payon) != payon);
    if typed.number_problem.is_none() && (known.is_none() || misplaced) {
        typed.refuse_number(match (misplaced, payon) {
            (false, _) => context.t.card_unknown,
            (true, true) => context.t.card_only_payon,
            (true, false) => context.t.card_not_payon,
        });
    }
    if typed.first_wrong().is_some() {
        return choose(context, session, path, Some(typed));
    }
    let given = |text: &'_ str, wanted: bool| wanted.then(|| text.to_owned());
    let (cvv, pin) = (given(&typed.cvv, !payon), given(&typed.pin, payon));
    let input = Input::Card(TypedCard {
        number: &typed.number,
        expiry: typed.month.as_deref().filter(|_| !payon),
        cvv: cvv.as_deref(),
        pin: pin.as_deref(),
    });
    if let Ok(reply) = advance(context, session, path, "card", input) {
        return reply;
    }
    typed.refuse_number(context.t.card_unknown);
    choose(context, session, path, Some(typed))
}

fn choose(
    context: &PageContext<'_>,
    session: &CheckoutSession,
    path: &str,
    typed: Option<CardForm>,
) -> PageReply {
    let (t, order) = (context.t, &session.order);
    let profile = session.space.profile();
    let named = order.details().binding_id.is_some();
    let takes_cards = matches!(order.method, PaymentMethod::Payon | PaymentMethod::CreditDebit);
    let status = if typed.is_some() { 422 } else { 200 };
    let filled = context.query.fill.filter(|_| context.checkout.panel);
    let filled = filled.and_then(|row| profile.cards.get(row)).map(CardForm::filled);
    let card = typed.map(CardForm::shown_again).or(filled).unwrap_or_default();
    let saved = session.saved.iter().filter_map(|saved| {
        let card = session.card_of(*saved)?;
        let last = card.number.get(12..).unwrap_or_default();
        Some(Saved {
            id: saved.binding.to_string(),
            scheme: scheme_name(card.scheme),
            masked: format!("•••• {last}"),
        })
    });
    let amount = money::money(order.amount, order.currency);
    let payon = order.method == PaymentMethod::Payon;
    let pay = if order.kind == OrderKind::PreAuth { t.reserve_amount } else { t.pay_amount };
    let mut f = context.frame(session, 0, Some(panel::of(context, session, path, true)));
    if named && session.saved.is_empty() {
        f.notice = Some(t.binding_gone);
    }
    f.refused |= status == 422;
    let page = Choose {
        f,
        t,
        action: context.at(path),
        method: order.method,
        method_text: method_text(t, order.method),
        qr: (!named).then(|| qr(context, session, path)).flatten(),
        saved: saved.collect(),
        card: (takes_cards && !named).then_some(card),
        brands: if payon { CardKind::Payon } else { CardKind::Scheme }.brands(),
        payon,
        pay_text: t.fill(pay, amount),
    };
    context.page(status, &page, Exits::of_order(session))
}

/// A method's name for payers.
pub(super) const fn method_text(t: &Texts, method: PaymentMethod) -> &'static str {
    match method {
        PaymentMethod::Payon => t.method_payon,
        PaymentMethod::CreditDebit => t.method_card,
        PaymentMethod::PpcbankTransfer => t.method_ppcbank,
        PaymentMethod::BakongKhqr => t.method_khqr,
    }
}

/// The code to scan: the order's KHQR, or for PPCBank a link into its app.
fn qr(context: &PageContext<'_>, session: &CheckoutSession, path: &str) -> Option<Qr> {
    let (t, order) = (context.t, &session.order);
    let method = order.method;
    let app = panel::app_path(path);
    let (look, head, title, payload) = match method {
        PaymentMethod::CreditDebit => return None,
        PaymentMethod::PpcbankTransfer => {
            let app = LinkBase::from(context.request.origin).link(&session.space, &app, "");
            ("ppcbank", "PPCBank", t.scan_ppcbank, app)
        }
        PaymentMethod::Payon => ("payon", "PAYON", t.scan_payon, session.khqr()?),
        PaymentMethod::BakongKhqr => ("khqr", "KHQR", t.scan_khqr, session.khqr()?),
    };
    let mark = (method == PaymentMethod::BakongKhqr).then_some(order.currency);
    let (state, state_text, _) = result::state(t, session);
    Some(Qr {
        title,
        look,
        head,
        merchant: context.merchant_name(session),
        amount: money::money(order.amount, order.currency),
        svg: khqr::labelled_svg(&payload, head, mark).ok()?,
        payload,
        state,
        state_text,
        live: context.address(&format!("{path}/status"), &[]),
        done: context.address(&format!("{path}/return"), &[]),
        app: context.address(&app, &[]),
        khqr: method.shows_qr(),
    })
}

fn confirm(
    context: &PageContext<'_>,
    session: &CheckoutSession,
    path: &str,
    step: PayerStep,
    problem: Option<&'static str>,
) -> PageReply {
    let (t, rules) = (context.t, &session.space.profile().rules);
    let until = money::clock(session.progress().sent.plus(rules.otp_lifetime_ms));
    let (ask, title, lead) = match step {
        PayerStep::Passcode => {
            let last = session.card().and_then(|card| card.number.get(12..)).unwrap_or_default();
            let lead = t.fill(t.passcode_lead, format!("•••• {last}"));
            (CardQuestion::Passcode, t.passcode_title, lead)
        }
        PayerStep::Channel => (CardQuestion::Channel, t.channel_title, t.channel_lead.to_owned()),
        PayerStep::Otp(OtpChannel::Email) => {
            (CardQuestion::Otp, t.otp_title, t.fill(t.otp_sent_email, until))
        }
        PayerStep::Otp(_) => (CardQuestion::Otp, t.otp_title, t.fill(t.otp_sent_sms, until)),
        PayerStep::Enter | PayerStep::Acs(_) | PayerStep::Unanswered => {
            return stale(context, path);
        }
    };
    let frame = context.frame(session, 1, Some(panel::of(context, session, path, false)));
    let page = Confirm {
        f: PageFrame { refused: problem.is_some() || frame.refused, ..frame },
        t,
        action: context.at(path),
        title,
        lead,
        resend: matches!(step, PayerStep::Otp(_)),
        ask,
        problem,
        again: Some(context.address(path, &[("again", "1")])),
    };
    context.page(if problem.is_some() { 422 } else { 200 }, &page, Exits::of_order(session))
}
