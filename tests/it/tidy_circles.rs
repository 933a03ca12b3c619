//! No files of one module import each other in a circle.
//!
//! A file uses another when it names something of it by a path: in a `use`, or in the code. A name that a `mod.rs`
//! re-exports leads to the file that defines it, so a `mod.rs` that only re-exports is in no circle; one that holds code
//! which other files of its folder use is a file like any other. Methods are called without a path and are not seen.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use super::tidy::{Source, bare_code, sources};

/// Modules whose files must not form circles.
const MODULES: &[&str] = &["space", "gateway", "api", "crypto", "ledger"];

/// The most re-exports that are followed from a name to its definition.
const REEXPORTS_MAX: usize = 8;

/// A path from the root of the crate, such as `ledger`, `store`, `Store`.
type ModulePath = Vec<String>;

/// The files of a module, and what each names.
#[derive(Default)]
struct Files {
    paths: BTreeMap<ModulePath, PathBuf>,
    tokens: BTreeMap<ModulePath, Vec<String>>,
    /// What a name stands for in a file that imports it.
    imports: BTreeMap<(ModulePath, String), ModulePath>,
}

fn tokens(code: &str) -> Vec<String> {
    let mut tokens: Vec<String> = Vec::new();
    let mut is_word = false;
    for letter in code.chars() {
        let goes_on = letter.is_alphanumeric() || letter == '_';
        match tokens.last_mut() {
            Some(last) if (goes_on && is_word) || (letter == ':' && last == ":") => {
                last.push(letter);
            }
            _ if letter.is_whitespace() => {}
            _ => tokens.push(letter.to_string()),
        }
        is_word = goes_on;
    }
    tokens
}

fn module_path(file: &std::path::Path) -> ModulePath {
    let names = file.with_extension("");
    let mut names: ModulePath =
        names.iter().map(|name| name.to_string_lossy().into_owned()).collect();
    if names.last().is_some_and(|name| name == "mod") {
        names.pop();
    }
    names
}

/// The names that a tree behind `use` brings, each with its path; answers with the place behind the tree.
fn read_tree(
    tokens: &[String],
    mut at: usize,
    mut path: Vec<String>,
    found: &mut Vec<(String, Vec<String>)>,
) -> usize {
    loop {
        match tokens[at].as_str() {
            "{" => {
                at += 1;
                while tokens[at] != "}" {
                    at = read_tree(tokens, at, path.clone(), found);
                    at += usize::from(tokens[at] == ",");
                }
                return at + 1;
            }
            "*" => {
                found.push(("*".to_owned(), path));
                return at + 1;
            }
            name => path.push(name.to_owned()),
        }
        at += 1;
        if tokens[at] == "::" {
            at += 1;
            continue;
        }
        let mut name = path.last().cloned().unwrap_or_default();
        if name == "self" {
            path.pop();
            name = path.last().cloned().unwrap_or_default();
        }
        if tokens[at] == "as" {
            name.clone_from(&tokens[at + 1]);
            at += 2;
        }
        found.push((name, path));
        return at;
    }
}

/// All paths in a file: those of its `use`s with their names, and those in the code without one.
fn paths(tokens: &[String], is_child: impl Fn(&str) -> bool) -> Vec<(Option<String>, Vec<String>)> {
    let mut found = Vec::new();
    let mut at = 0;
    while at < tokens.len() {
        // Behind `use<` stand the lifetimes of a type.
        if tokens[at] == "use" && tokens[at + 1] != "<" {
            let mut tree = Vec::new();
            at = read_tree(tokens, at + 1, Vec::new(), &mut tree);
            found.extend(tree.into_iter().map(|(name, path)| (Some(name), path)));
            continue;
        }
        let begins = ["crate", "super", "self"].contains(&&*tokens[at]) || is_child(&tokens[at]);
        let goes_on = tokens.get(at + 1).is_some_and(|next| next == "::");
        // `pub(in …)` names who may look, and `$crate` is another crate's view.
        let is_path = at > 0 && !["::", ".", "in", "$"].contains(&&*tokens[at - 1]);
        if !(begins && goes_on && is_path) {
            at += 1;
            continue;
        }
        let mut path = vec![tokens[at].clone()];
        at += 1;
        while tokens[at] == "::"
            && tokens[at + 1].starts_with(|c: char| c.is_alphabetic() || c == '_')
        {
            path.push(tokens[at + 1].clone());
            at += 2;
        }
        found.push((None, path));
    }
    found
}

impl Files {
    fn of(module: &str) -> Self {
        let own = |source: &Source| source.module == module && !source.is_test();
        let sources = sources().into_iter().filter(own);
        Self::read(sources.map(|source| (source.path.clone(), source.code().to_owned())))
    }

