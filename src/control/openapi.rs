//! The OpenAPI 3.1 document, made from the table of calls and the types that they read and answer.

use std::sync::LazyLock;

use schemars::generate::SchemaSettings;
use schemars::{Schema, SchemaGenerator};
use serde_json::{Map, Value, json};

use super::guard::COOKIE_NAME;
use super::problem::Document;
use super::route::{JSON, Route, path_names};
use super::table::ROUTES;

/// The document.
pub(super) fn document() -> &'static Value {
    static DOCUMENT: LazyLock<Value> = LazyLock::new(write);
    &DOCUMENT
}

fn generator(settings: impl FnOnce(SchemaSettings) -> SchemaSettings) -> SchemaGenerator {
    let base = SchemaSettings::draft2020_12().with(|settings| {
        settings.definitions_path = "/components/schemas".into();
        settings.meta_schema = None;
    });
    settings(base).into_generator()
}

fn write() -> Value {
    let mut reading = generator(SchemaSettings::for_deserialize);
    let mut writing = generator(SchemaSettings::for_serialize);
    let problem = writing.subschema_for::<Document<'static>>();
    let mut paths: Map<String, Value> = Map::new();
    for route in ROUTES {
        let operation = operation(route, &mut reading, &mut writing, &problem);
        let methods = paths.entry(route.path).or_insert_with(|| json!({}));
        methods[route.verb.name().to_lowercase()] = operation;
    }
    let mut schemas = reading.take_definitions(true);
    schemas.append(&mut writing.take_definitions(true));
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "payon-sim control plane",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "Everything of the simulator's own; the gateway's operations are under /pg/. \
                Every path works for a space as /space/{name}/_sim/…; without it, for the space \"default\".",
            "license": { "name": "MIT OR Apache-2.0", "identifier": "MIT OR Apache-2.0" },
        },
        "servers": [
            { "url": "/", "description": "the space \"default\"" },
            {
                "url": "/space/{space}",
                "description": "any other space",
                "variables": { "space": { "default": "default" } },
            },
        ],
        "security": [{}, { "token": [] }, { "cookie": [] }],
        "paths": paths,
        "components": {
            "schemas": schemas,
            "securitySchemes": {
                "token": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "the token of --control-token, where the server has one",
                },
                "cookie": {
                    "type": "apiKey",
                    "in": "cookie",
                    "name": COOKIE_NAME,
                    "description": "for browsers: given by POST /_sim/login for a form with the token in the field `token`",
                },
            },
        },
    })
}

fn operation(
    route: &Route,
    reading: &mut SchemaGenerator,
    writing: &mut SchemaGenerator,
    problem: &Schema,
) -> Value {
    let mut parameters: Vec<Value> = path_names(route.path)
        .map(|name| {
            json!({ "name": name, "in": "path", "required": true, "schema": { "type": "string" } })
        })
        .collect();
    let mut operation = json!({
        "operationId": route.id,
        "summary": route.summary,
        "responses": {
            route.status.to_string(): success(route, writing),
            "default": {
                "description": "what was wrong and what to do (RFC 9457)",
                "content": { "application/problem+json": { "schema": problem } },
            },
        },
    });
    if route.verb.has_body() {
        let schema = (route.input.named)(reading);
        operation["requestBody"] = json!({
            "description": "an empty body is {}",
            "required": false,
            "content": { "application/json": { "schema": schema } },
        });
    } else {
        parameters.extend(query(&(route.input.inline)(reading)));
    }
    if !parameters.is_empty() {
        operation["parameters"] = parameters.into();
    }
    operation
}

fn success(route: &Route, writing: &mut SchemaGenerator) -> Value {
    if route.status == 204 {
        return json!({ "description": "done" });
    }
    let output = (route.output.named)(writing);
    // Of what is not JSON the output only describes what can be read in it.
    let content = match route.media {
        JSON => json!({ "schema": output }),
        _ => json!({ "schema": { "type": "string" }, "x-content": output }),
    };
    let mut response = json!({ "description": route.summary, "content": {} });
    response["content"][route.media] = content;
    response
}

/// The members of an input as parameters of the query.
fn query(input: &Schema) -> Vec<Value> {
    let members = input.get("properties").and_then(Value::as_object).into_iter().flatten();
    let required = input.get("required").and_then(Value::as_array);
    members
        .map(|(name, schema)| {
            let mut schema = schema.clone();
            let about = schema.as_object_mut().and_then(|members| members.remove("description"));
            let required = required.is_some_and(|names| names.iter().any(|known| known == name));
            let mut parameter = json!({
                "name": name, "in": "query", "required": required, "schema": schema,
            });
            if let Some(about) = about {
                parameter["description"] = about;
            }
            parameter
        })
        .collect()
}
