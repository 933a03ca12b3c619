//! Mixed requests without end: rules, push-backs and readers with them.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::task::{JoinHandle, JoinSet};

use super::line::{Answered, Line, order, request};
use super::{Server, Waits, size};
use crate::binary::until;
use crate::support::{Manner, RudeSink};

/// Connections that ask at once.
const CONNECTIONS: usize = 64;
/// Parts of the run between which one looks.
const LOOKS: usize = 10;

/// Rules that step in now and then, in each way that a rule can.
const RULES: &str = r#"[
    { "id": "slow", "when": { "operation": "status", "probability": "1%" }, "then": [{ "latency": "20ms" }] },
    { "id": "lost", "when": { "operation": "refund", "probability": "1%" }, "then": [{ "commit": "before" }, { "transport": "reset" }] },
    { "id": "cut", "when": { "operation": "register", "probability": "1%" }, "then": [{ "transport": "empty" }] },
    { "id": "twice", "when": { "operation": "register", "probability": "5%" }, "then": [{ "pushback": { "copies": 2 } }] }
]"#;

/// One order's life and what else is asked meanwhile: a path, a body, and the statuses that are right.
fn life(number: usize, noti_url: &str) -> Vec<(Vec<u8>, &'static [u16])> {
    let tx_id = format!("S{number:010}");
    let named =
        format!(r#"{{"merchantId":"EPAY00000000001","termId":"PAYONGT1","txId":"{tx_id}"}}"#);
    let method = if number.is_multiple_of(3) { "BAKONG_KHQR" } else { "CREDIT_DEBIT" };
    let noti = if number.is_multiple_of(4) {
        format!(r#","noti_url":"{noti_url}""#)
    } else {
        String::new()
    };
    let registered = order(&tx_id, &format!(r#","paymentMethod":"{method}"{noti}"#));
    let pay = format!("/_sim/v1/orders/EPAY00000000001/{tx_id}/pay");
    let mut all: Vec<(Vec<u8>, &'static [u16])> = vec![
        (request("POST", "/pg/order/register", &registered), &[200]),
        // A registration that a rule lost may not be there, which the status call says with 302.
        (request("POST", "/pg/transaction/status", &named), &[200, 302]),
        (request("POST", &pay, "{}"), &[200, 404]),
        (request("POST", "/pg/transaction/status", &named), &[200, 302]),
        (request("POST", "/pg/refund", &named), &[200, 404, 409]),
        (request("POST", "/pg/refund", &named), &[200, 404, 409]),
    ];
    match number % 16 {
        1 => all.push((request("POST", "/pg/order/register", &registered[..90]), &[400])),
        2 => all.push((request("GET", "/_sim/v1/journal?limit=5", ""), &[200])),
        3 => all.push((request("POST", "/pg/nothing", "{}"), &[404])),
        4 => all.push((request("GET", "/_sim/v1/orders?limit=5", ""), &[200])),
        5 => all.push((request("GET", "/_sim/metrics", ""), &[200])),
        6 => all.push((request("GET", "/_sim/v1/pushbacks?limit=5", ""), &[200])),
        _ => {}
    }
    all
}

/// What one connection came to.
#[derive(Default)]
struct Tally {
    waits: Waits,
    broken: usize,
}

/// Lives orders until `last` requests were sent by all connections together.
async fn live(
    address: SocketAddr,
    sent: Arc<AtomicUsize>,
    orders: Arc<AtomicUsize>,
    last: usize,
    noti_url: String,
) -> io::Result<Tally> {
    let (mut line, mut tally) = (Line::open(address).await?, Tally::default());
    while sent.load(Ordering::Relaxed) < last {
        for (bytes, right) in life(orders.fetch_add(1, Ordering::Relaxed), &noti_url) {
            sent.fetch_add(1, Ordering::Relaxed);
            let begun = Instant::now();
            if let Ok(Answered { status, body }) = line.ask(&bytes).await {
                let asked = String::from_utf8_lossy(&bytes);
                assert!(right.contains(&status), "{status} {body} to {asked}");
                tally.waits.0.push(begun.elapsed());
            } else {
                // A rule broke the connection.
                tally.broken += 1;
                line = Line::open(address).await?;
            }
        }
    }
    Ok(tally)
}

/// Follows the events: takes `sip` bytes, pauses, and so on.
async fn follow(address: SocketAddr, sip: usize, pause: Duration) -> JoinHandle<()> {
    let mut stream = TcpStream::connect(address).await.expect("it listens");
    stream.write_all(&request("GET", "/_sim/v1/events", "")).await.expect("sent");
    tokio::spawn(async move {
        let mut piece = vec![0; sip];
        while matches!(stream.read(&mut piece).await, Ok(1..)) {
            tokio::time::sleep(pause).await;
        }
    })
}

/// Push-backs that are not at their receiver yet.
fn waiting(server: &Server) -> usize {
    let (_, metrics) = server.0.get("/_sim/metrics");
    let line = metrics.lines().find_map(|line| line.strip_prefix("payon_sim_pushbacks_waiting "));
    line.expect("the metric").parse().expect("a number")
}

/// `STORM_REQUESTS=10000000` makes it long.
#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn mixed_requests_without_end_leave_memory_handles_and_waits_as_they_were() {
    let requests = size("STORM_REQUESTS", 6_000);
    // The default budgets are full after a million requests; a shorter form fills smaller ones.
    let short: &[&str] = &["--max-orders", "200", "--journal-entries", "200"];
    let server = Server::start(if requests < 5_000_000 { short } else { &[] });
    let address = server.address();
    assert_eq!(server.0.send("PUT", "/_sim/v1/rules", RULES).0, 200);
    let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
    let sink = RudeSink::start(Manner::Close(answer.as_slice().into())).await;
    let before = server.0.handles();
    let readers = [
        follow(address, 1 << 16, Duration::ZERO).await,
        follow(address, 1 << 12, Duration::from_millis(100)).await,
        follow(address, 1, Duration::from_hours(24)).await,
    ];
    let (sent, orders) = (Arc::<AtomicUsize>::default(), Arc::<AtomicUsize>::default());
    println!(
        "{:>10} {:>8} {:>7} {:>7} {:>7} {:>8} {:>8}",
        "requests", "req/s", "broken", "behind", "MB", "p50 ms", "p99 ms"
    );
    let mut looks = Vec::with_capacity(LOOKS);
    for look in 1..=LOOKS {
        let (begun, from) = (Instant::now(), sent.load(Ordering::Relaxed));
        let mut lives = JoinSet::new();
        for _ in 0..CONNECTIONS {
            let (sent, orders) = (Arc::clone(&sent), Arc::clone(&orders));
            lives.spawn(live(address, sent, orders, requests / LOOKS * look, sink.url("/")));
        }
        let (mut waits, mut broken) = (Waits::default(), 0);
        while let Some(lived) = lives.join_next().await {
            let tally = lived.expect("no panic").expect("the server listens");
            waits.0.extend(tally.waits.0);
            broken += tally.broken;
        }
        let now = sent.load(Ordering::Relaxed);
        let rate = (now - from) as f64 / begun.elapsed().as_secs_f64();
        // All of them come to their receiver, and what they took meanwhile is no leak.
        let behind = waiting(&server);
        until("the last push-back at its receiver", || (waiting(&server) == 0).then_some(()));
        let (megabytes, p99) = (server.megabytes(), waits.within(0.99));
        println!(
            "{now:>10} {rate:>8.0} {broken:>7} {behind:>7} {megabytes:>7.1} {:>8.2} {p99:>8.2}",
            waits.within(0.5)
        );
        assert!(broken * 50 < now - from, "only rules break connections: {broken}");
        looks.push((megabytes, p99));
    }
    let ((_, p99_first), (half, _)) = (looks[0], looks[LOOKS / 2 - 1]);
    let (end, p99_last) = looks[LOOKS - 1];
    assert!(end < half * 1.05 + 8.0, "{half} MB at half, {end} MB at the end");
    assert!(p99_last < p99_first * 2.0 + 50.0, "p99 {p99_first} ms first, {p99_last} ms last");
    for reader in readers {
        assert!(!reader.is_finished(), "no reader is cut off");
        reader.abort();
    }
    server.gives_handles_back(before);
    server.stop();
}
