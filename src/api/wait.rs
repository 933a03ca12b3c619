//! Waiting for something to happen, so that no test need ask again and again.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::clock::ClockView;
use super::inbox::MessageView;
use super::journal::{JournalFilter, entries_after};
use super::problem::{ApiProblem, ProblemKind};
use super::request::ApiRequest;
use super::views::{OrderView, PushbackView, RequestView, parse_trace};
use crate::base::Operation;
use crate::ledger::Target;
use crate::space::{Delivery, DeliveryState, InboxMessage, OrderSnapshot};

/// Time-out where the caller gives none.
const TIMEOUT_DEFAULT: Duration = Duration::from_secs(30);
/// Longest time-out.
const TIMEOUT_MAX: Duration = Duration::from_secs(300);

/// The awaited condition.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
enum Awaited {
    /// The payment of an order has an answer: approved, failed, cancelled or expired.
    OrderFinal,
    /// The merchant took a push-back.
    PushbackAcknowledged,
    /// A push-back was given up.
    PushbackExhausted,
    /// A request of a merchant came in and was answered.
    Request,
    /// A push-back came to a box of the inbox.
    Inbox,
    /// No push-back is under way and none is due.
    Idle,
}

/// The awaited condition and the time-out.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct WaitQuery {
    /// The condition to wait for.
    #[serde(rename = "for")]
    awaited: Awaited,
    /// Order; `order-final` needs it, `idle` is about the whole space all the same.
    tx_id: Option<String>,
    /// Only of this merchant; `idle` is about the whole space all the same.
    merchant_id: Option<String>,
    /// Operation, for `request`.
    operation: Option<Operation>,
    /// Box, for `inbox`.
    #[serde(rename = "box")]
    inbox: Option<String>,
    /// Only what came later: a trace for `request`, the number of a push-back for `pushback-…`, that of a message for
    /// `inbox`. Without it, what has
    /// happened already counts as well, the latest first.
    after: Option<String>,
    /// Real milliseconds; 30000 where none are given, 300000 at most.
    timeout_ms: Option<u64>,
}

/// The condition that was met.
#[derive(Serialize, JsonSchema)]
pub(super) struct WaitResult {
    event: Awaited,
    /// For `order-final`.
    #[serde(skip_serializing_if = "Option::is_none")]
    order: Option<OrderView>,
    /// For `pushback-acknowledged` and `pushback-exhausted`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pushback: Option<PushbackView>,
    /// For `request`.
    #[serde(skip_serializing_if = "Option::is_none")]
    request: Option<RequestView>,
    /// For `inbox`.
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<MessageView>,
    /// For `idle`.
    #[serde(skip_serializing_if = "Option::is_none")]
    clock: Option<ClockView>,
}

/// Waits until it has happened.
pub(super) async fn wait(call: &ApiRequest, query: WaitQuery) -> Result<WaitResult, ApiProblem> {
    let limit = query.timeout_ms.map_or(TIMEOUT_DEFAULT, Duration::from_millis);
    if limit > TIMEOUT_MAX {
        let detail = format!("at most {} ms are waited; call again", TIMEOUT_MAX.as_millis());
        return Err(ApiProblem::refused("timeoutMs", detail));
    }
    let condition = WaitCondition::new(&query)?;
    let happened = async {
        loop {
            // Listening begins before looking, so that nothing is missed between the two.
            let mut changed = pin!(call.space.changed().notified());
            changed.as_mut().enable();
            // While the space is looked at, it goes to no other server.
            let admitted = call.space.admitted().await;
            let pass = admitted.map_err(|place| ApiProblem::moved(&call.space, &place))?;
            // Before a deleted space is emptied, no number leads to it any more.
            if call.control.spaces().numbered(call.space.number()).is_none() {
                let detail =
                    format!("the space {:?} was deleted while you waited", call.space.name());
                return Err(ApiProblem::new(ProblemKind::UnknownSpace, detail));
            }
            if let Some(happened) = condition.read(call) {
                return Ok(happened);
            }
            if let Some(why) = condition.has_no_address(call) {
                let detail = format!("{}: {why}", condition.in_words());
                return Err(ApiProblem::new(ProblemKind::TimedOut, detail));
            }
            drop(pass);
            changed.await;
        }
    };
    tokio::select! {
        happened = tokio::time::timeout(limit, happened) => {
            happened.unwrap_or_else(|_| Err(condition.timed_out(call, limit)))
        }
        () = call.control.stopped() => {
            Err(ApiProblem::new(ProblemKind::Stopping, "the server was told to stop while you waited"))
        }
    }
}

/// A [`WaitQuery`] that makes sense.
struct WaitCondition<'a> {
    awaited: Awaited,
    inbox: Option<&'a str>,
    filter: JournalFilter<'a>,
    after: After,
}

