//! The steps of a scenario, made with a shop of the user's: calls to the shop for what the merchant does, calls to the
//! gateway for the payer and the bench.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use serde_json::Value;

use super::orders::OrderWish;
use super::payer::{KnownOrder, Payer, Played};
use super::unheeded::AskedStep;
use super::{Settled, ShopTrial, TrialOrder, order_values};
use crate::base::{Amount, Currency, PaymentMethod, Period};
use crate::ledger::Target;
use crate::merchant_under_test::{Restarted, ShopAnswer, ShopError};
use crate::scenario::{
    AmountStep, Burst, DriveStep, Pay, Probe, Register, ReturnKind, ShopCall, TemplateValues, Trt,
};
use crate::scenario_runs::drive::{amount_of, register_others, saved_card};
use crate::scenario_runs::{ProbeError, ProbedOrder, RunError, UNSEEN_RESTART, send_probe};
use crate::space::{ClockChange, ClockError};

/// Moves of the clock within one `idle`, at most.
const MOVES_MAX: usize = 64;

/// Number of times that a shop may be quiet for longer than its file says before an order that it has taken counts as never
/// registered: the first call of a process can be slow.
const SLOW_START: u32 = 3;

/// Makes one step.
pub(super) async fn perform(trial: &ShopTrial, step: &DriveStep) -> Result<(), RunError> {
    if let Some((_, name)) = step.about_order() {
        let name = name.unwrap_or(DriveStep::FIRST_ORDER);
        if trial.order(name).is_none() {
            return Err(format!("no order is called {name:?}").into());
        }
        if !matches!(step, DriveStep::Pay(_) | DriveStep::Return(_)) {
            trial.follow_up(name).await?;
        }
        let registered = trial.registered(name).await?;
        // What the bench does to an order at the gateway needs neither the shop nor its customer.
        let is_of_the_bench = matches!(step, DriveStep::Trigger(_) | DriveStep::Resend(_));
        let missing = match &registered {
            None => Some(format!("the shop has no order {name:?} at the gateway")),
            Some(order) if !is_of_the_bench => {
                order.refusal.as_ref().map(|answer| refused(name, answer))
            }
            Some(_) => None,
        };
        if let Some(why) = missing {
            trial.leave_out(format!("step `{}` of `drive`: {why}", step.name()));
            return Ok(());
        }
    }
    match step {
        DriveStep::Advance(period) => trial.advance(period.ms()).await,
        DriveStep::Wait(period) => trial.wait(*period).await,
        DriveStep::OtherOrders(others) => {
            let merchant = trial.profile.merchant(&trial.merchant_id);
            Ok(register_others(trial.space(), merchant, others)?)
        }
        DriveStep::Idle => trial.idle().await,
        DriveStep::Register(register) => {
            let name = register.order.as_deref().unwrap_or(DriveStep::FIRST_ORDER);
            trial.register(name, register, false).await.map(|_| ())
        }
        DriveStep::Burst(burst) => trial.burst(burst).await,
        DriveStep::Pay(_)
        | DriveStep::Return(_)
        | DriveStep::QrCompletion(_)
        | DriveStep::Trigger(_)
        | DriveStep::Resend(_) => {
            let name = step.about_order().and_then(|(_, name)| name);
            if let DriveStep::Resend(_) = step {
                trial.rest().await?;
            }
            trial.play(step, name.unwrap_or(DriveStep::FIRST_ORDER)).await
        }
        DriveStep::Restart => {
            trial.rest().await?;
            // What the shop knows now it has to know afterwards.
            let _ = trial.beliefs().await;
            if trial.shop.restart().await? == Restarted::Unknown {
                trial.leave_out(format!("step `restart` of `drive`: {UNSEEN_RESTART}"));
            }
            Ok(())
        }
        DriveStep::Probe(probe) => trial.probe(probe).await,
        DriveStep::Status(it) | DriveStep::Reversal(it) => {
            trial.simple(step, Some(named(it.order.as_ref())), &TemplateValues::default()).await
        }
        DriveStep::Refund(it) | DriveStep::Complete(it) => trial.with_amount(step, it).await,
        DriveStep::Orders | DriveStep::Reconcile => {
            trial.rest().await?;
            trial.simple(step, None, &TemplateValues::default()).await
        }
        DriveStep::Bind(bind) => {
            let number = bind.card.clone().or_else(|| trial.usual_card());
            let mut values = TemplateValues::default();
            values.set("clientId", &bind.client_id);
            if let Some(card) = number.as_deref().and_then(|number| trial.profile.card(number)) {
                values.set("cardExpiry", &card.expiry);
                values.set_some("cardCvv", card.cvv.as_deref());
            }
            values.set_some("card", number);
            trial.simple(step, None, &values).await
        }
    }
}

