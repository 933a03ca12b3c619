//! Texts of the merchant file with places for values: `${amount}`.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::base::Message;
use crate::scenario::codec::{Definitions, FromYaml, Json, Printed, YamlNode};

/// Names that mean the same in the whole file.
pub(super) const FIXED_NAMES: &[&str] = &[
    "gateway",
    "control",
    "merchant",
    "terminal",
    "privateKey",
    "publicKey",
    "gatewayPublicKey",
    "port",
    "shop",
    "data",
    "timeScale",
    "notiUrl",
    "successUrl",
    "failUrl",
    "cancelUrl",
];
/// Names of one order, for questions about it.
pub(super) const ORDER_NAMES: &[&str] = &["order", "shopOrder", "txId", "currency"];
/// Names of one step.
pub(super) const STEP_NAMES: &[&str] = &[
    "amount",
    "minor",
    "method",
    "trt",
    "clientId",
    "bindingId",
    "card",
    "cardExpiry",
    "cardCvv",
    "txIdSuffix",
    "scenarioHeader",
    "payDvCd",
    "buyerId",
    "sellerId",
];

/// Values by the names that stand for them in templates.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TemplateValues(BTreeMap<&'static str, String>);

impl TemplateValues {
    /// Gives a name its value. A name that no template can use is passed over.
    pub fn set(&mut self, name: &str, value: impl Into<String>) {
        if let Some(name) = all_names().find(|known| *known == name) {
            self.0.insert(name, value.into());
        }
    }

    /// The same where there is a value.
    pub fn set_some(&mut self, name: &str, value: Option<impl Into<String>>) {
        if let Some(value) = value {
            self.set(name, value);
        }
    }

    /// These values and `more`, which count before these.
    #[must_use]
    pub fn with(&self, more: &Self) -> Self {
        let mut all = self.clone();
        all.0.extend(more.0.iter().map(|(name, value)| (*name, value.clone())));
        all
    }

    /// The same names with changed values.
    #[must_use]
    pub fn map(&self, change: impl Fn(&str) -> String) -> Self {
        Self(self.0.iter().map(|(name, value)| (*name, change(value))).collect())
    }

    /// The value of a name.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }
}

fn all_names() -> impl Iterator<Item = &'static str> {
    [FIXED_NAMES, ORDER_NAMES, STEP_NAMES].into_iter().flatten().copied()
}

