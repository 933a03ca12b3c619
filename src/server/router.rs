//! From a path to who answers: PAYON's operations, or the control plane.

use std::convert::Infallible;
use std::future::Future;
use std::sync::{Arc, LazyLock};

use bytes::Bytes;
use futures_util::FutureExt as _;
use futures_util::future::Either;
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use hyper::header::{
    ACCEPT_LANGUAGE, ALLOW, CONNECTION, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue,
    RETRY_AFTER,
};
use hyper::http::request::Parts;
use hyper::{Method, Request, Response, StatusCode};

use super::fault::{FaultedReply, Plain, break_reply};
use super::fault_stream::{RawReply, ReplyHook};
use super::home::to_dashboard;
use super::paths;
use crate::api::Control;
use crate::base::{Operation, Reason, compressed};
use crate::checkout::{self, Checkout, PageReply};
use crate::gateway::{self, Call, GatewayReply, LinkBase};
use crate::http::{
    BodyError, CallHeaders, Front, HostError, Limits, REPLY_TYPE, ReplyBody, RequestBody,
    TrustedProxy,
};
use crate::space::{Pass, PendingReply, Space, Spaces};

/// State that all connections share.
#[derive(Debug)]
pub struct App {
    /// Every space.
    pub spaces: Arc<Spaces>,
    /// The control plane.
    pub control: Arc<Control>,
    /// The payer's pages.
    pub checkout: Checkout,
    /// Address under which payers reach the gateway, when merchants reach it under another one.
    pub public_url: Option<String>,
    /// Proxies whose word on scheme, host and path is taken.
    pub trusted_proxies: Vec<TrustedProxy>,
    /// Limits of the server.
    pub limits: Limits,
}

/// Paths that a listener answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Plane {
    /// Merchant traffic and control.
    Both,
    /// Merchant traffic and the payer's pages only.
    Merchant,
    /// Control only.
    Control,
}

/// The header that names a request in the journal.
static TRACE_HEADER: HeaderName = HeaderName::from_static("x-payon-trace");
/// The headers of most answers, with the trace still to be put in. A copy takes half the instructions of making them.
static REPLY_HEADERS: LazyLock<HeaderMap> = LazyLock::new(|| {
    let no_trace = (TRACE_HEADER.clone(), HeaderValue::from_static(""));
    HeaderMap::from_iter([(CONTENT_TYPE, HeaderValue::from_static(REPLY_TYPE)), no_trace])
});

/// Answers a request. Operations come first, and their futures hold no memory for what others need: hyper moves each.
pub(super) fn answer<'a>(
    app: &'a Arc<App>,
    plane: Plane,
    trigger: &'a ReplyHook,
    request: Request<Incoming>,
) -> impl Future<Output = Result<Response<ReplyBody>, Infallible>> + 'a {
    let operation = Operation::at(request.uri().path())
        .filter(|_| plane != Plane::Control && !trigger.is_spare());
    let answered = match operation {
        Some(operation) => Either::Left(call(app, operation, trigger, request)),
        // Among the others are calls that wait, and payments that rules hold back.
        None => Either::Right(Box::pin(trigger.watch(answer_other(app, plane, trigger, request)))),
    };
    answered.map(Ok)
}

/// Answers what is no operation, or names its space in the path.
async fn answer_other(
    app: &Arc<App>,
    plane: Plane,
    trigger: &ReplyHook,
    request: Request<Incoming>,
) -> Response<ReplyBody> {
    let (head, incoming) = request.into_parts();
    let headers = CallHeaders::read(&head.headers);
    let mut body = RequestBody::new(incoming, headers.awaits_continue);
    let mut response = answer_parts(app, plane, trigger, (head, headers), &mut body).await;
    body.settle(&mut response, &app.limits).await;
    response
}

