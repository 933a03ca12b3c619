//! The environment of the command line, the port that it listens on, and the ready file.

use std::fs;
use std::io::Read as _;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt as _;
use std::process::{Command, Stdio};
use std::time::Duration;

use serde_json::Value;

use crate::binary::{Ended, Gateway, events, payon_sim, run, tool, until};

/// Every variable of `serve`.
const OF_SERVE: &[&str] = &[
    "CONFIG",
    "HOST",
    "PORT",
    "CONTROL_PORT",
    "CONTROL_TOKEN",
    "PROFILE",
    "SEED",
    "PUBLIC_URL",
    "NO_PANEL",
    "FRAME_ANCESTORS",
    "READY_FILE",
    "READY_FD",
    "EXIT_WITH_PARENT",
    "STATE",
    "DURABILITY",
    "MAX_ORDERS",
    "MAX_OPEN_ORDERS",
    "JOURNAL_ENTRIES",
    "JOURNAL_BYTES",
    "REQUEST_TIMEOUT_MS",
    "DRAIN_MS",
    "WORKERS",
    "LOG",
    "STRICT",
    "SCENARIO",
    "WATCH",
    "QUIET",
];

fn with(args: &[&str], variables: &[(&str, &str)]) -> Command {
    let mut command = payon_sim(args);
    command.envs(variables.iter().map(|(name, value)| (format!("PAYON_SIM_{name}"), value)));
    command
}

fn ended(args: &[&str], variables: &[(&str, &str)]) -> Ended {
    events(with(args, variables), b"{}")
}

#[test]
fn what_only_serve_reads_breaks_no_other_verb() {
    let broken =
        [("PORT", "tcp://10.0.0.5:36605"), ("SEED", "x"), ("HOST", "nowhere"), ("WORKERS", "0")];
    for args in [
        &["keys", "export", "--gateway"][..],
        &["sign", "--merchant", "C0000143"],
        &["fidelity"],
        &["scenarios"],
        &["schema"],
        &["profile", "cards"],
        &["khqr", "make", "--merchant", "C0000143"],
    ] {
        assert_eq!(ended(args, &broken).code, Some(0), "{args:?}");
    }
}

#[test]
fn an_empty_variable_counts_as_left_out_everywhere() {
    let empty: Vec<_> = OF_SERVE.iter().map(|name| (*name, "")).collect();
    let shown = ended(&["config", "show", "--port", "0"], &empty).ok();
    let from_environment: Vec<_> =
        shown.lines().filter(|line| line.contains("environment")).collect();
    assert!(from_environment.is_empty(), "{from_environment:?}");
    let mut command = payon_sim(&["--port", "0"]);
    for name in OF_SERVE {
        command.env(format!("PAYON_SIM_{name}"), "");
    }
    let gateway = Gateway::start_as(command, &[]);
    assert_eq!(gateway.get("/_sim/v1/orders").0, 200, "no token is asked for");
    let url = gateway.url.clone();
    for variables in
        [&[("URL", "")][..], &[("CONTROL_TOKEN", "")], &[("PUBLIC_URL", "")], &[("PROFILE", "")]]
    {
        assert_eq!(ended(&["coverage", "--url", &url], variables).code, Some(0), "{variables:?}");
        assert_eq!(
            ended(&["keys", "export", "--gateway"], variables).code,
            Some(0),
            "{variables:?}"
        );
    }
    gateway.stop();
}

#[test]
fn an_option_comes_before_a_broken_variable() {
    let broken = [("PORT", "x"), ("SEED", "x"), ("DRAIN_MS", "x")];
    let flags = ["--port", "0", "--seed", "1", "--drain-ms", "1"];
    for verb in [&["serve"][..], &[]] {
        let command = with(verb, &broken);
        Gateway::start_as(command, &flags).stop();
    }
}

#[test]
fn a_wrong_variable_is_told_by_its_name() {
    for (name, value, flag) in [
        ("PORT", "x", "--port <PORT>"),
        ("SEED", "-1", "--seed <SEED>"),
        ("STRICT", "perhaps", "--strict"),
        ("PUBLIC_URL", "http://a:99999", "--public-url <URL>"),
        ("HOST", "nowhere", "--host <HOST>"),
    ] {
        for verb in [&["serve"][..], &[], &["config", "show"]] {
            let told = ended(verb, &[(name, value)]);
            assert_eq!(told.code, Some(2), "{told:?}");
            let expected = format!("'{flag}' from the environment variable 'PAYON_SIM_{name}'");
            assert!(told.err.contains(&expected), "{}", told.err);
        }
    }
    let told = ended(&["coverage"], &[("URL", "http://a:99999")]);
    assert!(told.err.contains("'PAYON_SIM_URL': a URL here must name a port"), "{}", told.err);
    for (name, value) in [("LOG", "loud"), ("FRAME_ANCESTORS", "a;b"), ("CONTROL_TOKEN", "ក")] {
        let told = ended(&["serve", "--port", "0"], &[(name, value)]);
        assert_eq!(told.code, Some(2), "{told:?}");
        assert!(told.err.contains(&format!("from PAYON_SIM_{name}: ")), "{}", told.err);
    }
    // The option is at fault where it is given.
    let told = ended(&["serve", "--port", "y"], &[("PORT", "x")]);
    assert!(told.err.contains("'y'") && !told.err.contains("PAYON_SIM_PORT"), "{}", told.err);
}

