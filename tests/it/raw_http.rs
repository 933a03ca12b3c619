//! Bad HTTP at the front door: malformed, oversized, truncated, slow and pipelined input, byte by byte.

use std::io::ErrorKind;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use payon_sim::http::Limits;
use payon_sim::scenario::read_rules;
use payon_sim::simulator::Simulator;
use payon_sim::space::Spaces;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::support::soon;

struct Door {
    address: SocketAddr,
    spaces: Arc<Spaces>,
    _simulator: Simulator,
}

/// A gateway on a free port, with short patience.
async fn open(limits: Limits) -> Door {
    let simulator = Simulator::builder().seed(1).limits(limits).start().await;
    let simulator = simulator.expect("a free port");
    let address = simulator.url().trim_start_matches("http://").parse().expect("an address");
    Door { address, spaces: Arc::clone(simulator.spaces()), _simulator: simulator }
}

impl Door {
    async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.expect("the door is open")
    }

    /// Sends bytes, closes our side if `close`, and reads until the gateway closes.
    async fn exchange(&self, bytes: &[u8]) -> String {
        let mut stream = self.connect().await;
        stream.write_all(bytes).await.expect("sent");
        read_to_end(&mut stream).await
    }

    /// How many requests were noted, and how many orders booked.
    fn noted(&self) -> (usize, usize) {
        let space = self.spaces.default_space();
        (space.read_journal(payon_sim::space::Journal::len), space.read(|view| view.ledger.len()))
    }
}

async fn read_to_end(stream: &mut TcpStream) -> String {
    let mut answer = Vec::new();
    // A reset after the answer is as good as an end.
    let _ = soon("the end of the connection", stream.read_to_end(&mut answer)).await;
    String::from_utf8_lossy(&answer).into_owned()
}

fn post(path: &str, body: &str) -> String {
    let length = body.len();
    format!(
        "POST {path} HTTP/1.1\r\nHost: sim\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}"
    )
}

fn status(answer: &str) -> &str {
    answer.split(' ').nth(1).unwrap_or("none")
}

fn body(answer: &str) -> &str {
    answer.split_once("\r\n\r\n").map_or("", |(_, body)| body)
}

const REGISTER: &str = "/pg/order/register";

fn order(tx_id: &str) -> String {
    format!(
        r#"{{"termId":"CT03000003","merchantId":"C0000143","txId":"{tx_id}","trt":"10","currency":"USD","amount":"1","paymentMethod":"PAYON"}}"#
    )
}

#[tokio::test]
async fn what_is_not_http_is_refused_and_nothing_booked() {
    let door = open(Limits::default()).await;
    for junk in [
        "\0\0\0\0\r\n\r\n",
        "GET\r\n\r\n",
        "POST /pg/orders HTTP/9.9\r\n\r\n",
        "\x16\x03\x01\x02\0\x01\r\n\r\n",
    ] {
        let answer = door.exchange(junk.as_bytes()).await;
        assert!(answer.is_empty() || status(&answer) == "400", "{junk:?}: {answer}");
    }
    let two_lengths =
        "POST /pg/orders HTTP/1.1\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}";
    let bad_chunk =
        "POST /pg/orders HTTP/1.1\r\nHost: sim\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n";
    for broken in [two_lengths, bad_chunk] {
        let answer = door.exchange(broken.as_bytes()).await;
        assert!(answer.is_empty() || status(&answer) == "400", "{answer}");
    }
    assert_eq!(door.noted().1, 0);
}

#[tokio::test]
async fn a_huge_head_is_refused() {
    let door = open(Limits::default()).await;
    let head = format!("POST /pg/orders HTTP/1.1\r\nX-Big: {}\r\n\r\n", "x".repeat(1 << 20));
    let answer = door.exchange(head.as_bytes()).await;
    assert!(answer.is_empty() || status(&answer) == "431", "{answer}");
    assert_eq!(door.noted(), (1, 0), "noted as no request of an operation");
}

