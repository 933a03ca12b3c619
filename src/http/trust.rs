//! Certificate authorities that a client of ours trusts, and what stands in the way of TLS, in words.

use std::error::Error;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::{ClientConfig, RootCertStore};

use crate::base::read_file;

/// Files in which systems keep the authorities that they trust.
const SYSTEM_FILES: [&str; 4] = [
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
];

/// A text that holds no certificate of an authority.
#[derive(Debug, thiserror::Error)]
#[error(
    "holds no certificate in PEM that can be used{0}; `payon-sim tls ca` prints the one of a gateway's test CA"
)]
pub struct NoCertificate(String);

/// A client that trusts the authorities of a PEM text, or without one those of the system: the file that `SSL_CERT_FILE` names,
/// one of the usual places, or the list that Mozilla keeps.
///
/// # Errors
/// The text holds no certificate, or one that cannot be used.
pub fn trusting(ca: Option<&[u8]>) -> Result<ClientConfig, NoCertificate> {
    ca.map_or_else(|| Ok(trusting_system()), |pem| Ok(trusting_roots(read(pem)?)))
}

/// The same without a PEM text.
pub fn trusting_system() -> ClientConfig {
    trusting_roots(of_system())
}

/// A client that trusts nobody, for connections without TLS.
pub fn trusting_nobody() -> ClientConfig {
    trusting_roots(RootCertStore::empty())
}

fn trusting_roots(roots: RootCertStore) -> ClientConfig {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap_or_else(|_| unreachable!("the provider offers TLS 1.2 and 1.3"));
    config.with_root_certificates(roots).with_no_client_auth()
}

fn read(pem: &[u8]) -> Result<RootCertStore, NoCertificate> {
    let unusable = |error: &dyn Error| NoCertificate(format!(" ({error})"));
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(pem) {
        let certificate = certificate.map_err(|error| unusable(&error))?;
        roots.add(certificate).map_err(|error| unusable(&error))?;
    }
    if roots.is_empty() { Err(NoCertificate(String::new())) } else { Ok(roots) }
}

fn of_system() -> RootCertStore {
    let named = std::env::var_os("SSL_CERT_FILE").map(PathBuf::from);
    let files = named.into_iter().chain(SYSTEM_FILES.map(PathBuf::from));
    let mut texts = files.filter_map(|file| read_file(&file).ok());
    let found = texts.find_map(|text| {
        let mut roots = RootCertStore::empty();
        // One that this program cannot use hinders none of the others.
        roots.add_parsable_certificates(CertificateDer::pem_slice_iter(&text).flatten());
        (!roots.is_empty()).then_some(roots)
    });
    found.unwrap_or_else(|| RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() })
}

/// The fault of a certificate, where that is what an error is about.
pub fn certificate_fault(error: &(dyn Error + 'static)) -> Option<String> {
    match tls_error(error)? {
        rustls::Error::InvalidCertificate(fault) => Some(fault.to_string()),
        _ => None,
    }
}

/// Advice on an error, where TLS is its cause.
pub fn tls_advice(error: &(dyn Error + 'static)) -> Option<String> {
    Some(match tls_error(error)? {
        rustls::Error::InvalidCertificate(fault) => format!(
            "its certificate is not trusted ({fault}); give the certificate of the CA that signed it with --ca-file or \
             PAYON_SIM_CA_FILE, such as the one that `payon-sim tls ca` prints"
        ),
        rustls::Error::InvalidMessage(_) => {
            "that port does not speak TLS; the address must begin with http://".to_owned()
        }
        other => format!("the TLS handshake failed: {other}"),
    })
}

fn tls_error<'e>(error: &'e (dyn Error + 'static)) -> Option<&'e rustls::Error> {
    let mut cause = Some(error);
    while let Some(error) = cause {
        if let Some(found) = error.downcast_ref() {
            return Some(found);
        }
        // An IO error hides what it holds from its sources.
        let held = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
        cause = held.map(|held| held as &(dyn Error + 'static)).or_else(|| error.source());
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_without_a_certificate_is_refused_and_the_system_is_enough() {
        for text in
            ["", "no certificate", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"]
        {
            let refused = trusting(Some(text.as_bytes())).expect_err("refused").to_string();
            assert!(refused.contains("payon-sim tls ca"), "{refused}");
        }
        assert!(trusting(None).is_ok());
        let broken = io::Error::other(rustls::Error::General("broken".to_owned()));
        assert_eq!(
            tls_advice(&broken).as_deref(),
            Some("the TLS handshake failed: unexpected error: broken")
        );
        assert_eq!(tls_advice(&io::Error::other("refused")), None);
    }
}
