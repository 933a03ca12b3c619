//! Random lives of orders: the ledger against a naive model that remembers only what happened.
//!
//! The model keeps each order's log and works everything out from it, every time, by looking at all
//! of it: state, sums, deadlines, the order list, what to drop. It has no index and no running sum.

use std::collections::HashMap;

use payon_sim::base::{Amount, Currency, Day, Millis, OrderState, PaymentMethod, Reason};
use payon_sim::ledger::{
    Change, Command, Details, Instrument, InstrumentKind, Ledger, NewOrder, Order, OrderBudget,
    OrderId, OrderKind, Registration, Target, Totals,
};
use payon_sim::profile::{IdenticalRegister, LifecycleRules, UnsettledRefund};
use proptest::prelude::*;
use proptest::sample::select;
use proptest_state_machine::{ReferenceStateMachine, StateMachineTest, prop_state_machine};

use crate::ledger_rules::{DAY_MS, HOUR_MS, MINUTE_MS, rules};

prop_state_machine! {
    // At least 200 x 60 = 12,000 commands a run.
    #![proptest_config(ProptestConfig {
        cases: 200,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]
    #[test]
    fn the_ledger_does_as_the_model(sequential 60..120 => Comparison);
}

/// Merchants and terminals; the second merchant has two.
const TERMINALS: [(&str, &str); 4] = [("M1", "T1"), ("M2", "T1"), ("M2", "T2"), ("M3", "T1")];
const TX_IDS: [&str; 6] = ["a", "b", "c", "d", "e", "f"];
/// Noon of 2 March 2026 in Cambodia.
const OPENING: Millis = Millis(1_772_427_600_000);

/// What is asked of both.
#[derive(Clone, Debug)]
enum Step {
    Register(Request),
    Do {
        order: Name,
        action: Deed,
    },
    /// Time passes; `seen` when somebody then looks what ran out.
    Pass {
        ms: i64,
        seen: bool,
    },
}

/// A registration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Request {
    place: (&'static str, &'static str),
    tx_id: &'static str,
    kind: OrderKind,
    method: PaymentMethod,
    currency: Currency,
    minor: i64,
    client: Option<&'static str>,
}

/// An order by `txId`, or by its place.
#[derive(Clone, Copy, Debug)]
enum Name {
    Tx(&'static str, &'static str),
    At(u64),
}

/// A command in the model's words; amounts in minor units.
#[derive(Clone, Copy, Debug)]
enum Deed {
    Approve { number: u32, late: bool },
    Decline { reason: Reason, late: bool },
    Cancel,
    Complete { minor: i64, currency: Currency },
    Reverse { approval: Approval },
    Refund { minor: Option<i64>, approval: Approval },
    ChargeBack,
    Expire,
    Settle,
}

/// What a request says of the approval number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Approval {
    Unsaid,
    Right,
    Wrong,
}

/// What comes of a step.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Answer {
    New(u64),
    Again(u64),
    Done(u64, Change),
    Refused(Reason),
    /// The orders that ran out of time, in that order.
    RanOut(Vec<u64>),
}

#[derive(Clone, Debug)]
struct Model {
    rules: LifecycleRules,
    orders_max: usize,
    now: i64,
    kept: Vec<Record>,
    registered: u64,
    dropped: u64,
    requests: u64,
    /// How many orders each day has had.
    numbers: HashMap<i32, u32>,
    answer: Answer,
}

/// An order as the model knows it: what was asked for and what happened.
#[derive(Clone, Debug)]
struct Record {
    id: u64,
    request: Request,
    /// The running number of its day.
    number: u32,
    log: Vec<(i64, u64, Change)>,
}

impl Record {
    fn created(&self) -> i64 {
        self.log[0].0
    }

    fn find(&self, wanted: impl Fn(Change) -> bool) -> Option<i64> {
        self.log.iter().find(|(_, _, change)| wanted(*change)).map(|(at, _, _)| *at)
    }

    fn approval(&self) -> Option<(u32, i64)> {
        self.log.iter().find_map(|(at, _, change)| match change {
            Change::Approved { number } => Some((*number, *at)),
            _ => None,
        })
    }

    fn authorised(&self) -> i64 {
        if self.approval().is_some() { self.request.minor } else { 0 }
    }

