//! `payon-sim fidelity`: which behaviour is PAYON's and which is ours.

use std::fmt::Write as _;
use std::process::ExitCode;

use clap::builder::PossibleValue;
use clap::{Args, ValueEnum};
use serde_json::{Value, json};

use super::exit;
use super::input::ProfileArg;
use super::table::table;
use super::talk::FormatArgs;
use crate::api::fidelity_page;
use crate::profile::{Mark, Provenance};

/// Selection of behaviours, and the form of the output.
#[derive(Args, Debug)]
pub(super) struct FidelityArgs {
    /// Only those with this mark
    #[arg(long)]
    mark: Option<Chosen>,
    #[command(flatten)]
    format: FormatArgs,
    /// Print the page that stands in docs/fidelity.md
    #[arg(long, conflicts_with_all = ["format", "json"])]
    markdown: bool,
    #[command(flatten)]
    profile: ProfileArg,
}

#[derive(Clone, Copy, Debug)]
struct Chosen(Mark);

const CHOICES: &[Chosen] = &[
    Chosen(Mark::Documented),
    Chosen(Mark::Example),
    Chosen(Mark::Assumed),
    Chosen(Mark::Confirmed),
];

impl ValueEnum for Chosen {
    fn value_variants<'a>() -> &'a [Self] {
        CHOICES
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        Some(PossibleValue::new(self.0.name()).help(self.0.meaning()))
    }
}

/// Prints the behaviours of the profile.
pub(super) fn run(args: &FidelityArgs) -> anyhow::Result<ExitCode> {
    let profile = args.profile.load()?;
    let is_chosen = |mark| args.mark.is_none_or(|chosen| chosen.0 == mark);
    let entries: Vec<_> =
        profile.provenance().iter().filter(|entry| is_chosen(entry.mark)).collect();
    if args.format.is_json() {
        let list: Vec<_> = entries.iter().map(|entry| as_json(entry)).collect();
        exit::print_json(&list)?;
        return Ok(ExitCode::SUCCESS);
    }
    if args.markdown {
        exit::print_exact(&fidelity_page(&profile.name, entries.iter().copied()))?;
        return Ok(ExitCode::SUCCESS);
    }
    let rows: Vec<_> = entries
        .iter()
        .map(|entry| {
            let Provenance { key, mark, about, place } = entry;
            [mark.name().to_owned(), key.clone(), place.to_string(), about.clone()]
        })
        .collect();
    let mut text = table(["MARK", "BEHAVIOUR", "HELD BY", "ABOUT"], &rows);
    text.push('\n');
    for mark in Mark::ALL.iter().copied().filter(|mark| is_chosen(*mark)) {
        let count = entries.iter().filter(|entry| entry.mark == mark).count();
        if mark == Mark::Confirmed && count == 0 {
            continue;
        }
        // Writing into a String cannot fail.
        let _ = writeln!(text, "{mark}: {count} {}", mark.meaning());
    }
    exit::print(&text)?;
    Ok(ExitCode::SUCCESS)
}

fn as_json(entry: &Provenance) -> Value {
    let Provenance { key, mark, about, place } = entry;
    json!({ "key": key, "mark": mark, "about": about, "file": *place.file, "line": place.line })
}
