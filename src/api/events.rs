//! The events of a space as server-sent events, for the dashboard, `payon-sim tail` and other followers.
//!
//! Nothing is kept for a reader but how far it is: it takes what it can take, at its own pace, out of what the space
//! keeps anyway, and is told how much it was too slow for. It is also held to a pace, so that to show what happens
//! never costs more than a small part of what happens.

use std::fmt::Write as _;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use schemars::JsonSchema;
use serde::Serialize;
use tokio::time::Instant;

use super::problem::{ApiProblem, ProblemKind};
use super::request::ApiRequest;
use super::views::{EventView, PushbackView, RequestView};
use crate::base::{Millis, did_you_mean};
use crate::http::ReplyBody;
use crate::ledger::{OrderId, Target};
use crate::space::{Delivery, Event};

/// A comment line is sent after so long a silence.
const HEARTBEAT: Duration = Duration::from_secs(15);
/// The least time between two looks at what happened.
const PACE: Duration = Duration::from_millis(10);
/// The longest time between two looks, however many look.
const PACE_MAX: Duration = Duration::from_secs(5);
/// All readers together take no more than one part in so many of a processor's time.
const TIME_SHARE: u32 = 10;
/// Number of events read in one go; with [`PACE`], 6,400 a second.
const BATCH: usize = 64;
/// No event is added any more to a piece of this size.
const PIECE_BYTES: usize = 256 << 10;
/// Pieces of all readers together keep to about this size: one waits with each reader that does not read.
const PIECES_BYTES: usize = 64 << 20;
/// The header by which a reader that was cut off goes on.
const LAST_EVENT_ID: &str = "last-event-id";

/// The names of events that may be chosen; `missed` and `reset` always come.
const KINDS: [&str; 5] = ["request", "order", "pushback", "rules", "clock"];

/// Selection of events.
#[derive(serde::Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct EventsQuery {
    /// Of `request`, `order`, `pushback`, `rules` and `clock` those wanted, with commas between; all where none is given.
    kind: Option<String>,
    /// Only of this order; `rules` and `clock` come all the same.
    tx_id: Option<String>,
    /// Only of this merchant; `rules` and `clock` come all the same.
    merchant_id: Option<String>,
    /// The number of an event: go on after it, as with the header `Last-Event-ID`, which is stronger. 0 is before the
    /// first.
    after: Option<u64>,
}

/// The names of the events, and what stands in the data of each. The `id` of an event is its number in the space.
#[derive(Serialize, JsonSchema)]
pub(super) struct Events {
    /// A request was answered.
    request: RequestView,
    /// An order came to be or changed.
    order: OrderChange,
    /// A push-back came to be, was attempted, or is to be sent again: the push-back as it was then, with the attempts
    /// made by then.
    pushback: PushbackView,
    /// The rules were changed.
    rules: ChangedEvent,
    /// The clock was changed by a call.
    clock: ClockEvent,
    /// Nothing of what was is there any more: the space was reset or removed, or the server is another one.
    reset: ChangedEvent,
    /// Events that the reader was too slow for, or came too late for.
    missed: Missed,
}

/// A change of the space.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "SpaceChange")]
struct ChangedEvent {
    /// Time, on the space's clock.
    at: String,
}

/// A change of the clock.
#[derive(Serialize, JsonSchema)]
struct ClockEvent {
    /// The time that it shows since.
    at: String,
    /// The number of times as fast as real time that it runs since; 0 when it is frozen.
    scale: f64,
}

/// A change of an order.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct OrderChange {
    merchant_id: String,
    tx_id: String,
    /// The state that followed.
    state: &'static str,
    /// The rule that stepped in at what caused it; null where none did.
    rule: Option<String>,
    #[serde(flatten)]
    event: EventView,
}

/// Events that are gone.
#[derive(Clone, Copy, Default, Serialize, JsonSchema)]
pub(super) struct Missed {
    /// Number of events; with a filter, an upper bound.
    count: u64,
    /// The number of the first.
    from: u64,
    /// The number of the last.
    to: u64,
}

impl Missed {
    /// Adds the events from `from` to `to`, which are later than those before.
    fn add(&mut self, from: u64, to: u64) {
        if self.count == 0 {
            self.from = from;
        }
        self.count += to - from + 1;
        self.to = to;
    }
}

