//! A rehearsal of a merchant file: every call of it once, on orders of which nothing goes wrong.

use std::sync::Arc;

use super::trial::{OrderBelief, ShopTrial, TrialOrder, TrialSetup};
use super::under_test::listen_for_shop;
use super::{RunError, SEED, UNSEEN_RESTART};
use crate::base::{Operation, OrderState, Seed};
use crate::merchant_under_test::{LoadedMerchant, Restarted, ShopError};
use crate::profile::Profile;
use crate::scenario::{
    AmountStep, Belief, Bind, Decimal, DeliveryFact, DriveStep, OrderFact, OrderStep, Pay,
    Register, RequestFact, Requirement, Return, ReturnKind, ShopCall, Trt,
};

/// The client for whom a card is bound.
const CLIENT: &str = "02";

/// Calls by which a shop can compare its books with the gateway's.
const RECONCILING: [Operation; 3] =
    [Operation::Reconciliation, Operation::Orders, Operation::Status];

/// Name of what is asked after a restart.
const AFTER_RESTART: &str = "ask again";

/// Name of what is asked before the payment.
const UNPAID: &str = "ask, unpaid";

/// One thing that was tried.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RehearsedCall {
    /// Its name, such as `do.refund`.
    pub what: String,
    /// Result.
    pub result: Rehearsed,
    /// The answer that came, or what to do.
    pub detail: String,
}

/// Result of one thing that was tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rehearsed {
    /// It does what it should.
    Works,
    /// It is not in the file.
    Absent,
    /// It does not do what it should.
    Fails,
}

/// Goes through every call of a merchant file once; on this thread. `hidden` names the variables of the environment that
/// the shop does not see.
pub fn rehearse(
    merchant: LoadedMerchant,
    profile: Arc<Profile>,
    hidden: Vec<String>,
) -> Result<Vec<RehearsedCall>, RunError> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| error.to_string())?;
    let rehearsed = runtime.block_on(async {
        let merchant = Arc::new(merchant);
        let mut rehearsal = Rehearsal { merchant: Arc::clone(&merchant), calls: Vec::new() };
        let listener = match merchant.file.gateway_port() {
            Some(port) => Some(listen_for_shop(port)?),
            None => None,
        };
        let trial = ShopTrial::start(TrialSetup {
            merchant,
            profile,
            seed: Seed(SEED),
            rules: Vec::new(),
            early_ms: 0,
            name: "merchant check".to_owned(),
            hidden,
            listener,
            on_wait: None,
            shop: None,
        });
        match trial.await {
            Ok(trial) => {
                rehearsal.note("start", Rehearsed::Works, "the shop is ready".to_owned());
                rehearsal.all(&trial).await;
            }
            Err(error) if error.is_unbound() => return Err(error),
            Err(error) => rehearsal.note("start", Rehearsed::Fails, error.to_string()),
        }
        Ok(rehearsal.calls)
    });
    runtime.shutdown_background();
    rehearsed
}

struct Rehearsal {
    merchant: Arc<LoadedMerchant>,
    calls: Vec<RehearsedCall>,
}

/// An order, as the gateway and the shop see it.
struct ObservedOrder {
    order: TrialOrder,
    known: Option<OrderFact>,
    notices: Vec<DeliveryFact>,
}

impl Rehearsal {
    fn note(&mut self, what: &str, result: Rehearsed, detail: String) {
        self.calls.push(RehearsedCall { what: what.to_owned(), result, detail });
    }

    /// Notes a success or, with the answer that came, a failure.
    fn judge(&mut self, trial: &ShopTrial, what: &str, problem: Option<String>) {
        let answer = trial.calls().last().cloned().unwrap_or_default();
        match problem {
            None => self.note(what, Rehearsed::Works, answer),
            Some(problem) => {
                self.note(what, Rehearsed::Fails, format!("{problem}; the last answer: {answer}"));
            }
        }
    }

