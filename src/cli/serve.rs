//! `payon-sim serve`: the gateway, until it is told to stop.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use clap::ArgMatches;
use tokio::net::TcpListener;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::CancellationToken;

use super::announce::{Announcement, ReadyFile};
use super::port::bind;
use super::scenarios::EMPTY;
use super::settings::{ServeArgs, ServeSettings};
use super::{exit, input, logs, open_files, processors, reload};
use crate::api::{Control, Sources};
use crate::base::Seed;
use crate::checkout::Checkout;
use crate::crypto::Encoding;
use crate::delivery::{Scheduler, Sender};
use crate::profile::Profile;
use crate::server::{self, App, Limits, Plane};
use crate::space::{Budgets, DeliveryState, JournalBudget, Spaces};

/// Serves until SIGTERM or Ctrl-C.
pub(super) fn run(args: ServeArgs, matches: &ArgMatches) -> anyhow::Result<ExitCode> {
    let resolved = args.resolve(matches)?;
    // Before anything else can fail, so that no file of an earlier run outlives a failed start.
    let ready_file = resolved.settings.ready_file.as_deref().map(ReadyFile::prepare).transpose()?;
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
    open_files::raise();
    let runtime = match settings.workers.map_or_else(processors, usize::from) {
        1 => tokio::runtime::Builder::new_current_thread().enable_all().build()?,
        workers => {
            let mut builder = tokio::runtime::Builder::new_multi_thread();
            builder.worker_threads(workers).enable_all().build()?
        }
    };
    let outcome = runtime.block_on(serve(settings, profile, ready_file));
    // Work that a second signal has cut off is not waited for.
    runtime.shutdown_background();
    outcome
}

async fn serve(
    settings: ServeSettings,
    profile: Arc<Profile>,
    ready_file: Option<ReadyFile>,
) -> anyhow::Result<ExitCode> {
    let stop = CancellationToken::new();
    // Before anything is announced, so that a signal right after the ready line is not missed.
    let mut signals = Signals::new()?;
    let merchant = match bind(SocketAddr::new(settings.host, settings.port), "--port").await {
        Ok(listener) => listener,
        Err(problem) => return Ok(exit::cannot_bind(&problem)),
    };
    let control = match settings.control_port {
        None => None,
        Some(port) => match bind(SocketAddr::new(settings.host, port), "--control-port").await {
            Ok(listener) => Some(listener),
            Err(problem) => return Ok(exit::cannot_bind(&problem)),
        },
    };
    let url = origin(&merchant)?;
    let control_url = control.as_ref().map_or(Ok(url.clone()), origin)?;
    let seed = settings.seed.map_or_else(|| Seed::random(rand::random()), Seed);
    let asks_token = settings.control_token.is_none() && !settings.host.is_loopback();
    let drawn_token = asks_token.then(|| Encoding::Hex.encode(&rand::random::<[u8; 16]>()));
    let budgets = Budgets {
        orders: settings.max_orders,
        journal: JournalBudget { entries: settings.journal_entries, bytes: settings.journal_bytes },
        ..Budgets::default()
    };
    let drain_time = Duration::from_millis(settings.drain_ms);
    let strict = settings.strict;
    let (spaces, wakeups) = Spaces::new(profile, seed, budgets);
    if strict {
        spaces.be_strict();
    }
    let sources = Arc::new(Sources::new(settings.scenario.clone()));
    // Looked at before they are read, so that no change in between is missed.
    let looks = sources.stamp();
    if let Err(mistakes) = sources.reload(spaces.default_space()) {
        for mistake in &mistakes {
            exit::say(mistake);
        }
        anyhow::bail!("the scenarios cannot be used; mistakes: {}", mistakes.len());
    }
    for empty in sources.empty() {
        tracing::warn!("no scenario is armed from {empty}: {EMPTY}");
    }
    let sender = Arc::new(Sender::new(spaces.profile().pushback.in_flight_total));
    let scheduler =
        tokio::spawn(Scheduler::new(Arc::clone(&spaces), sender).run(wakeups, stop.clone()));
    let token = drawn_token.clone().or_else(|| settings.control_token.clone());
    let checkout = Checkout {
        panel: !settings.no_panel,
        frame_ancestors: settings.frame_ancestors.clone(),
        lists_orders: token.is_none(),
    };
    let app = Arc::new(App {
        spaces: Arc::clone(&spaces),
        checkout,
        control: Control::new(url.clone(), control_url.clone(), token.clone())
            .following(Arc::clone(&sources)),
        public_url: settings.public_url.as_ref().map(|url| url.as_str().to_owned()),
        limits: Limits {
            request_time: Duration::from_millis(settings.request_timeout_ms.into()),
            drain_time,
            ..Limits::default()
        },
        stop: stop.clone(),
    });
    let plane = if control.is_some() { Plane::Merchant } else { Plane::Both };
    let mut servers =
        vec![tokio::spawn(server::run(merchant, Arc::clone(&app), plane, stop.clone()))];
    if let Some(control) = control {
        servers.push(tokio::spawn(server::run(control, app, Plane::Control, stop.clone())));
    }
    let hang_up = signal(SignalKind::hangup())?;
    let following =
        reload::follow(sources, Arc::clone(&spaces), hang_up, settings.watch.then_some(looks));
    let following = tokio::spawn(following);
    let announcement = Announcement {
        url: &url,
        control_url: &control_url,
        seed,
        token: token.as_deref(),
        is_token_made: asks_token,
    };
    if !settings.quiet {
        exit::print(&announcement.banner(&settings, spaces.profile()))?;
    }
    // Last: whoever reads it may call at once, and nothing that follows can end the start. Dropped, it is taken away.
    let mut ready_file = ready_file;
    if let Some(file) = &mut ready_file {
        file.write(&announcement)?;
    }
    tracing::debug!(url, control_url, seed = seed.0, "ready");
    signals.next().await;
    following.abort();
    drop(ready_file);
    tracing::info!(
        "stopping; requests and push-backs under way may end. A second signal ends at once"
    );
    stop.cancel();
    let drained = async {
        for server in servers {
            // A server that panicked has said so already.
            let _ = server.await;
        }
        let _ = scheduler.await;
    };
    tokio::select! {
        () = drained => {}
        () = tokio::time::sleep(drain_time) => tracing::warn!("not all that was under way has ended in time"),
        code = signals.next() => return Ok(ExitCode::from(code)),
    }
    report_undelivered(&spaces);
    match spaces.violations() {
        found if strict && found > 0 => Ok(exit::strict_violation(found)),
        _ => Ok(ExitCode::SUCCESS),
    }
}

fn check_frame_ancestors(sources: &str) -> anyhow::Result<()> {
    anyhow::ensure!(
        sources.bytes().all(|byte| matches!(byte, b' '..=b'~') && !b";,".contains(&byte)),
        "--frame-ancestors takes sources with blanks between, such as: 'self' https://shop.example"
    );
    Ok(())
}

fn origin(listener: &TcpListener) -> std::io::Result<String> {
    let mut address = listener.local_addr()?;
    if address.ip().is_unspecified() {
        address.set_ip(match address.ip() {
            IpAddr::V4(_) => Ipv4Addr::LOCALHOST.into(),
            IpAddr::V6(_) => Ipv6Addr::LOCALHOST.into(),
        });
    }
    Ok(format!("http://{address}"))
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
