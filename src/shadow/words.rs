//! Words and codes of answers that are settings of the profile: which setting holds a value.

use crate::base::{Operation, OrderState, PaymentMethod};
use crate::profile::Profile;

/// The key of the setting that gives the simulator's `value` at a member; `None` where no setting does.
pub(super) fn key_of(
    profile: &Profile,
    operation: Operation,
    path: &str,
    value: &str,
) -> Option<String> {
    let wording = &profile.wording;
    let state = |table: &str, word: &dyn Fn(OrderState) -> bool| {
        let state = OrderState::ALL.iter().copied().find(|state| word(*state))?;
        Some(format!("{table}.{}", state.name()))
    };
    let method = |table: &str, word: &dyn Fn(PaymentMethod) -> bool| {
        let method = PaymentMethod::ALL.iter().copied().find(|method| word(*method))?;
        Some(format!("{table}.{}", method.name()))
    };
    match (operation, path) {
        (Operation::Status, "resultData.txStCd") => {
            state("wording.status.state", &|it| wording.status.state.get(it) == value)
        }
        (Operation::Status, "resultData.trt") if wording.status.trt.purchase == value => {
            Some("wording.status.trt.purchase".to_owned())
        }
        (Operation::Status, "resultData.trt") if wording.status.trt.pre_auth == value => {
            Some("wording.status.trt.pre_auth".to_owned())
        }
        (Operation::Orders, "[].txStCd") => {
            state("wording.orders.state", &|it| wording.orders.state.get(it) == value)
        }
        (Operation::Orders, "[].payDvCd") => {
            method("wording.orders.pay_dv_cd", &|it| wording.orders.pay_dv_cd.get(it) == value)
        }
        (Operation::Orders, "[].paymentType")
        | (Operation::BindingList, "resultData[].paymentType") => {
            method("wording.payment_type", &|it| wording.payment_type.get(it) == value)
        }
        (Operation::Register, "resultData.payDvCd") => {
            method("wording.pay_dv_word", &|it| wording.pay_dv_word.get(it) == value)
        }
        _ => None,
    }
}

/// Returns true if a member tells the state of an order.
pub(super) fn is_state(path: &str) -> bool {
    path.ends_with("txStCd")
}

/// The state that a word of the gateway's stands for, if the profile knows the word.
pub(super) fn state_of(profile: &Profile, operation: Operation, word: &str) -> Option<OrderState> {
    let wording = &profile.wording;
    OrderState::ALL.iter().copied().find(|state| match operation {
        Operation::Orders => wording.orders.state.get(*state) == word,
        _ => wording.status.state.get(*state) == word,
    })
}

/// Returns true if `word` is the profile's word for some state.
pub(super) fn names_another(
    profile: &Profile,
    operation: Operation,
    path: &str,
    word: &str,
) -> bool {
    is_state(path) && state_of(profile, operation, word).is_some()
}

/// Returns true if a member holds one of a closed set of words.
pub(super) fn is_word(profile: &Profile, operation: Operation, path: &str) -> bool {
    let members = &profile.operations.get(operation).response;
    let is_closed = members.iter().any(|member| member.name == path && !member.values.is_empty());
    is_closed || path.ends_with("reconciliationDv") || path.ends_with("verifyYn")
}
