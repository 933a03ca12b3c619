//! Carries one attempt of a push-back over HTTP or HTTPS.

use std::pin::pin;
use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant};

use dashmap::DashMap;
use http_body_util::BodyExt;
use hyper::header::{ACCEPT, CONTENT_TYPE, LOCATION, USER_AGENT};
use hyper::{Method, Request, Response, Uri, body::Incoming};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::{Client, connect::HttpConnector};
use hyper_util::rt::{TokioExecutor, TokioTimer};
use tokio::sync::{Semaphore, watch};
use tokio_util::sync::CancellationToken;

use super::paced::{Pace, Paced};
use super::tls;
use crate::base::WebUrlParts;
use crate::profile::{Acknowledge, PushbackPolicy};
use crate::space::{Attempt, Errand, Job, Space};

type Web = Client<HttpsConnector<HttpConnector>, Paced>;

/// Hosts for which a queue is remembered; past that, the unused ones are forgotten.
const HOSTS_REMEMBERED: usize = 1024;

/// Sends push-backs with bounded concurrency: so many at once to one host, so many in all.
pub struct Carrier {
    web: LazyLock<Web>,
    hosts: DashMap<Box<str>, Arc<Semaphore>>,
    all: Semaphore,
}

impl Carrier {
    /// A carrier that has up to `in_flight_total` attempts under way. Opens nothing yet.
    pub fn new(in_flight_total: u32) -> Self {
        let all = Semaphore::new(in_flight_total as usize);
        Self { web: LazyLock::new(web), hosts: DashMap::new(), all }
    }

    /// Makes one attempt. Waits for a place first: behind other attempts to the same host, never
    /// behind a host that is slow. On a driven clock there is no such wait: it would go on only once the clock does,
    /// which waits for it. A slow sender is paced by the space's clock until `stop`.
    pub async fn attempt(
        &self,
        space: &Space,
        errand: &Errand,
        stop: &CancellationToken,
    ) -> Attempt {
        let job = &errand.job;
        let target = match target(&job.url) {
            Ok(target) => target,
            Err(error) => return failed(job, Duration::ZERO, error),
        };
        let host = self.host(&target, &job.policy);
        let _places = if space.is_driven() {
            None
        } else {
            // A closed semaphore would mean that nobody waits any more; these are never closed.
            Some((host.acquire().await, self.all.acquire().await))
        };
        let begun = Instant::now();
        let pace = job.bytes_per_second.and_then(|rate| {
            let hold = space.pace(errand)?;
            Some(Pace::new(hold, rate, stop.clone()))
        });
        let (pace, waits) = pace.unzip();
        let patience = Duration::from_millis(job.policy.timeout_ms.unsigned_abs());
        let sending = self.send(job, target, pace);
        let done = if space.is_driven() {
            tokio::select! { done = sending => Some(done), () = space.overdue(errand) => None }
        } else {
            in_time(sending, patience, waits).await
        };
        match done {
            Some(Ok((status, response))) => {
                let error = refusal(&job.policy, status, &response).map(Into::into);
                let took_ms = millis(begun.elapsed());
                Attempt { at: job.at, took_ms, status: Some(status), response, error }
            }
            Some(Err(error)) => failed(job, begun.elapsed(), error),
            None => {
                let error = format!("no answer within {} ms", job.policy.timeout_ms);
                failed(job, begun.elapsed(), error)
            }
        }
    }

    /// The queue of a host. An attempt holds its place there only while its peers of the same host
    /// wait, so a dead one delays nobody else.
    fn host(&self, target: &Uri, policy: &PushbackPolicy) -> Arc<Semaphore> {
        let name = target.authority().map_or("", |authority| authority.as_str());
        if let Some(host) = self.hosts.get(name) {
            return Arc::clone(&host);
        }
        if self.hosts.len() >= HOSTS_REMEMBERED {
            self.hosts.retain(|_, host| Arc::strong_count(host) > 1);
        }
        let places = policy.in_flight_per_merchant as usize;
        let host =
            self.hosts.entry(name.into()).or_insert_with(|| Arc::new(Semaphore::new(places)));
        Arc::clone(&host)
    }

