//! Rules of the house that a reader of the sources can check: layers, purity, sizes.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// The layers, lowest first. A module imports only from layers below its own.
const LAYERS: &[&[&str]] = &[
    &["base"],
    &["capture", "crypto", "http", "khqr"],
    &["profile"],
    &["wire"],
    &["ledger", "scenario"],
    &["space"],
    &["gateway"],
    &["delivery"],
    &["checkout", "api"],
    &["server", "state_store"],
    &["simulator"],
    &["shadow"],
    &["reference_merchant"],
    &["merchant_under_test"],
    &["scenario_runs"],
    &["audit", "explore"],
    &["cli"],
];

/// What a pure module never names: a runtime, a socket, a clock, global randomness.
const IMPURE: &[&str] = &[
    "tokio::",
    "hyper::",
    "std::net",
    "std::fs",
    "SystemTime",
    "Instant::now",
    "wall_clock",
    "rand::rng(",
    "rand::random",
    "thread::sleep",
];
const PURE: &[&str] = &["capture", "ledger", "scenario", "wire", "crypto", "khqr"];

/// Lines of a file outside tests.
const LINES_MAX: usize = 800;

pub(crate) struct Source {
    pub(crate) module: String,
    pub(crate) path: PathBuf,
    text: String,
}

impl Source {
    /// The part before the tests that stand in the same file.
    pub(crate) fn code(&self) -> &str {
        self.text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default()
    }

    pub(crate) fn is_test(&self) -> bool {
        self.path.iter().any(|part| part == "tests" || part == "tests.rs")
    }
}

pub(crate) fn sources() -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut found = Vec::new();
    let mut folders = vec![root.clone()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).expect("src can be listed") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|kind| kind == "rs") {
                let inside = path.strip_prefix(&root).expect("below src").to_owned();
                let first = inside.iter().next().expect("a name").to_string_lossy();
                let module = first.trim_end_matches(".rs").to_owned();
                let text = fs::read_to_string(&path).expect("a readable source");
                found.push(Source { module, path: inside, text });
            }
        }
    }
    found
}

fn layer(module: &str) -> Option<usize> {
    LAYERS.iter().position(|modules| modules.contains(&module))
}

/// The modules that a source names as `crate::module`.
fn imports(code: &str) -> Vec<String> {
    let code: String = code.lines().filter(|line| !line.trim_start().starts_with("//")).collect();
    code.match_indices("crate::")
        .filter(|(at, _)| !code[..*at].ends_with('$'))
        .map(|(at, found)| {
            let rest = &code[at + found.len()..];
            let end = rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len());
            rest[..end].to_owned()
        })
        .collect()
}

