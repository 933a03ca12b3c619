//! Verdict over a whole run, audit or exploration: one value from which the exit code and all reports are made, so that they
//! agree.

use std::path::Path;
use std::{fs, io};

use quick_junit::{NonSuccessKind, TestCase, TestCaseStatus, TestSuite};
use serde::Serialize;

use super::printable;

/// Verdict over a whole run, with its reasons.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct OverallVerdict {
    /// `passed` or `failed`; it goes with the exit code.
    verdict: &'static str,
    /// Reasons why it failed, a sentence each; none where it passed.
    pub reasons: Vec<String>,
    /// Shortcomings that would have failed it without a flag of the user's, each behind the name of that flag.
    pub waivers: Vec<String>,
}

impl OverallVerdict {
    /// A verdict; it is `failed` where there is a reason.
    pub fn new(reasons: Vec<String>, waivers: Vec<String>) -> Self {
        let verdict = if reasons.is_empty() { "passed" } else { "failed" };
        Self { verdict, reasons, waivers }
    }

    /// Returns true if there is no reason against it.
    pub const fn passes(&self) -> bool {
        self.reasons.is_empty()
    }

    /// `passed` or `failed`.
    pub const fn name(&self) -> &'static str {
        self.verdict
    }

    /// A suite for JUnit: a failure for each reason, and a skipped case for each shortcoming that was waived.
    pub fn suite(&self) -> TestSuite {
        let mut suite = TestSuite::new("verdict");
        let mut add = |name: &str, status: TestCaseStatus| {
            let mut case = TestCase::new(printable(name), status);
            case.set_classname("verdict");
            suite.add_test_case(case);
        };
        if self.passes() {
            add("all in all it passes", TestCaseStatus::success());
        }
        for (texts, is_failure) in [(&self.reasons, true), (&self.waivers, false)] {
            for text in texts {
                let mut status = if is_failure {
                    TestCaseStatus::non_success(NonSuccessKind::Failure)
                } else {
                    TestCaseStatus::skipped()
                };
                status.set_message(printable(text));
                let name = text.lines().next().unwrap_or_default();
                add(&if is_failure { name.to_owned() } else { format!("waived: {name}") }, status);
            }
        }
        suite
    }
}

/// Makes `dir` where it is missing, and removes the reports `files` that an earlier run has left there, so that none of them is
/// taken for one of this run, whatever becomes of it.
///
/// # Errors
/// The directory cannot be made, or a file not removed; with the path.
pub fn clear_reports(dir: &Path, files: &[&str]) -> Result<(), (String, io::Error)> {
    fs::create_dir_all(dir).map_err(|error| (dir.display().to_string(), error))?;
    remove_reports(dir, files)
}

/// Removes the reports `files` from `dir`, where it is there.
///
/// # Errors
/// A file cannot be removed; with the path.
pub fn remove_reports(dir: &Path, files: &[&str]) -> Result<(), (String, io::Error)> {
    let told = |path: &Path, error| (path.display().to_string(), error);
    for path in files.iter().map(|name| dir.join(name)) {
        match fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(told(&path, error));
            }
            _ => {}
        }
    }
    Ok(())
}
