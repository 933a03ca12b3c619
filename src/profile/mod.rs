//! PAYON's test world as data: merchants, keys, cards, payers, reasons, rules and words.
//!
//! The built-in profile lies in `fixtures/pgtest` and is part of the binary. A user's own directory has the same
//! files ([`Profile::export`] writes them out as a start) and is checked strictly: every mistake is reported at once,
//! each with its file, line, column, what is allowed and what was probably meant.
//!
//! Every entry says whose word it is ([`Mark`]): documented by PAYON, seen in an example, or assumed by us.
//! [`Profile::provenance`] lists them with the line that holds each.
//!
//! Keys stay text here; `crypto` parses them when they are used.

mod cards;
mod files;
mod keys;
mod merchants;
mod operations;
mod overlay;
mod payers;
mod provenance;
mod read;
mod reasons;
mod replies;
mod report;
mod rules;
mod settings;
#[cfg(test)]
mod tests;
mod wording;

use std::io;
use std::path::Path;
use std::sync::{Arc, LazyLock};

use sha2::{Digest, Sha256};

pub use crate::base::Diagnostic;
pub use cards::{Authentication, Card, CardBrand};
pub use keys::{KeyPair, KeyRole};
pub use merchants::{KhqrAccount, Merchant, ReplacedKey};
pub use operations::{MemberKind, MemberSpec, OperationSpec, OperationTable};
pub use overlay::OVERLAY_VERSION;
pub use payers::{BankAccount, OneTimePasswords, OtpChannel, Payers, Wallet};
pub use provenance::{Mark, Place, Provenance};
pub use reasons::{ReasonAnswer, ReasonTable};
pub use replies::{ReplyChange, ReplyChanges, ReplyForm, ReplyKind};
pub use report::ProfileErrors;
pub use rules::{
    CompletedAmount, IdenticalRegister, LifecycleRules, StatusMismatch, UnsettledRefund,
};
pub use settings::{
    Acknowledge, CheckoutSettings, Language, PushbackEvent, PushbackOverrides, PushbackPolicy,
    SignMode, SignSettings,
};
pub use wording::{Each, OrdersWording, StatusWording, TokenWording, TypeWords, Wording};

use crate::base::{Operation, Reason};
use files::{BUILTIN_DIR, FILES, SourceText, builtin};
use read::{TomlDocument, fields};

/// A world that the simulator can play.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Profile {
    /// Its name, such as `pgtest`.
    pub name: String,
    /// Description, in one sentence.
    pub about: String,
    /// Life-cycle rules of orders.
    pub rules: LifecycleRules,
    /// Time at which and how requests are signed.
    pub sign: SignSettings,
    /// Delivery of push-backs.
    pub pushback: PushbackPolicy,
    /// The payer's pages.
    pub checkout: CheckoutSettings,
    /// Words and codes of answers.
    pub wording: Wording,
    /// Merchants, at least one.
    pub merchants: Vec<Merchant>,
    /// Test cards, at least one.
    pub cards: Vec<Card>,
    /// Knowledge and accounts of payers besides cards.
    pub payers: Payers,
    /// Reasons to codes, messages and HTTP status.
    pub reasons: ReasonTable,
    /// Requests and replies of each operation.
    pub operations: OperationTable,
    /// Changes of whole replies, which only an overlay brings.
    pub replies: ReplyChanges,
    /// The gateway's own pair.
    pub gateway_key: Arc<KeyPair>,
    /// Pairs for merchants made at run time.
    pub key_pool: Vec<Arc<KeyPair>>,
    /// Every pair of the profile, the two kinds above included.
    pub keys: Vec<Arc<KeyPair>>,
    /// SHA-256 of its files: two profiles that have the same were read from the same texts.
    pub digest: [u8; 32],
    provenance: Vec<Provenance>,
}

/// Content of `profile.toml`.
struct Settings {
    name: String,
    about: String,
    rules: LifecycleRules,
    sign: SignSettings,
    pushback: PushbackPolicy,
    checkout: CheckoutSettings,
    wording: Wording,
}

impl Profile {
    /// The built-in profile `pgtest`, parsed once.
    ///
    /// # Panics
    /// If the built-in files are wrong, which a test rules out.
    pub fn builtin() -> Arc<Self> {
        static BUILTIN_PROFILE: LazyLock<Arc<Profile>> =
            LazyLock::new(|| match Profile::parse_builtin() {
                Ok(profile) => Arc::new(profile),
                Err(errors) => panic!("the built-in profile is wrong:\n{errors}"),
            });
        Arc::clone(&BUILTIN_PROFILE)
    }

    /// Reads a user's own directory, which must hold every file that [`Profile::export`] writes, or an overlay, which is one
    /// TOML file of changes.
    pub fn load(path: &Path) -> Result<Self, ProfileErrors> {
        Self::with(Some(path), &[])
    }

    /// The profile at `path`, a directory or an overlay, or the built-in one, with some settings of its `profile.toml`
    /// replaced: each by its place, such as `rules.order_lifetime_ms`, and its value as JSON.
    pub fn with(path: Option<&Path>, settings: &[(&str, &str)]) -> Result<Self, ProfileErrors> {
        let (mut sources, mut problems) = match path {
            Some(file) if overlay::is_overlay(file) => return Self::load_overlay(file, settings),
            Some(dir) => files::load(dir),
            None => (builtin_sources(), Vec::new()),
        };
        problems.extend(files::replace_all(&mut sources, settings));
        parse(sources, problems)
    }

