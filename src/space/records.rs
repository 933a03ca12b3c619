//! A space as records: what has changed since it was last written down, and the space that records make together.
//!
//! Written is all that a snapshot holds, and the inbox, the snapshots, what a reset goes back to, and merchants with
//! their tokens. Not written are the journal, the event log, and what is owed to replies that are under way. Records
//! are read by the code that reads the file of a snapshot, so both are checked alike.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::clock::{Clock, can_be};
use super::contents::{Contents, InitialState, Merchants, RuleStore};
use super::delivery_file::DeliveryFile;
use super::export::{ClockFile, StateFile};
use super::gate::NewPlace;
use super::inbox::{Inbox, WrittenInbox};
use super::journal::RequestId;
use super::outbox::Outbox;
use super::snapshot::{KeptSnapshot, Snapshot};
use super::space::{Shared, Space};
use crate::base::{JsonTree, Millis, RecordChange, RecordChanges, RecordKind, Seed, read_record};
use crate::ledger::{Ledger, LedgerHead, LedgerRecords, OrderBudget};
use crate::profile::{KeyPair, Merchant, Profile, ReplacedKey, SignMode};
use crate::scenario::{Counters, CountersFile};

/// A space as it was last written down.
#[derive(Debug)]
pub struct WrittenSpace {
    contents: Contents,
    generation: u64,
    head: Vec<u8>,
    inbox: WrittenInbox,
    snapshots: BTreeMap<Box<str>, Arc<Snapshot>>,
    owned: Arc<BTreeSet<Box<str>>>,
}

/// Changes of a space since it was last written down.
#[derive(Debug)]
pub struct SpaceChanges {
    /// The space as it is with them.
    pub written: WrittenSpace,
    /// True if all other records of the space go first.
    pub is_whole: bool,
    /// The changes.
    pub records: Vec<RecordChange>,
}

/// A space's records, by their keys, in the order of these.
#[derive(Debug, Default)]
pub struct SavedSpace {
    /// Its number in the process.
    pub number: u32,
    /// Keys, each of which begins with its kind, and values.
    pub records: Vec<(Vec<u8>, Vec<u8>)>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct InitialRecord {
    name: String,
    seed: u64,
    random_domain: String,
    merchants: Vec<MerchantRecord>,
    wanted: Vec<Box<str>>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct HeadRecord {
    seed: u64,
    random_domain: String,
    clock: Clock,
    born: Millis,
    ledger: LedgerHead,
    next_pushback: u64,
    pushbacks_dropped: u64,
    next_trace: u64,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct RulesRecord {
    rules: Vec<JsonTree>,
    armed_at: Vec<Millis>,
}

/// A snapshot of the space.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct SnapshotRecord {
    space: Box<str>,
    saved_at: Millis,
    merchants: Vec<MerchantRecord>,
    state: StateFile,
}

/// The merchants, and the ids of those that belong to the space though it was not made with them.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct MerchantsRecord {
    merchants: Vec<MerchantRecord>,
    owned: BTreeSet<Box<str>>,
}

/// A merchant: by its id alone where it is the profile's own, else with all that may have been changed.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct MerchantRecord {
    merchant_id: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    own: Option<MerchantSettings>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct MerchantSettings {
    term_ids: Vec<String>,
    noti_url: Option<String>,
    public_key: String,
    sign_mode: Option<SignMode>,
    pin_enabled: bool,
    token: Option<String>,
    replaced_keys: Vec<(String, Millis)>,
}

impl MerchantRecord {
    fn all(merchants: &Merchants, profile: &Profile) -> Vec<Self> {
        merchants.values().map(|merchant| Self::new(merchant, profile)).collect()
    }

    fn new(merchant: &Merchant, profile: &Profile) -> Self {
        let is_profiles = profile.merchant(&merchant.id).is_some_and(|known| known == merchant);
        let own = || MerchantSettings {
            term_ids: merchant.terminals.clone(),
            noti_url: merchant.noti_url.clone(),
            public_key: merchant.key.public.clone(),
            sign_mode: merchant.sign_mode,
            pin_enabled: merchant.pin_enabled,
            token: merchant.token.clone(),
            replaced_keys: merchant
                .replaced_keys
                .iter()
                .map(|replaced| (replaced.key.public.clone(), replaced.at))
                .collect(),
        };
        Self { merchant_id: merchant.id.clone(), own: (!is_profiles).then(own) }
    }

