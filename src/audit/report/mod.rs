//! Reports of an audit: text and a page for people, JSON, JUnit and SARIF for programs, and a badge.

mod badge;
mod junit;
mod page;
mod sarif;
mod text;

use std::path::Path;
use std::{fs, io};

use serde::Serialize;

use super::{Audit, AuditBar, AuditFinding};
use crate::base::{OverallVerdict, clear_reports, remove_reports};

/// The files of a report.
const FILES: [&str; 5] = ["audit.json", "junit.xml", "audit.html", "audit.sarif", "badge.svg"];

/// Reason why there is no report.
#[derive(Debug, thiserror::Error)]
pub enum AuditReportError {
    /// It cannot be written there.
    #[error("cannot write {file}: {error}")]
    Unwritable {
        /// The file or directory.
        file: String,
        /// Error.
        error: io::Error,
    },
    /// It cannot be put into its form.
    #[error("cannot make {form}: {error}")]
    Unmade {
        /// Form.
        form: &'static str,
        /// Error.
        error: String,
    },
}

impl AuditReportError {
    fn unmade(form: &'static str, error: impl ToString) -> Self {
        Self::Unmade { form, error: error.to_string() }
    }
}

/// An audit with the verdict over it, from which all reports are made.
#[derive(Clone, Debug, Serialize)]
pub struct AuditReport<'a> {
    /// The verdict.
    #[serde(flatten)]
    pub verdict: OverallVerdict,
    /// The audit.
    #[serde(flatten)]
    pub audit: &'a Audit,
    #[serde(skip)]
    bar: AuditBar,
}

impl<'a> AuditReport<'a> {
    /// The report of an audit that has to clear `bar`. `obstacles` are reasons outside of the scenarios why it fails: that it was
    /// ended, that the shop cannot be tested.
    pub fn new(audit: &'a Audit, bar: AuditBar, obstacles: Vec<String>) -> Self {
        Self { verdict: audit.verdict(bar, obstacles), audit, bar }
    }

    /// Reason why a finding does not fail the audit, where it does not.
    fn waiver(&self, finding: &AuditFinding) -> Option<String> {
        if !finding.is_new {
            return Some("known (--baseline)".to_owned());
        }
        let (severity, bar) = (finding.severity, self.bar.fail_on);
        (severity < bar).then(|| format!("{} (--fail-on {})", severity.name(), bar.name()))
    }

    /// Makes `dir` where it is missing, and removes the reports that an earlier audit has left there.
    ///
    /// # Errors
    /// It cannot be written there.
    pub fn prepare(dir: &Path) -> Result<(), AuditReportError> {
        clear_reports(dir, &FILES)
            .map_err(|(file, error)| AuditReportError::Unwritable { file, error })
    }

    /// Removes the reports that an earlier audit has left in `dir`, as far as that can be done.
    pub fn forget(dir: &Path) {
        let _ = remove_reports(dir, &FILES);
    }

    /// The audit as JSON.
    ///
    /// # Errors
    /// It cannot be put into that form.
    pub fn json(&self) -> Result<String, AuditReportError> {
        let json = serde_json::to_string_pretty(self);
        json.map(|text| text + "\n").map_err(|error| AuditReportError::unmade("JSON", error))
    }

    /// The audit for people at a terminal.
    pub fn text(&self) -> String {
        text::text(self)
    }

    /// Writes all reports into `dir`, which is made where it is missing.
    ///
    /// # Errors
    /// One of them cannot be made or written.
    pub fn write(&self, dir: &Path) -> Result<(), AuditReportError> {
        let unwritable = |path: &Path, error| AuditReportError::Unwritable {
            file: path.display().to_string(),
            error,
        };
        fs::create_dir_all(dir).map_err(|error| unwritable(dir, error))?;
        let texts = [
            self.json()?,
            junit::junit(self)?,
            page::html(self)?,
            sarif::sarif(self)?,
            badge::svg(self),
        ];
        for (name, text) in std::iter::zip(FILES, texts) {
            let path = dir.join(name);
            fs::write(&path, text).map_err(|error| unwritable(&path, error))?;
        }
        Ok(())
    }
}
