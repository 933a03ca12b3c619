//! Snapshots: a space as it was at one moment, to go back to or to go on from elsewhere.
//!
//! Part of a snapshot is all that decides how the space goes on: its orders, saved cards, running numbers, push-backs,
//! clock, rules with their counts, merchants' settings and seed. Not part of it are the journal, which tells what
//! happened and goes on whatever is restored, and what is owed to replies that are under way.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::contents::{Contents, InitialState};
use super::journal::RequestId;
use crate::base::{Millis, Seed};

/// Snapshots of a space, at most.
pub(super) const SNAPSHOTS_MAX: usize = 32;
/// Longest name of a snapshot.
pub(super) const NAME_MAX: usize = 64;

/// Reason why there is no snapshot.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SnapshotError {
    /// The name is not a name.
    #[error(
        "{0:?} cannot name a snapshot: use 1 to {NAME_MAX} letters, digits, '.', '_' or '-', and not '.' or '..' alone"
    )]
    BadName(String),
    /// The name is in use.
    #[error(
        "the space has a snapshot named {0:?}; delete it first, choose another name, or say ifExists: keep or replace"
    )]
    NameTaken(String),
    /// The space has as many as it may.
    #[error("the space has {SNAPSHOTS_MAX} snapshots already; delete some")]
    TooMany,
    /// All snapshots together hold too much.
    #[error(
        "all snapshots together may hold {limit} orders, push-backs and saved cards, {frozen} are held and {wanted} more would be; delete some snapshots"
    )]
    TooLarge {
        /// Entries that are held.
        frozen: usize,
        /// Entries that this one would add.
        wanted: usize,
        /// Largest number of entries.
        limit: usize,
    },
}

/// A space at one moment.
#[derive(Debug)]
pub struct Snapshot {
    /// Its name.
    pub name: Box<str>,
    /// The space that it was taken of.
    pub space: Box<str>,
    /// Time at which it was taken, by the machine's clock.
    pub taken: Millis,
    pub(super) kept: KeptSnapshot,
    /// Held as long as it lives.
    #[allow(dead_code, reason = "dropping it gives it back")]
    share: BudgetShare,
}

/// Content of a snapshot.
#[derive(Clone, Debug)]
pub(super) struct KeptSnapshot {
    pub(super) contents: Contents,
    /// Time on the clock.
    pub(super) now: Millis,
    /// A name that no request had yet.
    pub(super) next_trace: RequestId,
}

impl KeptSnapshot {
    /// Share of the budget.
    fn entries(&self) -> usize {
        let Contents { ledger, outbox, .. } = &self.contents;
        ledger.len() + ledger.bindings().len() + outbox.len()
    }
}

/// A share of the budget, given back when it is dropped.
#[derive(Debug)]
struct BudgetShare {
    frozen: Arc<AtomicUsize>,
    entries: usize,
}

impl BudgetShare {
    fn take(
        frozen: &Arc<AtomicUsize>,
        entries: usize,
        limit: usize,
    ) -> Result<Self, SnapshotError> {
        let add = |frozen: usize| frozen.checked_add(entries).filter(|sum| *sum <= limit);
        frozen
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, add)
            .map_err(|frozen| SnapshotError::TooLarge { frozen, wanted: entries, limit })?;
        Ok(Self { frozen: Arc::clone(frozen), entries })
    }
}

impl Drop for BudgetShare {
    fn drop(&mut self) {
        self.frozen.fetch_sub(self.entries, Ordering::Relaxed);
    }
}

impl Snapshot {
    /// Takes a share of the budget, which is so large, for what was kept of a space.
    pub(super) fn new(
        name: &str,
        space: &str,
        kept: KeptSnapshot,
        taken: Millis,
        frozen: &Arc<AtomicUsize>,
        limit: usize,
    ) -> Result<Self, SnapshotError> {
        let share = BudgetShare::take(frozen, kept.entries(), limit)?;
        Ok(Self { name: name.into(), space: space.into(), taken, kept, share })
    }

    /// Time on its space's clock.
    pub fn now(&self) -> Millis {
        self.kept.now
    }

    /// Its seed.
    pub fn seed(&self) -> Seed {
        self.kept.contents.seed
    }

    /// Orders in it.
    pub fn orders(&self) -> usize {
        self.kept.contents.ledger.len()
    }

    /// Push-backs in it.
    pub fn pushbacks(&self) -> usize {
        self.kept.contents.outbox.len()
    }

    /// Contents of a space that goes on from it at `real` time.
    pub(super) fn resumed(&self, real: Millis) -> Contents {
        let KeptSnapshot { contents, now, .. } = &self.kept;
        let mut contents = contents.clone();
        contents.clock.set(real, *now);
        contents.outbox.call_back(*now);
        contents
    }

    /// Initial state of a space that goes on from it.
    pub(super) fn initial(&self) -> InitialState {
        let Contents { seed, random_domain, merchants, .. } = self.kept.contents.clone();
        InitialState { seed, random_domain, merchants, wanted: Vec::new() }
    }
}
