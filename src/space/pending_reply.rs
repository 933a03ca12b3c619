//! A reply that a rule holds back, slows down or breaks, with what is booked only once it was attempted.

use std::fmt;
use std::ops::Deref;
use std::sync::Arc;

use super::activity::UnansweredCall;
use super::clock_timer::{ClockTimer, Wait};
use super::journal::RequestId;
use super::notify::Deliveries;
use super::outbox::PushbackCause;
use super::pass::Pass;
use super::rule_hit::{NotedIdle, RuleHit};
use super::ruling::Ruling;
use super::space::Space;
use super::state::Waiter;
use super::transaction::{Deferred, DeferredCommit, Transaction};
use crate::base::TraceContext;
use crate::ledger::{OrderId, Target};
use crate::scenario::{Acted, Transport};

/// A call's way on after it was decided. Dropping it books the deferred commits.
pub struct PendingReply {
    /// The rule that stepped in, with its plan.
    pub by: Arc<RuleHit>,
    /// The request.
    trace: RequestId,
    /// Trace in which push-backs are sent.
    context: Option<Arc<TraceContext>>,
    /// Events and registrations that are booked once the reply was attempted.
    commits: Vec<DeferredCommit>,
    /// Kept until they are booked.
    #[allow(dead_code, reason = "dropping it lets the space be handed over")]
    pass: Option<Pass>,
    /// Deliveries whose first attempts go before the reply.
    told: Deliveries,
    /// Its place on the space's clock. Time passes it only after the reply was attempted and what is deferred was booked.
    timer: ClockTimer,
}

impl fmt::Debug for PendingReply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PendingReply").field("by", &self.by).finish_non_exhaustive()
    }
}

/// A reply ends in many ways: written whole or in part, never written, given up with the task or the connection that held
/// it. Nothing but the drop comes with each of them, so what waits for the attempt is booked here.
impl Drop for PendingReply {
    fn drop(&mut self) {
        self.by.end();
        let commits = std::mem::take(&mut self.commits);
        if commits.is_empty() {
            return;
        }
        let booked = self.timer.space().write(|transaction| {
            if transaction.generation() != self.timer.generation() {
                return 0;
            }
            transaction.carry(self.context.as_ref());
            transaction.book_deferred(commits, &self.by.rule, self.trace, self.timer.due())
        });
        self.by.booked(booked);
    }
}

impl PendingReply {
    /// Waits for all of them ([`PendingReply::wait`]), also when this is given up: a caller who leaves early changes nothing of
    /// what is booked when. None come back where that broke down.
    pub async fn outlast<C>(pending: Vec<C>) -> Vec<C>
    where
        C: Deref<Target = Self> + Send + Sync + 'static,
    {
        if !pending.iter().any(|pending| pending.waits()) {
            return pending;
        }
        let waiting = tokio::spawn(async move {
            for pending in &pending {
                pending.wait().await;
            }
            pending
        });
        waiting.await.unwrap_or_default()
    }

    fn waits(&self) -> bool {
        self.by.plan.delay_ms > 0 || !self.told.is_empty()
    }

    /// Waits until the answer may leave: push-backs that go before it have been attempted, and its latency has passed
    /// on the space's clock. A reset of the space ends the wait.
    pub async fn wait(&self) {
        if !self.told.is_empty() {
            let _silence = self.unanswered();
            self.timer
                .space()
                .until(self.timer.generation(), |transaction| {
                    let is_under_way = |id: &u64| {
                        transaction.outbox().get(*id).is_some_and(|delivery| {
                            delivery.attempts.is_empty() && !delivery.state.is_final()
                        })
                    };
                    if self.told.iter().any(is_under_way) { Wait::ForChange } else { Wait::Over }
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

    /// Generation of the space in which the call was decided.
    pub fn generation(&self) -> u64 {
        self.timer.generation()
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
    /// Pending reply to a call about the order at `target` that `ruling` decided ([`Transaction::pending`]).
    pub fn pending(
        &self,
        ruling: Ruling,
        target: Option<Target<'_>>,
        trace: RequestId,
        context: Option<&Arc<TraceContext>>,
        deferred: Deferred,
    ) -> Option<PendingReply> {
        self.write(|transaction| {
            transaction.carry(context);
            let order = target.and_then(|target| Some(transaction.ledger().find(target)?.id));
            transaction.pending(ruling, order, trace, deferred)
        })
    }

    /// Notes that an effect of a rule had nothing to act on, which was seen after the reply was planned.
    pub fn note_idle(&self, pending: &PendingReply, effect: &'static str) {
        let RuleHit { rule, plan, .. } = &*pending.by;
        match pending.by.note_idle(effect) {
            NotedIdle::First => self.lock().note_idle(rule, plan, &[effect]),
            NotedIdle::Further => self.lock().met.take_back(plan, effect),
            NotedIdle::Known => {}
        }
    }
}

impl Transaction<'_> {
    /// Pending reply to a call that `ruling` decided, whose caller waits for it. Push-backs that are planned although
    /// nothing causes them are put out here, about `order`. Not to be dropped before the section ends.
    pub fn pending(
        &mut self,
        ruling: Ruling,
        order: Option<OrderId>,
        trace: RequestId,
        mut deferred: Deferred,
    ) -> Option<PendingReply> {
        let space = self.space.me.upgrade()?;
        let is_overtaken = ruling.generation != self.generation();
        if let Some(order) = order.filter(|_| !is_overtaken) {
            deferred.notified |= self.notify_unasked(&ruling, order, trace);
            deferred.append(self.take_deferred());
        }
        let Ruling { rule, plan, point, generation } = ruling;
        let is_news = |commit: &DeferredCommit| match commit {
            DeferredCommit::Event { event, .. } => PushbackCause::of(event.change).is_some(),
            DeferredCommit::Order(_) => false,
        };
        let Deferred { commits, suppressed, told, notified, same_reason } = deferred;
        let acted = Acted {
            suppressed: !suppressed.is_empty(),
            notified: notified || commits.iter().any(is_news),
            same_reason,
        };
        let idle = plan.idle_effects(point, acted);
        if !is_overtaken {
            self.state.note_idle(&rule, &plan, &idle);
        }
        let due = self.now.plus(i64::try_from(plan.delay_ms).unwrap_or(i64::MAX));
        let waiter = Waiter::Reply { trace, came: self.now };
        let pass = (!commits.is_empty()).then(|| Pass::beside(&space));
        let mut timer = ClockTimer::new(space, generation, waiter, due);
        let is_slow = plan.transport.as_ref().is_some_and(Transport::is_slow);
        if plan.delay_ms > 0 || is_slow || !commits.is_empty() {
            timer.note(self);
        }
        let by = Arc::new(RuleHit::new(rule, plan, suppressed, idle));
        let context = self.context.clone();
        Some(PendingReply { by, trace, context, commits, pass, told, timer })
    }
}
