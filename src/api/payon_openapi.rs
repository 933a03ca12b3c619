//! The OpenAPI 3.1 document of PAYON's surface.
//!
//! Members, types, examples and marks come from the profile's `operations.toml`, which a test holds
//! to the code that reads and writes; codes and HTTP statuses come from its reasons; the shape of a
//! refusal is what [`wire::failure`] writes. So the document says what this profile does, and a
//! profile of one's own changes it too.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use crate::base::{Operation, Reason};
use crate::profile::{Mark, MemberKind, MemberSpec, OperationSpec, Profile};
use crate::wire::{self, Identity};

/// Introduction that a reader of the document needs before the operations.
const ABOUT: &str = "PAYON's merchant operations as this simulator keeps them. x-payon-mark tells whose \
    word each operation and member is: D documented by PAYON, E seen only in an example of PAYON's, A \
    assumed by the simulator. Bodies are read as JSON whatever their Content-Type says; in requests, \
    null and \"\" count as absent and unknown members are tolerated. A refusal by the business is HTTP \
    200 with a resultCode other than that of success, unless a response here says otherwise. \
    x-payon-codes lists every code of a response with its message: any of them can be made to happen.";

/// By which generated clients name what holds the operations.
const TAG: &str = "PAYON";

/// The media type of every body.
const JSON: &str = "application/json";

/// Direction of a member.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Way {
    Request,
    Reply,
}

/// The document for a gateway whose operations are below `base_url`, such as
/// `http://127.0.0.1:36605` or, for a space, `http://127.0.0.1:36605/space/shop`.
pub fn document(profile: &Profile, base_url: &str) -> Value {
    let mut paths = Map::new();
    let mut schemas = Map::new();
    for &operation in Operation::ALL {
        let described = profile.operations.get(operation);
        let name = operation.name();
        let request = body(&described.request, Way::Request);
        schemas.insert(format!("{name}.request"), request);
        schemas.insert(format!("{name}.reply"), success(profile, operation, described));
        for (index, path) in operation.paths().iter().enumerate() {
            let mut post = self::operation(profile, operation, described);
            if index > 0 {
                post["operationId"] = json!(format!("{name}.{}", index + 1));
                post["x-payon-alias-of"] = json!(operation.paths()[0]);
            }
            paths.insert((*path).to_owned(), json!({ "post": post }));
        }
    }
    let pushback = profile.operations.pushback();
    schemas.insert("pushback".to_owned(), body(&pushback.request, Way::Request));
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": format!("PAYON's merchant operations, profile {}", profile.name),
            "version": env!("CARGO_PKG_VERSION"),
            "description": ABOUT,
            "license": { "name": "MIT OR Apache-2.0", "identifier": "MIT OR Apache-2.0" },
        },
        "tags": [{ "name": TAG, "description": "The merchant operations of PAYON." }],
        "servers": [{ "url": base_url }],
        "security": [{}, { "token": [] }],
        "paths": paths,
        "webhooks": { "pushback": { "post": {
            "operationId": "pushback",
            "summary": pushback.about,
            "x-payon-mark": pushback.mark,
            "requestBody": content("pushback", &pushback.request),
            "responses": { "2XX": { "description": "Acknowledged, whatever the body." } },
        } } },
        "components": {
            "schemas": schemas,
            "headers": { "trace": {
                "description": "Names the request in the journal of the simulator.",
                "schema": { "type": "string" },
            } },
            "securitySchemes": { "token": {
                "type": "apiKey",
                "in": "header",
                "name": "Authentication",
                "description": "Asked for where the merchant has a token.",
            } },
        },
    })
}

fn operation(profile: &Profile, operation: Operation, described: &OperationSpec) -> Value {
    let name = operation.name();
    json!({
        "operationId": name,
        "summary": described.about,
        "tags": [TAG],
        "x-payon-mark": described.mark,
        "requestBody": content(&format!("{name}.request"), &described.request),
        "responses": responses(profile, operation),
    })
}

/// A request body that refers to the schema `name`, with an example of the members that make it pass.
fn content(name: &str, members: &[MemberSpec]) -> Value {
    let media = json!({ "schema": reference(name), "example": example(members) });
    json!({ "required": true, "content": { JSON: media } })
}

fn reference(name: &str) -> Value {
    json!({ "$ref": format!("#/components/schemas/{name}") })
}

/// Members that an example has although they may be left out: the PIN of its card, which is one of PAYON's.
const SHOWN: [&str; 1] = ["payonPin"];

