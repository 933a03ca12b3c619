//! Where orders live: by position, by the merchant's id, and by terminal and day for the order list.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::hash::BuildHasher;

use hashbrown::{DefaultHashBuilder, HashMap, HashTable};

use super::order::{Order, OrderId, OrderKind, PartyId};
use crate::base::{Day, Millis};

/// A merchant's terminal by its names.
#[derive(Clone, Debug)]
pub struct Party {
    /// The ledger's number of the merchant.
    merchant_number: u32,
    /// `merchantId`.
    pub merchant: Box<str>,
    /// `termId`.
    pub terminal: Box<str>,
}

/// The orders of one terminal on one day, oldest first.
#[derive(Clone, Debug, Default)]
struct DayList {
    all: VecDeque<OrderId>,
    purchases: VecDeque<OrderId>,
    pre_auths: VecDeque<OrderId>,
}

impl DayList {
    fn of(&self, kind: Option<OrderKind>) -> &VecDeque<OrderId> {
        match kind {
            None => &self.all,
            Some(OrderKind::Purchase) => &self.purchases,
            Some(OrderKind::PreAuth) => &self.pre_auths,
        }
    }

    fn both(&mut self, kind: OrderKind) -> [&mut VecDeque<OrderId>; 2] {
        match kind {
            OrderKind::Purchase => [&mut self.all, &mut self.purchases],
            OrderKind::PreAuth => [&mut self.all, &mut self.pre_auths],
        }
    }
}

/// All orders of a ledger with their indexes.
#[derive(Clone, Debug, Default)]
pub(super) struct Store {
    merchants: HashMap<Box<str>, u32>,
    parties: Vec<Party>,
    slots: VecDeque<Option<Box<Order>>>,
    /// The position of the first slot.
    first: u64,
    by_tx: HashTable<OrderId>,
    hasher: DefaultHashBuilder,
    by_day: BTreeMap<(PartyId, Day), DayList>,
    deadlines: BTreeSet<(Millis, OrderId)>,
    kept: usize,
    /// Orders that [`Store::drop_oldest`] passed by while they were open and that closed since.
    passed: VecDeque<OrderId>,
    /// Where [`Store::drop_oldest`] looks next.
    cursor: u64,
}

impl Store {
    /// The number of this merchant and terminal, if any order named them.
    pub(super) fn known_party(&self, merchant: &str, terminal: &str) -> Option<PartyId> {
        let known =
            self.parties.iter().position(|p| *p.merchant == *merchant && *p.terminal == *terminal);
        known.map(|index| PartyId(index as u32))
    }

    /// The number of this merchant and terminal, given on first sight.
    pub(super) fn party(&mut self, merchant: &str, terminal: &str) -> PartyId {
        self.known_party(merchant, terminal).unwrap_or_else(|| {
            let next = self.merchants.len() as u32;
            let merchant_number = *self.merchants.entry_ref(merchant).or_insert(next);
            let (merchant, terminal) = (merchant.into(), terminal.into());
            self.parties.push(Party { merchant_number, merchant, terminal });
            PartyId(self.parties.len() as u32 - 1)
        })
    }

    pub(super) fn party_names(&self, party: PartyId) -> &Party {
        &self.parties[party.0 as usize]
    }

    pub(super) fn find(&self, merchant: &str, tx_id: &str) -> Option<&Order> {
        let merchant = *self.merchants.get(merchant)?;
        let hash = self.hasher.hash_one((merchant, tx_id));
        let id = self.by_tx.find(hash, |id| {
            self.get(*id).is_some_and(|order| {
                *order.tx_id == *tx_id && self.merchant_number(order) == merchant
            })
        })?;
        self.get(*id)
    }

    fn merchant_number(&self, order: &Order) -> u32 {
        self.parties[order.party.0 as usize].merchant_number
    }

    pub(super) fn next_id(&self) -> OrderId {
        OrderId(self.first + self.slots.len() as u64)
    }

    pub(super) fn get(&self, id: OrderId) -> Option<&Order> {
        let slot = usize::try_from(id.0.checked_sub(self.first)?).ok()?;
        self.slots.get(slot)?.as_deref()
    }

    pub(super) fn get_mut(&mut self, id: OrderId) -> Option<&mut Order> {
        let slot = usize::try_from(id.0.checked_sub(self.first)?).ok()?;
        self.slots.get_mut(slot)?.as_deref_mut()
    }

