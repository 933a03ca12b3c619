//! `POST /pg/refund`: gives captured money back. It answers with [`super::payment::PaymentReply`].

use std::borrow::Cow;

use serde::Serialize;

use crate::base::Fields;

use super::amount::AmountText;
use super::read::{MemberReader, UnreadableRequest};
use super::value::{id, sign, tx_id};

/// A payment to refund.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RefundRequest<'a> {
    /// Signature (documented).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sign: Option<Cow<'a, str>>,
    /// The order (documented).
    pub tx_id: Cow<'a, str>,
    /// Merchant (documented).
    pub merchant_id: Cow<'a, str>,
    /// Terminal (documented).
    pub term_id: Cow<'a, str>,
    /// A part of what is left; all of it when absent (assumed: the documented refund has no
    /// amount).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub amount: Option<AmountText<'a>>,
    /// The approval to refund; must be the order's when sent (assumed, as the reversal has it).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub approval_no: Option<Cow<'a, str>>,
}

impl<'a> RefundRequest<'a> {
    /// Reads the request; the first problem in the order of the members is the refusal.
    pub fn read(fields: &Fields<'a>) -> Result<Self, UnreadableRequest> {
        let read = MemberReader(fields);
        Ok(Self {
            sign: read.may("sign", sign)?,
            tx_id: read.must("txId", tx_id)?,
            merchant_id: read.must("merchantId", id)?,
            term_id: read.must("termId", id)?,
            amount: read.may("amount", AmountText::read)?,
            approval_no: read.may("approvalNo", id)?,
        })
    }
}
