//! A merchant's order to register, and what came back of a merchant's call.

use serde_json::{Map, Value};

use crate::api::ApiProblem;
use crate::base::{Currency, Operation, PaymentMethod};
use crate::space::SpaceError;

/// An order to register: one by card in US dollars, unless it says otherwise.
///
/// ```
/// use payon_sim::{Currency, OrderRequest, PaymentMethod};
///
/// let order = OrderRequest::purchase("A-1", "40000")
///     .currency(Currency::Khr)
///     .method(PaymentMethod::BakongKhqr)
///     .noti_url("http://127.0.0.1:9000/payon/noti");
/// ```
#[derive(Clone, Debug, PartialEq)]
#[must_use = "it is registered by `SpaceHandle::register`"]
pub struct OrderRequest {
    members: Map<String, Value>,
}

impl OrderRequest {
    /// A purchase: captured when the payer pays. The amount is a decimal.
    ///
    /// ```
    /// # use payon_sim::OrderRequest;
    /// let order = OrderRequest::purchase("A-1", "10.00");
    /// ```
    pub fn purchase(tx_id: impl Into<String>, amount: impl Into<String>) -> Self {
        Self::new("10", tx_id.into(), amount.into())
    }

    /// A pre-authorisation: held when the payer pays, until it is captured.
    ///
    /// ```
    /// # use payon_sim::OrderRequest;
    /// let order = OrderRequest::pre_auth("A-1", "10.00");
    /// ```
    pub fn pre_auth(tx_id: impl Into<String>, amount: impl Into<String>) -> Self {
        Self::new("12", tx_id.into(), amount.into())
    }

    fn new(trt: &str, tx_id: String, amount: String) -> Self {
        let order = Self { members: Map::new() }.member("txId", tx_id).member("trt", trt);
        let order = order.member("amount", amount);
        order.currency(Currency::Usd).method(PaymentMethod::CreditDebit)
    }

    /// The same in another currency.
    ///
    /// ```
    /// # use payon_sim::{Currency, OrderRequest};
    /// let order = OrderRequest::purchase("A-1", "40000").currency(Currency::Khr);
    /// ```
    pub fn currency(self, currency: Currency) -> Self {
        self.member("currency", currency.code())
    }

    /// The same paid by another method.
    ///
    /// ```
    /// # use payon_sim::{OrderRequest, PaymentMethod};
    /// let order = OrderRequest::purchase("A-1", "10.00").method(PaymentMethod::BakongKhqr);
    /// ```
    pub fn method(self, method: PaymentMethod) -> Self {
        self.member("paymentMethod", method.name())
    }

    /// The same with an address for its push-backs.
    ///
    /// ```
    /// # use payon_sim::OrderRequest;
    /// let order = OrderRequest::purchase("A-1", "10.00").noti_url("http://127.0.0.1:9000/noti");
    /// ```
    pub fn noti_url(self, url: impl Into<String>) -> Self {
        self.member("noti_url", url.into())
    }

    /// The same with any member of `/pg/order/register`; null leaves it out.
    ///
    /// ```
    /// # use payon_sim::OrderRequest;
    /// let order = OrderRequest::purchase("A-1", "10.00").member("clientId", "02");
    /// ```
    pub fn member(mut self, name: impl Into<String>, value: impl Into<Value>) -> Self {
        self.members.insert(name.into(), value.into());
        self
    }

    pub(super) fn into_members(self) -> Value {
        self.members.into()
    }
}

/// Answer to a call of a merchant.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # use payon_sim::OrderRequest;
/// # let simulator = payon_sim::Simulator::builder().start().await?;
/// let space = simulator.default_space();
/// let reply = space.register(OrderRequest::purchase("A-1", "10.00")).await?;
/// assert_eq!((reply.status(), reply.code()), (200, Some("0000")));
/// # Ok(()) }
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct MerchantReply {
    pub(super) status: u16,
    pub(super) body: Value,
}

impl MerchantReply {
    /// HTTP status.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # use payon_sim::Operation;
    /// # let simulator = payon_sim::Simulator::builder().start().await?;
    /// # let space = simulator.default_space();
    /// let reply = space.call(Operation::Register, serde_json::json!({ "txId": 1.5 })).await?;
    /// assert_eq!(reply.status(), 400);
    /// # Ok(()) }
    /// ```
    pub fn status(&self) -> u16 {
        self.status
    }

    /// The body; its shape is the operation's own.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # use payon_sim::OrderRequest;
    /// # let simulator = payon_sim::Simulator::builder().start().await?;
    /// # let space = simulator.default_space();
    /// let reply = space.register(OrderRequest::purchase("A-1", "10.00")).await?;
    /// assert_eq!(reply.body()["resultData"]["txId"], "A-1");
    /// # Ok(()) }
    /// ```
    pub fn body(&self) -> &Value {
        &self.body
    }

    /// `resultCode` of the body, or of the first row of a list.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let simulator = payon_sim::Simulator::builder().start().await?;
    /// # let space = simulator.default_space();
    /// let reply = space.refund("never-registered").await?;
    /// assert_ne!(reply.code(), Some("0000"));
    /// # Ok(()) }
    /// ```
    pub fn code(&self) -> Option<&str> {
        let body = self.body.get(0).unwrap_or(&self.body);
        body.get("resultCode").and_then(Value::as_str)
    }

    /// Returns true if the call was done: its code is `0000`.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # use payon_sim::OrderRequest;
    /// # let simulator = payon_sim::Simulator::builder().start().await?;
    /// # let space = simulator.default_space();
    /// assert!(space.register(OrderRequest::purchase("A-1", "10.00")).await?.is_success());
    /// # Ok(()) }
    /// ```
    pub fn is_success(&self) -> bool {
        self.code() == Some("0000")
    }
}

/// Reason why a call on a simulator brought nothing.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # use payon_sim::CallError;
/// # let simulator = payon_sim::Simulator::builder().start().await?;
/// let space = simulator.space("shop").await?;
/// let again = simulator.space("shop").await;
/// assert!(matches!(again, Err(CallError::Refused { kind: "space-exists", .. })));
/// # Ok(()) }
/// ```
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CallError {
    /// The simulator refuses it.
    #[error("{detail}")]
    Refused {
        /// Name of the kind, as in the `type` of the control plane's problems: `unknown-order`, `not-possible` …
        kind: &'static str,
        /// The exact mistake, and the remedy.
        detail: String,
    },
    /// No answer came to a merchant's call, or none that came whole. It may have been done.
    #[error("{operation}: {cause}")]
    Lost {
        /// The operation that was called.
        operation: Operation,
        /// Failure of the connection.
        cause: String,
    },
}

impl CallError {
    pub(super) fn refused(kind: &'static str, detail: String) -> Self {
        Self::Refused { kind, detail }
    }
}

impl From<ApiProblem> for CallError {
    fn from(problem: ApiProblem) -> Self {
        Self::refused(problem.name(), problem.detail().to_owned())
    }
}

impl From<SpaceError> for CallError {
    fn from(error: SpaceError) -> Self {
        ApiProblem::from(error).into()
    }
}
