//! Scenarios, run: each in a server and a space of its own, against the built-in merchant or a command of the user's.

mod outcome;
mod report;

pub use outcome::{Judged, Merchant, OrderEvent, OrderStory, Outcome, Outcomes};
pub use report::{Report, ReportError};
