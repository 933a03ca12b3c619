//! `payon-sim trigger`: makes something happen to an order at a running gateway.

use std::process::ExitCode;

use clap::builder::PossibleValue;
use clap::{Args, ValueEnum};
use serde_json::json;

use super::order::OrderArgs;
use super::talk::TalkArgs;

/// Order and event.
#[derive(Args, Debug)]
pub(super) struct TriggerArgs {
    #[command(flatten)]
    order: OrderArgs,
    /// Event to trigger
    event: TriggerName,
    #[command(flatten)]
    talk: TalkArgs,
}

/// The name of an event in the control plane.
#[derive(Clone, Copy, Debug)]
struct TriggerName(&'static str, &'static str);

const EVENTS: &[TriggerName] = &[
    TriggerName("expire", "its time runs out now"),
    TriggerName("cancel", "the payer gives up"),
    TriggerName("settle", "the business day is closed for it"),
    TriggerName("late-decline", "the issuer takes its approval back"),
    TriggerName("late-approval", "the issuer approves after all"),
    TriggerName("chargeback", "the issuer takes a captured payment back for the payer"),
];

impl ValueEnum for TriggerName {
    fn value_variants<'a>() -> &'a [Self] {
        EVENTS
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        Some(PossibleValue::new(self.0).help(self.1))
    }
}

/// Makes it happen.
pub(super) fn run(args: &TriggerArgs) -> anyhow::Result<ExitCode> {
    args.order.act(&args.talk, "trigger", &json!({ "event": args.event.0 }))
}

#[cfg(test)]
mod tests {
    use super::EVENTS;
    use crate::gateway::TriggerEvent;

    #[test]
    fn the_events_are_those_of_the_gateway() {
        let schema = schemars::schema_for!(TriggerEvent);
        let variants = schema.get("oneOf").and_then(|list| list.as_array()).expect("an enum");
        let known: Vec<_> = variants.iter().map(|variant| variant["const"].as_str()).collect();
        assert_eq!(EVENTS.iter().map(|event| Some(event.0)).collect::<Vec<_>>(), known);
    }
}
