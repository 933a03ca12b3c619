//! Reports of a run: JSON for programs, JUnit for CI, and one page of HTML for people.

use std::path::Path;
use std::time::Duration;
use std::{fs, io};

use askama::Template;
use quick_junit::{NonSuccessKind, Property, TestCase, TestCaseStatus, TestSuite};
use serde::Serialize;

use super::outcome::{
    Conclusion, Judged, MerchantKind, OrderEventLine, OrderStory, Outcomes, ScenarioOutcome,
    VerdictCounts,
};
use crate::base::{OverallVerdict, clear_reports, printable, printable_html, remove_reports};
use crate::scenario::Coverage;

/// Inputs of the reports.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RunReport<'r> {
    /// True if the run as a whole passes, as its exit code says.
    pub ok: bool,
    /// The worst that came of it, with the difference between what failed and what was not judged.
    pub verdict: Conclusion,
    /// Reasons why the run fails, a sentence each; none where it passes.
    pub reasons: Vec<String>,
    /// Shortcomings that would have failed it without a flag of the user's.
    pub waivers: Vec<String>,
    /// True if the run passes although not everything was judged.
    pub allow_unjudged: bool,
    /// Results of the expectations of all scenarios.
    pub counts: VerdictCounts,
    /// Number of percent of all that can go wrong had to be met.
    pub min_coverage: Option<u8>,
    /// Results of the scenarios.
    #[serde(flatten)]
    pub outcomes: &'r Outcomes,
    /// Failures that were met on the way.
    pub coverage: &'r Coverage,
}

/// The files of a report.
const FILES: [&str; 3] = ["report.json", "junit.xml", "report.html"];

/// Said where no scenario applies to the merchant.
const NONE_APPLIES: &str = "none of the scenarios applies to this merchant";

fn unwritable(path: &Path, error: io::Error) -> ReportError {
    ReportError::Unwritable { file: path.display().to_string(), error }
}

/// Reason why there is no report.
#[derive(Debug, thiserror::Error)]
pub enum ReportError {
    /// It cannot be written there.
    #[error("cannot write {file}: {error}")]
    Unwritable {
        /// The file or directory.
        file: String,
        /// Error.
        error: io::Error,
    },
    /// It cannot be put into its form.
    #[error("cannot make {0}")]
    Unmade(&'static str),
}

impl<'r> RunReport<'r> {
    /// A report of a run, of which so many percent of all that can go wrong had to be met. `obstacles` are reasons outside of
    /// the scenarios why it fails: that it was ended, that the shop cannot be tested.
    pub fn new(
        outcomes: &'r Outcomes,
        coverage: &'r Coverage,
        allow_unjudged: bool,
        min_coverage: Option<u8>,
        obstacles: Vec<String>,
    ) -> Self {
        let counts = outcomes.counts();
        let mut reasons = obstacles;
        match outcomes.count(Conclusion::Failed) {
            0 => {}
            failed => reasons.push(format!("scenarios that failed: {failed}")),
        }
        if outcomes.applicable().next().is_none() {
            reasons.push(format!("nothing was tested: {NONE_APPLIES}"));
        } else if counts.met + counts.failed == 0 {
            reasons
                .push("nothing at all was judged, so nothing is known of the merchant".to_owned());
        }
        let too_little = min_coverage.filter(|bar| coverage.percent < f64::from(*bar));
        reasons.extend(too_little.map(|bar| {
            format!("failure coverage: {:.1} % met, {bar} % asked for", coverage.percent)
        }));
        let verdict = if reasons.is_empty() { outcomes.verdict() } else { Conclusion::Failed };
        let mut waivers = Vec::new();
        match (outcomes.count(Conclusion::PartlyJudged), allow_unjudged) {
            (0, _) => {}
            (partly, true) => waivers.push(format!("--allow-unjudged: scenarios partly judged: {partly}")),
            (partly, false) => reasons.push(format!(
                "not everything was judged, which counts as failed; --allow-unjudged lets it pass (scenarios partly judged: {partly})"
            )),
        }
        let ok = reasons.is_empty();
        Self {
            ok,
            verdict,
            reasons,
            waivers,
            allow_unjudged,
            counts,
            min_coverage,
            outcomes,
            coverage,
        }
    }

