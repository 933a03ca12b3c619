//! Where a scenario's rules step in: which rule decides a call, what is booked of it when, and what the merchant is
//! told.
//!
//! A call that a rule decides enters its space with that [`Ruling`] ([`Space::enter_by`]). What is not to be booked
//! at once is made as if it were, so that the reply reads the same; what is owed is booked when the [`Course`] of the
//! reply is dropped, which is when the reply was attempted, successfully or not.

use std::fmt;
use std::ops::Deref;
use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};

use super::hold::{Hold, Wait, Waiter};
use super::{DeliveryState, Happening, Intervention, Moment, Silence, Space, Trace};
use crate::base::{Millis, Reason, TraceContext};
use crate::ledger::{Change, Event, NewOrder, Order, OrderId, OrderKind, Registration, Target};
use crate::scenario::{
    Acted, ArmedRule, CallFacts, CommitPoint, Content, Decision, NearMiss, Notice, Plan, Point,
    PushbackPlan, Rule, RuleSet, Tally, Transport, Trt,
};

/// The rules of a space: as they were read, and ready to decide.
#[derive(Clone, Debug, Default)]
pub(super) struct Armoury {
    rules: Arc<Vec<ArmedRule>>,
    set: Arc<RuleSet>,
}

impl Armoury {
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
    /// What is to happen.
    pub plan: Plan,
    point: Point,
    generation: u64,
}

/// What is left of a call once its critical section is over.
#[derive(Debug, Default)]
pub struct Aftermath {
    owed: Vec<Deed>,
    withheld: Vec<Change>,
    told: Vec<u64>,
    /// Whether the plan for push-backs had one to act on.
    notified: bool,
    /// Whether the plan is void, because the space was reset or restored after it was made.
    pub(super) void: bool,
    /// In whose trace push-backs are sent.
    pub(super) context: Option<Arc<TraceContext>>,
}

impl Aftermath {
    /// Notes a delivery that is due at once: its first attempt goes before the reply.
    pub(super) fn told(&mut self, number: Option<u64>) {
        self.told.extend(number);
    }

    /// Whether the ruling was void, so that everything went on as without a rule.
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
        self.owed.append(&mut later.owed);
        self.withheld.append(&mut later.withheld);
        self.told.append(&mut later.told);
        self.context = later.context.or(self.context.take());
    }
}

/// Something decided that is booked after the reply.
#[derive(Debug)]
enum Deed {
    /// An event, for an order whose history had that length.
    Event { event: Event, length: usize, pushback: PushbackPlan },
    /// A registration.
    Order(Box<Order>),
}

/// How one call goes on after it was decided. Dropping it books what is owed.
pub struct Course {
    /// The rule that stepped in, with its plan.
    pub by: Arc<Intervention>,
    /// The request.
    trace: Trace,
    aftermath: Aftermath,
    /// Its place on the space's clock. Time passes it only after the reply was attempted and what is owed was booked.
    hold: Hold,
}

impl fmt::Debug for Course {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Course").field("by", &self.by).finish_non_exhaustive()
    }
}

/// No two courses are the same one.
impl PartialEq for Course {
    fn eq(&self, other: &Self) -> bool {
        std::ptr::eq(self, other)
    }
}

impl Eq for Course {}

impl Drop for Course {
    fn drop(&mut self) {
        self.by.end();
        let owed = std::mem::take(&mut self.aftermath.owed);
        if !owed.is_empty() {
            self.hold.space().end(self, owed);
        }
    }
}

impl Course {
    /// Waits for all of them ([`Course::wait`]), also when this is given up: a caller who leaves early changes nothing of
    /// what is booked when. None come back where that broke down.
    pub async fn outlast<C>(courses: Vec<C>) -> Vec<C>
    where
        C: Deref<Target = Self> + Send + Sync + 'static,
    {
        if !courses.iter().any(|course| course.waits()) {
            return courses;
        }
        let waiting = tokio::spawn(async move {
            for course in &courses {
                course.wait().await;
            }
            courses
        });
        waiting.await.unwrap_or_default()
    }

