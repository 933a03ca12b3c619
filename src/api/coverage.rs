//! Coverage: the failures that were met, of all that can happen.

use schemars::JsonSchema;
use serde::Deserialize;

use super::problem::ApiProblem;
use super::request::ApiRequest;
use crate::scenario::Coverage;

/// Of what.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct CoverageQuery {
    /// All spaces since the process began, also what was before resets and in spaces that are gone; otherwise this space
    /// since its birth or reset.
    all: Option<bool>,
}

/// Returns the coverage.
pub(super) fn read(call: &ApiRequest, query: CoverageQuery) -> Result<Coverage, ApiProblem> {
    let all = query.all == Some(true);
    Ok(Coverage::of(&if all { call.control.spaces().met() } else { call.space.met() }))
}
