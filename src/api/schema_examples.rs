//! Gives each schema of the OpenAPI document an example: the first value that the examples of the calls have for it.

use serde_json::{Map, Value, json};

use super::examples::EXAMPLES;

/// Notes `value` as the example of each schema that it, or a part of it, is described by.
pub(super) fn note(schemas: &mut Map<String, Value>, schema: &Value, value: &Value) {
    let mut found = Vec::new();
    walk(schemas, schema, value, &mut found);
    for (name, value) in found {
        if let Some(Value::Object(members)) = schemas.get_mut(&name) {
            members.entry("examples").or_insert_with(|| json!([value]));
        }
    }
}

/// Gives schemas that no call has shown an example of their own: from the list beside this file, the first of their
/// words, or what their members have.
pub(super) fn complete(schemas: &mut Map<String, Value>) {
    // A test looks at each of them, so they can be read.
    let own: Map<String, Value> =
        serde_json::from_str(EXAMPLES.text("schema_examples").unwrap_or_default())
            .unwrap_or_default();
    for (name, value) in &own {
        note(schemas, &json!({ "$ref": format!("#/components/schemas/{name}") }), value);
    }
    for schema in schemas.values_mut().filter_map(Value::as_object_mut) {
        let first = schema.get("enum").and_then(Value::as_array).and_then(|words| words.first());
        if let Some(first) = first.cloned() {
            schema.entry("examples").or_insert_with(|| json!([first]));
        }
    }
    let lacking: Vec<String> = schemas
        .iter()
        .filter(|(_, schema)| schema.get("examples").is_none())
        .map(|(name, _)| name.clone())
        .collect();
    for name in lacking {
        if let Some(whole) = composed(schemas, &schemas[&name]) {
            note(schemas, &json!({ "$ref": format!("#/components/schemas/{name}") }), &whole);
        }
    }
}

/// An object of the examples of its members, where each of them has one.
fn composed(schemas: &Map<String, Value>, schema: &Value) -> Option<Value> {
    let members = schema["properties"].as_object()?.iter();
    let members = members.map(|(name, member)| {
        let known = schemas.get(name_of(member)?)?["examples"].get(0)?;
        Some((name.clone(), known.clone()))
    });
    members.collect()
}

fn walk(
    schemas: &Map<String, Value>,
    schema: &Value,
    value: &Value,
    found: &mut Vec<(String, Value)>,
) {
    if let Some(name) = name_of(schema) {
        found.push((name.to_owned(), value.clone()));
        if let Some(named) = schemas.get(name) {
            walk(schemas, named, value, found);
        }
    }
    for word in ["anyOf", "oneOf"] {
        let choices = schema[word].as_array().into_iter().flatten();
        if let Some(choice) = choices.into_iter().find(|choice| fits(schemas, choice, value)) {
            walk(schemas, choice, value, found);
        }
    }
    for choice in schema["allOf"].as_array().into_iter().flatten() {
        walk(schemas, choice, value, found);
    }
    match value {
        Value::Array(items) => {
            for item in items {
                walk(schemas, &schema["items"], item, found);
            }
        }
        Value::Object(members) => {
            for (name, value) in members {
                let known = schema["properties"].get(name);
                walk(schemas, known.unwrap_or(&schema["additionalProperties"]), value, found);
            }
        }
        _ => {}
    }
}

fn name_of(schema: &Value) -> Option<&str> {
    schema["$ref"].as_str()?.rsplit('/').next()
}

/// Returns true if the schema may describe the value, as far as its outside tells.
fn fits(schemas: &Map<String, Value>, schema: &Value, value: &Value) -> bool {
    if let Some(named) = name_of(schema).and_then(|name| schemas.get(name)) {
        return fits(schemas, named, value);
    }
    let kind = match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(number) if number.is_f64() => "number",
        Value::Number(_) => "integer",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    };
    let is_kind = |wanted: &Value| wanted == kind || (wanted == "number" && kind == "integer");
    let has_kind = match &schema["type"] {
        Value::Null => true,
        Value::Array(kinds) => kinds.iter().any(is_kind),
        wanted => is_kind(wanted),
    };
    let is_word = match (&schema["const"], &schema["enum"]) {
        (Value::Null, Value::Array(words)) => words.contains(value),
        (Value::Null, _) => true,
        (word, _) => word == value,
    };
    let has_members = value.as_object().is_none_or(|members| {
        let required = schema["required"].as_array().into_iter().flatten();
        let has_all =
            required.into_iter().filter_map(Value::as_str).all(|it| members.contains_key(it));
        let is_closed = schema["additionalProperties"] == Value::Bool(false);
        has_all && (!is_closed || members.keys().all(|it| schema["properties"].get(it).is_some()))
    });
    has_kind && is_word && has_members
}
