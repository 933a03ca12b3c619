//! The unguessable name of an order's payment page.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::ledger::OrderId;
use crate::space::{Space, Spaces};

/// Bytes that prove that the gateway made the token.
const PROOF_BYTES: usize = 12;
/// Space number, order position, proof.
const TOKEN_BYTES: usize = 4 + 8 + PROOF_BYTES;

/// Characters of its text.
const TEXT_CHARS: usize = TOKEN_BYTES / 3 * 4;

/// Names an order's payment page. It holds where the order is and a proof that depends on the seed
/// of its space, so no table of tokens is kept and none can be guessed from another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CheckoutToken([u8; TOKEN_BYTES]);

impl CheckoutToken {
    /// The token of an order.
    pub fn new(space: &Space, order: OrderId) -> Self {
        let place = order.0.to_be_bytes();
        let proof = space.seed().derive(&[b"checkout", space.name().as_bytes(), &place]);
        let mut token = [0; TOKEN_BYTES];
        token[..4].copy_from_slice(&space.number().to_be_bytes());
        token[4..12].copy_from_slice(&place);
        token[12..].copy_from_slice(&proof[..PROOF_BYTES]);
        Self(token)
    }

    /// Its text, written into `room`.
    pub(super) fn text<'r>(&self, room: &'r mut [u8; TEXT_CHARS]) -> &'r str {
        let written = URL_SAFE_NO_PAD.encode_slice(self.0, room).unwrap_or_default();
        std::str::from_utf8(&room[..written]).unwrap_or_default()
    }

    /// The space and order that `text` names; `None` for anything the gateway did not make.
    pub fn resolve(text: &str, spaces: &Spaces) -> Option<(std::sync::Arc<Space>, OrderId)> {
        let token: [u8; TOKEN_BYTES] = URL_SAFE_NO_PAD.decode(text).ok()?.try_into().ok()?;
        let number = u32::from_be_bytes(token[..4].try_into().ok()?);
        let order = OrderId(u64::from_be_bytes(token[4..12].try_into().ok()?));
        let space = spaces.numbered(number)?;
        (Self::new(&space, order).0 == token).then_some((space, order))
    }
}

impl fmt::Display for CheckoutToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text(&mut [0; _]))
    }
}
