//! Access to the control plane: with a token for its holders, without one for this machine only, never for foreign pages.

use std::borrow::Cow;
use std::net::IpAddr;

use hyper::header::{
    AUTHORIZATION, CACHE_CONTROL, CONTENT_SECURITY_POLICY, COOKIE, HOST, HeaderMap, HeaderName,
    HeaderValue, ORIGIN, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
};
use hyper::http::request::Parts;
use hyper::http::uri::Authority;
use hyper::{Method, Uri};
use sha2::{Digest, Sha256};

use super::problem::{ApiProblem, ProblemKind};
use crate::crypto::Encoding;
use crate::http::Front;

/// Calls that need no token, so that a process supervisor need not know it.
const OPEN: [&str; 2] = ["/_sim/healthz", "/_sim/readyz"];

/// Header in which a browser says whether a page of the same site made the request.
static FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// Headers of every answer for browsers: keep the declared type, do not cache, show it in no frame, let
/// no page of another origin embed it, and to tell nobody where it was. An answer may say otherwise.
static SAFETY: [(HeaderName, HeaderValue); 5] = [
    (X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    (CACHE_CONTROL, HeaderValue::from_static("no-store")),
    (
        CONTENT_SECURITY_POLICY,
        HeaderValue::from_static("default-src 'none'; base-uri 'none'; frame-ancestors 'none'"),
    ),
    (
        HeaderName::from_static("cross-origin-resource-policy"),
        HeaderValue::from_static("same-origin"),
    ),
    (REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
];

/// Adds what protects an answer in a browser.
pub(super) fn make_safe(headers: &mut HeaderMap) {
    for (name, value) in &SAFETY {
        headers.entry(name).or_insert_with(|| value.clone());
    }
}

/// The cookie by which a browser shows that it has logged in: it cannot send a header with all that it asks for.
pub(super) const COOKIE_NAME: &str = "payon_sim_token";

/// The proof that a caller must show.
#[derive(Debug)]
pub(super) enum Guard {
    /// This token, or the cookie that was given for it.
    Token(Secrets),
    /// One of these host names, or a name of this machine.
    Host(Vec<String>),
}

/// Only digests are kept, and digests are compared, which takes the same time however much is right.
#[derive(Debug)]
pub(super) struct Secrets {
    token: [u8; 32],
    cookie: [u8; 32],
}

/// The value of the cookie for a token: any token can be written so, and it cannot be told from it.
fn cookie_value(token: &str) -> String {
    let digest = Sha256::new().chain_update(b"payon-sim cookie\0").chain_update(token).finalize();
    Encoding::Hex.encode(&digest)
}

impl Guard {
    /// A guard that asks for `token`, or without one for a host of `urls`.
    pub(super) fn new(token: Option<&str>, urls: &[&str]) -> Self {
        match token {
            Some(token) => Self::Token(Secrets {
                token: Sha256::digest(token).into(),
                cookie: Sha256::digest(cookie_value(token)).into(),
            }),
            None => Self::Host(urls.iter().filter_map(|url| host_of(url)).collect()),
        }
    }

    /// Returns true if the call may be answered.
    pub(super) fn admit(&self, head: &Parts, path: &str) -> Result<(), ApiProblem> {
        let (method, headers) = (&head.method, &head.headers);
        if OPEN.contains(&path) {
            return Ok(());
        }
        match self {
            Self::Token(secrets) => {
                if headers.contains_key(AUTHORIZATION) || !has_cookie(secrets, headers) {
                    return check_token(&secrets.token, headers);
                }
                // A browser sends a cookie along whoever made it ask.
                check_asker(method, headers)
            }
            Self::Host(names) => {
                check_host(names, head)?;
                check_asker(method, headers)
            }
        }
    }

    /// Takes a token from a page of ours; answers the cookie to set, if any is needed.
    pub(super) fn log_in(&self, head: &Parts, token: &str) -> Result<Option<String>, ApiProblem> {
        check_origin(&head.headers)?;
        match self {
            Self::Host(names) => check_host(names, head).map(|()| None),
            Self::Token(secrets) if Sha256::digest(token)[..] == secrets.token[..] => {
                let value = cookie_value(token);
                Ok(Some(format!("{COOKIE_NAME}={value}; Path=/; HttpOnly; SameSite=Strict")))
            }
            Self::Token(_) => {
                let detail = "the token is not the one of --control-token; a server that drew one itself shows it at its start";
                Err(ApiProblem::new(ProblemKind::Unauthorised, detail).at("token"))
            }
        }
    }

    /// Returns true if the dashboard's page and files may be shown: they are the same for everybody and hold nothing, so no
    /// token is asked for; what the page then calls is admitted like every call.
    pub(super) fn admit_page(&self, head: &Parts) -> Result<(), ApiProblem> {
        match self {
            Self::Token(_) => Ok(()),
            Self::Host(names) => check_host(names, head),
        }
    }
}

fn text(headers: &HeaderMap, name: HeaderName) -> Option<&str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

/// A header that decides something, written out: one that cannot be read must not count as none.
fn shown(headers: &HeaderMap, name: HeaderName) -> Option<Cow<'_, str>> {
    headers.get(name).map(lossy)
}

fn lossy(value: &HeaderValue) -> Cow<'_, str> {
    String::from_utf8_lossy(value.as_bytes())
}

