//! Reports of an audit: text and a page for people, JSON, JUnit and SARIF for programs, and a badge.

mod badge;
mod junit;
mod page;
mod sarif;
mod text;

use std::path::Path;
use std::{fs, io};

use super::{Audit, AuditBar};

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

impl Audit {
    /// The audit as JSON.
    ///
    /// # Errors
    /// It cannot be put into that form.
    pub fn json(&self) -> Result<String, AuditReportError> {
        let json = serde_json::to_string_pretty(self);
        json.map(|text| text + "\n").map_err(|error| AuditReportError::unmade("JSON", error))
    }

    /// The audit for people at a terminal.
    pub fn text(&self, bar: AuditBar) -> String {
        text::text(self, bar)
    }

    /// Writes all reports into `dir`, which is made where it is missing.
    ///
    /// # Errors
    /// One of them cannot be made or written.
    pub fn write(&self, dir: &Path, bar: AuditBar) -> Result<(), AuditReportError> {
        let unwritable = |path: &Path, error| AuditReportError::Unwritable {
            file: path.display().to_string(),
            error,
        };
        fs::create_dir_all(dir).map_err(|error| unwritable(dir, error))?;
        let texts = [
            self.json()?,
            junit::junit(self)?,
            page::html(self, bar)?,
            sarif::sarif(self)?,
            badge::svg(self.grade.letter),
        ];
        for (name, text) in std::iter::zip(FILES, texts) {
            let path = dir.join(name);
            fs::write(&path, text).map_err(|error| unwritable(&path, error))?;
        }
        Ok(())
    }
}
