//! payon-sim: the PAYON gateway that a merchant's developers can hold in their hands.
pub mod base;
pub mod ledger;
pub mod profile;
