//! Changes of whole replies that an overlay brings: another shape, other headers, a latency. The built-in profile has none.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::base::{JsonTree, Operation, Seed, sort_by_key};

/// Replies that a change is for.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize,
)]
#[serde(rename_all = "lowercase")]
pub enum ReplyKind {
    /// All of them.
    #[default]
    Any,
    /// Those that say that the call was done.
    Success,
    /// Those that refuse it.
    Refusal,
}

impl ReplyKind {
    /// Its name in an overlay.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Any => "any",
            Self::Success => "success",
            Self::Refusal => "refusal",
        }
    }

    fn covers(self, is_success: bool) -> bool {
        match self {
            Self::Any => true,
            Self::Success => is_success,
            Self::Refusal => !is_success,
        }
    }
}

/// Forms that a value can be brought into.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ReplyForm {
    /// A number with all decimals of its currency.
    Fixed,
    /// A number in its shortest form.
    Shortest,
    /// A string of the same digits.
    Text,
    /// A number of the same digits.
    Number,
    /// `null`.
    Null,
}

/// Changes of the replies of some operations.
///
/// Names of members are those of `operations.toml`: a dot leads into an object, `[]` into each element of an array.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReplyChange {
    /// The operations; every one where none is named.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub on: Vec<Operation>,
    /// The replies.
    #[serde(default)]
    pub of: ReplyKind,
    /// Members that are left out.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub remove: Vec<String>,
    /// Members that are added, each with its value as JSON text.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub add: BTreeMap<String, String>,
    /// Forms that values are brought into, one after the other.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub form: BTreeMap<String, Vec<ReplyForm>>,
    /// Words that take the place of others.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub words: BTreeMap<String, BTreeMap<String, String>>,
    /// The order of an object's members, by the object's name; `""` is the reply itself. Others follow in their own order.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub order: BTreeMap<String, Vec<String>>,
    /// Headers in lower case; an empty value takes one away.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub headers: BTreeMap<String, String>,
    /// Latency as a histogram: up to so many milliseconds, so many times.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub latency: Vec<(u64, u32)>,
}

/// All changes of replies, in the order in which they are made.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ReplyChanges(pub Vec<ReplyChange>);

impl ReplyChanges {
    /// Returns true if no reply is changed.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn of(&self, operation: Operation, is_success: bool) -> impl Iterator<Item = &ReplyChange> {
        self.0.iter().filter(move |change| {
            (change.on.is_empty() || change.on.contains(&operation)) && change.of.covers(is_success)
        })
    }

    /// The body with all changes made; `None` where nothing changes, or where it is not JSON.
    pub fn body(&self, operation: Operation, is_success: bool, body: &[u8]) -> Option<Vec<u8>> {
        let mut changes = self.of(operation, is_success).filter(|change| change.changes_body());
        let first = changes.next()?;
        let mut tree = JsonTree::parse(body)?;
        for change in std::iter::once(first).chain(changes) {
            change.apply(&mut tree);
        }
        Some(tree.write())
    }

    /// Headers that are set, or taken away where the value is empty.
    pub fn headers(&self, operation: Operation, is_success: bool) -> BTreeMap<&str, &str> {
        let headers = self.of(operation, is_success).flat_map(|change| &change.headers);
        headers.map(|(name, value)| (name.as_str(), value.as_str())).collect()
    }

    /// The histogram of an operation's latency; empty where it answers at once.
    pub fn latency(&self, operation: Operation, is_success: bool) -> &[(u64, u32)] {
        let histograms = self.of(operation, is_success).map(|change| &*change.latency);
        histograms.filter(|histogram| !histogram.is_empty()).last().unwrap_or_default()
    }

    /// A latency of an operation in milliseconds, drawn by the seed and the number of the request.
    pub fn draw(&self, operation: Operation, is_success: bool, seed: Seed, request: u64) -> u64 {
        let histogram = self.latency(operation, is_success);
        let total: u64 = histogram.iter().map(|(_, count)| u64::from(*count)).sum();
        if total == 0 {
            return 0;
        }
        let drawn = seed.number(&[b"latency", &request.to_le_bytes()]);
        let (mut place, mut least) = (drawn % total, 0);
        for (up_to, count) in histogram {
            let count = u64::from(*count);
            if place < count {
                // Evenly between the bound before and this one.
                let width = up_to.saturating_sub(least);
                return least + width * (2 * place + 1) / (2 * count);
            }
            place -= count;
            least = *up_to;
        }
        least
    }

    /// The same changes without any latency.
    #[must_use]
    pub fn without_latency(&self) -> Self {
        let quick = |change: &ReplyChange| ReplyChange { latency: Vec::new(), ..change.clone() };
        Self(self.0.iter().map(quick).collect())
    }
}

