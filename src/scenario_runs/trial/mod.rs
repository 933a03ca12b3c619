//! A trial: one shop of the user's in front of one space, whose steps are made as a scenario asks.
//!
//! The shop's timers are its own and run in real time; the space's clock runs as fast as the merchant file says, and
//! jumps where a step lets time pass. Before it jumps, and before a verdict, the shop is given time to come to rest.

mod able;
mod orders;
mod payer;
mod settle;
mod step;
mod stillness;
mod unheeded;
mod unreached;

use std::collections::HashSet;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

pub(super) use able::unable;
pub use orders::TrialOrder;
use orders::TrialOrders;
pub(super) use payer::{KnownOrder, Payer, Played};
pub use settle::Settled;
pub(super) use stillness::Stillness;
use unheeded::AskedStep;
use unreached::Probed;

use super::test_server::TestServer;
use super::{RunError, WaitTeller};
use crate::base::{Millis, Seed, wall_clock};
use crate::gateway;
use crate::merchant_under_test::{
    GatewayPlace, LoadedMerchant, RunningShop, ShopBelief, ShopError,
};
use crate::profile::{Merchant, Profile};
use crate::scenario::{DriveStep, Rule, ShopFact, ShopTime, SpaceHistory, TemplateValues};
use crate::space::{ClockChange, Space};

/// Longest real time for which the clock stands still for the shop's first call.
const FIRST_CALL_WITHIN: Duration = Duration::from_secs(2);
/// A day in milliseconds.
const DAY_MS: i64 = 86_400_000;
/// Cambodia's time less UTC.
const CAMBODIA_MS: i64 = 7 * 3_600_000;
/// Time of a day in Cambodia after which no trial begins, so that the day does not end in it unasked.
const LATEST_MS: i64 = 21 * 3_600_000;

/// Set-up of a trial.
#[derive(Debug)]
pub struct TrialSetup {
    /// The shop's file.
    pub merchant: Arc<LoadedMerchant>,
    /// Profile of the gateway.
    pub profile: Arc<Profile>,
    /// Seed of every choice.
    pub seed: Seed,
    /// Rules, armed once the shop is ready.
    pub rules: Vec<Rule>,
    /// Time by which the clock begins earlier than the machine's, so that both agree later.
    pub early_ms: i64,
    /// Name of the scenario, for messages.
    pub name: String,
    /// Hears what the shop is waited for, where that takes long.
    pub on_wait: Option<WaitTeller>,
    /// Variables of the environment that the shop does not see.
    pub hidden: Vec<String>,
    /// Listener for merchants; one at any port where there is none.
    pub listener: Option<std::net::TcpListener>,
    /// A shop that runs already, for this listener.
    pub shop: Option<Arc<RunningShop>>,
}

/// One shop in front of one space.
#[derive(Debug)]
pub struct ShopTrial {
    server: TestServer,
    shop: Arc<RunningShop>,
    merchant: Arc<LoadedMerchant>,
    profile: Arc<Profile>,
    name: String,
    on_wait: Option<WaitTeller>,
    merchant_id: String,
    orders: Mutex<TrialOrders>,
    /// The shop's names of the orders of which it has said anything.
    known: Mutex<HashSet<String>>,
    stillness: Stillness,
    /// Number of calls to the shop that have no answer yet.
    pending_calls: AtomicUsize,
    /// Each call to the shop with its answer, a line each.
    calls: Arc<Mutex<Vec<String>>>,
    /// All that the shop was asked to do with its orders.
    asked: Mutex<Vec<AskedStep>>,
    /// Requests of strangers to the shop.
    probed: Mutex<Vec<Probed>>,
    /// Steps that could not be made, a sentence each.
    left_out: Mutex<Vec<String>>,
}

/// A shop's beliefs about one order.
#[derive(Clone, Debug)]
pub struct OrderBelief {
    /// The order.
    pub order: TrialOrder,
    /// Its beliefs, or the reason why they are not known.
    pub belief: Result<ShopBelief, ShopError>,
}

/// All that a shop says of its orders.
#[derive(Clone, Debug, Default)]
pub struct TrialFacts {
    /// Its books; `None` where its file has no `ask`.
    pub books: Option<Vec<ShopFact>>,
    /// Facts that are not known, a sentence each.
    pub unknown: Vec<String>,
}

