//! All spaces of a process: found by name, by number, or by the merchant that belongs to one.

use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use dashmap::{DashMap, Entry};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

use super::contents::{Budgets, InitialState};
use super::gate::NewPlace;
use super::metrics::Meter;
use super::names::{NameTag, is_plain, repeatable_part};
use super::records::SavedSpace;
use super::snapshot::Snapshot;
use super::space::{Added, Shared, Space};
use super::write_rounds::WriteRounds;
use crate::base::{Seed, fenced, sort_by_key};
use crate::crypto::KeyError;
use crate::profile::{self, KeyPair, Profile};
use crate::scenario::Counts;

/// The space that answers where none is named.
pub const DEFAULT_SPACE: &str = "default";

/// Largest number of spaces in a process.
const SPACES_MAX: usize = 10_000;
/// Longest name of a space.
const NAME_MAX: usize = 64;
/// Longest id of a merchant or terminal; a KHQR carries no more.
const ID_MAX: usize = 32;
/// Largest number of merchants that one call may ask for.
const MERCHANTS_MAX: usize = 64;

/// Advice where a space of that name exists.
fn if_taken(name: &str) -> &'static str {
    if name == DEFAULT_SPACE {
        "it is always there: choose another name, or say ifExists: keep; POST /_sim/v1/reset begins it anew"
    } else {
        "delete it first, choose another name, or say ifExists: keep or replace"
    }
}

/// Largest number of merchants of a space.
const MERCHANTS_OF_SPACE_MAX: usize = 1000;

/// Reason why a space or a merchant cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum SpaceError {
    /// The name is in use.
    #[error("a space named {name:?} exists; {advice}", name = .0, advice = if_taken(.0))]
    NameTaken(String),
    /// The name is not a name.
    #[error(
        "{0:?} cannot name a space: use 1 to {NAME_MAX} letters, digits, '.', '_' or '-', with no '.' in front"
    )]
    BadName(String),
    /// The process is full.
    #[error("there are {SPACES_MAX} spaces already; delete some")]
    TooManySpaces,
    /// Too many merchants in one call.
    #[error("a space takes up to {MERCHANTS_MAX} merchants at its birth")]
    TooManyMerchants,
    /// An id that is none.
    #[error(
        "{0:?} cannot be a merchantId or termId: use 1 to {ID_MAX} letters, digits, '.', '_' or '-', and not '.' or '..' alone"
    )]
    BadId(String),
    /// More merchants than a space has.
    #[error("a space has up to {MERCHANTS_OF_SPACE_MAX} merchants")]
    FullOfMerchants,
    /// The merchant is there.
    #[error("merchant {0:?} is in the space already; PATCH /_sim/v1/merchants/{0} changes it")]
    MerchantExists(String),
    /// One merchant wished for twice.
    #[error("merchant {0:?} is named twice")]
    MerchantTwice(String),
    /// A merchant that belongs elsewhere.
    #[error("merchant {0:?} belongs to another space; leave the id out to get a fresh one")]
    MerchantTaken(String),
    /// A key that cannot be used.
    #[error("the public key of merchant {merchant:?}: {error}")]
    BadKey {
        /// `merchantId`.
        merchant: String,
        /// The key's error.
        error: KeyError,
    },
    /// The profile has no keys to give away.
    #[error(
        "the profile's keys.toml has no key of the role \"pool\" for a new merchant; bring a publicKey of a documented merchant, or add pool keys"
    )]
    NoKeys,
    /// Its records do not fit together.
    #[error("the space cannot be taken: {0}")]
    Unreadable(String),
    /// It is being handed over.
    #[error("the space {0:?} is being moved to another server; wait for the end of that")]
    BeingMoved(String),
    /// Another server has it.
    #[error("the space {name:?} was moved to {place}; ask there", place = .place.control)]
    Moved {
        /// The space.
        name: String,
        /// Its place.
        place: Box<NewPlace>,
    },
    /// The default space stays.
    #[error("the space \"default\" cannot be deleted; reset it instead")]
    DefaultStays,
    /// No such space.
    #[error("there is no space named {0:?}; GET /_sim/v1/spaces lists them")]
    Unknown(String),
}

