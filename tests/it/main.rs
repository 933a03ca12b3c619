//! The one integration binary; a module a topic.
#![allow(clippy::expect_used, reason = "a test that cannot go on has failed")]

mod ledger_model;
mod ledger_rules;
mod ledger_table;
