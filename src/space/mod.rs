//! One isolated world: ledger, clock, seed, merchants, journal and outbox. Nothing crosses from one
//! space to another.
//!
//! A request takes the space's lock once, with [`Space::write`]: time that has run out is seen first,
//! then the closure looks and books, then the lock is gone. Nothing is awaited inside.

mod activity;
mod another_order;
mod attempts;
mod clock;
mod clock_timer;
mod events;
mod export;
mod finding;
mod handle;
mod journal;
mod metrics;
mod outbox;
mod pending_reply;
mod registry;
mod reset;
mod rule_hit;
mod snapshot;
mod time_travel;

pub use activity::{Activity, UnansweredCall};
pub use clock::Clock;
pub use clock_timer::ClockTimer;
pub use events::{Event, EventPage};
pub use export::{FileError, SNAPSHOT_FILE_MAX};
pub use finding::{Lint, LintFinding, Weight};
pub use handle::{OrderHandle, OrderSnapshot};
pub use journal::{Bodies, Journal, JournalBudget, JournalEntry, More, RequestId};
pub use metrics::{AttemptEnd, DECISION_STEPS_US, DecisionTimes, Meter};
pub use outbox::{Attempt, Delivery, DeliveryChange, DeliveryJob, DeliveryState, Outbox};
pub use pending_reply::{CountedRule, Deferred, PendingReply, Ruling};
pub use registry::{DEFAULT_SPACE, IfExists, NewMerchant, SpaceError, Spaces};
pub use rule_hit::{ReplyProgress, ReplyState, RuleHit};
pub use snapshot::{Snapshot, SnapshotError};
pub use time_travel::{ClockChange, ClockError};

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU32, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, Weak};

use tokio::sync::Notify;
use tokio::sync::mpsc::UnboundedSender;

use crate::base::{Millis, Operation, Reason, Seed, TraceContext, wall_clock};
use crate::ledger::{
    Binding, BindingId, Bindings, Change, Ledger, LedgerEvent, NewBinding, NewOrder, Order,
    OrderId, Progress, Registration, Target,
};
use crate::profile::{Merchant, Profile, PushbackEvent, PushbackOverrides, PushbackPolicy};
use crate::scenario::{
    CommitPoint, Content, Counters, Counts, NoticeText, PlannedNotice, PlansMet, PushbackPlan,
    Tampering,
};
use crate::wire;
use another_order::another_order;
use attempts::Attempts;
use clock_timer::Waiter;
use events::EventLog;
use pending_reply::{NoticeCause, RuleStore, TRUTH};

/// Budgets of each space.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Budgets {
    /// Orders; past it the oldest closed ones are dropped.
    pub orders: usize,
    /// Requests.
    pub journal: JournalBudget,
    /// Push-backs.
    pub deliveries: usize,
}

impl Default for Budgets {
    fn default() -> Self {
        Self {
            orders: 100_000,
            journal: JournalBudget { entries: 10_000, bytes: 16 << 20 },
            deliveries: 10_000,
        }
    }
}

/// An isolated world.
#[derive(Debug)]
pub struct Space {
    name: Box<str>,
    number: u32,
    seed: AtomicU64,
    shared: Arc<Shared>,
    pushback: Arc<PushbackPolicy>,
    initial: InitialState,
    merchants: RwLock<BTreeMap<Box<str>, Arc<Merchant>>>,
    state: Mutex<State>,
    journal: Mutex<Journal>,
    /// Its lock is the innermost: taken while another may be held, and none within it.
    events: Mutex<EventLog>,
    traces: AtomicU64,
    /// The real time at which the driver looks in next.
    next_wakeup: AtomicI64,
    changed: Notify,
    /// Rings whenever the clock was changed, or all of the space.
    clock_moved: Notify,
    rule_store: RwLock<RuleStore>,
    /// The points at which a rule may step in, one bit each.
    listening: AtomicU32,
    me: Weak<Self>,
    /// True if somebody moves the clock from event to event.
    driven: AtomicBool,
    /// Held by whoever makes time pass, so that two never do so at once.
    clock_lock: tokio::sync::Mutex<()>,
    snapshots: Mutex<BTreeMap<Box<str>, Arc<Snapshot>>>,
}

