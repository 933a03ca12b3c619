//! Callers that do not speak HTTP/1.1, or speak it wrongly: hyper only gives them a status, so that what came is
//! recognised here and told to the caller, the journal and the log.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use tokio::time::Instant;

use super::fault::{FaultedReply, Plain, break_reply, last_reply};
use super::fault_stream::{FaultEnd, RawReply};
use super::router::{App, Plane};
use super::{HEAD_BYTES_MAX, HEADERS_MAX};
use crate::gateway;
use crate::http::BodyError;
use crate::space::PendingReply;

/// Notes in the journal that may be made at once; after them, one a second.
const BURST: u32 = 64;

/// Protocols by their first bytes, with advice.
const PROTOCOLS: [(&[u8], &str); 5] = [
    (
        b"\x16\x03",
        "a TLS handshake came; this port speaks plain http: use http:// in place of https://",
    ),
    (
        b"PRI * HTTP/2",
        "HTTP/2 came; this port speaks HTTP/1.1: do not let the client begin with HTTP/2 (h2c, prior knowledge)",
    ),
    (
        b"PROXY ",
        "a line of the PROXY protocol came; this port speaks HTTP/1.1: switch that off where the request is passed on",
    ),
    (
        b"\r\n\r\n\0\r\nQUIT\n",
        "a head of the PROXY protocol, version 2, came; this port speaks HTTP/1.1: switch that off where the request is \
         passed on",
    ),
    (b"SSH-", "an SSH client came; this port speaks HTTP/1.1"),
];
/// The row of [`PROTOCOLS`] for HTTP/2.
const HTTP_2: usize = 1;

/// Input of a listener that is no HTTP/1.1.
#[derive(Debug)]
pub(super) struct Malformed {
    /// The protocols that the log has named.
    named: [AtomicBool; PROTOCOLS.len()],
    budget: Mutex<NoteBudget>,
}

/// Number of notes may still be made.
#[derive(Debug)]
struct NoteBudget {
    left: u32,
    filled: Instant,
    is_exhausted: bool,
}

impl Default for Malformed {
    fn default() -> Self {
        let budget = NoteBudget { left: BURST, filled: Instant::now(), is_exhausted: false };
        Self { named: Default::default(), budget: Mutex::new(budget) }
    }
}

impl NoteBudget {
    /// Takes one note, where any is left; says as well whether this is the first that is refused in a row.
    fn take(&mut self) -> (bool, bool) {
        let seconds = self.filled.elapsed().as_secs();
        if seconds > 0 {
            self.left = self.left.saturating_add(seconds.min(u64::from(BURST)) as u32).min(BURST);
            self.filled = Instant::now();
        }
        let is_left = self.left > 0;
        let is_first = !is_left && !self.is_exhausted;
        self.left = self.left.saturating_sub(1);
        self.is_exhausted = !is_left;
        (is_left, is_first)
    }
}

/// The last that is said on a connection.
pub(super) enum LastWords {
    /// This, and the connection is closed in good order.
    Good(Bytes),
    /// Remains of it after the rule that stepped in.
    ByRule(RawReply, Box<PendingReply>),
}

impl LastWords {
    fn by_rule(good: Plain, pending: Box<PendingReply>) -> Self {
        let broken = pending.by.plan.transport.as_ref().map(|it| break_reply(it, good.clone()));
        let plain = match broken {
            Some(FaultedReply::Raw(raw)) => {
                pending.by.leaves_raw(raw.head);
                return Self::ByRule(raw, pending);
            }
            Some(FaultedReply::Changed(plain)) => plain,
            None => good,
        };
        let bytes = last_reply(&plain);
        let (status, head) = (plain.status, bytes.len() - plain.body.len());
        pending.by.leaves_raw(head);
        let steps = vec![(Duration::ZERO, bytes)];
        Self::ByRule(RawReply { status, head, steps, end: FaultEnd::Close }, pending)
    }
}

/// Part of a request that is larger than is taken. hyper has one status for all of them.
enum TooLarge {
    /// The request line.
    Line,
    /// The head as a whole.
    Head,
    /// The number of its headers.
    Headers,
    /// The length of the body that it announces.
    Length,
}

impl TooLarge {
    /// The part, by what hyper has not read: it lets go of a head only once that is read.
    fn of(status: Option<u16>, came: &[u8]) -> Option<Self> {
        let lines =
            came.split(|byte| *byte == b'\n').take_while(|line| !matches!(*line, [] | [b'\r']));
        (status == Some(431)).then(|| match lines.count() {
            _ if came.len() >= HEAD_BYTES_MAX && !came.contains(&b'\n') => Self::Line,
            _ if came.len() >= HEAD_BYTES_MAX => Self::Head,
            lines if lines > HEADERS_MAX => Self::Headers,
            _ => Self::Length,
        })
    }

