//! Planning of push-backs: which change of an order is news to its merchant, and the notices that go into the outbox.

use std::sync::Arc;

use smallvec::SmallVec;

use super::journal::RequestId;
use super::outbox::{Delivery, DeliveryChange, PushbackCause};
use super::space::Shared;
use super::state::State;
use crate::base::{Millis, Seed, TraceContext};
use crate::ledger::{Change, Ledger, Order, OrderId, Target};
use crate::scenario::{Content, NoticeText, PlannedNotice, PushbackPlan, Tampering};
use crate::wire;

/// The numbers of deliveries.
pub(super) type Deliveries = SmallVec<[u64; 4]>;

/// The most orders among which another is chosen.
const OTHERS_MAX: usize = 1024;

/// The one true notice, at once.
const TRUTH: PlannedNotice =
    PlannedNotice { delay_ms: 0, content: Content::True, bytes_per_second: None };

/// Cause of a notice.
#[derive(Clone, Copy)]
pub(super) struct NoticeCause<'c> {
    pub(super) order: OrderId,
    /// The request behind it; 0 where time is.
    pub(super) trace: RequestId,
    /// Trace in which it is sent; that of the order's registration where it is `None`.
    pub(super) context: Option<&'c Arc<TraceContext>>,
    /// Time on the clock.
    pub(super) now: Millis,
}

impl State {
    /// Puts the notices of a change that was booked into the outbox, those of `plan` in place of the true one where a
    /// rule made it. `None` where the merchant is told nothing of such a change.
    pub(super) fn notify(
        &mut self,
        shared: &Shared,
        cause: NoticeCause<'_>,
        (change, at): (Change, Millis),
        plan: Option<&PushbackPlan>,
    ) -> Option<Deliveries> {
        let news = PushbackCause::of(change)?;
        let contents = &self.contents;
        let order = contents.ledger.find(Target::At(cause.order))?;
        let merchant = contents.merchants.get(&contents.ledger.terminal(order).merchant)?;
        if !shared.pushback_policy(merchant).events.contains(&news.event()) {
            return None;
        }
        // Nobody is told where there is no address, whatever is planned.
        order.details().noti_url.as_deref().or(merchant.noti_url.as_deref())?;
        let Some(plan) = plan else {
            return Some(self.enqueue(shared, cause, news, (0, &TRUTH), at).into_iter().collect());
        };
        self.met.note_pushback(plan);
        Some(self.enqueue_all(shared, cause, news, &plan.notices))
    }

    /// Puts notices into the outbox that nothing caused.
    pub(super) fn notify_unasked(
        &mut self,
        shared: &Shared,
        cause: NoticeCause<'_>,
        notices: &[PlannedNotice],
    ) -> Deliveries {
        self.enqueue_all(shared, cause, PushbackCause::Unasked, notices)
    }

    fn enqueue_all(
        &mut self,
        shared: &Shared,
        cause: NoticeCause<'_>,
        news: PushbackCause,
        notices: &[PlannedNotice],
    ) -> Deliveries {
        let mut enqueue = |(index, notice): (usize, &PlannedNotice)| {
            let due = cause.now.plus(i64::try_from(notice.delay_ms).unwrap_or(i64::MAX));
            self.enqueue(shared, cause, news, (index, notice), due)
        };
        notices.iter().enumerate().filter_map(&mut enqueue).collect()
    }

    /// Puts a notice into the outbox, one of several by its index; its number. `None`: nobody is told where to send it.
    fn enqueue(
        &mut self,
        shared: &Shared,
        cause: NoticeCause<'_>,
        news: PushbackCause,
        (index, notice): (usize, &PlannedNotice),
        due: Millis,
    ) -> Option<u64> {
        let contents = &mut self.contents;
        let (seed, ledger) = (contents.seed, &contents.ledger);
        let order = ledger.find(Target::At(cause.order))?;
        let terminal = ledger.terminal(order);
        let merchant = contents.merchants.get(&terminal.merchant)?;
        let own = merchant.noti_url.as_deref();
        let url = order.details().noti_url.as_deref().or(own)?;
        let other = match notice.content {
            Content::Tampered(Tampering::WrongTxId) => another_order(seed, ledger, order),
            _ => None,
        };
        let content = match notice.content {
            Content::Tampered(Tampering::WrongTxId) if other.is_none() => {
                &Content::Tampered(Tampering::UnknownTxId)
            }
            ref content => content,
        };
        self.met.note_notice(content);
        let reasons = &shared.profile.reasons;
        let answer = reasons.pushback(news.is_good_news());
        let (body, filler, content_type) = if *content == Content::True {
            let body = wire::encode(&wire::pushback::Notice {
                tx_id: (&*order.tx_id).into(),
                result_code: answer.code.into(),
                result_msg: answer.message.into(),
            });
            (body, 0, None)
        } else {
            let (opposite, success) =
                (reasons.pushback(!news.is_good_news()), reasons.pushback(true));
            let text = NoticeText {
                tx_id: &order.tx_id,
                truth: (answer.code, answer.message),
                opposite: (opposite.code, opposite.message),
                success: (success.code, success.message),
                amount: &order.amount.shortest(order.currency),
                other: other.as_deref(),
                is_known: &|tx_id| {
                    let merchant = &*terminal.merchant;
                    ledger.find(Target::Named { merchant, tx_id }).is_some()
                },
            };
            let draw = seed.number(&[
                b"notice",
                contents.random_domain.as_bytes(),
                terminal.merchant.as_bytes(),
                order.tx_id.as_bytes(),
                news.name().as_bytes(),
                &index.to_le_bytes(),
            ]);
            let made = content.body(&text, draw);
            (made.body, made.filler, made.content_type)
        };
        let policy = shared.pushback_policy(merchant);
        let number = contents.outbox.add(due, |number, waiting| Delivery {
            id: number,
            merchant: terminal.merchant.clone(),
            order: cause.order,
            tx_id: order.tx_id.clone(),
            cause: news,
            content: content.kind(),
            trace: cause.trace,
            context: cause.context.or(order.context.as_ref()).map(Arc::clone),
            url: url.into(),
            body: body.into(),
            filler,
            content_type,
            bytes_per_second: notice.bytes_per_second,
            policy,
            created: due.min(cause.now),
            state: waiting,
            latest: DeliveryChange::Created,
            attempts: Vec::new(),
        });
        Some(number)
    }
}

/// The txId of another order of the same merchant, chosen by the seed and the txIds: the order in which they came does
/// not matter. `None` where the merchant has no other.
fn another_order(seed: Seed, ledger: &Ledger, order: &Order) -> Option<Box<str>> {
    let merchant = &ledger.terminal(order).merchant;
    let is_other =
        |other: &&Order| other.id != order.id && ledger.terminal(other).merchant == *merchant;
    let others = ledger.orders_after(None).filter(is_other).take(OTHERS_MAX);
    let chosen = others.min_by_key(|other| {
        let names = [b"another".as_slice(), order.tx_id.as_bytes(), other.tx_id.as_bytes()];
        (seed.number(&names), other.tx_id.clone())
    });
    chosen.map(|other| (&*other.tx_id).into())
}
