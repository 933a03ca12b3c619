//! `expect`: what must be true of the requests, orders, push-backs and money of a run.

use serde_json::json;

use super::{AmountTest, FieldTests, HttpStatus, Tampering};
use crate::base::{Currency, Message, Operation, OrderState, Period, Reason, named_enum};
use crate::scenario::codec::{Definitions, FromYaml, Many, Printed, Times, YamlNode, record};

/// One thing that must be true.
#[derive(Clone, Debug, PartialEq)]
pub struct Expectation {
    /// Reason why it matters; shown where it fails.
    pub about: Option<String>,
    /// Only what happens in so much simulated time after a rule first stepped in counts, or, where none did, after the first
    /// call of a merchant.
    pub within: Option<Period>,
    /// Nothing of the kind may be there.
    pub never: bool,
    /// The thing.
    pub subject: Subject,
}

/// The thing that an expectation is about.
#[derive(Clone, Debug, PartialEq)]
pub enum Subject {
    /// Calls of the merchant.
    Request(RequestExpectation),
    /// Orders.
    Order(OrderExpectation),
    /// Push-backs.
    Pushback(DeliveryExpectation),
    /// Events and their order.
    Events(EventsExpectation),
    /// Sums over all orders.
    Ledger(LedgerExpectation),
    /// Beliefs of the merchant about its orders; not judged where the merchant cannot be asked.
    Shop(ShopExpectation),
    /// Alternatives: at least one of these expectations must be met.
    AnyOf(Vec<Expectation>),
    /// All of these expectations must be met; for an alternative of several parts.
    AllOf(Vec<Expectation>),
}

/// An expectation as it is written, with a key for each subject.
#[allow(unreachable_pub, reason = "the macro makes types that are public")]
mod written {
    use super::{
        DeliveryExpectation, EventsExpectation, LedgerExpectation, OrderExpectation,
        RequestExpectation, ShopExpectation,
    };
    use crate::base::Period;
    use crate::scenario::codec::record;

    record! {
        /// One thing that must be true. Exactly one of `request`, `order`, `pushback`, `events`, `ledger`, `shop`, `anyOf`
        /// and `allOf`.
        pub struct Expectation {
            /// Reason why it matters; shown where it fails.
            about: Option<String> = "about",
            /// Only what happens in so much simulated time after a rule first stepped in counts, or, where none did, after the
            /// first call of a merchant. Both bounds are included: `within: 1s` counts what happens exactly 1.000 s later.
            /// It does not go with `ledger` and `shop`, which are looked at in the end.
            within: Option<Period> = "within",
            /// Nothing of the kind may be there.
            never: bool = "never",
            /// Calls of the merchant.
            request: Option<RequestExpectation> = "request",
            /// Orders.
            order: Option<OrderExpectation> = "order",
            /// Push-backs.
            pushback: Option<DeliveryExpectation> = "pushback",
            /// Events and their order.
            events: Option<EventsExpectation> = "events",
            /// Sums over all orders.
            ledger: Option<LedgerExpectation> = "ledger",
            /// Beliefs of the merchant about its orders; not judged where the merchant cannot be asked.
            shop: Option<ShopExpectation> = "shop",
            /// Alternatives: at least one of these expectations must be met.
            any_of: Vec<super::Expectation> = "anyOf",
            /// All of these expectations must be met; for an alternative of several parts.
            all_of: Vec<super::Expectation> = "allOf",
        }
    }
}

impl FromYaml for Expectation {
    fn read(node: YamlNode<'_>) -> Option<Self> {
        let written = written::Expectation::read(node)?;
        let any_of = Some(written.any_of).filter(|parts| !parts.is_empty());
        let all_of = Some(written.all_of).filter(|parts| !parts.is_empty());
        let mut subjects = [
            any_of.map(Subject::AnyOf),
            all_of.map(Subject::AllOf),
            written.request.map(Subject::Request),
            written.order.map(Subject::Order),
            written.pushback.map(Subject::Pushback),
            written.events.map(Subject::Events),
            written.ledger.map(Subject::Ledger),
            written.shop.map(Subject::Shop),
        ]
        .into_iter()
        .flatten();
        let (Some(subject), None) = (subjects.next(), subjects.next()) else {
            node.refuse(
                Message::new("an expectation is about exactly one thing")
                    .help("one of: request, order, pushback, events, ledger, shop, anyOf, allOf"),
            );
            return None;
        };
        let written::Expectation { about, within, never, .. } = written;
        let expectation = Self { about, within, never, subject };
        expectation.check(node)?;
        Some(expectation)
    }

