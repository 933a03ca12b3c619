//! `docs/control-api.md` and the examples of the calls; `docs/calls.md`.

use serde_json::{Value, json};

use super::page;
use crate::binary::run;

fn document() -> Value {
    serde_json::from_str(&run(&["openapi"]).ok()).expect("JSON")
}

#[test]
fn the_page_is_what_the_calls_say() {
    let made = run(&["openapi", "--markdown"]).ok();
    let kept = page("docs/control-api.md");
    assert!(made == kept, "run: payon-sim openapi --markdown > docs/control-api.md");
}

#[test]
fn the_page_of_payons_calls_is_what_the_profile_says() {
    let made = run(&["openapi", "--payon", "--markdown"]).ok();
    let kept = page("docs/calls.md");
    assert!(made == kept, "run: payon-sim openapi --payon --markdown > docs/calls.md");
    let document: Value = serde_json::from_str(&run(&["openapi", "--payon"]).ok()).expect("JSON");
    for path in document["paths"].as_object().unwrap().keys() {
        assert!(
            made.contains(&format!("`{path}`")) || made.contains(&format!("POST {path}")),
            "{path}"
        );
    }
}

#[test]
fn every_call_and_every_schema_has_an_example_that_fits() {
    let document = document();
    let mut lacking = Vec::new();
    for (path, methods) in document["paths"].as_object().unwrap() {
        for (method, operation) in methods.as_object().unwrap() {
            let id = operation["operationId"].as_str().unwrap();
            if !page("src/api/examples.json").contains(&format!("{{\"id\":\"{id}\"")) {
                lacking.push(format!("{method} {path} has no example in src/api/examples.json"));
            }
            let body = &operation["requestBody"]["content"]["application/json"];
            let answers = operation["responses"].as_object().unwrap().values();
            let answers = answers.map(|answer| &answer["content"]["application/json"]);
            for content in answers.chain([body]).filter(|it| it.get("example").is_some()) {
                check(&document, &content["schema"], &content["example"], id, &mut lacking);
            }
        }
    }
    for (name, schema) in document["components"]["schemas"].as_object().unwrap() {
        match &schema["examples"] {
            Value::Array(examples) if !examples.is_empty() => {
                for example in examples {
                    let schema = json!({ "$ref": format!("#/components/schemas/{name}") });
                    check(&document, &schema, example, name, &mut lacking);
                }
            }
            _ => lacking.push(format!("the schema {name} has no example")),
        }
    }
    assert!(lacking.is_empty(), "{}", lacking.join("\n"));
}

/// Notes what of the example does not fit.
fn check(document: &Value, schema: &Value, example: &Value, name: &str, wrong: &mut Vec<String>) {
    let mut whole = schema.clone();
    let Some(members) = whole.as_object_mut() else { return };
    members.insert("components".to_owned(), document["components"].clone());
    let validator = jsonschema::validator_for(&whole).expect("a schema");
    for error in validator.iter_errors(example) {
        wrong.push(format!("the example of {name}: {error} at {}", error.instance_path()));
    }
}
