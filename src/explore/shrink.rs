//! Shrinking: the least of a schedule that still fails.

use super::event::{FlowEvent, Schedule};

/// The next smaller schedules, the boldest first.
fn smaller(schedule: &Schedule) -> Vec<Schedule> {
    let size = |it: &Schedule| (it.steps() + it.rules(), it.waits);
    let without_faults = (0..schedule.faults.len()).map(|at| {
        let mut smaller = schedule.clone();
        smaller.faults.remove(at);
        smaller
    });
    let without_events = (1..schedule.events.len()).rev().map(|at| {
        let mut smaller = schedule.clone();
        smaller.events.remove(at);
        smaller
    });
    let single =
        (0..schedule.events.len()).filter(|at| schedule.events[*at] == FlowEvent::TwoNotices);
    let with_one_notice = single.map(|at| {
        let mut smaller = schedule.clone();
        smaller.events[at] = FlowEvent::Notice;
        smaller
    });
    // A notice right behind the payment comes by itself.
    let paid = schedule.events.iter().position(|event| event.is_payment());
    let notice = schedule.events.iter().position(|event| *event == FlowEvent::Notice);
    let with_own_notice = paid.zip(notice).map(|(paid, notice)| {
        let mut smaller = schedule.clone();
        let event = smaller.events.remove(notice);
        smaller.events.insert(paid + 1, event);
        smaller
    });
    let impatient = schedule.waits.then(|| Schedule { waits: false, ..schedule.clone() });
    without_faults
        .chain(without_events)
        .chain(with_one_notice)
        .chain(with_own_notice)
        .chain(impatient)
        .filter(|it| it.is_possible() && size(it) < size(schedule))
        .collect()
}

/// Shrinks a schedule that fails until nothing can be left out. `failing` gives the place of the first that fails among up
/// to `at_once` schedules.
pub fn shrink(
    schedule: &Schedule,
    at_once: usize,
    mut failing: impl FnMut(&[Schedule]) -> Option<usize>,
) -> Schedule {
    let mut least = schedule.clone();
    loop {
        let smaller = smaller(&least);
        let mut tried = smaller.chunks(at_once.max(1));
        match tried.find_map(|some| failing(some).map(|at| some[at].clone())) {
            Some(next) => least = next,
            None => return least,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::explore::event::{CallFault, Flow};

    #[test]
    fn what_does_not_matter_is_left_out() {
        use FlowEvent::{CheckStatus, FailureNotice, Notice, Pay, Register, Return};
        let schedule = Schedule {
            flow: Flow::Purchase,
            faults: vec![CallFault::StatusPending],
            events: vec![Register, CheckStatus, Pay, Return, Notice, FailureNotice, CheckStatus],
            waits: true,
        };
        let mut tried = 0;
        let least = shrink(&schedule, 2, |some| {
            tried += some.len();
            some.iter()
                .position(|it| it.events.contains(&Pay) && it.events.contains(&FailureNotice))
        });
        assert!(least.faults.is_empty() && !least.waits && least.steps() == 3, "{least:?}");
        assert!(tried < 60, "{tried}");
    }
}
