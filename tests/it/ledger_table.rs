//! The life cycle as scenarios: one line a step, `command arguments => what comes of it`.
//!
//! A command answers with the state that it leads to, or with the reason why not. A line without
//! `=>` is a step of the way; a command there must not be refused. After every line the ledger is
//! checked for sums that cannot be and for indexes that disagree.
//!
//! - `rule NAME=VALUE`: another rule, before the first order; also `orders_max` and `open_max`.
//! - `register ORDER AMOUNT`, with `kind=preauth`, `method=…`, `currency=KHR`, `terminal=T2`,
//!   `client=…`; answers `registered` or `again`.
//! - `approve ORDER` and `decline ORDER REASON`, also `late`; the approval number is 123456 unless
//!   `number=…`; a decline with `card=yes` got as far as the card.
//! - `cancel`, `reverse`, `chargeback`, `expire`, `settle ORDER`; `reverse` with `approval=…`.
//! - `complete ORDER AMOUNT` with `currency=…`; `refund ORDER [AMOUNT]` with `approval=…`.
//! - `advance 10m`, `day`, `clock 21:59`: time passes, to the next midnight, to that time of day;
//!   answers with the orders that ran out.
//! - `unseen 10m`: time passes and nobody has looked what ran out.
//! - `state`, `totals`, `settled`, `failure`, `history`, `paid-with`, `sequence`, `reference`,
//!   `id ORDER`: what the order shows. Totals are authorised, captured, refunded, released.
//! - `page TERMINAL`: the order list, with `kind=`, `skip=`, `limit=`, `days=0..1` counted from the
//!   first day.
//! - `kept`, `dropped`, `next`: the orders kept, oldest first; how many were dropped; how long to
//!   the next deadline.
//!
//! An order is `A` (of merchant `M1`) or `M2.A`, a terminal `T1` or `M2.T1`.

use std::collections::HashMap;
use std::fmt::Write as _;

use payon_sim::base::{Amount, Currency, Day, Millis, OrderState, PaymentMethod, Reason};
use payon_sim::ledger::{
    Change, Command, Details, Instrument, InstrumentKind, Ledger, NewOrder, Order, OrderBudget,
    OrderId, OrderKind, Registration, Screen, Target, Totals,
};
use payon_sim::profile::{CompletedAmount, IdenticalRegister, LifecycleRules, UnsettledRefund};

use crate::ledger_rules::{DAY_MS, HOUR_MS, MINUTE_MS, rules};

/// 2 March 2026, ten in the morning in Cambodia.
fn opening() -> Millis {
    first_day().start().plus(10 * HOUR_MS)
}

/// A budget of so many orders, all of which may be open.
fn budget(kept: usize) -> OrderBudget {
    OrderBudget { kept, open: usize::MAX }
}

fn first_day() -> Day {
    Day::parse_day_first("02032026").expect("a date")
}

/// Tells a scenario to a fresh ledger; fails at the first line that comes out otherwise.
#[track_caller]
fn check(scenario: &str) {
    if let Err(difference) = tell(scenario) {
        panic!("{difference}");
    }
}

/// Tells a scenario to a fresh ledger; the first difference is the error.
fn tell(scenario: &str) -> Result<(), String> {
    let mut told = Story::new();
    for (number, line) in scenario.lines().enumerate() {
        let line = line.split('#').next().unwrap_or_default().trim();
        if line.is_empty() {
            continue;
        }
        let (step, expected) = match line.split_once("=>") {
            Some((step, expected)) => (step.trim(), Some(expected.trim())),
            None => (line, None),
        };
        let came = told.step(&Step::read(step));
        let as_told = match expected {
            Some(expected) => came == expected,
            None => came.parse::<Reason>().is_err(),
        };
        if !as_told {
            return Err(format!("line {}: {line}\n   came: {came}", number + 1));
        }
        told.check_consistency(&format!("after line {}: {line}", number + 1));
    }
    Ok(())
}

/// One line: its words, and its `name=value` options.
struct Step<'a> {
    words: Vec<&'a str>,
    options: HashMap<&'a str, &'a str>,
}

impl<'a> Step<'a> {
    fn read(line: &'a str) -> Self {
        let mut step = Self { words: Vec::new(), options: HashMap::new() };
        for word in line.split_whitespace() {
            match word.split_once('=') {
                Some((name, value)) => drop(step.options.insert(name, value)),
                None => step.words.push(word),
            }
        }
        step
    }

    fn word(&self, place: usize) -> &'a str {
        self.words.get(place).copied().unwrap_or_else(|| panic!("too short: {:?}", self.words))
    }

    fn option(&self, name: &str) -> Option<&'a str> {
        self.options.get(name).copied()
    }

    fn currency(&self) -> Option<Currency> {
        self.option("currency").map(|code| Currency::parse(code).expect("a currency"))
    }

    fn late(&self) -> bool {
        self.words.last() == Some(&"late")
    }
}

struct Story {
    ledger: Ledger,
    rules: LifecycleRules,
    budget: OrderBudget,
    now: Millis,
    requests: u64,
    /// The latest id that each name was given.
    ids: HashMap<String, OrderId>,
    names: HashMap<OrderId, String>,
}

impl Story {
    fn new() -> Self {
        Self {
            ledger: Ledger::new(rules(), budget(1000)),
            rules: rules(),
            budget: budget(1000),
            now: opening(),
            requests: 0,
            ids: HashMap::new(),
            names: HashMap::new(),
        }
    }

    /// What comes of one line, in words.
    fn step(&mut self, step: &Step<'_>) -> String {
        match step.word(0) {
            "rule" => self.rule(step),
            "register" => self.register(step),
            "advance" => self.pass(duration(step.word(1)), true),
            "unseen" => self.pass(duration(step.word(1)), false),
            "day" => self.pass(Day(self.now.day().0 + 1).start().0 - self.now.0, true),
            "clock" => {
                let today = self.now.day().start().plus(time_of_day(step.word(1)));
                let wait = (today.0 - self.now.0).rem_euclid(DAY_MS);
                self.pass(wait, true)
            }
            "kept" => names(&self.names, self.ledger.orders_after(None)),
            "dropped" => self.ledger.dropped().to_string(),
            "next" => match self.ledger.next_deadline() {
                Some(deadline) => span(deadline.0 - self.now.0),
                None => "never".to_owned(),
            },
            "page" => self.page(step),
            "state" | "totals" | "settled" | "failure" | "history" | "paid-with" | "sequence"
            | "reference" | "id" => match self.order(step.word(1)) {
                Some(order) => self.shown(step.word(0), order),
                None => Reason::OrderNotFound.name().to_owned(),
            },
            _ => self.command(step),
        }
    }

