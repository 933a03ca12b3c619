//! `payon-sim coverage`: what a running gateway has met of all that can go wrong.

use std::process::ExitCode;

use clap::Args;

use super::exit;
use super::talk::TalkArgs;
use crate::scenario::Coverage;

/// Of what, and how much is asked for.
#[derive(Args, Debug)]
pub(super) struct CoverageArgs {
    /// All spaces since the gateway began, also those that are gone, in place of one
    #[arg(long)]
    all: bool,
    #[command(flatten)]
    bar: CoverageBar,
    #[command(flatten)]
    talk: TalkArgs,
}

/// Least coverage that is required.
#[derive(Args, Clone, Copy, Debug)]
pub(super) struct CoverageBar {
    /// Exit with 1 when less than so many percent of all that can be met was met
    #[arg(long, value_name = "PERCENT", value_parser = clap::value_parser!(u8).range(0..=100))]
    min_coverage: Option<u8>,
}

impl CoverageBar {
    /// So many percent.
    pub(super) const fn percent(self) -> Option<u8> {
        self.min_coverage
    }

    /// Returns true if enough was met; says so where it was not.
    pub(super) fn is_cleared(self, coverage: &Coverage) -> bool {
        let bar = f64::from(self.min_coverage.unwrap_or(0));
        let is_cleared = coverage.percent >= bar;
        if !is_cleared {
            let met = coverage.percent;
            exit::say(&format_args!("failure coverage: {met:.1} % met, {bar} % asked for"));
        }
        is_cleared
    }
}

/// Prints it; too little is exit code 1.
pub(super) fn run(args: &CoverageArgs) -> anyhow::Result<ExitCode> {
    let path = format!("/_sim/v1/coverage?all={}", args.all);
    let coverage: Coverage = match args.talk.gateway.get(&path)? {
        Ok(coverage) => coverage,
        Err(refused) => return Ok(refused),
    };
    if args.talk.is_json() {
        exit::print_json(&coverage)?;
    } else {
        let of = if args.all {
            "of all spaces since the gateway began:".to_owned()
        } else {
            let space = args.talk.gateway.space_name();
            format!("of the space {space} since it was made or reset; --all counts all spaces:")
        };
        exit::print(&format!("{of}\n{coverage}"))?;
    }
    Ok(if args.bar.is_cleared(&coverage) { ExitCode::SUCCESS } else { exit::failed() })
}
