//! Attempts under way, and how long each may hold up a clock that is being moved.
//!
//! A clock that is moved waits for what is under way, in real time, so that an answer is noted at the moment at which
//! the push-back was sent. A receiver that is silent would hold it up for as long as it likes. So it waits only for a
//! grace: [`GRACE`] for each attempt, and half as long again after each attempt at the same receiver that was passed by.
//! All attempts at one silent receiver together hold up one call for twice the grace, however many they are.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::DeliveryJob;
use crate::base::Millis;

/// The real time for which a clock that is moved waits for the answer to one attempt.
pub(super) const GRACE: Duration = Duration::from_secs(2);
/// Receivers that are remembered; past that, those without an attempt under way are forgotten.
const RECEIVERS_REMEMBERED: usize = 1024;

/// All attempts under way in a space.
#[derive(Debug, Default)]
pub(super) struct Attempts {
    by_id: BTreeMap<u64, UnderWayAttempt>,
    receivers: HashMap<Arc<str>, Receiver>,
}

/// An attempt that is under way.
#[derive(Clone, Debug)]
pub(super) struct UnderWayAttempt {
    /// Time at which it began, on the space's clock.
    pub(super) began: Millis,
    /// Time at which it has failed for want of an answer, on the space's clock.
    pub(super) limit: Millis,
    receiver: Arc<str>,
    stage: AttemptStage,
}

#[derive(Clone, Copy, Debug)]
enum AttemptStage {
    /// Behind other attempts at the same receiver.
    Queued,
    /// With the receiver, or about to be.
    Sent { since: Instant, grace: Duration },
}

#[derive(Debug)]
struct Receiver {
    activity: usize,
    /// Time at which an attempt at it last began or ended.
    progress: Instant,
    /// The number of attempts that time passed by since the last that ended by itself.
    silent: u32,
}

impl Receiver {
    fn grace(&self) -> Duration {
        GRACE.checked_div(1_u32.checked_shl(self.silent).unwrap_or(0)).unwrap_or_default()
    }
}

impl UnderWayAttempt {
    /// The time on the space's clock that an attempt may take.
    fn patience_ms(delivery_job: &DeliveryJob) -> i64 {
        // A slow sender has its own time on top of the other side's.
        let rate = delivery_job.bytes_per_second.map(|rate| u64::from(rate.max(1)));
        let length = delivery_job.body.len() as u64 + u64::from(delivery_job.filler);
        let sending = rate.map_or(0, |rate| length * 1000 / rate) as i64;
        delivery_job.policy.timeout_ms.saturating_add(sending)
    }

    /// The real time at which the clock may pass it by; `None` while it waits for its turn.
    pub(super) fn patient_until(&self) -> Option<Instant> {
        match self.stage {
            AttemptStage::Queued => None,
            AttemptStage::Sent { since, grace } => Some(since + grace),
        }
    }
}

/// The part of an address that names the server.
fn receiver_of(url: &str) -> &str {
    let end = url.match_indices('/').nth(2).map_or(url.len(), |(at, _)| at);
    &url[..end]
}

impl Attempts {
    /// Returns true if nothing is being sent.
    pub(super) fn is_empty(&self) -> bool {
        self.by_id.is_empty()
    }

    /// Notes an attempt that is about to be made.
    pub(super) fn begin(&mut self, delivery_job: &DeliveryJob) {
        if self.receivers.len() >= RECEIVERS_REMEMBERED {
            self.receivers.retain(|_, receiver| receiver.activity > 0);
        }
        let now = Instant::now();
        let name = receiver_of(&delivery_job.url);
        let name = match self.receivers.get_key_value(name) {
            Some((known, _)) => Arc::clone(known),
            None => name.into(),
        };
        let new = || Receiver { activity: 0, progress: now, silent: 0 };
        let receiver = self.receivers.entry(Arc::clone(&name)).or_insert_with(new);
        receiver.activity += 1;
        let stage = AttemptStage::Sent { since: now, grace: receiver.grace() };
        let limit = delivery_job.at.plus(UnderWayAttempt::patience_ms(delivery_job));
        let attempt = UnderWayAttempt { began: delivery_job.at, limit, receiver: name, stage };
        self.by_id.insert(delivery_job.id, attempt);
    }

    /// Notes that an attempt waits behind others.
    pub(super) fn queue(&mut self, id: u64) {
        if let Some(attempt) = self.by_id.get_mut(&id) {
            attempt.stage = AttemptStage::Queued;
        }
    }

