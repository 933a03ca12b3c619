//! Store of orders: by position, by the merchant's id, and by terminal and day for the order list.

use std::collections::BTreeMap;
use std::hash::BuildHasher;
use std::ops::RangeInclusive;
use std::sync::Arc;

use hashbrown::{DefaultHashBuilder, HashMap, HashTable};

use super::order::{Order, OrderId, OrderKind, TerminalId};
use crate::base::persistent::{PersistentMap, PersistentSortedMap, PersistentVec};
use crate::base::{Day, Millis};

/// A merchant's terminal by its names.
#[derive(Clone, Debug)]
pub struct Terminal {
    /// The ledger's number of the merchant.
    merchant_number: u32,
    /// `merchantId`.
    pub merchant: Box<str>,
    /// `termId`.
    pub terminal: Box<str>,
}

/// Orders, oldest first. None of them leaves but the one at the front, and those that stayed when it was their turn.
#[derive(Clone, Debug, Default)]
struct OrderQueue {
    stayed: PersistentSortedMap<OrderId>,
    recent: PersistentVec<OrderId>,
}

impl OrderQueue {
    fn len(&self) -> usize {
        self.stayed.len() + self.recent.len()
    }

    /// Those behind so many others.
    fn behind(&self, others: usize) -> impl Iterator<Item = OrderId> {
        let recent = self.recent.range(others.saturating_sub(self.stayed.len()));
        self.stayed.behind(others).map(|(id, ())| id).chain(recent.copied())
    }
}

/// The orders of one terminal on one day.
#[derive(Clone, Debug, Default)]
struct DayList {
    all: OrderQueue,
    purchases: OrderQueue,
    pre_auths: OrderQueue,
}

impl DayList {
    fn of(&self, kind: Option<OrderKind>) -> &OrderQueue {
        match kind {
            None => &self.all,
            Some(OrderKind::Purchase) => &self.purchases,
            Some(OrderKind::PreAuth) => &self.pre_auths,
        }
    }

    fn both(&mut self, kind: OrderKind) -> [&mut OrderQueue; 2] {
        match kind {
            OrderKind::Purchase => [&mut self.all, &mut self.purchases],
            OrderKind::PreAuth => [&mut self.all, &mut self.pre_auths],
        }
    }
}

/// Every merchant and terminal that ever had an order: few, and seldom one more.
#[derive(Clone, Debug, Default)]
struct Parties {
    merchants: HashMap<Box<str>, u32>,
    all: Vec<Terminal>,
    by_names: HashTable<TerminalId>,
}

/// All orders of a ledger with their indexes. A clone costs nothing and shares all of it.
#[derive(Clone, Debug, Default)]
pub(super) struct Store {
    names: Arc<Parties>,
    /// The latest orders without a gap; the first has the id `first`.
    recent: PersistentVec<Arc<Order>>,
    first: u64,
    /// Older orders that were open when room was made, and so stayed.
    stayed: PersistentSortedMap<OrderId, Arc<Order>>,
    /// Those of them that closed since.
    stayed_closed: PersistentSortedMap<OrderId>,
    by_tx: PersistentMap<OrderId>,
    hasher: DefaultHashBuilder,
    by_day: Arc<BTreeMap<(TerminalId, Day), DayList>>,
    deadlines: PersistentSortedMap<(Millis, OrderId)>,
}

/// The orders of a ledger at one moment, to look through at leisure: whoever changes one meanwhile changes a copy.
#[derive(Clone, Debug)]
pub struct Orders {
    names: Arc<Parties>,
    recent: PersistentVec<Arc<Order>>,
    first: u64,
    stayed: PersistentSortedMap<OrderId, Arc<Order>>,
}

impl Orders {
    /// Number of orders.
    pub fn len(&self) -> usize {
        self.stayed.len() + self.recent.len()
    }

    /// Returns true if there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// All of them, oldest first.
    pub fn iter(&self) -> impl Iterator<Item = &Order> {
        let stayed = self.stayed.iter().map(|(_, order)| order);
        stayed.chain(self.recent.range(0)).map(|order| &**order)
    }

