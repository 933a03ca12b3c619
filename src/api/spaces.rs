//! Spaces: made, listed, reset, removed.

use std::fmt;
use std::sync::Arc;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Serialize};

use super::merchants::{check_noti_url, public_key};
use super::problem::{ApiProblem, ProblemKind};
use super::request::{ApiRequest, Empty, blocking};
use crate::base::Seed;
use crate::crypto::PrivateKey;
use crate::profile::Merchant;
use crate::space::{IfExists, NewMerchant, Space, SpaceError};

/// A space to be made. What is left out is made up.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct NewSpace {
    /// 1 to 64 letters, digits, '.', '_' or '-', with no '.' in front.
    name: Option<String>,
    /// The seed of its choices: a whole number, or the same as text. Without one it follows from the server's seed and
    /// the name.
    #[serde(default, deserialize_with = "read_seed")]
    #[schemars(schema_with = "seed_schema")]
    seed: Option<u64>,
    /// Number of merchants to make, or the merchants themselves: ids, or objects.
    #[serde(default)]
    merchants: WantedMerchants,
    /// Action where a space of that name exists: `refuse` (409), `keep` it as it is and answer with it, or `replace`
    /// it by a new one.
    #[serde(default)]
    if_exists: IfExists,
}

/// The merchants that a space is born with, beside the documented ones.
#[derive(Debug, PartialEq, Eq)]
struct WantedMerchants(Vec<Wish>);

/// A merchant to make.
#[derive(Debug, Default, PartialEq, Eq)]
struct Wish(NewMerchant);

impl Default for WantedMerchants {
    fn default() -> Self {
        Self(vec![Wish::default()])
    }
}

impl JsonSchema for WantedMerchants {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "WantedMerchants".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let merchant = generator.subschema_for::<NewMerchant>();
        json_schema!({
            "oneOf": [
                { "type": "integer", "minimum": 0, "description": "how many" },
                { "type": "array", "items": { "oneOf": [{ "type": "string" }, merchant] } },
            ]
        })
    }
}

impl<'de> Deserialize<'de> for WantedMerchants {
    fn deserialize<D: Deserializer<'de>>(reader: D) -> Result<Self, D::Error> {
        struct Reader;
        impl<'de> Visitor<'de> for Reader {
            type Value = WantedMerchants;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a number of merchants, or an array of ids and objects")
            }

            fn visit_u64<E: Error>(self, count: u64) -> Result<WantedMerchants, E> {
                // More than a space takes is refused as such, and need not be held for that.
                let count = usize::try_from(count).unwrap_or(usize::MAX).min(10_000);
                Ok(WantedMerchants((0..count).map(|_| Wish::default()).collect()))
            }

            fn visit_seq<A: SeqAccess<'de>>(
                self,
                mut wishes: A,
            ) -> Result<WantedMerchants, A::Error> {
                let mut wanted = Vec::new();
                while let Some(wish) = wishes.next_element()? {
                    wanted.push(wish);
                }
                Ok(WantedMerchants(wanted))
            }
        }
        reader.deserialize_any(Reader)
    }
}

impl<'de> Deserialize<'de> for Wish {
    fn deserialize<D: Deserializer<'de>>(reader: D) -> Result<Self, D::Error> {
        struct Reader;
        impl<'de> Visitor<'de> for Reader {
            type Value = Wish;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a merchantId, or an object")
            }

            fn visit_str<E: Error>(self, id: &str) -> Result<Wish, E> {
                Ok(Wish(NewMerchant { merchant_id: Some(id.to_owned()), ..Default::default() }))
            }

            fn visit_map<A: MapAccess<'de>>(self, members: A) -> Result<Wish, A::Error> {
                NewMerchant::deserialize(MapAccessDeserializer::new(members)).map(Wish)
            }
        }
        reader.deserialize_any(Reader)
    }
}

