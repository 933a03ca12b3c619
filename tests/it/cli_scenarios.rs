//! `payon-sim check`, `schema` and `scenarios`.

use std::fs;

use serde_json::Value;

use crate::binary::run;

#[test]
fn every_mistake_of_every_file_is_told_with_its_place() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    fs::write(path("a.yaml"), "version: 1\nid: A\ntitle: t\nrules:\n  - id: r\n    when: { operation: stats }\n    then: []\n  - id: r2\n").unwrap();
    fs::write(path("b.json"), "{ \"version\": 2, \"id\": \"B\", \"title\": \"t\" }").unwrap();
    fs::write(path("c.txt"), "no scenario").unwrap();
    let told = run(&["check", folder.path().to_str().unwrap()]);
    assert_eq!(told.code, Some(2), "{}", told.out);
    for place in ["a.yaml:6:", "a.yaml:8:", "b.json:1:", "scenarios checked: 2, mistakes: 3"] {
        assert!(told.out.contains(place), "{place}: {}", told.out);
    }
    let missing = run(&["check", path("d.yaml").to_str().unwrap()]);
    assert_eq!(missing.code, Some(2));
}

#[test]
fn the_catalogue_is_listed_and_sound() {
    let listed = run(&["scenarios"]).ok();
    assert!(listed.lines().any(|line| line.starts_with("S014  Charged, but the answer was lost")));
    let catalogue = concat!(env!("CARGO_MANIFEST_DIR"), "/scenarios");
    let checked = run(&["check", catalogue]).ok();
    assert!(
        checked.contains(&format!(
            "checked: {}, mistakes: 0, warnings: 0",
            listed.lines().count() - 1
        ))
    );
    let schema: Value = serde_json::from_str(&run(&["schema"]).ok()).unwrap();
    assert_eq!(schema["$schema"], "https://json-schema.org/draft/2020-12/schema");
}

#[test]
fn the_page_of_scenarios_is_in_step() {
    let made = run(&["scenarios", "--markdown"]).ok();
    let kept = include_str!("../../docs/scenarios.md");
    assert_eq!(made, kept, "run: payon-sim scenarios --markdown > docs/scenarios.md");
}
