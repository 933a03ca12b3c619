//! The body of a request: read within a size and a time, or left unread without harm to the connection.

use std::pin::pin;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use futures_util::FutureExt as _;
use http_body_util::BodyExt;
use hyper::Response;
use hyper::body::{Body as _, Incoming};
use hyper::header::{CONNECTION, HeaderValue};

use super::Limits;

/// Reason why there is no body.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum BodyError {
    /// More than the limit.
    #[error("the body is larger than {0} bytes")]
    TooLarge(usize),
    /// The client stopped sending, or sent something that is not HTTP.
    #[error("the body did not arrive whole")]
    Broken,
}

/// Largest part of a too large body that is read and thrown away, so that a client that sends before it
/// listens still gets to see the refusal.
const DISCARDED_MAX: usize = 16 << 20;
/// The longest wait for the rest of a body that nobody reads.
const DISCARD_TIME: Duration = Duration::from_secs(1);

/// The mark on a response after which the connection ends although its client may still be sending.
#[derive(Clone, Copy, Debug)]
pub struct LeavesRest;

/// The body of a request, with how much of it was read.
pub struct RequestBody {
    incoming: Incoming,
    /// True if the client sends it only after `100 Continue`, which reading it would send.
    awaits_continue: bool,
    rest: BodyRest,
}

/// Number of bytes of a body that are still to come.
#[derive(Clone, Copy, PartialEq, Eq)]
enum BodyRest {
    /// Nothing was read.
    All,
    /// Too much to go on, or nobody knows how much.
    Some,
    /// It was read to its end.
    None,
}

impl RequestBody {
    /// The body of a request. `awaits_continue` says that the client sends it only after `100 Continue`.
    pub fn new(incoming: Incoming, awaits_continue: bool) -> Self {
        Self { incoming, awaits_continue, rest: BodyRest::All }
    }

    /// Reads it whole.
    pub async fn read(&mut self, limits: &Limits) -> Result<Bytes, BodyError> {
        self.rest = BodyRest::Some;
        let (read, rest) = read(&mut self.incoming, limits).await;
        self.rest = rest;
        read
    }

    /// Returns true if nothing of it is still to come.
    pub fn is_read(&self) -> bool {
        self.rest == BodyRest::None
    }

    /// Prepares the connection for what follows `response`: reads what was not read, or lets the response say that the
    /// connection ends (RFC 9112, section 9.6).
    pub async fn settle<B>(mut self, response: &mut Response<B>, limits: &Limits) {
        if self.rest == BodyRest::All {
            self.rest = self.discard(limits).await;
        }
        if self.rest == BodyRest::Some {
            response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
            response.extensions_mut().insert(LeavesRest);
        }
    }

    /// Reads and forgets a body that is not too large and comes soon.
    async fn discard(&mut self, limits: &Limits) -> BodyRest {
        if self.incoming.is_end_stream() {
            return BodyRest::None;
        }
        if self.awaits_continue || announced(&self.incoming) > limits.body_bytes {
            return BodyRest::Some;
        }
        let reading = collect(&mut self.incoming, limits.body_bytes, limits.body_bytes);
        let time = DISCARD_TIME.min(limits.request_time);
        tokio::time::timeout(time, reading).await.map_or(BodyRest::Some, |(_, rest)| rest)
    }
}

/// The least number of bytes that a body has.
fn announced(body: &Incoming) -> usize {
    usize::try_from(body.size_hint().lower()).unwrap_or(usize::MAX)
}

/// Reads a body whole; says as well how much of it is still to come.
async fn read(body: &mut Incoming, limits: &Limits) -> (Result<Bytes, BodyError>, BodyRest) {
    let read_max = limits.body_bytes.max(DISCARDED_MAX);
    let mut collected = pin!(collect(body, limits.body_bytes, read_max));
    // Nearly every body came with its head, and needs no timer.
    if let Some(read) = collected.as_mut().now_or_never() {
        return read;
    }
    tokio::time::timeout(limits.request_time, collected)
        .await
        .unwrap_or((Err(BodyError::Broken), BodyRest::Some))
}

/// Reads up to `read_max` bytes of a body and keeps them unless they are more than `limit`.
async fn collect(
    body: &mut Incoming,
    limit: usize,
    read_max: usize,
) -> (Result<Bytes, BodyError>, BodyRest) {
    let mut kept = Bytes::new();
    let mut more = BytesMut::new();
    let mut size = 0;
    if announced(body) > read_max {
        return (Err(BodyError::TooLarge(limit)), BodyRest::Some);
    }
    // Where the length is known, nothing comes behind the last byte that would have to be asked for.
    while !body.is_end_stream()
        && let Some(frame) = body.frame().await
    {
        let Ok(frame) = frame else { return (Err(BodyError::Broken), BodyRest::Some) };
        let Ok(data) = frame.into_data() else { continue };
        size += data.len();
        if size > read_max {
            return (Err(BodyError::TooLarge(limit)), BodyRest::Some);
        }
        if size > limit {
            (kept, more) = (Bytes::new(), BytesMut::new());
        } else if kept.is_empty() && more.is_empty() {
            kept = data;
        } else {
            if more.is_empty() {
                more.extend_from_slice(&kept);
            }
            more.extend_from_slice(&data);
        }
    }
    let read = if size > limit {
        Err(BodyError::TooLarge(limit))
    } else if more.is_empty() {
        Ok(kept)
    } else {
        Ok(more.freeze())
    };
    (read, BodyRest::None)
}
