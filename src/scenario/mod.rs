//! Failure on demand: the scenario file, its rules, what they decide, and whether what happened was expected.
//!
//! Everything here is a pure function of its arguments. There is no clock, no socket and no randomness but that of a
//! [`Seed`](crate::base::Seed); what a decision says is carried out by others.
//!
//! # From a file to a decision
//!
//! ```text
//! bytes ─ ScenarioFile::read ─► Scenario ─ RuleSet::new ─► RuleSet ─ decide ─► Decision { rule, plan }
//!           every mistake,         │                          │
//!           line and column        └─ check: doubts           └─ explain: near misses, on demand
//! ```
//!
//! - [`ScenarioFile::read`] reports all mistakes of a file at once; [`ScenarioFile::warnings`] is [`check`] with places
//!   in the text. [`read_rules`] and [`read_expectations`] take the lists alone, as the control plane does.
//!   [`Scenario::to_yaml`] writes a file that reads as the same again; [`Scenario::json_schema`] is for editors.
//!   Reader, writer and schema come from one declaration of each type.
//! - [`RuleSet::new`] takes the rules in the order in which they are asked. **The first rule that fits decides**, so a
//!   scenario that is armed on top of others goes first and a table of triggers last; within a file its order counts.
//!   The rows of the scenario `S090`, for clients that can arm nothing, are in the order header, txId suffix, amount,
//!   card, merchant.
//! - A space keeps one [`RuleSet`] and one [`Counters`]. Arming other rules replaces the set and keeps the counters:
//!   they go by the rules' ids. [`ChangeSet::between`] says what changed. A reset clears the counters.
//!
//! # What the carriers do with a [`Plan`]
//!
//! Where no rule listens ([`RuleSet::listens_at`]), nothing needs to be gathered and nothing happens. Otherwise the
//! facts of a call ([`CallFacts`]) are put together under the space's lock, once the order is found, and
//! [`RuleSet::decide`] is asked there, once for each call, before anything is booked:
//!
//! 1. `reason` takes the place of what the operation would have come to: the call is refused with the profile's answer
//!    for it; at [`Point::Pay`] the issuer declines for it (or leaves it open, with `issuer.timeout`).
//! 2. `commit` says when what was asked for is booked. *Before* is the usual course. *After*: the reply is made as if
//!    it had been booked, and the booking follows when the attempt to send it is over, whatever came of that. *Never*: the
//!    reply is made as if it had been booked, and it is not. A `reason` with `commit: before` books what was asked for
//!    and answers with the refusal all the same.
//! 3. `patch`, then `status`, change the reply that the operation made ([`Patch::apply`]).
//! 4. `delay_ms` passes on the space's clock, outside of every lock; with *before*, the booking is not delayed.
//! 5. `transport` is carried out on the connection. At [`Point::Connect`] the decision is asked for with nothing but
//!    the time as soon as a connection is accepted, in the default space: `reset`, `empty` and `hang` then come before
//!    any byte is read. `drip` and `bandwidth` run on the space's clock.
//! 6. `pushback.notices` take the place of each notice that the booking causes, each as a delivery of its own that is
//!    first due so many milliseconds after the event; `pushback.unasked` are sent although nothing was booked.
//!    [`Content::body`] makes their bodies. With `before_reply`, those that are due at once are attempted, once, before
//!    the reply is written. Expiry by time is always booked; a rule at [`Point::Trigger`] bends what is told of it.
//!
//! Everything left to chance is drawn from the seed and from the names of space, point, merchant, order, rule, and the
//! number of this call among those for the order that fitted the rule: never from arrival order. `scope: rule` is the
//! one exception that a file can ask for.
//!
//! # From what happened to verdicts
//!
//! [`judge`] looks at a [`SpaceHistory`], plain values that are filled in from journal, ledger and outbox, and gives a
//! [`ExpectationVerdict`] for each expectation: met or not, the evidence, and where not, what came nearest and how it differs.
//! `drive` ([`DriveStep`]) says what the built-in merchant and payer do; [`Mistake`] names the bugs that it can be told to
//! have, and which a scenario that lists them must catch. [`Coverage`] holds what a run met against all that can be met.
//! [`record`] goes the other way: from what was done by hand to a scenario that does it again.

mod catalogue;
mod codec;
mod coverage;
mod draws;
mod failing;
mod fault;
mod history;
mod judge;
mod lint;
mod merchant_file;
mod model;
mod patch;
mod plan;
mod recorder;
mod rules;
mod tampering;
mod yaml;

pub use crate::base::Period;
pub use catalogue::{CATALOGUE, PROBES, scenario};
pub use codec::{Decimal, Json, Many, Pattern, Share, TimePoint, Times};
pub use coverage::{Counts, Coverage, CoverageGroup, CoverageRow, PlansMet, ReasonsMet};
pub use failing::FailingPart;
pub use fault::{FAULTS, Fault, FaultWish, UnfitSetting};
pub use history::{
    AttemptFact, ChangeFact, DeliveryFact, Dropped, OrderFact, RequestFact, ShopFact, SpaceHistory,
};
pub use judge::{Difference, ExpectationVerdict, Nearest, judge, judge_beside};
pub use lint::{REACH_MS, Warning, check, check_expectations, check_order_names, check_rules};
pub use merchant_file::{
    BeliefWords, CommandLine, HttpMethod, HttpUrl, JsonPointer, JsonTemplate, MerchantFile,
    MissingValue, ProcessMode, ReadyCheck, RestartWay, ShopAddresses, ShopCall, ShopQuestions,
    ShopStart, ShopSteps, ShopTime, Template, TemplateMap, TemplateValues,
};
pub use model::*;
pub use plan::{CommitPoint, Content, Plan, PlannedNotice, PushbackPlan};
pub use recorder::{Action, PlayFact, Recorded, Recording, record};
pub use rules::{
    Acted, ArmedRule, CallFacts, ChangeSet, Counters, CountersFile, Decision, Miss, NearMiss,
    RuleSet, Tally,
};
pub use tampering::{ContentKind, FILLER_END, NoticeBody, NoticeText};