#[tokio::test]
async fn what_is_too_large_is_named() {
    let door = open(Limits::default()).await;
    let longest = "x".repeat(70_000);
    let many = (0..101).map(|number| format!("X-{number}: 1\r\n")).collect::<Vec<_>>().concat();
    let most = format!("Content-Length: {}\r\n", u64::MAX);
    let lines = "\n".repeat(200);
    for (head, expected, says) in [
        (format!("GET /{longest} HTTP/1.1\r\n\r\n"), "414", "the request line is too long"),
        (
            format!("POST /pg/refund HTTP/1.1\r\nX: {longest}\r\n\r\n"),
            "431",
            "the request's head has more than 65536 bytes",
        ),
        (
            format!("POST /pg/refund HTTP/1.1\r\n{many}\r\n"),
            "431",
            "the request has more than 100 headers",
        ),
        (
            format!("POST /pg/refund HTTP/1.1\r\n{most}\r\n"),
            "413",
            "the body is larger than 1048576 bytes",
        ),
        (
            format!("POST /pg/refund HTTP/1.1\r\n{most}\r\n{{}}{lines}"),
            "413",
            "the body is larger than 1048576 bytes",
        ),
        (
            "\r\n\r\n\0\r\nQUIT\n!\u{11}\0\u{c}".to_owned(),
            "400",
            "a head of the PROXY protocol, version 2, came",
        ),
    ] {
        let answer = door.exchange(head.as_bytes()).await;
        assert_eq!(status(&answer), expected, "{answer}");
        let noted = door
            .spaces
            .default_space()
            .read_journal(|journal| journal.iter().last().map(|entry| entry.more().detail.clone()));
        assert!(noted.as_deref().is_some_and(|it| it.contains(says)), "{says}: {noted:?}");
    }
}

