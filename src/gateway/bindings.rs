//! `POST /pg/binding/register`, `/pg/createBinding` and `/pg/bindingList`: saved cards.

use super::context::{Refused, RequestContext};
use super::payer;
use crate::base::{Fields, PaymentMethod, Reason, Seed};
use crate::crypto::Encoding;
use crate::ledger::{Binding, BindingId, CardRow, Client, Digest, NewBinding};
use crate::profile::Profile;
use crate::space::{Space, Transaction};
use crate::wire::{self, BindingMethod, Envelope, binding_list, binding_register, mask};

/// Number of digits of a passcode (assumed).
const PASSCODE_DIGITS: std::ops::RangeInclusive<usize> = 4..=6;

/// A card to save. It has no `Debug` form.
#[derive(Clone, Copy)]
pub struct CardToSave<'a> {
    /// The number, in the table of test cards.
    pub number: &'a str,
    /// `YYYYMM`; must be the card's where given.
    pub expiry: Option<&'a str>,
    /// The security code; must be the card's where given.
    pub cvv: Option<&'a str>,
    /// The PIN of a PAYON card; must be the card's where given.
    pub pin: Option<&'a str>,
    /// The holder, kept as given.
    pub holder: Option<&'a str>,
    /// Kept as given.
    pub phone: Option<&'a str>,
    /// Kept as given.
    pub email: Option<&'a str>,
    /// The client's passcode from now on: four to six digits.
    pub passcode: Option<&'a str>,
}

/// Saves a card for a client without a payment; the client's earlier binding of the card ends
/// (documented). The merchant and terminal are known already.
///
/// # Errors
/// `card.unknown`, `card.expiry-mismatch`, `card.wrong-cvv`, `card.wrong-pin` and `pin.invalid`, in
/// that order; `system.busy` when the space keeps no more.
pub fn save_card(
    space: &Space,
    terminal: &str,
    client: Client<'_>,
    card: &CardToSave<'_>,
) -> Result<Binding, Refused> {
    save(space, terminal, client, card, |new| {
        Ok(space.write(|transaction| transaction.bind(new).cloned())?)
    })
}

/// Judges a card and hands it to `bind`.
fn save<'a>(
    space: &Space,
    terminal: &'a str,
    client: Client<'a>,
    card: &CardToSave<'a>,
    bind: impl FnOnce(NewBinding<'a>) -> Result<Binding, Refused>,
) -> Result<Binding, Refused> {
    let row = check_card(space, card)?;
    let known = &space.profile().cards[row.0 as usize];
    let new = NewBinding {
        client,
        terminal,
        card: row,
        method: payer::method_of(known),
        expiry: card.expiry,
        holder: card.holder,
        phone: card.phone,
        email: card.email,
        passcode: card.passcode.map(|passcode| digest(space.seed(), client, passcode)),
    };
    bind(new)
}

/// Looks whether a card could be saved, and which it is.
///
/// # Errors
/// Those of [`save_card`] but the last.
pub fn check_card(space: &Space, card: &CardToSave<'_>) -> Result<CardRow, Refused> {
    let cards = &space.profile().cards;
    let row = cards.iter().position(|known| known.number == card.number).ok_or_else(|| {
        let detail =
            "the number is not in the table of test cards; no real card belongs here, take one of the profile's";
        Refused::with(Reason::CardUnknown, detail)
    })?;
    let known = &cards[row];
    let wrong = |given: Option<&str>, right: Option<&str>| {
        given.is_some_and(|given| right.is_some_and(|right| given != right))
    };
    let entered = [
        (wrong(card.expiry, Some(&known.expiry)), Reason::CardExpiryMismatch),
        (wrong(card.cvv, known.cvv.as_deref()), Reason::CardWrongCvv),
        (wrong(card.pin, known.pin.as_deref()), Reason::CardWrongPin),
        (card.passcode.is_some_and(|passcode| !is_passcode(passcode)), Reason::PinInvalid),
    ];
    match entered.into_iter().find(|(wrong, _)| *wrong) {
        Some((_, reason)) => Err(reason.into()),
        None => Ok(CardRow(row as u32)),
    }
}