    fn read(self, profile: &Profile) -> Result<Merchant, String> {
        let id = self.merchant_id;
        let known = profile.merchant(&id);
        let Some(own) = self.own else {
            return known.cloned().ok_or_else(|| format!("the profile has no merchant {id:?}"));
        };
        let key = |text: &str| match profile.keys.iter().find(|pair| pair.public == text) {
            Some(pair) => Ok(Arc::clone(pair)),
            None => KeyPair::of_merchant(&id, text)
                .map(Arc::new)
                .map_err(|error| format!("the key of the merchant {id:?}: {error}")),
        };
        let pair = key(&own.public_key)?;
        let Some(terminal) = own.term_ids.first() else {
            return Err(format!("the merchant {id:?} has no terminal"));
        };
        let fresh = || Merchant::fresh(id.clone(), terminal.clone(), Arc::clone(&pair));
        let replaced = own.replaced_keys.iter();
        let replaced_keys = replaced.map(|(text, at)| Ok(ReplacedKey { key: key(text)?, at: *at }));
        let replaced_keys = replaced_keys.collect::<Result<Vec<_>, String>>()?;
        let mut merchant = known.cloned().unwrap_or_else(fresh);
        (merchant.key, merchant.terminals, merchant.token) = (pair, own.term_ids, own.token);
        (merchant.noti_url, merchant.sign_mode) = (own.noti_url, own.sign_mode);
        (merchant.pin_enabled, merchant.replaced_keys) = (own.pin_enabled, replaced_keys);
        Ok(merchant)
    }

    fn read_all(records: Vec<Self>, profile: &Profile) -> Result<Vec<Merchant>, String> {
        records.into_iter().map(|record| record.read(profile)).collect()
    }
}

impl Space {
    /// The space as it is now, as if it had been written down: for one that was just read.
    ///
    /// # Errors
    /// A sentence on the part that cannot be written.
    pub fn as_written(&self) -> Result<WrittenSpace, String> {
        let state = self.lock_unnoted();
        let inbox = self.log().inbox.as_written().map_err(|error| error.to_string())?;
        let contents = state.contents.clone();
        let head = HeadRecord::write(&contents, state.resumed_clock(), state.next_request)?;
        let (generation, snapshots) = (state.generation, state.snapshots.clone());
        let owned = Arc::clone(&state.owned);
        Ok(WrittenSpace { contents, generation, head, inbox, snapshots, owned })
    }

    /// Writes down what has changed since `older`, or all of the space. From here on the space can be noted as changed
    /// again.
    ///
    /// # Errors
    /// A sentence on the part that cannot be written.
    pub fn changes_since(&self, older: Option<&WrittenSpace>) -> Result<SpaceChanges, String> {
        self.lock_unnoted().is_noted = false;
        self.compare(older)
    }

