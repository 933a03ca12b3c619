//! Payers as the model knows them: their cards, the saved ones among these, and how far each has got on its page.

use super::super::history::{Effect, Entry, PASSCODES, PasscodeChange, Setup};
use super::order::{Order, Wish};
use super::space::{Contents, Space};

/// Time for which a one-time password is valid.
const OTP_MS: i64 = 300_000;
/// Wrong ones of a kind after which it is over.
const TRIES: usize = 3;

/// A test card.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Card {
    pub(crate) number: &'static str,
    pub(crate) expiry: &'static str,
    /// Security code, or PIN of a PAYON card.
    pub(crate) secret: &'static str,
    /// The method whose orders it pays.
    pub(crate) method: &'static str,
    issuer: Issuer,
    /// End of a payment with it.
    end: &'static str,
}

/// Pages of issuers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Issuer {
    /// There is none.
    None,
    /// It asks nothing.
    Frictionless,
    /// It asks for a one-time password.
    Challenge,
}

const fn card(
    number: &'static str,
    expiry: &'static str,
    secret: &'static str,
    (method, issuer): (&'static str, Issuer),
    end: &'static str,
) -> Card {
    Card { number, expiry, secret, method, issuer, end }
}

const SCHEME: &str = "CREDIT_DEBIT";
const PAYON: (&str, Issuer) = ("PAYON", Issuer::None);

/// The cards that payers have.
pub(crate) const CARDS: [Card; 8] = [
    card("5204730000001003", "202512", "100", (SCHEME, Issuer::Challenge), "success"),
    card("4111111111111111", "203012", "123", (SCHEME, Issuer::None), "success"),
    card(
        "4000000000009995",
        "203012",
        "123",
        (SCHEME, Issuer::Frictionless),
        "card.insufficient-funds",
    ),
    card("4100000000000001", "203012", "123", (SCHEME, Issuer::Frictionless), "issuer.timeout"),
    card("1010499900000048", "202712", "1234", PAYON, "success"),
    card("1010499900000051", "203012", "1234", PAYON, "card.insufficient-funds"),
    card("4000000000002503", "203012", "123", (SCHEME, Issuer::Challenge), "success"),
    card("2223000000000007", "203012", "100", (SCHEME, Issuer::Challenge), "success"),
];

/// A saved card: the gateway gives the same one the same id wherever its space goes on.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct SavedKey {
    /// The space whose story it belongs to, also after a fork.
    pub(crate) domain: String,
    pub(crate) merchant: String,
    pub(crate) customer: usize,
    pub(crate) card: usize,
    /// How often the customer had saved the card before.
    pub(crate) earlier: usize,
}

impl SavedKey {
    /// The method whose orders it pays.
    pub(super) fn method(&self) -> &'static str {
        CARDS[self.card].method
    }
}

/// A saved card as it stands.
#[derive(Clone, Debug)]
pub(crate) struct SavedCard {
    pub(crate) key: SavedKey,
    wrong_passcodes: usize,
}

impl SavedCard {
    fn is_locked(&self) -> bool {
        self.wrong_passcodes >= TRIES
    }
}

/// What the gateway knows of a customer.
#[derive(Clone, Debug, Default)]
pub(crate) struct Customer {
    passcode: Option<usize>,
    /// True if the passcode is not asked for.
    is_unasked: bool,
}

/// Position of a payer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Progress {
    pub(super) stage: Stage,
    source: Option<Source>,
    wrong_pins: usize,
    wrong_otps: usize,
    /// Time at which the last one-time password was sent.
    sent: i64,
}

