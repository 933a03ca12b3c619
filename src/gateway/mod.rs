//! The use cases: a request and a space become one decision.
//!
//! Every operation runs the same way: the body is parsed once, the lint looks at its members, the
//! request is read, the merchant recognised, the signature checked, then the space is entered for one short critical section,
//! then the reply is written and the request noted. What is wrong first in that order is the reason.

mod acs;
mod bindings;
mod checkout_token;
mod desk;
mod hindsight;
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
mod visit;

use std::borrow::Cow;
use std::cell::{Cell, OnceCell, RefCell};
use std::fmt;
use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;

pub use acs::{Cres3ds, CresError};
pub use bindings::{CardToSave, check_card, save_card};
pub use checkout_token::CheckoutToken;
pub use desk::Refused;
pub use hindsight::{Hindsight, hindsight};
pub use history::history;
pub use lint::{LintReport, LintRow, Unchecked, lint_report};
pub use payer::{
    AcsReturn, Cause, Input, Paid, PayError, PayRequest, Stage, TriggerEvent, TypedCard, advance,
    pay, trigger,
};
pub use record::{RecordError, scenario_of};
pub use rules::near_misses;
pub use seal::{seal, unseal};
pub use signing::{Signed, SigningError, explain, sign};
pub use visit::{SavedCard, Visit, note_step};

use crate::base::{
    Fields, FieldsError, Millis, Operation, Reason, Trail, is_authority, without_mark,
};
use crate::ledger::Screen;
use crate::profile::Merchant;
use crate::scenario::Point;
use crate::space::{
    Aftermath, Bodies, Course, Finding, JournalEntry, Lint, More, Ruling, Space, Spaces, Trace,
    Weight,
};
use crate::wire::{self, Identity};
use desk::Desk;

/// The place at which callers reach the gateway, put together only where a link is made of it.
#[derive(Clone, Copy, Debug)]
pub struct Origin<'a> {
    host: Option<&'a str>,
    url: &'a str,
}

impl<'a> Origin<'a> {
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
impl<'a> From<&'a str> for Origin<'a> {
    fn from(url: &'a str) -> Self {
        Self { host: None, url }
    }
}

impl fmt::Display for Origin<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (scheme, rest) = self.parts();
        write!(f, "{scheme}{rest}")
    }
}

/// One request to one of PAYON's operations. Its `Debug` form leaves token and body out.
#[derive(Clone)]
pub struct Call<'a> {
    /// Which operation.
    pub operation: Operation,
    /// The space that the path or a header names; without one the merchant decides.
    pub space: Option<Arc<Space>>,
    /// The header `Authentication`.
    pub token: Option<&'a str>,
    /// The header `X-Payon-Scenario`, by which a client chooses among a scenario's rules.
    pub scenario: Option<&'a str>,
    /// Scheme and authority at which the caller reaches the gateway, for links in the reply.
    pub origin: Origin<'a>,
    /// The body.
    pub body: &'a [u8],
    /// What came of the headers `traceparent` and `tracestate`, where they came.
    pub trail: Option<Box<Trail>>,
}

/// The answer to one request.
#[derive(Debug)]
pub struct Reply {
    /// HTTP status.
    pub status: u16,
    /// JSON, or `1` for a refused token.
    pub body: Bytes,
    /// Its name in the journal.
    pub trace: Trace,
    /// What decided it.
    pub reason: Reason,
    /// How it goes on, where a rule stepped in. What is booked after the reply is booked when this is dropped.
    pub course: Option<Box<Course>>,
}

impl fmt::Debug for Call<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Call").field("operation", &self.operation).finish_non_exhaustive()
    }
}