    fn rule(&mut self, step: &Step<'_>) -> String {
        assert!(self.ledger.is_empty(), "rules come before orders");
        for (name, value) in &step.options {
            let rules = &mut self.rules;
            match *name {
                "orders_max" => self.budget.kept = value.parse().expect("a number"),
                "open_max" => self.budget.open = value.parse().expect("a number"),
                "cutoff" => rules.settlement_cutoff_ms = duration(value),
                "hold" => rules.hold_lifetime_ms = duration(value),
                "partial_refund" => rules.partial_refund = *value == "yes",
                "identical_register" if *value == "refuse" => {
                    rules.identical_register = IdenticalRegister::Refuse;
                }
                "refund_unsettled" => {
                    rules.refund_unsettled = match *value {
                        "allow" => UnsettledRefund::Allow,
                        "refuse" => UnsettledRefund::Refuse,
                        "reverse" => UnsettledRefund::Reverse,
                        _ => panic!("no such value: {value}"),
                    }
                }
                _ => panic!("no such rule: {name}={value}"),
            }
        }
        self.ledger = Ledger::new(self.rules.clone(), self.budget);
        String::new()
    }

    fn register(&mut self, step: &Step<'_>) -> String {
        let name = step.word(1);
        let (merchant, tx_id) = parts(name);
        let currency = step.currency().unwrap_or(Currency::Usd);
        let new = NewOrder {
            merchant,
            terminal: step.option("terminal").unwrap_or("T1"),
            tx_id,
            kind: kind(step.option("kind").unwrap_or("purchase")),
            method: step
                .option("method")
                .map_or(PaymentMethod::CreditDebit, |method| method.parse().expect("a method")),
            currency,
            amount: amount(step.word(2), currency),
            details: Details {
                client_id: step.option("client").map(Into::into),
                ..Details::default()
            }
            .kept(),
            context: None,
        };
        self.requests += 1;
        match self.ledger.register(self.now, self.requests, new) {
            Ok(Registration::New(id)) => {
                assert!(self.names.insert(id, name.to_owned()).is_none(), "an id again: {id:?}");
                self.ids.insert(name.to_owned(), id);
                "registered".to_owned()
            }
            Ok(Registration::Again(id)) => {
                assert_eq!(self.ids.get(name), Some(&id));
                "again".to_owned()
            }
            Err(reason) => reason.name().to_owned(),
        }
    }

    fn command(&mut self, step: &Step<'_>) -> String {
        let (merchant, tx_id) = parts(step.word(1));
        let target = Target::Named { merchant, tx_id };
        let currency = self.ledger.find(target).map_or(Currency::Usd, |order| order.currency);
        let card = Instrument { kind: InstrumentKind::Card, account: "************0022".into() };
        let command = match step.word(0) {
            "approve" => Command::Approve {
                number: step.option("number").unwrap_or("123456").parse().expect("a number"),
                instrument: card,
                late: step.late(),
            },
            "decline" => Command::Decline {
                reason: step.word(2).parse().expect("a reason"),
                instrument: (step.option("card") == Some("yes")).then_some(card),
                late: step.late(),
            },
            "cancel" => Command::Cancel,
            "complete" => Command::Complete {
                amount: amount(step.word(2), currency),
                currency: step.currency().unwrap_or(currency),
            },
            "reverse" => Command::Reverse { approval: step.option("approval") },
            "refund" => Command::Refund {
                amount: step.words.get(2).map(|text| amount(text, currency)),
                approval: step.option("approval"),
            },
            "chargeback" => Command::ChargeBack,
            "expire" => Command::Expire,
            "settle" => Command::Settle,
            other => panic!("no such command: {other}"),
        };
        self.requests += 1;
        match self.ledger.decide(self.now, target, command) {
            Ok(event) => {
                let order = self.ledger.apply(event, self.requests).expect("still kept");
                order.state.name().to_owned()
            }
            Err(reason) => reason.name().to_owned(),
        }
    }

    fn pass(&mut self, ms: i64, seen: bool) -> String {
        self.now = self.now.plus(ms);
        let mut expired = String::new();
        while let Some(event) = self.ledger.next_expiry(self.now).filter(|_| seen) {
            let open = self.ledger.find(Target::At(event.order)).expect("kept").state.is_open();
            assert!(open, "what expires is open");
            let order = self.ledger.apply(event, 0).expect("kept");
            let _ = write!(expired, "{} ", self.names[&order.id]);
        }
        expired.trim_end().to_owned()
    }

    fn order(&self, name: &str) -> Option<&Order> {
        let (merchant, tx_id) = parts(name);
        self.ledger.find(Target::Named { merchant, tx_id })
    }

    fn shown(&self, what: &str, order: &Order) -> String {
        let money = |amount: Amount| amount.fixed(order.currency);
        match what {
            "state" => order.state.name().to_owned(),
            "totals" => {
                let totals = order.totals;
                [totals.authorised, totals.captured, totals.refunded, totals.released]
                    .map(money)
                    .join(" ")
            }
            "settled" => {
                let settled = order.is_settled(self.now, self.rules.settlement_cutoff_ms);
                if settled { "yes" } else { "no" }.to_owned()
            }
            "failure" => order.failure.map_or("none", Reason::name).to_owned(),
            "history" => {
                let told = order.history.iter().map(|entry| match entry.change {
                    Change::Completed(amount)
                    | Change::Refunded(amount)
                    | Change::ChargedBack(amount) => {
                        format!("{}({})", entry.change.name(), money(amount))
                    }
                    Change::Approved { number } => format!("approved({number:06})"),
                    Change::Failed(reason) => format!("failed({reason})"),
                    change => change.name().to_owned(),
                });
                told.collect::<Vec<_>>().join(" ")
            }
            "paid-with" => order.instrument.as_ref().map_or("nothing", |i| i.kind.name()).into(),
            "sequence" => order.sequence().to_string(),
            "reference" => order.reference().map_or_else(|| "none".to_owned(), |it| it.to_string()),
            _ => order.id.0.to_string(),
        }
    }

    fn page(&mut self, step: &Step<'_>) -> String {
        let (merchant, terminal) = parts(step.word(1));
        let (from, to) = step.option("days").unwrap_or("0..99").split_once("..").expect("a range");
        let day = |text: &str| Day(first_day().0 + text.parse::<i32>().expect("a number"));
        let number = |name, default| {
            step.option(name).map_or(default, |text| text.parse().expect("a number"))
        };
        let (skip, limit) = (number("skip", 0), number("limit", 100));
        let kind = step.option("kind").map(kind);
        let days = day(from)..=day(to);
        let rows = self.ledger.page(merchant, terminal, days, kind, skip, limit);
        names(&self.names, rows)
    }

