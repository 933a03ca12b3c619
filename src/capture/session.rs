//! The file of a recorded session: one JSON value a line. The first says what it is, then come calls and push-backs in the
//! order in which they ended, and the last says how many there were, so that a file that was cut off is noticed.
//!
//! Format and version are documented in `docs/shadow.md`. Secrets never get into it: whoever records masks them before.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};

use super::{CaptureError, CapturedCall};
use crate::base::{JsonTree, Millis};

/// The version of the format that is written.
pub const SESSION_VERSION: u32 = 1;

/// The first line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SessionHead {
    /// [`SESSION_VERSION`].
    pub payon_sim_capture: u32,
    /// Begin of the recording, RFC 3339.
    pub made_at: String,
    /// The program that wrote it.
    pub by: String,
    /// Scheme, host and port of the gateway that answered.
    pub upstream: String,
    /// True if signatures were kept.
    pub signatures: bool,
}

/// Any other line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub enum SessionLine {
    /// A merchant's call.
    Call(Box<RecordedCall>),
    /// An attempt to notify the merchant.
    Pushback(Box<RecordedPushback>),
    /// The end of the recording.
    End(SessionEnd),
}

/// The last line.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SessionEnd {
    /// Calls in the file.
    pub calls: u64,
    /// Push-backs in the file.
    pub pushbacks: u64,
    /// Calls and push-backs that went through and are not in the file.
    pub lost: u64,
    /// Requests of other kinds, such as payer's pages, that went through and are never recorded.
    pub passed: u64,
}

/// A merchant's call and its answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RecordedCall {
    /// Time at which it came, in microseconds since 1970.
    pub at_us: i64,
    /// Time until the answer was there, in microseconds.
    pub took_us: u64,
    /// HTTP method.
    pub method: String,
    /// Path, without the values of a query.
    pub path: String,
    /// The request.
    pub request: RecordedMessage,
    /// The answer; absent where none came, or none that came whole.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answer: Option<RecordedAnswer>,
    /// Reason why no whole answer came.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<String>,
    /// Judgement of the signature before it was masked.
    pub signature: SignatureNote,
}

/// An attempt to notify the merchant, as it came from the gateway, and the merchant's answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RecordedPushback {
    /// Time at which it came, in microseconds since 1970.
    pub at_us: i64,
    /// Time until the merchant's answer was passed on, or the gateway went away, in microseconds.
    pub took_us: u64,
    /// HTTP method.
    pub method: String,
    /// The notice.
    pub request: RecordedMessage,
    /// The merchant's answer; absent where none came.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answer: Option<RecordedAnswer>,
    /// Reason why no answer came.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<String>,
}

/// Headers and body of a request.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RecordedMessage {
    /// Names and values, in their order.
    pub headers: Vec<(String, String)>,
    /// The body.
    #[serde(flatten)]
    pub body: RecordedBody,
}

/// Status, headers and body of an answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RecordedAnswer {
    /// HTTP status.
    pub status: u16,
    /// Headers and body.
    #[serde(flatten)]
    pub message: RecordedMessage,
}

/// A body: text where it is UTF-8, else Base64.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RecordedBody {
    /// The text.
    pub body: String,
    /// True if the text is Base64 of the bytes.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub base64: bool,
    /// True if there was more than is kept.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub cut: bool,
}

/// A judgement of a signature, by the keys and the recipe of the profile that recorded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SignatureNote {
    /// There was none.
    #[default]
    Absent,
    /// It fits the body.
    Valid,
    /// It does not.
    Invalid,
    /// No key of the merchant is known.
    Unknown,
}

/// A recorded session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    /// The first line.
    pub head: SessionHead,
    /// Calls and push-backs.
    pub lines: Vec<SessionLine>,
    /// The last line; `None` where the file was cut off.
    pub end: Option<SessionEnd>,
}

/// Text that is no recorded session. Messages quote nothing of it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SessionError {
    /// The first line is not that of a capture.
    #[error("not a capture of payon-sim: its first line is not {{\"payonSimCapture\":1,…}}")]
    Unknown,
    /// A later version.
    #[error("a capture of version {0}; this program reads version 1: use a newer payon-sim")]
    Version(u32),
    /// A line that is not as the format says.
    #[error("line {line}: not a line of a capture (column {column})")]
    Line {
        /// Counted from 1.
        line: usize,
        /// Counted from 1.
        column: usize,
    },
    /// Something behind the last line.
    #[error("line {0}: something follows the line that ends the capture")]
    AfterEnd(usize),
    /// The last line counts other numbers than there are.
    #[error("{found} calls and push-backs are in the file, its last line counts {told}")]
    Count {
        /// In the file.
        found: u64,
        /// In the last line.
        told: u64,
    },
}

