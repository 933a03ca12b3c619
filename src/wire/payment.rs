//! The answer that reversal, refund and completion have in common: flat, `resultMessage`, and
//! `amount` as `1.00`.

use std::borrow::Cow;

use arrayvec::ArrayString;
use serde::Serialize;

use crate::base::Currency;

use super::amount::FixedAmount;
use super::envelope::Identity;

/// Result of the payment. Order of members and forms of numbers are those of the example.
#[derive(Clone, Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PaymentReply<'a> {
    /// The merchant's number of the order.
    pub tx_id: Option<Cow<'a, str>>,
    /// Merchant.
    pub merchant_id: Option<Cow<'a, str>>,
    /// Terminal.
    pub term_id: Option<Cow<'a, str>>,
    /// The amount that was moved.
    pub amount: Option<FixedAmount>,
    /// Its currency.
    pub currency: Option<Currency>,
    /// Code.
    pub result_code: Cow<'a, str>,
    /// Message; `resultMsg` in every other operation.
    pub result_message: Cow<'a, str>,
    /// Six digits.
    pub approval_no: Option<ArrayString<6>>,
    /// `ddMMyyyyHHmmss`.
    pub approval_date: Option<ArrayString<14>>,
    /// `null` in the example.
    pub acs_url: Option<Cow<'a, str>>,
    /// Twelve digits that end in `approvalNo`.
    pub ref_no: Option<ArrayString<12>>,
    /// `null` in the example.
    pub transaction_amount: Option<FixedAmount>,
}

impl<'a> PaymentReply<'a> {
    /// The same shape with what is unknown as `null` (assumed).
    pub fn failure(identity: &Identity<'a>, code: &'a str, message: &'a str) -> Self {
        Self {
            tx_id: identity.tx_id.clone(),
            merchant_id: identity.merchant_id.clone(),
            term_id: identity.term_id.clone(),
            result_code: code.into(),
            result_message: message.into(),
            ..Self::default()
        }
    }
}
