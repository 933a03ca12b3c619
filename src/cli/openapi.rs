//! `payon-sim openapi`: the calls of the control plane, for programs and for readers.

use std::process::ExitCode;

use clap::Args;

use super::exit;
use crate::api;

/// The form of the output.
#[derive(Args, Debug)]
pub(super) struct OpenApiArgs {
    /// Print the page that stands in docs/control-api.md
    #[arg(long)]
    markdown: bool,
}

/// Prints the calls of the control plane.
pub(super) fn run(args: &OpenApiArgs) -> anyhow::Result<ExitCode> {
    if args.markdown {
        exit::print_exact(&api::calls_page())?;
    } else {
        exit::print_json(api::calls_document())?;
    }
    Ok(ExitCode::SUCCESS)
}
