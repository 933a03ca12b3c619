//! Reports of a run: JSON for programs, JUnit for CI, and one page of HTML for people.

use std::path::Path;
use std::time::Duration;
use std::{fs, io};

use askama::Template;
use quick_junit::{NonSuccessKind, Property, TestCase, TestCaseStatus, TestSuite};
use serde::Serialize;

use super::outcome::{Judged, Merchant, OrderEvent, OrderStory, Outcome, Outcomes};
use crate::scenario::Coverage;

/// What reports are made of.
#[derive(Clone, Copy, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Report<'r> {
    /// Whether every story is as expected.
    pub ok: bool,
    /// What came of the stories.
    #[serde(flatten)]
    pub outcomes: &'r Outcomes,
    /// What was met on the way of all that can go wrong.
    pub coverage: &'r Coverage,
}

/// Why there is no report.
#[derive(Debug, thiserror::Error)]
pub enum ReportError {
    /// It cannot be written there.
    #[error("cannot write {file}: {error}")]
    Unwritable {
        /// The file or directory.
        file: String,
        /// Why.
        error: io::Error,
    },
    /// It cannot be put into its form.
    #[error("cannot make {0}")]
    Unmade(&'static str),
}

impl<'r> Report<'r> {
    /// A report of a run.
    pub fn new(outcomes: &'r Outcomes, coverage: &'r Coverage) -> Self {
        Self { ok: outcomes.ok(), outcomes, coverage }
    }

    /// Writes `report.json`, `junit.xml` and `report.html` into `dir`, which is made where it is missing.
    pub fn write(&self, dir: &Path) -> Result<(), ReportError> {
        let at = |path: &Path, error| ReportError::Unwritable {
            file: path.display().to_string(),
            error,
        };
        fs::create_dir_all(dir).map_err(|error| at(dir, error))?;
        let files = [
            ("report.json", self.json().ok()),
            ("junit.xml", self.junit().ok()),
            ("report.html", self.html().ok()),
        ];
        for (name, text) in files {
            let path = dir.join(name);
            let text = text.ok_or(ReportError::Unmade(name))?;
            fs::write(&path, text).map_err(|error| at(&path, error))?;
        }
        Ok(())
    }

    /// The run as JSON.
    pub fn json(&self) -> serde_json::Result<String> {
        Ok(serde_json::to_string_pretty(self)? + "\n")
    }

    /// The run as JUnit's XML: a suite for each story, a case for each expectation and one for the telling itself.
    pub fn junit(&self) -> Result<String, quick_junit::SerializeError> {
        let mut report = quick_junit::Report::new("payon-sim");
        report.set_time(Duration::from_millis(self.outcomes.took_ms));
        for story in &self.outcomes.stories {
            report.add_test_suite(suite(story));
        }
        report.to_string()
    }

    /// The run as one page that needs nothing else.
    pub fn html(&self) -> askama::Result<String> {
        let stories = &self.outcomes.stories;
        let merchant = match &self.outcomes.merchant {
            Merchant::BuiltIn { styles, mistakes } => {
                let told = [styles.as_slice(), mistakes.as_slice()].concat();
                match told.as_slice() {
                    [] => "the built-in one".to_owned(),
                    told => format!("the built-in one, told to: {}", told.join(", ")),
                }
            }
            Merchant::Command { line } => line.join(" "),
        };
        let page = Page {
            ok: self.ok,
            good: stories.iter().filter(|story| story.ok).count(),
            applicable: self.outcomes.applicable().count(),
            stories,
            merchant,
            took: seconds(self.outcomes.took_ms),
            coverage: self.coverage,
        };
        page.render()
    }
}

fn suite(story: &Outcome) -> TestSuite {
    let mut suite = TestSuite::new(format!("{} {}", story.id, story.title));
    suite.set_time(Duration::from_millis(story.took_ms));
    let seed = story.seed.to_string();
    for (name, value) in [("seed", &seed), ("file", &story.file), ("repeat", &story.repeat)] {
        suite.add_property(Property::new(name, value.as_str()));
    }
    let told = match (&story.not_applicable, &story.error) {
        (Some(reason), _) => {
            let mut status = TestCaseStatus::skipped();
            status.set_message(format!("not applicable: {reason}"));
            status
        }
        (None, None) => TestCaseStatus::success(),
        (None, Some(error)) => {
            let mut status = TestCaseStatus::non_success(NonSuccessKind::Error);
            status
                .set_message(error.as_str())
                .set_description(format!("{error}\n{}", again(story)));
            status
        }
    };
    let mut case = TestCase::new("the story is told to its end", told);
    case.set_classname(story.id.as_str()).set_time(Duration::from_millis(story.took_ms));
    suite.add_test_case(case);
    for (at, judged) in story.verdicts.iter().enumerate() {
        let name = format!("{}. {}", at + 1, title(judged));
        let mut case = TestCase::new(name, status(story, judged));
        case.set_classname(story.id.as_str()).set_time(Duration::ZERO);
        suite.add_test_case(case);
    }
    suite
}

fn status(story: &Outcome, judged: &Judged) -> TestCaseStatus {
    let verdict = &judged.verdict;
    if !verdict.judged {
        let mut status = TestCaseStatus::skipped();
        status.set_message(verdict.detail.as_str());
        return status;
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
    text.push(again(story));
    let mut status = TestCaseStatus::non_success(NonSuccessKind::Failure);
    status.set_message(verdict.detail.as_str()).set_description(text.join("\n"));
    status
}

fn again(story: &Outcome) -> String {
    format!("again, with seed {}: {}", story.seed, story.repeat)
}

/// What an expectation is about, in its own words or as it stands in the file.
fn title(judged: &Judged) -> String {
    judged.about.clone().unwrap_or_else(|| judged.expectation.to_string())
}

/// The page; its template stands beside.
#[derive(Template)]
#[template(path = "report.html")]
struct Page<'p> {
    ok: bool,
    good: usize,
    applicable: usize,
    stories: &'p [Outcome],
    merchant: String,
    took: String,
    coverage: &'p Coverage,
}

/// When something happened, since the story began.
fn moment(event: &OrderEvent) -> String {
    let ms = event.at_ms;
    let (sign, ms) = (if ms < 0 { "-" } else { "+" }, ms.unsigned_abs());
    let (s, rest) = (ms / 1000, ms % 1000);
    match s {
        0..60 => format!("{sign}{s}.{rest:03} s"),
        60..3600 => format!("{sign}{}:{:02}.{rest:03}", s / 60, s % 60),
        _ => format!("{sign}{}:{:02}:{:02}", s / 3600, s / 60 % 60, s % 60),
    }
}

/// How many expectations were met.
fn met(story: &Outcome) -> usize {
    story.verdicts.iter().filter(|judged| judged.verdict.ok).count()
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
