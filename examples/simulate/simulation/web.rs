//! A small HTTP client for merchants and for the control plane.

use bytes::{Bytes, BytesMut};
use http_body_util::{BodyExt as _, Full};
use hyper::Request as HttpRequest;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde_json::Value;

use super::history::Entry;
use super::request::{Request, Visit};

/// A client of one simulator.
#[derive(Clone, Debug)]
pub(crate) struct Web {
    pub(crate) origin: String,
    client: Client<HttpConnector, Full<Bytes>>,
}

/// What came of a call.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Reply {
    /// HTTP status; `None` where no whole answer came.
    pub(crate) status: Option<u16>,
    pub(crate) text: String,
}

impl Reply {
    /// The value of the first hidden field of that name on a page.
    fn hidden(&self, name: &str) -> Option<String> {
        let field = format!("type=\"hidden\" name=\"{name}\" value=\"");
        Some(self.text.split(&field).nth(1)?.split('"').next()?.to_owned())
    }
    /// The body; null where it is no JSON.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_default()
    }
}

impl Web {
    pub(crate) fn new(origin: &str) -> Self {
        let client = Client::builder(TokioExecutor::new()).build_http();
        Self { origin: origin.to_owned(), client }
    }

    pub(crate) async fn send(&self, request: Request) -> Reply {
        let Request { method, path, body } = request;
        let request = HttpRequest::builder().method(method).uri(format!("{}{path}", self.origin));
        let Ok(request) = request.body(Full::from(body)) else { return Reply::default() };
        let Ok(response) = self.client.request(request).await else { return Reply::default() };
        let (head, body) = response.into_parts();
        let Ok(body) = body.collect().await else { return Reply::default() };
        let text = String::from_utf8_lossy(&body.to_bytes()).into_owned();
        Reply { status: Some(head.status.as_u16()), text }
    }

    /// Opens a page, makes the entry where the page asks for such a one, and goes on as a browser does. Returns the answer
    /// to the last form that was sent, or the page.
    pub(crate) async fn visit(&self, visit: Visit) -> Reply {
        let Visit { path, mut form, entry } = visit;
        if path.is_empty() {
            return Reply::default();
        }
        let issuer = format!("{path}/acs");
        let mut page = self.get(path.clone()).await;
        let at_issuer = page.status == Some(303);
        if at_issuer {
            page = self.get(issuer.clone()).await;
        }
        if let Some(back) = Self::way_back(&page) {
            return match entry {
                Entry::Return => self.post(format!("{path}/acs-return"), &back).await,
                _ => page,
            };
        }
        let Some(step) = page.hidden("step") else { return page };
        let fits = match entry {
            Entry::Return => false,
            Entry::Otp { .. } | Entry::Cancel => true,
            _ => !at_issuer,
        };
        if !fits {
            return page;
        }
        form.push(("step", step));
        let reply = self.post(if at_issuer { issuer } else { path.clone() }, &form).await;
        match Self::way_back(&reply) {
            Some(back) => self.post(format!("{path}/acs-return"), &back).await,
            None => reply,
        }
    }

    /// What the browser brings back from an issuer's page.
    fn way_back(page: &Reply) -> Option<Vec<(&'static str, String)>> {
        let names = ["cres", "threeDSSessionData"];
        names.iter().map(|name| Some((*name, page.hidden(name)?))).collect()
    }

    async fn get(&self, path: String) -> Reply {
        self.send(Request { method: "GET", path, body: String::new() }).await
    }

    async fn post(&self, path: String, form: &[(&str, String)]) -> Reply {
        let body = serde_html_form::to_string(form).unwrap_or_default();
        self.send(Request { method: "POST", path, body }).await
    }

    /// A call of the control plane, in a space where one is named.
    pub(crate) async fn control(
        &self,
        method: &'static str,
        space: &str,
        path: &str,
        body: String,
    ) -> Reply {
        let prefix = if space.is_empty() { String::new() } else { format!("/space/{space}") };
        self.send(Request { method, path: format!("{prefix}/_sim/v1/{path}"), body }).await
    }

    /// All events of a space up to that number, without their numbers: first those of push-backs, one push-back after the
    /// other, then all others. What happens to several push-backs at the same moment has no order.
    pub(crate) async fn events(&self, space: &str, last: u64) -> Result<Vec<String>, String> {
        let uri = format!("{}/space/{space}/_sim/v1/events?after=0", self.origin);
        let request = HttpRequest::get(uri).body(Full::default()).map_err(|it| it.to_string())?;
        let response = self.client.request(request).await.map_err(|it| it.to_string())?;
        let mut body = response.into_body();
        let mut read = BytesMut::new();
        let end = format!("id: {last}\n");
        while last > 0 && !(read.ends_with(b"\n\n") && has(&read, &end)) {
            let frame = body.frame().await.ok_or("the events end too early")?;
            let frame = frame.map_err(|error| error.to_string())?;
            read.extend_from_slice(frame.data_ref().map_or(&[], |data| data));
        }
        let text = String::from_utf8_lossy(&read);
        let events = text.split("\n\n").filter_map(|event| {
            let field = |name: &str| event.lines().find_map(|line| line.strip_prefix(name));
            Some((field("event: ")?.to_owned(), field("data: ")?.to_owned()))
        });
        let number = |(name, data): &(String, String)| {
            let data: Value = serde_json::from_str(data).unwrap_or_default();
            if name == "pushback" { data["id"].as_u64() } else { None }
        };
        let mut events: Vec<_> = events.collect();
        events.sort_by_cached_key(|event| number(event).map_or((1, 0), |number| (0, number)));
        // A reset is noted in the machine's time, to which it brings the clock back.
        let told = |(name, data)| if name == "reset" { name } else { data };
        Ok(events.into_iter().map(told).collect())
    }
}

fn has(read: &[u8], end: &str) -> bool {
    read.windows(end.len()).any(|part| part == end.as_bytes())
}
