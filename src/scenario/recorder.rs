//! The way back: from what happened in a space to the scenario that does it again.

use std::collections::HashSet;

use super::codec::{Decimal, Json, Many, Times};
use super::history::{DeliveryFact, OrderFact, RequestFact, SpaceHistory};
use super::lint::REACH_MS;
use super::model::{
    AmountStep, AmountTest, Belief, Bind, DeliveryExpectation, DriveStep, Expectation,
    ExpectedCause, LedgerExpectation, Members, OrderExpectation, OrderStep, Pay, QrCompletion,
    Register, Rule, Scenario, ShopExpectation, Subject, TriggerKind, TriggerStep, Trt,
};
use crate::base::{
    Amount, Currency, Millis, Named, Operation, OrderState, PaymentMethod, Period, Reason, sort_by,
    sort_by_key,
};

/// Everything done in a space, by whomever.
#[derive(Clone, Debug)]
pub struct Recording {
    /// Name for the scenario, such as `order 1606193062038`.
    pub name: String,
    /// The space's seed.
    pub seed: u64,
    /// Its rules.
    pub rules: Vec<Rule>,
    /// The merchants that every space has, the usual one first.
    pub merchants: Vec<String>,
    /// The numbers of the test cards.
    pub cards: Vec<String>,
    /// Calls, orders and push-backs.
    pub history: SpaceHistory,
    /// Actions beside calls.
    pub plays: Vec<PlayFact>,
    /// Requests that the journal has dropped.
    pub forgotten: u64,
    /// True if the space was brought back to a snapshot: its journal goes on, and has what was undone, too.
    pub restored: bool,
}

/// Something that the payer did, or that was made to happen to an order.
#[derive(Clone, Debug)]
pub struct PlayFact {
    /// Its name in the journal.
    pub trace: String,
    /// Time.
    pub at: Millis,
    /// `merchantId`.
    pub merchant_id: String,
    /// `txId`.
    pub tx_id: String,
    /// The action.
    pub act: Action,
}

/// Actions on an order.
#[derive(Clone, Debug)]
pub enum Action {
    /// The payer paid; the order is filled in by [`record`].
    Pay(Pay),
    /// An event.
    Trigger(TriggerKind),
}

/// A scenario that does again what was done.
#[derive(Clone, Debug)]
pub struct Recorded {
    /// The scenario.
    pub scenario: Scenario,
    /// Parts that the scenario leaves out, with the reason; one sentence each.
    pub notes: Vec<String>,
}

impl Recorded {
    /// The scenario of rules alone, of the space of this name.
    pub fn of_rules(space: &str, rules: Vec<Rule>) -> Self {
        let scenario = Scenario {
            version: 1,
            id: format!("rules-{space}"),
            title: format!("Rules of the space {space}"),
            about: None,
            why: None,
            correct: None,
            mistakes: Vec::new(),
            requires: Vec::new(),
            seed: None,
            profile: Vec::new(),
            rules,
            drive: Vec::new(),
            expect: Vec::new(),
        };
        let note =
            "it has rules only: add `drive` and `expect`, or run it with a command of your own";
        Self { scenario, notes: vec![note.to_owned()] }
    }

    /// The file, with the notes as comments on top.
    pub fn to_yaml(&self) -> String {
        let mut text = String::new();
        for note in &self.notes {
            text.extend(["# ", &note.replace(char::is_control, " "), "\n"]);
        }
        text + &self.scenario.to_yaml()
    }
}

/// Shorter pauses are those of a person who looks for the next button.
const PAUSE_MS: i64 = 5000;
/// Least pause in milliseconds where a rule has a window: steps have a second between them anyway.
const PAUSE_IN_WINDOWS_MS: i64 = 1000;

/// Writes the scenario of what was done.
pub fn record(done: &Recording) -> Recorded {
    let mut writer = YamlWriter::new(done);
    let mut actions = writer.actions();
    // Those of one moment stay in the order of their names.
    sort_by_key(&mut actions, RecordedDeed::at);
    for action in &actions {
        writer.write(action);
    }
    writer.end();
    let advances = writer.steps.iter().map(|step| match step {
        DriveStep::Advance(period) | DriveStep::Wait(period) => period.ms(),
        _ => 0,
    });
    if advances.sum::<u64>() > REACH_MS {
        let note =
            "More than a year passed; `payon-sim run` ends a scenario after a year, as failed.";
        writer.notes.push(note.to_owned());
    }
    let slug: String = done
        .name
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' })
        .take(48)
        .collect();
    let expect = writer.expect();
    let YamlWriter { steps, notes, .. } = writer;
    let scenario = Scenario {
        version: 1,
        id: format!("recorded-{}", slug.trim_matches('-')),
        title: format!("Recorded: {}", done.name),
        about: None,
        why: None,
        correct: None,
        mistakes: Vec::new(),
        requires: Vec::new(),
        seed: Some(done.seed),
        profile: Vec::new(),
        rules: done.rules.clone(),
        drive: steps,
        expect,
    };
    Recorded { scenario, notes }
}

