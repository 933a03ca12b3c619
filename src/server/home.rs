//! The bare address: whoever opens it in a browser looks for the dashboard. Programs get what they got before.

use hyper::header::{ACCEPT, CACHE_CONTROL, HOST, HeaderMap, HeaderValue, LOCATION, VARY};
use hyper::http::request::Parts;
use hyper::http::uri::Authority;
use hyper::{Method, Response, StatusCode};

use super::router::Plane;
use crate::http::ReplyBody;

/// Sends a browser that opens the gateway, or a space of it, to the dashboard there. `rest` is the path without the space;
/// `control_port` the port of the control plane.
pub(super) fn to_dashboard(
    head: &Parts,
    rest: &str,
    plane: Plane,
    control_port: Option<u16>,
) -> Option<Response<ReplyBody>> {
    let looks = head.method == Method::GET || head.method == Method::HEAD;
    if !matches!(rest, "" | "/") || !looks || !prefers_html(&head.headers) {
        return None;
    }
    let path = head.uri.path();
    let location = match plane {
        // Relative, so that it holds behind a proxy that shows the server below a path.
        Plane::Both | Plane::Control => {
            let last = path.rsplit('/').next().unwrap_or_default();
            if last.is_empty() { "_sim/".to_owned() } else { format!("{last}/_sim/") }
        }
        Plane::Merchant => {
            let host = head.headers.get(HOST)?.to_str().ok()?.parse::<Authority>().ok()?;
            let path = path.trim_end_matches('/');
            format!("http://{}:{}{path}/_sim/", host.host(), control_port?)
        }
    };
    let mut response = Response::new(ReplyBody::default());
    *response.status_mut() = StatusCode::FOUND;
    let headers = response.headers_mut();
    headers.insert(LOCATION, HeaderValue::from_str(&location).ok()?);
    headers.insert(VARY, HeaderValue::from_static("accept"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Some(response)
}

/// Returns true if a page is wanted by name, and more than JSON.
fn prefers_html(headers: &HeaderMap) -> bool {
    let accept = headers.get_all(ACCEPT).iter().filter_map(|value| value.to_str().ok());
    let ranges: Vec<(&str, f32)> = accept
        .flat_map(|value| value.split(','))
        .map(|range| {
            let (media, parameters) = range.split_once(';').unwrap_or((range, ""));
            let weight = parameters.split(';').find_map(|it| it.trim().strip_prefix("q="));
            (media.trim(), weight.map_or(Ok(1.0), str::parse).unwrap_or(0.0))
        })
        .collect();
    let weight = |kind: &str| {
        let fitting = ranges.iter().filter(|(media, _)| media.ends_with(kind));
        fitting.map(|(_, weight)| *weight).fold(0.0, f32::max)
    };
    weight("/html") > weight("json")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn browsers_want_pages_and_programs_do_not() {
        let wants = |accept: &str| {
            let value = HeaderValue::from_str(accept).expect("a header");
            prefers_html(&HeaderMap::from_iter([(ACCEPT, value)]))
        };
        assert!(wants("text/html"));
        assert!(wants(
            "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8"
        ));
        assert!(wants("application/json;q=0.5, text/html;q=0.9"));
        for program in [
            "*/*",
            "application/json",
            "application/json, text/plain, */*",
            "application/json, text/html",
            "text/html;q=0.5, application/json",
            "text/html;q=0",
            "",
        ] {
            assert!(!wants(program), "{program}");
        }
    }
}
