//! Orders, push-backs and requests as the control plane shows them: times in RFC 3339, amounts as decimal strings.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Serialize;
use serde::de::{Deserialize, Deserializer, Error};
use serde_json::value::{RawValue, to_raw_value};

use super::request::ApiRequest;
use crate::base::{
    Amount, Currency, Millis, Named, Operation, OrderState, PaymentMethod, Reason, SecretNames,
};
use crate::gateway::{CheckoutToken, LinkBase};
use crate::ledger::{Change, Entry, OrderKind};
use crate::profile::{Mark, ReasonAnswer};
use crate::space::{
    Attempt, Delivery, JournalEntry, LintFinding, OrderSnapshot, RequestId, Space, Weight,
};
use crate::wire;

/// An order.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "Order")]
pub(super) struct OrderView {
    merchant_id: String,
    term_id: String,
    tx_id: String,
    /// `purchase` or `preAuth`.
    kind: &'static str,
    method: PaymentMethod,
    #[schemars(schema_with = "states")]
    state: &'static str,
    /// Screen of a QR's payer: `shown`, `scanned` or `processing`; null for other methods.
    screen: Option<&'static str>,
    /// Reason why it failed, by name.
    #[schemars(with = "Option<String>")]
    failure: Option<Reason>,
    currency: Currency,
    /// Amount of the order; a decimal like all amounts here.
    amount: String,
    authorised: String,
    captured: String,
    refunded: String,
    /// The sum given back in all: refunded, charged back, or taken back as a whole by a reversal or a late decline.
    returned: String,
    /// Let go without having been taken.
    released: String,
    /// Sum that a refund may still give back.
    refundable: String,
    /// The day of its capture is closed.
    settled: bool,
    created_at: String,
    payable_until: String,
    /// Six digits, once approved.
    approval_no: Option<String>,
    paid_with: Option<PaidWith>,
    /// Address for the payer.
    checkout_url: String,
    /// Events of the order, oldest first.
    events: Vec<EventView>,
    /// Push-backs of the order, oldest first.
    pushbacks: Vec<PushbackView>,
    /// Reason why the merchant is told nothing of it: nobody has said where to, or, where one order is asked for, a rule has
    /// dropped it; else null.
    no_pushback: Option<Cow<'static, str>>,
    /// Findings of the lint in its registration; only where one order is asked for, and its registration is still in the
    /// journal.
    #[serde(skip_serializing_if = "Option::is_none")]
    findings: Option<Vec<FindingView>>,
}

/// Instrument with which an order was paid.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct PaidWith {
    /// `card`, `payonCard`, `payonWallet`, `khqr` or `ppcbank`.
    kind: &'static str,
    /// Masked.
    account: String,
}

/// One thing that happened to an order.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "OrderEvent")]
pub(super) struct EventView {
    at: String,
    /// `registered`, `approved`, `completed`, `reversed`, `refunded`, `chargedBack`, `failed`, `cancelled`, `expired` or
    /// `settled`; for a QR also `scanned`, `processing`, and `rejected` for a report that was refused.
    change: &'static str,
    /// The request that caused it; null where time did.
    trace: Option<String>,
    /// Sum that moved, for `completed`, `refunded` and `chargedBack`.
    #[serde(skip_serializing_if = "Option::is_none")]
    amount: Option<String>,
    /// Reason, for `failed` and `rejected`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    reason: Option<Reason>,
}

/// A push-back.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "Pushback")]
pub(super) struct PushbackView {
    /// Its number in the space.
    id: u64,
    merchant_id: String,
    tx_id: String,
    /// The change that it tells of, such as `approved`.
    cause: &'static str,
    /// Content of the notice: `true`, or the name of what a rule puts in its place, such as `wrong-status`.
    content: &'static str,
    /// The request that caused it; null where time did.
    trace: Option<String>,
    url: String,
    /// Body that is sent.
    #[schemars(with = "serde_json::Value")]
    body: Box<RawValue>,
    /// So many bytes `x` fill the member `filler` of the body when it is sent; 0 for all but huge ones.
    filler_bytes: u32,
    /// `waiting`, `inFlight`, `acknowledged` or `exhausted`.
    state: &'static str,
    created_at: String,
    /// Time at which it is sent next, while it waits.
    next_attempt_at: Option<String>,
    /// The last change: `created`, `attempted`, or `resent` where it is to be sent again on demand.
    change: &'static str,
    attempts: Vec<AttemptView>,
}