/// One thing that was done.
enum RecordedDeed<'a> {
    Call(&'a RequestFact),
    Play(&'a PlayFact),
    /// A push-back was delivered once more.
    Resend(Millis, &'a DeliveryFact),
}

impl RecordedDeed<'_> {
    fn at(&self) -> Millis {
        match self {
            Self::Call(call) => call.at,
            Self::Play(action) => action.at,
            Self::Resend(at, _) => *at,
        }
    }

    fn trace(&self) -> &str {
        match self {
            Self::Call(call) => &call.trace,
            Self::Play(action) => &action.trace,
            Self::Resend(..) => "",
        }
    }
}

struct YamlWriter<'a> {
    done: &'a Recording,
    steps: Vec<DriveStep>,
    notes: Vec<String>,
    /// Orders in the order of their registration, by merchant and `txId`; the place gives the name.
    orders: Vec<(&'a str, &'a str)>,
    /// Time at which the deed before was done.
    last: Option<Millis>,
    /// Calls for an order in which a rule stepped in: a correct merchant copes with that by itself.
    disturbed: HashSet<(Operation, &'a str)>,
}

impl<'a> YamlWriter<'a> {
    fn new(done: &'a Recording) -> Self {
        let mut notes = Vec::new();
        if done.forgotten > 0 {
            let count = done.forgotten;
            notes.push(format!(
                "The journal has dropped {count} older requests; they are not repeated."
            ));
        }
        if done.restored {
            notes.push(
                "The space was restored to a snapshot: what was done and undone before that is repeated as well, so a run \
                 comes to another end. Record in a space that was not restored."
                    .to_owned(),
            );
        }
        Self {
            done,
            steps: Vec::new(),
            notes,
            orders: Vec::new(),
            last: None,
            disturbed: HashSet::new(),
        }
    }

    /// Everything that was done, calls and plays in the order of their names.
    fn actions(&self) -> Vec<RecordedDeed<'a>> {
        let Recording { history, plays, .. } = self.done;
        let calls = history.requests.iter().map(RecordedDeed::Call);
        let mut actions: Vec<RecordedDeed<'a>> =
            calls.chain(plays.iter().map(RecordedDeed::Play)).collect();
        sort_by(&mut actions, |one, other| one.trace().cmp(other.trace()));
        for delivery in &history.deliveries {
            let taken = delivery.attempts.iter().position(|attempt| attempt.status == Some(200));
            let later = taken.map_or(&[][..], |at| &delivery.attempts[at + 1..]);
            actions.extend(later.iter().map(|attempt| RecordedDeed::Resend(attempt.at, delivery)));
        }
        actions
    }

    fn write(&mut self, action: &RecordedDeed<'a>) {
        let step = match action {
            RecordedDeed::Call(call) => self.call(call),
            RecordedDeed::Play(action) => self.action(action),
            RecordedDeed::Resend(_, delivery) => {
                let place = self.place(&delivery.merchant_id, &delivery.tx_id);
                place.map(|place| DriveStep::Resend(OrderStep { order: name_of(place) }))
            }
        };
        let Some(step) = step else { return };
        if matches!(step, DriveStep::Status(_)) && self.steps.last() == Some(&step) {
            return;
        }
        self.pass_time(action.at());
        self.steps.push(step);
    }

    /// Time that passed since the deed before.
    fn pass_time(&mut self, at: Millis) {
        let passed = self.last.map_or(0, |last| at.0 - last.0);
        let has_windows = self.done.rules.iter().any(|rule| rule.when.window.is_some());
        if passed >= if has_windows { PAUSE_IN_WINDOWS_MS } else { PAUSE_MS } {
            let seconds = passed / 1000;
            self.steps.push(DriveStep::Advance(Period(seconds.unsigned_abs() * 1000)));
        }
        self.last = Some(at);
    }

    fn call(&mut self, call: &'a RequestFact) -> Option<DriveStep> {
        let operation = call.operation?;
        let tx_id = call.tx_id.as_deref();
        let of = tx_id.map(|tx_id| format!(" of {tx_id}")).unwrap_or_default();
        let name = operation.name();
        if call.reason != Reason::Success && call.rule.is_none() {
            let reason = call.reason.name();
            self.notes.push(format!(
                "{name}{of} was refused ({reason}) and changed nothing; it is not repeated."
            ));
            return None;
        }
        if let Some(tx_id) = tx_id {
            if self.disturbed.contains(&(operation, tx_id)) {
                self.notes.push(format!(
                    "{name}{of} was repeated after a rule had stepped in; a correct merchant copes by itself."
                ));
                return None;
            }
            if call.rule.is_some() {
                self.disturbed.insert((operation, tx_id));
            }
        }
        let merchant = call.merchant_id.as_deref().unwrap_or_default();
        let order = tx_id.and_then(|tx_id| self.place(merchant, tx_id)).map(name_of);
        let amount = || field(call, "amount").and_then(Decimal::parse);
        let step = match operation {
            Operation::Register => return self.register(call),
            Operation::Reversal => DriveStep::Reversal(OrderStep { order: order? }),
            Operation::Refund => {
                DriveStep::Refund(AmountStep { order: order?, amount: amount(), copies: None })
            }
            Operation::PreAuthCompletion => {
                DriveStep::Complete(AmountStep { order: order?, amount: amount(), copies: None })
            }
            Operation::Status => DriveStep::Status(OrderStep { order: order? }),
            Operation::Orders => DriveStep::Orders,
            Operation::Reconciliation => DriveStep::Reconcile,
            Operation::BindingRegister => {
                let card = field(call, "wdlAcNo").and_then(|masked| self.card(masked));
                DriveStep::Bind(Bind { client_id: field(call, "clientId")?.to_owned(), card })
            }
            Operation::NotifyCompletion => {
                let failed = self.order(merchant, tx_id?)?.count("failed") > 0;
                DriveStep::QrCompletion(QrCompletion { order: order?, amount: None, failed })
            }
            _ => {
                self.notes.push(format!("{name}{of} has no step of its own in a scenario."));
                return None;
            }
        };
        Some(step)
    }

    fn register(&mut self, call: &'a RequestFact) -> Option<DriveStep> {
        let (merchant, tx_id) = (call.merchant_id.as_deref()?, call.tx_id.as_deref()?);
        if self.orders.contains(&(merchant, tx_id)) {
            return None;
        }
        let fact = self.order(merchant, tx_id)?;
        let order = name_of(self.orders.len());
        self.orders.push((merchant, tx_id));
        let usual = self.done.merchants.first().map(String::as_str) == Some(merchant);
        let known = self.done.merchants.iter().any(|known| known == merchant);
        let suffixes = self.done.rules.iter().filter_map(|rule| rule.when.tx_id_suffix.as_ref());
        let suffix = suffixes.flat_map(|suffixes| &suffixes.0).find(|end| tx_id.ends_with(&***end));
        let pre_auth = field(call, "trt") == Some(Trt::PreAuth.name());
        let method = field(call, "paymentMethod").and_then(PaymentMethod::of_name);
        Some(DriveStep::Register(Register {
            order,
            merchant_id: (known && !usual).then(|| merchant.to_owned()),
            amount: Some(Decimal::of(fact.amount, fact.currency)),
            currency: (fact.currency != Currency::Usd).then_some(fact.currency),
            trt: pre_auth.then_some(Trt::PreAuth),
            payment_method: method.filter(|method| *method != PaymentMethod::CreditDebit),
            tx_id_suffix: suffix.cloned(),
            header: None,
            saved_card_of: None,
            fields: Members(saved_card(call)),
        }))
    }

    fn action(&mut self, action: &'a PlayFact) -> Option<DriveStep> {
        let order = name_of(self.place(&action.merchant_id, &action.tx_id)?);
        Some(match &action.act {
            Action::Pay(pay) => DriveStep::Pay(Pay { order, ..pay.clone() }),
            Action::Trigger(event) => DriveStep::Trigger(TriggerStep { order, event: *event }),
        })
    }

    /// Adds the passing of time after the last action; then the push-backs have their time.
    fn end(&mut self) {
        let orders = &self.done.history.orders;
        let moved = orders.iter().flat_map(|order| &order.changes).map(|change| change.at).max();
        if let Some(moved) = moved.filter(|moved| self.last.is_some_and(|last| *moved > last)) {
            self.pass_time(moved);
        }
        self.steps.push(DriveStep::Idle);
    }

    /// The only test card that looks like this once it is masked.
    fn card(&self, masked: &str) -> Option<String> {
        let (head, tail) = (masked.split('*').next()?, masked.rsplit('*').next()?);
        let looks = |card: &&String| card.starts_with(head) && card.ends_with(tail);
        let mut fitting = self.done.cards.iter().filter(looks);
        fitting.next().filter(|_| !tail.is_empty() && fitting.next().is_none()).cloned()
    }

    fn order(&self, merchant: &str, tx_id: &str) -> Option<&'a OrderFact> {
        let mut orders = self.done.history.orders.iter();
        orders.find(|order| order.merchant_id == merchant && order.tx_id == tx_id)
    }

    /// The place of an order among those that were registered.
    fn place(&self, merchant: &str, tx_id: &str) -> Option<usize> {
        self.orders.iter().position(|order| *order == (merchant, tx_id))
    }

    /// Facts that must hold afterwards: states and amounts, push-backs, sums.
    fn expect(&mut self) -> Vec<Expectation> {
        let orders: Vec<&OrderFact> = self
            .orders
            .iter()
            .filter_map(|(merchant, tx_id)| self.order(merchant, tx_id))
            .collect();
        let mut expect = Vec::new();
        let mut kinds: Vec<(OrderExpectation, u32)> = Vec::new();
        // A run goes on until nothing is due any more.
        let is_unpaid = |order: &&&OrderFact| order.state == OrderState::Registered;
        let all_decided = !orders.iter().any(|order| is_unpaid(&order));
        for order in orders.iter().filter(is_unpaid) {
            let tx_id = &order.tx_id;
            self.notes.push(format!(
                "{tx_id} is still registered; a run goes on until its time is over."
            ));
        }
        for order in &orders {
            let mut kind = expected(order);
            if self.is_refunded_too_often(order) {
                // What was given back twice is the mistake; the answer of a correct merchant is not known here.
                (kind.state, kind.returned) = (None, None);
                self.notes.push(format!(
                    "More was given back of {} than the scenario asks for; how much is not expected.",
                    order.tx_id
                ));
            }
            match kinds.iter_mut().find(|(known, _)| *known == kind) {
                Some((_, count)) => *count += 1,
                None => kinds.push((kind, 1)),
            }
        }
        let several = orders.len() > 1;
        for (mut kind, count) in kinds {
            kind.exactly = several.then_some(count);
            expect.push(Expectation::of(Subject::Order(kind)));
        }
        let is_doubled = orders.iter().any(|order| self.is_refunded_too_often(order));
        if !is_doubled {
            expect.extend(expect_belief(&orders, !self.done.rules.is_empty()));
        }
        expect.extend(self.expect_pushbacks(&orders, all_decided));
        for currency in [Currency::Usd, Currency::Khr] {
            let own: Vec<_> = orders.iter().filter(|order| order.currency == currency).collect();
            if own.is_empty() {
                continue;
            }
            let sum = |of: fn(&OrderFact) -> Amount| {
                let minor = own.iter().map(|order| of(order).minor()).sum();
                Some(exactly(Amount::from_minor(minor), currency))
            };
            let ledger = LedgerExpectation {
                currency: (currency != Currency::Usd).then_some(currency),
                captured: sum(|order| order.captured),
                returned: sum(OrderFact::returned).filter(|_| !is_doubled),
                net: None,
                balanced: true,
            };
            expect.push(Expectation::of(Subject::Ledger(ledger)));
        }
        expect
    }

    /// Returns true if more refunds of the order were booked than the scenario has steps for: its merchant has repeated one
    /// that was booked, for the answer was lost.
    fn is_refunded_too_often(&self, order: &OrderFact) -> bool {
        let Some(place) = self.place(&order.merchant_id, &order.tx_id) else { return false };
        let is_own =
            |step: &&DriveStep| matches!(step, DriveStep::Refund(it) if it.order == name_of(place));
        order.count("refunded") > self.steps.iter().filter(is_own).count()
    }

    /// Number of push-backs of each cause. The built-in merchant always has an address for them.
    fn expect_pushbacks(&mut self, orders: &[&OrderFact], all_closed: bool) -> Vec<Expectation> {
        let told = |order: &OrderFact, delivery: &DeliveryFact| {
            (&delivery.merchant_id, &delivery.tx_id) == (&order.merchant_id, &order.tx_id)
        };
        let deliveries: Vec<_> = self.done.history.deliveries.iter().collect();
        let silent = orders.iter().any(|order| {
            order.changes.len() > 1 && !deliveries.iter().any(|delivery| told(order, delivery))
        });
        if silent {
            self.notes.push(
                "An order had no address for push-backs, or none was due; how many there are is not checked."
                    .to_owned(),
            );
            return Vec::new();
        }
        let is_doubled = orders.iter().any(|order| self.is_refunded_too_often(order));
        let deliveries = deliveries.into_iter().filter(|it| !is_doubled || it.cause != "refunded");
        let mut causes: Vec<(&str, u32)> = Vec::new();
        for delivery in deliveries {
            match causes.iter_mut().find(|(cause, _)| *cause == delivery.cause) {
                Some((_, count)) => *count += 1,
                None => causes.push((&delivery.cause, 1)),
            }
        }
        let expected = causes.into_iter().map(|(cause, count)| DeliveryExpectation {
            tx_id: None,
            cause: ExpectedCause::ALL
                .iter()
                .find(|known| known.name() == cause)
                .map(|cause| Many(vec![*cause])),
            code: None,
            tampering: None,
            acknowledged: None,
            attempts: None,
            status: None,
            answered: None,
            at_least: (!all_closed).then_some(count),
            at_most: None,
            exactly: all_closed.then_some(count),
        });
        expected.map(|one| Expectation::of(Subject::Pushback(one))).collect()
    }
}