fn named(order: Option<&String>) -> &str {
    order.map_or(DriveStep::FIRST_ORDER, String::as_str)
}

impl ShopTrial {
    /// Lets the shop come to rest.
    pub(super) async fn rest(&self) -> Result<Settled, ShopError> {
        self.settle(async || false).await
    }

    async fn advance(&self, ms: u64) -> Result<(), RunError> {
        self.rest().await?;
        self.jump(ms).await
    }

    /// Lets time pass for the shop's timers as well as for the space, which none of both can hurry.
    async fn wait(&self, period: Period) -> Result<(), RunError> {
        let real = real_time_of(period, self.time().scale);
        if real > self.patience() {
            let patience = self.time().patience;
            self.leave_out(format!(
                "step `wait` of `drive`: {period} of the shop's time are {real:?} here, which is longer than `time.patience` \
                 ({patience}); let the shop's timers run faster (`time.scale` and `${{timeScale}}`), or say `without: \
                 [real-time-pause]`"
            ));
            return Ok(());
        }
        tokio::time::sleep(real).await;
        Ok(self.shop.still_runs().await?)
    }

    /// Moves the clock. It stands still while something is under way on the way, and the shop's timers do not: that time is
    /// made up for, or else the shop's pauses would look too short.
    async fn jump(&self, ms: u64) -> Result<(), RunError> {
        let change = ClockChange { advance_ms: Some(ms), catches_up: true, ..Default::default() };
        let told = |error: ClockError| RunError::from(error.to_string());
        self.space().change_clock(change).await.map_err(told)
    }

    /// Lets time pass until no push-back and no reply is due any more, with a rest before each of them.
    async fn idle(&self) -> Result<(), RunError> {
        for _ in 0..MOVES_MAX {
            self.rest().await?;
            let activity = self.space().activity();
            let Some(next) = activity.next_errand else { return Ok(()) };
            let ms = u64::try_from(next.0 - activity.now.0).unwrap_or(0);
            self.jump(ms).await?;
        }
        Ok(())
    }

    /// Has the shop register an order; its place in the list of orders.
    async fn register(
        &self,
        name: &str,
        register: &Register,
        is_one_of_many: bool,
    ) -> Result<usize, RunError> {
        let currency = register.currency.unwrap_or(Currency::Usd);
        let amount = amount_of(register.amount, currency.code())?;
        let amount = amount.unwrap_or(Amount::from_minor(1000));
        let merchant_id = self.merchant_id.clone();
        let wish =
            OrderWish { name: name.to_owned(), merchant_id, amount, currency, is_one_of_many };
        let history = self.history();
        let at = self.locked_orders().add(wish, &history);
        let mut values = TemplateValues::default();
        values.set("order", name);
        values.set("amount", amount.fixed(currency));
        values.set("minor", amount.minor().to_string());
        values.set("currency", currency.code());
        let method = register.payment_method.unwrap_or(PaymentMethod::CreditDebit);
        values.set("method", method.name());
        let trt = match register.trt.unwrap_or(Trt::Purchase) {
            Trt::Purchase => "10",
            Trt::PreAuth => "12",
        };
        values.set("trt", trt);
        values.set_some("txIdSuffix", register.tx_id_suffix.as_deref());
        values.set_some("scenarioHeader", register.header.as_deref());
        if let Some(owner) = &register.saved_card_of {
            let saved = saved_card(self.space(), &self.merchant_id, owner);
            let saved = saved.map_err(RunError::CutOff)?;
            values.set("bindingId", saved);
        }
        for (name, value) in &register.fields.0 {
            let text = serde_json::from_str(&value.0).ok().map(|value| match value {
                Value::String(text) => text,
                other => other.to_string(),
            });
            values.set_some(name, text);
        }
        let Some(call) = &self.merchant.file.steps.register else {
            return Err(RunError::CutOff(no_call("register")));
        };
        let answer = self.call_shop("register", call, &values).await?;
        let json = answer.as_ref().filter(|answer| answer.is_success());
        let json = json.and_then(|answer| answer.json.as_ref());
        let text =
            |pointer: &Option<crate::scenario::JsonPointer>| match pointer.as_ref()?.find(json?)? {
                Value::String(text) => Some(text.clone()),
                Value::Number(number) => Some(number.to_string()),
                _ => None,
            };
        let (shop_order, told) = (text(&call.order), text(&call.tx_id));
        let is_done = answer.as_ref().is_some_and(ShopAnswer::is_success);
        if let (Some(pointer), None, true, Some(answer)) =
            (&call.order, &shop_order, is_done, &answer)
        {
            let shown = answer.shown();
            return Err(RunError::CutOff(format!(
                "do.register: there is no name of the order at `{pointer}` (do.register.order); the answer was {shown}"
            )));
        }
        let mut orders = self.locked_orders();
        match answer.filter(|answer| !answer.is_success()) {
            Some(answer) => orders.refused(at, answer.shown()),
            None => orders.accepted(at, shop_order, told),
        }
        drop(orders);
        Ok(at)
    }

