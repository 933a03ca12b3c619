//! `payon-sim tail`: what happens at a running gateway, as it happens.

mod event;
mod filter;
mod show;

use std::io::{ErrorKind, Write as _};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context as _, bail};
use clap::Args;
use futures_util::StreamExt as _;
use hyper::StatusCode;
use hyper::body::Incoming;
use serde::de::IgnoredAny;
use sse_stream::{Sse, SseStream};

use super::client::{GatewayArgs, RefusedCall, segment};
use super::exit;
use super::input::real_time;
use event::TailEvent;
use filter::TailFilter;
use show::TailFormat;

/// The pause before a lost connection is opened again, unless the gateway names another.
const PAUSE: Duration = Duration::from_secs(1);
/// It doubles with each failure up to here.
const PAUSE_MAX: Duration = Duration::from_secs(30);

/// Events to follow, the beginning, and the format.
#[derive(Args, Debug)]
pub(super) struct TailArgs {
    #[command(flatten)]
    filter: TailFilter,
    #[command(flatten)]
    begin: Begin,
    /// One line an event, all that is known of it, or the event as it was sent
    #[arg(long, value_name = "FORMAT", default_value = "compact")]
    format: TailFormat,
    /// The same as --format json
    #[arg(long, conflicts_with = "format")]
    json: bool,
    /// End after so many events
    #[arg(long, value_name = "COUNT", value_parser = clap::value_parser!(u64).range(1..))]
    max: Option<u64>,
    /// End after so long (`30s`, `5m`); exit code 1 where fewer than --max events came, or the connection is lost by then
    #[arg(long, value_name = "DURATION", value_parser = real_time)]
    timeout: Option<Duration>,
    #[command(flatten)]
    gateway: GatewayArgs,
}

impl TailArgs {
    const fn format(&self) -> TailFormat {
        if self.json { TailFormat::Json } else { self.format }
    }
}

/// The beginning; the next event when nothing is given.
#[derive(Args, Debug)]
#[group(multiple = false)]
struct Begin {
    /// Begin with the oldest event that is still kept
    #[arg(long)]
    from_start: bool,
    /// Begin with what a request did: its name, as X-Payon-Trace carries it
    #[arg(long, value_name = "TRACE")]
    since: Option<String>,
    /// Begin so many events back, counted before anything is left out
    #[arg(long, value_name = "COUNT")]
    last: Option<u64>,
}

/// Follows until it is interrupted, nobody reads any more, or enough has come.
pub(super) fn run(args: &TailArgs) -> anyhow::Result<ExitCode> {
    if let Some(trace) = &args.begin.since {
        let path = format!("/_sim/v1/journal/{}", segment(trace));
        if let Err(refused) = args.gateway.get::<IgnoredAny>(&path)? {
            return Ok(refused);
        }
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let mut tail = Tail::new(args);
        tokio::select! {
            ended = tail.follow() => return ended,
            _ = tokio::signal::ctrl_c() => return Ok(ExitCode::SUCCESS),
            () = at_most(args.timeout) => {}
        }
        if tail.is_lost {
            exit::say(
                &"the time is over, and the connection is lost: what happened since was not seen",
            );
        }
        if let Some(max) = args.max {
            exit::say(&format_args!("the time is over: {} of {max} events came", tail.shown));
        }
        let has_failed = tail.is_lost || args.max.is_some();
        Ok(if has_failed { exit::failed() } else { ExitCode::SUCCESS })
    })
}

/// Ends when the time is over; never where there is no limit.
async fn at_most(limit: Option<Duration>) {
    match limit {
        Some(limit) => tokio::time::sleep(limit).await,
        None => std::future::pending().await,
    }
}

/// Somebody who follows.
struct Tail<'a> {
    args: &'a TailArgs,
    /// The number of the event up to which all is known.
    at: Option<u64>,
    /// Events shown.
    shown: u64,
    /// The pause before the next try.
    pause: Duration,
    /// True from when the connection is lost until it is opened again.
    is_lost: bool,
}

/// Reason why nothing more comes.
enum TailEnd {
    /// It is over.
    Done(ExitCode),
    /// The connection is lost, for this reason.
    Lost(String),
}

impl<'a> Tail<'a> {
    const fn new(args: &'a TailArgs) -> Self {
        Self { args, at: None, shown: 0, pause: PAUSE, is_lost: false }
    }

