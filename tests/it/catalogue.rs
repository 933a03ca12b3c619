//! Every scenario of the catalogue, told with the built-in merchant.

use std::sync::atomic::{AtomicUsize, Ordering};

use payon_sim::scenario::{
    CATALOGUE, Commit, Effect, Latency, Mistake, PROBES, Requirement, ScenarioFile, Style,
};
use payon_sim::scenario_runs::{LoadedScenario, RunOptions, ScenarioOutcome, run_scenario};
use serde_json::Value;

fn scenarios() -> Vec<LoadedScenario> {
    let read = |(name, text): &(&str, &str)| LoadedScenario {
        file: format!("scenarios/{name}.yaml"),
        name: (*name).to_owned(),
        scenario: ScenarioFile::read(name, text.as_bytes()).expect("a story").scenario,
    };
    CATALOGUE.all().iter().map(read).collect()
}

/// A scenario of this file.
fn scenario(name: &str, text: &[u8]) -> LoadedScenario {
    let scenario = ScenarioFile::read(name, text).expect("a story").scenario;
    LoadedScenario { file: name.to_owned(), name: name.to_owned(), scenario }
}

/// Tells scenarios, several at once, with the built-in merchant as it usually works.
fn run_all(jobs: &[(LoadedScenario, Vec<Mistake>)]) -> Vec<ScenarioOutcome> {
    tell_all_in_style(jobs, &[])
}

/// The same with a merchant that works in another way.
fn tell_all_in_style(
    jobs: &[(LoadedScenario, Vec<Mistake>)],
    styles: &[Style],
) -> Vec<ScenarioOutcome> {
    let next = AtomicUsize::new(0);
    let worker = || {
        let mut told = Vec::new();
        loop {
            let at = next.fetch_add(1, Ordering::Relaxed);
            let Some((scenario, mistakes)) = jobs.get(at) else { return told };
            let (styles, mistakes) = (styles.to_vec(), mistakes.clone());
            let options = RunOptions { styles, mistakes, ..RunOptions::default() };
            told.push((at, run_scenario(scenario, &options)));
        }
    };
    let mut all: Vec<(usize, ScenarioOutcome)> = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..4).map(|_| scope.spawn(worker)).collect();
        workers.into_iter().flat_map(|worker| worker.join().expect("no panic")).collect()
    });
    all.sort_by_key(|(at, _)| *at);
    all.into_iter().map(|(_, outcome)| outcome).collect()
}

fn told(outcome: &ScenarioOutcome) -> String {
    let failed = outcome.verdicts.iter().filter(|judged| !judged.verdict.ok);
    let lines: Vec<String> =
        failed.map(|it| format!("  {}: {:?}", it.expectation, it.verdict)).collect();
    let error = outcome.error.as_deref().unwrap_or_default();
    format!("{} {error}\n{}\n  {}", outcome.id, lines.join("\n"), outcome.repeat)
}

#[test]
fn every_story_passes_with_the_correct_merchant_and_books_when_its_rules_say() {
    let scenarios = scenarios();
    let jobs: Vec<_> =
        scenarios.clone().into_iter().map(|scenario| (scenario, Vec::new())).collect();
    let outcomes = run_all(&jobs);
    let failed: Vec<String> = outcomes.iter().filter(|it| !it.ok).map(told).collect();
    assert!(failed.is_empty(), "{} of {}:\n{}", failed.len(), outcomes.len(), failed.join("\n"));
    for outcome in &outcomes {
        let booked = scenarios.iter().filter(|scenario| scenario.scenario.id == outcome.id);
        booked.for_each(|scenario| check_bookings(scenario, outcome));
    }
}

/// The change that a call makes in the books.
const BOOKED_BY: [(&str, &str); 4] = [
    ("register", "registered"),
    ("preAuthCompletion", "completed"),
    ("reversal", "reversed"),
    ("refund", "refunded"),
];

