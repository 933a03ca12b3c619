//! The scenarios that a server was started with: their rules are armed in the space `default`, and armed anew when they
//! change. Everything is read and checked first; a mistake anywhere leaves all as it is.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::SystemTime;

use crate::base::Problem;
use crate::scenario::{ChangeSet, Rule, Scenario, ScenarioFile, story};
use crate::space::Space;

/// Scenario files, directories of such, and ids of the catalogue.
#[derive(Debug, Default)]
pub struct Sources {
    given: Vec<String>,
    /// The rules that were armed last from here; held while they change.
    armed: Mutex<Vec<Rule>>,
}

/// How files looked at one moment: which there were, when they were written and how long they were.
pub type Stamp = Vec<(PathBuf, Option<(SystemTime, u64)>)>;

impl Sources {
    /// What `given` names: a file, a directory, or a story such as `S014`.
    pub fn new(given: Vec<String>) -> Self {
        Self { given, armed: Mutex::default() }
    }

    /// What was named.
    pub fn given(&self) -> &[String] {
        &self.given
    }

    /// Whether there is nothing to follow.
    pub fn is_empty(&self) -> bool {
        self.given.is_empty()
    }

    /// Arms what the scenarios say now, before all other rules of the space; other rules, counters and the ledger stay.
    /// Answers what changed since the last time, or every mistake, having changed nothing.
    pub fn reload(&self, space: &Space) -> Result<ChangeSet, Vec<Problem>> {
        let mut armed = self.armed.lock().unwrap_or_else(PoisonError::into_inner);
        let rules = self.read()?;
        let changes = ChangeSet::between(&armed, &rules);
        if armed.is_empty() && rules.is_empty() {
            return Ok(changes);
        }
        space.change_rules(|all| {
            let is_ours = |rule: &Rule| {
                [&*armed, &*rules].into_iter().flatten().any(|ours| ours.id == rule.id)
            };
            all.retain(|rule| !is_ours(rule));
            all.splice(0..0, rules.iter().cloned());
        });
        *armed = rules;
        Ok(changes)
    }

    /// How the files look now.
    pub fn stamp(&self) -> Stamp {
        let files = self.given.iter().filter(|given| !is_story(given)).flat_map(|given| {
            let mut files = Vec::new();
            // What cannot be listed is told when it is read.
            let _ = collect(Path::new(given), &mut files);
            files
        });
        let looks = |path: &Path| {
            let about = fs::metadata(path).ok()?;
            Some((about.modified().ok()?, about.len()))
        };
        files
            .map(|path| {
                let looks = looks(&path);
                (path, looks)
            })
            .collect()
    }

    /// What was named, read whole: each scenario with its file and the name by which it is told again, which is the id of
    /// a story of the catalogue, else the file. Or every mistake in them.
    pub fn scenarios(&self) -> Result<Vec<(String, String, Scenario)>, Vec<Problem>> {
        let mut read = Vec::new();
        let (texts, mut mistakes) = self.texts();
        for (file, text) in texts {
            match ScenarioFile::read(&file, &text) {
                Ok(found) => {
                    let id = &found.scenario.id;
                    let named = self.given.contains(id) && is_story(id);
                    let name = if named { id.clone() } else { file.clone() };
                    read.push((file, name, found.scenario));
                }
                Err(found) => mistakes.extend(found),
            }
        }
        if mistakes.is_empty() { Ok(read) } else { Err(mistakes) }
    }

    fn read(&self) -> Result<Vec<Rule>, Vec<Problem>> {
        let mut rules: Vec<(String, Rule)> = Vec::new();
        let (texts, mut mistakes) = self.texts();
        for (name, text) in texts {
            match ScenarioFile::read(&name, &text) {
                Ok(file) => {
                    let own = file.scenario.rules.into_iter();
                    rules.extend(own.map(|rule| (name.clone(), rule)));
                }
                Err(found) => mistakes.extend(found),
            }
        }
        for (at, (name, rule)) in rules.iter().enumerate() {
            if let Some((first, _)) = rules[..at].iter().find(|(_, known)| known.id == rule.id) {
                let message = format!("the rule id {:?} is taken by a rule of {first}", rule.id);
                mistakes.push(Problem::of_file(name.clone(), message, Vec::new()));
            }
        }
        if mistakes.is_empty() {
            Ok(rules.into_iter().map(|(_, rule)| rule).collect())
        } else {
            Err(mistakes)
        }
    }

    /// Every file with its text, and those that cannot be read.
    fn texts(&self) -> (Vec<(String, Vec<u8>)>, Vec<Problem>) {
        let mut texts = Vec::new();
        let mut mistakes = Vec::new();
        for given in &self.given {
            if let Some((name, text)) = story(given).filter(|_| is_story(given)) {
                texts.push((format!("scenarios/{name}.yaml"), text.into()));
                continue;
            }
            let mut files = Vec::new();
            let found = collect(Path::new(given), &mut files);
            mistakes.extend(found.err().map(|error| unreadable(given, &error)));
            for path in files {
                let name = path.display().to_string();
                match fs::read(&path) {
                    Ok(text) => texts.push((name, text)),
                    Err(error) => mistakes.push(unreadable(&name, &error)),
                }
            }
        }
        (texts, mistakes)
    }
}

/// A story's id counts where no file has that name.
fn is_story(given: &str) -> bool {
    story(given).is_some() && !Path::new(given).exists()
}

fn unreadable(name: &str, error: &io::Error) -> Problem {
    let help = "a file, a directory, or an id that `payon-sim scenarios` lists".to_owned();
    Problem::of_file(name.to_owned(), format!("cannot be read: {error}"), vec![help])
}

/// The scenario files that `path` is or holds, in order of their names: every .yaml, .yml and .json file.
pub fn collect(path: &Path, files: &mut Vec<PathBuf>) -> io::Result<()> {
    if !fs::metadata(path)?.is_dir() {
        files.push(path.to_owned());
        return Ok(());
    }
    let entries = fs::read_dir(path)?;
    let mut inside: Vec<PathBuf> =
        entries.map(|entry| entry.map(|entry| entry.path())).collect::<Result<_, _>>()?;
    inside.sort();
    for path in inside {
        let ending = path.extension().and_then(|ending| ending.to_str());
        if path.is_dir() {
            collect(&path, files)?;
        } else if matches!(ending, Some("yaml" | "yml" | "json")) {
            files.push(path);
        }
    }
    Ok(())
}
