//! The steps of a scenario, made by the built-in merchant, its payers and the test bench.

use std::collections::HashMap;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::{Value, json};

use super::probe::{ProbedOrder, send_probe};
use super::test_server::TestServer;
use super::time_driver::{TimeDriver, TimeGoal};
use crate::base::{Amount, Currency, Millis, Operation, PaymentMethod, Reason};
use crate::gateway::register_as_told;
use crate::http::post;
use crate::ledger::Client;
use crate::profile::{Merchant, Profile};
use crate::reference_merchant::{OrderDraft, Shop};
use crate::scenario::{
    Decimal, DriveStep, Json, OtherOrders, Pay, Probe, Register, ReturnKind, Trt,
};
use crate::space::Space;

/// Beginning of the txIds of another till's orders.
pub(super) const OTHER_TILL: &str = "TILL2-";
/// Time between two steps, in milliseconds, so that the consequences of one are over before the next.
const BETWEEN_MS: i64 = 1000;

type Task = Pin<Box<dyn Future<Output = ()> + Send>>;

/// So many of the same task.
fn at_once(times: usize, task: impl Fn() -> Task) -> Vec<Task> {
    (0..times).map(|_| task()).collect()
}

/// An order by its name in the scenario.
#[derive(Clone, Default)]
struct Named {
    merchant_id: String,
    /// `None`: the merchant has given it up.
    tx_id: Option<String>,
    amount: String,
    currency: &'static str,
}

impl Named {
    fn probed(self) -> Option<ProbedOrder> {
        Some(ProbedOrder { merchant_id: self.merchant_id, tx_id: self.tx_id? })
    }
}

/// The player of the steps.
pub(super) struct Drive {
    pub(super) stage: TestServer,
    pub(super) driver: TimeDriver,
    pub(super) shop: Arc<Shop>,
    pub(super) profile: Arc<Profile>,
    orders: Arc<Mutex<HashMap<String, Named>>>,
    /// The step that cannot be carried out as the file asks for it.
    error: Arc<Mutex<Option<String>>>,
    registered: usize,
    /// Steps that were not made, because the merchant had given up their orders.
    pub(super) left_out: Vec<String>,
}

impl Drive {
    pub(super) fn new(
        stage: TestServer,
        driver: TimeDriver,
        shop: Arc<Shop>,
        profile: Arc<Profile>,
    ) -> Self {
        let (orders, error) = (Arc::default(), Arc::default());
        Self { stage, driver, shop, profile, orders, error, registered: 0, left_out: Vec::new() }
    }

    /// Makes all steps one after the other, and lets time pass until nothing is due any more.
    pub(super) async fn all(&mut self, steps: &[DriveStep]) -> Result<(), String> {
        for (number, step) in steps.iter().enumerate() {
            if number > 0 {
                self.driver
                    .advance_to(TimeGoal::At(self.driver.time.now().plus(BETWEEN_MS)))
                    .await?;
            }
            self.make(step)
                .await
                .map_err(|problem| format!("step `{}`: {problem}", step.name()))?;
        }
        self.driver.advance_to(TimeGoal::Idle).await
    }

