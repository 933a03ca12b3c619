//! A request as the gateway takes it, and the answer as the server gets it.

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;

use crate::base::{Operation, Reason, TraceHeaders, is_authority};
use crate::space::{DEFAULT_SPACE, PendingReply, RequestId, Space};

/// The place at which callers reach the gateway, put together only where a link is made of it.
#[derive(Clone, Copy, Debug)]
pub struct LinkBase<'a> {
    scheme: &'static str,
    host: Option<&'a str>,
    prefix: &'a str,
    url: &'a str,
}

impl<'a> LinkBase<'a> {
    /// The origin of what the header `Host` names, under `scheme`, such as `http://`, with the path in front of all
    /// others. Where that host must not get into a link, it is `url`.
    pub const fn at(
        scheme: &'static str,
        host: Option<&'a str>,
        prefix: &'a str,
        url: &'a str,
    ) -> Self {
        Self { scheme, host, prefix, url }
    }

    /// The URL of `path` and `name` behind it, in this space.
    pub fn link(self, space: &Space, path: &str, name: &str) -> String {
        let ([scheme, host, prefix], [folder, space]) = (self.parts(), place_of(space));
        [scheme, host, prefix, folder, space, path, name].concat()
    }

    fn parts(self) -> [&'a str; 3] {
        match self.host.filter(|host| is_authority(host)) {
            Some(host) => [self.scheme, host, self.prefix],
            None => ["", self.url, ""],
        }
    }
}

/// The origin written out, `http://127.0.0.1:36605`.
impl<'a> From<&'a str> for LinkBase<'a> {
    fn from(url: &'a str) -> Self {
        Self { scheme: "", host: None, prefix: "", url }
    }
}

impl fmt::Display for LinkBase<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.parts().concat())
    }
}

/// The path of a space, in two parts: of all but `default`, which is where no space is named, links carry the name, so
/// that whoever stands in front of several processes can tell where they lead.
pub fn place_of(space: &Space) -> [&str; 2] {
    if space.name() == DEFAULT_SPACE { ["", ""] } else { ["/space/", space.name()] }
}

/// One request to one of PAYON's operations. Its `Debug` form leaves token and body out.
#[derive(Clone)]
pub struct Call<'a> {
    /// Operation.
    pub operation: Operation,
    /// The space that the path or a header names; without one the merchant decides.
    pub space: Option<Arc<Space>>,
    /// The header `Authentication`.
    pub token: Option<&'a str>,
    /// The header `X-Payon-Scenario`, by which a client chooses among a scenario's rules.
    pub scenario: Option<&'a str>,
    /// Scheme and authority at which the caller reaches the gateway, for links in the reply.
    pub origin: LinkBase<'a>,
    /// The body.
    pub body: &'a [u8],
    /// Result of the headers `traceparent` and `tracestate`, where they came.
    pub trace_headers: Option<Box<TraceHeaders>>,
}

/// The answer to one request.
#[derive(Debug)]
pub struct GatewayReply {
    /// HTTP status.
    pub status: u16,
    /// JSON, or `1` for a refused token.
    pub body: Bytes,
    /// Its name in the journal.
    pub trace: RequestId,
    /// Reason that decided.
    pub reason: Reason,
    /// Pending reply, where a rule stepped in. Work for after the reply is booked when this is dropped.
    pub pending: Option<Box<PendingReply>>,
    /// Changes that the profile makes beyond the body, where it makes any.
    pub change: Option<Box<ReplyExtras>>,
}

/// Changes of a reply beyond its body, as an overlay of the profile brings them.
#[derive(Clone, Debug, Default)]
pub struct ReplyExtras {
    /// Headers to set, in lower case; an empty value takes one away.
    pub headers: Vec<(String, String)>,
    /// Latency, in milliseconds of the space's clock.
    pub delay_ms: u64,
    /// The space whose clock that is.
    pub space: Option<Arc<Space>>,
}

impl fmt::Debug for Call<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Call").field("operation", &self.operation).finish_non_exhaustive()
    }
}
