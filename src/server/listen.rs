//! Listening sockets.

use std::io;
use std::net::SocketAddr;

use tokio::net::{TcpListener, TcpSocket};

/// Connections that the system completes before they are accepted. With the common 128 a burst of 500 makes many callers
/// wait for a second.
const BACKLOG: u32 = 4096;

/// Listens on `address`; port 0 takes a free one. Must be called within a runtime.
///
/// # Errors
/// Those of the system, such as `AddrInUse`.
pub fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    // Connections of an earlier server that are still being closed do not hold the port then. Elsewhere the same option
    // would take the port away from a server that runs.
    #[cfg(unix)]
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}
