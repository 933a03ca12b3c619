//! `POST /pg/order/register`: the merchant announces an order and learns where its payer goes.

use std::borrow::Cow;

use serde::Serialize;

use crate::base::{Currency, Fields, PaymentMethod};

use super::amount::{Price, ShortAmount, amount_in};
use super::read::{MemberReader, UnreadableRequest};
use super::value::{currency, id, return_url, sign, tx_id, url, word};
use super::words::{PayDvCd, Trt};

/// An order to register.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RegisterRequest<'a> {
    /// Terminal (documented).
    pub term_id: Cow<'a, str>,
    /// Merchant (documented).
    pub merchant_id: Cow<'a, str>,
    /// The merchant's own number of the order (documented).
    pub tx_id: Cow<'a, str>,
    /// Purchase or pre-authorisation (documented).
    pub trt: Trt,
    /// `currency` and `amount` (documented).
    #[serde(flatten)]
    pub price: Price,
    /// Payment method (documented).
    pub payment_method: PaymentMethod,
    /// The merchant's number of its customer (documented).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_id: Option<Cow<'a, str>>,
    /// A saved card of that customer (documented).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub binding_id: Option<Cow<'a, str>>,
    /// The preferred means (documented).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pay_dv_cd: Option<PayDvCd>,
    /// Buyer (documented).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub buyer_id: Option<Cow<'a, str>>,
    /// Seller (documented).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seller_id: Option<Cow<'a, str>>,
    /// Address for the push-back instead of the merchant's setting (assumed).
    #[serde(rename = "noti_url", skip_serializing_if = "Option::is_none")]
    pub noti_url: Option<Cow<'a, str>>,
    /// Address for the payer after success (assumed).
    #[serde(rename = "success_url", skip_serializing_if = "Option::is_none")]
    pub success_url: Option<Cow<'a, str>>,
    /// Address for the payer after a failure (assumed).
    #[serde(rename = "fail_url", skip_serializing_if = "Option::is_none")]
    pub fail_url: Option<Cow<'a, str>>,
    /// Address for the payer after giving up (assumed).
    #[serde(rename = "cancel_url", skip_serializing_if = "Option::is_none")]
    pub cancel_url: Option<Cow<'a, str>>,
    /// Signature, if one was sent (assumed).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sign: Option<Cow<'a, str>>,
}

impl<'a> RegisterRequest<'a> {
    /// Reads the request; the first problem in the order of the members is the refusal.
    pub fn read(fields: &Fields<'a>) -> Result<Self, UnreadableRequest> {
        let read = MemberReader(fields);
        Ok(Self {
            term_id: read.must("termId", id)?,
            merchant_id: read.must("merchantId", id)?,
            tx_id: read.must("txId", tx_id)?,
            trt: read.must("trt", word)?,
            price: read_price(read)?,
            payment_method: read.must("paymentMethod", word)?,
            client_id: read.may("clientId", id)?,
            binding_id: read.may("bindingId", id)?,
            pay_dv_cd: read.may("payDvCd", word)?,
            buyer_id: read.may("buyerId", id)?,
            seller_id: read.may("sellerId", id)?,
            noti_url: read.may("noti_url", url)?,
            success_url: read.may("success_url", return_url)?,
            fail_url: read.may("fail_url", return_url)?,
            cancel_url: read.may("cancel_url", return_url)?,
            sign: read.may("sign", sign)?,
        })
    }
}

/// Reads `currency`, then `amount` in it.
pub(super) fn read_price(read: MemberReader<'_, '_>) -> Result<Price, UnreadableRequest> {
    let currency = read.must("currency", currency)?;
    let amount = read.must("amount", amount_in(currency))?;
    Ok(Price { currency, amount })
}

/// `resultData` of the answer, inside an [`super::Envelope`]. All of it is assumed.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RegisterReply<'a> {
    /// Merchant.
    pub merchant_id: Cow<'a, str>,
    /// Terminal.
    pub term_id: Cow<'a, str>,
    /// The merchant's number of the order.
    pub tx_id: Cow<'a, str>,
    /// Day of registration, `yyyyMMdd`.
    pub tx_dt: Cow<'a, str>,
    /// The gateway's number: `txDt` and eight digits.
    pub tx_seq_no: Cow<'a, str>,
    /// As asked.
    pub trt: Trt,
    /// As asked.
    pub payment_method: PaymentMethod,
    /// As asked; `null` when not asked.
    pub pay_dv_cd: Option<PayDvCd>,
    /// The amount.
    pub amount: ShortAmount,
    /// Its currency.
    pub currency_code: Currency,
    /// Address to send the payer to.
    pub checkout_url: Cow<'a, str>,
    /// Time at which the order expires, `yyyyMMddHHmmss`.
    pub expire_dttm: Cow<'a, str>,
    /// The KHQR payload; only for orders that are paid by QR.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub khqr: Option<Cow<'a, str>>,
    /// Its MD5 in lower-case hex; beside `khqr`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub khqr_md5: Option<Cow<'a, str>>,
}