/// One try to reach the merchant.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "PushbackAttempt")]
struct AttemptView {
    at: String,
    /// In real milliseconds.
    took_ms: u32,
    acknowledged: bool,
    /// HTTP status, where the merchant answered.
    status: Option<u16>,
    /// The beginning of the merchant's answer.
    response: String,
    /// The answer's headers, the first 32 of them.
    headers: BTreeMap<String, String>,
    /// The error.
    error: Option<String>,
}

/// A request in the journal, secrets masked.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "JournalEntry")]
pub(super) struct RequestView {
    trace: String,
    at: String,
    /// PAYON's operation; null for a path that is none, and for a call of the control plane.
    #[schemars(with = "Option<String>")]
    operation: Option<Operation>,
    /// The call of the control plane, `pay` or `trigger`; null for a request of a merchant.
    control: Option<&'static str>,
    merchant_id: Option<String>,
    tx_id: Option<String>,
    /// HTTP status.
    status: u16,
    /// Reason that decided, by name.
    #[schemars(with = "String")]
    reason: Reason,
    /// The exact mistake, for people; may be empty.
    detail: String,
    /// The rule that stepped in.
    rule: Option<String>,
    /// The rule's plan, in short.
    plan: Option<String>,
    /// The effects of that rule that had nothing to act on, by their keys in a scenario file.
    without_effect: Vec<&'static str>,
    /// The lint's findings; nearly always none.
    findings: Vec<FindingView>,
    /// The line of the profile that holds the answer; null for a call of the control plane.
    profile_line: Option<String>,
    took_us: u32,
    /// The caller's `traceparent`, where it sent a valid one; push-backs that come of the request are sent in that trace.
    traceparent: Option<String>,
    /// The `tracestate` that came with it.
    tracestate: Option<String>,
    /// Reason why the header `traceparent` or `tracestate` was ignored.
    trace_context_ignored: Option<String>,
    /// JSON as it came, else text; null when empty.
    #[schemars(with = "serde_json::Value")]
    request: Box<RawValue>,
    /// JSON as it was answered, else text; null when empty.
    #[schemars(with = "serde_json::Value")]
    response: Box<RawValue>,
}

/// Something in a request that is not what PAYON's pages show.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Finding")]
struct FindingView {
    /// Such as `field.undocumented`.
    lint: &'static str,
    /// True if a strict lint refuses it.
    violation: bool,
    /// In which member; empty where it is the request as a whole.
    field: String,
    /// One sentence for people; it names the member that was likely meant.
    about: String,
}

impl OrderView {
    pub(super) fn new(call: &ApiRequest, snapshot: OrderSnapshot) -> Self {
        let token = CheckoutToken::of(&call.space, &snapshot);
        let OrderSnapshot { order, merchant, terminal, settled, pushbacks, .. } = snapshot;
        let money = |amount: Amount| amount.fixed(order.currency);
        let own = call.space.merchant(&merchant).and_then(|merchant| merchant.noti_url.clone());
        let has_address = order.details().noti_url.is_some() || own.is_some();
        Self {
            no_pushback: (!has_address && pushbacks.is_empty())
                .then_some(Cow::Borrowed(NO_PUSHBACK)),
            findings: None,
            merchant_id: merchant.into(),
            term_id: terminal.into(),
            kind: match order.kind {
                OrderKind::Purchase => "purchase",
                OrderKind::PreAuth => "preAuth",
            },
            method: order.method,
            state: order.state.name(),
            screen: order.method.shows_qr().then(|| order.screen.name()),
            failure: order.failure,
            currency: order.currency,
            amount: money(order.amount),
            authorised: money(order.totals.authorised),
            captured: money(order.totals.captured),
            refunded: money(order.totals.refunded),
            returned: money(order.returned()),
            released: money(order.totals.released),
            refundable: money(order.refundable()),
            settled,
            created_at: order.created.rfc3339(),
            payable_until: order.payable_until.rfc3339(),
            approval_no: order.approval_digits().as_deref().map(Into::into),
            paid_with: order.instrument.as_ref().map(|instrument| PaidWith {
                kind: instrument.kind.name(),
                account: instrument.account.to_string(),
            }),
            checkout_url: LinkBase::from(call.payer_origin()).link(
                &call.space,
                "/pg/checkout/",
                &token.to_string(),
            ),
            events: order
                .history
                .iter()
                .map(|entry| EventView::new(entry, order.currency))
                .collect(),
            pushbacks: pushbacks
                .iter()
                .map(|delivery| PushbackView::new(&call.space, delivery))
                .collect(),
            tx_id: order.tx_id.into(),
        }
    }
}

/// Reason why a push-back does not come.
const NO_PUSHBACK: &str = "no push-back: the order has no noti_url and its merchant none";

