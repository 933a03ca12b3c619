//! The reach of effects: at which points each can act, and so at which points a rule without `operation` steps in.

use crate::base::{Operation, Reason};
use crate::scenario::model::{Commit, Effect, Lines, Point, Rule, Transport};
use crate::scenario::plan::{CommitPoint, Plan, PushbackPlan};

/// Result of a plan's booking and push-backs, of which a call may have had none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Acted {
    /// Something was kept from the books.
    pub suppressed: bool,
    /// A push-back was caused, or sent without a cause.
    pub notified: bool,
    /// A payment would have ended for the plan's reason without it.
    pub same_reason: bool,
}

/// Returns true if PAYON's own reply is written at a point.
const fn replies(point: Point) -> bool {
    matches!(point, Point::Call(_) | Point::Refused)
}

/// Returns true if an HTTP answer of the merchant plane is written at a point.
const fn answers(point: Point) -> bool {
    replies(point) || matches!(point, Point::Page)
}

/// Returns true if something is booked for an order at a point when all goes well.
const fn books_order(point: Point) -> bool {
    matches!(
        point,
        Point::Pay
            | Point::Trigger
            | Point::Call(
                Operation::Register
                    | Operation::Reversal
                    | Operation::Refund
                    | Operation::PreAuthCompletion
                    | Operation::NotifyQrScanned
                    | Operation::NotifyProcessing
                    | Operation::NotifyCompletion
                    | Operation::CancelQr
            )
    )
}

/// Returns true if a saved card or a passcode is booked at a point.
const fn books_card(point: Point) -> bool {
    matches!(
        point,
        Point::Call(
            Operation::BindingRegister
                | Operation::CreatePin
                | Operation::EnablePin
                | Operation::DisablePin
        )
    )
}

/// Returns true if a push-back is caused at a point when all goes well.
const fn notifies(point: Point) -> bool {
    matches!(
        point,
        Point::Pay
            | Point::Trigger
            | Point::Call(
                Operation::Reversal
                    | Operation::Refund
                    | Operation::PreAuthCompletion
                    | Operation::NotifyCompletion
                    | Operation::CancelQr
            )
    )
}

impl Effect {
    /// Returns true if it changes the order in which notices are sent.
    pub fn is_disorder(&self) -> bool {
        matches!(self, Self::Pushback(pushback) if pushback.order.is_some())
    }

    /// Returns true if it can act at a point.
    pub(in crate::scenario) fn acts_at(&self, point: Point) -> bool {
        match self {
            Self::Latency(_) => point != Point::Connect,
            Self::Reason(_) => replies(point) || point == Point::Pay,
            Self::Patch(_) => replies(point),
            Self::Commit(Commit::Never) => books_order(point) || books_card(point),
            Self::Commit(_) => books_order(point),
            Self::Transport(Transport::Reset | Transport::Hang | Transport::Empty)
                if point == Point::Connect =>
            {
                true
            }
            Self::Status(_) | Self::Transport(_) => answers(point),
            Self::Pushback(pushback) => {
                notifies(point)
                    || (point.concerns_order() && (pushback.forged || pushback.unknown_order))
            }
        }
    }
}

impl Rule {
    /// Its effects, those of all turns together.
    pub fn effects(&self) -> impl Iterator<Item = &Effect> {
        self.lists().flat_map(|lines| &lines.0)
    }

    /// Its lists of effects, one for each turn.
    pub(in crate::scenario) fn lists(&self) -> impl Iterator<Item = &Lines> {
        self.then.iter().chain(self.sequence.iter().flatten())
    }

    /// The number of the last fitting call that it is to decide, where it names calls by their numbers; those that it lets
    /// through do not count.
    pub fn last_turn(&self) -> Option<u32> {
        let is_open = |turn: &u32| self.when.nth.as_ref().is_none_or(|many| many.0.contains(turn));
        let Some(turns) = &self.sequence else {
            return self.when.nth.as_ref()?.0.iter().max().copied();
        };
        let numbered = (1..).zip(turns).filter(|(_, lines)| !lines.0.is_empty());
        numbered.map(|(turn, _)| turn).filter(is_open).max()
    }

    /// The points at which it steps in. Without `operation` these are all requests of merchants and payers at which its
    /// effects can act, and for push-backs also payments and events, which cause most of them.
    pub fn points(&self) -> Vec<Point> {
        if let Some(many) = &self.when.operation {
            return many.0.clone();
        }
        let tells = self.effects().any(|effect| matches!(effect, Effect::Pushback(_)));
        let mut points: Vec<Point> = Point::ALL
            .into_iter()
            .filter(|point| answers(*point) || (tells && notifies(*point)))
            .collect();
        let all = |point: &Point| self.effects().all(|effect| effect.acts_at(*point));
        if points.iter().any(all) {
            points.retain(all);
        }
        points
    }
}

impl Plan {
    /// The effects, by their keys in a scenario file, that had nothing to act on at this point.
    pub fn idle_effects(&self, point: Point, acted: Acted) -> Vec<&'static str> {
        let is_refused = self.reason.is_some_and(|reason| reason != Reason::Success);
        let is_kept = match self.commit {
            CommitPoint::BeforeReply => false,
            // A refusal books nothing by itself.
            CommitPoint::Never => !is_refused,
            CommitPoint::AfterReply => true,
        };
        let breaks = |transport: &Transport| Effect::Transport(transport.clone()).acts_at(point);
        // Of what happens to an order by itself nobody is told where all is dropped, nor where there was nothing to drop.
        let drops_all = self.pushback.notices.is_empty() && self.pushback.unasked.is_empty();
        let is_kept_quiet = point == Point::Trigger && drops_all;
        let is_seen = self.transport.as_ref().is_none_or(Transport::shows_reply);
        // A call succeeds by itself or not at all.
        let is_reasoned =
            (replies(point) && is_refused) || (point == Point::Pay && !acted.same_reason);
        let effects = [
            ("latency", self.delay_ms > 0, point != Point::Connect),
            ("reason", self.reason.is_some(), is_reasoned),
            ("patch", self.patch.is_some(), replies(point) && is_seen),
            ("status", self.status.is_some(), answers(point) && is_seen),
            ("commit", is_kept, acted.suppressed),
            ("transport", self.transport.is_some(), self.transport.as_ref().is_some_and(breaks)),
            ("pushback", self.pushback != PushbackPlan::default(), acted.notified || is_kept_quiet),
        ];
        let idle = effects.into_iter().filter(|(_, is_planned, acts)| *is_planned && !acts);
        idle.map(|(name, ..)| name).collect()
    }
}
