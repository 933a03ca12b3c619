//! The yardsticks: hyper with our server's settings and hyper's own timer, one JSON body parsed, one JSON body written,
//! nothing kept.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::header::{CONTENT_TYPE, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use ring::signature::{RSA_PKCS1_2048_8192_SHA256, RsaPublicKeyComponents};
use rsa::RsaPublicKey;
use rsa::pkcs8::DecodePublicKey as _;
use rsa::traits::PublicKeyParts as _;
use serde::{Deserialize, Serialize};
use tokio::net::TcpListener;

use crate::story;

/// What both yardsticks read of a body: what register and refund have in common, and the rest if it is there.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Asked<'a> {
    term_id: &'a str,
    merchant_id: &'a str,
    tx_id: &'a str,
    trt: Option<&'a str>,
    currency: Option<&'a str>,
    amount: Option<&'a str>,
    payment_method: Option<&'a str>,
    sign: Option<&'a str>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Answer<'a> {
    result_msg: &'a str,
    result_code: &'a str,
    term_id: &'a str,
    merchant_id: &'a str,
    tx_id: &'a str,
    trt: Option<&'a str>,
    currency: Option<&'a str>,
    amount: Option<&'a str>,
    payment_method: Option<&'a str>,
}

/// A key with the one message that the yardstick checks signatures of; making it would be extra work.
struct Check {
    key: RsaPublicKeyComponents<Vec<u8>>,
    message: String,
}

/// Serves until the process is ended; prints its address first.
pub(crate) async fn serve(verify: bool) -> Result<()> {
    let check = if verify {
        let (spki, message) = story::fixed_message()?;
        let key = RsaPublicKey::from_public_key_der(&spki).context("the merchant's key")?;
        let key = RsaPublicKeyComponents { n: key.n().to_bytes_be(), e: key.e().to_bytes_be() };
        Some(Arc::new(Check { key, message }))
    } else {
        None
    };
    let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
    println!("{}", listener.local_addr()?);
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        let check = check.clone();
        let service = service_fn(move |request| answer(request, check.clone()));
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(Duration::from_secs(30))
            .max_buf_size(64 << 10)
            .writev(false)
            .half_close(true)
            .serve_connection(TokioIo::new(stream), service);
        tokio::spawn(async move {
            // The client is gone: nothing to do about it.
            let _ = connection.await;
        });
    }
}

async fn answer(
    request: Request<Incoming>,
    check: Option<Arc<Check>>,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let written = match request.into_body().collect().await {
        Ok(body) => write(&body.to_bytes(), check.as_deref()),
        Err(error) => Err(error.into()),
    };
    Ok(match written {
        Ok(body) => {
            let mut response = Response::new(Full::new(Bytes::from(body)));
            let json = HeaderValue::from_static("application/json;charset=UTF-8");
            response.headers_mut().insert(CONTENT_TYPE, json);
            response
        }
        Err(error) => {
            let mut response = Response::new(Full::new(Bytes::from(error.to_string())));
            *response.status_mut() = StatusCode::BAD_REQUEST;
            response
        }
    })
}

fn write(body: &[u8], check: Option<&Check>) -> Result<Vec<u8>> {
    let asked: Asked<'_> = serde_json::from_slice(body)?;
    if let Some(Check { key, message }) = check {
        let signature = STANDARD.decode(asked.sign.context("no sign")?)?;
        let fits = key.verify(&RSA_PKCS1_2048_8192_SHA256, message.as_bytes(), &signature);
        fits.ok().context("sign does not fit")?;
    }
    Ok(serde_json::to_vec(&Answer {
        result_msg: "Success",
        result_code: "0000",
        term_id: asked.term_id,
        merchant_id: asked.merchant_id,
        tx_id: asked.tx_id,
        trt: asked.trt,
        currency: asked.currency,
        amount: asked.amount,
        payment_method: asked.payment_method,
    })?)
}
