//! Requests of strangers: sent to the addresses that the shop has given, or once more to the gateway.

use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use super::reach::{is_taken, leads_to, open_page, shown};
use crate::base::{Operation, WebUrlParts};
use crate::gateway;
use crate::http::connect_to;
use crate::ledger::Target;
use crate::scenario::{Probe, ProbeMethod, ProbeOrder, ProbeTarget};
use crate::space::Space;

/// Longest real time for one request. What the shop does afterwards is what counts, not its answer.
const TIME_LIMIT: Duration = Duration::from_secs(3);
/// Time for which a stalled connection stays open.
const STALL: Duration = Duration::from_secs(2);
/// Bytes of an answer that are read.
const ANSWER_BYTES_MAX: u64 = 64 << 10;

/// A request, ready to be sent.
struct RawRequest {
    authority: String,
    /// Without the query.
    path: String,
    head: String,
    body: Vec<u8>,
    stalls: bool,
}

/// An order by its merchant and txId.
#[derive(Clone, Debug)]
pub struct ProbedOrder {
    /// `merchantId`.
    pub merchant_id: String,
    /// `txId`.
    pub tx_id: String,
}

/// Reason why a probe has not gone as it should.
#[derive(Debug, thiserror::Error)]
pub enum ProbeError {
    /// It could not be sent.
    #[error("{0}")]
    NotSent(String),
    /// The shop gave back what must not be given back.
    #[error("{0}")]
    GivenBack(String),
}

/// One request of a probe to an address of the shop's, and what its answers show.
#[derive(Clone, Debug)]
pub struct ProbeSent {
    /// The address without its query.
    pub url: String,
    /// Number of times that it was to be sent at the same moment.
    pub copies: usize,
    /// Number of them that the shop's code has taken, by its answer.
    pub taken: usize,
    /// Number of them whose answer shows nothing by itself.
    pub open: usize,
    /// The last answer that is not that of a handler, or the reason why there was none.
    pub told: String,
}

/// Sends the requests of `probe`, and waits for their answers or until they have taken too long. The address is that of the
/// order `at`, or else `fallback`, the data of the templates those of `of`. `gateway` is the host and the port of the gateway;
/// of what is sent there nothing is told.
///
/// # Errors
/// The order has no such address, there is no call to repeat, or the shop's answer holds a forbidden text.
pub async fn send_probe(
    probe: &Probe,
    space: &Space,
    gateway: &str,
    (at, fallback): (&ProbedOrder, Option<&str>),
    of: &ProbedOrder,
) -> Result<Vec<ProbeSent>, ProbeError> {
    let requests = match probe.replays {
        Some(operation) => replay(space, gateway, at, operation).map(|request| vec![request]),
        None => forged(probe, space, (at, fallback), of),
    };
    let requests = requests.map_err(ProbeError::NotSent)?;
    let (copies, follows) = (probe.copies.unwrap_or(1), probe.is_for_payer());
    let mut all = Vec::new();
    for request in requests {
        let (copies, told) = (copies as usize, String::new());
        let mut seen = ProbeSent { url: request.url(), copies, taken: 0, open: 0, told };
        let request = Arc::new(request);
        let mut sent = JoinSet::new();
        for _ in 0..copies {
            let request = Arc::clone(&request);
            sent.spawn(async move {
                let sent = tokio::time::timeout(TIME_LIMIT, request.send()).await;
                // No answer in time says nothing: what the shop does afterwards is judged.
                let sent = sent.unwrap_or_else(|_| {
                    Err(Unanswered::Open(format!("no answer within {TIME_LIMIT:?}")))
                });
                let is_taken = match &sent {
                    Ok(answer) => answer.is_taken(&request.url(), follows).await,
                    Err(_) => false,
                };
                (sent, is_taken)
            });
        }
        while let Some(Ok((sent, is_taken))) = sent.join_next().await {
            seen.taken += usize::from(is_taken);
            match sent {
                Ok(answer) => {
                    let withheld = probe.forbids.iter().try_for_each(|text| answer.withholds(text));
                    withheld.map_err(ProbeError::GivenBack)?;
                    if !is_taken {
                        seen.open += 1;
                        seen.told = shown(answer.status());
                    }
                }
                Err(Unanswered::Open(why)) => {
                    seen.open += 1;
                    seen.told = why;
                }
                Err(Unanswered::Unconnected(why)) => seen.told = why,
            }
        }
        all.push(seen);
    }
    Ok(if probe.replays.is_some() { Vec::new() } else { all })
}

