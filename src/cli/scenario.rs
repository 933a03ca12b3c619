//! `payon-sim scenario`: scenarios armed at a running gateway, and taken away again.

use std::path::Path;
use std::process::ExitCode;

use anyhow::{bail, ensure};
use clap::{Args, Subcommand};
use hyper::Method;
use serde::Deserialize;
use serde_json::{Value, json};

use super::client::{segment, with_query};
use super::input::read_file_or_stdin;
use super::rules::{self, armed};
use super::sentence::items;
use super::talk::TalkArgs;
use super::{exit, scenarios};
use crate::api::NO_RULES;
use crate::base::{Diagnostic, did_you_mean};
use crate::scenario::{CATALOGUE, RuleList, ScenarioFile, name_rules, scenario};

/// Actions on scenarios.
#[derive(Subcommand, Debug)]
#[command(after_help = "\
To run scenarios against a shop: payon-sim run. To check files: payon-sim check.

Examples:
  payon-sim scenario arm S014
  payon-sim scenario arm mine.yaml
  payon-sim scenario disarm S014
  payon-sim scenario disarm              takes all rules away")]
pub(super) enum ScenarioVerb {
    /// List the scenarios that come with the program
    List(scenarios::ListArgs),
    /// Print the file of a scenario
    Show {
        /// Its id, such as S014
        #[arg(value_name = "ID")]
        id: String,
    },
    /// Arm the rules of a scenario before those of the space
    Arm {
        /// An id of the catalogue such as S014, a scenario file, or `-` for the standard input
        #[arg(value_name = "ID|FILE")]
        scenario: String,
        #[command(flatten)]
        talk: TalkArgs,
    },
    /// Take the rules of a scenario away, or all rules
    Disarm {
        /// An id of the catalogue or a scenario file; all rules go when left out
        #[arg(value_name = "ID|FILE")]
        scenario: Option<String>,
        #[command(flatten)]
        talk: TalkArgs,
    },
    /// Write the scenario that does again what was done in the space, or to one order
    Record(RecordArgs),
}

/// The order to write about.
#[derive(Args, Debug)]
pub(super) struct RecordArgs {
    /// Only of this order: its merchantId
    #[arg(long, value_name = "ID", requires = "tx")]
    merchant: Option<String>,
    /// Only of this order: its txId
    #[arg(long, value_name = "ID", requires = "merchant")]
    tx: Option<String>,
    #[command(flatten)]
    talk: TalkArgs,
}

/// A recorded scenario.
#[derive(Deserialize)]
struct RecordedText {
    yaml: String,
    notes: Vec<String>,
}

/// Carries out the verb.
pub(super) fn run(verb: &ScenarioVerb) -> anyhow::Result<ExitCode> {
    match verb {
        ScenarioVerb::List(args) => scenarios::list(args),
        ScenarioVerb::Show { id } => show(id),
        ScenarioVerb::Arm { scenario, talk } => {
            let (path, text) = match ScenarioSource::of(scenario) {
                ScenarioSource::Id(id) => {
                    let text = crate::scenario::scenario(id).map_or("", |(_, text)| text);
                    let known = ScenarioFile::read(id, text.as_bytes());
                    let is_idle = known.is_ok_and(|it| it.scenario.rules.is_empty());
                    ensure!(!is_idle, "{id} {NO_RULES}");
                    (format!("/_sim/v1/scenarios/{}/arm", segment(id)), String::new())
                }
                ScenarioSource::File(file) => {
                    let (text, ids) = read(file)?;
                    ensure!(!ids.is_empty(), "{scenario} {NO_RULES}");
                    ("/_sim/v1/scenarios".to_owned(), text)
                }
            };
            talk.finish(talk.gateway.call(Method::POST, &path, text)?, |answer| {
                let table = armed(answer);
                exit::say(&format_args!("to take it away: payon-sim scenario disarm {scenario}"));
                table
            })
        }
        ScenarioVerb::Disarm { scenario: None, talk } => {
            let none = |_: &Value| "no rule is armed\n".to_owned();
            talk.send(Method::DELETE, rules::PATH, &Value::Null, none)
        }
        ScenarioVerb::Disarm { scenario: Some(scenario), talk } => disarm(scenario, talk),
        ScenarioVerb::Record(args) => record(args),
    }
}

