//! `payon-sim check`, `schema` and `scenarios`: scenario files, without running them.

use std::fmt::Write as _;
use std::process::ExitCode;

use clap::Args;
use serde::Serialize;
use serde_json::json;

use super::exit;
use super::table::table;
use super::talk::FormatArgs;
use crate::api::{Sources, scenarios_page};
use crate::base::visible;
use crate::scenario::{CATALOGUE, Expectation, MerchantFile, Scenario, ScenarioFile, Subject};
use crate::scenario_runs::{RunOptions, check_profiles};

/// Files to check.
#[derive(Args, Debug)]
pub(super) struct CheckArgs {
    /// Scenario files, directories of such (every .yaml, .yml and .json file whose name does not begin with a dot), and
    /// ids of the catalogue
    #[arg(required = true, value_name = "PATH")]
    paths: Vec<String>,
    #[command(flatten)]
    format: FormatArgs,
}

/// Result of a check, as a program reads it.
#[derive(Default, Serialize)]
struct CheckReport {
    checked: usize,
    /// All that is wrong, each with its place.
    mistakes: Vec<String>,
    /// All that is doubtful, each with its place.
    warnings: Vec<String>,
    /// Parts that `payon-sim run` will not do or not judge.
    notes: Vec<String>,
}

/// Prints every mistake, every warning, and what `run` will make of a scenario; a mistake makes the exit code 2.
pub(super) fn check(args: CheckArgs) -> anyhow::Result<ExitCode> {
    let sources = Sources::new(args.paths);
    let (texts, unreadable) = sources.texts();
    let mut report = CheckReport { checked: texts.len(), ..CheckReport::default() };
    let mut text = String::new();
    let mut say = |list: &mut Vec<String>, kind: &str, what: String| {
        // Writing into a String cannot fail.
        let _ = writeln!(text, "{kind}: {what}");
        list.push(what);
    };
    for (name, bytes) in &texts {
        match ScenarioFile::read(name, bytes) {
            Ok(file) => {
                for problem in file.impossible_steps() {
                    say(&mut report.mistakes, "error", problem.to_string());
                }
                if let Err(problem) = check_profiles([&file.scenario], &RunOptions::default()) {
                    let what = format!("{}: `profile`: {problem}", visible(name));
                    say(&mut report.mistakes, "error", what);
                }
                for warning in file.warnings() {
                    say(&mut report.warnings, "warning", warning.to_string());
                }
                for note in notes(&file.scenario) {
                    say(&mut report.notes, "note", format!("{}: {note}", visible(name)));
                }
            }
            Err(problems) => {
                for problem in &problems {
                    say(&mut report.mistakes, "error", problem.to_string());
                }
            }
        }
    }
    for problem in &unreadable {
        say(&mut report.mistakes, "error", problem.to_string());
    }
    for empty in sources.empty() {
        say(&mut report.mistakes, "error", format!("{}: {EMPTY}", visible(empty)));
    }
    let CheckReport { checked, mistakes, warnings, .. } = &report;
    let (mistakes, warnings) = (mistakes.len(), warnings.len());
    if args.format.is_json() {
        exit::print_json(&report)?;
    } else {
        let sum =
            format!("scenarios checked: {checked}, mistakes: {mistakes}, warnings: {warnings}\n");
        exit::print(&(text + &sum))?;
    }
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
    #[arg(long, conflicts_with_all = ["format", "json"])]
    markdown: bool,
    #[command(flatten)]
    format: FormatArgs,
}

/// Lists the scenarios that come with the program.
pub(super) fn list(args: &ListArgs) -> anyhow::Result<ExitCode> {
    if args.markdown {
        exit::print_exact(&scenarios_page())?;
        return Ok(ExitCode::SUCCESS);
    }
    let scenarios = CATALOGUE
        .all()
        .iter()
        .filter_map(|(name, text)| Some(ScenarioFile::read(name, text.as_bytes()).ok()?.scenario));
    if args.format.is_json() {
        let told = scenarios.map(|scenario| {
            let Scenario { id, title, why, correct, .. } = scenario;
            json!({ "id": id, "title": title, "why": why, "correct": correct })
        });
        exit::print_json(&told.collect::<Vec<_>>())?;
    } else {
        let rows = scenarios.map(|scenario| [scenario.id, scenario.title]);
        exit::print(&table(["ID", "TITLE"], &rows.collect::<Vec<_>>()))?;
    }
    Ok(ExitCode::SUCCESS)
}
