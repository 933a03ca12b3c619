//! `POST /pg/transaction/status`: what became of one order. The only way to check a push-back.

use std::borrow::Cow;

use serde::Serialize;

use crate::base::{Currency, Fields, PaymentMethod};

use super::amount::{AmountText, ShortAmount};
use super::read::{MemberReader, UnreadableRequest};
use super::value::{currency, id, tx_id};

/// Order to look at.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct StatusRequest<'a> {
    /// Merchant (documented).
    pub merchant_id: Cow<'a, str>,
    /// Terminal (documented).
    pub term_id: Cow<'a, str>,
    /// The order (documented).
    pub tx_id: Cow<'a, str>,
    /// The order's amount (documented; that it may be absent is assumed). It fits `currency` where
    /// that is sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub amount: Option<AmountText<'a>>,
    /// The order's currency (documented; that it may be absent is assumed).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub currency: Option<Currency>,
}

impl<'a> StatusRequest<'a> {
    /// Reads the request; the first problem in the order of the members is the refusal.
    pub fn read(fields: &Fields<'a>) -> Result<Self, UnreadableRequest> {
        let read = MemberReader(fields);
        let order_currency = read.may("currency", currency);
        let amount_currency = order_currency.as_ref().ok().copied().flatten();
        Ok(Self {
            merchant_id: read.must("merchantId", id)?,
            term_id: read.must("termId", id)?,
            tx_id: read.must("txId", tx_id)?,
            amount: read
                .may("amount", AmountText::read_as(amount_currency.unwrap_or(Currency::Usd)))?,
            currency: order_currency?,
        })
    }
}

/// `resultData` of the answer, inside an [`super::Envelope`]. Order of members and forms are those
/// of the example.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct StatusReply<'a> {
    /// Day of registration, `yyyyMMdd`.
    pub tx_dt: Cow<'a, str>,
    /// The gateway's number (the example repeats `txDt` instead).
    pub tx_seq_no: Cow<'a, str>,
    /// State as a word; `COMPLETE` once paid.
    pub tx_st_cd: Cow<'a, str>,
    /// Kind as a word; `PURCHASE` for `10`.
    pub trt: Cow<'a, str>,
    /// Payment method.
    pub payment_method: PaymentMethod,
    /// Merchant.
    pub merchant_id: Cow<'a, str>,
    /// Terminal.
    pub term_id: Cow<'a, str>,
    /// The account as [`super::mask::last_four`]; `null` where none was used.
    pub wdl_ac_no: Option<Cow<'a, str>>,
    /// The merchant's `txId`.
    pub trac_no: Cow<'a, str>,
    /// The amount.
    pub amount: ShortAmount,
    /// Its currency.
    pub currency_code: Currency,
    /// Six digits; `null` without an approval.
    pub appr_no: Option<Cow<'a, str>>,
    /// `yyyyMMddHHmmss`; `null` without an approval.
    pub appr_dttm: Option<Cow<'a, str>>,
}
