//! Building blocks of the JSON Schema.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

/// The named schemas that a document refers to.
#[derive(Debug, Default)]
pub(in crate::scenario) struct Definitions(BTreeMap<String, Value>);

impl Definitions {
    /// Defines `name` once; gives the reference to it.
    pub(in crate::scenario) fn define(
        &mut self,
        name: &str,
        make: impl FnOnce(&mut Self) -> Value,
    ) -> Value {
        if !self.0.contains_key(name) {
            // A definition may refer to itself.
            self.0.insert(name.to_owned(), Value::Null);
            let made = make(self);
            self.0.insert(name.to_owned(), made);
        }
        json!({ "$ref": format!("#/$defs/{name}") })
    }

    /// All of them, by name.
    pub(in crate::scenario) fn into_value(self) -> Value {
        Value::Object(self.0.into_iter().collect())
    }
}

/// The schema of a map: its description, and for each key a description, a schema and whether it must be there.
pub(in crate::scenario) fn object(about: &str, keys: Vec<(&str, &str, Value, bool)>) -> Value {
    let required: Vec<&str> = keys.iter().filter(|key| key.3).map(|key| key.0).collect();
    let properties: Map<String, Value> = keys
        .iter()
        .map(|(name, doc, schema, _)| ((*name).to_owned(), described(doc, schema.clone())))
        .collect();
    json!({
        "description": about.trim(),
        "type": "object",
        "properties": properties,
        "required": required,
        "additionalProperties": false,
    })
}

/// The schema of a closed set of names. One that is a number may stand without quotes.
pub(in crate::scenario) fn names<'n>(names: impl Iterator<Item = &'n str>) -> Value {
    let number = |name: &str| name.parse::<u64>().ok().map(Value::from);
    let allowed: Vec<Value> =
        names.flat_map(|name| std::iter::once(Value::from(name)).chain(number(name))).collect();
    json!({ "enum": allowed })
}

/// A schema with a description.
pub(in crate::scenario) fn described(about: &str, mut schema: Value) -> Value {
    if let Some(members) = schema.as_object_mut() {
        members.insert("description".to_owned(), json!(about.trim()));
    }
    schema
}
