//! Inputs of verbs besides flags: a profile, a merchant of it, the standard input.

use std::io::{self, IsTerminal as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, anyhow};
use clap::Args;

use super::exit;
use crate::base::{
    FILE_MAX, Named as _, Operation, RECORDING_MAX, UnknownName, has_mark, read_file_within, utf8,
    visible, without_mark,
};
use crate::profile::{Merchant, Profile};
use crate::scenario::{Period, Point};

/// Reads a length of time of an option: `30s`, `5m`, `1h30m`.
pub(super) fn period(text: &str) -> Result<Period, String> {
    let period = Period::parse(text).filter(|period| period.ms() > 0);
    period.ok_or_else(|| {
        "must be a length of time such as 30s, 5m or 1h30m, above 0 and below 20,000 years"
            .to_owned()
    })
}

/// Reads a length of real time of an option.
pub(super) fn real_time(text: &str) -> Result<Duration, String> {
    period(text).map(|period| Duration::from_millis(period.ms()))
}

/// Reads an operation by its name, or by the path at which it answers: `refund`, `/pg/refund`.
pub(super) fn operation(text: &str) -> Result<Operation, String> {
    let by_path = || {
        let path = text.trim_start_matches('/');
        let path = path.strip_prefix("pg/").unwrap_or(path);
        Operation::at(&format!("/pg/{path}"))
    };
    text.parse().or_else(|error: UnknownName| by_path().ok_or_else(|| error.to_string()))
}

/// Reads a point at which a rule steps in: an operation in the same way, or `pay`, `trigger`, `page` and so on.
pub(super) fn point(text: &str) -> Result<Point, String> {
    let known = Point::of_name(text).or_else(|| operation(text).ok().map(Point::Call));
    known.ok_or_else(|| UnknownName::new::<Point>(text).to_string())
}

/// Profile that a verb works with.
#[derive(Args, Clone, Debug)]
pub(super) struct ProfileArg {
    /// A directory like the one that `payon-sim profile export` writes, or an overlay (.toml), in place of the built-in one
    #[arg(long, env = "PAYON_SIM_PROFILE", value_name = "DIR|FILE")]
    profile: Option<PathBuf>,
}

impl ProfileArg {
    /// The profile.
    pub(super) fn load(&self) -> anyhow::Result<Arc<Profile>> {
        load(self.profile.as_ref())
    }

    /// Its directory or file; `None` for the built-in one.
    pub(super) fn path(&self) -> Option<&Path> {
        self.profile.as_deref()
    }
}

/// The profile in `dir`, or the built-in one.
pub(super) fn load(dir: Option<&PathBuf>) -> anyhow::Result<Arc<Profile>> {
    Ok(dir.map_or_else(|| Ok(Profile::builtin()), |dir| Profile::load(dir).map(Arc::new))?)
}

/// The merchant of that id.
pub(super) fn merchant<'p>(profile: &'p Profile, id: &str) -> anyhow::Result<&'p Merchant> {
    profile.merchant(id).with_context(|| {
        let known: Vec<_> = profile.merchants.iter().map(|known| known.id.as_str()).collect();
        format!("the profile {} has no merchant {id:?}; it has {}", profile.name, known.join(", "))
    })
}

/// All of a file, or of the standard input where it is named `-`.
pub(super) fn read_file_or_stdin(file: &str, what: &str) -> anyhow::Result<Vec<u8>> {
    read_given(file, what, FILE_MAX)
}

/// The same of a recording, which may be much larger.
pub(super) fn read_recording_or_stdin(file: &str, what: &str) -> anyhow::Result<Vec<u8>> {
    read_given(file, what, RECORDING_MAX)
}

fn read_given(file: &str, what: &str, max: u64) -> anyhow::Result<Vec<u8>> {
    if file == "-" {
        return read_stdin(what, max);
    }
    let bytes = read_file_within(file.as_ref(), max);
    bytes.with_context(|| format!("cannot read {what} from {}", visible(file)))
}

/// All of the standard input, which is to hold `what`, without a byte order mark before it.
pub(super) fn read_all(what: &str) -> anyhow::Result<Vec<u8>> {
    read_stdin(what, FILE_MAX)
}

fn read_stdin(what: &str, max: u64) -> anyhow::Result<Vec<u8>> {
    let input = io::stdin();
    if input.is_terminal() {
        exit::say(&format_args!("reading {what} from the terminal; end with Ctrl-D"));
    }
    let mut bytes = crate::base::read_all(input.lock(), max)
        .with_context(|| format!("cannot read {what} from the standard input"))?;
    if has_mark(&bytes) {
        bytes = without_mark(&bytes).to_vec();
    }
    Ok(bytes)
}

/// The same as text.
pub(super) fn read_all_text(what: &str) -> anyhow::Result<String> {
    let bytes = read_all(what)?;
    utf8(&bytes).map(str::to_owned).map_err(|came| anyhow!("the standard input is {came}"))
}
