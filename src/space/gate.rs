//! The way into a space, which is closed while the space is handed over to another process.
//!
//! Whoever changes a space for somebody outside enters first and leaves once all is booked. Closing lets nobody in and
//! waits until all have left, so what is read then is what everybody was told. Afterwards either everybody is let in
//! again, or learns where the space is now.

use std::sync::atomic::{AtomicU32, Ordering};

use serde::{Deserialize, Serialize};

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

/// A space's gate: the number of those inside, and the marks. Who waits at it listens to the space's bell.
#[derive(Debug, Default)]
pub(super) struct SpaceGate(AtomicU32);

impl SpaceGate {
    /// Returns true if nobody is let in.
    pub(super) fn is_closed(&self) -> bool {
        self.0.load(Ordering::Acquire) & CLOSED != 0
    }

    /// Returns true if everybody is sent elsewhere.
    pub(super) fn leads_elsewhere(&self) -> bool {
        self.0.load(Ordering::Acquire) & MOVED != 0
    }

    /// Lets one in beside somebody inside, also while it is closing.
    pub(super) fn enter_beside(&self) {
        self.0.fetch_add(1, Ordering::AcqRel);
    }

    /// Lets one in; false while it is closed.
    pub(super) fn enter(&self) -> bool {
        let one_more = |inside| (inside & CLOSED == 0).then_some(inside + 1);
        self.0.fetch_update(Ordering::AcqRel, Ordering::Acquire, one_more).is_ok()
    }

    /// Lets one out; true if somebody may be waiting for that.
    pub(super) fn leave(&self) -> bool {
        self.0.fetch_sub(1, Ordering::AcqRel) & CLOSED != 0
    }

    /// Lets nobody in any more; false where that was so already.
    pub(super) fn close(&self) -> bool {
        self.0.fetch_or(CLOSED, Ordering::AcqRel) & CLOSED == 0
    }

    /// Number of those inside.
    pub(super) fn count(&self) -> u32 {
        self.0.load(Ordering::Acquire) & !(CLOSED | MOVED)
    }

    /// Lets everybody in again.
    pub(super) fn open(&self) {
        self.0.fetch_and(!CLOSED, Ordering::AcqRel);
    }

    /// Sends everybody elsewhere.
    pub(super) fn send_away(&self) {
        self.0.fetch_or(CLOSED | MOVED, Ordering::AcqRel);
    }
}
