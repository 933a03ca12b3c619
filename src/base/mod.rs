//! The vocabulary that every layer shares: money, time, reasons, operations and the JSON members of a body.
//!
//! Nothing here knows a socket, a runtime, an order or a profile.

mod bounded;
mod fence;
mod fields;
mod json_tree;
mod method;
mod money;
mod named;
mod objects;
mod operation;
mod packed;
mod period;
pub mod persistent;
mod plain;
mod reason;
mod received;
mod records;
mod report;
mod return_url;
mod secret;
mod seed;
mod sendable;
mod sorting;
mod state;
mod suggest;
mod time;
mod trace_context;
mod verdict;
mod visible;
mod web_url;

pub use bounded::{
    FILE_MAX, RECORDING_MAX, read_all, read_file, read_file_within, read_text, read_text_within,
};
pub use fence::fenced;
pub use fields::{Fields, FieldsError, Literal};
pub use json_tree::JsonTree;
pub use method::PaymentMethod;
pub use money::{Amount, AmountError, Currency, Print};
pub(crate) use named::named_enum;
pub use named::{Named, UnknownName};
pub use objects::{ObjectsOnly, read_objects};
pub use operation::Operation;
pub use packed::PackedTexts;
pub(crate) use packed::packed_texts;
pub use period::Period;
pub use plain::needs_no_escape;
pub use reason::Reason;
pub use received::{compressed, encoded, has_mark, recognised, utf8, without_mark};
pub use records::{RecordChange, RecordChanges, RecordKind, read_record};
pub use report::{Diagnostic, Message, line_of, line_starts};
pub use return_url::{ReturnUrl, ReturnUrlError};
pub use secret::{CARD_DIGITS, Secrecy, SecretNames};
pub use seed::Seed;
pub use sendable::check_sendable;
pub use sorting::{sort_by, sort_by_key};
pub use state::OrderState;
pub use suggest::{did_you_mean, nearest};
pub use time::{Day, Millis, digits, wall_clock};
pub use trace_context::{TraceContext, TraceContextError, TraceHeaders};
pub use verdict::{OverallVerdict, clear_reports, remove_reports};
pub use visible::{printable, printable_html, printable_json, visible};
pub use web_url::{WebUrl, WebUrlError, WebUrlParts, is_authority};
