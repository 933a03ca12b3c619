//! Repeatable choices: a function of a seed and a name, never of arrival order.

use sha2::{Digest, Sha256};

/// The seed of a space. All that looks random there is derived from it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seed(pub u64);

impl Seed {
    /// A seed that is made up: the low 53 bits of a lot, so that every JSON library reads it exactly.
    pub const fn random(draw: u64) -> Self {
        Self(draw & ((1 << 53) - 1))
    }

    /// Thirty-two bytes that depend on the seed and on `parts` alone. Parts are kept apart, so
    /// `["ab", "c"]` and `["a", "bc"]` differ.
    pub fn derive(self, parts: &[&[u8]]) -> [u8; 32] {
        let mut hash = Sha256::new();
        hash.update(self.0.to_le_bytes());
        for part in parts {
            hash.update((part.len() as u64).to_le_bytes());
            hash.update(part);
        }
        hash.finalize().into()
    }

    /// The first eight of those bytes, as a number.
    pub fn number(self, parts: &[&[u8]]) -> u64 {
        let bytes = self.derive(parts);
        bytes[..8].iter().fold(0, |number, byte| number << 8 | u64::from(*byte))
    }
}
