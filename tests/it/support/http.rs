//! A small HTTP client.

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::header::HeaderMap;
use hyper::{Method, Request, Response};
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde_json::Value;

use super::soon;

/// Sends requests, and keeps connections open between them.
#[derive(Clone, Debug)]
pub(crate) struct Client {
    web: hyper_util::client::legacy::Client<HttpConnector, Full<Bytes>>,
    /// Sent with every request.
    headers: Vec<(String, String)>,
    /// True if it follows where an answer sends it with the same request (307).
    follows: bool,
}

/// An answer, read to its end.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Client {
    pub(crate) fn new() -> Self {
        let web = hyper_util::client::legacy::Client::builder(TokioExecutor::new()).build_http();
        Self { web, headers: Vec::new(), follows: false }
    }

    /// The same with a header on every request.
    pub(crate) fn with_header(&self, name: &str, value: &str) -> Self {
        let mut client = self.clone();
        client.headers.push((name.to_owned(), value.to_owned()));
        client
    }

    /// The same, which follows where an answer sends it with the same request (307). A connection that ends without an
    /// answer is a 502 to it.
    pub(crate) fn following(&self) -> Self {
        Self { follows: true, ..self.clone() }
    }

    /// Sends a request as it stands.
    pub(crate) async fn send(&self, method: &str, url: &str, body: impl Into<Bytes>) -> Answer {
        let (mut url, body) = (url.to_owned(), body.into());
        for _ in 0..5 {
            let answer = self.send_once(method, &url, body.clone()).await;
            if !self.follows || answer.status != 307 {
                return answer;
            }
            let place = answer.header("location");
            url = match place.strip_prefix('/') {
                Some(path) => {
                    let server: Vec<_> = url.splitn(4, '/').take(3).collect();
                    format!("{}/{path}", server.join("/"))
                }
                None => place.to_owned(),
            };
        }
        panic!("{url} sends in circles")
    }

    async fn send_once(&self, method: &str, url: &str, body: Bytes) -> Answer {
        let mut request = Request::builder().method(method.parse::<Method>().unwrap()).uri(url);
        for (name, value) in &self.headers {
            request = request.header(name, value);
        }
        let request = request.body(Full::new(body)).unwrap();
        let answer = async {
            let response = self.web.request(request).await;
            if self.follows && response.is_err() {
                // A proxy whose server is gone may say so, or nothing at all.
                return Answer { status: 502, headers: HeaderMap::new(), body: Bytes::new() };
            }
            let (head, body) = response.unwrap().into_parts();
            let body = body.collect().await.unwrap().to_bytes();
            Answer { status: head.status.as_u16(), headers: head.headers, body }
        };
        soon(&format!("the answer to {method} {url}"), answer).await
    }

    /// `GET`, of which the head has come.
    pub(crate) async fn open(&self, url: &str) -> Response<Incoming> {
        let mut request = Request::get(url);
        for (name, value) in &self.headers {
            request = request.header(name, value);
        }
        let request = request.body(Full::default()).unwrap();
        soon(url, self.web.request(request)).await.unwrap()
    }

    pub(crate) async fn get(&self, url: &str) -> Answer {
        self.send("GET", url, "").await
    }

    /// `POST` to a path of a server.
    pub(crate) async fn post_to(&self, server: &str, path: &str, body: &Value) -> Answer {
        self.post(&format!("{server}{path}"), body).await
    }

    pub(crate) async fn post(&self, url: &str, body: &Value) -> Answer {
        self.send("POST", url, body.to_string()).await
    }
}

impl Answer {
    /// The body, which must come with this status.
    #[track_caller]
    pub(crate) fn expect(&self, status: u16) -> Value {
        assert_eq!(self.status, status, "{}", self.text());
        self.json()
    }

    /// The body as JSON; null when empty.
    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        if self.body.is_empty() {
            return Value::Null;
        }
        serde_json::from_slice(&self.body).unwrap_or_else(|_| panic!("no JSON: {}", self.text()))
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The value of a header; empty when it is not there.
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// The problem that this is, by the last part of its type.
    #[track_caller]
    pub(crate) fn problem(&self) -> (u16, String) {
        assert_eq!(self.header("content-type"), "application/problem+json", "{}", self.text());
        let json = self.json();
        assert_eq!(json["status"], self.status);
        assert!(json["detail"].as_str().is_some_and(|detail| detail.len() > 10), "{json}");
        let kind = json["type"].as_str().unwrap();
        (self.status, kind.strip_prefix("/_sim/problems/").unwrap().to_owned())
    }
}
