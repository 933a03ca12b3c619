//! `payon-sim fault`: quick faults, each a rule that is armed at a running gateway and counts from now.

use std::process::ExitCode;

use anyhow::{Context as _, anyhow, ensure};
use clap::builder::PossibleValue;
use clap::{Args, Subcommand, ValueEnum};
use hyper::Method;
use serde_json::{Value, json};

use super::input::{period, point};
use super::rules::{self, warn};
use super::sentence::{items, member};
use super::table::table;
use super::talk::TalkArgs;
use crate::base::{Period, Reason};
use crate::profile::Profile;
use crate::scenario::{FAULTS, Fault, FaultWish, Point, UnfitSetting};

/// Fault to arm, its settings, and the calls that it is for.
#[derive(Args, Debug)]
#[command(
    args_conflicts_with_subcommands = true,
    subcommand_negates_reqs = true,
    after_help = "\
A fault is a rule before all others; arming it again replaces it. --for is time of the space's clock. PAYON's push-backs \
carry no signature, so wrong-signature is about the merchant's calls.

Examples:
  payon-sim fault down --for 30s
  payon-sim fault slow --by 3s --operation status
  payon-sim fault lose-answer --operation refund --times 1
  payon-sim fault duplicate --copies 3 --tx T1
  payon-sim fault decline --code 5051
  payon-sim fault --list
  payon-sim fault clear"
)]
pub(super) struct FaultArgs {
    #[command(subcommand)]
    verb: Option<FaultVerb>,
    /// Fault to arm
    #[arg(value_name = "FAULT", required_unless_present = "list")]
    kind: Option<FaultName>,
    /// List the faults, and say which are armed
    #[arg(long, conflicts_with = "kind")]
    list: bool,
    #[command(flatten)]
    settings: FaultSettings,
    #[command(flatten)]
    scope: FaultScope,
    #[command(flatten)]
    talk: TalkArgs,
}

/// Actions on faults that are armed.
#[derive(Subcommand, Debug)]
enum FaultVerb {
    /// List the faults, and say which are armed
    List(TalkArgs),
    /// Take a fault away, or all faults; rules that are no quick faults stay. Exit code 1 where one was named that is not armed
    Clear {
        /// The fault; all when left out
        #[arg(value_name = "FAULT")]
        kind: Option<FaultName>,
        #[command(flatten)]
        talk: TalkArgs,
    },
}

/// Settings of a fault. Each is for some of them only.
#[derive(Args, Debug)]
struct FaultSettings {
    /// Length of time: the delay of slow (3s) and late-pushback (10m), the time between duplicates (0s), Retry-After of busy (30s)
    #[arg(long, value_name = "DURATION", value_parser = period)]
    by: Option<Period>,
    /// Number of push-backs that duplicate sends (2)
    #[arg(long, value_name = "COUNT", value_parser = clap::value_parser!(u32).range(1..))]
    copies: Option<u32>,
    /// HTTP status of a proxy's page with which down answers, in place of broken connections
    #[arg(long, value_name = "500-599", value_parser = clap::value_parser!(u16).range(500..=599))]
    status: Option<u16>,
    /// Reason of decline (card.do-not-honour) and refuse (system.error), from `payon-sim profile reasons`
    #[arg(long, value_name = "NAME")]
    reason: Option<Reason>,
    /// The same by PAYON's code, such as 5051
    #[arg(long, value_name = "CODE", conflicts_with = "reason")]
    code: Option<String>,
}

/// The calls that a fault is for.
#[derive(Args, Debug)]
struct FaultScope {
    /// Take the fault away after so long, such as 30s or 5m
    #[arg(long = "for", value_name = "DURATION", value_parser = period)]
    lasting: Option<Period>,
    /// Only so many times
    #[arg(long, value_name = "COUNT", value_parser = clap::value_parser!(u32).range(1..))]
    times: Option<u32>,
    /// Only at this operation, or at pay, trigger, page, refused or connect; may be repeated
    #[arg(long = "operation", value_name = "OP", value_parser = point)]
    operations: Vec<Point>,
    /// Only for the order with this txId
    #[arg(long, value_name = "ID")]
    tx: Option<String>,
    /// Only for this merchant
    #[arg(long, value_name = "ID")]
    merchant: Option<String>,
}

/// A fault by its name.
#[derive(Clone, Copy)]
struct FaultName(&'static Fault);

/// The names, in the form in which clap wants them.
static NAMES: [FaultName; FAULTS.len()] = {
    let mut names = [FaultName(&FAULTS[0]); FAULTS.len()];
    let mut at = 0;
    while at < FAULTS.len() {
        names[at] = FaultName(&FAULTS[at]);
        at += 1;
    }
    names
};

impl std::fmt::Debug for FaultName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.0.name)
    }
}

