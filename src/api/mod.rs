//! The control plane: everything of ours under `/_sim/`, as JSON, and the dashboard that calls it.
//!
//! `table` holds one line for each call, from which the router, the OpenAPI document and the list of calls are
//! made; a handler reads its input as a type, asks the space or the gateway, and answers with a type. What fails is a
//! problem after RFC 9457. Nothing here decides anything: it goes through [`crate::space`] and [`crate::gateway`].

#![allow(clippy::unnecessary_wraps, reason = "handlers have one signature, and some never fail")]

mod about;
mod clock;
mod coverage;
mod dashboard;
mod events;
mod explain_views;
mod guard;
mod journal;
mod merchants;
mod metrics;
mod openapi;
mod orders;
pub mod payon_openapi;
mod problem;
mod pushbacks;
mod reference;
mod reload;
mod request;
mod route;
mod routes;
mod rules;
mod sign;
mod snapshots;
mod sources;
mod spaces;
mod summary;
mod verify;
mod views;
mod wait;

use std::sync::Arc;

use bytes::Bytes;
use http_body_util::BodyExt as _;
use hyper::body::Body as _;
use hyper::header::{
    ACCEPT, ALLOW, CONTENT_ENCODING, CONTENT_TYPE, HOST, HeaderMap, HeaderValue, LOCATION,
    SET_COOKIE, WWW_AUTHENTICATE,
};
use hyper::http::request::Parts;
use hyper::http::uri::Authority;
use hyper::{Method, Response, StatusCode, Uri};
use tokio_util::sync::CancellationToken;

use crate::base::{compressed, has_mark, is_authority, without_mark};
use crate::http::{BodyError, Limits, ReplyBody, RequestBody, check_host};
use crate::space::{Space, Spaces};
use guard::Guard;
pub use problem::ApiProblem;
use problem::ProblemKind;
use request::{ApiRequest, Origins};
use route::ApiReply;
pub use sources::{FileStamp, Sources, Stamp};

/// Path to which the login page sends the token.
const LOGIN: &str = "/_sim/login";

/// The written form of a problem.
const PROBLEM: &str = "application/problem+json";

/// Body of the login form.
#[derive(serde::Deserialize)]
struct Login {
    token: String,
}

/// Settings of a control plane.
#[derive(Debug)]
pub struct ControlSettings {
    /// Every space.
    pub spaces: Arc<Spaces>,
    /// Address of the gateway.
    pub url: String,
    /// Address of the control plane; the same where they share a port.
    pub control_url: String,
    /// Address under which payers reach the gateway, when merchants reach it under another one.
    pub public_url: Option<String>,
    /// With a token every call but health must bring it; without one, calls must come by a name of this machine or of
    /// these URLs.
    pub token: Option<String>,
    /// Scenarios that the space `default` follows.
    pub sources: Arc<Sources>,
    /// Limits of the server.
    pub limits: Limits,
    /// Cancelled when the server stops: calls that wait or go on then end.
    pub stop: CancellationToken,
}

/// The control plane of a server.
#[derive(Debug)]
pub struct Control {
    settings: ControlSettings,
    guard: Guard,
}

impl Control {
    /// A control plane with these settings.
    pub fn new(mut settings: ControlSettings) -> Self {
        // Nothing of ours needs it again.
        let token = settings.token.take();
        let guard = Guard::new(token.as_deref(), &[&settings.url, &settings.control_url]);
        Self { settings, guard }
    }

    /// Address of the gateway.
    pub fn url(&self) -> &str {
        &self.settings.url
    }

    /// Address of the control plane.
    pub fn own_url(&self) -> &str {
        &self.settings.control_url
    }

    fn spaces(&self) -> &Arc<Spaces> {
        &self.settings.spaces
    }

    /// Returns when the server stops.
    async fn stopped(&self) {
        self.settings.stop.cancelled().await;
    }

    /// Admits a request for a page under `/_sim/` that is not the dashboard's, or answers why not: as a page where a
    /// browser asks.
    pub fn admit_page(&self, head: &Parts, path: &str) -> Result<(), Box<Response<ReplyBody>>> {
        self.guard.admit(&head.method, path, &head.headers).map_err(|problem| {
            let mut response = if wants_page(&head.headers) {
                let page = problem.to_page(path);
                respond(problem.status(), Bytes::from(page).into(), "text/html;charset=UTF-8")
            } else {
                refuse(&problem)
            };
            guard::make_safe(response.headers_mut());
            Box::new(response)
        })
    }

