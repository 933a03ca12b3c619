//! `docs/control-api.md`: every call with what it takes, a command that makes it, and the answer; made from the OpenAPI
//! document.

use std::fmt::Write as _;

use serde_json::Value;

use super::examples::{self, ExampleCall, ExampleStep, MORE};
use super::route::Route;

const PREFACE: &str = include_str!("page.md");
/// Address of the gateway in the commands.
const URL: &str = "http://127.0.0.1:36605";
/// Letters of a line after which an answer is broken into several.
const WIDTH: usize = 110;
/// Letters of a body after which it stands on lines of its own.
const BODY_WIDTH: usize = 60;

/// Members whose numbers and words are other ones in each run, or in each build.
const CHANGING: &[&str] =
    &["tookMs", "tookUs", "commit", "os", "arch", "optimised", "fastCrypto", "number", "savedAt"];

/// The page.
pub(super) fn page(document: &Value, routes: &'static [Route]) -> String {
    let mut page = PREFACE.to_owned();
    page.push_str("\n| call | does |\n| --- | --- |\n");
    for route in routes {
        let title = title(route);
        let _ = writeln!(page, "| [`{title}`](#{}) | {} |", anchor(&title), route.summary);
    }
    for group in examples::groups() {
        let _ = write!(page, "\n## {}\n", group.title);
        if !group.about.is_empty() {
            let _ = write!(page, "\n{}\n", group.about);
        }
        for step in &group.calls {
            match step {
                ExampleStep::Commands { commands } => {
                    let _ = write!(page, "\n```console\n{}\n```\n", commands.join("\n"));
                }
                ExampleStep::Call(example) => {
                    if let Some(route) = routes.iter().find(|route| route.id == example.id) {
                        call(&mut page, document, route, example);
                    }
                }
            }
        }
    }
    page
}

fn title(route: &Route) -> String {
    format!("{} {}", route.verb.name(), route.path)
}

/// The name of a heading in links, as GitHub and mdBook make it.
fn anchor(title: &str) -> String {
    let kept = title.to_lowercase();
    let kept = kept.chars().filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
    kept.map(|c| if c == ' ' { '-' } else { c }).collect()
}

fn call(page: &mut String, document: &Value, route: &Route, example: &ExampleCall) {
    let operation = &document["paths"][route.path][route.verb.name().to_lowercase()];
    let _ = write!(page, "\n### `{}`\n\n{}.\n", title(route), route.summary);
    let rows = members(document, operation);
    if !rows.is_empty() {
        page.push_str("\n| takes | type | |\n| --- | --- | --- |\n");
        for (name, kind, about) in rows {
            let _ = writeln!(page, "| `{name}` | {kind} | {} |", cell(&about));
        }
    }
    let _ = write!(page, "\n```console\n$ {}\n", command(route, example));
    if let Some(answer) = &example.answer {
        let shown = match answer {
            Value::String(text) => text.clone(),
            answer => layout(answer, "", example.any_numbers, 0),
        };
        let shown = if example.cut { opened(&shown) } else { shown };
        let _ = writeln!(page, "{}", shown.trim_end());
    }
    page.push_str("```\n");
}

/// An object of which more members are left out.
fn opened(shown: &str) -> String {
    let inner = shown.trim_end().trim_end_matches('}').trim_end();
    format!("{inner}, {MORE} }}")
}

/// The command that makes the call.
fn command(route: &Route, example: &ExampleCall) -> String {
    let mut command = "curl -s".to_owned();
    if let Some(options) = &example.options {
        let _ = write!(command, " {options}");
    }
    let method = route.verb.name();
    let implied = match (&example.file, &example.body) {
        (Some(_), _) => "PUT",
        (None, Some(_)) => "POST",
        (None, None) => "GET",
    };
    if method != implied {
        let _ = write!(command, " -X {method}");
    }
    if let Some(file) = &example.file {
        let _ = write!(command, " -T {file}");
    }
    let url = format!("{URL}{}", example.path);
    let quote = if url.contains(['?', '&']) { "'" } else { "" };
    let _ = write!(command, " {quote}{url}{quote}");
    if let (None, Some(body)) = (&example.file, &example.body) {
        let body = body.to_string();
        let before = if body.len() > BODY_WIDTH { " \\\n    " } else { " " };
        let _ = write!(command, "{before}-d '{body}'");
    }
    if let Some(file) = &example.tee {
        let _ = write!(command, " | tee {file}");
    }
    if example.code != 0 {
        let _ = write!(command, "   # exit code {}", example.code);
    }
    command
}

