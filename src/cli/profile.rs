//! `payon-sim profile`: writing out, checking and looking into a profile.

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Context as _;
use clap::Subcommand;
use serde_json::{Map, Value, json};

use super::input::ProfileArg;
use super::table::table;
use super::talk::FormatArgs;
use super::{exit, input};
use crate::base::{Operation, Reason};
use crate::profile::{Card, Profile, ReasonAnswer};

/// Actions on a profile.
#[derive(Subcommand, Debug)]
pub(super) enum ProfileVerb {
    /// Write the built-in profile into a directory, as a start for your own
    Export {
        /// The directory; it is made if need be, and no file in it is overwritten
        dir: PathBuf,
    },
    /// Check a directory as `serve --profile` would, its keys included, and report everything that is wrong
    Check {
        /// The directory
        dir: PathBuf,
        #[command(flatten)]
        format: FormatArgs,
    },
    /// List the reasons with the code, message and HTTP status that merchants see
    Reasons {
        #[command(flatten)]
        profile: ProfileArg,
        #[command(flatten)]
        format: FormatArgs,
    },
    /// List the test cards with what each rehearses
    Cards {
        #[command(flatten)]
        profile: ProfileArg,
        #[command(flatten)]
        format: FormatArgs,
    },
}

/// Carries out the verb.
pub(super) fn run(verb: ProfileVerb) -> anyhow::Result<ExitCode> {
    match verb {
        ProfileVerb::Export { dir } => {
            let shown = dir.display();
            Profile::export(&dir)
                .with_context(|| format!("cannot write the profile into {shown}"))?;
            exit::print(&format!(
                "the built-in profile is in {shown}; edit it, then: payon-sim --profile {shown}\n"
            ))?;
        }
        ProfileVerb::Check { dir, format } => {
            let profile = input::load(Some(&dir))?;
            profile.check_keys()?;
            if format.is_json() {
                exit::print_json(&json!({
                    "profile": profile.name,
                    "merchants": profile.merchants.len(),
                    "cards": profile.cards.len(),
                    "keys": profile.keys.len(),
                }))?;
                return Ok(ExitCode::SUCCESS);
            }
            exit::print(&format!(
                "{}: no problem; profile {} with {} merchants, {} cards, {} keys\n",
                dir.display(),
                profile.name,
                profile.merchants.len(),
                profile.cards.len(),
                profile.keys.len(),
            ))?;
        }
        ProfileVerb::Reasons { profile, format } => {
            print(format, REASONS, &reasons(&profile.load()?))?;
        }
        ProfileVerb::Cards { profile, format } => {
            print(format, CARDS, &cards(&profile.load()?.cards))?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

const REASONS: [&str; 7] = ["REASON", "CODE", "MESSAGE", "HTTP", "MARK", "ONLY ON", "MEANS"];
const CARDS: [&str; 9] =
    ["NUMBER", "SCHEME", "EXPIRY", "CVV", "PIN", "3-D SECURE", "OUTCOME", "ISO", "REHEARSES"];

/// Prints rows as a table, or as JSON with a member for each column: `ONLY ON` is `onlyOn` there.
fn print<const N: usize>(
    format: FormatArgs,
    header: [&str; N],
    rows: &[[String; N]],
) -> anyhow::Result<()> {
    if !format.is_json() {
        return exit::print(&table(header, rows));
    }
    let names = header.map(member_name);
    let objects = rows.iter().map(|row| {
        let members = names.iter().cloned().zip(row.iter().map(|cell| Value::from(cell.as_str())));
        members.collect::<Map<String, Value>>()
    });
    exit::print_json(&objects.collect::<Vec<_>>())
}

/// The name of a column as a member of JSON.
fn member_name(heading: &str) -> String {
    let words = heading.split([' ', '-']).enumerate().map(|(at, word)| {
        let word = word.to_lowercase();
        let mut letters = word.chars();
        match letters.next() {
            Some(first) if at > 0 => first.to_uppercase().chain(letters).collect(),
            _ => word,
        }
    });
    words.collect::<Vec<String>>().concat()
}

/// A row for each reason, and one for each different answer that some operations give for it.
fn reasons(profile: &Arc<Profile>) -> Vec<[String; 7]> {
    let mut rows = Vec::new();
    for reason in Reason::ALL.iter().copied() {
        let general = profile.reasons.general(reason);
        rows.push(reason_row(reason.name(), "", general, reason.about()));
        let mut exceptions: Vec<(ReasonAnswer<'_>, Vec<&str>)> = Vec::new();
        for operation in Operation::ALL.iter().copied() {
            let answer = profile.answer(operation, reason);
            if answer == general {
                continue;
            }
            match exceptions.iter_mut().find(|(known, _)| *known == answer) {
                Some((_, on)) => on.push(operation.name()),
                None => exceptions.push((answer, vec![operation.name()])),
            }
        }
        for (answer, on) in exceptions {
            rows.push(reason_row(reason.name(), &on.join(" "), answer, ""));
        }
    }
    rows
}

fn reason_row(name: &str, on: &str, answer: ReasonAnswer<'_>, about: &str) -> [String; 7] {
    let ReasonAnswer { code, message, http, mark, .. } = answer;
    [name, code, message, &http.to_string(), mark.name(), on, about].map(str::to_owned)
}

fn cards(cards: &[Card]) -> Vec<[String; 9]> {
    cards
        .iter()
        .map(|card| {
            let text = |text: &Option<String>| text.clone().unwrap_or_else(|| "-".to_owned());
            [
                card.number.clone(),
                card.scheme.name().to_owned(),
                card.expiry.clone(),
                text(&card.cvv),
                text(&card.pin),
                card.authentication.name().to_owned(),
                card.outcome.name().to_owned(),
                text(&card.iso),
                card.about.clone(),
            ]
        })
        .collect()
}