    /// Notes that an attempt has its turn at `now`, or that a slow sender has sent all of it.
    pub(super) fn send(&mut self, delivery_job: &DeliveryJob, now: Millis) {
        if let Some(attempt) = self.by_id.get_mut(&delivery_job.id) {
            attempt.limit = now.plus(UnderWayAttempt::patience_ms(delivery_job));
        }
        self.has_moved(delivery_job.id, now);
    }

    /// Gives an attempt its grace anew, for what it does from `now` on.
    pub(super) fn has_moved(&mut self, id: u64, now: Millis) {
        let Some(attempt) = self.by_id.get_mut(&id) else { return };
        attempt.began = now;
        let real = Instant::now();
        if let Some(receiver) = self.receivers.get_mut(&attempt.receiver) {
            receiver.progress = real;
            attempt.stage = AttemptStage::Sent { since: real, grace: receiver.grace() };
        }
    }

    /// Notes that an attempt has ended at `now`.
    pub(super) fn end(&mut self, id: u64, now: Millis) {
        let Some(attempt) = self.by_id.remove(&id) else { return };
        if let Some(receiver) = self.receivers.get_mut(&attempt.receiver) {
            receiver.activity = receiver.activity.saturating_sub(1);
            receiver.progress = Instant::now();
            let is_passed_by = now >= attempt.limit;
            receiver.silent = if is_passed_by { receiver.silent.saturating_add(1) } else { 0 };
            if receiver.activity == 0 && receiver.silent == 0 {
                self.receivers.remove(&attempt.receiver);
            }
        }
    }

    /// Gives every receiver its whole grace again.
    pub(super) fn forgive(&mut self) {
        self.receivers.retain(|_, receiver| {
            receiver.silent = 0;
            receiver.activity > 0
        });
    }

    /// The attempt at this delivery.
    pub(super) fn get(&self, id: u64) -> Option<&UnderWayAttempt> {
        self.by_id.get(&id)
    }

    /// All of them, by the numbers of their deliveries.
    pub(super) fn iter(&self) -> impl Iterator<Item = (u64, &UnderWayAttempt)> {
        self.by_id.iter().map(|(id, attempt)| (*id, attempt))
    }

    /// Returns true if any waits for its turn.
    pub(super) fn any_queued(&self) -> bool {
        self.by_id.values().any(|attempt| matches!(attempt.stage, AttemptStage::Queued))
    }

    /// Time at which the first of those that are sent has failed for want of an answer.
    pub(super) fn next_limit(&self) -> Option<Millis> {
        let sent = self.by_id.values().filter(|it| !matches!(it.stage, AttemptStage::Queued));
        sent.map(|attempt| attempt.limit).min()
    }

