//! Histories made from a seed: merchants who do all as they should, others who do it twice, too late or wrongly, attackers,
//! payers, rules, receivers that fail, and the operators of spaces.
//!
//! The model takes part: it does each step as soon as that is made, so the generator knows at each moment which orders
//! somebody waits for, what is left of their money, what a payer is asked, how often it was wrong, and to the millisecond
//! what is due next. Most happens there, and just beside it.

use std::collections::HashMap;

use payon_sim::crypto::{Secret, SignKey};

use super::history::{
    Action, Answer, Approval, BOXES, BoxAnswer, CUSTOMERS, Call, Claim, DEAD_RECEIVER, Effect,
    Entry, Flaw, Gate, History, LinkFlaw, PASSCODES, PasscodeChange, RECEIVERS, Register, Report,
    Rule, Setup, Step, UnsettledRule,
};
use super::model::{APPS, CARDS, Contents, Merchant, Order, Space, World, is_ordered};
use super::random::Random;

/// Size of a history.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Size {
    pub(crate) steps: usize,
    /// Merchants of all spaces together.
    pub(crate) merchants: usize,
}

/// Spaces with which a history begins.
const SPACES: usize = 2;
/// Spaces at most.
const SPACES_MAX: usize = 4;
/// Times for which a clock goes on where it does not go to something that is due.
const WAITS: [i64; 8] = [1, 1_000, 5_000, 60_000, 1_800_000, 36_000_000, 86_400_000, 604_800_000];
/// Merchants who call most.
const BUSY: usize = 4;
const OPERATIONS: [&str; 7] =
    ["register", "status", "refund", "reversal", "preAuthCompletion", "notifyCompletion", "pay"];
const EVENTS: [&str; 6] =
    ["expire", "cancel", "settle", "late-decline", "late-approval", "chargeback"];
const ENDS: [&str; 7] = [
    "success",
    "success",
    "card.insufficient-funds",
    "acs.rejected",
    "issuer.timeout",
    "payer.cancelled",
    "order.expired",
];
const CLAIMS: [&str; 7] = [
    "PURCHASE",
    "REFUND",
    "PRE_AUTH",
    "PRE_AUTH_COMPLETE",
    "PURCHASE_REVERSAL",
    "PRE_AUTH_REVERSAL",
    "PRE_AUTH_COMPLETE_REVERSAL",
];
const AMOUNTS: [i64; 5] = [100, 100, 250, 999, 1];

struct Generator {
    random: Random,
    /// The rules that were armed last in each space.
    armed: HashMap<String, Vec<Rule>>,
    /// Names that were used, of whatever kind.
    names: usize,
    /// The space in which most happens for a while.
    focus: usize,
    has_races: bool,
    /// The last call, and its space.
    last: Option<(String, Call)>,
}

/// The history that follows from a seed. Every second one has no races, so that it can be played twice and compared.
pub(crate) fn history(seed: u64, size: Size) -> History {
    let mut random = Random::new(seed);
    let setup = Setup {
        seed: random.next(),
        unsettled: random.of(&[
            UnsettledRule::Allow,
            UnsettledRule::Refuse,
            UnsettledRule::Reverse,
        ]),
        every_event: random.percent(50),
        state: random.percent(40),
    };
    let has_races = random.percent(50);
    let armed = HashMap::new();
    let mut generator = Generator { random, armed, names: 0, focus: 0, has_races, last: None };
    let mut world = World::new(setup);
    let mut steps: Vec<Step> = Vec::new();
    while steps.len() < size.steps {
        let step = match steps.len() {
            0..SPACES => generator.space(size.merchants.div_ceil(SPACES)),
            at if at < SPACES + RECEIVERS => {
                Step::Receiver { receiver: at - SPACES, answer: generator.answer() }
            }
            _ => generator.step(&world, steps.last()),
        };
        follow(&mut world, &step);
        steps.push(step);
    }
    History { setup, steps }
}

/// Has the model do a step. It makes up the merchants of a new space.
fn follow(world: &mut World, step: &Step) {
    let Step::Space { space, merchants, .. } = step else { return world.step(step) };
    let Ok(secret) = Secret::new("made up") else { return };
    let merchant = |place| Merchant {
        id: format!("{space}-{place}"),
        terminal: "T".to_owned(),
        key: SignKey::Shared(secret.clone()),
    };
    if !world.spaces.contains_key(space) {
        world.make(space, (0..*merchants).map(merchant).collect());
    }
}

