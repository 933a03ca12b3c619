//! Errors of the control plane, after RFC 9457: a stable type, and a detail that says what to do.

use std::fmt::Write as _;

use bytes::Bytes;
use schemars::JsonSchema;
use serde::{Serialize, Serializer};

use crate::base::Reason;
use crate::space::{NewPlace, NotWritten, Space, SpaceError};

macro_rules! kinds {
    ($($variant:ident = $status:literal $slug:literal, $title:literal;)+) => {
        /// The kinds of problem.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(super) enum ProblemKind { $(#[doc = $title] $variant,)+ }

        impl ProblemKind {
            const ALL: &'static [Self] = &[$(Self::$variant,)+];

            /// The types of all kinds, for the OpenAPI document.
            pub(super) const TYPES: &'static [&'static str] =
                &[$(concat!("/_sim/problems/", $slug),)+];

            /// The stable name: a URI reference.
            const fn uri(self) -> &'static str {
                match self { $(Self::$variant => concat!("/_sim/problems/", $slug),)+ }
            }

            const fn title(self) -> &'static str {
                match self { $(Self::$variant => $title,)+ }
            }

            const fn status(self) -> u16 {
                match self { $(Self::$variant => $status,)+ }
            }
        }
    };
}

kinds! {
    Moved = 307 "moved", "Another server has the space now";
    Unreadable = 400 "unreadable", "The call cannot be read";
    Unauthorised = 401 "unauthorised", "The call lacks the token of this control plane";
    ForeignHost = 403 "foreign-host", "The call came by a name that is not this server's";
    ForeignOrigin = 403 "foreign-origin", "The call came from another site";
    UnknownCall = 404 "unknown-call", "There is no such call";
    UnknownSpace = 404 "unknown-space", "There is no such space";
    UnknownMerchant = 404 "unknown-merchant", "There is no such merchant";
    UnknownOrder = 404 "unknown-order", "There is no such order";
    UnknownScenario = 404 "unknown-scenario", "There is no such scenario";
    UnknownRule = 404 "unknown-rule", "There is no such rule";
    UnknownTrace = 404 "unknown-trace", "There is no such request in the journal";
    UnknownPushback = 404 "unknown-pushback", "There is no such push-back";
    UnknownSnapshot = 404 "unknown-snapshot", "There is no such snapshot";
    WrongMethod = 405 "wrong-method", "The call exists with another method";
    TimedOut = 408 "timed-out", "It did not happen in time";
    SpaceExists = 409 "space-exists", "The space exists already";
    SnapshotExists = 409 "snapshot-exists", "The snapshot exists already";
    MerchantTaken = 409 "merchant-taken", "The merchant belongs to another space";
    MerchantExists = 409 "merchant-exists", "The merchant is in the space already";
    DefaultStays = 409 "default-stays", "The default space cannot be deleted";
    NotPossible = 409 "not-possible", "The order does not allow it";
    UnderWay = 409 "under-way", "It is under way already";
    Interrupted = 409 "interrupted", "The space was reset meanwhile";
    NoPrivateKey = 409 "no-private-key", "The merchant's private key is not known here";
    TooLarge = 413 "too-large", "The body is too large";
    UriTooLong = 414 "uri-too-long", "The request line is too long";
    Refused = 422 "refused", "A value cannot be taken";
    TooMany = 429 "too-many", "There are too many already";
    HeadTooLarge = 431 "head-too-large", "The request's headers are too large";
    Failed = 500 "failed", "The simulator failed";
    NotTaken = 502 "not-taken", "The other server does not take the space";
    Stopping = 503 "stopping", "The server stops";
    NotWritten = 503 "not-written", "The state cannot be written";
}

/// Reason why a call failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiProblem {
    kind: ProblemKind,
    detail: String,
    member: Option<String>,
    reason: Option<Reason>,
    mistakes: Vec<ProblemMistake>,
    allow: Option<String>,
    /// The server that has what was asked for, and the path there.
    elsewhere: Option<Box<(String, String)>>,
}

