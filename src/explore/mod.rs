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
pub use state::{Exploration, ExplorationReport, ExploreError, ExploreFolder, Violation};

use crate::base::Seed;
use crate::scenario_runs::{Conclusion, LoadedScenario, ManyRuns, RunOptions, ScenarioOutcome};

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

/// The shop that is explored.
#[derive(Clone, Copy)]
pub struct ExploredShop<'s> {
    /// Runs a scenario against it.
    pub run: &'s (dyn Fn(&LoadedScenario) -> ScenarioOutcome + Sync),
    /// Options of each run; once their `stop` is cancelled, the exploration ends.
    pub options: &'s RunOptions,
}

/// An exploration under way.
struct Explorer<'s> {
    options: &'s ExploreOptions,
    shop: ExploredShop<'s>,
    folder: &'s ExploreFolder,
    begun: Instant,
}

/// Runs the schedules that `folder` has not seen yet. `progress` hears how many of how many are done.
///
/// # Errors
/// A schedule makes no scenario, no port is to be had, or the folder cannot be written.
pub fn explore(
    options: &ExploreOptions,
    shop: ExploredShop<'_>,
    folder: &ExploreFolder,
    found: &mut Exploration,
    mut progress: impl FnMut(usize, usize),
) -> Result<(), ExploreError> {
    let explorer = Explorer { options, shop, folder, begun: Instant::now() };
    let all = schedules(&options.flows, options.faults, Seed(options.seed));
    found.of = all.len();
    let limit = options.runs.map_or(all.len(), |runs| (found.explored + runs).min(all.len()));
    explorer.finish_shrinking(found)?;
    while found.explored < limit && !explorer.is_over() {
        progress(found.explored, all.len());
        let end = (found.explored + options.jobs * BATCH).min(limit);
        let batch = &all[found.explored..end];
        for (schedule, outcome) in batch.iter().zip(explorer.run_all(batch)?) {
            if outcome.is_cut_off && shop.options.stop.is_cancelled() {
                break;
            }
            explorer.note(found, schedule, outcome)?;
            found.explored += 1;
        }
        folder.keep(found)?;
    }
    folder.keep(found)?;
    progress(all.len(), all.len());
    Ok(())
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
        match outcome.verdict {
            Conclusion::Ok => Self::Holds,
            Conclusion::NotApplicable => {
                Self::NotApplicable(outcome.not_applicable.clone().unwrap_or_default())
            }
            Conclusion::Failed if !outcome.is_cut_off => Self::Broken,
            Conclusion::Failed | Conclusion::PartlyJudged => {
                let open = outcome.verdicts.iter().find(|it| !it.verdict.judged);
                let open = open.map(|judged| judged.verdict.detail.clone());
                let reason = outcome.error.clone().or(open).or(outcome.gaps.first().cloned());
                Self::Unjudged(reason.unwrap_or_default())
            }
        }
    }
}

impl Explorer<'_> {
    /// True once no further run is to begin.
    fn is_over(&self) -> bool {
        let budget = self.options.budget;
        self.shop.options.stop.is_cancelled()
            || budget.is_some_and(|budget| self.begun.elapsed() >= budget)
    }

    /// Outcomes of schedules, in their order.
    fn run_all(&self, schedules: &[Schedule]) -> Result<Vec<ScenarioOutcome>, ExploreError> {
        let cases: Vec<LoadedScenario> =
            schedules.iter().map(|schedule| self.loaded(schedule)).collect::<Result<_, _>>()?;
        let cases: Vec<&LoadedScenario> = cases.iter().collect();
        let ExploredShop { run, options } = self.shop;
        let runs = ManyRuns { options, jobs: self.options.jobs, fail_fast: false };
        let outcomes = runs.run(&cases, run, |_, _| ());
        match outcomes.iter().find(|outcome| outcome.is_unbound) {
            Some(unbound) => Err(ExploreError::Unbound(unbound.error.clone().unwrap_or_default())),
            None => Ok(outcomes),
        }
    }

    /// The scenario of a schedule, by the name of the file that it has if it is kept.
    fn loaded(&self, schedule: &Schedule) -> Result<LoadedScenario, ExploreError> {
        let scenario = schedule.scenario(&schedule_id(schedule)).map_err(ExploreError::Scenario)?;
        let name = self.folder.scenario_file(schedule);
        Ok(LoadedScenario { file: name.clone(), name, scenario })
    }

    fn note(
        &self,
        found: &mut Exploration,
        schedule: &Schedule,
        outcome: ScenarioOutcome,
    ) -> Result<(), ExploreError> {
        match ScheduleVerdict::of(&outcome) {
            ScheduleVerdict::Holds => found.held += 1,
            ScheduleVerdict::NotApplicable(reason) => {
                *found.not_applicable.entry(reason).or_default() += 1;
            }
            ScheduleVerdict::Unjudged(reason) => *found.unjudged.entry(reason).or_default() += 1,
            ScheduleVerdict::Broken => {
                found.broken += 1;
                let known = found.violations.iter_mut().find(|it| schedule.contains(&it.schedule));
                if let Some(known) = known {
                    known.seen += 1;
                } else {
                    found.add(self.shrunk(schedule, outcome)?);
                }
            }
        }
        Ok(())
    }

    /// Shrinks what an earlier exploration had no time to shrink.
    fn finish_shrinking(&self, found: &mut Exploration) -> Result<(), ExploreError> {
        let (done, rest) =
            std::mem::take(&mut found.violations).into_iter().partition(|it| it.is_least);
        found.violations = done;
        for violation in rest {
            let outcome = self.run_all(std::slice::from_ref(&violation.schedule))?.pop();
            let again = match outcome {
                Some(outcome)
                    if matches!(ScheduleVerdict::of(&outcome), ScheduleVerdict::Broken) =>
                {
                    Violation { seen: violation.seen, ..self.shrunk(&violation.schedule, outcome)? }
                }
                _ => Violation { is_stable: false, ..violation },
            };
            found.add(again);
        }
        Ok(())
    }

    /// Shrinks a schedule that breaks an invariant, and writes what is left as a scenario file.
    fn shrunk(
        &self,
        schedule: &Schedule,
        outcome: ScenarioOutcome,
    ) -> Result<Violation, ExploreError> {
        let mut last = outcome;
        let mut problem = None;
        let least = shrink(schedule, self.options.jobs, |smaller| {
            if self.is_over() {
                return None;
            }
            let outcomes = self.run_all(smaller).map_err(|error| problem = Some(error)).ok()?;
            let is_broken =
                |it: &ScenarioOutcome| matches!(ScheduleVerdict::of(it), ScheduleVerdict::Broken);
            let at = outcomes.iter().position(is_broken)?;
            last.clone_from(&outcomes[at]);
            Some(at)
        });
        if let Some(problem) = problem {
            return Err(problem);
        }
        self.folder.write_scenario(&least)?;
        let is_least = !self.is_over();
        let mut is_stable = true;
        if is_least {
            let again = self.run_all(std::slice::from_ref(&least))?.pop();
            // It may fail now and then only: then it is told as it was seen to fail.
            is_stable = again.is_some_and(|again| {
                again.is_cut_off || matches!(ScheduleVerdict::of(&again), ScheduleVerdict::Broken)
            });
        }
        Ok(Violation::of(least, &last, is_least, is_stable))
    }
}
