//! Rules on their own, in each form in which the control plane takes them.

use std::collections::HashSet;

use super::{Rule, Scenario};
use crate::base::{Diagnostic, Message};
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

/// Keys of an armed rule in the control plane's answer.
const ENTRY: &[&str] = &[
    "id",
    "matched",
    "fired",
    "matchedWithoutEffect",
    "armedAt",
    "over",
    "scenario",
    "warnings",
    "rule",
];

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
            only(root, &["rules", "warnings"])?;
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
    match node.member("rule").filter(|_| node.member("then").is_none()) {
        Some(inner) => {
            only(node, ENTRY)?;
            Rule::read(inner)
        }
        None => Rule::read(node),
    }
}

/// Complains of keys of a map other than these.
fn only(node: YamlNode<'_>, keys: &[&str]) -> Option<()> {
    let mut sound = Some(());
    for (name, key, _) in node.entries("a map")? {
        if !keys.contains(&name) {
            key.refuse(Message::not_among("a key here", name, keys));
            sound = None;
        }
    }
    sound
}

/// Beginning of the ids of rules that have none of their own.
const MADE_UP: &str = "rule-";

/// Names the rules that have no id by their places in the list, from 1, leaving out names that are taken.
pub fn name_rules<'t>(rules: &mut [Rule], taken: impl IntoIterator<Item = &'t str>) {
    let given = rules.iter().map(|rule| rule.id.clone());
    let mut known: HashSet<String> = taken.into_iter().map(str::to_owned).chain(given).collect();
    for (at, rule) in rules.iter_mut().enumerate().filter(|(_, rule)| rule.id.is_empty()) {
        // Among one more name than there are others, one is free.
        let mut names = (at + 1..=at + 1 + known.len()).map(|place| format!("{MADE_UP}{place}"));
        rule.id = names.find(|name| !known.contains(name)).unwrap_or_default();
        known.insert(rule.id.clone());
    }
}

/// Returns true if an id is one that [`name_rules`] makes. Another rule of that id is another rule.
pub fn is_made_up(id: &str) -> bool {
    let place = id.strip_prefix(MADE_UP).unwrap_or_default();
    !place.is_empty() && place.bytes().all(|byte| byte.is_ascii_digit())
}