impl OrderView {
    /// The order with what the lint found in its registration.
    pub(super) fn in_detail(call: &ApiRequest, snapshot: OrderSnapshot) -> Self {
        let mut events = snapshot.order.history.iter().map(|entry| RequestId(entry.trace));
        let registered = events.next();
        let later: Vec<RequestId> = events.collect();
        let (findings, dropped) = call.space.read_journal(|journal| {
            let entry = registered.and_then(|registered| journal.find(registered));
            let findings =
                entry.map(|it| it.more().findings.iter().map(FindingView::new).collect());
            let hits =
                later.into_iter().filter_map(|trace| journal.find(trace)?.more().rule.as_ref());
            let mut silent = hits.filter(|hit| hit.plan.pushback.notices.is_empty());
            (findings, silent.next().map(|hit| Arc::clone(&hit.rule)))
        });
        let mut order = Self { findings, ..Self::new(call, snapshot) };
        if let (Some(rule), None, true) = (dropped, &order.no_pushback, order.pushbacks.is_empty())
        {
            let why = format!("no push-back: the rule {rule:?} has dropped it");
            order.no_pushback = Some(Cow::Owned(why));
        }
        order
    }

    /// Returns true if somebody has said where its push-backs go, or it has one already.
    pub(super) fn has_address(&self) -> bool {
        self.no_pushback.is_none()
    }

    /// Reason why no push-back will come, with the members of the registration that may have been meant for its address.
    pub(super) fn why_no_pushback(&self) -> Option<String> {
        let why = self.no_pushback.as_deref()?;
        if why != NO_PUSHBACK {
            return Some(why.to_owned());
        }
        let why = "this order has no noti_url, its merchant none: no push-back will come";
        let likely = self.findings.iter().flatten().map(|finding| finding.about.as_str());
        let meant = likely.filter(|about| about.contains("did you mean `noti_url`"));
        Some(std::iter::once(why).chain(meant).collect::<Vec<_>>().join("; "))
    }
}

impl EventView {
    pub(super) fn new(entry: &Entry, currency: Currency) -> Self {
        let (amount, reason) = told(entry.change, Some(currency));
        let (at, change) = (entry.at.rfc3339(), entry.change.name());
        Self { at, change, trace: trace(RequestId(entry.trace)), amount, reason }
    }
}

/// Sum that moved with a change, and the reason of the change.
pub(super) fn told(change: Change, currency: Option<Currency>) -> (Option<String>, Option<Reason>) {
    match change {
        Change::Completed(amount) | Change::Refunded(amount) | Change::ChargedBack(amount) => {
            (currency.map(|currency| amount.fixed(currency)), None)
        }
        Change::Failed(reason) | Change::Rejected(reason) => (None, Some(reason)),
        _ => (None, None),
    }
}

impl PushbackView {
    pub(super) fn new(space: &Space, delivery: &Delivery) -> Self {
        Self {
            id: delivery.id,
            merchant_id: delivery.merchant.to_string(),
            tx_id: delivery.tx_id.to_string(),
            cause: delivery.cause.name(),
            content: delivery.content.name(),
            trace: trace(delivery.trace),
            url: delivery.url.to_string(),
            body: shown(space.profile().operations.secrets(), &delivery.body),
            filler_bytes: delivery.filler,
            state: delivery.state.name(),
            created_at: delivery.created.rfc3339(),
            next_attempt_at: delivery.state.due().map(Millis::rfc3339),
            change: delivery.latest.name(),
            attempts: delivery.attempts.iter().map(AttemptView::new).collect(),
        }
    }
}

impl AttemptView {
    fn new(attempt: &Attempt) -> Self {
        Self {
            at: attempt.at.rfc3339(),
            took_ms: attempt.took_ms,
            acknowledged: attempt.is_acknowledged(),
            status: attempt.status,
            response: attempt.response.to_string(),
            headers: headers(attempt),
            error: attempt.error.as_deref().map(Into::into),
        }
    }
}

/// Headers by name; those that came more than once are joined.
fn headers(attempt: &Attempt) -> BTreeMap<String, String> {
    let mut headers: BTreeMap<String, String> = BTreeMap::new();
    for (name, value) in &attempt.headers {
        let value: &str = value;
        let known = headers.entry(name.to_string());
        known.and_modify(|all| *all = format!("{all}, {value}")).or_insert_with(|| value.into());
    }
    headers
}

