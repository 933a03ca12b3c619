//! A merchant that calls the gateway without a socket.

use std::sync::Arc;

use payon_sim::base::{Millis, Operation, Reason, Seed, wall_clock};
use payon_sim::gateway::{self, Call, Paid, PayError, PayRequest};
use payon_sim::ledger::{Order, Target};
use payon_sim::profile::Profile;
use payon_sim::space::{Budgets, JournalEntry, RequestId, Space, Spaces};
use serde_json::Value;

/// The merchant and terminal of most examples.
pub(crate) const MERCHANT: &str = "C0000143";
/// Noon of 12 February 2021 in Cambodia, the day of the status and binding examples.
pub(crate) const NOON: Millis = Millis(1_613_106_000_000);

/// A gateway of its own, whose clock stands still until it is told otherwise.
pub(crate) struct Direct {
    pub(crate) spaces: Arc<Spaces>,
}

/// An answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) text: String,
    pub(crate) reason: Reason,
    pub(crate) trace: RequestId,
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.text).expect("JSON")
    }

    /// `resultCode`, of the answer or of its first row.
    pub(crate) fn code(&self) -> String {
        let json = self.json();
        let code = json.get("resultCode").or_else(|| json.pointer("/0/resultCode"));
        code.and_then(Value::as_str).expect("a code").to_owned()
    }
}

impl Direct {
    pub(crate) fn new() -> Self {
        Self::with(Seed(42), |_| ())
    }

    /// With another seed and a changed profile.
    pub(crate) fn with(seed: Seed, change: impl FnOnce(&mut Profile)) -> Self {
        let mut profile = (*Profile::builtin()).clone();
        change(&mut profile);
        let (spaces, _) = Spaces::new(Arc::new(profile), seed, Budgets::default());
        let direct = Self { spaces };
        direct.set_clock(NOON);
        direct
    }

    pub(crate) fn space(&self) -> &Space {
        self.spaces.default_space()
    }

    pub(crate) fn set_clock(&self, now: Millis) {
        self.space().write(|moment| {
            moment.clock().freeze(wall_clock(), true);
            moment.clock().set(wall_clock(), now);
        });
    }

    pub(crate) fn advance(&self, ms: i64) {
        let now = self.space().now();
        self.set_clock(now.plus(ms));
    }

    pub(crate) fn post(&self, path: &str, body: &str) -> Answer {
        self.post_with(path, None, body)
    }

    pub(crate) fn post_with(&self, path: &str, token: Option<&str>, body: &str) -> Answer {
        let operation = Operation::at(path).expect("an operation's path");
        let origin = "http://pay.test".into();
        let body = body.as_bytes();
        let reply = gateway::answer(
            &self.spaces,
            Call {
                operation,
                space: None,
                token,
                scenario: None,
                origin,
                body,
                trace_headers: None,
            },
        );
        let text = String::from_utf8(reply.body.to_vec()).expect("UTF-8");
        Answer { status: reply.status, text, reason: reply.reason, trace: reply.trace }
    }

    /// Registers an order of 2.00 USD with further members.
    pub(crate) fn register(&self, tx_id: &str, method: &str, more: &str) -> Answer {
        let comma = if more.is_empty() { "" } else { "," };
        let body = format!(
            r#"{{"merchantId":"{MERCHANT}","termId":"CT03000003","txId":"{tx_id}","trt":"10","currency":"USD","amount":"2.00","paymentMethod":"{method}"{comma}{more}}}"#
        );
        self.post("/pg/order/register", &body)
    }

    pub(crate) fn pay(&self, tx_id: &str, request: &str) -> Result<Paid, PayError> {
        let request: PayRequest = serde_json::from_str(request).expect("a payer");
        gateway::pay(self.space(), MERCHANT, tx_id, &request, RequestId::default())
    }

    pub(crate) fn order(&self, tx_id: &str) -> Order {
        let target = Target::Named { merchant: MERCHANT, tx_id };
        self.space().write(|moment| moment.ledger().find(target).cloned()).expect("an order")
    }

    pub(crate) fn journal(&self, trace: RequestId) -> JournalEntry {
        self.space().read_journal(|journal| journal.find(trace).cloned()).expect("an entry")
    }

    /// The `detail`s, causes and bodies of all push-backs so far.
    pub(crate) fn pushbacks(&self) -> Vec<(String, &'static str, String)> {
        self.space().write(|moment| {
            let told = moment.outbox().iter().map(|delivery| {
                let body = String::from_utf8(delivery.body.to_vec()).expect("UTF-8");
                (delivery.tx_id.to_string(), delivery.cause.name(), body)
            });
            told.collect()
        })
    }
}

/// A golden message without the line break at its end.
#[macro_export]
macro_rules! golden {
    ($path:literal) => {
        include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/golden/", $path))
            .trim_ascii_end()
    };
}
