//! `payon-sim exec`, and what starts and watches a server from outside: `healthcheck`, the ready line, `--exit-with-parent`.

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};

use serde_json::Value;

use crate::binary::{Ended, Gateway, events, has_tool, payon_sim, run, tool, until};

const PROGRAM: &str = env!("CARGO_BIN_EXE_payon-sim");

/// Runs a line of shell with a gateway.
fn exec(args: &[&str], line: &str) -> Ended {
    run(&[&["exec"], args, &["--", "sh", "-c", line]].concat())
}

fn is_served(url: &str) -> bool {
    TcpStream::connect(url.trim_start_matches("http://")).is_ok()
}

#[test]
fn a_command_gets_a_gateway_and_its_exit_code_is_ours() {
    let dir = tempfile::tempdir().unwrap();
    let order = r#"{\"merchantId\":\"$PAYON_SIM_MERCHANT_ID\",\"termId\":\"$PAYON_SIM_TERM_ID\",\"txId\":\"1\",\"trt\":\"10\",\"currency\":\"USD\",\"amount\":\"2\",\"paymentMethod\":\"CREDIT_DEBIT\"}"#;
    let line = format!(
        "curl -sf \"$PAYON_SIM_URL/pg/order/register\" -d \"{order}\" >&2 && {PROGRAM} pay --merchant $PAYON_SIM_MERCHANT_ID \
         --tx 1 >&2; echo \"$? $PAYON_SIM_URL $0 $(cat)\"; exit 7"
    );
    let mut command = payon_sim(&["exec", "--", "sh", "-c", &line, "a b"]);
    command.current_dir(dir.path()).env("TMPDIR", dir.path());
    let ended = events(command, b"typed");
    assert_eq!(ended.code, Some(7), "{ended:?}");
    let words: Vec<&str> = ended.out.trim_end().splitn(3, ' ').collect();
    assert_eq!((words[0], words[2]), ("0", "a b typed"), "{ended:?}");
    assert!(!is_served(words[1]), "the gateway has ended");
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0, "no file is left");
    assert_eq!(exec(&[], "exit 0").ok(), "");
    assert_eq!(exec(&[], "kill -9 $$").code, Some(137));
}

#[test]
fn a_command_that_cannot_be_run_is_told_as_a_shell_tells_it() {
    let missing = run(&["exec", "--", "no-such-program"]);
    assert_eq!(missing.code, Some(127), "{missing:?}");
    assert!(missing.err.contains("cannot start \"no-such-program\""), "{}", missing.err);
    assert_eq!(run(&["exec", "--", env!("CARGO_MANIFEST_DIR")]).code, Some(126));
    for args in [&["exec"][..], &["exec", "--scenario", "S999", "--", "true"]] {
        assert_eq!(run(args).code, Some(2), "{args:?}");
    }
}

#[test]
fn signals_are_passed_on_to_the_command() {
    for (signal, code) in [("TERM", 15), ("INT", 2), ("USR1", 10)] {
        let line = format!(
            "trap 'kill -KILL $!; exit {}' {signal}; sleep 600 & echo started; wait $!",
            40 + code
        );
        // In a session of its own: a terminal that the tests run in has nothing to say there.
        let mut command = Command::new("setsid");
        command.args([PROGRAM, "exec", "--", "sh", "-c", &line]).stdout(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut out = BufReader::new(child.stdout.take().unwrap());
        out.read_line(&mut String::new()).unwrap();
        tool("sh", &["-c", &format!("kill -{signal} {}", child.id())], b"").ok();
        assert_eq!(child.wait().unwrap().code(), Some(40 + code), "{signal}");
    }
}

#[test]
fn scenarios_are_armed_and_coverage_is_told() {
    let rules = "curl -sf $PAYON_SIM_CONTROL_URL/_sim/v1/rules";
    assert!(!exec(&[], rules).ok().contains("\"when\""));
    let armed = exec(&["--scenario", "S014", "--coverage"], rules);
    assert!(armed.out.contains("\"when\"") && armed.code == Some(0), "{armed:?}");
    assert!(armed.err.contains("\nnotice       0 of 11"), "{}", armed.err);
    assert_eq!(exec(&["--min-coverage", "90"], "exit 0").code, Some(1));
    assert_eq!(exec(&["--min-coverage", "90"], "exit 5").code, Some(5));
}

#[test]
fn nothing_that_exec_hands_on_configures_a_gateway_inside() {
    let mut command =
        payon_sim(&["exec", "--", "sh", "-c", &format!("{PROGRAM} config show; env >&2")]);
    command
        .env("PAYON_SIM_STRICT", "true")
        .env("PAYON_SIM_PORT", "1")
        .env("PAYON_SIM_MINE", "kept");
    let ended = events(command, b"");
    assert!(
        ended.out.contains("port = 36605") && !ended.out.contains("# environment"),
        "{ended:?}"
    );
    for name in ["MINE", "URL", "CONTROL_URL", "SPACE", "MERCHANT_ID", "TERM_ID", "PRIVATE_KEY"] {
        let start = format!("PAYON_SIM_{name}=");
        assert!(ended.err.lines().any(|line| line.starts_with(&start)), "{name}: {}", ended.err);
    }
    let again =
        exec(&[], &format!("{PROGRAM} healthcheck && {PROGRAM} exec -- {PROGRAM} coverage"));
    assert_eq!(again.code, Some(0), "{again:?}");
}

#[test]
fn a_health_check_needs_no_token_and_gives_no_false_green() {
    let gateway = Gateway::start(&["--control-token", "sesame", "--control-port", "0"]);
    for url in [&gateway.url, &gateway.control_url, &format!("{}/space/none", gateway.url)] {
        assert_eq!(run(&["healthcheck", "--url", url]).ok(), "");
    }
    let port = gateway.url.rsplit_once(':').unwrap().1;
    for (name, value) in
        [("PORT", port), ("URL", &gateway.url), ("CONTROL_URL", &gateway.control_url)]
    {
        let mut command = payon_sim(&["healthcheck"]);
        command.env(format!("PAYON_SIM_{name}"), value);
        assert_eq!(events(command, b"").code, Some(0), "{name}");
    }
    let url = gateway.url.clone();
    gateway.stop();
    let gone = run(&["healthcheck", "--url", &url]);
    assert!(gone.code == Some(1) && gone.err.starts_with("not ready: "), "{gone:?}");

    // One that takes connections and says nothing, and one that is something else.
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let begun = std::time::Instant::now();
    let late = run(&["wait", "idle", "--url", &url, "--timeout", "50ms"]);
    assert!(late.code == Some(2) && late.err.contains("no answer within 2 s"), "{late:?}");
    assert!(begun.elapsed().as_secs() < 15, "it waits little longer than it is told to");
    let silent = run(&["healthcheck", "--url", &url, "--timeout-ms", "50"]);
    assert!(silent.code == Some(1) && silent.err.contains("within 50 ms"), "{silent:?}");
    drop(listener.accept());
    let other = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut head = [0; 512];
        let _ = stream.read(&mut head).unwrap();
        std::io::Write::write_all(&mut stream, b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi")
            .unwrap();
    });
    assert_eq!(run(&["healthcheck", "--url", &url]).code, Some(1));
    other.join().unwrap();
}

