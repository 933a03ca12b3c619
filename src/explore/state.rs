//! Results of an exploration, and the folder in which they are kept, so that it can be resumed.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::{fs, io};

use serde::{Deserialize, Serialize};

use super::event::Schedule;
use super::{ExploreOptions, schedule_id};
use crate::base::{Diagnostic, OverallVerdict};
use crate::scenario_runs::{Judged, ScenarioOutcome};

/// The version of the file in which results are kept.
const VERSION: u32 = 2;
/// Its name.
const STATE_FILE: &str = "state.json";

/// Results of an exploration so far.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Exploration {
    /// The shop, as it is called with what was asked for: results of another are not mixed with it.
    pub subject: String,
    /// Digest of the merchant file, in hexadecimal digits; empty for the built-in merchant.
    #[serde(default)]
    pub shop_digest: String,
    /// Number of all schedules.
    pub of: usize,
    /// Number of schedules that were run.
    pub explored: usize,
    /// Number of schedules in which every invariant held.
    pub held: usize,
    /// Number of schedules that broke one.
    pub broken: usize,
    /// Number of schedules that do not apply to the shop, by the reason.
    pub not_applicable: BTreeMap<String, usize>,
    /// Number of schedules that could not be judged in full, by the reason.
    pub unjudged: BTreeMap<String, usize>,
    /// Broken invariants, each by the least schedule that breaks it.
    pub violations: Vec<Violation>,
}

/// A broken invariant.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Violation {
    /// Id of its scenario.
    pub id: String,
    /// The schedule in words.
    pub title: String,
    /// The least schedule that breaks it.
    pub schedule: Schedule,
    /// Number of steps that make it happen.
    pub steps: usize,
    /// Facts that are not as they must be, a line each.
    pub found: Vec<String>,
    /// The scenario file.
    pub file: String,
    /// The command that plays it.
    pub repeat: String,
    /// Number of schedules that contain it and failed.
    pub seen: usize,
    /// False if it did not fail every time.
    pub is_stable: bool,
    /// False if there was no time to shrink it to the end.
    pub is_least: bool,
}

impl Violation {
    pub(super) fn of(
        schedule: Schedule,
        outcome: &ScenarioOutcome,
        is_least: bool,
        is_stable: bool,
    ) -> Self {
        let failed = outcome.verdicts.iter().filter(|it| it.verdict.judged && !it.verdict.ok);
        let told = failed.map(Judged::shortcoming);
        Self {
            id: schedule_id(&schedule),
            title: schedule.title(),
            steps: schedule.steps(),
            found: outcome.error.iter().cloned().chain(told).collect(),
            file: outcome.file.clone(),
            repeat: outcome.repeat.clone(),
            seen: 1,
            is_stable,
            is_least,
            schedule,
        }
    }
}

impl Exploration {
    /// An exploration of which nothing is known yet.
    pub fn new(shop: &str, shop_digest: String, asked: &ExploreOptions) -> Self {
        let ExploreOptions { flows, faults, seed, .. } = asked;
        let flows: Vec<&str> = flows.iter().map(|flow| flow.name()).collect();
        let subject = format!("{shop}; flows {}, faults {faults}, seed {seed}", flows.join(" "));
        Self { subject, shop_digest, ..Self::default() }
    }

    /// Adds a violation, or counts it where it is known.
    pub(super) fn add(&mut self, violation: Violation) {
        match self.violations.iter_mut().find(|it| it.schedule == violation.schedule) {
            Some(known) => known.seen += violation.seen,
            None => self.violations.push(violation),
        }
    }

    /// The verdict over all that is known: passed if everything was run and judged, as far as that is not waived, and nothing is
    /// broken. `obstacles` are reasons outside of the runs why it fails.
    pub fn verdict(
        &self,
        allow_unexplored: bool,
        allow_unjudged: bool,
        obstacles: Vec<String>,
    ) -> OverallVerdict {
        let (mut reasons, mut waivers) = (obstacles, Vec::new());
        if !self.violations.is_empty() {
            reasons.push(format!("invariants that are broken: {}", self.violations.len()));
        } else if self.held == 0 {
            reasons.push(
                "no run was judged in full and held, so nothing is known of the shop".to_owned(),
            );
        }
        let (rest, unjudged) =
            (self.of.saturating_sub(self.explored), self.unjudged.values().sum::<usize>());
        for (count, is_waived, flag, what) in [
            (
                rest,
                allow_unexplored,
                "--allow-unexplored",
                format!("{rest} runs were not made (the same command goes on)"),
            ),
            (
                unjudged,
                allow_unjudged,
                "--allow-unjudged",
                format!("not everything was judged ({unjudged} runs)"),
            ),
        ] {
            match (count, is_waived) {
                (0, _) => {}
                (_, true) => waivers.push(format!("{flag}: {what}")),
                (_, false) => {
                    reasons.push(format!("{what}, which counts as failed; {flag} lets it pass"));
                }
            }
        }
        OverallVerdict::new(reasons, waivers)
    }
}

