//! Conduct of a merchant in a run, as journal and books show it: what speaks against a bug that a scenario is there to catch.

use std::collections::HashSet;

use serde::Deserialize;

use super::drive::OTHER_TILL;
use crate::base::Operation;
use crate::scenario::{Belief, DriveStep, RequestFact, Scenario, SpaceHistory};

/// The least pause between two calls that are the same, in milliseconds.
const PAUSE_MS: i64 = 1000;
/// Time within which a push-back is asked about, likewise: a question that comes later has another reason.
const ASKED_WITHIN_MS: i64 = 5000;

/// Something that a merchant was seen to do right.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Conduct {
    /// No more txIds were registered than there were carts.
    OneTxIdForACart,
    /// Every attempt of a push-back was answered with 2xx in the time that the sender gives it.
    AnswersPushbacks,
    /// Each order that a push-back told of was asked about at once.
    AsksAfterPushbacks,
    /// It was asked for a status before any push-back came, and no step had the shop ask.
    AsksByItself,
    /// Each call that a rule stepped in for was made again; questions aside, which are asked again in any case.
    RepeatsFaultedCalls,
    /// Calls were repeated, each at least a second after the one before.
    PausesBetweenCalls,
    /// The one refund that the shop was asked for was asked for once at the gateway.
    RefundsOnce,
    /// The same of a capture.
    CapturesOnce,
    /// The list of orders or the sums of a day were asked for.
    ComparesBooks,
    /// The shop has taken no order for paid, and shipped nothing.
    TakesNoneForPaid,
    /// The shop has taken no order for unpaid.
    TakesNoneForUnpaid,
}

impl Conduct {
    /// Every one.
    const ALL: [Self; 11] = [
        Self::OneTxIdForACart,
        Self::AnswersPushbacks,
        Self::AsksAfterPushbacks,
        Self::AsksByItself,
        Self::RepeatsFaultedCalls,
        Self::PausesBetweenCalls,
        Self::RefundsOnce,
        Self::CapturesOnce,
        Self::ComparesBooks,
        Self::TakesNoneForPaid,
        Self::TakesNoneForUnpaid,
    ];

    /// All that was seen in a run.
    pub(super) fn all(scenario: &Scenario, history: &SpaceHistory) -> Vec<Self> {
        let played = PlayedSteps { steps: &scenario.drive, history };
        Self::ALL.into_iter().filter(|conduct| conduct.is_in(&played)).collect()
    }

    fn is_in(self, played: &PlayedSteps<'_>) -> bool {
        match self {
            Self::OneTxIdForACart => (1..=played.carts()).contains(&played.tx_ids()),
            Self::AnswersPushbacks => played.answers_pushbacks(),
            Self::AsksAfterPushbacks => played.asks_after_pushbacks(),
            Self::AsksByItself => played.asks_by_itself(),
            Self::RepeatsFaultedCalls => played.repeats_faulted_calls(),
            Self::PausesBetweenCalls => played.pauses_between_calls(),
            Self::RefundsOnce => played.is_made_once(Operation::Refund),
            Self::CapturesOnce => played.is_made_once(Operation::PreAuthCompletion),
            Self::ComparesBooks => {
                let lists = [Operation::Orders, Operation::Reconciliation];
                lists.into_iter().any(|list| played.calls(list).next().is_some())
            }
            Self::TakesNoneForPaid => played.takes_none_for(Belief::Paid),
            Self::TakesNoneForUnpaid => played.takes_none_for(Belief::Unpaid),
        }
    }
}

/// A run: its steps, and what came of them.
struct PlayedSteps<'r> {
    steps: &'r [DriveStep],
    history: &'r SpaceHistory,
}

impl<'r> PlayedSteps<'r> {
    fn calls(&self, operation: Operation) -> impl Iterator<Item = &'r RequestFact> {
        self.history.requests.iter().filter(move |call| call.operation == Some(operation))
    }

    /// Number of carts that the steps fill.
    fn carts(&self) -> usize {
        let carts = self.steps.iter().map(DriveStep::registers);
        carts.sum()
    }

    /// Number of txIds that the shop has tried to register.
    fn tx_ids(&self) -> usize {
        let tx_ids = self.calls(Operation::Register).filter_map(|call| call.tx_id.as_deref());
        let own: HashSet<&str> = tx_ids.filter(|tx_id| !tx_id.starts_with(OTHER_TILL)).collect();
        own.len()
    }

    fn answers_pushbacks(&self) -> bool {
        let mut attempts = self.history.deliveries.iter().flat_map(|it| &it.attempts).peekable();
        attempts.peek().is_some()
            && attempts.all(|it| it.status.is_some_and(|it| (200..300).contains(&it)))
    }

    fn asks_after_pushbacks(&self) -> bool {
        let mut told =
            self.history.deliveries.iter().filter(|it| !it.attempts.is_empty()).peekable();
        told.peek().is_some()
            && told.all(|told| {
                let soon = 0..=ASKED_WITHIN_MS;
                let about = |call: &RequestFact| call.tx_id.as_ref() == Some(&told.tx_id);
                let mut asked = self.calls(Operation::Status).filter(|call| about(call));
                asked.any(|call| soon.contains(&(call.at.0 - told.attempts[0].at.0)))
            })
    }

    fn asks_by_itself(&self) -> bool {
        let asks = ["status", "return", "orders", "reconcile"];
        let first =
            self.history.deliveries.iter().flat_map(|it| &it.attempts).map(|it| it.at).min();
        !self.steps.iter().any(|step| asks.contains(&step.name()))
            && self.calls(Operation::Status).any(|call| first.is_none_or(|first| call.at < first))
    }

    fn repeats_faulted_calls(&self) -> bool {
        let is_question = |call: &&RequestFact| {
            matches!(call.operation, Some(Operation::Status | Operation::Orders))
        };
        let acts = self.history.requests.iter().filter(|call| !is_question(call));
        let mut faulted = acts.filter(|call| call.rule.is_some()).peekable();
        faulted.peek().is_some()
            && faulted.all(|call| self.history.requests.iter().any(|it| is_again(call, it)))
    }

    fn pauses_between_calls(&self) -> bool {
        let calls = &self.history.requests;
        let pauses = calls.iter().enumerate().filter_map(|(at, call)| {
            let next = calls[at + 1..].iter().find(|next| is_again(call, next))?;
            Some(next.at.0 - call.at.0)
        });
        pauses.min().is_some_and(|shortest| shortest >= PAUSE_MS)
    }

    /// Returns true if the steps have the shop make a call once, and it was made once.
    fn is_made_once(&self, operation: Operation) -> bool {
        let asked = self.steps.iter().map(|step| match (step, operation) {
            (DriveStep::Refund(it), Operation::Refund)
            | (DriveStep::Complete(it), Operation::PreAuthCompletion) => it.times(),
            _ => 0,
        });
        asked.sum::<usize>() == 1 && self.calls(operation).count() == 1
    }

    fn takes_none_for(&self, belief: Belief) -> bool {
        let mut facts = self.history.shop.iter().flatten().peekable();
        let is_shipped = |shipped| belief == Belief::Paid && shipped != Some(0);
        facts.peek().is_some()
            && facts.all(|it| it.believes.is_some_and(|it| it != belief) && !is_shipped(it.shipped))
    }
}

/// Returns true if `other` is a further call for what `call` was for.
fn is_again(call: &RequestFact, other: &RequestFact) -> bool {
    call.trace != other.trace && call.operation == other.operation && call.tx_id == other.tx_id
}
