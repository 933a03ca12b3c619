//! Money that moves after the payment: captured, given back, compared with the gateway's books.

use serde_json::{Value, json};

use super::Shop;
use super::calls::CallResult;
use super::order_book::{BookEntry, OrderDraft};
use super::policy::{Amounts, CompareBy, Counter};
use super::status::BookStatus;
use crate::base::{Amount, Fields, Millis, Operation};
use crate::scenario::{Belief, Trt};

/// Time for which a bank holds money for a capture.
const HOLD_MS: i64 = 7 * DAY_MS;
/// A day.
pub(super) const DAY_MS: i64 = 86_400_000;
/// Rows of one page of orders, and of one reconciliation.
const ROWS: usize = 100;

/// The codes of refusals that tell where the money is.
mod code {
    pub(super) const REVERSED: &str = "3102";
    pub(super) const REFUNDED: &str = "3103";
    pub(super) const CAPTURED: &str = "3104";
    pub(super) const NOT_CAPTURED: &str = "3106";
    pub(super) const SETTLED: &str = "3107";
    pub(super) const NOT_SETTLED: &str = "3108";
}

impl Shop {
    /// Gives money back, all of it where no amount is given: by a refund or a reversal, as asked, and by the other where
    /// the gateway says that the day calls for it.
    pub async fn give_back(&self, tx_id: &str, amount: Option<Amount>, first: Operation) {
        let Some(row) = self.row(tx_id) else { return };
        let order = row.order.clone();
        let rest = row.taken().minus(row.given_back).unwrap_or(Amount::ZERO);
        let is_counted =
            self.policy.counter != Counter::Gateway && self.policy.asks_before_repeating;
        if is_counted && (rest == Amount::ZERO || amount.is_some_and(|amount| amount > rest)) {
            return;
        }
        if amount.is_none() {
            self.change(tx_id, |row| row.is_to_be_given_back = true);
        }
        let mut operation = match self.policy.counter {
            Counter::Refuses => self.by_the_day(&row, amount, first),
            Counter::Lowers | Counter::Gateway => first,
        };
        for tried in 0..self.policy.tries {
            let more = match (operation, amount) {
                (Operation::Refund, Some(amount)) => {
                    json!({ "amount": amount.fixed(order.currency) })
                }
                _ => Value::Null,
            };
            match self.order_call(operation, &order, more).await {
                CallResult::Yes(_) => return self.book_given_back(tx_id, amount),
                CallResult::No(code) => match code.as_str() {
                    code::REVERSED | code::REFUNDED => return self.book_given_back(tx_id, amount),
                    code::SETTLED if self.policy.falls_back => operation = Operation::Refund,
                    code::NOT_SETTLED | code::NOT_CAPTURED if self.policy.falls_back => {
                        operation = Operation::Reversal;
                    }
                    _ if !self.policy.asks_before_repeating => self.pause(tried).await,
                    _ => return,
                },
                CallResult::Later => self.pause(tried).await,
                CallResult::Lost if !self.policy.asks_before_repeating => self.pause(tried).await,
                CallResult::Lost => match self.found_out(&order, tried).await {
                    BookStatus::GivenBack => return self.book_given_back(tx_id, None),
                    BookStatus::PartlyGivenBack if amount.is_some() => {
                        return self.book_given_back(tx_id, amount);
                    }
                    BookStatus::Captured | BookStatus::Held | BookStatus::PartlyGivenBack => {}
                    BookStatus::Open | BookStatus::TakenForFailed | BookStatus::Unknown => break,
                },
                CallResult::Dead => return,
            }
        }
        self.change(tx_id, |row| row.belief = Belief::Disputed);
    }

    /// The operation for a payment of this day: a hold and a payment of today are reversed, what was paid before or is
    /// given back in part is refunded.
    fn by_the_day(&self, row: &BookEntry, amount: Option<Amount>, asked: Operation) -> Operation {
        let is_hold = row.order.trt == Trt::PreAuth && !row.captured;
        match row.paid_at {
            _ if is_hold => Operation::Reversal,
            _ if amount.is_some() || row.given_back > Amount::ZERO => Operation::Refund,
            Some(paid_at) if day(paid_at) == day(self.time.now()) => Operation::Reversal,
            Some(_) => Operation::Refund,
            None => asked,
        }
    }

