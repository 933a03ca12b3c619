//! Gaps of a run: steps that nobody made, rules that never stepped in, facts that are gone. A scenario with a gap is
//! never as expected, because nobody knows what would have come of the whole of it.

use std::collections::HashSet;

use super::drive::OTHER_TILL;
use super::steps_made::StepsMade;
use crate::base::{Operation, Reason};
use crate::scenario::{
    self, DriveStep, Effect, Expectation, Point, RequestFact, Rule, Scenario, Scope, SpaceHistory,
    Subject, Warning,
};
use crate::space::{CountedRule, Space};

/// Generation of a space that was neither reset nor restored.
const FIRST_GENERATION: u64 = 0;

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
        gaps.extend(StepsMade { scenario, space, history }.missing());
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
pub(super) fn asks_for_refusal(expectation: &Expectation, operation: Operation) -> bool {
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
