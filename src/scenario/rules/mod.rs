//! Rules ready to decide: conditions as lists of tests, and an index that finds the few rules that may fit a call.
//!
//! For each point of a run every rule is filed once: under the most telling exact condition it has (txId, its suffix,
//! the header, a card, an amount, the merchant, the terminal), or else among the general ones. A call looks up its own
//! values and tests what it finds there and the general ones, in the order of the rules. Without a rule at its point it
//! costs one comparison.

mod changes;
mod condition;
mod counters;
mod explain;
mod index;
mod reach;

use std::sync::Arc;

pub use changes::ChangeSet;
pub use condition::CallFacts;
pub use counters::{Counters, CountersFile, Tally};
pub use explain::{Miss, NearMiss};
pub use reach::Acted;

use super::codec::Share;
use super::draws::Draws;
use super::model::{Lines, Point, Rule, Scope};
use super::plan::Plan;
use crate::base::{Millis, Seed};
pub(super) use condition::Condition;
use counters::{key_of, order_key};
use index::PointIndex;

/// The rules that are armed in a space, in the order in which they are asked.
#[derive(Debug, Default)]
pub struct RuleSet {
    rules: Vec<IndexedRule>,
    points: Vec<PointIndex>,
}

/// A rule with the time from which its windows and steps count.
#[derive(Clone, Debug, PartialEq)]
pub struct ArmedRule {
    /// The rule.
    pub rule: Rule,
    /// Time on the space's clock when it was armed.
    pub at: Millis,
}

impl ArmedRule {
    /// Arms all of these at one time.
    pub fn all(rules: impl IntoIterator<Item = Rule>, at: Millis) -> Vec<Self> {
        rules.into_iter().map(|rule| Self { rule, at }).collect()
    }

    /// Returns true if its window has closed for good, so that it fits no call any more.
    pub fn is_over(&self, now: Millis) -> bool {
        self.rule.when.window.as_ref().is_some_and(|window| window.is_over(now, self.at))
    }
}

/// One rule, ready.
#[derive(Debug)]
struct IndexedRule {
    id: Arc<str>,
    /// The id in the counters.
    key: u64,
    /// Time at which it was armed.
    at: Millis,
    points: Vec<Point>,
    conditions: Vec<Condition>,
    gate: Gate,
    effects: Effects,
}

/// Selection among the fitting calls of a rule.
#[derive(Clone, Debug)]
struct Gate {
    nth: Option<Vec<u32>>,
    every: Option<u32>,
    first: Option<u32>,
    scope: Scope,
    probability: Option<Share>,
}

/// Effects of a rule.
#[derive(Clone, Debug)]
enum Effects {
    /// The same each time.
    Same(Lines),
    /// In turn, then nothing.
    InTurn(Vec<Lines>),
}

/// The decision.
#[derive(Clone, Debug, PartialEq)]
pub struct Decision {
    /// The rule that stepped in.
    pub rule: Arc<str>,
    /// The plan.
    pub plan: Plan,
}

impl RuleSet {
    /// Makes rules ready. The first that fits decides, so those of a scenario that is armed on top of others come
    /// first, and a table of triggers last.
    pub fn new<'r>(rules: impl IntoIterator<Item = &'r ArmedRule>) -> Self {
        let rules: Vec<IndexedRule> = rules.into_iter().map(IndexedRule::new).collect();
        if rules.is_empty() {
            return Self::default();
        }
        let points = Point::ALL
            .into_iter()
            .map(|point| {
                let here = |(_, rule): &(usize, &IndexedRule)| rule.points.contains(&point);
                PointIndex::new(
                    rules
                        .iter()
                        .enumerate()
                        .filter(here)
                        .map(|(at, rule)| (at as u32, rule.conditions.as_slice())),
                )
            })
            .collect();
        Self { rules, points }
    }

    /// Returns true if there are none.
    pub fn is_empty(&self) -> bool {
        self.rules.is_empty()
    }

    /// Number of cards.
    pub fn len(&self) -> usize {
        self.rules.len()
    }

    /// Returns true if any rule steps in at this point: what a call there need not be described for otherwise.
    pub fn listens_at(&self, point: Point) -> bool {
        self.points.get(point.index()).is_some_and(|index| !index.is_empty())
    }

    /// Decides a call; `None`: no rule steps in. Every rule whose conditions hold counts the call, also
    /// those behind the one that decides.
    pub fn decide(
        &self,
        call: &CallFacts<'_>,
        counters: &mut Counters,
        seed: Seed,
    ) -> Option<Decision> {
        let index = self.points.get(call.point.index())?;
        if index.is_empty() {
            return None;
        }
        let order = order_key(call);
        let mut decision = None;
        index.candidates(call, |at| {
            let Some(rule) = self.rules.get(at as usize) else { return };
            let fits = |row| rule.conditions.iter().all(|condition| condition.holds(row, rule.at));
            if !call.rows().any(fits) {
                return;
            }
            let tally = counters.count(rule.key, order);
            if decision.is_some() {
                return;
            }
            let mut draws = rule.draws(call, seed, tally.order);
            if let Some(effects) = rule.effects_of(tally, &mut draws) {
                counters.fired(rule.key);
                let plan = Plan::draw(effects, &mut draws, call.now, rule.at);
                // Its turn without effects, or a draw that comes to none. A rule that never has any only keeps others out.
                if plan == Plan::default() && rule.effects.are_any() {
                    counters.idle(rule.key);
                }
                decision = Some(Decision { rule: Arc::clone(&rule.id), plan });
            }
        });
        decision
    }

    /// Number of calls that fitted the rule of this id, in the scope in which it counts them: for one order, the most.
    pub fn turns_of(&self, id: &str, counters: &Counters) -> u32 {
        let rule = self.rules.iter().find(|rule| &*rule.id == id);
        rule.map_or(0, |rule| match rule.gate.scope {
            Scope::Order => counters.most(rule.key),
            Scope::Rule => counters.tally(rule.key, 0).all,
        })
    }

    /// Number of times each rule fitted and stepped in, in the order of the rules.
    pub fn tallies(&self, counters: &Counters) -> impl Iterator<Item = Tally> {
        self.rules.iter().map(|rule| counters.tally(rule.key, 0))
    }
}

