//! The name by which a request calls the server: it must be there once, be readable, and be the only one (RFC 9112,
//! section 3.2).

use std::net::Ipv6Addr;

use hyper::header::{HOST, HeaderMap, HeaderValue};
use hyper::http::uri::Authority;
use hyper::{Uri, Version};

/// Reason why a request must be refused with 400 for the name that it calls the server by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HostError {
    /// No header in HTTP/1.1.
    #[error("the header Host is missing; HTTP/1.1 requires it")]
    Missing,
    /// More than one header.
    #[error("the header Host stands there more than once; send it once")]
    Repeated,
    /// A value that is no host with an optional port.
    #[error("the header Host is not a host name or address with an optional port")]
    Unreadable,
    /// A user name before the host.
    #[error("a user name stands before the host; leave it and the @ out")]
    UserInfo,
    /// A request line with another host than the header's.
    #[error("the request line names another host than the header Host; send the same in both")]
    Contradicted,
}

/// Checks what a request line and its headers say about the host.
pub fn check_host(version: Version, uri: &Uri, headers: &HeaderMap) -> Result<(), HostError> {
    let mut hosts = headers.get_all(HOST).iter();
    let host = hosts.next();
    if hosts.next().is_some() {
        return Err(HostError::Repeated);
    }
    check_only_host(version, uri, host)
}

/// Checks the only host that the headers name, if they name one.
pub(super) fn check_only_host(
    version: Version,
    uri: &Uri,
    host: Option<&HeaderValue>,
) -> Result<(), HostError> {
    let Some(host) = host else {
        // HTTP/1.0 knows no such header.
        return if version == Version::HTTP_11 { Err(HostError::Missing) } else { Ok(()) };
    };
    check_value(host.as_bytes())?;
    uri.authority().map_or(Ok(()), |authority| check_authority(authority, host.as_bytes()))
}

/// Checks the host of a request line against the header's.
#[cold]
fn check_authority(authority: &Authority, host: &[u8]) -> Result<(), HostError> {
    let named = authority.as_str();
    if named.contains('@') {
        return Err(HostError::UserInfo);
    }
    let without_default = |text: &[u8]| {
        let text = text.strip_suffix(b":80").or_else(|| text.strip_suffix(b":")).unwrap_or(text);
        text.to_ascii_lowercase()
    };
    if without_default(named.as_bytes()) == without_default(host) {
        Ok(())
    } else {
        Err(HostError::Contradicted)
    }
}

/// Checks the value of a header Host.
fn check_value(value: &[u8]) -> Result<(), HostError> {
    // Nearly all are a plain name or address with a port.
    let is_plain = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-');
    let host = value.iter().take_while(|byte| is_plain(byte)).count();
    let (host, port) = value.split_at(host);
    if host.is_empty() || !is_port(port) { check_odd(value) } else { Ok(()) }
}

/// Nothing, or a colon with digits behind it that make a port.
fn is_port(text: &[u8]) -> bool {
    let Some((colon, digits)) = text.split_first() else { return true };
    let value = digits.iter().try_fold(0_u32, |value, digit| {
        digit
            .is_ascii_digit()
            .then(|| value.saturating_mul(10).saturating_add(u32::from(digit - b'0')))
    });
    *colon == b':' && value.is_some_and(|value| u16::try_from(value).is_ok())
}

/// Checks what is not as plain as nearly all: addresses in brackets, names with unusual characters, nothing at all.
#[cold]
fn check_odd(value: &[u8]) -> Result<(), HostError> {
    if value.contains(&b'@') {
        return Err(HostError::UserInfo);
    }
    let text = std::str::from_utf8(value).map_err(|_| HostError::Unreadable)?;
    let (host, port) = match text.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((address, port)) if address.parse::<Ipv6Addr>().is_ok() => ("", port),
        Some(_) => return Err(HostError::Unreadable),
        None => text.split_at(text.find(':').unwrap_or(text.len())),
    };
    // The characters of a registered name (RFC 3986, section 3.2.2).
    let is_known = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=%".contains(&byte);
    let escapes = host.split('%').skip(1);
    let escapes_well = |rest: &str| {
        rest.as_bytes().get(..2).is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit))
    };
    if host.bytes().all(is_known) && escapes.clone().all(escapes_well) && is_port(port.as_bytes()) {
        Ok(())
    } else {
        Err(HostError::Unreadable)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(text: &[u8]) -> Result<(), HostError> {
        check_value(text)
    }

    #[test]
    fn names_and_addresses_with_and_without_a_port_are_taken() {
        for host in [
            "localhost",
            "127.0.0.1:36605",
            "sim.test:",
            "[::1]",
            "[::1]:80",
            "a_b",
            "x%20y",
            "",
            ":80",
        ] {
            assert_eq!(value(host.as_bytes()), Ok(()), "{host:?}");
        }
    }

    #[test]
    fn what_is_no_host_is_refused() {
        for host in [
            "a b",
            "a\"><script>",
            "a/b",
            "a:b",
            "a:80:80",
            "a:65536",
            "a:4294967297",
            "a:77777777777777777777",
            "[::1",
            "[x]",
            "::1",
            "a%2",
            "a\\b",
            "a?b",
        ] {
            assert_eq!(value(host.as_bytes()), Err(HostError::Unreadable), "{host:?}");
        }
        assert_eq!(value(b"ev\xefl.test"), Err(HostError::Unreadable));
        assert_eq!(value(b"evil.test@localhost"), Err(HostError::UserInfo));
    }
}
