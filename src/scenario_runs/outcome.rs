//! Results of running scenarios, in the form that reports are made of.

use std::ops::AddAssign;

use serde::Serialize;

use super::conduct::Conduct;
use super::drive::OTHER_TILL;
use crate::base::{Amount, JsonTree, Millis, OrderState, Reason, named_enum, sort_by};
use crate::scenario::{Belief, Counts, Coverage, Expectation, ExpectationVerdict, SpaceHistory};

/// Results of one run: its scenarios in the order in which they were given.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Outcomes {
    /// The tested merchant.
    pub merchant: MerchantKind,
    /// One for each scenario.
    #[serde(rename = "stories")]
    pub scenarios: Vec<ScenarioOutcome>,
    /// Duration of the run, in real milliseconds.
    pub took_ms: u64,
}

/// The merchant under test.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase", tag = "kind")]
pub enum MerchantKind {
    /// The built-in one.
    BuiltIn {
        /// The styles that it was told to have, by name.
        styles: Vec<&'static str>,
        /// The bugs that it was told to have, by name.
        mistakes: Vec<&'static str>,
    },
    /// A command of the user's.
    Command {
        /// Its name and arguments.
        line: Vec<String>,
    },
    /// A shop of the user's.
    UnderTest {
        /// Its name.
        name: String,
        /// Its merchant file.
        file: String,
    },
}

named_enum! {
    /// Result of a run.
    pub enum Conclusion ("a conclusion") {
        /// It was not run, because the merchant cannot do what it needs.
        NotApplicable = "not applicable",
        /// Everything that was expected was judged and is so, and nothing was left out.
        Ok = "ok",
        /// Everything judged is as expected, but not everything could be judged, or something was left out.
        PartlyJudged = "partly judged",
        /// Something is not as expected, or went wrong on the way.
        Failed = "failed",
    }
}

impl Conclusion {
    /// Returns true if somebody has to look at it.
    pub const fn is_open(self) -> bool {
        matches!(self, Self::PartlyJudged | Self::Failed)
    }
}

/// Results of the expectations of one scenario, or of all.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct VerdictCounts {
    /// Expectations that are met.
    pub met: usize,
    /// Expectations that are not met.
    pub failed: usize,
    /// Expectations that could not be judged, and gaps.
    pub not_judged: usize,
}

impl VerdictCounts {
    /// All of them.
    pub const fn all(self) -> usize {
        self.met + self.failed + self.not_judged
    }
}

impl AddAssign for VerdictCounts {
    fn add_assign(&mut self, other: Self) {
        self.met += other.met;
        self.failed += other.failed;
        self.not_judged += other.not_judged;
    }
}

/// Result of one scenario.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ScenarioOutcome {
    /// Its id, such as S014.
    pub id: String,
    /// Its title.
    pub title: String,
    /// Reason why it happens in production.
    pub why: Option<String>,
    /// Behaviour of a correct merchant.
    pub correct: Option<String>,
    /// The file it was read from; `scenarios/NAME.yaml` where it comes with the program.
    pub file: String,
    /// The seed of every choice in it.
    pub seed: u64,
    /// True if all that was expected was judged and is so, and nothing went wrong on the way.
    pub ok: bool,
    /// Reason why it was not run: the shop cannot do what the scenario needs. Such a scenario is neither passed nor failed.
    pub not_applicable: Option<String>,
    /// The same with the difference between what failed and what was not judged.
    pub verdict: Conclusion,
    /// Number of expectations are met, failed or were not judged.
    pub counts: VerdictCounts,
    /// Obstacle that kept it from running to its end, or the failure of the command.
    pub error: Option<String>,
    /// True if that is that no port was to be had.
    #[serde(skip)]
    pub is_unbound: bool,
    /// True if the obstacle says nothing about how the merchant behaves: it could not be started, or the run was ended.
    #[serde(skip)]
    pub is_cut_off: bool,
    /// True if that is that the shop's process ended by itself.
    #[serde(skip)]
    pub has_died: bool,
    /// True if two orders of the shop have one txId.
    #[serde(skip)]
    pub shares_tx_ids: bool,
    /// True if more was given back than the steps have asked for.
    #[serde(skip)]
    pub gives_back_too_much: bool,
    /// Things that the merchant was seen to do right.
    #[serde(skip)]
    pub conduct: Vec<Conduct>,
    /// One for each expectation, in their order; none where there was nothing to judge.
    pub verdicts: Vec<Judged>,
    /// Gaps, a sentence each: steps that nobody made, rules that never stepped in.
    pub gaps: Vec<String>,
    /// Result of an earlier run of the same scenario, where that one failed by its time alone and this one has a slower clock.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first_run: Option<String>,
    /// Remark that changes no verdict: what the command left running.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// Calls to a shop under test with their answers, a line each.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub calls: Vec<String>,
    /// Events of each order, in the order of their registration.
    pub orders: Vec<OrderStory>,
    /// Duration, in real milliseconds.
    pub took_ms: u64,
    /// Simulated time that passed in it, in milliseconds.
    pub simulated_ms: u64,
    /// The command that gives the same run again.
    pub repeat: String,
    /// Failures that were met on the way; reports have them for all scenarios together.
    #[serde(skip)]
    pub met: Counts,
}

