//! The report of a session: what differs, what it says of each assumption, and how much was exercised.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde::Serialize;

use super::difference::{AnswerDifference, DifferenceClass, DifferenceGroup, DifferencePlace};
use super::fix::Fix;
use super::judge::{Finding, RECIPE_KEYS, ShadowJudge};
use super::latency::{self, LatencySummary, SAMPLES_MIN};
use crate::base::{Operation, OverallVerdict, printable};
use crate::profile::{Mark, ReplyChange, ReplyKind};

/// The flag that lets it pass although not everything was compared.
const ALLOWING: &str = "--allow-uncompared";

/// Report of a session.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ShadowReport {
    /// The profile that was judged.
    pub profile: String,
    /// The gateway, and whether it is none of PAYON's.
    pub upstream: String,
    /// Day of the latest call, yyyy-MM-dd in Cambodia.
    pub day: String,
    /// Calls that came.
    pub calls: u64,
    /// Calls that were compared.
    pub compared: u64,
    /// Push-backs that came.
    pub pushbacks: u64,
    /// Requests of other kinds, such as payer's pages, which are passed on and never compared.
    pub passed: u64,
    /// Answers that came from a payon-sim. They say nothing of PAYON, so a patch confirms nothing then.
    pub simulated: u64,
    /// Rows of lists that were left out, since their orders are unknown here or were changing.
    pub rows_skipped: u64,
    /// Calls that were not compared, by why.
    pub uncompared: Vec<UncomparedCount>,
    /// Differences, each place once.
    pub findings: Vec<ShadowFinding>,
    /// Behaviours of the profile, each with what the gateway says of it.
    pub assumptions: Vec<AssumptionView>,
    /// Extent of what was exercised.
    pub surface: Surface,
    /// Times to answer, by operation and kind of reply.
    pub latencies: Vec<LatencyView>,
    /// All findings with their fixes.
    #[serde(skip)]
    pub(super) found: Vec<Finding>,
}

/// So many calls were not compared for one reason.
#[derive(Clone, Debug, Serialize)]
pub struct UncomparedCount {
    /// The reason.
    pub why: &'static str,
    /// Calls.
    pub count: u64,
}

/// A difference as reports show it.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ShadowFinding {
    /// Place.
    #[serde(flatten)]
    pub place: DifferencePlace,
    /// Group of its class.
    pub group: DifferenceGroup,
    /// The line of the profile that holds the contradicted behaviour.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub held_by: Option<String>,
    /// Calls that differ there.
    pub count: u64,
    /// Number of the first of them, counted from 1.
    pub first_call: u64,
    /// Pairs of values.
    pub samples: Vec<SamplePair>,
    /// True if a change of the profile takes it away.
    pub is_fixable: bool,
}

/// Values of one call.
#[derive(Clone, Debug, Serialize)]
pub struct SamplePair {
    /// The gateway's.
    pub upstream: String,
    /// The simulator's.
    pub simulator: String,
}

/// One behaviour of the profile and what the gateway says of it.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct AssumptionView {
    /// Its key.
    pub key: String,
    /// Its mark so far.
    pub mark: Mark,
    /// Description.
    pub about: String,
    /// The line that holds it.
    pub held_by: String,
    /// Verdict.
    pub verdict: Verdict,
    /// Answers that confirm it.
    pub confirmed: u64,
    /// Answers that contradict it.
    pub contradicted: u64,
}

/// Verdict on a behaviour.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// At least one answer contradicts it.
    Contradicted,
    /// Answers confirm it, and none contradicts it.
    Confirmed,
    /// No call has put it to the test.
    Unseen,
}

/// Extent of what was exercised.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Surface {
    /// Behaviours that were confirmed or contradicted.
    pub seen: usize,
    /// Behaviours in all.
    pub behaviours: usize,
    /// The same of those that are assumed only.
    pub assumptions_seen: usize,
    /// Assumptions in all.
    pub assumptions: usize,
    /// Operations with an accepted and with a refused call.
    pub operations: Vec<OperationCount>,
}

/// Calls of one operation.
#[derive(Clone, Debug, Serialize)]
pub struct OperationCount {
    /// The operation.
    pub operation: Operation,
    /// Calls that the gateway accepted.
    pub accepted: u64,
    /// Calls that it refused.
    pub refused: u64,
}

/// Times of one kind of reply.
#[derive(Clone, Debug, Serialize)]
pub struct LatencyView {
    /// The operation.
    pub operation: Operation,
    /// The replies.
    pub of: ReplyKind,
    /// The times.
    #[serde(flatten)]
    pub times: LatencySummary,
}

impl ShadowReport {
    /// The report of what a judge has found so far, without what shows only at the end.
    pub fn so_far(judge: &ShadowJudge) -> Self {
        Self::build(judge, "", Vec::new())
    }

