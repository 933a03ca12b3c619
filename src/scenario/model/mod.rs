//! Model of a scenario file: one type for each part, declared once (see [`form`](super::form)).

mod condition;
mod drive;
mod effect;
mod expectation;
mod latency;
mod point;
mod probe;
mod pushback;
mod requirement;
mod rule_list;
#[cfg(test)]
pub(super) mod tests;

use std::collections::HashSet;

pub use crate::wire::Trt;
pub use condition::{AmountTest, CardTest, FieldTest, FieldTests, Scope, When, Window};
pub use drive::{
    AmountStep, Bind, Burst, DriveStep, Mistake, OrderStep, OtherOrders, Pay, QrCompletion,
    Register, Return, ReturnKind, Style, TriggerKind, TriggerStep,
};
pub use effect::{
    Busy, Commit, Effect, HttpStatus, Lines, Members, Patch, Rate, ServerStatus, Size, Transport,
    Truncate, TruncatedLength,
};
pub use expectation::{
    Belief, DeliveryExpectation, EventsExpectation, Expectation, ExpectedCause, ExpectedEvent,
    LedgerExpectation, OrderChoice, OrderEventKind, OrderExpectation, RequestExpectation,
    ShopExpectation, StatusClass, Subject,
};
pub use latency::{Bucket, Latency, LatencyStep, Lognormal, Uniform};
pub use point::Point;
pub use probe::{Probe, ProbeMethod, ProbeOrder, ProbeTarget};
pub use pushback::{Disorder, Pushback, Tampering};
pub use requirement::Requirement;
pub use rule_list::{RuleList, is_made_up, name_rules};

use super::codec::{FromYaml, YamlDocument, YamlNode, record};
use crate::base::{Diagnostic, JsonTree, Message};

record! {
    /// One scenario: what goes wrong, what the merchant does, what must be true afterwards.
    pub struct Scenario {
        /// The version of this format: 1.
        version: u32 = "version",
        /// Its short name, such as S014.
        id: String = "id",
        /// Its title.
        title: String = "title",
        /// Subject, where the title does not say it all.
        about: Option<String> = "about",
        /// Reason why it happens in production.
        why: Option<String> = "why",
        /// Behaviour of a correct merchant.
        correct: Option<String> = "correct",
        /// The bugs of a merchant that this scenario must catch.
        mistakes: Vec<Mistake> = "mistakes",
        /// Abilities that a shop needs beyond the steps of `drive`, which say it themselves. Where a shop is said to lack
        /// one of these (`run --without NAME`), the scenario is not applicable to it.
        requires: Vec<Requirement> = "requires",
        /// The seed of every choice; another run with the same seed gives the same run.
        seed: Option<u64> = "seed",
        /// Settings of the profile for this scenario, by their place in it: `rules.order_lifetime_ms: 60000`.
        profile: Vec<Override> = "profile",
        /// Faults. The first rule that fits a call decides it.
        rules: Vec<Rule> = "rules",
        /// Steps of the built-in merchant when no other is given.
        drive: Vec<DriveStep> = "drive",
        /// Facts that must hold afterwards.
        expect: Vec<Expectation> = "expect",
    }
    check check_scenario;
}

record! {
    /// One setting of the profile.
    pub struct Override {
        /// Its place, such as `rules.order_lifetime_ms`.
        key: String = "key",
        /// Its value for this scenario.
        value: super::codec::Json = "value",
    }
}

record! {
    /// Time at which something goes wrong, and what.
    pub struct Rule {
        /// Its name in the journal, in reports and in `expect`; `rule-` and its place in the list when absent.
        id: String = "id" else String::new(),
        /// Purpose.
        about: Option<String> = "about",
        /// Calls that it decides; every merchant's call to every operation when absent.
        when: When = "when",
        /// Effects, in this order.
        then: Option<Lines> = "then",
        /// One list of effects for each fitting call in turn; an empty list lets the call through, and so does the end.
        sequence: Option<Vec<Lines>> = "sequence",
        /// True if nothing is missing where it never steps in, since the client chooses by what it sends. Without this a
        /// run in which it never did counts as partly judged.
        optional: bool = "optional",
    }
    check check_rule;
}

fn check_scenario(scenario: &Scenario, node: YamlNode<'_>) -> Option<()> {
    let mut sound = true;
    if scenario.version != 1 {
        node.member("version").unwrap_or(node).refuse(
            Message::new(format!("version {} of the format is not known", scenario.version))
                .help("this build reads version 1"),
        );
        sound = false;
    }
    let mut seen = HashSet::new();
    let rules = node.member("rules").and_then(YamlNode::list).unwrap_or_default();
    for (rule, place) in scenario.rules.iter().zip(rules) {
        if !rule.id.is_empty() && !seen.insert(&rule.id) {
            let message = format!("the id `{}` is taken by an earlier rule", rule.id);
            place.member("id").unwrap_or(place).refuse(message);
            sound = false;
        }
    }
    let settings = node.member("profile").and_then(YamlNode::list).unwrap_or_default();
    for (at, (setting, place)) in scenario.profile.iter().zip(settings).enumerate() {
        if scenario.profile[..at].iter().any(|earlier| earlier.key == setting.key) {
            let message = format!("the setting `{}` stands here twice", setting.key);
            place.member("key").unwrap_or(place).refuse(message);
            sound = false;
        }
    }
    sound.then_some(())
}

