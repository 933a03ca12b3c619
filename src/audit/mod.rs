//! Audit of a shop: every scenario and every attack probe, a report card, and what to do.
//!
//! A case is a scenario. Whoever runs an audit says how one is run against the shop; from the outcomes come, without any further look
//! at the shop, the findings, the grades and the list of what was not judged.

mod baseline;
mod finding;
mod grade;
mod practice;
mod report;
mod sequence;

use serde::Serialize;

pub use baseline::{Baseline, BaselineError};
pub use finding::{AuditFinding, FailedScenario, Happened};
pub use grade::{CategoryGrade, Grade, JudgedCounts};
pub use practice::{AuditRules, BreachMark, Category, GradeRule, Judgeable, Practice, Severity};
pub use report::{AuditReport, AuditReportError};

use crate::base::{Diagnostic, OverallVerdict};
use crate::scenario::{CATALOGUE, PROBES, ScenarioFile};
use crate::scenario_runs::{Conclusion, LoadedScenario, ScenarioOutcome};

/// One scenario of an audit.
#[derive(Clone, Debug)]
pub struct AuditCase {
    /// The scenario.
    pub loaded: LoadedScenario,
    /// True for an attack probe.
    pub is_probe: bool,
}

/// All scenarios and probes that are built in.
///
/// # Errors
/// One of them cannot be read; a test keeps that from happening.
pub fn all_cases() -> Result<Vec<AuditCase>, Vec<Diagnostic>> {
    let lists = [(&CATALOGUE, "scenarios", false), (&PROBES, "probes", true)];
    let cases = lists.iter().flat_map(|(list, folder, is_probe)| {
        list.all().iter().map(move |(name, text)| {
            let file = format!("{folder}/{name}.yaml");
            let scenario = ScenarioFile::read(&file, text.as_bytes())?.scenario;
            let loaded = LoadedScenario { name: scenario.id.clone(), file, scenario };
            Ok(AuditCase { loaded, is_probe: *is_probe })
        })
    });
    cases.collect()
}

/// Something that was not judged.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Unjudged {
    /// The scenario.
    pub scenario: String,
    /// Its title.
    pub title: String,
    /// True if it does not apply to the shop, as its file or a flag says.
    pub is_not_applicable: bool,
    /// Reasons.
    pub reasons: Vec<String>,
    /// Advice on making it judgeable.
    pub advice: Vec<String>,
}

/// Results of an audit.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Audit {
    /// The shop, as it is called.
    pub shop: String,
    /// The file that describes it; absent for the built-in merchant.
    pub file: Option<String>,
    /// The grade over all.
    pub grade: Grade,
    /// The grade in each category.
    pub categories: Vec<CategoryGrade>,
    /// Findings, the costliest first.
    pub findings: Vec<AuditFinding>,
    /// All that was not judged.
    pub unjudged: Vec<Unjudged>,
    /// Scenarios that are as expected.
    pub passed: Vec<String>,
    /// Scenarios that were run a second time, with a slower clock, because a first run failed by its time alone: a line each.
    pub run_twice: Vec<String>,
    /// Duration, in real milliseconds.
    pub took_ms: u64,
}

/// Conditions under which an audit passes.
#[derive(Clone, Copy, Debug)]
pub struct AuditBar {
    /// The mildest finding that fails it.
    pub fail_on: Severity,
    /// True if it passes although not everything was judged.
    pub allow_unjudged: bool,
}

impl Audit {
    /// Draws up the report card of `shop` from the outcomes of `cases`, one for each, in their order.
    pub fn of(
        rules: &AuditRules,
        shop: String,
        file: Option<String>,
        cases: &[AuditCase],
        outcomes: &[ScenarioOutcome],
    ) -> Self {
        let findings = finding::findings(rules, cases, outcomes);
        let severities: Vec<Severity> = findings.iter().map(|finding| finding.severity).collect();
        let categories = rules.categories.iter().map(|category| {
            let own = cases
                .iter()
                .zip(outcomes)
                .filter(|(case, _)| rules.category_of_case(case) == category.id)
                .map(|(_, outcome)| outcome);
            let found = findings.iter().filter(|finding| finding.counts_in(&category.id));
            let severities: Vec<Severity> = found.clone().map(|finding| finding.severity).collect();
            let grade = Grade::in_category(rules, &severities, JudgedCounts::of(own));
            let findings = found.map(|finding| finding.id.clone()).collect();
            CategoryGrade { category: category.clone(), grade, findings }
        });
        let passed = outcomes.iter().filter(|outcome| outcome.verdict == Conclusion::Ok);
        Self {
            shop,
            file,
            grade: Grade::of(rules, &severities, JudgedCounts::of(outcomes)),
            categories: categories.collect(),
            unjudged: outcomes.iter().filter_map(|outcome| unjudged(rules, outcome)).collect(),
            passed: passed.map(|outcome| outcome.id.clone()).collect(),
            run_twice: outcomes
                .iter()
                .filter_map(|outcome| {
                    Some(format!("{}: {}", outcome.id, outcome.first_run.as_ref()?))
                })
                .collect(),
            took_ms: outcomes.iter().map(|outcome| outcome.took_ms).sum(),
            findings,
        }
    }

