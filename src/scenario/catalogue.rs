//! The numbered scenarios of `scenarios/` and the attack probes of `probes/`, built into the binary.

use crate::base::{PackedTexts, packed_texts};

/// Every scenario: the name of its file without the ending, and its text.
pub static CATALOGUE: PackedTexts = packed_texts!("scenarios");

/// Every attack probe, in the same form: scenarios in which a stranger knocks at the shop's addresses.
pub static PROBES: PackedTexts = packed_texts!("probes");

/// The scenario of this id (`S014`) or name (`S014-charged-but-the-answer-was-lost`).
pub fn scenario(id: &str) -> Option<(&'static str, &'static str)> {
    let is_meant = |name: &str| name == id || name.split('-').next() == Some(id);
    CATALOGUE.all().iter().chain(PROBES.all().iter()).copied().find(|(name, _)| is_meant(name))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::scenario::{Mistake, Period, Scenario, ScenarioFile};

    fn read(name: &str, text: &str) -> ScenarioFile {
        match ScenarioFile::read(&format!("scenarios/{name}.yaml"), text.as_bytes()) {
            Ok(file) => file,
            Err(problems) => panic!(
                "{}",
                problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
            ),
        }
    }

    #[test]
    fn every_story_is_complete_and_without_doubts() {
        assert!(CATALOGUE.all().len() >= 40 && PROBES.all().len() >= 20);
        for (name, text) in CATALOGUE.all().iter().chain(PROBES.all().iter()) {
            let file = read(name, text);
            let warnings: Vec<String> = file.warnings().iter().map(ToString::to_string).collect();
            assert!(warnings.is_empty(), "{}", warnings.join("\n"));
            let scenario = &file.scenario;
            assert!(name.starts_with(&format!("{}-", scenario.id)), "{name}");
            assert!(scenario.why.is_some() && scenario.correct.is_some(), "{name}");
            assert!(!scenario.drive.is_empty() && !scenario.expect.is_empty(), "{name}");
        }
    }

    /// Figures about the world outside of a scenario, which no rule of it can hold.
    const OF_THE_WORLD: [(&str, u64); 2] = [
        // The payer's last second, and the minute that a bank takes.
        ("S021", 1000),
        ("S021", 60_000),
    ];

    /// The lengths of time that a scenario works with, in milliseconds: those of its rules, steps and expectations, the
    /// lengths of windows, its settings and the rules of the profile.
    fn lengths(scenario: &Scenario) -> BTreeSet<u64> {
        fn collect(value: &serde_json::Value, found: &mut BTreeSet<u64>) {
            let length = |value: &serde_json::Value| value.as_str().and_then(Period::parse);
            found.extend(length(value).map(Period::ms));
            if let (Some(from), Some(to)) = (length(&value["from"]), length(&value["to"])) {
                found.insert(to.ms() - from.ms());
            }
            if let Some(grace) = length(&value["retryAfter"]) {
                // What is not held against a merchant whose clock differs.
                found.insert(grace.ms().saturating_sub(29_000));
            }
            value.as_array().into_iter().flatten().for_each(|one| collect(one, found));
            value
                .as_object()
                .into_iter()
                .flat_map(|all| all.values())
                .for_each(|one| collect(one, found));
        }
        let mut found = BTreeSet::new();
        collect(&serde_json::to_value(scenario.to_json()).expect("JSON"), &mut found);
        found.extend(scenario.profile.iter().filter_map(|it| it.value.0.parse::<u64>().ok()));
        let rules = &crate::profile::Profile::builtin().rules;
        found.extend([rules.hold_lifetime_ms.unsigned_abs()]);
        found
    }

    /// The lengths of time that a text names, in milliseconds: "30 seconds", "half a minute", "ten seconds".
    fn named(text: &str) -> Vec<u64> {
        const UNITS: [(&str, u64); 5] = [
            ("ms", 1),
            ("second", 1000),
            ("minute", 60_000),
            ("hour", 3_600_000),
            ("day", 86_400_000),
        ];
        const NUMBERS: [(&str, u64); 9] = [
            ("a", 1),
            ("one", 1),
            ("every", 1),
            ("two", 2),
            ("three", 3),
            ("five", 5),
            ("seven", 7),
            ("ten", 10),
            ("half", 0),
        ];
        let lower = text.to_lowercase();
        let is_part = |c: char| c.is_alphanumeric();
        let words: Vec<&str> =
            lower.split(|c| !is_part(c)).filter(|word| !word.is_empty()).collect();
        let mut found = Vec::new();
        for (at, word) in words.iter().enumerate() {
            let unit = word.strip_suffix('s').filter(|_| word.len() > 2).unwrap_or(word);
            let unit = if unit == "s" { "second" } else { unit };
            let Some((_, ms)) = UNITS.iter().find(|(name, _)| *name == unit) else { continue };
            let before = |back: usize| at.checked_sub(back).map(|at| words[at]).unwrap_or_default();
            let number = |word: &str| {
                let known =
                    NUMBERS.iter().find(|(name, _)| *name == word).map(|(_, number)| *number);
                known.or_else(|| word.parse().ok())
            };
            let is_half = before(2) == "half" && ["a", "an"].contains(&before(1));
            let and_a_half = words.get(at + 1..at + 4) == Some(&["and", "a", "half"][..]);
            match number(before(1)) {
                _ if is_half => found.push(ms / 2),
                Some(count) if and_a_half => found.push(count * ms + ms / 2),
                Some(count) => found.push(count * ms),
                None => {}
            }
        }
        found
    }

    #[test]
    fn the_figures_of_every_text_are_those_of_its_rules() {
        assert_eq!(
            named(
                "30 seconds, half a minute, half an hour, a second and a half, ten seconds of every minute"
            ),
            [30_000, 30_000, 1_800_000, 1500, 10_000, 60_000]
        );
        let mut wrong = Vec::new();
        for (name, text) in CATALOGUE.all() {
            let scenario = read(name, text).scenario;
            let lengths = lengths(&scenario);
            let Scenario { title, why, correct, about, .. } = &scenario;
            let texts = [Some(title), why.as_ref(), correct.as_ref(), about.as_ref()];
            for ms in texts.into_iter().flatten().flat_map(|text| named(text)) {
                let is_known = lengths.contains(&ms) || OF_THE_WORLD.contains(&(&*scenario.id, ms));
                if !is_known {
                    wrong.push(format!("{name}: no rule, step or expectation has {ms} ms"));
                }
            }
        }
        assert_eq!(wrong, [""; 0]);
    }

    #[test]
    fn a_text_tells_when_a_late_answer_is_booked() {
        use crate::scenario::{Commit, Effect};
        for (name, text) in CATALOGUE.all() {
            let scenario = read(name, text).scenario;
            let why = scenario.why.as_deref().unwrap_or_default();
            for lines in scenario.rules.iter().filter_map(|rule| rule.then.as_ref()) {
                let is_late = lines.0.iter().any(|effect| matches!(effect, Effect::Latency(_)));
                let commit = lines.0.iter().find_map(|effect| match effect {
                    Effect::Commit(commit) => Some(*commit),
                    _ => None,
                });
                let told = match commit.filter(|_| is_late) {
                    Some(Commit::Before | Commit::Approved) => "is booked",
                    Some(Commit::After) => "booked after",
                    Some(Commit::Never) => "never booked",
                    None => continue,
                };
                assert!(why.contains(told), "{name}: {why:?} does not say: {told}");
            }
        }
    }

    #[test]
    fn every_mistake_is_caught_by_a_story() {
        let caught: Vec<Mistake> = CATALOGUE
            .all()
            .iter()
            .flat_map(|(name, text)| read(name, text).scenario.mistakes)
            .collect();
        let missing: Vec<&str> = Mistake::ALL
            .iter()
            .filter(|mistake| !caught.contains(mistake))
            .map(|mistake| mistake.name())
            .collect();
        assert_eq!(missing, [""; 0]);
    }

    #[test]
    fn every_story_fits_the_schema_and_survives_printing() {
        let schema = Scenario::json_schema();
        for (name, text) in CATALOGUE.all().iter().chain(PROBES.all().iter()) {
            let value = crate::scenario::model::tests::as_json(text);
            assert!(crate::scenario::model::tests::fits(&schema, &schema, &value), "{name}");
            let scenario = read(name, text).scenario;
            assert_eq!(read(name, &scenario.to_yaml()).scenario, scenario, "{name}");
        }
    }

    #[test]
    fn a_story_is_found_by_its_id_or_name() {
        assert_eq!(
            scenario("S014").map(|scenario| scenario.0),
            Some("S014-charged-but-the-answer-was-lost")
        );
        assert!(scenario("S014-charged-but-the-answer-was-lost").is_some());
        assert_eq!(scenario("S01"), None);
    }
}
