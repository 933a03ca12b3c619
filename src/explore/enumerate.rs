//! All distinct orders of a flow's events, with up to so many faults.

use std::collections::BTreeSet;

use super::event::{CallFault, Flow, FlowEvent, Schedule};
use crate::base::{Seed, sort_by, sort_by_key};

/// Variations of a flow's events beside those that every run has.
#[derive(Clone, Copy)]
enum Variation {
    /// An event more.
    With(FlowEvent),
    /// An event in place of another.
    Instead(FlowEvent, &'static [FlowEvent]),
    /// A fault of a call.
    Fault(CallFault),
}

impl Flow {
    /// The events that come first in every run; before them it is another flow's business.
    const fn prefix(self) -> usize {
        match self {
            Self::Purchase | Self::Khqr => 1,
            Self::PreAuth => 3,
            Self::Refund => 4,
        }
    }

    fn variations(self) -> Vec<Variation> {
        use FlowEvent::{
            ApproveLate, CheckStatus, Decline, Expire, FailureNotice, ForgedNotice, Notice, Pay,
            Return, TwoNotices,
        };
        let is_purchase = matches!(self, Self::Purchase | Self::Khqr);
        let mut all: Vec<Variation> =
            [Return, CheckStatus, Notice, FailureNotice].into_iter().map(Variation::With).collect();
        if is_purchase {
            all.push(Variation::With(ForgedNotice));
            all.push(Variation::Instead(Notice, &[TwoNotices]));
            all.push(Variation::Instead(Notice, &[]));
            all.push(Variation::Instead(Pay, &[Decline]));
            all.push(Variation::Instead(Pay, &[Expire]));
        }
        if self == Self::Purchase {
            all.push(Variation::Instead(Pay, &[Expire, ApproveLate]));
        }
        let faults = CallFault::ALL.into_iter().filter(|fault| match fault.befalls() {
            FlowEvent::Register => is_purchase,
            FlowEvent::Capture => self == Self::PreAuth,
            _ => self == Self::Refund,
        });
        all.extend(faults.map(Variation::Fault));
        all
    }
}

/// All distinct schedules of these flows with up to `faults` faults: those with fewer faults first, within the same number
/// in an order that the seed decides.
pub fn schedules(flows: &[Flow], faults: usize, seed: Seed) -> Vec<Schedule> {
    let mut found = BTreeSet::new();
    for flow in flows {
        let plain = Schedule::plain(*flow);
        vary(&plain, &flow.variations(), faults, &mut |bag| order(bag, faults, &mut found));
    }
    let place = |schedule: &Schedule| {
        let name = format!("{schedule:?}");
        (schedule.fault_count(), seed.number(&[b"explore", name.as_bytes()]))
    };
    let mut all: Vec<_> = found.into_iter().map(|schedule| (place(&schedule), schedule)).collect();
    sort_by_key(&mut all, |(place, _)| *place);
    all.into_iter().map(|(_, schedule)| schedule).collect()
}

/// Every choice of variations that keeps within the number of faults.
fn vary(
    base: &Schedule,
    variations: &[Variation],
    faults: usize,
    take: &mut impl FnMut(&Schedule),
) {
    let Some((first, rest)) = variations.split_first() else {
        take(base);
        return;
    };
    vary(base, rest, faults, take);
    if let Some(varied) = varied(base, *first)
        && cost(&varied) <= faults
        && extras(&varied) <= faults
    {
        vary(&varied, rest, faults, take);
    }
}

/// Number of faults of a bag of events; a second notice is one as well.
fn cost(bag: &Schedule) -> usize {
    let notices = bag.events.iter().filter(|it| **it == FlowEvent::Notice).count();
    bag.fault_count() + notices.saturating_sub(1)
}

/// Number of things that payer and shop do of their own accord; with more of them than faults, orders become many and tell little.
fn extras(bag: &Schedule) -> usize {
    let is_extra = |event: &&FlowEvent| matches!(event, FlowEvent::Return | FlowEvent::CheckStatus);
    bag.events.iter().filter(is_extra).count()
}

fn varied(base: &Schedule, variation: Variation) -> Option<Schedule> {
    let mut varied = base.clone();
    match variation {
        Variation::With(event) => varied.events.push(event),
        Variation::Instead(event, others) => {
            let at = varied.events.iter().position(|it| *it == event)?;
            varied.events.splice(at..=at, others.iter().copied());
        }
        Variation::Fault(fault) => varied.faults.push(fault),
    }
    // Where nobody pays, no genuine notice tells of it.
    if !varied.events.iter().any(|event| event.is_payment()) {
        varied.events.retain(|event| *event != FlowEvent::Notice);
    }
    Some(varied)
}

/// Every order of a bag's events that is possible, in its normal form.
fn order(bag: &Schedule, faults: usize, found: &mut BTreeSet<Schedule>) {
    let prefix = bag.flow.prefix().min(bag.events.len());
    let mut rest = bag.events[prefix..].to_vec();
    sort_by(&mut rest, Ord::cmp);
    let mut placed = Schedule { events: bag.events[..prefix].to_vec(), ..bag.clone() };
    place(&mut placed, &mut rest, faults, found);
}

fn place(
    placed: &mut Schedule,
    rest: &mut Vec<FlowEvent>,
    faults: usize,
    found: &mut BTreeSet<Schedule>,
) {
    if rest.is_empty() {
        if placed.is_possible() && cost(placed) <= faults {
            found.insert(placed.clone().normal());
        }
        return;
    }
    let mut tried = None;
    for at in 0..rest.len() {
        let event = rest[at];
        // Of the same event twice it does not matter which comes first.
        if tried == Some(event) || !may_follow(&placed.events, event) {
            continue;
        }
        tried = Some(event);
        rest.remove(at);
        placed.events.push(event);
        place(placed, rest, faults, found);
        placed.events.pop();
        rest.insert(at, event);
    }
}

/// Returns true if an event can come after these.
fn may_follow(before: &[FlowEvent], event: FlowEvent) -> bool {
    let is_paid = before.iter().any(|it| it.is_payment());
    match event {
        FlowEvent::Notice | FlowEvent::TwoNotices => is_paid,
        FlowEvent::Capture | FlowEvent::Refund => before.contains(&FlowEvent::Pay),
        FlowEvent::ApproveLate => before.contains(&FlowEvent::Expire),
        // After the payment a notice of success is no forgery.
        FlowEvent::ForgedNotice => !is_paid,
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn orders_are_distinct_possible_and_the_same_for_a_seed() {
        let all = schedules(&Flow::ALL, 1, Seed(1));
        assert!(all.len() > 200, "{}", all.len());
        assert_eq!(all, schedules(&Flow::ALL, 1, Seed(1)));
        let other = schedules(&Flow::ALL, 1, Seed(2));
        assert!(all != other && all.iter().collect::<BTreeSet<_>>() == other.iter().collect());
        assert!(all.is_sorted_by_key(Schedule::fault_count));
        for schedule in &all {
            assert!(schedule.is_possible(), "{}", schedule.title());
            assert_eq!(schedule.clone().normal(), *schedule, "{}", schedule.title());
            assert!(cost(schedule) <= 1, "{}", schedule.title());
        }
    }

    #[test]
    fn orders_that_differ_in_independent_events_are_one() {
        use FlowEvent::{Decline, Expire, ForgedNotice, Pay, Register, Return};
        let schedule = |events: &[FlowEvent]| Schedule {
            events: events.to_vec(),
            ..Schedule::plain(Flow::Purchase)
        };
        let (a, b) = (schedule(&[Register, Expire, Return]), schedule(&[Register, Return, Expire]));
        assert_eq!(a.normal(), b.normal());
        let (a, b) = (schedule(&[Register, Pay, Return]), schedule(&[Register, Return, Pay]));
        assert_ne!(a.normal(), b.normal());
        let all = schedules(&[Flow::Purchase], 1, Seed(1));
        let twins = all
            .iter()
            .filter(|it| it.events.contains(&Decline) && it.events.contains(&ForgedNotice));
        assert!(twins.clone().all(|it| it.clone().normal() == *it) && twins.count() > 0);
    }

    #[test]
    fn every_schedule_is_a_sound_scenario() {
        for schedule in schedules(&Flow::ALL, 1, Seed(1)) {
            let text = schedule.to_yaml("X1");
            let read = crate::scenario::ScenarioFile::read("X1", text.as_bytes());
            match read {
                Ok(file) => assert!(file.warnings().is_empty(), "{text}\n{:#?}", file.warnings()),
                Err(problems) => panic!("{text}\n{problems:#?}"),
            }
        }
    }
}
