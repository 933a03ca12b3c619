//! A call as one value, from which it is found, read, answered and documented.

use std::future::Future;
use std::pin::Pin;

use bytes::Bytes;
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::Serialize;

use super::problem::{ApiProblem, ProblemKind};
use super::request::ApiRequest;
use crate::http::{Limits, ReplyBody};
use crate::space::{HANDOVER_MAX, SNAPSHOT_FILE_MAX};

/// Media type of most answers.
pub(super) const JSON: &str = "application/json";

/// One call of the control plane.
pub(super) struct Route {
    /// Its name in generated clients.
    pub(super) id: &'static str,
    pub(super) verb: ApiMethod,
    pub(super) path: &'static str,
    pub(super) summary: &'static str,
    /// HTTP status when it worked.
    pub(super) status: u16,
    /// Members of the query where [`ApiMethod::has_body`] is false, else the body.
    pub(super) input: SchemaShape,
    pub(super) output: SchemaShape,
    /// Media type of a successful answer: [`JSON`], or another one, which `output` then only describes.
    pub(super) media: &'static str,
    pub(super) run: fn(ApiRequest) -> Running,
}

/// A call being answered.
pub(super) type Running = Pin<Box<dyn Future<Output = Result<ApiReply, ApiProblem>> + Send>>;

/// Answer of a successful call.
pub(super) struct ApiReply {
    pub(super) status: u16,
    /// Media type of the body.
    pub(super) media: &'static str,
    /// Empty where there is nothing to say.
    pub(super) body: ReplyBody,
}

/// HTTP methods that calls have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ApiMethod {
    Get,
    Post,
    Put,
    Patch,
    Delete,
}

/// The schema of a type, by name or written out.
#[derive(Clone, Copy)]
pub(super) struct SchemaShape {
    pub(super) named: fn(&mut SchemaGenerator) -> Schema,
    pub(super) inline: fn(&mut SchemaGenerator) -> Schema,
}

impl Route {
    /// Within what its body is read: a snapshot or a whole space may be much larger than
    /// anything else.
    pub(super) fn limits(&self, limits: &Limits) -> Limits {
        let most = match self.id {
            "importSnapshot" => SNAPSHOT_FILE_MAX,
            "takeSpace" => HANDOVER_MAX,
            _ => return *limits,
        };
        Limits { body_bytes: limits.body_bytes.max(most), ..*limits }
    }

    /// Returns true if it changes the space that it is called in. A space that is being moved waits for all of these.
    pub(super) fn changes_its_space(&self) -> bool {
        self.verb != ApiMethod::Get && !matches!(self.id, "moveSpace" | "takeSpace")
    }
}

impl ApiMethod {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Post => "POST",
            Self::Put => "PUT",
            Self::Patch => "PATCH",
            Self::Delete => "DELETE",
        }
    }

    pub(super) const fn has_body(self) -> bool {
        matches!(self, Self::Post | Self::Put | Self::Patch)
    }
}

impl SchemaShape {
    pub(super) const fn of<T: JsonSchema>() -> Self {
        Self { named: SchemaGenerator::subschema_for::<T>, inline: T::json_schema }
    }
}

impl ApiReply {
    pub(super) fn json(status: u16, output: &impl Serialize) -> Result<Self, ApiProblem> {
        let body = if status == 204 { Bytes::new() } else { written(output)? };
        Ok(Self { status, media: JSON, body: body.into() })
    }
}

/// An output as JSON.
pub(super) fn written(output: &impl Serialize) -> Result<Bytes, ApiProblem> {
    let written = serde_json::to_vec(output).map(Bytes::from);
    written.map_err(|error| ApiProblem::new(ProblemKind::Failed, format!("cannot write: {error}")))
}

/// A [`Route`] from one line: `VERB "path" name: Input => status Output, "summary"`, where `name` is the handler's
/// path. A handler is `fn(&ApiRequest, Input) -> Result<Output, ApiProblem>`, or the same as an `async fn` where the word `async`
/// stands before it. A handler after `as "media type"` is `fn(ApiRequest, Input) -> Result<ReplyBody, ApiProblem>` and answers that.
macro_rules! route {
    ($verb:ident $path:literal $id:literal, as $media:literal $handler:path: $input:ty => $status:literal $output:ty, $summary:literal) => {
        route!(@ $verb $path $id $input, $output, $status, $media, $summary,
            |call, input| Ok(ApiReply { status: $status, media: $media, body: $handler(call, input)? }))
    };
    ($verb:ident $path:literal $id:literal, async $handler:path: $input:ty => $status:literal $output:ty, $summary:literal) => {
        route!(@ $verb $path $id $input, $output, $status, JSON, $summary,
            |call, input| ApiReply::json($status, &$handler(&call, input).await?))
    };
    ($verb:ident $path:literal $id:literal, $handler:path: $input:ty => $status:literal $output:ty, $summary:literal) => {
        route!(@ $verb $path $id $input, $output, $status, JSON, $summary,
            |call, input| ApiReply::json($status, &$handler(&call, input)?))
    };
    (@ $verb:ident $path:literal $id:literal $input:ty, $output:ty, $status:literal, $media:expr, $summary:literal, |$call:ident, $given:ident| $answer:expr) => {
        Route {
            id: $id,
            verb: ApiMethod::$verb,
            path: $path,
            summary: $summary,
            status: $status,
            input: SchemaShape::of::<$input>(),
            output: SchemaShape::of::<$output>(),
            media: $media,
            run: |$call| {
                Box::pin(async move {
                    let $given: $input = if ApiMethod::$verb.has_body() {
                        $crate::api::request::ApiInput::from_body(&$call)?
                    } else {
                        $crate::api::request::ApiInput::from_query(&$call)?
                    };
                    $answer
                })
            },
        }
    };
}
pub(super) use route;

/// The names in braces of a path.
pub(super) fn path_names(path: &'static str) -> impl Iterator<Item = &'static str> {
    path.split('{').skip(1).filter_map(|rest| rest.split('}').next())
}
