//! The control plane itself: its settings, and what its calls share.

use std::sync::Arc;

use hyper::Uri;
use hyper::header::{HOST, HeaderMap};
use hyper::http::uri::Authority;
use tokio_util::sync::CancellationToken;

use super::guard::Guard;
use super::sources::Sources;
use crate::base::is_authority;
use crate::http::{Front, Limits};
use crate::space::Spaces;

/// Settings of a control plane.
#[derive(Debug)]
pub struct ControlSettings {
    /// Every space.
    pub spaces: Arc<Spaces>,
    /// Address of the gateway.
    pub url: String,
    /// Address of the control plane; the same where they share a port.
    pub control_url: String,
    /// Address under which payers reach the gateway, when merchants reach it under another one.
    pub public_url: Option<String>,
    /// The port with TLS, where there is one.
    pub tls: Option<TlsPort>,
    /// With a token every call but health must bring it; without one, calls must come by a name of this machine or of
    /// these URLs.
    pub token: Option<String>,
    /// Scenarios that the space `default` follows.
    pub sources: Arc<Sources>,
    /// Limits of the server.
    pub limits: Limits,
    /// Cancelled when the server stops: calls that wait or go on then end.
    pub stop: CancellationToken,
}

/// A port on which the gateway speaks TLS.
#[derive(Clone, Debug)]
pub struct TlsPort {
    /// Its address.
    pub url: String,
    /// The certificate of the test CA in PEM; none where the certificate is the user's own.
    pub ca: Option<Arc<str>>,
}

/// The control plane of a server.
#[derive(Debug)]
pub struct Control {
    pub(super) settings: ControlSettings,
    pub(super) guard: Guard,
}

/// Addresses under which the caller reaches the server: scheme, authority, and the path of a proxy.
pub(super) struct Origins {
    /// The gateway.
    pub(super) gateway: String,
    /// The control plane.
    pub(super) control: String,
}

impl Control {
    /// A control plane with these settings.
    pub fn new(mut settings: ControlSettings) -> Self {
        // Nothing of ours needs it again.
        let token = settings.token.take();
        let guard = Guard::new(token.as_deref(), &[&settings.url, &settings.control_url]);
        Self { settings, guard }
    }

    /// Address of the gateway.
    pub fn url(&self) -> &str {
        &self.settings.url
    }

    /// Address of the control plane.
    pub fn own_url(&self) -> &str {
        &self.settings.control_url
    }

    pub(super) fn spaces(&self) -> &Arc<Spaces> {
        &self.settings.spaces
    }

    /// Returns when the server stops.
    pub(super) async fn stopped(&self) {
        self.settings.stop.cancelled().await;
    }

    /// The port of the control plane, which may be another than the gateway's.
    pub fn port(&self) -> Option<u16> {
        self.own_url().parse::<Uri>().ok()?.port_u16()
    }

    /// Address under which the caller reaches the server, which may be another than the
    /// listener's: what a trusted proxy says, or the public URL for callers that come by its host, for the path of a
    /// proxy belongs to it.
    pub(super) fn origins(&self, headers: &HeaderMap, front: &Front) -> Origins {
        let ControlSettings { url, control_url, public_url, .. } = &self.settings;
        let host = headers.get(HOST).and_then(|host| host.to_str().ok());
        let host = host.filter(|host| is_authority(host));
        let Some(host) = host.and_then(|host| host.parse::<Authority>().ok()) else {
            return Origins { gateway: url.clone(), control: control_url.clone() };
        };
        let is_host =
            |known: &&str| known.parse::<Uri>().is_ok_and(|it| it.authority() == Some(&host));
        let shared = url == control_url;
        let public = public_url.as_deref().filter(is_host).filter(|_| shared);
        let own = || format!("{}{host}{}", front.scheme(), front.prefix());
        let control = public.map_or_else(own, str::to_owned);
        if shared {
            return Origins { gateway: control.clone(), control };
        }
        let port = url.parse::<Uri>().ok().and_then(|url| url.port_u16()).unwrap_or(80);
        Origins { gateway: format!("http://{}:{port}", host.host()), control }
    }
}
