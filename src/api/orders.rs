//! Orders: listed, looked at, paid, and made to meet events.

use std::sync::Arc;
use std::time::Instant;

use schemars::JsonSchema;
use serde::de::{Deserializer, Error};
use serde::{Deserialize, Serialize};

use super::problem::{ApiProblem, ProblemKind};
use super::request::{ApiRequest, Empty, blocking};
use super::route::written;
use super::views::{OrderView, read_state, states};
use crate::base::{OrderState, PaymentMethod, Reason};
use crate::gateway::{self, Cause, Paid, PayError, PayRequest, TriggerEvent};
use crate::http;
use crate::ledger::{Order, OrderId, Orders, Target, Terminal};
use crate::space::{JournalEntry, More, OrderSnapshot, PendingReply};
use crate::wire;

/// Items on a page of which the caller names no limit.
const LIMIT_DEFAULT: usize = 100;
/// Items on a page at most.
const LIMIT_MAX: usize = 1000;

/// Selection of orders.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct OrdersQuery {
    /// Only of this merchant.
    merchant_id: Option<String>,
    /// Only in this state.
    #[serde(default, deserialize_with = "read_state")]
    #[schemars(schema_with = "states")]
    state: Option<OrderState>,
    /// Only with this payment method.
    method: Option<PaymentMethod>,
    /// Reason why it failed, by name.
    #[schemars(with = "Option<String>")]
    reason: Option<Reason>,
    /// Part of the txId, merchantId or termId, or of the name of state, method or reason; upper and lower case are one.
    search: Option<String>,
    /// Largest number of requests; 100 where none is given, 1000 at most.
    limit: Option<usize>,
    /// `next` of the page before.
    #[serde(default, deserialize_with = "read_cursor")]
    #[schemars(with = "String")]
    after: Option<OrderId>,
    /// Newest first; pages are then found by `offset`, and the answer says how many there are in all.
    #[serde(default)]
    newest: bool,
    /// With `newest`: how many of the newest to leave out.
    offset: Option<usize>,
}

/// A page of orders, oldest first where nothing else was asked for.
#[derive(Serialize, JsonSchema)]
pub(super) struct OrderPage {
    orders: Vec<OrderView>,
    /// Value of `after` for the next page; null when this is the last, and with `newest`.
    next: Option<String>,
    /// Number of orders that fit in all, on every page; with `newest` only.
    #[serde(skip_serializing_if = "Option::is_none")]
    total: Option<usize>,
}

/// Conditions on an order.
struct OrderFilter<'a> {
    query: &'a OrdersQuery,
    search: Option<Needle>,
}

impl<'a> OrderFilter<'a> {
    fn new(query: &'a OrdersQuery) -> Self {
        Self { query, search: query.search.as_deref().and_then(Needle::new) }
    }

    fn takes(&self, terminal: &Terminal, order: &Order) -> bool {
        let query = self.query;
        query.merchant_id.as_deref().is_none_or(|id| *id == *terminal.merchant)
            && query.state.is_none_or(|state| state == order.state)
            && query.method.is_none_or(|method| method == order.method)
            && query.reason.is_none_or(|reason| order.failure == Some(reason))
            && self.search.as_ref().is_none_or(|needle| {
                needle.is_in(&order.tx_id)
                    || needle.is_in(&terminal.merchant)
                    || needle.is_in(&terminal.terminal)
                    || needle.is_in(order.state.name())
                    || needle.is_in(order.method.name())
                    || order.failure.is_some_and(|reason| needle.is_in(reason.name()))
            })
    }
}

/// Text to search for, without regard to case.
pub(super) struct Needle(String);

impl Needle {
    /// `None` where nothing is looked for.
    pub(super) fn new(text: &str) -> Option<Self> {
        let text = text.trim();
        (!text.is_empty()).then(|| Self(text.to_lowercase()))
    }

