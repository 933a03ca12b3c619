//! `payon-sim check`, `schema` and `scenarios`: scenario files, without running them.

use std::fmt::{Display, Write as _};
use std::process::ExitCode;

use clap::Args;

use super::exit;
use super::scenarios_page;
use super::table::table;
use crate::api::Sources;
use crate::base::visible;
use crate::scenario::{CATALOGUE, Expectation, MerchantFile, Scenario, ScenarioFile, Subject};

/// Files to check.
#[derive(Args, Debug)]
pub(super) struct CheckArgs {
    /// Scenario files, directories of such (every .yaml, .yml and .json file whose name does not begin with a dot), and
    /// ids of the catalogue
    #[arg(required = true, value_name = "PATH")]
    paths: Vec<String>,
}

/// Prints every mistake, every warning, and what `run` will make of a scenario; a mistake makes the exit code 2.
pub(super) fn check(args: CheckArgs) -> anyhow::Result<ExitCode> {
    let sources = Sources::new(args.paths);
    let (texts, unreadable) = sources.texts();
    let mut report = String::new();
    let (mut mistakes, mut warnings) = (0, 0);
    let mut refuse = |report: &mut String, problem: &dyn Display| {
        mistakes += 1;
        // Writing into a String cannot fail.
        let _ = writeln!(report, "error: {problem}");
    };
    for (name, text) in &texts {
        match ScenarioFile::read(name, text) {
            Ok(file) => {
                let doubts = file.warnings();
                warnings += doubts.len();
                report.extend(doubts.iter().map(|warning| format!("warning: {warning}\n")));
                let notes = notes(&file.scenario);
                report
                    .extend(notes.iter().map(|note| format!("note: {}: {note}\n", visible(name))));
            }
            Err(problems) => {
                for problem in &problems {
                    refuse(&mut report, problem);
                }
            }
        }
    }
    for problem in &unreadable {
        refuse(&mut report, problem);
    }
    for empty in sources.empty() {
        refuse(&mut report, &format_args!("{}: {EMPTY}", visible(empty)));
    }
    let checked = texts.len();
    let sum = format!("scenarios checked: {checked}, mistakes: {mistakes}, warnings: {warnings}\n");
    report.push_str(&sum);
    exit::print(&report)?;
    Ok(if mistakes > 0 { ExitCode::from(2) } else { ExitCode::SUCCESS })
}

/// Said of a directory that was named for nothing.
pub(super) const EMPTY: &str =
    "there is no scenario in it: no .yaml, .yml or .json file whose name does not begin with a dot";

/// Returns true if it looks at what the merchant believes.
fn asks_shop(expected: &Expectation) -> bool {
    matches!(expected.subject, Subject::Shop(_)) || expected.parts().iter().any(asks_shop)
}

/// Notes on what `payon-sim run` will not do or not judge.
fn notes(scenario: &Scenario) -> Vec<String> {
    let mut notes = Vec::new();
    if scenario.drive.is_empty() {
        let mut note =
            "it has no `drive`, so `payon-sim run` needs a command after -- that makes the calls"
                .to_owned();
        let believed = scenario.expect.iter().filter(|expected| asks_shop(expected)).count();
        if believed > 0 {
            let all = scenario.expect.len();
            let _ = write!(note, "; {believed} of {all} expectations (`shop`) are not judged then");
        }
        notes.push(note);
    }
    if scenario.expect.is_empty() {
        notes.push(
            "it has no `expect`, so `payon-sim run` judges nothing but the exit code of a command"
                .to_owned(),
        );
    }
    notes
}

/// The file that the schema is of.
#[derive(Args, Debug)]
pub(super) struct SchemaArgs {
    /// The schema of a merchant file instead
    #[arg(long)]
    merchant: bool,
}

/// Prints the JSON Schema of a file format.
pub(super) fn schema(args: &SchemaArgs) -> anyhow::Result<ExitCode> {
    let schema = if args.merchant { MerchantFile::json_schema() } else { Scenario::json_schema() };
    exit::print_json(&schema)?;
    Ok(ExitCode::SUCCESS)
}

/// Format of the list of scenarios.
#[derive(Args, Debug)]
pub(super) struct ListArgs {
    /// Print the page that stands in docs/scenarios.md
    #[arg(long)]
    markdown: bool,
}

/// Lists the scenarios that come with the program.
pub(super) fn list(args: &ListArgs) -> anyhow::Result<ExitCode> {
    if args.markdown {
        exit::print_exact(&scenarios_page::page())?;
        return Ok(ExitCode::SUCCESS);
    }
    let rows = CATALOGUE.iter().filter_map(|(name, text)| {
        let scenario = ScenarioFile::read(name, text.as_bytes()).ok()?.scenario;
        Some([scenario.id, scenario.title])
    });
    exit::print(&table(["ID", "TITLE"], &rows.collect::<Vec<_>>()))?;
    Ok(ExitCode::SUCCESS)
}
