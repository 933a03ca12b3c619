//! Saved cards: which client of a merchant has which, and whether it may be paid with.
//!
//! A client has at most one binding of a card: binding the card again ends the earlier one
//! (documented). No card number, security code or PIN is kept: a card is a row of the profile's
//! table, and a passcode is kept as a digest only.

use std::collections::HashSet;
use std::fmt;
use std::hash::BuildHasher;

use hashbrown::DefaultHashBuilder;
use serde::{Deserialize, Serialize};

use crate::base::persistent::PersistentMap;
use crate::base::{Millis, PaymentMethod, Reason, RecordChanges, RecordKind, sort_by, sort_by_key};

/// Saved cards that one ledger keeps, and clients that it knows; past that no new one is taken.
const BINDINGS_MAX: usize = 100_000;

/// A card by its row in the profile's table of test cards. No number is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct CardRow(pub u32);

/// A binding's id, on the wire a UUID (example).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct BindingId([u8; 16]);

impl BindingId {
    /// A UUID of version 4 from sixteen bytes.
    pub const fn from_bytes(mut bytes: [u8; 16]) -> Self {
        bytes[6] = bytes[6] & 0x0f | 0x40;
        bytes[8] = bytes[8] & 0x3f | 0x80;
        Self(bytes)
    }

    /// Reads the form with hyphens, in any letter case.
    pub fn parse(text: &str) -> Option<Self> {
        let hyphens = [8, 13, 18, 23];
        if text.len() != 36 || !hyphens.iter().all(|at| text.as_bytes()[*at] == b'-') {
            return None;
        }
        let mut digits = text.bytes().enumerate().filter(|(at, _)| !hyphens.contains(at));
        let mut bytes = [0; 16];
        for byte in &mut bytes {
            for _ in 0..2 {
                let digit = char::from(digits.next()?.1).to_digit(16)?;
                *byte = *byte << 4 | digit as u8;
            }
        }
        Some(Self(bytes))
    }

    /// The sixteen bytes.
    pub const fn bytes(&self) -> &[u8; 16] {
        &self.0
    }
}

impl TryFrom<String> for BindingId {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::parse(&text).ok_or("a binding's id is a UUID")
    }
}

impl From<BindingId> for String {
    fn from(id: BindingId) -> Self {
        id.to_string()
    }
}

impl fmt::Display for BindingId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, byte) in self.0.iter().enumerate() {
            if matches!(at, 4 | 6 | 8 | 10) {
                f.write_str("-")?;
            }
            write!(f, "{byte:02x}")?;
        }
        Ok(())
    }
}

/// A customer of a merchant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Client<'a> {
    /// `merchantId`.
    pub merchant: &'a str,
    /// `clientId`, the short one.
    pub client: &'a str,
}

/// Digest of a passcode: enough to compare, nothing to show.
#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Digest(pub [u8; 32]);

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Digest(***)")
    }
}

/// A card to save, already checked.
#[derive(Clone, Debug)]
pub struct NewBinding<'a> {
    /// Client.
    pub client: Client<'a>,
    /// `termId`.
    pub terminal: &'a str,
    /// Card.
    pub card: CardRow,
    /// PAYON or credit/debit.
    pub method: PaymentMethod,
    /// `wdlExpiry` as sent.
    pub expiry: Option<&'a str>,
    /// `wdlNm` as sent.
    pub holder: Option<&'a str>,
    /// `phone` as sent.
    pub phone: Option<&'a str>,
    /// `email` as sent.
    pub email: Option<&'a str>,
    /// The client's passcode from now on, where one was sent.
    pub passcode: Option<Digest>,
}

