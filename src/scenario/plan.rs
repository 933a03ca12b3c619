//! Plan for one call: a flat value with all random choices made, for others to carry out.

use std::fmt;

use crate::base::{Millis, Period, Reason, sort_by_key};

use super::codec::Many;
use super::draws::Draws;
use super::model::{
    Commit, Disorder, Effect, Latency, Lines, Patch, Pushback, Tampering, Transport,
};

/// Plan for one call.
#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    /// Latency of the answer, in simulated milliseconds.
    pub delay_ms: u64,
    /// Refuse or decline for this reason instead of doing what was asked.
    pub reason: Option<Reason>,
    /// Changes of the reply's body ([`Patch::apply`]).
    pub patch: Option<Patch>,
    /// HTTP status instead of the reply's own.
    pub status: Option<u16>,
    /// Time at which the ledger books what was asked for. With a reason, and unless the rule says otherwise, it never does.
    pub commit: CommitPoint,
    /// Fault of the connection.
    pub transport: Option<Transport>,
    /// Notices in place of each push-back that the call causes.
    pub pushback: PushbackPlan,
}

/// Time at which the ledger books relative to the reply.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CommitPoint {
    /// Before the reply is attempted.
    #[default]
    BeforeReply,
    /// After it was attempted, successfully or not.
    AfterReply,
    /// Not at all.
    Never,
}

/// Notices in place of the one true notice.
#[derive(Clone, Debug, PartialEq)]
pub struct PushbackPlan {
    /// First attempts that are due at once are made before the reply is written.
    pub before_reply: bool,
    /// In place of each notice that the call causes, by the time they are due; none: it is dropped.
    pub notices: Vec<PlannedNotice>,
    /// Sent even though the call causes none.
    pub unasked: Vec<PlannedNotice>,
    /// Disorder among those of several orders.
    pub disorder: Option<Disorder>,
}

/// One delivery.
#[derive(Clone, Debug, PartialEq)]
pub struct PlannedNotice {
    /// Delay after the event, in simulated milliseconds.
    pub delay_ms: u64,
    /// Content ([`Content::body`](super::Content::body)).
    pub content: Content,
    /// The speed at which it is sent; `None`: as fast as it goes.
    pub bytes_per_second: Option<u32>,
}

/// Content of a notice.
#[derive(Clone, Debug, PartialEq)]
pub enum Content {
    /// The truth.
    True,
    /// Something else about the event.
    Tampered(Tampering),
    /// Success of the call's order, which nobody paid.
    Forged,
    /// Success of an order that does not exist.
    UnknownOrder,
}

impl Default for PushbackPlan {
    fn default() -> Self {
        let notices =
            vec![PlannedNotice { delay_ms: 0, content: Content::True, bytes_per_second: None }];
        Self { before_reply: false, notices, unasked: Vec::new(), disorder: None }
    }
}

impl Default for Plan {
    fn default() -> Self {
        Self {
            delay_ms: 0,
            reason: None,
            patch: None,
            status: None,
            commit: CommitPoint::BeforeReply,
            transport: None,
            pushback: PushbackPlan::default(),
        }
    }
}

impl Plan {
    /// Returns true if an HTTP status is all that it changes.
    pub fn is_only_status(&self) -> bool {
        self.status.is_some() && Self { status: None, ..self.clone() } == Self::default()
    }

    /// Draws what `effects` leave to chance.
    pub(super) fn draw(effects: &Lines, draws: &mut Draws, now: Millis, armed: Millis) -> Self {
        let mut plan = Self::default();
        let mut commit = None;
        for effect in &effects.0 {
            match effect {
                Effect::Latency(latency) => {
                    let more = latency.draw(draws.next(), now, armed);
                    plan.delay_ms = plan.delay_ms.saturating_add(more);
                }
                Effect::Reason(reason) => plan.reason = Some(*reason),
                Effect::Patch(patch) => plan.patch = Some(patch.clone()),
                Effect::Status(status) => plan.status = Some(status.0),
                Effect::Commit(point) => commit = Some(CommitPoint::from(*point)),
                Effect::Transport(transport) => plan.transport = Some(transport.clone()),
                Effect::Pushback(pushback) => {
                    plan.pushback = PushbackPlan::draw(pushback, draws, now, armed);
                }
            }
        }
        plan.commit = commit.unwrap_or(match plan.reason {
            None | Some(Reason::Success) => CommitPoint::BeforeReply,
            Some(_) => CommitPoint::Never,
        });
        plan
    }
}

/// In short, for the journal.
impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut said: Vec<String> = Vec::new();
        if self.delay_ms > 0 {
            said.push(format!("latency {} ms", self.delay_ms));
        }
        said.extend(self.reason.map(|reason| format!("reason {reason}")));
        said.extend(self.status.map(|status| format!("status {status}")));
        said.extend(self.patch.as_ref().map(|_| "patch".to_owned()));
        said.extend(match self.commit {
            CommitPoint::BeforeReply => None,
            CommitPoint::AfterReply => Some("commit after".to_owned()),
            CommitPoint::Never => Some("commit never".to_owned()),
        });
        said.extend(
            self.transport.as_ref().map(|transport| format!("transport {}", transport.name())),
        );
        if self.pushback != PushbackPlan::default() {
            let names = |notices: &[PlannedNotice]| {
                notices
                    .iter()
                    .map(|notice| notice.content.kind().name())
                    .collect::<Vec<_>>()
                    .join(" ")
            };
            let before = if self.pushback.before_reply { " before the reply" } else { "" };
            said.push(match names(&self.pushback.notices) {
                none if none.is_empty() => "no push-back".to_owned(),
                notices => format!("push-backs [{notices}]{before}"),
            });
            if !self.pushback.unasked.is_empty() {
                said.push(format!("unasked [{}]", names(&self.pushback.unasked)));
            }
        }
        f.write_str(&if said.is_empty() { "nothing".to_owned() } else { said.join(", ") })
    }
}