#[test]
fn imports_point_down() {
    let mut wrong = Vec::new();
    for source in sources().iter().filter(|source| !source.is_test()) {
        let Some(own) = layer(&source.module) else { continue };
        for target in imports(source.code()) {
            let Some(theirs) = layer(&target) else { continue };
            if theirs > own || (theirs == own && source.module != target) {
                wrong.push(format!("{} imports {target}", source.path.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "imports must point down:\n{}", wrong.join("\n"));
}

#[test]
fn every_module_has_its_layer() {
    let unknown: Vec<_> = sources()
        .into_iter()
        .map(|source| source.module)
        .filter(|module| !["lib", "main"].contains(&module.as_str()) && layer(module).is_none())
        .collect();
    assert!(unknown.is_empty(), "give these a layer in this test and in src/lib.rs: {unknown:?}");
}

#[test]
fn wire_and_ledger_do_not_know_each_other() {
    for source in sources() {
        let imports = imports(&source.text);
        let other = match source.module.as_str() {
            "wire" => "ledger",
            "ledger" => "wire",
            _ => continue,
        };
        assert!(!imports.iter().any(|target| target == other), "{}", source.path.display());
    }
}

#[test]
fn pure_modules_name_no_runtime_socket_or_clock() {
    for source in sources().iter().filter(|source| !source.is_test()) {
        if PURE.contains(&source.module.as_str()) {
            for name in IMPURE {
                assert!(!source.code().contains(name), "{} names {name}", source.path.display());
            }
        }
    }
}

#[test]
fn files_stay_readable() {
    let long: Vec<_> = sources()
        .iter()
        .filter(|source| !source.is_test() && source.code().lines().count() > LINES_MAX)
        .map(|source| source.path.display().to_string())
        .collect();
    assert!(long.is_empty(), "more than {LINES_MAX} lines: {long:?}");
}

#[test]
fn nothing_is_left_for_later() {
    let marks = [
        concat!("TO", "DO"),
        concat!("FIX", "ME"),
        concat!("todo", "!("),
        concat!("unimplemented", "!("),
    ];
    for source in sources() {
        for mark in marks {
            assert!(!source.text.contains(mark), "{} has {mark}", source.path.display());
        }
    }
}

/// Words with which no doc comment begins: it names a thing, or says what something does.
const INTERROGATIVES: &[&str] =
    &["What", "How", "Whether", "Where", "Which", "Why", "Whose", "When", "Who", "Whom"];

/// Type names that stand in more than one module.
const REPEATED_TYPE_NAMES_MAX: usize = 25;

/// Names of an earlier, private vocabulary. Each has a plain name now, which a newcomer can guess.
const RETIRED: &[&str] = &[
    "Aftermath",
    "Armoury",
    "Ask",
    "Birth",
    "Books",
    "Carrier",
    "Commons",
    "Complaint",
    "Course",
    "Deed",
    "Departure",
    "Desk",
    "Doing",
    "Driver",
    "Errand",
    "Feed",
    "Happening",
    "Happenings",
    "Hold",
    "Intervention",
    "Job",
    "Lie",
    "Lots",
    "Manner",
    "Moment",
    "Pace",
    "Party",
    "Patience",
    "Row",
    "Said",
    "Seen",
    "Sorted",
    "Stage",
    "Standing",
    "Tap",
    "Told",
    "Trail",
    "Trouble",
    "Visit",
    "World",
    "act_out",
    "aftermath",
    "armoury",
    "bell",
    "bent",
    "birth",
    "carry_out",
    "commons",
    "deed",
    "desk",
    "enter_by",
    "errand",
    "happening",
    "hindsight",
    "kin",
    "lie",
    "lies",
    "lot",
    "lots",
    "made_up",
    "manner",
    "owed",
    "put_out",
    "story",
    "stories",
    "take_up",
    "tell",
    "trail",
    "trouble",
    "visit",
];

/// The text without comments, strings and characters.
pub(crate) fn bare_code(text: &str) -> String {
    let mut code = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let skipped = if rest.starts_with("//") {
            rest.find('\n').unwrap_or(rest.len())
        } else if let Some(raw) = rest.strip_prefix("r#\"") {
            raw.find("\"#").map_or(rest.len(), |end| end + 5)
        } else if first == '"' {
            let mut escaped = false;
            let end = rest.char_indices().skip(1).find(|(_, letter)| {
                let ends = *letter == '"' && !escaped;
                escaped = *letter == '\\' && !escaped;
                ends
            });
            end.map_or(rest.len(), |(at, _)| at + 1)
        } else if rest.starts_with("'\"'") {
            3
        } else {
            code.push(first);
            rest = &rest[first.len_utf8()..];
            continue;
        };
        code.push(' ');
        rest = &rest[skipped..];
    }
    code
}

fn identifiers(code: &str) -> impl Iterator<Item = &str> {
    code.split(|c: char| !c.is_alphanumeric() && c != '_').filter(|word| !word.is_empty())
}

#[test]
fn doc_comments_begin_with_a_noun_or_a_verb() {
    let mut wrong = Vec::new();
    for source in sources() {
        let mut is_within = false;
        for (at, line) in source.text.lines().enumerate() {
            let line = line.trim_start();
            let text = line.strip_prefix("///").or_else(|| line.strip_prefix("//!"));
            if let Some(text) = text.filter(|_| !is_within) {
                let first = identifiers(text).next().unwrap_or_default();
                if INTERROGATIVES.contains(&first) {
                    wrong.push(format!("{}:{}: {line}", source.path.display(), at + 1));
                }
            }
            is_within = text.is_some();
        }
    }
    assert!(wrong.is_empty(), "begin with a noun or a verb:\n{}", wrong.join("\n"));
}

#[test]
fn type_names_rarely_stand_twice() {
    let mut places: BTreeMap<String, BTreeSet<PathBuf>> = BTreeMap::new();
    for source in sources() {
        let code = bare_code(&source.text);
        let words: Vec<&str> = identifiers(&code).collect();
        for pair in words.windows(2) {
            let is_type = ["struct", "enum", "trait", "type", "union"].contains(&pair[0]);
            if is_type && pair[1].starts_with(char::is_uppercase) {
                places.entry(pair[1].to_owned()).or_default().insert(source.path.clone());
            }
        }
    }
    let repeated: Vec<_> = places.iter().filter(|(_, files)| files.len() > 1).collect();
    assert!(repeated.len() <= REPEATED_TYPE_NAMES_MAX, "one name for one thing: {repeated:#?}");
}

#[test]
fn retired_names_do_not_come_back() {
    let mut wrong = Vec::new();
    for source in sources() {
        let code = bare_code(&source.text);
        let found: BTreeSet<_> = identifiers(&code).filter(|word| RETIRED.contains(word)).collect();
        if !found.is_empty() {
            wrong.push(format!("{}: {found:?}", source.path.display()));
        }
    }
    assert!(
        wrong.is_empty(),
        "src/lib.rs and their modules have the plain names:\n{}",
        wrong.join("\n")
    );
}

#[test]
fn the_map_names_files_that_exist() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let map = fs::read_to_string(root.join("src/lib.rs")).expect("the map");
    let (_, answers) = map.split_once("# Where to change what").expect("the answers");
    let named: Vec<&str> = answers
        .split('`')
        .filter(|name| name.starts_with("src/") || name.starts_with("fixtures/"))
        .collect();
    assert!(named.len() >= 14, "{named:?}");
    for name in named {
        assert!(root.join(name).exists(), "src/lib.rs names {name}, which is not there");
    }
}

/// The most types that a refund may pass.
const JOURNEY_MAX: usize = 14;

#[test]
fn the_map_lists_the_journey_of_a_refund() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let map = fs::read_to_string(root.join("src/lib.rs")).expect("the map");
    let (_, journey) = map.split_once("# The journey of a refund").expect("the journey");
    let (journey, _) = journey.split_once("//! # ").expect("a heading behind it");
    let rows: Vec<Vec<&str>> = journey
        .lines()
        .filter_map(|line| line.strip_prefix("//! | ")?.strip_suffix(" |"))
        .map(|row| row.split(" | ").collect())
        .skip(2)
        .collect();
    assert!((10..=JOURNEY_MAX).contains(&rows.len()), "{} types", rows.len());
    for row in &rows {
        let [name, file, _] = row[..] else { panic!("three columns: {row:?}") };
        let name = name
            .trim_matches(|letter: char| "[`]".contains(letter))
            .rsplit("::")
            .next()
            .expect("a name");
        let text = fs::read_to_string(root.join(file.trim_matches('`')));
        let text = text.unwrap_or_else(|error| panic!("{file}: {error}"));
        let is_there = identifiers(&text).any(|word| word == name);
        assert!(is_there, "{file} does not name {name}");
    }
}

/// Most fields of a space, and most of them that synchronise.
const SPACE_FIELDS_MAX: (usize, usize) = (10, 5);

#[test]
fn a_space_has_few_fields_and_few_means_of_synchronisation() {
    let sources = sources();
    let types_of = |file: &str, opening: &str| -> Vec<String> {
        let source = sources.iter().find(|source| source.path.ends_with(file)).expect("the file");
        let (_, body) = source.text.split_once(opening).expect("the type");
        let (body, _) = body.split_once("\n}").expect("its end");
        let lines = body.lines().filter(|line| !line.trim_start().starts_with("//"));
        lines.filter_map(|line| Some(line.split_once(": ")?.1.to_owned())).collect()
    };
    let fields = types_of("space/space.rs", "pub struct Space {");
    let synchronises = |field: &&String| {
        ["Mutex", "RwLock", "Notify", "Atomic", "OnceLock", "Condvar", "Semaphore", "SpaceGate"]
            .iter()
            .any(|word| field.contains(word))
    };
    let count = (fields.len(), fields.iter().filter(synchronises).count());
    assert!(
        count.0 <= SPACE_FIELDS_MAX.0 && (2..=SPACE_FIELDS_MAX.1).contains(&count.1),
        "{count:?}: {fields:#?}"
    );
    let gate = sources.iter().find(|source| source.path.ends_with("space/gate.rs"));
    assert!(
        gate.expect("the gate").text.contains("struct SpaceGate(AtomicU32);"),
        "it counts once"
    );
}
