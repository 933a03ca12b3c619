//! Coverage of a run: the failures that it met, and those that it did not.
//!
//! Spaces count what happens ([`Counts`]), each in a few hundred bytes that never grow. What could be met comes from the
//! closed sets themselves, so a new reason or fault is asked for as soon as it exists.

use std::borrow::Cow;
use std::fmt;
use std::ops::AddAssign;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::model::{Disorder, Tampering, Transport};
use super::plan::{CommitPoint, Content, Plan, PushbackPlan};
use crate::base::Reason;

/// Number of times each reason decided a request or a payment.
#[derive(Clone, Debug)]
pub struct ReasonsMet([u64; Reason::ALL.len()]);

/// Number of times that rules had each effect.
#[derive(Clone, Debug, Default)]
pub struct PlansMet {
    replies: [u64; REPLIES.len()],
    commits: [u64; COMMITS.len()],
    transports: [u64; Transport::NAMES.len()],
    unasked: [u64; UNASKED.len()],
    tamperings: [u64; Tampering::NAMES.len()],
    manners: [u64; MANNERS.len()],
    /// Notices by their disorder, in the order of [`DISORDERS`].
    disordered: [u64; DISORDERS.len()],
}

/// All that was met.
#[derive(Clone, Debug, Default)]
pub struct Counts {
    /// By requests and payments.
    pub reasons: ReasonsMet,
    /// Of what rules planned.
    pub plans: PlansMet,
}

/// Effects of a rule on a reply beside breaking its connection.
const REPLIES: &[&str] = &["latency", "reason", "patch", "status"];
/// Commit points, in the order of [`CommitPoint`].
const COMMITS: &[&str] = &["before", "after", "never"];
/// Push-backs that nothing caused.
const UNASKED: &[&str] = &["forged", "unknown-order"];
/// Manners in which push-backs are sent.
const MANNERS: &[&str] = &["delayed", "dropped", "copied", "before-reply", "slow", "retried"];
/// Orders in which notices are sent. One alone has none.
const DISORDERS: &[&str] = &["shuffled", "reversed"];

impl Default for ReasonsMet {
    fn default() -> Self {
        Self([0; Reason::ALL.len()])
    }
}

impl ReasonsMet {
    /// Counts one.
    pub fn note(&mut self, reason: Reason) {
        self.0[reason as usize] += 1;
    }

    /// The reasons that were met, each with how often.
    pub fn iter(&self) -> impl Iterator<Item = (Reason, u64)> {
        let all = Reason::ALL.iter().copied().zip(self.0.iter().copied());
        all.filter(|(_, count)| *count > 0)
    }
}

impl PlansMet {
    /// Counts what a rule that steps in does to a call.
    pub fn note_plan(&mut self, plan: &Plan) {
        if *plan == Plan::default() {
            return;
        }
        let done =
            [plan.delay_ms > 0, plan.reason.is_some(), plan.patch.is_some(), plan.status.is_some()];
        add_where(&mut self.replies, done);
        let commits = [CommitPoint::BeforeReply, CommitPoint::AfterReply, CommitPoint::Never];
        add_where(&mut self.commits, commits.map(|point| point == plan.commit));
        if let Some(transport) = &plan.transport {
            add_named(&mut self.transports, Transport::NAMES, transport.name());
        }
    }

    /// Takes an effect of a plan that was counted back, since it had nothing to act on.
    pub fn take_back(&mut self, plan: &Plan, effect: &str) {
        let (counts, at): (&mut [u64], _) = match effect {
            "commit" => (&mut self.commits, Some(plan.commit as usize)),
            "transport" => {
                let name = plan.transport.as_ref().map(Transport::name);
                let at = Transport::NAMES.iter().position(|known| Some(*known) == name);
                (&mut self.transports, at)
            }
            effect => (&mut self.replies, REPLIES.iter().position(|known| *known == effect)),
        };
        if let Some(count) = at.and_then(|at| counts.get_mut(at)) {
            *count = count.saturating_sub(1);
        }
    }

    /// Returns true if two notices or more were sent in another order than that of their events.
    pub fn has_disorder(&self) -> bool {
        self.disordered.iter().sum::<u64>() > 1
    }

    /// Counts how the push-backs of one event are sent.
    pub fn note_pushback(&mut self, plan: &PushbackPlan) {
        let PushbackPlan { before_reply, notices, disorder, .. } = plan;
        let is_slow = notices.iter().any(|notice| notice.bytes_per_second.is_some());
        let done = [
            notices.iter().any(|notice| notice.delay_ms > 0),
            notices.is_empty(),
            notices.len() > 1,
            *before_reply,
            is_slow,
            false,
        ];
        add_where(&mut self.manners, done);
        let number = match disorder {
            Some(Disorder::Shuffled) => Some(0),
            Some(Disorder::Reversed) => Some(1),
            None => None,
        };
        if let Some(count) = number.and_then(|at: usize| self.disordered.get_mut(at)) {
            *count += notices.len() as u64;
        }
    }

