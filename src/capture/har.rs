//! HAR files (HTTP Archive 1.2), as browsers, proxies and API clients export them.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;

use super::{CaptureError, CapturedCall};

#[derive(Deserialize)]
struct Har {
    log: Log,
}

#[derive(Deserialize)]
struct Log {
    entries: Vec<HarEntry>,
}

#[derive(Deserialize)]
struct HarEntry {
    request: HarRequest,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct HarRequest {
    url: String,
    #[serde(default)]
    post_data: Option<PostData>,
}

#[derive(Deserialize)]
struct PostData {
    #[serde(default)]
    text: String,
    /// Some tools write bodies in Base64 and say so here.
    #[serde(default)]
    encoding: Option<String>,
}

/// The text is JSON with a `log` as its first member, whatever may be wrong with it.
pub(super) fn is_har(text: &str) -> bool {
    let first = text.trim_start().strip_prefix('{').map(str::trim_start);
    first.and_then(|rest| rest.strip_prefix("\"log\"")).is_some_and(|rest| {
        rest.trim_start().strip_prefix(':').is_some_and(|rest| rest.trim_start().starts_with('{'))
    })
}

/// The requests with a body.
pub(super) fn read(name: &str, text: &str) -> Result<Vec<CapturedCall>, CaptureError> {
    let har: Har =
        serde_json::from_str(text).map_err(|error| CaptureError::Har(place_of(&error)))?;
    let mut recorded = Vec::new();
    for (number, entry) in (1..).zip(har.log.entries) {
        let Some(data) = entry.request.post_data else { continue };
        let body = match data.encoding.as_deref() {
            Some("base64") => {
                let bytes = STANDARD.decode(data.text.trim()).ok();
                bytes.and_then(|bytes| String::from_utf8(bytes).ok()).ok_or_else(|| {
                    CaptureError::Har(format!("the body of entry {number} is no Base64 of a text"))
                })?
            }
            _ => data.text,
        };
        if !body.trim().is_empty() {
            let name = format!("{name}, entry {number}");
            recorded.push(CapturedCall { name, url: Some(entry.request.url), body });
        }
    }
    Ok(recorded)
}

/// The place of a mistake, without any of the text, which may hold secrets.
fn place_of(error: &serde_json::Error) -> String {
    format!("line {}, column {}", error.line(), error.column())
}
