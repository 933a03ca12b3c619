//! The simulator beside the gateway: it is given every call that the gateway was given, and never sends anything itself.

use std::collections::HashMap;
use std::sync::Arc;

use super::mask::{self, HIDDEN};
use crate::base::{
    JsonTree, Millis, Operation, OrderState, PaymentMethod, Reason, Seed, wall_clock,
};
use crate::capture::{RecordedAnswer, RecordedCall, SignatureNote};
use crate::crypto::{Encoding, Padding, SIGN, encrypt};
use crate::gateway::{self, Call, LinkBase, PayRequest, TriggerEvent};
use crate::http::REPLY_TYPE;
use crate::ledger::{Order, Target};
use crate::profile::{Card, Merchant, Profile};
use crate::space::{Budgets, IfExists, NewMerchant, Space, Spaces};

/// Shared key of merchants for whom the profile has none; what they sign is signed anew with it.
const OWN_SECRET: &str = "a test key of the shadow";
/// PIN in the place of one that is hidden.
const ANY_PIN: &str = "1234";
/// PIN and security code that no test card has, in the place of wrong ones.
const WRONG_PIN: &str = "0000";
const WRONG_CVV: &str = "999";

/// An answer of the simulator.
#[derive(Debug)]
pub(super) struct TwinAnswer {
    pub(super) reason: Reason,
    pub(super) answer: RecordedAnswer,
}

/// A simulator without a socket.
pub(super) struct Twin {
    spaces: Arc<Spaces>,
    /// Numbers that the gateway gave, with those that the simulator gave in their place.
    pub(super) given: HashMap<String, String>,
    keeps_signatures: bool,
}

impl Twin {
    pub(super) fn new(profile: &Profile, keeps_signatures: bool) -> Self {
        let mut profile = profile.clone();
        // Its clock stands still, and how long the gateway takes is compared apart.
        profile.replies = profile.replies.without_latency();
        let spare = profile.key_pool.first().unwrap_or(&profile.gateway_key);
        let spare = Arc::clone(spare);
        for merchant in &mut profile.merchants {
            // Signatures are judged before they are masked, so any key does that can sign them anew.
            if merchant.key.private_key().is_none() {
                merchant.key = Arc::clone(&spare);
            }
            merchant.sign_secret.get_or_insert_with(|| OWN_SECRET.to_owned());
        }
        let (spaces, _) = Spaces::new(Arc::new(profile), Seed(42), Budgets::default());
        Self { spaces, given: HashMap::new(), keeps_signatures }
    }

    fn space(&self, merchant: &str) -> Arc<Space> {
        self.spaces.of_merchant(merchant)
    }

    /// Moves the clock of a merchant's space forward to `at`.
    pub(super) fn set_time(&self, merchant: &str, at: Millis, is_first: bool) {
        self.space(merchant).write(|transaction| {
            let at = if is_first { at } else { at.max(transaction.now) };
            transaction.clock().freeze(wall_clock(), true);
            transaction.clock().set(wall_clock(), at);
        });
    }

    /// The order of a merchant.
    pub(super) fn order(&self, merchant: &str, tx_id: &str) -> Option<Order> {
        let named = Target::Named { merchant, tx_id };
        self.space(merchant).read(|view| view.ledger.find(named).cloned())
    }

    pub(super) fn merchant(&self, id: &str) -> Option<Arc<Merchant>> {
        self.space(id).merchant(id)
    }

    /// Makes merchant and terminal known that the gateway knows; true where they were not.
    pub(super) fn learn(&self, merchant: &str, terminal: &str) -> bool {
        let Some(known) = self.merchant(merchant) else {
            let wanted = NewMerchant {
                merchant_id: Some(merchant.to_owned()),
                term_id: Some(terminal.to_owned()),
                ..NewMerchant::default()
            };
            let name = format!("m.{merchant}");
            let made = self.spaces.create(Some(&name), None, &[wanted], IfExists::Refuse);
            if let Ok((space, _)) = &made {
                space.change_merchant(merchant, |merchant| {
                    merchant.sign_secret = Some(OWN_SECRET.to_owned());
                });
            }
            return made.is_ok();
        };
        if known.terminals.iter().any(|known| known == terminal) {
            return false;
        }
        let add = |merchant: &mut Merchant| merchant.terminals.push(terminal.to_owned());
        self.space(merchant).change_merchant(merchant, add).is_some()
    }

    /// Lets the payer pay an order that waits for it.
    pub(super) fn pay(&self, merchant: &str, tx_id: &str) -> bool {
        self.play(merchant, tx_id, &PayRequest::default())
    }