#[derive(Clone, Copy)]
enum After {
    Always,
    Trace(crate::space::RequestId),
    Pushback(u64),
    Message(u64),
}

impl<'a> WaitCondition<'a> {
    fn new(query: &'a WaitQuery) -> Result<Self, ApiProblem> {
        let unreadable = |member: &str, detail: &str| {
            Err(ApiProblem::new(ProblemKind::Unreadable, detail).at(member))
        };
        let awaited = query.awaited;
        if awaited == Awaited::OrderFinal && query.tx_id.is_none() {
            return unreadable("txId", "order-final needs the txId of the order");
        }
        if awaited != Awaited::Request && query.operation.is_some() {
            return unreadable("operation", "only goes with for=request");
        }
        if awaited != Awaited::Inbox && query.inbox.is_some() {
            return unreadable("box", "only goes with for=inbox");
        }
        let after = match (&query.after, awaited) {
            (None, _) => After::Always,
            (Some(text), Awaited::Request) => match parse_trace(text) {
                Some(trace) => After::Trace(trace),
                None => return unreadable("after", "must be a trace: sixteen hexadecimal digits"),
            },
            (Some(text), Awaited::PushbackAcknowledged | Awaited::PushbackExhausted) => {
                match text.parse() {
                    Ok(id) => After::Pushback(id),
                    Err(_) => return unreadable("after", "must be the number of a push-back"),
                }
            }
            (Some(text), Awaited::Inbox) => match text.parse() {
                Ok(number) => After::Message(number),
                Err(_) => return unreadable("after", "must be the number of a message"),
            },
            (Some(_), Awaited::OrderFinal | Awaited::Idle) => {
                return unreadable("after", "goes with for=request, inbox and pushback-… only");
            }
        };
        let filter = JournalFilter {
            operation: query.operation,
            tx_id: query.tx_id.as_deref(),
            merchant_id: query.merchant_id.as_deref(),
            ..JournalFilter::default()
        };
        Ok(Self { awaited, inbox: query.inbox.as_deref(), filter, after })
    }

    /// Returns the awaited result if it is there.
    fn read(&self, call: &ApiRequest) -> Option<WaitResult> {
        let mut happened = WaitResult {
            event: self.awaited,
            order: None,
            pushback: None,
            request: None,
            message: None,
            clock: None,
        };
        match self.awaited {
            Awaited::OrderFinal => happened.order = Some(self.order(call)?),
            Awaited::PushbackAcknowledged => {
                happened.pushback = Some(self.pushback(call, DeliveryState::Acknowledged)?);
            }
            Awaited::PushbackExhausted => {
                happened.pushback = Some(self.pushback(call, DeliveryState::Exhausted)?);
            }
            Awaited::Request => happened.request = Some(self.request(call)?),
            Awaited::Inbox => happened.message = Some(self.message(call)?),
            Awaited::Idle => {
                let idle = call.space.read(|view| {
                    let due = view.outbox.next_due().is_some_and(|due| due <= view.now);
                    view.outbox.in_flight() == 0 && !due
                });
                happened.clock = idle.then(|| ClockView::of(&call.space));
                happened.clock.as_ref()?;
            }
        }
        Some(happened)
    }

    /// Says why what is awaited cannot come, where that is known.
    fn in_vain(&self, call: &ApiRequest) -> Option<String> {
        use Awaited::{Idle, Request};
        if let Some(id) = self.filter.merchant_id
            && call.space.merchant(id).is_none()
        {
            let space = call.space.name();
            return Some(format!(
                "there is no merchant {id:?} in the space {space:?}; GET /_sim/v1/merchants lists them"
            ));
        }
        self.filter.tx_id?;
        if matches!(self.awaited, Request | Idle) {
            return None;
        }
        let orders = self.orders(call);
        if orders.is_empty() {
            return Some("there is no order of this txId".to_owned());
        }
        if self.awaited == Awaited::OrderFinal {
            return None;
        }
        why_no_pushback(call, orders)
    }

    /// Says that an awaited push-back can never come: its order has no address, and its merchant none.
    fn has_no_address(&self, call: &ApiRequest) -> Option<String> {
        use Awaited::{PushbackAcknowledged, PushbackExhausted};
        if !matches!(self.awaited, PushbackAcknowledged | PushbackExhausted) {
            return None;
        }
        self.filter.tx_id?;
        let orders = self.orders(call);
        let is_addressed =
            |order: &OrderSnapshot| OrderView::new(call, order.clone()).has_address();
        if orders.is_empty() || orders.iter().any(is_addressed) {
            return None;
        }
        why_no_pushback(call, orders)
    }

