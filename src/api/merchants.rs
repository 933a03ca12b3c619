//! Merchants: seen and set up.

use std::sync::Arc;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{Deserializer, Error};
use serde::{Deserialize, Serialize};

use super::problem::{ApiProblem, ProblemKind};
use super::request::{ApiRequest, Empty};
use crate::base::{PaymentMethod, WebUrlParts, check_sendable};
use crate::crypto::{PrivateKey, PublicKey};
use crate::profile::{KeyPair, Merchant, ReplacedKey, SignMode};

/// All merchants of a space.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct MerchantsView {
    merchants: Vec<MerchantView>,
    /// SubjectPublicKeyInfo, Base64 DER on one line: what PINs and checkout links are encrypted with.
    gateway_public_key: String,
}

/// A merchant.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "Merchant")]
pub(super) struct MerchantView {
    merchant_id: String,
    term_ids: Vec<String>,
    /// Name that payers see.
    name: String,
    /// Address for push-backs when an order brings no `noti_url`.
    noti_url: Option<String>,
    /// Its own setting; null where the profile's holds.
    #[schemars(schema_with = "sign_modes")]
    sign_mode: Option<SignMode>,
    pin_enabled: bool,
    /// True if the header `Authentication` is asked for.
    token_required: bool,
    /// SubjectPublicKeyInfo, Base64 DER on one line.
    public_key: String,
    key_bits: usize,
    /// Names the key.
    key_fingerprint: String,
    /// The space has its private half too, so it can sign for the merchant.
    has_private_key: bool,
    /// Keys that were its own before, oldest first.
    replaced_keys: Vec<ReplacedKeyView>,
    /// The key is too small for real use.
    weak_key: bool,
    methods: Vec<PaymentMethod>,
}

/// An earlier key of a merchant.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "ReplacedKey")]
struct ReplacedKeyView {
    key_fingerprint: String,
    /// SubjectPublicKeyInfo, Base64 DER on one line.
    public_key: String,
    /// The time of the space at which another took its place.
    replaced_at: String,
}

/// The key pair of a merchant. Pairs of payon-sim are test keys that everybody has.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "MerchantKey")]
pub(super) struct MerchantKeyView {
    merchant_id: String,
    /// SubjectPublicKeyInfo, Base64 DER on one line.
    public_key: String,
    /// PKCS#8, Base64 DER on one line; null where only the public half was given.
    private_key: Option<String>,
}

/// Settings to change; what is left out stays.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct MerchantChange {
    /// Address for push-backs when an order brings no `noti_url`; null for nowhere.
    #[serde(default)]
    #[schemars(with = "Option<String>")]
    noti_url: Edit<String>,
    /// Its public key, PEM or Base64 DER: PKCS#1, SubjectPublicKeyInfo or an X.509 certificate, 1024 to 4096 bits.
    #[serde(default, deserialize_with = "given")]
    #[schemars(with = "String")]
    public_key: Option<String>,
    /// `required`, `if-present` or `off`; null for the profile's setting.
    #[serde(default, deserialize_with = "read_sign_mode")]
    #[schemars(schema_with = "sign_modes")]
    sign_mode: Edit<SignMode>,
    /// Required value of the header `Authentication` on every request; null for none.
    #[serde(default)]
    #[schemars(with = "Option<String>")]
    token: Edit<String>,
    /// True if createPIN may be called.
    #[serde(default, deserialize_with = "given")]
    #[schemars(with = "bool")]
    pin_enabled: Option<bool>,
}

/// A change of a setting that may be absent.
#[derive(Default)]
enum Edit<T> {
    #[default]
    Keep,
    Clear,
    Set(T),
}

impl<T> Edit<T> {
    const fn value(&self) -> Option<&T> {
        match self {
            Self::Set(value) => Some(value),
            Self::Keep | Self::Clear => None,
        }
    }

    fn apply(self, setting: &mut Option<T>) {
        match self {
            Self::Keep => {}
            Self::Clear => *setting = None,
            Self::Set(value) => *setting = Some(value),
        }
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Edit<T> {
    fn deserialize<D: Deserializer<'de>>(reader: D) -> Result<Self, D::Error> {
        Option::deserialize(reader).map(|value| value.map_or(Self::Clear, Self::Set))
    }
}

/// A member that may be left out, yet not be null.
fn given<'de, D: Deserializer<'de>, T: Deserialize<'de>>(reader: D) -> Result<Option<T>, D::Error> {
    T::deserialize(reader).map(Some)
}

fn read_sign_mode<'de, D: Deserializer<'de>>(reader: D) -> Result<Edit<SignMode>, D::Error> {
    let Some(name) = Option::<String>::deserialize(reader)? else { return Ok(Edit::Clear) };
    let mode = SignMode::ALL.iter().find(|mode| mode.name() == name);
    mode.map(|mode| Edit::Set(*mode)).ok_or_else(|| {
        let known: Vec<_> = SignMode::ALL.iter().map(|mode| format!("`{mode}`")).collect();
        D::Error::custom(format!("unknown mode `{name}`, expected one of {}", known.join(", ")))
    })
}

