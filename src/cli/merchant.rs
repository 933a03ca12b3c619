//! `payon-sim merchant`: begins and tries a merchant file.

use std::fmt::Write as _;
use std::fs::OpenOptions;
use std::io::{ErrorKind, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context as _, bail};
use clap::{Args, Subcommand};

use super::input::ProfileArg;
use super::{exit, settings};
use crate::base::visible;
use crate::merchant_under_test::LoadedMerchant;
use crate::scenario_runs::{Rehearsed, rehearse};

/// The file that `init` writes.
const START: &str = include_str!("merchant.yaml");

#[derive(Subcommand, Debug)]
pub(super) enum MerchantVerb {
    /// Write a commented merchant file to begin with
    Init(InitArgs),
    /// Start the shop, go through every call of its merchant file once, and say what is wrong
    Check(MerchantCheckArgs),
}

/// The place of the new file.
#[derive(Args, Debug)]
pub(super) struct InitArgs {
    /// The file to write; it must not be there yet
    #[arg(value_name = "FILE", default_value = "merchant.yaml")]
    file: PathBuf,
}

/// The file to try.
#[derive(Args, Debug)]
pub(super) struct MerchantCheckArgs {
    /// The merchant file
    #[arg(value_name = "FILE", default_value = "merchant.yaml")]
    file: PathBuf,
    #[command(flatten)]
    profile: ProfileArg,
}

pub(super) fn run(verb: MerchantVerb) -> anyhow::Result<ExitCode> {
    match verb {
        MerchantVerb::Init(args) => init(&args.file),
        MerchantVerb::Check(args) => check(&args),
    }
}

fn init(path: &Path) -> anyhow::Result<ExitCode> {
    let shown = path.display().to_string();
    let shown = visible(&shown);
    let opened = OpenOptions::new().write(true).create_new(true).open(path);
    if opened.as_ref().is_err_and(|error| error.kind() == ErrorKind::AlreadyExists) {
        bail!(
            "{shown} is there already and stays as it is; try it with `payon-sim merchant check {shown}`, or name \
             another file: `payon-sim merchant init OTHER.yaml`"
        );
    }
    let mut file = opened.with_context(|| format!("cannot write {shown}"))?;
    file.write_all(START.as_bytes()).with_context(|| format!("cannot write {shown}"))?;
    exit::print(&format!(
        "{shown} is written; make it fit your shop, then try it: payon-sim merchant check {shown}\n"
    ))?;
    Ok(ExitCode::SUCCESS)
}

/// Tries every call; 1 where something does not work, 2 where the file has mistakes, 3 where no port was to be had.
fn check(args: &MerchantCheckArgs) -> anyhow::Result<ExitCode> {
    let merchant = LoadedMerchant::load(&args.file)?;
    let name = merchant.file.name.clone();
    let calls = match rehearse(merchant, args.profile.load()?, settings::variables()) {
        Ok(calls) => calls,
        Err(error) if error.is_unbound() => return Ok(exit::cannot_bind(&error)),
        Err(error) => return Err(error.into()),
    };
    let mut text = String::new();
    for call in &calls {
        let mark = match call.result {
            Rehearsed::Works => "ok  ",
            Rehearsed::Absent => "none",
            Rehearsed::Fails => "FAIL",
        };
        // Writing into a String cannot fail.
        let _ = write!(text, "{mark} {:<13}", call.what);
        let mut lines = call.detail.lines();
        let _ = writeln!(text, " {}", visible(lines.next().unwrap_or_default()));
        for line in lines {
            let _ = writeln!(text, "                   {}", visible(line));
        }
    }
    let count = |result| calls.iter().filter(|call| call.result == result).count();
    let failed = count(Rehearsed::Fails);
    let _ = writeln!(
        text,
        "{}: works {}, fails {failed}, not in the file {}",
        visible(&name),
        count(Rehearsed::Works),
        count(Rehearsed::Absent)
    );
    exit::print(&text)?;
    Ok(if failed == 0 { ExitCode::SUCCESS } else { exit::failed() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::MerchantFile;

    #[test]
    fn the_file_to_begin_with_is_sound() {
        MerchantFile::read("merchant.yaml", START.as_bytes()).expect("a merchant file");
    }
}