/// Returns true if nothing in a history happens at the same time.
pub(crate) fn is_sequential(history: &History) -> bool {
    !history.steps.iter().any(|step| matches!(step, Step::Race { .. }))
}

/// The weight of an order: how much may still come of it.
fn attention(contents: &Contents, order: &Order) -> usize {
    match order.state() {
        "registered" if contents.wrong_attempts(order) > 0 => 80,
        "registered" if order.is_being_paid() => 30,
        "registered" => 4,
        "authorised" | "partlyRefunded" => 10,
        "captured" => 8,
        _ => 1,
    }
}

impl Generator {
    fn name(&mut self, kind: &str) -> String {
        self.names += 1;
        format!("{kind}{}", self.names)
    }

    /// A space is made.
    fn space(&mut self, merchants: usize) -> Step {
        let space = self.name("space");
        Step::Space { space, seed: self.random.next(), merchants: merchants.clamp(1, 64) }
    }

    fn step(&mut self, world: &World, last: Option<&Step>) -> Step {
        let names: Vec<&String> = world.spaces.keys().collect();
        if names.is_empty() {
            return self.space(4);
        }
        if let Some(step) = self.next_entry(world) {
            return step;
        }
        // Whoever heard nothing does the same again.
        if let Some(last) = last.filter(|_| self.random.percent(6)) {
            return last.clone();
        }
        if self.random.percent(4) {
            self.focus = self.random.below(names.len());
        }
        let any = self.random.below(names.len());
        let at = if self.random.percent(80) { self.focus % names.len() } else { any };
        let space = names[at].clone();
        let own = &world.spaces[&space];
        let has_snapshot = !own.snapshots.is_empty();
        let has_pushback = !own.contents.pushbacks.is_empty();
        let is_full = names.len() >= SPACES_MAX;
        // What arms its rules at the beginning does so again where it begins anew.
        let begins_anew = matches!(
            last,
            Some(Step::Reset { space: of } | Step::Restore { space: of, .. }) if *of == space
        );
        if let Some(rules) = self.armed.get(&space).filter(|_| begins_anew)
            && self.random.percent(60)
        {
            return Step::Arm { rules: rules.clone(), space };
        }
        let weights = [
            700,                                           // a call
            if self.has_races { 180 } else { 0 },          // a race
            40,                                            // a receiver
            30,                                            // a box
            45,                                            // rules
            140,                                           // the clock
            if has_pushback { 30 } else { 0 },             // once more by hand
            35,                                            // a snapshot
            if has_snapshot { 30 } else { 1 },             // back to one
            if is_full || !has_snapshot { 0 } else { 12 }, // on from one elsewhere
            if has_snapshot { 12 } else { 1 },             // by a file
            14,                                            // a reset
            if names.len() > 2 { 3 } else { 0 },           // a space is removed
            if is_full { 0 } else { 3 },                   // a space is made
            if world.setup.state { 35 } else { 0 },        // a restart
        ];
        match self.random.weighted(&weights) {
            0 => {
                let call = self.call(&space, &own.contents);
                self.last = Some((space.clone(), call.clone()));
                Step::Call { space, call }
            }
            1 => {
                let calls = self.race(&space, &own.contents);
                self.last = calls.first().map(|call| (space.clone(), call.clone()));
                Step::Race { space, calls }
            }
            2 => Step::Receiver { receiver: self.random.below(RECEIVERS), answer: self.answer() },
            3 => Step::Box { space, name: self.random.of(&BOXES), answer: self.box_answer() },
            4 => {
                let rules = self.rules(&own.contents);
                self.armed.insert(space.clone(), rules.clone());
                Step::Arm { space, rules }
            }
            5 => self.clock(space, own),
            6 => {
                let pushback = self.random.of(&own.contents.pushbacks);
                let merchant = place_of(&own.contents, &pushback.merchant);
                Step::Resend { space, merchant, tx_id: pushback.tx_id, nth: self.random.below(2) }
            }
            7 => Step::Save { space, name: self.name("snapshot") },
            8 => Step::Restore { space, name: self.snapshot(own) },
            9 => Step::Fork { space, name: self.snapshot(own), new: self.name("fork") },
            10 => {
                let to = self.random.of(&names).clone();
                Step::Carry { space, name: self.snapshot(own), to }
            }
            11 => Step::Reset { space },
            12 => Step::Remove { space },
            13 => self.space(3),
            _ => Step::Restart { crash: self.random.percent(50) },
        }
    }