/// The same, with what the answer leaves of the body in `body`.
async fn answer_parts(
    app: &Arc<App>,
    plane: Plane,
    trigger: &ReplyHook,
    (head, headers): (Parts, CallHeaders),
    body: &mut RequestBody,
) -> Response<ReplyBody> {
    let front = Front::of(&head.extensions);
    let path = below_proxy(app, &front, head.uri.path());
    let (name, path) = match split_space(path) {
        Some((name, rest)) => (Some(name), rest),
        None => (None, path),
    };
    let is_page = checkout::is_page(path);
    let is_control = !is_page && (path.starts_with("/_sim/") || path == "/_sim");
    if is_control && plane != Plane::Merchant {
        let of_header =
            || headers.space().map(|name| String::from_utf8_lossy(name.as_bytes()).into_owned());
        let (name, path) = (name.map(str::to_owned).or_else(of_header), path.to_owned());
        return app.control.answer(name.as_deref(), &path, head, body).await;
    }
    if trigger.is_spare() {
        return crowded(app, Operation::at(path));
    }
    if let Err(error) = headers.check_host(head.version, &head.uri) {
        return execute(malformed(app, plane, error), trigger).await;
    }
    if is_control {
        // It is no call of a merchant, so no rule meets it and the journal does not note it.
        let to_dashboard = to_dashboard(&head, path, plane, app.control.port());
        return to_dashboard.unwrap_or_else(|| app.control.elsewhere(head.uri.path()));
    }
    let space = match name {
        Some(name) => match app.spaces.named(name) {
            Some(space) => Some(space),
            None => {
                return execute(unknown_space(app, plane, name, &headers), trigger).await;
            }
        },
        None => None,
    };
    if is_page && (plane != Plane::Control || path.starts_with("/_sim/")) {
        let path = path.to_owned();
        if path.starts_with("/_sim/")
            && let Err(refusal) = app.control.admit_page(&head, &path)
        {
            return *refusal;
        }
        return page(app, space, path, trigger, (head, headers), body).await;
    }
    let operation = Operation::at(path).filter(|_| plane != Plane::Control);
    let Some(operation) = operation else {
        if let Some(response) = to_dashboard(&head, path, plane, app.control.port()) {
            return response;
        }
        let nothing = nothing_here(app, plane, space.as_ref(), head.uri.path(), &headers);
        return execute(nothing, trigger).await;
    };
    let space = match welcome(app, operation, space, &head, &headers) {
        Ok(space) => space,
        Err(refusal) => return turn_away(*refusal, trigger).await,
    };
    operate(app, operation, space, trigger, front, headers, body).await
}

/// Answers a call of an operation, in the space that a header names. All that needs no body is done before the future is
/// made.
fn call<'a>(
    app: &'a Arc<App>,
    operation: Operation,
    trigger: &'a ReplyHook,
    request: Request<Incoming>,
) -> impl Future<Output = Response<ReplyBody>> + 'a {
    let (head, incoming) = request.into_parts();
    let (front, headers) = (Front::of(&head.extensions), CallHeaders::read(&head.headers));
    let welcomed = welcome(app, operation, None, &head, &headers);
    let mut body = RequestBody::new(incoming, headers.awaits_continue);
    async move {
        let space = match welcomed {
            Ok(space) => space,
            Err(refusal) => {
                let mut refusal = Box::pin(turn_away(*refusal, trigger)).await;
                Box::pin(body.settle(&mut refusal, &app.limits)).await;
                return refusal;
            }
        };
        let mut response = operate(app, operation, space, trigger, front, headers, &mut body).await;
        if !body.is_read() {
            Box::pin(body.settle(&mut response, &app.limits)).await;
        }
        response
    }
}