/// A saved card.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Binding {
    /// Its id.
    pub id: BindingId,
    /// `merchantId`.
    pub merchant: Box<str>,
    /// `termId`.
    pub terminal: Box<str>,
    /// `clientId`, the short one.
    pub client: Box<str>,
    /// Card.
    pub card: CardRow,
    /// PAYON or credit/debit.
    pub method: PaymentMethod,
    /// `wdlExpiry` as sent.
    pub expiry: Option<Box<str>>,
    /// `wdlNm` as sent.
    pub holder: Option<Box<str>>,
    /// `phone` as sent.
    pub phone: Option<Box<str>>,
    /// `email` as sent.
    pub email: Option<Box<str>>,
    /// Time at which it was saved.
    pub created: Millis,
    /// The running number of its day: the last eight digits of `txSeqNo`.
    pub day_number: u32,
    /// Number of times that the client had bound this card before.
    pub earlier: u32,
    /// Wrong passcodes since the last right one.
    pub wrong_passcodes: u8,
    /// Locked after too many of them.
    pub locked: bool,
}

impl Binding {
    /// `txSeqNo`: the day and an eight-digit running number.
    pub fn sequence(&self) -> String {
        format!("{}{:08}", self.created.day().digits(), self.day_number)
    }
}

/// Facts kept of a client.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Customer {
    /// Its bindings in the order of their creation.
    bindings: Vec<BindingId>,
    /// Its passcode, if it has one of its own: from its latest binding or from createPIN.
    pub passcode: Option<Digest>,
    /// True if paying with a saved card goes without the passcode: the PIN was disabled.
    pub unasked: bool,
}

/// The saved cards of a ledger. A clone costs nothing and shares all of them.
#[derive(Clone, Debug, Default)]
pub struct Bindings {
    by_id: PersistentMap<Binding>,
    customers: PersistentMap<KnownCustomer>,
    hasher: DefaultHashBuilder,
}

/// Saved cards as data.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct BindingsFile {
    pub(super) bindings: Vec<Binding>,
    pub(super) customers: Vec<KnownCustomer>,
}

/// A customer by its names.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct KnownCustomer {
    merchant: Box<str>,
    client: Box<str>,
    customer: Customer,
}

impl KnownCustomer {
    fn is(&self, client: Client<'_>) -> bool {
        *self.merchant == *client.merchant && *self.client == *client.client
    }

    /// Both names, with an end that no text has between them.
    fn key(&self) -> Vec<u8> {
        [self.merchant.as_bytes(), &[0xff], self.client.as_bytes()].concat()
    }
}

impl Bindings {
    fn id_hash(&self, id: BindingId) -> u64 {
        self.hasher.hash_one(id)
    }

    fn client_hash(&self, client: Client<'_>) -> u64 {
        self.hasher.hash_one((client.merchant, client.client))
    }

    /// Writes down what has changed since an earlier clone, or since there were none.
    pub(super) fn changes_since(&self, older: &Self, changes: &mut RecordChanges) {
        let is_known = |one: &Binding, other: &Binding| one.id == other.id;
        let (changed, gone) = self.by_id.changed_since(&older.by_id, is_known, Binding::eq);
        for binding in gone {
            changes.remove(RecordKind::Binding, binding.id.bytes());
        }
        for binding in changed {
            changes.put(RecordKind::Binding, binding.id.bytes(), binding);
        }
        let is_known = |one: &KnownCustomer, other: &KnownCustomer| {
            one.is(Client { merchant: &other.merchant, client: &other.client })
        };
        // Nobody is forgotten again.
        let (changed, _) =
            self.customers.changed_since(&older.customers, is_known, KnownCustomer::eq);
        for known in changed {
            changes.put(RecordKind::Customer, &known.key(), known);
        }
    }

    /// All of them as data, in an order of their own.
    pub(super) fn to_file(&self) -> BindingsFile {
        let mut bindings: Vec<_> = self.by_id.iter().cloned().collect();
        sort_by_key(&mut bindings, |binding| (binding.created, binding.day_number, binding.id));
        let mut customers: Vec<_> = self.customers.iter().cloned().collect();
        sort_by(&mut customers, |one, other| {
            (&one.merchant, &one.client).cmp(&(&other.merchant, &other.client))
        });
        BindingsFile { bindings, customers }
    }

