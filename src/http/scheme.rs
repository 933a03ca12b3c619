//! The scheme under which a request came.

use hyper::http::Extensions;

/// Mark of a request that came over TLS.
#[derive(Clone, Copy, Debug)]
pub struct Secure;

/// The scheme with its separator, `http://` or `https://`, of a request with these extensions.
pub fn scheme(extensions: &Extensions) -> &'static str {
    if extensions.get::<Secure>().is_some() { "https://" } else { "http://" }
}
