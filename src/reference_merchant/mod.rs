//! The built-in merchant: it plays from outside, over HTTP, and copes with what goes wrong as a good shop does.
//!
//! It stores an order before it registers it, takes push-backs and returns for hints and asks for the status, asks by
//! itself with growing pauses until an order is settled or out of time, asks before it moves money again, compares
//! amounts as decimals, ships once, and reconciles daily. Each [`Style`] is another correct way of doing some of this, to
//! show that the scenarios judge outcomes and not one merchant's habits. Each [`Mistake`] makes it get one of these wrong (see
//! `policy`); that is how a scenario shows that it catches what it is there for.
//!
//! Its clock is a [`VirtualTime`]: whoever runs it moves the time, and is told when the merchant has come to rest.

mod calls;
mod listener;
mod money;
mod order_book;
mod policy;
mod status;
mod virtual_time;

use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde_json::{Value, json};

pub use order_book::OrderDraft;
pub use virtual_time::{Activity, BusyGuard, VirtualTime};

use crate::base::{Fields, Millis, Operation};
use crate::http;
use crate::profile::Profile;
use crate::scenario::{Belief, Mistake, ShopFact, Style};
use calls::CallResult;
use listener::Listener;
use money::DAY_MS;
use order_book::{BookEntry, OrderBook};
use policy::Policy;
use status::BookStatus;

/// The first pause between two questions about an order that is open.
const FIRST_POLL_MS: i64 = 10_000;
/// The longest pause of any kind.
const PAUSE_MAX_MS: i64 = 300_000;
/// Questions about one order at most.
const POLLS_MAX: u32 = 300;
/// Time for which an order is awaited whose registration brought no answer.
const PAYABLE_MS: i64 = 900_000;
/// Tries of a registration: with their pauses they take as long as the order could be paid.
const REGISTER_TRIES: u32 = 9;
/// Time at which the books are compared: half an hour into the day of Cambodia, which is UTC+7.
const NIGHTLY_MS: i64 = DAY_MS - 7 * 3_600_000 + 1_800_000;

/// A merchant with its books.
#[derive(Debug)]
pub struct Shop {
    policy: Policy,
    time: Arc<VirtualTime>,
    profile: Arc<Profile>,
    /// Host and port of the gateway.
    gateway: String,
    /// Listener for push-backs and payers.
    own: Listener,
    order_book: Mutex<OrderBook>,
    /// The gateway has asked to be left alone until then.
    not_before: AtomicI64,
    is_down: AtomicBool,
}

impl Shop {
    /// Opens a shop at a free port, for the merchants of `profile`, whose gateway listens at `gateway` (host and port).
    pub fn open(
        gateway: String,
        profile: Arc<Profile>,
        time: Arc<VirtualTime>,
        styles: &[Style],
        mistakes: &[Mistake],
    ) -> std::io::Result<Arc<Self>> {
        let (own, incoming) = Listener::bind()?;
        let shop = Arc::new(Self {
            policy: Policy::with(styles, mistakes),
            time,
            profile,
            gateway,
            own,
            order_book: Mutex::default(),
            not_before: AtomicI64::new(i64::MIN),
            is_down: AtomicBool::new(false),
        });
        shop.own.serve(incoming, &shop);
        shop.reconcile_nightly();
        Ok(shop)
    }

    /// The merchant's beliefs about its orders.
    pub fn facts(&self) -> Vec<ShopFact> {
        self.order_book().facts()
    }

    /// Registers an order, and asks about it from then on until it is settled or out of time. The txId under which it
    /// was registered; `None` when it was refused, or given up because no answer came: then its payer is not sent to
    /// the gateway, and what has become of it is asked all the same.
    pub async fn register(self: &Arc<Self>, order: OrderDraft) -> Option<String> {
        let mut order = order;
        let base = order.tx_id.clone();
        if self.policy.stores_first {
            self.order_book().store(BookEntry::new(order.clone()));
        }
        let tries = self.policy.tries.clamp(1, REGISTER_TRIES);
        let mut is_known = true;
        for tried in 0..tries {
            let said =
                self.order_call(Operation::Register, &order, self.registration(&order)).await;
            is_known = !matches!(said, CallResult::Later | CallResult::Lost);
            match said {
                CallResult::Yes(body) => {
                    self.registered(&order, payable_until(&body));
                    return Some(order.tx_id);
                }
                CallResult::No(code) if code == "3001" && self.policy.same_id => {
                    // Whose order is it? The same request again is answered as the first was, if it is ours.
                    self.check(&order.tx_id).await;
                    self.pause(tried).await;
                }
                CallResult::No(code) if code == "6001" => {
                    let client = client_of(&order);
                    order.fields.retain(|(name, _)| name != "bindingId");
                    if !self.policy.checks_bindings {
                        break;
                    }
                    self.list_bindings(&order.merchant_id, &client).await;
                }
                CallResult::No(code) if code == "3001" => self.rename(&mut order, &base, tried),
                CallResult::No(_) | CallResult::Dead => break,
                CallResult::Later | CallResult::Lost if self.policy.same_id => {
                    self.pause(tried).await;
                }
                CallResult::Later | CallResult::Lost => {
                    self.pause(tried).await;
                    self.rename(&mut order, &base, tried);
                }
            }
        }
        if is_known || tries == 1 {
            self.change(&order.tx_id, |row| row.close(Belief::Unpaid));
        } else {
            self.registered(&order, None);
        }
        None
    }

