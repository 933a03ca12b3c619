//! The integration tests: one binary, one module a topic, everything through the public surface.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stdout,
    missing_docs,
    reason = "a test that cannot go on fails, and says what it left out"
)]

mod control_api;
mod control_calls;
mod control_life_cycle;
mod control_pushback;
mod control_wait;
mod crypto;
mod khqr;
mod support;
mod tidy;
