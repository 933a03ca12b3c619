//! Source of a behaviour, and the line of the profile that holds it.

use std::sync::Arc;

use crate::base::named_enum;

named_enum! {
    /// Source of a behaviour.
    pub enum Mark ("a mark") {
        /// PAYON's public pages say so.
        Documented = "D",
        /// Seen only in an example on those pages.
        Example = "E",
        /// The pages are silent; the simulator's default.
        Assumed = "A",
        /// Assumed at first, then confirmed by what PAYON's gateway answered.
        Confirmed = "C",
    }
}

impl Mark {
    /// The mark in words.
    pub const fn meaning(self) -> &'static str {
        match self {
            Self::Documented => "documented by PAYON",
            Self::Example => "seen only in an example of PAYON's",
            Self::Assumed => "assumed by the simulator",
            Self::Confirmed => "assumed at first, confirmed by what PAYON answered",
        }
    }
}

/// A line of a profile file.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// The file, such as `fixtures/pgtest/reasons.toml`.
    pub file: Arc<str>,
    /// Its line, from 1.
    pub line: u32,
}

/// One behaviour: what it is, whose word it is, and where to change it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Provenance {
    /// The entry's name, such as `rules.otp_tries` or `reason.order.not-found`. Card and account numbers are masked.
    pub key: String,
    /// Source of the member.
    pub mark: Mark,
    /// Description, for people.
    pub about: String,
    /// The line that holds it.
    pub place: Place,
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}", self.file, self.line)
    }
}
