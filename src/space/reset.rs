//! Resets and snapshots of a space: all of its contents replaced in one section.

use std::sync::Arc;

use super::contents::Contents;
use super::names::is_plain;
use super::registry::IfExists;
use super::snapshot::{KeptSnapshot, NAME_MAX, SNAPSHOTS_MAX, Snapshot, SnapshotError};
use super::space::Space;
use super::state::State;
use crate::base::{Millis, wall_clock};
use crate::scenario::Counts;

/// Largest share of all snapshots of the process, as a multiple of a space's orders, as if they shared nothing.
const ENTRIES_MAX: usize = 20;

impl Space {
    /// Resets the space to its initial state: no orders, no journal, no rules, the first merchants, real time. Its
    /// snapshots stay. Whoever enters meets all of the old or all of the new.
    pub fn reset(&self) {
        let contents = Contents::initial(&self.initial, &self.shared.profile, self.shared.budgets);
        let mut state = self.lock();
        let before = state.replace(contents);
        let plans = std::mem::take(&mut state.met);
        let mut log = self.log();
        let met = Counts { reasons: log.journal.reasons(), plans };
        log.reset(state.contents.born, state.generation);
        drop(log);
        *self.shared.past() += &met;
        drop(state);
        drop(before);
        self.wake_all();
    }

    /// Brings the space to where a snapshot is. Attempts and held replies from before find nothing to note themselves
    /// in; push-backs that were under way when it was taken are sent again. Journal, names of requests and
    /// what was met of failures go on.
    pub(super) fn restore(&self, snapshot: &Snapshot) {
        let real = wall_clock();
        let contents = snapshot.resumed(real);
        let mut state = self.lock();
        let before = self.put_back(contents, snapshot, &mut state);
        self.arm(real, &mut state);
        drop(state);
        drop(before);
        self.wake_all();
    }

    /// Goes on from a snapshot, before anybody meets the space.
    pub(super) fn begin_with(&self, snapshot: &Snapshot) {
        let contents = snapshot.resumed(wall_clock());
        drop(self.put_back(contents, snapshot, &mut self.lock_unnoted()));
    }

    /// Puts the contents of a snapshot in place of those of the space, which it returns.
    fn put_back(&self, contents: Contents, snapshot: &Snapshot, state: &mut State) -> Contents {
        let KeptSnapshot { now, next_trace, .. } = &snapshot.kept;
        if next_trace.space() == self.number {
            state.next_request = state.next_request.max(*next_trace);
        }
        let before = state.replace(contents);
        self.log().events.reset(*now, state.generation);
        before
    }

    /// Saves how the space is now. Waits for a clock that is being advanced to get there.
    pub async fn save(
        &self,
        name: &str,
        if_exists: IfExists,
    ) -> Result<Arc<Snapshot>, SnapshotError> {
        let _turn = self.turn().await;
        if if_exists == IfExists::Keep
            && let Some(known) = self.snapshot(name)
        {
            return Ok(known);
        }
        let kept = self.locked(|transaction| {
            let (now, state) = (transaction.now, &*transaction.state);
            let (contents, next_trace) = (state.contents.clone(), state.next_request);
            (KeptSnapshot { contents, now, next_trace }, false)
        });
        self.keep(name, &self.name, kept, wall_clock(), if_exists == IfExists::Replace)
    }

    /// Puts a snapshot away that was taken then, in place of one of that name where `anew` allows it.
    pub(super) fn keep(
        &self,
        name: &str,
        space: &str,
        kept: KeptSnapshot,
        taken: Millis,
        anew: bool,
    ) -> Result<Arc<Snapshot>, SnapshotError> {
        if !is_plain(name, NAME_MAX) {
            return Err(SnapshotError::BadName(name.to_owned()));
        }
        let mut state = self.lock();
        let is_known = state.snapshots.contains_key(name);
        if is_known && !anew {
            return Err(SnapshotError::NameTaken(name.to_owned()));
        }
        if !is_known && state.snapshots.len() >= SNAPSHOTS_MAX {
            return Err(SnapshotError::TooMany);
        }
        let limit = self.shared.budgets.orders.saturating_mul(ENTRIES_MAX);
        let entries = &self.shared.snapshot_entries;
        let snapshot = Snapshot::new(name, space, kept, taken, entries, limit)?;
        let snapshot = Arc::new(snapshot);
        let replaced = state.snapshots.insert(name.into(), Arc::clone(&snapshot));
        drop(state);
        // What it alone holds is let go outside the lock.
        drop(replaced);
        Ok(snapshot)
    }

    /// The snapshot of that name.
    pub fn snapshot(&self, name: &str) -> Option<Arc<Snapshot>> {
        self.lock().snapshots.get(name).map(Arc::clone)
    }

    /// All snapshots, by name.
    pub fn snapshots(&self) -> Vec<Arc<Snapshot>> {
        self.lock().snapshots.values().map(Arc::clone).collect()
    }

    /// Removes a snapshot; `false` when there is none of that name.
    pub fn remove_snapshot(&self, name: &str) -> bool {
        let removed = self.lock().snapshots.remove(name);
        // What it alone holds is let go outside the lock.
        removed.is_some()
    }

    /// Lets go of everything; nothing more is sent from it.
    pub(super) fn close(&self) {
        self.reset();
        let snapshots = std::mem::take(&mut self.lock().snapshots);
        drop(snapshots);
        self.log().events.close();
        self.changed.notify_waiters();
    }
}
