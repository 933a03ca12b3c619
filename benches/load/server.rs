//! Processes under test: started on the server's core, watched through `/proc`, ended when dropped.

use std::fs;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

use crate::{memory, yardstick};

/// Which of the two cores.
#[derive(Clone, Copy)]
pub(crate) enum Core {
    Server,
    Client,
}

/// What the benchmark does when it starts itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Role {
    /// Serves the echo.
    Echo,
    /// Serves the echo with one verification.
    EchoVerify,
    /// Measures orders in its own memory.
    Orders,
    /// Measures spaces in its own memory.
    Spaces,
}

impl Role {
    pub(crate) async fn play(self) -> Result<()> {
        match self {
            Self::Echo => yardstick::serve(false).await,
            Self::EchoVerify => yardstick::serve(true).await,
            Self::Orders => memory::of_orders(),
            Self::Spaces => memory::of_spaces(),
        }
    }

    /// This program in that role, on the server's core.
    pub(crate) fn command(self) -> Result<Command> {
        let mut command = Command::new(std::env::current_exe()?);
        command.args([
            "--role",
            clap::ValueEnum::to_possible_value(&self).context("a role")?.get_name(),
        ]);
        Ok(command)
    }
}

/// Moves this thread, and what it starts from now on, to a core.
pub(crate) fn pin(core: Core) -> Result<()> {
    static ALLOWED: std::sync::OnceLock<Vec<usize>> = std::sync::OnceLock::new();
    let now = sched_getaffinity(None)?;
    let allowed =
        ALLOWED.get_or_init(|| (0..CpuSet::MAX_CPU).filter(|core| now.is_set(*core)).collect());
    let (Some(first), Some(last)) = (allowed.first(), allowed.last()) else { bail!("no core") };
    if first == last {
        bail!("two cores are needed: one for the server, one for the client");
    }
    let mut set = CpuSet::new();
    set.set(match core {
        Core::Server => *first,
        Core::Client => *last,
    });
    Ok(sched_setaffinity(None, &set)?)
}

/// Lets this process, and those it starts, open as many files as it may.
pub(crate) fn raise_handle_limit() -> Result<()> {
    let limit = getrlimit(Resource::Nofile);
    Ok(setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, maximum: limit.maximum })?)
}

/// Starts `command` on the server's core.
pub(crate) fn spawn(mut command: Command) -> Result<Child> {
    pin(Core::Server)?;
    let child = command.stdin(Stdio::null()).spawn();
    pin(Core::Client)?;
    child.with_context(|| format!("{command:?} does not start"))
}

/// The command that serves the gateway on `port` with one worker.
pub(crate) fn gateway(port: u16) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_payon-sim"));
    command.args(["serve", "--workers", "1", "--quiet", "--seed", "1"]);
    command.args(["--port", &port.to_string()]);
    command
}

/// A server under test.
pub(crate) struct Server {
    child: Child,
    pub(crate) address: SocketAddr,
}

impl Server {
    /// One of the yardsticks; it prints its address once it serves.
    pub(crate) fn yardstick(role: Role) -> Result<Self> {
        let mut command = role.command()?;
        command.stdout(Stdio::piped());
        let mut child = spawn(command)?;
        let mut line = String::new();
        if let Some(out) = child.stdout.take() {
            BufReader::new(out).read_line(&mut line)?;
        }
        let address = line.trim().parse().with_context(|| format!("{role:?} said {line:?}"))?;
        Ok(Self { child, address })
    }

    /// The gateway on a free port.
    pub(crate) fn gateway<A: AsRef<std::ffi::OsStr>>(arguments: &[A]) -> Result<Self> {
        let file = std::env::temp_dir().join(format!("payon-sim-load-{}.json", std::process::id()));
        let mut command = gateway(0);
        command.arg("--ready-file").arg(&file).args(arguments);
        let child = spawn(command)?;
        let mut server = Self { child, address: SocketAddr::from(([127, 0, 0, 1], 0)) };
        let begun = Instant::now();
        let ready = loop {
            match fs::read(&file) {
                Ok(ready) => break ready,
                Err(_) if begun.elapsed() < Duration::from_secs(10) => {
                    std::thread::sleep(Duration::from_millis(1));
                }
                Err(error) => bail!("payon-sim did not get ready: {error}"),
            }
        };
        fs::remove_file(&file)?;
        let ready: serde_json::Value = serde_json::from_slice(&ready)?;
        let url = ready["url"].as_str().context("no url in the ready file")?;
        server.address = url.trim_start_matches("http://").parse()?;
        Ok(server)
    }

    pub(crate) fn of(child: Child, port: u16) -> Self {
        Self { child, address: SocketAddr::from(([127, 0, 0, 1], port)) }
    }

    /// Time that its threads have had on a core.
    pub(crate) fn cpu(&self) -> Result<Duration> {
        let mut spent = 0;
        for task in fs::read_dir(format!("/proc/{}/task", self.child.id()))? {
            let stat = fs::read_to_string(task?.path().join("schedstat"))?;
            spent += stat.split(' ').next().context("schedstat")?.parse::<u64>()?;
        }
        Ok(Duration::from_nanos(spent))
    }

    /// Resident memory in bytes.
    pub(crate) fn resident(&self) -> Result<usize> {
        resident(&self.child.id().to_string())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended by itself already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Resident memory of the process `id`, or of `self`, in bytes.
pub(crate) fn resident(id: &str) -> Result<usize> {
    let status = fs::read_to_string(format!("/proc/{id}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).context("VmRSS")?;
    Ok(line.trim().trim_end_matches(" kB").parse::<usize>()? * 1024)
}
