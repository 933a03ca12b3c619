//! Clients in masses: idle ones, ones that send a byte at a time, all at once, and readers that never read.

use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream};
use tokio::task::JoinSet;

use super::line::{Line, order, request};
use super::{Server, Waits, size};
use crate::support::soon;

/// Requests of a good client while others misbehave.
const GOOD: usize = 500;

/// Registers orders one after the other; gives how long each took.
async fn registers(line: &mut Line, name: &str, count: usize) -> Waits {
    let mut waits = Waits::default();
    for number in 0..count {
        let body = order(&format!("{name}{number}"), r#","paymentMethod":"CREDIT_DEBIT""#);
        let bytes = request("POST", "/pg/order/register", &body);
        let begun = Instant::now();
        assert_eq!(soon("an answer", line.ask(&bytes)).await.expect("answered").status, 200);
        waits.0.push(begun.elapsed());
    }
    waits
}

/// `STORM_IDLE=10000 STORM_DRIPPING=1000` makes it long.
#[tokio::test]
async fn idle_and_dripping_clients_disturb_nobody_and_are_sent_away() {
    let (idle, dripping) = (size("STORM_IDLE", 300), size("STORM_DRIPPING", 30));
    // Long enough for all of them to be there at once.
    let patience = 2_000 + 10 * (idle + dripping) as u64;
    let server = Server::start(&["--request-timeout-ms", &patience.to_string()]);
    let address = server.address();
    let mut good = Line::open(address).await.expect("it listens");
    let before = server.0.handles();
    let mut alone = registers(&mut good, "alone", GOOD).await;
    let megabytes = server.megabytes();
    let mut held = Vec::with_capacity(idle);
    for number in 0..idle {
        let mut line = Line::open(address).await.expect("it listens");
        // Every other one has said nothing at all.
        if number % 2 == 0 {
            registers(&mut line, &format!("idle{number}-"), 1).await;
        }
        held.push(line.stream);
    }
    let mut drips = Vec::with_capacity(dripping);
    for _ in 0..dripping {
        drips.push(TcpStream::connect(address).await.expect("it listens"));
    }
    // The last of them is accepted once one that came later is answered.
    registers(&mut Line::open(address).await.expect("it listens"), "late", 1).await;
    let all_at = server.0.handles() - before;
    assert!(all_at >= idle + dripping, "{all_at} are open at once");
    let each = (server.megabytes() - megabytes) * 1e6 / (idle + dripping) as f64;
    let dripped = tokio::spawn(async move {
        let text = request("POST", "/pg/order/register", &order("drip", ""));
        // So slowly that the head alone takes several times as long as it may.
        for byte in text.iter().cycle() {
            drips.retain(|drip| drip.try_write(&[*byte]).is_ok());
            if drips.is_empty() {
                break;
            }
            tokio::time::sleep(Duration::from_millis(patience / 20)).await;
        }
    });
    let mut beside = registers(&mut good, "beside", GOOD).await;
    let mut ended = 0;
    for mut stream in held {
        let mut rest = Vec::new();
        // It is closed, with or without a word.
        let limit = Duration::from_millis(3 * patience + 20_000);
        let _ = tokio::time::timeout(limit, stream.read_to_end(&mut rest)).await.expect("an end");
        ended += 1;
    }
    tokio::time::timeout(Duration::from_millis(3 * patience + 20_000), dripped)
        .await
        .expect("an end")
        .expect("no panic");
    println!(
        "{ended} idle and {dripping} dripping clients: {each:.0} bytes each; p99 of a good client {:.2} ms beside them, {:.2} ms alone",
        beside.within(0.99),
        alone.within(0.99),
    );
    assert!(each < 40_000.0, "{each} bytes each");
    assert!(beside.within(0.99) < alone.within(0.99) * 3.0 + 100.0);
    server.gives_handles_back(before);
    server.stop();
}

/// `STORM_AT_ONCE=5000` makes it long.
#[tokio::test]
async fn whoever_comes_at_once_is_answered() {
    let count = size("STORM_AT_ONCE", 500);
    let server = Server::start(&[]);
    let address = server.address();
    registers(&mut Line::open(address).await.expect("it listens"), "first", 1).await;
    let before = server.0.handles();
    let (begun, mut all) = (Instant::now(), JoinSet::new());
    for number in 0..count {
        all.spawn(async move {
            let begun = Instant::now();
            let mut line = Line::open(address).await.expect("it listens");
            let body = order(&format!("C{number}"), r#","paymentMethod":"CREDIT_DEBIT""#);
            let bytes = request("POST", "/pg/order/register", &body);
            let answered = line.ask(&bytes).await.expect("answered");
            // It stays open until all are answered.
            (line, answered.status, begun.elapsed())
        });
    }
    let (mut lines, mut waits) = (Vec::with_capacity(count), Waits::default());
    while let Some(done) = all.join_next().await {
        let (line, status, took) = done.expect("no panic");
        assert_eq!(status, 200);
        lines.push(line);
        waits.0.push(took);
    }
    println!(
        "{count} connections at once: all answered after {:.2} s, half within {:.0} ms, the last after {:.0} ms",
        begun.elapsed().as_secs_f64(),
        waits.within(0.5),
        waits.within(1.0),
    );
    assert!(waits.within(1.0) < 20_000.0);
    assert!(server.0.handles() >= before + count - 1, "all are open");
    drop(lines);
    server.gives_handles_back(before);
    server.stop();
}

/// `STORM_READERS=10000 STORM_ORDERS=10000` makes it long.
#[tokio::test]
async fn readers_that_never_read_cost_little() {
    let (readers, events) = (size("STORM_READERS", 400), size("STORM_ORDERS", 500));
    let server = Server::start(&[]);
    let address = server.address();
    let mut good = Line::open(address).await.expect("it listens");
    let begun = Instant::now();
    let mut alone = registers(&mut good, "alone", events).await;
    let alone_took = begun.elapsed();
    let (before, megabytes) = (server.0.handles(), server.megabytes());
    let mut held = Vec::with_capacity(readers);
    for _ in 0..readers {
        // What the system keeps for a reader is no matter of the server's.
        let socket = TcpSocket::new_v4().expect("a socket");
        socket.set_recv_buffer_size(4096).expect("set");
        let mut stream = soon("a connection", socket.connect(address)).await.expect("it listens");
        stream.write_all(&request("GET", "/_sim/v1/events", "")).await.expect("sent");
        held.push(stream);
    }
    let counted = format!("payon_sim_event_readers {readers}");
    crate::binary::until("all readers", || {
        server.0.get("/_sim/metrics").1.contains(&counted).then_some(())
    });
    let begun = Instant::now();
    let mut beside = registers(&mut good, "beside", events).await;
    let left = alone_took.as_secs_f64() / begun.elapsed().as_secs_f64();
    let each = (server.megabytes() - megabytes) * 1e6 / readers as f64;
    println!(
        "{readers} readers that never read, {} events: {each:.0} bytes each; a good client has {:.0} % of its rate left, p99 {:.2} ms beside them, {:.2} ms alone",
        2 * events,
        left * 100.0,
        beside.within(0.99),
        alone.within(0.99),
    );
    assert!(each < 64_000.0, "{each} bytes each");
    assert!(left > 0.1, "{left} of the rate is left");
    drop(held);
    server.gives_handles_back(before);
    server.stop();
}