    fn captured(&self) -> i64 {
        match self.request.kind {
            OrderKind::Purchase => self.authorised(),
            OrderKind::PreAuth => self
                .log
                .iter()
                .map(|(_, _, change)| match change {
                    Change::Completed(amount) => amount.minor(),
                    _ => 0,
                })
                .sum(),
        }
    }

    fn captured_at(&self) -> Option<i64> {
        match self.request.kind {
            OrderKind::Purchase => self.approval().map(|(_, at)| at),
            OrderKind::PreAuth => self.find(|change| matches!(change, Change::Completed(_))),
        }
    }

    fn refunded(&self) -> i64 {
        let back = self.log.iter().map(|(_, _, change)| match change {
            Change::Refunded(amount) | Change::ChargedBack(amount) => amount.minor(),
            _ => 0,
        });
        back.sum()
    }

    /// The last thing that happened to the money.
    fn last(&self) -> Change {
        let moves_nothing = |change: &Change| {
            matches!(change, Change::Settled | Change::Screen(_) | Change::Rejected(_))
        };
        let mut changes = self.log.iter().rev().map(|(_, _, change)| *change);
        changes.find(|change| !moves_nothing(change)).expect("it was registered")
    }

    fn state(&self) -> OrderState {
        match (self.last(), self.request.kind) {
            (Change::Registered, _) => OrderState::Registered,
            (Change::Approved { .. }, OrderKind::PreAuth) => OrderState::Authorised,
            (Change::Approved { .. } | Change::Completed(_), _) => OrderState::Captured,
            (Change::Reversed, _) => OrderState::Reversed,
            (Change::Refunded(_) | Change::ChargedBack(_), _) => {
                if self.refunded() == self.captured() {
                    OrderState::Refunded
                } else {
                    OrderState::PartlyRefunded
                }
            }
            (Change::Failed(_), _) => OrderState::Failed,
            (Change::Cancelled, _) => OrderState::Cancelled,
            (Change::Expired, _) => OrderState::Expired,
            (Change::Settled | Change::Screen(_) | Change::Rejected(_), _) => {
                unreachable!("passed over")
            }
        }
    }

    fn released(&self) -> i64 {
        match self.state() {
            OrderState::Reversed | OrderState::Failed | OrderState::Expired => {
                self.authorised() - self.captured()
            }
            _ if self.captured() > 0 => self.authorised() - self.captured(),
            _ => 0,
        }
    }

    fn failure(&self) -> Option<Reason> {
        match self.last() {
            Change::Failed(reason) => Some(reason),
            Change::Cancelled => Some(Reason::PayerCancelled),
            Change::Expired => Some(Reason::OrderExpired),
            _ => None,
        }
    }

    /// When it runs out, while it can.
    fn deadline(&self, rules: &LifecycleRules) -> Option<i64> {
        match self.state() {
            OrderState::Registered => {
                let qr = [PaymentMethod::Payon, PaymentMethod::BakongKhqr]
                    .contains(&self.request.method);
                let life = if qr { rules.qr_lifetime_ms } else { rules.order_lifetime_ms };
                Some(self.created() + life)
            }
            OrderState::Authorised => self.approval().map(|(_, at)| at + rules.hold_lifetime_ms),
            _ => None,
        }
    }

    fn settled(&self, now: i64, rules: &LifecycleRules) -> bool {
        let early = self.find(|change| change == Change::Settled).is_some();
        let day = |at: i64| (at + 7 * HOUR_MS - rules.settlement_cutoff_ms).div_euclid(DAY_MS);
        let over = self.captured_at().is_some_and(|at| day(at) < day(now));
        let taken_back = [OrderState::Reversed, OrderState::Failed].contains(&self.state());
        (early || over) && !taken_back
    }
}

/// The day in Cambodia.
fn day(at: i64) -> i32 {
    i32::try_from((at + 7 * HOUR_MS).div_euclid(DAY_MS)).expect("a day")
}

impl Model {
    fn find(&self, name: Name) -> Option<usize> {
        self.kept.iter().position(|record| match name {
            Name::Tx(merchant, tx_id) => {
                record.request.place.0 == merchant && record.request.tx_id == tx_id
            }
            Name::At(id) => record.id == id,
        })
    }