    /// The report of what a judge has found. Calls that still wait are judged first.
    pub fn of(judge: &mut ShadowJudge, upstream: &str) -> Self {
        judge.settle(None);
        let (confirmed, late) = judge.notices.finish(&judge.profile, judge.latest);
        let latencies: Vec<LatencyView> = judge
            .latencies
            .iter()
            .map(|((operation, of), times)| LatencyView {
                operation: *operation,
                of: *of,
                times: times.summary(),
            })
            .collect();
        let slow: Vec<AnswerDifference> =
            latencies.iter().filter_map(|view| latency_difference(judge, view)).collect();
        for key in confirmed {
            judge.confirm(key);
        }
        for difference in late.into_iter().chain(slow) {
            judge.note(0, difference);
        }
        Self::build(judge, upstream, latencies)
    }

    fn build(judge: &ShadowJudge, upstream: &str, latencies: Vec<LatencyView>) -> Self {
        let found: Vec<Finding> = judge.findings.values().cloned().collect();
        let assumptions = assumptions(judge, &found);
        let held_by = |key: &Option<String>| {
            let entries = judge.profile.provenance();
            let entry = entries.iter().find(|entry| Some(&entry.key) == key.as_ref());
            entry.map(|entry| entry.place.to_string())
        };
        let findings = found.iter().map(|finding| ShadowFinding {
            group: finding.place.class.group(),
            held_by: held_by(&finding.place.key),
            count: finding.count,
            first_call: finding.first_call,
            samples: finding
                .samples
                .iter()
                .map(|(upstream, simulator)| SamplePair {
                    upstream: upstream.clone(),
                    simulator: simulator.clone(),
                })
                .collect(),
            is_fixable: !finding.fixes.is_empty(),
            place: finding.place.clone(),
        });
        let counts = &judge.counts;
        Self {
            profile: judge.profile.name.clone(),
            upstream: if counts.simulated == 0 {
                upstream.to_owned()
            } else {
                format!("{upstream} (a payon-sim: nothing of this is proof of PAYON)")
            },
            day: judge.latest.rfc3339().chars().take(10).collect(),
            calls: counts.calls,
            compared: counts.compared,
            pushbacks: counts.pushbacks,
            passed: counts.passed,
            simulated: counts.simulated,
            rows_skipped: counts.rows_skipped,
            uncompared: counts
                .uncompared
                .iter()
                .map(|(why, count)| UncomparedCount { why: why.about(), count: *count })
                .collect(),
            findings: findings.collect(),
            surface: surface(judge, &assumptions),
            assumptions,
            latencies,
            found,
        }
    }

    /// The verdict: it passes where something was judged, nothing differs and, unless that is allowed, everything was compared.
    pub fn verdict(&self, allows_uncompared: bool) -> OverallVerdict {
        let (mut reasons, mut waivers) = (Vec::new(), Vec::new());
        if self.calls + self.pushbacks == 0 {
            reasons.push("nothing came, so nothing is said".to_owned());
        } else if self.compared + self.pushbacks == 0 {
            reasons.push("nothing was compared, so nothing is said".to_owned());
        }
        if !self.findings.is_empty() {
            reasons.push(format!("places that differ: {}", self.findings.len()));
        }
        let uncompared: u64 = self.uncompared.iter().map(|it| it.count).sum();
        let told = format!("not everything was compared (left out: {uncompared})");
        match (uncompared, allows_uncompared) {
            (0, _) => {}
            (_, true) => waivers.push(format!("{ALLOWING}: {told}")),
            (_, false) => {
                reasons.push(format!("{told}, which counts as failed; {ALLOWING} lets it pass"));
            }
        }
        OverallVerdict::new(reasons, waivers)
    }

    /// Returns true if [`ShadowReport::verdict`] has nothing against it.
    pub fn passes(&self, allows_uncompared: bool) -> bool {
        self.verdict(allows_uncompared).passes()
    }

