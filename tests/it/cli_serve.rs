//! `payon-sim serve` as a process: how it starts, stops, and says what is wrong.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpListener;
use std::process::Stdio;

use serde_json::Value;

use crate::binary::{Ended, Gateway, events, payon_sim, profile_with, run, tool, until};

const ORDER: &str = r#"{"merchantId":"C0000143","termId":"CT03000003","txId":"T1","trt":"10","currency":"USD","amount":"1.00","paymentMethod":"CREDIT_DEBIT"}"#;

#[test]
fn the_ready_file_is_one_line_with_three_members() {
    let gateway = Gateway::start(&["--seed", "42"]);
    let (url, control_url, pid) = (&gateway.url, &gateway.control_url, gateway.pid());
    let expected: Value = serde_json::json!({ "url": url, "controlUrl": control_url, "pid": pid });
    assert_eq!(serde_json::from_str::<Value>(&gateway.ready_line).unwrap(), expected);
    assert_eq!(gateway.ready_line.find('\n'), Some(gateway.ready_line.len() - 1));
    assert_eq!(gateway.post("/pg/order/register", ORDER).0, 200);
    let url = url.clone();
    let ended = gateway.stop();
    assert_eq!(ended.code, Some(0));
    assert!(ended.out.starts_with("payon-sim "), "{}", ended.out);
    for part in [
        "profile pgtest, seed 42",
        &format!("gateway URL         {url}"),
        "C0000143 / CT03000003",
        "payon-sim keys export --merchant C0000143 --private",
        &format!("{url}/_sim/"),
    ] {
        assert!(ended.out.contains(part), "{part} is not in {}", ended.out);
    }
    assert!(!ended.out.contains("WARNING"), "{}", ended.out);
}

#[test]
fn a_control_port_of_its_own_takes_control_away_from_the_merchants_port() {
    let gateway = Gateway::start(&["--control-port", "0", "--quiet"]);
    assert_ne!(gateway.url, gateway.control_url);
    assert_eq!(gateway.post("/_sim/healthz", "").0, 404);
    assert_eq!(gateway.stop().out, "");
}

#[test]
fn whoever_listens_to_the_world_is_warned_and_given_a_token() {
    let gateway = Gateway::start(&["--host", "0.0.0.0"]);
    assert!(gateway.url.starts_with("http://127.0.0.1:"), "{}", gateway.url);
    let banner = gateway.stop().out;
    assert!(banner.contains("WARNING: listening on 0.0.0.0"), "{banner}");
    let token = banner.lines().find_map(|line| line.trim().strip_prefix("Control token"));
    assert_eq!(token.map(|token| token.trim().len()), Some(32), "{banner}");
    let gateway = Gateway::start(&["--host", "0.0.0.0", "--control-token", "chosen-one"]);
    let banner = gateway.stop().out;
    assert!(!banner.contains("Control token") && !banner.contains("chosen-one"), "{banner}");
}

#[test]
fn a_port_in_use_ends_with_3() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap();
    let ended = run(&["serve", "--port", &address.port().to_string()]);
    assert_eq!((ended.code, ended.out.as_str()), (Some(3), ""));
    let pid = std::process::id();
    let name = std::fs::read_to_string(format!("/proc/{pid}/comm")).unwrap();
    assert_eq!(
        ended.err,
        format!(
            "error: cannot listen on {address}: Address already in use (os error 98). It is held by {} (pid {pid}), \
             which listens there. Choose another port with --port, or --port 0 for a free one\n",
            name.trim_end()
        )
    );
}