/// The members by which an order names a card that was saved. A merchant who saves one in the scenario names that.
fn saved_card(call: &RequestFact) -> Vec<(String, Json)> {
    let given = ["clientId", "bindingId"].map(|name| {
        let value = field(call, name).filter(|value| !value.is_empty())?;
        Some((name.to_owned(), Json(serde_json::Value::from(value).to_string())))
    });
    let all: Option<Vec<_>> = given.into_iter().collect();
    all.unwrap_or_default()
}

/// The name of the order at this place; the first needs none.
fn name_of(place: usize) -> Option<String> {
    (place > 0).then(|| format!("{}-{}", DriveStep::FIRST_ORDER, place + 1))
}

fn field<'f>(call: &'f RequestFact, name: &str) -> Option<&'f str> {
    let mut fields = call.fields.iter();
    fields.find(|(known, _)| known == name).map(|(_, value)| value.as_str())
}

fn exactly(amount: Amount, currency: Currency) -> AmountTest {
    let eq = Some(Decimal::of(amount, currency));
    AmountTest { eq, gte: None, lte: None, gt: None, lt: None }
}

/// A merchant's belief in the end where all orders have the same result. Where no rule gets in its way it has sent the
/// goods of each payment once.
fn expect_belief(orders: &[&OrderFact], is_disturbed: bool) -> Option<Expectation> {
    let is_untouched =
        |order: &OrderFact| (order.authorised, order.captured) == (Amount::ZERO, Amount::ZERO);
    let belief = |order: &OrderFact| match order.state {
        OrderState::Captured | OrderState::PartlyRefunded => Some(Belief::Paid),
        OrderState::Refunded if order.count("chargedBack") == 0 => Some(Belief::GivenBack),
        OrderState::Registered | OrderState::Cancelled => Some(Belief::Unpaid),
        OrderState::Expired | OrderState::Failed if is_untouched(order) => Some(Belief::Unpaid),
        _ => None,
    };
    let first = belief(orders.first()?)?;
    if orders.iter().any(|order| belief(order) != Some(first)) {
        return None;
    }
    let shipped = Times::exactly(u32::from(first != Belief::Unpaid));
    let shop = ShopExpectation {
        tx_id: None,
        order_state: None,
        believes: Some(Many(vec![first])),
        shipped: (!is_disturbed).then_some(shipped),
        balanced: false,
    };
    Some(Expectation::of(Subject::Shop(shop)))
}

/// Required state of an order in the end. An order that nobody paid may expire or not: that depends on how long its merchant waits.
fn expected(order: &OrderFact) -> OrderExpectation {
    let mut states = vec![order.state];
    if order.state == OrderState::Registered {
        states.push(OrderState::Expired);
    }
    OrderExpectation {
        tx_id: None,
        merchant_id: None,
        state: Some(Many(states)),
        reason: order.reason.map(|reason| Many(vec![reason])),
        amount: Some(exactly(order.amount, order.currency)),
        captured: Some(exactly(order.captured, order.currency)),
        returned: Some(exactly(order.returned(), order.currency)),
        approved: None,
        completed: None,
        reversed: None,
        refunded: None,
        settled: order.settled.then_some(true),
        at_least: None,
        at_most: None,
        exactly: None,
    }
}