    /// The orders of the txId.
    fn orders(&self, call: &ApiRequest) -> Vec<OrderSnapshot> {
        let Some(tx_id) = self.filter.tx_id else { return Vec::new() };
        let merchants: Vec<String> = match self.filter.merchant_id {
            Some(id) => vec![id.to_owned()],
            None => call.space.merchants().iter().map(|merchant| merchant.id.clone()).collect(),
        };
        call.space.read(|view| {
            let named = |merchant: &String| {
                let named = Target::Named { merchant, tx_id };
                view.snapshot(view.ledger.find(named)?)
            };
            merchants.iter().filter_map(named).collect()
        })
    }

    fn order(&self, call: &ApiRequest) -> Option<OrderView> {
        let tx_id = self.filter.tx_id?;
        let merchants = match self.filter.merchant_id {
            Some(id) => vec![id.to_owned()],
            None => call.space.merchants().iter().map(|merchant| merchant.id.clone()).collect(),
        };
        let snapshot = call.space.read(|view| {
            let orders = merchants.iter().filter_map(|merchant| {
                view.ledger.find(Target::Named { merchant, tx_id }).filter(|o| o.state.is_final())
            });
            orders.take(1).find_map(|order| view.snapshot(order))
        });
        snapshot.map(|snapshot| OrderView::new(call, snapshot))
    }

    fn pushback(&self, call: &ApiRequest, state: DeliveryState) -> Option<PushbackView> {
        call.space.read(|view| {
            let wanted = |delivery: &&Delivery| {
                delivery.state == state
                    && self.filter.merchant_id.is_none_or(|id| id == &*delivery.merchant)
            };
            let outbox = view.outbox;
            let found = match (self.filter.tx_id, &self.after) {
                (Some(tx_id), After::Pushback(after)) => {
                    outbox.of_tx_id(tx_id).filter(|it| it.id > *after).find(wanted)
                }
                (Some(tx_id), _) => outbox.of_tx_id(tx_id).filter(wanted).last(),
                (None, After::Pushback(after)) => outbox.after(*after).find(wanted),
                (None, _) => outbox.after(0).rev().find(wanted),
            };
            found.map(|delivery| PushbackView::new(&call.space, delivery))
        })
    }

    fn request(&self, call: &ApiRequest) -> Option<RequestView> {
        let entry = call.space.read_journal(|journal| {
            let wanted = |entry: &&_| self.filter.takes(entry) && is_merchants(entry);
            match self.after {
                After::Trace(after) => entries_after(journal, Some(after)).find(wanted).cloned(),
                _ => journal.iter().rev().find(wanted).cloned(),
            }
        });
        entry.map(|entry| RequestView::new(call, &entry))
    }

    fn message(&self, call: &ApiRequest) -> Option<MessageView> {
        let JournalFilter { tx_id, merchant_id, .. } = self.filter;
        call.space.read_inbox(|inbox| {
            let wanted = |message: &&Arc<InboxMessage>| {
                self.inbox.is_none_or(|name| *message.name == *name)
                    && tx_id.is_none_or(|id| message.tx_id == id)
                    && merchant_id.is_none_or(|id| *message.merchant == *id)
            };
            let found = match self.after {
                After::Message(after) => inbox.iter().filter(|it| it.number > after).find(wanted),
                _ => inbox.iter().rev().find(wanted),
            };
            found.map(|message| MessageView::new(message))
        })
    }

    /// Words for what is awaited.
    fn in_words(&self) -> String {
        let JournalFilter { operation, tx_id, merchant_id, .. } = self.filter;
        let parts = [
            ("operation", operation.map(Operation::name)),
            ("box", self.inbox),
            ("txId", tx_id),
            ("merchantId", merchant_id),
        ];
        let of: String = parts
            .into_iter()
            .filter_map(|(name, value)| Some(format!(", {name} {}", value?)))
            .collect();
        let awaited = serde_json::to_value(self.awaited).unwrap_or_default();
        format!("{}{of}", awaited.as_str().unwrap_or_default())
    }

    fn timed_out(&self, call: &ApiRequest, limit: Duration) -> ApiProblem {
        let (awaited, ms) = (self.in_words(), limit.as_millis());
        let advice = self.in_vain(call).unwrap_or_else(|| {
            "look into GET /_sim/v1/journal and /_sim/v1/pushbacks, or give more timeoutMs"
                .to_owned()
        });
        ApiProblem::new(ProblemKind::TimedOut, format!("{awaited}: not within {ms} ms; {advice}"))
    }
}

/// Reason why none of these orders has a push-back.
fn why_no_pushback(call: &ApiRequest, orders: Vec<OrderSnapshot>) -> Option<String> {
    let orders = orders.into_iter().map(|order| OrderView::in_detail(call, order));
    let reasons: Option<Vec<String>> = orders.map(|order| order.why_no_pushback()).collect();
    reasons?.into_iter().next()
}

fn is_merchants(entry: &crate::space::JournalEntry) -> bool {
    entry.more().control.is_none()
}
