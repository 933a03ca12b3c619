//! The effects of a scenario's rules on a space: which rule decides a call, what is booked of it when, and what the merchant is
//! told.
//!
//! A call that a rule decides enters its space with that [`Ruling`] ([`Space::write_with`]). What is not to be booked
//! at once is made as if it were, so that the reply reads the same; what is owed is booked when the [`PendingReply`] of the
//! reply is dropped, which is when the reply was attempted, successfully or not.

use std::fmt;
use std::ops::Deref;
use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};

use super::clock_timer::{ClockTimer, Wait, Waiter};
use super::{DeliveryState, Event, RequestId, RuleHit, Space, Transaction, UnansweredCall};
use crate::base::{Millis, Reason, TraceContext};
use crate::ledger::{
    Change, LedgerEvent, NewOrder, Order, OrderId, OrderKind, Registration, Target,
};
use crate::scenario::{
    Acted, ArmedRule, CallFacts, CommitPoint, Content, Decision, NearMiss, Plan, PlannedNotice,
    Point, PushbackPlan, Rule, RuleSet, Tally, Transport, Trt,
};

/// The rules of a space: as they were read, and ready to decide.
#[derive(Clone, Debug, Default)]
pub(super) struct RuleStore {
    rules: Arc<Vec<ArmedRule>>,
    set: Arc<RuleSet>,
}

impl RuleStore {
    /// Makes armed rules ready.
    pub(super) fn of(rules: Vec<ArmedRule>) -> Self {
        Self { set: Arc::new(RuleSet::new(&rules)), rules: Arc::new(rules) }
    }

    /// The rules as they were read, with the time at which each was armed.
    pub(super) fn rules(&self) -> &[ArmedRule] {
        &self.rules
    }
}

/// An armed rule with its counts.
#[derive(Clone, Debug)]
pub struct CountedRule {
    /// The rule.
    pub armed: ArmedRule,
    /// Its counts.
    pub tally: Tally,
}

/// A rule's decision on one call, valid in the generation of the space in which it was made: after a reset or a restore
/// the call goes on without it.
#[derive(Clone, Debug, PartialEq)]
pub struct Ruling {
    /// The rule that stepped in.
    pub rule: Arc<str>,
    /// The plan.
    pub plan: Plan,
    point: Point,
    generation: u64,
}

/// Work that is left of a call once its critical section is over.
#[derive(Debug, Default)]
pub struct Deferred {
    commits: Vec<DeferredCommit>,
    suppressed: Vec<Change>,
    told: Vec<u64>,
    /// True if the plan for push-backs had one to act on.
    notified: bool,
    /// True if the plan is void, because the space was reset or restored after it was made.
    pub(super) void: bool,
    /// Trace in which push-backs are sent.
    pub(super) context: Option<Arc<TraceContext>>,
}

impl Deferred {
    /// Notes a delivery that is due at once: its first attempt goes before the reply.
    pub(super) fn told(&mut self, number: Option<u64>) {
        self.told.extend(number);
    }

    /// Returns true if the ruling was void, so that everything went on as without a rule.
    pub const fn is_void(&self) -> bool {
        self.void
    }

    /// Notes that the plan for push-backs had one to act on.
    pub(super) fn note_notified(&mut self) {
        self.notified = true;
    }

    /// Adds what another section left.
    pub fn append(&mut self, mut later: Self) {
        self.notified |= later.notified;
        self.void |= later.void;
        self.commits.append(&mut later.commits);
        self.suppressed.append(&mut later.suppressed);
        self.told.append(&mut later.told);
        self.context = later.context.or(self.context.take());
    }
}

/// Something decided that is booked after the reply.
#[derive(Debug)]
enum DeferredCommit {
    /// An event, for an order whose history had that length.
    Event { event: LedgerEvent, length: usize, pushback: PushbackPlan },
    /// A registration.
    Order(Box<Order>),
}

