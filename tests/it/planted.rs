//! Bugs that are in no list of mistakes, planted one by one in a copy of the sample shop in Node: the audit finds each of them
//! and names it.

use std::fs;
use std::path::Path;
use std::sync::Mutex;

use payon_sim::audit::AuditRules;
use serde::Deserialize;

use crate::audit::{findings, json, on_four_threads};
use crate::binary::has_tool;

const SHOP: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/shops/node");
const BUGS: &str = include_str!("../shops/planted.toml");

#[derive(Deserialize)]
struct Planted {
    bug: Vec<Bug>,
}

/// A bug: edits of the shop's files, the finding that names it, and the scenarios that are run.
#[derive(Deserialize)]
struct Bug {
    name: String,
    finding: String,
    scenarios: Vec<String>,
    edits: Vec<Edit>,
}

#[derive(Deserialize)]
struct Edit {
    file: String,
    from: String,
    to: String,
}

impl Bug {
    /// Copies the shop to `folder` and plants the bug there; the copy's merchant file.
    fn plant(&self, folder: &Path) -> String {
        for entry in fs::read_dir(SHOP).unwrap() {
            let path = entry.unwrap().path();
            fs::copy(&path, folder.join(path.file_name().unwrap())).unwrap();
        }
        for Edit { file, from, to } in &self.edits {
            let path = folder.join(file);
            let text = fs::read_to_string(&path).unwrap();
            assert_eq!(text.matches(from.as_str()).count(), 1, "{}: {from}", self.name);
            fs::write(&path, text.replace(from, to)).unwrap();
        }
        let merchant = folder.join("merchant.yaml");
        let text = fs::read_to_string(&merchant).unwrap();
        fs::write(&merchant, text.replace("patience: 20s", "patience: 5s")).unwrap();
        merchant.to_str().unwrap().to_owned()
    }
}

#[test]
fn every_planted_bug_is_found_and_named() {
    if !has_tool("node") {
        return;
    }
    let bugs: Planted = toml::from_str(BUGS).unwrap();
    let rules = AuditRules::built_in().unwrap();
    let wrong = Mutex::new(Vec::new());
    on_four_threads(&bugs.bug, |bug| {
        let folder = tempfile::tempdir().unwrap();
        let merchant = bug.plant(folder.path());
        let only = bug.scenarios.iter().flat_map(|id| ["--only", id]);
        let args: Vec<&str> = ["--merchant", &merchant].into_iter().chain(only).collect();
        let (_, report) = json(&[&args[..], &["--allow-unjudged"]].concat());
        if findings(&report) != [bug.finding.as_str()] {
            wrong.lock().unwrap().push(format!("{}: {:?}", bug.name, findings(&report)));
        }
        let practice = rules.practices.iter().find(|practice| practice.id == bug.finding);
        if let Some(practice) = practice {
            assert_eq!(report["findings"][0]["category"], *practice.category, "{}", bug.name);
        }
    });
    let wrong = wrong.into_inner().unwrap();
    assert!(wrong.is_empty(), "{wrong:#?}");
}
