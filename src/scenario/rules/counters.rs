//! How often rules fitted: by order, so that parallel clients cannot disturb each other's story.

use std::collections::{HashMap, VecDeque};

use super::CallFacts;

/// The most pairs of rule and order that are remembered; past it the oldest are forgotten.
const PAIRS_MAX: usize = 1 << 17;

/// Counts of a space. They are kept by the rules' ids, so arming other rules loses none.
#[derive(Clone, Debug, Default)]
pub struct Counters {
    by_order: HashMap<(u64, u64), u32>,
    ages: VecDeque<(u64, u64)>,
    by_rule: HashMap<u64, (u32, u32)>,
}

/// How often a rule's conditions held and it stepped in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Fitting calls for the order.
    pub order: u32,
    /// Fitting calls in all.
    pub all: u32,
    /// Calls that the rule decided.
    pub fired: u32,
}

impl Counters {
    /// Counts a fitting call; the counts include it.
    pub(super) fn count(&mut self, rule: u64, order: u64) -> Tally {
        let own = self.by_order.entry((rule, order)).or_insert_with(|| {
            self.ages.push_back((rule, order));
            0
        });
        *own = own.saturating_add(1);
        let order = *own;
        if self.ages.len() > PAIRS_MAX
            && let Some(oldest) = self.ages.pop_front()
        {
            self.by_order.remove(&oldest);
        }
        let (all, fired) = self.by_rule.entry(rule).or_default();
        *all = all.saturating_add(1);
        Tally { order, all: *all, fired: *fired }
    }

    /// Counts that a rule stepped in.
    pub(super) fn fired(&mut self, rule: u64) {
        let (_, fired) = self.by_rule.entry(rule).or_default();
        *fired = fired.saturating_add(1);
    }

    /// The counts so far.
    pub(super) fn tally(&self, rule: u64, order: u64) -> Tally {
        let (all, fired) = self.by_rule.get(&rule).copied().unwrap_or_default();
        let order = self.by_order.get(&(rule, order)).copied().unwrap_or_default();
        Tally { order, all, fired }
    }

    /// How many pairs of rule and order are remembered.
    pub fn pairs(&self) -> usize {
        self.by_order.len()
    }

    /// Forgets everything.
    pub fn clear(&mut self) {
        *self = Self::default();
    }
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
