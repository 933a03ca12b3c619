//! Counters of a server since it began, in all its spaces: numbers that only grow, whatever is reset or removed;
//! and how many follow it.

use std::sync::atomic::{AtomicU64, Ordering};

use super::journal::JournalEntry;
use super::outbox::{Attempt, DeliveryState};
use crate::base::{Millis, Operation, Reason, named_enum, wall_clock};

/// Upper ends of the steps in which decisions are counted, in microseconds.
pub const DECISION_STEPS_US: [u32; 12] =
    [10, 25, 50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000, 25_000, 100_000];

/// A row for each operation and one for paths that are none.
const ROWS: usize = Operation::ALL.len() + 1;

/// Counts on the way of every request, so each is one addition to a cell that is there already.
#[derive(Debug)]
pub struct Meter {
    /// Time at which the server began.
    pub begun: Millis,
    requests: [[AtomicU64; Reason::ALL.len()]; ROWS],
    decisions: [Decisions; ROWS],
    attempts: [AtomicU64; AttemptEnd::ALL.len()],
    acknowledged: AtomicU64,
    exhausted: AtomicU64,
    journal_drops: AtomicU64,
    readers: AtomicU64,
    missed: AtomicU64,
}

/// Decision times of one operation.
#[derive(Debug, Default)]
struct Decisions {
    /// Number of decisions in each step, and behind the last.
    steps: [AtomicU64; DECISION_STEPS_US.len() + 1],
    sum_us: AtomicU64,
}

named_enum! {
    /// End of an attempt to deliver a push-back.
    pub enum AttemptEnd ("an end of an attempt") {
        /// The merchant took it.
        Acknowledged = "acknowledged",
        /// The merchant answered, and that was no acknowledgement.
        Refused = "refused",
        /// No answer came.
        Unanswered = "unanswered",
    }
}

impl AttemptEnd {
    fn of(attempt: &Attempt) -> Self {
        match attempt.status {
            _ if attempt.is_acknowledged() => Self::Acknowledged,
            Some(_) => Self::Refused,
            None => Self::Unanswered,
        }
    }
}

/// Decision times of one operation, read at one moment.
#[derive(Clone, Debug)]
pub struct DecisionTimes {
    /// The operation by name; `none` for a path that is no operation.
    pub operation: &'static str,
    /// Number of decisions in each of [`DECISION_STEPS_US`], and behind the last.
    pub steps: [u64; DECISION_STEPS_US.len() + 1],
    /// All of them together, in microseconds.
    pub sum_us: u64,
}

fn read(cell: &AtomicU64) -> u64 {
    cell.load(Ordering::Relaxed)
}

fn add(cell: &AtomicU64, more: u64) {
    cell.fetch_add(more, Ordering::Relaxed);
}

impl Meter {
    pub(super) fn new() -> Self {
        Self {
            begun: wall_clock(),
            requests: std::array::from_fn(|_| std::array::from_fn(|_| AtomicU64::new(0))),
            decisions: std::array::from_fn(|_| Decisions::default()),
            attempts: std::array::from_fn(|_| AtomicU64::new(0)),
            acknowledged: AtomicU64::new(0),
            exhausted: AtomicU64::new(0),
            journal_drops: AtomicU64::new(0),
            readers: AtomicU64::new(0),
            missed: AtomicU64::new(0),
        }
    }

    /// Counts a request of a merchant. What payers and the control plane do is in the journal too, and no request.
    pub(super) fn request(&self, entry: &JournalEntry) {
        let row = match (entry.operation, entry.reason) {
            (Some(operation), _) => operation.index(),
            (None, Reason::UnknownPath | Reason::MalformedHttp) => ROWS - 1,
            (None, _) => return,
        };
        add(&self.requests[row][entry.reason as usize], 1);
        let Decisions { steps, sum_us } = &self.decisions[row];
        let step = DECISION_STEPS_US.iter().position(|end| entry.took_us <= *end);
        add(&steps[step.unwrap_or(DECISION_STEPS_US.len())], 1);
        add(sum_us, entry.took_us.into());
    }

    /// Counts entries that a journal dropped.
    pub(super) fn journal_dropped(&self, count: u64) {
        if count > 0 {
            add(&self.journal_drops, count);
        }
    }

    /// Counts an attempt, and what it made of its push-back.
    pub(super) fn attempt(&self, attempt: &Attempt, state: DeliveryState) {
        add(&self.attempts[AttemptEnd::of(attempt) as usize], 1);
        match state {
            DeliveryState::Acknowledged => add(&self.acknowledged, 1),
            DeliveryState::Exhausted => add(&self.exhausted, 1),
            DeliveryState::Waiting(_) | DeliveryState::InFlight => {}
        }
    }

    /// Counts a reader of events in.
    pub fn reader_came(&self) {
        add(&self.readers, 1);
    }

    /// Counts a reader of events out.
    pub fn reader_left(&self) {
        self.readers.fetch_sub(1, Ordering::Relaxed);
    }

    /// Counts events that a reader was told to have missed.
    pub fn events_missed(&self, count: u64) {
        if count > 0 {
            add(&self.missed, count);
        }
    }

    /// Readers that follow events now.
    pub fn readers(&self) -> u64 {
        read(&self.readers)
    }

    /// Events that readers were told to have missed, all readers together.
    pub fn missed(&self) -> u64 {
        read(&self.missed)
    }

    /// Requests so far by operation and reason, where there were any. A path that is no operation is called `none`.
    pub fn requests(&self) -> impl Iterator<Item = (&'static str, Reason, u64)> {
        self.requests.iter().zip(row_names()).flat_map(|(row, name)| {
            let cells = Reason::ALL.iter().zip(row);
            cells.map(move |(reason, cell)| (name, *reason, read(cell))).filter(|(.., n)| *n > 0)
        })
    }

    /// Decision times of each operation that was called.
    pub fn decisions(&self) -> impl Iterator<Item = DecisionTimes> {
        let rows = self.decisions.iter().zip(row_names());
        let times = rows.map(|(row, operation)| DecisionTimes {
            operation,
            steps: std::array::from_fn(|step| read(&row.steps[step])),
            sum_us: read(&row.sum_us),
        });
        times.filter(|times| times.steps.iter().any(|count| *count > 0))
    }

    /// Attempts so far by how they ended.
    pub fn attempts(&self) -> impl Iterator<Item = (AttemptEnd, u64)> {
        AttemptEnd::ALL.iter().map(|end| (*end, read(&self.attempts[*end as usize])))
    }

    /// Push-backs that a merchant took, and those that were given up.
    pub fn deliveries(&self) -> (u64, u64) {
        (read(&self.acknowledged), read(&self.exhausted))
    }

    /// Entries that journals dropped to keep to their budgets.
    pub fn journal_drops(&self) -> u64 {
        read(&self.journal_drops)
    }
}

fn row_names() -> impl Iterator<Item = &'static str> {
    Operation::ALL.iter().map(|operation| operation.name()).chain(["none"])
}
