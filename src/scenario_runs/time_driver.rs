//! Time in a scenario: it goes from one event to the next, as soon as everybody has come to rest.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use crate::base::Millis;
use crate::reference_merchant::VirtualTime;
use crate::scenario::REACH_MS;
use crate::space::Space;

/// Longest real time for everybody to come to rest. Only a fault of ours takes so long.
const PATIENCE: Duration = Duration::from_secs(60);

/// The gateway's clock and the merchant's, which show the same.
pub(super) struct TimeDriver {
    pub(super) space: Arc<Space>,
    pub(super) time: Arc<VirtualTime>,
    pub(super) born: Millis,
}

/// Goal of moving the clock.
pub(super) enum TimeGoal<'g> {
    /// Until this says so.
    Done(&'g (dyn Fn() -> bool + Sync)),
    At(Millis),
    /// Until nothing is due any more but what comes every day.
    Idle,
}

impl TimeDriver {
    pub(super) async fn advance_to(&self, goal: TimeGoal<'_>) -> Result<(), String> {
        loop {
            // Listening begins before looking, so that nothing is missed between the two.
            let mut paced = pin!(self.time.changed().notified());
            let mut spaced = pin!(self.space.changed().notified());
            paced.as_mut().enable();
            spaced.as_mut().enable();
            if let TimeGoal::Done(is_done) = &goal
                && is_done()
            {
                return Ok(());
            }
            let Some((next, next_errand)) = self.rest() else {
                let rung = async {
                    tokio::select! { () = paced => {}, () = spaced => {} }
                };
                if tokio::time::timeout(PATIENCE, rung).await.is_err() {
                    return Err(format!(
                        "nothing has moved for {PATIENCE:?}: merchant {:?}, gateway {:?}",
                        self.time.merchant_activity(),
                        self.space.activity()
                    ));
                }
                continue;
            };
            let to = match (&goal, next) {
                (TimeGoal::At(at), Some(next)) if next <= *at => next,
                (TimeGoal::At(at), _) => *at,
                (TimeGoal::Idle, _) if next_errand.is_none() => return Ok(()),
                (_, Some(next)) => next,
                (_, None) => {
                    return Err(
                        "the merchant waits for an answer that never comes, and has no limit for it"
                            .to_owned(),
                    );
                }
            };
            if (to.0 - self.born.0).max(0).unsigned_abs() > REACH_MS {
                return Err("the scenario does not end within a year of its time".to_owned());
            }
            let is_there =
                matches!(goal, TimeGoal::At(at) if at == to && next.is_none_or(|next| next > at));
            self.time.show(to);
            self.space.pass_to(to);
            self.time.wake();
            if is_there {
                return Ok(());
            }
        }
    }

    /// The next event, and the next that is not routine; `None` as long as anybody is busy.
    fn rest(&self) -> Option<(Option<Millis>, Option<Millis>)> {
        let merchant_activity = self.time.merchant_activity();
        let activity = self.space.activity();
        let all_wait = merchant_activity.calls.iter().all(|(began, calls)| {
            activity.calls.get(began).is_some_and(|waiting| waiting >= calls)
        });
        let all_held = activity.attempts.iter().all(|(began, attempts)| {
            merchant_activity.frozen.get(began).is_some_and(|frozen| frozen >= attempts)
        });
        let is_at_rest = !merchant_activity.is_busy && !activity.is_busy && all_wait && all_held;
        // What was seen one after the other holds together only if nothing has changed meanwhile.
        if !is_at_rest || self.time.merchant_activity().version != merchant_activity.version {
            return None;
        }
        let first = |a: Option<Millis>, b: Option<Millis>| [a, b].into_iter().flatten().min();
        Some((
            first(merchant_activity.next, activity.next),
            first(merchant_activity.next_errand, activity.next_errand),
        ))
    }
}
