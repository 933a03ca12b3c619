//! The simulated time of the built-in merchant, and what it is doing at the moment: so that whoever moves the clock
//! knows when the merchant has come to rest.
//!
//! Every task of the merchant is counted as busy from its birth to its end, except while it waits for a time
//! ([`VirtualTime::sleep_until`]) or for the answer to a call ([`VirtualTime::call`]). Whoever brings the clock to a time makes those
//! busy again that it wakes, before they run; so there is no gap in which a woken task looks like one at rest.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{Notify, oneshot};

use crate::base::Millis;

/// A clock with its timers and a count of who is busy.
#[derive(Debug)]
pub struct VirtualTime {
    state: Mutex<TimeState>,
    changed: Notify,
}

#[derive(Debug, Default)]
struct TimeState {
    now: Millis,
    /// Raised by every change.
    version: u64,
    busy: usize,
    timers: BTreeMap<(Millis, u64), Timer>,
    next_timer: u64,
    /// Calls that wait for their answer: how many of those that began when.
    calls: BTreeMap<Millis, usize>,
    /// Push-backs that are held before they are answered: how many of those that came when.
    frozen: BTreeMap<Millis, usize>,
}

#[derive(Debug)]
struct Timer {
    wake: oneshot::Sender<()>,
    /// Comes again and again; nobody waits for it to pass.
    is_routine: bool,
}

/// The merchant's activity.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Activity {
    /// True if any of its tasks is neither waiting for a time nor for an answer.
    pub is_busy: bool,
    /// Calls that wait for their answer: how many of those that began when.
    pub calls: BTreeMap<Millis, usize>,
    /// Push-backs that are held before they are answered: how many of those that came when.
    pub frozen: BTreeMap<Millis, usize>,
    /// Time at which the next timer goes off.
    pub next: Option<Millis>,
    /// The same, without what comes again and again.
    pub next_errand: Option<Millis>,
    /// Tells two moments apart.
    pub version: u64,
}

/// As long as this is kept its task is busy.
#[derive(Debug)]
pub struct BusyGuard(Arc<VirtualTime>);

impl VirtualTime {
    /// A clock that shows `now`.
    pub fn new(now: Millis) -> Arc<Self> {
        let state = TimeState { now, ..TimeState::default() };
        Arc::new(Self { state: Mutex::new(state), changed: Notify::new() })
    }

    /// Time on the clock.
    pub fn now(&self) -> Millis {
        self.lock().now
    }

    /// Rings at every change.
    pub fn changed(&self) -> &Notify {
        &self.changed
    }

    /// Makes the caller busy.
    pub fn busy(self: &Arc<Self>) -> BusyGuard {
        self.change(|state| state.busy += 1);
        BusyGuard(Arc::clone(self))
    }

    /// Runs a task that is busy from now on.
    pub fn spawn(self: &Arc<Self>, task: impl Future<Output = ()> + Send + 'static) {
        let busy = self.busy();
        tokio::spawn(async move {
            task.await;
            drop(busy);
        });
    }

    /// Waits, within a busy task, until the clock shows `at`.
    pub async fn sleep_until(&self, at: Millis) {
        self.wait(at, false, Rest::Task).await;
    }

    /// The same for what comes again and again.
    pub async fn sleep_routinely_until(&self, at: Millis) {
        self.wait(at, true, Rest::Task).await;
    }

    /// Holds a push-back that came now until the clock shows `at`. The caller is busy afterwards.
    pub async fn hold_until(self: &Arc<Self>, at: Millis) -> BusyGuard {
        let came = self.now();
        self.change(|state| *state.frozen.entry(came).or_default() += 1);
        let _held = Undo(self, |state: &mut TimeState| leave(&mut state.frozen, came));
        self.wait(at, false, Rest::Outside).await;
        BusyGuard(Arc::clone(self))
    }

