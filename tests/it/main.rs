//! The integration tests: one binary, one module a topic, everything through the public surface.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stdout,
    missing_docs,
    reason = "a test that cannot go on fails, and says what it left out"
)]

mod addresses;
mod audit;
mod binary;
mod bindings;
mod bounds;
mod browser;
mod cases;
mod catalogue;
mod checkout;
mod cli_control;
mod cli_doctor;
mod cli_environment;
mod cli_exec;
mod cli_explain;
mod cli_gateway;
mod cli_manual;
mod cli_profile;
mod cli_round_trip;
mod cli_run;
mod cli_scenarios;
mod cli_serve;
mod cli_shadow;
mod cli_sign;
mod cli_sign_infer;
mod cli_steer;
mod cli_tail;
mod clients;
mod concurrency;
mod control_api;
mod control_calls;
mod control_life_cycle;
mod control_pushback;
mod control_wait;
mod coverage;
mod crypto;
mod dashboard;
mod dashboard_browser;
#[path = "support/direct.rs"]
mod direct;
mod docs;
mod events;
mod explain;
mod explore;
mod faults;
mod fuzzing;
mod generated_client;
mod http_manners;
mod inbox;
mod khqr;
mod kits;
mod ledger_file;
mod ledger_model;
mod ledger_rules;
mod ledger_table;
mod link;
mod lint;
mod many_machines;
mod merchant_under_test;
mod methods;
mod metrics;
mod openapi_lint;
mod payment;
mod payon_openapi;
mod planted;
mod precedence;
mod probes;
mod programs;
mod pushback_answers;
mod pushback_clock;
mod qr;
mod races;
mod raw_http;
mod reconciliation;
mod record;
mod reload;
mod replies;
mod reports;
mod rule_lists;
mod rules;
mod same_story;
mod sample_shops;
mod schemathesis;
mod secrets;
mod shadow;
mod shadow_changed;
mod sharing;
mod sign_infer;
mod snapshots;
mod state;
mod storm;
mod summary;
mod support;
mod tidy;
mod tidy_circles;
mod tls;
mod token;
mod trace_context;
mod verify;
mod whole_system;
