//! The payer's side: what comes of paying an order with a card, a wallet or a bank account.
//!
//! The control plane plays the payer in one step; the pages go through the same judgement step by step.

mod autopay;
mod instrument;
mod pay;
mod pay_error;
mod step;
mod step_machine;

pub use autopay::PayRequest;
pub(super) use instrument::{method_of, of_app};
pub(super) use pay::approval_number;
pub use pay::{Cause, Paid, PayerStage, TriggerEvent, advance, pay, trigger};
pub use pay_error::PayError;
pub(super) use step::otp_has_expired;
pub use step::{AcsReturn, TypedCard};
pub use step_machine::Input;
