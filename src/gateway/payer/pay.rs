//! Acts on an order from the payer's side: paying in one go, taking one step, having an event happen.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::super::rules;
use super::autopay::{PayRequest, autopay};
use super::instrument;
use super::pay_error::{PayError, not_possible};
use super::step::{self, PaymentEnd, Turn};
use super::step_machine::{Input, payable, step};
use crate::base::{Reason, Seed, TraceContext};
use crate::ledger::{Command, Order, PayerStep, Progress, Target};
use crate::scenario::{CallFacts, Point};
use crate::space::{
    OrderHandle, OrderSnapshot, PendingReply, RequestId, Ruling, Space, Transaction,
};

/// Result of a payment.
#[derive(Clone, Debug)]
pub struct Paid {
    /// The reason that decided.
    pub reason: Reason,
    /// The order afterwards, copied in the section in which it was changed.
    pub order: Box<OrderSnapshot>,
    /// Pending reply, where a rule stepped in.
    pub pending: Option<Arc<PendingReply>>,
}

/// Cause of a change: a call, by its name in the journal, and the trace of the caller's own in which it came, if any.
#[derive(Clone, Debug, Default)]
pub struct Cause {
    /// The call.
    pub trace: RequestId,
    /// The caller's trace, in which push-backs are sent; that of the order's registration where it is `None`.
    pub context: Option<Arc<TraceContext>>,
}

impl From<RequestId> for Cause {
    fn from(trace: RequestId) -> Self {
        Self { trace, context: None }
    }
}

/// Plays the payer of an order from the first step to the last.
pub fn pay(
    space: &Space,
    merchant: &str,
    tx_id: &str,
    request: &PayRequest,
    cause: impl Into<Cause>,
) -> Result<Paid, PayError> {
    let target = Sought::Named { merchant, tx_id };
    change(space, target, cause.into(), |transaction, order| {
        let verdict = autopay(space, transaction, order, request)?;
        Ok(judged(space, transaction, order, verdict))
    })
}

/// Position of a payer after a step.
#[derive(Clone, Debug)]
pub enum PayerStage {
    /// It was right; [`Progress::step`] is asked next.
    Asks(Progress),
    /// It was wrong for this reason; [`Progress::step`] is asked again.
    Wrong(Progress, Reason),
    /// The payment has its answer, or never gets one ([`Reason::IssuerTimeout`]).
    Over(Box<Paid>),
}

/// Takes one step of an order's payer, as the pages do. What is wrong in the input leaves all as it
/// was; an answer that belongs to another step is refused as [`Reason::StateNotAllowed`], and so is
/// any when the payer has moved on from where the page that asks saw it (`seen`).
pub fn advance(
    space: &Space,
    order: OrderHandle,
    seen: Option<Progress>,
    input: Input<'_>,
    trace: RequestId,
) -> Result<PayerStage, PayError> {
    let mut asks = None;
    let paid = change(space, Sought::Handle(order), trace.into(), |transaction, order| {
        payable(transaction, order)?;
        let progress = order.progress.as_deref().copied().unwrap_or_default();
        if seen.is_some_and(|seen| seen != progress) {
            return Err(not_possible(Reason::StateNotAllowed, order));
        }
        Ok(match step(space, transaction, order, input)? {
            Turn::End(verdict) => {
                transaction.set_progress(order.id, None);
                judged(space, transaction, order, verdict)
            }
            Turn::Next(progress) => {
                transaction.set_progress(order.id, Some(progress));
                asks = Some(PayerStage::Asks(progress));
                PayerAct::of(Reason::OrderPending, None)
            }
            Turn::Again(progress, reason) => {
                transaction.set_progress(order.id, Some(progress));
                asks = Some(PayerStage::Wrong(progress, reason));
                PayerAct::of(reason, None)
            }
        })
    })?;
    Ok(asks.unwrap_or_else(|| PayerStage::Over(Box::new(paid))))
}

/// Events that a test can cause for an order from outside.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum TriggerEvent {
    /// Its time runs out now.
    Expire,
    /// The payer gives up.
    Cancel,
    /// The day is closed for it.
    Settle,
    /// The issuer takes its approval back.
    LateDecline,
    /// The issuer approves after all.
    LateApproval,
    /// The issuer takes a captured payment back for the payer.
    Chargeback,
}

