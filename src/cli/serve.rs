//! `payon-sim serve`: the gateway, until it is told to stop.

use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use clap::ArgMatches;
use tokio::signal::unix::{Signal, SignalKind, signal};

use super::announce::{Announcement, ReadyLine, forget, open_descriptor};
use super::base_url::BaseUrl;
use super::listen_host::ListenHost;
use super::scenarios::EMPTY;
use super::settings::{Resolved, ServeArgs, ServeSettings};
use super::system::Parent;
use super::{exit, input, logs, open_files, processors, reload};
use crate::api::Sources;
use crate::base::{Diagnostic, Seed};
use crate::checkout::Checkout;
use crate::crypto::Encoding;
use crate::http::Limits;
use crate::profile::Profile;
use crate::server::TlsIdentity;
use crate::simulator::{Simulator, SimulatorBuilder, StartError};
use crate::space::{Budgets, DeliveryState, JournalBudget, Spaces};
use crate::state_store::StateSettings;

/// Serves until SIGTERM or Ctrl-C, or until the parent has gone where that is asked for.
pub(super) fn run(args: ServeArgs, matches: &ArgMatches) -> anyhow::Result<ExitCode> {
    let parent = Parent::now();
    // No file of an earlier run outlives a failed start, be it that no setting can be read.
    let ready_file = args.ready_file();
    let merged = args.merge(matches).inspect_err(|_| forget(ready_file.as_deref()))?;
    let ready_line = ReadyLine::prepare(&merged.settings)?;
    let resolved = merged.check()?;
    if !resolved.settings.quiet {
        for note in &resolved.notes {
            exit::say(note);
        }
    }
    logs::start(resolved.log_filter()).map_err(|error| resolved.blame("log", error))?;
    check_frame_ancestors(&resolved.settings.frame_ancestors)
        .map_err(|error| resolved.blame("frame-ancestors", error))?;
    let profile = input::load(resolved.settings.profile.as_ref())?;
    let settings = resolved.settings;
    // Before signals are caught: a file that is a pipe may keep it waiting.
    let identity = settings.tls_port.map(|_| identity(&settings)).transpose()?;
    open_files::raise();
    let runtime = match settings.workers.map_or_else(processors, usize::from) {
        1 => tokio::runtime::Builder::new_current_thread().enable_all().build()?,
        workers => {
            let mut builder = tokio::runtime::Builder::new_multi_thread();
            builder.worker_threads(workers).enable_all().build()?
        }
    };
    let outcome = runtime.block_on(serve(settings, profile, identity, ready_line, parent));
    // Work that a second signal has cut off is not waited for.
    runtime.shutdown_background();
    outcome
}

/// Refuses what a start refuses of settings that can be read: values that are none, and files that are not there or hold
/// something else.
pub(super) fn check(resolved: &Resolved) -> anyhow::Result<()> {
    let settings = &resolved.settings;
    logs::check(resolved.log_filter()).map_err(|error| resolved.blame("log", error))?;
    check_frame_ancestors(&settings.frame_ancestors)
        .map_err(|error| resolved.blame("frame-ancestors", error))?;
    settings
        .ready_fd
        .map_or(Ok(()), |number| open_descriptor(number).map(drop))
        .map_err(|error| resolved.blame("ready-fd", error))?;
    input::load(settings.profile.as_ref())?;
    settings.tls_port.map_or(Ok(()), |_| identity(settings).map(drop))?;
    Sources::new(settings.scenario.clone()).check().or_else(refuse_scenarios)
}

