//! `payon-sim config`: the settings that hold.

use std::process::ExitCode;

use clap::{ArgMatches, Subcommand};

use super::exit;
use super::settings::ServeArgs;
use crate::base::printable_json;

/// Actions on the settings.
#[derive(Subcommand, Debug)]
pub(super) enum ConfigVerb {
    /// Print the settings that `serve` would run with, each with where it comes from. Secrets are not shown. The output
    /// is itself a file for --config
    Show(ServeArgs),
}

/// Carries out the verb.
pub(super) fn run(verb: ConfigVerb, matches: &ArgMatches) -> anyhow::Result<ExitCode> {
    let ConfigVerb::Show(args) = verb;
    let resolved = args.resolve(matches)?;
    for note in &resolved.notes {
        exit::say(note);
    }
    exit::print_exact(&printable_json(&resolved.to_string()))?;
    Ok(ExitCode::SUCCESS)
}
