//! Exploration of a shop: all orders of events that a flow can have, one after the other, each judged once it is quiet.
//!
//! A schedule says what happens in which order; it is written as a scenario, and whoever explores says how a scenario is run against
//! the shop. One that breaks an invariant is shrunk to the least that still does.

mod enumerate;
mod event;
mod shrink;
mod state;

use std::time::{Duration, Instant};

pub use enumerate::schedules;
pub use event::{CallFault, Flow, FlowEvent, Schedule};
pub use shrink::shrink;
pub use state::{Exploration, ExploreError, ExploreFolder, Violation};

use crate::base::Seed;
use crate::scenario_runs::{Conclusion, LoadedScenario, ScenarioOutcome, run_many};

/// Schedules that are run between two looks at the results, for each that runs at once.
const BATCH: usize = 4;

/// Limits of an exploration.
#[derive(Clone, Debug)]
pub struct ExploreOptions {
    /// Flows.
    pub flows: Vec<Flow>,
    /// The most faults of a schedule.
    pub faults: usize,
    /// Seed of the order in which schedules are tried.
    pub seed: u64,
    /// The longest time.
    pub budget: Option<Duration>,
    /// The most schedules in this run.
    pub runs: Option<usize>,
    /// Number of schedules that run at once.
    pub jobs: usize,
}

/// Short name of a schedule, which its scenario has for an id.
pub fn schedule_id(schedule: &Schedule) -> String {
    let digits = Seed(0).number(&[format!("{schedule:?}").as_bytes()]);
    format!("X{:08x}", digits >> 32)
}

/// Runs the schedules that `folder` has not seen yet. `run` runs a scenario against the shop, `progress` hears how many of
/// how many are done.
///
/// # Errors
/// A schedule makes no scenario, or the folder cannot be written.
pub fn explore(
    options: &ExploreOptions,
    folder: &ExploreFolder,
    found: &mut Exploration,
    run: &(dyn Fn(&LoadedScenario) -> ScenarioOutcome + Sync),
    mut progress: impl FnMut(usize, usize),
) -> Result<(), ExploreError> {
    let begun = Instant::now();
    let all = schedules(&options.flows, options.faults, Seed(options.seed));
    found.of = all.len();
    let limit = options.runs.map_or(all.len(), |runs| (found.explored + runs).min(all.len()));
    while found.explored < limit {
        if options.budget.is_some_and(|budget| begun.elapsed() >= budget) {
            break;
        }
        progress(found.explored, all.len());
        let end = (found.explored + options.jobs * BATCH).min(limit);
        let batch = &all[found.explored..end];
        let cases: Vec<LoadedScenario> =
            batch.iter().map(|schedule| loaded(schedule, None)).collect::<Result<_, _>>()?;
        let outcomes = run_many(cases.len(), options.jobs, |at| run(&cases[at]), |_| ());
        if let Some(unbound) = outcomes.iter().find(|outcome| outcome.is_unbound) {
            return Err(ExploreError::Unbound(unbound.error.clone().unwrap_or_default()));
        }
        for (schedule, outcome) in batch.iter().zip(&outcomes) {
            found.note(schedule, outcome, folder, run)?;
        }
        found.explored = end;
        folder.keep(found)?;
    }
    progress(all.len(), all.len());
    Ok(())
}

/// The scenario of a schedule; `file` is where it stands.
fn loaded(schedule: &Schedule, file: Option<&str>) -> Result<LoadedScenario, ExploreError> {
    let id = schedule_id(schedule);
    let scenario = schedule.scenario(&id).map_err(ExploreError::Scenario)?;
    let name = file.map_or_else(|| id.clone(), str::to_owned);
    Ok(LoadedScenario { file: name.clone(), name, scenario })
}

/// Result of a schedule.
enum ScheduleVerdict {
    /// Every invariant holds.
    Holds,
    /// An invariant is broken.
    Broken,
    /// It needs what the shop cannot do.
    NotApplicable(String),
    /// Not all of it was judged.
    Unjudged(String),
}

impl ScheduleVerdict {
    fn of(outcome: &ScenarioOutcome) -> Self {
        let is_broken = outcome.verdicts.iter().any(|it| it.verdict.judged && !it.verdict.ok);
        match outcome.verdict {
            Conclusion::Ok => Self::Holds,
            Conclusion::NotApplicable => {
                Self::NotApplicable(outcome.not_applicable.clone().unwrap_or_default())
            }
            Conclusion::Failed if is_broken => Self::Broken,
            Conclusion::Failed | Conclusion::PartlyJudged => {
                let open = outcome.verdicts.iter().find(|it| !it.verdict.judged);
                let open = open.map(|judged| judged.verdict.detail.clone());
                let reason = outcome.error.clone().or(open).or(outcome.gaps.first().cloned());
                Self::Unjudged(reason.unwrap_or_default())
            }
        }
    }
}

impl Exploration {
    fn note(
        &mut self,
        schedule: &Schedule,
        outcome: &ScenarioOutcome,
        folder: &ExploreFolder,
        run: &(dyn Fn(&LoadedScenario) -> ScenarioOutcome + Sync),
    ) -> Result<(), ExploreError> {
        match ScheduleVerdict::of(outcome) {
            ScheduleVerdict::Holds => self.held += 1,
            ScheduleVerdict::NotApplicable(reason) => {
                *self.not_applicable.entry(reason).or_default() += 1;
            }
            ScheduleVerdict::Unjudged(reason) => *self.unjudged.entry(reason).or_default() += 1,
            ScheduleVerdict::Broken => {
                self.broken += 1;
                let known = self.violations.iter_mut().find(|it| schedule.contains(&it.schedule));
                match known {
                    Some(known) => known.seen += 1,
                    None => self.add(schedule, folder, run)?,
                }
            }
        }
        Ok(())
    }

    /// Shrinks a schedule that breaks an invariant, and writes what is left as a scenario file.
    fn add(
        &mut self,
        schedule: &Schedule,
        folder: &ExploreFolder,
        run: &(dyn Fn(&LoadedScenario) -> ScenarioOutcome + Sync),
    ) -> Result<(), ExploreError> {
        let is_broken = |it: &Schedule| {
            let outcome = loaded(it, None).map(|case| run(&case));
            outcome.is_ok_and(|it| matches!(ScheduleVerdict::of(&it), ScheduleVerdict::Broken))
        };
        let least = shrink(schedule, is_broken);
        if let Some(known) = self.violations.iter_mut().find(|it| it.schedule == least) {
            known.seen += 1;
            return Ok(());
        }
        let file = folder.write_scenario(&least)?;
        let mut outcome = run(&loaded(&least, Some(&file))?);
        let mut is_stable = true;
        if !matches!(ScheduleVerdict::of(&outcome), ScheduleVerdict::Broken) {
            // It fails now and then only: the schedule that was seen to fail is told as it was.
            is_stable = false;
            outcome = run(&loaded(schedule, Some(&file))?);
        }
        self.violations.push(Violation::of(least, &outcome, file, is_stable));
        Ok(())
    }
}
