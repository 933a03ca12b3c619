//! Log of a space: the journal of its requests, the events that followers read and the inbox, under one short lock.

use super::events::{Event, EventLog};
use super::inbox::Inbox;
use super::journal::{Journal, JournalBudget, JournalEntry};
use crate::base::Millis;

/// Journal, events and inbox.
#[derive(Debug)]
pub(super) struct Log {
    pub(super) journal: Journal,
    pub(super) events: EventLog,
    pub(super) inbox: Inbox,
    /// The generation that the last reset began: what was decided before it is noted no more.
    noted_from: u64,
}

impl Log {
    pub(super) fn new(budget: JournalBudget) -> Self {
        Self {
            journal: Journal::new(budget),
            events: EventLog::default(),
            inbox: Inbox::default(),
            noted_from: 0,
        }
    }

    /// Notes a request that was decided in a generation of the space. Returns how many entries made room.
    pub(super) fn note(
        &mut self,
        generation: u64,
        entry: JournalEntry,
        request: &[u8],
        reply: &[u8],
    ) -> u64 {
        if generation < self.noted_from {
            return 0;
        }
        let before = self.journal.dropped();
        if let Some(number) = self.journal.push(entry, request, reply) {
            self.events.push(Event::Request(number));
        }
        self.journal.dropped() - before
    }

    /// Forgets the journal, the inbox and all events of before `generation`.
    pub(super) fn reset(&mut self, now: Millis, generation: u64) {
        self.journal.clear();
        self.inbox = Inbox::default();
        self.noted_from = generation;
        self.events.reset(now, generation);
    }
}