/// A call's way on after it was decided. Dropping it books the deferred commits.
pub struct PendingReply {
    /// The rule that stepped in, with its plan.
    pub by: Arc<RuleHit>,
    /// The request.
    trace: RequestId,
    deferred: Deferred,
    /// Its place on the space's clock. Time passes it only after the reply was attempted and what is owed was booked.
    timer: ClockTimer,
}

impl fmt::Debug for PendingReply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Course").field("by", &self.by).finish_non_exhaustive()
    }
}

/// No two courses are the same one.
impl PartialEq for PendingReply {
    fn eq(&self, other: &Self) -> bool {
        std::ptr::eq(self, other)
    }
}

impl Eq for PendingReply {}

impl Drop for PendingReply {
    fn drop(&mut self) {
        self.by.end();
        let commits = std::mem::take(&mut self.deferred.commits);
        if !commits.is_empty() {
            self.timer.space().end(self, commits);
        }
    }
}

impl PendingReply {
    /// Waits for all of them ([`PendingReply::wait`]), also when this is given up: a caller who leaves early changes nothing of
    /// what is booked when. None come back where that broke down.
    pub async fn outlast<C>(courses: Vec<C>) -> Vec<C>
    where
        C: Deref<Target = Self> + Send + Sync + 'static,
    {
        if !courses.iter().any(|pending| pending.waits()) {
            return courses;
        }
        let waiting = tokio::spawn(async move {
            for pending in &courses {
                pending.wait().await;
            }
            courses
        });
        waiting.await.unwrap_or_default()
    }

    fn waits(&self) -> bool {
        self.by.plan.delay_ms > 0 || !self.deferred.told.is_empty()
    }

    /// Waits until the answer may leave: push-backs that go before it have been attempted, and its latency has passed
    /// on the space's clock. A reset of the space ends the wait.
    pub async fn wait(&self) {
        let told = &self.deferred.told;
        if !told.is_empty() {
            let _silence = self.unanswered();
            self.timer
                .space()
                .until(self.timer.generation(), |transaction| {
                    let outbox = &transaction.state.outbox;
                    let is_under_way = |id: &u64| {
                        outbox.get(*id).is_some_and(|delivery| {
                            delivery.attempts.is_empty() && !delivery.state.is_final()
                        })
                    };
                    if told.iter().any(is_under_way) { Wait::ForChange } else { Wait::Over }
                })
                .await;
        }
        if self.by.plan.delay_ms > 0 {
            self.timer.over().await;
        }
    }

    /// The request.
    pub const fn trace(&self) -> RequestId {
        self.trace
    }

    /// The space that it belongs to.
    pub fn space(&self) -> &Arc<Space> {
        self.timer.space()
    }

    /// Says, as long as it is kept, that the caller waits in vain.
    pub fn unanswered(&self) -> Option<UnansweredCall> {
        let came = self.timer.came()?;
        Some(UnansweredCall::new(Arc::clone(self.timer.space()), self.timer.generation(), came))
    }

    /// Timer on which the pieces of a slow reply wait for the space's clock.
    pub fn timer(&mut self) -> &mut ClockTimer {
        &mut self.timer
    }
}

impl Space {
    /// Returns true if any rule may step in at this point: one relaxed load.
    pub fn listens_at(&self, point: Point) -> bool {
        self.listening.load(Ordering::Relaxed) & 1 << point.index() != 0
    }

    /// Changes the rules of the space, all at once; `change` gets the time at which it arms new ones. Counters of rules
    /// that stay are kept.
    pub fn change_rules<R>(&self, change: impl FnOnce(&mut Vec<ArmedRule>, Millis) -> R) -> R {
        self.locked(|transaction| {
            let mut rule_store = self.rule_store.write().unwrap_or_else(PoisonError::into_inner);
            let result = change(Arc::make_mut(&mut rule_store.rules), transaction.now);
            rule_store.set = Arc::new(RuleSet::new(&*rule_store.rules));
            self.listen(&rule_store, transaction.now);
            (result, true)
        })
    }

