//! One section under a space's lock: what is read and booked in it belongs together.
//!
//! A section sees first what time has done, then acts. Nothing is awaited inside. Where a rule stepped in, what is booked and
//! told follows its plan: what is not to be booked before the reply is made as if it were, so that the reply reads the
//! same, and left as [`Deferred`] for whoever attempts the reply.

use std::sync::Arc;

use super::clock::Clock;
use super::events::Event;
use super::journal::RequestId;
use super::notify::{Deliveries, NoticeCause};
use super::outbox::{DeliveryState, Outbox, Resend};
use super::ruling::Ruling;
use super::space::Space;
use super::state::State;
use crate::base::{Millis, Reason, Seed, TraceContext, wall_clock};
use crate::ledger::{
    Binding, BindingId, Bindings, Change, Ledger, LedgerEvent, NewBinding, NewOrder, Order,
    OrderId, Progress, Registration, Target,
};
use crate::profile::Merchant;
use crate::scenario::{Acted, CallFacts, CommitPoint, Point, PushbackPlan};

/// The inside of a space at one moment, under its lock.
pub struct Transaction<'a> {
    pub(super) space: &'a Space,
    pub(super) state: &'a mut State,
    /// Time on the space's clock.
    pub now: Millis,
    /// Time at which what is booked here is booked.
    commit: CommitPoint,
    /// Notices in place of each push-back that is caused here; `None`: the push-back itself.
    pushback: Option<PushbackPlan>,
    /// The rule that stepped in.
    rule: Option<Arc<str>>,
    /// Trace in which push-backs are sent.
    pub(super) context: Option<Arc<TraceContext>>,
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
    /// The seed of the space's choices.
    pub seed: Seed,
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
    pub(super) generation: u64,
}

/// Work that is left of a call once its critical section is over.
#[derive(Debug, Default)]
pub struct Deferred {
    /// Events and registrations that are booked after the reply.
    pub(super) commits: Vec<DeferredCommit>,
    /// Changes that were decided and not booked.
    pub(super) suppressed: Vec<Change>,
    /// Deliveries that are due at once: their first attempts go before the reply.
    pub(super) told: Deliveries,
    /// True if the plan for push-backs had one to act on.
    pub(super) notified: bool,
    /// True if a payment would have ended for the plan's reason without it.
    pub(super) same_reason: bool,
}

impl Deferred {
    /// Adds what another section left.
    pub fn append(&mut self, mut later: Self) {
        self.notified |= later.notified;
        self.same_reason |= later.same_reason;
        self.commits.append(&mut later.commits);
        self.suppressed.append(&mut later.suppressed);
        self.told.append(&mut later.told);
    }
}

/// Something decided that is booked after the reply.
#[derive(Debug)]
pub(super) enum DeferredCommit {
    /// An event, for an order whose history had that length.
    Event { event: LedgerEvent, length: usize, pushback: PushbackPlan },
    /// A registration.
    Order(Box<Order>),
}

/// Refusal of a section, because the space was reset or restored since what it rests on was looked up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Overtaken;

