//! A space as the model knows it.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::super::history::{
    Action, Approval, BOXES, BoxAnswer, Call, Claim, Effect, Flaw, Gate, LinkFlaw, RECEIVERS,
    Register, Rule, Setup, Step,
};
use super::order::{Change, Order, Wish, day, end_of_day};
use super::payer::{Customer, Progress, SavedCard, SavedKey};
use super::pushback::{Course, Pushback, PushbackState};
use super::{DAWN, Merchant, Receivers};

/// Time for which a merchant's link may be opened.
const LINK_MS: i64 = 900_000;

/// All that a snapshot holds.
#[derive(Clone, Debug)]
pub(crate) struct Contents {
    /// The space whose story it is, also in a fork.
    pub(super) domain: String,
    pub(crate) now: i64,
    pub(crate) merchants: Arc<Vec<Merchant>>,
    pub(crate) orders: Vec<Order>,
    pub(crate) pushbacks: Vec<Pushback>,
    pub(crate) rules: Vec<Rule>,
    pub(super) saved: Vec<SavedCard>,
    /// Customers, by merchant and place.
    pub(super) customers: BTreeMap<(String, usize), Customer>,
    counts: BTreeMap<String, Counts>,
}

/// Counts of a rule.
#[derive(Clone, Debug, Default)]
struct Counts {
    matched: u32,
    fired: u32,
    by_order: BTreeMap<(String, String), u32>,
}

/// A space.
#[derive(Clone, Debug)]
pub(crate) struct Space {
    pub(crate) contents: Contents,
    initial: Contents,
    pub(crate) snapshots: BTreeMap<String, Contents>,
    pub(crate) boxes: [BoxAnswer; 2],
    /// Entries in the journal.
    pub(crate) journal: usize,
    /// Those of them that are requests of merchants.
    pub(crate) answered: usize,
}

/// What comes of a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Outcome {
    /// Operation, or call of the control plane, as the journal has it.
    pub(crate) name: &'static str,
    /// The order that the journal names.
    pub(crate) tx_id: Option<String>,
    pub(crate) reason: String,
    /// True if the connection breaks in place of an answer.
    pub(crate) is_lost: bool,
    /// The HTTP status that a rule brings.
    pub(crate) status: Option<u16>,
    /// The sum that the answer tells, in minor units.
    pub(crate) minor: Option<i64>,
    /// Time on the clock until it is answered.
    pub(crate) takes_ms: i64,
    /// Rows of the answer, as far as they are compared.
    pub(crate) rows: Option<Vec<String>>,
    /// The saved card that was made.
    pub(crate) saved: Option<SavedKey>,
    /// True if the journal has it.
    pub(crate) is_noted: bool,
    /// What the same call brought before: reports of an app that then pays.
    pub(crate) earlier: Vec<Outcome>,
}

impl Outcome {
    /// All of it that the journal has.
    pub(crate) fn noted(&self) -> impl Iterator<Item = &Self> {
        self.earlier.iter().chain([self]).filter(|outcome| outcome.is_noted)
    }
}

impl Contents {
    pub(crate) fn new(domain: &str, merchants: Arc<Vec<Merchant>>) -> Self {
        Self {
            domain: domain.to_owned(),
            now: DAWN,
            merchants,
            orders: Vec::new(),
            pushbacks: Vec::new(),
            rules: Vec::new(),
            saved: Vec::new(),
            customers: BTreeMap::new(),
            counts: BTreeMap::new(),
        }
    }

    /// Merchants are counted around.
    pub(crate) fn merchant(&self, place: usize) -> &Merchant {
        &self.merchants[place % self.merchants.len()]
    }

    pub(crate) fn find(&self, merchant: &str, tx_id: &str) -> Option<usize> {
        self.orders.iter().position(|order| order.merchant == merchant && order.tx_id == tx_id)
    }

    pub(crate) fn order(&self, merchant: &str, tx_id: &str) -> Option<&Order> {
        self.find(merchant, tx_id).map(|place| &self.orders[place])
    }

    /// How often a rule's conditions held, and how often it stepped in.
    pub(crate) fn counts(&self, rule: &str) -> (u32, u32) {
        self.counts.get(rule).map_or((0, 0), |counts| (counts.matched, counts.fired))
    }

    /// The same, as another space or another life of the process goes on from it.
    fn resumed(&self) -> Self {
        let mut contents = self.clone();
        for pushback in &mut contents.pushbacks {
            pushback.call_back(contents.now);
        }
        contents
    }