impl Session {
    /// Reads a file.
    pub fn read(text: &str) -> Result<Self, SessionError> {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Version {
            payon_sim_capture: u32,
        }
        let mut rows =
            (1..).zip(text.lines()).filter(|(_, line): &(usize, &str)| !line.trim().is_empty());
        let (_, first) = rows.next().ok_or(SessionError::Unknown)?;
        let version: Version = serde_json::from_str(first).map_err(|_| SessionError::Unknown)?;
        if version.payon_sim_capture != SESSION_VERSION {
            return Err(SessionError::Version(version.payon_sim_capture));
        }
        let unread = |line| {
            move |error: serde_json::Error| SessionError::Line { line, column: error.column() }
        };
        let head = serde_json::from_str(first).map_err(unread(1))?;
        let mut session = Self { head, lines: Vec::new(), end: None };
        for (line, row) in rows {
            if session.end.is_some() {
                return Err(SessionError::AfterEnd(line));
            }
            match serde_json::from_str(row).map_err(unread(line))? {
                SessionLine::End(end) => session.end = Some(end),
                other => session.lines.push(other),
            }
        }
        if let Some(end) = session.end {
            let (found, told) =
                (session.lines.len() as u64, end.calls.saturating_add(end.pushbacks));
            if found != told {
                return Err(SessionError::Count { found, told });
            }
        }
        Ok(session)
    }

    /// The text of a file.
    pub fn write(&self) -> String {
        let lines = self.lines.iter().map(line);
        let end = self.end.map(|end| line(&SessionLine::End(end)));
        let head = line(&self.head);
        std::iter::once(head).chain(lines).chain(end).collect()
    }
}

/// The text begins as a capture does.
pub(super) fn is_session(text: &str) -> bool {
    let first = text.trim_start().strip_prefix('{').map(str::trim_start);
    first.is_some_and(|rest| rest.starts_with("\"payonSimCapture\""))
}

/// The signed requests of a capture that the gateway accepted.
pub(super) fn signed_calls(name: &str, text: &str) -> Result<Vec<CapturedCall>, CaptureError> {
    let session = Session::read(text).map_err(CaptureError::Session)?;
    if !session.head.signatures {
        return Err(CaptureError::NoSignatures);
    }
    let calls = (1..).zip(&session.lines).filter_map(|(number, line)| match line {
        SessionLine::Call(call) => Some((number, call)),
        _ => None,
    });
    let signed = calls.filter(|(_, call)| {
        let tree = |message: &RecordedMessage| JsonTree::parse(&message.body.bytes());
        let is_signed = tree(&call.request).is_some_and(|tree| {
            tree.get("sign").and_then(JsonTree::text).is_some_and(|sign| !sign.is_empty())
        });
        let is_accepted =
            call.answer.as_ref().and_then(|answer| tree(&answer.message)).is_some_and(|tree| {
                tree.get("resultCode").and_then(JsonTree::text) == Some("0000")
            });
        is_signed && is_accepted
    });
    let captured = signed.map(|(number, call)| CapturedCall {
        name: format!("{name}, call {number}"),
        url: Some(format!("{}{}", session.head.upstream, call.path)),
        body: call.request.body.body.clone(),
    });
    Ok(captured.collect())
}

/// A value as one line of a capture.
pub fn line(value: &impl Serialize) -> String {
    // Texts and numbers into memory cannot fail.
    serde_json::to_string(value).unwrap_or_default() + "\n"
}

impl RecordedBody {
    /// The body of these bytes.
    pub fn new(bytes: &[u8], cut: bool) -> Self {
        match std::str::from_utf8(bytes) {
            Ok(text) => Self { body: text.to_owned(), base64: false, cut },
            Err(_) => Self { body: STANDARD.encode(bytes), base64: true, cut },
        }
    }

    /// Its bytes.
    pub fn bytes(&self) -> Vec<u8> {
        if self.base64 {
            STANDARD.decode(&self.body).unwrap_or_default()
        } else {
            self.body.clone().into_bytes()
        }
    }
}

impl RecordedCall {
    /// Time at which its answer was there, in microseconds since 1970.
    pub fn end_us(&self) -> i64 {
        self.at_us.saturating_add_unsigned(self.took_us)
    }

