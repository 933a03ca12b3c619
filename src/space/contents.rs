//! Contents of a space: everything that decides how it goes on, and nothing else.
//!
//! A snapshot is a copy of them, a reset puts the initial ones in their place. Ledger, outbox and counters share their
//! parts between copies ([`crate::base::persistent`]), so a copy takes the same time however much there is.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use super::clock::Clock;
use super::journal::JournalBudget;
use super::outbox::Outbox;
use crate::base::{Millis, Seed, wall_clock};
use crate::ledger::{Ledger, OrderBudget};
use crate::profile::{Merchant, Profile};
use crate::scenario::{ArmedRule, Counters, Rule, RuleSet, is_made_up};

/// Budgets of each space.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Budgets {
    /// Orders; past it the oldest closed ones are dropped.
    pub orders: usize,
    /// Open orders; past it none is registered.
    pub open_orders: usize,
    /// Requests.
    pub journal: JournalBudget,
    /// Push-backs.
    pub deliveries: usize,
}

impl Default for Budgets {
    fn default() -> Self {
        Self {
            orders: 100_000,
            open_orders: 1_000_000,
            journal: JournalBudget { entries: 10_000, bytes: 16 << 20 },
            deliveries: 10_000,
        }
    }
}

impl Budgets {
    /// The share of the ledger.
    pub(super) fn ledger(self) -> OrderBudget {
        OrderBudget { kept: self.orders, open: self.open_orders }
    }
}

/// Merchants by their ids.
pub(super) type Merchants = BTreeMap<Box<str>, Arc<Merchant>>;

/// Rules of a space: as they were read, and ready to decide.
#[derive(Clone, Debug, Default)]
pub(super) struct RuleStore {
    rules: Arc<Vec<ArmedRule>>,
    set: Arc<RuleSet>,
}

impl RuleStore {
    /// Makes armed rules ready.
    pub(super) fn of(rules: Vec<ArmedRule>) -> Self {
        Self { set: Arc::new(RuleSet::new(&rules)), rules: Arc::new(rules) }
    }

    /// The rules as they were read, with the time at which each was armed.
    pub(super) fn rules(&self) -> &[ArmedRule] {
        &self.rules
    }

    /// The rules whose ids were made up, by their ids.
    pub(super) fn without_own_ids(&self) -> HashMap<String, Rule> {
        let rules = self.rules.iter().map(|armed| &armed.rule);
        let theirs = rules.filter(|rule| is_made_up(&rule.id));
        theirs.map(|rule| (rule.id.clone(), rule.clone())).collect()
    }

    /// The rules, ready to decide.
    pub(super) fn set(&self) -> &Arc<RuleSet> {
        &self.set
    }

    /// Changes the rules, all at once.
    pub(super) fn change<R>(&mut self, change: impl FnOnce(&mut Vec<ArmedRule>) -> R) -> R {
        let result = change(Arc::make_mut(&mut self.rules));
        self.set = Arc::new(RuleSet::new(&*self.rules));
        result
    }

    /// Changes the times at which rules were armed, where the clock was set to another time.
    pub(super) fn rearm(&mut self, at: impl Fn(Millis) -> Millis) {
        if self.rules.iter().any(|armed| at(armed.at) != armed.at) {
            self.change(|rules| rules.iter_mut().for_each(|armed| armed.at = at(armed.at)));
        }
    }
}

/// Description of a new space, kept for resets.
#[derive(Clone, Debug)]
pub(super) struct InitialState {
    pub(super) seed: Seed,
    pub(super) random_domain: Arc<str>,
    pub(super) merchants: Merchants,
    /// The ids of the merchants that it was made with, beside the documented ones.
    pub(super) wanted: Vec<Box<str>>,
}

impl InitialState {
    pub(super) fn new(seed: Seed, random_domain: &str, merchants: Vec<Merchant>) -> Self {
        let merchants = merchants.into_iter().map(|m| (m.id.as_str().into(), Arc::new(m)));
        Self {
            seed,
            random_domain: random_domain.into(),
            merchants: merchants.collect(),
            wanted: Vec::new(),
        }
    }
}

/// Everything that decides how a space goes on.
#[derive(Clone, Debug)]
pub(super) struct Contents {
    /// The seed of its choices.
    pub(super) seed: Seed,
    /// Random domain: the space's own name, or that of the space whose snapshot this goes on from, so that
    /// it goes on as that one would have.
    pub(super) random_domain: Arc<str>,
    pub(super) clock: Clock,
    /// Time on the clock when the space was made or reset.
    pub(super) born: Millis,
    pub(super) ledger: Ledger,
    pub(super) outbox: Outbox,
    pub(super) counters: Counters,
    pub(super) rules: RuleStore,
    pub(super) merchants: Merchants,
}

impl Contents {
    /// The contents of a new space: no orders, no rules, its first merchants, real time.
    pub(super) fn initial(initial: &InitialState, profile: &Profile, budgets: Budgets) -> Self {
        let clock = Clock::real();
        Self {
            seed: initial.seed,
            random_domain: Arc::clone(&initial.random_domain),
            clock,
            born: clock.now(wall_clock()),
            ledger: Ledger::new(profile.rules.clone(), budgets.ledger()),
            outbox: Outbox::new(budgets.deliveries),
            counters: Counters::default(),
            rules: RuleStore::default(),
            merchants: initial.merchants.clone(),
        }
    }

    /// Time at which a driver has something to do next.
    pub(super) fn next_due(&self) -> Option<Millis> {
        let times = [self.ledger.next_deadline(), self.outbox.next_due()];
        times.into_iter().flatten().min()
    }
}