    /// Returns true if `text` has it in it.
    pub(super) fn is_in(&self, text: &str) -> bool {
        let Self(needle) = self;
        if !text.is_ascii() {
            return text.to_lowercase().contains(&**needle);
        }
        let (text, needle) = (text.as_bytes(), needle.as_bytes());
        text.windows(needle.len()).any(|part| part.eq_ignore_ascii_case(needle))
    }
}

fn read_cursor<'de, D: Deserializer<'de>>(reader: D) -> Result<Option<OrderId>, D::Error> {
    let text = String::deserialize(reader)?;
    let position = u64::from_str_radix(&text, 16).ok().filter(|at| *at < u64::MAX);
    position
        .map(|at| Some(OrderId(at)))
        .ok_or_else(|| D::Error::custom("not a `next` of an earlier page"))
}

/// Largest number of items on a page.
pub(super) fn page_size(limit: Option<usize>) -> Result<usize, ApiProblem> {
    match limit.unwrap_or(LIMIT_DEFAULT) {
        limit @ 1..=LIMIT_MAX => Ok(limit),
        _ => Err(ApiProblem::new(
            ProblemKind::Unreadable,
            format!("a page has 1 to {LIMIT_MAX} items"),
        )
        .at("limit")),
    }
}

/// One page of the space's orders.
pub(super) async fn list(call: &ApiRequest, query: OrdersQuery) -> Result<OrderPage, ApiProblem> {
    let limit = page_size(query.limit)?;
    check_page(query.newest, query.after.is_some(), query.offset)?;
    if query.newest {
        return newest(call, query, limit).await;
    }
    let after = query.after;
    let scan = move |wanted: &OrderFilter<'_>, orders: &Orders| {
        let fits = |order: &&Order| wanted.takes(orders.terminal(order), order);
        let mut ids = orders.after(after).filter(fits).map(|order| order.id);
        let page: Vec<OrderId> = ids.by_ref().take(limit).collect();
        let more = ids.next().is_some();
        (page, more)
    };
    let (found, more) = page_of(call, query, scan).await?;
    let next = found.last().filter(|_| more).map(|snapshot| format!("{:x}", snapshot.order.id.0));
    Ok(OrderPage {
        orders: found.into_iter().map(|snapshot| OrderView::new(call, snapshot)).collect(),
        next,
        total: None,
    })
}

/// Chooses orders in a copy, so that nobody waits for it, and shows them as they are then; again, should a reset or a
/// restore come between the two.
async fn page_of<T: Send + 'static>(
    call: &ApiRequest,
    query: OrdersQuery,
    choose: impl Fn(&OrderFilter<'_>, &Orders) -> (Vec<OrderId>, T) + Send + Sync + 'static,
) -> Result<(Vec<OrderSnapshot>, T), ApiProblem> {
    let (query, choose) = (Arc::new(query), Arc::new(choose));
    loop {
        let (orders, generation) =
            call.space.read(|view| (view.ledger.orders(), view.generation()));
        let (query, choose) = (Arc::clone(&query), Arc::clone(&choose));
        let (page, rest) = blocking(move || choose(&OrderFilter::new(&query), &orders)).await?;
        let found = call.space.read(|view| {
            let ids = page.iter().filter_map(|id| view.ledger.find(Target::At(*id)));
            (view.generation() == generation).then(|| view.snapshots(ids))
        });
        if let Some(found) = found {
            return Ok((found, rest));
        }
    }
}

/// Two ways to find a page do not go together.
pub(super) fn check_page(
    newest: bool,
    after: bool,
    offset: Option<usize>,
) -> Result<(), ApiProblem> {
    let (member, detail) = match (newest, after, offset) {
        (true, true, _) => ("after", "goes on from older to newer; with newest, give an offset"),
        (false, _, Some(_)) => ("offset", "goes with newest=true; otherwise go on with after"),
        _ => return Ok(()),
    };
    Err(ApiProblem::new(ProblemKind::Unreadable, detail).at(member))
}

