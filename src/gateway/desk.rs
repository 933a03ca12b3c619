//! Where a request is admitted: the merchant, its terminal, its token and its signature.

use std::sync::Arc;

use crate::base::{Fields, FieldsError, Operation, Reason};
use crate::crypto;
use crate::ledger::{Ledger, Order, Target};
use crate::profile::{Answer, Merchant, SignMode};
use crate::space::{Space, Trace};
use crate::wire::Refusal;

/// What an operation knows beside its request.
pub(super) struct Desk<'a> {
    pub(super) space: &'a Space,
    pub(super) operation: Operation,
    pub(super) trace: Trace,
    pub(super) token: Option<&'a str>,
    pub(super) origin: &'a str,
}

/// Why a request is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// The reason.
    pub reason: Reason,
    /// What exactly was wrong, for people; may be empty.
    pub detail: String,
}

impl Refused {
    /// A refusal whose reason says it all.
    pub fn because(reason: Reason) -> Self {
        Self { reason, detail: String::new() }
    }

    /// A refusal with what was wrong.
    pub fn with(reason: Reason, detail: impl Into<String>) -> Self {
        Self { reason, detail: detail.into() }
    }
}

impl From<Refusal> for Refused {
    fn from(refusal: Refusal) -> Self {
        Self { reason: refusal.reason, detail: refusal.detail }
    }
}

impl From<FieldsError> for Refused {
    fn from(error: FieldsError) -> Self {
        Refusal::from(error).into()
    }
}

impl From<Reason> for Refused {
    fn from(reason: Reason) -> Self {
        Self::because(reason)
    }
}

impl Desk<'_> {
    /// Recognises the caller: merchant, then terminal, then token, then signature.
    pub(super) fn admit(
        &self,
        merchant_id: &str,
        term_id: &str,
        fields: &Fields<'_>,
    ) -> Result<Arc<Merchant>, Refused> {
        let merchant = self.space.merchant(merchant_id).ok_or_else(|| {
            let space = self.space.name();
            let detail = format!("merchantId {merchant_id:?} is not known in the space {space:?}");
            Refused::with(Reason::MerchantUnknown, detail)
        })?;
        if !merchant.terminals.iter().any(|known| known == term_id) {
            let known = merchant.terminals.join(", ");
            let detail = format!("termId {term_id:?} is not one of {merchant_id}'s ({known})");
            return Err(Refused::with(Reason::TerminalUnknown, detail));
        }
        if let Some(token) = &merchant.token
            && self.token != Some(token.as_str())
        {
            return Err(Refused::because(Reason::TokenInvalid));
        }
        self.check_signature(&merchant, fields)?;
        Ok(merchant)
    }

    /// What the profile answers for `reason` in this operation.
    pub(super) fn answer(&self, reason: Reason) -> Answer<'_> {
        self.space.profile().answer(self.operation, reason)
    }

    /// What the profile answers when it worked.
    pub(super) fn success(&self) -> Answer<'_> {
        self.answer(Reason::Success)
    }

    fn check_signature(&self, merchant: &Merchant, fields: &Fields<'_>) -> Result<(), Refused> {
        let profile = self.space.profile();
        let (mode, recipe) = (profile.sign_mode(merchant, self.operation), &profile.sign.recipe);
        if mode == SignMode::Off {
            return Ok(());
        }
        let Some(sign) = fields.text("sign") else {
            return if mode == SignMode::Required {
                let detail = format!("sign is missing, and {} requires it", self.operation);
                Err(Refused::with(Reason::SignMissing, detail))
            } else {
                Ok(())
            };
        };
        let invalid = |detail: String| Refused::with(Reason::SignInvalid, detail);
        let key = merchant.verify_key(recipe).map_err(|error| invalid(error.to_string()))?;
        crypto::verify(recipe, &key, fields, &sign).map_err(|error| invalid(error.to_string()))
    }
}

/// The order that `target` names, if it was registered at this terminal.
pub(super) fn order_at<'l>(
    ledger: &'l Ledger,
    terminal: &str,
    target: Target<'_>,
) -> Result<&'l Order, Refused> {
    let order = ledger.find(target).ok_or(Reason::OrderNotFound)?;
    if *ledger.party(order).terminal == *terminal {
        Ok(order)
    } else {
        let detail = format!("the order was registered at another terminal than {terminal}");
        Err(Refused::with(Reason::OrderNotFound, detail))
    }
}
