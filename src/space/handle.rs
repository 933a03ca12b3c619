//! Orders across critical sections: a handle that a reset or a restore makes stale, and a copy to show.
//!
//! An [`OrderId`] is a position in one ledger. After a reset or a restore the same position holds another order, or
//! none. So a position never leaves the section in which it was read: what does is an [`OrderHandle`], which is found
//! again only in the generation of the space that it belongs to.

use super::outbox::Delivery;
use super::transaction::{StateView, Transaction};
use crate::base::Seed;
use crate::ledger::{Order, OrderId, Target};

/// An order of one generation of a space.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OrderHandle {
    generation: u64,
    id: OrderId,
}

impl OrderHandle {
    /// Generation of the space that it belongs to.
    pub const fn generation(self) -> u64 {
        self.generation
    }

    /// The order's position, for names and proofs that depend on it. Not to look it up by.
    pub const fn position(self) -> OrderId {
        self.id
    }
}

/// An order with what surrounds it, copied in one section to be shown after it.
#[derive(Clone, Debug)]
pub struct OrderSnapshot {
    /// Its handle.
    pub handle: OrderHandle,
    /// The order.
    pub order: Order,
    /// `merchantId`.
    pub merchant: Box<str>,
    /// `termId`.
    pub terminal: Box<str>,
    /// The seed of the space's choices then.
    pub seed: Seed,
    /// True if its money is settled.
    pub settled: bool,
    /// Its push-backs, oldest first.
    pub pushbacks: Vec<Delivery>,
}

impl OrderSnapshot {
    fn new(view: &StateView<'_>, order: &Order) -> Self {
        let terminal = view.ledger.terminal(order);
        Self {
            handle: view.handle(order),
            order: order.clone(),
            merchant: terminal.merchant.clone(),
            terminal: terminal.terminal.clone(),
            seed: view.seed,
            settled: order.is_settled(view.now, view.ledger.rules().settlement_cutoff_ms),
            pushbacks: view.outbox.of_order(order).cloned().collect(),
        }
    }
}

impl<'a> StateView<'a> {
    /// A number that a reset or a restore raises: positions of orders belong to one of them.
    pub const fn generation(&self) -> u64 {
        self.generation
    }

    /// The handle of an order of this view.
    pub fn handle(&self, order: &Order) -> OrderHandle {
        OrderHandle { generation: self.generation, id: order.id }
    }

    /// The order of a handle; `None` after a reset or a restore, and where it is no longer kept.
    pub fn at(&self, handle: OrderHandle) -> Option<&'a Order> {
        let found = self.ledger.find(Target::At(handle.id));
        found.filter(|_| handle.generation == self.generation)
    }

    /// Copies orders of this view with their push-backs.
    pub fn snapshots<'o>(&self, orders: impl IntoIterator<Item = &'o Order>) -> Vec<OrderSnapshot> {
        orders.into_iter().map(|order| OrderSnapshot::new(self, order)).collect()
    }

    /// Copies one order with its push-backs.
    pub fn snapshot(&self, order: &Order) -> Option<OrderSnapshot> {
        self.snapshots([order]).pop()
    }
}

impl Transaction<'_> {
    /// The order of a handle ([`StateView::at`]).
    pub fn at(&self, handle: OrderHandle) -> Option<&Order> {
        self.view().at(handle)
    }

    /// Copies an order that is here, with its push-backs.
    pub fn snapshot(&self, order: &Order) -> OrderSnapshot {
        OrderSnapshot::new(&self.view(), order)
    }
}
