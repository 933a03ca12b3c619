//! The process that holds a port, found as `ss -tanp` finds it. Known on Linux only.

use std::fmt;
use std::net::SocketAddr;

/// A socket that keeps others from a port, and the process it belongs to.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Holder {
    /// The other end, where it is a connection; a listener has none.
    remote: Option<SocketAddr>,
    /// The id of its user.
    user: u32,
    /// Its id and its name, where this process may see them.
    process: Option<(u32, String)>,
}

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.process {
            Some((id, name)) => write!(f, "It is held by {name} (pid {id}), ")?,
            None => write!(
                f,
                "It is held by a process of the user with id {} that is not visible here, ",
                self.user
            )?,
        }
        match self.remote {
            None => f.write_str("which listens there"),
            Some(remote) => write!(
                f,
                "as its own end of a connection with {remote}: a port this high is also given to outgoing connections, so \
                 start again once that one has ended"
            ),
        }
    }
}

/// The holder of the port of `address`, a listener before a connection; `None` where nothing is known.
#[cfg(not(target_os = "linux"))]
pub(super) fn of(_: SocketAddr) -> Option<Holder> {
    None
}

#[cfg(target_os = "linux")]
pub(super) use linux::of;

#[cfg(target_os = "linux")]
mod linux {
    use std::fs;
    use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

    use super::Holder;

    /// A line of `/proc/net/tcp` or `/proc/net/tcp6`.
    #[derive(Debug, PartialEq, Eq)]
    pub(super) struct Socket {
        pub(super) local: SocketAddr,
        pub(super) remote: SocketAddr,
        pub(super) listens: bool,
        pub(super) user: u32,
        pub(super) inode: u64,
    }

    /// The state of a listener, in hexadecimal.
    const LISTEN: &str = "0A";
    /// The state of a connection that has ended and whose last packets may still come. It holds no port.
    const TIME_WAIT: &str = "06";

    pub(in crate::simulator) fn of(address: SocketAddr) -> Option<Holder> {
        let lines = ["/proc/net/tcp", "/proc/net/tcp6"]
            .map(|file| fs::read_to_string(file).unwrap_or_default());
        let sockets = lines.iter().flat_map(|lines| lines.lines().filter_map(parse));
        let holder = sockets
            .filter(|socket| is_in_the_way(socket.local, address))
            .max_by_key(|socket| socket.listens)?;
        Some(Holder {
            remote: (!holder.listens).then_some(holder.remote),
            user: holder.user,
            process: process_of(holder.inode),
        })
    }

    fn is_in_the_way(held: SocketAddr, wanted: SocketAddr) -> bool {
        let (one, other) = (held.ip().to_canonical(), wanted.ip().to_canonical());
        held.port() == wanted.port()
            && (one == other || one.is_unspecified() || other.is_unspecified())
    }

    pub(super) fn parse(line: &str) -> Option<Socket> {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let [_, local, remote, state, _, _, _, user, _, inode, ..] = *fields else { return None };
        (state != TIME_WAIT).then_some(())?;
        Some(Socket {
            local: address(local)?,
            remote: address(remote)?,
            listens: state == LISTEN,
            user: user.parse().ok()?,
            inode: inode.parse().ok()?,
        })
    }

    /// `0100007F:8EFD`: words of four bytes in the order of the machine, and the port.
    fn address(text: &str) -> Option<SocketAddr> {
        let (ip, port) = text.split_once(':')?;
        let port = u16::from_str_radix(port, 16).ok()?;
        let mut bytes = Vec::with_capacity(16);
        for at in (0..ip.len()).step_by(8) {
            let word = u32::from_str_radix(ip.get(at..at + 8)?, 16).ok()?;
            bytes.extend(word.to_ne_bytes());
        }
        let ip = match bytes.len() {
            4 => IpAddr::V4(Ipv4Addr::from(<[u8; 4]>::try_from(bytes).ok()?)),
            _ => IpAddr::V6(Ipv6Addr::from(<[u8; 16]>::try_from(bytes).ok()?)),
        };
        Some(SocketAddr::new(ip, port))
    }

    /// The process that has the socket open, among those whose open files this one may list.
    fn process_of(inode: u64) -> Option<(u32, String)> {
        let wanted = format!("socket:[{inode}]");
        fs::read_dir("/proc").ok()?.flatten().find_map(|entry| {
            let id: u32 = entry.file_name().to_str()?.parse().ok()?;
            let open = fs::read_dir(entry.path().join("fd")).ok()?;
            let has_it = |file: fs::DirEntry| {
                fs::read_link(file.path()).is_ok_and(|to| to.as_os_str() == wanted.as_str())
            };
            open.flatten().any(has_it).then_some(())?;
            let name = fs::read_to_string(entry.path().join("comm")).unwrap_or_default();
            Some((id, name.trim_end().to_owned()))
        })
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn lines_of_the_system_are_read() {
        let listener = "   1: 0100007F:8EFD 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 5150 1 0 100 0";
        let found = linux::parse(listener).expect("a socket");
        assert_eq!(found.local.to_string(), "127.0.0.1:36605");
        assert_eq!((found.listens, found.user, found.inode), (true, 1000, 5150));
        let connection = "2: 00000000000000000000000001000000:8EFD 00000000000000000000000001000000:01BB 01 00000000:00000000 00:00000000 00000000 0 0 7 1";
        let found = linux::parse(connection).expect("a socket");
        assert_eq!((found.local.to_string(), found.remote.port()), ("[::1]:36605".to_owned(), 443));
        assert!(!found.listens);
        assert_eq!(linux::parse(&connection.replace(" 01 ", " 06 ")), None);
        assert_eq!(linux::parse("sl local_address rem_address st"), None);
    }

    #[test]
    fn the_holder_is_told_by_name() {
        let mut holder = Holder { remote: None, user: 7, process: Some((12, "node".to_owned())) };
        assert_eq!(holder.to_string(), "It is held by node (pid 12), which listens there");
        holder.process = None;
        holder.remote = Some(([127, 0, 0, 1], 443).into());
        let told = holder.to_string();
        assert!(
            told.contains("the user with id 7") && told.contains("with 127.0.0.1:443"),
            "{told}"
        );
    }
}
