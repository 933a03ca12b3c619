//! The caller's place in a distributed trace, after W3C Trace Context level 1: read strictly, and handed on as a child.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// Members of a `tracestate` at most.
const MEMBERS_MAX: usize = 32;
/// Characters of a key or a value at most.
const TEXT_MAX: usize = 256;

/// A valid `traceparent`, with its `tracestate` where that is valid too. In a file both are text.
#[derive(Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "Headers", into = "Headers")]
pub struct TraceContext {
    trace: [u8; 32],
    parent: [u8; 16],
    flags: [u8; 2],
    state: Option<Box<str>>,
}

/// A context as its headers carry it.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Headers {
    traceparent: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    tracestate: Option<String>,
}

impl From<TraceContext> for Headers {
    fn from(context: TraceContext) -> Self {
        Self { traceparent: context.to_string(), tracestate: context.state.map(Into::into) }
    }
}

impl TryFrom<Headers> for TraceContext {
    type Error = TraceContextError;

    fn try_from(headers: Headers) -> Result<Self, TraceContextError> {
        Self::parse(&headers.traceparent)?.with_state(&headers.tracestate.unwrap_or_default())
    }
}

/// Reason why a header is not taken over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TraceContextError {
    /// `traceparent` came more than once.
    #[error("traceparent came more than once")]
    Twice,
    /// `traceparent` has another form.
    #[error(
        "traceparent is not 00-(32 digits)-(16 digits)-(2 digits), in lower-case hexadecimal digits"
    )]
    Form,
    /// The version that the standard rules out.
    #[error("traceparent has the version ff, which is none")]
    Version,
    /// An id of zeros only.
    #[error("traceparent names a trace or a parent by zeros only, which is none")]
    Zeros,
    /// `tracestate` has another form.
    #[error("tracestate is not a list of up to 32 key=value with keys of their own")]
    State,
}

/// Result of reading a request's trace headers: a context, or the reason why there is none or why it lacks its `tracestate`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TraceHeaders {
    /// The accepted context.
    pub context: Option<Arc<TraceContext>>,
    /// The part that was not accepted.
    pub ignored: Option<TraceContextError>,
}

impl TraceHeaders {
    /// Reads the values of all headers `traceparent` and `tracestate`; a value that is no text is given as an empty one.
    pub fn read<'h>(
        mut parents: impl Iterator<Item = &'h str>,
        states: impl Iterator<Item = &'h str>,
    ) -> Self {
        let parsed = TraceContext::parse(parents.next().unwrap_or_default());
        let parsed = parsed.and_then(|one| match parents.next() {
            None => Ok(one),
            Some(_) => Err(TraceContextError::Twice),
        });
        let states = states.collect::<Vec<_>>().join(",");
        match parsed {
            Err(error) => Self { context: None, ignored: Some(error) },
            Ok(alone) => match alone.clone().with_state(&states) {
                Ok(whole) => Self { context: Some(Arc::new(whole)), ignored: None },
                Err(error) => Self { context: Some(Arc::new(alone)), ignored: Some(error) },
            },
        }
    }
}

impl TraceContext {
    /// Reads a `traceparent`. Of a later version the part is read that this one has.
    ///
    /// # Errors
    /// What is wrong with it; such a header is to be treated as if it had not come.
    pub fn parse(traceparent: &str) -> Result<Self, TraceContextError> {
        use TraceContextError::{Form, Version, Zeros};
        let bytes = traceparent.as_bytes();
        let (known, more) = bytes.split_at_checked(55).ok_or(Form)?;
        let mut parts = known.split(|byte| *byte == b'-');
        let mut part = || parts.next().filter(|part| part.iter().all(|it| is_digit(*it)));
        let version = part().filter(|version| version.len() == 2).ok_or(Form)?;
        if version == b"ff" {
            return Err(Version);
        }
        if !more.is_empty() && (version == b"00" || !more.starts_with(b"-")) {
            return Err(Form);
        }
        let trace: [u8; 32] = part().and_then(|it| it.try_into().ok()).ok_or(Form)?;
        let parent: [u8; 16] = part().and_then(|it| it.try_into().ok()).ok_or(Form)?;
        let flags: [u8; 2] = part().and_then(|it| it.try_into().ok()).ok_or(Form)?;
        if trace == [b'0'; 32] || parent == [b'0'; 16] {
            return Err(Zeros);
        }
        Ok(Self { trace, parent, flags, state: None })
    }

    /// The same with this `tracestate`; of several headers the values with commas between them.
    ///
    /// # Errors
    /// Where it is malformed; it is then to be left out.
    pub fn with_state(self, tracestate: &str) -> Result<Self, TraceContextError> {
        let members = || tracestate.split(',').map(|it| it.trim_matches([' ', '\t']));
        let mut keys: Vec<&str> = Vec::new();
        for member in members().filter(|member| !member.is_empty()) {
            let (key, value) = member.split_once('=').ok_or(TraceContextError::State)?;
            if !is_key(key) || !is_value(value) || keys.contains(&key) {
                return Err(TraceContextError::State);
            }
            keys.push(key);
            if keys.len() > MEMBERS_MAX {
                return Err(TraceContextError::State);
            }
        }
        let state = (!keys.is_empty()).then(|| tracestate.into());
        Ok(Self { state, ..self })
    }