/// Follows a space.
pub(super) fn follow(call: ApiRequest, query: EventsQuery) -> Result<ReplyBody, ApiProblem> {
    let kinds = query.kind.as_deref().map_or(Ok(KINDS.to_vec()), read_kinds)?;
    let last = call.space.last_event();
    let at = last_event_id(&call)?.or(query.after).unwrap_or(last);
    // The number came from another server's life: all that this one knows is new to the reader.
    let mut greeting = String::new();
    if at > last
        && let EventFate::Event(name, data) = changed("reset", call.space.now())
    {
        write_event(&mut greeting, name, 0, &data);
    }
    let at = if at > last { 0 } else { at };
    let now = Instant::now();
    let reader = EventReader {
        kinds,
        tx_id: query.tx_id,
        merchant_id: query.merchant_id,
        at,
        // An event without data only says where the reader is.
        greeting: Some(format!("retry: 1000\n{greeting}id: {at}\n\n")),
        next_look: now,
        sent: now,
        call,
    };
    reader.call.control.spaces().meter().reader_came();
    Ok(ReplyBody::stream(reader, EventReader::next))
}

/// The number in the header `Last-Event-ID`.
fn last_event_id(call: &ApiRequest) -> Result<Option<u64>, ApiProblem> {
    let Some(given) = call.headers.get(LAST_EVENT_ID) else { return Ok(None) };
    // What is no text is no number either.
    let text = given.to_str().unwrap_or("?").trim();
    if text.is_empty() {
        return Ok(None);
    }
    text.parse().map(Some).map_err(|_| {
        let detail = "must be the number of an event, as the stream gives it under `id`; leave it out to follow what happens from now on";
        ApiProblem::new(ProblemKind::Unreadable, detail).at("Last-Event-ID")
    })
}

fn read_kinds(text: &str) -> Result<Vec<&'static str>, ApiProblem> {
    let read = |name: &str| {
        let known = KINDS.iter().find(|known| **known == name).copied();
        known.ok_or_else(|| {
            let hint = did_you_mean(name, KINDS);
            let all = KINDS.join(", ");
            let detail = format!("there are no events {name:?}{hint}; there are {all}");
            ApiProblem::new(ProblemKind::Unreadable, detail).at("kind")
        })
    };
    text.split(',').map(|name| read(name.trim())).collect()
}

/// One reader, at its place.
struct EventReader {
    call: ApiRequest,
    kinds: Vec<&'static str>,
    tx_id: Option<String>,
    merchant_id: Option<String>,
    /// The number of the event up to which all was told.
    at: u64,
    /// The first message of the stream.
    greeting: Option<String>,
    /// Time before which it is not looked at what happened.
    next_look: Instant,
    /// Time at which something was last sent.
    sent: Instant,
}

impl Drop for EventReader {
    fn drop(&mut self) {
        self.call.control.spaces().meter().reader_left();
    }
}

/// The result of one read of the event log.
struct Look {
    text: String,
    more: bool,
    closed: bool,
}

/// The result of writing one event.
enum EventFate {
    Event(&'static str, String),
    /// Not asked for.
    Other,
    /// Not there any more.
    Gone,
}

impl EventReader {
    /// The next piece of the stream; `None` when the space is gone or the server stops.
    async fn next(mut self) -> Option<(Bytes, Self)> {
        if let Some(greeting) = self.greeting.take() {
            return Some((greeting.into(), self));
        }
        let (space, control) = (Arc::clone(&self.call.space), Arc::clone(&self.call.control));
        loop {
            tokio::select! {
                () = tokio::time::sleep_until(self.next_look) => {}
                () = control.stopped() => return None,
            }
            // Listening begins before looking, so that nothing is missed between the two.
            let mut changed = pin!(space.changed().notified());
            changed.as_mut().enable();
            let begun = Instant::now();
            let readers = control.spaces().meter().readers().max(1);
            let Look { text, more, closed } = self.read(PIECES_BYTES / readers as usize);
            // The more readers there are, the rarer each looks.
            let share = TIME_SHARE.saturating_mul(readers.try_into().unwrap_or(u32::MAX));
            let pause = begun.elapsed().saturating_mul(share).clamp(PACE, PACE_MAX);
            self.next_look = begun + pause;
            if !text.is_empty() {
                self.sent = Instant::now();
                return Some((text.into(), self));
            }
            if more {
                continue;
            }
            if closed {
                return None;
            }
            tokio::select! {
                () = changed => {}
                () = control.stopped() => return None,
                () = tokio::time::sleep_until(self.sent + HEARTBEAT) => {
                    self.sent = Instant::now();
                    return Some((Bytes::from_static(b":\n\n"), self));
                }
            }
        }
    }