async fn serve(
    settings: ServeSettings,
    profile: Arc<Profile>,
    identity: Option<TlsIdentity>,
    mut ready_line: ReadyLine,
    parent: Parent,
) -> anyhow::Result<ExitCode> {
    // Before anything is announced, so that a signal right after the ready line is not missed.
    let mut signals = Signals::new()?;
    let seed = settings.seed.map_or_else(|| Seed::random(rand::random()), Seed);
    let asks_token = settings.control_token.is_none() && !settings.host.is_loopback();
    let drawn_token = asks_token.then(|| Encoding::Hex.encode(&rand::random::<[u8; 16]>()));
    let token = drawn_token.or_else(|| settings.control_token.clone());
    let sources = Arc::new(Sources::new(settings.scenario.clone()));
    // Looked at before they are read, so that no change in between is missed.
    let looks = sources.stamp();
    let mut simulator = builder(&settings, profile, token.as_deref()).seed(seed.0);
    if let Some((port, identity)) = settings.tls_port.zip(identity) {
        simulator = simulator.tls(settings.host.at(port), identity);
    }
    let mut simulator = match simulator.sources(Arc::clone(&sources)).start().await {
        Ok(simulator) => simulator,
        Err(error) => return refuse(error),
    };
    for empty in sources.empty() {
        tracing::warn!("no scenario is armed from {empty}: {EMPTY}");
    }
    let spaces = Arc::clone(simulator.spaces());
    if !sources.is_empty() && spaces.default_space().rules().is_empty() {
        tracing::warn!("no rule is armed: no scenario that was found has one");
    }
    let began_with = spaces.default_space().first_seed();
    if settings.seed.is_some() && seed != began_with {
        tracing::warn!(
            "the state in {} began with seed {began_with}, which stays; --seed {seed} is for a new one",
            settings.state.as_deref().unwrap_or(Path::new("?")).display(),
            began_with = began_with.0,
            seed = seed.0
        );
    }
    let seed = began_with;
    let hang_up = signal(SignalKind::hangup())?;
    let following =
        reload::follow(sources, Arc::clone(&spaces), hang_up, settings.watch.then_some(looks));
    let following = tokio::spawn(following);
    let announcement = Announcement {
        url: simulator.url(),
        control_url: simulator.control_url(),
        tls_url: simulator.tls_url(),
        seed,
        token: token.as_deref(),
        is_token_made: asks_token,
    };
    if !settings.quiet {
        let banner = announcement.banner(&settings, spaces.profile());
        if ready_line.is_on_stdout() {
            exit::say(&banner.trim_end());
        } else {
            exit::print(&banner)?;
        }
    }
    // Last: whoever reads it may call at once, and nothing that follows can end the start. Dropped, it is taken away.
    ready_line.write(&announcement)?;
    tracing::debug!(
        url = simulator.url(),
        control_url = simulator.control_url(),
        seed = seed.0,
        "ready"
    );
    let orphaned = async {
        if settings.exit_with_parent { parent.gone().await } else { std::future::pending().await }
    };
    tokio::select! {
        _ = signals.next() => {}
        why = orphaned => tracing::info!("{why} (--exit-with-parent)"),
    }
    following.abort();
    drop(ready_line);
    tracing::info!(
        "stopping; requests and push-backs under way may end. A second signal ends at once"
    );
    let state = simulator.take_state();
    let ended_by = tokio::select! {
        () = simulator.stop() => None,
        () = tokio::time::sleep(drain_time(&settings)) => {
            tracing::warn!("not all that was under way has ended in time");
            None
        }
        code = signals.next() => Some(ExitCode::from(code)),
    };
    let lost = state.and_then(|state| state.close().err());
    if let Some(lost) = &lost {
        exit::say(&format_args!("error: {lost}"));
    }
    if let Some(code) = ended_by {
        return Ok(code);
    }
    if settings.state.is_none() {
        report_undelivered(&spaces);
    }
    let code = match spaces.violations() {
        found if settings.strict && found > 0 => exit::strict_violation(found),
        _ => ExitCode::SUCCESS,
    };
    Ok(if lost.is_some() { exit::failed() } else { code })
}

