//! The inbox: push-backs that came to boxes of the space, and the answers of the boxes.

use std::collections::BTreeMap;

use hyper::Method;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::orders::page_size;
use super::problem::{ApiProblem, ProblemKind};
use super::request::{ApiRequest, Empty};
use crate::space::{Inbox, InboxAnswer, InboxMessage, MESSAGE_BODY_MAX, is_inbox_name};

/// Longest time for which a box can hold its answer back: a day.
const DELAY_MAX_MS: u64 = 86_400_000;

/// Selection of messages.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct InboxQuery {
    /// Only of this order.
    tx_id: Option<String>,
    /// Only of this merchant.
    merchant_id: Option<String>,
    /// Only those with a higher number.
    after: Option<u64>,
    /// Largest number of messages; 100 where none is given, 1000 at most.
    limit: Option<usize>,
}

/// Messages, oldest first.
#[derive(Serialize, JsonSchema)]
pub(super) struct InboxPage {
    messages: Vec<MessageView>,
    /// Value of `after` for the next page; null when this is the last.
    next: Option<u64>,
    /// Messages of all boxes that were dropped to keep to the budget.
    dropped: u64,
    boxes: Vec<BoxView>,
}

/// A box: it holds something, or answers in a way of its own.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "InboxBox")]
pub(super) struct BoxView {
    name: String,
    /// Number of messages that it holds.
    messages: usize,
    answer: BoxAnswer,
}

/// Path of the boxes, as it stands in a `noti_url`.
const BOXES: &str = "/_sim/inbox";

/// Answers whoever calls the address of a box over HTTP: only push-backs of this server come there, and no socket is between.
pub(super) fn at_address(method: &Method, path: &str) -> Option<ApiProblem> {
    let name = path.strip_prefix(BOXES)?;
    let name = if name.is_empty() { name } else { name.strip_prefix('/')? };
    let unknown = |detail| Some(ApiProblem::new(ProblemKind::UnknownCall, detail));
    if !is_inbox_name(name) {
        return unknown(format!(
            "push-backs come to boxes below this path: register an order with noti_url …{BOXES}/shop, \
             and GET /_sim/v1/inbox/shop lists what came. GET /_sim/v1/inbox lists what came to all boxes"
        ));
    }
    let reading = format!("GET /_sim/v1/inbox/{name} lists what came");
    if method == Method::POST {
        return unknown(format!(
            "the box {name:?} takes push-backs of this server only, of orders that were registered with this noti_url; {reading}"
        ));
    }
    let about = format!("push-backs of orders with this noti_url come here; {reading}");
    Some(ApiProblem::wrong_method(method.as_str(), path, [("POST", about.as_str())]))
}

/// Answer of a box to the push-backs that come.
#[derive(Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
#[schemars(rename = "InboxAnswer")]
pub(super) struct BoxAnswer {
    /// HTTP status, from 200 to 599.
    status: u16,
    /// Body; null: one that acknowledges where the status is good, else none.
    body: Option<String>,
    /// Milliseconds of the space's clock before it answers; past the limit of an attempt it does not answer.
    delay_ms: u64,
    /// The connection is closed in place of an answer.
    close: bool,
}

/// One attempt of a push-back that came to a box.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "InboxMessage")]
pub(super) struct MessageView {
    /// Its number in the space.
    number: u64,
    #[serde(rename = "box")]
    name: String,
    /// Time of the space at which it came.
    at: String,
    /// The number of the push-back.
    pushback_id: u64,
    /// The number of the attempt, from 1.
    attempt: usize,
    merchant_id: String,
    tx_id: String,
    headers: BTreeMap<String, String>,
    /// The body as it came, secrets masked; of a long one the beginning.
    body: String,
    /// The body as JSON; null where it is none.
    json: Option<serde_json::Value>,
    /// Bytes that the body had.
    bytes: usize,
    /// HTTP status of the box's answer; null where it closed the connection, or is later than an attempt waits.
    status: Option<u16>,
}

impl Default for BoxAnswer {
    fn default() -> Self {
        InboxAnswer::default().into()
    }
}

impl From<InboxAnswer> for BoxAnswer {
    fn from(answer: InboxAnswer) -> Self {
        let InboxAnswer { status, body, delay_ms, close } = answer;
        Self { status, body, delay_ms, close }
    }
}

