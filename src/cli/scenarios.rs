//! `payon-sim check`, `schema` and `scenarios`: scenario files, without running them.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context as _;
use clap::Args;

use super::exit;
use super::table::table;
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
        collect(path, &mut files)?;
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

/// The scenario files that `path` is or holds, in order of their names.
fn collect(path: &Path, files: &mut Vec<PathBuf>) -> anyhow::Result<()> {
    let about = || format!("cannot read {}", path.display());
    if !fs::metadata(path).with_context(about)?.is_dir() {
        files.push(path.to_owned());
        return Ok(());
    }
    let entries = fs::read_dir(path).with_context(about)?;
    let mut inside: Vec<PathBuf> =
        entries.map(|entry| entry.map(|entry| entry.path())).collect::<Result<_, _>>()?;
    inside.sort();
    for path in inside {
        let ending = path.extension().and_then(|ending| ending.to_str());
        if path.is_dir() {
            collect(&path, files)?;
        } else if matches!(ending, Some("yaml" | "yml" | "json")) {
            files.push(path);
        }
    }
    Ok(())
}

/// Prints the JSON Schema of a scenario file.
pub(super) fn schema() -> anyhow::Result<ExitCode> {
    exit::print(&format!("{:#}\n", Scenario::json_schema()))?;
    Ok(ExitCode::SUCCESS)
}

/// Lists the scenarios that come with the program.
pub(super) fn list() -> anyhow::Result<ExitCode> {
    let rows = CATALOGUE.iter().filter_map(|(name, text)| {
        let scenario = ScenarioFile::read(name, text.as_bytes()).ok()?.scenario;
        Some([scenario.id, scenario.title])
    });
    exit::print(&table(["ID", "TITLE"], &rows.collect::<Vec<_>>()))?;
    Ok(ExitCode::SUCCESS)
}
