//! An independent model of the gateway: what must come of each step, worked out in the plainest way and without any code of
//! the ledger, the rules or the delivery of push-backs.

mod order;
mod payer;
mod pushback;
mod space;

use std::collections::BTreeMap;
use std::sync::Arc;

use payon_sim::crypto::SignKey;

use super::history::{Answer, RECEIVERS, Setup};

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

    /// The process ends and starts again: journals are gone, all else goes on.
    pub(crate) fn restart(&mut self, crash: bool) {
        for space in self.spaces.values_mut() {
            space.restart(crash);
            space.catch_up(&self.setup, &mut self.receivers);
        }
    }
}
