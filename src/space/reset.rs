//! The state that a reset and a restore replace, all in one turn, and how to read a space that may be replaced meanwhile.

use std::collections::BTreeMap;
use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};

use super::pending_reply::RuleStore;
use super::{Space, State};
use crate::base::wall_clock;
use crate::profile::Merchant;
use crate::scenario::Counts;

impl Space {
    /// Resets the space to its initial state: no orders, no journal, no rules, the first merchants, real time. Its
    /// snapshots stay. All of it changes in one turn: whoever enters meets all of the old or all of the new.
    pub fn reset(&self) {
        let mut state = self.lock();
        let next = State::new(&self.shared, &self.initial, state.generation + 1);
        let before =
            self.replace_state(&mut state, next, &self.initial.merchants, &RuleStore::default());
        self.seed.store(self.initial.seed.0, Ordering::Relaxed);
        let mut journal = self.journal.lock().unwrap_or_else(PoisonError::into_inner);
        let reasons = journal.reasons();
        journal.clear();
        drop(journal);
        let met = Counts { reasons, plans: before.met.clone() };
        *self.shared.past.lock().unwrap_or_else(PoisonError::into_inner) += &met;
        drop(state);
        // Freeing what only the old state held takes time, which nobody should wait for.
        drop(before);
        self.clock_moved.notify_waiters();
        self.changed.notify_waiters();
    }

    /// Replaces all that a reset or a restore replaces, while the caller holds the state's lock. Returns the old state.
    pub(super) fn replace_state(
        &self,
        state: &mut State,
        next: State,
        merchants: &BTreeMap<Box<str>, Arc<Merchant>>,
        rules: &RuleStore,
    ) -> State {
        let before = std::mem::replace(state, next);
        let now = state.clock.now(wall_clock());
        self.replace(rules, now);
        merchants.clone_into(&mut self.merchants.write().unwrap_or_else(PoisonError::into_inner));
        self.events().reset(now);
        before
    }

    /// Runs `read` again while a reset or a restore changed the space under it, so that what several looks bring
    /// together belongs together.
    pub fn undisturbed<R>(&self, mut read: impl FnMut() -> R) -> R {
        loop {
            let epoch = self.events().epoch();
            let result = read();
            if self.is_epoch(epoch) {
                return result;
            }
        }
    }
}