    /// No sum that cannot be, and every way to an order leads to it.
    fn check_consistency(&mut self, place: &str) {
        let kept: Vec<OrderId> = self.ledger.orders_after(None).map(|order| order.id).collect();
        assert!(kept.is_sorted(), "{place}");
        assert_eq!(kept.len(), self.ledger.len(), "{place}");
        assert_eq!(self.names.len() as u64 - kept.len() as u64, self.ledger.dropped(), "{place}");
        for (id, name) in &self.names {
            let by_place = self.ledger.find(Target::At(*id));
            assert_eq!(by_place.is_some(), kept.contains(id), "{name} {place}");
            if let Some(order) = by_place {
                assert_eq!(order.broken_invariant(), None, "{name} {place}");
                assert_eq!(self.order(name).map(|order| order.id), Some(*id), "{name} {place}");
            }
        }
        let mut listed = Vec::new();
        for merchant in ["M1", "M2"] {
            for terminal in ["T1", "T2"] {
                let all = Day(0)..=Day(i32::MAX);
                let rows = self.ledger.page(merchant, terminal, all, None, 0, usize::MAX);
                listed.extend(rows.iter().map(|order| order.id));
            }
        }
        listed.sort();
        assert_eq!(listed, kept, "the order list {place}");
        let open = self.ledger.orders_after(None).filter(|order| order.state.is_open());
        let earliest = open.map(|order| order.deadline).min();
        assert_eq!(self.ledger.next_deadline(), earliest, "{place}");
    }
}

fn names<'a>(
    names: &HashMap<OrderId, String>,
    orders: impl IntoIterator<Item = &'a Order>,
) -> String {
    orders.into_iter().map(|order| &*names[&order.id]).collect::<Vec<_>>().join(" ")
}

/// `M2.A` is merchant `M2`'s; without a merchant, `M1`'s.
fn parts(name: &str) -> (&str, &str) {
    name.split_once('.').unwrap_or(("M1", name))
}

fn kind(name: &str) -> OrderKind {
    match name {
        "purchase" => OrderKind::Purchase,
        "preauth" => OrderKind::PreAuth,
        _ => panic!("no such kind: {name}"),
    }
}

fn amount(text: &str, currency: Currency) -> Amount {
    Amount::parse(text, currency).unwrap_or_else(|error| panic!("{text} {error}"))
}

/// `10m`, `7d`, `1ms`.
fn duration(text: &str) -> i64 {
    let digits = text.find(|c: char| !c.is_ascii_digit()).expect("a unit");
    let number: i64 = text[..digits].parse().expect("a number");
    match &text[digits..] {
        "ms" => number,
        "s" => number * 1000,
        "m" => number * MINUTE_MS,
        "h" => number * HOUR_MS,
        "d" => number * DAY_MS,
        unit => panic!("no such unit: {unit}"),
    }
}

/// A duration in its largest whole unit.
fn span(ms: i64) -> String {
    let units = [("d", DAY_MS), ("h", HOUR_MS), ("m", MINUTE_MS), ("s", 1000), ("ms", 1)];
    let (unit, size) = units.into_iter().find(|(_, size)| ms % size == 0).expect("whole ms");
    format!("{}{unit}", ms / size)
}

/// `21:59` or `21:59:59.999`, as milliseconds after midnight.
fn time_of_day(text: &str) -> i64 {
    let (clock, ms) = text.split_once('.').unwrap_or((text, "0"));
    let parts: Vec<i64> = clock.split(':').map(|part| part.parse().expect("a number")).collect();
    let seconds = parts.iter().fold(0, |sum, part| sum * 60 + part);
    let seconds = if parts.len() == 2 { seconds * 60 } else { seconds };
    seconds * 1000 + ms.parse::<i64>().expect("a number")
}

/// Where an order can stand, and how a purchase and a pre-authorisation get there (`-`: never).
const SITUATIONS: [(&str, &str, &str); 17] = [
    ("registered", "", ""),
    ("overdue", "unseen 30m", "unseen 30m"),
    ("authorised", "-", "approve A"),
    ("hold-overdue", "-", "approve A; unseen 7d"),
    ("captured", "approve A", "approve A; complete A 8.00"),
    ("settled", "approve A; day", "approve A; complete A 8.00; day"),
    ("partly-refunded", "approve A; refund A 4.00", "approve A; complete A 8.00; refund A 4.00"),
    ("partly-refunded-settled", "approve A; refund A 4.00; day", "-"),
    ("refunded", "approve A; refund A", "approve A; complete A 8.00; refund A"),
    ("refunded-settled", "approve A; refund A; day", "-"),
    ("reversed", "approve A; reverse A; day", "approve A; reverse A"),
    ("failed", "decline A card.lost", "decline A card.lost"),
    (
        "taken-back",
        "approve A; decline A issuer.timeout late; day",
        "approve A; decline A issuer.timeout late",
    ),
    ("cancelled", "cancel A", "cancel A"),
    ("expired", "advance 30m", "advance 30m"),
    ("hold-expired", "-", "approve A; advance 7d"),
    ("given-back-by-issuer", "approve A; chargeback A", "approve A; complete A 8.00; chargeback A"),
];

/// Every command in every situation. A line counts for both kinds unless it names one.
const EVERY_PAIR: &str = "
approve A
    registered:purchase                                             => captured
    registered:preauth                                              => authorised
    authorised captured settled partly-refunded partly-refunded-settled => order.already-paid
    refunded refunded-settled given-back-by-issuer                  => state.already-refunded
    reversed                                                        => state.already-reversed
    failed taken-back                                               => order.failed
    cancelled                                                       => order.cancelled
    overdue expired hold-overdue hold-expired                       => order.expired

approve A late
    registered:purchase overdue:purchase                            => captured
    failed:purchase cancelled:purchase expired:purchase             => captured
    registered:preauth overdue:preauth                              => authorised
    failed:preauth cancelled:preauth expired:preauth                => authorised
    authorised captured settled partly-refunded partly-refunded-settled => order.already-paid
    refunded refunded-settled given-back-by-issuer                  => state.already-refunded
    reversed                                                        => state.already-reversed
    taken-back                                                      => order.failed
    hold-overdue hold-expired                                       => order.expired

decline A card.do-not-honour
    registered                                                      => failed
    authorised captured settled partly-refunded partly-refunded-settled => order.already-paid
    refunded refunded-settled given-back-by-issuer                  => state.already-refunded
    reversed                                                        => state.already-reversed
    failed taken-back                                               => order.failed
    cancelled                                                       => order.cancelled
    overdue expired hold-overdue hold-expired                       => order.expired

decline A card.do-not-honour late
    registered                                                      => order.pending
    authorised captured                                             => failed
    settled                                                         => state.already-settled
    partly-refunded partly-refunded-settled                         => state.not-allowed
    refunded refunded-settled given-back-by-issuer                  => state.already-refunded
    reversed                                                        => state.already-reversed
    failed taken-back                                               => order.failed
    cancelled                                                       => order.cancelled
    overdue expired hold-overdue hold-expired                       => order.expired

cancel A
    registered                                                      => cancelled
    authorised captured settled partly-refunded partly-refunded-settled => order.already-paid
    refunded refunded-settled given-back-by-issuer                  => state.already-refunded
    reversed                                                        => state.already-reversed
    failed taken-back                                               => order.failed
    cancelled                                                       => order.cancelled
    overdue expired hold-overdue hold-expired                       => order.expired

