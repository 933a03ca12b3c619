//! The whole system from one seed, in short: `examples/simulate` plays as long as one likes.

use std::time::Duration;

use payon_sim::base::wall_clock;
use payon_sim::profile::Profile;

use self::simulation::{Failure, History, Simulation, Size};

#[path = "../../examples/simulate/simulation/mod.rs"]
mod simulation;

/// The time for which a history with a finding is made shorter.
const SHRINK: Duration = Duration::from_secs(120);

/// Plays fresh seeds for 10 seconds; `SIMULATE_SECONDS=600` makes it ten minutes.
#[test]
fn no_seed_finds_anything() {
    let seconds = std::env::var("SIMULATE_SECONDS").map_or(10, |text| text.parse().unwrap());
    let seed = wall_clock().0.unsigned_abs();
    println!("seed {seed}");
    let size = Size { steps: 60, merchants: 24 };
    let simulation = Simulation { size, shrink: SHRINK, fault: |_: &mut Profile| () };
    match simulation.run_for(seed, Duration::from_secs(seconds)) {
        Ok(figures) => println!("{figures}"),
        Err(failure) => panic!("{failure}"),
    }
}

/// The first failure of a gateway whose profile is not what the model takes it for.
fn found(fault: fn(&mut Profile), shrink: Duration) -> Failure {
    let simulation = Simulation { size: Size { steps: 80, merchants: 4 }, shrink, fault };
    let failure = (1..40).find_map(|seed| simulation.run(seed).err());
    *failure.expect("the fault is found")
}

#[test]
fn a_push_back_that_is_a_second_late_is_found_and_told_in_a_few_steps() {
    let failure = found(|profile| profile.pushback.retries_s[1] += 1, SHRINK);
    let told = failure.to_string();
    assert!(told.contains("Pushbacks, after step"), "{told}");
    assert!(failure.history.steps.len() <= 8, "{told}");
    let again = format!("--example simulate -- --seed {} ", failure.seed.unwrap_or_default());
    assert!(told.contains(&again), "{told}");
    assert_eq!(History::parse(&failure.history.to_string()).unwrap(), failure.history);
}

#[test]
fn a_rule_of_the_profile_that_the_model_does_not_know_is_found() {
    let faults: [fn(&mut Profile); 2] = [
        |profile| profile.rules.order_lifetime_ms += 1,
        |profile| profile.rules.partial_refund = false,
    ];
    for fault in faults {
        found(fault, Duration::ZERO);
    }
}
