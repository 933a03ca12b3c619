//! `payon-sim check`, `schema` and `scenarios`: scenario files, without running them.

use std::fs;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context as _;
use clap::Args;

use super::exit;
use super::scenarios_page;
use super::table::table;
use crate::control::collect;
use crate::scenario::{CATALOGUE, Scenario, ScenarioFile};

/// What to check.
#[derive(Args, Debug)]
pub(super) struct CheckArgs {
    /// Scenario files, and directories of which every .yaml, .yml and .json file is one
    #[arg(required = true, value_name = "PATH")]
    paths: Vec<PathBuf>,
}

/// Prints every mistake and every warning; a mistake makes the exit code 2.
pub(super) fn check(args: &CheckArgs) -> anyhow::Result<ExitCode> {
    let mut files = Vec::new();
    for path in &args.paths {
        let about = || format!("cannot read {}", path.display());
        collect(path, &mut files).with_context(about)?;
    }
    let mut report = String::new();
    let (mut mistakes, mut warnings) = (0, 0);
    for path in &files {
        let bytes = fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
        match ScenarioFile::read(&path.display().to_string(), &bytes) {
            Ok(file) => {
                let doubts = file.warnings();
                warnings += doubts.len();
                report.extend(doubts.iter().map(|warning| format!("warning: {warning}\n")));
            }
            Err(problems) => {
                mistakes += problems.len();
                report.extend(problems.iter().map(|problem| format!("error: {problem}\n")));
            }
        }
    }
    let checked = files.len();
    let sum = format!("scenarios checked: {checked}, mistakes: {mistakes}, warnings: {warnings}\n");
    report.push_str(&sum);
    exit::print(&report)?;
    Ok(if mistakes > 0 { ExitCode::from(2) } else { ExitCode::SUCCESS })
}

/// Prints the JSON Schema of a scenario file.
pub(super) fn schema() -> anyhow::Result<ExitCode> {
    exit::print(&format!("{:#}\n", Scenario::json_schema()))?;
    Ok(ExitCode::SUCCESS)
}

/// How the scenarios are listed.
#[derive(Args, Debug)]
pub(super) struct ListArgs {
    /// Print the page that stands in docs/scenarios.md
    #[arg(long)]
    markdown: bool,
}

/// Lists the scenarios that come with the program.
pub(super) fn list(args: &ListArgs) -> anyhow::Result<ExitCode> {
    if args.markdown {
        exit::print(&scenarios_page::page())?;
        return Ok(ExitCode::SUCCESS);
    }
    let rows = CATALOGUE.iter().filter_map(|(name, text)| {
        let scenario = ScenarioFile::read(name, text.as_bytes()).ok()?.scenario;
        Some([scenario.id, scenario.title])
    });
    exit::print(&table(["ID", "TITLE"], &rows.collect::<Vec<_>>()))?;
    Ok(ExitCode::SUCCESS)
}
