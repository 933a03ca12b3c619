//! `payon-sim serve`: the gateway, until it is told to stop.

use std::io::Write as _;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use super::exit;
use crate::base::Seed;
use crate::checkout::{Checkout, FRAME_ANCESTORS};
use crate::control::Control;
use crate::profile::Profile;
use crate::pushback::{Carrier, Driver};
use crate::server::{self, App, Limits, Plane};
use crate::space::{Budgets, DeliveryState, JournalBudget, Spaces};

/// Settings of the server. Each is a flag, or the environment variable named beside it.
#[derive(Args, Clone, Debug)]
pub(super) struct ServeArgs {
    /// Address to listen on; anything but loopback is reachable by others
    #[arg(long, env = "PAYON_SIM_HOST", default_value = "127.0.0.1")]
    host: IpAddr,
    /// Port for merchants (and for control, unless --control-port is given); 0 takes a free one
    #[arg(long, env = "PAYON_SIM_PORT", default_value_t = 36605)]
    port: u16,
    /// A port of its own for the control plane; 0 takes a free one
    #[arg(long, env = "PAYON_SIM_CONTROL_PORT")]
    control_port: Option<u16>,
    /// What callers of the control plane must send as `Authorization: Bearer …`
    #[arg(long, env = "PAYON_SIM_CONTROL_TOKEN", hide_env_values = true)]
    control_token: Option<String>,
    /// A directory like the one that `payon-sim profile export` writes, in place of the built-in one
    #[arg(long, env = "PAYON_SIM_PROFILE", value_name = "DIR")]
    profile: Option<PathBuf>,
    /// Seed of every choice; the same seed gives the same run. Drawn by lot when left out
    #[arg(long, env = "PAYON_SIM_SEED")]
    seed: Option<u64>,
    /// Where payers reach the gateway, when that is not where merchants reach it
    #[arg(long, env = "PAYON_SIM_PUBLIC_URL", value_name = "URL")]
    public_url: Option<String>,
    /// Leave the tester's panel out of the payer's pages
    #[arg(long, env = "PAYON_SIM_NO_PANEL")]
    no_panel: bool,
    /// Who may show the payer's pages in a frame: sources of the policy `frame-ancestors`
    #[arg(long, env = "PAYON_SIM_FRAME_ANCESTORS", value_name = "SOURCES", default_value = FRAME_ANCESTORS)]
    frame_ancestors: String,
    /// A file that gets one line of JSON once the gateway answers
    #[arg(long, env = "PAYON_SIM_READY_FILE", value_name = "FILE")]
    ready_file: Option<PathBuf>,
    /// Orders that each space keeps; the oldest closed ones are dropped past that
    #[arg(long, env = "PAYON_SIM_MAX_ORDERS", default_value_t = Budgets::default().orders)]
    max_orders: usize,
    /// Requests that each space's journal keeps
    #[arg(long, env = "PAYON_SIM_JOURNAL_ENTRIES", default_value_t = Budgets::default().journal.entries)]
    journal_entries: usize,
    /// Bytes that each space's journal keeps
    #[arg(long, env = "PAYON_SIM_JOURNAL_BYTES", default_value_t = Budgets::default().journal.bytes)]
    journal_bytes: usize,
    /// How long a client may take for a request's head or body, and stay idle
    #[arg(long, env = "PAYON_SIM_REQUEST_TIMEOUT_MS", default_value_t = 30_000)]
    request_timeout_ms: u64,
    /// How long requests and push-backs under way may take to end after SIGTERM
    #[arg(long, env = "PAYON_SIM_DRAIN_MS", default_value_t = 5_000)]
    drain_ms: u64,
    /// Worker threads; by default one for each core
    #[arg(long, env = "PAYON_SIM_WORKERS")]
    workers: Option<usize>,
    /// Refuse requests in which the lint finds a violation, and exit with 4 if there was any
    #[arg(long, env = "PAYON_SIM_STRICT")]
    strict: bool,
    /// Print nothing but warnings
    #[arg(long, env = "PAYON_SIM_QUIET")]
    quiet: bool,
}

/// Serves until SIGTERM or Ctrl-C.
pub(super) fn run(args: ServeArgs) -> anyhow::Result<ExitCode> {
    let profile = match &args.profile {
        None => Profile::builtin(),
        Some(dir) => match Profile::load(dir) {
            Ok(profile) => Arc::new(profile),
            Err(errors) => return Ok(exit::usage(&errors)),
        },
    };
    let mut runtime = match args.workers {
        Some(1) => tokio::runtime::Builder::new_current_thread(),
        _ => tokio::runtime::Builder::new_multi_thread(),
    };
    if let Some(workers) = args.workers.filter(|workers| *workers > 1) {
        runtime.worker_threads(workers);
    }
    runtime.enable_all().build()?.block_on(serve(args, profile))
}

