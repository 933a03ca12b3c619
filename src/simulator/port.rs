//! The port of a server: bound after a short wait, or refused with the process that holds it.

use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::time::{Instant, sleep};

use super::port_holder::{self, Holder};
use crate::server::listen;

/// Time for which a port that is in use is tried again: an earlier server may be about to end.
const PATIENCE: Duration = Duration::from_secs(1);
/// The pause between two tries.
const PAUSE: Duration = Duration::from_millis(50);

/// A port that is not to be had.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # use payon_sim::{Simulator, StartError};
/// let elsewhere = Simulator::builder().address("192.0.2.1:0".parse()?).start().await;
/// let Err(StartError::Port(error)) = elsewhere else { panic!("nobody has this address") };
/// assert_eq!(error.error.kind(), std::io::ErrorKind::AddrNotAvailable);
/// # Ok(()) }
/// ```
#[derive(Debug, thiserror::Error)]
#[error("cannot listen on {address}: {error}.{}", .holder.as_ref().map(|it| format!(" {it}.")).unwrap_or_default())]
pub struct PortError {
    /// The address that was asked for.
    pub address: SocketAddr,
    /// Error of the system.
    #[source]
    pub error: io::Error,
    /// The process that has it, where that can be seen.
    holder: Option<Holder>,
}

impl PortError {
    /// An address that is not to be had, with the process that has it.
    pub(crate) fn new(address: SocketAddr, error: io::Error) -> Self {
        let is_held = error.kind() == io::ErrorKind::AddrInUse;
        let holder = is_held.then(|| port_holder::of(address)).flatten();
        Self { address, error, holder }
    }
}

/// Other ports that are tried where a free one was asked for and is not free on both loopback addresses.
const OTHER_PORTS: usize = 16;

/// Listens on `address`; port 0 takes a free one. With `both_loopbacks` it listens on `[::1]` as well where the address is
/// 127.0.0.1 and the machine has IPv6.
pub(super) async fn bind(
    address: SocketAddr,
    both_loopbacks: bool,
) -> Result<Vec<TcpListener>, PortError> {
    let mut others = if address.port() == 0 { OTHER_PORTS } else { 0 };
    loop {
        let first = bind_one(address).await?;
        let bound = first.local_addr().map_err(|error| PortError::new(address, error))?;
        if !both_loopbacks || bound.ip() != Ipv4Addr::LOCALHOST {
            return Ok(vec![first]);
        }
        let twin = SocketAddr::from((Ipv6Addr::LOCALHOST, bound.port()));
        let second = if others > 0 {
            listen(twin).map_err(|error| PortError::new(twin, error))
        } else {
            bind_one(twin).await
        };
        match second {
            Ok(second) => return Ok(vec![first, second]),
            Err(told) if told.error.kind() == io::ErrorKind::AddrInUse && others > 0 => others -= 1,
            Err(told) if told.error.kind() == io::ErrorKind::AddrInUse => return Err(told),
            Err(told) => {
                tracing::debug!(error = %told, "127.0.0.1 alone is served");
                return Ok(vec![first]);
            }
        }
    }
}

async fn bind_one(address: SocketAddr) -> Result<TcpListener, PortError> {
    let until = Instant::now() + PATIENCE;
    loop {
        match listen(address) {
            Ok(listener) => return Ok(listener),
            Err(error) if error.kind() == io::ErrorKind::AddrInUse && Instant::now() < until => {
                sleep(PAUSE).await;
            }
            Err(error) => return Err(PortError::new(address, error)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_port_that_becomes_free_within_a_second_is_taken() {
        let held = listen(([127, 0, 0, 1], 0).into()).expect("a port");
        let address = held.local_addr().expect("bound");
        tokio::spawn(async move {
            sleep(Duration::from_millis(700)).await;
            drop(held);
        });
        let begun = Instant::now();
        let listeners = bind(address, false).await.expect("free by then");
        assert_eq!(listeners[0].local_addr().expect("bound"), address);
        assert!(begun.elapsed() >= Duration::from_millis(700), "{:?}", begun.elapsed());
    }

    #[tokio::test(start_paused = true)]
    async fn a_port_that_stays_in_use_is_told_after_a_second() {
        let held = listen(([127, 0, 0, 1], 0).into()).expect("a port");
        let address = held.local_addr().expect("bound");
        let begun = Instant::now();
        let told = bind(address, false).await.expect_err("in use").to_string();
        assert!(told.starts_with(&format!("cannot listen on {address}: ")), "{told}");
        assert!(begun.elapsed() < PATIENCE * 2, "{:?}", begun.elapsed());
    }

    #[tokio::test(start_paused = true)]
    async fn both_loopbacks_share_a_port_or_its_holder_is_told() {
        let both = bind(([127, 0, 0, 1], 0).into(), true).await.expect("a free port");
        let ports: Vec<_> = both.iter().map(|it| it.local_addr().expect("bound").port()).collect();
        let has_ipv6 = listen((Ipv6Addr::LOCALHOST, 0).into()).is_ok();
        assert_eq!(ports.len(), if has_ipv6 { 2 } else { 1 });
        let [port, second] = ports[..] else { return };
        assert_eq!(port, second);
        let (first, second) = <[_; 2]>::try_from(both).expect("two").into();
        drop(first);
        let told = bind(([127, 0, 0, 1], port).into(), true).await.expect_err("in use").to_string();
        assert!(told.starts_with(&format!("cannot listen on [::1]:{port}: ")), "{told}");
        drop(second);
    }
}