    /// The saved cards of a file.
    pub(super) fn from_file(file: BindingsFile) -> Result<Self, String> {
        let BindingsFile { bindings, customers } = file;
        if bindings.len() > BINDINGS_MAX {
            return Err(format!("it holds more than {BINDINGS_MAX} saved cards"));
        }
        let mut read = Self::default();
        let mut waiting: HashSet<_> = bindings.iter().map(|binding| binding.id).collect();
        if waiting.len() < bindings.len() {
            return Err("a saved card is there twice".to_owned());
        }
        for binding in bindings {
            read.by_id.insert(read.id_hash(binding.id), binding);
        }
        for known in customers {
            let client = Client { merchant: &known.merchant, client: &known.client };
            let is_own = |id: &BindingId| {
                let binding = read.get(*id);
                binding.is_some_and(|it| it.merchant == known.merchant && it.client == known.client)
            };
            if read.customer(client).is_some()
                || !known.customer.bindings.iter().all(|id| is_own(id) && waiting.remove(id))
            {
                return Err(format!("the saved cards of the client {:?} do not fit", known.client));
            }
            read.customers.insert(read.client_hash(client), known);
        }
        if waiting.is_empty() { Ok(read) } else { Err("a saved card is nobody's".to_owned()) }
    }

    /// Number of cards.
    pub fn len(&self) -> usize {
        self.by_id.len()
    }

    /// Returns true if there are none.
    pub fn is_empty(&self) -> bool {
        self.by_id.is_empty()
    }

    /// The binding of that id.
    pub fn get(&self, id: BindingId) -> Option<&Binding> {
        self.by_id.find(self.id_hash(id), |binding| binding.id == id)
    }

    /// Facts known of a client.
    pub fn customer(&self, client: Client<'_>) -> Option<&Customer> {
        let known = self.customers.find(self.client_hash(client), |known| known.is(client));
        known.map(|known| &known.customer)
    }

    /// Changes what is known of a client; begins to know it.
    pub fn change_customer(&mut self, client: Client<'_>, change: impl FnOnce(&mut Customer)) {
        let hash = self.client_hash(client);
        if let Some(known) = self.customers.find_mut(hash, |known| known.is(client)) {
            return change(&mut known.customer);
        }
        let mut customer = Customer::default();
        change(&mut customer);
        let (merchant, client) = (client.merchant.into(), client.client.into());
        self.customers.insert(hash, KnownCustomer { merchant, client, customer });
    }

    /// The active bindings of a client, in the order of their creation.
    pub fn active(&self, client: Client<'_>) -> impl Iterator<Item = &Binding> {
        let ids = self.customer(client).map_or(&[][..], |customer| &customer.bindings);
        ids.iter().filter_map(|id| self.get(*id)).filter(|binding| !binding.locked)
    }

    /// The binding `id` of `client`, if it may be paid with.
    pub fn usable(&self, client: Client<'_>, id: BindingId) -> Result<&Binding, Reason> {
        let own = |binding: &&Binding| {
            *binding.merchant == *client.merchant && *binding.client == *client.client
        };
        match self.get(id).filter(own) {
            None => Err(Reason::BindingNotFound),
            Some(binding) if binding.locked => Err(Reason::BindingLocked),
            Some(binding) => Ok(binding),
        }
    }

    /// Notes that a passcode was entered for the binding `id`, rightly or not. After `tries` wrong
    /// ones in a row the binding is locked.
    pub fn passcode_entered(
        &mut self,
        id: BindingId,
        right: bool,
        tries: u8,
    ) -> Result<(), Reason> {
        let binding = self
            .by_id
            .find_mut(self.hasher.hash_one(id), |binding| binding.id == id)
            .ok_or(Reason::BindingNotFound)?;
        if binding.locked {
            return Err(Reason::BindingLocked);
        }
        binding.wrong_passcodes = if right { 0 } else { binding.wrong_passcodes + 1 };
        binding.locked = binding.wrong_passcodes >= tries;
        match (right, binding.locked) {
            (true, _) => Ok(()),
            (false, false) => Err(Reason::PasscodeWrong),
            (false, true) => Err(Reason::BindingLocked),
        }
    }

