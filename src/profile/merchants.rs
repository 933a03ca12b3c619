//! Merchants and what they are set up to do.

use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use crate::base::{Currency, Millis, PaymentMethod};
use crate::crypto::{KeyError, Recipe, Secret, SignKey, VerifyKey};
use crate::khqr;

use super::keys::{KeyPair, Keys};
use super::provenance::Mark;
use super::read::{Read, TomlDocument, TomlNode, TomlTable, fields};
use super::settings::{PushbackOverrides, SignMode, check_pauses, check_times, check_url};
use crate::base::{Message, check_sendable};

/// A merchant, of the profile or made at run time.
#[derive(Clone, PartialEq, Eq)]
pub struct Merchant {
    /// `merchantId`, at most 32 characters.
    pub id: String,
    /// Its `termId`s, at least one; the first is the usual one.
    pub terminals: Vec<String>,
    /// The name that payers see, at most 25 characters.
    pub name: String,
    /// The same in Khmer, at most 25 characters.
    pub name_km: Option<String>,
    /// The city, at most 15 characters.
    pub city: String,
    /// The pair whose private half the merchant signs with.
    pub key: Arc<KeyPair>,
    /// True if createPIN may be called (documented: it must be enabled).
    pub pin_enabled: bool,
    /// The payment methods on offer, at least one.
    pub methods: Vec<PaymentMethod>,
    /// Account for a KHQR of the merchant.
    pub khqr: KhqrAccount,
    /// Address for push-backs when an order brings no `noti_url`.
    pub noti_url: Option<String>,
    /// Push-back settings of its own.
    pub pushback: PushbackOverrides,
    /// Its own [`SignMode`].
    pub sign_mode: Option<SignMode>,
    /// The shared key of the HMAC and keyed-digest recipes.
    pub sign_secret: Option<String>,
    /// Required value of the header `Authentication` on every call.
    pub token: Option<String>,
    /// Keys that were its own until another took their place, oldest first: the likeliest reason for a signature that
    /// does not fit. They are kept for words only and verify nothing.
    pub replaced_keys: Vec<ReplacedKey>,
}

/// A merchant's earlier key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReplacedKey {
    /// The pair, of which the public half is looked at.
    pub key: Arc<KeyPair>,
    /// The time of the space at which another took its place.
    pub at: Millis,
}

/// So many earlier keys of a merchant are remembered.
const REPLACED_KEYS_MAX: usize = 4;

/// Without its token and its secret.
impl fmt::Debug for Merchant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Merchant")
            .field("id", &self.id)
            .field("terminals", &self.terminals)
            .field("noti_url", &self.noti_url)
            .field("sign_mode", &self.sign_mode)
            .field("asks_token", &self.token.is_some())
            .finish_non_exhaustive()
    }
}

impl Merchant {
    /// A merchant made at run time, with every payment method.
    pub fn fresh(id: String, terminal: String, key: Arc<KeyPair>) -> Self {
        let khqr = KhqrAccount {
            account: "payon_sim@ppcb".to_owned(),
            merchant_id: id.chars().take(32).collect(),
            bank: "PPCBank".to_owned(),
        };
        Self {
            id,
            terminals: vec![terminal],
            name: "Payon-sim Test Shop".to_owned(),
            name_km: None,
            city: "Phnom Penh".to_owned(),
            key,
            pin_enabled: true,
            methods: PaymentMethod::ALL.to_vec(),
            khqr,
            noti_url: None,
            pushback: PushbackOverrides::default(),
            sign_mode: None,
            sign_secret: None,
            token: None,
            replaced_keys: Vec::new(),
        }
    }

    /// Puts `key` in the place of the merchant's own, which is remembered with the time.
    pub fn replace_key(&mut self, key: Arc<KeyPair>, at: Millis) {
        let is_same = |one: &KeyPair, other: &KeyPair| {
            one.public_key().is_ok_and(|one| other.public_key().is_ok_and(|other| one == other))
        };
        if is_same(&self.key, &key) {
            self.key = key;
            return;
        }
        let old = std::mem::replace(&mut self.key, key);
        self.replaced_keys
            .retain(|known| !is_same(&known.key, &old) && !is_same(&known.key, &self.key));
        self.replaced_keys.push(ReplacedKey { key: old, at });
        let extra = self.replaced_keys.len().saturating_sub(REPLACED_KEYS_MAX);
        self.replaced_keys.drain(..extra);
    }

    /// Its KHQR in `currency`, without an amount. The profile has checked each part.
    pub fn khqr_payload(&self, currency: Currency) -> khqr::Payload<'_> {
        let KhqrAccount { account, merchant_id, bank } = &self.khqr;
        let (id, merchant_id, bank) = (account.into(), merchant_id.into(), bank.into());
        let account = khqr::Account::Merchant { id, merchant_id, bank };
        khqr::Payload::new(account, &self.name, currency)
    }

    /// Key that checks this merchant's signatures made with `recipe`.
    pub fn verify_key(&self, recipe: &Recipe) -> Result<Cow<'_, VerifyKey>, KeyError> {
        if !recipe.takes_secret() {
            return self.key.verify_key().map(Cow::Borrowed).map_err(Clone::clone);
        }
        let secret = Secret::new(self.sign_secret.as_deref().unwrap_or_default())?;
        Ok(Cow::Owned(if recipe.algorithm.is_rsa() {
            let key = self.key.public_key().map_err(Clone::clone)?;
            VerifyKey::RsaAndShared(key.clone(), secret)
        } else {
            VerifyKey::Shared(secret)
        }))
    }

    /// Key that makes this merchant's signatures with `recipe`; `None` where only the public half is known.
    pub fn sign_key(&self, recipe: &Recipe) -> Option<Result<SignKey, KeyError>> {
        let secret = match self.sign_secret.as_deref() {
            _ if !recipe.takes_secret() => None,
            text => Some(Secret::new(text?)),
        };
        let key = match self.key.private_key() {
            _ if !recipe.algorithm.is_rsa() => None,
            key => Some(key?.cloned().map_err(Clone::clone)),
        };
        Some(match (key, secret) {
            (Some(key), Some(secret)) => {
                key.and_then(|key| Ok(SignKey::RsaAndShared(key, secret?)))
            }
            (Some(key), None) => key.map(SignKey::Rsa),
            (None, secret) => secret?.map(SignKey::Shared),
        })
    }
}

