//! HAR files (HTTP Archive 1.2), as browsers, proxies and API clients export them.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;

use super::imported::{ImportedAnswer, ImportedCall};
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

/// The calls with their answers.
pub(super) fn read_calls(name: &str, text: &str) -> Result<Vec<ImportedCall>, CaptureError> {
    let har: AnsweredHar =
        serde_json::from_str(text).map_err(|error| CaptureError::Har(place_of(&error)))?;
    let entries = (1..).zip(har.log.entries);
    let calls = entries.map(|(number, entry)| {
        let AnsweredEntry { started_date_time, time, request, response } = entry;
        let begun: jiff::Timestamp = started_date_time.parse().map_err(|_| {
            CaptureError::Har(format!("startedDateTime of entry {number} is no date and time"))
        })?;
        // Bodies stand in the file as they were before a content coding.
        let is_kept = |header: &HarHeader| !header.name.eq_ignore_ascii_case("content-encoding");
        let pairs = |headers: Vec<HarHeader>| {
            let kept = headers.into_iter().filter(is_kept);
            kept.map(|header| (header.name, header.value)).collect()
        };
        let body = match request.post_data {
            Some(data) => data.bytes(),
            None => Some(Vec::new()),
        };
        // Browsers write 0 where no answer came, other tools -1.
        let status = response.as_ref().and_then(|response| u16::try_from(response.status).ok());
        let answer = response.zip(status.filter(|status| *status > 0)).map(|(response, status)| {
            ImportedAnswer {
                status,
                headers: pairs(response.headers),
                body: response.content.and_then(HarContent::bytes),
            }
        });
        Ok(ImportedCall {
            name: format!("{name}, entry {number}"),
            at_us: begun.as_microsecond(),
            took_us: (time.max(0.0) * 1000.0) as u64,
            method: request.method,
            url: request.url,
            headers: pairs(request.headers),
            body,
            answer,
        })
    });
    calls.collect()
}

#[derive(Deserialize)]
struct AnsweredHar {
    log: AnsweredLog,
}

#[derive(Deserialize)]
struct AnsweredLog {
    entries: Vec<AnsweredEntry>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct AnsweredEntry {
    started_date_time: String,
    #[serde(default)]
    time: f64,
    request: SentRequest,
    #[serde(default)]
    response: Option<HarResponse>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct SentRequest {
    method: String,
    url: String,
    #[serde(default)]
    headers: Vec<HarHeader>,
    #[serde(default)]
    post_data: Option<HarContent>,
}

#[derive(Deserialize)]
struct HarResponse {
    status: i64,
    #[serde(default)]
    headers: Vec<HarHeader>,
    #[serde(default)]
    content: Option<HarContent>,
}

#[derive(Deserialize)]
struct HarHeader {
    name: String,
    value: String,
}

#[derive(Deserialize)]
struct HarContent {
    #[serde(default)]
    text: Option<String>,
    #[serde(default)]
    encoding: Option<String>,
}

impl HarContent {
    fn bytes(self) -> Option<Vec<u8>> {
        let text = self.text?;
        match self.encoding.as_deref() {
            Some("base64") => STANDARD.decode(text.trim()).ok(),
            _ => Some(text.into_bytes()),
        }
    }
}

/// The place of a mistake, without any of the text, which may hold secrets.
fn place_of(error: &serde_json::Error) -> String {
    format!("line {}, column {}", error.line(), error.column())
}
