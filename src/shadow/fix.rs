//! Changes of the profile that make the simulator answer as a gateway did, each for one difference.

use crate::base::{Operation, Reason};
use crate::profile::{ReplyChange, ReplyKind};

/// A change of the profile.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fix {
    /// Another code, message or status for some reasons of an operation.
    Answer {
        /// The operation.
        operation: Operation,
        /// The reasons.
        reasons: Vec<Reason>,
        /// Another code.
        code: Option<String>,
        /// Another message.
        message: Option<String>,
        /// Another HTTP status.
        http: Option<u16>,
    },
    /// Another code or message of push-backs.
    Notice {
        /// True for those of payments that succeeded.
        is_success: bool,
        /// Another code.
        code: Option<String>,
        /// Another message.
        message: Option<String>,
    },
    /// Another setting of `profile.toml`.
    Setting {
        /// Its place.
        key: String,
        /// Its value.
        value: serde_json::Value,
    },
    /// Another shape of an operation's replies.
    Shape(Box<ReplyChange>),
    /// Another header of an operation's replies.
    Header {
        /// The operation.
        operation: Operation,
        /// The replies.
        of: ReplyKind,
        /// Lower case.
        name: String,
        /// Empty: the header is taken away.
        value: String,
    },
}

impl Fix {
    pub(super) fn code(operation: Operation, reasons: Vec<Reason>, code: &str) -> Self {
        let code = Some(code.to_owned());
        Self::Answer { operation, reasons, code, message: None, http: None }
    }

    pub(super) fn message(operation: Operation, reasons: Vec<Reason>, message: &str) -> Self {
        let message = Some(message.to_owned());
        Self::Answer { operation, reasons, code: None, message, http: None }
    }

    pub(super) fn http(operation: Operation, reasons: Vec<Reason>, status: u16) -> Self {
        Self::Answer { operation, reasons, code: None, message: None, http: Some(status) }
    }

    pub(super) fn shape(
        operation: Operation,
        of: ReplyKind,
        change: impl FnOnce(&mut ReplyChange),
    ) -> Self {
        let mut shape = ReplyChange { on: vec![operation], of, ..ReplyChange::default() };
        change(&mut shape);
        Self::Shape(Box::new(shape))
    }
}
