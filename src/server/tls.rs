//! TLS around connections: with a certificate of the user's own, or with one of a test CA that is made at the start.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime};

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DistinguishedName, DnType,
    ExtendedKeyUsagePurpose, IsCa, KeyPair, KeyUsagePurpose,
};
use rustls::ServerConfig;
use rustls::pki_types::pem::{self, PemObject as _};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer, ServerName};
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;

use super::client_stream::ClientStream;
use crate::base::{read_file, wall_clock};
use crate::http::PROGRAM_HEADER;

/// Names under which a server of this machine is called.
const OWN_NAMES: [&str; 3] = ["localhost", "127.0.0.1", "::1"];
/// The lifetime of a test CA and its certificate.
const LIFETIME: Duration = Duration::from_secs(365 * 24 * 3600);
/// Time before the start from which they are valid, for machines whose clocks differ.
const BEFORE: Duration = Duration::from_secs(24 * 3600);
/// First byte of a TLS handshake.
const HANDSHAKE: u8 = 0x16;
/// Answer to a client that speaks plain HTTP.
pub const NO_TLS: &str =
    "this port speaks TLS, and no TLS handshake came: use https:// in place of http://\n";

/// Key and certificate of a server.
#[derive(Clone)]
pub struct TlsIdentity {
    acceptor: TlsAcceptor,
    ca: Option<Arc<str>>,
}

impl std::fmt::Debug for TlsIdentity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TlsIdentity").field("ca", &self.ca).finish_non_exhaustive()
    }
}

/// Reason why there is no TLS.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TlsError {
    /// A PEM file cannot be used.
    #[error("{file} {problem}")]
    File {
        /// The file.
        file: String,
        /// Its fault.
        problem: String,
    },
    /// Certificate and key do not go together, or the key is of a kind that is not served.
    #[error(
        "the certificate and the key cannot be used: {0}; a key is RSA of 2048 bits or more, on the curve P-256 or P-384, or Ed25519"
    )]
    Unfit(rustls::Error),
    /// A name for the certificate is none.
    #[error("{0:?} is neither a host name nor an IP address")]
    Name(String),
    /// The certificate cannot be made.
    #[error("no certificate can be made: {0}")]
    NotMade(#[from] rcgen::Error),
}

impl TlsIdentity {
    /// A certificate for the names of this machine and `names`, signed by a test CA that is made now. Host names may
    /// begin with `*.`.
    ///
    /// # Errors
    /// [`TlsError::Name`] for what is no host name and no IP address.
    pub fn of_test_ca(names: &[String]) -> Result<Self, TlsError> {
        for name in names {
            ServerName::try_from(name.strip_prefix("*.").unwrap_or(name))
                .map_err(|_| TlsError::Name(name.clone()))?;
        }
        let now = SystemTime::UNIX_EPOCH + Duration::from_millis(wall_clock().0.unsigned_abs());
        let (from, to) = (now - BEFORE, now + LIFETIME);
        let params = |names: Vec<String>, common: &str| {
            let mut params = CertificateParams::new(names)?;
            (params.not_before, params.not_after) = (from.into(), to.into());
            params.distinguished_name = DistinguishedName::new();
            params.distinguished_name.push(DnType::CommonName, common);
            Ok::<_, rcgen::Error>(params)
        };
        let mut root = params(Vec::new(), "payon-sim test CA, only for tests")?;
        root.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        root.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let root = CertifiedIssuer::self_signed(root, KeyPair::generate()?)?;

        let mut all: Vec<String> = OWN_NAMES.map(str::to_owned).to_vec();
        all.extend(names.iter().filter(|name| !OWN_NAMES.contains(&name.as_str())).cloned());
        let mut own = params(all, "payon-sim")?;
        own.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        own.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        own.use_authority_key_identifier_extension = true;
        let key = KeyPair::generate()?;
        let chain = vec![own.signed_by(&key, &root)?.der().clone()];
        let key = PrivatePkcs8KeyDer::from(key.serialize_der());
        Ok(Self { ca: Some(root.pem().into()), ..Self::new(chain, key.into())? })
    }

