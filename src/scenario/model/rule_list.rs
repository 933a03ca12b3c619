//! Rules on their own, in each form in which the control plane takes them.

use super::{Rule, Scenario};
use crate::base::Diagnostic;
use crate::scenario::codec::{FromYaml, YamlDocument, YamlNode};

/// Rules as somebody sent them.
#[derive(Debug)]
pub struct RuleList {
    /// The rules, in order. [`name_rules`] gives a name to those that have none.
    pub rules: Vec<Rule>,
    /// Parts of a whole scenario that only whoever runs it applies.
    pub left_out: Vec<&'static str>,
}

/// Parts of a scenario that change a run beside its rules.
const BESIDE_RULES: [&str; 4] = ["seed", "profile", "drive", "expect"];

impl RuleList {
    /// Reads a list of rules, a map with such a list under `rules`, as the control plane answers it, a whole scenario, or
    /// one rule alone; YAML or JSON.
    pub fn read(file: &str, bytes: &[u8]) -> Result<Self, Vec<Diagnostic>> {
        let doc = YamlDocument::parse(file, bytes);
        let list = doc.root().and_then(Self::of);
        let problems = doc.problems();
        list.filter(|_| problems.is_empty()).ok_or(problems)
    }

    fn of(root: YamlNode<'_>) -> Option<Self> {
        let has = |key: &str| root.member(key).is_some();
        let mut left_out = Vec::new();
        let rules = if has("version") || has("title") {
            left_out.extend(BESIDE_RULES.into_iter().filter(|key| has(key)));
            Scenario::read(root)?.rules
        } else if let Some(list) = root.member("rules") {
            items(list)?
        } else if root.map().is_some_and(|pairs| !pairs.is_empty()) {
            vec![item(root)?]
        } else {
            items(root)?
        };
        Some(Self { rules, left_out })
    }
}

fn items(list: YamlNode<'_>) -> Option<Vec<Rule>> {
    let Some(nodes) = list.list() else {
        list.expected("a list of rules, a map with `rules`, or a scenario");
        return None;
    };
    // All are read before one that fails ends it, so that every mistake is told.
    let read: Vec<Option<Rule>> = nodes.into_iter().map(item).collect();
    read.into_iter().collect()
}

/// A rule, or an entry of the control plane's answer, which holds the rule beside its counts.
fn item(node: YamlNode<'_>) -> Option<Rule> {
    let inner = node.member("rule").filter(|_| node.member("then").is_none());
    Rule::read(inner.unwrap_or(node))
}

/// Names the rules that have no id by their places in the list, from 1, leaving out names that are taken.
pub fn name_rules(rules: &mut [Rule], taken: &[&str]) {
    let given: Vec<String> = rules.iter().map(|rule| rule.id.clone()).collect();
    let mut made: Vec<String> = Vec::new();
    for (at, rule) in rules.iter_mut().enumerate().filter(|(_, rule)| rule.id.is_empty()) {
        let is_free = |name: &String| {
            !taken.contains(&name.as_str()) && !given.contains(name) && !made.contains(name)
        };
        // Among one more name than there are others, one is free.
        let last = at + 1 + taken.len() + given.len();
        let name = (at + 1..=last).map(|place| format!("rule-{place}")).find(is_free);
        rule.id = name.unwrap_or_default();
        made.push(rule.id.clone());
    }
}
