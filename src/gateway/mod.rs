//! The use cases: a request and a space become one decision.
//!
//! Every operation runs the same way: the body is parsed once, the lint looks at its members, the
//! request is read, the merchant recognised, the signature checked, then the space is entered for one short critical section,
//! then the reply is written and the request noted. What is wrong first in that order is the reason.

mod acs;
mod admission;
mod answer;
mod bindings;
mod call;
mod checkout_session;
mod checkout_token;
mod context;
mod explanation;
mod finish;
mod history;
pub mod link;
mod lint;
mod orders;
mod payer;
mod payment;
mod pin;
mod qr;
mod reconciliation;
mod record;
mod refuse;
mod register;
mod rules;
mod seal;
mod signing;
mod status;

pub use acs::{Cres3ds, CresError};
pub use answer::{answer, answer_outside};
pub use bindings::{CardToSave, check_card, save_card};
pub use call::{Call, GatewayReply, LinkBase, ReplyExtras, place_of};
pub use checkout_session::{CheckoutSession, SavedCard, note_step};
pub use checkout_token::CheckoutToken;
pub use context::Refused;
pub use explanation::{Hindsight, explain_decision};
pub use history::{history, request as request_fact, verify};
pub use lint::{LintReport, LintRow, Unchecked, lint_report, misspelt};
pub use payer::{
    AcsReturn, Cause, Input, Paid, PayError, PayRequest, PayerStage, TriggerEvent, TypedCard,
    advance, pay, trigger,
};
pub use record::{RecordError, scenario_of};
pub use refuse::{consult_page, refuse, refuse_early, refuse_malformed, wrong_method};
pub use register::register_as_told;
pub use rules::near_misses;
pub use seal::{seal, unseal};
pub use signing::{Signed, SigningError, explain, sign};