    fn print(&self) -> Printed {
        let mut written = written::Expectation {
            about: self.about.clone(),
            within: self.within,
            never: self.never,
            request: None,
            order: None,
            pushback: None,
            events: None,
            ledger: None,
            shop: None,
            any_of: Vec::new(),
            all_of: Vec::new(),
        };
        match self.subject.clone() {
            Subject::Request(request) => written.request = Some(request),
            Subject::Order(order) => written.order = Some(order),
            Subject::Pushback(pushback) => written.pushback = Some(pushback),
            Subject::Events(events) => written.events = Some(events),
            Subject::Ledger(ledger) => written.ledger = Some(ledger),
            Subject::Shop(shop) => written.shop = Some(shop),
            Subject::AnyOf(parts) => written.any_of = parts,
            Subject::AllOf(parts) => written.all_of = parts,
        }
        written.print()
    }

    fn schema(definitions: &mut Definitions) -> serde_json::Value {
        written::Expectation::schema(definitions)
    }
}

impl Expectation {
    /// An expectation of that and no more.
    pub fn of(subject: Subject) -> Self {
        Self { about: None, within: None, never: false, subject }
    }

    /// The expectations that it is made of, if it is a group of several.
    pub fn parts(&self) -> &[Self] {
        match &self.subject {
            Subject::AnyOf(parts) | Subject::AllOf(parts) => parts,
            _ => &[],
        }
    }

    /// The count that its subject asks for, if it asks for one.
    pub fn counts(&self) -> Option<Times> {
        match &self.subject {
            Subject::Request(request) => request.counts(),
            Subject::Order(order) => order.counts(),
            Subject::Pushback(pushback) => pushback.counts(),
            _ => None,
        }
    }