#[test]
fn a_wrong_profile_ends_with_2_and_all_that_is_wrong() {
    let changes =
        [("otp_tries = { value = 3", "otp_tries = { value = \"3\""), ("mode = {", "mood = {")];
    let dir = profile_with("profile.toml", &changes);
    let shown = dir.path().to_str().unwrap();
    let ended = run(&["serve", "--port", "0", "--profile", shown]);
    assert_eq!((ended.code, ended.out.as_str()), (Some(2), ""));
    let file = format!("{shown}/profile.toml");
    let text = std::fs::read_to_string(&file).unwrap();
    let line = |start: &str| text.lines().position(|line| line.starts_with(start)).unwrap() + 1;
    let (tries, section, mood) = (line("otp_tries"), line("[sign]"), line("mood"));
    let cut =
        |line: usize| text.lines().nth(line - 1).unwrap().chars().take(96).collect::<String>();
    let expected = format!(
        "{file}:{tries}:23: expected an integer from 0 to 255, found a string\n     |\n{tries:4} | {}\n     | {}^^^\n\n\
         {file}:{section}:1: `mode` is missing\n     |\n{section:4} | [sign]\n     | ^^^^^^\n\n\
         {file}:{mood}:1: unknown field `mood`, expected one of `algorithm`, `canonical`, `fields`, `template`, \
         `separator`, `skip`, `omit_empty`, `encoding`, `key_position`, `order`, `joiner`, `names`, `value_case`, `numbers`, \
         `escape`, `empty_values`, `sign_value`, `layout`, `prefix`, `suffix`, `key_member`, `key_form`, `line_ends`, \
         `transform`, `charset`, `predigest`, `predigest_form`, `pss_salt`, `pss_mask`\n     |\n{mood:4} | {}\n     | ^^^^\n\n\
         3 problems in the profile\n",
        cut(tries),
        " ".repeat(22),
        cut(mood),
    );
    assert_eq!(ended.err, expected);
    // `check` says the same without serving.
    let checked = run(&["profile", "check", shown]);
    assert_eq!((checked.code, checked.err), (Some(2), ended.err));
}

#[test]
fn settings_come_from_flag_environment_file_and_are_shown_with_their_origin() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("sim.toml");
    std::fs::write(&file, "port = 1111\ndrain-ms = 7\ncontrol-token = \"hush\"\nlog = \"warn\"\n")
        .unwrap();
    let mut command = payon_sim(&["config", "show", "--config", file.to_str().unwrap()]);
    command.args(["--log", "debug"]).env("PAYON_SIM_PORT", "2222").env("PAYON_SIM_QUIET", "yes");
    let shown = events(command, b"").ok();
    let line = |name: &str| {
        let mut lines = shown.lines().map(|line| line.trim_start_matches("# "));
        let line = lines.find(|line| line.starts_with(&format!("{name} ="))).expect(name);
        line.split_whitespace().collect::<Vec<_>>().join(" ")
    };
    let at = |number: u32| format!("{}:{number}", file.display());
    assert_eq!(line("port"), "port = 2222 # environment PAYON_SIM_PORT");
    assert_eq!(line("quiet"), "quiet = true # environment PAYON_SIM_QUIET");
    assert_eq!(line("log"), "log = \"debug\" # flag --log");
    assert_eq!(line("drain-ms"), format!("drain-ms = 7 # {}", at(2)));
    assert_eq!(line("control-token"), format!("control-token = (hidden) # {}", at(3)));
    assert_eq!(line("host"), "host = \"localhost\" # built in");
    assert!(!shown.contains("hush"), "{shown}");

    std::fs::write(&file, "port = 1\nprofle = \"x\"\n").unwrap();
    let ended = run(&["--config", file.to_str().unwrap()]);
    assert_eq!(ended.code, Some(2));
    assert!(
        ended.err.starts_with(&format!("{}: unknown field `profle`", at(2).replace(":2", ":2:1"))),
        "{}",
        ended.err
    );
    assert!(ended.err.ends_with("= did you mean `profile`?\n"), "{}", ended.err);
}

#[test]
fn arguments_that_make_no_sense_end_with_2() {
    for (args, part) in [
        (&["--port", "70000"][..], "70000 is not in 0..=65535"),
        (&["--log", "loud"], "\"loud\" is not a level"),
        (&["--public-url", "pay.example"], "begins with http://"),
        (
            &["serve", "--config", "/nowhere/sim.toml"],
            "cannot read the settings in /nowhere/sim.toml",
        ),
        (
            &["--port", "0", "--ready-file", "/nowhere/ready"],
            "cannot write the ready file /nowhere/ready",
        ),
        (&["surve"], "serve"),
        (&["--port", "0", "--workers", "3000"], "at most 256 worker threads"),
    ] {
        let ended = run(args);
        assert_eq!((ended.code, ended.out.as_str()), (Some(2), ""), "{args:?}");
        assert!(ended.err.starts_with("error: ") && ended.err.contains(part), "{}", ended.err);
    }
}