    async fn all(&mut self, trial: &ShopTrial) {
        if !self.sell(trial, "sold", Trt::Purchase).await {
            return;
        }
        self.beliefs(trial, "ask", "sold", &[Belief::Paid]).await;
        self.return_page(trial).await;
        let status = DriveStep::Status(OrderStep { order: Some("sold".to_owned()) });
        let bind = DriveStep::Bind(Bind { client_id: CLIENT.to_owned(), card: None });
        for (key, step, calls) in [
            ("status", status, &[Operation::Status][..]),
            ("orders", DriveStep::Orders, &[Operation::Orders]),
            ("reconcile", DriveStep::Reconcile, &RECONCILING),
            ("bind", bind, &[Operation::BindingRegister]),
        ] {
            self.asks(trial, key, &step, calls).await;
        }
        let order = |name: &str| Some(name.to_owned());
        let refund =
            DriveStep::Refund(AmountStep { order: order("sold"), amount: None, copies: None });
        self.moves(trial, "refund", &refund, "sold", OrderState::Refunded).await;
        if Self::is_given_back(trial) {
            self.beliefs(trial, "ask", "sold", &[Belief::GivenBack]).await;
        }
        let reversal = DriveStep::Reversal(OrderStep { order: order("reversed") });
        if !self.can("reversal") || self.sell(trial, "reversed", Trt::Purchase).await {
            self.moves(trial, "reversal", &reversal, "reversed", OrderState::Reversed).await;
        }
        let complete =
            DriveStep::Complete(AmountStep { order: order("held"), amount: None, copies: None });
        if !self.can("complete") || self.sell(trial, "held", Trt::PreAuth).await {
            self.moves(trial, "complete", &complete, "held", OrderState::Captured).await;
        }
        // Last, for a shop that forgets its orders can refund none of them afterwards.
        self.restart(trial).await;
    }

    /// Returns true if the money of the first order was given back.
    fn is_given_back(trial: &ShopTrial) -> bool {
        let known = ObservedOrder::of(trial, "sold").and_then(|seen| seen.known);
        known.is_some_and(|known| known.state == OrderState::Refunded)
    }

    /// The ability of a shop that a call or a restart of the file is about, where there is one.
    fn ability(key: &str) -> Option<Requirement> {
        match key {
            "return" => Some(Requirement::ReturnPage),
            "orders" | "reconcile" => Some(Requirement::Reconciles),
            "bind" => Some(Requirement::SavedCards),
            "refund" => Some(Requirement::Refund),
            "reversal" => Some(Requirement::Reversal),
            "complete" => Some(Requirement::PreAuth),
            "restart" => Some(Requirement::Restarts),
            _ => None,
        }
    }

    /// The ability for this, where the file says that the shop lacks it.
    fn lack(&self, key: &str) -> Option<Requirement> {
        Self::ability(key).filter(|need| self.merchant.file.without.contains(need))
    }

    /// Returns true if the file has a call for this step and does not say that the shop cannot do it.
    fn can(&self, key: &str) -> bool {
        self.call(key).is_some() && self.lack(key).is_none()
    }

    /// The file's call for a step after the payment.
    fn call(&self, key: &str) -> Option<&ShopCall> {
        let steps = &self.merchant.file.steps;
        let call = match key {
            "status" => &steps.status,
            "orders" => &steps.orders,
            "reconcile" => &steps.reconcile,
            "bind" => &steps.bind,
            "refund" => &steps.refund,
            "reversal" => &steps.reversal,
            "complete" => &steps.complete,
            _ => &None,
        };
        call.as_ref()
    }

    /// Notes that something is not tried, where the file says that the shop cannot do it; true if so.
    fn is_left_out(&mut self, what: &str, key: &str) -> bool {
        let Some(need) = self.lack(key) else { return false };
        let need = need.name();
        let detail = format!(
            "not tried: the file says `without: [{need}]`; scenarios that need it are not applicable"
        );
        self.note(what, Rehearsed::Absent, detail);
        true
    }