    /// The effect of the first rule that fits; all that fit count the call.
    pub(super) fn consult(&mut self, on: &str, merchant: &str, tx_id: &str) -> Option<Effect> {
        let mut decided = None;
        for rule in &self.rules {
            let own = rule.merchant.map(|place| &self.merchants[place % self.merchants.len()].id);
            if rule.on != on || own.is_some_and(|own| own != merchant) {
                continue;
            }
            let counts = self.counts.entry(rule.id.clone()).or_default();
            counts.matched += 1;
            let of_order =
                counts.by_order.entry((merchant.to_owned(), tx_id.to_owned())).or_default();
            *of_order += 1;
            let count = if rule.counts_all { counts.matched } else { *of_order };
            let is_chosen = match rule.gate {
                Gate::All => true,
                Gate::Nth(nth) => count == nth,
                Gate::Every(every) => count % every == 0,
                Gate::First(first) => count <= first,
            };
            if is_chosen && decided.is_none() {
                counts.fired += 1;
                decided = Some(rule.effect);
            }
        }
        decided
    }

    /// One page of a merchant's orders of some days, which are counted from today.
    fn page(
        &self,
        merchant: &str,
        [from, to]: [i64; 2],
        index: usize,
        limit: usize,
    ) -> Vec<String> {
        let today = day(self.now);
        let mut own: Vec<&Order> = self
            .orders
            .iter()
            .filter(|order| order.merchant == merchant)
            .filter(|order| (from..=to).contains(&(day(order.created()) - today)))
            .collect();
        own.sort_by_key(|order| day(order.created()));
        own.into_iter().skip((index - 1) * limit).take(limit).map(|it| it.row(self.now)).collect()
    }

    /// Adds a change to an order, and the push-backs that it brings.
    fn book(
        &mut self,
        place: usize,
        at: i64,
        change: Change,
        setup: &Setup,
        effect: Option<Effect>,
    ) {
        let order = &mut self.orders[place];
        order.log.push((at, change.clone()));
        let is_payment = matches!(change, Change::Approved | Change::Failed(_) | Change::Cancelled);
        let is_told = !matches!(change, Change::Settled | Change::Screen(_) | Change::Rejected);
        let is_news = is_told && (is_payment || setup.every_event);
        let Some(receiver) = order.asked.receiver.filter(|_| is_news) else { return };
        let times = match effect {
            Some(Effect::Notices { copies, delay_ms, apart_ms }) => {
                (0..copies).map(|copy| at + delay_ms + copy as i64 * apart_ms).collect()
            }
            _ => vec![at],
        };
        for due in times {
            self.pushbacks.push(Pushback {
                merchant: order.merchant.clone(),
                tx_id: order.tx_id.clone(),
                cause: change.name(),
                receiver,
                created: at,
                state: PushbackState::Waiting(due),
                attempts: Vec::new(),
            });
        }
    }
}

impl Space {
    /// A space with contents of its own, and with those that a reset brings back.
    pub(crate) fn new(contents: Contents, initial: Contents) -> Self {
        let usual = BoxAnswer::Status { status: 200, delay_ms: 0 };
        let snapshots = BTreeMap::new();
        Self { contents, initial, snapshots, boxes: [usual; 2], journal: 0, answered: 0 }
    }

    /// Another space that goes on from a snapshot.
    pub(crate) fn fork(snapshot: &Contents) -> Self {
        let initial = Contents::new(&snapshot.domain, Arc::clone(&snapshot.merchants));
        // The journal begins with a note on where it comes from.
        Self { journal: 1, ..Self::new(snapshot.resumed(), initial) }
    }

    /// The space goes back to a snapshot, which its journal notes.
    fn restore(&mut self, snapshot: &Contents) {
        self.contents = snapshot.resumed();
        self.journal += 1;
    }

    fn reset(&mut self) {
        let snapshots = std::mem::take(&mut self.snapshots);
        let initial = self.initial.clone();
        *self = Self { snapshots, ..Self::new(initial.clone(), initial) };
    }

