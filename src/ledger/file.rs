//! A ledger as data, to be written to a file and read again.
//!
//! Of an order's money only its history is written: sums and state are what comes of it, worked out anew by the same
//! code, so a file cannot say one thing and its orders another.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use smol_str::SmolStr;

use super::bindings::{Bindings, BindingsFile};
use super::command::LedgerEvent;
use super::ledger::{DAY_NUMBER_MAX, FIRST_PROMISE, Ledger, OrderBudget, STAN_MAX, change};
use super::order::{
    Change, Details, Entry, History, Instrument, Order, OrderId, OrderKind, Screen, TerminalId,
    Totals,
};
use super::progress::Progress;
use super::store::{Store, Terminal};
use crate::base::persistent::PersistentSortedMap;
use crate::base::{
    Amount, Currency, Day, Millis, OrderState, PaymentMethod, ReturnUrl, TraceContext, WebUrlParts,
};
use crate::profile::LifecycleRules;

/// The largest amount that is taken, in minor units.
const AMOUNT_MAX: i64 = 999_999_999_999;

/// A ledger as data.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct LedgerFile {
    /// Merchants and terminals that had orders, in the order of their numbers.
    #[serde(rename = "parties")]
    pub(super) terminals: Vec<PartyFile>,
    /// Position of the first order after which there is no gap.
    pub(super) first: u64,
    pub(super) orders: Vec<OrderFile>,
    pub(super) saved: BindingsFile,
    /// The last running number of each day.
    pub(super) day_numbers: Vec<(i32, u32)>,
    pub(super) stan: u32,
    pub(super) dropped: u64,
    /// Ids that were given away before their orders were booked, with the orders' own.
    pub(super) promised: Vec<(u64, u64)>,
    pub(super) promises: u64,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct PartyFile {
    merchant_id: Box<str>,
    term_id: Box<str>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct OrderFile {
    id: u64,
    #[serde(rename = "party")]
    terminal: u32,
    tx_id: SmolStr,
    kind: OrderKind,
    method: PaymentMethod,
    currency: Currency,
    amount: Amount,
    payable_until: Millis,
    day_number: u32,
    stan: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    instrument: Option<Box<Instrument>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    progress: Option<Box<Progress>>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    told: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    status_asked: Option<Millis>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    details: Option<Box<Details>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    context: Option<TraceContext>,
    history: History,
}

impl PartyFile {
    /// All terminals, in the order of their numbers.
    pub(super) fn all(terminals: &[Terminal]) -> Vec<Self> {
        let terminals = terminals.iter().map(|terminal| Self {
            merchant_id: terminal.merchant.clone(),
            term_id: terminal.terminal.clone(),
        });
        terminals.collect()
    }
}

/// Returns true if a text can be an id: there is something in it, and no control character.
fn is_id(text: &str) -> bool {
    !text.is_empty() && !text.chars().any(char::is_control)
}

impl OrderFile {
    pub(super) fn new(order: &Order) -> Self {
        Self {
            id: order.id.0,
            terminal: order.terminal.0,
            tx_id: order.tx_id.clone(),
            kind: order.kind,
            method: order.method,
            currency: order.currency,
            amount: order.amount,
            payable_until: order.payable_until,
            day_number: order.day_number,
            stan: order.stan,
            instrument: order.instrument.clone(),
            progress: order.progress.clone(),
            told: order.told,
            status_asked: order.status_asked,
            details: order.details.clone(),
            context: order.context.as_deref().cloned(),
            history: order.history.clone(),
        }
    }

    /// Names a text that no registration takes.
    fn wrong_text(&self, rules: &LifecycleRules) -> Option<String> {
        if !is_id(&self.tx_id) {
            return Some("its txId is no number of an order".to_owned());
        }
        let details = self.details.as_deref()?;
        let notices = details.noti_url.as_deref().and_then(|url| WebUrlParts::parse(url).err());
        if let Some(error) = notices {
            return Some(format!("its notiUrl {error}"));
        }
        for (name, url) in [
            ("successUrl", &details.success_url),
            ("failUrl", &details.fail_url),
            ("cancelUrl", &details.cancel_url),
        ] {
            match url.as_deref().map(ReturnUrl::of) {
                Some(Err(error)) => return Some(format!("its {name} {error}")),
                Some(Ok(ReturnUrl::App)) if !rules.app_return_urls => {
                    return Some(format!("its {name} leads to an app, which the profile refuses"));
                }
                _ => {}
            }
        }
        let ids = [
            &details.client_id,
            &details.binding_id,
            &details.pay_dv_cd,
            &details.buyer_id,
            &details.seller_id,
        ];
        let is_wrong = ids.into_iter().flatten().any(|id| !is_id(id));
        is_wrong.then(|| "an id in it is empty or has control characters".to_owned())
    }

    /// The order that comes of its history.
    fn read(self, rules: &LifecycleRules) -> Result<Order, String> {
        let complain = |what: &str| format!("the order {:?}: {what}", self.tx_id);
        let money = |amount: Amount| (1..=AMOUNT_MAX).contains(&amount.minor());
        let moved = |entry: &Entry| match entry.change {
            Change::Completed(sum) | Change::Refunded(sum) | Change::ChargedBack(sum) => money(sum),
            _ => true,
        };
        if !money(self.amount) || !self.history.iter().all(moved) {
            return Err(complain("an amount is out of range"));
        }
        let mut times = self.history.iter().map(|entry| entry.at).chain(self.status_asked);
        if !times.all(|at| (Millis(0)..=Millis::LATEST).contains(&at))
            || !(Millis(0)..=Millis::LATEST_DUE).contains(&self.payable_until)
        {
            return Err(complain("a time is out of range"));
        }
        if let Some(wrong) = self.wrong_text(rules) {
            return Err(complain(&wrong));
        }
        if self.day_number > DAY_NUMBER_MAX || self.stan > STAN_MAX {
            return Err(complain("a running number is out of range"));
        }
        let Some((Entry { at, change: Change::Registered, .. }, later)) =
            self.history.split_first()
        else {
            return Err(complain("its history does not begin with its registration"));
        };
        let mut order = Order {
            id: OrderId(self.id),
            terminal: TerminalId(self.terminal),
            tx_id: self.tx_id.clone(),
            kind: self.kind,
            method: self.method,
            currency: self.currency,
            amount: self.amount,
            totals: Totals::default(),
            state: OrderState::Registered,
            created: *at,
            payable_until: self.payable_until,
            deadline: self.payable_until,
            day_number: self.day_number,
            stan: self.stan,
            approval: None,
            captured_at: None,
            settled_early: false,
            failure: None,
            instrument: None,
            screen: Screen::default(),
            progress: None,
            told: self.told,
            status_asked: self.status_asked,
            details: self.details,
            context: self.context.map(Arc::new),
            history: History::new(),
        };
        for Entry { at, change: what, .. } in later {
            let event = LedgerEvent { order: order.id, at: *at, change: *what, instrument: None };
            change(&mut order, &event, at.plus(rules.hold_lifetime_ms));
            order.history.clone_from(&self.history);
            // Sums are looked at where they are; approvals are counted in the whole history, at the end.
            let totals = order.totals;
            let sound = totals.captured <= totals.authorised
                && totals.refunded <= totals.captured
                && totals.released <= totals.authorised;
            if *what == Change::Registered || !sound {
                return Err(format!(
                    "the order {:?}: its history moves money that is not there",
                    order.tx_id
                ));
            }
        }
        order.history = self.history;
        if let Some(rule) = order.broken_invariant() {
            return Err(format!("the order {:?} breaks a rule of money: {rule}", order.tx_id));
        }
        order.instrument = self.instrument;
        order.progress = self.progress.filter(|_| !order.state.is_final());
        Ok(order)
    }
}

impl Ledger {
    /// All of it as data.
    pub fn to_file(&self) -> LedgerFile {
        LedgerFile {
            terminals: PartyFile::all(self.store.terminals()),
            first: self.store.first(),
            orders: self.orders_after(None).map(OrderFile::new).collect(),
            saved: self.bindings.to_file(),
            day_numbers: self.day_numbers.iter().map(|(day, number)| (day.0, *number)).collect(),
            stan: self.stan,
            dropped: self.dropped,
            promised: self.promised.iter().map(|(id, own)| (id.0, own.0)).collect(),
            promises: self.promises,
        }
    }

    /// Returns true if an order of that id, which is not here, may have been: it was dropped, or promised and not booked.
    pub fn may_have_had(&self, id: OrderId) -> bool {
        if id.0 >= FIRST_PROMISE {
            return id.0 - FIRST_PROMISE <= self.promises;
        }
        self.dropped > 0 && id < self.store.next_id()
    }

    /// The ledger that a file holds, under these rules.
    ///
    /// # Errors
    /// What does not fit in it, in words.
    pub fn from_file(
        file: LedgerFile,
        rules: LifecycleRules,
        budget: OrderBudget,
    ) -> Result<Self, String> {
        let LedgerFile { terminals, first, orders, saved, day_numbers, stan, .. } = file;
        let LedgerFile { dropped, promised, promises, .. } = file;
        let orders_max = budget.kept;
        if orders.len() > orders_max {
            return Err(format!(
                "it holds {} orders, a space here keeps up to {orders_max}",
                orders.len()
            ));
        }
        if stan > STAN_MAX || day_numbers.iter().any(|(_, number)| *number > DAY_NUMBER_MAX) {
            return Err("a running number is out of range".to_owned());
        }
        let is_promised =
            |id: u64| id > FIRST_PROMISE && id.saturating_sub(FIRST_PROMISE) <= promises;
        if promises.max(first) > u64::MAX / 4
            || promised.len() > orders_max
            || !promised.iter().all(|(id, own)| is_promised(*id) && *own < FIRST_PROMISE)
        {
            return Err("an order has an id that cannot be".to_owned());
        }
        let mut store = Store::default();
        let mut names = HashSet::new();
        for terminal in &terminals {
            if !names.insert((terminal.merchant_id.clone(), terminal.term_id.clone())) {
                return Err(format!("the terminal {:?} is there twice", terminal.term_id));
            }
            store.terminal(&terminal.merchant_id, &terminal.term_id);
        }
        if terminals.iter().any(|it| !is_id(&it.merchant_id) || !is_id(&it.term_id)) {
            return Err("a terminal has no name".to_owned());
        }
        let day_numbers: BTreeMap<Day, u32> =
            day_numbers.into_iter().map(|(day, number)| (Day(day), number)).collect();
        let mut numbers = HashSet::new();
        let mut last = None;
        for order in orders {
            let id = order.id;
            if order.terminal as usize >= terminals.len() {
                return Err(format!("the order {:?} belongs to no terminal", order.tx_id));
            }
            let in_place = if id < first { last < Some(id) } else { true };
            let order = order.read(&rules)?;
            let merchant = &terminals[order.terminal.0 as usize].merchant_id;
            if store.find(merchant, &order.tx_id).is_some() {
                return Err(format!("the order {:?} is there twice", order.tx_id));
            }
            let day = order.created.day();
            if !numbers.insert((day, order.day_number))
                || day_numbers.get(&day).is_none_or(|last| order.day_number > *last)
            {
                return Err(format!(
                    "the order {:?} has a running number that is not its own",
                    order.tx_id
                ));
            }
            if !in_place || !store.take_back(order, first) {
                return Err(format!("the order at {id} is out of place"));
            }
            last = Some(id);
        }
        store.begin_at(first);
        Ok(Self {
            rules,
            store,
            bindings: Bindings::from_file(saved)?,
            day_numbers,
            stan,
            budget,
            dropped,
            promised: {
                let mut read = PersistentSortedMap::default();
                for (id, own) in promised {
                    read.insert(OrderId(id), OrderId(own));
                }
                read
            },
            promises,
        })
    }
}
