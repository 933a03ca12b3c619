//! The scenario tutorial has an example of everything that the language has, as its schema tells.

use std::collections::BTreeSet;

use payon_sim::scenario::{Scenario, ScenarioFile};
use serde_json::Value;

use super::block::{Block, Mark};
use super::page;

const PAGE: &str = "docs/scenario-tutorial.md";

/// The place of a part of the schema: that of a count is the same wherever it stands.
fn shared<'a>(schema: &Value, place: &'a str) -> &'a str {
    let is_count = schema["properties"].as_object().is_some_and(|keys| {
        keys.len() == 2 && keys.contains_key("atLeast") && keys.contains_key("atMost")
    });
    if is_count { "Count" } else { place }
}

/// Adds each name of the language that `schema` allows: keys, and words that stand alone.
fn allowed(schema: &Value, place: &str, names: &mut BTreeSet<String>) {
    let place = shared(schema, place);
    for (key, inner) in schema["properties"].as_object().into_iter().flatten() {
        names.insert(format!("{place}.{key}"));
        allowed(inner, &format!("{place}.{key}"), names);
    }
    if let Some(word) = schema["const"].as_str() {
        names.insert(format!("{place}.{word}"));
    }
    for choice in schema["anyOf"].as_array().into_iter().flatten() {
        allowed(choice, place, names);
    }
}

/// Adds each name that `value` uses of what `schema` allows at its place.
fn used(root: &Value, schema: &Value, place: &str, value: &Value, names: &mut BTreeSet<String>) {
    if let Some(name) = schema["$ref"].as_str().and_then(|path| path.rsplit('/').next()) {
        return used(root, &root["$defs"][name], name, value, names);
    }
    let place = shared(schema, place);
    for choice in schema["anyOf"].as_array().into_iter().flatten() {
        used(root, choice, place, value, names);
    }
    match value {
        Value::String(word) if schema["const"] == *word => {
            names.insert(format!("{place}.{word}"));
        }
        Value::Array(items) => {
            for item in items {
                used(root, &schema["items"], place, item, names);
            }
        }
        Value::Object(members) => {
            for (key, inner) in members {
                let any = schema.get("additionalProperties").filter(|it| it.is_object());
                if let Some(any) = any {
                    used(root, any, place, inner, names);
                }
                if let Some(property) = schema["properties"].get(key) {
                    names.insert(format!("{place}.{key}"));
                    used(root, property, &format!("{place}.{key}"), inner, names);
                }
            }
        }
        _ => {}
    }
}

#[test]
fn everything_of_the_language_has_an_example() {
    let schema = Scenario::json_schema();
    let mut wanted = BTreeSet::new();
    for (name, part) in schema["$defs"].as_object().expect("definitions") {
        allowed(part, name, &mut wanted);
    }
    let mut shown = BTreeSet::new();
    for block in Block::all(PAGE, &page(PAGE)).expect("blocks") {
        let is_file = block.marks.iter().any(|mark| matches!(mark, Mark::File(_)));
        if block.language == "yaml" && is_file {
            let read = ScenarioFile::read("block", block.text.as_bytes()).expect("a scenario");
            used(
                &schema,
                &schema,
                "Scenario",
                &serde_json::json!(read.scenario.to_json()),
                &mut shown,
            );
        }
    }
    assert!(shown.len() > 100, "{shown:?}");
    let lacking: Vec<_> = wanted.difference(&shown).collect();
    assert!(lacking.is_empty(), "{PAGE} has no example of {lacking:#?}");
}