/// A problem as it is written (RFC 9457).
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Problem")]
pub(super) struct ProblemDocument<'a> {
    /// Kind of problem: a stable URI reference.
    #[serde(rename = "type")]
    #[schemars(schema_with = "types")]
    kind: &'static str,
    /// The same in words.
    title: &'static str,
    /// HTTP status.
    status: u16,
    /// The exact mistake, and the remedy.
    detail: &'a str,
    /// The member of the call that was wrong, such as `merchants[0].notiUrl`.
    #[serde(skip_serializing_if = "Option::is_none")]
    member: Option<&'a str>,
    /// All mistakes of what was sent, in the order of its text.
    #[serde(skip_serializing_if = "<[ProblemMistake]>::is_empty")]
    mistakes: &'a [ProblemMistake],
    /// The reason by name, where the order's state forbids the call.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    reason: Option<Reason>,
}

/// One mistake in what was sent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub(super) struct ProblemMistake {
    /// The file, where it is not the call's own body.
    #[serde(skip_serializing_if = "Option::is_none")]
    file: Option<String>,
    /// From 1; 0 where it is about the whole.
    line: usize,
    /// From 1, in characters; 0 where it is about the whole.
    column: usize,
    message: String,
    /// Allowed values, or what was probably meant.
    help: Vec<String>,
}

fn types(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
    schemars::json_schema!({ "type": "string", "format": "uri-reference", "enum": ProblemKind::TYPES })
}

impl ApiProblem {
    /// A problem of `kind`; `detail` says what was wrong and what to do.
    pub(super) fn new(kind: ProblemKind, detail: impl Into<String>) -> Self {
        Self {
            kind,
            detail: detail.into(),
            member: None,
            mistakes: Vec::new(),
            reason: None,
            allow: None,
            elsewhere: None,
        }
    }

