//! What happens in a space, one thing after the other, for whoever follows it.
//!
//! Only references are kept, a few bytes each: what a thing was stands in the journal, the ledger or the outbox. So to
//! be followed costs a space nothing but these, whoever reads and however slowly.

use std::collections::VecDeque;
use std::sync::{MutexGuard, PoisonError};

use super::{Moment, Space};
use crate::base::OrderState;
use crate::ledger::{OrderId, Target};

/// How many happenings are kept: enough for a reader that lags a second behind a busy space.
const KEPT_MAX: usize = 1 << 14;

/// Something that happened, by where it is to be found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Happening {
    /// A request was noted, as the entry of this number ([`super::Journal::numbered`]).
    Request(u64),
    /// An order changed.
    Order {
        /// Which.
        order: OrderId,
        /// Which entry of its history it was.
        entry: u32,
        /// What it came to be.
        state: OrderState,
    },
    /// A push-back of this number came to be, was attempted or is to be sent again.
    Pushback(u64),
    /// The rules were changed.
    Rules,
    /// The clock was changed.
    Clock,
    /// Everything was let go of.
    Reset,
}

/// Some happenings, in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Happenings {
    /// The number of the first of them. Those between it and what was asked for are gone.
    pub first: u64,
    /// What happened.
    pub list: Vec<Happening>,
    /// Whether there are more.
    pub more: bool,
    /// Whether the space is gone, so that nothing more will ever happen.
    pub closed: bool,
    /// Raised by a reset: what a happening refers to is only there while this is the same.
    pub epoch: u64,
}

/// The happenings of a space; numbers begin at 1 and only grow, also over a reset.
#[derive(Debug)]
pub(super) struct Feed {
    first: u64,
    kept: VecDeque<Happening>,
    closed: bool,
    epoch: u64,
}

impl Default for Feed {
    fn default() -> Self {
        Self { first: 1, kept: VecDeque::new(), closed: false, epoch: 0 }
    }
}

impl Feed {
    pub(super) fn push(&mut self, happening: Happening) {
        if self.kept.len() == KEPT_MAX {
            self.kept.pop_front();
            self.first += 1;
        }
        self.kept.push_back(happening);
    }

    /// The number of the latest; 0 before the first.
    pub(super) fn last(&self) -> u64 {
        self.first + self.kept.len() as u64 - 1
    }

    pub(super) const fn epoch(&self) -> u64 {
        self.epoch
    }

    /// Forgets what refers to what is gone.
    pub(super) fn reset(&mut self) {
        self.first += self.kept.len() as u64;
        self.kept = VecDeque::new();
        self.epoch += 1;
        self.push(Happening::Reset);
    }

    pub(super) fn close(&mut self) {
        self.closed = true;
    }

    /// Up to `max` happenings after the one of that number.
    pub(super) fn after(&self, number: u64, max: usize) -> Happenings {
        let skipped = (number + 1).saturating_sub(self.first);
        let skipped = usize::try_from(skipped).unwrap_or(usize::MAX).min(self.kept.len());
        let list: Vec<_> = self.kept.range(skipped..).take(max).copied().collect();
        Happenings {
            first: self.first + skipped as u64,
            more: skipped + list.len() < self.kept.len(),
            list,
            closed: self.closed,
            epoch: self.epoch,
        }
    }
}

impl Space {
    pub(super) fn feed(&self) -> MutexGuard<'_, Feed> {
        self.feed.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes that something happened. Whoever follows is woken by the end of the section.
    pub(super) fn happened(&self, what: Happening) {
        self.feed().push(what);
    }

    /// The number of the latest thing that happened; 0 before the first.
    pub fn last_happening(&self) -> u64 {
        self.feed().last()
    }

    /// What happened after that number, the first `max` of it.
    pub fn happenings(&self, after: u64, max: usize) -> Happenings {
        self.feed().after(after, max)
    }

    /// Whether what was read in this epoch still refers to what is there.
    pub fn is_epoch(&self, epoch: u64) -> bool {
        self.feed().epoch() == epoch
    }
}

impl Moment<'_> {
    /// Notes that the latest entry of an order's history is new.
    pub(super) fn order_changed(&self, order: OrderId) {
        let Some(found) = self.ledger().find(Target::At(order)) else { return };
        let entry = (found.history.len() as u32).saturating_sub(1);
        self.space.happened(Happening::Order { order, entry, state: found.state });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_make_room_and_numbers_go_on() {
        let mut feed = Feed::default();
        assert_eq!(feed.last(), 0);
        for number in 1..=KEPT_MAX as u64 + 3 {
            feed.push(Happening::Pushback(number));
            assert_eq!(feed.last(), number);
        }
        let found = feed.after(0, 2);
        assert_eq!((found.first, found.more), (4, true));
        assert_eq!(found.list, [Happening::Pushback(4), Happening::Pushback(5)]);
        let last = feed.last();
        let found = feed.after(last - 1, 2);
        assert_eq!((found.first, found.more), (last, false));
        assert_eq!(found.list, [Happening::Pushback(last)]);
        assert_eq!(feed.after(last, 2).list, []);
    }

    #[test]
    fn a_reset_forgets_and_says_so() {
        let mut feed = Feed::default();
        feed.push(Happening::Rules);
        feed.reset();
        let found = feed.after(0, 9);
        assert_eq!((found.first, found.epoch), (2, 1));
        assert_eq!(found.list, [Happening::Reset]);
    }

    #[test]
    fn a_happening_is_small() {
        assert!(size_of::<Happening>() <= 16);
    }
}
