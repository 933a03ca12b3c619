//! The use cases: a request and a space become one decision.
//!
//! Every operation runs the same way: the body is parsed once, the lint looks at its members, the
//! request is read, the merchant recognised, the signature checked, then the space is entered for one short critical section,
//! then the reply is written and the request noted. What is wrong first in that order is the reason.

mod acs;
mod bindings;
mod checkout_session;
mod checkout_token;
mod context;
mod explanation;
mod history;
pub mod link;
mod lint;
mod orders;
mod payer;
mod payment;
mod pin;
mod qr;
mod reconciliation;
mod record;
mod register;
mod rules;
mod seal;
mod signing;
mod status;

use std::borrow::Cow;
use std::cell::{Cell, OnceCell, RefCell};
use std::fmt;
use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;

pub use acs::{Cres3ds, CresError};
pub use bindings::{CardToSave, check_card, save_card};
pub use checkout_session::{CheckoutSession, SavedCard, note_step};
pub use checkout_token::CheckoutToken;
pub use context::Refused;
pub use explanation::{Hindsight, explain_decision};
pub use history::history;
pub use lint::{LintReport, LintRow, Unchecked, lint_report};
pub use payer::{
    AcsReturn, Cause, Input, Paid, PayError, PayRequest, PayerStage, TriggerEvent, TypedCard,
    advance, pay, trigger,
};
pub use record::{RecordError, scenario_of};
pub use rules::near_misses;
pub use seal::{seal, unseal};
pub use signing::{Signed, SigningError, explain, sign};

use crate::base::{
    Fields, FieldsError, Millis, Operation, Reason, TraceHeaders, is_authority, without_mark,
};
use crate::ledger::Screen;
use crate::scenario::Point;
use crate::space::{
    Arrival, Bodies, Deferred, JournalEntry, Lint, LintFinding, More, PendingReply, RequestId,
    Ruling, Space, Spaces, Weight,
};
use crate::wire::{self, Identity};
use context::RequestContext;

/// The place at which callers reach the gateway, put together only where a link is made of it.
#[derive(Clone, Copy, Debug)]
pub struct LinkBase<'a> {
    host: Option<&'a str>,
    url: &'a str,
}

impl<'a> LinkBase<'a> {
    /// The origin of what the header `Host` names. Where that must not get into a link, it is `url`.
    pub const fn at(host: Option<&'a str>, url: &'a str) -> Self {
        Self { host, url }
    }

    /// The URL of `path` and `name` behind it.
    fn link(self, path: &str, name: &str) -> String {
        let (scheme, rest) = self.parts();
        [scheme, rest, path, name].concat()
    }

    fn parts(self) -> (&'static str, &'a str) {
        match self.host.filter(|host| is_authority(host)) {
            Some(host) => ("http://", host),
            None => ("", self.url),
        }
    }
}

/// The origin written out, `http://127.0.0.1:36605`.
impl<'a> From<&'a str> for LinkBase<'a> {
    fn from(url: &'a str) -> Self {
        Self { host: None, url }
    }
}

impl fmt::Display for LinkBase<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (scheme, rest) = self.parts();
        write!(f, "{scheme}{rest}")
    }
}

/// One request to one of PAYON's operations. Its `Debug` form leaves token and body out.
#[derive(Clone)]
pub struct Call<'a> {
    /// Operation.
    pub operation: Operation,
    /// The space that the path or a header names; without one the merchant decides.
    pub space: Option<Arc<Space>>,
    /// The header `Authentication`.
    pub token: Option<&'a str>,
    /// The header `X-Payon-Scenario`, by which a client chooses among a scenario's rules.
    pub scenario: Option<&'a str>,
    /// Scheme and authority at which the caller reaches the gateway, for links in the reply.
    pub origin: LinkBase<'a>,
    /// The body.
    pub body: &'a [u8],
    /// Result of the headers `traceparent` and `tracestate`, where they came.
    pub trace_headers: Option<Box<TraceHeaders>>,
}

/// The answer to one request.
#[derive(Debug)]
pub struct GatewayReply {
    /// HTTP status.
    pub status: u16,
    /// JSON, or `1` for a refused token.
    pub body: Bytes,
    /// Its name in the journal.
    pub trace: RequestId,
    /// Reason that decided.
    pub reason: Reason,
    /// Pending reply, where a rule stepped in. Work for after the reply is booked when this is dropped.
    pub pending: Option<Box<PendingReply>>,
}

