//! The scenarios that the server was started with, read again.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::Serialize;

use super::ask::{Ask, Nothing};
use super::blocking;
use super::problem::Problem;
use crate::scenario::ChangeSet;

/// What arming the scenarios anew has changed, by the ids of rules.
#[derive(Serialize, JsonSchema)]
pub(super) struct Reloaded {
    /// What was read: the values of `--scenario`.
    scenarios: Vec<String>,
    added: Vec<String>,
    removed: Vec<String>,
    changed: Vec<String>,
    /// Whether rules that stay are asked in another order.
    reordered: bool,
}

/// Reads the scenarios again and arms them; mistakes change nothing.
pub(super) async fn reload(ask: &Ask, _: Nothing) -> Result<Reloaded, Problem> {
    let app = Arc::clone(&ask.app);
    let changes = blocking(move || app.control.sources.reload(app.spaces.default_space())).await?;
    let changes =
        changes.map_err(|found| Problem::mistakes_of_files("nothing is changed", &found))?;
    let ChangeSet { added, removed, changed, reordered } = changes;
    let scenarios = ask.app.control.sources.given().to_vec();
    Ok(Reloaded { scenarios, added, removed, changed, reordered })
}