/// Answers a call that may be made, once its body is there.
async fn operate(
    app: &Arc<App>,
    operation: Operation,
    space: Option<Arc<Space>>,
    trigger: &ReplyHook,
    front: Front,
    headers: CallHeaders,
    body: &mut RequestBody,
) -> Response<ReplyBody> {
    let refuse = |space: Option<&Arc<Space>>, scenario: Option<&str>, reason, detail: &str| {
        let space = space.unwrap_or(app.spaces.default_space());
        gateway::refuse_early(space, Some(operation), reason, detail, scenario)
    };
    let reply = match body.read(&app.limits).await {
        Ok(body) => {
            let decided = if operation.needs_private_key() {
                let asked = AskedCall { operation, space, front, headers, body };
                Box::pin(asked.decide_on_thread(app)).await
            } else {
                decide(app, operation, space.clone(), &front, &headers, &body).map_err(|closed| {
                    let asked = AskedCall { operation, space, front, headers, body };
                    Box::new(UndecidedCall { closed, asked })
                })
            };
            match decided {
                Ok(reply) => reply,
                Err(undecided) => match Box::pin(undecided.decide_later(app)).await {
                    Ok(reply) => reply,
                    Err(elsewhere) => return *elsewhere,
                },
            }
        }
        Err(error @ BodyError::TooLarge(_)) => {
            refuse(space.as_ref(), headers.scenario(), Reason::TooLarge, &error.to_string())
        }
        Err(error) => {
            refuse(space.as_ref(), headers.scenario(), Reason::MalformedJson, &error.to_string())
        }
    };
    if let Some(rounds) = app.spaces.rounds_to_await()
        && let Err(error) = Box::pin(rounds.written()).await
    {
        return app.control.not_written(&error);
    }
    match (&reply.pending, &reply.change) {
        (None, None) => respond(reply),
        _ => Box::pin(execute(reply, trigger)).await,
    }
}

/// A call of an operation, read whole.
struct AskedCall {
    operation: Operation,
    space: Option<Arc<Space>>,
    front: Front,
    headers: CallHeaders,
    body: Bytes,
}

/// A call whose space is closed, or at another server. Nothing of it was done.
struct UndecidedCall {
    closed: Arc<Space>,
    asked: AskedCall,
}

impl AskedCall {
    /// Decides the call on a thread that may block: milliseconds of arithmetic would hold up every other request of this
    /// worker.
    async fn decide_on_thread(self, app: &Arc<App>) -> Result<GatewayReply, Box<UndecidedCall>> {
        let (shared, operation) = (Arc::clone(app), self.operation);
        let known = self.space.clone().unwrap_or_else(|| Arc::clone(app.spaces.default_space()));
        let scenario = self.headers.scenario().map(str::to_owned);
        let answered = tokio::task::spawn_blocking(move || {
            let Self { operation, space, front, headers, body } = &self;
            let decided = decide(&shared, *operation, space.clone(), front, headers, body);
            decided.map_err(|closed| Box::new(UndecidedCall { closed, asked: self }))
        });
        answered.await.unwrap_or_else(|_| {
            let (reason, detail) = (Reason::SystemError, "the request was given up half-way");
            let operation = Some(operation);
            Ok(gateway::refuse_early(&known, operation, reason, detail, scenario.as_deref()))
        })
    }
}

impl UndecidedCall {
    /// Decides the call once the space lets it in again. Where another server has the space then, the caller is sent there.
    async fn decide_later(
        mut self: Box<Self>,
        app: &Arc<App>,
    ) -> Result<GatewayReply, Box<Response<ReplyBody>>> {
        loop {
            if let Err(place) = self.closed.admitted().await {
                let path = self.asked.operation.paths()[0];
                return Err(Box::new(app.control.send_after(&self.closed, &place, path)));
            }
            match self.asked.decide_on_thread(app).await {
                Ok(reply) => return Ok(reply),
                Err(again) => self = again,
            }
        }
    }
}

/// The space of the name that a header says.
fn space_named(
    app: &App,
    name: &HeaderValue,
    headers: &CallHeaders,
) -> Result<Arc<Space>, Box<GatewayReply>> {
    let known = name.to_str().ok().and_then(|name| app.spaces.named(name));
    known.ok_or_else(|| {
        let name = String::from_utf8_lossy(name.as_bytes());
        Box::new(unknown_space(app, Plane::Merchant, &name, headers))
    })
}

