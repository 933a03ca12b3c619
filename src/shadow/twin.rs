//! The simulator beside the gateway: it is given every call that the gateway was given, and never sends anything itself.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use super::compare;
use super::mask::{self, HIDDEN};
use crate::base::{
    Amount, JsonTree, Millis, Operation, OrderState, PaymentMethod, Reason, Seed, wall_clock,
};
use crate::capture::{RecordedAnswer, RecordedCall, SignatureNote};
use crate::crypto::{Encoding, Padding, SIGN, encrypt};
use crate::gateway::{self, Call, GatewayReply, LinkBase, PayRequest, TriggerEvent};
use crate::http::REPLY_TYPE;
use crate::ledger::{Change, Command, Order, Target};
use crate::profile::{Card, Merchant, Profile};
use crate::scenario::read_rules;
use crate::space::{Budgets, IfExists, NewMerchant, Space, Spaces};
use crate::wire::limits::PAGE_ROWS;

/// Shared key of merchants for whom the profile has none; what they sign is signed anew with it.
const OWN_SECRET: &str = "a test key of the shadow";
/// PIN in the place of one that is hidden.
const ANY_PIN: &str = "1234";
/// PIN and security code that no test card has, in the place of wrong ones.
const WRONG_PIN: &str = "0000";
const WRONG_CVV: &str = "999";

/// The rule of a twin: a call with its header is decided and answered, and nothing of it is booked.
const UNBOOKED: &str = "unbooked";
const UNBOOKED_RULE: &str =
    "- { id: unbooked, when: { header: unbooked }, then: [{ commit: never }] }";

/// An answer of the simulator.
#[derive(Debug)]
pub(super) struct TwinAnswer {
    pub(super) reason: Reason,
    pub(super) answer: RecordedAnswer,
    /// True if the call has left the simulator's order as the gateway says that it has left its own.
    pub(super) is_aligned: bool,
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
        arm(spaces.default_space());
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
                arm(space);
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

    /// Moves an order of which nothing sure was known into the state that the gateway tells; true where it is there.
    pub(super) fn find_again(&self, merchant: &str, tx_id: &str, state: OrderState) -> bool {
        self.move_to(merchant, tx_id, state);
        let Some(order) = self.order(merchant, tx_id) else { return false };
        let command = match (order.state, state) {
            // How much of it was given back is not told.
            (known, told) if known == told => return told != OrderState::PartlyRefunded,
            (OrderState::Authorised | OrderState::Captured, OrderState::Reversed) => {
                Command::Reverse { approval: None }
            }
            (OrderState::Captured | OrderState::PartlyRefunded, OrderState::Refunded) => {
                Command::Refund { amount: Some(order.totals.unrefunded()), approval: None }
            }
            _ => return false,
        };
        self.book(merchant, tx_id, command)
    }

    /// Books a command as if no rule of admission stood in its way; true where the ledger takes it as it is.
    fn book(&self, merchant: &str, tx_id: &str, command: Command<'_>) -> bool {
        let asked = match command {
            Command::Refund { amount, .. } => amount,
            _ => None,
        };
        let space = self.space(merchant);
        let trace = space.next_trace();
        space.write(|transaction| {
            let named = Target::Named { merchant, tx_id };
            let decided = transaction.ledger().decide(transaction.now, named, command);
            let decided = decided.ok().filter(|event| match event.change {
                Change::Refunded(amount) => asked == Some(amount),
                _ => true,
            });
            decided.is_some_and(|event| transaction.book(event, trace).is_some())
        })
    }

    /// Books what a reversal, a refund or a completion has moved at the gateway: what was asked for, or all that there is.
    fn book_told(
        &self,
        operation: Operation,
        (merchant, tx_id): (&str, &str),
        request: &JsonTree,
        upstream: Option<&JsonTree>,
    ) -> bool {
        let Some(order) = self.order(merchant, tx_id) else { return false };
        let amount = |tree: &JsonTree| {
            let text = tree.get("amount").and_then(JsonTree::text)?;
            Amount::parse(text, order.currency).ok()
        };
        let all = match operation {
            Operation::PreAuthCompletion => order.totals.authorised,
            _ => order.totals.unrefunded(),
        };
        let is_all = upstream.and_then(amount) == Some(all);
        let amount = amount(request).filter(|_| !is_all).unwrap_or(all);
        let command = match operation {
            Operation::Reversal => Command::Reverse { approval: None },
            Operation::Refund => Command::Refund { amount: Some(amount), approval: None },
            _ => Command::Complete { amount, currency: order.currency },
        };
        self.book(merchant, tx_id, command)
    }

