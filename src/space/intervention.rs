//! A rule that stepped in at a request, and what came of its plan: what it kept from the books, and how the reply left.
//!
//! A request's entry in the journal and the course of its reply share it, so what comes after the entry was written is
//! seen in it without looking the entry up.

use std::sync::{Arc, Mutex, PoisonError};

use crate::ledger::Change;
use crate::scenario::Plan;

/// A rule that stepped in.
#[derive(Debug)]
pub struct Intervention {
    /// The rule.
    pub rule: Arc<str>,
    /// What it planned.
    pub plan: Plan,
    /// What was decided and not booked before the reply: it is booked after it, or never, as planned.
    pub withheld: Box<[Change]>,
    /// Effects of the plan that had nothing to act on.
    idle: Mutex<Vec<&'static str>>,
    outcome: Mutex<Departure>,
}

/// How a reply has left so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Departure {
    /// Where it is.
    pub stage: Stage,
    /// The HTTP status that was written; `None` while there is none, or never is.
    pub status: Option<u16>,
    /// Bytes of the body that were written.
    pub body: usize,
    /// How much of what was withheld was booked after the reply.
    pub booked: usize,
    /// Bytes of the head that come before the body.
    head: usize,
}

/// Where a reply is on its way to the caller.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Stage {
    /// Held back: for its latency, or for push-backs that go first.
    #[default]
    Held,
    /// Being written.
    Leaving,
    /// All of it that the plan lets out was written.
    Left,
    /// The caller was gone before any of it could be written.
    Abandoned,
    /// The connection ended while it was being written.
    Broken,
}

impl Stage {
    /// The name that the control plane uses.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Held => "held",
            Self::Leaving => "leaving",
            Self::Left => "left",
            Self::Abandoned => "abandoned",
            Self::Broken => "broken",
        }
    }

    /// Whether nothing more will come of it.
    pub const fn is_over(self) -> bool {
        matches!(self, Self::Left | Self::Abandoned | Self::Broken)
    }
}

impl Intervention {
    pub(super) fn new(
        rule: Arc<str>,
        plan: Plan,
        withheld: Vec<Change>,
        idle: Vec<&'static str>,
    ) -> Self {
        let (withheld, idle) = (withheld.into(), Mutex::new(idle));
        Self { rule, plan, withheld, idle, outcome: Mutex::default() }
    }

    /// The effects of the plan that had nothing to act on, by their keys in a scenario file.
    pub fn idle(&self) -> Vec<&'static str> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Adds an effect that had nothing to act on. Returns whether it is the first.
    pub(super) fn note_idle(&self, effect: &'static str) -> bool {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        idle.push(effect);
        idle.len() == 1
    }

    /// How the reply has left so far.
    pub fn departure(&self) -> Departure {
        *self.outcome.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A reply with that status and so many bytes of body is written from here on.
    pub fn leaves(&self, status: u16, body: usize) {
        self.note(|it| (it.stage, it.status, it.body) = (Stage::Leaving, Some(status), body));
    }

    /// A reply is written byte by byte from here on, `head` bytes of which come before its body.
    pub fn leaves_raw(&self, head: usize) {
        self.note(|it| (it.stage, it.head) = (Stage::Leaving, head));
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
        self.note(|it| it.stage = Stage::Left);
    }

    /// Nobody writes it any more.
    pub(super) fn end(&self) {
        self.note(|it| match it.stage {
            Stage::Held => it.stage = Stage::Abandoned,
            Stage::Leaving => it.stage = Stage::Broken,
            _ => {}
        });
    }

    pub(super) fn booked(&self) {
        self.note(|it| it.booked += 1);
    }

    fn note(&self, change: impl FnOnce(&mut Departure)) {
        change(&mut self.outcome.lock().unwrap_or_else(PoisonError::into_inner));
    }
}