    fn register(&mut self, request: Request) -> Answer {
        if let Some(known) = self.find(Name::Tx(request.place.0, request.tx_id)) {
            let record = &self.kept[known];
            let again = self.rules.identical_register == IdenticalRegister::Repeat;
            return if again && record.request == request {
                Answer::Again(record.id)
            } else {
                Answer::Refused(Reason::OrderDuplicate)
            };
        }
        while self.kept.len() >= self.orders_max {
            let closed = |record: &Record| record.deadline(&self.rules).is_none();
            let Some(oldest) = self.kept.iter().position(closed) else { break };
            self.kept.remove(oldest);
            self.dropped += 1;
        }
        let id = self.registered;
        self.registered += 1;
        let number = self.numbers.entry(day(self.now)).or_insert(0);
        *number += 1;
        let log = vec![(self.now, self.requests, Change::Registered)];
        self.kept.push(Record { id, request, number: *number, log });
        Answer::New(id)
    }

    /// What time has made of an order, looked at or not.
    fn state_now(&self, record: &Record) -> OrderState {
        let over = record.deadline(&self.rules).is_some_and(|deadline| deadline <= self.now);
        if over { OrderState::Expired } else { record.state() }
    }

    fn command(&mut self, name: Name, action: Deed) -> Answer {
        let Some(place) = self.find(name) else { return Answer::Refused(Reason::OrderNotFound) };
        match self.outcome(&self.kept[place], action) {
            Err(reason) => Answer::Refused(reason),
            Ok(change) => {
                self.kept[place].log.push((self.now, self.requests, change));
                Answer::Done(self.kept[place].id, change)
            }
        }
    }

    /// The contract's rules, as a list of objections in their order; without any, it is done.
    fn outcome(&self, record: &Record, action: Deed) -> Result<Change, Reason> {
        let state = self.state_now(record);
        let settled = record.settled(self.now, &self.rules);
        let unapproved = record.approval().is_none();
        let left = record.captured() - record.refunded();
        let failed = [OrderState::Failed, OrderState::Expired, OrderState::Cancelled];
        let has_money = [OrderState::Captured, OrderState::PartlyRefunded].contains(&state);
        let held = state == OrderState::Authorised;
        let all_there = held || state == OrderState::Captured;
        let pre_auth = record.request.kind == OrderKind::PreAuth;
        let end = match state {
            OrderState::Registered => Some(Reason::OrderPending),
            OrderState::Refunded => Some(Reason::AlreadyRefunded),
            OrderState::Reversed => Some(Reason::AlreadyReversed),
            OrderState::Failed => Some(Reason::OrderFailed),
            OrderState::Cancelled => Some(Reason::OrderCancelled),
            OrderState::Expired => Some(Reason::OrderExpired),
            _ => None,
        };
        let or = |reason| end.unwrap_or(reason);
        let unpaid = state == OrderState::Registered;
        let paid = (!unpaid, or(Reason::OrderAlreadyPaid));
        let (objections, change) = match action {
            Deed::Approve { number, late } => {
                let turned = late && unapproved && failed.contains(&state);
                (vec![(!unpaid && !turned, paid.1)], Change::Approved { number })
            }
            Deed::Decline { reason, late: false } => (vec![paid], Change::Failed(reason)),
            Deed::Decline { reason, late: true } => (
                vec![(!all_there, or(Reason::StateNotAllowed)), (settled, Reason::AlreadySettled)],
                Change::Failed(reason),
            ),
            Deed::Cancel => (vec![paid], Change::Cancelled),
            Deed::Complete { minor, currency } => (
                vec![
                    (!pre_auth, Reason::NotAuthorised),
                    (!held, or(Reason::AlreadyCaptured)),
                    (currency != record.request.currency, Reason::CurrencyMismatch),
                    (minor > record.authorised(), Reason::AmountExceedsAuthorised),
                ],
                Change::Completed(Amount::from_minor(minor)),
            ),
            Deed::Reverse { approval } => (
                vec![
                    (!all_there, or(Reason::StateNotAllowed)),
                    (settled, Reason::AlreadySettled),
                    (approval == Approval::Wrong, Reason::ApprovalMismatch),
                ],
                Change::Reversed,
            ),
            Deed::Refund { minor, approval } => {
                let rule = self.rules.refund_unsettled;
                let wanted = if self.rules.partial_refund { minor } else { None }.unwrap_or(left);
                let untouched = record.refunded() == 0 && wanted == left;
                let reversal = rule == UnsettledRefund::Reverse && !settled && untouched;
                let refund = Change::Refunded(Amount::from_minor(wanted));
                (
                    vec![
                        (!has_money, or(Reason::NotCaptured)),
                        (rule == UnsettledRefund::Refuse && !settled, Reason::NotSettled),
                        (approval == Approval::Wrong, Reason::ApprovalMismatch),
                        (wanted > left, Reason::AmountExceedsCaptured),
                    ],
                    if reversal { Change::Reversed } else { refund },
                )
            }
            Deed::ChargeBack => (
                vec![(!has_money, or(Reason::NotCaptured))],
                Change::ChargedBack(Amount::from_minor(left)),
            ),
            Deed::Expire => {
                (vec![(!unpaid && !held, or(Reason::OrderAlreadyPaid))], Change::Expired)
            }
            Deed::Settle => (
                vec![
                    (settled, Reason::AlreadySettled),
                    (!has_money && state != OrderState::Refunded, or(Reason::NotCaptured)),
                ],
                Change::Settled,
            ),
        };
        match objections.into_iter().find(|(holds, _)| *holds) {
            Some((_, reason)) => Err(reason),
            None => Ok(change),
        }
    }