    fn book_given_back(&self, tx_id: &str, amount: Option<Amount>) {
        self.change(tx_id, |row| {
            row.given_back = match amount {
                Some(amount) => row.given_back.plus(amount).unwrap_or(row.taken()),
                None => row.taken(),
            };
            if row.given_back >= row.taken() {
                row.belief = Belief::GivenBack;
            }
        });
    }

    /// Captures what a pre-authorisation holds, and ships.
    pub async fn capture(&self, tx_id: &str, amount: Option<Amount>) {
        let Some(row) = self.row(tx_id) else { return };
        let is_counted = self.policy.counter != Counter::Gateway;
        if row.captured && self.policy.captures_once && is_counted {
            return;
        }
        let Some(held_since) = row.paid_at else { return };
        let order = row.order;
        if self.policy.tracks_holds && is_counted && self.time.now() >= held_since.plus(HOLD_MS) {
            self.change(tx_id, |row| row.belief = Belief::Unpaid);
            return;
        }
        let asked = amount.unwrap_or(order.amount);
        let amount = match (self.policy.amounts, self.policy.counter) {
            (Amounts::Ignored, _) | (_, Counter::Gateway) => asked,
            (_, Counter::Refuses) if asked > order.amount => return,
            (_, Counter::Lowers | Counter::Refuses) => asked.min(order.amount),
        };
        let takes_refusal = self.policy.tracks_holds && self.policy.amounts != Amounts::Ignored;
        let more =
            json!({ "amount": amount.fixed(order.currency), "currency": order.currency.code() });
        for tried in 0..self.policy.tries {
            match self.order_call(Operation::PreAuthCompletion, &order, more.clone()).await {
                CallResult::Yes(_) if self.policy.captures_once => {
                    return self.book_captured(tx_id, amount);
                }
                CallResult::Yes(_) => {
                    self.book_captured(tx_id, amount);
                    let again = self.order_call(Operation::PreAuthCompletion, &order, more.clone());
                    again.await;
                    return;
                }
                CallResult::No(code) if code == code::CAPTURED => {
                    return self.book_captured(tx_id, amount);
                }
                CallResult::No(_) if takes_refusal => return,
                CallResult::No(_) => return self.book_captured(tx_id, amount),
                CallResult::Later => self.pause(tried).await,
                CallResult::Lost if !self.policy.captures_once => self.pause(tried).await,
                CallResult::Lost => match self.found_out(&order, tried).await {
                    BookStatus::Held => {}
                    BookStatus::Captured => return self.book_captured(tx_id, amount),
                    _ => break,
                },
                CallResult::Dead => return,
            }
        }
        self.change(tx_id, |row| row.belief = Belief::Disputed);
    }

    fn book_captured(&self, tx_id: &str, amount: Amount) {
        let once = self.policy.captures_once;
        self.change(tx_id, |row| {
            if !row.captured || !once {
                row.shipped += 1;
            }
            row.captured = true;
            row.captured_amount.get_or_insert(amount);
        });
    }

    /// Asks what has become of an order until there is an answer.
    async fn found_out(&self, order: &OrderDraft, tried: u32) -> BookStatus {
        for asked in 0..self.policy.tries {
            self.pause(tried + asked).await;
            let (status, _) = self.ask(order).await;
            if status != BookStatus::Unknown {
                return status;
            }
        }
        BookStatus::Unknown
    }

    /// Lists the orders of today and of the day before, and looks into those that the merchant's books tell otherwise.
    pub async fn list_orders(&self) {
        let today = self.time.now();
        let yesterday = today.plus(-DAY_MS);
        let merchants: std::collections::BTreeSet<String> =
            self.order_book().rows().map(|row| row.order.merchant_id.clone()).collect();
        for merchant_id in merchants {
            for page in 1.. {
                let mut body = self.identity(&merchant_id);
                body.insert("fromDate".to_owned(), day(yesterday).into());
                body.insert("toDate".to_owned(), day(today).into());
                body.insert("index".to_owned(), page.into());
                body.insert("limit".to_owned(), ROWS.into());
                let body = Value::Object(body).to_string();
                let said = self.call(Operation::Orders, None, &merchant_id, body).await;
                let CallResult::Yes(listed) = said else { break };
                let rows = Fields::parse_array(&listed).unwrap_or_default();
                let differ: Vec<String> = rows.iter().filter_map(|row| self.differs(row)).collect();
                for tx_id in differ {
                    self.look_into(&tx_id).await;
                }
                if rows.len() < ROWS {
                    break;
                }
            }
        }
    }