    /// The next entry of the payer who made the last call: once on a page, most go on at once.
    fn next_entry(&mut self, world: &World) -> Option<Step> {
        let is_hasty = self.random.percent(65);
        let (space, last) = self.last.as_ref().filter(|_| is_hasty)?;
        let contents = &world.spaces.get(space)?.contents;
        let order = contents.order(&contents.merchant(last.merchant).id, &last.tx_id)?;
        let is_on_page = matches!(last.action, Action::Page(_));
        if !is_on_page || order.state() != "registered" || !order.is_being_paid() {
            return None;
        }
        let (space, mut call) = (space.clone(), last.clone());
        call.action = Action::Page(self.entry(contents, Some(order)));
        self.last = Some((space.clone(), call.clone()));
        Some(Step::Call { space, call })
    }

    /// The clock goes, or jumps, mostly to the moment of something that is due, or a millisecond beside it.
    fn clock(&mut self, space: String, own: &Space) -> Step {
        let moments = own.moments();
        let nearest = &moments[..moments.len().min(3)];
        let ms = match self.random.weighted(&[75, 12, 13]) {
            0 if !nearest.is_empty() => self.random.of(nearest) - own.contents.now,
            1 if !moments.is_empty() => self.random.of(&moments) - own.contents.now,
            _ => self.random.of(&WAITS),
        };
        let ms = ms + self.random.of(&[-1, 0, 0, 1]);
        match self.random.weighted(&[60, 32, 8]) {
            0 if ms >= 0 => Step::Advance { space, ms },
            2 => Step::Idle { space },
            _ => Step::Jump { space, ms: if self.random.percent(20) { -ms } else { ms } },
        }
    }

    /// A snapshot of the space, or one that it does not have.
    fn snapshot(&mut self, own: &Space) -> String {
        let names: Vec<&String> = own.snapshots.keys().collect();
        if names.is_empty() { "none".to_owned() } else { self.random.of(&names).clone() }
    }

    /// A merchant, by its place.
    fn merchant(&mut self, contents: &Contents) -> usize {
        let all = contents.merchants.len();
        let is_busy = self.random.percent(70);
        self.random.below(if is_busy { all.min(BUSY) } else { all })
    }

    /// An order of the space, mostly: that of the last call, or one that somebody still waits for.
    fn order(&mut self, space: &str, contents: &Contents) -> (usize, String) {
        let is_same = self.random.percent(50);
        if let Some((_, last)) = self.last.as_ref().filter(|(own, _)| is_same && own == space) {
            return (last.merchant, last.tx_id.clone());
        }
        if contents.orders.is_empty() || self.random.percent(3) {
            return (self.merchant(contents), "nowhere".to_owned());
        }
        let weights: Vec<usize> =
            contents.orders.iter().map(|order| attention(contents, order)).collect();
        let order = &contents.orders[self.random.weighted(&weights)];
        // Another merchant asks for it now and then.
        let is_other = self.random.percent(4);
        let own = place_of(contents, &order.merchant);
        (if is_other { self.merchant(contents) } else { own }, order.tx_id.clone())
    }

    /// A call; now and then the last one again, as merchants do who heard nothing, or do not listen.
    fn call(&mut self, space: &str, contents: &Contents) -> Call {
        let is_again = self.random.percent(15);
        if let Some((_, last)) = self.last.as_ref().filter(|(own, _)| is_again && own == space) {
            return last.clone();
        }
        match self.random.weighted(&[18, 8, 74]) {
            0 => return self.registration(space, contents),
            1 => return self.lookup(space, contents),
            _ => {}
        }
        let (merchant, tx_id) = self.order(space, contents);
        let order = contents.order(&contents.merchant(merchant).id, &tx_id);
        let action = self.action(contents, order, true);
        let is_flawed = action.is_of_merchant() && !matches!(action, Action::App { .. });
        let call = Call { merchant, tx_id, action, flaw: None };
        if is_flawed { self.with_flaw(call) } else { call }
    }

