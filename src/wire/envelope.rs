//! The envelopes that several operations share, and refusals in the shape of the operation that
//! refuses.

use std::borrow::Cow;

use serde::Serialize;

use crate::base::{Fields, Operation};

use super::read::MemberReader;
use super::write::JsonWriter;
use super::{binding_register, payment, reconciliation, value};

/// Bytes that nearly every reply fits in, those with a KHQR too.
const REPLY_BYTES: usize = 1000;

/// `{"resultMsg","resultCode","resultData"}`: register, status, binding list, PIN and QR calls. It
/// is also how the list of orders refuses (assumed).
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Envelope<'a, T> {
    /// The message, `Success` (example) or another of the profile.
    pub result_msg: Cow<'a, str>,
    /// The code, `0000` or another of the profile.
    pub result_code: Cow<'a, str>,
    /// Result of the operation; `null` on a failure and where there is nothing.
    pub result_data: Option<T>,
}

impl<'a> Envelope<'a, ()> {
    /// An answer without data: PIN and QR calls, and every failure of this shape.
    pub fn bare(code: impl Into<Cow<'a, str>>, message: impl Into<Cow<'a, str>>) -> Self {
        Self { result_msg: message.into(), result_code: code.into(), result_data: None }
    }
}

/// Writes a reply or a push-back as JSON in the order of its members.
pub fn encode<T: Serialize + ?Sized>(reply: &T) -> Vec<u8> {
    let mut body = JsonWriter(Vec::with_capacity(REPLY_BYTES));
    let written = reply.serialize(&mut body);
    debug_assert!(written.is_ok(), "texts and numbers into memory cannot fail");
    body.0
}

/// Identifiers that a refusal can repeat of the request it refuses.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Identity<'a> {
    /// The order.
    pub tx_id: Option<Cow<'a, str>>,
    /// The merchant.
    pub merchant_id: Option<Cow<'a, str>>,
    /// The terminal.
    pub term_id: Option<Cow<'a, str>>,
}

impl<'a> Identity<'a> {
    /// Takes the three identifiers as far as they can be read, under the names that `operation`
    /// uses.
    pub fn of(operation: Operation, fields: &Fields<'a>) -> Self {
        let term_id = match operation {
            Operation::NotifyCompletion => "TERM_ID",
            _ => "termId",
        };
        Self {
            tx_id: tx_id(operation, fields),
            merchant_id: merchant_id(operation, fields),
            term_id: MemberReader(fields).may(term_id, value::id).unwrap_or_default(),
        }
    }
}

/// The order that a request names, as far as it can be read.
pub fn tx_id<'a>(operation: Operation, fields: &Fields<'a>) -> Option<Cow<'a, str>> {
    let name = match operation {
        Operation::NotifyCompletion => "TX_ID",
        _ => "txId",
    };
    MemberReader(fields).may(name, value::tx_id).unwrap_or_default()
}

/// The merchant that a request names, as far as it can be read.
pub fn merchant_id<'a>(operation: Operation, fields: &Fields<'a>) -> Option<Cow<'a, str>> {
    let name = match operation {
        Operation::NotifyCompletion => "MC_ID",
        _ => "merchantId",
    };
    MemberReader(fields).may(name, value::id).unwrap_or_default()
}

/// The refusal of a whole request in the envelope of its operation. Shapes of failures are assumed,
/// except that of the status call, which is documented.
pub fn failure(
    operation: Operation,
    identity: &Identity<'_>,
    code: &str,
    message: &str,
) -> Vec<u8> {
    match operation {
        Operation::Reversal | Operation::Refund | Operation::PreAuthCompletion => {
            encode(&payment::PaymentReply::failure(identity, code, message))
        }
        Operation::BindingRegister => {
            encode(&binding_register::SavedCardReply::failure(identity, code, message))
        }
        Operation::Reconciliation => {
            encode(&[reconciliation::ReconciliationResult::failure(identity, code, message)])
        }
        Operation::Register
        | Operation::Orders
        | Operation::Status
        | Operation::BindingList
        | Operation::CreatePin
        | Operation::EnablePin
        | Operation::DisablePin
        | Operation::NotifyQrScanned
        | Operation::NotifyProcessing
        | Operation::NotifyCompletion
        | Operation::CancelQr => encode(&Envelope::bare(code, message)),
    }
}
