//! One space of a simulator, as a test uses it: its merchant's calls, its payers, its clock, its rules and its ledger.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use hyper::Method;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Deserialize as _;
use serde_json::{Value, json};

use super::{CallError, MerchantReply, OrderRequest};
use crate::api::Control;
use crate::base::{Operation, Reason};
use crate::gateway::{self, PayRequest, TriggerEvent};
use crate::http;
use crate::ledger::{Order, Target};
use crate::profile::Merchant;
use crate::scenario::{ExpectationVerdict, read_expectations};
use crate::space::{Delivery, Space};

/// One space of a [`Simulator`](super::Simulator): ledger, clock, rules and merchants of its own.
///
/// Calls of its merchant go over the socket, so that armed rules break them as they break those of a real shop. All else
/// is done in this process. Clones mean the same space.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let simulator = payon_sim::Simulator::builder().start().await?;
/// let space = simulator.space("refunds").await?;
/// assert_eq!(space.url(), format!("{}/space/refunds", simulator.url()));
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct SpaceHandle {
    space: Arc<Space>,
    control: Arc<Control>,
    /// The merchant in whose name calls are made.
    merchant_id: Box<str>,
    url: String,
    control_url: String,
}

impl fmt::Debug for SpaceHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let url = &self.url;
        f.debug_struct("SpaceHandle").field("url", url).finish_non_exhaustive()
    }
}

impl SpaceHandle {
    pub(super) fn new(space: Arc<Space>, control: Arc<Control>, merchant_id: Box<str>) -> Self {
        let name = space.name();
        let url = format!("{}/space/{name}", control.url());
        let control_url = format!("{}/space/{name}", control.own_url());
        Self { space, control, merchant_id, url, control_url }
    }

    /// Address that replaces PAYON's in the settings of a merchant who works in this space.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let simulator = payon_sim::Simulator::builder().start().await?;
    /// # let space = simulator.space("shop").await?;
    /// let register = format!("{}/pg/order/register", space.url());
    /// # assert!(register.ends_with("/space/shop/pg/order/register"));
    /// # Ok(()) }
    /// ```
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Base address of the space's control plane.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let simulator = payon_sim::Simulator::builder().start().await?;
    /// # let space = simulator.space("shop").await?;
    /// let dashboard = format!("{}/_sim/", space.control_url());
    /// # assert!(dashboard.ends_with("/space/shop/_sim/"));
    /// # Ok(()) }
    /// ```
    pub fn control_url(&self) -> &str {
        &self.control_url
    }

    /// `merchantId` of the merchant in whose name calls are made.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let simulator = payon_sim::Simulator::builder().start().await?;
    /// assert_eq!(simulator.default_space().merchant_id(), "C0000143");
    /// # Ok(()) }
    /// ```
    pub fn merchant_id(&self) -> &str {
        &self.merchant_id
    }

    /// `termId` of that merchant.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let simulator = payon_sim::Simulator::builder().start().await?;
    /// assert_eq!(simulator.default_space().term_id()?, "CT03000003");
    /// # Ok(()) }
    /// ```
    pub fn term_id(&self) -> Result<String, CallError> {
        Ok(self.merchant()?.terminals.first().cloned().unwrap_or_default())
    }

    /// Private key with which that merchant signs: PKCS#8, Base64 DER on one line. It is a test key that everybody has.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let simulator = payon_sim::Simulator::builder().start().await?;
    /// # let space = simulator.space("shop").await?;
    /// assert!(space.private_key()?.starts_with("MII"));
    /// # Ok(()) }
    /// ```
    pub fn private_key(&self) -> Result<String, CallError> {
        let merchant = self.merchant()?;
        match merchant.key.private_key() {
            Some(Ok(key)) => Ok(key.pkcs8_der_base64()),
            Some(Err(error)) => {
                Err(CallError::refused("no-private-key", format!("{}: {error}", merchant.id)))
            }
            None => Err(CallError::refused(
                "no-private-key",
                format!("only the public key of merchant {} is known", merchant.id),
            )),
        }
    }

    fn merchant(&self) -> Result<Arc<Merchant>, CallError> {
        self.space.merchant(&self.merchant_id).ok_or_else(|| {
            let (id, space) = (&self.merchant_id, self.space.name());
            let detail = format!("merchant {id} is not in the space {space:?} any more");
            CallError::refused("unknown-merchant", detail)
        })
    }