    /// Answers a request that hyper could not read: the media type and the body.
    pub fn malformed(&self, status: u16, detail: &str) -> (&'static str, Bytes) {
        let kind = match status {
            414 => ProblemKind::UriTooLong,
            431 => ProblemKind::HeadTooLarge,
            _ => ProblemKind::Unreadable,
        };
        (PROBLEM, ApiProblem::new(kind, detail).to_json())
    }

    /// The port of the control plane, which may be another than the gateway's.
    pub fn port(&self) -> Option<u16> {
        self.own_url().parse::<Uri>().ok()?.port_u16()
    }

    /// Answers a request under `/_sim/`, for the space of that name, or for `default`.
    pub async fn answer(
        self: &Arc<Self>,
        space: Option<&str>,
        path: &str,
        head: Parts,
        body: &mut RequestBody,
    ) -> Response<ReplyBody> {
        let mut response = match readable(&head) {
            Ok(()) => self.answer_call(space, path, head, body).await,
            Err(problem) => refuse(&problem),
        };
        guard::make_safe(response.headers_mut());
        response
    }

    async fn answer_call(
        self: &Arc<Self>,
        space: Option<&str>,
        path: &str,
        head: Parts,
        body: &mut RequestBody,
    ) -> Response<ReplyBody> {
        if path == LOGIN {
            return match self.log_in(&head, body).await {
                Ok(response) => response,
                Err(problem) => refuse(&problem),
            };
        }
        if dashboard::is_ours(path) {
            return match self.guard.admit_page(&head.headers) {
                Ok(()) => dashboard::answer(&head.method, path, &head.headers),
                Err(problem) => refuse(&problem),
            };
        }
        match self.try_answer(space, path, head, body).await {
            Ok(reply) => respond(reply.status, reply.body, reply.media),
            Err(problem) => refuse(&problem),
        }
    }

    async fn try_answer(
        self: &Arc<Self>,
        space: Option<&str>,
        path: &str,
        head: Parts,
        body: &mut RequestBody,
    ) -> Result<ApiReply, ApiProblem> {
        self.guard.admit(&head.method, path, &head.headers)?;
        let (route, params) = route::find(&head.method, path)?;
        let space = match space {
            None => Arc::clone(self.spaces().default_space()),
            Some(name) => self.spaces().named(name).ok_or_else(|| {
                let detail = format!(
                    "there is no space named {name:?}; POST /_sim/v1/spaces makes one, GET lists them"
                );
                ApiProblem::new(ProblemKind::UnknownSpace, detail)
            })?,
        };
        let body = read_body(&route.limits(&self.settings.limits), body).await?;
        if let Some(encoding) = head.headers.get(CONTENT_ENCODING)
            && let Some(came) = compressed(encoding.as_bytes(), &body)
        {
            return Err(ApiProblem::new(ProblemKind::Unreadable, came));
        }
        let body = if has_mark(&body) { body.slice_ref(without_mark(&body)) } else { body };
        let call = ApiRequest {
            control: Arc::clone(self),
            space,
            origins: self.origins(&head.headers),
            params,
            query: head.uri.query().unwrap_or_default().to_owned(),
            headers: head.headers,
            body,
        };
        (route.run)(call).await
    }

    /// Answers a call of this process, such as `orders?limit=1` below `/_sim/v1/`: the body of the answer. Nobody need
    /// be admitted, and no socket is needed.
    pub async fn call(
        self: &Arc<Self>,
        space: Arc<Space>,
        method: &Method,
        call: &str,
        body: Bytes,
    ) -> Result<Bytes, ApiProblem> {
        let (path, query) = call.split_once('?').unwrap_or((call, ""));
        let (route, params) = route::find(method, &format!("/_sim/v1/{path}"))?;
        let headers = HeaderMap::new();
        let reply = (route.run)(ApiRequest {
            control: Arc::clone(self),
            space,
            origins: self.origins(&headers),
            params,
            query: query.to_owned(),
            headers,
            body,
        });
        let body = reply.await?.body;
        if body.is_stream() {
            let detail = "the answer never ends; follow it over HTTP";
            return Err(ApiProblem::new(ProblemKind::Refused, detail));
        }
        let Ok(body) = body.collect().await;
        Ok(body.to_bytes())
    }