fn has_cookie(secrets: &Secrets, headers: &HeaderMap) -> bool {
    let lines = headers.get_all(COOKIE).iter().filter_map(|line| line.to_str().ok());
    let mut cookies =
        lines.flat_map(|line| line.split(';')).filter_map(|it| it.trim().split_once('='));
    cookies
        .any(|(name, value)| name == COOKIE_NAME && Sha256::digest(value)[..] == secrets.cookie[..])
}

/// Whoever only looks may come from anywhere: the browser keeps the answer from a page of another site.
fn check_asker(method: &Method, headers: &HeaderMap) -> Result<(), ApiProblem> {
    if *method == Method::GET || *method == Method::HEAD {
        return Ok(());
    }
    check_origin(headers)
}

fn check_token(digest: &[u8; 32], headers: &HeaderMap) -> Result<(), ApiProblem> {
    let given = text(headers, AUTHORIZATION).and_then(|value| {
        let (scheme, token) = value.split_once(' ')?;
        scheme.eq_ignore_ascii_case("Bearer").then(|| token.trim())
    });
    let detail = match given {
        Some(token) if Sha256::digest(token)[..] == digest[..] => return Ok(()),
        Some(_) => "the token in the header Authorization is not the one of --control-token",
        None => {
            "send the header `Authorization: Bearer …` with the token of --control-token (PAYON_SIM_CONTROL_TOKEN)"
        }
    };
    Err(ApiProblem::new(ProblemKind::Unauthorised, detail))
}

/// Refuses names that somebody else's DNS may have given to this machine. A page of such a name can say what a trusted
/// proxy says, so the name by which the connection came counts as well.
fn check_host(names: &[String], head: &Parts) -> Result<(), ApiProblem> {
    let front = Front::of(&head.extensions);
    // Only HTTP/1.0 may leave it out, which no browser speaks.
    let hosts = [head.headers.get(HOST), front.own_host()];
    hosts.into_iter().flatten().try_for_each(|host| check_name(names, &lossy(host)))
}

fn check_name(names: &[String], given: &str) -> Result<(), ApiProblem> {
    let read =
        given.parse::<Authority>().ok().filter(|authority| !authority.as_str().contains('@'));
    let host = read.map(|authority| bare(authority.host()));
    match host {
        Some(host) if is_local(&host) || names.contains(&host) => Ok(()),
        _ => Err(ApiProblem::new(
            ProblemKind::ForeignHost,
            format!(
                "without a token the control plane answers by a name of this machine only, such as localhost, and not by {given:?}; \
                 give the server --control-token, and send it as `Authorization: Bearer …`"
            ),
        )),
    }
}

