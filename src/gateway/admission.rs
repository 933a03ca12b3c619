//! Admission of a request: the merchant, its terminal, its token and its signature.

use std::sync::Arc;

use super::context::{Refused, RequestContext};
use crate::base::{Fields, Reason};
use crate::crypto;
use crate::ledger::{Ledger, Order, Target};
use crate::profile::{Merchant, SignMode};
use crate::space::Lint;

/// The merchant that was found in a space for that id, if the terminal is one of its own.
pub(super) fn recognise<'m>(
    found: Option<&'m Merchant>,
    space: &str,
    merchant_id: &str,
    term_id: &str,
) -> Result<&'m Merchant, Refused> {
    let merchant = found.ok_or_else(|| {
        let detail = format!(
            "merchantId {merchant_id:?} is not known in the space {space:?}; a merchant of another space, and one that \
             several have, is reached by /space/{{name}} or the header X-Payon-Space"
        );
        Refused::with(Reason::MerchantUnknown, detail)
    })?;
    if !merchant.terminals.iter().any(|known| known == term_id) {
        let known = merchant.terminals.join(", ");
        let detail = format!("termId {term_id:?} is not one of {merchant_id}'s ({known})");
        return Err(Refused::with(Reason::TerminalUnknown, detail));
    }
    Ok(merchant)
}

/// The order that `target` names, if it was registered at this terminal.
pub(super) fn order_at<'l>(
    ledger: &'l Ledger,
    terminal: &str,
    target: Target<'_>,
) -> Result<&'l Order, Refused> {
    let order = ledger.find(target).ok_or(Reason::OrderNotFound)?;
    if *ledger.terminal(order).terminal == *terminal {
        Ok(order)
    } else {
        let detail = format!("the order was registered at another terminal than {terminal}");
        Err(Refused::with(Reason::OrderNotFound, detail))
    }
}

/// Result of looking at a signature that is not refused.
#[derive(PartialEq, Eq)]
enum SignatureCheck {
    Passed,
    /// There is one, and it is not looked at.
    Ignored,
}

impl RequestContext<'_> {
    /// Recognises the caller: merchant, then terminal, then token, then signature. Then the rules are asked, whose
    /// refusal takes the place of the operation.
    pub(super) fn admit(
        &mut self,
        merchant_id: &str,
        term_id: &str,
        fields: &Fields<'_>,
    ) -> Result<(), Refused> {
        let merchant = self.arrival.merchant.as_deref();
        let merchant = recognise(merchant, self.space.name(), merchant_id, term_id)?;
        self.check_token(merchant)?;
        if self.check_signature(merchant, fields)? == SignatureCheck::Ignored {
            self.find(Lint::SignIgnored, "sign")?;
        }
        self.consult(fields)
    }

    /// The merchant that was admitted.
    pub(super) fn merchant(&self) -> Result<Arc<Merchant>, Refused> {
        self.arrival.merchant.clone().ok_or_else(|| Reason::MerchantUnknown.into())
    }

    /// Asks for the token of a merchant that has one.
    pub(super) fn check_token(&self, merchant: &Merchant) -> Result<(), Refused> {
        match &merchant.token {
            Some(token) if self.token != Some(token.as_str()) => Err(Reason::TokenInvalid.into()),
            _ => Ok(()),
        }
    }

    fn check_signature(
        &self,
        merchant: &Merchant,
        fields: &Fields<'_>,
    ) -> Result<SignatureCheck, Refused> {
        let profile = self.space.profile();
        let (mode, recipe) = (profile.sign_mode(merchant, self.operation()), &profile.sign.recipe);
        if mode == SignMode::Off {
            return Ok(match fields.get("sign") {
                Some(sign) if !sign.is_blank() => SignatureCheck::Ignored,
                _ => SignatureCheck::Passed,
            });
        }
        let Some(sign) = fields.text("sign") else {
            return if mode == SignMode::Required {
                let detail = format!("sign is missing, and {} requires it", self.operation());
                Err(Refused::with(Reason::SignMissing, detail))
            } else {
                Ok(SignatureCheck::Passed)
            };
        };
        let invalid = |detail: String| Refused::with(Reason::SignInvalid, detail);
        let key = merchant.verify_key(recipe).map_err(|error| invalid(error.to_string()))?;
        crypto::verify(recipe, &key, fields, &sign).map_err(|error| invalid(error.to_string()))?;
        Ok(SignatureCheck::Passed)
    }
}