    /// The real time until which an attempt holds up a clock that is moved; `None`: none does. Those for which
    /// `is_paused` holds wait for that clock themselves.
    pub(super) fn hold_up(&self, is_paused: impl Fn(u64) -> bool) -> Option<Instant> {
        let now = Instant::now();
        self.by_id
            .iter()
            .filter(|(id, _)| !is_paused(**id))
            .filter_map(|(_, attempt)| match attempt.patient_until() {
                Some(until) => Some(until),
                // It has its turn soon, as long as others at its receiver come to an end.
                None => self.receivers.get(&attempt.receiver).map(|it| it.progress + it.grace()),
            })
            .find(|until| *until > now)
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use tokio::time::advance;

    use super::*;
    use crate::profile::Profile;
    use crate::space::RequestId;

    const BEGIN: Millis = Millis(1_700_000_000_000);

    fn timeout_ms() -> i64 {
        Profile::builtin().pushback.timeout_ms
    }

    fn job(id: u64, url: &str) -> DeliveryJob {
        DeliveryJob {
            id,
            attempt: 1,
            trace: RequestId::default(),
            context: None,
            at: BEGIN,
            url: url.into(),
            body: Bytes::from_static(&[b'x'; 100]),
            filler: 0,
            content_type: None,
            bytes_per_second: None,
            policy: Arc::new(Profile::builtin().pushback.clone()),
        }
    }

    /// The time for which a clock that is moved waits for an attempt that begins now at `url`; the attempt goes on.
    fn grace(attempts: &mut Attempts, id: u64, url: &str) -> Duration {
        attempts.begin(&job(id, url));
        let until = attempts.get(id).and_then(UnderWayAttempt::patient_until);
        until.expect("it is sent") - Instant::now()
    }

    #[tokio::test(start_paused = true)]
    async fn a_queued_attempt_has_no_limit_until_it_is_sent() {
        let mut attempts = Attempts::default();
        assert!(attempts.is_empty() && attempts.next_limit().is_none());
        let later = DeliveryJob { at: BEGIN.plus(-5000), ..job(2, "http://a/2") };
        attempts.begin(&job(1, "http://a/1"));
        attempts.begin(&later);
        assert!(!attempts.is_empty());
        let limit = BEGIN.plus(timeout_ms());
        assert_eq!(attempts.next_limit(), Some(limit.plus(-5000)));
        assert!(!attempts.any_queued());
        attempts.queue(2);
        assert!(attempts.any_queued());
        assert_eq!(attempts.next_limit(), Some(limit));
        assert_eq!(attempts.get(2).and_then(UnderWayAttempt::patient_until), None);
        attempts.send(&later, BEGIN.plus(7000));
        assert!(!attempts.any_queued());
        attempts.end(1, BEGIN);
        assert_eq!(attempts.next_limit(), Some(limit.plus(7000)));
        assert_eq!(
            attempts.iter().map(|(id, it)| (id, it.began)).collect::<Vec<_>>(),
            [(2, BEGIN.plus(7000))]
        );
        attempts.end(2, BEGIN);
        assert!(attempts.is_empty());
    }

    #[test]
    fn a_slow_sender_has_the_time_that_its_bytes_take() {
        let slow = DeliveryJob { filler: 900, bytes_per_second: Some(100), ..job(1, "http://a/") };
        let mut attempts = Attempts::default();
        attempts.begin(&slow);
        assert_eq!(attempts.next_limit(), Some(BEGIN.plus(timeout_ms() + 10_000)));
    }

    #[tokio::test(start_paused = true)]
    async fn a_silent_receiver_has_half_the_grace_each_time() {
        let mut attempts = Attempts::default();
        let late = BEGIN.plus(timeout_ms());
        for (id, expected) in [(1, GRACE), (2, GRACE / 2), (3, GRACE / 4)] {
            assert_eq!(grace(&mut attempts, id, &format!("http://a:1/{id}")), expected);
            attempts.end(id, late);
        }
        // Another port is another receiver. One that answers in time has the whole grace again.
        assert_eq!(grace(&mut attempts, 4, "http://a:2/1"), GRACE);
        assert_eq!(grace(&mut attempts, 5, "http://a:1"), GRACE / 8);
        attempts.end(5, late.plus(-1));
        assert_eq!(grace(&mut attempts, 6, "http://a:1/9"), GRACE);
        attempts.end(6, late);
        attempts.forgive();
        assert_eq!(grace(&mut attempts, 7, "http://a:1/9"), GRACE);
    }

    #[tokio::test(start_paused = true)]
    async fn a_clock_is_held_up_for_the_grace_and_for_the_turn_of_those_that_wait() {
        let mut attempts = Attempts::default();
        attempts.begin(&job(1, "http://a/"));
        attempts.begin(&job(2, "http://a/"));
        attempts.queue(2);
        let until = Instant::now() + GRACE;
        assert_eq!(attempts.hold_up(|_| false), Some(until));
        assert_eq!(attempts.hold_up(|id| id == 1), Some(until), "the second waits for its turn");
        assert_eq!(attempts.hold_up(|_| true), None);
        attempts.forgive();
        assert_eq!(attempts.hold_up(|id| id == 1), Some(until), "its receiver is still known");
        advance(GRACE / 2).await;
        attempts.end(1, BEGIN);
        assert_eq!(attempts.hold_up(|_| false), Some(Instant::now() + GRACE), "its turn comes");
        attempts.has_moved(2, BEGIN.plus(3));
        assert_eq!(attempts.get(2).map(|it| it.began), Some(BEGIN.plus(3)));
        advance(GRACE).await;
        assert_eq!(attempts.hold_up(|_| false), None);
    }

    #[tokio::test(start_paused = true)]
    async fn so_many_silent_receivers_are_remembered() {
        let mut attempts = Attempts::default();
        let late = BEGIN.plus(timeout_ms());
        let begin =
            |attempts: &mut Attempts, id: u64| grace(attempts, id, &format!("http://{id}/"));
        for id in 0..RECEIVERS_REMEMBERED as u64 {
            assert_eq!(begin(&mut attempts, id), GRACE);
            attempts.end(id, late);
            if id == 0 {
                attempts.begin(&job(u64::MAX, "http://0/"));
            }
        }
        assert_eq!(begin(&mut attempts, RECEIVERS_REMEMBERED as u64), GRACE);
        assert_eq!(begin(&mut attempts, 1), GRACE, "it was forgotten");
        assert_eq!(begin(&mut attempts, 0), GRACE / 2, "something is under way there");
    }
}