complete A 5.00
    registered:purchase overdue:purchase captured:purchase          => state.not-authorised
    settled:purchase partly-refunded:purchase refunded:purchase     => state.not-authorised
    partly-refunded-settled refunded-settled                        => state.not-authorised
    given-back-by-issuer:purchase reversed:purchase failed:purchase => state.not-authorised
    taken-back:purchase cancelled:purchase expired:purchase         => state.not-authorised
    registered:preauth                                              => order.pending
    authorised                                                      => captured
    captured:preauth settled:preauth partly-refunded:preauth        => state.already-captured
    refunded:preauth given-back-by-issuer:preauth                   => state.already-refunded
    reversed:preauth                                                => state.already-reversed
    failed:preauth taken-back:preauth                               => order.failed
    cancelled:preauth                                               => order.cancelled
    overdue:preauth expired:preauth hold-overdue hold-expired       => order.expired

reverse A
    registered                                                      => order.pending
    authorised captured                                             => reversed
    settled                                                         => state.already-settled
    partly-refunded partly-refunded-settled                         => state.not-allowed
    refunded refunded-settled given-back-by-issuer                  => state.already-refunded
    reversed                                                        => state.already-reversed
    failed taken-back                                               => order.failed
    cancelled                                                       => order.cancelled
    overdue expired hold-overdue hold-expired                       => order.expired

refund A
    registered                                                      => order.pending
    authorised                                                      => state.not-captured
    captured settled partly-refunded partly-refunded-settled        => refunded
    refunded refunded-settled given-back-by-issuer                  => state.already-refunded
    reversed                                                        => state.already-reversed
    failed taken-back                                               => order.failed
    cancelled                                                       => order.cancelled
    overdue expired hold-overdue hold-expired                       => order.expired

refund A 3.00
    registered                                                      => order.pending
    authorised                                                      => state.not-captured
    captured settled partly-refunded partly-refunded-settled        => partlyRefunded
    refunded refunded-settled given-back-by-issuer                  => state.already-refunded
    reversed                                                        => state.already-reversed
    failed taken-back                                               => order.failed
    cancelled                                                       => order.cancelled
    overdue expired hold-overdue hold-expired                       => order.expired

chargeback A
    registered                                                      => order.pending
    authorised                                                      => state.not-captured
    captured settled partly-refunded partly-refunded-settled        => refunded
    refunded refunded-settled given-back-by-issuer                  => state.already-refunded
    reversed                                                        => state.already-reversed
    failed taken-back                                               => order.failed
    cancelled                                                       => order.cancelled
    overdue expired hold-overdue hold-expired                       => order.expired

expire A
    registered authorised                                           => expired
    captured settled partly-refunded partly-refunded-settled        => order.already-paid
    refunded refunded-settled given-back-by-issuer                  => state.already-refunded
    reversed                                                        => state.already-reversed
    failed taken-back                                               => order.failed
    cancelled                                                       => order.cancelled
    overdue expired hold-overdue hold-expired                       => order.expired

settle A
    registered                                                      => order.pending
    authorised                                                      => state.not-captured
    captured                                                        => captured
    partly-refunded                                                 => partlyRefunded
    refunded given-back-by-issuer                                   => refunded
    settled partly-refunded-settled refunded-settled                => state.already-settled
    reversed                                                        => state.already-reversed
    failed taken-back                                               => order.failed
    cancelled                                                       => order.cancelled
    overdue expired hold-overdue hold-expired                       => order.expired
";

#[test]
fn every_command_in_every_situation() {
    let (mut blocks, mut differences) = (0, Vec::new());
    for block in EVERY_PAIR.trim().split("\n\n") {
        let (command, lines) = block.split_once('\n').expect("a command and its lines");
        let mut expected = HashMap::new();
        for line in lines.lines() {
            let (cells, outcome) = line.split_once("=>").expect("an outcome");
            for cell in cells.split_whitespace() {
                let kinds: &[&str] = match cell.split_once(':') {
                    Some((_, kind)) => &[kind],
                    None => &["purchase", "preauth"],
                };
                let situation = cell.split(':').next().unwrap_or(cell);
                for kind in kinds {
                    let before = expected.insert((situation, *kind), outcome.trim());
                    assert_eq!(before, None, "{command}: {cell} twice");
                }
            }
        }
        for (situation, purchase, preauth) in SITUATIONS {
            for (kind, way) in [("purchase", purchase), ("preauth", preauth)] {
                let outcome = expected.remove(&(situation, kind));
                if way == "-" {
                    continue;
                }
                let outcome = outcome.unwrap_or_else(|| panic!("{command}: {situation} {kind}"));
                let way = way.replace(';', "\n");
                let scenario =
                    format!("register A 10.00 kind={kind}\n{way}\n{command} => {outcome}");
                if let Err(difference) = tell(&scenario) {
                    differences.push(format!("{kind}, {situation}: {difference}"));
                }
            }
        }
        assert_eq!(expected.len(), 0, "{command}: no such situations: {expected:?}");
        blocks += 1;
    }
    assert!(differences.is_empty(), "{}", differences.join("\n"));
    assert_eq!(blocks, 12);
}

#[test]
fn every_state_has_its_situation() {
    let mut reached = Vec::new();
    for (_, purchase, preauth) in SITUATIONS {
        for (kind, way) in [("purchase", purchase), ("preauth", preauth)] {
            let mut told = Story::new();
            told.step(&Step::read(&format!("register A 10.00 kind={kind}")));
            for line in way.split(';').map(str::trim).filter(|line| !["", "-"].contains(line)) {
                told.step(&Step::read(line));
            }
            reached.push(told.step(&Step::read("state A")));
        }
    }
    for state in OrderState::ALL {
        assert!(reached.iter().any(|name| name == state.name()), "{state:?}");
        assert_eq!(state.name().parse(), Ok(*state));
    }
}

#[test]
fn a_purchase_is_captured_by_its_approval() {
    check(
        "
        register A 10.00          => registered
        totals A                  => 0.00 0.00 0.00 0.00
        reference A               => none
        approve A number=538433   => captured
        totals A                  => 10.00 10.00 0.00 0.00
        reference A               => 000001538433
        sequence A                => 2026030200000001
        paid-with A               => card
        history A                 => registered approved(538433)
        next                      => never
        ",
    );
}

#[test]
fn a_completion_takes_its_part_and_lets_the_rest_go() {
    check(
        "
        register A 10.00 kind=preauth
        approve A                 => authorised
        totals A                  => 10.00 0.00 0.00 0.00
        complete A 10.01          => amount.exceeds-authorised
        complete A 7.50           => captured
        totals A                  => 10.00 7.50 0.00 2.50
        complete A 2.50           => state.already-captured
        refund A 7.51             => amount.exceeds-captured
        refund A 7.50             => refunded
        totals A                  => 10.00 7.50 7.50 2.50
        history A                 => registered approved(123456) completed(7.50) refunded(7.50)

        register B 10.00 kind=preauth
        approve B
        complete B 10.00          => captured
        totals B                  => 10.00 10.00 0.00 0.00
        ",
    );
}

