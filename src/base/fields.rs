//! The top-level members of a JSON object, as written on the wire: parsed once, borrowed from the body.
//!
//! The signature needs each value's own literal (`1.00` is not `1`), requests need its meaning; both read it here.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::plain::is_printable;

/// How many members one object may have; more is refused rather than worked through.
const MEMBERS_MAX: usize = 256;

/// The members of one JSON object in wire order. A repeated name keeps its last value.
#[derive(Clone, Debug, Default)]
pub struct Fields<'a> {
    members: Vec<(Cow<'a, str>, Literal<'a>)>,
    /// The marks of all names.
    marks: u64,
    repeated: Vec<String>,
}

/// One value exactly as written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Literal<'a>(&'a str);

/// Why a body has no fields. The message says what and where, without quoting the body.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum FieldsError {
    /// Nothing but blanks.
    #[error("the body is empty; a JSON object is expected")]
    Empty,
    /// Bytes that are not UTF-8.
    #[error("the body is not UTF-8 (byte {0})")]
    NotUtf8(usize),
    /// Not JSON, or JSON of another kind.
    #[error("{0}")]
    Malformed(String),
}

impl<'a> Fields<'a> {
    /// Reads one JSON object.
    pub fn parse(body: &'a [u8]) -> Result<Self, FieldsError> {
        parse_json(body, "a JSON object")
    }

    /// Reads an array of JSON objects, as the reconciliation takes it.
    pub fn parse_array(body: &'a [u8]) -> Result<Vec<Self>, FieldsError> {
        parse_json(body, "a JSON array of objects")
    }

    /// The value of `name`; `None` when absent. A `null` is a value.
    pub fn get(&self, name: &str) -> Option<Literal<'a>> {
        // Most of what may be sent seldom is.
        if self.marks & mark(name) == 0 {
            return None;
        }
        self.members.iter().find(|(known, _)| known == name).map(|(_, value)| *value)
    }

    /// The text of `name`, with absent, `null` and `""` alike as `None`.
    pub fn text(&self, name: &str) -> Option<Cow<'a, str>> {
        self.get(name).filter(|value| !value.is_blank()).map(Literal::text)
    }

    /// Names and values in wire order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, Literal<'a>)> {
        self.members.iter().map(|(name, value)| (name.as_ref(), *value))
    }

    /// Names that stood in the object more than once.
    pub fn repeated(&self) -> &[String] {
        &self.repeated
    }
}

/// One of 64 bits for a name: where an object's names have not that mark, it has not that name.
fn mark(name: &str) -> u64 {
    let last = name.bytes().next_back().unwrap_or_default();
    1 << ((name.len() * 5 + usize::from(last)) % 64)
}

impl<'a> Literal<'a> {
    /// A literal from JSON text that is known to be one value.
    pub const fn from_json(raw: &'a str) -> Self {
        Self(raw)
    }

    /// The JSON text itself: `"a"` with its quotes, `1.00` with its zeros.
    pub const fn raw(self) -> &'a str {
        self.0
    }

    /// `null` or `""`.
    pub fn is_blank(self) -> bool {
        self.0 == "null" || self.0 == "\"\""
    }

    /// A JSON string.
    pub fn is_string(self) -> bool {
        self.0.starts_with('"')
    }

    /// A JSON number.
    pub fn is_number(self) -> bool {
        self.0.starts_with(|first: char| first == '-' || first.is_ascii_digit())
    }

    /// An object or an array.
    pub fn is_nested(self) -> bool {
        self.0.starts_with(['{', '['])
    }

    /// What a string says where that stands there as it is, in printable ASCII: the usual case.
    pub fn plain_text(self) -> Option<&'a str> {
        let inner = self.0.strip_prefix('"')?.strip_suffix('"')?;
        is_printable(inner.as_bytes()).then_some(inner)
    }

    /// What a string says, its escapes resolved; any other value as its literal.
    pub fn text(self) -> Cow<'a, str> {
        match self.0.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) {
            Some(inner) if !inner.as_bytes().contains(&b'\\') => Cow::Borrowed(inner),
            Some(_) => {
                serde_json::from_str::<String>(self.0).map_or(Cow::Borrowed(self.0), Cow::Owned)
            }
            None => Cow::Borrowed(self.0),
        }
    }
}

