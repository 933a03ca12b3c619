//! A snapshot as a file: exported by one process, imported by another that has the same profile.
//!
//! The file says what it is and of which version; what cannot be read, does not fit or was changed on the way is
//! refused whole. No private key and no merchant's token is in it: keys are found again by their public halves, tokens
//! in the profile or in the space that takes the file up.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::clock::{Clock, SCALE_MILLI_MAX, can_be};
use super::contents::{Contents, Merchants, RuleStore};
use super::delivery_file::DeliveryFile;
use super::journal::RequestId;
use super::outbox::Outbox;
use super::snapshot::{KeptSnapshot, Snapshot, SnapshotError};
use super::space::Space;
use crate::base::{JsonTree, Millis, Seed, WebUrl, read_objects, wall_clock};
use crate::crypto::PublicKey;
use crate::ledger::{Ledger, LedgerFile, OrderBudget, Target};
use crate::profile::{KeyPair, Merchant, Profile, SignMode};
use crate::scenario::{ArmedRule, Counters, CountersFile, read_rules};

/// Value of the member `format`.
const FORMAT: &str = "payon-sim/snapshot";
/// The version that is written, and the only one that is read.
const VERSION: u32 = 1;
/// The largest file, in bytes.
pub const SNAPSHOT_FILE_MAX: usize = 64 << 20;

/// Reason why a file is not imported, or not exported.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum FileError {
    /// It is not a snapshot.
    #[error("this is no snapshot: {0}; GET /_sim/v1/snapshots/{{name}} writes one")]
    NoSnapshot(String),
    /// Another version wrote it.
    #[error(
        "this snapshot is of version {0} of the format, only version {VERSION} can be read; export it anew with this version of payon-sim"
    )]
    Version(u32),
    /// It belongs to another profile.
    #[error(
        "this snapshot was taken with the profile {theirs}, the server plays {ours}; start payon-sim with that profile"
    )]
    Profile {
        /// The file's.
        theirs: String,
        /// The server's.
        ours: String,
    },
    /// It was changed or damaged.
    #[error("this snapshot is damaged: {0}; export it anew")]
    Damaged(String),
    /// Something that it asks for is not here.
    #[error("{0}")]
    Missing(String),
    /// It would be too large to be read again.
    #[error(
        "the snapshot has {0} bytes as a file, at most {SNAPSHOT_FILE_MAX} are read; restore or fork it where it is"
    )]
    TooLarge(usize),
    /// It cannot be kept.
    #[error(transparent)]
    NotKept(#[from] SnapshotError),
}

/// Head of a file of any version.
#[derive(Deserialize)]
struct Head {
    format: String,
    version: u32,
}

/// Statement of a file of this version about its profile.
#[derive(Deserialize)]
struct Belongs {
    profile: ProfileFile,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct SnapshotDocument {
    format: String,
    version: u32,
    name: String,
    /// The space that it was taken of.
    space: String,
    saved_at: String,
    written_by: String,
    profile: ProfileFile,
    /// SHA-256 of the state as this version writes it, in hexadecimal digits.
    digest: String,
    state: StateFile,
}

#[derive(Serialize, Deserialize, PartialEq, Eq)]
pub(super) struct ProfileFile {
    name: String,
    digest: String,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct StateFile {
    pub(super) seed: u64,
    pub(super) lots_of: String,
    pub(super) clock: ClockFile,
    pub(super) ledger: LedgerFile,
    pub(super) pushbacks: Vec<DeliveryFile>,
    pub(super) next_pushback: u64,
    pub(super) pushbacks_dropped: u64,
    pub(super) rules: Vec<JsonTree>,
    /// Time at which each rule was armed, in their order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) armed_at: Vec<Millis>,
    pub(super) counts: CountersFile,
    pub(super) merchants: Vec<MerchantFile>,
    pub(super) next_trace: u64,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct ClockFile {
    pub(super) shows: Millis,
    pub(super) scale_milli: u64,
    pub(super) born: Millis,
}

/// Settings that may differ between a merchant and the profile's row.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct MerchantFile {
    merchant_id: String,
    term_ids: Vec<String>,
    noti_url: Option<WebUrl>,
    /// SubjectPublicKeyInfo, Base64 DER on one line.
    public_key: String,
    sign_mode: Option<SignMode>,
    pin_enabled: bool,
    asks_token: bool,
}

impl ProfileFile {
    pub(super) fn of(profile: &Profile) -> Self {
        Self { name: profile.name.clone(), digest: hex(&profile.digest) }
    }