fn sign_modes(_: &mut SchemaGenerator) -> Schema {
    let mut names: Vec<_> = SignMode::ALL.iter().map(|mode| Some(mode.name())).collect();
    names.push(None);
    json_schema!({ "type": ["string", "null"], "enum": names })
}

impl MerchantView {
    fn new(merchant: &Merchant) -> Result<Self, ApiProblem> {
        let key = merchant.key.public_key().map_err(|error| {
            ApiProblem::new(
                ProblemKind::Failed,
                format!("the key of merchant {}: {error}", merchant.id),
            )
        })?;
        Ok(Self {
            merchant_id: merchant.id.clone(),
            term_ids: merchant.terminals.clone(),
            name: merchant.name.clone(),
            noti_url: merchant.noti_url.clone(),
            sign_mode: merchant.sign_mode,
            pin_enabled: merchant.pin_enabled,
            token_required: merchant.token.is_some(),
            public_key: key.spki_der_base64(),
            key_bits: key.bits(),
            key_fingerprint: key.fingerprint().to_owned(),
            has_private_key: merchant.key.private.is_some(),
            replaced_keys: merchant.replaced_keys.iter().filter_map(ReplacedKeyView::new).collect(),
            weak_key: key.is_weak(),
            methods: merchant.methods.clone(),
        })
    }
}

impl ReplacedKeyView {
    fn new(replaced: &ReplacedKey) -> Option<Self> {
        let key = replaced.key.public_key().ok()?;
        Some(Self {
            key_fingerprint: key.fingerprint().to_owned(),
            public_key: key.spki_der_base64(),
            replaced_at: replaced.at.rfc3339(),
        })
    }
}

/// The key pair of a merchant, with the private half where the space has it.
pub(super) fn key(call: &ApiRequest, _: Empty) -> Result<MerchantKeyView, ApiProblem> {
    let merchant = call.merchant(call.param("merchantId"))?;
    let private = merchant.key.private_key().transpose().map_err(|error| {
        ApiProblem::new(
            ProblemKind::Failed,
            format!("the key of merchant {}: {error}", merchant.id),
        )
    })?;
    Ok(MerchantKeyView {
        merchant_id: merchant.id.clone(),
        public_key: public_key(&merchant.key)?,
        private_key: private.map(PrivateKey::pkcs8_der_base64),
    })
}

/// The public half of a pair, on one line.
pub(super) fn public_key(pair: &KeyPair) -> Result<String, ApiProblem> {
    pair.public_key().map(PublicKey::spki_der_base64).map_err(|error| {
        ApiProblem::new(
            ProblemKind::Failed,
            format!("the key {} of the profile: {error}", pair.name),
        )
    })
}

/// Refuses what cannot be called.
pub(super) fn check_noti_url(url: &str) -> Result<(), ApiProblem> {
    WebUrlParts::parse(url).map(drop).map_err(|error| {
        let detail = format!(
            "not a URL that can be called: it {error}; write it in full, such as http://127.0.0.1:8080/payon/noti"
        );
        ApiProblem::refused("notiUrl", detail)
    })
}

/// Lists the merchants.
pub(super) fn list(call: &ApiRequest, _: Empty) -> Result<MerchantsView, ApiProblem> {
    let merchants = call.space.merchants();
    let views: Result<_, _> =
        merchants.iter().map(|merchant| MerchantView::new(merchant)).collect();
    let gateway_public_key = public_key(&call.space.profile().gateway_key)?;
    Ok(MerchantsView { merchants: views?, gateway_public_key })
}

/// Changes a merchant's settings: all of them or none.
pub(super) fn change(
    call: &ApiRequest,
    wanted: MerchantChange,
) -> Result<MerchantView, ApiProblem> {
    let id = call.param("merchantId");
    call.merchant(id)?;
    if let Some(url) = wanted.noti_url.value() {
        check_noti_url(url)?;
    }
    if let Some(token) = wanted.token.value() {
        let sendable = check_sendable(token);
        sendable
            .map_err(|why| ApiProblem::refused("token", format!("{why}; null asks for none")))?;
    }
    let key = wanted
        .public_key
        .map(|text| KeyPair::of_merchant(id, &text))
        .transpose()
        .map_err(|error| ApiProblem::refused("publicKey", error.to_string()))?
        .map(Arc::new);
    let now = call.space.now();
    let changed = call.space.change_merchant(id, |merchant| {
        wanted.noti_url.apply(&mut merchant.noti_url);
        wanted.sign_mode.apply(&mut merchant.sign_mode);
        wanted.token.apply(&mut merchant.token);
        if let Some(key) = key {
            merchant.replace_key(key, now);
        }
        if let Some(enabled) = wanted.pin_enabled {
            merchant.pin_enabled = enabled;
        }
    });
    let merchant = changed.map_or_else(|| call.merchant(id), Ok)?;
    MerchantView::new(&merchant)
}
