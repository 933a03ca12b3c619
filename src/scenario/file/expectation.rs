//! `expect`: what must be true of the requests, orders, push-backs and money of a run.

use serde_json::json;

use super::{AmountTest, FieldTests, Lie};
use crate::base::{Complaint, Currency, Operation, OrderState, Reason};
use crate::scenario::form::{Definitions, Form, Many, Node, Period, Printed, Times, record, words};

record! {
    /// One thing that must be true. Exactly one of `request`, `order`, `pushback`, `events` and `ledger`.
    pub struct Expectation {
        /// Why it matters; shown where it fails.
        about: Option<String> = "about",
        /// Only what happens in so much simulated time after a rule first stepped in counts.
        within: Option<Period> = "within",
        /// Nothing of the kind may be there.
        never: bool = "never",
        /// Calls of the merchant.
        request: Option<RequestExpectation> = "request",
        /// Orders.
        order: Option<OrderExpectation> = "order",
        /// Push-backs.
        pushback: Option<DeliveryExpectation> = "pushback",
        /// What happened in which order.
        events: Option<EventsExpectation> = "events",
        /// Sums over all orders.
        ledger: Option<LedgerExpectation> = "ledger",
    }
    check |expectation, node| {
        let subjects = [
            expectation.request.is_some(),
            expectation.order.is_some(),
            expectation.pushback.is_some(),
            expectation.events.is_some(),
            expectation.ledger.is_some(),
        ];
        if subjects.into_iter().filter(|given| *given).count() != 1 {
            node.refuse(
                Complaint::new("an expectation is about exactly one thing")
                    .help("one of: request, order, pushback, events, ledger"),
            );
            return None;
        }
        if expectation.never && expectation.counts().is_some() {
            node.refuse("`never` says how many already: none");
            return None;
        }
        if expectation.never && expectation.ledger.is_some() {
            node.refuse("`never` does not go with `ledger`");
            return None;
        }
        Some(())
    };
}

impl Expectation {
    /// The count that its subject asks for, if it asks for one.
    pub fn counts(&self) -> Option<Times> {
        let request = self.request.as_ref().and_then(RequestExpectation::counts);
        let order = self.order.as_ref().and_then(OrderExpectation::counts);
        let pushback = self.pushback.as_ref().and_then(DeliveryExpectation::counts);
        request.or(order).or(pushback)
    }
}

record! {
    /// Calls that must have come. At least one when no count is given.
    pub struct RequestExpectation {
        /// To which operation.
        operation: Option<Many<Operation>> = "operation",
        /// From which merchant.
        merchant_id: Option<Many<String>> = "merchantId",
        /// For which order.
        tx_id: Option<Many<String>> = "txId",
        /// For each order that a rule stepped in for, counted apart.
        same_order: bool = "sameOrder",
        /// What decided them.
        reason: Option<Many<Reason>> = "reason",
        /// The HTTP status they were answered with.
        status: Option<Many<u16>> = "status",
        /// The rule that stepped in.
        rule: Option<Many<String>> = "rule",
        /// What stood in the request.
        field: FieldTests = "field",
        /// At least so many.
        at_least: Option<u32> = "atLeast",
        /// At most so many.
        at_most: Option<u32> = "atMost",
        /// Exactly so many.
        exactly: Option<u32> = "exactly",
    }
    check |request, node| counted(node, request.exactly, request.at_least, request.at_most);
}

record! {
    /// How orders must be. Every one when neither `txId` nor a count is given.
    pub struct OrderExpectation {
        /// Which: `every` (default, and there must be one), `any` (at least one of them), or a txId.
        tx_id: Option<Which> = "txId",
        /// Whose.
        merchant_id: Option<Many<String>> = "merchantId",
        /// Where it stands in the end.
        state: Option<Many<OrderState>> = "state",
        /// Why it failed.
        reason: Option<Many<Reason>> = "reason",
        /// The amount ordered.
        amount: Option<AmountTest> = "amount",
        /// The amount captured.
        captured: Option<AmountTest> = "captured",
        /// The amount given back.
        returned: Option<AmountTest> = "returned",
        /// How often it was approved.
        approved: Option<Times> = "approved",
        /// How often it was completed.
        completed: Option<Times> = "completed",
        /// How often it was reversed.
        reversed: Option<Times> = "reversed",
        /// How often it was refunded.
        refunded: Option<Times> = "refunded",
        /// Whether its day is closed.
        settled: Option<bool> = "settled",
        /// At least so many orders.
        at_least: Option<u32> = "atLeast",
        /// At most so many orders.
        at_most: Option<u32> = "atMost",
        /// Exactly so many orders.
        exactly: Option<u32> = "exactly",
    }
    check |order, node| counted(node, order.exactly, order.at_least, order.at_most);
}

