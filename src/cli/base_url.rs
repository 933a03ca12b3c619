//! A URL that paths are appended to.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::base::{WebUrlError, WebUrlParts};

/// `http://` or `https://`, a host, and perhaps a port and a path; kept without a slash at its end.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub(super) struct BaseUrl(String);

/// A text that is no such URL.
#[derive(Debug, thiserror::Error)]
pub(super) enum NotABaseUrl {
    // Its message holds that of the cause, which so is none to be told beside it.
    #[error("a URL here {0}; write it like http://127.0.0.1:36605")]
    NotAUrl(WebUrlError),
    #[error("a URL here has no query and no fragment, since paths are appended to it")]
    NotABase,
}

impl BaseUrl {
    /// The text.
    pub(super) fn as_str(&self) -> &str {
        &self.0
    }

    /// The same without this at its end.
    pub(super) fn without_end(&self, end: &str) -> Self {
        Self(self.0.strip_suffix(end).unwrap_or(&self.0).to_owned())
    }

    /// The host, without the brackets of an IPv6 address.
    pub(super) fn host(&self) -> Option<String> {
        let parts = WebUrlParts::parse(&self.0).ok()?;
        Some(parts.host.to_owned())
    }

    /// The URL of the server and, as it stands there, the name of the space, of which this is a base URL.
    pub(super) fn split_space(&self) -> Option<(Self, &str)> {
        let (root, space) = self.0.rsplit_once("/space/")?;
        let is_name = !space.is_empty() && !space.contains('/');
        is_name.then(|| (Self(root.to_owned()), space))
    }
}

impl FromStr for BaseUrl {
    type Err = NotABaseUrl;

    fn from_str(text: &str) -> Result<Self, NotABaseUrl> {
        let parts = WebUrlParts::parse(text).map_err(NotABaseUrl::NotAUrl)?;
        if parts.rest.contains(['?', '#']) {
            return Err(NotABaseUrl::NotABase);
        }
        Ok(Self(text.trim_end_matches('/').to_owned()))
    }
}

impl TryFrom<String> for BaseUrl {
    type Error = NotABaseUrl;

    fn try_from(text: String) -> Result<Self, NotABaseUrl> {
        text.parse()
    }
}

impl From<BaseUrl> for String {
    fn from(url: BaseUrl) -> Self {
        url.0
    }
}

impl fmt::Display for BaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