    /// Time at which it came.
    pub fn at(&self) -> Millis {
        Millis(self.at_us / 1000)
    }
}

impl RecordedPushback {
    /// Time at which it came.
    pub fn at(&self) -> Millis {
        Millis(self.at_us / 1000)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn session() -> Session {
        let request = RecordedMessage {
            headers: vec![("Host".to_owned(), "gateway.test".to_owned())],
            body: RecordedBody::new(b"{\"a\":1.00}", false),
        };
        let answer = RecordedAnswer {
            status: 200,
            message: RecordedMessage {
                headers: Vec::new(),
                body: RecordedBody::new(b"\xff\x00", true),
            },
        };
        let call = RecordedCall {
            at_us: 1_000_000,
            took_us: 1500,
            method: "POST".to_owned(),
            path: "/pg/refund".to_owned(),
            request: request.clone(),
            answer: Some(answer),
            failure: None,
            signature: SignatureNote::Valid,
        };
        let pushback = RecordedPushback {
            at_us: 1_001_000,
            took_us: 10,
            method: "POST".to_owned(),
            request,
            answer: None,
            failure: Some("refused".to_owned()),
        };
        Session {
            head: SessionHead {
                payon_sim_capture: 1,
                made_at: "2026-03-02T10:00:00.000+07:00".to_owned(),
                by: "payon-sim".to_owned(),
                upstream: "http://gateway.test".to_owned(),
                signatures: false,
            },
            lines: vec![
                SessionLine::Call(Box::new(call)),
                SessionLine::Pushback(Box::new(pushback)),
            ],
            end: Some(SessionEnd { calls: 1, pushbacks: 1, lost: 0, passed: 2 }),
        }
    }

    #[test]
    fn a_session_is_read_as_it_was_written() {
        let written = session().write();
        assert_eq!(written.lines().count(), 4);
        assert_eq!(Session::read(&written), Ok(session()));
        let SessionLine::Call(call) = &session().lines[0] else { panic!("a call") };
        assert_eq!(call.answer.as_ref().expect("one").message.body.bytes(), b"\xff\x00");
        assert_eq!(call.end_us(), 1_001_500);
    }

    #[test]
    fn signed_requests_that_were_accepted_are_samples() {
        let mut session = session();
        assert_eq!(signed_calls("x", &session.write()), Err(CaptureError::NoSignatures));
        session.head.signatures = true;
        assert_eq!(signed_calls("x", &session.write()), Ok(Vec::new()));
        let answered = |code: &str| RecordedBody::new(code.as_bytes(), false);
        let SessionLine::Call(call) = &mut session.lines[0] else { panic!("a call") };
        call.request.body = RecordedBody::new(b"{\"txId\":\"1\",\"sign\":\"AAAA\"}", false);
        call.answer.as_mut().expect("one").message.body = answered("{\"resultCode\":\"9999\"}");
        assert_eq!(signed_calls("x", &session.write()), Ok(Vec::new()));
        let SessionLine::Call(call) = &mut session.lines[0] else { panic!("a call") };
        call.answer.as_mut().expect("one").message.body = answered("{\"resultCode\":\"0000\"}");
        let found = crate::capture::read("x", &session.write(), &|_| None).expect("a sample");
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].operation(), Some(crate::base::Operation::Refund));
        assert_eq!(found[0].body, "{\"txId\":\"1\",\"sign\":\"AAAA\"}");
    }

    #[test]
    fn what_is_cut_off_or_changed_is_noticed() {
        let written = session().write();
        let rows: Vec<&str> = written.lines().collect();
        let cut = Session::read(&rows[..3].join("\n")).expect("a session without its end");
        assert_eq!(cut.end, None);
        let lost = [rows[0], rows[1], rows[3]].join("\n");
        assert_eq!(Session::read(&lost), Err(SessionError::Count { found: 1, told: 2 }));
        let behind = format!("{written}{}", rows[1]);
        assert_eq!(Session::read(&behind), Err(SessionError::AfterEnd(5)));
        assert_eq!(Session::read("{\"log\":{}}"), Err(SessionError::Unknown));
        let later = written.replacen(":1", ":2", 1);
        assert_eq!(Session::read(&later), Err(SessionError::Version(2)));
        let broken = written.replacen("\"kind\":\"call\"", "\"kind\":\"cell\"", 1);
        assert!(matches!(Session::read(&broken), Err(SessionError::Line { line: 2, .. })));
    }
}
