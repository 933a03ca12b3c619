//! Waiting for a shop, in real time: until it has come to rest, until what is hoped for has happened, or until patience
//! runs out.

use std::pin::pin;
use std::time::{Duration, Instant};

use super::ShopTrial;
use crate::base::OrderState;
use crate::merchant_under_test::{ShopBelief, ShopError};
use crate::scenario::Belief;

/// Pause between two looks at a space that gives no notice.
const LOOK_EVERY: Duration = Duration::from_millis(20);
/// Pause between two looks at what is costly to look at.
const LOOK_CLOSELY_EVERY: Duration = Duration::from_millis(200);

/// Real time after which it is told what is waited for, or half of the patience where that is less.
const LONG_WAIT: Duration = Duration::from_secs(5);

/// End of a wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Settled {
    /// The shop was quiet, and there was nothing left to hope for.
    Quiet,
    /// Patience ran out.
    RanOut,
}

impl ShopTrial {
    /// Real time after which it is told what is waited for.
    pub fn long_wait(&self) -> Duration {
        LONG_WAIT.min(self.patience() / 2)
    }

    /// Waits until the shop has been quiet for the time that its file says and `hopes` is false, at most as long as its
    /// patience. `hopes` says that something is still missing which time may bring; it is looked at now and then.
    pub async fn settle(&self, mut hopes: impl AsyncFnMut() -> bool) -> Result<Settled, ShopError> {
        let begun = Instant::now();
        let mut looked: Option<Instant> = None;
        let mut is_told = false;
        loop {
            let mut changed = pin!(self.space().changed().notified());
            changed.as_mut().enable();
            self.shop.still_runs().await?;
            if self.is_quiet() && looked.is_none_or(|at| at.elapsed() >= LOOK_CLOSELY_EVERY) {
                if !hopes().await {
                    return Ok(Settled::Quiet);
                }
                looked = Some(Instant::now());
            }
            if !is_told && !self.is_quiet() && begun.elapsed() >= self.long_wait() {
                is_told = true;
                self.say_wait("waits until the shop has come to rest");
            }
            if begun.elapsed() >= self.patience() {
                return Ok(Settled::RanOut);
            }
            tokio::select! {
                () = changed => {}
                () = tokio::time::sleep(LOOK_EVERY) => {}
            }
        }
    }

    /// Waits until the shop knows what the gateway knows of an order, or has come to rest without.
    pub(super) async fn follow_up(&self, name: &str) -> Result<(), ShopError> {
        let begun = Instant::now();
        loop {
            self.shop.still_runs().await?;
            let is_late = begun.elapsed() >= self.patience();
            if self.is_quiet() || is_late || self.knows(name).await {
                return Ok(());
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    /// Returns true if the shop believes of an order what the gateway knows of it.
    async fn knows(&self, name: &str) -> bool {
        let Some(order) = self.order(name) else { return false };
        let history = self.history();
        let known = history.orders.iter().find(|known| {
            known.merchant_id == order.merchant_id && Some(&known.tx_id) == order.tx_id.as_ref()
        });
        let Some(known) = known else { return false };
        let asked = self.ask(&order).await;
        let Ok(Some(ShopBelief { state: Some(belief), .. })) = asked else { return false };
        matches!(
            (known.state, belief),
            (OrderState::Registered, _)
                | (
                    OrderState::Authorised | OrderState::Captured | OrderState::PartlyRefunded,
                    Belief::Paid
                )
                | (
                    OrderState::Failed | OrderState::Cancelled | OrderState::Expired,
                    Belief::Unpaid | Belief::Disputed
                )
                | (OrderState::Reversed | OrderState::Refunded, Belief::GivenBack)
        )
    }
}