    /// Takes in an order whose id is [`Store::next_id`].
    pub(super) fn insert(&mut self, order: Order) {
        let id = order.id;
        let merchant = self.merchant_number(&order);
        let hash = self.hasher.hash_one((merchant, &*order.tx_id));
        let list = self.by_day.entry((order.party, order.created.day())).or_default();
        for index in list.both(order.kind) {
            index.push_back(id);
        }
        self.slots.push_back(Some(Box::new(order)));
        self.kept += 1;
        let Self { by_tx, slots, parties, hasher, first, .. } = self;
        by_tx.insert_unique(hash, id, |id| {
            let slot = slots.get((id.0 - *first) as usize).and_then(Option::as_deref);
            slot.map_or(0, |order| {
                let merchant = parties[order.party.0 as usize].merchant_number;
                hasher.hash_one((merchant, &*order.tx_id))
            })
        });
    }

    pub(super) fn set_deadline(&mut self, id: OrderId, old: Option<Millis>, new: Option<Millis>) {
        if let Some(old) = old {
            self.deadlines.remove(&(old, id));
        }
        if let Some(new) = new {
            self.deadlines.insert((new, id));
        }
    }

    /// The earliest deadline of an open order.
    pub(super) fn next_deadline(&self) -> Option<(Millis, OrderId)> {
        self.deadlines.first().copied()
    }

    /// Orders kept.
    pub(super) fn len(&self) -> usize {
        self.kept
    }

    /// All orders after `after`, oldest first.
    pub(super) fn after(&self, after: Option<OrderId>) -> impl Iterator<Item = &Order> {
        let from = after.map_or(0, |id| (id.0 + 1).saturating_sub(self.first));
        let from = usize::try_from(from).unwrap_or(usize::MAX).min(self.slots.len());
        self.slots.range(from..).filter_map(Option::as_deref)
    }

    /// One page of a terminal's orders between two days, ascending; whole days are skipped by
    /// their length, so a page costs the number of days and of its rows, never of the orders.
    pub(super) fn page(
        &self,
        party: PartyId,
        days: std::ops::RangeInclusive<Day>,
        kind: Option<OrderKind>,
        skip: usize,
        limit: usize,
    ) -> Vec<&Order> {
        if days.is_empty() {
            return Vec::new();
        }
        let mut skip = skip;
        let mut rows = Vec::new();
        for list in self.by_day.range((party, *days.start())..=(party, *days.end())) {
            let ids = list.1.of(kind);
            let passed = skip.min(ids.len());
            skip -= passed;
            rows.extend(
                ids.range(passed..).take(limit - rows.len()).filter_map(|id| self.get(*id)),
            );
            if rows.len() >= limit {
                break;
            }
        }
        rows
    }

    /// Notes that nothing can happen to an order by itself any more.
    pub(super) fn close(&mut self, id: OrderId) {
        if id.0 < self.cursor {
            self.passed.push_back(id);
        }
    }

    /// Drops the oldest order that nothing can happen to by itself; `false` when all are open.
    pub(super) fn drop_oldest(&mut self) -> bool {
        if let Some(id) = self.passed.pop_front() {
            self.remove(id);
            return true;
        }
        self.cursor = self.cursor.max(self.first);
        while self.cursor < self.next_id().0 {
            let id = OrderId(self.cursor);
            self.cursor += 1;
            if self.get(id).is_some_and(|order| !order.state.is_open()) {
                self.remove(id);
                return true;
            }
        }
        false
    }

    fn remove(&mut self, id: OrderId) {
        let Some(order) = self.get(id) else { return };
        let hash = self.hasher.hash_one((self.merchant_number(order), &*order.tx_id));
        let (key, kind) = ((order.party, order.created.day()), order.kind);
        if let Ok(entry) = self.by_tx.find_entry(hash, |known| *known == id) {
            entry.remove();
        }
        if let Some(list) = self.by_day.get_mut(&key) {
            for index in list.both(kind) {
                if let Ok(place) = index.binary_search(&id) {
                    index.remove(place);
                }
            }
            if list.all.is_empty() {
                self.by_day.remove(&key);
            }
        }
        self.slots[(id.0 - self.first) as usize] = None;
        self.kept -= 1;
        while self.slots.front().is_some_and(Option::is_none) {
            self.slots.pop_front();
            self.first += 1;
        }
    }
}
