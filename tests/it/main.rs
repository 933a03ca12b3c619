//! The integration tests: one binary, one module a topic, everything through the public surface.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stdout,
    reason = "a test that cannot go on fails, and says what it left out"
)]

#[path = "support/direct.rs"]
mod direct;

mod bindings;
mod khqr;
mod link;
mod lint;
mod qr;
mod reconciliation;
mod token;
