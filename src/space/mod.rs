//! One isolated world: ledger, clock, seed, merchants, journal and outbox. Nothing crosses from one
//! space to another.
//!
//! A request takes the lock of the space's state twice: when it arrives ([`Space::arrive`]), and for the one section in
//! which it is decided ([`Space::write_for`]). Should a reset or a restore come between the two, it arrives again.

mod activity;
mod attempts;
mod clock;
mod clock_timer;
mod contents;
mod delivery_file;
mod dispatch;
mod events;
mod export;
mod finding;
mod gate;
mod handle;
mod handover;
mod inbox;
mod journal;
mod log;
mod metrics;
mod names;
mod notify;
mod outbox;
mod pass;
mod pending_reply;
mod reception;
mod records;
mod registry;
mod reset;
mod rule_hit;
mod rules;
mod ruling;
mod snapshot;
#[expect(clippy::module_inception, reason = "it holds the type that all of this is about")]
mod space;
mod state;
mod time_travel;
mod transaction;
mod write_rounds;

pub use activity::{Activity, UnansweredCall};
pub use clock::{Clock, SCALE_MILLI_MAX};
pub use clock_timer::ClockTimer;
pub use contents::Budgets;
pub use events::{Event, EventPage};
pub use export::{FileError, SNAPSHOT_FILE_MAX};
pub use finding::{Lint, LintFinding, Weight};
pub use gate::NewPlace;
pub use handle::{OrderHandle, OrderSnapshot};
pub use handover::{HANDOVER_MAX, Handover, HandoverError};
pub use inbox::{Inbox, InboxAnswer, InboxMessage, MESSAGE_BODY_MAX, inbox_at, is_inbox_name};
pub use journal::{Bodies, Journal, JournalBudget, JournalEntry, More, RequestId};
pub use metrics::{AttemptEnd, DECISION_STEPS_US, DecisionTimes, Meter};
#[cfg(test)]
pub(crate) use outbox::LOOKS;
pub use outbox::{
    Attempt, Delivery, DeliveryChange, DeliveryJob, DeliveryStanding, DeliveryState, Dispatch,
    Outbox, PushbackCause, Resend,
};
pub use pass::Pass;
pub use pending_reply::PendingReply;
pub use records::{SavedSpace, SpaceChanges, WrittenSpace};
pub use registry::{DEFAULT_SPACE, IfExists, LoadedSpaces, NewMerchant, SpaceError, Spaces};
pub use rule_hit::{ReplyProgress, ReplyState, RuleHit};
pub use rules::CountedRule;
pub use ruling::Ruling;
pub use snapshot::{Snapshot, SnapshotError};
pub use space::{Arrival, Space};
pub use time_travel::{ClockChange, ClockError};
pub use transaction::{Deferred, Overtaken, StateView, Transaction};
pub use write_rounds::{Durability, NotWritten, WriteRounds};
