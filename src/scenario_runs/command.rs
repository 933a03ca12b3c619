//! A scenario in which a command of the user's plays the merchant, in real time.

use std::io;
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process_group};
use tokio::process::{Child, Command};

use super::test_server::TestServer;
use super::{
    LoadedScenario, RunOptions, ScenarioOutcome, begin, on_a_runtime, profile, repeat, sum_up,
};
use crate::base::Seed;
use crate::gateway;
use crate::profile::{Merchant, Profile};
use crate::space::DEFAULT_SPACE;

/// Tells a scenario with a command in the merchant's place, which finds gateway and keys in its environment and has so
/// long for its work. That it ends with another code than 0 is a failure; what the merchant believes is not judged.
pub fn test(
    scenario: &LoadedScenario,
    options: &RunOptions,
    line: &[String],
    patience: Duration,
) -> ScenarioOutcome {
    let mut outcome = begin(scenario, options);
    outcome.repeat = repeat(scenario, options, outcome.seed, line);
    on_a_runtime(&mut outcome, options, async |outcome| {
        let profile = profile(&scenario.scenario, options)?;
        let rules = scenario.scenario.rules.clone();
        let stage = TestServer::set(Arc::clone(&profile), Seed(outcome.seed), rules).await?;
        let environment = environment(&stage, &profile, outcome)?;
        let ended = run(line, environment, &options.hidden, patience).await;
        let history = gateway::history(&stage.space);
        sum_up(&scenario.scenario, &stage.space, &history, false, outcome);
        Ok(ended?)
    })
}

/// Environment of the command, by the names of its variables. None of them configures a payon-sim that it starts.
fn environment(
    stage: &TestServer,
    profile: &Profile,
    outcome: &ScenarioOutcome,
) -> Result<Vec<(&'static str, String)>, String> {
    let merchants = stage.space.merchants();
    let merchant: &Merchant = merchants.first().ok_or("the profile has no merchant")?;
    let damaged = |error: &dyn std::fmt::Display| format!("a key of the profile: {error}");
    let public = merchant.key.public_key().map_err(|error| damaged(&error))?.spki_der_base64();
    let gateway = profile.gateway_key.public_key().map_err(|error| damaged(&error))?;
    let private = merchant.key.private_key().transpose().map_err(|error| damaged(&error))?;
    let mut told = vec![
        ("PAYON_SIM_URL", format!("http://{}", stage.authority)),
        ("PAYON_SIM_CONTROL_URL", format!("http://{}", stage.control)),
        ("PAYON_SIM_SPACE", DEFAULT_SPACE.to_owned()),
        ("PAYON_SIM_RUN_SCENARIO", outcome.id.clone()),
        ("PAYON_SIM_RUN_SEED", outcome.seed.to_string()),
        ("PAYON_SIM_MERCHANT_ID", merchant.id.clone()),
        ("PAYON_SIM_TERM_ID", merchant.terminals.first().cloned().unwrap_or_default()),
        ("PAYON_SIM_PUBLIC_KEY", public),
        ("PAYON_SIM_GATEWAY_PUBLIC_KEY", gateway.spki_der_base64()),
    ];
    told.extend(private.map(|key| ("PAYON_SIM_PRIVATE_KEY", key.pkcs8_der_base64())));
    Ok(told)
}

/// Runs the command to its end. What it prints goes to the error stream, so that the output stays ours.
async fn run(
    line: &[String],
    environment: Vec<(&'static str, String)>,
    hidden: &[String],
    patience: Duration,
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
    let Ok(ended) = tokio::time::timeout(patience, child.wait()).await else {
        end(&mut child).await;
        return Err(format!("the command was ended after {} s", patience.as_secs()));
    };
    match ended {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(format!("the command failed: {status}")),
        Err(error) => Err(format!("the command cannot be waited for: {error}")),
    }
}

/// Ends the command with all that it started.
async fn end(child: &mut Child) {
    let group = child.id().and_then(|id| Pid::from_raw(i32::try_from(id).ok()?));
    if let Some(group) = group {
        // It may have ended by itself meanwhile.
        let _ = kill_process_group(group, Signal::KILL);
    }
    let _ = child.wait().await;
}