fn example(members: &[MemberSpec]) -> Value {
    let is_shown = |member: &&MemberSpec| member.required || SHOWN.contains(&member.plain_name());
    let sample: Map<_, _> = members
        .iter()
        .filter(is_shown)
        .filter_map(|member| Some((member.plain_name().to_owned(), literal(member, Way::Request)?)))
        .collect();
    if is_array(members) { json!([sample]) } else { Value::Object(sample) }
}

/// Returns true if the members lie within the elements of an array.
fn is_array(members: &[MemberSpec]) -> bool {
    members.iter().any(|member| member.name.starts_with("[]."))
}

/// The schema of a whole body.
fn body(members: &[MemberSpec], way: Way) -> Value {
    if is_array(members) {
        json!({ "type": "array", "items": object(members, "[].", way) })
    } else {
        object(members, "", way)
    }
}

/// The schema of the object whose members are those that begin with `prefix` and lie no deeper.
fn object(members: &[MemberSpec], prefix: &str, way: Way) -> Value {
    let own = || {
        members.iter().filter_map(|member| {
            let name = member.name.strip_prefix(prefix)?;
            (!name.contains('.')).then_some((name, member))
        })
    };
    let properties: Map<_, _> =
        own().map(|(name, member)| (name.to_owned(), property(members, member, way))).collect();
    let required: Vec<_> =
        own().filter(|(_, member)| member.required).map(|(name, _)| name).collect();
    // Requests may say more than is asked for; replies say exactly what is described.
    json!({
        "type": "object",
        "properties": properties,
        "required": required,
        "additionalProperties": way == Way::Request,
    })
}

/// The schema of one member, with its mark.
fn property(members: &[MemberSpec], member: &MemberSpec, way: Way) -> Value {
    let mut schema = match member.kind {
        MemberKind::Object => object(members, &format!("{}.", member.name), way),
        MemberKind::Array => {
            let items = object(members, &format!("{}[].", member.name), way);
            json!({ "type": "array", "items": items })
        }
        MemberKind::Null => json!({ "type": "null" }),
        MemberKind::Amount if way == Way::Reply => {
            json!({ "type": "number", "exclusiveMinimum": 0 })
        }
        MemberKind::Amount => json!({
            "type": ["string", "number"],
            "pattern": r"^[0-9]+(\.[0-9]{1,2})?$",
            "exclusiveMinimum": 0,
        }),
        MemberKind::Integer => {
            json!({ "type": ["string", "integer"], "pattern": "^[0-9]+$", "minimum": 1 })
        }
        MemberKind::String => json!({ "type": "string" }),
    };
    if !member.values.is_empty() {
        // A currency is read in any letter case, every other word as it stands.
        if way == Way::Request && member.plain_name().eq_ignore_ascii_case("currency") {
            schema["pattern"] = json!(any_case(&member.values));
        } else {
            schema["enum"] = json!(member.values);
        }
    }
    if way == Way::Reply && member.nullable {
        or_null(&mut schema);
    }
    if member.secret {
        schema["writeOnly"] = json!(true);
    }
    schema["description"] = json!(member.about);
    schema["x-payon-mark"] = json!(member.mark);
    if let Some(example) = literal(member, way) {
        schema["examples"] = json!([example]);
    }
    schema
}

/// The example of a member as it stands in JSON: numbers of replies are numbers.
fn literal(member: &MemberSpec, way: Way) -> Option<Value> {
    let text = member.example.as_deref()?;
    let number = way == Way::Reply && member.kind == MemberKind::Amount;
    let parsed = number.then(|| serde_json::from_str(text).ok()).flatten();
    Some(parsed.unwrap_or_else(|| json!(text)))
}

/// Lets a schema be `null` too.
fn or_null(schema: &mut Value) {
    schema["type"] = json!([schema["type"], "null"]);
    if let Some(Value::Array(values)) = schema.get_mut("enum") {
        values.push(Value::Null);
    }
}

/// A pattern for any of `words` in any letter case.
fn any_case(words: &[String]) -> String {
    let word = |word: &String| -> String {
        let both = |c: char| format!("[{}{}]", c.to_ascii_uppercase(), c.to_ascii_lowercase());
        word.chars().map(both).collect()
    };
    format!("^({})$", words.iter().map(word).collect::<Vec<_>>().join("|"))
}