    /// Answers a call with its own method, as [`Twin::answer_post`] does. With any other than POST the simulator refuses it; what
    /// the gateway did all the same is done here too.
    pub(super) fn answer(
        &mut self,
        operation: Operation,
        call: &RecordedCall,
        upstream: Option<&JsonTree>,
        accepted: Option<bool>,
    ) -> Option<TwinAnswer> {
        if call.method == "POST" {
            return self.answer_post(operation, call, upstream, accepted);
        }
        let booked = (accepted == Some(true))
            .then(|| self.answer_post(operation, call, upstream, accepted))
            .flatten();
        let path = call.path.split('?').next().unwrap_or_default();
        let detail = gateway::wrong_method(path, &call.method);
        let space = self.spaces.default_space();
        let reply = gateway::refuse(space, Some(operation), Reason::WrongMethod, &detail);
        // A HEAD is answered by the head alone.
        let body = if call.method == "HEAD" { Vec::new() } else { reply.body.to_vec() };
        let headers = [("content-type", REPLY_TYPE), ("allow", "POST")];
        let headers = headers.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
        let secrets = self.spaces.profile().operations.secrets();
        let answer =
            mask::answer(secrets, reply.status, headers, &body, false, self.keeps_signatures);
        let is_aligned = accepted != Some(true) || booked.is_some_and(|it| it.is_aligned);
        Some(TwinAnswer { reason: reply.reason, answer, is_aligned })
    }

    /// Answers a call, and leaves its order as the gateway's answer says: what the gateway refused is not booked, and what
    /// it did is, whatever the simulator would have done. `None` where the call cannot be made without what was masked.
    ///
    /// Of a secret that is masked, `upstream`, the gateway's answer, tells whether it was the right one. `accepted` says
    /// whether the gateway did what it was asked; `None` where nothing tells.
    fn answer_post(
        &mut self,
        operation: Operation,
        call: &RecordedCall,
        upstream: Option<&JsonTree>,
        accepted: Option<bool>,
    ) -> Option<TwinAnswer> {
        let (sent, headers) = (call.request.body.bytes(), &call.request.headers);
        let told = upstream.map_or(Vec::new(), |tree| {
            compare::reasons_hinted(self.spaces.profile(), operation, tree)
        });
        let body = match JsonTree::parse(&sent) {
            Some(tree) => self.stand_in(operation, call, tree, &told)?,
            None => sent,
        };
        let is_booked_here = !moves_money(operation) && accepted != Some(false);
        let reply = self.ask(operation, headers, &body, is_booked_here);
        let is_done = accepted.unwrap_or(reply.reason == Reason::Success);
        let request = JsonTree::parse(&body).unwrap_or(JsonTree::Null);
        let named =
            merchant_of(operation, &request).zip(request.get("txId").and_then(JsonTree::text));
        let is_aligned = match named {
            Some(named) if is_done && moves_money(operation) => {
                self.book_told(operation, named, &request, upstream)
            }
            Some((merchant, tx_id)) if is_done && operation == Operation::Register => {
                self.order(merchant, tx_id).is_some()
                    || gateway::register_as_told(&self.space(merchant), &body).is_ok()
            }
            _ => !is_done || reply.reason == Reason::Success,
        };
        let body = match upstream {
            Some(JsonTree::List(rows)) if operation == Operation::Orders && is_done => {
                self.list(headers, request, rows).unwrap_or_else(|| reply.body.to_vec())
            }
            _ => reply.body.to_vec(),
        };
        let mut answered = vec![("content-type".to_owned(), REPLY_TYPE.to_owned())];
        for (name, value) in reply.change.iter().flat_map(|change| &change.headers) {
            answered.retain(|(known, _)| known != name);
            if !value.is_empty() {
                answered.push((name.clone(), value.clone()));
            }
        }
        let answer = mask::answer(
            self.spaces.profile().operations.secrets(),
            reply.status,
            answered,
            &body,
            false,
            self.keeps_signatures,
        );
        Some(TwinAnswer { reason: reply.reason, answer, is_aligned })
    }