    /// Does a step that happens in this space alone and is no call.
    pub(super) fn step(&mut self, step: &Step, setup: &Setup, receivers: &mut Receivers) {
        match step {
            Step::Box { name, answer, .. } => {
                self.boxes[usize::from(*name == BOXES[1])] = *answer;
            }
            Step::Arm { rules, .. } => self.contents.rules.clone_from(rules),
            Step::Advance { ms, .. } => self.advance(*ms, setup, receivers),
            Step::Idle { .. } => self.idle(setup, receivers),
            Step::Jump { ms, .. } => self.contents.now += ms,
            Step::Resend { merchant, tx_id, nth, .. } => {
                let merchant = self.contents.merchant(*merchant).id.clone();
                self.resend(&merchant, tx_id, *nth);
            }
            Step::Save { name, .. } => {
                let contents = self.contents.clone();
                self.snapshots.entry(name.clone()).or_insert(contents);
            }
            Step::Restore { name, .. } => {
                if let Some(snapshot) = self.snapshots.get(name).cloned() {
                    self.restore(&snapshot);
                }
            }
            Step::Reset { .. } => self.reset(),
            _ => {}
        }
    }

    /// The times at which something happens by itself or is over, the next first: push-backs are sent or answered, orders
    /// run out, one-time passwords end, a day is settled.
    pub(crate) fn moments(&self) -> Vec<i64> {
        let Contents { now, orders, pushbacks, .. } = &self.contents;
        let pushbacks = pushbacks.iter().filter_map(Pushback::next);
        let orders = orders.iter().flat_map(|order| [order.deadline(), order.otp_ends()]);
        let settled = [end_of_day(*now)];
        let mut moments: Vec<i64> = pushbacks.chain(orders.flatten()).chain(settled).collect();
        moments.sort_unstable();
        moments.dedup();
        moments
    }

    /// A push-back of an order is sent again by hand, unless it is under way.
    fn resend(&mut self, merchant: &str, tx_id: &str, nth: usize) {
        let Contents { now, pushbacks, .. } = &mut self.contents;
        let mut own =
            pushbacks.iter_mut().filter(|it| it.merchant == merchant && it.tx_id == tx_id);
        if let Some(pushback) = own.nth(nth)
            && !matches!(pushback.state, PushbackState::UnderWay { .. })
        {
            pushback.state = PushbackState::Waiting(*now);
        }
    }

    /// The process ends and starts again.
    pub(super) fn restart(&mut self, crash: bool) {
        (self.journal, self.answered) = (0, 0);
        let now = self.contents.now;
        for pushback in &mut self.contents.pushbacks {
            match pushback.state {
                PushbackState::UnderWay { late, .. } if !crash => pushback.ended(late, now),
                _ => pushback.call_back(now),
            }
        }
    }

    /// Lets happen all that is due by now: orders run out, push-backs are sent and answered.
    pub(super) fn catch_up(&mut self, setup: &Setup, receivers: &mut Receivers) {
        let Self { contents, boxes, .. } = self;
        let now = contents.now;
        loop {
            let due = |(place, order): (usize, &Order)| {
                order.deadline().filter(|deadline| *deadline <= now).map(|at| (at, place))
            };
            if let Some((at, place)) = contents.orders.iter().enumerate().filter_map(due).min() {
                contents.book(place, at, Change::Expired, setup, None);
                continue;
            }
            let is_due = |pushback: &Pushback| pushback.next().is_some_and(|next| next <= now);
            let Some(pushback) = contents.pushbacks.iter_mut().find(|it| is_due(it)) else {
                return;
            };
            if let PushbackState::UnderWay { result, .. } = pushback.state {
                pushback.ended(result, now);
                continue;
            }
            if pushback.receiver < RECEIVERS {
                let arrivals = receivers.arrivals.entry(path_of(pushback)).or_default();
                *arrivals += 1;
            }
            let Course { result, takes_ms, cut_short } =
                Course::of(pushback.receiver, &receivers.answers, *boxes, now);
            if takes_ms == 0 {
                pushback.ended(result, now);
            } else {
                let (ends, late) = (now + takes_ms, cut_short);
                pushback.state = PushbackState::UnderWay { begun: now, ends, result, late };
            }
        }
    }

    /// The clock goes on by so much, and stops at everything that is due on its way.
    pub(crate) fn advance(&mut self, ms: i64, setup: &Setup, receivers: &mut Receivers) {
        let end = self.contents.now + ms;
        self.catch_up(setup, receivers);
        while let Some(next) = self.next_due(true).filter(|next| *next <= end) {
            self.contents.now = next;
            self.catch_up(setup, receivers);
        }
        self.contents.now = end;
    }

    /// The clock goes on until no push-back waits.
    fn idle(&mut self, setup: &Setup, receivers: &mut Receivers) {
        self.catch_up(setup, receivers);
        while self.next_due(false).is_some() {
            self.contents.now = self.next_due(true).unwrap_or(self.contents.now);
            self.catch_up(setup, receivers);
        }
    }

