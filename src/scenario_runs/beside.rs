//! The steps of a scenario beside a command that plays the merchant: its own steps are waited for, all others are made.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use tokio_util::sync::CancellationToken;

use super::RunError;
use super::drive::register_others;
use super::trial::{KnownOrder, Payer, Played, Stillness};
use crate::base::Operation;
use crate::gateway;
use crate::scenario::{DriveStep, Pay, SpaceHistory};
use crate::space::{ClockChange, Space};

/// Time for which the merchant must have been silent before the clock jumps.
const QUIET: Duration = Duration::from_secs(1);
/// Longest time until it is so.
const QUIET_WITHIN: Duration = Duration::from_secs(20);
/// Pause between two looks at a space.
const LOOK_EVERY: Duration = Duration::from_millis(20);
/// Moves of the clock within one `idle`, at most.
const MOVES_MAX: usize = 64;

/// Everybody but the merchant.
pub(super) struct Beside<'t> {
    payer: Payer<'t>,
    stillness: Stillness,
    /// Cancelled when the command has ended.
    ended: CancellationToken,
    /// Orders by their names, in the order of their registration.
    orders: Vec<(String, KnownOrder)>,
    /// Number of the merchant's steps that were seen, by operation.
    seen: HashMap<Operation, usize>,
    /// Steps that were made here, by their places in `drive`.
    pub(super) made: Vec<usize>,
    /// Steps that could not be made, a sentence each.
    pub(super) left_out: Vec<String>,
}

impl<'t> Beside<'t> {
    pub(super) fn new(payer: Payer<'t>, ended: CancellationToken) -> Self {
        let stillness = Stillness::new();
        let (made, left_out) = (Vec::new(), Vec::new());
        Self { payer, stillness, ended, orders: Vec::new(), seen: HashMap::new(), made, left_out }
    }

    /// Plays all steps; ends early when the command has ended before a step of the merchant.
    pub(super) async fn all(&mut self, steps: &[DriveStep]) -> Result<(), RunError> {
        for (at, step) in steps.iter().enumerate() {
            let made = match step {
                DriveStep::Register(register) => {
                    let name = register.order.as_deref().unwrap_or(DriveStep::FIRST_ORDER);
                    if !self.registered(name).await {
                        return Ok(());
                    }
                    false
                }
                DriveStep::Burst(burst) => {
                    for number in 0..burst.orders {
                        let name = format!("{}-{}", DriveStep::FIRST_ORDER, number + 1);
                        if !self.registered(&name).await {
                            return Ok(());
                        }
                        let pay = Pay { order: Some(name), card: None, otp: None, outcome: None };
                        self.play(&DriveStep::Pay(pay)).await?;
                    }
                    false
                }
                DriveStep::Restart | DriveStep::Probe(_) | DriveStep::Wait(_) => {
                    let step = step.name();
                    self.left_out
                        .push(format!("step `{step}` of `drive`: with a command nobody makes it"));
                    false
                }
                DriveStep::Status(_) => self.called(&[Operation::Status]).await,
                DriveStep::Reversal(_) => self.called(&[Operation::Reversal]).await,
                DriveStep::Refund(_) => self.called(&[Operation::Refund]).await,
                DriveStep::Complete(_) => self.called(&[Operation::PreAuthCompletion]).await,
                DriveStep::Bind(_) => self.called(&[Operation::BindingRegister]).await,
                DriveStep::Orders => self.called(&[Operation::Orders]).await,
                DriveStep::Reconcile => {
                    self.called(&[Operation::Reconciliation, Operation::Orders]).await
                }
                DriveStep::Advance(period) => {
                    self.rest().await;
                    self.jump(period.ms()).await?;
                    true
                }
                DriveStep::Idle => {
                    self.idle().await?;
                    true
                }
                DriveStep::OtherOrders(others) => {
                    let merchant = self.payer.profile.merchants.first();
                    register_others(self.space(), merchant, others)?;
                    true
                }
                DriveStep::Pay(_)
                | DriveStep::Return(_)
                | DriveStep::QrCompletion(_)
                | DriveStep::Trigger(_)
                | DriveStep::Resend(_) => {
                    self.play(step).await?;
                    true
                }
            };
            if made {
                self.made.push(at);
            }
        }
        Ok(())
    }