/// Refuses what a page of another site makes a browser send. Where it is said, the browser's own word counts too: it
/// also stands where a page hides its origin.
fn check_origin(headers: &HeaderMap) -> Result<(), ApiProblem> {
    let is_foreign = headers.get(&FETCH_SITE).is_some_and(|site| site == "cross-site");
    let hidden = is_foreign.then_some("another site");
    let mut origins = headers.get_all(ORIGIN).iter();
    let is_repeated = origins.nth(1).is_some();
    let Some(origin) = shown(headers, ORIGIN).or(hidden.map(Cow::Borrowed)) else { return Ok(()) };
    let site = origin.split_once("://").map_or(&*origin, |(_, site)| site);
    let is_ours = text(headers, HOST).is_some_and(|host| host.eq_ignore_ascii_case(site));
    if is_ours && !is_foreign && !is_repeated {
        return Ok(());
    }
    let detail = format!(
        "a page of {origin:?} may not steer this server; call from elsewhere than a browser, or from the dashboard"
    );
    Err(ApiProblem::new(ProblemKind::ForeignOrigin, detail))
}

fn host_of(url: &str) -> Option<String> {
    url.parse::<Uri>().ok()?.host().map(bare)
}

/// Lower case, without the brackets of an IPv6 address, and without the dot that may stand behind a whole name.
fn bare(host: &str) -> String {
    let host = host.strip_suffix('.').unwrap_or(host);
    host.trim_matches(['[', ']']).to_ascii_lowercase()
}

