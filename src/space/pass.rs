//! Passes through a space's gate.

use std::fmt;
use std::pin::pin;
use std::sync::Arc;

use super::gate::NewPlace;
use super::space::Space;

/// Leave to change a space; while it is kept the space is not handed over.
pub struct Pass(Arc<Space>);

impl fmt::Debug for Pass {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Pass").field(&self.0.name()).finish()
    }
}

impl Drop for Pass {
    fn drop(&mut self) {
        if self.0.gate.leave() {
            self.0.changed.notify_waiters();
        }
    }
}

impl Pass {
    /// A further pass for work that somebody inside leaves behind.
    pub(super) fn beside(space: &Arc<Space>) -> Self {
        space.gate.enter_beside();
        Self(Arc::clone(space))
    }
}

impl Space {
    /// Enters the space; `None` while its gate is closed.
    pub fn enter(self: &Arc<Self>) -> Option<Pass> {
        self.gate.enter().then(|| Pass(Arc::clone(self)))
    }

    /// Enters the space, and waits for that while it is being handed over.
    ///
    /// # Errors
    /// The space's new place, where it was.
    pub async fn admitted(self: &Arc<Self>) -> Result<Pass, NewPlace> {
        loop {
            // Listening begins before looking, so that nothing is missed between the two.
            let mut opened = pin!(self.changed.notified());
            opened.as_mut().enable();
            if let Some(pass) = self.enter() {
                return Ok(pass);
            }
            if let Some(place) = self.moved_to() {
                return Err(place);
            }
            opened.await;
        }
    }

    /// The space's place, once it was handed over to another process.
    pub fn moved_to(&self) -> Option<NewPlace> {
        if self.gate.leads_elsewhere() { self.lock_unnoted().new_place.clone() } else { None }
    }
}
