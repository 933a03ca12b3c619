//! Counts that are asked for.

use std::fmt;

use serde_json::{Value, json};

use crate::base::Message;
use crate::scenario::codec::{Definitions, FromYaml, Printed, YamlNode};

/// A range of counts: `once`, `never`, `3`, `{ atLeast: 1, atMost: 2 }`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Times {
    /// The fewest.
    pub least: u32,
    /// The most; `None` for no limit.
    pub most: Option<u32>,
}

/// Counts with a name.
const WORDS: [(&str, u32); 3] = [("never", 0), ("once", 1), ("twice", 2)];

impl Times {
    /// Exactly so often.
    pub const fn exactly(count: u32) -> Self {
        Self { least: count, most: Some(count) }
    }

    /// At least so often.
    pub const fn at_least(count: u32) -> Self {
        Self { least: count, most: None }
    }

    /// From the three keys of an expectation; `None` when none of them stands there.
    pub fn from_keys(
        exactly: Option<u32>,
        at_least: Option<u32>,
        at_most: Option<u32>,
    ) -> Option<Self> {
        match (exactly, at_least, at_most) {
            (Some(count), ..) => Some(Self::exactly(count)),
            (None, None, None) => None,
            (None, least, most) => Some(Self { least: least.unwrap_or(0), most }),
        }
    }

    /// Message about a range that every count is within.
    pub(in crate::scenario) fn any_number() -> Message {
        Message::new("at least none: every run meets this").help("leave it out, or ask for more")
    }

    /// Returns true if `count` is within.
    pub fn fits(self, count: usize) -> bool {
        count >= self.least as usize && self.most.is_none_or(|most| count <= most as usize)
    }

    /// Returns true if no count is within.
    pub fn is_empty(self) -> bool {
        self.most.is_some_and(|most| most < self.least)
    }
}

impl fmt::Display for Times {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.least, self.most) {
            (least, Some(most)) if least == most => {
                match WORDS.iter().find(|(_, count)| *count == least) {
                    Some((word, _)) => f.write_str(word),
                    None => write!(f, "{least} times"),
                }
            }
            (least, None) => write!(f, "at least {least}×"),
            (0, Some(most)) => write!(f, "at most {most}×"),
            (least, Some(most)) => write!(f, "{least} to {most}×"),
        }
    }
}

impl FromYaml for Times {
    fn read(node: YamlNode<'_>) -> Option<Self> {
        let Some((text, _)) = node.scalar() else {
            let mut table = node.table("once, never, a number or { atLeast, atMost }")?;
            let least: Option<Option<u32>> = table.take("atLeast");
            let most: Option<Option<u32>> = table.take("atMost");
            table.finish();
            let times = Self::from_keys(None, least?, most?);
            match times {
                None => node.refuse("must have `atLeast`, `atMost` or both"),
                Some(Self { least: 0, most: None }) => {
                    node.refuse(Self::any_number());
                    return None;
                }
                Some(_) => {}
            }
            return times;
        };
        let word = WORDS.iter().find(|(word, _)| *word == text).map(|(_, count)| *count);
        let found =
            word.or_else(|| text.parse().ok().filter(|_| text.bytes().all(|b| b.is_ascii_digit())));
        if found.is_none() {
            node.refuse(
                Message::new("must be never, once, twice or a whole number")
                    .help("or a range: { atLeast: 1, atMost: 3 }"),
            );
        }
        found.map(Self::exactly)
    }

    fn print(&self) -> Printed {
        let number = |count: u32| Printed::Literal(count.to_string());
        match (self.least, self.most) {
            (least, Some(most)) if least == most => number(least),
            (least, most) => {
                let most = most.map(|most| ("atMost".to_owned(), number(most)));
                let least = ("atLeast".to_owned(), number(least));
                Printed::Map(std::iter::once(least).chain(most).collect())
            }
        }
    }

    fn schema(_: &mut Definitions) -> Value {
        let count = json!({ "type": "integer", "minimum": 0, "maximum": u32::MAX });
        json!({ "anyOf": [
            { "enum": WORDS.map(|(word, _)| word) },
            count,
            {
                "type": "object",
                "properties": { "atLeast": count, "atMost": count },
                "minProperties": 1,
                "additionalProperties": false,
            },
        ] })
    }
}
