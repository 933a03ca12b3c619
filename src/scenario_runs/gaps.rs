//! Gaps of a run: steps that nobody made, rules that never stepped in, facts that are gone. A scenario with a gap is
//! never as expected, because nobody knows what would have come of the whole of it.

use std::collections::HashSet;

use super::drive::OTHER_TILL;
use crate::base::{Operation, Reason};
use crate::scenario::{
    self, DriveStep, Effect, Expectation, Period, Point, RequestFact, Rule, Scenario, Scope,
    SpaceHistory, Subject, Warning,
};
use crate::space::{CountedRule, JournalEntry, Space};

/// Generation of a space that was neither reset nor restored.
const FIRST_GENERATION: u64 = 0;

/// Facts in the journal about the payer and of the control plane.
struct Made<'h> {
    history: &'h SpaceHistory,
    payments: usize,
    triggers: usize,
    space: &'h Space,
}

/// Each gap as a sentence. `is_driven` says that the steps were made by us, one for one.
pub(super) fn gaps(
    scenario: &Scenario,
    space: &Space,
    history: &SpaceHistory,
    is_driven: bool,
) -> Vec<String> {
    let mut gaps = Vec::new();
    if scenario.expect.is_empty() {
        gaps.push(
            "the scenario has no `expect`, so that nothing which happened was judged".to_owned(),
        );
    }
    if is_deserted(space, history) {
        gaps.push(
            "nobody called the gateway in the whole run; does the merchant know its address?"
                .to_owned(),
        );
    }
    gaps.extend(unregistered(scenario, space, history));
    if is_driven {
        gaps.extend(refused(space, &scenario.expect));
    } else {
        // What a command tries and is refused may be its very test; only what came of it counts as a step.
        let (payments, triggers) = played(space);
        gaps.extend(Made { history, payments, triggers, space }.missing(&scenario.drive));
    }
    if !space.is_in(FIRST_GENERATION) {
        gaps.push(
            "the space was reset or restored during the run, so that nobody sees what happened before; leave that out, or \
             let the command work in a space of its own"
                .to_owned(),
        );
    }
    let rules = space.rules();
    let is_armed = |rule: &Rule| rules.iter().any(|it| it.armed.rule == *rule);
    gaps.extend(scenario.rules.iter().filter(|rule| !is_armed(rule)).map(|rule| {
        format!("the rule `{}` was taken away or changed during the run, so that less went wrong than the scenario says", rule.id)
    }));
    if !rules.is_empty() && rules.iter().all(|it| it.tally.fired == 0) {
        gaps.push("none of the scenario's rules stepped in, so that nothing went wrong".to_owned());
    } else {
        let never = rules.iter().filter(|it| it.tally.fired == 0 && !it.armed.rule.optional);
        gaps.extend(never.map(|it| {
            let id = &it.armed.rule.id;
            format!(
                "the rule `{id}` never stepped in, so that less went wrong than the scenario says"
            )
        }));
    }
    gaps.extend(rules.iter().filter_map(|it| unturned(space, it)));
    let idle = rules.iter().filter(|it| it.tally.fired > 0 && it.tally.idle == it.tally.fired);
    gaps.extend(idle.map(|CountedRule { armed, tally }| {
        let id = &armed.rule.id;
        let times = if tally.fired == 1 { "once" } else { "each time" };
        let why = match &*idle_effects(space, id) {
            [] => format!("{times} it changed nothing"),
            names => {
                format!("{times} an effect of it ({}) had nothing to act on", names.join(", "))
            }
        };
        format!(
            "the rule `{id}` stepped in, and {why}, so that less went wrong than the scenario says"
        )
    }));
    let disorders = |rule: &Rule| rule.effects().any(Effect::is_disorder);
    let alone =
        rules.iter().filter(|it| it.tally.fired > it.tally.idle && disorders(&it.armed.rule));
    gaps.extend(alone.filter(|_| !space.met().plans.has_disorder()).map(|it| {
        let id = &it.armed.rule.id;
        format!("the rule `{id}` changes the order of notices (`pushback`), and there were no two of them, so that less went wrong than the scenario says")
    }));
    // The verdicts say it of an expectation.
    let is_open = |warning: &Warning| warning.is_void && warning.list != "expect";
    let void = scenario::check(scenario).into_iter().filter(is_open);
    gaps.extend(void.map(|Warning { list, item, message, .. }| {
        let rule = scenario.rules.get(item).filter(|_| list == "rules");
        match rule {
            Some(rule) => format!("the rule `{}`: {message}", rule.id),
            None => format!("item {} of `{list}`: {message}", item + 1),
        }
    }));
    gaps
}

/// A sentence where a rule stepped in, and a later turn of it (`sequence`, `nth`) never came.
fn unturned(space: &Space, CountedRule { armed, tally }: &CountedRule) -> Option<String> {
    let rule = &armed.rule;
    let last = rule.last_turn().filter(|_| tally.fired > 0 && !rule.optional)?;
    let most = space.turns_of(rule);
    let (id, whose) = match rule.when.scope.unwrap_or_default() {
        Scope::Order => (&rule.id, "for one order"),
        Scope::Rule => (&rule.id, "in all"),
    };
    (most < last).then(|| {
        format!(
            "the rule `{id}` does something at fitting call {last} (`sequence`, `nth`), and {most} came {whose}, so that less \
             went wrong than the scenario says; `optional: true` allows it"
        )
    })
}

