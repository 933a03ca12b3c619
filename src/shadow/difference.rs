//! A difference between what a gateway answered and what the simulator would have answered.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::fix::Fix;
use crate::base::Operation;
use crate::profile::ReplyKind;

macro_rules! classes {
    ($($variant:ident = $name:literal, $group:ident, $about:literal;)+) => {
        /// Kind of a difference.
        #[derive(
            Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
        )]
        pub enum DifferenceClass {
            $(#[doc = $about] #[serde(rename = $name)] $variant,)+
        }

        impl DifferenceClass {
            /// Every class, in the order of a report.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)+];

            /// Its name.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)+ }
            }

            /// The group that it is counted in.
            pub const fn group(self) -> DifferenceGroup {
                match self { $(Self::$variant => DifferenceGroup::$group,)+ }
            }
        }
    };
}

classes! {
    Outcome = "outcome", Outcome, "One accepts what the other refuses.";
    Code = "code", Code, "Another result code.";
    Message = "message", Message, "Another message.";
    Word = "word", Code, "Another word or code for a state, a type or a method.";
    Status = "http-status", Http, "Another HTTP status.";
    Header = "http-header", Http, "Another header.";
    State = "state", State, "Another state of the order.";
    Value = "value", State, "Another value that follows from what the merchant sent.";
    Missing = "member-missing", Shape, "A member that the gateway does not send.";
    Extra = "member-extra", Shape, "A member that only the gateway sends.";
    Order = "member-order", Shape, "Another order of members or rows.";
    Type = "member-type", Shape, "Another JSON type.";
    Number = "number-form", Shape, "Another form of a number.";
    Form = "text-form", Shape, "Another form of an identifier, a date or a link.";
    Latency = "latency", Time, "Another time to answer.";
    Lifetime = "lifetime", Time, "Another time for which something holds.";
    Schedule = "pushback-schedule", Pushback, "Another time, number or cause of push-backs.";
    Notice = "pushback-content", Pushback, "Another body or header of a push-back.";
}

/// Groups of classes, as issue reports count them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DifferenceGroup {
    /// Accepted against refused.
    Outcome,
    /// Codes and words.
    Code,
    /// Messages.
    Message,
    /// HTTP status and headers.
    Http,
    /// State and values.
    State,
    /// Members: their presence, order, type and form.
    Shape,
    /// Time.
    Time,
    /// Push-backs.
    Pushback,
}

impl fmt::Display for DifferenceClass {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Place of a difference: two calls that differ at the same place in the same way are one finding.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DifferencePlace {
    /// Class.
    pub class: DifferenceClass,
    /// The operation, or `pushback`.
    pub operation: String,
    /// Replies at which it shows.
    pub of: ReplyKind,
    /// The member as `operations.toml` names it, or `status`, `header NAME`, `latency`, ….
    pub path: String,
    /// The behaviour of the profile that it contradicts, where one is known.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub key: Option<String>,
    /// The reason for which the simulator answers as it does.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub reason: Option<String>,
}

/// A difference in one call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AnswerDifference {
    /// Place.
    pub place: DifferencePlace,
    /// The gateway's side, for people.
    pub upstream: String,
    /// The simulator's side.
    pub simulator: String,
    /// Changes of the profile, each of which takes it away, the simplest first.
    pub fixes: Vec<Fix>,
}

impl DifferencePlace {
    /// A place in the replies of an operation.
    pub fn new(
        class: DifferenceClass,
        operation: Operation,
        of: ReplyKind,
        path: impl Into<String>,
    ) -> Self {
        Self {
            class,
            operation: operation.name().to_owned(),
            of,
            path: path.into(),
            key: None,
            reason: None,
        }
    }

    /// A place in push-backs.
    pub fn of_pushback(class: DifferenceClass, path: impl Into<String>) -> Self {
        Self {
            class,
            operation: "pushback".to_owned(),
            of: ReplyKind::Any,
            path: path.into(),
            key: None,
            reason: None,
        }
    }

    /// The same with the behaviour that is contradicted.
    #[must_use]
    pub fn against(self, key: impl Into<String>) -> Self {
        Self { key: Some(key.into()), ..self }
    }
}
