//! The pages of `docs/`, served under `/_sim/docs/`: as HTML, as the Markdown that they are written in, and searched. They
//! are part of the binary as Markdown, and made into HTML when they are asked for.

mod made;
mod pages;
mod render;
mod scenarios_page;
mod search;

use askama::Template;
use bytes::Bytes;
use hyper::header::{
    ALLOW, CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderValue, LOCATION,
};
use hyper::{Method, Response, StatusCode};

use crate::http::ReplyBody;
pub use made::{fidelity_page, payon_calls_page};
use pages::{CONTENTS, PAGES, title};
pub use scenarios_page::scenarios_page;
use search::Hit;

/// Path of the pages, below the space's own path.
const FOLDER: &str = "/_sim/docs/";

/// A page may load our files and ask us, and do nothing else.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; \
    connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

const HTML: &str = "text/html;charset=UTF-8";
const MARKDOWN: &str = "text/markdown;charset=UTF-8";
const TEXT: &str = "text/plain;charset=UTF-8";

/// Other files: name, type and text.
const FILES: &[(&str, &str, &str)] = &[
    ("docs.css", "text/css;charset=UTF-8", include_str!("assets/docs.css")),
    ("docs.js", "text/javascript;charset=UTF-8", include_str!("assets/docs.js")),
    ("llms.txt", TEXT, include_str!("../../../docs/llms.txt")),
];

/// A page as its readers see it.
#[derive(Template)]
#[template(path = "docs.html")]
struct DocView<'a> {
    title: &'a str,
    /// Name of the page whose Markdown can be had, if it is one.
    source: Option<&'a str>,
    contents: &'a str,
    /// The page as HTML of our own making.
    body: &'a str,
    query: &'a str,
    /// Sections that were found, where somebody searches.
    hits: Option<Vec<Hit>>,
}

/// Returns true if `path`, without a space, is one of these pages.
pub(super) fn is_ours(path: &str) -> bool {
    path.starts_with(FOLDER) || path == FOLDER.trim_end_matches('/')
}

/// Answers a request at a path that is ours.
pub(super) fn answer(method: &Method, path: &str, query: Option<&str>) -> Response<ReplyBody> {
    if method != Method::GET && method != Method::HEAD {
        let told = format!("{path} is documentation to read with GET, not {method}\n");
        let mut response = page(StatusCode::METHOD_NOT_ALLOWED, TEXT, told);
        response.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
        return response;
    }
    let Some(name) = path.strip_prefix(FOLDER) else {
        let mut response = page(StatusCode::PERMANENT_REDIRECT, HTML, "");
        response.headers_mut().insert(LOCATION, HeaderValue::from_static("docs/"));
        return response;
    };
    if let Some((_, kind, text)) = FILES.iter().find(|(known, _, _)| *known == name) {
        return page(StatusCode::OK, kind, *text);
    }
    if let Some(text) = scenario(name) {
        return page(StatusCode::OK, TEXT, text);
    }
    if let Some(text) = name.strip_suffix(".md").and_then(|name| PAGES.text(name)) {
        return page(StatusCode::OK, MARKDOWN, text);
    }
    if name == "search" {
        let query = searched(query.unwrap_or_default());
        let hits = search::search(&query);
        return view("Search", None, "", &query, Some(hits));
    }
    let name = if name.is_empty() { CONTENTS } else { name };
    if let Some(text) = PAGES.text(name) {
        return view(title(text), Some(name), &render::html(text), "", None);
    }
    let mut response = view("No such page", None, NO_SUCH_PAGE, "", None);
    *response.status_mut() = StatusCode::NOT_FOUND;
    response
}

/// Body of the answer to an address that no page has.
const NO_SUCH_PAGE: &str =
    "<h1>No such page</h1><p>Search for it, or choose one from the contents.</p>";

/// The text of a scenario or a probe, at the address to which the pages' links lead.
fn scenario(name: &str) -> Option<&'static str> {
    let name = name.strip_prefix("scenarios/")?.strip_suffix(".yaml")?;
    crate::scenario::CATALOGUE.text(name)
}

/// Words of the search in a query.
fn searched(query: &str) -> String {
    let found: Option<Vec<(String, String)>> = serde_html_form::from_str(query).ok();
    let value = found.into_iter().flatten().find(|(name, _)| name == "q").map(|(_, value)| value);
    value.unwrap_or_default().chars().take(search::QUERY_MAX).collect()
}

fn view(
    title: &str,
    source: Option<&str>,
    body: &str,
    query: &str,
    hits: Option<Vec<Hit>>,
) -> Response<ReplyBody> {
    let contents = render::contents(PAGES.text(CONTENTS).unwrap_or_default(), source);
    let view = DocView { title, source, contents: &contents, body, query, hits };
    match view.render() {
        Ok(text) => page(StatusCode::OK, HTML, text),
        Err(_) => page(StatusCode::INTERNAL_SERVER_ERROR, TEXT, "the page cannot be written"),
    }
}

fn page(status: StatusCode, kind: &'static str, text: impl Into<Bytes>) -> Response<ReplyBody> {
    let mut response = Response::new(text.into().into());
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    headers.insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_page_of_the_contents_is_served() {
        let contents = PAGES.text(CONTENTS).unwrap();
        for part in contents.split("](").skip(1) {
            let name = part.split(".md)").next().unwrap();
            assert!(PAGES.text(name).is_some(), "build.rs does not pack docs/{name}.md");
        }
    }

    #[test]
    fn what_is_searched_is_read_from_a_form() {
        assert_eq!(searched("q=push+back%20late&x=1"), "push back late");
        assert_eq!(searched(""), "");
        assert_eq!(searched(&format!("q={}", "x".repeat(5000))).len(), search::QUERY_MAX);
    }
}
