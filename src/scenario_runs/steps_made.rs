//! Steps of `drive` that a command made in place of the merchant: counted, and compared in all that a step states and the
//! journal can tell. What a step leaves open is the merchant's choice, and so are its own names of orders and clients.

use super::gaps::asks_for_refusal;
use crate::base::{Literal, Operation, Reason, sort_by_key};
use crate::gateway;
use crate::ledger::{OrderKind, Target};
use crate::scenario::{
    Decimal, DriveStep, OrderFact, Period, Register, RequestFact, Scenario, SpaceHistory, Trt,
};
use crate::space::{JournalEntry, Space};

/// The most steps that a sentence tells.
const TOLD_MAX: usize = 3;

/// Facts of a run in which a command played the merchant.
pub(super) struct StepsMade<'h> {
    pub(super) scenario: &'h Scenario,
    pub(super) space: &'h Space,
    pub(super) history: &'h SpaceHistory,
}

/// One thing that somebody did to an order, with the members by which it is compared. A masked one may be anything.
struct MadeStep {
    tx_id: Option<String>,
    members: Vec<(String, String)>,
}

/// A step as it is stated: so many for one order, each with these members.
struct Wanted<'s> {
    copies: usize,
    stated: Vec<(&'s str, Test)>,
}

/// Test of a member.
enum Test {
    Is(String),
    Not(&'static str),
    Amount(Decimal),
    Card(String),
    Present,
}

impl StepsMade<'_> {
    /// A sentence for each kind of step that was made less often than `drive` has it, and for each that was made otherwise than
    /// it states, in the order of the steps.
    pub(super) fn missing(&self) -> Vec<String> {
        let steps = &self.scenario.drive;
        let mut missing = Vec::new();
        for (at, step) in steps.iter().enumerate() {
            let is_alike = |other: &DriveStep| kind(other) == kind(step);
            if steps[..at].iter().any(is_alike) {
                continue;
            }
            let alike = steps.iter().filter(|step| is_alike(step));
            let name = step.name();
            match step {
                DriveStep::Advance(_) => missing.extend(self.too_early(alike)),
                DriveStep::Idle => missing.extend(self.still_due()),
                DriveStep::Return(_)
                | DriveStep::Resend(_)
                | DriveStep::Probe(_)
                | DriveStep::Wait(_)
                | DriveStep::OtherOrders(_)
                | DriveStep::Restart => missing.push(format!(
                    "step `{name}` of `drive`: with a command, nobody sees whether it is made"
                )),
                _ => missing.extend(unmade(name, alike, self.like(step))),
            }
        }
        missing
    }

    /// All that was done of the step's kind.
    fn like(&self, step: &DriveStep) -> Vec<MadeStep> {
        match step {
            DriveStep::Register(_) | DriveStep::Burst(_) => self.registrations(),
            DriveStep::Pay(_) => self.payments(),
            DriveStep::Trigger(_) => self.read(|entry| {
                let is_trigger = entry.more().control == Some("trigger") && entry.status < 400;
                is_trigger.then(|| MadeStep::of(&gateway::request_fact(entry)))
            }),
            DriveStep::Status(_) => self.calls(Operation::Status),
            DriveStep::Reversal(_) => self.calls(Operation::Reversal),
            DriveStep::Refund(_) => self.calls(Operation::Refund),
            DriveStep::Complete(_) => self.calls(Operation::PreAuthCompletion),
            DriveStep::Orders => self.calls(Operation::Orders),
            DriveStep::Reconcile => self.calls(Operation::Reconciliation),
            DriveStep::Bind(_) => self.calls(Operation::BindingRegister),
            DriveStep::QrCompletion(_) => self.calls(Operation::NotifyCompletion),
            // They are looked at otherwise.
            DriveStep::Return(_)
            | DriveStep::Resend(_)
            | DriveStep::Probe(_)
            | DriveStep::Restart
            | DriveStep::Advance(_)
            | DriveStep::Wait(_)
            | DriveStep::OtherOrders(_)
            | DriveStep::Idle => Vec::new(),
        }
    }