    fn check(&self, node: YamlNode<'_>) -> Option<()> {
        if self.never && self.counts().is_some() {
            node.refuse("`never` says how many already: none");
            return None;
        }
        if self.never && matches!(self.subject, Subject::Ledger(_) | Subject::Shop(_)) {
            node.refuse("`never` does not go with `ledger` and `shop`");
            return None;
        }
        if !self.parts().is_empty() && (self.never || self.within.is_some()) {
            node.refuse(
                Message::new("`never` and `within` do not go with `anyOf` and `allOf`")
                    .help("write them in the expectations of the list"),
            );
            return None;
        }
        Some(())
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
        /// For each order that a rule stepped in for, counted separately. A list of orders or a reconciliation counts for
        /// each order of its merchant.
        same_order: bool = "sameOrder",
        /// Reason that decided them.
        reason: Option<Many<Reason>> = "reason",
        /// The HTTP status they were answered with.
        status: Option<Many<HttpStatus>> = "status",
        /// The rule that stepped in.
        rule: Option<Many<String>> = "rule",
        /// Content of the request.
        field: FieldTests = "field",
        /// The least pause between one of these calls and the next. The bound is included: `apart: 1s` accepts a pause of
        /// exactly 1.000 s.
        apart: Option<Period> = "apart",
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
    /// Required state of orders. Every one when neither `txId` nor a count is given.
    pub struct OrderExpectation {
        /// Orders: `every` (default, and there must be one), `any` (at least one of them), or a txId.
        tx_id: Option<OrderChoice> = "txId",
        /// Merchant.
        merchant_id: Option<Many<String>> = "merchantId",
        /// State in the end.
        state: Option<Many<OrderState>> = "state",
        /// Reason why it failed.
        reason: Option<Many<Reason>> = "reason",
        /// The amount ordered.
        amount: Option<AmountTest> = "amount",
        /// The amount captured.
        captured: Option<AmountTest> = "captured",
        /// The amount given back.
        returned: Option<AmountTest> = "returned",
        /// Number of times it was approved.
        approved: Option<Times> = "approved",
        /// Number of times it was completed.
        completed: Option<Times> = "completed",
        /// Number of times it was reversed.
        reversed: Option<Times> = "reversed",
        /// Number of times it was refunded.
        refunded: Option<Times> = "refunded",
        /// True if its day is closed.
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
    /// Required outcome of push-backs. Every one when neither `txId` nor a count is given.
    pub struct DeliveryExpectation {
        /// Orders: `every` (default), `any`, or a txId.
        tx_id: Option<OrderChoice> = "txId",
        /// Cause, such as `approved`; `none`: nothing caused it.
        cause: Option<Many<ExpectedCause>> = "cause",
        /// The result code it carries.
        code: Option<Many<String>> = "code",
        /// The lie that it is.
        tampering: Option<Many<Tampering>> = "lie",
        /// True if the merchant took it.
        acknowledged: Option<bool> = "acknowledged",
        /// Number of attempts.
        attempts: Option<Times> = "attempts",
        /// The merchant's last answer.
        status: Option<Many<HttpStatus>> = "status",
        /// One of the merchant's answers, first to last: a status, a class such as `4xx`, or `none` for an attempt that got
        /// no answer.
        answered: Option<Many<StatusClass>> = "answered",
        /// At least so many push-backs.
        at_least: Option<u32> = "atLeast",
        /// At most so many push-backs.
        at_most: Option<u32> = "atMost",
        /// Exactly so many push-backs.
        exactly: Option<u32> = "exactly",
    }
    check |delivery, node| counted(node, delivery.exactly, delivery.at_least, delivery.at_most);
}

named_enum! {
    /// Cause of a push-back: the change of the order that it tells of.
    pub enum ExpectedCause ("a cause of a push-back") {
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
        /// Nothing: a rule has it sent.
        None = "none",
    }
}

record! {
    /// Events of one order that must have happened one after the other; others may lie between.
    pub struct EventsExpectation {
        /// Orders: `every` (default), `any`, or a txId.
        tx_id: Option<OrderChoice> = "txId",
        /// An operation (a call to it), `pushback` (an attempt), `acknowledged`, or a change: registered, approved,
        /// completed, reversed, refunded, chargedBack, failed, cancelled, expired, settled.
        in_order: Many<ExpectedEvent> = "inOrder",
    }
}

named_enum! {
    /// Events of an order beside calls.
    pub enum OrderEventKind ("an event") {
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
pub enum ExpectedEvent {
    /// A call to this operation.
    Call(Operation),
    /// Anything else.
    Other(OrderEventKind),
}

impl ExpectedEvent {
    /// Its name in scenario files.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Call(operation) => operation.name(),
            Self::Other(event) => event.name(),
        }
    }

    fn all() -> impl Iterator<Item = Self> {
        let calls = Operation::ALL.iter().copied().map(Self::Call);
        calls.chain(OrderEventKind::ALL.iter().copied().map(Self::Other))
    }
}

impl FromYaml for ExpectedEvent {
    fn read(node: YamlNode<'_>) -> Option<Self> {
        let Some((text, _)) = node.scalar() else {
            node.expected("an event");
            return None;
        };
        let found = Self::all().find(|event| event.name() == text);
        if found.is_none() {
            let names: Vec<&str> = Self::all().map(Self::name).collect();
            node.refuse(Message::not_among("an event", text, &names));
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
        /// Currency; USD when absent.
        currency: Option<Currency> = "currency",
        /// Captured sum.
        captured: Option<AmountTest> = "captured",
        /// Sum given back.
        returned: Option<AmountTest> = "returned",
        /// Remaining sum: captured less given back.
        net: Option<AmountTest> = "net",
        /// In every order: captured is within what was authorised, given back within what was captured.
        balanced: bool = "balanced",
    }
    check |ledger, node| {
        let sums = [&ledger.captured, &ledger.returned, &ledger.net];
        if !ledger.balanced && sums.into_iter().all(Option::is_none) {
            node.refuse(
                Message::new("it asks for nothing: every run meets this")
                    .help("give `captured`, `returned`, `net` or `balanced: true`"),
            );
            return None;
        }
        Some(())
    };
}

record! {
    /// Beliefs of the merchant about its orders, and its deliveries of goods.
    pub struct ShopExpectation {
        /// Orders: `every` (default), `any`, or a txId.
        tx_id: Option<OrderChoice> = "txId",
        /// Only orders that stand so in the gateway's books.
        order_state: Option<Many<OrderState>> = "orderState",
        /// The merchant's belief.
        believes: Option<Many<Belief>> = "believes",
        /// Number of times it has shipped the goods.
        shipped: Option<Times> = "shipped",
        /// In every order of the gateway's: the shop knows it where it has money in it, believes what the gateway's books say, and
        /// has shipped the goods once where it keeps the money, never where no money ever came, and never twice.
        balanced: bool = "balanced",
    }
    check |shop, node| {
        if shop.balanced && (shop.believes.is_some() || shop.shipped.is_some()) {
            node.refuse("`balanced` says already what is believed and shipped");
            return None;
        }
        Some(())
    };
}

named_enum! {
    /// State of an order in the merchant's own books.
    pub enum Belief ("a belief") {
        /// Not known yet; the merchant will find out.
        Pending = "pending",
        /// Paid, or held for a later capture.
        Paid = "paid",
        /// Not paid, and not going to be.
        Unpaid = "unpaid",
        /// Paid, and given back in full.
        GivenBack = "given-back",
        /// Put aside for a human to look at.
        Disputed = "disputed",
    }
}

/// An HTTP status, or all of one class.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StatusClass {
    /// This status.
    One(u16),
    /// All of this hundred: 4 for `4xx`.
    Class(u16),
    /// No answer at all.
    NoAnswer,
}

impl StatusClass {
    /// Returns true if this answer is among them; `None` is one that never came.
    pub fn holds(self, status: Option<u16>) -> bool {
        match self {
            Self::One(one) => status == Some(one),
            Self::Class(hundred) => status.is_some_and(|status| status / 100 == hundred),
            Self::NoAnswer => status.is_none(),
        }
    }
}

impl std::fmt::Display for StatusClass {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::One(status) => write!(f, "{status}"),
            Self::Class(hundred) => write!(f, "{hundred}xx"),
            Self::NoAnswer => f.write_str("none"),
        }
    }
}