/// An expectation and what was found.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Judged {
    /// The expectation as it stands in the file.
    pub expectation: JsonTree,
    /// Reason why it matters.
    pub about: Option<String>,
    /// Its verdict.
    #[serde(flatten)]
    pub verdict: ExpectationVerdict,
}

/// Events of one order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct OrderStory {
    /// `merchantId`.
    pub merchant_id: String,
    /// `txId`.
    pub tx_id: String,
    /// State in the gateway's ledger.
    #[serde(serialize_with = "state_name")]
    pub state: OrderState,
    /// Reason why it failed.
    pub reason: Option<Reason>,
    /// The currency of its amounts.
    pub currency: &'static str,
    /// Ordered, a decimal like all amounts here.
    pub amount: String,
    /// Captured.
    pub captured: String,
    /// Given back.
    pub returned: String,
    /// The merchant's belief; `None` where it cannot be asked.
    pub believes: Option<&'static str>,
    /// Number of times the merchant has shipped the goods; `None` where it cannot be asked.
    pub shipped: Option<u32>,
    /// True if its payment was approved, and nothing of it ever captured.
    #[serde(skip)]
    pub is_only_held: bool,
    /// True if money was taken or held for it, for however long, or its goods were shipped.
    #[serde(skip)]
    pub has_moved: bool,
    /// All that happened to it, oldest first.
    pub events: Vec<OrderEventLine>,
}

/// One thing that happened to an order.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct OrderEventLine {
    /// Time, in simulated milliseconds since the scenario began.
    pub at_ms: i64,
    /// `call`, `change` or `pushback`.
    pub kind: &'static str,
    /// The operation that was called, what changed, or what caused the push-back.
    pub name: String,
    /// Result: the reason and the HTTP status of a call, the merchant's answer to a push-back.
    pub detail: String,
    /// The rule that stepped in.
    pub rule: Option<String>,
    /// The request's name in the journal.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trace: Option<String>,
}

impl ScenarioOutcome {
    /// Returns true if the merchant has failed, in contrast to a scenario that could not be run to its end.
    pub fn is_failure(&self) -> bool {
        self.verdict == Conclusion::Failed && !self.is_cut_off
    }

    /// Returns true if it says something about the merchant: all that was expected was judged, or something has failed.
    pub fn is_judged(&self) -> bool {
        self.verdict == Conclusion::Ok || self.is_failure()
    }

    /// Returns true if it was run to its end and all that was expected was judged, whatever came of it.
    pub fn is_judged_in_full(&self) -> bool {
        self.not_applicable.is_none() && self.error.is_none() && self.counts.not_judged == 0
    }

    /// The sentences of what failed, if nothing but bounds of time failed in it: a machine that is too busy can do that.
    pub(super) fn failures_of_time(&self, expectations: &[Expectation]) -> Option<Vec<String>> {
        if !self.is_failure() || self.error.is_some() {
            return None;
        }
        let failed = expectations
            .iter()
            .zip(&self.verdicts)
            .filter(|(_, judged)| judged.verdict.judged && !judged.verdict.ok);
        let told = failed
            .map(|(wanted, judged)| wanted.is_about_time().then(|| judged.verdict.detail.clone()));
        told.collect()
    }

    /// Draws the conclusion from what was found.
    pub fn conclude(&mut self) {
        let count = |fits: fn(&ExpectationVerdict) -> bool| {
            self.verdicts.iter().filter(|judged| fits(&judged.verdict)).count()
        };
        self.counts = VerdictCounts {
            met: count(|verdict| verdict.judged && verdict.ok),
            failed: count(|verdict| verdict.judged && !verdict.ok),
            not_judged: count(|verdict| !verdict.judged) + self.gaps.len(),
        };
        self.verdict = match self.counts {
            _ if self.not_applicable.is_some() => Conclusion::NotApplicable,
            _ if self.error.is_some() => Conclusion::Failed,
            VerdictCounts { failed: 1.., .. } => Conclusion::Failed,
            VerdictCounts { not_judged: 1.., .. } => Conclusion::PartlyJudged,
            VerdictCounts { .. } => Conclusion::Ok,
        };
        self.ok = self.verdict == Conclusion::Ok;
    }
}

impl Outcomes {
    /// The scenarios that were run, in contrast to those that need what the shop cannot do.
    pub fn applicable(&self) -> impl Iterator<Item = &ScenarioOutcome> {
        self.scenarios.iter().filter(|scenario| scenario.not_applicable.is_none())
    }

    /// The worst that came of a scenario that applies; where none does, nothing was tested, which is a failure.
    pub fn verdict(&self) -> Conclusion {
        self.applicable().map(|scenario| scenario.verdict).max().unwrap_or(Conclusion::Failed)
    }

