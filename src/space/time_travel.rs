//! Time made to pass: a clock that is advanced stops at everything due on its way.
//!
//! The clock is frozen and set to each due time in turn. Whoever carries push-backs out does so while it stands there,
//! and only when nothing is under way any more does it go on. So a retry ladder of ten hours takes as long as its
//! attempts do, and each of them happens at its own exact moment.
//!
//! Nobody holds the clock up for ever: it waits for an attempt, or for a reply that nobody reads, only for a grace of
//! real time ([`super::attempts`]). Then it goes on, and an attempt whose time it passes has failed for want of an answer.

use std::collections::BTreeSet;
use std::pin::pin;

use tokio::time::Instant;

use super::attempts::GRACE;
use super::clock::can_be;
use super::events::Event;
use super::space::Space;
use super::state::Waiter;
use super::transaction::Transaction;
use crate::base::{Millis, wall_clock};

/// Changes to a clock, in the order of the members.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ClockChange {
    /// Show the machine's time again, at real speed. Nothing else of it counts then.
    pub real: bool,
    /// Stop, or run again at real speed.
    pub freeze: Option<bool>,
    /// Jump there. What falls due on the way happens at the end of the jump.
    pub set: Option<Millis>,
    /// Run at so many thousandths of real speed.
    pub scale_milli: Option<u64>,
    /// Let so many milliseconds pass, stopping at everything that is due on the way.
    pub advance_ms: Option<u64>,
    /// Let time pass until no push-back and no reply waits any more.
    pub run_until_idle: bool,
    /// Count the real time too that it takes to let time pass: the clock comes to stand where it would if it had run on
    /// meanwhile. A shop's own timers run on, after all.
    pub catches_up: bool,
}

/// Reason why a clock was not changed, or not to the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ClockError {
    /// Before 1970 or after 9998.
    #[error("a clock shows times from 1970 to 9998")]
    OutOfRange,
    /// The space was reset, restored or removed while time passed.
    #[error("the space was reset or restored meanwhile")]
    Reset,
}

/// Goal of moving the clock.
#[derive(Clone, Copy)]
enum TravelGoal {
    At(Millis),
    Idle,
}

/// Result of one step.
enum TravelStep {
    /// Something is under way or about to be; it must end first, or be silent until then.
    Busy(Option<Instant>),
    Moved,
    Arrived,
}

impl Space {
    /// Changes the clock; one change after the other. Needs someone to carry push-backs out as long as any are due.
    /// When it is given up half way, the clock stays where it got to and runs on as before.
    pub async fn change_clock(&self, change: ClockChange) -> Result<(), ClockError> {
        let _turn = self.turn().await;
        self.write(|transaction| {
            let changed = transaction.change_clock(&change);
            transaction.clock_changed();
            changed
        })?;
        if let Some(ms) = change.advance_ms {
            let frozen = FrozenClock::new(self, change.catches_up);
            frozen.advance_to(TravelGoal::At(later(frozen.since, ms))).await?;
        }
        if change.run_until_idle {
            FrozenClock::new(self, change.catches_up).advance_to(TravelGoal::Idle).await?;
        }
        Ok(())
    }

    /// Has the clock run at that speed from the moment on at which the next call of a merchant comes. Until then it goes on
    /// as it is.
    pub fn run_with_next_call(&self, scale_milli: u64) {
        self.lock().runs_with_call = Some(scale_milli);
    }

    /// Has the clock run as [`Space::run_with_next_call`] said, now, unless it does already.
    pub fn run_as_promised(&self) {
        self.write(|transaction| {
            let Some(scale_milli) = transaction.state.runs_with_call.take() else { return };
            if let Some(resumes_at) = &mut transaction.state.resumes_at {
                *resumes_at = scale_milli;
            } else {
                transaction.clock().scale(wall_clock(), scale_milli);
                transaction.clock_changed();
            }
        });
    }
}