/// Holds what was booked against what the rules of a scenario say of it: `commit: before` books when the call comes,
/// whatever the latency; `after` when the answer is due; `never` not at all.
fn check_bookings(scenario: &LoadedScenario, outcome: &ScenarioOutcome) {
    for rule in &scenario.scenario.rules {
        let effects = || rule.then.iter().flat_map(|lines| &lines.0);
        let commit = effects().find_map(|effect| match effect {
            Effect::Commit(commit) => Some(*commit),
            _ => None,
        });
        let Some(commit) = commit else { continue };
        let delays = effects().filter_map(|effect| match effect {
            Effect::Latency(Latency::Fixed(period)) => Some(period.ms()),
            _ => None,
        });
        let delay_ms = i64::try_from(delays.sum::<u64>()).expect("a short time");
        let mut met = 0;
        for order in &outcome.orders {
            let calls = order.events.iter().filter(|event| event.kind == "call");
            for call in calls.filter(|call| call.rule.as_deref() == Some(&*rule.id)) {
                let change = BOOKED_BY.iter().find(|(operation, _)| *operation == call.name);
                let Some((_, change)) = change else { continue };
                let changes = || order.events.iter().filter(|event| event.kind == "change");
                let is_booked_at =
                    |at_ms| changes().any(|it| it.name == *change && it.at_ms == at_ms);
                let (before, after) = (call.at_ms, call.at_ms + delay_ms);
                let holds = match commit {
                    Commit::Before | Commit::Approved => is_booked_at(before),
                    Commit::After => is_booked_at(after),
                    Commit::Never => !is_booked_at(before) && !is_booked_at(after),
                };
                assert!(holds, "{} {}: {commit:?}, {order:#?}", scenario.name, rule.id);
                met += 1;
            }
        }
        // The triggers for clients that can arm nothing are not all used by its own steps.
        assert!(met > 0 || outcome.id == "S090", "{}: {} met no call", scenario.name, rule.id);
    }
}

/// Correct merchants of other styles: each way of asking, comparing and refusing that is not the usual one.
const OTHER_STYLES: [&[Style]; 3] = [
    &[Style::ReconcilesByList, Style::RefusesItself],
    &[Style::AsksOnPushbacks, Style::ReconcilesByCall, Style::LetsGatewayRefuse],
    &[Style::AsksOnPushbacks, Style::ReconcilesByStatus, Style::RefusesItself],
];

#[test]
fn every_story_that_applies_passes_with_correct_merchants_of_other_styles() {
    let jobs: Vec<_> = scenarios().into_iter().map(|scenario| (scenario, Vec::new())).collect();
    for styles in OTHER_STYLES {
        let outcomes = tell_all_in_style(&jobs, styles);
        let applicable = outcomes.iter().filter(|it| it.not_applicable.is_none());
        let failed: Vec<String> = applicable.filter(|it| !it.ok).map(told).collect();
        assert!(failed.is_empty(), "{styles:?}:\n{}", failed.join("\n"));
        let others = outcomes.iter().filter(|it| it.not_applicable.is_some());
        let others: Vec<&str> = others.map(|it| it.id.as_str()).collect();
        let expected: &[&str] = match styles {
            [Style::ReconcilesByList, ..] => &[],
            [_, Style::ReconcilesByCall, ..] => &["S023", "S037", "S039", "S076"],
            _ => &["S023", "S037", "S039"],
        };
        assert_eq!(others, expected, "{styles:?}");
    }
}

/// Abilities of which a shop needs one to bring an order into a state, or to make a call.
const ENABLING: [(&str, &[Requirement]); 7] = [
    ("reversed", &[Requirement::Reversal]),
    ("refunded", &[Requirement::Refund, Requirement::PartialRefund]),
    ("partlyRefunded", &[Requirement::PartialRefund]),
    ("reversal", &[Requirement::Reversal]),
    ("refund", &[Requirement::Refund, Requirement::PartialRefund]),
    ("preAuthCompletion", &[Requirement::PreAuth]),
    ("reconciliation", &[Requirement::Reconciles]),
];