    pub(super) fn told(&self) -> String {
        format!("{:?} ({})", self.name, self.digest.get(..12).unwrap_or(&self.digest))
    }
}

fn hex(bytes: &[u8]) -> String {
    crate::crypto::Encoding::Hex.encode(bytes)
}

fn damaged(error: impl ToString) -> FileError {
    FileError::Damaged(error.to_string())
}

impl StateFile {
    fn digest(&self) -> Result<String, FileError> {
        let text = serde_json::to_vec(self).map_err(damaged)?;
        Ok(hex(&Sha256::digest(&text)))
    }

    fn write(kept: &KeptSnapshot) -> Result<Self, FileError> {
        let merchants = kept.contents.merchants.values();
        let merchants = merchants.map(|merchant| MerchantFile::write(merchant));
        let merchants = merchants.collect::<Result<_, _>>()?;
        Ok(Self { merchants, ..Self::without_merchants(kept) })
    }

    /// The state, but for its merchants.
    pub(super) fn without_merchants(kept: &KeptSnapshot) -> Self {
        let KeptSnapshot { contents, now, next_trace } = kept;
        let mut outbox = contents.outbox.clone();
        outbox.call_back(*now);
        let rules = contents.rules.rules();
        let (scale_milli, born) = (contents.clock.scale_milli(), contents.born);
        Self {
            seed: contents.seed.0,
            lots_of: contents.random_domain.to_string(),
            clock: ClockFile { shows: *now, scale_milli, born },
            ledger: contents.ledger.to_file(),
            pushbacks: outbox.iter().map(DeliveryFile::write).collect(),
            next_pushback: outbox.next_id(),
            pushbacks_dropped: outbox.dropped(),
            rules: rules.iter().map(|armed| armed.rule.to_json()).collect(),
            armed_at: rules.iter().map(|armed| armed.at).collect(),
            counts: contents.counters.to_file(),
            merchants: Vec::new(),
            next_trace: next_trace.0,
        }
    }

    fn read(mut self, space: &Space) -> Result<KeptSnapshot, FileError> {
        let merchants = std::mem::take(&mut self.merchants).into_iter().map(|merchant| {
            let merchant = merchant.read(space)?;
            Ok((merchant.id.as_str().into(), Arc::new(merchant)))
        });
        let merchants = merchants.collect::<Result<Merchants, FileError>>()?;
        self.read_with(space, merchants, space.shared.budgets.ledger())
    }

    /// The state with these merchants in place of the file's, within a budget of orders.
    pub(super) fn read_with(
        self,
        space: &Space,
        merchants: Merchants,
        budget: OrderBudget,
    ) -> Result<KeptSnapshot, FileError> {
        let profile = space.profile();
        let ClockFile { shows, scale_milli, born } = self.clock;
        if ![shows, born].into_iter().all(can_be) {
            return Err(damaged("a time is out of range"));
        }
        if scale_milli > SCALE_MILLI_MAX {
            return Err(damaged("its clock runs faster than any may"));
        }
        let next_trace = RequestId(self.next_trace);
        if !next_trace.has_room() {
            return Err(damaged("the names of requests are used up"));
        }
        let rules = serde_json::to_vec(&self.rules).map_err(damaged)?;
        let rules = read_rules("rules", &rules).map_err(|mistakes| {
            damaged(mistakes.first().map_or(String::new(), |m| m.message.clone()))
        })?;
        if !self.armed_at.iter().copied().all(can_be) {
            return Err(damaged("a time is out of range"));
        }
        // Files from before arming was noted count from birth, as rules then did.
        let armed_at = self.armed_at.into_iter().chain(std::iter::repeat(born));
        let rules = rules.into_iter().zip(armed_at).map(|(rule, at)| ArmedRule { rule, at });
        let policy = |merchant: &str| {
            let merchant = merchants.get(merchant)?;
            Some(space.shared.pushback_policy(merchant))
        };
        let ledger = Ledger::from_file(self.ledger, profile.rules.clone(), budget)
            .map_err(FileError::Damaged)?;
        let mut outbox = Outbox::new(space.shared.budgets.deliveries);
        for delivery in self.pushbacks {
            let policy =
                policy(delivery.merchant()).ok_or_else(|| damaged("a push-back of no merchant"))?;
            let delivery =
                delivery.read(policy).ok_or_else(|| damaged("a push-back that cannot be read"))?;
            let order = delivery.order;
            let belongs = match ledger.find(Target::At(order)) {
                Some(found) => {
                    found.tx_id == delivery.tx_id
                        && ledger.terminal(found).merchant == delivery.merchant
                }
                None => ledger.may_have_had(order),
            };
            if !belongs {
                return Err(damaged("a push-back belongs to no order"));
            }
            if !outbox.take_back(delivery) {
                return Err(damaged("a push-back is out of place"));
            }
        }
        if !outbox.go_on(self.next_pushback, self.pushbacks_dropped) {
            return Err(damaged("the numbers of push-backs do not go on"));
        }
        let contents = Contents {
            seed: Seed(self.seed),
            random_domain: self.lots_of.into(),
            clock: Clock::showing(shows, scale_milli),
            born,
            ledger,
            outbox,
            counters: Counters::from_file(self.counts)
                .ok_or_else(|| damaged("a rule is counted twice"))?,
            rules: RuleStore::of(rules.collect()),
            merchants,
        };
        Ok(KeptSnapshot { contents, now: shows, next_trace })
    }
}

impl MerchantFile {
    fn write(merchant: &Merchant) -> Result<Self, FileError> {
        Ok(Self {
            merchant_id: merchant.id.clone(),
            term_ids: merchant.terminals.clone(),
            noti_url: merchant
                .noti_url
                .as_deref()
                .map(WebUrl::parse)
                .transpose()
                .map_err(damaged)?,
            public_key: merchant.key.public_key().map_err(damaged)?.spki_der_base64(),
            sign_mode: merchant.sign_mode,
            pin_enabled: merchant.pin_enabled,
            asks_token: merchant.token.is_some(),
        })
    }