    /// Has an order registered and pays it; true if the gateway has the money.
    async fn sell(&mut self, trial: &ShopTrial, name: &str, trt: Trt) -> bool {
        let register = Register {
            order: Some(name.to_owned()),
            merchant_id: None,
            amount: None,
            currency: None,
            trt: Some(trt),
            payment_method: None,
            tx_id_suffix: None,
            header: None,
            saved_card_of: None,
            fields: crate::scenario::Members::default(),
        };
        if let Err(error) = trial.perform(&DriveStep::Register(register)).await {
            self.judge(trial, "do.register", Some(error.to_string()));
            return false;
        }
        let _ = trial.settle(async || false).await;
        let Some(seen) = ObservedOrder::of(trial, name) else { return false };
        let problem = match (&seen.order, &seen.known) {
            (order, _) if order.shop_order.is_none() => {
                let key = self.merchant.file.steps.register.as_ref();
                Some(match key.and_then(|call| call.order.as_ref()) {
                    Some(_) => "the shop has refused the order".to_owned(),
                    None => "the file does not say where the shop's name of the order is; add `do.register.order: /id`".to_owned(),
                })
            }
            (_, None) => Some(
                "the shop has registered no order of 10.00 USD at the gateway; does it know the gateway's address (`${gateway}`)?"
                    .to_owned(),
            ),
            _ => None,
        };
        let is_registered = problem.is_none();
        self.judge(trial, "do.register", problem);
        if !is_registered {
            return false;
        }
        if name == "sold" && self.merchant.file.ask.is_some() {
            self.beliefs(trial, UNPAID, name, &[Belief::Pending, Belief::Unpaid]).await;
        }
        let pay = Pay { order: Some(name.to_owned()), card: None, otp: None, outcome: None };
        let paid = trial.perform(&DriveStep::Pay(pay)).await;
        let _ = trial.settle(async || false).await;
        let Some(seen) = ObservedOrder::of(trial, name) else { return false };
        let state = seen.known.map(|known| known.state);
        if let Err(error) = paid {
            self.note("payment", Rehearsed::Fails, error.to_string());
            return false;
        }
        if !matches!(state, Some(OrderState::Captured | OrderState::Authorised)) {
            let state = state.map_or("unknown", OrderState::name);
            self.note("payment", Rehearsed::Fails, format!("the order is {state} at the gateway"));
            return false;
        }
        let taken = seen.notices.iter().any(|notice| notice.acknowledged);
        let answers: Vec<String> = seen
            .notices
            .iter()
            .flat_map(|notice| &notice.attempts)
            .map(|attempt| attempt.status.map_or("no answer".to_owned(), |it| format!("HTTP {it}")))
            .collect();
        match (taken, answers.is_empty()) {
            (true, _) => self.note("push-back", Rehearsed::Works, answers.join(", ")),
            (false, true) => self.note(
                "push-back",
                Rehearsed::Fails,
                "none was sent, for nobody has said where to; send noti_url when registering, or add `addresses: { noti: /noti }`".to_owned(),
            ),
            (false, false) => self.note(
                "push-back",
                Rehearsed::Fails,
                format!("the shop has not acknowledged it: {}", answers.join(", ")),
            ),
        }
        true
    }

