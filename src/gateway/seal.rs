//! Sealed values that a browser carries for the gateway and cannot change: a value with a proof.

use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::space::{Space, Spaces};

/// Seals a value for one purpose. It can be read by whoever holds it; it cannot be made or changed.
pub fn seal<T: Serialize>(space: &Space, purpose: &str, value: &T) -> String {
    let json = serde_json::to_vec(value).unwrap_or_default();
    let proof = URL_SAFE_NO_PAD.encode(&proof(space, purpose, &json)[..18]);
    format!("{}.{}.{proof}", space.number(), URL_SAFE_NO_PAD.encode(json))
}

/// The value within, with the space that sealed it; `None` for anything that it did not seal for
/// this purpose. `named` is the space that the path names, whatever its number was when it sealed the value.
pub fn unseal<T: DeserializeOwned>(
    spaces: &Spaces,
    named: Option<&Arc<Space>>,
    purpose: &str,
    sealed: &str,
) -> Option<(Arc<Space>, T)> {
    let mut parts = sealed.split('.');
    let number = parts.next()?.parse().ok()?;
    let space = named.cloned().or_else(|| spaces.numbered(number))?;
    let json = URL_SAFE_NO_PAD.decode(parts.next()?).ok()?;
    let claimed = URL_SAFE_NO_PAD.decode(parts.next()?).ok()?;
    if claimed != proof(&space, purpose, &json)[..18] {
        return None;
    }
    let value = serde_json::from_slice(&json).ok()?;
    Some((space, value))
}

fn proof(space: &Space, purpose: &str, json: &[u8]) -> [u8; 32] {
    space.seed().derive(&[b"seal", purpose.as_bytes(), space.name().as_bytes(), json])
}
