//! The checkout link: an order that the merchant encrypts for the gateway and its payer brings along.
//!
//! That a link carries the order encrypted is documented; all else is assumed. `data` is the JSON of
//! the members of `/pg/order/register`, encrypted with RSA in blocks under the gateway's public key,
//! in URL-safe Base64. `issuedAt` (milliseconds since 1970, a number or a string) says when the link was made and
//! thereby when it ends; without it the first opening counts.

use std::borrow::Cow;
use std::time::Instant;

use serde::{Deserialize, Serialize};

use super::admission::recognise;
use super::context::Refused;
use super::{CheckoutToken, register};
use crate::base::{Fields, Millis, Reason};
use crate::crypto::{Encoding, EncryptError, Padding, PublicKey, decrypt, encrypt};
use crate::ledger::{Command, NewOrder, OrderId, Registration, Target};
use crate::space::{Arrival, JournalEntry, More, Space, Transaction};
use crate::wire::{self, card_link, register::RegisterRequest};

/// The member that says when a link was made.
pub const ISSUED_AT: &str = "issuedAt";
/// The longest `data` that is looked at.
const DATA_CHARS: usize = 16 << 10;

/// A client of a merchant whose card is to be saved without a payment, as a link says it. A link to
/// save a card holds `merchantId`, `termId` and `clientId`, and may hold `phone`, `issuedAt`,
/// `success_url`, `fail_url` and `cancel_url` (assumed, all of it).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CardOffer {
    /// `merchantId`.
    pub merchant: String,
    /// `termId`.
    pub terminal: String,
    /// `clientId`, the short one.
    pub client: String,
    /// The phone number to verify with, unless the payer says another.
    pub phone: Option<String>,
    /// Address for the payer once the card is saved.
    pub success_url: Option<String>,
    /// Address for the payer if it is not saved.
    pub fail_url: Option<String>,
    /// Address for the payer after giving up.
    pub cancel_url: Option<String>,
}

/// Opens the link of `merchant_id` to save a card. Like [`open`], it belongs on a thread that may
/// block.
///
/// # Errors
/// `link.invalid`, `link.foreign`, `link.expired`, and what a member or a merchant that is not known
/// is refused for.
pub fn open_for_card(space: &Space, merchant_id: &str, data: &str) -> Result<CardOffer, Refused> {
    let plain = decrypted(space, data)?;
    let fields = parse(&plain)?;
    let request = card_link::CardLinkRequest::read(&fields)?;
    if request.merchant_id != merchant_id {
        let detail = format!("data is a link of another merchant than {merchant_id:?}");
        return Err(Refused::with(Reason::LinkForeign, detail));
    }
    let merchant = space.merchant(&request.merchant_id);
    recognise(merchant.as_deref(), space.name(), &request.merchant_id, &request.term_id)?;
    let urls = [&request.success_url, &request.fail_url, &request.cancel_url];
    register::check_return_urls(&space.profile().rules, urls)?;
    let lifetime = space.profile().checkout.link_lifetime_ms;
    if let Some(begun) = issued_at(&fields)? {
        check_age(begun, space.now(), lifetime)?;
    }
    let owned = |text: Option<Cow<'_, str>>| text.map(Cow::into_owned);
    Ok(CardOffer {
        merchant: request.merchant_id.into_owned(),
        terminal: request.term_id.into_owned(),
        client: request.client_id.into_owned(),
        phone: owned(request.phone),
        success_url: owned(request.success_url),
        fail_url: owned(request.fail_url),
        cancel_url: owned(request.cancel_url),
    })
}

/// Encrypts the JSON of an order for a link. The text is not looked at: a test may want a bad one.
///
/// # Errors
/// When the key leaves no room beside the padding.
pub fn make(key: &PublicKey, padding: Padding, order: &str) -> Result<String, EncryptError> {
    encrypt(key, padding, Encoding::Base64Url, order.as_bytes())
}

/// Opens the link of `merchant_id` and registers its order, or finds the one that an earlier opening
/// registered. Notes it in the journal. It takes the gateway's private key, so it belongs on a
/// thread that may block.
///
/// # Errors
/// `link.invalid`, `link.foreign`, `link.expired`; what a registration is refused for; and why an
/// order that was opened before takes no payment any more, such as `order.already-paid`.
pub fn open(space: &Space, merchant_id: &str, data: &str) -> Result<CheckoutToken, Refused> {
    let begun = Instant::now();
    let mut arrival = space.arrive(Some(merchant_id), None);
    let plain = decrypted(space, data);
    let fields = plain.as_deref().map_err(Clone::clone).and_then(parse);
    let opened = fields
        .as_ref()
        .map_err(Clone::clone)
        .and_then(|fields| register_once(space, merchant_id, fields, &mut arrival));
    let (reason, detail) = match &opened {
        Ok(_) => (Reason::Success, String::new()),
        Err(refused) => (refused.reason, refused.detail.clone()),
    };
    let status = match opened {
        Ok(_) => 303,
        Err(_) => space.profile().reasons.general(reason).http,
    };
    let entry = JournalEntry {
        trace: arrival.trace,
        at: space.now(),
        merchant: arrival.merchant,
        tx_id: fields.iter().find_map(|fields| fields.text("txId")).map(|text| text[..].into()),
        status,
        sent: Some(status),
        reason,
        took_us: u32::try_from(begun.elapsed().as_micros()).unwrap_or(u32::MAX),
        more: More { detail, ..More::default() }.noted(),
        ..JournalEntry::default()
    };
    let secrets = space.profile().operations.secrets();
    let shown = wire::redact(secrets, plain.as_deref().unwrap_or_default());
    space.note(arrival.generation, entry, &shown, b"");
    opened
}

