//! Push-backs of a space: what is to be sent, when, and what came of each attempt. Nothing here sends.

use std::hash::{DefaultHasher, Hasher as _};
use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use smol_str::SmolStr;

use super::journal::RequestId;
use crate::base::persistent::{PersistentSortedMap, PersistentVec};
use crate::base::{Millis, TraceContext, named_enum};
use crate::ledger::{Change, Order, OrderId};
use crate::profile::{PushbackEvent, PushbackPolicy};
use crate::scenario::ContentKind;

/// One notification to a merchant, however many attempts it takes.
#[derive(Clone, Debug)]
pub struct Delivery {
    /// Its number in the space, from 1.
    pub id: u64,
    /// `merchantId`.
    pub merchant: Box<str>,
    /// The order it tells of.
    pub order: OrderId,
    /// `txId` of that order.
    pub tx_id: SmolStr,
    /// The change that caused it.
    pub cause: PushbackCause,
    /// Content of the notice: the truth, or what a rule puts in its place.
    pub content: ContentKind,
    /// The request that caused that change; 0 where time did.
    pub trace: RequestId,
    /// Trace in which it is sent: that of the request that caused it, else that in which the order was registered.
    pub context: Option<Arc<TraceContext>>,
    /// Address.
    pub url: Box<str>,
    /// The JSON to send.
    pub body: Bytes,
    /// So many bytes `x` are sent before the last [`FILLER_END`](crate::scenario::FILLER_END) bytes of the body; they are made only then.
    pub filler: u32,
    /// Its Content-Type; `None`: the policy's.
    pub content_type: Option<&'static str>,
    /// The speed at which it is sent; `None`: as fast as it goes.
    pub bytes_per_second: Option<u32>,
    /// Delivery policy: the profile's with the merchant's own settings.
    pub policy: Arc<PushbackPolicy>,
    /// Time at which it was decided.
    pub created: Millis,
    /// State.
    pub state: DeliveryState,
    /// The last change.
    pub latest: DeliveryChange,
    /// Attempts.
    pub attempts: Vec<Attempt>,
}

impl Delivery {
    /// The delivery as it was after so many attempts.
    #[must_use]
    pub fn as_it_was(&self, attempts: u32, latest: DeliveryChange, state: DeliveryState) -> Self {
        let attempts = self.attempts.iter().take(attempts as usize).cloned().collect();
        Self { state, latest, attempts, ..self.clone() }
    }

    /// Returns true if it stands so.
    pub fn stands(&self, standing: DeliveryStanding) -> bool {
        match standing {
            DeliveryStanding::Failing => {
                self.attempts.last().is_some_and(|last| !last.is_acknowledged())
            }
            _ => self.state.name() == standing.name(),
        }
    }
}

named_enum! {
    /// Ways in which a delivery can stand: the names of its states, and one that cuts across them.
    pub enum DeliveryStanding ("a state of a push-back") {
        /// The next attempt is due at some time.
        Waiting = "waiting",
        /// Being sent.
        InFlight = "inFlight",
        /// The merchant took it.
        Acknowledged = "acknowledged",
        /// Given up after the last attempt.
        Exhausted = "exhausted",
        /// The last attempt was not acknowledged.
        Failing = "failing",
    }
}

named_enum! {
    /// Causes of push-backs: changes of an order, by the names that events have.
    pub enum PushbackCause ("a cause of a push-back") {
        /// The payment was approved.
        Approved = "approved",
        /// A hold was captured.
        Completed = "completed",
        /// The payment was reversed.
        Reversed = "reversed",
        /// Money was given back.
        Refunded = "refunded",
        /// The payer took money back.
        ChargedBack = "chargedBack",
        /// The payment was declined.
        Failed = "failed",
        /// The payer gave up.
        Cancelled = "cancelled",
        /// Time ran out.
        Expired = "expired",
        /// None: a rule has it sent.
        Unasked = "unasked",
    }
}

impl PushbackCause {
    /// The cause that a change of an order is; `None` where the merchant is told nothing of such a change.
    pub fn of(change: Change) -> Option<Self> {
        Some(match change {
            Change::Approved { .. } => Self::Approved,
            Change::Completed(_) => Self::Completed,
            Change::Reversed => Self::Reversed,
            Change::Refunded(_) => Self::Refunded,
            Change::ChargedBack(_) => Self::ChargedBack,
            Change::Failed(_) => Self::Failed,
            Change::Cancelled => Self::Cancelled,
            Change::Expired => Self::Expired,
            Change::Registered | Change::Settled | Change::Screen(_) | Change::Rejected(_) => {
                return None;
            }
        })
    }

