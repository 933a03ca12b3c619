//! `then`: what happens to a call.

use super::{Latency, Pushback};
use crate::base::{Message, Period, Reason, named_enum};
use crate::scenario::codec::{Definitions, FromYaml, Json, Printed, YamlNode, choice, record};

/// Effects in order. Latencies add up; of anything else the last one counts.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Lines(pub Vec<Effect>);

impl FromYaml for Lines {
    fn read(node: YamlNode<'_>) -> Option<Self> {
        Vec::read(node).map(Self)
    }

    fn print(&self) -> Printed {
        self.0.print()
    }

    fn schema(definitions: &mut Definitions) -> serde_json::Value {
        Vec::<Effect>::schema(definitions)
    }
}

choice! {
    /// One thing that happens.
    pub enum Effect ("an effect") {
        /// The answer takes this long, on the space's clock.
        Latency(Latency) = "latency",
        /// Refused or declined for this reason, with the profile's code and words for it.
        Reason(Reason) = "reason",
        /// Members of the reply are set or removed.
        Patch(Patch) = "patch",
        /// The HTTP status of the reply.
        Status(HttpStatus) = "status",
        /// Time at which the ledger books relative to the reply. Without it: before the reply; never where a reason refuses.
        Commit(Commit) = "commit",
        /// Fault of the connection.
        Transport(Transport) = "transport",
        /// Changes to the push-backs that the call causes.
        Pushback(Pushback) = "pushback",
    }
}

named_enum! {
    /// Time at which the ledger books.
    pub enum Commit ("a commit point") {
        /// As `before`: approved, whatever the caller sees.
        Approved = "approved",
        /// Before the reply is attempted.
        Before = "before",
        /// After the reply was attempted.
        After = "after",
        /// Not at all: the caller may hear of a success that was never booked.
        Never = "never",
    }
}

/// An HTTP status from 200 to 599.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HttpStatus(pub u16);

/// An HTTP status from 500 to 599.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ServerStatus(pub u16);

macro_rules! status {
    ($type:ident, $least:literal, $most:literal) => {
        impl FromYaml for $type {
            fn read(node: YamlNode<'_>) -> Option<Self> {
                let status = u16::read(node)?;
                if !($least..=$most).contains(&status) {
                    let (least, most) = ($least, $most);
                    node.refuse(format!("must be an HTTP status from {least} to {most}"));
                    return None;
                }
                Some(Self(status))
            }

            fn print(&self) -> Printed {
                self.0.print()
            }

            fn schema(_: &mut Definitions) -> serde_json::Value {
                serde_json::json!({ "type": "integer", "minimum": $least, "maximum": $most })
            }
        }
    };
}
status!(HttpStatus, 200, 599);
status!(ServerStatus, 500, 599);

impl PartialEq<HttpStatus> for u16 {
    fn eq(&self, other: &HttpStatus) -> bool {
        *self == other.0
    }
}

/// A number of bytes up to 64 MiB.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Size(pub u32);

impl Size {
    const MAX: u32 = 64 << 20;
}

impl FromYaml for Size {
    fn read(node: YamlNode<'_>) -> Option<Self> {
        let size = u32::read(node)?;
        if size > Self::MAX {
            node.refuse(format!("must be at most {} bytes", Self::MAX));
            return None;
        }
        Some(Self(size))
    }

    fn print(&self) -> Printed {
        self.0.print()
    }

    fn schema(_: &mut Definitions) -> serde_json::Value {
        serde_json::json!({ "type": "integer", "minimum": 0, "maximum": Self::MAX })
    }
}

record! {
    /// Changes of a JSON body. A member is named by its path: `resultData.amount`, and `[0].amount` in a list.
    pub struct Patch {
        /// Members with their new values, digits and all.
        set: Members = "set",
        /// Members that go.
        remove: Vec<String> = "remove",
    }
    check |patch, node| {
        if patch.set.0.is_empty() && patch.remove.is_empty() {
            node.refuse("must have `set`, `remove` or both");
            return None;
        }
        Some(())
    };
}

/// Members by path with their values.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Members(pub Vec<(String, Json)>);

impl FromYaml for Members {
    fn read(node: YamlNode<'_>) -> Option<Self> {
        let entries = node.entries("a map of members")?;
        let read: Vec<Option<(String, Json)>> = entries
            .into_iter()
            .map(|(path, _, value)| Some((path.to_owned(), Json::read(value)?)))
            .collect();
        read.into_iter().collect::<Option<_>>().map(Self)
    }

    fn print(&self) -> Printed {
        Printed::Map(self.0.iter().map(|(path, value)| (path.clone(), value.print())).collect())
    }

    fn schema(_: &mut Definitions) -> serde_json::Value {
        serde_json::json!({ "type": "object" })
    }

    fn absent() -> Option<Self> {
        Some(Self::default())
    }

    fn is_absent(&self) -> bool {
        self.0.is_empty()
    }
}