    /// The order once the gateway knows it. A shop that has taken it is waited for as long as it has work to do.
    async fn registered(&self, name: &str) -> Result<Option<TrialOrder>, RunError> {
        let is_known = |order: &TrialOrder| {
            let Some(tx_id) = order.tx_id.as_deref() else { return false };
            let target = Target::Named { merchant: &order.merchant_id, tx_id };
            self.space().read(|view| view.ledger.find(target).is_some())
        };
        let known = || self.order(name).filter(is_known);
        if known().is_none() {
            let has_hope = || known().is_none() && self.quiet_for() < self.quiet() * SLOW_START;
            self.settle(async || has_hope()).await?;
        }
        Ok(known())
    }

    /// Each client has its share of the orders registered and pays them, one after the other.
    async fn burst(&self, burst: &Burst) -> Result<(), RunError> {
        let client = async |client: u32| -> Result<(), RunError> {
            let own = (0..burst.orders).filter(|number| number % burst.clients == client);
            for number in own {
                let name = format!("{}-{}", DriveStep::FIRST_ORDER, number + 1);
                self.register(&name, &burst.each, true).await?;
                let registered = self.registered(&name).await?;
                let refusal = registered.as_ref().and_then(|order| order.refusal.as_ref());
                if let Some(answer) = refusal {
                    self.leave_out(format!("step `burst` of `drive`: {}", refused(&name, answer)));
                } else if let Some(order) = registered.and_then(known) {
                    let pay = Pay { order: None, card: None, otp: None, outcome: None };
                    self.payer().pay(&order, &pay).await?;
                    self.stillness.stir();
                } else {
                    self.leave_out(format!(
                        "step `burst` of `drive`: the shop has no order {name:?} at the gateway"
                    ));
                }
            }
            Ok(())
        };
        let clients = (0..burst.clients.min(burst.orders)).map(client);
        futures_util::future::try_join_all(clients).await.map(|_| ())
    }

    /// A step of the payer or the bench.
    async fn play(&self, step: &DriveStep, name: &str) -> Result<(), RunError> {
        let Some(order) = self.order(name).and_then(known) else { return Ok(()) };
        let address =
            |to: ReturnKind| self.shop.value(&format!("{}Url", to.name())).map(str::to_owned);
        let Some(played) = self.payer().play(step, &order, address).await else { return Ok(()) };
        self.stillness.stir();
        let step = step.name();
        match played? {
            Played::Made(None) => {}
            Played::Made(Some(seen)) => self.note(format!("{step}: {seen}")),
            Played::LeftOut(why) => self.leave_out(format!("step `{step}` of `drive`: {why}")),
        }
        Ok(())
    }

    /// Requests of a stranger.
    async fn probe(&self, probe: &Probe) -> Result<(), RunError> {
        if probe.replays.is_some() {
            // The call that is sent again may be one that the shop makes later.
            self.rest().await?;
        }
        let order = |name: Option<&String>| {
            let name = named(name);
            let found = self.order(name).and_then(known);
            let found = found.ok_or_else(|| format!("no order is called {name:?}"))?;
            let (merchant_id, tx_id) = (found.merchant_id, found.tx_id);
            Ok::<_, RunError>(ProbedOrder { merchant_id, tx_id })
        };
        let at = order(probe.order.as_ref())?;
        let of = order(probe.data_of.as_ref().or(probe.order.as_ref()))?;
        let fallback = self.shop.value(&format!("{}Url", probe.to.name()));
        let sent = send_probe(probe, self.space(), self.gateway(), (&at, fallback), &of).await;
        self.stillness.stir();
        match sent {
            Ok(sent) => self.note_probed(probe.to, sent),
            Err(ProbeError::NotSent(why)) => {
                self.leave_out(format!("step `probe` of `drive`: {why}"));
            }
            Err(error @ ProbeError::GivenBack(_)) => return Err(error.to_string().into()),
        }
        let alive = self.shop.answers_within(self.patience()).await;
        alive.map_err(|error| format!("the shop does not answer any more: {error}").into())
    }