    /// The next time at which a push-back, or an order as well, needs something.
    fn next_due(&self, with_orders: bool) -> Option<i64> {
        let orders = self.contents.orders.iter().filter(|_| with_orders);
        let orders = orders.filter_map(Order::deadline);
        self.contents.pushbacks.iter().filter_map(Pushback::next).chain(orders).min()
    }

    /// What comes of a call, which is made now.
    pub(crate) fn call(&mut self, call: &Call, setup: &Setup) -> Outcome {
        let outcome = self.outcome_of(call, setup);
        self.journal += outcome.noted().count();
        self.answered += usize::from(call.action.is_of_merchant()) + outcome.earlier.len();
        outcome
    }

    fn outcome_of(&mut self, call: &Call, setup: &Setup) -> Outcome {
        let Call { tx_id, action, flaw, .. } = call;
        let merchant = self.contents.merchant(call.merchant).id.clone();
        let outcome = Outcome {
            name: action.name(),
            tx_id: Some(tx_id.clone()),
            reason: "success".to_owned(),
            is_lost: false,
            status: None,
            minor: None,
            takes_ms: 0,
            rows: None,
            saved: None,
            is_noted: true,
            earlier: Vec::new(),
        };
        let refused = |reason: &str| Outcome { reason: reason.to_owned(), ..outcome.clone() };
        if let Some(early) = flaw.and_then(|flaw| refused_early(flaw, action)) {
            let is_unread = ["request.malformed-json", "request.wrong-method", "field.missing"];
            let tx_id = outcome.tx_id.clone().filter(|_| !is_unread.contains(&early));
            return Outcome { tx_id, ..refused(early) };
        }
        match action {
            Action::Page(entry) => {
                let place = self.contents.find(&merchant, tx_id);
                let entered = place.map(|place| self.enter(place, entry, setup));
                match entered {
                    Some((Some(reason), effect)) => with_effect(refused(reason), effect),
                    _ => Outcome { is_noted: false, ..outcome },
                }
            }
            Action::Wallet { app, is_right } => {
                let place = self.contents.find(&merchant, tx_id);
                let reached = place.filter(|place| {
                    *is_right && self.contents.orders[*place].asked.method != "CREDIT_DEBIT"
                });
                let Some(place) = reached else { return Outcome { is_noted: false, ..outcome } };
                let earlier = self
                    .scanned(place, setup)
                    .into_iter()
                    .map(|(name, reason)| Outcome { name, ..refused(reason) });
                let earlier = earlier.collect();
                let (reason, effect) = self.pay_by_app(place, *app, setup);
                with_effect(Outcome { earlier, ..refused(reason) }, effect)
            }
            Action::Link { asked, age_ms, flaw } => {
                let opened = match flaw {
                    Some(LinkFlaw::Torn) => Err("link.invalid"),
                    Some(LinkFlaw::Foreign) => Err("link.foreign"),
                    None => self.open_link(&merchant, tx_id, asked, *age_ms, setup),
                };
                let tx_id = outcome.tx_id.clone().filter(|_| *flaw != Some(LinkFlaw::Torn));
                let status = opened.is_ok().then_some(303);
                Outcome { tx_id, status, ..refused(opened.err().unwrap_or("success")) }
            }
            Action::Pay { outcome: end, passcode } => {
                let Some(place) = self.contents.find(&merchant, tx_id) else {
                    return refused("order.not-found");
                };
                if let Err(reason) = self.judge(place, &Wish::Cancel, setup) {
                    return refused(reason);
                }
                let saved = self.contents.orders[place].saved.clone();
                let end = match (end.as_deref(), saved) {
                    (Some(end), _) => end,
                    (None, Some(key)) => self.contents.pay_saved(&key, *passcode),
                    (None, None) => "success",
                };
                let (reason, effect) = self.end(place, end, setup);
                with_effect(refused(reason), effect)
            }
            Action::Trigger { event } => {
                let Some(place) = self.contents.find(&merchant, tx_id) else {
                    return refused("order.not-found");
                };
                let (wish, reason) = match event.as_str() {
                    "expire" => (Wish::Expire, "order.expired"),
                    "cancel" => (Wish::Cancel, "payer.cancelled"),
                    "settle" => (Wish::Settle, "success"),
                    "late-decline" => (Wish::DeclineLate, "card.do-not-honour"),
                    "late-approval" => (Wish::Approve { late: true }, "success"),
                    _ => (Wish::ChargeBack, "success"),
                };
                match self.judge(place, &wish, setup) {
                    Err(reason) => refused(reason),
                    Ok(change) => {
                        self.book(place, change, setup, None);
                        refused(reason)
                    }
                }
            }
            Action::Bind { customer, card, passcode } => {
                let key = self.contents.next_key(&merchant, *customer, *card);
                self.contents.bind(key.clone(), *passcode);
                Outcome { tx_id: None, saved: Some(key), ..outcome }
            }
            Action::Bindings { customer } => {
                let rows = Some(self.contents.listed(&merchant, *customer));
                Outcome { tx_id: None, rows, ..outcome }
            }
            Action::Passcode { customer, change, passcode } => {
                let done = self.contents.change_passcode(&merchant, *customer, *change, *passcode);
                Outcome { tx_id: None, ..refused(done.err().unwrap_or("success")) }
            }
            Action::Orders { from, to, index, limit } => {
                let rows = Some(self.contents.page(&merchant, [*from, *to], *index, *limit));
                Outcome { tx_id: None, rows, ..outcome }
            }
            Action::Reconcile { claims } => {
                let verdict = |claim: &Claim| {
                    let order = self.contents.order(&merchant, &claim.tx_id);
                    order.map_or("order.not-found", |order| {
                        order.reconciled(&claim.kind, claim.minor.unwrap_or(order.asked.minor))
                    })
                };
                let reasons: Vec<&str> = claims.iter().map(verdict).collect();
                // The first row that does not agree is the reason of the whole.
                let reason = reasons.iter().find(|reason| **reason != "success");
                let rows = reasons.iter().map(|reason| (*reason == "success").to_string());
                Outcome {
                    tx_id: claims.first().map(|it| it.tx_id.clone()),
                    rows: Some(rows.collect()),
                    ..refused(reason.unwrap_or(&"success"))
                }
            }
            _ => {
                let effect = self.contents.consult(action.name(), &merchant, tx_id);
                if effect == Some(Effect::Refuse) {
                    return refused("system.busy");
                }
                let done = self.operate(&merchant, call, setup, effect);
                with_effect(
                    match done {
                        Err(reason) => refused(reason),
                        Ok(minor) => Outcome { minor, ..outcome.clone() },
                    },
                    effect,
                )
            }
        }
    }