    /// Registers an order.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # use payon_sim::OrderRequest;
    /// # let simulator = payon_sim::Simulator::builder().start().await?;
    /// # let space = simulator.space("shop").await?;
    /// let reply = space.register(OrderRequest::purchase("A-1", "10.00")).await?;
    /// let checkout = reply.body()["resultData"]["checkoutUrl"].as_str();
    /// # assert!(checkout.is_some_and(|url| url.starts_with("http")));
    /// # Ok(()) }
    /// ```
    pub async fn register(&self, order: OrderRequest) -> Result<MerchantReply, CallError> {
        self.call(Operation::Register, order.into_members()).await
    }

    /// Asks for the status of an order, with the amount and the currency that it has.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # use payon_sim::OrderRequest;
    /// # let simulator = payon_sim::Simulator::builder().start().await?;
    /// # let space = simulator.space("shop").await?;
    /// space.register(OrderRequest::purchase("A-1", "10.00")).await?;
    /// space.pay("A-1").await?;
    /// assert_eq!(space.status("A-1").await?.body()["resultData"]["txStCd"], "COMPLETE");
    /// # Ok(()) }
    /// ```
    pub async fn status(&self, tx_id: &str) -> Result<MerchantReply, CallError> {
        let order = self.order(tx_id)?;
        let amount = order.amount.fixed(order.currency);
        let members = json!({ "txId": tx_id, "amount": amount, "currency": order.currency.code() });
        self.call(Operation::Status, members).await
    }

    /// Refunds all that is left of an order, signed.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # use payon_sim::OrderRequest;
    /// # let simulator = payon_sim::Simulator::builder().start().await?;
    /// # let space = simulator.space("shop").await?;
    /// space.register(OrderRequest::purchase("A-1", "10.00")).await?;
    /// space.pay("A-1").await?;
    /// assert!(space.refund("A-1").await?.is_success());
    /// # Ok(()) }
    /// ```
    pub async fn refund(&self, tx_id: &str) -> Result<MerchantReply, CallError> {
        self.call(Operation::Refund, json!({ "txId": tx_id })).await
    }

    /// Refunds a part of an order, signed: a decimal in the order's currency.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # use payon_sim::{OrderRequest, OrderState};
    /// # let simulator = payon_sim::Simulator::builder().start().await?;
    /// # let space = simulator.space("shop").await?;
    /// space.register(OrderRequest::purchase("A-1", "10.00")).await?;
    /// space.pay("A-1").await?;
    /// space.refund_part("A-1", "2.50").await?;
    /// assert_eq!(space.order("A-1")?.state, OrderState::PartlyRefunded);
    /// # Ok(()) }
    /// ```
    pub async fn refund_part(&self, tx_id: &str, amount: &str) -> Result<MerchantReply, CallError> {
        self.call(Operation::Refund, json!({ "txId": tx_id, "amount": amount })).await
    }

    /// Takes an order back before it is settled, signed.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # use payon_sim::{OrderRequest, OrderState};
    /// # let simulator = payon_sim::Simulator::builder().start().await?;
    /// # let space = simulator.space("shop").await?;
    /// space.register(OrderRequest::purchase("A-1", "10.00")).await?;
    /// space.pay("A-1").await?;
    /// space.reverse("A-1").await?;
    /// assert_eq!(space.order("A-1")?.state, OrderState::Reversed);
    /// # Ok(()) }
    /// ```
    pub async fn reverse(&self, tx_id: &str) -> Result<MerchantReply, CallError> {
        self.call(Operation::Reversal, json!({ "txId": tx_id })).await
    }

    /// Captures a pre-authorised order, signed: all of it, or less.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # use payon_sim::{OrderRequest, OrderState};
    /// # let simulator = payon_sim::Simulator::builder().start().await?;
    /// # let space = simulator.space("shop").await?;
    /// space.register(OrderRequest::pre_auth("A-1", "10.00")).await?;
    /// space.pay("A-1").await?;
    /// space.capture("A-1", "8.00").await?;
    /// assert_eq!(space.order("A-1")?.state, OrderState::Captured);
    /// # Ok(()) }
    /// ```
    pub async fn capture(&self, tx_id: &str, amount: &str) -> Result<MerchantReply, CallError> {
        let currency = self.order(tx_id)?.currency.code();
        let members = json!({ "txId": tx_id, "amount": amount, "currency": currency });
        self.call(Operation::PreAuthCompletion, members).await
    }

