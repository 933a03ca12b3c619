//! Judges whether the expected happened in the space: the `expect` block of a scenario, judged now.

use std::sync::Arc;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::problem::{ApiProblem, ProblemKind};
use super::request::{ApiRequest, blocking};
use crate::base::JsonTree;
use crate::gateway;
use crate::scenario::{Expectation, ExpectationVerdict, read_expectations};

/// The expectations to judge.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "VerifyRequest")]
pub(super) struct VerifyRequest {
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

/// Verdict over all expectations.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "Verification")]
pub(super) struct Verified {
    /// True if all were judged and are met.
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

/// Verdict over one expectation.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Verdict")]
struct VerdictView {
    /// As it was asked.
    #[schemars(with = "Value")]
    expectation: JsonTree,
    /// True if it is met; false as well where it could not be judged.
    ok: bool,
    /// True if there was anything to judge it by; what the merchant believes is not known here.
    judged: bool,
    /// Evidence, a line each.
    evidence: Vec<String>,
    /// The wanted and the found value, in a sentence.
    detail: String,
    /// The nearest candidate, where the expectation is not met.
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
    fn new(expectation: &Expectation, verdict: ExpectationVerdict) -> Self {
        let ExpectationVerdict { ok, judged, detail, evidence, nearest } = verdict;
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

/// Most expectations in one call: each is held beside all that the space keeps.
const EXPECTATIONS_MAX: usize = 1_000;

/// Judges what happened so far.
pub(super) async fn verify(
    call: &ApiRequest,
    wanted: VerifyRequest,
) -> Result<Verified, ApiProblem> {
    let text = wanted.expect.to_string();
    let expectations = read_expectations("expect", text.as_bytes())
        .map_err(|mistakes| ApiProblem::mistakes("the expectations cannot be read", &mistakes))?;
    if expectations.is_empty() {
        return Err(ApiProblem::refused(
            "expect",
            "expect is empty: nothing would be judged".to_owned(),
        ));
    }
    if expectations.len() > EXPECTATIONS_MAX {
        let detail = format!(
            "{} expectations came, and one call judges {EXPECTATIONS_MAX} at most: send the others with further calls",
            expectations.len()
        );
        return Err(ApiProblem::new(ProblemKind::TooMany, detail).at("expect"));
    }
    let space = Arc::clone(&call.space);
    let results = blocking(move || {
        let verdicts = gateway::verify(&space, &expectations);
        let pairs = std::iter::zip(&expectations, verdicts);
        pairs.map(|(expectation, verdict)| VerdictView::new(expectation, verdict)).collect()
    });
    let results: Vec<VerdictView> = results.await?;
    let count = |fits: fn(&VerdictView) -> bool| results.iter().filter(|it| fits(it)).count();
    let met = count(|result| result.ok);
    let not_judged = count(|result| !result.judged);
    let failed = results.len() - met - not_judged;
    Ok(Verified { ok: met == results.len(), met, failed, not_judged, results })
}
