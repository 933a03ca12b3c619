//! The control plane: everything of ours under `/_sim/`.

use std::sync::Arc;

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::{Request, Response};

use crate::server::App;
use crate::space::Space;

/// The control plane of a server.
#[derive(Debug)]
pub struct Control {
    gateway_url: String,
    own_url: String,
    token: Option<String>,
}

impl Control {
    /// A control plane for a gateway at `gateway_url`, itself at `own_url`.
    pub fn new(gateway_url: String, own_url: String, token: Option<String>) -> Self {
        Self { gateway_url, own_url, token }
    }

    /// Where the gateway is.
    pub fn url(&self) -> &str {
        &self.gateway_url
    }

    /// Answers a request under `/_sim/`.
    pub async fn answer(
        &self,
        _app: &Arc<App>,
        _space: Option<Arc<Space>>,
        path: &str,
        _request: Request<Incoming>,
    ) -> Response<Full<Bytes>> {
        Response::new(Full::new(Bytes::from(format!("{path} {} {:?}", self.own_url, self.token))))
    }
}
