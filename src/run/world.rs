//! Time in a story: it goes from one event to the next, as soon as everybody has come to rest.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use crate::base::Millis;
use crate::shop::Pace;
use crate::space::Space;

/// How long everybody may take, in real time, to come to rest. Only a fault of ours takes so long.
const PATIENCE: Duration = Duration::from_secs(60);
/// How far a story may go after its beginning: a year.
const REACH_MS: i64 = 365 * 86_400_000;

/// The gateway's clock and the merchant's, which show the same.
pub(super) struct World {
    pub(super) space: Arc<Space>,
    pub(super) pace: Arc<Pace>,
    pub(super) born: Millis,
}

/// How far time is to pass.
pub(super) enum Goal<'g> {
    /// Until this says so.
    Done(&'g (dyn Fn() -> bool + Sync)),
    At(Millis),
    /// Until nothing is due any more but what comes every day.
    Idle,
}

impl World {
    pub(super) async fn pass(&self, goal: Goal<'_>) -> Result<(), String> {
        loop {
            // Listening begins before looking, so that nothing is missed between the two.
            let mut paced = pin!(self.pace.changed().notified());
            let mut spaced = pin!(self.space.changed().notified());
            paced.as_mut().enable();
            spaced.as_mut().enable();
            if let Goal::Done(is_done) = &goal
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
                        self.pace.doing(),
                        self.space.under_way()
                    ));
                }
                continue;
            };
            let to = match (&goal, next) {
                (Goal::At(at), Some(next)) if next <= *at => next,
                (Goal::At(at), _) => *at,
                (Goal::Idle, _) if next_errand.is_none() => return Ok(()),
                (_, Some(next)) => next,
                (_, None) => {
                    return Err(
                        "the merchant waits for an answer that never comes, and has no limit for it"
                            .to_owned(),
                    );
                }
            };
            if to.0 - self.born.0 > REACH_MS {
                return Err("the story does not end within a year of its time".to_owned());
            }
            let is_there =
                matches!(goal, Goal::At(at) if at == to && next.is_none_or(|next| next > at));
            self.pace.show(to);
            self.space.pass_to(to);
            self.pace.wake();
            if is_there {
                return Ok(());
            }
        }
    }

    /// The next event, and the next that is not routine; `None` as long as anybody is busy.
    fn rest(&self) -> Option<(Option<Millis>, Option<Millis>)> {
        let doing = self.pace.doing();
        let under_way = self.space.under_way();
        let all_wait = doing.calls.iter().all(|(began, calls)| {
            under_way.calls.get(began).is_some_and(|waiting| waiting >= calls)
        });
        let all_held = under_way
            .attempts
            .iter()
            .all(|(began, attempts)| doing.held.get(began).is_some_and(|held| held >= attempts));
        let is_at_rest = !doing.is_busy && !under_way.is_busy && all_wait && all_held;
        // What was seen one after the other holds together only if nothing has changed meanwhile.
        if !is_at_rest || self.pace.doing().version != doing.version {
            return None;
        }
        let first = |a: Option<Millis>, b: Option<Millis>| [a, b].into_iter().flatten().min();
        Some((first(doing.next, under_way.next), first(doing.next_errand, under_way.next_errand)))
    }
}
