//! Answers as the table of calls documents them, for whoever asked: any server can answer with 200 and some JSON.

use std::collections::HashMap;

use hyper::Method;
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use super::openapi;
use super::route::{JSON, Route};
use super::routes::find;

/// Levels of an answer that are looked at; no answer of ours has as many.
const DEPTH_MAX: usize = 64;

/// A call, by what its successful answer is.
#[derive(Clone, Copy)]
pub struct DocumentedCall(&'static Route);

impl DocumentedCall {
    /// The call at a path, which may have a query; `None` where there is none.
    pub fn at(method: &Method, path: &str) -> Option<Self> {
        let path = path.split('?').next().unwrap_or(path);
        find(method, path).ok().map(|(route, _)| Self(route))
    }

    /// The first part in which the head of a successful answer differs from what is documented.
    pub fn misfit_of_head(self, status: u16, media: Option<&str>) -> Option<String> {
        let Route { status: documented, media: wanted, .. } = self.0;
        if status != *documented {
            return Some(format!("the status is {status} and not {documented}"));
        }
        let begins = |media: &str| media.split(';').next().unwrap_or_default().trim().to_owned();
        let is_of_kind = media.is_some_and(|media| begins(media) == begins(wanted));
        (*documented != 204 && !is_of_kind).then(|| {
            let media = media.unwrap_or("nothing");
            format!("its content type is {media} and not {wanted}")
        })
    }

    /// The same for the body: a member that is always there and is missing, or one of another kind.
    pub fn misfit_of_body(self, body: &[u8]) -> Option<String> {
        if self.0.status == 204 || self.0.media != JSON {
            return None;
        }
        let Ok(body) = serde_json::from_slice::<&RawValue>(body) else {
            return Some("its body is no JSON".to_owned());
        };
        let (schema, named) = openapi::answer_schema(self.0);
        Schemas(&named).misfit(&schema, body, "", 0)
    }
}

/// The schemas that others refer to, by name.
struct Schemas<'s>(&'s Map<String, Value>);

impl Schemas<'_> {
    /// Looks at what has a schema only, level by level: bodies from outside may be nested as deep as they like.
    fn misfit(&self, schema: &Value, value: &RawValue, at: &str, depth: usize) -> Option<String> {
        if depth > DEPTH_MAX {
            return None;
        }
        let below =
            |schema: &Value, value: &RawValue, at: &str| self.misfit(schema, value, at, depth + 1);
        if let Some(reference) = schema["$ref"].as_str() {
            let name = reference.rsplit('/').next().unwrap_or(reference);
            let misfit = self.0.get(name).and_then(|schema| below(schema, value, at));
            if misfit.is_some() {
                return misfit;
            }
        }
        let kind = kind(value);
        if !takes(&schema["type"], kind) {
            let place = if at.is_empty() { "its body".to_owned() } else { format!("`{at}`") };
            return Some(format!("{place} is {kind}"));
        }
        let choices = |name: &str| schema[name].as_array().map(Vec::as_slice).unwrap_or_default();
        for all in choices("allOf") {
            if let Some(misfit) = below(all, value, at) {
                return Some(misfit);
            }
        }
        for name in ["anyOf", "oneOf"] {
            let misfits = choices(name).iter().map(|choice| below(choice, value, at));
            // Where nothing fits, the first choice is the one that is not `null`.
            if let Some(misfit) = misfits.collect::<Option<Vec<_>>>()
                && let Some(first) = misfit.into_iter().next()
            {
                return Some(first);
            }
        }
        match kind {
            "an object" => self.misfit_of_members(schema, value, at, depth),
            "a list" => {
                let items = serde_json::from_str::<Vec<&RawValue>>(value.get()).ok()?;
                let of_item = |(place, item): (usize, &&RawValue)| {
                    below(&schema["items"], item, &format!("{at}[{place}]"))
                };
                items.iter().enumerate().find_map(of_item)
            }
            _ => None,
        }
    }

    fn misfit_of_members(
        &self,
        schema: &Value,
        value: &RawValue,
        at: &str,
        depth: usize,
    ) -> Option<String> {
        let members = serde_json::from_str::<HashMap<String, &RawValue>>(value.get()).ok()?;
        let place = |name: &str| match at {
            "" => name.to_owned(),
            at => format!("{at}.{name}"),
        };
        let required = schema["required"].as_array().into_iter().flatten();
        let missing = required.filter_map(Value::as_str).find(|name| !members.contains_key(*name));
        if let Some(name) = missing {
            return Some(format!("`{}` is missing", place(name)));
        }
        let known = schema["properties"].as_object();
        members.iter().find_map(|(name, member)| {
            let of_name = known.and_then(|known| known.get(name));
            let schema = of_name.unwrap_or(&schema["additionalProperties"]);
            self.misfit(schema, member, &place(name), depth + 1)
        })
    }
}

