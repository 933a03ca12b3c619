//! A space itself: its names, its two locks, and the parts that all spaces share.

use std::collections::BTreeSet;
use std::sync::atomic::AtomicUsize;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use tokio::sync::Notify;
use tokio::sync::mpsc::UnboundedSender;

use super::contents::{Budgets, Contents, InitialState};
use super::events::{Event, EventPage};
use super::gate::SpaceGate;
use super::inbox::Inbox;
use super::journal::{Journal, JournalEntry, RequestId};
use super::log::Log;
use super::metrics::Meter;
use super::state::State;
use super::write_rounds::WriteRounds;
use crate::base::{Millis, Operation, Seed, TraceContext, wall_clock};
use crate::profile::{Merchant, Profile, PushbackOverrides, PushbackPolicy};
use crate::scenario::{Counts, Point};

/// An isolated world.
#[derive(Debug)]
pub struct Space {
    pub(super) name: Box<str>,
    pub(super) number: u32,
    pub(super) shared: Arc<Shared>,
    pub(super) initial: InitialState,
    pub(super) me: Weak<Self>,
    /// Everything that a request is decided by.
    state: Mutex<State>,
    /// Its lock is the innermost: taken while the state's may be held, and none within it.
    log: Mutex<Log>,
    /// Rings whenever something was booked, journalled or delivered, and when somebody comes or goes at a closed gate.
    pub(super) changed: Notify,
    /// Rings whenever the clock was changed, or all of the space, or the turn to make time pass is free.
    pub(super) clock_moved: Notify,
    /// The way in for whoever changes it for somebody outside.
    pub(super) gate: SpaceGate,
}

/// Parts that all spaces share.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) profile: Arc<Profile>,
    /// The profile's policy for push-backs.
    pub(super) pushback: Arc<PushbackPolicy>,
    pub(super) budgets: Budgets,
    pub(super) wakeups: UnboundedSender<u32>,
    /// Orders, push-backs and saved cards in all snapshots of the process.
    pub(super) snapshot_entries: Arc<AtomicUsize>,
    /// Counts from before resets, and from spaces that are gone.
    past: Mutex<Counts>,
    pub(super) meter: Meter,
    /// Rounds in which spaces are written, where they are kept outside the process.
    pub(super) rounds: Option<Arc<WriteRounds>>,
}

impl Shared {
    pub(super) fn new(
        profile: Arc<Profile>,
        budgets: Budgets,
        wakeups: UnboundedSender<u32>,
        rounds: Option<Arc<WriteRounds>>,
    ) -> Self {
        Self {
            pushback: Arc::new(profile.pushback.clone()),
            profile,
            budgets,
            wakeups,
            snapshot_entries: Arc::default(),
            past: Mutex::default(),
            meter: Meter::new(),
            rounds,
        }
    }

    /// Counts from before resets, and from spaces that are gone.
    pub(super) fn past(&self) -> MutexGuard<'_, Counts> {
        self.past.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The profile's policy, with the merchant's own settings where it has any.
    pub(super) fn pushback_policy(&self, merchant: &Merchant) -> Arc<PushbackPolicy> {
        if merchant.pushback == PushbackOverrides::default() {
            Arc::clone(&self.pushback)
        } else {
            Arc::new(self.profile.pushback_for(merchant))
        }
    }
}

/// A request that has come to a space, with all that is asked of the space before it is decided.
#[derive(Clone, Debug)]
pub struct Arrival {
    /// Its name.
    pub trace: RequestId,
    /// Generation of the space. What is found out about the request holds in no other.
    pub generation: u64,
    /// The merchant that it names.
    pub merchant: Option<Arc<Merchant>>,
    /// The seed of the space's choices.
    pub seed: Seed,
    /// True if a rule may step in at the point that was asked about.
    pub meets_rules: bool,
}

/// Outcome of adding a merchant.
pub(super) enum Added {
    Yes,
    IsThere,
    IsFull,
}

impl Space {
    pub(super) fn new(
        name: &str,
        number: u32,
        initial: InitialState,
        shared: Arc<Shared>,
    ) -> Arc<Self> {
        let contents = Contents::initial(&initial, &shared.profile, shared.budgets);
        Arc::new_cyclic(|me| Self {
            name: name.into(),
            number,
            initial,
            me: Weak::clone(me),
            state: Mutex::new(State::new(contents, RequestId::first_of(number))),
            log: Mutex::new(Log::new(shared.budgets.journal)),
            changed: Notify::new(),
            clock_moved: Notify::new(),
            gate: SpaceGate::default(),
            shared,
        })
    }