/// The space that a call is for, as far as its path and head say; refused where that is none, or the method is wrong.
fn welcome(
    app: &App,
    operation: Operation,
    space: Option<Arc<Space>>,
    head: &Parts,
    headers: &CallHeaders,
) -> Result<Option<Arc<Space>>, Box<GatewayReply>> {
    headers
        .check_host(head.version, &head.uri)
        .map_err(|error| Box::new(malformed(app, Plane::Merchant, error)))?;
    let space = match space {
        None => headers.space().map(|name| space_named(app, name, headers)).transpose()?,
        of_path => of_path,
    };
    if head.method != Method::POST {
        let detail = gateway::wrong_method(head.uri.path(), head.method.as_str());
        let known = space.as_ref().unwrap_or(app.spaces.default_space());
        let (reason, scenario) = (Reason::WrongMethod, headers.scenario());
        let refused = gateway::refuse_early(known, Some(operation), reason, &detail, scenario);
        return Err(Box::new(refused));
    }
    Ok(space)
}

/// Carries out the refusal of a call that may not be made.
async fn turn_away(refusal: GatewayReply, trigger: &ReplyHook) -> Response<ReplyBody> {
    let is_wrong_method = refusal.reason == Reason::WrongMethod;
    let mut response = execute(refusal, trigger).await;
    if is_wrong_method {
        response.headers_mut().insert(ALLOW, HeaderValue::from_static("POST"));
    }
    response
}

/// Carries a reply out as a rule plans it: after its time, and broken where it is to break.
async fn execute(mut reply: GatewayReply, trigger: &ReplyHook) -> Response<ReplyBody> {
    let Some(change) = reply.change.take() else { return execute_plan(reply, trigger).await };
    let trace = reply.trace;
    if let Some(space) = change.space.filter(|_| change.delay_ms > 0) {
        trigger.watch(space.hold_back(trace, change.delay_ms)).await;
    }
    let mut response = execute_plan(reply, trigger).await;
    for (name, value) in &change.headers {
        let Ok(name) = HeaderName::from_bytes(name.as_bytes()) else { continue };
        match HeaderValue::from_str(value) {
            Ok(value) if !value.is_empty() => response.headers_mut().insert(name, value),
            _ => response.headers_mut().remove(name),
        };
    }
    response
}

/// The same, once the profile's own latency is over.
async fn execute_plan(mut reply: GatewayReply, trigger: &ReplyHook) -> Response<ReplyBody> {
    let Some(pending) = reply.pending.take() else { return respond(reply) };
    let space = Arc::clone(pending.space());
    let outlasted = trigger.watch(PendingReply::outlast(vec![pending])).await.pop();
    let Some(pending) = outlasted else {
        let detail = "the request was given up half-way";
        return respond(gateway::refuse(&space, None, Reason::SystemError, detail));
    };
    let good = plain(reply);
    let plain = match &pending.by.plan.transport {
        None => good,
        Some(transport) => match break_reply(transport, good.clone()) {
            FaultedReply::Changed(changed) => changed,
            FaultedReply::Raw(raw) => return break_raw(raw, pending, trigger, write_plain(good)),
        },
    };
    pending.by.leaves(plain.status, plain.body.len());
    trigger.keep(vec![pending.into()]);
    write_plain(plain)
}

/// Arms a raw reply in the place of `good`, after which hyper expects no other request.
fn break_raw(
    raw: RawReply,
    pending: Box<PendingReply>,
    trigger: &ReplyHook,
    mut good: Response<ReplyBody>,
) -> Response<ReplyBody> {
    pending.by.leaves_raw(raw.head);
    trigger.break_next(raw, pending);
    good.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    good
}

fn decide(
    app: &App,
    operation: Operation,
    space: Option<Arc<Space>>,
    front: &Front,
    headers: &CallHeaders,
    body: &[u8],
) -> Result<GatewayReply, Arc<Space>> {
    if let Some(encoding) = headers.encoding()
        && let Some(came) = compressed(encoding, body)
    {
        let space = space.as_ref().unwrap_or(app.spaces.default_space());
        let (reason, scenario) = (Reason::MalformedJson, headers.scenario());
        let refused = gateway::refuse_early(space, Some(operation), reason, &came, scenario);
        return Ok(refused);
    }
    let call = Call {
        operation,
        space,
        token: headers.token(),
        scenario: headers.scenario(),
        origin: origin(app, front, headers.host()),
        body,
        trace_headers: headers.trace_headers.clone(),
    };
    gateway::answer_outside(&app.spaces, call)
}

