//! Whether the server is there, what it is, and what it can be asked.

use schemars::JsonSchema;
use serde::Serialize;

use super::ask::{Ask, Nothing};
use super::problem::Problem;
use super::table::ROUTES;
use super::{openapi, payon_openapi, spaces};

/// How the server does.
#[derive(Serialize, JsonSchema)]
pub(super) struct Health {
    /// `ok`.
    status: &'static str,
}

/// What the server is.
#[derive(Serialize, JsonSchema)]
pub(super) struct Version {
    name: &'static str,
    #[serde(rename = "version")]
    number: &'static str,
    /// The profile that it plays.
    profile: String,
    build: Build,
}

/// How the program was built.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Build {
    os: &'static str,
    arch: &'static str,
    /// Built for speed.
    optimised: bool,
    /// Signatures are checked with aws-lc-rs.
    fast_crypto: bool,
}

/// The calls of the control plane.
#[derive(Serialize, JsonSchema)]
pub(super) struct Calls {
    calls: Vec<CallView>,
}

/// One call.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Call")]
struct CallView {
    method: &'static str,
    path: &'static str,
    summary: &'static str,
}

/// It answers, so it lives.
pub(super) fn health(_: &Ask, _: Nothing) -> Result<Health, Problem> {
    Ok(Health { status: "ok" })
}

/// What it is.
pub(super) fn version(ask: &Ask, _: Nothing) -> Result<Version, Problem> {
    Ok(Version {
        name: env!("CARGO_PKG_NAME"),
        number: env!("CARGO_PKG_VERSION"),
        profile: ask.app.spaces.profile().name.clone(),
        build: Build {
            os: std::env::consts::OS,
            arch: std::env::consts::ARCH,
            optimised: !cfg!(debug_assertions),
            fast_crypto: cfg!(feature = "fast-crypto"),
        },
    })
}

/// All calls.
pub(super) fn calls(_: &Ask, _: Nothing) -> Result<Calls, Problem> {
    let view = |route: &super::route::Route| CallView {
        method: route.verb.name(),
        path: route.path,
        summary: route.summary,
    };
    Ok(Calls { calls: ROUTES.iter().map(view).collect() })
}

/// The OpenAPI document.
pub(super) fn document(_: &Ask, _: Nothing) -> Result<serde_json::Value, Problem> {
    Ok(openapi::document().clone())
}

/// The OpenAPI document of PAYON's surface, for the space that is asked.
pub(super) fn payon_document(ask: &Ask, _: Nothing) -> Result<serde_json::Value, Problem> {
    let (base_url, _) = spaces::urls(ask, &ask.space);
    Ok(payon_openapi::document(ask.space.profile(), &base_url))
}
