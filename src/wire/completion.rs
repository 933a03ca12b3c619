//! `POST /pg/preAuthCompletion`: captures what a pre-authorisation holds. It answers with
//! [`super::payment::PaymentReply`].

use std::borrow::Cow;

use serde::Serialize;

use crate::base::Fields;

use super::amount::Price;
use super::read::{MemberReader, UnreadableRequest};
use super::register::read_price;
use super::value::{id, sign, tx_id};

/// A pre-authorisation to complete.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct CompletionRequest<'a> {
    /// Signature (documented).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sign: Option<Cow<'a, str>>,
    /// The order (documented).
    pub tx_id: Cow<'a, str>,
    /// Merchant (documented).
    pub merchant_id: Cow<'a, str>,
    /// Terminal (documented).
    pub term_id: Cow<'a, str>,
    /// `currency` and `amount` to capture (documented; that both are required is assumed).
    #[serde(flatten)]
    pub price: Price,
}

impl<'a> CompletionRequest<'a> {
    /// Reads the request; the first problem in the order of the members is the refusal.
    pub fn read(fields: &Fields<'a>) -> Result<Self, UnreadableRequest> {
        let read = MemberReader(fields);
        Ok(Self {
            sign: read.may("sign", sign)?,
            tx_id: read.must("txId", tx_id)?,
            merchant_id: read.must("merchantId", id)?,
            term_id: read.must("termId", id)?,
            price: read_price(read)?,
        })
    }
}
