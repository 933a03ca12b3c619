//! Replies that are broken on purpose: what each transport fault makes of a good one. Pure; [`stream`](super::tap) puts
//! raw bytes on the socket, at the pace of the space's clock.

use std::fmt::Write as _;
use std::time::Duration;

use bytes::Bytes;

use super::fault_stream::{FaultEnd, RawReply};
use crate::scenario::{Transport, TruncatedLength};

/// A reply as it is put on the wire.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Plain {
    /// HTTP status.
    pub(crate) status: u16,
    pub(crate) content_type: &'static str,
    /// `X-Payon-Trace`.
    pub(crate) trace: [u8; 16],
    /// `Retry-After`, in seconds.
    pub(crate) retry_after_s: Option<u64>,
    pub(crate) body: Bytes,
}

/// A reply after a fault was applied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum FaultedReply {
    /// Another reply, and the connection lives on.
    Changed(Plain),
    /// Bytes that no HTTP library would send.
    Raw(RawReply),
}

/// Interval at which a slow reply goes on.
const BEAT: Duration = Duration::from_millis(50);
/// Pieces of a slow reply at most; the rest comes with the last.
const PIECES_MAX: usize = 1 << 16;

/// Breaks a reply.
pub(crate) fn break_reply(transport: &Transport, good: Plain) -> FaultedReply {
    let (status, top) = (good.status, head(&good));
    let raw = |head, steps, end| FaultedReply::Raw(RawReply { status, head, steps, end });
    let now = |bytes: Vec<u8>| vec![(Duration::ZERO, Bytes::from(bytes))];
    let length = good.body.len();
    let up_to = |after: u32| good.body.slice(..length.min(after as usize));
    match transport {
        Transport::Reset => raw(0, Vec::new(), FaultEnd::Reset),
        Transport::ResetWithinBody(after) => {
            raw(top.len(), now(joined(&top, &up_to(*after))), FaultEnd::Reset)
        }
        Transport::Empty => raw(0, Vec::new(), FaultEnd::Close),
        Transport::Truncate(truncate) => match truncate.length {
            TruncatedLength::Right => {
                let body = up_to(truncate.after);
                FaultedReply::Changed(Plain { body, ..good })
            }
            TruncatedLength::Wrong => {
                raw(top.len(), now(joined(&top, &up_to(truncate.after))), FaultEnd::Close)
            }
        },
        Transport::MalformedJson => {
            FaultedReply::Changed(Plain { body: almost(&good.body), ..good })
        }
        Transport::Html => FaultedReply::Changed(page(good.status, good)),
        Transport::WrongContentType => {
            FaultedReply::Changed(Plain { content_type: "text/plain;charset=UTF-8", ..good })
        }
        Transport::ChunkGarbage => {
            let mut bytes = head_with(&good, "transfer-encoding: chunked\r\n");
            let _ = write!(bytes, "{length:x}\r\n");
            let head = bytes.len();
            let mut bytes = joined(&bytes, &good.body);
            bytes.extend_from_slice(b"\r\nno-size\r\n");
            raw(head, now(bytes), FaultEnd::Close)
        }
        Transport::Drip(rate) => {
            let pause = Duration::from_secs(1) / rate.bytes_per_second.max(1);
            let length = top.len();
            let mut steps = now(top.into_bytes());
            steps.extend(pieces(&good.body, 1, pause));
            raw(length, steps, FaultEnd::Close)
        }
        Transport::Bandwidth(rate) => {
            let (size, pause) = pace(rate.bytes_per_second);
            let whole = Bytes::from(joined(&top, &good.body));
            raw(top.len(), pieces(&whole, size, pause), FaultEnd::Close)
        }
        Transport::Hang => raw(0, Vec::new(), FaultEnd::Hang),
        Transport::HalfClose => raw(top.len(), now(top.into_bytes()), FaultEnd::HalfClose),
        Transport::Busy(busy) => {
            let seconds = busy.retry_after.ms().div_ceil(1000);
            FaultedReply::Changed(Plain { retry_after_s: Some(seconds), ..page(429, good) })
        }
        Transport::ServerError(status) => FaultedReply::Changed(page(status.0, good)),
    }
}

/// A speed as bytes at a time and the pause before each time.
fn pace(bytes_per_second: u32) -> (usize, Duration) {
    let each = u64::from(bytes_per_second.max(1)) * BEAT.as_millis() as u64 / 1000;
    if each == 0 {
        return (1, Duration::from_secs(1) / bytes_per_second.max(1));
    }
    (each as usize, BEAT)
}

fn pieces(bytes: &Bytes, size: usize, pause: Duration) -> Vec<(Duration, Bytes)> {
    let mut rest = bytes.clone();
    let (mut pieces, mut after) = (Vec::new(), Duration::ZERO);
    while !rest.is_empty() {
        let is_last = pieces.len() + 1 == PIECES_MAX;
        let size = if is_last { rest.len() } else { size.min(rest.len()) };
        after += pause;
        pieces.push((after, rest.split_to(size)));
    }
    pieces
}

/// The head as hyper writes it, with the length of the whole body.
fn head(good: &Plain) -> String {
    head_with(good, &format!("content-length: {}\r\n", good.body.len()))
}

fn head_with(good: &Plain, framing: &str) -> String {
    let (status, content_type) = (good.status, good.content_type);
    let reason = hyper::StatusCode::from_u16(status).ok().and_then(|s| s.canonical_reason());
    let trace = String::from_utf8_lossy(&good.trace);
    format!(
        "HTTP/1.1 {status} {}\r\ncontent-type: {content_type}\r\nx-payon-trace: {trace}\r\n{framing}\r\n",
        reason.unwrap_or_default()
    )
}

/// A reply after which the connection ends, as bytes.
pub(crate) fn last_reply(good: &Plain) -> Bytes {
    let framing = format!("content-length: {}\r\nconnection: close\r\n", good.body.len());
    joined(&head_with(good, &framing), &good.body).into()
}

fn joined(head: &str, body: &[u8]) -> Vec<u8> {
    [head.as_bytes(), body].concat()
}

/// JSON but for its last byte.
fn almost(body: &Bytes) -> Bytes {
    let mut bytes = body.to_vec();
    bytes.pop();
    bytes.push(b',');
    bytes.into()
}

/// Answer of a proxy in between in place of the gateway.
fn page(status: u16, good: Plain) -> Plain {
    let reason = hyper::StatusCode::from_u16(status).ok().and_then(|s| s.canonical_reason());
    let title = format!("{status} {}", reason.unwrap_or_default());
    let body = format!(
        "<html>\r\n<head><title>{title}</title></head>\r\n<body>\r\n<center><h1>{title}</h1></center>\r\n</body>\r\n</html>\r\n"
    );
    Plain { status, content_type: "text/html", body: body.into(), ..good }
}
