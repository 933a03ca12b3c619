//! Receivers of push-backs: one server for all of them, on a socket, whose answers are as bad as they are told to be.

use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::task::AbortOnDropHandle;

use super::history::{Answer, RECEIVERS};

/// The server.
pub(crate) struct ReceiverServer {
    pub(crate) origin: String,
    state: Arc<Mutex<State>>,
    _accepting: AbortOnDropHandle<()>,
}

struct State {
    answers: [Answer; RECEIVERS],
    arrivals: BTreeMap<String, usize>,
}

impl ReceiverServer {
    /// Starts on the runtime of the caller.
    pub(crate) async fn start() -> io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let origin = format!("http://{}", listener.local_addr()?);
        let answers = [Answer::Status(200); RECEIVERS];
        let state = Arc::new(Mutex::new(State { answers, arrivals: BTreeMap::new() }));
        let shared = Arc::clone(&state);
        let accepting = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let shared = Arc::clone(&shared);
                tokio::spawn(async move {
                    // The sender notes what became of it.
                    let _ = receive(stream, &shared).await;
                });
            }
        });
        Ok(Self { origin, state, _accepting: AbortOnDropHandle::new(accepting) })
    }

    /// Makes a receiver answer so from now on.
    pub(crate) fn answer(&self, receiver: usize, answer: Answer) {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).answers[receiver] = answer;
    }

    /// Number of push-backs that came so far, by their path.
    pub(crate) fn arrivals(&self) -> BTreeMap<String, usize> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).arrivals.clone()
    }
}

/// Reads one push-back and answers it.
async fn receive(mut stream: TcpStream, state: &Mutex<State>) -> io::Result<()> {
    let mut request = Vec::new();
    while !is_whole(&request) {
        if stream.read_buf(&mut request).await? == 0 {
            return Ok(());
        }
    }
    let text = String::from_utf8_lossy(&request);
    let path = text.split(' ').nth(1).unwrap_or_default().to_owned();
    let receiver = path.strip_prefix("/r").and_then(|rest| rest.split('/').next()?.parse().ok());
    let answer = {
        let mut state = state.lock().unwrap_or_else(PoisonError::into_inner);
        *state.arrivals.entry(path).or_default() += 1;
        state.answers[receiver.unwrap_or(0_usize) % RECEIVERS]
    };
    let bytes = match answer {
        Answer::Status(status) if (200..300).contains(&status) && status != 204 => format!(
            "HTTP/1.1 {status} Fine\r\nContent-Length: 21\r\nConnection: close\r\n\r\n{{\"resultCode\":\"0000\"}}"
        ),
        Answer::Status(status) => format!(
            "HTTP/1.1 {status} Such\r\nLocation: http://elsewhere.test/\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
        ),
        Answer::Close => String::new(),
        Answer::Reset => {
            stream.set_zero_linger()?;
            return Ok(());
        }
        Answer::Garbage => "SSH-2.0-OpenSSH_9.2p1\r\n".to_owned(),
        Answer::HalfHead => "HTTP/1.1 200 OK\r\nContent-Le".to_owned(),
        Answer::HalfBody => "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{".to_owned(),
    };
    stream.write_all(bytes.as_bytes()).await?;
    stream.shutdown().await
}

/// Returns true once the head and all of the body that it promises are there.
fn is_whole(request: &[u8]) -> bool {
    let text = String::from_utf8_lossy(request);
    let Some((head, body)) = text.split_once("\r\n\r\n") else { return false };
    let mut headers = head.lines().filter_map(|line| line.split_once(':'));
    let length = headers.find(|(name, _)| name.eq_ignore_ascii_case("content-length"));
    let length = length.and_then(|(_, value)| value.trim().parse().ok());
    body.len() >= length.unwrap_or(0)
}