    /// All after one position, oldest first.
    pub fn after(&self, after: Option<OrderId>) -> impl Iterator<Item = &Order> {
        let from = after.map_or(0, |id| id.0.saturating_add(1));
        let place = usize::try_from(from.saturating_sub(self.first)).unwrap_or(usize::MAX);
        let stayed = self.stayed.range(OrderId(from)).map(|(_, order)| order);
        stayed.chain(self.recent.range(place)).map(|order| &**order)
    }

    /// Terminal of an order.
    pub fn terminal(&self, order: &Order) -> &Terminal {
        &self.names.all[order.terminal.0 as usize]
    }
}

impl Store {
    /// All orders as they are now.
    pub(super) fn orders(&self) -> Orders {
        let Self { names, recent, first, stayed, .. } = self;
        let (names, recent, stayed) = (Arc::clone(names), recent.clone(), stayed.clone());
        Orders { names, recent, first: *first, stayed }
    }

    /// The number of this merchant and terminal, given on first sight.
    pub(super) fn terminal(&mut self, merchant: &str, terminal: &str) -> TerminalId {
        if let Some(known) = self.known_terminal(merchant, terminal) {
            return known;
        }
        let Self { names, hasher, .. } = self;
        let Parties { merchants, all: terminals, by_names } = Arc::make_mut(names);
        let id = TerminalId(terminals.len() as u32);
        let next = merchants.len() as u32;
        let merchant_number = *merchants.entry_ref(merchant).or_insert(next);
        let hash = hasher.hash_one((merchant, terminal));
        let (merchant, terminal) = (merchant.into(), terminal.into());
        terminals.push(Terminal { merchant_number, merchant, terminal });
        by_names.insert_unique(hash, id, |id| {
            let terminal = &terminals[id.0 as usize];
            hasher.hash_one((&*terminal.merchant, &*terminal.terminal))
        });
        id
    }

    /// The number of this merchant and terminal, if an order of theirs ever came.
    fn known_terminal(&self, merchant: &str, terminal: &str) -> Option<TerminalId> {
        let is_named = |id: &TerminalId| {
            let found = self.terminal_names(*id);
            *found.merchant == *merchant && *found.terminal == *terminal
        };
        self.names.by_names.find(self.hasher.hash_one((merchant, terminal)), is_named).copied()
    }

    /// All merchants and terminals, by number.
    pub(super) fn terminals(&self) -> &[Terminal] {
        &self.names.all
    }

    /// The orders that an earlier clone did not have, or had otherwise.
    pub(super) fn changed_since<'a>(&'a self, older: &'a Self) -> impl Iterator<Item = &'a Order> {
        let (stayed, _) = self.stayed.changed_since(&older.stayed, Arc::ptr_eq);
        let recent =
            self.recent.changed_since(self.first, (&older.recent, older.first), Arc::ptr_eq);
        let stayed = stayed.into_iter().map(|(_, order)| &**order);
        stayed.chain(recent.into_iter().map(|(_, order)| &**order))
    }

    /// The orders of an earlier clone that are not here any more.
    pub(super) fn gone_since(&self, older: &Self) -> impl Iterator<Item = OrderId> {
        let (_, stayed) = self.stayed.changed_since(&older.stayed, Arc::ptr_eq);
        let recent = older.first..self.first.min(older.next_id().0);
        let candidates = stayed.into_iter().chain(recent.map(OrderId));
        candidates.filter(|id| self.get(*id).is_none())
    }

    /// Position of the first order after which there is no gap.
    pub(super) const fn first(&self) -> u64 {
        self.first
    }

    /// Takes an order of a file in, which comes after all those that are here; `false` when it cannot be there. Those
    /// that come before the place `first` have stayed.
    pub(super) fn take_back(&mut self, order: Order, first: u64) -> bool {
        let id = order.id;
        let (is_open, deadline) = (order.state.is_open(), order.deadline);
        if id.0 < first {
            let order = self.index(order, |line| {
                line.stayed.insert(id, ());
            });
            self.stayed.insert(id, order);
            if !is_open {
                self.stayed_closed.insert(id, ());
            }
        } else if id == OrderId(first + self.recent.len() as u64) {
            let order = self.index(order, |line| line.recent.push_back(id));
            self.recent.push_back(order);
        } else {
            return false;
        }
        if is_open {
            self.deadlines.insert((deadline, id), ());
        }
        true
    }

