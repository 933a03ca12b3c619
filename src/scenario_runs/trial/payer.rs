//! The payer, the payer's bank and the bench in real time: all that is done to an order from outside of the shop.

use std::time::Duration;

use serde_json::{Value, json};

use crate::base::{Amount, Currency, Operation, Reason};
use crate::checkout::with_query;
use crate::http::post;
use crate::ledger::{Details, Target};
use crate::profile::Profile;
use crate::scenario::{DriveStep, Pay, QrCompletion, ReturnKind};
use crate::scenario_runs::RunError;
use crate::scenario_runs::drive::{QrReport, amount_of, payment};
use crate::scenario_runs::reach::open_page;
use crate::scenario_runs::test_server::TestServer;

/// An order that the gateway knows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::scenario_runs) struct KnownOrder {
    pub(in crate::scenario_runs) merchant_id: String,
    pub(in crate::scenario_runs) tx_id: String,
    pub(in crate::scenario_runs) amount: Amount,
    pub(in crate::scenario_runs) currency: Currency,
}

/// Result of a step from outside.
pub(in crate::scenario_runs) enum Played {
    /// It was made; what was seen of it, if anything was.
    Made(Option<String>),
    /// It could not be made, with the reason.
    LeftOut(String),
}

/// Everybody but the shop, at one gateway.
pub(in crate::scenario_runs) struct Payer<'t> {
    pub(in crate::scenario_runs) server: &'t TestServer,
    pub(in crate::scenario_runs) profile: &'t Profile,
    /// Longest real time that is waited for an answer.
    pub(in crate::scenario_runs) patience: Duration,
}

impl Payer<'_> {
    /// Makes a step that is the payer's or the bench's; `None` where it is somebody else's. `fallback` is the address to
    /// which the payer returns where the order names none.
    pub(in crate::scenario_runs) async fn play(
        &self,
        step: &DriveStep,
        order: &KnownOrder,
        fallback: impl Fn(ReturnKind) -> Option<String>,
    ) -> Option<Result<Played, RunError>> {
        Some(match step {
            DriveStep::Pay(pay) => self.pay(order, pay).await,
            DriveStep::Return(back) => Ok(self.come_back(order, back.to, fallback(back.to)).await),
            DriveStep::QrCompletion(told) => self.complete_qr(order, told).await,
            DriveStep::Trigger(trigger) => {
                self.control(order, "trigger", json!({ "event": trigger.event.name() })).await
            }
            DriveStep::Resend(_) => self.resend(order),
            _ => return None,
        })
    }

    /// Pays an order.
    pub(in crate::scenario_runs) async fn pay(
        &self,
        order: &KnownOrder,
        pay: &Pay,
    ) -> Result<Played, RunError> {
        self.control(order, "pay", payment(pay)).await
    }

    /// Action of the payer or the issuer on an order. That the order's state forbids it is part of the scenario.
    async fn control(
        &self,
        order: &KnownOrder,
        verb: &str,
        body: Value,
    ) -> Result<Played, RunError> {
        let encode = |text: &str| {
            percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC)
                .to_string()
        };
        let (merchant, tx_id) = (encode(&order.merchant_id), encode(&order.tx_id));
        let path = format!("/_sim/v1/orders/{merchant}/{tx_id}/{verb}");
        let sent = post(&self.server.control, &path, body.to_string());
        // A rule may make the payer wait; nobody waits longer for it than patience lasts.
        match tokio::time::timeout(self.patience, sent).await {
            Ok(Ok((status @ (400 | 422), body))) => {
                Err(format!("HTTP {status}: {}", String::from_utf8_lossy(&body)).into())
            }
            _ => Ok(Played::Made(None)),
        }
    }

    /// Opens the order's return address, as the payer's browser does.
    async fn come_back(
        &self,
        order: &KnownOrder,
        to: ReturnKind,
        fallback: Option<String>,
    ) -> Played {
        let target = Target::Named { merchant: &order.merchant_id, tx_id: &order.tx_id };
        let own = self.server.space.read(|view| {
            let details = Details::of(view.ledger.find(target)?.details.as_deref());
            let url = match to {
                ReturnKind::Success => &details.success_url,
                ReturnKind::Fail => &details.fail_url,
                ReturnKind::Cancel => &details.cancel_url,
            };
            url.as_deref().map(str::to_owned)
        });
        let Some(url) = own.or(fallback) else {
            let key = to.name();
            return Played::LeftOut(format!(
                "the order names no {key}_url, and no merchant file has `addresses.{key}`"
            ));
        };
        let reason = match to {
            ReturnKind::Success => Reason::Success,
            ReturnKind::Fail => Reason::CardDoNotHonour,
            ReturnKind::Cancel => Reason::PayerCancelled,
        };
        let answer = self.profile.reasons.general(reason);
        let result =
            [("txId", &*order.tx_id), ("resultCode", answer.code), ("resultMsg", answer.message)];
        let url = with_query(&url, &result);
        match open_page(&url, self.patience).await {
            Ok(seen) => Played::Made(Some(seen)),
            Err(why) => Played::LeftOut(why),
        }
    }

    /// Tells the gateway of a QR payment, as a paying app does.
    async fn complete_qr(
        &self,
        order: &KnownOrder,
        told: &QrCompletion,
    ) -> Result<Played, RunError> {
        let amount = amount_of(told.amount, order.currency.code())?.unwrap_or(order.amount);
        let merchant = self.profile.merchant(&order.merchant_id);
        let report = QrReport {
            merchant_id: &order.merchant_id,
            terminal: merchant.and_then(|it| it.terminals.first()).map(String::as_str),
            tx_id: &order.tx_id,
            amount: amount.fixed(order.currency),
            currency: order.currency,
            failed: told.failed,
        };
        let body = report.body(self.server.space.now());
        let path = Operation::NotifyCompletion.paths()[0];
        let sent = post(&self.server.authority, path, body.to_string());
        // A rule may break this call too.
        let _ = tokio::time::timeout(self.patience, sent).await;
        Ok(Played::Made(None))
    }

    /// Delivers the last push-back of an order once more.
    fn resend(&self, order: &KnownOrder) -> Result<Played, RunError> {
        let space = &self.server.space;
        let last = space.read(|view| view.outbox.of_tx_id(&order.tx_id).last().map(|it| it.id));
        let id = last.ok_or_else(|| "no push-back of this order was ever sent".to_owned())?;
        space.write(|transaction| transaction.resend(id));
        Ok(Played::Made(None))
    }
}
