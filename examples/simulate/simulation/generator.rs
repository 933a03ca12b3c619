//! Histories made from a seed: merchants who do all as they should, others who do it twice, too late or wrongly, attackers,
//! payers, rules, receivers that fail, and the operators of spaces.

use super::history::{
    Action, Answer, Approval, BOXES, BoxAnswer, CUSTOMERS, Call, Claim, DEAD_RECEIVER, Effect,
    Entry, Flaw, Gate, History, PASSCODES, PasscodeChange, RECEIVERS, Register, Rule, Setup, Step,
    UnsettledRule,
};
use super::model::CARDS;
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
/// Times that matter: of retries, life times, days and time-outs, and those just beside them.
const WAITS: [i64; 22] = [
    1,
    999,
    1_000,
    2_000,
    4_999,
    5_000,
    5_001,
    9_999,
    10_000,
    10_001,
    299_999,
    300_000,
    599_999,
    600_000,
    899_999,
    900_000,
    1_800_000,
    7_200_000,
    36_000_000,
    50_400_000,
    86_400_000,
    604_800_000,
];
const OPERATIONS: [&str; 6] =
    ["register", "status", "refund", "reversal", "preAuthCompletion", "pay"];
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

/// What the generator knows of a space.
#[derive(Clone, Debug)]
struct Known {
    name: String,
    merchants: usize,
    /// Orders that may be there.
    orders: Vec<(usize, String)>,
    /// Orders that were registered and never paid.
    fresh: Vec<(usize, String, Register)>,
    /// Entries that payers have still to make, the next one last.
    entries: Vec<Call>,
    last: Option<Call>,
    snapshots: Vec<String>,
}

struct Generator {
    random: Random,
    spaces: Vec<Known>,
    /// Names that were used, of whatever kind.
    names: usize,
    /// The space in which most happens for a while.
    focus: usize,
    has_races: bool,
    has_state: bool,
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
    let has_state = setup.state;
    let mut generator =
        Generator { random, spaces: Vec::new(), names: 0, focus: 0, has_races, has_state };
    let mut steps = Vec::new();
    for _ in 0..SPACES {
        steps.push(generator.space(size.merchants.div_ceil(SPACES)));
    }
    for receiver in 0..RECEIVERS {
        steps.push(Step::Receiver { receiver, answer: generator.answer() });
    }
    while steps.len() < size.steps {
        steps.push(generator.step());
    }
    History { setup, steps }
}

/// Returns true if nothing in a history happens at the same time.
pub(crate) fn is_sequential(history: &History) -> bool {
    !history.steps.iter().any(|step| matches!(step, Step::Race { .. }))
}

impl Generator {
    fn name(&mut self, kind: &str) -> String {
        self.names += 1;
        format!("{kind}{}", self.names)
    }

    /// A space is made.
    fn space(&mut self, merchants: usize) -> Step {
        let merchants = merchants.clamp(1, 64);
        let space = self.name("space");
        let known = Known {
            name: space.clone(),
            merchants,
            orders: Vec::new(),
            fresh: Vec::new(),
            entries: Vec::new(),
            last: None,
            snapshots: Vec::new(),
        };
        self.spaces.push(known);
        Step::Space { space, seed: self.random.next(), merchants }
    }

    fn step(&mut self) -> Step {
        if self.spaces.is_empty() {
            return self.space(4);
        }
        if self.random.percent(4) {
            self.focus = self.random.below(self.spaces.len());
        }
        let any = self.random.below(self.spaces.len());
        let at = if self.random.percent(80) { self.focus % self.spaces.len() } else { any };
        let space = self.spaces[at].name.clone();
        let has_snapshot = !self.spaces[at].snapshots.is_empty();
        let is_full = self.spaces.len() >= SPACES_MAX;
        let weights = [
            500,                                           // a call
            if self.has_races { 80 } else { 0 },           // a race
            60,                                            // a receiver
            40,                                            // a box
            50,                                            // rules
            200,                                           // the clock goes on
            25,                                            // until nothing waits
            12,                                            // a jump
            30,                                            // once more by hand
            30,                                            // a snapshot
            if has_snapshot { 30 } else { 1 },             // back to one
            if is_full || !has_snapshot { 0 } else { 15 }, // on from one elsewhere
            if has_snapshot { 12 } else { 1 },             // by a file
            8,                                             // a reset
            if self.spaces.len() > 2 { 3 } else { 0 },     // a space is removed
            if is_full { 0 } else { 3 },                   // a space is made
            if self.has_state { 35 } else { 0 },           // a restart
        ];
        match self.random.weighted(&weights) {
            0 => Step::Call { space, call: self.call(at) },
            1 => Step::Race { space, calls: self.race(at) },
            2 => Step::Receiver { receiver: self.random.below(RECEIVERS), answer: self.answer() },
            3 => Step::Box { space, name: self.random.of(&BOXES), answer: self.box_answer() },
            4 => Step::Arm { space, rules: self.rules(at) },
            5 => Step::Advance { space, ms: self.random.of(&WAITS) },
            6 => Step::Idle { space },
            7 => {
                let ms = self.random.of(&WAITS);
                Step::Jump { space, ms: if self.random.percent(40) { -ms } else { ms } }
            }
            8 => {
                let (merchant, tx_id) = self.order(at);
                Step::Resend { space, merchant, tx_id, nth: self.random.below(2) }
            }
            9 => {
                let name = self.name("snapshot");
                self.spaces[at].snapshots.push(name.clone());
                Step::Save { space, name }
            }
            10 => Step::Restore { space, name: self.snapshot(at) },
            11 => {
                let (name, new) = (self.snapshot(at), self.name("fork"));
                let fork =
                    Known { name: new.clone(), snapshots: Vec::new(), ..self.spaces[at].clone() };
                self.spaces.push(fork);
                Step::Fork { space, name, new }
            }
            12 => {
                let (name, to) = (self.snapshot(at), self.random.below(self.spaces.len()));
                self.spaces[to].snapshots.push(name.clone());
                Step::Carry { space, name, to: self.spaces[to].name.clone() }
            }
            13 => Step::Reset { space },
            14 => {
                self.spaces.remove(at);
                Step::Remove { space }
            }
            15 => self.space(3),
            _ => Step::Restart { crash: self.random.percent(50) },
        }
    }

