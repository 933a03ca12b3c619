//! An example of each call, made one after the other on a clock that stands still: for the OpenAPI document and for the
//! page `docs/control-api.md`, which a test runs.

use std::sync::LazyLock;

use serde::Deserialize;
use serde_json::Value;

use crate::base::{PackedTexts, packed_texts};

/// Stands for more items of an array, and for parts of a text that change.
pub(super) const MORE: &str = "…";

/// Calls that belong together.
#[derive(Deserialize)]
pub(super) struct ExampleGroup {
    pub(super) title: String,
    pub(super) about: String,
    pub(super) calls: Vec<ExampleStep>,
}

/// A call of the control plane, or commands that go before one.
#[derive(Deserialize)]
#[serde(untagged)]
pub(super) enum ExampleStep {
    Commands { commands: Vec<String> },
    Call(Box<ExampleCall>),
}

/// A call and its answer.
#[derive(Deserialize)]
pub(super) struct ExampleCall {
    /// The route's name.
    pub(super) id: String,
    /// Path and query.
    pub(super) path: String,
    pub(super) body: Option<Value>,
    pub(super) answer: Option<Value>,
    /// The answer has more members than these.
    #[serde(default)]
    pub(super) cut: bool,
    /// The numbers of the answer change with the program.
    #[serde(default)]
    pub(super) any_numbers: bool,
    /// More options of curl.
    pub(super) options: Option<String>,
    /// Exit code of curl.
    #[serde(default)]
    pub(super) code: u8,
    /// File that the answer is kept in.
    pub(super) tee: Option<String>,
    /// File that the body is read from.
    pub(super) file: Option<String>,
}

/// The files of examples beside this one.
pub(super) static EXAMPLES: PackedTexts = packed_texts!("examples");

/// All examples, in the order in which they are made.
pub(super) fn groups() -> &'static [ExampleGroup] {
    static GROUPS: LazyLock<Vec<ExampleGroup>> = LazyLock::new(|| {
        // A test reads them as well, so they can be read.
        serde_json::from_str(EXAMPLES.text("examples").unwrap_or_default()).unwrap_or_default()
    });
    &GROUPS
}

/// The example of a route.
pub(super) fn of(id: &str) -> Option<&'static ExampleCall> {
    let steps = groups().iter().flat_map(|group| &group.calls);
    let calls = steps.filter_map(|step| match step {
        ExampleStep::Call(call) => Some(&**call),
        ExampleStep::Commands { .. } => None,
    });
    calls.into_iter().find(|call| call.id == id)
}

/// The value without what stands for more.
pub(super) fn plain(value: &Value) -> Value {
    match value {
        Value::Array(items) => {
            items.iter().filter(|item| item.as_str() != Some(MORE)).map(plain).collect()
        }
        Value::Object(members) => {
            members.iter().map(|(name, value)| (name.clone(), plain(value))).collect()
        }
        other => other.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_examples_can_be_read() {
        serde_json::from_str::<Vec<ExampleGroup>>(EXAMPLES.text("examples").unwrap()).unwrap();
        assert!(of("createSpace").is_some_and(|call| call.body.is_some()));
    }
}
