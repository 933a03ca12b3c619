//! The fate of an order: asked, understood, booked.

use bytes::Bytes;
use serde_json::json;

use super::Shop;
use super::calls::{CallResult, NOT_LOOKED_INTO};
use super::order_book::{BookEntry, OrderDraft};
use super::policy::{Amounts, PendingRefund};
use crate::base::{Amount, Fields, Literal, Operation};
use crate::scenario::{Belief, Trt};

/// State of an order, as the gateway tells it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum BookStatus {
    /// Paid.
    Captured,
    /// Held for a capture.
    Held,
    PartlyGivenBack,
    GivenBack,
    /// No success to tell of: not paid yet, or not any more.
    Open,
    /// Belief of a merchant about an answer that it does not look into.
    TakenForFailed,
    /// No answer.
    Unknown,
}

/// Time after an order's expiry at which the last question is asked.
const GRACE_MS: i64 = 60_000;

impl Shop {
    /// Asks for the status: where the order stands, and whether its price is the one ordered.
    pub(super) async fn ask(&self, order: &OrderDraft) -> (BookStatus, bool) {
        let more = json!({
            "amount": order.amount.fixed(order.currency),
            "currency": order.currency.code(),
        });
        match self.order_call(Operation::Status, order, more).await {
            CallResult::Yes(body) => self.told(order, &body),
            CallResult::No(code) if code == NOT_LOOKED_INTO => (BookStatus::TakenForFailed, true),
            CallResult::No(_) => (BookStatus::Open, true),
            CallResult::Later | CallResult::Lost | CallResult::Dead => (BookStatus::Unknown, true),
        }
    }

    fn told(&self, order: &OrderDraft, body: &Bytes) -> (BookStatus, bool) {
        let data = Fields::parse(body).ok().and_then(|fields| fields.get("resultData"));
        let data = data.and_then(|data| Fields::parse(data.raw().as_bytes()).ok());
        // Only a merchant that does not look inside gets here without data.
        let Some(data) = data else { return (BookStatus::Captured, true) };
        // What is about another order is no answer.
        if data.text("tracNo").is_some_and(|named| named != order.tx_id) {
            return (BookStatus::Unknown, true);
        }
        let status = match data.text("txStCd").as_deref() {
            Some("AUTHORIZED") => BookStatus::Held,
            Some("PARTIALLY_REFUNDED") => BookStatus::PartlyGivenBack,
            Some("REFUNDED" | "REVERSED") => BookStatus::GivenBack,
            Some("COMPLETE") => BookStatus::Captured,
            _ => BookStatus::Open,
        };
        let currency = data.text("currencyCode");
        (status, self.same_price(order, data.get("amount"), currency.as_deref()))
    }

    fn same_price(
        &self,
        order: &OrderDraft,
        amount: Option<Literal<'_>>,
        currency: Option<&str>,
    ) -> bool {
        let text = amount.map(Literal::text).unwrap_or_default();
        let same_currency = currency == Some(order.currency.code());
        match self.policy.amounts {
            Amounts::Ignored => true,
            // The shop's own books always have two decimals.
            Amounts::Text => {
                let own = order.amount.fixed(order.currency);
                let own = if own.contains('.') { own } else { format!("{own}.00") };
                text == own && same_currency
            }
            // Of a capture in part PAYON does not say which of the two sums is told.
            Amounts::Decimals => {
                let captured = self.row(&order.tx_id).and_then(|row| row.captured_amount);
                let is_known = |told| told == order.amount || Some(told) == captured;
                Amount::parse(&text, order.currency).is_ok_and(is_known) && same_currency
            }
        }
    }

    /// Asks about an order and books what is told.
    pub(super) async fn check(&self, tx_id: &str) -> BookStatus {
        let question = |row: &mut BookEntry| {
            row.asked += 1;
            row.clone()
        };
        let Some(row) = self.change(tx_id, question).filter(|row| !row.is_closed) else {
            return BookStatus::Unknown;
        };
        let asked = row.asked;
        let (status, same_price) = self.ask(&row.order).await;
        let now = self.time.now();
        self.change(tx_id, |row| {
            // The answer to a later question was here first.
            if asked < row.answered {
                return;
            }
            if status != BookStatus::Unknown {
                row.answered = asked;
            }
            let is_paid = matches!(status, BookStatus::Captured | BookStatus::Held);
            match status {
                BookStatus::TakenForFailed if row.belief == Belief::Pending => {
                    row.close(Belief::Unpaid);
                }
                BookStatus::TakenForFailed | BookStatus::Unknown => {}
                BookStatus::Open => self.book_open(row),
                _ if !same_price => row.belief = Belief::Disputed,
                BookStatus::GivenBack => {
                    row.belief = Belief::GivenBack;
                    row.given_back = row.taken();
                }
                _ if is_paid && row.belief == Belief::GivenBack => {}
                _ => {
                    if self.policy.books_without_return || row.has_returned {
                        row.paid_at.get_or_insert(now);
                        row.book_paid();
                    }
                }
            }
        });
        status
    }

    /// Books that there is no success to tell of.
    fn book_open(&self, row: &mut BookEntry) {
        let now = self.time.now();
        let is_over = row.registered.is_some_and(|(_, until)| now >= until.plus(GRACE_MS));
        match (row.belief, self.policy.pending) {
            (Belief::Pending, PendingRefund::Failure) => row.close(Belief::Unpaid),
            (Belief::Pending, PendingRefund::Success) => {
                row.book_paid();
                row.is_closed = true;
            }
            (Belief::Pending, PendingRefund::Open) if is_over => row.belief = Belief::Unpaid,
            // Money that was there is gone: a hold that has run out, or something for a human to look at.
            (Belief::Paid, _) if row.order.trt == Trt::PreAuth && !row.captured => {
                row.belief = Belief::Unpaid;
            }
            (Belief::Paid | Belief::GivenBack, _) => row.belief = Belief::Disputed,
            _ => {}
        }
    }
}