/// Origin of a scenario that was named on the command line.
enum ScenarioSource<'a> {
    Id(&'a str),
    File(&'a str),
}

impl<'a> ScenarioSource<'a> {
    fn of(name: &'a str) -> Self {
        let path = Path::new(name);
        let looks_like_file =
            name == "-" || name.contains(['/', '\\']) || path.extension().is_some();
        if looks_like_file || path.is_file() { Self::File(name) } else { Self::Id(name) }
    }
}

/// A scenario file: its text, and the ids that its rules get.
fn read(file: &str) -> anyhow::Result<(String, Vec<String>)> {
    let bytes = read_file_or_stdin(file, "the scenario")?;
    let name = if file == "-" { "the standard input" } else { file };
    let told = |problems: Vec<Diagnostic>| {
        let told: Vec<String> = problems.iter().map(ToString::to_string).collect();
        anyhow::anyhow!("the scenario cannot be armed:\n{}", told.join("\n"))
    };
    let mut rules = RuleList::read(name, &bytes).map_err(told)?.rules;
    name_rules(&mut rules, []);
    let ids = rules.into_iter().map(|rule| rule.id).collect();
    Ok((String::from_utf8(bytes)?, ids))
}

fn show(id: &str) -> anyhow::Result<ExitCode> {
    let Some((_, text)) = scenario(id) else {
        let ids = CATALOGUE.all().iter().filter_map(|(name, _)| name.split('-').next());
        let hint = did_you_mean(id, ids);
        bail!("there is no scenario {id:?}{hint}; payon-sim scenario list shows those there are");
    };
    exit::print_exact(text)?;
    Ok(ExitCode::SUCCESS)
}

fn disarm(scenario: &str, talk: &TalkArgs) -> anyhow::Result<ExitCode> {
    match ScenarioSource::of(scenario) {
        ScenarioSource::Id(id) => {
            let path = format!("/_sim/v1/scenarios/{}/arm", segment(id));
            let answer = talk.gateway.call(Method::DELETE, &path, String::new())?;
            rules::taken_away(talk, scenario, answer)
        }
        ScenarioSource::File(file) => {
            let (_, ids) = read(file)?;
            let answer: Value = match talk.gateway.get(rules::PATH)? {
                Ok(answer) => answer,
                Err(refused) => return Ok(refused),
            };
            let is_armed =
                |id: &String| items(&answer, "rules").iter().any(|rule| rule["id"] == **id);
            let (ids, others): (Vec<String>, Vec<String>) = ids.into_iter().partition(is_armed);
            if ids.is_empty() {
                return rules::taken_away(talk, scenario, Ok(json!({ "removed": ids })));
            }
            if !others.is_empty() {
                exit::say(&format_args!("note: not armed any more: {}", others.join(", ")));
            }
            rules::remove(talk, &ids)
        }
    }
}

fn record(args: &RecordArgs) -> anyhow::Result<ExitCode> {
    let talk = &args.talk;
    let order = [("merchantId", args.merchant.as_deref()), ("txId", args.tx.as_deref())];
    let answer: Value = match talk.gateway.get(&with_query("/_sim/v1/scenario", &order))? {
        Ok(answer) => answer,
        Err(refused) => return Ok(refused),
    };
    if talk.is_json() {
        exit::print_json(&answer)?;
        return Ok(ExitCode::SUCCESS);
    }
    let RecordedText { yaml, notes } = RecordedText::deserialize(&answer)?;
    for note in notes {
        exit::say(&format_args!("note: {note}"));
    }
    exit::print_exact(&yaml)?;
    Ok(ExitCode::SUCCESS)
}
