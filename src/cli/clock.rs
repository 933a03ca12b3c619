//! `payon-sim clock`: the clock of a space at a running gateway.

use std::process::ExitCode;
use std::time::Duration;

use clap::{Args, Subcommand};
use hyper::Method;
use serde_json::{Value, json};

use super::input::period;
use super::sentence;
use super::talk::TalkArgs;
use crate::base::Period;

const PATH: &str = "/_sim/v1/clock";

/// Longest time that the clock's way may take: it stops at all that is due, and waits for what comes of it.
const TRAVEL: Duration = Duration::from_secs(630);

/// Action on the clock; without a verb it is shown.
#[derive(Args, Debug)]
#[command(
    args_conflicts_with_subcommands = true,
    after_help = "\
Orders expire, push-backs are repeated and days are closed by the clock of their space. A clock that was advanced or set \
keeps its distance from real time until `payon-sim clock back`.

Examples:
  payon-sim clock advance 10h
  payon-sim clock set 2026-12-31T23:59:00+07:00
  payon-sim clock back"
)]
pub(super) struct ClockArgs {
    #[command(subcommand)]
    verb: Option<ClockVerb>,
    #[command(flatten)]
    talk: TalkArgs,
}

/// Actions on the clock.
#[derive(Subcommand, Debug)]
enum ClockVerb {
    /// Show the clock (what `payon-sim clock` does)
    Show(TalkArgs),
    /// Let time pass, stopping at everything that is due on the way
    Advance {
        /// Length of time, such as 90s, 10h or 1d12h
        #[arg(value_name = "DURATION", value_parser = period)]
        time: Period,
        #[command(flatten)]
        talk: TalkArgs,
    },
    /// Jump to a moment, forward or backward
    Set {
        /// Date and time with offset, such as 2026-12-31T23:59:00+07:00
        #[arg(value_name = "TIME")]
        time: String,
        #[command(flatten)]
        talk: TalkArgs,
    },
    /// Stop the clock
    #[command(visible_alias = "stop")]
    Freeze(TalkArgs),
    /// Let the clock run on at real speed, from what it shows
    Resume(TalkArgs),
    /// Let the clock run faster or slower than real time
    Speed {
        /// Speed as a multiple of real time, such as 60; 0 freezes it
        #[arg(value_name = "FACTOR")]
        factor: f64,
        #[command(flatten)]
        talk: TalkArgs,
    },
    /// Let time pass until no push-back and no reply waits
    UntilIdle(TalkArgs),
    /// Show real time again, at real speed, whatever was done to the clock
    #[command(visible_alias = "real")]
    Back(TalkArgs),
}

/// Shows or changes the clock, and prints what it shows then.
pub(super) fn run(args: &ClockArgs) -> anyhow::Result<ExitCode> {
    let text = |clock: &Value| sentence::clock(clock) + "\n";
    let (talk, change) = match &args.verb {
        None => return args.talk.get(PATH, text),
        Some(ClockVerb::Show(talk)) => return talk.get(PATH, text),
        Some(ClockVerb::Advance { time, talk }) => (talk, json!({ "advance": time.ms() })),
        Some(ClockVerb::Set { time, talk }) => (talk, json!({ "set": time })),
        Some(ClockVerb::Freeze(talk)) => (talk, json!({ "freeze": true })),
        Some(ClockVerb::Resume(talk)) => (talk, json!({ "freeze": false })),
        Some(ClockVerb::Speed { factor, talk }) => (talk, json!({ "scale": factor })),
        Some(ClockVerb::UntilIdle(talk)) => (talk, json!({ "runUntilIdle": true })),
        Some(ClockVerb::Back(talk)) => (talk, json!({ "real": true })),
    };
    let answer = talk.gateway.patient(TRAVEL).call(Method::POST, PATH, change.to_string())?;
    talk.finish(answer, text)
}
