//! Progress of a payer with an order: the next question, and the number of mistakes.

use serde::{Deserialize, Serialize};

use super::bindings::{BindingId, CardRow};
use crate::base::Millis;
use crate::profile::{Authentication, OtpChannel};

/// Source of the payer's money.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub enum PaymentSource {
    /// A card that was typed in.
    Card(CardRow),
    /// A saved card.
    Binding(BindingId),
}

/// Next question to the payer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub enum PayerStep {
    /// A card, or the choice of a saved one.
    #[default]
    Enter,
    /// The client's passcode, for a saved card.
    Passcode,
    /// True if the one-time password comes by message or by mail.
    Channel,
    /// The one-time password that came that way.
    Otp(OtpChannel),
    /// The issuer's page, which acts so.
    Acs(Authentication),
    /// Nothing: the issuer was asked for the money and has not answered.
    Unanswered,
}

/// Progress of a payer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Progress {
    /// Source of the money, once it is chosen.
    pub source: Option<PaymentSource>,
    /// Next question.
    pub step: PayerStep,
    /// Counts the visits to the issuer's page, so that the return from an earlier one is told apart.
    pub round: u32,
    /// Time at which the one-time password was sent.
    pub sent: Millis,
    /// Wrong card PINs so far.
    pub wrong_pins: u8,
    /// Wrong one-time passwords so far.
    pub wrong_otps: u8,
}
