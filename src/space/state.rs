//! State of a space: everything that its one lock guards.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::attempts::Attempts;
use super::clock::Clock;
use super::contents::Contents;
use super::gate::NewPlace;
use super::journal::RequestId;
use super::snapshot::Snapshot;
use crate::base::Millis;
use crate::scenario::PlansMet;

/// A waiter for the clock on the way to a socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Waiter {
    /// The reply to a request.
    Reply {
        /// Its name.
        trace: RequestId,
        /// Time at which the call came.
        came: Millis,
    },
    /// The sender of this delivery, which is under way meanwhile.
    Sender(u64),
}

/// State that the lock guards.
#[derive(Debug)]
pub(super) struct State {
    /// Parts that a reset or a restore replaces.
    pub(super) contents: Contents,
    /// Raised by a reset or restore, so that what belongs to before it finds nothing to act on.
    pub(super) generation: u64,
    pub(super) met: PlansMet,
    /// Waiters for the clock on the way to a socket, by when they go on.
    pub(super) waiting: BTreeSet<(Millis, Waiter)>,
    /// Number of calls that are never answered and whose callers are still there, by the time at which they came.
    pub(super) silent: BTreeMap<Millis, usize>,
    /// Push-backs that are being sent, by their numbers.
    pub(super) attempts: Attempts,
    /// The name of the next request.
    pub(super) next_request: RequestId,
    /// True while the space is noted as one to be written, where spaces are kept outside the process.
    pub(super) is_noted: bool,
    /// True while somebody has the turn to make time pass.
    pub(super) turn_is_taken: bool,
    /// Place of a space that was handed over, once that is noted; the gate says whether anybody is told.
    pub(super) new_place: Option<NewPlace>,
    /// The real time at which the scheduler looks in next.
    pub(super) next_wakeup: Millis,
    /// Speed that the clock takes on with the next call of a merchant, in thousandths of real speed.
    pub(super) runs_with_call: Option<u64>,
    /// Speed that the clock takes on again once it has been moved, in thousandths of real speed. `None` unless it is being
    /// moved, for which it stands still.
    pub(super) resumes_at: Option<u64>,
    /// True if somebody moves the clock from event to event.
    pub(super) is_driven: bool,
    pub(super) snapshots: BTreeMap<Box<str>, Arc<Snapshot>>,
    /// Ids of the merchants that belong to the space though it was not made with them. A reset leaves them.
    pub(super) owned: Arc<BTreeSet<Box<str>>>,
}

impl State {
    pub(super) fn new(contents: Contents, next_request: RequestId) -> Self {
        Self {
            contents,
            generation: 0,
            met: PlansMet::default(),
            waiting: BTreeSet::new(),
            silent: BTreeMap::new(),
            attempts: Attempts::default(),
            next_request,
            is_noted: false,
            turn_is_taken: false,
            new_place: None,
            next_wakeup: Millis(i64::MAX),
            runs_with_call: None,
            resumes_at: None,
            is_driven: false,
            snapshots: BTreeMap::new(),
            owned: Arc::default(),
        }
    }

    /// Goes on from other contents in a new generation: nobody waits, nothing is under way. Returns the old contents;
    /// freeing what only they hold takes time, which nobody should wait for.
    #[must_use = "is dropped outside the lock"]
    pub(super) fn replace(&mut self, contents: Contents) -> Contents {
        self.generation += 1;
        self.waiting.clear();
        self.silent.clear();
        self.attempts = Attempts::default();
        std::mem::replace(&mut self.contents, contents)
    }

    /// The clock as it runs on when nobody moves it any more.
    pub(super) fn resumed_clock(&self) -> Clock {
        let clock = self.contents.clock;
        self.resumes_at.map_or(clock, |scale| clock.running_at(scale))
    }

    /// A name for the next request.
    pub(super) fn next_request(&mut self) -> RequestId {
        let name = self.next_request;
        self.next_request = RequestId(name.0 + 1);
        name
    }

    /// Time at which the next of those that wait for the clock goes on.
    pub(super) fn next_waiting(&self) -> Option<Millis> {
        self.waiting.first().map(|(due, _)| *due)
    }

    /// The slow senders that wait for the clock.
    pub(super) fn paused_senders(&self) -> BTreeSet<u64> {
        let sender = |(_, waiter): &(Millis, Waiter)| match waiter {
            Waiter::Sender(id) => Some(*id),
            Waiter::Reply { .. } => None,
        };
        self.waiting.iter().filter_map(sender).collect()
    }
}
