//! The ledger itself: its orders, its saved cards and the rules of their life cycle.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use smallvec::smallvec;

use super::bindings::{Binding, BindingId, Bindings, Client, NewBinding};
use super::command::{Command, LedgerEvent, NewOrder, Registration, Target};
use super::decide;
use super::order::{
    Approval, Change, Details, Entry, History, Order, OrderId, OrderKind, Screen, Totals,
};
use super::progress::Progress;
use super::store::{Orders, Store, Terminal};
use crate::base::persistent::PersistentSortedMap;
use crate::base::{Amount, Day, Millis, OrderState, Reason};
use crate::profile::{IdenticalRegister, LifecycleRules};

/// The largest running number of a day, and of the audit number.
pub(super) const DAY_NUMBER_MAX: u32 = 99_999_999;
pub(super) const STAN_MAX: u32 = 999_999;
/// Number of refused reports of a paying app that an order's history keeps.
const REJECTED_MAX: usize = 16;

/// Numbers of orders that a ledger keeps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OrderBudget {
    /// Orders; past it the oldest closed ones go.
    pub kept: usize,
    /// Open orders; past it none is registered.
    pub open: usize,
}

/// The orders and saved cards of one space.
#[derive(Clone, Debug)]
pub struct Ledger {
    pub(super) rules: LifecycleRules,
    pub(super) store: Store,
    pub(super) bindings: Bindings,
    pub(super) day_numbers: BTreeMap<Day, u32>,
    pub(super) stan: u32,
    pub(super) budget: OrderBudget,
    pub(super) dropped: u64,
    /// The orders that were booked under a promised id, by that.
    pub(super) promised: PersistentSortedMap<OrderId, OrderId>,
    pub(super) promises: u64,
}

/// Promised ids begin here, beyond all others.
pub(super) const FIRST_PROMISE: u64 = 1 << 63;

impl Ledger {
    /// An empty ledger.
    pub fn new(rules: LifecycleRules, budget: OrderBudget) -> Self {
        Self {
            rules,
            store: Store::default(),
            bindings: Bindings::default(),
            day_numbers: BTreeMap::new(),
            stan: 0,
            budget,
            dropped: 0,
            promised: PersistentSortedMap::default(),
            promises: 0,
        }
    }

    /// The life-cycle rules in force.
    pub fn rules(&self) -> &LifecycleRules {
        &self.rules
    }

    /// The saved cards.
    pub fn bindings(&self) -> &Bindings {
        &self.bindings
    }

    /// The saved cards, to change.
    pub fn bindings_mut(&mut self) -> &mut Bindings {
        &mut self.bindings
    }

    /// Saves a card. `id` makes the new binding's id from how often the client has bound this card
    /// before; the earlier binding of the card ends.
    pub fn bind(
        &mut self,
        now: Millis,
        new: NewBinding<'_>,
        id: impl FnOnce(u32) -> BindingId,
    ) -> Result<&Binding, Reason> {
        let day_number = self.next_day_number(now);
        self.bindings.bind(now, day_number, new, id)
    }

    /// The order that `target` names.
    pub fn find(&self, target: Target<'_>) -> Option<&Order> {
        match target {
            Target::Named { merchant, tx_id } => self.store.find(merchant, tx_id),
            Target::At(id) if id.0 < FIRST_PROMISE => self.store.get(id),
            Target::At(id) => self.store.get(*self.promised.get(id)?),
        }
    }

    /// Terminal of an order.
    pub fn terminal(&self, order: &Order) -> &Terminal {
        self.store.terminal_names(order.terminal)
    }

    /// Orders kept.
    pub fn len(&self) -> usize {
        self.store.len()
    }

    /// Returns true if it keeps none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Orders dropped to keep to the budget.
    pub fn dropped(&self) -> u64 {
        self.dropped
    }

    /// All orders after `after`, oldest first.
    pub fn orders_after(&self, after: Option<OrderId>) -> impl Iterator<Item = &Order> {
        self.store.after(after)
    }