choice! {
    /// Faults of the connection.
    pub enum Transport ("a transport fault") {
        /// Reset before any byte of the reply; at the point `connect`, as soon as the connection is accepted, by rules of the
        /// space `default` only.
        Reset = "reset",
        /// Reset after so many bytes of the body, the headers having promised all of it.
        ResetWithinBody(u32) = "reset-within-body",
        /// Closed in an orderly way without any byte.
        Empty = "empty",
        /// The body ends early.
        Truncate(Truncate) = "truncate",
        /// The body is almost JSON.
        MalformedJson = "malformed-json",
        /// The body is a page of HTML that a proxy might send.
        Html = "html",
        /// The Content-Type says something else than JSON.
        WrongContentType = "wrong-content-type",
        /// Chunked encoding whose chunk sizes are no numbers.
        ChunkGarbage = "chunk-garbage",
        /// One byte at a time, so many a second.
        Drip(Rate) = "drip",
        /// No more than so many bytes a second.
        Bandwidth(Rate) = "bandwidth",
        /// Nothing comes, and the connection stays open.
        Hang = "hang",
        /// The sending side is closed after the headers; the connection stays open.
        HalfClose = "half-close",
        /// HTTP 429 with Retry-After.
        Busy(Busy) = "busy",
        /// HTTP 5xx with a proxy's page for a body.
        ServerError(ServerStatus) = "server-error",
    }
}

impl Transport {
    /// Returns true if it lets a reply through bit by bit, as time passes.
    pub const fn is_slow(&self) -> bool {
        matches!(self, Self::Drip(_) | Self::Bandwidth(_))
    }

    /// The HTTP status that a caller gets to see of a reply with this `status`; `None`: not even that.
    pub const fn status(&self, status: u16) -> Option<u16> {
        match self {
            Self::Reset | Self::Empty | Self::Hang => None,
            Self::Busy(_) => Some(429),
            Self::ServerError(error) => Some(error.0),
            _ => Some(status),
        }
    }

    /// Returns true if the status and something of the body that the gateway wrote reach the caller.
    pub const fn shows_reply(&self) -> bool {
        !matches!(
            self,
            Self::Reset | Self::Empty | Self::Hang | Self::Busy(_) | Self::ServerError(_)
        )
    }

    /// Returns true if it begins only behind a body of so many bytes, which so comes whole.
    pub const fn spares(&self, body: usize) -> bool {
        match self {
            Self::ResetWithinBody(after) => *after as usize >= body,
            Self::Truncate(truncate) => truncate.after as usize >= body,
            _ => false,
        }
    }

    /// Returns true if what it lets through is a whole HTTP reply, whatever that says.
    pub const fn is_whole(&self) -> bool {
        match self {
            Self::Reset
            | Self::ResetWithinBody(_)
            | Self::Empty
            | Self::ChunkGarbage
            | Self::Hang
            | Self::HalfClose => false,
            Self::Truncate(truncate) => matches!(truncate.length, TruncatedLength::Right),
            _ => true,
        }
    }

    /// Effect on a reply, for people.
    pub const fn about(&self) -> &'static str {
        match self {
            Self::Reset => "the connection was reset before the first byte",
            Self::ResetWithinBody(_) => "the connection was reset within the body",
            Self::Empty => "the connection was closed without a byte",
            Self::Truncate(truncate) => match truncate.length {
                TruncatedLength::Right => "the body was cut short, and Content-Length says so",
                TruncatedLength::Wrong => {
                    "the body was cut short, though Content-Length promises all of it"
                }
            },
            Self::MalformedJson => "the body is almost JSON",
            Self::Html => "the body is a page of HTML",
            Self::WrongContentType => "the Content-Type is not JSON's",
            Self::ChunkGarbage => "after the body came a chunk without a size",
            Self::Drip(_) => "byte by byte",
            Self::Bandwidth(_) => "slowly",
            Self::Hang => "not a byte, and the connection stayed open",
            Self::HalfClose => "the sending side was closed after the headers",
            Self::Busy(_) => "too many requests, come again later",
            Self::ServerError(_) => "a proxy's page in place of the reply",
        }
    }
}

record! {
    /// A body that ends early.
    pub struct Truncate {
        /// After so many bytes.
        after: u32 = "after",
        /// True if the headers admit it.
        length: TruncatedLength = "length",
    }
}

named_enum! {
    /// Content-Length of a body that ends early.
    pub enum TruncatedLength ("a length") {
        /// The bytes that come.
        Right = "right",
        /// The bytes that should have come.
        Wrong = "wrong",
    }
}

record! {
    /// A speed.
    pub struct Rate {
        /// Bytes a second of simulated time, from 1.
        bytes_per_second: u32 = "bytesPerSecond",
    }
    check |rate, node| {
        if rate.bytes_per_second == 0 {
            node.refuse(Message::new("must be at least 1").help("for nothing at all: hang"));
            return None;
        }
        Some(())
    };
}

record! {
    /// Too many requests.
    pub struct Busy {
        /// Time at which the caller may try again; Retry-After in whole seconds.
        retry_after: Period = "retryAfter",
    }
}
