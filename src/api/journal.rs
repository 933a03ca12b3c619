//! The journal: what came in, what was decided and why.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::explain_views::{BookingView, CardView, WireView};
use super::orders::{Needle, check_page, page_size};
use super::problem::{ApiProblem, ProblemKind};
use super::request::{ApiRequest, Empty};
use super::sign;
use super::views::{
    EventView, OrderView, PushbackView, RequestView, answer_of, parse_trace, provenance, read_trace,
};
use crate::base::{Operation, OrderState, Reason};
use crate::crypto::Explanation;
use crate::gateway;
use crate::ledger::Target;
use crate::space::{Delivery, Journal, JournalEntry, RequestId};

/// Selection of requests.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct JournalQuery {
    /// Only of this operation.
    operation: Option<Operation>,
    /// Only of this order.
    tx_id: Option<String>,
    /// Only of this merchant.
    merchant_id: Option<String>,
    /// A trace: only what came after that request.
    #[serde(default, deserialize_with = "read_trace")]
    #[schemars(with = "String")]
    after: Option<RequestId>,
    /// Reason that decided, by name; may be given several times.
    #[serde(default)]
    #[schemars(with = "Vec<String>")]
    reason: Vec<Reason>,
    /// Part of the txId, merchantId, trace or detail, or of the name of operation, call, reason or rule; upper and lower
    /// case are one.
    search: Option<String>,
    /// Largest number of requests; 100 where none is given, 1000 at most.
    limit: Option<usize>,
    /// Newest first; pages are then found by `offset`, and the answer says how many there are in all.
    #[serde(default)]
    newest: bool,
    /// With `newest`: how many of the newest to leave out.
    offset: Option<usize>,
}

/// Requests, newest last where nothing else was asked for.
#[derive(Serialize, JsonSchema)]
pub(super) struct JournalPage {
    entries: Vec<RequestView>,
    /// Value of `after` for the next page; null when the page is empty.
    next: Option<String>,
    /// Requests that were dropped to keep to the journal's budget.
    dropped: u64,
    /// Number of requests that fit in all, on every page; with `newest` only.
    #[serde(skip_serializing_if = "Option::is_none")]
    total: Option<usize>,
}

/// Conditions on a request.
#[derive(Default)]
pub(super) struct JournalFilter<'a> {
    pub(super) operation: Option<Operation>,
    pub(super) tx_id: Option<&'a str>,
    pub(super) merchant_id: Option<&'a str>,
    /// One of these; any where there are none.
    pub(super) reasons: &'a [Reason],
    pub(super) search: Option<Needle>,
}

impl JournalFilter<'_> {
    pub(super) fn takes(&self, entry: &JournalEntry) -> bool {
        self.operation.is_none_or(|operation| entry.operation == Some(operation))
            && entry.is_about(self.merchant_id, self.tx_id)
            && (self.reasons.is_empty() || entry.reasons().any(|it| self.reasons.contains(&it)))
            && self.search.as_ref().is_none_or(|needle| is_in(needle, entry))
    }
}

fn is_in(needle: &Needle, entry: &JournalEntry) -> bool {
    let merchant = entry.merchant.as_ref().map(|merchant| merchant.id.as_str());
    let rule = entry.more().rule.as_ref().map(|by| &*by.rule);
    let operation = entry.operation.map(Operation::name);
    let parts = [entry.tx_id.as_deref(), merchant, operation, entry.more().control, rule];
    parts.into_iter().flatten().any(|part| needle.is_in(part))
        || needle.is_in(entry.reason.name())
        || needle.is_in(&entry.more().detail)
        || needle.is_in(&entry.trace.to_string())
}

/// The entries that came after the one named `after`; all without one. Should that entry be dropped already, those with
/// a later name.
pub(super) fn entries_after(
    journal: &Journal,
    after: Option<RequestId>,
) -> impl DoubleEndedIterator<Item = &JournalEntry> {
    let place = after.and_then(|after| journal.iter().rposition(|entry| entry.trace == after));
    let later = after.filter(|_| place.is_none());
    journal
        .iter()
        .skip(place.map_or(0, |place| place + 1))
        .filter(move |entry| later.is_none_or(|after| entry.trace > after))
}