    /// Takes over rules as another space, or this one, had them, at `now`.
    pub(super) fn replace(&self, rules: &RuleStore, now: Millis) {
        let mut rule_store = self.rule_store.write().unwrap_or_else(PoisonError::into_inner);
        rule_store.clone_from(rules);
        self.listen(&rule_store, now);
    }

    /// Changes the times at which rules were armed, where the clock was set to another time.
    pub(super) fn rearm(&self, at: impl Fn(Millis) -> Millis) {
        let mut rule_store = self.rule_store.write().unwrap_or_else(PoisonError::into_inner);
        if rule_store.rules.iter().all(|armed| at(armed.at) == armed.at) {
            return;
        }
        for armed in Arc::make_mut(&mut rule_store.rules) {
            armed.at = at(armed.at);
        }
        rule_store.set = Arc::new(RuleSet::new(&*rule_store.rules));
    }

    fn listen(&self, rule_store: &RuleStore, now: Millis) {
        let heard = Point::ALL.into_iter().filter(|point| rule_store.set.listens_at(*point));
        let points = heard.fold(0, |points, point| points | 1 << point.index());
        self.listening.store(points, Ordering::Relaxed);
        self.happened(Event::Rules(now));
    }

    /// Arms these rules in place of any before, in the order in which they are asked.
    pub fn arm_rules(&self, rules: Vec<Rule>) {
        self.change_rules(|armed, now| *armed = ArmedRule::all(rules, now));
    }

    /// The armed rules with how often each fitted and stepped in.
    pub fn rules(&self) -> Vec<CountedRule> {
        self.locked(|transaction| {
            let RuleStore { rules, set } =
                self.rule_store.read().unwrap_or_else(PoisonError::into_inner).clone();
            let counters = &transaction.state.counters;
            let counted = rules.iter().map(|armed| CountedRule {
                armed: armed.clone(),
                tally: set.tally(&armed.rule.id, counters).unwrap_or_default(),
            });
            (counted.collect(), false)
        })
    }

    fn rule_set(&self) -> Arc<RuleSet> {
        Arc::clone(&self.rule_store.read().unwrap_or_else(PoisonError::into_inner).set)
    }

    /// Asks the rules what happens to a call. Time, and what the call leaves out of its order, are filled in here.
    pub fn consult(&self, call: &CallFacts<'_>) -> Option<Ruling> {
        if !self.listens_at(call.point) {
            return None;
        }
        self.locked(|transaction| (transaction.consult(call), false))
    }

    /// The rules that came nearest to deciding a call, at the time and with the state that it names, and with the
    /// counters as they are now.
    pub fn near_misses(&self, call: &CallFacts<'_>, decided: Option<&str>) -> Vec<NearMiss> {
        let rules = self.rule_set();
        if rules.is_empty() {
            return Vec::new();
        }
        self.locked(|transaction| {
            let (now, state) = (call.now, call.state);
            let call = CallFacts { state, now, ..transaction.completed(call) };
            (rules.explain(&call, &transaction.state.counters, decided), false)
        })
    }

