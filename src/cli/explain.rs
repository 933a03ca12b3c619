//! `payon-sim explain`: what a running gateway's journal knows of one request, for people.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::process::ExitCode;

use clap::Args;
use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

use super::exit;
use super::talk::TalkArgs;
use super::visible::{parting, visible};
use crate::base::printable_json;
use crate::space::RequestId;

/// Request to explain.
#[derive(Args, Debug)]
pub(super) struct ExplainArgs {
    /// Value of X-Payon-Trace, with or without its leading zeros, or `last` for the latest request
    #[arg(value_parser = read_which)]
    trace: RequestChoice,
    #[command(flatten)]
    talk: TalkArgs,
}

#[derive(Clone, Copy, Debug)]
enum RequestChoice {
    Last,
    Named(RequestId),
}

fn read_which(text: &str) -> Result<RequestChoice, String> {
    if text == "last" {
        return Ok(RequestChoice::Last);
    }
    let digits = (1..=16).contains(&text.len()) && text.bytes().all(|it| it.is_ascii_hexdigit());
    let trace = text.parse().ok().filter(|_| digits);
    let wanted =
        "a trace has up to sixteen hexadecimal digits, as X-Payon-Trace carries it; or say `last`";
    trace.map(RequestChoice::Named).ok_or_else(|| wanted.to_owned())
}

const NO_REQUEST: &str =
    "the journal is empty: no request has come since the start or the last reset";

/// Prints what is known of the request; 1 where nothing is.
pub(super) fn run(args: &ExplainArgs) -> anyhow::Result<ExitCode> {
    let gateway = &args.talk.gateway;
    let trace = match args.trace {
        RequestChoice::Named(trace) => trace.to_string(),
        RequestChoice::Last => {
            let page = match gateway.get_bytes("/_sim/v1/journal?newest=true&limit=1")? {
                Ok(page) => gateway.parse(&page, read_nested)?,
                Err(refused) => return Ok(refused),
            };
            let Some(trace) = page["entries"][0]["trace"].as_str() else {
                let dropped = page["dropped"].as_u64().unwrap_or(0);
                exit::say(&match dropped {
                    0 => NO_REQUEST.to_owned(),
                    _ => {
                        format!("the journal is empty: of {dropped} requests its budget keeps none")
                    }
                });
                return Ok(exit::failed());
            };
            trace.to_owned()
        }
    };
    let told = match gateway.get_bytes(&format!("/_sim/v1/journal/{trace}"))? {
        Ok(told) => told,
        Err(refused) => return Ok(refused),
    };
    if args.talk.is_json() {
        // As it is: reading it would change how numbers in the bodies are written.
        let told: &RawValue = gateway.parse(&told, serde_json::from_slice)?;
        exit::print_exact(&printable_json(&format!("{told}\n")))?;
    } else {
        let bodies = gateway.parse(&told, serde_json::from_slice::<Bodies<'_>>)?;
        exit::print(&for_people(&gateway.parse(&told, read_nested)?, &bodies))?;
    }
    Ok(ExitCode::SUCCESS)
}

/// The bodies of a request and its reply, with their numbers as they were written.
#[derive(Deserialize)]
struct Bodies<'j> {
    #[serde(borrow, default)]
    request: Option<&'j RawValue>,
    #[serde(borrow, default)]
    response: Option<&'j RawValue>,
}

/// A body for people: a text without its quotes, nothing where there is none.
fn body(raw: Option<&RawValue>) -> String {
    let json = raw.map_or("null", RawValue::get);
    match json {
        "null" => String::new(),
        _ if json.starts_with('"') => {
            serde_json::from_str(json).unwrap_or_else(|_| json.to_owned())
        }
        _ => json.to_owned(),
    }
}

/// Depth of those members of an answer that are ours.
const OWN_DEPTH: usize = 4;

/// Reads JSON in which bodies from outside stand, however deep they are nested: those too deep to read become their
/// own text.
fn read_nested(json: &[u8]) -> serde_json::Result<Value> {
    let raw: &RawValue = serde_json::from_slice(json)?;
    Ok(nested(raw, OWN_DEPTH))
}