    /// The txId of a listed order of which the merchant believes something else.
    fn differs(&self, listed: &Fields<'_>) -> Option<String> {
        let tx_id = listed.text("tracNo")?;
        let believed = self.row(&tx_id)?.belief;
        let state = listed.text("txStCd")?;
        let agrees = match &*state {
            "05" | "09" | "10" => believed == Belief::Paid,
            "11" | "12" => believed == Belief::GivenBack,
            _ => !matches!(believed, Belief::Paid | Belief::GivenBack),
        };
        (!agrees).then(|| tx_id.into_owned())
    }

    /// Compares all that moved money with the gateway's books.
    pub async fn reconcile(&self) {
        if !self.policy.reconciles {
            return;
        }
        for way in self.policy.compares_by {
            match way {
                CompareBy::List => self.list_orders().await,
                CompareBy::Call => self.compare_by_call().await,
                CompareBy::Status => self.compare_by_status().await,
            }
        }
    }

    async fn compare_by_status(&self) {
        let believed = |row: &BookEntry| matches!(row.belief, Belief::Paid | Belief::GivenBack);
        let orders: Vec<String> = {
            let order_book = self.order_book();
            order_book
                .rows()
                .filter(|row| believed(row))
                .map(|row| row.order.tx_id.clone())
                .collect()
        };
        for tx_id in orders {
            self.look_into(&tx_id).await;
        }
    }

    async fn compare_by_call(&self) {
        let rows: Vec<(String, String, Value)> =
            self.order_book().rows().filter_map(|row| self.claim(row)).collect();
        for some in rows.chunks(ROWS) {
            let body = Value::from(some.iter().map(|(_, _, row)| row.clone()).collect::<Vec<_>>());
            let merchant = &some[0].1;
            let said = self.call(Operation::Reconciliation, None, merchant, body.to_string()).await;
            let CallResult::Yes(verdicts) = said else { continue };
            let verdicts = Fields::parse_array(&verdicts).unwrap_or_default();
            for ((tx_id, _, _), verdict) in some.iter().zip(verdicts) {
                if verdict.text("resultCode").as_deref() != Some("0000") {
                    self.look_into(tx_id).await;
                }
            }
        }
    }

    /// The merchant's claim about an order's money: its txId, its merchant, and the row of a reconciliation.
    fn claim(&self, row: &BookEntry) -> Option<(String, String, Value)> {
        let order = &row.order;
        let is_hold = order.trt == Trt::PreAuth;
        let what = match (row.belief, is_hold, row.captured) {
            (Belief::Paid, false, _) => "PURCHASE",
            (Belief::Paid, true, false) => "PRE_AUTH",
            (Belief::Paid, true, true) => "PRE_AUTH_COMPLETE",
            (Belief::GivenBack, _, _) => "REFUND",
            _ => return None,
        };
        let mut body = self.identity(&order.merchant_id);
        body.insert("txId".to_owned(), order.tx_id.clone().into());
        let total = row.taken().fixed(order.currency);
        body.insert("grandToTAmt".to_owned(), serde_json::from_str(&total).ok()?);
        body.insert("transactionType".to_owned(), what.into());
        Some((order.tx_id.clone(), order.merchant_id.clone(), Value::Object(body)))
    }

    /// Asks about an order of which the gateway's books tell otherwise, and does what is left to do.
    async fn look_into(&self, tx_id: &str) {
        let Some(row) = self.row(tx_id) else { return };
        let status = self.check(tx_id).await;
        let is_still_there = matches!(status, BookStatus::Captured | BookStatus::Held);
        if row.is_to_be_given_back && row.belief == Belief::GivenBack && is_still_there {
            self.change(tx_id, |row| row.given_back = Amount::ZERO);
            self.give_back(tx_id, None, Operation::Refund).await;
        }
    }
}

/// ddMMyyyy in Cambodia.
fn day(at: Millis) -> String {
    at.day_first_digits().chars().take(8).collect()
}
