//! The address by which a caller reached the server, as far as the request does not say it itself: TLS, and what a
//! trusted proxy says of its own callers.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;
use std::sync::Arc;

use hyper::header::{HOST, HeaderMap, HeaderName, HeaderValue};
use hyper::http::Extensions;
use hyper::{Request, Uri, Version};
use percent_encoding::percent_decode_str;
use serde::{Deserialize, Serialize};

use super::host::check_host;
use crate::base::is_authority;

/// The scheme of the proxy's caller.
static FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
/// The host by which the proxy was called.
static FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");
/// The path at which the proxy shows the server, which it took away.
static FORWARDED_PREFIX: HeaderName = HeaderName::from_static("x-forwarded-prefix");

/// Scheme and path at which callers see the server. Their host is in the header `Host`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Front {
    is_secure: bool,
    prefix: Option<Arc<str>>,
    /// The header `Host` as it came, where a proxy's word stands in its place.
    own_host: Option<HeaderValue>,
}

impl Front {
    /// The front of a request: plain, with nothing before the path, unless [`Front::note`] noted another.
    pub fn of(extensions: &Extensions) -> Self {
        extensions.get::<Self>().cloned().unwrap_or_default()
    }

    /// Notes the front of a request that came over TLS, or through a trusted proxy. Such a proxy's word on scheme, host
    /// and path stands above what the connection shows; of several in a row the first counts.
    pub fn note<B>(request: &mut Request<B>, is_secure: bool, is_trusted: bool) {
        let mut front = Self { is_secure, ..Self::default() };
        if is_trusted {
            front.hear(request.version(), request.headers_mut());
        }
        if front != Self::default() {
            request.extensions_mut().insert(front);
        }
    }

    /// Takes in what a proxy says. The host takes the place of the header `Host`, so that all goes by it, but not of one
    /// that is missing, repeated or unreadable, for which the request is refused; what cannot be read of the proxy's words
    /// counts as not said.
    fn hear(&mut self, version: Version, headers: &mut HeaderMap) {
        match first(headers, &FORWARDED_PROTO) {
            Some(scheme) if scheme.eq_ignore_ascii_case("https") => self.is_secure = true,
            Some(scheme) if scheme.eq_ignore_ascii_case("http") => self.is_secure = false,
            _ => {}
        }
        let prefix = first(headers, &FORWARDED_PREFIX).map(|prefix| prefix.trim_end_matches('/'));
        self.prefix = prefix.filter(|prefix| is_folder(prefix)).map(Arc::from);
        let host = first(headers, &FORWARDED_HOST).filter(|host| is_authority(host));
        let host: Option<HeaderValue> = host.and_then(|host| host.parse().ok());
        let is_sound = check_host(version, &Uri::default(), headers).is_ok();
        if let Some(host) = host.filter(|_| is_sound) {
            self.own_host = headers.insert(HOST, host);
        }
    }

    /// The scheme with its separator, `http://` or `https://`.
    pub const fn scheme(&self) -> &'static str {
        if self.is_secure { "https://" } else { "http://" }
    }

    /// The header `Host` as it came, where a proxy's word stands in its place.
    pub const fn own_host(&self) -> Option<&HeaderValue> {
        self.own_host.as_ref()
    }

    /// The path in front of all paths, without a slash at its end; mostly empty.
    pub fn prefix(&self) -> &str {
        self.prefix.as_deref().unwrap_or_default()
    }
}

/// The first of the values of a header.
fn first<'h>(headers: &'h HeaderMap, name: &HeaderName) -> Option<&'h str> {
    let value = headers.get(name)?.to_str().ok()?;
    value.split(',').next().map(str::trim)
}

/// Returns true if a text can stand before the paths of links.
fn is_folder(text: &str) -> bool {
    let is_step = |step: &str| {
        let is_good = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~%".contains(&byte);
        // To a browser encoded dots are dots.
        let read = percent_decode_str(step).decode_utf8_lossy();
        !matches!(&*read, "" | "." | "..") && step.bytes().all(is_good)
    };
    text.strip_prefix('/').is_some_and(|rest| rest.split('/').all(is_step))
}

/// Proxies whose word on scheme, host and path is taken: an address, or a network such as `10.0.0.0/8`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct TrustedProxy {
    address: IpAddr,
    /// Leading bits that all of them share.
    bits: u32,
}

/// Text that names no proxies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("it is neither an IP address nor a network, such as 10.0.0.7 or 10.0.0.0/8")]
pub struct NoProxy;

impl TrustedProxy {
    /// Returns true if a connection of this address comes from one of them.
    pub fn includes(&self, peer: IpAddr) -> bool {
        let (own, peer) = (self.address.to_canonical(), peer.to_canonical());
        own.is_ipv4() == peer.is_ipv4() && {
            let differing = number(own) ^ number(peer);
            let width = width(own);
            self.bits == 0 || differing >> (width - self.bits) == 0
        }
    }
}

