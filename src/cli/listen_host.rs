//! The address to listen on, as a setting.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// `localhost`, which is both loopback addresses, or an IP address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub(super) enum ListenHost {
    /// 127.0.0.1, and `[::1]` where the machine has IPv6.
    Localhost,
    /// This address.
    Ip(IpAddr),
}

/// Text that is no address to listen on.
#[derive(Debug, thiserror::Error)]
#[error("it is neither `localhost` nor an IP address, such as 0.0.0.0 or ::1")]
pub(super) struct NoListenHost;

impl ListenHost {
    /// Returns true if no other machine reaches it.
    pub(super) const fn is_loopback(self) -> bool {
        match self {
            Self::Localhost => true,
            Self::Ip(address) => address.is_loopback(),
        }
    }

    /// The address to listen on first.
    pub(super) fn at(self, port: u16) -> SocketAddr {
        let address = match self {
            Self::Localhost => Ipv4Addr::LOCALHOST.into(),
            Self::Ip(address) => address,
        };
        SocketAddr::new(address, port)
    }
}

impl FromStr for ListenHost {
    type Err = NoListenHost;

    fn from_str(text: &str) -> Result<Self, NoListenHost> {
        if text.eq_ignore_ascii_case("localhost") {
            return Ok(Self::Localhost);
        }
        let inner = text.strip_prefix('[').and_then(|text| text.strip_suffix(']'));
        let address: IpAddr = inner.unwrap_or(text).parse().map_err(|_| NoListenHost)?;
        let is_fit = inner.is_none() || address.is_ipv6();
        is_fit.then_some(Self::Ip(address)).ok_or(NoListenHost)
    }
}

impl fmt::Display for ListenHost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Localhost => f.write_str("localhost"),
            Self::Ip(address) => address.fmt(f),
        }
    }
}

impl From<ListenHost> for String {
    fn from(host: ListenHost) -> Self {
        host.to_string()
    }
}

impl TryFrom<String> for ListenHost {
    type Error = NoListenHost;

    fn try_from(text: String) -> Result<Self, NoListenHost> {
        text.parse()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_are_read_with_and_without_brackets() {
        let read = |text: &str| text.parse::<ListenHost>().ok().map(|host| host.at(7).to_string());
        for (text, expected) in [
            ("localhost", Some("127.0.0.1:7")),
            ("LocalHost", Some("127.0.0.1:7")),
            ("0.0.0.0", Some("0.0.0.0:7")),
            ("::1", Some("[::1]:7")),
            ("[::1]", Some("[::1]:7")),
            ("[127.0.0.1]", None),
            ("[::1", None),
            ("::1]", None),
            ("127.0.0.1:80", None),
            ("shop.example", None),
            ("", None),
        ] {
            assert_eq!(read(text).as_deref(), expected, "{text}");
        }
    }
}