    /// As [`Space::write`], with what is booked and told bent to the plan of `ruling`. Saved cards and passcodes are booked
    /// before the reply or never. Whoever waits for a change is woken by the note on the request, which always follows.
    pub fn write_with<R>(
        &self,
        ruling: Option<&Ruling>,
        act: impl FnOnce(&mut Transaction<'_>) -> R,
    ) -> (R, Deferred) {
        let Some(ruling) = ruling else {
            return (self.locked(|transaction| (act(transaction), false)), Deferred::default());
        };
        self.locked(|transaction| {
            if ruling.generation != transaction.state.generation {
                let deferred = Deferred { void: true, ..Deferred::default() };
                return ((act(transaction), deferred), false);
            }
            transaction.apply_plan(ruling, ruling.plan.commit);
            let is_for_show = transaction.commit == CommitPoint::Never;
            let saved = is_for_show.then(|| transaction.bindings().clone());
            let result = act(transaction);
            if let Some(saved) = saved {
                *transaction.bindings() = saved;
            }
            ((result, std::mem::take(&mut transaction.deferred)), false)
        })
    }

    /// The course of what `ruling` decided ([`Transaction::pending`]) of a call about the order at `target`.
    pub fn pending(
        &self,
        ruling: Ruling,
        target: Option<Target<'_>>,
        trace: RequestId,
        deferred: Deferred,
    ) -> Option<PendingReply> {
        self.write(|transaction| {
            transaction.carry(deferred.context.as_ref());
            let order = target.and_then(|target| Some(transaction.ledger().find(target)?.id));
            transaction.pending(ruling, order, trace, deferred)
        })
    }

    /// Notes that an effect of a rule had nothing to act on, which was seen after the course began.
    pub fn note_idle(&self, pending: &PendingReply, effect: &'static str) {
        if pending.by.note_idle(effect) {
            self.locked(|transaction| {
                (transaction.state.counters.note_idle(&pending.by.rule), false)
            });
        }
    }

    /// Books what is owed of a course, unless its order has changed meanwhile.
    fn end(&self, pending: &PendingReply, commits: Vec<DeferredCommit>) {
        self.write(|transaction| {
            if transaction.state.generation != pending.timer.generation() {
                return;
            }
            transaction.carry(pending.deferred.context.as_ref());
            transaction.rule = Some(Arc::clone(&pending.by.rule));
            for commit in commits {
                match commit {
                    DeferredCommit::Order(order) => {
                        if let Some(id) = transaction.state.ledger.insert_made(*order) {
                            transaction.order_changed(id);
                            pending.by.booked();
                        }
                    }
                    DeferredCommit::Event { mut event, length, pushback } => {
                        let order = transaction.ledger().find(Target::At(event.order));
                        if order.is_some_and(|order| order.history.len() == length) {
                            event.at = pending.timer.due().min(transaction.now);
                            transaction.pushback = Some(pushback);
                            if transaction.book(event, pending.trace).is_some() {
                                pending.by.booked();
                            }
                        }
                    }
                }
            }
        });
    }
}

/// Subject of a delivery.
#[derive(Clone, Copy)]
pub(super) struct NoticeCause {
    pub(super) cause: &'static str,
    /// True if it says that it worked.
    pub(super) good: bool,
    /// Index among several.
    pub(super) at: usize,
}

impl Transaction<'_> {
    /// Asks the rules what happens to a call ([`Space::consult`]).
    pub fn consult(&mut self, call: &CallFacts<'_>) -> Option<Ruling> {
        if !self.space.listens_at(call.point) {
            return None;
        }
        let rules = self.space.rule_set();
        let random_domain = Arc::clone(&self.state.random_domain);
        let call = self.completed(&CallFacts { space: &random_domain, ..*call });
        let Decision { rule, plan } =
            rules.decide(&call, &mut self.state.counters, self.space.seed())?;
        self.state.met.note_plan(&plan);
        Some(Ruling { rule, plan, point: call.point, generation: self.state.generation })
    }