    async fn make(&mut self, step: &DriveStep) -> Result<(), String> {
        if let Some((name, order)) = step.about_order()
            && self.named(order)?.tx_id.is_none()
        {
            let order = order.unwrap_or(DriveStep::FIRST_ORDER);
            let why =
                format!("step `{name}` of `drive`: the merchant had given up the order {order:?}");
            self.left_out.push(why);
            return Ok(());
        }
        let shop = Arc::clone(&self.shop);
        let tasks: Vec<Task> = match step {
            DriveStep::Advance(period) | DriveStep::Wait(period) => {
                let ms = i64::try_from(period.ms()).unwrap_or(i64::MAX);
                return self.driver.advance_to(TimeGoal::At(self.driver.time.now().plus(ms))).await;
            }
            DriveStep::Idle => return self.driver.advance_to(TimeGoal::Idle).await,
            DriveStep::Register(register) => {
                let name = register.order.clone();
                let name = name.unwrap_or_else(|| DriveStep::FIRST_ORDER.to_owned());
                vec![self.registering(name, register)?]
            }
            DriveStep::Burst(burst) => self.burst(burst)?,
            DriveStep::OtherOrders(others) => {
                let merchant = self.profile.merchants.first();
                return register_others(&self.driver.space, merchant, others);
            }
            DriveStep::Restart => {
                return Err("the built-in merchant has no process that could be killed".to_owned());
            }
            DriveStep::Orders => vec![Box::pin(async move { shop.list_orders().await })],
            DriveStep::Reconcile => vec![Box::pin(async move { shop.reconcile().await })],
            DriveStep::Bind(bind) => {
                let merchant = self.first_merchant()?;
                let card = self.card_to_save(bind.card.as_deref())?;
                let client = bind.client_id.clone();
                vec![Box::pin(async move { shop.bind(&merchant, &client, &card).await })]
            }
            DriveStep::Pay(pay) => vec![self.paying(self.named(pay.order.as_deref())?, pay)],
            DriveStep::Return(back) => {
                let Some(tx_id) = self.named(back.order.as_deref())?.tx_id else { return Ok(()) };
                let to = match back.to {
                    ReturnKind::Success => "success",
                    ReturnKind::Fail => "fail",
                    ReturnKind::Cancel => "cancel",
                };
                vec![Box::pin(async move { shop.session(&tx_id, to).await })]
            }
            DriveStep::Status(step) => {
                let Some(tx_id) = self.named(step.order.as_deref())?.tx_id else { return Ok(()) };
                vec![Box::pin(async move { shop.ask_about(&tx_id).await })]
            }
            DriveStep::Reversal(step) => {
                let Some(tx_id) = self.named(step.order.as_deref())?.tx_id else { return Ok(()) };
                vec![Box::pin(async move {
                    shop.give_back(&tx_id, None, Operation::Reversal).await;
                })]
            }
            DriveStep::Refund(step) => {
                let named = self.named(step.order.as_deref())?;
                let amount = amount_of(step.amount, named.currency)?;
                let Some(tx_id) = named.tx_id else { return Ok(()) };
                at_once(step.times(), || {
                    let (shop, tx_id) = (Arc::clone(&shop), tx_id.clone());
                    Box::pin(async move {
                        shop.give_back(&tx_id, amount, Operation::Refund).await;
                    })
                })
            }
            DriveStep::Complete(step) => {
                let named = self.named(step.order.as_deref())?;
                let amount = amount_of(step.amount, named.currency)?;
                let Some(tx_id) = named.tx_id else { return Ok(()) };
                at_once(step.times(), || {
                    let (shop, tx_id) = (Arc::clone(&shop), tx_id.clone());
                    Box::pin(async move { shop.capture(&tx_id, amount).await })
                })
            }
            DriveStep::QrCompletion(told) => {
                let named = self.named(told.order.as_deref())?;
                let amount = amount_of(told.amount, named.currency)?;
                vec![self.completing(&named, amount, told.failed)]
            }
            DriveStep::Trigger(trigger) => {
                let named = self.named(trigger.order.as_deref())?;
                let body = json!({ "event": trigger.event.name() });
                vec![self.controlling(&named, "trigger", body)]
            }
            DriveStep::Probe(probe) => {
                let at = self.named(probe.order.as_deref())?;
                let of = match &probe.data_of {
                    Some(of) => self.named(Some(of))?,
                    None => at.clone(),
                };
                vec![self.probing(at, of, probe)]
            }
            DriveStep::Resend(step) => {
                let Some(tx_id) = self.named(step.order.as_deref())?.tx_id else { return Ok(()) };
                let id = self
                    .driver
                    .space
                    .read(|view| view.outbox.of_tx_id(&tx_id).last().map(|it| it.id));
                let id = id.ok_or("no push-back of this order was ever sent")?;
                self.driver.space.write(|moment| moment.resend(id));
                Vec::new()
            }
        };
        self.finish(tasks).await
    }

    /// Runs tasks of one step at once, and lets time pass until all have ended.
    async fn finish(&self, tasks: Vec<Task>) -> Result<(), String> {
        let left = Arc::new(AtomicUsize::new(tasks.len()));
        for task in tasks {
            let left = Arc::clone(&left);
            self.driver.time.spawn(async move {
                task.await;
                left.fetch_sub(1, Ordering::SeqCst);
            });
        }
        self.driver.advance_to(TimeGoal::Done(&|| left.load(Ordering::SeqCst) == 0)).await?;
        let error = self.error.lock().unwrap_or_else(PoisonError::into_inner).take();
        error.map_or(Ok(()), Err)
    }

    fn first_merchant(&self) -> Result<String, String> {
        let first = self.profile.merchants.first();
        first.map(|merchant| merchant.id.clone()).ok_or("the profile has no merchant".to_owned())
    }

    /// The card that a step saves: the one that it names, or the first of the profile that is approved.
    fn card_to_save(&self, named: Option<&str>) -> Result<String, String> {
        let approved = || self.profile.cards.iter().find(|card| card.outcome == Reason::Success);
        let number = named.or_else(|| approved().map(|card| card.number.as_str()));
        let number =
            number.ok_or("the profile has no card that is approved; name one in `card`")?;
        Ok(number.to_owned())
    }

