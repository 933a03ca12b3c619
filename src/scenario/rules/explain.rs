//! Explanation of rules that nearly fitted a call.

use super::condition::CallFacts;
use super::counters::order_key;
use super::{Counters, IndexedRule, RuleSet, Tally};
use crate::base::{SecretNames, sort_by_key};

/// Largest number of near misses in an explanation.
const TOLD_MAX: usize = 5;

/// A rule that did not step in, with what was in its way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NearMiss {
    /// The rule.
    pub rule: String,
    /// Failed conditions; one line each.
    pub failed: Vec<Miss>,
}

/// One thing that was in the way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Miss {
    /// The key under `when`, or `probability`, `order` for a rule before it.
    pub key: &'static str,
    /// The wanted and the found value.
    pub told: String,
}

impl RuleSet {
    /// The rules that came nearest to deciding a call, the nearest first. Made when asked for, from the facts of the
    /// call and the counters as they stand after it; changes nothing. `decided` is the rule that stepped in.
    pub fn explain(
        &self,
        call: &CallFacts<'_>,
        counters: &Counters,
        decided: Option<&str>,
        secrets: &SecretNames,
    ) -> Vec<NearMiss> {
        let order = order_key(call);
        let others = self.rules.iter().filter(|rule| Some(&*rule.id) != decided);
        let mut misses: Vec<NearMiss> = others
            .map(|rule| NearMiss {
                rule: rule.id.to_string(),
                failed: rule.misses(call, counters.tally(rule.key, order), decided, secrets),
            })
            .collect();
        sort_by_key(&mut misses, |miss| miss.failed.len());
        misses.truncate(TOLD_MAX);
        misses
    }
}

impl IndexedRule {
    fn misses(
        &self,
        call: &CallFacts<'_>,
        tally: Tally,
        decided: Option<&str>,
        secrets: &SecretNames,
    ) -> Vec<Miss> {
        let mut misses = Vec::new();
        if !self.points.contains(&call.point) {
            let wanted: Vec<&str> = self.points.iter().map(|point| point.name()).collect();
            let told = format!("operation: wants {}, is {}", wanted.join(" or "), call.point);
            misses.push(Miss { key: "operation", told });
        }
        let failed = |row| -> Vec<_> {
            let failed = self.conditions.iter().filter(|it| !it.holds(row, self.at));
            failed.map(|it| Miss { key: it.key(), told: it.mismatch(row, secrets) }).collect()
        };
        misses.extend(call.rows().map(failed).min_by_key(Vec::len).into_iter().flatten());
        if !misses.is_empty() {
            return misses;
        }
        let count = self.gate.count(tally);
        if let Some(told) = self.gate.closed(count) {
            let key = if self.gate.nth.is_some() { "nth" } else { "every" };
            misses.push(Miss { key, told });
        } else if let Some(decided) = decided {
            let told = format!("it would have stepped in, had not {decided:?} been asked first");
            misses.push(Miss { key: "order", told });
        } else if let Some(share) = self.gate.probability {
            let told = format!("probability: {share}, and the lot of this call fell otherwise");
            misses.push(Miss { key: "probability", told });
        } else {
            let told = format!("sequence: it has no turn for call {count}");
            misses.push(Miss { key: "sequence", told });
        }
        misses
    }
}