    fn pass(&mut self, ms: i64, seen: bool) -> Answer {
        self.now += ms;
        let mut due: Vec<(i64, u64)> = Vec::new();
        for record in self.kept.iter().filter(|_| seen) {
            due.extend(record.deadline(&self.rules).map(|deadline| (deadline, record.id)));
        }
        due.retain(|(deadline, _)| *deadline <= self.now);
        due.sort_unstable();
        for (deadline, id) in &due {
            let place = self.find(Name::At(*id)).expect("kept");
            self.kept[place].log.push((*deadline, 0, Change::Expired));
        }
        Answer::RanOut(due.into_iter().map(|(_, id)| id).collect())
    }
}

impl ReferenceStateMachine for Model {
    type State = Self;
    type Transition = Step;

    fn init_state() -> BoxedStrategy<Self> {
        let unsettled =
            select(&[UnsettledRefund::Allow, UnsettledRefund::Refuse, UnsettledRefund::Reverse]);
        let identical = select(&[IdenticalRegister::Repeat, IdenticalRegister::Refuse]);
        let cutoff_ms = prop_oneof![Just(0), Just(22 * HOUR_MS), Just(3 * HOUR_MS)];
        (1_usize..12, unsettled, identical, cutoff_ms, prop::bool::weighted(0.8))
            .prop_map(|(orders_max, refund_unsettled, identical_register, cutoff_ms, partial)| {
                Self {
                    rules: LifecycleRules {
                        refund_unsettled,
                        identical_register,
                        settlement_cutoff_ms: cutoff_ms,
                        partial_refund: partial,
                        ..rules()
                    },
                    orders_max,
                    now: OPENING.0,
                    kept: Vec::new(),
                    registered: 0,
                    dropped: 0,
                    requests: 0,
                    numbers: HashMap::new(),
                    answer: Answer::RanOut(Vec::new()),
                }
            })
            .boxed()
    }

    fn transitions(model: &Self) -> BoxedStrategy<Step> {
        let known: Vec<Request> = model.kept.iter().map(|record| record.request).collect();
        let waits: Vec<i64> = model
            .kept
            .iter()
            .filter_map(|record| record.deadline(&model.rules))
            .map(|deadline| deadline - model.now)
            .flat_map(|wait| [wait - 1, wait])
            .filter(|wait| *wait >= 0)
            .collect();
        let command =
            (a_name(model), a_deed()).prop_map(|(order, action)| Step::Do { order, action });
        let to_a_deadline = if waits.is_empty() { Just(1).boxed() } else { select(waits).boxed() };
        let some_wait = prop_oneof![
            2 => to_a_deadline,
            2 => select(&[1, MINUTE_MS, 5 * MINUTE_MS]),
            1 => select(&[HOUR_MS, 13 * HOUR_MS, DAY_MS, -HOUR_MS, -DAY_MS]),
        ];
        let pass =
            (some_wait, prop::bool::weighted(0.7)).prop_map(|(ms, seen)| Step::Pass { ms, seen });
        let register = if known.is_empty() {
            a_request().boxed()
        } else {
            prop_oneof![
                6 => a_request(),
                1 => select(known.clone()),
                1 => (select(known.clone()), a_request()).prop_map(|(known, other)| Request {
                    place: if known.place.0 == other.place.0 { other.place } else { known.place },
                    tx_id: known.tx_id,
                    ..other
                }),
                1 => (select(known), select(&TERMINALS)).prop_map(|(known, place)| Request {
                    place,
                    ..known
                }),
            ]
            .boxed()
        };
        prop_oneof![3 => register.prop_map(Step::Register), 8 => command, 1 => pass].boxed()
    }

