//! Decoder and judge together: the answer of the control plane, and the same as text for a terminal.

use std::fmt;

use schemars::JsonSchema;
use serde::Serialize;

use super::decode::{Decoded, Tag, decode};
use super::judge::judge;
use super::problem::{KhqrFinding, quote};
use crate::base::Millis;

/// Content of a payload and its mistakes. `Display` prints both for people.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Inspection {
    /// True if nothing is wrong.
    pub valid: bool,
    /// All that is wrong, in the order of the string.
    pub findings: Vec<KhqrFinding>,
    /// Content of the payload.
    #[serde(flatten)]
    pub decoded: Decoded,
}

/// Reads and judges any text at the moment `now`.
pub fn inspect(text: &str, now: Millis) -> Inspection {
    let findings = judge(text, now);
    Inspection { valid: findings.is_empty(), findings, decoded: decode(text) }
}

impl fmt::Display for Inspection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for tag in &self.decoded.tags {
            print(tag, 0, f)?;
        }
        let Decoded { md5, crc, created, expires, .. } = &self.decoded;
        for (label, moment) in [("created", created), ("expires", expires)] {
            if let Some(moment) = moment {
                writeln!(f, "{label:<8} {}", moment.rfc3339())?;
            }
        }
        writeln!(f, "md5      {md5}")?;
        let verdict = if crc.ok { "right" } else { "wrong" };
        let given = crc.given.as_deref().map_or("none".into(), quote);
        writeln!(f, "crc      {given}, {verdict} (computed {})", crc.expected)?;
        if self.valid {
            return writeln!(f, "valid");
        }
        writeln!(f, "not valid:")?;
        for finding in &self.findings {
            let sdk = finding.sdk_code.map(|code| format!(", SDK {code}")).unwrap_or_default();
            writeln!(f, "  {}{sdk}: {}", finding.problem.name(), finding.message)?;
        }
        Ok(())
    }
}

/// One line a tag, templates with their insides below them. Values are quoted with what does not print escaped.
fn print(tag: &Tag, depth: usize, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let indent = depth * 3;
    let name = tag.name.unwrap_or("?");
    write!(f, "{:indent$}{} ", "", tag.tag)?;
    if tag.sub.is_empty() {
        return writeln!(f, "{name:<width$} {}", quote(&tag.value), width = 32 - indent);
    }
    writeln!(f, "{name}")?;
    tag.sub.iter().try_for_each(|inside| print(inside, depth + 1, f))
}
