//! `payon-sim rules`: the armed rules of a running gateway.

use std::process::ExitCode;

use clap::{Args, Subcommand};
use hyper::Method;
use serde_json::{Value, json};

use super::client::segment;
use super::exit;
use super::input::read_file_or_stdin;
use super::sentence::{items, member};
use super::table::table;
use super::talk::TalkArgs;
use super::visible::visible;

pub(super) const PATH: &str = "/_sim/v1/rules";

/// Actions on the rules that are armed, which say what goes wrong.
#[derive(Subcommand, Debug)]
#[command(after_help = "\
Rules are written as in a scenario file: a list, one rule, a whole scenario, or what `rules list --json` printed; YAML or \
JSON. An id is made up where a rule has none, and windows count from when the rule is armed. The first rule that fits a \
call decides it.

Examples:
  payon-sim rules put mine.yaml
  echo '{ when: { operation: refund }, then: [{ latency: 5s }] }' | payon-sim rules add -
  payon-sim rules clear")]
pub(super) enum RulesVerb {
    /// List the rules in the order in which they are asked, with how often each fitted and stepped in
    List(TalkArgs),
    /// Arm rules in place of all that are armed
    Put(GivenRules),
    /// Arm rules behind those that are armed
    Add(GivenRules),
    /// Take rules away by their ids
    Remove {
        /// Ids of the rules
        #[arg(value_name = "ID", required = true)]
        ids: Vec<String>,
        #[command(flatten)]
        talk: TalkArgs,
    },
    /// Take all rules away
    Clear(TalkArgs),
}

/// Rules in a file.
#[derive(Args, Debug)]
pub(super) struct GivenRules {
    /// A file of rules, or a scenario file; `-` is the standard input
    #[arg(value_name = "FILE")]
    file: String,
    #[command(flatten)]
    talk: TalkArgs,
}

/// Carries out the verb.
pub(super) fn run(verb: &RulesVerb) -> anyhow::Result<ExitCode> {
    match verb {
        RulesVerb::List(talk) => talk.get(PATH, listed),
        RulesVerb::Put(given) => given.arm(Method::PUT),
        RulesVerb::Add(given) => given.arm(Method::POST),
        RulesVerb::Remove { ids, talk } => remove(talk, ids),
        RulesVerb::Clear(talk) => {
            talk.send(Method::DELETE, PATH, &Value::Null, |_| "no rule is armed\n".to_owned())
        }
    }
}

/// Takes rules away one after the other, and says which, also where one cannot be taken away.
pub(super) fn remove(talk: &TalkArgs, ids: &[String]) -> anyhow::Result<ExitCode> {
    let (mut gone, mut ended) = (Vec::new(), None);
    for id in ids {
        let path = format!("{PATH}/{}", segment(id));
        match talk.gateway.call::<Value>(Method::DELETE, &path, String::new())? {
            Ok(_) => gone.push(id),
            Err(refused) => ended = Some(refused),
        }
    }
    let told = talk.finish(Ok(json!({ "removed": gone })), removed)?;
    Ok(ended.unwrap_or(told))
}

/// Prints what was taken away of something that was named: 1 where nothing of it was armed.
pub(super) fn taken_away(
    talk: &TalkArgs,
    named: &str,
    answer: Result<Value, ExitCode>,
) -> anyhow::Result<ExitCode> {
    let is_nothing = answer.as_ref().is_ok_and(|answer| items(answer, "removed").is_empty());
    let told = talk.finish(answer, removed)?;
    if is_nothing {
        exit::say(&format_args!("nothing was taken away: {named} is not armed"));
        return Ok(exit::failed());
    }
    Ok(told)
}

/// The rules that were taken away, a line each.
fn removed(answer: &Value) -> String {
    let removed = items(answer, "removed").iter().filter_map(Value::as_str);
    let lines: Vec<_> = removed.map(|id| format!("removed: {}\n", visible(id))).collect();
    lines.concat()
}

impl GivenRules {
    fn arm(&self, method: Method) -> anyhow::Result<ExitCode> {
        let text = String::from_utf8(read_file_or_stdin(&self.file, "rules")?)?;
        let talk = &self.talk;
        talk.finish(talk.gateway.call(method, PATH, text)?, armed)
    }
}

/// The armed rules as a table, after the warnings about them on stderr.
pub(super) fn armed(answer: &Value) -> String {
    warn(answer);
    listed(answer)
}

/// Says what is doubtful about rules that were armed.
pub(super) fn warn(answer: &Value) {
    for warning in items(answer, "warnings").iter().filter_map(Value::as_str) {
        exit::say(&format_args!("warning: {warning}"));
    }
}

/// The armed rules as a table.
fn listed(answer: &Value) -> String {
    let rules = items(answer, "rules");
    if rules.is_empty() {
        return "no rule is armed\n".to_owned();
    }
    let rows: Vec<_> = rules
        .iter()
        .map(|it| {
            let [id, fitted, fired, idle] =
                ["id", "matched", "fired", "matchedWithoutEffect"].map(|name| member(it, name));
            let [scenario, mut at] = ["scenario", "armedAt"].map(|name| member(it, name));
            if it["over"] == true {
                at.push_str(" (over)");
            }
            [id, fitted, fired, idle, scenario, at, written(&it["rule"])]
        })
        .collect();
    table(["ID", "FITTED", "FIRED", "IN VAIN", "SCENARIO", "ARMED AT", "RULE"], &rows)
}

/// A rule without its id, on one line.
fn written(rule: &Value) -> String {
    let mut rule = rule.clone();
    if let Some(members) = rule.as_object_mut() {
        members.remove("id");
        members.remove("about");
    }
    visible(&rule.to_string()).into_owned()
}
