//! The top-level members of a JSON object, as written on the wire: parsed once, borrowed from the body.
//!
//! The signature needs each value's own literal (`1.00` is not `1`), requests need its meaning; both read it here.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::plain::{before_escape, is_printable};
use super::received::{recognised, without_mark};

/// Largest number of members in one object; more is refused rather than worked through.
const MEMBERS_MAX: usize = 256;

/// The members of one JSON object in wire order. A repeated name keeps its last value.
#[derive(Clone, Debug, Default)]
pub struct Fields<'a> {
    members: Vec<(Cow<'a, str>, Literal<'a>)>,
    /// The marks of all names.
    marks: u64,
    /// True if the quick way of reading did.
    is_plain: bool,
    /// The whole body; empty for an element of an array.
    body: &'a str,
    repeated: Vec<String>,
}

/// One value exactly as written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Literal<'a>(&'a str);

/// Reason why a body has no fields. The message says what and where, without quoting the body.
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
        let text = std::str::from_utf8(body).ok();
        let plain = text.and_then(Self::parse_plain);
        let fields = plain.map_or_else(|| parse_json(body, "a JSON object"), Ok)?;
        Ok(Self { body: text.unwrap_or_default(), ..fields })
    }

    /// Reads an object as nearly all are: each name once, and strings without escapes or plain decimals as values. It is
    /// what a parser of everything makes of it, at two thirds of the cost; of all else, nothing is said.
    fn parse_plain(body: &'a str) -> Option<Self> {
        let mut fields = Fields { members: Vec::with_capacity(12), ..Fields::default() };
        let mut rest = after(body, b'{')?;
        loop {
            let (name, behind) = split_string(rest)?;
            let behind = after(behind, b':')?;
            let (value, behind) = match behind.as_bytes().first()? {
                b'"' => split_string(behind)?,
                _ => split_decimal(behind)?,
            };
            let (name, mark) = (&name[1..name.len() - 1], mark(&name[1..name.len() - 1]));
            let is_there = fields.marks & mark != 0 && fields.get(name).is_some();
            if is_there || fields.members.len() == MEMBERS_MAX {
                return None;
            }
            fields.marks |= mark;
            fields.members.push((Cow::Borrowed(name), Literal(value)));
            if let Some(end) = after(behind, b'}') {
                fields.is_plain = true;
                return end.is_empty().then_some(fields);
            }
            rest = after(behind, b',')?;
        }
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

    /// Returns true if it surely has neither an escape nor anything nested, and no name twice: most are like that.
    pub fn is_plain(&self) -> bool {
        self.is_plain
    }

    /// The text that the object was read from; empty for an element of an array.
    pub fn body(&self) -> &'a str {
        self.body
    }

    /// Names that stood in the object more than once.
    pub fn repeated(&self) -> &[String] {
        &self.repeated
    }
}

/// Text behind this byte, without blanks at both ends; `None` where the byte does not stand there.
fn after(text: &str, byte: u8) -> Option<&str> {
    let text = skip_blanks(text);
    (*text.as_bytes().first()? == byte).then(|| skip_blanks(&text[1..]))
}

/// Text behind JSON's blanks.
fn skip_blanks(text: &str) -> &str {
    // Mostly there are none.
    if text.as_bytes().first().is_none_or(|first| *first > b' ') {
        return text;
    }
    let is_blank = |byte: &u8| matches!(byte, b' ' | b'\t' | b'\n' | b'\r');
    &text[text.bytes().take_while(is_blank).count()..]
}

/// Splits a string with its quotation marks off, if it has no escapes.
fn split_string(text: &str) -> Option<(&str, &str)> {
    let inner = text.strip_prefix('"')?;
    let end = 1 + before_escape(inner.as_bytes());
    (*text.as_bytes().get(end)? == b'"').then(|| text.split_at(end + 1))
}

/// Splits a decimal off, if it has neither sign nor exponent.
fn split_decimal(text: &str) -> Option<(&str, &str)> {
    let digits = |text: &str| text.bytes().take_while(u8::is_ascii_digit).count();
    let whole = digits(text);
    if whole == 0 || (whole > 1 && text.starts_with('0')) {
        return None;
    }
    let end = match text[whole..].strip_prefix('.').map(digits) {
        Some(0) => return None,
        Some(decimals) => whole + 1 + decimals,
        None => whole,
    };
    let (number, behind) = text.split_at(end);
    (!behind.starts_with(['e', 'E'])).then_some((number, behind))
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

    /// Content of a string that stands as it is, in printable ASCII: the usual case.
    pub fn plain_text(self) -> Option<&'a str> {
        let inner = self.0.strip_prefix('"')?.strip_suffix('"')?;
        is_printable(inner.as_bytes()).then_some(inner)
    }

    /// Content of a string, its escapes resolved; any other value as its literal.
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

