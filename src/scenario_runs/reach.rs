//! The reach of a request to a shop: whether an answer shows that the shop's own code for the address has taken it.

use std::time::Duration;

use bytes::Bytes;
use hyper::Method;

use crate::base::WebUrlParts;
use crate::http::send;

/// Pages that a browser is led on to, at most.
const REDIRECTS_MAX: usize = 5;

/// Returns true if a server says with this HTTP status that it does nothing of the kind at this address.
pub(super) const fn is_wrong_address(status: u16) -> bool {
    matches!(status, 404 | 405 | 501)
}

/// Returns true if an answer with this HTTP status comes from the code that handles the address: it was done, or refused for
/// what stands in it or for who has sent it. Any other answer may come from a server that has nothing there.
pub(super) const fn is_taken(status: u16) -> bool {
    matches!(status, 200..=299 | 400 | 401 | 403 | 409 | 422)
}

/// An answer in words.
pub(super) fn shown(status: Option<u16>) -> String {
    status.map_or_else(|| "no answer".to_owned(), |status| format!("HTTP {status}"))
}

/// The address to which the header `Location` of an answer leads from `url`.
pub(super) fn leads_to(url: &str, location: &str) -> String {
    let place = url.split(['?', '#']).next().unwrap_or_default();
    let rest = place.split_once("://").map_or("", |(_, rest)| rest);
    let host = rest.split('/').next().unwrap_or_default();
    if location.contains("://") {
        location.to_owned()
    } else if location.starts_with("//") {
        format!("http:{location}")
    } else if location.starts_with('/') {
        format!("http://{host}{location}")
    } else {
        let directory = place.rsplit_once('/').filter(|_| rest.contains('/'));
        format!("{}/{location}", directory.map_or(place, |(directory, _)| directory))
    }
}

/// Opens a page as a browser does, and those that it leads on to, each of which may take as long as `limit`. What was seen;
/// `Err` says why there is no page.
pub(super) async fn open_page(url: &str, limit: Duration) -> Result<String, String> {
    let mut url = url.to_owned();
    let mut seen = String::new();
    for _ in 0..=REDIRECTS_MAX {
        let parts = WebUrlParts::parse(&url).ok().filter(|parts| !parts.is_https);
        let Some(parts) = parts else {
            return Err(format!("{seen}{url} leads to no page that can be opened here"));
        };
        let host = if parts.host.contains(':') {
            format!("[{}]", parts.host)
        } else {
            parts.host.to_owned()
        };
        let authority = format!("{host}:{}", parts.port);
        let path = parts.rest.split('#').next().unwrap_or_default();
        let path = if path.starts_with('/') { path.to_owned() } else { format!("/{path}") };
        let sent = send(Method::GET, &authority, &path, &[], Bytes::new());
        let Ok(sent) = tokio::time::timeout(limit, sent).await else {
            return Ok(format!("{seen}GET {url}: no answer within {limit:?}"));
        };
        let answer =
            sent.map_err(|broken| format!("{seen}the page cannot be opened: GET {url}: {broken}"))?;
        let status = answer.status;
        let told = format!("GET {url}: HTTP {status}");
        match answer.location.filter(|_| matches!(status, 300..=399)) {
            Some(to) => url = leads_to(&url, &to),
            None if is_taken(status) => return Ok(seen + &told),
            None if is_wrong_address(status) => {
                return Err(format!("{seen}there is no such page: {told}"));
            }
            None => return Err(format!("{seen}the page cannot be opened: {told}")),
        }
        seen += &told;
        seen += ", ";
    }
    Err(format!("{seen}which leads on and on"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_shows_a_handler_only_if_it_has_done_or_refused_what_came() {
        let taken: Vec<u16> = (100..600).filter(|status| is_taken(*status)).collect();
        assert_eq!(taken[..100], (200..300).collect::<Vec<_>>());
        assert_eq!(taken[100..], [400, 401, 403, 409, 422]);
    }

    #[test]
    fn a_location_is_read_from_where_it_came() {
        let from = "http://shop:80/back/ok?a=1";
        for (location, to) in [
            ("http://other/x", "http://other/x"),
            ("//other/x", "http://other/x"),
            ("/x?y=1", "http://shop:80/x?y=1"),
            ("done", "http://shop:80/back/done"),
        ] {
            assert_eq!(leads_to(from, location), to);
        }
        assert_eq!(leads_to("http://shop:80", "x"), "http://shop:80/x");
    }
}