    fn named(&self, name: Option<&str>) -> Result<Named, String> {
        let name = name.unwrap_or(DriveStep::FIRST_ORDER);
        let orders = self.orders.lock().unwrap_or_else(PoisonError::into_inner);
        orders.get(name).cloned().ok_or_else(|| format!("no order is called {name:?}"))
    }

    fn new_order(&mut self, register: &Register) -> Result<OrderDraft, String> {
        self.registered += 1;
        let suffix = register.tx_id_suffix.as_deref().unwrap_or_default();
        let currency = register.currency.unwrap_or(Currency::Usd);
        let amount = amount_of(register.amount, currency.code())?;
        let merchant_id = match &register.merchant_id {
            Some(id) => id.clone(),
            None => self.first_merchant()?,
        };
        let mut fields = register.fields.0.clone();
        if let Some(owner) = &register.saved_card_of {
            let id = saved_card(&self.driver.space, &merchant_id, owner)?;
            fields.push(("bindingId".to_owned(), Json(Value::from(id).to_string())));
        }
        let fields = fields.iter();
        Ok(OrderDraft {
            tx_id: format!("T{:04}{suffix}", self.registered),
            merchant_id,
            amount: amount.unwrap_or(Amount::from_minor(1000)),
            currency,
            trt: register.trt.unwrap_or(Trt::Purchase),
            method: register.payment_method.unwrap_or(PaymentMethod::CreditDebit),
            header: register.header.clone(),
            fields: fields.map(|(name, value)| (name.clone(), value.0.clone())).collect(),
        })
    }

    fn registering(&mut self, name: String, register: &Register) -> Result<Task, String> {
        let order = self.new_order(register)?;
        let (shop, orders) = (Arc::clone(&self.shop), Arc::clone(&self.orders));
        Ok(Box::pin(async move {
            let mut named = Named {
                merchant_id: order.merchant_id.clone(),
                tx_id: None,
                amount: order.amount.fixed(order.currency),
                currency: order.currency.code(),
            };
            named.tx_id = shop.register(order).await;
            orders.lock().unwrap_or_else(PoisonError::into_inner).insert(name, named);
        }))
    }

    /// Each client registers its share of the orders and has them paid, one after the other.
    fn burst(&mut self, burst: &crate::scenario::Burst) -> Result<Vec<Task>, String> {
        let mut clients: Vec<Vec<OrderDraft>> = vec![Vec::new(); burst.clients as usize];
        for at in 0..burst.orders as usize {
            let order = self.new_order(&burst.each)?;
            let client = at % clients.len();
            clients[client].push(order);
        }
        let (driver, control) = (Arc::clone(&self.driver.time), self.stage.control.clone());
        Ok(clients
            .into_iter()
            .map(|orders| {
                let (shop, time) = (Arc::clone(&self.shop), Arc::clone(&driver));
                let control = control.clone();
                let task: Task = Box::pin(async move {
                    for order in orders {
                        let merchant = order.merchant_id.clone();
                        let Some(tx_id) = shop.register(order).await else { continue };
                        let path = format!("/_sim/v1/orders/{merchant}/{tx_id}/pay");
                        let _ = time.call(None, post(&control, &path, "{}".to_owned())).await;
                    }
                });
                task
            })
            .collect())
    }

    fn paying(&self, named: Named, pay: &Pay) -> Task {
        self.controlling(&named, "pay", payment(pay))
    }

    /// Action of the payer or the issuer on an order. That the order's state forbids it is part of the scenario.
    fn controlling(&self, named: &Named, verb: &'static str, body: Value) -> Task {
        let Some(tx_id) = named.tx_id.clone() else { return Box::pin(async {}) };
        let path = format!("/_sim/v1/orders/{}/{tx_id}/{verb}", named.merchant_id);
        let (time, control) = (Arc::clone(&self.driver.time), self.stage.control.clone());
        let error = Arc::clone(&self.error);
        Box::pin(async move {
            let answer = time.call(None, post(&control, &path, body.to_string())).await;
            if let Some(Ok((status @ (400 | 422), body))) = answer {
                let said = String::from_utf8_lossy(&body).into_owned();
                let problem = format!("HTTP {status}: {said}");
                *error.lock().unwrap_or_else(PoisonError::into_inner) = Some(problem);
            }
        })
    }

