//! The scenarios that a server was started with: their rules are armed in the space `default`, and armed anew when they
//! change. Everything is read and checked first; a mistake anywhere leaves all as it is.

use std::collections::HashSet;
use std::ffi::OsStr;
use std::fmt::Display;
use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use crate::base::{Diagnostic, nearest, read_file, sort_by};
use crate::scenario::{
    ArmedRule, CATALOGUE, ChangeSet, Rule, Scenario, ScenarioFile, check_rules, scenario,
};
use crate::space::Space;

/// Scenario files, directories of such, and ids of the catalogue.
#[derive(Debug, Default)]
pub struct Sources {
    given: Vec<String>,
    /// The rules that were armed last from here, once any were; held while they change.
    armed: Mutex<Option<Vec<Rule>>>,
}

/// The most names that are looked at below a directory.
const NAMES_MAX: usize = 20_000;

/// State of the files at one moment: which there were, and of each all by which a change shows.
pub type Stamp = Vec<(PathBuf, Option<FileStamp>)>;

/// State of one file: the file that its name leads to, and of that the device, the number, the length, and when its
/// contents and its entry were last changed, in seconds and nanoseconds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileStamp {
    real: PathBuf,
    device: u64,
    number: u64,
    length: u64,
    written: (i64, i64),
    changed: (i64, i64),
}

impl Sources {
    /// Sources for `given`: a file, a directory, or a scenario such as `S014`.
    pub fn new(given: Vec<String>) -> Self {
        Self { given, armed: Mutex::default() }
    }

    /// The values that were given.
    pub fn given(&self) -> &[String] {
        &self.given
    }

    /// Returns true if there is nothing to follow.
    pub fn is_empty(&self) -> bool {
        self.given.is_empty()
    }

    /// Arms what the scenarios say now, before all other rules of the space; other rules, counters and the ledger stay.
    /// Answers what changed since the last time, or every mistake, having changed nothing.
    pub fn reload(&self, space: &Space) -> Result<ChangeSet, Vec<Diagnostic>> {
        let mut known = self.armed.lock().unwrap_or_else(PoisonError::into_inner);
        let rules = self.read(known.is_none())?;
        let armed = known.take().unwrap_or_default();
        *known = Some(rules.clone());
        let changes = ChangeSet::between(&armed, &rules);
        if armed.is_empty() && rules.is_empty() {
            return Ok(changes);
        }
        for warning in check_rules(&rules) {
            let rule = rules.get(warning.item).map(|rule| rule.id.as_str());
            tracing::warn!(rule, "{}", warning.message);
        }
        for warning in self.unapplied() {
            tracing::warn!("{warning}");
        }
        space.change_rules(|all, now| {
            let is_ours =
                |id: &str| [&armed, &rules].into_iter().flatten().any(|ours| ours.id == id);
            let mut ours = ArmedRule::all(rules.iter().cloned(), now);
            // A space that goes on from what was kept has armed them already.
            for rule in ours.iter_mut().filter(|_| armed.is_empty()) {
                if let Some(known) = all.iter().find(|known| known.rule == rule.rule) {
                    rule.at = known.at;
                }
            }
            all.retain(|known| !is_ours(&known.rule.id));
            all.splice(0..0, ours);
        });
        Ok(changes)
    }

    /// Sentences on scenarios with settings of the profile, which only a run applies.
    pub fn unapplied(&self) -> Vec<String> {
        let scenarios = self.scenarios().unwrap_or_default().into_iter();
        let told = scenarios.flat_map(|(file, _, scenario)| {
            let left_out = not_applied(scenario.settings()).into_iter();
            left_out.map(move |warning| format!("{file}: {warning}"))
        });
        told.collect()
    }

    /// State of the files now.
    pub fn stamp(&self) -> Stamp {
        // What cannot be listed is told when it is read.
        let files = self.found().0.into_iter().filter_map(|found| match found {
            FoundFiles::File(path) => Some(path),
            FoundFiles::Story(..) => None,
        });
        files
            .map(|path| {
                let stamp = FileStamp::of(&path).ok();
                (path, stamp)
            })
            .collect()
    }

    /// The of what was named leads to no scenario at all.
    pub fn empty(&self) -> Vec<&str> {
        let is_empty = |given: &&str| {
            let (found, problems) = Sources::new(vec![(*given).to_owned()]).found();
            found.is_empty() && problems.is_empty()
        };
        self.given.iter().map(String::as_str).filter(is_empty).collect()
    }