    /// The same for whoever writes it elsewhere.
    pub(super) fn compare(&self, older: Option<&WrittenSpace>) -> Result<SpaceChanges, String> {
        let state = self.lock_unnoted();
        let (contents, generation) = (state.contents.clone(), state.generation);
        let (next_trace, snapshots) = (state.next_request, state.snapshots.clone());
        let (owned, new_place) = (Arc::clone(&state.owned), state.new_place.clone());
        // A clock that somebody moves stands still only for that.
        let clock = state.resumed_clock();
        let older = older.filter(|older| older.generation == generation);
        let mut changes = RecordChanges::default();
        let nothing = WrittenInbox::default();
        let inbox = self
            .log()
            .inbox
            .changes_since(older.map_or(&nothing, |older| &older.inbox), &mut changes)
            .map_err(|error| error.to_string())?;
        drop(state);
        let (profile, budgets) = (self.profile(), self.shared.budgets);
        if older.is_none() {
            changes.put(
                RecordKind::Initial,
                &[],
                &InitialRecord {
                    name: self.name().to_owned(),
                    seed: self.initial.seed.0,
                    random_domain: self.initial.random_domain.to_string(),
                    merchants: MerchantRecord::all(&self.initial.merchants, profile),
                    wanted: self.initial.wanted.clone(),
                },
            );
            if let Some(place) = &new_place {
                changes.put(RecordKind::Moved, &[], place);
            }
        }
        let head = HeadRecord::write(&contents, clock, next_trace)?;
        if older.is_none_or(|older| older.head != head) {
            changes.put_bytes(RecordKind::Head, &[], head.clone());
        }
        let before = older.map(|older| &older.contents);
        let empty = || Ledger::new(profile.rules.clone(), budgets.ledger());
        match before {
            Some(before) => contents.ledger.changes_since(&before.ledger, &mut changes),
            None => contents.ledger.changes_since(&empty(), &mut changes),
        }
        contents.write_outbox(before, &mut changes);
        contents.write_rules(before, &mut changes);
        let same = |older: &WrittenSpace| {
            older.owned == owned && same_merchants(&older.contents.merchants, &contents.merchants)
        };
        if older.is_none_or(|older| !same(older)) {
            let merchants = MerchantRecord::all(&contents.merchants, profile);
            let owned = BTreeSet::clone(&owned);
            changes.put(RecordKind::Merchants, &[], &MerchantsRecord { merchants, owned });
        }
        write_snapshots(&snapshots, older.map(|older| &older.snapshots), profile, &mut changes);
        let is_whole = older.is_none();
        let written = WrittenSpace { contents, generation, head, inbox, snapshots, owned };
        Ok(SpaceChanges { written, is_whole, records: changes.finish()? })
    }
}

impl HeadRecord {
    fn write(contents: &Contents, clock: Clock, next_trace: RequestId) -> Result<Vec<u8>, String> {
        let head = Self {
            seed: contents.seed.0,
            random_domain: contents.random_domain.to_string(),
            clock,
            born: contents.born,
            ledger: contents.ledger.head(),
            next_pushback: contents.outbox.next_id(),
            pushbacks_dropped: contents.outbox.dropped(),
            next_trace: next_trace.0,
        };
        serde_json::to_vec(&head).map_err(|error| error.to_string())
    }
}

impl Contents {
    fn write_outbox(&self, before: Option<&Self>, changes: &mut RecordChanges) {
        let nothing = Outbox::new(0);
        let before = before.map_or(&nothing, |before| &before.outbox);
        let (changed, gone) = self.outbox.changed_since(before);
        for gone in gone {
            changes.remove(RecordKind::Pushback, &gone.to_be_bytes());
        }
        for delivery in changed {
            let key = delivery.id.to_be_bytes();
            changes.put(RecordKind::Pushback, &key, &DeliveryFile::write(delivery));
        }
    }

    fn write_rules(&self, before: Option<&Self>, changes: &mut RecordChanges) {
        if before.is_none_or(|before| !before.rules.is_same(&self.rules)) {
            let rules = self.rules.rules();
            changes.put(
                RecordKind::Rules,
                &[],
                &RulesRecord {
                    rules: rules.iter().map(|armed| armed.rule.to_json()).collect(),
                    armed_at: rules.iter().map(|armed| armed.at).collect(),
                },
            );
        }
        match before {
            Some(before) => self.counters.changes_since(&before.counters, changes),
            None => self.counters.changes_since(&Counters::default(), changes),
        }
    }
}

fn same_merchants(one: &Merchants, other: &Merchants) -> bool {
    let mut pairs = one.values().zip(other.values());
    one.len() == other.len() && pairs.all(|(one, other)| Arc::ptr_eq(one, other))
}

fn write_snapshots(
    now: &BTreeMap<Box<str>, Arc<Snapshot>>,
    before: Option<&BTreeMap<Box<str>, Arc<Snapshot>>>,
    profile: &Profile,
    changes: &mut RecordChanges,
) {
    let nothing = BTreeMap::new();
    let before = before.unwrap_or(&nothing);
    for name in before.keys().filter(|name| !now.contains_key(*name)) {
        changes.remove(RecordKind::Snapshot, name.as_bytes());
    }
    for (name, snapshot) in now {
        if before.get(name).is_none_or(|known| !Arc::ptr_eq(known, snapshot)) {
            let record = SnapshotRecord::new(snapshot, profile);
            changes.put(RecordKind::Snapshot, name.as_bytes(), &record);
        }
    }
}

impl SnapshotRecord {
    fn new(snapshot: &Snapshot, profile: &Profile) -> Self {
        Self {
            space: snapshot.space.clone(),
            saved_at: snapshot.taken,
            merchants: MerchantRecord::all(&snapshot.kept.contents.merchants, profile),
            state: StateFile::without_merchants(&snapshot.kept),
        }
    }