impl ValueEnum for FaultName {
    fn value_variants<'a>() -> &'a [Self] {
        &NAMES
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        Some(PossibleValue::new(self.0.name).help(self.0.about))
    }
}

impl FaultSettings {
    /// The reason that was given, by its name or by its code.
    fn reason(&self) -> anyhow::Result<Option<Reason>> {
        let Some(code) = &self.code else { return Ok(self.reason) };
        let reasons = &Profile::builtin().reasons;
        let mut all = Reason::ALL.iter().copied();
        all.find(|reason| reasons.general(*reason).code == code).map(Some).with_context(|| {
            format!("no reason has the code {code:?}; payon-sim profile reasons lists them")
        })
    }
}

impl FaultArgs {
    /// The rule of a fault, as in a scenario file.
    fn rule(&self, kind: &'static Fault) -> anyhow::Result<Value> {
        let FaultSettings { by, copies, status, .. } = &self.settings;
        let FaultScope { lasting, times, operations, tx, merchant } = &self.scope;
        let wish = FaultWish {
            by: by.map(|period| period.to_string()),
            copies: *copies,
            status: *status,
            reason: self.settings.reason()?,
            lasting: lasting.map(|period| period.to_string()),
            times: *times,
            operations: operations.iter().map(|point| point.name().to_owned()).collect(),
            tx_id: tx.clone(),
            merchant_id: merchant.clone(),
        };
        kind.rule(&wish).map_err(|UnfitSetting { setting, fault }| {
            let mut takes: Vec<String> =
                fault.takes.iter().map(|name| format!("--{name}")).collect();
            if fault.takes.contains(&"reason") {
                takes.push("--code".to_owned());
            }
            let takes =
                if takes.is_empty() { "no such option".to_owned() } else { takes.join(", ") };
            let given =
                if self.settings.code.is_some() && setting == "reason" { "code" } else { setting };
            anyhow!("--{given} does not go with {}, which takes {takes}", fault.name)
        })
    }

    fn arm(&self, kind: &'static Fault) -> anyhow::Result<ExitCode> {
        let rule = self.rule(kind)?;
        let then = format!("{}", rule["then"]);
        let only = match rule["when"].as_object().filter(|when| !when.is_empty()) {
            Some(_) => format!(" where {}", rule["when"]),
            None => String::new(),
        };
        let rule = json!([rule]);
        if self.scope.operations.contains(&Point::Connect) {
            let space = match self.talk.gateway.get::<Value>("/_sim/v1/spaces/default")? {
                Ok(space) => space,
                Err(refused) => return Ok(refused),
            };
            // Nothing is known of a connection, so the control plane's own would be met as well.
            ensure!(
                space["baseUrl"] != space["controlUrl"],
                "--operation connect meets every connection to the gateway's port, those of this command as well, so that \
                 nothing could take the fault away; start the gateway with --control-port"
            );
        }
        let lasts = match (&self.scope.lasting, self.scope.times) {
            (Some(lasting), Some(times)) => {
                format!("for {lasting} from now, {} at most", so_often(times))
            }
            (Some(lasting), None) => format!("for {lasting} from now"),
            (None, Some(times)) => so_often(times),
            (None, None) => "until it is cleared".to_owned(),
        };
        self.talk.send(Method::POST, "/_sim/v1/scenarios", &rule, |answer| {
            warn(answer);
            let Fault { name, about, .. } = kind;
            format!(
                "{name}, {lasts}: {about}; {then}{only}\nto end it: payon-sim fault clear {name}\n"
            )
        })
    }
}

fn so_often(times: u32) -> String {
    if times == 1 { "once".to_owned() } else { format!("{times} times") }
}

/// Arms, lists or clears faults.
pub(super) fn run(args: &FaultArgs) -> anyhow::Result<ExitCode> {
    match (&args.verb, args.kind) {
        (Some(FaultVerb::Clear { kind, talk }), _) => clear(*kind, talk),
        (Some(FaultVerb::List(talk)), _) => list(talk),
        (None, Some(FaultName(kind))) => args.arm(kind),
        (None, None) => list(&args.talk),
    }
}

/// Lists every fault with the rule that is armed for it.
fn list(talk: &TalkArgs) -> anyhow::Result<ExitCode> {
    let answer: Value = match talk.gateway.get(rules::PATH)? {
        Ok(answer) => answer,
        Err(refused) => return Ok(refused),
    };
    let armed = items(&answer, "rules");
    let faults = FAULTS.iter().map(|fault| {
        let rule = armed.iter().find(|rule| rule["id"] == *fault.rule_id());
        json!({ "name": fault.name, "about": fault.about, "armed": rule })
    });
    talk.finish(Ok(json!({ "faults": faults.collect::<Vec<_>>() })), listed)
}