impl ShopTrial {
    /// Opens a space, starts the shop for it, arms the rules when it is ready, and lets the clock run.
    pub async fn start(setup: TrialSetup) -> Result<Self, RunError> {
        let TrialSetup { merchant, profile, seed, rules, early_ms, hidden, listener, .. } = setup;
        let TrialSetup { name, on_wait, shop, .. } = setup;
        let listener = listener.map(tokio::net::TcpListener::from_std).transpose();
        let listener = listener.map_err(RunError::ShopUnbound)?;
        let server = TestServer::at(listener, Arc::clone(&profile), seed, Vec::new()).await?;
        let space = Arc::clone(&server.space);
        let start = beginning(wall_clock(), early_ms);
        let stop = ClockChange { freeze: Some(true), set: Some(start), ..ClockChange::default() };
        space.change_clock(stop).await.map_err(|error| error.to_string())?;
        let known = known_merchant(&merchant, &profile)?;
        let place = place(&server, known, &profile, hidden)?;
        let shop = if let Some(shop) = shop {
            shop
        } else {
            let started = RunningShop::start(Arc::clone(&merchant), &place).await;
            Arc::new(started.map_err(|error| RunError::CutOff(error.to_string()))?)
        };
        if let Some(address) = shop.value("notiUrl") {
            let address = address.to_owned();
            space.change_merchant(&known.id, |merchant| merchant.noti_url = Some(address));
        }
        let merchant_id = known.id.clone();
        space.arm_rules(rules);
        space.run_with_next_call(u64::from(merchant.file.time.scale) * 1000);
        tokio::spawn(begin_without_call(Arc::clone(&space)));
        Ok(Self {
            server,
            shop,
            merchant,
            profile,
            name,
            on_wait,
            merchant_id,
            orders: Mutex::default(),
            known: Mutex::default(),
            stillness: Stillness::new(),
            pending_calls: AtomicUsize::new(0),
            calls: Arc::default(),
            asked: Mutex::default(),
            probed: Mutex::default(),
            left_out: Mutex::default(),
        })
    }

    /// Makes one step, and waits until the shop has answered.
    pub async fn perform(&self, step: &DriveStep) -> Result<(), RunError> {
        step::perform(self, step).await
    }

    /// The space.
    pub fn space(&self) -> &Arc<Space> {
        &self.server.space
    }

    /// The shop.
    pub fn shop(&self) -> &Arc<RunningShop> {
        &self.shop
    }

    /// Host and port of the gateway.
    pub fn gateway(&self) -> &str {
        &self.server.authority
    }

    /// Host and port of the control plane.
    pub fn control(&self) -> &str {
        &self.server.control
    }

    /// The merchant that the shop is.
    pub fn merchant_id(&self) -> &str {
        &self.merchant_id
    }

    /// All orders that the shop was made to register, with the txIds by which the gateway knows them now.
    pub fn orders(&self) -> Vec<TrialOrder> {
        let history = self.history();
        let mut orders = self.locked_orders();
        orders.attribute(&history);
        orders.all().to_vec()
    }

    /// The order of this name, likewise.
    pub fn order(&self, name: &str) -> Option<TrialOrder> {
        self.orders().into_iter().rev().find(|order| order.name == name)
    }

    /// Asks the shop about each of its orders. `None` where its file has no `ask`. An order that it has refused is left
    /// out.
    pub async fn beliefs(&self) -> Option<Vec<OrderBelief>> {
        self.merchant.file.ask.as_ref()?;
        let mut beliefs = Vec::new();
        for order in self.orders().into_iter().filter(|order| order.shop_order.is_some()) {
            let Some(belief) = self.ask(&order).await.transpose() else { continue };
            beliefs.push(OrderBelief { order, belief });
        }
        Some(beliefs)
    }

    /// Asks the shop about one order, and notes that it knows it.
    async fn ask(&self, order: &TrialOrder) -> Result<Option<ShopBelief>, ShopError> {
        let asked = self.shop.ask(&order_values(order), self.patience()).await;
        if let (Ok(Some(_)), Some(name)) = (&asked, &order.shop_order) {
            self.locked_known().insert(name.clone());
        }
        asked
    }

    /// The same as facts to be judged. An error is a shop that has ended or answers no more.
    pub async fn facts(&self) -> Result<TrialFacts, ShopError> {
        let Some(beliefs) = self.beliefs().await else { return Ok(TrialFacts::default()) };
        let mut unknown = Vec::new();
        let mut facts = Vec::new();
        for OrderBelief { order, belief } in beliefs {
            match belief {
                Ok(belief) => facts.push(ShopFact {
                    tx_id: order.tx_id.unwrap_or(order.name),
                    believes: belief.state,
                    shipped: belief.shipped,
                    is_yes: belief.is_yes,
                    returned: belief.returned,
                    is_forgotten: false,
                }),
                Err(error @ (ShopError::Ended { .. } | ShopError::NoAnswer { .. })) => {
                    return Err(error);
                }
                Err(ShopError::Unreadable { is_unknown: true, .. }) if self.has_known(&order) => {
                    let tx_id = order.tx_id.unwrap_or(order.name);
                    facts.push(ShopFact { tx_id, is_forgotten: true, ..ShopFact::default() });
                }
                Err(error) => unknown.push(format!("order {:?}: {error}", order.name)),
            }
        }
        Ok(TrialFacts { books: Some(facts), unknown })
    }

    /// History of the space, without the shop's beliefs.
    pub fn history(&self) -> SpaceHistory {
        gateway::history(&self.server.space)
    }

