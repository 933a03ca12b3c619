//! Shrinking of a history that ends in a finding: steps are left out as long as the rest still leads to one of its kind.

use std::time::{Duration, Instant};

use super::history::{Call, History, Step};

/// Makes a history as short as it can be within that real time. `fails` says whether one still leads to the finding.
///
/// First whole parts of it go, halves and then ever smaller ones, which is delta debugging; then what is left of each step.
pub(crate) fn shrink(
    history: &History,
    time: Duration,
    mut fails: impl FnMut(&History) -> bool,
) -> History {
    let begun = Instant::now();
    let mut least = history.clone();
    let mut size = least.steps.len().div_ceil(2).max(1);
    loop {
        let mut at = 0;
        let mut is_shorter = false;
        while at < least.steps.len() && begun.elapsed() < time {
            let mut shorter = least.clone();
            shorter.steps.drain(at..(at + size).min(least.steps.len()));
            if fails(&shorter) {
                (least, is_shorter) = (shorter, true);
            } else {
                at += size;
            }
        }
        if begun.elapsed() >= time {
            return least;
        }
        if size > 1 {
            size = size.div_ceil(2);
        } else if !is_shorter {
            break;
        }
    }
    for at in 0..least.steps.len() {
        while let Some(simpler) = simpler(&least.steps[at])
            .into_iter()
            .map(|step| {
                let mut history = least.clone();
                history.steps[at] = step;
                history
            })
            .find(|history| begun.elapsed() < time && fails(history))
        {
            least = simpler;
        }
    }
    least
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