    /// Says where the orders that were taken back begin.
    pub(super) fn begin_at(&mut self, first: u64) {
        self.first = first;
    }

    pub(super) fn terminal_names(&self, terminal: TerminalId) -> &Terminal {
        &self.names.all[terminal.0 as usize]
    }

    pub(super) fn find(&self, merchant: &str, tx_id: &str) -> Option<&Order> {
        let merchant = *self.names.merchants.get(merchant)?;
        let is_named = |id: &OrderId| {
            self.get(*id).is_some_and(|order| {
                *order.tx_id == *tx_id && self.merchant_number(order) == merchant
            })
        };
        self.get(*self.by_tx.find(self.hasher.hash_one((merchant, tx_id)), is_named)?)
    }

    fn merchant_number(&self, order: &Order) -> u32 {
        self.terminal_names(order.terminal).merchant_number
    }

    fn tx_hash(&self, order: &Order) -> u64 {
        self.hasher.hash_one((self.merchant_number(order), &*order.tx_id))
    }

    pub(super) fn next_id(&self) -> OrderId {
        OrderId(self.first + self.recent.len() as u64)
    }

    #[inline]
    pub(super) fn get(&self, id: OrderId) -> Option<&Order> {
        match id.0.checked_sub(self.first) {
            Some(place) => self.recent.get(usize::try_from(place).ok()?).map(|order| &**order),
            None => self.stayed.get(id).map(|order| &**order),
        }
    }

    pub(super) fn get_mut(&mut self, id: OrderId) -> Option<&mut Order> {
        match id.0.checked_sub(self.first) {
            Some(place) => self.recent.get_mut(usize::try_from(place).ok()?).map(Arc::make_mut),
            None => self.stayed.get_mut(id).map(Arc::make_mut),
        }
    }

    /// Takes in an open order whose id is [`Store::next_id`].
    pub(super) fn insert(&mut self, order: Order) {
        let id = order.id;
        self.deadlines.insert((order.deadline, id), ());
        let order = self.index(order, |line| line.recent.push_back(id));
        self.recent.push_back(order);
    }

    /// Makes an order found by its names and its day, in whose lines `line_up` puts it.
    fn index(&mut self, order: Order, line_up: impl Fn(&mut OrderQueue)) -> Arc<Order> {
        let (id, hash) = (order.id, self.tx_hash(&order));
        let list = Arc::make_mut(&mut self.by_day)
            .entry((order.terminal, order.created.day()))
            .or_default();
        list.both(order.kind).into_iter().for_each(line_up);
        self.by_tx.insert(hash, id);
        Arc::new(order)
    }

    /// Keeps the indexes in step when an order's deadline has changed from `old` to `new`, each
    /// `None` while nothing can happen to the order by itself.
    pub(super) fn set_deadline(&mut self, id: OrderId, old: Option<Millis>, new: Option<Millis>) {
        if let Some(old) = old {
            self.deadlines.remove((old, id));
        }
        if let Some(new) = new {
            self.deadlines.insert((new, id), ());
        }
        if id.0 >= self.first {
            return;
        }
        if new.is_none() {
            self.stayed_closed.insert(id, ());
        } else {
            self.stayed_closed.remove(id);
        }
    }

    /// Open orders kept.
    pub(super) fn open(&self) -> usize {
        self.deadlines.len()
    }

    /// The earliest deadline of an open order.
    pub(super) fn next_deadline(&self) -> Option<(Millis, OrderId)> {
        self.deadlines.first()
    }

    /// Orders kept.
    pub(super) fn len(&self) -> usize {
        self.stayed.len() + self.recent.len()
    }

    /// All orders after `after`, oldest first.
    pub(super) fn after(&self, after: Option<OrderId>) -> impl Iterator<Item = &Order> {
        let from = after.map_or(0, |id| id.0.saturating_add(1));
        let place = usize::try_from(from.saturating_sub(self.first)).unwrap_or(usize::MAX);
        let stayed = self.stayed.range(OrderId(from)).map(|(_, order)| order);
        stayed.chain(self.recent.range(place)).map(|order| &**order)
    }

