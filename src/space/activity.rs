//! Work under way in a space, for whoever moves its clock from one event to the next.
//!
//! A world in which nothing happens before the clock moves is told apart from one that is merely slow by facts: every
//! call that its caller waits for is known to wait for the clock here, and every push-back that is being sent is known
//! to whoever receives it. So the clock never moves because a while has passed.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::space::Space;
use super::state::{State, Waiter};
use crate::base::{Millis, wall_clock};

/// Work under way, at one moment. The clock stands still at the moment a call or an attempt begins until that waits
/// for it, so calls and attempts are told apart by when they came.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Activity {
    /// Time on the clock.
    pub now: Millis,
    /// True if something is about to happen without the clock's doing.
    pub is_busy: bool,
    /// Calls whose answer waits for the clock or never comes: how many of those that came when.
    pub calls: BTreeMap<Millis, usize>,
    /// Push-backs that the other side has or is about to have: how many of those whose attempt began when.
    pub attempts: BTreeMap<Millis, usize>,
    /// Time at which the next push-back or reply goes on.
    pub next_errand: Option<Millis>,
    /// The same, or when the next order runs out of time.
    pub next: Option<Millis>,
}

/// A call whose caller waits for an answer that nothing but the clock, or nothing at all, brings nearer.
#[derive(Debug)]
pub struct UnansweredCall {
    space: Arc<Space>,
    generation: u64,
    came: Millis,
}

impl UnansweredCall {
    pub(super) fn new(space: Arc<Space>, generation: u64, came: Millis) -> Self {
        let unanswered = Self { space, generation, came };
        unanswered.count(|silent| *silent += 1);
        unanswered
    }

    fn count(&self, change: impl FnOnce(&mut usize)) {
        self.space.write(|transaction| {
            if transaction.state.generation == self.generation {
                change(transaction.state.silent.entry(self.came).or_default());
            }
        });
    }
}

impl Drop for UnansweredCall {
    fn drop(&mut self) {
        self.count(|silent| *silent = silent.saturating_sub(1));
    }
}

impl Space {
    /// Hands the clock over to a caller that moves it with [`Space::pass_to`]: it stands still at `start`, and attempts
    /// of push-backs are limited by it and not by real time.
    pub fn hand_over_clock(&self, start: Millis) {
        self.write(|transaction| {
            let clock = transaction.clock();
            clock.freeze(wall_clock(), true);
            clock.set(wall_clock(), start);
            transaction.state.contents.born = start;
            transaction.state.contents.rules.rearm(|_| start);
            transaction.state.is_driven = true;
        });
    }

    /// Returns true if somebody moves its clock from event to event.
    pub fn is_driven(&self) -> bool {
        self.lock().is_driven
    }

    /// Brings the clock to `to`, in one step.
    pub fn pass_to(&self, to: Millis) {
        self.write(|transaction| transaction.clock().set(wall_clock(), to));
    }

    /// Says, as long as it is kept, that somebody who calls now waits in vain.
    pub fn unanswered(&self) -> Option<UnansweredCall> {
        let (generation, now) = self.locked(|it| ((it.state.generation, it.now), false));
        Some(UnansweredCall::new(self.me.upgrade()?, generation, now))
    }

    /// Work under way.
    pub fn activity(&self) -> Activity {
        self.locked(|transaction| (transaction.state.activity(transaction.now), false))
    }
}

impl State {
    fn activity(&self, now: Millis) -> Activity {
        let mut calls = self.silent.clone();
        let mut paused = Vec::new();
        for (_, waiter) in &self.waiting {
            match waiter {
                Waiter::Reply { came, .. } => *calls.entry(*came).or_default() += 1,
                Waiter::Sender(id) => paused.push(*id),
            }
        }
        let mut attempts = BTreeMap::new();
        for (_, attempt) in self.attempts.iter().filter(|(id, _)| !paused.contains(id)) {
            *attempts.entry(attempt.began).or_default() += 1;
        }
        let limit = self.attempts.next_limit();
        let errands = [self.contents.outbox.next_due(), self.next_waiting(), limit];
        let next_errand = errands.into_iter().flatten().min();
        let next = [next_errand, self.contents.ledger.next_deadline()].into_iter().flatten().min();
        let is_busy = next_errand.is_some_and(|due| due <= now);
        Activity { now, is_busy, calls, attempts, next_errand, next }
    }
}