/// Parts that all spaces share.
#[derive(Debug)]
struct Shared {
    profile: Arc<Profile>,
    budgets: Budgets,
    wakeups: UnboundedSender<u32>,
    /// Orders, push-backs and saved cards in all snapshots of the process.
    snapshot_entries: Arc<AtomicUsize>,
    /// Counts from before resets, and from spaces that are gone.
    past: Mutex<Counts>,
    meter: Meter,
}

/// State of a space when it was made, for a reset.
#[derive(Clone, Debug)]
struct InitialState {
    seed: Seed,
    random_domain: Arc<str>,
    merchants: BTreeMap<Box<str>, Arc<Merchant>>,
    /// The ids of the merchants that it was made with, beside the documented ones.
    wanted: Vec<Box<str>>,
}

/// State that the lock guards.
#[derive(Debug)]
struct State {
    clock: Clock,
    ledger: Ledger,
    outbox: Outbox,
    counters: Counters,
    met: PlansMet,
    /// Waiters for the clock on the way to a socket, by when they go on.
    waiting: BTreeSet<(Millis, Waiter)>,
    /// Number of calls that are never answered and whose callers are still there, by the time at which they came.
    silent: BTreeMap<Millis, usize>,
    /// Push-backs that are being sent, by their numbers.
    attempts: Attempts,
    /// Time on the clock when the space was made or reset.
    born: Millis,
    /// Raised by a reset or restore, so that an attempt from before it finds nothing to note itself in.
    generation: u64,
    /// Random domain: the space's own name, or that of the space whose snapshot this goes on from, so that
    /// it goes on as that one would have.
    random_domain: Arc<str>,
}

/// The inside of a space at one moment, under its lock.
pub struct Transaction<'a> {
    space: &'a Space,
    state: &'a mut State,
    /// Time on the space's clock.
    pub now: Millis,
    /// Time at which what is booked here is booked.
    commit: CommitPoint,
    /// Notices in place of each push-back that is caused here; `None`: the push-back itself.
    pushback: Option<PushbackPlan>,
    /// The rule that stepped in.
    rule: Option<Arc<str>>,
    deferred: Deferred,
    /// An order as it would be, had all been booked.
    preview: Option<Box<Order>>,
    /// The clock was handed out to be changed.
    clock_moved: bool,
}

/// The same, to look at only.
#[derive(Clone, Copy)]
pub struct StateView<'a> {
    /// Time on the space's clock.
    pub now: Millis,
    /// Time on the clock when the space was made or reset.
    pub born: Millis,
    /// The clock.
    pub clock: &'a Clock,
    /// The orders.
    pub ledger: &'a Ledger,
    /// The push-backs.
    pub outbox: &'a Outbox,
    /// Time at which the next deadline or push-back is due, or the next reply or piece of one may leave.
    pub next_due: Option<Millis>,
    /// Raised by a reset or a restore.
    generation: u64,
}

/// An attempt to make, of one generation of the space.
#[derive(Clone, Debug)]
pub struct Dispatch {
    /// The delivery to send.
    pub delivery_job: DeliveryJob,
    generation: u64,
}

