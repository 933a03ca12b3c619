//! Refusals of what never reaches an operation, and rules about pages.

use std::sync::Arc;
use std::time::Instant;

use super::call::GatewayReply;
use super::context::{Refused, RequestContext};
use super::finish::{finish, refusal};
use super::rules;
use crate::base::{Operation, Reason};
use crate::scenario::Point;
use crate::space::{Deferred, JournalEntry, More, PendingReply, Ruling, Space};
use crate::wire::Identity;

/// Words for the mistake of a method other than POST.
pub fn wrong_method(path: &str, method: &str) -> String {
    format!("{path} is called with POST, not {method}")
}

/// Refuses a request that never reached an operation: too large, broken, or at no operation's path.
/// The body, if any came, is not looked at. No rule is asked.
pub fn refuse(
    space: &Space,
    operation: Option<Operation>,
    reason: Reason,
    detail: &str,
) -> GatewayReply {
    refuse_by(space, operation, Refused::with(reason, detail), None, None)
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
    refuse_by(space, operation, refused, ruling, None)
}

fn refuse_by(
    space: &Space,
    operation: Option<Operation>,
    refused: Refused,
    ruling: Option<Ruling>,
    status: Option<u16>,
) -> GatewayReply {
    let mut arrival = space.arrive(None, None);
    if let Some(ruling) = &ruling {
        // The rule has decided, so what it decided is noted where it did.
        arrival.generation = ruling.generation;
    }
    let context = RequestContext {
        ruling: ruling.map(Box::new),
        ..RequestContext::new(space, operation, arrival, Instant::now())
    };
    finish(context, Err(refused), status)
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

/// Refuses with `status` what is not HTTP as it must be. Such things may come too often to be noted each time. Rules for
/// the point `refused` may step in where `meets_rules` says so.
pub fn refuse_malformed(
    space: &Space,
    status: u16,
    detail: &str,
    is_noted: bool,
    meets_rules: bool,
) -> GatewayReply {
    let ruling = if meets_rules { rules::consult_early(space, Point::Refused, None) } else { None };
    let by_rule = ruling.as_ref().and_then(rules::refusal_of);
    // A rule's refusal has the status that goes with its reason.
    let status = by_rule.is_none().then_some(status);
    let refused = by_rule.unwrap_or_else(|| Refused::with(Reason::MalformedHttp, detail));
    if is_noted {
        return refuse_by(space, None, refused, ruling, status);
    }
    let trace = space.next_trace();
    let pending =
        ruling.and_then(|ruling| space.pending(ruling, None, trace, None, Deferred::default()));
    let (natural, body) = refusal(space, None, &Identity::default(), &refused);
    let planned = pending.as_ref().and_then(|pending| pending.by.plan.status);
    let (status, reason) = (planned.or(status).unwrap_or(natural), refused.reason);
    let pending = pending.map(Box::new);
    GatewayReply { status, body, trace, reason, pending, change: None }
}
