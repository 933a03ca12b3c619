//! Answers of the control plane to requests: who may call, which call it is, and what is written.

use std::sync::Arc;

use bytes::Bytes;
use http_body_util::BodyExt as _;
use hyper::body::Body as _;
use hyper::header::{
    ACCEPT, ALLOW, CONTENT_ENCODING, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, LOCATION,
    SET_COOKIE, WWW_AUTHENTICATE,
};
use hyper::http::request::Parts;
use hyper::{Method, Response, StatusCode};

use super::control::Control;
use super::problem::{ApiProblem, ProblemKind};
use super::request::ApiRequest;
use super::route::{ApiMethod, ApiReply, JSON, Route};
use super::{dashboard, docs, guard, routes};
use crate::base::{compressed, has_mark, without_mark};
use crate::http::{
    BodyError, CONTROL_PORT_HEADER, Front, Limits, PROGRAM_HEADER, ReplyBody, RequestBody,
    check_host,
};
use crate::space::{NewPlace, NotWritten, Space};

/// Header that names the server to which a space was moved, for whoever stands in front of several.
static MOVED_HEADER: HeaderName = HeaderName::from_static("x-payon-space-moved");
/// Path to which the login page sends the token.
const LOGIN: &str = "/_sim/login";

/// The written form of a problem.
const PROBLEM: &str = "application/problem+json";

/// Body of the login form.
#[derive(serde::Deserialize)]
struct Login {
    token: String,
}