impl fmt::Debug for Call<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Call").field("operation", &self.operation).finish_non_exhaustive()
    }
}

/// A body as its operation takes it.
enum OperationBody<'a> {
    /// One object, as nearly all do.
    One(Fields<'a>),
    /// An array of objects.
    Many(Vec<Fields<'a>>),
}

impl<'a> OperationBody<'a> {
    fn parse(operation: Operation, body: &'a [u8]) -> Result<Self, FieldsError> {
        match operation {
            Operation::Reconciliation => Fields::parse_array(body).map(Self::Many),
            _ => Fields::parse(body).map(Self::One),
        }
    }

    fn rows(&self) -> &[Fields<'a>] {
        match self {
            Self::One(fields) => std::slice::from_ref(fields),
            Self::Many(rows) => rows,
        }
    }
}

/// Answers a request and notes it in its space's journal.
///
/// Rules see a call once its sender is admitted. What is refused before that, because it cannot be read, comes of an
/// unknown merchant, or has a wrong token or signature, meets the rules for the point `refused`. A rule's refusal comes
/// before those of the order's state; where a rule lets the call be booked all the same, what the operation itself
/// refuses stands.
///
/// Where [`Operation::needs_private_key`] says so it takes milliseconds, and belongs on a thread
/// that may block.
pub fn answer(spaces: &Spaces, call: Call<'_>) -> GatewayReply {
    let begun = Instant::now();
    let sent = without_mark(call.body);
    let body = OperationBody::parse(call.operation, call.body).map_err(Refused::from);
    // Of an array the first row says whose it is.
    let rows = body.as_ref().map(OperationBody::rows);
    let first = rows.ok().and_then(|rows| rows.first());
    let harmless = rows.is_ok_and(|rows| rows.iter().all(wire::is_harmless));
    let identity = first.map(|fields| Identity::of(call.operation, fields)).unwrap_or_default();
    let space = call.space.unwrap_or_else(|| match identity.merchant_id.as_deref() {
        Some(merchant) => spaces.of_merchant(merchant),
        None => Arc::clone(spaces.default_space()),
    });
    let traced = call.trace_headers.as_ref().and_then(|headers| headers.context.clone());
    let (context, outcome) = loop {
        let point = Some(Point::Call(call.operation));
        let context = RequestContext {
            space: &space,
            operation: call.operation,
            arrival: space.arrive(identity.merchant_id.as_deref(), point),
            token: call.token,
            scenario: call.scenario,
            context: traced.clone(),
            origin: call.origin,
            strict: spaces.is_strict(),
            findings: RefCell::default(),
            remarks: RefCell::default(),
            entered: Cell::new(None),
            is_overtaken: Cell::new(false),
            is_admitted: Cell::new(false),
            decision: OnceCell::new(),
            deferred: RefCell::default(),
        };
        let outcome = decide(&context, &body, sent.len() < call.body.len());
        // What a reset or a restore came between is decided anew, by what holds now.
        if !context.is_overtaken.get() {
            break (context, outcome);
        }
    };
    if let Err(refused) = &outcome {
        lint::look_back(&context, refused.reason);
    }
    let outcome = outcome.map_err(|refused| context.consult_refused(refused));
    let (findings, remarks) = (context.findings.take(), context.remarks.take());
    let (at, arrival) = (context.entered.get(), context.arrival.clone());
    let pending = context.pending(&identity);
    let weighty = |finding: &&LintFinding| finding.lint.weight() == Weight::Violation;
    let violations = findings.iter().filter(weighty).count();
    if violations > 0 {
        spaces.count_violations(violations as u64);
    }
    let (operation, identity) = (Some(call.operation), &identity);
    let received = ReceivedRequest {
        space: &space,
        begun,
        operation,
        arrival,
        identity,
        body: sent,
        harmless,
        at,
        findings,
        pending,
        trace_headers: call.trace_headers,
        status: None,
    };
    finish(received, outcome.map(|reply| (reply, remarks)))
}

/// Decides a request whose body was parsed. `has_mark` says that a byte order mark stands before it.
fn decide(
    context: &RequestContext<'_>,
    body: &Result<OperationBody<'_>, Refused>,
    has_mark: bool,
) -> Result<Vec<u8>, Refused> {
    let body = body.as_ref().map_err(Refused::clone)?;
    if has_mark {
        context.find(Lint::ByteOrderMark, "")?;
    }
    lint::read(context, body.rows())?;
    let reply = operate(context, body).map_err(|refused| match body {
        OperationBody::One(fields) => context.with_all_missing(refused, fields),
        OperationBody::Many(_) => refused,
    })?;
    // Booked, and refused nevertheless.
    context.refused_by_rule().map_or(Ok(reply), Err)
}

fn operate(context: &RequestContext<'_>, body: &OperationBody<'_>) -> Result<Vec<u8>, Refused> {
    let fields = match body {
        OperationBody::Many(rows) => return reconciliation::answer(context, rows),
        OperationBody::One(fields) => fields,
    };
    match context.operation {
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
        Operation::Reconciliation => reconciliation::answer(context, std::slice::from_ref(fields)),
        Operation::NotifyQrScanned => qr::show(context, fields, Screen::Scanned),
        Operation::NotifyProcessing => qr::show(context, fields, Screen::Processing),
        Operation::NotifyCompletion => qr::complete(context, fields),
        Operation::CancelQr => qr::cancel(context, fields),
    }
}

/// Refuses a request that never reached an operation: too large, broken, or at no operation's path.
/// The body, if any came, is not looked at. No rule is asked.
pub fn refuse(
    space: &Space,
    operation: Option<Operation>,
    reason: Reason,
    detail: &str,
) -> GatewayReply {
    refuse_by(space, operation, Refused::with(reason, detail), None)
}

/// The same for a request of the merchant plane, where rules for the point `refused` may step in. `scenario` is the
/// header `X-Payon-Scenario`.
pub fn refuse_early(
    space: &Space,
    operation: Option<Operation>,
    reason: Reason,
    detail: &str,
    scenario: Option<&str>,
) -> GatewayReply {
    let ruling = rules::consult_early(space, Point::Refused, scenario);
    let by_rule = ruling.as_ref().and_then(rules::refusal_of);
    let refused = by_rule.unwrap_or_else(|| Refused::with(reason, detail));
    refuse_by(space, operation, refused, ruling)
}

fn refuse_by(
    space: &Space,
    operation: Option<Operation>,
    refused: Refused,
    ruling: Option<Ruling>,
) -> GatewayReply {
    let (begun, mut arrival) = (Instant::now(), space.arrive(None, None));
    let pending = ruling.and_then(|ruling| {
        // The rule has decided, so what it decided is noted where it did.
        arrival.generation = ruling.generation;
        space.pending(ruling, None, arrival.trace, None, Deferred::default())
    });
    let received = ReceivedRequest {
        space,
        begun,
        operation,
        arrival,
        identity: &Identity::default(),
        body: &[],
        harmless: true,
        at: None,
        findings: Vec::new(),
        pending: pending.map(Box::new),
        trace_headers: None,
        status: None,
    };
    finish(received, Err(refused))
}

/// Asks the rules about a request for one of the payer's pages, and notes in the journal what one of them decided.
/// `page` says which kind of page, without what names an order.
pub fn consult_page(
    space: &Space,
    page: &str,
    scenario: Option<&str>,
) -> Option<Box<PendingReply>> {
    let ruling = rules::consult_early(space, Point::Page, scenario)?;
    let trace = space.next_trace();
    let generation = ruling.generation;
    let pending = Box::new(space.pending(ruling, None, trace, None, Deferred::default())?);
    let entry = JournalEntry {
        trace,
        at: space.now(),
        reason: Reason::Success,
        more: More {
            detail: "a rule stepped in at a page of the payer".to_owned(),
            rule: Some(Arc::clone(&pending.by)),
            ..More::default()
        }
        .noted(),
        ..JournalEntry::default()
    };
    space.note(generation, entry, serde_json::json!({ "page": page }).to_string().as_bytes(), b"");
    Some(pending)
}

/// Refuses with `status` what is not HTTP as it must be. Such things may come too often to be noted each time.
pub fn refuse_malformed(space: &Space, status: u16, detail: &str, is_noted: bool) -> GatewayReply {
    let identity = &Identity::default();
    let (reason, arrival) = (Reason::MalformedHttp, space.arrive(None, None));
    let refused = Refused { reason, detail: detail.to_owned() };
    if !is_noted {
        let (_, body) = refusal(space, None, identity, &refused);
        return GatewayReply { status, body, trace: arrival.trace, reason, pending: None };
    }
    let received = ReceivedRequest {
        space,
        begun: Instant::now(),
        operation: None,
        arrival,
        identity,
        body: &[],
        harmless: true,
        at: None,
        findings: Vec::new(),
        pending: None,
        trace_headers: None,
        status: Some(status),
    };
    finish(received, Err(refused))
}

/// Facts that the journal notes of a request beside its answer.
struct ReceivedRequest<'a> {
    space: &'a Space,
    begun: Instant,
    operation: Option<Operation>,
    arrival: Arrival,
    identity: &'a Identity<'a>,
    body: &'a [u8],
    /// True if the body surely holds nothing to hide.
    harmless: bool,
    /// Time at which it was decided, where the space was entered.
    at: Option<Millis>,
    findings: Vec<LintFinding>,
    pending: Option<Box<PendingReply>>,
    trace_headers: Option<Box<TraceHeaders>>,
    /// The HTTP status, where the profile does not say it.
    status: Option<u16>,
}

