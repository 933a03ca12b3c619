//! Lengths of time and moments.

use std::fmt;

use serde_json::{Value, json};

use crate::base::{Message, Millis};
use crate::scenario::codec::{Definitions, FromYaml, Printed, YamlNode};

/// A length of simulated time in milliseconds, written with its units: `80ms`, `2s`, `1m30s`, `10h`, `1d`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Period(pub u64);

/// The units, the largest first.
const UNITS: [(&str, u64); 5] =
    [("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1000), ("ms", 1)];
/// The longest period: ten years.
const PERIOD_MAX: u64 = 3650 * 86_400_000;

impl Period {
    /// Reads numbers, each with its unit.
    pub fn parse(text: &str) -> Option<Self> {
        let mut rest = text;
        let mut total: u64 = 0;
        while !rest.is_empty() {
            let digits = rest.find(|c: char| !c.is_ascii_digit())?;
            let number: u64 = rest[..digits].parse().ok()?;
            let unit_end = rest[digits..].find(|c: char| c.is_ascii_digit());
            let unit_end = unit_end.map_or(rest.len(), |end| digits + end);
            let (_, scale) =
                UNITS.into_iter().find(|(name, _)| *name == &rest[digits..unit_end])?;
            total = total.checked_add(number.checked_mul(scale)?)?;
            rest = &rest[unit_end..];
        }
        (!text.is_empty() && total <= PERIOD_MAX).then_some(Self(total))
    }

    /// The milliseconds.
    pub const fn ms(self) -> u64 {
        self.0
    }
}

impl fmt::Display for Period {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0 == 0 {
            return f.write_str("0s");
        }
        let mut rest = self.0;
        for (name, scale) in UNITS {
            if rest >= scale {
                write!(f, "{}{name}", rest / scale)?;
                rest %= scale;
            }
        }
        Ok(())
    }
}

fn wanted() -> Message {
    Message::new("must be a length of time with its unit")
        .help("such as 80ms, 2s, 1m30s, 10h, 1d; at most ten years")
}

impl FromYaml for Period {
    fn read(node: YamlNode<'_>) -> Option<Self> {
        let found = node.scalar().and_then(|(text, _)| Self::parse(text));
        if found.is_none() {
            node.refuse(wanted());
        }
        found
    }

    fn print(&self) -> Printed {
        Printed::Text(self.to_string())
    }

    fn schema(_: &mut Definitions) -> Value {
        json!({ "type": "string", "pattern": "^([0-9]+(ms|[smhd]))+$" })
    }
}

/// The word for the moment at which the rule was armed.
const NOW: &str = "now";

/// A moment on the space's clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TimePoint {
    /// So long after the rule was armed.
    Since(Period),
    /// A date and time.
    At(Millis),
}

impl TimePoint {
    /// Time at which it is, for a rule that was armed at `armed`.
    pub fn resolve(self, armed: Millis) -> Millis {
        match self {
            Self::Since(period) => armed.plus(i64::try_from(period.ms()).unwrap_or(i64::MAX)),
            Self::At(at) => at,
        }
    }
}

impl fmt::Display for TimePoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Since(period) => write!(f, "{period}"),
            Self::At(at) => f.write_str(&at.rfc3339()),
        }
    }
}

impl FromYaml for TimePoint {
    fn read(node: YamlNode<'_>) -> Option<Self> {
        let found = node.scalar().and_then(|(text, _)| {
            let text = if text == NOW { "0s" } else { text };
            let since = Period::parse(text).map(Self::Since);
            since.or_else(|| Millis::parse_rfc3339(text).map(Self::At))
        });
        if found.is_none() {
            let help = "counted from when the rule is armed; or `now`, or a date and time: 2026-01-31T23:59:00+07:00";
            node.refuse(wanted().help(help));
        }
        found
    }

    fn print(&self) -> Printed {
        Printed::Text(self.to_string())
    }

    fn schema(_: &mut Definitions) -> Value {
        json!({
            "type": "string",
            "description": "a length of time since the rule was armed, such as 30s; `now`, when it is armed; or a date and time",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn periods_are_read_and_printed() {
        for (text, ms) in
            [("80ms", 80), ("2s", 2000), ("1m30s", 90_000), ("0s", 0), ("10h", 36_000_000)]
        {
            assert_eq!(Period::parse(text), Some(Period(ms)));
            assert_eq!(Period(ms).to_string(), text);
        }
        for text in ["", "5", "s", "5 s", "-5s", "1.5s", "5sec", "99999999999999999999s", "3651d"] {
            assert_eq!(Period::parse(text), None, "{text}");
        }
    }
}
