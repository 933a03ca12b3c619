//! The integration tests: one binary, one module a topic, everything through the public surface.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stdout,
    missing_docs,
    reason = "a test that cannot go on fails, and says what it left out"
)]

mod binary;
mod browser;
mod checkout;
mod cli_control;
mod cli_profile;
mod cli_round_trip;
mod cli_serve;
mod cli_sign;
mod concurrency;
mod crypto;
mod khqr;
mod ledger_model;
mod ledger_rules;
mod ledger_table;
mod precedence;
mod raw_http;
mod tidy;
