//! The whole system from one seed: a simulator in this process and in virtual time, played with by hundreds of merchants,
//! payers, receivers and operators, and held beside a model after each step.
//!
//! | file | what it does |
//! | --- | --- |
//! | `history` | all that happens, as data |
//! | `generator` | makes a history from a seed, with the model, which says what matters at each moment |
//! | `player` | does each step over HTTP, and compares what the control plane shows with the model |
//! | `model` | works out what must come of each step, without any code of the gateway's |
//! | `race` | finds the order of calls at the same time that explains what came of them |
//! | `finding` | the invariants, and what is told of one that is broken |
//! | `comparison` | orders, push-backs, rules, sums, answers and the journal of both sides |
//! | `receivers` | the other end of push-backs, in all ways in which it can fail |
//! | `transcript` | all that was said, for the comparison of two runs |
//! | `shrink` | makes a history that ends in a finding short |

mod comparison;
mod finding;
mod generator;
mod history;
mod model;
mod player;
mod race;
mod random;
mod receivers;
mod request;
mod shrink;
mod transcript;
mod web;

use std::time::{Duration, Instant};

use payon_sim::profile::Profile;
use tokio::runtime::{Builder, Runtime};

pub(crate) use finding::Finding;
use finding::Kind;
pub(crate) use generator::Size;
pub(crate) use history::History;
pub(crate) use player::Figures;
use player::{Played, play};

/// A history that ends in a finding.
pub(crate) struct Failure {
    /// The seed that it was made from; `None` where it was read.
    pub(crate) seed: Option<u64>,
    pub(crate) size: Size,
    pub(crate) finding: Finding,
    /// As short as it could be made.
    pub(crate) history: History,
}

/// A simulation: histories, and the gateway that they are played with.
pub(crate) struct Simulation<F> {
    pub(crate) size: Size,
    /// The real time for which a history with a finding is made shorter.
    pub(crate) shrink: Duration,
    /// A change of the profile that the model does not know, by which a gateway is wrong.
    pub(crate) fault: F,
}

impl<F: Fn(&mut Profile) + Copy> Simulation<F> {
    /// Plays the history of a seed.
    ///
    /// # Errors
    /// The finding, with the history as short as it could be made.
    pub(crate) fn run(&self, seed: u64) -> Result<Figures, Box<Failure>> {
        self.replay(&generator::history(seed, self.size), Some(seed))
    }

    /// Plays seeds from this one on, for as long as that.
    ///
    /// # Errors
    /// As [`Simulation::run`].
    pub(crate) fn run_for(&self, seed: u64, time: Duration) -> Result<Figures, Box<Failure>> {
        let begun = Instant::now();
        let mut figures = Figures::default();
        while begun.elapsed() < time {
            figures += self.run(seed.wrapping_add(figures.histories as u64))?;
        }
        Ok(figures)
    }

    /// Plays a history.
    ///
    /// # Errors
    /// As [`Simulation::run`].
    pub(crate) fn replay(
        &self,
        history: &History,
        seed: Option<u64>,
    ) -> Result<Figures, Box<Failure>> {
        let found = match self.check(history) {
            Ok(figures) => return Ok(figures),
            Err(finding) => finding,
        };
        let mut finding = found.clone();
        let history = shrink::shrink(history, self.shrink, |shorter| {
            // What several do at once goes wrong only now and then.
            let tries = if generator::is_sequential(shorter) { 1 } else { 5 };
            let again = (0..tries).find_map(|_| self.check(shorter).err());
            match again.filter(|again| again.kind == found.kind) {
                None => false,
                Some(again) => {
                    finding = again;
                    true
                }
            }
        });
        Err(Box::new(Failure { seed, size: self.size, finding, history }))
    }

    /// Plays a history once, or twice where nothing happens in it at the same time: with several workers and with one, and
    /// both runs must say the same.
    fn check(&self, history: &History) -> Result<Figures, Finding> {
        let twice = generator::is_sequential(history);
        let played = |runtime: Runtime| {
            let played = runtime.block_on(play(history, self.fault, twice));
            runtime.shutdown_background();
            played
        };
        let Played { figures, transcript } = played(runtime(Builder::new_multi_thread())?)?;
        if twice {
            let again = played(runtime(Builder::new_current_thread())?)?.transcript;
            if let Some(detail) = transcript.difference(&again) {
                let step = history.steps.len();
                return Err(Finding { kind: Kind::Determinism, step, detail });
            }
        }
        Ok(figures)
    }
}

fn runtime(mut builder: Builder) -> Result<Runtime, Finding> {
    let runtime = builder.worker_threads(2).enable_all().build();
    runtime.map_err(|error| Finding { kind: Kind::Progress, step: 0, detail: error.to_string() })
}

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { seed, size: Size { steps, merchants }, finding, history } = self;
        let Finding { kind, step, detail } = finding;
        if let Some(seed) = seed {
            writeln!(f, "seed {seed} finds something; to see it again:")?;
            let options = format!("--seed {seed} --steps {steps} --merchants {merchants}");
            writeln!(f, "  cargo run --example simulate -- {options}")?;
        }
        writeln!(f, "{kind:?}, after step {} of {}:\n{detail}", step + 1, history.steps.len())?;
        writeln!(f, "the history, to be played with `--replay FILE`:")?;
        write!(f, "{history}")
    }
}

impl std::fmt::Display for Figures {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let days = self.virtual_ms / 86_400_000;
        write!(
            f,
            "{} histories with {} merchants: {} steps, {} calls, {} races, {} attempts to send push-backs, {} restarts, \
             {days} days of virtual time",
            self.histories,
            self.merchants,
            self.steps,
            self.calls,
            self.races,
            self.attempts,
            self.restarts,
        )
    }
}