/// A page of the newest orders.
async fn newest(
    call: &ApiRequest,
    query: OrdersQuery,
    limit: usize,
) -> Result<OrderPage, ApiProblem> {
    let offset = query.offset.unwrap_or(0);
    let scan = move |wanted: &OrderFilter<'_>, orders: &Orders| {
        let fits = |order: &&Order| wanted.takes(orders.terminal(order), order);
        let fitting: Vec<OrderId> = orders.iter().filter(fits).map(|order| order.id).collect();
        let end = fitting.len().saturating_sub(offset);
        (fitting[end.saturating_sub(limit)..end].to_vec(), fitting.len())
    };
    let (found, total) = page_of(call, query, scan).await?;
    Ok(OrderPage {
        orders: found.into_iter().rev().map(|snapshot| OrderView::new(call, snapshot)).collect(),
        next: None,
        total: Some(total),
    })
}

/// One order.
pub(super) fn one(call: &ApiRequest, _: Empty) -> Result<OrderView, ApiProblem> {
    let (merchant, tx_id) = (call.param("merchantId"), call.param("txId"));
    call.merchant(merchant)?;
    let named = Target::Named { merchant, tx_id };
    let snapshot = call.space.read(|view| view.snapshot(view.ledger.find(named)?));
    snapshot.map(|snapshot| OrderView::in_detail(call, snapshot)).ok_or_else(|| {
        let space = call.space.name();
        let detail = format!(
            "merchant {merchant:?} has no order {tx_id:?} in the space {space:?}; GET /_sim/v1/orders lists them"
        );
        ApiProblem::new(ProblemKind::UnknownOrder, detail)
    })
}

/// Result of playing the payer or of an event.
#[derive(Serialize, JsonSchema)]
pub(super) struct Played {
    /// Reason that decided, by name; `success` when the payment was approved.
    #[schemars(with = "String")]
    reason: Reason,
    /// The name of this call in the journal and in the order's events.
    trace: String,
    /// The order afterwards.
    order: OrderView,
}

/// An event to meet an order.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct TriggerRequest {
    event: TriggerEvent,
}

/// Plays the payer.
pub(super) async fn pay(call: &ApiRequest, request: PayRequest) -> Result<Played, ApiProblem> {
    let (merchant, tx_id) = (call.param("merchantId"), call.param("txId"));
    autopay(call, "pay", |cause| gateway::pay(&call.space, merchant, tx_id, &request, cause)).await
}

/// Makes an event happen.
pub(super) async fn trigger(
    call: &ApiRequest,
    request: TriggerRequest,
) -> Result<Played, ApiProblem> {
    let (merchant, tx_id) = (call.param("merchantId"), call.param("txId"));
    autopay(call, "trigger", |cause| {
        gateway::trigger(&call.space, merchant, tx_id, request.event, cause)
    })
    .await
}