/// The reply of an operation that worked: its described members, with the code of success and data
/// where data belongs. Rows of an array carry codes of their own.
fn success(profile: &Profile, operation: Operation, described: &OperationSpec) -> Value {
    let mut schema = body(&described.response, Way::Reply);
    let code = profile.answer(operation, Reason::Success).code;
    if let Some(code_schema) = schema.pointer_mut("/properties/resultCode") {
        code_schema["const"] = json!(code);
    }
    if let Some(kinds) = schema.pointer_mut("/properties/resultData/type")
        && let Some(whole) = kinds.get(0).cloned()
    {
        *kinds = whole;
    }
    schema
}

/// Every HTTP status with which the operation answers.
fn responses(profile: &Profile, operation: Operation) -> Map<String, Value> {
    // By status: code → message. BTreeMap, so that the document is the same every time.
    let mut codes: BTreeMap<u16, BTreeMap<&str, &str>> = BTreeMap::new();
    let refusals = Reason::ALL
        .iter()
        .filter(|reason| !matches!(reason, Reason::Success | Reason::TokenInvalid));
    for &reason in refusals {
        let answer = profile.answer(operation, reason);
        codes.entry(answer.http).or_default().insert(answer.code, answer.message);
    }
    let mut responses: Map<String, Value> = codes
        .into_iter()
        .map(|(status, codes)| (status.to_string(), refused(operation, status, &codes)))
        .collect();
    let worked = reference(&format!("{}.reply", operation.name()));
    let ok =
        responses.entry("200").or_insert_with(|| response("It worked.", json!({ "anyOf": [] })));
    if let Some(Value::Array(shapes)) = ok.pointer_mut("/content/application~1json/schema/anyOf") {
        shapes.insert(0, worked);
    }
    responses.insert("401".to_owned(), token_refused(profile));
    responses
}

fn response(about: &str, schema: Value) -> Value {
    json!({
        "description": about,
        "headers": { "X-Payon-Trace": { "$ref": "#/components/headers/trace" } },
        "content": { JSON: { "schema": schema } },
    })
}

/// The refusals with one HTTP status, in the operation's own envelope.
fn refused(operation: Operation, status: u16, codes: &BTreeMap<&str, &str>) -> Value {
    let shape = failure(operation, codes);
    let (about, schema) = match status {
        200 => ("It worked, or was refused: see the code.", json!({ "anyOf": [shape] })),
        302 => ("Not found or not successful. There is no Location.", shape),
        400 => ("The request cannot be read; the message names the member.", shape),
        _ => ("Refused.", shape),
    };
    let mut response = response(about, schema);
    response["x-payon-codes"] = json!(codes);
    if status == 405 {
        response["headers"]["Allow"] = json!({ "schema": { "type": "string" } });
    }
    response
}

/// The schema of a refusal, read off what is written: identifiers repeat the request as far as it
/// could be read, everything else but code and message is `null`.
fn failure(operation: Operation, codes: &BTreeMap<&str, &str>) -> Value {
    let identity = Identity {
        tx_id: Some("txId".into()),
        merchant_id: Some("merchantId".into()),
        term_id: Some("termId".into()),
    };
    let written = wire::failure(operation, &identity, "code", "message");
    let schema_of = |value: &Value| match value.as_str() {
        Some("code") => json!({ "type": "string", "enum": codes.keys().collect::<Vec<_>>() }),
        Some("message") => json!({ "type": "string" }),
        Some(_) => json!({ "type": ["string", "null"] }),
        None => json!({ "type": "null" }),
    };
    let object = |members: &Map<String, Value>| {
        let properties: Map<_, _> =
            members.iter().map(|(name, value)| (name.clone(), schema_of(value))).collect();
        json!({
            "type": "object",
            "properties": properties,
            "required": members.keys().collect::<Vec<_>>(),
            "additionalProperties": false,
        })
    };
    match serde_json::from_slice(&written) {
        Ok(Value::Object(members)) => object(&members),
        Ok(Value::Array(rows)) => {
            let row = rows.first().and_then(Value::as_object).map(object);
            json!({ "type": "array", "items": row, "minItems": 1, "maxItems": 1 })
        }
        _ => json!({}),
    }
}

/// The answer to a missing or wrong token: the profile's text, which for PAYON is the number 1.
fn token_refused(profile: &Profile) -> Value {
    let text = &profile.wording.token.refusal_body;
    let body = serde_json::from_str(text).unwrap_or_else(|_| json!(text));
    let mut response = response("The token is missing or wrong.", json!({ "const": body }));
    response["x-payon-mark"] = json!(Mark::Documented);
    response
}
