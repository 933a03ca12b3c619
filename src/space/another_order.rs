//! Another order for a push-back that names the wrong one.

use crate::base::Seed;
use crate::ledger::{Ledger, Order};

/// The most orders among which another is chosen.
const OTHERS_MAX: usize = 1024;

/// The txId of another order of the same merchant, chosen by the seed and the txIds: the order in which they came does
/// not matter. `None` where the merchant has no other.
pub(super) fn another_order(seed: Seed, ledger: &Ledger, order: &Order) -> Option<Box<str>> {
    let merchant = &ledger.terminal(order).merchant;
    let is_other =
        |other: &&Order| other.id != order.id && ledger.terminal(other).merchant == *merchant;
    let others = ledger.orders_after(None).filter(is_other).take(OTHERS_MAX);
    let chosen = others.min_by_key(|other| {
        let names = [b"another".as_slice(), order.tx_id.as_bytes(), other.tx_id.as_bytes()];
        (seed.number(&names), other.tx_id.clone())
    });
    chosen.map(|other| (&*other.tx_id).into())
}
