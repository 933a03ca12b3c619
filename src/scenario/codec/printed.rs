//! Writing YAML: block style, keys in order, quotes only where a plain word could be taken for something else.

use std::fmt::Write;

use super::is_number;
use crate::base::JsonTree;

/// A value ready to be written.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::scenario) enum Printed {
    /// Written as it is: a number, `true`, `null`, or a line of JSON.
    Literal(String),
    /// A text.
    Text(String),
    /// A list.
    List(Vec<Printed>),
    /// A map in order.
    Map(Vec<(String, Printed)>),
}

impl Printed {
    /// A map of one key.
    pub(in crate::scenario) fn tagged(key: &str, value: Self) -> Self {
        Self::Map(vec![(key.to_owned(), value)])
    }

    /// The same as JSON, in which a number keeps its digits.
    pub(in crate::scenario) fn to_json(&self) -> JsonTree {
        match self {
            Self::Literal(literal) => JsonTree::parse(literal.as_bytes())
                .unwrap_or_else(|| JsonTree::Text(literal.clone())),
            Self::Text(text) => JsonTree::Text(text.clone()),
            Self::List(items) => JsonTree::List(items.iter().map(Self::to_json).collect()),
            Self::Map(entries) => JsonTree::Object(
                entries.iter().map(|(key, value)| (key.clone(), value.to_json())).collect(),
            ),
        }
    }

    /// The YAML text.
    pub(in crate::scenario) fn to_yaml(&self) -> String {
        let mut out = String::new();
        self.write(&mut out, 0);
        out.trim_start_matches('\n').to_owned()
    }

    /// Writes the value after a key or a dash, at `depth` levels of indentation.
    fn write(&self, out: &mut String, depth: usize) {
        let indent = "  ".repeat(depth);
        match self {
            Self::Literal(literal) => line(out, literal),
            Self::Text(text) => line(out, &scalar(text)),
            Self::List(items) if items.is_empty() => line(out, "[]"),
            Self::Map(entries) if entries.is_empty() => line(out, "{}"),
            Self::List(items) => {
                out.push('\n');
                for item in items {
                    let _ = write!(out, "{indent}-");
                    item.write_item(out, depth + 1);
                }
            }
            Self::Map(entries) => {
                out.push('\n');
                for (key, value) in entries {
                    let _ = write!(out, "{indent}{}:", scalar(key));
                    value.write(out, depth + 1);
                }
            }
        }
    }

    /// Writes the value after a dash; the first key of a map stands on the line of the dash.
    fn write_item(&self, out: &mut String, depth: usize) {
        let mut own = String::new();
        self.write(&mut own, depth);
        match self {
            Self::Map(entries) if !entries.is_empty() => {
                let _ = write!(out, " {}", own.trim_start_matches('\n').trim_start_matches(' '));
            }
            _ => out.push_str(&own),
        }
    }
}

fn line(out: &mut String, text: &str) {
    let _ = writeln!(out, " {text}");
}

/// A text as a YAML scalar.
fn scalar(text: &str) -> String {
    let is_plain = text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || "-_./ ,()'".contains(c))
        && !text.ends_with(' ')
        && !is_number(text)
        && !["true", "false", "null", "yes", "no", "on", "off"]
            .contains(&text.to_ascii_lowercase().as_str());
    let is_duration = text.len() < 12
        && text.starts_with(|c: char| c.is_ascii_digit())
        && text.ends_with(|c: char| c.is_ascii_alphabetic())
        && text.chars().all(|c| c.is_ascii_alphanumeric())
        && !text.starts_with("0x")
        && !text.starts_with("0o");
    if is_plain || is_duration { text.to_owned() } else { quoted(text) }
}

/// A text in double quotes, with the escapes that JSON and YAML share.
fn quoted(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            c if (c.is_control()
                || ('\u{2028}'..='\u{2029}').contains(&c)
                || matches!(c, '\u{feff}' | '\u{fffe}'..='\u{ffff}'))
                && (c as u32) < 0x1_0000 =>
            {
                let _ = write!(out, "\\u{:04x}", c as u32);
            }
            c => out.push(c),
        }
    }
    out.push('"');
    out
}
