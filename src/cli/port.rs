//! The port of a server: bound after a short wait, or told with the process that holds it.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::time::{Instant, sleep};

use super::port_holder;
use crate::server::listen;

/// Time for which a port that is in use is tried again: an earlier server may be about to end.
const PATIENCE: Duration = Duration::from_secs(1);
/// The pause between two tries.
const PAUSE: Duration = Duration::from_millis(50);

/// Listens on `address`, which comes from the option `flag`; a message for people where that cannot be.
pub(super) async fn bind(address: SocketAddr, flag: &str) -> Result<TcpListener, String> {
    let until = Instant::now() + PATIENCE;
    loop {
        match listen(address) {
            Ok(listener) => return Ok(listener),
            Err(error) if error.kind() == io::ErrorKind::AddrInUse && Instant::now() < until => {
                sleep(PAUSE).await;
            }
            Err(error) => return Err(refusal(address, flag, &error)),
        }
    }
}

fn refusal(address: SocketAddr, flag: &str, error: &io::Error) -> String {
    let holder = match error.kind() {
        io::ErrorKind::AddrInUse => port_holder::of(address).map(|holder| format!(" {holder}.")),
        _ => None,
    };
    let holder = holder.unwrap_or_default();
    format!(
        "cannot listen on {address}: {error}.{holder} Choose another port with {flag}, or {flag} 0 for a free one"
    )
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
        let listener = bind(address, "--port").await.expect("free by then");
        assert_eq!(listener.local_addr().expect("bound"), address);
        assert!(begun.elapsed() >= Duration::from_millis(700), "{:?}", begun.elapsed());
    }

    #[tokio::test(start_paused = true)]
    async fn a_port_that_stays_in_use_is_told_after_a_second() {
        let held = listen(([127, 0, 0, 1], 0).into()).expect("a port");
        let address = held.local_addr().expect("bound");
        let begun = Instant::now();
        let told = bind(address, "--port").await.expect_err("in use");
        assert!(told.starts_with(&format!("cannot listen on {address}: ")), "{told}");
        assert!(
            told.ends_with("Choose another port with --port, or --port 0 for a free one"),
            "{told}"
        );
        assert!(begun.elapsed() < PATIENCE * 2, "{:?}", begun.elapsed());
    }
}
