//! Findings: scenarios that failed, put together by the rule of good practice that their failing together points at.

use std::collections::BTreeSet;

use serde::Serialize;

use super::AuditCase;
use super::practice::{AuditRules, BreachMark, Practice, Severity};
use super::sequence;
use crate::base::{OrderState, sort_by, sort_by_key};
use crate::scenario::{Belief, DriveStep};
use crate::scenario_runs::{Conclusion, Judged, OrderStory, ScenarioOutcome};

/// Share of the scenarios that are there to catch a breach which must have failed before it is named, in percent.
const SHARE_NAMED: usize = 60;
/// The same of all scenarios that such a breach makes fail.
const SHARE_EXPLAINED: usize = 50;
/// Share of everything unexplained for which one breach is the simplest explanation, in percent, and the least number of
/// scenarios; not all that such a breach makes fail has to fail in every shop.
const SHARE_OF_ALL: usize = 80;
const EXPLAINED_LEAST: usize = 3;
/// Lines of the beginning and of the end of an error that are told: the rest is the shop's output.
const ERROR_LINES: (usize, usize) = (2, 3);

/// Something that is wrong with the shop.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct AuditFinding {
    /// Its name: of the practice that is broken, or of the scenario that failed.
    pub id: String,
    /// Category.
    pub category: String,
    /// Weight.
    pub severity: Severity,
    /// The breach, in a few words.
    pub title: String,
    /// The rule of good practice.
    pub rule: String,
    /// Consequence in production.
    pub cost: String,
    /// Remedy.
    pub fix: String,
    /// True unless the baseline knows it, and all scenarios that show it.
    pub is_new: bool,
    /// The scenarios that showed it, the most telling first.
    pub evidence: Vec<FailedScenario>,
}

/// A scenario that failed.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct FailedScenario {
    /// Its id.
    pub scenario: String,
    /// Its title.
    pub title: String,
    /// Its category.
    pub category: String,
    /// Reason why it happens in production.
    pub why: Option<String>,
    /// Facts that are not as expected, a line each.
    pub found: Vec<String>,
    /// The command that gives the same run again.
    pub repeat: String,
    /// The seed.
    pub seed: u64,
    /// Severity by what was seen to happen.
    pub severity: Severity,
    /// True if money was given back that nobody asked for, or goods were shipped again, whatever was expected.
    #[serde(skip)]
    pub is_loss: bool,
    /// Sequence diagram, as text.
    pub diagram: String,
    /// The facts of the diagram.
    #[serde(skip)]
    pub happened: Happened,
}

/// Facts for a sequence diagram.
#[derive(Clone, Debug, Default)]
pub struct Happened {
    /// Steps that were made, by name.
    pub steps: Vec<String>,
    /// The orders that the findings are about.
    pub orders: Vec<OrderStory>,
}

impl FailedScenario {
    fn of(rules: &AuditRules, case: &AuditCase, outcome: &ScenarioOutcome) -> Self {
        let failed: Vec<&Judged> = failed(outcome).collect();
        let mut found: Vec<String> = outcome.error.iter().map(|error| shortened(error)).collect();
        found.extend(failed.iter().map(|judged| judged.shortcoming()));
        let is_named = |order: &&OrderStory| found.iter().any(|line| line.contains(&order.tx_id));
        let mut orders: Vec<OrderStory> =
            outcome.orders.iter().filter(is_named).take(2).cloned().collect();
        if orders.is_empty() {
            orders.extend(outcome.orders.first().cloned());
        }
        let steps = case.loaded.scenario.drive.iter().map(step_name).collect();
        let happened = Happened { steps, orders };
        // Where no money moved and nothing was shipped, neither is lost, whatever was expected of it.
        let has_moved = outcome.orders.iter().any(|order| order.has_moved);
        let most = if has_moved { Severity::Critical } else { Severity::High };
        let severity = failed.iter().map(|judged| consequence(judged).min(most)).max();
        Self {
            scenario: outcome.id.clone(),
            title: outcome.title.clone(),
            category: rules.category_of_case(case).to_owned(),
            why: outcome.why.clone(),
            severity: severity.unwrap_or(Severity::Low).max(match outcome.error {
                Some(_) => Severity::High,
                None => Severity::Low,
            }),
            found,
            repeat: outcome.repeat.clone(),
            seed: outcome.seed,
            is_loss: outcome.gives_back_too_much || BreachMark::SecondShipment.is_in(outcome),
            diagram: sequence::text(&happened),
            happened,
        }
    }
}