/// Members and parameters that a call takes: name, type, and what is said of each.
fn members(document: &Value, operation: &Value) -> Vec<(String, String, String)> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let parameters = operation["parameters"].as_array().into_iter().flatten();
    let mut rows: Vec<_> = parameters
        .map(|it| (text(&it["name"]), kind(&it["schema"]), text(&it["description"])))
        .collect();
    let schema = &operation["requestBody"]["content"]["application/json"]["schema"];
    let named = schema["$ref"].as_str().and_then(|path| path.rsplit('/').next());
    let schema = named.map_or(schema, |name| &document["components"]["schemas"][name]);
    for (name, member) in schema["properties"].as_object().into_iter().flatten() {
        rows.push((name.clone(), kind(member), text(&member["description"])));
    }
    if schema["properties"].is_null() && schema["description"].is_string() {
        rows.push(("the body".to_owned(), kind(schema), text(&schema["description"])));
    }
    rows
}

/// A type in words.
fn kind(schema: &Value) -> String {
    if let Some(name) = schema["$ref"].as_str().and_then(|path| path.rsplit('/').next()) {
        return name.to_owned();
    }
    if let Some(words) = schema["enum"].as_array() {
        let words: Vec<_> =
            words.iter().filter_map(Value::as_str).map(|word| format!("`{word}`")).collect();
        return words.join(", ");
    }
    for word in ["anyOf", "oneOf", "allOf"] {
        if let Some(choices) = schema[word].as_array() {
            let kinds: Vec<_> = choices.iter().map(kind).filter(|kind| kind != "null").collect();
            return kinds.join(" or ");
        }
    }
    let word = match &schema["type"] {
        Value::Array(kinds) => kinds.iter().filter_map(Value::as_str).find(|kind| *kind != "null"),
        kind => kind.as_str(),
    };
    match word {
        Some("array") => format!("list of {}", kind(&schema["items"])),
        Some(word) => word.to_owned(),
        None => "anything".to_owned(),
    }
}

fn cell(text: &str) -> String {
    text.trim().replace('|', "\\|").replace("\n- ", "; ").replace('\n', " ")
}

/// JSON for readers: what is short stands in one line, and what changes is left out.
fn layout(value: &Value, name: &str, any_numbers: bool, indent: usize) -> String {
    if (CHANGING.contains(&name) && !value.is_object()) || (any_numbers && value.is_number()) {
        return MORE.to_owned();
    }
    let inner = |name: &str, value: &Value| layout(value, name, any_numbers, indent + 1);
    let (open, close, parts) = match value {
        Value::String(text) => return Value::from(steady(text)).to_string(),
        Value::Array(items) => {
            let part = |item: &Value| {
                if item == MORE { MORE.to_owned() } else { inner("", item) }
            };
            ('[', ']', items.iter().map(part).collect::<Vec<_>>())
        }
        Value::Object(members) => {
            let part = |(name, value): (&String, &Value)| {
                format!("{}: {}", Value::from(name.as_str()), inner(name, value))
            };
            ('{', '}', members.iter().map(part).collect())
        }
        other => return other.to_string(),
    };
    let line = format!("{open}{}{close}", parts.join(", "));
    if line.chars().count() + 2 * indent <= WIDTH && !line.contains('\n') {
        return line;
    }
    let margin = "  ".repeat(indent + 1);
    let parts: Vec<_> = parts.iter().map(|part| format!("{margin}{part}")).collect();
    format!("{open}\n{}\n{}{close}", parts.join(",\n"), "  ".repeat(indent))
}

/// A text without what changes with each build: lines of the profile.
fn steady(text: &str) -> String {
    let Some((before, rest)) = text.split_once(".toml:") else { return text.to_owned() };
    let rest = rest.trim_start_matches(|c: char| c.is_ascii_digit());
    format!("{before}.toml:{MORE}{rest}")
}
