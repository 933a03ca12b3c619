//! Idle timer: the longest time for a request's head, and between requests.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::time::Instant;

/// The patience with one connection's peer. What is noted for each request is a number; who looks at it does so when
/// time may have run out, which is about once in as long as a peer may take.
#[derive(Debug)]
pub(super) struct IdleTimer {
    begun: Instant,
    /// Since how many milliseconds after that the peer has kept us waiting, or one of the marks below.
    since: AtomicU64,
}

/// Number of times it is looked whether the caller of a slow answer is still there.
pub(super) const WATCH_PAUSE: Duration = Duration::from_secs(1);

/// It is we who are asked.
const BUSY: u64 = u64::MAX;
/// The connection is no longer hyper's, and ends as a rule has it.
const TAKEN_OVER: u64 = u64::MAX - 1;
/// It is we who are asked, and the answer may take long.
const BUSY_FOR_LONG: u64 = u64::MAX - 2;

impl Default for IdleTimer {
    fn default() -> Self {
        Self { begun: Instant::now(), since: AtomicU64::new(0) }
    }
}

impl IdleTimer {
    /// A request has come.
    pub(super) fn asked(&self) {
        self.change(BUSY);
    }

    /// The answer may take long, so that it is worth a look now and then whether its caller is still there.
    pub(super) fn takes_long(&self) {
        self.change(BUSY_FOR_LONG);
    }

    /// Returns true if the caller waits for such an answer.
    pub(super) fn watches(&self) -> bool {
        self.since.load(Ordering::Relaxed) == BUSY_FOR_LONG
    }

    /// It was answered: the next one is waited for.
    pub(super) fn answered(&self) {
        self.change(self.begun.elapsed().as_millis() as u64);
    }

    /// No request is waited for any more.
    pub(super) fn taken_over(&self) {
        self.change(TAKEN_OVER);
    }

    fn change(&self, since: u64) {
        // Only the task of the connection changes it.
        if self.since.load(Ordering::Relaxed) != TAKEN_OVER {
            self.since.store(since, Ordering::Relaxed);
        }
    }

    /// Time at which it runs out, as things are; `None` while the peer is not waited for.
    pub(super) fn runs_out(&self, limit: Duration) -> Option<Instant> {
        match self.since.load(Ordering::Relaxed) {
            BUSY | BUSY_FOR_LONG | TAKEN_OVER => None,
            since => Some(self.begun + Duration::from_millis(since) + limit),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMIT: Duration = Duration::from_secs(30);

    #[tokio::test(start_paused = true)]
    async fn it_runs_out_a_limit_after_the_latest_answer_and_never_while_we_are_asked() {
        let begun = Instant::now();
        let idle_timer = IdleTimer::default();
        let runs_out = || idle_timer.runs_out(LIMIT).map(|at| at - begun);
        assert_eq!(runs_out(), Some(LIMIT));
        tokio::time::advance(Duration::from_secs(20)).await;
        assert_eq!(runs_out(), Some(LIMIT), "half a head is no request");
        idle_timer.asked();
        tokio::time::advance(Duration::from_secs(20)).await;
        assert_eq!(runs_out(), None);
        idle_timer.answered();
        assert_eq!(runs_out(), Some(Duration::from_secs(70)));
    }

    #[test]
    fn what_a_rule_has_taken_over_is_not_ended_for_silence() {
        let idle_timer = IdleTimer::default();
        idle_timer.asked();
        idle_timer.taken_over();
        idle_timer.answered();
        assert_eq!(idle_timer.runs_out(LIMIT), None);
    }
}