/// A page of the journal: the first ones after `after`, or the latest ones without it.
pub(super) fn list(call: &ApiRequest, query: JournalQuery) -> Result<JournalPage, ApiProblem> {
    let limit = page_size(query.limit)?;
    let filter = JournalFilter {
        operation: query.operation,
        tx_id: query.tx_id.as_deref(),
        merchant_id: query.merchant_id.as_deref(),
        reasons: &query.reason,
        search: query.search.as_deref().and_then(Needle::new),
    };
    check_page(query.newest, query.after.is_some(), query.offset)?;
    if query.newest {
        return Ok(newest(call, &filter, query.offset.unwrap_or(0), limit));
    }
    let (entries, dropped) = call.space.read_journal(|journal| {
        let found = entries_after(journal, query.after).filter(|entry| filter.takes(entry));
        let entries: Vec<JournalEntry> = if query.after.is_some() {
            found.take(limit).cloned().collect()
        } else {
            let mut latest: Vec<_> = found.rev().take(limit).cloned().collect();
            latest.reverse();
            latest
        };
        (entries, journal.dropped())
    });
    Ok(JournalPage {
        next: entries.last().map(|entry| entry.trace.to_string()),
        entries: entries.iter().map(|entry| RequestView::new(call, entry)).collect(),
        dropped,
        total: None,
    })
}

/// A page of the newest requests.
fn newest(
    call: &ApiRequest,
    filter: &JournalFilter<'_>,
    offset: usize,
    limit: usize,
) -> JournalPage {
    let mut total = 0;
    let (entries, dropped) = call.space.read_journal(|journal| {
        let mut page: Vec<JournalEntry> = Vec::new();
        for entry in journal.iter().rev().filter(|entry| filter.takes(entry)) {
            if total >= offset && page.len() < limit {
                page.push(entry.clone());
            }
            total += 1;
        }
        (page, journal.dropped())
    });
    JournalPage {
        next: entries.first().map(|entry| entry.trace.to_string()),
        entries: entries.iter().map(|entry| RequestView::new(call, entry)).collect(),
        dropped,
        total: Some(total),
    }
}

/// A request with all that decided it and all that came of it.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Explained {
    #[serde(flatten)]
    entry: RequestView,
    /// The reason in words.
    about: &'static str,
    /// The profile's answer to that reason; null for a call of the control plane.
    answer: Option<AnswerView>,
    /// The test card that decided.
    card: Option<CardView>,
    /// The order as it is now.
    order: Option<OrderView>,
    /// State of the order before the request; null where there was none, or it is kept no longer.
    state_before: Option<&'static str>,
    /// State of the order after the request.
    state_after: Option<&'static str>,
    /// Events of the order that this request caused.
    events: Vec<EventView>,
    /// Time at which that was booked, seen from the reply.
    booking: BookingView,
    /// The bytes that were sent of the reply.
    wire: WireView,
    /// The push-backs that this request caused.
    pushbacks: Vec<PushbackView>,
    /// The rules that came nearest to deciding it, with the state and the time of then and the counters of now.
    nearest_rules: Vec<NearMissView>,
    /// For a signature that was refused: what was probably done wrong.
    signature: Option<Explanation>,
}

/// A rule that did not step in.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "NearMiss")]
struct NearMissView {
    rule: String,
    /// Conditions that did not hold.
    failed: Vec<MissView>,
}

/// One condition that did not hold.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Miss")]
struct MissView {
    /// The key under `when`.
    key: &'static str,
    /// The wanted and the found value.
    told: String,
}

/// The profile's answer for a reason.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "ProfileAnswer")]
struct AnswerView {
    /// Four digits.
    code: String,
    message: String,
    /// HTTP status.
    http: u16,
    /// Source of the behaviour: `documented`, `example` or `assumed`.
    provenance: &'static str,
    /// The line of the profile that holds it.
    profile_line: String,
}

