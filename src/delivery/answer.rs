//! A merchant's answer to a push-back, as far as it came, and the verdict on it.

use http_body_util::BodyExt;
use hyper::body::{Body as _, Incoming};
use hyper::header::{HeaderMap, LOCATION, SET_COOKIE};
use serde::de::IgnoredAny;

use super::connection::{
    HEAD_BYTES_MAX, HEADERS_MAX, INTERIM_BYTES_MAX, ReceivedBytes, Step, quoted,
};
use crate::base::{Fields, SecretNames, encoded};
use crate::profile::{Acknowledge, PushbackPolicy};
use crate::wire;

/// Bytes of a body that are looked at where it decides. What is recorded of it is the profile's.
const JUDGED_BYTES_MAX: usize = 1 << 20;
/// Bytes behind the recorded ones that are looked at, so that no secret is shown because its end is missing.
const BEYOND_BYTES: usize = 64;
/// Headers that are recorded.
const HEADERS_KEPT: usize = 32;
/// Characters of a header's value that are recorded.
const HEADER_CHARS: usize = 200;

/// Everything that came of an answer, kept also where it did not come to its end.
#[derive(Debug, Default)]
pub(super) struct Answer {
    /// The step that is under way, or in which it failed.
    pub(super) step: Step,
    pub(super) status: Option<u16>,
    pub(super) headers: Vec<(Box<str>, Box<str>)>,
    location: Option<String>,
    body: Vec<u8>,
    /// The length that the head announced.
    length: Option<u64>,
    /// The body is longer than is looked at.
    is_cut: bool,
}

impl Answer {
    /// Notes the head.
    pub(super) fn take_head(&mut self, status: u16, headers: &HeaderMap, body: &Incoming) {
        self.step = Step::Reading;
        self.status = Some(status);
        self.length = body.size_hint().exact();
        let text = |value: &[u8]| String::from_utf8_lossy(value).into_owned();
        self.location = headers
            .get(LOCATION)
            .map(|to| wire::redact_text(SecretNames::GENERAL, &text(to.as_bytes())).into_owned());
        let kept = headers.iter().take(HEADERS_KEPT).map(|(name, value)| {
            // A session at the merchant is its secret.
            let value = if name == SET_COOKIE {
                "(not kept)".into()
            } else {
                let value = text(value.as_bytes());
                wire::redact_header(SecretNames::GENERAL, name.as_str(), &value).into_owned()
            };
            let value: String = value.chars().take(HEADER_CHARS).collect();
            (name.as_str().into(), value.into())
        });
        self.headers = kept.collect();
    }

    /// Reads the body as far as the policy needs it. Whether all of it was read.
    pub(super) async fn read(
        &mut self,
        mut body: Incoming,
        policy: &PushbackPolicy,
    ) -> Result<bool, String> {
        let recorded = policy.response_bytes_max as usize + BEYOND_BYTES;
        let limit = match policy.acknowledge {
            Acknowledge::Any2xx => recorded,
            Acknowledge::BodyCode => recorded.max(JUDGED_BYTES_MAX),
        };
        while let Some(frame) = body.frame().await {
            let frame = frame.map_err(|_| self.ended_short())?;
            if let Some(data) = frame.data_ref() {
                let room = limit - self.body.len();
                self.body.extend_from_slice(&data[..data.len().min(room)]);
                if data.len() > room || (room == data.len() && !body.is_end_stream()) {
                    self.is_cut = true;
                    return Ok(false);
                }
            }
        }
        Ok(true)
    }

    /// The answer's beginning for the log: where it leads to, and its body. Secrets are masked.
    pub(super) fn recorded(&self, policy: &PushbackPolicy) -> Box<str> {
        let length = policy.response_bytes_max as usize;
        let body = wire::redact(
            SecretNames::GENERAL,
            &self.body[..self.body.len().min(length + BEYOND_BYTES)],
        );
        let body = String::from_utf8_lossy(&body[..body.len().min(length)]);
        match &self.location {
            Some(to) => format!("(to {to}) {body}").into(),
            None => body.into(),
        }
    }

    /// Says why a whole answer does not count as acknowledged.
    pub(super) fn refusal(&self, policy: &PushbackPolicy) -> Option<String> {
        let status = self.status?;
        match status {
            200..=299 if policy.acknowledge == Acknowledge::BodyCode => {
                let wrong = self.wrong_body(policy)?;
                Some(format!("HTTP {status}, but {wrong}"))
            }
            200..=299 => None,
            300..=399 => Some(format!("HTTP {status}: redirects are not followed")),
            _ => Some(format!("HTTP {status}")),
        }
    }