    /// Results of the expectations of all scenarios.
    pub fn counts(&self) -> VerdictCounts {
        let mut counts = VerdictCounts::default();
        self.scenarios.iter().for_each(|scenario| counts += scenario.counts);
        counts
    }

    /// Number of scenarios came to that.
    pub fn count(&self, verdict: Conclusion) -> usize {
        self.scenarios.iter().filter(|scenario| scenario.verdict == verdict).count()
    }

    /// Coverage of all scenarios together.
    pub fn coverage(&self) -> Coverage {
        let mut met = Counts::default();
        for scenario in &self.scenarios {
            met += &scenario.met;
        }
        Coverage::of(&met)
    }
}

impl Judged {
    /// Puts expectations and their verdicts side by side.
    pub fn all(expectations: &[Expectation], verdicts: Vec<ExpectationVerdict>) -> Vec<Self> {
        let pairs = std::iter::zip(expectations, verdicts);
        pairs
            .map(|(expectation, verdict)| Self {
                expectation: expectation.to_json(),
                about: expectation.about.clone(),
                verdict,
            })
            .collect()
    }

    /// The difference between what was expected and what was found, in one line.
    pub fn shortcoming(&self) -> String {
        let about = self.about.as_deref().map(|about| format!("{about}: ")).unwrap_or_default();
        let mut line = format!("{about}{}", self.verdict.detail);
        if let Some(nearest) = &self.verdict.nearest {
            let points = nearest.differences.iter();
            let points =
                points.map(|it| format!(" ({}: wanted {}, found {})", it.key, it.wanted, it.found));
            line.extend(["; ".to_owned(), nearest.what.clone()]);
            line.extend(points);
        }
        line
    }
}

impl OrderStory {
    /// The scenario of every order in `history` but those of another till, of which the merchant's shop knows nothing.
    pub fn all(history: &SpaceHistory) -> Vec<Self> {
        let own = history.orders.iter().filter(|order| !order.tx_id.starts_with(OTHER_TILL));
        own.map(|order| Self::of(order, history)).collect()
    }

    fn of(order: &crate::scenario::OrderFact, history: &SpaceHistory) -> Self {
        let shop = history.shop.iter().flatten().find(|fact| fact.tx_id == order.tx_id);
        let decimal = |amount: Amount| amount.fixed(order.currency);
        Self {
            merchant_id: order.merchant_id.clone(),
            tx_id: order.tx_id.clone(),
            state: order.state,
            reason: order.reason,
            currency: order.currency.code(),
            amount: decimal(order.amount),
            captured: decimal(order.captured),
            returned: decimal(order.returned()),
            believes: shop.and_then(|fact| fact.believes).map(Belief::name),
            shipped: shop.and_then(|fact| fact.shipped),
            is_only_held: order.count("approved") > 0 && order.captured == Amount::ZERO,
            has_moved: order.count("approved") > 0
                || order.captured > Amount::ZERO
                || shop.and_then(|fact| fact.shipped) > Some(0),
            events: events(order, history),
        }
    }
}

fn events(order: &crate::scenario::OrderFact, history: &SpaceHistory) -> Vec<OrderEventLine> {
    let since = |at: Millis| at.0 - history.born.0;
    let calls = history.requests.iter();
    let calls = calls.filter(|call| call.is_about(&order.merchant_id, &order.tx_id));
    let calls = calls.map(|request| {
        let status =
            request.status.map_or("no answer".to_owned(), |status| format!("HTTP {status}"));
        OrderEventLine {
            at_ms: since(request.at),
            kind: "call",
            name: request.operation.map_or("unknown path", crate::base::Operation::name).to_owned(),
            detail: format!("{}, {status}", request.reason),
            rule: request.rule.clone(),
            trace: Some(request.trace.clone()),
        }
    });
    let changes = order.changes.iter().map(|change| OrderEventLine {
        at_ms: since(change.at),
        kind: "change",
        name: change.name.to_owned(),
        detail: String::new(),
        rule: change.rule.clone(),
        trace: None,
    });
    let told = history.deliveries.iter().filter(|delivery| {
        delivery.merchant_id == order.merchant_id && delivery.tx_id == order.tx_id
    });
    let told = told.flat_map(|delivery| {
        delivery.attempts.iter().map(|attempt| OrderEventLine {
            at_ms: since(attempt.at),
            kind: "pushback",
            name: delivery.cause.clone(),
            detail: format!(
                "{} {}, {}",
                delivery.code,
                delivery.content,
                attempt.status.map_or("no answer".to_owned(), |status| format!("HTTP {status}"))
            ),
            rule: None,
            trace: None,
        })
    });
    let mut all: Vec<OrderEventLine> = calls.chain(changes).chain(told).collect();
    // What happens at the same moment has no order that would be the same in every run but that of its name.
    sort_by(&mut all, |a, b| {
        (a.at_ms, a.kind, &a.name, &a.detail).cmp(&(b.at_ms, b.kind, &b.name, &b.detail))
    });
    all
}

#[allow(clippy::trivially_copy_pass_by_ref)] // The shape that serde asks for.
fn state_name<S: serde::Serializer>(state: &OrderState, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(state.name())
}