/// Does what `act` does, and notes it in the journal: it changes an order like a request does. Where a rule
/// stepped in, the answer waits as that plans.
async fn autopay(
    call: &ApiRequest,
    control: &'static str,
    act: impl FnOnce(Cause) -> Result<Paid, PayError>,
) -> Result<Played, ApiProblem> {
    let begun = Instant::now();
    let arrival = call.space.arrive(Some(call.param("merchantId")), None);
    let trace = arrival.trace;
    let trace_headers = http::trace_headers(&call.headers);
    let context = trace_headers.as_ref().and_then(|trace_headers| trace_headers.context.clone());
    let outcome = act(Cause { trace, context });
    let generation = |paid: &Paid| paid.order.handle.generation();
    let generation = outcome.as_ref().map_or(arrival.generation, generation);
    let pending = outcome.as_ref().ok().and_then(|paid| paid.pending.clone());
    let rule = pending.as_ref().map(|pending| Arc::clone(&pending.by));
    let reason = match &outcome {
        Ok(paid) => paid.reason,
        Err(PayError::UnknownOrder { .. }) => Reason::OrderNotFound,
        Err(PayError::NotPossible { reason, .. }) => *reason,
        Err(PayError::Input { .. }) => Reason::FieldInvalid,
    };
    let told = |error| match error {
        PayError::UnknownOrder { .. } => call
            .merchant(call.param("merchantId"))
            // That there is no such merchant is the nearer cause.
            .map_or_else(|problem| problem, |_| ApiProblem::from(error)),
        error => ApiProblem::from(error),
    };
    let answer = outcome.map_err(told).map(|paid| {
        let order = OrderView::new(call, *paid.order);
        Played { reason: paid.reason, trace: trace.to_string(), order }
    });
    let (status, response) = match &answer {
        Ok(played) => (200, written(played)?),
        Err(problem) => (problem.status(), problem.to_json()),
    };
    let entry = JournalEntry {
        trace,
        at: call.space.now(),
        merchant: arrival.merchant,
        tx_id: Some(call.param("txId").into()),
        status,
        sent: Some(status),
        reason,
        took_us: u32::try_from(begun.elapsed().as_micros()).unwrap_or(u32::MAX),
        more: More { control: Some(control), rule, trace_headers, ..More::default() }.noted(),
        ..JournalEntry::default()
    };
    let shown = wire::redact(call.space.profile().operations.secrets(), &call.body);
    call.space.note(generation, entry, &shown, &response);
    for pending in PendingReply::outlast(pending.into_iter().collect()).await {
        pending.by.leaves(status, response.len());
        pending.by.left();
    }
    answer
}

