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
    url: String,
    control_url: String,
    token: Option<String>,
}

impl Control {
    /// A control plane for a gateway at `url`, itself at `control_url`.
    pub fn new(url: String, control_url: String, token: Option<String>) -> Self {
        Self { url, control_url, token }
    }

    /// Where the gateway is.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Answers a request under `/_sim/`.
    pub async fn answer(
        &self,
        _app: &Arc<App>,
        _space: Option<Arc<Space>>,
        path: &str,
        _request: Request<Incoming>,
    ) -> Response<Full<Bytes>> {
        Response::new(Full::new(Bytes::from(format!(
            "{path} {} {:?}",
            self.control_url, self.token
        ))))
    }
}