    /// The verdict over the whole run.
    pub fn overall(&self) -> OverallVerdict {
        OverallVerdict::new(self.reasons.clone(), self.waivers.clone())
    }

    /// Makes `dir` where it is missing, and removes the reports that an earlier run has left there.
    pub fn prepare(dir: &Path) -> Result<(), ReportError> {
        clear_reports(dir, &FILES).map_err(|(file, error)| ReportError::Unwritable { file, error })
    }

    /// Removes the reports that an earlier run has left in `dir`, as far as that can be done.
    pub fn forget(dir: &Path) {
        let _ = remove_reports(dir, &FILES);
    }

    /// Writes `report.json`, `junit.xml` and `report.html` into `dir`, which is made where it is missing.
    pub fn write(&self, dir: &Path) -> Result<(), ReportError> {
        fs::create_dir_all(dir).map_err(|error| unwritable(dir, error))?;
        let texts = [self.json().ok(), self.junit().ok(), self.html().ok()];
        for (name, text) in std::iter::zip(FILES, texts) {
            let path = dir.join(name);
            let text = text.ok_or(ReportError::Unmade(name))?;
            fs::write(&path, text).map_err(|error| unwritable(&path, error))?;
        }
        Ok(())
    }

    /// The run as JSON.
    pub fn json(&self) -> serde_json::Result<String> {
        Ok(serde_json::to_string_pretty(self)? + "\n")
    }

    /// The run as JUnit's XML: a suite for the verdict over the run, one for each scenario, a case for each expectation and each
    /// gap, and one for the run of the scenario itself. What was not judged is skipped; that it fails the run stands in the
    /// first suite.
    pub fn junit(&self) -> Result<String, quick_junit::SerializeError> {
        let mut report = quick_junit::Report::new("payon-sim");
        report.set_time(Duration::from_millis(self.outcomes.took_ms));
        report.add_test_suite(self.overall().suite());
        for scenario in &self.outcomes.scenarios {
            report.add_test_suite(suite(scenario));
        }
        report.to_string()
    }

