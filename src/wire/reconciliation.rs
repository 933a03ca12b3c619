//! `POST /pg/merchant/reconcilation` (PAYON's spelling): an array of rows in, an array of verdicts
//! out.

use std::borrow::Cow;

use serde::Serialize;

use crate::base::{Fields, Reason};

use super::amount::{AmountText, ShortAmount};
use super::envelope::Identity;
use super::limits;
use super::read::{MemberReader, UnreadableRequest};
use super::value::{id, tx_id, word};
use super::words::TransactionType;

/// Claim of the merchant's books about one transaction.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ReconciliationRow<'a> {
    /// Terminal (documented).
    pub term_id: Cow<'a, str>,
    /// Merchant (documented).
    pub merchant_id: Cow<'a, str>,
    /// Buyer (documented).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub buyer_id: Option<Cow<'a, str>>,
    /// Seller (documented).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seller_id: Option<Cow<'a, str>>,
    /// The order (documented).
    pub tx_id: Cow<'a, str>,
    /// The amount with its fee, in the order's currency (documented, letter case included).
    #[serde(rename = "grandToTAmt")]
    pub grand_total: AmountText<'a>,
    /// Type of the transaction (documented).
    pub transaction_type: TransactionType,
}

impl<'a> ReconciliationRow<'a> {
    /// Reads one row; the first problem in the order of the members is the refusal.
    pub fn read(fields: &Fields<'a>) -> Result<Self, UnreadableRequest> {
        let read = MemberReader(fields);
        Ok(Self {
            term_id: read.must("termId", id)?,
            merchant_id: read.must("merchantId", id)?,
            buyer_id: read.may("buyerId", id)?,
            seller_id: read.may("sellerId", id)?,
            tx_id: read.must("txId", tx_id)?,
            grand_total: read.must("grandToTAmt", AmountText::read)?,
            transaction_type: read.must("transactionType", word)?,
        })
    }

    /// The verdict on this row.
    pub fn answer(
        &self,
        verdict: Option<&'a str>,
        code: &'a str,
        message: &'a str,
    ) -> ReconciliationResult<'a> {
        ReconciliationResult {
            merchant_id: Some(self.merchant_id.clone()),
            reconciliation_dv: verdict.map(Cow::Borrowed),
            term_id: Some(self.term_id.clone()),
            tx_id: Some(self.tx_id.clone()),
            buyer_id: self.buyer_id.clone(),
            seller_id: self.seller_id.clone(),
            grand_total: self.grand_total.echo(),
            result_msg: message.into(),
            result_code: code.into(),
        }
    }
}

/// Reads the rows of one call. An empty array and one that is too long refuse the call as a whole;
/// a row that cannot be read is refused by itself, in its place, for [`ReconciliationResult::unreadable`].
pub fn read<'a>(
    rows: &[Fields<'a>],
) -> Result<Vec<Result<ReconciliationRow<'a>, UnreadableRequest>>, UnreadableRequest> {
    if rows.is_empty() {
        return Err(UnreadableRequest::of_body(
            Reason::FieldMissing,
            "the array is empty; send one object for each transaction",
        ));
    }
    if rows.len() > limits::RECONCILIATION_ROWS {
        return Err(UnreadableRequest::of_body(
            Reason::TooLarge,
            format!(
                "the array has {} rows; at most {} are taken in one call",
                rows.len(),
                limits::RECONCILIATION_ROWS
            ),
        ));
    }
    Ok(rows.iter().map(ReconciliationRow::read).collect())
}

/// The verdict on one row. Order of members is that of the example.
#[derive(Clone, Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ReconciliationResult<'a> {
    /// Merchant.
    pub merchant_id: Option<Cow<'a, str>>,
    /// `APPROVED` when the books agree; `null` otherwise (assumed).
    pub reconciliation_dv: Option<Cow<'a, str>>,
    /// Terminal.
    pub term_id: Option<Cow<'a, str>>,
    /// The order.
    pub tx_id: Option<Cow<'a, str>>,
    /// Buyer.
    pub buyer_id: Option<Cow<'a, str>>,
    /// Seller.
    pub seller_id: Option<Cow<'a, str>>,
    /// The amount as asked, in its shortest form.
    #[serde(rename = "grandToTAmt")]
    pub grand_total: Option<ShortAmount>,
    /// Message.
    pub result_msg: Cow<'a, str>,
    /// Code.
    pub result_code: Cow<'a, str>,
}

impl<'a> ReconciliationResult<'a> {
    /// The verdict on a row that cannot be read: what can be told of it is repeated, the rest is
    /// `null` (assumed).
    pub fn unreadable(fields: &Fields<'a>, code: &'a str, message: &'a str) -> Self {
        let read = MemberReader(fields);
        Self {
            merchant_id: read.may("merchantId", id).unwrap_or_default(),
            reconciliation_dv: None,
            term_id: read.may("termId", id).unwrap_or_default(),
            tx_id: read.may("txId", tx_id).unwrap_or_default(),
            buyer_id: read.may("buyerId", id).unwrap_or_default(),
            seller_id: read.may("sellerId", id).unwrap_or_default(),
            grand_total: read
                .may("grandToTAmt", AmountText::read)
                .unwrap_or_default()
                .and_then(|amount| amount.echo()),
            result_msg: message.into(),
            result_code: code.into(),
        }
    }

    /// The refusal of a whole call: one verdict, so that a client that expects an array finds one
    /// (assumed).
    pub fn failure(identity: &Identity<'a>, code: &'a str, message: &'a str) -> Self {
        Self {
            merchant_id: identity.merchant_id.clone(),
            term_id: identity.term_id.clone(),
            tx_id: identity.tx_id.clone(),
            result_msg: message.into(),
            result_code: code.into(),
            ..Self::default()
        }
    }
}
