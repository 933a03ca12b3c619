//! The dashboard: one page for each space, and its files. It is part of the binary and only calls what the OpenAPI
//! document describes; whatever it shows, `curl` can ask for.

use std::io::Write as _;
use std::sync::LazyLock;

use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use hyper::header::{
    ACCEPT_ENCODING, ALLOW, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_SECURITY_POLICY, CONTENT_TYPE,
    ETAG, HeaderMap, HeaderValue, IF_NONE_MATCH, LOCATION, VARY,
};
use hyper::{Method, Response, StatusCode};
use sha2::{Digest, Sha256};

use crate::base::{PackedTexts, packed_texts};
use crate::crypto::Encoding;
use crate::http::ReplyBody;

/// Path of a space's page, below the space's own path.
const PAGE: &str = "/_sim/";
/// Path of the page's files.
const FOLDER: &str = "/_sim/assets/";

/// The page may load our files, call us, and do nothing else.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; \
    connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/// The page may be kept, yet not shown again without asking.
const KEEP_AND_ASK: &str = "no-cache";

const HTML: &str = "text/html;charset=UTF-8";
const CSS: &str = "text/css;charset=UTF-8";
const JS: &str = "text/javascript;charset=UTF-8";

/// Name of the page before its script runs.
const INDEX: &str = "index.html";

/// Text of each file.
static FILES: PackedTexts = packed_texts!("dashboard");

/// The page, with the addresses of this build's files. They are relative, so the page works in every space and below any
/// path at which a proxy shows the server.
fn page() -> &'static str {
    static PAGE: LazyLock<String> = LazyLock::new(|| {
        FILES.text(INDEX).unwrap_or_default().replace("{folder}", &format!("assets/{}", version()))
    });
    &PAGE
}

/// The first half of a digest of all files: a build's addresses stay good for ever. Files name each other by relative
/// addresses, so they change together.
fn version() -> &'static str {
    static VERSION: LazyLock<String> = LazyLock::new(|| {
        let digest = FILES.all().iter().fold(Sha256::new(), |digest, (name, text)| {
            digest.chain_update(name).chain_update(text)
        });
        Encoding::Hex.encode(&digest.finalize()[..8])
    });
    &VERSION
}

/// Returns true if `path`, without a space, is the dashboard's.
pub(super) fn is_ours(path: &str) -> bool {
    path == PAGE || path == PAGE.trim_end_matches('/') || path.starts_with(FOLDER)
}

/// Answers a request at a path that is ours.
pub(super) fn answer(method: &Method, path: &str, headers: &HeaderMap) -> Response<ReplyBody> {
    if method != Method::GET && method != Method::HEAD {
        let told = format!(
            "{path} belongs to the dashboard, which a browser reads with GET, not {method}\n"
        );
        let mut response = told_as(StatusCode::METHOD_NOT_ALLOWED, told);
        response.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
        return response;
    }
    if let Some(name) = path.strip_prefix(FOLDER) {
        return file(name, takes_gzip(headers)).unwrap_or_else(|| {
            let told = "there is no such file of the dashboard; it is at /_sim/\n";
            told_as(StatusCode::NOT_FOUND, told.to_owned())
        });
    }
    if path != PAGE {
        let mut response = empty(StatusCode::PERMANENT_REDIRECT);
        response.headers_mut().insert(LOCATION, HeaderValue::from_static("_sim/"));
        return response;
    }
    let tag = format!("\"{}\"", version());
    let known = headers.get(IF_NONE_MATCH).is_some_and(|given| given.as_bytes() == tag.as_bytes());
    let mut response =
        if known { empty(StatusCode::NOT_MODIFIED) } else { text(HTML, page(), KEEP_AND_ASK) };
    let headers = response.headers_mut();
    headers.insert(CACHE_CONTROL, HeaderValue::from_static(KEEP_AND_ASK));
    headers.insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
    if let Ok(tag) = HeaderValue::from_str(&tag) {
        headers.insert(ETAG, tag);
    }
    response
}

/// Each file compressed, in the order of [`FILES`].
static COMPRESSED: LazyLock<Vec<Option<Bytes>>> = LazyLock::new(|| {
    let compress = |text: &str| {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
        encoder.write_all(text.as_bytes()).ok()?;
        encoder.finish().ok().map(Bytes::from)
    };
    FILES.all().iter().map(|(_, text)| compress(text)).collect()
});

/// Returns true if the caller can read gzip.
fn takes_gzip(headers: &HeaderMap) -> bool {
    let codings = headers.get_all(ACCEPT_ENCODING).iter().filter_map(|value| value.to_str().ok());
    codings.flat_map(|value| value.split(',')).any(|coding| {
        let (name, weight) = coding.split_once(';').unwrap_or((coding, ""));
        let is_refused = matches!(weight.trim(), "q=0" | "q=0.0" | "q=0.00" | "q=0.000");
        name.trim().eq_ignore_ascii_case("gzip") && !is_refused
    })
}

fn file(address: &str, gzip: bool) -> Option<Response<ReplyBody>> {
    let name = address.strip_prefix(version())?.strip_prefix('/')?;
    let place = FILES.place(name)?;
    let (_, content) = FILES.all()[place];
    let kind = match name.rsplit('.').next() {
        Some("css") => CSS,
        Some("html") => HTML,
        _ => JS,
    };
    let mut response = text(kind, content, "public, max-age=31536000, immutable");
    response.headers_mut().insert(VARY, HeaderValue::from_static("accept-encoding"));
    if let Some(compressed) = COMPRESSED.get(place).filter(|_| gzip).cloned().flatten() {
        *response.body_mut() = compressed.into();
        response.headers_mut().insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    }
    Some(response)
}

fn text(kind: &'static str, text: &'static str, keep: &'static str) -> Response<ReplyBody> {
    let mut response = Response::new(Bytes::from_static(text.as_bytes()).into());
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static(keep));
    response
}

/// A sentence for whoever asks otherwise than the page does.
fn told_as(status: StatusCode, sentence: String) -> Response<ReplyBody> {
    let mut response = Response::new(Bytes::from(sentence).into());
    *response.status_mut() = status;
    response
        .headers_mut()
        .insert(CONTENT_TYPE, HeaderValue::from_static("text/plain;charset=UTF-8"));
    response
}

fn empty(status: StatusCode) -> Response<ReplyBody> {
    let mut response = Response::new(ReplyBody::default());
    *response.status_mut() = status;
    response
}