    /// Another handle on it; `None` while it is being dropped.
    pub fn handle(&self) -> Option<Arc<Self>> {
        self.me.upgrade()
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its number in the process; part of its traces.
    pub fn number(&self) -> u32 {
        self.number
    }

    /// The profile it follows.
    pub fn profile(&self) -> &Arc<Profile> {
        &self.shared.profile
    }

    /// Rings whenever something was booked, journalled or delivered.
    pub fn changed(&self) -> &Notify {
        &self.changed
    }

    /// The seed of its choices.
    pub fn seed(&self) -> Seed {
        self.lock().contents.seed
    }

    /// The seed that it has after a reset.
    pub fn first_seed(&self) -> Seed {
        self.initial.seed
    }

    /// Time on the clock.
    pub fn now(&self) -> Millis {
        self.lock().contents.clock.now(wall_clock())
    }

    /// A name for the next request.
    pub fn next_trace(&self) -> RequestId {
        self.lock().next_request()
    }

    /// Takes a request in: names it, and looks up the merchant that it names, if any. `point` is where rules may step in.
    pub fn arrive(&self, merchant: Option<&str>, point: Option<Point>) -> Arrival {
        let mut state = self.lock();
        if point.is_some() && state.runs_with_call.is_some() {
            drop(state);
            self.run_as_promised();
            state = self.lock();
        }
        let contents = &state.contents;
        let merchant = merchant.and_then(|id| contents.merchants.get(id)).map(Arc::clone);
        let meets_rules = point.is_some_and(|point| contents.rules.set().listens_at(point));
        let (generation, seed) = (state.generation, contents.seed);
        Arrival { trace: state.next_request(), generation, merchant, seed, meets_rules }
    }

    /// The merchant of this id.
    pub fn merchant(&self, id: &str) -> Option<Arc<Merchant>> {
        self.lock().contents.merchants.get(id).map(Arc::clone)
    }

    /// All merchants, by id.
    pub fn merchants(&self) -> Vec<Arc<Merchant>> {
        self.lock().contents.merchants.values().map(Arc::clone).collect()
    }

    /// Ids of the merchants that belong to it since it was made.
    pub(super) fn owned(&self) -> Arc<BTreeSet<Box<str>>> {
        Arc::clone(&self.lock_unnoted().owned)
    }

    /// Notes that a merchant belongs to it.
    pub(super) fn own(&self, merchant: &str) {
        Arc::make_mut(&mut self.lock().owned).insert(merchant.into());
    }

    /// Adds a merchant where there is none of its id, and fewer than `limit` of any.
    pub(super) fn add_merchant(&self, merchant: Arc<Merchant>, limit: usize) -> Added {
        let merchants = &mut self.lock().contents.merchants;
        if merchants.contains_key(merchant.id.as_str()) {
            return Added::IsThere;
        }
        if merchants.len() >= limit {
            return Added::IsFull;
        }
        merchants.insert(merchant.id.as_str().into(), merchant);
        Added::Yes
    }

    /// Changes a merchant's settings. `None` when there is no such merchant.
    pub fn change_merchant(
        &self,
        id: &str,
        change: impl FnOnce(&mut Merchant),
    ) -> Option<Arc<Merchant>> {
        let mut state = self.lock();
        let merchant = state.contents.merchants.get_mut(id)?;
        // A copy, so that nothing that was derived from the settings before stays.
        let mut changed = Merchant::clone(merchant);
        change(&mut changed);
        *merchant = Arc::new(changed);
        Some(Arc::clone(merchant))
    }

    /// Returns true if any rule may step in at this point.
    pub fn listens_at(&self, point: Point) -> bool {
        self.lock().contents.rules.set().listens_at(point)
    }

    /// Notes a request that was decided in that generation, secrets masked, and its reply. Once a reset has begun another
    /// journal, what belongs to before it is not noted.
    pub fn note(&self, generation: u64, entry: JournalEntry, request: &[u8], reply: &[u8]) {
        let meter = &self.shared.meter;
        meter.request(&entry);
        if tracing::enabled!(tracing::Level::DEBUG) {
            self.trace_entry(&entry);
        }
        let dropped = self.log().note(generation, entry, request, reply);
        meter.journal_dropped(dropped);
        self.changed.notify_waiters();
    }

    /// One line on a request, where debugging is on.
    #[cold]
    fn trace_entry(&self, entry: &JournalEntry) {
        let context = entry
            .more()
            .trace_headers
            .as_ref()
            .and_then(|trace_headers| trace_headers.context.as_deref());
        tracing::debug!(
            trace = %entry.trace,
            space = &*self.name,
            operation = entry.operation.map(Operation::name).or(entry.more().control),
            merchant = entry.merchant.as_ref().map(|merchant| merchant.id.as_str()),
            tx_id = entry.tx_id.as_deref(),
            status = entry.status,
            reason = entry.reason.name(),
            rule = entry.more().rule.as_ref().map(|by| &*by.rule),
            took_us = entry.took_us,
            trace_id = context.map(TraceContext::trace_id),
            "request"
        );
    }

    /// Looks into the journal.
    pub fn read_journal<R>(&self, read: impl FnOnce(&Journal) -> R) -> R {
        read(&self.log().journal)
    }

    /// Counts of the failures met since birth or reset.
    pub fn met(&self) -> Counts {
        let plans = self.lock().met.clone();
        Counts { reasons: self.read_journal(Journal::reasons), plans }
    }

    /// The number of the latest event; 0 before the first.
    pub fn last_event(&self) -> u64 {
        self.log().events.last()
    }

    /// Events after that number, the first `max` of them.
    pub fn event_page(&self, after: u64, max: usize) -> EventPage {
        self.log().events.after(after, max)
    }

    /// Returns true if the space is in this generation still, so that what was read in it refers to what is there.
    pub fn is_in(&self, generation: u64) -> bool {
        self.log().events.generation() == generation
    }

    /// Runs `read` again while a reset or a restore changed the space under it, so that what several looks bring
    /// together belongs together.
    pub fn undisturbed<R>(&self, mut read: impl FnMut() -> R) -> R {
        loop {
            let generation = self.log().events.generation();
            let result = read();
            if self.is_in(generation) {
                return result;
            }
        }
    }

    /// The state for whoever may change it: the space is noted as one to be written.
    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        let mut state = self.lock_unnoted();
        if let Some(rounds) = &self.shared.rounds
            && !std::mem::replace(&mut state.is_noted, true)
        {
            rounds.note(self.number);
        }
        state
    }

