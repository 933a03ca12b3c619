//! Rounds in which changed spaces are written by whoever keeps them outside the process. Nothing here writes.
//!
//! A space whose state was locked is noted as changed. A round takes all of them at once, so whatever was changed
//! before a round began is in it or in an earlier one. An answer that waits needs no more than the end of the next round
//! that begins after it was decided: however many wait, one write serves them all.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::watch;

use crate::base::{Millis, wall_clock};

/// Moment at which a change must be written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Durability {
    /// Before anybody is told of it.
    Always,
    /// Within a second.
    #[default]
    Second,
}

/// Refusal to tell of a change that could not be written.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the state could not be written, so nothing is acknowledged: {0}")]
pub struct NotWritten(pub Arc<str>);

/// Rounds of writing, for all spaces of a process.
#[derive(Debug)]
pub struct WriteRounds {
    durability: Durability,
    queue: Mutex<Queue>,
    /// Rings when somebody waits for a round, and when there will be no more changes.
    wanted: Condvar,
    ended: watch::Sender<Ended>,
}

#[derive(Debug, Default)]
struct Queue {
    /// Numbers of the spaces that were changed since the last round began.
    changed: Vec<u32>,
    /// Rounds that were begun.
    begun: u64,
    /// Beginning of the last of them.
    begun_at: Option<Millis>,
    /// The round that somebody waits for.
    wanted: u64,
    is_closed: bool,
}

#[derive(Clone, Debug, Default)]
struct Ended {
    /// The last round that was written; all changes of before it are.
    written: u64,
    /// The last round that is over.
    over: u64,
    /// Reason why that was not written.
    failure: Option<Arc<str>>,
    /// Beginning of the last round that was written.
    complete_at: Option<Millis>,
}

impl WriteRounds {
    /// Rounds for changes that must be written by then.
    pub fn new(durability: Durability) -> Self {
        let (ended, _) = watch::channel(Ended::default());
        Self { durability, queue: Mutex::default(), wanted: Condvar::new(), ended }
    }

    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes that the space of that number is being changed, unless it is noted already: [`State::is_noted`] says that.
    /// To be called while the space is locked.
    ///
    /// [`State::is_noted`]: super::state::State::is_noted
    pub(super) fn note(&self, number: u32) {
        self.queue().changed.push(number);
    }

    /// Returns when all that was changed before the call is written, at once where no answer waits for that.
    ///
    /// # Errors
    /// The round failed, or there are no more of them.
    pub async fn written(&self) -> Result<(), NotWritten> {
        match self.durability {
            Durability::Second => Ok(()),
            Durability::Always => self.settled().await,
        }
    }

    /// Returns when all that was changed before the call is written, whether answers wait for that or not.
    ///
    /// # Errors
    /// The round failed, or there are no more of them.
    pub async fn settled(&self) -> Result<(), NotWritten> {
        let mut ended = self.ended.subscribe();
        let round = {
            let mut queue = self.queue();
            let last = ended.borrow_and_update();
            if queue.changed.is_empty() && last.written == queue.begun {
                return Ok(());
            }
            if queue.is_closed {
                let failure = last.failure.clone();
                return Err(NotWritten(failure.unwrap_or_else(|| "the server stops".into())));
            }
            // What is in the queue no more is in the round that is under way.
            let is_under_way = queue.changed.is_empty() && last.over < queue.begun;
            let round = if is_under_way { queue.begun } else { queue.begun + 1 };
            queue.wanted = queue.wanted.max(round);
            round
        };
        self.wanted.notify_all();
        let over = ended.wait_for(|ended| ended.over >= round).await;
        let over = over.map_err(|_| NotWritten("the server stops".into()))?;
        match &over.failure {
            Some(failure) if over.written < round => Err(NotWritten(Arc::clone(failure))),
            _ => Ok(()),
        }
    }

    /// Returns true if answers wait until the changes that they tell of are written.
    pub fn holds_answers(&self) -> bool {
        self.durability == Durability::Always
    }

    /// Reason why the last round was not written.
    pub fn failure(&self) -> Option<NotWritten> {
        self.ended.borrow().failure.clone().map(NotWritten)
    }

    /// Time up to which all that was changed is written; `None` before the first round was.
    pub fn complete_at(&self) -> Option<Millis> {
        self.ended.borrow().complete_at
    }

    /// Waits until somebody waits for a round, or for so long, then begins one: the numbers of the spaces that were
    /// changed. The second value is false in the last round of all. Blocks the thread.
    pub fn begin(&self, pause: Duration) -> (Vec<u32>, bool) {
        let until = Instant::now() + pause;
        let mut queue = self.queue();
        while queue.wanted <= queue.begun && !queue.is_closed {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                break;
            }
            let waited = self.wanted.wait_timeout(queue, left);
            queue = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        queue.begun += 1;
        queue.begun_at = Some(wall_clock());
        (std::mem::take(&mut queue.changed), !queue.is_closed)
    }

    /// Ends the round that was begun last.
    pub fn end(&self, result: Result<(), String>) {
        let (round, begun_at) = {
            let queue = self.queue();
            (queue.begun, queue.begun_at)
        };
        self.ended.send_modify(|ended| {
            ended.over = round;
            match result {
                Ok(()) => {
                    (ended.written, ended.failure) = (round, None);
                    ended.complete_at = begun_at;
                }
                Err(failure) => ended.failure = Some(failure.into()),
            }
        });
    }

    /// Lets the next round be the last.
    pub fn close(&self) {
        self.queue().is_closed = true;
        self.wanted.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn whoever_waits_waits_for_a_round_that_began_after_the_change() {
        let rounds = WriteRounds::new(Durability::Always);
        rounds.note(7);
        assert_eq!(rounds.begin(Duration::ZERO), (vec![7], true));
        // Changed while the first round is under way.
        rounds.note(7);
        let mut waiting = std::pin::pin!(rounds.written());
        assert!(futures_util::poll!(waiting.as_mut()).is_pending());
        rounds.end(Ok(()));
        assert!(futures_util::poll!(waiting.as_mut()).is_pending(), "not in the first round");
        assert_eq!(rounds.begin(Duration::from_secs(600)).0, [7], "it is wanted, so at once");
        rounds.end(Ok(()));
        assert_eq!(waiting.await, Ok(()));
        assert_eq!(rounds.written().await, Ok(()), "nothing was changed since");
    }

    #[tokio::test]
    async fn a_round_that_fails_acknowledges_nothing_until_a_later_one_is_written() {
        let rounds = WriteRounds::new(Durability::Always);
        rounds.note(1);
        let mut waiting = std::pin::pin!(rounds.written());
        assert!(futures_util::poll!(waiting.as_mut()).is_pending());
        rounds.begin(Duration::ZERO);
        rounds.end(Err("full".to_owned()));
        assert_eq!(waiting.await, Err(NotWritten("full".into())));
        assert_eq!(rounds.failure(), Some(NotWritten("full".into())));
        let mut waiting = std::pin::pin!(rounds.written());
        assert!(futures_util::poll!(waiting.as_mut()).is_pending(), "it is still not written");
        rounds.begin(Duration::ZERO);
        rounds.end(Ok(()));
        assert_eq!((waiting.await, rounds.failure()), (Ok(()), None));
        rounds.close();
        assert!(!rounds.begin(Duration::from_secs(600)).1, "the last round");
    }
}
