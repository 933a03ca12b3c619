//! Finds the rules that may fit a call without looking at the others.

use std::collections::{BTreeSet, HashMap};

use super::condition::{CallFacts, Condition};
use super::counters::key_of;
use crate::scenario::codec::Decimal;

/// The kinds of exact condition under which rules are filed, the most telling first.
const TX_ID: u8 = 0;
const SUFFIX: u8 = 1;
const HEADER: u8 = 2;
const CARD: u8 = 3;
const AMOUNT: u8 = 4;
const MERCHANT: u8 = 5;
const TERMINAL: u8 = 6;
const KINDS: u8 = 7;

/// The rules of one point.
#[derive(Debug, Default)]
pub(super) struct PointIndex {
    /// Rules without an exact condition, in order.
    general: Vec<u32>,
    /// The others, by kind and value, in order.
    filed: HashMap<u64, Vec<u32>>,
    /// The kinds under which anything is filed.
    kinds: [bool; KINDS as usize],
    /// The lengths of suffixes under which anything is filed.
    suffix_lengths: Vec<usize>,
}

impl PointIndex {
    /// Files rules by their numbers, which rise.
    pub(super) fn new<'r>(rules: impl Iterator<Item = (u32, &'r [Condition])>) -> Self {
        let mut index = Self::default();
        let mut lengths = BTreeSet::new();
        for (at, conditions) in rules {
            let best = conditions.iter().filter_map(places).min_by_key(|(kind, _)| *kind);
            let Some((kind, values)) = best else {
                index.general.push(at);
                continue;
            };
            index.kinds[kind as usize] = true;
            for value in values {
                if kind == SUFFIX {
                    lengths.insert(value.len());
                }
                let place = index.filed.entry(key_of(&[&[kind], &value])).or_default();
                if place.last() != Some(&at) {
                    place.push(at);
                }
            }
        }
        index.suffix_lengths = lengths.into_iter().collect();
        index
    }

    /// Returns true if there is no rule here.
    pub(super) fn is_empty(&self) -> bool {
        self.general.is_empty() && self.filed.is_empty()
    }

    /// Shows every rule that may fit, in order, each once.
    pub(super) fn candidates(&self, call: &CallFacts<'_>, mut show: impl FnMut(u32)) {
        let mut found: Vec<u32> = Vec::new();
        let mut find = |kind: u8, value: Option<&[u8]>| {
            if let Some(value) = value.filter(|_| self.kinds[kind as usize])
                && let Some(place) = self.filed.get(&key_of(&[&[kind], value]))
            {
                found.extend_from_slice(place);
            }
        };
        for row in call.rows() {
            find(TX_ID, row.tx_id.map(str::as_bytes));
            find(HEADER, row.header.map(str::as_bytes));
            find(CARD, row.card.map(str::as_bytes));
            let amount = row.amount.map(|(amount, currency)| Decimal::of(amount, currency).0);
            find(AMOUNT, amount.map(i64::to_le_bytes).as_ref().map(<[u8; 8]>::as_slice));
            find(MERCHANT, row.merchant_id.map(str::as_bytes));
            find(TERMINAL, row.term_id.map(str::as_bytes));
            let tx_id = row.tx_id.unwrap_or_default().as_bytes();
            for length in &self.suffix_lengths {
                find(SUFFIX, tx_id.len().checked_sub(*length).map(|from| &tx_id[from..]));
            }
        }
        if found.is_empty() {
            self.general.iter().copied().for_each(show);
            return;
        }
        found.extend_from_slice(&self.general);
        found.sort_unstable();
        found.dedup();
        found.into_iter().for_each(&mut show);
    }
}

/// Places at which a rule with this condition can be filed: the kind, and the values of which the call must have one.
fn places(condition: &Condition) -> Option<(u8, Vec<Vec<u8>>)> {
    let texts = |many: &[String]| many.iter().map(|text| text.as_bytes().to_vec()).collect();
    Some(match condition {
        Condition::TxId(many) => (TX_ID, texts(many)),
        Condition::TxIdSuffix(many) => (SUFFIX, texts(many)),
        Condition::Header(many) => (HEADER, texts(many)),
        Condition::Card(test) => (CARD, texts(&test.number.as_ref()?.0)),
        Condition::Amount(test) => (AMOUNT, vec![test.eq?.0.to_le_bytes().to_vec()]),
        Condition::Merchant(many) => (MERCHANT, texts(many)),
        Condition::Terminal(many) => (TERMINAL, texts(many)),
        _ => return None,
    })
}