#[test]
fn a_reversal_takes_all_back_hold_or_capture() {
    check(
        "
        register H 10.00 kind=preauth
        approve H
        reverse H                 => reversed
        totals H                  => 10.00 0.00 0.00 10.00
        next                      => never

        register C 10.00 kind=preauth
        approve C
        complete C 6.00
        reverse C                 => reversed
        totals C                  => 10.00 6.00 0.00 4.00

        register P 10.00
        approve P
        reverse P                 => reversed
        totals P                  => 10.00 10.00 0.00 0.00
        reverse P                 => state.already-reversed
        refund P                  => state.already-reversed
        ",
    );
}

#[test]
fn partial_refunds_up_to_the_captured_sum() {
    check(
        "
        register A 10.00
        approve A
        refund A 10.01            => amount.exceeds-captured
        refund A 3.00             => partlyRefunded
        refund A 3.00             => partlyRefunded   # the same again is another refund
        refund A 4.01             => amount.exceeds-captured
        totals A                  => 10.00 10.00 6.00 0.00
        refund A 4.00             => refunded
        refund A 0.01             => state.already-refunded
        totals A                  => 10.00 10.00 10.00 0.00

        register B 10.00
        approve B
        refund B 9.99             => partlyRefunded
        refund B                  => refunded         # without an amount, all that is left
        history B                 => registered approved(123456) refunded(9.99) refunded(0.01)
        ",
    );
}

#[test]
fn without_partial_refunds_the_amount_is_not_looked_at() {
    check(
        "
        rule partial_refund=no
        register A 10.00
        approve A
        refund A 99.00            => refunded
        totals A                  => 10.00 10.00 10.00 0.00
        ",
    );
}

#[test]
fn of_several_faults_the_first_in_line_is_named() {
    check(
        "
        # A reversal: the state, the settled day, the approval number.
        register A 10.00
        reverse A approval=000000   => order.pending
        approve A
        reverse A approval=000000   => approval.mismatch
        reverse A approval=12345    => approval.mismatch
        day
        reverse A approval=000000   => state.already-settled
        refund A 1.00
        reverse A approval=000000   => state.not-allowed

        # A refund: the state, the approval number, the sum.
        refund A 99.00 approval=000000 => approval.mismatch
        refund A 99.00 approval=123456 => amount.exceeds-captured
        refund A approval=123456    => refunded
        refund A 99.00 approval=000000 => state.already-refunded

        # A completion: the kind, the state, the currency, the sum.
        register P 10.00
        complete P 99.00 currency=KHR => state.not-authorised
        register H 10.00 kind=preauth
        complete H 99.00 currency=KHR => order.pending
        approve H
        complete H 99.00 currency=KHR => currency.mismatch
        complete H 99.00            => amount.exceeds-authorised

        # No order: nothing else is looked at.
        reverse X approval=000000   => order.not-found
        complete X 99.00 currency=KHR => order.not-found
        reverse M2.A                => order.not-found
        ",
    );
    check(
        "
        # A refund before the settlement where that is refused: the day before what is claimed.
        rule refund_unsettled=refuse
        register A 10.00
        refund A 99.00 approval=000000 => order.pending
        approve A
        refund A 99.00 approval=000000 => state.not-settled
        day
        refund A 99.00 approval=000000 => approval.mismatch
        ",
    );
}

#[test]
fn approval_numbers_are_six_digits_with_their_zeros() {
    check(
        "
        register A 10.00
        approve A number=42       => captured
        reverse A approval=42     => approval.mismatch
        reverse A approval=000042 => reversed
        reference A               => 000001000042
        ",
    );
}

#[test]
fn a_tx_id_is_taken_until_its_order_is_dropped() {
    check(
        "
        register A 10.00 client=02              => registered
        register A 10.00 client=02              => again
        register A 10.01 client=02              => order.duplicate
        register A 10.00                        => order.duplicate
        register A 10.00 client=04              => order.duplicate
        register A 10.00 client=02 terminal=T2  => order.duplicate
        register A 10.00 client=02 kind=preauth => order.duplicate
        register A 10.00 client=02 method=PAYON => order.duplicate
        register A 1000 client=02 currency=KHR  => order.duplicate
        register M2.A 10.00 client=02           => registered   # another merchant's own
        register B 10.00                        => registered
        register a 10.00                        => registered   # letter case counts
        kept                                    => A M2.A B a
        # It stays the same order when its time is over.
        advance 30m                             => A M2.A B a
        register A 10.00 client=02              => again
        state A                                 => expired
        approve M2.A                            => order.expired
        ",
    );
    check(
        "
        rule identical_register=refuse
        register A 10.00          => registered
        register A 10.00          => order.duplicate
        ",
    );
}

#[test]
fn an_order_expires_at_the_millisecond() {
    check(
        "
        register A 10.00
        register Q 10.00 method=BAKONG_KHQR
        register W 10.00 method=PAYON
        register T 10.00 method=PPCBANK_TRANSFER
        next                      => 10m
        unseen 599999ms
        advance 0ms               =>                # nothing yet
        advance 1ms               => Q W
        next                      => 20m
        advance 1199999ms         =>
        state A                   => registered
        approve A                 => captured       # the last millisecond
        unseen 1ms
        approve T                 => order.expired  # before anybody has looked
        state T                   => registered
        advance 0ms               => T
        failure T                 => order.expired
        history T                 => registered expired
        cancel T                  => order.expired
        totals T                  => 0.00 0.00 0.00 0.00
        ",
    );
}

#[test]
fn a_hold_runs_out_and_frees_the_money() {
    check(
        "
        register A 10.00 kind=preauth
        register B 10.00 kind=preauth
        advance 29m
        approve A
        approve B
        next                      => 7d
        advance 604799999ms       =>
        complete A 10.00          => captured
        next                      => 1ms
        unseen 1ms
        complete B 10.00          => order.expired
        reverse B                 => order.expired
        advance 0ms               => B
        totals B                  => 10.00 0.00 0.00 10.00
        history B                 => registered approved(123456) expired
        approve B late            => order.expired   # one approval an order
        ",
    );
}

#[test]
fn who_runs_out_first_expires_first_each_at_its_own_time() {
    check(
        "
        register A 10.00
        register B 10.00 method=PAYON
        advance 1ms
        register C 10.00 method=PAYON
        register D 10.00 kind=preauth
        approve D
        advance 30d               => B C A D
        next                      => never
        advance 30d               =>
        ",
    );
}

#[test]
fn the_day_closes_at_midnight_in_cambodia() {
    check(
        "
        register A 10.00
        approve A
        settled A                 => no
        clock 23:59:59.999
        settled A                 => no
        register B 10.00
        approve B
        reverse B                 => reversed
        advance 1ms
        settled A                 => yes
        reverse A                 => state.already-settled
        settled B                 => no              # nothing is left that could be settled
        settle B                  => state.already-reversed
        refund A 1.00             => partlyRefunded  # refund goes on
        settled A                 => yes
        register C 10.00
        approve C
        settled C                 => no
        clock 23:00
        reverse C                 => reversed
        ",
    );
}