    /// Something to do about an order: mostly what may succeed as it stands, now and then anything.
    fn action(&mut self, contents: &Contents, order: Option<&Order>, with_pages: bool) -> Action {
        let state = order.filter(|_| !self.random.percent(15)).map_or("", Order::state);
        let is_hold = order.is_some_and(|order| order.asked.hold);
        let page = usize::from(with_pages);
        let asks = order.is_some_and(|order| !contents.entries(order)[0].is_empty());
        // Status, refund, reversal, completion, payment, page, report of an app, pretend app, event.
        let weights = match state {
            "registered" if asks => [1, 1, 1, 1, 7, 30 * page, 3, 2 * page, 2],
            "registered" => [1, 1, 1, 1, 7, 2 * page, 9, 12 * page, 2],
            "authorised" => [1, 1, 3, 12, 1, page, 1, page, 2],
            "captured" | "partlyRefunded" if is_hold => [1, 8, 3, 8, 1, page, 1, page, 3],
            "captured" | "partlyRefunded" => [1, 14, 3, 2, 1, page, 1, page, 3],
            _ => [2, 6, 4, 4, 3, 3 * page, 2, page, 4],
        };
        let approvals = [Approval::Unsaid, Approval::Right, Approval::Wrong];
        match self.random.weighted(&weights) {
            0 => Action::Status,
            1 => Action::Refund {
                minor: self.random.percent(65).then(|| self.minor(order)),
                approval: approvals[self.random.weighted(&[6, 3, 1])],
            },
            2 => Action::Reverse { approval: approvals[self.random.weighted(&[6, 3, 1])] },
            3 => Action::Complete { minor: self.minor(order) },
            4 => self.payment(),
            5 => Action::Page(self.entry(contents, order)),
            6 => Action::App {
                report: self.random.of(&[
                    Report::Scanned,
                    Report::Processing,
                    Report::Paid,
                    Report::Paid,
                    Report::Declined,
                    Report::Cancelled,
                ]),
                minor: self.random.percent(15).then(|| self.minor(order)),
            },
            7 => Action::Wallet {
                app: self.random.below(APPS.len()),
                is_right: !self.random.percent(10),
            },
            _ => Action::Trigger { event: self.random.of(&EVENTS).to_owned() },
        }
    }

    /// A sum: all that an order has left, or a part of it, or a little more.
    fn minor(&mut self, order: Option<&Order>) -> i64 {
        let all = order.map_or(100, |order| order.asked.minor);
        let left = match order {
            Some(order) if order.captured() > 0 => order.refundable(),
            _ => all,
        };
        self.random.of(&[1, all / 2, left / 2, left - 1, left, left, left + 1, all, 40]).max(1)
    }

    fn payment(&mut self) -> Action {
        Action::Pay {
            outcome: self.random.percent(20).then(|| self.random.of(&ENDS).to_owned()),
            passcode: self.random.percent(20).then(|| self.random.below(PASSCODES.len())),
        }
    }

    /// An entry on the page of an order: mostly one that the page asks for. Whoever was wrong is mostly wrong again.
    fn entry(&mut self, contents: &Contents, order: Option<&Order>) -> Entry {
        let Some(order) = order.filter(|_| !self.random.percent(8)) else {
            let card = self.random.below(CARDS.len());
            let odd = [
                Entry::Cancel,
                Entry::Return,
                Entry::Channel,
                Entry::Saved { card },
                Entry::Passcode(0),
            ];
            return self.random.of(&odd);
        };
        let [right, wrong] = contents.entries(order);
        let share = match contents.wrong_attempts(order) {
            0 if order.is_being_paid() => 55,
            0 => 12,
            _ => 88,
        };
        let is_wrong = self.random.percent(share);
        let fit = if is_wrong && !wrong.is_empty() { wrong } else { right };
        if fit.is_empty() { Entry::Cancel } else { self.random.of(&fit) }
    }

