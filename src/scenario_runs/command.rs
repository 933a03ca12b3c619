//! A scenario in which a command of the user's plays the merchant, in real time.

use std::fs;
use std::io;
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process_group, test_kill_process_group};
use tokio::process::{Child, Command};
use tokio_util::sync::CancellationToken;

use super::beside::Beside;
use super::gaps;
use super::test_server::TestServer;
use super::trial::Payer;
use super::{
    LoadedScenario, Playthrough, RunOptions, ScenarioOutcome, begin, on_a_runtime, profile, sum_up,
};
use crate::base::Seed;
use crate::gateway;
use crate::profile::{Merchant, Profile};
use crate::space::Space;

/// Said where processes that the command has started run on after it.
const LEFT_RUNNING: &str = "the command has ended and has left a process running, which has lost its gateway: this scenario's \
    ends with the command. Let the command wait for what it starts, or end it";
/// Time that such a process has to end by itself, and pause between two looks.
const LEFT_FOR: Duration = Duration::from_millis(500);
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// Tells a scenario with the command of the options in the merchant's place, which finds gateway and keys in its environment and has so
/// long for its work. That it ends with another code than 0 is a failure; what the merchant believes is not judged.
pub fn test(
    scenario: &LoadedScenario,
    options: &RunOptions,
    patience: Duration,
) -> ScenarioOutcome {
    let mut outcome = begin(scenario, options);
    on_a_runtime(&mut outcome, scenario, options, async |outcome| {
        let profile = profile(&scenario.scenario, options)?;
        let rules = scenario.scenario.rules.clone();
        let stage = TestServer::set(Arc::clone(&profile), Seed(outcome.seed), rules).await?;
        let url = |authority: &str| format!("http://{authority}");
        let (url, control_url) = (url(&stage.authority), url(&stage.control));
        let mut environment = command_environment(&url, &control_url, &stage.space, &profile)?;
        environment.extend([
            ("PAYON_SIM_RUN_SCENARIO", outcome.id.clone()),
            ("PAYON_SIM_RUN_SEED", outcome.seed.to_string()),
        ]);
        let over = CancellationToken::new();
        let note = &mut outcome.note;
        let running = async {
            let ended = run(&options.command, environment, &options.hidden, patience, note).await;
            over.cancel();
            ended
        };
        let payer = Payer { server: &stage, profile: &profile, patience };
        let mut beside = Beside::new(payer, over.clone());
        let steps: &[_] = if options.plays_beside { &scenario.scenario.drive } else { &[] };
        let (ended, played) = tokio::join!(running, beside.all(steps));
        let history = gateway::history(&stage.space);
        let mut own = scenario.scenario.clone();
        let mut at = 0..;
        own.drive.retain(|_| at.next().is_some_and(|at| !beside.made.contains(&at)));
        let played_as = Playthrough { is_driven: false, is_whole: played.is_ok() && ended.is_ok() };
        sum_up(&own, &stage.space, history, played_as, outcome);
        outcome.gaps.extend(beside.left_out);
        if options.plays_beside {
            outcome.gaps.extend(gaps::refused(&stage.space, &own.expect));
        }
        played?;
        Ok(ended?)
    })
}

/// Environment of a command, by the names of its variables: the gateway, the space and its first merchant. None of them
/// configures a payon-sim that the command starts.
pub fn command_environment(
    url: &str,
    control_url: &str,
    space: &Space,
    profile: &Profile,
) -> Result<Vec<(&'static str, String)>, String> {
    let merchants = space.merchants();
    let merchant: &Merchant = merchants.first().ok_or("the profile has no merchant")?;
    let damaged = |error: &dyn std::fmt::Display| format!("a key of the profile: {error}");
    let public = merchant.key.public_key().map_err(|error| damaged(&error))?.spki_der_base64();
    let gateway = profile.gateway_key.public_key().map_err(|error| damaged(&error))?;
    let private = merchant.key.private_key().transpose().map_err(|error| damaged(&error))?;
    let mut told = vec![
        ("PAYON_SIM_URL", url.to_owned()),
        ("PAYON_SIM_CONTROL_URL", control_url.to_owned()),
        ("PAYON_SIM_SPACE", space.name().to_owned()),
        ("PAYON_SIM_MERCHANT_ID", merchant.id.clone()),
        ("PAYON_SIM_TERM_ID", merchant.terminals.first().cloned().unwrap_or_default()),
        ("PAYON_SIM_PUBLIC_KEY", public),
        ("PAYON_SIM_GATEWAY_PUBLIC_KEY", gateway.spki_der_base64()),
    ];
    told.extend(private.map(|key| ("PAYON_SIM_PRIVATE_KEY", key.pkcs8_der_base64())));
    Ok(told)
}