    /// Does what a merchant asks for, once it is known who asks. Returns the sum that the answer tells.
    fn operate(
        &mut self,
        merchant: &str,
        call: &Call,
        setup: &Setup,
        effect: Option<Effect>,
    ) -> Result<Option<i64>, &'static str> {
        if let Action::Register(asked) = &call.action {
            return self.register(merchant, &call.tx_id, asked, effect).map(|()| None);
        }
        let place = self.contents.find(merchant, &call.tx_id).ok_or("order.not-found")?;
        let order = &self.contents.orders[place];
        let wish = match call.action {
            Action::App { report, minor } => {
                return self.report(place, report, minor, setup, effect).map(|()| None);
            }
            Action::Refund { minor, approval } => Wish::Refund(minor, approval),
            Action::Reverse { approval } => Wish::Reverse(approval),
            Action::Complete { minor } => Wish::Complete(minor),
            _ => {
                return order.unsuccessful().map_or(Ok(None), Err);
            }
        };
        let change = self.judge(place, &wish, setup)?;
        let minor = change.minor().or(match order.captured() {
            0 => Some(order.authorised()),
            captured => Some(captured),
        });
        self.book(place, change, setup, effect);
        Ok(minor)
    }

    fn register(
        &mut self,
        merchant: &str,
        tx_id: &str,
        asked: &Register,
        effect: Option<Effect>,
    ) -> Result<(), &'static str> {
        offered(asked)?;
        let saved = asked.saved.map(|card| {
            let customer = asked.customer.unwrap_or_default();
            self.contents.saved(merchant, customer, card).cloned()
        });
        if let Some(known) = self.contents.order(merchant, tx_id) {
            let is_same = known.asked == *asked && known.saved == saved.flatten();
            return if is_same { Ok(()) } else { Err("order.duplicate") };
        }
        let saved = match saved {
            None => None,
            Some(key) => {
                let key = key.ok_or("binding.not-found")?;
                self.contents.usable(&key)?;
                if key.method() != asked.method {
                    return Err("method.not-offered");
                }
                Some(key)
            }
        };
        if effect != Some(Effect::NeverBooked) {
            self.contents.orders.push(Order {
                merchant: merchant.to_owned(),
                tx_id: tx_id.to_owned(),
                asked: asked.clone(),
                saved,
                progress: Progress::default(),
                log: vec![(self.contents.now, Change::Registered)],
            });
        }
        Ok(())
    }

    /// A payer opens the link that a merchant made for an order, and with it registers that order.
    fn open_link(
        &mut self,
        merchant: &str,
        tx_id: &str,
        asked: &Register,
        age_ms: Option<i64>,
        setup: &Setup,
    ) -> Result<(), &'static str> {
        offered(asked)?;
        let known = self.contents.find(merchant, tx_id);
        if let Some(place) = known {
            self.register(merchant, tx_id, asked, None)?;
            self.judge(place, &Wish::Cancel, setup)?;
        }
        let now = self.contents.now;
        let opened = known.map_or(now, |place| self.contents.orders[place].created());
        let begun = age_ms.map_or(opened, |age_ms| now - age_ms);
        if now > begun + LINK_MS {
            return Err("link.expired");
        }
        self.register(merchant, tx_id, asked, None)
    }

    pub(super) fn judge(
        &self,
        place: usize,
        wish: &Wish,
        setup: &Setup,
    ) -> Result<Change, &'static str> {
        self.contents.orders[place].outcome(wish, self.contents.now, setup.unsettled)
    }

    pub(super) fn book(
        &mut self,
        place: usize,
        change: Change,
        setup: &Setup,
        effect: Option<Effect>,
    ) {
        if effect != Some(Effect::NeverBooked) {
            self.contents.book(place, self.contents.now, change, setup, effect);
        }
    }
}