impl ReplyChange {
    fn changes_body(&self) -> bool {
        !(self.remove.is_empty()
            && self.add.is_empty()
            && self.form.is_empty()
            && self.words.is_empty()
            && self.order.is_empty())
    }

    fn apply(&self, tree: &mut JsonTree) {
        for (path, words) in &self.words {
            each(tree, path, &mut |members, name| {
                let value = members.iter_mut().find(|(known, _)| known == name);
                if let Some((_, JsonTree::Text(word))) = value
                    && let Some(other) = words.get(word.as_str())
                {
                    word.clone_from(other);
                }
            });
        }
        for (path, forms) in &self.form {
            each(tree, path, &mut |members, name| {
                let decimals = decimals(members);
                if let Some((_, value)) = members.iter_mut().find(|(known, _)| known == name) {
                    for form in forms {
                        form.bring(value, decimals);
                    }
                }
            });
        }
        for path in &self.remove {
            each(tree, path, &mut |members, name| members.retain(|(known, _)| known != name));
        }
        for (path, json) in &self.add {
            let Some(value) = JsonTree::parse(json.as_bytes()) else { continue };
            each(tree, path, &mut |members, name| match members
                .iter_mut()
                .find(|(known, _)| known == name)
            {
                Some((_, known)) => known.clone_from(&value),
                None => members.push((name.to_owned(), value.clone())),
            });
        }
        for (path, names) in &self.order {
            let inside = if path.is_empty() { "*".to_owned() } else { format!("{path}.*") };
            each(tree, &inside, &mut |members, _| {
                let place = |name: &String| names.iter().position(|known| known == name);
                sort_by_key(members, |(name, _)| place(name).unwrap_or(names.len()));
            });
        }
    }
}

/// Decimals of the currency that an object names; two where it names none.
fn decimals(members: &[(String, JsonTree)]) -> usize {
    let is_riel = members.iter().any(|(name, value)| {
        matches!(name.as_str(), "currency" | "currencyCode") && value.text() == Some("KHR")
    });
    if is_riel { 0 } else { 2 }
}

impl ReplyForm {
    /// Brings a value into this form; an amount's currency has so many decimals. What cannot have it stays.
    pub fn bring(self, value: &mut JsonTree, decimals: usize) {
        let changed = match (self, &*value) {
            (Self::Null, _) => JsonTree::Null,
            (Self::Text, JsonTree::Number(digits)) => JsonTree::Text(digits.clone()),
            (Self::Number, JsonTree::Text(digits)) if is_decimal(digits) => {
                JsonTree::Number(digits.clone())
            }
            (Self::Fixed, JsonTree::Number(digits)) if is_decimal(digits) => {
                let (whole, part) = digits.split_once('.').unwrap_or((digits, ""));
                let kept = part.trim_end_matches('0').len().max(decimals);
                let part: String =
                    part.chars().chain("0".repeat(kept).chars()).take(kept).collect();
                let point = if part.is_empty() { "" } else { "." };
                JsonTree::Number([whole, point, &part].concat())
            }
            (Self::Shortest, JsonTree::Number(digits)) if is_decimal(digits) => {
                let (whole, part) = digits.split_once('.').unwrap_or((digits, ""));
                let part = part.trim_end_matches('0');
                let point = if part.is_empty() { "" } else { "." };
                JsonTree::Number([whole, point, part].concat())
            }
            _ => return,
        };
        *value = changed;
    }
}

/// Digits with at most one point between them.
fn is_decimal(text: &str) -> bool {
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let (whole, part) = text.split_once('.').unwrap_or((text, "0"));
    digits(whole) && digits(part)
}

