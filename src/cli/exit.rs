//! End of a verb: its output and its exit code.
//!
//! 0 ok, 1 an expectation failed, 2 usage or configuration, 3 cannot bind, 4 strict violation.
//!
//! All that is printed may hold text from outside, so it goes through [`printable`] here, unless it is output for
//! programs that must keep every byte.

use std::fmt::Display;
use std::fs::File;
use std::io::{self, Write as _};
use std::process::ExitCode;

use anstream::AutoStream;
use serde::Serialize;

use super::settings::SettingsError;
use super::system;
use crate::base::{OverallVerdict, printable, printable_json};
use crate::profile::ProfileErrors;

/// Something that was expected is not so.
pub(super) fn failed() -> ExitCode {
    ExitCode::from(1)
}

/// The exit code of a verdict over a whole run. Why it failed, and what was waived, is told beside the output.
pub(super) fn by_verdict(verdict: &OverallVerdict) -> ExitCode {
    for waiver in &verdict.waivers {
        say(&format_args!("waived, {waiver}"));
    }
    for reason in &verdict.reasons {
        say(reason);
    }
    if verdict.passes() { ExitCode::SUCCESS } else { failed() }
}

/// Something in the arguments, settings or files is wrong.
pub(super) fn usage(error: &anyhow::Error) -> ExitCode {
    let report = error.is::<ProfileErrors>()
        || matches!(error.downcast_ref(), Some(SettingsError::Mistake(_)));
    if report {
        // It begins with the place, as editors expect it.
        say(error);
    } else {
        say(&format_args!("error: {error:#}"));
    }
    ExitCode::from(2)
}

/// The port is not to be had.
pub(super) fn cannot_bind(problem: &impl Display) -> ExitCode {
    say(&format_args!("error: {problem}"));
    ExitCode::from(3)
}

/// Tells people something beside the output. That nobody listens is no error.
pub(super) fn say(message: &impl Display) {
    let _ = writeln!(io::stderr(), "{}", printable(&message.to_string()));
}

/// Writes a verb's output for people. A reader that has gone (`| head`) is no error.
pub(super) fn print(text: &str) -> anyhow::Result<()> {
    print_exact(&printable(text))
}

/// Writes a verb's output as indented JSON.
pub(super) fn print_json(value: &impl Serialize) -> anyhow::Result<()> {
    print_exact(&printable_json(&(serde_json::to_string_pretty(value)? + "\n")))
}

/// Writes output of which a program needs every byte, such as a signed body or a key.
pub(super) fn print_exact(text: &str) -> anyhow::Result<()> {
    let written = system::output().and_then(|mut out| out.write_all(text.as_bytes()));
    match written {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(anyhow::Error::new(error).context("cannot write the output"))
        }
        _ => Ok(()),
    }
}

/// The standard output, in colours where it shows them.
pub(super) fn coloured_output() -> io::Result<AutoStream<File>> {
    Ok(AutoStream::new(system::output()?, AutoStream::choice(&io::stdout())))
}

/// The lint was strict and found violations.
pub(super) fn strict_violation(found: u64) -> ExitCode {
    say(&format_args!("strict: violations found in requests and refused: {found}"));
    ExitCode::from(4)
}