    async fn follow(&mut self) -> anyhow::Result<ExitCode> {
        let mut body = match self.begin().await? {
            Ok(body) => body,
            Err(refusal) => return refusal.end(),
        };
        loop {
            let why = match self.read(body).await? {
                TailEnd::Done(code) => return Ok(code),
                TailEnd::Lost(why) => why,
            };
            exit::say(&format_args!("the connection is lost ({why}); trying again"));
            self.is_lost = true;
            body = match self.reopen().await {
                Ok(body) => body,
                Err(refusal) => return refusal.end(),
            };
            self.is_lost = false;
            let at = self.at.unwrap_or_default();
            exit::say(&format_args!("connected again; going on after event {at}"));
        }
    }

    /// Opens the stream where it is to begin.
    async fn begin(&mut self) -> anyhow::Result<Result<Incoming, RefusedCall>> {
        let Begin { from_start, since, last } = &self.args.begin;
        if *from_start {
            self.at = Some(0);
        } else if since.is_some() || last.is_some() {
            // A stream begins with the number of the latest event.
            let latest = match self.args.gateway.open("/_sim/v1/events", &[]).await? {
                Ok(body) => first_number(body).await?,
                Err(refusal) => return Ok(Err(refusal)),
            };
            self.at = match since {
                Some(trace) => Some(self.before(trace, latest).await?),
                None => last.map(|count| latest.saturating_sub(count)),
            };
        }
        self.open().await
    }

    /// The number before the first event that the request of this name caused.
    async fn before(&self, trace: &str, latest: u64) -> anyhow::Result<u64> {
        let whole = self.args.gateway.open("/_sim/v1/events?after=0", &[]).await?;
        let Ok(body) = whole else { bail!("the gateway ended the search for {trace}") };
        let mut events = SseStream::new(body);
        while let Some(sse) = events.next().await {
            let sse = sse?;
            let Some(number) = number(&sse) else { continue };
            if TailEvent::read(&sse).is_some_and(|event| event.trace() == Some(trace)) {
                return Ok(number - 1);
            }
            if number >= latest {
                break;
            }
        }
        bail!("what the request {trace} did is not among the events any more that are kept")
    }

    async fn open(&self) -> anyhow::Result<Result<Incoming, RefusedCall>> {
        let at = self.at.map(|at| ("last-event-id", at.to_string()));
        let path = format!("/_sim/v1/events{}", self.args.filter.query());
        self.args.gateway.open(&path, at.as_slice()).await
    }

    /// Tries until it is connected again, or told that there is nothing to connect to.
    async fn reopen(&mut self) -> Result<Incoming, RefusedCall> {
        loop {
            tokio::time::sleep(self.pause).await;
            self.pause = (self.pause * 2).min(PAUSE_MAX);
            match self.open().await {
                Ok(Ok(body)) => return Ok(body),
                Ok(Err(refusal)) if refusal.status != StatusCode::SERVICE_UNAVAILABLE => {
                    return Err(refusal);
                }
                // It stops, or is not there yet.
                _ => {}
            }
        }
    }

    /// Shows what comes until no more comes.
    async fn read(&mut self, body: Incoming) -> anyhow::Result<TailEnd> {
        let mut events = SseStream::new(body);
        while let Some(sse) = events.next().await {
            let sse = match sse {
                Ok(sse) => sse,
                Err(error) => return Ok(TailEnd::Lost(error.to_string())),
            };
            self.at = number(&sse).or(self.at);
            if let Some(ms) = sse.retry {
                self.pause = Duration::from_millis(ms);
            }
            let Some(event) = TailEvent::read(&sse) else { continue };
            if !self.args.filter.takes(&event) {
                continue;
            }
            if !print(&self.args.format().show(&event, self.at.unwrap_or_default()))? {
                return Ok(TailEnd::Done(ExitCode::SUCCESS));
            }
            self.shown += 1;
            if self.args.max == Some(self.shown) {
                return Ok(TailEnd::Done(ExitCode::SUCCESS));
            }
        }
        Ok(TailEnd::Lost("the gateway ended it".to_owned()))
    }
}

fn number(sse: &Sse) -> Option<u64> {
    sse.id.as_ref()?.parse().ok()
}

async fn first_number(body: Incoming) -> anyhow::Result<u64> {
    let first = SseStream::new(body).next().await.context("the gateway ended the stream")??;
    number(&first).context("the stream does not begin with a number; is it of this version?")
}

/// Prints an event, coloured for a terminal; `false` where nobody reads any more.
fn print(text: &str) -> anyhow::Result<bool> {
    match exit::coloured_output().and_then(|mut out| out.write_all(text.as_bytes())) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(false),
        Err(error) => Err(error).context("cannot write the output"),
    }
}
