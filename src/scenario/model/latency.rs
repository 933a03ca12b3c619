//! `latency`: how long an answer takes.

use serde_json::json;

use crate::base::{Message, Period};
use crate::scenario::codec::{Definitions, FromYaml, Printed, TimePoint, YamlNode, record};

/// A distribution of times.
#[derive(Clone, Debug, PartialEq)]
pub enum Latency {
    /// Always the same.
    Fixed(Period),
    /// Anything between two bounds alike.
    Uniform(Uniform),
    /// Lognormal, as answer times of real gateways are.
    Lognormal(Lognormal),
    /// Another distribution from each moment on.
    Steps(Vec<LatencyStep>),
    /// As it was recorded.
    Histogram(Vec<Bucket>),
}

record! {
    /// Anything between two bounds alike.
    pub struct Uniform {
        /// The least.
        min: Period = "min",
        /// The most.
        max: Period = "max",
    }
    check |uniform, node| ordered(node, uniform.min <= uniform.max, "`min` is more than `max`");
}

record! {
    /// Lognormal: half of the times are below the median, 99 of 100 below `p99`.
    pub struct Lognormal {
        /// The middle.
        median: Period = "median",
        /// Value that 99 of 100 stay below.
        p99: Period = "p99",
        /// No time is longer than this.
        cap: Option<Period> = "cap",
    }
    check |lognormal, node| {
        let Lognormal { median, p99, cap } = *lognormal;
        if median.ms() == 0 {
            node.refuse("`median` must be more than 0");
            return None;
        }
        ordered(node, median <= p99, "`median` is more than `p99`")?;
        ordered(node, cap.is_none_or(|cap| median <= cap), "`median` is more than `cap`")
    };
}

record! {
    /// A latency from a moment on.
    pub struct LatencyStep {
        /// From when: a length of time since the rule was armed, `now`, or a date and time.
        from: TimePoint = "from",
        /// The latency from then on.
        latency: Latency = "latency",
    }
}

record! {
    /// So many recorded times up to a bound; they lie evenly between the bound before and this one.
    pub struct Bucket {
        /// The upper bound.
        up_to: Period = "upTo",
        /// Number of recorded push-backs.
        count: u32 = "count",
    }
}

fn ordered(node: YamlNode<'_>, is_ordered: bool, otherwise: &str) -> Option<()> {
    if !is_ordered {
        node.refuse(otherwise);
    }
    is_ordered.then_some(())
}

/// The forms, by the key that tells them apart.
const FORMS: &str = "80ms · { min, max } · { median, p99, cap } · { steps } · { histogram }";

impl Latency {
    /// Returns true if it is no time at all, whatever chance chooses.
    pub(in crate::scenario) fn is_none(&self) -> bool {
        match self {
            Self::Fixed(period) => period.ms() == 0,
            Self::Uniform(uniform) => uniform.max.ms() == 0,
            Self::Lognormal(_) => false,
            Self::Steps(steps) => steps.iter().all(|step| step.latency.is_none()),
            Self::Histogram(buckets) => {
                buckets.iter().all(|bucket| bucket.count == 0 || bucket.up_to.ms() == 0)
            }
        }
    }
}

impl FromYaml for Latency {
    fn read(node: YamlNode<'_>) -> Option<Self> {
        if node.scalar().is_some() {
            return Period::read(node).map(Self::Fixed);
        }
        let has = |key: &str| node.member(key).is_some();
        if has("min") || has("max") {
            Uniform::read(node).map(Self::Uniform)
        } else if has("median") || has("p99") {
            Lognormal::read(node).map(Self::Lognormal)
        } else if let Some(steps) = node.member("steps") {
            only(node, "steps")?;
            let read: Vec<LatencyStep> = FromYaml::read(steps)?;
            in_order(steps, !read.is_empty())?;
            Some(Self::Steps(read))
        } else if let Some(histogram) = node.member("histogram") {
            only(node, "histogram")?;
            let read: Vec<Bucket> = FromYaml::read(histogram)?;
            let rising = read.windows(2).all(|pair| pair[0].up_to < pair[1].up_to);
            in_order(histogram, rising && read.iter().any(|bucket| bucket.count > 0))?;
            Some(Self::Histogram(read))
        } else {
            node.refuse(Message::new("not a latency").help(format!("it is one of: {FORMS}")));
            None
        }
    }

    fn print(&self) -> Printed {
        match self {
            Self::Fixed(period) => period.print(),
            Self::Uniform(uniform) => uniform.print(),
            Self::Lognormal(lognormal) => lognormal.print(),
            Self::Steps(steps) => Printed::tagged("steps", steps.print()),
            Self::Histogram(buckets) => Printed::tagged("histogram", buckets.print()),
        }
    }

    fn schema(definitions: &mut Definitions) -> serde_json::Value {
        definitions.define("Latency", |definitions| {
            let list = |key: &str, items: serde_json::Value| {
                json!({
                    "type": "object",
                    "properties": { key: { "type": "array", "items": items, "minItems": 1 } },
                    "required": [key],
                    "additionalProperties": false,
                })
            };
            json!({
                "description": format!("How long: {FORMS}"),
                "anyOf": [
                    Period::schema(definitions),
                    Uniform::schema(definitions),
                    Lognormal::schema(definitions),
                    list("steps", LatencyStep::schema(definitions)),
                    list("histogram", Bucket::schema(definitions)),
                ],
            })
        })
    }
}

fn only(node: YamlNode<'_>, key: &str) -> Option<()> {
    let mut sound = Some(());
    for (name, place, _) in node.entries("a latency")? {
        if name != key {
            place.refuse(format!("`{name}` does not go with `{key}`"));
            sound = None;
        }
    }
    sound
}

fn in_order(node: YamlNode<'_>, sound: bool) -> Option<()> {
    ordered(node, sound, "must not be empty, and its bounds must rise")
}
