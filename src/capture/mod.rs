//! Recorded requests, read from what other tools write: a JSON body, a HAR file, curl command lines, a dump of mitmproxy; and
//! the program's own file of a recorded session, with answers and push-backs.
//!
//! Knows formats and nothing of PAYON but the paths of its operations. Does no IO: a file that a command line refers to
//! is read by the caller.

mod curl;
mod har;
mod imported;
mod mitmproxy;
mod session;
#[cfg(test)]
mod tests;

use crate::base::Operation;
pub use imported::{ImportedAnswer, ImportedCall};
pub use session::{
    RecordedAnswer, RecordedBody, RecordedCall, RecordedMessage, RecordedPushback, SESSION_VERSION,
    Session, SessionEnd, SessionError, SessionHead, SessionLine, SignatureNote, line,
};

/// A request as it was recorded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CapturedCall {
    /// The place in its file, for people.
    pub name: String,
    /// The URL, where the file has one.
    pub url: Option<String>,
    /// The body.
    pub body: String,
}

/// Text that holds no recorded request.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CaptureError {
    /// None of the known formats.
    #[error("neither a JSON body, a HAR file nor a curl command line")]
    Unknown,
    /// A HAR file that is not as the format says.
    #[error("not a sound HAR file: {0}")]
    Har(String),
    /// A dump of mitmproxy that is not as it writes them.
    #[error("not a sound dump of mitmproxy: {0}")]
    Flow(String),
    /// A capture that is not as the format says.
    #[error("not a sound capture: {0}")]
    Session(SessionError),
    /// A capture whose signatures are masked.
    #[error("its signatures are masked: record it anew with `payon-sim shadow --keep-signatures`")]
    NoSignatures,
    /// Neither a HAR file nor a dump of mitmproxy.
    #[error("neither a HAR file nor a dump of mitmproxy")]
    NoAnswers,
    /// A command line that ends within quotes.
    #[error("a quotation mark of the curl command line is not closed")]
    Quote,
    /// A body that stands in another file, which cannot be read.
    #[error("the curl command line takes its body from {0:?}, which cannot be read")]
    File(String),
}

impl CapturedCall {
    /// The operation that the URL leads to.
    pub fn operation(&self) -> Option<Operation> {
        operation_at(self.url.as_deref()?)
    }
}

/// The operation whose path `url` ends with; query and fragment do not count.
pub fn operation_at(url: &str) -> Option<Operation> {
    let path = url.split(['?', '#']).next().unwrap_or_default().trim_end_matches('/');
    let ends = |operation: &Operation| operation.paths().iter().any(|known| path.ends_with(known));
    Operation::ALL.iter().copied().find(ends)
}

/// Reads all recorded requests of `text`; `name` is its file. `file` reads a file that a command line refers to.
pub fn read(
    name: &str,
    text: &str,
    file: &dyn Fn(&str) -> Option<String>,
) -> Result<Vec<CapturedCall>, CaptureError> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    if har::is_har(text) {
        return har::read(name, text);
    }
    if session::is_session(text) {
        return session::signed_calls(name, text);
    }
    if text.trim_start().starts_with('{') {
        return Ok(vec![CapturedCall { name: name.to_owned(), url: None, body: text.to_owned() }]);
    }
    if curl::is_curl(text) {
        return curl::read(name, text, file);
    }
    Err(CaptureError::Unknown)
}

/// Reads all calls with their answers from a HAR file or a dump of mitmproxy; `name` is the file.
pub fn read_calls(name: &str, bytes: &[u8]) -> Result<Vec<ImportedCall>, CaptureError> {
    if mitmproxy::is_flow(bytes) {
        return mitmproxy::read(name, bytes);
    }
    let text = std::str::from_utf8(bytes).map_err(|_| CaptureError::NoAnswers)?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    if har::is_har(text) { har::read_calls(name, text) } else { Err(CaptureError::NoAnswers) }
}