    /// Notes that the space is to be written, though nothing in its state changes.
    pub(super) fn note_change(&self) {
        drop(self.lock());
    }

    /// The state for whoever changes nothing in it that is written.
    pub(super) fn lock_unnoted(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Goes on from contents that were read, before anybody meets the space.
    pub(super) fn resume(
        &self,
        contents: Contents,
        owned: BTreeSet<Box<str>>,
        next_request: RequestId,
        inbox: Inbox,
    ) {
        let real = wall_clock();
        let mut state = self.lock_unnoted();
        (state.contents, state.next_request) = (contents, next_request);
        state.owned = Arc::new(owned);
        self.log().inbox = inbox;
        self.arm(real, &mut state);
    }

    /// Lets a new space be written and woken, now that it can be found.
    pub(super) fn enter_rounds(&self) {
        let real = wall_clock();
        self.arm(real, &mut self.lock());
    }

    pub(super) fn log(&self) -> MutexGuard<'_, Log> {
        self.log.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes that something happened. Whoever follows is woken by the end of the section.
    pub(super) fn happened(&self, what: Event) {
        self.log().events.push(what);
    }

    /// Rings the scheduler when the next due time has come nearer than it knows.
    pub(super) fn arm(&self, real: Millis, state: &mut State) {
        let Some(due) = state.contents.next_due() else { return };
        // The comparison in simulated time is enough to leave the common case: a later deadline.
        let Some(at) = state.contents.clock.real_at(real, due) else { return };
        if at < state.next_wakeup {
            state.next_wakeup = at;
            // Nobody listens any more once the process is going down.
            let _ = self.shared.wakeups.send(self.number);
        }
    }

    pub(super) fn wake_all(&self) {
        self.clock_moved.notify_waiters();
        self.changed.notify_waiters();
    }
}
