//! Rules of the house that a reader of the sources can check: layers, purity, sizes.

use std::fs;
use std::path::{Path, PathBuf};

/// The layers, lowest first. A module imports only from layers below its own, except within one
/// line, where `beside` says who may see whom.
const LAYERS: &[&[&str]] = &[
    &["base"],
    &["capture", "crypto", "khqr"],
    &["profile"],
    &["wire"],
    &["ledger", "scenario"],
    &["space"],
    &["gateway"],
    &["pushback"],
    &["checkout", "control", "server"],
    &["shop"],
    &["run"],
    &["cli"],
];

/// Modules of one layer that know each other: the server hands requests to the other two, and they
/// answer with what the server shares among connections.
const BESIDE: &[(&str, &str)] = &[
    ("server", "control"),
    ("server", "checkout"),
    ("control", "server"),
    ("checkout", "server"),
    ("control", "checkout"),
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

struct Source {
    module: String,
    path: PathBuf,
    text: String,
}

impl Source {
    /// The part before the tests that stand in the same file.
    fn code(&self) -> &str {
        self.text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default()
    }

    fn is_test(&self) -> bool {
        self.path.iter().any(|part| part == "tests" || part == "tests.rs")
    }
}

fn sources() -> Vec<Source> {
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
            let beside = BESIDE.contains(&(source.module.as_str(), target.as_str()));
            let peers = theirs == own && source.module != target;
            if theirs > own || (peers && !beside) {
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
