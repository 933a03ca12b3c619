//! A connection to a merchant's server: opened by hand, so that each step of it has a name when it fails.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use hyper::Uri;
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::pki_types::ServerName;
use tokio_util::task::AbortOnDropHandle;

use super::paced::Paced;
use crate::base::{SecretNames, WebUrlParts};
use crate::http::addresses;
use crate::wire;

/// Bytes of an answer's head.
pub(super) const HEAD_BYTES_MAX: usize = 64 << 10;
/// Bytes that may come before a final head is complete, interim answers (1xx) included. Far more than a head: what is
/// read ahead of the body counts as well.
pub(super) const INTERIM_BYTES_MAX: usize = 4 * HEAD_BYTES_MAX;
/// Headers of an answer.
pub(super) const HEADERS_MAX: usize = 256;
/// First bytes of an answer that are kept, to say what it was when it was not HTTP.
const START_BYTES: usize = 32;
/// The time that one address of a name has before the next is tried beside it.
const HEAD_START: Duration = Duration::from_millis(300);

/// Address of a push-back.
pub(super) struct PushbackAddress {
    pub(super) is_tls: bool,
    /// Host and port as they stand in the address, for the header `Host`.
    pub(super) authority: String,
    /// The path with its query.
    pub(super) path: Uri,
    /// Without the brackets of an IPv6 address.
    host: String,
    port: u16,
}

impl PushbackAddress {
    /// Reads an address; says why one cannot be used.
    pub(super) fn parse(url: &str) -> Result<Self, String> {
        let parts = WebUrlParts::parse(url);
        let parts = parts.map_err(|error| format!("not a usable address: it {error}"))?;
        let unusable = |error: &dyn std::fmt::Display| format!("not a usable address: {error}");
        let path = parts.rest.split('#').next().unwrap_or_default();
        // An address such as `http://shop?id=7` leaves out the path of `/`.
        let slash = if path.starts_with('/') { "" } else { "/" };
        Ok(Self {
            is_tls: parts.is_https,
            authority: parts.authority.to_owned(),
            path: format!("{slash}{path}").parse().map_err(|error| unusable(&error))?,
            host: parts.host.to_owned(),
            port: parts.port,
        })
    }

    /// Scheme, host and port, which is all that a connection depends on.
    pub(super) fn origin(&self) -> String {
        format!("{}{}", if self.is_tls { "https://" } else { "http://" }, self.authority)
    }

    /// The addresses of the host.
    async fn addresses(&self) -> Result<Vec<SocketAddr>, String> {
        addresses(&self.host, self.port).await.map_err(|error| {
            format!("cannot connect: the name {:?} cannot be resolved: {error}", self.host)
        })
    }
}

/// A step on the way to an answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Step {
    #[default]
    Resolving,
    Connecting,
    Handshake,
    Waiting,
    Reading,
}

/// The bytes of one answer as they came, before anybody made sense of them.
#[derive(Debug, Default)]
pub(super) struct ReceivedBytes(Mutex<Noted>);

#[derive(Debug, Default)]
struct Noted {
    start: Vec<u8>,
    received: usize,
    lines: usize,
    /// From then on the bytes belong to the body, which is bounded elsewhere.
    is_head_over: bool,
}

impl ReceivedBytes {
    /// The first bytes.
    pub(super) fn start(&self) -> Vec<u8> {
        self.lock().start.clone()
    }

    /// The number of bytes that came.
    pub(super) fn received(&self) -> usize {
        self.lock().received
    }

    /// The number of lines that came.
    pub(super) fn lines(&self) -> usize {
        self.lock().lines
    }

    /// Takes the head as complete: no bound holds any more.
    pub(super) fn head_is_over(&self) {
        self.lock().is_head_over = true;
    }

    /// Begins again, for the next answer on the same connection.
    pub(super) fn restart(&self) {
        *self.lock() = Noted::default();
    }

    /// Returns true if the head went beyond its bound.
    pub(super) fn is_over_bound(&self) -> bool {
        let noted = self.lock();
        !noted.is_head_over && noted.received >= INTERIM_BYTES_MAX
    }

    fn note(&self, bytes: &[u8]) {
        let mut noted = self.lock();
        let missing = START_BYTES.saturating_sub(noted.start.len());
        noted.start.extend_from_slice(&bytes[..bytes.len().min(missing)]);
        noted.received += bytes.len();
        if !noted.is_head_over {
            noted.lines += bytes.split(|byte| *byte == b'\n').count() - 1;
        }
    }

