//! Push-backs on their way: handed to the scheduler when they are due, timed by the space's clock, and noted when they end.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::outbox::{Attempt, DeliveryJob, DeliveryState, Dispatch};
use super::space::Space;
use super::transaction::Transaction;
use crate::base::{Millis, Seed, TraceContext, wall_clock};
use crate::scenario::ContentKind;

/// The longest time in milliseconds after which a clock is looked at again: a day.
const FAR_MS: u64 = 86_400_000;

impl Space {
    /// The push-backs that are due now, and the real time at which to ask again.
    pub fn take_due(&self) -> (Vec<Dispatch>, Option<Millis>) {
        let real = wall_clock();
        let mut state = self.lock();
        if self.gate.is_closed() && self.gate.count() == 0 {
            // Asked again once it is open. Somebody who is still inside may be waiting for what is due.
            state.next_wakeup = Millis(i64::MAX);
            return (Vec::new(), None);
        }
        let mut transaction = Transaction::new(self, &mut state, real);
        transaction.expire();
        let now = transaction.now;
        let (generation, seed) = (state.generation, state.contents.seed);
        let jobs = state.contents.outbox.take_due(now);
        for delivery_job in &jobs {
            state.attempts.begin(delivery_job);
        }
        let contents = &state.contents;
        let next = contents.next_due().and_then(|due| contents.clock.real_at(real, due));
        state.next_wakeup = next.unwrap_or(Millis(i64::MAX));
        drop(state);
        self.changed.notify_waiters();
        let dispatch = |mut delivery_job: DeliveryJob| {
            let (id, attempt) = (delivery_job.id, delivery_job.attempt);
            delivery_job.context =
                delivery_job.context.map(|context| span(seed, &context, id, attempt));
            Dispatch { delivery_job, generation }
        };
        (jobs.into_iter().map(dispatch).collect(), next)
    }

    /// Notes what came of an attempt.
    pub fn attempted(&self, dispatch: &Dispatch, attempt: Attempt) {
        let job = &dispatch.delivery_job;
        if let Some(error) = &attempt.error {
            let trace_id = job.context.as_ref().map(|context| context.trace_id());
            tracing::debug!(
                space = &*self.name,
                delivery = job.id,
                trace = %job.trace,
                trace_id,
                attempt = job.attempt,
                error = &**error,
                "a push-back was not taken"
            );
        }
        self.write(|transaction| {
            if transaction.generation() == dispatch.generation {
                transaction.attempted(job.id, attempt);
            }
        });
    }

    /// Notes that an attempt waits for its turn behind others.
    pub fn attempt_queues(&self, dispatch: &Dispatch) {
        self.write(|transaction| {
            if transaction.state.generation == dispatch.generation {
                transaction.state.attempts.queue(dispatch.delivery_job.id);
            }
        });
    }

    /// Notes that an attempt has its turn after it had to wait; when that is.
    pub fn attempt_begins(&self, dispatch: &Dispatch) -> Millis {
        self.write(|transaction| {
            if transaction.state.generation == dispatch.generation {
                transaction.state.attempts.send(&dispatch.delivery_job, transaction.now);
            }
            transaction.now
        })
    }

    /// Over when an attempt has taken as long as it may on the space's clock, or the space is reset. Where nobody moves
    /// the clock from event to event, the other side has a grace of real time as well.
    pub async fn overdue(&self, dispatch: &Dispatch) {
        loop {
            // Listening begins before looking, so that nothing is missed between the two.
            let mut moved = pin!(self.clock_moved.notified());
            moved.as_mut().enable();
            let until = self.locked(|transaction| {
                if transaction.state.generation != dispatch.generation {
                    return (Some(Instant::now()), false);
                }
                let Some(attempt) = transaction.state.attempts.get(dispatch.delivery_job.id) else {
                    return (None, false);
                };
                let real = wall_clock();
                let shown =
                    transaction.state.contents.clock.real_at(real, attempt.limit).map(|at| {
                        let left = (at.0 - real.0).max(0).unsigned_abs();
                        Instant::now() + Duration::from_millis(left.min(FAR_MS))
                    });
                let patient = attempt.patient_until().filter(|_| !transaction.state.is_driven);
                (shown.map(|shown| patient.map_or(shown, |patient| shown.max(patient))), false)
            });
            match until {
                Some(until) if until <= Instant::now() => return,
                Some(until) => tokio::select! {
                    () = moved => {}
                    () = tokio::time::sleep_until(until) => {}
                },
                None => moved.await,
            }
        }
    }
}

impl Transaction<'_> {
    fn attempted(&mut self, id: u64, attempt: Attempt) {
        let state = &mut *self.state;
        state.attempts.end(id, self.now);
        state.contents.outbox.attempted(self.now, id, attempt);
        self.delivery_changed(id);
        let state = &mut *self.state;
        let Some(delivery) = state.contents.outbox.get(id) else { return };
        if let Some(latest) = delivery.attempts.last() {
            self.space.shared.meter.attempt(latest, delivery.state);
        }
        if delivery.state.due().is_some() {
            state.met.note_retry();
        }
        if delivery.state == DeliveryState::Acknowledged && delivery.content == ContentKind::True {
            state.contents.ledger.note_told(delivery.order);
        }
    }
}

/// The span of one attempt, which depends on the seed, the delivery and the attempt's number.
fn span(seed: Seed, context: &TraceContext, delivery: u64, attempt: usize) -> Arc<TraceContext> {
    let parts: [&[u8]; 4] = [
        b"span",
        context.trace_id().as_bytes(),
        &delivery.to_le_bytes(),
        &(attempt as u64).to_le_bytes(),
    ];
    Arc::new(context.child(seed.number(&parts)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::space::ClockChange;
    use crate::space::time_travel::tests::{cancel, change, world};

    /// The push-back of an order that is cancelled now.
    fn due(space: &Space) -> Dispatch {
        cancel(space);
        space.take_due().0.pop().expect("a push-back")
    }

    #[tokio::test]
    async fn a_space_that_is_handed_over_sends_only_what_somebody_inside_may_wait_for() {
        let (_spaces, space, _bell) = world().await;
        cancel(&space);
        assert!(space.gate.close());
        assert!(space.take_due().0.is_empty(), "nobody is inside");
        space.gate.enter_beside();
        assert_eq!(space.take_due().0.len(), 1);
    }

    #[tokio::test]
    async fn an_attempt_queues_until_it_has_its_turn_and_only_in_its_own_generation() {
        let (_spaces, space, _bell) = world().await;
        let dispatch = due(&space);
        let other = Dispatch { generation: dispatch.generation + 1, ..dispatch.clone() };
        let is_queued = || space.lock().attempts.any_queued();
        space.attempt_queues(&other);
        assert!(!is_queued());
        space.attempt_queues(&dispatch);
        assert!(is_queued());
        space.attempt_begins(&other);
        assert!(is_queued());
        space.attempt_begins(&dispatch);
        assert!(!is_queued());
    }

    #[tokio::test(start_paused = true)]
    async fn an_attempt_has_all_of_its_time_where_the_clock_runs() {
        let (_spaces, space, _bell) = world().await;
        change(&space, ClockChange { freeze: Some(false), ..Default::default() }).await;
        let dispatch = due(&space);
        let limit = Duration::from_millis(dispatch.delivery_job.policy.timeout_ms.unsigned_abs());
        // The grace on top of it is over by then.
        let early = tokio::time::timeout(limit / 2, space.overdue(&dispatch)).await;
        assert!(early.is_err(), "it is not over at half its time");
    }
}
