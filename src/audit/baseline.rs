//! Baseline: the findings that are known, each with the scenarios that showed it, so that only new ones count.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::{fs, io};

use serde::{Deserialize, Serialize};

use super::{Audit, AuditFinding};
use crate::base::{read_objects, read_text};

/// The version of the file.
const VERSION: u32 = 2;

/// Findings that are known.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Baseline {
    version: u32,
    /// Ids of scenarios and probes, by the id of the finding that they showed.
    known: BTreeMap<String, BTreeSet<String>>,
}

/// Reason why a baseline is of no use.
#[derive(Debug, thiserror::Error)]
pub enum BaselineError {
    /// It cannot be read.
    #[error("the baseline {file}: {error}; `--write-baseline {file}` makes one")]
    Io {
        /// File.
        file: String,
        /// Error.
        error: io::Error,
    },
    /// It cannot be written.
    #[error(
        "the baseline {file} cannot be written: {error}; give --write-baseline a file in a directory that exists"
    )]
    Write {
        /// File.
        file: String,
        /// Error.
        error: io::Error,
    },
    /// It is no baseline.
    #[error("the baseline {file} cannot be read: {error}; `--write-baseline {file}` makes it anew")]
    Form {
        /// File.
        file: String,
        /// Error.
        error: serde_json::Error,
    },
    /// Another version.
    #[error(
        "the baseline {file} has version {version}, this build reads {VERSION}; `--write-baseline {file}` makes it anew"
    )]
    Version {
        /// File.
        file: String,
        /// Its version.
        version: u32,
    },
}

impl Baseline {
    /// All that `audit` has found.
    pub fn of(audit: &Audit) -> Self {
        let known = audit.findings.iter().map(|finding| {
            let shown_by = finding.evidence.iter().map(|it| it.scenario.clone()).collect();
            (finding.id.clone(), shown_by)
        });
        Self { version: VERSION, known: known.collect() }
    }

    /// Reads a file.
    ///
    /// # Errors
    /// It is not there, or no baseline.
    pub fn read(path: &Path) -> Result<Self, BaselineError> {
        let file = path.display().to_string();
        let text =
            read_text(path).map_err(|error| BaselineError::Io { file: file.clone(), error })?;
        let baseline: Self = read_objects(text.as_bytes())
            .map_err(|error| BaselineError::Form { file: file.clone(), error })?;
        match baseline.version {
            VERSION => Ok(baseline),
            version => Err(BaselineError::Version { file, version }),
        }
    }

    /// Writes a file.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn write(&self, path: &Path) -> Result<(), BaselineError> {
        let file = path.display().to_string();
        let text = serde_json::to_string_pretty(self)
            .map_err(|error| BaselineError::Form { file: file.clone(), error })?;
        fs::write(path, text + "\n").map_err(|error| BaselineError::Write { file, error })
    }

    /// Looks whether a baseline can be written to `path` later on; nothing is written.
    ///
    /// # Errors
    /// There is no such directory, or the file is none or must not be written.
    pub fn check_place(path: &Path) -> Result<(), BaselineError> {
        let opened = match fs::OpenOptions::new().append(true).open(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
                fs::metadata(folder.unwrap_or(Path::new("."))).map(drop)
            }
            opened => opened.map(drop),
        };
        opened.map_err(|error| BaselineError::Write { file: path.display().to_string(), error })
    }

    /// Returns true if this finding is known, and by each scenario that shows it.
    pub fn knows(&self, finding: &AuditFinding) -> bool {
        let known = self.known.get(&finding.id);
        known.is_some_and(|known| finding.evidence.iter().all(|it| known.contains(&it.scenario)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::{FailedScenario, Happened, Severity};

    fn finding(id: &str, scenarios: &[&str]) -> AuditFinding {
        let evidence = scenarios.iter().map(|scenario| FailedScenario {
            is_loss: false,
            scenario: (*scenario).to_owned(),
            title: String::new(),
            category: String::new(),
            why: None,
            found: Vec::new(),
            repeat: String::new(),
            seed: 1,
            severity: Severity::High,
            diagram: String::new(),
            happened: Happened::default(),
        });
        AuditFinding {
            id: id.to_owned(),
            category: String::new(),
            severity: Severity::High,
            title: String::new(),
            rule: String::new(),
            cost: String::new(),
            fix: String::new(),
            is_new: true,
            evidence: evidence.collect(),
        }
    }

    #[test]
    fn another_bug_that_the_same_scenarios_show_is_not_known() {
        let known = BTreeSet::from(["S009".to_owned(), "S010".to_owned()]);
        let known = BTreeMap::from([("ships-once".to_owned(), known)]);
        let baseline = Baseline { version: VERSION, known };
        assert!(baseline.knows(&finding("ships-once", &["S009"])));
        assert!(!baseline.knows(&finding("ships-once", &["S009", "S011"])));
        assert!(!baseline.knows(&finding("checks-the-amount", &["S009"])));
    }
}
