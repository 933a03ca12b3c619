//! Every attack probe, against the built-in merchant.

use payon_sim::scenario::{Mistake, PROBES, ScenarioFile, Style};
use payon_sim::scenario_runs::{LoadedScenario, RunOptions, ScenarioOutcome, run_scenario};

fn probes() -> impl Iterator<Item = LoadedScenario> {
    PROBES.all().iter().map(|(name, text)| LoadedScenario {
        file: format!("probes/{name}.yaml"),
        name: (*name).to_owned(),
        scenario: ScenarioFile::read(name, text.as_bytes()).expect("a probe").scenario,
    })
}

fn told(outcome: &ScenarioOutcome) -> String {
    let failed = outcome.verdicts.iter().filter(|judged| !judged.verdict.ok);
    let lines: Vec<String> = failed.map(|it| format!("  {:?}", it.verdict)).collect();
    let error = outcome.error.as_deref().unwrap_or_default();
    format!("{} {error}\n{}", outcome.id, lines.join("\n"))
}

fn with(styles: &[Style], mistakes: &[Mistake]) -> RunOptions {
    RunOptions { styles: styles.to_vec(), mistakes: mistakes.to_vec(), ..RunOptions::default() }
}

#[test]
fn correct_merchants_withstand_every_probe() {
    let styles: [&[Style]; 3] =
        [&[], &[Style::AsksOnPushbacks, Style::ReconcilesByCall], &[Style::RefusesItself]];
    for styles in styles {
        let options = with(styles, &[]);
        let outcomes = probes().map(|probe| run_scenario(&probe, &options));
        let applicable = outcomes.filter(|it| it.not_applicable.is_none());
        let failed: Vec<String> = applicable.filter(|it| !it.ok).map(|it| told(&it)).collect();
        assert!(failed.is_empty(), "{styles:?}\n{}", failed.join("\n"));
    }
}

#[test]
fn a_merchant_with_the_bug_that_a_probe_names_does_not() {
    let mut passed = Vec::new();
    for probe in probes() {
        for mistake in &probe.scenario.mistakes {
            let outcome = run_scenario(&probe, &with(&[], &[*mistake]));
            if outcome.ok {
                passed.push(outcome.repeat);
            }
        }
    }
    assert!(passed.is_empty(), "{}", passed.join("\n"));
}
