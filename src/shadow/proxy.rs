//! The way through: each request goes to the gateway byte for byte, its answer back untouched.
//!
//! A merchant's connection has one connection to the gateway, opened when it is first needed and again after the gateway
//! closed it. Nothing is sent twice. Comparing happens elsewhere, from copies that are made on the way.

use std::collections::BTreeMap;
use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use hyper::body::Incoming;
use hyper::client::conn::http1::SendRequest;
use hyper::header::{
    CONNECTION, CONTENT_TYPE, HOST, HeaderMap, HeaderName, HeaderValue, PROXY_AUTHENTICATE,
    PROXY_AUTHORIZATION, TE, TRAILER, TRANSFER_ENCODING, UPGRADE,
};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode, Uri};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::tee::{KeptBody, SharedCopy, Tee, take};
use super::upstream::Upstream;
use crate::base::{Millis, Operation, WebUrl, WebUrlParts, wall_clock};

/// Path at which the gateway's push-backs are received.
pub const PUSHBACK_PATH: &str = "/_shadow/pushback";
/// The header by which the shadow owns up to an answer of its own.
static SHADOW_HEADER: HeaderName = HeaderName::from_static("x-payon-shadow");
static KEEP_ALIVE: HeaderName = HeaderName::from_static("keep-alive");
static PROXY_CONNECTION: HeaderName = HeaderName::from_static("proxy-connection");
/// The longest wait for connections that are under way when the shadow stops.
const DRAIN_TIME: Duration = Duration::from_secs(5);
/// Longest pause after a failed accept.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// A call or push-back that has gone through, with nothing masked yet.
#[derive(Debug)]
pub(super) struct Observed {
    pub(super) kind: ObservedKind,
    pub(super) start_us: i64,
    pub(super) took_us: u64,
    pub(super) method: String,
    pub(super) path: String,
    pub(super) headers: HeaderMap,
    pub(super) request: KeptBody,
    pub(super) status: Option<u16>,
    pub(super) answer_headers: HeaderMap,
    pub(super) answer: KeptBody,
    pub(super) failure: Option<String>,
}

/// Kinds of what goes through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ObservedKind {
    Call,
    Pushback,
}

/// State that all connections share.
pub(super) struct Passage {
    pub(super) upstream: Upstream,
    /// Receiver of the gateway's push-backs.
    pub(super) merchant: Option<(Upstream, Uri)>,
    pub(super) observer: std::sync::mpsc::SyncSender<Observed>,
    /// Calls that could not be handed to the observer.
    pub(super) lost: AtomicU64,
    /// Requests that are no calls.
    pub(super) passed: AtomicU64,
    /// Calls under way, with the time at which they came.
    under_way: Mutex<BTreeMap<u64, i64>>,
    next: AtomicU64,
    /// The machine's time at the start, and the same on the clock that only goes forward.
    begun: (Millis, Instant),
}

impl Passage {
    pub(super) fn new(
        upstream: Upstream,
        merchant: Option<&WebUrl>,
        observer: std::sync::mpsc::SyncSender<Observed>,
    ) -> Self {
        let merchant = merchant.and_then(|url| {
            let parts = WebUrlParts::parse(url.as_str()).ok()?;
            let path = parts.rest.split('#').next().unwrap_or_default();
            let slash = if path.starts_with('/') { "" } else { "/" };
            let path = format!("{slash}{path}").parse().ok()?;
            // Merchants' test servers have certificates of their own making.
            Some((Upstream::of(&parts, true), path))
        });
        Self {
            upstream,
            merchant,
            observer,
            lost: AtomicU64::new(0),
            passed: AtomicU64::new(0),
            under_way: Mutex::default(),
            next: AtomicU64::new(0),
            begun: (wall_clock(), Instant::now()),
        }
    }

    /// Time, in microseconds since 1970, before which no call under way has begun; `None` where none is.
    pub(super) fn earliest_us(&self) -> Option<i64> {
        let under_way = self.under_way.lock().unwrap_or_else(PoisonError::into_inner);
        under_way.values().min().copied()
    }

    /// Microseconds since 1970.
    pub(super) fn now_us(&self) -> i64 {
        let (at, instant) = self.begun;
        let elapsed = u64::try_from(instant.elapsed().as_micros()).unwrap_or(u64::MAX);
        at.0.saturating_mul(1000).saturating_add_unsigned(elapsed)
    }