/// Reads whatever else is JSON.
#[cold]
fn parse_json<'a, T: Deserialize<'a>>(body: &'a [u8], expected: &str) -> Result<T, FieldsError> {
    let body = without_mark(body);
    if body.iter().all(u8::is_ascii_whitespace) {
        return Err(FieldsError::Empty);
    }
    let named = |error: FieldsError| {
        let what = recognised(body);
        what.map_or(error, |what| {
            FieldsError::Malformed(format!("the body is {what}; {expected} is expected"))
        })
    };
    let text = std::str::from_utf8(body)
        .map_err(|error| named(FieldsError::NotUtf8(error.valid_up_to())))?;
    serde_json::from_str(text)
        .map_err(|error| named(FieldsError::Malformed(describe(&error, expected))))
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
    use proptest::prelude::*;

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

    /// Pieces of objects, right ones and such as are wrong or need the parser of everything.
    fn pieces() -> impl Strategy<Value = Vec<&'static str>> {
        let blank = || prop::sample::select(vec!["", "", "", "", " ", "\r\n\t", "\x0c", "\u{a0}"]);
        let name = prop::sample::select(vec![
            r#""a""#,
            r#""bc""#,
            r#""termId""#,
            r#""merchantId""#,
            r#""ខ""#,
            r#""""#,
            r#""\u0061""#,
            "a",
            "1",
        ]);
        let value = prop::sample::select(vec![
            "0",
            "1",
            "1.00",
            "120",
            "9999999999999999999999",
            "01",
            "1.",
            ".5",
            "-1",
            "1e2",
            "1.5E+2",
            "+1",
            "1_0",
            r#""""#,
            r#""x""#,
            r#""a longer text, of words""#,
            r#""ខ្មែរ""#,
            r#""with \"quotes\"""#,
            "\"\t\"",
            "\"\x7f\"",
            r#""open"#,
            "null",
            "true",
            "nul",
            "[1,{}]",
            r#"{"a":1}"#,
            "'x'",
            "",
        ]);
        let colon = prop::sample::select(vec![":", ":", ":", ":", ":", "", "::", "="]);
        let comma = prop::sample::select(vec![",", ",", ",", ",", ",", "", ",,", ";"]);
        let member = (blank(), name, blank(), colon, blank(), value, blank(), comma);
        let ends = (blank(), prop::sample::select(vec!["{", "{", "{", "", "["]));
        let close = (prop::sample::select(vec!["}", "}", "}", "", "]", "}x", "}}"]), blank());
        (ends, prop::collection::vec(member, 0..5), close).prop_map(|(start, members, end)| {
            let last = members.len().saturating_sub(1);
            let rows = members.into_iter().enumerate().flat_map(|(at, it)| {
                let comma = if at == last && it.7 == "," { "" } else { it.7 };
                [it.0, it.1, it.2, it.3, it.4, it.5, it.6, comma]
            });
            [start.0, start.1].into_iter().chain(rows).chain([end.0, end.1]).collect()
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4096))]

        #[test]
        fn what_is_read_the_quick_way_is_what_the_parser_reads(pieces in pieces()) {
            let body = pieces.concat();
            let whole = parse_json::<Fields<'_>>(body.as_bytes(), "a JSON object");
            if let Some(plain) = Fields::parse_plain(&body) {
                let whole = whole.expect("JSON");
                prop_assert_eq!(plain.members, whole.members);
                prop_assert_eq!((plain.marks, whole.repeated.len()), (whole.marks, 0));
            } else if let Ok(whole) = whole {
                // Left to the parser for a reason.
                let odd = |text: &str| text.contains(['\\', '-', 'e', 'E', '{', '[']) || text.len() > 3 && !text.contains('"');
                let odd_value = whole.members.iter().any(|(_, value)| odd(value.raw()) && !value.is_string() || value.raw().contains('\\'));
                prop_assert!(odd_value || whole.members.is_empty() || !whole.repeated.is_empty() || body.contains("u0061"), "{}", body);
            }
        }
    }

    #[test]
    fn what_merchants_send_is_read_the_quick_way() {
        let body = r#"{"termId":"PAYONGT1", "merchantId" : "EPAY00000000001","amount":12.50,"remark":"ខ្មែរ" }
"#;
        let fields = Fields::parse_plain(body).expect("read");
        assert_eq!(fields.iter().count(), 4);
        assert_eq!(fields.get("amount").map(Literal::raw), Some("12.50"));
        assert_eq!(fields.text("remark").as_deref(), Some("ខ្មែរ"));
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