impl BoxView {
    fn new(inbox: &Inbox, name: &str) -> Self {
        let messages = inbox.iter().filter(|message| &*message.name == name).count();
        Self { name: name.to_owned(), messages, answer: inbox.answer(name).into() }
    }
}

impl MessageView {
    pub(super) fn new(message: &InboxMessage) -> Self {
        let headers = message.headers.iter();
        let is_whole = message.length <= MESSAGE_BODY_MAX;
        Self {
            number: message.number,
            name: message.name.to_string(),
            at: message.at.rfc3339(),
            pushback_id: message.pushback,
            attempt: message.attempt,
            merchant_id: message.merchant.to_string(),
            tx_id: message.tx_id.to_string(),
            headers: headers.map(|(name, value)| (name.to_string(), value.to_string())).collect(),
            body: String::from_utf8_lossy(&message.body).into_owned(),
            json: serde_json::from_slice(&message.body).ok().filter(|_| is_whole),
            bytes: message.length,
            status: message.status,
        }
    }
}

/// Lists the messages of all boxes.
pub(super) fn list(call: &ApiRequest, query: InboxQuery) -> Result<InboxPage, ApiProblem> {
    page(call, &query, None)
}

/// Lists the messages of one box.
pub(super) fn one(call: &ApiRequest, query: InboxQuery) -> Result<InboxPage, ApiProblem> {
    page(call, &query, Some(name(call)?))
}

fn page(
    call: &ApiRequest,
    query: &InboxQuery,
    name: Option<&str>,
) -> Result<InboxPage, ApiProblem> {
    let limit = page_size(query.limit)?;
    let is_wanted = |message: &InboxMessage| {
        message.number > query.after.unwrap_or(0)
            && name.is_none_or(|name| *message.name == *name)
            && query.tx_id.as_deref().is_none_or(|id| message.tx_id == id)
            && query.merchant_id.as_deref().is_none_or(|id| *message.merchant == *id)
    };
    let (found, dropped, boxes) = call.space.read_inbox(|inbox| {
        let found = inbox.iter().filter(|message| is_wanted(message)).take(limit + 1).cloned();
        let names = name.map_or_else(|| inbox.names(), |name| vec![name.into()]);
        let boxes: Vec<_> = names.iter().map(|name| BoxView::new(inbox, name)).collect();
        (found.collect::<Vec<_>>(), inbox.dropped(), boxes)
    });
    let messages: Vec<_> =
        found.iter().take(limit).map(|message| MessageView::new(message)).collect();
    let next = messages.last().filter(|_| found.len() > limit).map(|last| last.number);
    Ok(InboxPage { messages, next, dropped, boxes })
}

/// Takes the messages of a box away.
pub(super) fn clear(call: &ApiRequest, _: Empty) -> Result<Empty, ApiProblem> {
    let name = name(call)?;
    call.space.change_inbox(|inbox| inbox.clear(name));
    Ok(Empty {})
}

/// Makes a box answer so from now on.
pub(super) fn answer(call: &ApiRequest, answer: BoxAnswer) -> Result<BoxView, ApiProblem> {
    let name = name(call)?;
    let BoxAnswer { status, body, delay_ms, close } = answer;
    if !(200..600).contains(&status) {
        return Err(ApiProblem::refused("status", "a box answers with a status from 200 to 599"));
    }
    if delay_ms > DELAY_MAX_MS {
        let detail = format!("a box holds its answer back for {DELAY_MAX_MS} ms at most");
        return Err(ApiProblem::refused("delayMs", detail));
    }
    if body.as_ref().is_some_and(|body| body.len() > MESSAGE_BODY_MAX) {
        let detail = format!("a box answers with {MESSAGE_BODY_MAX} bytes at most");
        return Err(ApiProblem::refused("body", detail));
    }
    let answer = InboxAnswer { status, body, delay_ms, close };
    call.space.change_inbox(|inbox| {
        if inbox.set_answer(name, answer) {
            return Ok(BoxView::new(inbox, name));
        }
        let detail = "too many boxes have answers of their own; {} gives one its usual answer back";
        Err(ApiProblem::new(ProblemKind::TooMany, detail))
    })
}

/// The name of the box in the path.
fn name(call: &ApiRequest) -> Result<&str, ApiProblem> {
    let name = call.param("box");
    if is_inbox_name(name) {
        return Ok(name);
    }
    let detail = "the name of a box has up to 64 letters, digits and signs of . _ -";
    Err(ApiProblem::refused("box", detail))
}
