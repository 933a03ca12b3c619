//! Decisions of a scenario's rules on calls, made with the state of the space.

use std::sync::Arc;

use super::state::State;
use crate::base::{Millis, SecretNames};
use crate::ledger::{OrderId, OrderKind, Target};
use crate::scenario::{CallFacts, Decision, NearMiss, Plan, Point, Trt};

/// A rule's decision on one call, valid in the generation of the space in which it was made.
#[derive(Clone, Debug, PartialEq)]
pub struct Ruling {
    /// The rule that stepped in.
    pub rule: Arc<str>,
    /// The plan.
    pub plan: Plan,
    /// Generation of the space.
    pub generation: u64,
    pub(super) point: Point,
}

impl State {
    /// Returns true if any rule may step in at this point.
    pub(super) fn listens_at(&self, point: Point) -> bool {
        self.contents.rules.set().listens_at(point)
    }

    /// Asks the rules what happens to a call that comes now.
    pub(super) fn consult(&mut self, call: &CallFacts<'_>, now: Millis) -> Option<Ruling> {
        if !self.listens_at(call.point) {
            return None;
        }
        let (rules, random_domain) =
            (Arc::clone(self.contents.rules.set()), Arc::clone(&self.contents.random_domain));
        let further = call.further.iter();
        let further: Vec<_> = further
            .map(|row| self.completed(&CallFacts { space: &random_domain, now, ..*row }))
            .collect();
        let call = CallFacts { space: &random_domain, now, ..*call };
        let call = CallFacts { further: &further, ..self.completed(&call) };
        let seed = self.contents.seed;
        let Decision { rule, plan } = rules.decide(&call, &mut self.contents.counters, seed)?;
        self.met.note_plan(&plan);
        Some(Ruling { rule, plan, point: call.point, generation: self.generation })
    }

    /// Counts a rule that stepped in with effects that had nothing to act on; they were not met.
    pub(super) fn note_idle(&mut self, rule: &str, plan: &Plan, idle: &[&str]) {
        for effect in idle {
            self.met.take_back(plan, effect);
        }
        if !idle.is_empty() {
            self.contents.counters.note_idle(rule);
        }
    }

    /// Asks the rules about an order whose time has run out.
    pub(super) fn consult_expiry(&mut self, id: OrderId, now: Millis) -> Option<Ruling> {
        if !self.listens_at(Point::Trigger) {
            return None;
        }
        let ledger = &self.contents.ledger;
        let order = ledger.find(Target::At(id))?;
        let (terminal, tx_id) = (ledger.terminal(order).clone(), order.tx_id.clone());
        let random_domain = Arc::clone(&self.contents.random_domain);
        let call = CallFacts {
            merchant_id: Some(&terminal.merchant),
            term_id: Some(&terminal.terminal),
            tx_id: Some(&tx_id),
            ..CallFacts::new(&random_domain, Point::Trigger, now)
        };
        self.consult(&call, now)
    }

    /// The rules that came nearest to deciding a call, at the time and with the state that it names, and with the
    /// counters as they are now.
    pub(super) fn near_misses(
        &self,
        call: &CallFacts<'_>,
        decided: Option<&str>,
        secrets: &SecretNames,
    ) -> Vec<NearMiss> {
        let state = call.state;
        let further: Vec<_> = call.further.iter().map(|row| self.completed(row)).collect();
        let call = CallFacts { state, further: &further, ..self.completed(call) };
        self.contents.rules.set().explain(&call, &self.contents.counters, decided, secrets)
    }

    /// The facts of a call, with what its order says where the call does not.
    fn completed<'c>(&self, call: &CallFacts<'c>) -> CallFacts<'c> {
        let mut call = *call;
        let named = call.merchant_id.zip(call.tx_id);
        let order = named.and_then(|(merchant, tx_id)| {
            self.contents.ledger.find(Target::Named { merchant, tx_id })
        });
        if let Some(order) = order {
            call.amount = call.amount.or(Some((order.amount, order.currency)));
            call.method = call.method.or(Some(order.method));
            call.state = Some(order.state);
            call.trt = call.trt.or(Some(match order.kind {
                OrderKind::Purchase => Trt::Purchase,
                OrderKind::PreAuth => Trt::PreAuth,
            }));
        }
        call
    }
}
