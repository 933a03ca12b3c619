//! PAYON's JSON, one file an operation: what a request must say, and what a reply looks like to the
//! byte.
//!
//! A request is read from [`crate::base::Fields`] and borrows from the body; the first problem in
//! the documented order of the members is the one that is told. A reply is a struct whose members
//! stand in the documented order and is written by [`encode`]. Envelopes differ from operation to
//! operation because PAYON's do; [`failure`] writes a refusal in the shape of the operation that
//! refuses.
//!
//! Which member is documented, seen in an example only, or assumed stands in
//! `fixtures/pgtest/operations.toml`; a test holds that file and this code together.

pub mod binding_list;
pub mod binding_register;
pub mod card;
pub mod card_link;
pub mod completion;
pub mod limits;
pub mod mask;
pub mod notify_completion;
pub mod orders;
pub mod payment;
pub mod pin;
pub mod pushback;
pub mod qr;
pub mod reconciliation;
pub mod redact;
pub mod refund;
pub mod register;
pub mod reversal;
pub mod status;

mod amount;
mod envelope;
mod loose;
mod read;
#[cfg(test)]
mod tests;
mod value;
mod words;
mod write;

pub use amount::{AmountText, FixedAmount, Price, ShortAmount};
pub use envelope::{Envelope, Identity, encode, failure, merchant_id, tx_id};
pub use pushback::Notice;
pub use read::UnreadableRequest;
pub use reconciliation::ReconciliationResult;
pub use redact::{is_harmless, redact, redact_header, redact_text};
pub use words::{BindingMethod, Outcome, PayDvCd, TransactionType, Trt};