pub(super) fn register(
    context: &mut RequestContext<'_>,
    fields: &Fields<'_>,
) -> Result<Vec<u8>, Refused> {
    let request = binding_register::BindingRegisterRequest::read(fields)?;
    context.admit(&request.merchant_id, &request.term_id, fields)?;
    let merchant = context.merchant()?;
    let method = match request.payment_method {
        BindingMethod::Payon => PaymentMethod::Payon,
        BindingMethod::CreditDebit => PaymentMethod::CreditDebit,
    };
    if !merchant.methods.contains(&method) {
        return Err(Refused::with(Reason::MethodNotOffered, format!("{method} is not offered")));
    }
    let card = CardToSave {
        number: &request.wdl_ac_no,
        expiry: request.wdl_expiry.as_deref(),
        cvv: request.wdl_cvv.as_deref(),
        pin: request.payon_pin.as_deref(),
        holder: request.wdl_nm.as_deref(),
        phone: request.phone.as_deref(),
        email: request.email.as_deref(),
        passcode: request.pin.as_deref(),
    };
    let client = Client { merchant: &request.merchant_id, client: &request.client_id };
    let space = context.space;
    let bind =
        |new: NewBinding<'_>| context.write(|_, transaction| Ok(transaction.bind(new).cloned()?));
    let binding = save(space, &request.term_id, client, &card, bind)?;
    let success = context.success();
    Ok(wire::encode(&binding_register::SavedCardReply {
        wdl_ac_no: Some(mask::short(&request.wdl_ac_no).into()),
        wdl_expiry: request.wdl_expiry.as_deref().map(Into::into),
        client_id: Some(long_client_id(&binding).into()),
        merchant_id: Some(request.merchant_id.as_ref().into()),
        term_id: Some(request.term_id.as_ref().into()),
        binding_id: Some(binding.id.to_string().into()),
        result_code: success.code.into(),
        result_msg: success.message.into(),
        ..binding_register::SavedCardReply::default()
    }))
}

pub(super) fn list(
    context: &mut RequestContext<'_>,
    fields: &Fields<'_>,
) -> Result<Vec<u8>, Refused> {
    let request = binding_list::BindingListRequest::read(fields)?;
    context.admit(&request.merchant_id, &request.term_id, fields)?;
    let client = Client { merchant: &request.merchant_id, client: &request.client_id };
    let bindings: Vec<Binding> = context.write(|_, transaction| {
        Ok(transaction.ledger().bindings().active(client).cloned().collect())
    })?;
    let success = context.success();
    Ok(wire::encode(&Envelope {
        result_msg: success.message.into(),
        result_code: success.code.into(),
        result_data: Some(bindings.iter().map(|binding| row(context, binding)).collect::<Vec<_>>()),
    }))
}

fn row<'a>(context: &'a RequestContext<'_>, binding: &'a Binding) -> binding_list::BindingRow<'a> {
    let profile = context.space.profile();
    let number = profile.cards.get(binding.card.0 as usize).map_or("", |card| &card.number);
    binding_list::BindingRow {
        tx_dt: Some(binding.created.day().digits().to_string().into()),
        tx_seq_no: Some(binding.sequence().into()),
        merchant_id: (&*binding.merchant).into(),
        term_id: (&*binding.terminal).into(),
        wdl_ac_no: mask::long(number).into(),
        wdl_expiry: binding.expiry.as_deref().map(Into::into),
        wdl_nm: binding.holder.as_deref().map(Into::into),
        pin: Some(opaque_pin(context.arrival.seed, binding.id).into()),
        client_id: long_client_id(binding).into(),
        phone: binding.phone.as_deref().map(Into::into),
        email: binding.email.as_deref().map(Into::into),
        binding_id: binding.id.to_string().into(),
        encrypted_ac_no: (),
        encrypted_cvv: (),
        verify_yn: "Y".into(),
        payment_type: profile.wording.payment_type.get(binding.method).into(),
        result_code: (),
        result_msg: (),
    }
}

fn long_client_id(binding: &Binding) -> String {
    binding_register::long_client_id(&binding.merchant, &binding.terminal, &binding.client)
}

/// Value of `pin` in the list: 112 characters of Base64 that depend on the seed and the binding,
/// and on no PIN.
fn opaque_pin(seed: Seed, id: BindingId) -> String {
    let blocks: Vec<u8> =
        (0..3_u8).flat_map(|block| seed.derive(&[b"binding-pin", id.bytes(), &[block]])).collect();
    Encoding::Base64.encode(&blocks[..84])
}

/// Returns true if `text` can be a passcode.
pub(super) fn is_passcode(text: &str) -> bool {
    PASSCODE_DIGITS.contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// Digest kept of a client's passcode.
pub(super) fn digest(seed: Seed, client: Client<'_>, passcode: &str) -> Digest {
    let parts = [client.merchant.as_bytes(), client.client.as_bytes(), passcode.as_bytes()];
    let [merchant, client, passcode] = parts;
    Digest(seed.derive(&[b"passcode", merchant, client, passcode]))
}

/// The digest of the passcode that holds for a client: its own, or the documented one of the
/// examples where it never set any.
pub(super) fn passcode_of(
    profile: &Profile,
    transaction: &Transaction<'_>,
    client: Client<'_>,
) -> Digest {
    let customer = transaction.ledger().bindings().customer(client);
    let own = customer.and_then(|customer| customer.passcode);
    own.unwrap_or_else(|| digest(transaction.seed(), client, &profile.payers.passcode))
}

/// Returns true if `given` is the passcode for a saved card.
pub(super) fn passcode_is_right(
    profile: &Profile,
    transaction: &Transaction<'_>,
    binding: &Binding,
    given: &str,
) -> bool {
    let client = Client { merchant: &binding.merchant, client: &binding.client };
    digest(transaction.seed(), client, given) == passcode_of(profile, transaction, client)
}
