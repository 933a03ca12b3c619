//! The OpenAPI 3.1 document, made from the table of calls and the types that they read and answer.

use schemars::generate::SchemaSettings;
use schemars::transform::RecursiveTransform;
use schemars::{Schema, SchemaGenerator};
use serde_json::{Map, Value, json};

use super::examples;
use super::guard::COOKIE_NAME;
use super::problem::ProblemDocument;
use super::request::decode;
use super::route::{JSON, Route, path_names};
use super::schema_examples::{complete, note};

/// Meaning of each path parameter, by name.
const PATH_NAMES: &[(&str, &str)] = &[
    ("merchantId", "The merchant."),
    ("txId", "The merchant's number of the order."),
    ("trace", "The request: sixteen hexadecimal digits."),
    ("name", "Which one, by its name."),
    ("id", "Which one, by its number or id."),
    ("box", "The box, by its name."),
];

/// Calls that belong together: their tag, what it is about, and the words after `/_sim/` or `/_sim/v1/` by which they
/// are known.
const TAGS: &[(&str, &str, &[&str])] = &[
    (
        "faults",
        "What goes wrong on purpose, and what of it was met.",
        &["rules", "faults", "scenarios", "scenario", "reload", "coverage"],
    ),
    (
        "server",
        "The server itself, and how it is called.",
        &[
            "healthz",
            "readyz",
            "version",
            "metrics",
            "openapi.json",
            "payon-openapi.json",
            "v1",
            "tls",
        ],
    ),
    ("shop", "Merchants, orders and push-backs.", &["merchants", "orders", "pushbacks", "inbox"]),
    (
        "spaces",
        "Worlds apart, their clocks, and snapshots to come back to.",
        &["spaces", "reset", "snapshots", "clock"],
    ),
    (
        "story",
        "What happened and what happens.",
        &["summary", "report", "journal", "events", "wait", "verify"],
    ),
    (
        "tools",
        "Signatures, KHQR, the lint, and the source of each behaviour.",
        &["sign", "khqr", "lint", "fidelity"],
    ),
];

fn generator(settings: impl FnOnce(SchemaSettings) -> SchemaSettings) -> SchemaGenerator {
    let base = SchemaSettings::draft2020_12().with(|settings| {
        settings.definitions_path = "/components/schemas".into();
        settings.meta_schema = None;
        // Of what may be left out but not be null this would say something wrong, of all else nothing.
        settings.transforms.push(Box::new(RecursiveTransform(list_words)));
        // Generators of clients know no schema that is a bare `true`.
        settings.transforms.push(Box::new(RecursiveTransform(|schema: &mut Schema| {
            if schema.as_bool() == Some(true) {
                *schema = Schema::default();
            }
        })));
        settings.transforms.push(Box::new(RecursiveTransform(|schema: &mut Schema| {
            if schema.get("default") == Some(&Value::Null) {
                schema.remove("default");
            }
        })));
    });
    settings(base).into_generator()
}

/// Turns words that have a description each into one list of words, with the descriptions in front: what generators of
/// clients make an enumeration of.
fn list_words(schema: &mut Schema) {
    let Some(Value::Array(choices)) = schema.get("oneOf") else { return };
    let word = |choice: &Value| {
        Some((choice.get("const")?.as_str()?.to_owned(), choice.get("description").cloned()))
    };
    let Some(words) = choices.iter().map(word).collect::<Option<Vec<_>>>() else { return };
    let described = words
        .iter()
        .filter_map(|(word, about)| Some(format!("- `{word}`: {}", about.as_ref()?.as_str()?)));
    let before = schema.get("description").and_then(Value::as_str).map(str::to_owned);
    let about = before.into_iter().chain(described).collect::<Vec<_>>().join("\n");
    let words: Vec<Value> = words.into_iter().map(|(word, _)| word.into()).collect();
    schema.remove("oneOf");
    schema.insert("type".to_owned(), "string".into());
    schema.insert("enum".to_owned(), words.into());
    if !about.is_empty() {
        schema.insert("description".to_owned(), about.into());
    }
}

