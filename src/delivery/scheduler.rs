//! One task that wakes every space at its time: for expiries and for push-backs that are due.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc::UnboundedReceiver;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::sender::Sender;
use crate::base::{Millis, wall_clock};
use crate::space::{Spaces, WriteRounds};

/// Time after which it is asked again whether a change can be written.
const WRITE_PAUSE: Duration = Duration::from_secs(1);

/// Wakes spaces and hands what is due there to the [`Sender`].
pub struct Scheduler {
    spaces: Arc<Spaces>,
    sender: Arc<Sender>,
    deliveries: TaskTracker,
    /// Lets slow senders send the rest at once.
    stop: CancellationToken,
}

impl Scheduler {
    /// A driver for these spaces.
    pub fn new(spaces: Arc<Spaces>, sender: Arc<Sender>) -> Self {
        Self { spaces, sender, deliveries: TaskTracker::new(), stop: CancellationToken::new() }
    }

    /// Runs until `stop`, then waits for the attempts under way, which their time-out bounds.
    /// `wakeups` names the spaces whose next time has come nearer.
    pub async fn run(self, mut wakeups: UnboundedReceiver<u32>, stop: CancellationToken) {
        let mut agenda: BTreeSet<(Millis, u32)> = BTreeSet::new();
        loop {
            let wait = agenda.first().map(|(due, _)| {
                Duration::from_millis((due.0 - wall_clock().0).max(0).unsigned_abs())
            });
            tokio::select! {
                () = stop.cancelled() => break,
                rung = wakeups.recv() => match rung {
                    Some(number) => { self.wake(number, &mut agenda); }
                    None => break,
                },
                () = tokio::time::sleep(wait.unwrap_or(Duration::MAX)), if wait.is_some() => {
                    if let Some((_, number)) = agenda.pop_first() {
                        self.wake(number, &mut agenda);
                    }
                }
            }
        }
        self.stop.cancel();
        self.deliveries.close();
        self.deliveries.wait().await;
    }

    fn wake(&self, number: u32, agenda: &mut BTreeSet<(Millis, u32)>) {
        let Some(space) = self.spaces.numbered(number) else { return };
        let (errands, next) = space.take_due();
        for dispatch in errands {
            let (space, sender) = (Arc::clone(&space), Arc::clone(&self.sender));
            let stop = self.stop.clone();
            let rounds = self.spaces.rounds_to_await().map(Arc::clone);
            self.deliveries.spawn(async move {
                if let Some(rounds) = rounds
                    && !is_written(&rounds, &stop).await
                {
                    // It is sent when the space goes on from what is written.
                    return;
                }
                let attempt = sender.attempt(&space, &dispatch, &stop).await;
                space.attempted(&dispatch, attempt);
            });
        }
        if let Some(due) = next {
            agenda.insert((due, number));
        }
    }
}

/// Returns true once everything that a push-back tells of is written; false when that does not happen before `stop`.
async fn is_written(rounds: &WriteRounds, stop: &CancellationToken) -> bool {
    while rounds.written().await.is_err() {
        tokio::select! {
            () = tokio::time::sleep(WRITE_PAUSE) => {}
            () = stop.cancelled() => return false,
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use std::pin::pin;

    use futures_util::poll;

    use super::*;
    use crate::base::Seed;
    use crate::profile::Profile;
    use crate::space::{Budgets, Durability};

    #[tokio::test(start_paused = true)]
    async fn a_push_back_waits_until_what_it_tells_of_is_written() {
        let rounds = Arc::new(WriteRounds::new(Durability::Always));
        let (profile, budgets) = (Profile::builtin(), Budgets::default());
        let loaded = Spaces::load(profile, Seed(1), budgets, Arc::clone(&rounds), Vec::new(), 1);
        loaded.spaces.default_space().write(|_| ());
        let stop = CancellationToken::new();
        {
            let mut sending = pin!(is_written(&rounds, &stop));
            assert!(poll!(sending.as_mut()).is_pending());
            rounds.begin(Duration::ZERO);
            rounds.end(Err("the disk is full".to_owned()));
            assert!(poll!(sending.as_mut()).is_pending(), "it is tried again");
            tokio::time::advance(WRITE_PAUSE).await;
            assert!(poll!(sending.as_mut()).is_pending());
            rounds.begin(Duration::ZERO);
            rounds.end(Ok(()));
            assert!(sending.await);
        }
        stop.cancel();
        rounds.begin(Duration::ZERO);
        let mut sending = pin!(is_written(&rounds, &stop));
        assert!(poll!(sending.as_mut()).is_pending());
        rounds.end(Err("the disk is full".to_owned()));
        assert!(!sending.await, "it is sent when the space goes on");
    }
}