    /// The run as one page that needs nothing else.
    pub fn html(&self) -> askama::Result<String> {
        let scenarios = &self.outcomes.scenarios;
        let merchant = match &self.outcomes.merchant {
            MerchantKind::BuiltIn { styles, mistakes } => {
                let told = [styles.as_slice(), mistakes.as_slice()].concat();
                match told.as_slice() {
                    [] => "the built-in one".to_owned(),
                    told => format!("the built-in one, told to: {}", told.join(", ")),
                }
            }
            MerchantKind::UnderTest { name, file } => format!("{name} ({file})"),
            MerchantKind::Command { line } => super::quoted(line.iter().map(String::as_str)),
        };
        let page = ReportPage {
            verdict: self.verdict,
            good: self.outcomes.count(Conclusion::Ok),
            applicable: self.outcomes.applicable().count(),
            counts: self.counts,
            overall: self.overall(),
            scenarios,
            merchant,
            took: seconds(self.outcomes.took_ms),
            coverage: self.coverage,
        };
        Ok(printable_html(&page.render()?).into_owned())
    }
}

fn suite(scenario: &ScenarioOutcome) -> TestSuite {
    let took = Duration::from_millis(scenario.took_ms);
    let mut suite = TestSuite::new(xml(&format!("{} {}", scenario.id, scenario.title)));
    suite.set_time(took);
    let seed = scenario.seed.to_string();
    for (name, value) in [("seed", &seed), ("file", &scenario.file), ("repeat", &scenario.repeat)] {
        suite.add_property(Property::new(name, xml(value)));
    }
    let told = match (&scenario.not_applicable, &scenario.error) {
        (Some(reason), _) => skipped(&format!("not applicable: {reason}")),
        (None, None) => TestCaseStatus::success(),
        (None, Some(error)) => {
            let text = format!("{error}\n{}", again(scenario));
            let mut status = TestCaseStatus::non_success(NonSuccessKind::Error);
            status.set_message(xml(error)).set_description(xml(&text));
            status
        }
    };
    let id = xml(&scenario.id);
    suite.add_test_case(case("the scenario ran to its end", &id, took, told));
    for (at, judged) in scenario.verdicts.iter().enumerate() {
        let name = format!("{}. {}", at + 1, title(judged));
        suite.add_test_case(case(&xml(&name), &id, Duration::ZERO, status(scenario, judged)));
    }
    let told = scenario.first_run.iter().chain(&scenario.note).chain(&scenario.calls);
    let printed: Vec<&str> = told.map(String::as_str).collect();
    if !printed.is_empty() {
        suite.set_system_out(xml(&printed.join("\n")));
    }
    for gap in &scenario.gaps {
        suite.add_test_case(case(&xml(gap), &id, Duration::ZERO, skipped(gap)));
    }
    suite
}

fn case(name: &str, class: &str, took: Duration, status: TestCaseStatus) -> TestCase {
    let mut case = TestCase::new(name, status);
    case.set_classname(class).set_time(took);
    case
}

fn skipped(why: &str) -> TestCaseStatus {
    let mut status = TestCaseStatus::skipped();
    status.set_message(xml(why));
    status
}

fn status(scenario: &ScenarioOutcome, judged: &Judged) -> TestCaseStatus {
    let verdict = &judged.verdict;
    if !verdict.judged {
        return skipped(&verdict.detail);
    }
    if verdict.ok {
        return TestCaseStatus::success();
    }
    let mut text = vec![verdict.detail.clone(), format!("expected: {}", judged.expectation)];
    text.extend(verdict.evidence.iter().map(|line| format!("found: {line}")));
    if let Some(nearest) = &verdict.nearest {
        text.push(format!("nearest: {}", nearest.what));
        let differences = nearest.differences.iter();
        text.extend(
            differences.map(|it| format!("  {}: wanted {}, found {}", it.key, it.wanted, it.found)),
        );
    }
    text.push(again(scenario));
    let mut status = TestCaseStatus::non_success(NonSuccessKind::Failure);
    status.set_message(xml(&verdict.detail)).set_description(xml(&text.join("\n")));
    status
}

/// A text for XML, which has no place for control characters and for what stands for no character at all: they and all
/// else that cannot be seen get names.
fn xml(text: &str) -> String {
    printable(text).into_owned()
}

fn again(scenario: &ScenarioOutcome) -> String {
    format!("again, with seed {}: {}", scenario.seed, scenario.repeat)
}

/// Title of an expectation, in its own words or as it stands in the file.
fn title(judged: &Judged) -> String {
    judged.about.clone().unwrap_or_else(|| judged.expectation.to_string())
}

/// The page; its template stands beside.
#[derive(Template)]
#[template(path = "report.html")]
struct ReportPage<'p> {
    verdict: Conclusion,
    good: usize,
    applicable: usize,
    counts: VerdictCounts,
    overall: OverallVerdict,
    scenarios: &'p [ScenarioOutcome],
    merchant: String,
    took: String,
    coverage: &'p Coverage,
}

/// Time at which something happened, since the scenario began.
fn moment(event: &OrderEventLine) -> String {
    let ms = event.at_ms;
    let (sign, ms) = (if ms < 0 { "-" } else { "+" }, ms.unsigned_abs());
    let (s, rest) = (ms / 1000, ms % 1000);
    match s {
        0..60 => format!("{sign}{s}.{rest:03} s"),
        60..3600 => format!("{sign}{}:{:02}.{rest:03}", s / 60, s % 60),
        _ => format!("{sign}{}:{:02}:{:02}", s / 3600, s / 60 % 60, s % 60),
    }
}

/// The sign of what something came to, with its class.
fn mark(verdict: Conclusion) -> (&'static str, &'static str) {
    match verdict {
        Conclusion::Ok => ("✓", "good"),
        Conclusion::NotApplicable => ("–", "soft"),
        Conclusion::PartlyJudged => ("?", "bad"),
        Conclusion::Failed => ("✗", "bad"),
    }
}

/// An order in a sentence.
fn facts(order: &OrderStory) -> String {
    let OrderStory { amount, currency, captured, returned, .. } = order;
    let mut facts =
        format!("{amount} {currency} ordered, {captured} captured, {returned} given back");
    if let Some(believes) = order.believes {
        facts += "; the merchant believes: ";
        facts += believes;
    }
    let shipped = order.shipped.map(|times| format!(", goods shipped: {times}"));
    facts.push_str(&shipped.unwrap_or_default());
    facts
}

fn seconds(ms: u64) -> String {
    format!("{}.{:03} s", ms / 1000, ms % 1000)
}