impl Space {
    fn new(name: &str, number: u32, initial: InitialState, shared: Arc<Shared>) -> Arc<Self> {
        let state = State::new(&shared, &initial, 0);
        Arc::new_cyclic(|me| Self {
            name: name.into(),
            number,
            seed: AtomicU64::new(initial.seed.0),
            pushback: Arc::new(shared.profile.pushback.clone()),
            merchants: RwLock::new(initial.merchants.clone()),
            initial,
            state: Mutex::new(state),
            journal: Mutex::new(Journal::new(shared.budgets.journal)),
            events: Mutex::default(),
            traces: AtomicU64::new(RequestId::first_of(number).0),
            next_wakeup: AtomicI64::new(i64::MAX),
            changed: Notify::new(),
            clock_moved: Notify::new(),
            rule_store: RwLock::default(),
            listening: AtomicU32::new(0),
            me: Weak::clone(me),
            driven: AtomicBool::new(false),
            clock_lock: tokio::sync::Mutex::new(()),
            snapshots: Mutex::default(),
            shared,
        })
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its number in the process; part of its traces.
    pub fn number(&self) -> u32 {
        self.number
    }

    /// The seed of its choices.
    pub fn seed(&self) -> Seed {
        Seed(self.seed.load(Ordering::Relaxed))
    }

    /// The profile it follows.
    pub fn profile(&self) -> &Arc<Profile> {
        &self.shared.profile
    }

    /// Rings whenever something was booked, journalled or delivered.
    pub fn changed(&self) -> &Notify {
        &self.changed
    }

    /// A name for the next request.
    pub fn next_trace(&self) -> RequestId {
        RequestId(self.traces.fetch_add(1, Ordering::Relaxed))
    }

    /// The merchant of this id.
    pub fn merchant(&self, id: &str) -> Option<Arc<Merchant>> {
        let merchants = self.merchants.read().unwrap_or_else(PoisonError::into_inner);
        merchants.get(id).map(Arc::clone)
    }

    /// All merchants, by id.
    pub fn merchants(&self) -> Vec<Arc<Merchant>> {
        let merchants = self.merchants.read().unwrap_or_else(PoisonError::into_inner);
        merchants.values().map(Arc::clone).collect()
    }

    /// Changes a merchant's settings. `None` when there is no such merchant.
    pub fn change_merchant(
        &self,
        id: &str,
        change: impl FnOnce(&mut Merchant),
    ) -> Option<Arc<Merchant>> {
        let mut merchants = self.merchants.write().unwrap_or_else(PoisonError::into_inner);
        let merchant = merchants.get_mut(id)?;
        // A copy, so that nothing that was derived from the settings before stays.
        let mut changed = Merchant::clone(merchant);
        change(&mut changed);
        *merchant = Arc::new(changed);
        Some(Arc::clone(merchant))
    }

    /// One short critical section: first what time has done, then `act`. Wakes whoever waits.
    pub fn write<R>(&self, act: impl FnOnce(&mut Transaction<'_>) -> R) -> R {
        self.locked(|transaction| (act(transaction), true))
    }

    /// The same for whoever only looks: nobody is woken, unless time has done something.
    pub fn read<R>(&self, see: impl FnOnce(StateView<'_>) -> R) -> R {
        self.locked(|transaction| {
            let Transaction { state, now, .. } = transaction;
            let State { clock, ledger, outbox, born, generation, .. } = &**state;
            let next_due = [state.next_due(), state.next_waiting()].into_iter().flatten().min();
            let (now, born, generation) = (*now, *born, *generation);
            (see(StateView { now, born, clock, ledger, outbox, next_due, generation }), false)
        })
    }

    /// Runs `act`, which also says whether it has changed anything.
    fn locked<R>(&self, act: impl FnOnce(&mut Transaction<'_>) -> (R, bool)) -> R {
        let real = wall_clock();
        let mut state = self.lock();
        let now = state.clock.now(real);
        let mut transaction = Transaction::new(self, &mut state, now);
        let expired = transaction.expire();
        let (result, changed) = act(&mut transaction);
        let clock_moved = transaction.clock_moved;
        self.arm(real, &state);
        drop(state);
        if clock_moved {
            self.clock_moved.notify_waiters();
        }
        if changed || expired {
            self.changed.notify_waiters();
        }
        result
    }

    /// Time on the clock.
    pub fn now(&self) -> Millis {
        self.lock().clock.now(wall_clock())
    }

    /// Notes a request, secrets masked, and its reply.
    pub fn note(&self, entry: JournalEntry, request: &[u8], reply: &[u8]) {
        let meter = &self.shared.meter;
        meter.request(&entry);
        if tracing::enabled!(tracing::Level::DEBUG) {
            self.log(&entry);
        }
        let mut journal = self.journal.lock().unwrap_or_else(PoisonError::into_inner);
        let before = journal.dropped();
        if let Some(number) = journal.push(entry, request, reply) {
            self.happened(Event::Request(number));
        }
        meter.journal_dropped(journal.dropped() - before);
        drop(journal);
        self.changed.notify_waiters();
    }

    /// One line on a request, where debugging is on.
    #[cold]
    fn log(&self, entry: &JournalEntry) {
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
        read(&self.journal.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Counts of the failures met since birth or reset.
    pub fn met(&self) -> Counts {
        let plans = self.lock().met.clone();
        Counts { reasons: self.read_journal(Journal::reasons), plans }
    }

    /// The push-backs that are due now, and the real time at which to ask again.
    pub fn take_due(&self) -> (Vec<Dispatch>, Option<Millis>) {
        self.next_wakeup.store(i64::MAX, Ordering::Release);
        let real = wall_clock();
        let mut state = self.lock();
        let now = state.clock.now(real);
        Transaction::new(self, &mut state, now).expire();
        let generation = state.generation;
        let jobs = state.outbox.take_due(now);
        for delivery_job in &jobs {
            state.attempts.begin(delivery_job);
        }
        let next = state.next_due().and_then(|due| state.clock.real_at(real, due));
        if let Some(next) = next {
            self.next_wakeup.store(next.0, Ordering::Release);
        }
        drop(state);
        self.changed.notify_waiters();
        let dispatch = |mut delivery_job: DeliveryJob| {
            delivery_job.context = delivery_job
                .context
                .map(|context| self.span(&context, delivery_job.id, delivery_job.attempt));
            Dispatch { delivery_job, generation }
        };
        (jobs.into_iter().map(dispatch).collect(), next)
    }

    /// The span of one attempt, which depends on the seed, the delivery and the attempt's number.
    fn span(&self, context: &TraceContext, delivery: u64, attempt: usize) -> Arc<TraceContext> {
        let parts: [&[u8]; 4] = [
            b"span",
            context.trace_id().as_bytes(),
            &delivery.to_le_bytes(),
            &(attempt as u64).to_le_bytes(),
        ];
        Arc::new(context.child(self.seed().number(&parts)))
    }

    /// Notes what came of an attempt.
    pub fn attempted(&self, dispatch: &Dispatch, attempt: Attempt) {
        if let Some(error) = &attempt.error {
            let trace_id = dispatch.delivery_job.context.as_ref().map(|context| context.trace_id());
            tracing::debug!(
                space = &*self.name,
                delivery = dispatch.delivery_job.id,
                trace = %dispatch.delivery_job.trace,
                trace_id,
                attempt = dispatch.delivery_job.attempt,
                error = &**error,
                "a push-back was not taken"
            );
        }
        self.write(|transaction| {
            if transaction.state.generation == dispatch.generation {
                transaction.state.attempts.end(dispatch.delivery_job.id, transaction.now);
                let (now, State { ledger, outbox, met, .. }) =
                    (transaction.now, &mut *transaction.state);
                outbox.attempted(now, dispatch.delivery_job.id, attempt);
                if let Some(delivery) = outbox.get(dispatch.delivery_job.id) {
                    self.happened(delivery.event());
                }
                if let Some(delivery) = outbox.get(dispatch.delivery_job.id)
                    && let Some(latest) = delivery.attempts.last()
                {
                    self.shared.meter.attempt(latest, delivery.state);
                }
                let waits = |delivery: &Delivery| delivery.state.due().is_some();
                if outbox.get(dispatch.delivery_job.id).is_some_and(waits) {
                    met.note_retry();
                }
                let taken = |delivery: &&Delivery| {
                    delivery.state == DeliveryState::Acknowledged
                        && delivery.content == Content::True.name()
                };
                if let Some(delivery) = outbox.get(dispatch.delivery_job.id).filter(taken) {
                    ledger.note_told(delivery.order);
                }
            }
        });
    }

    /// Timer on which the pieces of a slow push-back wait for the clock.
    pub fn pace(&self, dispatch: &Dispatch) -> Option<ClockTimer> {
        let (generation, waiter) = (dispatch.generation, Waiter::Sender(dispatch.delivery_job.id));
        Some(ClockTimer::new(self.me.upgrade()?, generation, waiter, dispatch.delivery_job.at))
    }

    /// Lets go of everything; nothing more is sent from it.
    fn close(&self) {
        self.reset();
        self.snapshots.lock().unwrap_or_else(PoisonError::into_inner).clear();
        self.events().close();
        self.changed.notify_waiters();
    }

    /// The profile's policy, with the merchant's own settings where it has any.
    fn pushback_policy(&self, merchant: &Merchant) -> Arc<PushbackPolicy> {
        if merchant.pushback == PushbackOverrides::default() {
            Arc::clone(&self.pushback)
        } else {
            Arc::new(self.profile().pushback_for(merchant))
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Rings the driver when the next due time has come nearer than it knows.
    fn arm(&self, real: Millis, state: &State) {
        let Some(due) = state.next_due() else { return };
        // The comparison in simulated time is enough to leave the common case: a later deadline.
        let Some(at) = state.clock.real_at(real, due) else { return };
        if at.0 < self.next_wakeup.load(Ordering::Acquire) {
            self.next_wakeup.store(at.0, Ordering::Release);
            // Nobody listens any more once the process is going down.
            let _ = self.shared.wakeups.send(self.number);
        }
    }
}

impl InitialState {
    fn new(seed: Seed, random_domain: &str, merchants: Vec<Merchant>) -> Self {
        let merchants = merchants.into_iter().map(|m| (m.id.as_str().into(), Arc::new(m)));
        Self {
            seed,
            random_domain: random_domain.into(),
            merchants: merchants.collect(),
            wanted: Vec::new(),
        }
    }
}

impl State {
    fn new(shared: &Shared, initial: &InitialState, generation: u64) -> Self {
        let Shared { profile, budgets, .. } = shared;
        Self {
            clock: Clock::real(),
            ledger: Ledger::new(profile.rules.clone(), budgets.orders),
            outbox: Outbox::new(budgets.deliveries),
            counters: Counters::default(),
            met: PlansMet::default(),
            waiting: BTreeSet::new(),
            silent: BTreeMap::new(),
            attempts: Attempts::default(),
            born: Clock::real().now(wall_clock()),
            generation,
            random_domain: Arc::clone(&initial.random_domain),
        }
    }

    /// Time at which a driver has something to do next.
    fn next_due(&self) -> Option<Millis> {
        let times = [self.ledger.next_deadline(), self.outbox.next_due()];
        times.into_iter().flatten().min()
    }
}

impl<'a> Transaction<'a> {
    fn new(space: &'a Space, state: &'a mut State, now: Millis) -> Self {
        Self {
            space,
            state,
            now,
            commit: CommitPoint::BeforeReply,
            pushback: None,
            rule: None,
            deferred: Deferred::default(),
            preview: None,
            clock_moved: false,
        }
    }
}

impl Transaction<'_> {
    /// The ledger, to look into.
    pub fn ledger(&self) -> &Ledger {
        &self.state.ledger
    }

    /// The clock, to change.
    pub fn clock(&mut self) -> &mut Clock {
        self.clock_moved = true;
        &mut self.state.clock
    }

    /// The push-backs, to look into.
    pub fn outbox(&self) -> &Outbox {
        &self.state.outbox
    }

    /// Sends a push-back once more ([`Outbox::resend`]).
    pub fn resend(&mut self, id: u64) -> Option<bool> {
        let started = self.state.outbox.resend(self.now, id)?;
        if started && let Some(delivery) = self.state.outbox.get(id) {
            self.space.happened(delivery.event());
        }
        Some(started)
    }

    /// Registers an order.
    pub fn register(
        &mut self,
        trace: RequestId,
        new: NewOrder<'_>,
    ) -> Result<Registration, Reason> {
        let registration = self.state.ledger.register(self.now, trace.0, new)?;
        if let Registration::New(id) = registration {
            self.order_changed(id);
        }
        Ok(registration)
    }

    /// Saves a card. Its id depends on the seed, the client, the card and how often it was saved
    /// before, so that a run repeats.
    pub fn bind(&mut self, new: NewBinding<'_>) -> Result<&Binding, Reason> {
        let Self { space, state, now, .. } = self;
        let State { ledger, random_domain, .. } = &mut **state;
        let (client, cards) = (new.client, &space.profile().cards);
        let number = cards.get(new.card.0 as usize).map_or("", |card| &card.number);
        ledger.bind(*now, new, |earlier| {
            let parts: [&[u8]; 6] = [
                b"binding",
                random_domain.as_bytes(),
                client.merchant.as_bytes(),
                client.client.as_bytes(),
                number.as_bytes(),
                &earlier.to_be_bytes(),
            ];
            let mut id = [0; 16];
            id.copy_from_slice(&space.seed().derive(&parts)[..16]);
            BindingId::from_bytes(id)
        })
    }

    /// The saved cards, to change.
    pub fn bindings(&mut self) -> &mut Bindings {
        self.state.ledger.bindings_mut()
    }

    /// Notes how far the payer of an order is.
    pub fn set_progress(&mut self, id: OrderId, progress: Option<Progress>) {
        self.state.ledger.set_progress(id, progress);
    }

    /// Notes that the merchant asks for an order's status.
    pub fn note_status_asked(&mut self, id: OrderId) {
        self.state.ledger.note_status_asked(id, self.now);
    }

    /// Books an event and plans the push-back that it causes; the order as it then is. By a plan it may only look as
    /// if it were booked.
    pub fn book(&mut self, event: LedgerEvent, trace: RequestId) -> Option<&Order> {
        if self.commit != CommitPoint::BeforeReply {
            return self.postpone(event, trace);
        }
        let (id, at, change) = (event.order, event.at, event.change);
        let entries = |ledger: &Ledger| Some(ledger.find(Target::At(id))?.history.len());
        let before = entries(&self.state.ledger);
        self.state.ledger.apply(event, trace.0)?;
        // Of an order's refused reports only so many are kept.
        if entries(&self.state.ledger) > before {
            self.order_changed(id);
        }
        self.plan_pushback(id, at, change, trace);
        self.state.ledger.find(Target::At(id))
    }

    /// Books what time has done by now. Answers whether that was anything.
    fn expire(&mut self) -> bool {
        let mut any = false;
        while let Some(expiry) = self.state.ledger.next_expiry(self.now) {
            if !self.book_expiry(expiry) {
                break;
            }
            any = true;
        }
        any
    }

    fn plan_pushback(&mut self, id: OrderId, at: Millis, change: Change, trace: RequestId) {
        let Some(event) = notified_event(change) else { return };
        let told = |at| NoticeCause { cause: change.name(), good: is_good_news(event), at };
        let Some(order) = self.state.ledger.find(Target::At(id)) else { return };
        let terminal = self.state.ledger.terminal(order);
        let Some(merchant) = self.space.merchant(&terminal.merchant) else { return };
        if !self.space.pushback_policy(&merchant).events.contains(&event) {
            return;
        }
        let Some(plan) = self.pushback.take() else {
            self.enqueue_notice(id, at, &TRUTH, told(0), trace);
            return;
        };
        self.state.met.note_pushback(&plan);
        for (place, notice) in plan.notices.iter().enumerate() {
            let Some(number) = self.put_out_after(id, notice, told(place), trace) else { continue };
            self.deferred.note_notified();
            if plan.before_reply {
                self.deferred.told(self.is_due(number));
            }
        }
        if plan.notices.is_empty() {
            self.deferred.note_notified();
        }
        self.pushback = Some(plan);
    }

    /// Puts a notice about an order into the outbox. `None`: nobody is told where.
    fn enqueue_notice(
        &mut self,
        id: OrderId,
        due: Millis,
        notice: &PlannedNotice,
        told: NoticeCause,
        trace: RequestId,
    ) -> Option<u64> {
        let (space, state, now) = (self.space, &mut *self.state, self.now);
        let order = state.ledger.find(Target::At(id))?;
        let terminal = state.ledger.terminal(order);
        let merchant = space.merchant(&terminal.merchant)?;
        let own = merchant.noti_url.as_deref();
        let url = order.details().noti_url.as_deref().or(own)?;
        let other = match notice.content {
            Content::Tampered(Tampering::WrongTxId) => {
                another_order(space.seed(), &state.ledger, order)
            }
            _ => None,
        };
        let content = match notice.content {
            Content::Tampered(Tampering::WrongTxId) if other.is_none() => {
                &Content::Tampered(Tampering::UnknownTxId)
            }
            ref content => content,
        };
        state.met.note_notice(content);
        let policy = space.pushback_policy(&merchant);
        let answer = space.profile().reasons.pushback(told.good);
        let (body, filler, content_type) = if *content == Content::True {
            let body = wire::encode(&wire::pushback::Notice {
                tx_id: (&*order.tx_id).into(),
                result_code: answer.code.into(),
                result_msg: answer.message.into(),
            });
            (body, 0, None)
        } else {
            let opposite = space.profile().reasons.pushback(!told.good);
            let success = space.profile().reasons.pushback(true);
            let text = NoticeText {
                tx_id: &order.tx_id,
                truth: (answer.code, answer.message),
                opposite: (opposite.code, opposite.message),
                success: (success.code, success.message),
                amount: &order.amount.shortest(order.currency),
                other: other.as_deref(),
                is_known: &|tx_id| {
                    let merchant = &*terminal.merchant;
                    state.ledger.find(Target::Named { merchant, tx_id }).is_some()
                },
            };
            let draw = space.seed().number(&[
                b"notice",
                state.random_domain.as_bytes(),
                terminal.merchant.as_bytes(),
                order.tx_id.as_bytes(),
                told.cause.as_bytes(),
                &told.at.to_le_bytes(),
            ]);
            let made = content.body(&text, draw);
            (made.body, made.filler, made.content_type)
        };
        let number = state.outbox.add(due, |number, waiting| Delivery {
            id: number,
            merchant: terminal.merchant.clone(),
            order: id,
            tx_id: order.tx_id.clone(),
            cause: told.cause,
            content: content.name(),
            trace,
            context: self.deferred.context.as_ref().or(order.context.as_ref()).map(Arc::clone),
            url: url.into(),
            body: body.into(),
            filler,
            content_type,
            bytes_per_second: notice.bytes_per_second,
            policy,
            created: due.min(now),
            state: waiting,
            latest: DeliveryChange::Created,
            attempts: Vec::new(),
        });
        if let Some(delivery) = state.outbox.get(number) {
            space.happened(delivery.event());
        }
        Some(number)
    }
}

/// Returns true if a push-back of this kind says that it worked.
fn is_good_news(event: PushbackEvent) -> bool {
    !matches!(event, PushbackEvent::PaymentFailure | PushbackEvent::Expiry)
}

/// The kind of news that a change is to the merchant, if any.
fn notified_event(change: Change) -> Option<PushbackEvent> {
    match change {
        Change::Approved { .. } => Some(PushbackEvent::PaymentSuccess),
        Change::Failed(_) | Change::Cancelled => Some(PushbackEvent::PaymentFailure),
        Change::Completed(_) => Some(PushbackEvent::Completion),
        Change::Reversed => Some(PushbackEvent::Reversal),
        Change::Refunded(_) | Change::ChargedBack(_) => Some(PushbackEvent::Refund),
        Change::Expired => Some(PushbackEvent::Expiry),
        Change::Registered | Change::Settled | Change::Screen(_) | Change::Rejected(_) => None,
    }
}
