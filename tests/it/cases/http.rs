//! Requests byte by byte, with the answers that RFC 9110 and RFC 9112 want.

use std::net::SocketAddr;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use super::{bytes, rows};
use crate::support::{Sim, soon};

const TABLE: &str = include_str!("http.txt");
const BODY: &str = r#"{"merchantId":"C0000143","termId":"CT03000003","clientId":"02"}"#;
const PROBE: &str = "GET /_sim/version HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";

/// How the connection goes on behind the answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Then {
    GoesOn,
    EndsAsSaid,
    Ends,
}

struct Case {
    name: &'static str,
    statuses: Vec<u16>,
    then: Then,
    half_closes: bool,
    is_head: bool,
    bytes: Vec<u8>,
}

fn cases() -> impl Iterator<Item = Case> {
    rows(TABLE).map(|row| {
        let mut cells = row.splitn(3, " | ");
        let mut cell = || cells.next().unwrap_or_else(|| panic!("three cells: {row}"));
        let (name, answers, request) = (cell(), cell(), cell());
        let (statuses, end) = answers.split_at(answers.len() - 1);
        let then = match end {
            "+" => Then::GoesOn,
            "." => Then::EndsAsSaid,
            "!" => Then::Ends,
            _ => panic!("no end: {row}"),
        };
        let half = request.strip_prefix("half").map(|rest| rest.trim_start_matches(['␠', ' ']));
        let request = filled(half.unwrap_or(request));
        Case {
            name,
            statuses: statuses.split_whitespace().map(|status| status.parse().unwrap()).collect(),
            then,
            half_closes: half.is_some(),
            is_head: request.starts_with("HEAD "),
            bytes: bytes(&request),
        }
    })
}

/// A request with what its marks stand for.
fn filled(request: &str) -> String {
    let length = BODY.len();
    let headers =
        |count: usize| (0..count).fold(String::new(), |all, n| all + &format!("X-{n}: 1⏎"));
    let replaced = [
        ("{P}", "POST /pg/bindingList HTTP/1.1⏎{O}⏎".to_owned()),
        ("{G}", "GET /_sim/healthz HTTP/1.1⏎{O}⏎".to_owned()),
        ("{C}", "{S}⏎{B}⏎0⏎⏎".to_owned()),
        ("{O}", "Host: localhost".to_owned()),
        ("{B}", BODY.to_owned()),
        ("{L}", length.to_string()),
        ("{S}", format!("{length:x}")),
        ("{90}", headers(90)),
        ("{200}", headers(200)),
        ("{70000}", "x".repeat(70_000)),
        ("{140000}", "x".repeat(140_000)),
        ("⏎", "\r\n".to_owned()),
        ("␊", "\n".to_owned()),
        ("␍", "\r".to_owned()),
        ("␀", "\0".to_owned()),
        ("␠", " ".to_owned()),
        ("␉", "\t".to_owned()),
    ];
    replaced.iter().fold(request.to_owned(), |text, (mark, value)| text.replace(mark, value))
}

/// One answer: its status, and whether it says that the connection ends.
#[derive(Debug)]
struct Answered {
    status: u16,
    says_close: bool,
    has_trace: bool,
}

/// Takes an answer off what came; `None` where it is not whole.
fn take(came: &mut Vec<u8>, is_head: bool) -> Option<Answered> {
    let end = came.windows(4).position(|window| window == b"\r\n\r\n")? + 4;
    let head = String::from_utf8_lossy(&came[..end]).to_lowercase();
    let status = head.split(' ').nth(1)?.parse().ok()?;
    let length = head.split("content-length: ").nth(1).and_then(|rest| rest.lines().next());
    let length: usize = length.map_or(0, |length| length.parse().unwrap());
    let length = if is_head { 0 } else { length };
    if came.len() < end + length {
        return None;
    }
    came.drain(..end + length);
    let says_close = head.contains("\r\nconnection: close\r\n");
    Some(Answered { status, says_close, has_trace: head.contains("\r\nx-payon-trace: ") })
}

/// Tries one case; says what came out wrong.
async fn try_one(address: SocketAddr, case: Case) -> Option<String> {
    let mut stream = TcpStream::connect(address).await.expect("it listens");
    let mut request = case.bytes.clone();
    if !case.half_closes && case.then != Then::Ends {
        request.extend_from_slice(PROBE.as_bytes());
    }
    // A server that has refused may have ended the connection before all is sent.
    let _ = stream.write_all(&request).await;
    if case.half_closes {
        stream.shutdown().await.expect("our side is closed");
    }
    let mut came = Vec::new();
    let _ = soon(case.name, stream.read_to_end(&mut came)).await;
    let whole = String::from_utf8_lossy(&came).chars().take(600).collect::<String>();
    let mut answers = Vec::new();
    while let Some(answer) = take(&mut came, case.is_head && answers.is_empty()) {
        answers.push(answer);
    }
    let mut wanted = case.statuses.clone();
    wanted.extend((case.then == Then::GoesOn).then_some(200));
    let statuses: Vec<_> = answers.iter().map(|answer| answer.status).collect();
    let last_is_right = match (case.then, answers.last()) {
        (Then::EndsAsSaid, Some(last)) => last.says_close || case.half_closes,
        _ => true,
    };
    // Whatever is refused at the door is found again.
    let door = |answer: &&Answered| matches!(answer.status, 414 | 431);
    let is_traced = answers.iter().filter(door).all(|answer| answer.has_trace);
    let is_right = statuses == wanted && last_is_right && is_traced && came.is_empty();
    let name = case.name;
    (!is_right)
        .then(|| format!("{name}: {statuses:?} in place of {wanted:?} {:?}: {whole:?}", case.then))
}

#[tokio::test]
async fn raw_requests_are_answered_as_the_rfcs_say() {
    let sim = Sim::start().await;
    let address: SocketAddr = sim.url.strip_prefix("http://").unwrap().parse().unwrap();
    let (mut tries, mut count) = (JoinSet::new(), 0);
    for case in cases() {
        count += 1;
        tries.spawn(try_one(address, case));
    }
    assert!(count >= 120, "{count} cases");
    let mut wrong = Vec::new();
    while let Some(tried) = tries.join_next().await {
        wrong.extend(tried.expect("it was tried"));
    }
    assert!(wrong.is_empty(), "{} of {count}:\n{}", wrong.len(), wrong.join("\n"));
}