/// A shop that lacks an ability, correct as it is, is not held to what only that ability brings about.
#[test]
fn what_a_scenario_expects_needs_no_ability_that_it_does_not_require() {
    let list = CATALOGUE.all().iter().chain(PROBES.all().iter());
    let value = |text: &str| serde_json::from_str::<Value>(text).unwrap();
    let mut lacking = Vec::new();
    for (name, text) in list {
        let scenario = ScenarioFile::read(name, text.as_bytes()).unwrap().scenario;
        let required = scenario.requirements();
        let mut open: Vec<Value> =
            scenario.expect.iter().map(|it| value(&it.to_json().to_string())).collect();
        while let Some(expectation) = open.pop() {
            open.extend(expectation["allOf"].as_array().into_iter().flatten().cloned());
            if expectation["never"] == true {
                continue;
            }
            let (order, request) = (&expectation["order"], &expectation["request"]);
            let is_call = ["atLeast", "exactly"].iter().any(|key| request[*key].as_u64() > Some(0));
            let calls = if is_call { &request["operation"] } else { &Value::Null };
            for words in [&order["state"], calls] {
                let words = words.as_array().map_or(std::slice::from_ref(words), Vec::as_slice);
                let needed: Option<Vec<&[Requirement]>> = words
                    .iter()
                    .map(|word| ENABLING.iter().find(|(of, _)| word == of).map(|(_, needs)| *needs))
                    .collect();
                let is_able = |needs: &[&[Requirement]]| {
                    needs.iter().copied().flatten().any(|need| required.contains(need))
                };
                if needed.is_some_and(|needs| !is_able(&needs)) {
                    lacking.push(format!("{name}: {expectation}"));
                }
            }
        }
    }
    assert!(lacking.is_empty(), "{}", lacking.join("\n"));
}

#[test]
fn every_story_fails_with_each_mistake_that_it_names() {
    let jobs: Vec<_> = scenarios()
        .into_iter()
        .flat_map(|scenario| {
            let mistakes = scenario.scenario.mistakes.clone();
            mistakes.into_iter().map(move |mistake| (scenario.clone(), vec![mistake]))
        })
        .collect();
    let outcomes = run_all(&jobs);
    let stuck = |it: &&ScenarioOutcome| {
        it.error.as_deref().is_some_and(|it| it.contains("nothing has moved"))
    };
    let stuck: Vec<String> = outcomes.iter().filter(stuck).map(told).collect();
    assert!(stuck.is_empty(), "{}", stuck.join("\n"));
    let toothless = outcomes.iter().filter(|it| it.ok).map(|it| it.repeat.clone());
    let toothless: Vec<String> = toothless.collect();
    assert!(toothless.is_empty(), "{}:\n{}", toothless.len(), toothless.join("\n"));
}

#[test]
fn every_story_can_be_failed() {
    let scenarios = scenarios();
    let toothless: Vec<&str> = scenarios
        .iter()
        .filter(|scenario| scenario.scenario.mistakes.is_empty())
        .map(|scenario| scenario.name.as_str())
        .collect();
    // A scenario without any would pass whatever a merchant does.
    assert_eq!(toothless, [""; 0]);
}

#[test]
fn a_seed_tells_the_same_story_of_each_order_under_parallel_clients() {
    let text = b"version: 1
id: BURST
title: Thirty-two clients
seed: 7
rules:
  - id: lossy
    when: { operation: [register, status], probability: 20% }
    then: [{ latency: { median: 80ms, p99: 2s } }, { transport: reset }]
  - id: disorder
    when: { operation: pay }
    then: [pushback: { copies: 2, order: shuffled, within: 20s }]
drive:
  - burst: { orders: 96, clients: 32, each: {} }
  - idle
expect:
  - order: { state: captured, exactly: 96 }
";
    let scenario = scenario("burst.yaml", text);
    let orders = |seed| {
        let outcome = run_scenario(&scenario, &RunOptions { seed, ..RunOptions::default() });
        assert!(outcome.ok, "{}", told(&outcome));
        assert_eq!(outcome.orders.len(), 96);
        let mut orders = outcome.orders;
        for event in orders.iter_mut().flat_map(|order| &mut order.events) {
            // Calls are numbered in the order in which they arrive.
            event.trace = None;
        }
        orders.sort_by(|a, b| a.tx_id.cmp(&b.tx_id));
        orders
    };
    let first = orders(None);
    assert_eq!(first, orders(None));
    assert_ne!(first, orders(Some(8)));
}

