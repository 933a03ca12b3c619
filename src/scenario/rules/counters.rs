//! Counts of fitting calls: by order, so that parallel clients cannot disturb each other's scenario.

use std::collections::HashSet;

use serde::{Deserialize, Serialize};

use super::CallFacts;
use crate::base::persistent::{PersistentMap, PersistentVec};
use crate::base::{RecordChanges, RecordKind, read_record, sort_by};

/// The most pairs of rule and order that are remembered; past it the oldest are forgotten.
const PAIRS_MAX: usize = 1 << 17;

/// Counts of a space. They are kept by the rules' ids, so arming other rules loses none. A clone shares all of them.
#[derive(Clone, Debug, Default)]
pub struct Counters {
    by_order: PersistentMap<((u64, u64), u32)>,
    ages: PersistentVec<(u64, u64)>,
    by_rule: PersistentMap<(u64, Sum)>,
}

/// The counts of a rule over all orders.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Sum {
    all: u32,
    fired: u32,
    idle: u32,
}

/// Counts as data.
#[derive(Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CountersFile {
    /// Rule, order and how many calls fitted, the oldest first.
    pairs: Vec<(u64, u64, u32)>,
    /// Rule, how many calls fitted in all, and how many it decided.
    rules: Vec<(u64, u32, u32)>,
    /// Rule, and how many of the calls that it decided left an effect without anything to act on.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    idle: Vec<(u64, u32)>,
}

/// Number of times a rule's conditions held and it stepped in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Fitting calls for the order.
    pub order: u32,
    /// Fitting calls in all.
    pub all: u32,
    /// Calls that the rule decided.
    pub fired: u32,
    /// Of these, calls in which one of its effects had nothing to act on.
    pub idle: u32,
}

impl CountersFile {
    /// Takes a record in. Returns false if it is not of counts.
    ///
    /// # Errors
    /// A sentence on the part that cannot be read.
    pub fn add(&mut self, kind: RecordKind, value: &[u8]) -> Result<bool, String> {
        match kind {
            RecordKind::RuleCounts => {
                let Self { rules, idle, .. } = read_record(kind, value)?;
                (self.rules, self.idle) = (rules, idle);
            }
            RecordKind::PairCount => self.pairs.push(read_record(kind, value)?),
            _ => return Ok(false),
        }
        Ok(true)
    }
}

impl Counters {
    /// Counts a fitting call; the counts include it.
    pub(super) fn count(&mut self, rule: u64, order: u64) -> Tally {
        let pair = (rule, order);
        let order = match self.by_order.find_mut(pair_hash(pair), |(known, _)| *known == pair) {
            Some((_, own)) => {
                *own = own.saturating_add(1);
                *own
            }
            None => self.remember(pair, 1),
        };
        let Sum { all, fired, idle } = self.sum(rule, |sum| sum.all = sum.all.saturating_add(1));
        Tally { order, all, fired, idle }
    }

    /// Begins to count for a pair; the count.
    fn remember(&mut self, pair: (u64, u64), count: u32) -> u32 {
        self.by_order.insert(pair_hash(pair), (pair, count));
        self.ages.push_back(pair);
        if self.ages.len() > PAIRS_MAX
            && let Some(oldest) = self.ages.pop_front()
        {
            self.by_order.remove(pair_hash(oldest), |(known, _)| *known == oldest);
        }
        count
    }

    /// Changes the counts of a rule; how they then are.
    fn sum(&mut self, rule: u64, change: impl FnOnce(&mut Sum)) -> Sum {
        if let Some((_, sum)) = self.by_rule.find_mut(rule, |(known, _)| *known == rule) {
            change(sum);
            return *sum;
        }
        let mut sum = Sum::default();
        change(&mut sum);
        self.by_rule.insert(rule, (rule, sum));
        sum
    }

    /// Counts that a rule stepped in.
    pub(super) fn fired(&mut self, rule: u64) {
        self.sum(rule, |sum| sum.fired = sum.fired.saturating_add(1));
    }

    /// Counts that an effect of a rule that stepped in had nothing to act on.
    pub fn note_idle(&mut self, rule: &str) {
        self.idle(key_of(&[rule.as_bytes()]));
    }

    /// Counts that a rule that stepped in changed nothing.
    pub(super) fn idle(&mut self, rule: u64) {
        self.sum(rule, |sum| sum.idle = sum.idle.saturating_add(1));
    }

    /// Forgets the counts of a rule.
    pub fn forget(&mut self, rule: &str) {
        let key = key_of(&[rule.as_bytes()]);
        if self.by_rule.remove(key, |(known, _)| *known == key).is_none() {
            return;
        }
        let ages = std::mem::take(&mut self.ages);
        for pair in ages.range(0) {
            if pair.0 == key {
                self.by_order.remove(pair_hash(*pair), |(known, _)| known == pair);
            } else {
                self.ages.push_back(*pair);
            }
        }
    }