    fn apply(mut model: Self, step: &Step) -> Self {
        model.requests += 1;
        model.answer = match *step {
            Step::Register(request) => model.register(request),
            Step::Do { order, action } => model.command(order, action),
            Step::Pass { ms, seen } => model.pass(ms, seen),
        };
        model
    }
}

fn a_request() -> impl Strategy<Value = Request> {
    let kind = select(&[OrderKind::Purchase, OrderKind::PreAuth, OrderKind::PreAuth]);
    let currency = select(&[Currency::Usd, Currency::Usd, Currency::Khr]);
    let client = select(&[None, Some("02"), Some("04")]);
    (
        select(&TERMINALS),
        select(&TX_IDS),
        kind,
        select(PaymentMethod::ALL),
        currency,
        1_i64..9,
        client,
    )
        .prop_map(|(place, tx_id, kind, method, currency, minor, client)| Request {
            place,
            tx_id,
            kind,
            method,
            currency,
            minor,
            client,
        })
}

/// Mostly an order that is kept, sometimes any name or place.
fn a_name(model: &Model) -> BoxedStrategy<Name> {
    let merchant = select(&["M1", "M2", "M3", "M4"]);
    let named = (merchant, select(&TX_IDS)).prop_map(|(merchant, tx_id)| Name::Tx(merchant, tx_id));
    let placed = (0..=model.registered).prop_map(Name::At);
    let kept: Vec<Name> = model
        .kept
        .iter()
        .map(|record| Name::Tx(record.request.place.0, record.request.tx_id))
        .collect();
    if kept.is_empty() {
        prop_oneof![named, placed].boxed()
    } else {
        prop_oneof![10 => select(kept), 1 => named, 1 => placed].boxed()
    }
}

fn a_deed() -> impl Strategy<Value = Deed> {
    let number = 0_u32..1_000_000;
    let reason = select(&[Reason::CardDoNotHonour, Reason::IssuerTimeout, Reason::AcsRejected]);
    let approval = || {
        select(&[
            Approval::Unsaid,
            Approval::Unsaid,
            Approval::Right,
            Approval::Right,
            Approval::Wrong,
        ])
    };
    let late = || prop::bool::weighted(0.4);
    let currency = select(&[Currency::Usd, Currency::Usd, Currency::Khr]);
    prop_oneof![
        6 => (number, late()).prop_map(|(number, late)| Deed::Approve { number, late }),
        2 => (reason, late()).prop_map(|(reason, late)| Deed::Decline { reason, late }),
        1 => Just(Deed::Cancel),
        4 => (1_i64..9, currency).prop_map(|(minor, currency)| Deed::Complete { minor, currency }),
        2 => approval().prop_map(|approval| Deed::Reverse { approval }),
        4 => (prop::option::of(1_i64..5), approval())
            .prop_map(|(minor, approval)| Deed::Refund { minor, approval }),
        1 => Just(Deed::ChargeBack),
        1 => Just(Deed::Expire),
        1 => Just(Deed::Settle),
    ]
}

/// The ledger beside the model.
struct Comparison {
    ledger: Ledger,
    requests: u64,
    now: i64,
}

impl StateMachineTest for Comparison {
    type SystemUnderTest = Self;
    type Reference = Model;

    fn init_test(model: &Model) -> Self {
        let budget = OrderBudget { kept: model.orders_max, open: usize::MAX };
        let ledger = Ledger::new(model.rules.clone(), budget);
        Self { ledger, requests: 0, now: model.now }
    }

