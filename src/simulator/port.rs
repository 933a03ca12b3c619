//! The port of a server: bound after a short wait, or refused with the process that holds it.

use std::io;
use std::net::SocketAddr;
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

/// Listens on `address`; port 0 takes a free one.
pub(super) async fn bind(address: SocketAddr) -> Result<TcpListener, PortError> {
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
        let listener = bind(address).await.expect("free by then");
        assert_eq!(listener.local_addr().expect("bound"), address);
        assert!(begun.elapsed() >= Duration::from_millis(700), "{:?}", begun.elapsed());
    }

    #[tokio::test(start_paused = true)]
    async fn a_port_that_stays_in_use_is_told_after_a_second() {
        let held = listen(([127, 0, 0, 1], 0).into()).expect("a port");
        let address = held.local_addr().expect("bound");
        let begun = Instant::now();
        let told = bind(address).await.expect_err("in use").to_string();
        assert!(told.starts_with(&format!("cannot listen on {address}: ")), "{told}");
        assert!(begun.elapsed() < PATIENCE * 2, "{:?}", begun.elapsed());
    }
}
