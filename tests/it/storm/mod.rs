//! A year of abuse in an hour: long runs and floods against a server of its own, each printing its figures.
//!
//! With every `cargo test` they run in a short form. A variable makes one long, such as `STORM_REQUESTS=10000000`;
//! `STORM_SERVER` names the binary under test where it is not the one of this build. `docs/reliability.md` has the
//! commands, and the figures that came of them.

mod clients;
mod line;
mod receivers;
mod soak;
mod spaces;

use std::process::Command;
use std::time::Duration;

use crate::binary::{Gateway, clean};

/// How large a storm is: as the variable says, or in short.
pub(crate) fn size(variable: &str, short: usize) -> usize {
    std::env::var(variable).map_or(short, |text| text.parse().expect("a number"))
}

/// The server under test, and what it holds.
struct Server(Gateway);

impl Server {
    fn start(args: &[&str]) -> Self {
        // Both ends of ten thousand connections, one end each.
        rlimit::increase_nofile_limit(u64::MAX).expect("a limit");
        let args = [&["--log", "error"], args].concat();
        let program = std::env::var_os("STORM_SERVER");
        let program = program.unwrap_or_else(|| env!("CARGO_BIN_EXE_payon-sim").into());
        let command = clean(Command::new(program), &["serve", "--port", "0"]);
        let gateway = Gateway::start_as(command, &args);
        Self(gateway)
    }

    fn address(&self) -> std::net::SocketAddr {
        self.0.url.trim_start_matches("http://").parse().expect("an address")
    }

    /// Resident memory in megabytes.
    fn megabytes(&self) -> f64 {
        self.0.resident_kb() as f64 / 1e3
    }

    /// Waits until it has no more open files than `before`.
    fn gives_handles_back(&self, before: usize) {
        crate::binary::until(&format!("the end of all but {before} open files"), || {
            (self.0.handles() <= before).then_some(())
        });
    }

    /// Ends it, which must go well.
    fn stop(self) {
        let ended = self.0.stop();
        assert_eq!((ended.code, ended.err.as_str()), (Some(0), ""), "{}", ended.out);
    }
}

/// Times that callers waited.
#[derive(Default)]
struct Waits(Vec<Duration>);

impl Waits {
    /// Milliseconds within which `part` of all were answered.
    fn within(&mut self, part: f64) -> f64 {
        self.0.sort_unstable();
        let last = self.0.len().saturating_sub(1);
        let at = (self.0.len() as f64 * part) as usize;
        self.0.get(at.min(last)).map_or(0.0, Duration::as_secs_f64) * 1e3
    }
}