    /// Calls any of PAYON's operations: `members` after the merchant's own `merchantId` and `termId`, signed where the
    /// profile asks for it. A member that is null is left out, these two included.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # use payon_sim::Operation;
    /// # let simulator = payon_sim::Simulator::builder().start().await?;
    /// # let space = simulator.space("shop").await?;
    /// let members = serde_json::json!({ "txId": "never-registered" });
    /// let reply = space.call(Operation::Refund, members).await?;
    /// assert!(!reply.is_success());
    /// # Ok(()) }
    /// ```
    pub async fn call(
        &self,
        operation: Operation,
        members: Value,
    ) -> Result<MerchantReply, CallError> {
        let merchant = self.merchant()?;
        let mut body = json!({ "merchantId": merchant.id, "termId": merchant.terminals.first() });
        if let (Value::Object(body), Value::Object(members)) = (&mut body, members) {
            body.extend(members);
            body.retain(|_, value| !value.is_null());
        }
        let body = self.signed(operation, merchant, body.to_string()).await?;
        let authority = self.control.url().trim_start_matches("http://");
        let path = format!("/space/{}{}", self.space.name(), operation.paths()[0]);
        let answer = http::post(authority, &path, body).await;
        let lost = |cause: String| CallError::Lost { operation, cause };
        let (status, body) = answer.map_err(|broken| lost(broken.to_string()))?;
        let body = serde_json::from_slice(&body)
            .map_err(|error| lost(format!("HTTP {status} with a body that is no JSON: {error}")))?;
        Ok(MerchantReply { status, body })
    }

    async fn signed(
        &self,
        operation: Operation,
        merchant: Arc<Merchant>,
        body: String,
    ) -> Result<String, CallError> {
        let profile = Arc::clone(self.space.profile());
        if !profile.sign.operations.contains(&operation) {
            return Ok(body);
        }
        // Milliseconds of arithmetic, which would hold up whoever shares this thread.
        let signing = move || gateway::sign(&profile.sign.recipe, &merchant, body.as_bytes());
        let signed = tokio::task::spawn_blocking(signing).await;
        let signed = signed.map_err(|error| CallError::refused("failed", error.to_string()))?;
        let signed =
            signed.map_err(|error| CallError::refused("no-private-key", error.to_string()));
        Ok(signed?.body)
    }

    /// Pays an order with the first card, wallet or account that is approved for it; answers the reason that decided.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # use payon_sim::{OrderRequest, Reason};
    /// # let simulator = payon_sim::Simulator::builder().start().await?;
    /// # let space = simulator.space("shop").await?;
    /// space.register(OrderRequest::purchase("A-1", "10.00")).await?;
    /// assert_eq!(space.pay("A-1").await?, Reason::Success);
    /// # Ok(()) }
    /// ```
    pub async fn pay(&self, tx_id: &str) -> Result<Reason, CallError> {
        self.pay_with(tx_id, PayRequest::default()).await
    }

    /// Pays an order as a payer who enters this.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # use payon_sim::{OrderRequest, PayRequest, Reason};
    /// # let simulator = payon_sim::Simulator::builder().start().await?;
    /// # let space = simulator.space("shop").await?;
    /// space.register(OrderRequest::purchase("A-1", "10.00")).await?;
    /// let card = Some("4000000000009995".to_owned());
    /// let reason = space.pay_with("A-1", PayRequest { card, ..PayRequest::default() }).await?;
    /// assert_eq!(reason, Reason::CardInsufficientFunds);
    /// # Ok(()) }
    /// ```
    pub async fn pay_with(&self, tx_id: &str, payer: PayRequest) -> Result<Reason, CallError> {
        self.act(tx_id, "pay", json!(payer)).await
    }