impl Progress {
    /// Time at which the one-time password ends that is asked for.
    pub(super) fn otp_ends(&self) -> Option<i64> {
        [Stage::Otp, Stage::Issuer].contains(&self.stage).then_some(self.sent + OTP_MS)
    }
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Stage {
    #[default]
    Enter,
    Passcode,
    Channel,
    Otp,
    Issuer,
    Unanswered,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Source {
    Typed(usize),
    Saved(SavedKey),
}

/// What comes of an entry.
enum Turn {
    /// The page does not offer it, or says so itself; nothing is noted.
    Nothing,
    /// It is not the payer's next step.
    Misplaced,
    Next(Progress),
    Again(Progress, &'static str),
    End(&'static str),
}

impl Contents {
    /// The saved card of a customer, as it is now.
    pub(crate) fn saved(&self, merchant: &str, customer: usize, card: usize) -> Option<&SavedKey> {
        let mut keys = self.saved.iter().map(|saved| &saved.key);
        keys.find(|key| key.merchant == merchant && key.customer == customer && key.card == card)
    }

    /// A card is saved; an earlier one of the same customer ends.
    pub(super) fn bind(&mut self, key: SavedKey, passcode: Option<usize>) {
        let place = (key.merchant.clone(), key.customer);
        self.saved.retain(|saved| SavedKey { earlier: key.earlier, ..saved.key.clone() } != key);
        self.saved.push(SavedCard { key, wrong_passcodes: 0 });
        let known = self.customers.entry(place).or_default();
        known.passcode = passcode.or(known.passcode);
    }

    /// The saved card that the next saving makes.
    pub(super) fn next_key(&self, merchant: &str, customer: usize, card: usize) -> SavedKey {
        let earlier = self.saved(merchant, customer, card).map_or(0, |key| key.earlier + 1);
        let (domain, merchant) = (self.domain.clone(), merchant.to_owned());
        SavedKey { domain, merchant, customer, card, earlier }
    }

    /// The numbers of a customer's cards that may be paid with, as a list shows them.
    pub(super) fn listed(&self, merchant: &str, customer: usize) -> Vec<String> {
        let own = self.saved.iter().filter(|saved| {
            saved.key.merchant == merchant && saved.key.customer == customer && !saved.is_locked()
        });
        own.map(|saved| {
            let number = CARDS[saved.key.card].number;
            format!("{}******{}", &number[..6], &number[12..])
        })
        .collect()
    }

    /// Changes a passcode.
    pub(super) fn change_passcode(
        &mut self,
        merchant: &str,
        customer: usize,
        change: PasscodeChange,
        passcode: usize,
    ) -> Result<(), &'static str> {
        let place = (merchant.to_owned(), customer);
        // The first customer is known from the examples.
        if customer != 0 && !self.customers.contains_key(&place) {
            return Err("customer.invalid");
        }
        if change != PasscodeChange::Create && passcode != self.passcode(&place) {
            return Err("passcode.wrong");
        }
        let known = self.customers.entry(place).or_default();
        known.is_unasked = change == PasscodeChange::Disable;
        if change == PasscodeChange::Create {
            known.passcode = Some(passcode);
        }
        Ok(())
    }

    fn passcode(&self, place: &(String, usize)) -> usize {
        self.customers.get(place).and_then(|known| known.passcode).unwrap_or(0)
    }

    /// A passcode is entered for a saved card.
    fn enter_passcode(
        &mut self,
        key: &SavedKey,
        passcode: Option<usize>,
    ) -> Result<(), &'static str> {
        let right = self.passcode(&(key.merchant.clone(), key.customer));
        let is_right = passcode.is_none_or(|passcode| passcode == right);
        let Some(saved) = self.saved.iter_mut().find(|saved| saved.key == *key) else {
            return Err("binding.not-found");
        };
        if saved.is_locked() {
            return Err("binding.locked");
        }
        saved.wrong_passcodes = if is_right { 0 } else { saved.wrong_passcodes + 1 };
        match (is_right, saved.is_locked()) {
            (true, _) => Ok(()),
            (false, true) => Err("binding.locked"),
            (false, false) => Err("passcode.wrong"),
        }
    }

    /// End of a payment of an order that names a saved card, by a payer who gives up at the first mistake.
    pub(super) fn pay_saved(&mut self, key: &SavedKey, passcode: Option<usize>) -> &'static str {
        let card = match self.usable(key) {
            Ok(()) => CARDS[key.card],
            Err(reason) => return reason,
        };
        let known = self.customers.get(&(key.merchant.clone(), key.customer));
        if known.is_some_and(|known| known.is_unasked) {
            return card.end;
        }
        self.enter_passcode(key, passcode).err().unwrap_or(card.end)
    }

    pub(super) fn usable(&self, key: &SavedKey) -> Result<(), &'static str> {
        match self.saved.iter().find(|saved| saved.key == *key) {
            None => Err("binding.not-found"),
            Some(saved) if saved.is_locked() => Err("binding.locked"),
            Some(_) => Ok(()),
        }
    }

    /// The card that a payer pays with; none once it is saved no more.
    fn card_of(&self, progress: &Progress) -> Option<Card> {
        match progress.source.as_ref()? {
            Source::Typed(card) => Some(CARDS[*card]),
            Source::Saved(key) => {
                self.saved.iter().find(|saved| saved.key == *key).map(|_| CARDS[key.card])
            }
        }
    }