impl Control {
    /// Admits a request for a page under `/_sim/` that is not the dashboard's, or answers why not: as a page where a
    /// browser asks.
    pub fn admit_page(&self, head: &Parts, path: &str) -> Result<(), Box<Response<ReplyBody>>> {
        self.guard.admit(head, path).map_err(|problem| {
            let mut response = refuse_page(&problem, &head.headers, path);
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

    /// Answers a request whose effect could not be written, so that nobody takes it for done.
    pub fn not_written(&self, error: &NotWritten) -> Response<ReplyBody> {
        refuse(&ApiProblem::not_written(error))
    }

    /// Answers a call of the control plane at a port that has none: where it is. `path` is that of the call.
    pub fn elsewhere(&self, path: &str) -> Response<ReplyBody> {
        let detail =
            format!("the control plane is not at this port; call {}{path}", self.own_url());
        let mut response = refuse(&ApiProblem::new(ProblemKind::UnknownCall, detail));
        let headers = response.headers_mut();
        sign_off(headers);
        if let Some(port) = self.port() {
            headers.insert(CONTROL_PORT_HEADER.clone(), port.into());
        }
        response
    }

    /// Sends a merchant or payer to the server that has the space. `path` is that within the space.
    pub fn send_after(&self, space: &Space, place: &NewPlace, path: &str) -> Response<ReplyBody> {
        let problem = ApiProblem::moved(space, place).elsewhere(&place.gateway);
        refuse(&problem.below(&format!("/space/{}{path}", space.name())))
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
        sign_off(response.headers_mut());
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
            let admitted = self.guard.admit_page(&head);
            return match admitted.and_then(|()| self.space_of(space)) {
                Ok(_) => dashboard::answer(&head.method, path, &head.headers),
                Err(problem) => refuse_page(&problem, &head.headers, path),
            };
        }
        if docs::is_ours(path) {
            return match self.admit_page(&head, path) {
                Ok(()) => docs::answer(&head.method, path, head.uri.query()),
                Err(response) => *response,
            };
        }
        match self.try_answer(space, path, head, body).await {
            Ok(reply) => respond(reply.status, reply.body, reply.media),
            Err(problem) => refuse(&problem),
        }
    }

    /// The space of a request.
    fn space_of(&self, name: Option<&str>) -> Result<Arc<Space>, ApiProblem> {
        let Some(name) = name else { return Ok(Arc::clone(self.spaces().default_space())) };
        self.spaces().named(name).ok_or_else(|| {
            let detail = format!(
                "there is no space named {name:?}; POST /_sim/v1/spaces makes one, GET lists them"
            );
            ApiProblem::new(ProblemKind::UnknownSpace, detail)
        })
    }

    async fn try_answer(
        self: &Arc<Self>,
        space: Option<&str>,
        path: &str,
        head: Parts,
        body: &mut RequestBody,
    ) -> Result<ApiReply, ApiProblem> {
        self.guard.admit(&head, path)?;
        let (route, params) = routes::find(&head.method, path)?;
        let query = head.uri.query().map(|query| format!("?{query}")).unwrap_or_default();
        let place = space.map(|name| format!("/space/{name}")).unwrap_or_default();
        let asked = format!("{place}{path}{query}");
        let space = self.space_of(space)?;
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
            origins: self.origins(&head.headers, &Front::of(&head.extensions)),
            params,
            query: head.uri.query().unwrap_or_default().to_owned(),
            headers: head.headers,
            body,
        };
        self.run(route, call).await.map_err(|problem| problem.below(&asked))
    }

    /// Carries a call out. Where a change must be written before anybody is told of it, the answer waits for that.
    async fn run(&self, route: &Route, call: ApiRequest) -> Result<ApiReply, ApiProblem> {
        let space = Arc::clone(&call.space);
        let pass = if route.changes_its_space() {
            Some(space.admitted().await.map_err(|place| ApiProblem::moved(&space, &place))?)
        } else if let Some(place) = space.moved_to() {
            return Err(ApiProblem::moved(&space, &place));
        } else {
            None
        };
        let reply = (route.run)(call).await?;
        drop(pass);
        if let Some(rounds) =
            self.spaces().rounds_to_await().filter(|_| route.verb != ApiMethod::Get)
        {
            rounds.written().await.map_err(|error| ApiProblem::not_written(&error))?;
        }
        Ok(reply)
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
        let (route, params) = routes::find(method, &format!("/_sim/v1/{path}"))?;
        let headers = HeaderMap::new();
        let call = ApiRequest {
            control: Arc::clone(self),
            space,
            origins: self.origins(&headers, &Front::default()),
            params,
            query: query.to_owned(),
            headers,
            body,
        };
        let body = self.run(route, call).await?.body;
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
            let about = "the dashboard's form with the token; open /_sim/ in a browser";
            let calls = [("POST", about)];
            return Err(ApiProblem::wrong_method(head.method.as_str(), LOGIN, calls));
        }
        let body = read_body(&self.settings.limits, body).await?;
        let form: Login = serde_html_form::from_bytes(&body).map_err(|_| {
            ApiProblem::new(ProblemKind::Unreadable, "send a form with the field `token`")
                .at("token")
        })?;
        let cookie = self.guard.log_in(head, &form.token)?;
        let mut response = respond(303, ReplyBody::default(), JSON);
        let headers = response.headers_mut();
        headers.insert(LOCATION, HeaderValue::from_static("./"));
        if let Some(cookie) = cookie.and_then(|cookie| HeaderValue::from_str(&cookie).ok()) {
            headers.insert(SET_COOKIE, cookie);
        }
        Ok(response)
    }
}

/// Adds what every answer carries: the program's name and version, by which a client knows that no other server
/// answered it, and what protects the answer in a browser.
fn sign_off(headers: &mut HeaderMap) {
    let version = HeaderValue::from_static(env!("CARGO_PKG_VERSION"));
    headers.insert(PROGRAM_HEADER.clone(), version);
    guard::make_safe(headers);
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

/// Refuses the request for a page, with a page where a browser asks.
fn refuse_page(problem: &ApiProblem, headers: &HeaderMap, path: &str) -> Response<ReplyBody> {
    if !wants_page(headers) {
        return refuse(problem);
    }
    let page = problem.to_page(path);
    respond(problem.status(), Bytes::from(page).into(), "text/html;charset=UTF-8")
}

fn refuse(problem: &ApiProblem) -> Response<ReplyBody> {
    let mut response = respond(problem.status(), problem.to_json().into(), PROBLEM);
    if let Some((server, path)) = problem.way() {
        let way = format!("{server}{path}");
        for (name, value) in [(LOCATION, way.as_str()), (MOVED_HEADER.clone(), server)] {
            if let Ok(value) = HeaderValue::from_str(value) {
                response.headers_mut().insert(name, value);
            }
        }
    }
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