/// The kind of a value, in words.
fn kind(value: &RawValue) -> &'static str {
    match value.get().as_bytes().first() {
        Some(b'{') => "an object",
        Some(b'[') => "a list",
        Some(b'"') => "a text",
        Some(b't' | b'f') => "true or false",
        Some(b'n') => "null",
        _ => "a number",
    }
}

/// Returns true if a schema of that `type` takes a value of that kind.
fn takes(wanted: &Value, kind: &str) -> bool {
    let takes = |name: &Value| match name.as_str() {
        Some("object") => kind == "an object",
        Some("array") => kind == "a list",
        Some("string") => kind == "a text",
        Some("boolean") => kind == "true or false",
        Some("null") => kind == "null",
        Some("number" | "integer") => kind == "a number",
        _ => true,
    };
    match wanted {
        Value::Array(names) => names.iter().any(takes),
        name => takes(name),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn misfit(path: &str, body: &str) -> Option<String> {
        DocumentedCall::at(&Method::GET, path).unwrap().misfit_of_body(body.as_bytes())
    }

    #[test]
    fn a_member_that_is_always_there_is_missed_wherever_it_stands() {
        let clock = r#"{"now":"t","scale":1.0,"frozen":false,"nextDue":null}"#;
        assert_eq!(misfit("/_sim/v1/clock", clock), None);
        let says = |path, body| misfit(path, body).unwrap();
        assert_eq!(says("/_sim/v1/clock", ""), "its body is no JSON");
        assert_eq!(says("/_sim/v1/clock", "null"), "its body is null");
        assert_eq!(says("/_sim/v1/clock", "[]"), "its body is a list");
        let of_another_kind = clock.replace(r#""t""#, "1");
        assert_eq!(says("/_sim/v1/clock", &of_another_kind), "`now` is a number");
        let awaited = r#"{"event":"idle","clock":{"now":"t"}}"#;
        let missing = says("/_sim/v1/wait?for=idle", awaited);
        assert!(missing.starts_with("`clock.") && missing.ends_with("` is missing"), "{missing}");
        let page = r#"{"spaces":[{"name":"a"}]}"#;
        assert!(says("/_sim/v1/spaces", page).starts_with("`spaces[0]."));
    }

    #[test]
    fn a_head_is_that_of_its_call() {
        let call = |method: &Method, path| DocumentedCall::at(method, path).unwrap();
        let reset = call(&Method::POST, "/_sim/v1/reset");
        assert_eq!(reset.misfit_of_head(204, None), None);
        assert_eq!(reset.misfit_of_head(200, None).unwrap(), "the status is 200 and not 204");
        let events = call(&Method::GET, "/_sim/v1/events?after=0");
        assert_eq!(events.misfit_of_head(200, Some("text/event-stream; charset=utf-8")), None);
        let other = events.misfit_of_head(200, Some("application/json")).unwrap();
        assert_eq!(other, "its content type is application/json and not text/event-stream");
        assert!(DocumentedCall::at(&Method::GET, "/_sim/v1/no-such").is_none());
    }
}
