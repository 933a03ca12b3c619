//! One isolated world: ledger, clock, seed, merchants, journal and outbox. Nothing crosses from one
//! space to another.
//!
//! A request takes the space's lock once, with [`Space::enter`]: time that has run out is seen first,
//! then the closure looks and books, then the lock is gone. Nothing is awaited inside.

mod another_order;
mod attempts;
mod clock;
mod course;
mod delivery;
mod export;
mod feed;
mod finding;
mod handle;
mod hold;
mod intervention;
mod journal;
mod meter;
mod passage;
mod registry;
mod reset;
mod snapshot;
mod under_way;

pub use clock::Clock;
pub use course::{Aftermath, CountedRule, Course, Ruling};
pub use delivery::{Attempt, Delivery, DeliveryChange, DeliveryState, Job, Outbox};
pub use export::{FileError, SNAPSHOT_FILE_MAX};
pub use feed::{Happening, Happenings};
pub use finding::{Finding, Lint, Weight};
pub use handle::{OrderHandle, OrderSnapshot};
pub use hold::Hold;
pub use intervention::{Departure, Intervention, Stage};
pub use journal::{Bodies, Journal, JournalBudget, JournalEntry, More, Trace};
pub use meter::{AttemptEnd, DECISION_STEPS_US, DecisionTimes, Meter};
pub use passage::{ClockChange, ClockError};
pub use registry::{DEFAULT_SPACE, IfExists, NewMerchant, SpaceError, Spaces};
pub use snapshot::{Snapshot, SnapshotError};
pub use under_way::{Silence, UnderWay};

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU32, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, Weak};

use tokio::sync::Notify;
use tokio::sync::mpsc::UnboundedSender;

use crate::base::{Millis, Operation, Reason, Seed, TraceContext, wall_clock};
use crate::ledger::{
    Binding, BindingId, Bindings, Change, Event, Ledger, NewBinding, NewOrder, Order, OrderId,
    Progress, Registration, Target,
};
use crate::profile::{Merchant, Profile, PushbackEvent, PushbackOverrides, PushbackPolicy};
use crate::scenario::{
    CommitPoint, Content, Counters, Lie, Met, Notice, NoticeText, PlansMet, PushbackPlan,
};
use crate::wire;
use another_order::another_order;
use attempts::Attempts;
use course::{Armoury, TRUTH, Told};
use feed::Feed;
use hold::Waiter;

/// How much each space keeps.
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
    commons: Arc<Commons>,
    pushback: Arc<PushbackPolicy>,
    birth: Birth,
    merchants: RwLock<BTreeMap<Box<str>, Arc<Merchant>>>,
    state: Mutex<State>,
    journal: Mutex<Journal>,
    /// Its lock is the innermost: taken while another may be held, and none within it.
    feed: Mutex<Feed>,
    traces: AtomicU64,
    /// The real time at which the driver looks in next.
    armed: AtomicI64,
    changed: Notify,
    /// Rings whenever the clock was changed, or all of the space.
    clock_moved: Notify,
    armoury: RwLock<Armoury>,
    /// The points at which a rule may step in, one bit each.
    listening: AtomicU32,
    me: Weak<Self>,
    /// Whether somebody moves the clock from event to event.
    driven: AtomicBool,
    /// Held by whoever makes time pass, so that two never do so at once.
    turn: tokio::sync::Mutex<()>,
    snapshots: Mutex<BTreeMap<Box<str>, Arc<Snapshot>>>,
}

/// What all spaces have in common.
#[derive(Debug)]
struct Commons {
    profile: Arc<Profile>,
    budgets: Budgets,
    bell: UnboundedSender<u32>,
    /// Orders, push-backs and saved cards in all snapshots of the process.
    snapshot_entries: Arc<AtomicUsize>,
    /// What was met before resets, and in spaces that are gone.
    past: Mutex<Met>,
    meter: Meter,
}

/// How a space was when it was born, for a reset.
#[derive(Clone, Debug)]
struct Birth {
    seed: Seed,
    kin: Arc<str>,
    merchants: BTreeMap<Box<str>, Arc<Merchant>>,
    /// The ids of the merchants that it was made with, beside the documented ones.
    wanted: Vec<Box<str>>,
}

