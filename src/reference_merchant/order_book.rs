//! The merchant's own books: what it believes of its orders.

use std::collections::BTreeMap;

use crate::base::{Amount, Currency, Millis, PaymentMethod};
use crate::scenario::{Belief, Decimal, ShopFact, Trt};

/// An order to be.
#[derive(Clone, Debug)]
pub struct OrderDraft {
    /// `txId`.
    pub tx_id: String,
    /// `merchantId`; one of the profile's.
    pub merchant_id: String,
    /// Amount.
    pub amount: Amount,
    /// In which currency.
    pub currency: Currency,
    /// Purchase or pre-authorisation.
    pub trt: Trt,
    /// Payment method.
    pub method: PaymentMethod,
    /// The header X-Payon-Scenario of every call for it.
    pub header: Option<String>,
    /// Further members of the request, by name, as JSON.
    pub fields: Vec<(String, String)>,
}

/// An order as the merchant knows it.
#[derive(Clone, Debug)]
pub(super) struct BookEntry {
    pub(super) order: OrderDraft,
    pub(super) belief: Belief,
    pub(super) shipped: u32,
    /// Time at which it was registered, and until when it may be paid.
    pub(super) registered: Option<(Millis, Millis)>,
    /// Time at which money was first known to be held or taken.
    pub(super) paid_at: Option<Millis>,
    pub(super) captured: bool,
    /// Sum that a completion captured.
    pub(super) captured_amount: Option<Amount>,
    pub(super) given_back: Amount,
    /// The whole amount is to be given back.
    pub(super) is_to_be_given_back: bool,
    pub(super) has_returned: bool,
    /// Number of questions that were asked about it.
    pub(super) asked: u32,
    /// The last of them whose answer was booked.
    pub(super) answered: u32,
    /// Nothing more is looked at.
    pub(super) is_closed: bool,
}

impl BookEntry {
    pub(super) fn new(order: OrderDraft) -> Self {
        Self {
            order,
            belief: Belief::Pending,
            shipped: 0,
            registered: None,
            paid_at: None,
            captured: false,
            captured_amount: None,
            given_back: Amount::ZERO,
            is_to_be_given_back: false,
            has_returned: false,
            asked: 0,
            answered: 0,
            is_closed: false,
        }
    }

    /// Books that money has come, and ships what is not shipped on capture.
    pub(super) fn book_paid(&mut self) {
        self.belief = Belief::Paid;
        if self.order.trt == Trt::Purchase && self.shipped == 0 {
            self.shipped = 1;
        }
    }

    /// The sum that there is to give back and to compare: captured, or else ordered.
    pub(super) fn taken(&self) -> Amount {
        self.captured_amount.unwrap_or(self.order.amount)
    }

    /// Puts it aside for good.
    pub(super) fn close(&mut self, belief: Belief) {
        (self.belief, self.is_closed) = (belief, true);
    }
}

/// All orders by their txId.
#[derive(Debug, Default)]
pub(super) struct OrderBook {
    rows: BTreeMap<String, BookEntry>,
    /// Saved cards by their clients.
    pub(super) bindings: BTreeMap<String, String>,
}

impl OrderBook {
    pub(super) fn store(&mut self, row: BookEntry) {
        self.rows.entry(row.order.tx_id.clone()).or_insert(row);
    }

    pub(super) fn forget(&mut self, tx_id: &str) {
        self.rows.remove(tx_id);
    }

    pub(super) fn get(&self, tx_id: &str) -> Option<&BookEntry> {
        self.rows.get(tx_id)
    }

    pub(super) fn change<R>(
        &mut self,
        tx_id: &str,
        change: impl FnOnce(&mut BookEntry) -> R,
    ) -> Option<R> {
        self.rows.get_mut(tx_id).map(change)
    }

    pub(super) fn rows(&self) -> impl Iterator<Item = &BookEntry> {
        self.rows.values()
    }

    pub(super) fn facts(&self) -> Vec<ShopFact> {
        let fact = |row: &BookEntry| ShopFact {
            tx_id: row.order.tx_id.clone(),
            believes: Some(row.belief),
            shipped: Some(row.shipped),
            returned: Some(Decimal::of(row.given_back, row.order.currency)),
            ..ShopFact::default()
        };
        self.rows.values().map(fact).collect()
    }
}