/// Makes an event happen to an order.
pub fn trigger(
    space: &Space,
    merchant: &str,
    tx_id: &str,
    event: TriggerEvent,
    cause: impl Into<Cause>,
) -> Result<Paid, PayError> {
    let target = Sought::Named { merchant, tx_id };
    change(space, target, cause.into(), |transaction, order| {
        let (reason, command) = match event {
            TriggerEvent::Expire => (Reason::OrderExpired, Command::Expire),
            TriggerEvent::Cancel => (Reason::PayerCancelled, Command::Cancel),
            TriggerEvent::Settle => (Reason::Success, Command::Settle),
            TriggerEvent::LateDecline => {
                let reason = Reason::CardDoNotHonour;
                (reason, Command::Decline { reason, instrument: None, late: true })
            }
            TriggerEvent::LateApproval => {
                let number = approval_number(transaction.seed(), merchant, tx_id);
                let instrument = match &order.instrument {
                    Some(instrument) => (**instrument).clone(),
                    None => instrument::of_first(space.profile(), order.method),
                };
                (Reason::Success, Command::Approve { number, instrument, late: true })
            }
            TriggerEvent::Chargeback => (Reason::Success, Command::ChargeBack),
        };
        let ruling = consult(space, transaction, order, Point::Trigger, None);
        let told = apply_plan(transaction, ruling.as_ref()).unwrap_or(reason);
        Ok(PayerAct { reason: told, command: Some(command), ruling })
    })
}

/// An order that is to be changed.
#[derive(Clone, Copy)]
enum Sought<'a> {
    Named { merchant: &'a str, tx_id: &'a str },
    Handle(OrderHandle),
}

impl Sought<'_> {
    fn find<'m>(&self, transaction: &'m Transaction<'_>) -> Option<&'m Order> {
        match *self {
            Self::Named { merchant, tx_id } => {
                transaction.ledger().find(Target::Named { merchant, tx_id })
            }
            Self::Handle(handle) => transaction.at(handle),
        }
    }

    fn unknown(&self, space: &Space) -> PayError {
        let (merchant, tx_id) = match *self {
            Self::Named { merchant, tx_id } => (merchant.to_owned(), tx_id.to_owned()),
            Self::Handle(_) => (String::new(), "that was there before a reset".to_owned()),
        };
        PayError::UnknownOrder { merchant, tx_id, space: space.name().to_owned() }
    }
}