    /// The course of what `ruling` decided, whose caller waits for the reply. Push-backs that are planned although
    /// nothing causes them are put out here, about `order`. Not to be dropped before the section ends.
    pub fn pending(
        &mut self,
        ruling: Ruling,
        order: Option<OrderId>,
        trace: RequestId,
        mut deferred: Deferred,
    ) -> Option<PendingReply> {
        let Ruling { rule, plan, point, generation } = ruling;
        let space = self.space.me.upgrade()?;
        let is_void = generation != self.state.generation;
        let mut is_unasked = false;
        if let Some(id) = order.filter(|_| !is_void) {
            for (at, notice) in plan.pushback.unasked.iter().enumerate() {
                let told = NoticeCause { cause: "unasked", good: true, at };
                let due = self.put_out_after(id, notice, told, trace);
                is_unasked |= due.is_some();
                deferred.told.extend(due.and_then(|number| self.is_due(number)));
            }
        }
        if !plan.pushback.before_reply {
            deferred.told.clear();
        }
        let later = |commit: &DeferredCommit| match commit {
            DeferredCommit::Event { event, .. } => super::notified_event(event.change).is_some(),
            DeferredCommit::Order(_) => false,
        };
        let acted = Acted {
            suppressed: !deferred.suppressed.is_empty(),
            notified: deferred.notified || is_unasked || deferred.commits.iter().any(later),
        };
        let idle = plan.idle_effects(point, acted);
        if !idle.is_empty() && !is_void {
            self.state.counters.note_idle(&rule);
        }
        let due = self.now.plus(i64::try_from(plan.delay_ms).unwrap_or(i64::MAX));
        let waiter = Waiter::Reply { trace, came: Some(self.now) };
        let mut timer = ClockTimer::new(space, generation, waiter, due);
        let is_slow = plan.transport.as_ref().is_some_and(Transport::is_slow);
        if plan.delay_ms > 0 || is_slow || !deferred.commits.is_empty() {
            timer.note(self);
        }
        let suppressed = std::mem::take(&mut deferred.suppressed);
        let by = Arc::new(RuleHit::new(rule, plan, suppressed, idle));
        Some(PendingReply { by, trace, deferred, timer })
    }

    /// Push-backs that are caused from here on are sent in this trace of the caller's.
    pub fn carry(&mut self, context: Option<&Arc<TraceContext>>) {
        self.deferred.context = context.cloned();
    }

    /// Bends what is booked and told from here on to what was decided, but for when it is booked.
    pub fn apply_plan(&mut self, Ruling { rule, plan, .. }: &Ruling, commit: CommitPoint) {
        self.rule = Some(Arc::clone(rule));
        (self.commit, self.pushback) = (commit, Some(plan.pushback.clone()));
    }

    /// Takes the work that is left so far.
    pub fn take_aftermath(&mut self) -> Deferred {
        std::mem::take(&mut self.deferred)
    }

