//! The merchant's own address: where push-backs and payers come in.

use std::convert::Infallible;
use std::sync::{Arc, Weak};

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::header::{CONTENT_TYPE, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;
use tokio_util::sync::{CancellationToken, DropGuard};

use super::Shop;
use super::policy::Acknowledges;
use crate::base::Fields;
use crate::server::listen;

/// The largest push-back that is looked into.
const NOTICE_BYTES_MAX: usize = 64 << 10;

/// A bound address; nobody listens there any more once it is dropped.
#[derive(Debug)]
pub(super) struct Listener {
    authority: String,
    stop: CancellationToken,
    _stops: DropGuard,
}

impl Listener {
    pub(super) fn bind() -> std::io::Result<(Self, TcpListener)> {
        let incoming = listen(([127, 0, 0, 1], 0).into())?;
        let authority = incoming.local_addr()?.to_string();
        let stop = CancellationToken::new();
        let stops = stop.clone().drop_guard();
        Ok((Self { authority, stop, _stops: stops }, incoming))
    }

    /// Host and port.
    pub(super) fn authority(&self) -> &str {
        &self.authority
    }

    pub(super) fn serve(&self, incoming: TcpListener, shop: &Arc<Shop>) {
        let shop = Arc::downgrade(shop);
        let accepting = self.stop.clone();
        tokio::spawn(async move {
            loop {
                let accepted = tokio::select! {
                    accepted = incoming.accept() => accepted,
                    () = accepting.cancelled() => return,
                };
                let Ok((stream, _)) = accepted else { continue };
                let (shop, stop) = (Weak::clone(&shop), accepting.clone());
                tokio::spawn(async move {
                    let service = service_fn(|request| {
                        let shop = shop.upgrade();
                        async move { Ok::<_, Infallible>(answer(shop, request).await) }
                    });
                    let served =
                        http1::Builder::new().serve_connection(TokioIo::new(stream), service);
                    tokio::select! { _ = served => {}, () = stop.cancelled() => {} }
                });
            }
        });
    }
}

async fn answer(shop: Option<Arc<Shop>>, request: Request<Incoming>) -> Response<Full<Bytes>> {
    let Some(shop) = shop else { return plain(503, "closed") };
    if request.method() == Method::GET {
        return page(&shop, request.uri().path());
    }
    let kind = request.headers().get(CONTENT_TYPE).cloned();
    let Some(body) = bounded(request.into_body()).await else { return plain(413, "too large") };
    notice(&shop, kind.as_ref(), body).await
}

/// The payer's page: it says that the shop is looking into it, and decides nothing.
fn page(shop: &Arc<Shop>, path: &str) -> Response<Full<Bytes>> {
    let mut parts = path.trim_start_matches('/').splitn(3, '/');
    let (Some("return"), Some(to), Some(tx_id)) = (parts.next(), parts.next(), parts.next()) else {
        return plain(404, "no such page");
    };
    let (says_success, tx_id) = (to == "success", tx_id.to_owned());
    let shop_then = Arc::clone(shop);
    shop.time.spawn(async move { shop_then.came_back(&tx_id, says_success).await });
    plain(200, "We are checking your payment.")
}

async fn notice(
    shop: &Arc<Shop>,
    kind: Option<&HeaderValue>,
    body: Bytes,
) -> Response<Full<Bytes>> {
    if shop.is_down() {
        return plain(500, "down");
    }
    let is_json = kind.is_some_and(|kind| kind.as_bytes().starts_with(b"application/json"));
    let fields = Fields::parse(&body).ok();
    let named = fields.as_ref().and_then(|fields| fields.text("txId"));
    let known = named.filter(|tx_id| is_json && shop.row(tx_id).is_some());
    if !shop.policy.is_lenient && (known.is_none() || !is_by_the_book(&body)) {
        shop.stumble();
        return plain(500, "down");
    }
    let Some(tx_id) = known else {
        return match (is_json, fields.is_some()) {
            (false, _) => plain(415, "JSON, please"),
            (true, false) => plain(400, "not JSON"),
            (true, true) => plain(404, "no such order"),
        };
    };
    if shop.policy.acknowledges == Acknowledges::Early {
        return plain(200, "");
    }
    let code = fields.as_ref().and_then(|fields| fields.text("resultCode")).unwrap_or_default();
    let (heard_by, tx_id, code) = (Arc::clone(shop), tx_id.into_owned(), code.into_owned());
    shop.time.spawn(async move { heard_by.heard(&tx_id, &code).await });
    let _busy = match shop.policy.handling_ms {
        0 => None,
        ms => {
            let time = Arc::clone(&shop.time);
            // A sender that gives up does not make the shop any quicker.
            let frozen = async move { time.hold_until(time.now().plus(ms)).await };
            tokio::spawn(frozen).await.ok()
        }
    };
    if shop.policy.acknowledges == Acknowledges::Never {
        return plain(500, "sorry");
    }
    let mut response = plain(200, r#"{"resultCode":"0000","resultMsg":"Success"}"#);
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

/// Returns true if a push-back looks exactly as the one on PAYON's page.
fn is_by_the_book(body: &[u8]) -> bool {
    let fields = Fields::parse(body).ok();
    let names = fields.iter().flat_map(Fields::iter).map(|(name, _)| name.to_owned());
    body.starts_with(br#"{"txId":"#) && names.eq(["txId", "resultCode", "resultMsg"])
}

/// The body; `None` when it is too large, read to its end all the same so that the sender gets to hear of it.
async fn bounded(mut incoming: Incoming) -> Option<Bytes> {
    let mut kept = Vec::new();
    let mut is_whole = true;
    while let Some(frame) = incoming.frame().await {
        let Ok(frame) = frame else { return None };
        let Some(data) = frame.data_ref() else { continue };
        is_whole &= kept.len() + data.len() <= NOTICE_BYTES_MAX;
        if is_whole {
            kept.extend_from_slice(data);
        }
    }
    is_whole.then(|| kept.into())
}

fn plain(status: u16, text: &'static str) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from_static(text.as_bytes())));
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or_default();
    response
}