    /// All orders as they are now, in a copy that costs nothing.
    pub fn orders(&self) -> Orders {
        self.store.orders()
    }

    /// One page of a terminal's orders between two days of Cambodia's calendar, ascending `txSeqNo`.
    pub fn page(
        &self,
        merchant: &str,
        terminal: &str,
        days: RangeInclusive<Day>,
        kind: Option<OrderKind>,
        skip: usize,
        limit: usize,
    ) -> Vec<&Order> {
        self.store.page(merchant, terminal, days, kind, skip, limit)
    }

    /// Checks a registration: `None` for a new order, the earlier one for the identical
    /// request again. Refused are a `txId` that is taken, an amount of nothing or less, and a new order where there are
    /// as many open ones as are kept.
    pub fn check_register(&self, new: &NewOrder<'_>) -> Result<Option<OrderId>, Reason> {
        if new.amount <= Amount::ZERO {
            return Err(Reason::AmountInvalid);
        }
        let named = Target::Named { merchant: new.merchant, tx_id: new.tx_id };
        let Some(known) = self.find(named) else {
            self.check_binding(new)?;
            let has_room = self.store.open() < self.budget.open;
            return if has_room { Ok(None) } else { Err(Reason::SimulatorFull) };
        };
        if self.repeats(known, new) && self.rules.identical_register == IdenticalRegister::Repeat {
            Ok(Some(known.id))
        } else {
            Err(Reason::OrderDuplicate)
        }
    }

    /// Returns true if `new` asks for what `known` was registered with.
    pub fn repeats(&self, known: &Order, new: &NewOrder<'_>) -> bool {
        *self.terminal(known).terminal == *new.terminal
            && known.kind == new.kind
            && known.method == new.method
            && known.currency == new.currency
            && known.amount == new.amount
            && *known.details() == *Details::of(new.details.as_deref())
    }

    /// A new order that names a binding must name a usable one, of its own client and method.
    fn check_binding(&self, new: &NewOrder<'_>) -> Result<(), Reason> {
        let details = Details::of(new.details.as_deref());
        let Some(named) = details.binding_id.as_deref() else { return Ok(()) };
        let client = details.client_id.as_deref().ok_or(Reason::BindingNotFound)?;
        let client = Client { merchant: new.merchant, client };
        let id = BindingId::parse(named).ok_or(Reason::BindingNotFound)?;
        let binding = self.bindings.usable(client, id)?;
        if binding.method == new.method { Ok(()) } else { Err(Reason::MethodNotOffered) }
    }

    /// The next running number of the day, for `txSeqNo`.
    fn next_day_number(&mut self, now: Millis) -> u32 {
        let number = self.day_numbers.entry(now.day()).or_insert(0);
        *number = *number % DAY_NUMBER_MAX + 1;
        *number
    }

    /// Registers an order, or finds the one that the identical request made before.
    pub fn register(
        &mut self,
        now: Millis,
        trace: u64,
        new: NewOrder<'_>,
    ) -> Result<Registration, Reason> {
        if let Some(known) = self.check_register(&new)? {
            return Ok(Registration::Again(known));
        }
        let order = self.make(now, trace, new);
        Ok(Registration::New(self.insert(order)))
    }

    /// The order that `new` would become, without booking it. Its running numbers are used up.
    pub fn make(&mut self, now: Millis, trace: u64, new: NewOrder<'_>) -> Order {
        let lifetime = if new.method.shows_qr() {
            self.rules.qr_lifetime_ms
        } else {
            self.rules.order_lifetime_ms
        };
        let day_number = self.next_day_number(now);
        self.stan = self.stan % STAN_MAX + 1;
        let (id, deadline) = (self.store.next_id(), now.plus(lifetime));
        Order {
            id,
            terminal: self.store.terminal(new.merchant, new.terminal),
            tx_id: new.tx_id.into(),
            kind: new.kind,
            method: new.method,
            currency: new.currency,
            amount: new.amount,
            totals: Totals::default(),
            state: OrderState::Registered,
            created: now,
            payable_until: deadline,
            deadline,
            day_number,
            stan: self.stan,
            approval: None,
            captured_at: None,
            settled_early: false,
            failure: None,
            instrument: None,
            screen: Screen::default(),
            progress: None,
            told: false,
            status_asked: None,
            details: new.details,
            context: new.context,
            history: smallvec![Entry { at: now, trace, change: Change::Registered }],
        }
    }