    /// Reads all sources: each scenario with its file and the name that repeats it, which is the id of
    /// a scenario of the catalogue, else the file. Or every mistake in them.
    pub fn scenarios(&self) -> Result<Vec<(String, String, Scenario)>, Vec<Diagnostic>> {
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

    /// Reads all sources, and arms nothing.
    ///
    /// # Errors
    /// Every mistake in them.
    pub fn check(&self) -> Result<(), Vec<Diagnostic>> {
        self.read(true).map(drop)
    }

    /// Reads the rules of all sources. At the start a scenario without rules is a mistake where it was named itself; later a
    /// file may lose its rules.
    fn read(&self, is_start: bool) -> Result<Vec<Rule>, Vec<Diagnostic>> {
        let mut rules: Vec<(String, Rule)> = Vec::new();
        let (texts, mut mistakes) = self.texts();
        for (name, text) in texts {
            match ScenarioFile::read(&name, &text) {
                Ok(file) => {
                    let own = file.scenario.rules;
                    if is_start && own.is_empty() && !self.is_below_directory(&name) {
                        mistakes.push(without_rules(&name));
                    }
                    let own = own.into_iter();
                    rules.extend(own.map(|rule| (name.clone(), rule)));
                }
                Err(found) => mistakes.extend(found),
            }
        }
        for (at, (name, rule)) in rules.iter().enumerate() {
            if let Some((first, _)) = rules[..at].iter().find(|(_, known)| known.id == rule.id) {
                let message = format!("the rule id {:?} is taken by a rule of {first}", rule.id);
                mistakes.push(Diagnostic::of_file(name.clone(), message, Vec::new()));
            }
        }
        if mistakes.is_empty() {
            Ok(rules.into_iter().map(|(_, rule)| rule).collect())
        } else {
            Err(mistakes)
        }
    }

    /// Returns true if a file was found by searching a directory.
    fn is_below_directory(&self, file: &str) -> bool {
        let is_above = |given: &String| given != file && Path::new(file).starts_with(given);
        self.given.iter().any(is_above) && !self.given.iter().any(|given| given == file)
    }

    /// Every scenario with its file and its text, and what cannot be read.
    pub fn texts(&self) -> (Vec<(String, Vec<u8>)>, Vec<Diagnostic>) {
        let mut texts = Vec::new();
        let (found, mut mistakes) = self.found();
        for found in found {
            match found {
                FoundFiles::Story(name, text) => {
                    texts.push((format!("scenarios/{name}.yaml"), text.into()));
                }
                FoundFiles::File(path) => {
                    let name = path.display().to_string();
                    match read_file(&path) {
                        Ok(text) => texts.push((name, text)),
                        Err(error) => mistakes.push(unreadable(&name, &error)),
                    }
                }
            }
        }
        (texts, mistakes)
    }

    /// The files that the given names lead to, each once, and those that lead nowhere.
    fn found(&self) -> (Vec<FoundFiles>, Vec<Diagnostic>) {
        let mut search = SourceSearch::default();
        for given in &self.given {
            match scenario(given).filter(|_| is_story(given)) {
                Some((name, text)) if search.snapshot.insert(name.into()) => {
                    search.found.push(FoundFiles::Story(name, text));
                }
                Some(_) => {}
                None => search.add_given(given),
            }
        }
        (search.found, search.problems)
    }
}

/// A scenario that was named.
enum FoundFiles {
    /// One of the catalogue, by its name and text.
    Story(&'static str, &'static str),
    File(PathBuf),
}

/// Collects scenarios; whatever is reached by several names is taken by the first.
#[derive(Default)]
struct SourceSearch {
    found: Vec<FoundFiles>,
    problems: Vec<Diagnostic>,
    /// The files and directories that were met, by the paths that no link leads to, and the scenarios by their names.
    snapshot: HashSet<PathBuf>,
    /// The names that were looked at below the directory that is searched.
    names: usize,
}

impl SourceSearch {
    fn add_given(&mut self, given: &str) {
        let path = Path::new(given);
        match fs::metadata(path) {
            Ok(about) if about.is_dir() => self.search(path),
            // Also what is no plain file, such as a pipe: it was asked for by name.
            Ok(_) => self.add_file(path),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                self.problems.push(unknown(given));
            }
            Err(error) => self.problems.push(unreadable(given, &error)),
        }
    }

    /// Adds the scenarios in a directory, or says that there is too much in it.
    fn search(&mut self, path: &Path) {
        let (found, problems) = (self.found.len(), self.problems.len());
        self.names = 0;
        self.add_directory(path);
        if self.names > NAMES_MAX {
            self.found.truncate(found);
            self.problems.truncate(problems);
            let message = format!("there are more than {NAMES_MAX} files and directories below it");
            let help =
                "name a directory of scenarios; a link in it may lead to a large one, such as /";
            let file = path.display().to_string();
            self.problems.push(Diagnostic::of_file(file, message, vec![help.to_owned()]));
        }
    }

