//! Whether what happened in the space is what was expected: the `expect` block of a scenario, judged now.

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::ask::Ask;
use super::problem::Problem;
use crate::gateway;
use crate::scenario::{Expectation, Verdict, judge, read_expectations};

/// What is expected.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "VerifyRequest")]
pub(super) struct Wanted {
    #[schemars(schema_with = "expectations")]
    expect: Value,
}

fn expectations(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "array",
        "items": { "type": "object" },
        "description": "as under `expect` of a scenario file; `payon-sim schema` prints their schema"
    })
}

/// What came of all expectations.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "Verification")]
pub(super) struct Verified {
    /// Whether all were judged and are met.
    ok: bool,
    /// Expectations that are met.
    met: usize,
    /// Expectations that were judged and are not met.
    failed: usize,
    /// Expectations that could not be judged; each result says why.
    not_judged: usize,
    /// One for each expectation, in their order.
    results: Vec<VerdictView>,
}

/// What came of one expectation.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Verdict")]
struct VerdictView {
    /// As it was asked.
    expectation: Value,
    /// Whether it is met; false as well where it could not be judged.
    ok: bool,
    /// Whether there was anything to judge it by; what the merchant believes is not known here.
    judged: bool,
    /// What was found, a line each.
    evidence: Vec<String>,
    /// What was wanted and what was found, in a sentence.
    detail: String,
    /// Where it is not met: what came nearest.
    nearest: Option<NearestView>,
}

/// The candidate that came nearest.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "NearestCandidate")]
struct NearestView {
    what: String,
    /// In what it differs.
    differences: Vec<DifferenceView>,
}

/// One point in which a candidate differs from what was wanted.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Difference")]
struct DifferenceView {
    /// The key of the expectation.
    key: &'static str,
    wanted: String,
    found: String,
}

impl VerdictView {
    fn new(expectation: &Expectation, verdict: Verdict) -> Self {
        let Verdict { ok, judged, detail, evidence, nearest } = verdict;
        let nearest = nearest.map(|nearest| NearestView {
            what: nearest.what,
            differences: nearest
                .differences
                .into_iter()
                .map(|it| DifferenceView { key: it.key, wanted: it.wanted, found: it.found })
                .collect(),
        });
        Self { expectation: expectation.to_json(), ok, judged, evidence, detail, nearest }
    }
}

/// Judges what happened so far.
pub(super) fn verify(ask: &Ask, wanted: Wanted) -> Result<Verified, Problem> {
    let text = wanted.expect.to_string();
    let expectations = read_expectations("expect", text.as_bytes())
        .map_err(|mistakes| Problem::mistakes("the expectations cannot be read", &mistakes))?;
    if expectations.is_empty() {
        return Err(Problem::refused(
            "expect",
            "expect is empty: nothing would be judged".to_owned(),
        ));
    }
    let verdicts = judge(&expectations, &gateway::history(&ask.space));
    let pairs = std::iter::zip(&expectations, verdicts);
    let results: Vec<_> =
        pairs.map(|(expectation, verdict)| VerdictView::new(expectation, verdict)).collect();
    let count = |fits: fn(&VerdictView) -> bool| results.iter().filter(|it| fits(it)).count();
    let met = count(|result| result.ok);
    let not_judged = count(|result| !result.judged);
    let failed = results.len() - met - not_judged;
    Ok(Verified { ok: met == results.len(), met, failed, not_judged, results })
}
