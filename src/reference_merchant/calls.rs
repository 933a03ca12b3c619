//! One call to the gateway: made, limited, and read for what it says.

use std::sync::atomic::Ordering;

use bytes::Bytes;
use hyper::Method;
use serde_json::{Map, Value, json};

use super::Shop;
use super::order_book::OrderDraft;
use super::policy::Lost;
use crate::base::{Fields, Operation};
use crate::gateway;
use crate::http::{self, MerchantAnswer};

/// Result of a call, as the merchant understands it.
#[derive(Clone, Debug)]
pub(super) enum CallResult {
    /// Done, with the body.
    Yes(Bytes),
    /// Refused, with the result code.
    No(String),
    /// Refused for now; nothing was done.
    Later,
    /// No answer, or none that can be read: nothing is known.
    Lost,
    /// The merchant's own process is down.
    Dead,
}

/// Result codes that say "not now".
const TEMPORARY: [&str; 2] = ["9001", "9002"];
/// The code that says nothing; of a status call it says that there is no success to tell of.
const SYSTEM_ERROR: &str = "9999";
/// The code that a mutant makes of an answer that it does not look into.
pub(super) const NOT_LOOKED_INTO: &str = "-";

impl Shop {
    /// A call about an order, signed where the operation wants it.
    pub(super) async fn order_call(
        &self,
        operation: Operation,
        order: &OrderDraft,
        more: Value,
    ) -> CallResult {
        let mut body = self.identity(&order.merchant_id);
        body.insert("txId".to_owned(), order.tx_id.clone().into());
        if let Value::Object(more) = more {
            body.extend(more);
        }
        let body = Value::Object(body).to_string();
        self.call(operation, order.header.as_deref(), &order.merchant_id, body).await
    }

    /// The members that nearly every call has.
    pub(super) fn identity(&self, merchant_id: &str) -> Map<String, Value> {
        let merchant = self.profile.merchant(merchant_id);
        let terminal = merchant.and_then(|merchant| merchant.terminals.first());
        let mut body = Map::new();
        body.insert("merchantId".to_owned(), merchant_id.into());
        body.insert("termId".to_owned(), terminal.map_or(Value::Null, |id| json!(id)));
        body
    }

    pub(super) async fn call(
        &self,
        operation: Operation,
        header: Option<&str>,
        merchant_id: &str,
        body: String,
    ) -> CallResult {
        if self.is_down() {
            return CallResult::Dead;
        }
        let body = self.signed(operation, merchant_id, body);
        let headers: Vec<(&str, &str)> =
            header.map(|value| ("x-payon-scenario", value)).into_iter().collect();
        let path = operation.paths()[0];
        let limit = self.policy.call_limit_ms.map(|ms| self.time.now().plus(ms));
        let sending = http::send(Method::POST, &self.gateway, path, &headers, body.into());
        let answer = self.time.call(limit, sending).await;
        let said = match answer {
            Some(Ok(answer)) => self.understood(operation, answer),
            Some(Err(broken)) => {
                tracing::debug!(%operation, %broken, "no answer");
                CallResult::Lost
            }
            None => CallResult::Lost,
        };
        match (said, self.policy.lost) {
            (CallResult::Lost, Lost::Failure) => CallResult::No(NOT_LOOKED_INTO.to_owned()),
            (CallResult::Lost, Lost::Success) => CallResult::Yes(Bytes::new()),
            (said, _) => said,
        }
    }

    fn signed(&self, operation: Operation, merchant_id: &str, body: String) -> String {
        let sign = &self.profile.sign;
        let merchant = self.profile.merchant(merchant_id);
        let Some(merchant) = merchant.filter(|_| sign.operations.contains(&operation)) else {
            return body;
        };
        gateway::sign(&sign.recipe, merchant, body.as_bytes()).map_or(body, |signed| signed.body)
    }

    fn understood(&self, operation: Operation, answer: MerchantAnswer) -> CallResult {
        let MerchantAnswer { status, body, is_json, location, retry_after_s } = answer;
        if !self.policy.reads_redirects && (300..400).contains(&status) && location.is_none() {
            return CallResult::No(NOT_LOOKED_INTO.to_owned());
        }
        if !self.policy.reads_code {
            let is_success = (200..300).contains(&status);
            return if is_success {
                CallResult::Yes(body)
            } else {
                CallResult::No(NOT_LOOKED_INTO.to_owned())
            };
        }
        if let Some(seconds) = retry_after_s {
            let until = self.time.now().plus(seconds.saturating_mul(1000));
            self.not_before.fetch_max(until.0, Ordering::Relaxed);
            return CallResult::Later;
        }
        let many = match operation {
            Operation::Orders | Operation::Reconciliation => Fields::parse_array(&body).ok(),
            _ => None,
        };
        let one = Fields::parse(&body).ok();
        if (one.is_none() && many.is_none()) || !(is_json || self.policy.is_lenient) {
            self.stumble();
            return if self.is_down() { CallResult::Dead } else { CallResult::Lost };
        }
        let code =
            one.and_then(|fields| fields.text("resultCode").map(std::borrow::Cow::into_owned));
        match code.as_deref() {
            None if many.is_some() => CallResult::Yes(body),
            Some("0000") => CallResult::Yes(body),
            Some(code) if TEMPORARY.contains(&code) => CallResult::Later,
            Some(SYSTEM_ERROR) if operation != Operation::Status => CallResult::Later,
            Some(code) => CallResult::No(code.to_owned()),
            None => CallResult::Lost,
        }
    }
}