    /// Makes an event happen to an order; answers the reason that decided.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # use payon_sim::{OrderRequest, OrderState, TriggerEvent};
    /// # let simulator = payon_sim::Simulator::builder().start().await?;
    /// # let space = simulator.space("shop").await?;
    /// space.register(OrderRequest::purchase("A-1", "10.00")).await?;
    /// space.trigger("A-1", TriggerEvent::Expire).await?;
    /// assert_eq!(space.order("A-1")?.state, OrderState::Expired);
    /// # Ok(()) }
    /// ```
    pub async fn trigger(&self, tx_id: &str, event: TriggerEvent) -> Result<Reason, CallError> {
        self.act(tx_id, "trigger", json!({ "event": event })).await
    }

    async fn act(&self, tx_id: &str, verb: &str, mut body: Value) -> Result<Reason, CallError> {
        if let Value::Object(members) = &mut body {
            members.retain(|_, value| !value.is_null());
        }
        let tx_id = utf8_percent_encode(tx_id, NON_ALPHANUMERIC);
        let path = format!("orders/{}/{tx_id}/{verb}", self.merchant_id);
        let played = self.control("POST", &path, body).await?;
        Reason::deserialize(&played["reason"])
            .map_err(|error| CallError::refused("failed", format!("{verb}: {error}")))
    }

    /// An order of the merchant, as the ledger has it.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # use payon_sim::OrderRequest;
    /// # let simulator = payon_sim::Simulator::builder().start().await?;
    /// # let space = simulator.space("shop").await?;
    /// space.register(OrderRequest::purchase("A-1", "10.00")).await?;
    /// space.pay("A-1").await?;
    /// let order = space.order("A-1")?;
    /// assert_eq!(order.totals.captured, order.amount);
    /// # Ok(()) }
    /// ```
    pub fn order(&self, tx_id: &str) -> Result<Order, CallError> {
        let named = Target::Named { merchant: &self.merchant_id, tx_id };
        self.space.read(|view| view.ledger.find(named).cloned()).ok_or_else(|| {
            let (merchant, space) = (&self.merchant_id, self.space.name());
            let detail =
                format!("merchant {merchant} has no order {tx_id:?} in the space {space:?}");
            CallError::refused("unknown-order", detail)
        })
    }

    /// The push-backs of an order, oldest first, each with its attempts.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # use payon_sim::OrderRequest;
    /// # let simulator = payon_sim::Simulator::builder().start().await?;
    /// # let space = simulator.space("shop").await?;
    /// let order = OrderRequest::purchase("A-1", "10.00").noti_url("http://127.0.0.1:9/noti");
    /// space.register(order).await?;
    /// space.pay("A-1").await?;
    /// assert_eq!(space.pushbacks("A-1")[0].cause.name(), "approved");
    /// # Ok(()) }
    /// ```
    pub fn pushbacks(&self, tx_id: &str) -> Vec<Delivery> {
        let is_own = |delivery: &&Delivery| *delivery.merchant == *self.merchant_id;
        self.space.read(|view| view.outbox.of_tx_id(tx_id).filter(is_own).cloned().collect())
    }

    /// Arms rules in place of those before: the list under `rules` of a scenario file, or a whole one, YAML or JSON.
    /// Answers what is doubtful about them.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # use payon_sim::OrderRequest;
    /// # let simulator = payon_sim::Simulator::builder().start().await?;
    /// # let space = simulator.space("shop").await?;
    /// space.arm("[{ when: { operation: register }, then: [{ transport: reset }] }]").await?;
    /// let lost = space.register(OrderRequest::purchase("A-1", "10.00")).await;
    /// assert!(lost.is_err(), "the connection breaks");
    /// # Ok(()) }
    /// ```
    pub async fn arm(&self, rules: &str) -> Result<Vec<String>, CallError> {
        let armed = self.control_text(Method::PUT, "rules", rules.to_owned()).await?;
        let warnings = armed["warnings"].as_array().into_iter().flatten();
        Ok(warnings.filter_map(|warning| warning.as_str().map(str::to_owned)).collect())
    }

    /// Takes all rules away.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # use payon_sim::OrderRequest;
    /// # let simulator = payon_sim::Simulator::builder().start().await?;
    /// # let space = simulator.space("shop").await?;
    /// space.arm("[{ then: [{ transport: reset }] }]").await?;
    /// space.disarm().await?;
    /// assert!(space.register(OrderRequest::purchase("A-1", "10.00")).await?.is_success());
    /// # Ok(()) }
    /// ```
    pub async fn disarm(&self) -> Result<(), CallError> {
        self.control("DELETE", "rules", Value::Null).await.map(drop)
    }