    fn rename(&self, order: &mut OrderDraft, base: &str, tried: u32) {
        let mut order_book = self.order_book();
        order_book.forget(&order.tx_id);
        order.tx_id = format!("N{}-{base}", tried + 1);
        order_book.store(BookEntry::new(order.clone()));
    }

    fn registered(self: &Arc<Self>, order: &OrderDraft, until: Option<Millis>) {
        let now = self.time.now();
        self.order_book().store(BookEntry::new(order.clone()));
        let until = until.unwrap_or(now.plus(PAYABLE_MS));
        self.change(&order.tx_id, |row| row.registered = Some((now, until)));
        if self.policy.polls {
            let (shop, tx_id) = (Arc::clone(self), order.tx_id.clone());
            self.time.spawn(async move { shop.follow(&tx_id).await });
        }
    }

    /// The members of a registration beside the order's name.
    fn registration(&self, order: &OrderDraft) -> Value {
        let tx_id = &order.tx_id;
        let back = |to: &str| format!("http://{}/return/{to}/{tx_id}", self.own.authority());
        let mut more = json!({
            "trt": order.trt.name(),
            "currency": order.currency.code(),
            "amount": order.amount.fixed(order.currency),
            "paymentMethod": order.method.name(),
            "noti_url": format!("http://{}/noti", self.own.authority()),
            "success_url": back("success"),
            "fail_url": back("fail"),
            "cancel_url": back("cancel"),
        });
        for (name, value) in &order.fields {
            more[name] = serde_json::from_str(value).unwrap_or(Value::Null);
        }
        // Whichever saved card is asked for, a client pays with its own, or with none.
        let own = self.order_book().bindings.get(&client_of(order)).cloned();
        if let Some(members) = more.as_object_mut()
            && members.remove("bindingId").is_some()
        {
            members.extend(own.map(|own| ("bindingId".to_owned(), own.into())));
        }
        if !self.policy.guards_cards
            && let Some(card) = self.profile.cards.first()
        {
            more["wdlAcNo"] = card.number.as_str().into();
        }
        more
    }

    /// Asks about an order until it is settled or out of time.
    async fn follow(&self, tx_id: &str) {
        for asked in 0..POLLS_MAX {
            let pause = match self.policy.pause_ms {
                0 => 0,
                _ => (FIRST_POLL_MS << asked.min(10)).min(PAUSE_MAX_MS),
            };
            self.rest(pause).await;
            let is_open = |row: &BookEntry| {
                row.belief == Belief::Pending && !row.is_closed && !self.is_down()
            };
            if !self.row(tx_id).is_some_and(|row| is_open(&row)) {
                return;
            }
            let status = self.check(tx_id).await;
            if status == BookStatus::Unknown && self.policy.tries == 1 {
                return;
            }
        }
    }

    /// Asks once more about an order, whatever is known of it.
    pub async fn ask_about(&self, tx_id: &str) {
        self.check(tx_id).await;
    }

    /// Looks into a push-back about an order.
    async fn heard(&self, tx_id: &str, code: &str) {
        let is_good = code == "0000";
        if !self.policy.checks_pushback {
            self.change(tx_id, |row| match is_good {
                true if row.belief != Belief::GivenBack => row.book_paid(),
                true => {}
                false => row.close(Belief::Unpaid),
            });
            return;
        }
        let tries = if self.policy.asks_until_final {
            POLLS_MAX
        } else {
            REGISTER_TRIES.min(self.policy.tries)
        };
        for tried in 0..tries {
            let status = self.check(tx_id).await;
            let goes_on = |row: &BookEntry| match status {
                BookStatus::Unknown => !row.is_closed,
                BookStatus::Open => self.policy.asks_until_final && row.belief == Belief::Pending,
                _ => false,
            };
            if !self.is_down() && self.row(tx_id).is_some_and(|row| goes_on(&row)) {
                self.pause(tried).await;
                continue;
            }
            self.change(tx_id, |row| {
                if !self.policy.ships_once && is_good && status != BookStatus::Open {
                    row.shipped += 1;
                }
                if !self.policy.keeps_final && row.belief != Belief::Pending {
                    row.belief = if is_good { Belief::Paid } else { Belief::Unpaid };
                }
            });
            return;
        }
    }

    /// A payer has come back to an address of the shop's.
    async fn came_back(&self, tx_id: &str, says_success: bool) {
        self.change(tx_id, |row| row.has_returned = true);
        if says_success && !self.policy.checks_return {
            self.change(tx_id, BookEntry::book_paid);
        } else if !self.policy.asks_until_final {
            self.check(tx_id).await;
        }
    }