    /// Calls of an operation, without those that the gateway did not even look into.
    fn calls(&self, operation: Operation) -> Vec<MadeStep> {
        let is_it = |call: &&RequestFact| {
            call.operation == Some(operation) && (call.rule.is_some() || is_heard(call.reason))
        };
        self.history.requests.iter().filter(is_it).map(MadeStep::of).collect()
    }

    /// Registrations that made an order, or were kept from it by a rule or as the test wants it; and orders that a link made.
    fn registrations(&self) -> Vec<MadeStep> {
        let is_order = |call: &RequestFact| {
            let known = &self.history.orders;
            known.iter().any(|order| call.is_about(&order.merchant_id, &order.tx_id))
        };
        let asks_for_refusal =
            self.scenario.expect.iter().any(|it| asks_for_refusal(it, Operation::Register));
        let calls = self.history.requests.iter();
        let calls: Vec<&RequestFact> =
            calls.filter(|call| call.operation == Some(Operation::Register)).collect();
        let own =
            calls.iter().filter(|call| asks_for_refusal || call.rule.is_some() || is_order(call));
        let mut made: Vec<MadeStep> = own.map(|call| MadeStep::of(call)).collect();
        self.space.read(|view| {
            for order in view.ledger.orders_after(None) {
                let merchant = &view.ledger.terminal(order).merchant;
                if calls.iter().any(|call| call.is_about(merchant, &order.tx_id)) {
                    continue;
                }
                let trt = match order.kind {
                    OrderKind::Purchase => Trt::Purchase,
                    OrderKind::PreAuth => Trt::PreAuth,
                };
                let members = [
                    ("merchantId", merchant.to_string()),
                    ("amount", order.amount.fixed(order.currency)),
                    ("currency", order.currency.code().to_owned()),
                    ("trt", trt.name().to_owned()),
                    ("paymentMethod", order.method.name().to_owned()),
                ];
                let members = members.map(|(name, value)| (name.to_owned(), value)).to_vec();
                made.push(MadeStep { tx_id: Some(order.tx_id.to_string()), members });
            }
        });
        made
    }

    /// Payments through the control plane, and one for each order that was paid on pages.
    fn payments(&self) -> Vec<MadeStep> {
        let mut paged: Vec<String> = Vec::new();
        self.read(|entry| {
            let control = entry.more().control;
            let is_control = control == Some("pay");
            let is_other = entry.operation.is_some() || control.is_some() && !is_control;
            if is_other || entry.status >= 400 {
                return None;
            }
            let call = gateway::request_fact(entry);
            let mut one = MadeStep::of(&call);
            if !is_control {
                let tx_id = call.tx_id.clone()?;
                if paged.contains(&tx_id) {
                    return None;
                }
                paged.push(tx_id);
            }
            let named = call.merchant_id.as_deref().zip(call.tx_id.as_deref());
            let outcome = if is_control { Some(entry.reason) } else { self.ended(named) };
            let outcome = outcome.filter(|_| entry.more().rule.is_none());
            one.note("outcome", outcome.map_or("*", Reason::name));
            if let Some((merchant, tx_id)) = named.filter(|_| one.member("card").is_none()) {
                let account = self.space.read(|view| {
                    let order = view.ledger.find(Target::Named { merchant, tx_id })?;
                    Some(order.instrument.as_deref()?.account.to_string())
                });
                if let Some(account) = account {
                    one.note("card", &account);
                }
            }
            Some(one)
        })
    }

    /// The end of an order's payment; `None` where it has none.
    fn ended(&self, named: Option<(&str, &str)>) -> Option<Reason> {
        let (merchant, tx_id) = named?;
        let is_it = |order: &&OrderFact| (&*order.merchant_id, &*order.tx_id) == (merchant, tx_id);
        let order = self.history.orders.iter().find(is_it)?;
        if order.count("approved") > 0 { Some(Reason::Success) } else { order.reason }
    }

    fn read(&self, one: impl FnMut(&JournalEntry) -> Option<MadeStep>) -> Vec<MadeStep> {
        let entries: Vec<JournalEntry> =
            self.space.read_journal(|journal| journal.iter().cloned().collect());
        entries.iter().filter_map(one).collect()
    }

