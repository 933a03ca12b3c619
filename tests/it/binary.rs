//! The real binary as a process of its own, and the tools that drive it from outside.

use std::io::{BufRead as _, BufReader, Read, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;

use crate::support::soon;

/// How long anything outside may take before a test fails.
const PATIENCE: Duration = Duration::from_secs(60);
/// How long a command may take: one that runs every scenario takes minutes on a busy machine.
const COMMAND_PATIENCE: Duration = Duration::from_secs(900);
/// The pause between two looks at something outside that gives no notice.
const LOOK_EVERY: Duration = Duration::from_millis(5);

/// A process that has ended.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Ended {
    /// What it printed, if all went well.
    #[track_caller]
    pub(crate) fn ok(self) -> String {
        assert_eq!(self.code, Some(0), "{}\n{}", self.out, self.err);
        self.out
    }
}

/// The binary, without settings from our own environment.
pub(crate) fn payon_sim(args: &[&str]) -> Command {
    clean(Command::new(env!("CARGO_BIN_EXE_payon-sim")), args)
}

/// A command without settings from our own environment, whose output is read.
pub(crate) fn clean(mut command: Command, args: &[&str]) -> Command {
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("PAYON_SIM_") {
            command.env_remove(name);
        }
    }
    command.args(args).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// Runs the binary with nothing on its standard input.
pub(crate) fn run(args: &[&str]) -> Ended {
    events(payon_sim(args), b"")
}

/// Runs the binary with `input` on its standard input.
pub(crate) fn run_with(args: &[&str], input: impl AsRef<[u8]>) -> Ended {
    events(payon_sim(args), input.as_ref())
}

/// Runs another program.
pub(crate) fn tool(program: &str, args: &[&str], input: impl AsRef<[u8]>) -> Ended {
    events(clean(Command::new(program), args), input.as_ref())
}

/// Whether `program` can be run here. On CI it has to be.
pub(crate) fn has_tool(program: &str) -> bool {
    let found = Command::new(program).arg("--version").output().is_ok();
    if !found {
        assert!(std::env::var_os("CI").is_none(), "{program} is not installed");
        println!("skipped: {program} is not installed");
    }
    found
}

/// Runs a command that reads `input` before it prints much.
pub(crate) fn events(command: Command, input: &[u8]) -> Ended {
    events_within(COMMAND_PATIENCE, command, input)
}

/// The same; a command that takes longer is stopped, so that its test fails and does not wait for ever.
fn events_within(patience: Duration, mut command: Command, input: &[u8]) -> Ended {
    let mut child = command.spawn().expect("the program starts");
    let mut stdin = child.stdin.take().expect("piped");
    // A program that ends without reading all is judged by its exit code.
    let _ = stdin.write_all(input);
    drop(stdin);
    let (id, (ended, still_runs)) = (child.id().to_string(), mpsc::channel::<()>());
    let watch = std::thread::spawn(move || {
        if still_runs.recv_timeout(patience) == Err(RecvTimeoutError::Timeout) {
            let stopped = Command::new("kill").args(["-KILL", &id]).status();
            assert!(stopped.is_ok_and(|status| status.success()), "{id} cannot be stopped");
        }
    });
    let output = child.wait_with_output().expect("the program ends");
    drop(ended);
    watch.join().expect("nobody waits for the program any more");
    Ended {
        code: output.status.code(),
        out: String::from_utf8(output.stdout).expect("UTF-8"),
        err: String::from_utf8(output.stderr).expect("UTF-8"),
    }
}

/// Runs a command that ends soon; one that does not is stopped.
pub(crate) async fn ended(command: Command) -> Ended {
    let output = tokio::process::Command::from(command).kill_on_drop(true).output();
    let output = soon("the end of the program", output).await.expect("it runs");
    let text = |bytes| String::from_utf8(bytes).expect("UTF-8");
    Ended { code: output.status.code(), out: text(output.stdout), err: text(output.stderr) }
}

/// A gateway that runs as a process of its own.
pub(crate) struct Gateway {
    pub(crate) url: String,
    pub(crate) control_url: String,
    pub(crate) ready_line: String,
    child: Child,
    out: Gathered,
    err: Gathered,
    _dir: TempDir,
}

impl Gateway {
    /// Starts `payon-sim serve` on a free port.
    pub(crate) fn start(args: &[&str]) -> Self {
        Self::start_as(payon_sim(&["serve", "--port", "0"]), args)
    }

    /// Starts `payon-sim serve` on a free port, in a directory.
    pub(crate) fn start_in(dir: &Path, args: &[&str]) -> Self {
        let mut command = payon_sim(&["serve", "--port", "0"]);
        command.current_dir(dir);
        Self::start_as(command, args)
    }