    /// Saves a card of the profile's for a client.
    pub async fn bind(&self, merchant_id: &str, client_id: &str, number: &str) {
        let mut body = self.identity(merchant_id);
        body.insert("clientId".to_owned(), client_id.into());
        body.insert("wdlAcNo".to_owned(), number.into());
        if let Some(card) = self.profile.card(number) {
            body.insert("wdlExpiry".to_owned(), card.expiry.as_str().into());
            body.insert("wdlCvv".to_owned(), card.cvv.as_deref().unwrap_or_default().into());
        }
        let body = Value::Object(body).to_string();
        let said = self.call(Operation::BindingRegister, None, merchant_id, body).await;
        if let CallResult::Yes(body) = said
            && let Some(id) = Fields::parse(&body).ok().and_then(|fields| fields.text("bindingId"))
        {
            self.order_book().bindings.insert(client_id.to_owned(), id.into_owned());
        }
    }

    /// Asks which cards a client still has, and forgets those that are gone.
    async fn list_bindings(&self, merchant_id: &str, client_id: &str) {
        let mut body = self.identity(merchant_id);
        body.insert("clientId".to_owned(), client_id.into());
        let body = Value::Object(body).to_string();
        if let CallResult::Yes(listed) =
            self.call(Operation::BindingList, None, merchant_id, body).await
        {
            let text = String::from_utf8_lossy(&listed);
            self.order_book()
                .bindings
                .retain(|client, id| client != client_id || text.contains(&*id));
        }
    }

    fn reconcile_nightly(self: &Arc<Self>) {
        let shop = Arc::downgrade(self);
        let time = Arc::clone(&self.time);
        self.time.spawn(async move {
            loop {
                let since = (time.now().0 - NIGHTLY_MS).rem_euclid(DAY_MS);
                time.sleep_routinely_until(time.now().plus(DAY_MS - since)).await;
                let Some(shop) = shop.upgrade() else { return };
                if shop.order_book().rows().next().is_some() {
                    shop.reconcile().await;
                }
            }
        });
    }

    /// Waits before the next try of what was tried so often before.
    async fn pause(&self, tried: u32) {
        self.rest((self.policy.pause_ms << tried.min(10)).min(PAUSE_MAX_MS)).await;
    }

    /// Waits so long, and longer where the gateway has asked for it.
    async fn rest(&self, ms: i64) {
        let mut until = self.time.now().plus(ms);
        while ms > 0 && self.time.now() < until {
            self.time.sleep_until(until).await;
            until = until.max(Millis(self.not_before.load(Ordering::Relaxed)));
        }
    }

    /// Meets what it does not expect, and falls over it if it is of that kind.
    fn stumble(&self) {
        if !self.policy.is_lenient {
            self.is_down.store(true, Ordering::Relaxed);
        }
    }

    fn is_down(&self) -> bool {
        self.is_down.load(Ordering::Relaxed)
    }

    fn row(&self, tx_id: &str) -> Option<BookEntry> {
        self.order_book().get(tx_id).cloned()
    }

    fn change<R>(&self, tx_id: &str, change: impl FnOnce(&mut BookEntry) -> R) -> Option<R> {
        self.order_book().change(tx_id, change)
    }

    fn order_book(&self) -> MutexGuard<'_, OrderBook> {
        self.order_book.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Address to which the payer of an order returns.
    pub fn return_address(&self, tx_id: &str, to: &str) -> (String, String) {
        (self.own.authority().to_owned(), format!("/return/{to}/{tx_id}"))
    }

    /// Opens the shop's page at a return address, as a payer's browser does.
    pub async fn session(&self, tx_id: &str, to: &str) {
        let (authority, path) = self.return_address(tx_id, to);
        let sent = http::send(hyper::Method::GET, &authority, &path, &[], bytes::Bytes::new());
        if let Err(broken) = sent.await {
            tracing::debug!(%broken, "the shop's page cannot be opened");
        }
    }
}

/// Until when an order may be paid, as its registration tells: yyyyMMddHHmmss in Cambodia.
fn payable_until(body: &[u8]) -> Option<Millis> {
    let fields = Fields::parse(body).ok()?;
    let data = Fields::parse(fields.get("resultData")?.raw().as_bytes()).ok()?;
    let text = data.text("expireDttm")?;
    let part = |from: usize, to: usize| {
        text.get(from..to).filter(|it| it.bytes().all(|b| b.is_ascii_digit()))
    };
    let (year, month, day) = (part(0, 4)?, part(4, 6)?, part(6, 8)?);
    let (hour, minute, second) = (part(8, 10)?, part(10, 12)?, part(12, 14)?);
    Millis::parse_rfc3339(&format!("{year}-{month}-{day}T{hour}:{minute}:{second}+07:00"))
}

/// The client that an order names.
fn client_of(order: &OrderDraft) -> String {
    let client = order.fields.iter().find(|(name, _)| name == "clientId");
    let text = client.and_then(|(_, value)| serde_json::from_str::<String>(value).ok());
    text.unwrap_or_default()
}
