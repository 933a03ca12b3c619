//! Spaces that go to another server, and those that come from one.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use hyper::Method;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::IgnoredAny;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;

use super::problem::{ApiProblem, ProblemKind};
use super::request::{ApiRequest, blocking};
use super::spaces::SpaceView;
use crate::base::{Seed, WebUrlParts, check_sendable, visible};
use crate::http::WebServer;
use crate::space::{Handover, HandoverError, NewPlace, Space, SpaceError};

/// Longest time for the other server to take a space.
const PATIENCE: Duration = Duration::from_secs(60);

/// Characters that are shown of an answer that is none of ours.
const FOREIGN_CHARS_MAX: usize = 200;

/// A server for a space to go to.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct WantedMove {
    /// Address of the other server's control plane, as this server reaches it: scheme, host and port.
    to: String,
    /// Certificates in PEM of the authorities of which one signed the other server's; those that this system trusts when
    /// left out.
    ca: Option<String>,
    /// The token of the other control plane, where it asks for one.
    token: Option<String>,
}

/// A space that was moved.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct MovedSpace {
    name: String,
    /// Address that replaces PAYON's in a merchant's settings from here on; calls at the old one are sent there with 307.
    base_url: String,
    /// Base address of the space's control plane.
    control_url: String,
    /// Milliseconds for which requests to the space had to wait.
    paused_ms: u64,
    left_behind: LeftBehind,
}

/// Parts of a moved space that did not go with it and are gone.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct LeftBehind {
    /// Number of requests in the journal.
    requests: usize,
    /// Number of events that a follower could have asked for.
    events: usize,
}

/// A space as the call `moveSpace` sends it. It is read by [`crate::space`], from the body itself.
#[derive(Serialize)]
pub(super) struct SpaceFile;

impl<'de> Deserialize<'de> for SpaceFile {
    fn deserialize<D: Deserializer<'de>>(reader: D) -> Result<Self, D::Error> {
        IgnoredAny::deserialize(reader).map(|_| Self)
    }
}

impl JsonSchema for SpaceFile {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "SpaceFile".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "object",
            "description": "a whole space as POST /_sim/v1/spaces/{name}/move sends it; what its records say is the program's own affair",
            "required": ["format", "version", "space", "profile", "digest", "records"],
            "properties": {
                "format": { "type": "string", "const": "payon-sim/space" },
                "version": { "type": "integer", "const": 1 },
                "space": { "type": "string" },
                "writtenBy": { "type": "string" },
                "profile": {
                    "type": "object",
                    "required": ["name", "digest"],
                    "properties": { "name": { "type": "string" }, "digest": { "type": "string" } },
                },
                "digest": { "type": "string", "description": "SHA-256 of the records" },
                "records": { "type": "array", "items": { "type": "array", "items": {} } },
            },
        })
    }
}

impl From<HandoverError> for ApiProblem {
    fn from(error: HandoverError) -> Self {
        let kind = match error {
            HandoverError::NotMade(error) => return error.into(),
            HandoverError::DefaultStays => ProblemKind::DefaultStays,
            HandoverError::UnderWay(_) | HandoverError::Busy(..) => ProblemKind::UnderWay,
            HandoverError::Unwritable(_) => ProblemKind::Failed,
            HandoverError::NoSpace(_) => ProblemKind::Unreadable,
            HandoverError::TooLarge(_) => ProblemKind::TooLarge,
            HandoverError::NameTaken(_) => ProblemKind::SpaceExists,
            HandoverError::IsHere(_)
            | HandoverError::Version(_)
            | HandoverError::Profile { .. }
            | HandoverError::Damaged(_) => ProblemKind::Refused,
        };
        Self::new(kind, error.to_string())
    }
}

/// Hands a space over to another server: nobody gets in, what is under way ends, the other side takes all of it, and
/// from then on callers are sent there. Where it is not taken, it goes on here as if nothing had been.
pub(super) async fn move_away(
    call: &ApiRequest,
    wanted: WantedMove,
) -> Result<MovedSpace, ApiProblem> {
    let name = call.param("name");
    let space = call.control.spaces().named(name);
    let space = space.ok_or_else(|| SpaceError::Unknown(name.to_owned()))?;
    if let Some(place) = space.moved_to() {
        return Err(ApiProblem::moved(&space, &place));
    }
    let other = OtherServer::read(wanted)?;
    // A caller that leaves does not leave a space half-way.
    tokio::spawn(hand_over(space, other)).await.unwrap_or_else(|_| {
        Err(ApiProblem::new(ProblemKind::Failed, "the move broke down; look where the space is"))
    })
}

