//! The whole system from one seed.
//!
//! ```console
//! $ cargo run --release --example simulate -- --seed 42
//! $ cargo run --release --example simulate -- --for 60s
//! ```
#![allow(clippy::print_stdout, reason = "it tells what it finds")]

mod simulation;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use clap::Parser;
use payon_sim::base::{Period, wall_clock};
use simulation::{Failure, Figures, History, Simulation, Size};

/// Plays histories with a gateway in this process, holds all that it does beside a model, and prints what is wrong.
#[derive(Parser)]
struct Options {
    /// Seed of the first history; a fresh one where none is given.
    #[arg(long)]
    seed: Option<u64>,
    /// Number of histories, from that seed on.
    #[arg(long, default_value_t = 1)]
    seeds: u64,
    /// Time for which histories are played, such as 60s, in place of a number.
    #[arg(long = "for", value_parser = time, conflicts_with = "seeds")]
    time: Option<Duration>,
    /// Steps of a history.
    #[arg(long, default_value_t = 200)]
    steps: usize,
    /// Merchants of a history.
    #[arg(long, default_value_t = 200)]
    merchants: usize,
    /// Time for which a history that finds something is made shorter.
    #[arg(long, value_parser = time, default_value = "120s")]
    shrink: Duration,
    /// A history to play, as it was printed.
    #[arg(long, conflicts_with_all = ["seed", "seeds", "time"])]
    replay: Option<PathBuf>,
}

fn time(text: &str) -> Result<Duration, String> {
    let period = Period::parse(text).ok_or("a duration such as 60s or 10m")?;
    Ok(Duration::from_millis(period.ms()))
}

fn run(options: &Options) -> Result<Result<Figures, Box<Failure>>, String> {
    let Options { steps, merchants, shrink, .. } = *options;
    let simulation = Simulation { size: Size { steps, merchants }, shrink, fault: |_: &mut _| () };
    if let Some(file) = &options.replay {
        let text = std::fs::read_to_string(file);
        let text = text.map_err(|error| format!("{}: {error}", file.display()))?;
        return Ok(simulation.replay(&History::parse(&text)?, None));
    }
    let seed = options.seed.unwrap_or_else(|| wall_clock().0.unsigned_abs());
    println!("seed {seed}");
    if let Some(time) = options.time {
        return Ok(simulation.run_for(seed, time));
    }
    let mut figures = Figures::default();
    for at in 0..options.seeds {
        match simulation.run(seed.wrapping_add(at)) {
            Ok(more) => figures += more,
            Err(failure) => return Ok(Err(failure)),
        }
    }
    Ok(Ok(figures))
}

fn main() -> ExitCode {
    let begun = Instant::now();
    let (text, code) = match run(&Options::parse()) {
        Ok(Ok(figures)) => {
            (format!("{figures}, in {:.1} s", begun.elapsed().as_secs_f64()), ExitCode::SUCCESS)
        }
        Ok(Err(failure)) => (failure.to_string(), ExitCode::FAILURE),
        Err(error) => (error, ExitCode::from(2)),
    };
    println!("{text}");
    code
}