    const fn status(&self) -> u16 {
        match self {
            Self::Line => 414,
            Self::Head | Self::Headers => 431,
            Self::Length => 413,
        }
    }

    fn in_words(&self, body_bytes: usize) -> String {
        match self {
            Self::Line => "the request line is too long".to_owned(),
            Self::Head => format!("the request's head has more than {HEAD_BYTES_MAX} bytes"),
            Self::Headers => format!("the request has more than {HEADERS_MAX} headers"),
            Self::Length => BodyError::TooLarge(body_bytes).to_string(),
        }
    }
}

impl Malformed {
    /// Notes what came and makes the answer to it. `status` is hyper's own; it has none for HTTP/2. `first` is how the
    /// connection began, which tells its protocol, and `came` is what hyper has not read of it. Without an answer a rule
    /// broke the connection.
    pub(super) async fn answer(
        &self,
        app: &App,
        plane: Plane,
        status: Option<u16>,
        (first, came): (&[u8], &[u8]),
        error: &hyper::Error,
    ) -> Option<LastWords> {
        let protocol = PROTOCOLS.iter().position(|(start, _)| first.starts_with(start));
        let (status, detail) = match (protocol, TooLarge::of(status, came)) {
            (Some(row), _) => (status, PROTOCOLS[row].1.to_owned()),
            (None, Some(part)) => (Some(part.status()), part.in_words(app.limits.body_bytes)),
            (None, None) => (status, format!("the request is not HTTP/1.1: {error}")),
        };
        let (is_noted, is_first_left_out) =
            self.budget.lock().unwrap_or_else(PoisonError::into_inner).take();
        match protocol {
            Some(row) if !self.named[row].swap(true, Ordering::Relaxed) => {
                tracing::warn!("{detail} (said once)");
            }
            None if is_noted => tracing::warn!("{detail}"),
            _ => tracing::debug!("{detail}"),
        }
        if is_first_left_out {
            tracing::warn!("too much that is not HTTP/1.1 comes; not all of it is noted");
        }
        let space = app.spaces.default_space();
        let meets_rules = plane != Plane::Control;
        let code = status.unwrap_or(400);
        let reply = gateway::refuse_malformed(space, code, &detail, is_noted, meets_rules);
        let trace = reply.trace.digits();
        if let Some(pending) = reply.pending {
            // None comes back where the wait broke down.
            let pending = PendingReply::outlast(vec![pending]).await.pop()?;
            let (status, content_type) = (reply.status, "application/json;charset=UTF-8");
            let good = Plain { status, content_type, trace, retry_after_s: None, body: reply.body };
            return Some(LastWords::by_rule(good, pending));
        }
        if protocol == Some(HTTP_2) {
            return Some(LastWords::Good(go_away(&detail)));
        }
        let (content_type, body) = match plane {
            Plane::Control => app.control.malformed(code, &detail),
            Plane::Both | Plane::Merchant => ("application/json;charset=UTF-8", reply.body),
        };
        let good = Plain { status: code, content_type, trace, retry_after_s: None, body };
        Some(LastWords::Good(last_reply(&good)))
    }
}

/// A server's first frames in HTTP/2: empty SETTINGS, and GOAWAY with the error HTTP_1_1_REQUIRED (RFC 9113, sections
/// 6.5, 6.8 and 7).
fn go_away(detail: &str) -> Bytes {
    const SETTINGS: [u8; 9] = [0, 0, 0, 4, 0, 0, 0, 0, 0];
    const HTTP_1_1_REQUIRED: u32 = 0xd;
    let length = (8 + detail.len()) as u32;
    let mut frames = SETTINGS.to_vec();
    frames.extend_from_slice(&length.to_be_bytes()[1..]);
    frames.extend_from_slice(&[7, 0, 0, 0, 0, 0]);
    frames.extend_from_slice(&0_u32.to_be_bytes());
    frames.extend_from_slice(&HTTP_1_1_REQUIRED.to_be_bytes());
    frames.extend_from_slice(detail.as_bytes());
    frames.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn notes_are_bounded_and_come_back_with_time() {
        let mut budget = NoteBudget { left: 2, filled: Instant::now(), is_exhausted: false };
        let taken: Vec<_> = (0..4).map(|_| budget.take()).collect();
        assert_eq!(taken, [(true, false), (true, false), (false, true), (false, false)]);
        tokio::time::advance(Duration::from_secs(1)).await;
        assert_eq!((budget.take(), budget.take()), ((true, false), (false, true)));
    }
}
