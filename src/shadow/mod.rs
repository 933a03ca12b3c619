//! The shadow: a way through to PAYON's own gateway, beside which the simulator is given the same calls, so that its
//! assumptions meet what the gateway really answers.
//!
//! - [`Shadow`] passes calls and push-backs on untouched, and hands copies to an observer.
//! - The observer masks secrets, writes a capture ([`crate::capture::Session`]), and lets a [`ShadowJudge`] compare.
//! - A judge gives each call to a twin, a simulator without a socket, and [`compare()`]s the two answers. What only the
//!   gateway can know is compared by its form.
//! - [`ShadowReport`] says what differs and what that means for each assumption of the profile.

mod compare;
mod difference;
mod fix;
mod forms;
mod import;
mod judge;
mod junit;
mod latency;
mod live;
mod mask;
mod notices;
mod page;
mod patch;
mod plan;
mod proxy;
mod replay;
mod report;
mod rules;
mod tee;
mod twin;
mod upstream;
mod words;

pub use compare::{CompareContext, ComparedAnswer, Comparison, compare, is_accepted};
pub use difference::{AnswerDifference, DifferenceClass, DifferenceGroup, DifferencePlace};
pub use fix::Fix;
pub use import::import;
pub use judge::{Finding, JudgeCounts, ShadowJudge, Uncompared};
pub use latency::{Latencies, LatencySummary};
pub use live::{Shadow, ShadowOutcome, ShadowSettings};
pub use patch::{ProfilePatch, latency_scenario, propose};
pub use plan::{ConfirmationPlan, PlanStep};
pub use proxy::PUSHBACK_PATH;
pub use replay::replay;
pub use report::{
    AssumptionView, LatencyView, OperationCount, SamplePair, ShadowFinding, ShadowReport, Surface,
    UncomparedCount, Verdict,
};
pub use upstream::{Upstream, UpstreamError};
