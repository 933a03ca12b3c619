//! The end of a request: its reply is written, and the journal notes it.

use std::borrow::Cow;
use std::sync::Arc;

use bytes::Bytes;

use super::call::{GatewayReply, ReplyExtras};
use super::context::{Refused, RequestContext};
use crate::base::{Operation, Reason};
use crate::space::{Arrival, Bodies, JournalEntry, More, RequestId, Space};
use crate::wire::{self, Identity};

/// Writes the reply and notes the request. `of_refusal` is the HTTP status of a refusal where the profile does not say it.
pub(super) fn finish(
    mut context: RequestContext<'_>,
    outcome: Result<Vec<u8>, Refused>,
    of_refusal: Option<u16>,
) -> GatewayReply {
    let pending = context.pending();
    let tx_id = context.tx_id();
    let RequestContext { space, named: operation, body, .. } = context;
    let (mut status, mut reply, reason, detail) = match outcome {
        Ok(reply) => {
            (200, Bytes::from(reply), Reason::Success, std::mem::take(&mut context.remarks))
        }
        Err(refused) => {
            let (status, reply) = refusal(space, operation, &context.identity(), &refused);
            (of_refusal.unwrap_or(status), reply, refused.reason, refused.detail)
        }
    };
    let change =
        operation.and_then(|it| change_reply(space, it, reason, context.arrival.trace, &mut reply));
    if let Some(pending) = &pending {
        let plan = &pending.by.plan;
        // Beside other effects it says that the status stays, whatever they do.
        if plan.status == Some(status) && plan.is_only_status() {
            space.note_idle(pending, "status");
        }
        status = plan.status.unwrap_or(status);
        if let Some(patch) = &plan.patch {
            match patch.apply(&reply).filter(|patched| patched[..] != reply[..]) {
                Some(patched) => reply = patched.into(),
                None => space.note_idle(pending, "patch"),
            }
        }
        if plan.transport.as_ref().is_some_and(|transport| transport.spares(reply.len())) {
            space.note_idle(pending, "transport");
        }
    }
    // An answer row by row is no refusal; what a row does not agree for decides all the same, the first before the others.
    let mut rows = context.row_reasons.into_iter();
    let decided = if reason == Reason::Success { rows.next().unwrap_or(reason) } else { reason };
    let Arrival { trace, generation, merchant, .. } = context.arrival;
    let fault = pending.as_deref().and_then(|pending| pending.by.plan.transport.as_ref());
    let more = More {
        control: None,
        detail,
        other_rows: rows.collect(),
        rule: pending.as_ref().map(|pending| Arc::clone(&pending.by)),
        findings: context.findings,
        unmasked: matches!(reason, Reason::SignInvalid | Reason::SignMissing).then(|| body.into()),
        trace_headers: context.trace_headers,
    };
    let entry = JournalEntry {
        trace,
        at: context.entered.unwrap_or_else(|| space.now()),
        operation,
        merchant,
        tx_id: tx_id.as_deref().map(Into::into),
        status,
        sent: fault.map_or(Some(status), |fault| fault.status(status)),
        reason: decided,
        took_us: u32::try_from(context.begun.elapsed().as_micros()).unwrap_or(u32::MAX),
        more: more.noted(),
        bodies: Bodies::default(),
    };
    let secrets = space.profile().operations.secrets();
    let shown = if context.is_harmless { Cow::Borrowed(body) } else { wire::redact(secrets, body) };
    space.note(generation, entry, &shown, &reply);
    GatewayReply { status, body: reply, trace, reason, pending, change }
}

/// Makes the changes that the profile's overlay brings; the built-in profile has none.
fn change_reply(
    space: &Space,
    operation: Operation,
    reason: Reason,
    trace: RequestId,
    reply: &mut Bytes,
) -> Option<Box<ReplyExtras>> {
    let (changes, is_success) = (&space.profile().replies, reason == Reason::Success);
    if changes.is_empty() {
        return None;
    }
    if let Some(changed) = changes.body(operation, is_success, reply) {
        *reply = changed.into();
    }
    let headers = changes.headers(operation, is_success).into_iter();
    let headers = headers.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
    let delay_ms = changes.draw(operation, is_success, space.seed(), trace.0);
    Some(Box::new(ReplyExtras { headers, delay_ms, space: space.handle() }))
}

/// A refusal in the operation's own envelope, with the profile's code, message and HTTP status.
#[cold]
pub(super) fn refusal(
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
        let detail = wire::redact::hide_card_numbers(&refused.detail);
        Cow::Owned(format!("{}: {detail}", answer.message))
    } else {
        Cow::Borrowed(answer.message)
    };
    (answer.http, wire::failure(shape, identity, answer.code, &message).into())
}
