//! Snapshots: a space as it was at one moment, to go back to or to go on from elsewhere.
//!
//! Part of a snapshot is all that decides how the space goes on: its orders, saved cards, running numbers, push-backs,
//! clock, rules with their counts, merchants' settings and seed. Not part of it are the journal, which tells what
//! happened and goes on whatever is restored, and what is owed to replies that are under way.
//!
//! Ledger, outbox and counters share their parts between clones ([`crate::base::persistent`]), so saving, restoring and
//! forking take the same time however much there is.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, PoisonError};

use super::pending_reply::RuleStore;
use super::registry::is_plain;
use super::{IfExists, InitialState, Outbox, RequestId, Space, State};
use crate::base::{Millis, Seed, wall_clock};
use crate::ledger::Ledger;
use crate::profile::Merchant;
use crate::scenario::Counters;

/// Snapshots of a space, at most.
const SNAPSHOTS_MAX: usize = 32;
/// Largest share of all snapshots of the process, as a multiple of a space's orders, as if they shared nothing.
const ENTRIES_MAX: usize = 20;
/// Longest name of a snapshot.
const NAME_MAX: usize = 64;

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
    pub(super) seed: Seed,
    pub(super) random_domain: Arc<str>,
    /// Time on the clock.
    pub(super) now: Millis,
    pub(super) scale_milli: u64,
    pub(super) born: Millis,
    pub(super) ledger: Ledger,
    pub(super) outbox: Outbox,
    pub(super) counters: Counters,
    pub(super) rules: RuleStore,
    pub(super) merchants: BTreeMap<Box<str>, Arc<Merchant>>,
    /// A name that no request had yet.
    pub(super) next_trace: RequestId,
}

impl KeptSnapshot {
    /// Share of the budget.
    fn entries(&self) -> usize {
        self.ledger.len() + self.ledger.bindings().len() + self.outbox.len()
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
    /// Time on its space's clock.
    pub fn now(&self) -> Millis {
        self.kept.now
    }

    /// Its seed.
    pub fn seed(&self) -> Seed {
        self.kept.seed
    }

    /// Orders in it.
    pub fn orders(&self) -> usize {
        self.kept.ledger.len()
    }

    /// Push-backs in it.
    pub fn pushbacks(&self) -> usize {
        self.kept.outbox.len()
    }

    /// Initial state of a space that goes on from it.
    pub(super) fn initial(&self) -> InitialState {
        let KeptSnapshot { seed, random_domain, merchants, .. } = &self.kept;
        let (random_domain, merchants) = (Arc::clone(random_domain), merchants.clone());
        InitialState { seed: *seed, random_domain, merchants, wanted: Vec::new() }
    }
}

impl Space {
    /// Saves how the space is now. Waits for a clock that is being advanced to get there.
    pub async fn save(
        &self,
        name: &str,
        if_exists: IfExists,
    ) -> Result<Arc<Snapshot>, SnapshotError> {
        let _turn = self.clock_lock.lock().await;
        if if_exists == IfExists::Keep
            && let Some(known) = self.snapshot(name)
        {
            return Ok(known);
        }
        let kept = self.kept();
        self.keep(name, &self.name, kept, if_exists == IfExists::Replace)
    }

    /// The present content of the space.
    pub(super) fn kept(&self) -> KeptSnapshot {
        self.locked(|transaction| {
            let merchants = self.merchants.read().unwrap_or_else(PoisonError::into_inner).clone();
            let rules = self.rule_store.read().unwrap_or_else(PoisonError::into_inner).clone();
            let State { clock, ledger, outbox, counters, born, random_domain, .. } =
                &*transaction.state;
            let kept = KeptSnapshot {
                seed: self.seed(),
                random_domain: Arc::clone(random_domain),
                now: transaction.now,
                scale_milli: clock.scale_milli(),
                born: *born,
                ledger: ledger.clone(),
                outbox: outbox.clone(),
                counters: counters.clone(),
                rules,
                merchants,
                next_trace: RequestId(self.traces.load(Ordering::Relaxed)),
            };
            (kept, false)
        })
    }

