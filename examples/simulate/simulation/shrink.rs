//! Shrinking of a history that ends in a finding: steps are left out as long as the rest still leads to one of its kind.

use std::time::{Duration, Instant};

use super::history::{Action, Call, History, Step};

/// Makes a history as short as it can be within that real time. `fails` says whether one still leads to the finding.
///
/// First whole parts of it go, halves and then ever smaller ones, which is delta debugging; then what is left of each step.
/// What a simpler step no longer needs goes last.
pub(crate) fn shrink(
    history: &History,
    time: Duration,
    mut fails: impl FnMut(&History) -> bool,
) -> History {
    let begun = Instant::now();
    let mut fails = |shorter: &History| begun.elapsed() < time && fails(shorter);
    let mut least = history.clone();
    leave_out(&mut least, &mut fails);
    for at in 0..least.steps.len() {
        while let Some(simpler) = simpler(&least.steps[at])
            .into_iter()
            .map(|step| {
                let mut history = least.clone();
                history.steps[at] = step;
                history
            })
            .find(|history| fails(history))
        {
            least = simpler;
        }
    }
    leave_out(&mut least, &mut fails);
    least
}

/// Leaves steps out as long as the rest still fails.
fn leave_out(least: &mut History, fails: &mut impl FnMut(&History) -> bool) {
    let mut size = least.steps.len().div_ceil(2).max(1);
    loop {
        let mut at = 0;
        let mut is_shorter = false;
        while at < least.steps.len() {
            let mut shorter = least.clone();
            shorter.steps.drain(at..(at + size).min(least.steps.len()));
            if fails(&shorter) {
                (*least, is_shorter) = (shorter, true);
            } else {
                at += size;
            }
        }
        if size > 1 {
            size = size.div_ceil(2);
        } else if !is_shorter {
            return;
        }
    }
}

/// The steps that are a little less than this one.
fn simpler(step: &Step) -> Vec<Step> {
    match step {
        Step::Space { space, seed, merchants } if *merchants > 1 => {
            let with = |merchants| Step::Space { space: space.clone(), seed: *seed, merchants };
            vec![with(1), with(merchants / 2)]
        }
        Step::Race { space, calls } if calls.len() > 1 => {
            let without = |at: usize| {
                let mut calls = calls.clone();
                calls.remove(at);
                Step::Race { space: space.clone(), calls }
            };
            (0..calls.len()).map(without).collect()
        }
        Step::Race { space, calls } => {
            let alone = |call: &Call| Step::Call { space: space.clone(), call: call.clone() };
            calls.iter().map(alone).collect()
        }
        Step::Call { space, call } => {
            let action = match &call.action {
                Action::Page(_) | Action::Wallet { .. } | Action::App { .. } => {
                    Action::Pay { outcome: None, passcode: None }
                }
                Action::Link { asked, .. } => Action::Register(asked.clone()),
                _ => return Vec::new(),
            };
            vec![Step::Call { space: space.clone(), call: Call { action, ..call.clone() } }]
        }
        Step::Arm { space, rules } if rules.len() > 1 => {
            let without = |at: usize| {
                let mut rules = rules.clone();
                rules.remove(at);
                Step::Arm { space: space.clone(), rules }
            };
            (0..rules.len()).map(without).collect()
        }
        _ => Vec::new(),
    }
}
