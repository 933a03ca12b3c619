//! `POST /pg/notifycompletionpayment`: the paying app tells how a QR payment ended. It answers with
//! a bare [`super::Envelope`].

use std::borrow::Cow;

use crate::base::{Amount, Currency, Fields};

use super::amount::amount_in;
use super::limits;
use super::read::{MemberReader, UnreadableRequest};
use super::value::{currency, id, text, tx_id, word};
use super::words::Outcome;

/// The end of a QR payment. Names are upper case on the wire (documented).
#[derive(Clone, Debug, PartialEq)]
pub struct NotifyCompletionRequest<'a> {
    /// `RESULT_CODE`.
    pub outcome: Outcome,
    /// `RESULT_MSG`.
    pub result_msg: Cow<'a, str>,
    /// `MC_ID`.
    pub merchant_id: Cow<'a, str>,
    /// `TERM_ID`.
    pub term_id: Cow<'a, str>,
    /// `TX_ID`.
    pub tx_id: Cow<'a, str>,
    /// `AMOUNT`, in the currency of `CURRENCY`.
    pub amount: Amount,
    /// `APPROVAL_DATE`; the pages give no format, so any text will do (assumed).
    pub approval_date: Cow<'a, str>,
    /// `APPROVAL_NO`.
    pub approval_no: Cow<'a, str>,
    /// `CURRENCY`.
    pub currency: Currency,
}

impl<'a> NotifyCompletionRequest<'a> {
    /// Reads the request; the first problem in the order of the members is the refusal.
    pub fn read(fields: &Fields<'a>) -> Result<Self, UnreadableRequest> {
        let read = MemberReader(fields);
        let paid_in = read.must("CURRENCY", currency);
        Ok(Self {
            outcome: read.must("RESULT_CODE", word)?,
            result_msg: read.must("RESULT_MSG", text(limits::MESSAGE_CHARS))?,
            merchant_id: read.must("MC_ID", id)?,
            term_id: read.must("TERM_ID", id)?,
            tx_id: read.must("TX_ID", tx_id)?,
            amount: read.must("AMOUNT", amount_in(*paid_in.as_ref().unwrap_or(&Currency::Usd)))?,
            approval_date: read.must("APPROVAL_DATE", text(limits::ID_CHARS))?,
            approval_no: read.must("APPROVAL_NO", id)?,
            currency: paid_in?,
        })
    }
}
