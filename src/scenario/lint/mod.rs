//! Warnings about things that are allowed but cannot be meant: rules that never step in, effects that nobody can carry out, expectations that
//! no run can meet.

mod expectations;
mod inert;
mod rules;
mod shadow;
#[cfg(test)]
mod tests;

use std::collections::{HashMap, HashSet};

use super::model::{DriveStep, Expectation, Point, Rule, Scenario};
use crate::base::Message;
use shadow::Shadows;

/// Longest simulated time of a run, in milliseconds: a year.
pub const REACH_MS: u64 = 365 * 86_400_000;

/// A doubt about a scenario.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Warning {
    /// The list of the file that it is about: `rules`, `drive`, `expect`.
    pub list: &'static str,
    /// Index of the item in the list, from 0.
    pub item: usize,
    /// The keys that lead on from there, as far as they exist.
    pub keys: Vec<&'static str>,
    /// The doubt, and what may be meant.
    pub message: Message,
    /// True if it is about a part that does nothing or asks for nothing in any run, so that a run which is as expected
    /// shows less than its scenario says.
    pub is_void: bool,
}

/// Every doubt about a scenario, in the order of the file.
pub fn check(scenario: &Scenario) -> Vec<Warning> {
    let mut doubts = Doubts(check_rules(&scenario.rules));
    check_drive(scenario, &mut doubts);
    let ids: Vec<&str> = scenario.rules.iter().map(|rule| rule.id.as_str()).collect();
    doubts.0.extend(check_expectations(&scenario.expect, &ids));
    doubts.0
}

/// Every doubt about a list of expectations, in its order, beside rules of these ids.
pub fn check_expectations(expectations: &[Expectation], rules: &[&str]) -> Vec<Warning> {
    let mut doubts = Doubts::default();
    for (at, expectation) in expectations.iter().enumerate() {
        expectations::check(expectation, rules, &mut doubts.about("expect", at));
    }
    doubts.0
}

/// Every doubt about a list of rules, in its order.
pub fn check_rules(rules: &[Rule]) -> Vec<Warning> {
    let mut doubts = Doubts::default();
    let points: Vec<Vec<Point>> = rules.iter().map(Rule::points).collect();
    // Index of the last rule that steps in at each point.
    let last: HashMap<Point, usize> = points
        .iter()
        .enumerate()
        .flat_map(|(at, own)| own.iter().map(move |it| (*it, at)))
        .collect();
    let mut earlier = Shadows::default();
    for (at, (rule, points)) in rules.iter().zip(&points).enumerate() {
        let mut here = doubts.about("rules", at);
        let is_before_others = points.iter().any(|point| last.get(point) > Some(&at));
        rules::check(rule, points, is_before_others, &mut here);
        earlier.check(rule, points, &mut here);
    }
    doubts.0
}

/// Doubts so far.
#[derive(Debug, Default)]
struct Doubts(Vec<Warning>);

/// Place for doubts about one item.
struct Here<'d> {
    doubts: &'d mut Doubts,
    list: &'static str,
    item: usize,
    /// The keys that lead from the item to what is looked at.
    keys: Vec<&'static str>,
}

impl Doubts {
    fn about(&mut self, list: &'static str, item: usize) -> Here<'_> {
        Here { doubts: self, list, item, keys: Vec::new() }
    }
}

impl Here<'_> {
    /// The same for what stands below `key`.
    fn inside(&mut self, key: &'static str) -> Here<'_> {
        let keys = self.keys.iter().copied().chain([key]).collect();
        Here { doubts: self.doubts, list: self.list, item: self.item, keys }
    }

    fn warn(&mut self, keys: &[&'static str], message: impl Into<Message>) {
        self.add(keys, message.into(), false);
    }

    /// Warns of a part that does nothing or asks for nothing.
    fn void(&mut self, keys: &[&'static str], message: impl Into<Message>) {
        self.add(keys, message.into(), true);
    }

    fn add(&mut self, keys: &[&'static str], message: Message, is_void: bool) {
        let (list, item) = (self.list, self.item);
        let keys = self.keys.iter().chain(keys).copied().collect();
        self.doubts.0.push(Warning { list, item, keys, message, is_void });
    }
}

/// Orders that are registered twice, and time beyond the end of a run.
fn check_drive(scenario: &Scenario, doubts: &mut Doubts) {
    let mut passed = 0_u64;
    for (at, step) in scenario.drive.iter().enumerate() {
        let (DriveStep::Advance(period) | DriveStep::Wait(period)) = step else { continue };
        let is_within = passed <= REACH_MS;
        passed = passed.saturating_add(period.ms());
        if is_within && passed > REACH_MS {
            let message = "by then more than a year has passed: `payon-sim run` ends a scenario there, as failed";
            doubts.about("drive", at).warn(&["advance"], message);
        }
    }
    let mut known = HashSet::new();
    for (at, step) in scenario.drive.iter().enumerate() {
        let DriveStep::Register(register) = step else { continue };
        let name = register.order.as_deref().unwrap_or(DriveStep::FIRST_ORDER);
        if !known.insert(name) {
            doubts.about("drive", at).warn(
                &["register", "order"],
                Message::new(format!("the order {name:?} is registered a second time")).help(
                    "give it another name, or leave it out: a correct merchant repeats by itself",
                ),
            );
        }
    }
}

/// Steps that can never work, since no step before them registers their order or saves the card that they ask for.
pub fn check_order_names(scenario: &Scenario) -> Vec<Warning> {
    let (mut doubts, mut known, mut clients) = (Doubts::default(), HashSet::new(), HashSet::new());
    for (at, step) in scenario.drive.iter().enumerate() {
        let (keys, register) = match step {
            DriveStep::Register(register) => (&["register", "savedCardOf"][..], Some(register)),
            DriveStep::Burst(burst) => (&["burst", "each", "savedCardOf"][..], Some(&burst.each)),
            _ => (&[][..], None),
        };
        let owner = register.and_then(|it| it.saved_card_of.as_deref());
        if let Some(owner) = owner.filter(|owner| !clients.contains(owner)) {
            let message = format!("no step before this one saves a card of the client {owner:?}");
            let help = "a `bind` before it saves one: `bind: { clientId: … }`";
            doubts.about("drive", at).warn(keys, Message::new(message).help(help));
        }
        match step {
            DriveStep::Bind(bind) => {
                clients.insert(&*bind.client_id);
            }
            DriveStep::Register(register) => {
                let name = register.order.as_deref().unwrap_or(DriveStep::FIRST_ORDER);
                known.insert(name.to_owned());
            }
            DriveStep::Burst(burst) => known.extend((1..=burst.orders).map(DriveStep::burst_order)),
            _ => {}
        }
        let Some((key, order)) = step.about_order() else { continue };
        let name = order.unwrap_or(DriveStep::FIRST_ORDER);
        if !known.contains(name) {
            let message = format!("no step before this one registers the order {name:?}");
            let help = match order {
                Some(_) => "an `order` is the name that a `register` before it has given",
                None => {
                    "without `order` a step is about the order that was registered without a name"
                }
            };
            doubts.about("drive", at).warn(&[key, "order"], Message::new(message).help(help));
        }
    }
    doubts.0
}
