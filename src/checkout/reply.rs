//! Answer to a page request, apart from any server.

use std::fmt::Write as _;
use std::sync::Arc;

use bytes::Bytes;

use crate::space::{PendingReply, RequestId};

/// The answer to a request for a page.
#[derive(Clone, Debug)]
pub struct PageReply {
    /// HTTP status.
    pub status: u16,
    /// Headers, by their lower-case names.
    pub headers: Vec<(&'static str, String)>,
    /// The body.
    pub body: Bytes,
    /// Its name in the journal, where something was done.
    pub trace: Option<RequestId>,
    /// Pending replies that the answer waits for, where rules stepped in.
    pub courses: Vec<Arc<PendingReply>>,
}

impl PageReply {
    /// A page, never kept by a browser or on the way. Other sites do not learn its address. With `no-referrer` browsers
    /// would hide from us too that a form of the pretend app is ours.
    pub(super) fn page(status: u16, html: String, policy: String) -> Self {
        let headers = vec![
            ("content-type", "text/html;charset=UTF-8".to_owned()),
            ("content-security-policy", policy),
            ("cache-control", "no-store".to_owned()),
            ("referrer-policy", "same-origin".to_owned()),
            ("x-content-type-options", "nosniff".to_owned()),
        ];
        Self { status, headers, body: html.into(), trace: None, courses: Vec::new() }
    }

    /// The way to another page, asked for with GET.
    pub(super) fn see_other(location: &str) -> Self {
        let headers = vec![
            ("location", header_safe(location)),
            ("cache-control", "no-store".to_owned()),
            ("referrer-policy", "no-referrer".to_owned()),
        ];
        Self { status: 303, headers, body: Bytes::new(), trace: None, courses: Vec::new() }
    }

    /// The answer to HEAD where GET would make something first: nothing is wrong.
    pub(super) fn found_good() -> Self {
        let headers = vec![("cache-control", "no-store".to_owned())];
        Self { status: 200, headers, body: Bytes::new(), trace: None, courses: Vec::new() }
    }

    /// A little JSON for the pages' own script.
    pub(super) fn json(value: &serde_json::Value) -> Self {
        let headers = vec![
            ("content-type", "application/json".to_owned()),
            ("cache-control", "no-store".to_owned()),
            ("x-content-type-options", "nosniff".to_owned()),
        ];
        Self {
            status: 200,
            headers,
            body: value.to_string().into(),
            trace: None,
            courses: Vec::new(),
        }
    }

    /// A file that never changes under its address.
    pub(super) fn file(kind: &str, text: &'static str) -> Self {
        let headers = vec![
            ("content-type", kind.to_owned()),
            ("cache-control", "public, max-age=31536000, immutable".to_owned()),
            ("x-content-type-options", "nosniff".to_owned()),
        ];
        Self {
            status: 200,
            headers,
            body: Bytes::from_static(text.as_bytes()),
            trace: None,
            courses: Vec::new(),
        }
    }

    /// A method that the address at which something of ours is does not have. `about` says what that is, `allowed` names
    /// the methods that it has.
    pub fn wrong_method(about: &str, allowed: &str) -> Self {
        let headers = vec![
            ("allow", allowed.to_owned()),
            ("content-type", "text/plain;charset=UTF-8".to_owned()),
            ("x-content-type-options", "nosniff".to_owned()),
        ];
        let body = format!("{about}: this address takes {allowed} only\n").into();
        Self { status: 405, headers, body, trace: None, courses: Vec::new() }
    }
}

/// Makes a URL safe for a header: anything else is percent-encoded.
fn header_safe(url: &str) -> String {
    let mut safe = String::with_capacity(url.len());
    for byte in url.bytes() {
        if byte.is_ascii_graphic() {
            safe.push(char::from(byte));
        } else {
            let _ = write!(safe, "%{byte:02X}");
        }
    }
    safe
}

/// The relative reference that leads from the page at `from` to the page at `to`, both paths of this server. Pages and
/// redirects use nothing else, so they work below any path at which a proxy shows the server.
pub(super) fn relative(from: &str, to: &str) -> String {
    let mut folder = &from[..from.rfind('/').map_or(0, |slash| slash + 1)];
    let mut steps = String::new();
    while !to.starts_with(folder) {
        let above = folder.strip_suffix('/').unwrap_or(folder);
        folder = &folder[..above.rfind('/').map_or(0, |slash| slash + 1)];
        steps.push_str("../");
    }
    let rest = &to[folder.len()..];
    if steps.is_empty() && rest.is_empty() { "./".to_owned() } else { steps + rest }
}

/// Adds parameters to a URL's query and keeps what is there, in front of any fragment.
pub fn with_query(url: &str, added: &[(&str, &str)]) -> String {
    let (base, fragment) = match url.split_once('#') {
        Some((base, fragment)) => (base, Some(fragment)),
        None => (url, None),
    };
    let query = serde_html_form::to_string(added).unwrap_or_default();
    let joint = match base.split_once('?') {
        None => "?",
        Some((_, "")) => "",
        Some(_) => "&",
    };
    let fragment = fragment.map(|fragment| format!("#{fragment}")).unwrap_or_default();
    format!("{base}{joint}{query}{fragment}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reference_leads_from_page_to_page() {
        for (from, to, expected) in [
            ("/pg/checkout/t", "/pg/checkout/t", "t"),
            ("/pg/checkout/t", "/pg/checkout/t/acs", "t/acs"),
            ("/pg/checkout/t/acs", "/pg/checkout/t", "../t"),
            ("/pg/checkout/t/acs", "/pg/checkout/assets/x.css", "../assets/x.css"),
            ("/pg/checkout/card/t", "/pg/checkout/assets/x.css", "../assets/x.css"),
            ("/pg/checkout", "/pg/checkout/t", "checkout/t"),
            ("/pg/checkout/", "/pg/checkout/t", "t"),
            ("/pg/checkout/t", "/_sim/app/t", "../../_sim/app/t"),
            ("/_sim/app", "/pg/checkout/assets/x.css", "../pg/checkout/assets/x.css"),
            ("/pg/checkout/", "/pg/checkout/", "./"),
        ] {
            assert_eq!(relative(from, to), expected, "{from} to {to}");
        }
        // A folder without a name is a folder to browsers too.
        assert_eq!(relative("/pg/checkout//t", "/pg/checkout/t"), "../t");
    }

    #[test]
    fn a_query_is_added_to_whatever_is_there() {
        let added = [("txId", "a&b"), ("resultMsg", "Not paid")];
        for (url, expected) in [
            ("http://shop/r", "http://shop/r?txId=a%26b&resultMsg=Not+paid"),
            ("http://shop/r?", "http://shop/r?txId=a%26b&resultMsg=Not+paid"),
            ("http://shop/r?x=1", "http://shop/r?x=1&txId=a%26b&resultMsg=Not+paid"),
            ("shop://r?x=1#end", "shop://r?x=1&txId=a%26b&resultMsg=Not+paid#end"),
        ] {
            assert_eq!(with_query(url, &added), expected);
        }
    }

    #[test]
    fn no_line_break_gets_into_a_header() {
        let reply = PageReply::see_other("http://shop/\r\nset-cookie: a=b ហាង");
        let (_, location) = &reply.headers[0];
        assert!(location.bytes().all(|byte| byte.is_ascii_graphic()), "{location}");
        assert!(location.starts_with("http://shop/%0D%0Aset-cookie:%20a=b%20%E1"));
    }
}
