//! A space as a test uses it, and the merchant who works in it.

use payon_sim::base::{Fields, Operation};
use payon_sim::crypto::{self, PrivateKey, Recipe, SignKey};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value, json};

use super::{Answer, Client};

/// One space.
#[derive(Clone, Debug)]
pub(crate) struct SpaceHandle {
    pub(crate) client: Client,
    pub(crate) base_url: String,
    pub(crate) control_url: String,
    /// What its making answered.
    pub(crate) made: Value,
    /// The merchants it was born with.
    pub(crate) merchants: Vec<Merchant>,
}

/// A merchant with its private key.
#[derive(Clone, Debug)]
pub(crate) struct Merchant {
    pub(crate) id: String,
    pub(crate) terminal: String,
    key: Option<SignKey>,
}

impl Merchant {
    /// One entry of `merchants` of a space just made.
    fn new(made: &Value) -> Self {
        let key = made["privateKey"].as_str().map(|text| PrivateKey::parse(text).unwrap());
        Self {
            id: made["merchantId"].as_str().unwrap().to_owned(),
            terminal: made["termId"].as_str().unwrap().to_owned(),
            key: key.map(SignKey::Rsa),
        }
    }

    /// `members` after the merchant's own `merchantId` and `termId`; a member that is null is left out, these two
    /// included.
    pub(crate) fn body(&self, members: &Value) -> Value {
        let mut body = json!({ "merchantId": self.id, "termId": self.terminal });
        let all = body.as_object_mut().unwrap();
        all.extend(members.as_object().unwrap().clone());
        all.retain(|_, value| !value.is_null());
        body
    }

    /// The same with its signature, made here after the default recipe.
    pub(crate) fn signed(&self, members: &Value) -> Value {
        let mut body = self.body(members);
        body["sign"] = self.sign(&body.to_string()).into();
        body
    }

    /// The signature of a body as it stands.
    pub(crate) fn sign(&self, body: &str) -> String {
        let fields = Fields::parse(body.as_bytes()).unwrap();
        crypto::sign(&Recipe::default(), self.key.as_ref().unwrap(), &fields).unwrap()
    }
}

impl SpaceHandle {
    pub(crate) fn new(client: Client, made: Value) -> Self {
        let text = |name: &str| made[name].as_str().unwrap().to_owned();
        let merchants = made["merchants"].as_array().unwrap().iter().map(Merchant::new).collect();
        Self { client, base_url: text("baseUrl"), control_url: text("controlUrl"), merchants, made }
    }

    /// Its first merchant.
    pub(crate) fn merchant(&self) -> &Merchant {
        &self.merchants[0]
    }

    /// `POST` of a body to one of PAYON's operations.
    pub(crate) async fn post(&self, operation: Operation, body: &Value) -> Answer {
        self.client.post(&format!("{}{}", self.base_url, operation.paths()[0]), body).await
    }

    /// `POST` of a body that need not be JSON.
    pub(crate) async fn post_text(&self, operation: Operation, body: &str) -> Answer {
        let url = format!("{}{}", self.base_url, operation.paths()[0]);
        self.client.send("POST", &url, body.to_owned()).await
    }

    /// The same, of `members` with the first merchant's ids, unsigned.
    pub(crate) async fn call(&self, operation: Operation, members: &Value) -> Answer {
        self.post(operation, &self.merchant().body(members)).await
    }

    /// The same, signed by the first merchant.
    pub(crate) async fn call_signed(&self, operation: Operation, members: &Value) -> Answer {
        self.post(operation, &self.merchant().signed(members)).await
    }

    /// Registers a purchase of one dollar by card at the first merchant; `members` come on top.
    pub(crate) async fn register(&self, tx_id: &str, members: Value) -> Value {
        let mut order = json!({
            "txId": tx_id, "trt": "10", "currency": "USD", "amount": "1.00",
            "paymentMethod": "CREDIT_DEBIT",
        });
        order.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
        let answer = self.call(Operation::Register, &order).await.expect(200);
        assert_eq!(answer["resultCode"], "0000", "{answer}");
        answer["resultData"].clone()
    }

    /// Plays the payer of an order of the first merchant.
    pub(crate) async fn pay(&self, tx_id: &str, request: Value) -> Answer {
        let path = format!("{}/pay", self.order_path(tx_id));
        self.control_post(&path, &request).await
    }

    /// Makes an event happen to an order of the first merchant.
    pub(crate) async fn trigger(&self, tx_id: &str, event: &str) -> Answer {
        let path = format!("{}/trigger", self.order_path(tx_id));
        self.control_post(&path, &json!({ "event": event })).await
    }

    /// An order of the first merchant, as the control plane shows it.
    pub(crate) async fn order(&self, tx_id: &str) -> Value {
        self.control_get(&self.order_path(tx_id)).await.expect(200)
    }

    fn order_path(&self, tx_id: &str) -> String {
        let tx_id = utf8_percent_encode(tx_id, NON_ALPHANUMERIC);
        format!("orders/{}/{tx_id}", self.merchant().id)
    }

    /// `GET …/_sim/v1/` and `path`.
    pub(crate) async fn control_get(&self, path: &str) -> Answer {
        self.client.get(&self.control(path)).await
    }

    /// `POST …/_sim/v1/` and `path`.
    pub(crate) async fn control_post(&self, path: &str, body: &Value) -> Answer {
        self.client.post(&self.control(path), body).await
    }

    /// Arms these rules in place of any before.
    pub(crate) async fn arm(&self, rules: Value) {
        self.control_send("PUT", "rules", &rules.to_string()).await.expect(200);
    }

    /// Arms one rule: `when` these conditions hold, `then` this happens.
    pub(crate) async fn arm_one(&self, when: Value, then: Value) {
        self.arm(json!([{ "id": "rule", "when": when, "then": then }])).await;
    }

    /// Lets so many milliseconds pass.
    pub(crate) async fn advance(&self, ms: u64) {
        self.control_post("clock", &json!({ "advance": ms })).await.expect(200);
    }

    /// Any other call of the control plane.
    pub(crate) async fn control_send(&self, method: &str, path: &str, body: &str) -> Answer {
        self.client.send(method, &self.control(path), body.to_owned()).await
    }

    /// Waits on the control plane until something has happened.
    pub(crate) async fn wait(&self, query: &str) -> Value {
        self.control_get(&format!("wait?for={query}")).await.expect(200)
    }

    /// Lets time pass until no push-back waits.
    pub(crate) async fn run_until_idle(&self) -> Value {
        self.control_post("clock", &json!({ "runUntilIdle": true })).await.expect(200)
    }

    fn control(&self, path: &str) -> String {
        format!("{}/_sim/v1/{path}", self.control_url)
    }
}