    fn too_early<'s>(&self, steps: impl Iterator<Item = &'s DriveStep>) -> Option<String> {
        let periods =
            steps.map(|step| if let DriveStep::Advance(period) = step { period.ms() } else { 0 });
        let wanted: u64 = periods.sum();
        let passed = (self.history.now.0 - self.history.born.0).max(0).unsigned_abs();
        (passed < wanted).then(|| {
            let (wanted, passed) = (Period(wanted), Period(passed));
            format!("step `advance` of `drive`: {wanted} are to pass, {passed} passed until the command ended")
        })
    }

    fn still_due(&self) -> Option<String> {
        let left = self.space.activity();
        let is_idle = !left.is_busy && left.attempts.is_empty() && left.next_errand.is_none();
        (!is_idle).then(|| {
            "step `idle` of `drive`: push-backs or replies were still to come when the command ended".to_owned()
        })
    }
}

/// The name of steps that are counted together.
fn kind(step: &DriveStep) -> &'static str {
    if step.registers() > 0 { "register" } else { step.name() }
}

/// Returns true unless the gateway refused a call before it looked for what the call is about.
const fn is_heard(reason: Reason) -> bool {
    !matches!(
        reason,
        Reason::MalformedJson
            | Reason::TooLarge
            | Reason::FieldMissing
            | Reason::FieldInvalid
            | Reason::MerchantUnknown
            | Reason::TerminalUnknown
            | Reason::TokenInvalid
            | Reason::SignMissing
            | Reason::SignInvalid
    )
}

/// Sentences on steps of one kind that nobody made, or not as they state.
fn unmade<'s>(
    name: &str,
    steps: impl Iterator<Item = &'s DriveStep>,
    made: Vec<MadeStep>,
) -> Vec<String> {
    let mut wanted: Vec<Wanted<'_>> = steps.flat_map(Wanted::of).collect();
    let number: usize = wanted.iter().map(|wanted| wanted.copies).sum();
    if made.len() < number {
        // Orders that are missing are told of by themselves.
        let few = (name != "register" && name != "burst").then(|| {
            format!(
                "step `{name}` of `drive`: {number} wanted, {} made until the command ended",
                made.len()
            )
        });
        return few.into_iter().collect();
    }
    let all: Vec<&MadeStep> = made.iter().collect();
    let mut left = all.clone();
    sort_by_key(&mut wanted, |wanted| std::cmp::Reverse((wanted.copies, wanted.stated.len())));
    let mut missing: Vec<String> = Vec::new();
    for wanted in wanted.iter().filter(|it| it.copies > 1 || !it.stated.is_empty()) {
        if !wanted.take(&mut left) {
            missing.push(format!(
                "step `{name}` of `drive`: wanted {wanted}; the command made {}, so that something else happened than the scenario says",
                wanted.told(&all)
            ));
        }
    }
    missing.dedup();
    missing
}

impl MadeStep {
    fn of(call: &RequestFact) -> Self {
        Self { tx_id: call.tx_id.clone(), members: call.fields.clone() }
    }

    fn note(&mut self, name: &str, value: &str) {
        self.members.retain(|(known, _)| known != name);
        self.members.push((name.to_owned(), value.to_owned()));
    }

    fn member(&self, name: &str) -> Option<&str> {
        let member = self.members.iter().find(|(known, value)| known == name && !value.is_empty());
        member.map(|(_, value)| value.as_str())
    }
}

impl<'s> Wanted<'s> {
    /// The statements of a step, once for each order that it registers.
    fn of(step: &'s DriveStep) -> Vec<Self> {
        let one = |copies, stated: Vec<(&'s str, Option<Test>)>| {
            let stated = stated.into_iter().filter_map(|(name, test)| Some((name, test?)));
            vec![Self { copies, stated: stated.collect() }]
        };
        let card = |card: &Option<String>| card.clone().map(Test::Card);
        match step {
            DriveStep::Register(register) => one(1, registered(register)),
            DriveStep::Burst(burst) => {
                (0..burst.orders).flat_map(|_| one(1, registered(&burst.each))).collect()
            }
            DriveStep::Refund(step) | DriveStep::Complete(step) => {
                one(step.times(), vec![("amount", step.amount.map(Test::Amount))])
            }
            DriveStep::Pay(pay) => {
                let outcome = pay.outcome.map(|outcome| Test::Is(outcome.name().to_owned()));
                one(1, vec![("outcome", outcome), ("card", card(&pay.card))])
            }
            DriveStep::Bind(bind) => one(1, vec![("wdlAcNo", card(&bind.card))]),
            DriveStep::QrCompletion(told) => {
                let failed = told.failed.then_some(Test::Not("0000"));
                one(1, vec![("AMOUNT", told.amount.map(Test::Amount)), ("RESULT_CODE", failed)])
            }
            DriveStep::Trigger(step) => {
                one(1, vec![("event", Some(Test::Is(step.event.name().to_owned())))])
            }
            _ => one(1, Vec::new()),
        }
    }

