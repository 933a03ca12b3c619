//! Flows as mitmproxy saves them: a row of tnetstrings, each `LENGTH:PAYLOAD` and a byte for the type.

use super::CaptureError;
use super::imported::{ImportedAnswer, ImportedCall};

/// Levels of nesting that are read.
const DEPTH_MAX: usize = 32;
/// Digits of a length.
const LENGTH_DIGITS_MAX: usize = 10;

/// A value.
#[derive(Clone, Debug, PartialEq)]
enum FlowValue<'a> {
    Bytes(&'a [u8]),
    Integer(i64),
    Float(f64),
    Bool(bool),
    Null,
    List(Vec<Self>),
    Dict(Vec<(Self, Self)>),
}

/// The text begins as a tnetstring of a dictionary does.
pub(super) fn is_flow(bytes: &[u8]) -> bool {
    let digits = bytes.iter().take_while(|byte| byte.is_ascii_digit()).count();
    (1..=LENGTH_DIGITS_MAX).contains(&digits) && bytes.get(digits) == Some(&b':')
}

/// The flows of HTTP in a dump.
pub(super) fn read(name: &str, mut bytes: &[u8]) -> Result<Vec<ImportedCall>, CaptureError> {
    let mut calls = Vec::new();
    let mut number = 0;
    while !bytes.is_empty() {
        number += 1;
        let unsound = || CaptureError::Flow(format!("flow {number} is cut off or damaged"));
        let (value, rest) = parse(bytes, DEPTH_MAX).ok_or_else(unsound)?;
        bytes = rest;
        let Some(request) = value.get("request") else { continue };
        calls.push(call(&format!("{name}, flow {number}"), request, &value).ok_or_else(unsound)?);
    }
    Ok(calls)
}

fn call(name: &str, request: &FlowValue<'_>, flow: &FlowValue<'_>) -> Option<ImportedCall> {
    let text = |value: Option<&FlowValue<'_>>| value.and_then(FlowValue::text);
    let scheme = text(request.get("scheme")).unwrap_or_else(|| "http".to_owned());
    let host = text(request.get("host")).unwrap_or_default();
    let port = match request.get("port") {
        Some(FlowValue::Integer(port)) => format!(":{port}"),
        _ => String::new(),
    };
    let path = text(request.get("path"))?;
    let begun = request.get("timestamp_start").and_then(FlowValue::seconds)?;
    let response = flow.get("response").filter(|it| **it != FlowValue::Null);
    let ended = response
        .and_then(|it| it.get("timestamp_end").and_then(FlowValue::seconds))
        .unwrap_or(begun);
    let answer = match response {
        None => None,
        Some(response) => Some(ImportedAnswer {
            status: match response.get("status_code") {
                Some(FlowValue::Integer(status)) => u16::try_from(*status).ok()?,
                _ => return None,
            },
            headers: headers(response)?,
            body: content(response),
        }),
    };
    Some(ImportedCall {
        name: name.to_owned(),
        at_us: (begun * 1e6) as i64,
        took_us: ((ended - begun).max(0.0) * 1e6) as u64,
        method: text(request.get("method"))?,
        url: format!("{scheme}://{host}{port}{path}"),
        headers: headers(request)?,
        body: content(request),
        answer,
    })
}

fn headers(message: &FlowValue<'_>) -> Option<Vec<(String, String)>> {
    let Some(FlowValue::List(rows)) = message.get("headers") else { return Some(Vec::new()) };
    rows.iter()
        .map(|row| match row {
            FlowValue::List(pair) => Some((pair.first()?.text()?, pair.get(1)?.text()?)),
            _ => None,
        })
        .collect()
}

/// The body; `None` where it was not kept.
fn content(message: &FlowValue<'_>) -> Option<Vec<u8>> {
    match message.get("content") {
        Some(FlowValue::Bytes(bytes)) => Some(bytes.to_vec()),
        _ => None,
    }
}

impl FlowValue<'_> {
    fn get(&self, name: &str) -> Option<&Self> {
        let Self::Dict(members) = self else { return None };
        let is_named = |key: &Self| matches!(key, Self::Bytes(key) if *key == name.as_bytes());
        members.iter().find(|(key, _)| is_named(key)).map(|(_, value)| value)
    }

    fn text(&self) -> Option<String> {
        match self {
            Self::Bytes(bytes) => Some(String::from_utf8_lossy(bytes).into_owned()),
            _ => None,
        }
    }

    fn seconds(&self) -> Option<f64> {
        match self {
            Self::Float(seconds) => Some(*seconds),
            Self::Integer(seconds) => Some(*seconds as f64),
            _ => None,
        }
    }
}

