//! The push-back: what PAYON posts to the merchant's address when a payment has ended.

use std::borrow::Cow;

use serde::Serialize;

use crate::base::Fields;

use super::limits;
use super::read::{MemberReader, UnreadableRequest};
use super::value::{text, tx_id};

/// The body: no amount, no merchant, no signature (documented).
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Notice<'a> {
    /// The merchant's number of the order.
    pub tx_id: Cow<'a, str>,
    /// `0000` or `9999`. A text, since a faulty push-back may carry anything.
    pub result_code: Cow<'a, str>,
    /// `Success` in the example; `SUCCESS` and `ERROR` in the table.
    pub result_msg: Cow<'a, str>,
}

impl<'a> Notice<'a> {
    /// Reads a push-back, as a merchant does.
    pub fn read(fields: &Fields<'a>) -> Result<Self, UnreadableRequest> {
        let read = MemberReader(fields);
        Ok(Self {
            tx_id: read.must("txId", tx_id)?,
            result_code: read.must("resultCode", text(limits::ID_CHARS))?,
            result_msg: read.must("resultMsg", text(limits::MESSAGE_CHARS))?,
        })
    }
}
