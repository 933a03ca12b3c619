//! The shell in which a page is run, with a gateway of its own.

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpListener;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::os::unix::process::CommandExt as _;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process_group};
use tempfile::TempDir;

use super::block::ShownCommand;
use super::output::fits;
use crate::binary::Gateway;
use crate::programs::file;

/// How long a command may take.
const PATIENCE: Duration = Duration::from_secs(120);
/// Printed behind each command, with its exit code.
const END: &str = "@@ended@@";
/// Seed of the gateway where a page starts none.
const SEED: &str = "42";
/// Folders of the repository that a page finds beside it.
const FOLDERS: &[&str] = &["fixtures", "kits", "packaging", "probes", "scenarios", "tests"];
/// The gateway's ports on the pages, and ports at which their shops listen; each page has others, which are free.
const PORTS: &[u16] = &[36605, 36606, 9000, 3000];

/// Verbs of ours that call no gateway.
const OFFLINE: &str = "audit|check|completions|config|exec|explore|fidelity|help|keys|khqr|man|merchant|profile|run|\
    scenarios|schema|serve|sign|verify|--help|--version";

/// A shell, its directory and its gateway.
pub(super) struct Shell {
    bash: Child,
    input: ChildStdin,
    lines: Receiver<String>,
    gateway: Option<Gateway>,
    /// Each port of a page with the one that it stands for.
    ports: Vec<(u16, u16)>,
    commands: usize,
    dir: TempDir,
}

