//! `payon-sim doctor`: looks at what a merchant's developers have set up, and says what is wrong and what to do.

mod given;
mod keys;
mod noti;
mod report;
mod sim;

use std::process::ExitCode;

use clap::parser::ValueSource;
use clap::{ArgMatches, Args};

use super::client::GatewayArgs;
use super::exit;
use super::input::ProfileArg;
use super::talk::FormatArgs;
use given::GivenArgs;
use report::DoctorReport;
use sim::Sim;

/// The merchant's settings. Only what is given is looked at, and the gateway in any case.
#[derive(Args, Debug)]
// One line a paragraph: clap breaks it at the width of the terminal.
#[command(after_help = "\
A file given as --env may hold PAYON_SIM_URL, PAYON_SIM_MERCHANT_ID, PAYON_SIM_TERM_ID, PAYON_SIM_PRIVATE_KEY, \
PAYON_SIM_GATEWAY_PUBLIC_KEY and PAYON_SIM_NOTI_URL, with any other text before MERCHANT_ID and so on. Keys stand there \
as such or as the name of a file. Options come first. The exit code is 1 where something is wrong, or where none of the \
merchant's settings was looked at.")]
pub(super) struct DoctorArgs {
    #[command(flatten)]
    given: GivenArgs,
    #[command(flatten)]
    format: FormatArgs,
    #[command(flatten)]
    profile: ProfileArg,
    #[command(flatten)]
    gateway: GatewayArgs,
}

/// Looks at everything; 1 where something is wrong for certain, and where there was nothing to look at.
pub(super) fn run(args: DoctorArgs, own: &ArgMatches) -> anyhow::Result<ExitCode> {
    let DoctorArgs { given, format, profile, gateway } = args;
    let given = given.read()?;
    let is_default = own.value_source("url") == Some(ValueSource::DefaultValue);
    let gateway = match &given.url {
        Some(url) if is_default => gateway.at(url.clone()),
        _ => gateway,
    };
    let recipe = profile.load()?.sign.recipe.clone();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let report = runtime.block_on(async {
        let mut report = DoctorReport::default();
        let sim = Sim::session(&gateway, &mut report).await?;
        given.tell_unused(gateway.url(), &mut report);
        if let Some(name) = &given.url_with_slash {
            sim::warn_of_slash(name, &mut report);
        }
        if let Some(sim) = &sim {
            sim.check_ids(&given, &mut report);
        }
        let private = keys::check_private(&given, sim.as_ref(), &mut report);
        if let (Some(sim), Some(key)) = (&sim, private) {
            sim.check_signature(&given, key, &recipe, &mut report).await?;
        }
        keys::check_gateways(&given, sim.as_ref(), &mut report);
        noti::check(&given, sim.as_ref(), gateway.url(), &mut report).await;
        if let Some(sim) = &sim {
            sim.check_clock(&mut report).await?;
            sim.check_rules(&mut report).await?;
        }
        report.conclude(given.url.is_some(), &given::names());
        anyhow::Ok(report)
    })?;
    if format.is_json() {
        exit::print_json(&report)?;
    } else {
        exit::print(&report.to_string())?;
    }
    Ok(if report.is_well() { ExitCode::SUCCESS } else { exit::failed() })
}
