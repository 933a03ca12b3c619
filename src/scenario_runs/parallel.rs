//! Many scenarios, several at once.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use super::outcome::ScenarioOutcome;

/// Runs so many scenarios by their numbers, `jobs` of them at once; `on_done` hears after each how many have ended. The
/// outcomes are in the order of the numbers.
pub fn run_many(
    count: usize,
    jobs: usize,
    run_one: impl Fn(usize) -> ScenarioOutcome + Sync,
    on_done: impl FnMut(usize) + Send,
) -> Vec<ScenarioOutcome> {
    let next = AtomicUsize::new(0);
    let ended = Mutex::new((Vec::with_capacity(count), on_done));
    std::thread::scope(|scope| {
        for _ in 0..jobs.clamp(1, count.max(1)) {
            scope.spawn(|| {
                loop {
                    let at = next.fetch_add(1, Ordering::Relaxed);
                    if at >= count {
                        break;
                    }
                    let outcome = run_one(at);
                    let mut ended = ended.lock().unwrap_or_else(PoisonError::into_inner);
                    let (outcomes, on_done) = &mut *ended;
                    outcomes.push((at, outcome));
                    on_done(outcomes.len());
                }
            });
        }
    });
    let (mut outcomes, _) = ended.into_inner().unwrap_or_else(PoisonError::into_inner);
    outcomes.sort_by_key(|(at, _)| *at);
    outcomes.into_iter().map(|(_, outcome)| outcome).collect()
}
