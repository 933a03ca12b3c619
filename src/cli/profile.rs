//! `payon-sim profile`: writing out, checking and looking into a profile.

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Context as _;
use clap::Subcommand;

use super::input::ProfileArg;
use super::table::table;
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
    },
    /// List the reasons with the code, message and HTTP status that merchants see
    Reasons {
        #[command(flatten)]
        profile: ProfileArg,
    },
    /// List the test cards with what each rehearses
    Cards {
        #[command(flatten)]
        profile: ProfileArg,
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
        ProfileVerb::Check { dir } => {
            let profile = input::load(Some(&dir))?;
            profile.check_keys()?;
            exit::print(&format!(
                "{}: no problem; profile {} with {} merchants, {} cards, {} keys\n",
                dir.display(),
                profile.name,
                profile.merchants.len(),
                profile.cards.len(),
                profile.keys.len(),
            ))?;
        }
        ProfileVerb::Reasons { profile } => exit::print(&reasons(&profile.load()?))?,
        ProfileVerb::Cards { profile } => exit::print(&cards(&profile.load()?.cards))?,
    }
    Ok(ExitCode::SUCCESS)
}

/// A row for each reason, and one for each different answer that some operations give for it.
fn reasons(profile: &Arc<Profile>) -> String {
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
    table(["REASON", "CODE", "MESSAGE", "HTTP", "MARK", "ONLY ON", "MEANS"], &rows)
}

fn reason_row(name: &str, on: &str, answer: ReasonAnswer<'_>, about: &str) -> [String; 7] {
    let ReasonAnswer { code, message, http, mark, .. } = answer;
    [name, code, message, &http.to_string(), mark.name(), on, about].map(str::to_owned)
}

fn cards(cards: &[Card]) -> String {
    let rows: Vec<_> = cards
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
        .collect();
    let header =
        ["NUMBER", "SCHEME", "EXPIRY", "CVV", "PIN", "3-D SECURE", "OUTCOME", "ISO", "REHEARSES"];
    table(header, &rows)
}
