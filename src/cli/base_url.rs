//! A URL that paths are appended to.

use std::fmt;
use std::str::FromStr;

use hyper::Uri;
use serde::{Deserialize, Serialize};

/// `http://` or `https://`, a host, and perhaps a port and a path; kept without a slash at its end.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub(super) struct BaseUrl(String);

/// A text that is no such URL.
#[derive(Debug, thiserror::Error)]
#[error(
    "a URL here begins with http:// or https:// and has a host and no query, such as http://127.0.0.1:36605"
)]
pub(super) struct NotABaseUrl;

impl BaseUrl {
    /// The text.
    pub(super) fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for BaseUrl {
    type Err = NotABaseUrl;

    fn from_str(text: &str) -> Result<Self, NotABaseUrl> {
        let uri: Uri = text.parse().map_err(|_| NotABaseUrl)?;
        let known = matches!(uri.scheme_str(), Some("http" | "https"));
        let fits = known && uri.host().is_some_and(|host| !host.is_empty());
        if !fits || uri.query().is_some() || text.contains('#') {
            return Err(NotABaseUrl);
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
