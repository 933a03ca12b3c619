//! `POST /pg/binding/register` (and `/pg/createBinding`): saves a card without a payment.

use std::borrow::Cow;
use std::fmt;

use serde::Serialize;

use crate::base::Fields;

use super::envelope::Identity;
use super::read::{MemberReader, UnreadableRequest};
use super::value::{Value, digits, email, id, lines, month, text, word};
use super::words::BindingMethod;
use super::{card, limits};

/// A card to save. Its `Debug` form leaves number, security code and secrets out.
#[derive(Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct BindingRegisterRequest<'a> {
    /// Merchant (documented).
    pub merchant_id: Cow<'a, str>,
    /// Terminal (documented).
    pub term_id: Cow<'a, str>,
    /// The merchant's number of its customer, in the short form (documented).
    pub client_id: Cow<'a, str>,
    /// The kind of card; told by the number when not sent (documented as required, missing from the
    /// sample).
    pub payment_method: BindingMethod,
    /// The card number in clear: PAYON's range for PAYON, else one that passes the Luhn check
    /// (documented).
    pub wdl_ac_no: Cow<'a, str>,
    /// Security code, three or four digits (documented).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub wdl_cvv: Option<Cow<'a, str>>,
    /// Expiry, `yyyyMM` (documented).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub wdl_expiry: Option<Cow<'a, str>>,
    /// Holder (documented).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub wdl_nm: Option<Cow<'a, str>>,
    /// PIN of a PAYON card, for which it is required (documented).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub payon_pin: Option<Cow<'a, str>>,
    /// Phone (documented).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub phone: Option<Cow<'a, str>>,
    /// Passcode for later payments (documented).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pin: Option<Cow<'a, str>>,
    /// E-mail (documented).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub email: Option<Cow<'a, str>>,
}

impl<'a> BindingRegisterRequest<'a> {
    /// Reads the request; the first problem in the order of the members is the refusal.
    pub fn read(fields: &Fields<'a>) -> Result<Self, UnreadableRequest> {
        let read = MemberReader(fields);
        let merchant_id = read.must("merchantId", id)?;
        let term_id = read.must("termId", id)?;
        let client_id = read.must("clientId", id)?;
        let asked = read.may("paymentMethod", word)?;
        let (payment_method, wdl_ac_no) = read.must("wdlAcNo", card_number(asked))?;
        let wdl_cvv = read.may("wdlCvv", digits(limits::CVV_DIGITS))?;
        let wdl_expiry = read.may("wdlExpiry", month)?;
        let wdl_nm = read.may("wdlNm", text(limits::NAME_CHARS))?;
        let payon_pin = match payment_method {
            BindingMethod::Payon => Some(read.must("payonPin", lines(limits::PIN_CHARS))?),
            BindingMethod::CreditDebit => read.may("payonPin", lines(limits::PIN_CHARS))?,
        };
        Ok(Self {
            merchant_id,
            term_id,
            client_id,
            payment_method,
            wdl_ac_no,
            wdl_cvv,
            wdl_expiry,
            wdl_nm,
            payon_pin,
            phone: read.may("phone", text(limits::PHONE_CHARS))?,
            pin: read.may("pin", lines(limits::PIN_CHARS))?,
            email: read.may("email", email)?,
        })
    }
}

/// Reads the number and holds it against the method: the one asked for, or else the one that it
/// implies.
fn card_number<'a>(
    asked: Option<BindingMethod>,
) -> impl FnOnce(Value<'a>) -> Result<(BindingMethod, Cow<'a, str>), UnreadableRequest> {
    move |value| {
        let number = digits(limits::CARD_DIGITS)(value)?;
        let (payon, luhn) = (card::is_payon(&number), card::luhn(&number));
        let implied = if payon { BindingMethod::Payon } else { BindingMethod::CreditDebit };
        match asked.unwrap_or(implied) {
            BindingMethod::Payon if !payon => {
                Err(value.invalid("is not a PAYON card: those have 16 digits and begin 101049"))
            }
            BindingMethod::CreditDebit if payon => {
                Err(value.invalid("is a PAYON card; send paymentMethod PAYON with it"))
            }
            BindingMethod::CreditDebit if !luhn => {
                Err(value.invalid("fails the Luhn check; a digit is wrong or two are swapped"))
            }
            method => Ok((method, number)),
        }
    }
}

impl fmt::Debug for BindingRegisterRequest<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Request")
            .field("merchant_id", &self.merchant_id)
            .field("term_id", &self.term_id)
            .field("client_id", &self.client_id)
            .field("payment_method", &self.payment_method)
            .field("wdl_ac_no", &super::mask::short(&self.wdl_ac_no))
            .finish_non_exhaustive()
    }
}

/// The saved card, flat. Order of members and nulls are those of the example.
#[derive(Clone, Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SavedCardReply<'a> {
    /// `null` in the example.
    pub tx_dt: Option<Cow<'a, str>>,
    /// `null` in the example.
    pub tx_seq_no: Option<Cow<'a, str>>,
    /// Merchant.
    pub merchant_id: Option<Cow<'a, str>>,
    /// Terminal.
    pub term_id: Option<Cow<'a, str>>,
    /// The number as [`super::mask::short`].
    pub wdl_ac_no: Option<Cow<'a, str>>,
    /// `yyyyMM`.
    pub wdl_expiry: Option<Cow<'a, str>>,
    /// `null` in the example.
    pub wdl_nm: Option<Cow<'a, str>>,
    /// The long form: merchant, terminal and the one sent, joined ([`long_client_id`]).
    pub client_id: Option<Cow<'a, str>>,
    /// `null` in the example.
    pub phone: Option<Cow<'a, str>>,
    /// `null` in the example.
    pub email: Option<Cow<'a, str>>,
    /// UUID of the binding.
    pub binding_id: Option<Cow<'a, str>>,
    /// Code.
    pub result_code: Cow<'a, str>,
    /// Message.
    pub result_msg: Cow<'a, str>,
}

impl<'a> SavedCardReply<'a> {
    /// The same shape with what is unknown as `null` (assumed).
    pub fn failure(identity: &Identity<'a>, code: &'a str, message: &'a str) -> Self {
        Self {
            merchant_id: identity.merchant_id.clone(),
            term_id: identity.term_id.clone(),
            result_code: code.into(),
            result_msg: message.into(),
            ..Self::default()
        }
    }
}

/// The `clientId` that answers carry: merchant, terminal and the merchant's own, joined (example).
pub fn long_client_id(merchant_id: &str, term_id: &str, client_id: &str) -> String {
    [merchant_id, term_id, client_id].concat()
}
