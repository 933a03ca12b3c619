//! Passes through a space's gate.

use std::fmt;
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
        self.0.gate.leave();
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
            if let Some(pass) = self.enter() {
                return Ok(pass);
            }
            if let Some(place) = self.gate.passable().await {
                return Err(place);
            }
        }
    }

    /// The space's place, once it was handed over to another process.
    pub fn moved_to(&self) -> Option<&NewPlace> {
        self.gate.leads_to()
    }
}