/// A name for which a template has no value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`${{{0}}}` has no value here")]
pub struct MissingValue(pub &'static str);

/// A text with places for values.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Template {
    source: String,
    parts: Vec<TemplatePart>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum TemplatePart {
    Text(String),
    Value { name: &'static str, is_number: bool },
}

impl Template {
    /// The text as it stands in the file.
    pub(super) fn source(&self) -> &str {
        &self.source
    }

    /// Reads a text; `Err` says what is wrong with it.
    fn parse(source: &str) -> Result<Self, Message> {
        let mut parts = Vec::new();
        let mut text = String::new();
        let mut rest = source;
        while let Some(at) = rest.find('$') {
            text.push_str(&rest[..at]);
            rest = &rest[at..];
            if let Some(after) = rest.strip_prefix("$${") {
                text.push_str("${");
                rest = after;
                continue;
            }
            let Some(inside) = rest.strip_prefix("${") else {
                text.push('$');
                rest = &rest[1..];
                continue;
            };
            let Some((named, after)) = inside.split_once('}') else {
                return Err(Message::new("`${` has no `}`").help("a literal `${` is written `$${`"));
            };
            let (word, is_number) = match named.split_once(':') {
                None => (named, false),
                Some((word, "number")) => (word, true),
                Some((_, other)) => return Err(Message::not_among("a form", other, &["number"])),
            };
            let names: Vec<&'static str> = all_names().collect();
            let Some(name) = names.iter().copied().find(|name| *name == word) else {
                let message = Message::not_among("a value", word, &names);
                return Err(message.help("a literal `${` is written `$${`"));
            };
            if !text.is_empty() {
                parts.push(TemplatePart::Text(std::mem::take(&mut text)));
            }
            parts.push(TemplatePart::Value { name, is_number });
            rest = after;
        }
        text.push_str(rest);
        if !text.is_empty() {
            parts.push(TemplatePart::Text(text));
        }
        Ok(Self { source: source.to_owned(), parts })
    }

    /// Reads a text that may be empty, in quotes: a variable or a header without a value is another thing than none.
    fn read_or_empty(node: YamlNode<'_>) -> Option<Self> {
        match node.scalar() {
            Some(("", false)) => Some(Self { source: String::new(), parts: Vec::new() }),
            Some(("" | "null" | "~", true)) => {
                node.refuse(
                    Message::new("there is no text here").help("an empty text is written \"\""),
                );
                None
            }
            _ => Self::read(node),
        }
    }

    /// Names of the values that it has places for.
    pub fn names(&self) -> impl Iterator<Item = &'static str> {
        self.parts.iter().filter_map(|part| match part {
            TemplatePart::Value { name, .. } => Some(*name),
            TemplatePart::Text(_) => None,
        })
    }

    /// The text with its values.
    pub fn fill(&self, values: &TemplateValues) -> Result<String, MissingValue> {
        let text = |part: &TemplatePart| match part {
            TemplatePart::Text(text) => Ok(text.clone()),
            TemplatePart::Value { name, .. } => {
                values.get(name).map(str::to_owned).ok_or(MissingValue(name))
            }
        };
        self.parts.iter().map(text).collect()
    }

    /// The same as JSON: a text, or a number where the template is nothing but `${name:number}`.
    fn to_json(&self, values: &TemplateValues) -> Result<Value, MissingValue> {
        let text = self.fill(values)?;
        let is_number = matches!(&*self.parts, [TemplatePart::Value { is_number: true, .. }]);
        let number = is_number.then(|| serde_json::from_str::<serde_json::Number>(&text).ok());
        Ok(number.flatten().map_or(Value::String(text), Value::Number))
    }
}

impl FromYaml for Template {
    fn read(node: YamlNode<'_>) -> Option<Self> {
        let text = String::read(node)?;
        Self::parse(&text).map_err(|message| node.refuse(message)).ok()
    }

    fn print(&self) -> Printed {
        self.source.print()
    }

    fn schema(definitions: &mut Definitions) -> Value {
        String::schema(definitions)
    }
}

/// Templates by the names of headers, variables or members.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TemplateMap(pub Vec<(String, Template)>);

impl TemplateMap {
    /// All entries whose templates have all their values.
    pub fn fill(&self, values: &TemplateValues) -> Vec<(String, String)> {
        let filled = self.0.iter().filter_map(|(name, template)| {
            template.fill(values).ok().map(|text| (name.clone(), text))
        });
        filled.collect()
    }

    /// Names of the values that its templates have places for.
    pub fn names(&self) -> impl Iterator<Item = &'static str> {
        self.0.iter().flat_map(|(_, template)| template.names())
    }
}

impl FromYaml for TemplateMap {
    fn read(node: YamlNode<'_>) -> Option<Self> {
        let entries = node.entries("a map of names and texts")?;
        let read: Vec<Option<(String, Template)>> = entries
            .into_iter()
            .map(|(name, _, value)| Some((name.to_owned(), Template::read_or_empty(value)?)))
            .collect();
        read.into_iter().collect::<Option<_>>().map(Self)
    }

    fn print(&self) -> Printed {
        let entries = self.0.iter().map(|(name, template)| (name.clone(), template.print()));
        Printed::Map(entries.collect())
    }

    fn schema(definitions: &mut Definitions) -> Value {
        let mut text = Template::schema(definitions);
        if let Some(text) = text.as_object_mut() {
            text.remove("minLength");
        }
        json!({ "type": "object", "additionalProperties": text })
    }

    fn absent() -> Option<Self> {
        Some(Self::default())
    }

    fn is_absent(&self) -> bool {
        self.0.is_empty()
    }
}

/// A JSON value in whose texts templates stand.
#[derive(Clone, Debug, PartialEq)]
pub enum JsonTemplate {
    /// A value without templates.
    Plain(Value),
    /// A text.
    Text(Template),
    /// A list.
    List(Vec<JsonTemplate>),
    /// An object.
    Object(Vec<(String, JsonTemplate)>),
}

