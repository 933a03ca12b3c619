//! Waits for the space's clock on the way to a socket: a reply that is held back, a slow one between two of its
//! pieces, a push-back that is sent slowly. Time that is made to pass stops at each.

use std::fmt;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use super::journal::RequestId;
use super::outbox::Dispatch;
use super::space::Space;
use super::state::{State, Waiter};
use super::transaction::Transaction;
use crate::base::{Millis, wall_clock};

/// A place among what waits for a space's clock. Dropping it gives the place up, and time goes on past it.
pub struct ClockTimer {
    space: Arc<Space>,
    generation: u64,
    waiter: Waiter,
    /// Time at which the first piece might have left.
    begun: Option<Millis>,
    /// Time at which the next piece may leave.
    due: Millis,
    is_noted: bool,
}

impl fmt::Debug for ClockTimer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClockTimer")
            .field("waiter", &self.waiter)
            .field("due", &self.due)
            .finish_non_exhaustive()
    }
}

impl ClockTimer {
    /// A place that nobody waits at yet.
    pub(super) fn new(space: Arc<Space>, generation: u64, waiter: Waiter, due: Millis) -> Self {
        Self { space, generation, waiter, begun: None, due, is_noted: false }
    }

    /// Takes its place, where it is on the clock now.
    pub(super) fn note(&mut self, transaction: &mut Transaction<'_>) {
        if transaction.state.generation == self.generation {
            transaction.state.waiting.insert((self.due, self.waiter));
            self.is_noted = true;
        }
    }

    /// The space in which it waits.
    pub fn space(&self) -> &Arc<Space> {
        &self.space
    }

    /// Time at which the call came whose reply is held; `None` for a push-back.
    pub(super) fn came(&self) -> Option<Millis> {
        match self.waiter {
            Waiter::Reply { came, .. } => Some(came),
            Waiter::Sender(_) => None,
        }
    }

    /// The generation of the space that it belongs to.
    pub(super) fn generation(&self) -> u64 {
        self.generation
    }

    /// Time at which what is held may leave, on the space's clock.
    pub(super) fn due(&self) -> Millis {
        self.due
    }

    /// Over when it is due, or the space is reset.
    pub(super) async fn over(&self) {
        self.space.sleep_until(self.due, self.generation).await;
    }

    /// Over when so much of the space's time has passed since this was asked first, or the space is reset.
    pub fn until(&mut self, passed: Duration) -> impl Future<Output = ()> + Send + use<> {
        let space = Arc::clone(&self.space);
        space.write(|transaction| {
            let begun = *self.begun.get_or_insert(self.due.max(transaction.now));
            self.leave(transaction.state);
            self.due = begun.plus(i64::try_from(passed.as_millis()).unwrap_or(i64::MAX));
            self.note(transaction);
        });
        let (due, generation) = (self.due, self.generation);
        async move { space.sleep_until(due, generation).await }
    }

    fn leave(&mut self, state: &mut State) {
        if std::mem::take(&mut self.is_noted) && state.generation == self.generation {
            state.waiting.remove(&(self.due, self.waiter));
        }
    }
}

impl Drop for ClockTimer {
    fn drop(&mut self) {
        if self.is_noted {
            let space = Arc::clone(&self.space);
            space.write(|transaction| {
                self.leave(transaction.state);
                // Now the other side has all of a slow push-back.
                if let Waiter::Sender(id) = self.waiter
                    && transaction.state.generation == self.generation
                {
                    let now = transaction.now;
                    transaction.state.attempts.has_moved(id, now);
                }
            });
        }
    }
}

/// The next wait.
pub(super) enum Wait {
    Over,
    ForChange,
    /// Also for the machine's clock to show this.
    Until(Millis),
}

impl Space {
    /// Waits until the clock has gone on by so many milliseconds: the latency of the reply to a request.
    pub async fn hold_back(&self, trace: RequestId, ms: u64) {
        let timer = self.write(|transaction| {
            let space = self.handle()?;
            let due = transaction.now.plus(i64::try_from(ms).unwrap_or(i64::MAX));
            let waiter = Waiter::Reply { trace, came: transaction.now };
            let mut timer = ClockTimer::new(space, transaction.generation(), waiter, due);
            timer.note(transaction);
            Some(timer)
        });
        if let Some(timer) = timer {
            timer.over().await;
        }
    }

    /// Timer on which the pieces of a slow push-back wait for the clock.
    pub fn pace(&self, dispatch: &Dispatch) -> Option<ClockTimer> {
        let (job, generation) = (&dispatch.delivery_job, dispatch.generation);
        Some(ClockTimer::new(self.me.upgrade()?, generation, Waiter::Sender(job.id), job.at))
    }

    /// Waits until the clock shows `due`. On a frozen clock that is until it is set or advanced past it.
    async fn sleep_until(&self, due: Millis, generation: u64) {
        self.until(generation, |transaction| {
            if transaction.now >= due {
                return Wait::Over;
            }
            let real = transaction.state.contents.clock.real_at(wall_clock(), due);
            real.map_or(Wait::ForChange, Wait::Until)
        })
        .await;
    }

    /// Waits until `read` says that it is over, or the space is reset.
    pub(super) async fn until(&self, generation: u64, read: impl Fn(&Transaction<'_>) -> Wait) {
        loop {
            // Listening begins before looking, so that nothing is missed between the two.
            let mut changed = pin!(self.changed.notified());
            changed.as_mut().enable();
            let wait = self.locked(|transaction| {
                let is_reset = transaction.state.generation != generation;
                (if is_reset { Wait::Over } else { read(transaction) }, false)
            });
            match wait {
                Wait::Over => return,
                Wait::ForChange => changed.await,
                Wait::Until(real) => {
                    let left = (real.0 - wall_clock().0).max(1).unsigned_abs();
                    let pause = tokio::time::sleep(Duration::from_millis(left));
                    tokio::select! { () = changed => {}, () = pause => {} }
                }
            }
        }
    }
}
