//! Orders of members that can be listed: the documented one, and every other.

use crate::base::Operation;

/// The members of each request in the order of PAYON's page (documented), `sign` aside.
pub(super) fn documented(operation: Operation) -> &'static [&'static str] {
    match operation {
        Operation::Register => &[
            "termId",
            "merchantId",
            "txId",
            "trt",
            "currency",
            "amount",
            "paymentMethod",
            "clientId",
            "bindingId",
            "payDvCd",
            "buyerId",
            "sellerId",
        ],
        Operation::Reversal | Operation::Refund => &["txId", "merchantId", "termId"],
        Operation::PreAuthCompletion => &["txId", "merchantId", "termId", "currency", "amount"],
        Operation::Orders => {
            &["fromDate", "toDate", "index", "limit", "trt", "merchantId", "termId"]
        }
        Operation::Status => &["merchantId", "termId", "txId", "amount", "currency"],
        Operation::BindingList => &["merchantId", "termId", "clientId"],
        Operation::CreatePin | Operation::EnablePin | Operation::DisablePin => {
            &["clientId", "merchantId", "termId", "pin"]
        }
        Operation::BindingRegister => &[
            "merchantId",
            "termId",
            "clientId",
            "paymentMethod",
            "wdlAcNo",
            "wdlCvv",
            "wdlExpiry",
            "wdlNm",
            "payonPin",
            "phone",
            "pin",
            "email",
        ],
        Operation::NotifyQrScanned | Operation::NotifyProcessing | Operation::CancelQr => {
            &["merchantId", "termId", "txId", "amount"]
        }
        Operation::NotifyCompletion => &[
            "RESULT_CODE",
            "RESULT_MSG",
            "MC_ID",
            "TERM_ID",
            "TX_ID",
            "AMOUNT",
            "APPROVAL_DATE",
            "APPROVAL_NO",
            "CURRENCY",
        ],
        Operation::Reconciliation => &[],
    }
}

/// Every order of `names`.
pub(super) fn permutations<'a>(names: &[&'a str]) -> Vec<Vec<&'a str>> {
    if names.is_empty() {
        return vec![Vec::new()];
    }
    let starting_with = |at: usize| {
        let mut rest = names.to_vec();
        let first = rest.remove(at);
        permutations(&rest).into_iter().map(move |tail| [vec![first], tail].concat())
    };
    (0..names.len()).flat_map(starting_with).collect()
}