    /// Time on the space's clock, RFC 3339.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let simulator = payon_sim::Simulator::builder().start().await?;
    /// # let space = simulator.space("shop").await?;
    /// space.freeze("2026-03-02T10:00:00+07:00").await?;
    /// assert_eq!(space.now(), "2026-03-02T10:00:00.000+07:00");
    /// # Ok(()) }
    /// ```
    pub fn now(&self) -> String {
        self.space.now().rfc3339()
    }

    /// Stops the clock at a time, RFC 3339 with an offset.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let simulator = payon_sim::Simulator::builder().start().await?;
    /// # let space = simulator.space("shop").await?;
    /// space.freeze("2026-03-02T10:00:00+07:00").await?;
    /// assert!(space.freeze("tomorrow").await.is_err());
    /// # Ok(()) }
    /// ```
    pub async fn freeze(&self, at: &str) -> Result<(), CallError> {
        self.control("POST", "clock", json!({ "freeze": true, "set": at })).await.map(drop)
    }

    /// Lets time pass on the space's clock, from one event that is due to the next; returns when all of them have
    /// happened.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # use std::time::Duration;
    /// # use payon_sim::{OrderRequest, OrderState};
    /// # let simulator = payon_sim::Simulator::builder().start().await?;
    /// # let space = simulator.space("shop").await?;
    /// space.register(OrderRequest::purchase("A-1", "10.00")).await?;
    /// space.advance(Duration::from_secs(24 * 60 * 60)).await?;
    /// assert_eq!(space.order("A-1")?.state, OrderState::Expired);
    /// # Ok(()) }
    /// ```
    pub async fn advance(&self, time: Duration) -> Result<(), CallError> {
        let ms = u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
        self.control("POST", "clock", json!({ "advance": ms })).await.map(drop)
    }

    /// Lets time pass until no push-back and no reply waits.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # use payon_sim::OrderRequest;
    /// # let simulator = payon_sim::Simulator::builder().start().await?;
    /// # let space = simulator.space("shop").await?;
    /// let order = OrderRequest::purchase("A-1", "10.00").noti_url("http://127.0.0.1:9/noti");
    /// space.register(order).await?;
    /// space.pay("A-1").await?;
    /// space.run_until_idle().await?;
    /// assert!(space.pushbacks("A-1")[0].attempts.len() > 1, "nobody listens there");
    /// # Ok(()) }
    /// ```
    pub async fn run_until_idle(&self) -> Result<(), CallError> {
        self.control("POST", "clock", json!({ "runUntilIdle": true })).await.map(drop)
    }

    /// Waits in real time until the payment of an order has an answer: approved, failed, cancelled or expired.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # use std::time::Duration;
    /// # use payon_sim::OrderRequest;
    /// # let simulator = payon_sim::Simulator::builder().start().await?;
    /// # let space = simulator.space("shop").await?;
    /// space.register(OrderRequest::purchase("A-1", "10.00")).await?;
    /// space.pay("A-1").await?;
    /// space.wait_until_final("A-1", Duration::from_secs(5)).await?;
    /// # Ok(()) }
    /// ```
    pub async fn wait_until_final(&self, tx_id: &str, limit: Duration) -> Result<(), CallError> {
        self.wait("order-final", tx_id, limit).await
    }

    /// Waits in real time until the merchant has taken a push-back on an order.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # use std::time::Duration;
    /// # let simulator = payon_sim::Simulator::builder().start().await?;
    /// # let space = simulator.space("shop").await?;
    /// let waited = space.wait_until_acknowledged("A-1", Duration::from_millis(1)).await;
    /// assert!(waited.unwrap_err().to_string().contains("there is no order of this txId"));
    /// # Ok(()) }
    /// ```
    pub async fn wait_until_acknowledged(
        &self,
        tx_id: &str,
        limit: Duration,
    ) -> Result<(), CallError> {
        self.wait("pushback-acknowledged", tx_id, limit).await
    }