impl FromYaml for StatusClass {
    fn read(node: YamlNode<'_>) -> Option<Self> {
        let text = node.scalar().map(|(text, _)| text).unwrap_or_default();
        let found = match text.as_bytes() {
            b"none" => Some(Self::NoAnswer),
            [digit @ b'1'..=b'5', b'x', b'x'] => Some(Self::Class(u16::from(digit - b'0'))),
            [b'1'..=b'5', b'0'..=b'9', b'0'..=b'9'] => text.parse().ok().map(Self::One),
            _ => None,
        };
        if found.is_none() {
            node.refuse(
                Message::new("must be an HTTP status, a class of them, or `none`").help(
                    "for example 200, 4xx for every status from 400 to 499, none for no answer",
                ),
            );
        }
        found
    }

    fn print(&self) -> Printed {
        match self {
            Self::One(status) => Printed::Literal(status.to_string()),
            Self::Class(_) | Self::NoAnswer => Printed::Text(self.to_string()),
        }
    }

    fn schema(_: &mut Definitions) -> serde_json::Value {
        json!({ "anyOf": [
            { "type": "integer", "minimum": 100, "maximum": 599 },
            { "type": "string", "pattern": "^([1-5]([0-9][0-9]|xx)|none)$" },
        ] })
    }
}

/// Choice of orders.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OrderChoice {
    /// At least one of them.
    Any,
    /// All of them, and there must be one.
    Every,
    /// The one of this txId.
    One(String),
}

impl FromYaml for OrderChoice {
    fn read(node: YamlNode<'_>) -> Option<Self> {
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
    node: YamlNode<'_>,
    exactly: Option<u32>,
    at_least: Option<u32>,
    at_most: Option<u32>,
) -> Option<()> {
    if exactly.is_some() && (at_least.is_some() || at_most.is_some()) {
        node.refuse("`exactly` stands alone, without `atLeast` and `atMost`");
        return None;
    }
    if (at_least, at_most) == (Some(0), None) {
        node.member("atLeast").unwrap_or(node).refuse(Times::any_number());
        return None;
    }
    Some(())
}
