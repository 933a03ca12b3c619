//! Lengths of time and moments.

use std::fmt;

use serde_json::{Value, json};

use crate::base::{Message, Millis, Period};
use crate::scenario::codec::{Definitions, FromYaml, Printed, YamlNode};

/// The longest period of a scenario: ten years.
const PERIOD_MAX: Period = Period(3650 * 86_400_000);

fn period(text: &str) -> Option<Period> {
    Period::parse(text).filter(|period| *period <= PERIOD_MAX)
}

fn wanted() -> Message {
    Message::new("must be a length of time with its unit")
        .help("such as 80ms, 2s, 1m30s, 10h, 1d; at most ten years")
}

impl FromYaml for Period {
    fn read(node: YamlNode<'_>) -> Option<Self> {
        let found = node.scalar().and_then(|(text, _)| period(text));
        if found.is_none() {
            node.refuse(wanted());
        }
        found
    }

    fn print(&self) -> Printed {
        Printed::Text(self.to_string())
    }

    fn schema(_: &mut Definitions) -> Value {
        json!({ "type": "string", "description": "a length of time: `80ms`, `2s`, `1m30s`, `1h 30m`, `PT10H`" })
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
            let since = period(text).map(Self::Since);
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
    fn a_period_has_ten_years_at_most() {
        assert_eq!(period("3650d"), Some(PERIOD_MAX));
        assert_eq!(period("3651d"), None);
    }
}
