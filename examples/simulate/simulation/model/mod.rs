//! An independent model of the gateway: what must come of each step, worked out in the plainest way and without any code of
//! the ledger, the rules or the delivery of push-backs.

mod app;
mod order;
mod payer;
mod pushback;
mod space;

use std::collections::BTreeMap;
use std::sync::Arc;

use payon_sim::crypto::SignKey;

use super::history::{Answer, Call, RECEIVERS, Setup, Step};

pub(crate) use app::APPS;
pub(crate) use order::{Order, date, day};
pub(crate) use payer::{CARDS, SavedKey};
pub(crate) use pushback::{Pushback, PushbackState};
pub(crate) use space::{Contents, Outcome, Space, box_name, is_ordered, path_of, said};

pub(crate) const DAY_MS: i64 = 24 * 60 * 60_000;
/// Time at which every clock begins: ten in the morning of 2 March 2026 in Cambodia.
pub(crate) const DAWN: i64 = 1_772_420_400_000;

/// A merchant as it was made.
#[derive(Clone, Debug)]
pub(crate) struct Merchant {
    pub(crate) id: String,
    pub(crate) terminal: String,
    pub(crate) key: SignKey,
}

/// The whole system.
#[derive(Clone, Debug)]
pub(crate) struct World {
    pub(crate) setup: Setup,
    pub(crate) spaces: BTreeMap<String, Space>,
    pub(crate) receivers: Receivers,
}

/// The receivers behind sockets.
#[derive(Clone, Debug)]
pub(crate) struct Receivers {
    pub(crate) answers: [Answer; RECEIVERS],
    /// Number of push-backs that came, by their path.
    pub(crate) arrivals: BTreeMap<String, usize>,
}

impl World {
    pub(crate) fn new(setup: Setup) -> Self {
        let receivers =
            Receivers { answers: [Answer::Status(200); RECEIVERS], arrivals: BTreeMap::new() };
        Self { setup, spaces: BTreeMap::new(), receivers }
    }

    /// A space is made.
    pub(crate) fn make(&mut self, name: &str, merchants: Vec<Merchant>) {
        let contents = Contents::new(name, Arc::new(merchants));
        self.spaces.insert(name.to_owned(), Space::new(contents.clone(), contents));
    }

    /// Does something to a space and lets happen there what is due. `None` where there is no such space.
    pub(crate) fn change<R>(
        &mut self,
        space: &str,
        act: impl FnOnce(&mut Space, &Setup, &mut Receivers) -> R,
    ) -> Option<R> {
        let space = self.spaces.get_mut(space)?;
        let result = act(space, &self.setup, &mut self.receivers);
        space.catch_up(&self.setup, &mut self.receivers);
        Some(result)
    }

    /// A snapshot, where there is one of that name.
    pub(crate) fn snapshot(&self, space: &str, name: &str) -> Option<Contents> {
        self.spaces.get(space)?.snapshots.get(name).cloned()
    }

    /// Does a step for which nothing is needed that only the gateway knows. A space that is made needs its merchants.
    pub(crate) fn step(&mut self, step: &Step) {
        match step {
            Step::Call { space, call } => self.call(space, call),
            Step::Race { space, calls } => calls.iter().for_each(|call| self.call(space, call)),
            Step::Receiver { receiver, answer } => self.receivers.answers[*receiver] = *answer,
            Step::Fork { space, name, new } => {
                let snapshot = self.snapshot(space, name);
                if let Some(snapshot) = snapshot.filter(|_| !self.spaces.contains_key(new)) {
                    self.spaces.insert(new.clone(), Space::fork(&snapshot));
                    self.change(new, |_, _, _| ());
                }
            }
            Step::Carry { space, name, to } => {
                if let Some(snapshot) = self.snapshot(space, name) {
                    let resumed = Space::fork(&snapshot).contents;
                    self.change(to, |it, _, _| it.snapshots.insert(name.clone(), resumed));
                }
            }
            Step::Remove { space } => drop(self.spaces.remove(space)),
            Step::Restart { crash } if self.setup.state => self.restart(*crash),
            _ => {
                let space = step.space().unwrap_or_default();
                self.change(space, |it, setup, receivers| it.step(step, setup, receivers));
            }
        }
    }

    /// A call, and the time that its answer takes.
    fn call(&mut self, space: &str, call: &Call) {
        let outcome = self.change(space, |it, setup, _| it.call(call, setup));
        if let Some(takes_ms) = outcome.map(|outcome| outcome.takes_ms).filter(|ms| *ms > 0) {
            self.change(space, |it, setup, receivers| it.advance(takes_ms, setup, receivers));
        }
    }

    /// The process ends and starts again: journals are gone, all else goes on.
    fn restart(&mut self, crash: bool) {
        for space in self.spaces.values_mut() {
            space.restart(crash);
            space.catch_up(&self.setup, &mut self.receivers);
        }
    }
}