impl Space {
    /// One short critical section: first what time has done, then `act`. Wakes whoever waits.
    pub fn write<R>(&self, act: impl FnOnce(&mut Transaction<'_>) -> R) -> R {
        self.locked(|transaction| (act(transaction), true))
    }

    /// The same for whoever only looks: nobody is woken, unless time has done something.
    pub fn read<R>(&self, see: impl FnOnce(StateView<'_>) -> R) -> R {
        self.locked(|transaction| (see(transaction.view()), false))
    }

    /// As [`Space::write`], in the generation in which the call arrived only, with what is booked and told bent to the plan
    /// of `ruling`. Saved cards and passcodes are booked before the reply or never. Whoever waits for a change is woken by
    /// the note on the request, which always follows.
    pub fn write_for<R>(
        &self,
        generation: u64,
        ruling: Option<&Ruling>,
        act: impl FnOnce(&mut Transaction<'_>) -> R,
    ) -> Result<(R, Deferred), Overtaken> {
        self.locked(|transaction| {
            if generation != transaction.state.generation {
                return (Err(Overtaken), false);
            }
            let Some(ruling) = ruling else {
                return (Ok((act(transaction), Deferred::default())), false);
            };
            transaction.apply_plan(ruling, ruling.plan.commit);
            let is_for_show = transaction.commit == CommitPoint::Never;
            let saved = is_for_show.then(|| transaction.bindings().clone());
            let result = act(transaction);
            if let Some(saved) = saved {
                *transaction.bindings() = saved;
            }
            (Ok((result, transaction.take_deferred())), false)
        })
    }

    /// Runs `act`, which also says whether it has changed anything.
    pub(super) fn locked<R>(&self, act: impl FnOnce(&mut Transaction<'_>) -> (R, bool)) -> R {
        let real = wall_clock();
        let mut state = self.lock();
        let mut transaction = Transaction::new(self, &mut state, real);
        let expired = transaction.expire();
        let (result, changed) = act(&mut transaction);
        let clock_moved = transaction.clock_moved;
        self.arm(real, &mut state);
        drop(state);
        if clock_moved {
            self.clock_moved.notify_waiters();
        }
        if changed || expired {
            self.changed.notify_waiters();
        }
        result
    }
}

impl<'a> Transaction<'a> {
    pub(super) fn new(space: &'a Space, state: &'a mut State, real: Millis) -> Self {
        Self {
            space,
            now: state.contents.clock.now(real),
            state,
            commit: CommitPoint::BeforeReply,
            pushback: None,
            rule: None,
            context: None,
            deferred: Deferred::default(),
            preview: None,
            clock_moved: false,
        }
    }
}

impl Transaction<'_> {
    /// The same, to look at only.
    pub fn view(&self) -> StateView<'_> {
        let State { contents, generation, .. } = &*self.state;
        let next_due = [contents.next_due(), self.state.next_waiting()].into_iter().flatten().min();
        StateView {
            now: self.now,
            seed: contents.seed,
            born: contents.born,
            clock: &contents.clock,
            ledger: &contents.ledger,
            outbox: &contents.outbox,
            next_due,
            generation: *generation,
        }
    }

    /// Generation of the space.
    pub fn generation(&self) -> u64 {
        self.state.generation
    }

    /// The seed of the space's choices.
    pub fn seed(&self) -> Seed {
        self.state.contents.seed
    }

    /// The merchant of this id.
    pub fn merchant(&self, id: &str) -> Option<&Merchant> {
        self.state.contents.merchants.get(id).map(|merchant| &**merchant)
    }

    /// The ledger, to look into.
    pub fn ledger(&self) -> &Ledger {
        &self.state.contents.ledger
    }

    /// The push-backs, to look into.
    pub fn outbox(&self) -> &Outbox {
        &self.state.contents.outbox
    }

    /// The clock, to change.
    pub fn clock(&mut self) -> &mut Clock {
        self.clock_moved = true;
        &mut self.state.contents.clock
    }

    /// Returns true if any rule may step in at this point.
    pub fn listens_at(&self, point: Point) -> bool {
        self.state.listens_at(point)
    }

    /// Asks the rules what happens to a call. Time, and what the call leaves out of its order, are filled in here.
    pub fn consult(&mut self, call: &CallFacts<'_>) -> Option<Ruling> {
        self.state.consult(call, self.now)
    }

    /// Bends what is booked and told from here on to what was decided, but for when it is booked.
    pub fn apply_plan(&mut self, Ruling { rule, plan, .. }: &Ruling, commit: CommitPoint) {
        self.rule = Some(Arc::clone(rule));
        (self.commit, self.pushback) = (commit, Some(plan.pushback.clone()));
    }

    /// Push-backs that are caused from here on are sent in this trace of the caller's.
    pub fn carry(&mut self, context: Option<&Arc<TraceContext>>) {
        self.context = context.cloned();
    }

    /// Takes the work that is left so far.
    pub fn take_deferred(&mut self) -> Deferred {
        std::mem::take(&mut self.deferred)
    }

    /// Notes that a payment would have ended for the reason of a rule's plan without it.
    pub fn note_same_reason(&mut self) {
        self.deferred.same_reason = true;
    }

    /// Sends a push-back once more ([`Outbox::resend`]).
    pub fn resend(&mut self, id: u64) -> Option<Resend> {
        let resend = self.state.contents.outbox.resend(self.now, id)?;
        if resend == Resend::Begun {
            self.delivery_changed(id);
        }
        Some(resend)
    }

    /// Registers an order.
    pub fn register(
        &mut self,
        trace: RequestId,
        new: NewOrder<'_>,
    ) -> Result<Registration, Reason> {
        let registration = self.state.contents.ledger.register(self.now, trace.0, new)?;
        if let Registration::New(id) = registration {
            self.order_changed(id);
        }
        Ok(registration)
    }

    /// Registers an order and lets `see` look at it; by a plan it may be looked at without being booked. An order that
    /// is never booked has no place in the ledger, so its checkout link leads nowhere.
    pub fn register_and<R>(
        &mut self,
        trace: RequestId,
        new: NewOrder<'_>,
        see: impl FnOnce(&Order) -> R,
    ) -> Result<R, Reason> {
        if self.commit == CommitPoint::BeforeReply {
            let id = match self.register(trace, new)? {
                Registration::New(id) | Registration::Again(id) => id,
            };
            return self.ledger().find(Target::At(id)).map(see).ok_or(Reason::SystemError);
        }
        self.register_for_later(trace, new, see)
    }

    #[cold]
    fn register_for_later<R>(
        &mut self,
        trace: RequestId,
        new: NewOrder<'_>,
        see: impl FnOnce(&Order) -> R,
    ) -> Result<R, Reason> {
        let ledger = &mut self.state.contents.ledger;
        if let Some(known) = ledger.check_register(&new)? {
            return ledger.find(Target::At(known)).map(see).ok_or(Reason::SystemError);
        }
        let mut order = ledger.make(self.now, trace.0, new);
        order.id = ledger.promise();
        let seen = see(&order);
        self.deferred.suppressed.push(Change::Registered);
        if self.commit == CommitPoint::AfterReply {
            self.deferred.commits.push(DeferredCommit::Order(Box::new(order)));
        }
        Ok(seen)
    }

    /// Saves a card. Its id depends on the seed, the client, the card and how often it was saved
    /// before, so that a run repeats.
    pub fn bind(&mut self, new: NewBinding<'_>) -> Result<&Binding, Reason> {
        let contents = &mut self.state.contents;
        let (seed, random_domain) = (contents.seed, &contents.random_domain);
        let (client, cards) = (new.client, &self.space.profile().cards);
        let number = cards.get(new.card.0 as usize).map_or("", |card| &card.number);
        contents.ledger.bind(self.now, new, |earlier| {
            let parts: [&[u8]; 6] = [
                b"binding",
                random_domain.as_bytes(),
                client.merchant.as_bytes(),
                client.client.as_bytes(),
                number.as_bytes(),
                &earlier.to_be_bytes(),
            ];
            let mut id = [0; 16];
            id.copy_from_slice(&seed.derive(&parts)[..16]);
            BindingId::from_bytes(id)
        })
    }

    /// The saved cards, to change.
    pub fn bindings(&mut self) -> &mut Bindings {
        self.state.contents.ledger.bindings_mut()
    }

    /// Notes how far the payer of an order is.
    pub fn set_progress(&mut self, id: OrderId, progress: Option<Progress>) {
        self.state.contents.ledger.set_progress(id, progress);
    }

    /// Notes that the merchant asks for an order's status.
    pub fn note_status_asked(&mut self, id: OrderId) {
        self.state.contents.ledger.note_status_asked(id, self.now);
    }

    /// Books an event and plans the push-back that it causes; the order as it then is. By a plan it may only look as
    /// if it were booked.
    pub fn book(&mut self, event: LedgerEvent, trace: RequestId) -> Option<&Order> {
        if self.commit != CommitPoint::BeforeReply {
            return self.postpone(event, trace);
        }
        let (id, at, change) = (event.order, event.at, event.change);
        let ledger = &mut self.state.contents.ledger;
        let entries = |ledger: &Ledger| Some(ledger.find(Target::At(id))?.history.len());
        let before = entries(ledger);
        ledger.apply(event, trace.0)?;
        // Of an order's refused reports only so many are kept.
        if entries(ledger) > before {
            self.order_changed(id);
        }
        let (shared, context) = (&self.space.shared, self.context.as_ref());
        let cause = NoticeCause { order: id, trace, context, now: self.now };
        let sent = self.state.notify(shared, cause, (change, at), self.pushback.as_ref());
        if let Some(sent) = sent {
            self.notified(&sent);
        }
        self.ledger().find(Target::At(id))
    }

    /// Defers what [`Transaction::book`] would leave, booked later or never.
    fn postpone(&mut self, event: LedgerEvent, trace: RequestId) -> Option<&Order> {
        let order = self.ledger().preview(&event, trace.0)?;
        self.deferred.suppressed.push(event.change);
        if self.commit == CommitPoint::AfterReply {
            let length = self.ledger().find(Target::At(event.order))?.history.len();
            let pushback = self.pushback.clone().unwrap_or_default();
            self.deferred.commits.push(DeferredCommit::Event { event, length, pushback });
        }
        self.preview = Some(Box::new(order));
        self.preview.as_deref()
    }

    /// Books what was left for after a reply, unless its order has changed meanwhile, at `due` or now, whichever is sooner.
    /// Answers with how much that was.
    pub(super) fn book_deferred(
        &mut self,
        commits: Vec<DeferredCommit>,
        rule: &Arc<str>,
        trace: RequestId,
        due: Millis,
    ) -> usize {
        self.rule = Some(Arc::clone(rule));
        let mut booked = 0;
        for commit in commits {
            booked += usize::from(match commit {
                DeferredCommit::Order(order) => {
                    let made = self.state.contents.ledger.insert_made(*order);
                    made.inspect(|id| self.order_changed(*id)).is_some()
                }
                DeferredCommit::Event { mut event, length, pushback } => {
                    let order = self.ledger().find(Target::At(event.order));
                    order.is_some_and(|order| order.history.len() == length) && {
                        event.at = due.min(self.now);
                        self.pushback = Some(pushback);
                        self.book(event, trace).is_some()
                    }
                }
            });
        }
        booked
    }

    /// Puts push-backs out that a rule plans although nothing causes them. Returns true if there were any.
    pub(super) fn notify_unasked(
        &mut self,
        ruling: &Ruling,
        order: OrderId,
        trace: RequestId,
    ) -> bool {
        let (shared, context) = (&self.space.shared, self.context.as_ref());
        let cause = NoticeCause { order, trace, context, now: self.now };
        let sent = self.state.notify_unasked(shared, cause, &ruling.plan.pushback.unasked);
        sent.iter().for_each(|id| self.delivery_changed(*id));
        if ruling.plan.pushback.before_reply {
            self.await_due(&sent);
        }
        !sent.is_empty()
    }

    /// Books what time has done by now. Answers whether that was anything.
    pub(super) fn expire(&mut self) -> bool {
        let mut any = false;
        while let Some(expiry) = self.state.contents.ledger.next_expiry(self.now) {
            if !self.book_expiry(expiry) {
                break;
            }
            any = true;
        }
        any
    }

    /// Books what time did to an order. Time has no reply and does not turn back, so it is booked in any case; a rule at
    /// the point `trigger` bends what the merchant is told of it.
    #[cold]
    fn book_expiry(&mut self, expiry: LedgerEvent) -> bool {
        let (id, nobody) = (expiry.order, RequestId::default());
        let Some(ruling) = self.state.consult_expiry(id, self.now) else {
            return self.book(expiry, nobody).is_some();
        };
        self.apply_plan(&ruling, CommitPoint::BeforeReply);
        let is_booked = self.book(expiry, nobody).is_some();
        let is_unasked = self.notify_unasked(&ruling, id, nobody);
        let acted = Acted { notified: self.deferred.notified || is_unasked, ..Acted::default() };
        self.note_idle(&ruling, acted);
        // Nobody's reply waits for them.
        (self.rule, self.pushback, self.deferred) = (None, None, Deferred::default());
        is_booked
    }

    /// Counts a rule that stepped in with an effect that had nothing to act on.
    pub(super) fn note_idle(&mut self, ruling: &Ruling, acted: Acted) {
        let idle = ruling.plan.idle_effects(ruling.point, acted);
        self.state.note_idle(&ruling.rule, &ruling.plan, &idle);
    }

    /// Notes the push-backs of a change that was booked.
    fn notified(&mut self, sent: &Deliveries) {
        sent.iter().for_each(|id| self.delivery_changed(*id));
        let Some(plan) = &self.pushback else { return };
        self.deferred.notified |= plan.notices.is_empty() || !sent.is_empty();
        if plan.before_reply {
            self.await_due(sent);
        }
    }

    /// Lets the reply wait for those of these push-backs that are due now.
    fn await_due(&mut self, sent: &Deliveries) {
        let outbox = &self.state.contents.outbox;
        let is_due = |id: &&u64| {
            let state = outbox.get(**id).map(|delivery| delivery.state);
            matches!(state, Some(DeliveryState::Waiting(at)) if at <= self.now)
        };
        self.deferred.told.extend(sent.iter().filter(is_due).copied());
    }

    /// Notes that the latest entry of an order's history is new.
    fn order_changed(&self, order: OrderId) {
        let Some(found) = self.ledger().find(Target::At(order)) else { return };
        let entry = (found.history.len() as u32).saturating_sub(1);
        let mut log = self.space.log();
        log.events.push(Event::Order { order, entry, state: found.state });
        if let Some(rule) = &self.rule {
            log.events.by_rule(rule);
        }
    }

    /// Notes the latest change of a delivery.
    pub(super) fn delivery_changed(&self, id: u64) {
        if let Some(delivery) = self.outbox().get(id) {
            self.space.happened(Event::of_delivery(delivery));
        }
    }
}
