//! The shop that scenarios are run with: the built-in merchant, or one of the user's that a merchant file describes.

use std::path::Path;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use super::processors;
use crate::merchant_under_test::LoadedMerchant;
use crate::scenario_runs::{self, LoadedScenario, RunOptions, ScenarioOutcome, ShopBench};

/// Number of scenarios in which a shop could not be started or understood, one after the other from the first, after
/// which no further one is tried.
const FAILED_STARTS_MAX: usize = 4;

/// The shop that scenarios are run with.
pub(super) struct TestedShop {
    /// `None` for the built-in merchant.
    bench: Option<ShopBench>,
    /// True once a scenario was judged.
    has_judged: AtomicBool,
    cut_off: AtomicUsize,
    /// Reason why no scenario can be run with it.
    unusable: OnceLock<String>,
}

impl TestedShop {
    /// The shop of a merchant file, or the built-in merchant.
    pub(super) fn load(file: Option<&Path>) -> anyhow::Result<Self> {
        let bench = file.map(LoadedMerchant::load).transpose()?.map(ShopBench::new);
        let (has_judged, cut_off) = (AtomicBool::new(false), AtomicUsize::new(0));
        Ok(Self { bench, has_judged, cut_off, unusable: OnceLock::new() })
    }

    /// Runs a scenario with it. A shop that cannot be started in the first few scenarios ends the run.
    pub(super) fn run(&self, case: &LoadedScenario, options: &RunOptions) -> ScenarioOutcome {
        let Some(bench) = &self.bench else { return scenario_runs::run_scenario(case, options) };
        let outcome = scenario_runs::run_against(case, options, bench);
        if outcome.is_judged() {
            self.has_judged.store(true, Ordering::Relaxed);
        } else if outcome.is_cut_off && !options.stop.is_cancelled() {
            let failed = self.cut_off.fetch_add(1, Ordering::Relaxed) + 1;
            if failed >= FAILED_STARTS_MAX && !self.has_judged.load(Ordering::Relaxed) {
                let _ = self.unusable.set(outcome.error.clone().unwrap_or_default());
                options.stop.cancel();
            }
        }
        outcome
    }

    /// Reason why no scenario could be run with it.
    pub(super) fn unusable(&self) -> Option<String> {
        let (why, bench) = (self.unusable.get()?, self.bench.as_ref()?);
        let file = bench.merchant().path.display();
        Some(format!(
            "{why}\nthe shop cannot be tested; payon-sim merchant check {file} says what is wrong"
        ))
    }

    /// Number of scenarios that run at once: a shop spends its time waiting.
    pub(super) fn jobs(&self, wanted: Option<u16>) -> usize {
        let (usual, most) = match &self.bench {
            Some(bench) => (3 * processors(), bench.jobs_max()),
            None => (processors(), usize::MAX),
        };
        wanted.map_or(usual, usize::from).min(most)
    }

    /// Digest of its merchant file as it was read; empty for the built-in merchant.
    pub(super) fn digest(&self) -> String {
        self.bench.as_ref().map(|bench| bench.merchant().digest.clone()).unwrap_or_default()
    }

    /// Its name and its file; `None` for the built-in merchant.
    pub(super) fn under_test(&self) -> Option<(String, String)> {
        let merchant = self.bench.as_ref()?.merchant();
        Some((merchant.file.name.clone(), merchant.path.display().to_string()))
    }
}