    /// Counts what one push-back says.
    pub fn note_notice(&mut self, content: &Content) {
        match content {
            Content::True => {}
            Content::Tampered(tampering) => {
                add_named(&mut self.tamperings, Tampering::NAMES, tampering.name());
            }
            Content::Forged | Content::UnknownOrder => {
                add_named(&mut self.unasked, UNASKED, content.kind().name());
            }
        }
    }

    /// Counts an attempt that the merchant did not take and that is made again.
    pub fn note_retry(&mut self) {
        add_named(&mut self.manners, MANNERS, "retried");
    }
}

fn add_where<const N: usize>(counts: &mut [u64; N], done: [bool; N]) {
    for (count, done) in std::iter::zip(counts, done) {
        *count += u64::from(done);
    }
}

fn add_named(counts: &mut [u64], names: &[&str], name: &str) {
    let place = names.iter().position(|known| *known == name);
    if let Some(count) = place.and_then(|place| counts.get_mut(place)) {
        *count += 1;
    }
}

impl AddAssign<&Self> for ReasonsMet {
    fn add_assign(&mut self, other: &Self) {
        sum(&mut self.0, &other.0);
    }
}

impl AddAssign<&Self> for PlansMet {
    fn add_assign(&mut self, other: &Self) {
        sum(&mut self.replies, &other.replies);
        sum(&mut self.commits, &other.commits);
        sum(&mut self.transports, &other.transports);
        sum(&mut self.unasked, &other.unasked);
        sum(&mut self.tamperings, &other.tamperings);
        sum(&mut self.manners, &other.manners);
        sum(&mut self.disordered, &other.disordered);
    }
}

impl AddAssign<&Self> for Counts {
    fn add_assign(&mut self, other: &Self) {
        self.reasons += &other.reasons;
        self.plans += &other.plans;
    }
}

fn sum(counts: &mut [u64], others: &[u64]) {
    for (count, other) in std::iter::zip(counts, others) {
        *count += other;
    }
}

/// Coverage of everything that can be met.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Coverage {
    /// The share of all rows that were met, in percent.
    pub percent: f64,
    /// Rows that were met.
    pub met: usize,
    /// Rows that there are.
    pub of: usize,
    /// The rows by what they are.
    pub groups: Vec<CoverageGroup>,
}

/// Coverage of one kind.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct CoverageGroup {
    /// Its name.
    pub name: Cow<'static, str>,
    /// Description of its rows.
    pub about: Cow<'static, str>,
    /// Rows that were met.
    pub met: usize,
    /// Rows that there are.
    pub of: usize,
    /// The rows.
    pub rows: Vec<CoverageRow>,
}

/// One thing that can be met.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CoverageRow {
    /// Its name, as in a scenario file.
    pub name: Cow<'static, str>,
    /// Number of times it was met.
    pub count: u64,
}

impl Coverage {
    /// Holds what was met against all that can be.
    pub fn of(met: &Counts) -> Self {
        let Counts { reasons, plans } = met;
        let names: Vec<&'static str> = Reason::ALL.iter().map(|reason| reason.name()).collect();
        let group = CoverageGroup::new;
        let disordered = plans.disordered.map(|notices| if notices > 1 { notices } else { 0 });
        let told = [(UNASKED, &plans.unasked[..]), (Tampering::NAMES, &plans.tamperings[..])];
        let told = told.into_iter().flat_map(|(names, counts)| rows(names, counts)).collect();
        let groups = vec![
            group(
                "reasons",
                "why a request or a payment ended as it did",
                rows(&names, &reasons.0),
            ),
            group(
                "commit",
                "when a rule had it booked, relative to the reply",
                rows(COMMITS, &plans.commits),
            ),
            group("reply", "what a rule did to a reply", rows(REPLIES, &plans.replies)),
            group(
                "transport",
                "how a connection was broken",
                rows(Transport::NAMES, &plans.transports),
            ),
            group(
                "push-back",
                "how push-backs were sent",
                [rows(MANNERS, &plans.manners), rows(DISORDERS, &disordered)].concat(),
            ),
            group("notice", "what false push-backs said", told),
        ];
        let (met, of) =
            groups.iter().fold((0, 0), |(met, of), group| (met + group.met, of + group.of));
        let percent = (met as f64 * 1000.0 / of.max(1) as f64).round() / 10.0;
        Self { percent, met, of, groups }
    }
}