    fn waits(&self) -> bool {
        self.by.plan.delay_ms > 0 || !self.aftermath.told.is_empty()
    }

    /// Waits until the answer may leave: push-backs that go before it have been attempted, and its latency has passed
    /// on the space's clock. A reset of the space ends the wait.
    pub async fn wait(&self) {
        let told = &self.aftermath.told;
        if !told.is_empty() {
            let _silence = self.silence();
            self.hold
                .space()
                .until(self.hold.generation(), |moment| {
                    let outbox = &moment.state.outbox;
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
            self.hold.over().await;
        }
    }

    /// The request.
    pub const fn trace(&self) -> Trace {
        self.trace
    }

    /// The space that it belongs to.
    pub fn space(&self) -> &Arc<Space> {
        self.hold.space()
    }

    /// Says, as long as it is kept, that the caller waits in vain.
    pub fn silence(&self) -> Option<Silence> {
        let came = self.hold.came()?;
        Some(Silence::new(Arc::clone(self.hold.space()), self.hold.generation(), came))
    }

    /// Where the pieces of a slow reply wait for the space's clock.
    pub fn hold(&mut self) -> &mut Hold {
        &mut self.hold
    }
}

impl Space {
    /// Whether any rule may step in at this point: one relaxed load.
    pub fn listens_at(&self, point: Point) -> bool {
        self.listening.load(Ordering::Relaxed) & 1 << point.index() != 0
    }

    /// Changes the rules of the space, all at once; `change` gets the time at which it arms new ones. Counters of rules
    /// that stay are kept.
    pub fn change_rules<R>(&self, change: impl FnOnce(&mut Vec<ArmedRule>, Millis) -> R) -> R {
        self.section(|moment| {
            let mut armoury = self.armoury.write().unwrap_or_else(PoisonError::into_inner);
            let result = change(Arc::make_mut(&mut armoury.rules), moment.now);
            armoury.set = Arc::new(RuleSet::new(&*armoury.rules));
            self.listen(&armoury, moment.now);
            (result, true)
        })
    }

    /// Takes over rules as another space, or this one, had them, at `now`.
    pub(super) fn take_up(&self, rules: &Armoury, now: Millis) {
        let mut armoury = self.armoury.write().unwrap_or_else(PoisonError::into_inner);
        armoury.clone_from(rules);
        self.listen(&armoury, now);
    }

    /// Changes the times at which rules were armed, where the clock was set to another time.
    pub(super) fn rearm(&self, at: impl Fn(Millis) -> Millis) {
        let mut armoury = self.armoury.write().unwrap_or_else(PoisonError::into_inner);
        if armoury.rules.iter().all(|armed| at(armed.at) == armed.at) {
            return;
        }
        for armed in Arc::make_mut(&mut armoury.rules) {
            armed.at = at(armed.at);
        }
        armoury.set = Arc::new(RuleSet::new(&*armoury.rules));
    }

    fn listen(&self, armoury: &Armoury, now: Millis) {
        let heard = Point::ALL.into_iter().filter(|point| armoury.set.listens_at(*point));
        let points = heard.fold(0, |points, point| points | 1 << point.index());
        self.listening.store(points, Ordering::Relaxed);
        self.happened(Happening::Rules(now));
    }

    /// Arms these rules in place of any before, in the order in which they are asked.
    pub fn arm_rules(&self, rules: Vec<Rule>) {
        self.change_rules(|armed, now| *armed = ArmedRule::all(rules, now));
    }

    /// The armed rules with how often each fitted and stepped in.
    pub fn rules(&self) -> Vec<CountedRule> {
        self.section(|moment| {
            let Armoury { rules, set } =
                self.armoury.read().unwrap_or_else(PoisonError::into_inner).clone();
            let counters = &moment.state.counters;
            let counted = rules.iter().map(|armed| CountedRule {
                armed: armed.clone(),
                tally: set.tally(&armed.rule.id, counters).unwrap_or_default(),
            });
            (counted.collect(), false)
        })
    }

    fn rule_set(&self) -> Arc<RuleSet> {
        Arc::clone(&self.armoury.read().unwrap_or_else(PoisonError::into_inner).set)
    }

    /// Asks the rules what happens to a call. Time, and what the call leaves out of its order, are filled in here.
    pub fn consult(&self, call: &CallFacts<'_>) -> Option<Ruling> {
        if !self.listens_at(call.point) {
            return None;
        }
        self.section(|moment| (moment.consult(call), false))
    }

    /// The rules that came nearest to deciding a call, at the time and with the state that it names, and with the
    /// counters as they are now.
    pub fn near_misses(&self, call: &CallFacts<'_>, decided: Option<&str>) -> Vec<NearMiss> {
        let rules = self.rule_set();
        if rules.is_empty() {
            return Vec::new();
        }
        self.section(|moment| {
            let (now, state) = (call.now, call.state);
            let call = CallFacts { state, now, ..moment.completed(call) };
            (rules.explain(&call, &moment.state.counters, decided), false)
        })
    }

    /// As [`Space::enter`], with what is booked and told bent to the plan of `ruling`. Saved cards and passcodes are booked
    /// before the reply or never. Whoever waits for a change is woken by the note on the request, which always follows.
    pub fn enter_by<R>(
        &self,
        ruling: Option<&Ruling>,
        act: impl FnOnce(&mut Moment<'_>) -> R,
    ) -> (R, Aftermath) {
        let Some(ruling) = ruling else {
            return (self.section(|moment| (act(moment), false)), Aftermath::default());
        };
        self.section(|moment| {
            if ruling.generation != moment.state.generation {
                let aftermath = Aftermath { void: true, ..Aftermath::default() };
                return ((act(moment), aftermath), false);
            }
            moment.follow(ruling, ruling.plan.commit);
            let is_for_show = moment.commit == CommitPoint::Never;
            let saved = is_for_show.then(|| moment.bindings().clone());
            let result = act(moment);
            if let Some(saved) = saved {
                *moment.bindings() = saved;
            }
            ((result, std::mem::take(&mut moment.aftermath)), false)
        })
    }

    /// The course of what `ruling` decided ([`Moment::course`]) of a call about the order at `target`.
    pub fn course(
        &self,
        ruling: Ruling,
        target: Option<Target<'_>>,
        trace: Trace,
        aftermath: Aftermath,
    ) -> Option<Course> {
        self.enter(|moment| {
            moment.carry(aftermath.context.as_ref());
            let order = target.and_then(|target| Some(moment.ledger().find(target)?.id));
            moment.course(ruling, order, trace, aftermath)
        })
    }

    /// Notes that an effect of a rule had nothing to act on, which was seen after the course began.
    pub fn note_idle(&self, course: &Course, effect: &'static str) {
        if course.by.note_idle(effect) {
            self.section(|moment| (moment.state.counters.note_idle(&course.by.rule), false));
        }
    }

    /// Books what is owed of a course, unless its order has changed meanwhile.
    fn end(&self, course: &Course, owed: Vec<Deed>) {
        self.enter(|moment| {
            if moment.state.generation != course.hold.generation() {
                return;
            }
            moment.carry(course.aftermath.context.as_ref());
            moment.rule = Some(Arc::clone(&course.by.rule));
            for deed in owed {
                match deed {
                    Deed::Order(order) => {
                        if let Some(id) = moment.state.ledger.insert_made(*order) {
                            moment.order_changed(id);
                            course.by.booked();
                        }
                    }
                    Deed::Event { mut event, length, pushback } => {
                        let order = moment.ledger().find(Target::At(event.order));
                        if order.is_some_and(|order| order.history.len() == length) {
                            event.at = course.hold.due().min(moment.now);
                            moment.pushback = Some(pushback);
                            if moment.book(event, course.trace).is_some() {
                                course.by.booked();
                            }
                        }
                    }
                }
            }
        });
    }
}

/// What a delivery tells of.
#[derive(Clone, Copy)]
pub(super) struct Told {
    pub(super) cause: &'static str,
    /// Whether it says that it worked.
    pub(super) good: bool,
    /// Which of several.
    pub(super) at: usize,
}

impl Moment<'_> {
    /// Asks the rules what happens to a call ([`Space::consult`]).
    pub fn consult(&mut self, call: &CallFacts<'_>) -> Option<Ruling> {
        if !self.space.listens_at(call.point) {
            return None;
        }
        let rules = self.space.rule_set();
        let kin = Arc::clone(&self.state.kin);
        let call = self.completed(&CallFacts { space: &kin, ..*call });
        let Decision { rule, plan } =
            rules.decide(&call, &mut self.state.counters, self.space.seed())?;
        self.state.met.note_plan(&plan);
        Some(Ruling { rule, plan, point: call.point, generation: self.state.generation })
    }

    /// The course of what `ruling` decided, whose caller waits for the reply. Push-backs that are planned although
    /// nothing causes them are put out here, about `order`. Not to be dropped before the section ends.
    pub fn course(
        &mut self,
        ruling: Ruling,
        order: Option<OrderId>,
        trace: Trace,
        mut aftermath: Aftermath,
    ) -> Option<Course> {
        let Ruling { rule, plan, point, generation } = ruling;
        let space = self.space.me.upgrade()?;
        let is_void = generation != self.state.generation;
        let mut is_unasked = false;
        if let Some(id) = order.filter(|_| !is_void) {
            for (at, notice) in plan.pushback.unasked.iter().enumerate() {
                let told = Told { cause: "unasked", good: true, at };
                let due = self.put_out_after(id, notice, told, trace);
                is_unasked |= due.is_some();
                aftermath.told.extend(due.and_then(|number| self.is_due(number)));
            }
        }
        if !plan.pushback.before_reply {
            aftermath.told.clear();
        }
        let later = |deed: &Deed| match deed {
            Deed::Event { event, .. } => super::notified_event(event.change).is_some(),
            Deed::Order(_) => false,
        };
        let acted = Acted {
            withheld: !aftermath.withheld.is_empty(),
            notified: aftermath.notified || is_unasked || aftermath.owed.iter().any(later),
        };
        let idle = plan.idle_effects(point, acted);
        if !idle.is_empty() && !is_void {
            self.state.counters.note_idle(&rule);
        }
        let due = self.now.plus(i64::try_from(plan.delay_ms).unwrap_or(i64::MAX));
        let waiter = Waiter::Reply { trace, came: Some(self.now) };
        let mut hold = Hold::new(space, generation, waiter, due);
        let is_slow = plan.transport.as_ref().is_some_and(Transport::is_slow);
        if plan.delay_ms > 0 || is_slow || !aftermath.owed.is_empty() {
            hold.note(self);
        }
        let withheld = std::mem::take(&mut aftermath.withheld);
        let by = Arc::new(Intervention::new(rule, plan, withheld, idle));
        Some(Course { by, trace, aftermath, hold })
    }

    /// Push-backs that are caused from here on are sent in this trace of the caller's.
    pub fn carry(&mut self, context: Option<&Arc<TraceContext>>) {
        self.aftermath.context = context.cloned();
    }

    /// Bends what is booked and told from here on to what was decided, but for when it is booked.
    pub fn follow(&mut self, Ruling { rule, plan, .. }: &Ruling, commit: CommitPoint) {
        self.rule = Some(Arc::clone(rule));
        (self.commit, self.pushback) = (commit, Some(plan.pushback.clone()));
    }

    /// What is left over so far.
    pub fn take_aftermath(&mut self) -> Aftermath {
        std::mem::take(&mut self.aftermath)
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
        trace: Trace,
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
        trace: Trace,
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
        self.aftermath.withheld.push(Change::Registered);
        if self.commit == CommitPoint::AfterReply {
            self.aftermath.owed.push(Deed::Order(Box::new(order)));
        }
        Ok(seen)
    }

    /// Books what time did to an order. Time has no reply and does not turn back, so it is booked in any case; a rule at
    /// the point `trigger` bends what the merchant is told of it.
    #[cold]
    pub(super) fn book_expiry(&mut self, expiry: Event) -> bool {
        let id = expiry.order;
        let Some(ruling) = self.decide_expiry(id) else {
            return self.book(expiry, Trace::default()).is_some();
        };
        self.follow(&ruling, CommitPoint::BeforeReply);
        let is_booked = self.book(expiry, Trace::default()).is_some();
        let plan = self.pushback.take().unwrap_or_default();
        let mut notified = self.aftermath.notified;
        for (at, notice) in plan.unasked.iter().enumerate() {
            let told = Told { cause: "unasked", good: true, at };
            notified |= self.put_out_after(id, notice, told, Trace::default()).is_some();
        }
        let acted = Acted { withheld: false, notified };
        if !ruling.plan.idle_effects(ruling.point, acted).is_empty() {
            self.state.counters.note_idle(&ruling.rule);
        }
        // Nobody's reply waits for them.
        (self.rule, self.aftermath) = (None, Aftermath::default());
        is_booked
    }

    fn decide_expiry(&mut self, id: OrderId) -> Option<Ruling> {
        let (space, point) = (self.space, Point::Trigger);
        if !space.listens_at(point) {
            return None;
        }
        let ledger = &self.state.ledger;
        let order = ledger.find(Target::At(id))?;
        let (party, tx_id) = (ledger.party(order).clone(), order.tx_id.clone());
        let call = CallFacts {
            merchant_id: Some(&party.merchant),
            term_id: Some(&party.terminal),
            tx_id: Some(&tx_id),
            ..CallFacts::new(space.name(), point, self.now)
        };
        self.consult(&call)
    }

    /// What [`Moment::book`] would leave, booked later or never.
    pub(super) fn postpone(&mut self, event: Event, trace: Trace) -> Option<&Order> {
        let order = self.state.ledger.preview(&event, trace.0)?;
        self.aftermath.withheld.push(event.change);
        if self.commit == CommitPoint::AfterReply {
            let length = self.state.ledger.find(Target::At(event.order))?.history.len();
            let pushback = self.pushback.clone().unwrap_or_default();
            self.aftermath.owed.push(Deed::Event { event, length, pushback });
        }
        self.preview = Some(Box::new(order));
        self.preview.as_deref()
    }

    /// Puts one notice about an order out, due after its delay; its number. `None`: there is nowhere to send it.
    pub(super) fn put_out_after(
        &mut self,
        id: OrderId,
        notice: &Notice,
        told: Told,
        trace: Trace,
    ) -> Option<u64> {
        let due = self.now.plus(i64::try_from(notice.delay_ms).unwrap_or(i64::MAX));
        self.put_out(id, due, notice, told, trace)
    }

    /// The same number where that delivery is due now.
    pub(super) fn is_due(&self, number: u64) -> Option<u64> {
        let delivery = self.state.outbox.get(number)?;
        matches!(delivery.state, DeliveryState::Waiting(at) if at <= self.now).then_some(number)
    }
}

/// The one true notice, at once.
pub(super) const TRUTH: Notice =
    Notice { delay_ms: 0, content: Content::True, bytes_per_second: None };

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
        let held = space.lock();
        let call = CallFacts::new("default", Point::Call(Operation::Status), Millis(0));
        assert_eq!(space.consult(&call), None);
        drop(held);
        let call = CallFacts { point: Point::Pay, ..call };
        assert_eq!(space.consult(&call).map(|decision| decision.plan.delay_ms), Some(1000));
        space.reset();
        assert_eq!(heard(), []);
    }
}