fn is_local(host: &str) -> bool {
    host == "localhost"
        || host.ends_with(".localhost")
        || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use hyper::Request;

    use super::*;

    fn head(method: &Method, pairs: &[(HeaderName, &str)]) -> Parts {
        let mut request = Request::builder().method(method);
        for (name, value) in pairs {
            request = request.header(name, *value);
        }
        request.body(()).unwrap().into_parts().0
    }

    fn get(pairs: &[(HeaderName, &str)]) -> Parts {
        head(&Method::GET, pairs)
    }

    fn status(guard: &Guard, method: &Method, pairs: &[(HeaderName, &str)]) -> u16 {
        let answer = guard.admit(&head(method, pairs), "/_sim/v1/orders");
        answer.err().map_or(200, |problem| problem.status())
    }

    #[test]
    fn a_token_is_asked_of_everything_but_health() {
        let guard = Guard::new(Some("open sesame"), &[]);
        let with = |value| status(&guard, &Method::GET, &[(AUTHORIZATION, value)]);
        assert_eq!(with("Bearer open sesame"), 200);
        assert_eq!(with("bearer open sesame"), 200);
        assert_eq!(with("Bearer open"), 401);
        assert_eq!(with("Basic open sesame"), 401);
        assert_eq!(status(&guard, &Method::GET, &[]), 401);
        assert!(guard.admit(&get(&[]), "/_sim/healthz").is_ok());
    }

    #[test]
    fn a_browser_that_logged_in_shows_its_cookie() {
        let guard = Guard::new(Some("open; sesame"), &[]);
        let site = get(&[(HOST, "sim.test:1"), (ORIGIN, "http://sim.test:1")]);
        assert_eq!(guard.log_in(&site, "open").err().map(|problem| problem.status()), Some(401));
        let other = get(&[(HOST, "sim.test:1"), (ORIGIN, "http://shop.test")]);
        assert_eq!(guard.log_in(&other, "open; sesame").err().map(|p| p.status()), Some(403));

        let set = guard.log_in(&site, "open; sesame").unwrap().unwrap();
        let (cookie, about) = set.split_once("; ").unwrap();
        assert_eq!(about, "Path=/; HttpOnly; SameSite=Strict");
        assert!(!cookie.contains("sesame"), "{cookie}");
        let both = format!("theme=dark; {cookie}");
        let call = |method: &Method, more: &[(HeaderName, &str)]| {
            let host = [(HOST, "sim.test:1"), (COOKIE, both.as_str())];
            status(&guard, method, &[&host, more].concat())
        };
        assert_eq!(call(&Method::GET, &[]), 200);
        assert_eq!(call(&Method::POST, &[(ORIGIN, "http://sim.test:1")]), 200);
        assert_eq!(call(&Method::POST, &[(ORIGIN, "http://sim.test:2")]), 403);
        assert_eq!(call(&Method::GET, &[(AUTHORIZATION, "Bearer wrong")]), 401);
        let wrong = cookie.replace(['0', '1', '2'], "3");
        assert_eq!(status(&guard, &Method::GET, &[(COOKIE, &wrong)]), 401);
    }

    #[test]
    fn where_no_token_is_asked_logging_in_needs_none() {
        let guard = Guard::new(None, &[]);
        assert_eq!(guard.log_in(&get(&[(HOST, "localhost:1")]), ""), Ok(None));
        let foreign = get(&[(HOST, "evil.test")]);
        assert_eq!(guard.log_in(&foreign, "").err().map(|problem| problem.status()), Some(403));
    }

    #[test]
    fn without_a_token_only_names_of_this_machine_are_answered() {
        let guard = Guard::new(None, &["http://127.0.0.1:1", "http://sim.test:80/x"]);
        let by = |host| status(&guard, &Method::GET, &[(HOST, host)]);
        for host in [
            "127.0.0.1:9",
            "localhost",
            "LOCALHOST:1",
            "[::1]:3",
            "127.9.9.9",
            "sim.test:7",
            "localhost.:1",
        ] {
            assert_eq!(by(host), 200, "{host}");
        }
        for host in ["evil.test", "127.0.0.1.evil.test", "localhost.evil.test:36605", "10.0.0.1"] {
            assert_eq!(by(host), 403, "{host}");
        }
    }

    #[test]
    fn what_a_trusted_proxy_says_makes_no_foreign_name_ours() {
        let guard = Guard::new(None, &[]);
        let forwarded = HeaderName::from_static("x-forwarded-host");
        for (own, said, status) in [
            ("127.0.0.1:36605", "localhost", 200),
            ("127.0.0.1:36605", "pay.test", 403),
            ("evil.test", "localhost", 403),
        ] {
            let request = Request::builder().header(HOST, own).header(&forwarded, said);
            let mut request = request.body(()).unwrap();
            Front::note(&mut request, false, true);
            let (head, ()) = request.into_parts();
            for refused in [guard.admit(&head, "/_sim/v1/orders"), guard.admit_page(&head)] {
                let found = refused.err().map_or(200, |problem| problem.status());
                assert_eq!(found, status, "{own} {said}");
            }
        }
    }

    #[test]
    fn pages_of_other_sites_change_nothing() {
        let guard = Guard::new(None, &[]);
        let call = |method: &Method, origin| {
            status(&guard, method, &[(HOST, "localhost:36605"), (ORIGIN, origin)])
        };
        assert_eq!(call(&Method::POST, "http://localhost:36605"), 200);
        assert_eq!(call(&Method::POST, "http://localhost:8080"), 403);
        assert_eq!(call(&Method::DELETE, "null"), 403);
        assert_eq!(call(&Method::GET, "http://localhost:8080"), 200);
    }

    #[test]
    fn the_browser_may_say_itself_that_another_site_asks() {
        let guard = Guard::new(None, &[]);
        let call = |method: &Method, site| {
            status(&guard, method, &[(HOST, "localhost:36605"), (FETCH_SITE.clone(), site)])
        };
        assert_eq!(call(&Method::POST, "cross-site"), 403);
        assert_eq!(call(&Method::PUT, "cross-site"), 403);
        assert_eq!(call(&Method::GET, "cross-site"), 200);
        assert_eq!(call(&Method::POST, "same-origin"), 200);
        assert_eq!(call(&Method::POST, "none"), 200);
        let both = [
            (HOST, "localhost:36605"),
            (ORIGIN, "http://localhost:36605"),
            (FETCH_SITE.clone(), "cross-site"),
        ];
        assert_eq!(status(&guard, &Method::POST, &both), 403);
    }
}
