//! Somebody who follows the events of a gateway, at a pace, and counts what he is told.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;

use crate::server::Server;

/// How much the slow one takes at a time, and the pause after it: some 40 kB a second.
const SIP_BYTES: usize = 4096;
const SIP_PAUSE: Duration = Duration::from_millis(100);

/// How fast a reader takes what is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pace {
    /// As fast as it comes.
    Fast,
    /// Far slower than a busy gateway tells.
    Slow,
    /// Not at all.
    Stalled,
}

/// A reader at work; it ends when it is dropped.
pub(crate) struct Reader {
    /// The number of the last event before it came.
    pub(crate) first: u64,
    told: Arc<Told>,
    task: JoinHandle<Result<()>>,
}

/// What it was told.
#[derive(Debug, Default)]
struct Told {
    events: AtomicU64,
    missed: AtomicU64,
    /// The number of the latest event.
    last: AtomicU64,
    hurries: AtomicBool,
}

impl Reader {
    /// Begins to follow all events of the space `default`.
    pub(crate) async fn open(server: &Server, pace: Pace) -> Result<Self> {
        let mut stream = TcpStream::connect(server.address).await?;
        stream.write_all(b"GET /_sim/v1/events HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n").await?;
        let told = Arc::new(Told::default());
        let mut lines = Lines::default();
        let mut piece = vec![0; SIP_BYTES];
        // The greeting says where the reader is.
        while !lines.was_greeted {
            let read = stream.read(&mut piece).await?;
            if read == 0 {
                bail!("there are no events");
            }
            lines.take(&piece[..read], &told)?;
        }
        let first = told.last.load(Ordering::Relaxed);
        told.hurries.store(pace == Pace::Fast, Ordering::Relaxed);
        let shared = Arc::clone(&told);
        let task = tokio::spawn(async move {
            if pace == Pace::Stalled {
                std::future::pending::<()>().await;
            }
            loop {
                let read = stream.read(&mut piece).await?;
                if read == 0 {
                    bail!("the events ended");
                }
                lines.take(&piece[..read], &shared)?;
                if !shared.hurries.load(Ordering::Relaxed) {
                    tokio::time::sleep(SIP_PAUSE).await;
                }
            }
        });
        Ok(Self { first, told, task })
    }

    /// Events that it was told, and those that it was told to have missed.
    pub(crate) fn told(&self) -> (u64, u64) {
        let Told { events, missed, .. } = &*self.told;
        (events.load(Ordering::Relaxed), missed.load(Ordering::Relaxed))
    }

    /// Reads as fast as it can until it has heard of the event `last`.
    pub(crate) async fn catch_up(&self, last: u64) -> Result<()> {
        self.told.hurries.store(true, Ordering::Relaxed);
        while self.told.last.load(Ordering::Relaxed) < last {
            if self.task.is_finished() {
                bail!("the reader was cut off");
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        Ok(())
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Reads events line by line; the lines of the transfer between them say nothing.
#[derive(Default)]
struct Lines {
    rest: Vec<u8>,
    is_missed: bool,
    was_greeted: bool,
}

impl Lines {
    fn take(&mut self, piece: &[u8], told: &Told) -> Result<()> {
        self.rest.extend_from_slice(piece);
        let Some(end) = self.rest.iter().rposition(|byte| *byte == b'\n') else { return Ok(()) };
        let whole: Vec<u8> = self.rest.drain(..=end).collect();
        for line in whole.split(|byte| *byte == b'\n') {
            let Some((name, value)) = std::str::from_utf8(line)?.split_once(": ") else { continue };
            match name {
                "event" => {
                    self.is_missed = value == "missed";
                    told.events.fetch_add(u64::from(!self.is_missed), Ordering::Relaxed);
                }
                "id" => {
                    self.was_greeted = true;
                    told.last.store(value.parse()?, Ordering::Relaxed);
                }
                "data" if self.is_missed => {
                    let data: serde_json::Value = serde_json::from_str(value)?;
                    let count = data["count"].as_u64().context("no count")?;
                    told.missed.fetch_add(count, Ordering::Relaxed);
                }
                _ => {}
            }
        }
        Ok(())
    }
}