/// Reads a seed: JSON numbers of many languages end at 2^53, so text is taken as well.
fn read_seed<'de, D: Deserializer<'de>>(reader: D) -> Result<Option<u64>, D::Error> {
    struct Reader;
    impl Visitor<'_> for Reader {
        type Value = Option<u64>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a whole number from 0 to 18446744073709551615, or the same as text")
        }

        fn visit_u64<E: Error>(self, seed: u64) -> Result<Self::Value, E> {
            Ok(Some(seed))
        }

        fn visit_str<E: Error>(self, seed: &str) -> Result<Self::Value, E> {
            seed.parse()
                .map(Some)
                .map_err(|_| E::invalid_type(serde::de::Unexpected::Str(seed), &self))
        }

        fn visit_unit<E: Error>(self) -> Result<Self::Value, E> {
            Ok(None)
        }
    }
    reader.deserialize_any(Reader)
}

fn seed_schema(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "oneOf": [
            { "type": "integer", "minimum": 0 },
            { "type": "string", "pattern": "^[0-9]+$" },
            { "type": "null" },
        ]
    })
}

/// A space just made, with what its users need.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct NewSpaceView {
    name: String,
    /// Address that replaces PAYON's in a merchant's settings.
    base_url: String,
    /// Base address of the space's control plane.
    control_url: String,
    seed: u64,
    /// The merchants it was born with; the documented ones are there as well.
    merchants: Vec<NewMerchantView>,
    /// SubjectPublicKeyInfo, Base64 DER on one line.
    gateway_public_key: String,
}

/// A merchant of a space just made.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "NewSpaceMerchant")]
pub(super) struct NewMerchantView {
    merchant_id: String,
    term_id: String,
    /// PKCS#8, Base64 DER on one line; null where only the public half was given.
    private_key: Option<String>,
    /// SubjectPublicKeyInfo, Base64 DER on one line.
    public_key: String,
}

/// All spaces.
#[derive(Serialize, JsonSchema)]
pub(super) struct SpacesView {
    spaces: Vec<SpaceView>,
}

/// A space.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "Space")]
pub(super) struct SpaceView {
    name: String,
    /// Address that replaces PAYON's in a merchant's settings.
    base_url: String,
    /// Base address of the space's control plane.
    control_url: String,
    seed: u64,
    /// `merchantId`s.
    merchants: Vec<String>,
    /// Number of orders in it.
    orders: usize,
    /// Number of requests in its journal.
    requests: usize,
    /// Time on the space's clock.
    now: String,
}

/// Makes a space.
pub(super) async fn create(
    call: &ApiRequest,
    wanted: NewSpace,
) -> Result<NewSpaceView, ApiProblem> {
    let NewSpace { name, seed, merchants, if_exists } = wanted;
    let wishes: Vec<NewMerchant> = merchants.0.into_iter().map(|wish| wish.0).collect();
    for (index, wish) in wishes.iter().enumerate() {
        if let Some(url) = &wish.noti_url {
            check_noti_url(url)
                .map_err(|problem| problem.at(format!("merchants[{index}].notiUrl")))?;
        }
    }
    let spaces = Arc::clone(call.control.spaces());
    // Keys of the pool are parsed when they are first used.
    let (space, merchants, gateway_public_key) = blocking(move || {
        let (space, born) = spaces.create(name.as_deref(), seed.map(Seed), &wishes, if_exists)?;
        let born = born.iter().filter_map(|id| space.merchant(id));
        let merchants: Result<Vec<_>, ApiProblem> =
            born.map(|m| NewMerchantView::new(&m)).collect();
        let gateway = public_key(&space.profile().gateway_key)?;
        Ok::<_, ApiProblem>((space, merchants?, gateway))
    })
    .await??;
    let (base_url, control_url) = urls(call, &space);
    Ok(NewSpaceView {
        name: space.name().to_owned(),
        base_url,
        control_url,
        seed: space.seed().0,
        merchants,
        gateway_public_key,
    })
}

impl NewMerchantView {
    fn new(merchant: &Merchant) -> Result<Self, ApiProblem> {
        let private = merchant.key.private_key().transpose().map_err(|error| {
            let detail = format!("the private key of merchant {}: {error}", merchant.id);
            ApiProblem::new(ProblemKind::Failed, detail)
        })?;
        Ok(Self {
            merchant_id: merchant.id.clone(),
            term_id: merchant.terminals.first().cloned().unwrap_or_default(),
            private_key: private.map(PrivateKey::pkcs8_der_base64),
            public_key: public_key(&merchant.key)?,
        })
    }
}