fn parse_json<'a, T: Deserialize<'a>>(body: &'a [u8], expected: &str) -> Result<T, FieldsError> {
    if body.iter().all(u8::is_ascii_whitespace) {
        return Err(FieldsError::Empty);
    }
    let text =
        std::str::from_utf8(body).map_err(|error| FieldsError::NotUtf8(error.valid_up_to()))?;
    serde_json::from_str(text).map_err(|error| FieldsError::Malformed(describe(&error, expected)))
}

/// Says where and why without repeating any of the body, which may hold a card number.
fn describe(error: &serde_json::Error, expected: &str) -> String {
    use serde_json::error::Category;
    let (line, column) = (error.line(), error.column());
    match error.classify() {
        Category::Eof => {
            format!(
                "the body ends in the middle of the JSON (line {line}, column {column}); {expected} is expected"
            )
        }
        Category::Syntax | Category::Io => {
            format!(
                "the body is not valid JSON at line {line}, column {column}; {expected} is expected"
            )
        }
        Category::Data if error.to_string().starts_with("too many members") => {
            format!("an object has more than {MEMBERS_MAX} members (line {line}, column {column})")
        }
        Category::Data => {
            format!(
                "the body is JSON of another kind (line {line}, column {column}); {expected} is expected"
            )
        }
    }
}

impl<'de> Deserialize<'de> for Fields<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(FieldsVisitor)
    }
}

struct FieldsVisitor;

impl<'de> Visitor<'de> for FieldsVisitor {
    type Value = Fields<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Fields<'de>, A::Error> {
        let mut fields = Fields { members: Vec::with_capacity(12), ..Fields::default() };
        while let Some(Name(name)) = map.next_key()? {
            if fields.members.len() == MEMBERS_MAX {
                return Err(serde::de::Error::custom("too many members"));
            }
            let value = Literal(map.next_value::<&RawValue>()?.get());
            fields.marks |= mark(&name);
            match fields.members.iter_mut().find(|(known, _)| *known == name) {
                None => fields.members.push((name, value)),
                Some(member) => {
                    member.1 = value;
                    fields.repeated.push(name.into_owned());
                }
            }
        }
        Ok(fields)
    }
}

/// A member's name, borrowed unless it has escapes.
struct Name<'a>(Cow<'a, str>);

impl<'de> Deserialize<'de> for Name<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct NameVisitor;
        impl<'de> Visitor<'de> for NameVisitor {
            type Value = Name<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a name")
            }

            fn visit_borrowed_str<E>(self, name: &'de str) -> Result<Name<'de>, E> {
                Ok(Name(Cow::Borrowed(name)))
            }

            fn visit_str<E>(self, name: &str) -> Result<Name<'de>, E> {
                Ok(Name(Cow::Owned(name.to_owned())))
            }
        }
        deserializer.deserialize_str(NameVisitor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn literals_keep_their_wire_form() {
        let fields =
            Fields::parse(br#"{"a":1.00,"b":"x\u0041","c":null,"d":"","e":{"f":[1]},"a\u0062":2}"#)
                .expect("an object");
        let raw = |name| fields.get(name).map(Literal::raw);
        assert_eq!(raw("a"), Some("1.00"));
        assert_eq!(fields.text("b").as_deref(), Some("xA"));
        assert_eq!(fields.text("c"), None);
        assert_eq!(fields.text("d"), None);
        assert_eq!(raw("e"), Some(r#"{"f":[1]}"#));
        assert_eq!(raw("ab"), Some("2"));
        assert_eq!(raw("zz"), None);
    }

    #[test]
    fn the_last_of_a_repeated_name_counts() {
        let fields = Fields::parse(br#"{"a":1,"a":2}"#).expect("an object");
        assert_eq!(fields.get("a").map(Literal::raw), Some("2"));
        assert_eq!(fields.repeated(), ["a"]);
    }

    #[test]
    fn errors_say_where_and_quote_nothing() {
        let error = |body: &[u8]| Fields::parse(body).expect_err("refused").to_string();
        assert_eq!(error(b"  "), "the body is empty; a JSON object is expected");
        assert!(error(b"{\"wdlAcNo\":\"4012001037141112\"").contains("ends in the middle"));
        assert!(error(b"{\"wdlAcNo\":4012001037141112x}").contains("line 1, column"));
        assert!(!error(b"{\"wdlAcNo\":4012001037141112x}").contains("4012"));
        assert!(error(b"[1]").contains("another kind"));
        assert!(error(b"\xff\xfe").contains("not UTF-8"));
        let many = (0..300).map(|n| format!("\"f{n}\":1")).collect::<Vec<_>>().join(",");
        assert!(error(format!("{{{many}}}").as_bytes()).contains("more than 256"));
    }
}
