//! A rule that stepped in at a request, and what came of its plan: what it kept from the books, and how the reply left.
//!
//! A request's entry in the journal and the course of its reply share it, so what comes after the entry was written is
//! seen in it without looking the entry up.

use std::sync::{Arc, Mutex, PoisonError};

use crate::base::named_enum;
use crate::ledger::Change;
use crate::scenario::Plan;

/// A rule that stepped in.
#[derive(Debug)]
pub struct RuleHit {
    /// The rule.
    pub rule: Arc<str>,
    /// The rule's plan.
    pub plan: Plan,
    /// Changes that were decided and not booked before the reply: they are booked after it, or never, as planned.
    pub suppressed: Box<[Change]>,
    /// Effects of the plan that had nothing to act on.
    idle: Mutex<Vec<&'static str>>,
    outcome: Mutex<ReplyProgress>,
}

/// Progress of a reply on its way out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ReplyProgress {
    /// Position.
    pub stage: ReplyState,
    /// The HTTP status that was written; `None` while there is none, or never is.
    pub status: Option<u16>,
    /// Bytes of the body that were written.
    pub body: usize,
    /// Number of the withheld changes that were booked after the reply.
    pub booked: usize,
    /// Bytes of the head that come before the body.
    head: usize,
}

/// An effect that had nothing to act on, beside the others of its plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NotedIdle {
    /// It is the first of them.
    First,
    /// There are others already.
    Further,
    /// It was among them before.
    Known,
}

named_enum! {
    /// Position of a reply on its way to the caller.
    pub enum ReplyState ("a state of a reply", default Held) {
        /// Held back: for its latency, or for push-backs that go first.
        Held = "held",
        /// Being written.
        Leaving = "leaving",
        /// All of it that the plan lets out was written.
        Left = "left",
        /// The caller was gone before any of it could be written.
        Abandoned = "abandoned",
        /// The connection ended while it was being written.
        Broken = "broken",
    }
}

impl ReplyState {
    /// Returns true if nothing more will come of it.
    pub const fn is_over(self) -> bool {
        matches!(self, Self::Left | Self::Abandoned | Self::Broken)
    }
}

impl RuleHit {
    pub(super) fn new(
        rule: Arc<str>,
        plan: Plan,
        suppressed: Vec<Change>,
        idle: Vec<&'static str>,
    ) -> Self {
        let (suppressed, idle) = (suppressed.into(), Mutex::new(idle));
        Self { rule, plan, suppressed, idle, outcome: Mutex::default() }
    }

    /// The effects of the plan that had nothing to act on, by their keys in a scenario file.
    pub fn idle(&self) -> Vec<&'static str> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Adds an effect that had nothing to act on.
    pub(super) fn note_idle(&self, effect: &'static str) -> NotedIdle {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        if idle.contains(&effect) {
            return NotedIdle::Known;
        }
        idle.push(effect);
        if idle.len() == 1 { NotedIdle::First } else { NotedIdle::Further }
    }

    /// Progress of the reply so far.
    pub fn progress(&self) -> ReplyProgress {
        *self.outcome.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A reply with that status and so many bytes of body is written from here on.
    pub fn leaves(&self, status: u16, body: usize) {
        self.note(|it| (it.stage, it.status, it.body) = (ReplyState::Leaving, Some(status), body));
    }

    /// A reply is written byte by byte from here on, `head` bytes of which come before its body.
    pub fn leaves_raw(&self, head: usize) {
        self.note(|it| (it.stage, it.head) = (ReplyState::Leaving, head));
    }

    /// So many more bytes of it were written, which began with a head of that status.
    pub fn wrote(&self, bytes: usize, status: u16) {
        self.note(|it| {
            let of_head = bytes.min(it.head);
            it.head -= of_head;
            it.body += bytes - of_head;
            it.status = it.status.or((it.head == 0).then_some(status));
        });
    }

    /// All of it was written.
    pub fn left(&self) {
        self.note(|it| it.stage = ReplyState::Left);
    }

    /// Nobody writes it any more.
    pub(super) fn end(&self) {
        self.note(|it| match it.stage {
            ReplyState::Held => it.stage = ReplyState::Abandoned,
            ReplyState::Leaving => it.stage = ReplyState::Broken,
            _ => {}
        });
    }

    pub(super) fn booked(&self, count: usize) {
        self.note(|it| it.booked += count);
    }

    fn note(&self, change: impl FnOnce(&mut ReplyProgress)) {
        change(&mut self.outcome.lock().unwrap_or_else(PoisonError::into_inner));
    }
}