    fn lock(&self) -> MutexGuard<'_, Noted> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A stream that notes what comes, and ends where an answer's head has no end: a receiver that sends interim answers
/// for ever costs a bounded number of bytes and no more.
struct Watched<S> {
    stream: S,
    seen: Arc<ReceivedBytes>,
}

impl<S: AsyncRead + Unpin> AsyncRead for Watched<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.seen.is_over_bound() {
            return Poll::Ready(Err(io::Error::other("the head of the answer has no end")));
        }
        let before = buf.filled().len();
        ready!(Pin::new(&mut self.stream).poll_read(cx, buf))?;
        self.seen.note(&buf.filled()[before..]);
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Watched<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

/// An open connection. Dropping it closes it.
pub(super) struct Connection {
    pub(super) requests: SendRequest<Paced>,
    pub(super) seen: Arc<ReceivedBytes>,
    _running: AbortOnDropHandle<()>,
}

impl Connection {
    /// Opens one; `step` says how far it got when this is given up.
    pub(super) async fn open(
        target: &PushbackAddress,
        tls: &TlsConnector,
        step: &mut Step,
    ) -> Result<Self, String> {
        *step = Step::Resolving;
        let addresses = target.addresses().await?;
        *step = Step::Connecting;
        let stream = connect(addresses).await;
        let stream = stream.map_err(|error| format!("cannot connect: {error}"))?;
        // Without it a small body waits for the acknowledgement of its head.
        let _ = stream.set_nodelay(true);
        if !target.is_tls {
            return Self::start(stream, Arc::default()).await;
        }
        *step = Step::Handshake;
        let raw = Arc::new(ReceivedBytes::default());
        // The bound is for heads of answers; a handshake has its own.
        raw.head_is_over();
        let name = ServerName::try_from(target.host.clone());
        let name =
            name.map_err(|_| format!("not a usable address: {:?} is no name", target.host))?;
        let watched = Watched { stream, seen: Arc::clone(&raw) };
        let stream = tls.connect(name, watched).await;
        let stream = stream.map_err(|error| no_handshake(&error, &raw))?;
        Self::start(stream, Arc::default()).await
    }

    /// The same over a stream that is open already.
    pub(super) async fn start<S>(stream: S, seen: Arc<ReceivedBytes>) -> Result<Self, String>
    where
        S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        let watched = Watched { stream, seen: Arc::clone(&seen) };
        let opened = http1::Builder::new()
            .max_headers(HEADERS_MAX)
            .max_header_size(HEAD_BYTES_MAX)
            .max_buf_size(HEAD_BYTES_MAX)
            .handshake::<_, Paced>(TokioIo::new(watched))
            .await;
        let (requests, connection) = opened.map_err(|error| format!("cannot connect: {error}"))?;
        let running = tokio::spawn(async move {
            // Whoever asked is told what went wrong.
            let _ = connection.await;
        });
        Ok(Self { requests, seen, _running: AbortOnDropHandle::new(running) })
    }
}

/// Connects to the first address that lets it; one that is silent delays the next a little only.
async fn connect(addresses: Vec<SocketAddr>) -> io::Result<TcpStream> {
    let mut rest = addresses.into_iter();
    let mut tries = JoinSet::new();
    let mut failure = None;
    loop {
        match rest.next() {
            Some(address) => _ = tries.spawn(TcpStream::connect(address)),
            None if tries.is_empty() => {
                let none = || io::Error::new(io::ErrorKind::NotFound, "no address");
                return Err(failure.unwrap_or_else(none));
            }
            None => {}
        }
        tokio::select! {
            Some(tried) = tries.join_next() => match tried {
                Ok(Ok(stream)) => return Ok(stream),
                Ok(Err(error)) => failure = failure.or(Some(error)),
                Err(_) => {}
            },
            () = tokio::time::sleep(HEAD_START), if rest.len() > 0 => {}
        }
    }
}

/// Names what stood in the way of TLS.
fn no_handshake(error: &io::Error, raw: &ReceivedBytes) -> String {
    let plain = "if it is plain HTTP, the address must begin with http://";
    match &*raw.start() {
        [] => format!(
            "cannot connect: the port closed the connection when TLS began ({error}); {plain}"
        ),
        // A record of TLS: an alert, or a handshake that failed.
        [0x15 | 0x16, 0x03, ..] => format!("cannot connect: the TLS handshake failed: {error}"),
        start if start.starts_with(b"HTTP/") => {
            "cannot connect: the port answers TLS with plain HTTP; the address must begin with http://"
                .to_owned()
        }
        start => format!(
            "cannot connect: the port does not speak TLS, it answers {}; {plain}",
            quoted(start)
        ),
    }
}

/// Foreign bytes as they can be shown.
pub(super) fn quoted(bytes: &[u8]) -> String {
    format!("\"{}\"", wire::redact(SecretNames::GENERAL, bytes).escape_ascii())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read_strictly() {
        let target =
            |url| PushbackAddress::parse(url).map(|it| (it.is_tls, it.authority, it.host, it.port));
        let shop = |port| Ok((false, "shop.test:81".to_owned(), "shop.test".to_owned(), port));
        assert_eq!(target("http://shop.test:81/n?a=1"), shop(81));
        for (url, path) in [
            ("http://shop.test:81?id=7", "/?id=7"),
            ("http://shop.test:81", "/"),
            ("http://shop.test:81#top", "/"),
            ("http://shop.test:81/n?a=1#top", "/n?a=1"),
            ("http://shop.test:81?#", "/?"),
        ] {
            let target = PushbackAddress::parse(url).expect(url);
            assert_eq!(
                (target.path.to_string(), &*target.authority),
                (path.to_owned(), "shop.test:81")
            );
        }
        // What is taken as an address can be called.
        for letter in (b'!'..=b'~').map(char::from) {
            let url = format!("http://shop.test/{letter}?{letter}");
            if WebUrlParts::parse(&url).is_ok() {
                assert!(PushbackAddress::parse(&url).is_ok(), "{url}");
            }
        }
        let six = target("https://[::1]/n").expect("an address");
        assert_eq!((six.0, &*six.2, six.3), (true, "::1", 443));
        for wrong in ["http://shop.test:99999/", "http://shop.test:0/", "http://shop.test:x/"] {
            assert!(target(wrong).is_err_and(|error| error.starts_with("not a usable")), "{wrong}");
        }
        assert!(target("ftp://shop.test/").is_err());
    }
}
