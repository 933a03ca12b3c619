//! Exit codes: 0 ok, 1 an expectation failed, 2 usage or configuration, 3 cannot bind, 4 strict violation.

use std::fmt::Display;
use std::process::ExitCode;

/// Something in the settings or files is wrong.
pub(super) fn usage(problem: &impl Display) -> ExitCode {
    eprintln!("{problem}");
    ExitCode::from(2)
}

/// The port is not to be had.
pub(super) fn cannot_bind(problem: &impl Display) -> ExitCode {
    eprintln!("error: {problem}");
    ExitCode::from(3)
}

/// The lint was strict and found violations.
pub(super) fn strict_violation(found: u64) -> ExitCode {
    eprintln!("strict: violations found in requests and refused: {found}");
    ExitCode::from(4)
}
