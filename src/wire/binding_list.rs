//! `POST /pg/bindingList`: the active bindings of one client.

use std::borrow::Cow;

use serde::Serialize;

use crate::base::Fields;

use super::read::{MemberReader, UnreadableRequest};
use super::value::id;

/// Owner of the bindings to list.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct BindingListRequest<'a> {
    /// Merchant (documented).
    pub merchant_id: Cow<'a, str>,
    /// Terminal (documented).
    pub term_id: Cow<'a, str>,
    /// The merchant's number of its customer, in the short form (documented).
    pub client_id: Cow<'a, str>,
}

impl<'a> BindingListRequest<'a> {
    /// Reads the request; the first problem in the order of the members is the refusal.
    pub fn read(fields: &Fields<'a>) -> Result<Self, UnreadableRequest> {
        let read = MemberReader(fields);
        Ok(Self {
            merchant_id: read.must("merchantId", id)?,
            term_id: read.must("termId", id)?,
            client_id: read.must("clientId", id)?,
        })
    }
}

/// One binding; the answer is an [`super::Envelope`] with an array of these. Order of members and
/// nulls are those of the example.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct BindingRow<'a> {
    /// Day of the binding, `yyyyMMdd`.
    pub tx_dt: Option<Cow<'a, str>>,
    /// The gateway's number.
    pub tx_seq_no: Option<Cow<'a, str>>,
    /// Merchant.
    pub merchant_id: Cow<'a, str>,
    /// Terminal.
    pub term_id: Cow<'a, str>,
    /// The number as [`super::mask::long`].
    pub wdl_ac_no: Cow<'a, str>,
    /// `yyyyMM`.
    pub wdl_expiry: Option<Cow<'a, str>>,
    /// Holder.
    pub wdl_nm: Option<Cow<'a, str>>,
    /// Opaque Base64 of 112 characters.
    pub pin: Option<Cow<'a, str>>,
    /// The long form ([`super::binding_register::long_client_id`]).
    pub client_id: Cow<'a, str>,
    /// Phone.
    pub phone: Option<Cow<'a, str>>,
    /// E-mail.
    pub email: Option<Cow<'a, str>>,
    /// UUID of the binding.
    pub binding_id: Cow<'a, str>,
    /// Always `null`.
    pub encrypted_ac_no: (),
    /// Always `null`.
    pub encrypted_cvv: (),
    /// `Y`.
    pub verify_yn: Cow<'a, str>,
    /// `01` PAYON, `02` credit/debit ([`super::BindingMethod::payment_type`]).
    pub payment_type: Cow<'a, str>,
    /// Always `null` in a row.
    pub result_code: (),
    /// Always `null` in a row.
    pub result_msg: (),
}
