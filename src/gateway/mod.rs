//! The use cases: a request and a space become one decision.
//!
//! Every operation runs the same way: the body is parsed once, the merchant is recognised, the
//! request is read, the signature checked, then the space is entered for one short critical section,
//! then the reply is written and the request noted. What is wrong first in that order is the reason.

mod checkout_token;
mod desk;
mod orders;
mod payer;
mod payment;
mod register;
mod signing;
mod status;

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;

pub use checkout_token::CheckoutToken;
pub use desk::Refused;
pub use payer::{Paid, PayError, PayRequest, TriggerEvent, pay, trigger};
pub use signing::{Signed, SigningError, explain, sign};

use crate::base::{Fields, Operation, Reason};
use crate::space::{JournalEntry, Space, Spaces, Trace};
use crate::wire::{self, Identity};
use desk::Desk;

/// One request to one of PAYON's operations.
#[derive(Clone, Debug)]
pub struct Call<'a> {
    /// Which operation.
    pub operation: Operation,
    /// The space that the path or a header names; without one the merchant decides.
    pub space: Option<Arc<Space>>,
    /// The header `Authentication`.
    pub token: Option<&'a str>,
    /// Scheme and authority at which the caller reaches the gateway, for links in the reply.
    pub origin: &'a str,
    /// The body.
    pub body: &'a [u8],
}

/// The answer to one request.
#[derive(Clone, Debug)]
pub struct Reply {
    /// HTTP status.
    pub status: u16,
    /// JSON, or `1` for a refused token.
    pub body: Bytes,
    /// Its name in the journal.
    pub trace: Trace,
    /// What decided it.
    pub reason: Reason,
}

/// Answers a request and notes it in its space's journal.
pub fn answer(spaces: &Spaces, call: Call<'_>) -> Reply {
    let begun = Instant::now();
    let fields = Fields::parse(call.body);
    let identity =
        fields.as_ref().map(|fields| Identity::of(call.operation, fields)).unwrap_or_default();
    let space = call.space.unwrap_or_else(|| match identity.merchant_id.as_deref() {
        Some(merchant) => spaces.of_merchant(merchant),
        None => Arc::clone(spaces.default_space()),
    });
    let trace = space.next_trace();
    let desk = Desk {
        space: &space,
        operation: call.operation,
        trace,
        token: call.token,
        origin: call.origin,
    };
    let outcome = fields.map_err(Refused::from).and_then(|fields| match call.operation {
        Operation::Register => register::answer(&desk, &fields),
        Operation::Reversal => payment::reverse(&desk, &fields),
        Operation::Refund => payment::refund(&desk, &fields),
        Operation::PreAuthCompletion => payment::complete(&desk, &fields),
        Operation::Orders => orders::answer(&desk, &fields),
        Operation::Status => status::answer(&desk, &fields),
        _ => Err(Refused::because(Reason::UnknownPath)),
    });
    finish(&space, begun, Some(call.operation), trace, &identity, call.body, outcome)
}

/// Refuses a request that never reached an operation: too large, broken, or at no operation's path.
/// The body, if any came, is not looked at.
pub fn refuse(space: &Space, operation: Option<Operation>, reason: Reason, detail: &str) -> Reply {
    let refused = Refused { reason, detail: detail.to_owned() };
    let trace = space.next_trace();
    finish(space, Instant::now(), operation, trace, &Identity::default(), &[], Err(refused))
}

fn finish(
    space: &Space,
    begun: Instant,
    operation: Option<Operation>,
    trace: Trace,
    identity: &Identity<'_>,
    body: &[u8],
    outcome: Result<Vec<u8>, Refused>,
) -> Reply {
    let (status, reply, reason, detail) = match outcome {
        Ok(reply) => (200, Bytes::from(reply), Reason::Success, String::new()),
        Err(refused) => {
            let (status, reply) = refusal(space, operation, identity, &refused);
            (status, reply, refused.reason, refused.detail)
        }
    };
    let merchant = identity.merchant_id.as_deref().and_then(|id| space.merchant(id));
    space.note(JournalEntry {
        trace,
        at: space.now(),
        operation,
        control: None,
        merchant,
        tx_id: identity.tx_id.as_deref().map(Into::into),
        request: match wire::redact(body) {
            Cow::Borrowed(clean) => clean.into(),
            Cow::Owned(masked) => masked.into(),
        },
        status,
        response: reply.clone(),
        reason,
        detail: detail.into(),
        took_us: u32::try_from(begun.elapsed().as_micros()).unwrap_or(u32::MAX),
        findings: Box::default(),
        unmasked: (reason == Reason::SignInvalid).then(|| body.into()),
    });
    Reply { status, body: reply, trace, reason }
}

/// A refusal in the operation's own envelope, with the profile's code, message and HTTP status.
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
    let message = if answer.http == 400 && !refused.detail.is_empty() {
        Cow::Owned(format!("{}: {}", answer.message, refused.detail))
    } else {
        Cow::Borrowed(answer.message)
    };
    (answer.http, wire::failure(shape, identity, answer.code, &message).into())
}
