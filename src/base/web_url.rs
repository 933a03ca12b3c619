//! Web addresses that come from outside: one strict rule for all of them.

use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr};

use serde::{Deserialize, Serialize};

/// An absolute `http` or `https` address that every client reads the same way: no user, a host that is a name or an IP
/// address, and a port that can be connected to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct WebUrl(Box<str>);

/// A text that is no such address. The message completes a sentence that begins with the name of a member or an option.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WebUrlError {
    /// It has no scheme, or another one.
    #[error("must be an absolute URL that begins with http:// or https://")]
    Scheme,
    /// It is too long.
    #[error("must have at most {max} characters", max = WebUrl::CHARS_MAX)]
    Long,
    /// It has blanks, control characters or letters beyond ASCII.
    #[error("must be plain ASCII without blanks; other characters are percent-encoded")]
    Character,
    /// It has a character that clients read in different ways.
    #[error("must have {0} percent-encoded")]
    Encoding(char),
    /// It has no host.
    #[error("must name a host after http:// or https://, and no user")]
    Host,
    /// It has a user or a password.
    #[error("must name a host after http:// or https://, and no user or password before it")]
    User,
    /// The host can be neither a name nor an address.
    #[error("must name a host such as shop.example, 127.0.0.1 or [::1]")]
    HostName,
    /// The port is none.
    #[error("must name a port from 1 to 65535")]
    Port,
}

/// The parts of an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WebUrlParts<'a> {
    /// `https`, not `http`.
    pub is_https: bool,
    /// Host and port as written.
    pub authority: &'a str,
    /// The host, an IPv6 address without its brackets.
    pub host: &'a str,
    /// The port, the scheme's own where none is named.
    pub port: u16,
    /// Path, query and fragment as written; may be empty.
    pub rest: &'a str,
}

impl WebUrl {
    /// The longest address, in characters (assumed).
    pub const CHARS_MAX: usize = 2048;

    /// Reads an address.
    ///
    /// # Errors
    /// The first rule that `text` breaks.
    pub fn parse(text: &str) -> Result<Self, WebUrlError> {
        WebUrlParts::parse(text).map(|_| Self(text.into()))
    }

    /// The text as it was given.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl<'a> WebUrlParts<'a> {
    /// Takes an address apart without copying it.
    ///
    /// # Errors
    /// The first rule that `text` breaks.
    pub fn parse(text: &'a str) -> Result<Self, WebUrlError> {
        let (scheme, after) = text.split_once("://").ok_or(WebUrlError::Scheme)?;
        let is_https = scheme.eq_ignore_ascii_case("https");
        if !is_https && !scheme.eq_ignore_ascii_case("http") {
            return Err(WebUrlError::Scheme);
        }
        if !text.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(WebUrlError::Character);
        }
        if text.len() > WebUrl::CHARS_MAX {
            return Err(WebUrlError::Long);
        }
        if let Some(found) = text.chars().find(|c| matches!(c, '"' | '<' | '>' | '\\' | '`')) {
            return Err(WebUrlError::Encoding(found));
        }
        let (authority, rest) = after.split_at(after.find(['/', '?', '#']).unwrap_or(after.len()));
        if authority.contains('@') {
            return Err(WebUrlError::User);
        }
        let (host, port) = read_authority(authority)?;
        let port = port.unwrap_or(if is_https { 443 } else { 80 });
        Ok(Self { is_https, authority, host, port, rest })
    }
}

/// Returns true if a text is a host and perhaps a port, as in the header `Host`, by the same rules.
pub fn is_authority(text: &str) -> bool {
    read_authority(text).is_ok()
}

/// The host, an IPv6 address without its brackets, and the port if one is named.
fn read_authority(authority: &str) -> Result<(&str, Option<u16>), WebUrlError> {
    let (host, port) = if let Some(bracketed) = authority.strip_prefix('[') {
        let (host, port) = bracketed.split_once(']').ok_or(WebUrlError::HostName)?;
        host.parse::<Ipv6Addr>().map_err(|_| WebUrlError::HostName)?;
        (host, port)
    } else {
        let (host, port) = authority.split_at(authority.find(':').unwrap_or(authority.len()));
        if host.is_empty() {
            return Err(WebUrlError::Host);
        }
        if !is_host_name(host) {
            return Err(WebUrlError::HostName);
        }
        (host, port)
    };
    match port.strip_prefix(':') {
        Some(digits) => Ok((host, Some(read_port(digits).ok_or(WebUrlError::Port)?))),
        None if port.is_empty() => Ok((host, None)),
        None => Err(WebUrlError::HostName),
    }
}

/// Tells names and IPv4 addresses from all else. A name whose last label is a number would be an address to some clients
/// and a name to others, so it must be a full address.
fn is_host_name(host: &str) -> bool {
    if host.parse::<Ipv4Addr>().is_ok() {
        return true;
    }
    let name = host.strip_suffix('.').unwrap_or(host);
    let is_label = |label: &str| {
        !label.is_empty()
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
    };
    let last = name.rsplit('.').next().unwrap_or_default();
    let hex = last.get(..2).is_some_and(|begin| begin.eq_ignore_ascii_case("0x"));
    let is_number = last.bytes().all(|byte| byte.is_ascii_digit())
        || (hex && last[2..].bytes().all(|byte| byte.is_ascii_hexdigit()));
    name.len() <= 253 && name.split('.').all(is_label) && !is_number
}