fn number(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(address) => u128::from(address.to_bits()),
        IpAddr::V6(address) => address.to_bits(),
    }
}

const fn width(address: IpAddr) -> u32 {
    match address {
        IpAddr::V4(_) => u32::BITS,
        IpAddr::V6(_) => u128::BITS,
    }
}

impl FromStr for TrustedProxy {
    type Err = NoProxy;

    fn from_str(text: &str) -> Result<Self, NoProxy> {
        let (address, bits) = match text.split_once('/') {
            Some((address, bits)) => (address, Some(bits)),
            None => (text, None),
        };
        let address = address.parse::<IpAddr>().map_err(|_| NoProxy)?.to_canonical();
        let width = width(address);
        let bits = bits.map_or(Ok(width), str::parse).map_err(|_| NoProxy)?;
        if bits <= width { Ok(Self { address, bits }) } else { Err(NoProxy) }
    }
}

impl fmt::Display for TrustedProxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.bits == width(self.address) {
            write!(f, "{}", self.address)
        } else {
            write!(f, "{}/{}", self.address, self.bits)
        }
    }
}

impl From<TrustedProxy> for String {
    fn from(proxy: TrustedProxy) -> Self {
        proxy.to_string()
    }
}

impl TryFrom<String> for TrustedProxy {
    type Error = NoProxy;

    fn try_from(text: String) -> Result<Self, NoProxy> {
        text.parse()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn heard(pairs: &[(&'static str, &str)], is_trusted: bool) -> (String, String) {
        let mut request = Request::new(());
        for (name, value) in pairs {
            request.headers_mut().append(*name, value.parse().expect("a value"));
        }
        Front::note(&mut request, false, is_trusted);
        let front = Front::of(request.extensions());
        let host = request.headers().get(HOST).map_or("", |host| host.to_str().expect("text"));
        (format!("{}{host}", front.scheme()), front.prefix().to_owned())
    }

    #[test]
    fn a_trusted_proxy_says_scheme_host_and_path() {
        let said = [
            ("host", "10.0.0.1:36605"),
            ("x-forwarded-proto", "https, http"),
            ("x-forwarded-host", "pay.example"),
            ("x-forwarded-prefix", "/payon/"),
        ];
        assert_eq!(heard(&said, true), ("https://pay.example".into(), "/payon".into()));
        assert_eq!(heard(&said, false), ("http://10.0.0.1:36605".into(), String::new()));
    }

    #[test]
    fn what_could_not_stand_in_a_link_counts_as_not_said() {
        for prefix in [
            "payon",
            "//evil.test",
            "/a/../b",
            "/a/%2e%2E/b",
            "/%2e",
            "/a b",
            "/a?b",
            "/\"<x>",
            "/",
        ] {
            let said = [("host", "a"), ("x-forwarded-prefix", prefix)];
            assert_eq!(heard(&said, true), ("http://a".into(), String::new()), "{prefix}");
        }
        for host in ["a b", "a/b", "", "x\"><script>"] {
            let said = [("host", "a"), ("x-forwarded-host", host), ("x-forwarded-proto", "ftp")];
            assert_eq!(heard(&said, true).0, "http://a", "{host}");
        }
    }

    #[test]
    fn a_request_that_names_no_host_as_it_must_gets_none_from_a_proxy() {
        for hosts in [&[][..], &["a", "b"], &["a b"], &["u@a"]] {
            let mut request = Request::builder().header(&FORWARDED_HOST, "pay.example");
            for host in hosts {
                request = request.header(HOST, *host);
            }
            let mut request = request.body(()).expect("a request");
            Front::note(&mut request, false, true);
            let found: Vec<_> = request.headers().get_all(HOST).iter().collect();
            assert_eq!(found, hosts.to_vec());
        }
    }

    #[test]
    fn a_network_includes_its_addresses() {
        for (network, inside, outside) in [
            ("10.0.0.0/8", "10.255.0.1", "11.0.0.1"),
            ("10.0.0.7", "10.0.0.7", "10.0.0.8"),
            ("127.0.0.1", "::ffff:127.0.0.1", "::1"),
            ("fd00::/8", "fd12::1", "fe80::1"),
            ("0.0.0.0/0", "8.8.8.8", "::1"),
        ] {
            let proxy: TrustedProxy = network.parse().expect(network);
            assert_eq!(proxy.to_string(), network);
            assert!(proxy.includes(inside.parse().expect("an address")), "{network} {inside}");
            assert!(!proxy.includes(outside.parse().expect("an address")), "{network} {outside}");
        }
        for text in ["", "proxy.test", "10.0.0.0/33", "10.0.0.0/", "10.0.0.0/x", "::1/129"] {
            assert_eq!(text.parse::<TrustedProxy>(), Err(NoProxy), "{text}");
        }
    }
}
