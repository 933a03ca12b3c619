//! Ends of a run from outside: a signal, or a limit of time. The run stops what it is doing and still gives its report.

use std::sync::{Arc, Mutex, PoisonError};
use std::task::Poll;
use std::time::Duration;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// Reason why a run was ended, once it was.
pub(super) struct Interrupted(Arc<Mutex<Option<String>>>);

impl Interrupted {
    /// The reason; `None` where nothing has ended it.
    pub(super) fn why(&self) -> Option<String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// The signals that end a run.
pub(super) struct EndSignals(Vec<(&'static str, Signal)>);

impl EndSignals {
    /// Listens to them from now on. SIGHUP is left alone where it is ignored, as under `nohup`.
    pub(super) fn new() -> std::io::Result<Self> {
        let mut kinds = vec![
            ("the run was interrupted (SIGINT)", SignalKind::interrupt()),
            ("the run was ended (SIGTERM)", SignalKind::terminate()),
        ];
        if !is_hangup_ignored() {
            kinds.push(("the terminal is gone (SIGHUP)", SignalKind::hangup()));
        }
        let listen = |(told, kind)| Ok((told, signal(kind)?));
        kinds.into_iter().map(listen).collect::<std::io::Result<_>>().map(Self)
    }

    /// Waits for one of them; a sentence about it.
    pub(super) async fn next(&mut self) -> &'static str {
        std::future::poll_fn(|context| {
            let arrived = |(told, signal): &mut (&'static str, Signal)| {
                signal.poll_recv(context).is_ready().then_some(*told)
            };
            self.0.iter_mut().find_map(arrived).map_or(Poll::Pending, Poll::Ready)
        })
        .await
    }
}

/// Returns true if this process was started with SIGHUP ignored, as far as the system tells.
fn is_hangup_ignored() -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let ignored = ignored.and_then(|digits| u64::from_str_radix(digits.trim(), 16).ok());
    // The signal of number 1 is the lowest bit.
    ignored.is_some_and(|set| set & 1 == 1)
}

/// Cancels `stop` on SIGINT, on SIGTERM, on SIGHUP, and after `limit`. A second signal ends the process.
pub(super) fn watch(
    stop: CancellationToken,
    limit: Option<Duration>,
) -> std::io::Result<Interrupted> {
    let why = Arc::new(Mutex::new(None));
    let noted = Arc::clone(&why);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    std::thread::spawn(move || {
        runtime.block_on(async move {
            let Ok(mut signals) = EndSignals::new() else { return };
            let late = async {
                match limit {
                    Some(limit) => tokio::time::sleep(limit).await,
                    None => std::future::pending().await,
                }
            };
            let told = tokio::select! {
                told = signals.next() => told.to_owned(),
                () = late => format!("the run's time is over ({} s)", limit.unwrap_or_default().as_secs()),
            };
            *noted.lock().unwrap_or_else(PoisonError::into_inner) = Some(told);
            stop.cancel();
            signals.next().await;
            std::process::exit(1);
        });
    });
    Ok(Interrupted(why))
}
