//! Facts of an order for the payer's pages at one moment. Taking a step is [`super::advance`]'s.

use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::CheckoutToken;
use super::payer::otp_has_expired;
use super::register;
use crate::base::{Millis, OrderState, Reason, Seed};
use crate::ledger::{BindingId, CardRow, Client, Order, PayerStep, PaymentSource, Progress};
use crate::profile::{Card, Merchant, OtpChannel};
use crate::space::{JournalEntry, More, OrderHandle, PendingReply, RequestId, Space};

/// An order as its payer's page sees it. A copy: what happens meanwhile does not change it.
#[derive(Clone, Debug)]
pub struct CheckoutSession {
    /// Space of the order.
    pub space: Arc<Space>,
    /// The order.
    pub order: Order,
    /// Its handle: a step is taken only where the order still is.
    pub handle: OrderHandle,
    /// Merchant of the order.
    pub merchant: Arc<Merchant>,
    /// The `termId` at which it was registered.
    pub terminal: Box<str>,
    /// The saved cards that may pay it.
    pub saved: Vec<SavedCard>,
    /// Time on the space's clock.
    pub now: Millis,
    /// The seed of the space's choices.
    seed: Seed,
    /// True if that clock runs as fast as the payer's own.
    pub real_time: bool,
    /// Card, wallet or account, once chosen.
    row: Option<CardRow>,
}

/// A saved card to choose.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SavedCard {
    /// Its binding.
    pub binding: BindingId,
    row: CardRow,
}

impl CheckoutSession {
    /// Looks at an order. `None` when it is no longer kept.
    pub fn of(space: &Arc<Space>, handle: OrderHandle) -> Option<Self> {
        let (order, merchant_id, terminal, saved, row, now, real_time, seed) =
            space.read(|view| {
                let order = view.at(handle)?.clone();
                let (ledger, now) = (view.ledger, view.now);
                let names = ledger.terminal(&order);
                let (merchant_id, terminal) = (names.merchant.clone(), names.terminal.clone());
                let bindings = ledger.bindings();
                let details = order.details();
                let named = details.binding_id.as_deref().map(BindingId::parse);
                let saved = details.client_id.as_deref().map_or_else(Vec::new, |client| {
                    bindings
                        .active(Client { merchant: &merchant_id, client })
                        .filter(|binding| binding.method == order.method)
                        .filter(|binding| named.is_none_or(|named| named == Some(binding.id)))
                        .map(|binding| SavedCard { binding: binding.id, row: binding.card })
                        .collect()
                });
                let row = match order.progress.as_deref().and_then(|progress| progress.source) {
                    Some(PaymentSource::Card(row)) => Some(row),
                    Some(PaymentSource::Binding(id)) => {
                        bindings.get(id).map(|binding| binding.card)
                    }
                    None => None,
                };
                let real_time = view.clock.scale_milli() == 1000;
                Some((order, merchant_id, terminal, saved, row, now, real_time, view.seed))
            })?;
        let (space, merchant) = (Arc::clone(space), space.merchant(&merchant_id)?);
        Some(Self { space, order, handle, merchant, terminal, saved, now, seed, real_time, row })
    }

    /// The name of the order's payment page.
    pub fn checkout_token(&self) -> CheckoutToken {
        let (space, order) = (&self.space, &self.order);
        CheckoutToken::new(space.number(), self.seed, order.id, &self.merchant.id, &order.tx_id)
    }

    /// Progress of the payer.
    pub fn progress(&self) -> Progress {
        self.order.progress.as_deref().copied().unwrap_or_default()
    }

    /// The card that the payer pays with, once chosen.
    pub fn card(&self) -> Option<&Card> {
        self.at(self.row?)
    }

    /// The card behind a saved one.
    pub fn card_of(&self, saved: SavedCard) -> Option<&Card> {
        self.at(saved.row)
    }

    /// Returns true if this is the one-time password that was sent that way, and valid still.
    pub fn takes_otp(&self, channel: OtpChannel, otp: &str) -> bool {
        let profile = self.space.profile();
        otp == profile.payers.otp.right(channel)
            && !otp_has_expired(profile, &self.progress(), self.now)
    }

    /// The KHQR of the order; `None` where its method shows none, or the merchant's data make none.
    pub fn khqr(&self) -> Option<String> {
        let order = &self.order;
        let price = (order.amount, order.currency);
        let khqr = || register::khqr(&self.merchant, price, order.created, order.payable_until);
        order.method.shows_qr().then(khqr)?.ok()
    }

    fn at(&self, row: CardRow) -> Option<&Card> {
        self.space.profile().cards.get(row.0 as usize)
    }

    /// Names the step at which the payer stands. A form carries it, so that one made for another
    /// step is recognised. It cannot be guessed, and changes with every step taken.
    pub fn token(&self) -> String {
        let (order, at) = (&self.order, self.progress());
        let state = format!("{:?} {at:?} {}", order.state, order.history.len());
        let names = [self.merchant.id.as_bytes(), order.tx_id.as_bytes()];
        let parts: [&[u8]; 5] =
            [b"step", &order.id.0.to_be_bytes(), names[0], names[1], state.as_bytes()];
        URL_SAFE_NO_PAD.encode(&self.seed.derive(&parts)[..12])
    }

    /// Standing of the order, as a reason: [`Reason::OrderPending`] while it may be paid,
    /// [`Reason::IssuerTimeout`] when nobody knows.
    pub fn standing(&self) -> Reason {
        match self.order.state {
            OrderState::Registered if self.progress().step == PayerStep::Unanswered => {
                Reason::IssuerTimeout
            }
            OrderState::Registered => Reason::OrderPending,
            OrderState::Failed => self.order.failure.unwrap_or(Reason::OrderFailed),
            OrderState::Cancelled => Reason::PayerCancelled,
            OrderState::Expired => Reason::OrderExpired,
            OrderState::Authorised
            | OrderState::Captured
            | OrderState::PartlyRefunded
            | OrderState::Refunded
            | OrderState::Reversed => Reason::Success,
        }
    }

    /// Address to which the payer returns when it is over, with the result in the query; `None` where the
    /// merchant has named no place for this outcome.
    pub fn way_back(&self) -> Option<(&str, Reason)> {
        let (details, standing) = (self.order.details(), self.standing());
        let place = match standing {
            Reason::OrderPending => return None,
            Reason::Success => &details.success_url,
            Reason::PayerCancelled => &details.cancel_url,
            _ => &details.fail_url,
        };
        place.as_deref().map(|place| (place, standing))
    }
}

/// Notes in the journal that a payer took a step on a page, and what came of it. What was entered
/// is not noted; the rule that stepped in is.
pub fn note_step(
    session: &CheckoutSession,
    trace: RequestId,
    step: &str,
    status: u16,
    reason: Reason,
    detail: &str,
    pending: Option<&PendingReply>,
) {
    let rule = pending.map(|pending| Arc::clone(&pending.by));
    let entry = JournalEntry {
        trace,
        at: session.now,
        merchant: Some(Arc::clone(&session.merchant)),
        tx_id: Some(session.order.tx_id.clone()),
        status,
        sent: Some(status),
        reason,
        more: More { detail: detail.to_owned(), rule, ..More::default() }.noted(),
        ..JournalEntry::default()
    };
    let generation = session.handle.generation();
    session.space.note(
        generation,
        entry,
        serde_json::json!({ "page": step }).to_string().as_bytes(),
        b"",
    );
}