impl IndexedRule {
    fn new(ArmedRule { rule, at }: &ArmedRule) -> Self {
        let when = &rule.when;
        let effects = match (&rule.then, &rule.sequence) {
            (_, Some(turns)) => Effects::InTurn(turns.clone()),
            (then, None) => Effects::Same(then.clone().unwrap_or_default()),
        };
        Self {
            id: rule.id.as_str().into(),
            key: key_of(&[rule.id.as_bytes()]),
            at: *at,
            points: rule.points(),
            conditions: Condition::all_of(when),
            gate: Gate {
                nth: when.nth.as_ref().map(|many| many.0.clone()),
                every: when.every,
                first: when.first,
                scope: when.scope.unwrap_or_default(),
                probability: when.probability,
            },
            effects,
        }
    }

    /// The lots of one call: they depend on what it is about, not on when it came.
    fn draws(&self, call: &CallFacts<'_>, seed: Seed, attempt: u32) -> Draws {
        let merchant = call.merchant_id.unwrap_or_default();
        let tx_id = call.tx_id.unwrap_or_default();
        Draws::new(
            seed,
            &[
                b"rule",
                call.space.as_bytes(),
                call.point.name().as_bytes(),
                merchant.as_bytes(),
                tx_id.as_bytes(),
                &attempt.to_le_bytes(),
                self.id.as_bytes(),
            ],
        )
    }

    /// The effects on a call that the conditions hold for; `None` when it is not this rule's turn.
    fn effects_of(&self, tally: Tally, draws: &mut Draws) -> Option<&Lines> {
        if self.gate.closed(self.gate.count(tally)).is_some() || !self.gate.is_chosen(draws) {
            return None;
        }
        match &self.effects {
            Effects::Same(lines) => Some(lines),
            Effects::InTurn(turns) => turns.get(self.gate.count(tally) as usize - 1),
        }
    }
}

impl Effects {
    /// Returns true if there is one at all.
    fn are_any(&self) -> bool {
        match self {
            Self::Same(lines) => !lines.0.is_empty(),
            Self::InTurn(turns) => turns.iter().any(|lines| !lines.0.is_empty()),
        }
    }
}

impl Gate {
    /// The number of this call, from 1, in the scope that counts.
    fn count(&self, tally: Tally) -> u32 {
        match self.scope {
            Scope::Order => tally.order,
            Scope::Rule => tally.all,
        }
        .max(1)
    }

    /// Reason why call number `count` is not taken; `None`: it is.
    fn closed(&self, count: u32) -> Option<String> {
        if let Some(nth) = &self.nth
            && !nth.contains(&count)
        {
            let wanted: Vec<String> = nth.iter().map(u32::to_string).collect();
            return Some(format!("nth: wants call {}, this is call {count}", wanted.join(" or ")));
        }
        if let Some(every) = self.every
            && (every == 0 || !count.is_multiple_of(every))
        {
            return Some(format!("every: wants each call number {every}, this is call {count}"));
        }
        match self.first {
            Some(first) if count > first => {
                Some(format!("first: wants the first {first}, this is call {count}"))
            }
            _ => None,
        }
    }

    /// Returns true if chance takes the call. Draws a lot only where there is a choice.
    fn is_chosen(&self, draws: &mut Draws) -> bool {
        self.probability
            .is_none_or(|share| draws.below(u64::from(Share::WHOLE)) < u64::from(share.0))
    }
}

#[cfg(test)]
mod tests;