/// Writes the reply, given with what is to be remarked of it, and notes the request.
fn finish(
    received: ReceivedRequest<'_>,
    outcome: Result<(Vec<u8>, String), Refused>,
) -> GatewayReply {
    let ReceivedRequest { space, begun, operation, identity, body, harmless, .. } = received;
    let Arrival { trace, generation, merchant, .. } = received.arrival;
    let (mut status, mut reply, reason, detail) = match outcome {
        Ok((reply, remarks)) => (200, Bytes::from(reply), Reason::Success, remarks),
        Err(refused) => {
            let (status, reply) = refusal(space, operation, identity, &refused);
            (received.status.unwrap_or(status), reply, refused.reason, refused.detail)
        }
    };
    if let Some(pending) = &received.pending {
        let plan = &pending.by.plan;
        status = plan.status.unwrap_or(status);
        if let Some(patch) = &plan.patch {
            match patch.apply(&reply).filter(|patched| patched[..] != reply[..]) {
                Some(patched) => reply = patched.into(),
                None => space.note_idle(pending, "patch"),
            }
        }
    }
    let fault = received.pending.as_deref().and_then(|pending| pending.by.plan.transport.as_ref());
    let more = More {
        control: None,
        detail,
        rule: received.pending.as_ref().map(|pending| Arc::clone(&pending.by)),
        findings: received.findings,
        unmasked: matches!(reason, Reason::SignInvalid | Reason::SignMissing).then(|| body.into()),
        trace_headers: received.trace_headers,
    };
    let entry = JournalEntry {
        trace,
        at: received.at.unwrap_or_else(|| space.now()),
        operation,
        merchant,
        tx_id: identity.tx_id.as_deref().map(Into::into),
        status,
        sent: fault.map_or(Some(status), |fault| fault.status(status)),
        reason,
        took_us: u32::try_from(begun.elapsed().as_micros()).unwrap_or(u32::MAX),
        more: more.noted(),
        bodies: Bodies::default(),
    };
    let shown = if harmless { Cow::Borrowed(body) } else { wire::redact(body) };
    space.note(generation, entry, &shown, &reply);
    GatewayReply { status, body: reply, trace, reason, pending: received.pending }
}

/// A refusal in the operation's own envelope, with the profile's code, message and HTTP status.
#[cold]
fn refusal(
    space: &Space,
    operation: Option<Operation>,
    identity: &Identity<'_>,
    refused: &Refused,
) -> (u16, Bytes) {
    if refused.reason == Reason::TokenInvalid {
        let body = space.profile().wording.token.refusal_body.clone();
        return (401, body.into());
    }
    // A path that is no operation is answered in the envelope that most operations share.
    let shape = operation.unwrap_or(Operation::Register);
    let answer = space.profile().answer(shape, refused.reason);
    // A request that cannot be read is told what is wrong with it; everything else has PAYON's words.
    let is_told = matches!(answer.http, 400 | 404 | 405) && !refused.detail.is_empty();
    let message = if is_told {
        Cow::Owned(format!("{}: {}", answer.message, refused.detail))
    } else {
        Cow::Borrowed(answer.message)
    };
    (answer.http, wire::failure(shape, identity, answer.code, &message).into())
}