/// Fate of a space or snapshot that has the wanted name already.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum IfExists {
    /// It stays, and the call is refused.
    #[default]
    Refuse,
    /// It stays as it is, and is the answer.
    Keep,
    /// It is removed, and a new one takes its name.
    Replace,
}

/// A merchant of a new space. What is left out is chosen at random.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NewMerchant {
    /// `merchantId`; a documented one keeps its keys and terminals, any other gets a pair of the pool.
    pub merchant_id: Option<String>,
    /// `termId`.
    pub term_id: Option<String>,
    /// Address for its push-backs.
    pub noti_url: Option<String>,
    /// Its own public key, PEM or one-line Base64 DER, in place of one from the pool.
    pub public_key: Option<String>,
}

/// Spaces that were saved, as they were opened.
#[derive(Debug)]
pub struct LoadedSpaces {
    /// The registry.
    pub spaces: Arc<Spaces>,
    /// The bell that names spaces which want to be woken.
    pub wakeups: UnboundedReceiver<u32>,
    /// The spaces as they were read.
    pub read: Vec<Arc<Space>>,
    /// Numbers and names of the spaces that cannot be read, and why. None of their contents is here.
    pub unreadable: Vec<(u32, Option<String>, String)>,
}

/// Number and name of a saved space, and what came of it.
type OpenedSpace = (u32, Option<String>, Result<Arc<Space>, String>);

/// Opens saved spaces, on all processors where there are many.
fn open_all(shared: &Arc<Shared>, saved: Vec<SavedSpace>) -> Vec<OpenedSpace> {
    let open = |saved: SavedSpace| {
        let (number, name) = (saved.number, saved.name());
        // What is wrong in a way that nobody thought of ends that space alone.
        let opened = fenced(|| saved.open(shared));
        let opened = opened.unwrap_or_else(|| Err("its records do not fit together".to_owned()));
        (number, name, opened)
    };
    let workers = std::thread::available_parallelism().map_or(1, usize::from).min(saved.len());
    if workers < 2 {
        return saved.into_iter().map(open).collect();
    }
    let queue = Mutex::new(saved.into_iter());
    let next = || queue.lock().unwrap_or_else(PoisonError::into_inner).next();
    let mut opened: Vec<_> = std::thread::scope(|scope| {
        let worker = || std::iter::from_fn(next).map(open).collect::<Vec<_>>();
        let workers: Vec<_> = (0..workers).map(|_| scope.spawn(worker)).collect();
        workers.into_iter().filter_map(|worker| worker.join().ok()).flatten().collect()
    });
    sort_by_key(&mut opened, |(number, ..)| *number);
    opened
}

/// Refuses what cannot name a space.
fn check_name(name: &str) -> Result<(), SpaceError> {
    if is_plain(name, NAME_MAX) && !name.starts_with('.') {
        Ok(())
    } else {
        Err(SpaceError::BadName(name.to_owned()))
    }
}

/// Refuses a space that another process has.
fn is_here(space: &Space) -> Result<(), SpaceError> {
    let Some(place) = space.moved_to() else { return Ok(()) };
    Err(SpaceError::Moved { name: space.name().to_owned(), place: Box::new(place) })
}

/// Every space of the process.
#[derive(Debug)]
pub struct Spaces {
    shared: Arc<Shared>,
    default: Arc<Space>,
    by_name: DashMap<Box<str>, Arc<Space>>,
    by_number: DashMap<u32, Arc<Space>>,
    /// The spaces with which a merchant was made: more than one where several were made from one seed.
    owners: DashMap<Box<str>, Vec<Arc<Space>>>,
    next_number: AtomicU32,
    name_tag: NameTag,
    strict: AtomicBool,
    violations: AtomicU64,
}