    /// Writes the built-in profile's files into `dir`, which is made if need be.
    ///
    /// # Errors
    /// [`io::ErrorKind::AlreadyExists`] if one of the files exists; then nothing was written.
    pub fn export(dir: &Path) -> io::Result<()> {
        files::export(dir)
    }

    /// The merchant with that `merchantId`.
    pub fn merchant(&self, id: &str) -> Option<&Merchant> {
        self.merchants.iter().find(|merchant| merchant.id == id)
    }

    /// The card with that number.
    pub fn card(&self, number: &str) -> Option<&Card> {
        self.cards.iter().find(|card| card.number == number)
    }

    /// The key pair of that name.
    pub fn key(&self, name: &str) -> Option<&Arc<KeyPair>> {
        self.keys.iter().find(|pair| pair.name == name)
    }

    /// Parses every key, which is otherwise done when one is first used, and compares the halves of each pair.
    pub fn check_keys(&self) -> Result<(), ProfileErrors> {
        let problems: Vec<_> = self
            .keys
            .iter()
            .filter_map(|pair| {
                let message = pair.message()?;
                let key = format!("key.{}", pair.name);
                let entry = self.provenance.iter().find(|entry| entry.key == key)?;
                let Place { file, line } = &entry.place;
                Some(Diagnostic::of_line(file.to_string(), *line as usize, message))
            })
            .collect();
        if problems.is_empty() { Ok(()) } else { Err(ProfileErrors(problems)) }
    }

    /// Answer of `operation` for `reason`.
    pub fn answer(&self, operation: Operation, reason: Reason) -> ReasonAnswer<'_> {
        self.reasons.answer(operation, reason)
    }

    /// The sign mode that holds for a merchant on an operation. A merchant whose signatures are off is
    /// never asked; else the operation's own mode comes first, then the merchant's, then the profile's.
    pub fn sign_mode(&self, merchant: &Merchant, operation: Operation) -> SignMode {
        self.sign.mode_of(merchant.sign_mode.unwrap_or(self.sign.mode), operation)
    }

    /// The push-back policy that holds for a merchant.
    pub fn pushback_for(&self, merchant: &Merchant) -> PushbackPolicy {
        self.pushback.with(&merchant.pushback)
    }

    /// Every behaviour with its source and the line that holds it, in the order of the files.
    pub fn provenance(&self) -> &[Provenance] {
        &self.provenance
    }

    fn parse_builtin() -> Result<Self, ProfileErrors> {
        parse(builtin_sources(), Vec::new())
    }
}

fn builtin_sources() -> [Option<SourceText>; FILES.len()] {
    FILES.map(|name| {
        Some(SourceText { shown: format!("{BUILTIN_DIR}/{name}"), text: builtin(name).into() })
    })
}

/// Reads the files in the order of [`FILES`] and collects every problem of all of them.
fn parse(
    sources: [Option<SourceText>; FILES.len()],
    mut problems: Vec<Diagnostic>,
) -> Result<Profile, ProfileErrors> {
    let mut digest = Sha256::new();
    for source in sources.iter().flatten() {
        digest.update((source.text.len() as u64).to_le_bytes());
        digest.update(&*source.text);
    }
    let docs = sources.each_ref().map(|source| {
        source.as_ref().map(|file| TomlDocument::parse(file.shown.as_str().into(), &file.text))
    });
    let [settings, keys, merchants, cards, payers, reasons, operations] =
        docs.each_ref().map(Option::as_ref);
    let settings = settings.and_then(read_settings);
    let keys = keys.and_then(keys::read);
    let merchants = merchants.and_then(|doc| merchants::read(doc, keys.as_ref()));
    let cards = cards.and_then(cards::read);
    let payers = payers.and_then(payers::read);
    let reasons = reasons.and_then(reasons::read);
    let operations = operations.and_then(operations::read);
    let mut provenance = Vec::new();
    for doc in docs.into_iter().flatten() {
        let (found, behaviours) = doc.into_findings();
        problems.extend(found);
        provenance.extend(behaviours);
    }
    match (settings, keys, merchants, cards, payers, reasons, operations) {
        (
            Some(settings),
            Some(keys),
            Some(merchants),
            Some(cards),
            Some(payers),
            Some(reasons),
            Some(operations),
        ) if problems.is_empty() => {
            let Settings { name, about, rules, sign, pushback, checkout, wording } = settings;
            Ok(Profile {
                name,
                about,
                rules,
                sign,
                pushback,
                checkout,
                wording,
                merchants,
                cards,
                payers,
                reasons,
                operations,
                replies: ReplyChanges::default(),
                gateway_key: keys.gateway,
                key_pool: keys.pool,
                keys: keys.pairs,
                digest: digest.finalize().into(),
                provenance,
            })
        }
        _ => Err(ProfileErrors(problems)),
    }
}

/// The digest of a profile that a further text has changed.
fn digest_with(digest: [u8; 32], text: &str) -> [u8; 32] {
    let mut with = Sha256::new();
    with.update(digest);
    with.update(text);
    with.finalize().into()
}

fn read_settings(doc: &TomlDocument<'_>) -> Option<Settings> {
    let mut root = doc.root()?;
    fields!(root, Settings { name, about, rules, sign, pushback, checkout, wording })
}