/// Returns true if no call of a merchant reached the gateway, so that whatever did not happen shows nothing. Where a rule
/// stepped in, somebody came, even if nobody knows with which call.
pub(super) fn is_deserted(space: &Space, history: &SpaceHistory) -> bool {
    let is_called = history.requests.iter().any(|call| call.operation.is_some());
    let has_fired = space.rules().iter().any(|rule| rule.tally.fired > 0);
    !is_called && !has_fired && orders(history) == 0
}

/// Number of orders of the merchant, those that the space has forgotten among them.
fn orders(history: &SpaceHistory) -> usize {
    let own = history.orders.iter().filter(|order| !order.tx_id.starts_with(OTHER_TILL));
    own.count() + usize::try_from(history.dropped.orders).unwrap_or(usize::MAX)
}

/// Number of times a rule stepped in at a connection, before anybody could know which call it would have brought.
pub(super) fn broken_connections(space: &Space) -> usize {
    let rules = space.rules();
    let at_connect = rules.iter().filter(|it| it.armed.rule.points().contains(&Point::Connect));
    at_connect.map(|it| it.tally.fired as usize).sum()
}

/// A sentence where fewer orders came to be than the steps have registered, unless rules or the test itself had them refused.
fn unregistered(scenario: &Scenario, space: &Space, history: &SpaceHistory) -> Option<String> {
    let wanted: usize = scenario.drive.iter().map(DriveStep::registers).sum();
    let is_registration = |call: &&RequestFact| call.operation == Some(Operation::Register);
    let has_order = |call: &RequestFact| {
        let is_it = |order: &scenario::OrderFact| {
            call.merchant_id.as_deref() == Some(&order.merchant_id)
                && call.tx_id.as_deref() == Some(&order.tx_id)
        };
        history.orders.iter().any(is_it)
    };
    let calls = history.requests.iter().filter(is_registration);
    let (by_rule, refused): (Vec<_>, Vec<_>) =
        calls.filter(|call| !has_order(call)).partition(|call| call.rule.is_some());
    let by_rule: HashSet<_> = by_rule.iter().map(|call| (&call.merchant_id, &call.tx_id)).collect();
    let made = orders(history) + by_rule.len() + broken_connections(space);
    if made >= wanted || scenario.expect.iter().any(|it| asks_for_refusal(it, Operation::Register))
    {
        return None;
    }
    let why = refused.last().map_or(String::new(), |call| {
        format!("; the gateway refused the last call (`{}`)", call.reason.name())
    });
    Some(format!(
        "step `register` of `drive`: {wanted} wanted, {made} orders came to the gateway, so that less happened than the scenario says{why}"
    ))
}

/// Returns true if a call of this operation that the gateway refuses is what is expected.
fn asks_for_refusal(expectation: &Expectation, operation: Operation) -> bool {
    let is_asked = match &expectation.subject {
        Subject::Request(request) => {
            let operations = request.operation.iter().flat_map(|many| &many.0);
            let reasons = request.reason.iter().flat_map(|many| &many.0);
            let is_refused = reasons.into_iter().any(|reason| *reason != Reason::Success)
                || request.status.iter().flat_map(|many| &many.0).any(|status| status.0 >= 400);
            operations.into_iter().any(|it| *it == operation) && is_refused
        }
        _ => false,
    };
    let is_wanted = !expectation.never && expectation.counts().is_none_or(|times| times.least > 0);
    is_asked && is_wanted
        || expectation.parts().iter().any(|part| asks_for_refusal(part, operation))
}

/// The steps of the payer and of the bench that the gateway refused, a sentence each. A report of a paying app that a rule
/// has refused, or that had to be refused by what is expected, is none of them.
pub(super) fn refused(space: &Space, expectations: &[Expectation]) -> Vec<String> {
    let is_asked = expectations.iter().any(|it| asks_for_refusal(it, Operation::NotifyCompletion));
    let mut refused: Vec<String> = space.read_journal(|journal| {
        let calls = journal.iter().filter_map(|entry| {
            let is_report = entry.operation == Some(Operation::NotifyCompletion);
            let verb = if is_report {
                let is_open = entry.reason != Reason::Success && entry.more().rule.is_none();
                Some("qrCompletion").filter(|_| is_open && !is_asked)?
            } else {
                let control = entry.more().control.filter(|_| entry.status >= 400);
                control.filter(|verb| matches!(*verb, "pay" | "trigger"))?
            };
            let (tx_id, reason) = (entry.tx_id.as_deref().unwrap_or_default(), entry.reason.name());
            Some(format!(
                "step `{verb}` of `drive`: the gateway refused it for the order {tx_id} (`{reason}`), so that it did not happen"
            ))
        });
        calls.collect()
    });
    refused.dedup();
    refused
}