#[test]
fn the_day_of_the_capture_counts_not_of_the_hold() {
    check(
        "
        register A 10.00 kind=preauth
        approve A
        settled A                 => no
        day
        settled A                 => no
        complete A 10.00
        settled A                 => no
        reverse A                 => reversed
        ",
    );
}

#[test]
fn the_cutoff_moves_the_end_of_the_day() {
    check(
        "
        rule cutoff=22h
        register A 10.00
        approve A
        clock 21:59:59.999
        settled A                 => no
        register B 10.00
        approve B
        advance 1ms
        settled A                 => yes
        settled B                 => yes
        register C 10.00
        approve C
        day                                          # midnight means nothing
        settled C                 => no
        reverse B                 => state.already-settled
        clock 21:59
        reverse C                 => reversed
        ",
    );
}

#[test]
fn a_day_can_be_closed_by_hand() {
    check(
        "
        register A 10.00
        approve A
        settle A                  => captured
        settled A                 => yes
        settle A                  => state.already-settled
        reverse A                 => state.already-settled
        decline A issuer.timeout late => state.already-settled
        refund A 4.00             => partlyRefunded
        history A                 => registered approved(123456) settled refunded(4.00)

        register B 10.00
        approve B
        refund B 4.00
        settle B                  => partlyRefunded
        settled B                 => yes
        ",
    );
}

#[test]
fn refunds_before_the_settlement_by_rule() {
    check(
        "
        rule refund_unsettled=allow
        register A 10.00
        approve A
        refund A                  => refunded
        ",
    );
    check(
        "
        rule refund_unsettled=refuse
        register A 10.00
        approve A
        refund A                  => state.not-settled
        refund A 1.00             => state.not-settled
        register B 10.00
        approve B
        settle B
        refund B 1.00             => partlyRefunded
        day
        refund A                  => refunded
        register C 10.00
        approve C
        chargeback C              => refunded        # the issuer asks nobody
        ",
    );
    check(
        "
        rule refund_unsettled=reverse
        register A 10.00
        approve A
        refund A                  => reversed
        totals A                  => 10.00 10.00 0.00 0.00
        register B 10.00
        approve B
        refund B 10.00            => reversed
        register C 10.00
        approve C
        refund C 4.00             => partlyRefunded  # a part cannot be reversed
        refund C 6.00             => refunded
        register D 10.00
        approve D
        day
        refund D                  => refunded
        register H 10.00 kind=preauth
        approve H
        complete H 6.00
        refund H 6.00             => reversed
        totals H                  => 10.00 6.00 0.00 4.00
        ",
    );
}

#[test]
fn a_late_approval_turns_a_failure_round_once() {
    check(
        "
        register A 10.00
        decline A issuer.timeout card=yes
        failure A                 => issuer.timeout
        advance 1d
        approve A late            => captured
        failure A                 => none
        totals A                  => 10.00 10.00 0.00 0.00
        settled A                 => no              # captured today, not when it was registered
        history A                 => registered failed(issuer.timeout) approved(123456)
        approve A late            => order.already-paid
        decline A issuer.timeout late => failed
        approve A late            => order.failed    # one approval an order

        register B 10.00
        cancel B
        failure B                 => payer.cancelled
        approve B late            => captured

        register H 10.00 kind=preauth
        advance 30m               => H
        approve H late            => authorised
        next                      => 7d
        complete H 10.00          => captured
        ",
    );
}

#[test]
fn a_late_decline_takes_the_money_back() {
    check(
        "
        register A 10.00
        approve A
        decline A issuer.timeout late => failed
        failure A                 => issuer.timeout
        totals A                  => 10.00 10.00 0.00 0.00
        refund A                  => order.failed
        reverse A                 => order.failed
        day
        settled A                 => no

        register H 10.00 kind=preauth
        approve H
        decline H issuer.timeout late => failed
        totals H                  => 10.00 0.00 0.00 10.00
        next                      => never
        ",
    );
}

#[test]
fn what_it_was_paid_with_is_kept_where_it_got_that_far() {
    check(
        "
        register A 10.00
        decline A acs.abandoned
        paid-with A               => nothing
        register B 10.00
        decline B card.lost card=yes
        paid-with B               => card
        ",
    );
}

#[test]
fn a_chargeback_takes_what_is_left() {
    check(
        "
        register A 10.00
        approve A
        refund A 4.00
        day
        chargeback A              => refunded
        totals A                  => 10.00 10.00 10.00 0.00
        history A                 => registered approved(123456) refunded(4.00) chargedBack(6.00)
        chargeback A              => state.already-refunded
        ",
    );
}

#[test]
fn riels_have_no_cents() {
    check(
        "
        register A 40000 currency=KHR
        approve A
        refund A 15000            => partlyRefunded
        totals A                  => 40000 40000 15000 0
        refund A 25001            => amount.exceeds-captured
        ",
    );
}

#[test]
fn numbers_run_through_the_day_and_start_anew() {
    check(
        "
        register A 1.00
        register M2.B 1.00
        approve A
        reference A               => 000001123456
        sequence M2.B             => 2026030200000002
        day
        register C 1.00
        approve C
        sequence C                => 2026030300000001
        reference C               => 000003123456
        ",
    );
}

#[test]
fn the_order_list_goes_by_terminal_day_and_kind() {
    check(
        "
        register A 1.00
        register B 1.00 kind=preauth
        register C 1.00 terminal=T2
        register M2.D 1.00
        day
        register E 1.00 kind=preauth
        register F 1.00
        day
        day
        register G 1.00
        page T1                             => A B E F G
        page T1 kind=purchase               => A F G
        page T1 kind=preauth                => B E
        page T2                             => C
        page M2.T1                          => M2.D
        page T9                             =>
        page M9.T1                          =>
        page T1 days=0..0                   => A B
        page T1 days=1..1                   => E F
        page T1 days=2..2                   =>
        page T1 days=1..3                   => E F G
        page T1 days=3..1                   =>
        page T1 limit=2                     => A B
        page T1 skip=2 limit=2              => E F
        page T1 skip=1 limit=3              => B E F
        page T1 skip=4 limit=2              => G
        page T1 skip=5 limit=2              =>
        page T1 skip=99                     =>
        page T1 limit=0                     =>
        page T1 kind=preauth skip=1         => E
        page T1 kind=purchase skip=1 days=1..9 => G
        ",
    );
}

#[test]
fn the_oldest_closed_orders_make_room() {
    check(
        "
        rule orders_max=3
        register A 1.00
        register B 1.00
        register C 1.00
        approve B
        approve A
        register D 1.00           => registered
        kept                      => B C D
        dropped                   => 1
        state A                   => order.not-found
        refund A                  => order.not-found
        page T1                   => B C D
        page T1 skip=1 limit=1    => C
        register E 1.00
        kept                      => C D E
        id E                      => 4
        register A 2.00           => registered      # the name is free, its place is not
        id A                      => 5
        sequence A                => 2026030200000006
        kept                      => C D E A         # all open: over the budget
        dropped                   => 2
        cancel D
        cancel E
        register F 1.00
        kept                      => C A F
        page T1                   => C A F
        approve C
        advance 30m               => A F
        register G 1.00
        kept                      => A F G
        ",
    );
}