/// What the lock guards.
#[derive(Debug)]
struct State {
    clock: Clock,
    ledger: Ledger,
    outbox: Outbox,
    counters: Counters,
    met: PlansMet,
    /// What waits for the clock on its way to a socket, by when it goes on.
    waiting: BTreeSet<(Millis, Waiter)>,
    /// How many calls that came when are never answered, and their callers still there.
    silent: BTreeMap<Millis, usize>,
    /// Push-backs that are being sent, by their numbers.
    attempts: Attempts,
    /// What the clock showed when the space was born or reset.
    born: Millis,
    /// Raised by a reset or restore, so that an attempt from before it finds nothing to note itself in.
    generation: u64,
    /// In whose name lots are drawn: the space's own, or that of the space whose snapshot this goes on from, so that
    /// it goes on as that one would have.
    kin: Arc<str>,
}

/// The inside of a space at one moment, under its lock.
pub struct Moment<'a> {
    space: &'a Space,
    state: &'a mut State,
    /// What the space's clock shows.
    pub now: Millis,
    /// When what is booked here is booked.
    commit: CommitPoint,
    /// What is sent in place of each push-back that is caused here; `None`: the push-back itself.
    pushback: Option<PushbackPlan>,
    /// The rule that stepped in.
    rule: Option<Arc<str>>,
    aftermath: Aftermath,
    /// An order as it would be, had all been booked.
    preview: Option<Box<Order>>,
    /// The clock was handed out to be changed.
    clock_moved: bool,
}

/// The same, to look at only.
#[derive(Clone, Copy)]
pub struct View<'a> {
    /// What the space's clock shows.
    pub now: Millis,
    /// What it showed when the space was born or reset.
    pub born: Millis,
    /// The clock.
    pub clock: &'a Clock,
    /// The orders.
    pub ledger: &'a Ledger,
    /// The push-backs.
    pub outbox: &'a Outbox,
    /// When the next deadline or push-back is due, or the next reply or piece of one may leave.
    pub next_due: Option<Millis>,
    /// Raised by a reset or a restore.
    generation: u64,
}

/// An attempt to make, of one generation of the space.
#[derive(Clone, Debug)]
pub struct Errand {
    /// What to send.
    pub job: Job,
    generation: u64,
}