impl Spaces {
    /// The registry with its default space, and the bell that names spaces which want to be woken.
    pub fn new(
        profile: Arc<Profile>,
        seed: Seed,
        budgets: Budgets,
    ) -> (Arc<Self>, UnboundedReceiver<u32>) {
        let (wakeups, rung) = unbounded_channel();
        let shared = Arc::new(Shared::new(profile, budgets, wakeups, None));
        let default = Self::fresh_default(&shared, seed);
        (Self::of(shared, default, 1), rung)
    }

    /// The registry with the spaces that were saved; the default space is a new one with that seed where it was not
    /// saved or cannot be read. All of them are written in `rounds` from here on.
    pub fn load(
        profile: Arc<Profile>,
        seed: Seed,
        budgets: Budgets,
        rounds: Arc<WriteRounds>,
        saved: Vec<SavedSpace>,
        next_number: u32,
    ) -> LoadedSpaces {
        let (wakeups, rung) = unbounded_channel();
        let shared = Arc::new(Shared::new(profile, budgets, wakeups, Some(rounds)));
        let (mut opened, mut unreadable) = (Vec::with_capacity(saved.len()), Vec::new());
        for (number, name, result) in open_all(&shared, saved) {
            match result {
                Ok(space) => opened.push(space),
                Err(error) => unreadable.push((number, name, error)),
            }
        }
        let default = opened.iter().find(|space| space.number() == 0).map(Arc::clone);
        let default = default.unwrap_or_else(|| Self::fresh_default(&shared, seed));
        let past = opened.iter().map(|space| space.number()).max().unwrap_or(0);
        let spaces = Self::of(shared, default, next_number.max(past.saturating_add(1)));
        for space in opened.iter().filter(|space| space.number() != 0) {
            spaces.by_name.insert(space.name().into(), Arc::clone(space));
            spaces.by_number.insert(space.number(), Arc::clone(space));
        }
        for space in &opened {
            spaces.own_wanted(space, &space.initial.wanted);
            for id in &*space.owned() {
                spaces.own(space, id);
            }
        }
        LoadedSpaces { spaces, wakeups: rung, read: opened, unreadable }
    }

    fn fresh_default(shared: &Arc<Shared>, seed: Seed) -> Arc<Space> {
        let initial = InitialState::new(seed, DEFAULT_SPACE, shared.profile.merchants.clone());
        let default = Space::new(DEFAULT_SPACE, 0, initial, Arc::clone(shared));
        default.note_change();
        default
    }

    fn of(shared: Arc<Shared>, default: Arc<Space>, next_number: u32) -> Arc<Self> {
        let spaces = Self {
            shared,
            default: Arc::clone(&default),
            by_name: DashMap::new(),
            by_number: DashMap::new(),
            owners: DashMap::new(),
            next_number: AtomicU32::new(next_number),
            name_tag: NameTag::random(),
            strict: AtomicBool::new(false),
            violations: AtomicU64::new(0),
        };
        spaces.by_name.insert(DEFAULT_SPACE.into(), Arc::clone(&default));
        spaces.by_number.insert(0, default);
        Arc::new(spaces)
    }

    /// Rounds in which spaces are written, where they are kept outside the process.
    pub fn rounds(&self) -> Option<&Arc<WriteRounds>> {
        self.shared.rounds.as_ref()
    }

    /// The same where answers wait for them.
    #[inline]
    pub fn rounds_to_await(&self) -> Option<&Arc<WriteRounds>> {
        self.shared.rounds.as_ref().filter(|rounds| rounds.holds_answers())
    }

    /// The number that the next space gets.
    pub fn next_number(&self) -> u32 {
        self.next_number.load(Ordering::Relaxed)
    }

    /// The profile that every space follows.
    pub fn profile(&self) -> &Arc<Profile> {
        &self.shared.profile
    }

