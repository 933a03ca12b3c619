//! Names the commit that is built, for `--version` and `/_sim/version`, and packs the texts that are part of the binary.

use std::collections::BTreeMap;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

use flate2::Compression;
use flate2::write::ZlibEncoder;

/// Every set of texts: its name, by which `packed_texts!` embeds it, the folder of its files, and the end of their names,
/// without which a text is named.
const SETS: [(&str, &str, &str); 8] = [
    ("audit", "fixtures/audit", ".toml"),
    ("checkout", "src/checkout/assets", ""),
    ("dashboard", "src/api/dashboard/assets", ""),
    ("docs", "docs", ".md"),
    ("examples", "src/api", ".json"),
    ("pgtest", "fixtures/pgtest", ""),
    ("probes", "probes", ".yaml"),
    ("scenarios", "scenarios", ".yaml"),
];

/// Pages of `docs/` that the program makes itself (`src/api/docs/made.rs`), so they are not packed.
const MADE: [&str; 4] = ["calls", "control-api", "fidelity", "scenarios"];

fn main() -> io::Result<()> {
    println!("cargo::rerun-if-changed=build.rs");
    let out = PathBuf::from(env::var_os("OUT_DIR").unwrap_or_default());
    for (set, folder, end) in SETS {
        fs::write(out.join(set).with_extension("z"), pack(folder, end)?)?;
    }
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
    Ok(())
}

/// The texts of a folder in the order of their names, compressed as one: name and text, each ended by a NUL.
fn pack(folder: &str, end: &str) -> io::Result<Vec<u8>> {
    println!("cargo::rerun-if-changed={folder}");
    let mut texts = BTreeMap::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let file = path.file_name().unwrap_or_default().to_string_lossy();
        if let Some(name) = file.strip_suffix(end) {
            texts.insert(name.to_owned(), fs::read_to_string(&path)?);
        }
    }
    if folder == "docs" {
        texts.retain(|name, _| !MADE.contains(&name.as_str()));
        println!("cargo::rerun-if-changed=CHANGELOG.md");
        texts.insert("changelog".to_owned(), fs::read_to_string("CHANGELOG.md")?);
    }
    let mut packed = ZlibEncoder::new(Vec::new(), Compression::best());
    for (name, text) in texts {
        write!(packed, "{name}\0{text}\0")?;
    }
    packed.finish()
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