    /// Saves a card and ends the client's earlier binding of it.
    pub(super) fn bind(
        &mut self,
        now: Millis,
        day_number: u32,
        new: NewBinding<'_>,
        id: impl FnOnce(u32) -> BindingId,
    ) -> Result<&Binding, Reason> {
        let ids = self.customer(new.client).map_or(&[][..], |customer| &customer.bindings);
        let mut known = ids.iter().filter_map(|id| self.get(*id));
        let earlier = known.find(|binding| binding.card == new.card);
        let (ended, count) = (earlier.map(|it| it.id), earlier.map_or(0, |it| it.earlier + 1));
        // A client stays known when its cards are gone.
        let is_new_client = self.customer(new.client).is_none();
        if (ended.is_none() && self.by_id.len() >= BINDINGS_MAX)
            || (is_new_client && self.customers.len() >= BINDINGS_MAX)
        {
            return Err(Reason::SimulatorFull);
        }
        let id = id(count);
        self.change_customer(new.client, |customer| {
            customer.bindings.retain(|known| Some(*known) != ended);
            customer.bindings.push(id);
            customer.passcode = new.passcode.or(customer.passcode);
        });
        if let Some(ended) = ended {
            self.by_id.remove(self.id_hash(ended), |binding| binding.id == ended);
        }
        let text = |text: Option<&str>| text.map(Into::into);
        let binding = Binding {
            id,
            merchant: new.client.merchant.into(),
            terminal: new.terminal.into(),
            client: new.client.client.into(),
            card: new.card,
            method: new.method,
            expiry: text(new.expiry),
            holder: text(new.holder),
            phone: text(new.phone),
            email: text(new.email),
            created: now,
            day_number,
            earlier: count,
            wrong_passcodes: 0,
            locked: false,
        };
        self.by_id.insert(self.id_hash(id), binding);
        self.get(id).ok_or(Reason::SystemError)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CLIENT: Client<'_> = Client { merchant: "M", client: "02" };

    fn bind(bindings: &mut Bindings, client: Client<'_>, card: u32) -> BindingId {
        let new = NewBinding {
            client,
            terminal: "T",
            card: CardRow(card),
            method: PaymentMethod::CreditDebit,
            expiry: None,
            holder: None,
            phone: None,
            email: None,
            passcode: None,
        };
        let seed = client.client.as_bytes()[1];
        let id = |count| {
            BindingId::from_bytes(
                [seed, card as u8, count as u8].repeat(6)[..16].try_into().expect("16"),
            )
        };
        bindings.bind(Millis(0), 1, new, id).expect("bound").id
    }

    #[test]
    fn an_id_is_a_uuid_and_reads_back() {
        let id = BindingId::from_bytes([0xff; 16]);
        assert_eq!(id.to_string(), "ffffffff-ffff-4fff-bfff-ffffffffffff");
        assert_eq!(BindingId::parse(&id.to_string().to_uppercase()), Some(id));
        for wrong in [
            "",
            "7ce4dda7b9f84343883be5ff6295e5f9",
            "7ce4dda7-b9f8-4343-883b-e5ff6295e5fg",
            "7ce4dda7-b9f8-4343-883b-e5ff6295e5f",
            "ទេទេទេទេទេទេ",
        ] {
            assert_eq!(BindingId::parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn binding_a_card_again_ends_the_earlier_binding_of_that_client_only() {
        let mut bindings = Bindings::default();
        let other = Client { merchant: "M", client: "04" };
        let elsewhere = Client { merchant: "N", client: "02" };
        let first = bind(&mut bindings, CLIENT, 1);
        let second = bind(&mut bindings, CLIENT, 2);
        let theirs = bind(&mut bindings, other, 1);
        let again = bind(&mut bindings, CLIENT, 1);
        assert_ne!(first, again);
        let active = |bindings: &Bindings, client| {
            bindings.active(client).map(|binding| binding.id).collect::<Vec<_>>()
        };
        assert_eq!(active(&bindings, CLIENT), [second, again]);
        assert_eq!(active(&bindings, other), [theirs]);
        assert_eq!(active(&bindings, elsewhere), []);
        assert_eq!(bindings.usable(CLIENT, first).err(), Some(Reason::BindingNotFound));
        assert_eq!(bindings.usable(other, again).err(), Some(Reason::BindingNotFound));
        assert_eq!(bindings.usable(CLIENT, again).map(|binding| binding.earlier), Ok(1));
    }

    #[test]
    fn wrong_passcodes_in_a_row_lock_a_binding_until_the_card_is_bound_again() {
        let mut bindings = Bindings::default();
        let id = bind(&mut bindings, CLIENT, 1);
        assert_eq!(bindings.passcode_entered(id, false, 3), Err(Reason::PasscodeWrong));
        assert_eq!(bindings.passcode_entered(id, false, 3), Err(Reason::PasscodeWrong));
        assert_eq!(bindings.passcode_entered(id, true, 3), Ok(()));
        assert_eq!(bindings.passcode_entered(id, false, 3), Err(Reason::PasscodeWrong));
        assert_eq!(bindings.passcode_entered(id, false, 3), Err(Reason::PasscodeWrong));
        assert_eq!(bindings.passcode_entered(id, false, 3), Err(Reason::BindingLocked));
        assert_eq!(bindings.passcode_entered(id, true, 3), Err(Reason::BindingLocked));
        assert_eq!(bindings.usable(CLIENT, id).err(), Some(Reason::BindingLocked));
        assert_eq!(bindings.active(CLIENT).count(), 0);
        let again = bind(&mut bindings, CLIENT, 1);
        assert!(bindings.usable(CLIENT, again).is_ok());
    }

    #[test]
    fn so_many_cards_are_kept_and_no_more() {
        let mut bindings = Bindings::default();
        let first = bind(&mut bindings, CLIENT, 1);
        let BindingsFile { bindings: mut cards, mut customers } = bindings.to_file();
        for number in 1..BINDINGS_MAX as u128 {
            let id = BindingId::from_bytes(number.to_be_bytes());
            cards.push(Binding { id, card: CardRow(2), ..cards[0].clone() });
            customers[0].customer.bindings.push(id);
        }
        let mut more = cards.clone();
        more.push(cards[0].clone());
        let more = BindingsFile { bindings: more, customers: customers.clone() };
        let refused = Bindings::from_file(more).expect_err("one too many");
        assert_eq!(refused, "it holds more than 100000 saved cards");
        let mut full =
            Bindings::from_file(BindingsFile { bindings: cards, customers }).expect("fits");
        assert_eq!(full.len(), BINDINGS_MAX);
        let new = |client, card| NewBinding {
            client,
            terminal: "T",
            card: CardRow(card),
            method: PaymentMethod::CreditDebit,
            expiry: None,
            holder: None,
            phone: None,
            email: None,
            passcode: None,
        };
        let mut save = |new| full.bind(Millis(0), 1, new, |_| first).map(|binding| binding.id);
        assert_eq!(save(new(CLIENT, 3)), Err(Reason::SimulatorFull));
        assert_eq!(save(new(Client { merchant: "N", ..CLIENT }, 1)), Err(Reason::SimulatorFull));
        assert_eq!(save(new(CLIENT, 1)), Ok(first), "in place of an earlier one");
    }
}
