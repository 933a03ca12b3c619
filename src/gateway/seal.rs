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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Seed;
    use crate::profile::Profile;
    use crate::space::Budgets;

    #[test]
    fn a_sealed_value_opens_for_its_purpose_in_its_space_as_it_was() {
        let (spaces, _) = Spaces::new(Profile::builtin(), Seed(1), Budgets::default());
        let space = spaces.default_space();
        let sealed = seal(space, "offer", &"C0000143");
        let open = |purpose: &str, sealed: &str| {
            unseal::<String>(&spaces, None, purpose, sealed).map(|(_, value)| value)
        };
        assert_eq!(open("offer", &sealed).as_deref(), Some("C0000143"));
        assert_eq!(open("another", &sealed), None);
        let [number, value, proof] = sealed.split('.').collect::<Vec<_>>()[..] else {
            panic!("three parts: {sealed}")
        };
        let other = seal(space, "offer", &"C0000144");
        let [_, foreign_value, foreign_proof] = other.split('.').collect::<Vec<_>>()[..] else {
            panic!("three parts: {other}")
        };
        for forged in [
            format!("{number}.{foreign_value}.{proof}"),
            format!("{number}.{value}.{foreign_proof}"),
            format!("{number}.{value}."),
            format!("{number}.{value}"),
            format!("99.{value}.{proof}"),
            String::new(),
        ] {
            assert_eq!(open("offer", &forged), None, "{forged}");
        }
        let (elsewhere, _) = Spaces::new(Profile::builtin(), Seed(2), Budgets::default());
        assert!(unseal::<String>(&elsewhere, None, "offer", &sealed).is_none());
    }
}
