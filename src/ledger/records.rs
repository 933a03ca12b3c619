//! A ledger as records: what has changed since an earlier clone, and the ledger that records make together.

use serde::{Deserialize, Serialize};

use super::bindings::{Binding, BindingsFile, KnownCustomer};
use super::file::{LedgerFile, OrderFile, PartyFile};
use super::ledger::{Ledger, OrderBudget};
use super::order::OrderId;
use crate::base::{RecordChanges, RecordKind, read_record};

/// Running numbers of a ledger.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct LedgerHead {
    first: u64,
    day_numbers: Vec<(i32, u32)>,
    stan: u32,
    dropped: u64,
    promises: u64,
}

impl Ledger {
    /// Keeps to this budget from now on; orders that are more go as others come.
    pub fn keep_up_to(&mut self, budget: OrderBudget) {
        self.budget = budget;
    }

    /// Its running numbers.
    pub fn head(&self) -> LedgerHead {
        LedgerHead {
            first: self.store.first(),
            day_numbers: self.day_numbers.iter().map(|(day, number)| (day.0, *number)).collect(),
            stan: self.stan,
            dropped: self.dropped,
            promises: self.promises,
        }
    }

    /// Writes down what has changed since `older`, which is an earlier clone or an empty ledger. What both share is not
    /// looked into.
    pub fn changes_since(&self, older: &Self, changes: &mut RecordChanges) {
        if self.store.terminals().len() != older.store.terminals().len() {
            changes.put(RecordKind::Terminals, &[], &PartyFile::all(self.store.terminals()));
        }
        for gone in self.store.gone_since(&older.store) {
            changes.remove(RecordKind::Order, &gone.0.to_be_bytes());
        }
        for order in self.store.changed_since(&older.store) {
            changes.put(RecordKind::Order, &order.id.0.to_be_bytes(), &OrderFile::new(order));
        }
        let (changed, gone) = self.promised.changed_since(&older.promised, OrderId::eq);
        for gone in gone {
            changes.remove(RecordKind::Promise, &gone.0.to_be_bytes());
        }
        for (promised, own) in changed {
            changes.put(RecordKind::Promise, &promised.0.to_be_bytes(), &(promised.0, own.0));
        }
        self.bindings.changes_since(&older.bindings, changes);
    }
}

impl LedgerFile {
    /// Number of its orders.
    pub fn len(&self) -> usize {
        self.orders.len()
    }

    /// Returns true if it has none.
    pub fn is_empty(&self) -> bool {
        self.orders.is_empty()
    }
}

/// The records of a ledger, as they are read.
#[derive(Default)]
pub struct LedgerRecords {
    terminals: Vec<PartyFile>,
    orders: Vec<OrderFile>,
    bindings: Vec<Binding>,
    customers: Vec<KnownCustomer>,
    promised: Vec<(u64, u64)>,
}

impl LedgerRecords {
    /// Takes a record in; those of one kind come in the order of their keys. Returns false if it is not a ledger's.
    ///
    /// # Errors
    /// A sentence on the part that cannot be read.
    pub fn add(&mut self, kind: RecordKind, value: &[u8]) -> Result<bool, String> {
        match kind {
            RecordKind::Terminals => self.terminals = read_record(kind, value)?,
            RecordKind::Order => self.orders.push(read_record(kind, value)?),
            RecordKind::Binding => self.bindings.push(read_record(kind, value)?),
            RecordKind::Customer => self.customers.push(read_record(kind, value)?),
            RecordKind::Promise => self.promised.push(read_record(kind, value)?),
            _ => return Ok(false),
        }
        Ok(true)
    }

    /// All of them as one.
    pub fn into_file(self, head: LedgerHead) -> LedgerFile {
        let Self { terminals, orders, bindings, customers, promised } = self;
        let LedgerHead { first, day_numbers, stan, dropped, promises } = head;
        let saved = BindingsFile { bindings, customers };
        LedgerFile {
            terminals,
            first,
            orders,
            saved,
            day_numbers,
            stan,
            dropped,
            promised,
            promises,
        }
    }
}