/// Answers a request for one of the payer's pages.
async fn page(
    app: &Arc<App>,
    space: Option<Arc<Space>>,
    path: String,
    trigger: &ReplyHook,
    (head, headers): (Parts, CallHeaders),
    body: &mut RequestBody,
) -> Response<ReplyBody> {
    let query = head.uri.query().unwrap_or_default();
    let asked = checkout::space_of(&app.spaces, &path, query, space.as_ref());
    let pass = match asked.admitted().await {
        Ok(pass) => pass,
        Err(place) => {
            let query = head.uri.query().map(|query| format!("?{query}")).unwrap_or_default();
            return app.control.send_after(&asked, &place, &format!("{path}{query}"));
        }
    };
    // The pretend app belongs to the control plane, which no rule breaks.
    let ruled = if path.starts_with("/_sim/") {
        None
    } else {
        gateway::consult_page(&asked, page_name(&path), headers.scenario())
    };
    let mut response = answer_page(app, (space, pass), path, trigger, (head, headers), body).await;
    if let Some(pending) = ruled {
        response = break_page(response, pending, trigger).await;
    }
    response
}

/// The kind of page at a path, without the token that names an order.
fn page_name(path: &str) -> &str {
    if path.contains("/assets/") { "assets" } else { "checkout" }
}

/// Carries a page out as a rule plans it.
async fn break_page(
    response: Response<ReplyBody>,
    pending: Box<PendingReply>,
    trigger: &ReplyHook,
) -> Response<ReplyBody> {
    let Some(pending) = PendingReply::outlast(vec![pending]).await.pop() else { return response };
    let plan = &pending.by.plan;
    let (mut head, body) = response.into_parts();
    let Ok(body) = body.collect().await;
    let body = body.to_bytes();
    if let Some(status) = plan.status.and_then(|status| StatusCode::from_u16(status).ok()) {
        head.status = status;
    }
    let good = Plain {
        status: head.status.as_u16(),
        content_type: "text/html;charset=UTF-8",
        trace: pending.trace().digits(),
        retry_after_s: None,
        body: body.clone(),
    };
    let Some(transport) = &plan.transport else {
        pending.by.leaves(good.status, body.len());
        trigger.keep(vec![pending.into()]);
        return Response::from_parts(head, body.into());
    };
    match break_reply(transport, good) {
        FaultedReply::Changed(changed) => {
            pending.by.leaves(changed.status, changed.body.len());
            trigger.keep(vec![pending.into()]);
            write_plain(changed)
        }
        FaultedReply::Raw(raw) => {
            break_raw(raw, pending, trigger, Response::from_parts(head, body.into()))
        }
    }
}