/// An error without the middle of the output that it holds.
fn shortened(error: &str) -> String {
    let lines: Vec<&str> = error.lines().filter(|line| !line.trim().is_empty()).collect();
    let (first, last) = ERROR_LINES;
    if lines.len() <= first + last {
        return lines.join("\n");
    }
    let (begin, end) = (&lines[..first], &lines[lines.len() - last..]);
    [begin, &["…"], end].concat().join("\n")
}

fn step_name(step: &DriveStep) -> String {
    match step {
        DriveStep::Probe(probe) => format!("probe of {} ×{}", probe.to.name(), probe.requests()),
        DriveStep::Advance(period) => format!("advance {period}"),
        step => match step.about_order() {
            Some((name, Some(order))) => format!("{name} {order}"),
            _ => step.name().to_owned(),
        },
    }
}

/// The expectations that were judged and are not met.
fn failed(outcome: &ScenarioOutcome) -> impl Iterator<Item = &Judged> {
    outcome.verdicts.iter().filter(|judged| judged.verdict.judged && !judged.verdict.ok)
}

/// Returns true if the scenario says something of what the shop does: an expectation was judged and is not met, or its process has
/// ended. What was not judged is no evidence.
fn is_evidence(outcome: &ScenarioOutcome) -> bool {
    outcome.is_failure() && (outcome.has_died || failed(outcome).next().is_some())
}

/// Severity of an expectation that is not met, by what it is about: goods, money, books, or manners.
fn consequence(judged: &Judged) -> Severity {
    let nearest = judged.verdict.nearest.iter().flat_map(|nearest| &nearest.differences);
    let keys: BTreeSet<&str> = nearest.map(|difference| difference.key).collect();
    let is_about = |subject: &str| judged.expectation.get(subject).is_some();
    let goods_or_money =
        ["shipped", "captured", "returned", "refunded", "reversed", "completed", "approved"];
    if goods_or_money.iter().any(|key| keys.contains(key)) {
        return Severity::Critical;
    }
    if is_about("ledger") {
        Severity::Critical
    } else if ["shop", "order", "anyOf", "allOf"].into_iter().any(is_about) {
        Severity::High
    } else {
        Severity::Medium
    }
}

/// All findings, the costliest first.
pub(super) fn findings(
    rules: &AuditRules,
    cases: &[AuditCase],
    outcomes: &[ScenarioOutcome],
) -> Vec<AuditFinding> {
    let mut results: Vec<(&AuditCase, &ScenarioOutcome)> =
        cases.iter().zip(outcomes).filter(|(_, outcome)| outcome.is_failure()).collect();
    let mut findings = Vec::new();
    let is_conclusive = |it: &&Practice| it.shows.is_some_and(BreachMark::is_conclusive);
    for practice in rules.practices.iter().filter(is_conclusive) {
        let explained: Vec<_>;
        (explained, results) =
            results.into_iter().partition(|(_, outcome)| practice.is_shown_by(outcome));
        if !explained.is_empty() {
            findings.push(by_practice(rules, practice, &explained));
        }
    }
    while let Some(practice) = most_likely(rules, cases, outcomes, &results) {
        let (explained, rest) =
            results.into_iter().partition(|(case, outcome)| practice.explains(case, outcome));
        results = rest;
        match findings.iter_mut().find(|known| known.id == practice.id) {
            Some(known) => known.add(rules, &explained),
            None => findings.push(by_practice(rules, practice, &explained)),
        }
    }
    findings.extend(results.into_iter().map(|(case, outcome)| by_scenario(rules, case, outcome)));
    sort_by(&mut findings, |a, b| {
        let rank = |it: &AuditFinding| (it.severity, it.evidence.len());
        rank(b).cmp(&rank(a)).then_with(|| a.id.cmp(&b.id))
    });
    findings
}

