//! The gateway that answers: its address, whether it is one for tests, and connections to it.

use std::io;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use hyper::client::conn::http1::{self, SendRequest};
use hyper::header::HeaderValue;
use hyper_util::rt::TokioIo;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::TlsConnector;

use super::tee::Tee;
use crate::base::{WebUrlError, WebUrlParts};
use crate::delivery::accept_any_certificate;
use crate::http::{connect, trusting_system};

/// The longest wait for a connection.
const CONNECT_TIME: Duration = Duration::from_secs(30);
/// Hosts of PAYON's production (documented).
const PRODUCTION_HOSTS: &[&str] = &["pg.payon.com.kh"];
/// The port of PAYON's production beside 443 (documented).
const PRODUCTION_PORT: u16 = 35505;
/// The host of PAYON's test system (documented).
const TEST_HOST: &str = "pgtest.payon.com.kh";
/// Endings of names that no public host has.
const LOCAL_ENDINGS: &[&str] =
    &[".localhost", ".test", ".local", ".internal", ".invalid", ".example"];
/// Parts of a host name that tell a test system.
const TEST_WORDS: &[&str] = &["test", "sandbox", "staging", "stage", "uat", "sit", "dev", "qa"];

/// Address of a server: scheme, host and port.
#[derive(Clone)]
pub struct Upstream {
    is_tls: bool,
    host: String,
    port: u16,
    authority: String,
    tls: Option<TlsConnector>,
}

/// Text that names no gateway.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum UpstreamError {
    /// No address.
    #[error("{0:?} {1}")]
    Url(String, WebUrlError),
    /// More than a host.
    #[error("{0:?} has a path; name scheme, host and port only: the merchant's paths are kept")]
    Path(String),
    /// A host that is no test system as far as its name tells.
    #[error(
        "{0} is not clearly a test system. Calls through the shadow are real: orders, refunds, money. If that is what you want, say --i-know-this-is-production"
    )]
    Production(String),
}

impl Upstream {
    /// Reads an address. Any certificate is taken if `takes_any_certificate` says so.
    pub fn parse(url: &str, takes_any_certificate: bool) -> Result<Self, UpstreamError> {
        let parts =
            WebUrlParts::parse(url).map_err(|error| UpstreamError::Url(url.to_owned(), error))?;
        if !matches!(parts.rest, "" | "/") {
            return Err(UpstreamError::Path(url.to_owned()));
        }
        Ok(Self::of(&parts, takes_any_certificate))
    }

    /// The server of an address, whatever its path.
    pub(super) fn of(parts: &WebUrlParts<'_>, takes_any_certificate: bool) -> Self {
        let WebUrlParts { is_https, host, port, .. } = *parts;
        let shown = if host.contains(':') { format!("[{host}]") } else { host.to_owned() };
        let usual = if is_https { 443 } else { 80 };
        let authority = if port == usual { shown } else { format!("{shown}:{port}") };
        let tls = is_https.then(|| {
            let config =
                if takes_any_certificate { accept_any_certificate() } else { trusting_system() };
            TlsConnector::from(Arc::new(config))
        });
        Self { is_tls: is_https, host: host.to_owned(), port, authority, tls }
    }

    /// Refuses what is not clearly a test system.
    pub fn check_test_system(&self) -> Result<(), UpstreamError> {
        if self.is_test_system() {
            Ok(())
        } else {
            Err(UpstreamError::Production(self.authority.clone()))
        }
    }

    fn is_test_system(&self) -> bool {
        let host = self.host.to_ascii_lowercase();
        let host = host.trim_end_matches('.');
        if host == TEST_HOST || host == "localhost" {
            return true;
        }
        if PRODUCTION_HOSTS.contains(&host) || self.port == PRODUCTION_PORT {
            return false;
        }
        match host.parse::<IpAddr>() {
            Ok(IpAddr::V4(address)) => address.is_loopback() || address.is_private(),
            Ok(IpAddr::V6(address)) => address.is_loopback() || address.is_unique_local(),
            Err(_) => {
                LOCAL_ENDINGS.iter().any(|ending| host.ends_with(ending))
                    || !host.contains('.')
                    || host.split(['.', '-', '_']).any(|word| {
                        let word = word.trim_end_matches(|mark: char| mark.is_ascii_digit());
                        TEST_WORDS.contains(&word)
                    })
            }
        }
    }

    /// Scheme, host and port, as a capture names them.
    pub fn origin(&self) -> String {
        format!("{}://{}", if self.is_tls { "https" } else { "http" }, self.authority)
    }

    /// Value of the header `Host`.
    pub(super) fn host_header(&self) -> io::Result<HeaderValue> {
        HeaderValue::from_str(&self.authority).map_err(io::Error::other)
    }

    /// Opens a connection. Nothing is tried twice.
    pub(super) async fn connect(&self) -> io::Result<SendRequest<Tee>> {
        let connecting = async {
            let stream = connect(&self.host, self.port).await?;
            stream.set_nodelay(true)?;
            match &self.tls {
                None => open(stream).await,
                Some(tls) => {
                    let name = ServerName::try_from(self.host.clone()).map_err(io::Error::other)?;
                    open(tls.connect(name, stream).await?).await
                }
            }
        };
        let late = || io::Error::new(io::ErrorKind::TimedOut, "no connection in time");
        tokio::time::timeout(CONNECT_TIME, connecting).await.map_err(|_| late())?
    }
}

impl std::fmt::Debug for Upstream {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.origin())
    }
}

async fn open<S>(stream: S) -> io::Result<SendRequest<Tee>>
where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let (sender, connection) = http1::Builder::new()
        .preserve_header_case(true)
        .handshake(TokioIo::new(stream))
        .await
        .map_err(io::Error::other)?;
    // It ends when the sender is dropped or the gateway closes.
    tokio::spawn(connection);
    Ok(sender)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_clearly_a_test_system_is_called_without_more_words() {
        let check = |url: &str| Upstream::parse(url, false).expect(url).check_test_system();
        for good in [
            "http://pgtest.payon.com.kh",
            "http://pgtest.payon.com.kh:36605/",
            "http://127.0.0.1:1",
            "https://[::1]",
            "http://192.168.1.5",
            "http://gateway:80",
            "https://pay.sandbox.example.org",
            "http://test-gw.bank.kh",
            "http://uat2.bank.kh",
        ] {
            assert_eq!(check(good), Ok(()), "{good}");
        }
        for bad in [
            "https://pg.payon.com.kh",
            "https://PG.payon.com.kh.:443",
            "https://pg.payon.com.kh:35505",
            "http://127.0.0.1:35505",
            "https://gateway.bank.kh",
            "https://contest.bank.kh",
            "http://8.8.8.8",
        ] {
            assert!(matches!(check(bad), Err(UpstreamError::Production(_))), "{bad}");
        }
        assert!(matches!(Upstream::parse("http://a/pg", false), Err(UpstreamError::Path(_))));
        assert!(Upstream::parse("ftp://a", false).is_err());
    }
}