    /// A method that an address does not have; `calls` are those that it has, each with its purpose.
    pub(super) fn wrong_method<'c>(
        method: &str,
        path: &str,
        calls: impl IntoIterator<Item = (&'c str, &'c str)>,
    ) -> Self {
        let mut detail = format!("{path} is not called with {method}");
        let mut allow = Vec::new();
        for (name, about) in calls {
            // Writing into a String cannot fail.
            let _ = write!(detail, "; with {name}: {about}");
            allow.push(name);
            // What can be read can be looked at.
            allow.extend((name == "GET").then_some("HEAD"));
        }
        let allow = Some(allow.join(", "));
        Self { allow, ..Self::new(ProblemKind::WrongMethod, detail) }
    }

    /// Explains the name of a kind of problem to somebody who opens it as an address.
    pub(super) fn at_name(path: &str) -> Option<Self> {
        let known = ProblemKind::ALL.iter().find(|kind| kind.uri() == path)?;
        let (status, title) = (known.status(), known.title());
        let detail = format!(
            "{path} is the name of a kind of problem and no call. It comes with status {status}: {title}. The answer that \
             has it says in `detail` what was wrong and what to do"
        );
        Some(Self::new(ProblemKind::UnknownCall, detail))
    }

    /// A value that can be read, yet not be taken.
    pub(super) fn refused(member: impl Into<String>, detail: impl Into<String>) -> Self {
        Self::new(ProblemKind::Refused, detail).at(member)
    }

    /// Another server has the space.
    pub(super) fn moved(space: &Space, place: &NewPlace) -> Self {
        let (name, place) = (space.name().to_owned(), Box::new(place.clone()));
        let way = place.control.clone();
        let detail = SpaceError::Moved { name, place }.to_string();
        Self::new(ProblemKind::Moved, detail).elsewhere(&way)
    }

    /// The state is not written, so nothing is acknowledged.
    pub(super) fn not_written(error: &NotWritten) -> Self {
        let detail = format!("{error}; make room for --state, and look before you ask again");
        Self::new(ProblemKind::NotWritten, detail)
    }

    /// Everything that is wrong with files: each mistake names its own.
    pub(super) fn mistakes_of_files(what: &str, found: &[crate::base::Diagnostic]) -> Self {
        let mut problem = Self::mistakes(what, found);
        for (mistake, found) in problem.mistakes.iter_mut().zip(found) {
            mistake.file = Some(found.file.clone());
        }
        problem
    }

    /// Everything that is wrong with a text that was sent.
    pub(super) fn mistakes(what: &str, found: &[crate::base::Diagnostic]) -> Self {
        let first = found.first().map(ToString::to_string).unwrap_or_default();
        let count = found.len();
        let plural = if count == 1 { "" } else { "s" };
        let detail = format!("{what}: {count} mistake{plural}; the first is\n{first}");
        let mistakes = found.iter().map(|mistake| ProblemMistake {
            file: None,
            line: mistake.line,
            column: mistake.column,
            message: mistake.message.clone(),
            help: mistake.help.clone(),
        });
        Self { mistakes: mistakes.collect(), ..Self::new(ProblemKind::Unreadable, detail) }
    }

    /// Names the member that was wrong.
    #[must_use]
    pub(super) fn at(mut self, member: impl Into<String>) -> Self {
        self.member = Some(member.into());
        self
    }

    /// Returns true if it names this member as the wrong one.
    pub(super) fn is_about(&self, member: &str) -> bool {
        self.member.as_deref() == Some(member)
    }

    /// Names the reason.
    #[must_use]
    pub(super) fn because(mut self, reason: Reason) -> Self {
        self.reason = Some(reason);
        self
    }

    /// Names the server that has what was asked for.
    #[must_use]
    pub(super) fn elsewhere(mut self, server: &str) -> Self {
        self.elsewhere = Some(Box::new((server.to_owned(), String::new())));
        self
    }

    /// Says what path was asked for, for the way to another server.
    #[must_use]
    pub(super) fn below(mut self, path: &str) -> Self {
        if let Some(elsewhere) = &mut self.elsewhere {
            path.clone_into(&mut elsewhere.1);
        }
        self
    }

    /// Server and path of what was asked for, where that is elsewhere.
    pub(super) fn way(&self) -> Option<(&str, &str)> {
        self.elsewhere.as_deref().map(|(server, path)| (server.as_str(), path.as_str()))
    }

    /// HTTP status.
    pub(super) const fn status(&self) -> u16 {
        self.kind.status()
    }

    /// Name of its kind: the last part of its type.
    pub fn name(&self) -> &'static str {
        let uri = self.kind.uri();
        uri.rsplit('/').next().unwrap_or(uri)
    }

    /// The exact mistake, and the remedy.
    pub fn detail(&self) -> &str {
        &self.detail
    }

    /// Value of the header `Allow`.
    pub(super) fn allow(&self) -> Option<&str> {
        self.allow.as_deref()
    }

    /// The same as a page for people, at this path below `/_sim/`. Its link is relative, as those of all pages.
    pub(super) fn to_page(&self, path: &str) -> String {
        let escape = |text: &str| {
            text.replace('&', "&amp;")
                .replace('<', "&lt;")
                .replace('>', "&gt;")
                .replace('"', "&quot;")
        };
        let (title, detail) = (escape(self.kind.title()), escape(&self.detail));
        let advice = match self.kind {
            ProblemKind::Unauthorised => {
                let steps = path.matches('/').count().saturating_sub(2);
                let dashboard = format!("./{}", "../".repeat(steps));
                format!(
                    "<p>Log in at the <a href=\"{dashboard}\">dashboard</a>, then open this page again.</p>"
                )
            }
            _ => String::new(),
        };
        format!(
            "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n<title>{title}</title>\n\
             <h1>{title}</h1>\n<p>{detail}</p>\n{advice}\n</html>\n"
        )
    }

    /// The document.
    pub(super) fn to_json(&self) -> Bytes {
        serde_json::to_vec(self).unwrap_or_default().into()
    }
}

impl Serialize for ApiProblem {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        ProblemDocument {
            kind: self.kind.uri(),
            title: self.kind.title(),
            status: self.kind.status(),
            detail: &self.detail,
            member: self.member.as_deref(),
            mistakes: &self.mistakes,
            reason: self.reason,
        }
        .serialize(serializer)
    }
}
