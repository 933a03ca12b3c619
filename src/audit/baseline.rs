//! Baseline: the scenarios that are known to fail, so that only new failures count.

use std::collections::BTreeSet;
use std::path::Path;
use std::{fs, io};

use serde::{Deserialize, Serialize};

use super::Audit;

/// The version of the file.
const VERSION: u32 = 1;

/// Scenarios that are known to fail.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Baseline {
    version: u32,
    /// Ids of scenarios and probes.
    known: BTreeSet<String>,
}

/// Reason why a baseline is of no use.
#[derive(Debug, thiserror::Error)]
pub enum BaselineError {
    /// It cannot be read or written.
    #[error("the baseline {file}: {error}; `--write-baseline {file}` makes one")]
    Io {
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
        let evidence = audit.findings.iter().flat_map(|finding| &finding.evidence);
        Self { version: VERSION, known: evidence.map(|it| it.scenario.clone()).collect() }
    }

    /// Reads a file.
    ///
    /// # Errors
    /// It is not there, or no baseline.
    pub fn read(path: &Path) -> Result<Self, BaselineError> {
        let file = path.display().to_string();
        let text = fs::read_to_string(path)
            .map_err(|error| BaselineError::Io { file: file.clone(), error })?;
        let baseline: Self = serde_json::from_str(&text)
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
        fs::write(path, text + "\n").map_err(|error| BaselineError::Io { file, error })
    }

    /// Returns true if this scenario is known to fail.
    pub fn knows(&self, scenario: &str) -> bool {
        self.known.contains(scenario)
    }
}