    /// Every .yaml, .yml and .json file of a directory and those below it, in any letter case and in order of their names. Names that begin
    /// with a dot are left out: such files belong to editors, file systems and mounts.
    fn add_directory(&mut self, path: &Path) {
        if self.names > NAMES_MAX || !self.is_new(path) {
            return;
        }
        let left = NAMES_MAX + 1 - self.names;
        let entries = fs::read_dir(path).and_then(|entries| {
            entries.take(left).map(|entry| Ok(entry?.path())).collect::<io::Result<Vec<_>>>()
        });
        let mut entries = match entries {
            Ok(entries) => entries,
            Err(error) => return self.refuse(path, &error),
        };
        self.names += entries.len();
        entries
            .retain(|path| path.file_name().is_some_and(|name| !name.as_bytes().starts_with(b".")));
        sort_by(&mut entries, Ord::cmp);
        for path in entries {
            let ending = path.extension().map(OsStr::to_ascii_lowercase);
            let ending = ending.as_ref().and_then(|ending| ending.to_str());
            let is_scenario = matches!(ending, Some("yaml" | "yml" | "json"));
            match fs::metadata(&path) {
                Ok(about) if about.is_dir() => self.add_directory(&path),
                Ok(about) if is_scenario && about.is_file() => self.add_file(&path),
                Ok(_) if is_scenario => self.refuse(&path, &"it is no plain file"),
                Err(error) if is_scenario => self.refuse(&path, &error),
                _ => {}
            }
        }
    }

    fn add_file(&mut self, path: &Path) {
        if self.is_new(path) {
            self.found.push(FoundFiles::File(path.to_owned()));
        }
    }

    fn is_new(&mut self, path: &Path) -> bool {
        // A pipe has a name that leads nowhere.
        self.snapshot.insert(fs::canonicalize(path).unwrap_or_else(|_| path.to_owned()))
    }

    fn refuse(&mut self, path: &Path, why: &dyn Display) {
        self.problems.push(unreadable(&path.display().to_string(), why));
    }
}

impl FileStamp {
    fn of(path: &Path) -> io::Result<Self> {
        let about = fs::metadata(path)?;
        Ok(Self {
            real: fs::canonicalize(path)?,
            device: about.dev(),
            number: about.ino(),
            length: about.len(),
            written: (about.mtime(), about.mtime_nsec()),
            changed: (about.ctime(), about.ctime_nsec()),
        })
    }
}

/// A scenario's id counts where no file has that name.
fn is_story(given: &str) -> bool {
    scenario(given).is_some() && !Path::new(given).exists()
}

const HELP: &str = "a file, a directory, or an id that `payon-sim scenarios` lists";

fn unreadable(name: &str, why: &dyn Display) -> Diagnostic {
    Diagnostic::of_file(name.to_owned(), format!("cannot be read: {why}"), vec![HELP.to_owned()])
}

/// Warnings about the parts of a scenario that arming it does not apply.
pub(super) fn not_applied(left_out: Vec<&'static str>) -> Vec<String> {
    let told = left_out.into_iter().map(|part| {
        format!("`{part}` of the scenario was not applied: only `payon-sim run` applies it, here its rules are armed")
    });
    told.collect()
}

/// Reason why there is nothing to arm in a scenario.
pub const NO_RULES: &str =
    "has no rules, so there is nothing to arm; `payon-sim run` carries out its steps";

fn without_rules(name: &str) -> Diagnostic {
    Diagnostic::of_file(name.to_owned(), NO_RULES.to_owned(), Vec::new())
}

/// A name that is neither a file nor a scenario, with the scenario that it is like.
fn unknown(given: &str) -> Diagnostic {
    let ids = CATALOGUE.all().iter().filter_map(|(name, _)| name.split('-').next());
    let names: Vec<&str> = ids.chain(CATALOGUE.all().iter().map(|(name, _)| *name)).collect();
    let near = nearest(given, &names).map(|near| format!("did you mean {near}?"));
    let help = near.into_iter().chain([HELP.to_owned()]).collect();
    let is_path = given.contains('/') || Path::new(given).extension().is_some();
    let what = if is_path {
        "there is no such file"
    } else {
        "there is no such scenario, and no file of this name"
    };
    Diagnostic::of_file(given.to_owned(), what.to_owned(), help)
}