    fn begin(&self, start_us: i64) -> u64 {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        self.under_way.lock().unwrap_or_else(PoisonError::into_inner).insert(number, start_us);
        number
    }

    fn end(&self, number: u64) {
        self.under_way.lock().unwrap_or_else(PoisonError::into_inner).remove(&number);
    }
}

/// Serves until `stop`, then lets what is under way end.
pub(super) async fn run(listener: TcpListener, passage: Arc<Passage>, stop: CancellationToken) {
    let connections = TaskTracker::new();
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = stop.cancelled() => break,
        };
        match accepted {
            Ok((stream, _)) => {
                connections.spawn(serve(stream, Arc::clone(&passage), stop.clone()));
            }
            Err(error) => {
                tracing::warn!(%error, "cannot accept a connection; trying again");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
    drop(listener);
    connections.close();
    let _ = tokio::time::timeout(DRAIN_TIME, connections.wait()).await;
}

async fn serve(stream: TcpStream, passage: Arc<Passage>, stop: CancellationToken) {
    // A socket that refuses the option still works.
    let _ = stream.set_nodelay(true);
    let line = tokio::sync::Mutex::new(PairedConnections::default());
    let service = service_fn(|request| answer(&passage, &line, request));
    let mut connection = std::pin::pin!(
        http1::Builder::new()
            .timer(TokioTimer::new())
            .preserve_header_case(true)
            .auto_date_header(false)
            .half_close(true)
            .serve_connection(TokioIo::new(stream), service)
    );
    let ended = tokio::select! {
        ended = &mut connection => ended,
        () = stop.cancelled() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "a connection ended early");
    }
}

/// Connections that belong to one that was accepted.
#[derive(Default)]
struct PairedConnections {
    gateway: Option<SendRequest<Tee>>,
    merchant: Option<SendRequest<Tee>>,
}

type Answered = Result<Response<Tee>, io::Error>;

async fn answer(
    passage: &Arc<Passage>,
    lines: &tokio::sync::Mutex<PairedConnections>,
    request: Request<Incoming>,
) -> Answered {
    let path = request.uri().path();
    let mut lines = lines.lock().await;
    if path == PUSHBACK_PATH
        || path.strip_prefix(PUSHBACK_PATH).is_some_and(|it| it.starts_with('/'))
    {
        let Some((merchant, uri)) = &passage.merchant else {
            let told =
                "no receiver of push-backs is set: start the shadow with --pushback-to URL\n";
            return Ok(own_answer(StatusCode::NOT_FOUND, "no-pushback-receiver", told.to_owned()));
        };
        let route =
            PassedRequest { server: merchant, uri: Some(uri), kind: Some(ObservedKind::Pushback) };
        return forward(passage, &mut lines.merchant, route, request).await;
    }
    let is_call = Operation::at(path).is_some();
    if !is_call {
        passage.passed.fetch_add(1, Ordering::Relaxed);
    }
    let kind = is_call.then_some(ObservedKind::Call);
    let route = PassedRequest { server: &passage.upstream, uri: None, kind };
    forward(passage, &mut lines.gateway, route, request).await
}

/// The way of one request.
struct PassedRequest<'a> {
    server: &'a Upstream,
    /// Path in the place of the request's own.
    uri: Option<&'a Uri>,
    /// Kind of the observation; `None` where it is not observed.
    kind: Option<ObservedKind>,
}

/// A request that is observed while it goes through.
struct Watch {
    passage: Arc<Passage>,
    number: u64,
    begun: Instant,
    request_copy: SharedCopy,
    answer_copy: SharedCopy,
    seen: Option<Observed>,
}

impl Watch {
    fn fail(&mut self, failure: String) {
        if let Some(seen) = &mut self.seen {
            seen.failure = Some(failure);
        }
    }
}