/// Takes a space over from another server.
pub(super) async fn take(call: &ApiRequest, _: SpaceFile) -> Result<SpaceView, ApiProblem> {
    let (name, document) = (call.param("name").to_owned(), call.body.clone());
    let spaces = Arc::clone(call.control.spaces());
    let space = blocking(move || spaces.take_over(&name, &document)).await??;
    // The other side lets go of it once this is answered.
    if let Some(rounds) = call.control.spaces().rounds() {
        rounds.settled().await.map_err(|error| ApiProblem::not_written(&error))?;
    }
    Ok(SpaceView::new(call, &space))
}

/// The server that a space goes to.
struct OtherServer {
    server: WebServer,
    /// Path in front of the control plane's, and its address without.
    path: String,
    url: String,
    token: Option<String>,
}

impl OtherServer {
    fn read(wanted: WantedMove) -> Result<Self, ApiProblem> {
        let refused = |detail: String| ApiProblem::refused("to", detail);
        // The start message and browsers show the control plane's address with its path.
        let url = wanted.to.trim_end_matches('/');
        let url = url.strip_suffix("/_sim").unwrap_or(url).to_owned();
        let parts = WebUrlParts::parse(&url).map_err(|error| refused(format!("to {error}")))?;
        if parts.rest.contains(['?', '#']) || parts.rest.contains("/space/") {
            let detail = "to is the address of a server, without a space, a query or a fragment";
            return Err(refused(detail.to_owned()));
        }
        let server = WebServer::of(&parts, wanted.ca.as_deref().map(str::as_bytes));
        let server = server.map_err(|error| ApiProblem::refused("ca", format!("ca {error}")))?;
        if let Some(Err(problem)) = wanted.token.as_deref().map(check_sendable) {
            return Err(ApiProblem::refused("token", problem));
        }
        let path = parts.rest.to_owned();
        Ok(Self { server, path, url, token: wanted.token })
    }

    /// Lets the server take a space: the place where that is then.
    async fn take(
        &self,
        name: &str,
        seed: Seed,
        document: Bytes,
    ) -> Result<(String, NewPlace), ApiProblem> {
        let path = format!("{}/_sim/v1/spaces/{name}", self.path);
        let bearer = self.token.as_ref().map(|token| format!("Bearer {token}"));
        let headers: Vec<_> = bearer.iter().map(|it| ("authorization", it.as_str())).collect();
        let sent = self.server.send(Method::PUT, &path, &headers, document);
        let failed = |detail: String| ApiProblem::new(ProblemKind::NotTaken, detail);
        let unknown = |why: &str| {
            failed(format!(
                "no answer from {}: {why}. The space goes on here; should it be there as well, delete it there: \
                 payon-sim space delete {name} --url {}",
                self.url, self.url
            ))
        };
        let answer = match tokio::time::timeout(PATIENCE, sent).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(error)) => return Err(unknown(&error.to_string())),
            Err(_) => return Err(unknown(&format!("none within {} s", PATIENCE.as_secs()))),
        };
        let said: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
        if answer.status != 201 {
            let why = said["detail"].as_str().map_or_else(
                || {
                    let text = String::from_utf8_lossy(&answer.body);
                    let first = text.lines().next().unwrap_or_default();
                    let first: String = first.chars().take(FOREIGN_CHARS_MAX).collect();
                    format!("it is no control plane of payon-sim, it answers {:?}", visible(&first))
                },
                str::to_owned,
            );
            return Err(failed(format!(
                "{} does not take the space (status {}): {why}. It goes on here",
                self.url, answer.status
            )));
        }
        // Whoever says yes to anything has nothing: the space is let go only for a server that shows it.
        let is_there = said["name"] == name && said["seed"] == seed.0;
        let base_url = said["baseUrl"].as_str().filter(|_| is_there);
        let gateway = base_url.and_then(|url| url.strip_suffix(&format!("/space/{name}")));
        let gateway = gateway.filter(|url| WebUrlParts::parse(url).is_ok());
        let Some((base_url, gateway)) = base_url.zip(gateway) else {
            return Err(unknown("it says yes, and not that it has this very space"));
        };
        let place = NewPlace { gateway: gateway.to_owned(), control: self.url.clone() };
        Ok((base_url.to_owned(), place))
    }
}

async fn hand_over(space: Arc<Space>, other: OtherServer) -> Result<MovedSpace, ApiProblem> {
    let begun = Instant::now();
    let name = space.name().to_owned();
    let closed = space.close_for_handover().await?;
    let write = move |closed: Handover| closed.write().map(|document| (closed, document));
    let (closed, document) = blocking(move || write(closed)).await??;
    let (base_url, place) = other.take(&name, space.seed(), document.into()).await?;
    let (requests, events) = closed.complete(place).await;
    let left_behind = LeftBehind { requests, events };
    let paused_ms = u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX);
    tracing::info!(space = name, to = other.url, paused_ms, "a space was moved");
    let control_url = format!("{}/space/{name}", other.url);
    Ok(MovedSpace { name, base_url, control_url, paused_ms, left_behind })
}
