//! Events of a space, one after the other, for followers.
//!
//! Only references are kept, a few bytes each: what a thing was stands in the journal, the ledger or the outbox. So to
//! be followed costs a space nothing but these, whoever reads and however slowly. What may change later is kept here as
//! it was: an event is the same, whenever it is read.

use std::collections::VecDeque;
use std::sync::Arc;

use super::outbox::{Delivery, DeliveryChange, DeliveryState};
use crate::base::{Millis, OrderState};
use crate::ledger::OrderId;

/// Number of events that are kept: enough for a reader that lags a second behind a busy space.
const KEPT_MAX: usize = 1 << 14;

/// Something that happened, by where it is to be found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// A request was noted, as the entry of this number ([`super::Journal::numbered`]).
    Request(u64),
    /// An order changed.
    Order {
        /// The order.
        order: OrderId,
        /// Entry of its history.
        entry: u32,
        /// The state that followed.
        state: OrderState,
    },
    /// A push-back came to be, was attempted or is to be sent again.
    Pushback {
        /// Its number.
        id: u64,
        /// Number of attempts had been made by then.
        attempts: u32,
        /// The change.
        change: DeliveryChange,
        /// State at that time.
        state: DeliveryState,
    },
    /// The rules were changed, at this time of the space.
    Rules(Millis),
    /// The clock was changed.
    Clock {
        /// Time that it shows since then.
        now: Millis,
        /// Thousandths of real speed at which it runs since then.
        scale_milli: u64,
    },
    /// Everything was let go of; the space's time since then.
    Reset(Millis),
}

impl Event {
    /// The latest change of a delivery.
    pub(super) fn of_delivery(delivery: &Delivery) -> Self {
        Self::Pushback {
            id: delivery.id,
            attempts: u32::try_from(delivery.attempts.len()).unwrap_or(u32::MAX),
            change: delivery.latest,
            state: delivery.state,
        }
    }
}

/// Some events, in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventPage {
    /// The number of the first of them. Those between it and what was asked for are gone.
    pub first: u64,
    /// The events.
    pub list: Vec<Event>,
    /// The rules that stepped in at some of it, by the numbers of those.
    pub rules: Vec<(u64, Arc<str>)>,
    /// True if there are more.
    pub more: bool,
    /// True if the space is gone, so that nothing more will ever happen.
    pub closed: bool,
    /// Generation of the space: what an event refers to is only there while it is the same.
    pub generation: u64,
}

/// The events of a space; numbers begin at 1 and only grow, also over a reset.
#[derive(Debug)]
pub(super) struct EventLog {
    first: u64,
    kept: VecDeque<Event>,
    /// The rules that stepped in, by the numbers of the kept events at which they did.
    rules: VecDeque<(u64, Arc<str>)>,
    closed: bool,
    generation: u64,
}

impl Default for EventLog {
    fn default() -> Self {
        let (kept, rules) = (VecDeque::new(), VecDeque::new());
        Self { first: 1, kept, rules, closed: false, generation: 0 }
    }
}

impl EventLog {
    pub(super) fn push(&mut self, event: Event) {
        if self.kept.len() == KEPT_MAX {
            self.kept.pop_front();
            self.first += 1;
            while self.rules.front().is_some_and(|(number, _)| *number < self.first) {
                self.rules.pop_front();
            }
        }
        self.kept.push_back(event);
    }

    /// Says which rule stepped in at the latest.
    pub(super) fn by_rule(&mut self, rule: &Arc<str>) {
        self.rules.push_back((self.last(), Arc::clone(rule)));
    }

    /// Events kept.
    pub(super) fn len(&self) -> usize {
        self.kept.len()
    }

    /// The number of the latest; 0 before the first.
    pub(super) fn last(&self) -> u64 {
        self.first + self.kept.len() as u64 - 1
    }

    pub(super) const fn generation(&self) -> u64 {
        self.generation
    }

    /// Forgets what refers to what is gone.
    pub(super) fn reset(&mut self, now: Millis, generation: u64) {
        self.first += self.kept.len() as u64;
        (self.kept, self.rules) = (VecDeque::new(), VecDeque::new());
        self.generation = generation;
        self.push(Event::Reset(now));
    }

    pub(super) fn close(&mut self) {
        self.closed = true;
    }

    /// Up to `max` events after the one of that number.
    pub(super) fn after(&self, number: u64, max: usize) -> EventPage {
        let skipped = (number + 1).saturating_sub(self.first);
        let skipped = usize::try_from(skipped).unwrap_or(usize::MAX).min(self.kept.len());
        let list: Vec<_> = self.kept.range(skipped..).take(max).copied().collect();
        let first = self.first + skipped as u64;
        let rules = self.rules.partition_point(|(number, _)| *number < first);
        let end = self.rules.partition_point(|(number, _)| *number < first + list.len() as u64);
        EventPage {
            first,
            more: skipped + list.len() < self.kept.len(),
            list,
            rules: self.rules.range(rules..end).cloned().collect(),
            closed: self.closed,
            generation: self.generation,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_make_room_and_numbers_go_on() {
        let mut events = EventLog::default();
        assert_eq!(events.last(), 0);
        for number in 1..=KEPT_MAX as u64 + 3 {
            events.push(Event::Request(number));
            assert_eq!(events.last(), number);
        }
        let found = events.after(0, 2);
        assert_eq!((found.first, found.more), (4, true));
        assert_eq!(found.list, [Event::Request(4), Event::Request(5)]);
        let last = events.last();
        let found = events.after(last - 1, 2);
        assert_eq!((found.first, found.more), (last, false));
        assert_eq!(found.list, [Event::Request(last)]);
        assert_eq!(events.after(last, 2).list, []);
    }

    #[test]
    fn a_reset_forgets_and_says_so() {
        let mut events = EventLog::default();
        events.push(Event::Rules(Millis(0)));
        events.by_rule(&"rule".into());
        events.reset(Millis(7), 1);
        let found = events.after(0, 9);
        assert_eq!((found.first, found.generation), (2, 1));
        assert_eq!((&*found.list, &*found.rules), (&[Event::Reset(Millis(7))][..], &[][..]));
    }

    #[test]
    fn rules_go_with_what_they_stepped_in_at() {
        let mut events = EventLog::default();
        let rule: Arc<str> = "rule".into();
        for number in 1..=KEPT_MAX as u64 + 3 {
            events.push(Event::Request(number));
            if number % 3 == 0 {
                events.by_rule(&rule);
            }
        }
        let by = |after, max| {
            events.after(after, max).rules.into_iter().map(|(number, _)| number).collect::<Vec<_>>()
        };
        assert_eq!(by(0, 6), [6, 9], "the third has made room");
        assert_eq!((by(6, 2), by(6, 3), by(5, 1)), (vec![], vec![9], vec![6]));
    }

    #[test]
    fn an_event_is_small() {
        assert!(size_of::<Event>() <= 32);
    }
}
