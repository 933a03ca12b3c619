//! The way of a request: read, decided, answered and noted.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Instant;

use smallvec::SmallVec;

use super::call::{Call, GatewayReply};
use super::context::{Refused, RequestContext};
use super::finish::finish;
use super::{bindings, lint, orders, payment, pin, qr, reconciliation, register, status};
use crate::base::{Fields, FieldsError, Operation, without_mark};
use crate::ledger::Screen;
use crate::scenario::Point;
use crate::space::{Lint, LintFinding, Space, Spaces, Weight};
use crate::wire;

/// The objects of a body: one, or as many as the array of a reconciliation holds.
type Objects<'a> = SmallVec<[Fields<'a>; 1]>;

fn parse(operation: Operation, body: &[u8]) -> Result<Objects<'_>, FieldsError> {
    match operation {
        Operation::Reconciliation => Fields::parse_array(body).map(Objects::from_vec),
        _ => Fields::parse(body).map(|fields| Objects::from_buf([fields])),
    }
}

/// Answers a request and notes it in its space's journal.
///
/// Rules see a call once its sender is admitted. What is refused before that, because it cannot be read, comes of an
/// unknown merchant, or has a wrong token or signature, meets the rules for the point `refused`. A rule's refusal comes
/// before those of the order's state; where a rule lets the call be booked all the same, what the operation itself
/// refuses stands.
///
/// It takes milliseconds if [`Operation::needs_private_key`] says so, and then belongs on a thread
/// that may block.
pub fn answer(spaces: &Spaces, call: Call<'_>) -> GatewayReply {
    let Ok(reply) = answer_inside(spaces, call, |_| Ok::<_, Infallible>(()));
    reply
}

/// The same for a caller from outside, who must enter the space first.
///
/// # Errors
/// The space, while it is closed or where another process has it. Nothing was done then.
pub fn answer_outside(spaces: &Spaces, call: Call<'_>) -> Result<GatewayReply, Arc<Space>> {
    answer_inside(spaces, call, |space| space.enter().ok_or_else(|| Arc::clone(space)))
}

/// Answers a request, and keeps what `enter` returns until all is booked.
fn answer_inside<P, E>(
    spaces: &Spaces,
    call: Call<'_>,
    enter: impl FnOnce(&Arc<Space>) -> Result<P, E>,
) -> Result<GatewayReply, E> {
    let begun = Instant::now();
    let body = without_mark(call.body);
    let objects = parse(call.operation, call.body).map_err(Refused::from);
    // Of an array the first row says whose it is.
    let first = objects.as_ref().ok().and_then(|objects| objects.first());
    let merchant = first.and_then(|fields| wire::merchant_id(call.operation, fields));
    let space = call.space.unwrap_or_else(|| match merchant.as_deref() {
        Some(merchant) => spaces.of_merchant(merchant),
        None => Arc::clone(spaces.default_space()),
    });
    let _pass = enter(&space)?;
    let secrets = space.profile().operations.secrets();
    let is_harmless = |fields: &Fields<'_>| wire::is_harmless(secrets, fields);
    let point = Some(Point::Call(call.operation));
    let mut context = RequestContext {
        first,
        body,
        is_harmless: objects.as_ref().is_ok_and(|objects| objects.iter().all(is_harmless)),
        token: call.token,
        scenario: call.scenario,
        origin: call.origin,
        trace_headers: call.trace_headers,
        is_strict: spaces.is_strict(),
        ..RequestContext::new(
            &space,
            Some(call.operation),
            space.arrive(merchant.as_deref(), point),
            begun,
        )
    };
    let mut outcome = decide(&mut context, &objects, body.len() < call.body.len());
    // What a reset or a restore came between is decided anew, by what holds now.
    while context.is_overtaken {
        context = context.once_more(space.arrive(merchant.as_deref(), point));
        outcome = decide(&mut context, &objects, body.len() < call.body.len());
    }
    if let Err(refused) = &outcome {
        lint::look_back(&mut context, refused.reason);
    }
    let outcome = outcome.map_err(|refused| context.consult_refused(refused));
    count_violations(spaces, &context.findings);
    Ok(finish(context, outcome, None))
}

fn count_violations(spaces: &Spaces, findings: &[LintFinding]) {
    let weighty = |finding: &&LintFinding| finding.lint.weight() == Weight::Violation;
    let violations = findings.iter().filter(weighty).count();
    if violations > 0 {
        spaces.count_violations(violations as u64);
    }
}

/// Decides a request whose body was parsed. `has_mark` says that a byte order mark stands before it.
fn decide(
    context: &mut RequestContext<'_>,
    objects: &Result<Objects<'_>, Refused>,
    has_mark: bool,
) -> Result<Vec<u8>, Refused> {
    let objects = objects.as_ref().map_err(Refused::clone)?;
    if has_mark {
        context.find(Lint::ByteOrderMark, "")?;
    }
    lint::read(context, objects)?;
    let reply = operate(context, objects).map_err(|refused| match &objects[..] {
        [fields] if context.operation() != Operation::Reconciliation => {
            context.with_all_missing(refused, fields)
        }
        _ => refused,
    })?;
    // Booked, and refused nevertheless.
    context.refused_by_rule().map_or(Ok(reply), Err)
}

fn operate(context: &mut RequestContext<'_>, objects: &[Fields<'_>]) -> Result<Vec<u8>, Refused> {
    // Only an array may be empty.
    let Some(fields) = objects.first() else { return reconciliation::answer(context, objects) };
    match context.operation() {
        Operation::Register => register::answer(context, fields),
        Operation::Reversal => payment::reverse(context, fields),
        Operation::Refund => payment::refund(context, fields),
        Operation::PreAuthCompletion => payment::complete(context, fields),
        Operation::Orders => orders::answer(context, fields),
        Operation::Status => status::answer(context, fields),
        Operation::BindingRegister => bindings::register(context, fields),
        Operation::BindingList => bindings::list(context, fields),
        Operation::CreatePin | Operation::EnablePin | Operation::DisablePin => {
            pin::answer(context, fields)
        }
        Operation::Reconciliation => reconciliation::answer(context, objects),
        Operation::NotifyQrScanned => qr::show(context, fields, Screen::Scanned),
        Operation::NotifyProcessing => qr::show(context, fields, Screen::Processing),
        Operation::NotifyCompletion => qr::complete(context, fields),
        Operation::CancelQr => qr::cancel(context, fields),
    }
}
