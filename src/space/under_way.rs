//! What is under way in a space, told to whoever moves its clock from one event to the next.
//!
//! A world in which nothing happens before the clock moves is told apart from one that is merely slow by facts: every
//! call that its caller waits for is known to wait for the clock here, and every push-back that is being sent is known
//! to whoever receives it. So the clock never moves because a while has passed.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::hold::{Wait, Waiter};
use super::{Errand, Space, State};
use crate::base::{Millis, wall_clock};

/// What is under way, at one moment. The clock stands still at the moment a call or an attempt begins until that waits
/// for it, so calls and attempts are told apart by when they came.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UnderWay {
    /// What the clock shows.
    pub now: Millis,
    /// Whether something is about to happen without the clock's doing.
    pub is_busy: bool,
    /// Calls whose answer waits for the clock or never comes: how many of those that came when.
    pub calls: BTreeMap<Millis, usize>,
    /// Push-backs that the other side has or is about to have: how many of those whose attempt began when.
    pub attempts: BTreeMap<Millis, usize>,
    /// When the next push-back or reply goes on.
    pub next_errand: Option<Millis>,
    /// The same, or when the next order runs out of time.
    pub next: Option<Millis>,
}

/// An attempt that is under way.
#[derive(Clone, Copy, Debug)]
pub(super) struct UnderWayAttempt {
    pub(super) began: Millis,
    /// When it has failed for want of an answer.
    pub(super) limit: Millis,
}

impl UnderWayAttempt {
    pub(super) fn of(job: &super::Job) -> Self {
        // A slow sender has its own time on top of the other side's.
        let rate = job.bytes_per_second.map(|rate| u64::from(rate.max(1)));
        let sending = rate.map_or(0, |rate| job.body.len() as u64 * 1000 / rate) as i64;
        Self { began: job.at, limit: job.at.plus(job.policy.timeout_ms.saturating_add(sending)) }
    }
}

/// A call whose caller waits for an answer that nothing but the clock, or nothing at all, brings nearer.
#[derive(Debug)]
pub struct Silence {
    space: Arc<Space>,
    generation: u64,
    came: Millis,
}

impl Silence {
    pub(super) fn new(space: Arc<Space>, generation: u64, came: Millis) -> Self {
        let silence = Self { space, generation, came };
        silence.count(|silent| *silent += 1);
        silence
    }

    fn count(&self, change: impl FnOnce(&mut usize)) {
        self.space.enter(|moment| {
            if moment.state.generation == self.generation {
                change(moment.state.silent.entry(self.came).or_default());
            }
        });
    }
}

impl Drop for Silence {
    fn drop(&mut self) {
        self.count(|silent| *silent = silent.saturating_sub(1));
    }
}

impl Space {
    /// Hands the clock over to a caller that moves it with [`Space::pass_to`]: it stands still at `start`, and attempts
    /// of push-backs are limited by it and not by real time.
    pub fn hand_over_clock(&self, start: Millis) {
        self.driven.store(true, Ordering::Relaxed);
        self.enter(|moment| {
            let clock = moment.clock();
            clock.freeze(wall_clock(), true);
            clock.set(wall_clock(), start);
            moment.state.born = start;
        });
    }

    /// Whether somebody moves its clock from event to event.
    pub fn is_driven(&self) -> bool {
        self.driven.load(Ordering::Relaxed)
    }

    /// Brings the clock to `to`, in one step.
    pub fn pass_to(&self, to: Millis) {
        self.enter(|moment| moment.clock().set(wall_clock(), to));
    }

    /// Says, as long as it is kept, that somebody who calls now waits in vain.
    pub fn silence(&self) -> Option<Silence> {
        let (generation, now) = self.section(|it| ((it.state.generation, it.now), false));
        Some(Silence::new(self.me.upgrade()?, generation, now))
    }

    /// What is under way.
    pub fn under_way(&self) -> UnderWay {
        self.section(|moment| (moment.state.under_way(moment.now), false))
    }

    /// Over when an attempt has taken as long as it may on the space's clock.
    pub async fn overdue(&self, errand: &Errand) {
        let limit = UnderWayAttempt::of(&errand.job).limit;
        self.until(errand.generation, |moment| {
            if moment.now >= limit { Wait::Over } else { Wait::ForChange }
        })
        .await;
    }
}

impl State {
    fn under_way(&self, now: Millis) -> UnderWay {
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
        let limits = self.attempts.values().map(|attempt| attempt.limit);
        let errands = [self.outbox.next_due(), self.next_waiting(), limits.min()];
        let next_errand = errands.into_iter().flatten().min();
        let next = [next_errand, self.ledger.next_deadline()].into_iter().flatten().min();
        let is_busy = next_errand.is_some_and(|due| due <= now);
        UnderWay { now, is_busy, calls, attempts, next_errand, next }
    }
}
