//! `payon-sim exec`: a gateway for as long as one command runs.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::{Context as _, bail, ensure};
use clap::Args;
use tokio::process::Command;

use super::coverage::CoverageBar;
use super::input::ProfileArg;
use super::scenarios::EMPTY;
use super::system::{ForwardedSignals, exit_code};
use super::{exit, serve, settings};
use crate::api::{NO_RULES, Sources};
use crate::scenario::{Coverage, Rule, check_rules};
use crate::scenario_runs::command_environment;
use crate::simulator::Simulator;

/// Exit codes of a shell for a command that cannot be run.
const NOT_FOUND: u8 = 127;
const NOT_STARTED: u8 = 126;

/// The command, and the gateway that it gets.
#[derive(Args, Debug)]
#[command(after_help = "\
The gateway has free ports of this machine, and ends with the command; what that leaves running in \
the background has lost it. No file is written. The command finds it in \
PAYON_SIM_URL and PAYON_SIM_CONTROL_URL, and the merchant of its space in PAYON_SIM_SPACE, PAYON_SIM_MERCHANT_ID, \
PAYON_SIM_TERM_ID, PAYON_SIM_PRIVATE_KEY, PAYON_SIM_PUBLIC_KEY and PAYON_SIM_GATEWAY_PUBLIC_KEY (keys: one-line Base64 \
DER). Variables that configure payon-sim serve are not handed on. Standard input and output are the command's own, and \
signals are passed on to it.

The exit code is the command's own: 128 and the signal that ended it, 127 where there is no such command, 126 where it \
cannot be started. Where the command ends with 0 and --min-coverage is not reached, it is 1.

Scenarios are armed, not judged: payon-sim run does both.

Examples:
  payon-sim exec -- npm test
  payon-sim exec --scenario S014 --coverage -- vendor/bin/phpunit")]
pub(super) struct ExecArgs {
    /// A scenario whose rules are armed in the space `default`: a file, a directory, or an id such as S014; may be given
    /// several times
    #[arg(long, value_name = "PATH|ID")]
    scenario: Vec<String>,
    /// Seed of every choice; the same seed gives the same run
    #[arg(long, default_value_t = 42)]
    seed: u64,
    #[command(flatten)]
    profile: ProfileArg,
    /// Print to the error stream at the end which of the possible failures were met, in all spaces
    #[arg(long)]
    coverage: bool,
    #[command(flatten)]
    bar: CoverageBar,
    /// The command and its arguments
    #[arg(last = true, required = true, value_name = "COMMAND")]
    command: Vec<String>,
}

/// Runs the command; its exit code is ours.
pub(super) fn run(args: ExecArgs) -> anyhow::Result<ExitCode> {
    let profile = args.profile.load()?;
    let sources = Arc::new(Sources::new(args.scenario.clone()));
    if let Some(empty) = sources.empty().first() {
        bail!("{empty}: {EMPTY}");
    }
    let runtime = tokio::runtime::Runtime::new()?;
    let outcome = runtime.block_on(async {
        let free_port = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let builder = Simulator::builder().profile(profile).seed(args.seed);
        let builder = builder.sources(Arc::clone(&sources));
        let simulator = match builder.control_address(free_port).start().await {
            Ok(simulator) => simulator,
            Err(error) => return serve::refuse(error),
        };
        warn_of_rules(&args, &simulator)?;
        let unapplied = sources.unapplied();
        let warn_of_settings = || {
            for warning in &unapplied {
                exit::say(&format_args!("warning: {warning}"));
            }
        };
        warn_of_settings();
        let ended = run_command(&args, &simulator).await?;
        // What the command prints may have hidden it.
        warn_of_settings();
        let coverage = Coverage::of(&simulator.spaces().met());
        if args.coverage {
            exit::say(&coverage.to_string().trim_end());
        }
        let is_enough = args.bar.is_cleared(&coverage);
        Ok(if ended == 0 && !is_enough { exit::failed() } else { ExitCode::from(ended) })
    });
    runtime.shutdown_background();
    outcome
}

/// Prints what is doubtful about the rules that are armed. Refuses directories in whose scenarios there is no rule.
fn warn_of_rules(args: &ExecArgs, simulator: &Simulator) -> anyhow::Result<()> {
    let rules = simulator.spaces().default_space().rules();
    let rules: Vec<Rule> = rules.into_iter().map(|known| known.armed.rule).collect();
    ensure!(
        args.scenario.is_empty() || !rules.is_empty(),
        "{} {NO_RULES}",
        args.scenario.join(", ")
    );
    for doubt in check_rules(&rules) {
        let id = rules.get(doubt.item).map_or("", |rule| rule.id.as_str());
        exit::say(&format_args!("warning: rule {id:?}: {}", doubt.message));
    }
    Ok(())
}

/// Runs the command to its end and gives its exit code.
async fn run_command(args: &ExecArgs, simulator: &Simulator) -> anyhow::Result<u8> {
    let spaces = simulator.spaces();
    let (url, control_url) = (simulator.url(), simulator.control_url());
    let environment =
        command_environment(url, control_url, spaces.default_space(), spaces.profile());
    let (program, arguments) = args.command.split_first().context("no command is given")?;
    let mut command = Command::new(program);
    for name in settings::variables() {
        command.env_remove(name);
    }
    command.args(arguments).envs(environment.map_err(anyhow::Error::msg)?);
    // Before it starts, so that no signal is lost.
    let mut signals = ForwardedSignals::new()?;
    let mut child = match command.spawn() {
        Ok(child) => child,
        Err(error) => {
            exit::say(&format_args!("error: cannot start {program:?}: {error}"));
            let is_missing = error.kind() == io::ErrorKind::NotFound;
            return Ok(if is_missing { NOT_FOUND } else { NOT_STARTED });
        }
    };
    let id = child.id();
    tokio::select! {
        ended = child.wait() => Ok(exit_code(ended.context("the command cannot be waited for")?)),
        () = signals.forward(id) => bail!("signals are not listened to any more"),
    }
}
