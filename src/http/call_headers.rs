//! Headers of a merchant's call, as far as the simulator asks.

use hyper::header::{HeaderMap, HeaderValue};
use hyper::{Uri, Version};

use super::host::{HostError, check_only_host};
use super::trace_headers;
use crate::base::TraceHeaders;

/// Headers of a merchant's call, as far as the simulator asks. They are read in one pass: a look-up of each, most
/// of them in vain, took 1,500 instructions of a call.
#[derive(Clone, Debug, Default)]
pub struct CallHeaders {
    host: Option<HeaderValue>,
    /// True if there is more than one host.
    repeats_host: bool,
    space: Option<HeaderValue>,
    token: Option<HeaderValue>,
    scenario: Option<HeaderValue>,
    encoding: Option<HeaderValue>,
    /// True if the client sends its body only after `100 Continue`.
    pub awaits_continue: bool,
    /// The caller's place in a trace of its own.
    pub trace_headers: Option<Box<TraceHeaders>>,
}

impl CallHeaders {
    /// Reads those of a call. Of a header that is repeated the first value counts.
    pub fn read(headers: &HeaderMap) -> Self {
        let mut read = Self::default();
        let mut is_traced = false;
        for (name, value) in headers {
            let place = match name.as_str() {
                "host" => {
                    read.repeats_host = read.host.is_some();
                    &mut read.host
                }
                "x-payon-space" => &mut read.space,
                "authentication" => &mut read.token,
                "x-payon-scenario" => &mut read.scenario,
                "content-encoding" => &mut read.encoding,
                other => {
                    read.awaits_continue |= other == "expect";
                    is_traced |= other == "traceparent";
                    continue;
                }
            };
            place.get_or_insert_with(|| value.clone());
        }
        if is_traced {
            read.trace_headers = trace_headers(headers);
        }
        read
    }

    /// Checks the host, and that the request line names no other.
    ///
    /// # Errors
    /// None, several, or one that is no host.
    pub fn check_host(&self, version: Version, uri: &Uri) -> Result<(), HostError> {
        if self.repeats_host {
            return Err(HostError::Repeated);
        }
        check_only_host(version, uri, self.host.as_ref())
    }

    /// The host, where it is text.
    pub fn host(&self) -> Option<&str> {
        text(self.host.as_ref())
    }

    /// The name of a space, as it came.
    pub const fn space(&self) -> Option<&HeaderValue> {
        self.space.as_ref()
    }

    /// The merchant's token (documented), where it is text.
    pub fn token(&self) -> Option<&str> {
        text(self.token.as_ref())
    }

    /// The name by which a client chooses among rules, where it is text.
    pub fn scenario(&self) -> Option<&str> {
        text(self.scenario.as_ref())
    }

    /// The encoding of the body, as it came.
    pub fn encoding(&self) -> Option<&[u8]> {
        self.encoding.as_ref().map(HeaderValue::as_bytes)
    }
}

fn text(value: Option<&HeaderValue>) -> Option<&str> {
    value?.to_str().ok()
}
