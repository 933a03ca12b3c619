//! The way to a box of the space itself: HTTP as to any merchant, over memory in place of a socket.

use std::io;
use std::sync::Mutex;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::header::{CONTENT_TYPE, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::io::DuplexStream;
use tokio_util::sync::CancellationToken;

use crate::profile::PushbackPolicy;
use crate::space::{ClockTimer, Dispatch, InboxAnswer, MESSAGE_BODY_MAX, Space, inbox_at};

/// Bytes that one side may be ahead of the other.
const PIPE_BYTES: usize = 64 << 10;

/// A box, and one attempt on its way there.
pub(super) struct InboxRoute {
    name: Box<str>,
    dispatch: Dispatch,
    timer: ClockTimer,
    /// Cancelled when the time of the attempt is over on the space's clock, and the box has not answered.
    pub(super) overdue: CancellationToken,
    /// The box answers at once when this is cancelled.
    stop: CancellationToken,
}

impl InboxRoute {
    /// The route of an attempt whose address is a box.
    pub(super) fn of(space: &Space, dispatch: &Dispatch, stop: &CancellationToken) -> Option<Self> {
        Some(Self {
            name: inbox_at(&dispatch.delivery_job.url)?.into(),
            dispatch: dispatch.clone(),
            timer: space.pace(dispatch)?,
            overdue: CancellationToken::new(),
            stop: stop.clone(),
        })
    }

    /// Opens a connection, at whose other end the box answers one request.
    pub(super) fn open(self) -> DuplexStream {
        let (ours, theirs) = tokio::io::duplex(PIPE_BYTES);
        tokio::spawn(async move {
            let route = Mutex::new(Some(self));
            let service = service_fn(|request| {
                let route = route.lock().ok().and_then(|mut route| route.take());
                async move {
                    let again = || io::Error::other("a box takes one request on a connection");
                    route.ok_or_else(again)?.answer(request).await
                }
            });
            // The sender notes what came of it.
            let _ = http1::Builder::new().serve_connection(TokioIo::new(theirs), service).await;
        });
        ours
    }

    async fn answer(mut self, request: Request<Incoming>) -> io::Result<Response<Full<Bytes>>> {
        let (head, mut body) = request.into_parts();
        let (mut kept, mut length) = (Vec::new(), 0);
        while let Some(frame) = body.frame().await {
            let frame = frame.map_err(io::Error::other)?;
            if let Some(data) = frame.data_ref() {
                let room = MESSAGE_BODY_MAX - kept.len();
                kept.extend_from_slice(&data[..data.len().min(room)]);
                length += data.len();
            }
        }
        let text = |value: &HeaderValue| String::from_utf8_lossy(value.as_bytes()).into();
        let headers = head.headers.iter();
        let headers = headers.map(|(name, value)| (name.as_str().into(), text(value))).collect();
        let space = self.timer.space();
        let answer = space.receive(&self.dispatch, &self.name, headers, &kept, length);
        let policy = &self.dispatch.delivery_job.policy;
        if answer.delay_ms > 0 {
            let limit = policy.timeout_ms.unsigned_abs();
            let delay = self.timer.until(Duration::from_millis(answer.delay_ms.min(limit)));
            tokio::select! {
                () = delay => if answer.delay_ms >= limit {
                    self.overdue.cancel();
                    std::future::pending::<()>().await;
                },
                () = self.stop.cancelled() => {}
            }
        }
        if answer.close {
            return Err(io::ErrorKind::ConnectionAborted.into());
        }
        Ok(response(answer, policy))
    }
}

fn response(answer: InboxAnswer, policy: &PushbackPolicy) -> Response<Full<Bytes>> {
    let InboxAnswer { status, body, .. } = answer;
    let usual = || {
        let (field, code) = (&policy.acknowledge_field, &policy.acknowledge_code);
        if (200..300).contains(&status) && status != 204 {
            serde_json::json!({ field.as_str(): code }).to_string()
        } else {
            String::new()
        }
    };
    let body = body.unwrap_or_else(usual);
    let mut response = Response::new(Full::from(body));
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::OK);
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}
