//! Names the commit that is built, for `--version` and `/_sim/version`.

use std::path::Path;
use std::process::Command;
use std::{env, fs};

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-env-changed=PAYON_SIM_COMMIT");
    let version = env::var("CARGO_PKG_VERSION").unwrap_or_default();
    let shown = match commit() {
        Some(commit) => {
            println!("cargo::rustc-env=PAYON_SIM_COMMIT={commit}");
            format!("{version} ({commit})")
        }
        None => version,
    };
    println!("cargo::rustc-env=PAYON_SIM_VERSION={shown}");
}

/// The commit by the environment variable, by cargo's note in a packaged crate, or by git; `None` where nobody knows.
fn commit() -> Option<String> {
    if let Some(given) = env::var("PAYON_SIM_COMMIT").ok().filter(|given| !given.is_empty()) {
        return Some(given);
    }
    let note = ".cargo_vcs_info.json";
    if Path::new(note).exists() {
        println!("cargo::rerun-if-changed={note}");
        let text = fs::read_to_string(note).ok()?;
        let (_, after) = text.split_once("\"sha1\"")?;
        return after.split('"').nth(1)?.get(..12).map(str::to_owned);
    }
    // A debug build names no commit: it would be built anew, with all tests, after every commit.
    if env::var("PROFILE").is_ok_and(|profile| profile == "debug") || !Path::new(".git").exists() {
        return None;
    }
    for changed in ["HEAD", "logs/HEAD"] {
        let path = git(&["rev-parse", "--git-path", changed])?;
        if Path::new(&path).exists() {
            println!("cargo::rerun-if-changed={path}");
        }
    }
    git(&["rev-parse", "--short=12", "HEAD"])
}

fn git(arguments: &[&str]) -> Option<String> {
    let output = Command::new("git").args(arguments).output().ok()?;
    let printed = output.status.success().then_some(output.stdout)?;
    Some(String::from_utf8(printed).ok()?.trim_end().to_owned())
}
