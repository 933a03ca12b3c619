//! Beliefs of a shop about an order, read out of its answer.

use serde_json::Value;

use super::call::ShopAnswer;
use crate::scenario::{Belief, Decimal, JsonPointer, ShopQuestions};

/// Beliefs of a shop about one order. A part for which its file has no pointer is `None`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ShopBelief {
    /// State of the order.
    pub state: Option<Belief>,
    /// Number of times the goods were shipped.
    pub shipped: Option<u32>,
    /// True if that is a yes, which says not how often.
    pub is_yes: bool,
    /// Sum given back.
    pub returned: Option<Decimal>,
}

impl ShopBelief {
    /// Reads an answer; `Err` says what is wrong with it and what to do.
    pub(super) fn read(ask: &ShopQuestions, answer: &ShopAnswer) -> Result<Self, String> {
        if !answer.is_success() {
            return Err("the shop refuses to say what it believes".to_owned());
        }
        let Some(json) = &answer.json else { return Err("it is not JSON".to_owned()) };
        let state = ask.state.as_ref().map(|pointer| {
            let word = word(found("state", pointer, json)?);
            let word = word.ok_or_else(|| format!("`{pointer}` (ask.state) is not a word"))?;
            ask.words.belief(&word).ok_or_else(|| {
                let known = ask.words.known().join(", ");
                format!("`{word}` is none of the words in `ask.words` ({known}); add it there")
            })
        });
        let mut is_yes = false;
        let shipped = ask.shipped.as_ref().map(|pointer| {
            let value = found("shipped", pointer, json)?;
            is_yes = value == &Value::Bool(true);
            count(value).ok_or_else(|| format!("`{pointer}` (ask.shipped) is not a count"))
        });
        let returned = ask.returned.as_ref().map(|pointer| {
            decimal(found("returned", pointer, json)?)
                .ok_or_else(|| format!("`{pointer}` (ask.returned) is not a decimal"))
        });
        Ok(Self {
            state: state.transpose()?,
            shipped: shipped.transpose()?,
            is_yes,
            returned: returned.transpose()?,
        })
    }
}

fn found<'v>(key: &str, pointer: &JsonPointer, json: &'v Value) -> Result<&'v Value, String> {
    pointer.find(json).ok_or_else(|| format!("there is nothing at `{pointer}` (ask.{key})"))
}

fn word(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(flag) => Some(flag.to_string()),
        Value::Null => Some("null".to_owned()),
        Value::Array(_) | Value::Object(_) => None,
    }
}

fn count(value: &Value) -> Option<u32> {
    match value {
        Value::Null => Some(0),
        Value::Bool(flag) => Some(u32::from(*flag)),
        Value::Number(number) => u32::try_from(number.as_u64()?).ok(),
        Value::Array(items) => u32::try_from(items.len()).ok(),
        Value::String(text) => text.parse().ok(),
        Value::Object(_) => None,
    }
}

fn decimal(value: &Value) -> Option<Decimal> {
    match value {
        Value::Null => Some(Decimal(0)),
        Value::String(text) => Decimal::parse(text),
        // `4.0` stands for 4.00; no sum has more than two places.
        Value::Number(number) => Decimal::parse(&number.to_string()),
        _ => None,
    }
}
