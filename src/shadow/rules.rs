//! Settings of the life cycle that a call puts to the test, and the values that a gateway's answer speaks for.

use serde_json::{Value, json};

use super::compare::plain_decimal;
use super::fix::Fix;
use crate::base::{JsonTree, Operation, OrderState, Reason};
use crate::ledger::{Order, OrderKind};
use crate::profile::{IdenticalRegister, Profile, SignMode, StatusMismatch, UnsettledRefund};

/// A call with what the simulator knew of its order before.
pub(super) struct TestedCall<'a> {
    pub(super) profile: &'a Profile,
    pub(super) operation: Operation,
    pub(super) request: &'a JsonTree,
    /// The simulator's reason.
    pub(super) reason: Reason,
    /// The reason that the gateway's words tell, where it refuses.
    pub(super) told: Option<Reason>,
    /// The order as it was before the call.
    pub(super) order: Option<&'a Order>,
}

/// A setting that decides the call, with the value that it would have if the gateway is right and the simulator wrong.
pub(super) struct TestedRule {
    pub(super) key: &'static str,
    pub(super) otherwise: Option<Value>,
}

impl TestedRule {
    #[expect(clippy::unnecessary_wraps, reason = "all of its callers answer an option")]
    fn new(key: &'static str, otherwise: Value) -> Option<Self> {
        Some(Self { key, otherwise: Some(otherwise) })
    }

    pub(super) fn fix(&self) -> Option<Fix> {
        let value = self.otherwise.clone()?;
        Some(Fix::Setting { key: self.key.to_owned(), value })
    }
}

impl TestedCall<'_> {
    fn text(&self, name: &str) -> Option<&str> {
        self.request.get(name)?.text().filter(|text| !text.is_empty())
    }

    /// The setting by which the simulator accepts or refuses the call, where one decides.
    pub(super) fn outcome_rule(&self) -> Option<TestedRule> {
        let rules = &self.profile.rules;
        match (self.operation, self.reason) {
            (_, Reason::SignMissing) => TestedRule::new("sign.mode", json!("if-present")),
            // Who takes calls without a signature may look at none.
            (operation, Reason::SignInvalid)
                if self.profile.sign.mode == SignMode::IfPresent
                    && self.profile.sign.operations.contains(&operation) =>
            {
                TestedRule::new("sign.mode", json!("off"))
            }
            (_, Reason::SignInvalid) => Some(TestedRule { key: "sign.algorithm", otherwise: None }),
            (Operation::Register, reason) => self.register_rule(reason),
            (Operation::Status, Reason::AmountMismatch | Reason::CurrencyMismatch) => {
                TestedRule::new("rules.status_mismatch", json!("lint"))
            }
            (Operation::Status, Reason::Success)
                if rules.status_mismatch == StatusMismatch::Lint && self.has_other_price() =>
            {
                TestedRule::new("rules.status_mismatch", json!("refuse"))
            }
            (Operation::Refund, Reason::NotSettled) => {
                TestedRule::new("rules.refund_unsettled", json!("allow"))
            }
            (Operation::Refund, reason)
                if rules.refund_unsettled != UnsettledRefund::Refuse
                    && (self.told == Some(Reason::NotSettled)
                        || reason == Reason::Success && self.is_unsettled()) =>
            {
                TestedRule::new("rules.refund_unsettled", json!("refuse"))
            }
            _ => None,
        }
    }

    fn register_rule(&self, reason: Reason) -> Option<TestedRule> {
        let rules = &self.profile.rules;
        let methods = |change: &dyn Fn(&mut Vec<&str>, &str)| {
            let method = self.text("paymentMethod")?;
            let mut names: Vec<&str> = rules.khr_methods.iter().map(|it| it.name()).collect();
            change(&mut names, method);
            TestedRule::new("rules.khr_methods", json!(names))
        };
        match reason {
            Reason::Success if self.order.is_some() => (rules.identical_register
                == IdenticalRegister::Repeat)
                .then(|| TestedRule::new("rules.identical_register", json!("refuse")))
                .flatten(),
            Reason::OrderDuplicate if rules.identical_register == IdenticalRegister::Refuse => {
                TestedRule::new("rules.identical_register", json!("repeat"))
            }
            Reason::Success if self.has_app_url() => {
                TestedRule::new("rules.app_return_urls", json!(false))
            }
            Reason::Success
                if self.text("currency").is_some_and(|it| it.eq_ignore_ascii_case("KHR")) =>
            {
                methods(&|names, method| names.retain(|known| *known != method))
            }
            Reason::CurrencyUnsupported => methods(&|names, method| {
                // The name lives as long as the profile's own.
                let known = crate::base::PaymentMethod::ALL.iter().map(|it| it.name());
                names.extend(known.filter(|known| *known == method));
            }),
            Reason::FieldInvalid if !rules.app_return_urls && self.has_app_url() => {
                TestedRule::new("rules.app_return_urls", json!(true))
            }
            _ => None,
        }
    }

    /// Returns true if the payer is to return to an app.
    fn has_app_url(&self) -> bool {
        let names = ["success_url", "fail_url", "cancel_url"];
        let is_app = |url: &str| !url.starts_with("http://") && !url.starts_with("https://");
        names.iter().any(|name| self.text(name).is_some_and(is_app))
    }

    /// The setting that decides the value of a member, where one does.
    pub(super) fn value_rule(&self, path: &str) -> Option<TestedRule> {
        let rules = &self.profile.rules;
        let other_amount = || {
            use crate::profile::CompletedAmount::{Captured, Ordered};
            let other = match rules.completed_amount {
                Captured => "ordered",
                Ordered => "captured",
            };
            TestedRule::new("rules.completed_amount", json!(other))
        };
        // A list tells of orders that are not this call's; no other setting decides their amounts.
        if (self.operation, path) == (Operation::Orders, "[].amount") {
            return other_amount();
        }
        let order = self.order?;
        let is_completed = order.kind == OrderKind::PreAuth
            && order.totals.captured > crate::base::Amount::ZERO
            && order.totals.captured != order.amount;
        match (self.operation, path) {
            (Operation::Refund, "amount") if self.text("amount").is_some() => {
                TestedRule::new("rules.partial_refund", json!(!rules.partial_refund))
            }
            (Operation::Status, "resultData.amount") if is_completed => other_amount(),
            _ => None,
        }
    }

    /// Keys of settings that the call confirms if the gateway answers alike.
    pub(super) fn tested(&self) -> impl Iterator<Item = &'static str> {
        let by_value = match self.operation {
            Operation::Refund => self.value_rule("amount"),
            Operation::Status => self.value_rule("resultData.amount"),
            _ => None,
        };
        [self.outcome_rule(), by_value].into_iter().flatten().map(|rule| rule.key)
    }

    /// Returns true if amount or currency of a status call are not the order's.
    fn has_other_price(&self) -> bool {
        let Some(order) = self.order else { return false };
        let other_currency =
            self.text("currency").is_some_and(|it| !it.eq_ignore_ascii_case(order.currency.code()));
        let asked = self.text("amount").and_then(plain_decimal);
        let told = order.told_amount(self.profile.rules.completed_amount);
        let same = [order.amount, told].map(|it| plain_decimal(&it.fixed(order.currency)));
        other_currency || asked.is_some() && !same.contains(&asked)
    }

    fn is_unsettled(&self) -> bool {
        self.order.is_some_and(|order| {
            matches!(order.state, OrderState::Captured | OrderState::PartlyRefunded)
                && !order.settled_early
        })
    }
}