    /// Gives a browser a cookie for the token in a form, and sends it to the dashboard.
    async fn log_in(
        &self,
        head: &Parts,
        body: &mut RequestBody,
    ) -> Result<Response<ReplyBody>, ApiProblem> {
        if head.method != Method::POST {
            let detail = format!("{LOGIN} is called with POST, not {}", head.method);
            return Err(
                ApiProblem::new(ProblemKind::WrongMethod, detail).allowing("POST".to_owned())
            );
        }
        let body = read_body(&self.settings.limits, body).await?;
        let form: Login = serde_html_form::from_bytes(&body).map_err(|_| {
            ApiProblem::new(ProblemKind::Unreadable, "send a form with the field `token`")
                .at("token")
        })?;
        let cookie = self.guard.log_in(&head.headers, &form.token)?;
        let mut response = respond(303, ReplyBody::default(), route::JSON);
        let headers = response.headers_mut();
        headers.insert(LOCATION, HeaderValue::from_static("./"));
        if let Some(cookie) = cookie.and_then(|cookie| HeaderValue::from_str(&cookie).ok()) {
            headers.insert(SET_COOKIE, cookie);
        }
        Ok(response)
    }

    /// Address under which the caller reaches the server, which may be another than the listener's: the public URL for callers that come by its
    /// host, for the path of a proxy belongs to it.
    fn origins(&self, headers: &HeaderMap) -> Origins {
        let ControlSettings { url, control_url, public_url, .. } = &self.settings;
        let host = headers.get(HOST).and_then(|host| host.to_str().ok());
        let host = host.filter(|host| is_authority(host));
        let Some(host) = host.and_then(|host| host.parse::<Authority>().ok()) else {
            return Origins { gateway: url.clone(), control: control_url.clone() };
        };
        let is_host =
            |known: &&str| known.parse::<Uri>().is_ok_and(|it| it.authority() == Some(&host));
        let shared = url == control_url;
        let public = public_url.as_deref().filter(is_host).filter(|_| shared);
        let control = public.map_or_else(|| format!("http://{host}"), str::to_owned);
        if shared {
            return Origins { gateway: control.clone(), control };
        }
        let port = url.parse::<Uri>().ok().and_then(|url| url.port_u16()).unwrap_or(80);
        Origins { gateway: format!("http://{}:{port}", host.host()), control }
    }
}

/// Refuses a request of which cannot be told what it calls the server.
fn readable(head: &Parts) -> Result<(), ApiProblem> {
    check_host(head.version, &head.uri, &head.headers)
        .map_err(|error| ApiProblem::new(ProblemKind::Unreadable, error.to_string()))
}

async fn read_body(limits: &Limits, body: &mut RequestBody) -> Result<Bytes, ApiProblem> {
    body.read(limits).await.map_err(|error| match error {
        BodyError::TooLarge(_) => ApiProblem::new(ProblemKind::TooLarge, error.to_string()),
        BodyError::Broken => ApiProblem::new(ProblemKind::Unreadable, error.to_string()),
    })
}

/// Returns true if the caller is a browser that is to show the answer.
fn wants_page(headers: &HeaderMap) -> bool {
    let accept = headers.get(ACCEPT).map_or(&b""[..], HeaderValue::as_bytes);
    accept.windows(9).any(|media| media == b"text/html")
}

fn refuse(problem: &ApiProblem) -> Response<ReplyBody> {
    let mut response = respond(problem.status(), problem.to_json().into(), PROBLEM);
    let headers = response.headers_mut();
    if let Some(methods) = problem.allow().and_then(|allow| HeaderValue::from_str(allow).ok()) {
        headers.insert(ALLOW, methods);
    }
    if problem.status() == 401 {
        headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    }
    response
}

fn respond(status: u16, body: ReplyBody, media: &'static str) -> Response<ReplyBody> {
    let has_body = !body.is_end_stream();
    let mut response = Response::new(body);
    *response.status_mut() =
        StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    if has_body {
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(media));
    }
    response
}

/// Runs what is heavy on the processor away from the threads that serve connections.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, ApiProblem> {
    tokio::task::spawn_blocking(work).await.map_err(|_| {
        ApiProblem::new(
            ProblemKind::Failed,
            "the work for this call broke down; the server's log says why",
        )
    })
}