#[tokio::test]
async fn a_body_over_the_limit_gets_413_in_the_operations_own_envelope() {
    let door = open(Limits::default()).await;
    let answer = door.exchange(post("/pg/refund", &" ".repeat((1 << 20) + 1)).as_bytes()).await;
    assert_eq!(status(&answer), "413", "{answer}");
    assert!(body(&answer).starts_with(r#"{"txId":null,"merchantId":null"#), "{answer}");
    let mut chunked =
        b"POST /pg/refund HTTP/1.1\r\nHost: sim\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n"
            .to_vec();
    for _ in 0..40 {
        chunked.extend_from_slice(b"8000\r\n");
        chunked.extend_from_slice(&vec![b' '; 0x8000]);
        chunked.extend_from_slice(b"\r\n");
    }
    chunked.extend_from_slice(b"0\r\n\r\n");
    assert_eq!(status(&door.exchange(&chunked).await), "413");
    assert_eq!(door.noted().1, 0);
}

#[tokio::test]
async fn half_a_request_is_dropped_after_the_limit() {
    let limits = Limits { request_time: Duration::from_millis(50), ..Limits::default() };
    let door = open(limits).await;
    let whole = post(REGISTER, &order("half"));
    for half in [&whole[..20], &whole[..whole.len() - 10]] {
        let mut stream = door.connect().await;
        stream.write_all(half.as_bytes()).await.expect("sent");
        let answer = read_to_end(&mut stream).await;
        assert!(answer.is_empty() || ["400", "408"].contains(&status(&answer)), "{answer}");
    }
    assert_eq!(door.noted().1, 0);
    assert_eq!(status(&door.exchange(whole.as_bytes()).await), "200", "and it goes on answering");
}

#[tokio::test]
async fn a_connection_on_which_no_more_is_said_is_closed_after_the_limit() {
    let limits = Limits { request_time: Duration::from_millis(50), ..Limits::default() };
    let door = open(limits).await;
    let request = post(REGISTER, &order("silent")).replace("Connection: close\r\n", "");
    assert_eq!(status(&door.exchange(request.as_bytes()).await), "200");
    // Nor is one kept on which nothing was ever said.
    assert_eq!(read_to_end(&mut door.connect().await).await, "");
}

#[tokio::test]
async fn what_is_being_answered_may_outlast_the_limit() {
    let limits = Limits { request_time: Duration::from_millis(50), ..Limits::default() };
    let door = open(limits).await;
    let mut events = door.connect().await;
    let follow = "GET /_sim/v1/events HTTP/1.1\r\nHost: localhost\r\n\r\n";
    events.write_all(follow.as_bytes()).await.expect("sent");
    let hang = b"- { id: hang, when: { operation: status }, then: [{ transport: hang }] }";
    door.spaces.default_space().arm_rules(read_rules("rules", hang).expect("a rule"));
    let mut hanging = door.connect().await;
    let ask = post("/pg/transaction/status", &order("hang")).replace("Connection: close\r\n", "");
    hanging.write_all(ask.as_bytes()).await.expect("sent");
    for _ in 0..3 {
        // Each is closed when the limit has passed once more.
        assert_eq!(read_to_end(&mut door.connect().await).await, "");
    }
    let said = hanging.try_read(&mut [0]).map_err(|error| error.kind());
    assert_eq!(said, Err(ErrorKind::WouldBlock), "a hanging reply is no silence of the caller's");
    assert_eq!(status(&door.exchange(post(REGISTER, &order("later")).as_bytes()).await), "200");
    let (mut came, mut piece) = (String::new(), [0; 4096]);
    while !came.contains("later") {
        let read = soon("the event", events.read(&mut piece)).await.expect("the stream goes on");
        assert_ne!(read, 0, "{came}");
        came += &String::from_utf8_lossy(&piece[..read]);
    }
}

#[tokio::test]
async fn a_request_in_drips_is_answered() {
    let door = open(Limits::default()).await;
    let mut stream = door.connect().await;
    for byte in post(REGISTER, &order("drip")).bytes() {
        stream.write_all(&[byte]).await.expect("sent");
    }
    assert_eq!(status(&read_to_end(&mut stream).await), "200");
}

#[tokio::test]
async fn pipelined_requests_are_answered_in_order() {
    let door = open(Limits::default()).await;
    let mut bytes = String::new();
    for number in 0..20 {
        let request = post(REGISTER, &order(&format!("p{number}")));
        bytes += &if number < 19 { request.replace("Connection: close\r\n", "") } else { request };
    }
    let answer = door.exchange(bytes.as_bytes()).await;
    let places: Vec<_> =
        (0..20).map(|n| answer.find(&format!(r#""txId":"p{n}""#)).expect("answered")).collect();
    assert!(places.is_sorted(), "{places:?}");
    assert_eq!(door.noted(), (20, 20));
}

#[tokio::test]
async fn wrong_path_and_method_have_their_status() {
    let door = open(Limits::default()).await;
    let answer = door.exchange(post("/pg/nothing", "{}").as_bytes()).await;
    assert_eq!(status(&answer), "404");
    assert!(body(&answer).contains("resultCode"), "{answer}");
    let get = "GET /pg/refund HTTP/1.1\r\nHost: sim\r\nConnection: close\r\n\r\n";
    let answer = door.exchange(get.as_bytes()).await;
    assert_eq!(status(&answer), "405");
    assert!(answer.to_lowercase().contains("allow: post"), "{answer}");
    let answer = door.exchange(post("/space/nowhere/pg/refund", "{}").as_bytes()).await;
    assert_eq!(status(&answer), "404");
}

#[tokio::test]
async fn any_content_type_is_read_as_json() {
    let door = open(Limits::default()).await;
    let kinds =
        ["application/json", "application/x-www-form-urlencoded", "text/plain", "nonsense", ""];
    for (number, kind) in kinds.iter().enumerate() {
        let request = post(REGISTER, &order(&format!("k{number}")));
        let request = request.replace("Host: sim", &format!("Host: sim\r\nContent-Type: {kind}"));
        assert_eq!(status(&door.exchange(request.as_bytes()).await), "200", "{kind}");
    }
}

#[tokio::test]
async fn idle_connections_do_not_stand_in_the_way() {
    let door = open(Limits::default()).await;
    let mut idle = Vec::new();
    for _ in 0..200 {
        idle.push(door.connect().await);
    }
    assert_eq!(status(&door.exchange(post(REGISTER, &order("busy")).as_bytes()).await), "200");
}