    /// Compares what the shop believes of an order with what it should.
    async fn beliefs(&mut self, trial: &ShopTrial, what: &str, name: &str, wanted: &[Belief]) {
        let Some(beliefs) = trial.beliefs().await else {
            let detail =
                "the file has no `ask`, so what the shop believes is not judged".to_owned();
            self.note(what, Rehearsed::Absent, detail);
            return;
        };
        let Some(OrderBelief { belief, .. }) =
            beliefs.into_iter().find(|belief| belief.order.name == name)
        else {
            return;
        };
        match belief {
            Err(error @ ShopError::Unreadable { is_unknown: true, .. })
                if what == AFTER_RESTART =>
            {
                let hint = "the shop knew this order before it was killed; keep orders in a database, or in a file in ${data}";
                self.note(what, Rehearsed::Fails, format!("{hint}\n{error}"));
            }
            Err(error) => self.note(what, Rehearsed::Fails, error.to_string()),
            Ok(belief) => {
                let said = [
                    belief.state.map(|state| format!("believes {}", state.name())),
                    belief.shipped.map(|times| {
                        if belief.is_yes {
                            "shipped".to_owned()
                        } else {
                            format!("shipped {times}×")
                        }
                    }),
                    belief.returned.map(|sum| format!("given back {sum}")),
                ];
                let said = said.into_iter().flatten().collect::<Vec<_>>().join(", ");
                let has_more = what == UNPAID
                    && (belief.shipped.is_some_and(|times| times > 0)
                        || belief.returned.is_some_and(|sum| sum != Decimal(0)));
                let is_wrong = belief.state.is_some_and(|state| !wanted.contains(&state));
                let result = if is_wrong || has_more { Rehearsed::Fails } else { Rehearsed::Works };
                let names: Vec<&str> = wanted.iter().map(|belief| belief.name()).collect();
                let wish = match result {
                    Rehearsed::Fails if what == UNPAID => format!(
                        "; {} was expected, with nothing shipped or given back, for nobody has paid yet",
                        names.join(" or ")
                    ),
                    Rehearsed::Fails => format!("; {} was expected", names.join(" or ")),
                    _ => String::new(),
                };
                self.note(what, result, format!("{said}{wish}"));
                if belief.is_yes && what == "ask" && wanted.contains(&Belief::Paid) {
                    let detail = "a yes says not how often, so goods that are shipped twice are not found; let the shop answer a number";
                    self.note("ask.shipped", Rehearsed::Absent, detail.to_owned());
                }
                let ask = self.merchant.file.ask.as_ref();
                for (key, pointer) in [
                    ("ask.state", ask.is_some_and(|ask| ask.state.is_none())),
                    ("ask.shipped", ask.is_some_and(|ask| ask.shipped.is_none())),
                    ("ask.returned", ask.is_some_and(|ask| ask.returned.is_none())),
                ] {
                    if pointer && what == "ask" && wanted.contains(&Belief::Paid) {
                        let detail = "not in the file, so it is not judged".to_owned();
                        self.note(key, Rehearsed::Absent, detail);
                    }
                }
            }
        }
    }

    async fn return_page(&mut self, trial: &ShopTrial) {
        if self.is_left_out("return", "return") {
            return;
        }
        let step = Return { order: Some("sold".to_owned()), to: ReturnKind::Success };
        let before = trial.left_out().len();
        let made = trial.perform(&DriveStep::Return(step)).await;
        let left_out = trial.left_out().get(before).cloned();
        match (made, left_out) {
            (Err(error), _) => self.note("return", Rehearsed::Fails, error.to_string()),
            (Ok(()), Some(why)) => self.note("return", Rehearsed::Absent, why),
            (Ok(()), None) => {
                let opened = trial.calls().last().cloned().unwrap_or_default();
                let works = ["HTTP 2", "HTTP 3"].iter().any(|good| opened.contains(good));
                let result = if works { Rehearsed::Works } else { Rehearsed::Fails };
                self.note("return", result, opened);
            }
        }
    }