impl Practice {
    /// Returns true if the scenario is there to catch a breach, and shows what can be one.
    fn is_named_by(&self, case: &AuditCase, outcome: &ScenarioOutcome) -> bool {
        self.is_caught_by(case) && is_evidence(outcome) && !self.is_refuted_by(outcome)
    }

    /// Returns true if the shop was seen doing what the breach says it does not.
    fn is_refuted_by(&self, outcome: &ScenarioOutcome) -> bool {
        self.refuted_by.is_some_and(|conduct| outcome.conduct.contains(&conduct))
    }

    /// Returns true if the scenario is there to catch a breach.
    fn is_caught_by(&self, case: &AuditCase) -> bool {
        let scenario = &case.loaded.scenario;
        let mut named = scenario.mistakes.iter();
        self.scenarios.contains(&scenario.id)
            || named.any(|mistake| self.mistakes.iter().any(|it| it == mistake.name()))
    }

    /// Returns true if the mark of a breach is seen in the scenario.
    fn is_shown_by(&self, outcome: &ScenarioOutcome) -> bool {
        self.shows.is_some_and(|mark| outcome.is_failure() && mark.is_in(outcome))
    }

    /// Returns true if a breach makes the scenario fail.
    fn is_broken_in(&self, case: &AuditCase) -> bool {
        self.is_caught_by(case) || self.also_fails.contains(&case.loaded.scenario.id)
    }

    /// Returns true if a breach can be why a scenario failed.
    fn explains(&self, case: &AuditCase, outcome: &ScenarioOutcome) -> bool {
        self.is_shown_by(outcome) || self.is_broken_in(case) && !self.is_refuted_by(outcome)
    }
}

impl BreachMark {
    fn is_in(self, outcome: &ScenarioOutcome) -> bool {
        let mut orders = outcome.orders.iter();
        let is_paid_but = |belief: Belief| {
            outcome.orders.iter().any(|order| {
                let is_paid = match order.state {
                    OrderState::Authorised => true,
                    OrderState::Captured => order.captured == order.amount,
                    _ => false,
                };
                is_paid && order.believes == Some(belief.name())
            })
        };
        match self {
            Self::Death => outcome.has_died,
            Self::SecondShipment => {
                orders.any(|order| order.shipped.is_some_and(|times| times > 1))
            }
            Self::PaidPutAside => is_paid_but(Belief::Disputed),
            Self::PaidUnnoticed => is_paid_but(Belief::Pending),
            Self::SharedTxId => outcome.shares_tx_ids,
            Self::ShippedUncaptured => {
                orders.any(|order| order.is_only_held && order.shipped.is_some_and(|it| it > 0))
            }
        }
    }
}