#[test]
fn a_variable_that_is_no_text_is_told_by_its_name() {
    use std::os::unix::ffi::OsStrExt as _;
    let broken = std::ffi::OsStr::from_bytes(b"a\xff");
    for (args, name) in [
        (&["coverage"][..], "PAYON_SIM_URL"),
        (&["coverage"], "PAYON_SIM_CONTROL_TOKEN"),
        (&["serve"], "PAYON_SIM_SEED"),
        (&["config", "show"], "PAYON_SIM_SEED"),
    ] {
        let mut command = payon_sim(args);
        command.env(name, broken);
        let told = events(command, b"");
        assert_eq!(told.code, Some(2), "{}", told.err);
        assert!(
            told.err.contains(&format!("the environment variable {name} is not UTF-8")),
            "{}",
            told.err
        );
    }
    let told = ended(&["coverage"], &[("CONTROL_TOKEN", "a\nb"), ("URL", "http://127.0.0.1:1")]);
    assert!(told.err.contains("variable PAYON_SIM_CONTROL_TOKEN: "), "{}", told.err);
}

#[test]
fn what_kubernetes_says_of_a_service_is_passed_over_and_told() {
    let variables = [("PORT", "tcp://10.0.0.5:36605"), ("CONTROL_PORT", "tcp://10.0.0.6:80")];
    let told = ended(&["config", "show"], &variables);
    assert!(told.out.contains("port = 36605 "), "{}", told.out);
    let note = "note: PAYON_SIM_PORT=tcp://10.0.0.5:36605 is no port and is passed over; Kubernetes sets it for a Service \
                named payon-sim\n";
    assert!(told.err.contains(note), "{}", told.err);
    assert!(told.err.contains("a Service named payon-sim-control\n"), "{}", told.err);
    let gateway =
        Gateway::start_as(with(&["serve"], &variables), &["--port", "0", "--control-port", "0"]);
    assert!(
        !gateway.stop().err.contains("note:"),
        "the options are given, so nothing was passed over"
    );
}

#[test]
fn a_token_that_nobody_could_send_is_refused() {
    for (token, part) in
        [("", "an empty token"), ("ក", "ASCII"), ("a b", "no blanks"), ("a\nb", "no blanks")]
    {
        let told = run(&["serve", "--port", "0", "--control-token", token]);
        assert_eq!(told.code, Some(2), "{told:?}");
        assert!(
            told.err.starts_with("error: --control-token: ") && told.err.contains(part),
            "{}",
            told.err
        );
        let told = run(&["coverage", "--url", "http://127.0.0.1:1", "--token", token]);
        assert!(told.code == Some(2) && told.err.contains("--token: "), "{told:?}");
    }
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("sim.toml");
    fs::write(&file, "control-token = \"\"\n").unwrap();
    let told = run(&["serve", "--port", "0", "--config", file.to_str().unwrap()]);
    assert!(told.err.contains("sim.toml:1: control-token: an empty token"), "{}", told.err);
}

#[test]
fn an_outgoing_connection_that_holds_the_port_is_told() {
    let server = TcpListener::bind("127.0.0.1:0").unwrap();
    let there = server.local_addr().unwrap();
    let client = TcpStream::connect(there).unwrap();
    let held = client.local_addr().unwrap();
    let told = run(&["serve", "--port", &held.port().to_string()]);
    assert_eq!(told.code, Some(3), "{told:?}");
    let pid = format!("(pid {})", std::process::id());
    let remote = format!("as its own end of a connection with {there}");
    assert!(told.err.contains(&pid) && told.err.contains(&remote), "{}", told.err);
}

/// The system completes connections before they are accepted, as many as the listener has room for. The server stands
/// still meanwhile.
#[test]
fn a_burst_of_connections_finds_room() {
    let gateway = Gateway::start(&["--control-port", "0"]);
    for url in [&gateway.url, &gateway.control_url] {
        let address: SocketAddr = url.strip_prefix("http://").unwrap().parse().unwrap();
        gateway.signal("STOP");
        let burst: Vec<_> = (0..400)
            .map(|_| TcpStream::connect_timeout(&address, Duration::from_millis(500)))
            .collect();
        gateway.signal("CONT");
        let refused = burst.iter().filter(|connected| connected.is_err()).count();
        assert_eq!(refused, 0, "{url}");
    }
    gateway.stop();
}

