//! Destination of log lines: stderr, for people on a terminal, as JSON when piped.

use std::io::{self, IsTerminal as _};

use anyhow::{Context as _, bail};
use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::prelude::*;

/// Refuses a filter that is none.
pub(super) fn check(filter: &str) -> anyhow::Result<()> {
    parse(filter).map(drop)
}

/// Starts logging what `filter` lets through.
pub(super) fn start(filter: &str) -> anyhow::Result<()> {
    let filter = parse(filter)?;
    let on_terminal = io::stderr().is_terminal();
    let plain = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    let lines = tracing_subscriber::fmt::layer()
        .with_writer(io::stderr)
        .with_target(false)
        .with_ansi(on_terminal && !plain)
        .log_internal_errors(false);
    let lines = if on_terminal {
        lines.boxed()
    } else {
        lines.json().flatten_event(true).with_current_span(false).with_span_list(false).boxed()
    };
    tracing_subscriber::registry().with(lines.with_filter(filter)).try_init()?;
    Ok(())
}

/// A level, or levels by part of the program. A word that is neither would be taken for a part and silence all others.
fn parse(filter: &str) -> anyhow::Result<Targets> {
    for word in filter.split(',').filter(|word| !word.contains('=')) {
        if word.is_empty() || word.parse::<LevelFilter>().is_err() {
            bail!(
                "--log {filter:?}: {word:?} is not a level; give off, error, warn, info, debug or trace, or parts with \
                 their levels, such as payon_sim=debug,hyper=warn"
            );
        }
    }
    filter.parse().with_context(|| format!("--log {filter:?}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn filters_are_levels_with_or_without_a_part() {
        for filter in ["off", "warn", "DEBUG", "info,hyper=warn", "payon_sim=trace"] {
            assert!(parse(filter).is_ok(), "{filter}");
        }
        for filter in ["", "loud", "info,hyper", "payon_sim=loud"] {
            let error = parse(filter).expect_err("refused");
            assert!(error.to_string().starts_with("--log \""), "{error}");
        }
    }
}