impl Transaction<'_> {
    /// The changes that take no time.
    fn change_clock(&mut self, change: &ClockChange) -> Result<(), ClockError> {
        let real = wall_clock();
        let back = ClockChange { freeze: Some(false), set: Some(real), ..ClockChange::default() };
        let change = if change.real { &back } else { change };
        let target = change.set.map(in_range).transpose()?;
        in_range(later(target.unwrap_or(self.now), change.advance_ms.unwrap_or(0)))?;
        let clock = self.clock();
        if let Some(frozen) = change.freeze {
            clock.freeze(real, frozen);
        }
        if let Some(target) = target {
            clock.set(real, target);
            // Neither birth nor arming is ever later than now.
            let contents = &mut self.state.contents;
            contents.born = contents.born.min(target);
            contents.rules.rearm(|at| at.min(target));
        }
        let clock = self.clock();
        if let Some(scale) = change.scale_milli {
            clock.scale(real, scale);
        }
        Ok(())
    }

    /// Notes that the clock was changed, and what it shows since.
    fn clock_changed(&self) {
        let clock = &self.state.contents.clock;
        let (now, scale_milli) = (clock.now(wall_clock()), clock.scale_milli());
        self.space.happened(Event::Clock { now, scale_milli });
    }

    /// Goes to the next due time on the way to `goal`, unless something holds the clock up here.
    fn step(&mut self, goal: TravelGoal, way: &mut TravelWay) -> TravelStep {
        let (now, state) = (self.now, &*self.state);
        let (ledger, outbox) = (&state.contents.ledger, &state.contents.outbox);
        let due = state.waiting.iter().take_while(|(due, _)| *due <= now);
        let late: Vec<_> = due.filter(|waiter| !way.passed_by.contains(waiter)).copied().collect();
        let is_overdue = state.attempts.next_limit().is_some_and(|limit| limit <= now);
        if outbox.next_due().is_some_and(|due| due <= now) {
            return TravelStep::Busy(None);
        }
        let patient_until = way.stepped + GRACE;
        if (!late.is_empty() || is_overdue) && patient_until > Instant::now() {
            return TravelStep::Busy(Some(patient_until));
        }
        way.passed_by.extend(late);
        let paused = state.paused_senders();
        if let Some(until) = state.attempts.hold_up(|id| paused.contains(&id)) {
            return TravelStep::Busy(Some(until));
        }
        let waiting = state.waiting.iter().map(|(due, _)| *due).find(|due| *due > now);
        let limit = state.attempts.next_limit().filter(|limit| *limit > now);
        let sent = [outbox.next_due(), waiting, limit].into_iter().flatten().min();
        // No clock shows what lies beyond its end.
        let sent = sent.filter(|due| *due <= Millis::LATEST);
        let Some(end) = (match goal {
            TravelGoal::At(target) => Some(target),
            // What waits for its turn is not over, though nobody can say when it begins.
            TravelGoal::Idle if sent.is_none() && state.attempts.any_queued() => {
                return TravelStep::Busy(None);
            }
            TravelGoal::Idle => sent,
        }) else {
            return TravelStep::Arrived;
        };
        let next = [sent, ledger.next_deadline()].into_iter().flatten().min();
        let end = end.min(Millis::LATEST);
        let next = next.filter(|due| *due <= end);
        self.clock().set(wall_clock(), next.unwrap_or(end));
        way.stepped = Instant::now();
        if next.is_some() { TravelStep::Moved } else { TravelStep::Arrived }
    }
}

/// Progress of a clock that is moved.
struct TravelWay {
    /// Time at which it was set last, in real time.
    stepped: Instant,
    /// Work that was due and has not gone on within the grace: a reply that nobody reads, for one.
    passed_by: BTreeSet<(Millis, Waiter)>,
}

fn later(moment: Millis, ms: u64) -> Millis {
    moment.plus(i64::try_from(ms).unwrap_or(i64::MAX))
}

fn in_range(moment: Millis) -> Result<Millis, ClockError> {
    if can_be(moment) { Ok(moment) } else { Err(ClockError::OutOfRange) }
}

/// The turn to make time pass, which one has at a time.
pub(super) struct ClockTurn<'s>(&'s Space);

impl Drop for ClockTurn<'_> {
    fn drop(&mut self) {
        self.0.lock_unnoted().turn_is_taken = false;
        self.0.clock_moved.notify_waiters();
    }
}

impl Space {
    /// Waits for the turn to make time pass.
    pub(super) async fn turn(&self) -> ClockTurn<'_> {
        loop {
            // Listening begins before looking, so that nothing is missed between the two.
            let mut freed = pin!(self.clock_moved.notified());
            freed.as_mut().enable();
            if !std::mem::replace(&mut self.lock_unnoted().turn_is_taken, true) {
                return ClockTurn(self);
            }
            freed.await;
        }
    }
}