    /// The certificate chain and the key of these PEM files. The certificate of the server comes first.
    ///
    /// # Errors
    /// [`TlsError::File`] for a file that cannot be read or holds nothing of the kind, [`TlsError::Unfit`] where the key
    /// is another certificate's.
    pub fn of_files(certificate: &Path, key: &Path) -> Result<Self, TlsError> {
        let chain = CertificateDer::pem_slice_iter(&read(certificate)?)
            .collect::<Result<Vec<_>, _>>()
            .map_err(|error| unreadable(certificate, "certificate", &error))?;
        if chain.is_empty() {
            return Err(unreadable(certificate, "certificate", &pem::Error::NoItemsFound));
        }
        let key = PrivateKeyDer::from_pem_slice(&read(key)?)
            .map_err(|error| unreadable(key, "private key", &error))?;
        Self::new(chain, key)
    }

    fn new(
        chain: Vec<CertificateDer<'static>>,
        key: PrivateKeyDer<'static>,
    ) -> Result<Self, TlsError> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .and_then(|versions| versions.with_no_client_auth().with_single_cert(chain, key))
            .map_err(TlsError::Unfit)?;
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Self { acceptor: TlsAcceptor::from(Arc::new(config)), ca: None })
    }

    /// The certificate of the test CA in PEM, where it was made by one.
    pub fn ca(&self) -> Option<&Arc<str>> {
        self.ca.as_ref()
    }
}

fn read(file: &Path) -> Result<Vec<u8>, TlsError> {
    read_file(file).map_err(|error| TlsError::File {
        file: file.display().to_string(),
        problem: format!("cannot be read: {error}"),
    })
}

fn unreadable(file: &Path, kind: &str, error: &pem::Error) -> TlsError {
    let problem = match error {
        pem::Error::NoItemsFound => {
            format!("holds no {kind} in PEM, which begins with -----BEGIN")
        }
        other => format!("holds no {kind} that can be read: {other}"),
    };
    TlsError::File { file: file.display().to_string(), problem }
}

/// Connections of a port with TLS.
#[derive(Debug)]
pub(super) struct TlsDoor {
    identity: TlsIdentity,
    /// The longest handshake.
    patience: Duration,
    /// True once the log has named a caller without TLS.
    has_named: AtomicBool,
}

impl TlsDoor {
    pub(super) const fn new(identity: TlsIdentity, patience: Duration) -> Self {
        Self { identity, patience, has_named: AtomicBool::new(false) }
    }

    /// The connection behind its handshake; none where there was no handshake. Who speaks plain HTTP is told so.
    pub(super) async fn enter(&self, stream: TcpStream) -> Option<ClientStream> {
        let entered = timeout(self.patience, self.shake_hands(stream)).await;
        match entered {
            Ok(Ok(entered)) => entered,
            Ok(Err(error)) => {
                tracing::debug!(%error, "a TLS handshake failed");
                None
            }
            Err(_) => None,
        }
    }

    async fn shake_hands(&self, mut stream: TcpStream) -> io::Result<Option<ClientStream>> {
        let mut first = [0];
        if stream.peek(&mut first).await? == 0 {
            return Ok(None);
        }
        if first != [HANDSHAKE] {
            if !self.has_named.swap(true, Ordering::Relaxed) {
                tracing::warn!("{} (said once)", NO_TLS.trim_end());
            }
            let answer = format!(
                "HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain\r\nContent-Length: {}\r\n{PROGRAM_HEADER}: {}\r\nConnection: \
                 close\r\n\r\n{NO_TLS}",
                NO_TLS.len(),
                env!("CARGO_PKG_VERSION")
            );
            stream.write_all(answer.as_bytes()).await?;
            stream.shutdown().await?;
            // What has come unread would make a reset of it.
            tokio::io::copy(&mut stream, &mut tokio::io::sink()).await?;
            return Ok(None);
        }
        let stream = self.identity.acceptor.accept(stream).await?;
        Ok(Some(ClientStream::Tls(Box::new(stream))))
    }
}
