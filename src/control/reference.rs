//! What can be looked up: whose word each behaviour is, what the lint found, and what a KHQR says.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::ask::{Ask, Nothing};
use super::orders::page_size;
use super::problem::Problem;
use super::views::provenance;
use crate::gateway::{self, LintReport};
use crate::khqr::{self, Inspection};
use crate::profile::Mark;

/// Every behaviour with whose word it is.
#[derive(Serialize, JsonSchema)]
pub(super) struct Fidelity {
    /// The profile's name.
    profile: String,
    counts: Counts,
    behaviours: Vec<Behaviour>,
}

/// How many behaviours are whose word.
#[derive(Serialize, JsonSchema)]
struct Counts {
    documented: usize,
    example: usize,
    assumed: usize,
}

/// One behaviour.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Behaviour {
    /// Such as `rules.otp_tries`.
    key: String,
    /// `documented` by PAYON, seen in an `example`, or `assumed` by the simulator.
    provenance: &'static str,
    about: String,
    /// The line of the profile that holds it.
    profile_line: String,
}

/// How much of the lint's findings.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct LintQuery {
    /// How many of each kind at most, the latest; 100 where none is given, 1000 at most.
    limit: Option<usize>,
}

/// A KHQR to read.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Khqr {
    /// The payload.
    qr: String,
}

/// Whose word everything is.
pub(super) fn fidelity(ask: &Ask, _: Nothing) -> Result<Fidelity, Problem> {
    let profile = ask.space.profile();
    let entries = profile.provenance();
    let count = |mark: Mark| entries.iter().filter(|entry| entry.mark == mark).count();
    Ok(Fidelity {
        profile: profile.name.clone(),
        counts: Counts {
            documented: count(Mark::Documented),
            example: count(Mark::Example),
            assumed: count(Mark::Assumed),
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

/// What the lint found in the space's requests.
pub(super) fn lint(ask: &Ask, query: LintQuery) -> Result<LintReport, Problem> {
    let limit = page_size(query.limit)?;
    Ok(gateway::lint_report(&ask.space, ask.app.spaces.is_strict(), limit))
}

/// What a KHQR says, judged at the space's time.
pub(super) fn khqr(ask: &Ask, query: Khqr) -> Result<Inspection, Problem> {
    Ok(khqr::inspect(&query.qr, ask.space.now()))
}