    async fn send(
        &self,
        job: &Job,
        target: Uri,
        pace: Option<Pace>,
    ) -> Result<(u16, Box<str>), String> {
        let mut request = Request::builder()
            .method(Method::POST)
            .uri(target)
            .header(CONTENT_TYPE, job.content_type.unwrap_or(&job.policy.content_type))
            .header(ACCEPT, "*/*")
            .header(USER_AGENT, concat!("payon-sim/", env!("CARGO_PKG_VERSION")));
        if let Some(context) = &job.context {
            request = request.header("traceparent", context.to_string());
            if let Some(state) = context.state() {
                request = request.header("tracestate", state);
            }
        }
        let request = request
            .body(Paced::new(job.body.clone(), pace))
            .map_err(|error| format!("not a usable address: {error}"))?;
        let response = self.web.request(request).await.map_err(|error| explain(&error))?;
        let status = response.status().as_u16();
        let location = response
            .headers()
            .get(LOCATION)
            .and_then(|value| value.to_str().ok())
            .map(|to| format!("(to {to}) "))
            .unwrap_or_default();
        let body = excerpt(response, job.policy.response_bytes_max as usize).await?;
        Ok((status, format!("{location}{body}").into()))
    }
}

/// What comes of `sending`, unless the other side is silent for longer than `patience`. What a slow sender waits for its
/// clock is not the other side's silence.
async fn in_time<R>(
    sending: impl Future<Output = R>,
    patience: Duration,
    waits: Option<watch::Receiver<bool>>,
) -> Option<R> {
    let Some(mut waits) = waits else {
        return tokio::time::timeout(patience, sending).await.ok();
    };
    let mut sending = pin!(sending);
    loop {
        let is_waiting = *waits.borrow_and_update();
        tokio::select! {
            done = sending.as_mut() => return Some(done),
            Ok(()) = waits.changed() => {}
            () = tokio::time::sleep(patience), if !is_waiting => return None,
        }
    }
}

/// Why an answer does not count as acknowledged.
fn refusal(policy: &PushbackPolicy, status: u16, response: &str) -> Option<String> {
    match status {
        200..=299 if policy.acknowledge == Acknowledge::BodyCode => {
            let (field, code) = (&policy.acknowledge_field, &policy.acknowledge_code);
            let answer: Option<serde_json::Value> = serde_json::from_str(response).ok();
            let given = answer.as_ref().and_then(|json| json.get(field)?.as_str());
            (given != Some(code))
                .then(|| format!("HTTP {status}, but the body does not say {field} = {code:?}"))
        }
        200..=299 => None,
        300..=399 => Some(format!("HTTP {status}: redirects are not followed")),
        _ => Some(format!("HTTP {status}")),
    }
}

fn web() -> Web {
    let mut http = HttpConnector::new();
    http.enforce_http(false);
    http.set_nodelay(true);
    let connector = HttpsConnectorBuilder::new()
        .with_tls_config(tls::accept_any())
        .https_or_http()
        .enable_http1()
        .wrap_connector(http);
    Client::builder(TokioExecutor::new())
        .pool_idle_timeout(Duration::from_secs(30))
        .pool_max_idle_per_host(8)
        .pool_timer(TokioTimer::new())
        .build(connector)
}

/// The address as the client takes it. One that the rule for addresses refuses is not called: the client would take an
/// unreadable port for the default one.
fn target(url: &str) -> Result<Uri, String> {
    WebUrlParts::parse(url).map_err(|error| format!("not a usable address: it {error}"))?;
    url.parse().map_err(|error| format!("not a usable address: {error}"))
}

fn failed(job: &Job, took: Duration, error: String) -> Attempt {
    let took_ms = millis(took);
    Attempt { at: job.at, took_ms, status: None, response: "".into(), error: Some(error.into()) }
}

fn millis(took: Duration) -> u32 {
    u32::try_from(took.as_millis()).unwrap_or(u32::MAX)
}

/// The innermost cause, which says what really happened (`connection refused`).
fn explain(error: &hyper_util::client::legacy::Error) -> String {
    let mut cause: &dyn std::error::Error = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    if error.is_connect() {
        format!("cannot connect: {cause}")
    } else {
        format!("no proper answer: {cause}")
    }
}

/// The first `limit` bytes of the answer as text. The rest is read no further than that.
async fn excerpt(response: Response<Incoming>, limit: usize) -> Result<String, String> {
    let mut body = response.into_body();
    let mut kept = Vec::new();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| format!("the answer broke off: {error}"))?;
        if let Some(data) = frame.data_ref() {
            kept.extend_from_slice(&data[..data.len().min(limit - kept.len())]);
            if kept.len() == limit {
                break;
            }
        }
    }
    Ok(String::from_utf8_lossy(&kept).into_owned())
}
