//! The way into a space, which is closed while the space is handed over to another process.
//!
//! Whoever changes a space for somebody outside enters first and leaves once all is booked. Closing lets nobody in and
//! waits until all have left, so what is read then is what everybody was told. Afterwards either everybody is let in
//! again, or learns where the space is now.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

use serde::{Deserialize, Serialize};
use tokio::sync::Notify;

/// Mark of a gate that lets nobody in.
const CLOSED: u32 = 1 << 31;
/// Mark of a gate that sends everybody elsewhere; it is closed for good.
const MOVED: u32 = 1 << 30;

/// Place of a space that was handed over: addresses of the server that has it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NewPlace {
    /// The gateway's.
    pub gateway: String,
    /// The control plane's.
    pub control: String,
}

/// A space's gate.
#[derive(Debug, Default)]
pub(super) struct SpaceGate {
    /// Number of those inside, and the marks.
    inside: AtomicU32,
    /// Rings when somebody leaves a closed gate, and when it is opened or leads elsewhere.
    opened: Notify,
    place: OnceLock<NewPlace>,
}

impl SpaceGate {
    /// Returns true if nobody is let in.
    pub(super) fn is_closed(&self) -> bool {
        self.inside.load(Ordering::Acquire) & CLOSED != 0
    }

    /// Lets one in; false while it is closed.
    pub(super) fn enter(&self) -> bool {
        let before = self.inside.fetch_add(1, Ordering::AcqRel);
        if before & CLOSED != 0 {
            self.leave();
        }
        before & CLOSED == 0
    }

    /// Lets one in beside somebody inside, also while it is closing.
    pub(super) fn enter_beside(&self) {
        self.inside.fetch_add(1, Ordering::AcqRel);
    }

    /// Returns once it is open, or the place to which it leads.
    pub(super) async fn passable(&self) -> Option<NewPlace> {
        let mut rung = std::pin::pin!(self.opened.notified());
        rung.as_mut().enable();
        if let Some(place) = self.leads_to() {
            return Some(place.clone());
        }
        if self.is_closed() {
            rung.await;
        }
        None
    }

    /// The place to which it sends everybody.
    pub(super) fn leads_to(&self) -> Option<&NewPlace> {
        let is_moved = self.inside.load(Ordering::Acquire) & MOVED != 0;
        self.place.get().filter(|_| is_moved)
    }

    pub(super) fn leave(&self) {
        let before = self.inside.fetch_sub(1, Ordering::AcqRel);
        if before & CLOSED != 0 {
            self.opened.notify_waiters();
        }
    }

    /// Lets nobody in any more; false where that was so already.
    pub(super) fn close(&self) -> bool {
        self.inside.fetch_or(CLOSED, Ordering::AcqRel) & CLOSED == 0
    }

    /// Returns when nobody is inside a closed gate.
    pub(super) async fn emptied(&self) {
        loop {
            let mut rung = std::pin::pin!(self.opened.notified());
            rung.as_mut().enable();
            if self.count() == 0 {
                return;
            }
            rung.await;
        }
    }

    /// Number of those inside.
    pub(super) fn count(&self) -> u32 {
        self.inside.load(Ordering::Acquire) & !(CLOSED | MOVED)
    }

    /// Lets everybody in again.
    pub(super) fn open(&self) {
        self.inside.fetch_and(!CLOSED, Ordering::AcqRel);
        self.opened.notify_waiters();
    }

    /// Notes the new place, which nobody is told yet.
    pub(super) fn set_place(&self, place: NewPlace) {
        let _ = self.place.set(place);
    }

    /// The new place, as far as it is noted.
    pub(super) fn place(&self) -> Option<&NewPlace> {
        self.place.get()
    }

    /// Sends everybody to the place that was noted.
    pub(super) fn send_away(&self) {
        self.inside.fetch_or(CLOSED | MOVED, Ordering::AcqRel);
        self.opened.notify_waiters();
    }
}