    /// The trace's id: 32 hexadecimal digits.
    pub fn trace_id(&self) -> &str {
        digits(&self.trace)
    }

    /// `tracestate`, where there is one.
    pub fn state(&self) -> Option<&str> {
        self.state.as_deref()
    }

    /// The same trace seen from a span of ours. A number of zero, which names none, counts as one.
    #[must_use]
    pub fn child(&self, span: u64) -> Self {
        let mut child = self.clone();
        child.parent.copy_from_slice(format!("{:016x}", span.max(1)).as_bytes());
        child
    }

    /// Bytes that it holds beside itself.
    pub fn weight(&self) -> usize {
        self.state.as_deref().map_or(0, str::len)
    }
}

/// As the header `traceparent` carries it.
impl fmt::Display for TraceContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (trace, parent, flags) = (&self.trace, &self.parent, &self.flags);
        write!(f, "00-{}-{}-{}", digits(trace), digits(parent), digits(flags))
    }
}

impl fmt::Debug for TraceContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TraceContext({self})")
    }
}

fn is_digit(byte: u8) -> bool {
    matches!(byte, b'0'..=b'9' | b'a'..=b'f')
}

/// Checked to be ASCII when they were read.
fn digits(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap_or_default()
}

/// `vendor`, or `tenant@vendor`.
fn is_key(key: &str) -> bool {
    let part = |text: &str, begins: fn(&u8) -> bool, max: usize| {
        let inner =
            |it: &u8| it.is_ascii_lowercase() || it.is_ascii_digit() || b"_-*/".contains(it);
        let bytes = text.as_bytes();
        bytes.len() <= max && bytes.first().is_some_and(begins) && bytes.iter().all(inner)
    };
    match key.split_once('@') {
        None => part(key, u8::is_ascii_lowercase, TEXT_MAX),
        Some((tenant, vendor)) => {
            let begins = |it: &u8| it.is_ascii_lowercase() || it.is_ascii_digit();
            part(tenant, begins, 241) && part(vendor, u8::is_ascii_lowercase, 14)
        }
    }
}

fn is_value(value: &str) -> bool {
    let fits = |it: u8| matches!(it, b' '..=b'~') && it != b',' && it != b'=';
    (1..=TEXT_MAX).contains(&value.len()) && value.bytes().all(fits) && !value.ends_with(' ')
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    #[test]
    fn a_good_one_is_read_and_written_again() {
        let context = TraceContext::parse(GOOD).expect("a good one");
        assert_eq!(context.to_string(), GOOD);
        assert_eq!(context.trace_id(), "4bf92f3577b34da6a3ce929d0e0e4736");
        let child = "00-4bf92f3577b34da6a3ce929d0e0e4736-00000000000000ab-01";
        assert_eq!(context.child(0xab).to_string(), child);
        assert!(context.child(0).to_string().contains("-0000000000000001-"));
        // What a later version adds is not known here.
        let later = GOOD.replacen("00", "cc", 1) + "-more";
        assert_eq!(TraceContext::parse(&later).map(|it| it.to_string()), Ok(GOOD.to_owned()));
    }

    #[test]
    fn what_is_malformed_is_not_read() {
        let short = &GOOD[..54];
        let long = format!("{GOOD}-more");
        let capital = GOOD.replacen('b', "B", 1);
        let shifted = GOOD.replacen("-4bf9", "4-bf9", 1);
        let glued = GOOD.replacen("00", "cc", 1) + "x";
        for bad in ["", "00", short, &long, &capital, &shifted, &glued, "ខខខខខខខខខខខខខខខខខខខខ"]
        {
            assert_eq!(TraceContext::parse(bad), Err(TraceContextError::Form), "{bad}");
        }
        let none = GOOD.replacen("00", "ff", 1);
        assert_eq!(TraceContext::parse(&none), Err(TraceContextError::Version));
        for zeros in [
            "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
        ] {
            assert_eq!(TraceContext::parse(zeros), Err(TraceContextError::Zeros));
        }
    }

    #[test]
    fn a_state_is_kept_as_it_came_or_not_at_all() {
        let with = |state: &str| {
            let context = TraceContext::parse(GOOD).expect("a good one").with_state(state)?;
            Ok(context.state().map(str::to_owned))
        };
        for good in ["a=1", "rojo=00f067, congo=t61rcWkgMzE", "a=1,,b=2", "1t@v=x y", "a/*-_9=!~"] {
            assert_eq!(with(good), Ok(Some(good.to_owned())));
        }
        assert_eq!(with(" , "), Ok(None));
        let many = (0..33).map(|it| format!("k{it}=v")).collect::<Vec<_>>().join(",");
        let long = format!("a={}", "x".repeat(257));
        for bad in [
            "a", "a=", "A=1", "1=1", "a=1,a=2", "a=b=c", "a@=1", "@a=1", "a@1=1", &many, &long,
            "a=ខ",
        ] {
            assert_eq!(with(bad), Err(TraceContextError::State), "{bad}");
        }
    }
}
