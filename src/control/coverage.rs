//! What was met of all that can go wrong.

use schemars::JsonSchema;
use serde::Deserialize;

use super::ask::Ask;
use super::problem::Problem;
use crate::scenario::Coverage;

/// Of what.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct CoverageQuery {
    /// All spaces since the process began, also what was before resets and in spaces that are gone; otherwise this space
    /// since its birth or reset.
    all: Option<bool>,
}

/// What was met.
pub(super) fn read(ask: &Ask, query: CoverageQuery) -> Result<Coverage, Problem> {
    let all = query.all == Some(true);
    Ok(Coverage::of(&if all { ask.app.spaces.met() } else { ask.space.met() }))
}