impl From<SpaceError> for ApiProblem {
    fn from(error: SpaceError) -> Self {
        let (kind, member) = match &error {
            SpaceError::NameTaken(_) => (ProblemKind::SpaceExists, "name"),
            SpaceError::BadName(_) => (ProblemKind::Refused, "name"),
            SpaceError::TooManySpaces | SpaceError::FullOfMerchants => (ProblemKind::TooMany, ""),
            SpaceError::TooManyMerchants
            | SpaceError::BadId(_)
            | SpaceError::MerchantTwice(_)
            | SpaceError::BadKey { .. } => (ProblemKind::Refused, "merchants"),
            SpaceError::MerchantTaken(_) => (ProblemKind::MerchantTaken, "merchants"),
            SpaceError::MerchantExists(_) => (ProblemKind::MerchantExists, "merchantId"),
            SpaceError::NoKeys => (ProblemKind::Failed, ""),
            SpaceError::Unreadable(_) => (ProblemKind::Refused, ""),
            SpaceError::BeingMoved(_) => (ProblemKind::UnderWay, ""),
            SpaceError::Moved { place, .. } => {
                return Self::new(ProblemKind::Moved, error.to_string()).elsewhere(&place.control);
            }
            SpaceError::DefaultStays => (ProblemKind::DefaultStays, ""),
            SpaceError::Unknown(_) => (ProblemKind::UnknownSpace, ""),
        };
        let problem = Self::new(kind, error.to_string());
        if member.is_empty() { problem } else { problem.at(member) }
    }
}

impl SpaceView {
    pub(super) fn new(call: &ApiRequest, space: &Space) -> Self {
        let (base_url, control_url) = urls(call, space);
        let (orders, now) = space.read(|view| (view.ledger.len(), view.now));
        Self {
            name: space.name().to_owned(),
            base_url,
            control_url,
            seed: space.seed().0,
            merchants: space.merchants().iter().map(|merchant| merchant.id.clone()).collect(),
            orders,
            requests: space.read_journal(crate::space::Journal::len),
            now: now.rfc3339(),
        }
    }
}

/// Lists the spaces.
pub(super) fn list(call: &ApiRequest, _: Empty) -> Result<SpacesView, ApiProblem> {
    let mut spaces = call.control.spaces().all();
    spaces.retain(|space| space.moved_to().is_none());
    Ok(SpacesView { spaces: spaces.iter().map(|space| SpaceView::new(call, space)).collect() })
}

/// Shows one space.
pub(super) fn one(call: &ApiRequest, _: Empty) -> Result<SpaceView, ApiProblem> {
    let name = call.param("name");
    let space = call.control.spaces().named(name);
    let space = space.ok_or_else(|| SpaceError::Unknown(name.to_owned()))?;
    match space.moved_to() {
        Some(place) => Err(ApiProblem::moved(&space, &place)),
        None => Ok(SpaceView::new(call, &space)),
    }
}

/// Adds a merchant to the space.
pub(super) async fn add_merchant(
    call: &ApiRequest,
    wanted: NewMerchant,
) -> Result<NewMerchantView, ApiProblem> {
    if let Some(url) = &wanted.noti_url {
        check_noti_url(url)?;
    }
    let (spaces, space) = (Arc::clone(call.control.spaces()), Arc::clone(&call.space));
    // A key of the pool is parsed when it is first used.
    let added = blocking(move || {
        let merchant = spaces.add_merchant(&space, &wanted)?;
        NewMerchantView::new(&merchant)
    });
    added.await?.map_err(|problem: ApiProblem| {
        // The call itself is the merchant.
        if problem.is_about("merchants") { problem.at("merchantId") } else { problem }
    })
}

/// Removes a space.
pub(super) fn remove(call: &ApiRequest, _: Empty) -> Result<Empty, ApiProblem> {
    call.control.spaces().remove(call.param("name"))?;
    Ok(Empty {})
}

/// Resets a space.
pub(super) fn reset(call: &ApiRequest, _: Empty) -> Result<Empty, ApiProblem> {
    call.space.reset();
    Ok(Empty {})
}

/// Addresses of a space: for merchants, and for its control.
pub(super) fn urls(call: &ApiRequest, space: &Space) -> (String, String) {
    let name = space.name();
    let at = |origin: &str| format!("{origin}/space/{name}");
    (at(&call.origins.gateway), at(&call.origins.control))
}