#[test]
fn more_push_backs_held_at_once_than_are_sent_to_one_merchant_hold_nothing_up() {
    let text = b"version: 1
id: HELD
title: Eight slow handlers at once
drive:
  - burst: { orders: 8, clients: 8, each: {} }
  - idle
expect:
  - order: { state: captured, exactly: 8 }
";
    let scenario = scenario("held.yaml", text);
    let mistakes = vec![Mistake::SlowHandler];
    let outcome = run_scenario(&scenario, &RunOptions { mistakes, ..RunOptions::default() });
    assert!(outcome.ok, "{}", told(&outcome));
}

#[test]
fn a_mixed_up_push_back_names_another_order_of_the_same_merchant() {
    let text = b"version: 1
id: MIXED
title: The wrong order
rules:
  - id: mixed-up
    when: { operation: pay, txIdSuffix: -x }
    then: [pushback: { first: unknown-tx-id, instead: wrong-tx-id }]
drive:
  - register: { txIdSuffix: -x }
  - pay
  - register: { order: b }
  - register: { order: c }
  - register: { order: other, merchantId: EPAY00000000001 }
  - register: { order: x, txIdSuffix: -x }
  - pay: { order: x }
  - idle
expect:
  - about: The first order has no other beside it
    pushback: { txId: T0001-x, lie: unknown-tx-id, exactly: 2 }
  - pushback: { txId: T0005-x, lie: unknown-tx-id, exactly: 1 }
  - pushback: { txId: T0005-x, lie: wrong-tx-id, exactly: 1 }
";
    let outcome = run_scenario(&scenario("mixed.yaml", text), &RunOptions::default());
    assert!(outcome.ok, "{}", told(&outcome));
}

#[test]
fn a_capture_in_part_is_told_as_captured_or_as_ordered_and_both_are_right() {
    let of = |told: &str| {
        format!(
            "version: 1
id: PART
title: A capture in part
profile: [{{ key: rules.completed_amount, value: {told} }}]
drive:
  - register: {{ trt: 12 }}
  - pay
  - complete: {{ amount: 4.00 }}
  - status
  - reconcile
  - advance: 1d
  - refund
  - reconcile
  - idle
expect:
  - order: {{ state: refunded, captured: 4.00, returned: 4.00, refunded: once }}
  - shop: {{ believes: given-back, shipped: once }}
  - never: true
    request: {{ reason: amount.mismatch }}
"
        )
    };
    for told in ["captured", "ordered"] {
        let outcome =
            run_scenario(&scenario("part.yaml", of(told).as_bytes()), &RunOptions::default());
        assert!(outcome.ok, "{told}: {}", super::catalogue::told(&outcome));
    }
}

#[test]
fn a_card_that_no_step_names_comes_from_the_profile() {
    let directory = tempfile::tempdir().expect("a directory");
    for file in std::fs::read_dir("fixtures/pgtest").expect("the built-in profile") {
        let file = file.expect("a file").path();
        let name = file.file_name().expect("a name").to_owned();
        let text = std::fs::read_to_string(&file).expect("text");
        let text = text.replace("5204730000001003", "5200828282828210");
        std::fs::write(directory.path().join(name), text).expect("written");
    }
    let text = b"version: 1
id: BIND
title: Saves the card that the profile has
drive:
  - bind: { clientId: \"02\" }
  - idle
expect:
  - request: { operation: bindingRegister, reason: success, exactly: 1 }
";
    let profile = Some(directory.path().into());
    let options = RunOptions { profile, ..RunOptions::default() };
    let outcome = run_scenario(&scenario("bind.yaml", text), &options);
    assert!(outcome.ok, "{}", told(&outcome));
}
