//! History of a space, in the form by which expectations are judged.

use std::borrow::Cow;
use std::collections::HashMap;

use crate::base::{Fields, Literal, Reason};
use crate::ledger::Order;
use crate::scenario::{
    AttemptFact, ChangeFact, DeliveryFact, Dropped, Expectation, ExpectationVerdict, OrderFact,
    RequestFact, SpaceHistory, judge_beside,
};
use crate::space::{Delivery, DeliveryState, JournalEntry, PushbackCause, Space, StateView};

/// Fills in what journal, ledger and outbox of `space` still hold. `shop` is left out: only the merchant knows.
pub fn history(space: &Space) -> SpaceHistory {
    space.undisturbed(|| read_history(space))
}

/// Judges whether the expected happened in `space` so far. Rules are those that are armed, and those that have stepped in.
pub fn verify(space: &Space, expectations: &[Expectation]) -> Vec<ExpectationVerdict> {
    let history = history(space);
    let armed = space.rules();
    let has_fired = armed.iter().any(|rule| rule.tally.fired > 0);
    let armed = armed.iter().map(|rule| rule.armed.rule.id.as_str());
    let calls = history.requests.iter().filter_map(|request| request.rule.as_deref());
    let changes = history.orders.iter().flat_map(|order| &order.changes);
    let changes = changes.filter_map(|change| change.rule.as_deref());
    let mut rules: Vec<&str> = armed.chain(calls).chain(changes).collect();
    rules.sort_unstable();
    rules.dedup();
    let mut verdicts = judge_beside(&rules, expectations, &history);
    let is_called = history.requests.iter().any(|call| call.operation.is_some());
    let Dropped { requests: 0, orders: 0, deliveries: 0 } = history.dropped else {
        return verdicts;
    };
    if !is_called && history.orders.is_empty() && !has_fired {
        let why = format!(
            "nobody has called the gateway in the space {:?} so far; is it the one that the merchant calls?",
            space.name()
        );
        let met = verdicts.iter_mut().filter(|verdict| verdict.ok);
        met.for_each(|verdict| *verdict = ExpectationVerdict::not_judged(&why));
    }
    verdicts
}

fn read_history(space: &Space) -> SpaceHistory {
    let (requests, rules, gone) = space.read_journal(|journal| {
        let asked = journal.iter().filter(|entry| is_call(entry));
        let requests: Vec<RequestFact> = asked.map(request).collect();
        // The payer's steps and events from outside, for the changes that they made.
        let others = journal.iter().filter(|entry| !is_call(entry));
        let rules: HashMap<u64, String> = others
            .filter_map(|entry| Some((entry.trace.0, entry.more().rule.as_ref()?.rule.to_string())))
            .collect();
        (requests, rules, journal.dropped())
    });
    space.read(|view| SpaceHistory {
        born: view.born,
        now: view.now,
        requests,
        orders: view.ledger.orders_after(None).map(|it| order(&view, it, &rules)).collect(),
        deliveries: view.outbox.iter().map(delivery).collect(),
        shop: None,
        order_names: Vec::new(),
        unread: Vec::new(),
        dropped: Dropped {
            requests: gone,
            orders: view.ledger.dropped(),
            deliveries: view.outbox.dropped(),
        },
    })
}

/// Returns true if a merchant or a paying app sent it, in contrast to the control plane and the payer's pages.
pub(super) fn is_call(entry: &JournalEntry) -> bool {
    entry.operation.is_some() || matches!(entry.reason, Reason::UnknownPath | Reason::MalformedHttp)
}

/// One call, payment or event as expectations look at it.
pub fn request(entry: &JournalEntry) -> RequestFact {
    let text = |(name, value): (&str, Literal<'_>)| {
        (name.to_owned(), if value.is_blank() { String::new() } else { value.text().into_owned() })
    };
    let mut rows = entry.rows().into_iter();
    let mut fact = RequestFact {
        trace: entry.trace.to_string(),
        at: entry.at,
        operation: entry.operation,
        merchant_id: entry.merchant.as_ref().map(|merchant| merchant.id.clone()),
        tx_id: entry.tx_id.as_deref().map(Into::into),
        fields: rows.next().map(|row| row.iter().map(text).collect()).unwrap_or_default(),
        reason: entry.reason,
        status: entry.sent,
        other_reasons: entry.more().other_rows.clone(),
        rule: entry.more().rule.as_ref().map(|by| by.rule.to_string()),
        further: Vec::new(),
    };
    let further = rows.map(|row| RequestFact {
        merchant_id: row.text("merchantId").map(Cow::into_owned),
        tx_id: row.text("txId").map(Cow::into_owned),
        fields: row.iter().map(text).collect(),
        ..fact.clone()
    });
    fact.further = further.collect();
    fact
}

pub(super) fn order(
    view: &StateView<'_>,
    order: &Order,
    rules: &HashMap<u64, String>,
) -> OrderFact {
    let changes = order.history.iter().map(|entry| ChangeFact {
        at: entry.at,
        name: entry.change.name(),
        rule: rules.get(&entry.trace).cloned(),
    });
    OrderFact {
        merchant_id: view.ledger.terminal(order).merchant.to_string(),
        tx_id: order.tx_id.to_string(),
        state: order.state,
        reason: order.failure,
        currency: order.currency,
        amount: order.amount,
        authorised: order.totals.authorised,
        captured: order.totals.captured,
        refunded: order.totals.refunded,
        released: order.totals.released,
        settled: order.is_settled(view.now, view.ledger.rules().settlement_cutoff_ms),
        changes: changes.collect(),
    }
}

pub(super) fn delivery(delivery: &Delivery) -> DeliveryFact {
    let attempts = delivery.attempts.iter();
    DeliveryFact {
        id: delivery.id,
        merchant_id: delivery.merchant.to_string(),
        tx_id: delivery.tx_id.to_string(),
        cause: if delivery.cause == PushbackCause::Unasked {
            "none"
        } else {
            delivery.cause.name()
        }
        .to_owned(),
        code: code(&delivery.body),
        content: delivery.content.name().to_owned(),
        created: delivery.created,
        acknowledged: delivery.state == DeliveryState::Acknowledged,
        attempts: attempts
            .map(|attempt| AttemptFact { at: attempt.at, status: attempt.status })
            .collect(),
    }
}

/// The result code that a push-back carries; empty where its body has none.
fn code(body: &[u8]) -> String {
    let fields = Fields::parse(body).ok();
    let code = fields.as_ref().and_then(|fields| fields.text("resultCode"));
    code.map(Cow::into_owned).unwrap_or_default()
}
