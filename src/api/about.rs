//! Health, version and the list of calls.

use schemars::JsonSchema;
use serde::Serialize;

use super::problem::ApiProblem;
use super::request::{ApiRequest, Empty};
use super::route::Route;
use super::{payon_openapi, spaces};

/// The server's health.
#[derive(Serialize, JsonSchema)]
pub(super) struct HealthView {
    /// `ok`.
    status: &'static str,
}

/// The server's version and build.
#[derive(Serialize, JsonSchema)]
pub(super) struct VersionView {
    name: &'static str,
    #[serde(rename = "version")]
    number: &'static str,
    /// The profile that it plays.
    profile: String,
    build: Build,
}

/// Facts of the build.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Build {
    /// Commit that was built; null where that is not known.
    commit: Option<&'static str>,
    os: &'static str,
    arch: &'static str,
    /// Built for speed.
    optimised: bool,
    /// Signatures are checked with ring.
    fast_crypto: bool,
}

/// The port on which the gateway speaks TLS.
#[derive(Serialize, JsonSchema)]
pub(super) struct TlsView {
    /// Its address; null where TLS is not served.
    url: Option<String>,
    /// The certificate of the test CA in PEM, for clients; null where the certificate is of the user's own.
    ca: Option<String>,
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

impl Calls {
    /// A short view of these routes.
    pub(super) fn of(routes: &[Route]) -> Self {
        let view = |route: &Route| CallView {
            method: route.verb.name(),
            path: route.path,
            summary: route.summary,
        };
        Self { calls: routes.iter().map(view).collect() }
    }
}

/// It answers, so it lives.
pub(super) fn health(_: &ApiRequest, _: Empty) -> Result<HealthView, ApiProblem> {
    Ok(HealthView { status: "ok" })
}

/// It answers, and what changes is written where it is to be.
pub(super) fn ready(call: &ApiRequest, asked: Empty) -> Result<HealthView, ApiProblem> {
    match call.control.spaces().rounds().and_then(|rounds| rounds.failure()) {
        Some(failure) => Err(ApiProblem::not_written(&failure)),
        None => health(call, asked),
    }
}

/// Returns version and build.
pub(super) fn version(call: &ApiRequest, _: Empty) -> Result<VersionView, ApiProblem> {
    Ok(VersionView {
        name: env!("CARGO_PKG_NAME"),
        number: env!("CARGO_PKG_VERSION"),
        profile: call.control.spaces().profile().name.clone(),
        build: Build {
            commit: option_env!("PAYON_SIM_COMMIT"),
            os: std::env::consts::OS,
            arch: std::env::consts::ARCH,
            optimised: !cfg!(debug_assertions),
            fast_crypto: cfg!(feature = "fast-crypto"),
        },
    })
}

/// Returns the port with TLS.
pub(super) fn tls(call: &ApiRequest, _: Empty) -> Result<TlsView, ApiProblem> {
    let port = call.control.settings.tls.as_ref();
    Ok(TlsView {
        url: port.map(|port| port.url.clone()),
        ca: port.and_then(|port| port.ca.as_deref()).map(str::to_owned),
    })
}

/// The OpenAPI document of PAYON's surface, for the space that is asked.
pub(super) fn payon_document(call: &ApiRequest, _: Empty) -> Result<serde_json::Value, ApiProblem> {
    let (base_url, _) = spaces::urls(call, &call.space);
    Ok(payon_openapi::document(call.space.profile(), &base_url))
}
