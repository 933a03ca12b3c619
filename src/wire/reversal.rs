//! `POST /pg/reversal`: gives a payment back before settlement. It answers with
//! [`super::payment::PaymentReply`].

use std::borrow::Cow;

use serde::Serialize;

use crate::base::Fields;

use super::read::{MemberReader, UnreadableRequest};
use super::value::{id, sign, tx_id};

/// A payment to reverse.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ReversalRequest<'a> {
    /// Signature (documented).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sign: Option<Cow<'a, str>>,
    /// The order (documented).
    pub tx_id: Cow<'a, str>,
    /// Merchant (documented).
    pub merchant_id: Cow<'a, str>,
    /// Terminal (documented).
    pub term_id: Cow<'a, str>,
    /// The approval to reverse; must be the order's when sent (example).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub approval_no: Option<Cow<'a, str>>,
}

impl<'a> ReversalRequest<'a> {
    /// Reads the request; the first problem in the order of the members is the refusal.
    pub fn read(fields: &Fields<'a>) -> Result<Self, UnreadableRequest> {
        let read = MemberReader(fields);
        Ok(Self {
            sign: read.may("sign", sign)?,
            tx_id: read.must("txId", tx_id)?,
            merchant_id: read.must("merchantId", id)?,
            term_id: read.must("termId", id)?,
            approval_no: read.may("approvalNo", id)?,
        })
    }
}