    /// Takes as many for one order as it wants; false where there are not so many.
    fn take(&self, left: &mut Vec<&MadeStep>) -> bool {
        let fits =
            |one: &MadeStep| self.stated.iter().all(|(name, test)| test.holds(one.member(name)));
        let fitting: Vec<usize> = (0..left.len()).filter(|at| fits(left[*at])).collect();
        let of_one = fitting.iter().find_map(|first| {
            let same = fitting.iter().filter(|at| left[**at].tx_id == left[*first].tx_id);
            let same: Vec<usize> = same.copied().take(self.copies).collect();
            (same.len() == self.copies).then_some(same)
        });
        let Some(taken) = of_one else { return false };
        for at in taken.into_iter().rev() {
            left.remove(at);
        }
        true
    }

    /// The same members of what was done.
    fn told(&self, made: &[&MadeStep]) -> String {
        let members = |one: &MadeStep| {
            let told = self.stated.iter().map(|(name, _)| {
                one.member(name).map_or(format!("no {name}"), |value| format!("{name} {value}"))
            });
            told.collect::<Vec<_>>().join(", ")
        };
        if self.copies > 1 {
            return format!("{} for all orders", made.len());
        }
        let mut told: Vec<String> = made.iter().map(|one| members(one)).collect();
        told.dedup();
        let more = told.len().saturating_sub(TOLD_MAX);
        told.truncate(TOLD_MAX);
        let told = told.join("; ");
        if more > 0 { format!("{told}, and {more} more") } else { told }
    }
}

impl std::fmt::Display for Wanted<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let stated = self.stated.iter().map(|(name, test)| format!("{name} {test}"));
        let copies = (self.copies > 1).then(|| format!("{} for one order", self.copies));
        f.write_str(&copies.into_iter().chain(stated).collect::<Vec<_>>().join(", "))
    }
}

/// The members that a registration states.
fn registered(register: &Register) -> Vec<(&str, Option<Test>)> {
    let is = |value: &str| Test::Is(value.to_owned());
    let fields = register
        .fields
        .0
        .iter()
        .map(|(name, value)| (name.as_str(), Some(is(&Literal::from_json(&value.0).text()))));
    let own = [
        ("merchantId", register.merchant_id.as_deref().map(is)),
        ("amount", register.amount.map(Test::Amount)),
        ("currency", register.currency.map(|it| is(it.code()))),
        ("trt", register.trt.map(|it| is(it.name()))),
        ("paymentMethod", register.payment_method.map(|it| is(it.name()))),
        ("bindingId", register.saved_card_of.as_ref().map(|_| Test::Present)),
    ];
    own.into_iter().chain(fields).collect()
}

/// All that is told of a card's number.
fn last_digits(card: &str) -> &str {
    card.get(card.len().saturating_sub(4)..).unwrap_or_default()
}

impl Test {
    fn holds(&self, value: Option<&str>) -> bool {
        let Some(value) = value else { return false };
        match self {
            Self::Card(card) => value.ends_with(last_digits(card)),
            _ if value.contains('*') => true,
            Self::Is(wanted) => value.eq_ignore_ascii_case(wanted),
            Self::Not(unwanted) => value != *unwanted,
            Self::Amount(wanted) => Decimal::parse(value) == Some(*wanted),
            Self::Present => true,
        }
    }
}

impl std::fmt::Display for Test {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Is(wanted) => f.write_str(wanted),
            Self::Not(unwanted) => write!(f, "other than {unwanted}"),
            Self::Amount(wanted) => wanted.fmt(f),
            Self::Card(card) => write!(f, "…{}", last_digits(card)),
            Self::Present => f.write_str("present"),
        }
    }
}
