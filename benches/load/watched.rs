//! What it costs to keep a journal and to be watched.

use std::time::{Duration, Instant};

use anyhow::Result;

use crate::client::{Client, Outcome};
use crate::memory::megabytes;
use crate::reader::{Pace, Reader};
use crate::report;
use crate::server::Server;
use crate::story::{self, Order, Step};

/// The gateways that are held against one without a journal, and who reads what happens there.
const WATCHED: [(&str, Option<Pace>); 3] = [
    ("journal, nobody reads", None),
    ("journal, a fast reader", Some(Pace::Fast)),
    ("journal, a stalled reader", Some(Pace::Stalled)),
];
/// Points at which the long run looks at memory, and the requests after which every budget is used up.
const LOOKS: usize = 20;
const FULL: usize = 600_000;

/// Gateways with a journal take turns with one without, round by round; prints what is left of the throughput.
pub(crate) async fn journal(rounds: usize, requests: usize) -> Result<()> {
    let off = Server::gateway(&["--journal-entries=0"])?;
    let mut off = Client::new(&off).await?;
    let mut servers = Vec::with_capacity(WATCHED.len());
    for _ in WATCHED {
        servers.push(Server::gateway::<&str>(&[])?);
    }
    let (mut clients, mut readers) = (Vec::new(), Vec::new());
    for (server, (_, pace)) in servers.iter().zip(WATCHED) {
        clients.push(Client::new(server).await?);
        if let Some(pace) = pace {
            readers.push(Reader::open(server, pace).await?);
        }
    }
    let mut rows = WATCHED.map(|(name, _)| (name, Vec::<(Outcome, Outcome)>::new()));
    // The round before the first warms everything up and is not counted.
    for round in 0..=rounds {
        let orders = Order::unsigned(&format!("watched{round}"), requests / 4);
        let work = || story::work(Step::Whole, &orders);
        for (at, client) in clients.iter_mut().enumerate() {
            let other = Order::unsigned(&format!("off{round}-{at}"), requests / 4);
            let other = story::work(Step::Whole, &other);
            // Who goes first takes turns too.
            let pair = if round % 2 == 0 {
                let first = off.run(other).await?;
                (first, client.run(work()).await?)
            } else {
                let first = client.run(work()).await?;
                (off.run(other).await?, first)
            };
            if round > 0 {
                rows[at].1.push(pair);
            }
        }
    }
    report::left("beside a gateway without a journal", &rows);
    for (reader, (name, _)) in readers.iter().zip(&WATCHED[1..]) {
        let (told, missed) = reader.told();
        println!("{name}: told {told} events, and of {missed} more that they were missed");
    }
    Ok(())
}

/// Runs whole lives of orders while a slow reader follows; prints memory over time, and what the reader was told.
pub(crate) async fn slow_reader(requests: usize) -> Result<()> {
    let server = Server::gateway::<&str>(&[])?;
    let mut client = Client::new(&server).await?;
    let reader = Reader::open(&server, Pace::Slow).await?;
    println!(
        "\n{requests} requests (register, pay, status, refund; default budgets), a slow reader:"
    );
    println!("{:>10} {:>9} {:>8} {:>10} {:>10}", "requests", "MB", "req/s", "told", "missed");
    let (mut sent, mut sizes) = (0, Vec::with_capacity(LOOKS));
    for read in 0..LOOKS {
        // In pieces, so that the requests themselves need little memory.
        let (mut left, mut answered, mut took) = (requests / LOOKS / 4, 0, Duration::ZERO);
        while left > 0 {
            let piece = left.min(10_000);
            left -= piece;
            let orders = Order::unsigned(&format!("slow{read}-{left}"), piece);
            let outcome = client.run(story::work(Step::Whole, &orders)).await?;
            answered += outcome.requests;
            took += outcome.elapsed;
        }
        sent += answered;
        let (size, (told, missed)) = (server.resident()?, reader.told());
        let rate = answered as f64 / took.as_secs_f64();
        println!("{sent:>10} {:>9.1} {rate:>8.0} {told:>10} {missed:>10}", megabytes(size));
        sizes.push((sent, size));
    }
    if let Some(&(from, full)) = sizes.iter().find(|(sent, _)| *sent >= FULL)
        && let Some(&(_, end)) = sizes.last()
    {
        let (full, end) = (megabytes(full), megabytes(end));
        let growth = (end / full - 1.0) * 100.0;
        let holds = if growth < 5.0 { "holds" } else { "MISSES" };
        println!("from {from} requests on: {full:.1} to {end:.1} MB, {growth:+.1} %  {holds} 5 %");
    }
    let begun = Instant::now();
    let last = Reader::open(&server, Pace::Stalled).await?.first;
    reader.catch_up(last).await?;
    let (told, missed) = reader.told();
    let all = last - reader.first;
    let holds = if told + missed == all { "holds" } else { "MISSES" };
    println!(
        "the reader, {:.1} s later: told {told} events and of {missed} missed ones, of {all}  {holds}",
        begun.elapsed().as_secs_f64()
    );
    Ok(())
}