/// The requests to an address of the shop's.
fn forged(
    probe: &Probe,
    space: &Space,
    (at, fallback): (&ProbedOrder, Option<&str>),
    of: &ProbedOrder,
) -> Result<Vec<RawRequest>, String> {
    let (_, url) = look_up(probe.to, space, at)?;
    let url = url.or_else(|| fallback.map(str::to_owned)).or_else(|| match probe.to {
        ProbeTarget::Pushback => space.merchant(&at.merchant_id)?.noti_url.clone(),
        _ => None,
    });
    let url = url.ok_or_else(|| {
        let (tx_id, name) = (&at.tx_id, probe.to.name());
        format!("the order {tx_id} was registered without an address for `{name}`")
    })?;
    let (order, _) = look_up(probe.to, space, of)?;
    let parts = WebUrlParts::parse(&url).map_err(|error| format!("{url}: {error}"))?;
    if parts.is_https {
        return Err(format!(
            "{url}: a probe is sent over HTTP only; give the shop an address with http://"
        ));
    }
    let host =
        if parts.host.contains(':') { format!("[{}]", parts.host) } else { parts.host.to_owned() };
    let authority = format!("{host}:{}", parts.port);
    let own = parts.rest.split('#').next().unwrap_or_default();
    let (path, own_query) =
        own.split_once('?').map_or((own, None), |(path, query)| (path, Some(query)));
    let path = if path.is_empty() { "/" } else { path };
    let default = if probe.is_for_payer() { ProbeMethod::Get } else { ProbeMethod::Post };
    let method = probe.method.unwrap_or(default).name();
    let values = if probe.values.is_empty() { vec![String::new()] } else { probe.values.clone() };
    let requests = values.iter().map(|value| {
        let query = probe.query.as_deref().map(|query| order.fill(query, value, in_query));
        let target = target(path, own_query, query.as_deref());
        let body = probe.body.as_deref().map(|body| order.fill(body, value, in_json));
        let kind = probe.content_type.as_deref().unwrap_or("application/json");
        RawRequest::new(
            authority.clone(),
            method,
            &target,
            body.map(|body| (kind, body)),
            probe.stalls,
        )
    });
    Ok(requests.collect())
}

/// A path with the address's own query, and what a probe adds to it.
fn target(path: &str, own: Option<&str>, added: Option<&str>) -> String {
    let query: Vec<&str> = own.into_iter().chain(added).filter(|it| !it.is_empty()).collect();
    if query.is_empty() { path.to_owned() } else { format!("{path}?{}", query.join("&")) }
}

/// The shop's last call to `operation` for the order, with the signature that it had: signing the same text gives the same.
fn replay(
    space: &Space,
    gateway: &str,
    order: &ProbedOrder,
    operation: Operation,
) -> Result<RawRequest, String> {
    let ProbedOrder { merchant_id, tx_id } = order;
    let body = space.read_journal(|journal| {
        let mut calls = journal.iter().filter(|entry| {
            let is_own = entry.merchant.as_ref().is_some_and(|it| it.id == *merchant_id);
            entry.operation == Some(operation) && is_own && entry.tx_id.as_deref() == Some(&**tx_id)
        });
        calls.next_back().map(|entry| entry.bodies.request().to_vec())
    });
    let body = body.ok_or_else(|| {
        format!("the shop has made no call {operation} for {tx_id} that could be sent again")
    })?;
    let merchant = space.merchant(merchant_id).ok_or("the merchant is not known")?;
    let signed = gateway::sign(&space.profile().sign.recipe, &merchant, &body);
    let body =
        signed.map_err(|error| format!("the call cannot be signed as it was: {error}"))?.body;
    let path = operation.paths()[0];
    Ok(RawRequest::new(gateway.to_owned(), "POST", path, Some(("application/json", body)), false))
}

/// An order as templates see it, and its address of that kind.
fn look_up(
    to: ProbeTarget,
    space: &Space,
    named: &ProbedOrder,
) -> Result<(ProbeOrder, Option<String>), String> {
    let ProbedOrder { merchant_id, tx_id } = named;
    let found = space.read(|view| {
        let order = view.ledger.find(Target::Named { merchant: merchant_id, tx_id })?;
        let terminal = view.ledger.terminal(order);
        let details = order.details();
        let url = match to {
            ProbeTarget::Pushback => &details.noti_url,
            ProbeTarget::Success => &details.success_url,
            ProbeTarget::Fail => &details.fail_url,
            ProbeTarget::Cancel => &details.cancel_url,
            ProbeTarget::Gateway => &None,
        };
        let templates = ProbeOrder {
            tx_id: order.tx_id.to_string(),
            merchant_id: terminal.merchant.to_string(),
            term_id: terminal.terminal.to_string(),
            amount: order.amount.fixed(order.currency),
            currency: order.currency.code(),
        };
        Some((templates, url.as_deref().map(str::to_owned)))
    });
    found.ok_or_else(|| format!("the gateway has no order {tx_id}"))
}

fn in_query(text: &str) -> String {
    utf8_percent_encode(text, NON_ALPHANUMERIC).to_string()
}

/// The inside of a JSON string.
fn in_json(text: &str) -> String {
    let quoted = serde_json::Value::from(text).to_string();
    quoted[1..quoted.len() - 1].to_owned()
}

