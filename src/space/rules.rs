//! Rules of a space: armed, listed and asked.

use super::events::Event;
use super::ruling::Ruling;
use super::space::Space;
use crate::base::Millis;
use crate::scenario::{Acted, ArmedRule, CallFacts, NearMiss, Point, Rule, Tally};

/// An armed rule with its counts.
#[derive(Clone, Debug)]
pub struct CountedRule {
    /// The rule.
    pub armed: ArmedRule,
    /// Its counts.
    pub tally: Tally,
}

impl Space {
    /// Changes the rules of the space, all at once; `change` gets the time at which it arms new ones. Counters of rules
    /// that stay are kept; a rule whose id was made up begins at zero.
    pub fn change_rules<R>(&self, change: impl FnOnce(&mut Vec<ArmedRule>, Millis) -> R) -> R {
        self.write(|transaction| {
            let now = transaction.now;
            let contents = &mut transaction.state.contents;
            let before = contents.rules.without_own_ids();
            let result = contents.rules.change(|rules| change(rules, now));
            // A name that was made up again says nothing: only the same rule goes on counting.
            for (id, rule) in contents.rules.without_own_ids() {
                if before.get(&id) != Some(&rule) {
                    contents.counters.forget(&id);
                }
            }
            self.happened(Event::Rules(now));
            result
        })
    }

    /// Arms these rules in place of any before, in the order in which they are asked.
    pub fn arm_rules(&self, rules: Vec<Rule>) {
        self.change_rules(|armed, now| *armed = ArmedRule::all(rules, now));
    }

    /// The armed rules with how often each fitted and stepped in.
    pub fn rules(&self) -> Vec<CountedRule> {
        let state = self.lock();
        let (store, counters) = (&state.contents.rules, &state.contents.counters);
        let tallies = store.set().tallies(counters);
        let counted = std::iter::zip(store.rules(), tallies);
        counted.map(|(armed, tally)| CountedRule { armed: armed.clone(), tally }).collect()
    }

    /// Number of calls that fitted a rule so far ([`RuleSet::turns_of`](crate::scenario::RuleSet::turns_of)).
    pub fn turns_of(&self, rule: &Rule) -> u32 {
        let state = self.lock();
        let (store, counters) = (&state.contents.rules, &state.contents.counters);
        store.set().turns_of(&rule.id, counters)
    }

    /// Asks the rules what happens to a call. Time, and what the call leaves out of its order, are filled in here.
    pub fn consult(&self, call: &CallFacts<'_>) -> Option<Ruling> {
        self.locked(|transaction| {
            let ruling = transaction.consult(call);
            if let Some(ruling) = ruling.as_ref().filter(|ruling| ruling.point == Point::Connect) {
                // Nothing is booked there and no reply is planned, so what acts is known at once.
                transaction.note_idle(ruling, Acted::default());
            }
            (ruling, false)
        })
    }

    /// The rules that came nearest to deciding a call, at the time and with the state that it names, and with the
    /// counters as they are now.
    pub fn near_misses(&self, call: &CallFacts<'_>, decided: Option<&str>) -> Vec<NearMiss> {
        self.lock().near_misses(call, decided, self.profile().operations.secrets())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::{Operation, Seed};
    use crate::profile::Profile;
    use crate::scenario::{Point, read_rules};
    use crate::space::{Budgets, Spaces};

    #[test]
    fn a_space_listens_only_where_a_rule_is_armed() {
        let (spaces, _) = Spaces::new(Profile::builtin(), Seed(1), Budgets::default());
        let space = spaces.default_space();
        let heard = || {
            let points = Point::ALL.into_iter();
            points.filter(|point| space.listens_at(*point)).collect::<Vec<_>>()
        };
        assert_eq!(heard(), []);
        let text = b"- { id: a, when: { operation: [refund, pay] }, then: [{ latency: 1s }] }";
        space.arm_rules(read_rules("t", text).expect("a rule"));
        assert_eq!(heard(), [Point::Call(Operation::Refund), Point::Pay]);
        let call = CallFacts::new("default", Point::Call(Operation::Status), Millis(0));
        assert_eq!(space.consult(&call), None);
        let call = CallFacts { point: Point::Pay, ..call };
        assert_eq!(space.consult(&call).map(|decision| decision.plan.delay_ms), Some(1000));
        space.reset();
        assert_eq!(heard(), []);
    }
}
