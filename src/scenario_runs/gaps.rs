//! Gaps of a run: steps that nobody made, rules that never stepped in, facts that are gone. A scenario with a gap is
//! never as expected, because nobody knows what would have come of the whole of it.

use crate::base::Operation;
use crate::scenario::{self, DriveStep, Period, Rule, Scenario, SpaceHistory, Warning};
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
    if is_driven {
        gaps.extend(refused(space));
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
    let idle = rules.iter().filter(|it| it.tally.fired > 0 && it.tally.idle == it.tally.fired);
    gaps.extend(idle.map(|CountedRule { armed, tally }| {
        let (id, idle) = (&armed.rule.id, idle_effects(space, &armed.rule.id));
        let times = if tally.fired == 1 { "once" } else { "each time" };
        format!(
            "the rule `{id}` stepped in, and {times} an effect of it{idle} had nothing to act on, so that less went wrong than the scenario says"
        )
    }));
    let void = scenario::check(scenario).into_iter().filter(|warning| warning.is_void);
    gaps.extend(void.map(|Warning { list, item, message, .. }| {
        let rule = scenario.rules.get(item).filter(|_| list == "rules");
        match rule {
            Some(rule) => format!("the rule `{}`: {message}", rule.id),
            None => format!("item {} of `{list}`: {message}", item + 1),
        }
    }));
    gaps
}

/// The steps of the payer and of the bench that the gateway refused, a sentence each.
pub(super) fn refused(space: &Space) -> Vec<String> {
    let mut refused: Vec<String> = space.read_journal(|journal| {
        let calls = journal.iter().filter(|entry| entry.status >= 400);
        let calls = calls.filter_map(|entry| {
            let verb = entry.more().control.filter(|verb| matches!(*verb, "pay" | "trigger"))?;
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

/// The effects of a rule that had nothing to act on, in brackets.
fn idle_effects(space: &Space, rule: &str) -> String {
    let mut names: Vec<&str> = space.read_journal(|journal| {
        let hits = journal.iter().filter_map(|entry| entry.more().rule.as_ref());
        hits.filter(|hit| &*hit.rule == rule).flat_map(|hit| hit.idle()).collect()
    });
    names.sort_unstable();
    names.dedup();
    let names: Vec<String> = names.into_iter().map(|name| format!("`{name}`")).collect();
    if names.is_empty() { String::new() } else { format!(" ({})", names.join(", ")) }
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
            wanted += match step {
                DriveStep::Burst(burst) => burst.orders as usize,
                _ => 1,
            };
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
            DriveStep::Register(_) | DriveStep::Burst(_) => {
                calls(Operation::Register).max(self.history.orders.len())
            }
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
            DriveStep::Return(_)
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
