//! Checks whether push-backs can arrive. Nothing that looks like one is sent: a HEAD request, once.

use std::collections::HashSet;
use std::error::Error;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::Empty;
use hyper::header::{LOCATION, USER_AGENT};
use hyper::{Method, Request, Response, StatusCode, Uri};
use hyper_rustls::HttpsConnectorBuilder;
use hyper_util::client::legacy::{self, Client};
use hyper_util::rt::TokioExecutor;

use super::given::Given;
use super::report::DoctorReport;
use super::sim::Sim;
use crate::base::WebUrlParts;
use crate::delivery::accept_any_certificate;
use crate::http::{addresses, certificate_fault, connector};
use crate::space::inbox_at;

const NOTI: &str = "noti_url";
/// Longest time for the merchant's answer.
const PATIENCE: Duration = Duration::from_secs(10);
const DOCKER: &str =
    "in Docker use the service's name, or host.docker.internal for the machine itself";

/// Looks at the address of the merchant's end, or at the one that the gateway has for it.
pub(super) async fn check(
    given: &Given,
    sim: Option<&Sim<'_>>,
    gateway: &str,
    report: &mut DoctorReport,
) {
    let known = || sim.and_then(|sim| sim.noti_url(given.merchant.as_deref()?));
    let Some(text) = given.noti_url.as_deref().or_else(known) else {
        return report.skip(NOTI, "not given; --noti-url URL");
    };
    let target = match NotiTarget::parse(text) {
        Ok(target) => target,
        Err(why) => {
            let found =
                format!("{text:?} is no URL that can be called, and register refuses it: it {why}");
            let advice = "write it in full, such as http://127.0.0.1:8080/payon/noti";
            return report.fail(NOTI, found, advice);
        }
    };
    let addresses = match target.resolve().await {
        Ok(addresses) => addresses,
        Err(error) => {
            let found = format!("the host {} is not known here: {error}", target.host);
            return report.fail(NOTI, found, &format!("look at its spelling; {DOCKER}"));
        }
    };
    let Ok(gateway) = NotiTarget::parse(gateway) else { return };
    let gateway_at = gateway.resolve().await.unwrap_or_default();
    if addresses.iter().any(|address| gateway_at.contains(address)) {
        if let Some(name) = sim.and_then(|_| inbox_at(text)) {
            let found = format!(
                "{text} is the box {name} of the gateway itself, which keeps all that comes"
            );
            return report.ok(NOTI, found);
        }
        let found = format!("{text} is the gateway's own address: push-backs would go to itself");
        return report.fail(NOTI, found, "give the address of the merchant's server");
    }
    if addresses.iter().all(|address| address.ip().is_unspecified()) {
        let found = format!("{} is where a server listens, not where it is called", target.host);
        return report.fail(NOTI, found, "give an address or a name of the merchant's machine");
    }
    let is_local = |at: &HashSet<SocketAddr>| at.iter().all(|address| address.ip().is_loopback());
    if is_local(&addresses) && !gateway_at.is_empty() && !is_local(&gateway_at) {
        let found = format!(
            "{} is the calling machine itself, and the gateway runs on another: {}",
            target.host, gateway.host
        );
        return report.fail(
            NOTI,
            found,
            &format!("give a name by which the gateway's machine reaches this one; {DOCKER}"),
        );
    }
    reach(text, &target, report).await;
}

/// Calls it.
async fn reach(text: &str, target: &NotiTarget, report: &mut DoctorReport) {
    let mut answer = target.head(true).await;
    let certificate = answer.as_ref().err().and_then(Failure::certificate);
    if let Some(problem) = &certificate {
        let advice = "this gateway takes any certificate, others do not: use one of a known authority for real payments";
        report.warn(
            NOTI,
            format!("the certificate of {} is not good: {problem}", target.host),
            advice,
        );
        answer = target.head(false).await;
    }
    let response = match answer {
        Ok(response) => response,
        Err(failure) => {
            let found = format!("{text} cannot be reached from here: {failure}");
            return report.fail(
                NOTI,
                found,
                "start the merchant's server; look at port, scheme (http or https) and firewall",
            );
        }
    };
    let status = response.status();
    let found = format!("{text} answers HEAD with {status}");
    match status {
        _ if status.is_redirection() => {
            let to = response.headers().get(LOCATION).and_then(|to| to.to_str().ok());
            let found = format!("{found}, to {}", to.unwrap_or("nowhere"));
            report.warn(
                NOTI,
                found,
                "push-backs follow no redirect: give the address where it ends",
            );
        }
        StatusCode::NOT_FOUND | StatusCode::GONE => {
            report.warn(NOTI, found, "right if only POST is served there; else look at the path");
        }
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => {
            report.warn(NOTI, found, "push-backs bring no credentials: let this path in without");
        }
        _ if status.is_server_error() => {
            report.warn(NOTI, found, "look at the log of the merchant's server");
        }
        _ => report.ok(NOTI, format!("{found}; nothing else was sent")),
    }
}

/// An address that can be called.
struct NotiTarget {
    uri: Uri,
    /// Without the brackets of an IPv6 address.
    host: String,
    port: u16,
}

impl NotiTarget {
    /// Reads an address by the rule that the gateway itself goes by.
    fn parse(text: &str) -> Result<Self, String> {
        let parts = WebUrlParts::parse(text).map_err(|error| error.to_string())?;
        let uri = text.parse().map_err(|error| format!("cannot be called: {error}"))?;
        Ok(Self { uri, host: parts.host.to_owned(), port: parts.port })
    }

    async fn resolve(&self) -> io::Result<HashSet<SocketAddr>> {
        Ok(addresses(&self.host, self.port).await?.into_iter().collect())
    }

    /// Asks with HEAD; any certificate will do unless it is to be `verified`.
    async fn head(&self, verified: bool) -> Result<Response<()>, Failure> {
        let builder = HttpsConnectorBuilder::new();
        let builder = if verified {
            builder.with_webpki_roots()
        } else {
            builder.with_tls_config(accept_any_certificate())
        };
        let connector = builder.https_or_http().enable_http1().wrap_connector(connector());
        let client = Client::builder(TokioExecutor::new()).build::<_, Empty<Bytes>>(connector);
        let request = Request::builder().method(Method::HEAD).uri(&self.uri);
        let request =
            request.header(USER_AGENT, concat!("payon-sim-doctor/", env!("CARGO_PKG_VERSION")));
        let request = request.body(Empty::new()).map_err(|_| Failure::Unusable)?;
        match tokio::time::timeout(PATIENCE, client.request(request)).await {
            Ok(answer) => answer.map(|response| response.map(drop)).map_err(Failure::Broken),
            Err(_) => Err(Failure::Silent),
        }
    }
}

/// Reason why there is no answer.
#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error("no answer within {} s", PATIENCE.as_secs())]
    Silent,
    #[error("the address cannot be used")]
    Unusable,
    #[error("{}", innermost(.0))]
    Broken(legacy::Error),
}

impl Failure {
    /// The certificate error, where it is one.
    fn certificate(&self) -> Option<String> {
        match self {
            Self::Broken(error) => certificate_fault(error),
            _ => None,
        }
    }
}

/// The cause of all, such as `Connection refused`.
fn innermost(error: &legacy::Error) -> String {
    let mut cause: &dyn Error = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    cause.to_string()
}