impl RawRequest {
    fn new(
        authority: String,
        method: &str,
        target: &str,
        body: Option<(&str, String)>,
        stalls: bool,
    ) -> Self {
        let mut head = format!(
            "{method} {target} HTTP/1.1\r\nhost: {authority}\r\nconnection: close\r\naccept: */*\r\n"
        );
        let body = match body {
            Some((kind, body)) => {
                let _ = write!(head, "content-type: {kind}\r\ncontent-length: {}\r\n", body.len());
                body.into_bytes()
            }
            None => Vec::new(),
        };
        head += "\r\n";
        let path = target.split('?').next().unwrap_or_default().to_owned();
        Self { authority, path, head, body, stalls }
    }

    /// Its address without the query.
    fn url(&self) -> String {
        format!("http://{}{}", self.authority, self.path)
    }

    /// Sends it, and reads the answer to its end.
    async fn send(&self) -> Result<RawAnswer, Unanswered> {
        let connected = connect_to(&self.authority).await;
        let mut stream = connected
            .map_err(|error| Unanswered::Unconnected(format!("no connection: {error}")))?;
        let sent = self.talk(&mut stream).await;
        sent.map_err(|error| Unanswered::Open(format!("no whole answer: {error}")))
    }

    async fn talk(&self, stream: &mut TcpStream) -> std::io::Result<RawAnswer> {
        stream.write_all(self.head.as_bytes()).await?;
        if self.stalls {
            stream.write_all(&self.body[..self.body.len() / 2]).await?;
            tokio::time::sleep(STALL).await;
            return Ok(RawAnswer::default());
        }
        let (reading, mut writing) = stream.split();
        // A shop may answer, and close, before it has read all of a long body.
        let write = async { writing.write_all(&self.body).await };
        let mut answer = Vec::new();
        let mut reading = reading.take(ANSWER_BYTES_MAX);
        let read = async { reading.read_to_end(&mut answer).await };
        let (written, read) = tokio::join!(write, read);
        if answer.is_empty() {
            written.and(read)?;
        }
        let end = answer.windows(4).position(|it| it == b"\r\n\r\n").unwrap_or(answer.len());
        let (head, body) = answer.split_at(end);
        Ok(RawAnswer { head: lossy(head), body: lossy(body) })
    }
}

fn lossy(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// The shop's answer to a probe.
#[derive(Debug, Default)]
struct RawAnswer {
    head: String,
    body: String,
}

/// Reason why a request has no answer.
enum Unanswered {
    /// Nobody listens at the address.
    Unconnected(String),
    /// It was sent, or may have been.
    Open(String),
}

impl RawAnswer {
    /// The HTTP status; `None` where there is none, as after a request that stalled.
    fn status(&self) -> Option<u16> {
        self.head.split(' ').nth(1)?.parse().ok()
    }

    /// Returns true if the shop's code has taken the request to `url`. A page for the payer may lead on to another.
    async fn is_taken(&self, url: &str, follows: bool) -> bool {
        let Some(status) = self.status() else { return false };
        let location = self.head.lines().find_map(|line| {
            let (name, value) = line.split_once(':')?;
            name.eq_ignore_ascii_case("location").then(|| value.trim())
        });
        match location.filter(|_| follows && matches!(status, 300..=399)) {
            Some(to) => open_page(&leads_to(url, to), TIME_LIMIT).await.is_ok(),
            None => is_taken(status),
        }
    }

    /// Makes sure that a text is not given back as it is.
    fn withholds(&self, text: &str) -> Result<(), String> {
        let head = self.head.to_ascii_lowercase();
        let wanted = text.to_ascii_lowercase();
        if head.lines().any(|line| line.starts_with(&wanted)) {
            return Err(format!(
                "the shop's answer has the header {text:?}, which a stranger has sent"
            ));
        }
        let is_page = head.contains("content-type: text/html");
        if is_page && self.body.contains(text) {
            return Err(format!(
                "the shop's page holds {text:?}, which a stranger has sent, as it is"
            ));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_stranger_sends_is_not_given_back() {
        let answer = |head: &str, body: &str| RawAnswer { head: head.into(), body: body.into() };
        let html = "HTTP/1.1 200 OK\r\nContent-Type: text/html; charset=utf-8";
        assert!(answer(html, "<script>x</script>").withholds("<script>x").is_err());
        assert!(answer(html, "&lt;script>x").withholds("<script>x").is_ok());
        assert!(
            answer("Content-Type: application/json", "<script>x").withholds("<script>x").is_ok()
        );
        assert!(answer("A: b\r\nset-cookie: x=1", "").withholds("Set-Cookie: x=1").is_err());
    }

    #[test]
    fn a_query_is_added_to_the_one_of_the_address() {
        assert_eq!(target("/back", Some("order=1"), Some("code=0")), "/back?order=1&code=0");
        assert_eq!(target("/back", Some("order=1"), None), "/back?order=1");
        assert_eq!(target("/back", Some(""), Some("code=0")), "/back?code=0");
        assert_eq!(target("/back", None, None), "/back");
    }

    #[test]
    fn values_are_quoted_for_their_place() {
        assert_eq!(in_json("a\"b\n"), "a\\\"b\\n");
        assert_eq!(in_query("' OR 1=1"), "%27%20OR%201%3D1");
    }
}
