//! `payon-sim completions` and `payon-sim man`: the command line, as shells and `man` read it.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context as _;
use clap::{Args, Command};
use clap_complete::Shell;

use super::exit;

/// The shell to write for.
#[derive(Args, Debug)]
pub(super) struct CompletionsArgs {
    /// Shell that is to complete the commands and options of payon-sim
    #[arg(value_name = "SHELL")]
    shell: Shell,
}

/// Prints the completion script of a shell.
pub(super) fn completions(
    args: &CompletionsArgs,
    mut command: Command,
) -> anyhow::Result<ExitCode> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut command, "payon-sim", &mut script);
    // The generator takes the hyphen of the program's name for a step to a subcommand, in one of two places.
    let script = String::from_utf8(script)?.replace("payon__subcmd__sim", "payon__sim");
    exit::print_exact(&script)?;
    Ok(ExitCode::SUCCESS)
}

/// Place of the manual.
#[derive(Args, Debug)]
pub(super) struct ManArgs {
    /// Directory to write the pages into, one for each command
    #[arg(value_name = "DIR")]
    directory: PathBuf,
}

/// Writes the manual's pages.
pub(super) fn man(args: &ManArgs, command: Command) -> anyhow::Result<ExitCode> {
    let directory = &args.directory;
    // `help` repeats every command, and there would be no page for it.
    let command = command.disable_help_subcommand(true);
    std::fs::create_dir_all(directory)
        .and_then(|()| clap_mangen::generate_to(command, directory))
        .with_context(|| format!("cannot write the manual to {}", directory.display()))?;
    Ok(ExitCode::SUCCESS)
}