    /// Entries that an order's page asks for: all that are right, and all that are wrong.
    pub(crate) fn entries(&self, order: &Order) -> [Vec<Entry>; 2] {
        let Progress { stage, source, .. } = &order.progress;
        let asks = self.card_of(&order.progress).is_some_and(|it| it.issuer == Issuer::Challenge);
        let cards = || (0..CARDS.len()).filter(|card| CARDS[*card].method == order.asked.method);
        match (stage, source) {
            (Stage::Passcode, Some(Source::Saved(key))) => {
                let right = self.passcode(&(key.merchant.clone(), key.customer));
                let wrong = (0..PASSCODES.len()).filter(|passcode| *passcode != right);
                [vec![Entry::Passcode(right)], wrong.map(Entry::Passcode).collect()]
            }
            (Stage::Channel, _) => [vec![Entry::Channel], vec![Entry::Otp { is_right: true }]],
            (Stage::Issuer, _) if !asks => [vec![Entry::Return], vec![Entry::Cancel]],
            (Stage::Otp | Stage::Issuer, _) => {
                [true, false].map(|is_right| vec![Entry::Otp { is_right }])
            }
            (Stage::Enter | Stage::Passcode | Stage::Unanswered, _) => {
                let [right, wrong] = [true, false].map(|is_right| {
                    let typed = cards().filter(|_| order.saved.is_none());
                    typed.map(|card| Entry::Card { card, is_right }).collect::<Vec<_>>()
                });
                let own = cards().filter(|card| {
                    let customer = order.asked.customer;
                    customer.is_some_and(|it| self.saved(&order.merchant, it, *card).is_some())
                });
                let saved = own.map(|card| Entry::Saved { card });
                [saved.chain(right).collect(), wrong]
            }
        }
    }

    /// Number of wrong attempts that an order's payer has made in a row, with whatever it pays.
    pub(crate) fn wrong_attempts(&self, order: &Order) -> usize {
        let Progress { source, wrong_pins, wrong_otps, .. } = &order.progress;
        let saved = self.saved.iter().find(|saved| {
            matches!(source, Some(Source::Saved(key)) if *key == saved.key)
                || order.saved.as_ref() == Some(&saved.key)
        });
        wrong_pins + wrong_otps + saved.map_or(0, |saved| saved.wrong_passcodes)
    }

    /// What comes of an entry on the page of an order that may be paid.
    fn turn(&mut self, order: &Order, entry: &Entry) -> Turn {
        let progress = order.progress.clone();
        let gone = Turn::End("binding.not-found");
        let now = self.now;
        let is_late = now > progress.sent + OTP_MS;
        let at_issuer = progress.stage == Stage::Issuer;
        let asks = self.card_of(&progress).is_some_and(|card| card.issuer == Issuer::Challenge);
        match entry {
            _ if progress.stage == Stage::Unanswered => Turn::Nothing,
            Entry::Return if at_issuer && !asks => match self.card_of(&progress) {
                Some(card) => Turn::End(card.end),
                None => gone,
            },
            Entry::Return => Turn::Nothing,
            Entry::Cancel if at_issuer && asks => Turn::End("acs.abandoned"),
            Entry::Otp { is_right } if at_issuer && asks => {
                if is_late {
                    return Turn::Again(Progress { sent: now, ..progress }, "otp.expired");
                }
                self.otp(progress, *is_right)
            }
            _ if at_issuer => Turn::Nothing,
            Entry::Cancel => Turn::End("payer.cancelled"),
            Entry::Card { card, is_right } => {
                let (place, card) = (*card, CARDS[*card]);
                if card.method != order.asked.method || order.saved.is_some() {
                    return Turn::Nothing;
                }
                let source = Some(Source::Typed(place));
                match (is_right, card.method) {
                    (true, _) => after_card(card, Progress { source, ..progress }, now),
                    (false, SCHEME) => Turn::End("card.wrong-cvv"),
                    (false, _) => {
                        let wrong_pins = progress.wrong_pins + 1;
                        if wrong_pins >= TRIES {
                            return Turn::End("card.pin-tries-exceeded");
                        }
                        let stage = Stage::Enter;
                        Turn::Again(
                            Progress { stage, source, wrong_pins, ..progress },
                            "card.wrong-pin",
                        )
                    }
                }
            }
            Entry::Saved { card } => {
                let Some(customer) = order.asked.customer else { return Turn::Nothing };
                let key = self.saved(&order.merchant, customer, *card).cloned();
                let Some(key) = key else { return Turn::Nothing };
                if order.saved.as_ref().is_some_and(|named| *named != key) {
                    return Turn::Nothing;
                }
                match self.usable(&key) {
                    Err(reason) if order.saved.is_some() => return Turn::End(reason),
                    Ok(()) if CARDS[key.card].method == order.asked.method => {}
                    _ => return Turn::Nothing,
                }
                let card = CARDS[key.card];
                let place = (key.merchant.clone(), key.customer);
                let progress = Progress { source: Some(Source::Saved(key)), ..progress };
                if self.customers.get(&place).is_some_and(|known| known.is_unasked) {
                    return after_card(card, progress, now);
                }
                Turn::Next(Progress { stage: Stage::Passcode, ..progress })
            }
            Entry::Passcode(passcode) => match &progress.source {
                Some(Source::Saved(key)) if progress.stage == Stage::Passcode => {
                    match self.enter_passcode(&key.clone(), Some(*passcode)) {
                        Ok(()) => after_card(CARDS[key.card], progress, now),
                        Err("passcode.wrong") => Turn::Again(progress, "passcode.wrong"),
                        Err(reason) => Turn::End(reason),
                    }
                }
                _ => Turn::Misplaced,
            },
            Entry::Channel => match progress.stage {
                Stage::Channel | Stage::Otp => {
                    Turn::Next(Progress { stage: Stage::Otp, sent: now, ..progress })
                }
                _ => Turn::Misplaced,
            },
            Entry::Otp { is_right } => match progress.stage {
                Stage::Otp if self.card_of(&progress).is_none() => gone,
                Stage::Otp if is_late => {
                    Turn::Again(Progress { stage: Stage::Channel, ..progress }, "otp.expired")
                }
                Stage::Otp => self.otp(progress, *is_right),
                _ => Turn::Misplaced,
            },
        }
    }

