//! Many scenarios, several at once.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use super::outcome::{Conclusion, ScenarioOutcome};
use super::{LoadedScenario, RunOptions, not_run};
use crate::base::sort_by_key;

/// Conditions under which many scenarios are run.
#[derive(Clone, Copy, Debug)]
pub struct ManyRuns<'o> {
    /// Options of each; once their `stop` is cancelled, no further scenario begins.
    pub options: &'o RunOptions,
    /// Number of scenarios that run at once.
    pub jobs: usize,
    /// No scenario begins after one that failed.
    pub fail_fast: bool,
}

impl ManyRuns<'_> {
    /// Runs them; the outcomes are in the order of the scenarios. `on_done` hears of each as it ends, and how many have ended.
    pub fn run(
        &self,
        cases: &[&LoadedScenario],
        run_one: impl Fn(&LoadedScenario) -> ScenarioOutcome + Sync,
        on_done: impl FnMut(&ScenarioOutcome, usize) + Send,
    ) -> Vec<ScenarioOutcome> {
        let next = AtomicUsize::new(0);
        let has_failed = AtomicBool::new(false);
        let ended = Mutex::new((Vec::with_capacity(cases.len()), on_done));
        let next = || {
            let at = next.fetch_add(1, Ordering::Relaxed);
            cases.get(at).map(|case| (at, *case))
        };
        std::thread::scope(|scope| {
            for _ in 0..self.jobs.min(cases.len()) {
                scope.spawn(|| {
                    while let Some((at, case)) = next() {
                        let outcome = match self.obstacle(has_failed.load(Ordering::Relaxed)) {
                            Some(why) => not_run(case, self.options, why),
                            None => run_one(case),
                        };
                        if outcome.verdict == Conclusion::Failed && !outcome.is_cut_off {
                            has_failed.store(true, Ordering::Relaxed);
                        }
                        let mut ended = ended.lock().unwrap_or_else(PoisonError::into_inner);
                        let (outcomes, on_done) = &mut *ended;
                        on_done(&outcome, outcomes.len() + 1);
                        outcomes.push((at, outcome));
                    }
                });
            }
        });
        let (mut outcomes, _) = ended.into_inner().unwrap_or_else(PoisonError::into_inner);
        sort_by_key(&mut outcomes, |(at, _)| *at);
        outcomes.into_iter().map(|(_, outcome)| outcome).collect()
    }

    /// Reason why no further scenario begins.
    fn obstacle(&self, has_failed: bool) -> Option<&'static str> {
        if self.options.stop.is_cancelled() {
            Some("the run was ended before")
        } else if self.fail_fast && has_failed {
            Some("an earlier one has failed (--fail-fast)")
        } else {
            None
        }
    }
}