/// The ready line as the first line of `source`, and the child that wrote it.
fn first_line(child: &mut Child) -> Value {
    let mut line = String::new();
    BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
    serde_json::from_str(&line).unwrap_or_else(|_| panic!("no JSON: {line:?}"))
}

#[test]
fn the_ready_line_comes_on_the_standard_output_with_the_token() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("sim.toml"), "ready-file = \"-\"\n").unwrap();
    for args in [&["--ready-file", "-"][..], &["--ready-file=-"], &["--config", "sim.toml"]] {
        let mut command = payon_sim(&["--port", "0", "--control-token", "sesame"]);
        let mut child = command.args(args).current_dir(dir.path()).spawn().unwrap();
        let line = first_line(&mut child);
        assert_eq!(line["controlToken"], "sesame");
        assert!(is_served(line["url"].as_str().unwrap()));
        tool("sh", &["-c", &format!("kill {}", child.id())], b"").ok();
        let ended = child.wait_with_output().unwrap();
        assert_eq!((ended.status.code(), &*ended.stdout), (Some(0), &b""[..]), "{ended:?}");
        let err = String::from_utf8(ended.stderr).unwrap();
        assert!(err.contains("is ready, profile"), "the banner is beside it: {err}");
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
    }
}

#[test]
fn the_ready_line_comes_on_a_descriptor() {
    let line = format!("exec {PROGRAM} --port 0 --quiet --ready-fd 3 3>&1 >/dev/null");
    let mut command = Command::new("sh");
    let mut child = command.args(["-c", &line]).stdout(Stdio::piped()).spawn().unwrap();
    assert!(is_served(first_line(&mut child)["url"].as_str().unwrap()));
    child.kill().unwrap();
    child.wait().unwrap();
    let closed = run(&["--port", "0", "--ready-fd", "77"]);
    assert!(closed.code == Some(2) && closed.err.contains("--ready-fd 77"), "{closed:?}");
    if !has_tool("python3") {
        return;
    }
    // Node's pipes are sockets.
    let script = "import json, socket, subprocess, sys\n\
        ours, theirs = socket.socketpair()\n\
        it = subprocess.Popen([sys.argv[1], '--port', '0', '--quiet', '--ready-fd', str(theirs.fileno())], pass_fds=[theirs.fileno()])\n\
        print(json.loads(ours.makefile().readline())['pid'] == it.pid)\n\
        it.kill()\n";
    assert_eq!(tool("python3", &["-c", script, PROGRAM], b"").ok(), "True\n");
}

#[test]
fn a_gateway_ends_with_the_parent_or_with_its_input() {
    let serve = "--port 0 --quiet --ready-file - --exit-with-parent";
    // A runner that is killed and can tidy up nothing.
    for input in ["</dev/null", ""] {
        let line = format!("{PROGRAM} {serve} {input} & wait");
        let mut command = Command::new("sh");
        command.args(["-c", &line]).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut runner = command.spawn().unwrap();
        let line = first_line(&mut runner);
        let url = line["url"].as_str().unwrap();
        assert!(is_served(url));
        runner.kill().unwrap();
        until("the end of the orphan", || (!is_served(url)).then_some(()));
        runner.wait().unwrap();
    }
    // A pipe that ends, as where a wrapper stands between.
    let words: Vec<&str> = serve.split(' ').collect();
    let mut child = payon_sim(&words).spawn().unwrap();
    assert!(is_served(first_line(&mut child)["url"].as_str().unwrap()));
    drop(child.stdin.take());
    assert_eq!(child.wait().unwrap().code(), Some(0));
    // A standard input that nobody holds says nothing.
    let gateway = {
        let mut command = payon_sim(&["serve", "--port", "0", "--exit-with-parent"]);
        command.stdin(Stdio::null());
        Gateway::start_as(command, &[])
    };
    assert_eq!(run(&["healthcheck", "--url", &gateway.url]).code, Some(0));
    assert_eq!(gateway.stop().code, Some(0));
}