    /// The event of the merchant's policy that it is; what nothing caused is told as a payment.
    pub(super) const fn event(self) -> PushbackEvent {
        match self {
            Self::Approved | Self::Unasked => PushbackEvent::PaymentSuccess,
            Self::Failed | Self::Cancelled => PushbackEvent::PaymentFailure,
            Self::Completed => PushbackEvent::Completion,
            Self::Reversed => PushbackEvent::Reversal,
            Self::Refunded | Self::ChargedBack => PushbackEvent::Refund,
            Self::Expired => PushbackEvent::Expiry,
        }
    }

    /// Returns true if a push-back of this cause says that it worked.
    pub(super) const fn is_good_news(self) -> bool {
        !matches!(self, Self::Failed | Self::Cancelled | Self::Expired)
    }
}

named_enum! {
    /// Changes of a delivery.
    pub enum DeliveryChange ("a change of a delivery") {
        /// It came to be.
        Created = "created",
        /// An attempt ended.
        Attempted = "attempted",
        /// It is to be sent again, on demand.
        Resent = "resent",
    }
}

/// State of a delivery.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeliveryState {
    /// The next attempt is due then.
    Waiting(Millis),
    /// Being sent.
    InFlight,
    /// The merchant took it.
    Acknowledged,
    /// Given up after the last attempt.
    Exhausted,
}

impl DeliveryState {
    /// One of each kind.
    pub const KINDS: &'static [Self] =
        &[Self::Waiting(Millis(0)), Self::InFlight, Self::Acknowledged, Self::Exhausted];

    /// The name that the control plane uses.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Waiting(_) => "waiting",
            Self::InFlight => "inFlight",
            Self::Acknowledged => "acknowledged",
            Self::Exhausted => "exhausted",
        }
    }

    /// Time at which it is sent next, while it waits.
    pub const fn due(self) -> Option<Millis> {
        match self {
            Self::Waiting(due) => Some(due),
            _ => None,
        }
    }

    /// Returns true if nothing more will be sent by itself.
    pub const fn is_final(self) -> bool {
        matches!(self, Self::Acknowledged | Self::Exhausted)
    }
}

/// One try to reach the merchant.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Attempt {
    /// Time at which it began, on the space's clock.
    pub at: Millis,
    /// Duration, in real milliseconds.
    pub took_ms: u32,
    /// HTTP status, where the merchant answered.
    pub status: Option<u16>,
    /// The beginning of the merchant's answer.
    pub response: Box<str>,
    /// The headers of the answer, as many as are kept.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub headers: Vec<(Box<str>, Box<str>)>,
    /// Error, in words; `None` when it was acknowledged.
    pub error: Option<Box<str>>,
}

impl Attempt {
    /// An attempt in which nobody was reached.
    pub fn failed(at: Millis, error: impl Into<Box<str>>) -> Self {
        Self {
            at,
            took_ms: 0,
            status: None,
            response: "".into(),
            headers: Vec::new(),
            error: Some(error.into()),
        }
    }

    /// Returns true if the merchant took it.
    pub const fn is_acknowledged(&self) -> bool {
        self.error.is_none()
    }
}

/// A delivery that is to be attempted now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeliveryJob {
    /// Number of the delivery.
    pub id: u64,
    /// The number of the attempt, from 1.
    pub attempt: usize,
    /// The request that caused the delivery; 0 where time did.
    pub trace: RequestId,
    /// The attempt's span in the merchant's trace.
    pub context: Option<Arc<TraceContext>>,
    /// Time at which the attempt begins, on the space's clock.
    pub at: Millis,
    /// Address.
    pub url: Box<str>,
    /// Body.
    pub body: Bytes,
    /// See [`Delivery::filler`].
    pub filler: u32,
    /// Its Content-Type; `None`: the policy's.
    pub content_type: Option<&'static str>,
    /// The speed at which it is sent; `None`: as fast as it goes.
    pub bytes_per_second: Option<u32>,
    /// Time limit and acknowledgement.
    pub policy: Arc<PushbackPolicy>,
}