/// Results of an exploration with the verdict over them, as they are shown.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ExplorationReport<'e> {
    /// The verdict.
    #[serde(flatten)]
    pub verdict: OverallVerdict,
    /// Number of schedules that were run this time.
    pub explored_now: usize,
    /// Sentence about a verdict that rests on earlier runs alone.
    pub note: Option<String>,
    /// The results.
    #[serde(flatten)]
    pub found: &'e Exploration,
}

impl<'e> ExplorationReport<'e> {
    /// The report on `found`, of which `before` schedules had been run already.
    pub fn new(verdict: OverallVerdict, found: &'e Exploration, before: usize) -> Self {
        let explored_now = found.explored - before;
        let is_old = explored_now == 0 && before > 0;
        let told = || {
            let shop =
                if found.shop_digest.is_empty() { "" } else { " with this very merchant file" };
            format!(
                "nothing was run this time; all {before} runs are of before{shop}, and --fresh runs them again"
            )
        };
        Self { verdict, explored_now, note: is_old.then(told), found }
    }
}

/// Reason why an exploration cannot go on.
#[derive(Debug, thiserror::Error)]
pub enum ExploreError {
    /// No port is to be had.
    #[error("{0}")]
    Unbound(String),
    /// A schedule makes no scenario.
    #[error("a schedule makes no sound scenario: {0:?}")]
    Scenario(Vec<Diagnostic>),
    /// A file cannot be read or written.
    #[error("{file}: {error}")]
    Io {
        /// File.
        file: String,
        /// Error.
        error: io::Error,
    },
    /// A file holds something else.
    #[error("{file}: {error}; --fresh begins anew")]
    Form {
        /// File.
        file: String,
        /// Error.
        error: serde_json::Error,
    },
    /// A file holds the results of another exploration.
    #[error(
        "{file} belongs to another exploration ({theirs}); --fresh begins anew, --out names another folder"
    )]
    Other {
        /// File.
        file: String,
        /// Subject of that.
        theirs: String,
    },
}

/// The folder of an exploration.
#[derive(Clone, Debug)]
pub struct ExploreFolder(PathBuf);

/// The file of results.
#[derive(Serialize, Deserialize)]
struct KeptExploration {
    version: u32,
    exploration: Exploration,
}

impl ExploreFolder {
    /// A folder, which is made when the first file is written.
    pub fn new(path: PathBuf) -> Self {
        Self(path)
    }

    /// Results that were kept here, as far as they belong to `new`; `new` itself where there are none. They may be of another
    /// merchant file by the same name, as their digest says.
    ///
    /// # Errors
    /// They cannot be read, or belong to another exploration.
    pub fn resumed(&self, new: Exploration) -> Result<Exploration, ExploreError> {
        let path = self.0.join(STATE_FILE);
        let file = path.display().to_string();
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(new),
            Err(error) => return Err(ExploreError::Io { file, error }),
        };
        let kept: KeptExploration = serde_json::from_str(&text)
            .map_err(|error| ExploreError::Form { file: file.clone(), error })?;
        if kept.version != VERSION || kept.exploration.subject != new.subject {
            return Err(ExploreError::Other { file, theirs: kept.exploration.subject });
        }
        Ok(kept.exploration)
    }

    /// Keeps results.
    pub(super) fn keep(&self, exploration: &Exploration) -> Result<(), ExploreError> {
        let state = KeptExploration { version: VERSION, exploration: exploration.clone() };
        let path = self.0.join(STATE_FILE);
        let file = path.display().to_string();
        let text = serde_json::to_string_pretty(&state)
            .map_err(|error| ExploreError::Form { file, error })?;
        self.write(&path, &text)
    }

    /// The file of the scenario of a schedule.
    pub(super) fn scenario_file(&self, schedule: &Schedule) -> String {
        self.scenario_path(schedule).display().to_string()
    }

    /// Writes the scenario of a schedule.
    pub(super) fn write_scenario(&self, schedule: &Schedule) -> Result<(), ExploreError> {
        self.write(&self.scenario_path(schedule), &schedule.to_yaml(&schedule_id(schedule)))
    }

    fn scenario_path(&self, schedule: &Schedule) -> PathBuf {
        self.0.join(format!("{}.yaml", schedule_id(schedule)))
    }

    fn write(&self, path: &Path, text: &str) -> Result<(), ExploreError> {
        let told = |error| ExploreError::Io { file: path.display().to_string(), error };
        fs::create_dir_all(&self.0).map_err(told)?;
        fs::write(path, text).map_err(told)
    }
}
