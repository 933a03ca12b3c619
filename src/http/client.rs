//! The merchant's HTTP client: a connection a call, so that each fault is its own; it sees resets, bodies cut short and
//! garbage for what they are, and follows no redirects. What a call may take as a whole is the caller's business.

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::client::conn::http1;
use hyper::header::{CONTENT_TYPE, HOST, LOCATION, RETRY_AFTER};
use hyper::{Method, Request};
use hyper_util::rt::TokioIo;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::TlsConnector;

use super::resolve::{connect, connect_to};
use super::trust::{NoCertificate, tls_advice, trusting};
use crate::base::WebUrlParts;

/// The largest answer that is read.
const ANSWER_BYTES_MAX: usize = 4 << 20;

/// An answer that came whole.
#[derive(Clone, Debug)]
pub struct MerchantAnswer {
    /// HTTP status.
    pub status: u16,
    /// The body.
    pub body: Bytes,
    /// True if its type is JSON.
    pub is_json: bool,
    /// The address to which it leads.
    pub location: Option<String>,
    /// Seconds to wait before the next call, where it says so.
    pub retry_after_s: Option<i64>,
}

/// Reason why no answer came, or none that was whole.
#[derive(Clone, Debug)]
pub struct Broken(String);

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl<E: std::error::Error> From<E> for Broken {
    fn from(error: E) -> Self {
        Self(error.to_string())
    }
}

/// Sends a request to `http://{authority}{path}` and reads the answer to its end. A body is JSON where `headers` do not say
/// otherwise.
pub async fn send(
    method: Method,
    authority: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: Bytes,
) -> Result<MerchantAnswer, Broken> {
    let stream = connect_to(authority).await?;
    stream.set_nodelay(true)?;
    talk(Box::new(stream), method, authority, path, headers, body).await
}

/// A server that is called with TLS or without.
pub struct WebServer {
    authority: String,
    host: String,
    port: u16,
    tls: Option<TlsConnector>,
}

impl WebServer {
    /// The server of an address. With https it must have a certificate of one of the authorities in a PEM text, or without
    /// that of one that the system trusts.
    ///
    /// # Errors
    /// The text holds no certificate.
    pub fn of(parts: &WebUrlParts<'_>, ca: Option<&[u8]>) -> Result<Self, NoCertificate> {
        let trusted = parts.is_https.then(|| trusting(ca)).transpose()?;
        Ok(Self {
            authority: parts.authority.to_owned(),
            host: parts.host.to_owned(),
            port: parts.port,
            tls: trusted.map(|config| TlsConnector::from(Arc::new(config))),
        })
    }

    /// Sends a request to this server ([`send`]).
    pub async fn send(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: Bytes,
    ) -> Result<MerchantAnswer, Broken> {
        let stream = connect(&self.host, self.port).await?;
        stream.set_nodelay(true)?;
        let stream: Box<dyn ByteStream> = match &self.tls {
            None => Box::new(stream),
            Some(tls) => {
                let name = ServerName::try_from(self.host.clone())?;
                let opened = tls.connect(name, stream).await;
                Box::new(opened.map_err(|error| {
                    Broken(tls_advice(&error).unwrap_or_else(|| error.to_string()))
                })?)
            }
        };
        talk(stream, method, &self.authority, path, headers, body).await
    }
}

/// An open connection.
trait ByteStream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin> ByteStream for S {}

async fn talk(
    stream: Box<dyn ByteStream>,
    method: Method,
    authority: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: Bytes,
) -> Result<MerchantAnswer, Broken> {
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    let mut request = Request::builder().method(method).uri(path).header(HOST, authority);
    let has_type = headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("content-type"));
    if !body.is_empty() && !has_type {
        request = request.header(CONTENT_TYPE, "application/json");
    }
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let request = request.body(Full::new(body))?;
    let answer = async {
        let response = sender.send_request(request).await?;
        let (head, body) = response.into_parts();
        let text = |name| head.headers.get(name).and_then(|value| value.to_str().ok());
        let body = Limited::new(body, ANSWER_BYTES_MAX).collect().await;
        let body = body.map_err(|error| Broken(error.to_string()))?.to_bytes();
        Ok(MerchantAnswer {
            status: head.status.as_u16(),
            body,
            is_json: text(CONTENT_TYPE).is_some_and(|kind| kind.starts_with("application/json")),
            location: (head.headers.get(LOCATION))
                .map(|to| String::from_utf8_lossy(to.as_bytes()).into_owned()),
            retry_after_s: text(RETRY_AFTER).and_then(|seconds| seconds.parse().ok()),
        })
    };
    // The connection has to be kept going for the answer to come, and goes away with it.
    let mut connection = std::pin::pin!(connection);
    let mut answer = std::pin::pin!(answer);
    tokio::select! {
        answer = &mut answer => answer,
        _ = &mut connection => answer.await,
    }
}

/// Posts JSON to `http://{authority}{path}`: the status and the body of the answer.
pub async fn post(authority: &str, path: &str, body: String) -> Result<(u16, Bytes), Broken> {
    let answer = send(Method::POST, authority, path, &[], body.into()).await?;
    Ok((answer.status, answer.body))
}