#[test]
fn the_ready_file_has_the_token_for_its_owner_only_and_is_gone_after_the_end() {
    let dir = tempfile::tempdir().unwrap();
    let ready = dir.path().join("ready.json");
    for (args, token) in
        [(&["--control-token", "chosen"][..], Some("chosen")), (&["--host", "0.0.0.0"], None)]
    {
        let mut child = payon_sim(&["--port", "0", "--quiet"])
            .args(args)
            .arg("--ready-file")
            .arg(&ready)
            .spawn()
            .unwrap();
        let line = until("the ready file", || fs::read_to_string(&ready).ok());
        let members: Value = serde_json::from_str(&line).unwrap();
        let told = members["controlToken"].as_str().unwrap();
        assert!(token.is_none_or(|token| token == told) && told.len() >= 6, "{line}");
        assert_eq!(fs::metadata(&ready).unwrap().permissions().mode() & 0o777, 0o600);
        let url = members["controlUrl"].as_str().unwrap();
        assert_eq!(run(&["coverage", "--url", url, "--token", told]).code, Some(0));
        crate::binary::tool("sh", &["-c", &format!("kill -TERM {}", child.id())], b"").ok();
        assert_eq!(child.wait().unwrap().code(), Some(0));
        assert!(!ready.exists());
    }
}

#[test]
fn a_start_that_fails_leaves_no_ready_file() {
    let dir = tempfile::tempdir().unwrap();
    let ready = dir.path().join("ready.json");
    let shown = ready.to_str().unwrap();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    for (args, code) in [
        (&["--port", &port][..], 3),
        (&["--port", "x"], 2),
        (&["--port", "0", "--log", "loud"], 2),
        (&["--port", "0", "--profile", "/nowhere"], 2),
        (&["--port", "0", "--scenario", "/nowhere.yaml"], 2),
        (&["--port", "0", "--config", "/nowhere.toml"], 2),
        (&["--port", "0", "--workers", "999"], 2),
        (&["--port", "0", "--tls-name", "pay.test"], 2),
    ] {
        fs::write(&ready, "left by an earlier run\n").unwrap();
        let told = run(&[args, &["--ready-file", shown]].concat());
        assert_eq!(told.code, Some(code), "{told:?}");
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0, "{args:?}");
    }
    // A banner that cannot be printed ends the start before it is ready.
    let mut command = payon_sim(&["--port", "0", "--ready-file", shown]);
    command.stdout(fs::OpenOptions::new().write(true).open("/dev/full").unwrap());
    command.stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut text = String::new();
    child.stderr.take().unwrap().read_to_string(&mut text).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(2), "{text}");
    assert!(text.contains("cannot write the output") && !ready.exists(), "{text}");
    // Help asks for nothing to be started, so nothing is taken away.
    fs::write(&ready, "of a server that runs\n").unwrap();
    run(&["serve", "--help", "--ready-file", shown]).ok();
    assert!(ready.exists());
}

/// Rust's own output says of what it cannot write to a descriptor for reading that it is written.
#[test]
#[cfg(target_os = "linux")]
fn what_cannot_be_printed_is_never_a_success() {
    for output in [">/dev/full", "1</dev/null"] {
        for args in
            ["scenarios", "--help", "completions bash", "keys generate", "schema", "--port 0"]
        {
            let line = format!("exec {} {args} {output}", env!("CARGO_BIN_EXE_payon-sim"));
            let told = tool("sh", &["-c", &line], "");
            assert_eq!(told.code, Some(2), "{line}: {told:?}");
            assert!(told.err.contains("cannot write the output"), "{line}: {told:?}");
        }
    }
}

#[test]
fn quiet_logs_errors_only() {
    let ended = Gateway::start(&["--quiet"]).stop();
    assert_eq!((ended.code, ended.out.as_str(), ended.err.as_str()), (Some(0), "", ""));
    let ended = Gateway::start(&["--quiet", "--log", "info"]).stop();
    assert!(ended.err.contains("stopping"), "{}", ended.err);
}

#[test]
fn help_is_broken_into_lines_once() {
    for verb in ["doctor", "run"] {
        let help = run(&[verb, "--help"]).ok();
        let lone = help
            .lines()
            .filter(|line| !line.is_empty() && !line.contains(' ') && !line.ends_with(':'));
        assert_eq!(lone.collect::<Vec<_>>(), [""; 0], "{help}");
    }
}
