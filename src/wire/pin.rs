//! `POST /pg/binding/createPIN`, `enablePIN` and `disablePIN`. They answer with a bare
//! [`super::Envelope`].

use std::borrow::Cow;
use std::fmt;

use serde::Serialize;

use crate::base::Fields;

use super::limits;
use super::read::{MemberReader, UnreadableRequest};
use super::value::{id, lines};

/// A client's PIN. Enabling and disabling take the same members (assumed). Its `Debug` form leaves
/// the PIN out.
#[derive(Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PinRequest<'a> {
    /// The merchant's number of its customer (documented).
    pub client_id: Cow<'a, str>,
    /// Merchant (documented).
    pub merchant_id: Cow<'a, str>,
    /// Terminal (documented).
    pub term_id: Cow<'a, str>,
    /// The PIN, encrypted with RSA under the gateway's public key (documented).
    pub pin: Cow<'a, str>,
}

impl<'a> PinRequest<'a> {
    /// Reads the request; the first problem in the order of the members is the refusal.
    pub fn read(fields: &Fields<'a>) -> Result<Self, UnreadableRequest> {
        let read = MemberReader(fields);
        Ok(Self {
            client_id: read.must("clientId", id)?,
            merchant_id: read.must("merchantId", id)?,
            term_id: read.must("termId", id)?,
            pin: read.must("pin", lines(limits::PIN_CHARS))?,
        })
    }
}

impl fmt::Debug for PinRequest<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Request")
            .field("client_id", &self.client_id)
            .field("merchant_id", &self.merchant_id)
            .field("term_id", &self.term_id)
            .finish_non_exhaustive()
    }
}
