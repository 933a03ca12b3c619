//! Calls with their answers, as other tools have recorded them.

/// A call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImportedCall {
    /// The place in its file, for people.
    pub name: String,
    /// Time at which it was sent, in microseconds since 1970.
    pub at_us: i64,
    /// Time until its answer was there, in microseconds.
    pub took_us: u64,
    /// HTTP method.
    pub method: String,
    /// The whole URL.
    pub url: String,
    /// Headers.
    pub headers: Vec<(String, String)>,
    /// The body; `None` where the tool did not keep it.
    pub body: Option<Vec<u8>>,
    /// The answer; `None` where none came.
    pub answer: Option<ImportedAnswer>,
}

/// An answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImportedAnswer {
    /// HTTP status.
    pub status: u16,
    /// Headers.
    pub headers: Vec<(String, String)>,
    /// The body; `None` where the tool did not keep it.
    pub body: Option<Vec<u8>>,
}