/// Looks at the link of `merchant_id` without opening it: the order of an earlier opening, or none. Like [`open`], it
/// belongs on a thread that may block.
///
/// # Errors
/// The same as opening it now, except for what only the ledger's limits would refuse.
pub fn read(
    space: &Space,
    merchant_id: &str,
    data: &str,
) -> Result<Option<CheckoutToken>, Refused> {
    let plain = decrypted(space, data)?;
    let fields = parse(&plain)?;
    with_order(space, merchant_id, &fields, |transaction, known, new| {
        let (number, seed) = (space.number(), transaction.seed());
        let token = |order| CheckoutToken::new(number, seed, order, new.merchant, new.tx_id);
        Ok(known.map(token))
    })
}

fn invalid(detail: impl Into<String>) -> Refused {
    Refused::with(Reason::LinkInvalid, detail)
}

fn decrypted(space: &Space, data: &str) -> Result<Vec<u8>, Refused> {
    if data.len() > DATA_CHARS {
        return Err(invalid(format!("data is longer than {DATA_CHARS} characters")));
    }
    let key = space.profile().gateway_key.private_key();
    let key = key.ok_or_else(|| invalid("the gateway has no private key"))?;
    let key = key.map_err(|error| invalid(error.to_string()))?;
    decrypt(key, Padding::Any, data).map_err(|error| invalid(format!("data: {error}")))
}

fn parse(plain: &[u8]) -> Result<Fields<'_>, Refused> {
    Fields::parse(plain).map_err(|error| invalid(format!("what data holds: {error}")))
}

fn register_once(
    space: &Space,
    merchant_id: &str,
    fields: &Fields<'_>,
    arrival: &mut Arrival,
) -> Result<CheckoutToken, Refused> {
    with_order(space, merchant_id, fields, |transaction, known, new| {
        arrival.generation = transaction.generation();
        let (merchant, tx_id) = (new.merchant, new.tx_id);
        let id = match known {
            Some(id) => id,
            None => match transaction.register(arrival.trace, new)? {
                Registration::New(id) | Registration::Again(id) => id,
            },
        };
        Ok(CheckoutToken::new(space.number(), transaction.seed(), id, merchant, tx_id))
    })
}

/// Does `act` with the order of a link that may be opened now, and the order that an earlier opening registered.
fn with_order<T>(
    space: &Space,
    merchant_id: &str,
    fields: &Fields<'_>,
    act: impl FnOnce(&mut Transaction<'_>, Option<OrderId>, NewOrder<'_>) -> Result<T, Refused>,
) -> Result<T, Refused> {
    let request = RegisterRequest::read(fields)?;
    if request.merchant_id != merchant_id {
        let detail = format!("data is an order of another merchant than {merchant_id:?}");
        return Err(Refused::with(Reason::LinkForeign, detail));
    }
    let lifetime = space.profile().checkout.link_lifetime_ms;
    space.write(|transaction| {
        let (merchant_id, term_id) = (&request.merchant_id, &request.term_id);
        let found = transaction.merchant(merchant_id);
        let merchant = recognise(found, space.name(), merchant_id, term_id)?;
        let issued = issued_at(fields)?;
        let new = register::new_order(&space.profile().rules, merchant, &request)?;
        let (ledger, now) = (transaction.ledger(), transaction.now);
        let named = Target::Named { merchant: new.merchant, tx_id: new.tx_id };
        let known = ledger.find(named);
        let begun = issued.or(known.map(|order| order.created)).unwrap_or(now);
        if let Some(known) = known {
            if !ledger.repeats(known, &new) {
                return Err(Refused::because(Reason::OrderDuplicate));
            }
            // What is paid says so, however old the link is.
            if known.state.is_final() {
                ledger.decide(now, Target::At(known.id), Command::Cancel)?;
            }
        }
        check_age(begun, now, lifetime)?;
        let known = known.map(|order| order.id);
        act(transaction, known, new)
    })
}

/// Refuses a link that is too old, with both times: a link that is made by another clock than the space's may be so from
/// the beginning.
fn check_age(begun: Millis, now: Millis, lifetime_ms: i64) -> Result<(), Refused> {
    let end = begun.plus(lifetime_ms);
    if now <= end {
        return Ok(());
    }
    let detail = format!(
        "the link was made at {} and ended at {}; the clock of the space shows {}",
        begun.rfc3339(),
        end.rfc3339(),
        now.rfc3339()
    );
    Err(Refused::with(Reason::LinkExpired, detail))
}

/// Refuses a link that would be too old when it is opened at `now`, or whose time cannot be read.
///
/// # Errors
/// `link.invalid` and `link.expired`.
pub fn check_time(fields: &Fields<'_>, now: Millis, lifetime_ms: i64) -> Result<(), Refused> {
    issued_at(fields)?.map_or(Ok(()), |begun| check_age(begun, now, lifetime_ms))
}

fn issued_at(fields: &Fields<'_>) -> Result<Option<Millis>, Refused> {
    let Some(text) = fields.text(ISSUED_AT) else { return Ok(None) };
    let ms = text.parse::<i64>().ok().filter(|ms| *ms >= 0);
    let ms = ms.ok_or_else(|| invalid("issuedAt is milliseconds since 1970"))?;
    Ok(Some(Millis(ms)))
}
