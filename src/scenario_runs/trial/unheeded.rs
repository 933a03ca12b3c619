//! Calls to a shop of which nothing came to the gateway.

use std::sync::PoisonError;

use super::ShopTrial;
use crate::base::Operation;
use crate::merchant_under_test::ShopAnswer;
use crate::scenario::{DriveStep, RequestFact, SpaceHistory};
use crate::scenario_runs::gaps;
use crate::scenario_runs::reach::is_wrong_address;

/// Something that the shop was asked to do.
#[derive(Clone, Debug)]
pub(super) struct AskedStep {
    /// The step's name.
    name: &'static str,
    /// Operations of which it makes at least one.
    operations: &'static [Operation],
    /// The order that it is about, by its name in the scenario.
    order: Option<String>,
    /// The shop's answer: its HTTP status and the answer on one line; `None` where it gave none in time.
    answer: Option<(u16, String)>,
}

impl AskedStep {
    pub(super) fn new(
        step: &DriveStep,
        order: Option<&str>,
        answer: Option<&ShopAnswer>,
    ) -> Option<Self> {
        let answer = answer.map(|answer| (answer.status, answer.shown()));
        let order = order.map(str::to_owned);
        let operations = operations(step);
        (!operations.is_empty()).then(|| Self { name: step.name(), operations, order, answer })
    }

    /// Returns true if the shop itself has refused it, as a correct shop may, in contrast to one that says it was done, and to
    /// an address where nobody does it.
    fn is_refused(&self) -> bool {
        let status = self.answer.as_ref().map(|(status, _)| *status);
        status.is_some_and(|status| status >= 400 && !is_wrong_address(status))
    }
}

/// Operations of the gateway by which a shop does what a step asks of it, each as good as the other.
const fn operations(step: &DriveStep) -> &'static [Operation] {
    match step {
        DriveStep::Refund(_) | DriveStep::Reversal(_) => &[Operation::Refund, Operation::Reversal],
        DriveStep::Complete(_) => &[Operation::PreAuthCompletion],
        DriveStep::Status(_) | DriveStep::Orders | DriveStep::Reconcile => {
            &[Operation::Status, Operation::Orders, Operation::Reconciliation]
        }
        DriveStep::Bind(_) => &[Operation::BindingRegister],
        _ => &[],
    }
}

impl ShopTrial {
    /// Notes what the shop was asked to do.
    pub(super) fn note_asked(&self, asked: Option<AskedStep>) {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner).extend(asked);
    }

    /// Counts as left out what the shop was asked to do and did not, although it did not refuse it: in the whole of `history`
    /// there is no such call for the order. Whether a shop that repeats itself has to call again is not for us to say.
    pub(in crate::scenario_runs) fn tell_unheeded(&self, history: &SpaceHistory) {
        if gaps::broken_connections(self.space()) > 0 {
            return;
        }
        let all = self.asked.lock().unwrap_or_else(PoisonError::into_inner).clone();
        for asked in all.iter().filter(|asked| !self.is_heeded(asked, history)) {
            let AskedStep { name, operations, answer, .. } = asked;
            let names: Vec<&str> = operations.iter().map(|it| it.name()).collect();
            let answered = answer.as_ref().map_or("gave no answer", |(_, shown)| shown);
            let what = format!("no call of {} came to the gateway for it", names.join(" or "));
            if asked.is_refused() {
                self.note(format!("{name}: {what}: the shop has refused it itself"));
            } else {
                self.leave_out(format!(
                    "step `{name}` of `drive`: {what}, though the shop was asked (`do.{name}`) and answered: {answered}"
                ));
            }
        }
    }

    fn is_heeded(&self, asked: &AskedStep, history: &SpaceHistory) -> bool {
        let order = asked.order.as_deref().and_then(|name| self.order(name));
        let tx_id = order.as_ref().and_then(|order| order.tx_id.as_deref());
        let is_about = |call: &RequestFact| match call.operation {
            Some(Operation::Orders | Operation::Reconciliation) => true,
            _ => tx_id.is_none() || call.tx_id.as_deref() == tx_id,
        };
        let is_it = |call: &RequestFact| {
            call.operation.is_some_and(|operation| asked.operations.contains(&operation))
        };
        history.requests.iter().any(|call| is_it(call) && is_about(call))
    }
}
