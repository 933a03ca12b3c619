//! The command line: one file a verb.

mod exit;
mod link;
mod serve;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// The PAYON payment gateway that you can hold in your hands.
#[derive(Parser, Debug)]
#[command(name = "payon-sim", version, about, args_conflicts_with_subcommands = true)]
struct Cli {
    #[command(subcommand)]
    command: Option<Verb>,
    #[command(flatten)]
    serve: serve::ServeArgs,
}

#[derive(Subcommand, Debug)]
enum Verb {
    /// Serve the gateway (what the bare command does)
    Serve(serve::ServeArgs),
    /// Make a checkout link from the JSON of an order on stdin
    Link(link::LinkArgs),
}

/// Runs the command line of this process.
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    let outcome = match cli.command.unwrap_or(Verb::Serve(cli.serve)) {
        Verb::Serve(args) => serve::run(args),
        Verb::Link(args) => link::run(args),
    };
    outcome.unwrap_or_else(|error| exit::usage(&format!("error: {error:#}")))
}