    /// From now on a request in which the lint finds a violation is refused.
    pub fn be_strict(&self) {
        self.strict.store(true, Ordering::Relaxed);
    }

    /// Returns true if such a request is refused.
    pub fn is_strict(&self) -> bool {
        self.strict.load(Ordering::Relaxed)
    }

    /// Counts violations that the lint found.
    pub fn count_violations(&self, found: u64) {
        self.violations.fetch_add(found, Ordering::Relaxed);
    }

    /// Number of violations that the lint has found in all spaces, those removed since included.
    pub fn violations(&self) -> u64 {
        self.violations.load(Ordering::Relaxed)
    }

    /// The space that answers where none is named.
    pub fn default_space(&self) -> &Arc<Space> {
        &self.default
    }

    /// The space of this name.
    pub fn named(&self, name: &str) -> Option<Arc<Space>> {
        self.by_name.get(name).map(|space| Arc::clone(&space))
    }

    /// The space of this number.
    pub fn numbered(&self, number: u32) -> Option<Arc<Space>> {
        self.by_number.get(&number).map(|space| Arc::clone(&space))
    }

    /// The space to which a merchant belongs; `default` for all others, and for one that several spaces have, so that
    /// none of them meets what was meant for another.
    pub fn of_merchant(&self, merchant: &str) -> Arc<Space> {
        // Documented merchants, the usual ones, belong to no space of their own.
        if self.profile().merchant(merchant).is_some() {
            return Arc::clone(&self.default);
        }
        match self.owners.get(merchant).as_deref().map(Vec::as_slice) {
            Some([owner]) => Arc::clone(owner),
            _ => Arc::clone(&self.default),
        }
    }

    /// Names the spaces that have a merchant of their own by this id, by their names.
    pub fn owners(&self, merchant: &str) -> Vec<String> {
        let owners = self.owners.get(merchant);
        let names = owners.iter().flat_map(|owners| owners.iter().map(|it| it.name().to_owned()));
        names.collect()
    }

    /// Every space, `default` first, then by number.
    pub fn all(&self) -> Vec<Arc<Space>> {
        let mut spaces: Vec<_> = self.by_number.iter().map(|space| Arc::clone(&space)).collect();
        sort_by_key(&mut spaces, |space| space.number());
        spaces
    }

    /// Number of cards.
    pub fn len(&self) -> usize {
        self.by_number.len()
    }

    /// Never: the default space stays.
    pub fn is_empty(&self) -> bool {
        false
    }

    /// Makes a space with `wanted` merchants beside the documented ones. Returns it with the ids of
    /// those merchants. Nothing is kept of a space that cannot be made whole. With a seed of its own nothing in it
    /// depends on its name; without one its seed follows from the default space's seed and its name.
    pub fn create(
        &self,
        name: Option<&str>,
        seed: Option<Seed>,
        wanted: &[NewMerchant],
        if_exists: IfExists,
    ) -> Result<(Arc<Space>, Vec<Box<str>>), SpaceError> {
        if wanted.len() > MERCHANTS_MAX {
            return Err(SpaceError::TooManyMerchants);
        }
        if let Some(space) = self.existing(name, if_exists)? {
            let born = space.initial.wanted.clone();
            return Ok((space, born));
        }
        let (number, name) = self.name(name)?;
        let mut merchants = self.profile().merchants.clone();
        let mut born: Vec<Box<str>> = Vec::with_capacity(wanted.len());
        for (index, wish) in wanted.iter().enumerate() {
            let merchant = self.merchant(&name, seed, index, wish)?;
            let id: Box<str> = merchant.id.as_str().into();
            if born.contains(&id) {
                return Err(SpaceError::MerchantTwice(merchant.id));
            }
            born.push(id);
            match merchants.iter_mut().find(|known| known.id == merchant.id) {
                Some(known) => *known = merchant,
                None => merchants.push(merchant),
            }
        }
        // What is drawn in a space depends on its seed and on one more word: the name where the seed follows from it.
        let random_domain = if seed.is_some() { DEFAULT_SPACE } else { repeatable_part(&name) };
        let seed = seed.unwrap_or_else(|| {
            let draw = self.default.seed().number(&[b"space", random_domain.as_bytes()]);
            Seed::random(draw)
        });
        let initial = InitialState {
            wanted: born.clone(),
            ..InitialState::new(seed, random_domain, merchants)
        };
        let space = self.open(number, &name, initial, None)?;
        Ok((space, born))
    }

