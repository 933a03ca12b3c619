//! `payon-sim capture`: captures made of what other tools have recorded.

use std::fs::File;
use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context as _, bail};
use clap::{Args, Subcommand};

use super::exit;
use super::input::ProfileArg;
use crate::base::{RECORDING_MAX, read_file_within};
use crate::{capture, shadow};

/// Actions on captures.
#[derive(Subcommand, Debug)]
pub(super) enum CaptureVerb {
    /// Make a capture of a HAR file or of a dump that mitmproxy has written, secrets masked
    Import(ImportArgs),
}

/// File to import.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  payon-sim capture import traffic.har --out traffic.jsonl
  payon-sim capture import flows.mitm --out traffic.jsonl && payon-sim shadow --replay traffic.jsonl")]
pub(super) struct ImportArgs {
    /// A HAR file, or flows that `mitmdump -w` has written
    file: PathBuf,
    /// The capture to write; no file is overwritten
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// Leave signatures as they are
    #[arg(long)]
    keep_signatures: bool,
    #[command(flatten)]
    profile: ProfileArg,
}

/// Carries out the verb.
pub(super) fn run(verb: CaptureVerb) -> anyhow::Result<ExitCode> {
    let CaptureVerb::Import(args) = verb;
    let profile = args.profile.load()?;
    let shown = args.file.display().to_string();
    let bytes = read_file_within(&args.file, RECORDING_MAX)
        .with_context(|| format!("cannot read {shown}"))?;
    let calls = capture::read_calls(&shown, &bytes).with_context(|| shown.clone())?;
    let session = shadow::import(&profile, &calls, args.keep_signatures);
    if session.lines.is_empty() {
        bail!(
            "{shown}: none of its {} requests is a POST to one of PAYON's operations, such as /pg/order/register",
            calls.len()
        );
    }
    let out = args.out.display();
    let mut file = File::create_new(&args.out).with_context(|| format!("cannot write {out}"))?;
    file.write_all(session.write().as_bytes()).with_context(|| format!("cannot write {out}"))?;
    let passed = session.end.map_or(0, |end| end.passed);
    exit::print(&format!(
        "{out}: {} calls; {passed} other requests were left out\n",
        session.lines.len()
    ))?;
    Ok(ExitCode::SUCCESS)
}
