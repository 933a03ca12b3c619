//! What the gateway says once it answers: to scripts through the ready file, to people on the terminal.

use std::fmt::Write as _;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use anyhow::Context as _;

use super::settings::Settings;
use crate::base::Seed;
use crate::profile::Profile;

/// Where a running gateway is, and what makes its run repeatable.
#[derive(Debug)]
pub(super) struct Announcement<'a> {
    /// Where merchants reach it.
    pub(super) url: &'a str,
    /// Where the control plane is.
    pub(super) control_url: &'a str,
    /// The seed of all choices.
    pub(super) seed: Seed,
    /// A token that was drawn for the control plane, to be told.
    pub(super) drawn_token: Option<&'a str>,
}

impl Announcement<'_> {
    /// What to paste into a merchant's settings, and what to be aware of.
    pub(super) fn banner(&self, settings: &Settings, profile: &Profile) -> String {
        let Self { url, control_url, seed, drawn_token } = self;
        let version = env!("CARGO_PKG_VERSION");
        let mut text = String::new();
        // Writing into a String cannot fail.
        let mut line = |args: std::fmt::Arguments<'_>| {
            let _ = writeln!(text, "{args}");
        };
        line(format_args!(
            "payon-sim {version} is ready, profile {}, seed {}",
            profile.name, seed.0
        ));
        line(format_args!("\n  For the merchant's settings:"));
        line(format_args!("    gateway URL         {url}"));
        for merchant in &profile.merchants {
            let terminals = merchant.terminals.join(", ");
            line(format_args!("    merchant/terminal   {} / {terminals}", merchant.id));
        }
        let export = match &settings.profile {
            None => "payon-sim keys export".to_owned(),
            Some(dir) => format!("payon-sim keys export --profile {}", dir.display()),
        };
        if let Some(merchant) = profile.merchants.first() {
            line(format_args!(
                "    private key         {export} --merchant {} --private",
                merchant.id
            ));
        }
        line(format_args!("    gateway public key  {export} --gateway"));
        line(format_args!("\n  Control plane         {control_url}/_sim/"));
        if let Some(token) = drawn_token {
            line(format_args!("  Control token         {token}"));
        }
        if !settings.host.is_loopback() {
            line(format_args!(
                "\n  WARNING: listening on {}, so other machines can reach it. Its keys and cards are public test data; never \
                 load real ones.",
                settings.host
            ));
        }
        text
    }
}

/// A file that gets one line of JSON once the gateway answers.
#[derive(Debug)]
pub(super) struct ReadyFile<'a>(&'a Path);

impl<'a> ReadyFile<'a> {
    /// Takes away what an earlier run has left, so that nobody takes that for ours.
    pub(super) fn prepare(path: &'a Path) -> anyhow::Result<Self> {
        if is_plain(path) {
            fs::remove_file(path).with_context(|| problem(path))?;
        }
        Ok(Self(path))
    }

    /// Writes the line. A plain file is written beside and moved there, so that nobody reads half a line; a pipe or a
    /// device is written to.
    pub(super) fn write(&self, announcement: &Announcement<'_>) -> anyhow::Result<()> {
        let Self(path) = self;
        let Announcement { url, control_url, .. } = announcement;
        let pid = std::process::id();
        let line = serde_json::json!({ "url": url, "controlUrl": control_url, "pid": pid });
        let line = format!("{line}\n");
        let written = match fs::symlink_metadata(path) {
            Ok(_) => fs::write(path, line),
            Err(_) => draft(path).and_then(|draft| {
                fs::write(&draft, line)?;
                fs::rename(&draft, path)
            }),
        };
        written.with_context(|| problem(path))
    }
}

fn is_plain(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok_and(|found| found.is_file())
}

fn draft(path: &Path) -> io::Result<PathBuf> {
    let name = path.file_name().ok_or(io::ErrorKind::InvalidFilename)?.to_string_lossy();
    Ok(path.with_file_name(format!(".{name}.{}", std::process::id())))
}

fn problem(path: &Path) -> String {
    format!("cannot write the ready file {}", path.display())
}