/// An attempt to make, of one generation of the space.
#[derive(Clone, Debug)]
pub struct Dispatch {
    /// The delivery to send.
    pub delivery_job: DeliveryJob,
    pub(super) generation: u64,
}

/// Largest number of deliveries where the oldest is not finished, as a multiple of the budget.
const UNDELIVERED_MAX: usize = 10;
/// Attempts of one delivery past which it is not sent again by hand.
const ATTEMPTS_MAX: usize = 100;

/// Outcome of a wish to send a delivery again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Resend {
    /// It is due now.
    Begun,
    /// It is under way already.
    UnderWay,
    /// It has had as many attempts as are kept.
    TooOften,
}

/// The deliveries of a space, bounded: past the budget the oldest finished ones are dropped, and past ten times the budget
/// the oldest of all, told or not.
#[derive(Clone, Debug)]
pub struct Outbox {
    deliveries: PersistentVec<Arc<Delivery>>,
    due: PersistentSortedMap<(Millis, u64)>,
    /// The numbers of an order's deliveries, by the mark of its `txId`.
    by_tx_id: PersistentSortedMap<(u64, u64)>,
    next_id: u64,
    in_flight: usize,
    kept_max: usize,
    dropped: u64,
}

impl Outbox {
    /// An empty outbox that keeps up to `kept_max` deliveries.
    pub fn new(kept_max: usize) -> Self {
        Self {
            deliveries: PersistentVec::default(),
            due: PersistentSortedMap::default(),
            by_tx_id: PersistentSortedMap::default(),
            next_id: 1,
            in_flight: 0,
            kept_max,
            dropped: 0,
        }
    }

    /// Takes in a notification, first due at `due`. Returns its number.
    pub fn add(&mut self, due: Millis, make: impl FnOnce(u64, DeliveryState) -> Delivery) -> u64 {
        let id = self.next_id;
        self.next_id += 1;
        let delivery = make(id, DeliveryState::Waiting(due));
        self.by_tx_id.insert((mark(&delivery.tx_id), id), ());
        self.deliveries.push_back(Arc::new(delivery));
        self.due.insert((due, id), ());
        while self.deliveries.len() > self.kept_max
            && self.deliveries.front().is_some_and(|oldest| oldest.state.is_final())
        {
            self.drop_oldest();
        }
        if self.deliveries.len() > self.kept_max.saturating_mul(UNDELIVERED_MAX) {
            self.drop_oldest();
        }
        id
    }

    fn drop_oldest(&mut self) {
        let Some(oldest) = self.deliveries.pop_front() else { return };
        self.by_tx_id.remove((mark(&oldest.tx_id), oldest.id));
        if let Some(due) = oldest.state.due() {
            self.due.remove((due, oldest.id));
        }
        self.dropped += 1;
    }

    /// All that is due at `now`, in order; from here on it is being sent.
    pub fn take_due(&mut self, now: Millis) -> Vec<DeliveryJob> {
        let mut jobs = Vec::new();
        while let Some((due, id)) = self.due.first().filter(|(due, _)| *due <= now) {
            self.due.remove((due, id));
            if let Some(delivery) = self.get_mut(id) {
                delivery.state = DeliveryState::InFlight;
                jobs.push(DeliveryJob {
                    id,
                    attempt: delivery.attempts.len() + 1,
                    trace: delivery.trace,
                    context: delivery.context.clone(),
                    at: now,
                    url: delivery.url.clone(),
                    body: delivery.body.clone(),
                    filler: delivery.filler,
                    content_type: delivery.content_type,
                    bytes_per_second: delivery.bytes_per_second,
                    policy: Arc::clone(&delivery.policy),
                });
            }
        }
        self.in_flight += jobs.len();
        jobs
    }

    /// Lets what was under way wait again, due at `now`, as if it had not been begun.
    pub(super) fn call_back(&mut self, now: Millis) {
        if self.in_flight == 0 {
            return;
        }
        for place in 0..self.deliveries.len() {
            let is_under_way = |it: &Arc<Delivery>| it.state == DeliveryState::InFlight;
            if self.deliveries.get(place).is_some_and(is_under_way)
                && let Some(delivery) = self.deliveries.get_mut(place).map(Arc::make_mut)
            {
                delivery.state = DeliveryState::Waiting(now);
                self.due.insert((now, delivery.id), ());
            }
        }
        self.in_flight = 0;
    }

