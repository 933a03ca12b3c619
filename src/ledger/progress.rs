//! How far a payer has come with an order: what is asked next, and how often something was wrong.

use serde::{Deserialize, Serialize};

use super::bindings::BindingId;
use crate::base::Millis;
use crate::profile::{Authentication, OtpChannel};

/// A card by its row in the profile's table of test cards. No number is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct CardRow(pub u32);

/// What the payer is paying with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub enum Source {
    /// A card that was typed in.
    Card(CardRow),
    /// A saved card.
    Binding(BindingId),
}

/// What is asked of the payer next.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub enum Step {
    /// A card, or the choice of a saved one.
    #[default]
    Enter,
    /// The client's passcode, for a saved card.
    Passcode,
    /// Whether the one-time password comes by message or by mail.
    Channel,
    /// The one-time password that came that way.
    Otp(OtpChannel),
    /// The issuer's page, which acts so.
    Acs(Authentication),
    /// Nothing: the issuer was asked for the money and has not answered.
    Unanswered,
}

/// How far a payer is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Progress {
    /// What it pays with, once it has said so.
    pub source: Option<Source>,
    /// What is asked next.
    pub step: Step,
    /// Counts the visits to the issuer's page, so that the return from an earlier one is told apart.
    pub round: u32,
    /// When the one-time password was sent.
    pub sent: Millis,
    /// Wrong card PINs so far.
    pub wrong_pins: u8,
    /// Wrong one-time passwords so far.
    pub wrong_otps: u8,
}