/// A body as its operation takes it.
enum Body<'a> {
    /// One object, as nearly all do.
    One(Fields<'a>),
    /// An array of objects.
    Many(Vec<Fields<'a>>),
}

impl<'a> Body<'a> {
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
pub fn answer(spaces: &Spaces, call: Call<'_>) -> Reply {
    let begun = Instant::now();
    let sent = without_mark(call.body);
    let body = Body::parse(call.operation, call.body);
    // Of an array the first row says whose it is.
    let rows = body.as_ref().map(Body::rows);
    let first = rows.ok().and_then(|rows| rows.first());
    let harmless = rows.is_ok_and(|rows| rows.iter().all(wire::is_harmless));
    let identity = first.map(|fields| Identity::of(call.operation, fields)).unwrap_or_default();
    let space = call.space.unwrap_or_else(|| match identity.merchant_id.as_deref() {
        Some(merchant) => spaces.of_merchant(merchant),
        None => Arc::clone(spaces.default_space()),
    });
    let trace = space.next_trace();
    let mut desk = Desk {
        space: &space,
        operation: call.operation,
        trace,
        token: call.token,
        scenario: call.scenario,
        context: call.trail.as_ref().and_then(|trail| trail.context.clone()),
        origin: call.origin,
        strict: spaces.is_strict(),
        findings: RefCell::default(),
        remarks: RefCell::default(),
        merchant: OnceCell::new(),
        entered: Cell::new(None),
        is_admitted: Cell::new(false),
        decision: OnceCell::new(),
        aftermath: RefCell::default(),
    };
    let outcome = body.map_err(Refused::from).and_then(|body| {
        if sent.len() < call.body.len() {
            desk.find(Lint::ByteOrderMark, "")?;
        }
        lint::look(&desk, body.rows())?;
        let reply = operate(&desk, &body).map_err(|refused| match &body {
            Body::One(fields) => desk.with_all_missing(refused, fields),
            Body::Many(_) => refused,
        })?;
        // Booked, and refused nevertheless.
        desk.refused_by_rule().map_or(Ok(reply), Err)
    });
    if let Err(refused) = &outcome {
        lint::look_back(&desk, refused.reason);
    }
    let outcome = outcome.map_err(|refused| desk.consult_refused(refused));
    let (findings, remarks) = (desk.findings.take(), desk.remarks.take());
    let merchant = desk
        .merchant
        .take()
        .filter(|merchant| identity.merchant_id.as_deref() == Some(merchant.id.as_str()));
    let at = desk.entered.get();
    let course = desk.course(&identity);
    let weighty = |finding: &&Finding| finding.lint.weight() == Weight::Violation;
    let violations = findings.iter().filter(weighty).count();
    if violations > 0 {
        spaces.count_violations(violations as u64);
    }
    let (operation, identity) = (Some(call.operation), &identity);
    let received = Received {
        space: &space,
        begun,
        operation,
        trace,
        identity,
        body: sent,
        harmless,
        merchant,
        at,
        findings,
        course,
        trail: call.trail,
        status: None,
    };
    finish(received, outcome.map(|reply| (reply, remarks)))
}

fn operate(desk: &Desk<'_>, body: &Body<'_>) -> Result<Vec<u8>, Refused> {
    let fields = match body {
        Body::Many(rows) => return reconciliation::answer(desk, rows),
        Body::One(fields) => fields,
    };
    match desk.operation {
        Operation::Register => register::answer(desk, fields),
        Operation::Reversal => payment::reverse(desk, fields),
        Operation::Refund => payment::refund(desk, fields),
        Operation::PreAuthCompletion => payment::complete(desk, fields),
        Operation::Orders => orders::answer(desk, fields),
        Operation::Status => status::answer(desk, fields),
        Operation::BindingRegister => bindings::register(desk, fields),
        Operation::BindingList => bindings::list(desk, fields),
        Operation::CreatePin | Operation::EnablePin | Operation::DisablePin => {
            pin::answer(desk, fields)
        }
        Operation::Reconciliation => reconciliation::answer(desk, std::slice::from_ref(fields)),
        Operation::NotifyQrScanned => qr::show(desk, fields, Screen::Scanned),
        Operation::NotifyProcessing => qr::show(desk, fields, Screen::Processing),
        Operation::NotifyCompletion => qr::complete(desk, fields),
        Operation::CancelQr => qr::cancel(desk, fields),
    }
}

/// Refuses a request that never reached an operation: too large, broken, or at no operation's path.
/// The body, if any came, is not looked at. No rule is asked.
pub fn refuse(space: &Space, operation: Option<Operation>, reason: Reason, detail: &str) -> Reply {
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
) -> Reply {
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
) -> Reply {
    let (begun, trace) = (Instant::now(), space.next_trace());
    let course = ruling.and_then(|ruling| space.course(ruling, None, trace, Aftermath::default()));
    let received = Received {
        space,
        begun,
        operation,
        trace,
        identity: &Identity::default(),
        body: &[],
        harmless: true,
        merchant: None,
        at: None,
        findings: Vec::new(),
        course: course.map(Box::new),
        trail: None,
        status: None,
    };
    finish(received, Err(refused))
}

/// Asks the rules about a request for one of the payer's pages, and notes in the journal what one of them decided.
/// `page` says which kind of page, without what names an order.
pub fn consult_page(space: &Space, page: &str, scenario: Option<&str>) -> Option<Box<Course>> {
    let ruling = rules::consult_early(space, Point::Page, scenario)?;
    let trace = space.next_trace();
    let course = Box::new(space.course(ruling, None, trace, Aftermath::default())?);
    let entry = JournalEntry {
        trace,
        at: space.now(),
        reason: Reason::Success,
        more: More {
            detail: "a rule stepped in at a page of the payer".to_owned(),
            rule: Some(Arc::clone(&course.by)),
            ..More::default()
        }
        .noted(),
        ..JournalEntry::default()
    };
    space.note(entry, serde_json::json!({ "page": page }).to_string().as_bytes(), b"");
    Some(course)
}

/// Refuses with `status` what is not HTTP as it must be. Such things may come too often to be noted each time.
pub fn refuse_malformed(space: &Space, status: u16, detail: &str, is_noted: bool) -> Reply {
    let identity = &Identity::default();
    let (reason, trace) = (Reason::MalformedHttp, space.next_trace());
    let refused = Refused { reason, detail: detail.to_owned() };
    if !is_noted {
        let (_, body) = refusal(space, None, identity, &refused);
        return Reply { status, body, trace, reason, course: None };
    }
    let received = Received {
        space,
        begun: Instant::now(),
        operation: None,
        trace,
        identity,
        body: &[],
        harmless: true,
        merchant: None,
        at: None,
        findings: Vec::new(),
        course: None,
        trail: None,
        status: Some(status),
    };
    finish(received, Err(refused))
}

/// What the journal notes of a request beside its answer.
struct Received<'a> {
    space: &'a Space,
    begun: Instant,
    operation: Option<Operation>,
    trace: Trace,
    identity: &'a Identity<'a>,
    body: &'a [u8],
    /// Whether the body surely holds nothing to hide.
    harmless: bool,
    /// The merchant, where it was recognised.
    merchant: Option<Arc<Merchant>>,
    /// When it was decided, where the space was entered.
    at: Option<Millis>,
    findings: Vec<Finding>,
    course: Option<Box<Course>>,
    trail: Option<Box<Trail>>,
    /// The HTTP status, where the profile does not say it.
    status: Option<u16>,
}

/// Writes the reply, given with what is to be remarked of it, and notes the request.
fn finish(received: Received<'_>, outcome: Result<(Vec<u8>, String), Refused>) -> Reply {
    let Received { space, begun, operation, trace, identity, body, harmless, .. } = received;
    let (mut status, mut reply, reason, detail) = match outcome {
        Ok((reply, remarks)) => (200, Bytes::from(reply), Reason::Success, remarks),
        Err(refused) => {
            let (status, reply) = refusal(space, operation, identity, &refused);
            (received.status.unwrap_or(status), reply, refused.reason, refused.detail)
        }
    };
    if let Some(course) = &received.course {
        let plan = &course.by.plan;
        status = plan.status.unwrap_or(status);
        if let Some(patch) = &plan.patch {
            match patch.apply(&reply).filter(|patched| patched[..] != reply[..]) {
                Some(patched) => reply = patched.into(),
                None => space.note_idle(course, "patch"),
            }
        }
    }
    let named = || identity.merchant_id.as_deref().and_then(|id| space.merchant(id));
    let merchant = received.merchant.or_else(named);
    let fault = received.course.as_deref().and_then(|course| course.by.plan.transport.as_ref());
    let more = More {
        control: None,
        detail,
        rule: received.course.as_ref().map(|course| Arc::clone(&course.by)),
        findings: received.findings,
        unmasked: matches!(reason, Reason::SignInvalid | Reason::SignMissing).then(|| body.into()),
        trail: received.trail,
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
    space.note(entry, &shown, &reply);
    Reply { status, body: reply, trace, reason, course: received.course }
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
