//! Spaces that come and go by the thousand.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use tokio::task::JoinSet;

use super::line::{Line, order, request};
use super::{Server, Waits, size};
use crate::support::soon;

/// Connections over which spaces are made and removed.
const CONNECTIONS: usize = 16;

/// Makes a space, registers an order in it, and removes it.
async fn come_and_go(line: &mut Line, number: usize) {
    let name = format!("brief-{number}");
    let body = order("1", r#","paymentMethod":"CREDIT_DEBIT""#);
    for (bytes, right) in [
        (request("POST", "/_sim/v1/spaces", &format!(r#"{{"name":"{name}"}}"#)), 201),
        (request("POST", &format!("/space/{name}/pg/order/register"), &body), 200),
        (request("DELETE", &format!("/_sim/v1/spaces/{name}"), ""), 204),
    ] {
        let answered = soon("an answer", line.ask(&bytes)).await.expect("answered");
        let asked = String::from_utf8_lossy(&bytes);
        assert_eq!(answered.status, right, "{} to {asked}", answered.body);
    }
}

/// `STORM_SPACES=60000` makes it long: a thousand a second for a minute.
#[tokio::test]
async fn spaces_that_come_and_go_leave_nothing_behind() {
    let count = size("STORM_SPACES", 1_000);
    let server = Server::start(&[]);
    let address = server.address();
    let mut first = Line::open(address).await.expect("it listens");
    come_and_go(&mut first, usize::MAX).await;
    let before = server.0.handles();
    let (next, begun) = (Arc::<AtomicUsize>::default(), Instant::now());
    let live = |last: usize| {
        let mut lives = JoinSet::new();
        for _ in 0..CONNECTIONS {
            let next = Arc::clone(&next);
            lives.spawn(async move {
                let mut line = Line::open(address).await.expect("it listens");
                let mut waits = Waits::default();
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    if number >= last {
                        return waits;
                    }
                    // A thousand a second, or as many as go.
                    let due = Duration::from_millis(number as u64);
                    tokio::time::sleep(due.saturating_sub(begun.elapsed())).await;
                    let begun = Instant::now();
                    come_and_go(&mut line, number).await;
                    waits.0.push(begun.elapsed());
                }
            });
        }
        async move {
            let mut all = Waits::default();
            while let Some(waits) = lives.join_next().await {
                all.0.extend(waits.expect("no panic").0);
            }
            all
        }
    };
    live(count / 2).await;
    let half = server.megabytes();
    next.store(count / 2, Ordering::Relaxed);
    let mut waits = live(count).await;
    let (end, rate) = (server.megabytes(), count as f64 / begun.elapsed().as_secs_f64());
    println!(
        "{count} spaces made, used and removed, {rate:.0} a second; p99 {:.2} ms; {half:.1} MB at half, {end:.1} MB at the end",
        waits.within(0.99),
    );
    assert!(end < half * 1.05 + 4.0, "{half} MB at half, {end} MB at the end");
    assert_eq!(server.0.get("/_sim/v1/spaces").1.matches("\"baseUrl\"").count(), 1);
    server.gives_handles_back(before);
    server.stop();
}