    /// The report for people at a terminal.
    pub fn text(&self) -> String {
        let mut text = String::new();
        // Writing into a String cannot fail.
        let mut line = |args: std::fmt::Arguments<'_>| {
            let _ = writeln!(text, "{args}");
        };
        line(format_args!("{} against the profile {}", self.upstream, self.profile));
        line(format_args!(
            "{} calls, {} compared; {} push-backs; {} other requests passed on",
            self.calls, self.compared, self.pushbacks, self.passed
        ));
        for UncomparedCount { why, count } in &self.uncompared {
            line(format_args!("  not compared: {count}, {why}"));
        }
        if self.rows_skipped > 0 {
            line(format_args!("  rows of lists left out: {}", self.rows_skipped));
        }
        line(format_args!("\nDifferences: {}", self.findings.len()));
        for group in DifferenceClass::ALL.iter().map(|class| class.group()).collect::<Unique>().0 {
            for finding in self.findings.iter().filter(|finding| finding.group == group) {
                let ShadowFinding { place, held_by, count, samples, is_fixable, .. } = finding;
                let of = match place.of {
                    ReplyKind::Any => String::new(),
                    of => format!(" ({})", of.name()),
                };
                let path = if place.path.is_empty() { "the reply" } else { &place.path };
                let fix = if *is_fixable { "" } else { "; no setting changes this" };
                line(format_args!(
                    "\n  {} {}{of} {path}: {count} times{fix}",
                    place.class, place.operation
                ));
                if let Some(reason) = &place.reason {
                    line(format_args!("    reason     {reason}"));
                }
                for SamplePair { upstream, simulator } in samples {
                    line(format_args!("    gateway    {upstream}"));
                    line(format_args!("    simulator  {simulator}"));
                }
                if let (Some(key), Some(held_by)) = (&place.key, held_by) {
                    line(format_args!("    {key}, {held_by}"));
                }
            }
        }
        let Surface { seen, behaviours, assumptions_seen, assumptions, .. } = &self.surface;
        let count = |verdict| {
            let own = self.assumptions.iter().filter(|it| it.mark == Mark::Assumed);
            own.filter(|it| it.verdict == verdict).count()
        };
        line(format_args!(
            "\nAssumptions: {assumptions_seen} of {assumptions} put to the test: {} confirmed, {} contradicted; {} not seen",
            count(Verdict::Confirmed),
            count(Verdict::Contradicted),
            count(Verdict::Unseen),
        ));
        line(format_args!("Behaviours of all marks: {seen} of {behaviours} put to the test"));
        let is_used = |it: &&OperationCount| it.accepted + it.refused > 0;
        let used = self.surface.operations.iter().filter(is_used);
        for OperationCount { operation, accepted, refused } in used {
            line(format_args!("  {operation}: {accepted} accepted, {refused} refused"));
        }
        printable(&text).into_owned()
    }

    /// The report as indented JSON.
    pub fn json(&self) -> String {
        // Texts and numbers into memory cannot fail.
        serde_json::to_string_pretty(self).unwrap_or_default() + "\n"
    }
}

/// Groups in the order of their first class.
struct Unique(Vec<DifferenceGroup>);

impl FromIterator<DifferenceGroup> for Unique {
    fn from_iter<I: IntoIterator<Item = DifferenceGroup>>(groups: I) -> Self {
        let mut unique = Vec::new();
        for group in groups {
            if !unique.contains(&group) {
                unique.push(group);
            }
        }
        Self(unique)
    }
}

fn latency_difference(judge: &ShadowJudge, view: &LatencyView) -> Option<AnswerDifference> {
    let LatencyView { operation, of, times } = view;
    if times.count < SAMPLES_MIN {
        return None;
    }
    let is_success = *of == ReplyKind::Success;
    let known = judge.profile.replies.latency(*operation, is_success);
    if !latency::differ(&times.histogram, known) {
        return None;
    }
    let place = DifferencePlace::new(DifferenceClass::Latency, *operation, *of, "latency");
    let change = ReplyChange {
        on: vec![*operation],
        of: *of,
        latency: times.histogram.clone(),
        ..ReplyChange::default()
    };
    Some(AnswerDifference {
        place,
        upstream: format!("median {} ms, p99 {} ms", times.median_ms, times.p99_ms),
        simulator: format!("median {} ms", latency::quantile(known, 50)),
        fixes: vec![Fix::Shape(Box::new(change))],
    })
}

fn assumptions(judge: &ShadowJudge, found: &[Finding]) -> Vec<AssumptionView> {
    let mut contradicted: BTreeMap<&str, u64> = BTreeMap::new();
    for finding in found {
        if let Some(key) = &finding.place.key {
            *contradicted.entry(key).or_default() += finding.count;
        }
    }
    let entries = judge.profile.provenance().iter().map(|entry| {
        let says_nothing = !judge.minds_signatures && RECIPE_KEYS.contains(&&*entry.key);
        let confirmed = judge.confirmed.get(&entry.key).filter(|_| !says_nothing);
        let confirmed = confirmed.copied().unwrap_or_default();
        let contradicted = contradicted.get(entry.key.as_str()).copied().unwrap_or_default();
        AssumptionView {
            key: entry.key.clone(),
            mark: entry.mark,
            about: entry.about.clone(),
            held_by: entry.place.to_string(),
            verdict: match (contradicted, confirmed) {
                (1.., _) => Verdict::Contradicted,
                (0, 1..) => Verdict::Confirmed,
                (0, 0) => Verdict::Unseen,
            },
            confirmed,
            contradicted,
        }
    });
    entries.collect()
}

fn surface(judge: &ShadowJudge, assumptions: &[AssumptionView]) -> Surface {
    let is_seen = |it: &&AssumptionView| it.verdict != Verdict::Unseen;
    let is_assumed = |it: &&AssumptionView| it.mark == Mark::Assumed;
    let calls =
        |operation, of| judge.counts.exercised.get(&(operation, of)).copied().unwrap_or_default();
    let operations = Operation::ALL.iter().map(|operation| OperationCount {
        operation: *operation,
        accepted: calls(*operation, ReplyKind::Success),
        refused: calls(*operation, ReplyKind::Refusal),
    });
    Surface {
        seen: assumptions.iter().filter(is_seen).count(),
        behaviours: assumptions.len(),
        assumptions_seen: assumptions.iter().filter(is_assumed).filter(is_seen).count(),
        assumptions: assumptions.iter().filter(is_assumed).count(),
        operations: operations.collect(),
    }
}
