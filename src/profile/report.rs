//! All problems of a profile directory as one error.

use std::fmt;

use crate::base::Diagnostic;

/// Every problem of a profile directory, in the order of its files and lines.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProfileErrors(pub(super) Vec<Diagnostic>);

impl ProfileErrors {
    /// The problems one by one.
    pub fn problems(&self) -> &[Diagnostic] {
        &self.0
    }
}

impl fmt::Display for ProfileErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for problem in &self.0 {
            writeln!(f, "{problem}\n")?;
        }
        match self.0.len() {
            1 => f.write_str("1 problem in the profile"),
            count => write!(f, "{count} problems in the profile"),
        }
    }
}

impl std::error::Error for ProfileErrors {}