/// One value and what comes behind it.
fn parse(bytes: &[u8], depth: usize) -> Option<(FlowValue<'_>, &[u8])> {
    let colon = bytes.iter().take(LENGTH_DIGITS_MAX + 1).position(|byte| *byte == b':')?;
    let length: usize = std::str::from_utf8(&bytes[..colon]).ok()?.parse().ok()?;
    let payload = bytes.get(colon + 1..)?.get(..length)?;
    let kind = *bytes.get(colon + 1 + length)?;
    let rest = &bytes[colon + 2 + length..];
    let text = || std::str::from_utf8(payload).ok();
    let deeper = depth.checked_sub(1)?;
    let value = match kind {
        b',' | b';' => FlowValue::Bytes(payload),
        b'#' => FlowValue::Integer(text()?.parse().ok()?),
        b'^' => FlowValue::Float(text()?.parse().ok()?),
        b'!' => FlowValue::Bool(text()? == "true"),
        b'~' => FlowValue::Null,
        b']' => FlowValue::List(parse_all(payload, deeper)?),
        b'}' => {
            let mut values = parse_all(payload, deeper)?.into_iter();
            let mut members = Vec::new();
            while let Some(key) = values.next() {
                members.push((key, values.next()?));
            }
            FlowValue::Dict(members)
        }
        _ => return None,
    };
    Some((value, rest))
}

fn parse_all(mut bytes: &[u8], depth: usize) -> Option<Vec<FlowValue<'_>>> {
    let mut values = Vec::new();
    while !bytes.is_empty() {
        let (value, rest) = parse(bytes, depth)?;
        values.push(value);
        bytes = rest;
    }
    Some(values)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn net(payload: &str, kind: char) -> String {
        format!("{}:{payload}{kind}", payload.len())
    }

    fn dict(members: &[(&str, String)]) -> String {
        let members = members.iter().map(|(name, value)| net(name, ';') + value);
        net(&members.collect::<String>(), '}')
    }

    #[test]
    fn a_flow_is_read_with_its_answer() {
        let header = net(&(net("Content-Type", ',') + &net("application/json", ',')), ']');
        let request = dict(&[
            ("method", net("POST", ',')),
            ("scheme", net("http", ',')),
            ("host", net("gateway.test", ';')),
            ("port", net("80", '#')),
            ("path", net("/pg/refund", ',')),
            ("headers", net(&header, ']')),
            ("content", net("{}", ',')),
            ("timestamp_start", net("1000.5", '^')),
        ]);
        let response = dict(&[
            ("status_code", net("200", '#')),
            ("headers", net("", ']')),
            ("content", net("", '~')),
            ("timestamp_end", net("1000.75", '^')),
        ]);
        let flow =
            dict(&[("request", request.clone()), ("response", response), ("error", net("", '~'))]);
        let other = dict(&[("type", net("tcp", ';'))]);
        let calls = read("x", (flow.clone() + &other).as_bytes()).expect("flows");
        assert_eq!(calls.len(), 1);
        let call = &calls[0];
        assert_eq!((call.at_us, call.took_us), (1_000_500_000, 250_000));
        assert_eq!(call.url, "http://gateway.test:80/pg/refund");
        assert_eq!(call.headers, [("Content-Type".to_owned(), "application/json".to_owned())]);
        assert_eq!(call.body.as_deref(), Some(&b"{}"[..]));
        assert_eq!(
            call.answer.as_ref().map(|it| (it.status, it.body.is_none())),
            Some((200, true))
        );
        let lone = dict(&[("request", request), ("response", net("", '~'))]);
        assert!(read("x", lone.as_bytes()).expect("flows")[0].answer.is_none());
        assert!(is_flow(flow.as_bytes()) && !is_flow(b"{}") && !is_flow(b"12"));
        for at in 1..flow.len() {
            assert!(read("x", &flow.as_bytes()[..at]).is_err(), "cut at {at}");
        }
    }
}
