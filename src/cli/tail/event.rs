//! The events of the control plane, as far as `payon-sim tail` looks into them.

use serde::Deserialize;
use serde_json::value::RawValue;
use sse_stream::Sse;

use crate::base::{Operation, Reason};

/// One event.
pub(super) struct TailEvent<'a> {
    /// Its name.
    pub(super) name: &'a str,
    /// Its data as it was sent.
    pub(super) data: &'a str,
    /// Content of the event.
    pub(super) told: EventBody<'a>,
}

/// Content of an event.
pub(super) enum EventBody<'a> {
    Request(Box<RequestLine<'a>>),
    Order(OrderLine),
    Pushback(Box<PushbackLine<'a>>),
    Missed(MissedLine),
    /// That something is not as it was: the rules, the clock, all of the space; and when.
    Changed(Option<String>),
}

/// A request that was answered.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct RequestLine<'a> {
    pub(super) trace: String,
    pub(super) at: String,
    pub(super) operation: Option<String>,
    pub(super) control: Option<String>,
    pub(super) merchant_id: Option<String>,
    pub(super) tx_id: Option<String>,
    pub(super) status: u16,
    pub(super) reason: String,
    pub(super) detail: String,
    pub(super) rule: Option<String>,
    pub(super) plan: Option<String>,
    pub(super) profile_line: Option<String>,
    pub(super) took_us: u32,
    #[serde(borrow, rename = "request")]
    pub(super) asked: &'a RawValue,
    #[serde(borrow, rename = "response")]
    pub(super) answered: &'a RawValue,
}

/// An order that changed.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct OrderLine {
    pub(super) merchant_id: String,
    pub(super) tx_id: String,
    pub(super) state: String,
    pub(super) at: String,
    pub(super) change: String,
    pub(super) trace: Option<String>,
    pub(super) amount: Option<String>,
    pub(super) reason: Option<String>,
    pub(super) rule: Option<String>,
}

/// A change of the space, as far as an older server tells of it.
#[derive(Deserialize)]
struct ChangeLine {
    at: Option<String>,
}

/// A push-back as it was then.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct PushbackLine<'a> {
    pub(super) id: u64,
    pub(super) merchant_id: String,
    pub(super) tx_id: String,
    pub(super) cause: String,
    pub(super) content: String,
    pub(super) trace: Option<String>,
    pub(super) url: String,
    #[serde(borrow)]
    pub(super) body: &'a RawValue,
    pub(super) state: String,
    pub(super) created_at: String,
    pub(super) next_attempt_at: Option<String>,
    #[serde(default)]
    pub(super) change: String,
    pub(super) attempts: Vec<AttemptLine>,
}

/// One try to reach the merchant.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct AttemptLine {
    pub(super) at: String,
    pub(super) took_ms: u32,
    pub(super) acknowledged: bool,
    pub(super) status: Option<u16>,
    pub(super) response: String,
    pub(super) error: Option<String>,
}

/// Events that are gone.
#[derive(Deserialize)]
pub(super) struct MissedLine {
    pub(super) count: u64,
    pub(super) from: u64,
    pub(super) to: u64,
}

/// Changes of an order that nobody wished for.
const BAD_CHANGES: [&str; 5] = ["failed", "rejected", "expired", "cancelled", "chargedBack"];

impl<'a> TailEvent<'a> {
    /// Reads a block of the stream; `None` where it is no event, or none that is known here.
    pub(super) fn read(sse: &'a Sse) -> Option<Self> {
        let (name, data) = (sse.event.as_deref()?, sse.data.as_deref()?);
        let told = match name {
            "request" => EventBody::Request(serde_json::from_str(data).ok()?),
            "order" => EventBody::Order(serde_json::from_str(data).ok()?),
            "pushback" => EventBody::Pushback(serde_json::from_str(data).ok()?),
            "missed" => EventBody::Missed(serde_json::from_str(data).ok()?),
            _ => EventBody::Changed(
                serde_json::from_str::<ChangeLine>(data).ok().and_then(|it| it.at),
            ),
        };
        Some(Self { name, data, told })
    }

    /// The request that it is, or that caused it.
    pub(super) fn trace(&self) -> Option<&str> {
        match &self.told {
            EventBody::Request(request) => Some(&request.trace),
            EventBody::Order(order) => order.trace.as_deref(),
            EventBody::Pushback(pushback) => pushback.trace.as_deref(),
            EventBody::Missed(_) | EventBody::Changed(_) => None,
        }
    }

    /// Returns true if it is a request of this operation.
    pub(super) fn is_of(&self, operation: Operation) -> bool {
        let EventBody::Request(request) = &self.told else { return false };
        request.operation.as_deref() == Some(operation.name())
    }

    /// Returns true if a request or a change of an order came of this reason.
    pub(super) fn is_because(&self, reason: Reason) -> bool {
        let told = match &self.told {
            EventBody::Request(request) => Some(request.reason.as_str()),
            EventBody::Order(order) => order.reason.as_deref(),
            _ => None,
        };
        told == Some(reason.name())
    }

    /// Returns true if something went otherwise than the merchant or the payer wished.
    pub(super) fn is_failure(&self) -> bool {
        match &self.told {
            EventBody::Request(request) => request.reason != Reason::Success.name(),
            EventBody::Order(order) => BAD_CHANGES.contains(&order.change.as_str()),
            EventBody::Pushback(pushback) => pushback.is_failure(),
            EventBody::Missed(_) | EventBody::Changed(_) => false,
        }
    }
}

impl PushbackLine<'_> {
    /// Returns true if the latest attempt was in vain. While the next is under way nothing is known of it.
    pub(super) fn is_failure(&self) -> bool {
        self.state != "inFlight"
            && self.change != "resent"
            && self.attempts.last().is_some_and(|last| !last.acknowledged)
    }
}