    /// Waits for the next order of the merchant, which gets a name; false when the command has ended without.
    async fn registered(&mut self, name: &str) -> bool {
        let number = self.orders.len();
        let order = |history: &SpaceHistory| {
            let order = history.orders.get(number)?;
            Some(KnownOrder {
                merchant_id: order.merchant_id.clone(),
                tx_id: order.tx_id.clone(),
                amount: order.amount,
                currency: order.currency,
            })
        };
        let Some(order) = self.until(order).await else { return false };
        self.orders.push((name.to_owned(), order));
        true
    }

    /// Waits until the merchant has called one of these operations once more. It is its step, whether it comes or not.
    async fn called(&mut self, operations: &[Operation]) -> bool {
        let count = |history: &SpaceHistory, operation: Operation| {
            history.requests.iter().filter(|call| call.operation == Some(operation)).count()
        };
        let seen: Vec<(Operation, usize)> = operations
            .iter()
            .map(|operation| (*operation, self.seen.get(operation).copied().unwrap_or(0)))
            .collect();
        let more = |history: &SpaceHistory| {
            seen.iter().find(|(operation, seen)| count(history, *operation) > *seen).copied()
        };
        if let Some((operation, seen)) = self.until(more).await {
            self.seen.insert(operation, seen + 1);
        }
        false
    }

    /// Looks at the space until there is something; `None` when the command has ended and nothing more comes.
    async fn until<T>(&self, find: impl Fn(&SpaceHistory) -> Option<T>) -> Option<T> {
        loop {
            let is_over = self.ended.is_cancelled();
            if let Some(found) = find(&gateway::history(self.space())) {
                return Some(found);
            }
            if is_over {
                return None;
            }
            tokio::select! {
                () = self.ended.cancelled() => {}
                () = tokio::time::sleep(LOOK_EVERY) => {}
            }
        }
    }

    async fn play(&mut self, step: &DriveStep) -> Result<(), RunError> {
        let name = step.about_order().and_then(|(_, name)| name);
        let name = name.unwrap_or(DriveStep::FIRST_ORDER);
        let Some((_, order)) = self.orders.iter().rev().find(|(known, _)| known == name) else {
            return Err(format!("step `{}`: no order is called {name:?}", step.name()).into());
        };
        if matches!(step, DriveStep::Resend(_) | DriveStep::Trigger(_)) {
            self.rest().await;
        }
        let Some(played) = self.payer.play(step, order, |_| None).await else { return Ok(()) };
        if let Played::LeftOut(why) = played? {
            self.left_out.push(format!("step `{}` of `drive`: {why}", step.name()));
        }
        Ok(())
    }

    /// Waits until the merchant is silent.
    async fn rest(&self) {
        let begun = Instant::now();
        while self.stillness.quiet_for(self.space()) < QUIET && begun.elapsed() < QUIET_WITHIN {
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    async fn jump(&self, ms: u64) -> Result<(), RunError> {
        let change = ClockChange { advance_ms: Some(ms), ..ClockChange::default() };
        self.space().change_clock(change).await.map_err(|error| error.to_string().into())
    }

    async fn idle(&self) -> Result<(), RunError> {
        for _ in 0..MOVES_MAX {
            self.rest().await;
            let activity = self.space().activity();
            let Some(next) = activity.next_errand else { return Ok(()) };
            self.jump(u64::try_from(next.0 - activity.now.0).unwrap_or(0)).await?;
        }
        Ok(())
    }

    fn space(&self) -> &'t Space {
        &self.payer.server.space
    }
}