    /// Notes that the merchants with which a space was made belong to it.
    fn own_wanted(&self, space: &Arc<Space>, wanted: &[Box<str>]) {
        for id in wanted.iter().filter(|id| self.profile().merchant(id).is_none()) {
            self.own(space, id);
        }
    }

    fn own(&self, space: &Arc<Space>, merchant: &str) {
        let mut owners = self.owners.entry(merchant.into()).or_default();
        if owners.iter().all(|owner| owner.number() != space.number()) {
            owners.push(Arc::clone(space));
        }
    }

    /// Notes that merchants of a space which belong to no other belong to it.
    fn own_others(&self, space: &Arc<Space>) {
        for merchant in space.merchants() {
            let id: &str = &merchant.id;
            if space.number() != 0
                && self.profile().merchant(id).is_none()
                && let Entry::Vacant(place) = self.owners.entry(id.into())
            {
                place.insert(vec![Arc::clone(space)]);
                space.own(id);
            }
        }
    }

    /// Adds a merchant to a space that is there. A reset takes it away.
    pub fn add_merchant(
        &self,
        space: &Arc<Space>,
        wish: &NewMerchant,
    ) -> Result<Arc<profile::Merchant>, SpaceError> {
        let count = space.merchants().len();
        let merchant = Arc::new(self.merchant(space.name(), None, count, wish)?);
        match space.add_merchant(Arc::clone(&merchant), MERCHANTS_OF_SPACE_MAX) {
            Added::Yes => {}
            Added::IsThere => return Err(SpaceError::MerchantExists(merchant.id.clone())),
            Added::IsFull => return Err(SpaceError::FullOfMerchants),
        }
        if self.profile().merchant(&merchant.id).is_none() {
            self.own(space, &merchant.id);
            space.own(&merchant.id);
        }
        Ok(merchant)
    }

    /// Finds the space of that name where it is to be kept, and removes it where it is to be replaced.
    fn existing(
        &self,
        name: Option<&str>,
        if_exists: IfExists,
    ) -> Result<Option<Arc<Space>>, SpaceError> {
        let Some(space) = name.and_then(|name| self.named(name)) else { return Ok(None) };
        if space.moved_to().is_some() && if_exists == IfExists::Replace {
            // What is replaced is the note on where it went.
            self.take_out(&space);
            return Ok(None);
        }
        is_here(&space)?;
        match if_exists {
            IfExists::Refuse => Err(SpaceError::NameTaken(space.name().to_owned())),
            IfExists::Keep => Ok(Some(space)),
            IfExists::Replace => match self.remove(space.name()) {
                // Somebody else may have removed it at the same time.
                Ok(()) | Err(SpaceError::Unknown(_)) => Ok(None),
                Err(error) => Err(error),
            },
        }
    }

    /// Makes a space that goes on from a snapshot of any space. Its merchants are the snapshot's; those that belong
    /// to another space go on belonging there, and reach this one by its path only. Says with it whether it is new.
    pub fn fork(
        &self,
        name: Option<&str>,
        snapshot: &Snapshot,
        if_exists: IfExists,
    ) -> Result<(Arc<Space>, bool), SpaceError> {
        if let Some(space) = self.existing(name, if_exists)? {
            return Ok((space, false));
        }
        let (number, name) = self.name(name)?;
        Ok((self.open(number, &name, snapshot.initial(), Some(snapshot))?, true))
    }

