//! Work under way in a space, for whoever moves its clock from one event to the next.
//!
//! A world in which nothing happens before the clock moves is told apart from one that is merely slow by facts: every
//! call that its caller waits for is known to wait for the clock here, and every push-back that is being sent is known
//! to whoever receives it. So the clock never moves because a while has passed.

use std::collections::BTreeMap;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::time::Instant;

use super::clock_timer::Waiter;
use super::{Dispatch, Space, State};
use crate::base::{Millis, wall_clock};

/// The longest time in milliseconds after which a clock is looked at again: a day.
const FAR_MS: u64 = 86_400_000;

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
        self.driven.store(true, Ordering::Relaxed);
        self.write(|transaction| {
            let clock = transaction.clock();
            clock.freeze(wall_clock(), true);
            clock.set(wall_clock(), start);
            transaction.state.born = start;
            transaction.space.rearm(|_| start);
        });
    }

    /// Returns true if somebody moves its clock from event to event.
    pub fn is_driven(&self) -> bool {
        self.driven.load(Ordering::Relaxed)
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

    /// Notes that an attempt waits for its turn behind others.
    pub fn attempt_queues(&self, dispatch: &Dispatch) {
        self.write(|transaction| {
            if transaction.state.generation == dispatch.generation {
                transaction.state.attempts.queue(dispatch.delivery_job.id);
            }
        });
    }

    /// Notes that an attempt has its turn after it had to wait; when that is.
    pub fn attempt_begins(&self, dispatch: &Dispatch) -> Millis {
        self.write(|transaction| {
            if transaction.state.generation == dispatch.generation {
                transaction.state.attempts.send(&dispatch.delivery_job, transaction.now);
            }
            transaction.now
        })
    }

    /// Over when an attempt has taken as long as it may on the space's clock, or the space is reset. Where nobody moves
    /// the clock from event to event, the other side has a grace of real time as well.
    pub async fn overdue(&self, dispatch: &Dispatch) {
        loop {
            // Listening begins before looking, so that nothing is missed between the two.
            let mut moved = pin!(self.clock_moved.notified());
            moved.as_mut().enable();
            let until = self.locked(|transaction| {
                if transaction.state.generation != dispatch.generation {
                    return (Some(Instant::now()), false);
                }
                let Some(attempt) = transaction.state.attempts.get(dispatch.delivery_job.id) else {
                    return (None, false);
                };
                let real = wall_clock();
                let shown = transaction.state.clock.real_at(real, attempt.limit).map(|at| {
                    let left = (at.0 - real.0).max(0).unsigned_abs();
                    Instant::now() + Duration::from_millis(left.min(FAR_MS))
                });
                let patient = attempt.patient_until().filter(|_| !self.is_driven());
                (shown.map(|shown| patient.map_or(shown, |patient| shown.max(patient))), false)
            });
            match until {
                Some(until) if until <= Instant::now() => return,
                Some(until) => tokio::select! {
                    () = moved => {}
                    () = tokio::time::sleep_until(until) => {}
                },
                None => moved.await,
            }
        }
    }
}

impl State {
    fn activity(&self, now: Millis) -> Activity {
        let mut calls = self.silent.clone();
        let mut paused = Vec::new();
        for (_, waiter) in &self.waiting {
            match waiter {
                Waiter::Reply { came: Some(came), .. } => *calls.entry(*came).or_default() += 1,
                Waiter::Reply { .. } => {}
                Waiter::Sender(id) => paused.push(*id),
            }
        }
        let mut attempts = BTreeMap::new();
        for (_, attempt) in self.attempts.iter().filter(|(id, _)| !paused.contains(id)) {
            *attempts.entry(attempt.began).or_default() += 1;
        }
        let limit = self.attempts.next_limit();
        let errands = [self.outbox.next_due(), self.next_waiting(), limit];
        let next_errand = errands.into_iter().flatten().min();
        let next = [next_errand, self.ledger.next_deadline()].into_iter().flatten().min();
        let is_busy = next_errand.is_some_and(|due| due <= now);
        Activity { now, is_busy, calls, attempts, next_errand, next }
    }
}