    fn apply(mut under_test: Self, model: &Model, step: Step) -> Self {
        under_test.requests += 1;
        let answer = match step {
            Step::Register(request) => under_test.register(request),
            Step::Do { order, action } => under_test.command(order, action),
            Step::Pass { ms, seen } => under_test.pass(ms, seen),
        };
        assert_eq!(answer, model.answer);
        under_test
    }

    fn check_invariants(under_test: &Self, model: &Model) {
        let ledger = &under_test.ledger;
        assert_eq!(ledger.len(), model.kept.len());
        assert_eq!(ledger.dropped(), model.dropped);
        let kept: Vec<u64> = model.kept.iter().map(|record| record.id).collect();
        assert_eq!(ids(ledger.orders_after(None)), kept);
        let after = model.registered / 2;
        let later: Vec<u64> = kept.iter().copied().filter(|id| *id > after).collect();
        assert_eq!(ids(ledger.orders_after(Some(OrderId(after)))), later);
        let deadlines = model.kept.iter().filter_map(|record| record.deadline(&model.rules));
        assert_eq!(ledger.next_deadline(), deadlines.min().map(Millis));
        for record in &model.kept {
            same_order(ledger, model, record);
        }
        for id in (0..=model.registered).filter(|id| !kept.contains(id)) {
            assert_eq!(ledger.find(Target::At(OrderId(id))), None);
        }
        for (merchant, _) in TERMINALS {
            for tx_id in TX_IDS {
                let known = model.find(Name::Tx(merchant, tx_id)).map(|place| model.kept[place].id);
                let found = ledger.find(Target::Named { merchant, tx_id });
                assert_eq!(found.map(|order| order.id.0), known);
            }
        }
        same_pages(ledger, model);
    }
}

impl Comparison {
    fn register(&mut self, request: Request) -> Answer {
        let new = NewOrder {
            merchant: request.place.0,
            terminal: request.place.1,
            tx_id: request.tx_id,
            kind: request.kind,
            method: request.method,
            currency: request.currency,
            amount: Amount::from_minor(request.minor),
            details: Details { client_id: request.client.map(Into::into), ..Details::default() }
                .kept(),
            context: None,
        };
        let foretold = self.ledger.check_register(&new);
        let came = self.ledger.register(Millis(self.now), self.requests, new);
        match came {
            Ok(Registration::New(id)) => {
                assert_eq!(foretold, Ok(None));
                Answer::New(id.0)
            }
            Ok(Registration::Again(id)) => {
                assert_eq!(foretold, Ok(Some(id)));
                Answer::Again(id.0)
            }
            Err(reason) => {
                assert_eq!(foretold, Err(reason));
                Answer::Refused(reason)
            }
        }
    }

    fn command(&mut self, name: Name, action: Deed) -> Answer {
        let target = match name {
            Name::Tx(merchant, tx_id) => Target::Named { merchant, tx_id },
            Name::At(id) => Target::At(OrderId(id)),
        };
        let own = self.ledger.find(target).and_then(|order| order.approval);
        let right = own.map(|approval| format!("{:06}", approval.number));
        let said = |approval| match approval {
            Approval::Unsaid => None,
            Approval::Right => right.as_deref(),
            Approval::Wrong => Some("no number"),
        };
        let instrument = Instrument { kind: InstrumentKind::Card, account: "****1112".into() };
        let command = match action {
            Deed::Approve { number, late } => Command::Approve { number, instrument, late },
            Deed::Decline { reason, late } => Command::Decline { reason, instrument: None, late },
            Deed::Cancel => Command::Cancel,
            Deed::Complete { minor, currency } => {
                Command::Complete { amount: Amount::from_minor(minor), currency }
            }
            Deed::Reverse { approval } => Command::Reverse { approval: said(approval) },
            Deed::Refund { minor, approval } => {
                Command::Refund { amount: minor.map(Amount::from_minor), approval: said(approval) }
            }
            Deed::ChargeBack => Command::ChargeBack,
            Deed::Expire => Command::Expire,
            Deed::Settle => Command::Settle,
        };
        match self.ledger.decide(Millis(self.now), target, command) {
            Err(reason) => Answer::Refused(reason),
            Ok(event) => {
                let (id, change) = (event.order.0, event.change);
                assert!(self.ledger.apply(event, self.requests).is_some());
                Answer::Done(id, change)
            }
        }
    }