/// Also where the other side went away half-way and the future is dropped: the call is handed to the observer.
impl Drop for Watch {
    fn drop(&mut self) {
        if let Some(mut seen) = self.seen.take() {
            seen.took_us = u64::try_from(self.begun.elapsed().as_micros()).unwrap_or(u64::MAX);
            seen.request = take(&self.request_copy);
            seen.answer = take(&self.answer_copy);
            if seen.failure.is_none() {
                seen.failure = seen.answer.failure.take();
            }
            if seen.status.is_none() && seen.failure.is_none() {
                seen.failure = Some("the caller went away before there was an answer".to_owned());
            }
            if self.passage.observer.try_send(seen).is_err() {
                self.passage.lost.fetch_add(1, Ordering::Relaxed);
            }
        }
        self.passage.end(self.number);
    }
}

/// Sends a request on and gives the answer back.
async fn forward(
    passage: &Arc<Passage>,
    line: &mut Option<SendRequest<Tee>>,
    route: PassedRequest<'_>,
    request: Request<Incoming>,
) -> Answered {
    let (mut head, body) = request.into_parts();
    let start_us = passage.now_us();
    let path = head.uri.path_and_query().map_or("/", |path| path.as_str()).to_owned();
    let mut watch = Watch {
        passage: Arc::clone(passage),
        number: passage.begin(start_us),
        begun: Instant::now(),
        request_copy: SharedCopy::default(),
        answer_copy: SharedCopy::default(),
        seen: route.kind.map(|kind| Observed {
            kind,
            start_us,
            took_us: 0,
            method: head.method.to_string(),
            path: path.clone(),
            headers: head.headers.clone(),
            request: KeptBody::default(),
            status: None,
            answer_headers: HeaderMap::new(),
            answer: KeptBody::default(),
            failure: None,
        }),
    };
    strip_hops(&mut head.headers);
    head.headers.insert(HOST, route.server.host_header()?);
    head.uri = match route.uri {
        Some(uri) => uri.clone(),
        None => path.parse().map_err(io::Error::other)?,
    };
    head.version = hyper::Version::HTTP_11;
    let body = Tee::new(body, Arc::clone(&watch.request_copy), None);
    let mut sender = match usable(line.take()).await {
        Some(sender) => sender,
        None => match route.server.connect().await {
            Ok(sender) => sender,
            Err(error) => {
                let told = format!("{} cannot be reached: {error}", route.server.origin());
                watch.fail(told.clone());
                return Ok(own_answer(StatusCode::BAD_GATEWAY, "unreachable", told + "\n"));
            }
        },
    };
    let sent = sender.send_request(Request::from_parts(head, body)).await;
    let response = match sent {
        Ok(response) => response,
        Err(error) => {
            // The caller sees what it would have seen of the other side: a connection that ends without an answer.
            watch.fail(format!("no answer came: {error}"));
            return Err(io::Error::other(error));
        }
    };
    *line = Some(sender);
    let (mut head, body) = response.into_parts();
    if let Some(seen) = &mut watch.seen {
        seen.status = Some(head.status.as_u16());
        seen.answer_headers = head.headers.clone();
    }
    strip_hops(&mut head.headers);
    let copy = Arc::clone(&watch.answer_copy);
    let body = Tee::new(body, copy, Some(Box::new(move || drop(watch))));
    Ok(Response::from_parts(head, body))
}

/// A connection that can take another request. One that the other side has closed cannot, and nothing was sent on it.
async fn usable(line: Option<SendRequest<Tee>>) -> Option<SendRequest<Tee>> {
    let mut sender = line?;
    sender.ready().await.ok()?;
    (!sender.is_closed()).then_some(sender)
}

/// Takes away what is for one connection only (RFC 9110, section 7.6.1).
fn strip_hops(headers: &mut HeaderMap) {
    let named: Vec<HeaderName> = headers
        .get_all(CONNECTION)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .filter_map(|name| name.trim().parse().ok())
        .collect();
    let always = [
        CONNECTION,
        TE,
        TRAILER,
        TRANSFER_ENCODING,
        UPGRADE,
        PROXY_AUTHENTICATE,
        PROXY_AUTHORIZATION,
        KEEP_ALIVE.clone(),
        PROXY_CONNECTION.clone(),
    ];
    for name in always.into_iter().chain(named) {
        headers.remove(name);
    }
}

/// An answer of the shadow's own, which says so.
fn own_answer(status: StatusCode, word: &'static str, text: String) -> Response<Tee> {
    let mut response = Response::new(Tee::own(text));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(SHADOW_HEADER.clone(), HeaderValue::from_static(word));
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/plain;charset=UTF-8"));
    response
}
