//! Orders of a trial: by their names in the scenario, the shop's names, and the txIds under which the shop has
//! registered them.

use crate::base::{Amount, Currency, Operation};
use crate::scenario::{RequestFact, SpaceHistory};

/// Members of a registration in which no shop can put its own name of an order.
const FIXED_FIELDS: [&str; 6] =
    ["amount", "currency", "merchantId", "paymentMethod", "termId", "trt"];

/// An order that the shop was made to register.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrialOrder {
    /// Its name in the scenario.
    pub name: String,
    /// `merchantId`.
    pub merchant_id: String,
    /// Price.
    pub amount: Amount,
    /// Its currency.
    pub currency: Currency,
    /// The shop's own name for it; `None` where the shop has refused it.
    pub shop_order: Option<String>,
    /// The shop's answer, where it has refused the order.
    pub refusal: Option<String>,
    /// The txId under which it is registered at the gateway, the last one where there are several; `None` as long as
    /// there is none.
    pub tx_id: Option<String>,
    /// The txId, as the shop itself has told it.
    told: Option<String>,
    /// Number of calls to the gateway before the shop was asked to register it.
    since: usize,
    /// One of several that are registered at once.
    is_one_of_many: bool,
}

/// All orders of a trial.
#[derive(Debug, Default)]
pub(super) struct TrialOrders(Vec<TrialOrder>);

/// An order that the shop is about to be asked for.
pub(super) struct OrderWish {
    pub(super) name: String,
    pub(super) merchant_id: String,
    pub(super) amount: Amount,
    pub(super) currency: Currency,
    pub(super) is_one_of_many: bool,
}

impl TrialOrders {
    /// Notes an order that the shop is about to be asked for; its place in the list. A later one of the same name takes
    /// the name.
    pub(super) fn add(&mut self, wish: OrderWish, history: &SpaceHistory) -> usize {
        let OrderWish { name, merchant_id, amount, currency, is_one_of_many } = wish;
        let since = history.requests.len();
        self.0.push(TrialOrder {
            name,
            merchant_id,
            amount,
            currency,
            shop_order: None,
            refusal: None,
            tx_id: None,
            told: None,
            since,
            is_one_of_many,
        });
        self.0.len() - 1
    }

    /// Notes what the shop has answered: its name of the order and the txId, where it says them.
    pub(super) fn accepted(&mut self, at: usize, shop_order: Option<String>, told: Option<String>) {
        if let Some(order) = self.0.get_mut(at) {
            order.shop_order = shop_order;
            order.told = told;
        }
    }

    /// Notes that the shop has refused the order, with its answer.
    pub(super) fn refused(&mut self, at: usize, answer: String) {
        if let Some(order) = self.0.get_mut(at) {
            order.refusal = Some(answer);
        }
    }

    pub(super) fn all(&self) -> &[TrialOrder] {
        &self.0
    }

    /// Finds out which registrations at the gateway belong to which order. What the shop says counts first, then its
    /// name of the order in the call, then the price and the time.
    pub(super) fn attribute(&mut self, history: &SpaceHistory) {
        let calls: Vec<(usize, &RequestFact)> = history
            .requests
            .iter()
            .enumerate()
            .filter(|(_, call)| call.operation == Some(Operation::Register) && call.tx_id.is_some())
            .collect();
        for order in &mut self.0 {
            order.tx_id.clone_from(&order.told);
        }
        for at in 0..self.0.len() {
            if let Some(tx_id) = self.named_in_call(at, &calls) {
                self.0[at].tx_id = Some(tx_id);
            }
        }
        for at in 0..self.0.len() {
            if self.0[at].tx_id.is_none() {
                self.0[at].tx_id = self.by_time(at, &calls, history);
            }
        }
    }

    /// The txId of the last registration that has the shop's name of the order in it.
    fn named_in_call(&self, at: usize, calls: &[(usize, &RequestFact)]) -> Option<String> {
        let order = &self.0[at];
        let name = order.shop_order.as_deref().filter(|_| order.told.is_none())?;
        let names_it = |call: &RequestFact| {
            let free = call.fields.iter().filter(|(field, _)| !FIXED_FIELDS.contains(&&**field));
            free.into_iter().any(|(_, value)| has_word(without_host(value), name))
        };
        let mut fitting = calls
            .iter()
            .filter(|(number, call)| *number >= order.since && order.fits(call) && names_it(call));
        // A short name may stand in a call by accident: only one that tells orders apart counts.
        let others = self.0.iter().filter(|other| other.shop_order.as_deref() == Some(name));
        (others.count() == 1).then(|| fitting.next_back()?.1.tx_id.clone())?
    }

    /// The txId of a registration in the order's own time that no other order has.
    fn by_time(
        &self,
        at: usize,
        calls: &[(usize, &RequestFact)],
        history: &SpaceHistory,
    ) -> Option<String> {
        let order = &self.0[at];
        let next =
            self.0[at + 1..].iter().map(|next| next.since).find(|since| *since > order.since);
        let is_taken = |call: &RequestFact| self.0.iter().any(|other| other.tx_id == call.tx_id);
        let own = calls.iter().filter(|(number, call)| {
            *number >= order.since
                && next.is_none_or(|next| *number < next)
                && order.fits(call)
                && !is_taken(call)
        });
        let is_registered = |call: &RequestFact| {
            history.orders.iter().any(|known| {
                call.merchant_id.as_deref() == Some(&known.merchant_id)
                    && call.tx_id.as_deref() == Some(&known.tx_id)
            })
        };
        let mut own = own.filter(|(_, call)| is_registered(call));
        // Of many at once each has one; of one alone the last try is the one that its payer sees.
        let found = if order.is_one_of_many { own.next() } else { own.next_back() };
        found.and_then(|(_, call)| call.tx_id.clone())
    }
}