    /// Says why the body does not acknowledge.
    fn wrong_body(&self, policy: &PushbackPolicy) -> Option<String> {
        let (field, code) = (&policy.acknowledge_field, &policy.acknowledge_code);
        if self.is_cut {
            return Some(format!(
                "its body is longer than {} bytes, so that it is not looked at for {field} = {code:?}",
                self.body.len()
            ));
        }
        let text = self.body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&self.body);
        let missing = format!("the body does not say {field} = {code:?}");
        if text.trim_ascii().is_empty() {
            return Some(format!("{missing}: it is empty"));
        }
        let found = match Fields::parse(text) {
            Ok(fields) => fields.get(field),
            Err(_) if serde_json::from_slice::<IgnoredAny>(text).is_ok() => None,
            Err(_) => {
                let what = encoded(text).unwrap_or("not JSON");
                return Some(format!("{missing}: it is {what}"));
            }
        };
        match found {
            Some(given) if given.is_string() && *given.text() == **code => None,
            Some(given) if given.is_string() => Some(missing),
            Some(_) => Some(format!("{missing}: its {field} is no text")),
            None => Some(format!("{missing}: it has no {field}")),
        }
    }

    /// Says what was still missing when the time was over.
    pub(super) fn overdue(&mut self, timeout_ms: i64, seen: &ReceivedBytes) -> String {
        let missing = match self.step {
            Step::Resolving => "the name of the host was not resolved",
            Step::Connecting => "no connection came about",
            Step::Handshake => "the TLS handshake did not end",
            Step::Waiting if seen.received() == 0 => "no answer",
            Step::Waiting => {
                self.status = status_of(&seen.start());
                match self.status {
                    Some(status) => {
                        return format!(
                            "HTTP {status}, but its head did not end within {timeout_ms} ms"
                        );
                    }
                    None if is_interim(&seen.start()) => "only interim answers (1xx) came",
                    None => "no whole answer came",
                }
            }
            Step::Reading => {
                let status = self.status.unwrap_or_default();
                return format!("HTTP {status}, but its body did not end within {timeout_ms} ms");
            }
        };
        format!("{missing} within {timeout_ms} ms")
    }

    /// Says what was wrong with an answer of which not even the head could be read.
    pub(super) fn no_head(
        &mut self,
        error: &hyper::Error,
        seen: &ReceivedBytes,
        is_tls: bool,
    ) -> String {
        let (start, received) = (seen.start(), seen.received());
        self.status = status_of(&start);
        let came = self.status.map_or_else(String::new, |status| format!("HTTP {status}, but "));
        if seen.is_over_bound() {
            return format!(
                "interim answers (1xx) without end: no final one within {INTERIM_BYTES_MAX} bytes"
            );
        }
        if error.is_parse_too_large() && received >= HEAD_BYTES_MAX {
            return format!("{came}the head of its answer is longer than {HEAD_BYTES_MAX} bytes");
        }
        if error.is_parse_too_large() && seen.lines() > HEADERS_MAX {
            return format!("{came}its answer has more than {HEADERS_MAX} headers");
        }
        if error.is_parse_too_large() {
            return format!("{came}its Content-Length is more than any answer has");
        }
        match &*start {
            [] => {
                let hint = if is_tls {
                    ""
                } else {
                    " (a port that speaks TLS may do so: then the address must begin with https://)"
                };
                format!("no answer: {} before a byte of it came{hint}", cut_off(error))
            }
            [0x15 | 0x16, 0x03, ..] if !is_tls => {
                "no proper answer: the port speaks TLS; the address must begin with https://"
                    .to_owned()
            }
            // The frame with which an HTTP/2 server begins.
            [0, 0, _, 4, ..] => {
                "no proper answer: the port speaks HTTP/2; push-backs are sent in HTTP/1.1"
                    .to_owned()
            }
            start if error.is_parse() && start.starts_with(b"HTTP/1.") => {
                format!("{came}the head of its answer is no valid HTTP: {}", innermost(error))
            }
            start if error.is_parse() => {
                format!("no proper answer: it is no HTTP/1.1, it begins with {}", quoted(start))
            }
            _ => format!(
                "{came}{} in the middle of the answer's head, after {received} bytes",
                cut_off(error)
            ),
        }
    }

    fn ended_short(&self) -> String {
        let status = self.status.unwrap_or_default();
        let came = self.body.len();
        match self.length {
            Some(length) => {
                format!("HTTP {status}, but its body ended short: {came} of {length} bytes came")
            }
            None => format!("HTTP {status}, but its body broke off after {came} bytes"),
        }
    }
}

/// The way in which a connection ended.
fn cut_off(error: &hyper::Error) -> String {
    let mut cause: Option<&dyn std::error::Error> = Some(error);
    while let Some(inner) = cause {
        if let Some(io) = inner.downcast_ref::<std::io::Error>() {
            return match io.kind() {
                std::io::ErrorKind::ConnectionReset => "the connection was reset".to_owned(),
                std::io::ErrorKind::BrokenPipe | std::io::ErrorKind::UnexpectedEof => {
                    "the connection was closed".to_owned()
                }
                _ => format!("the connection broke ({io})"),
            };
        }
        cause = inner.source();
    }
    "the connection was closed".to_owned()
}

/// The innermost cause, which says what really happened.
fn innermost(error: &hyper::Error) -> String {
    let mut cause: &dyn std::error::Error = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    cause.to_string()
}

/// The final status of an answer that begins like this.
fn status_of(start: &[u8]) -> Option<u16> {
    let rest = start.strip_prefix(b"HTTP/1.1 ").or_else(|| start.strip_prefix(b"HTTP/1.0 "))?;
    let (digits, rest) = rest.split_at_checked(3)?;
    let is_whole = rest.first().is_none_or(u8::is_ascii_whitespace);
    let digits = std::str::from_utf8(digits).ok().filter(|_| is_whole)?;
    digits.parse().ok().filter(|status| (200..600).contains(status))
}

fn is_interim(start: &[u8]) -> bool {
    start.starts_with(b"HTTP/1.1 1")
}