/// A clock that stands still as long as this lives, and then runs on as before.
struct FrozenClock<'s> {
    space: &'s Space,
    generation: u64,
    /// Time on the clock when it was stopped.
    since: Millis,
    /// Real time at which it was stopped, where what it misses is made up for.
    stopped: Option<Millis>,
}

impl<'s> FrozenClock<'s> {
    fn new(space: &'s Space, catches_up: bool) -> Self {
        space.write(|transaction| {
            let (generation, since) = (transaction.state.generation, transaction.now);
            let scale_milli = transaction.clock().scale_milli();
            let real = wall_clock();
            transaction.clock().freeze(real, true);
            transaction.clock().set(real, since);
            transaction.state.attempts.forgive();
            transaction.state.resumes_at = Some(scale_milli);
            Self { space, generation, since, stopped: catches_up.then_some(real) }
        })
    }

    async fn advance_to(&self, goal: TravelGoal) -> Result<(), ClockError> {
        let mut way = TravelWay { stepped: Instant::now(), passed_by: BTreeSet::new() };
        loop {
            // Listening begins before looking, so that nothing is missed between the two.
            let mut changed = pin!(self.space.changed.notified());
            changed.as_mut().enable();
            let step = self.space.locked(|transaction| {
                if transaction.state.generation != self.generation {
                    return (Err(ClockError::Reset), false);
                }
                let step = transaction.step(goal, &mut way);
                let moved = !matches!(step, TravelStep::Busy(_));
                (Ok(step), moved)
            })?;
            match step {
                TravelStep::Busy(None) => changed.await,
                TravelStep::Busy(Some(until)) => tokio::select! {
                    () = changed => {}
                    () = tokio::time::sleep_until(until) => {}
                },
                TravelStep::Moved => tokio::task::yield_now().await,
                TravelStep::Arrived => return Ok(()),
            }
        }
    }
}

impl Drop for FrozenClock<'_> {
    fn drop(&mut self) {
        self.space.write(|transaction| {
            let Some(scale_milli) = transaction.state.resumes_at.take() else { return };
            if transaction.state.generation == self.generation {
                let real = wall_clock();
                let clock = transaction.clock();
                clock.scale(self.stopped.unwrap_or(real), scale_milli);
                clock.set(real, clock.now(real));
                transaction.clock_changed();
            }
        });
    }
}

#[cfg(test)]
pub(super) mod tests {
    use std::sync::Arc;

    use tokio::sync::mpsc::UnboundedReceiver;

    use super::*;
    use crate::base::{Amount, Currency, Operation, OrderState, PaymentMethod, Seed};
    use crate::ledger::{Command, Details, NewOrder, OrderKind, Target};
    use crate::profile::Profile;
    use crate::scenario::Point;
    use crate::space::{Attempt, Budgets, DeliveryState, RequestId, Spaces};

    const NAMED: Target<'static> = Target::Named { merchant: "C0000143", tx_id: "1" };
    const MINUTE: u64 = 60_000;
    const BIRTH: Millis = Millis(1_700_000_000_000);

    /// A space whose clock stands at [`BIRTH`], with one order.
    pub(in crate::space) async fn world() -> (Arc<Spaces>, Arc<Space>, UnboundedReceiver<u32>) {
        let (spaces, wakeups) = Spaces::new(Profile::builtin(), Seed(1), Budgets::default());
        let space = Arc::clone(spaces.default_space());
        change(&space, ClockChange { freeze: Some(true), set: Some(BIRTH), ..Default::default() })
            .await;
        space.write(|transaction| {
            let new = NewOrder {
                merchant: "C0000143",
                terminal: "CT03000003",
                tx_id: "1",
                kind: OrderKind::Purchase,
                method: PaymentMethod::CreditDebit,
                currency: Currency::Usd,
                amount: Amount::from_minor(100),
                details: Details {
                    noti_url: Some("http://shop.test/noti".into()),
                    ..Details::default()
                }
                .kept(),
                context: None,
            };
            transaction.register(RequestId(1), new).expect("a new order");
        });
        (spaces, space, wakeups)
    }

    pub(in crate::space) async fn change(space: &Space, change: ClockChange) {
        space.change_clock(change).await.expect("the clock is changed");
    }