    /// A snapshot of the space, or one that it does not have.
    fn snapshot(&mut self, at: usize) -> String {
        let names = self.spaces[at].snapshots.clone();
        if names.is_empty() { "none".to_owned() } else { self.random.of(&names) }
    }

    /// An order of the space, mostly.
    fn order(&mut self, at: usize) -> (usize, String) {
        let Known { orders, merchants, last, .. } = self.spaces[at].clone();
        if orders.is_empty() || self.random.percent(3) {
            return (self.random.below(merchants), "nowhere".to_owned());
        }
        // Most happens to the order of the last call, and then to the latest ones.
        let recent = &orders[orders.len().saturating_sub(4)..];
        let (merchant, tx_id) = match (last, self.random.below(100)) {
            (Some(last), 0..50) => (last.merchant, last.tx_id),
            (_, 0..85) => self.random.of(recent),
            _ => self.random.of(&orders),
        };
        // Another merchant asks for it now and then.
        let merchant = if self.random.percent(4) { self.random.below(merchants) } else { merchant };
        (merchant, tx_id)
    }

    /// A call; now and then the last one again, as merchants do who heard nothing, or do not listen.
    fn call(&mut self, at: usize) -> Call {
        let again = self.spaces[at].last.clone().filter(|_| self.random.percent(20));
        let call = again.unwrap_or_else(|| self.any_call(at));
        self.spaces[at].last = Some(call.clone());
        call
    }

    fn any_call(&mut self, at: usize) -> Call {
        if self.random.percent(75)
            && let Some(next) = self.spaces[at].entries.pop()
        {
            return next;
        }
        // Registered orders are mostly paid soon.
        let fresh = self.spaces[at].fresh.pop().filter(|_| self.random.percent(80));
        if let Some((merchant, tx_id, asked)) = fresh {
            let action = if self.random.percent(40) {
                let mut entries = self.entries(&asked);
                entries.reverse();
                let last = entries.pop().unwrap_or(Entry::Cancel);
                let call = |entry| {
                    let (tx_id, action) = (tx_id.clone(), Action::Page(entry));
                    Call { merchant, tx_id, action, flaw: None }
                };
                self.spaces[at].entries = entries.into_iter().map(call).collect();
                Action::Page(last)
            } else {
                self.payment()
            };
            return Call { merchant, tx_id, action, flaw: None };
        }
        match self.random.weighted(&[25, 8, 60]) {
            0 => return self.registration(at),
            1 => return self.lookup(at),
            _ => {}
        }
        let (merchant, tx_id) = self.order(at);
        let call = Call { merchant, tx_id, action: self.action(), flaw: None };
        self.with_flaw(call)
    }

    fn payment(&mut self) -> Action {
        Action::Pay {
            outcome: self.random.percent(20).then(|| self.random.of(&ENDS).to_owned()),
            passcode: self.random.percent(20).then(|| self.random.below(PASSCODES.len())),
        }
    }

    /// The way of a payer through the pages of such an order, mostly the right one.
    fn entries(&mut self, asked: &Register) -> Vec<Entry> {
        let is_right = !self.random.percent(25);
        let card = asked.saved.filter(|_| is_right);
        let card = card.unwrap_or_else(|| self.random.below(CARDS.len()));
        let passcode = self.random.below(PASSCODES.len());
        let first = if asked.customer.is_some() && self.random.percent(70) {
            let mut chosen = vec![Entry::Passcode(passcode); 1 + self.wrong(is_right)];
            chosen.insert(0, Entry::Saved { card });
            chosen.push(Entry::Passcode(0));
            chosen
        } else {
            let mut typed = vec![Entry::Card { card, is_right: false }; self.wrong(is_right)];
            typed.push(Entry::Card { card, is_right: true });
            typed
        };
        let otp = Entry::Otp { is_right: true };
        let mut rest = vec![Entry::Otp { is_right: false }; self.wrong(is_right)];
        if asked.method == "PAYON" {
            rest.insert(0, Entry::Channel);
            rest.extend([otp.clone(), Entry::Channel, otp]);
        } else {
            rest.extend([otp, Entry::Return]);
        }
        let mut entries = [first, rest].concat();
        if self.random.percent(15) {
            let at = self.random.below(entries.len());
            let odd = [Entry::Cancel, Entry::Return, Entry::Channel, Entry::Passcode(passcode)];
            entries.insert(at, self.random.of(&odd));
        }
        entries
    }