fn read_port(digits: &str) -> Option<u16> {
    let all_digits = digits.bytes().all(|byte| byte.is_ascii_digit());
    digits.parse().ok().filter(|port| all_digits && *port != 0)
}

impl std::str::FromStr for WebUrl {
    type Err = WebUrlError;

    fn from_str(text: &str) -> Result<Self, WebUrlError> {
        Self::parse(text)
    }
}

impl TryFrom<String> for WebUrl {
    type Error = WebUrlError;

    fn try_from(text: String) -> Result<Self, WebUrlError> {
        WebUrlParts::parse(&text)?;
        Ok(Self(text.into()))
    }
}

impl From<WebUrl> for String {
    fn from(url: WebUrl) -> Self {
        url.0.into()
    }
}

impl fmt::Display for WebUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_every_client_reads_the_same_way_is_taken() {
        let cases = [
            ("http://a", (false, "a", 80, "")),
            ("HTTPS://a.example:8443/x?y[]=1#z", (true, "a.example", 8443, "/x?y[]=1#z")),
            ("http://[::1]:65535?x", (false, "::1", 65535, "?x")),
            ("https://127.0.0.1:1/", (true, "127.0.0.1", 1, "/")),
            ("http://my_shop-1.:080/a:b@c", (false, "my_shop-1.", 80, "/a:b@c")),
            ("http://1.2.example/", (false, "1.2.example", 80, "/")),
        ];
        for (text, expected) in cases {
            let parts = WebUrlParts::parse(text).expect(text);
            assert_eq!((parts.is_https, parts.host, parts.port, parts.rest), expected, "{text}");
            assert_eq!(text.split_once(parts.authority).map(|(_, rest)| rest), Some(parts.rest));
        }
    }

    #[test]
    fn everything_else_is_refused_by_name() {
        use WebUrlError::{Character, Encoding, Host, HostName, Long, Port, Scheme, User};
        let long = format!("http://a/{}", "x".repeat(WebUrl::CHARS_MAX));
        let cases = [
            ("", Scheme),
            ("/x", Scheme),
            ("a.example", Scheme),
            ("ftp://a/", Scheme),
            ("http:/a", Scheme),
            (" http://a", Scheme),
            ("javascript://a", Scheme),
            ("http://a b/", Character),
            ("http://a/\n", Character),
            ("http://a/ក", Character),
            (&long, Long),
            ("http://a/\\b", Encoding('\\')),
            ("http://a/<b>", Encoding('<')),
            ("http://a/\"", Encoding('"')),
            ("http://", Host),
            ("http:///x", Host),
            ("http://:80", Host),
            ("http://?x", Host),
            ("http://u:p@a/", User),
            ("http://u@a:1", User),
            ("http://@a", User),
            ("http://[::1/ok", HostName),
            ("http://[::1]x/", HostName),
            ("http://[]/", HostName),
            ("http://[fe80::1%25eth0]/", HostName),
            ("http://a..b/", HostName),
            ("http://.", HostName),
            ("http://a%41/", HostName),
            ("http://a,b/", HostName),
            ("http://a]/", HostName),
            ("http://127.1/", HostName),
            ("http://999.0.0.1/", HostName),
            ("http://0x7f.0.0.0x1/", HostName),
            ("http://2130706433/", HostName),
            ("http://127.0.0.1./", HostName),
            ("http://a:/", Port),
            ("http://a:0/", Port),
            ("http://a:65536/", Port),
            ("http://a:99999", Port),
            ("http://a:360605/n", Port),
            ("http://a:abc", Port),
            ("http://a:-1/", Port),
            ("http://a:+1/", Port),
            ("http://a:80:80/", Port),
            ("http://[::1]:x", Port),
            ("http://::1/", Host),
        ];
        for (text, error) in cases {
            assert_eq!(WebUrlParts::parse(text), Err(error), "{text}");
        }
    }

    #[test]
    fn the_client_that_delivers_reads_the_same_host_and_port() {
        for text in [
            "http://a",
            "http://a?x=1",
            "http://a#z",
            "HTTP://A_b.:80/x",
            "https://[::1]:65535/?{a}|^[]",
            "http://127.0.0.1:1/%zz/~!$&'()*+,;=:@",
            "http://1.2.3.4",
        ] {
            let parts = WebUrlParts::parse(text).unwrap_or_else(|error| panic!("{text}: {error}"));
            let read: hyper::Uri = text.parse().unwrap_or_else(|error| panic!("{text}: {error}"));
            let host = read.host().map(|host| host.trim_matches(['[', ']']));
            assert_eq!(host, Some(parts.host), "{text}");
            let default = if parts.is_https { 443 } else { 80 };
            assert_eq!(read.port_u16().unwrap_or(default), parts.port, "{text}");
        }
    }

    #[test]
    fn only_a_host_and_a_port_get_into_links() {
        for host in ["localhost", "127.0.0.1:36605", "[::1]:1", "pay.example", "payon-sim:80"] {
            assert!(is_authority(host), "{host}");
        }
        for text in [
            "",
            "a\"><script>",
            "a b",
            "shop@evil.test",
            "a/b",
            "a:0",
            "a:99999",
            "[::1",
            ":80",
            "a?b",
            "a#b",
            "ក",
        ] {
            assert!(!is_authority(text), "{text}");
        }
    }
}