    /// Asks the simulator. Where it is not booked, what the call does is decided and answered, and left undone.
    fn ask(
        &self,
        operation: Operation,
        headers: &[(String, String)],
        body: &[u8],
        is_booked: bool,
    ) -> GatewayReply {
        let tree = JsonTree::parse(body);
        let merchant = tree.as_ref().and_then(|tree| merchant_of(operation, tree));
        let merchant = merchant.and_then(|id| self.merchant(id));
        let is_sent =
            |name: &str| headers.iter().any(|(known, _)| known.eq_ignore_ascii_case(name));
        // A token is hidden in a capture; where one was sent, it is taken for the right one.
        let token = merchant.as_ref().and_then(|merchant| merchant.token.as_deref());
        gateway::answer(
            &self.spaces,
            Call {
                operation,
                space: None,
                token: token.filter(|_| is_sent("authentication")),
                scenario: (!is_booked).then_some(UNBOOKED),
                origin: LinkBase::from("http://gateway.test"),
                body,
                trace_headers: None,
            },
        )
    }

    /// The list of orders from its first row on, until all of the gateway's `rows` are in it or it ends: the rows of the
    /// same orders are compared, on whatever page they stand here.
    fn list(
        &self,
        headers: &[(String, String)],
        request: JsonTree,
        rows: &[JsonTree],
    ) -> Option<Vec<u8>> {
        let name = |row: &JsonTree| row.get("tracNo").and_then(JsonTree::text).map(str::to_owned);
        let mut missing: HashSet<String> = rows.iter().filter_map(name).collect();
        let JsonTree::Object(mut members) = request else { return None };
        members.retain(|(name, _)| name != "index" && name != "limit");
        let mut all = Vec::new();
        for page in 1_usize.. {
            let mut members = members.clone();
            for (name, value) in [("index", page), ("limit", PAGE_ROWS as usize)] {
                members.push((name.to_owned(), JsonTree::Number(value.to_string())));
            }
            let body = JsonTree::Object(members).write();
            let reply = self.ask(Operation::Orders, headers, &body, true);
            let Some(JsonTree::List(rows)) = JsonTree::parse(&reply.body) else { return None };
            let is_last = rows.len() < PAGE_ROWS as usize;
            for row in &rows {
                name(row).map(|name| missing.remove(&name));
            }
            all.extend(rows);
            if is_last || missing.is_empty() {
                break;
            }
        }
        Some(JsonTree::List(all).write())
    }

    /// The request with something in the place of what was masked, and numbers as this simulator gave them.
    fn stand_in(
        &self,
        operation: Operation,
        call: &RecordedCall,
        mut tree: JsonTree,
        told: &[Reason],
    ) -> Option<Vec<u8>> {
        let sent = call.request.body.bytes();
        let mut changes = false;
        match &mut tree {
            JsonTree::Object(members) => changes |= self.replace(operation, members, told)?,
            JsonTree::List(rows) => {
                for row in rows {
                    if let JsonTree::Object(members) = row {
                        changes |= self.replace(operation, members, told)?;
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
        told: &[Reason],
    ) -> Option<bool> {
        let profile = self.spaces.profile();
        let is_told = |reason: Reason| told.contains(&reason);
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
            let stand_in = match (name.as_str(), operation) {
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
            *text = stand_in;
            changes = true;
        }
        Some(changes)
    }
}

/// Arms the one rule of a twin.
fn arm(space: &Space) {
    if let Ok(rules) = read_rules("shadow", UNBOOKED_RULE.as_bytes()) {
        space.arm_rules(rules);
    }
}

/// Returns true if an operation changes an order or what is saved of a client.
pub(super) fn changes(operation: Operation) -> bool {
    !matches!(
        operation,
        Operation::Status
            | Operation::Orders
            | Operation::BindingList
            | Operation::Reconciliation
            | Operation::NotifyQrScanned
            | Operation::NotifyProcessing
    )
}

/// Returns true if an operation moves the money of an order that was paid.
fn moves_money(operation: Operation) -> bool {
    matches!(operation, Operation::Reversal | Operation::Refund | Operation::PreAuthCompletion)
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
    fn what_is_not_booked_is_answered_and_leaves_nothing() {
        let twin = Twin::new(&Profile::builtin(), false);
        let body = br#"{"merchantId":"C0000143","termId":"CT03000003","txId":"1","trt":"10","currency":"USD","amount":"1.00","paymentMethod":"CREDIT_DEBIT"}"#;
        let ask = |is_booked| twin.ask(Operation::Register, &[], body, is_booked).reason;
        assert_eq!(ask(false), Reason::Success);
        assert!(twin.order("C0000143", "1").is_none());
        assert_eq!(ask(true), Reason::Success);
        assert!(twin.order("C0000143", "1").is_some());
    }

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