    /// A step by which the shop makes one of these calls to the gateway.
    async fn asks(&mut self, trial: &ShopTrial, key: &str, step: &DriveStep, wanted: &[Operation]) {
        let what = format!("do.{key}");
        if self.is_left_out(&what, key) {
            return;
        }
        if self.call(key).is_none() {
            return self.absent(&what, key);
        }
        let came = || {
            let is_wanted =
                |call: &&RequestFact| call.operation.is_some_and(|it| wanted.contains(&it));
            trial.history().requests.iter().filter(is_wanted).count()
        };
        // What the shop still asks by itself is none of it.
        let _ = trial.settle(async || false).await;
        let (before, came_before) = (trial.calls().len(), came());
        let made = trial.perform(step).await;
        let _ = trial.settle(async || false).await;
        let answer = trial.calls().get(before).cloned().unwrap_or_default();
        let problem = match made {
            Err(error) => Some(error.to_string()),
            Ok(()) if !answer.contains(": HTTP 2") => Some("the shop refuses it".to_owned()),
            Ok(()) if came() == came_before => {
                let names: Vec<&str> = wanted.iter().map(|operation| operation.name()).collect();
                Some(format!("no {} call came to the gateway", names.join(" or ")))
            }
            Ok(()) => None,
        };
        self.judge(trial, &what, problem);
    }

    fn absent(&mut self, what: &str, key: &str) {
        let lack = Self::ability(key)
            .map(|need| format!("; if the shop cannot do it, say `without: [{}]`", need.name()));
        let detail = format!(
            "not in the file; scenarios with this step are not judged{}",
            lack.unwrap_or_default()
        );
        self.note(what, Rehearsed::Absent, detail);
    }

    /// A step that moves money.
    async fn moves(
        &mut self,
        trial: &ShopTrial,
        key: &str,
        step: &DriveStep,
        name: &str,
        wanted: OrderState,
    ) {
        let what = format!("do.{key}");
        if self.is_left_out(&what, key) {
            return;
        }
        if self.call(key).is_none() {
            return self.absent(&what, key);
        }
        let state =
            || ObservedOrder::of(trial, name).and_then(|seen| seen.known).map(|known| known.state);
        if state() == Some(wanted) {
            // Whatever the shop answers, nothing would show that it does anything.
            let why = match wanted {
                OrderState::Captured => {
                    "the order is captured before it is tried: the shop has not registered it as a pre-authorisation (`${trt}` is 12)"
                }
                _ => "the order is in that state before it is tried",
            };
            return self.note(&what, Rehearsed::Fails, why.to_owned());
        }
        let made = trial.perform(step).await;
        let _ = trial.settle(async || false).await;
        let state = state();
        let problem = match made {
            Err(error) => Some(error.to_string()),
            Ok(()) if state != Some(wanted) => {
                let state = state.map_or("unknown", OrderState::name);
                Some(format!("the order is {state} at the gateway, {} was expected", wanted.name()))
            }
            Ok(()) => None,
        };
        self.judge(trial, &what, problem);
    }

    async fn restart(&mut self, trial: &ShopTrial) {
        if self.is_left_out("restart", "restart") {
            return;
        }
        let file = &self.merchant.file;
        if file.start.is_none() && file.restart.is_none() {
            return self.absent("restart", "restart");
        }
        let detail = match trial.shop().restart().await {
            Err(error) => return self.note("restart", Rehearsed::Fails, error.to_string()),
            Ok(Restarted::Ended) => "killed, and ready again".to_owned(),
            Ok(Restarted::Unknown) => {
                format!("the command ended well, and the shop answers; {UNSEEN_RESTART}")
            }
        };
        self.note("restart", Rehearsed::Works, detail);
        let wanted = if Self::is_given_back(trial) { Belief::GivenBack } else { Belief::Paid };
        self.beliefs(trial, AFTER_RESTART, "sold", &[wanted]).await;
    }
}

impl ObservedOrder {
    fn of(trial: &ShopTrial, name: &str) -> Option<Self> {
        let order = trial.order(name)?;
        let history = trial.history();
        let is_meant = |merchant_id: &str, tx_id: &str| {
            merchant_id == order.merchant_id && Some(tx_id) == order.tx_id.as_deref()
        };
        let known = history.orders.iter().find(|it| is_meant(&it.merchant_id, &it.tx_id)).cloned();
        let notices = history.deliveries.iter();
        let notices = notices.filter(|it| is_meant(&it.merchant_id, &it.tx_id)).cloned().collect();
        Some(Self { order, known, notices })
    }
}