    /// Something of a merchant's that is about no single order.
    fn lookup(&mut self, space: &str, contents: &Contents) -> Call {
        let (merchant, tx_id) = self.order(space, contents);
        let customer = self.random.below(CUSTOMERS.len());
        let passcode = self.random.below(PASSCODES.len());
        let action = match self.random.weighted(&[40, 12, 18, 15, 15]) {
            0 => Action::Bind {
                customer,
                card: self.random.below(CARDS.len()),
                passcode: self.random.percent(40).then_some(passcode),
            },
            1 => Action::Bindings { customer },
            2 => {
                use PasscodeChange::{Create, Disable, Enable};
                let change = self.random.of(&[Create, Enable, Disable, Disable]);
                Action::Passcode { customer, change, passcode }
            }
            3 => {
                let from = -(self.random.below(9) as i64);
                let to = from + self.random.below(10) as i64;
                let (index, limit) = (1 + self.random.below(2), 1 + self.random.below(6));
                Action::Orders { from, to, index, limit }
            }
            _ => {
                let count = 1 + self.random.below(3);
                Action::Reconcile {
                    claims: (0..count).map(|_| self.claim(space, contents)).collect(),
                }
            }
        };
        Call { merchant, tx_id, action, flaw: None }
    }

    fn claim(&mut self, space: &str, contents: &Contents) -> Claim {
        let (_, tx_id) = self.order(space, contents);
        let minor = self.random.percent(40).then(|| self.random.of(&[40, 60, 100, 999]));
        Claim { tx_id, kind: self.random.of(&CLAIMS).to_owned(), minor }
    }

    fn with_flaw(&mut self, call: Call) -> Call {
        let flaws = [
            Flaw::NotJson,
            Flaw::NoTxId,
            Flaw::Unsigned,
            Flaw::Tampered,
            Flaw::UnknownMerchant,
            Flaw::WrongTerminal,
            Flaw::NegativeAmount,
            Flaw::WrongMethod,
        ];
        let flaw = self.random.of(&flaws);
        Call { flaw: self.random.percent(8).then_some(flaw), ..call }
    }

    /// An order comes to be: by a call, or by a link.
    fn registration(&mut self, space: &str, contents: &Contents) -> Call {
        let (merchant, tx_id) = if self.random.percent(6) {
            self.order(space, contents)
        } else {
            // The same numbers at different merchants are different orders.
            (self.merchant(contents), format!("t{}", self.random.below(60)))
        };
        let id = &contents.merchant(merchant).id;
        let known = contents.order(id, &tx_id).map(|order| order.asked.clone());
        let asked = known.filter(|_| self.random.percent(50));
        let asked = asked.unwrap_or_else(|| self.wish(contents, id));
        if self.random.percent(25) {
            let ages = [0, 0, 60_000, 899_999, 900_000, 900_001, -5_000];
            let age_ms = self.random.percent(70).then(|| self.random.of(&ages));
            let flaw = self.random.of(&[LinkFlaw::Torn, LinkFlaw::Foreign]);
            let flaw = self.random.percent(8).then_some(flaw);
            let action = Action::Link { asked, age_ms, flaw };
            return Call { merchant, tx_id, action, flaw: None };
        }
        let call = Call { merchant, tx_id, action: Action::Register(asked), flaw: None };
        self.with_flaw(call)
    }

    /// An order of a merchant's that is asked for.
    fn wish(&mut self, contents: &Contents, merchant: &str) -> Register {
        let customer = self.random.percent(45).then(|| self.random.below(CUSTOMERS.len()));
        let is_saved =
            |card: &usize| customer.is_some_and(|it| contents.saved(merchant, it, *card).is_some());
        let own: Vec<usize> = (0..CARDS.len()).filter(is_saved).collect();
        let saved = match customer {
            Some(_) if !own.is_empty() && self.random.percent(70) => Some(self.random.of(&own)),
            Some(_) if self.random.percent(10) => Some(self.random.below(CARDS.len())),
            _ => None,
        };
        let hold = self.random.percent(35);
        let methods = ["CREDIT_DEBIT", "PAYON", "PPCBANK_TRANSFER", "BAKONG_KHQR"];
        let method = match saved {
            _ if self.random.percent(5) => self.random.of(&methods),
            _ if hold => methods[0],
            Some(card) => CARDS[card].method,
            None => methods[self.random.weighted(&[5, 4, 1, 2])],
        };
        let riel = self.random.percent(if method == methods[3] { 50 } else { 3 });
        let receiver = self.random.percent(85).then(|| self.random.below(BOXES[1] + 1));
        let receiver = receiver.filter(|it| *it != DEAD_RECEIVER || self.random.percent(50));
        let (method, minor) = (method.to_owned(), self.random.of(&AMOUNTS));
        Register { hold, method, riel, minor, receiver, customer, saved }
    }

