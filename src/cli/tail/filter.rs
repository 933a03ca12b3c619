//! Selection of events to show.

use clap::builder::PossibleValue;
use clap::{Args, ValueEnum};

use super::event::{EventBody, TailEvent};
use crate::base::{Operation, Reason};
use crate::cli::input::operation;

/// Conditions on an event, all of which must hold. Missed events and resets are always shown.
#[derive(Args, Debug)]
pub(super) struct TailFilter {
    /// Only of this merchant; changes of rules and clock come all the same
    #[arg(long, value_name = "ID")]
    merchant: Option<String>,
    /// Only of this order; changes of rules and clock come all the same
    #[arg(long, value_name = "ID")]
    tx: Option<String>,
    /// Only these kinds, with commas between
    #[arg(long, value_name = "KIND", value_delimiter = ',')]
    kind: Vec<EventKindName>,
    /// Only requests of this operation
    #[arg(long, value_name = "OP", value_parser = operation)]
    operation: Option<Operation>,
    /// Only what this reason decided, by its name in `payon-sim profile reasons`
    #[arg(long, value_name = "REASON")]
    reason: Option<Reason>,
    /// Only what went wrong: requests without success, orders that failed, expired, were cancelled or charged back,
    /// push-backs that were not acknowledged
    #[arg(long)]
    failures: bool,
}

/// The name of a kind of events in the control plane.
#[derive(Clone, Copy, Debug)]
struct EventKindName(&'static str, &'static str);

const KINDS: &[EventKindName] = &[
    EventKindName("request", "requests that were answered"),
    EventKindName("order", "changes of orders"),
    EventKindName("pushback", "push-backs and their attempts"),
    EventKindName("rules", "the rules were changed"),
    EventKindName("clock", "the clock was changed"),
];

impl ValueEnum for EventKindName {
    fn value_variants<'a>() -> &'a [Self] {
        KINDS
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        Some(PossibleValue::new(self.0).help(self.1))
    }
}

impl TailFilter {
    /// The part that the gateway sees to, as the query of a URL.
    pub(super) fn query(&self) -> String {
        let kinds: Vec<_> = self.kind.iter().map(|kind| kind.0).collect();
        let kinds = (!kinds.is_empty()).then(|| kinds.join(","));
        let wanted = [("kind", &kinds), ("merchantId", &self.merchant), ("txId", &self.tx)];
        let given = wanted.into_iter().filter_map(|(name, value)| Some((name, value.as_ref()?)));
        // Names and texts can always be written so.
        let query = serde_html_form::to_string(given.collect::<Vec<_>>()).unwrap_or_default();
        if query.is_empty() { query } else { format!("?{query}") }
    }

    /// Returns true if an event that the gateway sent is shown.
    pub(super) fn takes(&self, event: &TailEvent<'_>) -> bool {
        let always = matches!(event.told, EventBody::Missed(_)) || event.name == "reset";
        always
            || (self.operation.is_none_or(|operation| event.is_of(operation))
                && self.reason.is_none_or(|reason| event.is_because(reason))
                && (!self.failures || event.is_failure()))
    }
}