    /// One page of a terminal's orders between two days, ascending; whole days are skipped by
    /// their length, so a page costs the number of days and of its rows, never of the orders.
    pub(super) fn page(
        &self,
        merchant: &str,
        terminal: &str,
        days: RangeInclusive<Day>,
        kind: Option<OrderKind>,
        skip: usize,
        limit: usize,
    ) -> Vec<&Order> {
        let mut rows = Vec::new();
        let Some(terminal) = self.known_terminal(merchant, terminal).filter(|_| !days.is_empty())
        else {
            return rows;
        };
        let mut skip = skip;
        for (_, list) in self.by_day.range((terminal, *days.start())..=(terminal, *days.end())) {
            let line = list.of(kind);
            let passed = skip.min(line.len());
            skip -= passed;
            let wanted = line.behind(passed).take(limit - rows.len());
            rows.extend(wanted.filter_map(|id| self.get(id)));
            if rows.len() >= limit {
                break;
            }
        }
        rows
    }

    /// Drops the oldest order that nothing can happen to by itself; `false` when all are open.
    pub(super) fn drop_oldest(&mut self) -> bool {
        if let Some((id, ())) = self.stayed_closed.pop_first() {
            if let Some(order) = self.stayed.remove(id) {
                self.forget(&order, |line| {
                    line.stayed.remove(id);
                });
            }
            return true;
        }
        while let Some(order) = self.recent.pop_front() {
            self.first += 1;
            if !order.state.is_open() {
                self.forget(&order, |line| {
                    line.recent.pop_front();
                });
                return true;
            }
            let id = order.id;
            self.change_lines(&order, |line| {
                line.recent.pop_front();
                line.stayed.insert(id, ());
            });
            self.stayed.insert(id, order);
        }
        false
    }

    /// Takes a closed order out of the indexes; `leave` takes it out of a line.
    fn forget(&mut self, order: &Order, leave: impl Fn(&mut OrderQueue)) {
        let (id, hash) = (order.id, self.tx_hash(order));
        self.by_tx.remove(hash, |known| *known == id);
        self.change_lines(order, leave);
    }

    /// Changes the lines in which an order is.
    fn change_lines(&mut self, order: &Order, change: impl Fn(&mut OrderQueue)) {
        let key = (order.terminal, order.created.day());
        let by_day = Arc::make_mut(&mut self.by_day);
        if let Some(list) = by_day.get_mut(&key) {
            list.both(order.kind).into_iter().for_each(change);
            if list.all.len() == 0 {
                by_day.remove(&key);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::{Amount, Currency, PaymentMethod};
    use crate::ledger::{Change, Command, Details, Ledger, NewOrder, OrderBudget, Target};
    use crate::profile::Profile;

    #[test]
    fn the_indexes_hold_the_orders_that_are_kept_and_no_others() {
        let rules = Profile::builtin().rules.clone();
        let mut ledger = Ledger::new(rules, OrderBudget { kept: 3, open: 9 });
        let names: Vec<String> = (0..10).map(|number| number.to_string()).collect();
        for (day, tx_id) in (0_i64..).zip(&names) {
            let now = Day(20_000).start().plus(day * 24 * 60 * 60 * 1000);
            let new = NewOrder {
                merchant: "M1",
                terminal: "T1",
                tx_id,
                kind: OrderKind::Purchase,
                method: PaymentMethod::CreditDebit,
                currency: Currency::Usd,
                amount: Amount::from_minor(1),
                details: Details::default().kept(),
                context: None,
            };
            ledger.register(now, 1, new).expect("a new order");
            let named = Target::Named { merchant: "M1", tx_id };
            let event = ledger.decide(now, named, Command::Cancel).expect("cancelled");
            assert_eq!(event.change, Change::Cancelled);
            ledger.apply(event, 1).expect("kept");
        }
        let store = &ledger.store;
        assert_eq!((store.len(), store.by_tx.len(), store.by_day.len()), (3, 3, 3));
        assert_eq!(store.open(), 0);
    }
}
