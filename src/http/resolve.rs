//! Names of hosts as addresses.

use std::future::Future;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::pin::Pin;
use std::task::{Context, Poll};

use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::connect::dns::Name;
use tokio::net::TcpStream;
use tower_service::Service;

/// Addresses of a host, whose brackets are left out where it is one of IPv6. Names below `localhost` are this machine,
/// whatever a resolver says (RFC 6761).
///
/// # Errors
/// The resolver does not know it.
pub async fn addresses(host: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
    if let Ok(address) = host.parse::<IpAddr>() {
        return Ok(vec![SocketAddr::new(address, port)]);
    }
    let name = host.trim_end_matches('.').to_ascii_lowercase();
    if name == "localhost" || name.ends_with(".localhost") {
        let loopback = [Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()];
        return Ok(loopback.map(|address| SocketAddr::new(address, port)).to_vec());
    }
    let found: Vec<_> = tokio::net::lookup_host((host, port)).await?.collect();
    if found.is_empty() { Err(io::Error::other("it has no address")) } else { Ok(found) }
}

/// Opens a connection to the first of the host's addresses that takes one.
///
/// # Errors
/// The host has no address, or nobody takes the connection.
pub async fn connect(host: &str, port: u16) -> io::Result<TcpStream> {
    TcpStream::connect(addresses(host, port).await?.as_slice()).await
}

/// The same for a host with its port, as in a URL.
///
/// # Errors
/// Also where there is no port.
pub async fn connect_to(authority: &str) -> io::Result<TcpStream> {
    let parts = authority.rsplit_once(':');
    let parts = parts.and_then(|(host, port)| Some((host, port.parse().ok()?)));
    let (host, port) = parts.ok_or_else(|| {
        io::Error::new(io::ErrorKind::InvalidInput, format!("{authority} names no port"))
    })?;
    connect(host.trim_matches(['[', ']']), port).await
}

/// The connector of clients of hyper's that finds hosts in the same way. It opens connections for https, too.
pub fn connector() -> HttpConnector<Names> {
    let mut connector = HttpConnector::new_with_resolver(Names);
    connector.enforce_http(false);
    connector
}

/// Finds hosts by [`addresses`], for hyper.
#[derive(Clone, Copy, Debug)]
pub struct Names;

impl Service<Name> for Names {
    type Response = std::vec::IntoIter<SocketAddr>;
    type Error = io::Error;
    type Future = Pin<Box<dyn Future<Output = io::Result<Self::Response>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, name: Name) -> Self::Future {
        // The connector puts the port in.
        Box::pin(async move { Ok(addresses(name.as_str(), 0).await?.into_iter()) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn names_below_localhost_are_this_machine() {
        for name in ["localhost", "shop.localhost", "a.b.LOCALHOST", "shop.localhost."] {
            let expected = ["127.0.0.1:81", "[::1]:81"].map(|it| it.parse().expect("an address"));
            assert_eq!(addresses(name, 81).await.expect("addresses"), expected, "{name}");
        }
        assert!(addresses("localhost.invalid", 81).await.is_err());
    }
}