    fn read(self, space: &Space) -> Result<Merchant, FileError> {
        let (profile, id) = (space.profile(), self.merchant_id);
        let is_it = |pair: &&Arc<KeyPair>| {
            pair.public_key()
                .map(PublicKey::spki_der_base64)
                .is_ok_and(|key| key == self.public_key)
        };
        let key = match profile.keys.iter().find(is_it) {
            Some(pair) => Arc::clone(pair),
            None => Arc::new(KeyPair::of_merchant(&id, &self.public_key).map_err(damaged)?),
        };
        let terminal =
            self.term_ids.first().ok_or_else(|| damaged("a merchant without a terminal"))?;
        let known = profile.merchant(&id).cloned();
        let mut merchant = known
            .unwrap_or_else(|| Merchant::fresh(id.clone(), terminal.clone(), Arc::clone(&key)));
        let token = space.merchant(&id).and_then(|own| own.token.clone()).or(merchant.token.take());
        if self.asks_token && token.is_none() {
            return Err(FileError::Missing(format!(
                "merchant {id:?} asks for a token, which no file carries; PATCH /_sim/v1/merchants/{id} with its token in this space first"
            )));
        }
        merchant.token = token.filter(|_| self.asks_token);
        (merchant.key, merchant.terminals) = (key, self.term_ids);
        merchant.noti_url = self.noti_url.map(String::from);
        merchant.sign_mode = self.sign_mode;
        merchant.pin_enabled = self.pin_enabled;
        Ok(merchant)
    }
}

impl Snapshot {
    /// The snapshot as a file of JSON.
    pub fn write(&self, profile: &Profile) -> Result<Vec<u8>, FileError> {
        let state = StateFile::write(&self.kept)?;
        let document = SnapshotDocument {
            format: FORMAT.to_owned(),
            version: VERSION,
            name: self.name.to_string(),
            space: self.space.to_string(),
            saved_at: self.taken.rfc3339(),
            written_by: concat!("payon-sim ", env!("CARGO_PKG_VERSION")).to_owned(),
            profile: ProfileFile::of(profile),
            digest: state.digest()?,
            state,
        };
        let text = serde_json::to_vec(&document).map_err(damaged)?;
        if text.len() > SNAPSHOT_FILE_MAX { Err(FileError::TooLarge(text.len())) } else { Ok(text) }
    }
}

impl Space {
    /// Imports a snapshot from a file, under this name, in place of one that has it.
    pub fn import(&self, name: &str, file: &[u8]) -> Result<Arc<Snapshot>, FileError> {
        let head: Head =
            read_objects(file).map_err(|error| FileError::NoSnapshot(error.to_string()))?;
        if head.format != FORMAT {
            return Err(FileError::NoSnapshot(format!("its format is {:?}", head.format)));
        }
        if head.version != VERSION {
            return Err(FileError::Version(head.version));
        }
        let ours = ProfileFile::of(self.profile());
        let Belongs { profile } = read_objects(file).map_err(damaged)?;
        if profile != ours {
            return Err(FileError::Profile { theirs: profile.told(), ours: ours.told() });
        }
        let document: SnapshotDocument = read_objects(file).map_err(damaged)?;
        if document.state.digest()? != document.digest {
            return Err(damaged("its digest is another"));
        }
        let kept = document.state.read(self)?;
        Ok(self.keep(name, &document.space, kept, wall_clock(), true)?)
    }
}