async fn serve(args: ServeArgs, profile: Arc<Profile>) -> anyhow::Result<ExitCode> {
    let stop = CancellationToken::new();
    // Before anything is announced, so that a signal right after the ready line is not missed.
    let mut signals = Signals::new()?;
    let merchant = match bind(SocketAddr::new(args.host, args.port), "--port").await {
        Ok(listener) => listener,
        Err(problem) => return Ok(exit::cannot_bind(&problem)),
    };
    let control = match args.control_port {
        None => None,
        Some(port) => match bind(SocketAddr::new(args.host, port), "--control-port").await {
            Ok(listener) => Some(listener),
            Err(problem) => return Ok(exit::cannot_bind(&problem)),
        },
    };
    let url = origin(&merchant)?;
    let control_url = control.as_ref().map_or(Ok(url.clone()), origin)?;
    let seed = Seed(args.seed.unwrap_or_else(rand::random));
    let budgets = Budgets {
        orders: args.max_orders,
        journal: JournalBudget { entries: args.journal_entries, bytes: args.journal_bytes },
        ..Budgets::default()
    };
    let (spaces, bell) = Spaces::new(profile, seed, budgets);
    if args.strict {
        spaces.be_strict();
    }
    let carrier = Arc::new(Carrier::new(spaces.profile().pushback.in_flight_total));
    let driver = tokio::spawn(Driver::new(Arc::clone(&spaces), carrier).run(bell, stop.clone()));
    let app = Arc::new(App {
        spaces: Arc::clone(&spaces),
        control: Control::new(url.clone(), control_url.clone(), args.control_token.clone()),
        checkout: Checkout {
            panel: !args.no_panel,
            frame_ancestors: args.frame_ancestors.clone(),
            lists_orders: args.control_token.is_none(),
        },
        public_url: args.public_url.clone(),
        limits: Limits {
            request_time: Duration::from_millis(args.request_timeout_ms),
            drain_time: Duration::from_millis(args.drain_ms),
            ..Limits::default()
        },
    });
    let plane = if control.is_some() { Plane::Merchant } else { Plane::Both };
    let mut servers =
        vec![tokio::spawn(server::run(merchant, Arc::clone(&app), plane, stop.clone()))];
    if let Some(control) = control {
        servers.push(tokio::spawn(server::run(control, app, Plane::Control, stop.clone())));
    }
    announce(&args, &url, &control_url, seed, &spaces)?;
    signals.next().await;
    stop.cancel();
    let drained = async {
        for server in servers {
            // A server that panicked has said so already.
            let _ = server.await;
        }
        let _ = driver.await;
    };
    tokio::select! {
        () = drained => {}
        () = tokio::time::sleep(Duration::from_millis(args.drain_ms)) => {}
        () = signals.next() => return Ok(ExitCode::from(130)),
    }
    report_undelivered(&spaces);
    match spaces.violations() {
        found if args.strict && found > 0 => Ok(exit::strict_violation(found)),
        _ => Ok(ExitCode::SUCCESS),
    }
}

async fn bind(address: SocketAddr, flag: &str) -> Result<TcpListener, String> {
    TcpListener::bind(address).await.map_err(|error| {
        format!("cannot listen on {address}: {error}. Choose another port with {flag}, or {flag} 0 for a free one")
    })
}

fn origin(listener: &TcpListener) -> std::io::Result<String> {
    let mut address = listener.local_addr()?;
    if address.ip().is_unspecified() {
        address.set_ip(match address.ip() {
            IpAddr::V4(_) => std::net::Ipv4Addr::LOCALHOST.into(),
            IpAddr::V6(_) => std::net::Ipv6Addr::LOCALHOST.into(),
        });
    }
    Ok(format!("http://{address}"))
}

/// Tells scripts through the ready file and people through the terminal where the gateway is and
/// what to paste into a merchant's settings.
fn announce(
    args: &ServeArgs,
    url: &str,
    control_url: &str,
    seed: Seed,
    spaces: &Spaces,
) -> anyhow::Result<()> {
    if let Some(file) = &args.ready_file {
        let ready = serde_json::json!({
            "url": url, "controlUrl": control_url, "pid": std::process::id(), "seed": seed.0,
        });
        // Written beside and moved there, so that nobody reads half a line.
        let draft = file.with_extension("tmp");
        std::fs::write(&draft, format!("{ready}\n"))?;
        std::fs::rename(&draft, file)?;
    }
    if args.quiet {
        return Ok(());
    }
    let mut out = std::io::stdout().lock();
    writeln!(
        out,
        "payon-sim {} is ready, profile {}, seed {}",
        env!("CARGO_PKG_VERSION"),
        spaces.profile().name,
        seed.0
    )?;
    writeln!(out, "\n  For the merchant's settings:")?;
    writeln!(out, "    gateway URL        {url}")?;
    for merchant in &spaces.profile().merchants {
        writeln!(
            out,
            "    merchant/terminal  {} / {}",
            merchant.id,
            merchant.terminals.join(", ")
        )?;
    }
    writeln!(
        out,
        "    private keys       payon-sim keys export --merchant {} --private",
        spaces.profile().merchants[0].id
    )?;
    writeln!(out, "    gateway public key payon-sim keys export --gateway")?;
    writeln!(out, "\n  Control plane        {control_url}/_sim/")?;
    if !args.host.is_loopback() {
        writeln!(
            out,
            "\n  WARNING: listening on {}, so others can reach it. It holds published test keys only; never load real ones.",
            args.host
        )?;
    }
    out.flush()?;
    Ok(())
}

/// Says which push-backs no merchant has taken.
fn report_undelivered(spaces: &Spaces) {
    for space in spaces.all() {
        space.enter(|moment| {
            for delivery in moment.outbox().iter() {
                if !matches!(delivery.state, DeliveryState::Acknowledged) {
                    eprintln!(
                        "undelivered push-back: space {}, merchant {}, txId {}, to {}, {} after {} attempts",
                        space.name(), delivery.merchant, delivery.tx_id, delivery.url,
                        delivery.state.name(), delivery.attempts.len(),
                    );
                }
            }
        });
    }
}

/// SIGTERM and Ctrl-C.
struct Signals {
    terminate: tokio::signal::unix::Signal,
    interrupt: tokio::signal::unix::Signal,
}

impl Signals {
    fn new() -> std::io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        let (terminate, interrupt) = (SignalKind::terminate(), SignalKind::interrupt());
        Ok(Self { terminate: signal(terminate)?, interrupt: signal(interrupt)? })
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}