/// Runs the command to its end. What it prints goes to the error stream, so that the output stays ours. `note` is what else is to
/// be said of it.
async fn run(
    line: &[String],
    environment: Vec<(&'static str, String)>,
    hidden: &[String],
    patience: Duration,
    note: &mut Option<String>,
) -> Result<(), String> {
    let (program, arguments) = line.split_first().ok_or("no command is given")?;
    let mut command = Command::new(program);
    for name in hidden {
        command.env_remove(name);
    }
    command.args(arguments).envs(environment).stdin(Stdio::null()).stdout(io::stderr());
    command.process_group(0).kill_on_drop(true);
    let started = command.spawn();
    let mut child = started.map_err(|error| format!("cannot start {program:?}: {error}"))?;
    // It goes with all that it has started, also when nobody waits for it any more.
    let group = ProcessGroup::of(&child);
    let Ok(ended) = tokio::time::timeout(patience, child.wait()).await else {
        drop(group);
        let _ = child.wait().await;
        return Err(format!("the command was ended after {} s", patience.as_secs()));
    };
    if group.runs_on().await {
        *note = Some(LEFT_RUNNING.to_owned());
    }
    group.leave_alone();
    match ended {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(format!("the command failed: {status}")),
        Err(error) => Err(format!("the command cannot be waited for: {error}")),
    }
}

/// A command with all that it started, which is killed when this is dropped.
struct ProcessGroup(Option<Pid>);

impl ProcessGroup {
    fn of(child: &Child) -> Self {
        Self(child.id().and_then(|id| Pid::from_raw(i32::try_from(id).ok()?)))
    }

    /// Returns true if a process of it has not ended a moment later.
    async fn runs_on(&self) -> bool {
        let runs = || self.0.is_some_and(has_running);
        let ends = async {
            while runs() {
                tokio::time::sleep(LOOK_EVERY).await;
            }
        };
        tokio::time::timeout(LEFT_FOR, ends).await.is_err()
    }

    /// It has ended by itself: what it has left running stays.
    fn leave_alone(mut self) {
        self.0 = None;
    }
}

/// Returns true if a process of the group runs. One that has ended stays in it until it is waited for, which nobody may do.
fn has_running(group: Pid) -> bool {
    let number = group.as_raw_nonzero().to_string();
    let is_running = |stat: &[u8]| {
        let stat = String::from_utf8_lossy(stat);
        let words = stat.rsplit_once(')').map(|(_, rest)| rest.split_ascii_whitespace());
        let mut words = words.into_iter().flatten();
        let (state, group) = (words.next(), words.nth(1));
        group == Some(&*number) && !matches!(state, Some("Z" | "X"))
    };
    let is_there = test_kill_process_group(group).is_ok();
    is_there
        && fs::read_dir("/proc").map_or(true, |processes| {
            let stats = processes.flatten().map(|it| fs::read(it.path().join("stat")));
            stats.flatten().any(|stat| is_running(&stat))
        })
}

impl Drop for ProcessGroup {
    fn drop(&mut self) {
        if let Some(group) = self.0 {
            // It may have ended by itself meanwhile.
            let _ = kill_process_group(group, Signal::KILL);
        }
    }
}