impl RequestView {
    pub(super) fn new(call: &ApiRequest, entry: &JournalEntry) -> Self {
        let trace_headers = entry.more().trace_headers.as_deref();
        let secrets = call.space.profile().operations.secrets();
        let context = trace_headers.and_then(|trace_headers| trace_headers.context.as_deref());
        Self {
            trace: entry.trace.to_string(),
            at: entry.at.rfc3339(),
            operation: entry.operation,
            control: entry.more().control,
            merchant_id: entry.merchant.as_ref().map(|merchant| merchant.id.clone()),
            tx_id: entry.tx_id.as_deref().map(Into::into),
            status: entry.status,
            reason: entry.reason,
            detail: entry.more().detail.clone(),
            rule: entry.more().rule.as_ref().map(|by| by.rule.to_string()),
            plan: entry.more().rule.as_ref().map(|by| by.plan.to_string()),
            without_effect: entry.more().rule.as_ref().map(|by| by.idle()).unwrap_or_default(),
            findings: entry.more().findings.iter().map(FindingView::new).collect(),
            profile_line: answer_of(call, entry).map(|answer| answer.place.to_string()),
            took_us: entry.took_us,
            traceparent: context.map(ToString::to_string),
            tracestate: context.and_then(|context| Some(context.state()?.to_owned())),
            trace_context_ignored: trace_headers
                .and_then(|trace_headers| Some(trace_headers.ignored?.to_string())),
            request: shown(secrets, entry.bodies.request()),
            response: shown(secrets, entry.bodies.response()),
        }
    }
}

impl FindingView {
    fn new(finding: &LintFinding) -> Self {
        Self {
            lint: finding.lint.name(),
            violation: finding.lint.weight() == Weight::Violation,
            field: finding.field.to_string(),
            about: finding.about().into_owned(),
        }
    }
}

/// The profile's answer that decided a request; none where a call of the control plane was answered.
pub(super) fn answer_of<'a>(
    call: &'a ApiRequest,
    entry: &JournalEntry,
) -> Option<ReasonAnswer<'a>> {
    let profile = call.space.profile();
    match (entry.more().control, entry.operation) {
        (Some(_), _) => None,
        (None, Some(operation)) => Some(profile.answer(operation, entry.reason)),
        (None, None) => Some(profile.reasons.general(entry.reason)),
    }
}

/// The name of a request, where there was one.
fn trace(trace: RequestId) -> Option<String> {
    (trace != RequestId::default()).then(|| trace.to_string())
}

/// A body as JSON with its literals as they stand; text where it is none. Secrets are masked.
fn shown(secrets: &SecretNames, body: &[u8]) -> Box<RawValue> {
    let body = wire::redact(secrets, body);
    let text = String::from_utf8_lossy(&body);
    let json = match text.trim() {
        "" => None,
        text => serde_json::from_str(text).ok(),
    };
    let fallback = (!text.trim().is_empty()).then_some(&text);
    // Text is always JSON once it is quoted.
    json.or_else(|| to_raw_value(&fallback).ok()).unwrap_or_default()
}

/// Name of a mark.
pub(super) const fn provenance(mark: Mark) -> &'static str {
    match mark {
        Mark::Documented => "documented",
        Mark::Example => "example",
        Mark::Assumed => "assumed",
        Mark::Confirmed => "confirmed",
    }
}

/// The schema of an order's state.
pub(super) fn states(_: &mut SchemaGenerator) -> Schema {
    let names: Vec<_> = OrderState::ALL.iter().map(|state| state.name()).collect();
    json_schema!({ "type": "string", "enum": names })
}

/// An operation is written by its name.
impl JsonSchema for Operation {
    fn schema_name() -> Cow<'static, str> {
        "Operation".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let names: Vec<_> = Self::ALL.iter().map(|operation| operation.name()).collect();
        json_schema!({ "type": "string", "enum": names })
    }
}

/// Reads an order's state by name.
pub(super) fn read_state<'de, D: Deserializer<'de>>(
    reader: D,
) -> Result<Option<OrderState>, D::Error> {
    let name = String::deserialize(reader)?;
    OrderState::of_name(&name).map(Some).ok_or_else(|| {
        let known: Vec<_> =
            OrderState::ALL.iter().map(|state| format!("`{}`", state.name())).collect();
        D::Error::custom(format!("unknown state `{name}`, expected one of {}", known.join(", ")))
    })
}

/// Reads a request's name.
pub(super) fn read_trace<'de, D: Deserializer<'de>>(
    reader: D,
) -> Result<Option<RequestId>, D::Error> {
    let text = String::deserialize(reader)?;
    parse_trace(&text).map(Some).ok_or_else(|| {
        D::Error::custom("a trace has sixteen hexadecimal digits, as X-Payon-Trace carries it")
    })
}

/// A request's name as it is written.
pub(super) fn parse_trace(text: &str) -> Option<RequestId> {
    text.parse().ok().filter(|_| text.len() == 16)
}