impl TrialOrder {
    /// Returns true if a registration may be that of this order, by its merchant, price and currency.
    fn fits(&self, call: &RequestFact) -> bool {
        let field = |name: &str| {
            call.fields.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
        };
        let amount = field("amount").and_then(|text| Amount::parse(text, self.currency).ok());
        let currency = field("currency").unwrap_or_default();
        call.merchant_id.as_deref() == Some(&self.merchant_id)
            && amount == Some(self.amount)
            && currency.eq_ignore_ascii_case(self.currency.code())
    }
}

/// A URL from its path on; any other text as it is.
fn without_host(text: &str) -> &str {
    let Some((_, rest)) = text.split_once("://") else { return text };
    rest.find(['/', '?', '#']).map_or("", |at| &rest[at..])
}

/// Returns true if `word` stands in `text` by itself and not within a longer word.
fn has_word(text: &str, word: &str) -> bool {
    let is_part = |c: char| c.is_alphanumeric();
    !word.is_empty()
        && text.match_indices(word).any(|(at, _)| {
            !text[..at].ends_with(is_part) && !text[at + word.len()..].starts_with(is_part)
        })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::{Millis, OrderState, Reason};
    use crate::scenario::OrderFact;

    fn call(tx_id: &str, amount: &str, url: &str) -> RequestFact {
        let fields = [("amount", amount), ("currency", "USD"), ("noti_url", url)];
        RequestFact {
            trace: String::new(),
            at: Millis(0),
            operation: Some(Operation::Register),
            merchant_id: Some("M".to_owned()),
            tx_id: Some(tx_id.to_owned()),
            fields: fields.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec(),
            reason: Reason::Success,
            status: Some(200),
            rule: None,
            other_reasons: Vec::new(),
            further: Vec::new(),
        }
    }

    fn registered(call: &RequestFact) -> OrderFact {
        OrderFact {
            merchant_id: "M".to_owned(),
            tx_id: call.tx_id.clone().unwrap_or_default(),
            state: OrderState::Registered,
            reason: None,
            currency: Currency::Usd,
            amount: Amount::ZERO,
            authorised: Amount::ZERO,
            captured: Amount::ZERO,
            refunded: Amount::ZERO,
            released: Amount::ZERO,
            settled: false,
            changes: Vec::new(),
        }
    }

    fn history(calls: &[RequestFact]) -> SpaceHistory {
        let orders = calls.iter().map(registered).collect();
        SpaceHistory { requests: calls.to_vec(), orders, ..SpaceHistory::default() }
    }

    fn wish(name: &str, cents: i64, is_one_of_many: bool) -> OrderWish {
        let amount = Amount::from_minor(cents);
        let (name, merchant_id) = (name.to_owned(), "M".to_owned());
        OrderWish { name, merchant_id, amount, currency: Currency::Usd, is_one_of_many }
    }

    fn tx_ids(orders: &TrialOrders) -> Vec<Option<&str>> {
        orders.all().iter().map(|order| order.tx_id.as_deref()).collect()
    }

    #[test]
    fn one_after_the_other_goes_by_time_and_the_last_try_counts() {
        let calls = [call("A", "10", ""), call("B", "10", ""), call("C", "10.00", "")];
        let mut orders = TrialOrders::default();
        orders.add(wish("first", 1000, false), &history(&[]));
        orders.add(wish("second", 1000, false), &history(&calls[..2]));
        orders.attribute(&history(&calls));
        assert_eq!(tx_ids(&orders), [Some("B"), Some("C")]);
    }

    #[test]
    fn a_short_name_is_not_found_in_a_host_or_a_price() {
        let calls = [
            call("A", "1", "http://127.0.0.1:2000/noti/1"),
            call("B", "1", "http://127.0.0.1:2000/noti/2"),
        ];
        let mut orders = TrialOrders::default();
        orders.add(wish("first", 100, false), &history(&[]));
        orders.accepted(0, Some("1".to_owned()), None);
        orders.add(wish("second", 100, false), &history(&calls[..1]));
        orders.accepted(1, Some("2".to_owned()), None);
        orders.attribute(&history(&calls));
        assert_eq!(tx_ids(&orders), [Some("A"), Some("B")]);
    }

    #[test]
    fn several_at_once_go_by_what_the_shop_says_by_its_names_and_by_price() {
        let calls = [
            call("A", "10", "http://s/noti/7"),
            call("B", "10", "http://s/noti/17"),
            call("C", "20", ""),
            call("D", "10", ""),
            call("E", "10", ""),
        ];
        let mut orders = TrialOrders::default();
        for (name, cents) in [("v", 1000), ("w", 1000), ("x", 2000), ("y", 1000), ("z", 1000)] {
            orders.add(wish(name, cents, true), &history(&[]));
        }
        let name = |name: &str| Some(name.to_owned());
        orders.accepted(0, name("17"), None);
        orders.accepted(1, name("7"), None);
        orders.accepted(2, name("8"), None);
        orders.accepted(3, name("9"), name("E"));
        orders.accepted(4, None, None);
        orders.attribute(&history(&calls));
        assert_eq!(tx_ids(&orders), [Some("B"), Some("A"), Some("C"), Some("E"), Some("D")]);
    }
}
