//! Admission of a request: the merchant, its terminal, its token and its signature.

use std::cell::{Cell, OnceCell, RefCell};
use std::fmt::{self, Write as _};
use std::sync::Arc;

use super::LinkBase;
use crate::base::{Fields, FieldsError, Millis, Operation, Reason, TraceContext};
use crate::crypto;
use crate::ledger::{Ledger, Order, Target};
use crate::profile::{Merchant, ReasonAnswer, SignMode};
use crate::space::{Arrival, Deferred, Lint, LintFinding, Ruling, Space};
use crate::wire::UnreadableRequest;

/// Longest remarks on one request in bytes, give or take the last.
const REMARKS_BYTES: usize = 1000;

/// Context of an operation beside its request.
pub(super) struct RequestContext<'a> {
    pub(super) space: &'a Space,
    pub(super) operation: Operation,
    /// The request as it arrived in the space.
    pub(super) arrival: Arrival,
    pub(super) token: Option<&'a str>,
    /// The header `X-Payon-Scenario`.
    pub(super) scenario: Option<&'a str>,
    pub(super) origin: LinkBase<'a>,
    /// The caller's place in a trace of its own.
    pub(super) context: Option<Arc<TraceContext>>,
    /// True if a violation that the lint finds is refused.
    pub(super) strict: bool,
    /// Findings of the lint so far.
    pub(super) findings: RefCell<Vec<LintFinding>>,
    /// Remarks for the journal on an answer that is no refusal.
    pub(super) remarks: RefCell<String>,
    /// Time on the space's clock at the last entry.
    pub(super) entered: Cell<Option<Millis>>,
    /// True if the space was reset or restored since the request arrived.
    pub(super) is_overtaken: Cell<bool>,
    /// True if the sender was admitted, so that the rules were asked about the call.
    pub(super) is_admitted: Cell<bool>,
    /// The rule that steps in, with its plan.
    pub(super) decision: OnceCell<Box<Ruling>>,
    /// Work that critical sections have left.
    pub(super) deferred: RefCell<Deferred>,
}

/// Reason why a request is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// The reason.
    pub reason: Reason,
    /// The exact mistake, for people; may be empty.
    pub detail: String,
}

impl Refused {
    /// A refusal whose reason says it all.
    #[cold]
    pub fn because(reason: Reason) -> Self {
        Self { reason, detail: String::new() }
    }

    /// A refusal with what was wrong.
    #[cold]
    pub fn with(reason: Reason, detail: impl Into<String>) -> Self {
        Self { reason, detail: detail.into() }
    }
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.detail.as_str() {
            "" => write!(f, "{}", self.reason),
            detail => write!(f, "{}, {detail}", self.reason),
        }
    }
}

impl From<UnreadableRequest> for Refused {
    #[cold]
    fn from(refusal: UnreadableRequest) -> Self {
        Self { reason: refusal.reason, detail: refusal.detail }
    }
}

impl From<FieldsError> for Refused {
    #[cold]
    fn from(error: FieldsError) -> Self {
        UnreadableRequest::from(error).into()
    }
}

impl From<Reason> for Refused {
    #[cold]
    fn from(reason: Reason) -> Self {
        Self::because(reason)
    }
}

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

impl RequestContext<'_> {
    /// Recognises the caller: merchant, then terminal, then token, then signature. Then the rules are asked, whose
    /// refusal takes the place of the operation.
    pub(super) fn admit(
        &self,
        merchant_id: &str,
        term_id: &str,
        fields: &Fields<'_>,
    ) -> Result<&Merchant, Refused> {
        let merchant = self.arrival.merchant.as_deref();
        let merchant = recognise(merchant, self.space.name(), merchant_id, term_id)?;
        self.check_token(merchant)?;
        self.check_signature(merchant, fields)?;
        self.consult(fields)?;
        Ok(merchant)
    }

    /// Asks for the token of a merchant that has one.
    pub(super) fn check_token(&self, merchant: &Merchant) -> Result<(), Refused> {
        match &merchant.token {
            Some(token) if self.token != Some(token.as_str()) => Err(Reason::TokenInvalid.into()),
            _ => Ok(()),
        }
    }

    /// Adds to what the journal says of an answer.
    pub(super) fn remark(&self, remark: fmt::Arguments<'_>) {
        let mut remarks = self.remarks.borrow_mut();
        if remarks.len() < REMARKS_BYTES {
            let separator = if remarks.is_empty() { "" } else { "; " };
            // Writing into memory cannot fail.
            let _ = write!(remarks, "{separator}{remark}");
        }
    }

    /// The profile's answer for `reason` in this operation.
    pub(super) fn answer(&self, reason: Reason) -> ReasonAnswer<'_> {
        self.space.profile().answer(self.operation, reason)
    }

    /// The profile's answer on success.
    pub(super) fn success(&self) -> ReasonAnswer<'_> {
        self.answer(Reason::Success)
    }

    /// The refusal of a missing member, with all others that are missing too.
    #[cold]
    pub(super) fn with_all_missing(&self, mut refused: Refused, fields: &Fields<'_>) -> Refused {
        if refused.reason != Reason::FieldMissing {
            return refused;
        }
        let told = refused.detail.split(' ').next().unwrap_or_default();
        let described = self.space.profile().operations.get(self.operation);
        let missing: Vec<&str> = described.missing(fields).filter(|name| *name != told).collect();
        if !missing.is_empty() {
            refused.detail.push_str("; also missing: ");
            refused.detail.push_str(&missing.join(", "));
        }
        refused
    }

    fn check_signature(&self, merchant: &Merchant, fields: &Fields<'_>) -> Result<(), Refused> {
        let profile = self.space.profile();
        let (mode, recipe) = (profile.sign_mode(merchant, self.operation), &profile.sign.recipe);
        if mode == SignMode::Off {
            return match fields.get("sign") {
                Some(sign) if !sign.is_blank() => self.find(Lint::SignIgnored, "sign"),
                _ => Ok(()),
            };
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
