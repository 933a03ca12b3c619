//! The unguessable name of an order's payment page.

use std::fmt;
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::base::Seed;
use crate::ledger::{OrderId, Target};
use crate::space::{OrderHandle, OrderSnapshot, Space, Spaces};

/// Bytes that prove that the gateway made the token.
const PROOF_BYTES: usize = 12;
/// Space number, order position, proof.
const TOKEN_BYTES: usize = 4 + 8 + PROOF_BYTES;

/// Characters of its text.
const TEXT_CHARS: usize = TOKEN_BYTES / 3 * 4;

/// Names an order's payment page. It holds where the order is and a proof that depends on the seed of its space and on
/// the order's own names, so no table of tokens is kept, none can be guessed from another, and none leads to another
/// order that stands at the same place after a reset.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CheckoutToken([u8; TOKEN_BYTES]);

impl CheckoutToken {
    /// The token of an order of this merchant in the space of that number and seed.
    pub fn new(space: u32, seed: Seed, order: OrderId, merchant: &str, tx_id: &str) -> Self {
        let place = order.0.to_be_bytes();
        let parts: [&[u8]; 4] = [b"checkout", &place, merchant.as_bytes(), tx_id.as_bytes()];
        let proof = seed.derive(&parts);
        let mut token = [0; TOKEN_BYTES];
        token[..4].copy_from_slice(&space.to_be_bytes());
        token[4..12].copy_from_slice(&place);
        token[12..].copy_from_slice(&proof[..PROOF_BYTES]);
        Self(token)
    }

    /// The token of a copied order.
    pub fn of(space: &Space, copy: &OrderSnapshot) -> Self {
        let (merchant, tx_id) = (&copy.merchant, &copy.order.tx_id);
        Self::new(space.number(), copy.seed, copy.order.id, merchant, tx_id)
    }

    /// Its text, written into `room`.
    pub(super) fn text<'r>(&self, room: &'r mut [u8; TEXT_CHARS]) -> &'r str {
        let written = URL_SAFE_NO_PAD.encode_slice(self.0, room).unwrap_or_default();
        std::str::from_utf8(&room[..written]).unwrap_or_default()
    }

    /// The space and order that `text` names; `None` for anything the gateway did not make, and for an order that is gone.
    /// `named` is the space that the path names: only its orders are found then, whatever its number was where the token
    /// was made.
    pub fn resolve(
        text: &str,
        spaces: &Spaces,
        named: Option<&Arc<Space>>,
    ) -> Option<(Arc<Space>, OrderHandle)> {
        let token = Self::parse(text)?;
        let order = OrderId(u64::from_be_bytes(token.0[4..12].try_into().ok()?));
        let space = named.cloned().or_else(|| token.space(spaces))?;
        let handle = space.read(|view| {
            let found = view.ledger.find(Target::At(order))?;
            let merchant = &view.ledger.terminal(found).merchant;
            let made = Self::new(space.number(), view.seed, order, merchant, &found.tx_id);
            (made.0[4..] == token.0[4..]).then(|| view.handle(found))
        })?;
        Some((space, handle))
    }

    /// The token that `text` says, whoever made it.
    pub fn parse(text: &str) -> Option<Self> {
        Some(Self(URL_SAFE_NO_PAD.decode(text).ok()?.try_into().ok()?))
    }

    /// The space that it names.
    pub fn space(&self, spaces: &Spaces) -> Option<Arc<Space>> {
        let number = u32::from_be_bytes(self.0[..4].try_into().ok()?);
        spaces.numbered(number)
    }
}

impl fmt::Display for CheckoutToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text(&mut [0; _]))
    }
}
