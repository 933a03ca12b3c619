//! `POST /pg/orders`: the orders of a range of days, as a bare array.

use std::borrow::Cow;

use serde::{Serialize, Serializer};

use crate::base::{Currency, Day, Fields};

use super::amount::ShortAmount;
use super::limits;
use super::read::{MemberReader, UnreadableRequest};
use super::value::{count, date, id, sign, word};
use super::words::Trt;

/// Selection of orders. Paging members that are absent are the caller's to fill in.
#[derive(Clone, Debug, PartialEq)]
pub struct OrderListRequest<'a> {
    /// First day, in Cambodia (example).
    pub from_date: Day,
    /// Last day, itself included (example). Also sent as `ToDate` (documented); `toDate` wins.
    pub to_date: Day,
    /// Page, counted from 1 (assumed).
    pub index: Option<u32>,
    /// Orders on a page (example).
    pub limit: Option<u32>,
    /// Only orders of this kind (example).
    pub trt: Option<Trt>,
    /// Merchant (example).
    pub merchant_id: Cow<'a, str>,
    /// Terminal (example).
    pub term_id: Cow<'a, str>,
    /// Signature: the prose wants one, the sample has none (documented).
    pub sign: Option<Cow<'a, str>>,
}

impl<'a> OrderListRequest<'a> {
    /// Reads the request; the first problem in the order of the members is the refusal.
    pub fn read(fields: &Fields<'a>) -> Result<Self, UnreadableRequest> {
        let read = MemberReader(fields);
        let from_date = read.must("fromDate", date)?;
        let to_date = match read.may("toDate", date)? {
            Some(day) => day,
            None => read.may("ToDate", date)?.ok_or_else(|| read.missing("toDate"))?,
        };
        if to_date < from_date {
            let reason = crate::base::Reason::FieldInvalid;
            return Err(UnreadableRequest::of(reason, "toDate", "lies before fromDate"));
        }
        Ok(Self {
            from_date,
            to_date,
            index: read.may("index", count(limits::PAGE_INDEX))?,
            limit: read.may("limit", count(limits::PAGE_ROWS))?,
            trt: read.may("trt", word)?,
            merchant_id: read.must("merchantId", id)?,
            term_id: read.must("termId", id)?,
            sign: read.may("sign", sign)?,
        })
    }
}

/// One order. The answer is a bare array of these in ascending `txSeqNo`. Order of members and
/// forms are those of the example.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct OrderRow<'a> {
    /// Day of registration, `yyyyMMdd`.
    pub tx_dt: Cow<'a, str>,
    /// The gateway's number: `txDt` and eight digits.
    pub tx_seq_no: Cow<'a, str>,
    /// State as a number; `09` is complete.
    pub tx_st_cd: Cow<'a, str>,
    /// `10` or `12`.
    pub trt: Trt,
    /// Means as a number; `8` on card rows.
    pub pay_dv_cd: Cow<'a, str>,
    /// `01` PAYON, `02` credit/debit.
    pub payment_type: Cow<'a, str>,
    /// Merchant.
    pub merchant_id: Cow<'a, str>,
    /// Terminal.
    pub term_id: Cow<'a, str>,
    /// The merchant's `txId`.
    pub trac_no: Cow<'a, str>,
    /// The amount.
    pub amount: ShortAmount,
    /// Its currency.
    pub currency_code: Currency,
    /// True if the day is settled.
    #[serde(serialize_with = "yes_no")]
    pub settle_yn: bool,
    /// True if it was reversed.
    #[serde(serialize_with = "yes_no")]
    pub cancel_yn: bool,
    /// True if it was refunded.
    #[serde(serialize_with = "yes_no")]
    pub refund_yn: bool,
    /// Six digits; `null` without an approval.
    pub appr_no: Option<Cow<'a, str>>,
    /// `dd/MM/yyyy hh:mm:ss` on a twelve-hour clock; `null` without an approval.
    pub appr_dttm: Option<Cow<'a, str>>,
    /// Code; `resultCode` in every other operation.
    pub result_cd: Cow<'a, str>,
    /// Message.
    pub result_msg: Cow<'a, str>,
    /// Six digits, one more from row to row.
    pub stan: Cow<'a, str>,
}

/// `Y` or `N`.
#[allow(clippy::trivially_copy_pass_by_ref, reason = "the form that serde calls")]
fn yes_no<S: Serializer>(yes: &bool, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(if *yes { "Y" } else { "N" })
}