record! {
    /// How push-backs must have gone. Every one when neither `txId` nor a count is given.
    pub struct DeliveryExpectation {
        /// Of which orders: `every` (default), `any`, or a txId.
        tx_id: Option<Which> = "txId",
        /// What caused it, such as `approved`.
        cause: Option<Many<String>> = "cause",
        /// The result code it carries.
        code: Option<Many<String>> = "code",
        /// The lie that it is.
        lie: Option<Many<Lie>> = "lie",
        /// Whether the merchant took it.
        acknowledged: Option<bool> = "acknowledged",
        /// How often it was tried.
        attempts: Option<Times> = "attempts",
        /// What the merchant answered at last.
        status: Option<Many<u16>> = "status",
        /// At least so many push-backs.
        at_least: Option<u32> = "atLeast",
        /// At most so many push-backs.
        at_most: Option<u32> = "atMost",
        /// Exactly so many push-backs.
        exactly: Option<u32> = "exactly",
    }
    check |delivery, node| counted(node, delivery.exactly, delivery.at_least, delivery.at_most);
}

record! {
    /// Events of one order that must have happened one after the other; others may lie between.
    pub struct EventsExpectation {
        /// Of which orders: `every` (default), `any`, or a txId.
        tx_id: Option<Which> = "txId",
        /// An operation (a call to it), `pushback` (an attempt), `acknowledged`, or a change: registered, approved,
        /// completed, reversed, refunded, chargedBack, failed, cancelled, expired, settled.
        in_order: Many<Event> = "inOrder",
    }
}

words! {
    /// What can happen to an order beside calls.
    pub enum OrderEvent ("an event") {
        /// A push-back was tried.
        Pushback = "pushback",
        /// The merchant took a push-back.
        Acknowledged = "acknowledged",
        /// It came to be.
        Registered = "registered",
        /// The issuer approved.
        Approved = "approved",
        /// A completion captured.
        Completed = "completed",
        /// Taken back.
        Reversed = "reversed",
        /// Given back.
        Refunded = "refunded",
        /// Taken back by the payer's bank.
        ChargedBack = "chargedBack",
        /// Declined.
        Failed = "failed",
        /// Given up.
        Cancelled = "cancelled",
        /// Out of time.
        Expired = "expired",
        /// Its day was closed.
        Settled = "settled",
    }
}

/// Something that happened for an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// A call to this operation.
    Call(Operation),
    /// Anything else.
    Other(OrderEvent),
}

impl Event {
    /// Its name in scenario files.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Call(operation) => operation.name(),
            Self::Other(event) => event.name(),
        }
    }

    fn all() -> impl Iterator<Item = Self> {
        let calls = Operation::ALL.iter().copied().map(Self::Call);
        calls.chain(OrderEvent::ALL.iter().copied().map(Self::Other))
    }
}

impl Form for Event {
    fn read(node: Node<'_>) -> Option<Self> {
        let Some((text, _)) = node.scalar() else {
            node.expected("an event");
            return None;
        };
        let found = Self::all().find(|event| event.name() == text);
        if found.is_none() {
            let names: Vec<&str> = Self::all().map(Self::name).collect();
            node.refuse(Complaint::not_among("an event", text, &names));
        }
        found
    }

    fn print(&self) -> Printed {
        Printed::Text(self.name().to_owned())
    }

    fn schema(_: &mut Definitions) -> serde_json::Value {
        json!({ "enum": Self::all().map(Self::name).collect::<Vec<_>>() })
    }
}

record! {
    /// Sums over all orders of one currency.
    pub struct LedgerExpectation {
        /// Which currency; USD when absent.
        currency: Option<Currency> = "currency",
        /// What was captured in all.
        captured: Option<AmountTest> = "captured",
        /// What was given back in all.
        returned: Option<AmountTest> = "returned",
        /// What is left: captured less given back.
        net: Option<AmountTest> = "net",
        /// In every order: captured is within what was authorised, given back within what was captured.
        balanced: bool = "balanced",
    }
}

/// Which orders.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Which {
    /// At least one of them.
    Any,
    /// All of them, and there must be one.
    Every,
    /// The one of this txId.
    One(String),
}

impl Form for Which {
    fn read(node: Node<'_>) -> Option<Self> {
        String::read(node).map(|text| match text.as_str() {
            "any" => Self::Any,
            "every" => Self::Every,
            _ => Self::One(text),
        })
    }

    fn print(&self) -> Printed {
        Printed::Text(match self {
            Self::Any => "any".to_owned(),
            Self::Every => "every".to_owned(),
            Self::One(tx_id) => tx_id.clone(),
        })
    }

    fn schema(definitions: &mut Definitions) -> serde_json::Value {
        String::schema(definitions)
    }
}

macro_rules! counting {
    ($($type:ident),+) => {$(
        impl $type {
            /// The count that it asks for, if any.
            pub fn counts(&self) -> Option<Times> {
                Times::from_keys(self.exactly, self.at_least, self.at_most)
            }
        }
    )+};
}
counting!(RequestExpectation, OrderExpectation, DeliveryExpectation);

fn counted(
    node: Node<'_>,
    exactly: Option<u32>,
    at_least: Option<u32>,
    at_most: Option<u32>,
) -> Option<()> {
    if exactly.is_some() && (at_least.is_some() || at_most.is_some()) {
        node.refuse("`exactly` stands alone, without `atLeast` and `atMost`");
        return None;
    }
    Some(())
}