    pub(in crate::space) fn cancel(space: &Space) {
        space.write(|transaction| {
            let event = transaction.ledger().decide(transaction.now, NAMED, Command::Cancel);
            transaction.book(event.expect("it may be cancelled"), RequestId(2)).expect("an order");
        });
    }

    /// Stands in for the driver: every attempt fails at once.
    async fn refuse_all(space: Arc<Space>, mut wakeups: UnboundedReceiver<u32>) {
        while wakeups.recv().await.is_some() {
            for dispatch in space.take_due().0 {
                let attempt = Attempt {
                    status: Some(500),
                    ..Attempt::failed(dispatch.delivery_job.at, "HTTP 500")
                };
                space.attempted(&dispatch, attempt);
            }
        }
    }

    #[tokio::test]
    async fn a_retry_ladder_of_hours_runs_at_once_and_each_attempt_has_its_moment() {
        let (_spaces, space, wakeups) = world().await;
        tokio::spawn(refuse_all(Arc::clone(&space), wakeups));
        cancel(&space);
        change(&space, ClockChange { run_until_idle: true, ..Default::default() }).await;
        let ladder: Vec<i64> = Profile::builtin()
            .pushback
            .retries_s
            .iter()
            .scan(0, |sum, wait| {
                *sum += i64::from(*wait) * 1000;
                Some(*sum)
            })
            .collect();
        let expected: Vec<i64> = std::iter::once(0).chain(ladder).collect();
        space.read(|view| {
            let delivery = view.outbox.iter().next().expect("a push-back");
            let times: Vec<i64> = delivery.attempts.iter().map(|a| a.at.0 - BIRTH.0).collect();
            assert_eq!(times, expected);
            assert_eq!(delivery.state, DeliveryState::Exhausted);
            assert_eq!(view.now.0 - BIRTH.0, expected[expected.len() - 1]);
        });
    }

    #[tokio::test]
    async fn an_advance_ends_exactly_at_its_target_and_sees_what_expires_on_the_way() {
        let (_spaces, space, wakeups) = world().await;
        tokio::spawn(refuse_all(Arc::clone(&space), wakeups));
        let advance = ClockChange { advance_ms: Some(14 * MINUTE), ..Default::default() };
        change(&space, advance).await;
        space.read(|view| {
            assert_eq!(view.now, later(BIRTH, 14 * MINUTE));
            let order = view.ledger.find(NAMED).expect("the order");
            assert_eq!(order.state, OrderState::Registered);
        });
        change(&space, advance).await;
        space.read(|view| {
            assert_eq!(view.now, later(BIRTH, 28 * MINUTE));
            let order = view.ledger.find(NAMED).expect("the order");
            assert_eq!(order.state, OrderState::Expired);
            assert_eq!(order.history[1].at, later(BIRTH, 15 * MINUTE));
        });
    }

    #[tokio::test]
    async fn running_until_idle_leaves_orders_alone_that_only_wait_for_their_payer() {
        let (_spaces, space, _bell) = world().await;
        change(&space, ClockChange { run_until_idle: true, ..Default::default() }).await;
        space.read(|view| {
            assert_eq!(view.now, BIRTH);
            assert_eq!(view.ledger.find(NAMED).expect("it").state, OrderState::Registered);
        });
    }

    #[tokio::test]
    async fn two_advances_at_once_add_up() {
        let (_spaces, space, wakeups) = world().await;
        tokio::spawn(refuse_all(Arc::clone(&space), wakeups));
        cancel(&space);
        let hour = ClockChange { advance_ms: Some(60 * MINUTE), ..Default::default() };
        let hours = (0..8).map(|_| {
            let space = Arc::clone(&space);
            tokio::spawn(async move { change(&space, hour).await })
        });
        for hour in hours.collect::<Vec<_>>() {
            hour.await.expect("no panic");
        }
        assert_eq!(space.now(), later(BIRTH, 8 * 60 * MINUTE));
        space.read(|view| {
            let attempts = &view.outbox.iter().next().expect("a push-back").attempts;
            let seconds: Vec<i64> = attempts.iter().map(|a| (a.at.0 - BIRTH.0) / 1000).collect();
            assert_eq!(seconds, [0, 5, 305, 2105, 9305, 27305]);
        });
    }