    /// The counts so far.
    pub(super) fn tally(&self, rule: u64, order: u64) -> Tally {
        let pair = (rule, order);
        let sum = self.by_rule.find(rule, |(known, _)| *known == rule).map(|(_, sum)| *sum);
        let Sum { all, fired, idle } = sum.unwrap_or_default();
        let own = self.by_order.find(pair_hash(pair), |(known, _)| *known == pair);
        Tally { order: own.map_or(0, |(_, own)| *own), all, fired, idle }
    }

    /// The most calls that fitted a rule for one order, as far as orders are remembered.
    pub(super) fn most(&self, rule: u64) -> u32 {
        let own = self.ages.range(0).filter(|pair| pair.0 == rule);
        own.map(|pair| self.tally(pair.0, pair.1).order).max().unwrap_or(0)
    }

    /// All of them as data, the oldest first.
    pub fn to_file(&self) -> CountersFile {
        let count = |pair: &(u64, u64)| (pair.0, pair.1, self.tally(pair.0, pair.1).order);
        CountersFile { pairs: self.ages.range(0).map(count).collect(), ..self.sums() }
    }

    /// The counts over all orders, as data.
    fn sums(&self) -> CountersFile {
        let mut rules: Vec<_> =
            self.by_rule.iter().map(|(rule, sum)| (*rule, sum.all, sum.fired)).collect();
        sort_by(&mut rules, Ord::cmp);
        let idle = self.by_rule.iter().filter(|(_, sum)| sum.idle > 0);
        let mut idle: Vec<_> = idle.map(|(rule, sum)| (*rule, sum.idle)).collect();
        sort_by(&mut idle, Ord::cmp);
        CountersFile { pairs: Vec::new(), rules, idle }
    }

    /// Writes down what has changed since an earlier clone, or since there were none. Ages of pairs are not written:
    /// counts that are read from records are as old as each other.
    pub fn changes_since(&self, older: &Self, changes: &mut RecordChanges) {
        let is_known = |one: &(u64, Sum), other: &(u64, Sum)| one.0 == other.0;
        let (changed, gone) =
            self.by_rule.changed_since(&older.by_rule, is_known, |one, other| one.1 == other.1);
        if !changed.is_empty() || !gone.is_empty() {
            changes.put(RecordKind::RuleCounts, &[], &self.sums());
        }
        let key = |pair: &(u64, u64)| [pair.0.to_be_bytes(), pair.1.to_be_bytes()].concat();
        let (changed, gone) = self.by_order.changed_since(
            &older.by_order,
            |one, other| one.0 == other.0,
            |one, other| one.1 == other.1,
        );
        for (pair, _) in gone {
            changes.remove(RecordKind::PairCount, &key(pair));
        }
        for (pair, count) in changed {
            changes.put(RecordKind::PairCount, &key(pair), &(pair.0, pair.1, *count));
        }
    }

    /// The counts of a file; `None` when there are too many of them, or one is there twice.
    pub fn from_file(file: CountersFile) -> Option<Self> {
        let CountersFile { pairs, rules, idle } = file;
        let mut read = Self::default();
        let known: HashSet<_> = pairs.iter().map(|(rule, order, _)| (rule, order)).collect();
        let counted: HashSet<_> = rules.iter().map(|(rule, ..)| rule).collect();
        if pairs.len() > PAIRS_MAX || known.len() < pairs.len() || counted.len() < rules.len() {
            return None;
        }
        for (rule, order, count) in pairs {
            read.remember((rule, order), count);
        }
        for (rule, all, fired) in rules {
            read.sum(rule, |sum| *sum = Sum { all, fired, idle: 0 });
        }
        for (rule, idle) in idle {
            read.sum(rule, |sum| sum.idle = idle);
        }
        Some(read)
    }

    /// Number of pairs of rule and order are remembered.
    pub fn pairs(&self) -> usize {
        self.by_order.len()
    }

    /// Forgets everything.
    pub fn clear(&mut self) {
        *self = Self::default();
    }
}

/// Both parts are hashes already.
const fn pair_hash((rule, order): (u64, u64)) -> u64 {
    rule.rotate_left(32) ^ order
}

/// The order that a call is about: its merchant and txId.
pub(super) fn order_key(call: &CallFacts<'_>) -> u64 {
    let (merchant, tx_id) = (call.merchant_id.unwrap_or_default(), call.tx_id.unwrap_or_default());
    key_of(&[merchant.as_bytes(), tx_id.as_bytes()])
}

/// A number for texts, the same in every build (FNV-1a, with each part's end marked).
pub(super) fn key_of(parts: &[&[u8]]) -> u64 {
    let mut key: u64 = 0xcbf2_9ce4_8422_2325;
    for part in parts {
        // 0xff stands in no UTF-8 text.
        for byte in part.iter().chain(&[0xff]) {
            key = (key ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }
    key
}