#[test]
fn past_the_budget_of_open_orders_none_is_registered_until_one_closes() {
    check(
        "
        rule open_max=2
        register A 1.00 kind=preauth
        register B 1.00
        register C 1.00           => simulator.full
        register B 1.00           => again
        register B 2.00           => order.duplicate
        approve A                 => authorised      # a hold is open
        register C 1.00           => simulator.full
        approve B
        register C 1.00           => registered
        register D 1.00           => simulator.full
        advance 30m               => C
        register D 1.00           => registered
        register E 1.00           => simulator.full
        complete A 1.00           => captured
        register E 1.00           => registered
        ",
    );
}

#[test]
fn a_hold_is_never_dropped() {
    check(
        "
        rule orders_max=1
        register H 1.00 kind=preauth
        approve H
        register A 1.00
        approve A
        register B 1.00
        approve B
        register C 1.00
        kept                      => H C
        day
        page T1                   => H C
        complete H 1.00           => captured
        register D 1.00
        kept                      => D
        page T1                   => D
        page T1 days=0..0         =>
        ",
    );
}

#[test]
fn the_oldest_goes_first_whichever_closed_first() {
    check(
        "
        rule orders_max=3
        register A 1.00
        register B 1.00
        register C 1.00
        register D 1.00           # looked for room among A, B and C: all open
        approve C
        approve A
        approve B
        register E 1.00
        kept                      => C D E
        ",
    );
}

#[test]
fn an_order_that_a_late_approval_opens_again_is_not_dropped() {
    check(
        "
        rule orders_max=2
        register A 1.00 kind=preauth
        register B 1.00
        register C 1.00           # over the budget: all are open
        cancel A
        approve A late            => authorised
        register D 1.00           => registered
        kept                      => A B C D
        dropped                   => 0
        advance 30m               => B C D
        complete A 1.00           => captured
        register E 1.00
        kept                      => D E
        dropped                   => 3
        ",
    );
}

#[test]
fn a_hold_opened_again_still_runs_out() {
    check(
        "
        rule orders_max=1
        register A 1.00 kind=preauth
        register B 1.00
        cancel A
        approve A late
        register C 1.00
        advance 7d                => B C A
        register D 1.00
        kept                      => D
        dropped                   => 3
        ",
    );
}

#[test]
fn no_money_from_nothing() {
    let mut ledger = Ledger::new(rules(), budget(10));
    let new = |tx_id, minor| NewOrder {
        merchant: "M1",
        terminal: "T1",
        tx_id,
        kind: OrderKind::PreAuth,
        method: PaymentMethod::CreditDebit,
        currency: Currency::Usd,
        amount: Amount::from_minor(minor),
        details: None,
        context: None,
    };
    for minor in [0, -1] {
        assert_eq!(ledger.register(opening(), 1, new("A", minor)), Err(Reason::AmountInvalid));
    }
    ledger.register(opening(), 1, new("A", 1000)).expect("a new order");
    let target = Target::Named { merchant: "M1", tx_id: "A" };
    let card = Instrument { kind: InstrumentKind::Card, account: "************0022".into() };
    let approve = Command::Approve { number: 1, instrument: card, late: false };
    let event = ledger.decide(opening(), target, approve).expect("approved");
    ledger.apply(event, 2).expect("kept");
    for minor in [0, -1] {
        let (amount, currency) = (Amount::from_minor(minor), Currency::Usd);
        let complete = Command::Complete { amount, currency };
        assert_eq!(ledger.decide(opening(), target, complete), Err(Reason::AmountInvalid));
    }
    let (amount, currency) = (Amount::from_minor(1000), Currency::Usd);
    let complete = Command::Complete { amount, currency };
    let event = ledger.decide(opening(), target, complete).expect("completed");
    ledger.apply(event, 3).expect("kept");
    for minor in [0, -1] {
        let refund = Command::Refund { amount: Some(Amount::from_minor(minor)), approval: None };
        assert_eq!(ledger.decide(opening(), target, refund), Err(Reason::AmountInvalid));
    }
}

/// An order of 10.00 of which 8.00 was captured and 6.00 given back.
fn partly_refunded() -> Order {
    let mut told = Story::new();
    for step in ["register A 10.00 kind=preauth", "approve A", "complete A 8.00", "refund A 6.00"] {
        told.step(&Step::read(step));
    }
    told.order("A").expect("kept").clone()
}

#[test]
fn an_order_tells_its_state_after_each_entry_of_its_history() {
    let order = partly_refunded();
    let states = (0..=5).map(|entries| order.state_after(entries)).collect::<Vec<_>>();
    let known = [
        OrderState::Registered,
        OrderState::Authorised,
        OrderState::Captured,
        OrderState::PartlyRefunded,
    ];
    assert_eq!(states[0], None, "before it was there");
    assert_eq!(states[1..5], known.map(Some));
    assert_eq!(states[5], None, "it has no such entry");
}