/// Writes the document of these routes.
pub(super) fn write(routes: &'static [Route]) -> Value {
    let mut reading = generator(SchemaSettings::for_deserialize);
    let mut writing = generator(SchemaSettings::for_serialize);
    let problem = writing.subschema_for::<ProblemDocument<'static>>();
    let mut paths: Map<String, Value> = Map::new();
    for route in routes {
        let operation = operation(route, &mut reading, &mut writing, &problem);
        let methods = paths.entry(route.path).or_insert_with(|| json!({}));
        methods[route.verb.name().to_lowercase()] = operation;
    }
    let mut schemas = writing.take_definitions(true);
    let mut asked = Value::Object(reading.take_definitions(true));
    for name in differing(&asked, &schemas) {
        let of_request = format!("{name}Input");
        let (from, to) = (reference(&name), reference(&of_request));
        let bodies = paths.values_mut().filter_map(Value::as_object_mut).flat_map(Map::values_mut);
        let bodies = bodies.filter_map(|operation| operation.get_mut("requestBody"));
        bodies.chain([&mut asked]).for_each(|place| redirect(place, &from, &to));
        if let Some(schema) = asked.as_object_mut().and_then(|asked| asked.remove(&name)) {
            schemas.insert(of_request, schema);
        }
    }
    schemas.extend(asked.as_object_mut().map(std::mem::take).unwrap_or_default());
    for operation in paths.values().filter_map(Value::as_object).flat_map(Map::values) {
        let body = operation["requestBody"]["content"].get(JSON);
        let answers = operation["responses"].as_object().into_iter().flat_map(Map::values);
        let answers = answers.filter_map(|answer| answer["content"].get(JSON));
        for content in body.into_iter().chain(answers) {
            if let Some(example) = content.get("example") {
                note(&mut schemas, &content["schema"], example);
            }
        }
    }
    complete(&mut schemas);
    let tags: Vec<_> =
        TAGS.iter().map(|(name, about, _)| json!({ "name": name, "description": about })).collect();
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
        "tags": tags,
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

/// The schema of a call's successful answer, and the schemas that it refers to.
pub(super) fn answer_schema(route: &Route) -> (Value, Map<String, Value>) {
    let mut writing = generator(SchemaSettings::for_serialize);
    let schema = (route.output.named)(&mut writing);
    (schema.to_value(), writing.take_definitions(true))
}

/// Names that stand for one thing in a request and for another in an answer: what has a default may be left out in a
/// request only.
fn differing(asked: &Value, answered: &Map<String, Value>) -> Vec<String> {
    let asked = asked.as_object().into_iter().flatten();
    let differing =
        asked.filter(|(name, schema)| answered.get(*name).is_some_and(|it| it != *schema));
    differing.map(|(name, _)| name.clone()).collect()
}

fn reference(name: &str) -> String {
    format!("#/components/schemas/{name}")
}

/// Has every reference below `place` that names `from` name `to`.
fn redirect(place: &mut Value, from: &str, to: &str) {
    match place {
        Value::Object(members) => {
            for (name, member) in members {
                match member {
                    Value::String(text) if name == "$ref" && text == from => to.clone_into(text),
                    other => redirect(other, from, to),
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| redirect(item, from, to)),
        _ => {}
    }
}

fn operation(
    route: &Route,
    reading: &mut SchemaGenerator,
    writing: &mut SchemaGenerator,
    problem: &Schema,
) -> Value {
    let mut parameters: Vec<Value> = path_names(route.path)
        .map(|name| {
            let about = PATH_NAMES.iter().find(|known| known.0 == name).map(|known| known.1);
            json!({
                "name": name, "in": "path", "required": true, "description": about,
                "schema": { "type": "string" },
            })
        })
        .collect();
    let mut operation = json!({
        "operationId": route.id,
        "summary": route.summary,
        "tags": tag(route.path).into_iter().collect::<Vec<_>>(),
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
    if let Some(example) = examples::of(route.id) {
        for parameter in &mut parameters {
            if let Some(value) = parameter_example(route, &example.path, parameter) {
                parameter["example"] = value;
            }
        }
        if let (true, Some(body)) = (route.verb.has_body(), &example.body) {
            operation["requestBody"]["content"][JSON]["example"] = examples::plain(body);
        }
        if let (200..=203, Some(answer)) = (route.status, &example.answer) {
            let status = route.status.to_string();
            operation["responses"][status]["content"][route.media]["example"] =
                examples::plain(answer);
        }
    }
    if !parameters.is_empty() {
        operation["parameters"] = parameters.into();
    }
    operation
}

/// The value of a parameter in the path and query of an example.
fn parameter_example(route: &Route, path: &str, parameter: &Value) -> Option<Value> {
    let name = parameter["name"].as_str()?;
    let (path, query) = path.split_once('?').unwrap_or((path, ""));
    let text = if parameter["in"] == "path" {
        let braced = format!("{{{name}}}");
        let at = route.path.split('/').position(|part| part == braced)?;
        decode(path.split('/').nth(at)?)
    } else {
        let given = query.split('&').find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='));
        decode(given?)
    };
    let is_number = parameter["schema"]["type"] == "integer";
    Some(if is_number { json!(text.parse::<u64>().ok()?) } else { json!(text) })
}

/// The tag of the calls at a path.
fn tag(path: &str) -> Option<&'static str> {
    let rest = path.trim_start_matches("/_sim/").trim_start_matches("v1/");
    let word = rest.split('/').next()?;
    TAGS.iter().find(|(_, _, words)| words.contains(&word)).map(|(name, _, _)| *name)
}

fn success(route: &Route, writing: &mut SchemaGenerator) -> Value {
    if route.status == 204 {
        return json!({ "description": "done" });
    }
    let output = (route.output.named)(writing);
    let output = if output.as_bool() == Some(true) { Schema::default() } else { output };
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
            without_null(&mut schema);
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

/// Takes `null` out of what a value may be: a query has no such value.
fn without_null(schema: &mut Value) {
    if let Some(members) = schema.as_object_mut() {
        members.retain(|name, value| name != "default" || !value.is_null());
    }
    if let Some(Value::Array(kinds)) = schema.get_mut("type") {
        kinds.retain(|kind| kind != "null");
        if let [kind] = &**kinds {
            schema["type"] = kind.clone();
        }
    }
    if let Some(Value::Array(values)) = schema.get_mut("enum") {
        values.retain(|value| !value.is_null());
    }
    if let Some(Value::Array(shapes)) = schema.get_mut("anyOf") {
        shapes.retain(|shape| shape["type"] != "null");
        if let [Value::Object(shape)] = &**shapes {
            let shape = shape.clone();
            if let Some(members) = schema.as_object_mut() {
                members.remove("anyOf");
                members.extend(shape);
            }
        }
    }
}