    /// Brings a space to where a snapshot is. Merchants of the snapshot that belong to no space belong to this one
    /// from here on.
    pub fn restore(&self, space: &Arc<Space>, snapshot: &Snapshot) {
        space.restore(snapshot);
        self.own_others(space);
    }

    /// A number for a new space, and its name, made up where none is given.
    fn name(&self, name: Option<&str>) -> Result<(u32, String), SpaceError> {
        let number = self.number()?;
        let name = name.map_or_else(|| self.name_tag.name(number), str::to_owned);
        check_name(&name)?;
        if self.by_name.contains_key(name.as_str()) {
            return Err(SpaceError::NameTaken(name));
        }
        Ok((number, name))
    }

    /// A number for a new space.
    fn number(&self) -> Result<u32, SpaceError> {
        if self.by_number.len() >= SPACES_MAX {
            return Err(SpaceError::TooManySpaces);
        }
        Ok(self.next_number.fetch_add(1, Ordering::Relaxed))
    }

    /// Makes a space that goes on from its initial state, or from a snapshot. Whoever meets it meets it whole.
    fn open(
        &self,
        number: u32,
        name: &str,
        initial: InitialState,
        from: Option<&Snapshot>,
    ) -> Result<Arc<Space>, SpaceError> {
        let Entry::Vacant(place) = self.by_name.entry(name.into()) else {
            return Err(SpaceError::NameTaken(name.to_owned()));
        };
        let space = Space::new(name, number, initial, Arc::clone(&self.shared));
        if let Some(snapshot) = from {
            space.begin_with(snapshot);
        }
        // A round of writing finds spaces by their numbers.
        self.by_number.insert(number, Arc::clone(&space));
        self.own_wanted(&space, &space.initial.wanted);
        if from.is_some() {
            self.own_others(&space);
        }
        place.insert(Arc::clone(&space));
        space.enter_rounds();
        Ok(space)
    }

    /// Makes a space of that name of the records that another process wrote. Where they cannot be read, nothing of it is
    /// here. One that comes back takes the place of the note on where it went.
    pub(super) fn adopt(
        &self,
        name: &str,
        records: Vec<(Vec<u8>, Vec<u8>)>,
    ) -> Result<Arc<Space>, SpaceError> {
        let taken = || SpaceError::NameTaken(name.to_owned());
        let is_note = |space: &Arc<Space>| space.moved_to().is_some();
        if self.named(name).is_some_and(|space| !is_note(&space)) {
            return Err(taken());
        }
        check_name(name)?;
        let number = self.number()?;
        let space = SavedSpace { number, records }.open_anew(&self.shared);
        let space = space.map_err(SpaceError::Unreadable)?;
        if space.name() != name {
            let problem = format!("its records are those of a space named {:?}", space.name());
            return Err(SpaceError::Unreadable(problem));
        }
        let enrol = || {
            self.by_number.insert(number, Arc::clone(&space));
            self.own_wanted(&space, &space.initial.wanted);
            for id in &*space.owned() {
                self.own(&space, id);
            }
            Arc::clone(&space)
        };
        // At no moment is neither of them found.
        match self.by_name.entry(name.into()) {
            Entry::Vacant(place) => drop(place.insert(enrol())),
            Entry::Occupied(mut place) if is_note(place.get()) => {
                let note = Arc::clone(place.get());
                self.by_number.remove(&note.number());
                // Before the space is written, so that no round of writing finds both.
                note.note_change();
                for mut owners in self.owners.iter_mut() {
                    let same = owners.iter_mut().filter(|it| it.number() == note.number());
                    same.for_each(|owner| *owner = Arc::clone(&space));
                }
                place.insert(enrol());
            }
            Entry::Occupied(_) => return Err(taken()),
        }
        space.enter_rounds();
        Ok(space)
    }