    fn payer(&self) -> Payer<'_> {
        Payer { server: &self.server, profile: &self.profile, patience: self.patience() }
    }

    async fn with_amount(&self, step: &DriveStep, it: &AmountStep) -> Result<(), RunError> {
        let name = named(it.order.as_ref());
        let Some(order) = self.order(name) else { return Ok(()) };
        let mut values = TemplateValues::default();
        if let Some(amount) = amount_of(it.amount, order.currency.code())? {
            values.set("amount", amount.fixed(order.currency));
            values.set("minor", amount.minor().to_string());
        }
        let calls = (0..it.times()).map(|_| self.simple(step, Some(name), &values));
        futures_util::future::try_join_all(calls).await.map(|_| ())
    }

    /// A step that is one call to the shop.
    async fn simple(
        &self,
        step: &DriveStep,
        order: Option<&str>,
        values: &TemplateValues,
    ) -> Result<(), RunError> {
        let steps = &self.merchant.file.steps;
        let call = match step {
            DriveStep::Refund(_) => &steps.refund,
            DriveStep::Reversal(_) => &steps.reversal,
            DriveStep::Complete(_) => &steps.complete,
            DriveStep::Status(_) => &steps.status,
            DriveStep::Orders => &steps.orders,
            DriveStep::Reconcile => &steps.reconcile,
            DriveStep::Bind(_) => &steps.bind,
            _ => &None,
        };
        let Some(call) = call else { return Err(RunError::CutOff(no_call(step.name()))) };
        let known = order.and_then(|name| self.order(name));
        let values = known.as_ref().map(order_values).unwrap_or_default().with(values);
        let answer = self.call_shop(step.name(), call, &values).await?;
        self.note_asked(AskedStep::new(step, order, answer.as_ref()));
        Ok(())
    }

    /// Calls the shop. It goes on with its work when it does not answer in time; then there is no answer.
    async fn call_shop(
        &self,
        step: &str,
        call: &ShopCall,
        values: &TemplateValues,
    ) -> Result<Option<ShopAnswer>, RunError> {
        let call = self.shop.prepare(call, values)?;
        self.stillness.stir();
        let _pending = PendingCall::new(&self.pending_calls);
        let shop = Arc::clone(&self.shop);
        let (what, limit) = (call.what.clone(), self.patience());
        // Longer than anybody waits for it, so that the shop sees no caller hang up.
        let calling = tokio::spawn(async move { shop.call(&call, limit * 10).await });
        let Ok(answered) = tokio::time::timeout(limit, calling).await else {
            self.note(format!("{step}: {what}: no answer within {limit:?}"));
            return Ok(None);
        };
        match answered {
            Ok(Ok(answer)) => {
                self.note(format!("{step}: {what}: {}", answer.shown()));
                Ok(Some(answer))
            }
            Ok(Err(error)) => {
                self.shop.still_runs().await?;
                Err(error.into())
            }
            Err(error) => Err(format!("{what}: {error}").into()),
        }
    }

    pub(super) fn note(&self, line: String) {
        self.calls.lock().unwrap_or_else(std::sync::PoisonError::into_inner).push(line);
    }

    /// The number of the profile's first card that can be saved.
    fn usual_card(&self) -> Option<String> {
        let cards = &self.profile.cards;
        let usual = cards.iter().find(|card| card.cvv.is_some());
        usual.map(|card| card.number.clone())
    }
}

/// Real time of so much of the time of a clock that runs `scale` times as fast.
fn real_time_of(period: Period, scale: u32) -> Duration {
    Duration::from_millis(period.ms()) / scale.max(1)
}

/// A call to the shop whose answer somebody waits for.
struct PendingCall<'t>(&'t AtomicUsize);

impl<'t> PendingCall<'t> {
    fn new(count: &'t AtomicUsize) -> Self {
        count.fetch_add(1, Ordering::SeqCst);
        Self(count)
    }
}

impl Drop for PendingCall<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

/// An order as the gateway knows it; `None` as long as it does not.
fn known(order: TrialOrder) -> Option<KnownOrder> {
    let TrialOrder { merchant_id, tx_id, amount, currency, .. } = order;
    Some(KnownOrder { merchant_id, tx_id: tx_id?, amount, currency })
}

/// Reason why nobody can pay or refund an order, though the gateway knows it.
fn refused(name: &str, answer: &str) -> String {
    format!(
        "the shop has refused the order {name:?} ({answer}), so its customer has no page to pay on"
    )
}

fn no_call(step: &str) -> String {
    format!("the merchant file has no call for the step `{step}`; add `do.{step}`")
}