impl Shell {
    pub(super) fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let home = dir.path().join("home");
        fs::create_dir_all(dir.path().join("bin")).unwrap();
        fs::create_dir_all(&home).unwrap();
        for folder in FOLDERS {
            symlink(file(folder), home.join(folder)).unwrap();
        }
        let ports = PORTS.iter().map(|port| (*port, free_port())).collect();
        let mut command = Command::new("bash");
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("PAYON_SIM_") {
                command.env_remove(name);
            }
        }
        let venv = file("target/ext/clients/venv/bin");
        let own = dir.path().join("bin");
        let path = std::env::var("PATH").unwrap();
        let path = format!("{}:{}:{path}", own.display(), venv.display());
        command
            .env("PATH", path)
            .env("TERM", "dumb")
            .env("COLUMNS", "100")
            .env("EDITOR", "true")
            .current_dir(&home);
        command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit())
            .process_group(0);
        let mut bash = command.spawn().expect("bash starts");
        let input = bash.stdin.take().unwrap();
        let output = bash.stdout.take().unwrap();
        let (sender, lines) = channel();
        std::thread::spawn(move || {
            for line in BufReader::new(output).lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    return;
                }
            }
        });
        let mut shell = Self { bash, input, lines, gateway: None, ports, commands: 0, dir };
        // What a terminal shows is both.
        writeln!(shell.input, "exec 2>&1").unwrap();
        shell
    }

    /// Writes a file of the page.
    pub(super) fn write(&self, name: &str, text: &str) {
        let path = self.dir.path().join("home").join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, self.inward(text)).unwrap();
    }

    /// Runs a command; says what is not as the page shows it.
    pub(super) fn run(&mut self, command: &ShownCommand) -> Result<(), String> {
        if let Some(options) = starts_gateway(&self.inward(&command.text)) {
            return self.serve(&options, command);
        }
        let printed = self.printed(command)?;
        compare(command, &printed)
    }

    /// Runs a command, and gives what it prints; says if it ends otherwise than it should.
    pub(super) fn printed(&mut self, command: &ShownCommand) -> Result<String, String> {
        if self.gateway.is_none() {
            self.start(&["--seed", SEED]);
        }
        self.commands += 1;
        let script = self.dir.path().join(format!("{}.sh", self.commands));
        fs::write(&script, self.inward(&command.text)).unwrap();
        let end = format!("ended=$?; echo; echo {END} $ended");
        writeln!(self.input, ". {} < /dev/null; {end}", script.display()).unwrap();
        let mut printed = String::new();
        let code = loop {
            let line = self
                .lines
                .recv_timeout(PATIENCE)
                .map_err(|_| format!("no end; so far:\n{printed}"))?;
            if let Some(code) = line.strip_prefix(END) {
                break code.trim().to_owned();
            }
            printed += &line;
            printed.push('\n');
        };
        let printed = self.outward(printed.trim_end());
        if code != "0" && command.code == 0 || command.code != 0 && code == "0" {
            return Err(format!("exit code {code}, and it printed:\n{printed}"));
        }
        Ok(printed)
    }

    /// The page starts a gateway of its own.
    fn serve(&mut self, options: &[String], command: &ShownCommand) -> Result<(), String> {
        let options: Vec<&str> = options.iter().map(String::as_str).collect();
        self.start(&options);
        let gateway = self.gateway.as_ref().unwrap();
        let printed = gateway.until_printed("Control plane");
        compare(command, &self.outward(printed.trim_end()))
    }

    fn start(&mut self, options: &[&str]) {
        self.gateway = None;
        let ready = Gateway::start_in(&self.dir.path().join("home"), options);
        let port = ready.url.rsplit(':').next().unwrap().parse().unwrap();
        self.ports[0].1 = port;
        self.gateway = Some(ready);
        let url = format!("http://127.0.0.1:{port}");
        let script = format!(
            "#!/bin/sh\ncase \"$1\" in\n  {OFFLINE}) ;;\n  healthcheck) export PAYON_SIM_PORT={port} ;;\n  \
             link) export PAYON_SIM_PUBLIC_URL={url} ;;\n  \
             *) export PAYON_SIM_URL=\"${{PAYON_SIM_URL:-{url}}}\" ;;\nesac\nexec {} \"$@\"\n",
            env!("CARGO_BIN_EXE_payon-sim")
        );
        let path = self.dir.path().join("bin/payon-sim");
        fs::write(&path, script).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    }

    /// A text of the page with the ports of this run.
    fn inward(&self, text: &str) -> String {
        self.ports
            .iter()
            .fold(text.to_owned(), |text, (shown, real)| with_port(&text, *shown, *real))
    }

    /// What was printed, with the ports of the page.
    fn outward(&self, text: &str) -> String {
        self.ports
            .iter()
            .fold(text.to_owned(), |text, (shown, real)| with_port(&text, *real, *shown))
    }
}

impl Drop for Shell {
    fn drop(&mut self) {
        // All that the page started in the background ends with it.
        if let Some(group) = Pid::from_raw(self.bash.id().cast_signed()) {
            let _ = kill_process_group(group, Signal::KILL);
        }
        let _ = self.bash.wait();
    }
}

fn compare(command: &ShownCommand, printed: &str) -> Result<(), String> {
    if command.shown.is_empty() || fits(&command.shown, printed) {
        return Ok(());
    }
    Err(format!("shown:\n{}\nprinted:\n{printed}", command.shown.join("\n")))
}

/// The options of a command that serves until it is stopped.
fn starts_gateway(command: &str) -> Option<Vec<String>> {
    let command = command.split(" #").next()?.trim().trim_end_matches('&').trim();
    let rest = command.strip_prefix("payon-sim")?;
    let words: Vec<String> = rest.split_whitespace().map(str::to_owned).collect();
    let is_option = words.first().is_none_or(|word| word.starts_with("--"));
    let ends = words.iter().any(|word| matches!(word.as_str(), "--help" | "--version"));
    (is_option && !ends && !command.contains('|') && !command.contains('>')).then_some(words)
}

fn with_port(text: &str, from: u16, to: u16) -> String {
    [":", "=", "port "].iter().fold(text.to_owned(), |text, before| {
        text.replace(&format!("{before}{from}"), &format!("{before}{to}"))
    })
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}