fn nested(raw: &RawValue, depth: usize) -> Value {
    let text = raw.get();
    if let Ok(value) = serde_json::from_str(text) {
        return value;
    }
    let inner = |raw: &RawValue| nested(raw, depth.saturating_sub(1));
    let is_list = text.starts_with('[');
    let read = match depth {
        0 => None,
        _ if is_list => serde_json::from_str::<Vec<&RawValue>>(text)
            .ok()
            .map(|items| items.into_iter().map(inner).collect()),
        _ => serde_json::from_str::<BTreeMap<String, &RawValue>>(text)
            .ok()
            .map(|members| members.into_iter().map(|(name, raw)| (name, inner(raw))).collect()),
    };
    read.unwrap_or_else(|| text.into())
}

/// Columns before what is told.
const LABEL: usize = 12;

/// Sections, each under its label.
#[derive(Default)]
struct Sheet(String);

impl Sheet {
    /// A line under `label`; lines after the first of a section have an empty one. An empty text is left out.
    fn line(&mut self, label: &str, text: &str) {
        for (at, line) in text.lines().enumerate() {
            let label = if at == 0 { label } else { "" };
            // Writing into a String cannot fail.
            let _ = writeln!(self.0, "{label:LABEL$}{line}");
        }
    }

    /// A line that belongs to the one before it.
    fn below(&mut self, text: &str) {
        for line in text.lines() {
            self.line("", &format!("  {line}"));
        }
    }
}