fn rows(names: &[&'static str], counts: &[u64]) -> Vec<CoverageRow> {
    let pairs = std::iter::zip(names, counts);
    pairs.map(|(name, count)| CoverageRow { name: (*name).into(), count: *count }).collect()
}

impl CoverageGroup {
    fn new(name: &'static str, about: &'static str, rows: Vec<CoverageRow>) -> Self {
        let met = rows.iter().filter(|row| row.count > 0).count();
        Self { name: name.into(), about: about.into(), met, of: rows.len(), rows }
    }

    /// The names of the rows that were not met.
    pub fn missed(&self) -> impl Iterator<Item = &str> {
        self.rows.iter().filter(|row| row.count == 0).map(|row| &*row.name)
    }
}

/// For people: a line for each kind, and below it what was not met.
impl fmt::Display for Coverage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for group in &self.groups {
            writeln!(f, "{:<10} {:>3} of {:<3} {}", group.name, group.met, group.of, group.about)?;
            let missed: Vec<&str> = group.missed().collect();
            let mut line = String::new();
            for (at, name) in missed.iter().enumerate() {
                if line.len() + name.len() > 88 {
                    writeln!(f, "           {}", line.trim_end())?;
                    line.clear();
                }
                let before = if at == 0 { "not met: " } else { "" };
                let after = if at + 1 < missed.len() { ", " } else { "" };
                line = format!("{line}{before}{name}{after}");
            }
            if !line.is_empty() {
                writeln!(f, "           {line}")?;
            }
        }
        writeln!(f, "{} of {} met: {:.1} %", self.met, self.of, self.percent)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_counted_is_met_and_sums_add_up() {
        let mut met = Counts::default();
        assert_eq!(Coverage::of(&met).met, 0);
        for reason in Reason::ALL {
            met.reasons.note(*reason);
        }
        met.plans.note_plan(&Plan {
            delay_ms: 1,
            transport: Some(Transport::Hang),
            commit: CommitPoint::Never,
            ..Plan::default()
        });
        let mut pushback = PushbackPlan::default();
        pushback.notices.clear();
        met.plans.note_pushback(&pushback);
        met.plans.note_notice(&Content::Tampered(Tampering::Form));
        met.plans.note_notice(&Content::Forged);
        met.plans.note_notice(&Content::True);
        met.plans.note_retry();
        let twice = {
            let mut twice = met.clone();
            twice += &met;
            twice
        };
        for (met, count) in [(met, 1), (twice, 2)] {
            let coverage = Coverage::of(&met);
            let reasons = Reason::ALL.len();
            assert_eq!(coverage.met, reasons + 7);
            assert_eq!(coverage.groups[0].met, reasons);
            let of = coverage.groups.iter().map(|group| group.rows.len()).sum::<usize>();
            assert_eq!(coverage.of, of);
            let named = |name: &str| {
                let rows = coverage.groups.iter().flat_map(|group| &group.rows);
                rows.filter(|row| row.name == name).map(|row| row.count).sum::<u64>()
            };
            for name in ["hang", "dropped", "form", "forged", "retried", "latency", "never"] {
                assert_eq!(named(name), count, "{name}");
            }
        }
    }

    #[test]
    fn what_changed_nothing_is_not_met() {
        let met = |plans: PlansMet| Coverage::of(&Counts { plans, ..Counts::default() }).met;
        let mut plans = PlansMet::default();
        plans.note_plan(&Plan::default());
        assert_eq!(met(plans.clone()), 0, "a rule without effects");
        let plan = Plan {
            transport: Some(Transport::Hang),
            status: Some(500),
            commit: CommitPoint::Never,
            ..Plan::default()
        };
        plans.note_plan(&plan);
        assert_eq!(met(plans.clone()), 3);
        for (left, effect) in [(2, "transport"), (1, "status"), (0, "commit"), (0, "pushback")] {
            plans.take_back(&plan, effect);
            assert_eq!(met(plans.clone()), left, "{effect}");
        }
        let pushback =
            PushbackPlan { disorder: Some(Disorder::Reversed), ..PushbackPlan::default() };
        plans.note_pushback(&pushback);
        assert!(met(plans.clone()) == 0 && !plans.has_disorder(), "one notice has no order");
        plans.note_pushback(&pushback);
        assert!(met(plans.clone()) == 1 && plans.has_disorder());
    }

    #[test]
    fn what_was_not_met_is_named() {
        let text = Coverage::of(&Counts::default()).to_string();
        assert!(text.contains("not met: before, after, never"), "{text}");
        assert!(text.lines().all(|line| line.len() <= 110), "{text}");
        assert!(text.ends_with("met: 0.0 %\n"), "{text}");
    }
}
