//! The scenarios that the server was started with, read again.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::Serialize;

use super::problem::ApiProblem;
use super::request::{ApiRequest, Empty, blocking};
use crate::scenario::ChangeSet;

/// Changes by arming the scenarios again, as ids of rules.
#[derive(Serialize, JsonSchema)]
pub(super) struct Reloaded {
    /// The values of `--scenario` that were read.
    scenarios: Vec<String>,
    added: Vec<String>,
    removed: Vec<String>,
    changed: Vec<String>,
    /// True if rules that stay are asked in another order.
    reordered: bool,
}

/// Reads the scenarios again and arms them; mistakes change nothing.
pub(super) async fn reload(call: &ApiRequest, _: Empty) -> Result<Reloaded, ApiProblem> {
    let control = Arc::clone(&call.control);
    let reload = move || control.settings.sources.reload(control.spaces().default_space());
    let changes = blocking(reload).await?;
    let changes =
        changes.map_err(|found| ApiProblem::mistakes_of_files("nothing is changed", &found))?;
    let ChangeSet { added, removed, changed, reordered } = changes;
    let scenarios = call.control.settings.sources.given().to_vec();
    Ok(Reloaded { scenarios, added, removed, changed, reordered })
}
