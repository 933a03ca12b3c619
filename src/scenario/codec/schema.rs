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

/// Makes the schema of a type.
type MakeSchema = fn(&mut Definitions) -> Value;

/// A key of a map.
pub(in crate::scenario) struct SchemaKey {
    pub(in crate::scenario) name: &'static str,
    pub(in crate::scenario) about: &'static str,
    pub(in crate::scenario) schema: MakeSchema,
    pub(in crate::scenario) is_required: fn() -> bool,
}

/// One of several things.
pub(in crate::scenario) struct SchemaChoice {
    pub(in crate::scenario) name: &'static str,
    pub(in crate::scenario) about: &'static str,
    /// Schema of its settings, and if they may be left out; `None`: it has none.
    pub(in crate::scenario) settings: Option<(MakeSchema, fn() -> bool)>,
}

/// The schema of a map.
pub(in crate::scenario) fn object(
    definitions: &mut Definitions,
    about: &str,
    keys: &[SchemaKey],
) -> Value {
    let property =
        |key: &SchemaKey| (key.name.to_owned(), described(key.about, (key.schema)(definitions)));
    let properties: Map<String, Value> = keys.iter().map(property).collect();
    let required: Vec<&str> =
        keys.iter().filter(|key| (key.is_required)()).map(|key| key.name).collect();
    json!({
        "description": about.trim(),
        "type": "object",
        "properties": properties,
        "required": required,
        "additionalProperties": false,
    })
}

/// The schema of one of several things.
pub(in crate::scenario) fn any_of(
    definitions: &mut Definitions,
    about: &str,
    choices: &[SchemaChoice],
) -> Value {
    let one = |choice: &SchemaChoice| {
        let Some((schema, may_be_absent)) = choice.settings else {
            return json!({ "const": choice.name, "description": choice.about.trim() });
        };
        let map = json!({
            "type": "object",
            "properties": { choice.name: described(choice.about, schema(definitions)) },
            "required": [choice.name],
            "additionalProperties": false,
        });
        if may_be_absent() { json!({ "anyOf": [map, { "const": choice.name }] }) } else { map }
    };
    let any: Vec<Value> = choices.iter().map(one).collect();
    json!({ "description": about.trim(), "anyOf": any })
}

/// The schema of a closed set of names. One that is a number may stand without quotes.
pub(in crate::scenario) fn names<'n>(names: impl Iterator<Item = &'n str>) -> Value {
    let number = |name: &str| name.parse::<u64>().ok().map(Value::from);
    let allowed: Vec<Value> =
        names.flat_map(|name| std::iter::once(Value::from(name)).chain(number(name))).collect();
    json!({ "enum": allowed })
}

/// A schema with a description.
fn described(about: &str, mut schema: Value) -> Value {
    if let Some(members) = schema.as_object_mut() {
        members.insert("description".to_owned(), json!(about.trim()));
    }
    schema
}
