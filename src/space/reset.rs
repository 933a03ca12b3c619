//! What a reset and a restore replace, all in one turn, and how to read a space that may be replaced meanwhile.

use std::collections::BTreeMap;
use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};

use super::course::Armoury;
use super::{Space, State};
use crate::base::wall_clock;
use crate::profile::Merchant;
use crate::scenario::Met;

impl Space {
    /// Resets the space to its initial state: no orders, no journal, no rules, the first merchants, real time. Its
    /// snapshots stay. All of it changes in one turn: whoever enters meets all of the old or all of the new.
    pub fn reset(&self) {
        let mut state = self.lock();
        let next = State::new(&self.commons, &self.birth, state.generation + 1);
        let before =
            self.replace_state(&mut state, next, &self.birth.merchants, &Armoury::default());
        self.seed.store(self.birth.seed.0, Ordering::Relaxed);
        let mut journal = self.journal.lock().unwrap_or_else(PoisonError::into_inner);
        let reasons = journal.reasons();
        journal.clear();
        drop(journal);
        let met = Met { reasons, plans: before.met.clone() };
        *self.commons.past.lock().unwrap_or_else(PoisonError::into_inner) += &met;
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
        rules: &Armoury,
    ) -> State {
        let before = std::mem::replace(state, next);
        let now = state.clock.now(wall_clock());
        self.take_up(rules, now);
        merchants.clone_into(&mut self.merchants.write().unwrap_or_else(PoisonError::into_inner));
        self.feed().reset(now);
        before
    }

    /// Runs `read` again while a reset or a restore changed the space under it, so that what several looks bring
    /// together belongs together.
    pub fn undisturbed<R>(&self, mut read: impl FnMut() -> R) -> R {
        loop {
            let epoch = self.feed().epoch();
            let result = read();
            if self.is_epoch(epoch) {
                return result;
            }
        }
    }
}
