//! History of a space, as far as expectations look at it: plain values that others fill in.

use super::codec::Decimal;
use super::model::{Belief, Expectation, Subject};
use crate::base::{Amount, Currency, Millis, Operation, OrderState, Reason};

/// History of a space.
#[derive(Clone, Debug, Default)]
pub struct SpaceHistory {
    /// Time at which the space was born or reset.
    pub born: Millis,
    /// Time on its clock.
    pub now: Millis,
    /// Calls, oldest first.
    pub requests: Vec<RequestFact>,
    /// Orders, oldest first.
    pub orders: Vec<OrderFact>,
    /// Push-backs, oldest first.
    pub deliveries: Vec<DeliveryFact>,
    /// The merchant's beliefs about its orders; `None` where it cannot be asked.
    pub shop: Option<Vec<ShopFact>>,
    /// Names of orders in the steps that were made. They are no txIds, and easily taken for them.
    pub order_names: Vec<String>,
    /// Answers of the merchant about its orders that cannot be read, a sentence each: then nothing is judged by its beliefs.
    pub unread: Vec<String>,
    /// Facts that were forgotten.
    pub dropped: Dropped,
}

/// Amount of history that the space has forgotten to stay within its limits.
#[derive(Clone, Copy, Debug, Default)]
pub struct Dropped {
    /// Calls.
    pub requests: u64,
    /// Orders.
    pub orders: u64,
    /// Push-backs.
    pub deliveries: u64,
}

impl Dropped {
    /// Number of things that the expectation looks at and that are gone, and what they are; `None` where all are there.
    pub fn of(&self, expectation: &Expectation) -> Option<(u64, &'static str)> {
        let requests = (self.requests, "requests");
        let deliveries = (self.deliveries, "push-backs");
        let orders = (self.orders, "orders");
        let looked_at: &[(u64, &'static str)] = match &expectation.subject {
            Subject::Request(_) => &[requests],
            Subject::Pushback(_) => &[deliveries],
            Subject::Order(_) | Subject::Ledger(_) => &[orders],
            Subject::Events(_) => &[orders, requests, deliveries],
            Subject::Shop(_) | Subject::AnyOf(_) | Subject::AllOf(_) => &[],
        };
        // A span begins with a call, of which nobody knows any more when the first ones are gone.
        let begin = expectation.within.map(|_| requests);
        looked_at.iter().copied().chain(begin).find(|(dropped, _)| *dropped > 0)
    }
}

/// One order in the merchant's own books.
#[derive(Clone, Debug, Default)]
pub struct ShopFact {
    /// `txId`.
    pub tx_id: String,
    /// The merchant's belief; `None` where it cannot be asked for it.
    pub believes: Option<Belief>,
    /// Number of times it has shipped the goods, likewise.
    pub shipped: Option<u32>,
    /// True if that is a yes, which says not how often.
    pub is_yes: bool,
    /// Sum that it has given back, likewise.
    pub returned: Option<Decimal>,
    /// True if the merchant knew the order and now says that there is none; all else is then `None`.
    pub is_forgotten: bool,
}

/// One call.
#[derive(Clone, Debug)]
pub struct RequestFact {
    /// Its name in the journal.
    pub trace: String,
    /// Time at which it came.
    pub at: Millis,
    /// To which operation; `None` for a path that is none.
    pub operation: Option<Operation>,
    /// `merchantId`.
    pub merchant_id: Option<String>,
    /// `txId`.
    pub tx_id: Option<String>,
    /// The fields of the request as text, secrets masked.
    pub fields: Vec<(String, String)>,
    /// Reason that decided.
    pub reason: Reason,
    /// The HTTP status of its answer; `None` when no answer was sent.
    pub status: Option<u16>,
    /// Reasons of further rows of its answer.
    pub other_reasons: Vec<Reason>,
    /// The rule that stepped in.
    pub rule: Option<String>,
    /// The same call once more for each further row of an array, with what that row says.
    pub further: Vec<Self>,
}

impl RequestFact {
    /// The call as each of its rows has it; one that is no array is its own only row.
    pub fn rows(&self) -> impl Iterator<Item = &Self> {
        std::iter::once(self).chain(&self.further)
    }

    /// Returns true if it or one of its rows names this order.
    pub fn is_about(&self, merchant: &str, tx_id: &str) -> bool {
        self.rows().any(|row| {
            row.merchant_id.as_deref() == Some(merchant) && row.tx_id.as_deref() == Some(tx_id)
        })
    }
}

/// One order.
#[derive(Clone, Debug)]
pub struct OrderFact {
    /// `merchantId`.
    pub merchant_id: String,
    /// `txId`.
    pub tx_id: String,
    /// State of the order.
    pub state: OrderState,
    /// Reason why it failed.
    pub reason: Option<Reason>,
    /// The currency of its amounts.
    pub currency: Currency,
    /// Ordered.
    pub amount: Amount,
    /// Authorised.
    pub authorised: Amount,
    /// Captured.
    pub captured: Amount,
    /// Given back after capture.
    pub refunded: Amount,
    /// Let go or taken back before settlement.
    pub released: Amount,
    /// True if its day is closed.
    pub settled: bool,
    /// Changes: the time, the name of the change (`approved`), and the rule that stepped in for it.
    pub changes: Vec<ChangeFact>,
}

/// One thing that happened to an order.
#[derive(Clone, Debug)]
pub struct ChangeFact {
    /// Time.
    pub at: Millis,
    /// The change by its name, such as `approved`.
    pub name: &'static str,
    /// The rule that stepped in where it was made by a payment or an event (calls carry theirs themselves).
    pub rule: Option<String>,
}

/// One push-back.
#[derive(Clone, Debug)]
pub struct DeliveryFact {
    /// Its number.
    pub id: u64,
    /// `merchantId`.
    pub merchant_id: String,
    /// `txId` of the order that it came of.
    pub tx_id: String,
    /// The change that caused it; `none` for one that nothing caused.
    pub cause: String,
    /// The result code that it carries.
    pub code: String,
    /// Content, by the name of [`Content`](super::Content): `true`, `wrong-status`, `forged` …
    pub content: String,
    /// Time at which it was decided.
    pub created: Millis,
    /// True if the merchant took it.
    pub acknowledged: bool,
    /// Attempts.
    pub attempts: Vec<AttemptFact>,
}

/// One attempt of a push-back.
#[derive(Clone, Debug)]
pub struct AttemptFact {
    /// Time.
    pub at: Millis,
    /// HTTP status, where the merchant answered.
    pub status: Option<u16>,
}

impl OrderFact {
    /// Number of times a change of this name happened.
    pub fn count(&self, name: &str) -> usize {
        self.changes.iter().filter(|change| change.name == name).count()
    }

    /// Given back in all: refunded, or taken back as a whole by a reversal or a late decline.
    pub fn returned(&self) -> Amount {
        match self.state {
            OrderState::Reversed | OrderState::Failed => self.captured,
            _ => self.refunded,
        }
    }

    /// Sum that the merchant keeps.
    pub fn net(&self) -> Amount {
        Amount::from_minor(self.captured.minor() - self.returned().minor())
    }
}
