//! Pieces of HTTP that several modules share: limits, bodies in and out, the headers of a call, the name by which a request calls
//! the server and what a proxy says of it, the headers of a trace, the client of whoever calls as a merchant, where clients of ours
//! find a host, and whom they trust over TLS.

mod body;
mod call_headers;
mod client;
mod front;
mod host;
mod reply_body;
mod resolve;
mod trust;

use std::time::Duration;

pub use body::{BodyError, LeavesRest, RequestBody};
pub use call_headers::CallHeaders;
pub use client::{Broken, MerchantAnswer, WebServer, post, send};
pub use front::{Front, NoProxy, TrustedProxy};
pub use host::{HostError, check_host};
pub use reply_body::{Pieces, ReplyBody};
pub use resolve::{Names, addresses, connect, connect_to, connector};
pub use trust::{
    NoCertificate, certificate_fault, tls_advice, trusting, trusting_nobody, trusting_system,
};

use hyper::header::{HeaderMap, HeaderName};

use crate::base::TraceHeaders;

/// Limits of the server.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// The largest body, in bytes.
    pub body_bytes: usize,
    /// Longest time for a request's head, and again for its body; also how long an
    /// idle connection is kept.
    pub request_time: Duration,
    /// Longest time for requests under way to end once the server stops.
    pub drain_time: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            body_bytes: 1 << 20,
            request_time: Duration::from_secs(30),
            drain_time: Duration::from_secs(5),
        }
    }
}

/// Content type of every reply to a merchant's call.
pub const REPLY_TYPE: &str = "application/json;charset=UTF-8";
/// Tells callers of `/_sim/` on the merchants' port which port has the control plane.
pub static CONTROL_PORT_HEADER: HeaderName = HeaderName::from_static("x-payon-control-port");
/// Says in every answer of a control plane that a payon-sim gave it, and of which version.
pub static PROGRAM_HEADER: HeaderName = HeaderName::from_static("x-payon-sim");
/// The headers of W3C Trace Context.
static TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");
static TRACESTATE: HeaderName = HeaderName::from_static("tracestate");

/// The caller's place in a trace of its own, where it names one.
pub fn trace_headers(headers: &HeaderMap) -> Option<Box<TraceHeaders>> {
    headers.get(&TRACEPARENT)?;
    let all = |name| headers.get_all(name).iter().map(|it| it.to_str().unwrap_or_default());
    Some(Box::new(TraceHeaders::read(all(&TRACEPARENT), all(&TRACESTATE))))
}