    /// Takes a delivery of a file in, which comes after all those that are here; `false` when it cannot.
    pub(super) fn take_back(&mut self, delivery: Delivery) -> bool {
        let is_next = self.deliveries.is_empty() || delivery.id == self.next_id;
        let Some(next) = delivery.id.checked_add(1).filter(|_| is_next && delivery.id > 0) else {
            return false;
        };
        self.next_id = next;
        if let Some(due) = delivery.state.due() {
            self.due.insert((due, delivery.id), ());
        }
        self.by_tx_id.insert((mark(&delivery.tx_id), delivery.id), ());
        self.deliveries.push_back(Arc::new(delivery));
        true
    }

    /// Goes on with these numbers after all were taken back; `false` when they cannot be.
    pub(super) fn go_on(&mut self, next_id: u64, dropped: u64) -> bool {
        let fits = if self.deliveries.is_empty() { next_id > 0 } else { next_id == self.next_id };
        (self.next_id, self.dropped) = (next_id, dropped);
        fits
    }

    /// The deliveries that an earlier clone did not have, or had otherwise; and the numbers of those that are gone since.
    pub(super) fn changed_since<'a>(
        &'a self,
        older: &'a Self,
    ) -> (impl Iterator<Item = &'a Delivery>, Range<u64>) {
        let first = |outbox: &Self| outbox.deliveries.front().map_or(outbox.next_id, |it| it.id);
        let (own, known) = (first(self), first(older));
        let changed = self.deliveries.changed_since(own, (&older.deliveries, known), Arc::ptr_eq);
        (changed.into_iter().map(|(_, delivery)| &**delivery), known..own.min(older.next_id))
    }

    /// The number that the next delivery gets.
    pub(super) const fn next_id(&self) -> u64 {
        self.next_id
    }

    /// Deliveries kept.
    pub fn len(&self) -> usize {
        self.deliveries.len()
    }

    /// Returns true if none are kept.
    pub fn is_empty(&self) -> bool {
        self.deliveries.is_empty()
    }

    /// Notes what came of an attempt at `now` and plans the next one where it failed.
    pub fn attempted(&mut self, now: Millis, id: u64, attempt: Attempt) {
        self.in_flight = self.in_flight.saturating_sub(1);
        if let Some(delivery) = self.get_mut(id) {
            let acknowledged = attempt.is_acknowledged();
            let retry = delivery.policy.retries_s.get(delivery.attempts.len()).copied();
            delivery.attempts.push(attempt);
            delivery.latest = DeliveryChange::Attempted;
            delivery.state = match retry {
                _ if acknowledged => DeliveryState::Acknowledged,
                Some(wait) => DeliveryState::Waiting(now.plus(i64::from(wait) * 1000)),
                None => DeliveryState::Exhausted,
            };
            if let DeliveryState::Waiting(due) = delivery.state {
                self.due.insert((due, id), ());
            }
        }
    }

    /// Sends a delivery once more, now. `None` when there is no such delivery.
    pub fn resend(&mut self, now: Millis, id: u64) -> Option<Resend> {
        let delivery = self.get_mut(id)?;
        if delivery.attempts.len() >= ATTEMPTS_MAX {
            return Some(Resend::TooOften);
        }
        let old = match delivery.state {
            DeliveryState::InFlight => return Some(Resend::UnderWay),
            DeliveryState::Waiting(due) => Some(due),
            DeliveryState::Acknowledged | DeliveryState::Exhausted => None,
        };
        delivery.state = DeliveryState::Waiting(now);
        delivery.latest = DeliveryChange::Resent;
        if let Some(old) = old {
            self.due.remove((old, id));
        }
        self.due.insert((now, id), ());
        Some(Resend::Begun)
    }

    /// The delivery of this number.
    pub fn get(&self, id: u64) -> Option<&Delivery> {
        self.place(id).and_then(|place| self.deliveries.get(place)).map(looked_at)
    }

    fn get_mut(&mut self, id: u64) -> Option<&mut Delivery> {
        self.place(id).and_then(|place| self.deliveries.get_mut(place)).map(Arc::make_mut)
    }

    fn place(&self, id: u64) -> Option<usize> {
        let first = self.deliveries.front()?.id;
        usize::try_from(id.checked_sub(first)?).ok()
    }

    /// All deliveries kept, oldest first.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = &Delivery> {
        self.deliveries.range(0).map(looked_at)
    }

    /// The deliveries after the one of that number, oldest first.
    pub fn after(&self, id: u64) -> impl DoubleEndedIterator<Item = &Delivery> {
        let first = self.deliveries.front().map_or(0, |first| first.id);
        let skipped = usize::try_from((id.saturating_add(1)).saturating_sub(first));
        let skipped = skipped.unwrap_or(usize::MAX).min(self.deliveries.len());
        self.deliveries.range(skipped).map(looked_at)
    }

    /// The deliveries of all orders of this `txId`, oldest first; the others are not looked at.
    pub fn of_tx_id<'o>(&'o self, tx_id: &'o str) -> impl Iterator<Item = &'o Delivery> {
        let wanted = mark(tx_id);
        let marked = self.by_tx_id.range((wanted, 0));
        marked
            .take_while(move |((mark, _), ())| *mark == wanted)
            .filter_map(|((_, id), ())| self.get(id))
            .filter(move |delivery| delivery.tx_id == tx_id)
    }

    /// The deliveries of one order, oldest first.
    pub fn of_order<'o>(&'o self, order: &'o Order) -> impl Iterator<Item = &'o Delivery> {
        self.of_tx_id(&order.tx_id).filter(|delivery| delivery.order == order.id)
    }

    /// Time at which the next attempt is due.
    pub fn next_due(&self) -> Option<Millis> {
        self.due.first().map(|(due, _)| due)
    }

    /// Deliveries that wait for an attempt or are under way.
    pub fn waiting(&self) -> usize {
        self.due.len() + self.in_flight
    }

    /// Attempts under way.
    pub fn in_flight(&self) -> usize {
        self.in_flight
    }

    /// Deliveries dropped to keep to the budget.
    pub fn dropped(&self) -> u64 {
        self.dropped
    }
}