    /// Calls to the shop with their answers, a line each.
    pub fn calls(&self) -> Vec<String> {
        self.calls.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Steps that could not be made, a sentence each.
    pub fn left_out(&self) -> Vec<String> {
        self.left_out.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn leave_out(&self, why: String) {
        self.left_out.lock().unwrap_or_else(PoisonError::into_inner).push(why);
    }

    /// Returns true if the shop has ever said anything of the order.
    fn has_known(&self, order: &TrialOrder) -> bool {
        let known = self.locked_known();
        order.shop_order.as_ref().is_some_and(|name| known.contains(name))
    }

    fn locked_known(&self) -> MutexGuard<'_, HashSet<String>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn locked_orders(&self) -> MutexGuard<'_, TrialOrders> {
        self.orders.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns true if the shop has been silent for as long as its file says.
    pub fn is_quiet(&self) -> bool {
        !self.is_calling() && self.quiet_for() >= self.quiet()
    }

    /// Time for which the shop has been silent.
    fn quiet_for(&self) -> Duration {
        self.stillness.quiet_for(self.space())
    }

    /// Times of the shop's file.
    pub fn time(&self) -> ShopTime {
        self.merchant.file.time.clone()
    }

    fn quiet(&self) -> Duration {
        Duration::from_millis(self.time().quiet.ms())
    }

    fn patience(&self) -> Duration {
        Duration::from_millis(self.time().patience.ms())
    }

    /// Says to whoever listens what is waited for.
    pub fn say_wait(&self, what: &str) {
        if let Some(say) = self.on_wait {
            let (name, patience) = (&self.name, self.time().patience);
            say(&format!(
                "{name}: {what}, at most {patience} (`time.patience` in the merchant file)"
            ));
        }
    }

    fn is_calling(&self) -> bool {
        self.pending_calls.load(Ordering::SeqCst) > 0
    }
}

/// Lets the clock run where no call comes. It stands still until the shop's first one, so that a shop that is slow at first
/// does not miss what happens in the first seconds of a scenario.
async fn begin_without_call(space: Arc<Space>) {
    tokio::time::sleep(FIRST_CALL_WITHIN).await;
    space.run_as_promised();
}

/// Values of the templates that name an order.
fn order_values(order: &TrialOrder) -> TemplateValues {
    let mut values = TemplateValues::default();
    values.set("order", &order.name);
    values.set("currency", order.currency.code());
    values.set_some("shopOrder", order.shop_order.as_deref());
    values.set_some("txId", order.tx_id.as_deref());
    values
}

/// The merchant of the profile that the shop is.
fn known_merchant<'p>(
    merchant: &LoadedMerchant,
    profile: &'p Profile,
) -> Result<&'p Merchant, String> {
    match &merchant.file.merchant {
        None => profile.merchants.first().ok_or_else(|| "the profile has no merchant".to_owned()),
        Some(id) => profile.merchant(id).ok_or_else(|| {
            let known: Vec<&str> = profile.merchants.iter().map(|it| it.id.as_str()).collect();
            format!("the profile has no merchant {id:?}; there are {}", known.join(", "))
        }),
    }
}

/// The gateway, as the shop's templates name it.
fn place(
    server: &TestServer,
    merchant: &Merchant,
    profile: &Profile,
    hidden: Vec<String>,
) -> Result<GatewayPlace, String> {
    let damaged = |error: &dyn std::fmt::Display| format!("a key of the profile: {error}");
    let public = merchant.key.public_key().map_err(|error| damaged(&error))?;
    let private = merchant.key.private_key().transpose().map_err(|error| damaged(&error))?;
    let gateway = profile.gateway_key.public_key().map_err(|error| damaged(&error))?;
    Ok(GatewayPlace {
        url: format!("http://{}", server.authority),
        control_url: format!("http://{}", server.control),
        merchant: merchant.id.clone(),
        terminal: merchant.terminals.first().cloned().unwrap_or_default(),
        private_key: private.map(crate::crypto::PrivateKey::pkcs8_der_base64),
        public_key: public.spki_der_base64(),
        gateway_public_key: gateway.spki_der_base64(),
        hidden,
    })
}

/// Time at which a trial begins: such that the machine's time, by which the shop goes, is that of the space when its
/// first order is registered. In the last hours of a day in Cambodia it is earlier on that day.
fn beginning(real: Millis, early_ms: i64) -> Millis {
    let in_day = (real.0 + CAMBODIA_MS).rem_euclid(DAY_MS);
    let back = (in_day - LATEST_MS).max(0);
    real.plus(-back - early_ms)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trial_begins_at_the_machines_time_but_not_late_in_the_day() {
        // 2026-03-02, ten in the morning in Cambodia.
        let ten = Millis(1_772_420_400_000);
        assert_eq!(beginning(ten, 0), ten);
        assert_eq!(beginning(ten, DAY_MS), ten.plus(-DAY_MS));
        let nine_in_the_evening = ten.plus(11 * 3_600_000);
        assert_eq!(
            beginning(nine_in_the_evening.plus(2 * 3_600_000), 5),
            nine_in_the_evening.plus(-5)
        );
    }
}
