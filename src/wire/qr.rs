//! `POST /pg/notifyqrscanned`, `/pg/notifyprocessingpayment` and `/pg/cancelqrpayment`: the paying
//! app tells how far it is. They answer with a bare [`super::Envelope`].

use std::borrow::Cow;

use serde::Serialize;

use crate::base::Fields;

use super::amount::AmountText;
use super::read::{MemberReader, UnreadableRequest};
use super::value::{id, tx_id};

/// The order whose QR was scanned, is being paid, or is to be cancelled.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct QrRequest<'a> {
    /// Merchant (documented).
    pub merchant_id: Cow<'a, str>,
    /// Terminal (documented).
    pub term_id: Cow<'a, str>,
    /// The order (documented).
    pub tx_id: Cow<'a, str>,
    /// The amount in the order's currency, which the call does not name (documented).
    pub amount: AmountText<'a>,
}

impl<'a> QrRequest<'a> {
    /// Reads the request; the first problem in the order of the members is the refusal.
    pub fn read(fields: &Fields<'a>) -> Result<Self, UnreadableRequest> {
        let read = MemberReader(fields);
        Ok(Self {
            merchant_id: read.must("merchantId", id)?,
            term_id: read.must("termId", id)?,
            tx_id: read.must("txId", tx_id)?,
            amount: read.must("amount", AmountText::read)?,
        })
    }
}