/// The practice whose breach explains most of what has failed and is not explained yet, among those of whose scenarios the
/// greater part has failed: of those that are there to catch it, and of all that it makes fail, or else it has to explain
/// nearly everything. Where the breach leaves a mark, that counts in place of the latter: what else it makes fail differs
/// from shop to shop.
fn most_likely<'r>(
    rules: &'r AuditRules,
    cases: &[AuditCase],
    outcomes: &[ScenarioOutcome],
    open: &[(&AuditCase, &ScenarioOutcome)],
) -> Option<&'r Practice> {
    let score = |practice: &Practice| {
        let share = |is_meant: &dyn Fn(&AuditCase) -> bool| {
            let meant = || cases.iter().zip(outcomes).filter(|(case, _)| is_meant(case));
            let is_breach = |(case, outcome): &(&AuditCase, &ScenarioOutcome)| {
                is_evidence(outcome) && practice.explains(case, outcome)
            };
            let failed = meant().filter(is_breach).count();
            let passed = meant().filter(|(_, outcome)| outcome.verdict == Conclusion::Ok).count();
            (failed * 100).checked_div(failed + passed).unwrap_or(0)
        };
        let (named, all) = (
            share(&|case| practice.is_caught_by(case)),
            share(&|case| practice.is_broken_in(case)),
        );
        let is_seen = open.iter().any(|(case, outcome)| practice.is_named_by(case, outcome));
        let explained =
            open.iter().filter(|(case, outcome)| practice.explains(case, outcome)).count();
        let mut telling = open.iter().filter(|(case, outcome)| practice.is_named_by(case, outcome));
        let is_marked = is_seen && telling.all(|(_, outcome)| practice.is_shown_by(outcome));
        let is_borne_out = match practice.shows {
            // Of the built-in merchant no process dies.
            None | Some(BreachMark::Death) => {
                let is_simplest =
                    explained >= EXPLAINED_LEAST && explained * 100 >= open.len() * SHARE_OF_ALL;
                all >= SHARE_EXPLAINED || is_simplest
            }
            Some(_) => is_marked,
        };
        let is_likely =
            named >= SHARE_NAMED && is_seen && is_borne_out && explained >= practice.least;
        is_likely.then_some((explained, named, all))
    };
    let scored = rules.practices.iter().rev();
    let scored = scored.filter_map(|practice| Some((score(practice)?, practice)));
    // Of several that are equally likely, the first in the list.
    scored.max_by_key(|(score, _)| *score).map(|(_, practice)| practice)
}

impl AuditFinding {
    /// The categories in which it counts: its own, and those of the scenarios that show it.
    pub fn categories(&self) -> Vec<&str> {
        let mut all = vec![self.category.as_str()];
        for evidence in &self.evidence {
            if !all.contains(&evidence.category.as_str()) {
                all.push(&evidence.category);
            }
        }
        all
    }

    /// Returns true if it counts in that category.
    pub fn counts_in(&self, category: &str) -> bool {
        self.categories().contains(&category)
    }

    /// Adds scenarios that show it, the most telling first.
    fn add(&mut self, rules: &AuditRules, explained: &[(&AuditCase, &ScenarioOutcome)]) {
        let failed = explained.iter();
        self.evidence
            .extend(failed.map(|(case, outcome)| FailedScenario::of(rules, case, outcome)));
        if self.evidence.iter().any(|it| it.is_loss) {
            self.severity = Severity::Critical;
        }
        sort_by_key(&mut self.evidence, |it| std::cmp::Reverse(it.severity));
    }
}

fn by_practice(
    rules: &AuditRules,
    practice: &Practice,
    explained: &[(&AuditCase, &ScenarioOutcome)],
) -> AuditFinding {
    let mut finding = AuditFinding {
        id: practice.id.clone(),
        category: practice.category.clone(),
        severity: practice.severity,
        title: practice.title.clone(),
        rule: practice.rule.clone(),
        cost: practice.cost.clone(),
        fix: practice.fix.clone(),
        is_new: true,
        evidence: Vec::new(),
    };
    finding.add(rules, explained);
    finding
}

fn by_scenario(rules: &AuditRules, case: &AuditCase, outcome: &ScenarioOutcome) -> AuditFinding {
    let evidence = FailedScenario::of(rules, case, outcome);
    let correct = outcome.correct.clone().unwrap_or_default();
    AuditFinding {
        id: outcome.id.clone(),
        category: evidence.category.clone(),
        severity: evidence.severity,
        title: format!("Not coped with: {}", outcome.title),
        rule: format!("A correct shop: {correct}"),
        cost: outcome.why.clone().unwrap_or_default(),
        fix: correct,
        is_new: true,
        evidence: vec![evidence],
    }
}