impl From<PayError> for ApiProblem {
    fn from(error: PayError) -> Self {
        match error {
            PayError::UnknownOrder { .. } => Self::new(
                ProblemKind::UnknownOrder,
                format!("{error}; GET /_sim/v1/orders lists the orders there are"),
            ),
            PayError::NotPossible { reason, .. } => {
                Self::new(ProblemKind::NotPossible, error.to_string()).because(reason)
            }
            PayError::Input { field, problem } => {
                Self::refused(field, format!("{field} {problem}"))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use hyper::Method;
    use serde_json::{Value, json};

    use super::*;
    use crate::api::{Control, ControlSettings, Sources};
    use crate::base::{Operation, Seed};
    use crate::gateway::Call;
    use crate::http::Limits;
    use crate::profile::Profile;
    use crate::space::{Budgets, LOOKS, Spaces};

    /// A documented merchant whose requests carry no signature.
    const MERCHANT: &str = "EPAY00000000001";
    /// Orders with a push-back each.
    const ORDERS: usize = 500;
    /// Largest number of push-backs that a call about one order may look at.
    const LOOKS_MAX: usize = 10;

    fn register(spaces: &Spaces, tx_id: &str) {
        let body = json!({
            "merchantId": MERCHANT, "termId": "PAYONGT1", "txId": tx_id, "trt": "10", "currency": "USD",
            "amount": "1.00", "paymentMethod": "CREDIT_DEBIT", "noti_url": "http://127.0.0.1:1/noti",
        });
        let body = body.to_string();
        let call = Call {
            operation: Operation::Register,
            space: None,
            token: None,
            scenario: None,
            origin: "http://sim.test".into(),
            body: body.as_bytes(),
            trace_headers: None,
        };
        assert_eq!(gateway::answer(spaces, call).reason, Reason::Success);
    }

    /// A control plane whose space holds [`ORDERS`] paid orders, of which nobody was told yet.
    fn control(budgets: Budgets) -> Arc<Control> {
        let (spaces, _) = Spaces::new(Profile::builtin(), Seed(7), budgets);
        for number in 0..ORDERS {
            let (tx_id, space) = (format!("T{number}"), spaces.default_space());
            register(&spaces, &tx_id);
            let request = PayRequest::default();
            gateway::pay(space, MERCHANT, &tx_id, &request, space.next_trace()).expect("paid");
        }
        register(&spaces, "open");
        Arc::new(Control::new(ControlSettings {
            spaces,
            url: "http://sim.test".to_owned(),
            control_url: "http://sim.test".to_owned(),
            public_url: None,
            tls: None,
            token: None,
            sources: Arc::new(Sources::default()),
            limits: Limits::default(),
            stop: tokio_util::sync::CancellationToken::new(),
        }))
    }

    #[tokio::test]
    async fn a_call_about_an_order_looks_at_its_own_push_backs_only() {
        let control = control(Budgets::default());
        let ask = async |method: Method, call: &str, body: Value| {
            let space = Arc::clone(control.spaces().default_space());
            let body = if body.is_null() { Bytes::new() } else { body.to_string().into() };
            let before = LOOKS.get();
            let answer = control.call(space, &method, call, body).await;
            let looks = LOOKS.get() - before;
            assert!(looks <= LOOKS_MAX, "{method} {call} looked at {looks} push-backs");
            let answer = answer.unwrap_or_else(|problem| problem.to_json());
            serde_json::from_slice::<Value>(&answer).expect("JSON")
        };
        let order = format!("orders/{MERCHANT}/T250");
        let shown = ask(Method::GET, &order, Value::Null).await;
        assert_eq!(shown["pushbacks"][0]["txId"], "T250", "{shown}");
        let one = format!("merchantId={MERCHANT}&txId=T250");
        for (call, is_there) in [
            ("orders?limit=1".to_owned(), "/orders/0"),
            ("orders?limit=1&newest=true&offset=1".to_owned(), "/orders/0"),
            ("pushbacks?txId=T250".to_owned(), "/pushbacks/0"),
            (format!("scenario?{one}"), "/scenario"),
            (format!("wait?for=order-final&{one}"), "/order"),
            // It does not come in time.
            (format!("wait?for=pushback-acknowledged&timeoutMs=0&{one}"), "/detail"),
            (format!("wait?for=pushback-exhausted&timeoutMs=0&{one}"), "/detail"),
        ] {
            let answer = ask(Method::GET, &call, Value::Null).await;
            assert!(answer.pointer(is_there).is_some(), "{call}: {answer}");
        }
        let paid = ask(Method::POST, &format!("orders/{MERCHANT}/open/pay"), json!({})).await;
        assert_eq!(paid["order"]["pushbacks"].as_array().map(Vec::len), Some(1), "{paid}");
        let trace = paid["trace"].as_str().expect("a trace");
        let explained = ask(Method::GET, &format!("journal/{trace}"), Value::Null).await;
        assert_eq!(explained["pushbacks"][0]["txId"], "open", "{explained}");
        let settle = json!({ "event": "settle" });
        let settled = ask(Method::POST, &format!("{order}/trigger"), settle).await;
        assert_eq!(settled["order"]["settled"], true, "{settled}");
    }

    /// Also once the oldest are dropped.
    #[test]
    fn an_order_knows_the_push_backs_that_a_walk_finds() {
        for deliveries in [10_000, ORDERS / 50] {
            let control = control(Budgets { deliveries, ..Budgets::default() });
            let found: usize = control.spaces().default_space().read(|view| {
                let orders = view.ledger.orders_after(None);
                let of_order = orders.map(|order| {
                    let is_own = |it: &&crate::space::Delivery| it.order == order.id;
                    let walked: Vec<u64> =
                        view.outbox.iter().filter(is_own).map(|it| it.id).collect();
                    let known: Vec<u64> = view.outbox.of_order(order).map(|it| it.id).collect();
                    assert_eq!(known, walked, "{}", order.tx_id);
                    known.len()
                });
                of_order.sum()
            });
            assert_eq!(found, ORDERS.min(10 * deliveries));
        }
    }
}