/// Every fault, and how it stands.
fn listed(answer: &Value) -> String {
    let rows: Vec<_> = items(answer, "faults")
        .iter()
        .map(|fault| {
            let rule = Some(&fault["armed"]).filter(|rule| !rule.is_null());
            let stands = rule.map_or("-".to_owned(), |rule| {
                if rule["over"] == true {
                    return "over".to_owned();
                }
                let lasting = match rule["rule"]["when"]["window"]["for"].as_str() {
                    Some(lasting) => format!("for {lasting} from {}", member(rule, "armedAt")),
                    None => format!("since {}", member(rule, "armedAt")),
                };
                format!("{lasting}, calls met: {}", member(rule, "fired"))
            });
            [member(fault, "name"), stands, member(fault, "about")]
        })
        .collect();
    table(["FAULT", "ARMED", "ABOUT"], &rows)
}

/// Takes faults away.
fn clear(kind: Option<FaultName>, talk: &TalkArgs) -> anyhow::Result<ExitCode> {
    let answer: Value = match talk.gateway.get(rules::PATH)? {
        Ok(answer) => answer,
        Err(refused) => return Ok(refused),
    };
    let is_meant = |id: &&str| match kind {
        Some(FaultName(kind)) => *id == kind.rule_id(),
        None => Fault::name_of_rule(id).is_some(),
    };
    let ids = items(&answer, "rules").iter().filter_map(|rule| rule["id"].as_str());
    let ids: Vec<String> = ids.filter(is_meant).map(str::to_owned).collect();
    match kind {
        Some(FaultName(kind)) if ids.is_empty() => {
            rules::taken_away(talk, kind.name, Ok(json!({ "removed": [] })))
        }
        None if ids.is_empty() => {
            talk.finish(Ok(json!({ "removed": [] })), |_| "no fault is armed\n".to_owned())
        }
        _ => rules::remove(talk, &ids),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::{RuleList, check_rules};

    fn args(line: &str) -> FaultArgs {
        let command = FaultArgs::augment_args(clap::Command::new("fault"));
        let words = std::iter::once("fault").chain(line.split(' '));
        let matches = command.try_get_matches_from(words).expect("good arguments");
        <FaultArgs as clap::FromArgMatches>::from_arg_matches(&matches).expect("good arguments")
    }

    fn rule(line: &str) -> Value {
        let args = args(line);
        args.rule(args.kind.expect("a fault").0).expect("a rule")
    }

    #[test]
    fn every_fault_is_a_rule_whose_effects_can_act() {
        for Fault { name, .. } in FAULTS {
            let rule = rule(&format!("{name} --for 30s --times 2")).to_string();
            let rules = RuleList::read(name, rule.as_bytes()).expect("a rule").rules;
            assert_eq!(check_rules(&rules), [], "{name}");
            assert_eq!(rules[0].id, format!("fault-{name}"));
        }
    }

    #[test]
    fn settings_are_those_that_were_given_or_the_faults_own() {
        let effects = |line: &str| rule(line)["then"].clone();
        assert_eq!(effects("slow"), json!([{ "latency": "3s" }]));
        assert_eq!(effects("slow --by 1m"), json!([{ "latency": "1m" }]));
        assert_eq!(effects("down --status 503"), json!([{ "transport": { "server-error": 503 } }]));
        assert_eq!(effects("decline"), json!([{ "reason": "card.do-not-honour" }]));
        assert_eq!(
            effects("decline --code 5051"),
            json!([{ "reason": "card.insufficient-funds" }])
        );
        let copies = json!([{ "pushback": { "copies": 3, "apart": "1h" } }]);
        assert_eq!(effects("duplicate --copies 3 --by 1h"), copies);
        let given = args("down --copies 3");
        let refused = given.rule(given.kind.expect("a fault").0).expect_err("refused").to_string();
        assert_eq!(refused, "--copies does not go with down, which takes --status");
        let given = args("decline --code 77");
        assert!(given.rule(given.kind.expect("a fault").0).is_err());
    }

    #[test]
    fn a_fault_is_for_the_calls_that_were_named() {
        let when = |line: &str| rule(line)["when"].clone();
        assert_eq!(when("down"), json!(null));
        assert_eq!(when("decline"), json!({ "operation": ["pay"] }));
        let line = "wrong-signature --operation refund --tx T1 --merchant M --for 30s --times 1";
        let expected = json!({
            "operation": ["refund"], "txId": "T1", "merchantId": "M",
            "window": { "from": "now", "for": "30s" }, "first": 1, "scope": "rule",
        });
        assert_eq!(when(line), expected);
    }
}