/// Explains one request.
pub(super) async fn explain(call: &ApiRequest, _: Empty) -> Result<Explained, ApiProblem> {
    let name = call.param("trace");
    let trace = parse_trace(name);
    let entry = trace.and_then(|trace| call.space.read_journal(|j| j.find(trace).cloned()));
    let Some(entry) = entry else {
        let space = call.space.name();
        let own = |trace: &RequestId| trace.space() == call.space.number();
        let other = trace
            .filter(|trace| !own(trace))
            .and_then(|it| call.control.spaces().numbered(it.space()));
        let why = match (trace, other) {
            (None, _) => "a trace has sixteen hexadecimal digits".to_owned(),
            (_, Some(other)) => format!("it belongs to the space {:?}", other.name()),
            (Some(trace), None) if own(&trace) => "it was dropped, or never came".to_owned(),
            _ => "it belongs to a space that is gone".to_owned(),
        };
        let detail = format!(
            "the journal of the space {space:?} has no request {name:?}: {why}; \
             GET /_sim/v1/journal lists what there is"
        );
        return Err(ApiProblem::new(ProblemKind::UnknownTrace, detail));
    };
    let (snapshot, pushbacks) = call.space.read(|view| {
        let merchant = entry.merchant.as_ref().map(|merchant| merchant.id.as_str());
        let target = merchant
            .zip(entry.tx_id.as_deref())
            .map(|(merchant, tx_id)| Target::Named { merchant, tx_id });
        let snapshot = target.and_then(|target| view.snapshot(view.ledger.find(target)?));
        let all: &mut dyn Iterator<Item = &Delivery> = match entry.tx_id.as_deref() {
            Some(tx_id) => &mut view.outbox.of_tx_id(tx_id),
            None => &mut view.outbox.iter(),
        };
        let caused = all.filter(|delivery| delivery.trace == entry.trace);
        (snapshot, caused.map(|delivery| PushbackView::new(&call.space, delivery)).collect())
    });
    let events = snapshot.as_ref().map_or(Vec::new(), |snapshot| {
        let own = snapshot.order.history.iter().filter(|event| event.trace == entry.trace.0);
        own.map(|event| EventView::new(event, snapshot.order.currency)).collect()
    });
    let answer = answer_of(call, &entry).map(|answer| AnswerView {
        code: answer.code.to_owned(),
        message: answer.message.to_owned(),
        http: answer.http,
        provenance: provenance(answer.mark),
        profile_line: answer.place.to_string(),
    });
    let unmasked = entry.more().unmasked.as_deref();
    let signature = match (unmasked, entry.merchant.clone(), entry.operation) {
        (Some(body), Some(merchant), Some(operation)) => {
            sign::explanation(call, merchant, operation, body.to_vec()).await.ok()
        }
        _ => None,
    };
    let order = snapshot.as_ref().map(|snapshot| &snapshot.order);
    let then = gateway::explain_decision(call.space.profile(), &entry, order);
    let nearest = gateway::near_misses(&call.space, &entry, &then).into_iter();
    Ok(Explained {
        card: then.card.map(|card| CardView::new(call.space.profile(), card)),
        state_before: then.before.map(OrderState::name),
        state_after: then.after.map(OrderState::name),
        booking: BookingView::new(&entry, events.len(), order.map(|order| order.currency)),
        wire: WireView::new(&entry),
        nearest_rules: nearest
            .map(|miss| NearMissView {
                rule: miss.rule,
                failed: miss
                    .failed
                    .into_iter()
                    .map(|miss| MissView { key: miss.key, told: miss.told })
                    .collect(),
            })
            .collect(),
        about: entry.reason.about(),
        answer,
        order: snapshot.map(|snapshot| OrderView::new(call, snapshot)),
        events,
        pushbacks,
        signature,
        entry: RequestView::new(call, &entry),
    })
}
