//! Scenarios of `serve` that are armed anew while it runs: by SIGHUP, and by themselves with `--watch`.

use std::sync::Arc;
use std::time::Duration;

use tokio::signal::unix::Signal;
use tokio::time::{MissedTickBehavior, interval};

use crate::api::{Sources, Stamp};
use crate::space::Spaces;

/// Interval at which files are read again. Looking also works where the system tells nothing of changes, as in a container.
const LOOK_EVERY: Duration = Duration::from_millis(200);

/// Arms the scenarios whenever `hang_up` comes; with `watched`, how their files looked when they were read, also when
/// the files have changed and then stayed so for a moment.
pub(super) async fn follow(
    sources: Arc<Sources>,
    spaces: Arc<Spaces>,
    mut hang_up: Signal,
    watched: Option<Stamp>,
) {
    let is_watching = watched.is_some();
    let mut looks = interval(LOOK_EVERY);
    looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut armed = watched.unwrap_or_default();
    let mut seen = armed.clone();
    loop {
        tokio::select! {
            got = hang_up.recv() => if got.is_none() { return },
            _ = looks.tick(), if is_watching => {
                let now = sources.stamp();
                let is_settled = now == seen;
                seen = now;
                if !is_settled || seen == armed {
                    continue;
                }
            }
        }
        armed = sources.stamp();
        reload(&sources, &spaces);
    }
}

fn reload(sources: &Sources, spaces: &Spaces) {
    if sources.is_empty() {
        tracing::warn!("nothing to reload: there is no --scenario");
        return;
    }
    match sources.reload(spaces.default_space()) {
        Ok(changes) => tracing::info!(
            added = ?changes.added,
            removed = ?changes.removed,
            changed = ?changes.changed,
            reordered = changes.reordered,
            "scenarios read again"
        ),
        Err(mistakes) => {
            for mistake in mistakes {
                tracing::error!("scenarios stay as they were: {mistake}");
            }
        }
    }
}