fn check_rule(rule: &Rule, node: YamlNode<'_>) -> Option<()> {
    let wrong = match (&rule.then, &rule.sequence) {
        (Some(_), None) | (None, Some(_)) => return Some(()),
        (Some(_), Some(_)) => "a rule has either `then` or `sequence`, not both",
        (None, None) => "a rule needs `then` or `sequence`: what happens when it fits",
    };
    node.refuse(wrong);
    None
}

/// A scenario with the text it was read from, for messages about it.
#[derive(Debug)]
pub struct ScenarioFile {
    /// The scenario.
    pub scenario: Scenario,
    doc: YamlDocument,
}

impl ScenarioFile {
    /// Reads a scenario, YAML or JSON. `file` names it in messages. All mistakes are reported, in the order of the
    /// text.
    pub fn read(file: &str, bytes: &[u8]) -> Result<Self, Vec<Diagnostic>> {
        let doc = YamlDocument::parse(file, bytes);
        let scenario = doc.root().and_then(Scenario::read);
        let problems = doc.problems();
        match scenario {
            Some(mut scenario) if problems.is_empty() => {
                name_rules(&mut scenario.rules, []);
                Ok(Self { scenario, doc })
            }
            _ => Err(problems),
        }
    }

    /// Warnings of [`check`](super::check), each at its place in the text.
    pub fn warnings(&self) -> Vec<Diagnostic> {
        let warnings = super::check(&self.scenario);
        warnings.into_iter().map(|warning| self.place(warning)).collect()
    }

    /// Steps of [`check_order_names`](super::check_order_names), each at its place in the text.
    pub fn impossible_steps(&self) -> Vec<Diagnostic> {
        let steps = super::check_order_names(&self.scenario);
        steps.into_iter().map(|step| self.place(step)).collect()
    }

    fn place(&self, warning: super::Warning) -> Diagnostic {
        let span = self.doc.root().and_then(|root| {
            let item = root.member(warning.list)?.list()?.get(warning.item).copied()?;
            let mut found = item;
            for key in &warning.keys {
                let Some(next) = found.member(key) else { break };
                found = next;
            }
            Some(found.span())
        });
        self.doc.problem(span.unwrap_or(0..0), warning.message)
    }
}

impl Scenario {
    /// The key of its settings of the profile, where it has any: whoever only arms its rules leaves them out.
    pub fn settings(&self) -> Vec<&'static str> {
        if self.profile.is_empty() { Vec::new() } else { vec!["profile"] }
    }

    /// The scenario as YAML that reads as the same again.
    pub fn to_yaml(&self) -> String {
        self.print().to_yaml()
    }

    /// The scenario as JSON that reads as the same again.
    pub fn to_json(&self) -> JsonTree {
        self.print().to_json()
    }

    /// The JSON Schema of a scenario file (draft 2020-12).
    pub fn json_schema() -> serde_json::Value {
        let mut definitions = super::codec::Definitions::default();
        let root = Self::schema(&mut definitions);
        serde_json::json!({
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "title": "payon-sim scenario",
            "$ref": root["$ref"],
            "$defs": definitions.into_value(),
        })
    }
}

impl Rule {
    /// The rule as JSON that reads as the same again.
    pub fn to_json(&self) -> JsonTree {
        self.print().to_json()
    }
}

impl Expectation {
    /// The expectation as JSON that reads as the same again.
    pub fn to_json(&self) -> JsonTree {
        self.print().to_json()
    }
}

/// Rules on their own ([`RuleList::read`]), all of them named.
pub fn read_rules(file: &str, bytes: &[u8]) -> Result<Vec<Rule>, Vec<Diagnostic>> {
    let mut rules = RuleList::read(file, bytes)?.rules;
    name_rules(&mut rules, []);
    Ok(rules)
}

/// A list of expectations on its own, as the control plane takes them.
pub fn read_expectations(file: &str, bytes: &[u8]) -> Result<Vec<Expectation>, Vec<Diagnostic>> {
    read_alone(file, bytes)
}

fn read_alone<T: FromYaml>(file: &str, bytes: &[u8]) -> Result<T, Vec<Diagnostic>> {
    let doc = YamlDocument::parse(file, bytes);
    let value = doc.root().and_then(T::read);
    let problems = doc.problems();
    value.filter(|_| problems.is_empty()).ok_or(problems)
}