/// The effects of a rule that had nothing to act on.
fn idle_effects(space: &Space, rule: &str) -> Vec<String> {
    let mut names: Vec<&str> = space.read_journal(|journal| {
        let hits = journal.iter().filter_map(|entry| entry.more().rule.as_ref());
        hits.filter(|hit| &*hit.rule == rule).flat_map(|hit| hit.idle()).collect()
    });
    names.sort_unstable();
    names.dedup();
    names.into_iter().map(|name| format!("`{name}`")).collect()
}

/// Number of times a payer paid, through the control plane or the pages of an order, and how often an order was pushed.
fn played(space: &Space) -> (usize, usize) {
    space.read_journal(|journal| {
        let (mut pays, mut triggers, mut paged) = (0, 0, Vec::new());
        let happened = |entry: &&JournalEntry| entry.operation.is_none() && entry.status < 400;
        for entry in journal.iter().filter(happened) {
            match (entry.more().control, &entry.tx_id) {
                (Some("pay"), _) => pays += 1,
                (Some("trigger"), _) => triggers += 1,
                (None, Some(tx_id)) if !paged.contains(tx_id) => paged.push(tx_id.clone()),
                _ => {}
            }
        }
        (pays + paged.len(), triggers)
    })
}

impl Made<'_> {
    /// A sentence for each kind of step of which fewer were made than `steps` has, in the order of the steps.
    fn missing(&self, steps: &[DriveStep]) -> Vec<String> {
        let mut missing = Vec::new();
        for (at, step) in steps.iter().enumerate() {
            let name = step.name();
            if steps[..at].iter().any(|earlier| earlier.name() == name) {
                continue;
            }
            let alike = steps.iter().filter(|step| step.name() == name);
            let gap = match step {
                DriveStep::Advance(_) => self.too_early(alike),
                DriveStep::Idle => self.still_due(),
                DriveStep::Return(_)
                | DriveStep::Resend(_)
                | DriveStep::Probe(_)
                | DriveStep::Wait(_)
                | DriveStep::OtherOrders(_)
                | DriveStep::Restart => Some(format!(
                    "step `{name}` of `drive`: with a command, nobody sees whether it is made"
                )),
                // They are counted together, with any merchant.
                DriveStep::Register(_) | DriveStep::Burst(_) => None,
                _ => self.too_few(name, alike),
            };
            missing.extend(gap);
        }
        missing
    }

    fn too_few<'s>(
        &self,
        name: &str,
        steps: impl Iterator<Item = &'s DriveStep>,
    ) -> Option<String> {
        let (mut wanted, mut made) = (0, 0);
        for step in steps {
            wanted += 1;
            made = self.count(step);
        }
        (made < wanted).then(|| {
            format!("step `{name}` of `drive`: {wanted} wanted, {made} made; the command plays the merchant")
        })
    }

    /// Number of times anybody did what the step does.
    fn count(&self, step: &DriveStep) -> usize {
        let calls = |operation| {
            self.history.requests.iter().filter(|call| call.operation == Some(operation)).count()
        };
        match step {
            DriveStep::Pay(_) => self.payments,
            DriveStep::Status(_) => calls(Operation::Status),
            DriveStep::Reversal(_) => calls(Operation::Reversal),
            DriveStep::Refund(_) => calls(Operation::Refund),
            DriveStep::Complete(_) => calls(Operation::PreAuthCompletion),
            DriveStep::Orders => calls(Operation::Orders),
            DriveStep::Reconcile => calls(Operation::Reconciliation),
            DriveStep::Bind(_) => calls(Operation::BindingRegister),
            DriveStep::QrCompletion(_) => calls(Operation::NotifyCompletion),
            DriveStep::Trigger(_) => self.triggers,
            // They are looked at otherwise.
            DriveStep::Register(_)
            | DriveStep::Burst(_)
            | DriveStep::Return(_)
            | DriveStep::Resend(_)
            | DriveStep::Probe(_)
            | DriveStep::Restart
            | DriveStep::Advance(_)
            | DriveStep::Wait(_)
            | DriveStep::OtherOrders(_)
            | DriveStep::Idle => usize::MAX,
        }
    }

    fn too_early<'s>(&self, steps: impl Iterator<Item = &'s DriveStep>) -> Option<String> {
        let periods =
            steps.map(|step| if let DriveStep::Advance(period) = step { period.ms() } else { 0 });
        let wanted: u64 = periods.sum();
        let passed = (self.history.now.0 - self.history.born.0).max(0).unsigned_abs();
        (passed < wanted).then(|| {
            let (wanted, passed) = (Period(wanted), Period(passed));
            format!("step `advance` of `drive`: {wanted} are to pass, {passed} passed; the command moves the clock")
        })
    }

    fn still_due(&self) -> Option<String> {
        let left = self.space.activity();
        let is_idle = !left.is_busy && left.attempts.is_empty() && left.next_errand.is_none();
        (!is_idle).then(|| {
            "step `idle` of `drive`: push-backs or replies were still to come when the command ended".to_owned()
        })
    }
}