    /// Puts the snapshot away in a space, under a name.
    fn open(self, name: &str, space: &Space) -> Result<(), String> {
        let merchants = MerchantRecord::read_all(self.merchants, space.profile())?;
        let kept = open_state(self.state, by_id(merchants), space)?;
        let kept = space.keep(name, &self.space, kept, self.saved_at, true);
        kept.map(drop).map_err(|error| error.to_string())
    }
}

fn by_id(merchants: Vec<Merchant>) -> Merchants {
    merchants.into_iter().map(|it| (it.id.as_str().into(), Arc::new(it))).collect()
}

/// The contents of a state. Orders beyond those that a space keeps from now on go one by one, as others come.
fn open_state(
    state: StateFile,
    merchants: Merchants,
    space: &Space,
) -> Result<KeptSnapshot, String> {
    let budget = space.shared.budgets.ledger();
    let all = OrderBudget { kept: state.ledger.len().max(budget.kept), ..budget };
    let kept = state.read_with(space, merchants, all);
    let mut kept = kept.map_err(|error| error.to_string())?;
    kept.contents.ledger.keep_up_to(budget);
    Ok(kept)
}

/// Parts of a space, as they were read.
struct Parts {
    name: String,
    initial: InitialState,
    state: StateFile,
    merchants: Merchants,
    owned: BTreeSet<Box<str>>,
    clock: Clock,
    next_trace: RequestId,
    inbox: Inbox,
    snapshots: Vec<(String, SnapshotRecord)>,
    /// Its place, where it was moved.
    place: Option<NewPlace>,
}

impl Parts {
    fn read(records: Vec<(Vec<u8>, Vec<u8>)>, profile: &Profile) -> Result<Self, String> {
        let (mut initial, mut head, mut rules, mut merchants) = (None, None, None, None);
        let mut place = None;
        let mut ledger = LedgerRecords::default();
        let (mut counts, mut inbox) = (CountersFile::default(), Inbox::default());
        let (mut pushbacks, mut snapshots) = (Vec::<DeliveryFile>::new(), Vec::new());
        for (key, value) in records {
            let Some((kind, rest)) = key.split_first() else {
                return Err("a record has no key".to_owned());
            };
            let Some(kind) = RecordKind::of(*kind) else {
                return Err(format!("a record is of an unknown kind, {kind}"));
            };
            match kind {
                RecordKind::Initial => {
                    initial = Some(read_record::<InitialRecord>(kind, &value)?);
                }
                RecordKind::Head => head = Some(read_record::<HeadRecord>(kind, &value)?),
                RecordKind::Rules => rules = Some(read_record::<RulesRecord>(kind, &value)?),
                RecordKind::Moved => place = Some(read_record::<NewPlace>(kind, &value)?),
                RecordKind::Merchants => {
                    merchants = Some(read_record::<MerchantsRecord>(kind, &value)?);
                }
                RecordKind::Pushback => pushbacks.push(read_record(kind, &value)?),
                RecordKind::Snapshot => {
                    let name = String::from_utf8_lossy(rest).into_owned();
                    snapshots.push((name, read_record(kind, &value)?));
                }
                _ => {
                    let is_known = ledger.add(kind, &value)?
                        || counts.add(kind, &value)?
                        || inbox.add_record(kind, &value)?;
                    debug_assert!(is_known, "{kind:?}");
                }
            }
        }
        let missing = |what: &str| format!("the record of its {what} is missing");
        let initial = initial.ok_or_else(|| missing("beginning"))?;
        let head = head.ok_or_else(|| missing("clock and numbers"))?;
        let rules = rules.ok_or_else(|| missing("rules"))?;
        let MerchantsRecord { merchants, owned } = merchants.ok_or_else(|| missing("merchants"))?;
        let first = by_id(MerchantRecord::read_all(initial.merchants, profile)?);
        // Settings that were never changed are shared with the beginning.
        let merchants = by_id(MerchantRecord::read_all(merchants, profile)?);
        let shared = merchants.into_iter().map(|(id, merchant)| {
            let known = first.get(&id).filter(|known| **known == merchant);
            let merchant = known.map_or(merchant, Arc::clone);
            (id, merchant)
        });
        let merchants = shared.collect();
        let initial_state = InitialState {
            seed: Seed(initial.seed),
            random_domain: initial.random_domain.as_str().into(),
            merchants: first,
            wanted: initial.wanted,
        };
        if !head.clock.is_sound() || !can_be(head.born) {
            return Err("its clock cannot be".to_owned());
        }
        let state = StateFile {
            seed: head.seed,
            lots_of: head.random_domain,
            clock: ClockFile {
                shows: head.born,
                scale_milli: head.clock.scale_milli(),
                born: head.born,
            },
            ledger: ledger.into_file(head.ledger),
            pushbacks,
            next_pushback: head.next_pushback,
            pushbacks_dropped: head.pushbacks_dropped,
            rules: rules.rules,
            armed_at: rules.armed_at,
            counts,
            merchants: Vec::new(),
            next_trace: head.next_trace,
        };
        Ok(Self {
            name: initial.name,
            initial: initial_state,
            state,
            merchants,
            owned,
            clock: head.clock,
            next_trace: RequestId(head.next_trace),
            inbox,
            snapshots,
            place,
        })
    }
}

impl SavedSpace {
    /// Its name, where the records tell it.
    pub fn name(&self) -> Option<String> {
        let is_initial = |key: &[u8]| key == [RecordKind::Initial as u8];
        let (_, value) = self.records.iter().find(|(key, _)| is_initial(key))?;
        read_record::<InitialRecord>(RecordKind::Initial, value).ok().map(|initial| initial.name)
    }