/// A delivery that somebody looks at. Unit tests count them, to see what is walked.
fn looked_at(delivery: &Arc<Delivery>) -> &Delivery {
    #[cfg(test)]
    LOOKS.set(LOOKS.get() + 1);
    delivery
}

#[cfg(test)]
thread_local! {
    /// Deliveries that this thread has looked at, however often each.
    pub(crate) static LOOKS: std::cell::Cell<usize> = const { std::cell::Cell::new(0) };
}

/// A number that stands for a `txId`; two may have the same.
fn mark(tx_id: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    hasher.write(tx_id.as_bytes());
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::profile::Profile;

    const NOW: Millis = Millis(1_700_000_000_000);

    /// A delivery that is sent again after 10 and after 60 seconds.
    fn delivery(id: u64, tx_id: &str, state: DeliveryState) -> Delivery {
        let usual = Profile::builtin().pushback.clone();
        Delivery {
            id,
            merchant: "M1".into(),
            order: OrderId(0),
            tx_id: tx_id.into(),
            cause: PushbackCause::Approved,
            content: ContentKind::True,
            trace: RequestId::default(),
            context: None,
            url: "http://a.test/".into(),
            body: Bytes::new(),
            filler: 0,
            content_type: None,
            bytes_per_second: None,
            policy: Arc::new(PushbackPolicy { retries_s: vec![10, 60], ..usual }),
            created: NOW,
            state,
            latest: DeliveryChange::Created,
            attempts: Vec::new(),
        }
    }

    fn add(outbox: &mut Outbox, tx_id: &str, due: Millis) -> u64 {
        outbox.add(due, |id, state| delivery(id, tx_id, state))
    }

    fn taken() -> Attempt {
        Attempt { status: Some(200), error: None, ..Attempt::failed(NOW, "") }
    }

    fn refused() -> Attempt {
        Attempt::failed(NOW, "refused")
    }

    fn ids<'a>(deliveries: impl Iterator<Item = &'a Delivery>) -> Vec<u64> {
        deliveries.map(|delivery| delivery.id).collect()
    }

    /// The deliveries that are due, each with the number of the attempt.
    fn due(outbox: &mut Outbox, now: Millis) -> Vec<(u64, usize)> {
        let jobs = outbox.take_due(now);
        assert!(jobs.iter().all(|job| job.at == now));
        jobs.iter().map(|job| (job.id, job.attempt)).collect()
    }

    /// Deliveries that wait or are under way, those under way, and when the next is due.
    fn counts(outbox: &Outbox) -> (usize, usize, Option<i64>) {
        let next = outbox.next_due().map(|due| due.0 - NOW.0);
        (outbox.waiting(), outbox.in_flight(), next)
    }

    fn state(outbox: &Outbox, id: u64) -> DeliveryState {
        outbox.get(id).expect("kept").state
    }

    #[test]
    fn a_delivery_is_sent_when_it_is_due_and_again_until_it_is_taken_or_given_up() {
        let mut outbox = Outbox::new(9);
        assert_eq!((outbox.len(), outbox.is_empty(), counts(&outbox)), (0, true, (0, 0, None)));
        assert_eq!(add(&mut outbox, "late", NOW.plus(5)), 1);
        assert_eq!(add(&mut outbox, "now", NOW), 2);
        assert_eq!((outbox.len(), outbox.is_empty()), (2, false));
        assert_eq!(counts(&outbox), (2, 0, Some(0)));
        assert_eq!(due(&mut outbox, NOW.plus(-1)), []);
        assert_eq!(due(&mut outbox, NOW), [(2, 1)]);
        assert_eq!(counts(&outbox), (2, 1, Some(5)));
        assert_eq!(due(&mut outbox, NOW.plus(6)), [(1, 1)]);
        assert_eq!(counts(&outbox), (2, 2, None));
        assert_eq!(state(&outbox, 1), DeliveryState::InFlight);

        outbox.attempted(NOW, 1, taken());
        assert_eq!(state(&outbox, 1), DeliveryState::Acknowledged);
        outbox.attempted(NOW.plus(7), 2, refused());
        assert_eq!(state(&outbox, 2), DeliveryState::Waiting(NOW.plus(10_007)));
        assert_eq!(outbox.get(2).expect("kept").latest, DeliveryChange::Attempted);
        assert_eq!(counts(&outbox), (1, 0, Some(10_007)));
        assert_eq!(due(&mut outbox, NOW.plus(10_007)), [(2, 2)]);
        outbox.attempted(NOW.plus(11_000), 2, refused());
        assert_eq!(counts(&outbox), (1, 0, Some(71_000)));
        assert_eq!(due(&mut outbox, NOW.plus(71_000)), [(2, 3)]);
        outbox.attempted(NOW.plus(71_000), 2, refused());
        assert_eq!(state(&outbox, 2), DeliveryState::Exhausted);
        assert_eq!(counts(&outbox), (0, 0, None));
    }

    #[test]
    fn a_delivery_is_sent_once_more_on_demand_unless_it_is_under_way_or_was_sent_too_often() {
        let mut outbox = Outbox::new(9);
        let id = add(&mut outbox, "1", NOW.plus(5));
        assert_eq!(outbox.resend(NOW, 2), None);
        assert_eq!(outbox.resend(NOW.plus(1), id), Some(Resend::Begun));
        assert_eq!(outbox.get(id).expect("kept").latest, DeliveryChange::Resent);
        assert_eq!(counts(&outbox), (1, 0, Some(1)));
        assert_eq!(due(&mut outbox, NOW.plus(9)), [(1, 1)]);
        assert_eq!(outbox.resend(NOW, id), Some(Resend::UnderWay));
        outbox.attempted(NOW, id, taken());
        for attempts in 1..ATTEMPTS_MAX {
            assert_eq!(outbox.resend(NOW, id), Some(Resend::Begun), "after {attempts}");
            assert_eq!(due(&mut outbox, NOW), [(1, attempts + 1)]);
            outbox.attempted(NOW, id, taken());
        }
        assert_eq!(outbox.resend(NOW, id), Some(Resend::TooOften));
        assert_eq!(counts(&outbox), (0, 0, None));
    }

    #[test]
    fn finished_deliveries_make_room_and_of_unfinished_ones_the_oldest_past_ten_times_as_many() {
        let mut outbox = Outbox::new(2);
        for tx_id in ["1", "2"] {
            let id = add(&mut outbox, tx_id, NOW);
            assert_eq!(due(&mut outbox, NOW), [(id, 1)]);
            outbox.attempted(NOW, id, taken());
        }
        assert_eq!((ids(outbox.iter()), outbox.dropped()), (vec![1, 2], 0));
        for id in 3..=22 {
            add(&mut outbox, &id.to_string(), NOW.plus(id));
        }
        assert_eq!((ids(outbox.iter()), outbox.dropped()), ((3..=22).collect(), 2));
        assert_eq!((ids(outbox.of_tx_id("2")), ids(outbox.of_tx_id("3"))), (vec![], vec![3]));
        assert_eq!(counts(&outbox), (20, 0, Some(3)));
        add(&mut outbox, "23", NOW.plus(23));
        assert_eq!((ids(outbox.iter()), outbox.dropped()), ((4..=23).collect(), 3));
        assert_eq!(counts(&outbox), (20, 0, Some(4)));
        assert!(outbox.get(3).is_none() && outbox.of_tx_id("3").next().is_none());
        assert_eq!(outbox.get(4).expect("kept").tx_id, "4");
    }

    #[test]
    fn what_was_under_way_is_called_back_and_nothing_else() {
        let mut outbox = Outbox::new(9);
        for (tx_id, due) in
            [("taken", NOW), ("sent", NOW), ("also sent", NOW), ("later", NOW.plus(50))]
        {
            add(&mut outbox, tx_id, due);
        }
        due(&mut outbox, NOW);
        outbox.attempted(NOW, 1, taken());
        outbox.call_back(NOW.plus(7));
        assert_eq!(state(&outbox, 1), DeliveryState::Acknowledged);
        assert_eq!(counts(&outbox), (3, 0, Some(7)));
        assert_eq!(due(&mut outbox, NOW.plus(8)), [(2, 1), (3, 1)]);
        assert_eq!(state(&outbox, 4), DeliveryState::Waiting(NOW.plus(50)));
        outbox.attempted(NOW, 2, refused());
        assert_eq!(counts(&outbox), (3, 1, Some(50)));
    }

    #[test]
    fn deliveries_of_a_file_come_back_in_order_without_a_gap() {
        let waiting = DeliveryState::Waiting(NOW);
        for id in [0, u64::MAX] {
            assert!(!Outbox::new(9).take_back(delivery(id, "1", waiting)), "{id}");
        }
        let mut outbox = Outbox::new(9);
        assert!(!outbox.go_on(0, 0) && outbox.go_on(1, 0) && outbox.go_on(9, 8));
        assert_eq!((outbox.next_id(), outbox.dropped()), (9, 8));
        let mut outbox = Outbox::new(9);
        assert!(outbox.take_back(delivery(5, "5", DeliveryState::Exhausted)));
        assert!(!outbox.take_back(delivery(7, "7", waiting)));
        assert!(!outbox.take_back(delivery(5, "5", waiting)));
        assert!(outbox.take_back(delivery(6, "6", waiting)));
        assert_eq!(counts(&outbox), (1, 0, Some(0)));
        assert!(!outbox.clone().go_on(8, 4) && outbox.go_on(7, 4));
        assert_eq!((add(&mut outbox, "7", NOW), outbox.dropped()), (7, 4));
        for (after, expected) in [
            (0, vec![5, 6, 7]),
            (4, vec![5, 6, 7]),
            (5, vec![6, 7]),
            (7, vec![]),
            (u64::MAX, vec![]),
        ] {
            assert_eq!(ids(outbox.after(after)), expected, "{after}");
        }
        assert_eq!(ids(outbox.of_tx_id("6")), [6]);
        assert!(outbox.get(4).is_none() && outbox.get(8).is_none());
    }

    #[test]
    fn a_delivery_stands_by_its_state_or_fails_by_its_last_attempt() {
        use DeliveryStanding::{Acknowledged, Exhausted, Failing, InFlight, Waiting};
        let standings = |delivery: &Delivery| {
            let all = DeliveryStanding::ALL.iter().copied();
            all.filter(|standing| delivery.stands(*standing)).collect::<Vec<_>>()
        };
        let mut sent = delivery(1, "1", DeliveryState::Waiting(NOW));
        assert_eq!(standings(&sent), [Waiting]);
        sent.attempts.push(refused());
        assert_eq!(standings(&sent), [Waiting, Failing]);
        sent.state = DeliveryState::Exhausted;
        assert_eq!(standings(&sent), [Exhausted, Failing]);
        sent.attempts.push(taken());
        (sent.state, sent.latest) = (DeliveryState::Acknowledged, DeliveryChange::Attempted);
        assert_eq!(standings(&sent), [Acknowledged]);
        let before = sent.as_it_was(1, DeliveryChange::Created, DeliveryState::InFlight);
        assert_eq!(standings(&before), [InFlight, Failing]);
        assert_eq!((before.latest, before.attempts.len()), (DeliveryChange::Created, 1));
    }
}
