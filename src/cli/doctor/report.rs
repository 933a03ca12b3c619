//! The findings of the doctor.

use std::fmt;

use serde::ser::SerializeStruct as _;
use serde::{Serialize, Serializer};

use crate::base::visible;

pub(super) const GATEWAY: &str = "gateway";
pub(super) const CLOCK: &str = "clock";
pub(super) const RULES: &str = "rules";
pub(super) const FILE: &str = "file";
pub(super) const SETTINGS: &str = "settings";

/// Checks that are about no setting of the merchant's own.
const SURROUNDINGS: [&str; 4] = [GATEWAY, CLOCK, RULES, FILE];

/// Result of one check.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum CheckResult {
    Ok,
    /// It may be meant so.
    Warn,
    /// It cannot work.
    Fail,
    /// It was not looked at.
    Skip,
}

/// One thing that was looked at.
#[derive(Debug, Serialize)]
struct DoctorFinding {
    check: &'static str,
    verdict: CheckResult,
    found: String,
    /// Advice.
    advice: Option<String>,
}

/// Everything that was looked at, in order.
#[derive(Debug, Default)]
pub(super) struct DoctorReport(Vec<DoctorFinding>);

impl DoctorReport {
    fn add(&mut self, check: &'static str, verdict: CheckResult, found: String, advice: &str) {
        let advice = (!advice.is_empty()).then(|| advice.to_owned());
        self.0.push(DoctorFinding { check, verdict, found, advice });
    }

    /// All is well.
    pub(super) fn ok(&mut self, check: &'static str, found: impl Into<String>) {
        self.add(check, CheckResult::Ok, found.into(), "");
    }

    /// It was left out.
    pub(super) fn skip(&mut self, check: &'static str, why: impl Into<String>) {
        self.add(check, CheckResult::Skip, why.into(), "");
    }

    /// It may be meant so, or not.
    pub(super) fn warn(&mut self, check: &'static str, found: impl Into<String>, advice: &str) {
        self.add(check, CheckResult::Warn, found.into(), advice);
    }

    /// It cannot work.
    pub(super) fn fail(&mut self, check: &'static str, found: impl Into<String>, advice: &str) {
        self.add(check, CheckResult::Fail, found.into(), advice);
    }

    /// Says that none of the merchant's settings was looked at, where that is so: nothing is known to be well then. It is no
    /// second mistake where the gateway is one already, without which they cannot be looked at. The merchant's address of the
    /// gateway is a setting where it is `addressed`. `names` are those that are looked for.
    pub(super) fn conclude(&mut self, addressed: bool, names: &str) {
        let is_own = |it: &&DoctorFinding| {
            !SURROUNDINGS.contains(&it.check) || (addressed && it.check == GATEWAY)
        };
        if !self.0.iter().filter(is_own).all(|it| it.verdict == CheckResult::Skip) {
            return;
        }
        let found = "none of the merchant's settings was looked at";
        let is_cause = |it: &DoctorFinding| it.check == GATEWAY && it.verdict == CheckResult::Fail;
        if self.0.iter().any(is_cause) {
            self.skip(SETTINGS, found);
        } else {
            self.fail(SETTINGS, found, names);
        }
    }

    fn count(&self, verdict: CheckResult) -> usize {
        self.0.iter().filter(|finding| finding.verdict == verdict).count()
    }

    /// Returns true if nothing failed.
    pub(super) fn is_well(&self) -> bool {
        self.count(CheckResult::Fail) == 0
    }
}

impl Serialize for DoctorReport {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let mut members = to.serialize_struct("Report", 2)?;
        members.serialize_field("ok", &self.is_well())?;
        members.serialize_field("checks", &self.0)?;
        members.end()
    }
}

impl fmt::Display for DoctorReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for DoctorFinding { check, verdict, found, advice } in &self.0 {
            let verdict = match verdict {
                CheckResult::Ok => "ok",
                CheckResult::Warn => "warn",
                CheckResult::Fail => "FAIL",
                CheckResult::Skip => "-",
            };
            writeln!(f, "{verdict:<4}  {check:<12}  {}", visible(found))?;
            if let Some(advice) = advice {
                writeln!(f, "{:20}-> {}", "", visible(advice))?;
            }
        }
        let (failed, warned) = (self.count(CheckResult::Fail), self.count(CheckResult::Warn));
        let skipped = self.0.iter().filter(|finding| finding.verdict == CheckResult::Skip);
        let skipped: Vec<&str> = skipped.map(|finding| finding.check).collect();
        match (failed, warned) {
            (0, 0) if skipped.is_empty() => write!(f, "\nAll is well.")?,
            (0, 0) => write!(f, "\nAll that was looked at is well.")?,
            (0, warned) => write!(f, "\nIt can work. Warnings: {warned}.")?,
            (failed, warned) => write!(f, "\nErrors: {failed}. Warnings: {warned}.")?,
        }
        match &*skipped {
            [] => writeln!(f),
            checks => writeln!(f, " Not looked at: {}.", checks.join(", ")),
        }
    }
}
