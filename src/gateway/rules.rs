//! Scenario rules in the use cases: the facts of a call, and a rule's effect on it.

use super::Hindsight;
use super::context::{Refused, RequestContext};
use crate::base::{Currency, Fields, Named, Operation, PaymentMethod, Reason};
use crate::ledger::Target;
use crate::scenario::{CallFacts, CommitPoint, NearMiss, Plan, Point, Trt};
use crate::space::{JournalEntry, PendingReply, Ruling, Space};
use crate::wire::Identity;

/// Describes a request to a rule, row by row where it is an array, and hands that on. The space fills in its time, and what
/// it knows of the order.
fn with_facts<R>(
    space: &Space,
    operation: Operation,
    rows: &[Fields<'_>],
    header: Option<&str>,
    use_them: impl FnOnce(&CallFacts<'_>) -> R,
) -> R {
    let unknown = CallFacts {
        header,
        ..CallFacts::new(space.name(), Point::Call(operation), crate::base::Millis(0))
    };
    let named = |fields| (Identity::of(operation, fields), fields.text("wdlAcNo"), fields);
    let rows: Vec<_> = rows.iter().map(named).collect();
    let facts: Vec<CallFacts<'_>> = rows
        .iter()
        .map(|(identity, card, fields)| {
            let currency = ["currency", "currencyCode"]
                .into_iter()
                .find_map(|name| Currency::parse(&fields.text(name)?));
            let amount = fields.text("amount").zip(currency).and_then(|(text, currency)| {
                let amount = crate::base::Amount::parse(&text, currency).ok()?;
                Some((amount, currency))
            });
            CallFacts {
                merchant_id: identity.merchant_id.as_deref(),
                term_id: identity.term_id.as_deref(),
                tx_id: identity.tx_id.as_deref(),
                fields: Some(*fields),
                amount,
                card: card.as_deref(),
                method: fields.text("paymentMethod").and_then(|it| PaymentMethod::of_name(&it)),
                trt: fields.text("trt").and_then(|name| Trt::of_name(&name)),
                ..unknown
            }
        })
        .collect();
    match facts.split_first() {
        Some((first, further)) => use_them(&CallFacts { further, ..*first }),
        None => use_them(&unknown),
    }
}

/// The rules that came nearest to deciding a request of the journal that met what `then` says. Secrets are looked at as
/// they are masked, counters as they are now, and the header `X-Payon-Scenario` is not known any more.
pub fn near_misses(space: &Space, entry: &JournalEntry, then: &Hindsight<'_>) -> Vec<NearMiss> {
    let decided = entry.more().rule.as_ref().map(|by| &*by.rule);
    let card = then.card.map(|card| &*card.number);
    let ask = |call: &CallFacts<'_>| {
        let card = card.or(call.card);
        let call = CallFacts { now: entry.at, state: then.before, card, ..*call };
        space.near_misses(&call, decided)
    };
    let point = match (entry.operation, entry.more().control) {
        (Some(operation), _) => {
            return with_facts(space, operation, &entry.rows(), None, ask);
        }
        (None, Some("pay")) => Point::Pay,
        (None, Some("trigger")) => Point::Trigger,
        (None, None) if then.before != then.after => Point::Pay,
        _ => return Vec::new(),
    };
    ask(&CallFacts {
        merchant_id: entry.merchant.as_ref().map(|merchant| &*merchant.id),
        tx_id: entry.tx_id.as_deref(),
        ..CallFacts::new(space.name(), point, entry.at)
    })
}

/// Asks the rules about a request of which nothing is known but where it came to.
pub(super) fn consult_early(space: &Space, point: Point, scenario: Option<&str>) -> Option<Ruling> {
    // The space fills in its time.
    let call = CallFacts::new(space.name(), point, crate::base::Millis(0));
    space.consult(&CallFacts { header: scenario, ..call })
}

/// The refusal that a rule wants.
pub(super) fn refusal_of(ruling: &Ruling) -> Option<Refused> {
    let reason = ruling.plan.reason.filter(|reason| *reason != Reason::Success)?;
    Some(Refused::with(reason, format!("by the rule {:?}", ruling.rule)))
}

impl RequestContext<'_> {
    /// Asks the rules. Refuses where one refuses and nothing is to be booked.
    pub(super) fn consult(&mut self, fields: &Fields<'_>) -> Result<(), Refused> {
        self.consult_rows(std::slice::from_ref(fields))
    }

    /// The same about an array, of which each row may be the one that a rule waits for.
    pub(super) fn consult_rows(&mut self, rows: &[Fields<'_>]) -> Result<(), Refused> {
        self.is_admitted = true;
        if self.arrival.meets_rules { self.consult_rules(rows) } else { Ok(()) }
    }

    #[cold]
    fn consult_rules(&mut self, rows: &[Fields<'_>]) -> Result<(), Refused> {
        let decision = with_facts(self.space, self.operation(), rows, self.scenario, |call| {
            self.space.consult(call)
        });
        let Some(decision) = decision else { return Ok(()) };
        if decision.generation != self.arrival.generation {
            return Err(self.overtaken());
        }
        let is_booked = decision.plan.commit != CommitPoint::Never;
        self.ruling = Some(Box::new(decision));
        if is_booked { Ok(()) } else { self.refused_by_rule().map_or(Ok(()), Err) }
    }

    /// Asks the rules about a call that was refused before its sender was admitted, and so before they were asked. Answers
    /// the refusal that stands.
    pub(super) fn consult_refused(&mut self, refused: Refused) -> Refused {
        if self.is_admitted {
            return refused;
        }
        let ruling = consult_early(self.space, Point::Refused, self.scenario);
        let ruling = ruling.filter(|ruling| ruling.generation == self.arrival.generation);
        let instead = ruling.as_ref().and_then(refusal_of);
        self.ruling = ruling.map(Box::new);
        instead.unwrap_or(refused)
    }

    /// The refusal that a rule wants.
    pub(super) fn refused_by_rule(&self) -> Option<Refused> {
        refusal_of(self.ruling.as_deref()?)
    }

    /// Pending reply of the call, where a rule stepped in.
    pub(super) fn pending(&mut self) -> Option<Box<PendingReply>> {
        let ruling = self.ruling.take()?;
        self.pending_by(*ruling)
    }

    #[cold]
    fn pending_by(&mut self, ruling: Ruling) -> Option<Box<PendingReply>> {
        let deferred = std::mem::take(&mut self.deferred);
        let identity = self.identity();
        let named = identity.merchant_id.as_deref().zip(identity.tx_id.as_deref());
        let target = named.map(|(merchant, tx_id)| Target::Named { merchant, tx_id });
        let (trace, context) = (self.arrival.trace, self.trace_context());
        self.space.pending(ruling, target, trace, context, deferred).map(Box::new)
    }
}

/// A rule's effect on a payer's payment or an event: the plan that booking follows, and the reason in place of the
/// natural one.
pub(super) fn overridden(plan: &Plan) -> (CommitPoint, Option<Reason>) {
    match (plan.reason, plan.commit) {
        // A payment that is refused is booked as such.
        (Some(reason), CommitPoint::Never) => (CommitPoint::BeforeReply, Some(reason)),
        (_, commit) => (commit, None),
    }
}