/// Sends a request's head and waits until the gateway asks for the body, so that it is under way for certain.
fn begin(gateway: &Gateway, length: usize) -> std::net::TcpStream {
    let mut stream = gateway.connect();
    write!(
        stream,
        "POST /pg/order/register HTTP/1.1\r\nhost: sim\r\nexpect: 100-continue\r\ncontent-length: {length}\r\n\r\n"
    )
    .unwrap();
    let mut go_on = [0; 25];
    stream.read_exact(&mut go_on).unwrap();
    assert_eq!(&go_on, b"HTTP/1.1 100 Continue\r\n\r\n");
    stream
}

#[test]
fn sigterm_lets_a_request_under_way_end() {
    let gateway = Gateway::start(&["--drain-ms", "60000"]);
    let _idle = gateway.connect();
    let mut stream = begin(&gateway, ORDER.len());
    gateway.signal("TERM");
    gateway.until_logged("stopping");
    stream.write_all(ORDER.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    assert!(answer.contains(r#""resultCode":"0000""#), "{answer}");
    let ended = gateway.wait();
    assert_eq!(ended.code, Some(0), "{}", ended.err);
    for line in ended.err.lines() {
        let line: Value = serde_json::from_str(line).expect("piped logs are JSON");
        assert_eq!(line["level"], "INFO", "{line}");
    }
}

/// Lets a gateway answer a registration in a trace of the merchant's, an unsigned refund of it, a payment and a path that
/// is none. The journal, oldest first, and what was logged on requests.
fn logged(args: &[&str]) -> (Vec<Value>, Vec<Value>) {
    let gateway = Gateway::start(args);
    let head = "POST /pg/order/register HTTP/1.1\r\nhost: sim\r\nconnection: close";
    let (length, traceparent) =
        (ORDER.len(), "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01");
    let mut stream = gateway.connect();
    write!(
        stream,
        "{head}\r\ncontent-length: {length}\r\ntraceparent: {traceparent}\r\n\r\n{ORDER}"
    )
    .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.contains(r#""resultCode":"0000""#), "{answer}");
    let named = r#"{"merchantId":"C0000143","termId":"CT03000003","txId":"T1"}"#;
    gateway.post("/pg/refund", named);
    let paid = gateway.post("/_sim/v1/orders/C0000143/T1/pay", r#"{"otp":"000111222"}"#);
    assert_ne!(paid.0, 404, "{}", paid.1);
    gateway.get("/pg/nowhere");
    let journal: Value = serde_json::from_str(&gateway.get("/_sim/v1/journal").1).unwrap();
    let ended = gateway.stop();
    assert!(!ended.err.contains("000111222"), "what a payer types is not logged: {}", ended.err);
    let lines = ended.err.lines().map(|line| serde_json::from_str::<Value>(line).expect("JSON"));
    let lines = lines.filter(|line| line["message"] == "request").collect();
    (journal["entries"].as_array().unwrap().clone(), lines)
}

#[test]
fn debugging_logs_one_line_a_request_that_says_what_the_journal_says() {
    let (journal, lines) = logged(&["--log", "payon_sim=debug"]);
    assert_eq!((journal.len(), lines.len()), (4, 4), "{lines:?}");
    for (entry, line) in journal.iter().zip(&lines) {
        assert_eq!((&line["level"], &line["space"]), (&"DEBUG".into(), &"default".into()));
        for (logged, noted) in [
            ("trace", "trace"),
            ("merchant", "merchantId"),
            ("tx_id", "txId"),
            ("status", "status"),
            ("reason", "reason"),
            ("rule", "rule"),
            ("took_us", "tookUs"),
        ] {
            assert_eq!(line[logged], entry[noted], "{logged} of {line}");
        }
    }
    let of = |name: &str| lines.iter().map(|line| line[name].as_str()).collect::<Vec<_>>();
    assert_eq!(of("operation"), [Some("register"), Some("refund"), Some("pay"), None]);
    let reasons = ["success", "sign.missing", "otp.wrong", "request.unknown-path"];
    assert_eq!(of("reason"), reasons.map(Some));
    assert_eq!(of("trace_id"), [Some("4bf92f3577b34da6a3ce929d0e0e4736"), None, None, None]);
}

#[test]
fn requests_are_not_logged_by_default() {
    let (journal, lines) = logged(&[]);
    assert_eq!((journal.len(), lines), (4, vec![]));
}

/// A worker of its own would be roused for each request; a lone one also sends answers in turns.
#[cfg(target_os = "linux")]
#[test]
fn on_one_processor_there_is_one_worker_and_no_thread_beside_it() {
    use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};
    // What a thread may use is handed on to the process that it starts.
    let on_one = std::thread::spawn(|| {
        let may = sched_getaffinity(None).unwrap();
        let one = (0..CpuSet::MAX_CPU).find(|at| may.is_set(*at)).unwrap();
        let mut only = CpuSet::new();
        only.set(one);
        sched_setaffinity(None, &only).unwrap();
        [Gateway::start(&[]), Gateway::start(&["--workers", "2"])]
    });
    let threads = |gateway: &Gateway| {
        assert_eq!(gateway.post("/pg/order/register", ORDER).0, 200);
        std::fs::read_dir(format!("/proc/{}/task", gateway.pid())).unwrap().count()
    };
    assert_eq!(on_one.join().unwrap().each_ref().map(threads), [1, 3]);
}

#[test]
fn a_second_signal_ends_at_once() {
    for (name, code) in [("TERM", 143), ("INT", 130)] {
        let gateway = Gateway::start(&["--drain-ms", "3600000", "--request-timeout-ms", "3600000"]);
        let _stream = begin(&gateway, 10);
        gateway.signal("TERM");
        gateway.until_logged("stopping");
        gateway.signal(name);
        assert_eq!(gateway.wait().code, Some(code), "{name}");
    }
}

#[test]
fn what_is_under_way_for_too_long_is_cut_off() {
    let gateway = Gateway::start(&["--drain-ms", "1"]);
    let _stream = begin(&gateway, 10);
    assert_eq!(gateway.stop().code, Some(0));
}

#[test]
fn undelivered_pushbacks_are_reported_at_the_end() {
    // An order that expires at once, and a merchant that hangs up when it is told so.
    let changes = [
        ("order_lifetime_ms = { value = 900_000", "order_lifetime_ms = { value = 1"),
        (r#""payment-failure"], mark"#, r#""payment-failure", "expiry"], mark"#),
    ];
    let dir = profile_with("profile.toml", &changes);
    let merchant = TcpListener::bind("127.0.0.1:0").unwrap();
    let noti_url = format!("http://{}/noti", merchant.local_addr().unwrap());
    let gateway = Gateway::start(&["--profile", dir.path().to_str().unwrap()]);
    let order = ORDER.replace('}', &format!(r#","noti_url":"{noti_url}"}}"#));
    assert_eq!(gateway.post("/pg/order/register", &order).0, 200);
    let (told, _) = merchant.accept().unwrap();
    let mut first = String::new();
    BufReader::new(told).read_line(&mut first).unwrap();
    assert_eq!(first, "POST /noti HTTP/1.1\r\n");
    let ended = gateway.stop();
    assert_eq!(ended.code, Some(0));
    let lines = ended.err.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let reports: Vec<Value> =
        lines.filter(|line| line["message"] == "undelivered push-back").collect();
    assert_eq!(reports.len(), 1, "{}", ended.err);
    let report = &reports[0];
    assert_eq!(report["level"], "WARN");
    assert_eq!((&report["merchant"], &report["tx_id"]), (&"C0000143".into(), &"T1".into()));
    assert_eq!((&report["url"], &report["space"]), (&noti_url.as_str().into(), &"default".into()));
    assert_eq!((&report["attempts"], &report["state"]), (&1.into(), &"waiting".into()));
}

#[test]
fn the_soft_limit_of_open_files_is_raised() {
    let script = "ulimit -Sn 64; exec \"$0\" \"$@\"";
    let mut command = std::process::Command::new("sh");
    command.args(["-c", script, env!("CARGO_BIN_EXE_payon-sim"), "serve", "--port", "0"]);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let gateway = Gateway::start_as(command, &[]);
    let idle: Vec<_> = (0..200).map(|_| gateway.connect()).collect();
    assert_eq!(gateway.post("/pg/order/register", ORDER).0, 200);
    drop(idle);
    gateway.stop();
}

#[test]
fn a_hard_limit_that_is_too_low_is_said_in_the_log() {
    let log = start_with_few_files(256).stop().err;
    let warning: Value = serde_json::from_str(log.lines().next().unwrap()).unwrap();
    assert_eq!((&warning["level"], &warning["limit"]), (&"WARN".into(), &256.into()), "{log}");
}

/// A gateway that may have so many files open.
fn start_with_few_files(limit: u16) -> Gateway {
    let script = format!("ulimit -n {limit}; exec \"$0\" \"$@\"");
    let mut command = std::process::Command::new("sh");
    command.args(["-c", &script, env!("CARGO_BIN_EXE_payon-sim"), "serve", "--port", "0"]);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    Gateway::start_as(command, &[])
}

/// Callers that have gone hold their connections for as long as their answers wait.
#[test]
fn the_control_plane_is_reached_while_merchants_hold_all_connections() {
    let gateway = start_with_few_files(200);
    let rule = r#"[{"id":"late","when":{"operation":"register"},"then":[{"latency":"1h"}]}]"#;
    assert_eq!(gateway.send("PUT", "/_sim/v1/rules", rule).0, 200);
    let address = gateway.url.trim_start_matches("http://");
    let length = ORDER.len();
    for _ in 0..250 {
        let mut stream = std::net::TcpStream::connect(address).unwrap();
        // One that is refused may be closed before all of it is written.
        let head =
            format!("POST /pg/order/register HTTP/1.1\r\nHost: sim\r\nContent-Length: {length}");
        let _ = write!(stream, "{head}\r\n\r\n{ORDER}");
    }
    assert_eq!(gateway.get("/_sim/healthz").0, 200);
    // Of merchants on what is left each is refused, so that it is free again at once.
    for _ in 0..100 {
        let (status, body) = gateway.post("/pg/order/register", ORDER);
        assert_eq!(status, 503, "{body}");
        assert!(body.contains(r#""resultCode":"9003""#), "{body}");
    }
    let (_, page) = gateway.get("/_sim/v1/journal?newest=true&limit=1");
    assert!(page.contains("the last ones are kept for the control plane"), "{page}");
    assert_eq!(gateway.send("DELETE", "/_sim/v1/rules", "").0, 204);
    assert_eq!(gateway.post("/_sim/v1/reset", "").0, 204);
    until("room", || (gateway.post("/pg/order/register", ORDER).0 == 200).then_some(()));
}

#[test]
fn a_reader_that_has_gone_is_no_error() {
    for args in [
        &["fidelity"][..],
        &["profile", "reasons"],
        &["profile", "cards"],
        &["config", "show"],
        &["schema"],
        &["--help"],
    ] {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let mut command = payon_sim(args);
        command.stdout(writer);
        let ended = events(command, b"");
        assert_eq!((ended.code, ended.err.as_str()), (Some(0), ""), "{args:?}");
    }
    // One that cannot be written to is one.
    for args in [&["--help"][..], &["--version"], &["pay", "--help"], &["config", "show"]] {
        let mut command = payon_sim(args);
        command.stdout(std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap());
        let ended = events(command, b"");
        assert_eq!(ended.code, Some(2), "{args:?}: {ended:?}");
        assert!(ended.err.starts_with("error: cannot write the output: "), "{}", ended.err);
    }
    // A failed check is not made good by it.
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let mut command = payon_sim(&["verify", "--merchant", "C0000143", "--operation", "refund"]);
    command.stdout(writer);
    assert_eq!(events(command, b"{}").code, Some(1));
}

#[test]
fn a_ready_file_may_be_a_pipe() {
    let dir = tempfile::tempdir().unwrap();
    let fifo = dir.path().join("fifo");
    tool("mkfifo", &[fifo.to_str().unwrap()], b"").ok();
    let mut command = payon_sim(&["--port", "0", "--quiet", "--ready-file"]);
    let mut child = command.arg(&fifo).stderr(Stdio::null()).spawn().unwrap();
    // Opening waits for the writer.
    let line = std::fs::read_to_string(&fifo).unwrap();
    assert!(line.starts_with('{') && line.ends_with("}\n"), "{line}");
    child.kill().unwrap();
    child.wait().unwrap();
}

/// A server with this ready file that is told to end once it answers: its end.
fn ended_with_ready_file(file: &std::path::Path, more: &[&str], seen: impl FnOnce(&str)) -> Ended {
    let mut command = payon_sim(&["--port", "0", "--quiet", "--ready-fd", "1", "--ready-file"]);
    let mut child = command.arg(file).args(more).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
    until("the ready file", || {
        std::fs::metadata(file).ok().filter(|found| !found.is_file() || found.len() > 0)
    });
    seen(&line);
    tool("kill", &[&child.id().to_string()], b"").ok();
    let code = until("the end", || child.try_wait().unwrap()).code();
    let (out, mut err) = (String::new(), String::new());
    child.stderr.as_mut().unwrap().read_to_string(&mut err).unwrap();
    Ended { code, out, err }
}

#[test]
fn a_ready_file_that_is_a_pipe_holds_up_no_end_where_nobody_reads_it() {
    let dir = tempfile::tempdir().unwrap();
    let fifo = dir.path().join("fifo");
    tool("mkfifo", &[fifo.to_str().unwrap()], b"").ok();
    for workers in ["1", "2"] {
        let ended = ended_with_ready_file(&fifo, &["--workers", workers], |_| {});
        assert_eq!(ended.code, Some(0), "{ended:?}");
    }
}

/// A link stays, and the file that it leads to comes and goes as without one.
#[test]
fn a_ready_file_may_be_a_link() {
    let dir = tempfile::tempdir().unwrap();
    let (file, link, far) =
        (dir.path().join("ready"), dir.path().join("link"), dir.path().join("far"));
    std::os::unix::fs::symlink("ready", &link).unwrap();
    std::os::unix::fs::symlink(&link, &far).unwrap();
    for path in [&file, &link, &far] {
        std::fs::write(&file, "left by an earlier run").unwrap();
        let ended = ended_with_ready_file(path, &[], |line| {
            assert_eq!(std::fs::read_to_string(path).unwrap(), line);
        });
        assert_eq!((ended.code, file.exists()), (Some(0), false), "{path:?}: {ended:?}");
        // A start that fails leaves no line of an earlier one, whatever it fails for.
        let taken = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = taken.local_addr().unwrap().port().to_string();
        for (more, code) in [(["--port", &port], 3), (["--port", "none"], 2)] {
            std::fs::write(&file, "left by an earlier run").unwrap();
            let ready = ["--ready-file", path.to_str().unwrap()];
            let refused = run(&[&["serve"], &ready[..], &more].concat());
            assert_eq!((refused.code, file.exists()), (Some(code), false), "{path:?}: {refused:?}");
        }
    }
    assert!(link.is_symlink() && far.is_symlink());
}

/// Settings are shown as those of a start only where one could begin with them.
#[test]
fn settings_that_no_start_takes_are_not_shown_as_good() {
    for (option, value, says) in [
        ("--log", "verbose", "\"verbose\" is not a level"),
        ("--ready-fd", "99", "no such descriptor can be written to"),
        ("--scenario", "S999", "the scenarios cannot be used; mistakes: 1"),
        ("--frame-ancestors", "x; script-src *", "takes sources with blanks between"),
        ("--profile", "/nowhere", "/nowhere"),
    ] {
        for verb in [&["serve", "--port", "0"][..], &["config", "show"]] {
            let ended = run(&[verb, &[option, value]].concat());
            assert_eq!((ended.code, ended.out.as_str()), (Some(2), ""), "{verb:?}: {ended:?}");
            assert!(ended.err.contains(says), "{verb:?}: {}", ended.err);
        }
    }
}