    /// Goes on by up to [`BATCH`] events, and by one at least, whatever the share of memory.
    fn read(&mut self, share_bytes: usize) -> Look {
        loop {
            let found = self.call.space.event_page(self.at, BATCH);
            let (mut text, mut missed) = (String::new(), Missed::default());
            let mut at = self.at;
            if found.first > at + 1 {
                missed.add(at + 1, found.first - 1);
                at = found.first - 1;
            }
            let (mut left, mut lost) = (found.list.len(), 0);
            for happened in found.list {
                left -= 1;
                at += 1;
                let rule = found.rules.iter().find(|(number, _)| *number == at);
                match self.write_event(happened, rule.map(|(_, rule)| &**rule)) {
                    EventFate::Event(name, data) => {
                        lost += write_missed(&mut text, &mut missed);
                        write_event(&mut text, name, at, &data);
                    }
                    EventFate::Other => {}
                    EventFate::Gone => missed.add(at, at),
                }
                if text.len() >= share_bytes.min(PIECE_BYTES) {
                    break;
                }
            }
            lost += write_missed(&mut text, &mut missed);
            // What was read while the space was reset may have been of the new one; it is looked at again.
            if self.call.space.is_in(found.generation) {
                self.at = at;
                self.call.control.spaces().meter().events_missed(lost);
                let more = left > 0 || found.more;
                return Look { text, more, closed: found.closed };
            }
        }
    }

    fn write_event(&self, happened: Event, rule: Option<&str>) -> EventFate {
        let name = match happened {
            Event::Request(_) => "request",
            Event::Order { .. } => "order",
            Event::Pushback { .. } => "pushback",
            Event::Rules(_) => "rules",
            Event::Clock { .. } => "clock",
            Event::Reset(_) => "reset",
        };
        if name != "reset" && !self.kinds.contains(&name) {
            return EventFate::Other;
        }
        match happened {
            Event::Request(number) => self.request(name, number),
            Event::Order { order, entry, state } => {
                self.order(name, order, entry as usize, (state.name(), rule))
            }
            Event::Pushback { id, attempts, change, state } => {
                let delivery = self
                    .call
                    .space
                    .read(|view| Some(view.outbox.get(id)?.as_it_was(attempts, change, state)));
                self.pushback(name, delivery)
            }
            Event::Clock { now, scale_milli } => {
                event(name, &ClockEvent { at: now.rfc3339(), scale: scale_milli as f64 / 1000.0 })
            }
            Event::Rules(now) | Event::Reset(now) => changed(name, now),
        }
    }

    fn is_asked(&self, merchant: Option<&str>, tx_id: Option<&str>) -> bool {
        self.merchant_id.as_deref().is_none_or(|id| merchant == Some(id))
            && self.tx_id.as_deref().is_none_or(|id| tx_id == Some(id))
    }

    fn request(&self, name: &'static str, number: u64) -> EventFate {
        let entry = self.call.space.read_journal(|journal| journal.numbered(number).cloned());
        let Some(entry) = entry else { return EventFate::Gone };
        if !entry.is_about(self.merchant_id.as_deref(), self.tx_id.as_deref()) {
            return EventFate::Other;
        }
        event(name, &RequestView::new(&self.call, &entry))
    }

    fn order(
        &self,
        name: &'static str,
        id: OrderId,
        entry: usize,
        (state, rule): (&'static str, Option<&str>),
    ) -> EventFate {
        self.call.space.read(|view| {
            let Some(order) = view.ledger.find(Target::At(id)) else { return EventFate::Gone };
            let Some(entry) = order.history.get(entry) else { return EventFate::Gone };
            let terminal = view.ledger.terminal(order);
            if !self.is_asked(Some(&terminal.merchant), Some(&order.tx_id)) {
                return EventFate::Other;
            }
            let (merchant_id, tx_id) = (terminal.merchant.to_string(), order.tx_id.to_string());
            let (rule, change) = (rule.map(Into::into), EventView::new(entry, order.currency));
            event(name, &OrderChange { merchant_id, tx_id, state, rule, event: change })
        })
    }

    fn pushback(&self, name: &'static str, delivery: Option<Delivery>) -> EventFate {
        let Some(delivery) = delivery else { return EventFate::Gone };
        if !self.is_asked(Some(&delivery.merchant), Some(&delivery.tx_id)) {
            return EventFate::Other;
        }
        event(name, &PushbackView::new(&self.call.space, &delivery))
    }
}

fn changed(name: &'static str, now: Millis) -> EventFate {
    event(name, &ChangedEvent { at: now.rfc3339() })
}

fn event(name: &'static str, data: &impl Serialize) -> EventFate {
    serde_json::to_string(data).map_or(EventFate::Gone, |data| EventFate::Event(name, data))
}

/// Tells how many events are gone, where any are, and gives their number.
fn write_missed(text: &mut String, missed: &mut Missed) -> u64 {
    let missed = std::mem::take(missed);
    if missed.count > 0
        && let Ok(data) = serde_json::to_string(&missed)
    {
        write_event(text, "missed", missed.to, &data);
    }
    missed.count
}

/// A body that was noted as it came may have line breaks between its members; data is one line.
fn write_event(text: &mut String, name: &str, id: u64, data: &str) {
    let data = data.replace(['\n', '\r'], " ");
    let _ = write!(text, "event: {name}\nid: {id}\ndata: {data}\n\n");
}
