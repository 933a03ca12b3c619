//! What PAYON's test world is, as data.
mod rules;
pub use rules::{IdenticalRegister, Rules, StatusMismatch, UnsettledRefund};