/// The path at which a push-back arrives, which says whose it is.
pub(crate) fn path_of(pushback: &Pushback) -> String {
    format!("/r{}/{}/{}", pushback.receiver, pushback.merchant, pushback.tx_id)
}

/// The reason for which a flawed request is refused before any rule is asked.
fn refused_early(flaw: Flaw, action: &Action) -> Option<&'static str> {
    match flaw {
        _ if !action.is_of_merchant() => None,
        Flaw::NotJson => Some("request.malformed-json"),
        Flaw::WrongMethod => Some("request.wrong-method"),
        Flaw::NoTxId => Some("field.missing"),
        Flaw::UnknownMerchant => Some("merchant.unknown"),
        Flaw::WrongTerminal => Some("terminal.unknown"),
        Flaw::Unsigned => action.is_signed().then_some("sign.missing"),
        Flaw::Tampered => action.is_signed().then_some("sign.invalid"),
        Flaw::NegativeAmount => {
            let has_none = matches!(action, Action::Status | Action::Reverse { .. });
            (!has_none).then_some("amount.invalid")
        }
    }
}

/// The outcome with what a rule makes of the answer.
fn with_effect(outcome: Outcome, effect: Option<Effect>) -> Outcome {
    match effect {
        Some(Effect::LoseAnswer) => Outcome { is_lost: true, ..outcome },
        Some(Effect::Unavailable) => Outcome { status: Some(503), ..outcome },
        Some(Effect::Slow { ms }) => Outcome { takes_ms: ms, ..outcome },
        _ => outcome,
    }
}

/// Refuses what the gateway does not offer.
fn offered(asked: &Register) -> Result<(), &'static str> {
    if asked.hold && asked.method != "CREDIT_DEBIT" {
        return Err("preauth.method");
    }
    if asked.riel && asked.method != "BAKONG_KHQR" {
        return Err("currency.unsupported");
    }
    Ok(())
}

/// Returns true if what comes of calls at the same time depends on more than one order of them: a rule counts a call when it
/// comes, and a rule may have it booked or answered later than that.
pub(crate) fn is_ordered(rules: &[Rule]) -> bool {
    rules.iter().any(|rule| {
        let is_late = matches!(rule.effect, Effect::Slow { .. } | Effect::BookedAfter);
        is_late || rule.gate != Gate::All
    })
}

/// The boxes have these places among the receivers.
pub(crate) fn box_name(place: usize) -> String {
    format!("box{}", place - BOXES[0])
}

/// What a request says of the approval number, given the right one.
pub(crate) fn said(approval: Approval, right: Option<&str>) -> Option<&str> {
    match approval {
        Approval::Unsaid => None,
        Approval::Right => right,
        Approval::Wrong => Some("no number"),
    }
}