/// A change to an order, and the rule of money that it breaks.
type Breach = (fn(&mut Order), &'static str);

#[test]
fn each_rule_of_money_is_named_by_an_order_that_breaks_it() {
    let minor = Amount::from_minor;
    let breaks: [Breach; 12] = [
        (
            |order| order.totals.captured = Amount::from_minor(1001),
            "captured is at most authorised",
        ),
        (|order| order.totals.refunded = Amount::from_minor(801), "refunded is at most captured"),
        (|order| order.totals.released = Amount::from_minor(201), "what is released was not taken"),
        (|order| order.state = OrderState::Reversed, "nothing is given back twice"),
        (|order| order.amount = Amount::from_minor(1001), "what is authorised is what was ordered"),
        (|order| order.history.push(order.history[1]), "one approval an order"),
        (|order| order.approval = None, "an approval has its entry"),
        (
            |order| {
                order.history.remove(1);
            },
            "an approval has its entry",
        ),
        (
            |order| {
                order.history.remove(1);
                order.approval = None;
            },
            "no money moves without an approval",
        ),
        (|order| order.captured_at = None, "a capture has its time"),
        (
            |order| {
                (order.totals.captured, order.totals.refunded) = (Amount::ZERO, Amount::ZERO);
            },
            "a capture has its time",
        ),
        (
            |order| {
                order.totals = Totals { authorised: Amount::ZERO, ..Totals::default() };
                (order.captured_at, order.totals.released) = (None, Amount::from_minor(1));
            },
            "what is released was not taken",
        ),
    ];
    let whole = partly_refunded();
    assert_eq!((whole.totals.released, whole.broken_invariant()), (minor(200), None));
    for (break_it, rule) in breaks {
        let mut order = whole.clone();
        break_it(&mut order);
        assert_eq!(order.broken_invariant(), Some(rule), "{order:?}");
    }
    // The limits of each.
    let mut order = whole.clone();
    order.totals.released = minor(0);
    (order.totals.captured, order.totals.refunded) = (minor(1000), minor(1000));
    assert_eq!(order.broken_invariant(), None);
}

#[test]
fn what_is_told_of_an_order_depends_on_how_far_it_came() {
    let amounts = |order: &Order| {
        let told = [CompletedAmount::Captured, CompletedAmount::Ordered]
            .map(|completed| order.told_amount(completed));
        let sums = [told[0], told[1], order.returned(), order.refundable()];
        sums.map(|sum| sum.fixed(order.currency)).join(" ")
    };
    for (kind, steps, expected) in [
        ("preauth", "", "10.00 10.00 0.00 0.00"),
        ("preauth", "approve A", "10.00 10.00 0.00 0.00"),
        ("preauth", "approve A; reverse A", "10.00 10.00 0.00 0.00"),
        ("preauth", "approve A; complete A 8.00", "8.00 10.00 0.00 8.00"),
        ("preauth", "approve A; complete A 8.00; refund A 6.00", "8.00 10.00 6.00 2.00"),
        ("preauth", "approve A; complete A 8.00; refund A", "8.00 10.00 8.00 0.00"),
        ("preauth", "approve A; complete A 8.00; reverse A", "8.00 10.00 8.00 0.00"),
        ("purchase", "", "10.00 10.00 0.00 0.00"),
        ("purchase", "approve A", "10.00 10.00 0.00 10.00"),
        ("purchase", "approve A; refund A 6.00", "10.00 10.00 6.00 4.00"),
        ("purchase", "approve A; decline A issuer.timeout late", "10.00 10.00 10.00 0.00"),
        ("purchase", "cancel A", "10.00 10.00 0.00 0.00"),
    ] {
        let mut story = Story::new();
        story.step(&Step::read(&format!("register A 10.00 kind={kind}")));
        for step in steps.split(';').map(str::trim).filter(|step| !step.is_empty()) {
            story.step(&Step::read(step));
        }
        assert_eq!(amounts(story.order("A").expect("kept")), expected, "{kind}: {steps}");
    }
}

#[test]
fn an_order_is_unchecked_while_the_merchant_was_told_and_never_asked() {
    let mut story = Story::new();
    story.step(&Step::read("register A 10.00"));
    let id = story.ids["A"];
    let unchecked = |story: &Story| story.order("A").expect("kept").is_unchecked();
    assert!(!unchecked(&story));
    story.ledger.note_told(id);
    assert!(unchecked(&story));
    story.ledger.note_status_asked(id, opening());
    assert!(!unchecked(&story));
}

#[test]
fn of_refused_reports_so_many_are_kept_and_everything_else_goes_on() {
    const KEPT: usize = 16;
    let mut story = Story::new();
    story.step(&Step::read("register A 10.00"));
    let target = Target::Named { merchant: "M1", tx_id: "A" };
    for number in 1..=KEPT + 3 {
        let reject = Command::Reject(Reason::AmountInvalid);
        let event = story.ledger.decide(opening(), target, reject).expect("noted");
        let order = story.ledger.apply(event, 1).expect("kept");
        assert_eq!(order.history.len(), 1 + number.min(KEPT));
    }
    assert_eq!(story.step(&Step::read("approve A")), "captured");
    assert_eq!(story.order("A").expect("kept").history.len(), KEPT + 2);
}

#[test]
fn the_screen_of_a_payer_turns_forwards_or_stays() {
    let mut story = Story::new();
    story.step(&Step::read("register A 10.00 method=BAKONG_KHQR"));
    let target = Target::Named { merchant: "M1", tx_id: "A" };
    let mut show = |screen| {
        let event = story.ledger.decide(opening(), target, Command::Show(screen))?;
        Ok::<_, Reason>(story.ledger.apply(event, 1).expect("kept").screen)
    };
    for screen in [Screen::Scanned, Screen::Scanned, Screen::Processing] {
        assert_eq!(show(screen), Ok(screen));
    }
    assert_eq!(show(Screen::Scanned), Err(Reason::StateNotAllowed));
    assert_eq!(show(Screen::Shown), Err(Reason::StateNotAllowed));
}

#[test]
fn merchants_and_terminals_are_told_apart_however_many_there_are() {
    const MANY: usize = 600;
    let mut ledger = Ledger::new(rules(), budget(2 * MANY));
    let mut register = |merchant: &str, terminal: &str, tx_id: &str| {
        let new = NewOrder {
            merchant,
            terminal,
            tx_id,
            kind: OrderKind::Purchase,
            method: PaymentMethod::CreditDebit,
            currency: Currency::Usd,
            amount: Amount::from_minor(100),
            details: None,
            context: None,
        };
        ledger.register(opening(), 1, new).expect("a new order");
    };
    for number in 0..MANY {
        register("M1", &format!("T{number}"), &number.to_string());
        register(&format!("N{number}"), "T1", &number.to_string());
    }
    let day = opening().day();
    for number in 0..MANY {
        let tx_id = number.to_string();
        for (merchant, terminal) in
            [("M1", format!("T{number}")), (&*format!("N{number}"), "T1".into())]
        {
            let rows = ledger.page(merchant, &terminal, day..=day, None, 0, MANY);
            let names = rows.iter().map(|order| &*order.tx_id).collect::<Vec<_>>();
            assert_eq!(names, [&*tx_id], "{merchant} {terminal}");
        }
    }
}

#[test]
fn a_large_ledger_makes_room_at_the_cost_of_the_oldest_closed_orders_only() {
    const MAX: usize = 4096;
    const ORDERS: usize = 6000;
    let mut ledger = Ledger::new(rules(), budget(MAX));
    for number in 0..ORDERS {
        let tx_id = number.to_string();
        let new = NewOrder {
            merchant: "M1",
            terminal: "T1",
            tx_id: &tx_id,
            kind: OrderKind::Purchase,
            method: PaymentMethod::CreditDebit,
            currency: Currency::Usd,
            amount: Amount::from_minor(100),
            details: None,
            context: None,
        };
        ledger.register(opening(), 1, new).expect("a new order");
        if number % 3 > 0 {
            let target = Target::Named { merchant: "M1", tx_id: &tx_id };
            let event = ledger.decide(opening(), target, Command::Cancel).expect("cancelled");
            ledger.apply(event, 2).expect("kept");
        }
        assert!(ledger.len() <= MAX);
    }
    assert_eq!(ledger.len(), MAX);
    let days = opening().day()..=opening().day();
    let page = ledger.page("M1", "T1", days, None, 0, usize::MAX);
    let kept: Vec<usize> = page.iter().map(|order| order.tx_id.parse().expect("ours")).collect();
    // The oldest closed ones are gone, and nothing else.
    let oldest = kept.iter().copied().find(|number| number % 3 > 0).expect("a closed order");
    let expected = (0..ORDERS).filter(|number| number % 3 == 0 || *number >= oldest);
    assert_eq!(kept, expected.collect::<Vec<_>>());
    assert_eq!((kept.len(), kept.len() + ledger.dropped() as usize), (ledger.len(), ORDERS));
}