    /// Puts a snapshot away, in place of one of that name where `anew` allows it.
    pub(super) fn keep(
        &self,
        name: &str,
        space: &str,
        kept: KeptSnapshot,
        anew: bool,
    ) -> Result<Arc<Snapshot>, SnapshotError> {
        if !is_plain(name, NAME_MAX) {
            return Err(SnapshotError::BadName(name.to_owned()));
        }
        let mut snapshots = self.snapshots.lock().unwrap_or_else(PoisonError::into_inner);
        let is_known = snapshots.contains_key(name);
        if is_known && !anew {
            return Err(SnapshotError::NameTaken(name.to_owned()));
        }
        if !is_known && snapshots.len() >= SNAPSHOTS_MAX {
            return Err(SnapshotError::TooMany);
        }
        let limit = self.shared.budgets.orders.saturating_mul(ENTRIES_MAX);
        let share = BudgetShare::take(&self.shared.snapshot_entries, kept.entries(), limit)?;
        let (name, space): (Box<str>, _) = (name.into(), space.into());
        let snapshot =
            Arc::new(Snapshot { name: name.clone(), space, taken: wall_clock(), kept, share });
        snapshots.insert(name, Arc::clone(&snapshot));
        Ok(snapshot)
    }

    /// The snapshot of that name.
    pub fn snapshot(&self, name: &str) -> Option<Arc<Snapshot>> {
        let snapshots = self.snapshots.lock().unwrap_or_else(PoisonError::into_inner);
        snapshots.get(name).map(Arc::clone)
    }

    /// All snapshots, by name.
    pub fn snapshots(&self) -> Vec<Arc<Snapshot>> {
        let snapshots = self.snapshots.lock().unwrap_or_else(PoisonError::into_inner);
        snapshots.values().map(Arc::clone).collect()
    }

    /// Removes a snapshot; `false` when there is none of that name.
    pub fn remove_snapshot(&self, name: &str) -> bool {
        let mut snapshots = self.snapshots.lock().unwrap_or_else(PoisonError::into_inner);
        let removed = snapshots.remove(name);
        // What it alone holds is let go outside the lock.
        drop(snapshots);
        removed.is_some()
    }

    /// Brings the space to where a snapshot is. Attempts and held replies from before find nothing to note themselves
    /// in; push-backs that were under way when it was taken are sent again. Journal, traces and
    /// what was met of failures go on.
    pub(super) fn restore(&self, snapshot: &Snapshot) {
        let KeptSnapshot { seed, random_domain, now, scale_milli, born, ledger, .. } =
            &snapshot.kept;
        let KeptSnapshot { outbox, counters, rules, merchants, next_trace, .. } = &snapshot.kept;
        if next_trace.space() == self.number {
            self.traces.fetch_max(next_trace.0, Ordering::Relaxed);
        }
        let mut outbox = outbox.clone();
        outbox.call_back(*now);
        let real = wall_clock();
        let mut state = self.lock();
        let mut next = State::new(&self.shared, &self.initial, state.generation + 1);
        next.clock.set(real, *now);
        next.clock.scale(real, *scale_milli);
        (next.ledger, next.outbox, next.counters) = (ledger.clone(), outbox, counters.clone());
        (next.born, next.random_domain) = (*born, Arc::clone(random_domain));
        // What was met stays met.
        next.met = state.met.clone();
        let before = self.replace_state(&mut state, next, merchants, rules);
        self.seed.store(seed.0, Ordering::Relaxed);
        self.arm(real, &state);
        drop(state);
        // Freeing what only the old state held takes time, which nobody should wait for.
        drop(before);
        self.clock_moved.notify_waiters();
        self.changed.notify_waiters();
    }
}
