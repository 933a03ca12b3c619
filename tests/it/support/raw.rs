//! A client that looks at bytes.

use std::net::SocketAddr;

use payon_sim::base::Operation;
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::{SpaceHandle, soon};

/// One connection on which one request was sent.
pub(crate) struct Raw(pub(crate) TcpStream);

/// All that came, and how it ended.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) text: String,
    pub(crate) is_reset: bool,
}

impl Raw {
    /// Sends a signed request of the space's first merchant.
    pub(crate) async fn send(space: &SpaceHandle, operation: Operation, members: &Value) -> Self {
        let body = space.merchant().signed(members).to_string();
        let rest = space.base_url.strip_prefix("http://").unwrap();
        let (host, prefix) = rest.split_once('/').map_or((rest, ""), |(host, path)| (host, path));
        let path = format!("/{prefix}{}", operation.paths()[0]);
        let path = path.replace("//", "/");
        let length = body.len();
        let request = format!(
            "POST {path} HTTP/1.1\r\nHost: {host}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}"
        );
        let mut stream = TcpStream::connect(host.parse::<SocketAddr>().unwrap()).await.unwrap();
        stream.write_all(request.as_bytes()).await.unwrap();
        Self(stream)
    }

    /// Sends any request.
    pub(crate) async fn request(method: &str, url: &str, body: &str) -> Self {
        let rest = url.strip_prefix("http://").unwrap();
        let (host, path) = rest.split_once('/').unwrap();
        let length = body.len();
        let request = format!(
            "{method} /{path} HTTP/1.1\r\nHost: {host}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}"
        );
        let mut stream = TcpStream::connect(host.parse::<SocketAddr>().unwrap()).await.unwrap();
        stream.write_all(request.as_bytes()).await.unwrap();
        Self(stream)
    }

    /// Reads until the other side ends it.
    pub(crate) async fn end(&mut self) -> Ended {
        let mut bytes = Vec::new();
        let ended = soon("the end of the connection", self.0.read_to_end(&mut bytes)).await;
        Ended { text: String::from_utf8_lossy(&bytes).into_owned(), is_reset: ended.is_err() }
    }

    /// Reads the reply's head, and no byte more.
    pub(crate) async fn head(&mut self) -> String {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(soon("a byte of the head", self.0.read_u8()).await.unwrap());
        }
        String::from_utf8(head).unwrap().to_lowercase()
    }

    /// What can be read at this moment without waiting.
    pub(crate) fn has_nothing(&self) -> bool {
        let mut byte = [0];
        self.0.try_read(&mut byte).is_err_and(|e| e.kind() == std::io::ErrorKind::WouldBlock)
    }
}

impl Ended {
    pub(crate) fn head(&self) -> String {
        self.text.split_once("\r\n\r\n").map_or("", |(head, _)| head).to_lowercase()
    }

    pub(crate) fn body(&self) -> &str {
        self.text.split_once("\r\n\r\n").map_or("", |(_, body)| body)
    }
}
