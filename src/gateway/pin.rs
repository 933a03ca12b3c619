//! `POST /pg/binding/createPIN`, `enablePIN` and `disablePIN`: the passcode of a client.
//!
//! The PIN comes encrypted with the gateway's public key. It is decrypted before the space is
//! entered, and only its digest is kept.

use super::bindings::{digest, is_passcode, passcode_of};
use super::context::{Refused, RequestContext};
use crate::base::{Fields, Operation, Reason};
use crate::crypto::{Padding, decrypt};
use crate::ledger::{Client, Ledger};
use crate::profile::Profile;
use crate::wire::pin::PinRequest;
use crate::wire::{self, Envelope};

pub(super) fn answer(
    context: &mut RequestContext<'_>,
    fields: &Fields<'_>,
) -> Result<Vec<u8>, Refused> {
    let request = PinRequest::read(fields)?;
    context.admit(&request.merchant_id, &request.term_id, fields)?;
    let merchant = context.merchant()?;
    if !merchant.pin_enabled {
        let detail = format!("pin_enabled is off for {}", merchant.id);
        return Err(Refused::with(Reason::PinDisabled, detail));
    }
    let profile = context.space.profile();
    let client = Client { merchant: &request.merchant_id, client: &request.client_id };
    let sent = digest(context.arrival.seed, client, &decrypted(profile, &request.pin)?);
    context.write(|context, transaction| {
        let ledger = transaction.ledger();
        if !is_known(profile, ledger, client) {
            let detail = "the client has no binding and is none of the profile's customer_ids";
            return Err(Refused::with(Reason::CustomerInvalid, detail));
        }
        if context.operation() == Operation::CreatePin {
            transaction.bindings().change_customer(client, |customer| {
                (customer.passcode, customer.unasked) = (Some(sent), false);
            });
            return Ok(());
        }
        if sent != passcode_of(profile, transaction, client) {
            return Err(Refused::because(Reason::PasscodeWrong));
        }
        let disabled = context.operation() == Operation::DisablePin;
        transaction.bindings().change_customer(client, |customer| customer.unasked = disabled);
        Ok(())
    })?;
    let success = context.success();
    Ok(wire::encode(&Envelope::bare(success.code, success.message)))
}

/// Returns true if the gateway has heard of the client: it has saved a card, or the examples name it (assumed).
fn is_known(profile: &Profile, ledger: &Ledger, client: Client<'_>) -> bool {
    ledger.bindings().customer(client).is_some()
        || profile.payers.customer_ids.iter().any(|known| known == client.client)
}

fn decrypted(profile: &Profile, pin: &str) -> Result<String, Refused> {
    let undecryptable = |detail: String| Refused::with(Reason::PinUndecryptable, detail);
    let key = profile
        .gateway_key
        .private_key()
        .ok_or_else(|| undecryptable("the gateway has no private key".to_owned()))?
        .map_err(|error| undecryptable(error.to_string()))?;
    let plain = decrypt(key, Padding::Any, pin).map_err(|e| undecryptable(e.to_string()))?;
    String::from_utf8(plain)
        .ok()
        .filter(|pin| is_passcode(pin))
        .ok_or_else(|| Refused::because(Reason::PinInvalid))
}