/// Tag 30 of a KHQR. The three texts together must leave room for their headers within 99 characters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KhqrAccount {
    /// Bakong account id, such as `demo_store@ppcb`.
    pub account: String,
    /// The merchant's id at the bank.
    pub merchant_id: String,
    /// The acquiring bank.
    pub bank: String,
}

/// Reads `merchants.toml`. Without keys (they could not be read) names of keys are not checked.
pub(super) fn read(doc: &TomlDocument<'_>, keys: Option<&Keys>) -> Option<Vec<Merchant>> {
    let mut root = doc.root()?;
    let rows = root.rows("merchant");
    root.finish();
    let mut seen = HashMap::new();
    let read: Vec<Option<Merchant>> = rows
        .into_iter()
        .map(|mut row| {
            row.check_unique("id", "merchant id", &mut seen);
            merchant(&mut row, keys)
        })
        .collect();
    read.into_iter().collect()
}

fn merchant(row: &mut TomlTable<'_>, keys: Option<&Keys>) -> Option<Merchant> {
    for (name, most) in [("id", 32), ("name", 25), ("name_km", 25), ("city", 15)] {
        check_length(row, name, most);
    }
    row.check_text("id", |id| match id {
        "." | ".." => Err(Message::new("clients take `.` and `..` out of addresses").help(
            "choose another id, so that the merchant and its orders can be reached under /_sim/",
        )),
        _ => Ok(()),
    });
    check_url(row, "noti_url");
    row.check_at_least(1, &["noti_timeout_ms"]);
    let mut key = None;
    if let Some(keys) = keys {
        row.check_text("key", |name| {
            key = Some(Arc::clone(keys.named(name)?));
            Ok(())
        });
    }
    let key_name: Option<String> = row.take("key");
    let pushback = (
        row.take("noti_timeout_ms"),
        row.take("noti_retries_s"),
        row.take("noti_acknowledge"),
        row.take("noti_events"),
    );
    let (mark, about): (Option<Mark>, Option<String>) = (row.take("mark"), row.take("about"));
    let (id, terminals) = (row.take("id"), row.take("terminals"));
    let (name, name_km, city) = (row.take("name"), row.take("name_km"), row.take("city"));
    let (pin_enabled, methods, khqr) =
        (row.take("pin_enabled"), row.take("methods"), row.take("khqr"));
    let (noti_url, sign_mode, sign_secret, token) =
        (row.take("noti_url"), row.take("sign_mode"), row.take("sign_secret"), row.take("token"));
    row.finish();
    let (timeout_ms, retries_s, acknowledge, events) = pushback;
    check_times(row, [("noti_timeout_ms", timeout_ms.flatten().unwrap_or_default())]);
    check_pauses(
        row,
        "noti_retries_s",
        retries_s.as_ref().and_then(Option::as_deref).unwrap_or_default(),
    );
    row.check_text("token", |token| check_sendable(token).map_err(Message::new));
    key_name?;
    let merchant = Merchant {
        id: id?,
        terminals: terminals?,
        name: name?,
        name_km: name_km?,
        city: city?,
        key: key?,
        pin_enabled: pin_enabled?,
        methods: methods?,
        khqr: khqr?,
        noti_url: noti_url?,
        pushback: PushbackOverrides {
            timeout_ms: timeout_ms?,
            retries_s: retries_s?,
            acknowledge: acknowledge?,
            events: events?,
        },
        sign_mode: sign_mode?,
        sign_secret: sign_secret?,
        token: token?,
        replaced_keys: Vec::new(),
    };
    if merchant.terminals.is_empty() {
        row.refuse("terminals", "a merchant has at least one terminal");
    }
    if merchant.methods.is_empty() {
        row.refuse("methods", "a merchant offers at least one payment method");
    }
    row.note(format!("merchant.{}", merchant.id), mark?, &about?);
    Some(merchant)
}

impl Read for KhqrAccount {
    fn read(node: &TomlNode<'_>) -> Option<Self> {
        let mut table = node.table()?;
        table.check_text("account", |account| match account.split_once('@') {
            Some((name, bank)) if !name.is_empty() && !bank.is_empty() => Ok(()),
            _ => Err(Message::new("a Bakong account id is name@bank")),
        });
        for name in ["account", "merchant_id", "bank"] {
            check_length(&table, name, 32);
        }
        let account = fields!(table, KhqrAccount { account, merchant_id, bank })?;
        let length = |text: &String| 4 + text.chars().count();
        let template =
            length(&account.account) + length(&account.merchant_id) + length(&account.bank);
        if template > 99 {
            table.refuse("account", format!(
                "account, merchant_id and bank make {template} characters of tag 30, at most 99 fit"
            ));
        }
        Some(account)
    }
}

fn check_length(table: &TomlTable<'_>, name: &str, most: usize) {
    table.check_text(name, |text| match text.chars().count() {
        length if length > most => Err(format!("{length} characters, at most {most} fit").into()),
        _ => Ok(()),
    });
}