    fn pass(&mut self, ms: i64, seen: bool) -> Answer {
        self.now += ms;
        let mut ran_out = Vec::new();
        while let Some(event) = self.ledger.next_expiry(Millis(self.now)).filter(|_| seen) {
            ran_out.push(event.order.0);
            let order = self.ledger.find(Target::At(event.order)).expect("what expires is kept");
            assert!(order.state.is_open(), "what expires is open");
            assert!(self.ledger.apply(event, 0).is_some());
        }
        Answer::RanOut(ran_out)
    }
}

fn ids<'a>(orders: impl IntoIterator<Item = &'a Order>) -> Vec<u64> {
    orders.into_iter().map(|order| order.id.0).collect()
}

/// Everything that an order shows is what the model works out, and its money adds up.
fn same_order(ledger: &Ledger, model: &Model, record: &Record) {
    let order = ledger.find(Target::At(OrderId(record.id))).expect("kept");
    let totals = Totals {
        authorised: Amount::from_minor(record.authorised()),
        captured: Amount::from_minor(record.captured()),
        refunded: Amount::from_minor(record.refunded()),
        released: Amount::from_minor(record.released()),
    };
    assert_eq!(order.totals, totals);
    assert_eq!(order.state, record.state());
    assert_eq!(order.failure, record.failure());
    assert_eq!(order.captured_at, record.captured_at().map(Millis));
    let approval = order.approval.map(|approval| (approval.number, approval.at.0));
    assert_eq!(approval, record.approval());
    assert_eq!(order.instrument.is_some(), record.approval().is_some());
    assert_eq!(order.created, Millis(record.created()));
    if let Some(deadline) = record.deadline(&model.rules) {
        assert_eq!(order.deadline, Millis(deadline));
    }
    let log = order.history.iter().map(|entry| (entry.at.0, entry.trace, entry.change));
    assert_eq!(log.collect::<Vec<_>>(), record.log);
    let numbers = format!("{}{:08}", Day(day(record.created())).digits(), record.number);
    assert_eq!(*order.sequence(), numbers);
    assert_eq!(u64::from(order.stan), record.id + 1);
    let settled = order.is_settled(Millis(model.now), model.rules.settlement_cutoff_ms);
    assert_eq!(settled, record.settled(model.now, &model.rules));
    let terminal = ledger.terminal(order);
    assert_eq!((&*terminal.merchant, &*terminal.terminal), record.request.place);
    assert_eq!(order.details().client_id.as_deref(), record.request.client);

    assert_eq!(order.broken_invariant(), None);
    // All that was ever authorised is either still held, kept by the merchant, or given back.
    let minor = |amount: Amount| amount.minor();
    let held = if order.state == OrderState::Authorised { minor(totals.authorised) } else { 0 };
    let with_merchant = match order.state {
        OrderState::Captured | OrderState::PartlyRefunded => minor(totals.unrefunded()),
        _ => 0,
    };
    let given_back = minor(order.returned()) + minor(totals.released);
    assert_eq!(minor(totals.authorised), held + with_merchant + given_back);
}

/// The order list is the kept orders, filtered and sorted.
fn same_pages(ledger: &Ledger, model: &Model) {
    let today = day(model.now);
    let ranges = [(i32::MIN, i32::MAX), (today, today), (today - 1, today + 1), (today, today - 1)];
    for place in TERMINALS {
        for kind in [None, Some(OrderKind::Purchase), Some(OrderKind::PreAuth)] {
            for (from, to) in ranges {
                let mut rows: Vec<&Record> = model.kept.iter().collect();
                rows.retain(|record| record.request.place == place);
                rows.retain(|record| kind.is_none_or(|kind| record.request.kind == kind));
                rows.retain(|record| (from..=to).contains(&day(record.created())));
                rows.sort_by_key(|record| (day(record.created()), record.number));
                for (skip, limit) in [(0, usize::MAX), (1, 2), (3, 1)] {
                    let expected: Vec<u64> =
                        rows.iter().skip(skip).take(limit).map(|record| record.id).collect();
                    let days = Day(from)..=Day(to);
                    let page = ledger.page(place.0, place.1, days, kind, skip, limit);
                    assert_eq!(ids(page), expected);
                }
            }
        }
    }
}
