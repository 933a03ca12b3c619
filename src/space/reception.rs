//! Push-backs that arrive in the boxes of a space's inbox.

use bytes::Bytes;

use super::inbox::{Inbox, InboxAnswer, InboxMessage};
use super::outbox::Dispatch;
use super::space::Space;
use crate::wire::redact;

impl Space {
    /// Looks into the inbox.
    pub fn read_inbox<R>(&self, read: impl FnOnce(&Inbox) -> R) -> R {
        read(&self.log().inbox)
    }

    /// Changes the inbox.
    pub fn change_inbox<R>(&self, change: impl FnOnce(&mut Inbox) -> R) -> R {
        // Noted with the state, so that it is written with it.
        let _state = self.lock();
        change(&mut self.log().inbox)
    }

    /// Puts an attempt into a box and returns the box's answer. `body` is the beginning of what came, `length` all of it.
    pub fn receive(
        &self,
        dispatch: &Dispatch,
        name: &str,
        headers: Vec<(Box<str>, Box<str>)>,
        body: &[u8],
        length: usize,
    ) -> InboxAnswer {
        let secrets = self.shared.profile.operations.secrets();
        let body = Bytes::from(redact(secrets, body).into_owned());
        let job = &dispatch.delivery_job;
        let answer = self.locked(|transaction| {
            let state = &*transaction.state;
            let delivery = state.contents.outbox.get(job.id);
            let delivery = delivery.filter(|_| state.generation == dispatch.generation);
            let mut log = self.log();
            let answer = log.inbox.answer(name);
            let is_in_time = answer.delay_ms < job.policy.timeout_ms.unsigned_abs();
            if let Some(delivery) = delivery {
                let message = InboxMessage {
                    number: log.inbox.next_number(),
                    name: name.into(),
                    at: transaction.now,
                    pushback: job.id,
                    attempt: job.attempt,
                    merchant: delivery.merchant.clone(),
                    tx_id: delivery.tx_id.clone(),
                    headers,
                    body,
                    length,
                    status: (!answer.close && is_in_time).then_some(answer.status),
                };
                log.inbox.push(message);
            }
            (answer, false)
        });
        self.changed.notify_waiters();
        answer
    }
}