    /// The merchant that a wish comes to. Ids and keys depend on the seed that was given, else on the space's name
    /// alone, so that the same script meets the same merchants again.
    fn merchant(
        &self,
        space: &str,
        seed: Option<Seed>,
        index: usize,
        wish: &NewMerchant,
    ) -> Result<profile::Merchant, SpaceError> {
        let seed = seed.map(|seed| seed.0.to_le_bytes());
        let whose: &[u8] = seed.as_ref().map_or(repeatable_part(space).as_bytes(), |seed| seed);
        let draw = Seed(index as u64).number(&[b"merchant", whose]);
        let id = wish
            .merchant_id
            .clone()
            .unwrap_or_else(|| format!("SIM{:012}", draw % 1_000_000_000_000));
        for id in [Some(&id), wish.term_id.as_ref()].into_iter().flatten() {
            if !is_plain(id, ID_MAX) {
                return Err(SpaceError::BadId(id.clone()));
            }
        }
        // A made-up id may be another space's as well, where both were made from one seed; then the path names the space.
        let is_taken = || {
            let owners = self.owners.get(id.as_str());
            owners.is_some_and(|owners| owners.iter().any(|owner| owner.name() != space))
        };
        if wish.merchant_id.is_some() && is_taken() {
            return Err(SpaceError::MerchantTaken(id));
        }
        let mut merchant = if let Some(documented) = self.profile().merchant(&id) {
            documented.clone()
        } else {
            let pool = &self.profile().key_pool;
            let place = draw.checked_rem(pool.len() as u64).ok_or(SpaceError::NoKeys)?;
            let pair = Arc::clone(&pool[place as usize]);
            let terminal = format!("SIMT{:04}", index + 1);
            profile::Merchant::fresh(id.clone(), terminal, pair)
        };
        if let Some(terminal) = &wish.term_id {
            merchant.terminals = vec![terminal.clone()];
        }
        if wish.noti_url.is_some() {
            merchant.noti_url.clone_from(&wish.noti_url);
        }
        if let Some(public) = &wish.public_key {
            let pair = KeyPair::of_merchant(&id, public)
                .map_err(|error| SpaceError::BadKey { merchant: id, error })?;
            merchant.key = Arc::new(pair);
        }
        Ok(merchant)
    }

    /// Counters of the server since it began.
    pub fn meter(&self) -> &Meter {
        &self.shared.meter
    }

    /// Counts of the failures met since the process began, in all spaces, also in those that are gone.
    pub fn met(&self) -> Counts {
        let mut met = self.shared.past().clone();
        for space in self.all() {
            met += &space.met();
        }
        met
    }

    /// Removes a space with all that is in it.
    pub fn remove(&self, name: &str) -> Result<(), SpaceError> {
        if name == DEFAULT_SPACE {
            return Err(SpaceError::DefaultStays);
        }
        let space = self.named(name).ok_or_else(|| SpaceError::Unknown(name.to_owned()))?;
        is_here(&space)?;
        // Kept to the end, so that it is not handed over meanwhile.
        let _pass = space.enter().ok_or_else(|| SpaceError::BeingMoved(name.to_owned()))?;
        if !self.take_out(&space) {
            return Err(SpaceError::Unknown(name.to_owned()));
        }
        space.close();
        Ok(())
    }

    /// Takes a space out, so that nobody finds it any more; false where it is out already.
    fn take_out(&self, space: &Space) -> bool {
        let found = self.by_name.entry(space.name().into());
        let place = match found {
            Entry::Occupied(place) if place.get().number() == space.number() => place,
            _ => return false,
        };
        self.by_number.remove(&space.number());
        // Before another space can get the name, so that no round of writing finds both.
        space.note_change();
        place.remove();
        self.owners.retain(|_, owners| {
            owners.retain(|owner| owner.number() != space.number());
            !owners.is_empty()
        });
        true
    }
}
