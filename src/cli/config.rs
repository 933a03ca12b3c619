//! `payon-sim config`: the settings that hold.

use std::process::ExitCode;

use clap::{ArgMatches, Args, Subcommand};

use super::settings::ServeArgs;
use super::talk::FormatArgs;
use super::{exit, serve};
use crate::base::printable_json;

/// Actions on the settings.
#[derive(Subcommand, Debug)]
pub(super) enum ConfigVerb {
    /// Print the settings that `serve` would run with, each with where it comes from. Secrets are not shown. The output
    /// is itself a file for --config
    Show(ShowArgs),
}

/// The options of `serve`, and the form of the output.
#[derive(Args, Debug)]
pub(super) struct ShowArgs {
    #[command(flatten)]
    serve: ServeArgs,
    #[command(flatten)]
    format: FormatArgs,
}

/// Carries out the verb.
pub(super) fn run(verb: ConfigVerb, matches: &ArgMatches) -> anyhow::Result<ExitCode> {
    let ConfigVerb::Show(ShowArgs { serve, format }) = verb;
    let resolved = serve.merge(matches)?.check()?;
    serve::check(&resolved)?;
    for note in &resolved.notes {
        exit::say(note);
    }
    if format.is_json() {
        exit::print_json(&resolved.to_json())?;
    } else {
        exit::print_exact(&printable_json(&resolved.to_string()))?;
    }
    Ok(ExitCode::SUCCESS)
}