    /// The space that the records make together.
    pub(super) fn open(self, shared: &Arc<Shared>) -> Result<Arc<Space>, String> {
        let parts = Parts::read(self.records, &shared.profile)?;
        if parts.next_trace.space() != self.number {
            return Err("its requests are those of another space".to_owned());
        }
        parts.open(self.number, shared)
    }

    /// The same for a space that had another number in another process. Its requests go on being counted.
    pub(super) fn open_anew(self, shared: &Arc<Shared>) -> Result<Arc<Space>, String> {
        let mut parts = Parts::read(self.records, &shared.profile)?;
        parts.next_trace = parts.next_trace.in_space(self.number);
        parts.open(self.number, shared)
    }
}

impl Parts {
    /// The space of that number.
    fn open(self, number: u32, shared: &Arc<Shared>) -> Result<Arc<Space>, String> {
        let parts = self;
        let space = Space::new(&parts.name, number, parts.initial, Arc::clone(shared));
        let mut kept = open_state(parts.state, parts.merchants, &space)?;
        kept.contents.clock = parts.clock;
        for (name, snapshot) in parts.snapshots {
            let opened = snapshot.open(&name, &space);
            opened.map_err(|error| format!("its snapshot {name:?}: {error}"))?;
        }
        space.resume(kept.contents, parts.owned, parts.next_trace, parts.inbox);
        if let Some(place) = parts.place {
            space.lock_unnoted().new_place = Some(place);
            space.gate.send_away();
        }
        Ok(space)
    }
}

impl RuleStore {
    /// Returns true if these are the rules that another had, not changed since.
    fn is_same(&self, other: &Self) -> bool {
        std::ptr::eq(self.rules(), other.rules()) && self.rules().len() == other.rules().len()
    }
}