    /// Lets the payment of an order fail.
    pub(super) fn fail(&self, merchant: &str, tx_id: &str) -> bool {
        let Some(order) = self.order(merchant, tx_id) else { return false };
        let outcome = match order.method {
            PaymentMethod::Payon | PaymentMethod::CreditDebit => Reason::CardDoNotHonour,
            PaymentMethod::PpcbankTransfer => Reason::BankDeclined,
            PaymentMethod::BakongKhqr => Reason::QrDeclined,
        };
        self.play(merchant, tx_id, &PayRequest { outcome: Some(outcome), ..PayRequest::default() })
    }

    fn play(&self, merchant: &str, tx_id: &str, request: &PayRequest) -> bool {
        let space = self.space(merchant);
        gateway::pay(&space, merchant, tx_id, request, space.next_trace()).is_ok()
    }

    /// Moves an order that waits for its payer into the state that the gateway tells; true where it is there.
    pub(super) fn move_to(&self, merchant: &str, tx_id: &str, state: OrderState) -> bool {
        let space = self.space(merchant);
        let trigger = |event: TriggerEvent| {
            gateway::trigger(&space, merchant, tx_id, event, space.next_trace()).is_ok()
        };
        let Some(order) = self.order(merchant, tx_id) else { return false };
        match (order.state, state) {
            (known, wanted) if known == wanted => true,
            (OrderState::Registered, OrderState::Failed) => self.fail(merchant, tx_id),
            (OrderState::Registered, OrderState::Cancelled) => trigger(TriggerEvent::Cancel),
            (OrderState::Registered | OrderState::Authorised, OrderState::Expired) => {
                trigger(TriggerEvent::Expire)
            }
            (OrderState::Registered, OrderState::Registered) => true,
            (OrderState::Registered, _) => self.pay(merchant, tx_id),
            _ => false,
        }
    }

    /// Answers a call. `None` where it cannot be made without what was masked.
    ///
    /// Of a secret that is masked, `upstream`, the gateway's answer, tells whether it was the right one.
    pub(super) fn answer(
        &mut self,
        operation: Operation,
        call: &RecordedCall,
        upstream: Option<&JsonTree>,
    ) -> Option<TwinAnswer> {
        let sent = call.request.body.bytes();
        let code = upstream.and_then(|tree| tree.get("resultCode")?.text());
        let body = match JsonTree::parse(&sent) {
            Some(tree) => self.stand_in(operation, call, tree, code)?,
            None => sent,
        };
        let tree = JsonTree::parse(&body);
        let merchant = tree.as_ref().and_then(|tree| merchant_of(operation, tree));
        let merchant = merchant.and_then(|id| self.merchant(id));
        let is_sent = |name: &str| {
            call.request.headers.iter().any(|(known, _)| known.eq_ignore_ascii_case(name))
        };
        // A token is hidden in a capture; where one was sent, it is taken for the right one.
        let token = merchant.as_ref().and_then(|merchant| merchant.token.as_deref());
        let reply = gateway::answer(
            &self.spaces,
            Call {
                operation,
                space: None,
                token: token.filter(|_| is_sent("authentication")),
                scenario: None,
                origin: LinkBase::from("http://gateway.test"),
                body: &body,
                trace_headers: None,
            },
        );
        let mut headers = vec![("content-type".to_owned(), REPLY_TYPE.to_owned())];
        for (name, value) in reply.change.iter().flat_map(|change| &change.headers) {
            headers.retain(|(known, _)| known != name);
            if !value.is_empty() {
                headers.push((name.clone(), value.clone()));
            }
        }
        let answer = mask::answer(
            self.spaces.profile().operations.secrets(),
            reply.status,
            headers,
            &reply.body,
            false,
            self.keeps_signatures,
        );
        Some(TwinAnswer { reason: reply.reason, answer })
    }

    /// The request with something in the place of what was masked, and numbers as this simulator gave them.
    fn stand_in(
        &self,
        operation: Operation,
        call: &RecordedCall,
        mut tree: JsonTree,
        code: Option<&str>,
    ) -> Option<Vec<u8>> {
        let sent = call.request.body.bytes();
        let mut changes = false;
        match &mut tree {
            JsonTree::Object(members) => changes |= self.replace(operation, members, code)?,
            JsonTree::List(rows) => {
                for row in rows {
                    if let JsonTree::Object(members) = row {
                        changes |= self.replace(operation, members, code)?;
                    }
                }
            }
            _ => {}
        }
        let body = if changes { tree.write() } else { sent };
        let is_signed = tree.get(SIGN).and_then(JsonTree::text).is_some_and(|it| !it.is_empty());
        let is_good = matches!(call.signature, SignatureNote::Valid | SignatureNote::Unknown);
        if !is_signed || !is_good {
            return Some(body);
        }
        let merchant = merchant_of(operation, &tree).and_then(|id| self.merchant(id));
        // Of an unknown merchant no signature is looked at.
        let Some(merchant) = merchant else { return Some(body) };
        let recipe = &self.spaces.profile().sign.recipe;
        gateway::sign(recipe, &merchant, &body).ok().map(|signed| signed.body.into_bytes())
    }