/// A member as text: nothing where it is null or not there, JSON where it is more than a word.
fn text(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

fn rows(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

/// `texts` with `separator` between those that are not empty.
fn join<const N: usize>(separator: &str, texts: [String; N]) -> String {
    texts.into_iter().filter(|text| !text.is_empty()).collect::<Vec<_>>().join(separator)
}

/// `text` behind `before`; nothing where it is empty.
fn after(before: &str, text: String) -> String {
    if text.is_empty() { text } else { format!("{before}{text}") }
}

fn for_people(told: &Value, bodies: &Bodies<'_>) -> String {
    let mut sheet = Sheet::default();
    let member = |name: &str| text(&told[name]);
    let what = ["operation", "control"].map(member).concat();
    let what = if what.is_empty() { "a page or an unknown path".to_owned() } else { what };
    sheet.line("request", &format!("{} {what} at {}", member("trace"), member("at")));
    sheet.below(&body(bodies.request));
    let who = [("merchant ", "merchantId"), ("order ", "txId"), ("traceparent ", "traceparent")];
    sheet.line("from", &join(", ", who.map(|(before, name)| after(before, member(name)))));

    sheet.below(&after("tracestate ", member("tracestate")));
    sheet.below(&after("ignored: ", member("traceContextIgnored")));

    let reason = format!("{}: {}", member("reason"), member("about"));
    sheet.line("decided", &format!("{reason} ({} µs)", member("tookUs")));
    sheet.below(&member("detail"));
    let answer = &told["answer"];
    if !answer.is_null() {
        let code = format!("code {} {:?}", text(&answer["code"]), text(&answer["message"]));
        sheet.below(&format!("{code}, {}", source(answer)));
    }
    let card = &told["card"];
    if !card.is_null() {
        let outcome = format!("{}: {}", text(&card["number"]), text(&card["outcome"]));
        sheet.line("card", &format!("{outcome}, {}", source(card)));
        sheet.below(&text(&card["about"]));
    }
    for finding in rows(&told["findings"]) {
        let place = after(" in ", text(&finding["field"]));
        sheet.line(
            "lint",
            &format!("{}{place}: {}", text(&finding["lint"]), text(&finding["about"])),
        );
    }
    if !told["rule"].is_null() {
        sheet.line("rule", &format!("{}: {}", member("rule"), member("plan")));
        let idle: Vec<String> = rows(&told["withoutEffect"]).map(text).collect();
        if !idle.is_empty() {
            sheet.below(&format!(
                "without effect, as there was nothing to act on: {}",
                idle.join(", ")
            ));
        }
    }
    for (at, near) in rows(&told["nearestRules"]).enumerate() {
        let label = if at == 0 { "nearly" } else { "" };
        sheet.line(label, &text(&near["rule"]));
        rows(&near["failed"]).for_each(|miss| sheet.below(&text(&miss["told"])));
    }
    if let Some(explanation) = told["signature"].as_object() {
        signature(&mut sheet, &Value::Object(explanation.clone()));
    }
    order_book(&mut sheet, told);
    let wire = &told["wire"];
    sheet.line("wire", &text(&wire["about"]));
    if !wire["answered"].as_bool().unwrap_or(true) {
        sheet.below("the caller got no whole answer");
    }
    sheet.line("reply", &format!("HTTP {} {}", member("status"), body(bodies.response)));
    pushbacks(&mut sheet, told);
    sheet.0
}

/// Source of a behaviour, and the line that holds it.
fn source(value: &Value) -> String {
    let line = text(&value["profileLine"]);
    // Whoever has the program alone has no such directory.
    let line = match line.strip_prefix("fixtures/pgtest/") {
        Some(own) => format!("{own} of the built-in profile"),
        None => line.clone(),
    };
    join(", ", [text(&value["provenance"]), line])
}

/// Prints the bookings with their times, and the order's state.
fn order_book(sheet: &mut Sheet, told: &Value) {
    let change =
        |it: &Value| join(" ", ["change", "amount", "reason", "at"].map(|name| text(&it[name])));
    let booking = &told["booking"];
    sheet.line("booked", &text(&booking["about"]));
    rows(&told["events"]).for_each(|event| sheet.below(&change(event)));
    let is_booked = booking["withheldState"] == "booked";
    for kept in rows(&booking["withheld"]).filter(|_| !is_booked) {
        sheet.below(&format!("withheld: {}", change(kept)));
    }
    let (before, then) = (text(&told["stateBefore"]), text(&told["stateAfter"]));
    let states = match (before.is_empty(), before == then) {
        (true, _) => then.clone(),
        (false, true) => format!("{then}, as before"),
        (false, false) => format!("{before}, then {then}"),
    };
    let now = text(&told["order"]["state"]);
    let now = if now == then { String::new() } else { after("now ", now) };
    sheet.line("order", &join(", ", [states, now]));
}

/// The push-backs that came of it.
fn pushbacks(sheet: &mut Sheet, told: &Value) {
    for (at, pushback) in rows(&told["pushbacks"]).enumerate() {
        let label = if at == 0 { "push-backs" } else { "" };
        let of = |name: &str| text(&pushback[name]);
        let content = of("content");
        let content = if content == "true" { content } else { format!("false ({content})") };
        let next = after(", next at ", of("nextAttemptAt"));
        let head = format!("{} {} to {}: {}{next}", of("id"), of("cause"), of("url"), of("state"));
        sheet.line(label, &head);
        sheet.below(&format!("{content}: {}", of("body")));
        for attempt in rows(&pushback["attempts"]) {
            let of = |name: &str| text(&attempt[name]);
            let came = join(", ", [after("HTTP ", of("status")), of("error")]);
            sheet.below(&format!("{} {came} ({} ms) {}", of("at"), of("tookMs"), of("response")));
        }
    }
}

/// Reason why a signature was refused.
fn signature(sheet: &mut Sheet, explanation: &Value) {
    let of = |name: &str| text(&explanation[name]);
    sheet.line("signature", &of("summary"));
    let canonical = of("canonical");
    let what = format!("{} over {}", of("algorithm"), of("kind"));
    sheet.below(&format!("canonical, to be signed ({what}):\n  {}", visible(&canonical)));
    if let Some(signed) = explanation["signed"].as_str() {
        sheet.below(&format!("signed instead:\n  {}", visible(signed)));
        sheet.below(&parting(&canonical, signed));
    }
    for cause in rows(&explanation["causes"]) {
        sheet.below(&format!("- {} ({})", text(&cause["message"]), text(&cause["code"])));
    }
    rows(&explanation["next"]).for_each(|advice| sheet.below(&format!("next: {}", text(advice))));
}
