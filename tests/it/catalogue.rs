//! Every story of the catalogue, told with the built-in merchant.

use std::sync::atomic::{AtomicUsize, Ordering};

use payon_sim::run::{Manner, Outcome, Story, tell};
use payon_sim::scenario::{CATALOGUE, Mistake, ScenarioFile};

fn stories() -> Vec<Story> {
    let read = |(name, text): &(&str, &str)| Story {
        file: format!("scenarios/{name}.yaml"),
        name: (*name).to_owned(),
        scenario: ScenarioFile::read(name, text.as_bytes()).expect("a story").scenario,
    };
    CATALOGUE.iter().map(read).collect()
}

/// A story of this file.
fn story(name: &str, text: &[u8]) -> Story {
    let scenario = ScenarioFile::read(name, text).expect("a story").scenario;
    Story { file: name.to_owned(), name: name.to_owned(), scenario }
}

/// Tells stories, several at once.
fn tell_all(jobs: &[(Story, Vec<Mistake>)]) -> Vec<Outcome> {
    let next = AtomicUsize::new(0);
    let worker = || {
        let mut told = Vec::new();
        loop {
            let at = next.fetch_add(1, Ordering::Relaxed);
            let Some((story, mistakes)) = jobs.get(at) else { return told };
            let manner = Manner { mistakes: mistakes.clone(), ..Manner::default() };
            told.push((at, tell(story, &manner)));
        }
    };
    let mut all: Vec<(usize, Outcome)> = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..4).map(|_| scope.spawn(worker)).collect();
        workers.into_iter().flat_map(|worker| worker.join().expect("no panic")).collect()
    });
    all.sort_by_key(|(at, _)| *at);
    all.into_iter().map(|(_, outcome)| outcome).collect()
}

fn told(outcome: &Outcome) -> String {
    let failed = outcome.verdicts.iter().filter(|judged| !judged.verdict.ok);
    let lines: Vec<String> =
        failed.map(|it| format!("  {}: {:?}", it.expectation, it.verdict)).collect();
    let error = outcome.error.as_deref().unwrap_or_default();
    format!("{} {error}\n{}\n  {}", outcome.id, lines.join("\n"), outcome.repeat)
}

#[test]
fn every_story_passes_with_the_correct_merchant() {
    let jobs: Vec<_> = stories().into_iter().map(|story| (story, Vec::new())).collect();
    let outcomes = tell_all(&jobs);
    let failed: Vec<String> = outcomes.iter().filter(|it| !it.ok).map(told).collect();
    assert!(failed.is_empty(), "{} of {}:\n{}", failed.len(), outcomes.len(), failed.join("\n"));
}

#[test]
fn every_story_fails_with_each_mistake_that_it_names() {
    let jobs: Vec<_> = stories()
        .into_iter()
        .flat_map(|story| {
            let mistakes = story.scenario.mistakes.clone();
            mistakes.into_iter().map(move |mistake| (story.clone(), vec![mistake]))
        })
        .collect();
    let outcomes = tell_all(&jobs);
    let stuck =
        |it: &&Outcome| it.error.as_deref().is_some_and(|it| it.contains("nothing has moved"));
    let stuck: Vec<String> = outcomes.iter().filter(stuck).map(told).collect();
    assert!(stuck.is_empty(), "{}", stuck.join("\n"));
    let toothless = outcomes.iter().filter(|it| it.ok).map(|it| it.repeat.clone());
    let toothless: Vec<String> = toothless.collect();
    assert!(toothless.is_empty(), "{}:\n{}", toothless.len(), toothless.join("\n"));
}

#[test]
fn every_story_can_be_failed() {
    let stories = stories();
    let toothless: Vec<&str> = stories
        .iter()
        .filter(|story| story.scenario.mistakes.is_empty())
        .map(|story| story.name.as_str())
        .collect();
    // A story without any would pass whatever a merchant does.
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
    let story = story("burst.yaml", text);
    let orders = |seed| {
        let outcome = tell(&story, &Manner { seed, ..Manner::default() });
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
    let story = story("held.yaml", text);
    let mistakes = vec![Mistake::SlowHandler];
    let outcome = tell(&story, &Manner { mistakes, ..Manner::default() });
    assert!(outcome.ok, "{}", told(&outcome));
}
