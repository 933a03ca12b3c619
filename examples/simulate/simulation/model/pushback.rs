//! A push-back as the model knows it, and the answers that receivers give to it.

use super::super::history::{Answer, BOXES, BoxAnswer, DEAD_RECEIVER};

/// Seconds from a failed attempt to the next.
const RETRIES_S: [i64; 7] = [5, 300, 1_800, 7_200, 18_000, 36_000, 36_000];
/// Time after which an attempt without an answer has failed.
const TIMEOUT_MS: i64 = 10_000;

/// A notice to a merchant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Pushback {
    pub(crate) merchant: String,
    pub(crate) tx_id: String,
    /// The change that it tells of.
    pub(crate) cause: &'static str,
    pub(crate) receiver: usize,
    pub(crate) created: i64,
    pub(crate) state: PushbackState,
    pub(crate) attempts: Vec<Attempt>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PushbackState {
    /// Sent next at this time.
    Waiting(i64),
    /// The receiver takes its time.
    UnderWay {
        begun: i64,
        ends: i64,
        result: Attempt,
        late: Attempt,
    },
    Acknowledged,
    Exhausted,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Attempt {
    pub(crate) at: i64,
    pub(crate) acknowledged: bool,
    pub(crate) status: Option<u16>,
}

/// What comes of an attempt that begins now: its result, and how long it takes.
pub(crate) struct Course {
    /// Result where nothing comes between.
    pub(crate) result: Attempt,
    pub(crate) takes_ms: i64,
    /// Result where the process ends by itself meanwhile, and the box answers at once.
    pub(crate) cut_short: Attempt,
}

impl Answer {
    /// What the sender makes of it.
    fn result(self, at: i64) -> Attempt {
        let (acknowledged, status) = match self {
            Self::Status(status) => ((200..300).contains(&status), Some(status)),
            // The status came before the rest was missing.
            Self::HalfBody | Self::HalfHead => (false, Some(200)),
            Self::Close | Self::Reset | Self::Garbage => (false, None),
        };
        Attempt { at, acknowledged, status }
    }
}

impl Course {
    pub(crate) fn of(receiver: usize, answers: &[Answer], boxes: [BoxAnswer; 2], at: i64) -> Self {
        let silent = Attempt { at, acknowledged: false, status: None };
        let at_once = |result| Self { result, takes_ms: 0, cut_short: result };
        if let Some(answer) = answers.get(receiver) {
            return at_once(answer.result(at));
        }
        if receiver == DEAD_RECEIVER {
            return at_once(silent);
        }
        match boxes[usize::from(receiver == BOXES[1])] {
            BoxAnswer::Close => at_once(silent),
            BoxAnswer::Status { status, delay_ms } => {
                let answered = Answer::Status(status).result(at);
                let in_time = delay_ms < TIMEOUT_MS;
                Self {
                    result: if in_time { answered } else { silent },
                    takes_ms: delay_ms.min(TIMEOUT_MS),
                    cut_short: answered,
                }
            }
        }
    }
}

impl Pushback {
    /// Time at which something happens to it next.
    pub(crate) fn next(&self) -> Option<i64> {
        match self.state {
            PushbackState::Waiting(due) => Some(due),
            PushbackState::UnderWay { ends, .. } => Some(ends),
            PushbackState::Acknowledged | PushbackState::Exhausted => None,
        }
    }

    /// An attempt has ended at `now`.
    pub(crate) fn ended(&mut self, attempt: Attempt, now: i64) {
        let retry = RETRIES_S.get(self.attempts.len());
        self.state = match retry {
            _ if attempt.acknowledged => PushbackState::Acknowledged,
            Some(seconds) => PushbackState::Waiting(now + seconds * 1_000),
            None => PushbackState::Exhausted,
        };
        self.attempts.push(attempt);
    }

    /// Begins anew where it was under way.
    pub(crate) fn call_back(&mut self, now: i64) {
        if let PushbackState::UnderWay { .. } = self.state {
            self.state = PushbackState::Waiting(now);
        }
    }

    pub(crate) fn state_name(&self) -> &'static str {
        match self.state {
            PushbackState::Waiting(_) => "waiting",
            PushbackState::UnderWay { .. } => "inFlight",
            PushbackState::Acknowledged => "acknowledged",
            PushbackState::Exhausted => "exhausted",
        }
    }
}
