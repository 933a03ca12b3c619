//! The control plane: everything of ours under `/_sim/`, as JSON, and the dashboard that calls it.
//!
//! `table` holds one line for each call, from which the router, the OpenAPI document and the list of calls are
//! made; a handler reads its input as a type, asks the space or the gateway, and answers with a type. What fails is a
//! problem after RFC 9457. Nothing here decides anything: it goes through [`crate::space`] and [`crate::gateway`].

#![allow(clippy::unnecessary_wraps, reason = "handlers have one signature, and some never fail")]

mod about;
mod answer;
mod clock;
mod control;
mod coverage;
mod dashboard;
mod docs;
mod documented;
mod events;
mod examples;
mod explain_views;
mod guard;
mod handover;
mod inbox;
mod journal;
mod merchants;
mod metrics;
mod openapi;
mod orders;
mod page;
pub mod payon_openapi;
mod problem;
mod pushbacks;
mod reference;
mod reload;
mod report;
mod request;
mod route;
mod routes;
mod rules;
mod schema_examples;
mod sign;
mod snapshots;
mod sources;
mod spaces;
mod summary;
mod verify;
mod views;
mod wait;

pub use control::{Control, ControlSettings, TlsPort};
pub use docs::{fidelity_page, payon_calls_page, scenarios_page};
pub use documented::DocumentedCall;
pub use problem::ApiProblem;
pub use sources::{FileStamp, NO_RULES, Sources, Stamp};

/// The OpenAPI document of the control plane.
pub fn calls_document() -> &'static serde_json::Value {
    routes::openapi_document()
}

/// The page `docs/control-api.md`.
pub fn calls_page() -> String {
    page::page(routes::openapi_document(), routes::ROUTES)
}