    /// A one-time password is entered in time.
    fn otp(&self, progress: Progress, is_right: bool) -> Turn {
        let Some(card) = self.card_of(&progress) else { return Turn::End("binding.not-found") };
        if is_right {
            return Turn::End(card.end);
        }
        let wrong_otps = progress.wrong_otps + 1;
        if wrong_otps >= TRIES {
            return Turn::End("otp.tries-exceeded");
        }
        Turn::Again(Progress { wrong_otps, ..progress }, "otp.wrong")
    }
}

/// The card is known to be the payer's.
fn after_card(card: Card, progress: Progress, now: i64) -> Turn {
    match card.issuer {
        _ if card.method != SCHEME => Turn::Next(Progress { stage: Stage::Channel, ..progress }),
        Issuer::None => Turn::End(card.end),
        _ => Turn::Next(Progress { stage: Stage::Issuer, sent: now, ..progress }),
    }
}

impl Space {
    /// A payer's entry on the page of the order at that place. Returns the reason that is noted, where one is, and the
    /// effect of the rule that stepped in.
    pub(super) fn enter(
        &mut self,
        place: usize,
        entry: &Entry,
        setup: &Setup,
    ) -> (Option<&'static str>, Option<Effect>) {
        if self.judge(place, &Wish::Cancel, setup).is_err() {
            return (None, None);
        }
        let order = self.contents.orders[place].clone();
        match self.contents.turn(&order, entry) {
            Turn::Nothing => (None, None),
            Turn::Misplaced => (Some("state.not-allowed"), None),
            Turn::Next(progress) => {
                self.contents.orders[place].progress = progress;
                (Some("order.pending"), None)
            }
            Turn::Again(progress, reason) => {
                self.contents.orders[place].progress = progress;
                (Some(reason), None)
            }
            Turn::End(end) => {
                self.contents.orders[place].progress = Progress::default();
                let (reason, effect) = self.end(place, end, setup);
                (Some(reason), effect)
            }
        }
    }

    /// The payment of an order ends for this reason, unless a rule has another.
    pub(super) fn end<'e>(
        &mut self,
        place: usize,
        end: &'e str,
        setup: &Setup,
    ) -> (&'e str, Option<Effect>) {
        let Order { merchant, tx_id, .. } = self.contents.orders[place].clone();
        let effect = self.contents.consult("pay", &merchant, &tx_id);
        let end = if effect == Some(Effect::Refuse) { "card.do-not-honour" } else { end };
        let wish = match end {
            "success" => Some(Wish::Approve { late: false }),
            "issuer.timeout" => None,
            "payer.cancelled" => Some(Wish::Cancel),
            "order.expired" => Some(Wish::Expire),
            reason => Some(Wish::Decline(reason.to_owned())),
        };
        match wish.map(|wish| self.judge(place, &wish, setup)) {
            None => self.contents.orders[place].progress.stage = Stage::Unanswered,
            Some(Ok(change)) => self.book(place, change, setup, effect),
            Some(Err(_)) => {}
        }
        (end, effect)
    }
}