    /// The facts of a call with the time, and with what its order says where the call does not.
    fn completed<'c>(&self, call: &CallFacts<'c>) -> CallFacts<'c> {
        let mut call = *call;
        call.now = self.now;
        let named = call.merchant_id.zip(call.tx_id);
        let order = named.and_then(|(merchant, tx_id)| {
            self.state.ledger.find(Target::Named { merchant, tx_id })
        });
        if let Some(order) = order {
            call.amount = call.amount.or(Some((order.amount, order.currency)));
            call.method = call.method.or(Some(order.method));
            call.state = Some(order.state);
            call.trt = call.trt.or(Some(match order.kind {
                OrderKind::Purchase => Trt::Purchase,
                OrderKind::PreAuth => Trt::PreAuth,
            }));
        }
        call
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
            let ledger = &self.state.ledger;
            return ledger.find(Target::At(id)).map(see).ok_or(Reason::SystemError);
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
        let ledger = &mut self.state.ledger;
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

    /// Books what time did to an order. Time has no reply and does not turn back, so it is booked in any case; a rule at
    /// the point `trigger` bends what the merchant is told of it.
    #[cold]
    pub(super) fn book_expiry(&mut self, expiry: LedgerEvent) -> bool {
        let id = expiry.order;
        let Some(ruling) = self.decide_expiry(id) else {
            return self.book(expiry, RequestId::default()).is_some();
        };
        self.apply_plan(&ruling, CommitPoint::BeforeReply);
        let is_booked = self.book(expiry, RequestId::default()).is_some();
        let plan = self.pushback.take().unwrap_or_default();
        let mut notified = self.deferred.notified;
        for (at, notice) in plan.unasked.iter().enumerate() {
            let told = NoticeCause { cause: "unasked", good: true, at };
            notified |= self.put_out_after(id, notice, told, RequestId::default()).is_some();
        }
        let acted = Acted { suppressed: false, notified };
        if !ruling.plan.idle_effects(ruling.point, acted).is_empty() {
            self.state.counters.note_idle(&ruling.rule);
        }
        // Nobody's reply waits for them.
        (self.rule, self.deferred) = (None, Deferred::default());
        is_booked
    }

    fn decide_expiry(&mut self, id: OrderId) -> Option<Ruling> {
        let (space, point) = (self.space, Point::Trigger);
        if !space.listens_at(point) {
            return None;
        }
        let ledger = &self.state.ledger;
        let order = ledger.find(Target::At(id))?;
        let (terminal, tx_id) = (ledger.terminal(order).clone(), order.tx_id.clone());
        let call = CallFacts {
            merchant_id: Some(&terminal.merchant),
            term_id: Some(&terminal.terminal),
            tx_id: Some(&tx_id),
            ..CallFacts::new(space.name(), point, self.now)
        };
        self.consult(&call)
    }

    /// Defers what [`Transaction::book`] would leave, booked later or never.
    pub(super) fn postpone(&mut self, event: LedgerEvent, trace: RequestId) -> Option<&Order> {
        let order = self.state.ledger.preview(&event, trace.0)?;
        self.deferred.suppressed.push(event.change);
        if self.commit == CommitPoint::AfterReply {
            let length = self.state.ledger.find(Target::At(event.order))?.history.len();
            let pushback = self.pushback.clone().unwrap_or_default();
            self.deferred.commits.push(DeferredCommit::Event { event, length, pushback });
        }
        self.preview = Some(Box::new(order));
        self.preview.as_deref()
    }

    /// Puts one notice about an order out, due after its delay; its number. `None`: there is nowhere to send it.
    pub(super) fn put_out_after(
        &mut self,
        id: OrderId,
        notice: &PlannedNotice,
        told: NoticeCause,
        trace: RequestId,
    ) -> Option<u64> {
        let due = self.now.plus(i64::try_from(notice.delay_ms).unwrap_or(i64::MAX));
        self.enqueue_notice(id, due, notice, told, trace)
    }

    /// The same number where that delivery is due now.
    pub(super) fn is_due(&self, number: u64) -> Option<u64> {
        let delivery = self.state.outbox.get(number)?;
        matches!(delivery.state, DeliveryState::Waiting(at) if at <= self.now).then_some(number)
    }
}

/// The one true notice, at once.
pub(super) const TRUTH: PlannedNotice =
    PlannedNotice { delay_ms: 0, content: Content::True, bytes_per_second: None };

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::{Operation, Seed};
    use crate::profile::Profile;
    use crate::scenario::read_rules;
    use crate::space::{Budgets, Spaces};

    #[test]
    fn a_space_listens_only_where_a_rule_is_armed() {
        let (spaces, _) = Spaces::new(Profile::builtin(), Seed(1), Budgets::default());
        let space = spaces.default_space();
        let heard = || {
            let points = Point::ALL.into_iter();
            points.filter(|point| space.listens_at(*point)).collect::<Vec<_>>()
        };
        assert_eq!(heard(), []);
        let text = b"- { id: a, when: { operation: [refund, pay] }, then: [{ latency: 1s }] }";
        space.arm_rules(read_rules("t", text).expect("a rule"));
        assert_eq!(heard(), [Point::Call(Operation::Refund), Point::Pay]);
        // Where none listens the state is not even looked at: holding its lock does not matter.
        let frozen = space.lock();
        let call = CallFacts::new("default", Point::Call(Operation::Status), Millis(0));
        assert_eq!(space.consult(&call), None);
        drop(frozen);
        let call = CallFacts { point: Point::Pay, ..call };
        assert_eq!(space.consult(&call).map(|decision| decision.plan.delay_ms), Some(1000));
        space.reset();
        assert_eq!(heard(), []);
    }
}