    fn replace(
        &self,
        operation: Operation,
        members: &mut [(String, JsonTree)],
        code: Option<&str>,
    ) -> Option<bool> {
        let profile = self.spaces.profile();
        let is_told = |reason: Reason| code == Some(profile.answer(operation, reason).code);
        let mut changes = false;
        let mut card = None;
        for (name, value) in members.iter_mut() {
            let JsonTree::Text(text) = value else { continue };
            if matches!(name.as_str(), "approvalNo" | "bindingId" | "APPROVAL_NO")
                && let Some(own) = self.given.get(text.as_str())
            {
                text.clone_from(own);
                changes = true;
            }
            if name == "wdlAcNo" && text.contains('*') {
                card = profile.cards.iter().find(|card| is_masked_as(card, text));
                *text = match card {
                    Some(card) => card.number.clone(),
                    None => unmasked(text)?,
                };
                changes = true;
            }
        }
        for (name, value) in members.iter_mut() {
            let JsonTree::Text(text) = value else { continue };
            if text != HIDDEN {
                continue;
            }
            let told = match (name.as_str(), operation) {
                ("wdlCvv", _) if is_told(Reason::CardWrongCvv) => WRONG_CVV.to_owned(),
                ("payonPin", _) if is_told(Reason::CardWrongPin) => WRONG_PIN.to_owned(),
                ("wdlCvv", _) => card.and_then(|card| card.cvv.clone()).unwrap_or("100".to_owned()),
                ("payonPin", _) => {
                    card.and_then(|card| card.pin.clone()).unwrap_or(ANY_PIN.to_owned())
                }
                ("pin", Operation::CreatePin | Operation::EnablePin | Operation::DisablePin) => {
                    // Stars cannot be decrypted, as what the merchant sent.
                    if is_told(Reason::PinUndecryptable) {
                        continue;
                    }
                    let pin = if is_told(Reason::PinInvalid) { "none" } else { ANY_PIN };
                    let key = profile.gateway_key.public_key().ok()?;
                    encrypt(key, Padding::Pkcs1, Encoding::Base64, pin.as_bytes()).ok()?
                }
                ("pin", _) => ANY_PIN.to_owned(),
                _ => continue,
            };
            *text = told;
            changes = true;
        }
        Some(changes)
    }
}

/// `merchantId` of a request, or of its first row.
pub(super) fn merchant_of(operation: Operation, tree: &JsonTree) -> Option<&str> {
    let name = if operation == Operation::NotifyCompletion { "MC_ID" } else { "merchantId" };
    tree.items().first().unwrap_or(tree).get(name)?.text()
}

/// `termId` of a request, or of its first row.
pub(super) fn terminal_of(operation: Operation, tree: &JsonTree) -> Option<&str> {
    let name = if operation == Operation::NotifyCompletion { "TERM_ID" } else { "termId" };
    tree.items().first().unwrap_or(tree).get(name)?.text()
}

/// Returns true if a card's number has the digits that a mask shows.
fn is_masked_as(card: &Card, mask: &str) -> bool {
    let shown = |text: &str| -> (String, String) {
        let first = text.chars().take_while(char::is_ascii_digit).take(6).collect();
        let last = text.chars().rev().take_while(char::is_ascii_digit).take(4).collect();
        (first, last)
    };
    shown(&card.number) == shown(mask)
}

/// A number that has the digits that a mask shows, and passes the Luhn check.
fn unmasked(mask: &str) -> Option<String> {
    let hidden: Vec<usize> =
        mask.char_indices().filter(|(_, it)| *it == '*').map(|it| it.0).collect();
    let first = *hidden.first()?;
    (0..10).find_map(|digit: u32| {
        let number: String = mask
            .char_indices()
            .map(|(at, mark)| match mark {
                '*' if at == first => char::from_digit(digit, 10).unwrap_or('0'),
                '*' => '0',
                mark => mark,
            })
            .collect();
        crate::wire::card::luhn(&number).then_some(number)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_masked_number_is_given_digits_that_pass_the_check() {
        let number = unmasked("411111******1111").expect("a number");
        assert!(number.starts_with("411111") && number.ends_with("1111"), "{number}");
        assert_eq!(number.len(), 16);
        let cards = &Profile::builtin().cards;
        let known = cards.iter().find(|card| is_masked_as(card, "520473******1003"));
        assert_eq!(known.map(|card| card.number.as_str()), Some("5204730000001003"));
    }
}
