//! Look-ups: the source of each behaviour, the lint's findings, and the content of a KHQR.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::orders::page_size;
use super::problem::ApiProblem;
use super::request::{ApiRequest, Empty};
use super::views::provenance;
use crate::gateway::{self, LintReport};
use crate::khqr::{self, Inspection};
use crate::profile::Mark;

/// Every behaviour with its source.
#[derive(Serialize, JsonSchema)]
pub(super) struct Fidelity {
    /// The profile's name.
    profile: String,
    counts: SourceCounts,
    behaviours: Vec<Behaviour>,
}

/// Number of behaviours by source.
#[derive(Serialize, JsonSchema)]
struct SourceCounts {
    documented: usize,
    example: usize,
    assumed: usize,
    confirmed: usize,
}

/// One behaviour.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Behaviour {
    /// Such as `rules.otp_tries`.
    key: String,
    /// `documented` by PAYON, seen in an `example`, `assumed` by the simulator, or `confirmed` by what PAYON answered.
    provenance: &'static str,
    about: String,
    /// The line of the profile that holds it.
    profile_line: String,
}

/// Bounds on the lint's findings to return.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct LintQuery {
    /// Largest number of each kind, the latest; 100 where none is given, 1000 at most.
    limit: Option<usize>,
}

/// A KHQR to read.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Khqr {
    /// The payload.
    qr: String,
}

/// Returns the source of every behaviour.
pub(super) fn fidelity(call: &ApiRequest, _: Empty) -> Result<Fidelity, ApiProblem> {
    let profile = call.space.profile();
    let entries = profile.provenance();
    let count = |mark: Mark| entries.iter().filter(|entry| entry.mark == mark).count();
    Ok(Fidelity {
        profile: profile.name.clone(),
        counts: SourceCounts {
            documented: count(Mark::Documented),
            example: count(Mark::Example),
            assumed: count(Mark::Assumed),
            confirmed: count(Mark::Confirmed),
        },
        behaviours: entries
            .iter()
            .map(|entry| Behaviour {
                key: entry.key.clone(),
                provenance: provenance(entry.mark),
                about: entry.about.clone(),
                profile_line: entry.place.to_string(),
            })
            .collect(),
    })
}

/// Returns the lint's findings in the space's requests.
pub(super) fn lint(call: &ApiRequest, query: LintQuery) -> Result<LintReport, ApiProblem> {
    let limit = page_size(query.limit)?;
    Ok(gateway::lint_report(&call.space, call.control.spaces().is_strict(), limit))
}

/// Returns the content of a KHQR, judged at the space's time.
pub(super) fn khqr(call: &ApiRequest, query: Khqr) -> Result<Inspection, ApiProblem> {
    Ok(khqr::inspect(&query.qr, call.space.now()))
}