/// Answers a request for one of the payer's pages, whatever rules make of it. The pass is kept until all is booked.
async fn answer_page(
    app: &Arc<App>,
    (space, pass): (Option<Arc<Space>>, Pass),
    path: String,
    trigger: &ReplyHook,
    (head, headers): (Parts, CallHeaders),
    body: &mut RequestBody,
) -> Response<ReplyBody> {
    let (post, only_looks) = match head.method {
        Method::GET => (false, false),
        Method::HEAD => (false, true),
        Method::POST => (true, false),
        _ => {
            return write_page(PageReply::wrong_method("a page for payers", checkout::METHODS));
        }
    };
    let body = match body.read(&app.limits).await {
        Ok(body) => body,
        Err(error) => {
            let mut response = Response::new(Bytes::from(error.to_string()).into());
            *response.status_mut() = match error {
                BodyError::TooLarge(_) => StatusCode::PAYLOAD_TOO_LARGE,
                BodyError::Broken => StatusCode::BAD_REQUEST,
            };
            return response;
        }
    };
    let blocks = checkout::blocks(post, &path);
    let shared = Arc::clone(app);
    let answer = move || {
        let header = |name| head.headers.get(name).and_then(|value| value.to_str().ok());
        let asked = checkout::PageRequest {
            post,
            only_looks,
            path: &path,
            query: head.uri.query().unwrap_or_default(),
            body: &body,
            accept_language: header(ACCEPT_LANGUAGE).unwrap_or_default(),
            origin: &origin(&shared, &Front::of(&head.extensions), headers.host()).to_string(),
            space,
        };
        shared.checkout.answer(&shared.spaces, &asked)
    };
    let reply =
        if blocks { tokio::task::spawn_blocking(answer).await.ok() } else { Some(answer()) };
    drop(pass);
    let Some(mut reply) = reply else {
        let mut response = Response::new(ReplyBody::default());
        *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
        return response;
    };
    if let Some(rounds) = app.spaces.rounds_to_await()
        && let Err(error) = rounds.written().await
    {
        return app.control.not_written(&error);
    }
    let courses = PendingReply::outlast(std::mem::take(&mut reply.courses)).await;
    for pending in &courses {
        pending.by.leaves(reply.status, reply.body.len());
    }
    trigger.keep(courses);
    write_page(reply)
}

/// Puts a page on the wire.
fn write_page(reply: PageReply) -> Response<ReplyBody> {
    let mut response = Response::new(reply.body.into());
    *response.status_mut() =
        StatusCode::from_u16(reply.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    for (name, value) in reply.headers {
        if let Ok(value) = HeaderValue::from_str(&value) {
            response.headers_mut().insert(HeaderName::from_static(name), value);
        }
    }
    if let Some(trace) = reply.trace
        && let Ok(trace) = HeaderValue::from_bytes(&trace.digits())
    {
        response.headers_mut().insert(TRACE_HEADER.clone(), trace);
    }
    response
}

/// Address of the payer's pages: as configured, else the one under which the merchant reached the gateway.
fn origin<'a>(app: &'a App, front: &'a Front, host: Option<&'a str>) -> LinkBase<'a> {
    if let Some(url) = &app.public_url {
        return url.as_str().into();
    }
    LinkBase::at(front.scheme(), host, front.prefix(), app.control.url())
}

/// The path without that of the public URL or of a trusted proxy in front, for a proxy that leaves it there. A path of
/// ours is kept as it is.
fn below_proxy<'p>(app: &App, front: &Front, path: &'p str) -> &'p str {
    let is_ours = |path: &str| {
        checkout::is_page(path) || path.starts_with("/_sim") || path.starts_with("/space/")
    };
    if is_ours(path) {
        return path;
    }
    let public = app.public_url.as_deref().and_then(|url| {
        let (_, rest) = url.split_once("://")?;
        Some(rest[rest.find('/')?..].trim_end_matches('/'))
    });
    let folders = [public.unwrap_or_default(), front.prefix()];
    let mut rests = folders.iter().filter_map(|folder| path.strip_prefix(*folder));
    rests.find(|rest| rest.len() < path.len() && rest.starts_with('/')).unwrap_or(path)
}

/// `/space/{name}/rest` → name and `/rest`.
fn split_space(path: &str) -> Option<(&str, &str)> {
    let rest = path.strip_prefix("/space/")?;
    let end = rest.find('/').unwrap_or(rest.len());
    Some(rest.split_at(end))
}

#[cold]
fn unknown_space(app: &App, plane: Plane, name: &str, headers: &CallHeaders) -> GatewayReply {
    let detail = format!("there is no space named {name:?}; POST /_sim/v1/spaces makes one");
    unknown_path(app.spaces.default_space(), plane, &detail, headers)
}

/// Refuses a merchant where only the connections that are kept for the control plane are left. No rule is asked: it could hold
/// the connection.
#[cold]
fn crowded(app: &App, operation: Option<Operation>) -> Response<ReplyBody> {
    let detail = "too many connections are open; the last ones are kept for the control plane. End some, or raise the \
                  hard limit of open files (ulimit -Hn)";
    let space = app.spaces.default_space();
    let mut refusal = respond(gateway::refuse(space, operation, Reason::SimulatorFull, detail));
    refusal.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    refusal
}