impl Space {
    fn new(name: &str, number: u32, birth: Birth, commons: Arc<Commons>) -> Arc<Self> {
        let state = State::new(&commons, &birth, 0);
        Arc::new_cyclic(|me| Self {
            name: name.into(),
            number,
            seed: AtomicU64::new(birth.seed.0),
            pushback: Arc::new(commons.profile.pushback.clone()),
            merchants: RwLock::new(birth.merchants.clone()),
            birth,
            state: Mutex::new(state),
            journal: Mutex::new(Journal::new(commons.budgets.journal)),
            feed: Mutex::default(),
            traces: AtomicU64::new(Trace::first_of(number).0),
            armed: AtomicI64::new(i64::MAX),
            changed: Notify::new(),
            clock_moved: Notify::new(),
            armoury: RwLock::default(),
            listening: AtomicU32::new(0),
            me: Weak::clone(me),
            driven: AtomicBool::new(false),
            turn: tokio::sync::Mutex::new(()),
            snapshots: Mutex::default(),
            commons,
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
        &self.commons.profile
    }

    /// Rings whenever something was booked, journalled or delivered.
    pub fn changed(&self) -> &Notify {
        &self.changed
    }

    /// A name for the next request.
    pub fn next_trace(&self) -> Trace {
        Trace(self.traces.fetch_add(1, Ordering::Relaxed))
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
    pub fn enter<R>(&self, act: impl FnOnce(&mut Moment<'_>) -> R) -> R {
        self.section(|moment| (act(moment), true))
    }

    /// The same for whoever only looks: nobody is woken, unless time has done something.
    pub fn look<R>(&self, see: impl FnOnce(View<'_>) -> R) -> R {
        self.section(|moment| {
            let Moment { state, now, .. } = moment;
            let State { clock, ledger, outbox, born, generation, .. } = &**state;
            let next_due = [state.next_due(), state.next_waiting()].into_iter().flatten().min();
            let (now, born, generation) = (*now, *born, *generation);
            (see(View { now, born, clock, ledger, outbox, next_due, generation }), false)
        })
    }

    /// Runs `act`, which also says whether it has changed anything.
    fn section<R>(&self, act: impl FnOnce(&mut Moment<'_>) -> (R, bool)) -> R {
        let real = wall_clock();
        let mut state = self.lock();
        let now = state.clock.now(real);
        let mut moment = Moment::new(self, &mut state, now);
        let expired = moment.expire();
        let (result, changed) = act(&mut moment);
        let clock_moved = moment.clock_moved;
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

    /// What the clock shows.
    pub fn now(&self) -> Millis {
        self.lock().clock.now(wall_clock())
    }

    /// Notes a request, secrets masked, and its reply.
    pub fn note(&self, entry: JournalEntry, request: &[u8], reply: &[u8]) {
        let meter = &self.commons.meter;
        meter.request(&entry);
        if tracing::enabled!(tracing::Level::DEBUG) {
            self.log(&entry);
        }
        let mut journal = self.journal.lock().unwrap_or_else(PoisonError::into_inner);
        let before = journal.dropped();
        if let Some(number) = journal.push(entry, request, reply) {
            self.happened(Happening::Request(number));
        }
        meter.journal_dropped(journal.dropped() - before);
        drop(journal);
        self.changed.notify_waiters();
    }

    /// One line on a request, where debugging is on.
    #[cold]
    fn log(&self, entry: &JournalEntry) {
        let context = entry.more().trail.as_ref().and_then(|trail| trail.context.as_deref());
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

    /// What was met of all that can go wrong, since birth or reset.
    pub fn met(&self) -> Met {
        let plans = self.lock().met.clone();
        Met { reasons: self.read_journal(Journal::reasons), plans }
    }

    /// The push-backs that are due now, and the real time at which to ask again.
    pub fn take_due(&self) -> (Vec<Errand>, Option<Millis>) {
        self.armed.store(i64::MAX, Ordering::Release);
        let real = wall_clock();
        let mut state = self.lock();
        let now = state.clock.now(real);
        Moment::new(self, &mut state, now).expire();
        let generation = state.generation;
        let jobs = state.outbox.take_due(now);
        for job in &jobs {
            state.attempts.begin(job);
        }
        let next = state.next_due().and_then(|due| state.clock.real_at(real, due));
        if let Some(next) = next {
            self.armed.store(next.0, Ordering::Release);
        }
        drop(state);
        self.changed.notify_waiters();
        let errand = |mut job: Job| {
            job.context = job.context.map(|context| self.span(&context, job.id, job.attempt));
            Errand { job, generation }
        };
        (jobs.into_iter().map(errand).collect(), next)
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
    pub fn attempted(&self, errand: &Errand, attempt: Attempt) {
        if let Some(error) = &attempt.error {
            let trace_id = errand.job.context.as_ref().map(|context| context.trace_id());
            tracing::debug!(
                space = &*self.name,
                delivery = errand.job.id,
                trace = %errand.job.trace,
                trace_id,
                attempt = errand.job.attempt,
                error = &**error,
                "a push-back was not taken"
            );
        }
        self.enter(|moment| {
            if moment.state.generation == errand.generation {
                moment.state.attempts.end(errand.job.id, moment.now);
                let (now, State { ledger, outbox, met, .. }) = (moment.now, &mut *moment.state);
                outbox.attempted(now, errand.job.id, attempt);
                if let Some(delivery) = outbox.get(errand.job.id) {
                    self.happened(delivery.happening());
                }
                if let Some(delivery) = outbox.get(errand.job.id)
                    && let Some(latest) = delivery.attempts.last()
                {
                    self.commons.meter.attempt(latest, delivery.state);
                }
                let waits = |delivery: &Delivery| delivery.state.due().is_some();
                if outbox.get(errand.job.id).is_some_and(waits) {
                    met.note_retry();
                }
                let taken = |delivery: &&Delivery| {
                    delivery.state == DeliveryState::Acknowledged
                        && delivery.content == Content::True.name()
                };
                if let Some(delivery) = outbox.get(errand.job.id).filter(taken) {
                    ledger.note_told(delivery.order);
                }
            }
        });
    }

    /// Where the pieces of a slow push-back wait for the clock.
    pub fn pace(&self, errand: &Errand) -> Option<Hold> {
        let (generation, waiter) = (errand.generation, Waiter::Sender(errand.job.id));
        Some(Hold::new(self.me.upgrade()?, generation, waiter, errand.job.at))
    }

    /// Lets go of everything; nothing more is sent from it.
    fn close(&self) {
        self.reset();
        self.snapshots.lock().unwrap_or_else(PoisonError::into_inner).clear();
        self.feed().close();
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
        if at.0 < self.armed.load(Ordering::Acquire) {
            self.armed.store(at.0, Ordering::Release);
            // Nobody listens any more once the process is going down.
            let _ = self.commons.bell.send(self.number);
        }
    }
}

impl Birth {
    fn new(seed: Seed, kin: &str, merchants: Vec<Merchant>) -> Self {
        let merchants = merchants.into_iter().map(|m| (m.id.as_str().into(), Arc::new(m)));
        Self { seed, kin: kin.into(), merchants: merchants.collect(), wanted: Vec::new() }
    }
}

impl State {
    fn new(commons: &Commons, birth: &Birth, generation: u64) -> Self {
        let Commons { profile, budgets, .. } = commons;
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
            kin: Arc::clone(&birth.kin),
        }
    }

    /// When a driver has something to do next.
    fn next_due(&self) -> Option<Millis> {
        let times = [self.ledger.next_deadline(), self.outbox.next_due()];
        times.into_iter().flatten().min()
    }
}

impl<'a> Moment<'a> {
    fn new(space: &'a Space, state: &'a mut State, now: Millis) -> Self {
        Self {
            space,
            state,
            now,
            commit: CommitPoint::BeforeReply,
            pushback: None,
            rule: None,
            aftermath: Aftermath::default(),
            preview: None,
            clock_moved: false,
        }
    }
}

impl Moment<'_> {
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
            self.space.happened(delivery.happening());
        }
        Some(started)
    }

    /// Registers an order.
    pub fn register(&mut self, trace: Trace, new: NewOrder<'_>) -> Result<Registration, Reason> {
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
        let State { ledger, kin, .. } = &mut **state;
        let (client, cards) = (new.client, &space.profile().cards);
        let number = cards.get(new.card.0 as usize).map_or("", |card| &card.number);
        ledger.bind(*now, new, |earlier| {
            let parts: [&[u8]; 6] = [
                b"binding",
                kin.as_bytes(),
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
    pub fn book(&mut self, event: Event, trace: Trace) -> Option<&Order> {
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

    fn plan_pushback(&mut self, id: OrderId, at: Millis, change: Change, trace: Trace) {
        let Some(event) = notified_event(change) else { return };
        let told = |at| Told { cause: change.name(), good: is_good_news(event), at };
        let Some(order) = self.state.ledger.find(Target::At(id)) else { return };
        let party = self.state.ledger.party(order);
        let Some(merchant) = self.space.merchant(&party.merchant) else { return };
        if !self.space.pushback_policy(&merchant).events.contains(&event) {
            return;
        }
        let Some(plan) = self.pushback.take() else {
            self.put_out(id, at, &TRUTH, told(0), trace);
            return;
        };
        self.state.met.note_pushback(&plan);
        for (place, notice) in plan.notices.iter().enumerate() {
            let Some(number) = self.put_out_after(id, notice, told(place), trace) else { continue };
            self.aftermath.note_notified();
            if plan.before_reply {
                self.aftermath.told(self.is_due(number));
            }
        }
        if plan.notices.is_empty() {
            self.aftermath.note_notified();
        }
        self.pushback = Some(plan);
    }

    /// Puts a notice about an order into the outbox. `None`: nobody is told where.
    fn put_out(
        &mut self,
        id: OrderId,
        due: Millis,
        notice: &Notice,
        told: Told,
        trace: Trace,
    ) -> Option<u64> {
        let (space, state, now) = (self.space, &mut *self.state, self.now);
        let order = state.ledger.find(Target::At(id))?;
        let party = state.ledger.party(order);
        let merchant = space.merchant(&party.merchant)?;
        let own = merchant.noti_url.as_deref();
        let url = order.details().noti_url.as_deref().or(own)?;
        let other = match notice.content {
            Content::Lie(Lie::WrongTxId) => another_order(space.seed(), &state.ledger, order),
            _ => None,
        };
        let content = match notice.content {
            Content::Lie(Lie::WrongTxId) if other.is_none() => &Content::Lie(Lie::UnknownTxId),
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
                    let merchant = &*party.merchant;
                    state.ledger.find(Target::Named { merchant, tx_id }).is_some()
                },
            };
            let lot = space.seed().number(&[
                b"notice",
                state.kin.as_bytes(),
                party.merchant.as_bytes(),
                order.tx_id.as_bytes(),
                told.cause.as_bytes(),
                &told.at.to_le_bytes(),
            ]);
            let made = content.body(&text, lot);
            (made.body, made.filler, made.content_type)
        };
        let number = state.outbox.add(due, |number, waiting| Delivery {
            id: number,
            merchant: party.merchant.clone(),
            order: id,
            tx_id: order.tx_id.clone(),
            cause: told.cause,
            content: content.name(),
            trace,
            context: self.aftermath.context.as_ref().or(order.context.as_ref()).map(Arc::clone),
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
            space.happened(delivery.happening());
        }
        Some(number)
    }
}

/// Whether a push-back of this kind says that it worked.
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