impl From<Commit> for CommitPoint {
    fn from(point: Commit) -> Self {
        match point {
            Commit::Approved | Commit::Before => Self::BeforeReply,
            Commit::After => Self::AfterReply,
            Commit::Never => Self::Never,
        }
    }
}

/// Time within which notices are reordered when a rule does not say.
const DISORDER: Period = Period(5000);

impl PushbackPlan {
    fn draw(pushback: &Pushback, draws: &mut Draws, now: Millis, armed: Millis) -> Self {
        let time = |latency: &Option<Latency>, draws: &mut Draws| {
            latency.as_ref().map_or(0, |latency| latency.draw(draws.next(), now, armed))
        };
        let begin = time(&pushback.delay, draws);
        let tamperings = |many: &Option<Many<Tampering>>| {
            many.iter().flat_map(|many| many.0.clone()).map(Content::Tampered).collect::<Vec<_>>()
        };
        let copies = if pushback.drop { 0 } else { pushback.copies.unwrap_or(1) };
        let truth = pushback.instead.clone().map_or(Content::True, Content::Tampered);
        let told = std::iter::repeat_n(truth, copies as usize);
        let contents =
            tamperings(&pushback.first).into_iter().chain(told).chain(tamperings(&pushback.last));

        let mut due = begin;
        let mut notices = Vec::new();
        for (at, content) in contents.enumerate() {
            if at > 0 {
                due = due.saturating_add(time(&pushback.apart, draws));
            }
            let delay_ms = due.saturating_add(disorder(pushback, draws, now, armed));
            notices.push(PlannedNotice {
                delay_ms,
                content,
                bytes_per_second: pushback.bytes_per_second,
            });
        }
        sort_by_key(&mut notices, |notice| notice.delay_ms);
        let unasked =
            [(pushback.forged, Content::Forged), (pushback.unknown_order, Content::UnknownOrder)];
        let unasked = unasked.into_iter().filter(|(wanted, _)| *wanted).map(|(_, content)| {
            PlannedNotice { delay_ms: begin, content, bytes_per_second: pushback.bytes_per_second }
        });
        Self {
            before_reply: pushback.before_reply,
            notices,
            unasked: unasked.collect(),
            disorder: pushback.order,
        }
    }
}

/// Delay of a notice so that those of several orders arrive out of order.
fn disorder(pushback: &Pushback, draws: &mut Draws, now: Millis, armed: Millis) -> u64 {
    let within = pushback.within.unwrap_or(DISORDER).ms();
    match pushback.order {
        Some(Disorder::Shuffled) => draws.below(within + 1),
        // Time is cut into pieces of `within`; each is told backwards once it is over.
        Some(Disorder::Reversed) if within > 0 => {
            let elapsed = now.0.saturating_sub(armed.0).max(0).unsigned_abs();
            2 * (within - elapsed % within)
        }
        Some(Disorder::Reversed) | None => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Seed;
    use crate::scenario::read_rules;

    fn plan(effects: &str, now: i64) -> Plan {
        let text = format!("- {{ id: r, then: [{effects}] }}");
        let rules = read_rules("t", text.as_bytes()).expect("a rule");
        let lines = rules[0].then.clone().expect("effects");
        let mut draws = Draws::new(Seed(7), &[b"x"]);
        Plan::draw(&lines, &mut draws, Millis(now), Millis(0))
    }

    #[test]
    fn the_last_of_a_kind_counts_and_latencies_add_up() {
        let plan = plan("latency: 2s, status: 500, latency: 1s, status: 502", 0);
        assert_eq!((plan.delay_ms, plan.status), (3000, Some(502)));
        assert_eq!(plan.commit, CommitPoint::BeforeReply);
        assert_eq!(plan.pushback, PushbackPlan::default());
    }

    #[test]
    fn a_refusal_books_nothing_unless_told_to() {
        assert_eq!(plan("reason: system.error", 0).commit, CommitPoint::Never);
        let booked = plan("reason: system.error, commit: approved", 0);
        assert_eq!(booked.commit, CommitPoint::BeforeReply);
        assert_eq!(plan("commit: after, transport: reset", 0).commit, CommitPoint::AfterReply);
    }

    #[test]
    fn push_backs_are_planned_in_order() {
        let plan = plan("pushback: { delay: 2s, first: wrong-status, copies: 2, apart: 1s }", 0);
        let told: Vec<_> = plan.pushback.notices.iter().map(|n| (n.delay_ms, &n.content)).collect();
        let tampering = Content::Tampered(Tampering::WrongStatus);
        assert_eq!(told, [(2000, &tampering), (3000, &Content::True), (4000, &Content::True)]);
    }

    #[test]
    fn dropped_and_forged() {
        let plan = plan("pushback: { drop: true, forged: true, delay: 3s }", 0);
        assert!(plan.pushback.notices.is_empty());
        assert_eq!(plan.pushback.unasked.len(), 1);
        assert_eq!(plan.pushback.unasked[0].delay_ms, 3000);
    }

    #[test]
    fn reversed_notices_arrive_last_event_first() {
        let due = |now: i64| {
            let plan = plan("pushback: { order: reversed, within: 10s }", now);
            now.unsigned_abs() + plan.pushback.notices[0].delay_ms
        };
        assert!(due(1000) > due(4000) && due(4000) > due(9999));
        assert!(due(9999) > 10_000 && due(10_001) > due(1000));
    }
}