    /// Tells findings that `baseline` knows from new ones.
    pub fn hold_against(&mut self, baseline: &Baseline) {
        for finding in &mut self.findings {
            finding.is_new = !baseline.knows(finding);
        }
    }

    /// The findings that make it fail.
    pub fn failing(&self, bar: AuditBar) -> impl Iterator<Item = &AuditFinding> {
        self.findings.iter().filter(move |it| it.is_new && it.severity >= bar.fail_on)
    }

    /// Checks that were not judged although it applies.
    pub fn open(&self) -> impl Iterator<Item = &Unjudged> {
        self.unjudged.iter().filter(|unjudged| !unjudged.is_not_applicable)
    }

    /// The verdict over the audit. One in which nothing was judged never passes, and one in which nothing of a category was
    /// judged that applies to the shop passes only where that is allowed. `obstacles` are reasons outside of the scenarios why it fails.
    pub fn verdict(&self, bar: AuditBar, obstacles: Vec<String>) -> OverallVerdict {
        let (mut reasons, mut waivers) = (obstacles, Vec::new());
        let failing: Vec<&str> = self.failing(bar).map(|finding| finding.id.as_str()).collect();
        if !failing.is_empty() {
            reasons.push(format!("findings that fail the audit: {}", failing.join(", ")));
        }
        let is_mild = |it: &&AuditFinding| it.is_new && it.severity < bar.fail_on;
        let known = self.findings.iter().filter(|finding| !finding.is_new).count();
        let mild = self.findings.iter().filter(is_mild).count();
        if known > 0 {
            waivers.push(format!("--baseline: findings that are known: {known}"));
        }
        if mild > 0 {
            let severity = bar.fail_on.name();
            waivers.push(format!("--fail-on {severity}: findings that are milder: {mild}"));
        }
        let JudgedCounts { judged, not_judged, .. } = self.grade.tally;
        if judged == 0 {
            reasons
                .push("no scenario was judged in full, so nothing is known of the shop".to_owned());
        }
        let is_unjudged = |it: &&CategoryGrade| {
            judged > 0 && it.grade.tally.judged == 0 && it.grade.tally.not_judged > 0
        };
        let unjudged: Vec<&str> = self
            .categories
            .iter()
            .filter(is_unjudged)
            .map(|it| it.category.title.as_str())
            .collect();
        for (is_open, what) in [
            (not_judged > 0, format!("{not_judged} scenarios were not judged in full")),
            (
                !unjudged.is_empty(),
                format!("nothing was judged in full of {}", unjudged.join(", ")),
            ),
        ] {
            match (is_open, bar.allow_unjudged) {
                (false, _) => {}
                (true, true) => waivers.push(format!("--allow-unjudged: {what}")),
                (true, false) => reasons
                    .push(format!("{what}, which counts as failed; --allow-unjudged lets it pass")),
            }
        }
        OverallVerdict::new(reasons, waivers)
    }
}

/// Said of a scenario that has failed on the way, where all that was expected was judged by what had come of it.
const CUT_SHORT: &str = "the scenario failed before its end, so the rest of it was not tried";

/// Facts about a scenario that does not apply, or was not judged in full. One that failed as well is here too.
fn unjudged(rules: &AuditRules, outcome: &ScenarioOutcome) -> Option<Unjudged> {
    let open = outcome.verdicts.iter().filter(|judged| !judged.verdict.judged);
    let details =
        open.map(|judged| judged.verdict.detail.trim_start_matches("not judged: ").to_owned());
    let cut_off = outcome.error.iter().filter(|_| outcome.is_cut_off);
    let mut reasons: Vec<String> = outcome.not_applicable.iter().chain(cut_off).cloned().collect();
    if reasons.is_empty() {
        let short = outcome.error.iter().map(|_| CUT_SHORT.to_owned());
        reasons.extend(details.chain(outcome.gaps.clone()).chain(short));
    }
    let mut seen = std::collections::HashSet::new();
    reasons.retain(|reason| seen.insert(reason.clone()));
    let advice = reasons.iter().filter_map(|reason| rules.advice(reason));
    let mut advice: Vec<String> = advice.map(str::to_owned).collect();
    advice.dedup();
    let is_not_applicable = outcome.not_applicable.is_some();
    (!outcome.is_judged_in_full()).then(|| Unjudged {
        scenario: outcome.id.clone(),
        title: outcome.title.clone(),
        is_not_applicable,
        reasons,
        advice,
    })
}
