//! `payon-sim openapi`: the calls of the control plane or those of PAYON, for programs and for readers.

use std::process::ExitCode;

use clap::Args;

use super::exit;
use super::input::ProfileArg;
use crate::api;

/// Selection of calls, and the form of the output.
#[derive(Args, Debug)]
pub(super) struct OpenApiArgs {
    /// Print PAYON's calls, which merchants make, in place of those of the control plane
    #[arg(long)]
    payon: bool,
    /// Print the page that stands in docs/control-api.md, or with --payon in docs/calls.md
    #[arg(long)]
    markdown: bool,
    #[command(flatten)]
    profile: ProfileArg,
}

/// Base address in PAYON's document where no gateway runs.
const BASE: &str = "http://127.0.0.1:36605";

/// Prints the calls.
pub(super) fn run(args: &OpenApiArgs) -> anyhow::Result<ExitCode> {
    match (args.payon, args.markdown) {
        (false, true) => exit::print_exact(&api::calls_page())?,
        (false, false) => exit::print_json(api::calls_document())?,
        (true, true) => exit::print_exact(&api::payon_calls_page(&*args.profile.load()?))?,
        (true, false) => {
            let profile = args.profile.load()?;
            exit::print_json(&api::payon_openapi::document(&profile, BASE))?;
        }
    }
    Ok(ExitCode::SUCCESS)
}
