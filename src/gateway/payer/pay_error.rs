//! Reasons why a payer cannot even try.

use crate::base::Reason;
use crate::ledger::Order;

/// Reason why the payer could not even try. Nothing was booked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PayError {
    /// No such order.
    #[error("merchant {merchant} has no order {tx_id:?} in the space {space:?}")]
    UnknownOrder {
        /// `merchantId`.
        merchant: String,
        /// `txId`.
        tx_id: String,
        /// The space looked in.
        space: String,
    },
    /// The order's state forbids it.
    #[error("the order is {state}: {}", reason.about())]
    NotPossible {
        /// Reason.
        reason: Reason,
        /// The order's state.
        state: &'static str,
    },
    /// Something given is not in the tables, or does not go with the order's method.
    #[error("{field}: {problem}")]
    Input {
        /// Member.
        field: &'static str,
        /// The mistake and the remedy; never repeats a secret.
        problem: String,
    },
}

pub(super) fn input(field: &'static str, problem: impl Into<String>) -> PayError {
    PayError::Input { field, problem: problem.into() }
}

pub(super) fn not_possible(reason: Reason, order: &Order) -> PayError {
    PayError::NotPossible { reason, state: order.state.name() }
}
