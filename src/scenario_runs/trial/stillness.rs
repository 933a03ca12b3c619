//! Silence of a shop, in real time: how long nothing has come from it, and nothing is under way to it.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::base::{Operation, Reason};
use crate::space::{JournalEntry, Space};

/// Watcher of one space.
#[derive(Debug)]
pub(in crate::scenario_runs) struct Stillness(Mutex<Watched>);

#[derive(Debug)]
struct Watched {
    last_stir: Instant,
    /// Number of requests that were looked at.
    seen: usize,
    /// Number of changes of orders and attempts of push-backs.
    progress: usize,
    /// The last answer to a question about an order.
    answers: HashMap<(Operation, String), Reason>,
}

impl Stillness {
    pub(in crate::scenario_runs) fn new() -> Self {
        let watched =
            Watched { last_stir: Instant::now(), seen: 0, progress: 0, answers: HashMap::new() };
        Self(Mutex::new(watched))
    }

    /// Notes that something was done to the shop.
    pub(super) fn stir(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).last_stir = Instant::now();
    }

    /// Time for which the shop has been silent. A question that it repeats while nothing changes is silence too.
    pub(in crate::scenario_runs) fn quiet_for(&self, space: &Space) -> Duration {
        let mut watched = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let activity = space.activity();
        let is_under_way = activity.is_busy
            || activity.calls.values().any(|calls| *calls > 0)
            || !activity.attempts.is_empty();
        let progress = space.read(|view| {
            let changes: usize =
                view.ledger.orders_after(None).map(|order| order.history.len()).sum();
            changes + view.outbox.iter().map(|delivery| delivery.attempts.len()).sum::<usize>()
        });
        let has_moved = progress != watched.progress;
        watched.progress = progress;
        if has_moved {
            watched.answers.clear();
        }
        let has_come = space.read_journal(|journal| {
            let dropped = usize::try_from(journal.dropped()).unwrap_or(usize::MAX);
            let known = watched.seen.saturating_sub(dropped);
            let mut has_come = false;
            for entry in journal.iter().skip(known) {
                watched.seen = watched.seen.max(dropped) + 1;
                has_come |= watched.is_news(entry);
            }
            has_come
        });
        if is_under_way || has_moved || has_come {
            watched.last_stir = Instant::now();
        }
        watched.last_stir.elapsed()
    }
}

impl Watched {
    fn is_news(&mut self, entry: &JournalEntry) -> bool {
        let Some(operation @ (Operation::Status | Operation::Orders)) = entry.operation else {
            return true;
        };
        let about = entry.tx_id.as_deref().unwrap_or_default().to_owned();
        self.answers.insert((operation, about), entry.reason) != Some(entry.reason)
    }
}
