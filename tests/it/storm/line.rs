//! A kept connection on which one request follows the other: as quick as a client can be.

use std::io;
use std::net::SocketAddr;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// An open connection.
pub(super) struct Line {
    pub(super) stream: TcpStream,
    buffer: Vec<u8>,
}

/// An answer.
pub(super) struct Answered {
    pub(super) status: u16,
    pub(super) body: String,
}

/// The bytes of a request.
pub(super) fn request(method: &str, path: &str, body: &str) -> Vec<u8> {
    let length = body.len();
    format!("{method} {path} HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-length: {length}\r\n\r\n{body}")
        .into_bytes()
}

/// The body that registers an order of the merchant that need not sign.
pub(super) fn order(tx_id: &str, more: &str) -> String {
    format!(
        r#"{{"merchantId":"EPAY00000000001","termId":"PAYONGT1","txId":"{tx_id}","trt":"10","currency":"USD","amount":"12.50"{more}}}"#
    )
}

impl Line {
    pub(super) async fn open(address: SocketAddr) -> io::Result<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, buffer: Vec::with_capacity(4096) })
    }

    /// Sends a request and reads its answer to the end.
    pub(super) async fn ask(&mut self, request: &[u8]) -> io::Result<Answered> {
        self.stream.write_all(request).await?;
        self.buffer.clear();
        loop {
            if self.stream.read_buf(&mut self.buffer).await? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            if let Some(answered) = whole(&self.buffer) {
                return Ok(answered);
            }
        }
    }
}

/// The answer, once its body is as long as its head says.
fn whole(received: &[u8]) -> Option<Answered> {
    let end = received.windows(4).position(|four| four == b"\r\n\r\n")?;
    let (head, body) = (std::str::from_utf8(&received[..end]).ok()?, &received[end + 4..]);
    let status = head.split(' ').nth(1)?.parse().ok()?;
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
    let length: usize = length.map_or(0, |length| length.parse().expect("a length"));
    let body = (body.len() == length).then(|| String::from_utf8_lossy(body).into_owned())?;
    Some(Answered { status, body })
}