    /// Calls for one order, mostly, that cannot all succeed; often the same call of a merchant who does not wait.
    fn race(&mut self, space: &str, contents: &Contents) -> Vec<Call> {
        let count = 2 + self.random.below(6);
        if self.random.percent(12) {
            return vec![self.registration(space, contents); count];
        }
        let (merchant, tx_id) = self.order(space, contents);
        let order = contents.order(&contents.merchant(merchant).id, &tx_id);
        let same = self.random.percent(70).then(|| self.action(contents, order, false));
        (0..count)
            .map(|_| {
                let action = same.clone();
                let action = action.unwrap_or_else(|| self.action(contents, order, false));
                Call { merchant, tx_id: tx_id.clone(), action, flaw: None }
            })
            .collect()
    }

    fn answer(&mut self) -> Answer {
        let status = self.random.of(&[200, 201, 204, 302, 404, 429, 500, 503]);
        self.random.of(&[
            Answer::Status(200),
            Answer::Status(200),
            Answer::Status(status),
            Answer::Status(status),
            Answer::Close,
            Answer::Reset,
            Answer::Garbage,
            Answer::HalfHead,
            Answer::HalfBody,
        ])
    }

    fn box_answer(&mut self) -> BoxAnswer {
        if self.random.percent(15) {
            return BoxAnswer::Close;
        }
        let status = self.random.of(&[200, 200, 204, 404, 500]);
        let delay_ms = self.random.of(&[0, 0, 1, 2_000, 9_999, 10_000, 30_000]);
        BoxAnswer::Status { status, delay_ms }
    }

    fn rules(&mut self, contents: &Contents) -> Vec<Rule> {
        let count = self.random.below(5);
        // Calls at the same time need rules whose counts do not decide.
        let plain = self.has_races && self.random.percent(80);
        let mut rules: Vec<Rule> = (0..count).map(|_| self.rule(contents)).collect();
        if plain {
            for rule in &mut rules {
                if self.random.percent(50) {
                    rule.gate = Gate::All;
                }
            }
            rules.retain(|rule| !is_ordered(std::slice::from_ref(rule)));
        }
        rules.sort_by(|a, b| a.id.cmp(&b.id));
        rules.dedup_by(|a, b| a.id == b.id);
        rules
    }

    fn rule(&mut self, contents: &Contents) -> Rule {
        let on = self.random.of(&OPERATIONS);
        let count = 1 + self.random.below(3) as u32;
        let ms = self.random.of(&[1, 2_000, 5_000, 60_000]);
        let gates = [Gate::All, Gate::Nth(count), Gate::Every(count), Gate::First(count)];
        let notices = Effect::Notices {
            copies: self.random.below(4),
            delay_ms: self.random.of(&[0, 0, 1_000, 5_000, 3_600_000]),
            apart_ms: self.random.of(&[0, 1, 5_000]),
        };
        let answers =
            [Effect::Refuse, Effect::LoseAnswer, Effect::Slow { ms }, Effect::Unavailable];
        let bookings = [Effect::NeverBooked, Effect::BookedAfter];
        let effects: Vec<Effect> = match on {
            "status" => answers.to_vec(),
            "register" => [&answers[..], &bookings].concat(),
            "pay" => {
                [&[Effect::Refuse, Effect::Slow { ms }, notices, notices][..], &bookings].concat()
            }
            _ => [&answers[..], &bookings, &[notices]].concat(),
        };
        let merchant = self.random.percent(20).then(|| self.merchant(contents));
        // An id that was there before goes on counting.
        let id = format!("again{}", self.random.below(6));
        Rule {
            id: if self.random.percent(60) { id } else { self.name("r") },
            on: on.to_owned(),
            merchant,
            gate: self.random.of(&gates),
            counts_all: self.random.percent(50),
            effect: self.random.of(&effects),
        }
    }
}

/// The place of a merchant of the space.
fn place_of(contents: &Contents, merchant: &str) -> usize {
    contents.merchants.iter().position(|own| own.id == merchant).unwrap_or(0)
}