/// Refuses a request whose host cannot be told.
#[cold]
fn malformed(app: &App, plane: Plane, error: HostError) -> GatewayReply {
    let (space, meets_rules) = (app.spaces.default_space(), plane != Plane::Control);
    gateway::refuse_malformed(space, 400, &error.to_string(), true, meets_rules)
}

#[cold]
fn nothing_here(
    app: &App,
    plane: Plane,
    space: Option<&Arc<Space>>,
    path: &str,
    headers: &CallHeaders,
) -> GatewayReply {
    let mut hint = hint(app, plane, path);
    let bare = split_space(path).map_or(path, |(_, rest)| rest);
    if hint.is_empty() && matches!(bare, "" | "/" | "/pg" | "/pg/") && plane != Plane::Control {
        let base = path.trim_end_matches('/').trim_end_matches("/pg");
        hint = format!("; merchants POST to what is below it, such as {base}/pg/order/register");
    }
    let detail = format!("no operation lives at {path}{hint}");
    let space = space.unwrap_or(app.spaces.default_space());
    unknown_path(space, plane, &detail, headers)
}

/// Refuses a path at which there is nothing. Rules break the merchant plane, never the control plane.
#[cold]
fn unknown_path(space: &Space, plane: Plane, detail: &str, headers: &CallHeaders) -> GatewayReply {
    if plane == Plane::Control {
        gateway::refuse(space, None, Reason::UnknownPath, detail)
    } else {
        gateway::refuse_early(space, None, Reason::UnknownPath, detail, headers.scenario())
    }
}

/// The path that was probably meant by one at which nothing lives; begins with a separator where there is anything to say.
fn hint(app: &App, plane: Plane, path: &str) -> String {
    let single = paths::tidy(path);
    let (prefix, rest) = split_space(&single).map_or(("", &*single), |(name, rest)| {
        (&single[..single.len() - rest.len()], if name.is_empty() { "" } else { rest })
    });
    let is_control = rest == "/_sim" || rest.starts_with("/_sim/");
    if let Some(known) = paths::meant(rest).filter(|_| !is_control) {
        return match plane {
            Plane::Control => format!("; merchants call {}{prefix}{known}", app.control.url()),
            Plane::Both | Plane::Merchant => format!("; did you mean {prefix}{known}?"),
        };
    }
    if is_control {
        return match plane {
            Plane::Merchant => {
                format!("; the control plane is at {}{prefix}{rest}", app.control.own_url())
            }
            _ => format!("; did you mean {prefix}{rest}?"),
        };
    }
    String::new()
}

/// Puts a decision on the wire.
fn respond(reply: GatewayReply) -> Response<ReplyBody> {
    write(reply.status, REPLY_TYPE, reply.trace.digits(), reply.body)
}

fn plain(reply: GatewayReply) -> Plain {
    Plain {
        status: reply.status,
        content_type: REPLY_TYPE,
        trace: reply.trace.digits(),
        retry_after_s: None,
        body: reply.body,
    }
}

fn write_plain(plain: Plain) -> Response<ReplyBody> {
    let mut response = write(plain.status, plain.content_type, plain.trace, plain.body);
    if let Some(seconds) = plain.retry_after_s {
        response.headers_mut().insert(RETRY_AFTER, seconds.into());
    }
    response
}

fn write(
    status: u16,
    content_type: &'static str,
    trace: [u8; 16],
    body: Bytes,
) -> Response<ReplyBody> {
    let mut response = Response::new(body.into());
    *response.status_mut() =
        StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let headers = response.headers_mut();
    headers.clone_from(&REPLY_HEADERS);
    if content_type != REPLY_TYPE {
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    }
    // Put in its place, since a full map grows before it takes one in anew.
    if let (Ok(trace), Some(place)) =
        (HeaderValue::from_bytes(&trace), headers.get_mut(&TRACE_HEADER))
    {
        *place = trace;
    }
    response
}
