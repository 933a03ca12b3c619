//! Servers that are no payon-sim, and answer with 200 and JSON whatever they are asked: no verb believes them.

use std::collections::BTreeSet;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};

use crate::binary::{Ended, Gateway, events, payon_sim, run};

/// Every verb that talks to a running gateway, as its page of the manual is called, with a call of it and its input.
const VERBS: &[(&str, &str, &str)] = &[
    ("clock", "clock", ""),
    ("clock-advance", "clock advance 1h", ""),
    ("clock-back", "clock back", ""),
    ("clock-freeze", "clock freeze", ""),
    ("clock-resume", "clock resume", ""),
    ("clock-set", "clock set 2026-12-31T23:59:00+07:00", ""),
    ("clock-show", "clock show", ""),
    ("clock-speed", "clock speed 2", ""),
    ("clock-until-idle", "clock until-idle", ""),
    ("coverage", "coverage", ""),
    ("doctor", "doctor --merchant C0000143", ""),
    ("explain", "explain last", ""),
    ("fault", "fault down", ""),
    ("fault-clear", "fault clear", ""),
    ("fault-list", "fault list", ""),
    ("healthcheck", "healthcheck", ""),
    ("inbox", "inbox", ""),
    ("keys-export", "keys export --gateway", ""),
    ("link", "link --unchecked --merchant C0000143", "{}"),
    ("merchants-add", "merchants add M1", ""),
    ("merchants-list", "merchants list", ""),
    ("merchants-set", "merchants set C0000143 --pin true", ""),
    ("merchants-show", "merchants show C0000143", ""),
    ("pay", "pay --merchant C0000143 --tx T1", ""),
    ("pushbacks", "pushbacks", ""),
    ("resend", "resend 1", ""),
    ("reset", "reset", ""),
    ("rules-add", "rules add -", "[{ then: [{ latency: 1s }] }]"),
    ("rules-clear", "rules clear", ""),
    ("rules-list", "rules list", ""),
    ("rules-put", "rules put -", "[{ then: [{ latency: 1s }] }]"),
    ("rules-remove", "rules remove one", ""),
    ("scenario-arm", "scenario arm S014", ""),
    ("scenario-disarm", "scenario disarm S014", ""),
    ("scenario-record", "scenario record", ""),
    ("sign", "sign --merchant C0000143", "{}"),
    ("snapshot-delete", "snapshot delete a", ""),
    ("snapshot-export", "snapshot export a", ""),
    ("snapshot-import", "snapshot import a -", "{}"),
    ("snapshot-list", "snapshot list", ""),
    ("snapshot-restore", "snapshot restore a", ""),
    ("snapshot-save", "snapshot save a", ""),
    ("space-create", "space create x", ""),
    ("space-delete", "space delete x", ""),
    ("space-list", "space list", ""),
    ("space-move", "space move x --to http://127.0.0.1:1", ""),
    ("space-show", "space show x", ""),
    ("tail", "tail --timeout 1s", ""),
    ("tls-ca", "tls ca", ""),
    ("trigger", "trigger --merchant C0000143 --tx T1 expire", ""),
    ("verify", "verify --merchant C0000143 --operation refund", "{}"),
    ("wait", "wait idle", ""),
];

/// A server that answers everything with this status, which may have headers behind it, and this body.
fn stranger(status: &'static str, body: &'static str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            std::thread::spawn(move || answer(&stream, status, body));
        }
    });
    url
}

fn answer(stream: &TcpStream, status: &str, body: &str) {
    let (mut reader, mut length) = (BufReader::new(stream), 0);
    let mut head = String::new();
    while reader.read_line(&mut head).is_ok_and(|read| read > 2) {
        let line = head.lines().last().unwrap_or_default().to_lowercase();
        if let Some(value) = line.strip_prefix("content-length:") {
            length = value.trim().parse().unwrap();
        }
    }
    std::io::copy(&mut reader.take(length), &mut std::io::sink()).unwrap();
    let size = body.len();
    let head = format!(
        "HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {size}\r\nconnection: close"
    );
    // Whoever asked may have gone.
    let _ = write!(&mut (stream as &TcpStream), "{head}\r\n\r\n{body}");
}

