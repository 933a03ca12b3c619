//! Orders, merchants and rules that an expectation names and of which nothing ever came: that something never happened to one
//! of them says nothing of what happened.

use std::collections::BTreeSet;

use super::listed;
use crate::base::nearest;
use crate::scenario::history::{RequestFact, SpaceHistory};
use crate::scenario::model::{
    DeliveryExpectation, Expectation, OrderChoice, OrderExpectation, RequestExpectation, Subject,
};

/// WantedNames of one kind: the key, those that are asked for, and those that there are.
struct WantedNames<'e> {
    key: &'static str,
    wanted: Vec<&'e str>,
    known: BTreeSet<&'e str>,
}

impl Expectation {
    /// The reason why it says nothing, where it is met as long as nothing fits it and asks for more of an order, a merchant or
    /// a rule than that there is one, and there is none of that name.
    pub(super) fn stranger(&self, history: &SpaceHistory) -> Option<String> {
        let is_met_by_none = self.never || self.counts().is_some_and(|times| times.least == 0);
        if !is_met_by_none || !self.asks_for_more() {
            return None;
        }
        let is_strange = |names: &WantedNames<'_>| {
            !names.wanted.is_empty() && !names.wanted.iter().any(|name| names.known.contains(name))
        };
        let WantedNames { key, wanted, known } =
            self.names(history).into_iter().find(is_strange)?;
        let mut why = format!("nothing that happened has the {key} {}", listed(&wanted));
        let is_step = |name: &&str| history.order_names.iter().any(|known| known == name);
        let known: Vec<&str> = known.into_iter().collect();
        let meant = || wanted.iter().find_map(|name| nearest(name, &known));
        if let Some(name) = wanted.iter().copied().find(is_step).filter(|_| key == "txId") {
            why = format!(
                "{why}; {name:?} is the name of an order in `drive`, and its txId is the merchant's choice"
            );
        } else if let Some(meant) = meant() {
            why = format!("{why}: is {meant:?} meant?");
        }
        Some(why)
    }

    /// Returns true if it asks for more than that there is an order, a merchant or a rule of these names.
    pub(in crate::scenario) fn asks_for_more(&self) -> bool {
        match &self.subject {
            Subject::Request(request) => {
                let RequestExpectation { operation, reason, status, field, apart, .. } = request;
                let is_described = reason.is_some() || status.is_some() || !field.0.is_empty();
                operation.is_some() || apart.is_some() || is_described
            }
            Subject::Order(order) => {
                let OrderExpectation { state, reason, amount, captured, returned, .. } = order;
                let OrderExpectation { approved, completed, reversed, refunded, settled, .. } =
                    order;
                let amounts = [amount, captured, returned];
                let counts = [approved, completed, reversed, refunded];
                state.is_some()
                    || reason.is_some()
                    || settled.is_some()
                    || amounts.into_iter().any(Option::is_some)
                    || counts.into_iter().any(Option::is_some)
            }
            Subject::Pushback(pushback) => {
                let DeliveryExpectation { cause, code, tampering, acknowledged, .. } = pushback;
                let DeliveryExpectation { attempts, status, answered, .. } = pushback;
                let is_answered = status.is_some() || answered.is_some() || acknowledged.is_some();
                let is_notice = cause.is_some() || code.is_some() || tampering.is_some();
                is_answered || is_notice || attempts.is_some()
            }
            Subject::Events(_) => true,
            Subject::Ledger(_) | Subject::Shop(_) | Subject::AnyOf(_) | Subject::AllOf(_) => false,
        }
    }

    /// The names that it asks for.
    fn names<'e>(&'e self, history: &'e SpaceHistory) -> Vec<WantedNames<'e>> {
        let SpaceHistory { requests, orders, deliveries, .. } = history;
        let rows = || requests.iter().flat_map(RequestFact::rows);
        let tx_ids = |wanted: Vec<&'e str>| WantedNames {
            key: "txId",
            wanted,
            known: (rows().filter_map(|it| it.tx_id.as_deref()))
                .chain(orders.iter().map(|it| &*it.tx_id))
                .chain(deliveries.iter().map(|it| &*it.tx_id))
                .collect(),
        };
        let merchants = |wanted: Vec<&'e str>| WantedNames {
            key: "merchantId",
            wanted,
            known: (rows().filter_map(|it| it.merchant_id.as_deref()))
                .chain(orders.iter().map(|it| &*it.merchant_id))
                .collect(),
        };
        let rules = |wanted: Vec<&'e str>| WantedNames {
            key: "rule",
            wanted,
            known: requests.iter().filter_map(|it| it.rule.as_deref()).collect(),
        };
        let many = |names: &'e Option<crate::scenario::Many<String>>| -> Vec<&'e str> {
            names.iter().flat_map(|many| &many.0).map(String::as_str).collect()
        };
        let one = |choice: &'e Option<OrderChoice>| match choice {
            Some(OrderChoice::One(tx_id)) => vec![tx_id.as_str()],
            Some(OrderChoice::Any | OrderChoice::Every) | None => Vec::new(),
        };
        match &self.subject {
            Subject::Request(it) => vec![
                tx_ids(many(&it.tx_id)),
                merchants(many(&it.merchant_id)),
                rules(many(&it.rule)),
            ],
            Subject::Order(it) => vec![tx_ids(one(&it.tx_id)), merchants(many(&it.merchant_id))],
            Subject::Pushback(it) => vec![tx_ids(one(&it.tx_id))],
            Subject::Events(it) => vec![tx_ids(one(&it.tx_id))],
            Subject::Ledger(_) | Subject::Shop(_) | Subject::AnyOf(_) | Subject::AllOf(_) => {
                Vec::new()
            }
        }
    }
}