    async fn wait(&self, awaited: &str, tx_id: &str, limit: Duration) -> Result<(), CallError> {
        let (tx_id, ms) = (utf8_percent_encode(tx_id, NON_ALPHANUMERIC), limit.as_millis());
        let merchant = &self.merchant_id;
        let path = format!("wait?for={awaited}&txId={tx_id}&merchantId={merchant}&timeoutMs={ms}");
        self.control("GET", &path, Value::Null).await.map(drop)
    }

    /// Judges what happened so far: the list under `expect` of a scenario file, YAML or JSON. A verdict is not `ok` where
    /// there was nothing to judge it by.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # use payon_sim::OrderRequest;
    /// # let simulator = payon_sim::Simulator::builder().start().await?;
    /// # let space = simulator.space("shop").await?;
    /// space.register(OrderRequest::purchase("A-1", "10.00")).await?;
    /// space.pay("A-1").await?;
    /// let verdicts = space.verify("[{ order: { txId: A-1, state: captured } }]")?;
    /// assert!(verdicts[0].ok, "{}", verdicts[0].detail);
    /// # Ok(()) }
    /// ```
    pub fn verify(&self, expect: &str) -> Result<Vec<ExpectationVerdict>, CallError> {
        let expectations = read_expectations("expect", expect.as_bytes()).map_err(|mistakes| {
            let texts: Vec<String> = mistakes.iter().map(ToString::to_string).collect();
            CallError::refused("unreadable", texts.join("\n"))
        })?;
        Ok(gateway::verify(&self.space, &expectations))
    }

    /// Saves the space as it is now, under a name.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # use payon_sim::OrderRequest;
    /// # let simulator = payon_sim::Simulator::builder().start().await?;
    /// # let space = simulator.space("shop").await?;
    /// space.save("empty").await?;
    /// space.register(OrderRequest::purchase("A-1", "10.00")).await?;
    /// space.restore("empty").await?;
    /// assert!(space.order("A-1").is_err());
    /// # Ok(()) }
    /// ```
    pub async fn save(&self, name: &str) -> Result<(), CallError> {
        self.control("POST", "snapshots", json!({ "name": name })).await.map(drop)
    }

    /// Brings the space back to where it was saved.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let simulator = payon_sim::Simulator::builder().start().await?;
    /// # let space = simulator.space("shop").await?;
    /// assert!(space.restore("never saved").await.is_err());
    /// # Ok(()) }
    /// ```
    pub async fn restore(&self, name: &str) -> Result<(), CallError> {
        let name = utf8_percent_encode(name, NON_ALPHANUMERIC);
        self.control("POST", &format!("snapshots/{name}/restore"), Value::Null).await.map(drop)
    }

    /// Resets the space to its initial state.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # use payon_sim::OrderRequest;
    /// # let simulator = payon_sim::Simulator::builder().start().await?;
    /// # let space = simulator.space("shop").await?;
    /// space.register(OrderRequest::purchase("A-1", "10.00")).await?;
    /// space.reset();
    /// assert!(space.order("A-1").is_err());
    /// # Ok(()) }
    /// ```
    pub fn reset(&self) {
        self.space.reset();
    }

    /// Makes any call of the control plane, without a socket: what comes behind `/_sim/v1/`, with a body or null for none.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let simulator = payon_sim::Simulator::builder().start().await?;
    /// # let space = simulator.space("shop").await?;
    /// let journal = space.control("GET", "journal?limit=10", serde_json::Value::Null).await?;
    /// assert_eq!(journal["entries"], serde_json::json!([]));
    /// # Ok(()) }
    /// ```
    pub async fn control(&self, method: &str, path: &str, body: Value) -> Result<Value, CallError> {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let method = Method::from_bytes(method.as_bytes()).map_err(|_| {
            CallError::refused("wrong-method", format!("{method:?} is no HTTP method"))
        })?;
        self.control_text(method, path, body).await
    }

    async fn control_text(
        &self,
        method: Method,
        path: &str,
        body: String,
    ) -> Result<Value, CallError> {
        let space = Arc::clone(&self.space);
        let answer = self.control.call(space, &method, path, body.into()).await?;
        if answer.is_empty() {
            return Ok(Value::Null);
        }
        serde_json::from_slice(&answer)
            .map_err(|error| CallError::refused("failed", format!("{path}: {error}")))
    }
}
