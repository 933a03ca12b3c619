//! The load benchmark: how fast the gateway is beside the least that any HTTP server must do.
//!
//! In one run and on two pinned cores it measures two yardsticks (a bare hyper JSON echo, and the same
//! with one RSA-2048 verification) and the real `payon-sim` binary, all three as processes of their own
//! with one worker on the same core; the client has the other core. The phases take turns round by
//! round, so that whatever else the machine does falls on all of them alike, and each ratio is taken
//! within a round. `cargo bench --bench load` runs it; `-- --help` tells what can be set.

#![allow(clippy::print_stdout, reason = "printing is what it is for")]

mod client;
mod memory;
mod reader;
mod report;
mod rounds;
mod rules;
mod server;
mod story;
mod watched;
mod yardstick;

use anyhow::Result;
use clap::Parser;

/// Measures payon-sim against a bare hyper JSON echo, on loopback only.
#[derive(Parser)]
struct Options {
    /// Rounds; every phase runs once a round
    #[arg(long, default_value_t = 9)]
    rounds: usize,
    /// Requests of each unsigned phase in a round
    #[arg(long, default_value_t = 12_000)]
    unsigned: usize,
    /// Requests of each signed phase in a round
    #[arg(long, default_value_t = 3_000)]
    signed: usize,
    /// Requests of the long runs that show memory over time
    #[arg(long, default_value_t = 200_000)]
    requests: usize,
    /// Idle connections that are held open while the gateway answers others
    #[arg(long, default_value_t = 10_000)]
    idle: usize,
    /// An argument more for `payon-sim serve` in the rounds, such as --with=--journal-entries=0
    #[arg(long)]
    with: Vec<String>,
    /// Rules that are armed to see what they cost
    #[arg(long, default_value_t = 1_000)]
    rules: usize,
    /// Only this part: rounds, rules, journal, start, memory, idle, long or
    /// slow-reader
    #[arg(long)]
    only: Option<String>,
    /// Serves one of the yardsticks or measures memory; the benchmark starts itself so
    #[arg(long, hide = true)]
    role: Option<server::Role>,
    /// What `cargo bench` adds
    #[arg(long, hide = true)]
    bench: bool,
}

fn main() -> Result<()> {
    let options = Options::parse();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    if let Some(role) = options.role {
        return runtime.block_on(role.play());
    }
    server::raise_handle_limit()?;
    server::pin(server::Core::Client)?;
    let wanted = |part: &str| options.only.as_deref().is_none_or(|only| only == part);
    println!("payon-sim {}, loopback, server and client on a core each", env!("CARGO_PKG_VERSION"));
    if wanted("rounds") {
        runtime.block_on(rounds::run(
            options.rounds,
            options.unsigned,
            options.signed,
            &options.with,
        ))?;
    }
    if wanted("rules") {
        runtime.block_on(rules::run(options.rounds, options.unsigned, options.rules))?;
    }
    if wanted("journal") {
        runtime.block_on(watched::journal(options.rounds, options.unsigned))?;
    }
    if wanted("start") {
        memory::start()?;
    }
    if wanted("memory") {
        memory::orders_and_spaces()?;
    }
    if wanted("idle") {
        runtime.block_on(memory::idle(options.idle))?;
    }
    if wanted("long") {
        runtime.block_on(memory::long_run(options.requests))?;
    }
    if wanted("slow-reader") {
        runtime.block_on(watched::slow_reader(options.requests))?;
    }
    Ok(())
}
