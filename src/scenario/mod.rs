//! Scenarios.

mod check;
mod file;
mod form;
mod lies;
mod lots;
mod patch;
mod plan;
mod rules;
mod yaml;

pub use check::{Warning, check};
pub use file::*;
pub use form::{Decimal, Json, Many, Moment, Pattern, Period, Share, Times};
pub use lies::{NoticeBody, NoticeText};
pub use plan::{CommitPoint, Content, Notice, Plan, PushbackPlan};
pub use rules::{CallFacts, Counters, Decision, Miss, NearMiss, RuleSet, Tally};