    /// Starts a command that ends up as a gateway; gets `args` and the ready file as arguments.
    pub(crate) fn start_as(mut command: Command, args: &[&str]) -> Self {
        let dir = tempfile::tempdir().expect("a directory");
        let ready = dir.path().join("ready");
        std::fs::write(&ready, "left by an earlier run\n").expect("written");
        command.args(args).arg("--ready-file").arg(&ready);
        let mut child = command.spawn().expect("the gateway starts");
        let out = Gathered::of(child.stdout.take().expect("piped"));
        let err = Gathered::of(child.stderr.take().expect("piped"));
        let ready_line = until("the ready file", || {
            if let Some(status) = child.try_wait().expect("a child") {
                panic!("the gateway ended with {status}: {}", err.so_far());
            }
            std::fs::read_to_string(&ready).ok().filter(|line| line.starts_with('{'))
        });
        let members: Value = serde_json::from_str(&ready_line).expect("JSON");
        let url = |name: &str| members[name].as_str().expect("a URL").to_owned();
        let (url, control_url) = (url("url"), url("controlUrl"));
        Self { url, control_url, ready_line, child, out, err, _dir: dir }
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Kilobytes of memory that it holds.
    pub(crate) fn resident_kb(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.pid()));
        let status = status.expect("it lives");
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("a size");
        line.trim().trim_end_matches(" kB").parse().expect("a number")
    }

    /// The number of files and connections that it has open.
    pub(crate) fn handles(&self) -> usize {
        std::fs::read_dir(format!("/proc/{}/fd", self.pid())).expect("it lives").count()
    }

    /// Opens a connection on which nothing takes for ever.
    pub(crate) fn connect(&self) -> TcpStream {
        let address: SocketAddr = self
            .url
            .strip_prefix("http://")
            .and_then(|rest| rest.parse().ok())
            .expect("an address");
        let stream = TcpStream::connect(address).expect("the gateway accepts");
        stream.set_read_timeout(Some(PATIENCE)).expect("set");
        stream
    }

    /// Gets a path and gives status and body of the answer.
    pub(crate) fn get(&self, path: &str) -> (u16, String) {
        self.send("GET", path, "")
    }

    /// Posts `body` and gives status and body of the answer.
    pub(crate) fn post(&self, path: &str, body: &str) -> (u16, String) {
        self.send("POST", path, body)
    }

    pub(crate) fn send(&self, method: &str, path: &str, body: &str) -> (u16, String) {
        let mut stream = self.connect();
        let (host, length) = (self.url.trim_start_matches("http://"), body.len());
        write!(stream, "{method} {path} HTTP/1.1\r\nhost: {host}\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}")
            .expect("sent");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("answered");
        let status = answer.split(' ').nth(1).and_then(|code| code.parse().ok()).expect("a status");
        (status, answer.split_once("\r\n\r\n").expect("a head").1.to_owned())
    }

    /// Sends a signal by its name, such as `TERM`.
    pub(crate) fn signal(&self, name: &str) {
        let command = format!("kill -{name} {}", self.pid());
        tool("sh", &["-c", &command], b"").ok();
    }

    /// What it has printed once `text` is in it.
    pub(crate) fn until_printed(&self, text: &str) -> String {
        until(text, || Some(self.out.so_far()).filter(|printed| printed.contains(text)))
    }

    /// Waits for `text` on stderr.
    pub(crate) fn until_logged(&self, text: &str) {
        until(text, || self.err.so_far().contains(text).then_some(()));
    }

    /// Waits for the end.
    pub(crate) fn wait(mut self) -> Ended {
        let status: ExitStatus =
            until("the end of the gateway", || self.child.try_wait().expect("a child"));
        Ended { code: status.code(), out: self.out.all(), err: self.err.all() }
    }

    /// Asks it to stop and waits for the end.
    pub(crate) fn stop(self) -> Ended {
        self.signal("TERM");
        self.wait()
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        // It has ended already where the test went well.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What a process prints, as far as it has come.
struct Gathered {
    text: Arc<Mutex<String>>,
    reader: Option<JoinHandle<()>>,
}

impl Gathered {
    fn of(source: impl Read + Send + 'static) -> Self {
        let text = Arc::new(Mutex::new(String::new()));
        let shared = Arc::clone(&text);
        let reader = std::thread::spawn(move || {
            for line in BufReader::new(source).lines().map_while(Result::ok) {
                *shared.lock().expect("whole") += &(line + "\n");
            }
        });
        Self { text, reader: Some(reader) }
    }

    fn so_far(&self) -> String {
        self.text.lock().expect("whole").clone()
    }

    fn all(&mut self) -> String {
        self.reader.take().expect("read once").join().expect("read to the end");
        self.so_far()
    }
}

/// Looks until there is something. The only place here that waits without being told.
#[track_caller]
pub(crate) fn until<T>(what: &str, mut read: impl FnMut() -> Option<T>) -> T {
    let rounds = PATIENCE.as_millis() / LOOK_EVERY.as_millis();
    for _ in 0..rounds {
        if let Some(found) = read() {
            return found;
        }
        std::thread::sleep(LOOK_EVERY);
    }
    panic!("{what} did not come");
}

/// A directory with a profile in which texts are replaced.
pub(crate) fn profile_with(file: &str, changes: &[(&str, &str)]) -> TempDir {
    let dir = tempfile::tempdir().expect("a directory");
    let shown = dir.path().to_str().expect("UTF-8");
    run(&["profile", "export", shown]).ok();
    edit(&dir.path().join(file), changes);
    dir
}

fn edit(path: &Path, changes: &[(&str, &str)]) {
    let mut text = std::fs::read_to_string(path).expect("readable");
    for (old, new) in changes {
        assert!(text.contains(old), "{old} is not in {}", path.display());
        text = text.replacen(old, new, 1);
    }
    std::fs::write(path, text).expect("written");
}

#[test]
fn a_command_that_does_not_end_fails_its_test() {
    let endless = clean(Command::new("sleep"), &["30"]);
    assert_eq!(events_within(Duration::from_millis(20), endless, b"").code, None);
}
