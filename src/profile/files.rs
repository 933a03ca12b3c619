//! The files of a profile directory: the built-in ones, a user's own, and writing the former out as a start for
//! the latter.

use std::borrow::Cow;
use std::fs;
use std::io;
use std::path::Path;

use crate::base::{Diagnostic, PackedTexts, nearest, packed_texts, read_text};

/// The names of a profile's files, in the order in which they are read.
pub(super) const FILES: [&str; 7] = [
    "profile.toml",
    "keys.toml",
    "merchants.toml",
    "cards.toml",
    "payers.toml",
    "reasons.toml",
    "operations.toml",
];

/// The files of the built-in profile, and others of its directory.
static BUILTIN: PackedTexts = packed_texts!("pgtest");

/// The text of a file of the built-in profile.
pub(super) fn builtin(name: &str) -> &'static str {
    BUILTIN.text(name).unwrap_or_default()
}

/// The directory that the built-in files come from.
pub(super) const BUILTIN_DIR: &str = "fixtures/pgtest";

/// A file's text, and the name by which messages and provenance call it.
pub(super) struct SourceText {
    pub(super) shown: String,
    pub(super) text: Cow<'static, str>,
}

/// Reads the files of `dir` in the order of [`FILES`]; a file that cannot be read is a problem and `None`. A file
/// of ours that is spelled otherwise is a problem too.
pub(super) fn load(dir: &Path) -> ([Option<SourceText>; FILES.len()], Vec<Diagnostic>) {
    let mut problems = Vec::new();
    let sources = FILES.map(|name| {
        let path = dir.join(name);
        let shown = path.display().to_string();
        match read_text(&path) {
            Ok(text) => Some(SourceText { shown, text: text.into() }),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let help = "`payon-sim profile export DIR` writes a complete directory".to_owned();
                problems.push(Diagnostic::of_file(shown, "is missing".to_owned(), vec![help]));
                None
            }
            Err(error) => {
                let message = format!("cannot be read: {error}");
                problems.push(Diagnostic::of_file(shown, message, Vec::new()));
                None
            }
        }
    });
    problems.extend(strangers(dir));
    (sources, problems)
}

/// TOML files in `dir` that no profile has: most likely a slip in the name.
fn strangers(dir: &Path) -> Vec<Diagnostic> {
    let mut strange: Vec<String> = fs::read_dir(dir)
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| entry.file_name().into_string().ok())
        .filter(|name| Path::new(name).extension().is_some_and(|kind| kind == "toml"))
        .filter(|name| !FILES.contains(&name.as_str()))
        .collect();
    strange.sort();
    strange
        .into_iter()
        .map(|name| {
            let mut help = vec![format!("a profile has {}", FILES.join(", "))];
            help.extend(nearest(&name, &FILES).map(|near| format!("did you mean `{near}`?")));
            let shown = dir.join(&name).display().to_string();
            Diagnostic::of_file(shown, "is no file of a profile".to_owned(), help)
        })
        .collect()
}

/// Writes the built-in files into `dir`, which is made if need be. Nothing is written if any of them exists.
pub(super) fn export(dir: &Path) -> io::Result<()> {
    fs::create_dir_all(dir)?;
    for name in FILES {
        let path = dir.join(name);
        if path.try_exists()? {
            let message = format!("{} exists; nothing was written", path.display());
            return Err(io::Error::new(io::ErrorKind::AlreadyExists, message));
        }
    }
    for name in FILES {
        let mut file = fs::File::create_new(dir.join(name))?;
        io::Write::write_all(&mut file, builtin(name).as_bytes())?;
    }
    Ok(())
}

/// Replaces settings of `profile.toml`, each by its place and its value as JSON. Answers what is wrong with them.
pub(super) fn replace_all(
    sources: &mut [Option<SourceText>; FILES.len()],
    settings: &[(&str, &str)],
) -> Vec<Diagnostic> {
    let Some(Some(source)) = sources.first_mut() else { return Vec::new() };
    settings.iter().filter_map(|(key, value)| replace(source, key, value)).collect()
}

/// Replaces one setting of a file: `rules.order_lifetime_ms` by JSON. Its mark stays. Answers what is wrong with it.
fn replace(source: &mut SourceText, key: &str, json: &str) -> Option<Diagnostic> {
    let shown = source.shown.clone();
    let refuse = |what: String| Diagnostic::of_file(shown, what, Vec::new());
    let Ok(mut root) = source.text.parse::<toml::Table>() else { return None };
    let value = serde_json::from_str::<serde_json::Value>(json)
        .ok()
        .and_then(|json| toml::Value::try_from(json).ok());
    let Some(value) = value else {
        return Some(refuse(format!("the value of {key} cannot stand in a profile: {json}")));
    };
    let mut parts = key.split('.');
    let first = parts.next().and_then(|part| root.get_mut(part));
    let found = parts.try_fold(first, |at, part| at.map(|at| at.get_mut(part)));
    let Some(Some(place)) = found else { return Some(refuse(format!("has no setting {key}"))) };
    match place.as_table_mut().and_then(|entry| entry.get_mut("value")) {
        Some(inner) => *inner = value,
        None => *place = value,
    }
    source.text = root.to_string().into();
    None
}
