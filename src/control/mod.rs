//! The control plane: everything of ours under `/_sim/`, as JSON, and the dashboard that calls it.
//!
//! `table` holds one line for each call, from which the router, the OpenAPI document and the list of calls are
//! made; a handler reads its input as a type, asks the space or the gateway, and answers with a type. What fails is a
//! problem after RFC 9457. Nothing here decides anything: it goes through [`crate::space`] and [`crate::gateway`].

#![allow(clippy::unnecessary_wraps, reason = "handlers have one signature, and some never fail")]

mod about;
mod ask;
mod clock;
mod coverage;
mod dashboard;
mod guard;
mod journal;
mod merchants;
mod openapi;
mod orders;
pub mod payon_openapi;
mod problem;
mod pushbacks;
mod reference;
mod reload;
mod route;
mod rules;
mod sign;
mod snapshots;
mod sources;
mod spaces;
mod table;
mod views;
mod wait;

use std::sync::Arc;

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::header::{
    ALLOW, CACHE_CONTROL, CONTENT_TYPE, HOST, HeaderMap, HeaderValue, WWW_AUTHENTICATE,
};
use hyper::http::uri::Authority;
use hyper::{Request, Response, StatusCode, Uri};

use crate::server::{self, App, BodyError};
use ask::{Ask, Origins};
use guard::Guard;
use problem::{Kind, Problem};
use route::Reply;
pub use sources::{Sources, Stamp, collect};

/// The control plane of a server.
#[derive(Debug)]
pub struct Control {
    url: String,
    own_url: String,
    guard: Guard,
    sources: Arc<Sources>,
}

impl Control {
    /// A control plane for a gateway at `url`, itself at `control_url` (the same where they share a port). With a token
    /// every call but health must bring it; without one, calls must come by a name of this machine or of these URLs.
    pub fn new(url: String, control_url: String, token: Option<String>) -> Self {
        let guard = Guard::new(token.as_deref(), &[&url, &control_url]);
        Self { url, own_url: control_url, guard, sources: Arc::default() }
    }

    /// The same with scenarios that the space `default` follows.
    #[must_use]
    pub fn following(self, sources: Arc<Sources>) -> Self {
        Self { sources, ..self }
    }

    /// Where the gateway is.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Answers a request under `/_sim/`, for the space of that name, or for `default`.
    pub async fn answer(
        &self,
        app: &Arc<App>,
        space: Option<&str>,
        path: &str,
        request: Request<Incoming>,
    ) -> Response<Full<Bytes>> {
        if dashboard::is_ours(path) {
            return match self.guard.admit_page(request.headers()) {
                Ok(()) => dashboard::answer(space, request.method(), path, request.headers()),
                Err(problem) => refuse(&problem),
            };
        }
        match self.try_answer(app, space, path, request).await {
            Ok(reply) => respond(reply.status, reply.body, "application/json"),
            Err(problem) => refuse(&problem),
        }
    }

    async fn try_answer(
        &self,
        app: &Arc<App>,
        space: Option<&str>,
        path: &str,
        request: Request<Incoming>,
    ) -> Result<Reply, Problem> {
        let (head, body) = request.into_parts();
        self.guard.admit(&head.method, path, &head.headers)?;
        let (route, params) = route::find(&head.method, path)?;
        let space = match space {
            None => Arc::clone(app.spaces.default_space()),
            Some(name) => app.spaces.named(name).ok_or_else(|| {
                let detail = format!(
                    "there is no space named {name:?}; POST /_sim/v1/spaces makes one, GET lists them"
                );
                Problem::new(Kind::UnknownSpace, detail)
            })?,
        };
        let body =
            server::read_body(body, &route.limits(&app.limits)).await.map_err(
                |error| match error {
                    BodyError::TooLarge(_) => Problem::new(Kind::TooLarge, error.to_string()),
                    BodyError::Broken => Problem::new(Kind::Unreadable, error.to_string()),
                },
            )?;
        let ask = Ask {
            app: Arc::clone(app),
            space,
            origins: self.origins(&head.headers),
            params,
            query: head.uri.query().unwrap_or_default().to_owned(),
            body,
        };
        (route.run)(ask).await
    }

    /// Where the caller reaches us, which may be another address than ours.
    fn origins(&self, headers: &HeaderMap) -> Origins {
        let host = headers
            .get(HOST)
            .and_then(|host| host.to_str().ok())
            .and_then(|host| host.parse::<Authority>().ok());
        let Some(host) = host else {
            return Origins { gateway: self.url.clone(), control: self.own_url.clone() };
        };
        let control = format!("http://{host}");
        if self.url == self.own_url {
            return Origins { gateway: control.clone(), control };
        }
        let port = self.url.parse::<Uri>().ok().and_then(|url| url.port_u16()).unwrap_or(80);
        Origins { gateway: format!("http://{}:{port}", host.host()), control }
    }
}

fn refuse(problem: &Problem) -> Response<Full<Bytes>> {
    let mut response = respond(problem.status(), problem.to_json(), "application/problem+json");
    let headers = response.headers_mut();
    if let Some(methods) = problem.allow().and_then(|allow| HeaderValue::from_str(allow).ok()) {
        headers.insert(ALLOW, methods);
    }
    if problem.status() == 401 {
        headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    }
    response
}

fn respond(status: u16, body: Bytes, kind: &'static str) -> Response<Full<Bytes>> {
    let has_body = !body.is_empty();
    let mut response = Response::new(Full::new(body));
    *response.status_mut() =
        StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let headers = response.headers_mut();
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if has_body {
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    }
    response
}

/// Runs what is heavy on the processor away from the threads that serve connections.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, Problem> {
    tokio::task::spawn_blocking(work).await.map_err(|_| {
        Problem::new(Kind::Failed, "the work for this call broke down; the server's log says why")
    })
}