impl JsonTemplate {
    /// The value. A member of a list or an object whose template has no value is left out; `None` where nothing is left.
    pub fn fill(&self, values: &TemplateValues) -> Option<Value> {
        match self {
            Self::Plain(value) => Some(value.clone()),
            Self::Text(template) => template.to_json(values).ok(),
            Self::List(items) => {
                Some(Value::Array(items.iter().filter_map(|item| item.fill(values)).collect()))
            }
            Self::Object(members) => {
                let filled = members
                    .iter()
                    .filter_map(|(name, member)| Some((name.clone(), member.fill(values)?)));
                Some(Value::Object(filled.collect()))
            }
        }
    }

    /// Names of the values that its templates have places for.
    pub fn names(&self) -> Vec<&'static str> {
        match self {
            Self::Plain(_) => Vec::new(),
            Self::Text(template) => template.names().collect(),
            Self::List(items) => items.iter().flat_map(Self::names).collect(),
            Self::Object(members) => members.iter().flat_map(|(_, it)| it.names()).collect(),
        }
    }
}

impl FromYaml for JsonTemplate {
    fn read(node: YamlNode<'_>) -> Option<Self> {
        if let Some(items) = node.list() {
            let read: Vec<Option<Self>> = items.into_iter().map(Self::read).collect();
            return read.into_iter().collect::<Option<_>>().map(Self::List);
        }
        if node.map().is_some() {
            let members = node.entries("a map")?;
            let read: Vec<Option<(String, Self)>> = members
                .into_iter()
                .map(|(name, _, value)| Some((name.to_owned(), Self::read(value)?)))
                .collect();
            return read.into_iter().collect::<Option<_>>().map(Self::Object);
        }
        match serde_json::from_str(&Json::read(node)?.0) {
            Ok(Value::String(text)) => match Template::parse(&text) {
                Ok(template) => Some(Self::Text(template)),
                Err(message) => {
                    node.refuse(message);
                    None
                }
            },
            Ok(value) => Some(Self::Plain(value)),
            Err(error) => {
                node.refuse(format!("cannot stand in JSON: {error}"));
                None
            }
        }
    }

    fn print(&self) -> Printed {
        match self {
            Self::Plain(value) => Printed::Literal(value.to_string()),
            Self::Text(template) => template.print(),
            Self::List(items) => Printed::List(items.iter().map(Self::print).collect()),
            Self::Object(members) => Printed::Map(
                members.iter().map(|(name, member)| (name.clone(), member.print())).collect(),
            ),
        }
    }

    fn schema(_: &mut Definitions) -> Value {
        json!({})
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values() -> TemplateValues {
        let mut values = TemplateValues::default();
        values.set("amount", "10.00");
        values.set("order", "first");
        values
    }

    #[test]
    fn texts_are_filled() {
        for (text, filled) in [
            ("plain", Ok("plain")),
            ("/orders/${order}?a=${amount}", Ok("/orders/first?a=10.00")),
            ("$5 and $${order}", Ok("$5 and ${order}")),
            ("${txId}", Err(MissingValue("txId"))),
        ] {
            let template = Template::parse(text).expect(text);
            let filled = filled.map(str::to_owned);
            assert_eq!(template.fill(&values()), filled, "{text}");
        }
        for wrong in ["${amont}", "${order", "${amount:int}", "${}"] {
            assert!(Template::parse(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn members_without_a_value_are_left_out() {
        let template = |text| JsonTemplate::Text(Template::parse(text).expect("a template"));
        let body = JsonTemplate::Object(vec![
            ("amount".to_owned(), template("${amount:number}")),
            ("text".to_owned(), template("${amount}")),
            ("gone".to_owned(), template("${clientId}")),
            ("list".to_owned(), JsonTemplate::List(vec![template("${txId}"), template("x")])),
            ("plain".to_owned(), JsonTemplate::Plain(json!(true))),
        ]);
        let filled = body.fill(&values()).expect("an object").to_string();
        assert_eq!(filled, r#"{"amount":10.0,"text":"10.00","list":["x"],"plain":true}"#);
    }
}
