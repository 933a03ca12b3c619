//! Reads a request's body within a size and a time.

use std::future::Future;
use std::task::Poll;

use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt;
use hyper::body::{Body, Incoming};

use super::Limits;

/// Why there is no body.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum BodyError {
    /// More than the limit.
    #[error("the body is larger than {0} bytes")]
    TooLarge(usize),
    /// The client stopped sending, or sent something that is not HTTP.
    #[error("the body did not arrive whole")]
    Broken,
}

/// How much of a too large body is read and thrown away, so that a client that sends before it
/// listens still gets to see the refusal.
const DISCARDED_MAX: usize = 16 << 20;

/// Reads a body whole.
pub async fn read(body: Incoming, limits: &Limits) -> Result<Bytes, BodyError> {
    let mut collected = std::pin::pin!(collect(body, limits.body_bytes));
    // Nearly always the body came with the head; then no timer is made.
    let first = std::future::poll_fn(|cx| Poll::Ready(collected.as_mut().poll(cx))).await;
    match first {
        Poll::Ready(result) => result,
        Poll::Pending => Box::pin(tokio::time::timeout(limits.request_time, collected))
            .await
            .unwrap_or(Err(BodyError::Broken)),
    }
}

async fn collect(mut body: Incoming, limit: usize) -> Result<Bytes, BodyError> {
    let announced = usize::try_from(body.size_hint().lower()).unwrap_or(usize::MAX);
    let mut kept = Bytes::new();
    let mut more = BytesMut::new();
    let mut size = 0;
    let read_max = limit.max(DISCARDED_MAX);
    if announced > read_max {
        return Err(BodyError::TooLarge(limit));
    }
    // Where the length is known, nothing comes behind the last byte that would have to be asked for.
    while !body.is_end_stream()
        && let Some(frame) = body.frame().await
    {
        let frame = frame.map_err(|_| BodyError::Broken)?;
        let Ok(data) = frame.into_data() else { continue };
        size += data.len();
        if size > read_max {
            break;
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
    if size > limit {
        Err(BodyError::TooLarge(limit))
    } else if more.is_empty() {
        Ok(kept)
    } else {
        Ok(more.freeze())
    }
}