    /// How often somebody who may be wrong is.
    fn wrong(&mut self, is_right: bool) -> usize {
        if is_right { 0 } else { self.random.below(4) }
    }

    /// Something of a merchant's that is about no single order.
    fn lookup(&mut self, at: usize) -> Call {
        let (merchant, tx_id) = self.order(at);
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
                Action::Reconcile { claims: (0..count).map(|_| self.claim(at)).collect() }
            }
        };
        Call { merchant, tx_id, action, flaw: None }
    }

    fn claim(&mut self, at: usize) -> Claim {
        let (_, tx_id) = self.order(at);
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

    fn registration(&mut self, at: usize) -> Call {
        let merchants = self.spaces[at].merchants;
        let is_again = self.random.percent(6);
        let (merchant, tx_id) = if is_again {
            self.order(at)
        } else {
            // The same numbers at different merchants are different orders.
            (self.random.below(merchants), format!("t{}", self.random.below(60)))
        };
        self.spaces[at].orders.push((merchant, tx_id.clone()));
        let hold = self.random.percent(35);
        let methods = ["CREDIT_DEBIT", "PAYON", "PPCBANK_TRANSFER", "BAKONG_KHQR"];
        let method =
            if hold && !self.random.percent(5) { methods[0] } else { self.random.of(&methods) };
        let riel = self.random.percent(if method == methods[3] { 50 } else { 3 });
        let receiver = self.random.percent(85).then(|| self.random.below(BOXES[1] + 1));
        let receiver = receiver.filter(|it| *it != DEAD_RECEIVER || self.random.percent(50));
        let minor = self.random.of(&AMOUNTS);
        let customer = self.random.percent(35).then(|| self.random.below(CUSTOMERS.len()));
        let saved = customer.filter(|_| self.random.percent(40));
        let saved = saved.map(|_| self.random.below(CARDS.len()));
        let method = method.to_owned();
        let asked = Register { hold, method, riel, minor, receiver, customer, saved };
        self.spaces[at].fresh.push((merchant, tx_id.clone(), asked.clone()));
        let call = Call { merchant, tx_id, action: Action::Register(asked), flaw: None };
        self.with_flaw(call)
    }

    fn action(&mut self) -> Action {
        let approvals = [Approval::Unsaid, Approval::Right, Approval::Wrong];
        let approval = approvals[self.random.weighted(&[6, 3, 1])];
        let minor = self.random.of(&[1, 40, 60, 60, 100, 101, 250, 999]);
        match self.random.weighted(&[12, 44, 10, 14, 6, 10]) {
            0 => Action::Status,
            1 => Action::Refund { minor: self.random.percent(65).then_some(minor), approval },
            2 => Action::Reverse { approval },
            3 => Action::Complete { minor },
            4 => self.payment(),
            _ => Action::Trigger { event: self.random.of(&EVENTS).to_owned() },
        }
    }

    /// Calls for one order, mostly, that cannot all succeed; often the same call of a merchant who does not wait.
    fn race(&mut self, at: usize) -> Vec<Call> {
        let (merchant, tx_id) = self.order(at);
        let count = 2 + self.random.below(3);
        let fresh = self.spaces[at].fresh.pop();
        let same = self.random.percent(50).then(|| self.action());
        (0..count)
            .map(|_| match &fresh {
                Some((merchant, tx_id, _)) if self.random.percent(60) => {
                    let outcome = Some(self.random.of(&ENDS).to_owned());
                    let action = Action::Pay { outcome, passcode: None };
                    Call { merchant: *merchant, tx_id: tx_id.clone(), action, flaw: None }
                }
                _ => {
                    let action = same.clone().unwrap_or_else(|| self.action());
                    Call { merchant, tx_id: tx_id.clone(), action, flaw: None }
                }
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

    fn rules(&mut self, at: usize) -> Vec<Rule> {
        let count = self.random.below(5);
        let mut rules: Vec<Rule> = (0..count).map(|_| self.rule(at)).collect();
        rules.sort_by(|a, b| a.id.cmp(&b.id));
        rules.dedup_by(|a, b| a.id == b.id);
        rules
    }

    fn rule(&mut self, at: usize) -> Rule {
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
        let merchants = self.spaces[at].merchants;
        let merchant = self.random.percent(20).then(|| self.random.below(merchants));
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
