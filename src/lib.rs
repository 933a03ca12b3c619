//! payon-sim: the PAYON gateway that a merchant's developers can hold in their hands.

pub mod base;
pub mod checkout;
pub mod cli;
pub mod control;
pub mod crypto;
pub mod gateway;
pub mod khqr;
pub mod ledger;
pub mod profile;
pub mod pushback;
pub mod server;
pub mod space;
pub mod wire;
