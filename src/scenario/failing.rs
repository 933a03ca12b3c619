//! The part of a payment that a scenario breaks, by which a catalogue is sorted.

use super::model::{Effect, Scenario};
use crate::base::named_enum;

named_enum! {
    /// The parts that can fail, the one that says most of a scenario first.
    pub enum FailingPart ("a part that fails") {
        /// Push-backs: lost, late, doubled, forged or wrong
        Pushback = "pushback",
        /// Answers: lost, late, broken, or saying something else
        Answer = "answer",
        /// Refusals: calls are turned down
        Refusal = "refusal",
        /// Ledger: something else is booked than was answered
        Ledger = "ledger",
        /// Flows: nothing is broken; payer, issuer or the order of things is unusual
        Flow = "flow",
    }
}

impl FailingPart {
    const fn of(effect: &Effect) -> Self {
        match effect {
            Effect::Pushback(_) => Self::Pushback,
            Effect::Latency(_) | Effect::Transport(_) | Effect::Patch(_) | Effect::Status(_) => {
                Self::Answer
            }
            Effect::Reason(_) => Self::Refusal,
            Effect::Commit(_) => Self::Ledger,
        }
    }
}

impl Scenario {
    /// The part that it breaks: of all that its rules do, what says most.
    pub fn failing_part(&self) -> FailingPart {
        let lines = self.rules.iter().flat_map(|rule| {
            rule.then.iter().chain(rule.sequence.iter().flatten()).flat_map(|lines| &lines.0)
        });
        lines.map(FailingPart::of).min().unwrap_or(FailingPart::Flow)
    }
}