    fn read(sources: impl Iterator<Item = (PathBuf, String)>) -> Self {
        let mut files = Self::default();
        for (file, code) in sources {
            let path = module_path(&file);
            files.tokens.insert(path.clone(), tokens(&bare_code(&code)));
            files.paths.insert(path, file);
        }
        for (own, tokens) in &files.tokens {
            for (name, path) in paths(tokens, |_| false) {
                if let (Some(name), Some(path)) = (name, files.absolute(own, &path)) {
                    files.imports.insert((own.clone(), name), path);
                }
            }
        }
        files
    }

    fn child(&self, own: &[String], name: &str) -> Option<ModulePath> {
        let child: ModulePath = own.iter().cloned().chain([name.to_owned()]).collect();
        self.paths.contains_key(&child).then_some(child)
    }

    /// A path as the file at `own` writes it, from the root of the crate; `None` where it leads to another crate.
    fn absolute(&self, own: &[String], path: &[String]) -> Option<ModulePath> {
        let (first, rest) = path.split_first()?;
        let mut base = own.to_vec();
        match first.as_str() {
            "crate" => return Some(rest.to_vec()),
            "self" => base.extend_from_slice(rest),
            "super" => {
                let ups = path.iter().take_while(|name| *name == "super").count();
                base.truncate(own.len().checked_sub(ups)?);
                base.extend_from_slice(&path[ups..]);
            }
            name => {
                let imported = || self.imports.get(&(own.to_vec(), name.to_owned())).cloned();
                base = self.child(own, name).or_else(imported)?;
                base.extend_from_slice(rest);
            }
        }
        Some(base)
    }

    /// The file that defines what a path names.
    fn definition(&self, path: &[String], reexports: usize) -> Option<&ModulePath> {
        let length = (1..=path.len()).rev().find(|end| self.paths.contains_key(&path[..*end]))?;
        let (file, _) = self.paths.get_key_value(&path[..length])?;
        let behind =
            path.get(length).and_then(|name| self.imports.get(&(file.clone(), name.clone())));
        let further = behind.filter(|_| reexports < REEXPORTS_MAX);
        further.and_then(|further| self.definition(further, reexports + 1)).or(Some(file))
    }

    /// The files that each file uses.
    fn uses(&self) -> BTreeMap<&ModulePath, BTreeSet<&ModulePath>> {
        let mut uses = BTreeMap::new();
        for (own, tokens) in &self.tokens {
            let paths = paths(tokens, |name| {
                self.child(own, name).is_some()
                    || self.imports.contains_key(&(own.clone(), name.to_owned()))
            });
            let files = paths.into_iter().filter_map(|(import, path)| {
                let path = self.absolute(own, &path)?;
                // A module that is imported counts where something of it is named.
                let is_module = import.is_some() && self.paths.contains_key(&path);
                let file = self.definition(&path, 0).filter(|file| *file != own);
                file.filter(|_| !is_module)
            });
            uses.insert(own, files.collect());
        }
        uses
    }

    /// Groups of files each of which uses, over others, all of its group.
    fn circles(&self) -> Vec<Vec<String>> {
        let uses = self.uses();
        let all: BTreeMap<_, _> = uses.keys().map(|file| (*file, reached(&uses, file))).collect();
        let mut circles = BTreeSet::new();
        for (file, reached) in &all {
            let back = reached.iter().filter(|other| all[**other].contains(file));
            let names = back.map(|other| self.paths[*other].display().to_string());
            circles.insert(names.collect::<Vec<_>>());
        }
        circles.into_iter().filter(|circle| !circle.is_empty()).collect()
    }
}

/// All files that a file uses, over others too.
fn reached<'f>(
    uses: &BTreeMap<&'f ModulePath, BTreeSet<&'f ModulePath>>,
    from: &'f ModulePath,
) -> BTreeSet<&'f ModulePath> {
    let mut seen = BTreeSet::new();
    let mut waiting = vec![from];
    while let Some(file) = waiting.pop() {
        for next in &uses[file] {
            if seen.insert(*next) {
                waiting.push(next);
            }
        }
    }
    seen
}

#[test]
fn files_of_a_module_form_no_circle() {
    let found: Vec<String> = MODULES
        .iter()
        .flat_map(|module| Files::of(module).circles())
        .map(|circle| circle.join(" ↔ "))
        .collect();
    assert!(
        found.is_empty(),
        "move what both sides need into a file of its own:\n{}",
        found.join("\n")
    );
}

#[test]
fn a_circle_is_seen_through_re_exports_and_paths_in_the_code() {
    let written = [
        ("m/mod.rs", "mod a; mod b; mod c; pub use a::{A, self as other}; pub use b::B;"),
        ("m/a.rs", "use super::B as Renamed; pub struct A(Renamed);"),
        ("m/b.rs", "pub struct B; fn f(_: &super::c::C) {}"),
        ("m/c.rs", "pub(in crate::m) struct C; fn f() { crate::m::A::new() }"),
        ("m/d.rs", "use super::{A, B};"),
    ];
    let files = Files::read(written.map(|(file, text)| (file.into(), text.to_owned())).into_iter());
    assert_eq!(files.circles(), [["m/a.rs", "m/b.rs", "m/c.rs"]]);
}