    fn probing(&self, at: Named, of: Named, probe: &Probe) -> Task {
        let (Some(at), Some(of)) = (at.probed(), of.probed()) else { return Box::pin(async {}) };
        let (space, gateway) = (Arc::clone(&self.driver.space), self.stage.authority.clone());
        let (probe, error) = (probe.clone(), Arc::clone(&self.error));
        Box::pin(async move {
            let sent = send_probe(&probe, &space, &gateway, (&at, None), &of).await;
            if let Err(problem) = sent {
                *error.lock().unwrap_or_else(PoisonError::into_inner) = Some(problem.to_string());
            }
        })
    }

    fn completing(&self, named: &Named, amount: Option<Amount>, failed: bool) -> Task {
        let Some(tx_id) = named.tx_id.clone() else { return Box::pin(async {}) };
        let merchant = self.profile.merchant(&named.merchant_id);
        let terminal = merchant.and_then(|merchant| merchant.terminals.first());
        let currency =
            if named.currency == Currency::Khr.code() { Currency::Khr } else { Currency::Usd };
        let report = QrReport {
            merchant_id: &named.merchant_id,
            terminal: terminal.map(String::as_str),
            tx_id: &tx_id,
            amount: amount.map_or(named.amount.clone(), |amount| amount.fixed(currency)),
            currency,
            failed,
        };
        let body = report.body(self.driver.time.now());
        let (time, gateway) = (Arc::clone(&self.driver.time), self.stage.authority.clone());
        Box::pin(async move {
            let path = Operation::NotifyCompletion.paths()[0];
            let _ = time.call(None, post(&gateway, path, body.to_string())).await;
        })
    }
}

/// Registers orders of another till of a merchant, at its first terminal.
pub(super) fn register_others(
    space: &Space,
    merchant: Option<&Merchant>,
    others: &OtherOrders,
) -> Result<(), String> {
    let merchant = merchant.ok_or("the profile has no such merchant")?;
    for number in 1..=others.orders {
        let body = json!({
            "merchantId": merchant.id,
            "termId": merchant.terminals.first(),
            "txId": format!("{OTHER_TILL}{number:05}"),
            "trt": Trt::Purchase.name(),
            "currency": Currency::Usd.code(),
            "amount": "1.00",
            "paymentMethod": PaymentMethod::CreditDebit.name(),
        });
        register_as_told(space, body.to_string().as_bytes())
            .map_err(|refused| format!("an order of another till: {}", refused.detail))?;
    }
    Ok(())
}

/// The id of the card that a client has saved last.
pub(super) fn saved_card(space: &Space, merchant: &str, client: &str) -> Result<String, String> {
    let owner = Client { merchant, client };
    let saved = space.read(|view| view.ledger.bindings().active(owner).last().map(|it| it.id));
    let id = saved.ok_or_else(|| {
        format!("the client {client:?} has no card at the gateway; look whether `bind` saves it under this clientId")
    })?;
    Ok(id.to_string())
}

/// The payer's entries for the control plane.
pub(super) fn payment(pay: &Pay) -> Value {
    let mut body = json!({});
    if let Some(card) = &pay.card {
        body["card"] = card.as_str().into();
    }
    if let Some(otp) = &pay.otp {
        body["otp"] = otp.as_str().into();
    }
    if let Some(outcome) = pay.outcome {
        body["outcome"] = outcome.name().into();
    }
    body
}

/// Report of a paying app about a QR payment.
pub(super) struct QrReport<'r> {
    pub(super) merchant_id: &'r str,
    pub(super) terminal: Option<&'r str>,
    pub(super) tx_id: &'r str,
    /// The amount that was paid, a decimal.
    pub(super) amount: String,
    pub(super) currency: Currency,
    pub(super) failed: bool,
}

impl QrReport<'_> {
    /// The report as it is sent at `now`.
    pub(super) fn body(&self, now: Millis) -> Value {
        json!({
            "RESULT_CODE": if self.failed { "9999" } else { "0000" },
            "RESULT_MSG": if self.failed { "ERROR" } else { "SUCCESS" },
            "MC_ID": self.merchant_id,
            "TERM_ID": self.terminal,
            "TX_ID": self.tx_id,
            "AMOUNT": self.amount,
            "APPROVAL_DATE": now.year_first_digits(),
            "APPROVAL_NO": "100001",
            "CURRENCY": self.currency.code(),
        })
    }
}

/// A decimal as an amount of this currency.
pub(super) fn amount_of(
    decimal: Option<Decimal>,
    currency: &str,
) -> Result<Option<Amount>, String> {
    let Some(decimal) = decimal else { return Ok(None) };
    let is_riel = currency == Currency::Khr.code();
    let text = decimal.to_string();
    let text = if is_riel { text.trim_end_matches(".00") } else { &text };
    let currency = if is_riel { Currency::Khr } else { Currency::Usd };
    Amount::parse(text, currency).map(Some).map_err(|error| format!("the amount {text} {error}"))
}