    /// Another id for an order that [`Ledger::make`] made: it leads there once the order is booked, and until then
    /// nowhere, whatever is registered meanwhile.
    pub fn promise(&mut self) -> OrderId {
        self.promises += 1;
        OrderId(FIRST_PROMISE + self.promises)
    }

    /// Books an order that [`Ledger::make`] made, unless its txId is taken by now.
    pub fn insert_made(&mut self, order: Order) -> Option<OrderId> {
        let terminal = self.store.terminal_names(order.terminal);
        let is_taken = self.store.find(&terminal.merchant, &order.tx_id).is_some();
        let promised = order.id;
        let id = (!is_taken).then(|| self.insert(order))?;
        if promised.0 >= FIRST_PROMISE {
            self.promised.insert(promised, id);
            if self.promised.len() > self.budget.kept {
                self.promised.pop_first();
            }
        }
        Some(id)
    }

    fn insert(&mut self, mut order: Order) -> OrderId {
        while self.store.len() >= self.budget.kept && self.store.drop_oldest() {
            self.dropped += 1;
        }
        // Others may have come since it was made.
        order.id = self.store.next_id();
        let id = order.id;
        self.store.insert(order);
        id
    }

    /// The effect of `command` on an order, or the reason why it may not. Changes nothing.
    pub fn decide(
        &self,
        now: Millis,
        target: Target<'_>,
        command: Command<'_>,
    ) -> Result<LedgerEvent, Reason> {
        let order = self.find(target).ok_or(Reason::OrderNotFound)?;
        let change = decide::decide(order, now, &self.rules, &command)?;
        let instrument = match command {
            Command::Approve { instrument, .. } => Some(instrument),
            Command::Decline { instrument, .. } => instrument,
            _ => None,
        };
        Ok(LedgerEvent { order: order.id, at: now, change, instrument })
    }

    /// Makes a decided event so, in the name of the request `trace`. `None` when the order was
    /// dropped meanwhile.
    pub fn apply(&mut self, event: LedgerEvent, trace: u64) -> Option<&Order> {
        let hold_until = event.at.plus(self.rules.hold_lifetime_ms);
        let id = event.order;
        let order = self.store.get_mut(id)?;
        let before = order.state.is_open().then_some(order.deadline);
        happen(order, event, trace, hold_until);
        let after = order.state.is_open().then_some(order.deadline);
        if before != after {
            self.store.set_deadline(id, before, after);
        }
        self.store.get(id)
    }

    /// The order as a decided event would leave it; the ledger stays as it is.
    pub fn preview(&self, event: &LedgerEvent, trace: u64) -> Option<Order> {
        let mut order = self.store.get(event.order)?.clone();
        let hold_until = event.at.plus(self.rules.hold_lifetime_ms);
        happen(&mut order, event.clone(), trace, hold_until);
        Some(order)
    }

    /// Notes how far the payer of an order is.
    pub fn set_progress(&mut self, id: OrderId, progress: Option<Progress>) {
        if let Some(order) = self.store.get_mut(id) {
            order.progress = progress.map(Box::new);
        }
    }

    /// Notes that the merchant took a push-back on an order.
    pub fn note_told(&mut self, id: OrderId) {
        if let Some(order) = self.store.get_mut(id) {
            order.told = true;
        }
    }

    /// Notes that the merchant has asked for an order's status.
    pub fn note_status_asked(&mut self, id: OrderId, now: Millis) {
        if let Some(order) = self.store.get_mut(id) {
            order.status_asked = Some(now);
        }
    }

