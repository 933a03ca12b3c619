//! Ends of a run from outside: a signal, or a limit of time. The run stops what it is doing and still gives its report.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// Reason why a run was ended, once it was.
pub(super) struct Interrupted(Arc<Mutex<Option<String>>>);

impl Interrupted {
    /// The reason; `None` where nothing has ended it.
    pub(super) fn why(&self) -> Option<String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// Cancels `stop` on SIGINT, on SIGTERM, and after `limit`. A second signal ends the process.
pub(super) fn watch(
    stop: CancellationToken,
    limit: Option<Duration>,
) -> std::io::Result<Interrupted> {
    let why = Arc::new(Mutex::new(None));
    let noted = Arc::clone(&why);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    std::thread::spawn(move || {
        runtime.block_on(async move {
            let (Ok(mut interrupt), Ok(mut terminate)) =
                (signal(SignalKind::interrupt()), signal(SignalKind::terminate()))
            else {
                return;
            };
            let late = async {
                match limit {
                    Some(limit) => tokio::time::sleep(limit).await,
                    None => std::future::pending().await,
                }
            };
            let told = tokio::select! {
                _ = interrupt.recv() => "the run was interrupted (SIGINT)".to_owned(),
                _ = terminate.recv() => "the run was ended (SIGTERM)".to_owned(),
                () = late => format!("the run's time is over ({} s)", limit.unwrap_or_default().as_secs()),
            };
            *noted.lock().unwrap_or_else(PoisonError::into_inner) = Some(told);
            stop.cancel();
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
            }
            std::process::exit(1);
        });
    });
    Ok(Interrupted(why))
}