fn told(call: &str, url: &str, input: &str) -> Ended {
    let option = if call.starts_with("link") { "--control-url" } else { "--url" };
    let mut command = payon_sim(&call.split(' ').collect::<Vec<_>>());
    command.args([option, url]);
    events(command, input.as_bytes())
}

#[test]
fn no_verb_believes_a_server_that_says_yes_to_everything() {
    for (status, body) in [("200 OK", "{}"), ("200 OK", ""), ("404 Not Found", "{}")] {
        let url = stranger(status, body);
        for (name, call, input) in VERBS {
            let told = told(call, &url, input);
            // Two verbs whose work is to look judge what they see.
            let expected = if matches!(*name, "doctor" | "healthcheck") { 1 } else { 2 };
            assert_eq!(told.code, Some(expected), "{call} at {status} {body}: {told:?}");
            if expected == 2 {
                assert_eq!(told.out, "", "{call}");
                let says = format!("{url} answers {status}, but not as the control plane");
                assert!(told.err.contains(&says), "{call}: {}", told.err);
            }
        }
    }
}

/// Something that says to be payon-sim, and answers what no call of its control plane does.
#[test]
fn no_verb_tells_of_success_where_what_is_always_there_is_missing() {
    let ours = concat!("200 OK\r\nx-payon-sim: ", env!("CARGO_PKG_VERSION"));
    let other = "200 OK\r\nx-payon-sim: 9.9.9";
    for (status, body) in [(ours, "{}"), (ours, "null"), (ours, ""), (other, "{}")] {
        let url = stranger(status, body);
        for (name, call, input) in VERBS {
            let told = told(call, &url, input);
            let expected = if matches!(*name, "doctor" | "healthcheck") { 1 } else { 2 };
            assert_eq!(told.code, Some(expected), "{call} at {status} {body}: {told:?}");
            let names_version = told.err.contains("payon-sim 9.9.9, and this is");
            if expected == 2 {
                assert_eq!(told.out, "", "{call}");
                let says = format!("{url} answers, but not as the call is documented: ");
                assert!(told.err.contains(&says), "{call}: {}", told.err);
                assert_eq!(names_version, status == other, "{call}: {}", told.err);
            }
        }
    }
}

#[test]
fn every_verb_that_talks_to_a_gateway_is_among_those_that_are_tried() {
    let dir = tempfile::tempdir().unwrap();
    run(&["man", dir.path().to_str().unwrap()]).ok();
    let pages = std::fs::read_dir(dir.path()).unwrap().map(|page| page.unwrap().path());
    let talks =
        |page: &std::path::PathBuf| std::fs::read_to_string(page).unwrap().contains(r"\-\-url");
    let name = |page: std::path::PathBuf| {
        page.file_stem().unwrap().to_str().unwrap().replace("payon-sim-", "")
    };
    let known: BTreeSet<String> = pages.filter(talks).map(name).collect();
    let tried: BTreeSet<String> = VERBS.iter().map(|(name, ..)| (*name).to_owned()).collect();
    assert_eq!(tried, known);
}

#[test]
fn a_space_goes_to_no_server_that_does_not_say_that_it_has_it() {
    let gateway = Gateway::start(&["--quiet"]);
    let at = ["--url", gateway.url.as_str()];
    run(&[&["space", "create", "kept"][..], &at].concat()).ok();
    for body in ["{}", r#"{"name":"other","baseUrl":"http://127.0.0.1:1/space/other"}"#] {
        let to = stranger("201 Created", body);
        let refused = run(&[&["space", "move", "kept", "--to", &to][..], &at].concat());
        assert_eq!(refused.code, Some(1), "{refused:?}");
        assert!(refused.err.contains("The space goes on here"), "{}", refused.err);
        run(&[&["space", "show", "kept"][..], &at].concat()).ok();
    }
}