    /// The expiry that is due at `now`, earliest first; apply it and ask again.
    pub fn next_expiry(&self, now: Millis) -> Option<LedgerEvent> {
        let (deadline, order) = self.store.next_deadline()?;
        (deadline <= now).then_some(LedgerEvent {
            order,
            at: deadline,
            change: Change::Expired,
            instrument: None,
        })
    }

    /// Time at which the next open order runs out of time.
    pub fn next_deadline(&self) -> Option<Millis> {
        self.store.next_deadline().map(|(deadline, _)| deadline)
    }
}

/// Makes an event happen to an order; `hold_until` is when a hold that begins here ends.
fn happen(order: &mut Order, event: LedgerEvent, trace: u64, hold_until: Millis) {
    change(order, &event, hold_until);
    if let Some(instrument) = event.instrument {
        order.instrument = Some(Box::new(instrument));
    }
    if order.state.is_final() {
        order.progress = None;
    }
    let rejected = |entry: &&Entry| matches!(entry.change, Change::Rejected(_));
    if !matches!(event.change, Change::Rejected(_))
        || order.history.iter().filter(rejected).count() < REJECTED_MAX
    {
        order.history.push(Entry { at: event.at, trace, change: event.change });
    }
    debug_assert_eq!(order.broken_invariant(), None, "{order:?}");
}

impl Order {
    /// Its state once so many entries of its history had happened; `None` before the first.
    pub fn state_after(&self, entries: usize) -> Option<OrderState> {
        let past = self.history.get(..entries).filter(|past| !past.is_empty())?;
        let (totals, state, history) = (Totals::default(), OrderState::Registered, History::new());
        let mut order = Self { totals, state, history, ..self.clone() };
        for Entry { at, change: what, .. } in past {
            let event = LedgerEvent { order: order.id, at: *at, change: *what, instrument: None };
            change(&mut order, &event, self.deadline);
        }
        Some(order.state)
    }
}

/// Applies an event to an order's money and state.
pub(super) fn change(order: &mut Order, event: &LedgerEvent, hold_until: Millis) {
    let totals = &mut order.totals;
    match event.change {
        Change::Registered | Change::Settled | Change::Rejected(_) => {}
        Change::Screen(screen) => order.screen = screen,
        Change::Approved { number } => {
            order.approval = Some(Approval { number, at: event.at });
            order.failure = None;
            totals.authorised = order.amount;
            match order.kind {
                OrderKind::PreAuth => {
                    order.state = OrderState::Authorised;
                    order.deadline = hold_until;
                }
                OrderKind::Purchase => {
                    totals.captured = order.amount;
                    order.captured_at = Some(event.at);
                    order.state = OrderState::Captured;
                }
            }
        }
        Change::Completed(amount) => {
            totals.captured = amount;
            totals.released = totals.uncaptured();
            order.captured_at = Some(event.at);
            order.state = OrderState::Captured;
        }
        Change::Reversed => {
            totals.released = totals.uncaptured();
            order.state = OrderState::Reversed;
        }
        Change::Refunded(amount) | Change::ChargedBack(amount) => {
            totals.refunded = totals.refunded.plus(amount).unwrap_or(totals.captured);
            order.state = if totals.unrefunded() == Amount::ZERO {
                OrderState::Refunded
            } else {
                OrderState::PartlyRefunded
            };
        }
        Change::Failed(reason) => {
            totals.released = totals.uncaptured();
            order.failure = Some(reason);
            order.state = OrderState::Failed;
        }
        Change::Cancelled => {
            order.failure = Some(Reason::PayerCancelled);
            order.state = OrderState::Cancelled;
        }
        Change::Expired => {
            totals.released = totals.uncaptured();
            order.failure = Some(Reason::OrderExpired);
            order.state = OrderState::Expired;
        }
    }
    order.settled_early |= event.change == Change::Settled;
}
