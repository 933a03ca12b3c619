//! Content of an encrypted link that leads a payer to the page on which a card is saved. All of it is
//! assumed.

use std::borrow::Cow;

use crate::base::Fields;

use super::limits;
use super::read::{MemberReader, UnreadableRequest};
use super::value::{id, return_url, text};

/// A client whose card is to be saved.
#[derive(Clone, Debug, PartialEq)]
pub struct CardLinkRequest<'a> {
    /// Merchant.
    pub merchant_id: Cow<'a, str>,
    /// Terminal.
    pub term_id: Cow<'a, str>,
    /// The merchant's number of its customer.
    pub client_id: Cow<'a, str>,
    /// The phone to verify with, unless the payer says another.
    pub phone: Option<Cow<'a, str>>,
    /// Address for the payer once the card is saved.
    pub success_url: Option<Cow<'a, str>>,
    /// Address for the payer if it is not saved.
    pub fail_url: Option<Cow<'a, str>>,
    /// Address for the payer after giving up.
    pub cancel_url: Option<Cow<'a, str>>,
}

impl<'a> CardLinkRequest<'a> {
    /// Reads the members; the first problem in their order is the refusal.
    pub fn read(fields: &Fields<'a>) -> Result<Self, UnreadableRequest> {
        let read = MemberReader(fields);
        Ok(Self {
            merchant_id: read.must("merchantId", id)?,
            term_id: read.must("termId", id)?,
            client_id: read.must("clientId", id)?,
            phone: read.may("phone", text(limits::PHONE_CHARS))?,
            success_url: read.may("success_url", return_url)?,
            fail_url: read.may("fail_url", return_url)?,
            cancel_url: read.may("cancel_url", return_url)?,
        })
    }
}