/// Finds the order, lets `act` choose what to ask of the ledger, books it, and copies what came of it, all in one
/// section.
fn change(
    space: &Space,
    sought: Sought<'_>,
    Cause { trace, context }: Cause,
    act: impl FnOnce(&mut Transaction<'_>, &Order) -> Result<PayerAct, PayError>,
) -> Result<Paid, PayError> {
    let unknown = || sought.unknown(space);
    space.write(|transaction| {
        transaction.carry(context.as_ref());
        let order = sought.find(transaction).cloned().ok_or_else(unknown)?;
        let id = order.id;
        let PayerAct { reason, command, ruling } = act(transaction, &order)?;
        let mut shown = None;
        if let Some(command) = command {
            let event = transaction
                .ledger()
                .decide(transaction.now, Target::At(id), command)
                .map_err(|reason| not_possible(reason, &order))?;
            shown = Some(transaction.book(event, trace).cloned().ok_or_else(unknown)?);
        }
        let pending = ruling.and_then(|ruling| {
            let deferred = transaction.take_deferred();
            transaction.pending(ruling, Some(id), trace, deferred).map(Arc::new)
        });
        // A booking that waits for the reply, or never comes, is not shown.
        let kept = transaction.ledger().find(Target::At(id)).cloned().or(shown).unwrap_or(order);
        let order = Box::new(transaction.snapshot(&kept));
        Ok(Paid { reason, order, pending })
    })
}

/// The deciding reason, the command for the ledger, and the rule that stepped in.
struct PayerAct {
    reason: Reason,
    command: Option<Command<'static>>,
    ruling: Option<Ruling>,
}

impl PayerAct {
    /// An act about which no rule is asked.
    fn of(reason: Reason, command: Option<Command<'static>>) -> Self {
        Self { reason, command, ruling: None }
    }
}

/// Asks the rules about an order at `point`.
fn consult(
    space: &Space,
    transaction: &mut Transaction<'_>,
    order: &Order,
    point: Point,
    card: Option<&str>,
) -> Option<Ruling> {
    if !transaction.listens_at(point) {
        return None;
    }
    let terminal = transaction.ledger().terminal(order).clone();
    transaction.consult(&CallFacts {
        merchant_id: Some(&terminal.merchant),
        term_id: Some(&terminal.terminal),
        tx_id: Some(&order.tx_id),
        card,
        ..CallFacts::new(space.name(), point, transaction.now)
    })
}

/// Books and tells as a rule plans from here on. Answers the reason that is told in place of the natural one.
fn apply_plan(transaction: &mut Transaction<'_>, ruling: Option<&Ruling>) -> Option<Reason> {
    let ruling = ruling?;
    transaction.apply_plan(ruling, ruling.plan.commit);
    ruling.plan.reason
}

/// Command for the end of a payment. A rule's reason is the end in place of the natural one, and
/// booked as such; where the rule says that the payment is booked all the same, only the payer hears the reason.
fn judged(
    space: &Space,
    transaction: &mut Transaction<'_>,
    order: &Order,
    verdict: PaymentEnd,
) -> PayerAct {
    if !transaction.listens_at(Point::Pay) {
        return ended_as(transaction, order, verdict);
    }
    let instrument = match &verdict {
        PaymentEnd::Approved(instrument) | PaymentEnd::Declined(_, Some(instrument)) => {
            instrument.clone()
        }
        _ => instrument::of_first(space.profile(), order.method),
    };
    let cards = &space.profile().cards;
    let card = cards.iter().find(|card| instrument::of_card(card) == instrument);
    let card = card.map(|card| card.number.as_str());
    let ruling = consult(space, transaction, order, Point::Pay, card);
    let Some(decided) = &ruling else {
        return ended_as(transaction, order, verdict);
    };
    let (commit, instead) = rules::overridden(&decided.plan);
    transaction.apply_plan(decided, commit);
    let told = decided.plan.reason;
    if told == Some(verdict.reason()) {
        transaction.note_same_reason();
    }
    let verdict = instead.map_or(verdict, |reason| step::ended(reason, instrument));
    let act = ended_as(transaction, order, verdict);
    PayerAct { reason: told.unwrap_or(act.reason), ruling, ..act }
}

/// The end of a payment; one that the issuer never answers leaves its order as it is, with a note.
fn ended_as(transaction: &mut Transaction<'_>, order: &Order, verdict: PaymentEnd) -> PayerAct {
    if verdict == PaymentEnd::Unknown {
        transaction.set_progress(order.id, Some(unanswered(order)));
    }
    let (reason, command) = booked_as(transaction, order, verdict);
    PayerAct::of(reason, command)
}

fn booked_as(
    transaction: &Transaction<'_>,
    order: &Order,
    verdict: PaymentEnd,
) -> (Reason, Option<Command<'static>>) {
    let reason = verdict.reason();
    let command = match verdict {
        PaymentEnd::Approved(instrument) => {
            let merchant = &transaction.ledger().terminal(order).merchant;
            let number = approval_number(transaction.seed(), merchant, &order.tx_id);
            Some(Command::Approve { number, instrument, late: false })
        }
        PaymentEnd::Declined(reason, instrument) => {
            Some(Command::Decline { reason, instrument, late: false })
        }
        PaymentEnd::Unknown => None,
        PaymentEnd::Cancelled => Some(Command::Cancel),
        PaymentEnd::Expired => Some(Command::Expire),
    };
    (reason, command)
}

/// Position of an order's payer after the issuer did not answer.
fn unanswered(order: &Order) -> Progress {
    let progress = order.progress.as_deref().copied().unwrap_or_default();
    Progress { step: PayerStep::Unanswered, ..progress }
}

/// Six digits that depend on the seed and the order alone.
pub(in crate::gateway) fn approval_number(seed: Seed, merchant: &str, tx_id: &str) -> u32 {
    let draw = seed.number(&[b"approval", merchant.as_bytes(), tx_id.as_bytes()]);
    (draw % 1_000_000) as u32
}