/// The simulator that the settings describe.
fn builder(
    settings: &ServeSettings,
    profile: Arc<Profile>,
    token: Option<&str>,
) -> SimulatorBuilder {
    let mut builder = Simulator::builder()
        .profile(profile)
        .address(settings.host.at(settings.port))
        .checkout(Checkout {
            panel: !settings.no_panel,
            frame_ancestors: settings.frame_ancestors.clone(),
            lists_orders: token.is_none(),
        })
        .budgets(Budgets {
            orders: settings.max_orders,
            open_orders: settings.max_open_orders,
            journal: JournalBudget {
                entries: settings.journal_entries,
                bytes: settings.journal_bytes,
            },
            ..Budgets::default()
        })
        .limits(Limits {
            request_time: Duration::from_millis(settings.request_timeout_ms.into()),
            drain_time: drain_time(settings),
            ..Limits::default()
        });
    if let Some(port) = settings.control_port {
        builder = builder.control_address(settings.host.at(port));
    }
    if settings.host == ListenHost::Localhost {
        builder = builder.both_loopbacks();
    }
    if let Some(directory) = &settings.state {
        let (directory, durability) = (directory.clone(), settings.durability.into());
        builder = builder.state(StateSettings { directory, durability });
    }
    if let Some(token) = token {
        builder = builder.control_token(token);
    }
    if let Some(url) = &settings.public_url {
        builder = builder.public_url(url.as_str());
    }
    builder = builder.trusted_proxies(settings.trusted_proxy.iter().copied());
    if settings.strict { builder.strict() } else { builder }
}

/// The certificate and key for TLS: those that were given, or new ones of a test CA.
fn identity(settings: &ServeSettings) -> anyhow::Result<TlsIdentity> {
    if let Some((certificate, key)) = settings.tls_cert.as_ref().zip(settings.tls_key.as_ref()) {
        return TlsIdentity::of_files(certificate, key).context("--tls-cert, --tls-key");
    }
    let mut names = settings.tls_name.clone();
    if let ListenHost::Ip(address) = settings.host
        && !address.is_unspecified()
    {
        names.push(address.to_string());
    }
    names.extend(settings.public_url.as_ref().and_then(BaseUrl::host));
    TlsIdentity::of_test_ca(&names).context("--tls-name")
}

fn drain_time(settings: &ServeSettings) -> Duration {
    Duration::from_millis(settings.drain_ms)
}

/// Says why the simulator does not start, and what to do.
pub(super) fn refuse(error: StartError) -> anyhow::Result<ExitCode> {
    let (error, flag) = match error {
        StartError::Port(error) => (error, "--port"),
        StartError::ControlPort(error) => (error, "--control-port"),
        StartError::State(error) => return Err(error.into()),
        StartError::TlsPort(error) => (error, "--tls-port"),
        StartError::Scenarios(mistakes) => return refuse_scenarios(mistakes),
    };
    let advice = format!("Choose another port with {flag}, or {flag} 0 for a free one");
    Ok(exit::cannot_bind(&format_args!("{error} {advice}")))
}

/// Says what is wrong with scenarios.
fn refuse_scenarios<T>(mistakes: Vec<Diagnostic>) -> anyhow::Result<T> {
    for mistake in &mistakes {
        exit::say(mistake);
    }
    anyhow::bail!("the scenarios cannot be used; mistakes: {}", mistakes.len())
}

fn check_frame_ancestors(sources: &str) -> anyhow::Result<()> {
    anyhow::ensure!(
        sources.bytes().all(|byte| matches!(byte, b' '..=b'~') && !b";,".contains(&byte)),
        "--frame-ancestors takes sources with blanks between, such as: 'self' https://shop.example"
    );
    Ok(())
}

/// Says which push-backs no merchant has taken.
fn report_undelivered(spaces: &Spaces) {
    for space in spaces.all() {
        space.write(|moment| {
            let open = |state| !matches!(state, DeliveryState::Acknowledged);
            for delivery in moment.outbox().iter().filter(|delivery| open(delivery.state)) {
                tracing::warn!(
                    space = space.name(),
                    merchant = &*delivery.merchant,
                    tx_id = &*delivery.tx_id,
                    url = &*delivery.url,
                    state = delivery.state.name(),
                    attempts = delivery.attempts.len(),
                    "undelivered push-back"
                );
            }
        });
    }
}

/// SIGTERM and Ctrl-C.
struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    fn new() -> std::io::Result<Self> {
        let (terminate, interrupt) = (SignalKind::terminate(), SignalKind::interrupt());
        Ok(Self { terminate: signal(terminate)?, interrupt: signal(interrupt)? })
    }

    /// Waits for one; gives the exit code of a process that it ends.
    async fn next(&mut self) -> u8 {
        tokio::select! {
            _ = self.terminate.recv() => 128 + 15,
            _ = self.interrupt.recv() => 128 + 2,
        }
    }
}
