//! The load generator: keep-alive connections that send prebuilt requests and wait for each answer.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use crate::server::Server;

/// How many connections ask at once.
pub(crate) const CONNECTIONS: usize = 64;
/// The longest answer, head included.
const ANSWER_BYTES_MAX: usize = 4096;

/// Requests to send: scenarios of a fixed number of requests that go one after the other on one connection.
pub(crate) struct Work {
    bytes: Vec<u8>,
    ends: Vec<usize>,
    story: usize,
}

/// What came of some work.
pub(crate) struct Outcome {
    /// Requests answered, each with success.
    pub(crate) requests: usize,
    /// From the first to the last byte.
    pub(crate) elapsed: Duration,
    /// What the server spent on it.
    pub(crate) cpu: Duration,
    /// From a request to its answer, ascending.
    pub(crate) waits: Vec<Duration>,
}

impl Work {
    /// No work yet; each scenario will have `scenario` requests.
    pub(crate) fn of_stories(story: usize) -> Self {
        Self { bytes: Vec::new(), ends: vec![0], story }
    }

    /// Adds `POST path` with this JSON body.
    pub(crate) fn post(&mut self, path: &str, body: &str) {
        let head = format!(
            "POST {path} HTTP/1.1\r\nhost: 127.0.0.1:36605\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n",
            body.len()
        );
        self.bytes.extend_from_slice(head.as_bytes());
        self.bytes.extend_from_slice(body.as_bytes());
        self.ends.push(self.bytes.len());
    }

    /// How many requests it has.
    pub(crate) fn len(&self) -> usize {
        self.ends.len() - 1
    }

    /// The bytes of one request.
    pub(crate) fn request(&self, index: usize) -> &[u8] {
        &self.bytes[self.ends[index]..self.ends[index + 1]]
    }
}

/// Connections to one server, kept from one work to the next.
pub(crate) struct Client<'s> {
    server: &'s Server,
    connections: Vec<Connection>,
}

struct Connection {
    stream: TcpStream,
    buffer: Box<[u8; ANSWER_BYTES_MAX]>,
}

impl<'s> Client<'s> {
    pub(crate) async fn new(server: &'s Server) -> Result<Self> {
        let mut connections = Vec::with_capacity(CONNECTIONS);
        for _ in 0..CONNECTIONS {
            connections.push(Connection::open(server.address).await?);
        }
        Ok(Self { server, connections })
    }

    /// Sends all of `work` and waits for the last answer. Any answer but success ends it.
    pub(crate) async fn run(&mut self, work: Work) -> Result<Outcome> {
        let (work, next) = (Arc::new(work), Arc::new(AtomicUsize::new(0)));
        let cpu = self.server.cpu()?;
        let begun = Instant::now();
        let mut tasks = JoinSet::new();
        for connection in self.connections.drain(..) {
            tasks.spawn(connection.work_off(Arc::clone(&work), Arc::clone(&next)));
        }
        let mut waits = Vec::with_capacity(work.len());
        while let Some(done) = tasks.join_next().await {
            let (connection, waited) = done??;
            self.connections.push(connection);
            waits.extend(waited);
        }
        let (elapsed, cpu) = (begun.elapsed(), self.server.cpu()?.saturating_sub(cpu));
        waits.sort_unstable();
        Ok(Outcome { requests: work.len(), elapsed, cpu, waits })
    }
}

impl Connection {
    async fn open(address: SocketAddr) -> Result<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, buffer: Box::new([0; ANSWER_BYTES_MAX]) })
    }

    async fn work_off(
        mut self,
        work: Arc<Work>,
        next: Arc<AtomicUsize>,
    ) -> Result<(Self, Vec<Duration>)> {
        let mut waits = Vec::new();
        loop {
            let first = next.fetch_add(1, Ordering::Relaxed) * work.story;
            if first >= work.len() {
                return Ok((self, waits));
            }
            for index in first..first + work.story {
                let begun = Instant::now();
                self.ask(work.request(index)).await?;
                waits.push(begun.elapsed());
            }
        }
    }

    /// Sends one request and reads its answer, which must be a success.
    async fn ask(&mut self, request: &[u8]) -> Result<()> {
        self.stream.write_all(request).await?;
        let mut filled = 0;
        loop {
            let read = self.stream.read(&mut self.buffer[filled..]).await?;
            if read == 0 {
                bail!("the server closed the connection");
            }
            filled += read;
            if let Some(answer) = whole_answer(&self.buffer[..filled])? {
                if !is_success(answer) {
                    let request = String::from_utf8_lossy(request);
                    bail!("refused: {request}\n{}", String::from_utf8_lossy(answer));
                }
                return Ok(());
            }
        }
    }
}

/// All of `received` once the body is as long as its head says.
fn whole_answer(received: &[u8]) -> Result<Option<&[u8]>> {
    let Some(head) = received.windows(4).position(|four| four == b"\r\n\r\n") else {
        return Ok(None);
    };
    let name = b"content-length: ";
    let at = received[..head].windows(name.len()).position(|it| it.eq_ignore_ascii_case(name));
    let digits = &received[at.context("an answer without content-length")? + name.len()..head];
    let length = digits.iter().take_while(|byte| byte.is_ascii_digit());
    let length = length.fold(0, |length, digit| length * 10 + usize::from(digit - b'0'));
    Ok((received.len() == head + 4 + length).then_some(received))
}

/// PAYON's success code, or for a paid order our control plane's reason.
fn is_success(answer: &[u8]) -> bool {
    let says = |word: &[u8]| answer.windows(word.len()).any(|it| it == word);
    answer.starts_with(b"HTTP/1.1 200") && (says(b"\"0000\"") || says(b"\"success\""))
}

/// A connection per handle that answers one request and then stays idle.
pub(crate) async fn idle(server: &Server, count: usize, request: &[u8]) -> Result<Vec<TcpStream>> {
    let mut idle = Vec::with_capacity(count);
    for opened in 0..count {
        let connection = Connection::open(server.address).await;
        let mut connection = connection.with_context(|| format!("after {opened} connections"))?;
        connection.ask(request).await?;
        idle.push(connection.stream);
    }
    Ok(idle)
}