/// Hands `act` every object that `path` leads into, with the last name of the path.
fn each(tree: &mut JsonTree, path: &str, act: &mut impl FnMut(&mut Vec<(String, JsonTree)>, &str)) {
    if let Some(rest) = path.strip_prefix("[].") {
        if let JsonTree::List(items) = tree {
            for item in items {
                each(item, rest, act);
            }
        }
        return;
    }
    let Some((first, rest)) = path.split_once('.') else {
        if let JsonTree::Object(members) = tree {
            act(members, path);
        }
        return;
    };
    let (name, is_list) = first.strip_suffix("[]").map_or((first, false), |name| (name, true));
    match tree.get_mut(name) {
        Some(JsonTree::List(items)) if is_list => {
            for item in items {
                each(item, rest, act);
            }
        }
        Some(inner) if !is_list => each(inner, rest, act),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn changed(body: &str, toml: &str) -> String {
        let change: ReplyChange = toml::from_str(toml).expect("a change");
        let body = ReplyChanges(vec![change])
            .body(Operation::Status, true, body.as_bytes())
            .expect("JSON");
        String::from_utf8(body).expect("text")
    }

    #[test]
    fn members_are_taken_away_added_and_ordered() {
        let body = r#"{"a":1,"d":{"x":"1","y":2.50,"currency":"USD"}}"#;
        let toml = r#"
            remove = ["a"]
            add = { "d.z" = '"new"', "n" = "1.0" }
            order = { "" = ["n"], "d" = ["y", "x"] }"#;
        assert_eq!(
            changed(body, toml),
            r#"{"n":1.0,"d":{"y":2.50,"x":"1","currency":"USD","z":"new"}}"#
        );
        assert_eq!(
            changed(r#"[{"l":[{"a":1,"b":2}]},{"l":null}]"#, "remove = [\"[].l[].a\"]"),
            r#"[{"l":[{"b":2}]},{"l":null}]"#
        );
    }

    #[test]
    fn values_take_their_forms_and_words() {
        let form = |value: &str, forms: &str| {
            changed(
                &format!(r#"{{"v":{value},"currency":"USD"}}"#),
                &format!("form = {{ v = {forms} }}"),
            )
            .trim_start_matches("{\"v\":")
            .split(",\"currency\"")
            .next()
            .expect("a value")
            .to_owned()
        };
        assert_eq!(form("2", r#"["fixed"]"#), "2.00");
        assert_eq!(form("2.5", r#"["fixed", "text"]"#), r#""2.50""#);
        assert_eq!(form("2.50", r#"["shortest"]"#), "2.5");
        assert_eq!(form(r#""2.00""#, r#"["number", "shortest"]"#), "2");
        assert_eq!(form(r#""x""#, r#"["number"]"#), r#""x""#);
        assert_eq!(form("2", r#"["null"]"#), "null");
        let riel = changed(r#"{"v":40000,"currency":"KHR"}"#, r#"form = { v = ["fixed"] }"#);
        assert!(riel.contains("40000,"), "{riel}");
        let word = changed(r#"{"w":"OLD"}"#, r#"words = { w = { OLD = "NEW" } }"#);
        assert_eq!(word, r#"{"w":"NEW"}"#);
    }

    #[test]
    fn a_latency_is_drawn_within_its_histogram() {
        let change = ReplyChange {
            on: vec![Operation::Refund],
            latency: vec![(10, 1), (30, 3)],
            ..ReplyChange::default()
        };
        let changes = ReplyChanges(vec![change]);
        let drawn = (0..400).map(|at| changes.draw(Operation::Refund, true, Seed(1), at));
        let drawn: Vec<u64> = drawn.collect();
        assert!(drawn.iter().all(|ms| (5..30).contains(ms)), "{drawn:?}");
        let quick = drawn.iter().filter(|ms| **ms <= 10).count();
        assert!((60..140).contains(&quick), "a quarter is quick: {quick} of 400");
        assert_eq!(changes.draw(Operation::Status, true, Seed(1), 1), 0);
        assert_eq!(changes.without_latency().draw(Operation::Refund, true, Seed(1), 1), 0);
    }
}