    /// Waits, within a busy task, for the answer to a call, not longer than until `limit`.
    pub async fn call<R>(
        &self,
        limit: Option<Millis>,
        answer: impl Future<Output = R>,
    ) -> Option<R> {
        let began = self.now();
        self.change(|state| {
            *state.calls.entry(began).or_default() += 1;
            state.busy = state.busy.saturating_sub(1);
        });
        let mut timer = limit.map(|limit| Waiting::new(self, limit, false));
        let done = match &mut timer {
            None => Some(answer.await),
            Some(timer) => tokio::select! {
                biased;
                answer = answer => Some(answer),
                () = timer.woken() => None,
            },
        };
        self.change(|state| {
            leave(&mut state.calls, began);
            // One that was woken has been made busy already.
            if timer.as_mut().is_none_or(|timer| timer.withdraw(state)) {
                state.busy += 1;
            }
        });
        done
    }

    /// The merchant's activity.
    pub fn merchant_activity(&self) -> Activity {
        let state = self.lock();
        let entry = state.timers.iter().find(|(_, timer)| !timer.is_routine);
        Activity {
            is_busy: state.busy > 0,
            calls: state.calls.clone(),
            frozen: state.frozen.clone(),
            next: state.timers.first_key_value().map(|((at, _), _)| *at),
            next_errand: entry.map(|((at, _), _)| *at),
            version: state.version,
        }
    }

    /// Brings the clock to `to`. Nobody wakes before [`VirtualTime::wake`], so that the gateway's clock can follow first.
    pub fn show(&self, to: Millis) {
        self.change(|state| state.now = to);
    }

    /// Wakes whoever has waited for what the clock shows.
    pub fn wake(&self) {
        self.change(|state| {
            let now = state.now;
            while let Some(first) = state.timers.first_entry().filter(|first| first.key().0 <= now)
            {
                // Whoever has gone meanwhile has taken its timer along.
                if first.remove().wake.send(()).is_ok() {
                    state.busy += 1;
                }
            }
        });
    }

    async fn wait(&self, at: Millis, is_routine: bool, rest: Rest) {
        if self.now() >= at {
            if rest == Rest::Outside {
                self.change(|state| state.busy += 1);
            }
            return;
        }
        let mut timer = Waiting::new(self, at, is_routine);
        if rest == Rest::Task {
            self.change(|state| state.busy = state.busy.saturating_sub(1));
        }
        timer.woken().await;
    }

    fn change<R>(&self, change: impl FnOnce(&mut TimeState) -> R) -> R {
        let mut state = self.lock();
        let result = change(&mut state);
        state.version += 1;
        drop(state);
        self.changed.notify_waiters();
        result
    }

    fn lock(&self) -> MutexGuard<'_, TimeState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A task that waits for a time.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Rest {
    /// A busy task, which is not busy meanwhile.
    Task,
    /// Something that was not counted as busy.
    Outside,
}

fn leave(counts: &mut BTreeMap<Millis, usize>, at: Millis) {
    if let Some(count) = counts.get_mut(&at) {
        *count -= 1;
        if *count == 0 {
            counts.remove(&at);
        }
    }
}

impl Drop for BusyGuard {
    fn drop(&mut self) {
        self.0.change(|state| state.busy = state.busy.saturating_sub(1));
    }
}

/// Runs a change when it is dropped.
struct Undo<'p, F: Fn(&mut TimeState)>(&'p VirtualTime, F);

impl<F: Fn(&mut TimeState)> Drop for Undo<'_, F> {
    fn drop(&mut self) {
        self.0.change(&self.1);
    }
}

/// A timer that is running.
struct Waiting<'p> {
    time: &'p VirtualTime,
    key: (Millis, u64),
    woken: oneshot::Receiver<()>,
}

impl<'p> Waiting<'p> {
    fn new(time: &'p VirtualTime, at: Millis, is_routine: bool) -> Self {
        let (wake, woken) = oneshot::channel();
        let key = time.change(|state| {
            state.next_timer += 1;
            let key = (at, state.next_timer);
            state.timers.insert(key, Timer { wake, is_routine });
            key
        });
        Self { time, key, woken }
    }

    async fn woken(&mut self) {
        // The sender is dropped only together with the clock.
        let _ = (&mut self.woken).await;
    }

    /// Stops it; whether it was still running.
    fn withdraw(&self, state: &mut TimeState) -> bool {
        state.timers.remove(&self.key).is_some()
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.time.change(|state| self.withdraw(state));
    }
}