    #[tokio::test]
    async fn a_reset_ends_an_advance_that_waits_and_leaves_a_clock_that_runs() {
        let (_spaces, space, _bell) = world().await;
        cancel(&space);
        let advance = ClockChange { advance_ms: Some(MINUTE), ..Default::default() };
        let mut waiting = pin!(space.change_clock(advance));
        assert!(poll_once(waiting.as_mut()).await.is_none(), "nobody delivers, so it waits");
        space.reset();
        assert_eq!(waiting.await, Err(ClockError::Reset));
        space.read(|view| assert_eq!(view.clock.scale_milli(), 1000));
    }

    #[tokio::test]
    async fn an_advance_given_up_lets_the_clock_run_on_as_before() {
        let (_spaces, space, _bell) = world().await;
        cancel(&space);
        change(&space, ClockChange { scale_milli: Some(2000), ..Default::default() }).await;
        {
            let advance = ClockChange { advance_ms: Some(MINUTE), ..Default::default() };
            let mut waiting = pin!(space.change_clock(advance));
            let first = poll_once(waiting.as_mut()).await;
            assert!(first.is_none(), "nobody delivers, so it waits");
            space.read(|view| assert_eq!(view.clock.scale_milli(), 0));
        }
        space.read(|view| assert_eq!(view.clock.scale_milli(), 2000));
    }

    #[tokio::test]
    async fn a_clock_that_catches_up_has_missed_nothing() {
        let (_spaces, space, _bell) = world().await;
        cancel(&space);
        let before = wall_clock();
        change(&space, ClockChange { scale_milli: Some(2000), ..Default::default() }).await;
        let started = wall_clock();
        {
            let advance =
                ClockChange { advance_ms: Some(MINUTE), catches_up: true, ..Default::default() };
            let mut waiting = pin!(space.change_clock(advance));
            assert!(poll_once(waiting.as_mut()).await.is_none(), "nobody delivers, so it waits");
            while wall_clock().0 < started.0 + 5 {
                std::hint::spin_loop();
            }
        }
        let from = wall_clock();
        let shown = space.now().0 - BIRTH.0;
        let to = wall_clock();
        let possible = 2 * (from.0 - started.0)..=2 * (to.0 - before.0);
        assert!(possible.contains(&shown), "{shown} is not in {possible:?}");
    }

    #[tokio::test]
    async fn a_clock_that_runs_with_the_next_call_begins_at_it() {
        let (_spaces, space, _bell) = world().await;
        space.run_with_next_call(2000);
        space.arrive(None, None);
        space.read(|view| assert_eq!(view.clock.scale_milli(), 0, "no call of a merchant"));
        let call = Some(Point::Call(Operation::Status));
        space.arrive(None, call);
        space.read(|view| assert_eq!(view.clock.scale_milli(), 2000));

        // One that comes while the clock is being moved has it run afterwards.
        let stop = ClockChange { freeze: Some(true), ..Default::default() };
        change(&space, stop).await;
        cancel(&space);
        space.run_with_next_call(3000);
        {
            let advance = ClockChange { advance_ms: Some(MINUTE), ..Default::default() };
            let mut waiting = pin!(space.change_clock(advance));
            assert!(poll_once(waiting.as_mut()).await.is_none(), "nobody delivers, so it waits");
            space.arrive(None, call);
            space.read(|view| assert_eq!(view.clock.scale_milli(), 0));
        }
        space.read(|view| assert_eq!(view.clock.scale_milli(), 3000));
    }

    async fn poll_once<F: Future>(mut future: std::pin::Pin<&mut F>) -> Option<F::Output> {
        std::future::poll_fn(|cx| {
            std::task::Poll::Ready(match future.as_mut().poll(cx) {
                std::task::Poll::Ready(output) => Some(output),
                std::task::Poll::Pending => None,
            })
        })
        .await
    }

    #[tokio::test]
    async fn times_out_of_range_are_refused_and_change_nothing() {
        let (_spaces, space, _bell) = world().await;
        for wrong in [
            ClockChange { set: Some(Millis(-1)), freeze: Some(false), ..Default::default() },
            ClockChange { set: Some(Millis::LATEST.plus(1)), ..Default::default() },
            ClockChange { advance_ms: Some(u64::MAX), scale_milli: Some(1), ..Default::default() },
        ] {
            assert_eq!(space.change_clock(wrong).await, Err(ClockError::OutOfRange));
            assert_eq!(space.now(), BIRTH);
        }
    }
}
